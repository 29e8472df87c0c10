//! What is committed is there: entries, rows, claims, also after the store is opened again.

use serde_json::json;
use weft_schema::{Snapshot, Store};

use crate::databases::{on_each, opened};
use crate::writes::{TIME, based_on, claim, commit, key};

#[tokio::test]
async fn a_new_database_is_empty_and_has_a_secret_of_its_own() {
    on_each(async |url| {
        let store = opened(url).await;
        let snapshot = store.snapshot().await.unwrap();
        assert_eq!((snapshot.revision, snapshot.rows.len()), (0, 0));
        assert_eq!(store.head().await.unwrap(), 0);
        assert_ne!(snapshot.secret, [0; 16]);
        store.close().await;
        assert_eq!(opened(url).await.snapshot().await.unwrap(), snapshot);
    })
    .await;
}

#[tokio::test]
async fn what_is_committed_is_there_after_opening_again() {
    on_each(async |url| {
        let store = opened(url).await;
        let text = "\u{0} \"quoted\" \u{1f980} \\";
        let first = based_on(0)
            .put(
                "network",
                "n",
                json!({"name": text, "mtu": 1500, "tags": ["a"], "x": null}),
            )
            .port("a", "n")
            .take("n/10.0.0.1", "a")
            .take("n/10.0.0.2", "a");
        let second = based_on(1)
            .change(
                "port",
                "a",
                Some(json!({})),
                Some(json!({"id": "a", "up": true})),
            )
            .release("n/10.0.0.2")
            .port("b", "n")
            .take("n/10.0.0.3", "b");
        let third = based_on(2)
            .delete("port", "b", json!({}))
            .release("n/10.0.0.3");
        assert_eq!(commit(&store, [first]).await, [Ok(1)]);
        assert_eq!(commit(&store, [second]).await, [Ok(2)]);
        assert_eq!(commit(&store, [third]).await, [Ok(3)]);
        let snapshot = store.snapshot().await.unwrap();
        let entries = store.entries(0, 10).await.unwrap();
        assert_rows(&snapshot, text);
        store.close().await;

        let again = opened(url).await;
        assert_eq!(again.head().await.unwrap(), 3);
        assert_eq!(again.snapshot().await.unwrap(), snapshot);
        assert_eq!(again.entries(0, 10).await.unwrap(), entries);
    })
    .await;
}

fn assert_rows(snapshot: &Snapshot, name: &str) {
    let rows: Vec<_> = snapshot
        .rows
        .iter()
        .map(|row| (&*row.key.kind, &*row.key.id, row.after.clone().unwrap()))
        .collect();
    assert_eq!(snapshot.revision, 3);
    assert_eq!(rows.len(), 2);
    assert_eq!((rows[0].0, rows[0].1), ("network", "n"));
    assert_eq!(rows[0].2["name"], name);
    assert_eq!((rows[1].0, rows[1].1), ("port", "a"));
    assert_eq!(rows[1].2["up"], true);
    assert_eq!(
        snapshot.claims,
        [(claim("ip", "n/10.0.0.1"), key("port", "a"))]
    );
}

#[tokio::test]
async fn the_answer_to_a_commit_is_the_entry_that_readers_see() {
    on_each(async |url| {
        let store = opened(url).await;
        let writes = ["a", "b"].map(|id| based_on(0).port(id, "n").take(id, id).0);
        let answers = store.commit(writes.to_vec(), TIME).await;
        let answers: Vec<_> = answers.into_iter().map(Result::unwrap).collect();
        assert_eq!(answers[1].actor, writes[1].actor);
        assert_eq!(answers[1].time_us, TIME);
        assert_eq!(answers, store.entries(0, 10).await.unwrap());
    })
    .await;
}

#[tokio::test]
async fn entries_come_in_order_from_where_they_are_asked_for() {
    on_each(async |url| {
        let store = opened(url).await;
        let writes: Vec<_> = (0..300)
            .map(|id| based_on(0).port(&format!("{id}"), "n"))
            .collect();
        let revisions: Vec<_> = (1..=300).map(Ok).collect();
        assert_eq!(commit(&store, writes).await, revisions);
        let some = store.entries(120, 50).await.unwrap();
        let numbers: Vec<_> = some.iter().map(|entry| entry.revision).collect();
        assert_eq!(numbers, (121..=170).collect::<Vec<_>>());
        assert_eq!(store.entries(300, 50).await.unwrap(), []);
        assert_eq!(store.entries(u64::MAX, usize::MAX).await.unwrap(), []);
        assert_eq!(store.snapshot().await.unwrap().rows.len(), 300);
    })
    .await;
}

#[tokio::test]
async fn a_snapshot_of_many_rows_and_claims_has_each_once() {
    on_each(async |url| {
        let store = opened(url).await;
        let writes = (0..5).map(|part| {
            (0..1_000).fold(based_on(0), |writes, index| {
                let id = format!("{part}-{index}");
                writes.port(&id, "n").take(&id, &id)
            })
        });
        assert!(commit(&store, writes).await.iter().all(Result::is_ok));
        let snapshot = store.snapshot().await.unwrap();
        let ids: std::collections::BTreeSet<_> =
            snapshot.rows.iter().map(|row| row.key.id.clone()).collect();
        assert_eq!((snapshot.rows.len(), ids.len()), (5_000, 5_000));
        assert_eq!(snapshot.claims.len(), 5_000);
        assert!(
            snapshot
                .claims
                .iter()
                .all(|(claim, owner)| claim.key == owner.id)
        );
    })
    .await;
}

#[tokio::test]
async fn an_empty_batch_does_nothing() {
    on_each(async |url| {
        let store = opened(url).await;
        assert_eq!(commit(&store, []).await, []);
        assert_eq!(store.head().await.unwrap(), 0);
    })
    .await;
}

#[tokio::test]
async fn whoever_waits_for_the_log_is_woken_by_a_commit() {
    on_each(async |url| {
        let store = opened(url).await;
        let waiting = tokio::spawn({
            let store = store.clone();
            async move { store.changed(0).await }
        });
        assert_eq!(commit(&store, [based_on(0).port("a", "n")]).await, [Ok(1)]);
        waiting.await.unwrap();
        store.changed(0).await;
    })
    .await;
}
