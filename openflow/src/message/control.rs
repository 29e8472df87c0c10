//! Messages about the connection itself: hello, features, configuration, roles and bundles
//! (OpenFlow 1.5.1, 7.3.1, 7.3.2, 7.3.9 and 7.5.1; EXT-230 for the bundles of 1.3).

use super::multipart::Time;
use super::nested::Nested;
use super::numbers::{flags, numbers};
use super::port::Port;
use super::{EXPERIMENTER, HEADER_LEN, Header, Kind};
use crate::error::{DecodeError, EncodeError};
use crate::record::{Property, Unpadded, Wire, ids, plain, record, variants};
use crate::wire::{Reader, Writer};
use crate::{DatapathId, Version};

variants! {
    /// A part of a hello (OpenFlow 1.5.1, 7.5.1).
    pub enum HelloElement: Unpadded, rows HELLO_ELEMENTS {
        /// Which versions are spoken: bit n of word n / 32 is version byte n.
        VersionBitmap "versionbitmap" [std 1 V1_0 V1_5] {
            /// The words.
            bitmaps: Vec<u32>;
        }
    }
}

record! {
    /// Opens a connection. The header's version is the highest that is spoken.
    #[derive(Default)]
    pub struct Hello {
        /// What is said.
        elements: Vec<HelloElement>;
    }
}

impl Hello {
    /// Says these versions.
    #[must_use]
    pub fn new(versions: &[Version]) -> Self {
        let bits = versions
            .iter()
            .fold(0, |bits, version| bits | 1 << version.wire());
        let bitmap = HelloElement::VersionBitmap {
            bitmaps: vec![bits],
        };
        Self {
            elements: vec![bitmap],
        }
    }

    /// The versions in the bitmap: bit n of word n / 32 is version byte n. None when there is no bitmap:
    /// then all up to the header's are spoken.
    #[must_use]
    pub fn bitmap(&self) -> Option<&[u32]> {
        self.elements.iter().find_map(|element| match element {
            HelloElement::VersionBitmap { bitmaps } => Some(bitmaps.as_slice()),
            _ => None,
        })
    }

    /// True when the sender of this hello, whose header said `header_version`, speaks `version`.
    #[must_use]
    pub fn speaks(&self, version: Version, header_version: u8) -> bool {
        match self.bitmap() {
            Some([word, ..]) => word >> version.wire() & 1 == 1,
            Some([]) => false,
            None => version.wire() <= header_version,
        }
    }
}

record! {
    /// Who the switch is and what it can do.
    #[derive(Default)]
    pub struct Features {
        /// The switch's identity.
        datapath "datapath_id": DatapathId;
        /// How many packets it can hold for the controller.
        buffers "n_buffers": u32;
        /// How many tables it has.
        tables "n_tables": u8;
        /// Which of the connections of one controller this is; 0 is the main one.
        auxiliary "auxiliary_id": u8 [V1_3 V1_5];
        /// `OFPC_*`.
        {pad 3 [V1_0 V1_2], pad 2 [V1_3 V1_5]} capabilities: u32;
        /// Which actions it has: bit n for `OFPAT_*` n.
        actions: u32 [V1_0 V1_0];
        /// Its ports; from 1.3 on a multipart message tells of them.
        {pad 4 [V1_1 V1_5]} ports: Vec<Port> [V1_0 V1_2];
    }
}

record! {
    /// The switch's configuration.
    pub struct SwitchConfig {
        /// `OFPC_FRAG_*`: 0 as they come, 1 dropped, 2 reassembled.
        flags: u16;
        /// Bytes of a packet that the pipeline itself sends to the controller.
        miss_send_len: u16;
    }
}

numbers! {
    /// `OFPCR_ROLE_*`: a controller's role at a switch.
    Role(u32) {
        NO_CHANGE = 0 "nochange" "Only ask.";
        EQUAL = 1 "equal" "May write; so may others. Where every connection begins.";
        MASTER = 2 "master" "May write; every other master becomes a slave.";
        SLAVE = 3 "slave" "May read.";
    }
}

/// A controller's number among controllers (OpenFlow 1.5.1, 7.3.8).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct ShortId(pub u16);

impl ShortId {
    /// `OFPCID_UNDEFINED`: it has none.
    pub const UNDEFINED: Self = Self(0);
}

ids! {
    ShortId(u16);
}

record! {
    /// A role, asked for or told.
    #[derive(Copy)]
    pub struct RoleMessage {
        /// The role.
        role: Role;
        /// The controller's number among controllers, or [`ShortId::UNDEFINED`].
        short_id: ShortId [V1_5 V1_5];
        /// The number of the mastership: a switch refuses one that is older than what it has seen.
        {pad 4 [V1_0 V1_4], pad 2 [V1_5 V1_5]} generation_id: u64;
    }
}

impl RoleMessage {
    /// A role of a generation.
    #[must_use]
    pub fn new(role: Role, generation_id: u64) -> Self {
        Self {
            role,
            short_id: ShortId::default(),
            generation_id,
        }
    }
}

numbers! {
    /// `OFPCRR_*`: why a role changed.
    RoleReason(u8) {
        MASTER_REQUEST = 0 "master_request" "Another controller asked to be master.";
        CONFIG = 1 "config" "The switch's configuration changed.";
        EXPERIMENTER = 2 "experimenter" "Data of a vendor changed.";
    }
}

variants! {
    /// What else is said of a role (OpenFlow 1.4.1, 7.4.4): only vendors say something.
    pub enum RoleProperty: Property, rows ROLE_PROPERTIES {}
}

record! {
    /// Says that the controller's role changed.
    pub struct RoleStatus {
        /// What it is now.
        role: Role;
        /// Why it changed.
        reason: RoleReason;
        /// The generation of the mastership.
        {pad 3} generation_id: u64;
        /// What else is said.
        properties: Vec<RoleProperty>;
    }
}

numbers! {
    /// `OFPBCT_*`: what is done with a bundle; a reply is the request's number plus one.
    BundleControlType(u16) {
        OPEN_REQUEST = 0 "open_request" "Begin it.";
        OPEN_REPLY = 1 "open_reply" "It is begun.";
        CLOSE_REQUEST = 2 "close_request" "Nothing more comes.";
        CLOSE_REPLY = 3 "close_reply" "It is closed.";
        COMMIT_REQUEST = 4 "commit_request" "Do it.";
        COMMIT_REPLY = 5 "commit_reply" "It is done.";
        DISCARD_REQUEST = 6 "discard_request" "Forget it.";
        DISCARD_REPLY = 7 "discard_reply" "It is forgotten.";
    }
}

flags! {
    /// `OFPBF_*`.
    BundleFlags(u16) {
        ATOMIC = 1 "All or nothing.";
        ORDERED = 2 "In the order in which it was sent.";
        TIME = 4 "At the time that a property says (from 1.5 on).";
    }
}

variants! {
    /// What else is said of a bundle (OpenFlow 1.5.1, 7.3.9.2).
    pub enum BundleProperty: Property, rows BUNDLE_PROPERTIES {
        /// When it is committed.
        Time "time" [std 1 V1_5 V1_5] {
            /// The moment.
            {pad 4} scheduled_time: Time;
        }
    }
}

record! {
    /// Opens, closes, commits or discards a bundle.
    pub struct BundleControl {
        /// Which bundle of the connection.
        bundle_id: u32;
        /// What is done with it.
        kind "type": BundleControlType;
        /// How it is committed.
        flags: BundleFlags;
        /// What else is said.
        properties: Vec<BundleProperty>;
    }
}

plain! {
    /// Puts a message into a bundle.
    pub struct BundleAdd {
        /// Which bundle of the connection.
        bundle_id: u32;
        /// The flags that it was opened with.
        flags: BundleFlags;
        /// The whole message, with the xid of the message around it.
        message: Nested;
        /// What else is said.
        properties: Vec<BundleProperty>;
    }
}

impl Wire for BundleAdd {
    fn read(r: &mut Reader<'_>, version: Version, _: &'static str) -> Result<Self, DecodeError> {
        let bundle_id = r.u32("bundle_add.bundle_id")?;
        r.skip(2, "bundle_add.pad")?;
        let flags = BundleFlags(r.u16("bundle_add.flags")?);
        let message = Nested::read(r, version, "bundle_add.message")?;
        let length = message.0.len();
        if !r.is_empty() {
            r.skip(
                length.next_multiple_of(8) - length,
                "the padding before the properties",
            )?;
        }
        Ok(Self {
            bundle_id,
            flags,
            message,
            properties: Vec::read(r, version, "bundle_add.properties")?,
        })
    }

    fn write(&self, w: &mut Writer, version: Version) -> Result<(), EncodeError> {
        w.u32(self.bundle_id);
        w.pad(2);
        w.u16(self.flags.0);
        let start = w.len();
        self.message.write(w, version)?;
        if !self.properties.is_empty() {
            w.align8(start);
        }
        self.properties.write(w, version)
    }
}

/// Bytes of the fields of a bundle message, between its header and what is in it.
const BUNDLE_FIELDS: usize = 8;

/// What follows the header of a message of this kind; none when it is of another kind.
fn body_of(kind: Kind, message: &[u8]) -> Option<&[u8]> {
    let header = Header::peek(message)?;
    let body = &message[HEADER_LEN..];
    kind.row().codes.iter().find_map(|code| match code.vendor {
        None => (u32::from(header.kind) == code.number).then_some(body),
        Some(vendor) => {
            let id = [vendor.to_be_bytes(), code.number.to_be_bytes()].concat();
            (header.kind == EXPERIMENTER)
                .then(|| body.strip_prefix(&id[..]))
                .flatten()
        }
    })
}

/// The message in an encoded bundle-add message, as much of it as is there.
#[must_use]
pub fn bundled(message: &[u8]) -> Option<&[u8]> {
    let inner = body_of(Kind::BundleAdd, message)?.get(BUNDLE_FIELDS..)?;
    let length = usize::from(Header::peek(inner)?.length);
    Some(inner.get(..length).unwrap_or(inner))
}

/// True for the encoded bytes of a bundle-control message, or their beginning.
#[must_use]
pub fn is_bundle_control(message: &[u8]) -> bool {
    body_of(Kind::BundleControl, message).is_some()
}
