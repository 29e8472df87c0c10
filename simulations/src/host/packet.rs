//! IPv4 and IPv6 packets with UDP or an ICMP echo inside, taken apart and put together by smoltcp's `wire`. It knows no
//! state; TCP is smoltcp's own business.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use smoltcp::phy::ChecksumCapabilities;
use smoltcp::wire::{
    Icmpv4Packet, Icmpv4Repr, Icmpv6Repr, IpAddress, IpProtocol, Ipv4Packet, Ipv4Repr, Ipv6Packet,
    UdpPacket, UdpRepr,
};

use super::frame::icmpv6;

/// The hop limit of what starts here.
const HOP_LIMIT: u8 = 64;

/// An IP packet, without its header.
#[derive(Debug, Clone, Copy)]
pub(super) struct Packet<'a> {
    pub(super) source: IpAddr,
    pub(super) destination: IpAddr,
    pub(super) hop_limit: u8,
    /// What follows the header: an IP protocol number. In IPv6 it may be that of an extension header.
    pub(super) protocol: IpProtocol,
    pub(super) payload: &'a [u8],
}

impl<'a> Packet<'a> {
    /// A whole IPv4 packet, not a fragment, with a right checksum.
    pub(super) fn ipv4(bytes: &'a [u8]) -> Option<Self> {
        let packet = Ipv4Packet::new_checked(bytes).ok()?;
        let fragment = packet.more_frags() || packet.frag_offset() != 0;
        (!fragment && packet.version() == 4 && packet.verify_checksum()).then(|| Self {
            source: packet.src_addr().into(),
            destination: packet.dst_addr().into(),
            hop_limit: packet.hop_limit(),
            protocol: packet.next_header(),
            payload: packet.payload(),
        })
    }

    /// A whole IPv6 packet.
    pub(super) fn ipv6(bytes: &'a [u8]) -> Option<Self> {
        let packet = Ipv6Packet::new_checked(bytes).ok()?;
        (packet.version() == 6).then(|| Self {
            source: packet.src_addr().into(),
            destination: packet.dst_addr().into(),
            hop_limit: packet.hop_limit(),
            protocol: packet.next_header(),
            payload: packet.payload(),
        })
    }

    /// Of whatever version.
    pub(super) fn parse(bytes: &'a [u8]) -> Option<Self> {
        match bytes.first()? >> 4 {
            4 => Self::ipv4(bytes),
            6 => Self::ipv6(bytes),
            _ => None,
        }
    }

    /// The UDP datagram inside, when there is one with a right checksum.
    pub(super) fn udp(&self) -> Option<Udp<'a>> {
        if self.protocol != IpProtocol::Udp {
            return None;
        }
        let packet = UdpPacket::new_checked(self.payload).ok()?;
        let (source, destination) = (self.source.into(), self.destination.into());
        let checksums = ChecksumCapabilities::default();
        UdpRepr::parse(&packet, &source, &destination, &checksums).ok()?;
        Some(Udp {
            source: SocketAddr::new(self.source, packet.src_port()),
            destination: SocketAddr::new(self.destination, packet.dst_port()),
            payload: packet.payload(),
        })
    }
}

/// A UDP datagram.
#[derive(Debug, Clone, Copy)]
pub(super) struct Udp<'a> {
    pub(super) source: SocketAddr,
    pub(super) destination: SocketAddr,
    pub(super) payload: &'a [u8],
}

impl Udp<'_> {
    /// The IP packet; `None` when the addresses are of different versions or the payload is too long.
    pub(super) fn to_packet(self) -> Option<Vec<u8>> {
        /// What any IP packet can hold, less the headers.
        const LONGEST: usize = 65_535 - 20 - 8;
        if self.payload.len() > LONGEST {
            return None;
        }
        let udp = UdpRepr {
            src_port: self.source.port(),
            dst_port: self.destination.port(),
        };
        let length = udp.header_len() + self.payload.len();
        ip(
            self.source.ip(),
            self.destination.ip(),
            IpProtocol::Udp,
            length,
            |source, destination, payload| {
                udp.emit(
                    &mut UdpPacket::new_unchecked(payload),
                    &source,
                    &destination,
                    self.payload.len(),
                    |payload| payload.copy_from_slice(self.payload),
                    &ChecksumCapabilities::default(),
                );
            },
        )
    }
}

/// An ICMP echo request, or the reply to one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Echo<'a> {
    pub(super) ident: u16,
    pub(super) sequence: u16,
    pub(super) data: &'a [u8],
}

impl Echo<'_> {
    /// The IP packet of the request; `None` when the addresses are of different versions.
    pub(super) fn request(self, source: IpAddr, destination: IpAddr) -> Option<Vec<u8>> {
        let Self {
            ident,
            sequence: seq_no,
            data,
        } = self;
        match (source, destination) {
            (IpAddr::V4(_), IpAddr::V4(_)) => {
                let message = Icmpv4Repr::EchoRequest {
                    ident,
                    seq_no,
                    data,
                };
                ip(
                    source,
                    destination,
                    IpProtocol::Icmp,
                    message.buffer_len(),
                    |_, _, payload| {
                        message.emit(
                            &mut Icmpv4Packet::new_unchecked(payload),
                            &ChecksumCapabilities::default(),
                        );
                    },
                )
            }
            (IpAddr::V6(source), IpAddr::V6(destination)) => {
                let message = Icmpv6Repr::EchoRequest {
                    ident,
                    seq_no,
                    data,
                };
                Some(icmpv6(source, destination, HOP_LIMIT, &message))
            }
            _ => None,
        }
    }
}

/// An IP packet whose payload of `length` bytes `emit` writes.
fn ip(
    source: IpAddr,
    destination: IpAddr,
    protocol: IpProtocol,
    length: usize,
    emit: impl FnOnce(IpAddress, IpAddress, &mut [u8]),
) -> Option<Vec<u8>> {
    let mut packet;
    match (source, destination) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => {
            let header = Ipv4Repr {
                src_addr: source,
                dst_addr: destination,
                next_header: protocol,
                payload_len: length,
                hop_limit: HOP_LIMIT,
            };
            packet = vec![0; header.buffer_len() + length];
            let mut out = Ipv4Packet::new_unchecked(&mut packet);
            header.emit(&mut out, &ChecksumCapabilities::default());
            emit(source.into(), destination.into(), out.payload_mut());
        }
        (IpAddr::V6(source), IpAddr::V6(destination)) => {
            let header = smoltcp::wire::Ipv6Repr {
                src_addr: source,
                dst_addr: destination,
                next_header: protocol,
                payload_len: length,
                hop_limit: HOP_LIMIT,
            };
            packet = vec![0; header.buffer_len() + length];
            let mut out = Ipv6Packet::new_unchecked(&mut packet);
            header.emit(&mut out);
            emit(source.into(), destination.into(), out.payload_mut());
        }
        _ => return None,
    }
    Some(packet)
}

/// What a host may use as its own address, or send to as a neighbour's.
pub(super) fn unicast(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(ip) => !(ip.is_unspecified() || ip.is_multicast() || ip.is_broadcast()),
        IpAddr::V6(ip) => !(ip.is_unspecified() || ip.is_multicast()),
    }
}

/// The address that follows from a prefix of 64 bits and an Ethernet address (RFC 4291, appendix A).
pub(super) fn interface_address(prefix: Ipv6Addr, mac: rust_openflow::MacAddr) -> Ipv6Addr {
    let [a, b, c, d, e, f] = mac.0;
    let interface = u64::from_be_bytes([a ^ 2, b, c, 0xff, 0xfe, d, e, f]);
    Ipv6Addr::from(prefix.to_bits() & !u128::from(u64::MAX) | u128::from(interface))
}
