//! What derives from rows, shown with a structure and a union that have all that rows can say.

#![allow(
    unreachable_pub,
    dead_code,
    reason = "rows are declared for the crate's users"
)]

use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::types::{MacAddr, PortNo};

record! {
    /// A structure with all that rows can say.
    pub struct Sample {
        /// A port.
        port_no: PortNo;
        /// Comes with the length.
        {length [V1_4 V1_5], pad 2 [V1_0 V1_3]} kind "type": u16;
        /// An address.
        {pad 2} hw_addr: MacAddr;
        /// Only in some versions.
        state: u32 [V1_3 V1_5];
        /// A name.
        name: Name<8>;
        /// Until the end.
        properties: Vec<SampleProperty> [V1_4 V1_5];
    }
}

variants! {
    /// A union.
    pub enum SampleProperty: Property, rows SAMPLE_PROPERTIES {
        /// One with fields.
        Speed "speed" [std 1 V1_4 V1_5] { {pad 4} speed: u64; tail "rest": Bytes; }
        /// One without.
        Mark "mark" [std 2 V1_4 V1_4, std 3 V1_5 V1_5] {}
        /// A vendor's.
        Nested "nested" [onf 7 V1_4 V1_5] { list: Vec<SampleProperty>; }
    }
}

fn read<T: Wire>(bytes: &[u8], version: Version) -> Result<T, DecodeError> {
    let bytes = Bytes::copy_from_slice(bytes);
    let mut r = Reader::new(&bytes);
    let value = T::read(&mut r, version, "a value")?;
    r.finish("the end")?;
    Ok(value)
}

fn written<T: Wire>(value: &T, version: Version) -> Vec<u8> {
    let mut w = Writer::new();
    value.write(&mut w, version).unwrap();
    w.freeze().to_vec()
}

proptest! {
    #[test]
    fn what_is_made_up_survives_bytes_and_the_plain_form(dice: Vec<u8>, at in 0..6_usize) {
        let version = [Version::V1_0, Version::V1_1, Version::V1_2, Version::V1_3, Version::V1_4, Version::V1_5][at];
        let sample = Sample::generate(&mut Dice::new(&dice), version);
        let bytes = written(&sample, version);
        prop_assert_eq!(&read::<Sample>(&bytes, version).unwrap(), &sample);
        let plain = sample.value(version);
        prop_assert_eq!(&Sample::from_value(&plain, version).unwrap(), &sample);
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes: Vec<u8>) {
        if let Ok(sample) = read::<Sample>(&bytes, Version::V1_4) {
            prop_assert_eq!(written(&sample, Version::V1_4).len(), bytes.len());
        }
    }
}

#[test]
fn fields_stand_where_their_row_says() {
    let sample = Sample {
        port_no: PortNo::LOCAL,
        kind: 0x0102,
        hw_addr: MacAddr([1, 2, 3, 4, 5, 6]),
        state: 7,
        name: Name::new("eth0"),
        properties: vec![
            SampleProperty::Mark {},
            SampleProperty::Experimenter {
                experimenter: 9,
                data: Bytes::from_static(&[1, 2, 3]).into(),
            },
        ],
    };
    let wire = [
        0xff, 0xff, 0xff, 0xfe, // port_no
        0, 0x30, // length
        1, 2, // type
        0, 0, // padding
        1, 2, 3, 4, 5, 6, // hw_addr
        0, 0, 0, 7, // state
        b'e', b't', b'h', b'0', 0, 0, 0, 0, // name
        0, 3, 0, 4, 0, 0, 0, 0, // the property mark of 1.5
        0xff, 0xff, 0, 11, 0, 0, 0, 9, 1, 2, 3, 0, 0, 0, 0,
        0, // that of a vendor, which pads to sixteen
    ];
    let mut expected = wire.to_vec();
    expected[5] = expected.len() as u8;
    assert_eq!(written(&sample, Version::V1_5), expected);
}

#[test]
fn what_a_version_does_not_have_is_refused_by_name() {
    let mut sample = Sample::generate(&mut Dice::new(&[]), Version::V1_0);
    sample.state = 1;
    let mut w = Writer::new();
    let refused = sample.write(&mut w, Version::V1_0).unwrap_err();
    assert_eq!(refused.to_string(), "OpenFlow 1.0 cannot say Sample.state");
    let mut plain = sample.value(Version::V1_0);
    if let Value::Object(members) = &mut plain {
        members.push(("state".into(), Value::Number(1)));
    }
    let refused = Sample::from_value(&plain, Version::V1_0).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "state: expected one of the members port_no, type, hw_addr, name"
    );
}

#[test]
fn lengths_that_lie_are_refused() {
    let sample = Sample::generate(&mut Dice::new(&[]), Version::V1_5);
    let bytes = written(&sample, Version::V1_5);
    for length in (0..=255_u8).filter(|length| usize::from(*length) != bytes.len()) {
        let mut lie = bytes.clone();
        lie[5] = length;
        assert!(read::<Sample>(&lie, Version::V1_5).is_err(), "{length}");
    }
}

#[test]
fn a_list_is_the_same_whether_it_holds_its_elements_itself_or_not() {
    for length in 0..6_u16 {
        let numbers: Vec<u16> = (0..length).collect();
        let kept: List<u16, 3> = numbers.iter().copied().collect();
        let moved = List::<u16, 3>::from(numbers.clone());
        assert_eq!(kept, moved);
        assert_eq!(kept, numbers);
        let mut grown = List::<u16, 3>::default();
        numbers.iter().for_each(|number| grown.push(*number));
        assert_eq!(grown, kept);
        let mut w = Writer::new();
        kept.write(&mut w, Version::V1_3).expect("numbers");
        let bytes = w.freeze();
        assert_eq!(bytes.len(), 2 * usize::from(length));
        let read = List::read(&mut Reader::new(&bytes), Version::V1_3, "numbers");
        assert_eq!(read, Ok(kept.clone()));
        assert_eq!(kept.value(Version::V1_3), numbers.value(Version::V1_3));
        assert_eq!(kept.into_vec(), numbers);
    }
}
