//! Which rows of the tables no vector of others has: the committed list `vectors/missing.txt`, which may only
//! become shorter.
//!
//! A vector counts for every row that it is decoded with, whatever the version. `UPDATE=1` writes the list anew when
//! it became shorter.

use std::collections::BTreeSet;
use std::path::Path;

use bytes::Bytes;
use rust_openflow::message::describe::decode_line;
use rust_openflow::message::{self, ROWS};
use rust_openflow::record::{Value, VariantRow};
use rust_openflow::wire::Reader;
use rust_openflow::{Match, Version, action, field, instruction};

#[expect(dead_code, reason = "what vectors say is for others")]
mod held;
#[expect(dead_code, reason = "the properties are for others")]
mod properties;

const LIST: &str = "tests/vectors/missing.txt";
const TEXTS: &str = include_str!("vectors/text.vectors");
const ACTIONS: &str = include_str!("vectors/actions.txt");
/// The vectors of fields stand beside what they test.
const FIELDS: &str = include_str!("../src/matches/tests.rs");

/// Unions: what they are, in which messages or multiparts (all, if none is named), in which member, and their rows.
const UNIONS: &[(&str, &[&str], &str, &[VariantRow])] = &[
    ("action", &[], "actions", action::ROWS),
    ("instruction", &[], "instructions", instruction::ROWS),
    (
        "hello element",
        &["hello"],
        "elements",
        message::HELLO_ELEMENTS,
    ),
    (
        "packet_in2 property",
        &["packet_in2", "resume"],
        "properties",
        message::PACKET_IN2_PROPERTIES,
    ),
    (
        "port property",
        &["port_desc", "port_status"],
        "properties",
        message::PORT_DESC_PROPERTIES,
    ),
    (
        "port_mod property",
        &["port_mod"],
        "properties",
        message::PORT_MOD_PROPERTIES,
    ),
    (
        "port_stats property",
        &["port_stats"],
        "properties",
        message::PORT_STATS_PROPERTIES,
    ),
    (
        "queue property",
        &["queue_get_config_reply"],
        "properties",
        message::QUEUE_PROPERTIES,
    ),
    (
        "queue_desc property",
        &["queue_desc"],
        "properties",
        message::QUEUE_DESC_PROPERTIES,
    ),
    (
        "table_mod property",
        &["table_mod", "table_desc", "table_status"],
        "properties",
        message::TABLE_MOD_PROPERTIES,
    ),
    (
        "table_features property",
        &["table_features"],
        "properties",
        message::TABLE_FEATURE_PROPERTIES,
    ),
    (
        "group and bucket property",
        &["group_mod", "group_desc"],
        "properties",
        message::GROUP_PROPERTIES,
    ),
    (
        "group and bucket property",
        &["group_mod", "group_desc"],
        "properties",
        message::BUCKET_PROPERTIES,
    ),
    (
        "async property",
        &["set_async", "get_async_reply"],
        "properties",
        message::ASYNC_PROPERTIES,
    ),
    (
        "bundle property",
        &["bundle_control", "bundle_add_message"],
        "properties",
        message::BUNDLE_PROPERTIES,
    ),
    (
        "bundle_features property",
        &["bundle_features"],
        "properties",
        message::BUNDLE_FEATURES_PROPERTIES,
    ),
    (
        "controller property",
        &["controller_status"],
        "properties",
        message::CONTROLLER_PROPERTIES,
    ),
    (
        "controller action's property",
        &[],
        "properties",
        action::CONTROLLER_PROPERTIES,
    ),
    (
        "flow update",
        &["flow_monitor"],
        "body",
        message::FLOW_UPDATES,
    ),
    (
        "meter band",
        &["meter_mod", "meter_config", "meter_desc"],
        "bands",
        message::BANDS,
    ),
    ("statistic", &[], "stats", message::STATS),
];

/// What was met, as `message/member type` and the like.
type Met = BTreeSet<String>;

/// Notes what a value has: fields of matches, and members of unions under the name of the list that they are in.
fn walk(value: &Value, message: &str, member: &str, met: &mut Met) {
    match value {
        Value::Object(members) => {
            for tag in ["type", "event", "property"] {
                if let Some(Value::Text(kind)) = value.member(tag) {
                    met.insert(format!("{message}/{member} {kind}"));
                }
            }
            if let Some(Value::Text(name)) = value.member("field") {
                met.insert(format!("field {name}"));
            }
            for (name, inner) in members {
                walk(inner, message, name, met);
            }
        }
        Value::List(list) => list
            .iter()
            .for_each(|inner| walk(inner, message, member, met)),
        _ => {}
    }
}

/// Notes what a message in hexadecimal digits has.
fn meet(digits: &str, met: &mut Met) {
    let value = decode_line(digits.as_bytes());
    let text = |name| match value.member(name) {
        Some(Value::Text(text)) => Some(&**text),
        _ => None,
    };
    let (Some(kind), Some(body)) = (text("type"), value.member("body")) else {
        panic!("{digits}: {value:?}");
    };
    let name = text("subtype").unwrap_or(kind);
    met.insert(format!("message {name}"));
    met.insert(format!("message {kind} {name}"));
    walk(body, name, "", met);
}

fn met() -> Met {
    let mut met = Met::new();
    let held = held::FILES.iter().flat_map(|(_, text)| held::vectors(text));
    held.for_each(|vector| meet(&vector.digits, &mut met));
    let texts = TEXTS.lines().filter_map(|line| line.strip_prefix("bytes "));
    texts.for_each(|line| meet(line, &mut met));
    for line in ACTIONS.lines().filter(|line| !line.starts_with('#')) {
        let columns: Vec<&str> = line.split(" | ").collect();
        let [versions, _, digits] = columns[..] else {
            continue;
        };
        for version in Version::ALL
            .into_iter()
            .filter(|version| versions.contains(version.name()))
        {
            let bytes = bytes(digits);
            if let Value::Text(digits) = Value::hex(&properties::packet_out(version, &bytes)) {
                meet(&digits, &mut met);
            }
        }
    }
    let quoted = FIELDS
        .lines()
        .filter_map(|line| line.trim().strip_prefix("(\"")?.split('"').next());
    for digits in quoted {
        let mut entry = bytes(digits);
        let length = entry.len() as u16;
        entry.resize(entry.len().next_multiple_of(8), 0);
        let entry = Bytes::from(entry);
        let matches = Match::decode_nx_match(&mut Reader::new(&entry), length, Version::V1_5);
        let entries = matches.map(|matches| matches.entries).unwrap_or_default();
        let fields = entries.iter().filter_map(|entry| entry.field());
        met.extend(fields.map(|field| format!("field {}", field.row().spec_name)));
    }
    met
}

/// The bytes that digits with spaces between them say; what is no digit ends them.
fn bytes(digits: &str) -> Vec<u8> {
    let digits: Vec<u32> = digits
        .chars()
        .filter(|char| !char.is_whitespace())
        .map_while(|char| char.to_digit(16))
        .collect();
    digits
        .chunks_exact(2)
        .map(|pair| (pair[0] << 4 | pair[1]) as u8)
        .collect()
}

/// The rows that nothing was met of.
fn missing() -> BTreeSet<String> {
    let met = met();
    let mut missing = BTreeSet::new();
    for row in ROWS
        .iter()
        .filter(|row| !met.contains(&format!("message {}", row.name)))
    {
        // Multiparts are known by what they are about.
        if !row.name.starts_with("multipart_") {
            missing.insert(format!("message {}", row.name));
        }
    }
    for row in message::MULTIPARTS {
        for side in ["multipart_request", "multipart_reply"] {
            if !met.contains(&format!("message {side} {}", row.name)) {
                missing.insert(format!("{side} {}", row.name));
            }
        }
    }
    for row in field::ROWS {
        let name = row.spec_name;
        if !met.contains(&format!("field {name}")) && !met.contains(&format!("field {}", row.name))
        {
            missing.insert(format!("field {}", row.name));
        }
    }
    for (union, messages, member, rows) in UNIONS {
        for row in *rows {
            // Some have another name in some versions.
            let names = row.codes.iter().map(|code| code.name.unwrap_or(row.name));
            let endings: Vec<_> = names.map(|name| format!("/{member} {name}")).collect();
            let is_it = |met: &String| {
                let mut owners = endings.iter().filter_map(|ending| met.strip_suffix(ending));
                owners.any(|of| messages.is_empty() || messages.contains(&of))
            };
            // A row without a code is another's in another form.
            if !row.codes.is_empty() && !met.iter().any(is_it) {
                missing.insert(format!("{union} {}", row.name));
            }
        }
    }
    missing
}

#[test]
fn rows_without_a_vector_become_fewer() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(LIST);
    let text = std::fs::read_to_string(&path).unwrap();
    let listed: BTreeSet<String> = text
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(Into::into)
        .collect();
    let missing = missing();
    let new: Vec<_> = missing.difference(&listed).collect();
    assert!(new.is_empty(), "rows without a vector of others: {new:#?}");
    if std::env::var("UPDATE").is_ok() {
        let head = text.lines().filter(|line| line.starts_with('#'));
        let lines = head.map(str::to_owned).chain(missing);
        let text: String = lines.map(|line| line + "\n").collect();
        return std::fs::write(path, text).unwrap();
    }
    let met: Vec<_> = listed.difference(&missing).collect();
    assert!(
        met.is_empty(),
        "these have vectors now (UPDATE=1 removes them): {met:#?}"
    );
}
