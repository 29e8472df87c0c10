//! Flow-mod and flow-removed (OpenFlow 1.5.1, 7.3.4.2 and 7.4.2; 1.0.1, 5.3.3 and 5.4.3).

use super::numbers::{flags, numbers};
use super::stats::Stats;
use crate::action::Action;
use crate::error::EncodeError;
use crate::instruction::Instruction;
use crate::record::record;
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

/// Declares a flow-mod that knows neither groups, masks of cookies nor instructions: its match in its own place, the
/// type of its port, and what it has in common with the others.
macro_rules! short_flow_mod {
    ($(#[$meta:meta])* $form:ident { $($before:tt)* } $port:ident { $($behind:tt)* }) => {
        $crate::record::record! {
            $(#[$meta])*
            pub struct $form {
                $($before)*
                /// The flow's number, chosen by the controller.
                cookie: u64;
                /// Which table, where that was switched on (`NXT_FLOW_MOD_TABLE_ID`); else 0.
                table "table_id": $crate::TableId;
                /// What it does.
                command: $crate::message::FlowCommand;
                /// Seconds without packets after which the flow goes; 0 for never.
                idle_timeout: u16;
                /// Seconds after which the flow goes; 0 for never.
                hard_timeout: u16;
                /// Precedence, higher first.
                priority: u16;
                /// A held packet to send through the flow, or all ones.
                buffer_id: u32;
                /// To delete: only flows that output there.
                out_port: $port;
                /// How the flow behaves.
                flags: $crate::message::FlowFlags;
                $($behind)*
                actions: Vec<$crate::Action>;
            }
        }

        $crate::record::form! {
            $form of FlowMod
            same matches, cookie, table, command, idle_timeout, hard_timeout, priority, buffer_id, out_port, flags;
            absent cookie_mask "FlowMod.cookie_mask", out_group "FlowMod.out_group" = $crate::GroupId::ANY, importance "FlowMod.importance";
            |form| instructions: $crate::message::flow::applied(form.actions);
            |flow, version| actions: $crate::message::flow::only_applied(&flow.instructions, version)?;
        }
    };
}

short_flow_mod! {
    /// [`FlowMod`] in 1.0.
    FlowMod10 { matches "match": Match; } PortNo {}
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

/// Declares a flow-removed before 1.5: what stands in place of the table and of the hard timeout, what fills the
/// bytes behind those, and where the match is. Then which members of [`FlowRemoved`] it lacks, or what is made of
/// them.
macro_rules! old_flow_removed {
    (
        $(#[$meta:meta])* $form:ident
        { $($before:tt)* } { $($table:tt)* } ($($gap:tt)*) { $($timeout:tt)* } ($($space:tt)*) { $($behind:tt)* }
        same $($same:ident),*;
        $($rest:tt)*
    ) => {
        $crate::record::record! {
            $(#[$meta])*
            pub struct $form {
                $($before)*
                /// The flow's cookie.
                cookie: u64;
                /// The flow's priority.
                priority: u16;
                /// Why it went.
                reason: $crate::message::FlowRemovedReason;
                $($table)*
                /// How long the flow was there: seconds.
                { $($gap)* } duration_sec: u32;
                /// And nanoseconds.
                duration_nsec: u32;
                /// The flow's timeout in seconds.
                idle_timeout: u16;
                $($timeout)*
                /// Packets.
                { $($space)* } packet_count: u64;
                /// Bytes.
                byte_count: u64;
                $($behind)*
            }
        }

        $crate::message::stats::counted_form! {
            $form of FlowRemoved
            same matches, cookie, priority, reason, idle_timeout $(, $same)*;
            $($rest)*
        }
    };
}

old_flow_removed! {
    /// [`FlowRemoved`] in 1.0.
    FlowRemoved10
    { matches "match": Match; } {} (pad 1) {} (pad 2) {}
    same;
    absent table "FlowRemoved.table_id", hard_timeout "FlowRemoved.hard_timeout";
    |form|;
    |removed, version|;
}

old_flow_removed! {
    /// [`FlowRemoved`] in 1.1 to 1.4.
    FlowRemoved11
    {} { table "table_id": TableId; } () { {pad 2 [V1_1 V1_1]} hard_timeout: u16 [V1_2 V1_5]; } () { matches "match": Match; }
    same table, hard_timeout;
    |form|;
    |removed, version|;
}

pub(super) use {old_flow_removed, short_flow_mod};
