//! The packet that a question is about: told as a match of `ovs-ofctl`, filled up from what is known of the ports.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use rust_openflow::field::Field;
use rust_openflow::matches::Entry;
use rust_openflow::text::{Names, parse_match, print_match};
use rust_openflow::{MacAddr, Match, PortNo};
use serde::{Deserialize, Serialize};
use weft_member::Member;
use weft_switch::{Packet, Tunnel, compose};
use weft_topology::{ChassisId, PortId, link_local};

use super::TraceError;

/// What is asked: what becomes of a packet that a port sends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    /// The port that sends it.
    pub from: PortId,
    /// The port for which it is, if that is one.
    #[serde(default)]
    pub to: Option<PortId>,
    /// What is in it, as a match of `ovs-ofctl`: `tcp,tp_dst=80`. What is not said follows from the ports: addresses of
    /// both, an echo request unless there is a protocol.
    #[serde(default)]
    pub packet: String,
}

/// What is known of a port.
#[derive(Debug, Clone)]
pub(crate) struct PortFacts {
    pub(crate) id: PortId,
    pub(crate) mac: MacAddr,
    pub(crate) addresses: Vec<Address>,
    /// Where it is, the latest place first: hypervisor, interface's number and name.
    pub(crate) places: Vec<(ChassisId, PortNo, String)>,
}

/// An address of a port, with what its subnet says.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Address {
    pub(crate) ip: IpAddr,
    pub(crate) subnet: ipnet::IpNet,
    pub(crate) gateway: Option<IpAddr>,
}

impl PortFacts {
    pub(crate) fn of(member: &Member, id: PortId) -> Result<Self, TraceError> {
        let model = member.compiler().model();
        let port = model
            .port(id)
            .ok_or_else(|| TraceError::NoPort(id.to_string()))?;
        let addresses = port.fixed_ips.iter().filter_map(|fixed| {
            let subnet = model.subnet(fixed.subnet)?;
            Some(Address {
                ip: fixed.ip,
                subnet: subnet.cidr,
                gateway: subnet.gateway,
            })
        });
        let places = model.locations(id).iter().map(|location| {
            let interface = &location.interface;
            (
                interface.chassis.clone(),
                location.ofport,
                interface.name.to_string(),
            )
        });
        Ok(Self {
            id,
            mac: port.mac,
            addresses: addresses.collect(),
            places: places.collect(),
        })
    }

    /// Where it sends from.
    pub(crate) fn place(&self) -> Result<&(ChassisId, PortNo, String), TraceError> {
        let nowhere = || TraceError::Nowhere(self.id.to_string());
        self.places.first().ok_or_else(nowhere)
    }

    /// Its first address of a family.
    pub(crate) fn address(&self, v6: bool) -> Option<&Address> {
        self.addresses
            .iter()
            .find(|address| address.ip.is_ipv6() == v6)
    }
}

/// The packet as far as it is told, and who talks to whom.
#[derive(Debug, Clone)]
pub(crate) struct Draft {
    pub(crate) matches: Match,
    pub(crate) from: PortFacts,
    pub(crate) to: Option<PortFacts>,
}

impl Draft {
    pub(crate) fn of(member: &Member, question: &Question) -> Result<Self, TraceError> {
        let wrong = |error: rust_openflow::text::TextError| TraceError::Packet(error.to_string());
        let matches = parse_match(&question.packet, &Names::default()).map_err(wrong)?;
        matches
            .check()
            .map_err(|error| TraceError::Packet(error.to_string()))?;
        let to = question
            .to
            .map(|to| PortFacts::of(member, to))
            .transpose()?;
        Ok(Self {
            matches,
            from: PortFacts::of(member, question.from)?,
            to,
        })
    }

    pub(crate) fn told(&self, field: Field) -> Option<u128> {
        self.matches.get(field).map(|value| value.value)
    }

    fn fill(&mut self, field: Field, value: impl rust_openflow::matches::Value) {
        if self.told(field).is_none() {
            self.matches
                .push(rust_openflow::FieldValue::exact(field, value));
        }
    }

    /// Whether it is IPv6; none when it is not IP.
    fn family(&self) -> Option<bool> {
        match self.told(Field::EthType) {
            Some(0x0800) => Some(false),
            Some(0x86dd) => Some(true),
            Some(_) => None,
            None => self.to.as_ref().and_then(|to| {
                let both =
                    |v6: &bool| self.from.address(*v6).is_some() && to.address(*v6).is_some();
                [false, true].into_iter().find(both)
            }),
        }
    }

    /// Fills up what follows from the ports, but for the destination's Ethernet address.
    ///
    /// # Errors
    /// When that is not enough to make a packet.
    pub(crate) fn complete(&mut self) -> Result<(), TraceError> {
        self.fill(Field::EthSrc, self.from.mac);
        match (self.told(Field::EthType), self.family()) {
            (Some(0x0806), _) => self.complete_arp(),
            (_, Some(v6)) => self.complete_ip(v6),
            (Some(_), None) => {}
            (None, None) => {
                let unsaid =
                    "say which: a port that it is for, or fields such as icmp,nw_dst=10.0.0.7";
                return Err(TraceError::Packet(unsaid.to_owned()));
            }
        }
        Ok(())
    }

    fn complete_arp(&mut self) {
        self.fill(Field::EthDst, MacAddr::BROADCAST);
        self.fill(Field::ArpOp, 1_u16);
        self.fill(Field::ArpSha, self.from.mac);
        if let Some(IpAddr::V4(own)) = self.from.address(false).map(|own| own.ip) {
            self.fill(Field::ArpSpa, own);
        }
        let to = self.to.as_ref().and_then(|to| to.address(false));
        if let Some(IpAddr::V4(to)) = to.map(|to| to.ip) {
            self.fill(Field::ArpTpa, to);
        }
    }

    fn complete_ip(&mut self, v6: bool) {
        self.fill(Field::EthType, if v6 { 0x86dd_u16 } else { 0x0800 });
        let own = self.from.address(v6).map(|own| own.ip);
        let to = self.to.as_ref().and_then(|to| to.address(v6));
        let to = to.map(|to| to.ip);
        let fields = if v6 {
            [Field::Ipv6Src, Field::Ipv6Dst]
        } else {
            [Field::Ipv4Src, Field::Ipv4Dst]
        };
        for (field, address) in fields.into_iter().zip([own, to]) {
            match address {
                Some(IpAddr::V4(address)) => self.fill(field, address),
                Some(IpAddr::V6(address)) => self.fill(field, address),
                None => {}
            }
        }
        // An echo request (RFC 792, RFC 4443).
        let (protocol, field, kind) = match v6 {
            true => (58_u8, Field::Icmpv6Type, 128_u8),
            false => (1, Field::Icmpv4Type, 8),
        };
        self.fill(Field::IpProto, protocol);
        if self.told(Field::IpProto) == Some(protocol.into()) {
            self.fill(field, kind);
        }
    }

    /// The answer of the port that it is for, as far as it follows from the packet.
    pub(crate) fn reply(&self) -> Self {
        let mut reply = Self {
            matches: Match::any(),
            from: self.to.clone().unwrap_or_else(|| self.from.clone()),
            to: Some(self.from.clone()),
        };
        reply.fill(Field::EthSrc, reply.from.mac);
        for value in self.matches.fields() {
            let field = MIRRORED.iter().find_map(|(one, other)| match value.field {
                field if field == *one => Some(*other),
                field if field == *other => Some(*one),
                _ => None,
            });
            let answered = match (value.field, value.value) {
                // An echo's answer (RFC 792, RFC 4443), a connection's second segment (RFC 9293, 3.5).
                (Field::Icmpv4Type, 8) => 0,
                (Field::Icmpv6Type, 128) => 129,
                (Field::TcpFlags, 2) => 0x12,
                (_, value) => value,
            };
            match value.field {
                Field::EthSrc | Field::EthDst => {}
                field_here => reply.fill(field.unwrap_or(field_here), answered),
            }
        }
        if reply.told(Field::IpProto) == Some(6) {
            reply.fill(Field::TcpFlags, 0x12_u16);
        }
        reply
    }

    /// To whom the packet goes on the wire.
    pub(crate) fn next_hop(&self) -> NextHop {
        let v4 = self.told(Field::Ipv4Dst);
        let v6 = self.told(Field::Ipv6Dst);
        let to = match (v4, v6) {
            // Values have no more bits than their fields.
            (Some(v4), _) => IpAddr::V4(Ipv4Addr::from_bits(v4 as u32)),
            (None, Some(v6)) => IpAddr::V6(Ipv6Addr::from_bits(v6)),
            (None, None) => return NextHop::Unsaid,
        };
        if let Some(group) = group_address(to) {
            return NextHop::Known(group);
        }
        let on_link = |own: &Address| own.subnet.contains(&to);
        let local = matches!(to, IpAddr::V6(to) if to.is_unicast_link_local());
        let mut own = self.from.addresses.iter();
        if local || own.any(on_link) {
            return NextHop::Asked(to);
        }
        let gateway = self.from.address(to.is_ipv6()).and_then(|own| own.gateway);
        gateway.map_or(NextHop::NoRoute(to), NextHop::Asked)
    }

    /// The sender's question who has an address (RFC 826; RFC 4861, 4.3).
    pub(crate) fn request(&self, address: IpAddr) -> Result<Vec<u8>, TraceError> {
        let own = |v6| self.from.address(v6).map(|own| own.ip);
        let question = Match::any().with(Field::EthSrc, self.from.mac);
        let question = match address {
            IpAddr::V4(target) => {
                let own = match own(false) {
                    Some(IpAddr::V4(own)) => own,
                    _ => Ipv4Addr::UNSPECIFIED,
                };
                question
                    .with(Field::EthDst, MacAddr::BROADCAST)
                    .with(Field::EthType, 0x0806_u16)
                    .with(Field::ArpOp, 1_u16)
                    .with(Field::ArpSha, self.from.mac)
                    .with(Field::ArpSpa, own)
                    .with(Field::ArpTpa, target)
            }
            IpAddr::V6(target) => {
                let own = match own(true) {
                    Some(IpAddr::V6(own)) => own,
                    _ => link_local(self.from.mac),
                };
                let [.., a, b, c] = target.octets();
                question
                    .with(Field::EthDst, MacAddr([0x33, 0x33, 0xff, a, b, c]))
                    .with(Field::EthType, 0x86dd_u16)
                    .with(Field::IpProto, 58_u8)
                    .with(Field::IpTtl, 255_u8)
                    .with(Field::Ipv6Src, own)
                    .with(Field::Ipv6Dst, solicited_node(target))
                    .with(Field::Icmpv6Type, 135_u8)
                    .with(Field::NdTarget, target)
                    .with(Field::NdSll, self.from.mac)
            }
        };
        compose(&question, &[]).map_err(|error| TraceError::Packet(error.to_string()))
    }

    /// The frame, to an Ethernet address.
    pub(crate) fn frame(&self, to: Option<MacAddr>) -> Result<Vec<u8>, TraceError> {
        let mut draft = self.clone();
        if let Some(to) = to {
            draft.fill(Field::EthDst, to);
        }
        // Addresses before what depends on the headers that they make.
        let mut matches = draft.matches;
        matches.sort();
        compose(&matches, &[]).map_err(|error| TraceError::Packet(error.to_string()))
    }
}

/// Fields that change places in an answer.
const MIRRORED: &[(Field, Field)] = &[
    (Field::Ipv4Src, Field::Ipv4Dst),
    (Field::Ipv6Src, Field::Ipv6Dst),
    (Field::TcpSrc, Field::TcpDst),
    (Field::UdpSrc, Field::UdpDst),
    (Field::SctpSrc, Field::SctpDst),
    (Field::ArpSpa, Field::ArpTpa),
    (Field::ArpSha, Field::ArpTha),
];

/// The Ethernet address that a frame tells of an address: an answer of ARP or a neighbour advertisement.
pub(crate) fn resolved(frame: &[u8], address: IpAddr) -> Option<MacAddr> {
    let packet = Packet::new(PortNo::ANY, Tunnel::default(), frame);
    let (of, told) = match address {
        IpAddr::V4(_) => (Field::ArpSpa, Field::ArpSha),
        IpAddr::V6(_) => (Field::NdTarget, Field::NdTll),
    };
    let asked = match address {
        IpAddr::V4(address) => u128::from(address.to_bits()),
        IpAddr::V6(address) => address.to_bits(),
    };
    if packet.get(of)? != asked {
        return None;
    }
    // Values have no more bits than their fields.
    packet.get(told).map(|mac| MacAddr::from_u64(mac as u64))
}

/// To whom a packet goes on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NextHop {
    /// To whoever has this address, who is asked for his Ethernet address.
    Asked(IpAddr),
    /// To an Ethernet address that follows from the packet's own.
    Known(MacAddr),
    /// The sender has no way to this address.
    NoRoute(IpAddr),
    /// It is no IP packet.
    Unsaid,
}

/// The Ethernet address of a group or broadcast address (RFC 1112, 6.4; RFC 2464, 7); none for one host's.
fn group_address(to: IpAddr) -> Option<MacAddr> {
    match to {
        IpAddr::V4(to) if to.is_broadcast() => Some(MacAddr::BROADCAST),
        IpAddr::V4(to) if to.is_multicast() => {
            let [_, a, b, c] = to.octets();
            Some(MacAddr([0x01, 0x00, 0x5e, a & 0x7f, b, c]))
        }
        IpAddr::V6(to) if to.is_multicast() => {
            let [.., a, b, c, d] = to.octets();
            Some(MacAddr([0x33, 0x33, a, b, c, d]))
        }
        _ => None,
    }
}

/// The group in which who has an address listens (RFC 4291, 2.7.1).
fn solicited_node(address: Ipv6Addr) -> Ipv6Addr {
    const PREFIX: u128 = 0xff02_0000_0000_0000_0000_0001_ff00_0000;
    Ipv6Addr::from_bits(PREFIX | address.to_bits() & 0xff_ffff)
}

/// Fields that describe a frame, and whether they are left out when they are zero.
const DESCRIBED: &[(Field, bool)] = &[
    (Field::EthSrc, false),
    (Field::EthDst, false),
    (Field::VlanTci, true),
    (Field::EthType, false),
    (Field::IpProto, false),
    (Field::Ipv4Src, false),
    (Field::Ipv4Dst, false),
    (Field::Ipv6Src, false),
    (Field::Ipv6Dst, false),
    (Field::IpTtl, false),
    (Field::IpDscp, true),
    (Field::IpFrag, true),
    (Field::ArpOp, false),
    (Field::ArpSpa, false),
    (Field::ArpTpa, false),
    (Field::ArpSha, false),
    (Field::ArpTha, true),
    (Field::TcpSrc, false),
    (Field::TcpDst, false),
    (Field::TcpFlags, false),
    (Field::UdpSrc, false),
    (Field::UdpDst, false),
    (Field::SctpSrc, false),
    (Field::SctpDst, false),
    (Field::Icmpv4Type, false),
    (Field::Icmpv4Code, true),
    (Field::Icmpv6Type, false),
    (Field::Icmpv6Code, true),
    (Field::NdTarget, false),
    (Field::NdSll, true),
    (Field::NdTll, true),
];

/// A frame in the words of a flow's match.
#[must_use]
pub fn describe(frame: &[u8]) -> String {
    let packet = Packet::behind_tags(PortNo::ANY, Tunnel::default(), frame, 0);
    let found = DESCRIBED.iter().filter_map(|(field, unless_zero)| {
        let value = packet.get(*field)?;
        (value != 0 || !unless_zero)
            .then(|| Entry::Known(rust_openflow::FieldValue::exact(*field, value)))
    });
    print_match(&Match::of(found.collect::<Vec<_>>()), &Names::default())
}
