//! The other way round: a frame of which fields have the values that a match asks for, with right checksums.
//!
//! For traces and probes. Headers come from the Ethernet type and the protocol that are asked for; what is not asked for is zero,
//! but for a TTL of 64, operation 1 of ARP, and TCP's SYN. Where fields stand is said by [`crate::fields`].

use rust_openflow::field::{Field, Prerequisite};
use rust_openflow::matches::Entry;
use rust_openflow::{FieldValue, Match, PortNo};

use crate::checksum;
use crate::fields;
use crate::packet::{Packet, Tunnel};
use crate::parse;

/// Why there is no such frame.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ComposeError {
    /// Something that no specification known here names.
    #[error("a field that is not known cannot be in a frame")]
    Unknown,
    /// A kind of packet that is not made here.
    #[error("frames of Ethernet type {0:#06x} with {1} are not made here")]
    Kind(u16, &'static str),
    /// More than a packet can carry.
    #[error("{0} bytes do not fit into a packet: {MOST} do")]
    TooLong(usize),
    /// Nothing else that is asked for gives the frame this field, or this value of it.
    #[error("{0} cannot have this value in the frame that the rest makes")]
    Contradiction(&'static str),
}

/// How many bytes a packet may carry behind its headers: an IP packet has up to 65,535 with them.
const MOST: usize = 65_000;
/// A TTL that passes many routers (RFC 1700).
const TTL: u8 = 64;
/// The flag of a segment that begins a connection (RFC 9293, 3.1).
const SYN: u8 = 2;

/// A frame with the values that a match asks for, and these bytes behind its last header. Fields that only a switch
/// knows are passed over; of a masked field, the bits outside of the mask are zero.
///
/// # Errors
/// When a field is asked for that no frame with the others has.
pub fn compose(matches: &Match, payload: &[u8]) -> Result<Vec<u8>, ComposeError> {
    if payload.len() > MOST {
        return Err(ComposeError::TooLong(payload.len()));
    }
    let asked = matches.entries.iter().map(|entry| match entry {
        Entry::Known(value) => Ok(value),
        _ => Err(ComposeError::Unknown),
    });
    let asked = asked.collect::<Result<Vec<_>, _>>()?;
    let in_frame = |value: &&FieldValue| fields::stands_in_frame(value.field);
    let asked: Vec<&FieldValue> = asked.into_iter().filter(in_frame).collect();
    let frame = skeleton(&asked, payload)?;
    let mut packet = Packet::behind_tags(PortNo::ANY, Tunnel::default(), &frame, 0);
    for value in &asked {
        packet.set(value.field, value.value, value.significant());
    }
    for value in asked {
        if !packet.agrees(value) {
            return Err(ComposeError::Contradiction(value.field.row().name));
        }
    }
    Ok(packet.frame)
}

/// The headers that the fields need, as zero as they can be, and valid.
fn skeleton(asked: &[&FieldValue], payload: &[u8]) -> Result<Vec<u8>, ComposeError> {
    let value = |field: Field| {
        let found = asked.iter().find(|value| value.field == field);
        found.map(|value| value.value)
    };
    let needs = |needed: Prerequisite| {
        asked
            .iter()
            .any(|value| value.field.row().prerequisite == needed)
    };
    let kind = value(Field::EthType).map_or(parse::LOCAL, |kind| kind as u16);
    let protocol = value(Field::IpProto).map_or(0, |protocol| protocol as u8);
    let message = value(Field::Icmpv6Type).map_or(0, |kind| kind as u8);
    let mut frame = vec![0; 12];
    frame.extend(kind.to_be_bytes());
    let fragment = value(Field::IpFrag).unwrap_or(0);
    let carried = |protocol| match protocol {
        // Only the first fragment begins with a header.
        _ if fragment & parse::FRAGMENT_LATER != 0 => Vec::new(),
        parse::TCP => {
            let mut header = vec![0; 20];
            (header[12], header[13]) = (5 << 4, SYN);
            header
        }
        parse::UDP => {
            let mut header = vec![0; 8];
            let length = (8 + payload.len()) as u16;
            header[4..6].copy_from_slice(&length.to_be_bytes());
            header
        }
        parse::SCTP => vec![0; 12],
        parse::ICMP if kind == parse::IPV4 => vec![0; 8],
        parse::ICMPV6 if kind == parse::IPV6 => neighbours(message, &needs),
        _ => Vec::new(),
    };
    match kind {
        parse::ARP | parse::RARP => {
            // Ethernet and IPv4 (RFC 826).
            frame.extend([0, 1, 8, 0, 6, 4, 0, 1]);
            frame.extend([0; 20]);
        }
        parse::IPV4 => frame.extend(ipv4(protocol, fragment, carried(protocol), payload)),
        parse::IPV6 => frame.extend(ipv6(protocol, carried(protocol), payload)),
        kind if parse::MPLS.contains(&kind) => return Err(ComposeError::Kind(kind, "labels")),
        parse::NSH => return Err(ComposeError::Kind(kind, "a service header")),
        parse::PBB => return Err(ComposeError::Kind(kind, "a service tag")),
        _ => frame.extend(payload),
    }
    Ok(frame)
}

/// An ICMPv6 message of a type, with the options that its fields need (RFC 4861, 4.3 and 4.4).
fn neighbours(message: u8, needs: &impl Fn(Prerequisite) -> bool) -> Vec<u8> {
    let mut header = vec![message, 0, 0, 0, 0, 0, 0, 0];
    if [parse::SOLICITATION, parse::ADVERTISEMENT].contains(&message) {
        header.extend([0; 16]);
    }
    for (option, field) in [
        (
            parse::SOURCE_LINK_LAYER,
            Prerequisite::NeighbourSolicitation,
        ),
        (
            parse::TARGET_LINK_LAYER,
            Prerequisite::NeighbourAdvertisement,
        ),
    ] {
        if needs(field) {
            header.extend([option, 1, 0, 0, 0, 0, 0, 0]);
        }
    }
    header
}

fn ipv4(protocol: u8, fragment: u128, transport: Vec<u8>, payload: &[u8]) -> Vec<u8> {
    // More come, or so many times eight bytes came before (RFC 791, 3.1).
    let place: u16 = match fragment {
        0 => 0,
        fragment if fragment & parse::FRAGMENT_LATER != 0 => 1,
        _ => 0x2000,
    };
    let length = (20 + transport.len() + payload.len()) as u16;
    let mut header = vec![0; 20];
    header[0] = 0x45;
    header[2..4].copy_from_slice(&length.to_be_bytes());
    header[6..8].copy_from_slice(&place.to_be_bytes());
    (header[8], header[9]) = (TTL, protocol);
    let sum = checksum::computed(&[&header]);
    header[10..12].copy_from_slice(&sum.to_be_bytes());
    header.extend(summed(protocol, false, transport, payload));
    header
}

fn ipv6(protocol: u8, transport: Vec<u8>, payload: &[u8]) -> Vec<u8> {
    let length = (transport.len() + payload.len()) as u16;
    let mut header = vec![0; 40];
    header[0] = 0x60;
    header[4..6].copy_from_slice(&length.to_be_bytes());
    (header[6], header[7]) = (protocol, TTL);
    header.extend(summed(protocol, true, transport, payload));
    header
}

/// A transport header with its checksum, and what it carries. Addresses are zero and so add nothing.
fn summed(protocol: u8, over_ipv6: bool, mut transport: Vec<u8>, payload: &[u8]) -> Vec<u8> {
    let length = (transport.len() + payload.len()) as u16;
    let pseudo = [[0, protocol], length.to_be_bytes()].concat();
    let place = match protocol {
        parse::TCP => Some((16, &pseudo[..])),
        parse::UDP => Some((6, &pseudo[..])),
        parse::ICMPV6 if over_ipv6 => Some((2, &pseudo[..])),
        parse::ICMP if !over_ipv6 => Some((2, &[][..])),
        _ => None,
    };
    match place {
        Some((at, pseudo)) if transport.len() >= at + 2 => {
            let sum = match checksum::computed(&[pseudo, &transport, payload]) {
                // A UDP checksum of zero says that there is none (RFC 768).
                0 if protocol == parse::UDP => u16::MAX,
                sum => sum,
            };
            transport[at..at + 2].copy_from_slice(&sum.to_be_bytes());
        }
        _ if protocol == parse::SCTP && !transport.is_empty() => {
            let sum = checksum::crc32c(&[&transport, payload]);
            transport[8..12].copy_from_slice(&sum);
        }
        _ => {}
    }
    transport.extend(payload);
    transport
}
