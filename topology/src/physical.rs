//! The physical network as a graph: hypervisors, their bridges, the ports on them, and the tunnel
//! meshes that carry networks between bridges.
//!
//! Kept by the model from what is observed, one step for each thing that comes or goes. A network is
//! one node that every bridge with a port of it is joined to, not an edge for each pair of bridges:
//! so the graph grows with what there is, and a pair's tunnels are found on demand
//! ([`Physical::tunnels`]).

use std::collections::{BTreeMap, BTreeSet};

use hashbrown::HashMap;
use petgraph::stable_graph::{NodeIndex, StableUnGraph};

use crate::ids::{ChassisId, NetworkId, PortId};
use crate::model::{Element, Index, IndexDelta};

/// A node of the graph.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// A hypervisor.
    Hypervisor(ChassisId),
    /// Its integration bridge.
    Bridge(ChassisId),
    /// A port that is on a bridge.
    Port(PortId),
    /// The mesh of tunnels that carries a network.
    Mesh(NetworkId),
}

/// An edge of the graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Link {
    /// A hypervisor has a bridge.
    Has,
    /// A bridge carries a port.
    Carries,
    /// A bridge takes part in a mesh.
    Joins,
}

/// The graph. Nodes are found by what they stand for; indexes of the graph never leave it.
#[derive(Debug, Default)]
pub struct Physical {
    graph: StableUnGraph<Place, Link>,
    nodes: HashMap<Place, NodeIndex>,
}

impl Physical {
    /// The graph.
    #[must_use]
    pub fn graph(&self) -> &StableUnGraph<Place, Link> {
        &self.graph
    }

    /// What a place is linked to, in order.
    #[must_use]
    pub fn neighbours(&self, place: &Place) -> BTreeSet<&Place> {
        let node = self.nodes.get(place).copied();
        node.into_iter()
            .flat_map(|node| self.graph.neighbors(node))
            .map(|neighbour| &self.graph[neighbour])
            .collect()
    }

    /// For each pair of hypervisors that share networks, the networks: what tunnels carry.
    #[must_use]
    pub fn tunnels(&self) -> BTreeMap<(&ChassisId, &ChassisId), Vec<NetworkId>> {
        let mut tunnels: BTreeMap<_, Vec<NetworkId>> = BTreeMap::new();
        let mut meshes: Vec<NetworkId> = self
            .graph
            .node_weights()
            .filter_map(|place| match place {
                Place::Mesh(network) => Some(*network),
                _ => None,
            })
            .collect();
        meshes.sort_unstable();
        for network in meshes {
            let ends: Vec<&ChassisId> = self
                .neighbours(&Place::Mesh(network))
                .into_iter()
                .filter_map(|place| match place {
                    Place::Bridge(chassis) => Some(chassis),
                    _ => None,
                })
                .collect();
            for (at, from) in ends.iter().enumerate() {
                for to in &ends[at + 1..] {
                    tunnels.entry((*from, *to)).or_default().push(network);
                }
            }
        }
        tunnels
    }

    /// Takes note of something that came or went.
    pub(crate) fn follow(&mut self, delta: &IndexDelta) {
        let (from, link, to) = match (&delta.index, &delta.element) {
            (Index::Chassis, Element::Chassis(chassis)) => (
                Place::Hypervisor(chassis.clone()),
                Link::Has,
                Place::Bridge(chassis.clone()),
            ),
            (Index::LocalPorts(chassis), Element::Port(port)) => (
                Place::Bridge(chassis.clone()),
                Link::Carries,
                Place::Port(*port),
            ),
            (Index::LocalNetworks(chassis), Element::Network(network)) => (
                Place::Bridge(chassis.clone()),
                Link::Joins,
                Place::Mesh(*network),
            ),
            _ => return,
        };
        if delta.present {
            let (from, to) = (self.node(from), self.node(to));
            self.graph.update_edge(from, to, link);
        } else {
            self.unlink(&from, &to);
        }
    }

    fn node(&mut self, place: Place) -> NodeIndex {
        let Self { graph, nodes } = self;
        *nodes
            .entry(place)
            .or_insert_with_key(|place| graph.add_node(place.clone()))
    }

    /// Removes an edge, and its ends when nothing else is linked to them.
    fn unlink(&mut self, from: &Place, to: &Place) {
        let (Some(a), Some(b)) = (self.nodes.get(from).copied(), self.nodes.get(to).copied())
        else {
            return;
        };
        if let Some(edge) = self.graph.find_edge(a, b) {
            self.graph.remove_edge(edge);
        }
        for (place, node) in [(from, a), (to, b)] {
            if self.graph.neighbors(node).next().is_none() {
                self.graph.remove_node(node);
                self.nodes.remove(place);
            }
        }
    }
}
