//! How things hang together: the model of the whole network with its indexes, and what a change
//! touches.
//!
//! [`Model::apply`] takes changes and answers with their net [`Effects`]: the cells whose content
//! differs, and the elements that came into or left an index. Whoever derives something from the
//! model (the compiler, above all) redoes just what read those cells. Where a port is, is decided
//! here ([`Model::locations`]); nothing else is derived.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use hashbrown::HashMap;
use rust_openflow::PortNo;

use crate::entities::{Change, Chassis, Interface, Network, Port, Role, Subnet};
use crate::ids::{ChassisId, InterfaceId, NetworkId, PortId, PortKey, SubnetId};
use crate::physical::Physical;

/// In how many chunks a network's flood list is cut, so that one more hypervisor sends again one
/// chunk and not the whole list.
pub const FLOOD_CHUNKS: u8 = 64;

/// A flood list with more hypervisors than this is passed on in two steps, where the network has an
/// id for that: Open vSwitch makes about 780 copies of a packet and silently no more.
pub const FLOOD_DIRECT: u16 = 256;

/// Which frames a flood list is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FloodClass {
    /// Broadcast and multicast: every port.
    Multicast,
    /// Unicast to an address that the model does not know: ports that may have such an address
    /// ([`Port::takes_unknown`]).
    Unknown,
}

impl FloodClass {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Multicast, Self::Unknown];
}

/// A set that the model keeps.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Index {
    /// All hypervisors.
    Chassis,
    /// The ports of a network.
    Ports(NetworkId),
    /// The ports behind which Weft itself stands, of a network.
    ServicePorts(NetworkId),
    /// The subnets of a network.
    Subnets(NetworkId),
    /// The ports that are on a hypervisor.
    LocalPorts(ChassisId),
    /// The networks that have a port on a hypervisor.
    LocalNetworks(ChassisId),
    /// The ports of a network on a hypervisor that a flood list reaches.
    FloodPorts(ChassisId, NetworkId, FloodClass),
    /// The chunks of a network's flood list that are not empty.
    FloodChunks(NetworkId, FloodClass),
    /// Holds chunk 0 when a network's flood list is longer than [`FLOOD_DIRECT`].
    FloodLong(NetworkId, FloodClass),
    /// The hypervisors in a chunk of a network's flood list.
    FloodChunk(NetworkId, FloodClass, u8),
}

/// A member of an [`Index`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Element {
    /// Of an index of ports.
    Port(PortId),
    /// Of an index of subnets.
    Subnet(SubnetId),
    /// Of an index of networks.
    Network(NetworkId),
    /// Of an index of hypervisors.
    Chassis(ChassisId),
    /// Of an index of chunks.
    Chunk(u8),
}

/// A piece of the model that can be read by itself.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cell {
    /// A network's own attributes.
    Network(NetworkId),
    /// A subnet's own attributes.
    Subnet(SubnetId),
    /// A port's own attributes.
    Port(PortId),
    /// A hypervisor's own attributes.
    Chassis(ChassisId),
    /// Where a port is: all its places.
    Location(PortId),
    /// All elements of an index.
    Index(Index),
}

/// An element that came into an index (`present`) or left it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexDelta {
    /// The index.
    pub index: Index,
    /// The element.
    pub element: Element,
    /// Whether it is there now.
    pub present: bool,
}

/// What a batch of changes did, net.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Effects {
    /// Cells whose content may differ, those of the indexes below among them.
    pub cells: BTreeSet<Cell>,
    /// Elements that came and went.
    pub deltas: Vec<IndexDelta>,
}

/// A place where a port is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    /// The interface that carries it, and its hypervisor.
    pub interface: InterfaceId,
    /// The interface's OpenFlow port number there.
    pub ofport: PortNo,
}

/// The network.
#[derive(Debug)]
pub struct Model {
    /// See [`FLOOD_DIRECT`].
    flood_direct: u16,
    networks: HashMap<NetworkId, Arc<Network>>,
    subnets: HashMap<SubnetId, Arc<Subnet>>,
    ports: HashMap<PortId, Arc<Port>>,
    by_key: HashMap<PortKey, PortId>,
    chassis: HashMap<ChassisId, Arc<Chassis>>,
    interfaces: HashMap<InterfaceId, Interface>,
    by_port: HashMap<PortId, BTreeSet<InterfaceId>>,
    by_chassis: HashMap<ChassisId, BTreeSet<InterfaceId>>,
    /// See [`Model::locations`]; never empty.
    locations: HashMap<PortId, Vec<Location>>,
    indexes: HashMap<Index, BTreeSet<Element>>,
    /// How many hypervisors are in flood lists.
    flooded: HashMap<(NetworkId, FloodClass), usize>,
    physical: Physical,
}

/// What a batch has touched so far; an element that came and went again cancels out.
#[derive(Debug, Default)]
struct Touched {
    cells: BTreeSet<Cell>,
    deltas: BTreeMap<(Index, Element), bool>,
}

impl Default for Model {
    fn default() -> Self {
        Self::new()
    }
}

impl Model {
    /// The empty network.
    #[must_use]
    pub fn new() -> Self {
        Self::with_flood_direct(FLOOD_DIRECT)
    }

    /// The empty network, in which flood lists longer than `flood_direct` are passed on in two
    /// steps: for who wants to see that with few hypervisors.
    #[must_use]
    pub fn with_flood_direct(flood_direct: u16) -> Self {
        Self {
            flood_direct,
            networks: HashMap::new(),
            subnets: HashMap::new(),
            ports: HashMap::new(),
            by_key: HashMap::new(),
            chassis: HashMap::new(),
            interfaces: HashMap::new(),
            by_port: HashMap::new(),
            by_chassis: HashMap::new(),
            locations: HashMap::new(),
            indexes: HashMap::new(),
            flooded: HashMap::new(),
            physical: Physical::default(),
        }
    }

    /// A network.
    #[must_use]
    pub fn network(&self, id: NetworkId) -> Option<&Arc<Network>> {
        self.networks.get(&id)
    }

    /// A subnet.
    #[must_use]
    pub fn subnet(&self, id: SubnetId) -> Option<&Arc<Subnet>> {
        self.subnets.get(&id)
    }

    /// A port.
    #[must_use]
    pub fn port(&self, id: PortId) -> Option<&Arc<Port>> {
        self.ports.get(&id)
    }

    /// All ports, in no order.
    pub fn ports(&self) -> impl Iterator<Item = (PortId, &Arc<Port>)> {
        self.ports.iter().map(|(id, port)| (*id, port))
    }

    /// The port that a key stands for in flows.
    #[must_use]
    pub fn port_of_key(&self, key: PortKey) -> Option<PortId> {
        self.by_key.get(&key).copied()
    }

    /// A hypervisor.
    #[must_use]
    pub fn chassis(&self, id: &ChassisId) -> Option<&Arc<Chassis>> {
        self.chassis.get(id)
    }

    /// Where a port is: among the interfaces that say to be it, on hypervisors that are known and
    /// that the port allows ([`Port::may_be_on`]), the one that appeared last, and, while there is one,
    /// the last on any other hypervisor. So a machine that moves is in both places until the place that
    /// it left is gone, and however many say to be a port, it is in no more than two.
    #[must_use]
    pub fn locations(&self, port: PortId) -> &[Location] {
        self.locations.get(&port).map_or(&[], Vec::as_slice)
    }

    /// Where a port is on a hypervisor.
    #[must_use]
    pub fn location_on(&self, port: PortId, chassis: &ChassisId) -> Option<&Location> {
        let mut locations = self.locations(port).iter();
        locations.find(|location| location.interface.chassis == *chassis)
    }

    /// The physical network as a graph.
    #[must_use]
    pub fn physical(&self) -> &Physical {
        &self.physical
    }

    /// The elements of an index, in order.
    pub fn elements<'a>(&'a self, index: &Index) -> impl Iterator<Item = &'a Element> + use<'a> {
        self.indexes.get(index).into_iter().flatten()
    }

    /// Makes changes and tells what they touched, net.
    pub fn apply(&mut self, changes: impl IntoIterator<Item = Change>) -> Effects {
        let mut touched = Touched::default();
        for change in changes {
            match change {
                Change::Network(id, network) => self.set_network(id, network, &mut touched),
                Change::Subnet(id, subnet) => self.set_subnet(id, subnet, &mut touched),
                Change::Port(id, port) => self.set_port(id, port, &mut touched),
                Change::Chassis(id, chassis) => self.set_chassis(&id, chassis, &mut touched),
                Change::Interface(id, interface) => {
                    self.set_interface(&id, interface, &mut touched)
                }
            }
        }
        let mut effects = Effects {
            cells: touched.cells,
            deltas: Vec::with_capacity(touched.deltas.len()),
        };
        for ((index, element), present) in touched.deltas {
            effects.cells.insert(Cell::Index(index.clone()));
            let delta = IndexDelta {
                index,
                element,
                present,
            };
            self.physical.follow(&delta);
            effects.deltas.push(delta);
        }
        effects
    }

    fn set_network(&mut self, id: NetworkId, network: Option<Network>, touched: &mut Touched) {
        if replace(&mut self.networks, id, network) {
            touched.cells.insert(Cell::Network(id));
        }
    }

    fn set_subnet(&mut self, id: SubnetId, subnet: Option<Subnet>, touched: &mut Touched) {
        let before = self.subnets.get(&id).map(|subnet| subnet.network);
        let after = subnet.as_ref().map(|subnet| subnet.network);
        if replace(&mut self.subnets, id, subnet) {
            touched.cells.insert(Cell::Subnet(id));
        }
        self.move_element(
            Element::Subnet(id),
            before.map(Index::Subnets),
            after.map(Index::Subnets),
            touched,
        );
    }

    fn set_port(&mut self, id: PortId, port: Option<Port>, touched: &mut Touched) {
        self.displace(id, touched);
        let indexes = |port: &Port| {
            (
                Index::Ports(port.network),
                (port.role == Role::Services).then_some(Index::ServicePorts(port.network)),
            )
        };
        if let Some(old) = self.ports.get(&id)
            && self.by_key.get(&old.key) == Some(&id)
        {
            self.by_key.remove(&old.key);
        }
        if let Some(new) = &port {
            self.by_key.insert(new.key, id);
        }
        let before = self.ports.get(&id).map(|port| indexes(port)).unzip();
        let after = port.as_ref().map(indexes).unzip();
        if replace(&mut self.ports, id, port) {
            touched.cells.insert(Cell::Port(id));
        }
        self.move_element(Element::Port(id), before.0, after.0, touched);
        self.move_element(
            Element::Port(id),
            before.1.flatten(),
            after.1.flatten(),
            touched,
        );
        self.place(id, touched);
    }

    fn set_chassis(&mut self, id: &ChassisId, chassis: Option<Chassis>, touched: &mut Touched) {
        let carried: Vec<PortId> = self
            .by_chassis
            .get(id)
            .into_iter()
            .flatten()
            .filter_map(|interface| self.interfaces.get(interface))
            .map(|interface| interface.port)
            .collect();
        for port in &carried {
            self.displace(*port, touched);
        }
        let (before, after) = (self.chassis.contains_key(id), chassis.is_some());
        if replace(&mut self.chassis, id.clone(), chassis) {
            touched.cells.insert(Cell::Chassis(id.clone()));
        }
        self.move_element(
            Element::Chassis(id.clone()),
            before.then_some(Index::Chassis),
            after.then_some(Index::Chassis),
            touched,
        );
        for port in carried {
            self.place(port, touched);
        }
    }

    fn set_interface(
        &mut self,
        id: &InterfaceId,
        interface: Option<Interface>,
        touched: &mut Touched,
    ) {
        let before = self.interfaces.get(id).map(|interface| interface.port);
        let after = interface.as_ref().map(|interface| interface.port);
        let affected: BTreeSet<PortId> = before.into_iter().chain(after).collect();
        for port in &affected {
            self.displace(*port, touched);
        }
        match interface {
            Some(interface) => self.interfaces.insert(id.clone(), interface),
            None => self.interfaces.remove(id),
        };
        if let Some(port) = before {
            remove_from(&mut self.by_port, &port, id);
            remove_from(&mut self.by_chassis, &id.chassis, id);
        }
        if let Some(port) = after {
            self.by_port.entry(port).or_default().insert(id.clone());
            self.by_chassis
                .entry(id.chassis.clone())
                .or_default()
                .insert(id.clone());
        }
        for port in affected {
            self.place(port, touched);
        }
    }

    /// Takes a port from the indexes of its places.
    fn displace(&mut self, port: PortId, touched: &mut Touched) {
        for location in self.locations.remove(&port).unwrap_or_default() {
            self.index_place(port, &location.interface.chassis, false, touched);
            touched.cells.insert(Cell::Location(port));
        }
    }

    /// Decides where a port is, and puts it into the indexes of those places.
    fn place(&mut self, port: PortId, touched: &mut Touched) {
        let locations = self.decide(port);
        if locations.is_empty() {
            return;
        }
        for location in &locations {
            self.index_place(port, &location.interface.chassis, true, touched);
        }
        self.locations.insert(port, locations);
        touched.cells.insert(Cell::Location(port));
    }

    /// See [`Model::locations`].
    fn decide(&self, port: PortId) -> Vec<Location> {
        // Weft's own ports are everywhere: no interface can claim to be one.
        let Some(declared) = self
            .ports
            .get(&port)
            .filter(|port| port.role == Role::Guest)
        else {
            return Vec::new();
        };
        let latest = |elsewhere: Option<&ChassisId>| {
            self.by_port
                .get(&port)
                .into_iter()
                .flatten()
                .filter(|id| elsewhere != Some(&id.chassis))
                .filter(|id| {
                    let chassis = self.chassis.get(&id.chassis);
                    chassis.is_some_and(|chassis| declared.may_be_on(&id.chassis, chassis))
                })
                .filter_map(|id| self.interfaces.get(id).map(|interface| (interface, id)))
                .max_by_key(|(interface, id)| (interface.appeared, *id))
                .map(|(interface, id)| Location {
                    interface: id.clone(),
                    ofport: interface.ofport,
                })
        };
        let Some(first) = latest(None) else {
            return Vec::new();
        };
        let second = latest(Some(&first.interface.chassis));
        [first].into_iter().chain(second).collect()
    }

    fn index_place(
        &mut self,
        id: PortId,
        chassis: &ChassisId,
        present: bool,
        touched: &mut Touched,
    ) {
        let Some(port) = self.ports.get(&id).cloned() else {
            return;
        };
        let network = port.network;
        self.set_element(
            Index::LocalPorts(chassis.clone()),
            Element::Port(id),
            present,
            touched,
        );
        for class in FloodClass::ALL {
            if class == FloodClass::Unknown && !port.takes_unknown() {
                continue;
            }
            let ports = Index::FloodPorts(chassis.clone(), network, class);
            self.set_element(ports.clone(), Element::Port(id), present, touched);
            let any = self.indexes.contains_key(&ports);
            let chunk = flood_chunk(chassis);
            let members = Index::FloodChunk(network, class, chunk);
            let joined = Element::Chassis(chassis.clone());
            if self.set_element(members.clone(), joined, any, touched) {
                self.count_flooded(network, class, any, touched);
            }
            let any_member = self.indexes.contains_key(&members);
            self.set_element(
                Index::FloodChunks(network, class),
                Element::Chunk(chunk),
                any_member,
                touched,
            );
            if class == FloodClass::Multicast {
                // Every port is reached by multicast, so this list tells where the network is.
                self.set_element(
                    Index::LocalNetworks(chassis.clone()),
                    Element::Network(network),
                    any,
                    touched,
                );
            }
        }
    }

    /// Counts a hypervisor that came into a flood list or left it.
    fn count_flooded(
        &mut self,
        network: NetworkId,
        class: FloodClass,
        joined: bool,
        touched: &mut Touched,
    ) {
        let key = (network, class);
        let count = self.flooded.get(&key).copied().unwrap_or(0);
        let count = if joined {
            count + 1
        } else {
            count.saturating_sub(1)
        };
        if count == 0 {
            self.flooded.remove(&key);
        } else {
            self.flooded.insert(key, count);
        }
        let long = Index::FloodLong(network, class);
        self.set_element(
            long,
            Element::Chunk(0),
            count > usize::from(self.flood_direct),
            touched,
        );
    }

    fn move_element(
        &mut self,
        element: Element,
        from: Option<Index>,
        to: Option<Index>,
        touched: &mut Touched,
    ) {
        if from == to {
            return;
        }
        if let Some(index) = from {
            self.set_element(index, element.clone(), false, touched);
        }
        if let Some(index) = to {
            self.set_element(index, element, true, touched);
        }
    }

    /// Puts an element into an index or takes it out; tells whether that changed anything.
    fn set_element(
        &mut self,
        index: Index,
        element: Element,
        present: bool,
        touched: &mut Touched,
    ) -> bool {
        let changed = if present {
            self.indexes
                .entry(index.clone())
                .or_default()
                .insert(element.clone())
        } else {
            remove_from(&mut self.indexes, &index, &element)
        };
        if !changed {
            return false;
        }
        let key = (index, element);
        // The opposite earlier in the batch: nothing happened, on balance.
        if touched.deltas.remove(&key).is_none() {
            touched.deltas.insert(key, present);
        }
        true
    }
}

/// The chunk of flood lists that a hypervisor is in: content decides, never the order of arrival.
#[must_use]
pub fn flood_chunk(chassis: &ChassisId) -> u8 {
    // FNV-1a, which leaves names that differ in their last digits close together, and the last steps of
    // MurmurHash3, which do not: stable over versions of the program, and even for any names.
    let mut hash = chassis
        .0
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
    for factor in [0xff51_afd7_ed55_8ccd, 0xc4ce_b9fe_1a85_ec53] {
        hash = (hash ^ hash >> 33).wrapping_mul(factor);
    }
    (hash >> 33) as u8 % FLOOD_CHUNKS
}

/// Sets or removes an entry; tells whether anything is different now.
fn replace<K: std::hash::Hash + Eq, V: PartialEq>(
    map: &mut HashMap<K, Arc<V>>,
    key: K,
    value: Option<V>,
) -> bool {
    match value {
        None => map.remove(&key).is_some(),
        Some(value) if map.get(&key).is_some_and(|old| **old == value) => false,
        Some(value) => {
            map.insert(key, Arc::new(value));
            true
        }
    }
}

/// Removes an element from a set in a map, and the set when it is empty; tells whether it was there.
fn remove_from<K, T>(map: &mut HashMap<K, BTreeSet<T>>, key: &K, element: &T) -> bool
where
    K: std::hash::Hash + Eq,
    T: Ord,
{
    let Some(set) = map.get_mut(key) else {
        return false;
    };
    let removed = set.remove(element);
    if set.is_empty() {
        map.remove(key);
    }
    removed
}
