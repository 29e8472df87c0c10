//! What the API's resources are, as data: declarations, problems, rows, the log, and the contract
//! of the database. Nothing here knows what a resource means; that is `weft-engine`.

pub mod log;
pub mod store;

pub use log::{
    Actor, Body, Claim, ClaimChange, LogEntry, Read, Revision, RowChange, RowKey, WriteSet,
};
pub use store::{BoxFuture, CommitError, Snapshot, Store, StoreError};
