//! What the API's resources are, as data: declarations, problems, rows, the log, and the contract
//! of the database. Nothing here knows what a resource means; that is `weft-engine`.
//!
//! Start with [`resource`] for what there is, [`log`] for how it changes, [`state`] for what
//! changes add up to.

pub mod attribute;
pub mod check;
pub mod claim;
pub mod extension;
pub mod log;
pub mod memory;
pub mod observation;
pub mod problem;
pub mod resource;
pub mod state;
pub mod store;
pub mod tentative;

pub use attribute::{Attribute, Fallback, Policy};
pub use check::Check;
pub use extension::{EXTENSIONS, Extension};
pub use log::{
    Actor, Body, Claim, ClaimChange, LogEntry, Read, Revision, RowChange, RowKey, WriteSet,
};
pub use memory::MemoryStore;
pub use observation::{BadRow, ChassisRow, EncapRow, InterfaceRow};
pub use problem::{Fault, Problem, ProblemKind};
pub use resource::{RESOURCES, Resource, Rule};
pub use state::{Row, State, StateError};
pub use store::{BoxFuture, CommitError, Snapshot, Store, StoreError};
pub use tentative::{Reserved, Tentative};
