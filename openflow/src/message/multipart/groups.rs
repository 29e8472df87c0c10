//! What is asked about groups and meters and answered (OpenFlow 1.5.1, 7.3.5.11 to 7.3.5.16).

use crate::error::{DecodeError, EncodeError};
use crate::message::group::{Bucket, GroupProperty, GroupType};
use crate::message::meter::Band;
use crate::record::{Dice, Generate, Plain, Value, ValueError, Wire, form, record};
use crate::wire::{Reader, Writer};
use crate::{GroupId, MeterId, Version};

record! {
    /// Which group is asked about, or [`GroupId::ALL`].
    pub struct GroupFilter {
        /// The group.
        group "group_id": GroupId;
        .. {pad 4}
    }
}

record! {
    /// Which group is asked about, or [`GroupId::ALL`]; in 1.1 to 1.4 always all of them.
    #[derive(Copy, Default)]
    pub struct GroupDescFilter {
        /// The group.
        group "group_id": GroupId [V1_5 V1_5];
        .. {pad 4 [V1_5 V1_5]}
    }
    forms { [V1_0 V1_0] GroupFilter }
}

form! {
    GroupFilter of GroupDescFilter
    same group;
}

record! {
    /// What was counted of a bucket.
    #[derive(Copy)]
    pub struct Counter {
        /// Packets.
        packet_count: u64;
        /// Bytes.
        byte_count: u64;
    }
}

record! {
    /// What was counted of a band.
    #[derive(Copy)]
    pub struct BandCounter {
        /// Packets.
        packets "packet_band_count": u64;
        /// Bytes.
        bytes "byte_band_count": u64;
    }
}

record! {
    /// What was counted of a group.
    pub struct GroupStats {
        /// The group.
        {length, pad 2} group "group_id": GroupId;
        /// How many flows and groups use it.
        ref_count: u32;
        /// Packets.
        {pad 4} packet_count: u64;
        /// Bytes.
        byte_count: u64;
        /// How long it has been there: seconds.
        duration_sec: u32;
        /// And nanoseconds.
        duration_nsec: u32;
        /// The same for each bucket.
        bucket_stats: Vec<Counter>;
    }
    forms { [V1_1 V1_2] GroupStats11 }
}

record! {
    /// [`GroupStats`] in 1.1 and 1.2, which do not say how long it has been there.
    pub struct GroupStats11 {
        {length, pad 2} group "group_id": GroupId;
        ref_count: u32;
        {pad 4} packet_count: u64;
        byte_count: u64;
        bucket_stats: Vec<Counter>;
    }
}

form! {
    GroupStats11 of GroupStats
    same group, ref_count, packet_count, byte_count, bucket_stats;
    absent duration_sec "GroupStats.duration_sec", duration_nsec "GroupStats.duration_nsec";
}

record! {
    /// A group as the switch has it.
    pub struct GroupDesc {
        /// Its type.
        {length} kind "type": GroupType;
        /// Its number.
        {pad 1} group "group_id": GroupId;
        /// Its buckets.
        {list_length, pad 6, list} buckets: Vec<Bucket>;
        /// What else is said.
        {list_end} properties: Vec<GroupProperty>;
    }
    forms { [V1_1 V1_4] GroupDesc11 }
}

record! {
    /// [`GroupDesc`] in 1.1 to 1.4.
    pub struct GroupDesc11 {
        {length} kind "type": GroupType;
        {pad 1} group "group_id": GroupId;
        buckets: Vec<Bucket>;
    }
}

form! {
    GroupDesc11 of GroupDesc
    same kind, group, buckets;
    absent properties "the properties of a group";
}

record! {
    /// What a switch can do with groups. Lists are by type: all, select, indirect, fast failover.
    pub struct GroupFeatures {
        /// Which types: bit n for [`GroupType`] n.
        types: u32;
        /// `OFPGFC_*`.
        capabilities: u32;
        /// How many groups of each type there can be.
        max_groups: [u32; 4];
        /// Which actions groups of each type can have: bit n for `OFPAT_*` n.
        actions: [u32; 4];
    }
}

record! {
    /// Which meter is asked about, or [`MeterId::ALL`].
    pub struct MeterFilter {
        /// The meter.
        meter "meter_id": MeterId;
        .. {pad 4}
    }
}

record! {
    /// What was counted of a meter.
    pub struct MeterStats {
        /// The meter.
        meter "meter_id": MeterId;
        /// How many flows use it, and from 1.5 on groups.
        {length, pad 6} ref_count: u32;
        /// Packets that came.
        packet_in_count: u64;
        /// Bytes that came.
        byte_in_count: u64;
        /// How long it has been there: seconds.
        duration_sec: u32;
        /// And nanoseconds.
        duration_nsec: u32;
        /// What each band was applied to.
        band_stats: Vec<BandCounter>;
    }
    forms { [V1_3 V1_4] MeterStats13 }
}

record! {
    /// [`MeterStats`] in 1.3 and 1.4, where the number of uses has another name.
    pub struct MeterStats13 {
        meter "meter_id": MeterId;
        {length, pad 6} flow_count: u32;
        packet_in_count: u64;
        byte_in_count: u64;
        duration_sec: u32;
        duration_nsec: u32;
        band_stats: Vec<BandCounter>;
    }
}

form! {
    MeterStats13 of MeterStats
    same meter, packet_in_count, byte_in_count, duration_sec, duration_nsec, band_stats;
    |form| ref_count: form.flow_count;
    |stats, version| flow_count: stats.ref_count;
}

record! {
    /// A meter as the switch has it.
    pub struct MeterConfig {
        /// `OFPMF_*`.
        {length} flags: u16;
        /// Its number.
        meter "meter_id": MeterId;
        /// What happens above which rate.
        bands: Vec<Band>;
    }
}

record! {
    /// What a switch can do with meters.
    pub struct MeterFeatures {
        /// How many there can be.
        max_meter: u32;
        /// Which bands: bit n for `OFPMBT_*` n.
        band_types: u32;
        /// `OFPMF_*`.
        capabilities: u32;
        /// Bands of a meter.
        max_bands: u8;
        /// Colours.
        max_color: u8;
        /// What else it can do. Open vSwitch does not say it.
        {pad 2} features: Option<MeterFeatureFlags> [V1_5 V1_5];
    }
}

/// `OFPMFF_*`: what else a switch can do with meters. Padding follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct MeterFeatureFlags(pub u32);

impl Wire for MeterFeatureFlags {
    fn read(r: &mut Reader<'_>, _: Version, what: &'static str) -> Result<Self, DecodeError> {
        let flags = r.u32(what)?;
        r.skip(4, what)?;
        Ok(Self(flags))
    }

    fn write(&self, w: &mut Writer, _: Version) -> Result<(), EncodeError> {
        w.u32(self.0);
        w.pad(4);
        Ok(())
    }
}

impl Plain for MeterFeatureFlags {
    fn value(&self, version: Version) -> Value {
        self.0.value(version)
    }

    fn from_value(value: &Value, version: Version) -> Result<Self, ValueError> {
        u32::from_value(value, version).map(Self)
    }
}

impl Generate for MeterFeatureFlags {
    fn generate(dice: &mut Dice<'_>, version: Version) -> Self {
        Self(u32::generate(dice, version))
    }
}
