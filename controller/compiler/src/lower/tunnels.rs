//! Tunnels between hypervisors: whom frames are accepted from, which network they belong to, and
//! how they leave.
//!
//! Tunnel ports are flow-based and have the same number on every hypervisor
//! ([`TunnelKind::ofport`]), so that flows that use them are shared.

use std::net::IpAddr;

use rust_openflow::{Field, PortNo};
use weft_topology::{ChassisId, NetworkId, Segment, TunnelKind};

use crate::emit::{Emitter, FlowBuilder};
use crate::lower::up;
use crate::pipeline::{Slot, Stage};
use crate::view::View;

/// A tunnel kind's value in [`Slot::Tunnel`].
fn number(kind: TunnelKind) -> u32 {
    kind as u32 + 1
}

/// Names the network in the tunnel header, and the kind of tunnel.
pub(crate) fn aim<'e, 'a>(flow: FlowBuilder<'e, 'a>, segment: Segment) -> FlowBuilder<'e, 'a> {
    flow.set(Field::TunnelId, u64::from(segment.id))
        .put(Slot::Tunnel, number(segment.kind))
}

/// Names the hypervisor that a copy is for. An IPv4 address goes before an IPv6 address on the way
/// out, so that one which an earlier copy left there must go.
pub(crate) fn towards<'e, 'a>(flow: FlowBuilder<'e, 'a>, address: IpAddr) -> FlowBuilder<'e, 'a> {
    match address {
        IpAddr::V4(address) => flow.set(Field::TunDst, address),
        IpAddr::V6(address) => flow
            .set(Field::TunDst, 0_u32)
            .set(Field::TunIpv6Dst, address),
    }
}

/// Frames from a hypervisor's tunnel addresses are accepted; those from anywhere else are not, for
/// tunnels have no authentication of their own.
pub fn source(chassis: &ChassisId, view: &mut View<'_>, emit: &mut Emitter<'_>) {
    let Some(chassis) = view.chassis(chassis) else {
        return;
    };
    for encap in &chassis.encaps {
        let flow = emit
            .flow(Stage::Classify, 100)
            .field(Field::InPort, encap.kind.ofport());
        match encap.ip {
            IpAddr::V4(address) => flow.field(Field::TunSrc, address),
            IpAddr::V6(address) => flow.field(Field::TunIpv6Src, address),
        }
        .goto(Stage::TunnelIn);
    }
}

/// A network's ids in tunnels: of frames for this hypervisor's ports, and of those to be passed on. The
/// latter are taken at all times: senders do not find out at one moment that a list has become long.
pub fn segment(id: NetworkId, view: &mut View<'_>, emit: &mut Emitter<'_>) {
    let Some(network) = up(id, view) else {
        return;
    };
    let arrivals = [
        (Some(network.segment.id), Stage::Arrive),
        (network.relay, Stage::RelayIn),
    ];
    for (id, next) in arrivals {
        let Some(id) = id else { continue };
        emit.flow(Stage::TunnelIn, 100)
            .field(Field::InPort, network.segment.kind.ofport())
            .field(Field::TunnelId, u64::from(id))
            .put(Slot::Datapath, network.key.get())
            .goto(next);
    }
}

/// The tunnel ports of a hypervisor; a copy to its own address goes nowhere.
pub fn exit(id: &ChassisId, view: &mut View<'_>, emit: &mut Emitter<'_>) {
    let Some(chassis) = view.chassis(id) else {
        return;
    };
    for encap in &chassis.encaps {
        let flow = emit
            .flow(Stage::TunnelOut, 200)
            .slot(Slot::Tunnel, number(encap.kind));
        match encap.ip {
            IpAddr::V4(address) => flow.field(Field::TunDst, address),
            // Not what an earlier copy left behind the IPv4 address of this one.
            IpAddr::V6(address) => flow
                .field(Field::TunDst, 0_u32)
                .field(Field::TunIpv6Dst, address),
        }
        .end();
        // What is passed on leaves by the port that it came in by, which has to be said.
        emit.flow(Stage::TunnelOut, 150)
            .slot(Slot::Tunnel, number(encap.kind))
            .field(Field::InPort, encap.kind.ofport())
            .output(PortNo::IN_PORT)
            .end();
        emit.flow(Stage::TunnelOut, 100)
            .slot(Slot::Tunnel, number(encap.kind))
            .output(encap.kind.ofport())
            .end();
    }
}
