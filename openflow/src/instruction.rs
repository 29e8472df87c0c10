//! The table of instructions: what a matching flow does with a packet (OpenFlow 1.5.1, 7.2.5).

use bytes::Bytes;

use crate::action::{self, Action};
use crate::error::{DecodeError, EncodeError};
use crate::wire::{Reader, Writer};
use crate::{MeterId, TableId, Version};

/// An instruction of a flow.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Instruction {
    /// Passes the packet through a meter; from 1.5 on an action does that.
    Meter(MeterId),
    /// Runs actions at once.
    ApplyActions(Vec<Action>),
    /// Empties the action set.
    ClearActions,
    /// Adds to the action set.
    WriteActions(Vec<Action>),
    /// Sets bits of the metadata.
    WriteMetadata {
        /// The bits' values.
        metadata: u64,
        /// Which bits.
        mask: u64,
    },
    /// Goes on in a later table.
    GotoTable(TableId),
    /// Any other, with its header.
    Unknown(Bytes),
}

/// `OFPIT_*`.
mod code {
    pub(super) const GOTO_TABLE: u16 = 1;
    pub(super) const WRITE_METADATA: u16 = 2;
    pub(super) const WRITE_ACTIONS: u16 = 3;
    pub(super) const APPLY_ACTIONS: u16 = 4;
    pub(super) const CLEAR_ACTIONS: u16 = 5;
    pub(super) const METER: u16 = 6;
}

impl Instruction {
    fn encode_actions(
        kind: u16,
        actions: &[Action],
        w: &mut Writer,
        version: Version,
    ) -> Result<(), EncodeError> {
        let start = w.len();
        w.u16(kind);
        w.u16(0);
        w.pad(4);
        action::encode_list(actions, w, version)?;
        w.patch_length(start + 2, start, "ofp_instruction_actions")
    }

    fn encode(&self, w: &mut Writer, version: Version) -> Result<(), EncodeError> {
        let start = w.len();
        let mut header = |kind| {
            w.u16(kind);
            w.u16(0);
        };
        match self {
            Self::Meter(meter) => {
                if !(Version::V1_3..=Version::V1_4).contains(&version) {
                    return Err(EncodeError::NotInVersion {
                        what: "the meter instruction",
                        version,
                    });
                }
                header(code::METER);
                w.u32(meter.0);
            }
            Self::ApplyActions(actions) => {
                return Self::encode_actions(code::APPLY_ACTIONS, actions, w, version);
            }
            Self::WriteActions(actions) => {
                return Self::encode_actions(code::WRITE_ACTIONS, actions, w, version);
            }
            Self::ClearActions => {
                header(code::CLEAR_ACTIONS);
                w.pad(4);
            }
            Self::WriteMetadata { metadata, mask } => {
                header(code::WRITE_METADATA);
                w.pad(4);
                w.u64(*metadata);
                w.u64(*mask);
            }
            Self::GotoTable(table) => {
                header(code::GOTO_TABLE);
                w.u8(table.0);
                w.pad(3);
            }
            Self::Unknown(bytes) => {
                w.slice(bytes);
                return Ok(());
            }
        }
        w.patch_length(start + 2, start, "ofp_instruction")
    }
}

/// Writes instructions one after the other.
pub(crate) fn encode_list(
    list: &[Instruction],
    w: &mut Writer,
    version: Version,
) -> Result<(), EncodeError> {
    for instruction in list {
        match instruction {
            // What is an action from 1.5 on is an instruction before.
            Instruction::ApplyActions(actions) if version < Version::V1_5 => {
                let mut rest = actions.as_slice();
                while let [Action::Meter(meter), after @ ..] = rest {
                    Instruction::Meter(*meter).encode(w, version)?;
                    rest = after;
                }
                if !rest.is_empty() || actions.is_empty() {
                    Instruction::encode_actions(code::APPLY_ACTIONS, rest, w, version)?;
                }
            }
            other => other.encode(w, version)?,
        }
    }
    Ok(())
}

/// Instructions by themselves: the content of a flow, for hashing.
pub fn to_bytes(list: &[Instruction], version: Version) -> Result<Bytes, EncodeError> {
    let mut w = Writer::new();
    encode_list(list, &mut w, version)?;
    Ok(w.freeze())
}

/// Reads an instruction.
pub(crate) fn decode(r: &mut Reader<'_>, version: Version) -> Result<Instruction, DecodeError> {
    let start = r.offset();
    let mut body = action::sized(r, "the instruction that its length tells of")?;
    let kind = body.u16("the instruction's type")?;
    body.skip(2, "the instruction's length")?;
    let zeros = |body: &mut Reader<'_>, n| body.zeros(n, "padding");
    let (clean, instruction) = match kind {
        code::GOTO_TABLE => {
            let table = TableId(body.u8("goto_table.table_id")?);
            (zeros(&mut body, 3)?, Instruction::GotoTable(table))
        }
        code::WRITE_METADATA => {
            let clean = zeros(&mut body, 4)?;
            let metadata = body.u64("write_metadata.metadata")?;
            let mask = body.u64("write_metadata.metadata_mask")?;
            (clean, Instruction::WriteMetadata { metadata, mask })
        }
        code::WRITE_ACTIONS | code::APPLY_ACTIONS => {
            let clean = zeros(&mut body, 4)?;
            let actions = action::decode_list(&mut body, version)?;
            let make = if kind == code::APPLY_ACTIONS {
                Instruction::ApplyActions
            } else {
                Instruction::WriteActions
            };
            (clean, make(actions))
        }
        code::CLEAR_ACTIONS => (zeros(&mut body, 4)?, Instruction::ClearActions),
        code::METER if (Version::V1_3..=Version::V1_4).contains(&version) => (
            true,
            Instruction::Meter(MeterId(body.u32("meter.meter_id")?)),
        ),
        _ => (false, Instruction::ClearActions),
    };
    Ok(if clean && body.is_empty() {
        instruction
    } else {
        Instruction::Unknown(r.since(start))
    })
}
