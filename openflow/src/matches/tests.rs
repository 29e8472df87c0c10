//! Tests of matches: their codec, their meaning, their forms.

use proptest::prelude::*;

use super::standard::Standard;
use super::*;
use crate::field::{BASIC, ERICSSON, EXPERIMENTER, NSH, NXM_0, NXM_1, ONF, PACKET_REGS, ROWS};
use crate::record::{Dice, Generate, Plain, Wire};

/// Fields that Open vSwitch does not know; their vectors are in this file.
pub(crate) const NOT_IN_OVS: &[Field] = &[
    Field::InPhyPort,
    Field::PbbIsid,
    Field::PbbUca,
    Field::Ipv6Exthdr,
    Field::Xxreg4,
    Field::Xxreg5,
    Field::Xxreg6,
    Field::Xxreg7,
];

/// Reads entries of a version from hexadecimal digits, with or without white space.
fn read(hex: &str, version: Version) -> Result<Vec<Entry>, DecodeError> {
    let bytes = unhex(hex);
    Match::decode_entries(&mut Reader::new(&bytes), version).map(|matches| matches.entries.into())
}

fn unhex(hex: &str) -> Bytes {
    let digits: Vec<u8> = hex
        .bytes()
        .filter(|digit| !digit.is_ascii_whitespace())
        .collect();
    let value = |digit: u8| char::from(digit).to_digit(16).expect("a digit") as u8;
    digits
        .chunks(2)
        .map(|pair| value(pair[0]) << 4 | value(pair[1]))
        .collect()
}

fn written<T: Wire>(value: &T, version: Version) -> Result<Bytes, EncodeError> {
    let mut w = Writer::new();
    value.write(&mut w, version)?;
    Ok(w.freeze())
}

fn of_bytes<T: Wire>(bytes: &Bytes, version: Version) -> T {
    let mut r = Reader::new(bytes);
    let value = T::read(&mut r, version, "a value").expect("what was written");
    assert!(r.is_empty(), "{} bytes are left", r.remaining());
    value
}

/// Writes, reads, and makes plain: the value stays what it is.
fn round_trip<T: Wire + Plain + PartialEq + std::fmt::Debug>(value: &T, version: Version) -> Bytes {
    let bytes = written(value, version).expect("the version can say it");
    assert_eq!(&of_bytes::<T>(&bytes, version), value, "{bytes:02x?}");
    let plain = value.value(version);
    assert_eq!(
        T::from_value(&plain, version).as_ref(),
        Ok(value),
        "{plain:?}"
    );
    bytes
}

/// Bytes, field, value, mask, the class when it is not the usual one, version.
type Vector = (
    &'static str,
    Field,
    u128,
    Option<u128>,
    Option<u16>,
    Version,
);

/// Vectors of fields that Open vSwitch does not know, from the structures of OpenFlow 1.5.1, 7.2.3.7 and 7.2.3.8
/// (class, field and mask bit, length, value, mask), from the extension EXT-256, and of code points that Open
/// vSwitch reads but does not write (ovs-fields(7)).
#[rustfmt::skip]
const VECTORS: &[Vector] = &[
    ("8000 02 04 00000007", Field::InPhyPort, 7, None, None, Version::V1_3),
    ("8000 4a 03 123456", Field::PbbIsid, 0x12_3456, None, None, Version::V1_3),
    ("8000 4b 06 120000 ff0000", Field::PbbIsid, 0x12_0000, Some(0xff_0000), None, Version::V1_3),
    ("8000 4f 04 0005 0007", Field::Ipv6Exthdr, 5, Some(7), None, Version::V1_3),
    ("8000 52 01 01", Field::PbbUca, 1, None, None, Version::V1_4),
    ("ffff 00 07 4f4e4600 0a00 01", Field::PbbUca, 1, None, None, Version::V1_3),
    ("ffff 01 08 4f4e4600 0a00 01 01", Field::PbbUca, 1, Some(1), Some(EXPERIMENTER), Version::V1_5),
    ("ffff 54 06 4f4e4600 0012", Field::TcpFlags, 0x12, None, None, Version::V1_4),
    ("8000 54 02 0012", Field::TcpFlags, 0x12, None, Some(BASIC), Version::V1_4),
    ("0001 44 02 0012", Field::TcpFlags, 0x12, None, Some(NXM_1), Version::V1_5),
    ("ffff 00 08 00002320 00000005", Field::DpHash, 5, None, Some(EXPERIMENTER), Version::V1_5),
    ("0001 e6 10 000102030405060708090a0b0c0d0e0f", Field::Xxreg4, 0x0001_0203_0405_0607_0809_0a0b_0c0d_0e0f, None, None, Version::V1_3),
    ("0001 e8 10 00000000000000000000000000000001", Field::Xxreg5, 1, None, None, Version::V1_3),
    ("0001 ea 10 00000000000000000000000000000001", Field::Xxreg6, 1, None, None, Version::V1_3),
    ("0001 ec 10 00000000000000000000000000000001", Field::Xxreg7, 1, None, None, Version::V1_3),
    // Bits that no mask asks for, and bits beyond the field's, stay.
    ("8000 17 08 0a010203 ff000000", Field::Ipv4Src, 0x0a01_0203, Some(0xff00_0000), None, Version::V1_3),
    ("8000 10 01 ff", Field::IpDscp, 0xff, None, None, Version::V1_3),
    ("8000 0d 04 ffff ffff", Field::VlanVid, 0xffff, Some(0xffff), None, Version::V1_3),
    ("8000 0b 04 0800 0000", Field::EthType, 0x0800, Some(0), None, Version::V1_3),
    ("0000 00 02 fffe", Field::InPort, 0xffff_fffe, None, None, Version::V1_0),
    ("0000 01 04 fffe ffff", Field::InPort, 0xffff_fffe, Some(0xffff), None, Version::V1_0),
    ("0000 04 06 010203040506", Field::EthSrc, 0x0102_0304_0506, None, None, Version::V1_0),
    ("8001 00 08 0000000100000002", Field::Xreg0, 0x1_0000_0002, None, None, Version::V1_5),
    ("1000 02 04 80000000", Field::NdReserved, 0x8000_0000, None, None, Version::V1_5),
];

#[test]
fn vectors_are_fields_with_every_bit_and_are_written_again_as_they_came() {
    for (hex, field, value, mask, class, version) in VECTORS {
        let (field, value, mask, class) = (*field, *value, *mask, *class);
        let mut known = FieldValue::exact(field, value).under(mask);
        known.class = class;
        assert_eq!(read(hex, *version), Ok(vec![Entry::Known(known)]), "{hex}");
        assert_eq!(round_trip(&Entry::Known(known), *version), unhex(hex));
    }
    for field in NOT_IN_OVS {
        assert!(
            VECTORS.iter().any(|row| row.1 == *field),
            "{field:?} has no vector"
        );
    }
}

#[test]
fn every_code_point_survives_in_every_version_with_a_mask_and_without() {
    for version in Version::ALL {
        for code in ROWS.iter().flat_map(|row| row.codes) {
            for masked in [false, true] {
                // A header, then bytes that are all different, so that none can change its place.
                let bytes = if code.bytes > 16 {
                    5
                } else {
                    usize::from(code.bytes)
                };
                let length = usize::from(code.prefix()) + (bytes << u8::from(masked));
                let mut w = Writer::new();
                header::write(&mut w, code, masked, length as u8);
                let payload: Vec<u8> = (0x61..).take(bytes << u8::from(masked)).collect();
                w.slice(&payload);
                let wire = w.freeze();
                let entry: Entry = of_bytes(&wire, version);
                assert!(!matches!(entry, Entry::Unknown(_)), "{}", code.name);
                assert_eq!(
                    round_trip(&entry, version),
                    wire,
                    "{} in {version}",
                    code.name
                );
                let names: Header = of_bytes(
                    &wire.slice(..4 + usize::from(code.prefix().min(4))),
                    version,
                );
                assert_eq!(names.code().map(|(_, found)| found), Some(code));
                round_trip(&names, version);
            }
        }
    }
}

#[test]
fn the_code_point_that_a_version_writes_is_read_without_a_class() {
    for version in Version::ALL {
        for row in ROWS.iter().filter(|row| !row.is_variable()) {
            let value = FieldValue::exact(row.field, 1_u8);
            let Ok(bytes) = written(&Entry::Known(value), version) else {
                assert!(
                    row.codes.iter().all(|code| code.since > version),
                    "{}",
                    row.name
                );
                continue;
            };
            assert_eq!(
                of_bytes::<Entry>(&bytes, version),
                Entry::Known(value),
                "{}",
                row.name
            );
        }
    }
}

#[test]
fn a_class_has_a_field_once() {
    for row in ROWS {
        for (at, code) in row.codes.iter().enumerate() {
            assert!(
                row.codes[at + 1..]
                    .iter()
                    .all(|other| other.class != code.class),
                "{}",
                row.name
            );
            let known = [NXM_0, NXM_1, BASIC, PACKET_REGS, ERICSSON, EXPERIMENTER];
            assert!(known.contains(&code.class) && code.number < 0x80);
        }
    }
    assert_eq!(Field::NshFlags.row().codes[0].experimenter, Some(NSH));
    assert_eq!(Field::ActsetOutput.row().codes[1].experimenter, Some(ONF));
}

#[test]
fn names_of_the_specification_are_those_of_the_first_code_points() {
    for (field, name) in [
        (Field::Ipv4Src, "ipv4_src"),
        (Field::Xreg0, "pkt_reg0"),
        (Field::Reg0, "reg0"),
        (Field::NshC1, "nsh_c1"),
        (Field::NdSll, "ipv6_nd_sll"),
        (Field::TcpFlags, "tcp_flags"),
        (Field::ErspanIdx, "erspan_idx"),
    ] {
        assert_eq!(field.row().spec_name, name);
    }
    for row in ROWS {
        assert_eq!(Field::from_spec_name(row.spec_name), Some(row.field));
    }
}

#[test]
fn lengths_that_are_not_the_fields_are_refused() {
    for hex in [
        "8000 00 03 000001",
        "8000 00 05 0000000100",
        "8000 01 04 00000001",
        "8000 16 00",
        "8000 17 04 0a000000",
        "0001 51 03 010203",
        "ffff 54 03 4f4e46",
        "ffff 54 05 4f4e4600 00",
        "8000 00 04 0000",
        "8000 00",
    ] {
        let error = read(hex, Version::V1_3).expect_err(hex);
        assert_eq!(error.offset, 0, "{hex}");
    }
    let long = format!("0001 50 7d {}", "00".repeat(125));
    assert!(read(&long, Version::V1_3).is_err());
}

#[test]
fn what_the_table_does_not_know_is_kept() {
    for hex in [
        "8000 fe 02 0102",
        "0003 00 00",
        "ffff 54 06 00abcdef 0102",
        "ffff 00 07 4f4e4600 0a01 01",
        "ffff fe 04 4f4e4600",
    ] {
        let entries = read(hex, Version::V1_5).expect(hex);
        assert_eq!(entries, [Entry::Unknown(unhex(hex))]);
        assert_eq!(round_trip(&entries[0], Version::V1_5), unhex(hex));
    }
}

#[test]
fn an_option_of_a_tunnel_has_the_length_that_the_message_says() {
    for (hex, value, mask) in [
        ("0001 50 04 00001234", "00001234", None),
        ("0001 51 04 0012 00ff", "0012", Some("00ff")),
        ("0001 50 00", "", None),
    ] {
        let wanted = LongValue {
            field: Field::TunMetadata0,
            value: unhex(value),
            mask: mask.map(unhex),
        };
        let entries = read(hex, Version::V1_5).expect(hex);
        assert_eq!(entries, [Entry::Long(Box::new(wanted))]);
        assert_eq!(round_trip(&entries[0], Version::V1_5), unhex(hex));
    }
}

#[test]
fn pairs_and_fours_of_registers_split_into_those_that_are_asked_about() {
    let mut matches = Match::any()
        .with(Field::EthType, 0x0800_u16)
        .with_masked(Field::Xreg7, 0x1234_u128 << 32, 0xffff_ffff_u128 << 32)
        .with_masked(Field::Xreg6, 0x0300_u128, 0xff00_u128)
        .with(
            Field::Xxreg0,
            1_u128 << 96 | 2_u128 << 64 | 3_u128 << 32 | 4,
        );
    matches.split_registers();
    let split = Match::any()
        .with(Field::EthType, 0x0800_u16)
        .with(Field::Reg14, 0x1234_u32)
        .with_masked(Field::Reg13, 0x0300_u32, 0xff00_u32)
        .with(Field::Reg0, 1_u32)
        .with(Field::Reg1, 2_u32)
        .with(Field::Reg2, 3_u32)
        .with(Field::Reg3, 4_u32);
    assert_eq!(matches, split);
}

/// Matches of OpenFlow 1.0 as `ovs-ofctl -O OpenFlow10 add-flow` sends them, and three that are written by hand
/// from 1.0.0, 5.2.3; what they say, as text; and whether this crate would write them otherwise.
#[rustfmt::skip]
const VECTORS_1_0: &[(&str, &str, bool)] = &[
    ("003820fe 0001 000000000000 000000000000 0000 00 00 0000 00 00 0000 00000000 00000000 0000 0000",
     "in_port=1", false),
    ("003820fe fffe 000000000000 000000000000 0000 00 00 0000 00 00 0000 00000000 00000000 0000 0000",
     "in_port=LOCAL", false),
    ("003820f3 0000 010203040506 060504030201 0000 00 00 0000 00 00 0000 00000000 00000000 0000 0000",
     "dl_src=01:02:03:04:05:06,dl_dst=06:05:04:03:02:01", false),
    ("003820fd 0000 000000000000 000000000000 0005 00 00 0000 00 00 0000 00000000 00000000 0000 0000",
     "dl_vlan=5", false),
    ("002820fd 0000 000000000000 000000000000 ffff 00 00 0000 00 00 0000 00000000 00000000 0000 0000",
     "vlan_tci=0x0000", false),
    ("002820fd 0000 000000000000 000000000000 0003 03 00 0000 00 00 0000 00000000 00000000 0000 0000",
     "dl_vlan=3,dl_vlan_pcp=3", false),
    ("003820ef 0000 000000000000 000000000000 0000 00 00 0800 00 00 0000 00000000 00000000 0000 0000",
     "ip", false),
    ("003018ef 0000 000000000000 000000000000 0000 00 00 0800 00 00 0000 0a000000 0a010203 0000 0000",
     "ip,nw_src=10.0.0.0/8,nw_dst=10.1.2.3", false),
    ("0038200f 0000 000000000000 000000000000 0000 00 00 0800 00 06 0000 00000000 00000000 0050 0051",
     "tcp,tp_src=80,tp_dst=81", false),
    ("0018204f 0000 000000000000 000000000000 0000 00 00 0800 10 11 0000 00000000 00000000 0000 0035",
     "udp,nw_tos=16,tp_dst=53", false),
    ("0038200f 0000 000000000000 000000000000 0000 00 00 0800 00 01 0000 00000000 00000000 0003 0001",
     "icmp,icmp_type=3,icmp_code=1", false),
    ("003200cf 0000 000000000000 000000000000 0000 00 00 0806 00 01 0000 01020304 05060700 0000 0000",
     "arp,arp_spa=1.2.3.4,arp_tpa=5.6.7.0/24,arp_op=1", false),
    ("003820ef 0000 000000000000 000000000000 0000 00 00 88cc 00 00 0000 00000000 00000000 0000 0000",
     "dl_type=0x88cc", false),
    ("003820ef 0000 000000000000 000000000000 0000 00 00 05ff 00 00 0000 00000000 00000000 0000 0000",
     "dl_type=0x05ff", false),
    ("003820ff 0000 000000000000 000000000000 0000 00 00 0000 00 00 0000 00000000 00000000 0000 0000",
     "", false),
    ("002820ff 0000 000000000000 000000000000 0000 03 00 0000 00 00 0000 00000000 00000000 0000 0000",
     "dl_vlan_pcp=3", false),
    // All wildcards set, as many controllers have it.
    ("003fffff 0000 000000000000 000000000000 0000 00 00 0000 00 00 0000 00000000 00000000 0000 0000", "", true),
    // Values that wildcards let be anything, and addresses of no IP packet.
    ("003820ef 0005 000000000001 000000000002 0003 04 00 0800 10 06 0000 0a000001 0a000002 0050 0051", "ip", true),
    ("00382000 0005 000000000001 000000000002 0003 04 00 88cc 10 06 0000 0a000001 0a000002 0050 0051",
     "in_port=5,dl_vlan=3,dl_src=00:00:00:00:00:01,dl_dst=00:00:00:00:00:02,dl_type=0x88cc", true),
];

/// Matches of OpenFlow 1.1 as `ovs-ofctl -O OpenFlow11 add-flow` sends them, and one written by hand from 1.1.0,
/// A.2.3.
#[rustfmt::skip]
const VECTORS_1_1: &[(&str, &str, bool)] = &[
    ("0000 0058 00000001 000003fe 000000000000 ffffffffffff 000000000000 ffffffffffff 0000 00 00 0000 00 00 00000000 ffffffff 00000000 ffffffff 0000 0000 00000000 00 000000 0000000000000000 ffffffffffffffff",
     "in_port=1", false),
    ("0000 0058 fffffffe 000003fe 000000000000 ffffffffffff 000000000000 ffffffffffff 0000 00 00 0000 00 00 00000000 ffffffff 00000000 ffffffff 0000 0000 00000000 00 000000 0000000000000000 ffffffffffffffff",
     "in_port=LOCAL", false),
    ("0000 0058 00000000 000003ff 010203040506 000000000000 060504030201 000000000000 0000 00 00 0000 00 00 00000000 ffffffff 00000000 ffffffff 0000 0000 00000000 00 000000 0000000000000000 ffffffffffffffff",
     "dl_src=01:02:03:04:05:06,dl_dst=06:05:04:03:02:01", false),
    ("0000 0058 00000000 000003fd 000000000000 ffffffffffff 000000000000 ffffffffffff 0005 00 00 0000 00 00 00000000 ffffffff 00000000 ffffffff 0000 0000 00000000 00 000000 0000000000000000 ffffffffffffffff",
     "dl_vlan=5", false),
    ("0000 0058 00000000 000003fd 000000000000 ffffffffffff 000000000000 ffffffffffff ffff 00 00 0000 00 00 00000000 ffffffff 00000000 ffffffff 0000 0000 00000000 00 000000 0000000000000000 ffffffffffffffff",
     "vlan_tci=0x0000", false),
    ("0000 0058 00000000 000003f9 000000000000 ffffffffffff 000000000000 ffffffffffff 0003 03 00 0000 00 00 00000000 ffffffff 00000000 ffffffff 0000 0000 00000000 00 000000 0000000000000000 ffffffffffffffff",
     "dl_vlan=3,dl_vlan_pcp=3", false),
    ("0000 0058 00000000 000003f7 000000000000 ffffffffffff 000000000000 ffffffffffff 0000 00 00 0800 00 00 00000000 ffffffff 00000000 ffffffff 0000 0000 00000000 00 000000 0000000000000000 ffffffffffffffff",
     "ip", false),
    ("0000 0058 00000000 000003f7 000000000000 ffffffffffff 000000000000 ffffffffffff 0000 00 00 0800 00 00 0a000000 00ffffff 0a010203 00000000 0000 0000 00000000 00 000000 0000000000000000 ffffffffffffffff",
     "ip,nw_src=10.0.0.0/8,nw_dst=10.1.2.3", false),
    ("0000 0058 00000000 00000317 000000000000 ffffffffffff 000000000000 ffffffffffff 0000 00 00 0800 00 06 00000000 ffffffff 00000000 ffffffff 0050 0051 00000000 00 000000 0000000000000000 ffffffffffffffff",
     "tcp,tp_src=80,tp_dst=81", false),
    ("0000 0058 00000000 00000347 000000000000 ffffffffffff 000000000000 ffffffffffff 0000 00 00 0800 10 11 00000000 ffffffff 00000000 ffffffff 0000 0035 00000000 00 000000 0000000000000000 ffffffffffffffff",
     "udp,nw_tos=16,tp_dst=53", false),
    ("0000 0058 00000000 00000317 000000000000 ffffffffffff 000000000000 ffffffffffff 0000 00 00 0800 00 01 00000000 ffffffff 00000000 ffffffff 0003 0001 00000000 00 000000 0000000000000000 ffffffffffffffff",
     "icmp,icmp_type=3,icmp_code=1", false),
    ("0000 0058 00000000 000003d7 000000000000 ffffffffffff 000000000000 ffffffffffff 0000 00 00 0806 00 01 01020304 00000000 05060700 000000ff 0000 0000 00000000 00 000000 0000000000000000 ffffffffffffffff",
     "arp,arp_spa=1.2.3.4,arp_tpa=5.6.7.0/24,arp_op=1", false),
    ("0000 0058 00000000 000003f7 000000000000 ffffffffffff 000000000000 ffffffffffff 0000 00 00 88cc 00 00 00000000 ffffffff 00000000 ffffffff 0000 0000 00000000 00 000000 0000000000000000 ffffffffffffffff",
     "dl_type=0x88cc", false),
    ("0000 0058 00000000 000003f7 000000000000 ffffffffffff 000000000000 ffffffffffff 0000 00 00 05ff 00 00 00000000 ffffffff 00000000 ffffffff 0000 0000 00000000 00 000000 0000000000000000 ffffffffffffffff",
     "dl_type=0x05ff", false),
    ("0000 0058 00000000 000003ff 000000000000 ffffffffffff 000000000000 ffffffffffff 0000 00 00 0000 00 00 00000000 ffffffff 00000000 ffffffff 0000 0000 00000000 00 000000 0000000000000000 ffffffffffffffff",
     "", false),
    ("0000 0058 00000000 000003ff 000000000000 ffffffffffff 000000000000 ffffffffffff 0000 00 00 0000 00 00 00000000 ffffffff 00000000 ffffffff 0000 0000 00000000 00 000000 0000000000000005 fffffffffffffff8",
     "metadata=0x5/0x7", false),
    ("0000 0058 00000000 000000f7 000000000000 ffffffffffff 000000000000 ffffffffffff 0000 00 00 8847 00 00 00000000 ffffffff 00000000 ffffffff 0000 0000 00000005 03 000000 0000000000000000 ffffffffffffffff",
     "mpls,mpls_label=5,mpls_tc=3", false),
    ("0000 0058 00000000 00000397 000000000000 ffffffffffff 000000000000 ffffffffffff 0000 00 00 0800 00 84 00000000 ffffffff 00000000 ffffffff 0007 0000 00000000 00 000000 0000000000000000 ffffffffffffffff",
     "sctp,tp_src=7", false),
    ("0000 0058 00000000 000003ff 010000000000 feffffffffff 000000000000 ffffffffffff 0000 00 00 0000 00 00 00000000 ffffffff 00000000 ffffffff 0000 0000 00000000 00 000000 0000000000000000 ffffffffffffffff",
     "dl_src=01:00:00:00:00:00/01:00:00:00:00:00", false),
    ("0000 0058 00000000 000003f7 000000000000 ffffffffffff 000000000000 ffffffffffff 0000 00 00 0800 00 00 0a000001 00ffff00 00000000 ffffffff 0000 0000 00000000 00 000000 0000000000000000 ffffffffffffffff",
     "ip,nw_src=10.0.0.1/255.0.0.255", false),
    // Values that masks and wildcards let be anything.
    ("0000 0058 00000005 000003ff 010203040506 ffffffffffff 000000000000 ffffffffffff 0007 01 00 0800 04 06 0a000001 ffffffff
      00000000 ffffffff 0050 0051 00000001 02 000000 0000000000000001 ffffffffffffffff", "", true),
];

#[test]
fn structures_of_old_versions_say_what_entries_say_and_are_written_again_as_they_came() {
    let names = crate::text::Names::default();
    let old = [(Version::V1_0, VECTORS_1_0), (Version::V1_1, VECTORS_1_1)];
    for (version, vectors) in old {
        for (hex, text, odd) in vectors {
            let matches: Match = of_bytes(&unhex(hex), version);
            let read = crate::text::parse_match(text, &names).expect(text);
            assert_eq!(*matches.entries, *read.entries, "{hex}");
            assert_eq!(matches != read, *odd, "{text}");
            assert_eq!(round_trip(&matches, version), unhex(hex), "{text}");
            if !odd {
                assert_eq!(written(&read, version), Ok(unhex(hex)), "{text}");
            }
            // What was odd is not odd any more when something else is asked.
            let changed = matches.clone().with(Field::EthSrc, 9_u8);
            if matches.get(Field::EthSrc).is_none() {
                let wire = written(&changed, version).expect("the version can say it");
                assert!(
                    of_bytes::<Match>(&wire, version)
                        .get(Field::EthSrc)
                        .is_some()
                );
            }
        }
    }
}

#[test]
fn json_of_old_versions_is_that_of_their_structures() {
    let member = |value: &crate::record::Value, name: &str| value.member(name).cloned();
    let plain = Match::any()
        .with(Field::EthType, 0x0800_u16)
        .with(Field::Ipv4Src, 0x0a00_0001_u32);
    let old = plain.value(Version::V1_0);
    assert_eq!(
        member(&old, "nw_src"),
        Some(crate::record::Value::text("10.0.0.1"))
    );
    assert_eq!(
        member(&old, "wildcards"),
        Some(crate::record::Value::Number(0x38_00ef))
    );
    let newer = plain.value(Version::V1_1);
    assert_eq!(
        member(&newer, "nw_src_mask"),
        Some(crate::record::Value::text("0.0.0.0"))
    );
    assert_eq!(
        member(&newer, "type"),
        Some(crate::record::Value::text("standard"))
    );
    let newest = plain.value(Version::V1_3);
    let crate::record::Value::List(fields) = member(&newest, "oxm_fields").expect("fields") else {
        panic!("{newest:?}");
    };
    assert_eq!(
        member(&fields[1], "class"),
        Some(crate::record::Value::text("openflow_basic"))
    );
    assert_eq!(
        member(&fields[1], "field"),
        Some(crate::record::Value::text("ipv4_src"))
    );
    assert_eq!(
        member(&fields[1], "value"),
        Some(crate::record::Value::text("10.0.0.1"))
    );
}

#[test]
fn what_an_old_version_cannot_say_is_refused_by_name() {
    let base = || Match::any().with(Field::EthType, 0x0800_u16);
    let cases = [
        (base().with(Field::Reg0, 1_u32), Version::V1_0, "reg0"),
        (
            base().with(Field::Metadata, 1_u64),
            Version::V1_0,
            "metadata",
        ),
        (
            base().with_masked(Field::EthSrc, 1_u8, 1_u8),
            Version::V1_0,
            "eth_src",
        ),
        (
            base().with_masked(Field::Ipv4Src, 1_u8, 1_u8),
            Version::V1_0,
            "ip_src",
        ),
        (
            base().with(Field::InPort, 0x1_0000_u32),
            Version::V1_0,
            "in_port_oxm",
        ),
        (
            base().with_masked(Field::VlanVid, 0x1000_u16, 0x1000_u16),
            Version::V1_0,
            "vlan_vid",
        ),
        (base().with(Field::TcpSrc, 1_u16), Version::V1_0, "tcp_src"),
        (base().with(Field::IpEcn, 1_u8), Version::V1_1, "nw_ecn"),
        (
            base().with(Field::MplsLabel, 1_u8),
            Version::V1_1,
            "mpls_label",
        ),
        (
            Match::any()
                .with(Field::EthType, 0x0806_u16)
                .with(Field::ArpOp, 256_u16),
            Version::V1_1,
            "arp_op",
        ),
    ];
    for (matches, version, what) in cases {
        let refused = written(&matches, version);
        assert_eq!(refused, Err(EncodeError::NotInVersion { what, version }));
    }
    let mut narrow = FieldValue::exact(Field::InPort, 0x1_0000_u32);
    narrow.class = Some(NXM_0);
    assert!(written(&Entry::Known(narrow), Version::V1_3).is_err());
    let large = FieldValue::exact(Field::Icmpv4Type, 0x100_u16);
    assert!(written(&Entry::Known(large), Version::V1_3).is_err());
}

#[test]
fn a_match_of_an_unknown_type_is_kept_and_refused_where_it_is_asked_about() {
    let hex = "0007 000a 010203040506 000000000000";
    for version in [Version::V1_1, Version::V1_3] {
        let matches: Match = of_bytes(&unhex(hex), version);
        assert_eq!(round_trip(&matches, version), unhex(hex));
        assert_eq!(matches.check(), Err(MatchError::UnknownType { kind: 7 }));
        assert_eq!(matches.normalized(), matches);
    }
    assert!(written(&Match::of_unknown_type(7, Bytes::new()), Version::V1_0).is_err());
}

#[test]
fn a_match_that_makes_no_sense_is_answered_by_what_is_wrong() {
    let ip = || Match::any().with(Field::EthType, 0x0800_u16);
    let odd = |value, mask| {
        let value = FieldValue::exact(Field::Reg0, value).under(mask);
        Match::of(vec![Entry::Known(value)])
    };
    let unknown = Match::of(read("8000 fe 00", Version::V1_3).expect("an entry"));
    let cases = [
        (ip().with(Field::Ipv4Src, 1_u32), None),
        (Match::any().with(Field::Ipv4Src, 1_u32), Some(9)),
        // What a field needs stands before it.
        (
            Match::any()
                .with(Field::Ipv4Src, 1_u32)
                .with(Field::EthType, 0x0800_u16),
            Some(9),
        ),
        (ip().with(Field::TcpSrc, 1_u16), Some(9)),
        (
            ip().with(Field::IpProto, 6_u8).with(Field::TcpSrc, 1_u16),
            None,
        ),
        (ip().with(Field::EthType, 0x0800_u16), Some(10)),
        (odd(3_u64, Some(1)), Some(5)),
        (odd(1 << 32, None), Some(7)),
        (odd(1, Some(u128::MAX)), None),
        (
            Match::any().with_masked(Field::EthType, 0_u16, 1_u16),
            Some(8),
        ),
        (
            Match::any()
                .with(Field::EthType, 0x894f_u16)
                .with(Field::NshSi, 1_u8),
            None,
        ),
        (
            Match::any()
                .with(Field::EthType, 0x88e7_u16)
                .with(Field::PbbIsid, 1_u8),
            None,
        ),
        (unknown, Some(6)),
    ];
    for (matches, code) in cases {
        let error = matches.check().err();
        let answer = error.map(|error| error.answer());
        assert_eq!(
            answer,
            code.map(|code| ErrorAnswer { kind: 4, code }),
            "{matches:?}"
        );
    }
}

#[test]
fn two_ways_to_say_the_same_have_one_form() {
    let by = |hex: &str| Match::of(read(hex, Version::V1_5).expect(hex)).normalized();
    for (one, other) in [
        ("0000 06 02 0800", "8000 0a 02 0800"),
        (
            "8000 17 08 0a010203 ffff0000",
            "8000 17 08 0a010000 ffff0000",
        ),
        (
            "8001 00 08 0000000100000002",
            "0001 00 04 00000001 0001 02 04 00000002",
        ),
        ("0000 09 04 1005 1fff", "8000 0c 02 1005"),
        ("0000 08 02 0000", "8000 0c 02 0000"),
        ("0000 0a 01 10", "8000 10 01 04"),
        ("0001 50 04 00000012", "0001 50 01 12"),
        (
            "8000 0b 04 0800 ffff 8000 17 08 00000000 00000000",
            "8000 0a 02 0800",
        ),
    ] {
        assert_eq!(by(one), by(other), "{one} and {other}");
    }
    assert_ne!(by("0001 50 00"), by("0001 51 00"));
}

#[test]
fn an_nx_match_is_padded_and_says_its_length_elsewhere() {
    let matches = Match::any()
        .with(Field::EthType, 0x0800_u16)
        .with(Field::Reg0, 7_u32);
    let mut w = Writer::new();
    // From `nicira-ext.h`: NXM_OF_ETH_TYPE, NXM_NX_REG0, two bytes of padding.
    let length = matches
        .encode_nx_match(&mut w, Version::V1_0)
        .expect("a short list");
    let wire = w.freeze();
    assert_eq!(
        (length, &wire),
        (14, &unhex("0000 06 02 0800 0001 00 04 00000007 0000"))
    );
    let mut r = Reader::new(&wire);
    assert_eq!(
        Match::decode_nx_match(&mut r, length, Version::V1_0),
        Ok(matches)
    );
    assert!(r.is_empty());
    assert!(Match::decode_nx_match(&mut Reader::new(&wire), 17, Version::V1_0).is_err());
}

fn version() -> impl Strategy<Value = Version> {
    proptest::sample::select(&Version::ALL[..])
}

proptest! {
    #[test]
    fn made_up_matches_entries_and_headers_survive(
        version in version(),
        bytes in proptest::collection::vec(any::<u8>(), 0..300),
    ) {
        let mut dice = Dice::new(&bytes);
        let fields = Fields::generate(&mut dice, version);
        round_trip(&fields, version);
        round_trip(&Header::generate(&mut dice, version), version);
        let matches = Match::generate(&mut dice, version);
        let wire = round_trip(&matches, version);
        // Two that are written differently look different.
        let other = Match::generate(&mut dice, version);
        let same = written(&other, version).expect("the version can say it") == wire;
        prop_assert_eq!(same, matches.value(version) == other.value(version));
        // Nobody is disturbed by them.
        let _ = matches.check();
        let normal = matches.normalized();
        prop_assert_eq!(normal.normalized(), normal);
        let names = crate::text::Names::default();
        let text = crate::text::print_match(&matches, &names);
        let _ = crate::text::parse_match(&text, &names);
    }

    #[test]
    fn bytes_that_are_a_match_are_written_as_they_came(
        version in version(),
        head in proptest::sample::select(&["", "0001 0030", "0000 0058", "0001 0014 8000", "0000 0010"][..]),
        bytes in proptest::collection::vec(any::<u8>(), 0..120),
    ) {
        let mut wire = unhex(head).to_vec();
        wire.extend(bytes);
        let wire = Bytes::from(wire);
        let mut r = Reader::new(&wire);
        if let Ok(matches) = Match::decode(&mut r, version) {
            let again = round_trip(&matches, version);
            prop_assert_eq!(again.len(), r.offset());
        }
        let _ = Match::decode_entries(&mut Reader::new(&wire), version);
        let _ = Header::decode(&mut Reader::new(&wire));
    }

    #[test]
    fn structures_of_old_versions_survive(bytes in proptest::collection::vec(any::<u8>(), 0..120)) {
        let mut dice = Dice::new(&bytes);
        for version in [Version::V1_0, Version::V1_1] {
            let structure = Standard::generate(&mut dice, version);
            let entries = structure.to_entries(version);
            let ours = Standard::from_entries(&entries, version).expect("what a structure says");
            prop_assert_eq!(ours.to_entries(version), entries);
        }
    }
}

#[test]
fn a_connection_is_known_by_bits_that_only_its_packets_have() {
    // The bits of `ct_state`, and those that are asked for.
    let rows = [
        (0x20, 0x20, false),
        (0x21, 0x21, true),
        (0x04, 0x04, true),
        (0x40, 0x40, true),
        (0x20, 0x30, true),
        (0x30, 0x30, false),
        (0x00, 0x10, false),
    ];
    for (state, asked, known) in rows {
        let mut matches = Match::any().with(Field::EthType, 0x0800_u16);
        matches.push(FieldValue::masked(
            Field::CtState,
            state as u32,
            asked as u32,
        ));
        assert_eq!(matches.tells_connection(), known, "{state:#x}/{asked:#x}");
        let needs = matches.with(Field::CtNwSrc, 1_u32);
        assert_eq!(needs.check().is_ok(), known, "{state:#x}/{asked:#x}");
    }
}
