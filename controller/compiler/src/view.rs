//! A window on the model that remembers what was looked at.
//!
//! Lowering functions see the model through a [`View`] only, so that the set of cells each of them
//! depends on is a fact and not a promise.

use std::sync::Arc;

use weft_topology::{
    Cell, Chassis, ChassisId, Element, Index, Location, Model, Network, NetworkId, Port, PortId,
    Subnet, SubnetId,
};

/// A window on the model.
#[derive(Debug)]
pub struct View<'a> {
    model: &'a Model,
    read: Vec<Cell>,
}

impl<'a> View<'a> {
    pub(crate) fn new(model: &'a Model) -> Self {
        Self {
            model,
            read: Vec::new(),
        }
    }

    /// A network's attributes.
    pub fn network(&mut self, id: NetworkId) -> Option<&'a Arc<Network>> {
        self.read.push(Cell::Network(id));
        self.model.network(id)
    }

    /// A subnet's attributes.
    pub fn subnet(&mut self, id: SubnetId) -> Option<&'a Arc<Subnet>> {
        self.read.push(Cell::Subnet(id));
        self.model.subnet(id)
    }

    /// A port's attributes.
    pub fn port(&mut self, id: PortId) -> Option<&'a Arc<Port>> {
        self.read.push(Cell::Port(id));
        self.model.port(id)
    }

    /// A hypervisor's attributes.
    pub fn chassis(&mut self, id: &ChassisId) -> Option<&'a Arc<Chassis>> {
        self.read.push(Cell::Chassis(id.clone()));
        self.model.chassis(id)
    }

    /// Where a port is ([`Model::locations`]).
    pub fn locations(&mut self, id: PortId) -> &'a [Location] {
        self.read.push(Cell::Location(id));
        self.model.locations(id)
    }

    /// Where a port is on a hypervisor.
    pub fn location_on(&mut self, id: PortId, chassis: &ChassisId) -> Option<&'a Location> {
        self.read.push(Cell::Location(id));
        self.model.location_on(id, chassis)
    }

    /// The elements of an index, in order.
    pub fn elements(&mut self, index: Index) -> impl Iterator<Item = &'a Element> + use<'a> {
        let model = self.model;
        self.read.push(Cell::Index(index.clone()));
        model.elements(&index)
    }

    /// What was looked at, each cell once.
    pub(crate) fn into_read(mut self) -> Vec<Cell> {
        self.read.sort();
        self.read.dedup();
        self.read
    }
}
