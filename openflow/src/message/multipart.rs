//! Multipart requests and replies: descriptions and statistics (OpenFlow 1.5.1, 7.3.5).
//!
//! One message is one part; [`crate::session`] puts the parts of a reply together.

use bytes::Bytes;

use super::flow;
use super::group::{self, Bucket, GroupType};
use super::meter::Band;
use super::port::Port;
use super::property::{self, Property};
use super::stats::Stats;
use crate::error::{DecodeError, EncodeError};
use crate::instruction::{self, Instruction};
use crate::record::Wire;
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

/// A flow as the switch has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlowStats {
    /// Its table.
    pub table: TableId,
    /// Its priority.
    pub priority: u16,
    /// Its timeout in seconds.
    pub idle_timeout: u16,
    /// Its timeout in seconds.
    pub hard_timeout: u16,
    /// How it behaves.
    pub flags: flow::FlowFlags,
    /// Which flows stay when a table overflows (from 1.4 on).
    pub importance: u16,
    /// Its number.
    pub cookie: u64,
    /// What was counted: duration, packets and bytes before 1.5.
    pub stats: Stats,
    /// Its match.
    pub matches: Match,
    /// Its instructions.
    pub instructions: Vec<Instruction>,
}

impl FlowStats {
    fn encode(&self, w: &mut Writer, version: Version) -> Result<(), EncodeError> {
        let start = w.len();
        let new = version >= Version::V1_5;
        w.u16(0);
        w.pad(if new { 2 } else { 0 });
        w.u8(self.table.0);
        w.pad(1);
        if !new {
            self.stats.encode_duration(w);
        }
        w.u16(self.priority);
        w.u16(self.idle_timeout);
        w.u16(self.hard_timeout);
        w.u16(self.flags.0);
        flow::encode_importance(self.importance, w, version)?;
        w.pad(if new { 0 } else { 2 });
        w.u64(self.cookie);
        if new {
            self.matches.encode(w, version)?;
            self.stats.encode(w)?;
        } else {
            self.stats.encode_counts(w);
            self.matches.encode(w, version)?;
        }
        instruction::encode_list(&self.instructions, w, version)?;
        w.patch_length(start, start, "the description of a flow")
    }

    fn decode(r: &mut Reader<'_>, version: Version) -> Result<Self, DecodeError> {
        let new = version >= Version::V1_5;
        let length = usize::from(r.u16("flow_stats.length")?);
        let length = length
            .checked_sub(2)
            .ok_or_else(|| r.error("a flow description of at least 2 bytes"))?;
        let r = &mut r.sub(length, "the flow that flow_stats.length tells of")?;
        r.skip(if new { 2 } else { 0 }, "flow_desc.pad2")?;
        let table = TableId(r.u8("flow_stats.table_id")?);
        r.skip(1, "flow_stats.pad")?;
        let duration = if new {
            (0, 0)
        } else {
            Stats::decode_duration(r)?
        };
        let priority = r.u16("flow_stats.priority")?;
        let idle_timeout = r.u16("flow_stats.idle_timeout")?;
        let hard_timeout = r.u16("flow_stats.hard_timeout")?;
        let flags = flow::FlowFlags(r.u16("flow_stats.flags")?);
        let importance = flow::decode_importance(r, version)?;
        r.skip(if new { 0 } else { 2 }, "flow_stats.pad2")?;
        let cookie = r.u64("flow_stats.cookie")?;
        let (stats, matches) = if new {
            let matches = Match::decode(r, version)?;
            (Stats::decode(r)?, matches)
        } else {
            let stats = Stats::decode_counts(r, duration)?;
            (stats, Match::decode(r, version)?)
        };
        Ok(Self {
            table,
            priority,
            idle_timeout,
            hard_timeout,
            flags,
            importance,
            cookie,
            stats,
            matches,
            instructions: instruction::decode_list(r, version)?,
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
    pub properties: Vec<Property>,
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
            group::encode_buckets(&self.buckets, w, version)?;
        } else {
            let length_at = w.len();
            w.pad(8);
            let buckets = w.len();
            group::encode_buckets(&self.buckets, w, version)?;
            w.patch_length(length_at, buckets, "the buckets of a group")?;
            property::encode_list(&self.properties, w)?;
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
            group::decode_buckets(r, version)?
        } else {
            let length = usize::from(r.u16("group_desc.bucket_array_len")?);
            r.skip(6, "group_desc.pad2")?;
            let mut body = r.sub(length, "the buckets that bucket_array_len tells of")?;
            group::decode_buckets(&mut body, version)?
        };
        Ok(Self {
            kind,
            group,
            buckets,
            properties: property::decode_list(r)?,
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
            Reply::Flow(list) => list.iter().try_for_each(|flow| flow.encode(w, version))?,
            Reply::Aggregate(stats) if version >= Version::V1_5 => stats.encode(w)?,
            Reply::Aggregate(stats) => {
                stats.encode_counts(w);
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
            code::FLOW => Reply::Flow(list(r, |r| FlowStats::decode(r, version))?),
            code::AGGREGATE if version >= Version::V1_5 => Reply::Aggregate(Stats::decode(r)?),
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
