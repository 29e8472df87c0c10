//! Flooding: broadcast and multicast reach every port of a network, unicast to an unknown address
//! those that may have it.
//!
//! The sender's switch makes one copy for each hypervisor (source replication). The list is cut into
//! chunks that all switches share; a chunk holds its receivers' own addresses too, and the tunnel
//! exit of each switch drops the copy to itself.
//!
//! A long list is passed on in two steps, for a switch makes only so many copies of a packet: the sender
//! serves its own chunk, and sends one copy into each other chunk, to the first hypervisor there, under
//! an id that says that it is to be passed on. A frame so never comes back to where it came from.

use std::net::IpAddr;

use rust_openflow::{Field, MacAddr};
use weft_topology::{
    ChassisId, Element, FloodClass, Index, Network, NetworkId, Segment, flood_chunk,
};

use crate::emit::Emitter;
use crate::lower::{live, tunnels, up};
use crate::pipeline::{Slot, Stage};
use crate::view::View;

/// The group bit of an Ethernet address.
const MULTICAST: MacAddr = MacAddr([0x01, 0, 0, 0, 0, 0]);

/// Where and how frames of a class are flooded.
struct Way {
    /// Copies for the hypervisors of a chunk.
    chunk: Stage,
    /// One copy for a hypervisor of a chunk, which passes it on.
    relay: Stage,
    /// Copies for local ports.
    local: Stage,
    /// The priority of the flows that find such frames.
    priority: u16,
    /// Destination addresses, value and mask.
    destination: (MacAddr, MacAddr),
}

fn way(class: FloodClass) -> Way {
    match class {
        FloodClass::Multicast => Way {
            chunk: Stage::Flood,
            relay: Stage::Relay,
            local: Stage::FloodLocal,
            priority: 50,
            destination: (MULTICAST, MULTICAST),
        },
        FloodClass::Unknown => Way {
            chunk: Stage::FloodUnknown,
            relay: Stage::RelayUnknown,
            local: Stage::FloodLocalUnknown,
            priority: 10,
            destination: (MacAddr::default(), MacAddr::default()),
        },
    }
}

/// The id of frames that are to be passed on, when a network's flood list of a class is so long.
fn relay_id(
    id: NetworkId,
    network: &Network,
    class: FloodClass,
    view: &mut View<'_>,
) -> Option<u32> {
    let long = view.elements(Index::FloodLong(id, class)).next().is_some();
    network.relay.filter(|_| long)
}

/// What of a network is flooded, from local ports to everywhere and from tunnels to local ports.
pub fn network(id: NetworkId, view: &mut View<'_>, emit: &mut Emitter<'_>) {
    let Some(network) = up(id, view) else {
        return;
    };
    let key = network.key.get();
    for class in FloodClass::ALL {
        let way = way(class);
        let relayed = relay_id(id, network, class, view).is_some();
        let remote = if relayed { way.relay } else { way.chunk };
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
        let (value, mask) = way.destination;
        let mut flow = emit
            .flow(Stage::L2Lookup, way.priority)
            .slot(Slot::Datapath, key)
            .masked(Field::EthDst, value, mask);
        for chunk in chunks {
            flow = flow.put(Slot::FloodChunk, u32::from(chunk)).call(remote);
        }
        flow.goto(way.local);
        emit.flow(Stage::Arrive, way.priority)
            .slot(Slot::Datapath, key)
            .masked(Field::EthDst, value, mask)
            .goto(way.local);
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
    let Some(network) = up(id, view) else {
        return;
    };
    let addresses = addresses(id, network, class, chunk, view);
    if addresses.is_empty() {
        return;
    }
    let flow = emit
        .flow(way(class).chunk, 100)
        .slot(Slot::Datapath, network.key.get())
        .slot(Slot::FloodChunk, u32::from(chunk));
    let mut flow = tunnels::aim(flow, network.segment);
    for address in addresses {
        flow = tunnels::towards(flow, address).call(Stage::TunnelOut);
    }
    flow.end();
}

/// Where the hypervisors of a chunk are reached.
fn addresses(
    id: NetworkId,
    network: &Network,
    class: FloodClass,
    chunk: u8,
    view: &mut View<'_>,
) -> Vec<IpAddr> {
    let members: Vec<_> = view.elements(Index::FloodChunk(id, class, chunk)).collect();
    members
        .into_iter()
        .filter_map(|element| match element {
            Element::Chassis(chassis) => view.chassis(chassis)?.encap(network.segment.kind),
            _ => None,
        })
        .collect()
}

/// One copy for a chunk of a long list, for its first hypervisor that can be reached.
pub fn relay(
    id: NetworkId,
    class: FloodClass,
    chunk: u8,
    view: &mut View<'_>,
    emit: &mut Emitter<'_>,
) {
    let Some(network) = up(id, view) else {
        return;
    };
    let Some(relay) = relay_id(id, network, class, view) else {
        return;
    };
    let addresses = addresses(id, network, class, chunk, view);
    let Some(first) = addresses.first() else {
        return;
    };
    let flow = emit
        .flow(way(class).relay, 100)
        .slot(Slot::Datapath, network.key.get())
        .slot(Slot::FloodChunk, u32::from(chunk));
    // Who is reached over IPv4 may not reach all others when some are reached over IPv6.
    if addresses
        .iter()
        .any(|address| address.is_ipv4() != first.is_ipv4())
    {
        flow.goto(way(class).chunk);
        return;
    }
    let segment = Segment {
        id: relay,
        ..network.segment
    };
    tunnels::towards(tunnels::aim(flow, segment), *first).goto(Stage::TunnelOut);
}

/// A hypervisor's own chunk: it serves that one itself, for its own ports and for those who send it a
/// frame to pass on.
pub fn own_chunk(chassis: &ChassisId, emit: &mut Emitter<'_>) {
    let own = u32::from(flood_chunk(chassis));
    for class in FloodClass::ALL {
        let way = way(class);
        let (value, mask) = way.destination;
        emit.flow(way.relay, 200)
            .slot(Slot::FloodChunk, own)
            .goto(way.chunk);
        emit.flow(Stage::RelayIn, way.priority)
            .masked(Field::EthDst, value, mask)
            .put(Slot::FloodChunk, own)
            .call(way.chunk)
            .goto(Stage::Arrive);
    }
}

/// A copy for each local port.
pub fn local(
    chassis: &ChassisId,
    id: NetworkId,
    class: FloodClass,
    view: &mut View<'_>,
    emit: &mut Emitter<'_>,
) {
    let Some(network) = up(id, view) else {
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
        .flow(way(class).local, 100)
        .slot(Slot::Datapath, network.key.get());
    for key in keys {
        flow = flow.put(Slot::OutPort, key).call(Stage::Output);
    }
    flow.end();
}
