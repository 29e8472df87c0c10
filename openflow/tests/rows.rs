//! Every row of the table of messages, in every version that has it, with whatever can be made up.

use proptest::prelude::*;
use rust_openflow::message::{Kind, ROWS};
use rust_openflow::record::Dice;
use rust_openflow::{Message, Version};

/// A kind of message in a version that has it.
fn row() -> impl Strategy<Value = (Kind, Version)> {
    let all: Vec<(Kind, Version)> = ROWS
        .iter()
        .flat_map(|row| Version::ALL.map(|version| (row.kind, version)))
        .filter(|(kind, version)| kind.code(*version).is_some())
        .collect();
    prop::sample::select(all)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn messages_survive_their_bytes((kind, version) in row(), dice: [u8; 128], xid: u32) {
        let message = Message::generate(kind, &mut Dice::new(&dice), version);
        let bytes = message.encode(version, xid).unwrap();
        let (header, again) = Message::decode(&bytes).unwrap();
        prop_assert_eq!((header.version, header.xid), (version.wire(), xid));
        prop_assert_eq!(&again, &message);
        prop_assert_eq!(again.encode(version, xid).unwrap(), bytes);
    }

    #[test]
    fn messages_survive_their_plain_form((kind, version) in row(), dice: [u8; 128]) {
        let message = Message::generate(kind, &mut Dice::new(&dice), version);
        let plain = message.body_value(version);
        let again = Message::from_body_value(kind, &plain, version);
        prop_assert_eq!(again.map_err(|error| format!("{error} in {plain:?}")), Ok(message));
    }

    #[test]
    fn what_is_read_is_written_as_it_was_or_tidier((kind, version) in row(), dice: [u8; 96], at: prop::sample::Index, byte: u8) {
        let message = Message::generate(kind, &mut Dice::new(&dice), version);
        let mut bytes = message.encode(version, 1).unwrap().to_vec();
        let at = at.index(bytes.len());
        // The header stays; a message without a body is what it is.
        if at >= 8 {
            bytes[at] = byte;
        }
        if let Ok((_, read)) = Message::decode(&bytes.into()) {
            // What was dirty padding is clean now; nothing else changes.
            let tidy = read.encode(version, 1).unwrap();
            let (_, again) = Message::decode(&tidy).unwrap();
            prop_assert_eq!(&again, &read);
        }
    }
}
