//! The README says what this is; here is the reading order of its modules: [`wire`] (bounded readers and
//! writers), [`types`] (addresses, ports, ids), the tables of match [`field`]s and [`action`]s, the [`message`]s
//! that carry them, [`text`] for the form people read and write, [`record`] for rows of structures and what
//! derives from them, [`frame`] for finding messages in a stream, and [`session`] for the conversation.
//! The crate knows nothing of any controller or switch built on it.
//!
#![doc = include_str!("../README.md")]

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
pub use record::List;
pub use session::Session;
pub use types::{DatapathId, GroupId, MacAddr, MeterId, PortNo, TableId};
pub use version::Version;
