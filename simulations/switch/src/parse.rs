//! A frame read into fields.
//!
//! Frames are read as Open vSwitch does (`miniflow_extract` in `lib/flow.c`): a header that is cut off or
//! contradicts itself reads as zero, and fragments but the first show no transport fields. This file finds out where
//! headers begin; which fields are in them is said by [`crate::fields`].

use rust_openflow::field::Field;

use crate::fields::{self, Header};
use crate::packet::Packet;

pub(crate) const ARP: u16 = 0x0806;
pub(crate) const RARP: u16 = 0x8035;
pub(crate) const IPV4: u16 = 0x0800;
pub(crate) const IPV6: u16 = 0x86dd;
pub(crate) const MPLS: [u16; 2] = [0x8847, 0x8848];
pub(crate) const PBB: u16 = 0x88e7;
pub(crate) const NSH: u16 = 0x894f;
/// An Ethernet type of nobody (IEEE 802, local experimental).
pub(crate) const LOCAL: u16 = 0x88b5;
/// The Ethernet types of VLAN tags: customers', and those of service providers (IEEE 802.1Q).
pub(crate) const VLAN: [u16; 2] = [0x8100, 0x88a8];
/// The smallest Ethernet type; smaller numbers are lengths (IEEE 802.3).
const ETHER_TYPE_MIN: u16 = 0x600;
/// What Open vSwitch shows as the Ethernet type of a frame that has none.
const NO_ETHER_TYPE: u16 = 0x5ff;

pub(crate) const ICMP: u8 = 1;
pub(crate) const TCP: u8 = 6;
pub(crate) const UDP: u8 = 17;
pub(crate) const ICMPV6: u8 = 58;
pub(crate) const SCTP: u8 = 132;
pub(crate) const SOLICITATION: u8 = 135;
pub(crate) const ADVERTISEMENT: u8 = 136;
/// Type of the option that carries the source's link-layer address (RFC 4861, 4.6.1).
pub(crate) const SOURCE_LINK_LAYER: u8 = 1;
/// Type of the option that carries the target's link-layer address.
pub(crate) const TARGET_LINK_LAYER: u8 = 2;
/// Bits of `ip_frag`.
const FRAGMENT_ANY: u128 = 1;
pub(crate) const FRAGMENT_LATER: u128 = 2;

/// Where headers begin, as far as they could be read.
#[derive(Debug, Clone, Default)]
pub(crate) struct Layout {
    starts: [Option<usize>; Header::COUNT],
    /// How many VLAN tags were read.
    pub(crate) tags: u8,
    /// The Ethernet type of what the frame carries.
    pub(crate) ether_type: usize,
    /// Where the IP packet ends, before padding.
    pub(crate) end: usize,
    /// Whether IPv6's destination is one on the way, which no checksum covers (RFC 8200, 8.1).
    pub(crate) routed: bool,
}

impl Layout {
    /// Where a header begins, in bytes from that of the frame.
    pub(crate) fn at(&self, header: Header) -> Option<usize> {
        self.starts[header as usize]
    }
}

impl Packet {
    /// Reads all fields of the frame anew.
    pub(crate) fn parse(&mut self) {
        self.values[Field::EthSrc as usize..=Field::NshC4 as usize].fill(0);
        self.layout = Layout::default();
        let frame = std::mem::take(&mut self.frame);
        self.ethernet(&frame);
        self.frame = frame;
    }

    /// A header begins there, and its fields are read.
    fn header(&mut self, header: Header, frame: &[u8], at: usize) {
        self.layout.starts[header as usize] = Some(at);
        for place in fields::parts(header) {
            if let Some(bytes) = be(frame, at + place.at, place.bytes) {
                let value = bytes >> place.shift & place.mask | place.presence;
                self.put(place.field, value);
            }
        }
    }

    fn ethernet(&mut self, frame: &[u8]) -> Option<()> {
        frame.get(..14)?;
        self.header(Header::Ethernet, frame, 0);
        let (mut at, mut tags) = (12, 0_u8);
        while VLAN.contains(&u16_at(frame, at)?) && frame.len() >= at + 6 && tags < self.vlan_limit
        {
            if tags == 0 {
                self.header(Header::Vlan, frame, at);
            }
            tags = tags.saturating_add(1);
            at += 4;
        }
        self.layout.tags = tags;
        let (kind, payload) = ether_type(frame, at)?;
        self.layout.ether_type = payload - 2;
        self.put(Field::EthType, kind);
        self.payload(kind, frame, payload)
    }

    fn payload(&mut self, kind: u16, frame: &[u8], at: usize) -> Option<()> {
        let payload = frame.get(at..)?;
        match kind {
            ARP | RARP => self.arp(frame, at),
            IPV4 => self.ipv4(payload, frame, at),
            IPV6 => self.ipv6(payload, frame, at),
            NSH => self.nsh(payload, frame, at),
            PBB if payload.len() >= 4 => {
                self.header(Header::Pbb, frame, at);
                Some(())
            }
            kind if MPLS.contains(&kind) && payload.len() >= 4 => {
                self.header(Header::Mpls, frame, at);
                Some(())
            }
            _ => None,
        }
    }

    /// ARP for IPv4 over Ethernet (RFC 826).
    fn arp(&mut self, frame: &[u8], at: usize) -> Option<()> {
        if be(frame, at, 6)? != 0x0001_0800_0604 || frame.len() < at + 28 {
            return None;
        }
        self.header(Header::Arp, frame, at);
        // Open vSwitch has eight bits for the operation.
        if self.value(Field::ArpOp) > 0xff {
            self.put(Field::ArpOp, 0_u8);
        }
        Some(())
    }

    fn ipv4(&mut self, packet: &[u8], frame: &[u8], at: usize) -> Option<()> {
        let header = usize::from(packet.first()? & 0x0f) * 4;
        let total = usize::from(u16_at(packet, 2)?);
        let padding = packet.len().checked_sub(total)?;
        if header < 20 || header > total || padding > 255 {
            return None;
        }
        self.layout.end = at + total;
        self.header(Header::Ipv4, frame, at);
        self.put(Field::IpProto, packet[9]);
        let fragment = u16_at(packet, 6)?;
        if fragment & 0x1fff != 0 {
            self.put(Field::IpFrag, FRAGMENT_ANY | FRAGMENT_LATER);
        } else if fragment & 0x2000 != 0 {
            self.put(Field::IpFrag, FRAGMENT_ANY);
        }
        self.transport(&frame[..at + total], at + header)
    }

    fn ipv6(&mut self, packet: &[u8], frame: &[u8], at: usize) -> Option<()> {
        let total = 40 + usize::from(u16_at(packet, 4)?);
        let padding = packet.len().checked_sub(total)?;
        if padding > 255 {
            return None;
        }
        self.layout.end = at + total;
        self.header(Header::Ipv6, frame, at);
        let Some(extensions) = Extensions::read(&packet[..total]) else {
            // Open vSwitch reads these behind the extension headers.
            for field in [
                Field::IpTos,
                Field::IpDscp,
                Field::IpEcn,
                Field::IpTtl,
                Field::Ipv6Label,
            ] {
                self.put(field, 0_u8);
            }
            return None;
        };
        self.layout.routed = extensions.routed;
        self.put(Field::IpProto, extensions.protocol);
        self.put(Field::IpFrag, extensions.fragment);
        self.put(Field::Ipv6Exthdr, extensions.seen);
        self.transport(&frame[..at + total], at + extensions.end)
    }

    /// The header behind IP's; `frame` ends where the IP packet does.
    fn transport(&mut self, frame: &[u8], at: usize) -> Option<()> {
        let fragment = self.value(Field::IpFrag);
        let v4 = self.layout.at(Header::Ipv4).is_some();
        let (header, length) = match (self.value(Field::IpProto) as u8, v4) {
            (TCP, _) => (Header::Tcp, 20),
            (SCTP, _) => (Header::Sctp, 12),
            (UDP, _) => (Header::Udp, 8),
            (ICMP, true) => (Header::Icmpv4, 8),
            (ICMPV6, false) => (Header::Icmpv6, 8),
            _ => return None,
        };
        if fragment & FRAGMENT_LATER != 0 || frame.len() < at + length {
            return None;
        }
        let options = |byte: u8| usize::from(byte >> 4) * 4;
        let room = length..=frame.len() - at;
        let torn = header == Header::Tcp && !room.contains(&options(frame[at + 12]));
        if torn {
            // A TCP header that says it is longer than the packet shows nothing; its checksum follows its addresses
            // all the same.
            self.layout.starts[header as usize] = Some(at);
            return None;
        }
        self.header(header, frame, at);
        if header == Header::Icmpv6 {
            self.neighbour_discovery(frame, at)?;
        }
        Some(())
    }

    /// Solicitations and advertisements (RFC 4861, 4.3 and 4.4).
    fn neighbour_discovery(&mut self, frame: &[u8], at: usize) -> Option<()> {
        let message = frame.get(at..)?;
        if message[1] != 0 || ![SOLICITATION, ADVERTISEMENT].contains(&message[0]) {
            return None;
        }
        self.header(Header::Neighbour, frame, at);
        // The options' addresses, and the type of the first.
        let (mut addresses, mut first) = ([0, 0], 0);
        let mut offset = 24;
        if message.len() >= offset + 8 {
            self.layout.starts[Header::FirstOption as usize] = Some(at + offset);
        }
        while let Some(option) = message.get(offset..).filter(|rest| rest.len() >= 8) {
            let length = usize::from(option[1]) * 8;
            if length == 0 || length > option.len() {
                break;
            }
            let kind = match option[0] {
                SOURCE_LINK_LAYER if length == 8 => Some((0, Header::SourceOption)),
                TARGET_LINK_LAYER if length == 8 => Some((1, Header::TargetOption)),
                _ => None,
            };
            if let Some((which, header)) = kind {
                // One option twice makes the message invalid: nothing of it is shown.
                if addresses[which] != 0 {
                    self.put(Field::NdTarget, 0_u8);
                    return None;
                }
                addresses[which] = be(option, 2, 6)?;
                if first == 0 {
                    first = option[0];
                    self.layout.starts[header as usize] = Some(at + offset);
                }
            }
            offset += length;
        }
        self.put(Field::NdSll, addresses[0]);
        self.put(Field::NdTll, addresses[1]);
        self.put(Field::NdOptionsType, first);
        Some(())
    }

    /// The network service header (RFC 8300, 2.2 to 2.5; `parse_nsh` in `lib/flow.c`).
    fn nsh(&mut self, nsh: &[u8], frame: &[u8], at: usize) -> Option<()> {
        const FIXED_CONTEXT: u8 = 1;
        const VARIABLE_CONTEXT: u8 = 2;
        let first = u16_at(nsh, 0)?;
        let length = usize::from(first & 0x3f) * 4;
        let kind = *nsh.get(2)?;
        let fits = match kind {
            FIXED_CONTEXT => length == 24,
            VARIABLE_CONTEXT => length >= 8,
            _ => true,
        };
        if first >> 14 != 0 || !fits || nsh.len() < length {
            return None;
        }
        // The context stands within the header, or reads as zero.
        let end = if nsh[2] & 0x0f == FIXED_CONTEXT {
            24
        } else {
            8
        };
        self.header(Header::Nsh, frame.get(..at + end)?, at);
        Some(())
    }
}

/// What the extension headers of an IPv6 packet say (RFC 8200, 4).
pub(crate) struct Extensions {
    /// The protocol behind them.
    pub(crate) protocol: u8,
    /// `ip_frag`.
    pub(crate) fragment: u128,
    /// Where they end.
    pub(crate) end: usize,
    /// Whether there are addresses on the way still to be visited.
    routed: bool,
    /// `ipv6_exthdr`.
    seen: u128,
}

/// What is said of an extension header: its protocol, the bit of `ipv6_exthdr` (OpenFlow 1.5.1, 7.2.3.8),
/// and its place in the order that RFC 8200 recommends.
const EXTENSIONS: &[(u8, u128, u8)] = &[
    (0, 1 << 6, 0),
    (60, 1 << 3, 1),
    (43, 1 << 5, 2),
    (44, 1 << 4, 3),
    (51, 1 << 2, 4),
    (50, 1 << 1, 5),
    (59, 1 << 0, 7),
];
const HOP_BY_HOP: u8 = 0;
const ROUTING: u8 = 43;
const FRAGMENT: u8 = 44;
const AUTHENTICATION: u8 = 51;
const DESTINATION: u8 = 60;
/// The place of destination options behind all others.
const LAST_OPTIONS: u8 = 6;
/// `OFPIEH_UNREP` and `OFPIEH_UNSEQ`.
const REPEATED: u128 = 1 << 7;
const UNORDERED: u128 = 1 << 8;

impl Extensions {
    pub(crate) fn read(packet: &[u8]) -> Option<Self> {
        let mut all = Self {
            protocol: *packet.get(6)?,
            fragment: 0,
            end: 40,
            routed: false,
            seen: 0,
        };
        let mut place = 0;
        loop {
            all.note(&mut place);
            let protocol = all.protocol;
            if ![HOP_BY_HOP, ROUTING, FRAGMENT, AUTHENTICATION, DESTINATION].contains(&protocol) {
                return Some(all);
            }
            let header = packet.get(all.end..).filter(|rest| rest.len() >= 8)?;
            all.end += match protocol {
                FRAGMENT => 8,
                AUTHENTICATION => (usize::from(header[1]) + 2) * 4,
                _ => (usize::from(header[1]) + 1) * 8,
            };
            if all.end > packet.len() {
                return None;
            }
            all.protocol = header[0];
            all.routed |= protocol == ROUTING && header[3] != 0;
            let offset = u16_at(header, 2)?;
            if protocol == FRAGMENT && offset != 0 {
                all.fragment = FRAGMENT_ANY;
                if offset & 0xfff8 != 0 {
                    all.protocol = FRAGMENT;
                    all.fragment |= FRAGMENT_LATER;
                    return Some(all);
                }
            }
        }
    }

    /// Notes the header that comes next, given the place of the one before.
    fn note(&mut self, place: &mut u8) {
        let row = EXTENSIONS.iter().find(|row| row.0 == self.protocol);
        let Some((protocol, bit, own)) = row else {
            return;
        };
        let again = self.seen & bit != 0;
        let last = *protocol == DESTINATION && (again || *place > *own);
        let own = if last { LAST_OPTIONS } else { *own };
        if again && (!last || *place == LAST_OPTIONS) {
            self.seen |= REPEATED;
        } else if own < *place {
            self.seen |= UNORDERED;
        }
        *place = own.max(*place);
        self.seen |= bit;
    }
}

/// The Ethernet type at an offset, or in the SNAP header behind a length; and where its payload begins.
fn ether_type(frame: &[u8], at: usize) -> Option<(u16, usize)> {
    const SNAP: [u8; 6] = [0xaa, 0xaa, 3, 0, 0, 0];
    let kind = u16_at(frame, at)?;
    if kind >= ETHER_TYPE_MIN {
        return Some((kind, at + 2));
    }
    let snap = frame.get(at + 2..at + 8) == Some(&SNAP);
    match u16_at(frame, at + 8).filter(|kind| snap && *kind >= ETHER_TYPE_MIN) {
        Some(kind) => Some((kind, at + 10)),
        None => Some((NO_ETHER_TYPE, at + 2)),
    }
}

/// A big-endian integer of a packet; none when it is cut off.
pub(crate) fn be(bytes: &[u8], at: usize, length: usize) -> Option<u128> {
    let bytes = bytes.get(at..at + length)?;
    Some(
        bytes
            .iter()
            .fold(0, |value, byte| value << 8 | u128::from(*byte)),
    )
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    be(bytes, at, 2).map(|value| value as u16)
}
