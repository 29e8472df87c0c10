//! Workloads: what machines do to one another, and what came of it. A [`Workload`] says who talks to whom and how; put on
//! [`Machines`] it is [`Running`], and gives an [`Evaluation`]: losses, silences, who reaches whom, and who got what was not
//! for him.
//!
//! Machines are numbers here, those of whoever has them; where they run, and how a scenario names them, is not known.

mod evaluation;

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};

use serde::{Deserialize, Serialize};

use crate::host::{Event, Exchange, FlowReport, Host, Observation, ProgramId, Report, Service};

pub use evaluation::{Evaluation, Pair, Stray};

/// The port of the first workload's servers, and how many follow until ports are used again.
const FIRST_PORT: u16 = 10_000;
const PORTS: u32 = 20_000;

/// Streams by receiver and number.
type Flows = BTreeMap<(Machine, u32), Vec<FlowReport>>;

/// A machine, by the number that [`Machines`] knows it by.
pub type Machine = usize;

/// What machines do, and which.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Workload {
    /// What each pair does.
    pub task: Task,
    /// From whom to whom.
    pub pairs: Vec<(Machine, Machine)>,
}

/// What one machine does to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Task {
    /// Echo requests, until the workload is stopped.
    Ping {
        /// Between two, in microseconds.
        every: u64,
    },
    /// One datagram, once.
    Probe {
        /// Between two of one sender, in microseconds.
        every: u64,
    },
    /// Datagrams with sequence numbers, until the workload is stopped.
    Stream {
        /// Between two, in microseconds.
        every: u64,
        /// The length of a datagram's payload, in bytes, at least 24.
        size: usize,
    },
    /// Bytes over a TCP connection, once.
    Tcp {
        /// How many.
        bytes: u64,
    },
    /// Questions and answers over a TCP connection.
    Ask {
        /// How often.
        count: u64,
        /// The length of each, in bytes, at least 1.
        bytes: u64,
        /// Between two, in microseconds.
        every: u64,
    },
}

/// Those who can be put to work.
pub trait Machines {
    /// Does something with a machine, and lets it send what it has to send then; none when it does not run.
    fn with<R>(&mut self, machine: Machine, act: impl FnOnce(&mut Host) -> R) -> Option<R>;

    /// The address by which the others know it.
    fn address(&self, machine: Machine) -> Option<IpAddr>;
}

impl Workload {
    /// Every machine of a list with every other one.
    #[must_use]
    pub fn among(task: Task, machines: &[Machine]) -> Self {
        Self::between(task, machines, machines)
    }

    /// Every machine of one list to every one of another, and none to itself.
    #[must_use]
    pub fn between(task: Task, from: &[Machine], to: &[Machine]) -> Self {
        let pairs = from
            .iter()
            .flat_map(|from| to.iter().map(|to| (*from, *to)))
            .filter(|(from, to)| from != to)
            .collect();
        Self { task, pairs }
    }

    /// Puts the machines to work. Workloads that run at once differ in `run`.
    pub fn start(self, run: u32, machines: &mut impl Machines, now: u64) -> Running {
        let port = FIRST_PORT + (run % PORTS) as u16;
        let mut running = Running {
            senders: vec![None; self.pairs.len()],
            servers: BTreeMap::new(),
            reached: BTreeSet::new(),
            strays: Vec::new(),
            workload: self,
            run,
            port,
            began: now,
            ended: None,
        };
        running.serve(machines, now);
        match running.workload.task {
            Task::Probe { every } => running.probe(every, machines, now),
            _ => running.send(machines, now),
        }
        running
    }
}

/// A workload at work.
#[derive(Debug)]
pub struct Running {
    workload: Workload,
    run: u32,
    port: u16,
    /// The program of each pair's sender; none when it did not run.
    senders: Vec<Option<ProgramId>>,
    servers: BTreeMap<Machine, ProgramId>,
    reached: BTreeSet<(Machine, Machine)>,
    strays: Vec<Stray>,
    began: u64,
    ended: Option<u64>,
}

impl Running {
    /// Starts the servers, one for each machine that somebody sends to.
    fn serve(&mut self, machines: &mut impl Machines, now: u64) {
        let service = match self.workload.task {
            Task::Ping { .. } => return,
            Task::Probe { .. } | Task::Stream { .. } => Service::UdpSink,
            Task::Tcp { .. } => Service::TcpSink,
            Task::Ask { .. } => Service::TcpEcho,
        };
        let receivers: BTreeSet<Machine> = self.workload.pairs.iter().map(|pair| pair.1).collect();
        for machine in receivers {
            let server = machines.with(machine, |host| host.serve(service, self.port, now));
            self.servers
                .extend(server.map(|program| (machine, program)));
        }
    }

    /// Starts the senders.
    fn send(&mut self, machines: &mut impl Machines, now: u64) {
        let task = self.workload.task;
        for (number, (from, to)) in self.workload.pairs.iter().enumerate() {
            let Some(address) = machines.address(*to) else {
                continue;
            };
            let to = SocketAddr::new(address, self.port);
            let start = |host: &mut Host| {
                Some(match task {
                    Task::Ping { every } => host.ping(address, u64::MAX, every, now),
                    Task::Stream { every, size } => {
                        host.stream(number as u32, to, every, size, u64::MAX, now)
                    }
                    Task::Tcp { bytes } => host.connect(to, Exchange::Send { bytes }, now),
                    Task::Ask {
                        count,
                        bytes,
                        every: interval,
                    } => {
                        let ask = Exchange::Ask {
                            count,
                            bytes,
                            interval,
                        };
                        host.connect(to, ask, now)
                    }
                    // A machine sends all its probes by one program.
                    Task::Probe { .. } => return None,
                })
            };
            self.senders[number] = machines.with(*from, start).flatten();
        }
    }

    /// Starts the senders of probes, one for all probes of a machine.
    fn probe(&mut self, every: u64, machines: &mut impl Machines, now: u64) {
        let mut targets: BTreeMap<Machine, Vec<(usize, u32, SocketAddr)>> = BTreeMap::new();
        for (number, (from, to)) in self.workload.pairs.iter().enumerate() {
            if let Some(address) = machines.address(*to) {
                let to = (number, *to as u32, SocketAddr::new(address, self.port));
                targets.entry(*from).or_default().push(to);
            }
        }
        for (from, to) in targets {
            let probes = to.iter().map(|(_, number, to)| (*number, *to)).collect();
            let program = machines.with(from, |host| {
                host.probe(self.run, from as u32, probes, every, now)
            });
            for (number, ..) in to {
                self.senders[number] = program;
            }
        }
    }

    /// Takes what a machine saw: probes are told by events.
    pub fn observe(&mut self, machine: Machine, event: &Event) {
        let Observation::Probe {
            probe, overheard, ..
        } = &event.what
        else {
            return;
        };
        if probe.run != self.run {
            return;
        }
        let (from, to) = (probe.from as Machine, probe.to as Machine);
        if to == machine && !overheard {
            self.reached.insert((from, to));
        } else {
            self.strays.push(Stray {
                from,
                to,
                at: machine,
                overheard: *overheard,
            });
        }
    }

    /// Ends what goes on. What is on its way may still come, and requests are lost after two seconds: the evaluation is better
    /// made a while later.
    pub fn stop(&mut self, machines: &mut impl Machines, now: u64) {
        self.ended.get_or_insert(now);
        for ((from, _), program) in self.workload.pairs.iter().zip(&self.senders) {
            if let Some(program) = *program {
                machines.with(*from, |host| host.stop(program, now));
            }
        }
    }

    /// What came of it until now.
    pub fn evaluate(&self, machines: &mut impl Machines, now: u64) -> Evaluation {
        let (flows, corrupt) = self.counted(machines);
        let mut evaluation = Evaluation {
            pairs: Vec::with_capacity(self.senders.len()),
            strays: self.strays.clone(),
            corrupt,
        };
        let span = (self.began, self.ended.unwrap_or(now));
        for (number, (from, to)) in self.workload.pairs.iter().enumerate() {
            let program = self.senders[number];
            let report = program
                .and_then(|program| machines.with(*from, |host| host.report(program)).flatten());
            let mut pair = Pair::new(*from, *to);
            match report {
                Some(Report::Ping(report)) => pair.ping(&report, span),
                Some(Report::Stream(report)) => {
                    let flows = flows.get(&(*to, number as u32));
                    pair.stream(&report, flows.map_or(&[], Vec::as_slice), span);
                }
                Some(Report::Probes { .. }) => pair.probe(self.reached.contains(&(*from, *to))),
                Some(Report::Transfer(report)) => {
                    evaluation.corrupt += report.corrupt;
                    pair.transfer(&report);
                }
                _ => pair.idle(span),
            }
            evaluation.pairs.push(pair);
        }
        evaluation
    }

    /// What the servers counted: every stream by receiver and number, and wrong bytes. A sender whose address was
    /// translated anew is several streams.
    fn counted(&self, machines: &mut impl Machines) -> (Flows, u64) {
        let (mut flows, mut corrupt) = (Flows::new(), 0);
        for (machine, program) in &self.servers {
            let report = machines
                .with(*machine, |host| host.report(*program))
                .flatten();
            match report {
                Some(Report::Receiver(report)) => {
                    for flow in report.flows {
                        flows.entry((*machine, flow.stream)).or_default().push(flow);
                    }
                }
                // An echo server does not know what it gets; its clients see it come back.
                Some(Report::Server(report)) if matches!(self.workload.task, Task::Tcp { .. }) => {
                    corrupt += report.corrupt;
                }
                _ => {}
            }
        }
        (flows, corrupt)
    }
}
