//! ARP and neighbour discovery, answered in the switch from the model, so that neither is flooded.
//!
//! A port's own question about its own address is never answered: that is how hosts detect
//! duplicates (RFC 5227, RFC 4862 5.4). Nor is there an answer for a port that is nowhere: its address may
//! be reserved for others, who share it by allowed address pairs and answer themselves. The answers ([`port`]) are shared by all switches; the
//! exception for the owner ([`own`]) stands on the owner's switch only.

use std::net::IpAddr;

use rust_openflow::{Action, Field, PortNo};
use weft_topology::{PortId, Role};

use crate::emit::Emitter;
use crate::lower::live;
use crate::lower::numbers::{ARP, ICMPV6, IPV6, NEIGHBOUR_ADVERTISEMENT, NEIGHBOUR_SOLICITATION};
use crate::pipeline::{Slot, Stage};
use crate::view::View;

/// The flags of an advertisement by a host: solicited, override (RFC 4861, 4.4).
const SOLICITED_OVERRIDE: u32 = 0x6000_0000;

/// The answers for a port's addresses.
pub fn port(id: PortId, view: &mut View<'_>, emit: &mut Emitter<'_>) {
    let Some((port, network)) = live(id, view) else {
        return;
    };
    if port.role == Role::Guest && view.locations(id).is_empty() {
        return;
    }
    let key = network.key.get();
    for address in &port.fixed_ips {
        match address.ip {
            IpAddr::V4(ip) => {
                emit.flow(Stage::Neighbours, 100)
                    .slot(Slot::Datapath, key)
                    .field(Field::EthType, ARP)
                    .field(Field::ArpOp, 1_u16)
                    .field(Field::ArpTpa, ip)
                    .action(Action::copy(Field::EthSrc, Field::EthDst))
                    .set(Field::EthSrc, port.mac)
                    .set(Field::ArpOp, 2_u16)
                    .action(Action::copy(Field::ArpSha, Field::ArpTha))
                    .action(Action::copy(Field::ArpSpa, Field::ArpTpa))
                    .set(Field::ArpSha, port.mac)
                    .set(Field::ArpSpa, ip)
                    .output(PortNo::IN_PORT)
                    .end();
            }
            IpAddr::V6(ip) => {
                emit.flow(Stage::Neighbours, 100)
                    .slot(Slot::Datapath, key)
                    .field(Field::EthType, IPV6)
                    .field(Field::IpProto, ICMPV6)
                    .field(Field::Icmpv6Type, NEIGHBOUR_SOLICITATION)
                    .field(Field::Icmpv6Code, 0_u8)
                    .field(Field::NdTarget, ip)
                    .action(Action::copy(Field::EthSrc, Field::EthDst))
                    .set(Field::EthSrc, port.mac)
                    .action(Action::copy(Field::Ipv6Src, Field::Ipv6Dst))
                    .set(Field::Ipv6Src, ip)
                    .set(Field::IpTtl, 255_u8)
                    .set(Field::Icmpv6Type, NEIGHBOUR_ADVERTISEMENT)
                    .set(Field::NdReserved, SOLICITED_OVERRIDE)
                    .set(Field::NdOptionsType, 2_u8)
                    .goto(Stage::NdReply);
            }
        }
    }
}

/// A port's questions about its own addresses go to the other ports, which alone can object.
pub fn own(id: PortId, view: &mut View<'_>, emit: &mut Emitter<'_>) {
    let Some((port, _)) = live(id, view) else {
        return;
    };
    let key = port.key.get();
    for address in &port.fixed_ips {
        match address.ip {
            IpAddr::V4(ip) => emit
                .flow(Stage::Neighbours, 200)
                .slot(Slot::InPort, key)
                .field(Field::EthType, ARP)
                .field(Field::ArpOp, 1_u16)
                .field(Field::ArpTpa, ip)
                .goto(Stage::L2Lookup),
            IpAddr::V6(ip) => emit
                .flow(Stage::Neighbours, 200)
                .slot(Slot::InPort, key)
                .field(Field::EthType, IPV6)
                .field(Field::IpProto, ICMPV6)
                .field(Field::Icmpv6Type, NEIGHBOUR_SOLICITATION)
                .field(Field::NdTarget, ip)
                .goto(Stage::L2Lookup),
        }
    }
}

/// Questions of hosts that have no address yet, which an answer could not reach; and the second half
/// of answers of neighbour discovery, whose field is there only once the packet is an advertisement.
pub fn constant(emit: &mut Emitter<'_>) {
    emit.flow(Stage::Neighbours, 300)
        .field(Field::EthType, IPV6)
        .field(Field::IpProto, ICMPV6)
        .field(Field::Icmpv6Type, NEIGHBOUR_SOLICITATION)
        .field(Field::Ipv6Src, 0_u128)
        .goto(Stage::L2Lookup);
    emit.flow(Stage::NdReply, 100)
        .field(Field::EthType, IPV6)
        .field(Field::IpProto, ICMPV6)
        .field(Field::Icmpv6Type, NEIGHBOUR_ADVERTISEMENT)
        .action(Action::copy(Field::EthSrc, Field::NdTll))
        .output(PortNo::IN_PORT)
        .end();
}
