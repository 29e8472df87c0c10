//! Counters of flows: the OXS list of 1.5 (OpenFlow 1.5.1, 7.2.4), and the fixed fields that
//! earlier versions have in its place.

use bytes::Bytes;
use smallvec::{SmallVec, smallvec};

use crate::error::{DecodeError, EncodeError};
use crate::wire::{Reader, Writer};

/// `OFPXSC_OPENFLOW_BASIC`.
const BASIC: u16 = 0x8002;

/// `OFPXST_OFB_*`.
mod code {
    pub(super) const DURATION: u8 = 0;
    pub(super) const IDLE_TIME: u8 = 1;
    pub(super) const FLOW_COUNT: u8 = 3;
    pub(super) const PACKET_COUNT: u8 = 4;
    pub(super) const BYTE_COUNT: u8 = 5;
}

/// A counter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stat {
    /// How long the flow has been there.
    Duration {
        /// Whole seconds.
        seconds: u32,
        /// And nanoseconds.
        nanoseconds: u32,
    },
    /// How long no packet came.
    IdleTime {
        /// Whole seconds.
        seconds: u32,
        /// And nanoseconds.
        nanoseconds: u32,
    },
    /// How many flows.
    FlowCount(u32),
    /// How many packets.
    PacketCount(u64),
    /// How many bytes.
    ByteCount(u64),
    /// Any other, with its header.
    Unknown(Bytes),
}

/// Counters, in the order in which they came. Before 1.5 there are always three: duration, packets
/// and bytes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Stats(pub SmallVec<[Stat; 4]>);

impl Stats {
    /// Duration, packets and bytes.
    #[must_use]
    pub fn new(duration: (u32, u32), packets: u64, bytes: u64) -> Self {
        let (seconds, nanoseconds) = duration;
        Self(smallvec![
            Stat::Duration {
                seconds,
                nanoseconds
            },
            Stat::PacketCount(packets),
            Stat::ByteCount(bytes)
        ])
    }

    /// Sums over flows.
    #[must_use]
    pub fn aggregate(packets: u64, bytes: u64, flows: u32) -> Self {
        Self(smallvec![
            Stat::PacketCount(packets),
            Stat::ByteCount(bytes),
            Stat::FlowCount(flows)
        ])
    }

    /// Packets counted, 0 when they were not.
    #[must_use]
    pub fn packets(&self) -> u64 {
        let count = |stat: &Stat| match stat {
            Stat::PacketCount(count) => Some(*count),
            _ => None,
        };
        self.0.iter().find_map(count).unwrap_or(0)
    }

    /// Bytes counted, 0 when they were not.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        let count = |stat: &Stat| match stat {
            Stat::ByteCount(count) => Some(*count),
            _ => None,
        };
        self.0.iter().find_map(count).unwrap_or(0)
    }

    /// Flows counted, 0 when they were not.
    #[must_use]
    pub fn flows(&self) -> u32 {
        let count = |stat: &Stat| match stat {
            Stat::FlowCount(count) => Some(*count),
            _ => None,
        };
        self.0.iter().find_map(count).unwrap_or(0)
    }

    /// Seconds and nanoseconds that the flow has been there.
    #[must_use]
    pub fn duration(&self) -> (u32, u32) {
        let time = |stat: &Stat| match stat {
            Stat::Duration {
                seconds,
                nanoseconds,
            } => Some((*seconds, *nanoseconds)),
            _ => None,
        };
        self.0.iter().find_map(time).unwrap_or((0, 0))
    }

    pub(super) fn encode_duration(&self, w: &mut Writer) {
        let (seconds, nanoseconds) = self.duration();
        w.u32(seconds);
        w.u32(nanoseconds);
    }

    pub(super) fn decode_duration(r: &mut Reader<'_>) -> Result<(u32, u32), DecodeError> {
        Ok((r.u32("duration_sec")?, r.u32("duration_nsec")?))
    }

    pub(super) fn encode_counts(&self, w: &mut Writer) {
        w.u64(self.packets());
        w.u64(self.bytes());
    }

    pub(super) fn decode_counts(
        r: &mut Reader<'_>,
        duration: (u32, u32),
    ) -> Result<Self, DecodeError> {
        Ok(Self::new(
            duration,
            r.u64("packet_count")?,
            r.u64("byte_count")?,
        ))
    }

    /// Writes an `ofp_stats` with its padding.
    pub(super) fn encode(&self, w: &mut Writer) -> Result<(), EncodeError> {
        let start = w.len();
        w.u16(0);
        w.u16(0);
        for stat in &self.0 {
            stat.encode(w);
        }
        w.patch_length(start + 2, start, "ofp_stats")?;
        w.align8(start);
        Ok(())
    }

    /// Reads an `ofp_stats` with its padding.
    pub(super) fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        r.skip(2, "ofp_stats.reserved")?;
        let length = usize::from(r.u16("ofp_stats.length")?);
        let entries = length
            .checked_sub(4)
            .ok_or_else(|| r.error("ofp_stats.length of at least 4"))?;
        let mut body = r.sub(entries, "the counters that ofp_stats.length tells of")?;
        r.skip(
            length.next_multiple_of(8) - length,
            "the padding of ofp_stats",
        )?;
        let mut list = SmallVec::new();
        while !body.is_empty() {
            list.push(Stat::decode(&mut body)?);
        }
        Ok(Self(list))
    }
}

impl Stat {
    fn encode(&self, w: &mut Writer) {
        let mut header = |number: u8, length: u8| {
            w.u16(BASIC);
            w.u8(number << 1);
            w.u8(length);
        };
        match self {
            Self::Duration {
                seconds,
                nanoseconds,
            }
            | Self::IdleTime {
                seconds,
                nanoseconds,
            } => {
                let number = match self {
                    Self::Duration { .. } => code::DURATION,
                    _ => code::IDLE_TIME,
                };
                header(number, 8);
                w.u32(*seconds);
                w.u32(*nanoseconds);
            }
            Self::FlowCount(count) => {
                header(code::FLOW_COUNT, 4);
                w.u32(*count);
            }
            Self::PacketCount(count) => {
                header(code::PACKET_COUNT, 8);
                w.u64(*count);
            }
            Self::ByteCount(count) => {
                header(code::BYTE_COUNT, 8);
                w.u64(*count);
            }
            Self::Unknown(bytes) => w.slice(bytes),
        }
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let mut body = r.clone();
        let class = body.u16("oxs_class")?;
        let number = body.u8("oxs_field")?;
        let length = body.u8("oxs_length")?;
        let whole = r.bytes(
            4 + usize::from(length),
            "the counter that oxs_length tells of",
        )?;
        // The low bit of the field's byte is reserved.
        let number = (class == BASIC && number & 1 == 0).then_some(number >> 1);
        Ok(match (number, length) {
            (Some(code::DURATION), 8) => Self::Duration {
                seconds: body.u32("duration")?,
                nanoseconds: body.u32("duration")?,
            },
            (Some(code::IDLE_TIME), 8) => Self::IdleTime {
                seconds: body.u32("idle_time")?,
                nanoseconds: body.u32("idle_time")?,
            },
            (Some(code::FLOW_COUNT), 4) => Self::FlowCount(body.u32("flow_count")?),
            (Some(code::PACKET_COUNT), 8) => Self::PacketCount(body.u64("packet_count")?),
            (Some(code::BYTE_COUNT), 8) => Self::ByteCount(body.u64("byte_count")?),
            _ => Self::Unknown(whole),
        })
    }
}
