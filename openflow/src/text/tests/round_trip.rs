//! Round trips: text and flow, bytes and flow; and lines and bytes of any kind.

use bytes::Bytes;
use proptest::prelude::*;

use super::super::{Flow, Names, parse_actions, parse_flow, parse_match, print_flow};
use super::generate::{flow, ipv6};
use super::{decode, encode};
use crate::{Field, Match, PortNo, TableId, Version};

/// Pieces of lines, so that random ones get past the first word.
const PIECES: &[&str] = &[
    "ip",
    "tcp6",
    "nw_src",
    "ipv6_dst",
    "dl_vlan",
    "vlan_tci",
    "ct_state",
    "tcp_flags",
    "packet_type",
    "oxm",
    "reg0",
    "in_port",
    "tp_src",
    "actions",
    "output",
    "controller",
    "ct",
    "nat",
    "exec",
    "src",
    "clone",
    "move",
    "set_field",
    "load",
    "resubmit",
    "conjunction",
    "check_pkt_larger",
    "write_actions",
    "stat_trigger",
    "duration",
    "goto_table",
    "unknown",
    "drop",
    "commit",
    "zone",
    "userdata",
    "=",
    ":",
    "(",
    ")",
    ",",
    " ",
    "/",
    "-",
    "->",
    "[",
    "]",
    "..",
    "+",
    "|",
    "\"",
    "\\",
    "0x",
    "0",
    "1",
    "16",
    "65535",
    "4294967295",
    "::",
    "1.2.3.4",
    "fe80::1",
    "+trk",
    "é",
];

fn line() -> impl Strategy<Value = String> {
    let pieces = proptest::collection::vec(proptest::sample::select(PIECES), 0..24);
    prop_oneof![pieces.prop_map(|pieces| pieces.concat()), any::<String>()]
}

proptest! {
    #[test]
    fn a_printed_flow_reads_as_the_same_flow(flow in flow(), table: u8, cookie: u64) {
        let flow = Flow { table: TableId(table), cookie, ..flow };
        let text = print_flow(&flow, &Names::default());
        prop_assert_eq!(parse_flow(&text, &Names::default()), Ok(flow), "{}", text);
    }

    #[test]
    fn a_flow_printed_with_names_reads_as_the_same_flow(flow in flow(), name in "[a-z \"\\\\,()=-]{1,8}") {
        let mut names = Names::default();
        for number in 0..=255 {
            names = names.with_table(TableId(number), format!("{name}{number}"));
            names = names.with_port(PortNo(number.into()), format!("{name}{number}"));
        }
        let text = print_flow(&flow, &names);
        prop_assert_eq!(parse_flow(&text, &names), Ok(flow), "{}", text);
    }

    #[test]
    fn an_encoded_flow_decodes_as_the_same_flow(flow in flow()) {
        for version in [Version::V1_3, Version::V1_5] {
            // What 1.3 cannot say is an error, never something else.
            if let Ok(bytes) = encode(&flow, version) {
                prop_assert_eq!(decode(&bytes), Ok((version, flow.clone())));
            } else {
                prop_assert!(version == Version::V1_3);
            }
        }
    }

    #[test]
    fn damaged_bytes_are_refused_or_keep_their_meaning(
        flow in flow(),
        damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut bytes = encode(&flow, Version::V1_5).expect("1.5 can say it").to_vec();
        let body = bytes.len() - super::FIXED;
        for (at, byte) in damage {
            bytes[super::FIXED + at.index(body)] = byte;
        }
        let bytes = Bytes::from(bytes);
        if let Ok((version, flow)) = decode(&bytes) {
            let again = encode(&flow, version).expect("what was decoded");
            prop_assert_eq!(decode(&again).map(|(_, flow)| flow), Ok(flow.clone()));
            let text = print_flow(&flow, &Names::default());
            let _ = parse_flow(&text, &Names::default());
        }
    }

    #[test]
    fn every_line_is_answered(line in line()) {
        let names = Names::default();
        if let Err(error) = parse_flow(&line, &names) {
            prop_assert!(error.column <= line.chars().count() + 1);
        }
        let _ = parse_match(&line, &names);
        let _ = parse_actions(&line, &names);
    }

    #[test]
    fn every_line_that_reads_prints_as_text_that_reads_and_prints_alike(line in line()) {
        let names = Names::default();
        if let Ok(flow) = parse_flow(&line, &names) {
            let text = print_flow(&flow, &names);
            let again = parse_flow(&text, &names);
            prop_assert_eq!(again.map(|flow| print_flow(&flow, &names)), Ok(text));
        }
    }

    #[test]
    fn ipv6_addresses_read_as_they_print(address in ipv6()) {
        let matches = Match::any().with(Field::TunIpv6Src, address);
        let text = super::super::print_match(&matches, &Names::default());
        prop_assert_eq!(parse_match(&text, &Names::default()), Ok(matches), "{}", text);
    }
}

#[test]
fn actions_nest_only_so_deep() {
    let nested = |depth| format!("{}ct_clear{}", "clone(".repeat(depth), ")".repeat(depth));
    assert!(parse_actions(&nested(16), &Names::default()).is_ok());
    assert!(parse_actions(&nested(17), &Names::default()).is_err());
    assert!(parse_actions(&nested(100_000), &Names::default()).is_err());
}
