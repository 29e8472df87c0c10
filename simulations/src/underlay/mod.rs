//! The network below the network: what a hypervisor's tunnel emits is carried to another's address.
//!
//! A [`Graph`] is the plan, made by a [`Shape`]; an [`Underlay`] is that plan at work: what is up, where its
//! routing believes that packets should go, how busy links are. It knows addresses of hypervisors and nothing that
//! packets carry. Time is microseconds that somebody else counts.

mod graph;
mod lane;
mod routes;
mod shape;
mod zoo;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;

use hashbrown::HashMap;
use rand::{Rng, RngExt};
use serde::{Deserialize, Serialize};

pub use graph::{
    Graph, Link, LinkId, MAX_LINKS, MAX_NODES, Node, NodeId, Position, Rack, Role, Wrong,
};
use lane::Lane;
pub use routes::Metric;
use routes::{Routes, Steps};
pub use shape::{Device, Shape};

/// How an underlay works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// What its paths are short in.
    pub metric: Metric,
    /// How long its routing takes to notice that a link came or went, in microseconds. Until then packets go on
    /// to where they went before, and are lost at what is down.
    pub convergence: u64,
    /// How long a packet may wait for a link that has a rate, in microseconds; what would wait longer is lost.
    pub queue: u64,
}

impl Default for Settings {
    /// Shortest in time, 200 ms, 10 ms.
    fn default() -> Self {
        Self {
            metric: Metric::Delay,
            convergence: 200_000,
            queue: 10_000,
        }
    }
}

/// What became of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It arrives.
    Arrives {
        /// When, in microseconds.
        at: u64,
    },
    /// It does not.
    Lost(Loss),
}

/// Where a packet was lost, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Loss {
    /// No hypervisor has that address.
    UnknownAddress(IpAddr),
    /// Routing knew no way.
    NoRoute {
        /// From that node.
        from: NodeId,
        /// To that one.
        to: NodeId,
    },
    /// It was sent over a link that is down.
    LinkDown(LinkId),
    /// It was sent to a node that is down, or by one.
    NodeDown(NodeId),
    /// By the chance that the link has.
    Chance(LinkId),
    /// It would have waited too long for the link.
    QueueFull(LinkId),
}

/// What went over a link in one direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Traffic {
    /// Packets that came over.
    pub packets: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Packets that should have gone over and were lost there.
    pub dropped: u64,
}

/// A way from one hypervisor to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Path {
    /// The links, in order.
    pub links: Vec<LinkId>,
    /// The nodes that they lead to, in order; the last one is the goal.
    pub nodes: Vec<NodeId>,
    /// How long a packet takes when no queue is in its way, in microseconds.
    pub delay: u64,
}

/// How long the paths between hypervisors are: one row for each length.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Length {
    /// Links on the way.
    pub hops: usize,
    /// Their delays together, in microseconds.
    pub delay: u64,
    /// How many pairs have it; both directions count.
    pub pairs: u64,
}

/// One direction of a link.
#[derive(Debug, Clone, Default)]
struct Direction {
    traffic: Traffic,
    lane: Lane,
}

/// An underlay at work.
#[derive(Debug)]
pub struct Underlay {
    graph: Graph,
    settings: Settings,
    addresses: HashMap<IpAddr, NodeId>,
    routes: Routes,
    /// By link.
    link_up: Vec<bool>,
    /// By node.
    node_up: Vec<bool>,
    /// By link, what routing believes, or will when it has taken note of all.
    noticed: Vec<bool>,
    /// What routing will take note of, and when.
    changes: VecDeque<(u64, LinkId, bool)>,
    /// By link: towards its second end, towards its first.
    directions: Vec<[Direction; 2]>,
}

impl Underlay {
    /// A plan at work, with everything up.
    #[must_use]
    pub fn new(graph: Graph, settings: Settings) -> Self {
        let links = graph.as_petgraph().edge_count();
        Self {
            routes: Routes::new(&graph, settings.metric),
            link_up: vec![true; links],
            node_up: vec![true; graph.as_petgraph().node_count()],
            noticed: vec![true; links],
            changes: VecDeque::new(),
            directions: vec![Default::default(); links],
            addresses: HashMap::new(),
            graph,
            settings,
        }
    }

    /// Its plan.
    #[must_use]
    pub fn graph(&self) -> &Graph {
        &self.graph
    }

    /// Gives a hypervisor an address; it may have several. The last one that is given an address has it.
    pub fn bind(&mut self, address: IpAddr, hypervisor: NodeId) {
        self.addresses.insert(address, hypervisor);
    }

    /// Who has an address.
    #[must_use]
    pub fn holder(&self, address: IpAddr) -> Option<NodeId> {
        self.addresses.get(&address).copied()
    }

    /// Carries a packet of so many bytes, sent `now`. `hash` is its flow's: packets of equal hash stay together as
    /// long as nothing fails. `now` never goes backwards.
    pub fn send(
        &mut self,
        from: IpAddr,
        to: IpAddr,
        hash: u64,
        bytes: usize,
        now: u64,
        dice: &mut (impl Rng + ?Sized),
    ) -> Fate {
        self.converge(now);
        match self.carry(from, to, hash, bytes, now, dice) {
            Ok(at) => Fate::Arrives { at },
            Err(loss) => Fate::Lost(loss),
        }
    }

    fn carry(
        &mut self,
        from: IpAddr,
        to: IpAddr,
        hash: u64,
        bytes: usize,
        now: u64,
        dice: &mut (impl Rng + ?Sized),
    ) -> Result<u64, Loss> {
        let holder = |address| self.holder(address).ok_or(Loss::UnknownAddress(address));
        let (from, to) = (holder(from)?, holder(to)?);
        if !self.node_up[from.index()] {
            return Err(Loss::NodeDown(from));
        }
        if from == to {
            return Ok(now);
        }
        let steps = self.routes.path(from, to, hash);
        let steps = steps.ok_or(Loss::NoRoute { from, to })?;
        let now = now.saturating_mul(1000);
        let mut at = now;
        for step in steps {
            at = self.cross(step, bytes as u64, at, now, dice)?;
        }
        Ok(at.div_ceil(1000))
    }

    /// Carries a packet that reaches a link at a time; when it is over. Both are nanoseconds, as is `now`.
    fn cross(
        &mut self,
        (link, next): (LinkId, NodeId),
        bytes: u64,
        at: u64,
        now: u64,
        dice: &mut (impl Rng + ?Sized),
    ) -> Result<u64, Loss> {
        let facts = self.graph.as_petgraph()[link];
        let side = self.side(link, next);
        let Direction { traffic, lane } = &mut self.directions[link.index()][side];
        let length = facts
            .rate
            .map_or(0, |rate| bytes.saturating_mul(8_000_000_000) / rate);
        let start = if length == 0 {
            at
        } else {
            lane.free(at, length)
        };
        let loss = if !self.link_up[link.index()] {
            Some(Loss::LinkDown(link))
        } else if !self.node_up[next.index()] {
            Some(Loss::NodeDown(next))
        } else if start - at > self.settings.queue.saturating_mul(1000) {
            Some(Loss::QueueFull(link))
        } else if facts.loss > 0.0 && dice.random_bool(facts.loss) {
            Some(Loss::Chance(link))
        } else {
            None
        };
        if let Some(loss) = loss {
            traffic.dropped += 1;
            return Err(loss);
        }
        traffic.packets += 1;
        traffic.bytes += bytes;
        lane.take(start, length, now);
        let delay = facts.delay.saturating_mul(1000);
        Ok(start.saturating_add(length).saturating_add(delay))
    }

    /// Which direction of a link leads to a node.
    fn side(&self, link: LinkId, next: NodeId) -> usize {
        let ends = self.graph.as_petgraph().edge_endpoints(link);
        usize::from(ends.is_some_and(|(first, _)| first == next))
    }

    /// Takes a link down, or up again. Packets notice at once, routing after the time that it takes.
    pub fn set_link(&mut self, link: LinkId, up: bool, now: u64) {
        self.converge(now);
        if let Some(state) = self.link_up.get_mut(link.index()) {
            *state = up;
            self.notice(link, now);
        }
    }

    /// Takes a device or a hypervisor down with all its links, or up again.
    pub fn set_device(&mut self, node: NodeId, up: bool, now: u64) {
        self.converge(now);
        if let Some(state) = self.node_up.get_mut(node.index()) {
            *state = up;
            let links: Vec<LinkId> = self.graph.links_of(node).map(|(link, _)| link).collect();
            for link in links {
                self.notice(link, now);
            }
        }
    }

    /// Whether a link and both its ends are up.
    #[must_use]
    pub fn is_link_up(&self, link: LinkId) -> bool {
        let ends = self.graph.as_petgraph().edge_endpoints(link);
        ends.is_some_and(|(a, b)| {
            self.link_up[link.index()] && self.node_up[a.index()] && self.node_up[b.index()]
        })
    }

    /// Whether a node is up.
    #[must_use]
    pub fn is_up(&self, node: NodeId) -> bool {
        self.node_up.get(node.index()).copied().unwrap_or(false)
    }

    /// Has routing take note of a link, in time, if it is not as routing has it.
    fn notice(&mut self, link: LinkId, now: u64) {
        let up = self.is_link_up(link);
        if std::mem::replace(&mut self.noticed[link.index()], up) != up {
            let due = now.saturating_add(self.settings.convergence);
            self.changes.push_back((due, link, up));
        }
    }

    /// Lets routing take note of what is due.
    fn converge(&mut self, now: u64) {
        while let Some((due, link, up)) = self.changes.front().copied() {
            if due > now {
                return;
            }
            self.changes.pop_front();
            self.routes.set(link, up);
        }
    }

    /// The ways that routing has `now` from one hypervisor to another, all of equal length; at most `limit`.
    pub fn paths(&mut self, from: NodeId, to: NodeId, limit: usize, now: u64) -> Vec<Path> {
        self.converge(now);
        if from == to {
            return Vec::new();
        }
        let found = self.routes.paths(from, to, limit);
        found.into_iter().map(|steps| self.path(steps)).collect()
    }

    /// The way that a flow takes `now` from one hypervisor to another.
    pub fn path_of(&mut self, from: NodeId, to: NodeId, hash: u64, now: u64) -> Option<Path> {
        self.converge(now);
        if from == to {
            return None;
        }
        let steps = self.routes.path(from, to, hash)?;
        Some(self.path(steps))
    }

    fn path(&self, steps: Steps) -> Path {
        let delay = |link: &LinkId| self.graph.as_petgraph()[*link].delay;
        let (links, nodes): (Vec<LinkId>, Vec<NodeId>) = steps.into_iter().unzip();
        let delay = links.iter().map(delay).fold(0, u64::saturating_add);
        Path {
            links,
            nodes,
            delay,
        }
    }

    /// How long the paths between all hypervisors are `now`, and how many have which length. Pairs without a way
    /// have none.
    pub fn lengths(&mut self, now: u64) -> Vec<Length> {
        self.converge(now);
        let mut alike: BTreeMap<Vec<(NodeId, u64)>, Vec<NodeId>> = BTreeMap::new();
        for node in self.hypervisors() {
            alike
                .entry(self.routes.plugged(node))
                .or_default()
                .push(node);
        }
        let groups: Vec<Vec<NodeId>> = alike.into_values().collect();
        let mut lengths: BTreeMap<(usize, u64), u64> = BTreeMap::new();
        for from in &groups {
            for to in &groups {
                let same = from == to;
                let (Some(a), Some(b)) = (from.first(), if same { to.get(1) } else { to.first() })
                else {
                    continue;
                };
                let pairs = from.len() * if same { to.len() - 1 } else { to.len() };
                if let Some(path) = self.path_of(*a, *b, 0, now) {
                    *lengths.entry((path.links.len(), path.delay)).or_default() += pairs as u64;
                }
            }
        }
        let row = |((hops, delay), pairs)| Length { hops, delay, pairs };
        lengths.into_iter().map(row).collect()
    }

    fn hypervisors(&self) -> Vec<NodeId> {
        let racks = self.graph.racks().iter();
        racks
            .flat_map(|rack| rack.hypervisors.iter().copied())
            .collect()
    }

    /// What went over a link: towards the second of its ends, and towards the first.
    #[must_use]
    pub fn traffic(&self, link: LinkId) -> [Traffic; 2] {
        let directions = self.directions.get(link.index());
        directions.map_or_else(Default::default, |directions| {
            [directions[0].traffic, directions[1].traffic]
        })
    }

    /// How many distances routing has computed so far: what it cost.
    #[must_use]
    pub fn settled(&self) -> u64 {
        self.routes.settled()
    }

    /// A loss in words.
    #[must_use]
    pub fn describe(&self, loss: Loss) -> String {
        let node = |node: NodeId| self.graph.node(node).name.as_str();
        match loss {
            Loss::UnknownAddress(address) => format!("no hypervisor has the address {address}"),
            Loss::NoRoute { from, to } => format!("no way from {} to {}", node(from), node(to)),
            Loss::LinkDown(link) => format!("link {} is down", self.graph.link_name(link)),
            Loss::NodeDown(down) => format!("{} is down", node(down)),
            Loss::Chance(link) => format!("lost on link {}", self.graph.link_name(link)),
            Loss::QueueFull(link) => {
                format!("the queue of link {} is full", self.graph.link_name(link))
            }
        }
    }
}
