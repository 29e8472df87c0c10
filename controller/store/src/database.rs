//! One face for the two databases: a pool, a transaction, values in and columns out.
//!
//! The statements are the same on both, so this is the only place that knows there are two
//! (besides opening and following). It knows no table.

use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;
use sqlx::{AssertSqlSafe, PgPool, Postgres, Row, Sqlite, SqlitePool, Transaction};

/// A pool of connections.
#[derive(Debug, Clone)]
pub(crate) enum Db {
    Lite(SqlitePool),
    Pg(PgPool),
}

/// A transaction; dropped, it is rolled back.
#[derive(Debug)]
pub(crate) enum Tx {
    Lite(Transaction<'static, Sqlite>),
    Pg(Transaction<'static, Postgres>),
}

/// What a transaction is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// One consistent view of everything.
    Read,
    /// To lock, look and write.
    Write,
}

/// A value for a placeholder.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Value<'a> {
    Int(i64),
    Text(&'a str),
    Bytes(&'a [u8]),
}

/// The columns of a row, by position.
pub(crate) trait Columns {
    fn int(&self, index: usize) -> Result<i64, sqlx::Error>;
    fn text(&self, index: usize) -> Result<&str, sqlx::Error>;
    fn bytes(&self, index: usize) -> Result<&[u8], sqlx::Error>;
}

macro_rules! columns {
    ($row:ty) => {
        impl Columns for $row {
            fn int(&self, index: usize) -> Result<i64, sqlx::Error> {
                self.try_get(index)
            }

            fn text(&self, index: usize) -> Result<&str, sqlx::Error> {
                self.try_get(index)
            }

            fn bytes(&self, index: usize) -> Result<&[u8], sqlx::Error> {
                self.try_get(index)
            }
        }
    };
}

columns!(SqliteRow);
columns!(PgRow);

/// Binds `values` to `sql`. The text is ours in every case; values go in as parameters only.
macro_rules! bound {
    ($sql:expr, $values:expr) => {
        $values.iter().fold(
            sqlx::query(AssertSqlSafe($sql.to_owned())),
            |query, value| match *value {
                Value::Int(value) => query.bind(value),
                Value::Text(value) => query.bind(value),
                Value::Bytes(value) => query.bind(value),
            },
        )
    };
}

/// Fetches all rows and maps them.
macro_rules! fetched {
    ($executor:expr, $sql:expr, $values:expr, $map:expr) => {
        bound!($sql, $values)
            .fetch_all($executor)
            .await?
            .iter()
            .map(|row| $map(row as &dyn Columns))
            .collect()
    };
}

impl Db {
    /// Begins a transaction.
    pub(crate) async fn begin(&self, purpose: Purpose) -> Result<Tx, sqlx::Error> {
        Ok(match (self, purpose) {
            (Db::Lite(pool), Purpose::Read) => Tx::Lite(pool.begin().await?),
            (Db::Lite(pool), Purpose::Write) => Tx::Lite(pool.begin_with("BEGIN IMMEDIATE").await?),
            (Db::Pg(pool), Purpose::Read) => Tx::Pg(
                pool.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
                    .await?,
            ),
            // After the lock on the head is had, a statement must see what its last holder wrote.
            (Db::Pg(pool), Purpose::Write) => Tx::Pg(
                pool.begin_with("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE")
                    .await?,
            ),
        })
    }

    /// Waits until every connection is back, and closes them.
    pub(crate) async fn close(&self) {
        match self {
            Db::Lite(pool) => pool.close().await,
            Db::Pg(pool) => pool.close().await,
        }
    }

    /// Runs one query by itself.
    pub(crate) async fn fetch<T, E: From<sqlx::Error>>(
        &self,
        sql: &str,
        values: &[Value<'_>],
        map: impl Fn(&dyn Columns) -> Result<T, E>,
    ) -> Result<Vec<T>, E> {
        match self {
            Db::Lite(pool) => fetched!(pool, sql, values, map),
            Db::Pg(pool) => fetched!(pool, sql, values, map),
        }
    }
}

impl Tx {
    /// Runs a query.
    pub(crate) async fn fetch<T, E: From<sqlx::Error>>(
        &mut self,
        sql: &str,
        values: &[Value<'_>],
        map: impl Fn(&dyn Columns) -> Result<T, E>,
    ) -> Result<Vec<T>, E> {
        match self {
            Tx::Lite(tx) => fetched!(&mut **tx, sql, values, map),
            Tx::Pg(tx) => fetched!(&mut **tx, sql, values, map),
        }
    }

    /// Runs a statement.
    pub(crate) async fn execute(
        &mut self,
        sql: &str,
        values: &[Value<'_>],
    ) -> Result<(), sqlx::Error> {
        match self {
            Tx::Lite(tx) => bound!(sql, values).execute(&mut **tx).await.map(drop),
            Tx::Pg(tx) => bound!(sql, values).execute(&mut **tx).await.map(drop),
        }
    }

    /// Runs a statement for many tuples of `WIDTH` values: `sql` with `{}` where they stand.
    pub(crate) async fn execute_many<const WIDTH: usize>(
        &mut self,
        sql: &str,
        tuples: &[[Value<'_>; WIDTH]],
    ) -> Result<(), sqlx::Error> {
        for chunk in chunks(tuples) {
            let sql = sql.replace("{}", &placeholders(chunk.len(), WIDTH));
            self.execute(&sql, chunk.as_flattened()).await?;
        }
        Ok(())
    }

    /// Ends it, with all its effects.
    pub(crate) async fn commit(self) -> Result<(), sqlx::Error> {
        match self {
            Tx::Lite(tx) => tx.commit().await,
            Tx::Pg(tx) => tx.commit().await,
        }
    }
}

/// Cuts `items` into chunks of few different lengths, so that few statements are ever prepared.
pub(crate) fn chunks<T>(items: &[T]) -> impl Iterator<Item = &[T]> {
    const LENGTHS: [usize; 3] = [128, 16, 1];
    let mut rest = items;
    std::iter::from_fn(move || {
        let length = LENGTHS.into_iter().find(|length| *length <= rest.len())?;
        let (chunk, later) = rest.split_at(length);
        rest = later;
        Some(chunk)
    })
}

/// `($1, $2), ($3, $4)` for two tuples of width two.
pub(crate) fn placeholders(tuples: usize, width: usize) -> String {
    let tuple = |tuple: usize| {
        let names: Vec<String> = (1..=width)
            .map(|column| format!("${}", tuple * width + column))
            .collect();
        format!("({})", names.join(", "))
    };
    (0..tuples).map(tuple).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_hold_every_item_in_order() {
        let items: Vec<u32> = (0..307).collect();
        let lengths: Vec<usize> = chunks(&items).map(<[u32]>::len).collect();
        assert_eq!(lengths, [128, 128, 16, 16, 16, 1, 1, 1]);
        assert_eq!(chunks(&items).flatten().copied().collect::<Vec<_>>(), items);
    }

    #[test]
    fn placeholders_are_numbered_through() {
        assert_eq!(placeholders(2, 3), "($1, $2, $3), ($4, $5, $6)");
    }
}
