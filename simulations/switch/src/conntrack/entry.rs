//! A connection as it is told: by `ovs-appctl dpctl/dump-conntrack`, and to those who look.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use rust_openflow::message::{CtFlush, CtFlushProperty, CtTupleProperty};

use crate::parse::{ICMP, ICMPV6, SCTP, TCP, UDP};

use super::Tracking;
use super::key::{End, Key};
use super::protocol::Progress;
use super::tcp::{Peer, Scale, State};

/// The names of protocols; others are told by their numbers.
const PROTOCOLS: &[(u8, &str)] = &[
    (ICMP, "icmp"),
    (2, "igmp"),
    (TCP, "tcp"),
    (UDP, "udp"),
    (33, "dccp"),
    (ICMPV6, "icmpv6"),
    (SCTP, "sctp"),
    (136, "udplite"),
];

/// A connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connection {
    /// Its zone.
    pub zone: u16,
    /// Its mark.
    pub mark: u32,
    /// Its label.
    pub label: u128,
    /// The IP protocol.
    pub protocol: u8,
    /// The packets of who began, as they came.
    pub original: Direction,
    /// The packets that answer, as they come.
    pub answers: Direction,
    /// How many milliseconds it lives on without another packet.
    pub timeout: u64,
    progress: Progress,
}

/// What the packets of one direction have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Direction {
    /// Where they come from.
    pub source: IpAddr,
    /// Where they go.
    pub destination: IpAddr,
    /// What the transport protocol tells them by.
    pub transport: Transport,
}

/// What a transport protocol tells packets by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Transport {
    /// The source's and the destination's port; zeros for protocols that are not known.
    Ports(u16, u16),
    /// ICMP's identifier and type; the code is zero.
    Icmp {
        /// The identifier.
        id: u16,
        /// The type.
        kind: u8,
    },
}

pub(super) fn connection(tracking: &Tracking, now: u64) -> Connection {
    Connection {
        zone: tracking.key.zone,
        mark: tracking.mark,
        label: tracking.label,
        protocol: tracking.key.protocol,
        original: direction(&tracking.key),
        answers: direction(&tracking.answers),
        timeout: tracking.expires.saturating_sub(now),
        progress: tracking.progress,
    }
}

fn direction(key: &Key) -> Direction {
    let address = |end: &End| match key.v6 {
        true => IpAddr::V6(Ipv6Addr::from_bits(end.address)),
        // It has no more bits.
        false => IpAddr::V4(Ipv4Addr::from_bits(end.address as u32)),
    };
    Direction {
        source: address(&key.source),
        destination: address(&key.destination),
        transport: match key.is_icmp() {
            true => Transport::Icmp {
                id: key.source.port,
                kind: key.source.kind,
            },
            false => Transport::Ports(key.source.port, key.destination.port),
        },
    }
}

impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "src={},dst={}", self.source, self.destination)?;
        match self.transport {
            Transport::Ports(from, to) => write!(f, ",sport={from},dport={to}"),
            Transport::Icmp { id, kind } => write!(f, ",id={id},type={kind},code=0"),
        }
    }
}

/// As by `dpctl/dump-conntrack`; in the long form (`{:#}`) as with `-m -s`.
impl fmt::Display for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match PROTOCOLS.iter().find(|row| row.0 == self.protocol) {
            Some((_, name)) => write!(f, "{name}")?,
            None => write!(f, "{}", self.protocol)?,
        }
        write!(f, ",orig=({}),reply=({})", self.original, self.answers)?;
        if f.alternate() {
            write!(f, ",id=0")?;
        }
        if self.zone != 0 {
            write!(f, ",zone={}", self.zone)?;
        }
        if f.alternate() {
            write!(f, ",status=0,timeout={}", self.timeout / 1000)?;
        }
        if self.mark != 0 {
            write!(f, ",mark={}", self.mark)?;
        }
        if self.label != 0 {
            write!(f, ",labels={:#x}", self.label)?;
        }
        match &self.progress {
            Progress::Tcp([first, second]) if f.alternate() => long(f, first, second),
            Progress::Tcp([first, second]) => {
                let state = match first.state.max(second.state) {
                    State::FinWait2 => State::TimeWait,
                    state => state,
                };
                write!(f, ",protoinfo=(state={})", state.name())
            }
            Progress::Icmp { .. } | Progress::Other { .. } => Ok(()),
        }
    }
}

/// The states of both ends, and what is known of their windows.
fn long(f: &mut fmt::Formatter<'_>, first: &Peer, second: &Peer) -> fmt::Result {
    let (one, other) = (first.state.name(), second.state.name());
    write!(f, ",protoinfo=(state_orig={one},state_reply={other}")?;
    let (one, other) = (first.scale.shift(), second.scale.shift());
    if one != 0 || other != 0 {
        write!(f, ",wscale_orig={one},wscale_reply={other}")?;
    }
    let flags = |peer: &Peer| match peer.scale {
        Scale::None => "0",
        Scale::Said(_) => "WINDOW_SCALE",
        Scale::Unknown => "BE_LIBERAL",
    };
    write!(
        f,
        ",flags_orig={},flags_reply={})",
        flags(first),
        flags(second)
    )
}

impl Connection {
    /// Whether the connection agrees with all that is said of it.
    pub(crate) fn agrees(&self, said: &CtFlush) -> bool {
        use CtFlushProperty as P;
        let properties = &said.properties;
        let mark = properties.iter().find_map(|property| match property {
            P::MarkMask { mask } => Some(*mask),
            _ => None,
        });
        let label = properties.iter().find_map(|property| match property {
            P::LabelsMask { mask } => Some(*mask),
            _ => None,
        });
        let agrees = |property: &P| match property {
            P::OrigTuple { properties } => self.original.agrees(properties),
            P::ReplyTuple { properties } => self.answers.agrees(properties),
            P::Zone { zone } => self.zone == *zone,
            P::Mark { mark: own } => (self.mark ^ own) & mark.unwrap_or(u32::MAX) == 0,
            P::Labels { labels } => (self.label ^ labels) & label.unwrap_or(u128::MAX) == 0,
            _ => true,
        };
        (said.ip_proto == 0 || said.ip_proto == self.protocol) && properties.iter().all(agrees)
    }
}

impl Direction {
    fn agrees(&self, said: &[CtTupleProperty]) -> bool {
        use CtTupleProperty as P;
        let mapped = |address: IpAddr| match address {
            IpAddr::V4(address) => address.to_ipv6_mapped(),
            IpAddr::V6(address) => address,
        };
        let (ports, icmp) = match self.transport {
            Transport::Ports(from, to) => (Some((from, to)), None),
            Transport::Icmp { id, kind } => (None, Some((id, kind))),
        };
        said.iter().all(|property| match property {
            P::Src { address } => mapped(self.source) == *address,
            P::Dst { address } => mapped(self.destination) == *address,
            P::SrcPort { port } => ports.is_some_and(|(from, _)| from == *port),
            P::DstPort { port } => ports.is_some_and(|(_, to)| to == *port),
            P::IcmpId { id } => icmp.is_some_and(|(own, _)| own == *id),
            P::IcmpType { kind } => icmp.is_some_and(|(_, own)| own == *kind),
            P::IcmpCode { code } => icmp.is_some() && *code == 0,
            _ => true,
        })
    }
}
