//! Groups (OpenFlow 1.5.1, 7.3.4.3; the selection method is Netronome's extension).

use super::numbers::numbers;
use crate::action::{self, Action};
use crate::error::{DecodeError, EncodeError};
use crate::matches::Fields;
use crate::record::{Form, Name, Property, Wire, plain, record, variants};
use crate::wire::{Reader, Writer};
use crate::{GroupId, PortNo, Version};

numbers! {
    /// `OFPGC_*`: what a group-mod does.
    GroupCommand(u16) {
        ADD = 0 "add" "A new group.";
        MODIFY = 1 "modify" "New contents for a group.";
        DELETE = 2 "delete" "Removes a group, or all.";
        INSERT_BUCKET = 3 "insert_bucket" "Adds buckets (from 1.5 on).";
        REMOVE_BUCKET = 5 "remove_bucket" "Removes buckets (from 1.5 on).";
        ADD_OR_MODIFY = 0x8000 "add_or_modify" "Open vSwitch: a group, new or not.";
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
    /// fields for the first three.
    pub enum BucketProperty: Property, rows BUCKET_PROPERTIES {
        /// Its share; only for [`GroupType::SELECT`].
        Weight "weight" [std 0 V1_1 V1_5] {
            /// The share.
            weight: u16;
            .. {pad 2}
        }
        /// The port that it is alive with; only for [`GroupType::FAST_FAILOVER`].
        WatchPort "watch_port" [std 1 V1_1 V1_5] {
            /// The port.
            watch "watch_port": PortNo;
        }
        /// The group that it is alive with; only for [`GroupType::FAST_FAILOVER`].
        WatchGroup "watch_group" [std 2 V1_1 V1_5] {
            /// The group.
            watch "watch_group": GroupId;
        }
    }
}

plain! {
    /// A list of actions of a group.
    #[derive(Default)]
    pub struct Bucket {
        /// Its number in the group, by which 1.5 changes and removes it; earlier versions do not say it.
        id "bucket_id": u32;
        /// What is done with the packet.
        actions: Vec<Action>;
        /// What else is said.
        properties: Vec<BucketProperty>;
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
        self.properties.push(BucketProperty::WatchPort { watch });
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
        self.properties.iter().find_map(|property| match property {
            BucketProperty::Weight { weight } => Some(*weight),
            _ => None,
        })
    }

    /// The port that it is alive with.
    #[must_use]
    pub fn watch_port(&self) -> Option<PortNo> {
        self.properties.iter().find_map(|property| match property {
            BucketProperty::WatchPort { watch } => Some(*watch),
            _ => None,
        })
    }

    /// The group that it is alive with.
    #[must_use]
    pub fn watch_group(&self) -> Option<GroupId> {
        self.properties.iter().find_map(|property| match property {
            BucketProperty::WatchGroup { watch } => Some(*watch),
            _ => None,
        })
    }
}

impl Wire for Bucket {
    fn read(r: &mut Reader<'_>, version: Version, what: &'static str) -> Result<Self, DecodeError> {
        if version < Version::V1_5 {
            return Bucket11::read(r, version, what).map(Self::from);
        }
        let length = usize::from(r.u16("bucket.len")?);
        let length = length.checked_sub(2);
        let length = length.ok_or_else(|| r.error("a bucket length of at least 2"))?;
        let mut body = r.sub(length, "the bucket that its length tells of")?;
        let actions = usize::from(body.u16("bucket.action_array_len")?);
        let id = body.u32("bucket.bucket_id")?;
        let mut actions = body.sub(actions, "the actions that action_array_len tells of")?;
        Ok(Self {
            id,
            actions: action::decode_list(&mut actions, version)?,
            properties: Vec::read(&mut body, version, "bucket.properties")?,
        })
    }

    fn write(&self, w: &mut Writer, version: Version) -> Result<(), EncodeError> {
        if version < Version::V1_5 {
            return Bucket11::of(self, version)?.write(w, version);
        }
        let start = w.len();
        w.pad(4);
        w.u32(self.id);
        let actions = w.len();
        action::encode_list(&self.actions, w, version)?;
        w.patch_length(start + 2, actions, "the actions of a bucket")?;
        self.properties.write(w, version)?;
        w.patch_length(start, start, "a bucket")
    }
}

variants! {
    /// What else is said of a group (`OFPGPT_*`; OpenFlow 1.5.1, 7.3.4.3).
    pub enum GroupProperty: Property, rows GROUP_PROPERTIES {
        /// How a group of type select chooses (Netronome's extension of 1.5).
        SelectionMethod "selection_method" [ntr 1 V1_5 V1_5] {
            /// `hash`, `dp_hash` ...
            {pad 4} method "selection_method": Name<16>;
            /// A number whose meaning is the method's.
            parameter "selection_method_param": u64;
            /// The fields that are hashed, each with its mask as value.
            fields: Fields;
        }
    }
}

plain! {
    /// Adds, changes or removes groups.
    pub struct GroupMod {
        /// What it does.
        command: GroupCommand;
        /// Which buckets a packet goes to.
        kind "type": GroupType;
        /// Which group.
        group "group_id": GroupId;
        /// To insert or remove buckets: where; else [`BucketId::ALL`].
        command_bucket "command_bucket_id": BucketId [V1_5 V1_5];
        /// The buckets.
        buckets: Vec<Bucket>;
        /// What else is said.
        properties: Vec<GroupProperty> [V1_5 V1_5];
    }
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

impl Wire for GroupMod {
    fn read(r: &mut Reader<'_>, version: Version, _: &'static str) -> Result<Self, DecodeError> {
        let command = GroupCommand::read(r, version, "group_mod.command")?;
        let kind = GroupType::read(r, version, "group_mod.type")?;
        r.skip(1, "group_mod.pad")?;
        let mut group = Self {
            command,
            ..Self::add(
                GroupId::read(r, version, "group_mod.group_id")?,
                kind,
                Vec::new(),
            )
        };
        if version < Version::V1_5 {
            group.buckets = Vec::read(r, version, "group_mod.buckets")?;
            return Ok(group);
        }
        let length = usize::from(r.u16("group_mod.bucket_array_len")?);
        r.skip(2, "group_mod.pad2")?;
        group.command_bucket = BucketId::read(r, version, "group_mod.command_bucket_id")?;
        let mut body = r.sub(length, "the buckets that bucket_array_len tells of")?;
        group.buckets = Vec::read(&mut body, version, "group_mod.buckets")?;
        group.properties = Vec::read(r, version, "group_mod.properties")?;
        Ok(group)
    }

    fn write(&self, w: &mut Writer, version: Version) -> Result<(), EncodeError> {
        self.command.write(w, version)?;
        self.kind.write(w, version)?;
        w.pad(1);
        self.group.write(w, version)?;
        if version < Version::V1_5 {
            no_properties(&self.properties, version)?;
            return self.buckets.write(w, version);
        }
        let length_at = w.len();
        w.pad(4);
        self.command_bucket.write(w, version)?;
        let start = w.len();
        self.buckets.write(w, version)?;
        w.patch_length(length_at, start, "the buckets of a group")?;
        self.properties.write(w, version)
    }
}

/// Refuses properties in a version that has none.
pub(super) fn no_properties(list: &[GroupProperty], version: Version) -> Result<(), EncodeError> {
    if list.is_empty() {
        return Ok(());
    }
    Err(EncodeError::NotInVersion {
        what: "the properties of a group",
        version,
    })
}
