//! Messages as lines of digits and as objects, there and back; and lines that are no messages.

use bytes::Bytes;
use proptest::prelude::*;
use rust_openflow::message::describe::{decode_line, each_line, encode_line};
use rust_openflow::message::{Kind, ROWS};
use rust_openflow::record::{Dice, Value};
use rust_openflow::{Message, Version};

#[expect(dead_code, reason = "what vectors say is for others")]
mod held;

/// A kind of message in a version that has it.
fn row() -> impl Strategy<Value = (Kind, Version)> {
    let all: Vec<(Kind, Version)> = ROWS
        .iter()
        .flat_map(|row| Version::ALL.map(|version| (row.kind, version)))
        .filter(|(kind, version)| kind.code(*version).is_some())
        .collect();
    prop::sample::select(all)
}

/// A message that can be, in its bytes.
fn message() -> impl Strategy<Value = Bytes> {
    (row(), any::<[u8; 128]>(), any::<u32>()).prop_map(|((kind, version), dice, xid)| {
        let message = Message::generate(kind, &mut Dice::new(&dice), version);
        message.encode(version, xid).unwrap()
    })
}

/// A message that others made, in its bytes.
fn message_of_others() -> impl Strategy<Value = Bytes> {
    let vectors = held::FILES.iter().flat_map(|(_, text)| held::vectors(text));
    let all: Vec<Bytes> = vectors.map(|vector| unhex(&vector.digits).into()).collect();
    prop::sample::select(all)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<char> = text
        .chars()
        .filter(|digit| !digit.is_whitespace())
        .collect();
    digits
        .chunks(2)
        .map(|pair| u8::from_str_radix(&pair.iter().collect::<String>(), 16).unwrap())
        .collect()
}

fn is_ok(object: &Value) -> bool {
    object.member("ok") == Some(&Value::Bool(true))
}

fn text<'a>(object: &'a Value, name: &str) -> &'a str {
    match object.member(name) {
        Some(Value::Text(text)) => text,
        other => panic!("{name} is {other:?} in {object:?}"),
    }
}

/// Gives the header the length that there is.
fn with_length(mut bytes: Vec<u8>) -> Vec<u8> {
    let length = u16::try_from(bytes.len()).unwrap_or(u16::MAX);
    if let Some(field) = bytes.get_mut(2..4) {
        field.copy_from_slice(&length.to_be_bytes());
    }
    bytes
}

/// What an object says, but for the message itself.
fn said(object: &Value) -> [Option<&Value>; 5] {
    ["version", "type", "subtype", "xid", "body"].map(|name| object.member(name))
}

/// Messages that are read are written alike when they say the same, and only then.
fn assert_told_apart(left: &[u8], right: &[u8]) -> Result<(), TestCaseError> {
    let [left, right] = [left, right].map(|bytes| decode_line(hex(bytes).as_bytes()));
    if is_ok(&left) && is_ok(&right) {
        let same = text(&left, "reencoded") == text(&right, "reencoded");
        prop_assert_eq!(same, said(&left) == said(&right), "{:?} {:?}", left, right);
    }
    Ok(())
}

/// What is read is read again from what it was written as; what is not says why.
fn assert_total(bytes: &[u8]) -> Result<(), TestCaseError> {
    let object = decode_line(hex(bytes).as_bytes());
    if !is_ok(&object) {
        prop_assert!(!text(&object, "error").is_empty());
        return Ok(());
    }
    let tidy = text(&object, "reencoded").to_owned();
    let again = decode_line(tidy.as_bytes());
    prop_assert!(is_ok(&again), "{:?} of {}", again, hex(bytes));
    prop_assert_eq!(again.member("body"), object.member("body"));
    prop_assert_eq!(text(&again, "reencoded"), &tidy);
    prop_assert_eq!(encode_line(&object), Ok(tidy));
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3_000))]

    #[test]
    fn every_message_is_an_object_and_comes_back_as_its_digits(bytes in message()) {
        let digits = hex(&bytes);
        let object = decode_line(digits.as_bytes());
        prop_assert!(is_ok(&object), "{:?}", object);
        prop_assert_eq!(text(&object, "reencoded"), &digits);
        // As other programs hand it on.
        let json = serde_json::to_string(&object).unwrap();
        let read: Value = serde_json::from_str(&json).unwrap();
        prop_assert_eq!(&read, &object);
        prop_assert_eq!(encode_line(&read).map_err(|error| format!("{error} in {json}")), Ok(digits));
    }

    #[test]
    fn messages_that_are_written_differently_say_different_things(a in message(), b in message()) {
        assert_told_apart(&a, &b)?;
    }

    #[test]
    fn near_misses_are_told_apart(
        bytes in prop_oneof![message(), message_of_others()],
        at: prop::sample::Index,
        one in prop_oneof![any::<u8>(), Just(0), Just(0xff)],
        bit in 0_u8..8,
    ) {
        let at = at.index(bytes.len());
        let changed = |byte: u8| {
            let mut changed = bytes.to_vec();
            changed[at] = byte;
            changed
        };
        // What is there, something else, and what is near to either.
        let all = [bytes[at], one, bytes[at] ^ 1 << bit, one ^ 1 << bit].map(changed);
        for (index, left) in all.iter().enumerate() {
            for right in &all[index + 1..] {
                assert_told_apart(left, right)?;
            }
        }
    }

    #[test]
    fn one_changed_byte_changes_what_is_said_or_was_padding(bytes in message(), at: prop::sample::Index, byte: u8) {
        let mut changed = bytes.to_vec();
        let at = at.index(bytes.len());
        changed[at] = byte;
        assert_told_apart(&bytes, &changed)?;
        assert_total(&changed)?;
    }

    #[test]
    fn a_message_that_is_cut_short_is_read_no_further_than_it_goes(bytes in message(), at: prop::sample::Index) {
        let cut = &bytes[..at.index(bytes.len())];
        prop_assert!(!is_ok(&decode_line(hex(cut).as_bytes())));
        assert_total(&with_length(cut.to_vec()))?;
    }

    #[test]
    fn bits_that_are_flipped_do_no_harm(bytes in message(), flips in prop::collection::vec((any::<prop::sample::Index>(), 0_u8..8), 1..6)) {
        let mut changed = bytes.to_vec();
        for (at, bit) in flips {
            let at = at.index(changed.len());
            changed[at] ^= 1 << bit;
        }
        assert_total(&changed)?;
        assert_total(&with_length(changed))?;
    }

    #[test]
    fn random_bytes_do_no_harm(mut bytes in prop::collection::vec(any::<u8>(), 8..200), version in 1_u8..7, kind in 0_u8..40) {
        (bytes[0], bytes[1]) = (version, kind);
        assert_total(&bytes)?;
        assert_total(&with_length(bytes))?;
    }

    #[test]
    fn any_line_is_answered_with_one_object(line in prop::collection::vec(any::<u8>(), 0..60)) {
        let object = decode_line(&line);
        prop_assert!(is_ok(&object) || !text(&object, "error").is_empty());
        let json = serde_json::to_string(&object).unwrap();
        prop_assert!(!json.contains('\n'));
    }
}

/// Messages with the places of their inner lengths, and how much more makes each run past what it is in.
/// Written from the structures of the specification.
const LENGTHS: &[(&str, &[(usize, u16)])] = &[
    // hello: an element (1.3.5, 7.5.1)
    ("04000010 00000001 0001 0008 00000012", &[(10, 1), (10, 8)]),
    // flow_mod: match, instruction, action (1.3.5, 7.3.4.1)
    (
        "040e0058 00000006 0000000000000000 0000000000000000 0300 0000 0000 0064 ffffffff ffffffff ffffffff 0000 0000
         0001000a 80000a02 0800 000000000000 0004 0018 00000000 0000 0010 00000001 ffff 000000000000",
        &[(50, 100), (54, 1), (54, 2), (66, 1), (66, 8), (74, 1), (74, 8)],
    ),
    // packet_out: actions (1.3.5, 7.3.7)
    (
        "040d0028 00000001 ffffffff fffffffd 0010 000000000000 0000 0010 00000001 ffff 000000000000",
        &[(16, 1), (16, 8), (26, 1), (26, 8)],
    ),
    // group_mod: bucket, action (1.3.5, 7.3.4.2)
    (
        "040f0030 00000001 0000 00 00 00000001 0020 0000 ffffffff ffffffff 00000000 0000 0010 00000001 ffff 000000000000",
        &[(16, 1), (16, 8), (34, 1), (34, 8)],
    ),
    // group_mod: bucket, its actions, a property (1.5.1, 7.3.4.3)
    (
        "060f0038 00000001 0000 00 00 00000001 0020 0000 ffffffff 0020 0010 00000000
         0000 0010 00000001 ffff 000000000000 0000 0008 0005 0000",
        &[(16, 1), (24, 1), (24, 8), (26, 1), (26, 17), (34, 1), (34, 8), (50, 1), (50, 9)],
    ),
    // meter_mod: a band (1.3.5, 7.3.4.4)
    (
        "041d0020 00000001 0000 0005 00000001 0001 0010 00000064 00000000 00000000",
        &[(18, 1), (18, 8)],
    ),
    // table_features reply: an entry, a property (1.3.5, 7.3.5.5)
    (
        "04130058 00000002 000c 0000 00000000 0048 00 0000000000
         74000000000000000000000000000000 00000000000000000000000000000000 0000000000000000
         0000000000000000 00000000 00000000
         0000 0008 0001 0004",
        &[(16, 1), (16, 8), (82, 1), (82, 9)],
    ),
    // flow stats reply: an entry, its match (1.3.5, 7.3.5.2)
    (
        "04130048 00000002 0001 0000 00000000 0038 03 00 00000005 00000100 8064 0005 0006 0001 00000000
         0000000000000011 0000000000000003 0000000000000030 0001 0004 00000000",
        &[(16, 1), (16, 8), (66, 100)],
    ),
    // port_status: a property (1.4.1, 7.4.3)
    (
        "050c0058 00000001 00 00000000000000 00000001 0048 0000 010203040506 0000 65746830000000000000000000000000
         00000000 00000000 0000 0020 00000000 00000000 00000000 00000000 00000000 00000000 00000000",
        &[(20, 1), (20, 8), (58, 1), (58, 9)],
    ),
    // set_async: a property (1.4.1, 7.3.10)
    ("051c0010 00000001 0000 0008 00000003", &[(10, 1), (10, 9)]),
    // queue_get_config reply: a queue, a property (1.3.5, 7.3.6)
    (
        "04170030 00000001 00000001 00000000 00000007 00000001 0020 000000000000 0001 0010 00000000 03e8 000000000000",
        &[(24, 1), (24, 8), (34, 1), (34, 8)],
    ),
    // bundle_add_message: the message inside (1.4.1, 7.3.9.6)
    (
        "05220018 00000007 00000001 0000 0001 05 14 0008 00000007",
        &[(18, 1), (18, 8)],
    ),
];

#[test]
fn an_inner_length_that_runs_past_its_container_is_refused() {
    for (digits, lengths) in LENGTHS {
        let whole = unhex(digits);
        let object = decode_line(hex(&whole).as_bytes());
        assert!(is_ok(&object), "{object:?} of {digits}");
        assert_eq!(text(&object, "reencoded"), hex(&whole));
        for (at, more) in *lengths {
            let mut changed = whole.clone();
            let length = u16::from_be_bytes([changed[*at], changed[at + 1]]);
            changed[*at..at + 2].copy_from_slice(&(length + more).to_be_bytes());
            let object = decode_line(hex(&changed).as_bytes());
            assert!(
                !is_ok(&object),
                "{more} more at {at} of {digits}: {object:?}"
            );
        }
    }
}

#[test]
fn an_inner_length_below_its_least_is_refused() {
    for (digits, lengths) in LENGTHS {
        for (at, _) in *lengths {
            for length in 0_u16..4 {
                let mut changed = unhex(digits);
                // The length of a list may be nothing.
                let list = digits.starts_with("040d") && *at == 16
                    || *at == 26 && digits.starts_with("060f");
                if list && length == 0 {
                    continue;
                }
                changed[*at..at + 2].copy_from_slice(&length.to_be_bytes());
                let object = decode_line(hex(&changed).as_bytes());
                assert!(!is_ok(&object), "{length} at {at} of {digits}: {object:?}");
            }
        }
    }
}

#[test]
fn what_is_no_line_of_digits_says_so() {
    for line in [
        &b""[..],
        b"  \t",
        b"0",
        b"040",
        b"zz",
        b"04 14",
        b"\xff\xfe",
        b"0x04",
    ] {
        assert!(!is_ok(&decode_line(line)), "{line:?}");
    }
    let padded = decode_line(b" \t0414000800ABCDEF\r");
    assert_eq!(text(&padded, "reencoded"), "0414000800abcdef");
}

#[test]
fn a_whole_input_is_answered_line_by_line_however_long_a_line_is() {
    let mut input = b"0414000800000001\n\n".to_vec();
    input.extend(vec![b'0'; 1 << 20]);
    input.extend(b"\n\xff\n0414000800000002");
    let mut answers = Vec::new();
    each_line(&input[..], |described| {
        answers.push(
            described
                .map(|described| described.header.xid)
                .map_err(|error| error.to_string()),
        );
        Ok(())
    })
    .unwrap();
    assert_eq!(answers.len(), 5);
    assert_eq!((&answers[0], &answers[4]), (&Ok(1), &Ok(2)));
    assert!(
        answers[2].as_ref().unwrap_err().contains("at most"),
        "{answers:?}"
    );
    assert!(answers[1].is_err() && answers[3].is_err());
}

#[test]
fn what_is_wrong_with_an_object_is_named_by_its_path() {
    let object = |json: &str| encode_line(&serde_json::from_str(json).unwrap());
    for (json, path) in [
        (
            r#"{"type":"hello","xid":1,"body":{"elements":[]}}"#,
            "version",
        ),
        (
            r#"{"version":"1.7","type":"hello","xid":1,"body":{"elements":[]}}"#,
            "version",
        ),
        (
            r#"{"version":"1.3","type":"helo","xid":1,"body":{}}"#,
            "type",
        ),
        (
            r#"{"version":"1.0","type":"meter_mod","xid":1,"body":{}}"#,
            "type",
        ),
        (
            r#"{"version":"1.3","type":"barrier_request","body":{}}"#,
            "xid",
        ),
        (
            r#"{"version":"1.3","type":"barrier_request","xid":4294967296,"body":{}}"#,
            "xid",
        ),
        (
            r#"{"version":"1.3","type":"echo_request","xid":1,"body":{"data":"abc"}}"#,
            "body.data",
        ),
        (
            r#"{"version":"1.3","type":"meter_mod","xid":1,"body":{"command":"add","flags":0,"meter_id":1,"bands":[{"type":"drop","rate":1}]}}"#,
            "body.bands.0.burst_size",
        ),
        (
            r#"{"version":"1.3","type":"error","xid":1,"body":{"type":1,"code":6,"name":"OFPBRC_EPERM","data":""}}"#,
            "body.name",
        ),
        (
            r#"{"version":"1.3","type":"error","xid":1,"body":{"type":65535,"code":6,"data":""}}"#,
            "body.type",
        ),
    ] {
        let error = object(json).unwrap_err();
        assert_eq!(error.path, path, "{json}: {error}");
    }
    // The name of an error may be left out.
    let error =
        r#"{"version":"1.3","type":"error","xid":1,"body":{"type":1,"code":6,"data":"ab"}}"#;
    assert_eq!(object(error).unwrap(), "0401000d0000000100010006ab");
}
