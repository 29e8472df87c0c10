//! Write sets for tests, in few words.

use std::sync::Arc;

use serde_json::{Value, json};
use weft_schema::{
    Actor, Body, Claim, ClaimChange, CommitError, LogEntry, Read, Revision, RowChange, RowKey,
    Store, WriteSet,
};

pub(crate) const TIME: i64 = 1_700_000_000_000_000;

pub(crate) fn key(kind: &str, id: &str) -> RowKey {
    RowKey {
        kind: kind.into(),
        id: id.into(),
    }
}

pub(crate) fn body(value: Value) -> Body {
    match value {
        Value::Object(map) => Arc::new(map),
        other => panic!("not an object: {other}"),
    }
}

pub(crate) fn claim(kind: &str, key: &str) -> Claim {
    Claim {
        kind: kind.into(),
        key: key.into(),
    }
}

pub(crate) fn row(kind: &str, id: &str) -> Read {
    Read::Row(key(kind, id))
}

pub(crate) fn referrers(kind: &str, attribute: &str, value: &str) -> Read {
    Read::Referrers {
        kind: kind.into(),
        attribute: attribute.into(),
        value: value.into(),
    }
}

/// A write set under construction.
pub(crate) struct Writes(pub(crate) WriteSet);

pub(crate) fn based_on(revision: Revision) -> Writes {
    Writes(WriteSet {
        based_on: revision,
        actor: Actor {
            user: "u".into(),
            project: "p".into(),
            request: "req-1".into(),
        },
        rows: vec![],
        claims: vec![],
        reads: [].into(),
    })
}

impl Writes {
    pub(crate) fn put(self, kind: &str, id: &str, after: Value) -> Self {
        self.change(kind, id, None, Some(after))
    }

    pub(crate) fn port(self, id: &str, network: &str) -> Self {
        self.put("port", id, json!({"id": id, "network_id": network}))
    }

    pub(crate) fn delete(self, kind: &str, id: &str, before: Value) -> Self {
        self.change(kind, id, Some(before), None)
    }

    pub(crate) fn change(
        mut self,
        kind: &str,
        id: &str,
        before: Option<Value>,
        after: Option<Value>,
    ) -> Self {
        self.0.rows.push(RowChange {
            key: key(kind, id),
            before: before.map(body),
            after: after.map(body),
        });
        self
    }

    pub(crate) fn take(self, name: &str, owner: &str) -> Self {
        self.claim(name, Some(key("port", owner)))
    }

    pub(crate) fn release(self, name: &str) -> Self {
        self.claim(name, None)
    }

    fn claim(mut self, name: &str, owner: Option<RowKey>) -> Self {
        self.0.claims.push(ClaimChange {
            claim: claim("ip", name),
            owner,
        });
        self
    }

    pub(crate) fn read(mut self, read: Read) -> Self {
        self.0.reads.insert(read);
        self
    }
}

/// Commits a batch and gives the revisions.
pub(crate) async fn commit(
    store: &dyn Store,
    writes: impl IntoIterator<Item = Writes>,
) -> Vec<Result<Revision, CommitError>> {
    let writes = writes.into_iter().map(|writes| writes.0).collect();
    let verdicts = store.commit(writes, TIME).await;
    verdicts
        .into_iter()
        .map(|verdict| verdict.map(|entry: LogEntry| entry.revision))
        .collect()
}
