//! The database: rows, claims and the log on SQLite and PostgreSQL, behind the [`Store`] trait.
//!
//! The same statements run on both; only the tables' definitions differ (`migrations/`). Every
//! commit locks the one row that holds the head of the log, so entries get their numbers in the
//! order in which they become visible: a reader who has seen entry *n* has seen all before it.
//!
//! Nothing here knows what a row means. The contract is [`weft_schema::store`]; who keeps the
//! state in memory and hands in write sets is the API's replica.

mod claims;
mod commit;
mod database;
mod follow;
mod lock;
mod open;
mod read;
mod tail;

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::sync::{Mutex, watch};
use tokio::task::JoinHandle;
use weft_schema::{
    BoxFuture, CommitError, LogEntry, Revision, Snapshot, Store, StoreError, WriteSet,
};

use crate::database::Db;
use crate::lock::FileLock;
use crate::tail::Tail;

pub use crate::open::{Options, open};

/// Why the database could not be opened, or did not do what it was asked for.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address names no database that Weft knows.
    #[error("a database is sqlite:PATH or postgres://USER@HOST/NAME, not {scheme:?}")]
    Scheme {
        /// What stood before the first colon; the rest may be a password.
        scheme: String,
    },
    /// The address of a PostgreSQL server cannot be read.
    #[error("the address of the PostgreSQL server: {0}")]
    Address(#[source] sqlx::Error),
    /// Another process serves from this SQLite file.
    #[error(
        "database {} is in use by {holder} (lock: {}); several controllers need PostgreSQL",
        path.display(), lock.display()
    )]
    InUse {
        /// The database.
        path: PathBuf,
        /// The file that is locked.
        lock: PathBuf,
        /// `process PID`, or that it is not known.
        holder: String,
    },
    /// The lock file cannot be made or written.
    #[error("lock file {}: {source}", path.display())]
    Lock {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A later version of Weft has changed the tables.
    #[error(
        "the database is of a newer Weft: it has migration {found}, this program knows {known}"
    )]
    Newer {
        /// The migration in the database that this program does not have.
        found: i64,
        /// This program's last one.
        known: i64,
    },
    /// A migration went wrong.
    #[error("migrating the database: {0}")]
    Migration(#[source] sqlx::migrate::MigrateError),
    /// A PostgreSQL database that cannot hold every text.
    #[error("the database's encoding is {found}; it must be UTF8")]
    Encoding {
        /// What it is.
        found: String,
    },
    /// The database refused, or is not there.
    #[error("{0}")]
    Database(#[from] sqlx::Error),
    /// The connection broke while the commit was under way.
    #[error("the connection broke during the commit: {0}")]
    Broken(#[source] sqlx::Error),
    /// The database has not answered in time; what was asked for may still happen.
    #[error("the database did not answer within {} s", limit.as_secs_f32())]
    Late {
        /// How long it was waited for.
        limit: Duration,
    },
    /// What stands in the database is not what Weft wrote.
    #[error("the database holds what Weft cannot read: {what}")]
    Corrupt {
        /// Where, and how.
        what: String,
    },
    /// A write set rests on entries that the log does not have.
    #[error("based on revision {based_on}, but the log ends at {head}: was a backup restored?")]
    Future {
        /// The write set's.
        based_on: Revision,
        /// The log's.
        head: Revision,
    },
    /// A key that an index of one of the databases cannot hold.
    #[error("a key may have {limit} bytes and no NUL: {key:?}")]
    Key {
        /// The key's beginning.
        key: String,
        /// The limit.
        limit: usize,
    },
}

impl From<Error> for StoreError {
    fn from(error: Error) -> Self {
        StoreError(error.to_string())
    }
}

impl From<&Error> for CommitError {
    fn from(error: &Error) -> Self {
        CommitError::Database {
            message: error.to_string(),
            unknown: matches!(error, Error::Broken(_) | Error::Late { .. }),
        }
    }
}

/// An open database.
///
/// A commit runs to its end even if the caller stops waiting for it. When its outcome is
/// `unknown`, the caller finds out by reading the entries after the revision that it based the
/// write set on: the log has the whole entry or nothing of it.
#[derive(Debug, Clone)]
pub struct SqlStore {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    /// For commits; on SQLite a single connection.
    writer: Db,
    /// For everything else.
    reader: Db,
    /// The last entries; whoever holds it is the one who commits in this process.
    tail: Mutex<Tail>,
    /// The highest head that is known here. On SQLite it is the head: nobody else writes.
    head: watch::Sender<Revision>,
    /// How long to wait for an answer; a peer that is cut off never closes its connection.
    limit: Duration,
    /// Listens to what other members commit.
    follower: OnceLock<JoinHandle<()>>,
    /// Held as long as the database is open.
    _lock: Option<FileLock>,
}

impl Drop for Inner {
    fn drop(&mut self) {
        if let Some(follower) = self.follower.get() {
            follower.abort();
        }
    }
}

impl Inner {
    /// Waits for the database, but not for ever.
    async fn within_limit<T>(
        &self,
        work: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let late = |_| Error::Late { limit: self.limit };
        tokio::time::timeout(self.limit, work).await.map_err(late)?
    }

    /// Wakes those who wait for entries, if `head` is news.
    fn announce(&self, head: Revision) {
        self.head.send_if_modified(|known| {
            let news = head > *known;
            *known = head.max(*known);
            news
        });
    }
}

impl SqlStore {
    /// Closes the connections in good order, once nobody uses them; without it the operating
    /// system does so at the end of the process, and nothing is lost either.
    pub async fn close(self) {
        self.inner.writer.close().await;
        self.inner.reader.close().await;
    }
}

impl Store for SqlStore {
    fn snapshot(&self) -> BoxFuture<'_, Result<Snapshot, StoreError>> {
        Box::pin(async { Ok(read::snapshot(&self.inner.reader).await?) })
    }

    fn head(&self) -> BoxFuture<'_, Result<Revision, StoreError>> {
        Box::pin(async {
            match self.inner.reader {
                Db::Lite(_) => Ok(*self.inner.head.borrow()),
                Db::Pg(_) => {
                    let head = read::head(&self.inner.reader);
                    Ok(self.inner.within_limit(head).await?)
                }
            }
        })
    }

    fn entries(
        &self,
        after: Revision,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<LogEntry>, StoreError>> {
        Box::pin(async move {
            let entries = read::entries(&self.inner.reader, after, limit);
            Ok(self.inner.within_limit(entries).await?)
        })
    }

    fn commit(
        &self,
        writes: Vec<WriteSet>,
        time_us: i64,
    ) -> BoxFuture<'_, Vec<Result<LogEntry, CommitError>>> {
        let inner = self.inner.clone();
        let count = writes.len();
        Box::pin(async move {
            let task = tokio::spawn(async move { inner.commit(writes, time_us).await });
            task.await.unwrap_or_else(|stopped| {
                let lost = CommitError::Database {
                    message: format!("the commit was stopped: {stopped}"),
                    unknown: true,
                };
                vec![Err(lost); count]
            })
        })
    }

    fn changed(&self, known: Revision) -> BoxFuture<'_, ()> {
        let mut head = self.inner.head.subscribe();
        Box::pin(async move {
            // It fails only when the sender is gone, and `self` holds the sender.
            let _ = head.wait_for(|head| *head > known).await;
        })
    }
}
