//! What Nicira's extension asks and answers in several parts (`nicira-ext.h`: `NXST_*`). The ONF's monitor of flows,
//! which is made after Nicira's, is in [`super::onf`].

use super::flows::{FlowFilter, FlowStats};
use crate::action::Action;
use crate::error::EncodeError;
use crate::matches::Fields;
use crate::message::Stats;
use crate::message::flow::{self, FlowFlags};
use crate::record::{Form, LengthFirst, Port16, record, variants};
use crate::{GroupId, TableId, Version};

record! {
    /// Which flows are asked for (`NXST_FLOW`, `NXST_AGGREGATE`).
    pub struct NxFlowFilter {
        /// Only flows that output there, or [`crate::PortNo::ANY`].
        out_port: Port16;
        /// Which table, or [`TableId::ALL`].
        {list_length} table "table_id": TableId;
        /// Only flows that the match covers.
        {pad 3, list} matches "match": Fields;
        .. {list_end}
    }
}

impl From<NxFlowFilter> for FlowFilter {
    fn from(form: NxFlowFilter) -> Self {
        Self {
            table: form.table,
            out_port: form.out_port.0,
            matches: form.matches.0,
            ..Self::all()
        }
    }
}

impl Form<FlowFilter> for NxFlowFilter {
    fn of(filter: &FlowFilter, version: Version) -> Result<Self, EncodeError> {
        let refuse = |what| Err(EncodeError::NotInVersion { what, version });
        if filter.out_group != GroupId::ANY {
            return refuse("FlowFilter.out_group");
        }
        if filter.cookie_mask != 0 || filter.cookie != 0 {
            return refuse("FlowFilter.cookie");
        }
        Ok(Self {
            out_port: Port16(filter.out_port),
            table: filter.table,
            matches: Fields(filter.matches.clone()),
        })
    }
}

record! {
    /// A flow as the switch has it (`NXST_FLOW`).
    pub struct NxFlowStats {
        /// Its table.
        {length} table "table_id": TableId;
        /// How long it has been there: seconds.
        {pad 1} duration_sec: u32;
        /// And nanoseconds.
        duration_nsec: u32;
        /// Its priority.
        priority: u16;
        /// Its timeout in seconds.
        idle_timeout: u16;
        /// Its timeout in seconds.
        hard_timeout: u16;
        /// How many seconds ago the last packet came, plus one; 0 when that is not known (`NXT_FLOW_AGE`).
        {list_length} idle_age: u16;
        /// How many seconds ago it was changed, plus one; 0 when that is not known.
        hard_age: u16;
        /// Its number.
        cookie: u64;
        /// Packets.
        packet_count: u64;
        /// Bytes.
        byte_count: u64;
        /// Its match.
        {list} matches "match": Fields;
        /// Its actions.
        {list_end} actions: Vec<Action>;
    }
}

/// Without its ages.
impl From<NxFlowStats> for FlowStats {
    fn from(form: NxFlowStats) -> Self {
        Self {
            table: form.table,
            priority: form.priority,
            idle_timeout: form.idle_timeout,
            hard_timeout: form.hard_timeout,
            flags: FlowFlags::default(),
            importance: 0,
            cookie: form.cookie,
            matches: form.matches.0,
            stats: Stats::new(
                (form.duration_sec, form.duration_nsec),
                form.packet_count,
                form.byte_count,
            ),
            instructions: flow::applied(form.actions),
        }
    }
}

record! {
    /// Asks to be told of changes of flows (`NXST_FLOW_MONITOR`).
    pub struct NxFlowMonitorRequest {
        /// The monitor's number, chosen by the controller.
        id: u32;
        /// `NXFMF_*`: 1 those that are there, 2 added, 4 deleted, 8 modified, 16 with actions, 32 own changes in full.
        flags: u16;
        /// Only flows that output there, or [`crate::PortNo::ANY`].
        out_port: Port16;
        /// Which table, or [`TableId::ALL`].
        {list_length} table "table_id": TableId;
        /// Only flows that the match covers.
        {pad 5, list} matches "match": Fields;
        .. {list_end}
    }
}

/// Declares the changes that tell of a flow, all with the same rows (`struct nx_flow_update_full`), and the others.
macro_rules! flow_updates {
    ($($doc:literal $variant:ident $name:literal $number:literal;)* { $($rest:tt)* }) => {
        variants! {
            /// A change of a flow (`NXFME_*`).
            pub enum NxFlowUpdate: LengthFirst, rows NX_FLOW_UPDATES {
                $(#[doc = $doc]
                $variant $name [std $number V1_0 V1_5] {
                    /// Why it went (`OFPRR_*`); 0 for one that did not.
                    reason: u16;
                    /// Its priority.
                    priority: u16;
                    /// Seconds without packets after which it goes.
                    idle_timeout: u16;
                    /// Seconds after which it goes.
                    hard_timeout: u16;
                    /// Its table.
                    {list_length} table "table_id": TableId;
                    /// Its number.
                    {pad 1} cookie: u64;
                    /// Its match.
                    {list} matches "match": Fields;
                    /// Its actions, when they were asked for.
                    {list_end} actions: Vec<Action>;
                })*
                $($rest)*
            }
        }
    };
}

flow_updates! {
    "It came, or was there." Added "added" 0;
    "It went." Deleted "deleted" 1;
    "It changed." Modified "modified" 2;
    {
        /// This controller's own change was done.
        Abbrev "abbrev" [std 3 V1_0 V1_5] {
            /// The number of its message.
            xid: u32;
        }
    }
}

record! {
    /// What an exporter of IPFIX did (`NXST_IPFIX_BRIDGE`, `NXST_IPFIX_FLOW`).
    pub struct IpfixStats {
        /// Flows since it began.
        total_flows: u64;
        /// Flows that it holds.
        current_flows: u64;
        /// Packets that were sampled.
        pkts: u64;
        /// Of them IPv4.
        ipv4_pkts: u64;
        /// Of them IPv6.
        ipv6_pkts: u64;
        /// Packets that were not understood.
        error_pkts: u64;
        /// Of them IPv4.
        ipv4_error_pkts: u64;
        /// Of them IPv6.
        ipv6_error_pkts: u64;
        /// Packets to collectors.
        tx_pkts: u64;
        /// Packets that could not be sent to them.
        tx_errors: u64;
        /// The set of collectors.
        collector_set_id: u32;
        .. {pad 4}
    }
}
