//! Changes of flows that are watched (OpenFlow 1.5.1, 7.3.5.21).

use crate::instruction::Instruction;
use crate::message::FlowRemovedReason;
use crate::message::numbers::numbers;
use crate::record::{LengthFirst, record, variants};
use crate::{GroupId, Match, PortNo, TableId};

numbers! {
    /// `OFPFMC_*`: what is done with a monitor.
    MonitorCommand(u8) {
        ADD = 0 "add" "A new one.";
        MODIFY = 1 "modify" "Other flows for one.";
        DELETE = 2 "delete" "Ends one.";
    }
}

record! {
    /// Asks to be told of changes of flows.
    pub struct FlowMonitorRequest {
        /// The monitor's number, chosen by the controller.
        monitor_id: u32;
        /// Only flows that output there, or [`PortNo::ANY`].
        out_port: PortNo;
        /// Only flows that use that group, or [`GroupId::ANY`].
        out_group: GroupId;
        /// `OFPFMF_*`.
        flags: u16;
        /// Which table, or [`TableId::ALL`].
        table "table_id": TableId;
        /// What is done with the monitor.
        command: MonitorCommand;
        /// Only flows that the match covers.
        matches "match": Match;
    }
}

variants! {
    /// A change of a flow (`OFPFME_*`).
    pub enum FlowUpdate: LengthFirst, rows FLOW_UPDATES {
        /// It was there when the monitor was made.
        Initial "initial" [std 0 V1_4 V1_5] {
            /// Its table.
            table "table_id": TableId;
            /// Why it went; only of one that went.
            reason: FlowRemovedReason;
            /// Seconds without packets after which it goes.
            idle_timeout: u16;
            /// Seconds after which it goes.
            hard_timeout: u16;
            /// Its priority.
            priority: u16;
            /// Its number.
            {pad 4} cookie: u64;
            /// Its match.
            matches "match": Match;
            /// Its instructions, when they were asked for.
            instructions: Vec<Instruction>;
        }
        /// It came.
        Added "added" [std 1 V1_4 V1_5] {
            /// Its table.
            table "table_id": TableId;
            /// Why it went; only of one that went.
            reason: FlowRemovedReason;
            /// Seconds without packets after which it goes.
            idle_timeout: u16;
            /// Seconds after which it goes.
            hard_timeout: u16;
            /// Its priority.
            priority: u16;
            /// Its number.
            {pad 4} cookie: u64;
            /// Its match.
            matches "match": Match;
            /// Its instructions, when they were asked for.
            instructions: Vec<Instruction>;
        }
        /// It went.
        Removed "removed" [std 2 V1_4 V1_5] {
            /// Its table.
            table "table_id": TableId;
            /// Why it went.
            reason: FlowRemovedReason;
            /// Seconds without packets after which it goes.
            idle_timeout: u16;
            /// Seconds after which it goes.
            hard_timeout: u16;
            /// Its priority.
            priority: u16;
            /// Its number.
            {pad 4} cookie: u64;
            /// Its match.
            matches "match": Match;
            /// Its instructions, when they were asked for.
            instructions: Vec<Instruction>;
        }
        /// It changed.
        Modified "modified" [std 3 V1_4 V1_5] {
            /// Its table.
            table "table_id": TableId;
            /// Why it went; only of one that went.
            reason: FlowRemovedReason;
            /// Seconds without packets after which it goes.
            idle_timeout: u16;
            /// Seconds after which it goes.
            hard_timeout: u16;
            /// Its priority.
            priority: u16;
            /// Its number.
            {pad 4} cookie: u64;
            /// Its match.
            matches "match": Match;
            /// Its instructions, when they were asked for.
            instructions: Vec<Instruction>;
        }
        /// This controller's own change was done.
        Abbrev "abbrev" [std 4 V1_4 V1_5] {
            /// The number of its message.
            xid: u32;
        }
        /// Changes are not told for now: the controller is too slow.
        Paused "paused" [std 5 V1_4 V1_5] { .. {pad 4} }
        /// Changes are told again.
        Resumed "resumed" [std 6 V1_4 V1_5] { .. {pad 4} }
    }
}
