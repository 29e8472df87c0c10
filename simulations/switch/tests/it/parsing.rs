//! Frames are read as Open vSwitch reads them: `ovs-ofctl parse-pcap` tells what it finds in frames made up,
//! whole and broken, and the switch must find the same.

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use rust_openflow::field::ROWS;
use rust_openflow::text::{Names, parse_match};
use rust_openflow::{Field, Match, PortNo};
use weft_switch::{Packet, Tunnel};

use crate::made;
use crate::ofctl::{ask, installed};

/// Behind how many tags `ovs-ofctl` reads.
const TAGS: u8 = 2;

/// What `ovs-ofctl` finds in frames, a line for each.
fn found(frames: &[Vec<u8>]) -> Vec<String> {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("frames.pcap");
    let words = |words: &[u32]| {
        words
            .iter()
            .flat_map(|word| word.to_le_bytes())
            .collect::<Vec<u8>>()
    };
    let mut pcap = words(&[0xa1b2_c3d4, 4 << 16 | 2, 0, 0, 65_535, 1]);
    for frame in frames {
        let length = frame.len() as u32;
        pcap.extend(words(&[0, 0, length, length]));
        pcap.extend(frame);
    }
    std::fs::write(&path, pcap).expect("a file");
    let path = path.to_str().expect("a path of letters");
    let text = ask(&["parse-pcap", path], Vec::new()).expect("what it finds");
    text.lines().map(str::to_owned).collect()
}

/// A line of `ovs-ofctl` as a match, without what has no field: the second tag, further labels.
fn as_match(line: &str) -> Match {
    let wanted = |part: &&str| {
        let name = part.split('=').next().unwrap_or(part);
        let unnamed = ["in_port", "vlan_tci1", "dl_vlan1", "dl_vlan_pcp1"];
        !unnamed.contains(&name) && !name.starts_with("mpls_lse")
    };
    let line: Vec<&str> = line.split(',').filter(wanted).collect();
    let line = line.join(",");
    parse_match(&line, &Names::default()).unwrap_or_else(|error| panic!("{error}: {line}"))
}

/// The names of what a packet has in its headers and `ovs-ofctl` would say.
fn seen(packet: &Packet) -> Vec<&'static str> {
    let unsaid = [
        // Other fields say the same.
        Field::VlanTci,
        Field::VlanVid,
        Field::VlanPcp,
        Field::IpTos,
        // Open vSwitch does not have them, or does not say them here.
        Field::Ipv6Exthdr,
        Field::PbbUca,
        Field::PbbIsid,
        Field::NdReserved,
        Field::NdOptionsType,
    ];
    let header = Field::EthSrc as usize..=Field::NshC4 as usize;
    let rows = ROWS[header]
        .iter()
        .filter(|row| !unsaid.contains(&row.field));
    rows.filter(|row| packet.get(row.field).is_some_and(|value| value != 0))
        .map(|row| row.name)
        .collect()
}

fn assert_alike(frame: &[u8], line: &str) {
    let packet = Packet::behind_tags(PortNo(1), Tunnel::default(), frame, TAGS);
    let said = as_match(line);
    let first_fragment = packet.get(Field::IpFrag) == Some(1);
    for entry in said.fields() {
        // The ports of a first fragment cannot be matched unless the switch is told otherwise.
        if !(first_fragment && entry.field >= Field::TcpSrc) {
            // What nobody could match is said, too.
            if !said.satisfies(entry.field.row().prerequisite) {
                continue;
            }
            let own = packet.get(entry.field).unwrap_or(0);
            let alike = own & entry.significant() == entry.value;
            assert!(alike, "{entry:?}, not {own:#x}: {line}\n{frame:02x?}");
        }
    }
    for name in seen(&packet) {
        let there = said.fields().any(|entry| {
            let row = entry.field.row();
            row.name == name || row.field == Field::IpTos && name == "ip_dscp"
        });
        assert!(there, "{name} is not in {line}\n{frame:02x?}");
    }
}

#[test]
fn frames_are_read_as_open_vswitch_reads_them() {
    if !installed() {
        return;
    }
    let damage = prop_oneof![
        4 => Just(None),
        1 => (0..90_usize).prop_map(|at| Some((at, None))),
        2 => (12..90_usize, any::<u8>()).prop_map(|(at, byte)| Some((at, Some(byte)))),
    ];
    let drawn = (prop::collection::vec(any::<u8>(), 0..160), damage);
    let mut runner = TestRunner::deterministic();
    let frames: Vec<Vec<u8>> = (0..4000)
        .map(|_| {
            let (bytes, damage) = drawn.new_tree(&mut runner).expect("a value").current();
            let mut frame = made::frame(&mut made::Source(&bytes));
            match damage {
                Some((at, None)) => frame.truncate(at.max(14)),
                Some((at, Some(byte))) if at < frame.len() => frame[at] = byte,
                _ => {}
            }
            frame
        })
        .collect();
    let lines = found(&frames);
    assert_eq!(lines.len(), frames.len());
    for (frame, line) in frames.iter().zip(&lines) {
        assert_alike(frame, line);
    }
}
