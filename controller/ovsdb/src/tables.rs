//! What Weft reads and writes of the `Open_vSwitch` database: one row per column.
//!
//! Monitors ask for these columns as far as the peer's own schema has them; the simulated
//! server is given a schema made of them. What they mean is in `ovs-vswitchd.conf.db`(5).

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::schema::{AtomType, BaseType, ColumnType, Reference, Schema, TableSchema};

/// The database's name.
pub const DATABASE: &str = "Open_vSwitch";

/// `external_ids` of the root row: who the hypervisor is.
pub const SYSTEM_ID: &str = "system-id";
/// `external_ids` of the root row: its name.
pub const HOSTNAME: &str = "hostname";
/// `external_ids` of the root row: the addresses of its tunnels, separated by commas.
pub const ENCAP_IP: &str = "weft-encap-ip";
/// `external_ids` of the root row: the kinds of its tunnels, separated by commas.
pub const ENCAP_TYPE: &str = "weft-encap-type";
/// `external_ids` of the root row: the datapath type of Weft's bridge.
pub const DATAPATH_TYPE: &str = "weft-datapath-type";
/// `external_ids` of the root row: the mandate of the member that configured it last.
pub const GENERATION: &str = "weft-generation";
/// `external_ids` of a row that Weft made: what it is for.
pub const MARK: &str = "weft";
/// `external_ids` of an interface: the port (v2) or attachment (v1) that is plugged there.
pub const IFACE_ID: &str = "iface-id";
/// `external_ids` of an interface: the MAC address of what is plugged there.
pub const ATTACHED_MAC: &str = "attached-mac";

/// The types that occur in [`TABLES`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Exactly one atom.
    One(AtomType),
    /// One atom or none.
    Optional(AtomType),
    /// Any number of atoms.
    Many(AtomType),
    /// A map of strings to strings.
    Strings,
    /// Rows of a table, which live through this reference.
    Rows(&'static str),
    /// Rows of a table by a key.
    RowsBy(AtomType, &'static str),
}

impl Kind {
    fn column(self) -> ColumnType {
        const MANY: usize = usize::MAX;
        let plain = |atom| BaseType {
            atom,
            reference: None,
        };
        let row = |table: &str| BaseType {
            atom: AtomType::Uuid,
            reference: Some(Reference {
                table: Arc::from(table),
                strong: true,
            }),
        };
        let (key, value, min, max) = match self {
            Self::One(atom) => (plain(atom), None, 1, 1),
            Self::Optional(atom) => (plain(atom), None, 0, 1),
            Self::Many(atom) => (plain(atom), None, 0, MANY),
            Self::Strings => (
                plain(AtomType::String),
                Some(plain(AtomType::String)),
                0,
                MANY,
            ),
            Self::Rows(table) => (row(table), None, 0, MANY),
            Self::RowsBy(key, table) => (plain(key), Some(row(table)), 0, MANY),
        };
        ColumnType {
            key,
            value,
            min,
            max,
        }
    }
}

/// One table.
#[derive(Clone, Copy, Debug)]
pub struct Table {
    /// Its name.
    pub name: &'static str,
    /// The column that no two rows agree in; empty when there is none.
    pub index: &'static str,
    /// Its columns.
    pub columns: &'static [(&'static str, Kind)],
}

const STRING: Kind = Kind::One(AtomType::String);
const INTEGER: Kind = Kind::One(AtomType::Integer);
const BOOLEAN: Kind = Kind::One(AtomType::Boolean);
const MAYBE_STRING: Kind = Kind::Optional(AtomType::String);
const MAYBE_INTEGER: Kind = Kind::Optional(AtomType::Integer);
const STRING_SET: Kind = Kind::Many(AtomType::String);

/// The tables; the first is the only one whose rows live by themselves.
pub const TABLES: &[Table] = &[
    Table {
        name: "Open_vSwitch",
        index: "",
        columns: &[
            ("bridges", Kind::Rows("Bridge")),
            ("manager_options", Kind::Rows("Manager")),
            ("datapaths", Kind::RowsBy(AtomType::String, "Datapath")),
            ("external_ids", Kind::Strings),
            ("other_config", Kind::Strings),
            ("datapath_types", STRING_SET),
            ("iface_types", STRING_SET),
            ("ovs_version", MAYBE_STRING),
            ("cur_cfg", INTEGER),
            ("next_cfg", INTEGER),
        ],
    },
    Table {
        name: "Bridge",
        index: "name",
        columns: &[
            ("name", STRING),
            ("datapath_type", STRING),
            ("datapath_id", MAYBE_STRING),
            ("fail_mode", MAYBE_STRING),
            ("protocols", STRING_SET),
            ("other_config", Kind::Strings),
            ("external_ids", Kind::Strings),
            ("controller", Kind::Rows("Controller")),
            ("ports", Kind::Rows("Port")),
            ("flow_tables", Kind::RowsBy(AtomType::Integer, "Flow_Table")),
        ],
    },
    Table {
        name: "Port",
        index: "name",
        columns: &[
            ("name", STRING),
            ("interfaces", Kind::Rows("Interface")),
            ("tag", MAYBE_INTEGER),
            ("external_ids", Kind::Strings),
        ],
    },
    Table {
        name: "Interface",
        index: "name",
        columns: &[
            ("name", STRING),
            ("type", STRING),
            ("options", Kind::Strings),
            ("ofport", MAYBE_INTEGER),
            ("ofport_request", MAYBE_INTEGER),
            ("external_ids", Kind::Strings),
            ("error", MAYBE_STRING),
            ("admin_state", MAYBE_STRING),
            ("link_state", MAYBE_STRING),
            ("mac_in_use", MAYBE_STRING),
            ("mtu", MAYBE_INTEGER),
        ],
    },
    Table {
        name: "Controller",
        index: "",
        columns: &[
            ("target", STRING),
            ("is_connected", BOOLEAN),
            ("max_backoff", MAYBE_INTEGER),
            ("inactivity_probe", MAYBE_INTEGER),
            ("connection_mode", MAYBE_STRING),
            ("external_ids", Kind::Strings),
        ],
    },
    Table {
        name: "Manager",
        index: "target",
        columns: &[
            ("target", STRING),
            ("is_connected", BOOLEAN),
            ("max_backoff", MAYBE_INTEGER),
            ("inactivity_probe", MAYBE_INTEGER),
            ("external_ids", Kind::Strings),
        ],
    },
    Table {
        name: "Flow_Table",
        index: "",
        columns: &[("name", MAYBE_STRING), ("external_ids", Kind::Strings)],
    },
    Table {
        name: "Datapath",
        index: "",
        columns: &[
            ("capabilities", Kind::Strings),
            ("external_ids", Kind::Strings),
        ],
    },
];

/// Table and column of every row of [`TABLES`].
pub fn watched() -> impl Iterator<Item = (&'static str, &'static str)> {
    TABLES.iter().flat_map(|table| {
        table
            .columns
            .iter()
            .map(|(column, _)| (table.name, *column))
    })
}

/// A schema with exactly these tables.
pub fn schema() -> Schema {
    let table = |table: &Table| TableSchema {
        columns: table
            .columns
            .iter()
            .map(|(name, kind)| (Arc::from(*name), kind.column()))
            .collect(),
        root: table.name == TABLES[0].name,
        indexes: if table.index.is_empty() {
            vec![]
        } else {
            vec![vec![Arc::from(table.index)]]
        },
    };
    let tables: BTreeMap<_, _> = TABLES
        .iter()
        .map(|t| (Arc::from(t.name), table(t)))
        .collect();
    Schema {
        name: Arc::from(DATABASE),
        tables,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reference_leads_to_a_table_and_every_index_to_a_column() {
        let schema = schema();
        for table in schema.tables.values() {
            for column in table.columns.values() {
                let bases = [Some(&column.key), column.value.as_ref()];
                for reference in bases
                    .into_iter()
                    .flatten()
                    .filter_map(|base| base.reference.as_ref())
                {
                    assert!(
                        schema.tables.contains_key(&reference.table),
                        "{}",
                        reference.table
                    );
                }
            }
            assert!(
                table
                    .indexes
                    .iter()
                    .flatten()
                    .all(|column| table.columns.contains_key(column))
            );
        }
    }
}
