//! The reference meaning: who receives a frame that a port sends.
//!
//! To be read next to the API's documentation; every rule is a function of the declared network.
//!
//! 1. A port carries traffic when it and its network are administratively up and an interface of a
//!    hypervisor carries it; while its machine moves, one on each of two ([`places`]).
//! 2. It may send what port security allows ([`may_send`]).
//! 3. DHCP requests go to Weft where Weft hands out addresses ([`is_dhcp_request`]).
//! 4. ARP and neighbour discovery are answered ([`answer`]).
//! 5. Multicast reaches every other port of the network, a known address its port, an unknown one
//!    the ports that may have such an address ([`receivers`]), as far as tunnels reach ([`reaches`]).
//! 6. A port in two places gets a copy in each, but in neither what comes from its own Ethernet address:
//!    that is its machine's own voice ([`own_voice`]).
//!
//! Frames that contradict themselves (a length that is not theirs, an option twice) are not judged.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use rust_openflow::MacAddr;
use weft_topology::{
    ChassisId, Element, Index, Model, Network, Port, PortId, Role, TunnelKind, link_local,
};

use crate::frame::{Content, Frame, Payload};

/// A frame that a port receives in one of its places.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Delivery {
    /// The port.
    pub port: PortId,
    /// The hypervisor.
    pub chassis: ChassisId,
    /// The frame.
    pub frame: Vec<u8>,
}

/// What Weft itself answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Service {
    /// DHCP for IPv4.
    Dhcp4,
}

/// What becomes of a frame.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Outcome {
    /// Who receives what, each once.
    pub deliveries: BTreeSet<Delivery>,
    /// Which service of Weft gets it, as sent.
    pub captured: Option<Service>,
}

/// A port with its network and a hypervisor that it is on.
struct Place<'a> {
    id: PortId,
    port: &'a Port,
    network: &'a Network,
    chassis: &'a ChassisId,
}

/// What becomes of a frame that a port sends on a hypervisor.
#[must_use]
pub fn meaning(model: &Model, from: PortId, on: &ChassisId, bytes: &[u8]) -> Outcome {
    let mut outcome = Outcome::default();
    let sender = places(model, from).find(|place| place.chassis == on);
    let (Some(sender), Some(frame)) = (sender, Frame::read(bytes)) else {
        return outcome;
    };
    if !may_send(sender.port, &frame) {
        return outcome;
    }
    if is_dhcp_request(model, sender.port, &frame) {
        outcome.captured = Some(Service::Dhcp4);
    } else if let Some(answer) = answer(model, &sender, &frame, bytes) {
        outcome.deliveries.insert(Delivery {
            port: from,
            chassis: on.clone(),
            frame: answer,
        });
    } else {
        let reached = receivers(model, &sender, frame.destination)
            .into_iter()
            .filter(|receiver| (receiver.id, receiver.chassis) != (from, on))
            .filter(|receiver| !own_voice(model, receiver, frame.source))
            .filter(|receiver| reaches(model, &sender, receiver));
        outcome.deliveries = reached
            .map(|receiver| Delivery {
                port: receiver.id,
                chassis: receiver.chassis.clone(),
                frame: bytes.to_vec(),
            })
            .collect();
    }
    outcome
}

/// Where a port carries traffic: nowhere unless port and network have `admin_state_up`.
fn places(model: &Model, id: PortId) -> impl Iterator<Item = Place<'_>> {
    let declared = model.port(id).and_then(|port| {
        let network = model.network(port.network)?;
        (port.admin_state_up && network.admin_state_up).then_some((port, network))
    });
    declared.into_iter().flat_map(move |(port, network)| {
        let locations = model.locations(id).iter();
        locations.map(move |location| Place {
            id,
            port,
            network,
            chassis: &location.interface.chassis,
        })
    })
}

/// Whether a frame from an Ethernet address is a moving machine's own, come back to it in its other place.
/// Who receives knows no more of a sender than that address.
fn own_voice(model: &Model, receiver: &Place<'_>, source: MacAddr) -> bool {
    source == receiver.port.mac && model.locations(receiver.id).len() > 1
}

/// All ports of a network, whatever their state.
fn ports(model: &Model, port: &Port) -> impl Iterator<Item = PortId> {
    model
        .elements(&Index::Ports(port.network))
        .filter_map(|element| match element {
            Element::Port(id) => Some(*id),
            _ => None,
        })
}

/// Port security: a port without it sends what it likes, but for VLAN tags, which no network
/// carries; the others send only from their own addresses, and are neither DHCP servers nor routers.
fn may_send(port: &Port, frame: &Frame) -> bool {
    if frame.tagged {
        return false;
    }
    if !port.port_security {
        return true;
    }
    let mac = frame.source;
    match &frame.content {
        Content::Arp {
            operation,
            sender_mac,
            sender_ip,
            ..
        } => {
            // A probe (RFC 5227, 2.1.1) asks without saying who asks.
            let probe = *operation == 1 && sender_ip.is_unspecified() && owns_mac(port, mac);
            *sender_mac == mac && (probe || owns(port, mac, (*sender_ip).into()))
        }
        Content::Ipv4 {
            source,
            destination,
            fragment,
            payload,
        } => {
            let broadcast = *destination == Ipv4Addr::BROADCAST;
            let server = match payload {
                Payload::Udp(Some((67, _))) => true,
                // What a fragment hides could be a DHCP server's answer.
                Payload::Udp(None) => *fragment && broadcast,
                _ => false,
            };
            let client = source.is_unspecified()
                && broadcast
                && *payload == Payload::Udp(Some((68, 67)))
                && owns_mac(port, mac);
            !server && (client || owns(port, mac, (*source).into()))
        }
        Content::Ipv6 {
            source,
            destination,
            hop_limit,
            fragment,
            payload,
            ..
        } => {
            // What a fragment hides could be neighbour discovery, which has that hop limit, or an
            // answer of a DHCPv6 server, which goes to an address of the link.
            let on_link =
                destination.is_unicast_link_local() || destination.segments()[0] == 0xff02;
            let hidden = *fragment && (*hop_limit == 255 || on_link);
            !hidden && *hop_limit != 0 && may_send_ipv6(port, mac, *source, payload)
        }
        Content::Other => false,
    }
}

fn may_send_ipv6(port: &Port, mac: MacAddr, source: Ipv6Addr, payload: &Payload) -> bool {
    let unspecified = source.is_unspecified() && owns_mac(port, mac);
    let own = owns(port, mac, source.into());
    match payload {
        // DHCPv6 servers, router advertisements, redirects.
        Payload::Udp(Some((547, _))) | Payload::Icmpv6(134 | 137) => false,
        // Nobody has that address; so reads one that is cut off.
        Payload::Solicitation(target, _) if target.is_unspecified() => false,
        // Duplicate address detection (RFC 4862, 5.4.2) names no link-layer address.
        Payload::Solicitation(_, told) => {
            own && told.is_none_or(|told| told == mac) || unspecified && told.is_none()
        }
        Payload::Advertisement(target, told) => {
            own && owns(port, mac, (*target).into()) && told.is_none_or(|told| told == mac)
        }
        // Router solicitations and reports of multicast listeners come before an address is there.
        Payload::Icmpv6(131 | 133 | 143) => own || unspecified,
        _ => own,
    }
}

/// Whether an address is one of a port's own: fixed, an allowed address pair, or the link-local
/// address that belongs to an Ethernet address of its own.
fn owns(port: &Port, mac: MacAddr, address: IpAddr) -> bool {
    let fixed = port.fixed_ips.iter().any(|fixed| fixed.ip == address);
    let paired = port
        .allowed_address_pairs
        .iter()
        .any(|pair| pair.mac == mac && contains(&pair.net, address));
    let local = address == IpAddr::V6(link_local(mac));
    fixed && mac == port.mac || paired || local && owns_mac(port, mac)
}

fn contains(net: &IpNet, address: IpAddr) -> bool {
    net.contains(&address)
}

fn owns_mac(port: &Port, mac: MacAddr) -> bool {
    let mut paired = port.allowed_address_pairs.iter();
    port.mac == mac || paired.any(|pair| pair.mac == mac)
}

/// A request of a DHCP client, on a network where Weft hands out IPv4 addresses.
fn is_dhcp_request(model: &Model, port: &Port, frame: &Frame) -> bool {
    let request = matches!(
        frame.content,
        Content::Ipv4 {
            payload: Payload::Udp(Some((68, 67))),
            ..
        }
    );
    let served = model
        .elements(&Index::Subnets(port.network))
        .filter_map(|element| match element {
            Element::Subnet(id) => model.subnet(*id),
            _ => None,
        })
        .any(|subnet| subnet.enable_dhcp && subnet.cidr.addr().is_ipv4());
    request && served && port.role == Role::Guest
}

/// The answer to a question for the Ethernet address of a port of the network, in the port's name.
/// None for a port's question about its own address, which looks for duplicates.
fn answer(model: &Model, sender: &Place<'_>, frame: &Frame, bytes: &[u8]) -> Option<Vec<u8>> {
    let asked: IpAddr = match &frame.content {
        Content::Arp {
            operation: 1,
            target_ip,
            ..
        } => (*target_ip).into(),
        Content::Ipv6 {
            source,
            payload: Payload::Solicitation(target, _),
            ..
        } if !source.is_unspecified() => (*target).into(),
        _ => return None,
    };
    let has = |port: &Port| port.fixed_ips.iter().any(|fixed| fixed.ip == asked);
    if has(sender.port) {
        return None;
    }
    let owner = ports(model, sender.port)
        .filter(|id| answers(model, *id))
        .filter_map(|id| model.port(id))
        .find(|port| has(port))?;
    match (&frame.content, asked) {
        (Content::Arp { .. }, IpAddr::V4(asked)) => Some(arp_reply(bytes, owner.mac, asked)),
        (Content::Ipv6 { at, .. }, IpAddr::V6(asked)) => {
            Some(advertisement(bytes, *at, owner.mac, asked))
        }
        _ => None,
    }
}

/// Whether the network answers in a port's name: it carries traffic, or Weft itself stands behind it.
fn answers(model: &Model, id: PortId) -> bool {
    let service = model
        .port(id)
        .is_some_and(|port| port.role == Role::Services && port.admin_state_up);
    service || places(model, id).next().is_some()
}

/// The request turned round (RFC 826).
fn arp_reply(request: &[u8], mac: MacAddr, ip: Ipv4Addr) -> Vec<u8> {
    let mut reply = request.to_vec();
    reply[0..6].copy_from_slice(&request[6..12]);
    reply[6..12].copy_from_slice(&mac.0);
    reply[20..22].copy_from_slice(&[0, 2]);
    reply[22..28].copy_from_slice(&mac.0);
    reply[28..32].copy_from_slice(&ip.octets());
    // The sender becomes the target.
    reply[32..42].copy_from_slice(&request[22..32]);
    reply
}

/// The solicited advertisement (RFC 4861, 7.2.4): to the sender, from the target, with its
/// link-layer address where the sender's was. Where there was none, none is needed: the sender has
/// it, for it asks just that neighbour (4.4: "MAY be omitted").
fn advertisement(solicitation: &[u8], at: usize, mac: MacAddr, ip: Ipv6Addr) -> Vec<u8> {
    let mut reply = solicitation.to_vec();
    reply[0..6].copy_from_slice(&solicitation[6..12]);
    reply[6..12].copy_from_slice(&mac.0);
    reply[21] = 255;
    reply[22..38].copy_from_slice(&ip.octets());
    reply[38..54].copy_from_slice(&solicitation[22..38]);
    reply[at] = 136;
    // Solicited, override.
    reply[at + 4..at + 8].copy_from_slice(&[0x60, 0, 0, 0]);
    if let Some(option) = reply.get_mut(at + 24..at + 32) {
        option[0] = 2;
        option[2..8].copy_from_slice(&mac.0);
    }
    reply[at + 2..at + 4].fill(0);
    let sum = icmpv6_checksum(&reply[22..54], &reply[at..]);
    reply[at + 2..at + 4].copy_from_slice(&sum.to_be_bytes());
    reply
}

/// RFC 4443, 2.3: over addresses, length, next header and the message.
fn icmpv6_checksum(addresses: &[u8], message: &[u8]) -> u16 {
    let words = |bytes: &[u8]| -> u64 {
        bytes
            .chunks(2)
            .map(|word| u64::from(word[0]) << 8 | u64::from(word.get(1).copied().unwrap_or(0)))
            .sum()
    };
    let mut sum = words(addresses) + words(message) + message.len() as u64 + 58;
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

/// Whom a destination address means.
fn receivers<'a>(model: &'a Model, sender: &Place<'_>, to: MacAddr) -> Vec<Place<'a>> {
    let all = || ports(model, sender.port).filter_map(|id| model.port(id).map(|port| (id, port)));
    let meant: Vec<PortId> = if to.is_multicast() {
        all().map(|(id, _)| id).collect()
    } else if let Some((id, _)) = all().find(|(_, port)| port.mac == to) {
        vec![id]
    } else {
        all()
            .filter(|(_, port)| may_have_others_addresses(port))
            .map(|(id, _)| id)
            .collect()
    };
    meant.into_iter().flat_map(|id| places(model, id)).collect()
}

/// Whether frames of a network get from one hypervisor to another: both must have an address for
/// its encapsulation, of the same family.
fn reaches(model: &Model, from: &Place<'_>, to: &Place<'_>) -> bool {
    if from.chassis == to.chassis {
        return true;
    }
    let kind: TunnelKind = from.network.segment.kind;
    let (Some(here), Some(there)) = (model.chassis(from.chassis), model.chassis(to.chassis)) else {
        return false;
    };
    let own = |ip: IpAddr| {
        here.encaps
            .iter()
            .any(|encap| encap.kind == kind && encap.ip.is_ipv4() == ip.is_ipv4())
    };
    there.encap(kind).is_some_and(own)
}

/// Whether a port may have an Ethernet address that is not the one the API gave it: without port
/// security any, else those that its allowed address pairs name.
fn may_have_others_addresses(port: &Port) -> bool {
    let pairs = &port.allowed_address_pairs;
    !port.port_security || pairs.iter().any(|pair| pair.mac != port.mac)
}
