//! Meters (OpenFlow 1.5.1, 7.3.4.5).

use bytes::Bytes;

use super::numbers::numbers;
use crate::MeterId;
use crate::error::{DecodeError, EncodeError};
use crate::wire::{Reader, Writer};

numbers! {
    /// `OFPMC_*`: what a meter-mod does.
    MeterCommand(u16) {
        ADD = 0 "add" "A new meter.";
        MODIFY = 1 "modify" "New bands for a meter.";
        DELETE = 2 "delete" "Removes a meter, or all, and the flows that use it.";
    }
}

/// `OFPMBT_*`.
mod code {
    pub(super) const DROP: u16 = 1;
    pub(super) const DSCP_REMARK: u16 = 2;
}

/// What happens to packets above a rate. Rates are in kilobits or packets per second, as the
/// meter's flags say; bursts in kilobits or packets.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Band {
    /// They are dropped.
    Drop {
        /// The rate.
        rate: u32,
        /// How far it may be exceeded for a moment.
        burst: u32,
    },
    /// Their drop precedence goes up.
    DscpRemark {
        /// The rate.
        rate: u32,
        /// How far it may be exceeded for a moment.
        burst: u32,
        /// By how many levels.
        levels: u8,
    },
    /// Any other, with its header.
    Unknown(Bytes),
}

impl Band {
    fn encode(&self, w: &mut Writer) {
        let mut header = |kind, rate: u32, burst: u32| {
            w.u16(kind);
            w.u16(16);
            w.u32(rate);
            w.u32(burst);
        };
        match self {
            Self::Drop { rate, burst } => {
                header(code::DROP, *rate, *burst);
                w.pad(4);
            }
            Self::DscpRemark {
                rate,
                burst,
                levels,
            } => {
                header(code::DSCP_REMARK, *rate, *burst);
                w.u8(*levels);
                w.pad(3);
            }
            Self::Unknown(bytes) => w.slice(bytes),
        }
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let mut body = r.clone();
        let kind = body.u16("the band's type")?;
        let length = body.u16("the band's length")?;
        if length < 12 {
            return Err(r.error("a band length of at least 12"));
        }
        let whole = r.bytes(usize::from(length), "the band that its length tells of")?;
        let rate = body.u32("band.rate")?;
        let burst = body.u32("band.burst_size")?;
        Ok(match (kind, length) {
            (code::DROP, 16) => Self::Drop { rate, burst },
            (code::DSCP_REMARK, 16) => Self::DscpRemark {
                rate,
                burst,
                levels: body.u8("band.prec_level")?,
            },
            _ => Self::Unknown(whole),
        })
    }
}

pub(super) fn encode_bands(list: &[Band], w: &mut Writer) {
    for band in list {
        band.encode(w);
    }
}

pub(super) fn decode_bands(r: &mut Reader<'_>) -> Result<Vec<Band>, DecodeError> {
    let mut list = Vec::new();
    while !r.is_empty() {
        list.push(Band::decode(r)?);
    }
    Ok(list)
}

/// Adds, changes or removes meters.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct MeterMod {
    /// What it does.
    pub command: MeterCommand,
    /// `OFPMF_*`: [`MeterMod::KBPS`] ...
    pub flags: u16,
    /// Which meter.
    pub meter: MeterId,
    /// What happens above which rate.
    pub bands: Vec<Band>,
}

impl MeterMod {
    /// Rates are in kilobits per second.
    pub const KBPS: u16 = 1;
    /// Rates are in packets per second.
    pub const PKTPS: u16 = 2;
    /// Bursts count.
    pub const BURST: u16 = 4;
    /// Packets are counted.
    pub const STATS: u16 = 8;

    /// A new meter.
    #[must_use]
    pub fn add(meter: MeterId, flags: u16, bands: Vec<Band>) -> Self {
        Self {
            command: MeterCommand::ADD,
            flags,
            meter,
            bands,
        }
    }

    /// Removes a meter, and the flows that use it.
    #[must_use]
    pub fn delete(meter: MeterId) -> Self {
        Self {
            command: MeterCommand::DELETE,
            flags: 0,
            meter,
            bands: Vec::new(),
        }
    }

    pub(super) fn encode(&self, w: &mut Writer) -> Result<(), EncodeError> {
        w.u16(self.command.0);
        w.u16(self.flags);
        w.u32(self.meter.0);
        encode_bands(&self.bands, w);
        Ok(())
    }

    pub(super) fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            command: MeterCommand(r.u16("meter_mod.command")?),
            flags: r.u16("meter_mod.flags")?,
            meter: MeterId(r.u32("meter_mod.meter_id")?),
            bands: decode_bands(r)?,
        })
    }
}
