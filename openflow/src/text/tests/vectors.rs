//! Vectors: what `ovs-ofctl` sends and prints for a flow (`tests/vectors/make` makes them).

use std::collections::HashSet;

use super::super::{Flow, Names, parse_flow, print_flow};
use super::{decode, encode, unhex};
use crate::field;
use crate::matches::Entry;
use crate::{Action, Field, Instruction, PortNo, TableId, Version};

const VECTORS: &str = include_str!("../../../tests/vectors/text.vectors");

struct Vector {
    version: Version,
    text: &'static str,
    bytes: bytes::Bytes,
    printed: &'static str,
}

fn vectors() -> Vec<Vector> {
    let blocks = VECTORS.split("\n\n").skip(1);
    let line = |block: &'static str, key: &str| -> &'static str {
        let mut lines = block.lines().filter_map(|line| line.strip_prefix(key));
        lines.next().expect("every block has the line").trim()
    };
    blocks
        .map(|block| {
            let (version, text) = line(block, "flow").split_once(' ').expect("a version");
            Vector {
                version: match version {
                    "OpenFlow13" => Version::V1_3,
                    "OpenFlow15" => Version::V1_5,
                    other => panic!("{other}"),
                },
                text,
                bytes: unhex(line(block, "bytes")),
                printed: line(block, "prints"),
            }
        })
        .collect()
}

#[test]
fn what_open_vswitch_sends_prints_as_it_prints_it_and_is_sent_again_byte_for_byte() {
    let mut wrong = Vec::new();
    for vector in vectors() {
        let (version, flow) = decode(&vector.bytes).expect(vector.text);
        assert_eq!(version, vector.version);
        let printed = print_flow(&flow, &Names::default());
        if printed != vector.printed || encode(&flow, version) != Ok(vector.bytes) {
            wrong.push((vector.printed, printed));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn what_open_vswitch_reads_is_read_alike() {
    let mut wrong = Vec::new();
    for vector in vectors() {
        let flow = parse_flow(vector.text, &Names::default()).expect(vector.text);
        let mut flow = flow;
        for instruction in &mut flow.instructions {
            if let Instruction::ApplyActions { actions } = instruction {
                let list = std::mem::take(actions).into_iter();
                *actions = list.map(|own| own.for_version(vector.version)).collect();
            }
        }
        let printed = print_flow(&flow, &Names::default());
        let sent = encode(&flow, vector.version).expect(vector.text);
        let (_, received) = decode(&sent).expect(vector.text);
        let received = print_flow(&received, &Names::default());
        if printed != vector.printed || received != vector.printed {
            wrong.push((vector.text, vector.printed, printed, received));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Fields and instructions in flows.
#[derive(Default)]
struct Seen {
    fields: HashSet<Field>,
    instructions: HashSet<&'static str>,
}

impl Seen {
    fn flow(&mut self, flow: &Flow) {
        for entry in &flow.matches.entries {
            match entry {
                Entry::Unknown(bytes) => panic!("{bytes:?}"),
                known => self.fields.extend(known.field()),
            }
        }
        for instruction in &flow.instructions {
            let row = instruction.row().expect("a known instruction");
            self.instructions.insert(row.name);
            self.actions(instruction.actions());
        }
    }

    fn actions(&mut self, actions: &[Action]) {
        for action in actions {
            self.fields.extend(action.sets().map(|value| value.field));
            if let Some((source, destination)) = action.copies() {
                self.fields.extend(source.field.field());
                self.fields.extend(destination.field.field());
            }
            if let Action::Ct { actions, .. } | Action::Clone { actions } = action {
                self.actions(actions);
            }
        }
    }
}

#[test]
fn every_field_and_instruction_has_a_vector() {
    let mut seen = Seen::default();
    for vector in vectors() {
        let (_, flow) = decode(&vector.bytes).expect(vector.text);
        seen.flow(&flow);
        let flow = parse_flow(vector.text, &Names::default()).expect(vector.text);
        seen.flow(&flow);
    }
    for row in field::ROWS {
        let has = seen.fields.contains(&row.field)
            || crate::matches::tests::NOT_IN_OVS.contains(&row.field);
        assert!(has, "{} has no vector", row.name);
    }
    assert_eq!(seen.instructions.len(), 6);
}

/// What `ovs-ofctl --no-stats dump-flows` of Open vSwitch 3.1 prints, with and without `--names`,
/// where ports 1 to 3 are `1abc`, `s1-eth_1.x` and `tap1`, tables 3 to 5 `classify`,
/// `port_security` and `acl-1`.
const DUMPED: [(&str, &str); 4] = [
    ("priority=0 actions=NORMAL", "priority=0 actions=NORMAL"),
    ("cookie=0x64, actions=drop", "cookie=0x64, actions=drop"),
    (
        "table=3, priority=5,ip,in_port=3 actions=output:2,output:1,resubmit(,4),resubmit(3,5),goto_table:5",
        "table=classify, priority=5,ip,in_port=tap1 actions=output:\"s1-eth_1.x\",output:\"1abc\",resubmit(,\"port_security\"),resubmit(tap1,\"acl-1\"),goto_table:\"acl-1\"",
    ),
    (
        "table=4, tcp,dl_vlan=5 actions=set_field:4101->vlan_vid,pop_vlan,set_field:1.2.3.4->ip_src,ct(commit,table=5,nat(src=1.2.3.4-1.2.3.8:5-10,persistent,hash)),output:3",
        "table=\"port_security\", tcp,dl_vlan=5 actions=set_field:4101->vlan_vid,pop_vlan,set_field:1.2.3.4->ip_src,ct(commit,table=\"acl-1\",nat(src=1.2.3.4-1.2.3.8:5-10,persistent,hash)),output:tap1",
    ),
];

#[test]
fn ports_and_tables_go_by_their_names_when_these_are_known() {
    let names = Names::default()
        .with_port(PortNo(1), "1abc")
        .with_port(PortNo(2), "s1-eth_1.x")
        .with_port(PortNo(3), "tap1")
        .with_table(TableId(3), "classify")
        .with_table(TableId(4), "port_security")
        .with_table(TableId(5), "acl-1");
    for (numbers, named) in DUMPED {
        let flow = parse_flow(numbers, &Names::default()).expect(numbers);
        assert_eq!(print_flow(&flow, &Names::default()), numbers);
        assert_eq!(print_flow(&flow, &names), named);
        assert_eq!(parse_flow(named, &names).as_ref(), Ok(&flow));
        assert_eq!(parse_flow(numbers, &names), Ok(flow));
    }
}

#[test]
fn a_line_that_is_wrong_is_answered_by_where_and_what() {
    let wrong = [
        (
            "ip,nw_dst=10.0.0 actions=drop",
            11,
            "10.0.0",
            "an IPv4 address",
        ),
        (
            "reg16=1 actions=drop",
            1,
            "reg16",
            "the name of a field or protocol",
        ),
        (
            "reg0=0x100000000 actions=drop",
            6,
            "0x100000000",
            "a number of at most 0xffffffff",
        ),
        (
            "ip actions=drop,output:1",
            12,
            "drop",
            "no action beside drop",
        ),
        (
            "ip actions=ct(commit",
            15,
            "commit",
            "a closing parenthesis",
        ),
        ("é=1 actions=jump:1", 13, "jump", "an action"),
        (
            "ip,nw_ttl=5/7 actions=drop",
            11,
            "5/7",
            "no mask: nw_ttl has none",
        ),
        ("ip", 3, "", "actions="),
        (
            "actions=resubmit(,classify)",
            19,
            "classify",
            "the number or name of a table",
        ),
        (
            "actions=move:reg0->xreg0",
            20,
            "xreg0",
            "32 bits, as many as are copied",
        ),
    ];
    for (line, column, found, expected) in wrong {
        let error = parse_flow(line, &Names::default()).expect_err(line);
        let got = (error.column, error.found.as_str(), error.expected.as_ref());
        assert_eq!(got, (column, found, expected), "{line}");
    }
}
