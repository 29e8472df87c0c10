//! Multipart requests and replies: descriptions and statistics (OpenFlow 1.5.1, 7.3.5), called statistics in
//! OpenFlow 1.0 and 1.1.
//!
//! One message is one part; [`crate::session`] puts the parts of a reply together. A row of the table is a
//! question with its answer; what they say is in the files below.

mod flows;
mod groups;
mod monitor;
mod ports;
mod switch;
mod tables;

pub use flows::{Aggregate, FlowCounters, FlowFilter, FlowStats, FlowStatsReason};
pub use groups::{
    Counter, GroupDesc, GroupDescFilter, GroupFeatures, GroupFilter, GroupStats, MeterConfig,
    MeterFeatures, MeterFilter, MeterStats,
};
pub use monitor::{FLOW_UPDATES, FlowMonitorRequest, FlowUpdate, MonitorCommand};
pub use ports::{
    PORT_STATS_PROPERTIES, PortDescFilter, PortFilter, PortStats, PortStatsProperty,
    QUEUE_DESC_PROPERTIES, QUEUE_STATS_PROPERTIES, QueueDesc, QueueDescProperty, QueueFilter,
    QueueStats, QueueStatsProperty,
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
use crate::record::{Dice, Generate, Members, Plain, Value, ValueError, Wire, record, required};
use crate::wire::{Reader, Writer};

/// `OFPMPF_REQ_MORE` and `OFPMPF_REPLY_MORE`.
const MORE: u16 = 1;

/// A row of the table.
#[derive(Debug)]
pub struct MultipartRow {
    /// Its name.
    pub name: &'static str,
    /// `OFPMP_*`.
    pub number: u16,
    /// The first version.
    pub since: Version,
    /// The last version.
    pub until: Version,
    /// One sentence.
    pub doc: &'static str,
}

impl MultipartRow {
    fn in_version(&self, version: Version) -> bool {
        (self.since..=self.until).contains(&version)
    }
}

/// The table of questions and answers, and what derives from its rows. A row names the bodies of both, if they
/// have any.
macro_rules! multiparts {
    ($($kind:ident $name:literal $number:literal [$since:ident $until:ident] ($($asked:ident: $question:ty)?) => ($($told:ident: $answer:ty)?) $doc:literal;)*) => {
        /// The table, by number.
        pub static MULTIPARTS: &[MultipartRow] = &[$(MultipartRow {
            name: $name,
            number: $number,
            since: Version::$since,
            until: Version::$until,
            doc: $doc,
        },)*];

        bodies! {
            /// What is asked for.
            Request {$($kind $name $number ($($asked: $question)?) $doc;)*}
        }

        bodies! {
            /// What is answered.
            Reply {$($kind $name $number ($($told: $answer)?) $doc;)*}
        }
    };
}

macro_rules! bodies {
    ($(#[$meta:meta])* $union:ident {$($kind:ident $name:literal $number:literal ($($body:ident: $type:ty)?) $doc:literal;)*}) => {
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
            /// `OFPMP_*`.
            #[must_use]
            pub fn number(&self) -> u16 {
                match self {
                    $(Self::$kind { .. } => $number,)*
                    Self::Unknown { kind, .. } => *kind,
                }
            }

            /// Its name; none for one that the table does not know.
            #[must_use]
            pub fn name(&self) -> Option<&'static str> {
                match self {
                    $(Self::$kind { .. } => Some($name),)*
                    Self::Unknown { .. } => None,
                }
            }

            fn read(number: u16, r: &mut Reader<'_>, version: Version) -> Result<Self, DecodeError> {
                let known = MULTIPARTS.iter().any(|row| row.number == number && row.in_version(version));
                Ok(match number {
                    $($number if known => Self::$kind $((<$type as Wire>::read(r, version, $name)?))?,)*
                    kind => Self::Unknown { kind, body: r.rest() },
                })
            }

            fn write(&self, w: &mut Writer, version: Version) -> Result<(), EncodeError> {
                if let (Some(what), number) = (self.name(), self.number()) {
                    let spoken = |row: &MultipartRow| row.number == number && row.in_version(version);
                    if !MULTIPARTS.iter().any(spoken) {
                        return Err(EncodeError::NotInVersion { what, version });
                    }
                }
                match self {
                    $(Self::$kind $(($body))? => { $($body.write(w, version)?;)? })*
                    Self::Unknown { body, .. } => w.slice(body),
                }
                Ok(())
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
                match kind.as_text("a name or a number")? {
                    $($name => Ok(Self::$kind $((required::<$type>(value, "body", version)?))?),)*
                    _ => {
                        let names: Vec<_> = MULTIPARTS.iter().map(|row| row.name).collect();
                        Err(ValueError::new(format!("one of {}", names.join(", "))).within("type"))
                    }
                }
            }
        }

        impl Generate for $union {
            fn generate(dice: &mut Dice<'_>, version: Version) -> Self {
                let mut known = MULTIPARTS.iter().filter(|row| row.in_version(version));
                let count = known.clone().count();
                match known.nth(dice.below(count + 1)).map(|row| row.number) {
                    $(Some($number) => Self::$kind $((<$type as Generate>::generate(dice, version)))?,)*
                    _ => Self::Unknown { kind: 0x7f00, body: Bytes::generate(dice, version) },
                }
            }
        }
    };
}

multiparts! {
    Desc "desc" 0 [V1_0 V1_5] () => (desc: Box<Desc>) "Who made the switch.";
    Flow "flow" 1 [V1_0 V1_5] (filter: FlowFilter) => (flows: Vec<FlowStats>) "Flows: called statistics before 1.5, description since.";
    Aggregate "aggregate" 2 [V1_0 V1_5] (filter: FlowFilter) => (sums: Box<Aggregate>) "Sums over flows.";
    Table "table" 3 [V1_0 V1_5] () => (tables: Vec<TableStats>) "Counters of tables.";
    PortStats "port_stats" 4 [V1_0 V1_5] (filter: PortFilter) => (ports: Vec<PortStats>) "Counters of ports.";
    QueueStats "queue_stats" 5 [V1_0 V1_5] (filter: QueueFilter) => (queues: Vec<QueueStats>) "Counters of queues.";
    GroupStats "group_stats" 6 [V1_1 V1_5] (filter: GroupFilter) => (groups: Vec<GroupStats>) "Counters of groups.";
    GroupDesc "group_desc" 7 [V1_1 V1_5] (filter: GroupDescFilter) => (groups: Vec<GroupDesc>) "Groups.";
    GroupFeatures "group_features" 8 [V1_2 V1_5] () => (features: Box<GroupFeatures>) "What the switch can do with groups.";
    MeterStats "meter_stats" 9 [V1_3 V1_5] (filter: MeterFilter) => (meters: Vec<MeterStats>) "Counters of meters.";
    MeterConfig "meter_desc" 10 [V1_3 V1_5] (filter: MeterFilter) => (meters: Vec<MeterConfig>) "Meters.";
    MeterFeatures "meter_features" 11 [V1_3 V1_5] () => (features: MeterFeatures) "What the switch can do with meters.";
    TableFeatures "table_features" 12 [V1_3 V1_5] (tables: Vec<TableFeatures>) => (tables: Vec<TableFeatures>) "What tables can do.";
    PortDesc "port_desc" 13 [V1_3 V1_5] (filter: PortDescFilter) => (ports: Vec<Port>) "Ports.";
    TableDesc "table_desc" 14 [V1_4 V1_5] () => (tables: Vec<TableDesc>) "How tables are set up.";
    QueueDesc "queue_desc" 15 [V1_4 V1_5] (filter: QueueFilter) => (queues: Vec<QueueDesc>) "Queues.";
    FlowMonitor "flow_monitor" 16 [V1_4 V1_5] (monitors: Vec<FlowMonitorRequest>) => (updates: Vec<FlowUpdate>) "Changes of flows.";
    FlowStats "flow_stats" 17 [V1_5 V1_5] (filter: FlowFilter) => (flows: Vec<FlowCounters>) "Counters of flows.";
    ControllerStatus "controller_status" 18 [V1_5 V1_5] () => (controllers: Vec<ControllerStatus>) "Controllers.";
    BundleFeatures "bundle_features" 19 [V1_4 V1_5] (request: BundleFeaturesRequest) => (features: BundleFeatures) "What the switch can do with bundles.";
    Experimenter "experimenter" 0xffff [V1_0 V1_5] (message: MultipartExperimenter) => (message: MultipartExperimenter) "What a vendor asks and answers.";
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
                let number = r.u16(what)?;
                let flags = r.u16(what)?;
                if version > Version::V1_0 {
                    r.skip(4, what)?;
                }
                let $member = $union::read(number, r, version)?;
                Ok(Self { flags, $member })
            }

            fn write(&self, w: &mut Writer, version: Version) -> Result<(), EncodeError> {
                w.u16(self.$member.number());
                w.u16(self.flags);
                if version > Version::V1_0 {
                    w.pad(4);
                }
                self.$member.write(w, version)
            }
        }

        impl Plain for $message {
            fn value(&self, version: Version) -> Value {
                let kind = match self.$member.name() {
                    Some(name) => Value::text(name),
                    None => self.$member.number().value(version),
                };
                let mut members: Members =
                    vec![("type".into(), kind), ("flags".into(), self.flags.value(version))];
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
