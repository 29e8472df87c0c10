//! The claims of a batch of write sets: who may take what, and the statements for it.
//!
//! The database's primary key is what makes a claim unique; under the lock on the head nobody
//! else changes claims, so they are looked up once for the whole batch and decided in memory.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use weft_schema::{Claim, ClaimChange, RowKey, WriteSet};

use crate::Error;
use crate::database::{Tx, Value, chunks, placeholders};

/// What is held of all that the batch asks for, and what the batch does to it.
#[derive(Debug, Default)]
pub(crate) struct Claims {
    held: HashMap<Claim, RowKey>,
    released: BTreeSet<Claim>,
    taken: BTreeMap<Claim, RowKey>,
}

impl Claims {
    /// Looks up every claim that one of `writes` takes.
    pub(crate) async fn load(tx: &mut Tx, writes: &[WriteSet]) -> Result<Self, Error> {
        let asked: BTreeSet<&Claim> = writes
            .iter()
            .flat_map(|write| &write.claims)
            .filter(|change| change.owner.is_some())
            .map(|change| &change.claim)
            .collect();
        let asked: Vec<_> = asked.into_iter().map(values).collect();
        let mut held = HashMap::new();
        for chunk in chunks(&asked) {
            let sql = format!(
                "SELECT kind, key, owner_kind, owner_id FROM claims \
                 WHERE (kind, key) IN (VALUES {})",
                placeholders(chunk.len(), 2)
            );
            let found: Result<Vec<(Claim, RowKey)>, sqlx::Error> = tx
                .fetch(&sql, chunk.as_flattened(), |row| {
                    let claim = Claim {
                        kind: row.text(0)?.into(),
                        key: row.text(1)?.into(),
                    };
                    let owner = RowKey {
                        kind: row.text(2)?.into(),
                        id: row.text(3)?.into(),
                    };
                    Ok((claim, owner))
                })
                .await;
            held.extend(found?);
        }
        Ok(Claims {
            held,
            ..Claims::default()
        })
    }

    /// Carries out one write set's changes, in order, or none of them and says which is taken.
    /// Who holds a claim may take it again.
    pub(crate) fn apply(&mut self, changes: &[ClaimChange]) -> Result<(), Claim> {
        let mut now: HashMap<&Claim, Option<&RowKey>> = HashMap::new();
        for ClaimChange { claim, owner } in changes {
            let holder = now.get(claim).copied();
            let holder = holder.unwrap_or_else(|| self.held.get(claim));
            if holder.is_some() && owner.is_some() && owner.as_ref() != holder {
                return Err(claim.clone());
            }
            now.insert(claim, owner.as_ref());
        }
        for ClaimChange { claim, owner } in changes {
            match owner {
                Some(owner) if self.held.contains_key(claim) => {
                    debug_assert_eq!(self.held.get(claim), Some(owner));
                }
                Some(owner) => {
                    self.held.insert(claim.clone(), owner.clone());
                    self.taken.insert(claim.clone(), owner.clone());
                }
                None => {
                    self.held.remove(claim);
                    self.taken.remove(claim);
                    self.released.insert(claim.clone());
                }
            }
        }
        Ok(())
    }

    /// Writes the outcome.
    pub(crate) async fn write(&self, tx: &mut Tx) -> Result<(), sqlx::Error> {
        let released: Vec<_> = self.released.iter().map(values).collect();
        tx.execute_many(
            "DELETE FROM claims WHERE (kind, key) IN (VALUES {})",
            &released,
        )
        .await?;
        let taken: Vec<_> = self
            .taken
            .iter()
            .map(|(claim, owner)| {
                let [kind, key] = values(claim);
                [kind, key, Value::Text(&owner.kind), Value::Text(&owner.id)]
            })
            .collect();
        tx.execute_many(
            "INSERT INTO claims (kind, key, owner_kind, owner_id) VALUES {}",
            &taken,
        )
        .await
    }
}

fn values(claim: &Claim) -> [Value<'_>; 2] {
    [Value::Text(&claim.kind), Value::Text(&claim.key)]
}
