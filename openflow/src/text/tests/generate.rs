//! Random flows whose matches have what their fields need, in the one form of each meaning that
//! reading gives.

use std::net::{Ipv4Addr, Ipv6Addr};

use proptest::collection::vec;
use proptest::prelude::*;

use super::super::{DEFAULT_PRIORITY, Flow};
use crate::action::{CT_COMMIT, CT_FORCE, NatRange, Oxm32, Subfield, ToController, Zone};
use crate::field::{Format, Prerequisite, ROWS};
use crate::{Action, Field, FieldValue, GroupId, Instruction, Match, MeterId, PortNo, TableId};

/// What a match may begin with: Ethernet type, IP protocol, ICMPv6 type.
type Start = (Option<u16>, Option<u8>, Option<u8>);

fn start() -> impl Strategy<Value = Start> {
    const ETHERTYPES: &[u16] = &[0x0800, 0x86dd, 0x0806, 0x8035, 0x8847, 0x8848, 0x88cc];
    const PROTOCOLS: &[u8] = &[0, 1, 2, 6, 17, 58, 132, 255];
    let any = (
        proptest::option::weighted(0.9, proptest::sample::select(ETHERTYPES)),
        proptest::option::weighted(0.8, proptest::sample::select(PROTOCOLS)),
        proptest::option::of(proptest::sample::select(&[128_u8, 135, 136][..])),
    );
    any.prop_map(|(ethertype, protocol, kind)| {
        let protocol = protocol.filter(|_| matches!(ethertype, Some(0x0800 | 0x86dd)));
        let kind = kind.filter(|_| (ethertype, protocol) == (Some(0x86dd), Some(58)));
        (ethertype, protocol, kind)
    })
}

/// Bits that favour none, all, few and prefixes.
fn bits() -> impl Strategy<Value = u128> {
    prop_oneof![
        any::<u128>(),
        any::<u128>(),
        Just(0),
        Just(u128::MAX),
        (0_u32..128).prop_map(|at| 1 << at),
        (0_u32..128).prop_map(|at| u128::MAX << at),
    ]
}

/// A value that a peer may send for the field, as reading would give it.
fn value(field: Field, value: u128, mask: u128) -> FieldValue {
    let row = field.row();
    let full = field.full_mask();
    let mask = if row.maskable && mask & full != 0 {
        mask & full
    } else {
        full
    };
    match row.format {
        Format::Port => FieldValue::exact(field, (value as u32) % 0xff00),
        // Open vSwitch commits no connection of an invalid state (0x10).
        Format::CtState => FieldValue::exact(field, value & mask & 0xef)
            .under(Some(if mask & 0xff == 0 { 0xff } else { mask & 0xff })),
        Format::Fragment => match value % 5 {
            0 => FieldValue::masked(field, 0_u8, 1_u8),
            1 => FieldValue::masked(field, 1_u8, 1_u8),
            2 => FieldValue::exact(field, 1_u8),
            3 => FieldValue::exact(field, 3_u8),
            _ => FieldValue::masked(field, 0_u8, 2_u8),
        },
        // Open vSwitch prints these flags without their mask.
        _ if field == Field::TunGbpFlags => FieldValue::exact(field, value & full),
        // Open vSwitch takes a mask that begins with a decimal digit for the length of a prefix.
        Format::Ipv6 if mask != full => FieldValue::masked(field, value, mask | 0xffff << 112),
        // Open vSwitch does not send the protocol 0.
        _ if field == Field::CtNwProto => FieldValue::exact(field, value & full | 1),
        // Open vSwitch knows no other operations.
        _ if field == Field::ArpOp => FieldValue::exact(field, value & 0xff),
        Format::PacketType => FieldValue::exact(field, 0x1_0000 | value & 0xffff),
        _ => FieldValue::masked(field, value & full, mask),
    }
}

/// Fields whose text says the same as that of others, and those that Open vSwitch lacks.
fn has_another_form(field: Field) -> bool {
    matches!(
        field,
        Field::PacketType | Field::VlanTci | Field::IpTos | Field::InPhyPort | Field::EthType | Field::Ipv6Exthdr
    ) || (Field::Xreg0..=Field::Xxreg7).contains(&field)
        // Open vSwitch leaves some of these out, and the masks of all.
        || (Field::ErspanVer..=Field::GtpuMsgtype).contains(&field)
        || field.row().is_variable()
}

fn matches() -> impl Strategy<Value = Match> {
    let fields = vec((0..ROWS.len(), bits(), bits()), 0..12);
    (start(), fields).prop_map(|((ethertype, protocol, kind), fields)| {
        let mut matches = Match::any();
        for (field, number) in [
            (Field::EthType, ethertype),
            (Field::IpProto, protocol.map(u16::from)),
            (Field::Icmpv6Type, kind.map(u16::from)),
            (Field::Icmpv6Code, kind.map(|_| 0)),
        ] {
            if let Some(number) = number {
                matches.set(FieldValue::exact(field, number));
            }
        }
        for (at, bits, mask) in fields {
            let field = ROWS[at].field;
            if has_another_form(field) || matches.get(field).is_some() {
                continue;
            }
            let mut with = matches.clone();
            for (needed, tracked) in [(Field::CtState, 0x22), (Field::CtNwProto, 6)] {
                let connection = matches!(
                    ROWS[at].prerequisite,
                    Prerequisite::CtIpv4 | Prerequisite::CtIpv6 | Prerequisite::CtIp
                );
                if connection && needed != field {
                    let own = FieldValue::exact(needed, tracked as u8);
                    let mask = (needed == Field::CtState).then_some(0x22);
                    with.set(own.under(mask));
                }
            }
            if ROWS[at].prerequisite == Prerequisite::Vlan && with.get(Field::VlanVid).is_none() {
                with.set(FieldValue::masked(Field::VlanVid, 0x1000_u16, 0x1000_u16));
            }
            if with.satisfies(ROWS[at].prerequisite) {
                with.set(value(field, bits, mask));
                let needs = |value: &FieldValue| value.field.row().prerequisite;
                if with.fields().all(|value| with.satisfies(needs(value))) {
                    matches = with;
                }
            }
        }
        matches.sort();
        matches
    })
}

fn subfield() -> impl Strategy<Value = Subfield> {
    let field = proptest::sample::select(SETTABLE);
    (field, any::<u16>(), any::<u16>()).prop_map(|(field, offset, bits)| {
        let width = field.row().bits;
        let offset = offset % width;
        Subfield::new(field, offset, 1 + bits % (width - offset))
    })
}

/// Fields that are there for every packet and may be set.
const SETTABLE: &[Field] = &[
    Field::Reg0,
    Field::Reg7,
    Field::Reg15,
    Field::Xreg1,
    Field::Xxreg2,
    Field::TunnelId,
    Field::TunSrc,
    Field::TunIpv6Dst,
    Field::TunGbpId,
    Field::PktMark,
    Field::Metadata,
    Field::EthSrc,
    Field::EthDst,
];

fn set_field(fields: &'static [Field]) -> impl Strategy<Value = Action> {
    (proptest::sample::select(fields), bits(), bits())
        .prop_map(|(field, bits, mask)| Action::set_to(value(field, bits, mask)))
}

fn nat() -> impl Strategy<Value = Action> {
    let flags = proptest::sample::select(&[0_u16, 1, 2][..]);
    let ports = proptest::option::of((1_u16.., proptest::option::of(any::<u16>())));
    let extra = proptest::sample::select(&[0_u16, 4, 8, 16, 12][..]);
    let ipv4 = proptest::option::of((any::<u32>(), proptest::option::of(any::<u32>())));
    (flags, ipv4, ports, extra).prop_map(|(flags, ipv4, ports, extra)| {
        let ipv4 = ipv4.filter(|(first, _)| flags != 0 && *first != 0);
        let ports = ports.filter(|_| ipv4.is_some());
        let last_ip = ipv4.and_then(|(first, last)| last.filter(|last| *last > first));
        let last_port = ports.and_then(|(first, last)| last.filter(|last| *last > first));
        Action::Nat {
            flags: flags | if ipv4.is_some() { extra } else { 0 },
            range: Box::new(NatRange {
                ipv4_min: ipv4.map(|(first, _)| Ipv4Addr::from(first)),
                ipv4_max: last_ip.map(Ipv4Addr::from),
                proto_min: ports.map(|(first, _)| first),
                proto_max: last_port,
                ..NatRange::default()
            }),
        }
    })
}

fn ct() -> impl Strategy<Value = Action> {
    let source = Subfield::new(Field::Reg0, 16, 16);
    let zone = prop_oneof![
        any::<u16>().prop_map(Zone::Number),
        Just(Zone::Field(Oxm32(source.field), source.ofs_nbits())),
    ];
    let set = vec(set_field(&[Field::CtMark, Field::CtLabel]), 0..3);
    let table = proptest::option::of(0_u8..254);
    let nat = proptest::option::of(nat());
    (any::<bool>(), any::<bool>(), zone, table, nat, set).prop_map(
        |(commit, force, zone, table, nat, set)| {
            let bare = |nat: &Action| matches!(nat, Action::Nat { flags: 0, .. });
            let nat = nat.filter(|nat| commit || bare(nat));
            let set = set.into_iter().filter(|_| commit);
            let flags = match (commit, force) {
                (true, true) => CT_COMMIT | CT_FORCE,
                (true, false) => CT_COMMIT,
                _ => 0,
            };
            Action::ct(flags, zone, table, nat.into_iter().chain(set).collect())
        },
    )
}

fn controller() -> impl Strategy<Value = Action> {
    let meter = proptest::option::of(1_u32..1000);
    let any = (
        any::<u16>(),
        0_u16..5,
        0_u8..6,
        vec(any::<u8>(), 0..20),
        any::<bool>(),
        meter,
    );
    any.prop_map(|(max_len, controller_id, reason, userdata, pause, meter)| {
        let to = ToController {
            max_len,
            controller_id,
            reason,
            userdata: userdata.into(),
            pause,
            meter: meter.map(MeterId),
        };
        let plain = ToController {
            max_len,
            ..ToController::default()
        };
        if to == plain {
            let port = PortNo::CONTROLLER;
            return Action::Output { port, max_len };
        }
        Action::from(to)
    })
}

fn port() -> impl Strategy<Value = PortNo> {
    prop_oneof![
        (1_u32..0xff00).prop_map(PortNo),
        Just(PortNo::LOCAL),
        Just(PortNo::IN_PORT),
    ]
}

/// Actions that any IP packet can have.
fn action() -> impl Strategy<Value = Action> {
    let leaf = prop_oneof![
        port().prop_map(Action::output),
        proptest::sample::select(&[PortNo::NORMAL, PortNo::FLOOD, PortNo::ALL][..])
            .prop_map(Action::output),
        (0_u32..0xffff_ff00).prop_map(|group| Action::group(GroupId(group))),
        any::<u32>().prop_map(Action::queue),
        any::<u8>().prop_map(Action::set_ttl),
        Just(Action::dec_ttl()),
        Just(Action::CtClear {}),
        set_field(SETTABLE),
        set_field(SETTABLE),
        (subfield(), subfield()).prop_map(|(source, destination)| {
            let bits = source.bits.min(destination.bits);
            let destination = Subfield {
                bits,
                ..destination
            };
            Action::copy_bits(Subfield { bits, ..source }, destination)
        }),
        subfield().prop_map(Action::push),
        subfield().prop_map(Action::pop),
        (port(), 0_u8..255).prop_map(|(port, table)| Action::resubmit_from(port, table)),
        controller(),
        ct(),
        (any::<u16>(), 0_u16..32).prop_map(|(limit, bit)| Action::check_pkt_larger(
            limit,
            Subfield::new(Field::Reg3, bit, 1)
        )),
    ];
    leaf.prop_recursive(2, 8, 4, |inner| vec(inner, 0..4).prop_map(Action::clone_of))
}

fn instructions() -> impl Strategy<Value = Vec<Instruction>> {
    let conjunction = (any::<u32>(), 1_u8..4, 4_u8..9);
    let conjunctions = vec(conjunction, 1..4).prop_map(|list| {
        let action = |(id, clause, of)| Action::conjunction(id, clause, of);
        vec![Instruction::apply(list.into_iter().map(action).collect())]
    });
    let write = prop_oneof![
        port().prop_map(Action::output),
        (0_u32..0xffff_ff00).prop_map(|group| Action::group(GroupId(group))),
        set_field(&[Field::Reg2, Field::EthDst]),
    ];
    let others = (
        vec(action(), 0..5),
        any::<bool>(),
        proptest::option::of(vec(write, 1..3)),
        proptest::option::of((any::<u64>(), any::<u64>())),
        proptest::option::of(1_u8..255),
    );
    let others = others.prop_map(|(apply, clear, write, metadata, table)| {
        let apply = (!apply.is_empty()).then_some(Instruction::apply(apply));
        let clear = clear.then_some(Instruction::ClearActions {});
        let write = write.map(Instruction::write_actions);
        let metadata = metadata.map(|(value, mask)| Instruction::WriteMetadata {
            metadata: value & mask,
            mask,
        });
        let goto = table.map(|table| Instruction::goto(TableId(table)));
        let all = [apply, clear, write, metadata, goto];
        all.into_iter().flatten().collect()
    });
    prop_oneof![1 => conjunctions, 8 => others]
}

/// A flow of table 0 without a cookie: Open vSwitch prints those of a `flow_mod` in another form.
pub(super) fn flow() -> impl Strategy<Value = Flow> {
    let priority = prop_oneof![Just(DEFAULT_PRIORITY), any::<u16>()];
    (matches(), priority, instructions()).prop_map(|(matches, priority, instructions)| Flow {
        priority,
        instructions: if matches.satisfies(Prerequisite::Ipv4) {
            instructions
        } else {
            instructions
                .into_iter()
                .filter(|one| !needs_ipv4(one))
                .collect()
        },
        matches,
        ..Flow::default()
    })
}

/// Whether an instruction has actions that only IPv4 packets can have.
fn needs_ipv4(instruction: &Instruction) -> bool {
    matches!(instruction, Instruction::ApplyActions { .. })
}

/// Any IPv6 address, favouring those whose text has a special form.
pub(super) fn ipv6() -> impl Strategy<Value = Ipv6Addr> {
    bits().prop_map(Ipv6Addr::from_bits)
}
