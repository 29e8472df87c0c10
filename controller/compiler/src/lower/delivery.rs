//! The way to a port: out of its interface where it is, through tunnels from everywhere else.
//!
//! A port in two places is a machine that moves, and each place gets a copy. Nothing comes back and nothing
//! is doubled: a hypervisor sends at most one copy to another and none to itself (the tunnel exit drops
//! that), and what comes from a tunnel goes out of local interfaces only, each once.
//!
//! What a machine sends itself must not reach its other place, or it would take itself for somebody else who
//! has its addresses. A receiver knows the sender only by its Ethernet address, so that is what is looked at.

use std::net::IpAddr;

use rust_openflow::Field;
use weft_topology::{ChassisId, Network, PortId};

use crate::emit::{Emitter, FlowBuilder};
use crate::lower::{live, located, tunnels};
use crate::pipeline::{Slot, Stage};
use crate::view::View;

/// The way to a port from hypervisors where it is not. Where it is, [`local`] goes before it.
pub fn remote(port: PortId, view: &mut View<'_>, emit: &mut Emitter<'_>) {
    let Some((declared, network)) = live(port, view) else {
        return;
    };
    if let Some(addresses) = addresses(port, network, None, view).split_last() {
        let flow = emit
            .flow(Stage::Locate, 100)
            .slot(Slot::OutPort, declared.key.get());
        send(flow, network, addresses);
    }
}

/// A port on a hypervisor where it is.
pub fn local(chassis: &ChassisId, id: PortId, view: &mut View<'_>, emit: &mut Emitter<'_>) {
    let Some((location, port, network)) = located(chassis, id, view) else {
        return;
    };
    let key = port.key.get();
    let elsewhere = addresses(id, network, Some(chassis), view);
    let flow = emit.flow(Stage::Locate, 200).slot(Slot::OutPort, key);
    match elsewhere.split_last() {
        None => flow.goto(Stage::Output),
        Some(addresses) => send(flow.call(Stage::Output), network, addresses),
    }
    emit.flow(Stage::Arrive, 100)
        .slot(Slot::Datapath, network.key.get())
        .field(Field::EthDst, port.mac)
        .put(Slot::OutPort, key)
        .goto(Stage::Output);
    emit.flow(Stage::Output, 100)
        .slot(Slot::OutPort, key)
        .output(location.ofport)
        .end();
    if view.locations(id).len() > 1 {
        emit.flow(Stage::Output, 200)
            .slot(Slot::OutPort, key)
            .field(Field::EthSrc, port.mac)
            .end();
    }
}

/// Where the hypervisors that a port is on are reached, but for one.
fn addresses(
    port: PortId,
    network: &Network,
    except: Option<&ChassisId>,
    view: &mut View<'_>,
) -> Vec<IpAddr> {
    let places = view.locations(port).iter();
    places
        .map(|location| &location.interface.chassis)
        .filter(|chassis| except != Some(*chassis))
        .filter_map(|chassis| view.chassis(chassis)?.encap(network.segment.kind))
        .collect()
}

/// A copy through a tunnel to each address.
fn send(flow: FlowBuilder<'_, '_>, network: &Network, (last, others): (&IpAddr, &[IpAddr])) {
    let mut flow = tunnels::aim(flow, network.segment);
    for address in others {
        flow = tunnels::towards(flow, *address).call(Stage::TunnelOut);
    }
    tunnels::towards(flow, *last).goto(Stage::TunnelOut);
}
