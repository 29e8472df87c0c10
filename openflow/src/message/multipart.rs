//! Multipart requests and replies: descriptions and statistics (OpenFlow 1.5.1, 7.3.5).
//!
//! One message is one part; [`crate::session`] puts the parts of a reply together.

use bytes::Bytes;

use super::flow;
use super::group::{self, Bucket, GroupProperty, GroupType};
use super::meter::Band;
use super::port::Port;
use super::stats::Stats;
use crate::action::Action;
use crate::error::{DecodeError, EncodeError};
use crate::instruction::Instruction;
use crate::record::{Form, Wire, record};
use crate::wire::{Reader, Writer};
use crate::{GroupId, Match, MeterId, PortNo, TableId, Version};

/// `OFPMP_*`.
mod code {
    pub(super) const DESC: u16 = 0;
    /// Called flow statistics before 1.5, and flow description since.
    pub(super) const FLOW: u16 = 1;
    pub(super) const AGGREGATE: u16 = 2;
    pub(super) const GROUP_DESC: u16 = 7;
    pub(super) const METER_CONFIG: u16 = 10;
    pub(super) const PORT_DESC: u16 = 13;
}

/// `OFPMPF_REQ_MORE` and `OFPMPF_REPLY_MORE`.
const MORE: u16 = 1;

/// Which flows are asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlowFilter {
    /// Which table, or [`TableId::ALL`].
    pub table: TableId,
    /// Only flows that output there, or [`PortNo::ANY`].
    pub out_port: PortNo,
    /// Only flows that use that group, or [`GroupId::ANY`].
    pub out_group: GroupId,
    /// The cookie's bits in the mask.
    pub cookie: u64,
    /// Which bits of the cookie must agree.
    pub cookie_mask: u64,
    /// Only flows that the match covers.
    pub matches: Match,
}

impl FlowFilter {
    /// Every flow.
    #[must_use]
    pub fn all() -> Self {
        Self {
            table: TableId::ALL,
            out_port: PortNo::ANY,
            out_group: GroupId::ANY,
            cookie: 0,
            cookie_mask: 0,
            matches: Match::any(),
        }
    }

    fn encode(&self, w: &mut Writer, version: Version) -> Result<(), EncodeError> {
        w.u8(self.table.0);
        w.pad(3);
        w.u32(self.out_port.0);
        w.u32(self.out_group.0);
        w.pad(4);
        w.u64(self.cookie);
        w.u64(self.cookie_mask);
        self.matches.encode(w, version)
    }

    fn decode(r: &mut Reader<'_>, version: Version) -> Result<Self, DecodeError> {
        let table = TableId(r.u8("flow_stats_request.table_id")?);
        r.skip(3, "flow_stats_request.pad")?;
        let out_port = PortNo(r.u32("flow_stats_request.out_port")?);
        let out_group = GroupId(r.u32("flow_stats_request.out_group")?);
        r.skip(4, "flow_stats_request.pad2")?;
        Ok(Self {
            table,
            out_port,
            out_group,
            cookie: r.u64("flow_stats_request.cookie")?,
            cookie_mask: r.u64("flow_stats_request.cookie_mask")?,
            matches: Match::decode(r, version)?,
        })
    }
}

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// Who made the switch.
    Desc,
    /// Flows.
    Flow(FlowFilter),
    /// Sums over flows.
    Aggregate(FlowFilter),
    /// Groups; before 1.5 always all of them.
    GroupDesc(GroupId),
    /// Meters.
    MeterConfig(MeterId),
    /// Ports; before 1.5 always all of them.
    PortDesc(PortNo),
    /// Any other.
    Unknown {
        /// `OFPMP_*`.
        kind: u16,
        /// What is asked.
        body: Bytes,
    },
}

/// Asks for descriptions or statistics.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MultipartRequest {
    /// `OFPMPF_REQ_*`.
    pub flags: u16,
    /// What is asked for.
    pub request: Request,
}

impl MultipartRequest {
    /// Asks, all in one message.
    #[must_use]
    pub fn new(request: Request) -> Self {
        Self { flags: 0, request }
    }
}

impl Wire for MultipartRequest {
    fn write(&self, w: &mut Writer, version: Version) -> Result<(), EncodeError> {
        w.u16(match &self.request {
            Request::Desc => code::DESC,
            Request::Flow(_) => code::FLOW,
            Request::Aggregate(_) => code::AGGREGATE,
            Request::GroupDesc(_) => code::GROUP_DESC,
            Request::MeterConfig(_) => code::METER_CONFIG,
            Request::PortDesc(_) => code::PORT_DESC,
            Request::Unknown { kind, .. } => *kind,
        });
        w.u16(self.flags);
        w.pad(4);
        match &self.request {
            Request::Desc => {}
            Request::Flow(filter) | Request::Aggregate(filter) => filter.encode(w, version)?,
            Request::GroupDesc(GroupId(number)) | Request::PortDesc(PortNo(number)) => {
                if version >= Version::V1_5 {
                    w.u32(*number);
                    w.pad(4);
                }
            }
            Request::MeterConfig(meter) => {
                w.u32(meter.0);
                w.pad(4);
            }
            Request::Unknown { body, .. } => w.slice(body),
        }
        Ok(())
    }

    fn read(r: &mut Reader<'_>, version: Version, _: &'static str) -> Result<Self, DecodeError> {
        let kind = r.u16("multipart_request.type")?;
        let flags = r.u16("multipart_request.flags")?;
        r.skip(4, "multipart_request.pad")?;
        let number = |r: &mut Reader<'_>, all| {
            if version < Version::V1_5 {
                return Ok(all);
            }
            let number = r.u32("the number that is asked for")?;
            r.skip(4, "the padding of a request")?;
            Ok(number)
        };
        let request = match kind {
            code::DESC => Request::Desc,
            code::FLOW => Request::Flow(FlowFilter::decode(r, version)?),
            code::AGGREGATE => Request::Aggregate(FlowFilter::decode(r, version)?),
            code::GROUP_DESC => Request::GroupDesc(GroupId(number(r, GroupId::ALL.0)?)),
            code::METER_CONFIG => {
                let meter = MeterId(r.u32("meter_multipart_request.meter_id")?);
                r.skip(4, "meter_multipart_request.pad")?;
                Request::MeterConfig(meter)
            }
            code::PORT_DESC => Request::PortDesc(PortNo(number(r, PortNo::ANY.0)?)),
            kind => Request::Unknown {
                kind,
                body: r.rest(),
            },
        };
        Ok(Self { flags, request })
    }
}

/// Who made the switch.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Desc {
    /// The manufacturer.
    pub manufacturer: String,
    /// The hardware.
    pub hardware: String,
    /// The software.
    pub software: String,
    /// The serial number.
    pub serial: String,
    /// What people call it.
    pub datapath: String,
}

impl Desc {
    const LEN: usize = 256;
    const SERIAL_LEN: usize = 32;

    fn encode(&self, w: &mut Writer) {
        for (text, field) in [
            (&self.manufacturer, Self::LEN),
            (&self.hardware, Self::LEN),
            (&self.software, Self::LEN),
            (&self.serial, Self::SERIAL_LEN),
            (&self.datapath, Self::LEN),
        ] {
            // The field ends in a zero.
            let bytes = &text.as_bytes()[..text.len().min(field - 1)];
            w.slice(bytes);
            w.pad(field - bytes.len());
        }
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let mut text = |field| -> Result<String, DecodeError> {
            let bytes = r.bytes(field, "a text of the switch's description")?;
            let text = bytes.split(|byte| *byte == 0).next().unwrap_or(&[]);
            Ok(String::from_utf8_lossy(text).into_owned())
        };
        Ok(Self {
            manufacturer: text(Self::LEN)?,
            hardware: text(Self::LEN)?,
            software: text(Self::LEN)?,
            serial: text(Self::SERIAL_LEN)?,
            datapath: text(Self::LEN)?,
        })
    }
}

record! {
    /// A flow as the switch has it.
    pub struct FlowStats {
        /// Its table.
        {length, pad 2} table "table_id": TableId;
        /// Its priority.
        {pad 1} priority: u16;
        /// Its timeout in seconds.
        idle_timeout: u16;
        /// Its timeout in seconds.
        hard_timeout: u16;
        /// How it behaves.
        flags: flow::FlowFlags;
        /// Which flows stay when a table overflows.
        importance: u16;
        /// Its number.
        cookie: u64;
        /// Its match.
        matches "match": Match;
        /// What was counted: duration, packets and bytes before 1.5.
        stats: Stats;
        /// Its instructions; in 1.0 actions that are applied.
        instructions: Vec<Instruction>;
    }
    forms { [V1_0 V1_0] FlowStats10, [V1_1 V1_4] FlowStats11 }
}

record! {
    /// [`FlowStats`] in 1.0.
    pub struct FlowStats10 {
        {length} table "table_id": TableId;
        {pad 1} matches "match": Match;
        duration_sec: u32;
        duration_nsec: u32;
        priority: u16;
        idle_timeout: u16;
        hard_timeout: u16;
        {pad 6} cookie: u64;
        packet_count: u64;
        byte_count: u64;
        actions: Vec<Action>;
    }
}

impl From<FlowStats10> for FlowStats {
    fn from(form: FlowStats10) -> Self {
        Self {
            table: form.table,
            priority: form.priority,
            idle_timeout: form.idle_timeout,
            hard_timeout: form.hard_timeout,
            flags: flow::FlowFlags::default(),
            importance: 0,
            cookie: form.cookie,
            matches: form.matches,
            stats: Stats::new(
                (form.duration_sec, form.duration_nsec),
                form.packet_count,
                form.byte_count,
            ),
            instructions: flow::applied(form.actions),
        }
    }
}

impl Form<FlowStats> for FlowStats10 {
    fn of(flow: &FlowStats, version: Version) -> Result<Self, EncodeError> {
        flow.stats.only_fixed(version)?;
        let refuse = |what| Err(EncodeError::NotInVersion { what, version });
        if flow.flags != flow::FlowFlags::default() {
            return refuse("FlowStats.flags");
        }
        if flow.importance != 0 {
            return refuse("FlowStats.importance");
        }
        let (duration_sec, duration_nsec) = flow.stats.duration();
        Ok(Self {
            table: flow.table,
            matches: flow.matches.clone(),
            duration_sec,
            duration_nsec,
            priority: flow.priority,
            idle_timeout: flow.idle_timeout,
            hard_timeout: flow.hard_timeout,
            cookie: flow.cookie,
            packet_count: flow.stats.packets(),
            byte_count: flow.stats.bytes(),
            actions: flow::only_applied(&flow.instructions, version)?,
        })
    }
}

record! {
    /// [`FlowStats`] in 1.1 to 1.4.
    pub struct FlowStats11 {
        {length} table "table_id": TableId;
        {pad 1} duration_sec: u32;
        duration_nsec: u32;
        priority: u16;
        idle_timeout: u16;
        hard_timeout: u16;
        flags: flow::FlowFlags [V1_3 V1_4];
        importance: u16 [V1_4 V1_4];
        {pad 6 [V1_1 V1_2], pad 4 [V1_3 V1_3], pad 2 [V1_4 V1_4]} cookie: u64;
        packet_count: u64;
        byte_count: u64;
        matches "match": Match;
        instructions: Vec<Instruction>;
    }
}

impl From<FlowStats11> for FlowStats {
    fn from(form: FlowStats11) -> Self {
        Self {
            table: form.table,
            priority: form.priority,
            idle_timeout: form.idle_timeout,
            hard_timeout: form.hard_timeout,
            flags: form.flags,
            importance: form.importance,
            cookie: form.cookie,
            matches: form.matches,
            stats: Stats::new(
                (form.duration_sec, form.duration_nsec),
                form.packet_count,
                form.byte_count,
            ),
            instructions: form.instructions,
        }
    }
}

impl Form<FlowStats> for FlowStats11 {
    fn of(flow: &FlowStats, version: Version) -> Result<Self, EncodeError> {
        flow.stats.only_fixed(version)?;
        let (duration_sec, duration_nsec) = flow.stats.duration();
        Ok(Self {
            table: flow.table,
            duration_sec,
            duration_nsec,
            priority: flow.priority,
            idle_timeout: flow.idle_timeout,
            hard_timeout: flow.hard_timeout,
            flags: flow.flags,
            importance: flow.importance,
            cookie: flow.cookie,
            packet_count: flow.stats.packets(),
            byte_count: flow.stats.bytes(),
            matches: flow.matches.clone(),
            instructions: flow.instructions.clone(),
        })
    }
}

/// A group as the switch has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupDesc {
    /// Its type.
    pub kind: GroupType,
    /// Its number.
    pub group: GroupId,
    /// Its buckets.
    pub buckets: Vec<Bucket>,
    /// What else is said (from 1.5 on).
    pub properties: Vec<GroupProperty>,
}

impl GroupDesc {
    fn encode(&self, w: &mut Writer, version: Version) -> Result<(), EncodeError> {
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

    fn decode(r: &mut Reader<'_>, version: Version) -> Result<Self, DecodeError> {
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

/// A meter as the switch has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MeterConfig {
    /// `OFPMF_*`.
    pub flags: u16,
    /// Its number.
    pub meter: MeterId,
    /// What happens above which rate.
    pub bands: Vec<Band>,
}

impl MeterConfig {
    fn encode(&self, w: &mut Writer) -> Result<(), EncodeError> {
        let start = w.len();
        w.u16(0);
        w.u16(self.flags);
        w.u32(self.meter.0);
        self.bands.write(w, Version::V1_3)?;
        w.patch_length(start, start, "the description of a meter")
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let length = usize::from(r.u16("meter_config.length")?);
        let length = length
            .checked_sub(2)
            .ok_or_else(|| r.error("a meter description of at least 2 bytes"))?;
        let r = &mut r.sub(length, "the meter that meter_config.length tells of")?;
        Ok(Self {
            flags: r.u16("meter_config.flags")?,
            meter: MeterId(r.u32("meter_config.meter_id")?),
            bands: Vec::read(r, Version::V1_3, "meter_config.bands")?,
        })
    }
}

/// What is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// Who made the switch.
    Desc(Box<Desc>),
    /// Flows.
    Flow(Vec<FlowStats>),
    /// Sums over flows: packets, bytes and flows.
    Aggregate(Stats),
    /// Groups.
    GroupDesc(Vec<GroupDesc>),
    /// Meters.
    MeterConfig(Vec<MeterConfig>),
    /// Ports.
    PortDesc(Vec<Port>),
    /// Any other.
    Unknown {
        /// `OFPMP_*`.
        kind: u16,
        /// What is answered.
        body: Bytes,
    },
}

/// Part of a description or of statistics.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MultipartReply {
    /// `OFPMPF_REPLY_*`.
    pub flags: u16,
    /// What is answered.
    pub reply: Reply,
}

impl MultipartReply {
    /// A part, which is the last one or not.
    #[must_use]
    pub fn new(reply: Reply, more: bool) -> Self {
        Self {
            flags: u16::from(more) * MORE,
            reply,
        }
    }

    /// True when another part follows.
    #[must_use]
    pub fn more(&self) -> bool {
        self.flags & MORE != 0
    }
}

impl Wire for MultipartReply {
    fn write(&self, w: &mut Writer, version: Version) -> Result<(), EncodeError> {
        w.u16(match &self.reply {
            Reply::Desc(_) => code::DESC,
            Reply::Flow(_) => code::FLOW,
            Reply::Aggregate(_) => code::AGGREGATE,
            Reply::GroupDesc(_) => code::GROUP_DESC,
            Reply::MeterConfig(_) => code::METER_CONFIG,
            Reply::PortDesc(_) => code::PORT_DESC,
            Reply::Unknown { kind, .. } => *kind,
        });
        w.u16(self.flags);
        w.pad(4);
        match &self.reply {
            Reply::Desc(desc) => desc.encode(w),
            Reply::Flow(list) => list.write(w, version)?,
            Reply::Aggregate(stats) if version >= Version::V1_5 => stats.write(w, version)?,
            Reply::Aggregate(stats) => {
                w.u64(stats.packets());
                w.u64(stats.bytes());
                w.u32(stats.flows());
                w.pad(4);
            }
            Reply::GroupDesc(list) => list.iter().try_for_each(|one| one.encode(w, version))?,
            Reply::MeterConfig(list) => list.iter().try_for_each(|one| one.encode(w))?,
            Reply::PortDesc(list) => list.write(w, version)?,
            Reply::Unknown { body, .. } => w.slice(body),
        }
        Ok(())
    }

    fn read(r: &mut Reader<'_>, version: Version, _: &'static str) -> Result<Self, DecodeError> {
        let kind = r.u16("multipart_reply.type")?;
        let flags = r.u16("multipart_reply.flags")?;
        r.skip(4, "multipart_reply.pad")?;
        let reply = match kind {
            code::DESC => Reply::Desc(Box::new(Desc::decode(r)?)),
            code::FLOW => Reply::Flow(Vec::read(r, version, "flow_stats")?),
            code::AGGREGATE if version >= Version::V1_5 => {
                Reply::Aggregate(Stats::read(r, version, "aggregate_stats")?)
            }
            code::AGGREGATE => {
                let stats = Stats::aggregate(
                    r.u64("aggregate.packet_count")?,
                    r.u64("aggregate.byte_count")?,
                    r.u32("aggregate.flow_count")?,
                );
                r.skip(4, "aggregate.pad")?;
                Reply::Aggregate(stats)
            }
            code::GROUP_DESC => Reply::GroupDesc(list(r, |r| GroupDesc::decode(r, version))?),
            code::METER_CONFIG => Reply::MeterConfig(list(r, MeterConfig::decode)?),
            code::PORT_DESC => Reply::PortDesc(Vec::read(r, version, "port_desc")?),
            kind => Reply::Unknown {
                kind,
                body: r.rest(),
            },
        };
        Ok(Self { flags, reply })
    }
}

/// Reads values until the reader's end.
fn list<'a, T>(
    r: &mut Reader<'a>,
    mut decode: impl FnMut(&mut Reader<'a>) -> Result<T, DecodeError>,
) -> Result<Vec<T>, DecodeError> {
    let mut list = Vec::new();
    while !r.is_empty() {
        list.push(decode(r)?);
    }
    Ok(list)
}
