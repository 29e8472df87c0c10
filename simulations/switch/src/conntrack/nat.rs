//! Address translation: which addresses and ports a connection gets, and how its packets are rewritten.
//!
//! As in `lib/conntrack.c` of Open vSwitch 3.1. What it takes from a range comes from a hash of the connection and a
//! seed, so that the same history gives the same results. Which connections there are is not known here.

use crate::checksum;
use crate::fields::Header;
use crate::hash;
use crate::packet::Packet;
use crate::parse::{ICMPV6, TCP, UDP, be};
use rust_openflow::field::Field;

use super::key::{self, ERROR_HEADER, Key};

/// How many ports in a row are tried at most.
const ATTEMPTS: u32 = 128;
/// With how many at least it is tried again, elsewhere in the range.
const LEAST_ATTEMPTS: u32 = 16;
/// From which ports one is taken when nothing is said, by the port that the packet has.
const PORTS: &[(u16, u16, u16)] = &[(511, 1, 511), (1023, 600, 1023), (u16::MAX, 1024, u16::MAX)];

/// Which addresses a connection's packets get.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Side {
    Source,
    Destination,
}

impl Side {
    pub(super) fn other(self) -> Self {
        match self {
            Self::Source => Self::Destination,
            Self::Destination => Self::Source,
        }
    }
}

/// What a connection is translated to when it begins: addresses and ports, ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Target {
    /// None for nothing at all.
    pub(crate) side: Option<Side>,
    /// An IPv4 address is in the low bits; zero for the packet's own.
    pub(crate) addresses: (u128, u128),
    pub(crate) ports: Option<(u16, u16)>,
}

/// The key of the answers to a connection that is translated; none when `taken` has all that there are.
pub(super) fn choose(
    key: &Key,
    target: &Target,
    seed: u64,
    taken: impl Fn(&Key) -> bool,
) -> Option<Key> {
    let hash = range_hash(key, target, seed);
    let mut reply = key.reversed();
    let address = address(key, target, hash);
    match target.side {
        Some(Side::Source) => reply.destination.address = address,
        // Open vSwitch 3.1 writes the address zero where nothing is to be translated.
        Some(Side::Destination) | None => reply.source.address = address,
    }
    if !key.has_ports() {
        return (!taken(&reply)).then_some(reply);
    }
    let (from, to) = (
        source_ports(key, target, hash),
        destination_ports(key, target, hash),
    );
    (reply.destination.port, reply.source.port) = (from.first, to.first);
    if target.side == Some(Side::Destination) && target.ports.is_some() {
        let free = to.find(hash, |port| {
            reply.source.port = port;
            !taken(&reply)
        });
        if free {
            return Some(reply);
        }
        reply.source.port = to.first;
    }
    let free = from.find(hash, |port| {
        reply.destination.port = port;
        !taken(&reply)
    });
    free.then_some(reply)
}

fn range_hash(key: &Key, target: &Target, seed: u64) -> u32 {
    let (first, last) = target.ports.unwrap_or_default();
    let end = |end: &key::End| u128::from(end.port) << 8 | u128::from(end.kind);
    hash::numbers(&[
        seed.into(),
        target.addresses.0,
        target.addresses.1,
        u128::from(first) << 16 | u128::from(last),
        key.source.address,
        key.destination.address,
        end(&key.source) << 32 | end(&key.destination),
        u128::from(key.zone) << 16 | u128::from(key.protocol) << 1 | u128::from(key.v6),
    ])
}

/// An address of the range; of a larger one only the first 2^32 - 1 addresses are used.
fn address(key: &Key, target: &Target, hash: u32) -> u128 {
    let (first, last) = target.addresses;
    match (first, target.side) {
        (0, Some(Side::Source)) => key.source.address,
        (0, Some(Side::Destination)) => key.destination.address,
        (0, None) => 0,
        _ => {
            let count = last.saturating_sub(first).min(0xffff_fffe) + 1;
            first.wrapping_add(u128::from(hash) % count)
        }
    }
}

/// Ports, in the order in which they are tried.
struct Ports {
    first: u16,
    /// The range; what comes first need not be in it.
    range: (u16, u16),
}

impl Ports {
    fn within(range: (u16, u16), hash: u32) -> Self {
        let count = u32::from(range.1.saturating_sub(range.0)) + 1;
        Self {
            first: range.0.wrapping_add((hash % count) as u16),
            range,
        }
    }

    fn count(&self) -> u32 {
        u32::from(self.range.1.saturating_sub(self.range.0)) + 1
    }

    fn after(&self, port: u16) -> u16 {
        let (first, last) = self.range;
        if (first..last).contains(&port) {
            port + 1
        } else {
            first
        }
    }

    /// Tries ports until one is free: some in a row, then fewer elsewhere.
    fn find(&self, hash: u32, mut is_free: impl FnMut(u16) -> bool) -> bool {
        let count = self.count();
        let mut attempts = count.min(ATTEMPTS);
        let mut port = self.first;
        let mut round = 0;
        loop {
            let outside = u32::from(!(self.range.0..=self.range.1).contains(&port));
            for _ in 0..attempts.min(count + outside) {
                if is_free(port) {
                    return true;
                }
                port = self.after(port);
            }
            if attempts >= count || attempts < LEAST_ATTEMPTS {
                return false;
            }
            attempts /= 2;
            round += 1;
            let random = hash::numbers(&[hash.into(), round]);
            port = self.range.0.wrapping_add((random % count) as u16);
        }
    }
}

fn source_ports(key: &Key, target: &Target, hash: u32) -> Ports {
    match (target.side, target.ports) {
        (Some(Side::Source), Some(range)) => Ports::within(range, hash),
        (None, range) => Ports::within(range.unwrap_or_default(), hash),
        _ => {
            let first = key.source.port;
            let row = PORTS.iter().find(|(limit, ..)| first <= *limit);
            let range = row.map_or((1, u16::MAX), |(_, first, last)| (*first, *last));
            Ports { first, range }
        }
    }
}

fn destination_ports(key: &Key, target: &Target, hash: u32) -> Ports {
    match (target.side, target.ports) {
        (Some(Side::Destination), Some(range)) => Ports::within(range, hash),
        _ => {
            let first = key.destination.port;
            Ports {
                first,
                range: (first, first),
            }
        }
    }
}

/// How a packet of a connection is rewritten.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rewriting {
    /// The key of what answers the packet as it is then.
    pub(super) answers: Key,
    /// Which of its addresses changes.
    pub(super) side: Side,
    /// Whether it is an ICMP error: then what it quotes changes, too, the other way round.
    pub(super) related: bool,
}

impl Rewriting {
    pub(super) fn apply(&self, packet: &mut Packet) {
        packet.parse();
        let wanted = self.answers.reversed();
        let (fields, address) = match self.side {
            Side::Source => ([Field::Ipv4Src, Field::Ipv6Src], wanted.source.address),
            Side::Destination => ([Field::Ipv4Dst, Field::Ipv6Dst], wanted.destination.address),
        };
        packet.set(fields[usize::from(wanted.v6)], address, u128::MAX);
        if self.related {
            rewrite_quoted(packet, &self.answers, self.side.other());
            return;
        }
        let fields = match wanted.protocol {
            TCP => [Field::TcpSrc, Field::TcpDst],
            UDP => [Field::UdpSrc, Field::UdpDst],
            _ => return,
        };
        packet.set(fields[0], wanted.source.port.into(), u128::MAX);
        packet.set(fields[1], wanted.destination.port.into(), u128::MAX);
    }
}

/// Gives what an ICMP error quotes a key, of which one address is changed, and computes the error's checksum.
fn rewrite_quoted(packet: &mut Packet, wanted: &Key, side: Side) -> Option<()> {
    let (network, v6) = key::network(packet)?;
    let header = if v6 { Header::Icmpv6 } else { Header::Icmpv4 };
    let (error, end) = (packet.layout.at(header)?, packet.layout.end);
    let quoted = packet.frame.get_mut(error + ERROR_HEADER..end)?;
    let (_, transport) = key::addresses(quoted, v6, false)?;
    let own = sum_of(wanted.protocol, transport);
    if wanted.has_ports() {
        let ports = [wanted.source.port, wanted.destination.port];
        replace(
            quoted,
            transport,
            &ports.map(u16::to_be_bytes).concat(),
            &own,
        );
    }
    let (at, address) = match side {
        Side::Source => (0, wanted.source.address.to_be_bytes()),
        Side::Destination => (1, wanted.destination.address.to_be_bytes()),
    };
    if v6 {
        replace(quoted, 8 + 16 * at, &address, &own);
    } else {
        let of_header = Sum {
            at: 10,
            optional: false,
        };
        let sums: Vec<Sum> = own.into_iter().chain([of_header]).collect();
        replace(quoted, 12 + 4 * at, &address[12..], &sums);
    }
    packet.frame.get_mut(error + 2..error + 4)?.fill(0);
    let message = packet.frame.get(error..end)?;
    let sum = if v6 {
        let length = (message.len() as u32).to_be_bytes();
        let addresses = packet.frame.get(network + 8..network + 40)?;
        checksum::computed(&[addresses, &length, &[0, ICMPV6], message])
    } else {
        checksum::computed(&[message])
    };
    packet.frame[error + 2..error + 4].copy_from_slice(&sum.to_be_bytes());
    packet.parse();
    Some(())
}

/// A checksum.
#[derive(Clone, Copy)]
struct Sum {
    at: usize,
    /// Whether zero says that there is none.
    optional: bool,
}

/// The transport's checksum, which covers addresses.
fn sum_of(protocol: u8, transport: usize) -> Vec<Sum> {
    let rows = [(TCP, 16, false), (UDP, 6, true), (ICMPV6, 2, false)];
    let row = rows.iter().find(|row| row.0 == protocol);
    let sum = row.map(|(_, offset, optional)| Sum {
        at: transport + offset,
        optional: *optional,
    });
    sum.into_iter().collect()
}

/// Replaces bytes, and brings those of the checksums up to date that are there.
fn replace(bytes: &mut [u8], at: usize, new: &[u8], sums: &[Sum]) {
    let Some(old) = bytes.get(at..at + new.len()).map(<[u8]>::to_vec) else {
        return;
    };
    bytes[at..at + new.len()].copy_from_slice(new);
    for sum in sums {
        let Some(before) = be(bytes, sum.at, 2) else {
            continue;
        };
        if sum.optional && before == 0 {
            continue;
        }
        let after = match checksum::updated(before as u16, false, &old, new) {
            0 if sum.optional => u16::MAX,
            after => after,
        };
        bytes[sum.at..sum.at + 2].copy_from_slice(&after.to_be_bytes());
    }
}
