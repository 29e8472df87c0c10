//! Shapes of networks, each made into a plan from its parameters and a seed alone.
//!
//! A shape knows devices and the racks that they leave room for; who sits in the racks is put there
//! afterwards. WANs are read by [`super::zoo`].

use petgraph::algo::connected_components;
use petgraph::graph::UnGraph;
use rand::rngs::Xoshiro256PlusPlus;
use rand::{RngExt, SeedableRng};

use super::graph::{Graph, Link, MAX_LINKS, MAX_NODES, NodeId, Position, Role, Wrong};
use super::zoo;

/// What a network looks like.
#[derive(Debug, Clone, PartialEq)]
pub enum Shape {
    /// Every leaf is linked to every spine.
    LeafSpine {
        /// Switches of the lower tier.
        leaves: usize,
        /// Switches of the upper tier.
        spines: usize,
        /// Leaves that each hypervisor is plugged into: a rack has so many.
        homes: usize,
    },
    /// The fat-tree of switches with `k` ports (Al-Fares, Loukissas, Vahdat: "A Scalable, Commodity Data
    /// Center Network Architecture", 2008).
    FatTree {
        /// Ports of a switch; even.
        k: usize,
    },
    /// Access switches under the aggregation switches of their pod, those under every core switch.
    ThreeTier {
        /// Switches of the upper tier.
        cores: usize,
        /// How many groups of aggregation and access switches.
        pods: usize,
        /// Aggregation switches of a pod.
        aggregations: usize,
        /// Access switches of a pod.
        accesses: usize,
    },
    /// Sites, each linked to the next one and the last to the first.
    Ring {
        /// How many.
        sites: usize,
    },
    /// Sites, each linked to each.
    Mesh {
        /// How many.
        sites: usize,
    },
    /// Sites, each linked to the same number of others, by chance (Jellyfish).
    RandomRegular {
        /// How many.
        sites: usize,
        /// How many links each has.
        degree: usize,
    },
    /// Cities and lines from a GraphML file of the Internet Topology Zoo; delays follow from the distance.
    Wan {
        /// The file's text.
        graphml: String,
    },
    /// Devices and links one by one.
    List {
        /// The devices.
        devices: Vec<Device>,
        /// Links between devices, by their names; none: the link of all others.
        links: Vec<(String, String, Option<Link>)>,
    },
}

/// A device of an explicit list.
#[derive(Debug, Clone, PartialEq)]
pub struct Device {
    /// Its name.
    pub name: String,
    /// What it is. Leaves and routers are racks.
    pub role: Role,
    /// Where it is.
    pub position: Option<Position>,
}

impl Shape {
    /// The plan, with `link` between devices wherever the shape names no other.
    ///
    /// # Errors
    /// [`Wrong`] names the parameter that no plan can be made of.
    pub fn plan(&self, link: Link, seed: u64) -> Result<Graph, Wrong> {
        match self {
            Self::LeafSpine {
                leaves,
                spines,
                homes,
            } => leaf_spine(*leaves, *spines, *homes, link),
            Self::FatTree { k } => fat_tree(*k, link),
            Self::ThreeTier {
                cores,
                pods,
                aggregations,
                accesses,
            } => three_tier(*cores, *pods, *aggregations, *accesses, link),
            Self::Ring { sites } => ring(*sites, link),
            Self::Mesh { sites } => mesh(*sites, link),
            Self::RandomRegular { sites, degree } => random_regular(*sites, *degree, link, seed),
            Self::Wan { graphml } => zoo::wan(graphml, link),
            Self::List { devices, links } => list(devices, links, link),
        }
    }
}

/// That a number of devices is one that a plan may have.
fn number(parameter: &'static str, least: usize, found: usize) -> Result<usize, Wrong> {
    if (least..=MAX_NODES).contains(&found) {
        return Ok(found);
    }
    let expected = format!("a number from {least} to {MAX_NODES}");
    Err(Wrong::new(parameter, expected, found))
}

/// That so many links are not more than a plan may have, before any is made.
fn few_links(parameter: &'static str, links: Option<usize>) -> Result<(), Wrong> {
    match links {
        Some(links) if links <= MAX_LINKS => Ok(()),
        _ => {
            let expected = format!("so few that there are at most {MAX_LINKS} links");
            Err(Wrong::new(parameter, expected, "more"))
        }
    }
}

/// Devices that are named by counting from one.
fn devices(
    graph: &mut Graph,
    role: Role,
    prefix: &str,
    count: usize,
) -> Result<Vec<NodeId>, Wrong> {
    (1..=count)
        .map(|number| graph.add(&format!("{prefix}{number}"), role, None))
        .collect()
}

/// A link from each of some to each of others.
fn join(graph: &mut Graph, from: &[NodeId], to: &[NodeId], link: Link) -> Result<(), Wrong> {
    for a in from {
        for b in to {
            graph.link(*a, *b, link)?;
        }
    }
    Ok(())
}

fn leaf_spine(leaves: usize, spines: usize, homes: usize, link: Link) -> Result<Graph, Wrong> {
    number("leaves", 1, leaves)?;
    number("spines", 1, spines)?;
    if homes == 0 || !leaves.is_multiple_of(homes) {
        let expected = format!("a divisor of the number of leaves, {leaves}");
        return Err(Wrong::new("homes", expected, homes));
    }
    few_links("leaves", leaves.checked_mul(spines))?;
    let mut graph = Graph::default();
    let upper = devices(&mut graph, Role::Spine, "spine", spines)?;
    let lower = devices(&mut graph, Role::Leaf, "leaf", leaves)?;
    join(&mut graph, &lower, &upper, link)?;
    for pair in lower.chunks(homes) {
        graph.rack(pair.to_vec(), None);
    }
    Ok(graph)
}

fn fat_tree(k: usize, link: Link) -> Result<Graph, Wrong> {
    if !(2..=64).contains(&k) || !k.is_multiple_of(2) {
        return Err(Wrong::new("k", "an even number from 2 to 64", k));
    }
    let half = k / 2;
    let mut graph = Graph::default();
    let cores = devices(&mut graph, Role::Core, "core", half * half)?;
    let mut edges = Vec::new();
    for pod in 1..=k {
        let upper = devices(
            &mut graph,
            Role::Aggregation,
            &format!("pod{pod}-agg"),
            half,
        )?;
        let lower = devices(&mut graph, Role::Leaf, &format!("pod{pod}-edge"), half)?;
        join(&mut graph, &lower, &upper, link)?;
        for (above, cores) in upper.iter().zip(cores.chunks(half)) {
            join(&mut graph, &[*above], cores, link)?;
        }
        edges.extend(lower);
    }
    for edge in edges {
        graph.rack(vec![edge], Some(half));
    }
    Ok(graph)
}

fn three_tier(
    cores: usize,
    pods: usize,
    aggregations: usize,
    accesses: usize,
    link: Link,
) -> Result<Graph, Wrong> {
    number("cores", 1, cores)?;
    number("pods", 1, pods)?;
    number("aggregations", 1, aggregations)?;
    number("accesses", 1, accesses)?;
    let of_pod = cores
        .checked_add(accesses)
        .and_then(|ends| ends.checked_mul(aggregations));
    few_links("pods", of_pod.and_then(|links| links.checked_mul(pods)))?;
    let mut graph = Graph::default();
    let top = devices(&mut graph, Role::Core, "core", cores)?;
    for pod in 1..=pods {
        let upper = devices(
            &mut graph,
            Role::Aggregation,
            &format!("pod{pod}-agg"),
            aggregations,
        )?;
        let lower = devices(
            &mut graph,
            Role::Leaf,
            &format!("pod{pod}-access"),
            accesses,
        )?;
        join(&mut graph, &upper, &top, link)?;
        join(&mut graph, &lower, &upper, link)?;
        for access in lower {
            graph.rack(vec![access], None);
        }
    }
    Ok(graph)
}

/// Routers that are sites.
fn sites(graph: &mut Graph, count: usize) -> Result<Vec<NodeId>, Wrong> {
    let routers = devices(graph, Role::Router, "site", count)?;
    for router in &routers {
        graph.site(*router);
    }
    Ok(routers)
}

fn ring(count: usize, link: Link) -> Result<Graph, Wrong> {
    number("sites", 3, count)?;
    let mut graph = Graph::default();
    let routers = sites(&mut graph, count)?;
    for (at, router) in routers.iter().enumerate() {
        graph.link(*router, routers[(at + 1) % count], link)?;
    }
    Ok(graph)
}

fn mesh(count: usize, link: Link) -> Result<Graph, Wrong> {
    number("sites", 2, count)?;
    few_links("sites", count.checked_mul(count).map(|ends| ends / 2))?;
    let mut graph = Graph::default();
    let routers = sites(&mut graph, count)?;
    for (at, router) in routers.iter().enumerate() {
        join(&mut graph, &[*router], &routers[at + 1..], link)?;
    }
    Ok(graph)
}

fn random_regular(count: usize, degree: usize, link: Link, seed: u64) -> Result<Graph, Wrong> {
    number("sites", 2, count)?;
    let least = if count == 2 { 1 } else { 2 };
    let fits = (least..count).contains(&degree) && (count * degree).is_multiple_of(2);
    if !fits {
        let expected = format!(
            "a number from {least} to {}, even when the number of sites is odd",
            count - 1
        );
        return Err(Wrong::new("degree", expected, degree));
    }
    few_links("degree", Some(count * degree / 2))?;
    let mut graph = Graph::default();
    let routers = sites(&mut graph, count)?;
    for (a, b) in shuffled(count, circulant(count, degree), seed) {
        graph.link(routers[a], routers[b], link)?;
    }
    Ok(graph)
}

/// Each node is linked to the nearest ones on a circle: a regular graph that is connected.
fn circulant(count: usize, degree: usize) -> Vec<(usize, usize)> {
    let near = (1..=degree / 2).flat_map(|step| (0..count).map(move |a| (a, (a + step) % count)));
    let opposite = (0..if degree % 2 == 1 { count / 2 } else { 0 }).map(|a| (a, a + count / 2));
    near.chain(opposite).collect()
}

/// How often every link changes an end, on average.
const ROUNDS: usize = 10;

/// Links change ends in pairs, by chance: all degrees stay, no link becomes double. A round that leaves the
/// graph in two parts is undone.
fn shuffled(count: usize, mut links: Vec<(usize, usize)>, seed: u64) -> Vec<(usize, usize)> {
    let mut dice = Xoshiro256PlusPlus::seed_from_u64(seed);
    let order = |a: usize, b: usize| (a.min(b), a.max(b));
    for _ in 0..ROUNDS {
        let before = links.clone();
        let mut known: std::collections::HashSet<(usize, usize)> =
            links.iter().map(|(a, b)| order(*a, *b)).collect();
        for _ in 0..links.len() {
            let (i, j) = (
                dice.random_range(0..links.len()),
                dice.random_range(0..links.len()),
            );
            let ((a, b), (mut c, mut d)) = (links[i], links[j]);
            if dice.random() {
                (c, d) = (d, c);
            }
            let (one, other) = (order(a, d), order(c, b));
            if a == d || c == b || one == other || known.contains(&one) || known.contains(&other) {
                continue;
            }
            known.remove(&order(a, b));
            known.remove(&order(c, d));
            known.extend([one, other]);
            (links[i], links[j]) = ((a, d), (c, b));
        }
        if !connected(count, &links) {
            links = before;
        }
    }
    links
}

fn connected(count: usize, links: &[(usize, usize)]) -> bool {
    let mut graph = UnGraph::<(), ()>::default();
    let nodes: Vec<NodeId> = (0..count).map(|_| graph.add_node(())).collect();
    for (a, b) in links {
        graph.add_edge(nodes[*a], nodes[*b], ());
    }
    connected_components(&graph) == 1
}

fn list(
    devices: &[Device],
    links: &[(String, String, Option<Link>)],
    link: Link,
) -> Result<Graph, Wrong> {
    let mut graph = Graph::default();
    for Device {
        name,
        role,
        position,
    } in devices
    {
        if *role == Role::Hypervisor {
            let expected = "a device: hypervisors are put into racks";
            return Err(Wrong::new("role", expected, "hypervisor"));
        }
        let node = graph.add(name, *role, *position)?;
        if matches!(role, Role::Leaf | Role::Router) {
            graph.site(node);
        }
    }
    for (a, b, own) in links {
        let end = |name: &String| {
            let unknown = || Wrong::new("links", "names of devices", name);
            graph.named(name).ok_or_else(unknown)
        };
        let (a, b) = (end(a)?, end(b)?);
        graph.link(a, b, own.unwrap_or(link))?;
    }
    if graph.racks().is_empty() {
        return Err(Wrong::new("devices", "a leaf or a router", "none"));
    }
    Ok(graph)
}
