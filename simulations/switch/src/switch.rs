//! The switch: its tables, and what messages do to them.
//!
//! Semantics are Open vSwitch's where the standard leaves a choice. A message that asks for what the
//! switch cannot do changes nothing and is answered with a [`Refusal`].

mod undo;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rust_openflow::field::Field;
use rust_openflow::matches::Entry;
use rust_openflow::message::{
    CtFlush, FlowCommand, FlowFilter, FlowFlags, FlowMod, FlowRemoved, FlowRemovedReason,
    FlowStats, GroupCommand, GroupMod, GroupStats, MeterCommand, MeterMod, MeterStats, NO_BUFFER,
    Stat, Stats,
};
use rust_openflow::{
    Action, FieldValue, GroupId, Instruction, Match, MeterId, PortNo, TableId, Version,
};

use crate::classifier::Key;
use crate::conntrack::Connection;
use crate::execute::{Changing, Execution, Met, Output, Way};
use crate::executor::{Change, ChangeKind, TableCounts};
use crate::fields;
use crate::group::{Alive, Group};
use crate::meter::{Meter, clock};
use crate::packet::{Packet, Tunnel};
use crate::program::{Checker, Existing};
use crate::refusal::Refusal;
use crate::table::{Entry as Entered, Flow, Selection, Table, used_group};
use crate::trace::{Recorder, Trace};
use undo::{Before, Undo};

/// The last number that a meter of flows can have (`OFPM_MAX`).
const LAST_METER: u32 = 0xffff_0000;
/// How many bands a meter can have.
pub(crate) const MAX_BANDS: usize = 8;
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
    /// What packets change on their way.
    changing: Changing,
    ports: BTreeMap<PortNo, Port>,
    vlan_limit: u8,
    /// Whether packets that meet no flow go to the controller, but for those that came in by these.
    misses: Option<BTreeSet<PortNo>>,
    /// Milliseconds, of whoever's clock it is.
    now: u64,
    /// How many flows there ever were.
    serial: u64,
    /// When flows may have to go: the time, the table, the flow's number there and ever.
    deadlines: BTreeSet<(u64, u8, usize, u64)>,
    /// Flows that are gone, and were to be told of.
    removed: Vec<FlowRemoved>,
    /// What changed, when somebody wants to know ([`crate::executor::Executor::watch`]).
    changes: Option<Vec<Change>>,
    /// What was before, when it may have to be again ([`crate::executor::Executor::begin`]).
    undo: Option<Undo>,
}

impl Default for Switch {
    fn default() -> Self {
        Self {
            tables: BTreeMap::new(),
            groups: BTreeMap::new(),
            changing: Changing::default(),
            ports: BTreeMap::new(),
            vlan_limit: Packet::VLAN_LIMIT,
            misses: None,
            now: 0,
            serial: 0,
            deadlines: BTreeSet::new(),
            removed: Vec::new(),
            changes: None,
            undo: None,
        }
    }
}

impl Existing for Switch {
    fn has_group(&self, group: GroupId) -> bool {
        self.groups.contains_key(&group)
    }

    fn has_meter(&self, meter: MeterId) -> bool {
        self.changing.meters.contains_key(&meter)
    }
}

/// A switch that has every group and meter.
pub(crate) struct Anything;

impl Existing for Anything {
    fn has_group(&self, _: GroupId) -> bool {
        true
    }

    fn has_meter(&self, _: MeterId) -> bool {
        true
    }
}

impl Alive for Switch {
    /// As long as no port was told of, every one is there.
    fn port_is_alive(&self, port: PortNo) -> bool {
        self.ports.is_empty() || self.ports.get(&port).is_some_and(|port| port.up)
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
    pub fn receive(&mut self, in_port: PortNo, tunnel: Tunnel, frame: &[u8]) -> Vec<Output> {
        // Without an Ethernet header it is not a packet.
        if frame.len() < 14 {
            return Vec::new();
        }
        let packet = Packet::behind_tags(in_port, tunnel, frame, self.vlan_limit);
        let mut changing = std::mem::take(&mut self.changing);
        let way = Execution::new(self, &mut changing, packet).pipeline();
        self.changing = changing;
        self.count(way, frame.len())
    }

    /// What would happen to a frame that came in by a port: nothing is sent, changed or counted.
    #[must_use]
    pub fn trace(&self, in_port: PortNo, tunnel: Tunnel, frame: &[u8]) -> Trace {
        let mut trace = Trace {
            nodes: Vec::new(),
            outputs: Vec::new(),
        };
        if frame.len() >= 14 {
            let packet = Packet::behind_tags(in_port, tunnel, frame, self.vlan_limit);
            let mut changing = self.changing.clone();
            let way = Execution::new(self, &mut changing, packet)
                .traced()
                .pipeline();
            trace.nodes = way.recorder.map(Recorder::tree).unwrap_or_default();
            trace.outputs = way.outputs;
        }
        trace
    }

    /// What comes out when a controller sends a frame with a list of actions (packet-out).
    pub fn send(
        &mut self,
        in_port: PortNo,
        actions: &[Action],
        frame: &[u8],
    ) -> Result<Vec<Output>, Refusal> {
        let steps = Checker::unknown(self).steps(actions)?;
        let packet = Packet::behind_tags(in_port, Tunnel::default(), frame, self.vlan_limit);
        let mut changing = std::mem::take(&mut self.changing);
        let way = Execution::new(self, &mut changing, packet).list(&steps);
        self.changing = changing;
        Ok(self.count(way, frame.len()))
    }

    /// Counts a packet for the flows that it met; gives what came out.
    fn count(&mut self, way: Way, bytes: usize) -> Vec<Output> {
        for Met {
            table,
            number,
            shortened,
        } in way.met
        {
            let entry = self
                .tables
                .get_mut(&table)
                .and_then(|table| table.entry_mut(number));
            let Some(entry) = entry else {
                continue;
            };
            let counters = &mut entry.counters;
            counters.used = self.now;
            match shortened {
                None => {
                    counters.packets += 1;
                    counters.bytes += bytes as u64;
                }
                Some((idle, hard)) => {
                    let flow = Arc::make_mut(&mut entry.flow);
                    for (own, new) in [
                        (&mut flow.idle_timeout, idle),
                        (&mut flow.hard_timeout, hard),
                    ] {
                        if new != 0 && (*own == 0 || *own > new) {
                            *own = new;
                        }
                    }
                }
            }
            let due = entry.due().filter(|_| shortened.is_some());
            let serial = entry.serial;
            self.deadlines
                .extend(due.map(|(due, _)| (due, table, number, serial)));
        }
        for flow in way.learned {
            self.learn(flow);
        }
        way.outputs
    }

    /// Lets time go by until `now`, in milliseconds: flows go whose timeouts are over. Time does not go back.
    pub fn advance(&mut self, now: u64) {
        self.now = self.now.max(now);
        self.changing.connections.advance(self.now);
        while let Some(first) = self
            .deadlines
            .first()
            .copied()
            .filter(|first| first.0 <= self.now)
        {
            self.deadlines.remove(&first);
            let (_, table, number, serial) = first;
            let entry = self
                .tables
                .get(&table)
                .and_then(|table| table.entry(number));
            let due = entry
                .filter(|entry| entry.serial == serial)
                .and_then(Entered::due);
            match due {
                Some((due, reason)) if due <= self.now => self.remove(table, number, reason),
                // Packets came since.
                Some((due, _)) => _ = self.deadlines.insert((due, table, number, serial)),
                None => {}
            }
        }
    }

    /// What time it is.
    #[must_use]
    pub fn now(&self) -> u64 {
        self.now
    }

    /// The next time at which [`Self::advance`] may have something to do.
    #[must_use]
    pub fn next_timeout(&self) -> Option<u64> {
        let flows = self.deadlines.first().map(|first| first.0);
        let connections = self.changing.connections.next_timeout();
        flows.into_iter().chain(connections).min()
    }

    /// The flows that went since this was last asked, of those that were to be told of
    /// ([`FlowFlags::SEND_FLOW_REMOVED`]).
    pub fn take_removed(&mut self) -> Vec<FlowRemoved> {
        std::mem::take(&mut self.removed)
    }

    /// Says what is known of a port; none that it is no more. Before anything is said, every port is there, and
    /// none is flooded to.
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

    /// Says how many connections are tracked at most (3,000,000 unless that is said), and what the ports and addresses are
    /// chosen by that a translation leaves open: the same choices for the same number.
    pub fn set_tracking(&mut self, limit: usize, seed: u64) {
        self.changing.connections.set(limit, seed);
    }

    /// The connections that are tracked, in the order in which they began.
    pub fn connections(&self) -> impl Iterator<Item = Connection> {
        self.changing.connections.list(self.now)
    }

    /// How many connections there were that were to be translated when no address and port was left: their packets went
    /// on as they were, and they were not tracked.
    #[must_use]
    pub fn untranslated(&self) -> u64 {
        self.changing.connections.exhausted()
    }

    /// Forgets connections: those of a zone, or all of them (`NXT_CT_FLUSH_ZONE`).
    pub fn flush_zone(&mut self, zone: Option<u16>) {
        let meant = |connection: &Connection| zone.is_none_or(|zone| connection.zone == zone);
        self.changing.connections.forget(self.now, meant);
    }

    /// Forgets the connections that agree with all that is said of them (`NXT_CT_FLUSH`).
    pub fn flush(&mut self, said: &CtFlush) {
        let meant = |connection: &Connection| connection.agrees(said);
        self.changing.connections.forget(self.now, meant);
    }

    /// Whether packets that meet no flow go to the controller, but for those that come in by some ports; none for never.
    pub fn set_misses(&mut self, except: Option<BTreeSet<PortNo>>) {
        self.misses = except;
    }

    pub(crate) fn tells_of_misses(&self, in_port: PortNo) -> bool {
        let except = self.misses.as_ref();
        except.is_some_and(|except| !except.contains(&in_port))
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
        let tables = self.tables.iter();
        tables.flat_map(|(id, table)| {
            table
                .entries()
                .map(|(_, entry)| (TableId(*id), &entry.flow))
        })
    }

    /// What is said of flows when they are asked for (OpenFlow 1.5.1, 7.3.5.2).
    pub fn flow_stats(&self, filter: &FlowFilter) -> Result<Vec<FlowStats>, Refusal> {
        let found = self.filtered(filter)?.into_iter();
        let flows = found.filter_map(|(table, number)| self.flow_at(TableId(table), number));
        Ok(flows.collect())
    }

    /// The tables and numbers of the flows that a filter is about.
    pub(crate) fn filtered(&self, filter: &FlowFilter) -> Result<Vec<(u8, usize)>, Refusal> {
        meant(&filter.matches)?;
        Ok(self.selected(filter.table, &selection_of(filter)))
    }

    pub(crate) fn flow_at(&self, table: TableId, number: usize) -> Option<FlowStats> {
        let entry = self.entry(table.0, number)?;
        Some(self.said(table.0, entry))
    }

    pub(crate) fn table_counts(&self, table: TableId) -> TableCounts {
        let table = self.tables.get(&table.0);
        table.map(Table::counts).unwrap_or_default()
    }

    /// What was counted of a flow.
    fn stats(&self, entry: &Entered) -> Stats {
        let counters = &entry.counters;
        let lived = clock(self.now.saturating_sub(counters.created));
        let (seconds, nanoseconds) = clock(self.now.saturating_sub(counters.used));
        // In the order in which Open vSwitch tells them.
        let [lived, packets, bytes] = [
            Stat::Duration {
                seconds: lived.0,
                nanoseconds: lived.1,
            },
            Stat::PacketCount {
                count: counters.packets,
            },
            Stat::ByteCount {
                count: counters.bytes,
            },
        ];
        let idle = Stat::IdleTime {
            seconds,
            nanoseconds,
        };
        Stats([lived, idle, packets, bytes].into())
    }

    /// A group.
    #[must_use]
    pub fn group(&self, id: GroupId) -> Option<&GroupMod> {
        self.groups.get(&id).map(|group| &group.told)
    }

    /// The groups.
    pub fn groups(&self) -> impl Iterator<Item = &GroupMod> {
        self.groups.values().map(|group| &group.told)
    }

    /// What is said of a group when it is asked for (OpenFlow 1.5.1, 7.3.5.9).
    #[must_use]
    pub fn group_stats(&self, id: GroupId) -> Option<GroupStats> {
        let group = self.groups.get(&id)?;
        let uses = |flow: &Flow| {
            let mut used = flow.actions().into_iter().filter_map(used_group);
            used.any(|used| used == id)
        };
        let users = self.flows().filter(|(_, flow)| uses(flow)).count();
        Some(group.stats(users, self.now))
    }

    pub(crate) fn group_of(&self, id: GroupId) -> Option<&Group> {
        self.groups.get(&id)
    }

    /// The meters.
    pub fn meters(&self) -> impl Iterator<Item = &MeterMod> {
        self.changing.meters.values().map(|meter| &meter.told)
    }

    /// What is said of a meter when it is asked for (OpenFlow 1.5.1, 7.3.5.13).
    #[must_use]
    pub fn meter_stats(&self, id: MeterId) -> Option<MeterStats> {
        let meter = self.changing.meters.get(&id)?;
        let users = self
            .flows()
            .filter(|(_, flow)| flow.uses_meter(|used| used == id));
        Some(meter.stats(users.count(), self.now))
    }

    /// The flow for a packet in a table, and its number there.
    pub(crate) fn lookup(
        &self,
        table: TableId,
        packet: &mut Packet,
    ) -> Option<(usize, &Arc<Flow>)> {
        let table = self.tables.get(&table.0)?;
        let number = packet.as_matched(|packet| table.lookup(packet))?;
        Some((number, &table.entry(number)?.flow))
    }

    /// Refuses a flow-mod that no tables, groups and meters would make possible.
    pub(crate) fn check_flow_mod(
        &self,
        version: Version,
        message: &FlowMod,
    ) -> Result<(), Refusal> {
        let meant = meant(&message.matches)?;
        let mut list = message.instructions.clone();
        if message.table == TableId::ALL {
            // Behind no table in particular every other comes.
            list.retain(|instruction| !matches!(instruction, Instruction::GotoTable { .. }));
        }
        let checker = Checker::of(&Anything, meant, Some(version));
        checker.program(message.table.0, &list).map(drop)
    }

    /// Adds, changes or removes flows.
    pub fn flow_mod(&mut self, message: &FlowMod) -> Result<(), Refusal> {
        self.heed_flow_mod(None, message, None).map(drop)
    }

    /// [`Self::flow_mod`] as it was said in a version: in 1.0 actions that find nothing to change are taken, and some
    /// encodings of actions are of some versions only.
    pub fn flow_mod_in(&mut self, version: Version, message: &FlowMod) -> Result<(), Refusal> {
        self.heed_flow_mod(Some(version), message, None).map(drop)
    }

    /// How many flows were added, changed or removed. Those that change get another cookie if one is given.
    pub(crate) fn heed_flow_mod(
        &mut self,
        version: Option<Version>,
        message: &FlowMod,
        cookie: Option<u64>,
    ) -> Result<usize, Refusal> {
        let meant = meant(&message.matches)?;
        let known = FlowFlags::SEND_FLOW_REMOVED.0
            | FlowFlags::CHECK_OVERLAP.0
            | FlowFlags::RESET_COUNTS.0
            | FlowFlags::NO_PACKET_COUNTS.0
            | FlowFlags::NO_BYTE_COUNTS.0;
        if message.flags.0 & !known != 0 {
            return Err(Refusal::FlowFlags(message.flags.0));
        }
        if message.buffer_id != NO_BUFFER {
            return Err(Refusal::Buffer(message.buffer_id));
        }
        match message.command {
            FlowCommand::ADD => self.add_flow(version, message, meant).map(|()| 1),
            FlowCommand::MODIFY | FlowCommand::MODIFY_STRICT => {
                self.change_flows(version, message, cookie)
            }
            FlowCommand::DELETE | FlowCommand::DELETE_STRICT => {
                let selected = self.selected(message.table, &selection(message));
                for (table, number) in &selected {
                    self.remove(*table, *number, FlowRemovedReason::DELETE);
                }
                Ok(selected.len())
            }
            command => Err(Refusal::FlowCommand(command.0)),
        }
    }

    fn add_flow(
        &mut self,
        version: Option<Version>,
        message: &FlowMod,
        meant: Match,
    ) -> Result<(), Refusal> {
        let TableId(table) = message.table;
        if message.table == TableId::ALL {
            return Err(Refusal::Table(table));
        }
        let program = Checker::of(self, meant, version).program(table, &message.instructions)?;
        if let Some(hidden) = message.matches.fields().find(|asked| is_hidden(asked)) {
            return Err(Refusal::Hidden(hidden.field.row().name));
        }
        let there = self.tables.entry(table).or_default();
        let (key, priority) = (Key::of(&message.matches), message.priority);
        if has(message.flags, FlowFlags::CHECK_OVERLAP)
            && !there.has(&key, priority)
            && there.overlaps(&key, priority)
        {
            return Err(Refusal::Overlap);
        }
        self.serial += 1;
        let flow = Flow {
            priority,
            cookie: message.cookie,
            matches: message.matches.clone(),
            instructions: message.instructions.clone(),
            idle_timeout: message.idle_timeout,
            hard_timeout: message.hard_timeout,
            flags: message.flags,
            importance: message.importance,
            program: Arc::new(program),
        };
        let reset = has(message.flags, FlowFlags::RESET_COUNTS);
        let (number, replaced) = there.add(flow, self.serial, self.now, reset);
        // One that does the same as the one in whose place it comes is told as if it came, as Open vSwitch does.
        let kind = match (&replaced, there.entry(number)) {
            (Some((_, old)), Some(new)) if new.flow.does_as(&old.flow) => ChangeKind::Added,
            (Some(_), _) => ChangeKind::Modified,
            (None, _) => ChangeKind::Added,
        };
        let gone = replaced.as_ref().map(|(_, entry)| entry.flow.clone());
        if let Some((old, entry)) = replaced {
            self.forget_deadline(table, old, &entry);
            self.note(|| Before::Flow(table, old, Some(Box::new(entry))));
        }
        self.note(|| Before::Flow(table, number, None));
        self.expect_end(table, number);
        self.tell(table, number, kind);
        if let Some(gone) = gone {
            self.unlearn(&gone);
        }
        Ok(())
    }

    fn change_flows(
        &mut self,
        version: Option<Version>,
        message: &FlowMod,
        cookie: Option<u64>,
    ) -> Result<usize, Refusal> {
        let mut programs = Vec::new();
        for (table, number) in self.selected(message.table, &selection(message)) {
            let entry = self
                .tables
                .get(&table)
                .and_then(|table| table.entry(number));
            let matches = entry
                .map(|entry| entry.flow.matches.clone())
                .unwrap_or_default();
            let program = Checker::of(self, meant(&matches)?, version)
                .program(table, &message.instructions)?;
            programs.push((table, number, program));
        }
        let reset = has(message.flags, FlowFlags::RESET_COUNTS);
        let count = programs.len();
        for (table, number, program) in programs {
            let before = self.undo.is_some().then(|| self.entry(table, number));
            if let Some(entry) = before.flatten().cloned() {
                self.note(|| Before::Flow(table, number, Some(Box::new(entry))));
            }
            let before = self.entry(table, number);
            let before = before.map(|entry| entry.flow.clone());
            if let Some(table) = self.tables.get_mut(&table) {
                table.change(number, &message.instructions, program, self.now, reset);
                if let Some(cookie) = cookie {
                    table.rename(number, cookie);
                }
            }
            let now = self.entry(table, number).map(|entry| &entry.flow);
            let changed = now.zip(before).is_some_and(|(now, old)| !now.does_as(&old));
            let kind = match changed {
                true => ChangeKind::Modified,
                false => ChangeKind::Same,
            };
            self.tell(table, number, kind);
        }
        Ok(count)
    }

    /// Adds, changes or removes a group. The flows that use a group go with it.
    pub fn group_mod(&mut self, message: &GroupMod) -> Result<(), Refusal> {
        let id = message.group;
        let there = self.groups.get(&id);
        let group = match message.command {
            GroupCommand::ADD | GroupCommand::MODIFY | GroupCommand::ADD_OR_MODIFY => {
                let made = there.map_or(self.now, |group| group.made);
                // What cannot be is refused before what is or is not there.
                let group = Group::new(message, made)?;
                match message.command {
                    GroupCommand::ADD if there.is_some() => {
                        return Err(Refusal::GroupExists(id.0));
                    }
                    GroupCommand::MODIFY if there.is_none() => {
                        return Err(Refusal::UnknownGroup(id.0));
                    }
                    _ => group,
                }
            }
            GroupCommand::INSERT_BUCKET | GroupCommand::REMOVE_BUCKET => {
                let there = there.ok_or(Refusal::UnknownGroup(id.0))?;
                Group::new(&there.with_buckets(message)?, there.made)?
            }
            GroupCommand::DELETE => {
                let gone = |group: GroupId| id == GroupId::ALL || id == group;
                let groups: Vec<GroupId> = self.groups.keys().copied().collect();
                for group in groups.into_iter().filter(|group| gone(*group)) {
                    let before = self.groups.remove(&group);
                    self.note(|| Before::Group(group, before));
                }
                let uses =
                    |flow: &Flow| flow.actions().into_iter().filter_map(used_group).any(gone);
                self.remove_users(uses, FlowRemovedReason::GROUP_DELETE);
                return Ok(());
            }
            command => return Err(Refusal::GroupCommand(command.0)),
        };
        let before = self.groups.insert(id, group);
        self.note(|| Before::Group(id, before));
        Ok(())
    }

    /// Adds, changes or removes a meter. The flows that use a meter go with it.
    pub fn meter_mod(&mut self, message: &MeterMod) -> Result<(), Refusal> {
        let MeterId(id) = message.meter;
        let there = self.changing.meters.contains_key(&message.meter);
        match message.command {
            MeterCommand::ADD if there => return Err(Refusal::MeterExists(id)),
            MeterCommand::MODIFY if !there => return Err(Refusal::UnknownMeter(id)),
            MeterCommand::ADD | MeterCommand::MODIFY => {
                // The numbers of the standard's own meters are not for flows (1.5.1, 7.3.4.5).
                let own = [MeterId::SLOWPATH, MeterId::CONTROLLER].contains(&message.meter);
                if id == 0 || id > LAST_METER && !own {
                    return Err(Refusal::NoSuchMeter(id));
                }
                if message.bands.is_empty() || message.bands.len() > MAX_BANDS {
                    return Err(Refusal::Bands(message.bands.len()));
                }
                let told = MeterMod {
                    command: MeterCommand::ADD,
                    ..message.clone()
                };
                let meter = Meter::new(&told, self.now)?;
                let before = self.changing.meters.insert(message.meter, meter);
                self.note(|| Before::Meter(message.meter, before));
            }
            MeterCommand::DELETE => {
                let gone = |id: MeterId| message.meter == MeterId::ALL || message.meter == id;
                let meters: Vec<MeterId> = self.changing.meters.keys().copied().collect();
                for meter in meters.into_iter().filter(|meter| gone(*meter)) {
                    let before = self.changing.meters.remove(&meter);
                    self.note(|| Before::Meter(meter, before));
                }
                self.remove_users(
                    |flow| flow.uses_meter(gone),
                    FlowRemovedReason::METER_DELETE,
                );
            }
            command => return Err(Refusal::MeterCommand(command.0)),
        }
        Ok(())
    }

    /// The tables and numbers of flows.
    fn selected(&self, table: TableId, selection: &Selection) -> Vec<(u8, usize)> {
        let tables = self.tables.iter();
        let meant = tables.filter(|(id, _)| table == TableId::ALL || table.0 == **id);
        let numbers = meant.flat_map(|(id, table)| {
            let numbers = table.selected(selection).into_iter();
            numbers.map(|number| (*id, number))
        });
        numbers.collect()
    }

    fn remove_users(&mut self, uses: impl Fn(&Flow) -> bool, reason: FlowRemovedReason) {
        let tables = self.tables.iter();
        let users = tables.flat_map(|(id, table)| {
            let users = table.entries().filter(|(_, entry)| uses(&entry.flow));
            users.map(|(number, _)| (*id, number))
        });
        for (table, number) in users.collect::<Vec<_>>() {
            self.remove(table, number, reason);
        }
    }

    pub(crate) fn remove(&mut self, table: u8, number: usize, reason: FlowRemovedReason) {
        self.tell(table, number, ChangeKind::Removed(reason));
        let there = self.tables.get_mut(&table);
        let Some(entry) = there.and_then(|table| table.remove(number)) else {
            return;
        };
        self.forget_deadline(table, number, &entry);
        if has(entry.flow.flags, FlowFlags::SEND_FLOW_REMOVED) {
            self.removed.push(FlowRemoved {
                table: TableId(table),
                reason,
                priority: entry.flow.priority,
                idle_timeout: entry.flow.idle_timeout,
                hard_timeout: entry.flow.hard_timeout,
                cookie: entry.flow.cookie,
                matches: entry.flow.matches.clone(),
                stats: self.stats(&entry),
            });
        }
        let flow = entry.flow.clone();
        self.note(|| Before::Flow(table, number, Some(Box::new(entry))));
        self.unlearn(&flow);
    }

    /// Whether there is a flow of the same table, match and priority.
    pub(crate) fn has_flow(&self, flow: &FlowMod) -> bool {
        let table = self.tables.get(&flow.table.0);
        table.is_some_and(|table| table.has(&Key::of(&flow.matches), flow.priority))
    }

    /// The numbers of the flows of a table with a cookie.
    pub(crate) fn numbers_of(&self, table: TableId, cookie: u64) -> Vec<usize> {
        let filter = FlowFilter {
            table,
            cookie,
            cookie_mask: u64::MAX,
            ..FlowFilter::all()
        };
        let found = self.selected(table, &selection_of(&filter)).into_iter();
        found.map(|(_, number)| number).collect()
    }

    pub(crate) fn flow_of(&self, table: u8, number: usize) -> Option<&Flow> {
        self.entry(table, number).map(|entry| &*entry.flow)
    }

    fn entry(&self, table: u8, number: usize) -> Option<&Entered> {
        self.tables.get(&table)?.entry(number)
    }

    /// What is said of a flow.
    fn said(&self, table: u8, entry: &Entered) -> FlowStats {
        FlowStats {
            table: TableId(table),
            priority: entry.flow.priority,
            idle_timeout: entry.flow.idle_timeout,
            hard_timeout: entry.flow.hard_timeout,
            flags: entry.flow.flags,
            importance: entry.flow.importance,
            cookie: entry.flow.cookie,
            matches: entry.flow.matches.clone(),
            stats: self.stats(entry),
            instructions: entry.flow.instructions.clone(),
        }
    }

    /// Notes when a flow has to go.
    fn expect_end(&mut self, table: u8, number: usize) {
        let entry = self.entry(table, number);
        let deadline = entry.and_then(|entry| Some((entry.due()?.0, table, number, entry.serial)));
        self.deadlines.extend(deadline);
    }

    fn forget_deadline(&mut self, table: u8, number: usize, entry: &Entered) {
        if let Some((due, _)) = entry.due() {
            self.deadlines.remove(&(due, table, number, entry.serial));
        }
    }
}

fn has(flags: FlowFlags, flag: FlowFlags) -> bool {
    flags.0 & flag.0 != 0
}

/// The flows that a message to change or remove flows is about.
fn selection(message: &FlowMod) -> Selection {
    let strict = [FlowCommand::MODIFY_STRICT, FlowCommand::DELETE_STRICT];
    let deletes = [FlowCommand::DELETE, FlowCommand::DELETE_STRICT].contains(&message.command);
    Selection {
        key: Key::of(&message.matches),
        strict: strict
            .contains(&message.command)
            .then_some(message.priority),
        cookie: message.cookie,
        cookie_mask: message.cookie_mask,
        // Only a deletion asks for these.
        out_port: if deletes {
            message.out_port
        } else {
            PortNo::ANY
        },
        out_group: if deletes {
            message.out_group
        } else {
            GroupId::ANY
        },
    }
}

/// A meter as the action that it is since OpenFlow 1.5, where it was an instruction.
pub(crate) fn metered(list: &[Instruction]) -> Vec<Instruction> {
    let mut meter = None;
    let mut said = Vec::with_capacity(list.len());
    for instruction in list {
        match instruction {
            Instruction::Meter { meter_id } => {
                meter = Some(Action::Meter {
                    meter_id: *meter_id,
                })
            }
            other => said.push(other.clone()),
        }
    }
    let applied = said.iter_mut().find_map(|instruction| match instruction {
        Instruction::ApplyActions { actions } => Some(actions),
        _ => None,
    });
    match (meter, applied) {
        (Some(meter), Some(actions)) => actions.insert(0, meter),
        (Some(meter), None) => said.insert(0, Instruction::apply(vec![meter])),
        (None, _) => {}
    }
    said
}

/// The flows that a filter is about.
pub(crate) fn selection_of(filter: &FlowFilter) -> Selection {
    Selection {
        key: Key::of(&filter.matches),
        strict: None,
        cookie: filter.cookie,
        cookie_mask: filter.cookie_mask,
        out_port: filter.out_port,
        out_group: filter.out_group,
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
        meant.entries.to_mut().insert(at + 1, Entry::Known(code));
    }
    meant.check().map_err(Refusal::Match)?;
    // Of a tag and of a type of service there are two ways to ask.
    let bits = |field, shift: u32| {
        matches
            .get(field)
            .map_or(0, |asked| asked.significant() << shift)
    };
    let of_tag = bits(Field::VlanVid, 0) | bits(Field::VlanPcp, 13);
    if bits(Field::VlanTci, 0) & of_tag != 0 {
        return Err(Refusal::Twice("vlan_tci"));
    }
    if bits(Field::IpTos, 0) & bits(Field::IpDscp, 2) != 0 {
        return Err(Refusal::Twice("nw_tos"));
    }
    let mut registers = BTreeSet::new();
    for asked in matches.fields() {
        check_value(asked)?;
        let (first, count) = fields::registers(asked.field).unwrap_or((asked.field, 1));
        let mut parts = (0..count).map(|n| first as usize + n);
        if !parts.all(|part| registers.insert(part)) {
            return Err(Refusal::Twice(asked.field.row().name));
        }
    }
    let mut fields = matches.entries.iter().filter_map(Entry::field);
    match fields.find(|field| fields::access(*field).is_none()) {
        Some(missing) => Err(Refusal::NoSuchField(missing.row().name)),
        None => Ok(meant),
    }
}

/// Refuses what Open vSwitch does not let controllers ask for.
fn check_value(asked: &FieldValue) -> Result<(), Refusal> {
    /// The kinds of context that a network service header has (RFC 8300, 2.4 and 2.5).
    const CONTEXTS: [u128; 2] = [1, 2];
    let name = asked.field.row().name;
    match asked.field {
        Field::NshMdtype if !CONTEXTS.contains(&asked.value) => Err(Refusal::Impossible(name)),
        Field::InPort | Field::ActsetOutput if is_no_port(asked.value) => {
            Err(Refusal::Impossible(name))
        }
        field if fields::access(field).is_none() => Ok(()),
        field if asked.value & !fields::possible(field) != 0 => Err(Refusal::Impossible(name)),
        _ => Ok(()),
    }
}

/// Whether a number is none of a port: those have sixteen bits here, and the standard's own are the highest.
fn is_no_port(number: u128) -> bool {
    (0xff00..0xffff_ff00).contains(&number)
}

/// Whether something is asked that only the switch's own flows may ask for (`match_has_default_hidden_fields`).
fn is_hidden(asked: &FieldValue) -> bool {
    match asked.field {
        Field::DpHash => asked.significant() != 0,
        Field::RecircId => asked.value != 0,
        _ => false,
    }
}
