//! Names of ports and tables, for text that speaks of `tap1` and `classify` instead of numbers.
//!
//! A name that is not plain is written in quotes, as `ovs-ofctl --names` does.

use std::collections::BTreeMap;
use std::fmt;

use super::scan::{self, Read, Wrong};
use crate::action::port32;
use crate::{PortNo, TableId};

/// Which number is called what. The default knows no names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Names {
    /// Names of ports.
    pub ports: BTreeMap<PortNo, String>,
    /// Names of tables.
    pub tables: BTreeMap<TableId, String>,
}

impl Names {
    /// Adds a port's name.
    #[must_use]
    pub fn with_port(mut self, port: PortNo, name: impl Into<String>) -> Self {
        self.ports.insert(port, name.into());
        self
    }

    /// Adds a table's name.
    #[must_use]
    pub fn with_table(mut self, table: TableId, name: impl Into<String>) -> Self {
        self.tables.insert(table, name.into());
        self
    }

    /// The port as text: its reserved name, its name, or its number.
    pub(super) fn port(&self, port: PortNo) -> Shown<'_> {
        match (port.reserved_name(), self.ports.get(&port)) {
            (Some(reserved), _) => Shown::Reserved(reserved),
            (None, Some(name)) => Shown::Name(name),
            (None, None) => Shown::Number(port.0),
        }
    }

    /// The table as text.
    pub(super) fn table(&self, table: TableId) -> Shown<'_> {
        match self.tables.get(&table) {
            Some(name) => Shown::Name(name),
            None => Shown::Number(table.0.into()),
        }
    }

    /// Reads a port: a number, a reserved name in any letter case, or a name. The 16-bit numbers
    /// of the reserved ports are widened.
    pub(super) fn read_port<'a>(&self, text: &'a str) -> Read<'a, PortNo> {
        if let Some(port) = PortNo::from_reserved_name(text) {
            return Ok(port);
        }
        if let Ok(number) = scan::u32(text) {
            return Ok(u16::try_from(number).map_or(PortNo(number), port32));
        }
        by_name(&self.ports, text).ok_or_else(|| Wrong::new(text, "the number or name of a port"))
    }

    /// Reads a table: a number or a name.
    pub(super) fn read_table<'a>(&self, text: &'a str) -> Read<'a, TableId> {
        if let Ok(number) = scan::u8(text) {
            return Ok(TableId(number));
        }
        by_name(&self.tables, text).ok_or_else(|| Wrong::new(text, "the number or name of a table"))
    }
}

fn by_name<K: Copy>(names: &BTreeMap<K, String>, text: &str) -> Option<K> {
    let name = unquote(text);
    names
        .iter()
        .find(|(_, candidate)| **candidate == name)
        .map(|(number, _)| *number)
}

fn unquote(text: &str) -> String {
    let Some(inner) = text
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
    else {
        return text.to_owned();
    };
    let mut name = String::with_capacity(inner.len());
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        name.push(if c == '\\' {
            chars.next().unwrap_or(c)
        } else {
            c
        });
    }
    name
}

/// A port or table as text.
pub(super) enum Shown<'a> {
    Reserved(&'static str),
    Name(&'a str),
    Number(u32),
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reserved(name) => f.write_str(name),
            Self::Number(number) => write!(f, "{number}"),
            Self::Name(name) if is_plain(name) => f.write_str(name),
            Self::Name(name) => {
                let escaped = name.replace('\\', "\\\\").replace('"', "\\\"");
                write!(f, "\"{escaped}\"")
            }
        }
    }
}

/// A letter, then letters and digits; and nothing that reads as a reserved port.
fn is_plain(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric())
        && PortNo::from_reserved_name(name).is_none()
}
