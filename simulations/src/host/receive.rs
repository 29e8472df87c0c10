//! What a host does with a frame that came: which part of it takes it. The frame is hostile.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use rust_openflow::MacAddr;
use smoltcp::phy::ChecksumCapabilities;
use smoltcp::wire::{Icmpv4Packet, Icmpv4Repr, Icmpv6Packet, Icmpv6Repr, IpProtocol, TcpPacket};

use super::Host;
use super::autoconf::Advertisement;
use super::dhcp::{CLIENT_PORT, SERVER_PORT};
use super::event::Observation;
use super::frame::{Arp, Ethernet, Neighbour, ether_type};
use super::packet::{Echo, Packet, Udp};
use super::wire::Probe;

/// The hop limit of messages between neighbours, which no router lets through (RFC 4861, 3.1).
const UNROUTED: u8 = 255;

/// Types of ICMP messages (RFC 792; RFC 4443; RFC 4861).
mod icmp {
    pub(super) const V4_ECHO: u8 = 8;
    pub(super) const V4_UNREACHABLE: u8 = 3;
    pub(super) const V4_TIME_EXCEEDED: u8 = 11;
    pub(super) const V6_ERRORS: std::ops::RangeInclusive<u8> = 1..=3;
    pub(super) const ROUTER_ADVERTISEMENT: u8 = 134;
    pub(super) const NEIGHBOUR: std::ops::RangeInclusive<u8> = 133..=137;
}

impl Host {
    pub(super) fn take_frame(&mut self, frame: &[u8], now: u64) {
        let Some(ethernet) = Ethernet::parse(frame) else {
            self.counters.malformed += 1;
            return;
        };
        let known = match ethernet.ether_type {
            ether_type::IPV4 => Packet::ipv4(ethernet.payload),
            ether_type::IPV6 => Packet::ipv6(ethernet.payload),
            _ => None,
        };
        if ethernet.destination != self.mac() && !ethernet.destination.is_multicast() {
            self.counters.overheard += 1;
            self.overhear(known.as_ref(), now);
            return;
        }
        match (ethernet.ether_type, known) {
            (ether_type::ARP, _) => match Arp::parse(ethernet.payload) {
                Some(arp) => {
                    let (link, mut moment) = self.moment(now);
                    link.arp(&arp, &mut moment);
                }
                None => self.counters.malformed += 1,
            },
            (_, Some(packet)) => self.take_packet(&packet, &ethernet, now),
            (ether_type::IPV4 | ether_type::IPV6, None) => self.counters.malformed += 1,
            _ => {}
        }
    }

    /// Tells of a probe that is on its way to another.
    fn overhear(&mut self, packet: Option<&Packet<'_>>, now: u64) {
        if let Some(udp) = packet.and_then(Packet::udp) {
            self.tell_probe(&udp, true, now);
        }
    }

    /// Tells of a probe, when that is one, whether a program waits for it or not.
    fn tell_probe(&mut self, udp: &Udp<'_>, overheard: bool, now: u64) {
        if let Some(probe) = Probe::decode(udp.payload) {
            let what = Observation::Probe {
                probe,
                from: udp.source,
                overheard,
            };
            self.events.push(now, what);
        }
    }

    fn take_packet(&mut self, packet: &Packet<'_>, ethernet: &Ethernet<'_>, now: u64) {
        if self.take_dhcp(packet, now) || self.take_neighbour(packet, ethernet.source, now) {
            return;
        }
        let to = packet.destination;
        if !self.link.takes(to) {
            if !to.is_multicast() {
                self.counters.misdirected += 1;
                self.overhear(Some(packet), now);
            }
            return;
        }
        let unicast = self.link.has(to);
        let taken = match packet.protocol {
            IpProtocol::Icmp => self.take_icmp4(packet, unicast, now),
            IpProtocol::Icmpv6 => self.take_icmp6(packet, now),
            // Nobody is told that a group or a broadcast has no listener (RFC 1122, 3.2.2; RFC 4443, 2.4).
            IpProtocol::Udp => self.take_udp(packet, now) || !unicast,
            IpProtocol::Tcp => {
                self.expect_connection(packet);
                !unicast
            }
            _ => !unicast && packet.protocol != IpProtocol::HopByHop,
        };
        if !taken {
            self.stack.receive(ethernet.payload, now);
        }
    }

    /// What a DHCP server sent comes before the host has an address.
    fn take_dhcp(&mut self, packet: &Packet<'_>, now: u64) -> bool {
        let Some(client) = &mut self.dhcp else {
            return false;
        };
        let Some(udp) = packet.udp() else {
            return false;
        };
        if (udp.source.port(), udp.destination.port()) != (SERVER_PORT, CLIENT_PORT) {
            return false;
        }
        if let Some(change) = client.receive(udp.payload, now, &mut self.random) {
            self.lease(change, now);
        }
        true
    }

    /// Messages between neighbours, which come to groups too.
    fn take_neighbour(&mut self, packet: &Packet<'_>, from: MacAddr, now: u64) -> bool {
        let (IpAddr::V6(source), IpAddr::V6(destination)) = (packet.source, packet.destination)
        else {
            return false;
        };
        let Some(kind) = packet
            .payload
            .first()
            .filter(|kind| packet.protocol == IpProtocol::Icmpv6 && icmp::NEIGHBOUR.contains(kind))
        else {
            return false;
        };
        if packet.hop_limit != UNROUTED {
            self.counters.malformed += 1;
        } else if *kind == icmp::ROUTER_ADVERTISEMENT {
            self.take_advertisement(source, destination, packet.payload, now);
        } else if let Some(message) = Neighbour::parse(source, destination, packet.payload) {
            let (link, mut moment) = self.moment(now);
            link.neighbour(message, source, from, &mut moment);
        }
        true
    }

    fn take_advertisement(
        &mut self,
        source: Ipv6Addr,
        destination: Ipv6Addr,
        message: &[u8],
        now: u64,
    ) {
        let Some(autoconf) = &mut self.autoconf else {
            return;
        };
        let Some(advertisement) = Advertisement::parse(source, destination, message) else {
            self.counters.malformed += 1;
            return;
        };
        let mut moment = super::Moment {
            now,
            random: &mut self.random,
            events: &mut self.events,
        };
        moment.event(Observation::Advertised { router: source });
        autoconf.advertised(&advertisement, source, &mut self.link, &mut moment);
        if advertisement.mtu.is_some() {
            self.mtu.1 = advertisement.mtu;
            self.set_mtu(now);
        }
    }

    fn take_udp(&mut self, packet: &Packet<'_>, now: u64) -> bool {
        let Some(udp) = packet.udp() else {
            self.counters.malformed += 1;
            return true;
        };
        self.tell_probe(&udp, false, now);
        let offer = |host: &mut Self, id, udp: &Udp<'_>| {
            host.with(id, now, |program, context| program.datagram(udp, context))
        };
        let ids = self.ids();
        ids.into_iter()
            .any(|id| offer(self, id, &udp).unwrap_or(false))
    }

    /// A server makes a socket when the first segment of a connection comes.
    fn expect_connection(&mut self, packet: &Packet<'_>) {
        let Ok(segment) = TcpPacket::new_checked(packet.payload) else {
            return;
        };
        if segment.syn() && !segment.ack() && !segment.rst() {
            for program in self.programs.values_mut() {
                program.connection(segment.dst_port(), &mut self.stack);
            }
        }
    }

    /// Echo replies and errors; a guest does not answer echo requests to a broadcast, as Linux does not.
    fn take_icmp4(&mut self, packet: &Packet<'_>, unicast: bool, now: u64) -> bool {
        let Ok(message) = Icmpv4Packet::new_checked(packet.payload) else {
            self.counters.malformed += 1;
            return true;
        };
        let kind = u8::from(message.msg_type());
        match Icmpv4Repr::parse(&message, &ChecksumCapabilities::default()) {
            Ok(Icmpv4Repr::EchoReply {
                ident,
                seq_no,
                data,
            }) => self.take_echo(ident, seq_no, data, now),
            Ok(_) if [icmp::V4_UNREACHABLE, icmp::V4_TIME_EXCEEDED].contains(&kind) => {
                let original = message
                    .data()
                    .get(16..20)
                    .and_then(|b| b.first_chunk::<4>());
                let to = original.map(|octets| IpAddr::V4(Ipv4Addr::from(*octets)));
                self.take_error(packet.source, (kind, message.msg_code()), to, now)
            }
            _ => kind == icmp::V4_ECHO && !unicast,
        }
    }

    fn take_icmp6(&mut self, packet: &Packet<'_>, now: u64) -> bool {
        let (IpAddr::V6(source), IpAddr::V6(destination)) = (packet.source, packet.destination)
        else {
            return true;
        };
        let Ok(message) = Icmpv6Packet::new_checked(packet.payload) else {
            self.counters.malformed += 1;
            return true;
        };
        if !message.verify_checksum(&source, &destination) {
            self.counters.malformed += 1;
            return true;
        }
        let kind = u8::from(message.msg_type());
        if icmp::V6_ERRORS.contains(&kind) {
            let original = packet
                .payload
                .get(32..48)
                .and_then(|b| b.first_chunk::<16>());
            let to = original.map(|octets| IpAddr::V6(Ipv6Addr::from(*octets)));
            return self.take_error(packet.source, (kind, message.msg_code()), to, now);
        }
        let checksums = ChecksumCapabilities::default();
        match Icmpv6Repr::parse(&source, &destination, &message, &checksums) {
            Ok(Icmpv6Repr::EchoReply {
                ident,
                seq_no,
                data,
            }) => self.take_echo(ident, seq_no, data, now),
            _ => false,
        }
    }

    fn take_echo(&mut self, ident: u16, sequence: u16, data: &[u8], now: u64) -> bool {
        let echo = Echo {
            ident,
            sequence,
            data,
        };
        for id in self.ids() {
            if self.with(id, now, |program, context| program.echo(&echo, context)) == Some(true) {
                break;
            }
        }
        true
    }

    fn take_error(
        &mut self,
        by: IpAddr,
        (kind, code): (u8, u8),
        to: Option<IpAddr>,
        now: u64,
    ) -> bool {
        if let Some(to) = to {
            let what = Observation::Unreachable { by, kind, code, to };
            self.events.push(now, what);
        }
        true
    }
}
