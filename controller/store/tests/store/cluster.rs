//! Several members on one PostgreSQL.

use std::time::Duration;

use serde_json::json;
use sqlx::{Connection, PgConnection};
use weft_schema::{CommitError, Revision, Store};
use weft_store::{Options, SqlStore, open};

use crate::databases::{on_postgres, opened};
use crate::writes::{TIME, based_on, body, commit, key};

const MEMBERS: usize = 3;
const WRITES: usize = 120;

/// Adds one to a counter, deciding anew as long as others come in between.
async fn increment(store: &SqlStore, request: &str) -> Revision {
    loop {
        let snapshot = store.snapshot().await.unwrap();
        let before = snapshot
            .rows
            .iter()
            .find(|row| row.key == key("counter", "c"));
        let before = before.and_then(|row| row.after.clone());
        let value = before
            .as_ref()
            .map_or(0, |body| body["value"].as_u64().unwrap());
        let mut write = based_on(snapshot.revision)
            .put("counter", "c", json!({"value": value + 1}))
            .0;
        write.rows[0].before = before;
        write.actor.request = request.to_owned();
        match store.commit(vec![write], TIME).await.remove(0) {
            Ok(entry) => return entry.revision,
            Err(CommitError::Changed { .. }) => {}
            Err(error) => panic!("{error}"),
        }
    }
}

/// Follows the log until it has seen `until` entries.
async fn follow(store: SqlStore, until: usize) -> Vec<(Revision, String)> {
    let mut seen: Vec<(Revision, String)> = Vec::new();
    while seen.len() < until {
        let last = seen.last().map_or(0, |(revision, _)| *revision);
        store.changed(last).await;
        let entries = store.entries(last, 7).await.unwrap();
        seen.extend(
            entries
                .into_iter()
                .map(|entry| (entry.revision, entry.actor.request)),
        );
    }
    seen
}

#[tokio::test(flavor = "multi_thread")]
async fn writers_on_several_members_lose_nothing_and_readers_see_a_dense_order() {
    on_postgres(async |url| {
        let reader = opened(url).await;
        let reading = tokio::spawn(follow(reader.clone(), MEMBERS * WRITES));
        let mut writing = Vec::new();
        for member in 0..MEMBERS {
            let store = opened(url).await;
            writing.push(tokio::spawn(async move {
                let mut mine = Vec::new();
                for index in 0..WRITES {
                    let request = format!("{member}/{index}");
                    mine.push((increment(&store, &request).await, request));
                }
                mine
            }));
        }
        let mut written = Vec::new();
        for task in writing {
            written.extend(task.await.unwrap());
        }
        written.sort();
        let numbers: Vec<_> = written.iter().map(|(revision, _)| *revision).collect();
        assert_eq!(numbers, (1..=(MEMBERS * WRITES) as u64).collect::<Vec<_>>());
        assert_eq!(reading.await.unwrap(), written);
        let snapshot = reader.snapshot().await.unwrap();
        let counted = body(json!({"value": MEMBERS * WRITES}));
        assert_eq!(snapshot.rows[0].after, Some(counted));
    })
    .await;
}

#[tokio::test]
async fn a_claim_taken_on_one_member_is_taken_on_the_other() {
    on_postgres(async |url| {
        let (one, other) = (opened(url).await, opened(url).await);
        assert_eq!(commit(&one, [based_on(0).take("n/1", "a")]).await, [Ok(1)]);
        assert_eq!(other.head().await.unwrap(), 1);
        let verdicts = commit(&other, [based_on(0).take("n/1", "b")]).await;
        assert!(matches!(verdicts[0], Err(CommitError::Taken { .. })));
    })
    .await;
}

#[tokio::test]
async fn a_member_is_woken_by_what_another_commits_also_after_its_connections_were_cut() {
    on_postgres(async |url| {
        let (one, other) = (opened(url).await, opened(url).await);
        let waiting = tokio::spawn(follow(other.clone(), 1));
        assert_eq!(commit(&one, [based_on(0).port("a", "n")]).await, [Ok(1)]);
        waiting.await.unwrap();

        let mut admin = PgConnection::connect(url).await.unwrap();
        sqlx::query(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
             WHERE datname = current_database() AND pid <> pg_backend_pid()",
        )
        .execute(&mut admin)
        .await
        .unwrap();
        let waiting = tokio::spawn(async move {
            other.changed(1).await;
            other
        });
        let third = opened(url).await;
        assert_eq!(commit(&third, [based_on(1).port("b", "n")]).await, [Ok(2)]);
        waiting.await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_member_that_hangs_in_a_commit_stops_the_others_only_for_a_while() {
    on_postgres(async |url| {
        let options = Options {
            patience: Duration::from_millis(200),
            ..Options::default()
        };
        let store = open(url, &options).await.unwrap();
        let mut hanging = PgConnection::connect(url).await.unwrap();
        let mut commit_of_another = hanging.begin().await.unwrap();
        sqlx::query("UPDATE installation SET head = head")
            .execute(&mut *commit_of_another)
            .await
            .unwrap();
        let verdicts = commit(&store, [based_on(0).port("a", "n")]).await;
        let refused = matches!(
            verdicts[0],
            Err(CommitError::Database { unknown: false, .. })
        );
        assert!(refused, "{verdicts:?}");
        commit_of_another.rollback().await.unwrap();
        assert_eq!(commit(&store, [based_on(0).port("a", "n")]).await, [Ok(1)]);
    })
    .await;
}
