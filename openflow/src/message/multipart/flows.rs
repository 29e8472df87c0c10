//! What is asked about flows and answered: descriptions, counters, sums (OpenFlow 1.5.1, 7.3.5.2 to 7.3.5.4).

use crate::action::Action;
use crate::error::EncodeError;
use crate::instruction::Instruction;
use crate::message::flow;
use crate::message::numbers::numbers;
use crate::message::{FlowFlags, Stats};
use crate::record::{Form, record};
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

impl From<FlowFilter10> for FlowFilter {
    fn from(form: FlowFilter10) -> Self {
        Self {
            table: form.table,
            out_port: form.out_port,
            matches: form.matches,
            ..Self::all()
        }
    }
}

impl Form<FlowFilter> for FlowFilter10 {
    fn of(filter: &FlowFilter, version: Version) -> Result<Self, EncodeError> {
        let refuse = |what| Err(EncodeError::NotInVersion { what, version });
        if filter.out_group != GroupId::ANY {
            return refuse("FlowFilter.out_group");
        }
        if filter.cookie_mask != 0 || filter.cookie != 0 {
            return refuse("FlowFilter.cookie");
        }
        Ok(Self {
            matches: filter.matches.clone(),
            table: filter.table,
            out_port: filter.out_port,
        })
    }
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

record! {
    /// [`FlowStats`] in 1.0.
    pub struct FlowStats10 {
        {length} table "table_id": TableId;
        {pad 1} matches "match": Match;
        duration_sec: u32;
        duration_nsec: u32;
        priority: u16;
        idle_timeout: u16;
        hard_timeout: u16;
        {pad 6} cookie: u64;
        packet_count: u64;
        byte_count: u64;
        actions: Vec<Action>;
    }
}

impl From<FlowStats10> for FlowStats {
    fn from(form: FlowStats10) -> Self {
        Self {
            table: form.table,
            priority: form.priority,
            idle_timeout: form.idle_timeout,
            hard_timeout: form.hard_timeout,
            flags: FlowFlags::default(),
            importance: 0,
            cookie: form.cookie,
            matches: form.matches,
            stats: Stats::new(
                (form.duration_sec, form.duration_nsec),
                form.packet_count,
                form.byte_count,
            ),
            instructions: flow::applied(form.actions),
        }
    }
}

impl Form<FlowStats> for FlowStats10 {
    fn of(flow: &FlowStats, version: Version) -> Result<Self, EncodeError> {
        flow.stats.only_fixed(version)?;
        let refuse = |what| Err(EncodeError::NotInVersion { what, version });
        if flow.flags != FlowFlags::default() {
            return refuse("FlowStats.flags");
        }
        if flow.importance != 0 {
            return refuse("FlowStats.importance");
        }
        let (duration_sec, duration_nsec) = flow.stats.duration();
        Ok(Self {
            table: flow.table,
            matches: flow.matches.clone(),
            duration_sec,
            duration_nsec,
            priority: flow.priority,
            idle_timeout: flow.idle_timeout,
            hard_timeout: flow.hard_timeout,
            cookie: flow.cookie,
            packet_count: flow.stats.packets(),
            byte_count: flow.stats.bytes(),
            actions: flow::only_applied(&flow.instructions, version)?,
        })
    }
}

record! {
    /// [`FlowStats`] in 1.1 to 1.4.
    pub struct FlowStats11 {
        {length} table "table_id": TableId;
        {pad 1} duration_sec: u32;
        duration_nsec: u32;
        priority: u16;
        idle_timeout: u16;
        hard_timeout: u16;
        flags: FlowFlags [V1_3 V1_4];
        importance: u16 [V1_4 V1_4];
        {pad 6 [V1_1 V1_2], pad 4 [V1_3 V1_3], pad 2 [V1_4 V1_4]} cookie: u64;
        packet_count: u64;
        byte_count: u64;
        matches "match": Match;
        instructions: Vec<Instruction>;
    }
}

impl From<FlowStats11> for FlowStats {
    fn from(form: FlowStats11) -> Self {
        Self {
            table: form.table,
            priority: form.priority,
            idle_timeout: form.idle_timeout,
            hard_timeout: form.hard_timeout,
            flags: form.flags,
            importance: form.importance,
            cookie: form.cookie,
            matches: form.matches,
            stats: Stats::new(
                (form.duration_sec, form.duration_nsec),
                form.packet_count,
                form.byte_count,
            ),
            instructions: form.instructions,
        }
    }
}

impl Form<FlowStats> for FlowStats11 {
    fn of(flow: &FlowStats, version: Version) -> Result<Self, EncodeError> {
        flow.stats.only_fixed(version)?;
        let (duration_sec, duration_nsec) = flow.stats.duration();
        Ok(Self {
            table: flow.table,
            duration_sec,
            duration_nsec,
            priority: flow.priority,
            idle_timeout: flow.idle_timeout,
            hard_timeout: flow.hard_timeout,
            flags: flow.flags,
            importance: flow.importance,
            cookie: flow.cookie,
            packet_count: flow.stats.packets(),
            byte_count: flow.stats.bytes(),
            matches: flow.matches.clone(),
            instructions: flow.instructions.clone(),
        })
    }
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
