//! Changes of tables, and what switches say of them unasked (OpenFlow 1.5.1, 7.3.4.1 and 7.4.5).

use super::multipart::TableDesc;
use super::numbers::numbers;
use crate::TableId;
use crate::record::{Property, record, variants};

variants! {
    /// What else is said of a table (`OFPTMPT_*`).
    pub enum TableModProperty: Property, rows TABLE_MOD_PROPERTIES {
        /// Which flows give way to others.
        Eviction "eviction" [std 2 V1_4 V1_5] {
            /// `OFPTMPEF_*`.
            flags: u32;
        }
        /// When the switch tells how much room there is. In percent.
        Vacancy "vacancy" [std 3 V1_4 V1_5] {
            /// When there is less than this.
            vacancy_down: u8;
            /// When there is more than this.
            vacancy_up: u8;
            /// How much there is.
            vacancy: u8;
            .. {pad 1}
        }
    }
}

record! {
    /// Changes how a table behaves.
    pub struct TableMod {
        /// The table, or [`TableId::ALL`].
        table "table_id": TableId;
        /// `OFPTC_*`.
        {pad 3} config: u32;
        /// What else is said.
        properties: Vec<TableModProperty> [V1_4 V1_5];
    }
}

numbers! {
    /// `OFPTR_*`: why a switch tells of a table.
    TableReason(u8) {
        VACANCY_DOWN = 3 "vacancy_down" "There is less room than was asked to be told of.";
        VACANCY_UP = 4 "vacancy_up" "There is more room than was asked to be told of.";
    }
}

record! {
    /// Says that a table's state changed.
    pub struct TableStatus {
        /// Why.
        reason: TableReason;
        /// How the table is set up.
        {pad 7} table: TableDesc;
    }
}
