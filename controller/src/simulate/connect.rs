//! `weft simulate --connect`: simulated hypervisors at a running controller, and changes at a chosen rate.
//!
//! Three parts, one after the other: hypervisors connect; networks and ports are made and plugged in; ports are made and
//! deleted one by one. Each is measured from outside: at the API, and at the switches.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow, bail, ensure};
use rust_openflow::MacAddr;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use weft_member::status::SwitchStatus;
use weft_simulations::world::{
    Delays, Destination, Detail, Execution, HypervisorId, Protocol, Recorder, Settings, World,
};

use super::calls::{self, Call, Kept};
use super::convergence::Tracker;
use super::live::{Happened, Live, Target};
use super::plan::Plan;
use super::process::{self, Usage};
use super::progress::Progress;
use super::report::{Changes, Connecting, End, Placing, Process, Report, Spoken};
use crate::bench::machine;
use crate::client::{ApiUrl, Client, segment};
use crate::listen;
use crate::ports::Ports;
use crate::switches::Switches;
use crate::{show, shutdown};

/// Where controllers listen unless they are told otherwise.
const OVSDB: u16 = 6640;
/// Whose networks and ports it makes.
const PROJECT: &str = "simulate";
/// How long to wait between two looks at the controller.
const GLANCE: Duration = Duration::from_millis(250);
/// How long to wait between two looks at what is known here.
const MOMENT: Duration = Duration::from_millis(5);
/// How many hypervisors arrive at the same time. Controllers bear only so many connections that have not said whose they are.
const ARRIVING: usize = 250;
/// How long nothing may come nearer to what is waited for.
const PATIENCE: Duration = Duration::from_secs(60);
/// How many ports are made in one call.
const BULK: usize = 100;
/// Files of this process beside connections of hypervisors.
const FILES: usize = 256;

/// How switches carry packets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Kind {
    /// Not at all: they keep flows and acknowledge
    Thin,
    /// As Open vSwitch does, for more memory
    Full,
}

/// How much is put on a controller.
#[derive(clap::Args, Debug, Clone)]
#[command(next_help_heading = "With --connect")]
pub(super) struct Load {
    /// How many hypervisors connect, each with an OVSDB and an OpenFlow connection
    #[arg(long, value_name = "COUNT", default_value = "100", value_parser = clap::value_parser!(u16).range(1..=16_000))]
    hypervisors: u16,
    /// How many networks there are
    #[arg(long, value_name = "COUNT", default_value = "20", value_parser = clap::value_parser!(u16).range(1..=4_000))]
    networks: u16,
    /// How many ports there are from the beginning, in turn on all hypervisors
    #[arg(long, value_name = "COUNT", default_value = "1000")]
    ports: u32,
    /// How many ports are created or deleted in a second
    #[arg(long, value_name = "CHANGES/S", default_value = "10", value_parser = rate)]
    rate: f64,
    /// For how many seconds ports are created and deleted
    #[arg(
        long,
        value_name = "SECONDS",
        default_value = "30",
        conflicts_with = "changes"
    )]
    duration: u32,
    /// How many ports are created or deleted, however long that takes
    #[arg(long, value_name = "COUNT")]
    changes: Option<u32>,
    /// Where the controller listens for hypervisors; by default port 6640 where its API is
    #[arg(long, value_name = "ADDRESS:PORT")]
    ovsdb: Option<SocketAddr>,
    /// Where the controller listens for switches; by default where it tells hypervisors that it is
    #[arg(long, value_name = "ADDRESS:PORT")]
    openflow: Option<SocketAddr>,
    /// How switches carry packets
    #[arg(long, value_enum, default_value = "thin")]
    execution: Kind,
    /// The controller's process, to tell what it takes; by default it is looked for on this machine
    #[arg(long, value_name = "PID")]
    pid: Option<u32>,
    /// Leave networks, ports and hypervisors behind at the controller
    #[arg(long)]
    keep: bool,
}

fn rate(text: &str) -> Result<f64, String> {
    let rate = text
        .parse()
        .ok()
        .filter(|rate| (0.01..=10_000.0).contains(rate));
    rate.ok_or_else(|| "expected a number from 0.01 to 10000".to_owned())
}

impl Load {
    fn plan(&self) -> anyhow::Result<Plan> {
        let plan = Plan {
            hypervisors: usize::from(self.hypervisors),
            networks: usize::from(self.networks),
            ports: usize::try_from(self.ports)?,
        };
        let empty = plan.reach().iter().filter(|on| on.is_empty()).count();
        ensure!(
            empty == 0,
            "{empty} of {} networks have no port: more --ports, or fewer --networks",
            plan.networks
        );
        Ok(plan)
    }

    fn count(&self) -> usize {
        let by_time = f64::from(self.duration) * self.rate;
        self.changes
            .map_or(by_time.ceil() as usize, |count| count as usize)
    }
}

/// Puts a load on a controller and tells what came of it.
///
/// # Errors
///
/// When the controller cannot be reached, or is not in order in the end.
pub(super) async fn run(
    url: &ApiUrl,
    load: &Load,
    json: bool,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    let ended = shutdown::on_signal()?;
    let plan = load.plan()?;
    let files = listen::raise_file_limit();
    let needed = 2 * plan.hypervisors + calls::CLIENTS + FILES;
    ensure!(
        files >= needed as u64,
        "{} hypervisors take {needed} open files, and {files} are allowed (ulimit -n)",
        plan.hypervisors
    );
    let mut session = Session::begin(url, load, plan).await?;
    let measured = ended.run_until_cancelled(session.measure()).await;
    let left = match load.keep {
        true => Ok(()),
        false => session.tidy().await,
    };
    let report = measured.ok_or_else(|| anyhow!("interrupted"))??;
    match json {
        true => show::json(out, &report)?,
        false => writeln!(out, "{}", report.text())?,
    }
    left
}

/// What was seen of connections.
#[derive(Debug, Default)]
struct Connections {
    /// Who has which, and the time of the last that was new.
    there: BTreeSet<(HypervisorId, Protocol)>,
    last: Option<Instant>,
    unreached: usize,
    last_unreached: Option<String>,
    ended: usize,
}

impl Connections {
    /// How many switches have been there.
    fn switches(&self) -> usize {
        let protocols = self.there.iter().map(|(_, protocol)| *protocol);
        protocols.filter(|one| *one == Protocol::OpenFlow).count()
    }
}

/// What is observed while the world goes by.
#[derive(Debug, Default)]
struct Seen {
    connections: Connections,
    tracker: Tracker,
}

impl Seen {
    fn take_in(&mut self, at: Instant, happened: Happened) {
        let connections = &mut self.connections;
        match happened {
            Happened::Connected(who, protocol) => {
                if connections.there.insert((who, protocol)) {
                    connections.last = Some(at);
                }
            }
            Happened::Ended => connections.ended += 1,
            Happened::Unreached(protocol, error) => {
                connections.unreached += 1;
                connections.last_unreached = Some(format!("{}: {error}", protocol.name()));
            }
            Happened::Acknowledged(what) => self.tracker.acknowledged(at, &what),
        }
    }
}

/// A port that was made.
#[derive(Debug, Clone)]
struct Made {
    id: String,
    mac: MacAddr,
    network: usize,
    hypervisor: usize,
}

impl Made {
    fn read(port: &Value, network: usize, hypervisor: usize) -> anyhow::Result<Self> {
        Ok(Self {
            id: text(&port["id"])?,
            mac: text(&port["mac_address"])?.parse()?,
            network,
            hypervisor,
        })
    }

    fn tap(&self) -> String {
        format!("tap{}", self.id.get(..11).unwrap_or(&self.id))
    }
}

/// A run.
struct Session<'a> {
    load: &'a Load,
    plan: Plan,
    operator: Client,
    tenant: Client,
    /// The hypervisors; none when they are gone.
    live: Option<Live>,
    start: Instant,
    names: Vec<String>,
    networks: Vec<String>,
    ports: Vec<String>,
    seen: Arc<Mutex<Seen>>,
    progress: Progress,
    pid: Option<u32>,
    usages: [Vec<Option<Usage>>; 2],
}

impl<'a> Session<'a> {
    /// Looks whether the controller is there, and makes the world.
    async fn begin(url: &ApiUrl, load: &'a Load, plan: Plan) -> anyhow::Result<Self> {
        let operator = Client::new(url.clone());
        let names: Vec<String> = (1..=plan.hypervisors).map(|n| format!("sim{n}")).collect();
        let Switches { switches } = operator.get("/switches").await?;
        if let Some(there) = switches
            .iter()
            .find(|one| one.ovsdb && names.contains(&one.system_id))
        {
            bail!(
                "a hypervisor '{}' is connected to {url} already: is another simulation running?",
                there.system_id
            );
        }
        let mut addresses = tokio::net::lookup_host(url.authority()).await?;
        let api = addresses
            .next()
            .with_context(|| format!("{url} has no address"))?;
        let target = Target {
            ovsdb: load.ovsdb.unwrap_or_else(|| (api.ip(), OVSDB).into()),
            openflow: load.openflow,
        };
        let settings = Settings {
            execution: match load.execution {
                Kind::Thin => Execution::Thin,
                Kind::Full => Execution::Full,
            },
            detail: Detail::None,
            // The way is a real one.
            delays: Delays {
                control: 0..=0,
                ..Delays::default()
            },
            ..Settings::new(1)
        };
        let seen = Arc::new(Mutex::new(Seen::default()));
        let (observer, mut happens) = mpsc::unbounded_channel();
        let taking = seen.clone();
        tokio::spawn(async move {
            while let Some((at, happened)) = happens.recv().await {
                lock(&taking).take_in(at, happened);
            }
        });
        let make = move || World::without_controller(settings);
        let live = Live::observed(target, Some(observer), make)?;
        Ok(Self {
            load,
            plan,
            tenant: operator.networking(),
            operator,
            live: Some(live),
            start: Instant::now(),
            names,
            networks: Vec::new(),
            ports: Vec::new(),
            seen,
            progress: Progress::new(),
            pid: load.pid.or_else(|| process::listener(api)),
            usages: Default::default(),
        })
    }

    async fn measure(&mut self) -> anyhow::Result<Report> {
        self.note_usage();
        let connecting = self.connect().await?;
        self.note_usage();
        let placing = self.place().await?;
        self.note_usage();
        let changes = self.change().await?;
        self.note_usage();
        let end = self.end().await?;
        let (ovsdb, openflow) = self
            .with(|world| {
                let of = |protocol: Protocol| {
                    let each = world.hypervisors().map(|id| world.traffic(id, protocol));
                    Spoken::new(protocol.name(), each)
                };
                (of(Protocol::Ovsdb), of(Protocol::OpenFlow))
            })
            .await?;
        let [controller, simulator] = &self.usages;
        Ok(Report {
            controller: self.operator.url().to_string(),
            machine: machine::describe(),
            hypervisors: self.plan.hypervisors,
            networks: self.plan.networks,
            ports: self.plan.ports,
            execution: match self.load.execution {
                Kind::Thin => "thin",
                Kind::Full => "full",
            },
            connecting,
            placing,
            changes,
            end,
            traffic: vec![ovsdb, openflow],
            controller_process: self.pid.and_then(|pid| Process::new(pid, controller)),
            simulator_process: Process::new(std::process::id(), simulator),
        })
    }

    fn note_usage(&mut self) {
        let [controller, simulator] = &mut self.usages;
        controller.push(self.pid.and_then(process::usage));
        simulator.push(process::usage(std::process::id()));
    }

    // --- Hypervisors connect. ---

    async fn connect(&mut self) -> anyhow::Result<Connecting> {
        self.start = Instant::now();
        for (done, some) in self.names.clone().chunks(ARRIVING).enumerate() {
            self.add(done * ARRIVING, some.to_vec()).await?;
            self.wait_for_arrivals((done * ARRIVING) + some.len()).await;
        }
        self.wait_for_order("hypervisors in order").await?;
        let in_order = self.start.elapsed();
        let seen = lock(&self.seen);
        let last = seen.connections.last.unwrap_or(self.start);
        let connected_s = last.duration_since(self.start).as_secs_f64();
        let connections = seen.connections.there.len();
        Ok(Connecting {
            connected_s,
            in_order_s: in_order.as_secs_f64(),
            connections,
            connections_per_s: connections as f64 / connected_s.max(1e-3),
        })
    }

    /// Adds hypervisors, before which there are so many.
    async fn add(&self, before: usize, names: Vec<String>) -> anyhow::Result<()> {
        const FIRST: u32 = Ipv4Addr::new(172, 16, 0, 1).to_bits();
        let first = FIRST + u32::try_from(before)?;
        let added = self.with(move |world| {
            (first..).zip(&names).try_for_each(|(address, name)| {
                let address = Ipv4Addr::from_bits(address);
                world.add_hypervisor(name, address.into()).map(|_| ())
            })
        });
        Ok(added.await??)
    }

    /// Waits until the controller has told so many hypervisors where it is; not for ever, for the others may fare better.
    async fn wait_for_arrivals(&mut self, wanted: usize) {
        let since = Instant::now();
        while since.elapsed() < PATIENCE {
            let arrived = lock(&self.seen).connections.switches();
            if arrived >= wanted {
                return;
            }
            self.progress
                .at("hypervisors connected", arrived, self.plan.hypervisors);
            tokio::time::sleep(MOMENT).await;
        }
    }

    /// Our hypervisors, as the controller tells of them.
    async fn switches(&self) -> anyhow::Result<Vec<SwitchStatus>> {
        let Switches { mut switches } = self.operator.get("/switches").await?;
        let ours: BTreeSet<&str> = self.names.iter().map(String::as_str).collect();
        switches.retain(|switch| ours.contains(switch.system_id.as_str()));
        Ok(switches)
    }

    /// Waits until all switches are in order.
    async fn wait_for_order(&mut self, what: &str) -> anyhow::Result<()> {
        let all = self.plan.hypervisors;
        let mut nearer = (0, Instant::now());
        self.progress.next();
        loop {
            let switches = self.switches().await?;
            let ready = switches
                .iter()
                .filter(|one| one.ovsdb && is_in_order(one))
                .count();
            self.progress.at(what, ready, all);
            if ready == all {
                return Ok(());
            }
            if ready > nearer.0 {
                nearer = (ready, Instant::now());
            }
            if nearer.1.elapsed() > PATIENCE {
                let connections = &lock(&self.seen).connections;
                let why = connections.last_unreached.as_deref();
                bail!(
                    "{ready} of {all} hypervisors are in order, and no more for {} s; {} are known to the controller; {} \
                     connections could not be opened{}",
                    PATIENCE.as_secs(),
                    switches.len(),
                    connections.unreached,
                    why.map_or_else(String::new, |why| format!(", the last: {why}"))
                );
            }
            tokio::time::sleep(GLANCE).await;
        }
    }

    // --- Networks and ports. ---

    async fn place(&mut self) -> anyhow::Result<Placing> {
        let start = Instant::now();
        let network = |number| json!({"network": {"name": format!("simulate-{number}"), "project_id": PROJECT}});
        let calls = (1..=self.plan.networks).map(|number| Call::post("/networks", network(number)));
        for network in self.call_all("networks made", calls.collect()).await {
            self.networks.push(text(&network?["network"]["id"])?);
        }
        let subnet = |network| json!({"subnet": {"network_id": network, "ip_version": 4, "cidr": "10.0.0.0/16", "project_id": PROJECT}});
        let calls = self
            .networks
            .iter()
            .map(|id| Call::post("/subnets", subnet(id)));
        for subnet in self.call_all("subnets made", calls.collect()).await {
            subnet?;
        }
        let made = self.make_ports().await?;
        let made_s = start.elapsed().as_secs_f64();
        let start = Instant::now();
        for (done, some) in made.chunks(BULK).enumerate() {
            self.progress
                .at("ports plugged in", done * BULK, made.len());
            self.plug(some.to_vec()).await?;
        }
        self.wait_for_ports(made.len()).await?;
        Ok(Placing {
            made_s,
            ready_s: start.elapsed().as_secs_f64(),
        })
    }

    /// Makes the ports that are there from the beginning, many in a call.
    async fn make_ports(&mut self) -> anyhow::Result<Vec<Made>> {
        let mut places: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for port in 0..self.plan.ports {
            let (network, hypervisor) = self.plan.place(port);
            places.entry(network).or_default().push(hypervisor);
        }
        let mut wanted = Vec::new();
        for (network, hypervisors) in &places {
            wanted.extend(hypervisors.chunks(BULK).map(|some| (*network, some)));
        }
        let calls = wanted.iter().map(|(network, some)| {
            let port = json!({"network_id": self.networks[*network], "name": "simulated", "project_id": PROJECT});
            Call::post("/ports", json!({"ports": vec![port; some.len()]}))
        });
        let calls = calls.collect();
        let answers = self.call_all("calls that make ports", calls).await;
        let mut made = Vec::new();
        for ((network, hypervisors), answer) in wanted.into_iter().zip(answers) {
            let answer = answer?;
            let ports = answer["ports"].as_array().context("the API gives ports")?;
            for (port, hypervisor) in ports.iter().zip(hypervisors) {
                let port = Made::read(port, network, *hypervisor)?;
                self.ports.push(port.id.clone());
                made.push(port);
            }
        }
        Ok(made)
    }

    async fn plug(&self, ports: Vec<Made>) -> anyhow::Result<()> {
        let plugged = self.with(move |world| {
            let hypervisors: Vec<HypervisorId> = world.hypervisors().collect();
            ports.into_iter().try_for_each(|port| {
                let nobody = Box::new(Recorder::default());
                world.plug(hypervisors[port.hypervisor], &port.tap(), &port.id, nobody)
            })
        });
        Ok(plugged.await??)
    }

    async fn wait_for_ports(&mut self, all: usize) -> anyhow::Result<()> {
        let ours: BTreeSet<String> = self.ports.iter().cloned().collect();
        let mut nearer = (0, Instant::now());
        loop {
            self.wait_for_order("hypervisors in order again").await?;
            let Ports { ports } = self.operator.get("/ports").await?;
            let ready = ports
                .iter()
                .filter(|port| port.ready && ours.contains(&port.id))
                .count();
            self.progress.at("ports ready", ready, all);
            if ready == all {
                return Ok(());
            }
            if ready > nearer.0 {
                nearer = (ready, Instant::now());
            }
            if nearer.1.elapsed() > PATIENCE {
                bail!(
                    "{ready} of {all} ports are ready, and no more for {} s",
                    PATIENCE.as_secs()
                );
            }
            tokio::time::sleep(GLANCE).await;
        }
    }

    /// Makes calls, and tells how far it is.
    async fn call_all(&mut self, what: &str, calls: Vec<Call>) -> Vec<Result<Value, crate::Error>> {
        let (all, done) = (calls.len(), Arc::new(AtomicUsize::new(0)));
        let mut answers = std::pin::pin!(calls::all(&self.tenant, calls, &done));
        self.progress.next();
        loop {
            tokio::select! {
                answers = &mut answers => return answers,
                () = tokio::time::sleep(GLANCE) => {
                    self.progress.at(what, done.load(Ordering::Relaxed), all);
                }
            }
        }
    }

    // --- Changes. ---

    /// Creates and deletes ports at the rate that was asked for.
    async fn change(&mut self) -> anyhow::Result<Changes> {
        self.with(World::watch_acknowledgements).await?;
        let reach = self.plan.reach().into_iter();
        let ids: Vec<HypervisorId> = self.with(|world| world.hypervisors().collect()).await?;
        let drive = Arc::new(Drive {
            live: self.live.clone().ok_or_else(gone)?,
            seen: self.seen.clone(),
            networks: self.networks.clone(),
            reach: reach
                .map(|on| on.into_iter().map(|at| (at, ids[at])).collect())
                .collect(),
            state: Mutex::default(),
        });
        let (jobs, due) = mpsc::channel(1);
        let due = Arc::new(tokio::sync::Mutex::new(due));
        let mut workers = tokio::task::JoinSet::new();
        for _ in 0..calls::CLIENTS {
            let (drive, due, mut kept) = (drive.clone(), due.clone(), Kept::new(&self.tenant));
            workers.spawn(async move {
                while let Some(number) = next(&due).await {
                    drive.change(&mut kept, number).await;
                }
            });
        }
        let (start, count) = (Instant::now(), self.load.count());
        self.progress.next();
        for number in 0..count {
            let at = start + Duration::from_secs_f64(number as f64 / self.load.rate);
            tokio::time::sleep_until(at.into()).await;
            jobs.send(number).await.context("the workers have ended")?;
            self.progress.at("changes", number, count);
        }
        drop(jobs);
        while let Some(worker) = workers.join_next().await {
            worker?;
        }
        // The last one has a pause after it as the others have.
        let took = start
            .elapsed()
            .as_secs_f64()
            .max(count as f64 / self.load.rate);
        self.wait_for_acknowledgements().await;
        let mut state = drive.state();
        self.ports.extend(state.made.drain(..).map(|port| port.id));
        let mut seen = lock(&self.seen);
        let reached = count as f64 / took;
        Ok(Changes {
            asked_per_s: self.load.rate,
            reached_per_s: reached,
            rate_kept: reached > self.load.rate * 0.95,
            created: state.created,
            deleted: state.deleted,
            failed: state.failed,
            first_failure: state.first_failure.take(),
            not_converged: seen.tracker.pending(),
            api: std::mem::take(&mut state.api).into(),
            convergence_created: std::mem::take(&mut seen.tracker.known).into(),
            convergence_deleted: std::mem::take(&mut seen.tracker.removed).into(),
        })
    }

    /// Waits until every change is acknowledged, or nothing is any more for long.
    async fn wait_for_acknowledgements(&mut self) {
        let mut nearer = (usize::MAX, Instant::now());
        loop {
            let pending = lock(&self.seen).tracker.pending();
            if pending < nearer.0 {
                nearer = (pending, Instant::now());
            }
            if pending == 0 || nearer.1.elapsed() > PATIENCE {
                return;
            }
            self.progress
                .at("changes that are not everywhere", pending, pending);
            tokio::time::sleep(GLANCE).await;
        }
    }

    // --- The end. ---

    async fn end(&mut self) -> anyhow::Result<End> {
        // A controller that has gone away in between may be back, and need a while.
        self.wait_for_order("hypervisors in order at the end")
            .await?;
        let switches = self.switches().await?;
        let flows = self.with(|world| {
            let mut flows: Vec<usize> = world.hypervisors().map(|id| world.flows(id)).collect();
            flows.sort_unstable();
            flows
        });
        let flows = flows.await?;
        let connections = &lock(&self.seen).connections;
        let at = |index: usize| flows.get(index).copied().unwrap_or_default();
        Ok(End {
            in_order: switches.iter().filter(|one| is_in_order(one)).count(),
            refused_flows: switches.iter().map(|one| one.refused).sum(),
            unreached: connections.unreached,
            reconnects: connections.ended,
            last_unreached: connections.last_unreached.clone(),
            flows_least: at(0),
            flows_median: at(flows.len() / 2),
            flows_most: at(flows.len().saturating_sub(1)),
        })
    }

    /// Deletes what was made, lets the hypervisors go, and has the controller forget them.
    async fn tidy(&mut self) -> anyhow::Result<()> {
        let mut failed = 0;
        for (what, path, ids) in [
            ("ports deleted", "/ports", std::mem::take(&mut self.ports)),
            (
                "networks deleted",
                "/networks",
                std::mem::take(&mut self.networks),
            ),
        ] {
            let calls = ids.iter().map(|id| Call::delete(format!("{path}/{id}")));
            let answers = self.call_all(what, calls.collect()).await;
            failed += answers.iter().filter(|answer| answer.is_err()).count();
        }
        self.live = None;
        self.progress.next();
        let since = Instant::now();
        loop {
            let known = self.switches().await?;
            self.progress.at(
                "hypervisors forgotten",
                self.names.len() - known.len(),
                self.names.len(),
            );
            if known.is_empty() {
                break;
            }
            for switch in known
                .iter()
                .filter(|one| !one.ovsdb && one.openflow.is_none())
            {
                let path = format!("/switches/{}", segment(&switch.system_id));
                // Who cannot be forgotten yet is asked for again.
                _ = self.operator.delete::<Value>(&path).await;
            }
            ensure!(
                since.elapsed() < 2 * PATIENCE,
                "{} hypervisors are left behind",
                known.len()
            );
            tokio::time::sleep(GLANCE).await;
        }
        ensure!(
            failed == 0,
            "{failed} of the networks and ports are left behind"
        );
        Ok(())
    }

    async fn with<T: Send + 'static>(
        &self,
        ask: impl FnOnce(&mut World) -> T + Send + 'static,
    ) -> anyhow::Result<T> {
        let live = self.live.as_ref().ok_or_else(gone)?;
        live.with(ask).await.ok_or_else(gone)
    }
}

/// What whoever makes changes shares.
struct Drive {
    live: Live,
    seen: Arc<Mutex<Seen>>,
    networks: Vec<String>,
    /// The hypervisors of each network.
    reach: Vec<Vec<(usize, HypervisorId)>>,
    state: Mutex<State>,
}

/// What came of changes.
#[derive(Debug, Default)]
struct State {
    /// Ports that were created and not deleted, the oldest first.
    made: VecDeque<Made>,
    created: usize,
    deleted: usize,
    failed: usize,
    first_failure: Option<String>,
    api: Vec<Duration>,
}

impl Drive {
    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// Every other change deletes what has come everywhere, when there is such a thing.
    async fn change(&self, kept: &mut Kept, number: usize) {
        let old = (number % 2 == 1).then(|| self.settled()).flatten();
        let done = match old {
            Some(port) => self.delete(kept, port).await,
            None => self.create(kept, number / 2).await,
        };
        if let Err(error) = done {
            let mut state = self.state();
            state.failed += 1;
            state.first_failure.get_or_insert_with(|| error.to_string());
        }
    }

    fn made(&self, port: Made) {
        let mut state = self.state();
        state.created += 1;
        state.made.push_back(port);
    }

    /// The oldest port that all its switches have.
    fn settled(&self) -> Option<Made> {
        let mut state = self.state();
        let mut seen = lock(&self.seen);
        let is_settled = |port: &Made| seen.tracker.take_everywhere(Destination::Known(port.mac));
        let at = state.made.iter().position(is_settled)?;
        state.made.remove(at)
    }

    async fn create(&self, kept: &mut Kept, number: usize) -> anyhow::Result<()> {
        let network = number % self.networks.len();
        let on = &self.reach[network];
        let (hypervisor, _) = on[number / self.networks.len() % on.len()];
        let port = json!({"port": {"network_id": self.networks[network], "name": "simulated", "project_id": PROJECT}});
        let (answer, answered) = self.call(kept, Call::post("/ports", port)).await?;
        let port = Made::read(&answer["port"], network, hypervisor)?;
        let known = Destination::Known(port.mac);
        {
            let mut seen = lock(&self.seen);
            seen.tracker
                .expect(known, on.iter().map(|(_, id)| *id).collect());
            seen.tracker.answered(known, answered);
        }
        self.made(port.clone());
        let id = self.place_of(&port)?;
        let plugged = self.live.with(move |world| {
            world.plug(id, &port.tap(), &port.id, Box::new(Recorder::default()))
        });
        Ok(plugged.await.ok_or_else(gone)??)
    }

    async fn delete(&self, kept: &mut Kept, port: Made) -> anyhow::Result<()> {
        let removed = Destination::Removed(port.mac);
        let on = self.reach[port.network].iter().map(|(_, id)| *id);
        lock(&self.seen).tracker.expect(removed, on.collect());
        let call = Call::delete(format!("/ports/{}", port.id));
        match self.call(kept, call).await {
            Ok((_, answered)) => lock(&self.seen).tracker.answered(removed, answered),
            Err(error) => {
                lock(&self.seen).tracker.give_up(removed);
                self.state().made.push_back(port);
                return Err(error);
            }
        }
        self.state().deleted += 1;
        let id = self.place_of(&port)?;
        let unplugged = self
            .live
            .with(move |world| world.unplug(id, &port.tap()).map(|_| ()));
        Ok(unplugged.await.ok_or_else(gone)??)
    }

    fn place_of(&self, port: &Made) -> anyhow::Result<HypervisorId> {
        let mut on = self.reach[port.network].iter();
        let place = on.find(|(at, _)| *at == port.hypervisor);
        Ok(place.ok_or_else(gone)?.1)
    }

    /// Calls the API; the answer and its time.
    async fn call(&self, kept: &mut Kept, call: Call) -> anyhow::Result<(Value, Instant)> {
        let asked = Instant::now();
        let answer = kept.call(&call).await?;
        let answered = Instant::now();
        self.state().api.push(answered - asked);
        Ok((answer, answered))
    }
}

async fn next(due: &tokio::sync::Mutex<mpsc::Receiver<usize>>) -> Option<usize> {
    due.lock().await.recv().await
}

fn is_in_order(switch: &SwitchStatus) -> bool {
    switch.state == "in order"
}

fn lock<T>(what: &Mutex<T>) -> MutexGuard<'_, T> {
    what.lock().unwrap_or_else(PoisonError::into_inner)
}

fn text(value: &Value) -> anyhow::Result<String> {
    let text = value.as_str().context("the API gives an id")?;
    Ok(text.to_owned())
}

fn gone() -> anyhow::Error {
    anyhow!("the simulated world has ended")
}
