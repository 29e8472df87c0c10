//! Groups (OpenFlow 1.5.1, 7.3.4.3; the selection method is Netronome's extension).

use super::numbers::numbers;
use crate::action::Action;
use crate::error::EncodeError;
use crate::matches::Fields;
use crate::record::{Form, Name, Port32, Property, form, record, variants};
use crate::{GroupId, PortNo, Version};

numbers! {
    /// `OFPGC_*`: what a group-mod does.
    GroupCommand(u16) {
        ADD = 0 "add" "A new group.";
        MODIFY = 1 "modify" "New contents for a group.";
        DELETE = 2 "delete" "Removes a group, or all.";
        INSERT_BUCKET = 3 "insert_bucket" "Adds buckets (from 1.5 on).";
        REMOVE_BUCKET = 5 "remove_bucket" "Removes buckets (from 1.5 on).";
        ADD_OR_MODIFY = 0x8000 "add_or_mod" "Open vSwitch: a group, new or not.";
    }
}

numbers! {
    /// `OFPGT_*`: which buckets a packet goes to.
    GroupType(u8) {
        ALL = 0 "all" "Every bucket.";
        SELECT = 1 "select" "One, by weight or by a hash.";
        INDIRECT = 2 "indirect" "The only one.";
        FAST_FAILOVER = 3 "ff" "The first that is alive.";
    }
}

variants! {
    /// What else is said of a bucket (`OFPGBPT_*`; OpenFlow 1.5.1, 7.3.4.3.1). Versions before 1.5 have fixed
    /// fields for the first three. Nicira's groups of 1.0 are laid out as those of 1.5.
    pub enum BucketProperty: Property, rows BUCKET_PROPERTIES {
        /// Its share; only for [`GroupType::SELECT`].
        Weight "weight" [std 0 V1_0 V1_5] {
            /// The share.
            weight: u16;
            .. {pad 2}
        }
        /// The port that it is alive with; only for [`GroupType::FAST_FAILOVER`].
        WatchPort "watch_port" [std 1 V1_0 V1_5] {
            /// The port.
            watch: Port32;
        }
        /// The group that it is alive with; only for [`GroupType::FAST_FAILOVER`].
        WatchGroup "watch_group" [std 2 V1_0 V1_5] {
            /// The group.
            watch: GroupId;
        }
    }
}

record! {
    /// A list of actions of a group.
    #[derive(Default)]
    pub struct Bucket {
        /// Its number in the group, by which 1.5 changes and removes it; earlier versions do not say it.
        {length, list_length} id "bucket_id": u32;
        /// What is done with the packet.
        {list} actions: Vec<Action>;
        /// What else is said.
        {list_end} properties: Vec<BucketProperty>;
    }
    forms { [V1_1 V1_4] Bucket11 }
}

record! {
    /// [`Bucket`] in 1.1 to 1.4.
    pub struct Bucket11 {
        {length} weight: u16;
        watch_port: PortNo;
        watch_group: GroupId;
        {pad 4} actions: Vec<Action>;
    }
}

impl From<Bucket11> for Bucket {
    fn from(form: Bucket11) -> Self {
        let mut bucket = Self::new(form.actions);
        if form.weight != 0 {
            bucket = bucket.weighing(form.weight);
        }
        if form.watch_port != PortNo::ANY {
            bucket = bucket.watching_port(form.watch_port);
        }
        if form.watch_group != GroupId::ANY {
            bucket = bucket.watching_group(form.watch_group);
        }
        bucket
    }
}

impl Form<Bucket> for Bucket11 {
    fn of(bucket: &Bucket, version: Version) -> Result<Self, EncodeError> {
        let known = |property: &BucketProperty| property.row().is_some();
        if !bucket.properties.iter().all(known) {
            return Err(EncodeError::NotInVersion {
                what: "the properties of a bucket",
                version,
            });
        }
        Ok(Self {
            weight: bucket.weight().unwrap_or(0),
            watch_port: bucket.watch_port().unwrap_or(PortNo::ANY),
            watch_group: bucket.watch_group().unwrap_or(GroupId::ANY),
            actions: bucket.actions.clone(),
        })
    }
}

impl Bucket {
    /// A bucket of these actions.
    #[must_use]
    pub fn new(actions: Vec<Action>) -> Self {
        Self {
            actions,
            ..Self::default()
        }
    }

    /// This bucket with a weight.
    #[must_use]
    pub fn weighing(mut self, weight: u16) -> Self {
        self.properties.push(BucketProperty::Weight { weight });
        self
    }

    /// This bucket, alive as long as a port is.
    #[must_use]
    pub fn watching_port(mut self, watch: PortNo) -> Self {
        self.properties.push(BucketProperty::WatchPort {
            watch: Port32(watch),
        });
        self
    }

    /// This bucket, alive as long as a group is.
    #[must_use]
    pub fn watching_group(mut self, watch: GroupId) -> Self {
        self.properties.push(BucketProperty::WatchGroup { watch });
        self
    }

    /// Its share.
    #[must_use]
    pub fn weight(&self) -> Option<u16> {
        self.last(|property| match property {
            BucketProperty::Weight { weight } => Some(*weight),
            _ => None,
        })
    }

    /// What a property says; of those that stand twice, the last.
    fn last<T>(&self, said: impl FnMut(&BucketProperty) -> Option<T>) -> Option<T> {
        self.properties.iter().rev().find_map(said)
    }

    /// The port that it is alive with.
    #[must_use]
    pub fn watch_port(&self) -> Option<PortNo> {
        self.last(|property| match property {
            BucketProperty::WatchPort { watch } => Some(watch.0),
            _ => None,
        })
    }

    /// The group that it is alive with.
    #[must_use]
    pub fn watch_group(&self) -> Option<GroupId> {
        self.last(|property| match property {
            BucketProperty::WatchGroup { watch } => Some(*watch),
            _ => None,
        })
    }
}

variants! {
    /// What else is said of a group (`OFPGPT_*`; OpenFlow 1.5.1, 7.3.4.3).
    pub enum GroupProperty: Property, rows GROUP_PROPERTIES {
        /// How a group of type select chooses (Netronome's extension of 1.5, and of Nicira's groups of 1.0).
        SelectionMethod "selection_method" [ntr 1 V1_0 V1_0, ntr 1 V1_5 V1_5] {
            /// `hash`, `dp_hash` ...
            {pad 4} method "selection_method": Name<16>;
            /// A number whose meaning is the method's.
            parameter "selection_method_param": u64;
            /// The fields that are hashed, each with its mask as value.
            fields: Fields;
        }
    }
}

record! {
    /// Adds, changes or removes groups; in 1.0 by Nicira's extension (`NXT_GROUP_MOD`).
    pub struct GroupMod {
        /// What it does.
        command: GroupCommand;
        /// Which buckets a packet goes to.
        kind "type": GroupType;
        /// Which group.
        {pad 1} group "group_id": GroupId;
        /// To insert or remove buckets: where; else [`BucketId::ALL`].
        {list_length, pad 2} command_bucket "command_bucket_id": BucketId;
        /// The buckets.
        {list} buckets: Vec<Bucket>;
        /// What else is said.
        {list_end} properties: Vec<GroupProperty>;
    }
    forms { [V1_1 V1_4] GroupMod11 }
}

record! {
    /// [`GroupMod`] in 1.1 to 1.4.
    pub struct GroupMod11 {
        command: GroupCommand;
        kind "type": GroupType;
        {pad 1} group "group_id": GroupId;
        buckets: Vec<Bucket>;
    }
}

form! {
    GroupMod11 of GroupMod
    same command, kind, group, buckets;
    absent command_bucket "GroupMod.command_bucket_id", properties "the properties of a group";
}

/// A place in a group (OpenFlow 1.5.1, 7.3.4.3): the number of a bucket, or one of the constants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct BucketId(pub u32);

impl BucketId {
    /// `OFPG_BUCKET_FIRST`.
    pub const FIRST: Self = Self(0xffff_fffd);
    /// `OFPG_BUCKET_LAST`.
    pub const LAST: Self = Self(0xffff_fffe);
    /// `OFPG_BUCKET_ALL`.
    pub const ALL: Self = Self(0xffff_ffff);
}

/// All of them.
impl Default for BucketId {
    fn default() -> Self {
        Self::ALL
    }
}

crate::record::ids! {
    BucketId(u32);
}

impl GroupMod {
    /// A new group.
    #[must_use]
    pub fn add(group: GroupId, kind: GroupType, buckets: Vec<Bucket>) -> Self {
        Self {
            command: GroupCommand::ADD,
            kind,
            group,
            command_bucket: BucketId::ALL,
            buckets,
            properties: Vec::new(),
        }
    }

    /// New contents for a group.
    #[must_use]
    pub fn modify(group: GroupId, kind: GroupType, buckets: Vec<Bucket>) -> Self {
        Self {
            command: GroupCommand::MODIFY,
            ..Self::add(group, kind, buckets)
        }
    }

    /// Removes a group, and the flows that use it.
    #[must_use]
    pub fn delete(group: GroupId) -> Self {
        Self {
            command: GroupCommand::DELETE,
            ..Self::add(group, GroupType::ALL, Vec::new())
        }
    }
}
