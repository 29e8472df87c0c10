//! Vectors of actions, round trips of made-up ones, and bytes that mean harm.

use std::collections::HashSet;

use proptest::prelude::*;

use super::*;
use crate::Version;
use crate::record::{Dice, Generate, Plain};
use crate::text::{self, Names};

const VECTORS: &str = include_str!("../../tests/vectors/actions.txt");

struct Vector {
    version: Version,
    text: &'static str,
    bytes: Bytes,
    /// Whether Open vSwitch knows it.
    foreign: bool,
}

fn unhex(text: &str) -> Bytes {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.chunks(2).map(byte).collect()
}

fn vectors() -> Vec<Vector> {
    let lines = VECTORS.lines().filter(|line| !line.starts_with('#'));
    let blocks = lines.flat_map(|line| {
        let mut parts = line.split(" | ");
        let mut part = || parts.next().expect("three parts").trim();
        let (versions, text, hex) = (part(), part(), part());
        let (hex, foreign) = match hex.strip_suffix(" [spec]") {
            Some(hex) => (hex, false),
            None => (hex, true),
        };
        versions.split(' ').map(move |name| Vector {
            version: *Version::ALL
                .iter()
                .find(|own| own.name() == name)
                .expect("a version"),
            text,
            bytes: unhex(hex),
            foreign,
        })
    });
    blocks.collect()
}

/// Actions and those inside them.
fn all(actions: &[Action]) -> Vec<&Action> {
    let inner = |action| match action {
        &Action::Ct { ref actions, .. } | &Action::Clone { ref actions } => all(actions),
        _ => Vec::new(),
    };
    let with = |action| std::iter::once(action).chain(inner(action));
    actions.iter().flat_map(with).collect()
}

#[test]
fn vectors_are_read_printed_and_written_again_byte_for_byte() {
    let mut wrong = Vec::new();
    for vector in vectors() {
        let version = vector.version;
        let Ok(actions) = from_bytes(&vector.bytes, version) else {
            wrong.push(format!("{version} {} is refused", vector.text));
            continue;
        };
        let printed = text::print_actions(&actions, &Names::default());
        let known = !vector.text.starts_with("unknown");
        let raw = all(&actions).iter().any(|action| action.row().is_none());
        if printed != vector.text || known == raw {
            wrong.push(format!(
                "{version} {} is {printed}: {actions:?}",
                vector.text
            ));
        }
        if to_bytes(&actions, version).as_ref() != Ok(&vector.bytes) {
            wrong.push(format!("{version} {} changes: {actions:?}", vector.text));
        }
        let plain = actions.value(version);
        if Vec::from_value(&plain, version).as_ref() != Ok(&actions) {
            wrong.push(format!("{version} {}: {plain:?}", vector.text));
        }
        match text::parse_actions(vector.text, &Names::default()) {
            Ok(read) => {
                let again = text::print_actions(&read, &Names::default());
                if again != vector.text {
                    wrong.push(format!("{} reads as {again}", vector.text));
                }
            }
            Err(error) => wrong.push(format!("{}: {error}", vector.text)),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_row_has_a_vector() {
    let mut seen = HashSet::new();
    for vector in vectors() {
        let actions = from_bytes(&vector.bytes, vector.version).expect(vector.text);
        seen.extend(
            all(&actions)
                .iter()
                .filter_map(|action| Some(action.row()?.doc)),
        );
    }
    let missing: Vec<_> = ROWS.iter().filter(|row| !seen.contains(row.doc)).collect();
    assert!(missing.is_empty(), "{missing:#?}");
}

#[test]
fn codes_and_names_are_unique_in_each_version() {
    for version in Version::ALL {
        let (mut codes, mut names) = (HashSet::new(), HashSet::new());
        for row in ROWS {
            assert!(row.doc.ends_with('.'), "{}", row.name);
            if let Some(code) = row.code(version) {
                assert!(codes.insert((code.vendor, code.number)), "{}", row.name);
                assert!(names.insert(row.name(version)), "{version} {}", row.name);
            }
        }
    }
}

#[test]
fn dirty_padding_is_not_a_reason_to_keep_bytes() {
    for vector in vectors()
        .iter()
        .filter(|vector| vector.text == "dec_ttl" || vector.text == "exit")
    {
        let mut dirty = vector.bytes.to_vec();
        *dirty.last_mut().unwrap() = 0x55;
        let actions = from_bytes(&dirty.into(), vector.version).unwrap();
        assert_eq!(
            to_bytes(&actions, vector.version).as_ref(),
            Ok(&vector.bytes)
        );
    }
}

#[test]
fn lengths_that_lie_are_refused() {
    for vector in vectors() {
        let length = usize::from(vector.bytes[3]);
        for lie in (0..=255_usize).filter(|lie| *lie != length) {
            let mut bytes = vector.bytes.to_vec();
            bytes[3] = lie as u8;
            let read = from_bytes(&bytes.into(), vector.version);
            let shorter = lie >= 8 && lie.is_multiple_of(8) && lie < length;
            assert!(read.is_err() || shorter, "{} {lie}", vector.text);
        }
    }
}

#[test]
fn actions_that_nest_without_end_are_refused() {
    let mut actions = Vec::new();
    for _ in 0..MAX_NESTING {
        actions = vec![Action::clone_of(actions)];
    }
    let version = Version::V1_5;
    let bytes = to_bytes(&actions, version).unwrap();
    assert_eq!(from_bytes(&bytes, version), Ok(actions.clone()));
    let mut bytes = bytes.to_vec();
    for _ in 0..1000 {
        // NXAST_CLONE around it all.
        let length = (bytes.len() as u16 + 16).to_be_bytes();
        let header = [0xff, 0xff, length[0], length[1], 0, 0, 0x23, 0x20, 0, 42];
        bytes.splice(0..0, header.into_iter().chain([0; 6]));
    }
    let bytes = bytes.into();
    assert!(from_bytes(&bytes, version).is_err());
}

fn version() -> impl Strategy<Value = Version> {
    prop::sample::select(&Version::ALL[..])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn what_is_made_up_survives_bytes_and_the_plain_form(dice in prop::collection::vec(any::<u8>(), 0..400), version in version()) {
        let actions = Vec::<Action>::generate(&mut Dice::new(&dice), version);
        let bytes = to_bytes(&actions, version).unwrap();
        prop_assert_eq!(&from_bytes(&bytes, version).unwrap(), &actions);
        let plain = actions.value(version);
        prop_assert_eq!(&Vec::<Action>::from_value(&plain, version).unwrap(), &actions);
        let text = text::print_actions(&actions, &Names::default());
        let _ = text::parse_actions(&text, &Names::default());
    }

    #[test]
    fn any_bytes_are_read_or_refused(at in any::<prop::sample::Index>(), changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6)) {
        let all = vectors();
        let vector = &all[at.index(all.len())];
        let mut bytes = vector.bytes.to_vec();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if let Ok(actions) = from_bytes(&bytes.into(), vector.version) {
            let again = to_bytes(&actions, vector.version).unwrap();
            prop_assert_eq!(from_bytes(&again, vector.version).unwrap(), actions);
        }
    }
}

/// What `ovs-ofctl parse-actions` says of each list; nothing where it refuses one.
fn ovs_ofctl(version: Version, lists: &[Bytes]) -> Vec<Option<String>> {
    use std::io::Write as _;
    let name = format!("OpenFlow{}", version.name().replace('.', ""));
    let hex = |bytes: &Bytes| {
        bytes
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect::<String>()
    };
    let input: Vec<String> = lists.iter().map(hex).collect();
    let mut child = std::process::Command::new("ovs-ofctl")
        .args(["-voff", "parse-actions", &name])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("ovs-ofctl starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    let writer = std::thread::spawn(move || stdin.write_all((input.join("\n") + "\n").as_bytes()));
    let output = child.wait_with_output().expect("ovs-ofctl ends");
    writer.join().expect("the writer ends").expect("it reads");
    let text = String::from_utf8(output.stdout).expect("text");
    let said = text
        .lines()
        .filter(|line| line.starts_with("actions=") || line.starts_with("bad "));
    said.map(|line| line.strip_prefix("actions=").map(str::to_owned))
        .collect()
}

#[test]
fn open_vswitch_prints_actions_as_this_crate_does() {
    if std::process::Command::new("ovs-ofctl")
        .arg("--version")
        .output()
        .is_err()
    {
        let all = std::env::var("WEFT_TESTS").is_ok_and(|tests| tests == "all");
        assert!(!all, "ovs-ofctl is not installed");
        return;
    }
    let mut wrong = Vec::new();
    for version in Version::ALL {
        let own = |vector: &Vector| vector.foreign && vector.version == version;
        let list: Vec<Vector> = vectors().into_iter().filter(own).collect();
        let bytes: Vec<Bytes> = list.iter().map(|vector| vector.bytes.clone()).collect();
        let said = ovs_ofctl(version, &bytes);
        assert_eq!(said.len(), list.len());
        for (vector, said) in list.iter().zip(said) {
            // What a version does not let a switch do, it refuses.
            let same = said.as_ref().is_none_or(|said| said == vector.text);
            if !same {
                wrong.push(format!("{version} {}: {said:?}", vector.text));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Actions whose text says less than Open vSwitch's, or more.
fn prints_otherwise(action: &Action) -> bool {
    let known = |field: &Oxm| field.field().is_some();
    match action {
        // Their values are not all that a switch may be told.
        Action::SetField { .. } | Action::RegLoad2 { .. } | Action::SetMasked { .. } => true,
        Action::Learn { .. } | Action::Learn2 { .. } | Action::Clone { .. } => true,
        Action::RegLoad { dst, .. } => !known(&dst.0),
        // Open vSwitch forgets that it is about a connection.
        Action::ResubmitCt { table, .. } => *table == SAME_TABLE,
        Action::Bundle { fields, .. } | Action::BundleLoad { fields, .. } => {
            fields.name().is_none()
        }
        _ => false,
    }
}

#[test]
fn open_vswitch_prints_made_up_actions_as_this_crate_does() {
    if std::process::Command::new("ovs-ofctl")
        .arg("--version")
        .output()
        .is_err()
    {
        return;
    }
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let strategy = prop::collection::vec(any::<u8>(), 64);
    let mut wrong = Vec::new();
    let mut accepted = 0;
    for version in [Version::V1_0, Version::V1_1, Version::V1_3, Version::V1_5] {
        let mut one = || {
            use proptest::strategy::ValueTree as _;
            let dice = strategy.new_tree(&mut runner).expect("bytes").current();
            Action::generate(&mut Dice::new(&dice), version)
        };
        let list: Vec<Action> = (0..1500)
            .map(|_| one())
            .filter(|action| !prints_otherwise(action))
            .collect();
        let lists = list
            .iter()
            .map(|action| to_bytes(std::slice::from_ref(action), version));
        let bytes: Vec<Bytes> = lists.collect::<Result<_, _>>().expect("what was made up");
        let said = ovs_ofctl(version, &bytes);
        assert_eq!(said.len(), list.len());
        for (action, said) in list.iter().zip(said) {
            let Some(said) = said else { continue };
            accepted += 1;
            let ours = text::print_actions(std::slice::from_ref(action), &Names::default());
            if ours != said {
                wrong.push(format!("{version} {action:?}\n  {ours}\n  {said}"));
            }
        }
    }
    assert!(accepted > 500, "{accepted}");
    assert!(
        wrong.is_empty(),
        "{} of {accepted}: {}",
        wrong.len(),
        wrong[..wrong.len().min(60)].join("\n")
    );
}
