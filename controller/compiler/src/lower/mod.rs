//! The rules of production: how the model of the network becomes flows.
//!
//! Which scopes a switch needs and which items they have is here; each file below is one lowering
//! function with the flows of one concern. Sections of the pipeline are in [`crate::pipeline`].
//!
//! | scope | who has it | its items |
//! |---|---|---|
//! | cloud | every switch | constants; the tunnel address of each hypervisor |
//! | network | switches with a port of it | its segment, its flood lists, its ports as seen from anywhere |
//! | switch | one | its tunnel exits; its own ports, and the copies for them when flooding |

pub mod delivery;
pub mod dhcp;
pub mod flood;
pub mod ingress;
pub mod lookup;
pub mod neighbours;
mod numbers;
pub mod port_security;
pub mod tunnels;

use weft_topology::{
    ChassisId, Element, FloodClass, Index, Location, Network, NetworkId, Port, PortId,
};

use crate::emit::Emitter;
use crate::pipeline::{Miss, STAGES};
use crate::rules::{Rules, Source};
use crate::view::View;

/// Names one call of a lowering function.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Item {
    /// [`misses`]: what stages do with packets that none of their flows is for.
    Misses,
    /// [`port_security::constant`]: what no port may send, and none with port security.
    Forbidden,
    /// [`neighbours::constant`]: what answering neighbours takes besides the answers.
    NeighbourReply,
    /// [`tunnels::source`]: frames from a hypervisor's tunnel address are accepted.
    TunnelSource(ChassisId),
    /// [`tunnels::exit`]: the tunnel ports of a hypervisor.
    TunnelExit(ChassisId),
    /// [`tunnels::segment`]: a network's id in tunnels.
    Segment(NetworkId),
    /// [`flood::network`]: what of a network is flooded.
    Flood(NetworkId),
    /// [`flood::chunk`]: a chunk of the hypervisors that a network is flooded to.
    FloodChunk(NetworkId, FloodClass, u8),
    /// [`flood::relay`]: the hypervisor that passes frames on in a chunk of a long flood list.
    FloodRelay(NetworkId, FloodClass, u8),
    /// [`flood::own_chunk`]: the chunk that a hypervisor is in.
    OwnChunk(ChassisId),
    /// [`flood::local`]: the ports on a hypervisor that a network is flooded to.
    FloodLocal(ChassisId, NetworkId, FloodClass),
    /// [`lookup::port`]: the address of a port.
    Lookup(PortId),
    /// [`neighbours::port`]: the answers for the addresses of a port.
    Neighbours(PortId),
    /// [`neighbours::own`]: a port's own questions about its addresses.
    OwnAddresses(PortId),
    /// [`delivery::remote`]: the way to a port from hypervisors where it is not.
    Remote(PortId),
    /// [`ingress::local`]: a port on a hypervisor where it is, as a source.
    Ingress(ChassisId, PortId),
    /// [`delivery::local`]: a port on a hypervisor where it is, as a destination.
    Delivery(ChassisId, PortId),
    /// [`port_security::port`]: what a port may send.
    PortSecurity(PortId),
    /// [`dhcp::port`]: what DHCP a port may ask for.
    Dhcp(ChassisId, PortId),
}

impl Item {
    /// The port that this is about, if it is about one.
    #[must_use]
    pub fn port(&self) -> Option<PortId> {
        match self {
            Self::Lookup(port)
            | Self::Neighbours(port)
            | Self::OwnAddresses(port)
            | Self::Remote(port)
            | Self::Ingress(_, port)
            | Self::Delivery(_, port)
            | Self::PortSecurity(port)
            | Self::Dhcp(_, port) => Some(*port),
            _ => None,
        }
    }

    /// The network that this is about, if it is about one as a whole.
    #[must_use]
    pub fn network(&self) -> Option<NetworkId> {
        match self {
            Self::Segment(network)
            | Self::Flood(network)
            | Self::FloodChunk(network, ..)
            | Self::FloodRelay(network, ..)
            | Self::FloodLocal(_, network, _) => Some(*network),
            _ => None,
        }
    }
}

/// Names a set of items that switches have or have not as a whole.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// What every switch has.
    Cloud,
    /// What every switch with a port of a network has.
    Network(NetworkId),
    /// What one switch has.
    Switch(ChassisId),
}

/// The rules of production.
#[derive(Debug, Clone, Copy, Default)]
pub struct Production;

impl Rules for Production {
    type Item = Item;
    type Scope = Scope;

    fn reach(&self, chassis: &ChassisId, view: &mut View<'_>) -> Vec<Scope> {
        let mut scopes = vec![Scope::Cloud, Scope::Switch(chassis.clone())];
        let networks = view.elements(Index::LocalNetworks(chassis.clone()));
        scopes.extend(networks.filter_map(network_of).map(Scope::Network));
        scopes
    }

    fn sources(&self, scope: &Scope) -> Vec<Source<Item>> {
        match scope {
            Scope::Cloud => vec![
                Source::One(Item::Misses),
                Source::One(Item::Forbidden),
                Source::One(Item::NeighbourReply),
                Source::each(Index::Chassis, |element| match element {
                    Element::Chassis(chassis) => Some(Item::TunnelSource(chassis.clone())),
                    _ => None,
                }),
            ],
            Scope::Network(network) => network_sources(*network),
            Scope::Switch(chassis) => switch_sources(chassis),
        }
    }

    fn lower(&self, item: &Item, view: &mut View<'_>, emit: &mut Emitter<'_>) {
        match item {
            Item::Misses => misses(emit),
            Item::Forbidden => port_security::constant(emit),
            Item::NeighbourReply => neighbours::constant(emit),
            Item::TunnelSource(chassis) => tunnels::source(chassis, view, emit),
            Item::TunnelExit(chassis) => tunnels::exit(chassis, view, emit),
            Item::Segment(network) => tunnels::segment(*network, view, emit),
            Item::Flood(network) => flood::network(*network, view, emit),
            Item::FloodChunk(network, class, chunk) => {
                flood::chunk(*network, *class, *chunk, view, emit)
            }
            Item::FloodRelay(network, class, chunk) => {
                flood::relay(*network, *class, *chunk, view, emit);
            }
            Item::OwnChunk(chassis) => flood::own_chunk(chassis, emit),
            Item::FloodLocal(chassis, network, class) => {
                flood::local(chassis, *network, *class, view, emit)
            }
            Item::Lookup(port) => lookup::port(*port, view, emit),
            Item::Neighbours(port) => neighbours::port(*port, view, emit),
            Item::OwnAddresses(port) => neighbours::own(*port, view, emit),
            Item::Remote(port) => delivery::remote(*port, view, emit),
            Item::Ingress(chassis, port) => ingress::local(chassis, *port, view, emit),
            Item::Delivery(chassis, port) => delivery::local(chassis, *port, view, emit),
            Item::PortSecurity(port) => port_security::port(*port, view, emit),
            Item::Dhcp(chassis, port) => dhcp::port(chassis, *port, view, emit),
        }
    }
}

fn network_sources(network: NetworkId) -> Vec<Source<Item>> {
    let mut sources = vec![
        Source::One(Item::Segment(network)),
        Source::One(Item::Flood(network)),
    ];
    for item in [Item::Lookup, Item::Neighbours, Item::Remote] {
        sources.push(Source::each(Index::Ports(network), move |element| {
            port_of(element).map(item)
        }));
    }
    for class in FloodClass::ALL {
        for item in [Item::FloodChunk, Item::FloodRelay] {
            let index = Index::FloodChunks(network, class);
            sources.push(Source::each(index, move |element| match element {
                Element::Chunk(chunk) => Some(item(network, class, *chunk)),
                _ => None,
            }));
        }
    }
    sources
}

fn switch_sources(chassis: &ChassisId) -> Vec<Source<Item>> {
    let local_ports = || Index::LocalPorts(chassis.clone());
    let mut sources = vec![
        Source::One(Item::TunnelExit(chassis.clone())),
        Source::One(Item::OwnChunk(chassis.clone())),
    ];
    for item in [Item::PortSecurity, Item::OwnAddresses] {
        sources.push(Source::each(local_ports(), move |element| {
            port_of(element).map(item)
        }));
    }
    for item in [Item::Ingress, Item::Delivery, Item::Dhcp] {
        let chassis = chassis.clone();
        sources.push(Source::each(local_ports(), move |element| {
            port_of(element).map(|port| item(chassis.clone(), port))
        }));
    }
    for class in FloodClass::ALL {
        let index = Index::LocalNetworks(chassis.clone());
        let chassis = chassis.clone();
        sources.push(Source::each(index, move |element| {
            network_of(element).map(|network| Item::FloodLocal(chassis.clone(), network, class))
        }));
    }
    sources
}

fn port_of(element: &Element) -> Option<PortId> {
    match element {
        Element::Port(port) => Some(*port),
        _ => None,
    }
}

fn network_of(element: &Element) -> Option<NetworkId> {
    match element {
        Element::Network(network) => Some(*network),
        _ => None,
    }
}

/// What stages do with packets that none of their flows is for; dropping them takes no flow.
fn misses(emit: &mut Emitter<'_>) {
    for row in STAGES {
        if let Miss::Continue(next) = row.miss {
            emit.flow(row.stage, 0).goto(next);
        }
    }
}

/// A network that carries traffic.
fn up<'a>(network: NetworkId, view: &mut View<'a>) -> Option<&'a Network> {
    view.network(network)
        .filter(|network| network.admin_state_up)
        .map(|network| &**network)
}

/// A port that carries traffic and is on a hypervisor, with its place there and its network.
fn located<'a>(
    chassis: &ChassisId,
    port: PortId,
    view: &mut View<'a>,
) -> Option<(&'a Location, &'a Port, &'a Network)> {
    let location = view.location_on(port, chassis)?;
    let (port, network) = live(port, view)?;
    Some((location, port, network))
}

/// A port that carries traffic, with its network: both there and administratively up.
fn live<'a>(port: PortId, view: &mut View<'a>) -> Option<(&'a Port, &'a Network)> {
    let port = view.port(port)?;
    let network = up(port.network, view)?;
    port.admin_state_up.then_some((&**port, network))
}
