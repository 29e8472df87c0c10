//! What machines do: workloads of the file become programs of hosts, and their figures are added up.

use super::deed::Deed;
use super::guest::{TCP, UDP, server};
use super::{Machine, Player};
use crate::host::{Exchange, Missing, Outcome, ProgramId, Report as Figures};
use crate::report::{Bin, Workload};
use crate::scenario::cast::named_workloads;
use crate::scenario::keys::Task;
use crate::world::SECOND;

/// How long what is under way at the end has to come to its end, in microseconds.
pub(super) const GRACE: u64 = 3 * SECOND;
/// Into how many parts the time is cut at most.
const BINS: u64 = 150;
/// How short a part is at least, in microseconds.
const SHORTEST: u64 = 10_000;

/// A program that runs on a machine.
#[derive(Debug, Clone)]
pub(super) struct Running {
    pub(super) workload: usize,
    from: usize,
    to: usize,
    program: ProgramId,
    /// The stream's number.
    number: u32,
}

/// What came of a program: packets that were sent, and which of them were lost.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) began: u64,
    pub(super) interval: u64,
    pub(super) sent: u64,
    pub(super) received: u64,
    pub(super) lost: u64,
    /// The first of each row of lost ones, and how many.
    rows: Vec<(u64, u64)>,
    pub(super) gap: Option<u64>,
    pub(super) mean: Option<u64>,
}

impl Player<'_> {
    pub(super) fn plan_tasks(&mut self) {
        for (at, workload) in self.scenario.file.workload.iter().enumerate() {
            self.plan(workload.at.0, Deed::Begin(at));
        }
    }

    /// Starts the programs of a workload.
    pub(super) fn begin(&mut self, at: usize) {
        let Some(workload) = self.scenario.file.workload.get(at) else {
            return;
        };
        let (from, to) = workload.what.machines();
        let pairs = self.pairs(from, to);
        let pairs = self.draw(pairs, workload.what.pairs());
        let end = self.scenario.cast.end;
        let until = workload.r#for.map_or(end, |lasting| {
            workload.at.0.saturating_add(lasting.0).min(end)
        });
        let lasting = until.saturating_sub(self.now());
        for (from, to) in pairs {
            let program = self.start(&workload.what, from, to, lasting);
            if let Some((program, number)) = program {
                self.tasks.push(Running {
                    workload: at,
                    from,
                    to,
                    program,
                    number,
                });
            }
        }
    }

    fn start(
        &mut self,
        task: &Task,
        from: usize,
        to: usize,
        lasting: u64,
    ) -> Option<(ProgramId, u32)> {
        let address = self.machines[to].address()?;
        let now = self.world.now();
        let number = u32::try_from(self.tasks.len()).unwrap_or(u32::MAX);
        let times = |every: u64| lasting.div_ceil(every.max(1));
        let program = self.with_host(from, |guest| {
            let host = &mut guest.host;
            match task {
                Task::Ping { every, .. } => host.ping(address, times(every.0), every.0, now),
                Task::Stream { every, size, .. } => {
                    let size = usize::try_from(size.0)
                        .unwrap_or(usize::MAX)
                        .clamp(24, 65_000);
                    host.stream(
                        number,
                        server(address, UDP),
                        every.0.max(1),
                        size,
                        times(every.0),
                        now,
                    )
                }
                Task::Tcp { bytes, .. } => {
                    host.connect(server(address, TCP), Exchange::Send { bytes: bytes.0 }, now)
                }
            }
        })?;
        Some((program, number))
    }

    /// What a program has done.
    pub(super) fn tally(&self, running: &Running) -> Tally {
        let guest = |number: usize| {
            let Machine {
                hypervisor,
                interface,
                ..
            } = &self.machines[number];
            self.world
                .attachment::<super::Guest>(*hypervisor, interface)
        };
        let report = guest(running.from).and_then(|guest| guest.host.report(running.program));
        match report {
            Some(Figures::Ping(ping)) => {
                let until = ping.began + ping.interval * ping.sent;
                let (gap, _) = ping.arrivals.silence(ping.began, until);
                Tally {
                    began: ping.began,
                    interval: ping.interval,
                    sent: ping.sent,
                    received: ping.received,
                    lost: ping.missing.count,
                    rows: ping.missing.rows,
                    gap: Some(gap),
                    mean: ping.round_trips.mean(),
                }
            }
            Some(Figures::Stream(stream)) => {
                let sink = guest(running.to).and_then(|guest| guest.host.report(guest.sink));
                let flow = match sink {
                    Some(Figures::Receiver(receiver)) => receiver
                        .flows
                        .into_iter()
                        .find(|flow| flow.stream == running.number),
                    _ => None,
                };
                let (arrivals, received, missing, next, mean) = flow.map_or_else(
                    || (Default::default(), 0, Missing::default(), 0, None),
                    |flow| {
                        (
                            flow.arrivals,
                            flow.received,
                            flow.missing,
                            flow.highest + 1,
                            flow.delays.mean(),
                        )
                    },
                );
                let mut rows = missing.rows;
                rows.push((next, stream.sent.saturating_sub(next)));
                let until = stream.began + stream.interval * stream.sent;
                Tally {
                    began: stream.began,
                    interval: stream.interval,
                    sent: stream.sent,
                    received,
                    lost: stream.sent.saturating_sub(received),
                    rows,
                    gap: Some(arrivals.silence(stream.began, until).0),
                    mean,
                }
            }
            Some(Figures::Transfer(transfer)) => {
                let done = u64::from(transfer.outcome == Some(Outcome::Complete));
                Tally {
                    began: transfer.began,
                    sent: 1,
                    received: done,
                    lost: 1 - done,
                    gap: Some(transfer.longest_stall),
                    mean: transfer
                        .ended
                        .map(|ended| ended.saturating_sub(transfer.began)),
                    ..Tally::default()
                }
            }
            _ => Tally::default(),
        }
    }

    /// The figures of each workload, by name.
    pub(super) fn workloads(&self) -> Vec<Workload> {
        let named = named_workloads(&self.scenario.file);
        named
            .into_iter()
            .enumerate()
            .map(|(at, (name, workload))| {
                let running = self.tasks.iter().filter(|running| running.workload == at);
                let tallies: Vec<Tally> = running.map(|running| self.tally(running)).collect();
                let sum = |of: fn(&Tally) -> u64| tallies.iter().map(of).sum();
                let means: Vec<u64> = tallies.iter().filter_map(|tally| tally.mean).collect();
                let all: u64 = means.iter().sum();
                Workload {
                    name,
                    kind: workload.what.word().to_owned(),
                    pairs: tallies.len() as u64,
                    sent: sum(|tally| tally.sent),
                    received: sum(|tally| tally.received),
                    lost: sum(|tally| tally.lost),
                    gap: tallies.iter().filter_map(|tally| tally.gap).max(),
                    mean: all.checked_div(means.len() as u64),
                }
            })
            .collect()
    }

    /// What was sent and lost over time.
    pub(super) fn bins(&self) -> Vec<Bin> {
        let end = self.scenario.cast.end.max(1);
        let width = end.div_ceil(BINS).max(SHORTEST);
        let count = end.div_ceil(width);
        let mut bins: Vec<Bin> = (0..count)
            .map(|at| Bin {
                at: at * width,
                ..Bin::default()
            })
            .collect();
        let mut any = false;
        for running in &self.tasks {
            let tally = self.tally(running);
            if tally.interval == 0 {
                continue;
            }
            any |= tally.sent > 0;
            let began = tally.began.saturating_sub(self.zero);
            let before = |time: u64| {
                time.saturating_sub(began)
                    .div_ceil(tally.interval)
                    .min(tally.sent)
            };
            for bin in &mut bins {
                bin.sent += before(bin.at + width) - before(bin.at);
            }
            for packet in tally
                .rows
                .iter()
                .flat_map(|(first, count)| *first..first + count)
            {
                let at = (began + packet * tally.interval) / width;
                if let Some(bin) = usize::try_from(at).ok().and_then(|at| bins.get_mut(at)) {
                    bin.lost += 1;
                }
            }
        }
        if any { bins } else { Vec::new() }
    }
}
