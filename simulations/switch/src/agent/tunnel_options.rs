//! Which fields hold which options of tunnels (`NXT_TLV_TABLE_MOD`).

use std::collections::BTreeMap;

use rust_openflow::message::{Message, TlvMap, TlvTableCommand, TlvTableMod, TlvTableReply};

use super::refused::Refused;
use super::{Agent, ConnectionId};
use crate::executor::Executor;

/// How many fields there are.
const FIELDS: u16 = 64;
/// Bytes that an option can have, and all of them together.
const LONGEST: u8 = 124;
const SPACE: u32 = 256;

/// The options by field.
pub(super) type Options = BTreeMap<u16, TlvMap>;

impl<E: Executor> Agent<E> {
    pub(super) fn change_options(&mut self, asked: &TlvTableMod) -> Result<(), Refused> {
        let mut options = self.options.clone();
        match asked.command {
            TlvTableCommand::CLEAR => options.clear(),
            TlvTableCommand::DELETE => {
                for map in &asked.maps {
                    options.remove(&map.index);
                }
            }
            TlvTableCommand::ADD => {
                for map in &asked.maps {
                    add(&mut options, *map)?;
                }
            }
            _ => return Err("NXTTMFC_BAD_COMMAND".into()),
        }
        self.options = options;
        Ok(())
    }

    pub(super) fn tell_options(&mut self, id: ConnectionId, xid: u32) {
        let reply = TlvTableReply {
            max_option_space: SPACE,
            max_fields: FIELDS,
            maps: self.options.values().copied().collect(),
        };
        self.reply(id, xid, &Message::TlvTableReply(reply));
    }
}

fn add(options: &mut Options, map: TlvMap) -> Result<(), Refused> {
    if !map.option_len.is_multiple_of(4) || map.option_len > LONGEST {
        return Err("NXTTMFC_BAD_OPT_LEN".into());
    }
    if map.index >= FIELDS {
        return Err("NXTTMFC_BAD_FIELD_IDX".into());
    }
    if options.contains_key(&map.index) {
        return Err("NXTTMFC_ALREADY_MAPPED".into());
    }
    let kind = |map: &TlvMap| (map.option_class, map.option_type);
    if options.values().any(|other| kind(other) == kind(&map)) {
        return Err("NXTTMFC_DUP_ENTRY".into());
    }
    let space: u32 = options.values().map(|map| u32::from(map.option_len)).sum();
    if space + u32::from(map.option_len) > SPACE {
        return Err("NXTTMFC_TABLE_FULL".into());
    }
    options.insert(map.index, map);
    Ok(())
}
