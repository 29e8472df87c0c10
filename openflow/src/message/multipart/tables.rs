//! What is asked about tables and answered: counters, features, set-up (OpenFlow 1.5.1, 7.3.5.17 to 7.3.5.19).

use bytes::Bytes;

use crate::error::{DecodeError, EncodeError};
use crate::matches::{Fields, Header};
use crate::message::numbers::numbers;
use crate::message::table::TableModProperty;
use crate::record::{
    Dice, Generate, LooseProperty, Members, Name, Plain, Value, ValueError, Wire, record, required,
    variants,
};
use crate::wire::{Reader, Writer};
use crate::{TableId, Version};

record! {
    /// What was counted of a table; before 1.3 also what it can do.
    pub struct TableStats {
        /// The table.
        table "table_id": TableId;
        /// Its name.
        {pad 3 [V1_0 V1_0], pad 7 [V1_1 V1_2], pad 3 [V1_3 V1_5]} name: Name<32> [V1_0 V1_2];
        /// Which fields may be wildcarded: `OFPFW_*` in 1.0, `OFPFMF_*` in 1.1.
        wildcards32 "wildcards": u32 [V1_0 V1_1];
        /// Which fields can be matched: `OFPFMF_*`.
        match32 "match": u32 [V1_1 V1_1];
        /// Which instructions there are: bit n for `OFPIT_*` n.
        instructions11 "instructions": u32 [V1_1 V1_1];
        /// Which fields can be matched: bit n for `OFPXMT_OFB_*` n.
        match64 "match": u64 [V1_2 V1_2];
        /// Which fields may be wildcarded.
        wildcards64 "wildcards": u64 [V1_2 V1_2];
        /// Which actions can be written: bit n for `OFPAT_*` n.
        write_actions: u32 [V1_1 V1_2];
        /// Which actions can be applied.
        apply_actions: u32 [V1_1 V1_2];
        /// Which fields can be set by written actions.
        write_setfields: u64 [V1_2 V1_2];
        /// Which fields can be set by applied actions.
        apply_setfields: u64 [V1_2 V1_2];
        /// Which bits of the metadata can be matched.
        metadata_match: u64 [V1_2 V1_2];
        /// Which bits of the metadata can be written.
        metadata_write: u64 [V1_2 V1_2];
        /// Which instructions there are: bit n for `OFPIT_*` n.
        instructions12 "instructions": u32 [V1_2 V1_2];
        /// `OFPTC_*`.
        config: u32 [V1_1 V1_2];
        /// How many flows there can be.
        max_entries: u32 [V1_0 V1_2];
        /// How many flows there are.
        active_count: u32;
        /// How many packets were looked up.
        lookup_count: u64;
        /// How many packets matched.
        matched_count: u64;
    }
}

numbers! {
    /// `OFPTFC_*`: what a request for table features does.
    #[derive(Default)]
    TableFeaturesCommand(u8) {
        REPLACE = 0 "replace" "All tables become these.";
        MODIFY = 1 "modify" "These tables change.";
        ENABLE = 2 "enable" "These tables are switched on.";
        DISABLE = 3 "disable" "These tables are switched off.";
    }
}

record! {
    /// What a table can do, or is to do.
    pub struct TableFeatures {
        /// The table.
        {length} table "table_id": TableId;
        /// What is asked for.
        command: TableFeaturesCommand [V1_5 V1_5];
        /// `OFPTFF_*`.
        features: u32 [V1_5 V1_5];
        /// Its name.
        {pad 5 [V1_3 V1_4]} name: Name<32>;
        /// Which bits of the metadata can be matched.
        metadata_match: u64;
        /// Which bits of the metadata can be written.
        metadata_write: u64;
        /// `OFPTC_*`.
        config: u32 [V1_3 V1_3];
        /// `OFPTC_*`.
        capabilities: u32 [V1_4 V1_5];
        /// How many flows there can be.
        max_entries: u32;
        /// What else it can do.
        properties: Vec<TableFeatureProperty>;
    }
}

/// The type of actions and instructions of vendors.
const EXPERIMENTER: u16 = 0xffff;

/// An action or instruction that there is, without its data (`struct ofp_action_id`, `struct ofp_instruction_id`).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum TypeId {
    /// One of the standard, `OFPAT_*` or `OFPIT_*`. Nothing should follow the type; what does is kept.
    Standard {
        /// The type.
        kind: u16,
        /// What follows.
        data: Bytes,
    },
    /// A vendor's.
    Vendor {
        /// The vendor.
        experimenter: u32,
        /// What the vendor says.
        data: Bytes,
    },
}

impl Wire for TypeId {
    fn read(r: &mut Reader<'_>, _: Version, what: &'static str) -> Result<Self, DecodeError> {
        let kind = r.u16(what)?;
        let length = usize::from(r.u16(what)?);
        let least = if kind == EXPERIMENTER { 8 } else { 4 };
        let follows = length.checked_sub(4).filter(|_| length >= least);
        let follows = follows.ok_or_else(|| r.error("a length of at least 4, 8 of a vendor's"))?;
        let mut body = r.sub(follows, what)?;
        Ok(match kind {
            EXPERIMENTER => Self::Vendor {
                experimenter: body.u32(what)?,
                data: body.rest(),
            },
            _ => Self::Standard {
                kind,
                data: body.rest(),
            },
        })
    }

    fn write(&self, w: &mut Writer, _: Version) -> Result<(), EncodeError> {
        let start = w.len();
        match self {
            Self::Standard { kind, data } => {
                w.u16(*kind);
                w.u16(0);
                w.slice(data);
            }
            Self::Vendor { experimenter, data } => {
                w.u16(EXPERIMENTER);
                w.u16(0);
                w.u32(*experimenter);
                w.slice(data);
            }
        }
        w.patch_length(start + 2, start, "a type of actions or instructions")
    }
}

/// With what follows only when there is any.
impl Plain for TypeId {
    fn value(&self, version: Version) -> Value {
        let (mut members, data): (Members, _) = match self {
            Self::Standard { kind, data } => (vec![("type".into(), kind.value(version))], data),
            Self::Vendor { experimenter, data } => (
                vec![
                    ("type".into(), EXPERIMENTER.value(version)),
                    ("experimenter".into(), experimenter.value(version)),
                ],
                data,
            ),
        };
        if !data.is_empty() {
            members.push(("exp_data".into(), data.value(version)));
        }
        Value::Object(members)
    }

    fn from_value(value: &Value, version: Version) -> Result<Self, ValueError> {
        let data = match value.member("exp_data") {
            Some(_) => required(value, "exp_data", version)?,
            None => Bytes::new(),
        };
        match required(value, "type", version)? {
            EXPERIMENTER => {
                value.members(&["type", "experimenter", "exp_data"])?;
                let experimenter = required(value, "experimenter", version)?;
                Ok(Self::Vendor { experimenter, data })
            }
            kind => {
                value.members(&["type", "exp_data"])?;
                Ok(Self::Standard { kind, data })
            }
        }
    }
}

impl Generate for TypeId {
    fn generate(dice: &mut Dice<'_>, version: Version) -> Self {
        let data = Bytes::generate(dice, version);
        match dice.flip() {
            true => Self::Standard {
                kind: u16::generate(dice, version) & 0x7fff,
                data,
            },
            false => Self::Vendor {
                experimenter: u32::generate(dice, version),
                data,
            },
        }
    }
}

variants! {
    /// What a table can do (`OFPTFPT_*`); for packets that match a flow, and for those that match none.
    pub enum TableFeatureProperty: LooseProperty, rows TABLE_FEATURE_PROPERTIES {
        /// Instructions.
        Instructions "instructions" [std 0 V1_3 V1_5] { instruction_ids: Vec<TypeId>; }
        /// Instructions for table-miss.
        InstructionsMiss "instructions_miss" [std 1 V1_3 V1_5] { instruction_ids: Vec<TypeId>; }
        /// Tables that can come next.
        NextTables "next_tables" [std 2 V1_3 V1_5] { next_table_ids: Vec<TableId>; }
        /// Tables that can come next, for table-miss.
        NextTablesMiss "next_tables_miss" [std 3 V1_3 V1_5] { next_table_ids: Vec<TableId>; }
        /// Actions that can be written.
        WriteActions "write_actions" [std 4 V1_3 V1_5] { action_ids: Vec<TypeId>; }
        /// Actions that can be written, for table-miss.
        WriteActionsMiss "write_actions_miss" [std 5 V1_3 V1_5] { action_ids: Vec<TypeId>; }
        /// Actions that can be applied.
        ApplyActions "apply_actions" [std 6 V1_3 V1_5] { action_ids: Vec<TypeId>; }
        /// Actions that can be applied, for table-miss.
        ApplyActionsMiss "apply_actions_miss" [std 7 V1_3 V1_5] { action_ids: Vec<TypeId>; }
        /// Fields that can be matched.
        Match "match" [std 8 V1_3 V1_5] { oxm_ids: Vec<Header>; }
        /// Fields that may be left out.
        Wildcards "wildcards" [std 10 V1_3 V1_5] { oxm_ids: Vec<Header>; }
        /// Fields that written actions can set.
        WriteSetfield "write_setfield" [std 12 V1_3 V1_5] { oxm_ids: Vec<Header>; }
        /// Fields that written actions can set, for table-miss.
        WriteSetfieldMiss "write_setfield_miss" [std 13 V1_3 V1_5] { oxm_ids: Vec<Header>; }
        /// Fields that applied actions can set.
        ApplySetfield "apply_setfield" [std 14 V1_3 V1_5] { oxm_ids: Vec<Header>; }
        /// Fields that applied actions can set, for table-miss.
        ApplySetfieldMiss "apply_setfield_miss" [std 15 V1_3 V1_5] { oxm_ids: Vec<Header>; }
        /// Tables that this one is kept in step with.
        TableSyncFrom "table_sync_from" [std 16 V1_4 V1_5] { table_ids: Vec<TableId>; }
        /// Fields that written actions can copy.
        WriteCopyfield "write_copyfield" [std 18 V1_5 V1_5] { oxm_ids: Vec<Header>; }
        /// Fields that written actions can copy, for table-miss.
        WriteCopyfieldMiss "write_copyfield_miss" [std 19 V1_5 V1_5] { oxm_ids: Vec<Header>; }
        /// Fields that applied actions can copy.
        ApplyCopyfield "apply_copyfield" [std 20 V1_5 V1_5] { oxm_ids: Vec<Header>; }
        /// Fields that applied actions can copy, for table-miss.
        ApplyCopyfieldMiss "apply_copyfield_miss" [std 21 V1_5 V1_5] { oxm_ids: Vec<Header>; }
        /// Kinds of packets.
        PacketTypes "packet_types" [std 22 V1_5 V1_5] { oxm_values: Fields; }
        /// What a vendor says.
        Vendor "experimenter" [std 0xfffe V1_3 V1_5] {
            /// The vendor.
            experimenter: u32;
            /// The vendor's type.
            exp_type: u32;
            /// What the vendor says.
            data: Bytes;
        }
        /// What a vendor says, for table-miss.
        VendorMiss "experimenter_miss" [std 0xffff V1_3 V1_5] {
            /// The vendor.
            experimenter: u32;
            /// The vendor's type.
            exp_type: u32;
            /// What the vendor says.
            data: Bytes;
        }
    }
}

record! {
    /// How a table is set up.
    pub struct TableDesc {
        /// The table.
        {length} table "table_id": TableId;
        /// `OFPTC_*`.
        {pad 1} config: u32;
        /// What else is said.
        properties: Vec<TableModProperty>;
    }
}
