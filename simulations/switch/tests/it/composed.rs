//! Frames that Open vSwitch composes for random fields (`ovs-ofctl compose-packet`), read as it reads them
//! (`ovs-ofctl parse-packet`).
//!
//! Runs where `ovs-ofctl` is installed; elsewhere says so, and fails when `WEFT_TESTS=all`.

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use rust_openflow::field::Field;
use rust_openflow::text::{Names, parse_match, print_match};
use rust_openflow::{FieldValue, Match, PortNo};
use weft_switch::{Packet, Tunnel};

use crate::ofctl::{Failure, ask, dump_line, installed};

/// Frames that are composed.
const FRAMES: usize = 250;

/// Fields of a packet, in an order in which each comes after those that it needs.
pub(crate) type Fields = Vec<(Field, u128)>;

/// Ethernet types, protocols and the fields behind them.
const KINDS: &[(u128, Option<u128>, &[Field])] = &[
    (0x88b5, None, &[]),
    (
        0x0806,
        None,
        &[
            Field::ArpOp,
            Field::ArpSpa,
            Field::ArpTpa,
            Field::ArpSha,
            Field::ArpTha,
        ],
    ),
    (
        0x8035,
        None,
        &[
            Field::ArpOp,
            Field::ArpSpa,
            Field::ArpTpa,
            Field::ArpSha,
            Field::ArpTha,
        ],
    ),
    (0x0800, Some(1), &[Field::Icmpv4Type, Field::Icmpv4Code]),
    (
        0x0800,
        Some(6),
        &[Field::TcpSrc, Field::TcpDst, Field::TcpFlags],
    ),
    (0x0800, Some(17), &[Field::UdpSrc, Field::UdpDst]),
    (0x0800, Some(132), &[Field::SctpSrc, Field::SctpDst]),
    (0x0800, Some(99), &[]),
    (
        0x86dd,
        Some(6),
        &[Field::TcpSrc, Field::TcpDst, Field::TcpFlags],
    ),
    (0x86dd, Some(17), &[Field::UdpSrc, Field::UdpDst]),
    (0x86dd, Some(132), &[Field::SctpSrc, Field::SctpDst]),
    (0x86dd, Some(58), &[Field::Icmpv6Type, Field::Icmpv6Code]),
    (0x86dd, Some(58), &[Field::NdTarget, Field::NdSll]),
    (0x86dd, Some(58), &[Field::NdTarget, Field::NdTll]),
    (0x86dd, Some(99), &[]),
];

/// What `ovs-ofctl` prints.
fn ovs_ofctl(arguments: &[&str], input: Vec<u8>) -> String {
    ask(arguments, input).unwrap_or_else(|failure| {
        // It prints a frame also when it reads that otherwise itself, as options of neighbour discovery.
        let Failure { said, errors } = failure;
        assert!(!said.is_empty(), "{arguments:?}: {errors}");
        said
    })
}

/// Fields that go together, with any values.
pub(crate) fn fields() -> impl Strategy<Value = Fields> {
    let kind = proptest::sample::select(KINDS);
    let tag = proptest::option::of(any::<u16>());
    let fragment = prop_oneof![4 => Just(0_u128), 1 => Just(1), 1 => Just(3)];
    (
        kind,
        tag,
        fragment,
        proptest::collection::vec(any::<u128>(), 16),
    )
        .prop_map(|((ethertype, protocol, rest), tag, fragment, values)| {
            let mut values = values.into_iter();
            let mut all = Vec::new();
            let mut any = |all: &mut Fields, field: Field| {
                let value = values.next().unwrap_or_default() & field.full_mask();
                // It writes no addresses for other operations of ARP.
                let value = match field {
                    Field::ArpOp => 1 + value % 2,
                    _ => value,
                };
                all.push((field, value));
            };
            any(&mut all, Field::EthSrc);
            any(&mut all, Field::EthDst);
            if let Some(tag) = tag {
                all.push((Field::VlanTci, u128::from(tag) | 0x1000));
            }
            all.push((Field::EthType, ethertype));
            if let Some(protocol) = protocol {
                all.push((Field::IpProto, protocol));
                let addresses = match ethertype {
                    0x0800 => [Field::Ipv4Src, Field::Ipv4Dst],
                    _ => [Field::Ipv6Src, Field::Ipv6Dst],
                };
                for field in
                    addresses
                        .into_iter()
                        .chain([Field::IpDscp, Field::IpEcn, Field::IpTtl])
                {
                    any(&mut all, field);
                }
            }
            // It writes no fragments of IPv6.
            let fragment = if ethertype == 0x0800 { fragment } else { 0 };
            if fragment != 0 {
                all.push((Field::IpFrag, fragment));
            }
            // Fragments but the first have nothing behind.
            let rest = if fragment == 3 { &[] } else { rest };
            match rest {
                [Field::NdTarget, Field::NdSll] => {
                    all.extend([(Field::Icmpv6Type, 135), (Field::Icmpv6Code, 0)])
                }
                [Field::NdTarget, ..] => {
                    all.extend([(Field::Icmpv6Type, 136), (Field::Icmpv6Code, 0)])
                }
                _ => {}
            }
            rest.iter().for_each(|field| any(&mut all, *field));
            all
        })
}

/// The text of fields, each by the name of its own.
fn text(fields: &Fields) -> String {
    let names = Names::default();
    let one = |(field, value): &(Field, u128)| match field {
        Field::EthType => format!("eth_type={value:#06x}"),
        Field::VlanTci => format!("vlan_tci={value:#06x}"),
        Field::TcpFlags => format!("tcp_flags={value:#x}"),
        field => print_match(&Match::any().with(*field, *value), &names),
    };
    fields.iter().map(one).collect::<Vec<_>>().join(",")
}

#[test]
fn a_frame_that_open_vswitch_composes_is_read_as_the_fields_that_it_was_composed_for() {
    if !installed() {
        return;
    }
    let mut runner = TestRunner::deterministic();
    let strategy = fields();
    let mut wrong = Vec::new();
    for _ in 0..FRAMES {
        let fields = strategy.new_tree(&mut runner).expect("fields").current();
        let text = text(&fields);
        let dump = ovs_ofctl(&["compose-packet", &text], Vec::new());
        let frame: Vec<u8> = dump.lines().filter_map(dump_line).flatten().collect();
        let packet = Packet::new(PortNo(1), Tunnel::default(), &frame);
        let read = ovs_ofctl(&["parse-packet"], frame.clone());
        // Checksums may follow.
        let printed = read.split_whitespace().next().unwrap_or_default();
        // A second tag is no field of flows.
        let known = printed
            .split(',')
            .filter(|field| !field.starts_with("vlan_tci1="));
        let known = known.collect::<Vec<_>>().join(",");
        let seen = parse_match(&known, &Names::default()).expect("what was printed");
        // A switch does not show ports and the like of fragments to flows.
        let whole = !fields.iter().any(|(field, _)| *field == Field::IpFrag);
        let shown = |field: Field| whole || field < Field::TcpSrc;
        for value in seen.fields().filter(|value| shown(value.field)) {
            // It prints zero for what the packet does not have.
            let own = packet.get(value.field).unwrap_or_default();
            if own & value.significant() != value.value {
                wrong.push(format!(
                    "{text} is {frame:02x?}, read as {read}: {value:?} is {own}"
                ));
            }
        }
        for (field, value) in fields.into_iter().filter(|(field, _)| shown(*field)) {
            if !packet.agrees(&FieldValue::exact(field, value)) {
                let own = packet.get(field);
                wrong.push(format!(
                    "{text} is {frame:02x?}, in which {field:?} is {own:?}"
                ));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{}:\n{}",
        wrong.len(),
        wrong[..wrong.len().min(8)].join("\n")
    );
}
