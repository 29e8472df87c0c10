//! The ONF's monitor of flows for 1.3 (EXT-187), which is made after Nicira's.

use super::nicira::flow_updates;
use crate::error::{DecodeError, EncodeError};
use crate::instruction::Instruction;
use crate::matches::Fields;
use crate::record::{Dice, Generate, Plain, Value, ValueError, Wire, record};
use crate::wire::{Reader, Writer};
use crate::{Match, PortNo, TableId, Version};

/// `OFPMT_OXM`.
const OXM: u16 = 1;

/// A match whose length stands before it. The extension has the entries by themselves there, Open vSwitch a
/// whole `ofp_match`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum OnfMatch {
    /// The entries.
    Fields(Fields),
    /// As Open vSwitch has it.
    Match(Match),
}

impl Wire for OnfMatch {
    fn read(r: &mut Reader<'_>, version: Version, what: &'static str) -> Result<Self, DecodeError> {
        // Entries that begin so are 516 bytes and begin with register 1, or stranger still.
        let header = (u32::from(OXM) << 16 | r.remaining() as u32).to_be_bytes();
        if r.peek().starts_with(&header) {
            r.skip(header.len(), what)?;
            return Fields::read(r, version, what).map(|fields| Self::Match(fields.0));
        }
        Fields::read(r, version, what).map(Self::Fields)
    }

    fn write(&self, w: &mut Writer, version: Version) -> Result<(), EncodeError> {
        match self {
            Self::Fields(fields) => fields.write(w, version),
            Self::Match(matches) => {
                let start = w.len();
                w.u16(OXM);
                w.u16(0);
                matches.encode_entries(w, version)?;
                w.patch_length(start + 2, start, "ofp_match")
            }
        }
    }
}

/// A list of entries, or a match.
impl Plain for OnfMatch {
    fn value(&self, version: Version) -> Value {
        match self {
            Self::Fields(fields) => fields.value(version),
            Self::Match(matches) => matches.value(version),
        }
    }

    fn from_value(value: &Value, version: Version) -> Result<Self, ValueError> {
        match value {
            Value::List(_) => Plain::from_value(value, version).map(Self::Fields),
            _ => Plain::from_value(value, version).map(Self::Match),
        }
    }
}

impl Generate for OnfMatch {
    fn generate(dice: &mut Dice<'_>, version: Version) -> Self {
        let fields = Fields::generate(dice, version);
        match dice.flip() {
            true => Self::Fields(fields),
            false => Self::Match(fields.0),
        }
    }
}

record! {
    /// Asks to be told of changes of flows (`ONFMP_FLOW_MONITOR`).
    pub struct OnfFlowMonitorRequest {
        /// The monitor's number, chosen by the controller.
        id: u32;
        /// `ONFFMF_*`, the same as Nicira's.
        flags: u16;
        /// Only flows that output there, or [`PortNo::ANY`].
        {list_length} out_port: PortNo;
        /// Which table, or [`TableId::ALL`].
        table "table_id": TableId;
        /// Only flows that the match covers.
        {pad 3, list} matches "match": OnfMatch;
        .. {list_end}
    }
}

flow_updates! {
    /// A change of a flow (`ONFFME_*`).
    OnfFlowUpdate, rows ONF_FLOW_UPDATES [V1_3 V1_3] OnfMatch, instructions: Vec<Instruction>
}
