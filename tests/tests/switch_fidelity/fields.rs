//! Every row of the table of fields: matched, read and set in every frame of the corpus.
//!
//! Each field has a table of flows. What they find is written to registers, which the controller is told: so
//! many fields are compared with one packet.

use std::collections::BTreeSet;

use rust_openflow::action::Subfield;
use rust_openflow::field::{Format, Prerequisite, ROWS};
use rust_openflow::message::FlowMod;
use rust_openflow::{
    Action, Field, FieldValue, Instruction, Match, Message, PortNo, TableId, Version,
};
use weft_switch::{Packet, Tunnel};

use super::differences;
use super::program::{Frame, Program};

/// The fields of a switch that are not compared in other fields.
fn rows() -> Vec<Field> {
    let is_register = |field: &Field| (Field::Reg0..=Field::Xxreg7).contains(field);
    let known = differences::all();
    let matched: BTreeSet<Field> = known
        .iter()
        .flat_map(|program| &program.told)
        .filter_map(|(_, message)| match message {
            Message::FlowMod(flow) => Some(flow.matches.fields().map(|field| field.field)),
            _ => None,
        })
        .flatten()
        .collect();
    let fields = ROWS.iter().map(|row| row.field);
    let fields = fields.filter(|field| !is_register(field) && !field.row().is_variable());
    // What stands there as a prerequisite is no difference.
    let missing = |field: &Field| {
        matched.contains(field) && field.row().prerequisite == Prerequisite::Pbb
            || [Field::InPhyPort, Field::Ipv6Exthdr].contains(field) && matched.contains(field)
    };
    fields.filter(|field| !missing(field)).collect()
}

/// The matches that give packets what a field needs.
fn needs(needed: Prerequisite) -> Vec<Match> {
    use Prerequisite as P;
    let kinds = |kinds: &[u16]| -> Vec<Match> {
        let kinds = kinds
            .iter()
            .map(|kind| Match::any().with(Field::EthType, *kind));
        kinds.collect()
    };
    let carrying = |of: Vec<Match>, protocol: u8| -> Vec<Match> {
        let of = of.into_iter().map(|of| of.with(Field::IpProto, protocol));
        of.collect()
    };
    let neighbour = |types: &[u8]| -> Vec<Match> {
        let types = types.iter().map(|kind| {
            let icmpv6 = Match::any()
                .with(Field::EthType, 0x86dd_u16)
                .with(Field::IpProto, 58_u8);
            icmpv6
                .with(Field::Icmpv6Type, *kind)
                .with(Field::Icmpv6Code, 0_u8)
        });
        types.collect()
    };
    let ip: &[u16] = &[0x0800, 0x86dd];
    let tracked = |kinds: Vec<Match>| -> Vec<Match> {
        let kinds = kinds.into_iter();
        kinds
            .map(|kind| kind.with_masked(Field::CtState, 0x22_u32, 0x22_u32))
            .collect()
    };
    match needed {
        P::None => vec![Match::any()],
        P::Arp => kinds(&[0x0806, 0x8035]),
        P::Ipv4 => kinds(&ip[..1]),
        P::Ipv6 => kinds(&ip[1..]),
        P::Ip => kinds(ip),
        P::Mpls => kinds(&[0x8847, 0x8848]),
        P::Tcp => carrying(kinds(ip), 6),
        P::Udp => carrying(kinds(ip), 17),
        P::Sctp => carrying(kinds(ip), 132),
        P::Icmpv4 => carrying(kinds(&ip[..1]), 1),
        P::Icmpv6 => carrying(kinds(&ip[1..]), 58),
        P::NeighbourDiscovery => neighbour(&[135, 136]),
        P::NeighbourSolicitation => neighbour(&[135]),
        P::NeighbourAdvertisement => neighbour(&[136]),
        P::Vlan => vec![Match::any().with_masked(Field::VlanVid, 0x1000_u16, 0x1000_u16)],
        P::Pbb => kinds(&[0x88e7]),
        P::Nsh => kinds(&[0x894f]),
        P::CtIpv4 => tracked(kinds(&ip[..1])),
        P::CtIpv6 => tracked(kinds(&ip[1..])),
        P::CtIp => tracked(kinds(ip)),
    }
}

fn flow(table: u8, priority: u16, matches: Match, actions: Vec<Action>) -> (Version, Message) {
    let instructions = vec![Instruction::apply(actions)];
    let flow = FlowMod::add(TableId(table), priority, matches, instructions, 0);
    (Version::V1_5, Message::FlowMod(flow))
}

/// The match with another field, in place of what it said of the field.
fn asking(needs: &Match, asked: FieldValue) -> Match {
    let others = needs.fields().filter(|own| own.field != asked.field);
    let mut matches = Match::any();
    others.for_each(|own| matches.push(*own));
    matches.push(asked);
    matches.sort();
    matches
}

/// The values of a field in frames, a few of them.
fn values(field: Field, frames: &[Frame]) -> Vec<u128> {
    const ENOUGH: usize = 5;
    let read = |frame: &Frame| Packet::new(frame.port, Tunnel::default(), &frame.bytes).get(field);
    let found: BTreeSet<u128> = frames.iter().filter_map(read).collect();
    let step = found.len().div_ceil(ENOUGH).max(1);
    found.into_iter().step_by(step).collect()
}

/// Which value a field has is written to four bits of a register.
pub(crate) fn matched(frames: &[Frame]) -> Program {
    let mut program = Program {
        title: "fields are matched".to_owned(),
        told: Vec::new(),
    };
    let fields = rows();
    assert!(fields.len() <= 128, "registers have room");
    for (n, field) in (0_u8..).zip(&fields) {
        let register = Field::register(n / 8).expect("a register");
        let bits = Subfield::new(register, u16::from(n % 8) * 4, 4);
        let full = field.full_mask();
        let mut wanted: Vec<FieldValue> = Vec::new();
        for value in values(*field, frames) {
            wanted.push(FieldValue::exact(*field, value));
            for mask in [
                full & 0x5555_5555_5555_5555_5555_5555_5555_5555,
                full & !0xf,
            ] {
                if field.row().maskable && mask != 0 {
                    wanted.push(FieldValue::masked(*field, value & mask, mask));
                }
            }
        }
        for (k, asked) in (1_u16..=15).zip(wanted) {
            for needs in needs(field.row().prerequisite) {
                let mask = 0xf_u128 << bits.offset;
                let set = Action::set_masked(register, u128::from(k) << bits.offset, mask);
                program
                    .told
                    .push(flow(n + 1, 100 - k, asking(&needs, asked), vec![set]));
            }
        }
    }
    let mut first: Vec<Action> = (1..=fields.len() as u8).map(Action::resubmit).collect();
    first.push(Action::output(PortNo::CONTROLLER));
    program.told.push(flow(0, 1, Match::any(), first));
    program
}

/// Four fields at a time are copied to the widest registers.
pub(crate) fn read() -> Vec<Program> {
    let fields = rows();
    let fours = fields.chunks(4).enumerate().map(|(n, four)| {
        let mut told = Vec::new();
        for (n, field) in (0_u8..).zip(four) {
            let bits = field.row().bits;
            let wide = [Field::Xxreg0, Field::Xxreg1, Field::Xxreg2, Field::Xxreg3];
            let to = Subfield::new(wide[usize::from(n)], 0, bits);
            for needs in needs(field.row().prerequisite) {
                let copy = Action::copy_bits(Subfield::whole(*field), to);
                told.push(flow(n + 1, 1, needs, vec![copy]));
            }
        }
        let mut first: Vec<Action> = (1..=four.len() as u8).map(Action::resubmit).collect();
        first.push(Action::output(PortNo::CONTROLLER));
        told.push(flow(0, 1, Match::any(), first));
        Program {
            title: format!("fields are read, {n}"),
            told,
        }
    });
    fours.collect()
}

/// Each field is set, wholly and in part, for a copy that goes out and to the controller.
pub(crate) fn set() -> Vec<Program> {
    let fields = rows();
    let few = fields.chunks(8).enumerate().map(|(n, few)| {
        let mut told = Vec::new();
        for (n, field) in (0_u8..).zip(few) {
            let full = field.full_mask();
            // Not every number is one of a port.
            let value = match field.row().format {
                Format::Port => 3,
                _ => 0x1234_5678_9abc_def0_0fed_cba9_8765_4321 & full,
            };
            let mut sets = vec![Action::set(*field, value)];
            if field.row().maskable {
                let mask = full & 0x0f0f_0f0f_0f0f_0f0f_0f0f_0f0f_0f0f_0f0f;
                sets.push(Action::set_masked(*field, !value & mask, mask));
            }
            for set in sets {
                for needs in needs(field.row().prerequisite) {
                    let actions = vec![
                        set.clone(),
                        Action::output(PortNo(2)),
                        Action::output(PortNo::CONTROLLER),
                    ];
                    told.push(flow(n + 1, told.len() as u16 + 1, needs, actions));
                }
            }
        }
        let copies =
            (1..=few.len() as u8).map(|table| Action::clone_of(vec![Action::resubmit(table)]));
        told.push(flow(0, 1, Match::any(), copies.collect()));
        Program {
            title: format!("fields are set, {n}"),
            told,
        }
    });
    few.collect()
}
