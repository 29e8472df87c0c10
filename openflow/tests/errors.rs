//! The table of errors beside what Open vSwitch numbers them, and error messages of every version.

use rust_openflow::error::ErrorAnswer;
use rust_openflow::message::{ERRORS, ErrorKind, ErrorMessage, ErrorRow};
use rust_openflow::{Message, Version};

const VECTORS: &str = include_str!("vectors/errors.vectors");

/// Name, version, vendor, type, code.
type Numbered = (&'static str, Version, Option<u32>, u16, u16);

fn numbered() -> Vec<Numbered> {
    let mut all = Vec::new();
    for line in VECTORS.lines() {
        let Some((names, numbers)) = line.split_once(" = ") else {
            continue;
        };
        let name = names.split(' ').next().unwrap();
        for number in numbers.split(", ") {
            let (version, number) = number.split_once(' ').unwrap();
            let mut spoken = Version::ALL.into_iter();
            let version = spoken.find(|own| own.name() == version).unwrap();
            let parts: Vec<&str> = number.split(':').collect();
            let vendor = u32::from_str_radix(parts[0].trim_start_matches("0x"), 16).unwrap();
            let (kind, code) = (parts[1].parse().unwrap(), parts[2].parse().unwrap());
            all.push(match vendor {
                0 => (name, version, None, kind, code),
                // Since OpenFlow 1.2 a vendor's errors are all of one type.
                _ if version >= Version::V1_2 => (name, version, Some(vendor), 0xffff, kind),
                _ => (name, version, Some(vendor), kind, code),
            });
        }
    }
    all
}

/// Open vSwitch says these by the numbers of errors that the versions' specifications have under other names.
fn is_borrowed((name, version, ..): &Numbered) -> bool {
    match *name {
        "OFPBIC_BAD_EXP_TYPE" => *version == Version::V1_1,
        "OFPBRC_IS_SLAVE" => *version <= Version::V1_1,
        _ => false,
    }
}

#[test]
fn every_error_has_the_numbers_that_open_vswitch_gives_it_and_no_others() {
    let expected: Vec<Numbered> = numbered()
        .into_iter()
        .filter(|numbered| !is_borrowed(numbered))
        .collect();
    for &(name, version, vendor, kind, code) in &expected {
        let row = ErrorRow::find(vendor, kind, code, version);
        assert_eq!(row.map(|row| row.name), Some(name), "{version}");
    }
    let ours = ERRORS.iter().flat_map(|row| {
        let versions = Version::ALL.into_iter();
        versions.filter(|version| row.code(*version).is_some())
    });
    assert_eq!(ours.count(), expected.len());
}

fn decoded(hex: &str) -> ErrorMessage {
    let digits: Vec<u8> = hex.bytes().filter(|byte| *byte != b' ').collect();
    let bytes: Vec<u8> = digits
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect();
    let (header, message) = Message::decode(&bytes.clone().into()).unwrap();
    let version = Version::from_wire(header.version).unwrap();
    assert_eq!(message.encode(version, header.xid).unwrap(), bytes);
    match message {
        Message::Error(error) => error,
        other => panic!("{other:?}"),
    }
}

/// Messages and names of Open vSwitch's tests/ofp-errors.at.
#[test]
fn the_same_numbers_are_another_error_in_another_version() {
    for (hex, name) in [
        (
            "01010014 00000000 0003 0001 0106ccddeeff0011",
            "OFPFMFC_OVERLAP",
        ),
        (
            "02010014 00000000 0003 0001 0206ccddeeff0011",
            "OFPBIC_UNSUP_INST",
        ),
        (
            "05010014 00000000 0003 0009 0206ccddeeff0011",
            "OFPBIC_DUP_INST",
        ),
        (
            "03010014 12345678 000b 0002 0300000812345678",
            "OFPRRFC_BAD_ROLE",
        ),
        (
            "03010014 55555555 0003 0006 0102000811111111",
            "OFPBIC_BAD_EXP_TYPE",
        ),
    ] {
        assert_eq!(decoded(hex).row().unwrap().name, name, "{hex}");
    }
}

/// Messages and names of Open vSwitch's tests/ofp-errors.at.
#[test]
fn vendors_errors_have_a_form_of_their_own_before_1_2() {
    for (hex, name) in [
        (
            "0101001c 55555555 b0c20000 00002320 0001 0104 0102000811111111",
            "OFPBMC_BAD_PREREQ",
        ),
        (
            "0201001c 55555555 b0c20000 00002320 0001 0203 0102000811111111",
            "NXBRC_MUST_BE_ZERO",
        ),
        (
            "0201001c 12345678 b0c20000 00002320 0001 0201 0200000812345678",
            "OFPRRFC_BAD_ROLE",
        ),
        (
            "03010018 55555555 ffff0004 00002320 0102000811111111",
            "NXBRC_MUST_BE_ZERO",
        ),
    ] {
        let error = decoded(hex);
        assert_eq!(error.row().unwrap().name, name, "{hex}");
        assert_eq!(error.data.len(), 8);
    }
}

#[test]
fn an_answer_is_numbered_as_its_version_numbers_it_and_known_again_in_each() {
    let answers = [
        ErrorAnswer::BAD_REQUEST_LEN,
        ErrorAnswer::BAD_MATCH_LEN,
        ErrorAnswer::BAD_PROPERTY_LEN,
        ErrorAnswer::BUNDLE_MESSAGE_LEN,
        ErrorAnswer::STALE,
    ];
    for answer in answers {
        for version in Version::ALL {
            let wanted = ErrorMessage::new(answer, "x".into());
            let said = wanted.clone().in_words_of(version);
            let bytes = Message::Error(said.clone()).encode(version, 1).unwrap();
            let (_, read) = Message::decode(&bytes).unwrap();
            assert_eq!(read, Message::Error(said.clone()));
            let known = wanted.error.numbers(version).is_some();
            assert_eq!(said.is(answer), known);
            assert!(known || said.is(ErrorAnswer::BAD_REQUEST_LEN));
        }
    }
    let lacking = ErrorMessage::new(ErrorAnswer::BAD_MATCH_LEN, "".into());
    assert!(Message::Error(lacking).encode(Version::V1_0, 1).is_err());
    // EXT-230 numbers the errors of bundles as the ONF's in OpenFlow 1.3.
    let bundle = ErrorMessage::new(ErrorAnswer::BUNDLE_MESSAGE_LEN, "".into());
    let onf = Some((Some(0x4f4e_4600), 0xffff, 2308));
    assert_eq!(bundle.error.numbers(Version::V1_3), onf);
}

#[test]
fn a_vendors_error_without_its_vendor_is_cut_short() {
    for hex in [
        "0401000c00000001ffff0001",
        "0101000c00000001b0c20000",
        "0101001000000001b0c2000000002320",
    ] {
        let bytes: Vec<u8> = (0..hex.len() / 2)
            .map(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).unwrap())
            .collect();
        assert!(Message::decode(&bytes.into()).is_err(), "{hex}");
    }
    // OpenFlow 1.0 has no such type: it is one like others.
    let error = decoded("0101000c00000001ffff0001");
    let (vendor, kind, code) = (None, 0xffff, 1);
    assert_eq!(error.error, ErrorKind::Unknown { vendor, kind, code });
}
