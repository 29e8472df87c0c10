//! What came of a workload: the figures of its pairs, made of the reports of senders and receivers.

use std::collections::BTreeSet;

use serde::Serialize;

use super::Machine;
use crate::host::{
    Arrivals, Durations, FlowReport, Missing, Outcome, PingReport, StreamReport, TransferReport,
};

/// How many outages of a pair are told.
const OUTAGES: usize = 64;

/// A probe that came to a machine that it was not for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Stray {
    /// Who sent it.
    pub from: Machine,
    /// Who was meant.
    pub to: Machine,
    /// Whom it came to.
    pub at: Machine,
    /// Whether its frame was addressed to another machine, as when a switch floods it.
    pub overheard: bool,
}

/// What came of a workload.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Evaluation {
    /// Of each pair, in their order.
    pub pairs: Vec<Pair>,
    /// Probes that came to those whom they were not for.
    pub strays: Vec<Stray>,
    /// Bytes of transfers that were not what was sent.
    pub corrupt: u64,
}

/// What came of one pair. What a task does not have is zero or none.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Pair {
    /// The sender.
    pub from: Machine,
    /// The receiver.
    pub to: Machine,
    /// Echo requests, probes or datagrams; bytes of transfers, of which those count that were acknowledged.
    pub sent: u64,
    /// Requests that were answered, probes or datagrams that came; bytes that came back.
    pub received: u64,
    /// Requests, probes or datagrams that got lost. A datagram that is on its way counts too.
    pub lost: u64,
    /// Received twice.
    pub doubled: u64,
    /// Received after later ones.
    pub reordered: u64,
    /// Round trips of pings and questions, one-way delays of streams, in microseconds.
    pub delays: Durations,
    /// The longest time without anything received, in microseconds, from the workload's beginning to its end; of a transfer,
    /// without a byte that was due.
    pub longest_gap: u64,
    /// When that began; of pings and streams.
    pub gap_began: u64,
    /// Of pings and streams: when what got lost in a row was sent, and how many; the first 64.
    pub outages: Vec<(u64, u64)>,
    /// Whether a probe came, a transfer was complete, or anything came of a ping or stream.
    pub finished: bool,
    /// How a transfer ended.
    pub outcome: Option<Outcome>,
}

impl Evaluation {
    /// Lost of all pairs together.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.pairs.iter().map(|pair| pair.lost).sum()
    }

    /// The pair with the longest time without anything.
    #[must_use]
    pub fn longest_gap(&self) -> Option<&Pair> {
        self.pairs.iter().max_by_key(|pair| pair.longest_gap)
    }

    /// The pairs that are not finished.
    pub fn unfinished(&self) -> impl Iterator<Item = &Pair> {
        self.pairs.iter().filter(|pair| !pair.finished)
    }

    /// Who reached whom.
    #[must_use]
    pub fn reached(&self) -> BTreeSet<(Machine, Machine)> {
        let reached = self.pairs.iter().filter(|pair| pair.finished);
        reached.map(|pair| (pair.from, pair.to)).collect()
    }
}

impl Pair {
    /// A pair of which nothing is known.
    pub(super) fn new(from: Machine, to: Machine) -> Self {
        Self {
            from,
            to,
            ..Self::default()
        }
    }

    /// The sender did not run.
    pub(super) const fn idle(&mut self, (began, end): (u64, u64)) {
        (self.longest_gap, self.gap_began) = (end.saturating_sub(began), began);
    }

    pub(super) fn probe(&mut self, reached: bool) {
        self.sent = 1;
        self.received = u64::from(reached);
        self.lost = 1 - self.received;
        self.finished = reached;
    }

    pub(super) fn ping(&mut self, report: &PingReport, span: (u64, u64)) {
        self.sent = report.sent;
        self.received = report.received;
        self.lost = report.missing.count;
        self.doubled = report.doubled;
        self.delays = report.round_trips;
        self.came(report.arrivals, span);
        self.missed(&report.missing, report.began, report.interval);
    }

    pub(super) fn stream(&mut self, report: &StreamReport, flows: &[FlowReport], span: (u64, u64)) {
        let sum = |figure: fn(&FlowReport) -> u64| flows.iter().map(figure).sum::<u64>();
        self.sent = report.sent;
        self.received = sum(|flow| flow.received);
        self.lost = report.sent.saturating_sub(self.received);
        self.doubled = sum(|flow| flow.doubled);
        self.reordered = sum(|flow| flow.reordered);
        for flow in flows {
            self.delays.join(&flow.delays);
        }
        let mut arrivals: Vec<Arrivals> = flows.iter().map(|flow| flow.arrivals).collect();
        arrivals.sort_by_key(|arrivals| arrivals.first);
        let joined = arrivals.into_iter().reduce(Arrivals::then);
        self.came(joined.unwrap_or_default(), span);
        // Of several, each misses what another got.
        if let [flow] = flows {
            self.missed(&flow.missing, report.began, report.interval);
            let end = flow.highest + 1;
            if end < report.sent {
                self.outage(report.began + end * report.interval, report.sent - end);
            }
        }
    }

    pub(super) const fn transfer(&mut self, report: &TransferReport) {
        self.sent = report.sent;
        self.received = report.received;
        self.delays = report.rounds;
        self.longest_gap = report.longest_stall;
        self.outcome = report.outcome;
        self.finished = matches!(report.outcome, Some(Outcome::Complete));
    }

    fn came(&mut self, arrivals: Arrivals, (began, end): (u64, u64)) {
        self.finished = arrivals.count > 0;
        (self.longest_gap, self.gap_began) = arrivals.silence(began, end);
    }

    fn missed(&mut self, missing: &Missing, began: u64, interval: u64) {
        for (first, count) in &missing.rows {
            self.outage(began.saturating_add(first.saturating_mul(interval)), *count);
        }
    }

    fn outage(&mut self, began: u64, count: u64) {
        if self.outages.len() < OUTAGES {
            self.outages.push((began, count));
        }
    }
}
