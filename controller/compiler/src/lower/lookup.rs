//! The address of a port: packets to it are for that port.

use rust_openflow::Field;
use weft_topology::{PortId, Role};

use crate::emit::Emitter;
use crate::lower::live;
use crate::pipeline::{Slot, Stage};
use crate::view::View;

/// The flow that finds a port by its Ethernet address.
pub fn port(port: PortId, view: &mut View<'_>, emit: &mut Emitter<'_>) {
    let Some((port, network)) = live(port, view) else {
        return;
    };
    // Nobody is behind a port of Weft's own: what it answers is taken out of the pipeline before.
    if port.role == Role::Services {
        return;
    }
    emit.flow(Stage::L2Lookup, 100)
        .slot(Slot::Datapath, network.key.get())
        .field(Field::EthDst, port.mac)
        .put(Slot::OutPort, port.key.get())
        .goto(Stage::Locate);
}
