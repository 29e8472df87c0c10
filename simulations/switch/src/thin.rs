//! An executor that keeps what it is told, refuses nothing and moves no packet: thousands of switches on one machine.
//!
//! A flow is its message as bytes, once for all switches that share a [`Pool`], and two pointers in each of them. What
//! flows do is not known here, only which of them a message is about; nothing is counted, and no time goes by.

use std::borrow::Borrow;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use rust_openflow::message::{
    Counter, CtFlush, FlowCommand, FlowFilter, FlowFlags, FlowMod, FlowRemoved, FlowRemovedReason,
    FlowStats, GroupCommand, GroupDesc, GroupMod, GroupStats, Message, MeterCommand, MeterConfig,
    MeterMod, MeterStats, PacketOut, Stats,
};
use rust_openflow::{GroupId, Match, MeterId, PortNo, TableId, Version};

use crate::execute::Output;
use crate::executor::{
    Change, ChangeKind, Executor, TableCounts, concerns, describe_group, describe_meter,
};
use crate::packet::Tunnel;
use crate::refusal::Refusal;
use crate::switch::{Port, metered};

/// The version whose bytes are kept: it can say the most.
const VERSION: Version = Version::V1_5;

/// Flows that several switches have, once.
#[derive(Debug, Clone, Default)]
pub struct Pool(Arc<Mutex<HashSet<Arc<Record>>>>);

impl Pool {
    /// A flow as it is in the pool.
    fn share(&self, record: Record) -> Arc<Record> {
        let mut pool = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(there) = pool.get(&record) {
            return Arc::clone(there);
        }
        let record = Arc::new(record);
        pool.insert(Arc::clone(&record));
        record
    }

    /// Forgets a flow that no switch has but the one that gives it back.
    fn give_back(&self, record: Arc<Record>) {
        let mut pool = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // The pool's own, and this one.
        if Arc::strong_count(&record) <= 2 {
            pool.remove(&record);
        }
    }

    /// How many different flows there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Whether there are no flows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// What makes a flow one flow: table, priority, and the hash of its match.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Key {
    table: u8,
    priority: u16,
    matches: u64,
}

impl Key {
    fn of(table: TableId, priority: u16, matches: &Match) -> Self {
        let mut sorted = matches.clone();
        sorted.sort();
        let mut hasher = DefaultHasher::new();
        sorted.hash(&mut hasher);
        Self {
            table: table.0,
            priority,
            matches: hasher.finish(),
        }
    }
}

/// A flow.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Record {
    /// Its cookie, and what makes it one flow.
    key: (u64, Key),
    flags: FlowFlags,
    /// The flow-mod that adds it.
    message: Box<[u8]>,
}

impl Record {
    fn new(flow: &FlowMod) -> Result<Self, Refusal> {
        let told = FlowMod {
            command: FlowCommand::ADD,
            cookie_mask: 0,
            out_port: PortNo::ANY,
            out_group: GroupId::ANY,
            instructions: metered(&flow.instructions),
            ..flow.clone()
        };
        let key = Key::of(told.table, told.priority, &told.matches);
        let (cookie, flags) = (told.cookie, told.flags);
        let message = Message::FlowMod(told).encode(VERSION, 0);
        let message = message.map_err(|error| Refusal::UnknownInstruction(error.to_string()))?;
        Ok(Self {
            key: (cookie, key),
            flags,
            message: message.as_ref().into(),
        })
    }

    fn flow_mod(&self) -> Option<FlowMod> {
        match Message::decode(&Bytes::copy_from_slice(&self.message)) {
            Ok((_, Message::FlowMod(flow))) => Some(flow),
            _ => None,
        }
    }

    fn stats(&self) -> Option<FlowStats> {
        let flow = self.flow_mod()?;
        Some(FlowStats {
            table: flow.table,
            priority: flow.priority,
            idle_timeout: flow.idle_timeout,
            hard_timeout: flow.hard_timeout,
            flags: flow.flags,
            importance: flow.importance,
            cookie: flow.cookie,
            matches: flow.matches,
            stats: Stats::new((0, 0), 0, 0),
            instructions: flow.instructions,
        })
    }
}

/// Rows: an order of flows, what it goes by.
macro_rules! orders {
    ($($name:ident $key:ty, |$record:ident| $by:expr;)*) => {$(
        #[derive(Debug, Clone)]
        struct $name(Arc<Record>);

        impl Borrow<$key> for $name {
            fn borrow(&self) -> &$key {
                let $record = &self.0;
                &$by
            }
        }

        impl PartialEq for $name {
            fn eq(&self, other: &Self) -> bool {
                Borrow::<$key>::borrow(self) == Borrow::<$key>::borrow(other)
            }
        }

        impl Eq for $name {}

        impl PartialOrd for $name {
            fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
                Some(self.cmp(other))
            }
        }

        impl Ord for $name {
            fn cmp(&self, other: &Self) -> std::cmp::Ordering {
                Borrow::<$key>::borrow(self).cmp(Borrow::<$key>::borrow(other))
            }
        }
    )*};
}

orders! {
    ByKey Key, |record| record.key.1;
    ByCookie (u64, Key), |record| record.key;
}

/// What was done, to be undone.
#[derive(Debug)]
enum Done {
    Added(Arc<Record>),
    Removed(Arc<Record>),
    Group(GroupId, Option<GroupMod>),
    Meter(MeterId, Option<MeterMod>),
}

/// What is done since a beginning, and how much was to be told then.
#[derive(Debug, Default)]
struct Undo {
    done: Vec<Done>,
    removed: usize,
    changes: usize,
}

/// A switch that only remembers.
#[derive(Debug, Default)]
pub struct Thin {
    pool: Pool,
    flows: BTreeSet<ByKey>,
    cookies: BTreeSet<ByCookie>,
    groups: BTreeMap<GroupId, GroupMod>,
    meters: BTreeMap<MeterId, MeterMod>,
    removed: Vec<FlowRemoved>,
    changes: Option<Vec<Change>>,
    undo: Option<Undo>,
}

impl Thin {
    /// An empty one, whose flows are shared with others of the pool.
    #[must_use]
    pub fn new(pool: Pool) -> Self {
        Self {
            pool,
            ..Self::default()
        }
    }

    /// How many flows there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.flows.len()
    }

    /// Whether there are no flows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.flows.is_empty()
    }

    /// The cookies of the flows, lowest first.
    pub fn cookies(&self) -> impl Iterator<Item = u64> {
        self.cookies.iter().map(|record| record.0.key.0)
    }

    fn tell(&mut self, kind: ChangeKind, record: &Record) {
        if let Some(changes) = &mut self.changes
            && let Some(flow) = record.stats()
        {
            changes.push(Change { kind, flow });
        }
    }

    fn note(&mut self, done: Done) {
        match &mut self.undo {
            Some(undo) => undo.done.push(done),
            None => self.forget(done),
        }
    }

    /// Nothing of this will be undone.
    fn forget(&self, done: Done) {
        if let Done::Removed(record) = done {
            self.pool.give_back(record);
        }
    }

    fn insert(&mut self, record: &Arc<Record>) -> Option<Arc<Record>> {
        let old = self.flows.replace(ByKey(Arc::clone(record)));
        if let Some(ByKey(old)) = &old {
            self.cookies.remove(&old.key);
        }
        self.cookies.insert(ByCookie(Arc::clone(record)));
        old.map(|ByKey(old)| old)
    }

    fn add(&mut self, flow: &FlowMod) -> Result<(), Refusal> {
        let record = self.pool.share(Record::new(flow)?);
        let old = self.insert(&record);
        let kind = match old {
            Some(_) => ChangeKind::Modified,
            None => ChangeKind::Added,
        };
        self.tell(kind, &record);
        if let Some(old) = old {
            self.note(Done::Removed(old));
        }
        self.note(Done::Added(record));
        Ok(())
    }

    fn remove(&mut self, record: Arc<Record>) {
        self.flows.remove(&record.key.1);
        self.cookies.remove(&record.key);
        let reason = FlowRemovedReason::DELETE;
        self.tell(ChangeKind::Removed(reason), &record);
        if record.flags.contains(FlowFlags::SEND_FLOW_REMOVED)
            && let Some(flow) = record.stats()
        {
            self.removed.push(FlowRemoved {
                table: flow.table,
                reason,
                priority: flow.priority,
                idle_timeout: flow.idle_timeout,
                hard_timeout: flow.hard_timeout,
                cookie: flow.cookie,
                matches: flow.matches,
                stats: flow.stats,
            });
        }
        self.note(Done::Removed(record));
    }

    /// The flows that a filter is about; of exactly this priority and match when there is one.
    fn found(&self, filter: &FlowFilter, strict: Option<u16>) -> Vec<Arc<Record>> {
        let tables = match filter.table {
            TableId::ALL => 0..=u8::MAX,
            TableId(table) => table..=table,
        };
        let candidates: Vec<&Arc<Record>> = match strict {
            Some(priority) => {
                let hash = Key::of(filter.table, priority, &filter.matches);
                let keys = tables.map(|table| Key { table, ..hash });
                keys.filter_map(|key| self.flows.get(&key).map(|flow| &flow.0))
                    .collect()
            }
            None if filter.cookie_mask == u64::MAX => {
                let range = edges(0..=u8::MAX);
                let range = (filter.cookie, *range.start())..=(filter.cookie, *range.end());
                self.cookies.range(range).map(|flow| &flow.0).collect()
            }
            None => {
                let range = edges(tables);
                self.flows.range(range).map(|flow| &flow.0).collect()
            }
        };
        let plain = filter.out_port == PortNo::ANY
            && filter.out_group == GroupId::ANY
            && (strict.is_some() || filter.matches == Match::any());
        let meant = candidates.into_iter().filter(|record| {
            let (cookie, key) = record.key;
            (cookie ^ filter.cookie) & filter.cookie_mask == 0
                && (filter.table == TableId::ALL || filter.table.0 == key.table)
                && (plain || record.stats().is_some_and(|flow| concerns(filter, &flow)))
        });
        meant.cloned().collect()
    }
}

/// The first and the last key of tables.
fn edges(tables: std::ops::RangeInclusive<u8>) -> std::ops::RangeInclusive<Key> {
    let first = Key {
        table: *tables.start(),
        priority: 0,
        matches: 0,
    };
    let last = Key {
        table: *tables.end(),
        priority: u16::MAX,
        matches: u64::MAX,
    };
    first..=last
}

/// What a flow-mod that changes or removes flows is about.
fn filter(message: &FlowMod) -> (FlowFilter, Option<u16>) {
    let deletes = [FlowCommand::DELETE, FlowCommand::DELETE_STRICT].contains(&message.command);
    let strict = [FlowCommand::MODIFY_STRICT, FlowCommand::DELETE_STRICT];
    let filter = FlowFilter {
        table: message.table,
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
        cookie: message.cookie,
        cookie_mask: message.cookie_mask,
        matches: message.matches.clone(),
    };
    let strict = strict.contains(&message.command);
    (filter, strict.then_some(message.priority))
}

impl Executor for Thin {
    type Flow = Arc<Record>;

    fn flow_mod(
        &mut self,
        _: Version,
        message: &FlowMod,
        cookie: Option<u64>,
    ) -> Result<usize, Refusal> {
        if message.command == FlowCommand::ADD {
            return self.add(message).map(|()| 1);
        }
        let (filter, strict) = filter(message);
        let found = self.found(&filter, strict);
        let count = found.len();
        for record in found {
            match message.command {
                FlowCommand::DELETE | FlowCommand::DELETE_STRICT => self.remove(record),
                _ => {
                    let Some(flow) = record.flow_mod() else {
                        continue;
                    };
                    self.add(&FlowMod {
                        instructions: message.instructions.clone(),
                        cookie: cookie.unwrap_or(flow.cookie),
                        ..flow
                    })?;
                }
            }
        }
        Ok(count)
    }

    fn check_flow_mod(&self, _: Version, _: &FlowMod) -> Result<(), Refusal> {
        Ok(())
    }

    fn group_mod(&mut self, message: &GroupMod) -> Result<(), Refusal> {
        let id = message.group;
        let gone: Vec<GroupId> = match message.command {
            GroupCommand::DELETE if id == GroupId::ALL => self.groups.keys().copied().collect(),
            GroupCommand::DELETE => vec![id],
            GroupCommand::INSERT_BUCKET | GroupCommand::REMOVE_BUCKET => return Ok(()),
            _ => {
                let told = GroupMod {
                    command: GroupCommand::ADD,
                    ..message.clone()
                };
                let old = self.groups.insert(id, told);
                self.note(Done::Group(id, old));
                return Ok(());
            }
        };
        for id in gone {
            let old = self.groups.remove(&id);
            self.note(Done::Group(id, old));
        }
        Ok(())
    }

    fn check_group_mod(&self, _: &GroupMod) -> Result<(), Refusal> {
        Ok(())
    }

    fn meter_mod(&mut self, message: &MeterMod) -> Result<(), Refusal> {
        let id = message.meter;
        let gone: Vec<MeterId> = match message.command {
            MeterCommand::DELETE if id == MeterId::ALL => self.meters.keys().copied().collect(),
            MeterCommand::DELETE => vec![id],
            _ => {
                let told = MeterMod {
                    command: MeterCommand::ADD,
                    ..message.clone()
                };
                let old = self.meters.insert(id, told);
                self.note(Done::Meter(id, old));
                return Ok(());
            }
        };
        for id in gone {
            let old = self.meters.remove(&id);
            self.note(Done::Meter(id, old));
        }
        Ok(())
    }

    fn begin(&mut self) {
        self.undo = Some(Undo {
            done: Vec::new(),
            removed: self.removed.len(),
            changes: self.changes.as_ref().map_or(0, Vec::len),
        });
    }

    fn commit(&mut self) {
        for done in self.undo.take().unwrap_or_default().done {
            self.forget(done);
        }
    }

    fn roll_back(&mut self) {
        let Some(undo) = self.undo.take() else {
            return;
        };
        for done in undo.done.into_iter().rev() {
            match done {
                Done::Added(record) => {
                    self.flows.remove(&record.key.1);
                    self.cookies.remove(&record.key);
                    self.pool.give_back(record);
                }
                Done::Removed(record) => _ = self.insert(&record),
                Done::Group(id, Some(group)) => _ = self.groups.insert(id, group),
                Done::Group(id, None) => _ = self.groups.remove(&id),
                Done::Meter(id, Some(meter)) => _ = self.meters.insert(id, meter),
                Done::Meter(id, None) => _ = self.meters.remove(&id),
            }
        }
        self.removed.truncate(undo.removed);
        if let Some(changes) = &mut self.changes {
            changes.truncate(undo.changes);
        }
    }

    fn select(&self, filter: &FlowFilter) -> Result<Vec<Arc<Record>>, Refusal> {
        Ok(self.found(filter, None))
    }

    fn flow(&self, flow: &Arc<Record>) -> Option<FlowStats> {
        flow.stats()
    }

    fn table(&self, table: TableId) -> TableCounts {
        let flows = self.flows.range(edges(table.0..=table.0)).count();
        TableCounts {
            flows: u32::try_from(flows).unwrap_or(u32::MAX),
            ..TableCounts::default()
        }
    }

    fn groups(&self, id: GroupId) -> Vec<GroupDesc> {
        let groups = self.groups.values();
        let groups = groups.filter(|told| id == GroupId::ALL || id == told.group);
        groups.map(describe_group).collect()
    }

    fn group_stats(&self, id: GroupId) -> Vec<GroupStats> {
        let groups = self.groups.values();
        let groups = groups.filter(|told| id == GroupId::ALL || id == told.group);
        let none = Counter {
            packet_count: 0,
            byte_count: 0,
        };
        let stats = groups.map(|told| GroupStats {
            group: told.group,
            ref_count: 0,
            packet_count: 0,
            byte_count: 0,
            duration_sec: 0,
            duration_nsec: 0,
            bucket_stats: vec![none; told.buckets.len()],
        });
        stats.collect()
    }

    fn meters(&self, id: MeterId) -> Vec<MeterConfig> {
        let meters = self.meters.values();
        let meters = meters.filter(|told| id == MeterId::ALL || id == told.meter);
        meters.map(describe_meter).collect()
    }

    fn meter_stats(&self, id: MeterId) -> Vec<MeterStats> {
        let meters = self.meters.values();
        let meters = meters.filter(|told| id == MeterId::ALL || id == told.meter);
        let stats = meters.map(|told| MeterStats {
            meter: told.meter,
            ref_count: 0,
            packet_in_count: 0,
            byte_in_count: 0,
            duration_sec: 0,
            duration_nsec: 0,
            band_stats: Vec::new(),
        });
        stats.collect()
    }

    fn receive(&mut self, _: PortNo, _: Tunnel, _: &[u8]) -> Vec<Output> {
        Vec::new()
    }

    fn send(&mut self, _: &PacketOut) -> Result<Vec<Output>, Refusal> {
        Ok(Vec::new())
    }

    fn set_port(&mut self, _: PortNo, _: Option<Port>) {}

    fn set_misses(&mut self, _: Option<BTreeSet<PortNo>>) {}

    fn flush_zone(&mut self, _: u16) {}

    fn flush_connections(&mut self, _: &CtFlush) {}

    fn advance(&mut self, _: u64) {}

    fn next_timeout(&self) -> Option<u64> {
        None
    }

    fn take_removed(&mut self) -> Vec<FlowRemoved> {
        std::mem::take(&mut self.removed)
    }

    fn watch(&mut self, watched: bool) {
        self.changes = watched.then(|| self.changes.take().unwrap_or_default());
    }

    fn take_changes(&mut self) -> Vec<Change> {
        self.changes
            .as_mut()
            .map(std::mem::take)
            .unwrap_or_default()
    }
}
