//! Which message of a controller is whose, and those that are answered in a line.

use bytes::Bytes;
use rust_openflow::action::NICIRA;
use rust_openflow::message::{
    AsyncConfig, Features, Message, ONF, PacketOut, PortMod, PortReason, QueueGetConfigReply, Role,
    SwitchConfig,
};
use rust_openflow::{PortNo, Version};

use super::asynchronous::Reasons;
use super::port::PortState;
use super::refused::Refused;
use super::{Agent, ConnectionId};
use crate::executor::Executor;

/// Whether a slave may not send it.
fn writes(message: &Message) -> bool {
    matches!(
        message,
        Message::FlowMod(_)
            | Message::NxFlowMod(_)
            | Message::GroupMod(_)
            | Message::MeterMod(_)
            | Message::PortMod(_)
            | Message::TableMod(_)
            | Message::PacketOut(_)
            | Message::BundleControl(_)
            | Message::BundleAdd(_)
            | Message::TlvTableMod(_)
            | Message::Resume(_)
            | Message::CtFlushZone(_)
            | Message::CtFlush(_)
    )
}

impl<E: Executor> Agent<E> {
    /// Does what a message asks for, and answers it.
    pub(super) fn carry_out(
        &mut self,
        id: ConnectionId,
        xid: u32,
        message: Message,
        bytes: &Bytes,
    ) -> Result<(), Refused> {
        if writes(&message) && self.connection(id)?.role == Role::SLAVE {
            return Err("OFPBRC_IS_SLAVE".into());
        }
        match message {
            Message::FlowMod(flow) => self.flow_mod(id, flow),
            Message::NxFlowMod(flow) => self.flow_mod(id, flow.into()),
            Message::GroupMod(group) => {
                let group = self.group_mod(id, group)?;
                self.forward_group(id, xid, &group);
                Ok(())
            }
            Message::MeterMod(meter) => {
                self.executor.meter_mod(&meter)?;
                self.forward_meter(id, xid, &meter);
                Ok(())
            }
            Message::PortMod(port) => self.port_mod(&port),
            Message::TableMod(table) => self.table_mod(&table),
            Message::TlvTableMod(options) => self.change_options(&options),
            Message::FlowMonitorCancel(cancel) | Message::OnfFlowMonitorCancel(cancel) => {
                self.cancel_monitor(id, cancel.id)
            }
            // Packets do not wait here.
            Message::Resume(_) => Err("NXR_STALE".into()),
            Message::CtFlushZone(flush) => {
                self.executor.flush_zone(flush.zone_id);
                Ok(())
            }
            Message::CtFlush(flush) => {
                self.executor.flush_connections(&flush);
                Ok(())
            }
            Message::PacketOut(packet) => self.packet_out(&packet),
            Message::BundleControl(control) => self.bundle_control(id, xid, control),
            Message::BundleAdd(add) => self.bundle_add(id, xid, &add, bytes),
            Message::MultipartRequest(request) => self.multipart(id, xid, request.request),
            Message::RoleRequest(role) => self.role_request(id, xid, role),
            Message::NxRoleRequest(role) => self.nx_role_request(id, xid, role),
            other => self.answer(id, xid, other),
        }
    }

    /// Messages about the connection and the switch.
    fn answer(&mut self, id: ConnectionId, xid: u32, message: Message) -> Result<(), Refused> {
        let fragments = self.fragments;
        let features = self.features(id);
        let connection = self.connection(id)?;
        let reply = match message {
            Message::BarrierRequest => Message::BarrierReply,
            Message::FeaturesRequest => Message::FeaturesReply(features?),
            Message::GetConfigRequest => Message::GetConfigReply(SwitchConfig {
                flags: fragments,
                miss_send_len: connection.miss_send_len,
            }),
            Message::SetConfig(config) => return self.set_config(id, config),
            Message::QueueGetConfigRequest(request) => {
                let version = connection.version();
                self.has_queues(request.port, version)?;
                Message::QueueGetConfigReply(QueueGetConfigReply {
                    port: request.port,
                    queues: Vec::new(),
                })
            }
            Message::GetAsyncRequest => {
                let version = connection.version();
                let usual = || Reasons::usual(version);
                let reasons = connection.reasons.clone().unwrap_or_else(usual);
                Message::GetAsyncReply(reasons.config(version))
            }
            Message::SetAsync(config) => return self.set_reasons(id, &config, true),
            Message::SetAsyncConfig(config) => {
                return self.set_reasons(id, &AsyncConfig::from(config), false);
            }
            Message::SetAsyncConfig2(config) => {
                let properties = config.properties;
                return self.set_reasons(id, &AsyncConfig { properties }, true);
            }
            Message::SetPacketInFormat(format) => {
                if format.format.name().is_none() {
                    return Err("OFPBRC_EPERM".into());
                }
                connection.packet_in_format = format.format;
                return Ok(());
            }
            Message::SetControllerId(chosen) => {
                connection.controller_id = chosen.controller_id;
                self.want_misses();
                return Ok(());
            }
            Message::FlowModTableId(chosen) => {
                connection.names_tables = chosen.set != 0;
                return Ok(());
            }
            Message::SetFlowFormat(format) => {
                return match format.format.name() {
                    Some(_) => Ok(()),
                    None => Err("OFPBRC_EPERM".into()),
                };
            }
            Message::FlowAge => return Ok(()),
            Message::TlvTableRequest => {
                self.tell_options(id, xid);
                return Ok(());
            }
            Message::Experimenter(unknown) => {
                return Err(match unknown.vendor {
                    NICIRA | ONF => "OFPBRC_BAD_EXP_TYPE".into(),
                    _ => "OFPBRC_BAD_EXPERIMENTER".into(),
                });
            }
            _ => return Err("OFPBRC_BAD_TYPE".into()),
        };
        self.reply(id, xid, &reply);
        Ok(())
    }

    fn features(&mut self, id: ConnectionId) -> Result<Features, Refused> {
        /// `OFPC_*`: statistics of flows, tables, ports and queues.
        const CAPABILITIES: u32 = 1 | 2 | 4 | 0x40;
        /// `OFPC_ARP_MATCH_IP` in 1.0 and 1.1, `OFPC_GROUP_STATS` since 1.1, `OFPC_BUNDLES` since 1.4.
        const ARP_MATCH_IP: u32 = 0x80;
        const GROUP_STATS: u32 = 8;
        const BUNDLES: u32 = 0x200;
        /// Every action of 1.0.
        const ACTIONS: u32 = 0x0fff;
        let version = self.connection(id)?.version();
        let first = version == Version::V1_0;
        let more = match version {
            Version::V1_0 => ARP_MATCH_IP,
            Version::V1_1 => ARP_MATCH_IP | GROUP_STATS,
            Version::V1_4 | Version::V1_5 => GROUP_STATS | BUNDLES,
            _ => GROUP_STATS,
        };
        let ports = self.ports.values().map(|port| port.describe(version));
        Ok(Features {
            datapath: self.identity.datapath,
            buffers: 0,
            tables: self.identity.tables,
            auxiliary: 0,
            capabilities: CAPABILITIES | more,
            actions: if first { ACTIONS } else { 0 },
            ports: match version < Version::V1_3 {
                true => ports.collect(),
                false => Vec::new(),
            },
        })
    }

    fn set_config(&mut self, id: ConnectionId, config: SwitchConfig) -> Result<(), Refused> {
        let connection = self.connection(id)?;
        connection.miss_send_len = config.miss_send_len;
        if connection.role != Role::SLAVE {
            self.fragments = config.flags & 3;
        }
        Ok(())
    }

    fn set_reasons(
        &mut self,
        id: ConnectionId,
        config: &AsyncConfig,
        strict: bool,
    ) -> Result<(), Refused> {
        let connection = self.connection(id)?;
        let version = connection.version();
        let before = connection.reasons.clone();
        let mut reasons = before.unwrap_or_else(|| Reasons::usual(version));
        reasons.choose(config, strict && version >= Version::V1_4)?;
        connection.reasons = Some(reasons);
        Ok(())
    }

    /// Looks at a change as far as that can be done without doing it.
    pub(super) fn check(&mut self, id: ConnectionId, message: Message) -> Result<(), Refused> {
        match message {
            Message::FlowMod(flow) => self.check_flow(id, flow),
            Message::NxFlowMod(flow) => self.check_flow(id, flow.into()),
            Message::GroupMod(mut group) => {
                let version = self.connection(id)?.version();
                self.check_buckets(version, &mut group)?;
                Ok(self.executor.check_group_mod(&group)?)
            }
            _ => Ok(()),
        }
    }

    pub(super) fn packet_out(&mut self, packet: &PacketOut) -> Result<(), Refused> {
        // Those from which packets can come.
        let special = [PortNo::LOCAL, PortNo::CONTROLLER, PortNo::ANY];
        let port = packet.in_port().unwrap_or(PortNo::CONTROLLER);
        if port > PortNo::MAX && !special.contains(&port) {
            return Err("OFPBRC_BAD_PORT".into());
        }
        if packet.buffer_id != rust_openflow::message::NO_BUFFER {
            return Err("OFPBRC_BUFFER_UNKNOWN".into());
        }
        let outputs = self.executor.send(packet)?;
        let frames = self.deliver(outputs);
        self.queue(frames);
        Ok(())
    }

    pub(super) fn port_mod(&mut self, change: &PortMod) -> Result<(), Refused> {
        let port = self.ports.get_mut(&change.port).ok_or("OFPPMFC_BAD_PORT")?;
        if port.spec.address != change.address {
            return Err("OFPPMFC_BAD_HW_ADDR".into());
        }
        let mask = change.mask & PortState::CHANGEABLE;
        let config = port.config & !mask | change.config & mask;
        let changed = (port.config != config).then_some(PortReason::MODIFY);
        port.config = config;
        self.port_changed(change.port, changed);
        Ok(())
    }

    /// No port has queues. 1.0 has no word for all of them, and the switch's own port is not asked about.
    fn has_queues(&self, port: PortNo, version: Version) -> Result<(), Refused> {
        let all = port == PortNo::ANY && version > Version::V1_0;
        match all || port != PortNo::LOCAL && self.ports.contains_key(&port) {
            true => Ok(()),
            false => Err("OFPQOFC_BAD_PORT".into()),
        }
    }
}
