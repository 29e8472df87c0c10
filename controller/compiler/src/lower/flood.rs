//! Flooding: broadcast and multicast reach every port of a network, unicast to an unknown address
//! those that may have other Ethernet addresses than their own.
//!
//! The sender's switch makes one copy for each hypervisor (source replication). The list is cut into
//! chunks that all switches share; a chunk holds its receivers' own addresses too, and the tunnel
//! exit of each switch drops the copy to itself.

use rust_openflow::{Field, MacAddr};
use weft_topology::{ChassisId, Element, FloodClass, Index, NetworkId};

use crate::emit::Emitter;
use crate::lower::{live, tunnels};
use crate::pipeline::{Slot, Stage};
use crate::view::View;

/// The group bit of an Ethernet address.
const MULTICAST: MacAddr = MacAddr([0x01, 0, 0, 0, 0, 0]);

/// The stages and priority of a class: chunks of remote receivers, local receivers, priority.
fn stages(class: FloodClass) -> (Stage, Stage, u16) {
    match class {
        FloodClass::Multicast => (Stage::Flood, Stage::FloodLocal, 50),
        FloodClass::Unknown => (Stage::FloodUnknown, Stage::FloodLocalUnknown, 10),
    }
}

/// What of a network is flooded, from local ports to everywhere and from tunnels to local ports.
pub fn network(id: NetworkId, view: &mut View<'_>, emit: &mut Emitter<'_>) {
    let Some(network) = view.network(id).filter(|network| network.admin_state_up) else {
        return;
    };
    let key = network.key.get();
    for class in FloodClass::ALL {
        let (remote, local, priority) = stages(class);
        let chunks: Vec<u8> = view
            .elements(Index::FloodChunks(id, class))
            .filter_map(|element| match element {
                Element::Chunk(chunk) => Some(*chunk),
                _ => None,
            })
            .collect();
        if chunks.is_empty() {
            continue;
        }
        let frames = |class| match class {
            FloodClass::Multicast => (MULTICAST, MULTICAST),
            FloodClass::Unknown => (MacAddr::default(), MacAddr::default()),
        };
        let (value, mask) = frames(class);
        let mut flow = emit
            .flow(Stage::L2Lookup, priority)
            .slot(Slot::Datapath, key)
            .masked(Field::EthDst, value, mask);
        for chunk in chunks {
            flow = flow.put(Slot::FloodChunk, u32::from(chunk)).call(remote);
        }
        flow.goto(local);
        emit.flow(Stage::Arrive, priority)
            .slot(Slot::Datapath, key)
            .masked(Field::EthDst, value, mask)
            .goto(local);
    }
}

/// A copy for each hypervisor of a chunk.
pub fn chunk(
    id: NetworkId,
    class: FloodClass,
    chunk: u8,
    view: &mut View<'_>,
    emit: &mut Emitter<'_>,
) {
    let Some(network) = view.network(id).filter(|network| network.admin_state_up) else {
        return;
    };
    let addresses: Vec<_> = view
        .elements(Index::FloodChunk(id, class, chunk))
        .filter_map(|element| match element {
            Element::Chassis(chassis) => Some(chassis),
            _ => None,
        })
        .collect();
    let addresses: Vec<_> = addresses
        .into_iter()
        .filter_map(|chassis| view.chassis(chassis)?.encap(network.segment.kind))
        .collect();
    if addresses.is_empty() {
        return;
    }
    let flow = emit
        .flow(stages(class).0, 100)
        .slot(Slot::Datapath, network.key.get())
        .slot(Slot::FloodChunk, u32::from(chunk));
    let mut flow = tunnels::aim(flow, network.segment);
    for address in addresses {
        flow = tunnels::towards(flow, address).call(Stage::TunnelOut);
    }
    flow.end();
}

/// A copy for each local port.
pub fn local(
    chassis: &ChassisId,
    id: NetworkId,
    class: FloodClass,
    view: &mut View<'_>,
    emit: &mut Emitter<'_>,
) {
    let Some(network) = view.network(id).filter(|network| network.admin_state_up) else {
        return;
    };
    let ports: Vec<_> = view
        .elements(Index::FloodPorts(chassis.clone(), id, class))
        .filter_map(|element| match element {
            Element::Port(port) => Some(*port),
            _ => None,
        })
        .collect();
    let keys: Vec<u32> = ports
        .into_iter()
        .filter_map(|port| live(port, view).map(|(port, _)| port.key.get()))
        .collect();
    if keys.is_empty() {
        return;
    }
    let mut flow = emit
        .flow(stages(class).1, 100)
        .slot(Slot::Datapath, network.key.get());
    for key in keys {
        flow = flow.put(Slot::OutPort, key).call(Stage::Output);
    }
    flow.end();
}
