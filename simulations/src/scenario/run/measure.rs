//! What a run measured, as the report has it.

use std::collections::{BTreeMap, BTreeSet};

use super::Player;
use crate::report::{Change, Health, Link, Node, Report, Topology, Tunnel};
use crate::underlay::{NodeId, Role};

/// How many tunnels a report lists; of more it says only how many.
const TUNNELS: usize = 10_000;

impl Player<'_> {
    /// Every change since the beginning, and how long it took.
    pub(super) fn changes(&self) -> Vec<Change> {
        let calls = self.world.calls().iter().filter_map(|call| {
            let answer = call.answer.as_ref()?;
            let at = answer.at.checked_sub(self.zero)?;
            answer.revision?;
            let took = call
                .acknowledged
                .map(|acknowledged| acknowledged.saturating_sub(answer.at));
            Some(Change { at, took })
        });
        calls.collect()
    }

    /// The report.
    pub(super) fn report(mut self) -> Report {
        let cast = &self.scenario.cast;
        let pairs = self.tunnels();
        let links = cast.graph.as_petgraph().edge_count();
        let devices = cast.graph.as_petgraph().node_count() - cast.hypervisors.len();
        let tenants: BTreeSet<&str> = self.nets.values().map(|net| net.tenant.as_str()).collect();
        let flows = self.hypervisors.iter().map(|id| {
            (
                self.world.name(*id).to_owned(),
                self.world.flows(*id) as u64,
            )
        });
        let flows: Vec<(String, u64)> = flows.collect();
        let counts = [
            ("hypervisors", cast.hypervisors.len()),
            ("devices", devices),
            ("links", links),
            ("tenants", tenants.len()),
            ("networks", self.nets.len()),
            ("machines", self.machines.len()),
            ("tunnels", pairs.len()),
        ];
        let now = self.world.now();
        let underlay = self.world.underlay_mut();
        let lengths = underlay.map_or_else(Vec::new, |underlay| underlay.lengths(now));
        let topology = self.topology(&pairs);
        Report {
            name: self.scenario.file.name.clone(),
            description: self.scenario.file.description.clone(),
            seed: self.scenario.file.seed,
            lasted: cast.end,
            counts: counts
                .iter()
                .map(|(name, count)| ((*name).to_owned(), *count as u64))
                .collect(),
            verdicts: self.verdicts.values().cloned().collect(),
            convergence: self.changes(),
            flows,
            lengths,
            workloads: self.workloads(),
            loss: self.bins(),
            topology,
            moments: self.moments,
        }
    }

    /// The pairs of hypervisors that share networks, and how many.
    fn tunnels(&self) -> BTreeMap<(usize, usize), u64> {
        let mut sharing: BTreeMap<&str, BTreeSet<usize>> = BTreeMap::new();
        for machine in self.machines.iter().filter(|machine| machine.on) {
            sharing
                .entry(&machine.net)
                .or_default()
                .insert(machine.hypervisor.number());
        }
        let mut pairs = BTreeMap::new();
        for hypervisors in sharing.values() {
            for from in hypervisors {
                for to in hypervisors.range(from + 1..) {
                    *pairs.entry((*from, *to)).or_default() += 1;
                }
            }
        }
        pairs
    }

    fn health(&self, node: NodeId) -> Health {
        let up = self
            .world
            .underlay()
            .is_none_or(|underlay| underlay.is_up(node));
        match (up, self.hurt.0.contains(&node)) {
            (false, _) => Health::Down,
            (true, true) => Health::WasDown,
            (true, false) => Health::Up,
        }
    }

    fn topology(&mut self, pairs: &BTreeMap<(usize, usize), u64>) -> Topology {
        let graph = &self.scenario.cast.graph;
        let mut racks: BTreeMap<NodeId, usize> = BTreeMap::new();
        for (at, rack) in graph.racks().iter().enumerate() {
            racks.extend(rack.hypervisors.iter().map(|node| (*node, at)));
        }
        let nodes = graph.nodes().map(|(id, node)| Node {
            name: node.name.clone(),
            role: node.role,
            position: node.position.filter(|_| node.role != Role::Hypervisor),
            rack: racks.get(&id).copied(),
            health: self.health(id),
        });
        let underlay = self.world.underlay();
        let links = graph.links().map(|(id, from, to, link)| {
            let [forth, back] =
                underlay.map_or_else(Default::default, |underlay| underlay.traffic(id));
            let up = underlay.is_none_or(|underlay| underlay.is_link_up(id));
            let hurt = self.hurt.1.contains(&id)
                || self.hurt.0.contains(&from)
                || self.hurt.0.contains(&to);
            Link {
                from: from.index(),
                to: to.index(),
                health: match (up, hurt) {
                    (false, _) => Health::Down,
                    (true, true) => Health::WasDown,
                    (true, false) => Health::Up,
                },
                delay: link.delay,
                rate: link.rate,
                forth,
                back,
            }
        });
        let (nodes, links) = (nodes.collect(), links.collect());
        let few = pairs.len() <= TUNNELS;
        let tunnels = pairs
            .iter()
            .filter(|_| few)
            .map(|((a, b), networks)| self.tunnel(*a, *b, *networks));
        Topology {
            nodes,
            links,
            tunnels: tunnels.collect(),
        }
    }

    fn tunnel(&mut self, from: usize, to: usize, networks: u64) -> Tunnel {
        let [a, b] = [from, to].map(|at| self.scenario.cast.hypervisors[at]);
        let now = self.world.now();
        let underlay = self.world.underlay_mut();
        let way = underlay.and_then(|underlay| underlay.path_of(a, b, 0, now));
        let ends = self.health(a).max(self.health(b));
        Tunnel {
            from: a.index(),
            to: b.index(),
            networks,
            health: if way.is_none() { Health::Down } else { ends },
        }
    }
}
