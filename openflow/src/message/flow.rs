//! Flow-mod and flow-removed (OpenFlow 1.5.1, 7.3.4.2 and 7.4.2).

use super::numbers::{flags, numbers};
use super::stats::Stats;
use crate::error::{DecodeError, EncodeError};
use crate::instruction::{self, Instruction};
use crate::record::Wire;
use crate::wire::{Reader, Writer};
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

/// Adds, changes or removes flows.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct FlowMod {
    /// What it does.
    pub command: FlowCommand,
    /// Which table; [`TableId::ALL`] only to delete.
    pub table: TableId,
    /// Precedence, higher first.
    pub priority: u16,
    /// The flow's number, chosen by the controller.
    pub cookie: u64,
    /// To change or delete: which bits of the cookie must agree; 0 for any.
    pub cookie_mask: u64,
    /// Seconds without packets after which the flow goes; 0 for never.
    pub idle_timeout: u16,
    /// Seconds after which the flow goes; 0 for never.
    pub hard_timeout: u16,
    /// Which flows stay when a table overflows (from 1.4 on).
    pub importance: u16,
    /// A held packet to send through the flow, or [`NO_BUFFER`].
    pub buffer_id: u32,
    /// To delete: only flows that output there; else [`PortNo::ANY`].
    pub out_port: PortNo,
    /// To delete: only flows that use that group; else [`GroupId::ANY`].
    pub out_group: GroupId,
    /// How the flow behaves.
    pub flags: FlowFlags,
    /// Which packets.
    pub matches: Match,
    /// What is done with them.
    pub instructions: Vec<Instruction>,
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

impl Wire for FlowMod {
    fn write(&self, w: &mut Writer, version: Version) -> Result<(), EncodeError> {
        w.u64(self.cookie);
        w.u64(self.cookie_mask);
        w.u8(self.table.0);
        w.u8(self.command.0);
        w.u16(self.idle_timeout);
        w.u16(self.hard_timeout);
        w.u16(self.priority);
        w.u32(self.buffer_id);
        w.u32(self.out_port.0);
        w.u32(self.out_group.0);
        w.u16(self.flags.0);
        encode_importance(self.importance, w, version)?;
        self.matches.encode(w, version)?;
        instruction::encode_list(&self.instructions, w, version)
    }

    #[inline]
    fn read(r: &mut Reader<'_>, version: Version, _: &'static str) -> Result<Self, DecodeError> {
        let cookie = r.u64("flow_mod.cookie")?;
        let cookie_mask = r.u64("flow_mod.cookie_mask")?;
        let table = TableId(r.u8("flow_mod.table_id")?);
        let command = FlowCommand(r.u8("flow_mod.command")?);
        let idle_timeout = r.u16("flow_mod.idle_timeout")?;
        let hard_timeout = r.u16("flow_mod.hard_timeout")?;
        let priority = r.u16("flow_mod.priority")?;
        let buffer_id = r.u32("flow_mod.buffer_id")?;
        let out_port = PortNo(r.u32("flow_mod.out_port")?);
        let out_group = GroupId(r.u32("flow_mod.out_group")?);
        let flags = FlowFlags(r.u16("flow_mod.flags")?);
        let importance = decode_importance(r, version)?;
        let matches = Match::decode(r, version)?;
        let instructions = instruction::decode_list(r, version)?;
        Ok(Self {
            command,
            table,
            priority,
            cookie,
            cookie_mask,
            idle_timeout,
            hard_timeout,
            importance,
            buffer_id,
            out_port,
            out_group,
            flags,
            matches,
            instructions,
        })
    }
}

/// Writes a flow's importance, which is padding before 1.4.
pub(super) fn encode_importance(
    importance: u16,
    w: &mut Writer,
    version: Version,
) -> Result<(), EncodeError> {
    if importance != 0 && version < Version::V1_4 {
        return Err(EncodeError::NotInVersion {
            what: "the importance of a flow",
            version,
        });
    }
    w.u16(importance);
    Ok(())
}

/// Reads a flow's importance, which is padding before 1.4.
pub(super) fn decode_importance(r: &mut Reader<'_>, version: Version) -> Result<u16, DecodeError> {
    let importance = r.u16("flow_mod.importance")?;
    Ok(if version < Version::V1_4 {
        0
    } else {
        importance
    })
}

/// Says that a flow is gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlowRemoved {
    /// The flow's cookie.
    pub cookie: u64,
    /// The flow's priority.
    pub priority: u16,
    /// `OFPRR_*`: 0 idle, 1 hard timeout, 2 deleted, 3 group deleted, 4 meter deleted, 5 evicted.
    pub reason: u8,
    /// The flow's table.
    pub table: TableId,
    /// The flow's timeout in seconds.
    pub idle_timeout: u16,
    /// The flow's timeout in seconds.
    pub hard_timeout: u16,
    /// What was counted: duration, packets and bytes before 1.5.
    pub stats: Stats,
    /// The flow's match.
    pub matches: Match,
}

impl Wire for FlowRemoved {
    fn write(&self, w: &mut Writer, version: Version) -> Result<(), EncodeError> {
        if version >= Version::V1_5 {
            w.u8(self.table.0);
            w.u8(self.reason);
            w.u16(self.priority);
            w.u16(self.idle_timeout);
            w.u16(self.hard_timeout);
            w.u64(self.cookie);
            self.matches.encode(w, version)?;
            return self.stats.encode(w);
        }
        w.u64(self.cookie);
        w.u16(self.priority);
        w.u8(self.reason);
        w.u8(self.table.0);
        self.stats.encode_duration(w);
        w.u16(self.idle_timeout);
        w.u16(self.hard_timeout);
        self.stats.encode_counts(w);
        self.matches.encode(w, version)
    }

    fn read(r: &mut Reader<'_>, version: Version, _: &'static str) -> Result<Self, DecodeError> {
        if version >= Version::V1_5 {
            return Ok(Self {
                table: TableId(r.u8("flow_removed.table_id")?),
                reason: r.u8("flow_removed.reason")?,
                priority: r.u16("flow_removed.priority")?,
                idle_timeout: r.u16("flow_removed.idle_timeout")?,
                hard_timeout: r.u16("flow_removed.hard_timeout")?,
                cookie: r.u64("flow_removed.cookie")?,
                matches: Match::decode(r, version)?,
                stats: Stats::decode(r)?,
            });
        }
        let cookie = r.u64("flow_removed.cookie")?;
        let priority = r.u16("flow_removed.priority")?;
        let reason = r.u8("flow_removed.reason")?;
        let table = TableId(r.u8("flow_removed.table_id")?);
        let duration = Stats::decode_duration(r)?;
        let idle_timeout = r.u16("flow_removed.idle_timeout")?;
        let hard_timeout = r.u16("flow_removed.hard_timeout")?;
        Ok(Self {
            cookie,
            priority,
            reason,
            table,
            idle_timeout,
            hard_timeout,
            stats: Stats::decode_counts(r, duration)?,
            matches: Match::decode(r, version)?,
        })
    }
}
