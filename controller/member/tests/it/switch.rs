//! A switch that keeps what it is told and moves no packet: flows, groups and meters, bundles that
//! take effect as a whole, refusals in Open vSwitch's way, and a count of the flow-mods it got.
//!
//! It survives its connections: a controller that comes back finds what the last one left. The
//! protocol's conversation is `rust_openflow::session`'s.

use std::collections::BTreeMap;

use bytes::Bytes;
use rust_openflow::error::ErrorAnswer;
use rust_openflow::message::{
    BundleControl, BundleControlType, Features, FlowCommand, FlowMod, FlowStats, GroupCommand,
    GroupDesc, GroupMod, Message, MeterCommand, MeterConfig, MeterMod, MultipartReply, PacketOut,
    Reply, Request, RoleMessage, Stats,
};
use rust_openflow::session::{Config, End, Event, Session};
use rust_openflow::{DatapathId, GroupId, Match, MeterId, TableId, Version};

const BAD_FIELD: ErrorAnswer = ErrorAnswer { kind: 4, code: 6 };
const TABLE_FULL: ErrorAnswer = ErrorAnswer { kind: 5, code: 1 };
const GROUP_EXISTS: ErrorAnswer = ErrorAnswer { kind: 6, code: 0 };
const UNKNOWN_GROUP: ErrorAnswer = ErrorAnswer { kind: 6, code: 8 };
const STALE: ErrorAnswer = ErrorAnswer { kind: 11, code: 0 };
const METER_EXISTS: ErrorAnswer = ErrorAnswer { kind: 12, code: 1 };
const UNKNOWN_METER: ErrorAnswer = ErrorAnswer { kind: 12, code: 3 };
const OUT_OF_METERS: ErrorAnswer = ErrorAnswer { kind: 12, code: 10 };
const BUNDLE_EXISTS: ErrorAnswer = ErrorAnswer { kind: 17, code: 2 };
const NO_BUNDLE: ErrorAnswer = ErrorAnswer { kind: 17, code: 1 };
const MESSAGE_FAILED: ErrorAnswer = ErrorAnswer { kind: 17, code: 13 };

/// Flows in one part of an answer.
const PART: usize = 7;

/// What makes a flow one flow to a switch: table, priority, match.
pub(crate) type FlowKey = (u8, u16, Bytes);

pub(crate) fn key(table: TableId, priority: u16, matches: &Match) -> FlowKey {
    let mut matches = matches.clone();
    matches.sort();
    (table.0, priority, matches.to_bytes(Version::V1_5).unwrap())
}

/// What a switch has.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Tables {
    pub(crate) flows: BTreeMap<FlowKey, FlowMod>,
    pub(crate) groups: BTreeMap<GroupId, GroupMod>,
    pub(crate) meters: BTreeMap<MeterId, MeterMod>,
}

impl Tables {
    pub(crate) fn add(&mut self, mut flow: FlowMod) {
        flow.matches.sort();
        let key = key(flow.table, flow.priority, &flow.matches);
        self.flows.insert(key, flow);
    }

    fn flow(&mut self, flow: FlowMod) {
        let cookie =
            |one: &FlowMod| one.cookie & flow.cookie_mask == flow.cookie & flow.cookie_mask;
        match flow.command {
            FlowCommand::ADD => self.add(flow),
            FlowCommand::DELETE_STRICT => {
                let key = key(flow.table, flow.priority, &flow.matches);
                if self.flows.get(&key).is_some_and(cookie) {
                    self.flows.remove(&key);
                }
            }
            FlowCommand::DELETE => {
                assert_eq!(
                    flow.matches,
                    Match::any(),
                    "only deletion by cookie is known here"
                );
                let table = |one: &FlowMod| flow.table == TableId::ALL || flow.table == one.table;
                self.flows.retain(|_, one| !(table(one) && cookie(one)));
            }
            other => panic!("{other}"),
        }
    }

    fn group(&mut self, group: GroupMod) -> Result<(), ErrorAnswer> {
        let there = self.groups.contains_key(&group.group);
        match group.command {
            GroupCommand::ADD if there => return Err(GROUP_EXISTS),
            GroupCommand::MODIFY if !there => return Err(UNKNOWN_GROUP),
            GroupCommand::ADD | GroupCommand::MODIFY => {
                let group = GroupMod {
                    command: GroupCommand::ADD,
                    ..group
                };
                self.groups.insert(group.group, group);
            }
            GroupCommand::DELETE => _ = self.groups.remove(&group.group),
            other => panic!("{other}"),
        }
        Ok(())
    }

    fn meter(&mut self, meter: MeterMod) -> Result<(), ErrorAnswer> {
        let there = self.meters.contains_key(&meter.meter);
        match meter.command {
            MeterCommand::ADD if there => return Err(METER_EXISTS),
            MeterCommand::MODIFY if !there => return Err(UNKNOWN_METER),
            MeterCommand::ADD | MeterCommand::MODIFY => {
                let meter = MeterMod {
                    command: MeterCommand::ADD,
                    ..meter
                };
                self.meters.insert(meter.meter, meter);
            }
            MeterCommand::DELETE => _ = self.meters.remove(&meter.meter),
            other => panic!("{other}"),
        }
        Ok(())
    }
}

type Refuse = Box<dyn Fn(&FlowMod) -> bool>;

/// The switch.
#[derive(Default)]
pub(crate) struct Switch {
    pub(crate) tables: Tables,
    /// Flow-mods that arrived, in bundles or not, the marker's left out.
    pub(crate) flow_mods: usize,
    /// Everything that arrived and changes tables, the marker's flow-mods included.
    pub(crate) mods: usize,
    /// How often it was asked what it has.
    pub(crate) dumps: usize,
    /// Bundles that were opened.
    pub(crate) bundles: usize,
    /// Packets that it was told to send.
    pub(crate) packets: Vec<PacketOut>,
    /// The controller's marker, which is not counted.
    pub(crate) marker: u64,
    /// Flows that are refused when the message is read.
    pub(crate) unreadable: Option<Refuse>,
    /// Flows that are refused when the bundle is committed.
    pub(crate) uninstallable: Option<Refuse>,
    /// Flows that there is room for.
    pub(crate) room: Option<usize>,
    /// Whether meters are refused.
    pub(crate) no_meters: bool,
    /// Which messages it does not answer.
    pub(crate) mute: Option<fn(&Message) -> bool>,
    generation: u64,
    bundle: Option<Vec<Bytes>>,
}

/// The switch's end of a connection.
pub(crate) fn session(versions: &[Version], now: u64) -> Session {
    let config = Config {
        versions: versions.to_vec(),
        ..Config::default()
    };
    Session::new(End::Switch, config, now)
}

impl Switch {
    /// An empty switch; flow-mods of the marker's cookie are not counted.
    pub(crate) fn new(marker: u64) -> Self {
        Self {
            marker,
            ..Self::default()
        }
    }

    /// A connection ended: what was in a bundle is lost.
    pub(crate) fn disconnected(&mut self) {
        self.bundle = None;
    }

    /// Does what was asked on a connection.
    pub(crate) fn act(&mut self, session: &mut Session, datapath: DatapathId) {
        while let Some(event) = session.next_event() {
            match event {
                Event::Message {
                    xid,
                    message,
                    bytes,
                } => {
                    if self.mute.is_some_and(|mute| mute(&message)) {
                        continue;
                    }
                    if let Err((answer, bytes)) =
                        self.answer(session, datapath, xid, message, bytes)
                    {
                        session.refuse(answer, &bytes).unwrap();
                    }
                }
                Event::Refused { error, .. } => panic!("the controller refused: {error}"),
                Event::Malformed(error) => panic!("the controller sent what is malformed: {error}"),
                _ => {}
            }
        }
    }

    fn answer(
        &mut self,
        session: &mut Session,
        datapath: DatapathId,
        xid: u32,
        message: Message,
        bytes: Bytes,
    ) -> Result<(), (ErrorAnswer, Bytes)> {
        let reply = match message {
            Message::FeaturesRequest => Message::FeaturesReply(Features {
                datapath,
                buffers: 0,
                tables: 254,
                auxiliary: 0,
                capabilities: 0,
                actions: 0,
                ports: Vec::new(),
            }),
            Message::RoleRequest(RoleMessage { generation_id, .. })
                if generation_id < self.generation =>
            {
                return Err((STALE, bytes));
            }
            Message::RoleRequest(role) => {
                self.generation = role.generation_id;
                Message::RoleReply(role)
            }
            Message::BarrierRequest => Message::BarrierReply,
            Message::MultipartRequest(request) => {
                self.describe(session, xid, &request.request);
                return Ok(());
            }
            Message::BundleControl(control) => return self.control(session, xid, control, bytes),
            Message::BundleAdd(add) => return self.collect(add.message.0),
            Message::PacketOut(packet) => {
                self.packets.push(packet);
                return Ok(());
            }
            message @ (Message::FlowMod(_) | Message::GroupMod(_) | Message::MeterMod(_)) => {
                self.count(&message);
                let mut tables = self.tables.clone();
                self.apply(&mut tables, message)
                    .map_err(|answer| (answer, bytes))?;
                self.tables = tables;
                return Ok(());
            }
            Message::SetPacketInFormat(_) | Message::Experimenter(_) => return Ok(()),
            other => panic!("not known here: {other:?}"),
        };
        session.reply(xid, &reply).unwrap();
        Ok(())
    }

    fn count(&mut self, message: &Message) {
        self.mods += 1;
        if let Message::FlowMod(flow) = message {
            self.flow_mods += usize::from(flow.cookie != self.marker);
        }
    }

    fn apply(&self, tables: &mut Tables, message: Message) -> Result<(), ErrorAnswer> {
        match message {
            Message::FlowMod(flow) => {
                let refused =
                    |refuse: &Option<Refuse>| refuse.as_ref().is_some_and(|refuse| refuse(&flow));
                let added = flow.command == FlowCommand::ADD;
                if added && (refused(&self.unreadable) || refused(&self.uninstallable)) {
                    return Err(BAD_FIELD);
                }
                let key = key(flow.table, flow.priority, &flow.matches);
                let new = added && !tables.flows.contains_key(&key);
                if new && self.room.is_some_and(|room| tables.flows.len() >= room) {
                    return Err(TABLE_FULL);
                }
                tables.flow(flow);
                Ok(())
            }
            Message::GroupMod(group) => tables.group(group),
            Message::MeterMod(_) if self.no_meters => Err(OUT_OF_METERS),
            Message::MeterMod(meter) => tables.meter(meter),
            other => panic!("not in a bundle: {other:?}"),
        }
    }

    /// Puts a message into the bundle.
    fn collect(&mut self, inner: Bytes) -> Result<(), (ErrorAnswer, Bytes)> {
        let (_, message) = Message::decode(&inner).unwrap();
        self.count(&message);
        if let (Message::FlowMod(flow), Some(refuse)) = (&message, &self.unreadable)
            && flow.command == FlowCommand::ADD
            && refuse(flow)
        {
            return Err((BAD_FIELD, inner));
        }
        let bundle = self.bundle.as_mut().ok_or((NO_BUNDLE, inner.clone()))?;
        bundle.push(inner);
        Ok(())
    }

    fn control(
        &mut self,
        session: &mut Session,
        xid: u32,
        control: BundleControl,
        bytes: Bytes,
    ) -> Result<(), (ErrorAnswer, Bytes)> {
        match control.kind {
            BundleControlType::OPEN_REQUEST if self.bundle.is_some() => {
                return Err((BUNDLE_EXISTS, bytes));
            }
            BundleControlType::OPEN_REQUEST => {
                self.bundles += 1;
                self.bundle = Some(Vec::new());
            }
            BundleControlType::DISCARD_REQUEST => self.bundle = None,
            BundleControlType::COMMIT_REQUEST => {
                let bundle = self.bundle.take().ok_or((NO_BUNDLE, bytes.clone()))?;
                let mut tables = self.tables.clone();
                for inner in bundle {
                    let (_, message) = Message::decode(&inner).unwrap();
                    if let Err(answer) = self.apply(&mut tables, message) {
                        session.refuse(answer, &inner).unwrap();
                        return Err((MESSAGE_FAILED, bytes));
                    }
                }
                self.tables = tables;
            }
            other => panic!("{other}"),
        }
        let reply = BundleControl {
            kind: BundleControlType(control.kind.0 + 1),
            ..control
        };
        session.reply(xid, &Message::BundleControl(reply)).unwrap();
        Ok(())
    }

    fn describe(&mut self, session: &mut Session, xid: u32, request: &Request) {
        let parts: Vec<Reply> = match request {
            Request::Flow(_) => {
                self.dumps += 1;
                let flows: Vec<FlowStats> = self.tables.flows.values().map(stats).collect();
                flows
                    .chunks(PART)
                    .map(|part| Reply::Flow(part.to_vec()))
                    .collect()
            }
            Request::GroupDesc(_) => vec![Reply::GroupDesc(
                self.tables.groups.values().map(group).collect(),
            )],
            Request::MeterConfig(_) => vec![Reply::MeterConfig(
                self.tables.meters.values().map(meter).collect(),
            )],
            other => panic!("not known here: {other:?}"),
        };
        let parts = if parts.is_empty() {
            vec![Reply::Flow(Vec::new())]
        } else {
            parts
        };
        let last = parts.len() - 1;
        for (at, part) in parts.into_iter().enumerate() {
            let part = Message::MultipartReply(MultipartReply::new(part, at < last));
            session.reply(xid, &part).unwrap();
        }
    }
}

fn stats(flow: &FlowMod) -> FlowStats {
    FlowStats {
        table: flow.table,
        priority: flow.priority,
        idle_timeout: flow.idle_timeout,
        hard_timeout: flow.hard_timeout,
        flags: flow.flags,
        importance: flow.importance,
        cookie: flow.cookie,
        stats: Stats::new((1, 0), 0, 0),
        matches: flow.matches.clone(),
        instructions: flow.instructions.clone(),
    }
}

fn group(group: &GroupMod) -> GroupDesc {
    GroupDesc {
        kind: group.kind,
        group: group.group,
        buckets: group.buckets.clone(),
        properties: group.properties.clone(),
    }
}

fn meter(meter: &MeterMod) -> MeterConfig {
    MeterConfig {
        flags: meter.flags,
        meter: meter.meter,
        bands: meter.bands.clone(),
    }
}
