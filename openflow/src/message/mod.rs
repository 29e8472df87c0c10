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
mod error;
mod flow;
mod group;
mod meter;
mod multipart;
mod numbers;
mod packet;
mod port;
mod property;
mod stats;

pub use asynchronous::{AsyncConfig, AsyncKind};
pub use control::{
    BundleAdd, BundleControl, BundleControlType, BundleFlags, Features, Hello, Role, RoleMessage,
    RoleStatus, SwitchConfig, bundled, is_bundle_control,
};
pub use error::{ERRORS, ErrorMessage, ErrorRow};
pub use flow::{FlowCommand, FlowFlags, FlowMod, FlowRemoved, NO_BUFFER};
pub use group::{Bucket, GroupCommand, GroupMod, GroupType, SelectionMethod};
pub use meter::{Band, MeterCommand, MeterMod};
pub use multipart::{
    Desc, FlowFilter, FlowStats, GroupDesc, MeterConfig, MultipartReply, MultipartRequest, Reply,
    Request,
};
pub use packet::{PacketIn, PacketInForm, PacketInReason, PacketOut};
pub use port::{Port, PortStatus};
pub use property::Property;
pub use stats::{Stat, Stats};

use bytes::Bytes;

use crate::Version;
use crate::action::NICIRA;
use crate::error::{DecodeError, EncodeError};
use crate::wire::{Reader, Writer};

/// The Open Networking Foundation's experimenter id.
pub const ONF: u32 = 0x4f4e_4600;
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

/// A code that a message is sent under.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Code {
    /// None for a message of the standard.
    pub vendor: Option<u32>,
    /// `OFPT_*`, or the vendor's type.
    pub number: u32,
    /// The first version.
    pub since: Version,
    /// The last version.
    pub until: Version,
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

macro_rules! vendor {
    (std) => {
        None
    };
    (nx) => {
        Some(NICIRA)
    };
    (onf) => {
        Some(ONF)
    };
}

macro_rules! messages {
    ($($kind:ident $name:literal [$($vendor:ident $number:literal $since:ident $until:ident),*] $doc:literal;)*) => {
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
            },)*],
            doc: $doc,
        },)*];
    };
}

messages! {
    Hello "hello" [std 0 V1_0 V1_5] "Opens a connection and says which versions are spoken.";
    Error "error" [std 1 V1_0 V1_5] "Says why a message was refused.";
    EchoRequest "echo_request" [std 2 V1_0 V1_5] "Asks whether the other side is alive.";
    EchoReply "echo_reply" [std 3 V1_0 V1_5] "Says that this side is alive.";
    FeaturesRequest "features_request" [std 5 V1_0 V1_5] "Asks who the switch is.";
    FeaturesReply "features_reply" [std 6 V1_3 V1_5] "Says who the switch is and what it can do.";
    GetConfigRequest "get_config_request" [std 7 V1_0 V1_5] "Asks for the switch's configuration.";
    GetConfigReply "get_config_reply" [std 8 V1_0 V1_5] "Says the switch's configuration.";
    SetConfig "set_config" [std 9 V1_0 V1_5] "Changes the switch's configuration.";
    PacketIn "packet_in" [std 10 V1_3 V1_5] "Hands a packet to the controller.";
    PacketIn2 "packet_in2" [nx 30 V1_0 V1_5] "Hands a packet to the controller, with user data and continuation.";
    Resume "resume" [nx 28 V1_0 V1_5] "Lets a packet go on that waits in a packet-in's continuation.";
    SetPacketInFormat "set_packet_in_format" [nx 16 V1_0 V1_5] "Chooses the form of packet-ins.";
    SetControllerId "set_controller_id" [nx 20 V1_0 V1_5] "Chooses which controller actions send here.";
    CtFlushZone "ct_flush_zone" [nx 29 V1_0 V1_5] "Forgets all connections of a conntrack zone.";
    FlowRemoved "flow_removed" [std 11 V1_3 V1_5] "Says that a flow is gone, and why.";
    PortStatus "port_status" [std 12 V1_3 V1_5] "Says that a port came, went or changed.";
    PacketOut "packet_out" [std 13 V1_3 V1_5] "Sends a packet.";
    FlowMod "flow_mod" [std 14 V1_3 V1_5] "Adds, changes or removes flows.";
    GroupMod "group_mod" [std 15 V1_3 V1_5] "Adds, changes or removes groups.";
    MultipartRequest "multipart_request" [std 18 V1_3 V1_5] "Asks for descriptions or statistics.";
    MultipartReply "multipart_reply" [std 19 V1_3 V1_5] "Part of a description or of statistics.";
    BarrierRequest "barrier_request" [std 18 V1_0 V1_0, std 20 V1_1 V1_5] "Asks for an answer when all before it is done.";
    BarrierReply "barrier_reply" [std 19 V1_0 V1_0, std 21 V1_1 V1_5] "Says that all before the request is done.";
    RoleRequest "role_request" [std 24 V1_2 V1_5] "Asks for a role, or which it is.";
    RoleReply "role_reply" [std 25 V1_2 V1_5] "Says the controller's role.";
    GetAsyncRequest "get_async_request" [std 26 V1_3 V1_5] "Asks which messages come unasked.";
    GetAsyncReply "get_async_reply" [std 27 V1_3 V1_5] "Says which messages come unasked.";
    SetAsync "set_async" [std 28 V1_3 V1_5] "Chooses which messages come unasked.";
    MeterMod "meter_mod" [std 29 V1_3 V1_5] "Adds, changes or removes meters.";
    RoleStatus "role_status" [std 30 V1_4 V1_5, onf 1911 V1_3 V1_3] "Says that the controller's role changed.";
    BundleControl "bundle_control" [std 33 V1_4 V1_5, onf 2300 V1_3 V1_3] "Opens, closes, commits or discards a bundle.";
    BundleAdd "bundle_add_message" [std 34 V1_4 V1_5, onf 2301 V1_3 V1_3] "Puts a message into a bundle.";
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
        let first = match (vendor, usize::try_from(number)) {
            (None, Ok(number)) => usize::from(*FIRST.get(number)?),
            _ => 0,
        };
        ROWS[first..].iter().find(sent).map(|row| row.kind)
    }
}

/// Where to begin to look for a code of the standard.
static FIRST: [u8; 256] = first();

const fn first() -> [u8; 256] {
    let mut table = [ROWS.len() as u8; 256];
    let mut row = ROWS.len();
    while row > 0 {
        row -= 1;
        let codes = ROWS[row].codes;
        let mut at = 0;
        while at < codes.len() {
            if codes[at].vendor.is_none() {
                table[codes[at].number as usize] = row as u8;
            }
            at += 1;
        }
    }
    table
}

/// A message of a vendor, kept as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Experimenter {
    /// The vendor.
    pub vendor: u32,
    /// The vendor's type.
    pub kind: u32,
    /// What follows.
    pub body: Bytes,
}

/// What a message says.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    missing_docs,
    reason = "every variant is a row of the table, which says what it is"
)]
pub enum Message {
    Hello(Hello),
    Error(ErrorMessage),
    EchoRequest(Bytes),
    EchoReply(Bytes),
    FeaturesRequest,
    FeaturesReply(Features),
    GetConfigRequest,
    GetConfigReply(SwitchConfig),
    SetConfig(SwitchConfig),
    PacketIn(PacketIn),
    Resume(PacketIn),
    SetPacketInFormat(PacketInForm),
    SetControllerId(u16),
    CtFlushZone(u16),
    FlowRemoved(FlowRemoved),
    PortStatus(PortStatus),
    PacketOut(PacketOut),
    FlowMod(FlowMod),
    GroupMod(GroupMod),
    MultipartRequest(MultipartRequest),
    MultipartReply(MultipartReply),
    BarrierRequest,
    BarrierReply,
    RoleRequest(RoleMessage),
    RoleReply(RoleMessage),
    GetAsyncRequest,
    GetAsyncReply(AsyncConfig),
    SetAsync(AsyncConfig),
    MeterMod(MeterMod),
    RoleStatus(RoleStatus),
    BundleControl(BundleControl),
    BundleAdd(BundleAdd),
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
        Some(match self {
            Self::Hello(_) => Kind::Hello,
            Self::Error(_) => Kind::Error,
            Self::EchoRequest(_) => Kind::EchoRequest,
            Self::EchoReply(_) => Kind::EchoReply,
            Self::FeaturesRequest => Kind::FeaturesRequest,
            Self::FeaturesReply(_) => Kind::FeaturesReply,
            Self::GetConfigRequest => Kind::GetConfigRequest,
            Self::GetConfigReply(_) => Kind::GetConfigReply,
            Self::SetConfig(_) => Kind::SetConfig,
            Self::PacketIn(packet) if packet.form == PacketInForm::Nicira2 => Kind::PacketIn2,
            Self::PacketIn(_) => Kind::PacketIn,
            Self::Resume(_) => Kind::Resume,
            Self::SetPacketInFormat(_) => Kind::SetPacketInFormat,
            Self::SetControllerId(_) => Kind::SetControllerId,
            Self::CtFlushZone(_) => Kind::CtFlushZone,
            Self::FlowRemoved(_) => Kind::FlowRemoved,
            Self::PortStatus(_) => Kind::PortStatus,
            Self::PacketOut(_) => Kind::PacketOut,
            Self::FlowMod(_) => Kind::FlowMod,
            Self::GroupMod(_) => Kind::GroupMod,
            Self::MultipartRequest(_) => Kind::MultipartRequest,
            Self::MultipartReply(_) => Kind::MultipartReply,
            Self::BarrierRequest => Kind::BarrierRequest,
            Self::BarrierReply => Kind::BarrierReply,
            Self::RoleRequest(_) => Kind::RoleRequest,
            Self::RoleReply(_) => Kind::RoleReply,
            Self::GetAsyncRequest => Kind::GetAsyncRequest,
            Self::GetAsyncReply(_) => Kind::GetAsyncReply,
            Self::SetAsync(_) => Kind::SetAsync,
            Self::MeterMod(_) => Kind::MeterMod,
            Self::RoleStatus(_) => Kind::RoleStatus,
            Self::BundleControl(_) => Kind::BundleControl,
            Self::BundleAdd(_) => Kind::BundleAdd,
            Self::Experimenter(_) | Self::Unknown { .. } => return None,
        })
    }

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
        let version = Version::from_wire(header.version);
        let unknown = |r: &mut Reader<'_>| Self::Unknown {
            kind: header.kind,
            body: r.rest(),
        };
        let message = if header.kind == EXPERIMENTER {
            match version {
                Some(version) if version >= Version::V1_1 || r.remaining() >= 8 => {
                    Self::decode_experimenter(&mut r, version)?
                }
                _ => unknown(&mut r),
            }
        } else {
            // The first four messages never change.
            let as_if = version.unwrap_or(Version::V1_5);
            match Kind::find(None, u32::from(header.kind), as_if) {
                Some(kind) if version.is_some() || header.kind < EXPERIMENTER => {
                    Self::decode_body(kind, &mut r, as_if)?
                }
                _ => unknown(&mut r),
            }
        };
        r.finish("the end of the message")?;
        Ok((header, message))
    }

    fn decode_experimenter(r: &mut Reader<'_>, version: Version) -> Result<Self, DecodeError> {
        let vendor = r.u32("experimenter")?;
        let number = r.u32("exp_type")?;
        match Kind::find(Some(vendor), number, version) {
            Some(kind) => Self::decode_body(kind, r, version),
            None => Ok(Self::Experimenter(Experimenter {
                vendor,
                kind: number,
                body: r.rest(),
            })),
        }
    }

    fn decode_body(kind: Kind, r: &mut Reader<'_>, version: Version) -> Result<Self, DecodeError> {
        Ok(match kind {
            Kind::Hello => Self::Hello(Hello::decode(r)?),
            Kind::Error => Self::Error(ErrorMessage::decode(r)?),
            Kind::EchoRequest => Self::EchoRequest(r.rest()),
            Kind::EchoReply => Self::EchoReply(r.rest()),
            Kind::FeaturesRequest => Self::FeaturesRequest,
            Kind::FeaturesReply => Self::FeaturesReply(Features::decode(r)?),
            Kind::GetConfigRequest => Self::GetConfigRequest,
            Kind::GetConfigReply => Self::GetConfigReply(SwitchConfig::decode(r)?),
            Kind::SetConfig => Self::SetConfig(SwitchConfig::decode(r)?),
            Kind::PacketIn => Self::PacketIn(PacketIn::decode(r, version)?),
            Kind::PacketIn2 => Self::PacketIn(PacketIn::decode_properties(r, version)?),
            Kind::Resume => Self::Resume(PacketIn::decode_properties(r, version)?),
            Kind::SetPacketInFormat => Self::SetPacketInFormat(PacketInForm::decode(r)?),
            Kind::SetControllerId => {
                r.skip(6, "controller_id.zero")?;
                Self::SetControllerId(r.u16("controller_id")?)
            }
            Kind::CtFlushZone => {
                r.skip(6, "zone_id.zero")?;
                Self::CtFlushZone(r.u16("zone_id")?)
            }
            Kind::FlowRemoved => Self::FlowRemoved(FlowRemoved::decode(r, version)?),
            Kind::PortStatus => Self::PortStatus(PortStatus::decode(r, version)?),
            Kind::PacketOut => Self::PacketOut(PacketOut::decode(r, version)?),
            Kind::FlowMod => Self::FlowMod(FlowMod::decode(r, version)?),
            Kind::GroupMod => Self::GroupMod(GroupMod::decode(r, version)?),
            Kind::MultipartRequest => Self::MultipartRequest(MultipartRequest::decode(r, version)?),
            Kind::MultipartReply => Self::MultipartReply(MultipartReply::decode(r, version)?),
            Kind::BarrierRequest => Self::BarrierRequest,
            Kind::BarrierReply => Self::BarrierReply,
            Kind::RoleRequest => Self::RoleRequest(RoleMessage::decode(r, version)?),
            Kind::RoleReply => Self::RoleReply(RoleMessage::decode(r, version)?),
            Kind::GetAsyncRequest => Self::GetAsyncRequest,
            Kind::GetAsyncReply => Self::GetAsyncReply(AsyncConfig::decode(r, version)?),
            Kind::SetAsync => Self::SetAsync(AsyncConfig::decode(r, version)?),
            Kind::MeterMod => Self::MeterMod(MeterMod::decode(r)?),
            Kind::RoleStatus => Self::RoleStatus(RoleStatus::decode(r)?),
            Kind::BundleControl => Self::BundleControl(BundleControl::decode(r)?),
            Kind::BundleAdd => Self::BundleAdd(BundleAdd::decode(r)?),
        })
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
            w.u32(number);
        }
        self.encode_body(w, version)?;
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

    fn encode_body(&self, w: &mut Writer, version: Version) -> Result<(), EncodeError> {
        match self {
            Self::Hello(hello) => hello.encode(w),
            Self::Error(error) => error.encode(w),
            Self::EchoRequest(body) | Self::EchoReply(body) | Self::Unknown { body, .. } => {
                w.slice(body);
                Ok(())
            }
            Self::FeaturesRequest
            | Self::GetConfigRequest
            | Self::BarrierRequest
            | Self::BarrierReply
            | Self::GetAsyncRequest => Ok(()),
            Self::FeaturesReply(features) => features.encode(w),
            Self::GetConfigReply(config) | Self::SetConfig(config) => config.encode(w),
            Self::PacketIn(packet) if packet.form == PacketInForm::Standard => {
                packet.encode(w, version)
            }
            Self::PacketIn(packet) | Self::Resume(packet) => packet.encode_properties(w, version),
            Self::SetPacketInFormat(form) => {
                w.u32(form.code());
                Ok(())
            }
            Self::SetControllerId(number) | Self::CtFlushZone(number) => {
                w.pad(6);
                w.u16(*number);
                Ok(())
            }
            Self::FlowRemoved(removed) => removed.encode(w, version),
            Self::PortStatus(status) => status.encode(w, version),
            Self::PacketOut(packet) => packet.encode(w, version),
            Self::FlowMod(flow) => flow.encode(w, version),
            Self::GroupMod(group) => group.encode(w, version),
            Self::MultipartRequest(request) => request.encode(w, version),
            Self::MultipartReply(reply) => reply.encode(w, version),
            Self::RoleRequest(role) | Self::RoleReply(role) => role.encode(w, version),
            Self::GetAsyncReply(config) | Self::SetAsync(config) => config.encode(w, version),
            Self::MeterMod(meter) => meter.encode(w),
            Self::RoleStatus(status) => status.encode(w),
            Self::BundleControl(control) => control.encode(w),
            Self::BundleAdd(add) => add.encode(w),
            Self::Experimenter(message) => {
                w.slice(&message.body);
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests;
