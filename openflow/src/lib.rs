//! OpenFlow for Rust: the codec, the `ovs-ofctl` text form, and the session state machine of
//! both sides, without I/O.
//!
//! The crate knows nothing of any controller or switch built on it. Reading order:
//! [`wire`] (bounded readers and writers), [`types`] (addresses, ports, ids), the tables of
//! match [`field`]s and [`action`]s, the [`message`]s that carry them, [`text`] for the form
//! people read and write, and [`session`] for the conversation.

pub mod error;
pub mod types;
pub mod version;
pub mod wire;

pub use error::{DecodeError, EncodeError};
pub use types::{DatapathId, GroupId, MacAddr, MeterId, PortNo, TableId};
pub use version::Version;
