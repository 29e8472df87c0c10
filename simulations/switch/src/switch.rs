//! The switch: its tables, and what messages do to them.
//!
//! Semantics are Open vSwitch's where the standard leaves a choice. A message that asks for what the
//! switch cannot do changes nothing and is answered with a [`Refusal`].

use std::collections::BTreeMap;
use std::sync::Arc;

use rust_openflow::field::Field;
use rust_openflow::matches::{Entry, MatchError};
use rust_openflow::message::{
    FlowCommand, FlowMod, GroupCommand, GroupMod, GroupType, MeterCommand, MeterMod,
};
use rust_openflow::{Action, FieldValue, GroupId, Instruction, Match, MeterId, PortNo, TableId};

use crate::execute::{Execution, Output};
use crate::fields;
use crate::packet::{Packet, Tunnel};
use crate::table::{self, Flow, Table};

/// Why a message was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The table does not exist.
    #[error("table {0} does not exist")]
    Table(u8),
    /// A packet may only go on in a later table.
    #[error("a flow of table {from} goes to table {to}, which is not a later one")]
    Backwards {
        /// The flow's table.
        from: u8,
        /// Where it goes.
        to: u8,
    },
    /// A match on a field that is not known.
    #[error("a match on an unknown field")]
    UnknownField,
    /// A match on a field that the switch does not have.
    #[error("there is no {0} here to match")]
    NoSuchField(&'static str),
    /// A match that no switch can make sense of.
    #[error(transparent)]
    Match(MatchError),
    /// Setting a field that cannot be set.
    #[error("{0} cannot be set")]
    ReadOnly(&'static str),
    /// An action that this switch does not have.
    #[error("the action {0} is not supported")]
    Action(String),
    /// An instruction that this switch does not have.
    #[error("the instruction {0} is not supported")]
    Instruction(String),
    /// A command that this switch does not have.
    #[error("the command {0} is not supported")]
    Command(u16),
    /// A kind of group that this switch does not have.
    #[error("groups of type {0} are not supported")]
    GroupType(u8),
    /// The group is there already, or is not there.
    #[error("group {0} is there already, or is not there")]
    Group(u32),
    /// The meter is there already, or is not there.
    #[error("meter {0} is there already, or is not there")]
    Meter(u32),
}

/// A switch.
#[derive(Debug, Clone, Default)]
pub struct Switch {
    tables: BTreeMap<u8, Table>,
    groups: BTreeMap<GroupId, GroupMod>,
    meters: BTreeMap<MeterId, MeterMod>,
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
        Execution::new(self, Packet::new(in_port, tunnel, frame)).pipeline()
    }

    /// What comes out when a controller sends a frame with a list of actions (packet-out).
    pub fn send(
        &self,
        in_port: PortNo,
        actions: &[Action],
        frame: &[u8],
    ) -> Result<Vec<Output>, Refusal> {
        actions
            .iter()
            .try_for_each(|action| self.check_action(action))?;
        // To a table, from the port that is said to be its own.
        if actions == [Action::output(PortNo::TABLE)] {
            return Ok(self.receive(in_port, Tunnel::default(), frame));
        }
        let packet = Packet::new(in_port, Tunnel::default(), frame);
        Ok(Execution::new(self, packet).list(actions))
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
        let flow = Flow {
            priority: message.priority,
            cookie: message.cookie,
            matches: message.matches.clone(),
            instructions: message.instructions.clone(),
        };
        check_match(&message.matches)?;
        match message.command {
            FlowCommand::ADD => {
                if message.table == TableId::ALL {
                    return Err(Refusal::Table(message.table.0));
                }
                self.check_instructions(message.table.0, &flow)?;
                self.tables.entry(message.table.0).or_default().add(flow);
            }
            FlowCommand::MODIFY | FlowCommand::MODIFY_STRICT => {
                for (table, old) in self.selected(message) {
                    self.check_instructions(table, &flow)?;
                    let changed = Flow {
                        instructions: flow.instructions.clone(),
                        ..(*old).clone()
                    };
                    self.tables.entry(table).or_default().add(changed);
                }
            }
            FlowCommand::DELETE | FlowCommand::DELETE_STRICT => {
                for (table, old) in self.selected(message) {
                    self.remove(table, &old);
                }
            }
            command => return Err(Refusal::Command(u16::from(command.0))),
        }
        Ok(())
    }

    /// Adds, changes or removes a group. The flows that use a group go with it.
    pub fn group_mod(&mut self, message: &GroupMod) -> Result<(), Refusal> {
        let there = self.groups.contains_key(&message.group);
        match message.command {
            GroupCommand::ADD if there => return Err(Refusal::Group(message.group.0)),
            GroupCommand::MODIFY if !there => return Err(Refusal::Group(message.group.0)),
            GroupCommand::ADD | GroupCommand::MODIFY | GroupCommand::ADD_OR_MODIFY => {
                if ![GroupType::ALL, GroupType::INDIRECT].contains(&message.kind) {
                    return Err(Refusal::GroupType(message.kind.0));
                }
                let actions = message.buckets.iter().flat_map(|bucket| &bucket.actions);
                actions
                    .into_iter()
                    .try_for_each(|action| self.check_action(action))?;
                self.groups.insert(message.group, message.clone());
            }
            GroupCommand::DELETE => {
                let gone = |id: GroupId| message.group == GroupId::ALL || message.group == id;
                self.groups.retain(|id, _| !gone(*id));
                self.remove_users(
                    |action| matches!(action, Action::Group { group_id: id } if gone(*id)),
                );
            }
            command => return Err(Refusal::Command(command.0)),
        }
        Ok(())
    }

    /// Adds, changes or removes a meter. The flows that use a meter go with it.
    pub fn meter_mod(&mut self, message: &MeterMod) -> Result<(), Refusal> {
        let there = self.meters.contains_key(&message.meter);
        match message.command {
            MeterCommand::ADD if there => return Err(Refusal::Meter(message.meter.0)),
            MeterCommand::MODIFY if !there => return Err(Refusal::Meter(message.meter.0)),
            MeterCommand::ADD | MeterCommand::MODIFY => {
                self.meters.insert(message.meter, message.clone());
            }
            MeterCommand::DELETE => {
                let gone = |id: MeterId| message.meter == MeterId::ALL || message.meter == id;
                self.meters.retain(|id, _| !gone(*id));
                self.remove_users(|action| used_meter(action).is_some_and(gone));
            }
            command => return Err(Refusal::Command(command.0)),
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

    fn check_instructions(&self, table: u8, flow: &Flow) -> Result<(), Refusal> {
        for instruction in &flow.instructions {
            match instruction {
                Instruction::ApplyActions { .. } | Instruction::WriteMetadata { .. } => {}
                Instruction::Meter { meter_id: meter } if self.meters.contains_key(meter) => {}
                Instruction::Meter { meter_id: meter } => return Err(Refusal::Meter(meter.0)),
                Instruction::GotoTable { table_id: to } if to.0 > table && *to != TableId::ALL => {}
                Instruction::GotoTable { table_id: to } => {
                    return Err(Refusal::Backwards {
                        from: table,
                        to: to.0,
                    });
                }
                other => return Err(Refusal::Instruction(format!("{other:?}"))),
            }
        }
        flow.actions()
            .into_iter()
            .try_for_each(|action| self.check_action(action))
    }

    fn check_action(&self, action: &Action) -> Result<(), Refusal> {
        let unsupported = || Err(Refusal::Action(format!("{action:?}")));
        if let Some(meter) = used_meter(action)
            && !self.meters.contains_key(&meter)
        {
            return Err(Refusal::Meter(meter.0));
        }
        match action {
            Action::Output { port, .. } => match *port {
                PortNo::IN_PORT | PortNo::CONTROLLER | PortNo::LOCAL | PortNo::TABLE => Ok(()),
                port if port <= PortNo::MAX => Ok(()),
                _ => unsupported(),
            },
            Action::Group { group_id: group } if self.groups.contains_key(group) => Ok(()),
            Action::Group { group_id: group } => Err(Refusal::Group(group.0)),
            Action::SetField {
                field: Entry::Known(value),
            } => writable(value.field),
            Action::Move { dst, .. }
            | Action::Pop { field: dst, .. }
            | Action::CheckPktLarger { dst, .. } => match dst.field() {
                Some(field) => writable(field),
                None => unsupported(),
            },
            Action::Controller2 { .. } if action.to_controller().is_some_and(|to| to.pause) => {
                unsupported()
            }
            Action::Clone { actions } => actions
                .iter()
                .try_for_each(|action| self.check_action(action)),
            Action::PushVlan { .. }
            | Action::PopVlan {}
            | Action::SetQueue { .. }
            | Action::SetTtl { .. }
            | Action::DecTtl {}
            | Action::Meter { .. }
            | Action::Resubmit { .. }
            | Action::Controller { .. }
            | Action::Controller2 { .. }
            | Action::Push { .. }
            | Action::Conjunction { .. } => Ok(()),
            _ => unsupported(),
        }
    }
}

fn used_meter(action: &Action) -> Option<MeterId> {
    match action {
        Action::Meter { meter_id } => Some(*meter_id),
        other => other.to_controller().and_then(|to| to.meter),
    }
}

fn writable(field: Field) -> Result<(), Refusal> {
    if Packet::writable(field) {
        Ok(())
    } else {
        Err(Refusal::ReadOnly(field.row().name))
    }
}

/// Refuses a match that makes no sense, or asks for a field that the switch does not have.
fn check_match(matches: &Match) -> Result<(), Refusal> {
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
        None => Ok(()),
    }
}
