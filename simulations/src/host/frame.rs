//! Ethernet frames, ARP (RFC 826), RARP (RFC 903) and neighbour discovery (RFC 4861), taken apart and put together by
//! smoltcp's `wire`. It knows no state: `link` decides what to say.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use rust_openflow::MacAddr;
use smoltcp::phy::ChecksumCapabilities;
use smoltcp::wire::{
    ArpOperation, ArpPacket, ArpRepr, EthernetAddress, EthernetFrame, EthernetProtocol,
    Icmpv6Packet, Icmpv6Repr, Ipv6Packet, Ipv6Repr, NdiscNeighborFlags, NdiscRepr,
    RawHardwareAddress,
};

/// EtherTypes (IANA).
pub(super) mod ether_type {
    pub(in crate::host) const IPV4: u16 = 0x0800;
    pub(in crate::host) const ARP: u16 = 0x0806;
    pub(in crate::host) const RARP: u16 = 0x8035;
    pub(in crate::host) const IPV6: u16 = 0x86dd;
}

/// The group of all hosts (RFC 1112, 4).
pub(super) const ALL_SYSTEMS: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 1);
/// The groups of all nodes and of all routers (RFC 4291, 2.7.1).
pub(super) const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
pub(super) const ALL_ROUTERS: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 2);

/// The smallest frame that QEMU announces itself with, in bytes.
const MIN_FRAME: usize = 60;

/// An untagged Ethernet frame.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ethernet<'a> {
    pub(super) destination: MacAddr,
    pub(super) source: MacAddr,
    pub(super) ether_type: u16,
    pub(super) payload: &'a [u8],
}

impl<'a> Ethernet<'a> {
    pub(super) fn parse(frame: &'a [u8]) -> Option<Self> {
        let (destination, rest) = frame.split_first_chunk::<6>()?;
        let (source, rest) = rest.split_first_chunk::<6>()?;
        let (ether_type, payload) = rest.split_first_chunk::<2>()?;
        Some(Self {
            destination: MacAddr(*destination),
            source: MacAddr(*source),
            ether_type: u16::from_be_bytes(*ether_type),
            payload,
        })
    }

    pub(super) fn to_frame(self) -> Vec<u8> {
        let mut frame = vec![0; EthernetFrame::<&[u8]>::buffer_len(self.payload.len())];
        let mut out = EthernetFrame::new_unchecked(&mut frame);
        out.set_dst_addr(EthernetAddress(self.destination.0));
        out.set_src_addr(EthernetAddress(self.source.0));
        out.set_ethertype(EthernetProtocol::from(self.ether_type));
        out.payload_mut().copy_from_slice(self.payload);
        frame
    }
}

/// The Ethernet address of an IP multicast group (RFC 1112, 6.4; RFC 2464, 7).
pub(super) fn group_mac(group: IpAddr) -> MacAddr {
    match group {
        IpAddr::V4(group) => {
            let [_, b, c, d] = group.octets();
            MacAddr([0x01, 0x00, 0x5e, b & 0x7f, c, d])
        }
        IpAddr::V6(group) => {
            let [.., a, b, c, d] = group.octets();
            MacAddr([0x33, 0x33, a, b, c, d])
        }
    }
}

/// The group in which a neighbour with this address listens (RFC 4291, 2.7.1).
pub(super) fn solicited_node(address: Ipv6Addr) -> Ipv6Addr {
    let [.., a, b, c] = address.octets();
    Ipv6Addr::new(
        0xff02,
        0,
        0,
        0,
        0,
        1,
        0xff00 | u16::from(a),
        u16::from_be_bytes([b, c]),
    )
}

/// An ARP packet for IPv4 over Ethernet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Arp {
    pub(super) request: bool,
    pub(super) sender: (MacAddr, Ipv4Addr),
    pub(super) target: (MacAddr, Ipv4Addr),
}

impl Arp {
    /// `None` for what is neither request nor reply.
    pub(super) fn parse(payload: &[u8]) -> Option<Self> {
        let ArpRepr::EthernetIpv4 {
            operation,
            source_hardware_addr,
            source_protocol_addr,
            target_hardware_addr,
            target_protocol_addr,
        } = ArpRepr::parse(&ArpPacket::new_checked(payload).ok()?).ok()?
        else {
            return None;
        };
        let request = match operation {
            ArpOperation::Request => true,
            ArpOperation::Reply => false,
            ArpOperation::Unknown(_) => return None,
        };
        Some(Self {
            request,
            sender: (MacAddr(source_hardware_addr.0), source_protocol_addr),
            target: (MacAddr(target_hardware_addr.0), target_protocol_addr),
        })
    }

    /// The frame to `destination`.
    pub(super) fn to_frame(self, destination: MacAddr) -> Vec<u8> {
        let operation = if self.request {
            ArpOperation::Request
        } else {
            ArpOperation::Reply
        };
        Self::emit(self, operation, destination, ether_type::ARP)
    }

    /// What QEMU sends for a machine that arrived: "who am I?", asked by and of its own address.
    pub(super) fn reverse(mac: MacAddr) -> Vec<u8> {
        /// `request reverse` (RFC 903).
        const REQUEST_REVERSE: u16 = 3;
        let arp = Self {
            request: true,
            sender: (mac, Ipv4Addr::UNSPECIFIED),
            target: (mac, Ipv4Addr::UNSPECIFIED),
        };
        let operation = ArpOperation::Unknown(REQUEST_REVERSE);
        let mut frame = arp.emit(operation, MacAddr::BROADCAST, ether_type::RARP);
        frame.resize(MIN_FRAME, 0);
        frame
    }

    fn emit(self, operation: ArpOperation, destination: MacAddr, ether_type: u16) -> Vec<u8> {
        let repr = ArpRepr::EthernetIpv4 {
            operation,
            source_hardware_addr: EthernetAddress(self.sender.0.0),
            source_protocol_addr: self.sender.1,
            target_hardware_addr: EthernetAddress(self.target.0.0),
            target_protocol_addr: self.target.1,
        };
        let mut payload = vec![0; repr.buffer_len()];
        repr.emit(&mut ArpPacket::new_unchecked(&mut payload));
        let ethernet = Ethernet {
            destination,
            source: self.sender.0,
            ether_type,
            payload: &payload,
        };
        ethernet.to_frame()
    }
}

/// A message between neighbours, of those that a host takes or sends. Advertisements of routers are in `autoconf`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Neighbour {
    /// Who has this address?
    Solicit {
        target: Ipv6Addr,
        link: Option<MacAddr>,
    },
    /// I have.
    Advertise {
        target: Ipv6Addr,
        link: Option<MacAddr>,
        solicited: bool,
        overriding: bool,
    },
    /// Which routers are there?
    SolicitRouters { link: Option<MacAddr> },
}

impl Neighbour {
    /// From the payload of an IPv6 packet between these addresses, which must be ICMPv6.
    pub(super) fn parse(source: Ipv6Addr, destination: Ipv6Addr, payload: &[u8]) -> Option<Self> {
        let packet = Icmpv6Packet::new_checked(payload).ok()?;
        let checksums = ChecksumCapabilities::default();
        let link = |address: Option<RawHardwareAddress>| {
            address.and_then(|address| <[u8; 6]>::try_from(address.as_bytes()).ok().map(MacAddr))
        };
        match Icmpv6Repr::parse(&source, &destination, &packet, &checksums).ok()? {
            Icmpv6Repr::Ndisc(NdiscRepr::NeighborSolicit {
                target_addr,
                lladdr,
            }) => Some(Self::Solicit {
                target: target_addr,
                link: link(lladdr),
            }),
            Icmpv6Repr::Ndisc(NdiscRepr::NeighborAdvert {
                flags,
                target_addr,
                lladdr,
            }) => Some(Self::Advertise {
                target: target_addr,
                link: link(lladdr),
                solicited: flags.contains(NdiscNeighborFlags::SOLICITED),
                overriding: flags.contains(NdiscNeighborFlags::OVERRIDE),
            }),
            _ => None,
        }
    }

    /// The IPv6 packet.
    pub(super) fn to_packet(self, source: Ipv6Addr, destination: Ipv6Addr) -> Vec<u8> {
        let raw = |link: Option<MacAddr>| link.map(|mac| RawHardwareAddress::from_bytes(&mac.0));
        let message = match self {
            Self::Solicit { target, link } => NdiscRepr::NeighborSolicit {
                target_addr: target,
                lladdr: raw(link),
            },
            Self::Advertise {
                target,
                link,
                solicited,
                overriding,
            } => {
                let mut flags = NdiscNeighborFlags::empty();
                flags.set(NdiscNeighborFlags::SOLICITED, solicited);
                flags.set(NdiscNeighborFlags::OVERRIDE, overriding);
                NdiscRepr::NeighborAdvert {
                    flags,
                    target_addr: target,
                    lladdr: raw(link),
                }
            }
            Self::SolicitRouters { link } => NdiscRepr::RouterSolicit { lladdr: raw(link) },
        };
        icmpv6(source, destination, 255, &Icmpv6Repr::Ndisc(message))
    }
}

/// An IPv6 packet with this message.
pub(super) fn icmpv6(
    source: Ipv6Addr,
    destination: Ipv6Addr,
    hop_limit: u8,
    message: &Icmpv6Repr<'_>,
) -> Vec<u8> {
    let header = Ipv6Repr {
        src_addr: source,
        dst_addr: destination,
        next_header: smoltcp::wire::IpProtocol::Icmpv6,
        payload_len: message.buffer_len(),
        hop_limit,
    };
    let mut packet = vec![0; header.buffer_len() + header.payload_len];
    let mut out = Ipv6Packet::new_unchecked(&mut packet);
    header.emit(&mut out);
    message.emit(
        &source,
        &destination,
        &mut Icmpv6Packet::new_unchecked(out.payload_mut()),
        &ChecksumCapabilities::default(),
    );
    packet
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: MacAddr = MacAddr([2, 0, 0, 0, 0, 1]);

    #[test]
    fn arp_is_read_as_it_was_written() {
        let arp = Arp {
            request: true,
            sender: (A, Ipv4Addr::new(10, 0, 0, 1)),
            target: (MacAddr([0; 6]), Ipv4Addr::new(10, 0, 0, 2)),
        };
        let frame = arp.to_frame(MacAddr::BROADCAST);
        assert_eq!(frame.len(), 42);
        let ethernet = Ethernet::parse(&frame).unwrap();
        assert_eq!(ethernet.ether_type, ether_type::ARP);
        assert_eq!(Arp::parse(ethernet.payload), Some(arp));
    }

    /// RARP as in `announce_self_create` of QEMU's `net/announce.c`, padded to 60 bytes.
    #[test]
    fn an_arrival_is_announced_as_by_qemu() {
        let mut expected = vec![0xff; 6];
        expected.extend(A.0);
        expected.extend([0x80, 0x35, 0, 1, 8, 0, 6, 4, 0, 3]);
        expected.extend(A.0);
        expected.extend([0; 4]);
        expected.extend(A.0);
        expected.resize(60, 0);
        assert_eq!(Arp::reverse(A), expected);
    }

    #[test]
    fn neighbour_messages_are_read_as_they_were_written() {
        let source: Ipv6Addr = "fe80::1".parse().unwrap();
        let target: Ipv6Addr = "2001:db8::12:3456".parse().unwrap();
        let group = solicited_node(target);
        assert_eq!(group, "ff02::1:ff12:3456".parse::<Ipv6Addr>().unwrap());
        assert_eq!(
            group_mac(group.into()),
            MacAddr([0x33, 0x33, 0xff, 0x12, 0x34, 0x56])
        );
        let messages = [
            Neighbour::Solicit {
                target,
                link: Some(A),
            },
            Neighbour::Solicit { target, link: None },
            Neighbour::Advertise {
                target,
                link: Some(A),
                solicited: true,
                overriding: false,
            },
        ];
        for message in messages {
            let packet = message.to_packet(source, group);
            assert_eq!(
                Neighbour::parse(source, group, &packet[40..]),
                Some(message)
            );
        }
    }
}
