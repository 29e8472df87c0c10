//! What carries out what controllers ask for: the interface between the protocol ([`crate::agent`]) and the
//! tables.
//!
//! Two are here: the whole [`Switch`], and [`crate::thin::Thin`], which only keeps what it is told. Nothing of
//! connections is known here, nor of versions of the protocol.

use std::collections::BTreeSet;

use rust_openflow::message::{
    CtFlush, FlowFilter, FlowMod, FlowRemoved, FlowRemovedReason, FlowStats, GroupCommand,
    GroupDesc, GroupMod, GroupStats, MeterConfig, MeterMod, MeterStats, PacketOut,
};
use rust_openflow::{GroupId, MeterId, PortNo, TableId, Version};

use crate::execute::Output;
use crate::group::Group;
use crate::packet::Tunnel;
use crate::refusal::Refusal;
use crate::switch::{Port, Switch};

/// A flow of a [`Switch`] by its place: its table and its number there. Once the flow is gone another may have it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FlowId {
    table: TableId,
    number: u32,
}

/// What happened to a flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeKind {
    /// It came.
    Added,
    /// It changed, or came in place of another.
    Modified,
    /// It was asked to become what it was.
    Same,
    /// It went.
    Removed(FlowRemovedReason),
}

/// A change of a flow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// What happened.
    pub kind: ChangeKind,
    /// The flow as it is now, or was.
    pub flow: FlowStats,
}

/// What is counted of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TableCounts {
    /// Flows.
    pub flows: u32,
    /// Packets that were looked up.
    pub lookups: u64,
    /// Packets that met a flow.
    pub matches: u64,
}

/// Tables, groups and meters that can be changed and told of, and carry packets or not.
///
/// What is refused changes nothing. Times are milliseconds of one clock.
pub trait Executor {
    /// Finds a flow again.
    type Flow: std::fmt::Debug;

    /// Adds, changes or removes flows, as it was said in a version; gives how many. Flows that change get another cookie
    /// if one is given.
    fn flow_mod(
        &mut self,
        version: Version,
        message: &FlowMod,
        cookie: Option<u64>,
    ) -> Result<usize, Refusal>;
    /// Refuses a flow-mod that can never be done, whatever there is.
    fn check_flow_mod(&self, version: Version, message: &FlowMod) -> Result<(), Refusal>;
    /// Adds, changes or removes groups.
    fn group_mod(&mut self, message: &GroupMod) -> Result<(), Refusal>;
    /// Refuses a group-mod that can never be done, whatever there is.
    fn check_group_mod(&self, message: &GroupMod) -> Result<(), Refusal>;
    /// Adds, changes or removes meters.
    fn meter_mod(&mut self, message: &MeterMod) -> Result<(), Refusal>;

    /// From here on everything may have to be undone, until [`Self::commit`].
    fn begin(&mut self);
    /// What was done since [`Self::begin`] stays.
    fn commit(&mut self);
    /// All is as it was at [`Self::begin`]; what was to be told of since is forgotten.
    fn roll_back(&mut self);

    /// The flows that a filter is about, by table.
    fn select(&self, filter: &FlowFilter) -> Result<Vec<Self::Flow>, Refusal>;
    /// What is said of a flow; none when it is gone.
    fn flow(&self, flow: &Self::Flow) -> Option<FlowStats>;
    /// What is counted of a table.
    fn table(&self, table: TableId) -> TableCounts;
    /// A group; all for [`GroupId::ALL`].
    fn groups(&self, id: GroupId) -> Vec<GroupDesc>;
    /// What was counted of a group; of all for [`GroupId::ALL`].
    fn group_stats(&self, id: GroupId) -> Vec<GroupStats>;
    /// A meter; all for [`MeterId::ALL`].
    fn meters(&self, id: MeterId) -> Vec<MeterConfig>;
    /// What was counted of a meter; of all for [`MeterId::ALL`].
    fn meter_stats(&self, id: MeterId) -> Vec<MeterStats>;

    /// A frame comes in by a port.
    fn receive(&mut self, in_port: PortNo, tunnel: Tunnel, frame: &[u8]) -> Vec<Output>;
    /// A controller sends a packet.
    fn send(&mut self, packet: &PacketOut) -> Result<Vec<Output>, Refusal>;
    /// Says what is known of a port; none that it is no more.
    fn set_port(&mut self, number: PortNo, port: Option<Port>);

    /// Whether packets that meet no flow go to the controller, but for those that come in by some ports; none for never.
    fn set_misses(&mut self, except: Option<BTreeSet<PortNo>>);
    /// Forgets the connections of a zone.
    fn flush_zone(&mut self, zone: u16);
    /// Forgets connections.
    fn flush_connections(&mut self, which: &CtFlush);

    /// Lets time go by.
    fn advance(&mut self, now: u64);
    /// When [`Self::advance`] may have something to do.
    fn next_timeout(&self) -> Option<u64>;
    /// The flows that went since this was last asked, and were to be told of.
    fn take_removed(&mut self) -> Vec<FlowRemoved>;
    /// Whether changes of flows are kept for [`Self::take_changes`].
    fn watch(&mut self, watched: bool);
    /// What changed since this was last asked, in order.
    fn take_changes(&mut self) -> Vec<Change>;
}

impl Executor for Switch {
    type Flow = FlowId;

    fn flow_mod(
        &mut self,
        version: Version,
        message: &FlowMod,
        cookie: Option<u64>,
    ) -> Result<usize, Refusal> {
        self.heed_flow_mod(Some(version), message, cookie)
    }

    fn check_flow_mod(&self, version: Version, message: &FlowMod) -> Result<(), Refusal> {
        Self::check_flow_mod(self, version, message)
    }

    fn group_mod(&mut self, message: &GroupMod) -> Result<(), Refusal> {
        Self::group_mod(self, message)
    }

    fn check_group_mod(&self, message: &GroupMod) -> Result<(), Refusal> {
        match message.command {
            GroupCommand::ADD | GroupCommand::MODIFY | GroupCommand::ADD_OR_MODIFY => {
                Group::new(message, 0).map(drop)
            }
            _ => Ok(()),
        }
    }

    fn meter_mod(&mut self, message: &MeterMod) -> Result<(), Refusal> {
        Self::meter_mod(self, message)
    }

    fn begin(&mut self) {
        self.keep_undo();
    }

    fn commit(&mut self) {
        self.forget_undo();
    }

    fn roll_back(&mut self) {
        self.undo();
    }

    fn select(&self, filter: &FlowFilter) -> Result<Vec<FlowId>, Refusal> {
        let found = self.filtered(filter)?.into_iter();
        let id = |(table, number)| {
            let number = u32::try_from(number).ok()?;
            let table = TableId(table);
            Some(FlowId { table, number })
        };
        Ok(found.filter_map(id).collect())
    }

    fn flow(&self, flow: &FlowId) -> Option<FlowStats> {
        self.flow_at(flow.table, flow.number as usize)
    }

    fn table(&self, table: TableId) -> TableCounts {
        self.table_counts(table)
    }

    fn groups(&self, id: GroupId) -> Vec<GroupDesc> {
        let groups = self.groups().filter(|told| concerned(id, told.group));
        groups.map(describe_group).collect()
    }

    fn group_stats(&self, id: GroupId) -> Vec<GroupStats> {
        let ids: Vec<GroupId> = self.groups().map(|told| told.group).collect();
        let ids = ids.into_iter().filter(|group| concerned(id, *group));
        ids.filter_map(|group| self.group_stats(group)).collect()
    }

    fn meters(&self, id: MeterId) -> Vec<MeterConfig> {
        let meters = self.meters();
        let meters = meters.filter(|told| id == MeterId::ALL || id == told.meter);
        meters.map(describe_meter).collect()
    }

    fn meter_stats(&self, id: MeterId) -> Vec<MeterStats> {
        let ids: Vec<MeterId> = self.meters().map(|told| told.meter).collect();
        let ids = ids
            .into_iter()
            .filter(|meter| id == MeterId::ALL || id == *meter);
        ids.filter_map(|meter| Self::meter_stats(self, meter))
            .collect()
    }

    fn receive(&mut self, in_port: PortNo, tunnel: Tunnel, frame: &[u8]) -> Vec<Output> {
        Self::receive(self, in_port, tunnel, frame)
    }

    fn send(&mut self, packet: &PacketOut) -> Result<Vec<Output>, Refusal> {
        let in_port = packet.in_port().unwrap_or(PortNo::CONTROLLER);
        Self::send(self, in_port, &packet.actions, &packet.packet)
    }

    fn set_port(&mut self, number: PortNo, port: Option<Port>) {
        Self::set_port(self, number, port);
    }

    fn set_misses(&mut self, except: Option<BTreeSet<PortNo>>) {
        Self::set_misses(self, except);
    }

    fn flush_zone(&mut self, zone: u16) {
        Self::flush_zone(self, Some(zone));
    }

    fn flush_connections(&mut self, which: &CtFlush) {
        self.flush(which);
    }

    fn advance(&mut self, now: u64) {
        Self::advance(self, now);
    }

    fn next_timeout(&self) -> Option<u64> {
        Self::next_timeout(self)
    }

    fn take_removed(&mut self) -> Vec<FlowRemoved> {
        Self::take_removed(self)
    }

    fn watch(&mut self, watched: bool) {
        self.keep_changes(watched);
    }

    fn take_changes(&mut self) -> Vec<Change> {
        self.changes()
    }
}

fn concerned(asked: GroupId, group: GroupId) -> bool {
    asked == GroupId::ALL || asked == group
}

/// Whether a filter is about a flow.
pub(crate) fn concerns(filter: &FlowFilter, flow: &FlowStats) -> bool {
    let selection = crate::switch::selection_of(filter);
    let table = filter.table == TableId::ALL || filter.table == flow.table;
    table && selection.concerns(&flow.matches, flow.cookie, &flow.instructions)
}

/// A group as it is described.
pub(crate) fn describe_group(told: &GroupMod) -> GroupDesc {
    GroupDesc {
        kind: told.kind,
        group: told.group,
        buckets: told.buckets.clone(),
        properties: told.properties.clone(),
    }
}

/// A meter as it is described.
pub(crate) fn describe_meter(told: &MeterMod) -> MeterConfig {
    MeterConfig {
        flags: told.flags,
        meter: told.meter,
        bands: told.bands.clone(),
    }
}
