//! A write set whose ground has moved is refused, by itself and without a trace.

use serde_json::json;
use weft_schema::{CommitError, Read, Store};

use crate::databases::{on_each, opened};
use crate::writes::{Writes, based_on, claim, commit, referrers, row};

fn changed(read: Read, since: u64) -> Result<u64, CommitError> {
    Err(CommitError::Changed { read, since })
}

fn taken(name: &str) -> Result<u64, CommitError> {
    Err(CommitError::Taken {
        claim: claim("ip", name),
    })
}

/// Commits `first`, then `second` on the state before it, in one batch and in two.
async fn both_ways(
    first: impl Fn(u64) -> Writes,
    second: impl Fn(u64) -> Writes,
    expected: impl Fn(u64) -> Result<u64, CommitError>,
) {
    on_each(async |url| {
        let store = opened(url).await;
        assert_eq!(commit(&store, [first(0)]).await, [Ok(1)]);
        assert_eq!(commit(&store, [second(0)]).await, [expected(0)]);
        store.close().await;
    })
    .await;
    on_each(async |url| {
        let store = opened(url).await;
        assert_eq!(
            commit(&store, [first(0), second(0)]).await,
            [Ok(1), expected(0)]
        );
        store.close().await;
    })
    .await;
    // And when the first is not in the memory of the process that refuses the second.
    on_each(async |url| {
        let store = opened(url).await;
        assert_eq!(commit(&store, [first(0)]).await, [Ok(1)]);
        store.close().await;
        let store = opened(url).await;
        assert_eq!(commit(&store, [second(0)]).await, [expected(0)]);
    })
    .await;
}

#[tokio::test]
async fn a_row_that_was_read_and_changed_refuses() {
    both_ways(
        |r| based_on(r).put("network", "n", json!({"mtu": 1})),
        |r| based_on(r).port("a", "n").read(row("network", "n")),
        |r| changed(row("network", "n"), r),
    )
    .await;
}

#[tokio::test]
async fn a_row_that_both_change_refuses_without_being_named_as_read() {
    both_ways(
        |r| based_on(r).put("network", "n", json!({"mtu": 1})),
        |r| based_on(r).change("network", "n", Some(json!({})), Some(json!({"mtu": 2}))),
        |r| changed(row("network", "n"), r),
    )
    .await;
}

#[tokio::test]
async fn a_new_referrer_refuses_who_counted_them() {
    both_ways(
        |r| based_on(r).port("a", "n"),
        |r| {
            based_on(r)
                .delete("network", "n", json!({}))
                .read(referrers("port", "network_id", "n"))
        },
        |r| changed(referrers("port", "network_id", "n"), r),
    )
    .await;
}

#[tokio::test]
async fn a_referrer_that_went_away_refuses_too() {
    both_ways(
        |r| based_on(r).delete("port", "a", json!({"network_id": "n"})),
        |r| {
            based_on(r)
                .put("quota", "q", json!({"left": 0}))
                .read(referrers("port", "network_id", "n"))
        },
        |r| changed(referrers("port", "network_id", "n"), r),
    )
    .await;
}

#[tokio::test]
async fn what_touches_nothing_that_was_read_is_admitted() {
    both_ways(
        |r| based_on(r).port("a", "n").take("n/1", "a"),
        |r| {
            based_on(r)
                .port("b", "n")
                .take("n/2", "b")
                .read(row("network", "n"))
                .read(row("port", "c"))
                .read(referrers("port", "network_id", "other"))
                .read(referrers("subnet", "network_id", "n"))
        },
        |_| Ok(2),
    )
    .await;
}

#[tokio::test]
async fn a_claim_has_one_owner() {
    both_ways(
        |r| based_on(r).port("a", "n").take("n/1", "a"),
        |r| based_on(r).port("b", "n").take("n/2", "b").take("n/1", "b"),
        |_| taken("n/1"),
    )
    .await;
}

#[tokio::test]
async fn a_refused_write_set_leaves_nothing_behind() {
    on_each(async |url| {
        let store = opened(url).await;
        let batch = [
            based_on(0).port("a", "n").take("n/1", "a"),
            based_on(0).port("b", "n").take("n/2", "b").take("n/1", "b"),
            based_on(0).port("c", "n").take("n/2", "c"),
            based_on(0).port("a", "n").take("n/3", "a"),
            based_on(0).port("d", "n").take("n/3", "d"),
        ];
        let verdicts = commit(&store, batch).await;
        let refused = changed(row("port", "a"), 0);
        assert_eq!(verdicts, [Ok(1), taken("n/1"), Ok(2), refused, Ok(3)]);
        let snapshot = store.snapshot().await.unwrap();
        let rows: Vec<_> = snapshot.rows.iter().map(|row| &*row.key.id).collect();
        assert_eq!(rows, ["a", "c", "d"]);
        let claims: Vec<_> = snapshot
            .claims
            .iter()
            .map(|(claim, owner)| (&*claim.key, &*owner.id))
            .collect();
        assert_eq!(claims, [("n/1", "a"), ("n/2", "c"), ("n/3", "d")]);
    })
    .await;
}

#[tokio::test]
async fn a_claim_may_be_taken_again_by_its_owner_and_by_another_when_given_back_before() {
    on_each(async |url| {
        let store = opened(url).await;
        assert_eq!(
            commit(&store, [based_on(0).take("n/1", "a")]).await,
            [Ok(1)]
        );
        let moved = based_on(1).release("n/1").take("n/1", "b");
        assert_eq!(commit(&store, [moved]).await, [Ok(2)]);
        let two_owners = based_on(2).take("n/2", "b").take("n/2", "c");
        assert_eq!(commit(&store, [two_owners]).await, [taken("n/2")]);
        let again = based_on(2).take("n/1", "b");
        assert_eq!(commit(&store, [again]).await, [Ok(3)]);
        let claims = store.snapshot().await.unwrap().claims;
        assert_eq!(claims.len(), 1);
        assert_eq!(&*claims[0].1.id, "b");
    })
    .await;
}

#[tokio::test]
async fn a_claim_passes_on_within_a_batch() {
    on_each(async |url| {
        let store = opened(url).await;
        assert_eq!(
            commit(&store, [based_on(0).take("n/1", "a")]).await,
            [Ok(1)]
        );
        let batch = [
            based_on(1).release("n/1"),
            based_on(1).take("n/1", "b"),
            based_on(1).take("n/1", "c"),
            based_on(1).release("n/1"),
            based_on(1).take("n/1", "d"),
        ];
        let verdicts = commit(&store, batch).await;
        assert_eq!(verdicts, [Ok(2), Ok(3), taken("n/1"), Ok(4), Ok(5)]);
        assert_eq!(&*store.snapshot().await.unwrap().claims[0].1.id, "d");
    })
    .await;
}

#[tokio::test]
async fn a_key_that_a_database_could_not_hold_is_refused_by_itself() {
    on_each(async |url| {
        let store = opened(url).await;
        let batch = [
            based_on(0).port("a\0", "n"),
            based_on(0).take(&"x".repeat(10_000), "a"),
            based_on(0)
                .port("a", "n")
                .take(&"\u{1f980}".repeat(250), "a"),
        ];
        let verdicts = commit(&store, batch).await;
        for verdict in &verdicts[..2] {
            let known = matches!(verdict, Err(CommitError::Database { unknown: false, .. }));
            assert!(known, "{verdict:?}");
        }
        assert_eq!(verdicts[2], Ok(1));
    })
    .await;
}

#[tokio::test]
async fn a_write_set_from_the_future_is_refused() {
    on_each(async |url| {
        let store = opened(url).await;
        let verdicts = commit(&store, [based_on(7).port("a", "n")]).await;
        let Err(CommitError::Database { message, unknown }) = &verdicts[0] else {
            panic!("{verdicts:?}");
        };
        assert!(message.contains("revision 7") && !unknown, "{message}");
    })
    .await;
}
