//! How tables are set up (OpenFlow 1.5.1, 7.3.4.1). Tables here have no end, so nothing is evicted and room never runs
//! out; what is asked for is kept and told.

use std::collections::BTreeMap;

use rust_openflow::message::{TableDesc, TableMod, TableModProperty};
use rust_openflow::{TableId, Version};

use super::Agent;
use super::refused::Refused;
use crate::executor::Executor;

/// `OFPTC_*` of 1.1 and 1.2: what becomes of a packet that meets no flow.
const MISS: u32 = 3;
/// `OFPTC_VACANCY_EVENTS`.
const VACANCY: u32 = 8;
/// `OFPTMPEF_*`: Open vSwitch heeds all of them.
const EVICTION_FLAGS: u32 = 7;

/// How a table is set up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Setup {
    pub(super) config: u32,
    /// Below which and above which share of room events come, in percent.
    vacancy: (u8, u8),
}

/// The tables that are not set up as usual.
pub(super) type Setups = BTreeMap<u8, Setup>;

impl<E: Executor> Agent<E> {
    pub(super) fn table_mod(&mut self, asked: &TableMod) -> Result<(), Refused> {
        let vacancy = check(asked)?;
        let tables = match asked.table {
            TableId::ALL => 0..self.identity.tables,
            TableId(table) if table < self.identity.tables => table..table + 1,
            _ => return Err("OFPTMFC_EPERM".into()),
        };
        for table in tables {
            let setup = self.setups.entry(table).or_default();
            setup.config = asked.config;
            if let Some(vacancy) = vacancy {
                setup.vacancy = vacancy;
            }
        }
        Ok(())
    }

    /// How a table is set up, in words of a version.
    pub(super) fn table_config(&self, table: TableId, version: Version) -> u32 {
        let setup = self.setups.get(&table.0).copied().unwrap_or_default();
        match version {
            Version::V1_0 => 0,
            Version::V1_1 | Version::V1_2 => setup.config & MISS,
            Version::V1_3 => 0,
            // Open vSwitch does not say whether it was asked to evict.
            _ => setup.config & VACANCY,
        }
    }

    pub(super) fn table_desc(&self, table: TableId, version: Version) -> TableDesc {
        let setup = self.setups.get(&table.0).copied().unwrap_or_default();
        let mut properties = vec![TableModProperty::Eviction {
            flags: EVICTION_FLAGS,
        }];
        if setup.config & VACANCY != 0 {
            properties.push(TableModProperty::Vacancy {
                vacancy_down: setup.vacancy.0,
                vacancy_up: setup.vacancy.1,
                // There is always room.
                vacancy: 100,
            });
        }
        TableDesc {
            table,
            config: self.table_config(table, version),
            properties,
        }
    }
}

/// Refuses what cannot be; gives the shares that are asked for.
fn check(asked: &TableMod) -> Result<Option<(u8, u8)>, Refused> {
    let mut shares = None;
    for property in &asked.properties {
        match property {
            TableModProperty::Eviction { flags } if flags & !EVICTION_FLAGS != 0 => {
                return Err("OFPTMFC_BAD_CONFIG".into());
            }
            TableModProperty::Eviction { .. } => {}
            TableModProperty::Vacancy {
                vacancy_down,
                vacancy_up,
                vacancy,
            } => {
                if vacancy_down > vacancy_up || *vacancy_up > 100 || *vacancy != 0 {
                    return Err("OFPBPC_BAD_VALUE".into());
                }
                shares = Some((*vacancy_down, *vacancy_up));
            }
            _ => return Err("OFPTMFC_BAD_CONFIG".into()),
        }
    }
    Ok(shares)
}
