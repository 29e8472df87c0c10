//! How a member learns what other members commit: PostgreSQL's NOTIFY, and a look at the head
//! every few seconds for what a broken connection swallowed.
//!
//! A notification carries the number of the last entry only; who wants the entries reads them.

use std::convert::Infallible;
use std::sync::Weak;
use std::time::Duration;

use sqlx::PgPool;
use sqlx::postgres::PgListener;
use tokio::time::{sleep, timeout};
use weft_schema::Revision;

use crate::database::{Db, Tx, Value};
use crate::{Error, Inner, Options, read};

const CHANNEL: &str = "weft_log";

/// How long to wait before listening again after the connection broke.
const PAUSE: Duration = Duration::from_secs(1);

/// Tells the other members, when the transaction commits, that the log ends at `head`.
pub(crate) async fn notify(tx: &mut Tx, head: Revision) -> Result<(), sqlx::Error> {
    if matches!(tx, Tx::Lite(_)) {
        return Ok(());
    }
    let values = [Value::Text(CHANNEL), Value::Text(&head.to_string())];
    tx.execute("SELECT pg_notify($1, $2)", &values).await
}

/// Listens until the store is closed.
pub(crate) async fn follow(inner: Weak<Inner>, pool: PgPool, options: Options) {
    loop {
        let Err(error) = listen(&inner, &pool, &options).await;
        if inner.strong_count() == 0 {
            return;
        }
        tracing::warn!(%error, "cannot listen to the database; trying again");
        sleep(PAUSE).await;
    }
}

async fn listen(
    inner: &Weak<Inner>,
    pool: &PgPool,
    options: &Options,
) -> Result<Infallible, Error> {
    let mut listener = PgListener::connect_with(pool).await?;
    listener.listen(CHANNEL).await?;
    let db = Db::Pg(pool.clone());
    let limit = options.patience;
    loop {
        let head = timeout(limit, read::head(&db)).await;
        announce(inner, head.map_err(|_| Error::Late { limit })??);
        // Notifications come one after another; a gap in them is found at the next look.
        while let Ok(received) = timeout(options.poll, listener.try_recv()).await {
            let Some(notification) = received? else { break };
            if let Ok(head) = notification.payload().parse() {
                announce(inner, head);
            }
        }
    }
}

fn announce(inner: &Weak<Inner>, head: Revision) {
    if let Some(inner) = inner.upgrade() {
        inner.announce(head);
    }
}
