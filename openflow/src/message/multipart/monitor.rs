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

/// Declares the changes that tell of a flow, all with the same rows, and the others.
macro_rules! flow_updates {
    ($($doc:literal $variant:ident $name:literal $number:literal;)* { $($rest:tt)* }) => {
        variants! {
            /// A change of a flow (`OFPFME_*`).
            pub enum FlowUpdate: LengthFirst, rows FLOW_UPDATES {
                $(#[doc = $doc]
                $variant $name [std $number V1_4 V1_5] {
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
                })*
                $($rest)*
            }
        }
    };
}

flow_updates! {
    "It was there when the monitor was made." Initial "initial" 0;
    "It came." Added "added" 1;
    "It went." Removed "removed" 2;
    "It changed." Modified "modified" 3;
    {
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
