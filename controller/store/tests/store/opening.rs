//! Opening: what is refused, and that both databases get the same tables.

use std::collections::BTreeSet;

use sqlx::{AssertSqlSafe, Connection, PgConnection, Row, SqliteConnection};
use weft_store::{Error, Options, open};

use crate::databases::{on_each, on_postgres, on_sqlite, opened};

const NEWER: &str = "INSERT INTO _sqlx_migrations \
    (version, description, success, checksum, execution_time) VALUES (99, 'later', TRUE, 'x', 0)";

#[tokio::test]
async fn a_second_instance_on_the_same_sqlite_file_is_refused_and_told_who_holds_it() {
    on_sqlite(async |url| {
        let first = opened(url).await;
        let refused = open(url, &Options::default()).await.unwrap_err();
        assert!(matches!(refused, Error::InUse { .. }));
        let words = refused.to_string();
        assert!(
            words.contains(&format!("process {}", std::process::id())),
            "{words}"
        );
        assert!(words.contains("weft.db.lock"), "{words}");
        first.close().await;
        opened(url).await;
    })
    .await;
}

#[tokio::test]
async fn a_second_name_of_a_sqlite_file_is_no_way_around_its_lock() {
    on_sqlite(async |url| {
        let path = url.strip_prefix("sqlite:").unwrap();
        opened(url).await.close().await;
        let link = format!("{path}.link");
        std::os::unix::fs::symlink(path, &link).unwrap();
        let first = opened(url).await;
        let refused = open(&format!("sqlite:{link}"), &Options::default()).await;
        assert!(matches!(refused, Err(Error::InUse { .. })), "{refused:?}");
        first.close().await;
    })
    .await;
}

#[tokio::test]
async fn a_new_sqlite_file_is_this_user_s_alone() {
    use crate::writes::{based_on, commit};
    use std::os::unix::fs::PermissionsExt;
    on_sqlite(async |url| {
        let store = opened(url).await;
        commit(&store, [based_on(0).port("a", "n")]).await;
        let path = url.strip_prefix("sqlite:").unwrap();
        for file in [path.to_owned(), format!("{path}-wal")] {
            let mode = std::fs::metadata(&file).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{file}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_database_of_a_newer_version_is_refused() {
    on_each(async |url| {
        opened(url).await.close().await;
        execute(url, NEWER).await;
        let refused = open(url, &Options::default()).await.unwrap_err();
        assert!(
            matches!(refused, Error::Newer { found: 99, .. }),
            "{refused}"
        );
    })
    .await;
}

#[tokio::test]
async fn a_changed_migration_is_refused() {
    on_each(async |url| {
        opened(url).await.close().await;
        execute(url, "UPDATE _sqlx_migrations SET checksum = 'other'").await;
        let refused = open(url, &Options::default()).await.unwrap_err();
        assert!(matches!(refused, Error::Migration(_)), "{refused}");
    })
    .await;
}

#[tokio::test]
async fn an_unknown_address_is_refused_without_showing_a_password() {
    let options = Options::default();
    for url in [
        "mysql://weft:sesame@db/weft",
        "postgres://weft:sesame@db:port/weft",
        "weft.db",
    ] {
        let refused = open(url, &options).await.unwrap_err();
        assert!(!refused.to_string().contains("sesame"), "{refused}");
    }
}

#[tokio::test]
async fn a_hole_in_the_log_is_not_read_over() {
    on_each(async |url| {
        use crate::writes::{based_on, commit};
        use weft_schema::Store;
        let store = opened(url).await;
        let writes = ["a", "b", "c"].map(|id| based_on(0).port(id, "n"));
        assert_eq!(commit(&store, writes).await, [Ok(1), Ok(2), Ok(3)]);
        execute(url, "DELETE FROM log WHERE revision = 2").await;
        let error = store.entries(0, 10).await.unwrap_err();
        assert!(error.0.contains("entry 2 is missing"), "{error}");
        assert_eq!(store.entries(2, 10).await.unwrap().len(), 1);
    })
    .await;
}

#[tokio::test]
async fn both_databases_have_the_same_tables() {
    on_sqlite(async |lite| {
        opened(lite).await.close().await;
        on_postgres(async |pg| {
            opened(pg).await.close().await;
            let (lite, pg) = (sqlite_columns(lite).await, postgres_columns(pg).await);
            assert_eq!(lite, pg);
            assert!(lite.contains("claims.key TEXT key 2"), "{lite:?}");
        })
        .await;
    })
    .await;
}

/// `TABLE.COLUMN TYPE key POSITION-IN-PRIMARY-KEY` of every column, all of them NOT NULL.
async fn sqlite_columns(url: &str) -> BTreeSet<String> {
    let file = url.strip_prefix("sqlite:").unwrap();
    let mut connection = SqliteConnection::connect(file).await.unwrap();
    sqlx::query(
        "SELECT m.name || '.' || c.name || ' ' || c.type || ' key ' || c.pk \
         FROM sqlite_master m, pragma_table_info(m.name) c \
         WHERE m.type = 'table' AND m.name <> '_sqlx_migrations' AND c.\"notnull\" = 1",
    )
    .fetch_all(&mut connection)
    .await
    .unwrap()
    .iter()
    .map(|row| row.get::<String, _>(0).replace("BLOB", "BYTEA"))
    .collect()
}

async fn postgres_columns(url: &str) -> BTreeSet<String> {
    let mut connection = PgConnection::connect(url).await.unwrap();
    sqlx::query(
        "SELECT c.table_name || '.' || c.column_name || ' ' || upper(c.data_type) || ' key ' \
             || coalesce(k.ordinal_position, 0) \
         FROM information_schema.columns c \
         LEFT JOIN information_schema.table_constraints t \
             ON t.table_name = c.table_name AND t.constraint_type = 'PRIMARY KEY' \
         LEFT JOIN information_schema.key_column_usage k \
             ON k.constraint_name = t.constraint_name AND k.column_name = c.column_name \
         WHERE c.table_schema = 'public' AND c.table_name <> '_sqlx_migrations' \
             AND c.is_nullable = 'NO'",
    )
    .fetch_all(&mut connection)
    .await
    .unwrap()
    .iter()
    .map(|row| row.get(0))
    .collect()
}

async fn execute(url: &str, sql: &str) {
    let sql = AssertSqlSafe(sql.to_owned());
    let outcome = match url.strip_prefix("sqlite:") {
        Some(file) => {
            let mut connection = SqliteConnection::connect(file).await.unwrap();
            sqlx::query(sql)
                .execute(&mut connection)
                .await
                .map(|done| done.rows_affected())
        }
        None => {
            let mut connection = PgConnection::connect(url).await.unwrap();
            sqlx::query(sql)
                .execute(&mut connection)
                .await
                .map(|done| done.rows_affected())
        }
    };
    assert!(outcome.unwrap() > 0);
}
