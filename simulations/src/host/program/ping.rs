//! Ping: echo requests at an interval, their replies and round trips, and those that are lost (RFC 792, RFC 4443).

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::Serialize;

use super::{Arrivals, BURST, Context, Durations, Missing};
use crate::host::SECOND;
use crate::host::event::Observation;
use crate::host::packet::Echo;

/// How long a reply is waited for.
const WAIT: u64 = 2 * SECOND;
/// How many bytes a request carries, as those of `ping`.
const DATA: usize = 56;
/// The shortest interval, in microseconds, which bounds the requests that are waited for.
const SHORTEST: u64 = 100;

/// What a ping has counted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct PingReport {
    /// Requests.
    pub sent: u64,
    /// Of those, how many could not be sent: no route or no address.
    pub unsent: u64,
    /// Requests that were answered in time.
    pub received: u64,
    /// Requests that were not, by their numbers from 0.
    pub missing: Missing,
    /// Replies to what was answered already.
    pub doubled: u64,
    /// When the first was sent, in microseconds.
    pub began: u64,
    /// Between two, in microseconds.
    pub interval: u64,
    /// Of the replies.
    pub round_trips: Durations,
    /// When replies came.
    pub arrivals: Arrivals,
}

#[derive(Debug)]
pub(in crate::host) struct Ping {
    to: IpAddr,
    ident: u16,
    count: u64,
    /// When the next request is due; none after the last one.
    at: Option<u64>,
    /// When those were sent that are waited for.
    waiting: BTreeMap<u64, u64>,
    report: PingReport,
}

impl Ping {
    pub(in crate::host) fn new(
        to: IpAddr,
        ident: u16,
        count: u64,
        interval: u64,
        now: u64,
    ) -> Self {
        Self {
            to,
            ident,
            count,
            at: (count > 0).then_some(now),
            waiting: BTreeMap::new(),
            report: PingReport {
                began: now,
                interval: interval.max(SHORTEST),
                ..PingReport::default()
            },
        }
    }

    pub(super) const fn report(&self) -> &PingReport {
        &self.report
    }

    pub(super) fn next_timeout(&self) -> Option<u64> {
        let lost = self.waiting.first_key_value().map(|(_, sent)| sent + WAIT);
        [self.at, lost].into_iter().flatten().min()
    }

    /// Sends no more; replies are still waited for.
    pub(super) const fn stop(&mut self) {
        self.at = None;
        self.count = self.report.sent;
    }

    pub(super) fn advance(&mut self, context: &mut Context<'_>) {
        let now = context.now();
        while let Some((&sequence, _)) = self
            .waiting
            .first_key_value()
            .filter(|(_, sent)| *sent + WAIT <= now)
        {
            self.lose(sequence, context);
        }
        for _ in 0..BURST {
            let Some(at) = self.at.filter(|at| *at <= now) else {
                break;
            };
            self.request(context);
            self.at = (self.report.sent < self.count).then_some(at + self.report.interval);
        }
    }

    fn request(&mut self, context: &mut Context<'_>) {
        let sequence = self.report.sent;
        self.report.sent += 1;
        let mut data = [0; DATA];
        data[..8].copy_from_slice(&sequence.to_be_bytes());
        self.waiting.insert(sequence, context.now());
        let echo = Echo {
            ident: self.ident,
            // What a guest's counter shows: the low 16 bits.
            sequence: sequence as u16,
            data: &data,
        };
        if !context.echo(self.to, echo) {
            self.report.unsent += 1;
            self.lose(sequence, context);
        }
    }

    fn lose(&mut self, sequence: u64, context: &mut Context<'_>) {
        self.waiting.remove(&sequence);
        self.report.missing.add(sequence, 1);
        let program = context.id;
        context
            .moment
            .event(Observation::EchoLost { program, sequence });
        self.finish(context);
    }

    pub(super) fn reply(&mut self, echo: &Echo<'_>, context: &mut Context<'_>) -> bool {
        let Some(sequence) = echo.data.first_chunk::<8>().map(|b| u64::from_be_bytes(*b)) else {
            return false;
        };
        if echo.ident != self.ident || echo.sequence != sequence as u16 {
            return false;
        }
        match self.waiting.remove(&sequence) {
            Some(sent) => {
                let round_trip = context.now().saturating_sub(sent);
                self.report.received += 1;
                self.report.round_trips.add(round_trip);
                self.report.arrivals.add(context.now());
                context.moment.event(Observation::Echo {
                    program: context.id,
                    sequence,
                    round_trip,
                });
                self.finish(context);
            }
            None => self.report.doubled += 1,
        }
        true
    }

    fn finish(&self, context: &mut Context<'_>) {
        if self.report.sent == self.count && self.waiting.is_empty() {
            let program = context.id;
            context.moment.event(Observation::Finished { program });
        }
    }
}
