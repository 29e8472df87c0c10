//! Messages of every kind: Open vSwitch takes their structure, refuses only what `complaints` says it does, and prints
//! them as this crate does, but for what `texts` says.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use bytes::Bytes;
use rust_openflow::error::ErrorAnswer;
use rust_openflow::field::ROWS as ROWS_OF_FIELDS;
use rust_openflow::matches;
use rust_openflow::message::{
    ErrorMessage, Header, Kind, MultipartReply, Nested, ROWS, Reply, TableFeatureProperty,
    TableFeatures, TableFeaturesCommand, TypeId,
};
use rust_openflow::record::{Dice, Name};
use rust_openflow::text::{Names, print_message};
use rust_openflow::{Field, Match, Message, TableId, Version};

use crate::asked::{hex, printed};
use crate::complaints::{self, COMPLAINTS, is_refused};
use crate::ofctl::{Release, installed, release};
use crate::texts::{ABILITIES, CHANGES, Change, alike};
use crate::{Noise, assert_right};

/// Messages of each kind and version; of multiparts, which are many, three times as many.
const EACH: usize = 500;

/// Rounds at most, until every row was used.
const ROUNDS: usize = 8;

/// A made-up message.
struct MadeUp {
    /// What it is called, and what the message in it is called.
    names: Vec<String>,
    bytes: Vec<u8>,
}

/// What a message is called: multiparts have a name for each of their types.
fn name(message: &Message) -> String {
    let kind = message.kind().map_or("", |kind| kind.row().name);
    let part = match message {
        Message::MultipartRequest(request) => request.request.name(),
        Message::MultipartReply(reply) => reply.reply.name(),
        _ => None,
    };
    match part {
        Some(part) => format!("{kind} {part}"),
        None => kind.to_owned(),
    }
}

/// Messages of a kind in a version.
fn made_up(kind: Kind, version: Version, noise: &mut Noise) -> Vec<MadeUp> {
    let each = match kind {
        Kind::MultipartRequest | Kind::MultipartReply => 3 * EACH,
        _ => EACH,
    };
    let one = |_| {
        let mut message = Message::generate(kind, &mut Dice::new(&noise.dice()), version);
        let mut xid = 5;
        let mut inner = None;
        match &mut message {
            Message::MultipartRequest(request) => request.flags = 0,
            Message::MultipartReply(reply) => reply.flags = 0,
            // What an error carries back: a message without a body.
            Message::Error(error) => {
                error.data = vec![version.wire(), 2, 0, 8, 0, 0, 0, 5].into();
            }
            // A message in a bundle has the number of what brings it.
            Message::BundleAdd(add) => {
                xid = Header::peek(&add.message.0).map_or(xid, |header| header.xid);
                inner = add.message.decode().ok();
            }
            Message::Requestforward(forward) => {
                // Often one of those that are told on.
                let kind = match noise.bytes(1)[0] % 3 {
                    0 => None,
                    1 if version >= Version::V1_3 => Some(Kind::MeterMod),
                    _ => Some(Kind::GroupMod),
                };
                if let Some(kind) = kind {
                    let told = Message::generate(kind, &mut Dice::new(&noise.dice()), version);
                    forward.request = Nested(told.encode(version, xid).expect("a message"));
                }
                inner = forward.request.decode().ok();
            }
            // Often with the port alone, which it must have.
            Message::PacketOut(packet)
                if version >= Version::V1_5 && noise.bytes(1)[0] & 1 == 0 =>
            {
                packet.metadata = Match::any().with(Field::InPort, 7_u32);
            }
            _ => {}
        }
        let inner = inner.map(|(_, message)| name(&message));
        MadeUp {
            names: [name(&message)].into_iter().chain(inner).collect(),
            bytes: message
                .encode(version, xid)
                .expect("what the version can say")
                .to_vec(),
        }
    };
    (0..each).map(one).collect()
}

/// What is between asterisks in what was printed: `decode error: OFPBMC_BAD_PREREQ`.
fn complaint(printed: &str) -> Option<&str> {
    let (_, rest) = printed.split_once("***")?;
    rest.split("***").next()
}

/// What came of a comparison.
struct Outcome {
    /// Of what it was compared with.
    release: Release,
    /// How often each row of the complaints was used, and of the changes.
    complaints: Vec<usize>,
    changes: Vec<usize>,
    /// How many were taken of each kind and version.
    taken: BTreeMap<(String, Version), usize>,
    compared: usize,
    wrong: Vec<String>,
}

impl Outcome {
    /// Looks for what was complained about.
    fn complained(&mut self, said: &str, message: &MadeUp, version: Version) {
        match complaints::known(said, &message.names, version, self.release) {
            Some(row) => self.complaints[row] += 1,
            None => {
                let (names, bytes) = (&message.names, hex(&message.bytes));
                self.wrong
                    .push(format!("{version} {names:?}: {said}: {bytes}"));
            }
        }
    }

    /// Compares texts, and changes them where they differ.
    fn compare(&mut self, theirs: &str, message: &MadeUp, version: Version) {
        let (header, read) =
            Message::decode(&Bytes::copy_from_slice(&message.bytes)).expect("what was written");
        let ours = print_message(&header, &read, &Names::default());
        self.compared += 1;
        let name = &message.names[0];
        match alike(CHANGES, name, (version, self.release), [&ours, theirs]) {
            Ok(made) => made.iter().for_each(|at| self.changes[*at] += 1),
            Err([ours, theirs]) => {
                let bytes = hex(&message.bytes);
                self.wrong
                    .push(format!("{version} {name}:\n{ours}\n{theirs}\n{bytes}"));
            }
        }
    }

    /// Makes up messages of a kind, and compares them.
    fn run(&mut self, kind: Kind, version: Version, noise: &mut Noise) {
        let messages = made_up(kind, version, noise);
        let texts = printed(messages.iter().map(|message| &message.bytes[..]));
        for (message, text) in messages.iter().zip(texts) {
            let name = message.names[0].clone();
            let count = self.taken.entry((name, version)).or_default();
            match complaint(&text) {
                Some(said) => self.complained(said, message, version),
                None => {
                    *count += 1;
                    self.compare(&text, message, version);
                }
            }
        }
    }

    /// The rows that were not used.
    fn unused(&self) -> Vec<String> {
        let here = |releases: &RangeInclusive<Release>| releases.contains(&self.release);
        let complaints = COMPLAINTS.iter().zip(&self.complaints);
        let complaints = complaints.filter(|(row, count)| here(&row.3) && **count == 0);
        let changes = CHANGES.iter().zip(&self.changes);
        let changes = changes.filter(|(row, count)| here(&row.2) && **count == 0);
        complaints
            .map(|(row, _)| format!("never said: {row:?}"))
            .chain(changes.map(|(row, _)| format!("never needed: {} {:?}", row.5, row.0)))
            .collect()
    }

    /// Looks for kinds that were taken or refused unexpectedly.
    fn check_taken(&mut self) {
        for ((name, version), count) in &self.taken {
            if is_refused(name, *version, self.release) != (*count == 0) {
                self.wrong.push(format!("{name} {version}: {count} taken"));
            }
        }
    }
}

/// What differs in the texts of messages of one kind, but for what the rows say.
fn different(name: &str, version: Version, messages: &[Bytes], rows: &[Change]) -> Vec<String> {
    let theirs = printed(messages.iter().map(|message| &message[..]));
    let whose = (version, release());
    let both = messages.iter().zip(theirs).filter_map(|(message, theirs)| {
        let (header, read) = Message::decode(message).expect("what was written");
        let ours = print_message(&header, &read, &Names::default());
        alike(rows, name, whose, [&ours, &theirs]).err()
    });
    both.map(|[ours, theirs]| format!("{ours}\n{theirs}"))
        .collect()
}

#[test]
fn open_vswitch_takes_messages_of_every_kind_that_it_knows_and_prints_them_alike() {
    if !installed() {
        return;
    }
    let mut noise = Noise(1);
    let mut outcome = Outcome {
        complaints: vec![0; COMPLAINTS.len()],
        changes: vec![0; CHANGES.len()],
        release: release(),
        taken: BTreeMap::new(),
        compared: 0,
        wrong: Vec::new(),
    };
    let spoken = |(kind, version): &(Kind, Version)| kind.code(*version).is_some();
    let all = ROWS
        .iter()
        .flat_map(|row| Version::ALL.map(|version| (row.kind, version)));
    let all: Vec<(Kind, Version)> = all.filter(spoken).collect();
    // What is rare takes more than one round.
    for _ in 0..ROUNDS {
        for (kind, version) in &all {
            outcome.run(*kind, *version, &mut noise);
        }
        if outcome.unused().is_empty() || !outcome.wrong.is_empty() {
            break;
        }
    }
    outcome.check_taken();
    let unused = outcome.unused();
    outcome.wrong.extend(unused);
    println!("{} texts compared", outcome.compared);
    assert_right(&outcome.wrong);
}

#[test]
fn open_vswitch_shows_what_is_left_of_refused_messages_alike() {
    if !installed() {
        return;
    }
    let (mut noise, release) = (Noise(1), release());
    let mut wrong = Vec::new();
    for version in Version::ALL {
        let mut errors = Vec::new();
        for row in ROWS.iter().filter(|row| row.kind.code(version).is_some()) {
            for _ in 0..EACH / 10 {
                let refused = Message::generate(row.kind, &mut Dice::new(&noise.dice()), version);
                let name = name(&refused);
                if is_refused(&name, version, release) {
                    continue;
                }
                let refused = refused.encode(version, 5).expect("a message");
                let kept = usize::from(noise.bytes(1)[0]).min(refused.len() - 1);
                let error = ErrorMessage::new(ErrorAnswer::BAD_TYPE, refused.slice(..kept));
                let error = Message::Error(error).encode(version, 5);
                errors.push(error.expect("an error"));
            }
        }
        wrong.extend(different("error", version, &errors, &[]));
    }
    assert_right(&wrong);
}

/// A table that can do some of all there is; `like` the one before in some of it.
fn able_table(noise: &mut Noise, version: Version) -> TableFeatures {
    use TableFeatureProperty as P;
    let mut some = |count: usize| -> Vec<usize> {
        let odds = noise.bytes(1)[0];
        let taken = noise.bytes(count);
        (0..count).filter(|at| taken[*at] < odds).collect()
    };
    let mut headers = |masks: bool| -> Vec<matches::Header> {
        let all = ROWS_OF_FIELDS.iter().filter(|row| !row.is_variable());
        let all: Vec<_> = all.flat_map(|row| row.codes).collect();
        let taken = some(all.len());
        let header = |at: &usize| matches::Header::at(all[*at]);
        let mut headers: Vec<_> = taken.iter().map(header).collect();
        for header in headers.iter_mut().filter(|_| masks).step_by(3) {
            if let Some((field, code)) = header.code()
                && field.row().maskable
            {
                header.masked = true;
                header.length = code.length(true);
            }
        }
        headers
    };
    let properties = vec![
        P::Match {
            oxm_ids: headers(true),
        },
        P::Wildcards {
            oxm_ids: headers(false),
        },
        P::WriteSetfield {
            oxm_ids: headers(false),
        },
        P::ApplySetfield {
            oxm_ids: headers(false),
        },
        P::ApplySetfieldMiss {
            oxm_ids: headers(false),
        },
    ];
    let types = |taken: Vec<usize>| -> Vec<TypeId> {
        let id = |kind: &usize| TypeId::Standard {
            kind: *kind as u16,
            data: Bytes::new(),
        };
        taken.iter().map(id).collect()
    };
    let tables = |taken: Vec<usize>| taken.iter().map(|table| TableId(*table as u8)).collect();
    let mut more = vec![
        P::Instructions {
            instruction_ids: types(some(9)),
        },
        P::InstructionsMiss {
            instruction_ids: types(some(9)),
        },
        P::NextTables {
            next_table_ids: tables(some(20)),
        },
        P::NextTablesMiss {
            next_table_ids: tables(some(20)),
        },
        P::WriteActions {
            action_ids: types(some(40)),
        },
        P::ApplyActions {
            action_ids: types(some(40)),
        },
        P::WriteActionsMiss {
            action_ids: types(some(2)),
        },
    ];
    more.extend(properties);
    let name = if some(2).is_empty() { "" } else { "classify" };
    TableFeatures {
        table: TableId(some(2).len() as u8),
        command: match version {
            Version::V1_5 => TableFeaturesCommand::MODIFY,
            _ => TableFeaturesCommand::REPLACE,
        },
        features: 0,
        name: Name::new(name),
        metadata_match: some(2).len() as u64,
        metadata_write: 0,
        config: 0,
        capabilities: if version < Version::V1_4 { 0 } else { 4 },
        max_entries: some(2).len() as u32,
        properties: more,
    }
}

#[test]
fn open_vswitch_prints_what_tables_can_do_alike() {
    if !installed() {
        return;
    }
    let mut noise = Noise(1);
    let mut wrong = Vec::new();
    for version in [Version::V1_3, Version::V1_4, Version::V1_5] {
        let replies: Vec<Bytes> = (0..EACH)
            .map(|_| {
                let first = able_table(&mut noise, version);
                let mut tables = vec![first];
                for _ in 0..4 {
                    let mut next = tables[tables.len() - 1].clone();
                    next.table.0 += 1;
                    let other = able_table(&mut noise, version);
                    for at in noise.bytes(1).iter().map(|byte| usize::from(*byte) % 20) {
                        if let Some(property) = other.properties.get(at) {
                            next.properties[at] = property.clone();
                        }
                    }
                    next.name = other.name;
                    tables.push(next);
                }
                let reply = MultipartReply::new(Reply::TableFeatures(tables), false);
                let reply = Message::MultipartReply(reply).encode(version, 5);
                reply.expect("a reply")
            })
            .collect();
        let name = "multipart_reply table_features";
        wrong.extend(different(name, version, &replies, ABILITIES));
    }
    assert_right(&wrong);
}
