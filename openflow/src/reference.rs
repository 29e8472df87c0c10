//! The tables as a reference: every message, description, field, action, property and error, with the codes
//! that each version sends it under.
//!
//! All of it derives from the rows that the codec goes by; how it is laid out on a page is not known here.

use std::fmt;

use crate::action::{self, NICIRA};
use crate::field;
use crate::message::{self, ERRORS, INTEL, MULTIPARTS, NETRONOME, ONF};
use crate::record::{Code, Members, Value, VariantRow};
use crate::{Version, instruction};

/// A table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// Its name, by which it is asked for.
    pub name: &'static str,
    /// One sentence.
    pub doc: &'static str,
    /// Its rows. Those of a section have the same columns.
    pub entries: Vec<Entry>,
}

/// A row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// What has it, in a section that is of several things.
    pub of: Option<&'static str>,
    /// Its name.
    pub name: String,
    /// What it is sent as.
    pub codes: Vec<Coded>,
    /// More columns: what they are, and what stands in them.
    pub details: Vec<(&'static str, String)>,
    /// One sentence.
    pub doc: &'static str,
}

/// What something is sent as, and by which versions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Coded {
    /// None for what the standard has.
    pub vendor: Option<u32>,
    /// The type; for errors type and code, for fields class and number.
    pub numbers: Vec<u32>,
    /// The first version.
    pub since: Version,
    /// The last version.
    pub until: Version,
    /// Its name in these versions, when that is not the row's.
    pub name: Option<&'static str>,
}

impl fmt::Display for Coded {
    /// Such as `nicira 30 (1.0-1.5)`, or `4 port (1.0-1.2)` with a name of these versions.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.vendor {
            None => {}
            Some(NICIRA) => f.write_str("nicira ")?,
            Some(ONF) => f.write_str("onf ")?,
            Some(NETRONOME) => f.write_str("netronome ")?,
            Some(INTEL) => f.write_str("intel ")?,
            Some(vendor) => write!(f, "{vendor:#010x} ")?,
        }
        for (at, number) in self.numbers.iter().enumerate() {
            let colon = if at > 0 { ":" } else { "" };
            match number {
                // A type of experimenters, or a class of fields.
                0x8000.. => write!(f, "{colon}{number:#x}")?,
                _ => write!(f, "{colon}{number}")?,
            }
        }
        if let Some(name) = self.name {
            write!(f, " {name}")?;
        }
        match (self.since, self.until) {
            (since, until) if since == until => write!(f, " ({since})"),
            (since, until) => write!(f, " ({since}-{until})"),
        }
    }
}

impl Coded {
    fn value(&self) -> Value {
        let mut members = Members::new();
        if let Some(vendor) = self.vendor {
            members.push(("vendor".into(), Value::Number(vendor.into())));
        }
        let numbers = self
            .numbers
            .iter()
            .map(|number| Value::Number((*number).into()));
        members.push(("numbers".into(), Value::List(numbers.collect())));
        members.push(("since".into(), Value::text(self.since)));
        members.push(("until".into(), Value::text(self.until)));
        if let Some(name) = self.name {
            members.push(("name".into(), Value::text(name)));
        }
        Value::Object(members)
    }
}

impl Entry {
    /// The row for programs.
    #[must_use]
    pub fn value(&self) -> Value {
        let mut members = Members::new();
        if let Some(of) = self.of {
            members.push(("of".into(), Value::text(of)));
        }
        members.push(("name".into(), Value::text(&self.name)));
        let codes = self.codes.iter().map(Coded::value);
        members.push(("codes".into(), Value::List(codes.collect())));
        for (name, text) in &self.details {
            members.push(((*name).into(), Value::text(text)));
        }
        members.push(("doc".into(), Value::text(self.doc)));
        Value::Object(members)
    }

    /// Its columns: what they are, and what stands in them.
    #[must_use]
    pub fn cells(&self) -> Vec<(&'static str, String)> {
        let codes: Vec<String> = self.codes.iter().map(ToString::to_string).collect();
        let mut cells = Vec::new();
        if let Some(of) = self.of {
            cells.push(("of", of.to_owned()));
        }
        cells.push(("name", self.name.clone()));
        cells.push(("codes", codes.join(", ")));
        cells.extend(self.details.iter().cloned());
        cells.push(("meaning", self.doc.to_owned()));
        cells
    }
}

/// All tables.
#[must_use]
pub fn sections() -> Vec<Section> {
    let section = |name, doc, entries| Section { name, doc, entries };
    vec![
        section(
            "messages",
            "Messages, by their type in the header, or a vendor's.",
            messages(),
        ),
        section(
            "multiparts",
            "What multipart messages ask for and tell, by their type; statistics before 1.3.",
            multiparts(),
        ),
        section(
            "fields",
            "Fields of packets, by class and number, preferred first. Versions before 1.2 know them by the \
             masks of their fixed matches, and by Nicira's codes where Open vSwitch extends those.",
            fields(),
        ),
        section(
            "instructions",
            "Instructions of flows.",
            variants(None, instruction::ROWS),
        ),
        section(
            "actions",
            "Actions, by type or a vendor's subtype. Nicira's 0, 3 and 11 are those of extinct switches \
             (SNAT, DROP_SPOOFED_ARP, AUTOPATH): they are kept as they come, like those of unknown vendors.",
            variants(None, action::ROWS),
        ),
        section(
            "properties",
            "What stands in lists of typed parts, by what has them.",
            properties(),
        ),
        section(
            "errors",
            "Errors, by type and code; a vendor's by its number, since 1.2 behind type 0xffff.",
            errors(),
        ),
    ]
}

fn coded(code: &Code) -> Coded {
    Coded {
        vendor: code.vendor,
        numbers: vec![code.number],
        since: code.since,
        until: code.until,
        name: code.name,
    }
}

fn messages() -> Vec<Entry> {
    let entry = |row: &message::Row| Entry {
        of: None,
        name: row.name.to_owned(),
        codes: row.codes.iter().map(coded).collect(),
        details: Vec::new(),
        doc: row.doc,
    };
    message::ROWS.iter().map(entry).collect()
}

fn multiparts() -> Vec<Entry> {
    let entry = |row: &message::MultipartRow| Entry {
        of: None,
        name: row.name.to_owned(),
        codes: row.codes.iter().map(coded).collect(),
        details: Vec::new(),
        doc: row.doc,
    };
    MULTIPARTS.iter().map(entry).collect()
}

fn fields() -> Vec<Entry> {
    let code = |code: &field::Code| Coded {
        vendor: code.experimenter,
        numbers: vec![code.class.into(), code.number.into()],
        since: code.since,
        until: Version::V1_5,
        name: None,
    };
    let entry = |row: &field::Row| {
        let names: Vec<_> = row.codes.iter().map(|code| code.name).collect();
        let bits = match row.is_variable() {
            true => "variable".to_owned(),
            false => row.bits.to_string(),
        };
        let mask = if row.maskable { "yes" } else { "no" };
        Entry {
            of: None,
            name: row.spec_name.to_owned(),
            codes: row.codes.iter().map(code).collect(),
            details: vec![
                ("constants", names.join(", ")),
                ("ovs-ofctl", row.name.to_owned()),
                ("bits", bits),
                ("mask", mask.to_owned()),
            ],
            doc: row.doc,
        }
    };
    field::ROWS.iter().map(entry).collect()
}

fn variants(of: Option<&'static str>, rows: &'static [VariantRow]) -> Vec<Entry> {
    let entry = |row: &VariantRow| {
        let fields: Vec<_> = row.fields.iter().map(|field| field.name).collect();
        Entry {
            of,
            name: row.name.to_owned(),
            codes: row.codes.iter().map(coded).collect(),
            details: vec![("says", fields.join(", "))],
            doc: row.doc.trim(),
        }
    };
    // What no version sends is only kept apart from what it would be taken for.
    let sent = rows.iter().filter(|row| !row.codes.is_empty());
    sent.map(entry).collect()
}

/// The unions of typed parts, and what has them.
const UNIONS: &[(&str, &[VariantRow])] = &[
    ("hello", message::HELLO_ELEMENTS),
    ("port", message::PORT_DESC_PROPERTIES),
    ("port_mod", message::PORT_MOD_PROPERTIES),
    ("table_mod", message::TABLE_MOD_PROPERTIES),
    ("table_features", message::TABLE_FEATURE_PROPERTIES),
    ("group", message::GROUP_PROPERTIES),
    ("bucket", message::BUCKET_PROPERTIES),
    ("meter", message::BANDS),
    ("queue_get_config", message::QUEUE_PROPERTIES),
    ("queue_desc", message::QUEUE_DESC_PROPERTIES),
    ("queue_stats", message::QUEUE_STATS_PROPERTIES),
    ("port_stats", message::PORT_STATS_PROPERTIES),
    ("flow statistics", message::STATS),
    ("flow_monitor", message::FLOW_UPDATES),
    ("nx_flow_monitor", message::NX_FLOW_UPDATES),
    ("onf_flow_monitor", message::ONF_FLOW_UPDATES),
    ("ct_flush", message::CT_FLUSH_PROPERTIES),
    ("ct_flush tuple", message::CT_TUPLE_PROPERTIES),
    ("async_config", message::ASYNC_PROPERTIES),
    ("role_status", message::ROLE_PROPERTIES),
    ("controller_status", message::CONTROLLER_PROPERTIES),
    ("bundle", message::BUNDLE_PROPERTIES),
    ("bundle_features", message::BUNDLE_FEATURES_PROPERTIES),
    ("packet_in2", message::PACKET_IN2_PROPERTIES),
    ("controller action", action::CONTROLLER_PROPERTIES),
];

fn properties() -> Vec<Entry> {
    let unions = UNIONS.iter();
    unions
        .flat_map(|(of, rows)| variants(Some(*of), rows))
        .collect()
}

fn errors() -> Vec<Entry> {
    let code = |code: &message::ErrorCode| Coded {
        vendor: code.vendor,
        // Since 1.2 the type of vendors' errors is always the same.
        numbers: match (code.vendor, code.kind) {
            (Some(_), 0xffff) => vec![code.code.into()],
            (_, kind) => vec![kind.into(), code.code.into()],
        },
        since: code.since,
        until: code.until,
        name: code.name,
    };
    let entry = |row: &message::ErrorRow| Entry {
        of: None,
        name: row.name.to_owned(),
        codes: row.codes.iter().map(code).collect(),
        details: Vec::new(),
        doc: row.doc,
    };
    ERRORS.iter().map(entry).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_says_its_codes_and_a_sentence_and_has_the_columns_of_its_section() {
        for section in sections() {
            assert!(!section.entries.is_empty(), "{}", section.name);
            let columns = |entry: &Entry| -> Vec<&str> {
                entry
                    .cells()
                    .into_iter()
                    .map(|(column, _)| column)
                    .collect()
            };
            let first = columns(&section.entries[0]);
            for entry in &section.entries {
                assert_eq!(columns(entry), first, "{}", entry.name);
                assert!(!entry.codes.is_empty(), "{} {}", section.name, entry.name);
                assert!(entry.doc.ends_with('.'), "{} {}", section.name, entry.name);
            }
        }
    }

    #[test]
    fn codes_are_written_with_vendor_and_versions() {
        let sections = sections();
        let cell = |section: &str, name: &str| {
            let section = sections.iter().find(|own| own.name == section).unwrap();
            let entry = section.entries.iter().find(|entry| entry.name == name);
            let codes = entry.unwrap().codes.iter().map(ToString::to_string);
            codes.collect::<Vec<_>>().join(", ")
        };
        assert_eq!(cell("messages", "port_mod"), "15 (1.0), 16 (1.1-1.5)");
        assert_eq!(
            cell("messages", "bundle_control"),
            "33 (1.4-1.5), onf 2300 (1.3)"
        );
        assert_eq!(
            cell("multiparts", "group_stats"),
            "nicira 7 group (1.0), 6 group (1.1-1.4), 6 (1.5)"
        );
        assert_eq!(
            cell("errors", "OFPBIC_DUP_INST"),
            "nicira 3:256 (1.1), onf 2600 (1.2-1.3), 3:9 (1.4-1.5)"
        );
        assert_eq!(
            cell("fields", "eth_dst"),
            "0x8000:3 (1.2-1.5), 0:1 (1.0-1.5)"
        );
    }
}
