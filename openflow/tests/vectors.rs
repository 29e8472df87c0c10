//! Messages that others made, and what they say: `vectors/messages.vectors`, whose head says where they are from.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use rust_openflow::Version;
use rust_openflow::message::describe::{decode_line, encode_line};
use rust_openflow::record::Value;

const FILE: &str = "tests/vectors/messages.vectors";

fn held() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(FILE);
    std::fs::read_to_string(path).unwrap()
}

/// What the file holds: digits, and the object behind them.
fn vectors(text: &str) -> Vec<(&str, &str)> {
    let mut lines = text
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    let mut all = Vec::new();
    while let (Some(digits), Some(object)) = (lines.next(), lines.next()) {
        all.push((digits, object));
    }
    all
}

/// What a message says, without its bytes.
fn said(digits: &str) -> Value {
    let Value::Object(members) = decode_line(digits.as_bytes()) else {
        panic!("no object");
    };
    let (bytes, said): (Vec<_>, Vec<_>) = members
        .into_iter()
        .partition(|(name, _)| name == "reencoded");
    let bytes = bytes.into_iter().next().map(|(_, value)| value);
    assert_eq!(bytes, Some(Value::text(digits)), "{said:?}");
    Value::Object(said)
}

#[test]
fn messages_of_others_say_what_is_written_here_and_come_back_byte_for_byte() {
    let mut text = held();
    if std::env::var_os("UPDATE").is_some_and(|value| value == "1") {
        let mut new = String::new();
        let mut digits = None;
        for line in text.lines() {
            let line = match digits.take() {
                Some(digits) => serde_json::to_string(&said(digits)).unwrap(),
                None => {
                    if !line.is_empty() && !line.starts_with('#') {
                        digits = Some(line);
                    }
                    line.to_owned()
                }
            };
            writeln!(new, "{line}").unwrap();
        }
        std::fs::write(Path::new(env!("CARGO_MANIFEST_DIR")).join(FILE), &new).unwrap();
        text = new;
    }
    for (digits, object) in vectors(&text) {
        let object: Value = serde_json::from_str(object).unwrap();
        assert_eq!(said(digits), object, "{digits}");
        assert_eq!(encode_line(&object).as_deref(), Ok(digits));
    }
}

#[test]
fn every_version_has_vectors() {
    let text = held();
    let versions: BTreeSet<String> = vectors(&text)
        .into_iter()
        .map(|(_, object)| {
            let object: serde_json::Value = serde_json::from_str(object).unwrap();
            object["version"].as_str().unwrap().to_owned()
        })
        .collect();
    for version in Version::ALL {
        assert!(versions.contains(version.name()), "{version}");
    }
}
