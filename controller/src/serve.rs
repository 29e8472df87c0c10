//! `weft serve`: the controller's parts, started together and ended together.
//!
//! A part is a future that ends when its token is cancelled and fails when the controller cannot
//! go on without it. What the parts do is theirs; this file only wires them.

use std::time::Duration;

use anyhow::Context;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::config::Config;
use crate::metrics::Metrics;
use crate::{listen, metrics, shutdown};

/// How often observations are folded into histograms.
const FOLD: Duration = Duration::from_secs(5);

/// How long parts may take to end.
const GRACE: Duration = Duration::from_secs(10);

/// The parts that run.
type Parts = JoinSet<anyhow::Result<()>>;

/// Runs the controller until a signal asks it to end or a part fails.
///
/// # Errors
///
/// When an address cannot be listened on, or a part fails.
pub async fn run(config: Config) -> anyhow::Result<()> {
    let ended = shutdown::on_signal()?;
    let metrics = metrics::install()?;
    config.database.prepare()?;
    let listeners = Listeners::bind(&config)?;
    listeners.log()?;
    info!(database = %config.database, version = env!("CARGO_PKG_VERSION"), "weft starts");

    let mut parts = Parts::new();
    parts.spawn(fold(metrics, ended.clone()));
    until_ended(parts, ended).await
}

/// Where the controller is reached.
struct Listeners {
    api: TcpListener,
    openflow: TcpListener,
    ovsdb: TcpListener,
}

impl Listeners {
    fn bind(config: &Config) -> Result<Self, crate::Error> {
        Ok(Self {
            api: listen::bind(&listen::API, config.listen_api.0)?,
            openflow: listen::bind(&listen::OPENFLOW, config.listen_openflow.0)?,
            ovsdb: listen::bind(&listen::OVSDB, config.listen_ovsdb.0)?,
        })
    }

    fn log(&self) -> anyhow::Result<()> {
        for (name, listener) in [
            ("API", &self.api),
            ("OpenFlow", &self.openflow),
            ("OVSDB", &self.ovsdb),
        ] {
            let address = listener.local_addr()?;
            info!("{name} at {address}");
            if name != "API" && !address.ip().is_loopback() {
                warn!("{name} at {address} is plain TCP: whoever reaches it can pose as a switch");
            }
        }
        Ok(())
    }
}

/// Folds observations now and then.
async fn fold(metrics: Metrics, ended: CancellationToken) -> anyhow::Result<()> {
    let mut ticks = tokio::time::interval(FOLD);
    while ended.run_until_cancelled(ticks.tick()).await.is_some() {
        metrics.fold();
    }
    Ok(())
}

/// Waits for the end, then for the parts. The first failure of a part ends the others.
async fn until_ended(mut parts: Parts, ended: CancellationToken) -> anyhow::Result<()> {
    let mut outcome = Ok(());
    while !ended.is_cancelled() {
        tokio::select! {
            () = ended.cancelled() => {}
            part = parts.join_next() => {
                outcome = part.map_or(Ok(()), |part| part.context("a part of the controller panicked")?);
                if outcome.is_err() || parts.is_empty() {
                    ended.cancel();
                }
            }
        }
    }
    let all = async { while parts.join_next().await.is_some() {} };
    if tokio::time::timeout(GRACE, all).await.is_err() {
        warn!("parts did not end within {} seconds", GRACE.as_secs());
    }
    outcome
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn parts_end_when_asked() {
        let ended = CancellationToken::new();
        let mut parts = Parts::new();
        parts.spawn(fold(metrics::install().unwrap(), ended.clone()));
        ended.cancel();
        until_ended(parts, ended).await.unwrap();
    }

    #[tokio::test]
    async fn a_part_that_fails_ends_the_others_and_is_the_outcome() {
        let ended = CancellationToken::new();
        let mut parts = Parts::new();
        parts.spawn(async { anyhow::bail!("the database went away") });
        parts.spawn(fold(metrics::install().unwrap(), ended.clone()));
        let error = until_ended(parts, ended.clone()).await.unwrap_err();
        assert_eq!(error.to_string(), "the database went away");
        assert!(ended.is_cancelled());
    }
}
