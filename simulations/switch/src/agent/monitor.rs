//! Monitors of flows: a controller is told of changes that it asked to be told of (OpenFlow 1.5.1, 7.3.5.21; EXT-187 in
//! 1.3; Nicira's before).
//!
//! A controller that does not read gets no more changes until it does; then the flows that changed meanwhile are told as
//! they are by then.

use std::collections::BTreeMap;

use rust_openflow::matches::Fields;
use rust_openflow::message::{
    FlowFilter, FlowMonitorRequest, FlowRemovedReason, FlowStats, FlowUpdate, Message,
    MonitorCommand, NxFlowMonitorRequest, NxFlowUpdate, OnfFlowMonitorRequest, OnfFlowUpdate,
    OnfMatch, Reply, UpdateAction,
};
use rust_openflow::{GroupId, Match, TableId, Version};

use super::connection::Connection;
use super::refused::Refused;
use super::{Agent, ConnectionId, words};
use crate::executor::{Change, ChangeKind, Executor, concerns};

/// Monitors of a connection.
const MAX_MONITORS: usize = 256;
/// Bytes waiting at which changes are told no more, and at which they are again.
const PAUSE: usize = 128 << 10;
/// Flows that may change while nothing is told, each once; with more the connection ends.
const MAX_UNTOLD: usize = 1 << 20;

/// `OFPFMF_*`, which Nicira's are, but for the last.
const INITIAL: u16 = 1;
const ADDED: u16 = 2;
const REMOVED: u16 = 4;
const MODIFIED: u16 = 8;
const INSTRUCTIONS: u16 = 16;
const OWN_IN_FULL: u16 = 32;
const ONLY_OWN: u16 = 64;

/// What a controller wants to be told of.
#[derive(Debug, Clone)]
struct Monitor {
    filter: FlowFilter,
    flags: u16,
}

/// What makes a flow one flow.
type FlowKey = (u8, u16, Match);

/// The monitors of a connection.
#[derive(Debug, Default)]
pub(super) struct Monitors {
    list: BTreeMap<u32, Monitor>,
    /// The flows that changed while nothing is told; none while everything is.
    untold: Option<Vec<FlowKey>>,
}

impl Monitors {
    pub(super) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }
}

/// What is told of a flow.
enum Update {
    Flow(UpdateKind, FlowStats),
    /// The controller's own message was done.
    Own(u32),
    Paused,
    Resumed,
}

#[derive(Clone, Copy)]
enum UpdateKind {
    Initial,
    Change(ChangeKind),
}

impl Monitor {
    fn wants(&self, change: &Change, own: bool) -> bool {
        let flag = match change.kind {
            ChangeKind::Added => ADDED,
            ChangeKind::Modified => MODIFIED,
            // Only who asked hears of it, in short.
            ChangeKind::Same if own => MODIFIED,
            ChangeKind::Same => return false,
            ChangeKind::Removed(_) => REMOVED,
        };
        self.flags & flag != 0
            && (own || self.flags & ONLY_OWN == 0)
            && concerns(&self.filter, &change.flow)
    }
}

/// What a request asks for.
pub(super) struct Asked {
    id: u32,
    command: MonitorCommand,
    monitor: Monitor,
}

impl From<FlowMonitorRequest> for Asked {
    fn from(request: FlowMonitorRequest) -> Self {
        let filter = FlowFilter {
            table: request.table,
            out_port: request.out_port,
            out_group: request.out_group,
            matches: request.matches,
            ..FlowFilter::all()
        };
        let flags = request.flags;
        Self {
            id: request.monitor_id,
            command: request.command,
            monitor: Monitor { filter, flags },
        }
    }
}

impl From<NxFlowMonitorRequest> for Asked {
    fn from(request: NxFlowMonitorRequest) -> Self {
        let filter = FlowFilter {
            table: request.table,
            out_port: request.out_port.0,
            matches: request.matches.0,
            ..FlowFilter::all()
        };
        let flags = request.flags;
        Self {
            id: request.id,
            command: MonitorCommand::ADD,
            monitor: Monitor { filter, flags },
        }
    }
}

impl From<OnfFlowMonitorRequest> for Asked {
    fn from(request: OnfFlowMonitorRequest) -> Self {
        let matches = match request.matches {
            OnfMatch::Fields(fields) => fields.0,
            OnfMatch::Match(matches) => matches,
        };
        let filter = FlowFilter {
            table: request.table,
            out_port: request.out_port,
            out_group: GroupId::ANY,
            matches,
            ..FlowFilter::all()
        };
        let flags = request.flags;
        Self {
            id: request.id,
            command: MonitorCommand::ADD,
            monitor: Monitor { filter, flags },
        }
    }
}

impl<E: Executor> Agent<E> {
    pub(super) fn monitor_flows<R>(
        &mut self,
        id: ConnectionId,
        xid: u32,
        requests: Vec<R>,
    ) -> Result<(), Refused>
    where
        Asked: From<R>,
    {
        let asked: Vec<Asked> = requests.into_iter().map(Asked::from).collect();
        let monitors = &mut self.connection(id)?.monitors;
        let before = monitors.list.clone();
        let mut initial = Vec::new();
        for Asked {
            id: number,
            command,
            monitor,
        } in asked
        {
            match change(&mut monitors.list, number, command, monitor) {
                Ok(Some(added)) => initial.push(added),
                Ok(None) => {}
                Err(refused) => {
                    monitors.list = before;
                    return Err(refused);
                }
            }
        }
        let mut updates = Vec::new();
        for monitor in initial {
            for flow in self.executor.select(&monitor.filter)? {
                let flow = self.executor.flow(&flow);
                updates.extend(flow.map(|flow| monitor.update(UpdateKind::Initial, flow)));
            }
        }
        self.watch();
        self.connection(id)?.tell_updates(xid, updates, true);
        Ok(())
    }

    pub(super) fn cancel_monitor(&mut self, id: ConnectionId, number: u32) -> Result<(), Refused> {
        let monitors = &mut self.connection(id)?.monitors;
        let there = monitors.list.remove(&number);
        there.ok_or("OFPMOFC_UNKNOWN_MONITOR")?;
        self.watch();
        Ok(())
    }

    /// Changes are kept as long as somebody wants them.
    pub(super) fn watch(&mut self) {
        let mut connections = self.connections.values();
        let watched = connections.any(|connection| !connection.monitors.is_empty());
        self.executor.watch(watched);
    }

    /// Tells of changes; `cause` is the message that made them.
    pub(super) fn tell_of_changed_flows(&mut self, cause: Option<(ConnectionId, u32)>) {
        let changes = self.executor.take_changes();
        if changes.is_empty() {
            return;
        }
        for (id, connection) in &mut self.connections {
            let own = cause.filter(|(causing, _)| causing == id);
            connection.tell_of_changed_flows(&changes, own.map(|(_, xid)| xid));
        }
    }

    /// Tells a controller that reads again what it missed; false when it missed nothing.
    pub(super) fn resume_monitors(&mut self, id: ConnectionId) -> bool {
        let Some(connection) = self.connections.get_mut(&id) else {
            return false;
        };
        let Some(untold) = connection.monitors.untold.take() else {
            return false;
        };
        let monitors: Vec<Monitor> = connection.monitors.list.values().cloned().collect();
        let mut updates = Vec::new();
        for (table, priority, matches) in untold {
            let filter = FlowFilter {
                table: TableId(table),
                matches: matches.clone(),
                ..FlowFilter::all()
            };
            let found = self.executor.select(&filter).unwrap_or_default();
            let flows = found.iter().filter_map(|flow| self.executor.flow(flow));
            let same = |flow: &FlowStats| flow.priority == priority && flow.matches == matches;
            for flow in flows.filter(same) {
                let kind = ChangeKind::Modified;
                let change = Change { kind, flow };
                let wanting: Vec<&Monitor> = monitors
                    .iter()
                    .filter(|monitor| monitor.wants(&change, true))
                    .collect();
                updates.extend(full(&wanting, kind, &change.flow));
            }
        }
        updates.push(Update::Resumed);
        connection.tell_updates(0, updates, false);
        true
    }
}

/// Does what is asked of a monitor; gives it when its flows are to be told.
fn change(
    list: &mut BTreeMap<u32, Monitor>,
    number: u32,
    command: MonitorCommand,
    monitor: Monitor,
) -> Result<Option<Monitor>, Refused> {
    let there = list.contains_key(&number);
    match command {
        MonitorCommand::ADD if there => return Err("OFPMOFC_MONITOR_EXISTS".into()),
        MonitorCommand::MODIFY | MonitorCommand::DELETE if !there => {
            return Err("OFPMOFC_UNKNOWN_MONITOR".into());
        }
        MonitorCommand::ADD | MonitorCommand::MODIFY => {}
        MonitorCommand::DELETE => {
            list.remove(&number);
            return Ok(None);
        }
        _ => return Err("OFPMOFC_BAD_COMMAND".into()),
    }
    if monitor.flags
        & !(INITIAL | ADDED | REMOVED | MODIFIED | INSTRUCTIONS | OWN_IN_FULL | ONLY_OWN)
        != 0
    {
        return Err("OFPMOFC_BAD_FLAGS".into());
    }
    if list.len() >= MAX_MONITORS {
        return Err("OFPMOFC_UNKNOWN".into());
    }
    list.insert(number, monitor.clone());
    Ok((monitor.flags & INITIAL != 0).then_some(monitor))
}

impl Monitor {
    fn update(&self, kind: UpdateKind, mut flow: FlowStats) -> Update {
        if self.flags & INSTRUCTIONS == 0 {
            flow.instructions.clear();
        }
        Update::Flow(kind, flow)
    }
}

/// The change in full, with instructions when one of the monitors wants them.
fn full(wanting: &[&Monitor], kind: ChangeKind, flow: &FlowStats) -> Option<Update> {
    let mut flow = flow.clone();
    if wanting
        .iter()
        .all(|monitor| monitor.flags & INSTRUCTIONS == 0)
    {
        flow.instructions.clear();
    }
    (!wanting.is_empty()).then_some(Update::Flow(UpdateKind::Change(kind), flow))
}

impl Connection {
    fn tell_of_changed_flows(&mut self, changes: &[Change], own: Option<u32>) {
        if self.monitors.is_empty() || !self.session.is_open() {
            return;
        }
        let mut updates = Vec::new();
        let mut abbreviated = false;
        for change in changes {
            let wanting: Vec<&Monitor> = self
                .monitors
                .list
                .values()
                .filter(|monitor| monitor.wants(change, own.is_some()))
                .collect();
            let in_full = wanting
                .iter()
                .any(|monitor| monitor.flags & OWN_IN_FULL != 0);
            match own {
                _ if wanting.is_empty() => {}
                _ if in_full && change.kind == ChangeKind::Same => {}
                Some(xid) if !in_full && self.monitors.untold.is_none() => {
                    if !abbreviated {
                        updates.push(Update::Own(xid));
                    }
                    abbreviated = true;
                }
                _ => match (&mut self.monitors.untold, change.kind) {
                    (Some(untold), ChangeKind::Added | ChangeKind::Modified) => {
                        let flow = &change.flow;
                        let key = (flow.table.0, flow.priority, flow.matches.clone());
                        if untold.len() < MAX_UNTOLD {
                            untold.push(key);
                        }
                    }
                    _ => updates.extend(full(&wanting, change.kind, &change.flow)),
                },
            }
        }
        if !updates.is_empty() {
            self.tell_updates(0, updates, false);
        }
        if self.monitors.untold.is_none() && self.session.queue_len() > PAUSE {
            self.tell_updates(0, vec![Update::Paused], false);
            self.monitors.untold = Some(Vec::new());
        }
    }

    /// Says changes in the form of the version; an answer even when there are none.
    fn tell_updates(&mut self, xid: u32, updates: Vec<Update>, answers: bool) {
        let version = self.version();
        let mut said: Vec<FlowUpdate> = Vec::new();
        let (mut nicira, mut onf) = (Vec::new(), Vec::new());
        for update in updates {
            match (version, update) {
                (Version::V1_4 | Version::V1_5, update) => said.push(standard(update, version)),
                (Version::V1_3, Update::Paused) => self.tell(&Message::OnfFlowMonitorPaused),
                (Version::V1_3, Update::Resumed) => self.tell(&Message::OnfFlowMonitorResumed),
                (_, Update::Paused) => self.tell(&Message::FlowMonitorPaused),
                (_, Update::Resumed) => self.tell(&Message::FlowMonitorResumed),
                (Version::V1_3, update) => onf.extend(of_onf(update, version)),
                (_, update) => nicira.extend(of_nicira(update, version)),
            }
        }
        match version {
            Version::V1_4 | Version::V1_5 if answers || !said.is_empty() => {
                self.reply_list(xid, &said, false, &Reply::FlowMonitor);
            }
            Version::V1_3 if answers || !onf.is_empty() => {
                self.reply_list(xid, &onf, false, &Reply::OnfFlowMonitor);
            }
            Version::V1_0 | Version::V1_1 | Version::V1_2 if answers || !nicira.is_empty() => {
                self.reply_list(xid, &nicira, false, &Reply::NxFlowMonitor);
            }
            _ => {}
        }
    }
}

/// Rows: a form of changes, its enumeration, and what it has of a flow.
macro_rules! told {
    ($union:ident $variant:ident $reason:expr, $flow:ident, $matches:expr, $does:ident: $list:expr) => {
        $union::$variant {
            reason: $reason,
            priority: $flow.priority,
            idle_timeout: $flow.idle_timeout,
            hard_timeout: $flow.hard_timeout,
            table: $flow.table,
            cookie: $flow.cookie,
            matches: $matches,
            $does: $list,
        }
    };
}

fn standard(update: Update, version: Version) -> FlowUpdate {
    let none = FlowRemovedReason(0);
    let (kind, flow) = match update {
        Update::Flow(kind, flow) => (kind, words::flow_stats(flow, version)),
        Update::Own(xid) => return FlowUpdate::Abbrev { xid },
        Update::Paused => return FlowUpdate::Paused {},
        Update::Resumed => return FlowUpdate::Resumed {},
    };
    match kind {
        UpdateKind::Initial => {
            told!(FlowUpdate Initial none, flow, flow.matches, instructions: flow.instructions)
        }
        UpdateKind::Change(ChangeKind::Added) => {
            told!(FlowUpdate Added none, flow, flow.matches, instructions: flow.instructions)
        }
        UpdateKind::Change(ChangeKind::Modified | ChangeKind::Same) => {
            told!(FlowUpdate Modified none, flow, flow.matches, instructions: flow.instructions)
        }
        UpdateKind::Change(ChangeKind::Removed(reason)) => {
            told!(FlowUpdate Removed reason, flow, flow.matches, instructions: flow.instructions)
        }
    }
}

fn of_onf(update: Update, version: Version) -> Option<OnfFlowUpdate> {
    let (kind, flow) = match update {
        Update::Flow(kind, flow) => (kind, words::flow_stats(flow, version)),
        Update::Own(xid) => return Some(OnfFlowUpdate::Abbrev { xid }),
        Update::Paused | Update::Resumed => return None,
    };
    let matches = OnfMatch::Match(flow.matches.clone());
    Some(match kind {
        UpdateKind::Initial | UpdateKind::Change(ChangeKind::Added) => {
            told!(OnfFlowUpdate Added 0, flow, matches, instructions: flow.instructions)
        }
        UpdateKind::Change(ChangeKind::Modified | ChangeKind::Same) => {
            told!(OnfFlowUpdate Modified 0, flow, matches, instructions: flow.instructions)
        }
        UpdateKind::Change(ChangeKind::Removed(reason)) => {
            told!(OnfFlowUpdate Deleted reason.0.into(), flow, matches, instructions: flow.instructions)
        }
    })
}

fn of_nicira(update: Update, version: Version) -> Option<NxFlowUpdate> {
    let (kind, flow) = match update {
        Update::Flow(kind, flow) => (kind, words::flow_stats(flow, version)),
        Update::Own(xid) => return Some(NxFlowUpdate::Abbrev { xid }),
        Update::Paused | Update::Resumed => return None,
    };
    let matches = Fields(words::nicira_fields(&flow.matches));
    let actions = flow
        .instructions
        .into_iter()
        .flat_map(|instruction| match instruction {
            rust_openflow::Instruction::ApplyActions { actions } => {
                actions.into_iter().map(UpdateAction::Action).collect()
            }
            other => vec![UpdateAction::Instruction(other)],
        });
    let actions: Vec<UpdateAction> = actions.collect();
    Some(match kind {
        UpdateKind::Initial | UpdateKind::Change(ChangeKind::Added) => {
            told!(NxFlowUpdate Added 0, flow, matches, actions: actions)
        }
        UpdateKind::Change(ChangeKind::Modified | ChangeKind::Same) => {
            told!(NxFlowUpdate Modified 0, flow, matches, actions: actions)
        }
        UpdateKind::Change(ChangeKind::Removed(reason)) => {
            told!(NxFlowUpdate Deleted reason.0.into(), flow, matches, actions: actions)
        }
    })
}
