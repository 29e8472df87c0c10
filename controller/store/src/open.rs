//! Opening a database: its address, its settings, its tables.

use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::str::FromStr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Connection, PgPool, SqlSafeStr, SqlitePool};
use tokio::sync::{Mutex, watch};
use uuid::Uuid;

use crate::database::{Db, Purpose, Value};
use crate::lock::FileLock;
use crate::tail::Tail;
use crate::{Error, Inner, SqlStore, follow, read};

/// Number, name, and the text for SQLite and for PostgreSQL. What is released is never edited.
const MIGRATIONS: [(i64, &str, &str, &str); 1] = [(
    1,
    "init",
    include_str!("../migrations/sqlite/0001_init.sql"),
    include_str!("../migrations/postgres/0001_init.sql"),
)];

/// How the database is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Connections for reading and, on PostgreSQL, for everything.
    pub connections: u32,
    /// How often to look at the head of a log that others write, besides being notified.
    pub poll: Duration,
    /// How long to wait for a connection, for a lock, and in all three times as long for an
    /// answer, before giving up.
    pub patience: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            connections: 8,
            poll: Duration::from_secs(5),
            patience: Duration::from_secs(10),
        }
    }
}

/// Opens `sqlite:PATH` (made when it is not there) or `postgres://USER:PASSWORD@HOST/NAME`, and
/// brings its tables up to date.
///
/// # Errors
///
/// When it is not there, is in use (SQLite), or is of a newer version of Weft.
pub async fn open(url: &str, options: &Options) -> Result<SqlStore, Error> {
    match url.split_once(':') {
        Some(("sqlite", path)) => {
            let path = path.strip_prefix("//").unwrap_or(path);
            open_sqlite(Path::new(path), options).await
        }
        Some(("postgres" | "postgresql", _)) => open_postgres(url, options).await,
        scheme => Err(Error::Scheme {
            scheme: scheme.map_or(String::new(), |(scheme, _)| scheme.to_owned()),
        }),
    }
}

async fn open_sqlite(path: &Path, options: &Options) -> Result<SqlStore, Error> {
    let lock = FileLock::take(path)?;
    make_private(path);
    // In WAL mode, NORMAL loses nothing that was acknowledged when the process is killed; what
    // was acknowledged just before a power cut may be lost, but the file stays consistent.
    let settings = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Normal)
        .foreign_keys(true)
        .busy_timeout(options.patience);
    let pool = |connections| {
        SqlitePoolOptions::new()
            .max_connections(connections)
            .acquire_timeout(options.patience)
            .idle_timeout(None)
            .max_lifetime(None)
            .test_before_acquire(false)
            .connect_with(settings.clone())
    };
    let writer = pool(1).await?;
    migrate_sqlite(&writer).await?;
    let reader = Db::Lite(pool(options.connections).await?);
    finish(Db::Lite(writer), reader, options, Some(lock)).await
}

/// Makes the file, when it is not there, for this user alone: it holds the secret of the
/// installation, and SQLite gives what it makes beside it the same mode. When that fails, opening
/// fails too and says why.
fn make_private(path: &Path) {
    let _ = std::fs::File::options()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path);
}

async fn open_postgres(url: &str, options: &Options) -> Result<SqlStore, Error> {
    let patience = format!("{}ms", options.patience.as_millis());
    // A member that hangs in the middle of a commit must not stop the others for ever.
    let settings = PgConnectOptions::from_str(url)
        .map_err(Error::Address)?
        .application_name("weft")
        .options([
            ("idle_in_transaction_session_timeout", patience.as_str()),
            ("lock_timeout", patience.as_str()),
        ]);
    let pool = PgPoolOptions::new()
        .max_connections(options.connections.saturating_add(1))
        .acquire_timeout(options.patience)
        .test_before_acquire(false)
        .before_acquire(|connection, state| {
            Box::pin(async move {
                // A connection that was busy a moment ago need not be asked whether it lives.
                let fresh = state.idle_for < Duration::from_secs(1);
                Ok(fresh || connection.ping().await.is_ok())
            })
        })
        .connect_with(settings)
        .await?;
    let db = Db::Pg(pool.clone());
    check_encoding(&db).await?;
    migrate_postgres(&pool).await?;
    let store = finish(db.clone(), db, options, None).await?;
    let weak = Arc::downgrade(&store.inner);
    let follower = tokio::spawn(follow::follow(weak, pool, options.clone()));
    // Empty until now: this is the only place that fills it.
    let _ = store.inner.follower.set(follower);
    Ok(store)
}

async fn check_encoding(db: &Db) -> Result<(), Error> {
    let sql = "SELECT current_setting('server_encoding')";
    let found = read::only(
        db.fetch(sql, &[], |row| Ok::<_, Error>(row.text(0)?.to_owned()))
            .await?,
    )?;
    if found == "UTF8" {
        Ok(())
    } else {
        Err(Error::Encoding { found })
    }
}

async fn finish(
    writer: Db,
    reader: Db,
    options: &Options,
    lock: Option<FileLock>,
) -> Result<SqlStore, Error> {
    let mut tx = writer.begin(Purpose::Write).await?;
    tx.execute(
        "INSERT INTO installation (id, secret, head) VALUES (1, $1, 0) ON CONFLICT DO NOTHING",
        &[Value::Bytes(Uuid::new_v4().as_bytes())],
    )
    .await?;
    tx.commit().await?;
    let head = read::head(&reader).await?;
    Ok(SqlStore {
        inner: Arc::new(Inner {
            writer,
            reader,
            tail: Mutex::new(Tail::behind(head)),
            head: watch::Sender::new(head),
            limit: options.patience * 3,
            follower: OnceLock::new(),
            _lock: lock,
        }),
    })
}

async fn migrate_sqlite(pool: &SqlitePool) -> Result<(), Error> {
    let migrator = migrator(|(_, _, sqlite, _)| sqlite);
    migrator.run(pool).await.map_err(explain)
}

async fn migrate_postgres(pool: &PgPool) -> Result<(), Error> {
    let migrator = migrator(|(_, _, _, postgres)| postgres);
    migrator.run(pool).await.map_err(explain)
}

type Row = (i64, &'static str, &'static str, &'static str);

fn migrator(text: impl Fn(Row) -> &'static str) -> Migrator {
    let migration = |row: Row| {
        let (number, name, ..) = row;
        let sql = text(row).into_sql_str();
        Migration::new(number, name.into(), MigrationType::Simple, sql, false)
    };
    Migrator::with_migrations(MIGRATIONS.into_iter().map(migration).collect())
}

fn explain(error: MigrateError) -> Error {
    match error {
        MigrateError::VersionMissing(found) => Error::Newer {
            found,
            known: MIGRATIONS.last().map_or(0, |migration| migration.0),
        },
        error => Error::Migration(error),
    }
}
