//! What a host observes, with its time. Programs count what they see (their reports); events are for what
//! happens once, and for what a reader wants to see in order.

use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use ipnet::{IpNet, Ipv4Net};
use rust_openflow::MacAddr;

use super::Route;
use super::program::ProgramId;
use super::wire::Probe;

/// How many events wait to be read; then the oldest is lost, and counted.
const QUEUE: usize = 4096;

/// Something that a host observed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// When, in microseconds.
    pub at: u64,
    /// What.
    pub what: Observation,
}

/// What a host can observe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Observation {
    /// The host has an address, and uses it from now on.
    Assigned {
        /// The address with its network.
        address: IpNet,
    },
    /// The host lost an address: the lease or its lifetime ended, or a new one came in its place.
    Removed {
        /// The address with its network.
        address: IpNet,
    },
    /// Somebody else has an address that the host wanted to use (RFC 4862, 5.4.5; RFC 5227, 2.1.1).
    Duplicate {
        /// The address, which the host does not use.
        address: IpAddr,
        /// Who has it.
        by: MacAddr,
    },
    /// Somebody else uses an address of the host, which defends it (RFC 5227, 2.4).
    Conflict {
        /// The address.
        address: IpAddr,
        /// Who uses it.
        by: MacAddr,
    },
    /// A DHCP server acknowledged a lease, the first time or again.
    Leased {
        /// The address.
        address: Ipv4Net,
        /// The server.
        server: Ipv4Addr,
        /// The routes that came with it.
        routes: Vec<Route>,
        /// The MTU that came with it, in bytes.
        mtu: Option<u16>,
        /// How long it is, in seconds; all ones is for ever.
        seconds: u32,
        /// Whether it renews a lease that the host had.
        renewed: bool,
    },
    /// A DHCP server refused an address.
    Refused {
        /// The server.
        server: Ipv4Addr,
    },
    /// A router advertised itself and its networks.
    Advertised {
        /// The link-local address of the router.
        router: Ipv6Addr,
    },
    /// The host sends no larger IP packets from now on.
    Mtu {
        /// In bytes.
        mtu: u16,
    },
    /// Nobody answered for an address; packets that waited for it are lost.
    NoNeighbour {
        /// The address.
        address: IpAddr,
        /// How many packets waited.
        lost: usize,
    },
    /// An ICMP error came back.
    Unreachable {
        /// Who says so.
        by: IpAddr,
        /// The type of the ICMP message: 3 and 11 in IPv4; 1, 2 and 3 in IPv6.
        kind: u8,
        /// Its code.
        code: u8,
        /// Where the packet that caused it was sent to.
        to: IpAddr,
    },
    /// An echo reply came back.
    Echo {
        /// Who asked.
        program: ProgramId,
        /// Which request, from 0.
        sequence: u64,
        /// Its round trip, in microseconds.
        round_trip: u64,
    },
    /// No echo reply came back in time.
    EchoLost {
        /// Who asked.
        program: ProgramId,
        /// Which request, from 0.
        sequence: u64,
    },
    /// A probe came, or was seen on its way to another.
    Probe {
        /// The probe.
        probe: Probe,
        /// Its source.
        from: SocketAddr,
        /// Whether its frame was addressed to another machine.
        overheard: bool,
    },
    /// A program has done what it was to do, or cannot go on: see its report.
    Finished {
        /// Which.
        program: ProgramId,
    },
}

/// Events that wait to be read.
#[derive(Debug, Default)]
pub(super) struct Events {
    queue: VecDeque<Event>,
    lost: u64,
}

impl Events {
    pub(super) fn push(&mut self, at: u64, what: Observation) {
        if self.queue.len() == QUEUE {
            self.queue.pop_front();
            self.lost += 1;
        }
        self.queue.push_back(Event { at, what });
    }

    pub(super) fn pop(&mut self) -> Option<Event> {
        self.queue.pop_front()
    }

    /// How many nobody read in time.
    pub(super) const fn lost(&self) -> u64 {
        self.lost
    }
}
