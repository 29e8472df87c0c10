//! What is asked about groups and meters and answered (OpenFlow 1.5.1, 7.3.5.11 to 7.3.5.16).

use crate::error::{DecodeError, EncodeError};
use crate::message::group::{self, Bucket, GroupProperty, GroupType};
use crate::message::meter::Band;
use crate::record::{Wire, plain, record};
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
    /// Which group is asked about, or [`GroupId::ALL`]; before 1.5 always all of them.
    #[derive(Copy, Default)]
    pub struct GroupDescFilter {
        /// The group.
        group "group_id": GroupId [V1_5 V1_5];
        .. {pad 4 [V1_5 V1_5]}
    }
}

record! {
    /// What was counted of a bucket or a band.
    #[derive(Copy)]
    pub struct Counter {
        /// Packets.
        packet_count: u64;
        /// Bytes.
        byte_count: u64;
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
        duration_sec: u32 [V1_3 V1_5];
        /// And nanoseconds.
        duration_nsec: u32 [V1_3 V1_5];
        /// The same for each bucket.
        bucket_stats: Vec<Counter>;
    }
}

plain! {
    /// A group as the switch has it.
    pub struct GroupDesc {
        /// Its type.
        kind "type": GroupType;
        /// Its number.
        group "group_id": GroupId;
        /// Its buckets.
        buckets: Vec<Bucket>;
        /// What else is said.
        properties: Vec<GroupProperty> [V1_5 V1_5];
    }
}

impl Wire for GroupDesc {
    fn write(&self, w: &mut Writer, version: Version) -> Result<(), EncodeError> {
        let start = w.len();
        w.u16(0);
        w.u8(self.kind.0);
        w.pad(1);
        w.u32(self.group.0);
        if version < Version::V1_5 {
            group::no_properties(&self.properties, version)?;
            self.buckets.write(w, version)?;
        } else {
            let length_at = w.len();
            w.pad(8);
            let buckets = w.len();
            self.buckets.write(w, version)?;
            w.patch_length(length_at, buckets, "the buckets of a group")?;
            self.properties.write(w, version)?;
        }
        w.patch_length(start, start, "the description of a group")
    }

    fn read(r: &mut Reader<'_>, version: Version, _: &'static str) -> Result<Self, DecodeError> {
        let length = usize::from(r.u16("group_desc.length")?);
        let length = length
            .checked_sub(2)
            .ok_or_else(|| r.error("a group description of at least 2 bytes"))?;
        let r = &mut r.sub(length, "the group that group_desc.length tells of")?;
        let kind = GroupType(r.u8("group_desc.type")?);
        r.skip(1, "group_desc.pad")?;
        let group = GroupId(r.u32("group_desc.group_id")?);
        let buckets = if version < Version::V1_5 {
            Vec::read(r, version, "group_desc.buckets")?
        } else {
            let length = usize::from(r.u16("group_desc.bucket_array_len")?);
            r.skip(6, "group_desc.pad2")?;
            let mut body = r.sub(length, "the buckets that bucket_array_len tells of")?;
            Vec::read(&mut body, version, "group_desc.buckets")?
        };
        Ok(Self {
            kind,
            group,
            buckets,
            properties: Vec::read(r, version, "group_desc.properties")?,
        })
    }
}

record! {
    /// What a switch can do with groups. Numbers are by type: all, select, indirect, fast failover.
    pub struct GroupFeatures {
        /// Which types: bit n for [`GroupType`] n.
        types: u32;
        /// `OFPGFC_*`.
        capabilities: u32;
        /// How many groups of type all there can be.
        max_groups_all: u32;
        /// Of type select.
        max_groups_select: u32;
        /// Of type indirect.
        max_groups_indirect: u32;
        /// Of type fast failover.
        max_groups_ff: u32;
        /// Which actions groups of type all can have: bit n for `OFPAT_*` n.
        actions_all: u32;
        /// Of type select.
        actions_select: u32;
        /// Of type indirect.
        actions_indirect: u32;
        /// Of type fast failover.
        actions_ff: u32;
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
        /// How many flows use it.
        {length, pad 6} flow_count: u32;
        /// Packets that came.
        packet_in_count: u64;
        /// Bytes that came.
        byte_in_count: u64;
        /// How long it has been there: seconds.
        duration_sec: u32;
        /// And nanoseconds.
        duration_nsec: u32;
        /// What each band was applied to.
        band_stats: Vec<Counter>;
    }
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
        /// `OFPMFF_*`.
        {pad 2} features: u32 [V1_5 V1_5];
        .. {pad 4 [V1_5 V1_5]}
    }
}
