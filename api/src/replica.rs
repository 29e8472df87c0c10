//! The state in memory: loaded from the store, kept up with its log, and the way to write.
//!
//! Write sets that wait at the same time go to the store together. What one of them takes is
//! reserved in memory until the store has spoken, so that those decided meanwhile choose
//! something else; whether they were right is for the store alone to say. What rows mean, and
//! HTTP, are not known here.

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::sync::{Mutex, broadcast, mpsc, oneshot};
use tokio::task::JoinSet;
use weft_schema::{
    CommitError, LogEntry, Reserved, Revision, State, StateError, Store, StoreError, Tentative,
    WriteSet,
};

use crate::entries::Entries;

/// How many entries are read from the store at a time.
const PAGE: usize = 1_000;

/// How many write sets go to the store together at most.
const BATCH: usize = 256;

/// How many write sets may wait; whoever comes then waits to be allowed to wait.
const QUEUE: usize = 1_024;

/// How many entries a reader of [`Entries`] may be behind before it reads from the store.
const BACKLOG: usize = 1_024;

/// How long to leave a store alone that did not answer.
pub(crate) const PAUSE: Duration = Duration::from_millis(500);

/// Now, in microseconds since 1970-01-01 UTC.
pub(crate) fn now_us() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
    })
}

/// A copy of the database's state, and the task that keeps it. Dropping it stops the task.
#[derive(Debug)]
pub struct Replica {
    inner: Arc<Inner>,
    queue: mpsc::Sender<Pending>,
    _task: JoinSet<()>,
}

struct Inner {
    store: Arc<dyn Store>,
    memory: RwLock<Tentative>,
    /// Held by whoever brings entries into memory, so that it is done once.
    catching_up: Mutex<()>,
    applied: broadcast::Sender<Arc<LogEntry>>,
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inner").finish_non_exhaustive()
    }
}

/// A write set on its way.
struct Pending {
    write: WriteSet,
    /// What was reserved for it.
    reserved: Reserved,
    answer: oneshot::Sender<Result<Revision, CommitError>>,
}

impl Replica {
    /// Loads the state and starts to follow the log.
    ///
    /// # Errors
    ///
    /// The store does not answer.
    pub async fn start(store: Arc<dyn Store>) -> Result<Self, StoreError> {
        let snapshot = store.snapshot().await?;
        let inner = Arc::new(Inner {
            store,
            memory: RwLock::new(Tentative::new(State::from_snapshot(snapshot))),
            catching_up: Mutex::new(()),
            applied: broadcast::Sender::new(BACKLOG),
        });
        let (queue, waiting) = mpsc::channel(QUEUE);
        let (following, committing) = (follow(inner.clone()), commit(inner.clone(), waiting));
        let mut task = JoinSet::new();
        // One goes with the other.
        task.spawn(async {
            tokio::select! {
                () = following => {}
                () = committing => {}
            }
        });
        Ok(Replica {
            inner,
            queue,
            _task: task,
        })
    }

    /// Returns when the log is followed and written no more, which only a defect can bring about.
    pub async fn stopped(&self) {
        self.queue.closed().await;
    }

    /// Looks at the state. It must not take long: applying entries waits for it.
    pub fn read<T>(&self, reader: impl FnOnce(&State) -> T) -> T {
        reader(self.inner.read().state())
    }

    /// The revision that the memory is at.
    #[must_use]
    pub fn revision(&self) -> Revision {
        self.inner.revision()
    }

    /// Returns when the memory has everything that was committed before the call.
    ///
    /// # Errors
    ///
    /// The store does not answer, or its log has become shorter.
    pub async fn current(&self) -> Result<(), StoreError> {
        let known = self.revision();
        let head = self.inner.store.head().await?;
        if head < known {
            return Err(StoreError(format!(
                "the log ends at {head}, but the memory is at {known}: was a backup restored?"
            )));
        }
        self.inner.catch_up(head).await
    }

    /// Gives a write set to the store; it is in memory when this returns its revision.
    ///
    /// Once begun it may happen even if the caller stops waiting.
    ///
    /// # Errors
    ///
    /// As from [`Store::commit`]. [`CommitError::Taken`] also comes when another write set on its
    /// way is about to take the claim.
    pub async fn submit(&self, write: WriteSet) -> Result<Revision, CommitError> {
        let (answer, verdict) = oneshot::channel();
        // From here to the sending nothing waits, so a reservation always reaches the committer.
        let place = self.queue.reserve().await.map_err(|_| stopped(false))?;
        let reserved = self.inner.write().reserve(&write.claims)?;
        place.send(Pending {
            write,
            reserved,
            answer,
        });
        verdict.await.unwrap_or_else(|_| Err(stopped(true)))
    }

    /// Looks at the state and gets every entry after it, in order and without loss.
    pub fn follow<T>(&self, reader: impl FnOnce(&State) -> T) -> (T, Entries) {
        let memory = self.inner.read();
        let entries = Entries::new(
            self.inner.store.clone(),
            memory.state().revision(),
            self.inner.applied.subscribe(),
        );
        (reader(memory.state()), entries)
    }
}

fn stopped(unknown: bool) -> CommitError {
    CommitError::Database {
        message: "the writer has stopped".to_owned(),
        unknown,
    }
}

impl Inner {
    fn read(&self) -> RwLockReadGuard<'_, Tentative> {
        self.memory.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Tentative> {
        self.memory.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn revision(&self) -> Revision {
        self.read().state().revision()
    }

    /// Brings the memory to `target` or beyond.
    async fn catch_up(&self, target: Revision) -> Result<(), StoreError> {
        if self.revision() >= target {
            return Ok(());
        }
        let _turn = self.catching_up.lock().await;
        self.read_to(target).await
    }

    /// The same, for whoever holds the turn.
    async fn read_to(&self, target: Revision) -> Result<(), StoreError> {
        loop {
            let known = self.revision();
            if known >= target {
                return Ok(());
            }
            let entries = self.store.entries(known, PAGE).await?;
            if entries.is_empty() {
                let message = format!("the log ends at {known} and should have {target}");
                return Err(StoreError(message));
            }
            self.apply(entries)
                .map_err(|gap| StoreError(gap.to_string()))?;
        }
    }

    /// Applies what is new of `entries`, and tells those who follow.
    fn apply(&self, entries: Vec<LogEntry>) -> Result<(), StateError> {
        let mut memory = self.write();
        for entry in entries {
            if memory.apply(&entry)? {
                // Nobody may be following.
                let _ = self.applied.send(Arc::new(entry));
            }
        }
        Ok(())
    }
}

/// Applies what others commit.
async fn follow(inner: Arc<Inner>) {
    loop {
        let known = inner.revision();
        inner.store.changed(known).await;
        let caught_up = async { inner.catch_up(inner.store.head().await?).await };
        if let Err(error) = caught_up.await {
            tracing::warn!(%error, "cannot follow the log; trying again");
            tokio::time::sleep(PAUSE).await;
        }
    }
}

/// Commits what is waiting, all of it together.
async fn commit(inner: Arc<Inner>, mut waiting: mpsc::Receiver<Pending>) {
    let mut batch = Vec::new();
    while waiting.recv_many(&mut batch, BATCH).await > 0 {
        // The turn is held so that nobody else fetches the very entries that are being made.
        let _turn = inner.catching_up.lock().await;
        commit_batch(&inner, std::mem::take(&mut batch)).await;
    }
}

async fn commit_batch(inner: &Inner, batch: Vec<Pending>) {
    let writes = batch.iter().map(|pending| pending.write.clone()).collect();
    let mut verdicts = inner.store.commit(writes, now_us()).await;
    for (pending, verdict) in batch.iter().zip(&mut verdicts) {
        if let Err(CommitError::Database { unknown: true, .. }) = verdict
            && let Ok(Some(entry)) = find(inner, &pending.write).await
        {
            *verdict = Ok(entry);
        }
    }
    let entries: Vec<_> = verdicts.iter().flatten().cloned().collect();
    take_in(inner, entries).await;
    for (pending, verdict) in batch.into_iter().zip(verdicts) {
        if verdict.is_err() {
            inner.write().cancel(pending.reserved);
        }
        // Whoever asked may have left.
        let _ = pending.answer.send(verdict.map(|entry| entry.revision));
    }
}

/// Applies what was just committed, and what others committed in between.
async fn take_in(inner: &Inner, entries: Vec<LogEntry>) {
    let Some(last) = entries.last().map(|entry| entry.revision) else {
        return;
    };
    if inner.apply(entries).is_ok() {
        return;
    }
    if let Err(error) = inner.read_to(last).await {
        // They are committed all the same; who reads asks the store for its head first.
        tracing::warn!(%error, revision = last, "cannot read what was committed");
    }
}

/// Looks for the entry that a write set became, when the store could not say.
async fn find(inner: &Inner, write: &WriteSet) -> Result<Option<LogEntry>, StoreError> {
    let mut after = write.based_on;
    loop {
        let entries = inner.store.entries(after, PAGE).await?;
        let Some(last) = entries.last() else {
            return Ok(None);
        };
        after = last.revision;
        let is_it = |entry: &LogEntry| {
            entry.actor == write.actor && entry.rows == write.rows && entry.claims == write.claims
        };
        if let Some(entry) = entries.into_iter().find(is_it) {
            return Ok(Some(entry));
        }
    }
}
