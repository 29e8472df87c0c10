//! The way to a port: out of its interface where it is, through a tunnel from everywhere else.

use rust_openflow::Field;
use weft_topology::{ChassisId, PortId};

use crate::emit::Emitter;
use crate::lower::{live, located, tunnels};
use crate::pipeline::{Slot, Stage};
use crate::view::View;

/// The way to a port from any other hypervisor. On the port's own, [`local`] goes before it.
pub fn remote(port: PortId, view: &mut View<'_>, emit: &mut Emitter<'_>) {
    let Some((declared, network)) = live(port, view) else {
        return;
    };
    let Some(location) = view.location(port) else {
        return;
    };
    let Some(address) = view
        .chassis(&location.interface.chassis)
        .and_then(|chassis| chassis.encap(network.segment.kind))
    else {
        return;
    };
    let flow = emit
        .flow(Stage::Locate, 100)
        .slot(Slot::OutPort, declared.key.get());
    let flow = tunnels::aim(flow, network.segment);
    tunnels::towards(flow, address).goto(Stage::TunnelOut);
}

/// A port where it is.
pub fn local(chassis: &ChassisId, port: PortId, view: &mut View<'_>, emit: &mut Emitter<'_>) {
    let Some((location, port, network)) = located(chassis, port, view) else {
        return;
    };
    emit.flow(Stage::Locate, 200)
        .slot(Slot::OutPort, port.key.get())
        .goto(Stage::Output);
    emit.flow(Stage::Arrive, 100)
        .slot(Slot::Datapath, network.key.get())
        .field(Field::EthDst, port.mac)
        .put(Slot::OutPort, port.key.get())
        .goto(Stage::Output);
    emit.flow(Stage::Output, 100)
        .slot(Slot::OutPort, port.key.get())
        .output(location.ofport)
        .end();
}
