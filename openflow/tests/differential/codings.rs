//! Actions and instructions as bytes and as text, both ways: what Open vSwitch reads of bytes, prints, and writes
//! again (`parse-actions`, `parse-instructions`), this crate reads, prints and writes alike.
//!
//! Text says less than bytes. Where this crate writes other bytes for a text than those that it was printed for,
//! Open vSwitch prints them as the same text.

use std::collections::BTreeSet;

use bytes::Bytes;
use rust_openflow::record::{Dice, Generate, Wire};
use rust_openflow::text::{
    Names, TextError, parse_actions, parse_instructions, print_actions, print_instructions,
};
use rust_openflow::wire::{Reader, Writer};
use rust_openflow::{Action, Instruction, Version};

use crate::asked::{coded, hex};
use crate::ofctl::installed;
use crate::{Noise, assert_right};

/// Lists of each version in a round.
const EACH: usize = 20_000;

/// Rounds at most, until every row was used.
const ROUNDS: usize = 8;

/// Where the two differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum In {
    /// The same bytes have another text.
    Text,
    /// The text is not read here.
    Reading,
    /// For the text, other bytes are written here.
    Bytes,
    /// For the text, bytes are written here that it refuses.
    Refused,
}

/// A known difference, the same in all releases: where, a part of the text (or another), and why.
type Difference = (In, &'static str, &'static str);

/// Of actions.
const ACTIONS: &[Difference] = &[
    (
        In::Text,
        "resubmit:",
        "it leaves out that connections count, when no table is named",
    ),
    (
        In::Text,
        "reason=, or reason=)",
        "it has reasons 6 and 7 of its own, without names",
    ),
    (
        In::Text,
        "<unknown>",
        "numbers that it has no name for; here they are shown",
    ),
    (
        In::Text,
        "learn( or ->tun_flags",
        "bits that the field does not have, of which it does not show all",
    ),
    (
        In::Text,
        "->in_port",
        "it takes a port that cannot be for any, and sixteen bits for the only form of 1.0 and 1.1 not",
    ),
    (
        In::Reading,
        "set_mpls_label(",
        "a number that has no room, which it does not read either",
    ),
    (In::Reading, "set_mpls_tc(", "the same"),
    (In::Reading, "set_field:", "the same"),
    (In::Reading, "learn(", "the same"),
    (
        In::Bytes,
        "CONTROLLER:",
        "an output to the controller, and Nicira's action without any of its properties",
    ),
    (
        In::Bytes,
        "controller(",
        "Nicira's first action, and the second without user data",
    ),
    (
        In::Bytes,
        "output:",
        "the length that only an output to the controller needs",
    ),
    (
        In::Bytes,
        "sample(",
        "three encodings, of which the oldest that can say it is written",
    ),
    (
        In::Bytes,
        "resubmit:",
        "two encodings, of which the oldest that can say it is written",
    ),
    (
        In::Bytes,
        "learn(",
        "two encodings, of which the oldest that can say it is written",
    ),
    (In::Bytes, "ct(", "flags without a name"),
    (
        In::Bytes,
        "encap(",
        "the size of the header, and the zeros that a property begins with",
    ),
    (
        In::Bytes,
        "set_field:",
        "the standard's action and Nicira's, of which the standard's is written from 1.2 on",
    ),
    (
        In::Bytes,
        "move:",
        "Nicira's encoding and the ONF's, of which Nicira's is written before 1.5, and the class of a field",
    ),
    (
        In::Bytes,
        "NXM_",
        "the class of a field: it writes Nicira's, here that of the version is written",
    ),
    (In::Bytes, "delete_field:", "the same"),
    (
        In::Refused,
        "set_field:",
        "Nicira's action takes values that the field cannot have, and the standard's does not",
    ),
    (
        In::Bytes,
        "mod_dl_",
        "actions of 1.1, for which it writes the setting of a field from 1.2 on",
    ),
    (In::Bytes, "mod_nw_", "the same"),
    (In::Bytes, "set_vlan_", "the same"),
    (In::Bytes, "set_mpls_", "the same"),
    (In::Bytes, "set_tunnel", "the same, of Nicira's"),
];

/// Of instructions; those of the actions in them are known.
const INSTRUCTIONS: &[Difference] = &[(
    In::Bytes,
    "write_actions(drop)",
    "it does not write an empty list",
)];

/// Why Open vSwitch refuses bytes whose structure is right.
const REFUSED: &[(&str, &str)] = &[
    (
        "NXBAC_BAD_CONJUNCTION",
        "a clause that is not among the clauses",
    ),
    (
        "NXBAC_BAD_HEADER_TYPE",
        "a header of a type that cannot be added",
    ),
    ("NXBAC_UNKNOWN_ED_PROP", "a property that nobody knows"),
    ("OFPBAC_BAD_ARGUMENT", "a value that makes no sense"),
    (
        "OFPBAC_BAD_OUT_PORT",
        "a port between 0xff00 and 0xffffff00",
    ),
    (
        "OFPBAC_BAD_SET_ARGUMENT",
        "a value that the field cannot have",
    ),
    ("OFPBAC_BAD_SET_LEN", "bits that the field does not have"),
    ("OFPBAC_BAD_SET_MASK", "a mask where the field has none"),
    ("OFPBAC_BAD_SET_TYPE", "a field that cannot be set"),
    ("OFPBAC_BAD_TYPE", "an action that nobody knows"),
    ("OFPBAC_BAD_VENDOR", "an action of an unknown vendor"),
    ("OFPBAC_BAD_VENDOR_TYPE", "an action that nobody knows"),
    (
        "OFPBAC_MATCH_INCONSISTENT",
        "an action on a field that not every packet has",
    ),
    (
        "OFPBAC_UNSUPPORTED_ORDER",
        "an action that cannot be in a set",
    ),
    (
        "OFPBIC_BAD_EXPERIMENTER",
        "an instruction of an unknown vendor",
    ),
    ("OFPBIC_BAD_TABLE_ID", "a table that is not behind"),
    ("OFPBIC_UNKNOWN_INST", "an instruction that nobody knows"),
    (
        "OFPBIC_UNSUP_INST",
        "the metadata, which is for instructions to write",
    ),
    ("OFPBMC_BAD_FIELD", "a field that nobody knows"),
    ("OFPBMC_BAD_LEN", "a field without its value"),
    ("OFPBMC_BAD_MASK", "a mask where the field has none"),
    ("OFPBMC_BAD_WILDCARDS", "bits outside of the mask"),
    ("OFPBPC_BAD_EXP_TYPE", "a property of an unknown vendor"),
    ("OFPBPC_BAD_TYPE", "a property that nobody knows"),
    ("OFPMMFC_INVALID_METER", "a meter that cannot be"),
];

/// What is compared: its commands and functions.
struct Codec<T> {
    command: &'static str,
    since: Version,
    print: fn(&[T], &Names) -> String,
    parse: fn(&str, &Names) -> Result<Vec<T>, TextError>,
    known: &'static [Difference],
    /// Those of what is inside.
    inner: &'static [Difference],
}

/// Bytes that both take for the same text, and those that Open vSwitch writes for it.
struct Alike {
    list: Vec<u8>,
    text: String,
    bytes: Vec<u8>,
}

/// Lists that Open vSwitch writes, and others that this crate writes for a text.
#[derive(Default)]
struct Written {
    theirs: Vec<Vec<u8>>,
    ours: Vec<Vec<u8>>,
    texts: Vec<String>,
}

/// What came of a comparison.
#[derive(Default)]
struct Outcome {
    used: BTreeSet<Difference>,
    refused: BTreeSet<String>,
    compared: usize,
    wrong: Vec<String>,
}

fn write<T>(list: &[T], version: Version) -> Result<Vec<u8>, String>
where
    T: Wire,
{
    let mut w = Writer::new();
    let written = list.iter().try_for_each(|one| one.write(&mut w, version));
    written.map_err(|error| error.to_string())?;
    Ok(w.written(0).to_vec())
}

fn read<T>(bytes: &[u8], version: Version) -> Vec<T>
where
    Vec<T>: Wire,
{
    let bytes = Bytes::copy_from_slice(bytes);
    let mut r = Reader::new(&bytes);
    Vec::read(&mut r, version, "a list").expect("what Open vSwitch reads")
}

impl<T> Codec<T>
where
    T: Wire + Generate,
    Vec<T>: Wire,
{
    /// Compares made-up lists, until every known difference was there.
    fn compare(&self) {
        let mut outcome = Outcome::default();
        let mut noise = Noise(5);
        for _ in 0..ROUNDS {
            for version in Version::ALL.into_iter().filter(|own| *own >= self.since) {
                self.compare_in(version, &mut noise, &mut outcome);
            }
            if self.unused(&outcome).is_empty() || !outcome.wrong.is_empty() {
                break;
            }
        }
        self.check(outcome);
    }

    /// Compares lists of a version, then what became of them on either side.
    fn compare_in(&self, version: Version, noise: &mut Noise, outcome: &mut Outcome) {
        let one = |_| {
            let value = T::generate(&mut Dice::new(&noise.dice()), version);
            write(&[value], version).expect("what the version can say")
        };
        // A line without digits is none.
        let lists = (0..EACH).map(one).filter(|list| !list.is_empty());
        let written = self.both_ways(version, &lists.collect::<Vec<_>>(), outcome);
        self.texts(version, &written.theirs, outcome);
        let answers = coded(self.command, version, &written.ours);
        for (text, answer) in written.texts.iter().zip(answers) {
            if !answer.as_ref().is_ok_and(|(again, _)| again == text) {
                self.differs(outcome, In::Refused, text, &format!("{answer:?}"));
            }
        }
    }

    /// Compares the texts of lists, and the bytes that are written for them.
    fn both_ways(&self, version: Version, lists: &[Vec<u8>], outcome: &mut Outcome) -> Written {
        let mut written = Written::default();
        for Alike { list, text, bytes } in self.texts(version, lists, outcome) {
            if bytes != list && !bytes.is_empty() {
                written.theirs.push(bytes.clone());
            }
            let own = match (self.parse)(&text, &Names::default()) {
                Err(error) => {
                    self.differs(outcome, In::Reading, &text, &error.to_string());
                    continue;
                }
                Ok(parsed) => write(&parsed, version),
            };
            match own {
                Ok(own) if own == bytes => {}
                Ok(own) => {
                    let what = format!("{} for {} of {}", hex(&own), hex(&bytes), hex(&list));
                    self.differs(outcome, In::Bytes, &text, &what);
                    written.ours.push(own);
                    written.texts.push(text);
                }
                Err(error) => outcome.wrong.push(format!("{version}: {text}: {error}")),
            }
        }
        written
    }

    /// Compares the texts of lists, and gives those that are alike.
    fn texts(&self, version: Version, lists: &[Vec<u8>], outcome: &mut Outcome) -> Vec<Alike> {
        let mut alike = Vec::new();
        for (list, answer) in lists.iter().zip(coded(self.command, version, lists)) {
            let (text, bytes) = match answer {
                Ok(answer) => answer,
                Err(error) => {
                    outcome.refused.insert(error);
                    continue;
                }
            };
            outcome.compared += 1;
            let own = (self.print)(&read(list, version), &Names::default());
            if own == text {
                let list = list.clone();
                alike.push(Alike { list, text, bytes });
            } else {
                let what = format!("{own} is {} in {version}", hex(list));
                self.differs(outcome, In::Text, &text, &what);
            }
        }
        alike
    }

    /// Notes a difference, which is known by a part of its text or wrong.
    fn differs(&self, outcome: &mut Outcome, of: In, text: &str, what: &str) {
        let mut all = self.known.iter().chain(self.inner);
        let is_in = |row: &&Difference| row.1.split(" or ").any(|part| text.contains(part));
        match all.find(|row| row.0 == of && is_in(row)) {
            Some(row) => drop(outcome.used.insert(*row)),
            None => outcome.wrong.push(format!("{of:?} of {text}: {what}")),
        }
    }

    /// The known differences that there were not.
    fn unused(&self, outcome: &Outcome) -> Vec<String> {
        let unused = self.known.iter().filter(|row| !outcome.used.contains(row));
        unused.map(|row| format!("{row:?} is not")).collect()
    }

    /// Says what was wrong, and which known differences there were not.
    fn check(&self, mut outcome: Outcome) {
        let unused = self.unused(&outcome);
        outcome.wrong.extend(unused);
        println!("{}: {} compared", self.command, outcome.compared);
        let known = |error: &str| REFUSED.iter().any(|row| row.0 == error);
        let refused = outcome.refused.into_iter().filter(|error| !known(error));
        outcome.wrong.extend(refused);
        assert_right(&outcome.wrong);
    }
}

#[test]
fn actions_are_read_printed_and_written_as_by_open_vswitch() {
    let codec = Codec::<Action> {
        command: "parse-actions",
        since: Version::V1_0,
        print: print_actions,
        parse: parse_actions,
        known: ACTIONS,
        inner: &[],
    };
    if installed() {
        codec.compare();
    }
}

#[test]
fn instructions_are_read_printed_and_written_as_by_open_vswitch() {
    let codec = Codec::<Instruction> {
        command: "parse-instructions",
        since: Version::V1_1,
        print: print_instructions,
        parse: parse_instructions,
        known: INSTRUCTIONS,
        inner: ACTIONS,
    };
    if installed() {
        codec.compare();
    }
}
