//! Flows and packets in Nicira's form (`nicira-ext.h`: `NXT_FLOW_MOD`, `NXT_FLOW_REMOVED`, `NXT_PACKET_IN`): a match is a
//! list of fields by themselves, and ports have sixteen bits.
//!
//! What they say is what the standard's messages say: each becomes one of those, and is made from it where
//! it can say as much.

use bytes::Bytes;

use super::flow::{FlowMod, FlowRemoved, old_flow_removed, short_flow_mod};
use super::packet::{PacketIn, PacketInReason, Received};
use crate::TableId;
use crate::error::EncodeError;
use crate::matches::Fields;
use crate::record::{Port16, record};

short_flow_mod! {
    /// Adds, changes or removes flows (`NXT_FLOW_MOD`).
    NxFlowMod {} Port16 {
        /// Which packets.
        {list_length, pad 6, list} matches "match": Fields;
        /// What is done with them.
        {list_end}
    }
}

old_flow_removed! {
    /// Says that a flow is gone (`NXT_FLOW_REMOVED`).
    NxFlowRemoved
    {} {
        /// The flow's table, plus one; 0 when it is not said.
        table_id: u8;
    } () {} (list_length) {
        /// The flow's match.
        {list} matches "match": Fields;
        .. {list_end}
    }
    same;
    absent hard_timeout "FlowRemoved.hard_timeout";
    // Table 0 when none was said.
    |form| table: TableId(form.table_id.saturating_sub(1));
    |removed, version| table_id: removed.table.0.checked_add(1).ok_or(EncodeError::NotInVersion {
        what: "table 255",
        version,
    })?;
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
