//! Frames that are made of fields: they have these fields, and checksums that another reader finds right.

use etherparse::{NetSlice, SlicedPacket, TransportSlice};
use proptest::prelude::*;
use rust_openflow::text::{Names, parse_match};
use rust_openflow::{Field, FieldValue, Match, PortNo};
use weft_switch::{ComposeError, Packet, Tunnel, compose};

use crate::composed::{Fields, fields};

fn asked(fields: &Fields) -> Match {
    let add = |matches: Match, (field, value): &(_, u128)| matches.with(*field, *value);
    fields.iter().fold(Match::any(), add)
}

/// Whether the checksums of a frame are right, where it has any that can be checked.
fn is_sound(frame: &[u8]) -> bool {
    let Ok(sliced) = SlicedPacket::from_ethernet(frame) else {
        return false;
    };
    let (Some(net), Some(transport)) = (&sliced.net, &sliced.transport) else {
        return true;
    };
    match (net, transport) {
        (NetSlice::Ipv4(ip), TransportSlice::Tcp(tcp)) => {
            let header = ip.header().to_header();
            header.calc_header_checksum() == header.header_checksum
                && tcp.calc_checksum_ipv4(header.source, header.destination) == Ok(tcp.checksum())
        }
        (NetSlice::Ipv4(ip), TransportSlice::Udp(udp)) => {
            let header = ip.header().to_header();
            udp.to_header().calc_checksum_ipv4(&header, udp.payload()) == Ok(udp.checksum())
        }
        (NetSlice::Ipv6(ip), TransportSlice::Tcp(tcp)) => {
            let header = ip.header().to_header();
            tcp.calc_checksum_ipv6(header.source, header.destination) == Ok(tcp.checksum())
        }
        (NetSlice::Ipv6(ip), TransportSlice::Udp(udp)) => {
            let header = ip.header().to_header();
            udp.to_header().calc_checksum_ipv6(&header, udp.payload()) == Ok(udp.checksum())
        }
        (NetSlice::Ipv6(ip), TransportSlice::Icmpv6(icmp)) => {
            let header = ip.header().to_header();
            icmp.is_checksum_valid(header.source, header.destination)
        }
        _ => true,
    }
}

proptest! {
    #[test]
    fn a_frame_has_the_fields_that_it_is_made_of_and_right_checksums(
        fields in fields(), payload in proptest::collection::vec(any::<u8>(), 0..40)
    ) {
        // Fragments show nothing of what they carry.
        let whole = !fields.iter().any(|(field, _)| *field == Field::IpFrag);
        let shown = |(field, _): &(Field, u128)| whole || *field < Field::TcpSrc;
        let fields: Fields = fields.into_iter().filter(shown).collect();
        let frame = compose(&asked(&fields), &payload);
        let frame = frame.map_err(|error| TestCaseError::fail(format!("{fields:?}: {error}")))?;
        let packet = Packet::behind_tags(PortNo(1), Tunnel::default(), &frame, 0);
        for (field, value) in &fields {
            prop_assert!(packet.agrees(&FieldValue::exact(*field, *value)), "{field:?} of {frame:02x?}");
        }
        prop_assert!(is_sound(&frame), "{frame:02x?}");
    }
}

#[test]
fn what_no_frame_has_is_refused_by_name() {
    let compose = |text: &str| {
        let matches = parse_match(text, &Names::default()).expect("a match");
        compose(&matches, &[])
    };
    assert_eq!(
        compose("ipv6,ip_frag=first"),
        Err(ComposeError::Contradiction("ip_frag"))
    );
    assert_eq!(
        compose("mpls,mpls_label=3"),
        Err(ComposeError::Kind(0x8847, "labels"))
    );
    // What only a switch knows is no matter.
    assert!(compose("in_port=3,reg0=5,metadata=1,tun_id=4,udp,udp_dst=53").is_ok());
}

#[test]
fn a_packet_holds_only_so_much() {
    assert_eq!(
        compose(&Match::any(), &[0; 70_000]),
        Err(ComposeError::TooLong(70_000))
    );
}
