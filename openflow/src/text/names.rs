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
            // Else it would read as the reserved port.
            (None, Some(name)) if PortNo::from_reserved_name(name).is_some() => Shown::Quoted(name),
            (None, Some(name)) => Shown::Name(name),
            // Open vSwitch writes those that only sixteen bits tell from others with sixteen bits.
            (None, None) if port >= PortNo::MAX => Shown::Number(port.0 & 0xffff),
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
    Quoted(&'a str),
    Number(u32),
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reserved(name) => f.write_str(name),
            Self::Number(number) => write!(f, "{number}"),
            Self::Name(name) if is_plain(name) => f.write_str(name),
            Self::Name(name) | Self::Quoted(name) => {
                let escaped = name.replace('\\', "\\\\").replace('"', "\\\"");
                write!(f, "\"{escaped}\"")
            }
        }
    }
}

/// A letter, then letters and digits.
fn is_plain(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use crate::text::{self, Names};
    use crate::{PortNo, TableId};

    // As Open vSwitch 3.1's `ovs-ofctl --names dump-flows` writes them.
    const LINE: &str = "table=classify, priority=1,in_port=\"tap-1\" \
                        actions=resubmit(,flood),goto_table:\"l2_lookup\"";

    #[test]
    fn names_of_tables_are_quoted_only_when_they_are_not_plain() {
        let names = Names::default()
            .with_port(PortNo(1), "tap-1")
            .with_table(TableId(0), "classify")
            .with_table(TableId(1), "flood")
            .with_table(TableId(2), "l2_lookup");
        let flow = text::parse_flow(LINE, &names).unwrap();
        assert_eq!(text::print_flow(&flow, &names), LINE);
    }

    #[test]
    fn an_action_writes_the_port_of_arrival_under_the_name_that_open_vswitch_takes() {
        let action = crate::Action::set(crate::Field::InPort, 0_u32);
        let names = Names::default();
        let read = text::parse_actions("set_field:0->in_port", &names).unwrap();
        assert_eq!(read, [action]);
        let line = "actions=set_field:0->in_port,resubmit(,1)";
        let flow = text::parse_flow(line, &names).unwrap();
        assert_eq!(text::print_flow(&flow, &names), line);
    }

    #[test]
    fn a_port_that_is_called_like_a_reserved_one_is_not_taken_for_it() {
        let names = Names::default().with_port(PortNo(1), "flood");
        let flow = text::parse_flow("in_port=1 actions=drop", &names).unwrap();
        let line = text::print_flow(&flow, &names);
        assert_eq!(line, "in_port=\"flood\" actions=drop");
        assert_eq!(text::parse_flow(&line, &names).unwrap(), flow);
    }
}
