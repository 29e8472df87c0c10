//! Messages that are encoded once and sent over many connections.
//!
//! All of them carry one transaction id and, in bundles, one bundle id and one set of flags: then a
//! message is the same bytes on every connection of a version. Open vSwitch accepts that; an error is
//! matched to its message by the first 64 bytes that it carries back, which reach to the cookie.

use bytes::Bytes;

use crate::error::{DecodeError, EncodeError};
use crate::message::{BundleAdd, BundleFlags, Message};
use crate::wire::Reader;
use crate::Version;

/// The transaction id of every shared message.
pub const SHARED_XID: u32 = 0x7765_6674;

/// The bundle that shared messages are for; a connection has one open at a time.
pub const BUNDLE_ID: u32 = 1;

/// How that bundle is committed: all or nothing, and in order.
pub const BUNDLE_FLAGS: BundleFlags =
    BundleFlags(BundleFlags::ATOMIC.0 | BundleFlags::ORDERED.0);

/// A message as it goes into the shared bundle.
pub fn bundle_add(version: Version, message: &Message) -> Result<Bytes, EncodeError> {
    Message::BundleAdd(BundleAdd {
        bundle_id: BUNDLE_ID,
        flags: BUNDLE_FLAGS,
        message: message.encode(version, SHARED_XID)?,
        properties: Vec::new(),
    })
    .encode(version, SHARED_XID)
}

/// The message inside a message made by [`bundle_add`].
pub fn unbundle(bundled: &Bytes) -> Result<Message, DecodeError> {
    match Message::decode(bundled)?.1 {
        Message::BundleAdd(add) => Ok(Message::decode(&add.message)?.1),
        _ => Err(Reader::new(bundled).error("a message in a bundle")),
    }
}
