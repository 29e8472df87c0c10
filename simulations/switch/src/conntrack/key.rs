//! What tells a connection's packets: addresses, protocol, ports, zone; read from a frame as it is.
//!
//! As `conn_key_extract` in `lib/conntrack.c` of Open vSwitch 3.1: headers must be whole and their checksums right,
//! else the packet is invalid; an ICMP error has the key of the packet that it is about, seen from the other
//! side. What becomes of keys is said in [`super`].

use crate::checksum;
use crate::fields::Header;
use crate::packet::Packet;
use crate::parse::{Extensions, ICMP, ICMPV6, TCP, UDP, be};

/// How much of a transport header an ICMP error carries at least (RFC 792).
const QUOTED: usize = 8;
/// Types of ICMP that ask, each with that of its answer.
const QUERIES: &[(u8, u8)] = &[(8, 0), (13, 14), (15, 16)];
/// The same of ICMPv6.
const QUERIES_V6: &[(u8, u8)] = &[(128, 129)];
/// Types of ICMP that are about another packet: unreachable, quench, redirect, time exceeded, parameter problem.
const ERRORS: &[u8] = &[3, 4, 5, 11, 12];
/// The same of ICMPv6: unreachable, too big, time exceeded, parameter problem.
const ERRORS_V6: &[u8] = &[1, 2, 3, 4];
/// Where the packet stands in an ICMP error.
pub(super) const ERROR_HEADER: usize = 8;

/// One end of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub(super) struct End {
    /// An IPv4 address in the low bits.
    pub(super) address: u128,
    /// The port of TCP and UDP, ICMP's identifier, else 0.
    pub(super) port: u16,
    /// ICMP's type in packets from this end, else 0.
    pub(super) kind: u8,
}

/// What the packets of one direction of a connection have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub(super) struct Key {
    pub(super) source: End,
    pub(super) destination: End,
    pub(super) zone: u16,
    pub(super) v6: bool,
    pub(super) protocol: u8,
}

impl Key {
    /// The key of packets that answer.
    pub(super) fn reversed(self) -> Self {
        Self {
            source: self.destination,
            destination: self.source,
            ..self
        }
    }

    pub(super) fn is_icmp(&self) -> bool {
        self.protocol == if self.v6 { ICMPV6 } else { ICMP }
    }

    /// Whether there are ports that can be translated.
    pub(super) fn has_ports(&self) -> bool {
        [TCP, UDP].contains(&self.protocol)
    }

    /// What `ct_tp_src` and `ct_tp_dst` say: ports, or ICMP's type and code, which is always zero.
    pub(super) fn ports(&self) -> (u16, u16) {
        match self.is_icmp() {
            true => (self.source.kind.into(), 0),
            false => (self.source.port, self.destination.port),
        }
    }
}

/// The type of the answer to an ICMP message, or of what it answers.
fn reversed_type(kind: u8, v6: bool) -> Option<u8> {
    let queries = if v6 { QUERIES_V6 } else { QUERIES };
    queries.iter().find_map(|(query, answer)| match kind {
        kind if kind == *query => Some(*answer),
        kind if kind == *answer => Some(*query),
        _ => None,
    })
}

/// Whether an ICMP message of this type can begin a connection.
pub(super) fn is_query(kind: u8, v6: bool) -> bool {
    let queries = if v6 { QUERIES_V6 } else { QUERIES };
    queries.iter().any(|(query, _)| *query == kind)
}

/// What was found in a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) key: Key,
    /// Whether it is an ICMP error about a packet of the connection.
    pub(super) related: bool,
    /// Where its own transport header begins in the frame, which ends not before it.
    pub(super) message: usize,
}

/// The key of a packet; none when it is not whole.
pub(super) fn extract(packet: &Packet, zone: u16) -> Option<Found> {
    let (network, v6) = network(packet)?;
    let bytes = packet.frame().get(network..packet.layout.end)?;
    let (mut key, transport) = addresses(bytes, v6, true)?;
    key.zone = zone;
    let mut related = false;
    let message = bytes.get(transport..)?;
    match key.protocol {
        TCP => whole_tcp(message, bytes, &key)?,
        UDP => whole_udp(message, bytes, &key)?,
        ICMP if !v6 && checksum::computed(&[message]) != 0 => return None,
        ICMPV6 if v6 && !is_right(message, bytes, &key) => return None,
        _ => {}
    }
    if key.is_icmp() && errors(v6).contains(message.first()?) {
        key = quoted(message, &key)?;
        related = true;
    } else {
        ports(&mut key, message, None)?;
    }
    Some(Found {
        key,
        related,
        message: network + transport,
    })
}

fn errors(v6: bool) -> &'static [u8] {
    if v6 { ERRORS_V6 } else { ERRORS }
}

/// Where the IP header begins, and whether it is IPv6's.
pub(super) fn network(packet: &Packet) -> Option<(usize, bool)> {
    let at = |header| packet.layout.at(header);
    match at(Header::Ipv4) {
        Some(start) => Some((start, false)),
        None => Some((at(Header::Ipv6)?, true)),
    }
}

/// The addresses and the protocol of an IP packet that is no fragment, and where its payload begins.
pub(super) fn addresses(packet: &[u8], v6: bool, checked: bool) -> Option<(Key, usize)> {
    let mut key = Key {
        v6,
        ..Key::default()
    };
    let payload = if v6 {
        key.source.address = be(packet, 8, 16)?;
        key.destination.address = be(packet, 24, 16)?;
        let extensions = Extensions::read(packet)?;
        if extensions.fragment != 0 {
            return None;
        }
        key.protocol = extensions.protocol;
        extensions.end
    } else {
        let length = usize::from(packet.first()? & 0x0f) * 4;
        let header = packet.get(..length).filter(|_| length >= 20)?;
        let fragment = be(header, 6, 2)? & 0x3fff != 0;
        if fragment || checked && checksum::computed(&[header]) != 0 {
            return None;
        }
        key.protocol = header[9];
        key.source.address = be(header, 12, 4)?;
        key.destination.address = be(header, 16, 4)?;
        length
    };
    Some((key, payload))
}

/// Whether the transport checksum of a message is right.
fn is_right(message: &[u8], packet: &[u8], key: &Key) -> bool {
    let addresses = if key.v6 { 8..40 } else { 12..20 };
    let length = (message.len() as u32).to_be_bytes();
    let pseudo = [&packet[addresses], &length, &[0, key.protocol]];
    checksum::computed(&[pseudo[0], pseudo[1], pseudo[2], message]) == 0
}

fn whole_tcp(message: &[u8], packet: &[u8], key: &Key) -> Option<()> {
    let header = usize::from(message.get(12)? >> 4) * 4;
    let whole = (20..=message.len()).contains(&header);
    (whole && is_right(message, packet, key)).then_some(())
}

fn whole_udp(message: &[u8], packet: &[u8], key: &Key) -> Option<()> {
    let length = be(message, 4, 2)? as usize;
    let whole = (8..=message.len()).contains(&length);
    // Over IPv4, zero says that there is no checksum (RFC 768).
    let none = !key.v6 && be(message, 6, 2)? == 0;
    (whole && (none || is_right(message, packet, key))).then_some(())
}

/// Reads ports, or what stands for them, of a message of which there must be at least so much.
fn ports(key: &mut Key, message: &[u8], at_least: Option<usize>) -> Option<()> {
    let has = |usual: usize| message.len() >= at_least.unwrap_or(usual);
    match key.protocol {
        TCP | UDP => {
            if !has(if key.protocol == TCP { 20 } else { 8 }) {
                return None;
            }
            key.source.port = be(message, 0, 2)? as u16;
            key.destination.port = be(message, 2, 2)? as u16;
            (key.source.port != 0 && key.destination.port != 0).then_some(())
        }
        _ if key.is_icmp() => {
            let [kind, 0] = *message.get(..2)? else {
                return None;
            };
            let answer = reversed_type(kind, key.v6)?;
            let id = be(message.get(..8)?, 4, 2)? as u16;
            (key.source.port, key.destination.port) = (id, id);
            (key.source.kind, key.destination.kind) = (kind, answer);
            Some(())
        }
        _ => Some(()),
    }
}

/// The key of the packet that an ICMP error is about, reversed: the error goes where its answers go.
fn quoted(error: &[u8], outer: &Key) -> Option<Key> {
    let inner = error.get(ERROR_HEADER..)?;
    let (mut key, transport) = addresses(inner, outer.v6, false)?;
    // An error is for whoever sent the packet.
    if key.source.address != outer.destination.address {
        return None;
    }
    key.zone = outer.zone;
    let at_least = (!outer.v6).then_some(QUOTED);
    ports(&mut key, inner.get(transport..)?, at_least)?;
    Some(key.reversed())
}
