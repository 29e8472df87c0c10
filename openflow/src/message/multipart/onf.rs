//! The ONF's monitor of flows for 1.3 (EXT-187), which is made after Nicira's.

use crate::error::{DecodeError, EncodeError};
use crate::instruction::Instruction;
use crate::matches::Fields;
use crate::record::{
    Dice, Generate, LengthFirst, Plain, Value, ValueError, Wire, record, variants,
};
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

/// Declares the changes that tell of a flow, all with the same rows (`struct onf_flow_update_full`), and the others.
macro_rules! flow_updates {
    ($($doc:literal $variant:ident $name:literal $number:literal;)* { $($rest:tt)* }) => {
        variants! {
            /// A change of a flow (`ONFFME_*`).
            pub enum OnfFlowUpdate: LengthFirst, rows ONF_FLOW_UPDATES {
                $(#[doc = $doc]
                $variant $name [std $number V1_3 V1_3] {
                    /// Why it went (`OFPRR_*`); 0 for one that did not.
                    reason: u16;
                    /// Its priority.
                    priority: u16;
                    /// Seconds without packets after which it goes.
                    idle_timeout: u16;
                    /// Seconds after which it goes.
                    hard_timeout: u16;
                    /// Its table.
                    {list_length} table "table_id": TableId;
                    /// Its number.
                    {pad 1} cookie: u64;
                    /// Its match.
                    {list} matches "match": OnfMatch;
                    /// Its instructions, when they were asked for.
                    {list_end} instructions: Vec<Instruction>;
                })*
                $($rest)*
            }
        }
    };
}

flow_updates! {
    "It came, or was there." Added "added" 0;
    "It went." Deleted "deleted" 1;
    "It changed." Modified "modified" 2;
    {
        /// This controller's own change was done.
        Abbrev "abbrev" [std 3 V1_3 V1_3] {
            /// The number of its message.
            xid: u32;
        }
    }
}
