//! What is asked about flows and answered: descriptions, counters, sums (OpenFlow 1.5.1, 7.3.5.2 to 7.3.5.4).

use crate::action::Action;
use crate::error::EncodeError;
use crate::instruction::Instruction;
use crate::message::flow;
use crate::message::numbers::numbers;
use crate::message::{FlowFlags, Stats};
use crate::record::{Form, form, record};
use crate::{GroupId, Match, PortNo, TableId, Version};

record! {
    /// Which flows are asked for.
    pub struct FlowFilter {
        /// Which table, or [`TableId::ALL`].
        table "table_id": TableId;
        /// Only flows that output there, or [`PortNo::ANY`].
        {pad 3} out_port: PortNo;
        /// Only flows that use that group, or [`GroupId::ANY`].
        out_group: GroupId;
        /// The cookie's bits in the mask.
        {pad 4} cookie: u64;
        /// Which bits of the cookie must agree.
        cookie_mask: u64;
        /// Only flows that the match covers.
        matches "match": Match;
    }
    forms { [V1_0 V1_0] FlowFilter10 }
}

record! {
    /// [`FlowFilter`] in 1.0.
    pub struct FlowFilter10 {
        matches "match": Match;
        table "table_id": TableId;
        {pad 1} out_port: PortNo;
    }
}

form! {
    FlowFilter10 of FlowFilter
    same matches, table, out_port;
    absent out_group "FlowFilter.out_group" = GroupId::ANY, cookie "FlowFilter.cookie", cookie_mask "FlowFilter.cookie";
}

impl FlowFilter {
    /// Every flow.
    #[must_use]
    pub fn all() -> Self {
        Self {
            table: TableId::ALL,
            out_port: PortNo::ANY,
            out_group: GroupId::ANY,
            cookie: 0,
            cookie_mask: 0,
            matches: Match::any(),
        }
    }
}

record! {
    /// A flow as the switch has it.
    pub struct FlowStats {
        /// Its table.
        {length, pad 2} table "table_id": TableId;
        /// Its priority.
        {pad 1} priority: u16;
        /// Its timeout in seconds.
        idle_timeout: u16;
        /// Its timeout in seconds.
        hard_timeout: u16;
        /// How it behaves.
        flags: FlowFlags;
        /// Which flows stay when a table overflows.
        importance: u16;
        /// Its number.
        cookie: u64;
        /// Its match.
        matches "match": Match;
        /// What was counted: duration, packets and bytes before 1.5.
        stats: Stats;
        /// Its instructions; in 1.0 actions that are applied.
        instructions: Vec<Instruction>;
    }
    forms { [V1_0 V1_0] FlowStats10, [V1_1 V1_4] FlowStats11 }
}

/// Declares a flow as a switch has it before 1.5: where its match is, what stands behind the timeouts, what fills
/// the bytes before the cookie, and what is done with packets. Then which members of [`FlowStats`] it lacks, or what
/// is made of them.
macro_rules! old_flow_stats {
    (
        $(#[$meta:meta])* $form:ident
        { $($before:tt)* } ($($space:tt)*) { $($timeouts:tt)* } ($($gap:tt)*) { $($behind:tt)* }
        same $($same:ident),*;
        $($rest:tt)*
    ) => {
        $crate::record::record! {
            $(#[$meta])*
            pub struct $form {
                /// Its table.
                {length} table "table_id": $crate::TableId;
                $($before)*
                /// How long it has been there: seconds.
                { $($space)* } duration_sec: u32;
                /// And nanoseconds.
                duration_nsec: u32;
                /// Its priority.
                priority: u16;
                /// Its timeout in seconds.
                idle_timeout: u16;
                /// Its timeout in seconds.
                hard_timeout: u16;
                $($timeouts)*
                /// Its number.
                { $($gap)* } cookie: u64;
                /// Packets.
                packet_count: u64;
                /// Bytes.
                byte_count: u64;
                $($behind)*
            }
        }

        $crate::message::stats::counted_form! {
            $form of FlowStats
            same matches, table, priority, idle_timeout, hard_timeout, cookie $(, $same)*;
            $($rest)*
        }
    };
}

pub(super) use old_flow_stats;

old_flow_stats! {
    /// [`FlowStats`] in 1.0.
    FlowStats10
    { {pad 1} matches "match": Match; } () {} (pad 6) { actions: Vec<Action>; }
    same;
    absent flags "FlowStats.flags", importance "FlowStats.importance";
    |form| instructions: flow::applied(form.actions);
    |stats, version| actions: flow::only_applied(&stats.instructions, version)?;
}

old_flow_stats! {
    /// [`FlowStats`] in 1.1 to 1.4.
    FlowStats11
    {} (pad 1) {
        flags: FlowFlags [V1_3 V1_4];
        importance: u16 [V1_4 V1_4];
    } (pad 6 [V1_1 V1_2], pad 4 [V1_3 V1_3], pad 2 [V1_4 V1_4]) {
        matches "match": Match;
        instructions: Vec<Instruction>;
    }
    same flags, importance, instructions;
    |form|;
    |stats, version|;
}

record! {
    /// What was counted of a flow, from 1.5 on.
    pub struct FlowCounters {
        /// Its table.
        {length, pad 2} table "table_id": TableId;
        /// Why this is said.
        reason: FlowStatsReason;
        /// Its priority.
        priority: u16;
        /// Its match.
        matches "match": Match;
        /// What was counted.
        stats: Stats;
    }
}

numbers! {
    /// `OFPFSR_*`: why counters of a flow are sent.
    FlowStatsReason(u8) {
        REQUEST = 0 "stats_request" "They were asked for.";
        TRIGGER = 1 "stat_trigger" "A threshold of the flow was passed.";
    }
}

record! {
    /// Sums over flows: packets, bytes and flows.
    pub struct Aggregate {
        /// The sums.
        stats: Stats;
    }
    forms { [V1_0 V1_4] Aggregate10 }
}

record! {
    /// [`Aggregate`] before 1.5.
    pub struct Aggregate10 {
        packet_count: u64;
        byte_count: u64;
        flow_count: u32;
        .. {pad 4}
    }
}

impl From<Aggregate10> for Aggregate {
    fn from(form: Aggregate10) -> Self {
        Self {
            stats: Stats::aggregate(form.packet_count, form.byte_count, form.flow_count),
        }
    }
}

impl Form<Aggregate> for Aggregate10 {
    fn of(aggregate: &Aggregate, version: Version) -> Result<Self, EncodeError> {
        let stats = &aggregate.stats;
        let (packets, bytes, flows) = (stats.packets(), stats.bytes(), stats.flows());
        if *stats != Stats::aggregate(packets, bytes, flows) {
            return Err(EncodeError::NotInVersion {
                what: "sums other than packets, bytes and flows",
                version,
            });
        }
        Ok(Self {
            packet_count: packets,
            byte_count: bytes,
            flow_count: flows,
        })
    }
}
