//! Ethernet frames with IPv4 and UDP inside, taken apart and put together (IEEE 802.3, RFC 791,
//! RFC 768). It knows no application protocol.
//!
//! Checksums are computed and not checked: a guest leaves them to the network card that its
//! frame never meets, so that frames arrive at the controller with partial checksums that are no
//! sign of damage.

use std::net::Ipv4Addr;

use etherparse::err::ipv4::SliceError;
use etherparse::{EtherType, Ethernet2Slice, IpNumber, Ipv4Slice, PacketBuilder, UdpSlice};
use rust_openflow::MacAddr;

use crate::Event;

/// The time to live of packets that start here.
const TTL: u8 = 64;

/// A UDP datagram in an IPv4 packet in an untagged Ethernet frame. What else their headers hold
/// is not kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Udp4<'a> {
    /// The Ethernet source.
    pub source_mac: MacAddr,
    /// The Ethernet destination.
    pub destination_mac: MacAddr,
    /// The IPv4 source.
    pub source: Ipv4Addr,
    /// The IPv4 destination.
    pub destination: Ipv4Addr,
    /// The UDP source port.
    pub source_port: u16,
    /// The UDP destination port.
    pub destination_port: u16,
    /// What the datagram carries.
    pub payload: &'a [u8],
}

impl<'a> Udp4<'a> {
    /// Takes a frame apart; bytes after the IPv4 packet are padding.
    ///
    /// # Errors
    /// The frame is truncated, or is not a whole UDP datagram in IPv4.
    pub fn parse(frame: &'a [u8]) -> Result<Self, Event> {
        let truncated = |layer| Event::FrameTruncated { layer };
        let ethernet = Ethernet2Slice::from_slice_without_fcs(frame)
            .map_err(|_| truncated("Ethernet frame"))?;
        if ethernet.ether_type() != EtherType::IPV4 {
            let EtherType(ether_type) = ethernet.ether_type();
            return Err(Event::FrameNotIpv4 { ether_type });
        }
        let ip = Ipv4Slice::from_slice(ethernet.payload_slice()).map_err(|error| match error {
            SliceError::Len(_) => truncated("IPv4 packet"),
            _ => Event::FrameBadIpv4 {},
        })?;
        if ip.is_payload_fragmented() {
            return Err(Event::FrameFragment {});
        }
        if ip.payload_ip_number() != IpNumber::UDP {
            let IpNumber(protocol) = ip.payload_ip_number();
            return Err(Event::FrameNotUdp { protocol });
        }
        let udp =
            UdpSlice::from_slice(ip.payload().payload).map_err(|_| truncated("UDP datagram"))?;
        Ok(Self {
            source_mac: MacAddr(ethernet.source()),
            destination_mac: MacAddr(ethernet.destination()),
            source: ip.header().source_addr(),
            destination: ip.header().destination_addr(),
            source_port: udp.source_port(),
            destination_port: udp.destination_port(),
            payload: udp.payload(),
        })
    }

    /// Puts the frame together, with its checksums, and not padded to Ethernet's minimum.
    ///
    /// # Errors
    /// The payload does not fit a datagram.
    pub fn to_frame(&self) -> Result<Vec<u8>, Event> {
        let builder = PacketBuilder::ethernet2(self.source_mac.0, self.destination_mac.0)
            .ipv4(self.source.octets(), self.destination.octets(), TTL)
            .udp(self.source_port, self.destination_port);
        let mut frame = Vec::with_capacity(builder.size(self.payload.len()));
        builder
            .write(&mut frame, self.payload)
            .map_err(|_| Event::FrameTooLong {
                length: self.payload.len(),
            })?;
        Ok(frame)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 192.0.2.1:1000 -> 192.0.2.2:2000, "ab", followed by two bytes of padding. Checksums
    /// computed by hand.
    const FRAME: [u8; 46] = [
        0x02, 0, 0, 0, 0, 0x02, 0x02, 0, 0, 0, 0, 0x01, 0x08, 0x00, // Ethernet
        0x45, 0x00, 0x00, 0x1e, 0x00, 0x00, 0x40, 0x00, 0x40,
        0x11, // IPv4: 30 bytes, DF, TTL 64
        0xb6, 0xcb, 192, 0, 2, 1, 192, 0, 2, 2, // its checksum, from, to
        0x03, 0xe8, 0x07, 0xd0, 0x00, 0x0a, 0x0e, 0xbc, // UDP: ports, 10 bytes, checksum
        b'a', b'b', 0, 0,
    ];

    fn datagram() -> Udp4<'static> {
        Udp4 {
            source_mac: MacAddr([2, 0, 0, 0, 0, 1]),
            destination_mac: MacAddr([2, 0, 0, 0, 0, 2]),
            source: Ipv4Addr::new(192, 0, 2, 1),
            destination: Ipv4Addr::new(192, 0, 2, 2),
            source_port: 1000,
            destination_port: 2000,
            payload: b"ab",
        }
    }

    #[test]
    fn a_frame_is_taken_apart_without_its_padding() {
        assert_eq!(Udp4::parse(&FRAME), Ok(datagram()));
    }

    #[test]
    fn a_frame_is_put_together_with_its_checksums() {
        assert_eq!(datagram().to_frame().unwrap(), FRAME[..44]);
    }

    #[test]
    fn what_is_not_a_whole_datagram_is_named() {
        let edited = |at: usize, byte: u8| {
            let mut frame = FRAME;
            frame[at] = byte;
            Udp4::parse(&frame).unwrap_err()
        };
        assert_eq!(edited(12, 0x86), Event::FrameNotIpv4 { ether_type: 0x8600 });
        assert_eq!(edited(14, 0x65), Event::FrameBadIpv4 {});
        assert_eq!(edited(20, 0x20), Event::FrameFragment {});
        assert_eq!(edited(23, 6), Event::FrameNotUdp { protocol: 6 });
        let layer = |length: usize| match Udp4::parse(&FRAME[..length]) {
            Err(Event::FrameTruncated { layer }) => layer,
            other => panic!("{other:?}"),
        };
        assert_eq!(layer(13), "Ethernet frame");
        assert_eq!(layer(43), "IPv4 packet");
        assert_eq!(
            edited(39, 0x0b),
            Event::FrameTruncated {
                layer: "UDP datagram"
            }
        );
    }

    #[test]
    fn a_payload_that_does_not_fit_is_refused() {
        let payload = vec![0; 65_508];
        let too_long = Udp4 {
            payload: &payload,
            ..datagram()
        };
        assert_eq!(
            too_long.to_frame(),
            Err(Event::FrameTooLong { length: 65_508 })
        );
    }
}
