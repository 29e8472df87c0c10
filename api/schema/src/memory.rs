//! A [`Store`] in memory: the contract of the database in its plainest form.
//!
//! For tests and the simulator. Nothing survives it; the real one is `weft-store`.

use std::future::poll_fn;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};

use crate::log::{LogEntry, Read, Revision, WriteSet};
use crate::state::State;
use crate::store::{BoxFuture, CommitError, Snapshot, Store, StoreError};

/// The log and what it adds up to.
#[derive(Debug)]
struct Inner {
    state: State,
    log: Vec<LogEntry>,
    waiting: Vec<Waker>,
}

/// A store in memory.
#[derive(Debug)]
pub struct MemoryStore(Mutex<Inner>);

impl MemoryStore {
    /// An empty log, and the secret of its installation.
    #[must_use]
    pub fn new(secret: [u8; 16]) -> Self {
        Self(Mutex::new(Inner {
            state: State::new(secret),
            log: Vec::new(),
            waiting: Vec::new(),
        }))
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads the state at the head of the log.
    pub fn read<T>(&self, reader: impl FnOnce(&State) -> T) -> T {
        reader(&self.lock().state)
    }

    /// The entries after `after`.
    #[must_use]
    pub fn entries_after(&self, after: Revision) -> Vec<LogEntry> {
        let inner = self.lock();
        inner.log[inner.log.len().min(position(after))..].to_vec()
    }

    /// Appends one write set, or refuses it without effect: the rule that every store follows.
    ///
    /// # Errors
    /// What was read has changed, or a claim is taken.
    pub fn commit_one(&self, write: WriteSet, time_us: i64) -> Result<LogEntry, CommitError> {
        let mut inner = self.lock();
        let newer = &inner.log[inner.log.len().min(position(write.based_on))..];
        // Who changes a row has decided on the row.
        let changed = write.rows.iter().map(|row| Read::Row(row.key.clone()));
        let reads: Vec<Read> = write.reads.iter().cloned().chain(changed).collect();
        for entry in newer {
            if let Some(read) = reads.iter().find(|read| entry.touches(read)) {
                return Err(CommitError::Changed {
                    read: read.clone(),
                    since: write.based_on,
                });
            }
        }
        for (at, change) in write.claims.iter().enumerate() {
            let given_back = write.claims[..at]
                .iter()
                .any(|earlier| earlier.claim == change.claim && earlier.owner.is_none());
            if let (Some(owner), Some(holder)) = (&change.owner, inner.state.owner(&change.claim))
                && owner != holder
                && !given_back
            {
                return Err(CommitError::Taken {
                    claim: change.claim.clone(),
                });
            }
        }
        let entry = LogEntry {
            revision: inner.state.revision() + 1,
            time_us,
            actor: write.actor,
            rows: write.rows,
            claims: write.claims,
        };
        // The number is the next one by construction, so this cannot be refused.
        _ = inner.state.apply(&entry);
        inner.log.push(entry.clone());
        inner.waiting.drain(..).for_each(Waker::wake);
        Ok(entry)
    }
}

/// Where the entry after `revision` stands in the log.
fn position(revision: Revision) -> usize {
    usize::try_from(revision).unwrap_or(usize::MAX)
}

impl Store for MemoryStore {
    fn snapshot(&self) -> BoxFuture<'_, Result<Snapshot, StoreError>> {
        Box::pin(async { Ok(self.lock().state.snapshot()) })
    }

    fn head(&self) -> BoxFuture<'_, Result<Revision, StoreError>> {
        Box::pin(async { Ok(self.lock().state.revision()) })
    }

    fn entries(
        &self,
        after: Revision,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<LogEntry>, StoreError>> {
        Box::pin(async move {
            let inner = self.lock();
            let newer = &inner.log[inner.log.len().min(position(after))..];
            Ok(newer.iter().take(limit).cloned().collect())
        })
    }

    fn commit(
        &self,
        writes: Vec<WriteSet>,
        time_us: i64,
    ) -> BoxFuture<'_, Vec<Result<LogEntry, CommitError>>> {
        Box::pin(async move {
            let commit = |write| self.commit_one(write, time_us);
            writes.into_iter().map(commit).collect()
        })
    }

    fn changed(&self, known: Revision) -> BoxFuture<'_, ()> {
        Box::pin(poll_fn(move |context| {
            let mut inner = self.lock();
            if inner.state.revision() > known {
                return Poll::Ready(());
            }
            let waker = context.waker();
            if !inner.waiting.iter().any(|known| known.will_wake(waker)) {
                inner.waiting.push(waker.clone());
            }
            Poll::Pending
        }))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::future::Future;
    use std::pin::pin;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::{Context, Wake};

    use serde_json::Map;

    use super::*;
    use crate::claim;
    use crate::log::{Actor, ClaimChange, RowChange, RowKey};

    fn write(based_on: Revision, id: &str) -> WriteSet {
        let key = RowKey {
            kind: "network".into(),
            id: id.into(),
        };
        WriteSet {
            based_on,
            actor: Actor::default(),
            rows: vec![RowChange {
                key: key.clone(),
                before: None,
                after: Some(Arc::new(Map::new())),
            }],
            claims: vec![],
            reads: BTreeSet::new(),
        }
    }

    #[test]
    fn a_decision_rests_on_what_it_read() {
        let store = MemoryStore::new([0; 16]);
        store.commit_one(write(0, "a"), 0).unwrap();
        let mut late = write(0, "b");
        late.reads
            .insert(Read::Row(write(0, "a").rows[0].key.clone()));
        let refused = store.commit_one(late.clone(), 0);
        assert!(matches!(refused, Err(CommitError::Changed { .. })));
        late.based_on = 1;
        assert!(store.commit_one(late, 0).is_ok());
    }

    #[test]
    fn a_decision_on_something_changed_since_is_refused() {
        let store = MemoryStore::new([0; 16]);
        assert_eq!(store.commit_one(write(0, "a"), 5).unwrap().revision, 1);
        assert_eq!(store.commit_one(write(0, "b"), 5).unwrap().revision, 2);
        let late = store.commit_one(write(0, "a"), 5);
        assert!(matches!(late, Err(CommitError::Changed { since: 0, .. })));
        assert_eq!(store.commit_one(write(2, "a"), 5).unwrap().revision, 3);
        assert_eq!(store.entries_after(1).len(), 2);
    }

    #[test]
    fn a_claim_has_one_owner_until_it_is_given_back() {
        let store = MemoryStore::new([0; 16]);
        let claiming = |id: &str, take: bool| {
            let mut write = write(9, id);
            write.claims.push(ClaimChange {
                claim: claim::number("segment/vxlan", 7),
                owner: take.then(|| write.rows[0].key.clone()),
            });
            write
        };
        assert!(store.commit_one(claiming("a", true), 0).is_ok());
        let taken = store.commit_one(claiming("b", true), 0);
        assert!(matches!(taken, Err(CommitError::Taken { .. })));
        assert!(store.commit_one(claiming("a", false), 0).is_ok());
        assert!(store.commit_one(claiming("b", true), 0).is_ok());
    }

    #[test]
    fn waiting_ends_with_the_next_entry() {
        struct Count(AtomicUsize);
        impl Wake for Count {
            fn wake(self: Arc<Self>) {
                self.0.fetch_add(1, Ordering::Relaxed);
            }
        }
        let count = Arc::new(Count(AtomicUsize::new(0)));
        let waker = count.clone().into();
        let mut context = Context::from_waker(&waker);
        let store = MemoryStore::new([0; 16]);
        let mut changed = pin!(store.changed(0));
        assert!(changed.as_mut().poll(&mut context).is_pending());
        store.commit_one(write(0, "a"), 0).unwrap();
        assert_eq!(count.0.load(Ordering::Relaxed), 1);
        assert!(changed.as_mut().poll(&mut context).is_ready());
    }
}
