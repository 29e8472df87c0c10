//! The memory keeps up with the store, and writes go through it in order.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::Map;
use weft_api::Replica;
use weft_schema::{
    Actor, BoxFuture, Claim, ClaimChange, CommitError, LogEntry, MemoryStore, Read, Revision,
    RowChange, RowKey, Snapshot, Store, StoreError, WriteSet,
};

use crate::databases::{on_each, opened};

fn key(id: &str) -> RowKey {
    RowKey {
        kind: "thing".into(),
        id: id.into(),
    }
}

fn claim(name: &str) -> Claim {
    Claim {
        kind: "name".into(),
        key: name.into(),
    }
}

/// A new row that takes a name.
fn write(based_on: Revision, id: &str, name: &str) -> WriteSet {
    WriteSet {
        based_on,
        actor: Actor {
            request: format!("req-{id}"),
            ..Actor::default()
        },
        rows: vec![RowChange {
            key: key(id),
            before: None,
            after: Some(Arc::new(Map::new())),
        }],
        claims: vec![ClaimChange {
            claim: claim(name),
            owner: Some(key(id)),
        }],
        reads: [Read::Row(key(id))].into(),
    }
}

fn store() -> Arc<MemoryStore> {
    Arc::new(MemoryStore::new([7; 16]))
}

#[tokio::test]
async fn what_was_submitted_is_in_memory_and_in_the_store() {
    on_each(async |url| {
        let store = Arc::new(opened(url).await);
        let replica = Replica::start(store.clone()).await.unwrap();
        assert_eq!(replica.submit(write(0, "a", "x")).await, Ok(1));
        assert!(replica.read(|state| state.row("thing", "a").is_some()));
        assert_eq!(store.head().await, Ok(1));
        let other = Replica::start(store).await.unwrap();
        let owner = other.read(|state| state.owner(&claim("x")).cloned());
        assert_eq!(owner, Some(key("a")));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_want_one_name_one_gets_it() {
    on_each(async |url| {
        let replica = Replica::start(Arc::new(opened(url).await)).await.unwrap();
        let replica = Arc::new(replica);
        let tasks: Vec<_> = (0..100)
            .map(|index| {
                let replica = replica.clone();
                let write = write(0, &format!("{index}"), "x");
                tokio::spawn(async move { replica.submit(write).await })
            })
            .collect();
        let mut winners = 0;
        for task in tasks {
            match task.await.unwrap() {
                Ok(_) => winners += 1,
                Err(refusal) => assert_eq!(refusal, CommitError::Taken { claim: claim("x") }),
            }
        }
        assert_eq!((winners, replica.revision()), (1, 1));
    })
    .await;
}

#[tokio::test]
async fn a_reservation_that_comes_to_nothing_is_given_back() {
    let replica = Replica::start(store()).await.unwrap();
    assert_eq!(replica.submit(write(0, "a", "x")).await, Ok(1));
    let refused = replica.submit(write(0, "a", "y")).await;
    assert!(
        matches!(refused, Err(CommitError::Changed { .. })),
        "{refused:?}"
    );
    assert_eq!(
        replica.read(|state| state.owner(&claim("y")).cloned()),
        None
    );
    assert_eq!(replica.submit(write(1, "b", "y")).await, Ok(2));
}

#[tokio::test]
async fn a_refused_reservation_does_not_take_what_the_log_gave() {
    let shared = store();
    let replica = Replica::start(shared.clone()).await.unwrap();
    // Another member gives the same row the same name, and this one hears of it only now.
    shared.commit_one(write(0, "a", "x"), 0).unwrap();
    let refused = replica.submit(write(0, "a", "x")).await;
    assert!(
        matches!(refused, Err(CommitError::Changed { .. })),
        "{refused:?}"
    );
    replica.current().await.unwrap();
    assert_eq!(
        replica.read(|state| state.owner(&claim("x")).cloned()),
        Some(key("a"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn two_replicas_of_one_store_see_each_others_writes() {
    let shared = store();
    let one = Arc::new(Replica::start(shared.clone()).await.unwrap());
    let other = Arc::new(Replica::start(shared.clone()).await.unwrap());
    let tasks: Vec<_> = (0..200)
        .map(|index| {
            let replica = if index % 2 == 0 {
                one.clone()
            } else {
                other.clone()
            };
            let name = format!("{index}");
            tokio::spawn(async move { replica.submit(write(0, &name, &name)).await.unwrap() })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    one.current().await.unwrap();
    other.current().await.unwrap();
    let expected = shared.read(|state| state.snapshot());
    assert_eq!(expected.rows.len(), 200);
    assert_eq!(one.read(|state| state.snapshot()), expected);
    assert_eq!(other.read(|state| state.snapshot()), expected);
}

#[tokio::test]
async fn who_follows_gets_every_entry_in_order_however_slow() {
    let shared = store();
    let replica = Replica::start(shared.clone()).await.unwrap();
    replica.submit(write(0, "before", "before")).await.unwrap();
    let (revision, mut entries) = replica.follow(|state| state.revision());
    assert_eq!(revision, 1);
    for index in 0..3_000 {
        let name = format!("{index}");
        // Half of it is committed by others.
        match index % 2 {
            0 => drop(replica.submit(write(1, &name, &name)).await.unwrap()),
            _ => drop(shared.commit_one(write(1, &name, &name), 0).unwrap()),
        }
    }
    for expected in 2..=3_001 {
        assert_eq!(entries.next().await.unwrap().revision, expected);
    }
    shared.commit_one(write(1, "later", "later"), 0).unwrap();
    assert_eq!(&*entries.next().await.unwrap().rows[0].key.id, "later");
    drop(replica);
    assert_eq!(entries.next().await, None);
}

/// A store that can be made to fail.
struct Faulty {
    inner: MemoryStore,
    /// Commits, but does not say so.
    mute: AtomicBool,
    /// Does not answer.
    gone: AtomicBool,
}

impl Store for Faulty {
    fn snapshot(&self) -> BoxFuture<'_, Result<Snapshot, StoreError>> {
        self.inner.snapshot()
    }

    fn head(&self) -> BoxFuture<'_, Result<Revision, StoreError>> {
        Box::pin(async {
            match self.gone.load(Ordering::Relaxed) {
                true => Err(StoreError("gone".to_owned())),
                false => self.inner.head().await,
            }
        })
    }

    fn entries(
        &self,
        after: Revision,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<LogEntry>, StoreError>> {
        self.inner.entries(after, limit)
    }

    fn commit(
        &self,
        writes: Vec<WriteSet>,
        time_us: i64,
    ) -> BoxFuture<'_, Vec<Result<LogEntry, CommitError>>> {
        Box::pin(async move {
            let count = writes.len();
            let lost = CommitError::Database {
                message: "broken".to_owned(),
                unknown: true,
            };
            if self.gone.load(Ordering::Relaxed) {
                return vec![Err(lost); count];
            }
            let verdicts = self.inner.commit(writes, time_us).await;
            match self.mute.load(Ordering::Relaxed) {
                true => vec![Err(lost); count],
                false => verdicts,
            }
        })
    }

    fn changed(&self, known: Revision) -> BoxFuture<'_, ()> {
        self.inner.changed(known)
    }
}

fn faulty() -> Arc<Faulty> {
    Arc::new(Faulty {
        inner: MemoryStore::new([7; 16]),
        mute: AtomicBool::new(false),
        gone: AtomicBool::new(false),
    })
}

#[tokio::test]
async fn a_commit_of_unknown_outcome_is_looked_up_in_the_log() {
    let store = faulty();
    let replica = Replica::start(store.clone()).await.unwrap();
    store.mute.store(true, Ordering::Relaxed);
    assert_eq!(replica.submit(write(0, "a", "x")).await, Ok(1));
    store.gone.store(true, Ordering::Relaxed);
    let unknown = replica.submit(write(1, "b", "y")).await;
    let is_unknown = matches!(unknown, Err(CommitError::Database { unknown: true, .. }));
    assert!(is_unknown, "{unknown:?}");
}

#[tokio::test]
async fn without_the_store_nobody_is_told_that_the_memory_is_current() {
    let store = faulty();
    let replica = Replica::start(store.clone()).await.unwrap();
    assert_eq!(replica.current().await, Ok(()));
    store.gone.store(true, Ordering::Relaxed);
    assert_eq!(replica.current().await, Err(StoreError("gone".to_owned())));
}
