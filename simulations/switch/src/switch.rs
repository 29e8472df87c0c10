//! The switch: its tables, and what messages do to them.
//!
//! Semantics are Open vSwitch's where the standard leaves a choice. A message that asks for what the
//! switch cannot do changes nothing and is answered with a [`Refusal`].

use std::collections::BTreeMap;
use std::sync::Arc;

use rust_openflow::field::Field;
use rust_openflow::matches::Entry;
use rust_openflow::message::{
    FlowCommand, FlowMod, GroupCommand, GroupMod, MeterCommand, MeterMod,
};
use rust_openflow::{Action, FieldValue, GroupId, Instruction, Match, MeterId, PortNo, TableId};

use crate::execute::{Execution, Output};
use crate::fields;
use crate::group::{Alive, Group};
use crate::packet::{Packet, Tunnel};
use crate::program::{Checker, Existing, Program};
use crate::refusal::Refusal;
use crate::table::{self, Flow, Table};

/// How many groups may watch each other in a row.
const WATCH_DEPTH: u32 = 8;

/// A port, as far as packets are concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Port {
    /// Whether it is up.
    pub up: bool,
    /// Whether packets that are flooded go there.
    pub floods: bool,
}

/// A switch.
#[derive(Debug, Clone)]
pub struct Switch {
    tables: BTreeMap<u8, Table>,
    groups: BTreeMap<GroupId, Group>,
    meters: BTreeMap<MeterId, MeterMod>,
    ports: BTreeMap<PortNo, Port>,
    vlan_limit: u8,
}

impl Default for Switch {
    fn default() -> Self {
        Self {
            tables: BTreeMap::new(),
            groups: BTreeMap::new(),
            meters: BTreeMap::new(),
            ports: BTreeMap::new(),
            vlan_limit: Packet::VLAN_LIMIT,
        }
    }
}

impl Existing for Switch {
    fn has_group(&self, group: GroupId) -> bool {
        self.groups.contains_key(&group)
    }

    fn has_meter(&self, meter: MeterId) -> bool {
        self.meters.contains_key(&meter)
    }
}

impl Alive for Switch {
    /// A port of which nothing is known is up.
    fn port_is_alive(&self, port: PortNo) -> bool {
        self.ports.get(&port).is_none_or(|port| port.up)
    }

    fn group_is_alive(&self, group: GroupId) -> bool {
        self.watched_is_alive(group, WATCH_DEPTH)
    }
}

impl Switch {
    /// A switch with empty tables: it drops everything.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// What comes out when a frame comes in by a port; `tunnel` is what the outer headers said.
    #[must_use]
    pub fn receive(&self, in_port: PortNo, tunnel: Tunnel, frame: &[u8]) -> Vec<Output> {
        // Without an Ethernet header it is not a packet.
        if frame.len() < 14 {
            return Vec::new();
        }
        Execution::new(
            self,
            Packet::behind_tags(in_port, tunnel, frame, self.vlan_limit),
        )
        .pipeline()
    }

    /// What comes out when a controller sends a frame with a list of actions (packet-out).
    pub fn send(
        &self,
        in_port: PortNo,
        actions: &[Action],
        frame: &[u8],
    ) -> Result<Vec<Output>, Refusal> {
        let steps = Checker::unknown(self).steps(actions)?;
        let packet = Packet::behind_tags(in_port, Tunnel::default(), frame, self.vlan_limit);
        Ok(Execution::new(self, packet).list(&steps))
    }

    /// Says what is known of a port; none that it is no more. What is said of none is up and not flooded to.
    pub fn set_port(&mut self, number: PortNo, port: Option<Port>) {
        match port {
            Some(port) => _ = self.ports.insert(number, port),
            None => _ = self.ports.remove(&number),
        }
    }

    /// Behind how many VLAN tags packets are read ([`Packet::behind_tags`]).
    pub fn set_vlan_limit(&mut self, limit: u8) {
        self.vlan_limit = limit;
    }

    pub(crate) fn ports(&self) -> impl Iterator<Item = (PortNo, Port)> {
        self.ports.iter().map(|(number, port)| (*number, *port))
    }

    /// Whether a group that a bucket watches is alive; one that watches itself by too many others is not.
    fn watched_is_alive(&self, group: GroupId, depth: u32) -> bool {
        struct Watched<'a>(&'a Switch, u32);
        impl Alive for Watched<'_> {
            fn port_is_alive(&self, port: PortNo) -> bool {
                self.0.port_is_alive(port)
            }

            fn group_is_alive(&self, group: GroupId) -> bool {
                self.1 > 0 && self.0.watched_is_alive(group, self.1 - 1)
            }
        }
        self.groups
            .get(&group)
            .is_some_and(|group| group.is_alive(&Watched(self, depth)))
    }

    /// The flows, by table.
    pub fn flows(&self) -> impl Iterator<Item = (TableId, &Arc<Flow>)> {
        self.tables
            .iter()
            .flat_map(|(id, table)| table.flows().map(|flow| (TableId(*id), flow)))
    }

    /// A group.
    #[must_use]
    pub fn group(&self, id: GroupId) -> Option<&GroupMod> {
        self.groups.get(&id).map(|group| &group.told)
    }

    pub(crate) fn group_of(&self, id: GroupId) -> Option<&Group> {
        self.groups.get(&id)
    }

    /// The meters.
    pub fn meters(&self) -> impl Iterator<Item = &MeterMod> {
        self.meters.values()
    }

    pub(crate) fn lookup(&self, table: TableId, packet: &mut Packet) -> Option<&Flow> {
        let table = self.tables.get(&table.0)?;
        table.lookup(packet).map(|flow| &**flow)
    }

    /// Adds, changes or removes flows.
    pub fn flow_mod(&mut self, message: &FlowMod) -> Result<(), Refusal> {
        let meant = meant(&message.matches)?;
        match message.command {
            FlowCommand::ADD => {
                if message.table == TableId::ALL {
                    return Err(Refusal::Table(message.table.0));
                }
                let program = self.program(message.table.0, meant, &message.instructions)?;
                self.tables.entry(message.table.0).or_default().add(Flow {
                    priority: message.priority,
                    cookie: message.cookie,
                    matches: message.matches.clone(),
                    instructions: message.instructions.clone(),
                    program: Arc::new(program),
                });
            }
            FlowCommand::MODIFY | FlowCommand::MODIFY_STRICT => {
                let mut changed = Vec::new();
                for (table, old) in self.selected(message) {
                    let program =
                        self.program(table, self::meant(&old.matches)?, &message.instructions)?;
                    let flow = Flow {
                        instructions: message.instructions.clone(),
                        program: Arc::new(program),
                        ..(*old).clone()
                    };
                    changed.push((table, flow));
                }
                for (table, flow) in changed {
                    self.tables.entry(table).or_default().add(flow);
                }
            }
            FlowCommand::DELETE | FlowCommand::DELETE_STRICT => {
                for (table, old) in self.selected(message) {
                    self.remove(table, &old);
                }
            }
            command => return Err(Refusal::FlowCommand(command.0)),
        }
        Ok(())
    }

    fn program(&self, table: u8, meant: Match, list: &[Instruction]) -> Result<Program, Refusal> {
        Checker::of(self, meant).program(table, list)
    }

    /// Adds, changes or removes a group. The flows that use a group go with it.
    pub fn group_mod(&mut self, message: &GroupMod) -> Result<(), Refusal> {
        let id = message.group;
        let there = self.groups.get(&id);
        let group = match message.command {
            GroupCommand::ADD if there.is_some() => return Err(Refusal::GroupExists(id.0)),
            GroupCommand::MODIFY if there.is_none() => return Err(Refusal::UnknownGroup(id.0)),
            GroupCommand::ADD | GroupCommand::MODIFY | GroupCommand::ADD_OR_MODIFY => {
                Group::new(message, self)?
            }
            GroupCommand::INSERT_BUCKET | GroupCommand::REMOVE_BUCKET => {
                let there = there.ok_or(Refusal::UnknownGroup(id.0))?;
                Group::new(&there.with_buckets(message)?, self)?
            }
            GroupCommand::DELETE => {
                let gone = |group: GroupId| id == GroupId::ALL || id == group;
                self.groups.retain(|group, _| !gone(*group));
                self.remove_users(|action| used_group(action).is_some_and(gone));
                return Ok(());
            }
            command => return Err(Refusal::GroupCommand(command.0)),
        };
        self.groups.insert(id, group);
        Ok(())
    }

    /// Adds, changes or removes a meter. The flows that use a meter go with it.
    pub fn meter_mod(&mut self, message: &MeterMod) -> Result<(), Refusal> {
        let there = self.meters.contains_key(&message.meter);
        match message.command {
            MeterCommand::ADD if there => return Err(Refusal::MeterExists(message.meter.0)),
            MeterCommand::MODIFY if !there => return Err(Refusal::UnknownMeter(message.meter.0)),
            MeterCommand::ADD | MeterCommand::MODIFY => {
                self.meters.insert(message.meter, message.clone());
            }
            MeterCommand::DELETE => {
                let gone = |id: MeterId| message.meter == MeterId::ALL || message.meter == id;
                self.meters.retain(|id, _| !gone(*id));
                self.remove_users(|action| used_meter(action).is_some_and(gone));
            }
            command => return Err(Refusal::MeterCommand(command.0)),
        }
        Ok(())
    }

    /// The flows that a message to change or remove flows is about.
    fn selected(&self, message: &FlowMod) -> Vec<(u8, Arc<Flow>)> {
        let strict =
            [FlowCommand::MODIFY_STRICT, FlowCommand::DELETE_STRICT].contains(&message.command);
        let is_meant = |flow: &Flow| {
            let cookie = (flow.cookie ^ message.cookie) & message.cookie_mask == 0;
            let matched = if strict {
                flow.priority == message.priority && table::same(&flow.matches, &message.matches)
            } else {
                table::covers(&message.matches, &flow.matches)
            };
            let uses = |wanted: &Action| {
                flow.actions().into_iter().any(|action| match wanted {
                    Action::Output { port, .. } => {
                        matches!(action, Action::Output { port: used, .. } if used == port)
                    }
                    wanted => action == wanted,
                })
            };
            let port = message.out_port == PortNo::ANY || uses(&Action::output(message.out_port));
            let group =
                message.out_group == GroupId::ANY || uses(&Action::group(message.out_group));
            cookie && matched && port && group
        };
        self.flows()
            .filter(|(table, _)| message.table == TableId::ALL || message.table == *table)
            .filter(|(_, flow)| is_meant(flow))
            .map(|(table, flow)| (table.0, flow.clone()))
            .collect()
    }

    fn remove_users(&mut self, uses: impl Fn(&Action) -> bool) {
        let users: Vec<_> = self
            .flows()
            .filter(|(_, flow)| flow.actions().into_iter().any(&uses))
            .map(|(table, flow)| (table.0, flow.clone()))
            .collect();
        for (table, flow) in users {
            self.remove(table, &flow);
        }
    }

    fn remove(&mut self, table: u8, flow: &Flow) {
        if let Some(table) = self.tables.get_mut(&table) {
            table.remove(flow.priority, &flow.matches);
        }
    }
}

fn used_group(action: &Action) -> Option<GroupId> {
    match action {
        Action::Group { group_id } | Action::NxGroup { group_id } => Some(*group_id),
        _ => None,
    }
}

fn used_meter(action: &Action) -> Option<MeterId> {
    match action {
        Action::Meter { meter_id } => Some(*meter_id),
        other => other.to_controller().and_then(|to| to.meter),
    }
}

/// What a match means. Refuses one that makes no sense, or asks for a field that the switch does not have.
fn meant(matches: &Match) -> Result<Match, Refusal> {
    let mut meant = matches.clone();
    let place = |field| {
        meant
            .entries
            .iter()
            .position(|entry| entry.field() == Some(field))
    };
    if let (Some(at), None) = (place(Field::Icmpv6Type), place(Field::Icmpv6Code)) {
        // Open vSwitch takes the code of neighbour discovery for granted.
        let code = FieldValue::exact(Field::Icmpv6Code, 0_u8);
        meant.entries.insert(at + 1, Entry::Known(code));
    }
    meant.check().map_err(Refusal::Match)?;
    let mut fields = matches.entries.iter().filter_map(Entry::field);
    match fields.find(|field| fields::access(*field).is_none()) {
        Some(missing) => Err(Refusal::NoSuchField(missing.row().name)),
        None => Ok(meant),
    }
}
