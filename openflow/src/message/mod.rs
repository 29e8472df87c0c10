//! The table of messages, and their codec.
//!
//! One meaning, several encodings: a [`Row`] is a message with every code that it was ever sent
//! under, standard or of a vendor, and for which versions; [`Message`] holds what it says. Bodies
//! live in one file per group of messages. What the table does not know for a version is kept byte
//! for byte in [`Message::Unknown`] or [`Message::Experimenter`].
//!
//! This module knows nothing of conversations: who may send what, and when, is in
//! [`crate::session`]. Sources: OpenFlow 1.3.5, 1.4.1 and 1.5.1, chapter 7; `nicira-ext.h` of Open
//! vSwitch; ONF extension EXT-230 for the bundles of 1.3.

mod asynchronous;
mod control;
pub mod describe;
mod error;
mod errors;
mod flow;
mod group;
pub mod lines;
mod meter;
mod multipart;
mod nested;
mod nicira;
pub(crate) mod numbers;
mod nxm;
mod packet;
mod port;
mod queue;
mod stats;
mod table;

pub use asynchronous::{ASYNC_PROPERTIES, AsyncConfig, AsyncConfig13, AsyncProperty, RoleMasks};
pub use control::{
    BUNDLE_PROPERTIES, BundleAdd, BundleControl, BundleControlType, BundleFlags, BundleProperty,
    Features, HELLO_ELEMENTS, Hello, HelloElement, ROLE_PROPERTIES, Role, RoleMessage,
    RoleProperty, RoleReason, RoleStatus, ShortId, SwitchConfig, bundled, is_bundle_control,
};
pub use error::{ErrorKind, ErrorMessage};
pub use errors::{ERRORS, ErrorCode, ErrorRow};
pub use flow::{FlowCommand, FlowFlags, FlowMod, FlowRemoved, FlowRemovedReason, NO_BUFFER};
pub use group::{
    BUCKET_PROPERTIES, Bucket, BucketId, BucketProperty, GROUP_PROPERTIES, GroupCommand, GroupMod,
    GroupProperty, GroupType,
};
pub use meter::{BANDS, Band, MeterCommand, MeterMod};
pub use multipart::*;
pub use nested::{Nested, Requestforward};
pub use nicira::{
    CT_FLUSH_PROPERTIES, CT_TUPLE_PROPERTIES, CtFlush, CtFlushProperty, CtFlushZone,
    CtTupleProperty, FlowFormat, FlowModTableId, FlowMonitorCancel, NxRole, NxRoleMessage,
    SetAsyncConfig2, SetControllerId, SetFlowFormat, TlvMap, TlvTableCommand, TlvTableMod,
    TlvTableReply,
};
pub use nxm::{NxFlowMod, NxFlowRemoved, NxPacketIn};
pub use packet::{
    PACKET_IN2_PROPERTIES, PacketIn, PacketIn2, PacketIn2Property, PacketInFormat, PacketInReason,
    PacketOut, Received, SetPacketInFormat,
};
pub use port::{
    PORT_DESC_PROPERTIES, PORT_MOD_PROPERTIES, Port, PortDescProperty, PortMod, PortModProperty,
    PortReason, PortStatus,
};
pub use queue::{
    PacketQueue, QUEUE_PROPERTIES, QueueGetConfigReply, QueueGetConfigRequest, QueueProperty,
};
pub use stats::{Oxs, STATS, Stat, Stats};
pub use table::{TABLE_MOD_PROPERTIES, TableMod, TableModProperty, TableReason, TableStatus};

use bytes::Bytes;

use crate::Version;
use crate::action::NICIRA;
use crate::error::{DecodeError, EncodeError};
use crate::record::{
    Code, Dice, Generate, Members, Plain, Value, ValueError, Wire, plain, record, required, vendor,
};
use crate::wire::{Reader, Writer};

/// The Open Networking Foundation's experimenter id.
pub const ONF: u32 = 0x4f4e_4600;
/// Netronome's vendor id.
pub const NETRONOME: u32 = 0x0000_154d;
/// Intel's vendor id, as Open vSwitch has it.
pub const INTEL: u32 = 0x0000_aa01;
/// Bytes of the header that every message begins with.
pub const HEADER_LEN: usize = 8;
/// `OFPT_EXPERIMENTER`.
const EXPERIMENTER: u8 = 4;

/// The header that every message begins with (OpenFlow 1.5.1, 7.1.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// The version byte, also when this crate does not know it.
    pub version: u8,
    /// `OFPT_*`.
    pub kind: u8,
    /// Bytes of the whole message.
    pub length: u16,
    /// The number by which an answer names what it answers.
    pub xid: u32,
}

impl Header {
    /// Reads the header of `message`; none when fewer than eight bytes are there.
    #[must_use]
    pub fn peek(message: &[u8]) -> Option<Self> {
        let [version, kind, l0, l1, x0, x1, x2, x3] = *message.first_chunk()?;
        Some(Self {
            version,
            kind,
            length: u16::from_be_bytes([l0, l1]),
            xid: u32::from_be_bytes([x0, x1, x2, x3]),
        })
    }
}

/// A row of the table.
#[derive(Debug)]
pub struct Row {
    /// Which message.
    pub kind: Kind,
    /// Its name.
    pub name: &'static str,
    /// The codes that it is sent under.
    pub codes: &'static [Code],
    /// One sentence.
    pub doc: &'static str,
}

/// The table of messages, and all that derives from its rows. A row names the body, if there is one.
macro_rules! messages {
    ($($kind:ident $(($body:ident: $type:ty))? $name:literal [$($vendor:ident $number:literal $since:ident $until:ident),*] $doc:literal;)*) => {
        /// Every message that this crate understands.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Kind { $(#[doc = $doc] $kind,)* }

        /// The table of messages, in the order of [`Kind`].
        pub static ROWS: &[Row] = &[$(Row {
            kind: Kind::$kind,
            name: $name,
            codes: &[$(Code {
                vendor: vendor!($vendor),
                number: $number,
                since: Version::$since,
                until: Version::$until,
                name: None,
            },)*],
            doc: $doc,
        },)*];

        /// What a message says.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub enum Message {
            $(#[doc = $doc] $kind $(($type))?,)*
            /// A vendor's message that the table does not know.
            Experimenter(Experimenter),
            /// Any other message that the table does not know for the version.
            Unknown {
                /// `OFPT_*`.
                kind: u8,
                /// What follows the header.
                body: Bytes,
            },
        }

        impl Message {
            /// The message's row in the table; none for one that the table does not know.
            #[must_use]
            pub fn kind(&self) -> Option<Kind> {
                match self {
                    $(Self::$kind { .. } => Some(Kind::$kind),)*
                    Self::Experimenter(_) | Self::Unknown { .. } => None,
                }
            }

            #[inline]
            fn read_body(
                kind: Kind,
                header: Header,
                r: &mut Reader<'_>,
                version: Version,
            ) -> Result<(Header, Self), DecodeError> {
                match kind {
                    $(Kind::$kind => {
                        let _read: Result<(), DecodeError> = Ok(());
                        $(let _read = <$type as Wire>::read(r, version, $name);)?
                        // What it says is moved once, to where it stays.
                        match _read {
                            Ok(_body) if r.is_empty() => {
                                Ok((header, Self::$kind $((<$type>::from(_body)))?))
                            }
                            Ok(_) => Err(r.error("the end of the message")),
                            Err(error) => Err(error),
                        }
                    })*
                }
            }

            fn write_body(&self, w: &mut Writer, version: Version) -> Result<(), EncodeError> {
                match self {
                    $(Self::$kind $(($body))? => { $($body.write(w, version)?;)? })*
                    Self::Experimenter(Experimenter { body, .. }) | Self::Unknown { body, .. } => {
                        w.slice(body);
                    }
                }
                Ok(())
            }

            /// What it says, as an object whose members are named as in the specification.
            #[must_use]
            pub fn body_value(&self, version: Version) -> Value {
                match self {
                    $(Self::$kind $(($body))? => {
                        let _none = Value::Object(Members::new());
                        $(let _none = $body.value(version);)?
                        _none
                    })*
                    Self::Experimenter(message) => message.value(version),
                    Self::Unknown { kind, body } => Value::Object(vec![
                        ("type".into(), kind.value(version)),
                        ("data".into(), body.value(version)),
                    ]),
                }
            }

            /// The message that no row knows and that says this.
            pub(crate) fn unknown_from_value(value: &Value, version: Version) -> Result<Self, ValueError> {
                value.members(&["type", "data"])?;
                Ok(Self::Unknown {
                    kind: required(value, "type", version)?,
                    body: required(value, "data", version)?,
                })
            }

            /// The message of a kind that says this.
            pub fn from_body_value(
                kind: Kind,
                value: &Value,
                version: Version,
            ) -> Result<Self, ValueError> {
                Ok(match kind {
                    $(Kind::$kind => Self::$kind $((<$type as Plain>::from_value(value, version)?))?,)*
                })
            }

            /// Makes up a message of a kind.
            #[must_use]
            pub fn generate(kind: Kind, dice: &mut Dice<'_>, version: Version) -> Self {
                match kind {
                    $(Kind::$kind => Self::$kind $((<$type as Generate>::generate(dice, version)))?,)*
                }
            }
        }
    };
}

messages! {
    Hello(hello: Hello) "hello" [std 0 V1_0 V1_5] "Opens a connection and says which versions are spoken.";
    Error(error: ErrorMessage) "error" [std 1 V1_0 V1_5] "Says why a message was refused.";
    EchoRequest(echo: Echo) "echo_request" [std 2 V1_0 V1_5] "Asks whether the other side is alive.";
    EchoReply(echo: Echo) "echo_reply" [std 3 V1_0 V1_5] "Says that this side is alive.";
    FeaturesRequest "features_request" [std 5 V1_0 V1_5] "Asks who the switch is.";
    FeaturesReply(features: Features) "features_reply" [std 6 V1_0 V1_5] "Says who the switch is and what it can do.";
    GetConfigRequest "get_config_request" [std 7 V1_0 V1_5] "Asks for the switch's configuration.";
    GetConfigReply(config: SwitchConfig) "get_config_reply" [std 8 V1_0 V1_5] "Says the switch's configuration.";
    SetConfig(config: SwitchConfig) "set_config" [std 9 V1_0 V1_5] "Changes the switch's configuration.";
    PacketIn(packet: PacketIn) "packet_in" [std 10 V1_0 V1_5] "Hands a packet to the controller.";
    FlowRemoved(removed: FlowRemoved) "flow_removed" [std 11 V1_0 V1_5] "Says that a flow is gone, and why.";
    PortStatus(status: PortStatus) "port_status" [std 12 V1_0 V1_5] "Says that a port came, went or changed.";
    PacketOut(packet: PacketOut) "packet_out" [std 13 V1_0 V1_5] "Sends a packet.";
    FlowMod(flow: FlowMod) "flow_mod" [std 14 V1_0 V1_5] "Adds, changes or removes flows.";
    GroupMod(group: GroupMod) "group_mod" [std 15 V1_1 V1_5, nx 31 V1_0 V1_0] "Adds, changes or removes groups.";
    PortMod(port: PortMod) "port_mod" [std 15 V1_0 V1_0, std 16 V1_1 V1_5] "Changes how a port behaves.";
    TableMod(table: TableMod) "table_mod" [std 17 V1_1 V1_5] "Changes how a table behaves.";
    MultipartRequest(request: MultipartRequest) "multipart_request" [std 16 V1_0 V1_0, std 18 V1_1 V1_5] "Asks for descriptions or statistics.";
    MultipartReply(reply: MultipartReply) "multipart_reply" [std 17 V1_0 V1_0, std 19 V1_1 V1_5] "Part of a description or of statistics.";
    BarrierRequest "barrier_request" [std 18 V1_0 V1_0, std 20 V1_1 V1_5] "Asks for an answer when all before it is done.";
    BarrierReply "barrier_reply" [std 19 V1_0 V1_0, std 21 V1_1 V1_5] "Says that all before the request is done.";
    QueueGetConfigRequest(request: QueueGetConfigRequest) "queue_get_config_request" [std 20 V1_0 V1_0, std 22 V1_1 V1_3] "Asks for the queues of a port.";
    QueueGetConfigReply(reply: QueueGetConfigReply) "queue_get_config_reply" [std 21 V1_0 V1_0, std 23 V1_1 V1_3] "Says the queues of a port.";
    RoleRequest(role: RoleMessage) "role_request" [std 24 V1_2 V1_5] "Asks for a role, or which it is.";
    RoleReply(role: RoleMessage) "role_reply" [std 25 V1_2 V1_5] "Says the controller's role.";
    GetAsyncRequest "get_async_request" [std 26 V1_3 V1_5] "Asks which messages come unasked.";
    GetAsyncReply(config: AsyncConfig) "get_async_reply" [std 27 V1_3 V1_5] "Says which messages come unasked.";
    SetAsync(config: AsyncConfig) "set_async" [std 28 V1_3 V1_5] "Chooses which messages come unasked.";
    MeterMod(meter: MeterMod) "meter_mod" [std 29 V1_3 V1_5] "Adds, changes or removes meters.";
    RoleStatus(status: RoleStatus) "role_status" [std 30 V1_4 V1_5, onf 1911 V1_3 V1_3] "Says that the controller's role changed.";
    TableStatus(status: TableStatus) "table_status" [std 31 V1_4 V1_5] "Says that a table's state changed.";
    Requestforward(forward: Requestforward) "requestforward" [std 32 V1_4 V1_5, onf 2350 V1_3 V1_3, nx 132 V1_0 V1_2] "Tells what another controller asked for.";
    BundleControl(control: BundleControl) "bundle_control" [std 33 V1_4 V1_5, onf 2300 V1_3 V1_3] "Opens, closes, commits or discards a bundle.";
    BundleAdd(add: BundleAdd) "bundle_add_message" [std 34 V1_4 V1_5, onf 2301 V1_3 V1_3] "Puts a message into a bundle.";
    ControllerStatus(status: ControllerStatus) "controller_status" [std 35 V1_5 V1_5] "Says that a controller's state changed.";
    NxRoleRequest(role: NxRoleMessage) "nx_role_request" [nx 10 V1_0 V1_5] "Asks for a role in Nicira's form.";
    NxRoleReply(role: NxRoleMessage) "nx_role_reply" [nx 11 V1_0 V1_5] "Says the controller's role in Nicira's form.";
    SetFlowFormat(format: SetFlowFormat) "set_flow_format" [nx 12 V1_0 V1_0] "Chooses the form in which the switch tells of flows.";
    NxFlowMod(flow: NxFlowMod) "nx_flow_mod" [nx 13 V1_0 V1_5] "Adds, changes or removes flows, in Nicira's form.";
    NxFlowRemoved(removed: Box<NxFlowRemoved>) "nx_flow_removed" [nx 14 V1_0 V1_5] "Says that a flow is gone, in Nicira's form.";
    FlowModTableId(table: FlowModTableId) "flow_mod_table_id" [nx 15 V1_0 V1_5] "Says whether flow-mods name a table.";
    SetPacketInFormat(format: SetPacketInFormat) "set_packet_in_format" [nx 16 V1_0 V1_5] "Chooses the form of packet-ins.";
    NxPacketIn(packet: NxPacketIn) "nx_packet_in" [nx 17 V1_0 V1_5] "Hands a packet to the controller, in Nicira's first form.";
    FlowAge "flow_age" [nx 18 V1_0 V1_5] "Asks that flows are told with their ages.";
    SetAsyncConfig(config: AsyncConfig13) "set_async_config" [nx 19 V1_0 V1_5] "Chooses which messages come unasked, for Nicira's roles.";
    SetControllerId(id: SetControllerId) "set_controller_id" [nx 20 V1_0 V1_5] "Chooses which controller actions send here.";
    FlowMonitorCancel(cancel: FlowMonitorCancel) "flow_monitor_cancel" [nx 21 V1_0 V1_5] "Ends a monitor of flows.";
    FlowMonitorPaused "flow_monitor_paused" [nx 22 V1_0 V1_5] "Changes of flows are not told for now.";
    FlowMonitorResumed "flow_monitor_resumed" [nx 23 V1_0 V1_5] "Changes of flows are told again.";
    OnfFlowMonitorCancel(cancel: FlowMonitorCancel) "onf_flow_monitor_cancel" [onf 1870 V1_3 V1_3] "Ends a monitor of flows (EXT-187).";
    OnfFlowMonitorPaused "onf_flow_monitor_paused" [onf 1871 V1_3 V1_3] "Changes of flows are not told for now (EXT-187).";
    OnfFlowMonitorResumed "onf_flow_monitor_resumed" [onf 1872 V1_3 V1_3] "Changes of flows are told again (EXT-187).";
    TlvTableMod(table: TlvTableMod) "tlv_table_mod" [nx 24 V1_0 V1_5] "Changes which tunnel options are held by fields.";
    TlvTableRequest "tlv_table_request" [nx 25 V1_0 V1_5] "Asks which tunnel options are held by fields.";
    TlvTableReply(table: TlvTableReply) "tlv_table_reply" [nx 26 V1_0 V1_5] "Says which tunnel options are held by fields.";
    SetAsyncConfig2(config: SetAsyncConfig2) "set_async_config2" [nx 27 V1_0 V1_3] "Chooses which messages come unasked, as 1.4 does.";
    Resume(packet: PacketIn2) "resume" [nx 28 V1_0 V1_5] "Lets a packet go on that waits in a packet-in's continuation.";
    CtFlushZone(zone: CtFlushZone) "ct_flush_zone" [nx 29 V1_0 V1_5] "Forgets all connections of a conntrack zone.";
    PacketIn2(packet: PacketIn2) "packet_in2" [nx 30 V1_0 V1_5] "Hands a packet to the controller, with user data and continuation.";
    CtFlush(flush: CtFlush) "ct_flush" [nx 32 V1_0 V1_5] "Forgets connections.";
}

impl Kind {
    /// The message's row.
    #[must_use]
    pub fn row(self) -> &'static Row {
        &ROWS[self as usize]
    }

    /// The code that a version sends it under.
    #[must_use]
    pub fn code(self, version: Version) -> Option<&'static Code> {
        let spoken = |code: &&Code| (code.since..=code.until).contains(&version);
        self.row().codes.iter().find(spoken)
    }

    fn find(vendor: Option<u32>, number: u32, version: Version) -> Option<Self> {
        let sent = |row: &&Row| {
            row.codes.iter().any(|code| {
                code.number == number
                    && code.vendor == vendor
                    && (code.since..=code.until).contains(&version)
            })
        };
        let first = match vendor {
            None => FIRST.get(number as usize)?,
            Some(NICIRA) => FIRST_OF_NICIRA.get(number as usize)?,
            Some(_) => &0,
        };
        let rows = &ROWS[usize::from(*first)..];
        rows.iter().find(sent).map(|row| row.kind)
    }
}

/// Where to begin to look for a code of the standard.
static FIRST: [u8; 256] = first(None);
/// Where to begin to look for one of Nicira's.
static FIRST_OF_NICIRA: [u8; 256] = first(Some(NICIRA));

/// The first row that has a code of this vendor, by its number.
const fn first(vendor: Option<u32>) -> [u8; 256] {
    let mut table = [ROWS.len() as u8; 256];
    let mut row = ROWS.len();
    while row > 0 {
        row -= 1;
        let codes = ROWS[row].codes;
        let mut at = 0;
        while at < codes.len() {
            let same = match (codes[at].vendor, vendor) {
                (None, None) => true,
                (Some(one), Some(other)) => one == other,
                _ => false,
            };
            if same {
                table[codes[at].number as usize] = row as u8;
            }
            at += 1;
        }
    }
    table
}

plain! {
    /// A message of a vendor, kept as it came.
    pub struct Experimenter {
        /// The vendor.
        vendor "experimenter": u32;
        /// The vendor's type; in 1.0 it is the vendor's own affair where it stands.
        kind "exp_type": u32 [V1_1 V1_5];
        /// What follows.
        body "data": Bytes;
    }
}

record! {
    /// Bytes that come back as they are.
    #[derive(Default)]
    pub struct Echo {
        /// The bytes.
        data: Bytes;
    }
}

impl Message {
    /// Reads a whole message. What it carries borrows from `bytes`.
    ///
    /// A hello, error or echo is understood under any version byte; other messages of a version
    /// that this crate does not know become [`Message::Unknown`].
    pub fn decode(bytes: &Bytes) -> Result<(Header, Self), DecodeError> {
        let mut r = Reader::new(bytes);
        let header = Header::peek(bytes).ok_or_else(|| r.error("a header of eight bytes"))?;
        if usize::from(header.length) != bytes.len() {
            return Err(r.error("a header whose length is that of the message"));
        }
        r.skip(HEADER_LEN, "a header of eight bytes")?;
        Self::read_rest(header, &mut r)
    }

    /// Reads what follows the header.
    #[inline]
    fn read_rest(header: Header, r: &mut Reader<'_>) -> Result<(Header, Self), DecodeError> {
        let version = Version::from_wire(header.version);
        if let (EXPERIMENTER, Some(version)) = (header.kind, version) {
            return Self::read_experimenter(header, r, version);
        }
        // The first four messages never change.
        let as_if = version.unwrap_or(Version::V1_5);
        match Kind::find(None, u32::from(header.kind), as_if) {
            Some(kind) if version.is_some() || header.kind < EXPERIMENTER => {
                Self::read_body(kind, header, r, as_if)
            }
            _ => {
                let (kind, body) = (header.kind, r.rest());
                Ok((header, Self::Unknown { kind, body }))
            }
        }
    }

    fn read_experimenter(
        header: Header,
        r: &mut Reader<'_>,
        version: Version,
    ) -> Result<(Header, Self), DecodeError> {
        let vendor = r.u32("experimenter")?;
        let mut typed = r.clone();
        let number = match version {
            Version::V1_0 => typed.u32("exp_type").ok(),
            _ => Some(typed.u32("exp_type")?),
        };
        let found = number.and_then(|number| Kind::find(Some(vendor), number, version));
        if found.is_some() || version > Version::V1_0 {
            *r = typed;
        }
        if let Some(kind) = found {
            return Self::read_body(kind, header, r, version);
        }
        let message = Self::Experimenter(Experimenter {
            vendor,
            kind: match version {
                Version::V1_0 => 0,
                _ => number.unwrap_or_default(),
            },
            body: r.rest(),
        });
        Ok((header, message))
    }

    /// The message's bytes in a version.
    pub fn encode(&self, version: Version, xid: u32) -> Result<Bytes, EncodeError> {
        let mut w = Writer::new();
        self.write(&mut w, version, xid)?;
        Ok(w.freeze())
    }

    /// Writes the message after what `w` holds.
    fn write(&self, w: &mut Writer, version: Version, xid: u32) -> Result<(), EncodeError> {
        let start = w.len();
        let (vendor, number, name) = self.address(version)?;
        w.u8(version.wire());
        // Standard codes are eight bits: the table says so.
        w.u8(vendor.map_or(number as u8, |_| EXPERIMENTER));
        w.u16(0);
        w.u32(xid);
        if let Some(vendor) = vendor {
            w.u32(vendor);
            // A type in the first version is known vendors' own.
            if version > Version::V1_0 || self.kind().is_some() {
                w.u32(number);
            } else if number != 0 {
                let what = "Experimenter.exp_type";
                return Err(EncodeError::NotInVersion { what, version });
            }
        }
        self.write_body(w, version)?;
        w.patch_length(start + 2, start, name)
    }

    /// Vendor, code and name.
    fn address(&self, version: Version) -> Result<(Option<u32>, u32, &'static str), EncodeError> {
        let Some(kind) = self.kind() else {
            return Ok(match self {
                Self::Experimenter(message) => (
                    Some(message.vendor),
                    message.kind,
                    "an experimenter message",
                ),
                Self::Unknown { kind, .. } => (None, u32::from(*kind), "an unknown message"),
                _ => (None, 0, "a message"),
            });
        };
        let name = kind.row().name;
        let code = kind.code(version).ok_or(EncodeError::NotInVersion {
            what: name,
            version,
        })?;
        Ok((code.vendor, code.number, name))
    }
}

#[cfg(test)]
mod tests;
