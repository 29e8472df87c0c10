//! What a port may send: from its own addresses only, and no answers that only servers and routers
//! give.
//!
//! A port's own addresses are its fixed ones and its allowed pairs, each with the Ethernet address
//! that goes with it; without port security, everything but VLAN tags goes. Priorities: tags (400),
//! exceptions that deny (300), neighbour discovery (200: what is right, 150: the rest is dropped),
//! ordinary packets (100).

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use ipnet::{IpNet, Ipv6Net};
use rust_openflow::{Field, MacAddr};
use weft_topology::{Port, PortId, link_local};

use crate::emit::{Emitter, FlowBuilder};
use crate::lower::live;
use crate::lower::numbers::{
    ARP, DHCP_CLIENT, DHCP_SERVER, DHCPV6_SERVER, ICMPV6, IPV4, IPV6, LISTENER_REPORTS,
    NEIGHBOUR_ADVERTISEMENT, NEIGHBOUR_SOLICITATION, REDIRECT, ROUTER_ADVERTISEMENT,
    ROUTER_SOLICITATION, TAGGED, UDP,
};
use crate::pipeline::{Slot, Stage};
use crate::view::View;

/// No port sends VLAN tags: what Weft knows of addresses says nothing of networks inside a network.
pub fn constant(emit: &mut Emitter<'_>) {
    emit.flow(Stage::PortSecurity, 400)
        .masked(Field::VlanVid, TAGGED, TAGGED)
        .end();
}

/// What a port may send.
pub fn port(id: PortId, view: &mut View<'_>, emit: &mut Emitter<'_>) {
    let Some((port, _)) = live(id, view) else {
        return;
    };
    let key = port.key.get();
    if !port.port_security {
        rule(emit, key, 100).goto(Stage::Services);
        return;
    }
    deny_servers(key, emit);
    let own = addresses(port);
    let macs: BTreeSet<MacAddr> = own.iter().map(|(mac, _)| *mac).chain([port.mac]).collect();
    for mac in macs {
        without_address(key, mac, emit);
        ipv6(key, mac, Ipv6Net::from(link_local(mac)), emit);
    }
    for (mac, net) in own {
        match net {
            IpNet::V4(net) => {
                rule(emit, key, 100)
                    .field(Field::EthSrc, mac)
                    .field(Field::EthType, IPV4)
                    .masked(Field::Ipv4Src, net.network(), net.netmask())
                    .goto(Stage::Services);
                rule(emit, key, 100)
                    .field(Field::EthSrc, mac)
                    .field(Field::EthType, ARP)
                    .field(Field::ArpSha, mac)
                    .masked(Field::ArpSpa, net.network(), net.netmask())
                    .goto(Stage::Services);
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

fn rule<'e, 'a>(emit: &'e mut Emitter<'a>, key: u32, priority: u16) -> FlowBuilder<'e, 'a> {
    emit.flow(Stage::PortSecurity, priority)
        .slot(Slot::InPort, key)
}

/// Neither a DHCP server nor a router; nor a DHCP server in fragments, which show no UDP ports.
fn deny_servers(key: u32, emit: &mut Emitter<'_>) {
    rule(emit, key, 300)
        .field(Field::EthType, IPV4)
        .field(Field::IpProto, UDP)
        .field(Field::UdpSrc, DHCP_SERVER)
        .end();
    rule(emit, key, 300)
        .field(Field::EthType, IPV4)
        .field(Field::IpProto, UDP)
        .field(Field::Ipv4Dst, Ipv4Addr::BROADCAST)
        .masked(Field::IpFrag, 1_u8, 1_u8)
        .end();
    rule(emit, key, 300)
        .field(Field::EthType, IPV6)
        .field(Field::IpProto, UDP)
        .field(Field::UdpSrc, DHCPV6_SERVER)
        .end();
    for kind in [ROUTER_ADVERTISEMENT, REDIRECT] {
        icmpv6(rule(emit, key, 300), kind).end();
    }
    for kind in [NEIGHBOUR_SOLICITATION, NEIGHBOUR_ADVERTISEMENT] {
        icmpv6(rule(emit, key, 150), kind).end();
    }
}

fn icmpv6<'e, 'a>(flow: FlowBuilder<'e, 'a>, kind: u8) -> FlowBuilder<'e, 'a> {
    flow.field(Field::EthType, IPV6)
        .field(Field::IpProto, ICMPV6)
        .field(Field::Icmpv6Type, kind)
}

/// What a host sends before it has an address.
fn without_address(key: u32, mac: MacAddr, emit: &mut Emitter<'_>) {
    rule(emit, key, 100)
        .field(Field::EthSrc, mac)
        .field(Field::EthType, IPV4)
        .field(Field::IpProto, UDP)
        .field(Field::Ipv4Src, Ipv4Addr::UNSPECIFIED)
        .field(Field::Ipv4Dst, Ipv4Addr::BROADCAST)
        .field(Field::UdpSrc, DHCP_CLIENT)
        .field(Field::UdpDst, DHCP_SERVER)
        .goto(Stage::Services);
    rule(emit, key, 100)
        .field(Field::EthSrc, mac)
        .field(Field::EthType, ARP)
        .field(Field::ArpOp, 1_u16)
        .field(Field::ArpSha, mac)
        .field(Field::ArpSpa, Ipv4Addr::UNSPECIFIED)
        .goto(Stage::Services);
    let reports = LISTENER_REPORTS.into_iter();
    for kind in reports.chain([ROUTER_SOLICITATION]) {
        icmpv6(rule(emit, key, 100).field(Field::EthSrc, mac), kind)
            .field(Field::Ipv6Src, 0_u128)
            .goto(Stage::Services);
    }
    icmpv6(
        rule(emit, key, 200).field(Field::EthSrc, mac),
        NEIGHBOUR_SOLICITATION,
    )
    .field(Field::Ipv6Src, 0_u128)
    .field(Field::NdSll, 0_u8)
    .goto(Stage::Services);
}

/// Packets from an IPv6 address; neighbour discovery about it names no other Ethernet address (an
/// absent option reads as zero).
fn ipv6(key: u32, mac: MacAddr, net: Ipv6Net, emit: &mut Emitter<'_>) {
    let (network, mask) = (net.network(), net.netmask());
    rule(emit, key, 100)
        .field(Field::EthSrc, mac)
        .field(Field::EthType, IPV6)
        .masked(Field::Ipv6Src, network, mask)
        .goto(Stage::Services);
    for option in [mac, MacAddr::default()] {
        icmpv6(
            rule(emit, key, 200).field(Field::EthSrc, mac),
            NEIGHBOUR_SOLICITATION,
        )
        .masked(Field::Ipv6Src, network, mask)
        .field(Field::NdSll, option)
        .goto(Stage::Services);
        icmpv6(
            rule(emit, key, 200).field(Field::EthSrc, mac),
            NEIGHBOUR_ADVERTISEMENT,
        )
        .masked(Field::NdTarget, network, mask)
        .field(Field::NdTll, option)
        .goto(Stage::Services);
    }
}
