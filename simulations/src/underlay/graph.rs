//! The plan of an underlay: devices, racks, hypervisors, and the links between them.
//!
//! A plan does not change while a world goes by; what is up or down, and where packets go, is
//! [`super::Underlay`]'s. Plans are made by [`super::Shape`]; hypervisors are put into racks afterwards.

use std::collections::BTreeMap;

use petgraph::graph::{EdgeIndex, NodeIndex, UnGraph};
use petgraph::visit::EdgeRef;
use serde::{Deserialize, Serialize};

/// A node of a plan. Nodes are never removed, so it always names the same one.
pub type NodeId = NodeIndex;
/// A link of a plan. Links are never removed, so it always names the same one.
pub type LinkId = EdgeIndex;

/// How many nodes a plan may have at most.
pub const MAX_NODES: usize = 50_000;
/// How many links a plan may have at most.
pub const MAX_LINKS: usize = 500_000;

/// A parameter that no plan can be made of.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{parameter}: expected {expected}, not {found}")]
pub struct Wrong {
    /// The parameter's name.
    pub parameter: &'static str,
    /// What would have been right.
    pub expected: String,
    /// What was given.
    pub found: String,
}

impl Wrong {
    /// That `parameter` is `found`, where it should have been `expected`.
    pub fn new(parameter: &'static str, expected: impl Into<String>, found: impl ToString) -> Self {
        Self {
            parameter,
            expected: expected.into(),
            found: found.to_string(),
        }
    }
}

/// What a node is in the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// The upper tier of three.
    Core,
    /// The upper tier of two.
    Spine,
    /// The middle tier of three.
    Aggregation,
    /// A switch that hypervisors are plugged into.
    Leaf,
    /// A site's router, in networks without tiers.
    Router,
    /// Where machines run; it passes nothing on.
    Hypervisor,
}

impl Role {
    /// Its distance from the top: hypervisors are lowest.
    #[must_use]
    pub fn tier(self) -> u8 {
        match self {
            Self::Core | Self::Spine => 0,
            Self::Aggregation => 1,
            Self::Leaf | Self::Router => 2,
            Self::Hypervisor => 3,
        }
    }
}

/// A place on earth, in degrees.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Position {
    /// North of the equator.
    pub latitude: f64,
    /// East of Greenwich.
    pub longitude: f64,
}

/// Light in fibre: microseconds for a kilometre.
const FIBRE_US_PER_KM: f64 = 5.0;
/// The earth's mean radius.
const EARTH_KM: f64 = 6371.0;

impl Position {
    /// How long light in fibre takes along the great circle, in microseconds.
    #[must_use]
    pub fn delay_to(self, other: Self) -> u64 {
        let (north, south) = (self.latitude.to_radians(), other.latitude.to_radians());
        let across = ((north - south) / 2.0).sin().powi(2);
        let along = ((self.longitude - other.longitude).to_radians() / 2.0)
            .sin()
            .powi(2);
        let haversine = (across + north.cos() * south.cos() * along).clamp(0.0, 1.0);
        (2.0 * EARTH_KM * haversine.sqrt().asin() * FIBRE_US_PER_KM).round() as u64
    }
}

/// A device or a hypervisor.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// Its name, unique in the plan.
    pub name: String,
    /// What it is.
    pub role: Role,
    /// Where it is, if that is known.
    pub position: Option<Position>,
}

/// What a link does to packets, the same in both directions.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Link {
    /// How long a bit takes, in microseconds.
    pub delay: u64,
    /// Bits per second; none: as many as come.
    pub rate: Option<u64>,
    /// The share of packets that is lost, from 0 to 1.
    pub loss: f64,
}

impl Link {
    /// A link without loss that takes as much as comes.
    #[must_use]
    pub const fn of_delay(delay: u64) -> Self {
        Self {
            delay,
            rate: None,
            loss: 0.0,
        }
    }

    fn checked(self) -> Result<Self, Wrong> {
        if !(0.0..=1.0).contains(&self.loss) {
            return Err(Wrong::new("loss", "a share from 0 to 1", self.loss));
        }
        if self.rate == Some(0) {
            return Err(Wrong::new("rate", "more than 0 bits per second", 0));
        }
        Ok(self)
    }
}

/// A place for hypervisors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rack {
    /// Its name, unique among racks.
    pub name: String,
    /// The devices that each of its hypervisors is plugged into.
    pub devices: Vec<NodeId>,
    /// How many hypervisors it has room for; none: no limit.
    pub room: Option<usize>,
    /// What is in it.
    pub hypervisors: Vec<NodeId>,
}

/// A plan.
#[derive(Debug, Clone, Default)]
pub struct Graph {
    graph: UnGraph<Node, Link>,
    racks: Vec<Rack>,
    names: BTreeMap<String, NodeId>,
}

impl Graph {
    /// The nodes and links as a graph of the graph library.
    #[must_use]
    pub fn as_petgraph(&self) -> &UnGraph<Node, Link> {
        &self.graph
    }

    /// Every node.
    pub fn nodes(&self) -> impl Iterator<Item = (NodeId, &Node)> {
        self.graph.node_indices().map(|id| (id, &self.graph[id]))
    }

    /// Every link with its ends.
    pub fn links(&self) -> impl Iterator<Item = (LinkId, NodeId, NodeId, &Link)> {
        self.graph
            .edge_references()
            .map(|edge| (edge.id(), edge.source(), edge.target(), edge.weight()))
    }

    /// The links of a node, with what is at their other ends.
    pub fn links_of(&self, node: NodeId) -> impl Iterator<Item = (LinkId, NodeId)> + '_ {
        self.graph
            .edges(node)
            .map(|edge| (edge.id(), edge.target()))
    }

    /// The racks, in order.
    #[must_use]
    pub fn racks(&self) -> &[Rack] {
        &self.racks
    }

    /// A node's facts.
    #[must_use]
    pub fn node(&self, id: NodeId) -> &Node {
        &self.graph[id]
    }

    /// The node of that name.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<NodeId> {
        self.names.get(name).copied()
    }

    /// The links between two nodes: several when they are parallel.
    #[must_use]
    pub fn between(&self, a: NodeId, b: NodeId) -> Vec<LinkId> {
        self.graph
            .edges_connecting(a, b)
            .map(|edge| edge.id())
            .collect()
    }

    /// A link's name: those of its ends.
    #[must_use]
    pub fn link_name(&self, link: LinkId) -> String {
        match self.graph.edge_endpoints(link) {
            Some((a, b)) => format!("{} - {}", self.graph[a].name, self.graph[b].name),
            None => String::new(),
        }
    }

    /// Puts a hypervisor into a rack, counted from 0, with a link to each of the rack's devices.
    ///
    /// # Errors
    /// [`Wrong`] when there is no such rack, it is full, or the name is taken.
    pub fn hypervisor(&mut self, name: &str, rack: usize, access: Link) -> Result<NodeId, Wrong> {
        let Some(Rack {
            devices,
            room,
            hypervisors,
            ..
        }) = self.racks.get(rack)
        else {
            let expected = format!("one of {} racks, counted from 0", self.racks.len());
            return Err(Wrong::new("rack", expected, rack));
        };
        if let Some(room) = room.filter(|room| hypervisors.len() >= *room) {
            let expected = format!("at most {room} in {}", self.racks[rack].name);
            return Err(Wrong::new("hypervisors", expected, room + 1));
        }
        let devices = devices.clone();
        let position = devices
            .first()
            .and_then(|device| self.graph[*device].position);
        let node = self.add(name, Role::Hypervisor, position)?;
        for device in devices {
            self.link(node, device, access)?;
        }
        self.racks[rack].hypervisors.push(node);
        Ok(node)
    }

    /// Adds a node that passes packets on.
    pub(super) fn add(
        &mut self,
        name: &str,
        role: Role,
        position: Option<Position>,
    ) -> Result<NodeId, Wrong> {
        if self.graph.node_count() >= MAX_NODES {
            let expected = format!("at most {MAX_NODES} devices and hypervisors");
            return Err(Wrong::new("size", expected, "more"));
        }
        if self.names.contains_key(name) {
            return Err(Wrong::new("name", "a name that is not taken", name));
        }
        let node = self.graph.add_node(Node {
            name: name.to_owned(),
            role,
            position,
        });
        self.names.insert(name.to_owned(), node);
        Ok(node)
    }

    /// Adds a link.
    pub(super) fn link(&mut self, a: NodeId, b: NodeId, link: Link) -> Result<LinkId, Wrong> {
        if a == b {
            let name = &self.graph[a].name;
            return Err(Wrong::new(
                "links",
                "two different ends",
                format!("{name} twice"),
            ));
        }
        if self.graph.edge_count() >= MAX_LINKS {
            let expected = format!("at most {MAX_LINKS} links");
            return Err(Wrong::new("size", expected, "more"));
        }
        Ok(self.graph.add_edge(a, b, link.checked()?))
    }

    /// Adds a rack; its name is that of its first device when none is given.
    pub(super) fn rack(&mut self, devices: Vec<NodeId>, room: Option<usize>) {
        let name = format!("rack{}", self.racks.len() + 1);
        self.racks.push(Rack {
            name,
            devices,
            room,
            hypervisors: Vec::new(),
        });
    }

    /// Adds a rack of the device's own name: a site.
    pub(super) fn site(&mut self, device: NodeId) {
        self.racks.push(Rack {
            name: self.graph[device].name.clone(),
            devices: vec![device],
            room: None,
            hypervisors: Vec::new(),
        });
    }
}
