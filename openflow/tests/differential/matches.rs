//! Matches by themselves. That of 1.0 and 1.1, which has room for every field, is printed and written alike
//! (`parse-ofp10-match`, `parse-ofp11-match`); a list of fields, which `ovs-ofctl` takes as headers and values and
//! gives back as bytes, is the same match afterwards (`parse-nxm`, `parse-oxm`).

use std::collections::BTreeSet;

use bytes::Bytes;
use rust_openflow::field::EXPERIMENTER;
use rust_openflow::matches::{Entry, Fields};
use rust_openflow::record::{Dice, Generate as _, Wire};
use rust_openflow::text::{Names, print_match};
use rust_openflow::wire::{Reader, Writer};
use rust_openflow::{Field, Match, Version};

use crate::asked::{changed, hex};
use crate::ofctl::{Release, ask, dump_line, installed, option, release};
use crate::texts::{CHANGES, alike};
use crate::{Noise, assert_right};

/// Matches of each version.
const EACH: usize = 5000;

/// Why a match is refused whose structure is right.
const REFUSED: &[(&str, &str)] = &[
    ("OFPBMC_BAD_FIELD", "a field that nobody knows"),
    ("OFPBMC_BAD_LEN", "a field without its value"),
    ("OFPBMC_BAD_MASK", "a mask where the field has none"),
    ("OFPBMC_BAD_PREREQ", "a field without those that it needs"),
    ("OFPBMC_BAD_VALUE", "a value that the field cannot have"),
    ("OFPBMC_BAD_WILDCARDS", "bits outside of the mask"),
    ("OFPBMC_DUP_FIELD", "a field that stands twice"),
];

/// Fields that are written otherwise than they were read, and why.
const CHANGED: &[(&str, &str)] = &[
    ("tun_erspan_", "the bits that are set become the mask"),
    ("tun_gtpu_", "the same"),
    ("tun_metadata", "a value of other length than its option"),
    ("ct_state", "bits without a meaning become a mask"),
    (
        "packet_type",
        "Ethernet is said or not, as the rest needs it",
    ),
];

/// What packets have for the fields of others to be there.
const BASES: &[&[(Field, u128)]] = &[
    &[],
    &[(Field::EthType, 0x0806)],
    &[(Field::EthType, 0x0800), (Field::IpProto, 6)],
    &[(Field::EthType, 0x0800), (Field::IpProto, 17)],
    &[(Field::EthType, 0x0800), (Field::IpProto, 1)],
    &[(Field::EthType, 0x86dd), (Field::IpProto, 132)],
    &[(Field::EthType, 0x86dd), (Field::IpProto, 58)],
    &[(Field::EthType, 0x8847)],
];

/// The match as the version has it.
fn written(of: &Match, version: Version) -> Vec<u8> {
    let bytes = of.to_bytes(version).expect("what the version can say");
    bytes.to_vec()
}

fn read(bytes: &[u8], version: Version) -> Match {
    let bytes = Bytes::copy_from_slice(bytes);
    Match::read(&mut Reader::new(&bytes), version, "a match").expect("what was written")
}

/// What was wrong, but for known refusals.
struct Outcome {
    /// Of what it was compared with.
    release: Release,
    refused: BTreeSet<String>,
    compared: usize,
    wrong: Vec<String>,
}

impl Outcome {
    fn new() -> Self {
        Self {
            release: release(),
            refused: BTreeSet::new(),
            compared: 0,
            wrong: Vec::new(),
        }
    }

    fn check(self, least: usize) {
        let known = |error: &str| REFUSED.iter().any(|row| row.0 == error);
        let unknown = self.refused.into_iter().filter(|error| !known(error));
        println!("{} matches compared", self.compared);
        assert_right(&self.wrong.into_iter().chain(unknown).collect::<Vec<_>>());
        assert!(self.compared > least, "{}", self.compared);
    }
}

/// Compares what `ovs-ofctl` says of a match: its text, and changes to its bytes, first as they are written again
/// and then as they are when only that is left of which its packets have something.
fn compare_fixed(outcome: &mut Outcome, version: Version, before: &[u8], said: &[&str]) {
    let (first, changes) = said.split_first().expect("a text");
    if let Some(error) = first.strip_prefix("bad ofp11_match: ") {
        outcome.refused.insert(error.to_owned());
        return;
    }
    outcome.compared += 1;
    let own = read(before, version);
    // Behind a space, as in the text of a message.
    let ours = format!(" {}", print_match(&own, &Names::default()));
    let theirs = format!(" {first}");
    let alike = alike(CHANGES, "", (version, outcome.release), [&ours, &theirs]);
    if let Err([ours, theirs]) = alike {
        let digits = hex(before);
        outcome
            .wrong
            .push(format!("{version}\n{ours}\n{theirs}\n{digits}"));
    }
    let is_normal = |line: &&&str| line.starts_with("normal: ");
    let after = changed(
        before,
        changes.iter().copied().filter(|line| !is_normal(&line)),
    );
    let normal = changes
        .iter()
        .filter_map(|line| line.strip_prefix("normal: "));
    let (theirs, ours) = (changed(&after, normal), written(&own.normalized(), version));
    if ours != theirs {
        let [before, ours, theirs] = [before, &ours, &theirs].map(hex);
        outcome
            .wrong
            .push(format!("{version}\n{before}\n{ours}\n{theirs}"));
    }
}

#[test]
fn matches_with_room_for_every_field_are_printed_and_written_as_by_open_vswitch() {
    if !installed() {
        return;
    }
    let (mut noise, mut outcome) = (Noise(3), Outcome::new());
    for (version, command, length) in [
        (Version::V1_0, "parse-ofp10-match", 40),
        (Version::V1_1, "parse-ofp11-match", 88),
    ] {
        let all = (0..EACH).map(|_| {
            let own = Match::generate(&mut Dice::new(&noise.dice()), version);
            written(&own, version)
        });
        let all: Vec<Vec<u8>> = all.filter(|bytes| bytes.len() == length).collect();
        let input: Vec<String> = all.iter().map(|bytes| hex(bytes)).collect();
        let output =
            ask(&[command], input.join("\n").into_bytes()).expect("lines of digits are read");
        let mut lines = output.lines();
        for bytes in &all {
            // The text of a match of everything is an empty line.
            let first = lines.next().expect("a text");
            let rest = lines.by_ref().take_while(|line| !line.is_empty());
            let said: Vec<&str> = [first].into_iter().chain(rest).collect();
            compare_fixed(&mut outcome, version, bytes, &said);
        }
        assert_eq!(lines.next(), None);
    }
    outcome.check(EACH);
}

/// A match of fields that are for the same packets, most of the time.
fn sensible(noise: &mut Noise, version: Version) -> Match {
    let base = BASES[usize::from(noise.bytes(1)[0]) % BASES.len()];
    let start = |own: Match, (field, value): &(Field, u128)| own.with(*field, *value);
    let mut own = base.iter().fold(Match::any(), start);
    let strict = noise.bytes(1)[0] > 20;
    for _ in 0..1 + noise.bytes(1)[0] % 4 {
        let drawn = Fields::generate(&mut Dice::new(&noise.dice()), version);
        // Nicira's tag becomes two fields of the standard's, whatever they need.
        let known = |entry: &Entry| match entry.field() {
            Some(Field::VlanTci) => version == Version::V1_0,
            field => field.is_some(),
        };
        for entry in Match::from(drawn).entries.into_iter().filter(known) {
            own.entries.to_mut().push(entry);
            if strict && own.check().is_err() {
                own.entries.to_mut().pop();
            }
        }
    }
    own
}

/// Headers, values and masks in digits: `80000a02(0800), ...`.
fn listed(own: &Match, version: Version) -> String {
    let one = |entry: &Entry| {
        let mut w = Writer::new();
        entry
            .write(&mut w, version)
            .expect("what the version can say");
        let bytes = w.written(0);
        let header = match bytes.starts_with(&EXPERIMENTER.to_be_bytes()) {
            true => 8,
            false => 4,
        };
        let (header, value) = bytes.split_at(header);
        let (value, mask) = match header[2] & 1 {
            0 => (hex(value), String::new()),
            _ => {
                let (value, mask) = value.split_at(value.len() / 2);
                (hex(value), format!("/{}", hex(mask)))
            }
        };
        format!("{}({value}{mask})", hex(header))
    };
    let all: Vec<String> = own.entries.iter().map(one).collect();
    all.join(", ")
}

/// The list of fields without a header, before its padding.
fn nx_match(bytes: &[u8], version: Version) -> Match {
    let mut length = 0;
    while let Some([class, number @ .., value]) = bytes.get(length..length + 4)
        && (*class, number, *value) != (0, &[0, 0], 0)
    {
        length += 4 + usize::from(*value);
    }
    let bytes = Bytes::copy_from_slice(bytes);
    let own = Match::decode_nx_match(&mut Reader::new(&bytes), length as u16, version);
    own.expect("what Open vSwitch writes")
}

/// The match without the fields that change.
fn compared(own: &Match) -> Match {
    let mut own = own.normalized();
    let changes = |entry: &Entry| {
        let name = entry.field().map_or("", |field| field.row().name);
        CHANGED.iter().any(|row| name.starts_with(row.0))
    };
    own.entries.to_mut().retain(|entry| !changes(entry));
    own
}

#[test]
fn lists_of_fields_are_the_same_match_behind_open_vswitch() {
    if !installed() {
        return;
    }
    let (mut noise, mut outcome) = (Noise(4), Outcome::new());
    for version in Version::ALL.into_iter().filter(|own| *own != Version::V1_1) {
        let all = (0..EACH).map(|_| sensible(&mut noise, version));
        // A line without a field is no match.
        let all: Vec<Match> = all.filter(|own| !own.entries.is_empty()).collect();
        let lines: Vec<String> = all.iter().map(|own| listed(own, version)).collect();
        let option = option(version.name());
        let command: &[&str] = match version {
            Version::V1_0 => &["parse-nxm"],
            _ => &["parse-oxm", &option],
        };
        let arguments = [&["-m", "--strict"], command].concat();
        let output = ask(&arguments, lines.join("\n").into_bytes()).expect("fields are read");
        let mut said = output.lines().peekable();
        for (own, line) in all.iter().zip(&lines) {
            let first = said.next().expect("names or an error");
            if let Some(error) = first.strip_prefix("nx_pull_match() returned error ") {
                outcome.refused.insert(error.to_owned());
                continue;
            }
            let dump =
                std::iter::from_fn(|| dump_line(said.next_if(|line| dump_line(line).is_some())?));
            let bytes = dump.flatten().collect::<Vec<u8>>();
            let theirs = match version {
                Version::V1_0 => nx_match(&bytes, version),
                _ => read(&bytes, version),
            };
            outcome.compared += 1;
            if compared(&theirs) != compared(own) {
                outcome
                    .wrong
                    .push(format!("{version} {line}\n{first}\n{}", hex(&bytes)));
            }
        }
        assert_eq!(said.next(), None);
    }
    outcome.check(EACH);
}
