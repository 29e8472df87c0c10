//! TCP clients: bytes to a sink, bytes from a source, or questions to an echo server. Every byte of a transfer follows
//! from its place, so that what arrives is compared with what it must be.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};
use smoltcp::iface::SocketHandle;
use smoltcp::socket::tcp::{Socket, State};

use super::{Context, Durations};
use crate::host::event::Observation;
use crate::host::stack::SILENCE;
use crate::host::wire::byte_at;

/// What a client does with its connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Exchange {
    /// Sends bytes to a [`TcpSink`](super::Service::TcpSink).
    Send {
        /// How many.
        bytes: u64,
    },
    /// Gets bytes from a [`TcpSource`](super::Service::TcpSource).
    Fetch {
        /// How many.
        bytes: u64,
    },
    /// Asks a [`TcpEcho`](super::Service::TcpEcho) server again and again, the next question after the answer to the one
    /// before.
    Ask {
        /// How often.
        count: u64,
        /// The length of a question, in bytes, at least 1.
        bytes: u64,
        /// From one question to the next, in microseconds.
        interval: u64,
    },
}

/// How a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Every byte arrived, and both sides closed.
    Complete,
    /// There was no route, no address, or no such port number.
    Unsent,
    /// The other side refused the connection, or broke it.
    Reset,
    /// The other side was silent for too long.
    Silent,
    /// The program was stopped.
    Stopped,
}

/// What a client has counted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct TransferReport {
    /// How it ended; none while it runs.
    pub outcome: Option<Outcome>,
    /// When it began, in microseconds.
    pub began: u64,
    /// When the connection stood.
    pub connected: Option<u64>,
    /// When it ended.
    pub ended: Option<u64>,
    /// Bytes that the other side acknowledged.
    pub sent: u64,
    /// Bytes that came.
    pub received: u64,
    /// Of those, how many were not what they must be.
    pub corrupt: u64,
    /// From a question to its whole answer.
    pub rounds: Durations,
    /// The longest time without a byte acknowledged or received while one was due.
    pub longest_stall: u64,
}

#[derive(Debug)]
pub(in crate::host) struct Client {
    to: SocketAddr,
    what: Exchange,
    handle: Option<SocketHandle>,
    started: bool,
    /// Bytes given to TCP, and those that are to be given until now.
    given: u64,
    goal: u64,
    /// When a byte was acknowledged or received last, or was due first.
    progress: u64,
    /// When the question was asked that is not answered; and when the next is due.
    asked: Option<u64>,
    next: u64,
    report: TransferReport,
}

impl Client {
    pub(in crate::host) fn new(to: SocketAddr, what: Exchange, now: u64) -> Self {
        Self {
            to,
            what,
            handle: None,
            started: false,
            given: 0,
            goal: 0,
            progress: now,
            asked: None,
            next: now,
            report: TransferReport {
                began: now,
                ..TransferReport::default()
            },
        }
    }

    pub(super) const fn report(&self) -> &TransferReport {
        &self.report
    }

    pub(super) fn next_timeout(&self) -> Option<u64> {
        if !self.started {
            return Some(self.report.began);
        }
        // A question is due by time; all else comes with segments.
        let idle = self.report.connected.is_some() && self.asked.is_none() && !self.written();
        let asks = matches!(self.what, Exchange::Ask { .. });
        (asks && idle && self.report.outcome.is_none()).then_some(self.next)
    }

    pub(super) fn stop(&mut self, context: &mut Context<'_>) {
        if self.report.outcome.is_none() {
            self.end(Outcome::Stopped, context);
        }
        self.release(context);
    }

    pub(super) fn advance(&mut self, context: &mut Context<'_>) {
        if !self.started {
            self.started = true;
            self.handle = context
                .link
                .next_hop(self.to.ip())
                .and_then(|_| context.stack.connect(self.to));
            if self.handle.is_none() {
                self.end(Outcome::Unsent, context);
            }
        }
        let Some(handle) = self.handle else { return };
        let now = context.now();
        let socket = context.stack.tcp(handle);
        if self.report.connected.is_none() && socket.may_send() {
            self.report.connected = Some(now);
            self.progress = now;
        }
        let before = (self.report.sent, self.report.received);
        self.read(socket, now);
        self.write(socket, now);
        let moved = before != (self.report.sent, self.report.received);
        if moved {
            let stall = now.saturating_sub(self.progress);
            self.report.longest_stall = self.report.longest_stall.max(stall);
            self.progress = now;
        }
        if self.written() && self.answered() && socket.may_send() {
            socket.close();
        }
        let state = socket.state();
        let closed = matches!(state, State::TimeWait | State::Closed);
        if closed && self.report.outcome.is_none() {
            self.end(self.outcome(state, now), context);
        }
        if state == State::Closed {
            self.release(context);
        }
    }

    /// What it means that the connection is over.
    fn outcome(&self, state: State, now: u64) -> Outcome {
        let all = self.written() && self.answered() && self.report.sent == self.given;
        let silent = now.saturating_sub(self.progress) >= SILENCE;
        match (all, state, silent) {
            (true, State::TimeWait, _) => Outcome::Complete,
            // Who closes second has no last state to wait in.
            (true, _, false) if matches!(self.what, Exchange::Fetch { .. }) => Outcome::Complete,
            (_, _, true) => Outcome::Silent,
            _ => Outcome::Reset,
        }
    }

    fn end(&mut self, outcome: Outcome, context: &mut Context<'_>) {
        if outcome != Outcome::Complete {
            let stall = context.now().saturating_sub(self.progress);
            self.report.longest_stall = self.report.longest_stall.max(stall);
        }
        self.report.outcome = Some(outcome);
        self.report.ended = Some(context.now());
        let program = context.id;
        context.moment.event(Observation::Finished { program });
    }

    fn release(&mut self, context: &mut Context<'_>) {
        if let Some(handle) = self.handle.take() {
            context.stack.tcp(handle).abort();
            context.stack.poll(context.moment.now);
            context.stack.remove(handle);
        }
    }

    /// How many bytes the client sends, all together.
    const fn total(&self) -> u64 {
        match self.what {
            Exchange::Send { bytes } => bytes,
            Exchange::Fetch { .. } => 8,
            Exchange::Ask { count, bytes, .. } => count.saturating_mul(bytes),
        }
    }

    const fn written(&self) -> bool {
        self.given == self.total()
    }

    /// Whether all has come that was to come.
    const fn answered(&self) -> bool {
        let due = match self.what {
            Exchange::Send { .. } => 0,
            Exchange::Fetch { bytes } => bytes,
            Exchange::Ask { .. } => self.total(),
        };
        self.report.received >= due
    }

    /// Takes what came, and sees what was acknowledged.
    fn read(&mut self, socket: &mut Socket<'_>, now: u64) {
        let (corrupt, count) = verify(socket, self.report.received);
        self.report.received += count;
        self.report.corrupt += corrupt;
        if let (Exchange::Ask { interval, .. }, Some(asked)) = (self.what, self.asked)
            && self.report.received >= self.goal
        {
            self.report.rounds.add(now - asked);
            self.asked = None;
            self.next = asked + interval;
        }
        // A connection that broke has forgotten what it had to send.
        if socket.state() != State::Closed {
            self.report.sent = self.given.saturating_sub(socket.send_queue() as u64);
        }
    }

    /// Gives TCP what it takes.
    fn write(&mut self, socket: &mut Socket<'_>, now: u64) {
        if !socket.can_send() {
            return;
        }
        match self.what {
            Exchange::Fetch { bytes } => {
                if self.given == 0 && socket.send_slice(&bytes.to_be_bytes()) == Ok(8) {
                    self.given = 8;
                }
                return;
            }
            Exchange::Send { bytes } => self.goal = bytes,
            Exchange::Ask { bytes, .. } => {
                if self.asked.is_none() && self.next <= now && !self.written() {
                    self.asked = Some(now);
                    self.progress = now;
                    self.goal += bytes;
                }
            }
        }
        self.given += fill(socket, self.given, self.goal);
    }
}

/// Gives a socket the bytes of a transfer from one place up to another, as many as it takes.
pub(super) fn fill(socket: &mut Socket<'_>, from: u64, to: u64) -> u64 {
    let mut place = from;
    while place < to && socket.can_send() {
        let sent = socket.send(|buffer| {
            let left = usize::try_from(to - place).unwrap_or(usize::MAX);
            let count = buffer.len().min(left);
            for (byte, place) in buffer.iter_mut().zip(place..to) {
                *byte = byte_at(place);
            }
            (count, count as u64)
        });
        match sent {
            Ok(count) if count > 0 => place += count,
            _ => break,
        }
    }
    place - from
}

/// Takes all that came, from a place of the transfer on: how many bytes were wrong, of how many.
pub(super) fn verify(socket: &mut Socket<'_>, from: u64) -> (u64, u64) {
    let (mut corrupt, mut place) = (0, from);
    while socket.can_recv() {
        let taken = socket.recv(|bytes| {
            let wrong = bytes
                .iter()
                .zip(place..)
                .filter(|(byte, place)| **byte != byte_at(*place))
                .count();
            (bytes.len(), (wrong as u64, bytes.len() as u64))
        });
        match taken {
            Ok((wrong, count)) if count > 0 => {
                corrupt += wrong;
                place += count;
            }
            _ => break,
        }
    }
    (corrupt, place - from)
}
