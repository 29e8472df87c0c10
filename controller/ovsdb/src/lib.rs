//! OVSDB (RFC 7047 and the extensions of `ovsdb-server`(7)) without I/O: both sides of a
//! connection as state machines, a replica of the `Open_vSwitch` database, and the
//! reconciliation of what a hypervisor keeps with what Weft wants there.
//!
//! The crate opens no socket and reads no clock: bytes and milliseconds are arguments, bytes
//! and events come out of a queue. It knows nothing of networks, ports or flows; what a bridge
//! should look like is handed to it.
//!
//! Reading order: [`frame`] cuts a byte stream into JSON values, [`rpc`] gives them a shape,
//! [`value`] and [`schema`] are the data model, [`transaction`] is what is asked of a
//! database, [`mirror`] the replica, [`session`] our side of a connection; [`tables`] lists
//! what Weft reads of a hypervisor, [`inventory`] tells it in words, [`bridge`] corrects it;
//! [`server`] is the other side, for tests and simulated hypervisors.

pub mod bridge;
pub mod error;
pub mod frame;
pub mod inventory;
pub mod mirror;
pub mod rpc;
pub mod schema;
pub mod server;
pub mod session;
pub mod tables;
pub mod transaction;
pub mod value;

pub use bridge::{WantedBridge, WantedTunnel, choose_datapath_type, reconcile};
pub use error::Error;
pub use inventory::{TunnelKind, encapsulation, identity, interfaces};
pub use mirror::Mirror;
pub use session::{Event, Output, Session};
pub use transaction::Transaction;
pub use uuid::Uuid;
pub use value::{Atom, Datum, Row};
