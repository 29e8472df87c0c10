//! What a port may send: from its own addresses only, and no answers that only servers and routers
//! give.
//!
//! A port's own addresses are its fixed ones and its allowed pairs, each with the Ethernet address
//! that goes with it. The first stage lets through what comes from them; the second drops what nobody
//! may say from any address, and in neighbour discovery lets each speak of his own. Without port security,
//! everything but VLAN tags goes. Priorities: tags (400), what nobody may say (300), neighbour
//! discovery (200: what is right, 150: the rest is dropped), ordinary packets (100).

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv6Net};
use rust_openflow::{Field, MacAddr};
use weft_topology::{Port, PortId, link_local};

use crate::emit::{Emitter, FlowBuilder};
use crate::lower::live;
use crate::lower::numbers::{
    ARP, DHCP_CLIENT, DHCP_SERVER, DHCPV6_SERVER, ICMPV6, IPV4, IPV6, LISTENER_REPORTS,
    NEIGHBOUR_ADVERTISEMENT, NEIGHBOUR_SOLICITATION, ON_LINK, REDIRECT, ROUTER_ADVERTISEMENT,
    ROUTER_SOLICITATION, TAGGED, UDP,
};
use crate::pipeline::{Slot, Stage};
use crate::view::View;

/// No port sends VLAN tags: what Weft knows of addresses says nothing of networks inside a network.
/// None with port security is a DHCP server or a router, or hides in fragments that it is.
pub fn constant(emit: &mut Emitter<'_>) {
    emit.flow(Stage::PortSecurity, 400)
        .masked(Field::VlanVid, TAGGED, TAGGED)
        .end();
    dhcp_servers(emit);
    routers(emit);
    for kind in [NEIGHBOUR_SOLICITATION, NEIGHBOUR_ADVERTISEMENT] {
        icmpv6(emit.flow(Stage::PortRole, 150), kind).end();
    }
    // Who asks without saying his Ethernet address says nothing wrong.
    icmpv6(emit.flow(Stage::PortRole, 200), NEIGHBOUR_SOLICITATION)
        .field(Field::Icmpv6Code, 0_u8)
        .field(Field::NdSll, 0_u8)
        .goto(Stage::Services);
}

/// Answers of DHCP servers, also in fragments, which show no UDP ports: those go where a host without
/// address, or one that asks for more of them, may be.
fn dhcp_servers(emit: &mut Emitter<'_>) {
    for (kind, port) in [(IPV4, DHCP_SERVER), (IPV6, DHCPV6_SERVER)] {
        emit.flow(Stage::PortRole, 300)
            .field(Field::EthType, kind)
            .field(Field::IpProto, UDP)
            .field(Field::UdpSrc, port)
            .end();
    }
    fragment(emit, IPV4)
        .field(Field::IpProto, UDP)
        .field(Field::Ipv4Dst, Ipv4Addr::BROADCAST)
        .end();
    for (prefix, length) in [(LINK_LOCAL, 10), (LINK_LOCAL_MULTICAST, 16)] {
        fragment(emit, IPV6)
            .masked(Field::Ipv6Dst, prefix, u128::MAX << (128 - length))
            .end();
    }
}

/// What routers say, and what hosts take for it though the switch cannot read it: neighbour discovery
/// in fragments (RFC 6980), headers that are cut off (whose hop limit reads as zero), and a
/// solicitation that is not valid (whose target does).
fn routers(emit: &mut Emitter<'_>) {
    for kind in [ROUTER_ADVERTISEMENT, REDIRECT] {
        icmpv6(emit.flow(Stage::PortRole, 300), kind).end();
    }
    fragment(emit, IPV6).field(Field::IpTtl, ON_LINK).end();
    emit.flow(Stage::PortRole, 300)
        .field(Field::EthType, IPV6)
        .field(Field::IpTtl, 0_u8)
        .end();
    icmpv6(emit.flow(Stage::PortRole, 300), NEIGHBOUR_SOLICITATION)
        .field(Field::Icmpv6Code, 0_u8)
        .field(Field::NdTarget, 0_u128)
        .end();
}

/// Addresses of one link (RFC 4291, 2.5.6 and 2.7).
const LINK_LOCAL: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0);
const LINK_LOCAL_MULTICAST: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0);

fn fragment<'e, 'a>(emit: &'e mut Emitter<'a>, kind: u16) -> FlowBuilder<'e, 'a> {
    emit.flow(Stage::PortRole, 300)
        .field(Field::EthType, kind)
        .masked(Field::IpFrag, 1_u8, 1_u8)
}

/// What a port may send.
pub fn port(id: PortId, view: &mut View<'_>, emit: &mut Emitter<'_>) {
    let Some((port, _)) = live(id, view) else {
        return;
    };
    let key = port.key.get();
    if !port.port_security {
        rule(emit, key).goto(Stage::Services);
        return;
    }
    let own = addresses(port);
    let macs: BTreeSet<MacAddr> = own.iter().map(|(mac, _)| *mac).chain([port.mac]).collect();
    for mac in macs {
        without_address(key, mac, emit);
        neighbour(emit, key, mac, NEIGHBOUR_SOLICITATION)
            .field(Field::NdSll, mac)
            .goto(Stage::Services);
        ipv6(key, mac, Ipv6Net::from(link_local(mac)), emit);
    }
    for (mac, net) in own {
        match net {
            IpNet::V4(net) => {
                rule(emit, key)
                    .field(Field::EthSrc, mac)
                    .field(Field::EthType, IPV4)
                    .masked(Field::Ipv4Src, net.network(), net.netmask())
                    .goto(Stage::PortRole);
                rule(emit, key)
                    .field(Field::EthSrc, mac)
                    .field(Field::EthType, ARP)
                    .field(Field::ArpSha, mac)
                    .masked(Field::ArpSpa, net.network(), net.netmask())
                    .goto(Stage::PortRole);
            }
            IpNet::V6(net) => ipv6(key, mac, net, emit),
        }
    }
}

/// A port's own addresses, each with its Ethernet address.
fn addresses(port: &Port) -> BTreeSet<(MacAddr, IpNet)> {
    let fixed = port
        .fixed_ips
        .iter()
        .map(|fixed| (port.mac, IpNet::from(fixed.ip)));
    let pairs = port
        .allowed_address_pairs
        .iter()
        .map(|pair| (pair.mac, pair.net));
    fixed.chain(pairs).collect()
}

/// What a port sends, as far as its addresses go.
fn rule<'e, 'a>(emit: &'e mut Emitter<'a>, key: u32) -> FlowBuilder<'e, 'a> {
    emit.flow(Stage::PortSecurity, 100).slot(Slot::InPort, key)
}

/// What a port says in neighbour discovery under an Ethernet address of its own.
fn neighbour<'e, 'a>(
    emit: &'e mut Emitter<'a>,
    key: u32,
    mac: MacAddr,
    kind: u8,
) -> FlowBuilder<'e, 'a> {
    let flow = emit.flow(Stage::PortRole, 200).slot(Slot::InPort, key);
    icmpv6(flow.field(Field::EthSrc, mac), kind).field(Field::Icmpv6Code, 0_u8)
}

fn icmpv6<'e, 'a>(flow: FlowBuilder<'e, 'a>, kind: u8) -> FlowBuilder<'e, 'a> {
    flow.field(Field::EthType, IPV6)
        .field(Field::IpProto, ICMPV6)
        .field(Field::Icmpv6Type, kind)
}

/// What a host sends before it has an address. Who looks for duplicates of his address (RFC 4862, 5.4.2)
/// does not say his Ethernet address.
fn without_address(key: u32, mac: MacAddr, emit: &mut Emitter<'_>) {
    rule(emit, key)
        .field(Field::EthSrc, mac)
        .field(Field::EthType, IPV4)
        .field(Field::IpProto, UDP)
        .field(Field::Ipv4Src, Ipv4Addr::UNSPECIFIED)
        .field(Field::Ipv4Dst, Ipv4Addr::BROADCAST)
        .field(Field::UdpSrc, DHCP_CLIENT)
        .field(Field::UdpDst, DHCP_SERVER)
        .goto(Stage::PortRole);
    rule(emit, key)
        .field(Field::EthSrc, mac)
        .field(Field::EthType, ARP)
        .field(Field::ArpOp, 1_u16)
        .field(Field::ArpSha, mac)
        .field(Field::ArpSpa, Ipv4Addr::UNSPECIFIED)
        .goto(Stage::PortRole);
    let reports = LISTENER_REPORTS.into_iter();
    for kind in reports.chain([ROUTER_SOLICITATION]) {
        icmpv6(rule(emit, key).field(Field::EthSrc, mac), kind)
            .field(Field::Ipv6Src, 0_u128)
            .goto(Stage::PortRole);
    }
    icmpv6(
        rule(emit, key).field(Field::EthSrc, mac),
        NEIGHBOUR_SOLICITATION,
    )
    .field(Field::Ipv6Src, 0_u128)
    .field(Field::NdSll, 0_u8)
    .goto(Stage::PortRole);
}

/// Packets from IPv6 addresses, and neighbour discovery that says who has them (an absent option reads
/// as zero).
fn ipv6(key: u32, mac: MacAddr, net: Ipv6Net, emit: &mut Emitter<'_>) {
    let (network, mask) = (net.network(), net.netmask());
    rule(emit, key)
        .field(Field::EthSrc, mac)
        .field(Field::EthType, IPV6)
        .masked(Field::Ipv6Src, network, mask)
        .goto(Stage::PortRole);
    for option in [mac, MacAddr::default()] {
        neighbour(emit, key, mac, NEIGHBOUR_ADVERTISEMENT)
            .masked(Field::NdTarget, network, mask)
            .field(Field::NdTll, option)
            .goto(Stage::Services);
    }
}
