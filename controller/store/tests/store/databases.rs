//! Fresh databases for tests.

use std::env;

use sqlx::{AssertSqlSafe, Connection, PgConnection};
use uuid::Uuid;
use weft_store::{Options, SqlStore, open};

/// Runs a test on a fresh SQLite database and on a fresh PostgreSQL database.
pub(crate) async fn on_each(test: impl AsyncFn(&str)) {
    on_sqlite(&test).await;
    on_postgres(&test).await;
}

/// Runs a test on a fresh SQLite database; it gets the address.
pub(crate) async fn on_sqlite(test: impl AsyncFn(&str)) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("weft.db");
    test(&format!("sqlite:{}", file.display())).await;
}

/// Runs a test on a fresh PostgreSQL database; it gets the address.
pub(crate) async fn on_postgres(test: impl AsyncFn(&str)) {
    let Ok(server) = env::var("WEFT_TEST_POSTGRES") else {
        assert_ne!(
            env::var("WEFT_TESTS").as_deref(),
            Ok("all"),
            "WEFT_TEST_POSTGRES names no server, and all tests are asked for"
        );
        eprintln!("skipped on PostgreSQL: WEFT_TEST_POSTGRES is not set");
        return;
    };
    let name = format!("weft_test_{}", Uuid::new_v4().simple());
    let mut admin = PgConnection::connect(&server).await.unwrap();
    run(&mut admin, format!("CREATE DATABASE {name}")).await;
    test(&sibling(&server, &name)).await;
    run(&mut admin, format!("DROP DATABASE {name} WITH (FORCE)")).await;
}

/// Opens with the usual options.
pub(crate) async fn opened(url: &str) -> SqlStore {
    open(url, &Options::default()).await.unwrap()
}

async fn run(admin: &mut PgConnection, sql: String) {
    sqlx::query(AssertSqlSafe(sql))
        .execute(admin)
        .await
        .unwrap();
}

/// The address of another database on the same server.
fn sibling(server: &str, name: &str) -> String {
    let (address, parameters) = match server.split_once('?') {
        Some((address, parameters)) => (address, format!("?{parameters}")),
        None => (server, String::new()),
    };
    let host_end = address
        .match_indices('/')
        .nth(2)
        .map_or(address.len(), |(at, _)| at);
    format!("{}/{name}{parameters}", &address[..host_end])
}
