//! Messages that this crate did not make, and what they say: the files in `vectors/`, whose heads say where they are
//! from.

use std::collections::BTreeSet;
use std::path::Path;

use rust_openflow::Version;
use rust_openflow::message::describe::{decode_line, encode_line};
use rust_openflow::record::{Members, Value};

mod held;

use held::{FILES, Vector, vectors};

/// What a message says, without its bytes; or why it is not read and written as it was.
fn said(digits: &str) -> Result<Members, String> {
    let Value::Object(mut members) = decode_line(digits.as_bytes()) else {
        return Err("no object".to_owned());
    };
    let bytes = members.pop_if(|(name, _)| name == "reencoded");
    match bytes {
        Some((_, Value::Text(bytes))) if bytes == digits => Ok(members),
        other => Err(format!("{members:?}, written as {other:?}")),
    }
}

/// Its version, and its type with subtype.
fn named(members: &Members) -> (String, String) {
    let text = |name: &str| {
        let member = members.iter().find(|(own, _)| own == name);
        match member {
            Some((_, Value::Text(text))) => text.to_string(),
            _ => String::new(),
        }
    };
    let subtype = match text("subtype") {
        subtype if subtype.is_empty() => subtype,
        subtype => format!("/{subtype}"),
    };
    (text("version"), text("type") + &subtype)
}

/// What is wrong with a vector.
fn fault(vector: &Vector<'_>) -> Option<String> {
    let members = match said(&vector.digits) {
        Ok(members) => members,
        Err(fault) => return Some(fault),
    };
    let (version, name) = named(&members);
    if vector.named.is_some_and(|named| named != (&version, &name)) {
        return Some(format!("read as {version} {name}"));
    }
    let object = Value::Object(members);
    let held = vector.object.map(serde_json::from_str::<Value>);
    match held {
        Some(Ok(held)) if held != object => return Some(format!("read as {object:?}")),
        Some(Err(error)) => return Some(format!("its object is none: {error}")),
        _ => {}
    }
    match encode_line(&object) {
        Ok(again) if again == vector.digits => None,
        again => Some(format!("its object is written as {again:?}")),
    }
}

/// The file with the objects that its messages are read as, where it has objects.
fn blessed(text: &str) -> String {
    let mut vectors = vectors(text).filter(|vector| vector.object.is_some());
    let lines = text.lines().map(|line| {
        if !line.starts_with('{') {
            return line.to_owned() + "\n";
        }
        let digits = vectors.next().expect("an object is a vector's").digits;
        let members = said(&digits).expect("a message");
        serde_json::to_string(&Value::Object(members)).expect("JSON") + "\n"
    });
    lines.collect()
}

#[test]
fn messages_of_others_say_what_is_held_and_come_back_byte_for_byte() {
    let update = std::env::var_os("UPDATE").is_some_and(|value| value == "1");
    for (file, text) in FILES {
        let mut text = text.to_owned();
        if update {
            text = blessed(&text);
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors");
            std::fs::write(folder.join(file), &text).unwrap();
        }
        let faults: Vec<String> = vectors(&text)
            .filter_map(|vector| Some(format!("{}: {}", vector.digits, fault(&vector)?)))
            .collect();
        assert!(faults.is_empty(), "{file}:\n{}", faults.join("\n"));
    }
}

#[test]
fn every_version_has_vectors_with_objects() {
    let objects = FILES.iter().flat_map(|(_, text)| vectors(text));
    let versions: BTreeSet<String> = objects
        .filter(|vector| vector.object.is_some())
        .map(|vector| named(&said(&vector.digits).unwrap()).0)
        .collect();
    for version in Version::ALL {
        assert!(versions.contains(version.name()), "{version}");
    }
}
