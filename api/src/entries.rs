//! The log as a stream, for whoever keeps something of its own up with the state.
//!
//! Entries come from memory as they are applied; who is too slow for that reads them from the
//! store, and never misses one.

use std::collections::VecDeque;
use std::sync::Arc;

use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;
use weft_schema::{LogEntry, Revision, Store};

use crate::replica::PAUSE;

/// How many entries are read from the store at a time.
const PAGE: usize = 500;

/// The entries after a revision, in order and without loss.
pub struct Entries {
    store: Arc<dyn Store>,
    /// The last entry that was given out.
    position: Revision,
    /// What was read from the store and is not given out yet.
    read: VecDeque<Arc<LogEntry>>,
    applied: broadcast::Receiver<Arc<LogEntry>>,
}

impl std::fmt::Debug for Entries {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Entries")
            .field("position", &self.position)
            .finish_non_exhaustive()
    }
}

impl Entries {
    pub(crate) fn new(
        store: Arc<dyn Store>,
        position: Revision,
        applied: broadcast::Receiver<Arc<LogEntry>>,
    ) -> Self {
        Entries {
            store,
            position,
            read: VecDeque::new(),
            applied,
        }
    }

    /// The last entry that was given out, or the revision that this began at.
    #[must_use]
    pub fn position(&self) -> Revision {
        self.position
    }

    /// Waits for the next entry; none when the replica is gone. Nothing is lost if the wait is
    /// given up.
    pub async fn next(&mut self) -> Option<Arc<LogEntry>> {
        loop {
            if let Some(entry) = self.read.pop_front() {
                self.position = entry.revision;
                return Some(entry);
            }
            match self.applied.recv().await {
                Ok(entry) if entry.revision <= self.position => {}
                Ok(entry) if entry.revision == self.position + 1 => {
                    self.position = entry.revision;
                    return Some(entry);
                }
                Ok(_) | Err(RecvError::Lagged(_)) => self.read_on().await,
                Err(RecvError::Closed) => return None,
            }
        }
    }

    /// Reads what was missed from the store.
    async fn read_on(&mut self) {
        loop {
            match self.store.entries(self.position, PAGE).await {
                Ok(entries) => {
                    self.read = entries.into_iter().map(Arc::new).collect();
                    return;
                }
                Err(error) => {
                    tracing::warn!(%error, "cannot read the log; trying again");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }
}
