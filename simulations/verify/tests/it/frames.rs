//! Random frames: what hosts send, and what they should not.

use std::net::{Ipv4Addr, Ipv6Addr};

use proptest::prelude::*;
use rust_openflow::MacAddr;
use weft_topology::link_local;

use super::universe::{SERVICES, SLOTS, VRRP, ipv4, ipv6, mac};

/// Somebody with an address of each kind.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Who {
    /// The sender.
    Own,
    /// A slot's port, in whichever network.
    Slot(u8),
    /// Weft's DHCP.
    Services,
    /// The address that is shared by address pairs.
    Shared,
    /// Nobody that the model knows.
    Unknown,
}

impl Who {
    fn mac(self, own: u8) -> MacAddr {
        match self {
            Self::Own => mac(own),
            Self::Slot(slot) => mac(slot),
            Self::Services => SERVICES,
            Self::Shared => VRRP,
            Self::Unknown => MacAddr([0x02, 0, 0, 0, 0, 0x99]),
        }
    }

    fn ipv4(self, own: u8) -> Ipv4Addr {
        match self {
            Self::Own => ipv4(own),
            Self::Slot(slot) => ipv4(slot),
            Self::Services => Ipv4Addr::new(10, 0, 0, 2),
            Self::Shared => Ipv4Addr::new(10, 0, 0, 100),
            Self::Unknown => Ipv4Addr::new(192, 0, 2, 1),
        }
    }

    fn ipv6(self, own: u8) -> Ipv6Addr {
        match self {
            Self::Own => ipv6(own),
            Self::Slot(slot) => ipv6(slot),
            Self::Services => Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 2),
            Self::Shared => Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 0x100),
            Self::Unknown => Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1),
        }
    }
}

/// Mostly the sender.
fn own() -> BoxedStrategy<Who> {
    prop_oneof![12 => Just(Who::Own), 1 => other()].boxed()
}

fn other() -> BoxedStrategy<Who> {
    prop_oneof![
        6 => (0..SLOTS).prop_map(Who::Slot),
        1 => Just(Who::Own),
        1 => Just(Who::Services),
        1 => Just(Who::Shared),
        1 => Just(Who::Unknown),
    ]
    .boxed()
}

/// A destination on the link.
#[derive(Debug, Clone, Copy)]
enum To {
    One(Who),
    /// The same by its link-local address, where it has one.
    OnLink(Who),
    Broadcast,
    Multicast,
}

fn to() -> BoxedStrategy<To> {
    prop_oneof![3 => other().prop_map(To::One), 1 => other().prop_map(To::OnLink), 1 => Just(To::Broadcast), 1 => Just(To::Multicast)]
    .boxed()
}

impl To {
    fn mac(self, own: u8) -> MacAddr {
        match self {
            Self::One(who) | Self::OnLink(who) => who.mac(own),
            Self::Broadcast => MacAddr::BROADCAST,
            Self::Multicast => MacAddr([0x33, 0x33, 0, 0, 0, 1]),
        }
    }

    fn ipv4(self, own: u8) -> Ipv4Addr {
        match self {
            Self::One(who) | Self::OnLink(who) => who.ipv4(own),
            Self::Broadcast => Ipv4Addr::BROADCAST,
            Self::Multicast => Ipv4Addr::new(224, 0, 0, 251),
        }
    }

    fn ipv6(self, own: u8) -> Ipv6Addr {
        match self {
            Self::One(who) => who.ipv6(own),
            Self::OnLink(who) => link_local(who.mac(own)),
            _ => Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1),
        }
    }
}

/// A source address of IPv6.
#[derive(Debug, Clone, Copy)]
enum Source6 {
    Global(Who),
    LinkLocal(Who),
    Unspecified,
}

impl Source6 {
    fn address(self, own: u8) -> Ipv6Addr {
        match self {
            Self::Global(who) => who.ipv6(own),
            Self::LinkLocal(who) => link_local(who.mac(own)),
            Self::Unspecified => Ipv6Addr::UNSPECIFIED,
        }
    }
}

fn source6() -> BoxedStrategy<Source6> {
    prop_oneof![
        4 => own().prop_map(Source6::Global),
        4 => own().prop_map(Source6::LinkLocal),
        2 => Just(Source6::Unspecified),
    ]
    .boxed()
}

/// How a packet is a part of a larger one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Whole,
    First,
    Later,
}

fn part() -> BoxedStrategy<Part> {
    prop_oneof![6 => Just(Part::Whole), 1 => Just(Part::First), 1 => Just(Part::Later)].boxed()
}

/// A frame that fits whichever port sends it.
#[derive(Debug, Clone)]
pub(crate) struct Recipe {
    source: Who,
    to: To,
    tagged: bool,
    what: What,
}

#[derive(Debug, Clone)]
enum What {
    Arp {
        operation: u16,
        sender_mac: Who,
        sender_ip: Option<Who>,
        target: Who,
    },
    Ipv4 {
        source: Option<Who>,
        part: Part,
        upper: Upper,
    },
    Ipv6 {
        source: Source6,
        part: Part,
        hop_by_hop: bool,
        hop_limit: u8,
        upper: Upper,
    },
    Other(u16),
}

#[derive(Debug, Clone)]
enum Upper {
    Udp(u16, u16),
    Tcp,
    Echo,
    /// Neighbour discovery: type, target, link-layer address.
    Discovery(u8, Target, Option<Who>),
    /// ICMPv6 of a type without further meaning here.
    Icmpv6(u8),
}

#[derive(Debug, Clone, Copy)]
enum Target {
    Global(Who),
    LinkLocal(Who),
    /// No address at all.
    Unspecified,
}

fn arp() -> BoxedStrategy<What> {
    (
        prop_oneof![4 => Just(1_u16), 2 => Just(2), 1 => Just(3)],
        own(),
        prop_oneof![5 => own().prop_map(Some), 1 => Just(None)],
        other(),
    )
        .prop_map(|(operation, sender_mac, sender_ip, target)| What::Arp {
            operation,
            sender_mac,
            sender_ip,
            target,
        })
        .boxed()
}

fn udp() -> BoxedStrategy<Upper> {
    let ports = prop::sample::select(vec![
        (68, 67),
        (68, 67),
        (67, 68),
        (546, 547),
        (547, 546),
        (1000, 2000),
        (1000, 67),
        (68, 1000),
    ]);
    ports
        .prop_map(|(source, destination)| Upper::Udp(source, destination))
        .boxed()
}

fn ipv4_packet() -> BoxedStrategy<What> {
    let upper = prop_oneof![3 => udp(), 1 => Just(Upper::Tcp), 1 => Just(Upper::Echo)];
    let source = prop_oneof![4 => own().prop_map(Some), 1 => Just(None)];
    (source, part(), upper)
        .prop_map(|(source, part, upper)| What::Ipv4 {
            source,
            part,
            upper,
        })
        .boxed()
}

fn discovery() -> BoxedStrategy<Upper> {
    let target = prop_oneof![
        4 => other().prop_map(Target::Global),
        2 => own().prop_map(Target::Global),
        2 => own().prop_map(Target::LinkLocal),
        1 => other().prop_map(Target::LinkLocal),
        1 => Just(Target::Unspecified),
    ];
    let told = prop_oneof![3 => own().prop_map(Some), 1 => Just(None)];
    (135..=136_u8, target, told)
        .prop_map(|(kind, target, told)| Upper::Discovery(kind, target, told))
        .boxed()
}

fn ipv6_packet() -> BoxedStrategy<What> {
    let upper = prop_oneof![
        2 => udp(),
        1 => Just(Upper::Tcp),
        5 => discovery(),
        3 => prop::sample::select(vec![128, 133, 134, 137, 143]).prop_map(Upper::Icmpv6),
    ];
    let hop_limit = prop_oneof![6 => Just(255_u8), 6 => Just(64), 1 => Just(0)];
    let hop_by_hop = prop::bool::weighted(0.15);
    (source6(), part(), hop_by_hop, hop_limit, upper)
        .prop_map(|(source, part, hop_by_hop, hop_limit, upper)| What::Ipv6 {
            source,
            part,
            hop_by_hop,
            hop_limit,
            upper,
        })
        .boxed()
}

/// What a host sends before it has an address: it asks for one, or whether another has his.
fn homeless() -> BoxedStrategy<(To, What)> {
    let asks_dhcp = udp().prop_map(|upper| {
        let what = What::Ipv4 {
            source: None,
            part: Part::Whole,
            upper,
        };
        (To::Broadcast, what)
    });
    let target = prop_oneof![own(), other()].prop_map(Target::Global);
    let told = prop_oneof![4 => Just(None), 1 => own().prop_map(Some)];
    let asks_neighbours = (target, told).prop_map(|(target, told)| {
        let what = What::Ipv6 {
            source: Source6::Unspecified,
            part: Part::Whole,
            hop_by_hop: false,
            hop_limit: 255,
            upper: Upper::Discovery(135, target, told),
        };
        (To::Multicast, what)
    });
    prop_oneof![asks_dhcp, asks_neighbours].boxed()
}

/// What a host says of its own addresses in neighbour discovery, and what others might say of them.
fn announcement() -> BoxedStrategy<(To, What)> {
    let target = prop_oneof![
        own().prop_map(Target::Global),
        own().prop_map(Target::LinkLocal),
        other().prop_map(Target::Global),
    ];
    let source = prop_oneof![
        own().prop_map(Source6::Global),
        own().prop_map(Source6::LinkLocal)
    ];
    let told = prop_oneof![2 => own().prop_map(Some), 1 => other().prop_map(Some), 1 => Just(None)];
    (to(), source, target, told)
        .prop_map(|(to, source, target, told)| {
            let what = What::Ipv6 {
                source,
                part: Part::Whole,
                hop_by_hop: false,
                hop_limit: 255,
                upper: Upper::Discovery(136, target, told),
            };
            (to, what)
        })
        .boxed()
}

/// A frame.
pub(crate) fn recipe() -> BoxedStrategy<Recipe> {
    let what = prop_oneof![
        4 => arp(),
        5 => ipv4_packet(),
        7 => ipv6_packet(),
        1 => prop::sample::select(vec![0x88b5, 0x0026, 0x8035]).prop_map(What::Other),
    ];
    let what = prop_oneof![
        8 => (to(), what),
        1 => homeless(),
        1 => announcement(),
    ];
    (own(), prop::bool::weighted(0.04), what)
        .prop_map(|(source, tagged, (to, what))| Recipe {
            source,
            to,
            tagged,
            what,
        })
        .boxed()
}

impl Recipe {
    /// The frame, when the port of a slot sends it.
    pub(crate) fn frame(&self, own: u8) -> Vec<u8> {
        let mut frame = Vec::new();
        frame.extend(self.to.mac(own).0);
        frame.extend(self.source.mac(own).0);
        if self.tagged {
            frame.extend([0x81, 0, 0x20, 5]);
        }
        match &self.what {
            What::Arp {
                operation,
                sender_mac,
                sender_ip,
                target,
            } => {
                frame.extend([0x08, 0x06, 0, 1, 8, 0, 6, 4]);
                frame.extend(operation.to_be_bytes());
                frame.extend(sender_mac.mac(own).0);
                let sender = sender_ip.map_or(Ipv4Addr::UNSPECIFIED, |who| who.ipv4(own));
                frame.extend(sender.octets());
                frame.extend([0; 6]);
                frame.extend(target.ipv4(own).octets());
            }
            What::Ipv4 {
                source,
                part,
                upper,
            } => {
                frame.extend([0x08, 0x00]);
                let source = source.map_or(Ipv4Addr::UNSPECIFIED, |who| who.ipv4(own));
                frame.extend(in_ipv4(source, self.to.ipv4(own), *part, upper));
            }
            What::Ipv6 {
                source,
                part,
                hop_by_hop,
                hop_limit,
                upper,
            } => {
                frame.extend([0x86, 0xdd]);
                let (source, to) = (source.address(own), self.to.ipv6(own));
                let mut packet = in_ipv6(own, source, to, *part, *hop_by_hop, upper);
                packet[7] = *hop_limit;
                frame.extend(packet);
            }
            What::Other(kind) => {
                frame.extend(kind.to_be_bytes());
                frame.extend([0xaa; 46]);
            }
        }
        frame
    }
}

fn in_ipv4(source: Ipv4Addr, to: Ipv4Addr, part: Part, upper: &Upper) -> Vec<u8> {
    let (protocol, mut payload) = match upper {
        Upper::Udp(source, to) => (17, udp_datagram(*source, *to)),
        Upper::Tcp => (6, tcp_segment()),
        _ => (1, vec![8, 0, 0, 0, 0, 1, 0, 1]),
    };
    let pseudo = [&source.octets()[..], &to.octets(), &[0, protocol]].concat();
    seal(protocol, &pseudo, &mut payload);
    let fragment: u16 = match part {
        Part::Whole => 0x4000,
        Part::First => 0x2000,
        Part::Later => 0x0010,
    };
    let mut packet = vec![0x45, 0];
    packet.extend(((20 + payload.len()) as u16).to_be_bytes());
    packet.extend([0, 1]);
    packet.extend(fragment.to_be_bytes());
    packet.extend([64, protocol, 0, 0]);
    packet.extend(source.octets());
    packet.extend(to.octets());
    let sum = checksum(&packet);
    packet[10..12].copy_from_slice(&sum.to_be_bytes());
    packet.extend(payload);
    packet
}

fn in_ipv6(
    own: u8,
    source: Ipv6Addr,
    to: Ipv6Addr,
    part: Part,
    hop_by_hop: bool,
    upper: &Upper,
) -> Vec<u8> {
    let (protocol, mut payload) = match upper {
        Upper::Udp(source, to) => (17, udp_datagram(*source, *to)),
        Upper::Tcp => (6, tcp_segment()),
        Upper::Echo => (58, vec![128, 0, 0, 0, 0, 1, 0, 1]),
        Upper::Icmpv6(kind) => (58, [&[*kind, 0, 0, 0][..], &[0; 20]].concat()),
        Upper::Discovery(kind, target, told) => {
            let target = match target {
                Target::Global(who) => who.ipv6(own),
                Target::LinkLocal(who) => link_local(who.mac(own)),
                Target::Unspecified => Ipv6Addr::UNSPECIFIED,
            };
            let mut message = vec![*kind, 0, 0, 0, 0, 0, 0, 0];
            message.extend(target.octets());
            if let Some(told) = told {
                message.extend([kind - 134, 1]);
                message.extend(told.mac(own).0);
            }
            (58, message)
        }
    };
    let pseudo = [&source.octets()[..], &to.octets(), &[0, protocol]].concat();
    seal(protocol, &pseudo, &mut payload);
    let mut next = protocol;
    if part != Part::Whole {
        let offset: u16 = if part == Part::First { 1 } else { 0x0010 };
        let mut header = vec![next, 0];
        header.extend(offset.to_be_bytes());
        header.extend([0, 0, 0, 9]);
        payload.splice(0..0, header);
        next = 44;
    }
    if hop_by_hop {
        // A router alert, as reports of multicast listeners carry it.
        payload.splice(0..0, [next, 0, 5, 2, 0, 0, 1, 0]);
        next = 0;
    }
    let mut packet = vec![0x60, 0, 0, 0];
    packet.extend((payload.len() as u16).to_be_bytes());
    packet.extend([next, 255]);
    packet.extend(source.octets());
    packet.extend(to.octets());
    packet.extend(payload);
    packet
}

fn udp_datagram(source: u16, to: u16) -> Vec<u8> {
    let mut datagram = Vec::new();
    datagram.extend(source.to_be_bytes());
    datagram.extend(to.to_be_bytes());
    datagram.extend([0, 12, 0, 0, 1, 2, 3, 4]);
    datagram
}

fn tcp_segment() -> Vec<u8> {
    let mut segment = vec![0x03, 0xe8, 0, 80, 0, 0, 0, 1, 0, 0, 0, 0];
    segment.extend([0x50, 0x02, 0xff, 0xff, 0, 0, 0, 0]);
    segment
}

/// Puts the transport's checksum in.
fn seal(protocol: u8, pseudo: &[u8], segment: &mut [u8]) {
    let at = match protocol {
        6 => 16,
        17 => 6,
        _ => 2,
    };
    let pseudo = if protocol == 1 { &[][..] } else { pseudo };
    let length = if protocol == 1 {
        0
    } else {
        segment.len() as u16
    };
    let whole = [pseudo, &length.to_be_bytes(), segment].concat();
    let sum = checksum(&whole);
    segment[at..at + 2].copy_from_slice(&sum.to_be_bytes());
}

fn checksum(bytes: &[u8]) -> u16 {
    let sum: u32 = bytes
        .chunks(2)
        .map(|word| u32::from(word[0]) << 8 | u32::from(word.get(1).copied().unwrap_or(0)))
        .sum();
    let folded = (sum & 0xffff) + (sum >> 16);
    !((folded & 0xffff) + (folded >> 16)) as u16
}
