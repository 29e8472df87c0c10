//! The commit: a batch of write sets in one transaction, each admitted or refused by itself.
//!
//! Everything is decided before anything is written, under the lock on the row that holds the
//! head, so a refused write set has no effect to take back and the writes of all admitted ones
//! go out together.

use std::collections::BTreeMap;

use weft_schema::{Body, CommitError, LogEntry, Read, Revision, RowKey, WriteSet};

use crate::claims::Claims;
use crate::database::{Purpose, Tx, Value};
use crate::tail::{Tail, touched};
use crate::{Error, Inner, follow, read};

/// How many entries of the log are read at a time.
const PAGE: usize = 500;

/// How long a key may be: what an index of PostgreSQL can hold of two keys, and some room.
const KEY_LIMIT: usize = 1_000;

impl Inner {
    /// See [`weft_schema::Store::commit`].
    pub(crate) async fn commit(
        &self,
        writes: Vec<WriteSet>,
        time_us: i64,
    ) -> Vec<Result<LogEntry, CommitError>> {
        let mut tail = self.tail.lock().await;
        let count = writes.len();
        let work = self.append(&mut tail, writes, time_us);
        match self.within_limit(work).await {
            Ok(verdicts) => verdicts,
            Err(error) => {
                // What is known of the head may be behind a commit that broke half-way.
                if let Ok(head) = self.within_limit(read::head(&self.reader)).await {
                    self.announce(head);
                }
                vec![Err(CommitError::from(&error)); count]
            }
        }
    }

    async fn append(
        &self,
        tail: &mut Tail,
        writes: Vec<WriteSet>,
        time_us: i64,
    ) -> Result<Vec<Result<LogEntry, CommitError>>, Error> {
        let mut tx = self.writer.begin(Purpose::Write).await?;
        let head = lock_head(&mut tx).await?;
        catch_up(&mut tx, tail, head).await?;
        let mut batch = Batch {
            tail,
            time_us,
            entries: Vec::new(),
            rows: BTreeMap::new(),
            claims: Claims::load(&mut tx, &writes).await?,
        };
        let mut verdicts = Vec::with_capacity(writes.len());
        for write in writes {
            verdicts.push(batch.admit(&mut tx, write).await?);
        }
        let entries = batch.write(&mut tx).await?;
        if let Some(last) = entries.last() {
            follow::notify(&mut tx, last.revision).await?;
            tx.commit().await.map_err(broken)?;
            entries.into_iter().for_each(|entry| tail.push(entry));
            self.announce(tail.head());
        }
        Ok(verdicts)
    }
}

/// Locks the head until the end of the transaction: this is where commits queue up.
async fn lock_head(tx: &mut Tx) -> Result<Revision, Error> {
    let sql = "UPDATE installation SET head = head RETURNING head";
    read::only(tx.fetch(sql, &[], |row| read::revision(row, 0)).await?)
}

/// Brings the tail up to what other members have committed.
async fn catch_up(tx: &mut Tx, tail: &mut Tail, head: Revision) -> Result<(), Error> {
    if tail.head() > head || head - tail.head() > PAGE as Revision {
        *tail = Tail::behind(head);
    }
    if tail.head() < head {
        let missed = read::entries_in(tx, tail.head(), PAGE).await?;
        missed.into_iter().for_each(|entry| tail.push(entry));
    }
    Ok(())
}

/// Whether a failed COMMIT leaves open what happened: it does unless the server itself said no,
/// and it says other things as well while it is being shut down (classes 08, 40003, 57P).
fn broken(error: sqlx::Error) -> Error {
    let refused = error.as_database_error().is_some_and(|error| {
        error.code().is_some_and(|code| {
            !["08", "40003", "57P"]
                .iter()
                .any(|class| code.starts_with(class))
        })
    });
    if refused {
        Error::Database(error)
    } else {
        Error::Broken(error)
    }
}

/// A transaction's worth of admitted write sets.
struct Batch<'a> {
    tail: &'a Tail,
    time_us: i64,
    entries: Vec<LogEntry>,
    /// The rows as the batch leaves them, and since which entry.
    rows: BTreeMap<RowKey, (Revision, Option<Body>)>,
    claims: Claims,
}

impl Batch<'_> {
    /// Makes the write set the next entry, or says why not.
    async fn admit(
        &mut self,
        tx: &mut Tx,
        write: WriteSet,
    ) -> Result<Result<LogEntry, CommitError>, Error> {
        if let Err(error) = self.well_formed(&write) {
            return Ok(Err(CommitError::from(&error)));
        }
        // Who changes a row has decided on the row.
        let changed = write.rows.iter().map(|row| Read::Row(row.key.clone()));
        let reads: Vec<Read> = write.reads.iter().cloned().chain(changed).collect();
        if let Some(read) = self.conflict(tx, &reads, write.based_on).await? {
            return Ok(Err(CommitError::Changed {
                read,
                since: write.based_on,
            }));
        }
        if let Err(claim) = self.claims.apply(&write.claims) {
            return Ok(Err(CommitError::Taken { claim }));
        }
        Ok(Ok(self.push(write)))
    }

    fn well_formed(&self, write: &WriteSet) -> Result<(), Error> {
        let head = self.tail.head();
        if write.based_on > head {
            return Err(Error::Future {
                based_on: write.based_on,
                head,
            });
        }
        let rows = write.rows.iter().map(|row| &row.key);
        let owners = write.claims.iter().filter_map(|claim| claim.owner.as_ref());
        let ids = rows.chain(owners).flat_map(|key| [&key.kind, &key.id]);
        let claims = write.claims.iter().map(|change| &change.claim);
        let keys = ids.chain(claims.flat_map(|claim| [&claim.kind, &claim.key]));
        match keys
            .into_iter()
            .find(|key| key.len() > KEY_LIMIT || key.contains('\0'))
        {
            Some(key) => Err(Error::Key {
                key: key.chars().take(64).collect(),
                limit: KEY_LIMIT,
            }),
            None => Ok(()),
        }
    }

    /// The first of `reads` that changed after `since`.
    async fn conflict(
        &self,
        tx: &mut Tx,
        reads: &[Read],
        since: Revision,
    ) -> Result<Option<Read>, Error> {
        let mut after = since;
        while after < self.tail.start() {
            let older = read::entries_in(tx, after, PAGE).await?;
            let Some(last) = older.last() else { break };
            after = last.revision;
            if let Some(read) = touched(&older, reads) {
                return Ok(Some(read.clone()));
            }
        }
        let recent = self.tail.touched(reads, since);
        Ok(recent.or_else(|| touched(&self.entries, reads)).cloned())
    }

    fn push(&mut self, write: WriteSet) -> LogEntry {
        let revision = self.tail.head() + self.entries.len() as Revision + 1;
        for row in &write.rows {
            self.rows
                .insert(row.key.clone(), (revision, row.after.clone()));
        }
        let WriteSet {
            actor,
            rows,
            claims,
            ..
        } = write;
        let entry = LogEntry {
            revision,
            time_us: self.time_us,
            actor,
            rows,
            claims,
        };
        self.entries.push(entry.clone());
        entry
    }

    /// Writes everything but the end of the transaction.
    async fn write(self, tx: &mut Tx) -> Result<Vec<LogEntry>, Error> {
        let Some(last) = self.entries.last() else {
            return Ok(self.entries);
        };
        self.write_rows(tx).await?;
        self.claims.write(tx).await?;
        let texts: Vec<String> = self.entries.iter().map(json).collect::<Result<_, _>>()?;
        let tuples: Vec<_> = self
            .entries
            .iter()
            .zip(&texts)
            .map(|(entry, text)| {
                let revision = Value::Int(read::signed(entry.revision));
                [revision, Value::Int(entry.time_us), Value::Text(text)]
            })
            .collect();
        tx.execute_many(
            "INSERT INTO log (revision, time_us, entry) VALUES {}",
            &tuples,
        )
        .await?;
        let head = Value::Int(read::signed(last.revision));
        tx.execute("UPDATE installation SET head = $1", &[head])
            .await?;
        Ok(self.entries)
    }

    async fn write_rows(&self, tx: &mut Tx) -> Result<(), Error> {
        let mut gone = Vec::new();
        let mut kept = Vec::new();
        for (key, (revision, body)) in &self.rows {
            match body {
                Some(body) => kept.push((key, read::signed(*revision), json(body)?)),
                None => gone.push([Value::Text(&key.kind), Value::Text(&key.id)]),
            }
        }
        tx.execute_many("DELETE FROM rows WHERE (kind, id) IN (VALUES {})", &gone)
            .await?;
        let kept: Vec<_> = kept
            .iter()
            .map(|(key, revision, body)| {
                let revision = Value::Int(*revision);
                [
                    Value::Text(&key.kind),
                    Value::Text(&key.id),
                    revision,
                    Value::Text(body),
                ]
            })
            .collect();
        tx.execute_many(
            "INSERT INTO rows (kind, id, revision, body) VALUES {} ON CONFLICT (kind, id) \
             DO UPDATE SET revision = excluded.revision, body = excluded.body",
            &kept,
        )
        .await?;
        Ok(())
    }
}

fn json(value: &impl serde::Serialize) -> Result<String, Error> {
    serde_json::to_string(value).map_err(|error| Error::Corrupt {
        what: error.to_string(),
    })
}
