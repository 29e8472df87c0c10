//! What controllers ask about the switch, and the answers in parts that fit into messages (OpenFlow 1.5.1, 7.3.5).
//!
//! Flows are told part by part as the controller reads: a switch holds a great many.

use std::vec::IntoIter;

use rust_openflow::action::NICIRA;
use rust_openflow::message::{
    Aggregate, BundleFeatures, BundleFlags, Desc, FlowCounters, FlowFilter, FlowStats,
    FlowStatsReason, GroupFeatures, Message, MeterFeatures, MultipartReply, NxFlowStats, ONF,
    QueueFilter, Reply, Request, Stats, TableStats,
};
use rust_openflow::record::{Form, Name};
use rust_openflow::session::{CloseReason, SendError};
use rust_openflow::{GroupId, PortNo, TableId, Version};

use super::connection::Connection;
use super::refused::Refused;
use super::{Agent, ConnectionId, words};
use crate::executor::Executor;

/// Flows in one part, unless they are too long.
const PART: usize = 128;

/// In which form flows are told.
#[derive(Debug, Clone, Copy)]
pub(super) enum FlowForm {
    Standard,
    Counters,
    Nicira,
}

/// Flows that are being told.
#[derive(Debug)]
pub(super) struct Dump<F> {
    xid: u32,
    flows: IntoIter<F>,
    form: FlowForm,
}

impl Connection {
    /// Answers with a list, in as many parts as it takes; what the version cannot say is left out.
    pub(super) fn reply_list<T: Clone>(
        &mut self,
        xid: u32,
        list: &[T],
        more: bool,
        reply: &impl Fn(Vec<T>) -> Reply,
    ) {
        let part = Message::MultipartReply(MultipartReply::new(reply(list.to_vec()), more));
        match self.session.reply(xid, &part) {
            Err(SendError::Encode(_)) => match list {
                [] => {}
                [_] if more => {}
                [_] => self.reply_list(xid, &[], more, reply),
                _ => {
                    let (first, second) = list.split_at(list.len() / 2);
                    self.reply_list(xid, first, true, reply);
                    self.reply_list(xid, second, more, reply);
                }
            },
            Err(SendError::Congested(_)) => self.close(CloseReason::NotReading),
            Err(SendError::NotOpen) | Ok(()) => {}
        }
    }

    fn reply_flows(&mut self, xid: u32, flows: Vec<FlowStats>, form: FlowForm, more: bool) {
        let version = self.version();
        let flows: Vec<FlowStats> = flows
            .into_iter()
            .map(|flow| words::flow_stats(flow, version))
            .collect();
        match form {
            FlowForm::Standard => self.reply_list(xid, &flows, more, &Reply::Flow),
            FlowForm::Counters => {
                let counters = |flows: Vec<FlowStats>| {
                    let counted = flows.into_iter().map(|flow| FlowCounters {
                        table: flow.table,
                        reason: FlowStatsReason::REQUEST,
                        priority: flow.priority,
                        matches: flow.matches,
                        stats: flow.stats,
                    });
                    Reply::FlowStats(counted.collect())
                };
                self.reply_list(xid, &flows, more, &counters);
            }
            FlowForm::Nicira => {
                let nicira = |flow: &FlowStats| NxFlowStats::of(flow, version).ok();
                let flows: Vec<NxFlowStats> = flows.iter().filter_map(nicira).collect();
                self.reply_list(xid, &flows, more, &Reply::NxFlow);
            }
        }
    }
}

impl<E: Executor> Agent<E> {
    /// Goes on with what is being told; false when there is nothing.
    pub(super) fn go_on(&mut self, id: ConnectionId) -> bool {
        let Some(connection) = self.connections.get_mut(&id) else {
            return false;
        };
        let Some(dump) = self.dumps.get_mut(&id) else {
            return false;
        };
        let flows = dump.flows.by_ref().take(PART);
        let executor = &self.executor;
        let flows: Vec<FlowStats> = flows.filter_map(|flow| executor.flow(&flow)).collect();
        let (xid, form) = (dump.xid, dump.form);
        let more = !dump.flows.as_slice().is_empty();
        if !more {
            self.dumps.remove(&id);
            connection.telling = false;
        }
        connection.reply_flows(xid, flows, form, more);
        if !more {
            self.process(id);
        }
        true
    }

    pub(super) fn multipart(
        &mut self,
        id: ConnectionId,
        xid: u32,
        request: Request,
    ) -> Result<(), Refused> {
        let version = self.connection(id)?.version();
        match request {
            Request::Flow(filter) => return self.dump(id, xid, &filter, FlowForm::Standard),
            Request::FlowStats(filter) => return self.dump(id, xid, &filter, FlowForm::Counters),
            Request::NxFlow(filter) => return self.dump(id, xid, &filter.into(), FlowForm::Nicira),
            Request::Aggregate(filter) => {
                let sums = Reply::Aggregate(Box::new(self.aggregate(&filter)?));
                self.reply_one(id, xid, sums);
            }
            Request::NxAggregate(filter) => {
                let sums = self.aggregate(&filter.into())?;
                let form = Form::of(&sums, version).map_err(|_| "OFPBRC_BAD_MULTIPART")?;
                self.reply_one(id, xid, Reply::NxAggregate(form));
            }
            Request::Desc => {
                let desc = Reply::Desc(Box::new(self.desc()));
                self.reply_one(id, xid, desc);
            }
            Request::Table => {
                let tables: Vec<TableStats> = self
                    .tables()
                    .map(|table| self.table_stats(table, version))
                    .collect();
                self.reply_all(id, xid, &tables, Reply::Table)?;
            }
            Request::PortStats(filter) => {
                let ports = self
                    .ports
                    .iter()
                    .filter(|(number, _)| concerned(filter.port, **number));
                let ports: Vec<_> = ports
                    .map(|(_, port)| port.stats(version, self.now))
                    .collect();
                self.reply_all(id, xid, &ports, Reply::PortStats)?;
            }
            Request::PortDesc(filter) => {
                let asked = match version >= Version::V1_5 {
                    true => filter.port,
                    false => PortNo::ANY,
                };
                let ports = self
                    .ports
                    .iter()
                    .filter(|(number, _)| concerned(asked, **number));
                let ports: Vec<_> = ports.map(|(_, port)| port.describe(version)).collect();
                self.reply_all(id, xid, &ports, Reply::PortDesc)?;
            }
            Request::QueueStats(filter) => {
                self.has_queue(filter)?;
                self.reply_all(id, xid, &[], Reply::QueueStats)?;
            }
            Request::QueueDesc(filter) => {
                self.has_queue(filter)?;
                self.reply_all(id, xid, &[], Reply::QueueDesc)?;
            }
            Request::GroupStats(filter) => {
                let groups = self.executor.group_stats(filter.group).into_iter();
                let groups: Vec<_> = groups
                    .map(|group| words::group_stats(group, version))
                    .collect();
                self.reply_all(id, xid, &groups, Reply::GroupStats)?;
            }
            Request::GroupDesc(filter) => {
                let asked = match version {
                    Version::V1_0 | Version::V1_5 => filter.group,
                    _ => GroupId::ALL,
                };
                let groups = self.executor.groups(asked).into_iter();
                let groups: Vec<_> = groups
                    .map(|group| words::group_desc(group, version))
                    .collect();
                self.reply_all(id, xid, &groups, Reply::GroupDesc)?;
            }
            Request::GroupFeatures => {
                self.reply_one(
                    id,
                    xid,
                    Reply::GroupFeatures(Box::new(group_features(version))),
                );
            }
            Request::MeterStats(filter) => {
                self.has_meter(filter.meter)?;
                let meters = self.executor.meter_stats(filter.meter);
                self.reply_all(id, xid, &meters, Reply::MeterStats)?;
            }
            Request::MeterConfig(filter) => {
                self.has_meter(filter.meter)?;
                let meters = self.executor.meters(filter.meter);
                self.reply_all(id, xid, &meters, Reply::MeterConfig)?;
            }
            Request::MeterFeatures => {
                self.reply_one(id, xid, Reply::MeterFeatures(meter_features()))
            }
            Request::BundleFeatures(_) => {
                let features = BundleFeatures {
                    capabilities: (BundleFlags::ATOMIC | BundleFlags::ORDERED).0,
                    properties: Vec::new(),
                };
                self.reply_one(id, xid, Reply::BundleFeatures(features));
            }
            Request::TableDesc => {
                let tables: Vec<_> = self
                    .tables()
                    .map(|table| self.table_desc(table, version))
                    .collect();
                self.reply_all(id, xid, &tables, Reply::TableDesc)?;
            }
            Request::FlowMonitor(monitors) => return self.monitor_flows(id, xid, monitors),
            Request::NxFlowMonitor(monitors) => return self.monitor_flows(id, xid, monitors),
            Request::OnfFlowMonitor(monitors) => return self.monitor_flows(id, xid, monitors),
            Request::Experimenter(unknown) => {
                return Err(match unknown.vendor {
                    NICIRA | ONF => "OFPBRC_BAD_EXP_TYPE".into(),
                    _ => "OFPBRC_BAD_EXPERIMENTER".into(),
                });
            }
            _ => return Err("OFPBRC_BAD_MULTIPART".into()),
        }
        Ok(())
    }

    fn dump(
        &mut self,
        id: ConnectionId,
        xid: u32,
        filter: &FlowFilter,
        form: FlowForm,
    ) -> Result<(), Refused> {
        let flows = self.executor.select(filter)?.into_iter();
        self.connection(id)?.telling = true;
        self.dumps.insert(id, Dump { xid, flows, form });
        Ok(())
    }

    fn aggregate(&self, filter: &FlowFilter) -> Result<Aggregate, Refused> {
        let flows = self.executor.select(filter)?;
        let count = u32::try_from(flows.len()).unwrap_or(u32::MAX);
        let mut sums = (0_u64, 0_u64);
        for flow in flows
            .into_iter()
            .filter_map(|flow| self.executor.flow(&flow))
        {
            sums.0 = sums.0.wrapping_add(flow.stats.packets());
            sums.1 = sums.1.wrapping_add(flow.stats.bytes());
        }
        let stats = Stats::aggregate(sums.0, sums.1, count);
        Ok(Aggregate { stats })
    }

    fn reply_one(&mut self, id: ConnectionId, xid: u32, reply: Reply) {
        self.reply(
            id,
            xid,
            &Message::MultipartReply(MultipartReply::new(reply, false)),
        );
    }

    fn reply_all<T: Clone>(
        &mut self,
        id: ConnectionId,
        xid: u32,
        list: &[T],
        reply: impl Fn(Vec<T>) -> Reply,
    ) -> Result<(), Refused> {
        self.connection(id)?.reply_list(xid, list, false, &reply);
        Ok(())
    }

    /// The tables that are told of.
    fn tables(&self) -> impl Iterator<Item = TableId> + use<E> {
        (0..self.identity.tables).map(TableId)
    }

    fn table_stats(&self, table: TableId, version: Version) -> TableStats {
        let config = self.table_config(table, version);
        let last = table.0 + 1 == self.identity.tables;
        words::table_stats(table, self.executor.table(table), config, (version, last))
    }

    /// There are no queues, so one by itself cannot be asked about.
    fn has_queue(&self, filter: QueueFilter) -> Result<(), Refused> {
        /// `OFPQ_ALL`.
        const ALL: u32 = u32::MAX;
        let known = filter.port == PortNo::ANY || self.ports.contains_key(&filter.port);
        match known {
            true if filter.queue == ALL => Ok(()),
            true => Err("OFPQOFC_BAD_QUEUE".into()),
            false => Err("OFPQOFC_BAD_PORT".into()),
        }
    }

    fn desc(&self) -> Desc {
        let identity = &self.identity;
        Desc {
            manufacturer: Name::new(&identity.manufacturer),
            hardware: Name::new(&identity.hardware),
            software: Name::new(&identity.software),
            serial: Name::new(&identity.serial),
            datapath: Name::new(&identity.description),
        }
    }
}

fn concerned(asked: PortNo, port: PortNo) -> bool {
    asked == PortNo::ANY || asked == port
}

/// What Open vSwitch says of its groups.
fn group_features(version: Version) -> GroupFeatures {
    GroupFeatures {
        types: 0x0f,
        // Weights, liveness, chaining.
        capabilities: 0x07,
        max_groups: [0xffff_ff00; 4],
        actions: [words::actions(version); 4],
    }
}

/// What Open vSwitch says of its meters.
fn meter_features() -> MeterFeatures {
    MeterFeatures {
        max_meter: 262_144,
        // Drop.
        band_types: 1 << 1,
        capabilities: 0x0f,
        max_bands: 8,
        max_color: 0,
        features: None,
    }
}
