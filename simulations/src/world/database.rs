//! The database: the log in memory, which takes time, fails, or does not say whether it did what it was told.
//!
//! It outlives the controller. Who writes and why is not known here.

use std::ops::RangeInclusive;

use weft_schema::{CommitError, LogEntry, MemoryStore, Revision, WriteSet};

/// How the database is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Health {
    /// It works.
    #[default]
    Up,
    /// It cannot be read or written.
    Down,
    /// Writes happen, and their writers are told that they failed.
    Unsure,
}

/// The database.
pub(super) struct Database {
    pub(super) store: MemoryStore,
    pub(super) health: Health,
    /// How long a commit takes, in microseconds.
    pub(super) delay: RangeInclusive<u64>,
}

impl Database {
    pub(super) fn new(secret: [u8; 16], delay: RangeInclusive<u64>) -> Self {
        Self {
            store: MemoryStore::new(secret),
            health: Health::Up,
            delay,
        }
    }

    /// Commits, and answers what the writer is told.
    pub(super) fn commit(&self, write: WriteSet, time_us: i64) -> Result<LogEntry, CommitError> {
        let failed = |unknown| CommitError::Database {
            message: "the database does not answer".to_owned(),
            unknown,
        };
        match self.health {
            Health::Up => self.store.commit_one(write, time_us),
            Health::Down => Err(failed(false)),
            Health::Unsure => {
                // Whether it was taken or not, nobody learns.
                _ = self.store.commit_one(write, time_us);
                Err(failed(true))
            }
        }
    }

    /// The log after a revision; none when it cannot be read.
    pub(super) fn entries_after(&self, revision: Revision) -> Option<Vec<LogEntry>> {
        (self.health != Health::Down).then(|| self.store.entries_after(revision))
    }
}
