//! OpenFlow for Rust: the codec, the `ovs-ofctl` text form, and the session state machine of
//! both sides, without I/O.
//!
//! The crate knows nothing of any controller or switch built on it. Reading order:
//! [`wire`] (bounded readers and writers), [`types`] (addresses, ports, ids), the tables of
//! match [`field`]s and [`action`]s, the [`message`]s that carry them, [`text`] for the form
//! people read and write, [`record`] for rows of structures and what derives from them, [`frame`] for finding messages in a stream, and [`session`] for the
//! conversation.

pub mod action;
pub mod error;
pub mod field;
pub mod frame;
pub mod instruction;
pub mod matches;
pub mod message;
pub mod record;
pub mod reference;
pub mod session;
pub mod text;
pub mod types;
pub mod version;
pub mod wire;

pub use action::Action;
pub use error::{DecodeError, EncodeError};
pub use field::Field;
pub use instruction::Instruction;
pub use matches::{FieldValue, Match};
pub use message::Message;
pub use session::Session;
pub use types::{DatapathId, GroupId, MacAddr, MeterId, PortNo, TableId};
pub use version::Version;
