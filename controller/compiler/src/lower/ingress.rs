//! A local port as a source: packets that come in by its interface are the port's.

use rust_openflow::Field;
use weft_topology::{ChassisId, PortId};

use crate::emit::Emitter;
use crate::lower::located;
use crate::pipeline::{Slot, Stage};
use crate::view::View;

/// The flow that says whose packets come in by a port's interface.
pub fn local(chassis: &ChassisId, port: PortId, view: &mut View<'_>, emit: &mut Emitter<'_>) {
    let Some((location, port, network)) = located(chassis, port, view) else {
        return;
    };
    emit.flow(Stage::Classify, 100)
        .field(Field::InPort, location.ofport)
        .put(Slot::Datapath, network.key.get())
        .put(Slot::InPort, port.key.get())
        .goto(Stage::PortSecurity);
}
