//! The programs of a host: what it does with its network, and what it counts while it does. A program sees packets and
//! time; several of one kind may run at once. Their descriptions are in their files: `ping`, `stream` (datagrams, both
//! ends), `probe`, `transfer` (TCP clients), `server` (TCP servers).

mod ping;
mod probe;
mod sequence;
mod server;
mod stream;
mod transfer;

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use serde::{Deserialize, Serialize};

use super::Moment;
use super::link::Link;
use super::packet::{Echo, Udp};
use super::stack::Stack;

pub(super) use ping::Ping;
pub use ping::PingReport;
pub(super) use probe::Prober;
pub use sequence::{Arrivals, FlowReport, Missing};
pub(super) use server::Server;
pub use server::ServerReport;
pub(super) use stream::{Receiver, Stream};
pub use stream::{ReceiverReport, StreamReport};
pub(super) use transfer::Client;
pub use transfer::{Exchange, Outcome, TransferReport};

/// How many packets a program sends at most before the others have their turn.
const BURST: usize = 64;

/// A program of one host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProgramId(pub(super) u32);

impl fmt::Display for ProgramId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What a server does with what it gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Service {
    /// UDP: sends every datagram back, and counts like a sink.
    UdpEcho,
    /// UDP: counts the datagrams of streams.
    UdpSink,
    /// TCP: sends everything back.
    TcpEcho,
    /// TCP: takes everything.
    TcpSink,
    /// TCP: sends as many bytes as the first eight bytes say, and closes.
    TcpSource,
}

/// What a program has counted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Report {
    /// Of `ping`.
    Ping(PingReport),
    /// Of `stream`.
    Stream(StreamReport),
    /// Of `probe`: how many are sent, and how many could not be.
    Probes {
        /// Sent.
        sent: u64,
        /// Not sent: no route or no address.
        unsent: u64,
    },
    /// Of a UDP server.
    Receiver(ReceiverReport),
    /// Of a TCP server.
    Server(ServerReport),
    /// Of `connect`.
    Transfer(TransferReport),
}

/// Durations, in microseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Durations {
    /// How many.
    pub count: u64,
    /// The shortest; 0 when there is none.
    pub least: u64,
    /// The longest.
    pub most: u64,
    /// All together.
    pub sum: u64,
}

impl Durations {
    /// Counts one more.
    pub fn add(&mut self, duration: u64) {
        self.join(&Self {
            count: 1,
            least: duration,
            most: duration,
            sum: duration,
        });
    }

    /// Counts all of another list too.
    pub fn join(&mut self, others: &Self) {
        if others.count == 0 {
            return;
        }
        self.least = if self.count == 0 {
            others.least
        } else {
            self.least.min(others.least)
        };
        self.most = self.most.max(others.most);
        self.sum = self.sum.saturating_add(others.sum);
        self.count += others.count;
    }

    /// The mean; `None` when there is none.
    #[must_use]
    pub const fn mean(&self) -> Option<u64> {
        self.sum.checked_div(self.count)
    }
}

/// What a program acts on.
pub(super) struct Context<'a> {
    pub(super) id: ProgramId,
    pub(super) link: &'a mut Link,
    pub(super) stack: &'a mut Stack,
    pub(super) moment: Moment<'a>,
}

impl Context<'_> {
    pub(super) const fn now(&self) -> u64 {
        self.moment.now
    }

    /// Sends a datagram; false when there is no route or no address for it.
    pub(super) fn send(&mut self, from: u16, to: SocketAddr, payload: &[u8]) -> bool {
        let Some(source) = self.source(to.ip()) else {
            return false;
        };
        let source = SocketAddr::new(source, from);
        let udp = Udp {
            source,
            destination: to,
            payload,
        };
        self.output(udp.to_packet())
    }

    /// Sends an echo request; false when there is no route or no address for it.
    pub(super) fn echo(&mut self, to: IpAddr, echo: Echo<'_>) -> bool {
        let Some(source) = self.source(to) else {
            return false;
        };
        self.output(echo.request(source, to))
    }

    fn source(&self, to: IpAddr) -> Option<IpAddr> {
        if !to.is_multicast() && !self.link.is_broadcast(to) {
            self.link.next_hop(to)?;
        }
        self.stack.source(to)
    }

    fn output(&mut self, packet: Option<Vec<u8>>) -> bool {
        let fits = packet.filter(|packet| packet.len() <= usize::from(self.stack.mtu()));
        match fits {
            Some(packet) => {
                self.link.output(packet, self.moment.now);
                true
            }
            None => false,
        }
    }
}

/// A program that runs, or ran.
#[derive(Debug)]
pub(super) enum Program {
    Ping(Ping),
    Stream(Stream),
    Probes(Prober),
    Receiver(Receiver),
    Server(Server),
    Client(Client),
}

impl Program {
    /// Does what is due.
    pub(super) fn advance(&mut self, context: &mut Context<'_>) {
        match self {
            Self::Ping(program) => program.advance(context),
            Self::Stream(program) => program.advance(context),
            Self::Probes(program) => program.advance(context),
            Self::Receiver(_) => {}
            Self::Server(program) => program.advance(context),
            Self::Client(program) => program.advance(context),
        }
    }

    /// When something is due, apart from what TCP has to do.
    pub(super) fn next_timeout(&self) -> Option<u64> {
        match self {
            Self::Ping(program) => program.next_timeout(),
            Self::Stream(program) => program.next_timeout(),
            Self::Probes(program) => program.next_timeout(),
            Self::Receiver(_) | Self::Server(_) => None,
            Self::Client(program) => program.next_timeout(),
        }
    }

    /// Takes a datagram to this port; false when the program has another one.
    pub(super) fn datagram(&mut self, udp: &Udp<'_>, context: &mut Context<'_>) -> bool {
        match self {
            Self::Stream(program) => program.datagram(udp, context),
            Self::Receiver(program) => program.datagram(udp, context),
            _ => false,
        }
    }

    /// Takes an echo reply; false when the program did not ask for it.
    pub(super) fn echo(&mut self, echo: &Echo<'_>, context: &mut Context<'_>) -> bool {
        match self {
            Self::Ping(program) => program.reply(echo, context),
            _ => false,
        }
    }

    /// Somebody wants to connect to this port.
    pub(super) fn connection(&mut self, port: u16, stack: &mut Stack) {
        if let Self::Server(program) = self {
            program.connection(port, stack);
        }
    }

    /// Ends the program and its connections; what it counted stays.
    pub(super) fn stop(&mut self, context: &mut Context<'_>) {
        match self {
            Self::Ping(program) => program.stop(),
            Self::Stream(program) => program.stop(),
            Self::Probes(program) => program.stop(),
            Self::Receiver(program) => program.stop(),
            Self::Server(program) => program.stop(context),
            Self::Client(program) => program.stop(context),
        }
    }

    pub(super) fn report(&self) -> Report {
        match self {
            Self::Ping(program) => Report::Ping(program.report().clone()),
            Self::Stream(program) => Report::Stream(program.report().clone()),
            Self::Probes(program) => program.report(),
            Self::Receiver(program) => Report::Receiver(program.report()),
            Self::Server(program) => Report::Server(program.report()),
            Self::Client(program) => Report::Transfer(program.report().clone()),
        }
    }
}
