//! Flow-mod and flow-removed (OpenFlow 1.5.1, 7.3.4.2 and 7.4.2; 1.0.1, 5.3.3 and 5.4.3).

use super::numbers::{flags, numbers};
use super::stats::Stats;
use crate::action::Action;
use crate::error::EncodeError;
use crate::instruction::Instruction;
use crate::record::{Form, record};
use crate::{GroupId, Match, PortNo, TableId, Version};

/// `OFP_NO_BUFFER`: the packet is not held by the switch.
pub const NO_BUFFER: u32 = 0xffff_ffff;

numbers! {
    /// `OFPFC_*`: what a flow-mod does.
    FlowCommand(u8) {
        ADD = 0 "add" "A new flow, in place of one with the same match and priority.";
        MODIFY = 1 "modify" "New instructions for all flows that the match covers.";
        MODIFY_STRICT = 2 "modify_strict" "New instructions for the flow of this match and priority.";
        DELETE = 3 "delete" "Removes all flows that the match covers.";
        DELETE_STRICT = 4 "delete_strict" "Removes the flow of this match and priority.";
    }
}

flags! {
    /// `OFPFF_*`.
    FlowFlags(u16) {
        SEND_FLOW_REMOVED = 1 "Tell when the flow goes.";
        CHECK_OVERLAP = 2 "Refuse when another flow of the priority overlaps.";
        RESET_COUNTS = 4 "Set the counters to zero.";
        NO_PACKET_COUNTS = 8 "Packets need not be counted.";
        NO_BYTE_COUNTS = 16 "Bytes need not be counted.";
    }
}

record! {
    /// Adds, changes or removes flows.
    pub struct FlowMod {
        /// The flow's number, chosen by the controller.
        cookie: u64;
        /// To change or delete: which bits of the cookie must agree; 0 for any.
        cookie_mask: u64;
        /// Which table; [`TableId::ALL`] only to delete. In 1.0 it is 0, or a table where Nicira's extension
        /// was switched on (`NXT_FLOW_MOD_TABLE_ID`).
        table "table_id": TableId;
        /// What it does.
        command: FlowCommand;
        /// Seconds without packets after which the flow goes; 0 for never.
        idle_timeout: u16;
        /// Seconds after which the flow goes; 0 for never.
        hard_timeout: u16;
        /// Precedence, higher first.
        priority: u16;
        /// A held packet to send through the flow, or [`NO_BUFFER`].
        buffer_id: u32;
        /// To delete: only flows that output there; else [`PortNo::ANY`].
        out_port: PortNo;
        /// To delete: only flows that use that group; else [`GroupId::ANY`].
        out_group: GroupId;
        /// How the flow behaves.
        flags: FlowFlags;
        /// Which flows stay when a table overflows.
        {pad 2 [V1_1 V1_3]} importance: u16 [V1_4 V1_5];
        /// Which packets.
        matches "match": Match;
        /// What is done with them; in 1.0 actions that are applied.
        instructions: Vec<Instruction>;
    }
    forms { [V1_0 V1_0] FlowMod10 }
}

record! {
    /// [`FlowMod`] in 1.0.
    pub struct FlowMod10 {
        matches "match": Match;
        cookie: u64;
        table "table_id": TableId;
        command: FlowCommand;
        idle_timeout: u16;
        hard_timeout: u16;
        priority: u16;
        buffer_id: u32;
        out_port: PortNo;
        flags: FlowFlags;
        actions: Vec<Action>;
    }
}

impl From<FlowMod10> for FlowMod {
    fn from(form: FlowMod10) -> Self {
        Self {
            command: form.command,
            idle_timeout: form.idle_timeout,
            hard_timeout: form.hard_timeout,
            buffer_id: form.buffer_id,
            out_port: form.out_port,
            flags: form.flags,
            ..Self::add(
                form.table,
                form.priority,
                form.matches,
                applied(form.actions),
                form.cookie,
            )
        }
    }
}

impl Form<FlowMod> for FlowMod10 {
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
            matches: flow.matches.clone(),
            cookie: flow.cookie,
            table: flow.table,
            command: flow.command,
            idle_timeout: flow.idle_timeout,
            hard_timeout: flow.hard_timeout,
            priority: flow.priority,
            buffer_id: flow.buffer_id,
            out_port: flow.out_port,
            flags: flow.flags,
            actions: only_applied(&flow.instructions, version)?,
        })
    }
}

/// The instructions that the actions of a 1.0 flow are.
pub(super) fn applied(actions: Vec<Action>) -> Vec<Instruction> {
    match actions.is_empty() {
        true => Vec::new(),
        false => vec![Instruction::apply(actions)],
    }
}

/// The actions of a 1.0 flow, which knows no other instructions.
pub(super) fn only_applied(
    instructions: &[Instruction],
    version: Version,
) -> Result<Vec<Action>, EncodeError> {
    match instructions {
        [] => Ok(Vec::new()),
        [Instruction::ApplyActions { actions }] => Ok(actions.clone()),
        _ => Err(EncodeError::NotInVersion {
            what: "an instruction other than apply_actions",
            version,
        }),
    }
}

impl FlowMod {
    /// Adds a flow without timeouts.
    #[must_use]
    pub fn add(
        table: TableId,
        priority: u16,
        matches: Match,
        instructions: Vec<Instruction>,
        cookie: u64,
    ) -> Self {
        Self {
            command: FlowCommand::ADD,
            table,
            priority,
            cookie,
            cookie_mask: 0,
            idle_timeout: 0,
            hard_timeout: 0,
            importance: 0,
            buffer_id: NO_BUFFER,
            out_port: PortNo::ANY,
            out_group: GroupId::ANY,
            flags: FlowFlags::default(),
            matches,
            instructions,
        }
    }

    /// Removes the flows of a cookie, in every table.
    #[must_use]
    pub fn delete_cookie(cookie: u64) -> Self {
        Self {
            cookie_mask: u64::MAX,
            ..Self::delete(TableId::ALL, Match::any(), cookie)
        }
    }

    /// Removes every flow of a table (or of [`TableId::ALL`]) that the match covers.
    #[must_use]
    pub fn delete(table: TableId, matches: Match, cookie: u64) -> Self {
        Self {
            command: FlowCommand::DELETE,
            ..Self::add(table, 0, matches, Vec::new(), cookie)
        }
    }
}

numbers! {
    /// `OFPRR_*`: why a flow went.
    FlowRemovedReason(u8) {
        IDLE_TIMEOUT = 0 "idle_timeout" "No packet came for as long as its idle timeout.";
        HARD_TIMEOUT = 1 "hard_timeout" "Its hard timeout is over.";
        DELETE = 2 "delete" "A flow-mod removed it.";
        GROUP_DELETE = 3 "group_delete" "Its group was removed (from 1.1 on).";
        METER_DELETE = 4 "meter_delete" "Its meter was removed (from 1.4 on).";
        EVICTION = 5 "eviction" "It gave way to another flow (from 1.4 on).";
    }
}

record! {
    /// Says that a flow is gone.
    pub struct FlowRemoved {
        /// The flow's table.
        table "table_id": TableId;
        /// Why it went.
        reason: FlowRemovedReason;
        /// The flow's priority.
        priority: u16;
        /// The flow's timeout in seconds.
        idle_timeout: u16;
        /// The flow's timeout in seconds.
        hard_timeout: u16;
        /// The flow's cookie.
        cookie: u64;
        /// The flow's match.
        matches "match": Match;
        /// What was counted: duration, packets and bytes before 1.5.
        stats: Stats;
    }
    forms { [V1_0 V1_0] FlowRemoved10, [V1_1 V1_4] FlowRemoved11 }
}

record! {
    /// [`FlowRemoved`] in 1.0.
    pub struct FlowRemoved10 {
        matches "match": Match;
        cookie: u64;
        priority: u16;
        reason: FlowRemovedReason;
        {pad 1} duration_sec: u32;
        duration_nsec: u32;
        idle_timeout: u16;
        {pad 2} packet_count: u64;
        byte_count: u64;
    }
}

impl From<FlowRemoved10> for FlowRemoved {
    fn from(form: FlowRemoved10) -> Self {
        Self {
            table: TableId(0),
            reason: form.reason,
            priority: form.priority,
            idle_timeout: form.idle_timeout,
            hard_timeout: 0,
            cookie: form.cookie,
            matches: form.matches,
            stats: Stats::new(
                (form.duration_sec, form.duration_nsec),
                form.packet_count,
                form.byte_count,
            ),
        }
    }
}

impl Form<FlowRemoved> for FlowRemoved10 {
    fn of(removed: &FlowRemoved, version: Version) -> Result<Self, EncodeError> {
        removed.stats.only_fixed(version)?;
        let refuse = |what| Err(EncodeError::NotInVersion { what, version });
        if removed.table != TableId(0) {
            return refuse("FlowRemoved.table_id");
        }
        if removed.hard_timeout != 0 {
            return refuse("FlowRemoved.hard_timeout");
        }
        let (duration_sec, duration_nsec) = removed.stats.duration();
        Ok(Self {
            matches: removed.matches.clone(),
            cookie: removed.cookie,
            priority: removed.priority,
            reason: removed.reason,
            duration_sec,
            duration_nsec,
            idle_timeout: removed.idle_timeout,
            packet_count: removed.stats.packets(),
            byte_count: removed.stats.bytes(),
        })
    }
}

record! {
    /// [`FlowRemoved`] in 1.1 to 1.4.
    pub struct FlowRemoved11 {
        cookie: u64;
        priority: u16;
        reason: FlowRemovedReason;
        table "table_id": TableId;
        duration_sec: u32;
        duration_nsec: u32;
        idle_timeout: u16;
        {pad 2 [V1_1 V1_1]} hard_timeout: u16 [V1_2 V1_5];
        packet_count: u64;
        byte_count: u64;
        matches "match": Match;
    }
}

impl From<FlowRemoved11> for FlowRemoved {
    fn from(form: FlowRemoved11) -> Self {
        Self {
            table: form.table,
            reason: form.reason,
            priority: form.priority,
            idle_timeout: form.idle_timeout,
            hard_timeout: form.hard_timeout,
            cookie: form.cookie,
            matches: form.matches,
            stats: Stats::new(
                (form.duration_sec, form.duration_nsec),
                form.packet_count,
                form.byte_count,
            ),
        }
    }
}

impl Form<FlowRemoved> for FlowRemoved11 {
    fn of(removed: &FlowRemoved, version: Version) -> Result<Self, EncodeError> {
        removed.stats.only_fixed(version)?;
        let (duration_sec, duration_nsec) = removed.stats.duration();
        Ok(Self {
            cookie: removed.cookie,
            priority: removed.priority,
            reason: removed.reason,
            table: removed.table,
            duration_sec,
            duration_nsec,
            idle_timeout: removed.idle_timeout,
            hard_timeout: removed.hard_timeout,
            packet_count: removed.stats.packets(),
            byte_count: removed.stats.bytes(),
            matches: removed.matches.clone(),
        })
    }
}
