//! Random batches on the store and on the plainest program that could do the same.

use std::collections::BTreeMap;

use serde_json::json;
use weft_schema::{Body, Claim, CommitError, LogEntry, Read, RowChange, RowKey, Store, WriteSet};

use crate::databases::{on_each, opened};
use crate::writes::{TIME, Writes, based_on, referrers, row};

/// Rows, claims and the log, one write set at a time.
#[derive(Default)]
struct Model {
    log: Vec<LogEntry>,
    rows: BTreeMap<RowKey, Body>,
    claims: BTreeMap<Claim, RowKey>,
}

impl Model {
    fn commit(&mut self, write: &WriteSet) -> Result<LogEntry, CommitError> {
        let later = &self.log[write.based_on as usize..];
        let implied: Vec<_> = write
            .rows
            .iter()
            .map(|row| Read::Row(row.key.clone()))
            .collect();
        if let Some(read) = later.iter().find_map(|entry| {
            write
                .reads
                .iter()
                .chain(&implied)
                .find(|read| entry.touches(read))
        }) {
            return Err(CommitError::Changed {
                read: read.clone(),
                since: write.based_on,
            });
        }
        let mut claims = self.claims.clone();
        for change in &write.claims {
            let claim = change.claim.clone();
            match &change.owner {
                Some(owner) if claims.get(&claim).is_some_and(|holder| holder != owner) => {
                    return Err(CommitError::Taken { claim });
                }
                Some(owner) => drop(claims.insert(claim, owner.clone())),
                None => drop(claims.remove(&claim)),
            }
        }
        self.claims = claims;
        for RowChange { key, after, .. } in &write.rows {
            match after {
                Some(body) => drop(self.rows.insert(key.clone(), body.clone())),
                None => drop(self.rows.remove(key)),
            }
        }
        let entry = LogEntry {
            revision: self.log.len() as u64 + 1,
            time_us: TIME,
            actor: write.actor.clone(),
            rows: write.rows.clone(),
            claims: write.claims.clone(),
        };
        self.log.push(entry.clone());
        Ok(entry)
    }
}

/// Numbers from a seed (a linear congruential generator; Knuth's MMIX constants).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }

    fn write_set(&mut self, head: u64) -> WriteSet {
        let mut writes = based_on(head.saturating_sub(self.below(6)));
        for _ in 0..self.below(3) {
            writes = self.row_change(writes);
        }
        for _ in 0..self.below(3) {
            let name = format!("{}", self.below(6));
            writes = match self.below(2) {
                0 => writes.release(&name),
                _ => writes.take(&name, &format!("{}", self.below(4))),
            };
        }
        for _ in 0..self.below(2) {
            let name = format!("{}", self.below(8));
            writes = match self.below(2) {
                0 => writes.read(row("port", &name)),
                _ => writes.read(referrers("port", "network_id", &name)),
            };
        }
        writes.0
    }

    fn row_change(&mut self, writes: Writes) -> Writes {
        let (id, network) = (format!("{}", self.below(8)), format!("{}", self.below(8)));
        match self.below(3) {
            0 => writes.delete("port", &id, json!({"network_id": network})),
            _ => writes.port(&id, &network),
        }
    }
}

#[tokio::test]
async fn random_batches_do_what_the_plain_model_does() {
    on_each(async |url| {
        let store = opened(url).await;
        let mut model = Model::default();
        let mut numbers = Numbers(7);
        let mut refused = 0;
        for _ in 0..150 {
            let head = model.log.len() as u64;
            let batch: Vec<_> = (0..numbers.below(9))
                .map(|_| numbers.write_set(head))
                .collect();
            let expected: Vec<_> = batch.iter().map(|write| model.commit(write)).collect();
            refused += expected.iter().filter(|verdict| verdict.is_err()).count();
            assert_eq!(store.commit(batch, TIME).await, expected);
        }
        assert!(
            refused > 50 && model.log.len() > 50,
            "{refused}, {}",
            model.log.len()
        );
        let snapshot = store.snapshot().await.unwrap();
        let rows: BTreeMap<_, _> = snapshot
            .rows
            .into_iter()
            .map(|row| (row.key, row.after.unwrap()))
            .collect();
        assert_eq!(rows, model.rows);
        assert_eq!(
            snapshot.claims.into_iter().collect::<BTreeMap<_, _>>(),
            model.claims
        );
        assert_eq!(store.entries(0, usize::MAX).await.unwrap(), model.log);
    })
    .await;
}
