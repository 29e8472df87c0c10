//! What operators can look at: hypervisors, switches, ports, tunnels and flows, as plain data.
//!
//! Computed when asked, from what the member knows; only the numbers of flows are kept, for counting
//! them takes making every program.

use std::collections::BTreeMap;
use std::sync::Arc;

use petgraph::graph::UnGraph;
use rust_openflow::PortNo;
use rust_openflow::text::{self, Names};
use serde::{Deserialize, Serialize};
use weft_compiler::pipeline::STAGES;
use weft_compiler::{Content, Delta, Key};
use weft_topology::{ChassisId, Element, Index, InterfaceId, Location, Role, TunnelKind};

use crate::member::Member;
use crate::switch::Sync;

/// A hypervisor and its switch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SwitchStatus {
    /// `external_ids:system-id`.
    pub system_id: String,
    /// Its host name.
    pub hostname: String,
    /// The identity of its bridge, in 16 hex digits.
    pub datapath_id: Option<String>,
    /// Whether its OVSDB is connected.
    pub ovsdb: bool,
    /// The OpenFlow version that is spoken; none while it is not connected.
    pub openflow: Option<String>,
    /// `disconnected`, `reading`, `in order`, `updating`, `refusing` or `held`.
    pub state: String,
    /// The revision up to which it acknowledged its program.
    pub acknowledged: Option<u64>,
    /// How many flows its program has; 0 until the switch was read for the first time.
    pub flows: usize,
    /// How many flows it refused.
    pub refused: usize,
    /// Where it receives tunnelled frames: `vxlan 192.0.2.1`.
    pub encapsulations: Vec<String>,
}

/// A logical port.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PortStatus {
    /// Its id.
    pub id: String,
    /// Its network's id.
    pub network_id: String,
    /// Its Ethernet address.
    pub mac_address: String,
    /// Its addresses.
    pub addresses: Vec<String>,
    /// The hypervisor that it is on; of two, the one where it appeared last.
    pub hypervisor: Option<String>,
    /// The interface that carries it there.
    pub interface: Option<String>,
    /// The interface's port number.
    pub ofport: Option<u32>,
    /// Whether the switch there acknowledged its flows. A port behind which Weft itself stands is nowhere, and
    /// ready.
    pub ready: bool,
    /// The switch's words when it refused one.
    pub error: Option<String>,
    /// The other place of a port whose machine moves: where it was before.
    pub also_on: Option<PlaceStatus>,
}

/// A place of a port.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlaceStatus {
    /// The hypervisor.
    pub hypervisor: String,
    /// The interface that carries the port there.
    pub interface: String,
    /// The interface's port number.
    pub ofport: u32,
    /// Whether the switch there acknowledged the port's flows.
    pub ready: bool,
    /// The switch's words when it refused one.
    pub error: Option<String>,
}

/// Hypervisors and the tunnels between them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Topology {
    /// Hypervisors.
    pub hypervisors: Vec<Node>,
    /// Tunnels, each once.
    pub tunnels: Vec<Tunnel>,
}

/// A hypervisor in the topology.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Node {
    /// `external_ids:system-id`.
    pub system_id: String,
    /// Its host name.
    pub hostname: String,
    /// Whether its switch is connected.
    pub connected: bool,
    /// How many ports are on it.
    pub ports: usize,
}

/// A pair of hypervisors that can send each other frames.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tunnel {
    /// The encapsulation.
    pub kind: String,
    /// One end, by its place in [`Topology::hypervisors`].
    pub from: usize,
    /// The other end.
    pub to: usize,
    /// How many networks have ports at both ends and use it.
    pub networks: usize,
}

/// A flow of a program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlowStatus {
    /// Its cookie, with `0x`.
    pub cookie: String,
    /// Its stage's name.
    pub stage: String,
    /// The flow as `ovs-ofctl` writes it, with the names of stages.
    pub flow: String,
    /// What emitted it: item and line of source.
    pub owners: Vec<String>,
    /// The switch's words when it refused it.
    pub refused: Option<String>,
}

impl Topology {
    /// The topology as a graph: hypervisors and, between them, encapsulations.
    #[must_use]
    pub fn graph(&self) -> UnGraph<String, String> {
        let mut graph = UnGraph::new_undirected();
        let nodes: Vec<_> = self
            .hypervisors
            .iter()
            .map(|node| graph.add_node(format!("{}\n{} ports", node.hostname, node.ports)))
            .collect();
        for tunnel in &self.tunnels {
            if let (Some(from), Some(to)) = (nodes.get(tunnel.from), nodes.get(tunnel.to)) {
                graph.add_edge(*from, *to, format!("{} ({})", tunnel.kind, tunnel.networks));
            }
        }
        graph
    }
}

/// The names of the pipeline's stages, for flows.
#[must_use]
pub fn stage_names() -> Names {
    STAGES.iter().fold(Names::default(), |names, row| {
        names.with_table(row.stage.table(), row.name)
    })
}

impl Member {
    /// Every hypervisor that was ever seen, with its switch.
    #[must_use]
    pub fn switch_statuses(&self) -> Vec<SwitchStatus> {
        self.observations
            .iter()
            .filter_map(|(system_id, known)| {
                let (_, row) = known.chassis.as_ref()?;
                let chassis = ChassisId::from(system_id.as_str());
                let switch = self
                    .by_chassis
                    .get(&chassis)
                    .and_then(|link| self.switches.get(link));
                Some(SwitchStatus {
                    system_id: system_id.clone(),
                    hostname: row.hostname.clone(),
                    datapath_id: row.datapath_id.clone(),
                    ovsdb: self.by_system_id.contains_key(system_id),
                    openflow: switch.map(|switch| switch.version.to_string()),
                    state:
                        match switch.map(|switch| (switch.sync, switch.outstanding.is_empty())) {
                            None => "disconnected",
                            Some((Sync::Held, _)) => "held",
                            Some((Sync::Following, true)) => "in order",
                            Some((Sync::Following, false)) => "updating",
                            Some((Sync::Draining, _)) => "updating",
                            Some((Sync::Failed, _)) => "refusing",
                            Some((Sync::Unknown | Sync::Reading | Sync::Released, _)) => "reading",
                        }
                        .to_owned(),
                    acknowledged: switch.and_then(|switch| switch.acknowledged(self.revision)),
                    flows: self.flows.get(&chassis).copied().unwrap_or_default(),
                    refused: switch.map_or(0, |switch| switch.refused.len()),
                    encapsulations: row
                        .encaps
                        .iter()
                        .map(|encap| format!("{} {}", encap.kind, encap.ip))
                        .collect(),
                })
            })
            .collect()
    }

    /// Takes note of how many more flows a switch's program has, or fewer.
    pub(crate) fn count_flows(&mut self, chassis: &ChassisId, parts: &[Arc<Delta>]) {
        let Some(flows) = self.flows.get_mut(chassis) else {
            return;
        };
        let is_flow = |content: &&Content| matches!(content, Content::Flow(_));
        for delta in parts {
            let fresh = |content: &&Content| !delta.replaced.contains(&content.key());
            *flows += delta.set.iter().filter(is_flow).filter(fresh).count();
            *flows -= delta.removed.iter().filter(is_flow).count().min(*flows);
        }
    }

    /// Every port of every network that has a port anywhere.
    #[must_use]
    pub fn port_statuses(&self) -> Vec<PortStatus> {
        let model = self.compiler.model();
        model
            .ports()
            .map(|(id, port)| {
                let mut places = model.locations(id).iter();
                let mut next = || places.next().map(|location| self.place_status(location));
                let (place, also_on) = (next(), next());
                PortStatus {
                    id: id.to_string(),
                    network_id: port.network.to_string(),
                    mac_address: port.mac.to_string(),
                    addresses: port
                        .fixed_ips
                        .iter()
                        .map(|fixed| fixed.ip.to_string())
                        .collect(),
                    hypervisor: place.as_ref().map(|place| place.hypervisor.clone()),
                    interface: place.as_ref().map(|place| place.interface.clone()),
                    ofport: place.as_ref().map(|place| place.ofport),
                    ready: port.role == Role::Services
                        || place.as_ref().is_some_and(|place| place.ready),
                    error: place.and_then(|place| place.error),
                    also_on,
                }
            })
            .collect()
    }

    fn place_status(&self, location: &Location) -> PlaceStatus {
        let InterfaceId { chassis, name } = &location.interface;
        let known = self.observations.get(&chassis.0);
        let row = known.and_then(|known| known.interfaces.get(&**name));
        PlaceStatus {
            hypervisor: chassis.to_string(),
            interface: name.to_string(),
            ofport: location.ofport.0,
            ready: row.is_some_and(|(_, row)| row.ready),
            error: row.and_then(|(_, row)| row.error.clone()),
        }
    }

    /// Hypervisors and the tunnels that carry networks between them.
    #[must_use]
    pub fn topology(&self) -> Topology {
        let model = self.compiler.model();
        let chassis: Vec<&ChassisId> = model
            .elements(&Index::Chassis)
            .filter_map(|element| match element {
                Element::Chassis(chassis) => Some(chassis),
                _ => None,
            })
            .collect();
        let hypervisors = chassis
            .iter()
            .map(|id| Node {
                system_id: id.to_string(),
                hostname: model
                    .chassis(id)
                    .map(|chassis| chassis.hostname.clone())
                    .unwrap_or_default(),
                connected: self.by_chassis.contains_key(*id),
                ports: model.elements(&Index::LocalPorts((*id).clone())).count(),
            })
            .collect();
        let at = |id: &ChassisId| chassis.binary_search(&id).unwrap_or_default();
        let mut carried: BTreeMap<(TunnelKind, usize, usize), usize> = BTreeMap::new();
        for ((from, to), networks) in model.physical().tunnels() {
            for network in networks {
                if let Some(network) = model.network(network) {
                    *carried
                        .entry((network.segment.kind, at(from), at(to)))
                        .or_default() += 1;
                }
            }
        }
        Topology {
            hypervisors,
            tunnels: carried
                .into_iter()
                .map(|((kind, from, to), networks)| Tunnel {
                    kind: kind.name().to_owned(),
                    from,
                    to,
                    networks,
                })
                .collect(),
        }
    }

    /// The hypervisors that a name means: the one of that system-id, else those of that host name or
    /// datapath id.
    #[must_use]
    pub fn find_chassis(&self, name: &str) -> Vec<ChassisId> {
        let by_id = self
            .observations
            .get(name)
            .and_then(|known| known.chassis.as_ref());
        if by_id.is_some() {
            return vec![ChassisId::from(name)];
        }
        self.observations
            .iter()
            .filter(|(_, known)| {
                known.chassis.as_ref().is_some_and(|(_, row)| {
                    row.hostname == name || row.datapath_id.as_deref() == Some(name)
                })
            })
            .map(|(system_id, _)| ChassisId::from(system_id.as_str()))
            .collect()
    }

    /// Whether an operator is to decide about a hypervisor's switch.
    #[must_use]
    pub fn is_held(&self, chassis: &ChassisId) -> bool {
        let link = self.by_chassis.get(chassis);
        link.and_then(|link| self.switches.get(link))
            .is_some_and(|switch| switch.sync == Sync::Held)
    }

    /// The program of a hypervisor's switch, in the order of the pipeline.
    #[must_use]
    pub fn flow_statuses(&self, chassis: &ChassisId) -> Vec<FlowStatus> {
        let switch = self
            .by_chassis
            .get(chassis)
            .and_then(|link| self.switches.get(link));
        let interfaces = self.local_interfaces(chassis).into_iter();
        let names = interfaces.fold(stage_names(), |names, (port, name)| {
            names.with_port(port, name)
        });
        self.compiler
            .program(chassis)
            .iter()
            .filter_map(|content| match content {
                Content::Flow(flow) => Some(flow),
                Content::Group(_) | Content::Meter(_) => None,
            })
            .map(|flow| FlowStatus {
                cookie: format!("{:#018x}", flow.cookie),
                stage: flow.stage.name().to_owned(),
                flow: text::print_flow(&text::Flow::from(flow.decode()), &names),
                owners: self.owners(Key::Flow(flow.key)),
                refused: switch.and_then(|switch| switch.words(Key::Flow(flow.key))),
            })
            .collect()
    }

    /// What emitted a flow: items, and lines of the source.
    fn owners(&self, key: Key) -> Vec<String> {
        let emitters = self.compiler.emitters(key).into_iter();
        emitters
            .map(|(item, origin)| format!("{item:?} at {origin}"))
            .collect()
    }

    fn local_interfaces(&self, chassis: &ChassisId) -> Vec<(PortNo, String)> {
        let model = self.compiler.model();
        let mut interfaces: Vec<(PortNo, String)> = TunnelKind::ALL
            .iter()
            .map(|kind| (kind.ofport(), kind.port_name().to_owned()))
            .collect();
        for element in model.elements(&Index::LocalPorts(chassis.clone())) {
            if let Element::Port(port) = element
                && let Some(location) = model.location_on(*port, chassis)
            {
                interfaces.push((location.ofport, location.interface.name.to_string()));
            }
        }
        interfaces
    }

    /// Where a flow comes from: every switch's flow with that cookie, with what emitted it.
    #[must_use]
    pub fn explain(&self, cookie: u64) -> Option<FlowStatus> {
        let flow = self.compiler.flow(cookie)?;
        Some(FlowStatus {
            cookie: format!("{cookie:#018x}"),
            stage: flow.stage.name().to_owned(),
            flow: text::print_flow(&text::Flow::from(flow.decode()), &stage_names()),
            owners: self.owners(Key::Flow(flow.key)),
            refused: self
                .switches
                .values()
                .find_map(|switch| switch.words(Key::Flow(flow.key))),
        })
    }
}
