//! What controllers are told without a request: packets, flows that went, ports, others' requests.

use rust_openflow::message::{
    FlowRemoved, GroupMod, Message, MeterMod, Nested, NxPacketIn, PacketIn2, PacketInFormat,
    PacketInReason, PortReason, PortStatus, Received, Requestforward,
};
use rust_openflow::{Field, Match, Version};

use super::asynchronous::{Reasons, Unasked};
use super::connection::Connection;
use super::port::PortState;
use super::{Agent, ConnectionId, words};
use crate::executor::Executor;

impl Connection {
    /// Whether messages of a kind come for a reason.
    fn wants(&self, kind: Unasked, reason: u8) -> bool {
        if !self.session.is_open() {
            return false;
        }
        match &self.reasons {
            Some(reasons) => reasons.has(self.role, kind, reason),
            None => Reasons::usual(self.version()).has(self.role, kind, reason),
        }
    }

    fn tell_of_packet(&mut self, received: &Received) {
        let version = self.version();
        let mut received = received.clone();
        let packet_in = &mut received.packet_in;
        packet_in.reason = reason_in(packet_in.reason, version);
        let message = match self.packet_in_format {
            PacketInFormat::NXT_PACKET_IN2 => {
                packet_in.metadata = words::standard_fields(&packet_in.metadata, version);
                Message::PacketIn2(PacketIn2::from(received))
            }
            PacketInFormat::NXT_PACKET_IN => {
                packet_in.metadata = words::nicira_fields(&packet_in.metadata);
                Message::NxPacketIn(NxPacketIn::from(received.packet_in))
            }
            _ => {
                if version < Version::V1_2 {
                    packet_in.metadata = only_port(&packet_in.metadata, version);
                }
                Message::PacketIn(received.packet_in)
            }
        };
        self.tell(&message);
    }
}

/// Before 1.4 an action is an action, wherever it stands.
fn reason_in(reason: PacketInReason, version: Version) -> PacketInReason {
    match version < Version::V1_4 && reason > PacketInReason::INVALID_TTL {
        true => PacketInReason::APPLY_ACTION,
        false => reason,
    }
}

/// The port by itself; 1.1 also has the physical one.
fn only_port(metadata: &Match, version: Version) -> Match {
    let mut ports = Match::any();
    if let Some(port) = metadata.get(Field::InPort) {
        ports.push(*port);
        if version == Version::V1_1 {
            ports = ports.with(Field::InPhyPort, rust_openflow::PortNo(port.value as u32));
        }
    }
    ports
}

impl<E: Executor> Agent<E> {
    /// Hands a packet to the controllers that it is for: those that have chosen an id.
    pub(super) fn tell_of_packet(&mut self, id: u16, received: &Received) {
        let packet_in = &received.packet_in;
        // No flow sent it: that only goes to those whose version has it so.
        let miss = packet_in.reason == PacketInReason::TABLE_MISS && packet_in.cookie == u64::MAX;
        for connection in self.connections.values_mut() {
            let version = connection.version();
            let reason = reason_in(packet_in.reason, version);
            if connection.controller_id == id
                && (!miss || version < Version::V1_3)
                && connection.wants(Unasked::PacketIn, reason.0)
            {
                connection.tell_of_packet(received);
            }
        }
    }

    /// Packets that no flow is for go to controllers of 1.0 to 1.2; since then a flow has to send them.
    pub(super) fn want_misses(&mut self) {
        let wants = |connection: &Connection| {
            let version = connection.session.version();
            version.is_some_and(|version| version < Version::V1_3) && connection.controller_id == 0
        };
        let wanted = self.connections.values().any(wants);
        let silent = self
            .ports
            .iter()
            .filter(|(_, port)| !port.tells_of_misses());
        let except = silent.map(|(number, _)| *number).collect();
        self.executor.set_misses(wanted.then_some(except));
    }

    pub(super) fn tell_of_port(&mut self, port: &PortState, reason: PortReason) {
        for connection in self.connections.values_mut() {
            if connection.wants(Unasked::PortStatus, reason.0) {
                let port = port.describe(connection.version());
                connection.tell(&Message::PortStatus(PortStatus { reason, port }));
            }
        }
    }

    /// Tells of flows that went and changed; `cause` is the message that made them.
    pub(super) fn tell_of_changes(&mut self, cause: Option<(ConnectionId, u32)>) {
        self.tell_of_changed_flows(cause);
        for removed in self.executor.take_removed() {
            self.tell_of_removed(&removed);
        }
    }

    fn tell_of_removed(&mut self, removed: &FlowRemoved) {
        for connection in self.connections.values_mut() {
            if connection.wants(Unasked::FlowRemoved, removed.reason.0) {
                let removed = words::flow_removed(removed.clone(), connection.version());
                connection.tell(&Message::FlowRemoved(removed));
            }
        }
    }

    /// Tells the others of a change of groups.
    pub(super) fn forward_group(&mut self, from: ConnectionId, xid: u32, group: &GroupMod) {
        self.forward(from, xid, 0, &Message::GroupMod(group.clone()));
    }

    /// Tells the others of a change of meters.
    pub(super) fn forward_meter(&mut self, from: ConnectionId, xid: u32, meter: &MeterMod) {
        self.forward(from, xid, 1, &Message::MeterMod(meter.clone()));
    }

    fn forward(&mut self, from: ConnectionId, xid: u32, reason: u8, message: &Message) {
        for (id, connection) in &mut self.connections {
            if *id == from || !connection.wants(Unasked::Requestforward, reason) {
                continue;
            }
            if let Ok(bytes) = message.encode(connection.version(), xid) {
                let request = Nested(bytes);
                connection.tell(&Message::Requestforward(Requestforward { request }));
            }
        }
    }
}
