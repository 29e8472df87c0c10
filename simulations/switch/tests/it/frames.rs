//! Frames that are read and rewritten.

use proptest::prelude::*;
use rust_openflow::field::ROWS;
use rust_openflow::{Action, Field, Match, PortNo};
use weft_switch::{Packet, Switch, Tunnel};

use crate::{flow, output, outputs, switch, udp};

fn packet(frame: &[u8]) -> Packet {
    Packet::new(PortNo(1), Tunnel::default(), frame)
}

/// The sum of all words with the pseudo header, which is all ones when a checksum is right (RFC 1071).
fn sum(parts: &[&[u8]]) -> u16 {
    let bytes = parts.concat();
    let mut sum: u32 = bytes
        .chunks(2)
        .map(|word| u32::from(word[0]) << 8 | u32::from(word.get(1).copied().unwrap_or(0)))
        .sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    sum as u16
}

fn assert_checksums(frame: &[u8]) {
    let ip = &frame[14..34];
    assert_eq!(sum(&[ip]), 0xffff, "of the header");
    assert_eq!(
        sum(&[&ip[12..20], &[0, 17, 0, 12], &frame[34..46]]),
        0xffff,
        "of UDP"
    );
}

#[test]
fn a_field_that_is_set_reads_back_and_checksums_stay_right() {
    assert_checksums(&udp());
    let changes = [
        (Field::Ipv4Src, 0xc0a8_0117_u128),
        (Field::Ipv4Dst, 0xffff_fffe),
        (Field::IpTtl, 3),
        (Field::IpDscp, 46),
        (Field::IpEcn, 1),
        (Field::UdpSrc, 53),
        (Field::UdpDst, 0xffff),
        (Field::EthDst, 0xffff_ffff_ffff),
    ];
    let mut changed = packet(&udp());
    for (field, value) in changes {
        changed.set(field, value, field.full_mask());
        assert_eq!(changed.get(field), Some(value), "{field:?}");
        assert_checksums(changed.frame());
    }
    for (field, value) in changes {
        assert_eq!(packet(changed.frame()).get(field), Some(value), "{field:?}");
    }
}

#[test]
fn a_udp_packet_without_a_checksum_gets_none() {
    let mut frame = udp();
    frame[40..42].fill(0);
    let mut changed = packet(&frame);
    changed.set(Field::UdpDst, 1, 0xffff);
    assert_eq!(changed.frame()[40..42], [0, 0]);
}

#[test]
fn bits_outside_a_mask_stay() {
    let mut changed = packet(&udp());
    changed.set(Field::Ipv4Src, 0xffff_ffff, 0x0000_ff00);
    assert_eq!(changed.get(Field::Ipv4Src), Some(0x0a00_ff01));
    assert_checksums(changed.frame());
}

#[test]
fn a_field_that_is_not_there_is_neither_read_nor_written() {
    let mut unchanged = packet(&udp());
    for field in [
        Field::ArpSpa,
        Field::TcpDst,
        Field::Ipv6Src,
        Field::VlanPcp,
        Field::NdTarget,
    ] {
        assert_eq!(unchanged.get(field), None, "{field:?}");
        unchanged.set(field, 1, 1);
    }
    assert_eq!(unchanged.frame(), udp());
}

#[test]
fn fragments_show_no_ports() {
    for (fragment, wanted) in [([0x20, 0], 1), ([0, 5], 3)] {
        let mut frame = udp();
        frame[20..22].copy_from_slice(&fragment);
        let packet = packet(&frame);
        assert_eq!(packet.get(Field::IpFrag), Some(wanted));
        assert_eq!(packet.get(Field::UdpDst), Some(0));
        assert_eq!(packet.get(Field::IpProto), Some(17));
    }
}

#[test]
fn a_tag_is_pushed_set_and_popped() {
    let actions = vec![
        Action::push_vlan(0x8100),
        Action::set(Field::VlanVid, 0x1005_u16),
        Action::set(Field::VlanPcp, 3_u8),
        output(2),
        Action::pop_vlan(),
        output(3),
    ];
    let out = outputs(&switch([flow(0, 1, Match::any(), actions)]), &udp());
    assert_eq!(out[0].2[12..18], [0x81, 0, 0x60, 5, 0x08, 0]);
    assert_eq!(packet(&out[0].2).get(Field::UdpDst), Some(2000));
    assert_eq!(out[1].2, udp());
}

proptest! {
    #[test]
    fn no_frame_and_no_change_panics(
        mut frame in prop::collection::vec(any::<u8>(), 0..120),
        kind in prop::sample::select(vec![0x0800_u16, 0x0806, 0x86dd, 0x8100, 20]),
        next in prop::sample::select(vec![0_u8, 6, 17, 44, 51, 58]),
        changes in prop::collection::vec((0..ROWS.len(), any::<u128>()), 0..20),
    ) {
        // Mostly something that is worth being read.
        if frame.len() > 60 {
            frame[12..14].copy_from_slice(&kind.to_be_bytes());
            let length = frame.len() as u16;
            if kind == 0x0800 {
                frame[14] = 0x45;
                frame[16..18].copy_from_slice(&(length - 14).to_be_bytes());
                frame[23] = next;
            }
            if kind == 0x86dd {
                frame[18..20].copy_from_slice(&(length - 54).to_be_bytes());
                frame[20] = next;
            }
        }
        let mut packet = packet(&frame);
        for (row, value) in changes {
            packet.set(ROWS[row].field, value, ROWS[row].field.full_mask());
        }
        packet.push_vlan(0x8100);
        packet.pop_vlan();
        packet.decrement_ttl();
        prop_assert_eq!(packet.frame().len(), frame.len());
        prop_assert_eq!(Switch::new().receive(PortNo(1), Tunnel::default(), &frame), []);
    }
}
