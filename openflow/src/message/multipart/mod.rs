//! Multipart requests and replies: descriptions and statistics (OpenFlow 1.5.1, 7.3.5), called statistics in
//! OpenFlow 1.0 and 1.1.
//!
//! One message is one part; [`crate::session`] puts the parts of a reply together. A row of the table is a
//! question with its answer; what they say is in the files below.

mod flows;
mod groups;
mod monitor;
mod nicira;
mod onf;
mod ports;
mod switch;
mod tables;

pub use flows::{Aggregate, Aggregate10, FlowCounters, FlowFilter, FlowStats, FlowStatsReason};
pub use groups::{
    BandCounter, Counter, GroupDesc, GroupDescFilter, GroupFeatures, GroupFilter, GroupStats,
    MeterConfig, MeterFeatureFlags, MeterFeatures, MeterFilter, MeterStats,
};
pub use monitor::{FLOW_UPDATES, FlowMonitorRequest, FlowUpdate, MonitorCommand};
pub use nicira::{
    IpfixStats, NX_FLOW_UPDATES, NxFlowFilter, NxFlowMonitorRequest, NxFlowStats, NxFlowUpdate,
    UpdateAction,
};
pub use onf::{ONF_FLOW_UPDATES, OnfFlowMonitorRequest, OnfFlowUpdate, OnfMatch};
pub use ports::{
    CustomStat, CustomStats, PORT_STATS_PROPERTIES, PortDescFilter, PortFilter, PortStats,
    PortStatsProperty, QUEUE_DESC_PROPERTIES, QUEUE_STATS_PROPERTIES, QueueDesc, QueueDescProperty,
    QueueFilter, QueueStats, QueueStatsProperty,
};
pub use switch::{
    BUNDLE_FEATURES_PROPERTIES, BundleFeatures, BundleFeaturesProperty, BundleFeaturesRequest,
    CONTROLLER_PROPERTIES, ChannelStatus, ControllerProperty, ControllerReason, ControllerStatus,
    Desc, Time,
};
pub use tables::{
    TABLE_FEATURE_PROPERTIES, TableDesc, TableFeatureProperty, TableFeatures, TableFeaturesCommand,
    TableStats, TypeId,
};

use bytes::Bytes;

use super::port::Port;
use crate::Version;
use crate::error::{DecodeError, EncodeError};
use crate::record::{
    Code, Dice, Generate, Members, Plain, Value, ValueError, Wire, other_name, record, required,
    vendor,
};
use crate::wire::{Reader, Writer};

/// `OFPMPF_REQ_MORE` and `OFPMPF_REPLY_MORE`.
const MORE: u16 = 1;
/// `OFPMP_EXPERIMENTER`.
const EXPERIMENTER: u16 = 0xffff;

/// A row of the table.
#[derive(Debug)]
pub struct MultipartRow {
    /// Which question.
    pub kind: MultipartKind,
    /// Its name.
    pub name: &'static str,
    /// The codes that it is asked under: `OFPMP_*`, or a vendor's.
    pub codes: &'static [Code],
    /// One sentence.
    pub doc: &'static str,
}

impl MultipartRow {
    /// The code that a version asks it under.
    #[must_use]
    pub fn code(&self, version: Version) -> Option<&'static Code> {
        self.codes.iter().find(|code| code.in_version(version))
    }

    /// Its name in the specification of a version.
    #[must_use]
    pub fn name(&self, version: Version) -> &'static str {
        let own = self.code(version).and_then(|code| code.name);
        own.unwrap_or(self.name)
    }

    /// Its name in the specification of the first version that has it, which Open vSwitch uses for all.
    #[must_use]
    pub fn first_name(&self) -> &'static str {
        let first = self.codes.iter().min_by_key(|code| code.since);
        first.and_then(|code| code.name).unwrap_or(self.name)
    }

    /// What is called so in a version, or has that name itself.
    fn named(name: &str, version: Version) -> Option<MultipartKind> {
        let own = |row: &&Self| row.code(version).is_some() && row.name(version) == name;
        let found = MULTIPARTS.iter().find(own);
        let found = found.or_else(|| MULTIPARTS.iter().find(|row| row.name == name));
        found.map(|row| row.kind)
    }

    /// What a version asks under a code.
    fn find(vendor: Option<u32>, number: u32, version: Version) -> Option<MultipartKind> {
        let asked = |code: &Code| {
            code.number == number && code.vendor == vendor && code.in_version(version)
        };
        let found = MULTIPARTS.iter().find(|row| row.codes.iter().any(asked));
        found.map(|row| row.kind)
    }
}

/// The table of questions and answers, and what derives from its rows. A row names the bodies of both, if they
/// have any.
macro_rules! multiparts {
    ($($kind:ident $name:literal [$($vendor:ident $number:literal $since:ident $until:ident $($cname:literal)?),*] ($($asked:ident: $question:ty)?) => ($($told:ident: $answer:ty)?) $doc:literal;)*) => {
        /// Every question that this crate understands.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum MultipartKind { $(#[doc = $doc] $kind,)* }

        /// The table, in the order of [`MultipartKind`].
        pub static MULTIPARTS: &[MultipartRow] = &[$(MultipartRow {
            kind: MultipartKind::$kind,
            name: $name,
            codes: &[$(Code {
                vendor: vendor!($vendor),
                number: $number,
                since: Version::$since,
                until: Version::$until,
                name: other_name!($($cname)?),
            },)*],
            doc: $doc,
        },)*];

        bodies! {
            /// What is asked for.
            Request {$($kind $name ($($asked: $question)?) $doc;)*}
        }

        bodies! {
            /// What is answered.
            Reply {$($kind $name ($($told: $answer)?) $doc;)*}
        }
    };
}

macro_rules! bodies {
    ($(#[$meta:meta])* $union:ident {$($kind:ident $name:literal ($($body:ident: $type:ty)?) $doc:literal;)*}) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash)]
        pub enum $union {
            $(#[doc = $doc] $kind $(($type))?,)*
            /// Any other.
            Unknown {
                /// `OFPMP_*`.
                kind: u16,
                /// What it says.
                body: Bytes,
            },
        }

        impl $union {
            /// Its row; none for one that the table does not know.
            #[must_use]
            pub fn row(&self) -> Option<&'static MultipartRow> {
                match self {
                    $(Self::$kind { .. } => Some(&MULTIPARTS[MultipartKind::$kind as usize]),)*
                    Self::Unknown { .. } => None,
                }
            }

            /// Its name; none for one that the table does not know.
            #[must_use]
            pub fn name(&self) -> Option<&'static str> {
                self.row().map(|row| row.name)
            }

            /// Its name in the specification of a version; none for one that the table does not know.
            #[must_use]
            pub fn name_in(&self, version: Version) -> Option<&'static str> {
                self.row().map(|row| row.name(version))
            }

            fn read(address: Address, r: &mut Reader<'_>, version: Version) -> Result<Self, DecodeError> {
                Ok(match address {
                    $(Address::Known(MultipartKind::$kind) => Self::$kind $((<$type as Wire>::read(r, version, $name)?))?,)*
                    Address::Unknown(kind) => Self::Unknown { kind, body: r.rest() },
                })
            }

            /// Vendor and number.
            fn address(&self, version: Version) -> Result<(Option<u32>, u32), EncodeError> {
                let Some(row) = self.row() else {
                    let Self::Unknown { kind, .. } = self else { return Ok((None, 0)) };
                    return Ok((None, (*kind).into()));
                };
                let what = row.name;
                let code = row.code(version).ok_or(EncodeError::NotInVersion { what, version })?;
                Ok((code.vendor, code.number))
            }

            fn write(&self, w: &mut Writer, version: Version) -> Result<(), EncodeError> {
                match self {
                    $(Self::$kind $(($body))? => { $($body.write(w, version)?;)? })*
                    Self::Unknown { body, .. } => w.slice(body),
                }
                Ok(())
            }

            /// The member `type`.
            fn type_value(&self, version: Version) -> Value {
                match self {
                    Self::Unknown { kind, .. } => Value::Number((*kind).into()),
                    known => Value::name(known.name_in(version).unwrap_or_default()),
                }
            }

            fn value(&self, version: Version) -> Option<Value> {
                match self {
                    $(Self::$kind $(($body))? => {
                        let _body: Option<Value> = None;
                        $(let _body = Some($body.value(version));)?
                        _body
                    })*
                    Self::Unknown { body, .. } => Some(body.value(version)),
                }
            }

            fn from_value(kind: &Value, value: &Value, version: Version) -> Result<Self, ValueError> {
                if let Value::Number(_) = kind {
                    return Ok(Self::Unknown {
                        kind: u16::from_value(kind, version)?,
                        body: required(value, "body", version)?,
                    });
                }
                let kind = kind.as_text("a name or a number")?;
                match MultipartRow::named(kind, version) {
                    $(Some(MultipartKind::$kind) => Ok(Self::$kind $((required::<$type>(value, "body", version)?))?),)*
                    None => {
                        let spoken = MULTIPARTS.iter().filter(|row| row.code(version).is_some());
                        let names: Vec<_> = spoken.map(|row| row.name(version)).collect();
                        Err(ValueError::new(format!("one of {}", names.join(", "))).within("type"))
                    }
                }
            }
        }

        impl Generate for $union {
            fn generate(dice: &mut Dice<'_>, version: Version) -> Self {
                let mut known = MULTIPARTS.iter().filter(|row| row.code(version).is_some());
                let count = known.clone().count();
                match known.nth(dice.below(count + 1)).map(|row| row.kind) {
                    $(Some(MultipartKind::$kind) => Self::$kind $((<$type as Generate>::generate(dice, version)))?,)*
                    None => Self::Unknown { kind: 0x7f00, body: Bytes::generate(dice, version) },
                }
            }
        }
    };
}

/// Which question a part belongs to.
enum Address {
    Known(MultipartKind),
    /// One that the table does not know, by its `OFPMP_*`.
    Unknown(u16),
}

/// Reads what stands before the body of a part: number and flags, and for a vendor's that the table knows the
/// vendor's header (`struct nicira10_stats_msg`, `struct nicira11_stats_msg`).
fn read_header(
    r: &mut Reader<'_>,
    version: Version,
    what: &'static str,
) -> Result<(Address, u16), DecodeError> {
    let number = r.u16(what)?;
    let flags = r.u16(what)?;
    if version > Version::V1_0 {
        r.skip(4, what)?;
    }
    if let (EXPERIMENTER, Some((vendor, rest))) = (number, r.peek().split_first_chunk())
        && let Some((kind, _)) = rest.split_first_chunk()
    {
        let (vendor, kind) = (u32::from_be_bytes(*vendor), u32::from_be_bytes(*kind));
        if let Some(known) = MultipartRow::find(Some(vendor), kind, version) {
            r.skip(vendor_header(version), what)?;
            return Ok((Address::Known(known), flags));
        }
    }
    let known = MultipartRow::find(None, number.into(), version);
    Ok((
        known.map_or(Address::Unknown(number), Address::Known),
        flags,
    ))
}

/// Bytes of a vendor's id and type, and of their padding.
fn vendor_header(version: Version) -> usize {
    if version == Version::V1_0 { 12 } else { 8 }
}

/// Writes what stands before the body of a part.
fn write_header(
    w: &mut Writer,
    version: Version,
    (vendor, number): (Option<u32>, u32),
    flags: u16,
) {
    // The rows hold the standard's in 16 bits.
    w.u16(vendor.map_or(number as u16, |_| EXPERIMENTER));
    w.u16(flags);
    if version > Version::V1_0 {
        w.pad(4);
    }
    if let Some(vendor) = vendor {
        w.u32(vendor);
        w.u32(number);
        w.pad(vendor_header(version) - 8);
    }
}

multiparts! {
    Desc "desc" [std 0 V1_0 V1_5] () => (desc: Box<Desc>) "Who made the switch.";
    Flow "flow" [std 1 V1_0 V1_4, std 1 V1_5 V1_5 "flow_desc"] (filter: FlowFilter) => (flows: Vec<FlowStats>) "Flows: called statistics before 1.5, description since.";
    Aggregate "aggregate" [std 2 V1_0 V1_4, std 2 V1_5 V1_5 "aggregate_stats"] (filter: FlowFilter) => (sums: Box<Aggregate>) "Sums over flows.";
    Table "table" [std 3 V1_0 V1_4, std 3 V1_5 V1_5 "table_stats"] () => (tables: Vec<TableStats>) "Counters of tables.";
    PortStats "port_stats" [std 4 V1_0 V1_2 "port", std 4 V1_3 V1_5] (filter: PortFilter) => (ports: Vec<PortStats>) "Counters of ports.";
    QueueStats "queue_stats" [std 5 V1_0 V1_3 "queue", std 5 V1_4 V1_5] (filter: QueueFilter) => (queues: Vec<QueueStats>) "Counters of queues.";
    GroupStats "group_stats" [nx 7 V1_0 V1_0 "group", std 6 V1_1 V1_4 "group", std 6 V1_5 V1_5] (filter: GroupFilter) => (groups: Vec<GroupStats>) "Counters of groups.";
    GroupDesc "group_desc" [std 7 V1_1 V1_5, nx 8 V1_0 V1_0] (filter: GroupDescFilter) => (groups: Vec<GroupDesc>) "Groups.";
    GroupFeatures "group_features" [std 8 V1_2 V1_5, nx 9 V1_0 V1_1] () => (features: Box<GroupFeatures>) "What the switch can do with groups.";
    MeterStats "meter_stats" [std 9 V1_3 V1_4 "meter", std 9 V1_5 V1_5] (filter: MeterFilter) => (meters: Vec<MeterStats>) "Counters of meters.";
    MeterConfig "meter_desc" [std 10 V1_3 V1_4 "meter_config", std 10 V1_5 V1_5] (filter: MeterFilter) => (meters: Vec<MeterConfig>) "Meters.";
    MeterFeatures "meter_features" [std 11 V1_3 V1_5] () => (features: MeterFeatures) "What the switch can do with meters.";
    TableFeatures "table_features" [std 12 V1_3 V1_5] (tables: Vec<TableFeatures>) => (tables: Vec<TableFeatures>) "What tables can do.";
    PortDesc "port_desc" [std 13 V1_0 V1_5] (filter: PortDescFilter) => (ports: Vec<Port>) "Ports.";
    TableDesc "table_desc" [std 14 V1_4 V1_5] () => (tables: Vec<TableDesc>) "How tables are set up.";
    QueueDesc "queue_desc" [std 15 V1_4 V1_5] (filter: QueueFilter) => (queues: Vec<QueueDesc>) "Queues.";
    FlowMonitor "flow_monitor" [std 16 V1_4 V1_5] (monitors: Vec<FlowMonitorRequest>) => (updates: Vec<FlowUpdate>) "Changes of flows.";
    FlowStats "flow_stats" [std 17 V1_5 V1_5] (filter: FlowFilter) => (flows: Vec<FlowCounters>) "Counters of flows.";
    ControllerStatus "controller_status" [std 18 V1_5 V1_5] () => (controllers: Vec<ControllerStatus>) "Controllers.";
    BundleFeatures "bundle_features" [std 19 V1_5 V1_5] (request: BundleFeaturesRequest) => (features: BundleFeatures) "What the switch can do with bundles.";
    Experimenter "experimenter" [std 0xffff V1_0 V1_5] (message: MultipartExperimenter) => (message: MultipartExperimenter) "What a vendor asks and answers.";
    NxFlow "nx_flow" [nx 0 V1_0 V1_0] (filter: NxFlowFilter) => (flows: Vec<NxFlowStats>) "Flows in Nicira's form.";
    NxAggregate "nx_aggregate" [nx 1 V1_0 V1_0] (filter: NxFlowFilter) => (sums: Aggregate10) "Sums over flows, asked for in Nicira's form.";
    NxFlowMonitor "nx_flow_monitor" [nx 2 V1_0 V1_2] (monitors: Vec<NxFlowMonitorRequest>) => (updates: Vec<NxFlowUpdate>) "Changes of flows in Nicira's form.";
    OnfFlowMonitor "onf_flow_monitor" [onf 1870 V1_3 V1_3] (monitors: Vec<OnfFlowMonitorRequest>) => (updates: Vec<OnfFlowUpdate>) "Changes of flows as the ONF's extension EXT-187 has them.";
    IpfixBridge "ipfix_bridge" [nx 3 V1_0 V1_5] () => (stats: Box<IpfixStats>) "What the bridge's exporter of IPFIX did.";
    IpfixFlow "ipfix_flow" [nx 4 V1_0 V1_5] () => (stats: Vec<IpfixStats>) "What the flows' exporters of IPFIX did.";
}

record! {
    /// What a vendor asks or answers.
    pub struct MultipartExperimenter {
        /// The vendor.
        vendor "experimenter": u32;
        /// The vendor's type.
        kind "exp_type": u32 [V1_1 V1_5];
        /// What follows.
        data: Bytes;
    }
}

/// A message that is a part: its number, its flags, its body.
macro_rules! parts {
    ($($(#[$meta:meta])* $message:ident $member:ident $union:ident;)*) => {$(
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash)]
        pub struct $message {
            /// `OFPMPF_*`.
            pub flags: u16,
            /// What it says.
            pub $member: $union,
        }

        impl Wire for $message {
            fn read(
                r: &mut Reader<'_>,
                version: Version,
                what: &'static str,
            ) -> Result<Self, DecodeError> {
                let (address, flags) = read_header(r, version, what)?;
                let $member = $union::read(address, r, version)?;
                Ok(Self { flags, $member })
            }

            fn write(&self, w: &mut Writer, version: Version) -> Result<(), EncodeError> {
                let address = self.$member.address(version)?;
                write_header(w, version, address, self.flags);
                self.$member.write(w, version)
            }
        }

        impl Plain for $message {
            fn value(&self, version: Version) -> Value {
                let mut members: Members =
                    vec![("type".into(), self.$member.type_value(version)), ("flags".into(), self.flags.value(version))];
                if let Some(body) = self.$member.value(version) {
                    members.push(("body".into(), body));
                }
                Value::Object(members)
            }

            fn from_value(value: &Value, version: Version) -> Result<Self, ValueError> {
                value.members(&["type", "flags", "body"])?;
                let kind = value.member("type");
                let kind = kind.ok_or_else(|| ValueError::new("a member of that name").within("type"))?;
                Ok(Self {
                    flags: required(value, "flags", version)?,
                    $member: $union::from_value(kind, value, version)?,
                })
            }
        }

        impl Generate for $message {
            fn generate(dice: &mut Dice<'_>, version: Version) -> Self {
                Self {
                    flags: u16::generate(dice, version),
                    $member: $union::generate(dice, version),
                }
            }
        }
    )*};
}

parts! {
    /// Asks for descriptions or statistics.
    MultipartRequest request Request;
    /// Part of a description or of statistics.
    MultipartReply reply Reply;
}

impl MultipartRequest {
    /// Asks, all in one message.
    #[must_use]
    pub fn new(request: Request) -> Self {
        Self { flags: 0, request }
    }
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
