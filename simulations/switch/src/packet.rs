//! A packet as the pipeline sees it: fields read from the frame, and those that only the switch
//! knows (ports, tunnel, registers).
//!
//! Frames are parsed as Open vSwitch does (`miniflow_extract` in `lib/flow.c`): a header that is cut
//! off or contradicts itself reads as zero, fragments show no transport fields, and of several VLAN
//! tags one is seen. Writing is in [`crate::rewrite`].

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use rust_openflow::field::{Field, Prerequisite, ROWS};
use rust_openflow::{FieldValue, PortNo};

/// One for each field of the table.
const FIELDS: usize = ROWS.len();

pub(crate) const ARP: u128 = 0x0806;
const RARP: u128 = 0x8035;
pub(crate) const IPV4: u128 = 0x0800;
pub(crate) const IPV6: u128 = 0x86dd;
const VLAN: u16 = 0x8100;
const SERVICE_VLAN: u16 = 0x88a8;
/// The bit of `vlan_tci` and `vlan_vid` that says that there is a tag.
pub(crate) const TAGGED: u16 = 0x1000;
/// The smallest Ethernet type; smaller numbers are lengths (IEEE 802.3).
const ETHER_TYPE_MIN: u16 = 0x600;
/// What Open vSwitch shows as the Ethernet type of a frame that has none.
const NO_ETHER_TYPE: u16 = 0x5ff;

pub(crate) const ICMP: u128 = 1;
pub(crate) const TCP: u128 = 6;
pub(crate) const UDP: u128 = 17;
const FRAGMENT: u8 = 44;
pub(crate) const ICMPV6: u128 = 58;
const SCTP: u128 = 132;
pub(crate) const SOLICITATION: u8 = 135;
pub(crate) const ADVERTISEMENT: u8 = 136;
/// Type of the option that carries the source's link-layer address (RFC 4861, 4.6.1).
pub(crate) const SOURCE_LINK_LAYER: u8 = 1;
/// Type of the option that carries the target's link-layer address.
pub(crate) const TARGET_LINK_LAYER: u8 = 2;
/// Bits of `ip_frag`.
const FRAGMENT_ANY: u128 = 1;
const FRAGMENT_LATER: u128 = 2;

/// What travels in the outer headers of a tunnelled frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Tunnel {
    /// The key or VNI.
    pub id: u64,
    /// The outer source.
    pub source: Option<IpAddr>,
    /// The outer destination.
    pub destination: Option<IpAddr>,
}

/// Where headers begin, as far as they could be read.
#[derive(Debug, Clone, Default)]
pub(crate) struct Layout {
    pub(crate) network: Option<usize>,
    pub(crate) transport: Option<usize>,
    /// Where the IP packet ends, before padding.
    pub(crate) end: usize,
    /// The first option of neighbour discovery.
    pub(crate) nd_option: Option<usize>,
    /// The first option that carries a link-layer address.
    pub(crate) nd_address: Option<usize>,
}

/// A packet on its way through the tables.
#[derive(Debug, Clone)]
pub struct Packet {
    pub(crate) frame: Vec<u8>,
    pub(crate) values: [u128; FIELDS],
    pub(crate) layout: Layout,
}

impl Packet {
    /// A frame that comes in; registers and metadata are zero.
    #[must_use]
    pub fn new(in_port: PortNo, tunnel: Tunnel, frame: &[u8]) -> Self {
        let mut packet = Self {
            frame: frame.to_vec(),
            values: [0; FIELDS],
            layout: Layout::default(),
        };
        packet.put(Field::InPort, in_port.0);
        packet.put(Field::TunnelId, tunnel.id);
        for (address, v4, v6) in [
            (tunnel.source, Field::TunSrc, Field::TunIpv6Src),
            (tunnel.destination, Field::TunDst, Field::TunIpv6Dst),
        ] {
            match address {
                Some(IpAddr::V4(address)) => packet.put(v4, address.to_bits()),
                Some(IpAddr::V6(address)) => packet.put(v6, address.to_bits()),
                None => {}
            }
        }
        packet.parse();
        packet
    }

    /// The frame as it is now.
    #[must_use]
    pub fn frame(&self) -> &[u8] {
        &self.frame
    }

    /// The port that it came in by.
    #[must_use]
    pub fn in_port(&self) -> PortNo {
        // Written from a port number in `new`, and by nothing that is longer.
        PortNo(self.value(Field::InPort) as u32)
    }

    /// The tunnel metadata as it is now. An IPv4 address goes before an IPv6 address.
    #[must_use]
    pub fn tunnel(&self) -> Tunnel {
        let address = |v4, v6| match (self.value(v4), self.value(v6)) {
            (0, 0) => None,
            (0, v6) => Some(IpAddr::V6(Ipv6Addr::from_bits(v6))),
            (v4, _) => Some(IpAddr::V4(Ipv4Addr::from_bits(v4 as u32))),
        };
        Tunnel {
            id: self.value(Field::TunnelId) as u64,
            source: address(Field::TunSrc, Field::TunIpv6Src),
            destination: address(Field::TunDst, Field::TunIpv6Dst),
        }
    }

    /// A field's value; none when the packet has no such field. A field of a header that could not be
    /// read is zero.
    #[must_use]
    pub fn get(&self, field: Field) -> Option<u128> {
        if let Some((first, count)) = registers(field) {
            return Some(
                (0..count).fold(0, |value, n| value << 32 | self.values[first as usize + n]),
            );
        }
        self.has(field).then(|| self.value(field))
    }

    /// Whether the packet agrees with what is asked of a field.
    #[must_use]
    pub fn agrees(&self, asked: &FieldValue) -> bool {
        self.get(asked.field)
            .is_some_and(|value| value & asked.significant() == asked.value)
    }

    pub(crate) fn value(&self, field: Field) -> u128 {
        self.values[field as usize]
    }

    pub(crate) fn put(&mut self, field: Field, value: impl Into<u128>) {
        self.values[field as usize] = value.into();
    }

    /// Whether the headers that a field needs are there (ovs-fields(7), "Prerequisites").
    fn has(&self, field: Field) -> bool {
        let kind = self.value(Field::EthType);
        let ip = kind == IPV4 || kind == IPV6;
        let carries = |protocol| ip && self.value(Field::IpProto) == protocol;
        let icmpv6 = || kind == IPV6 && carries(ICMPV6);
        let message = |of: &[u8]| {
            icmpv6()
                && of
                    .iter()
                    .any(|n| self.value(Field::Icmpv6Type) == u128::from(*n))
        };
        match field.row().prerequisite {
            Prerequisite::None => true,
            Prerequisite::Arp => kind == ARP || kind == RARP,
            Prerequisite::Ipv4 => kind == IPV4,
            Prerequisite::Ipv6 => kind == IPV6,
            Prerequisite::Ip => ip,
            Prerequisite::Tcp => carries(TCP),
            Prerequisite::Udp => carries(UDP),
            Prerequisite::Sctp => carries(SCTP),
            Prerequisite::Icmpv4 => kind == IPV4 && carries(ICMP),
            Prerequisite::Icmpv6 => icmpv6(),
            Prerequisite::NeighbourDiscovery => message(&[SOLICITATION, ADVERTISEMENT]),
            Prerequisite::NeighbourSolicitation => message(&[SOLICITATION]),
            Prerequisite::NeighbourAdvertisement => message(&[ADVERTISEMENT]),
            Prerequisite::Vlan => self.value(Field::VlanTci) != 0,
            // Refused in flows until there is connection tracking; MPLS headers are not read.
            Prerequisite::Mpls
            | Prerequisite::Pbb
            | Prerequisite::Nsh
            | Prerequisite::CtIpv4
            | Prerequisite::CtIpv6
            | Prerequisite::CtIp => false,
        }
    }

    /// Reads all fields of the frame anew.
    pub(crate) fn parse(&mut self) {
        self.values[Field::EthSrc as usize..=Field::NdOptionsType as usize].fill(0);
        self.layout = Layout::default();
        let frame = std::mem::take(&mut self.frame);
        self.ethernet(&frame);
        self.frame = frame;
    }

    fn ethernet(&mut self, frame: &[u8]) -> Option<()> {
        self.put(Field::EthDst, be(frame, 0, 6)?);
        self.put(Field::EthSrc, be(frame, 6, 6)?);
        let mut at = 12;
        let tag = u16_at(frame, at)?;
        if (tag == VLAN || tag == SERVICE_VLAN) && frame.len() >= at + 6 {
            let tci = u16_at(frame, at + 2)?;
            self.put(Field::VlanTci, tci | TAGGED);
            self.put(Field::VlanVid, tci & 0x0fff | TAGGED);
            self.put(Field::VlanPcp, tci >> 13);
            at += 4;
        }
        let (kind, at) = ether_type(frame, at)?;
        self.put(Field::EthType, kind);
        let payload = frame.get(at..)?;
        match u128::from(kind) {
            ARP | RARP => self.arp(payload, at),
            IPV4 => self.ipv4(payload, at),
            IPV6 => self.ipv6(payload, at),
            _ => None,
        }
    }

    /// ARP for IPv4 over Ethernet (RFC 826).
    fn arp(&mut self, arp: &[u8], at: usize) -> Option<()> {
        if arp.len() < 28 || be(arp, 0, 6)? != 0x0001_0800_0604 {
            return None;
        }
        self.layout.network = Some(at);
        // Open vSwitch has eight bits for the operation.
        let operation = be(arp, 6, 2)?;
        self.put(Field::ArpOp, if operation < 256 { operation } else { 0 });
        self.put(Field::ArpSha, be(arp, 8, 6)?);
        self.put(Field::ArpSpa, be(arp, 14, 4)?);
        self.put(Field::ArpTha, be(arp, 18, 6)?);
        self.put(Field::ArpTpa, be(arp, 24, 4)?);
        Some(())
    }

    fn ipv4(&mut self, packet: &[u8], at: usize) -> Option<()> {
        let header = usize::from(packet.first()? & 0x0f) * 4;
        let total = usize::from(u16_at(packet, 2)?);
        let padding = packet.len().checked_sub(total)?;
        if header < 20 || header > total || padding > 255 {
            return None;
        }
        self.layout.network = Some(at);
        self.layout.end = at + total;
        self.put(Field::Ipv4Src, be(packet, 12, 4)?);
        self.put(Field::Ipv4Dst, be(packet, 16, 4)?);
        self.traffic_class(packet[1]);
        self.put(Field::IpTtl, packet[8]);
        self.put(Field::IpProto, packet[9]);
        let fragment = u16_at(packet, 6)?;
        if fragment & 0x1fff != 0 {
            self.put(Field::IpFrag, FRAGMENT_ANY | FRAGMENT_LATER);
        } else if fragment & 0x2000 != 0 {
            self.put(Field::IpFrag, FRAGMENT_ANY);
        }
        self.transport(&packet[header..total], at + header)
    }

    fn ipv6(&mut self, packet: &[u8], at: usize) -> Option<()> {
        let total = 40 + usize::from(u16_at(packet, 4)?);
        let padding = packet.len().checked_sub(total)?;
        if padding > 255 {
            return None;
        }
        self.layout.network = Some(at);
        self.layout.end = at + total;
        self.put(Field::Ipv6Src, be(packet, 8, 16)?);
        self.put(Field::Ipv6Dst, be(packet, 24, 16)?);
        self.put(Field::Ipv6Label, be(packet, 0, 4)? & 0xf_ffff);
        let packet = &packet[..total];
        let (protocol, fragment, offset) = extension_headers(packet)?;
        self.traffic_class((u16_at(packet, 0)? >> 4) as u8);
        self.put(Field::IpTtl, packet[7]);
        self.put(Field::IpProto, protocol);
        self.put(Field::IpFrag, fragment);
        self.transport(&packet[offset..], at + offset)
    }

    fn traffic_class(&mut self, byte: u8) {
        self.put(Field::IpTos, byte & 0xfc);
        self.put(Field::IpDscp, byte >> 2);
        self.put(Field::IpEcn, byte & 3);
    }

    fn transport(&mut self, segment: &[u8], at: usize) -> Option<()> {
        let fragment = self.value(Field::IpFrag);
        let v4 = self.value(Field::EthType) == IPV4;
        let header = match self.value(Field::IpProto) {
            TCP => 20,
            SCTP => 12,
            UDP | ICMP | ICMPV6 => 8,
            _ => return None,
        };
        if fragment & FRAGMENT_LATER != 0 || segment.len() < header {
            return None;
        }
        self.layout.transport = Some(at);
        if fragment != 0 {
            return None;
        }
        let (first, second) = (be(segment, 0, 2)?, be(segment, 2, 2)?);
        let (ports, icmp) = match (self.value(Field::IpProto), v4) {
            (TCP, _) => (Some((Field::TcpSrc, Field::TcpDst)), None),
            (UDP, _) => (Some((Field::UdpSrc, Field::UdpDst)), None),
            (SCTP, _) => (Some((Field::SctpSrc, Field::SctpDst)), None),
            (ICMP, true) => (None, Some((Field::Icmpv4Type, Field::Icmpv4Code))),
            (ICMPV6, false) => (None, Some((Field::Icmpv6Type, Field::Icmpv6Code))),
            _ => return None,
        };
        if let Some((source, destination)) = ports {
            self.put(source, first);
            self.put(destination, second);
        }
        if header == 20 {
            self.put(Field::TcpFlags, be(segment, 12, 2)? & 0xfff);
        }
        if let Some((kind, code)) = icmp {
            self.put(kind, segment[0]);
            self.put(code, segment[1]);
        }
        let discovery =
            !v4 && segment[1] == 0 && [SOLICITATION, ADVERTISEMENT].contains(&segment[0]);
        if icmp.is_some() && discovery {
            self.neighbour_discovery(segment, at)?;
        }
        Some(())
    }

    /// Solicitations and advertisements (RFC 4861, 4.3 and 4.4).
    fn neighbour_discovery(&mut self, message: &[u8], at: usize) -> Option<()> {
        self.put(Field::NdReserved, be(message, 4, 4)?);
        let target = be(message, 8, 16)?;
        let (mut sll, mut tll, mut kind) = (0, 0, 0);
        let mut offset = 24;
        self.layout.nd_option = (message.len() >= offset + 8).then_some(at + offset);
        while let Some(option) = message.get(offset..).filter(|rest| rest.len() >= 8) {
            let length = usize::from(option[1]) * 8;
            if length == 0 || length > option.len() {
                break;
            }
            let address = match option[0] {
                SOURCE_LINK_LAYER if length == 8 => Some(&mut sll),
                TARGET_LINK_LAYER if length == 8 => Some(&mut tll),
                _ => None,
            };
            if let Some(address) = address {
                // One option twice makes the message invalid: nothing of it is shown.
                if *address != 0 {
                    return None;
                }
                *address = be(option, 2, 6)?;
                self.layout.nd_address.get_or_insert(at + offset);
                if kind == 0 {
                    kind = option[0];
                }
            }
            offset += length;
        }
        self.put(Field::NdTarget, target);
        self.put(Field::NdSll, sll);
        self.put(Field::NdTll, tll);
        self.put(Field::NdOptionsType, kind);
        Some(())
    }
}

/// The registers that a wider register consists of: the first, and how many.
pub(crate) fn registers(field: Field) -> Option<(Field, usize)> {
    let (first, width) = match field {
        Field::Xreg0 => (0, 2),
        Field::Xreg1 => (2, 2),
        Field::Xreg2 => (4, 2),
        Field::Xreg3 => (6, 2),
        Field::Xreg4 => (8, 2),
        Field::Xreg5 => (10, 2),
        Field::Xreg6 => (12, 2),
        Field::Xreg7 => (14, 2),
        Field::Xxreg0 => (0, 4),
        Field::Xxreg1 => (4, 4),
        Field::Xxreg2 => (8, 4),
        Field::Xxreg3 => (12, 4),
        _ => return None,
    };
    Field::register(first).map(|first| (first, width))
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

/// The protocol behind the extension headers of an IPv6 packet, its `ip_frag`, and where it begins.
fn extension_headers(packet: &[u8]) -> Option<(u8, u128, usize)> {
    let (mut protocol, mut fragment, mut at) = (*packet.get(6)?, 0, 40);
    while matches!(protocol, 0 | 43 | FRAGMENT | 51 | 60) {
        let header = packet.get(at..).filter(|rest| rest.len() >= 8)?;
        let length = match protocol {
            FRAGMENT => 8,
            51 => (usize::from(header[1]) + 2) * 4,
            _ => (usize::from(header[1]) + 1) * 8,
        };
        let is_fragment = protocol == FRAGMENT;
        protocol = header[0];
        at += length;
        if at > packet.len() {
            return None;
        }
        if is_fragment {
            let offset = u16_at(header, 2)?;
            if offset != 0 {
                fragment = FRAGMENT_ANY;
            }
            if offset & 0xfff8 != 0 {
                return Some((FRAGMENT, FRAGMENT_ANY | FRAGMENT_LATER, at));
            }
        }
    }
    Some((protocol, fragment, at))
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
