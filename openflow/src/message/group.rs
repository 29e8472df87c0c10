//! Groups (OpenFlow 1.5.1, 7.3.4.3; the selection method is Netronome's extension).

use super::numbers::numbers;
use super::property::{self, Property};
use crate::action::{self, Action};
use crate::error::{DecodeError, EncodeError};
use crate::record::Wire;
use crate::wire::{Reader, Writer};
use crate::{GroupId, Match, PortNo, Version};

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

/// `OFPGBPT_*`: properties of a bucket.
mod bucket_property {
    pub(super) const WEIGHT: u16 = 0;
    pub(super) const WATCH_PORT: u16 = 1;
    pub(super) const WATCH_GROUP: u16 = 2;
}

/// A list of actions of a group.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Bucket {
    /// Its number in the group (from 1.5 on).
    pub id: u32,
    /// Its share; only for [`GroupType::SELECT`].
    pub weight: Option<u16>,
    /// The port that it is alive with; only for [`GroupType::FAST_FAILOVER`].
    pub watch_port: Option<PortNo>,
    /// The group that it is alive with; only for [`GroupType::FAST_FAILOVER`].
    pub watch_group: Option<GroupId>,
    /// What is done with the packet.
    pub actions: Vec<Action>,
    /// What else is said (from 1.5 on).
    pub properties: Vec<Property>,
}

/// How a group of type select chooses (from 1.5 on).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SelectionMethod {
    /// `hash`, `dp_hash` ...: at most 16 bytes.
    pub method: String,
    /// A number whose meaning is the method's.
    pub parameter: u64,
    /// The fields that are hashed, each with its mask as value.
    pub fields: Match,
}

impl SelectionMethod {
    /// `OFPGPT_EXPERIMENTER`, Netronome's id and the property's type.
    const KIND: u16 = 0xffff;
    const VENDOR: u32 = 0x0000_154d;
    const SUBTYPE: u32 = 1;
    const NAME_LEN: usize = 16;

    /// The property of a group that says it.
    pub fn to_property(&self, version: Version) -> Result<Property, EncodeError> {
        let mut w = Writer::new();
        w.u32(Self::VENDOR);
        w.u32(Self::SUBTYPE);
        w.pad(4);
        let name = self.method.as_bytes();
        if name.len() > Self::NAME_LEN {
            return Err(EncodeError::TooLong {
                what: "the name of a selection method",
                length: name.len(),
                limit: Self::NAME_LEN,
            });
        }
        w.slice(name);
        w.pad(Self::NAME_LEN - name.len());
        w.u64(self.parameter);
        self.fields.encode_entries(&mut w, version)?;
        Ok(Property {
            kind: Self::KIND,
            value: w.freeze(),
        })
    }

    /// Reads a property of a group; none when it says something else.
    #[must_use]
    pub fn from_property(property: &Property, version: Version) -> Option<Self> {
        let mut r = Reader::new(&property.value);
        let ours = property.kind == Self::KIND
            && r.u32("experimenter").ok()? == Self::VENDOR
            && r.u32("exp_type").ok()? == Self::SUBTYPE;
        if !ours {
            return None;
        }
        r.skip(4, "pad").ok()?;
        let name: [u8; Self::NAME_LEN] = r.array("selection_method").ok()?;
        let name = name.split(|byte| *byte == 0).next()?;
        Some(Self {
            method: String::from_utf8(name.to_vec()).ok()?,
            parameter: r.u64("selection_method_param").ok()?,
            fields: Match::decode_entries(&mut r, version).ok()?,
        })
    }
}

/// Adds, changes or removes groups.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct GroupMod {
    /// What it does.
    pub command: GroupCommand,
    /// Which buckets a packet goes to.
    pub kind: GroupType,
    /// Which group.
    pub group: GroupId,
    /// To insert or remove buckets: where; else [`GroupMod::BUCKET_ALL`].
    pub command_bucket: u32,
    /// The buckets.
    pub buckets: Vec<Bucket>,
    /// What else is said (from 1.5 on), such as a [`SelectionMethod`].
    pub properties: Vec<Property>,
}

impl GroupMod {
    /// `OFPG_BUCKET_ALL`.
    pub const BUCKET_ALL: u32 = 0xffff_ffff;

    /// A new group.
    #[must_use]
    pub fn add(group: GroupId, kind: GroupType, buckets: Vec<Bucket>) -> Self {
        Self {
            command: GroupCommand::ADD,
            kind,
            group,
            command_bucket: Self::BUCKET_ALL,
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
    fn write(&self, w: &mut Writer, version: Version) -> Result<(), EncodeError> {
        w.u16(self.command.0);
        w.u8(self.kind.0);
        w.pad(1);
        w.u32(self.group.0);
        if version < Version::V1_5 {
            no_properties(&self.properties, version)?;
            return encode_buckets(&self.buckets, w, version);
        }
        let length_at = w.len();
        w.pad(4);
        w.u32(self.command_bucket);
        let start = w.len();
        encode_buckets(&self.buckets, w, version)?;
        w.patch_length(length_at, start, "the buckets of a group")?;
        property::encode_list(&self.properties, w)
    }

    fn read(r: &mut Reader<'_>, version: Version, _: &'static str) -> Result<Self, DecodeError> {
        let command = GroupCommand(r.u16("group_mod.command")?);
        let kind = GroupType(r.u8("group_mod.type")?);
        r.skip(1, "group_mod.pad")?;
        let group = GroupId(r.u32("group_mod.group_id")?);
        let (command_bucket, buckets) = if version < Version::V1_5 {
            (Self::BUCKET_ALL, decode_buckets(r, version)?)
        } else {
            let length = usize::from(r.u16("group_mod.bucket_array_len")?);
            r.skip(2, "group_mod.pad2")?;
            let command_bucket = r.u32("group_mod.command_bucket_id")?;
            let mut body = r.sub(length, "the buckets that bucket_array_len tells of")?;
            (command_bucket, decode_buckets(&mut body, version)?)
        };
        Ok(Self {
            command,
            kind,
            group,
            command_bucket,
            buckets,
            properties: property::decode_list(r)?,
        })
    }
}

pub(super) fn no_properties(list: &[Property], version: Version) -> Result<(), EncodeError> {
    if list.is_empty() {
        return Ok(());
    }
    Err(EncodeError::NotInVersion {
        what: "the properties of a group",
        version,
    })
}

pub(super) fn encode_buckets(
    list: &[Bucket],
    w: &mut Writer,
    version: Version,
) -> Result<(), EncodeError> {
    list.iter().try_for_each(|bucket| bucket.encode(w, version))
}

pub(super) fn decode_buckets(
    r: &mut Reader<'_>,
    version: Version,
) -> Result<Vec<Bucket>, DecodeError> {
    let mut list = Vec::new();
    while !r.is_empty() {
        list.push(Bucket::decode(r, version)?);
    }
    Ok(list)
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

    fn encode(&self, w: &mut Writer, version: Version) -> Result<(), EncodeError> {
        let start = w.len();
        w.u16(0);
        if version < Version::V1_5 {
            no_properties(&self.properties, version)?;
            w.u16(self.weight.unwrap_or(0));
            w.u32(self.watch_port.unwrap_or(PortNo::ANY).0);
            w.u32(self.watch_group.unwrap_or(GroupId::ANY).0);
            w.pad(4);
            action::encode_list(&self.actions, w, version)?;
            return w.patch_length(start, start, "a bucket");
        }
        w.u16(0);
        w.u32(self.id);
        let actions = w.len();
        action::encode_list(&self.actions, w, version)?;
        w.patch_length(start + 2, actions, "the actions of a bucket")?;
        if let Some(weight) = self.weight {
            property::encode(w, bucket_property::WEIGHT, |w| {
                w.u16(weight);
                w.pad(2);
                Ok(())
            })?;
        }
        for (kind, watch) in [
            (
                bucket_property::WATCH_PORT,
                self.watch_port.map(|port| port.0),
            ),
            (
                bucket_property::WATCH_GROUP,
                self.watch_group.map(|group| group.0),
            ),
        ] {
            if let Some(watch) = watch {
                property::encode(w, kind, |w| {
                    w.u32(watch);
                    Ok(())
                })?;
            }
        }
        property::encode_list(&self.properties, w)?;
        w.patch_length(start, start, "a bucket")
    }

    fn decode(r: &mut Reader<'_>, version: Version) -> Result<Self, DecodeError> {
        let length = usize::from(r.u16("bucket.len")?);
        let length = length
            .checked_sub(2)
            .ok_or_else(|| r.error("a bucket length of at least 2"))?;
        let mut body = r.sub(length, "the bucket that its length tells of")?;
        if version < Version::V1_5 {
            let weight = body.u16("bucket.weight")?;
            let port = PortNo(body.u32("bucket.watch_port")?);
            let group = GroupId(body.u32("bucket.watch_group")?);
            body.skip(4, "bucket.pad")?;
            return Ok(Self {
                id: 0,
                weight: (weight != 0).then_some(weight),
                watch_port: (port != PortNo::ANY).then_some(port),
                watch_group: (group != GroupId::ANY).then_some(group),
                actions: action::decode_list(&mut body, version)?,
                properties: Vec::new(),
            });
        }
        let actions = usize::from(body.u16("bucket.action_array_len")?);
        let id = body.u32("bucket.bucket_id")?;
        let mut actions = body.sub(actions, "the actions that action_array_len tells of")?;
        let mut bucket = Self {
            id,
            actions: action::decode_list(&mut actions, version)?,
            ..Self::default()
        };
        while !body.is_empty() {
            bucket.decode_property(&mut body)?;
        }
        Ok(bucket)
    }

    fn decode_property(&mut self, r: &mut Reader<'_>) -> Result<(), DecodeError> {
        let (kind, mut value) = property::decode(r)?;
        match (kind, value.remaining()) {
            (bucket_property::WEIGHT, 4) => {
                self.weight = Some(value.u16("weight")?);
            }
            (bucket_property::WATCH_PORT, 4) => {
                self.watch_port = Some(PortNo(value.u32("watch_port")?));
            }
            (bucket_property::WATCH_GROUP, 4) => {
                self.watch_group = Some(GroupId(value.u32("watch_group")?));
            }
            _ => self.properties.push(Property {
                kind,
                value: value.rest(),
            }),
        }
        Ok(())
    }
}
