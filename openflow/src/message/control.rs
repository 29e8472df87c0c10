//! Messages about the connection itself: hello, features, configuration, roles and bundles
//! (OpenFlow 1.5.1, 7.3.1, 7.3.2, 7.3.9 and 7.5.1; EXT-230 for the bundles of 1.3).

use bytes::Bytes;

use super::numbers::{flags, numbers};
use super::property::{self, Property};
use super::{EXPERIMENTER, HEADER_LEN, Header, Kind};
use crate::error::{DecodeError, EncodeError, ErrorAnswer};
use crate::wire::{Reader, Writer};
use crate::{DatapathId, Version};

/// `OFPHET_VERSIONBITMAP`.
const VERSION_BITMAP: u16 = 1;

/// Opens a connection. The header's version is the highest that is spoken.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Hello {
    /// The versions in the bitmap: bit n of word n / 32 is version byte n. None when there is no
    /// bitmap: then all up to the header's are spoken.
    pub bitmap: Option<Vec<u32>>,
    /// Elements other than the bitmap, and bytes that are no elements, as they came.
    pub rest: Bytes,
}

impl Hello {
    /// Says these versions.
    #[must_use]
    pub fn new(versions: &[Version]) -> Self {
        let bits = versions
            .iter()
            .fold(0, |bits, version| bits | 1 << version.wire());
        Self {
            bitmap: Some(vec![bits]),
            rest: Bytes::new(),
        }
    }

    /// True when the sender of this hello, whose header said `header_version`, speaks `version`.
    #[must_use]
    pub fn speaks(&self, version: Version, header_version: u8) -> bool {
        match self.bitmap.as_deref() {
            Some([word, ..]) => word >> version.wire() & 1 == 1,
            Some([]) => false,
            None => version.wire() <= header_version,
        }
    }

    pub(super) fn encode(&self, w: &mut Writer) -> Result<(), EncodeError> {
        if let Some(bitmap) = &self.bitmap {
            property::encode(w, VERSION_BITMAP, |w| {
                bitmap.iter().for_each(|word| w.u32(*word));
                Ok(())
            })?;
        }
        w.slice(&self.rest);
        Ok(())
    }

    /// Reads whatever came: a hello that is not understood must not end the conversation.
    pub(super) fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let mut look = r.clone();
        let bitmap = match property::decode(&mut look) {
            Ok((VERSION_BITMAP, mut value)) if value.remaining().is_multiple_of(4) => {
                let mut words = Vec::new();
                while !value.is_empty() {
                    words.push(value.u32("hello.bitmaps")?);
                }
                *r = look;
                Some(words)
            }
            _ => None,
        };
        Ok(Self {
            bitmap,
            rest: r.rest(),
        })
    }
}

/// Who the switch is and what it can do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Features {
    /// The switch's identity.
    pub datapath: DatapathId,
    /// How many packets it can hold for the controller.
    pub buffers: u32,
    /// How many tables it has.
    pub tables: u8,
    /// Which of the connections of one controller this is; 0 is the main one.
    pub auxiliary: u8,
    /// `OFPC_*`.
    pub capabilities: u32,
}

impl Features {
    pub(super) fn encode(&self, w: &mut Writer) -> Result<(), EncodeError> {
        w.u64(self.datapath.0);
        w.u32(self.buffers);
        w.u8(self.tables);
        w.u8(self.auxiliary);
        w.pad(2);
        w.u32(self.capabilities);
        w.u32(0);
        Ok(())
    }

    pub(super) fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let features = Self {
            datapath: DatapathId(r.u64("features.datapath_id")?),
            buffers: r.u32("features.n_buffers")?,
            tables: r.u8("features.n_tables")?,
            auxiliary: r.u8("features.auxiliary_id")?,
            capabilities: {
                r.skip(2, "features.pad")?;
                r.u32("features.capabilities")?
            },
        };
        r.skip(4, "features.reserved")?;
        Ok(features)
    }
}

/// The switch's configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SwitchConfig {
    /// `OFPC_FRAG_*`: 0 as they come, 1 dropped, 2 reassembled.
    pub flags: u16,
    /// Bytes of a packet that the pipeline itself sends to the controller.
    pub miss_send_len: u16,
}

impl SwitchConfig {
    pub(super) fn encode(self, w: &mut Writer) -> Result<(), EncodeError> {
        w.u16(self.flags);
        w.u16(self.miss_send_len);
        Ok(())
    }

    pub(super) fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            flags: r.u16("switch_config.flags")?,
            miss_send_len: r.u16("switch_config.miss_send_len")?,
        })
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

/// A role, asked for or told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RoleMessage {
    /// The role.
    pub role: Role,
    /// The controller's number among controllers (from 1.5 on), or all ones.
    pub short_id: u16,
    /// The number of the mastership: a switch refuses one that is older than what it has seen.
    pub generation_id: u64,
}

impl RoleMessage {
    /// A role of a generation.
    #[must_use]
    pub fn new(role: Role, generation_id: u64) -> Self {
        Self {
            role,
            short_id: 0xffff,
            generation_id,
        }
    }

    pub(super) fn encode(self, w: &mut Writer, version: Version) -> Result<(), EncodeError> {
        w.u32(self.role.0);
        if version < Version::V1_5 {
            w.pad(4);
        } else {
            w.u16(self.short_id);
            w.pad(2);
        }
        w.u64(self.generation_id);
        Ok(())
    }

    pub(super) fn decode(r: &mut Reader<'_>, version: Version) -> Result<Self, DecodeError> {
        let role = Role(r.u32("role.role")?);
        let short_id = r.u16("role.short_id")?;
        r.skip(2, "role.pad")?;
        Ok(Self {
            role,
            short_id: if version < Version::V1_5 {
                0xffff
            } else {
                short_id
            },
            generation_id: r.u64("role.generation_id")?,
        })
    }
}

/// Says that the controller's role changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleStatus {
    /// What it is now.
    pub role: Role,
    /// `OFPCRR_*`: 0 another asked to be master, 1 the switch's configuration.
    pub reason: u8,
    /// The generation of the mastership.
    pub generation_id: u64,
    /// What else is said.
    pub properties: Vec<Property>,
}

impl RoleStatus {
    pub(super) fn encode(&self, w: &mut Writer) -> Result<(), EncodeError> {
        w.u32(self.role.0);
        w.u8(self.reason);
        w.pad(3);
        w.u64(self.generation_id);
        property::encode_list(&self.properties, w)
    }

    pub(super) fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let role = Role(r.u32("role_status.role")?);
        let reason = r.u8("role_status.reason")?;
        r.skip(3, "role_status.pad")?;
        Ok(Self {
            role,
            reason,
            generation_id: r.u64("role_status.generation_id")?,
            properties: property::decode_list(r)?,
        })
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
    }
}

/// Opens, closes, commits or discards a bundle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BundleControl {
    /// Which bundle of the connection.
    pub bundle_id: u32,
    /// What is done with it.
    pub kind: BundleControlType,
    /// How it is committed.
    pub flags: BundleFlags,
    /// What else is said.
    pub properties: Vec<Property>,
}

impl BundleControl {
    pub(super) fn encode(&self, w: &mut Writer) -> Result<(), EncodeError> {
        w.u32(self.bundle_id);
        w.u16(self.kind.0);
        w.u16(self.flags.0);
        property::encode_list(&self.properties, w)
    }

    pub(super) fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            bundle_id: r.u32("bundle_control.bundle_id")?,
            kind: BundleControlType(r.u16("bundle_control.type")?),
            flags: BundleFlags(r.u16("bundle_control.flags")?),
            properties: property::decode_list(r)?,
        })
    }
}

/// Puts a message into a bundle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BundleAdd {
    /// Which bundle of the connection.
    pub bundle_id: u32,
    /// The flags that it was opened with.
    pub flags: BundleFlags,
    /// The whole message, with the xid of the message around it.
    pub message: Bytes,
    /// What else is said.
    pub properties: Vec<Property>,
}

impl BundleAdd {
    pub(super) fn encode(&self, w: &mut Writer) -> Result<(), EncodeError> {
        w.u32(self.bundle_id);
        w.pad(2);
        w.u16(self.flags.0);
        let start = w.len();
        w.slice(&self.message);
        if !self.properties.is_empty() {
            w.align8(start);
        }
        property::encode_list(&self.properties, w)
    }

    pub(super) fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let bundle_id = r.u32("bundle_add.bundle_id")?;
        r.skip(2, "bundle_add.pad")?;
        let flags = BundleFlags(r.u16("bundle_add.flags")?);
        r.answer_with(ErrorAnswer::BUNDLE_MESSAGE_LEN);
        let inner = Header::peek(r.peek()).ok_or_else(|| r.error("a message in the bundle"))?;
        let length = usize::from(inner.length);
        if length < HEADER_LEN {
            return Err(r.error("a message in the bundle of at least eight bytes"));
        }
        let message = r.bytes(length, "the message that its length tells of")?;
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
            properties: property::decode_list(r)?,
        })
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
