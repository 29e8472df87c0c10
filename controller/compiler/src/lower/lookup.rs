//! The address of a port: packets to it are for that port.
//!
//! Also when the port is down, nowhere, or Weft's own: the address is known, so that packets to it
//! are not flooded as those to an unknown one are. That nobody gets them is decided where they would be
//! delivered ([`crate::lower::delivery`]).

use rust_openflow::Field;
use weft_topology::PortId;

use crate::emit::Emitter;
use crate::lower::up;
use crate::pipeline::{Slot, Stage};
use crate::view::View;

/// The flow that finds a port by its Ethernet address.
pub fn port(port: PortId, view: &mut View<'_>, emit: &mut Emitter<'_>) {
    let Some(port) = view.port(port) else {
        return;
    };
    let Some(network) = up(port.network, view) else {
        return;
    };
    emit.flow(Stage::L2Lookup, 100)
        .slot(Slot::Datapath, network.key.get())
        .field(Field::EthDst, port.mac)
        .put(Slot::OutPort, port.key.get())
        .goto(Stage::Locate);
}
