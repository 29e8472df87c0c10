//! The contract of the database, which is the only authority: rows, claims and the log.
//!
//! Implemented on SQLite and PostgreSQL by `weft-store`; whoever uses it sees this trait only.

use std::future::Future;
use std::pin::Pin;

use crate::log::{Claim, LogEntry, Read, Revision, RowChange, RowKey, WriteSet};

/// A boxed future, so that the trait can be a trait object.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Everything at one revision: what a new member starts from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// The revision that this is the state of.
    pub revision: Revision,
    /// Every row, as a creation.
    pub rows: Vec<RowChange>,
    /// Every claim with its owner.
    pub claims: Vec<(Claim, RowKey)>,
    /// A secret of the installation, made when the database was: the key of cookies.
    pub secret: [u8; 16],
}

/// Why a write set did not become an entry of the log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CommitError {
    /// Something that the decision rests on has changed: read again and decide anew.
    #[error("what was read has changed since revision {since}: {read:?}")]
    Changed {
        /// What.
        read: Read,
        /// The revision that the write set was based on.
        since: Revision,
    },
    /// A claim is held by another: read again and decide anew.
    #[error("{} '{}' is taken", claim.kind, claim.key)]
    Taken {
        /// Which.
        claim: Claim,
    },
    /// The database did not do it; nothing was written, or the outcome is not known when
    /// `unknown` is set (the connection broke during the commit).
    #[error("database: {message}")]
    Database {
        /// Its own words.
        message: String,
        /// Whether the write may have happened all the same.
        unknown: bool,
    },
}

/// The database did not answer, or not in a way that makes sense.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("database: {0}")]
pub struct StoreError(pub String);

/// The database.
pub trait Store: Send + Sync {
    /// Everything at the head of the log, in one consistent view.
    fn snapshot(&self) -> BoxFuture<'_, Result<Snapshot, StoreError>>;

    /// The last entry's number.
    fn head(&self) -> BoxFuture<'_, Result<Revision, StoreError>>;

    /// Up to `limit` entries after `after`, in order, without gaps.
    fn entries(
        &self,
        after: Revision,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<LogEntry>, StoreError>>;

    /// Appends what can be appended, in order, in one transaction: each write set becomes one
    /// entry or is refused by itself, without effect on the others. `time_us` is the entries' time.
    fn commit(
        &self,
        writes: Vec<WriteSet>,
        time_us: i64,
    ) -> BoxFuture<'_, Vec<Result<LogEntry, CommitError>>>;

    /// Waits until the log may be longer than `known`: a wake-up, which may come for nothing.
    fn changed(&self, known: Revision) -> BoxFuture<'_, ()>;
}
