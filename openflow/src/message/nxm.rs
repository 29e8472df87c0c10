//! Flows and packets in Nicira's form (`nicira-ext.h`: `NXT_FLOW_MOD`, `NXT_FLOW_REMOVED`, `NXT_PACKET_IN`): a match is a
//! list of fields by themselves, and ports have sixteen bits.
//!
//! What they say is what the standard's messages say: each becomes one of those, and is made from it where
//! it can say as much.

use bytes::Bytes;

use super::flow::{
    FlowCommand, FlowFlags, FlowMod, FlowRemoved, FlowRemovedReason, applied, only_applied,
};
use super::packet::{PacketIn, PacketInReason, Received};
use super::stats::Stats;
use crate::action::Action;
use crate::error::EncodeError;
use crate::matches::Fields;
use crate::record::{Form, Port16, record};
use crate::{GroupId, TableId, Version};

record! {
    /// Adds, changes or removes flows (`NXT_FLOW_MOD`).
    pub struct NxFlowMod {
        /// The flow's number, chosen by the controller.
        cookie: u64;
        /// Which table, where that was switched on (`NXT_FLOW_MOD_TABLE_ID`); else 0.
        table "table_id": TableId;
        /// What it does.
        command: FlowCommand;
        /// Seconds without packets after which the flow goes; 0 for never.
        idle_timeout: u16;
        /// Seconds after which the flow goes; 0 for never.
        hard_timeout: u16;
        /// Precedence, higher first.
        priority: u16;
        /// A held packet to send through the flow, or all ones.
        buffer_id: u32;
        /// To delete: only flows that output there.
        out_port: Port16;
        /// How the flow behaves.
        flags: FlowFlags;
        /// Which packets.
        {list_length, pad 6, list} matches "match": Fields;
        /// What is done with them.
        {list_end} actions: Vec<Action>;
    }
}

impl From<NxFlowMod> for FlowMod {
    fn from(form: NxFlowMod) -> Self {
        Self {
            command: form.command,
            idle_timeout: form.idle_timeout,
            hard_timeout: form.hard_timeout,
            buffer_id: form.buffer_id,
            out_port: form.out_port.0,
            flags: form.flags,
            ..Self::add(
                form.table,
                form.priority,
                form.matches.0,
                applied(form.actions),
                form.cookie,
            )
        }
    }
}

impl Form<FlowMod> for NxFlowMod {
    fn of(flow: &FlowMod, version: Version) -> Result<Self, EncodeError> {
        let refuse = |what| Err(EncodeError::NotInVersion { what, version });
        if flow.cookie_mask != 0 {
            return refuse("FlowMod.cookie_mask");
        }
        if flow.out_group != GroupId::ANY {
            return refuse("FlowMod.out_group");
        }
        if flow.importance != 0 {
            return refuse("FlowMod.importance");
        }
        Ok(Self {
            cookie: flow.cookie,
            table: flow.table,
            command: flow.command,
            idle_timeout: flow.idle_timeout,
            hard_timeout: flow.hard_timeout,
            priority: flow.priority,
            buffer_id: flow.buffer_id,
            out_port: Port16(flow.out_port),
            flags: flow.flags,
            matches: Fields(flow.matches.clone()),
            actions: only_applied(&flow.instructions, version)?,
        })
    }
}

record! {
    /// Says that a flow is gone (`NXT_FLOW_REMOVED`).
    pub struct NxFlowRemoved {
        /// The flow's cookie.
        cookie: u64;
        /// The flow's priority.
        priority: u16;
        /// Why it went.
        reason: FlowRemovedReason;
        /// The flow's table, plus one; 0 when it is not said.
        table_id: u8;
        /// How long the flow was there: seconds.
        duration_sec: u32;
        /// And nanoseconds.
        duration_nsec: u32;
        /// The flow's timeout in seconds.
        idle_timeout: u16;
        /// Packets.
        {list_length} packet_count: u64;
        /// Bytes.
        byte_count: u64;
        /// The flow's match.
        {list} matches "match": Fields;
        .. {list_end}
    }
}

/// Table 0 when none was said.
impl From<NxFlowRemoved> for FlowRemoved {
    fn from(form: NxFlowRemoved) -> Self {
        Self {
            table: TableId(form.table_id.saturating_sub(1)),
            reason: form.reason,
            priority: form.priority,
            idle_timeout: form.idle_timeout,
            hard_timeout: 0,
            cookie: form.cookie,
            matches: form.matches.0,
            stats: Stats::new(
                (form.duration_sec, form.duration_nsec),
                form.packet_count,
                form.byte_count,
            ),
        }
    }
}

impl Form<FlowRemoved> for NxFlowRemoved {
    fn of(removed: &FlowRemoved, version: Version) -> Result<Self, EncodeError> {
        removed.stats.only_fixed(version)?;
        let refuse = |what| EncodeError::NotInVersion { what, version };
        if removed.hard_timeout != 0 {
            return Err(refuse("FlowRemoved.hard_timeout"));
        }
        let table_id = removed.table.0.checked_add(1);
        let (duration_sec, duration_nsec) = removed.stats.duration();
        Ok(Self {
            cookie: removed.cookie,
            priority: removed.priority,
            reason: removed.reason,
            table_id: table_id.ok_or_else(|| refuse("table 255"))?,
            duration_sec,
            duration_nsec,
            idle_timeout: removed.idle_timeout,
            packet_count: removed.stats.packets(),
            byte_count: removed.stats.bytes(),
            matches: Fields(removed.matches.clone()),
        })
    }
}

record! {
    /// Hands a packet to the controller (`NXT_PACKET_IN`).
    pub struct NxPacketIn {
        /// The number of the packet that the switch holds, or all ones.
        buffer_id: u32;
        /// Bytes of the whole packet.
        total_len: u16;
        /// Why it came.
        reason: PacketInReason;
        /// The table in which the flow stood.
        table "table_id": TableId;
        /// The flow's cookie; all ones when there was no flow.
        cookie: u64;
        /// Port, metadata and registers of the packet.
        {list_length, pad 6, list} matches "match": Fields;
        /// The packet, from its Ethernet header on.
        {list_end, pad 2} data: Bytes;
    }
}

impl From<NxPacketIn> for PacketIn {
    fn from(form: NxPacketIn) -> Self {
        Self {
            buffer_id: form.buffer_id,
            total_len: form.total_len,
            reason: form.reason,
            table: form.table,
            cookie: form.cookie,
            metadata: form.matches.0,
            packet: form.data,
        }
    }
}

impl From<NxPacketIn> for Received {
    fn from(form: NxPacketIn) -> Self {
        PacketIn::from(form).into()
    }
}

impl From<PacketIn> for NxPacketIn {
    fn from(packet: PacketIn) -> Self {
        Self {
            buffer_id: packet.buffer_id,
            total_len: packet.total_len,
            reason: packet.reason,
            table: packet.table,
            cookie: packet.cookie,
            matches: Fields(packet.metadata),
            data: packet.packet,
        }
    }
}
