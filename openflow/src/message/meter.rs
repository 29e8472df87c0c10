//! Meters (OpenFlow 1.5.1, 7.3.4.5).

use bytes::Bytes;

use super::numbers::numbers;
use crate::MeterId;
use crate::record::{Tagged, record, variants};

numbers! {
    /// `OFPMC_*`: what a meter-mod does.
    MeterCommand(u16) {
        ADD = 0 "add" "A new meter.";
        MODIFY = 1 "modify" "New bands for a meter.";
        DELETE = 2 "delete" "Removes a meter, or all, and the flows that use it.";
    }
}

variants! {
    /// What happens to packets above a rate. Rates are in kilobits or packets per second, as the
    /// meter's flags say; bursts in kilobits or packets.
    pub enum Band: Tagged, rows BANDS {
        /// They are dropped.
        Drop "drop" [std 1 V1_3 V1_5] {
            /// The rate.
            rate: u32;
            /// How far it may be exceeded for a moment.
            burst "burst_size": u32;
            .. {pad 4}
        }
        /// Their drop precedence goes up.
        DscpRemark "dscp_remark" [std 2 V1_3 V1_5] {
            /// The rate.
            rate: u32;
            /// How far it may be exceeded for a moment.
            burst "burst_size": u32;
            /// By how many levels.
            levels "prec_level": u8;
            .. {pad 3}
        }
        /// What a vendor does with them.
        Vendor "experimenter" [std 0xffff V1_3 V1_5] {
            /// The rate.
            rate: u32;
            /// How far it may be exceeded for a moment.
            burst "burst_size": u32;
            /// The vendor.
            experimenter: u32;
            /// What the vendor says.
            data: Bytes;
        }
    }
}

record! {
    /// Adds, changes or removes meters.
    pub struct MeterMod {
        /// What it does.
        command: MeterCommand;
        /// `OFPMF_*`: [`MeterMod::KBPS`] ...
        flags: u16;
        /// Which meter.
        meter "meter_id": MeterId;
        /// What happens above which rate.
        bands: Vec<Band>;
    }
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
}
