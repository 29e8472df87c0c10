//! A frame as its RFCs define it, read for [`crate::meaning`].
//!
//! Deliberately not the parser of the software switch: what judges a program must not share its
//! mistakes. Only frames that are well formed are read right; one that is cut off is [`Content::Other`].

use std::net::{Ipv4Addr, Ipv6Addr};

use rust_openflow::MacAddr;

/// An Ethernet frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// To whom.
    pub destination: MacAddr,
    /// From whom.
    pub source: MacAddr,
    /// Whether it has a VLAN tag.
    pub tagged: bool,
    /// What is in it.
    pub content: Content,
}

/// What a frame carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// ARP for IPv4 over Ethernet (RFC 826).
    Arp {
        /// 1 for a request, 2 for a reply.
        operation: u16,
        /// The sender's Ethernet address.
        sender_mac: MacAddr,
        /// The sender's IPv4 address.
        sender_ip: Ipv4Addr,
        /// The target's IPv4 address.
        target_ip: Ipv4Addr,
    },
    /// IPv4 (RFC 791).
    Ipv4 {
        /// From whom.
        source: Ipv4Addr,
        /// To whom.
        destination: Ipv4Addr,
        /// Whether it is a part of a packet.
        fragment: bool,
        /// What it carries.
        payload: Payload,
    },
    /// IPv6 (RFC 8200).
    Ipv6 {
        /// From whom.
        source: Ipv6Addr,
        /// To whom.
        destination: Ipv6Addr,
        /// How many routers it may still pass.
        hop_limit: u8,
        /// Whether it is a part of a packet.
        fragment: bool,
        /// What it carries; a fragment shows nothing.
        payload: Payload,
        /// Where the payload begins in the frame, in bytes.
        at: usize,
    },
    /// Anything else.
    Other,
}

/// What an IP packet carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Payload {
    /// UDP (RFC 768): source and destination port; none in a fragment.
    Udp(Option<(u16, u16)>),
    /// A neighbour solicitation (RFC 4861, 4.3): whose address is asked for, and the sender's
    /// link-layer address.
    Solicitation(Ipv6Addr, Option<MacAddr>),
    /// A neighbour advertisement (RFC 4861, 4.4): whose address is told, and the link-layer address.
    Advertisement(Ipv6Addr, Option<MacAddr>),
    /// Any other ICMPv6 message, by type.
    Icmpv6(u8),
    /// Anything else.
    Other,
}

impl Frame {
    /// Reads a frame; none when it has no whole Ethernet header.
    #[must_use]
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let mut at = 12;
        let mut kind = number(bytes, at)?;
        let tagged = kind == 0x8100 || kind == 0x88a8;
        if tagged {
            at += 4;
            kind = number(bytes, at)?;
        }
        at += 2;
        let content = match kind {
            0x0806 => arp(&bytes[at..]),
            0x0800 => ipv4(&bytes[at..]),
            0x86dd => ipv6(bytes, at),
            _ => None,
        };
        Some(Self {
            destination: MacAddr(array(bytes, 0)?),
            source: MacAddr(array(bytes, 6)?),
            tagged,
            content: content.unwrap_or(Content::Other),
        })
    }
}

fn arp(arp: &[u8]) -> Option<Content> {
    if arp.get(..6)? != [0, 1, 8, 0, 6, 4] {
        return None;
    }
    Some(Content::Arp {
        operation: number(arp, 6)?,
        sender_mac: MacAddr(array(arp, 8)?),
        sender_ip: array::<4>(arp, 14)?.into(),
        target_ip: array::<4>(arp, 24)?.into(),
    })
}

fn ipv4(packet: &[u8]) -> Option<Content> {
    let header = usize::from(packet.first()? & 0x0f) * 4;
    // More fragments, or an offset.
    let fragment = number(packet, 6)? & 0x3fff != 0;
    Some(Content::Ipv4 {
        source: array::<4>(packet, 12)?.into(),
        destination: array::<4>(packet, 16)?.into(),
        fragment,
        payload: match packet.get(9)? {
            17 if fragment => Payload::Udp(None),
            17 => udp(packet, header),
            _ => Payload::Other,
        },
    })
}

fn udp(bytes: &[u8], at: usize) -> Payload {
    Payload::Udp(number(bytes, at).zip(number(bytes, at + 2)))
}

fn ipv6(frame: &[u8], at: usize) -> Option<Content> {
    let source = array::<16>(frame, at + 8)?.into();
    let destination = array::<16>(frame, at + 24)?.into();
    let hop_limit = *frame.get(at + 7)?;
    let mut next = *frame.get(at + 6)?;
    let mut at = at + 40;
    // Hop-by-hop options, routing and destination options come before what the packet is about.
    while [0, 43, 60].contains(&next) {
        next = *frame.get(at)?;
        at += 8 + 8 * usize::from(*frame.get(at + 1)?);
    }
    let payload = match next {
        17 => udp(frame, at),
        58 => match frame.get(at)? {
            135 => Payload::Solicitation(array::<16>(frame, at + 8)?.into(), option(frame, at, 1)),
            136 => Payload::Advertisement(array::<16>(frame, at + 8)?.into(), option(frame, at, 2)),
            kind => Payload::Icmpv6(*kind),
        },
        _ => Payload::Other,
    };
    Some(Content::Ipv6 {
        source,
        destination,
        hop_limit,
        fragment: next == 44,
        payload,
        at,
    })
}

/// The link-layer address in an option of neighbour discovery (RFC 4861, 4.6.1).
fn option(frame: &[u8], message: usize, kind: u8) -> Option<MacAddr> {
    let mut at = message + 24;
    loop {
        let length = usize::from(*frame.get(at + 1)?);
        if frame[at] == kind && length == 1 {
            return array(frame, at + 2).map(MacAddr);
        }
        at += 8 * length.max(1);
    }
}

fn number(bytes: &[u8], at: usize) -> Option<u16> {
    array(bytes, at).map(u16::from_be_bytes)
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at + N)?.try_into().ok()
}
