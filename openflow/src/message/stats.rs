//! Counters of flows: the OXS list of 1.5 (OpenFlow 1.5.1, 7.2.4), and the fixed fields that
//! earlier versions have in its place.

use bytes::Bytes;

use crate::Version;
use crate::error::{DecodeError, EncodeError};
use crate::record::{
    Dice, Family, Generate, List, Opened, Plain, Value, ValueError, Wire, variants,
};
use crate::wire::{Reader, Writer};

/// `OFPXSC_OPENFLOW_BASIC`.
const BASIC: u16 = 0x8002;
/// `OFPXSC_EXPERIMENTER`.
const EXPERIMENTER: u16 = 0xffff;

variants! {
    /// A counter (`OFPXST_OFB_*`).
    pub enum Stat: Oxs, rows STATS {
        /// How long the flow has been there.
        Duration "duration" [std 0 V1_5 V1_5] {
            /// Whole seconds.
            seconds "duration_sec": u32;
            /// And nanoseconds.
            nanoseconds "duration_nsec": u32;
        }
        /// How long no packet came.
        IdleTime "idle_time" [std 1 V1_5 V1_5] {
            /// Whole seconds.
            seconds "idle_sec": u32;
            /// And nanoseconds.
            nanoseconds "idle_nsec": u32;
        }
        /// How many flows.
        FlowCount "flow_count" [std 3 V1_5 V1_5] {
            /// Their number.
            count "flow_count": u32;
        }
        /// How many packets.
        PacketCount "packet_count" [std 4 V1_5 V1_5] {
            /// Their number.
            count "packet_count": u64;
        }
        /// How many bytes.
        ByteCount "byte_count" [std 5 V1_5 V1_5] {
            /// Their number.
            count "byte_count": u64;
        }
    }
}

/// Headers of counters: class, field with a reserved low bit, length of what follows. One that no row knows
/// has class and field as its type.
#[derive(Debug)]
pub struct Oxs;

impl Family for Oxs {
    fn open<'a>(r: &mut Reader<'a>, what: &'static str) -> Result<Opened<'a>, DecodeError> {
        let class = r.u16(what)?;
        let field = r.u8(what)?;
        let length = usize::from(r.u8(what)?);
        if class == EXPERIMENTER && length < 4 {
            return Err(r.error("an oxs_length that has room for the experimenter"));
        }
        let body = r.sub(length, what)?;
        let number = match class {
            BASIC if field & 1 == 0 => u32::from(field >> 1),
            _ => u32::from(class) << 8 | u32::from(field),
        };
        Ok(Opened {
            vendor: None,
            number: Some(number),
            data: body.clone(),
            body,
        })
    }

    fn close(body: &mut Reader<'_>) -> Result<(), DecodeError> {
        body.finish("the end of the counter")
    }

    fn write(
        w: &mut Writer,
        _: Option<u32>,
        number: Option<u32>,
        what: &'static str,
        body: impl FnOnce(&mut Writer) -> Result<(), EncodeError>,
    ) -> Result<(), EncodeError> {
        let number = number.unwrap_or_default();
        let (class, field) = match number {
            0..=0x7f => (BASIC, (number as u8) << 1),
            // The class and the field, as they came.
            _ => ((number >> 8) as u16, number as u8),
        };
        w.u16(class);
        w.u8(field);
        w.u8(0);
        let start = w.len();
        body(w)?;
        let length = w.len() - start;
        let wire = u8::try_from(length).map_err(|_| EncodeError::TooLong {
            what,
            length,
            limit: usize::from(u8::MAX),
        })?;
        w.patch_u8(start - 1, wire);
        Ok(())
    }

    fn unknown(dice: &mut Dice<'_>, of_vendor: bool) -> Result<(u32, Bytes), (u32, Bytes)> {
        let class = if of_vendor { EXPERIMENTER } else { 0x7f00 };
        let mut data = vec![0, 0xab, 0xcd, 0xef];
        data.extend(dice.bytes(12));
        Err((u32::from(class) << 8 | 2, data.into()))
    }
}

/// Counters, in the order in which they came. Before 1.5 there are always three: duration, packets
/// and bytes.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Stats(pub List<Stat, 4>);

impl Stats {
    /// Duration, packets and bytes.
    #[must_use]
    pub fn new(duration: (u32, u32), packets: u64, bytes: u64) -> Self {
        let (seconds, nanoseconds) = duration;
        Self(List::from([
            Stat::Duration {
                seconds,
                nanoseconds,
            },
            Stat::PacketCount { count: packets },
            Stat::ByteCount { count: bytes },
        ]))
    }

    /// Sums over flows.
    #[must_use]
    pub fn aggregate(packets: u64, bytes: u64, flows: u32) -> Self {
        Self(List::from([
            Stat::PacketCount { count: packets },
            Stat::ByteCount { count: bytes },
            Stat::FlowCount { count: flows },
        ]))
    }

    /// Packets counted, 0 when they were not.
    #[must_use]
    pub fn packets(&self) -> u64 {
        let count = |stat: &Stat| match stat {
            Stat::PacketCount { count } => Some(*count),
            _ => None,
        };
        self.0.iter().find_map(count).unwrap_or(0)
    }

    /// Bytes counted, 0 when they were not.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        let count = |stat: &Stat| match stat {
            Stat::ByteCount { count } => Some(*count),
            _ => None,
        };
        self.0.iter().find_map(count).unwrap_or(0)
    }

    /// Flows counted, 0 when they were not.
    #[must_use]
    pub fn flows(&self) -> u32 {
        let count = |stat: &Stat| match stat {
            Stat::FlowCount { count } => Some(*count),
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

    /// These counters, for a version with fixed fields, which can say duration, packets and bytes.
    pub(super) fn only_fixed(&self, version: Version) -> Result<&Self, EncodeError> {
        let (duration, packets, bytes) = (self.duration(), self.packets(), self.bytes());
        if *self == Self::new(duration, packets, bytes) {
            return Ok(self);
        }
        Err(EncodeError::NotInVersion {
            what: "counters other than duration, packets and bytes",
            version,
        })
    }
}

/// What a structure and a form of it with fixed counters make of each other ([`crate::record::form!`]).
macro_rules! counted_form {
    (
        $form:ident of $whole:ident
        same $($same:ident),*;
        $(absent $($absent:ident $what:literal),*;)?
        |$of:ident| $($own:ident: $from:expr),*;
        |$wh:ident, $version:ident| $($its:ident: $into:expr),*;
    ) => {
        $crate::record::form! {
            $form of $whole
            same $($same),*;
            $(absent $($absent $what),*;)?
            |$of|
                stats: $crate::message::Stats::new(
                    ($of.duration_sec, $of.duration_nsec),
                    $of.packet_count,
                    $of.byte_count,
                )
                $(, $own: $from)*;
            |$wh, $version|
                duration_sec: $wh.stats.only_fixed($version)?.duration().0,
                duration_nsec: $wh.stats.duration().1,
                packet_count: $wh.stats.packets(),
                byte_count: $wh.stats.bytes()
                $(, $its: $into)*;
        }
    };
}

pub(in crate::message) use counted_form;

/// An `ofp_stats` with its padding.
impl Wire for Stats {
    fn read(r: &mut Reader<'_>, version: Version, _: &'static str) -> Result<Self, DecodeError> {
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
        List::read(&mut body, version, "a counter").map(Self)
    }

    fn write(&self, w: &mut Writer, version: Version) -> Result<(), EncodeError> {
        let start = w.len();
        w.u16(0);
        w.u16(0);
        self.0.write(w, version)?;
        w.patch_length(start + 2, start, "ofp_stats")?;
        w.align8(start);
        Ok(())
    }
}

impl Plain for Stats {
    fn value(&self, version: Version) -> Value {
        self.0.value(version)
    }

    fn from_value(value: &Value, version: Version) -> Result<Self, ValueError> {
        List::from_value(value, version).map(Self)
    }
}

impl Generate for Stats {
    fn generate(dice: &mut Dice<'_>, version: Version) -> Self {
        Self(List::generate(dice, version))
    }
}
