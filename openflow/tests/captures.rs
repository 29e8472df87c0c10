//! Messages that this crate did not make: each is read, written as it was, and so is its form as an object.

use rust_openflow::message::describe::{decode_line, encode_line};
use rust_openflow::record::Value;

/// Captured from Open vSwitch.
const CAPTURED: &str = include_str!("vectors/open_vswitch.hex");
/// Written after the structures of the specifications.
const SPECIFIED: &str = include_str!("vectors/specification.hex");

/// Version, type with subtype, and the message of every line that is no comment.
fn vectors(file: &str) -> impl Iterator<Item = (&str, &str, String)> {
    let lines = file
        .lines()
        .map(|line| line.split('#').next().unwrap_or(""));
    lines.filter(|line| !line.trim().is_empty()).map(|line| {
        let mut words = line.split_whitespace();
        let (version, name) = (words.next().unwrap(), words.next().unwrap());
        (version, name, words.collect())
    })
}

fn text(value: &Value, member: &str) -> String {
    match value.member(member) {
        Some(Value::Text(text)) => text.clone(),
        _ => String::new(),
    }
}

/// What is wrong with a vector.
fn fault(version: &str, name: &str, digits: &str) -> Option<String> {
    let value = decode_line(digits.as_bytes());
    if value.member("ok") != Some(&Value::Bool(true)) {
        return Some(text(&value, "error"));
    }
    let (kind, subtype) = (text(&value, "type"), text(&value, "subtype"));
    let spoken = match subtype.as_str() {
        "" => kind,
        subtype => format!("{kind}/{subtype}"),
    };
    let reencoded = text(&value, "reencoded");
    if (text(&value, "version").as_str(), spoken.as_str()) != (version, name) {
        return Some(format!("read as {spoken}"));
    }
    if reencoded != digits {
        return Some(format!("written as {reencoded}"));
    }
    match encode_line(&value) {
        Ok(again) if again == digits => None,
        again => Some(format!("its object is {again:?}")),
    }
}

fn check(file: &str) {
    let faults: Vec<String> = vectors(file)
        .filter_map(|(version, name, digits)| {
            let fault = fault(version, name, &digits)?;
            Some(format!("{version} {name} {digits}: {fault}"))
        })
        .collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn what_open_vswitch_says_is_read_and_written_as_it_was() {
    check(CAPTURED);
}

#[test]
fn what_the_specification_says_is_read_and_written_as_it_was() {
    check(SPECIFIED);
}
