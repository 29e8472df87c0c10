//! Streams of datagrams, both ends: numbered datagrams at a steady rate, and the server that counts them or sends them
//! back.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use serde::Serialize;

use super::sequence::Flow;
use super::{BURST, Context, Durations, FlowReport};
use crate::host::event::Observation;
use crate::host::packet::Udp;
use crate::host::wire::Datagram;

/// How many streams a server tells apart.
const FLOWS: usize = 1024;

/// What the sender of a stream has counted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct StreamReport {
    /// Its port.
    pub port: u16,
    /// Datagrams.
    pub sent: u64,
    /// Of those, how many could not be sent: no route, no address, too long.
    pub unsent: u64,
    /// Datagrams that an echo server sent back.
    pub echoed: u64,
    /// Of those.
    pub round_trips: Durations,
    /// When the first was sent, in microseconds.
    pub began: u64,
    /// Between two, in microseconds.
    pub interval: u64,
}

#[derive(Debug)]
pub(in crate::host) struct Stream {
    to: SocketAddr,
    number: u32,
    size: usize,
    count: u64,
    running: bool,
    report: StreamReport,
}

impl Stream {
    /// `size` is that of the payload; it is at least what a datagram needs to say its number.
    pub(in crate::host) fn new(
        (number, port): (u32, u16),
        to: SocketAddr,
        interval: u64,
        size: usize,
        count: u64,
        now: u64,
    ) -> Self {
        Self {
            to,
            number,
            size,
            count,
            running: count > 0,
            report: StreamReport {
                port,
                began: now,
                interval: interval.max(1),
                ..StreamReport::default()
            },
        }
    }

    pub(super) const fn report(&self) -> &StreamReport {
        &self.report
    }

    pub(super) fn next_timeout(&self) -> Option<u64> {
        let report = &self.report;
        let after = report.sent.saturating_mul(report.interval);
        self.running.then(|| report.began.saturating_add(after))
    }

    pub(super) const fn stop(&mut self) {
        self.running = false;
    }

    pub(super) fn advance(&mut self, context: &mut Context<'_>) {
        for _ in 0..BURST {
            if self.next_timeout().is_none_or(|at| at > context.now()) {
                break;
            }
            let datagram = Datagram {
                stream: self.number,
                sequence: self.report.sent,
                sent: context.now(),
            };
            self.report.sent += 1;
            if !context.send(self.report.port, self.to, &datagram.encode(self.size)) {
                self.report.unsent += 1;
            }
            if self.report.sent == self.count {
                self.running = false;
                let program = context.id;
                context.moment.event(Observation::Finished { program });
            }
        }
    }

    /// Takes what an echo server sends back.
    pub(super) fn datagram(&mut self, udp: &Udp<'_>, context: &Context<'_>) -> bool {
        if udp.destination.port() != self.report.port {
            return false;
        }
        if let Some(datagram) = Datagram::decode(udp.payload).filter(|d| d.stream == self.number) {
            let round_trip = context.now().saturating_sub(datagram.sent);
            self.report.echoed += 1;
            self.report.round_trips.add(round_trip);
        }
        true
    }
}

/// What a UDP server has counted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ReceiverReport {
    /// Of each stream.
    pub flows: Vec<FlowReport>,
    /// Datagrams that belong to no stream, probes among them, or to one too many.
    pub others: u64,
}

#[derive(Debug)]
pub(in crate::host) struct Receiver {
    port: u16,
    echo: bool,
    running: bool,
    flows: BTreeMap<(SocketAddr, u32), Flow>,
    others: u64,
}

impl Receiver {
    pub(in crate::host) const fn new(port: u16, echo: bool) -> Self {
        Self {
            port,
            echo,
            running: true,
            flows: BTreeMap::new(),
            others: 0,
        }
    }

    pub(super) fn report(&self) -> ReceiverReport {
        let flows = self.flows.iter();
        ReceiverReport {
            flows: flows.map(|(_, flow)| flow.report()).collect(),
            others: self.others,
        }
    }

    pub(super) const fn stop(&mut self) {
        self.running = false;
    }

    pub(super) fn datagram(&mut self, udp: &Udp<'_>, context: &mut Context<'_>) -> bool {
        if udp.destination.port() != self.port || !self.running {
            return false;
        }
        self.count(udp, context.now());
        if self.echo {
            context.send(self.port, udp.source, udp.payload);
        }
        true
    }

    fn count(&mut self, udp: &Udp<'_>, now: u64) {
        let Some(datagram) = Datagram::decode(udp.payload) else {
            self.others += 1;
            return;
        };
        let key = (udp.source, datagram.stream);
        if self.flows.len() == FLOWS && !self.flows.contains_key(&key) {
            self.others += 1;
            return;
        }
        self.flows
            .entry(key)
            .or_insert_with(|| Flow::new(key.0, key.1))
            .take(datagram.sequence, datagram.sent, now);
    }
}
