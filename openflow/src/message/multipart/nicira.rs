//! What Nicira's extension asks and answers in several parts (`nicira-ext.h`: `NXST_*`). The ONF's monitor of flows,
//! which is made after Nicira's, is in [`super::onf`].

use super::flows::{FlowFilter, FlowStats, old_flow_stats};
use crate::action::Action;
use crate::error::{DecodeError, EncodeError};
use crate::instruction::Instruction;
use crate::matches::Fields;
use crate::message::flow;
use crate::record::{
    Dice, Generate, Plain, Port16, Value, ValueError, Wire, form, record, required,
};
use crate::wire::{Reader, Writer};
use crate::{GroupId, PortNo, TableId, Version};

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

form! {
    NxFlowFilter of FlowFilter
    same matches, table, out_port;
    absent out_group "FlowFilter.out_group" = GroupId::ANY, cookie "FlowFilter.cookie", cookie_mask "FlowFilter.cookie";
}

old_flow_stats! {
    /// A flow as the switch has it (`NXST_FLOW`). Its ages are its own affair.
    NxFlowStats
    {} (pad 1) {
        /// How many seconds ago the last packet came, plus one; 0 when that is not known (`NXT_FLOW_AGE`).
        {list_length} idle_age: u16;
        /// How many seconds ago it was changed, plus one; 0 when that is not known.
        hard_age: u16;
    } () {
        /// Its match.
        {list} matches "match": Fields;
        /// Its actions.
        {list_end} actions: Vec<Action>;
    }
    same;
    absent flags "FlowStats.flags", importance "FlowStats.importance";
    |form| instructions: flow::applied(form.actions);
    |stats, version|
        idle_age: 0,
        hard_age: 0,
        actions: flow::only_applied(&stats.instructions, version)?;
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

/// What a flow does, in a change that tells of it.
///
/// The structure has actions there. Open vSwitch writes the flow's other instructions among them in 1.1 and 1.2, as
/// they are in a flow-mod. Of what is both, in 1.1 an action counts, as `ovs-ofctl` reads it; in 1.2, whose standard
/// has no actions of the types that instructions have, an instruction.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum UpdateAction {
    /// An action.
    Action(Action),
    /// An instruction; only in 1.1 and 1.2.
    Instruction(Instruction),
}

/// The versions in which instructions stand among actions.
fn mixes_instructions(version: Version) -> bool {
    matches!(version, Version::V1_1 | Version::V1_2)
}

/// The highest type of an instruction in these versions.
const LAST_INSTRUCTION: u16 = 5;

impl UpdateAction {
    /// Reads a member as an action or as an instruction; with it comes whether it is written as it was.
    fn read_as<T: Wire>(
        r: &mut Reader<'_>,
        version: Version,
        what: &'static str,
        member: impl FnOnce(T) -> Self,
    ) -> Result<(Self, bool), DecodeError> {
        let before = r.peek();
        let member = member(T::read(r, version, what)?);
        let read = &before[..before.len() - r.remaining()];
        let mut w = Writer::new();
        let same = member.write(&mut w, version).is_ok() && w.written(0) == read;
        Ok((member, same))
    }

    /// Whether it is the same when it is read again.
    fn comes_back(&self, version: Version) -> bool {
        let mut w = Writer::new();
        let bytes = self.write(&mut w, version).map(|()| w.freeze());
        bytes.is_ok_and(|bytes| {
            Self::read(&mut Reader::new(&bytes), version, "an action").as_ref() == Ok(self)
        })
    }
}

impl Wire for UpdateAction {
    fn read(r: &mut Reader<'_>, version: Version, what: &'static str) -> Result<Self, DecodeError> {
        if !mixes_instructions(version) {
            return Action::read(r, version, what).map(Self::Action);
        }
        let kind = r.peek().first_chunk().map(|kind| u16::from_be_bytes(*kind));
        let is_instruction = kind.is_some_and(|kind| (1..=LAST_INSTRUCTION).contains(&kind));
        let mut other = r.clone();
        let instruction = Self::read_as(&mut other, version, what, Self::Instruction);
        if is_instruction && version == Version::V1_2 {
            if let Ok((instruction, _)) = instruction {
                *r = other;
                return Ok(instruction);
            }
            return Action::read(r, version, what).map(Self::Action);
        }
        let action = Self::read_as(r, version, what, Self::Action);
        match (action, instruction) {
            (Ok((action, true)), _) => Ok(action),
            (_, Ok((instruction, true))) if is_instruction => {
                *r = other;
                Ok(instruction)
            }
            (action, _) => action.map(|(action, _)| action),
        }
    }

    fn write(&self, w: &mut Writer, version: Version) -> Result<(), EncodeError> {
        match self {
            Self::Action(action) => action.write(w, version),
            Self::Instruction(instruction) if mixes_instructions(version) => {
                instruction.write(w, version)
            }
            Self::Instruction(_) => Err(EncodeError::NotInVersion {
                what: "an instruction among the actions of a change",
                version,
            }),
        }
    }
}

/// An action as ever, an instruction in the member `instruction`.
impl Plain for UpdateAction {
    fn value(&self, version: Version) -> Value {
        match self {
            Self::Action(action) => action.value(version),
            Self::Instruction(instruction) => {
                Value::Object(vec![("instruction".into(), instruction.value(version))])
            }
        }
    }

    fn from_value(value: &Value, version: Version) -> Result<Self, ValueError> {
        match value.member("instruction") {
            Some(_) => {
                value.members(&["instruction"])?;
                required(value, "instruction", version).map(Self::Instruction)
            }
            None => Action::from_value(value, version).map(Self::Action),
        }
    }
}

impl Generate for UpdateAction {
    fn generate(dice: &mut Dice<'_>, version: Version) -> Self {
        let made = match mixes_instructions(version) && dice.flip() {
            true => Self::Instruction(Instruction::generate(dice, version)),
            false => Self::Action(Action::generate(dice, version)),
        };
        match made.comes_back(version) {
            true => made,
            false => Self::Action(Action::output(PortNo::CONTROLLER)),
        }
    }
}

/// Declares changes of flows as both extensions have them: with which matches, and what is done with packets. Those
/// that tell of a flow have the same rows (`struct nx_flow_update_full`, `struct onf_flow_update_full`).
macro_rules! flow_updates {
    ($(#[$meta:meta])* $union:ident, rows $rows:ident [$since:ident $until:ident] $match:ident, $does:ident: $list:ty) => {
        $crate::message::multipart::nicira::flow_updates! {
            $(#[$meta])* $union, rows $rows [$since $until] $match, $does: $list;
            "It came, or was there." Added "added" 0;
            "It went." Deleted "deleted" 1;
            "It changed." Modified "modified" 2;
        }
    };
    (
        $(#[$meta:meta])* $union:ident, rows $rows:ident [$since:ident $until:ident] $match:ident, $does:ident: $list:ty;
        $($doc:literal $variant:ident $name:literal $number:literal;)*
    ) => {
        $crate::record::variants! {
            $(#[$meta])*
            pub enum $union: $crate::record::LengthFirst, rows $rows {
                $(#[doc = $doc]
                $variant $name [std $number $since $until] {
                    /// Why it went (`OFPRR_*`); 0 for one that did not.
                    reason: u16;
                    /// Its priority.
                    priority: u16;
                    /// Seconds without packets after which it goes.
                    idle_timeout: u16;
                    /// Seconds after which it goes.
                    hard_timeout: u16;
                    /// Its table.
                    {list_length} table "table_id": $crate::TableId;
                    /// Its number.
                    {pad 1} cookie: u64;
                    /// Its match.
                    {list} matches "match": $match;
                    /// What it does, when that was asked for.
                    {list_end} $does: $list;
                })*
                /// This controller's own change was done.
                Abbrev "abbrev" [std 3 $since $until] {
                    /// The number of its message.
                    xid: u32;
                }
            }
        }
    };
}

pub(super) use flow_updates;

flow_updates! {
    /// A change of a flow (`NXFME_*`).
    NxFlowUpdate, rows NX_FLOW_UPDATES [V1_0 V1_5] Fields, actions: Vec<UpdateAction>
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
