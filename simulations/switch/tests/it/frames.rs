//! Frames that are read and rewritten.

use proptest::prelude::*;
use rust_openflow::field::ROWS;
use rust_openflow::{Action, Field, Match, PortNo};
use weft_switch::{Packet, Switch, Tunnel};

use crate::made::{self, sum};
use crate::{flow, output, outputs, switch, udp};

fn packet(frame: &[u8]) -> Packet {
    Packet::new(PortNo(1), Tunnel::default(), frame)
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
fn fragments_show_no_ports_to_flows_and_the_first_does_to_actions() {
    let there = |fragment: [u8; 2]| {
        let mut frame = udp();
        frame[20..22].copy_from_slice(&fragment);
        frame
    };
    for (fragment, wanted, port) in [([0x20, 0], 1, 2000), ([0, 5], 3, 0)] {
        let packet = packet(&there(fragment));
        assert_eq!(packet.get(Field::IpFrag), Some(wanted));
        assert_eq!(packet.get(Field::UdpDst), Some(port));
        assert_eq!(packet.get(Field::IpProto), Some(17));
    }
    let udp = Match::any()
        .with(Field::EthType, 0x0800_u16)
        .with(Field::IpProto, 17_u8);
    let to = |port: u16| udp.clone().with(Field::UdpDst, port);
    let switch = switch([
        flow(0, 2, to(2000), vec![output(2)]),
        flow(0, 1, to(0), vec![output(3)]),
    ]);
    assert_eq!(outputs(&switch, &there([0, 0]))[0].0, 2);
    assert_eq!(outputs(&switch, &there([0x20, 0]))[0].0, 3);
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

/// The headers of a frame that is made up, and what of them every checksum covers; none when a fragment hides
/// the transport header, or SNAP the IP header.
fn ip_parts(frame: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let mut at = 12;
    while [[0x81, 0], [0x88, 0xa8]].contains(frame[at..].first_chunk()?) {
        at += 4;
    }
    let packet = frame.get(at + 2..)?;
    if frame[at..at + 2] == [0x08, 0] {
        let header = usize::from(packet[0] & 15) * 4;
        let total = usize::from(packet[2]) << 8 | usize::from(packet[3]);
        assert_eq!(sum(&[&packet[..header]]), 0xffff, "of IPv4's header");
        let whole = packet[6] & 0x3f == 0 && packet[7] == 0;
        return whole.then(|| (packet[9], &packet[12..20], &packet[header..total]));
    }
    // Extension headers are left to those who know their addresses.
    let known = [6, 17, 58, 132].contains(packet.get(6)?);
    let is_v6 = frame[at..at + 2] == [0x86, 0xdd] && known;
    is_v6.then(|| (packet[6], &packet[8..40], &packet[40..]))
}

/// All checksums of a frame are right.
fn assert_all_checksums(frame: &[u8]) {
    match ip_parts(frame) {
        Some((132, _, sctp)) => {
            let bytes = [&sctp[..8], &[0; 4], &sctp[12..]].concat();
            assert_eq!(sctp[8..12], made::crc32c(&bytes).to_le_bytes(), "of SCTP");
        }
        Some((17, _, udp)) if udp[6..8] == [0, 0] => {}
        Some((protocol @ (1 | 6 | 17 | 58), addresses, bytes)) => {
            let sum = made::transport_sum(protocol, addresses, bytes);
            assert_eq!(sum, 0xffff, "of protocol {protocol}");
        }
        _ => {}
    }
}

/// The fields of the frame that another field is a part of, or that follow from it.
fn follows(from: Field, other: Field) -> bool {
    let groups: &[&[Field]] = &[
        &[Field::VlanTci, Field::VlanVid, Field::VlanPcp],
        &[Field::IpTos, Field::IpDscp, Field::IpEcn],
        // What behind a type is neighbour discovery, and what of it, hangs on these.
        &[
            Field::Icmpv6Type,
            Field::Icmpv6Code,
            Field::NdReserved,
            Field::NdTarget,
            Field::NdSll,
            Field::NdTll,
            Field::NdOptionsType,
        ],
    ];
    let mut groups = groups.iter();
    groups.any(|group| group.contains(&from) && group.contains(&other))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn a_field_of_any_frame_can_be_set_alone_and_checksums_stay_right(
        bytes in prop::collection::vec(any::<u8>(), 0..160),
        row in 0..ROWS.len(),
        value: u128,
    ) {
        let frame = made::frame(&mut made::Source(&bytes));
        let field = ROWS[row].field;
        let before = packet(&frame);
        let mut after = before.clone();
        // The bit that says that there is a tag stays.
        let mask = field.full_mask() & if field == Field::VlanTci { 0xefff } else { !0 };
        let mask = if field == Field::VlanVid { 0x0fff } else { mask };
        let is_header = Field::EthSrc <= field && field <= Field::NshC4;
        if is_header && !Packet::writable(field) {
            return Ok(());
        }
        after.set(field, value, mask);
        assert_all_checksums(after.frame());
        let read = packet(after.frame());
        for other in ROWS[Field::EthSrc as usize..=Field::NshC4 as usize].iter().map(|row| row.field) {
            prop_assert_eq!(after.get(other), read.get(other), "{:?}", other);
            if other != field && !follows(field, other) {
                prop_assert_eq!(after.get(other), before.get(other), "{:?}", other);
            }
        }
        let untagged = [Field::VlanTci, Field::VlanVid].contains(&field) && before.get(field) == Some(0);
        if let (Some(now), true) = (after.get(field), is_header && !untagged) {
            // Fewer bits than their values have room for.
            let own = match field {
                Field::IpTos => 0xfc,
                Field::NshFlags => 3,
                Field::NshTtl => 0x3f,
                _ => mask,
            };
            let hidden = before.get(Field::IpFrag).is_some_and(|fragment| fragment != 0);
            let unchanged = after.frame() == before.frame();
            let optional = field >= Field::NdTarget && field <= Field::NdOptionsType || field >= Field::NshC1;
            if !(hidden || unchanged || optional || field == Field::ArpOp && value & 0xff00 != 0) {
                prop_assert_eq!(now & own, value & own);
            }
        }
    }

    #[test]
    fn no_frame_and_no_change_panics(
        bytes in prop::collection::vec(any::<u8>(), 0..160),
        cut in 0..200_usize,
        broken in prop::collection::vec((0..120_usize, any::<u8>()), 0..4),
        changes in prop::collection::vec((0..ROWS.len(), any::<u128>()), 0..20),
    ) {
        let mut frame = made::frame(&mut made::Source(&bytes));
        for (at, byte) in broken {
            if let Some(there) = frame.get_mut(at) {
                *there = byte;
            }
        }
        frame.truncate(cut);
        let mut packet = packet(&frame);
        for (row, value) in changes {
            packet.set(ROWS[row].field, value, ROWS[row].field.full_mask());
            packet.push_mpls(0x8847);
            packet.push_vlan(0x8100);
            packet.decrement_ttl();
            packet.pop_vlan();
            packet.pop_mpls(0x0800);
        }
        prop_assert_eq!(Switch::new().receive(PortNo(1), Tunnel::default(), &frame), []);
    }
}

#[test]
fn labels_are_pushed_over_what_the_packet_is_and_popped_again() {
    let mut labelled = packet(&udp());
    assert!(labelled.push_mpls(0x8847));
    // IPv4's explicit null, the packet's TTL, the last label.
    assert_eq!(labelled.frame()[12..18], [0x88, 0x47, 0, 0, 1, 64]);
    labelled.set(Field::MplsLabel, 0x12345, 0xf_ffff);
    labelled.set(Field::MplsTc, 5, 7);
    assert!(labelled.push_mpls(0x8848));
    assert_eq!(
        labelled.frame()[12..22],
        [0x88, 0x48, 0x12, 0x34, 0x5a, 64, 0x12, 0x34, 0x5b, 64]
    );
    assert_eq!(labelled.get(Field::MplsBos), Some(0));
    assert_eq!(labelled.get(Field::Ipv4Src), None);
    assert!(labelled.push_mpls(0x8847));
    assert!(!labelled.push_mpls(0x8847), "a fourth label");
    for kind in [0x8847, 0x8847, 0x0800] {
        assert!(labelled.pop_mpls(kind));
    }
    assert_eq!(labelled.frame(), udp());
    assert_eq!(labelled.get(Field::UdpDst), Some(2000));
}

#[test]
fn a_label_stands_behind_the_tags() {
    let mut both = packet(&udp());
    both.push_vlan(0x8100);
    both.push_mpls(0x8847);
    assert_eq!(both.frame()[12..18], [0x81, 0, 0, 0, 0x88, 0x47]);
    assert_eq!(both.get(Field::VlanVid), Some(0x1000));
    both.pop_vlan();
    assert_eq!(both.frame()[12..14], [0x88, 0x47]);
}

#[test]
fn as_many_tags_are_read_as_is_wanted() {
    let mut frame = udp();
    for vlan in 1..=3 {
        frame.splice(12..12, [0x81, 0, 0, vlan]);
    }
    let kind = |limit| {
        Packet::behind_tags(PortNo(1), Tunnel::default(), &frame, limit).get(Field::EthType)
    };
    assert_eq!(
        [1, 2, 3, 0].map(kind),
        [Some(0x8100), Some(0x8100), Some(0x0800), Some(0x0800)]
    );
    assert_eq!(packet(&frame).get(Field::VlanVid), Some(0x1003));
}

#[test]
fn the_presence_bit_adds_and_removes_a_tag() {
    let mut tagged = packet(&udp());
    tagged.set(Field::VlanTci, 0x7005, 0xffff);
    assert_eq!(tagged.frame()[12..18], [0x81, 0, 0x60, 5, 0x08, 0]);
    tagged.set(Field::VlanVid, 0, 0x1fff);
    assert_eq!(tagged.frame(), udp());
}

#[test]
fn a_destination_that_routing_will_replace_is_covered_by_no_checksum() {
    let routed = |left: u8| {
        let mut frame = vec![2; 12];
        frame.extend([0x86, 0xdd, 0x60, 0, 0, 0, 0, 16, 43, 64]);
        frame.extend([0xfd; 32]);
        frame.extend([17, 0, 2, left, 0, 0, 0, 0, 0, 1, 0, 2, 0, 8, 0x12, 0x34]);
        let mut packet = packet(&frame);
        packet.set(Field::Ipv6Dst, 1, u128::MAX);
        packet.frame()[68..70].to_vec()
    };
    assert_eq!(routed(1), [0x12, 0x34]);
    assert_ne!(routed(0), [0x12, 0x34]);
}

#[test]
fn what_the_standard_says_of_extension_headers_is_read() {
    let seen = |first: u8, headers: &[(u8, usize)]| {
        let mut frame = vec![2; 12];
        let length: usize = headers.iter().map(|header| header.1).sum();
        frame.extend([0x86, 0xdd, 0x60, 0, 0, 0, 0, length as u8, first, 64]);
        frame.extend([0xfd; 32]);
        for (next, length) in headers {
            frame.push(*next);
            frame.extend(vec![0; length - 1]);
        }
        packet(&frame).get(Field::Ipv6Exthdr)
    };
    let [none, esp, auth, dest, frag, router, hop, again, order] =
        std::array::from_fn(|bit| 1_u128 << bit);
    assert_eq!(seen(17, &[]), Some(0));
    assert_eq!(seen(59, &[]), Some(none));
    assert_eq!(seen(50, &[]), Some(esp));
    assert_eq!(
        seen(0, &[(60, 8), (43, 8), (44, 8), (51, 8), (60, 8), (17, 8)]),
        Some(hop | dest | router | frag | auth)
    );
    assert_eq!(seen(43, &[(0, 8), (17, 8)]), Some(router | hop | order));
    assert_eq!(seen(43, &[(43, 8), (17, 8)]), Some(router | again));
}
