//! What is read: the head, entries of the log, and everything at once.

use std::collections::HashSet;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use weft_schema::{Claim, LogEntry, Revision, RowChange, RowKey, Snapshot};

use crate::Error;
use crate::database::{Columns, Db, Purpose, Tx, Value};

/// How many rows are fetched at a time.
const PAGE: i64 = 2_000;

const HEAD: &str = "SELECT head FROM installation";
const ENTRIES: &str =
    "SELECT revision, entry FROM log WHERE revision > $1 ORDER BY revision LIMIT $2";

/// The last entry's number.
pub(crate) async fn head(db: &Db) -> Result<Revision, Error> {
    only(db.fetch(HEAD, &[], |row| revision(row, 0)).await?)
}

/// Up to `limit` entries after `after`.
pub(crate) async fn entries(
    db: &Db,
    after: Revision,
    limit: usize,
) -> Result<Vec<LogEntry>, Error> {
    let values = [Value::Int(signed(after)), Value::Int(bounded(limit))];
    dense(after, db.fetch(ENTRIES, &values, entry).await?)
}

/// The same inside a transaction.
pub(crate) async fn entries_in(
    tx: &mut Tx,
    after: Revision,
    limit: usize,
) -> Result<Vec<LogEntry>, Error> {
    let values = [Value::Int(signed(after)), Value::Int(bounded(limit))];
    dense(after, tx.fetch(ENTRIES, &values, entry).await?)
}

/// Everything at the head.
pub(crate) async fn snapshot(db: &Db) -> Result<Snapshot, Error> {
    let tx = &mut db.begin(Purpose::Read).await?;
    let (revision, secret) = only(
        tx.fetch("SELECT head, secret FROM installation", &[], |row| {
            let secret = row.bytes(1)?.try_into();
            let secret = secret.map_err(|_| corrupt("the secret", "it is not 16 bytes"))?;
            Ok::<_, Error>((revision(row, 0)?, secret))
        })
        .await?,
    )?;
    Ok(Snapshot {
        revision,
        rows: rows(tx).await?,
        claims: claims(tx).await?,
        secret,
    })
}

async fn rows(tx: &mut Tx) -> Result<Vec<RowChange>, Error> {
    let mut kinds = Kinds::default();
    let mut rows: Vec<RowChange> = Vec::new();
    loop {
        let (kind, id) = rows
            .last()
            .map_or(("", ""), |last| (&last.key.kind, &last.key.id));
        let page: Vec<(String, Arc<str>, String)> = tx
            .fetch(
                "SELECT kind, id, body FROM rows WHERE (kind, id) > ($1, $2) \
                 ORDER BY kind, id LIMIT $3",
                &[Value::Text(kind), Value::Text(id), Value::Int(PAGE)],
                |row| {
                    Ok::<_, Error>((
                        row.text(0)?.to_owned(),
                        row.text(1)?.into(),
                        row.text(2)?.to_owned(),
                    ))
                },
            )
            .await?;
        if page.is_empty() {
            return Ok(rows);
        }
        for (kind, id, body) in page {
            let after = parse(&body, || format!("{kind} {id}"))?;
            rows.push(RowChange {
                key: RowKey {
                    kind: kinds.intern(&kind),
                    id,
                },
                before: None,
                after: Some(after),
            });
        }
    }
}

async fn claims(tx: &mut Tx) -> Result<Vec<(Claim, RowKey)>, Error> {
    let mut kinds = Kinds::default();
    let mut claims: Vec<(Claim, RowKey)> = Vec::new();
    loop {
        let (kind, key) = claims
            .last()
            .map_or(("", ""), |(last, _)| (&last.kind, &last.key));
        let page: Vec<[String; 4]> = tx
            .fetch(
                "SELECT kind, key, owner_kind, owner_id FROM claims WHERE (kind, key) > ($1, $2) \
                 ORDER BY kind, key LIMIT $3",
                &[Value::Text(kind), Value::Text(key), Value::Int(PAGE)],
                |row| {
                    let text = |index| row.text(index).map(str::to_owned);
                    Ok::<_, Error>([text(0)?, text(1)?, text(2)?, text(3)?])
                },
            )
            .await?;
        if page.is_empty() {
            return Ok(claims);
        }
        claims.extend(page.into_iter().map(|[kind, key, owner_kind, owner_id]| {
            let claim = Claim {
                kind: kinds.intern(&kind),
                key: key.into(),
            };
            let owner = RowKey {
                kind: kinds.intern(&owner_kind),
                id: owner_id.into(),
            };
            (claim, owner)
        }));
    }
}

/// The few names of kinds, each in memory once.
#[derive(Default)]
struct Kinds(HashSet<Arc<str>>);

impl Kinds {
    fn intern(&mut self, kind: &str) -> Arc<str> {
        if let Some(known) = self.0.get(kind) {
            return known.clone();
        }
        let kind: Arc<str> = kind.into();
        self.0.insert(kind.clone());
        kind
    }
}

/// Refuses a log with holes.
fn dense(after: Revision, entries: Vec<(Revision, LogEntry)>) -> Result<Vec<LogEntry>, Error> {
    entries
        .into_iter()
        .zip(1..)
        .map(|((number, entry), offset)| {
            let expected = after.saturating_add(offset);
            if number == expected && entry.revision == expected {
                return Ok(entry);
            }
            Err(corrupt(
                "the log",
                &format!("entry {expected} is missing before {number}"),
            ))
        })
        .collect()
}

fn entry(row: &dyn Columns) -> Result<(Revision, LogEntry), Error> {
    let number = revision(row, 0)?;
    let entry = parse(row.text(1)?, || format!("entry {number} of the log"))?;
    Ok((number, entry))
}

fn parse<T: DeserializeOwned>(text: &str, place: impl Fn() -> String) -> Result<T, Error> {
    serde_json::from_str(text).map_err(|error| corrupt(&place(), &error.to_string()))
}

fn corrupt(place: &str, how: &str) -> Error {
    Error::Corrupt {
        what: format!("{place}: {how}"),
    }
}

/// A revision as it stands in a column.
pub(crate) fn revision(row: &dyn Columns, index: usize) -> Result<Revision, Error> {
    let number = row.int(index)?;
    number
        .try_into()
        .map_err(|_| corrupt("a revision", &number.to_string()))
}

/// A revision for a column; one that no log will ever reach is as good as the last.
pub(crate) fn signed(revision: Revision) -> i64 {
    revision.try_into().unwrap_or(i64::MAX)
}

fn bounded(limit: usize) -> i64 {
    limit.try_into().unwrap_or(i64::MAX)
}

/// The one row of `installation`.
pub(crate) fn only<T>(rows: Vec<T>) -> Result<T, Error> {
    let mut rows = rows.into_iter();
    match (rows.next(), rows.next()) {
        (Some(row), None) => Ok(row),
        _ => Err(corrupt("installation", "it must have exactly one row")),
    }
}
