//! Where packets go: a tree of shortest paths to each device that hypervisors are plugged into.
//!
//! A tree is made when it is first asked for, and keeps distances only: a link is on a shortest path when its ends'
//! distances differ by its cost, so that links of equal use need no list. When a link comes or goes, only
//! nodes whose distance changes are looked at (Ramalingam and Reps, "An Incremental Algorithm for a Generalization of
//! the Shortest-Path Problem", 1996); in a fabric with spare links that is none. What a link does to a packet is
//! decided elsewhere: this is what the underlay's own routing believes.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

use super::graph::{Graph, Link, LinkId, NodeId, Role};

/// No way.
const FAR: u64 = u64::MAX;

/// What a path is short in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Metric {
    /// Time.
    #[default]
    Delay,
    /// Links.
    Hops,
}

impl Metric {
    /// A link's cost: never 0, so that a shortest path has no cycle.
    fn cost(self, link: &Link) -> u64 {
        match self {
            Self::Delay => link.delay.max(1),
            Self::Hops => 1,
        }
    }
}

/// One end's view of a link.
#[derive(Debug, Clone, Copy)]
struct Way {
    link: LinkId,
    to: NodeId,
    cost: u64,
}

/// Distances of all nodes to one.
#[derive(Debug)]
struct Tree {
    distance: Vec<u64>,
}

/// The trees, and which links they may use.
#[derive(Debug)]
pub(super) struct Routes {
    /// By node, the links to devices; those to hypervisors lead nowhere else.
    ways: Vec<Vec<Way>>,
    /// By link, whether it is used.
    up: Vec<bool>,
    /// By link, its ends, where both are devices.
    trunks: Vec<Option<(NodeId, NodeId)>>,
    trees: BTreeMap<NodeId, Tree>,
    settled: u64,
}

/// The links that a packet is carried over, with the node that each leads to.
pub(super) type Steps = Vec<(LinkId, NodeId)>;

impl Routes {
    pub(super) fn new(graph: &Graph, metric: Metric) -> Self {
        let device = |node: NodeId| graph.node(node).role != Role::Hypervisor;
        let mut ways: Vec<Vec<Way>> = vec![Vec::new(); graph.as_petgraph().node_count()];
        let mut trunks = Vec::new();
        for (link, a, b, facts) in graph.links() {
            let cost = metric.cost(facts);
            for (from, to) in [(a, b), (b, a)] {
                if device(to) {
                    ways[from.index()].push(Way { link, to, cost });
                }
            }
            trunks.push((device(a) && device(b)).then_some((a, b)));
        }
        Self {
            ways,
            up: vec![true; trunks.len()],
            trunks,
            trees: BTreeMap::new(),
            settled: 0,
        }
    }

    /// How many distances were computed so far: what routing has cost.
    pub(super) fn settled(&self) -> u64 {
        self.settled
    }

    /// From now on, a link is used or not.
    pub(super) fn set(&mut self, link: LinkId, up: bool) {
        let Some(known) = self.up.get_mut(link.index()) else {
            return;
        };
        if std::mem::replace(known, up) == up {
            return;
        }
        let Some((a, b)) = self.trunks[link.index()] else {
            return;
        };
        let mut trees = std::mem::take(&mut self.trees);
        for tree in trees.values_mut() {
            self.settled += if up {
                self.gain(tree, link, a, b)
            } else {
                self.lose(tree, link, a, b)
            };
        }
        self.trees = trees;
    }

    /// The way that a flow takes, of equal ones by its hash; none when there is no way.
    pub(super) fn path(&mut self, from: NodeId, to: NodeId, hash: u64) -> Option<Steps> {
        let ends = self.ends(from, to);
        let (first, last) = *ends.get(pick(hash, from, ends.len())?)?;
        let mut steps = vec![(first.link, first.to)];
        let tree = self.trees.get(&last.to)?;
        let mut at = first.to;
        while at != last.to {
            let count = self.nearer(tree, at).count();
            let way = self.nearer(tree, at).nth(pick(hash, at, count)?)?;
            steps.push((way.link, way.to));
            at = way.to;
        }
        steps.push((last.link, to));
        Some(steps)
    }

    /// All ways of equal length, up to a number of them.
    pub(super) fn paths(&mut self, from: NodeId, to: NodeId, limit: usize) -> Vec<Steps> {
        let mut found = Vec::new();
        for (first, last) in self.ends(from, to) {
            let Some(tree) = self.trees.get(&last.to) else {
                continue;
            };
            let mut open = vec![vec![(first.link, first.to)]];
            while let Some(mut steps) = open.pop() {
                if found.len() >= limit {
                    return found;
                }
                let at = steps.last().map_or(from, |(_, node)| *node);
                if at == last.to {
                    steps.push((last.link, to));
                    found.push(steps);
                    continue;
                }
                open.extend(self.nearer(tree, at).map(|way| {
                    let step = (way.link, way.to);
                    steps.iter().copied().chain([step]).collect()
                }));
            }
        }
        found
    }

    /// The links that a node's packets enter and leave by, with their costs: nodes of which these are equal
    /// have the same ways.
    pub(super) fn plugged(&self, node: NodeId) -> Vec<(NodeId, u64)> {
        self.usable(node).map(|way| (way.to, way.cost)).collect()
    }

    /// The pairs of first and last links that shortest paths have.
    fn ends(&mut self, from: NodeId, to: NodeId) -> Vec<(Way, Way)> {
        let lasts: Vec<Way> = self.usable(to).collect();
        for last in &lasts {
            self.grow(last.to);
        }
        let mut ends = Vec::new();
        let mut least = FAR;
        for first in self.usable(from) {
            for last in &lasts {
                let tree = self.trees.get(&last.to);
                let between = tree.map_or(FAR, |tree| tree.distance[first.to.index()]);
                let length = between.saturating_add(first.cost).saturating_add(last.cost);
                if length < least {
                    least = length;
                    ends.clear();
                }
                if length == least && length != FAR {
                    ends.push((first, *last));
                }
            }
        }
        ends
    }

    fn usable(&self, node: NodeId) -> impl Iterator<Item = Way> + '_ {
        let ways = self.ways.get(node.index()).into_iter().flatten();
        ways.copied().filter(|way| self.up[way.link.index()])
    }

    /// The links of a node that are on a shortest path.
    fn nearer<'a>(&'a self, tree: &'a Tree, node: NodeId) -> impl Iterator<Item = Way> + 'a {
        let distance = tree.distance[node.index()];
        self.usable(node).filter(move |way| {
            tree.distance[way.to.index()].checked_add(way.cost) == Some(distance)
        })
    }

    /// Makes the tree of a device that has none.
    fn grow(&mut self, root: NodeId) {
        if self.trees.contains_key(&root) {
            return;
        }
        let mut tree = Tree {
            distance: vec![FAR; self.ways.len()],
        };
        tree.distance[root.index()] = 0;
        self.settled += self.spread(&mut tree, BinaryHeap::from([Reverse((0, root))]));
        self.trees.insert(root, tree);
    }

    /// Dijkstra's algorithm from nodes whose distances have become smaller; how many it settled.
    fn spread(&self, tree: &mut Tree, mut open: BinaryHeap<Reverse<(u64, NodeId)>>) -> u64 {
        let mut settled = 0;
        while let Some(Reverse((distance, node))) = open.pop() {
            if distance > tree.distance[node.index()] {
                continue;
            }
            settled += 1;
            for way in self.usable(node) {
                let further = distance.saturating_add(way.cost);
                if further < tree.distance[way.to.index()] {
                    tree.distance[way.to.index()] = further;
                    open.push(Reverse((further, way.to)));
                }
            }
        }
        settled
    }

    /// A link has come: what is farther from the root is perhaps nearer now.
    fn gain(&self, tree: &mut Tree, link: LinkId, a: NodeId, b: NodeId) -> u64 {
        let (far, over) = self.over(tree, link, a, b);
        if over >= tree.distance[far.index()] {
            return 0;
        }
        tree.distance[far.index()] = over;
        self.spread(tree, BinaryHeap::from([Reverse((over, far))]))
    }

    /// A link has gone: what was farther from the root perhaps used it.
    fn lose(&self, tree: &mut Tree, link: LinkId, a: NodeId, b: NodeId) -> u64 {
        let (far, over) = self.over(tree, link, a, b);
        if over == FAR || over != tree.distance[far.index()] {
            return 0;
        }
        let lost = self.cut_off(tree, far);
        let mut open = BinaryHeap::new();
        for node in &lost {
            let around = self.usable(*node).filter(|way| !lost.contains(&way.to));
            let best = around
                .map(|way| tree.distance[way.to.index()].saturating_add(way.cost))
                .min();
            tree.distance[node.index()] = best.unwrap_or(FAR);
        }
        open.extend(
            lost.iter()
                .map(|node| Reverse((tree.distance[node.index()], *node)))
                .filter(|Reverse((distance, _))| *distance != FAR),
        );
        self.spread(tree, open)
    }

    /// The end of a link that is farther from the root, and its distance over the link.
    fn over(&self, tree: &Tree, link: LinkId, a: NodeId, b: NodeId) -> (NodeId, u64) {
        let distance = |node: NodeId| tree.distance[node.index()];
        let (near, far) = if distance(a) < distance(b) {
            (a, b)
        } else {
            (b, a)
        };
        let way = self.ways[near.index()].iter().find(|way| way.link == link);
        let over = way.map_or(FAR, |way| distance(near).saturating_add(way.cost));
        (far, over)
    }

    /// A node that has lost a link, and all nodes behind it, as far as they have no other shortest path.
    fn cut_off(&self, tree: &Tree, node: NodeId) -> BTreeSet<NodeId> {
        let mut lost = BTreeSet::new();
        let mut open = BinaryHeap::from([Reverse((tree.distance[node.index()], node))]);
        while let Some(Reverse((distance, node))) = open.pop() {
            let held = self.nearer(tree, node).any(|way| !lost.contains(&way.to));
            if held || !lost.insert(node) {
                continue;
            }
            let behind = self.usable(node).filter(|way| {
                distance.checked_add(way.cost) == Some(tree.distance[way.to.index()])
            });
            open.extend(behind.map(|way| Reverse((tree.distance[way.to.index()], way.to))));
        }
        lost
    }
}

/// One of so many ways, for a flow at a node. Each node draws anew, so that flows which agreed at one node part at
/// the next.
fn pick(hash: u64, node: NodeId, count: usize) -> Option<usize> {
    let count = u64::try_from(count).ok().filter(|count| *count > 0)?;
    // The finalizer of SplitMix64.
    let mut mixed = hash
        ^ (node.index() as u64)
            .wrapping_add(1)
            .wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^= mixed >> 31;
    usize::try_from(mixed % count).ok()
}
