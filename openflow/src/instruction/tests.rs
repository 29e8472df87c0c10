//! Vectors of instructions (Open vSwitch, tests/ofp-actions.at; the trigger from OpenFlow 1.5.1, 7.2.5), and
//! round trips of made-up ones.

use proptest::prelude::*;

use super::*;
use crate::record::Plain;

/// Versions, what it is, bytes.
fn vectors() -> Vec<(Version, Instruction, &'static [u8])> {
    let table_id = TableId(1);
    let (metadata, mask) = (0xfedc_ba98_7654_3210, 0xff00_ff00_ff00_ff00);
    let meter_id = MeterId(5);
    vec![
        (
            Version::V1_1,
            Instruction::GotoTable { table_id },
            &[0, 1, 0, 8, 1, 0, 0, 0],
        ),
        (
            Version::V1_1,
            Instruction::WriteMetadata { metadata, mask },
            &[
                0, 2, 0, 24, 0, 0, 0, 0, 0xfe, 0xdc, 0xba, 0x98, 0x76, 0x54, 0x32, 0x10, 0xff, 0,
                0xff, 0, 0xff, 0, 0xff, 0,
            ],
        ),
        (
            Version::V1_3,
            Instruction::write_actions(vec![Action::pop_vlan()]),
            &[0, 3, 0, 16, 0, 0, 0, 0, 0, 18, 0, 8, 0, 0, 0, 0],
        ),
        (
            Version::V1_5,
            Instruction::apply(Vec::new()),
            &[0, 4, 0, 8, 0, 0, 0, 0],
        ),
        (
            Version::V1_2,
            Instruction::ClearActions {},
            &[0, 5, 0, 8, 0, 0, 0, 0],
        ),
        (
            Version::V1_3,
            Instruction::Meter { meter_id },
            &[0, 6, 0, 8, 0, 0, 0, 5],
        ),
        (
            Version::V1_5,
            Instruction::StatTrigger {
                flags: 1,
                thresholds: Box::new(Stats(
                    [crate::message::Stat::PacketCount { count: 9 }]
                        .into_iter()
                        .collect(),
                )),
            },
            &[
                0, 7, 0, 24, 0, 0, 0, 1, 0, 0, 0, 16, 0x80, 2, 8, 8, 0, 0, 0, 0, 0, 0, 0, 9,
            ],
        ),
        (
            Version::V1_3,
            Instruction::Experimenter {
                experimenter: 0x00ab_cdef,
                data: Bytes::new().into(),
            },
            &[0xff, 0xff, 0, 8, 0, 0xab, 0xcd, 0xef],
        ),
    ]
}

fn read(bytes: &[u8], version: Version) -> Result<Vec<Instruction>, DecodeError> {
    let bytes = Bytes::copy_from_slice(bytes);
    Vec::read(&mut Reader::new(&bytes), version, "an instruction")
}

#[test]
fn instructions_are_what_the_specification_says() {
    let mut seen = Vec::new();
    for (version, instruction, bytes) in vectors() {
        assert_eq!(read(bytes, version), Ok(vec![instruction.clone()]));
        let written = to_bytes(std::slice::from_ref(&instruction), version).unwrap();
        assert_eq!(written, bytes);
        seen.extend(instruction.row().map(|row| row.name));
        for length in 0..bytes.len() {
            let mut lie = bytes.to_vec();
            lie[3] = length as u8;
            let shorter = length >= 8 && length % 8 == 0;
            assert!(read(&lie, version).is_err() || shorter);
        }
    }
    assert!(ROWS.iter().all(|row| seen.contains(&row.name)));
}

#[test]
fn leading_meters_are_instructions_before_they_are_actions() {
    let meter_id = MeterId(5);
    let actions = vec![Action::meter(meter_id), Action::pop_vlan()];
    let list = [Instruction::apply(actions)];
    let bytes = to_bytes(&list, Version::V1_3).unwrap();
    let expected = [
        Instruction::Meter { meter_id },
        Instruction::apply(vec![Action::pop_vlan()]),
    ];
    assert_eq!(read(&bytes, Version::V1_3), Ok(expected.to_vec()));
    let bytes = to_bytes(&list, Version::V1_5).unwrap();
    assert_eq!(read(&bytes, Version::V1_5), Ok(list.to_vec()));
}

proptest! {
    #[test]
    fn what_is_made_up_survives_bytes_and_the_plain_form(dice in prop::collection::vec(any::<u8>(), 0..400), at in 1..6_usize) {
        let version = Version::ALL[at];
        let list = Vec::<Instruction>::generate(&mut Dice::new(&dice), version);
        let bytes = to_bytes(&list, version).unwrap();
        prop_assert_eq!(&read(&bytes, version).unwrap(), &list);
        let plain = list.value(version);
        prop_assert_eq!(&Vec::<Instruction>::from_value(&plain, version).unwrap(), &list);
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200), kind in 0..9_u8, at in 1..6_usize) {
        let mut wire = vec![0, kind, 0, (bytes.len() + 4).next_multiple_of(8) as u8];
        wire.extend(bytes);
        wire.resize(wire.len().next_multiple_of(8), 0);
        let version = Version::ALL[at];
        if let Ok(list) = read(&wire, version) {
            let again = to_bytes(&list, version).unwrap();
            prop_assert_eq!(read(&again, version).unwrap(), list);
        }
    }
}
