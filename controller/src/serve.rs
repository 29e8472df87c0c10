//! `weft serve`: the controller's parts, started together and ended together.
//!
//! A part is a future that ends when its token is cancelled and fails when the controller cannot
//! go on without it. What the parts do is theirs; this file only wires them.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};
use weft_api::{Api, Limits, Replica};
use weft_compiler::Secret;
use weft_engine::Engine;

use crate::config::Config;
use crate::metrics::Metrics;
use crate::southbound::Parts;
use crate::{listen, metrics, operator, shutdown, southbound};

/// The integration bridge of every hypervisor.
const BRIDGE: &str = "br-int";

/// The mandate of a controller that is alone on its database.
const GENERATION: u64 = 1;

/// How often observations are folded into histograms.
const FOLD: Duration = Duration::from_secs(5);

/// How long parts may take to end.
const GRACE: Duration = Duration::from_secs(10);

/// Runs the controller until a signal asks it to end or a part fails.
///
/// # Errors
///
/// When an address cannot be listened on, or a part fails.
pub async fn run(config: Config) -> anyhow::Result<()> {
    let ended = shutdown::on_signal()?;
    Running::start(config, ended).await?.until_ended().await
}

/// A controller that runs.
pub(crate) struct Running {
    /// Where its API is.
    pub(crate) api: SocketAddr,
    /// Where it is reached by OpenFlow.
    pub(crate) openflow: SocketAddr,
    /// Where it is reached by OVSDB.
    pub(crate) ovsdb: SocketAddr,
    parts: Parts,
    store: weft_store::SqlStore,
    ended: CancellationToken,
}

impl Running {
    /// Starts a controller that ends when it is told to.
    ///
    /// # Errors
    ///
    /// As [`run`].
    pub(crate) async fn start(config: Config, ended: CancellationToken) -> anyhow::Result<Self> {
        let metrics = metrics::install()?;
        config.database.prepare()?;
        let listeners = Listeners::bind(&config)?;
        listeners.log()?;
        info!(database = %config.database, version = env!("CARGO_PKG_VERSION"), "weft starts");
        let (api_address, openflow, ovsdb) = (
            listeners.api.local_addr()?,
            listeners.openflow.local_addr()?,
            listeners.ovsdb.local_addr()?,
        );

        let store =
            weft_store::open(&config.database.url(), &weft_store::Options::default()).await?;
        let replica = Arc::new(Replica::start(Arc::new(store.clone())).await?);
        let secret = Secret::new(replica.read(|state| *state.secret()));
        let settings = southbound_settings(&config, &listeners)?;
        let limits = southbound::Limits::for_files(listen::raise_file_limit());
        let mut parts = Parts::new();
        let member = southbound::start(&replica, &settings, &mut parts, &ended);
        parts.spawn(watch(replica.clone(), ended.clone()));
        parts.spawn(fold(metrics.clone(), ended.clone()));
        parts.spawn(southbound::switches(
            listeners.openflow,
            member.clone(),
            secret,
            GENERATION,
            limits,
            ended.clone(),
        ));
        parts.spawn(southbound::hypervisors(
            listeners.ovsdb,
            member.clone(),
            settings.hypervisors,
            limits,
            ended.clone(),
        ));
        let operations = Arc::new(Operations {
            metrics,
            ended: ended.clone(),
        });
        let operators = operator::router(member, replica.clone());
        let api = Api::new(engine(&config), replica, operations, api_options(&config));
        let router = api.router().merge(operators);
        parts.spawn(serve_api(listeners.api, router, ended.clone()));
        Ok(Self {
            api: api_address,
            openflow,
            ovsdb,
            parts,
            store,
            ended,
        })
    }

    /// Waits until it has ended.
    ///
    /// # Errors
    ///
    /// When a part failed.
    pub(crate) async fn until_ended(self) -> anyhow::Result<()> {
        let outcome = until_ended(self.parts, self.ended).await;
        self.store.close().await;
        outcome
    }
}

/// Fails when the database is followed and written no more.
async fn watch(replica: Arc<Replica>, ended: CancellationToken) -> anyhow::Result<()> {
    match ended.run_until_cancelled(replica.stopped()).await {
        Some(()) => anyhow::bail!("the task that keeps the state has ended"),
        None => Ok(()),
    }
}

/// Serves HTTP until the end, and what has begun a little longer.
async fn serve_api(
    listener: TcpListener,
    router: axum::Router,
    ended: CancellationToken,
) -> anyhow::Result<()> {
    weft_api::serve(listener, router, Limits::default(), ended.cancelled()).await;
    Ok(())
}

/// What the API's `/readyz` and `/metrics` say.
struct Operations {
    metrics: Metrics,
    ended: CancellationToken,
}

impl weft_api::Operations for Operations {
    fn ready(&self) -> Result<(), String> {
        if self.ended.is_cancelled() {
            return Err("the controller is ending".to_owned());
        }
        Ok(())
    }

    fn metrics(&self) -> String {
        self.metrics.render()
    }
}

fn engine(config: &Config) -> Engine {
    Engine::new(weft_engine::Config {
        base_mac: config.base_mac,
        network_type: config.network_type,
        segment_ranges: config.vni_range.ranges().to_vec(),
        underlay_mtu: config.underlay_mtu,
        bridge: BRIDGE.to_owned(),
        dns_domain: config.dns_domain.as_str().to_owned(),
        ..weft_engine::Config::default()
    })
}

fn api_options(config: &Config) -> weft_api::Options {
    let project = config.noauth_project.as_ref();
    weft_api::Options {
        noauth_project: project.map_or_else(String::new, |project| project.as_str().to_owned()),
        ..weft_api::Options::default()
    }
}

fn southbound_settings(
    config: &Config,
    listeners: &Listeners,
) -> anyhow::Result<southbound::Settings> {
    let advertise = config.advertise;
    let port = listeners.openflow.local_addr()?.port();
    Ok(southbound::Settings {
        member: weft_member::Settings {
            answers: weft_member::AnswerSettings {
                lease_seconds: config.dhcp_lease,
                domain: Some(config.dns_domain.as_str().trim_end_matches('.').to_owned()),
            },
            flood_direct: config.flood_direct,
            max_hypervisors: usize::from(config.max_hypervisors),
        },
        hypervisors: weft_member::hypervisor_link::Settings {
            bridge: BRIDGE.to_owned(),
            generation: GENERATION,
            openflow_port: advertise
                .and_then(|advertise| advertise.port)
                .unwrap_or(port),
            advertise: advertise.map(|advertise| advertise.ip),
        },
        audit_interval: config.audit_interval.0,
    })
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
