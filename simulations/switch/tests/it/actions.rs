//! What actions do with a packet on its way.

use std::net::{IpAddr, Ipv4Addr};

use rust_openflow::action::{Subfield, ToController};
use rust_openflow::message::{FlowMod, PacketInReason};
use rust_openflow::{Action, Field, Instruction, Match, PortNo, TableId};
use weft_switch::{Output, Switch, Tunnel};

use crate::{flow, frame, output, outputs, ports, switch, udp};

fn set(field: Field, value: u32) -> Action {
    Action::set(field, value)
}

#[test]
fn a_packet_never_goes_back_unless_that_is_said() {
    let to = |port| switch([flow(0, 1, Match::any(), vec![Action::output(port)])]);
    assert_eq!(ports(&to(PortNo(1))), Vec::<u32>::new());
    assert_eq!(ports(&to(PortNo::IN_PORT)), [1]);
}

#[test]
fn a_resubmit_returns_with_what_it_changed() {
    let switch = switch([
        flow(
            0,
            1,
            Match::any(),
            vec![Action::resubmit(5), Action::resubmit(6), output(9)],
        ),
        flow(5, 1, Match::any(), vec![set(Field::Reg3, 7), output(2)]),
        flow(6, 2, Match::any().with(Field::Reg3, 7_u32), vec![output(3)]),
        flow(6, 1, Match::any(), vec![output(4)]),
    ]);
    assert_eq!(ports(&switch), [2, 3, 9]);
}

#[test]
fn a_resubmit_may_pretend_another_port_for_one_lookup() {
    let resubmit = Action::resubmit_from(PortNo(8), 5);
    let switch = switch([
        flow(
            0,
            1,
            Match::any(),
            vec![resubmit, Action::output(PortNo::IN_PORT)],
        ),
        flow(
            5,
            1,
            Match::any().with(Field::InPort, 8_u32),
            vec![output(2)],
        ),
    ]);
    assert_eq!(ports(&switch), [2, 1]);
}

#[test]
fn a_packet_that_goes_round_too_often_is_dropped_with_all_that_was_sent() {
    let again = vec![output(2), Action::resubmit(0)];
    let none = Vec::<u32>::new();
    assert_eq!(ports(&switch([flow(0, 1, Match::any(), again)])), none);
    // Two calls in each of many tables: 2 to the power of the tables' number lookups.
    let tree = |tables| {
        let flows = (0..tables).map(|table| {
            let next = Action::resubmit(table + 1);
            flow(table, 1, Match::any(), vec![output(2), next.clone(), next])
        });
        ports(&switch(flows)).len()
    };
    assert_eq!(tree(11), 2047);
    assert_eq!(tree(12), 0);
}

#[test]
fn the_deepest_way_there_is_fits_on_a_stack() {
    // Forwards as far as tables go, then back.
    let around = |within: fn(Action) -> Action| {
        let flows = (0..=253_u8).map(|table| {
            let next = Action::resubmit((table + 1) % 254);
            flow(table, 1, Match::any(), vec![output(2), within(next)])
        });
        ports(&switch(flows))
    };
    let none = Vec::<u32>::new();
    assert_eq!(around(|next| next), none);
    assert_eq!(
        around(|next| Action::clone_of(vec![Action::clone_of(vec![next])])),
        none
    );
}

#[test]
fn a_packet_may_go_through_all_tables_within_copies() {
    let flows = (0..200_u8).map(|table| {
        let next = Action::clone_of(vec![Action::resubmit(table + 1)]);
        flow(table, 1, Match::any(), vec![output(2), next, output(3)])
    });
    assert_eq!(ports(&switch(flows)).len(), 400);
}

#[test]
fn a_clone_leaves_no_trace() {
    let actions = vec![
        Action::clone_of(vec![
            set(Field::Reg0, 1),
            Action::set(Field::EthSrc, 9_u64),
            output(2),
        ]),
        Action::resubmit(1),
    ];
    let switch = switch([
        flow(0, 1, Match::any(), actions),
        flow(1, 1, Match::any().with(Field::Reg0, 0_u32), vec![output(3)]),
    ]);
    let out = outputs(&switch, &frame());
    assert_eq!(
        out.iter().map(|out| (out.0, out.2[11])).collect::<Vec<_>>(),
        [(2, 9), (3, 1)]
    );
}

#[test]
fn bits_are_moved_pushed_and_popped() {
    let byte = |field, offset| Subfield::new(field, offset, 8);
    let actions = vec![
        set(Field::Reg0, 0xaabb_ccdd),
        Action::copy_bits(byte(Field::Reg0, 24), byte(Field::Reg1, 0)),
        Action::push(byte(Field::Reg0, 0)),
        Action::push(byte(Field::Reg0, 8)),
        Action::pop(byte(Field::Reg1, 8)),
        Action::pop(byte(Field::Reg1, 16)),
        // The stack is empty: nothing.
        Action::pop(byte(Field::Reg1, 24)),
        Action::set_to(rust_openflow::FieldValue::masked(
            Field::Reg2,
            0xff_u32,
            0x0f_u32,
        )),
        Action::resubmit(1),
    ];
    let wanted = Match::any()
        .with(Field::Reg2, 0x0f_u32)
        .with(Field::Xreg0, 0xaabb_ccdd_00dd_ccaa_u64);
    let switch = switch([
        flow(0, 1, Match::any(), actions),
        flow(1, 1, wanted, vec![output(2)]),
    ]);
    assert_eq!(ports(&switch), [2]);
}

#[test]
fn metadata_goes_on_to_the_next_table() {
    let first = FlowMod::add(
        TableId(0),
        1,
        Match::any(),
        vec![
            Instruction::WriteMetadata {
                metadata: 0xff00,
                mask: 0x0f00,
            },
            Instruction::goto(TableId(4)),
        ],
        1,
    );
    let switch = switch([
        first,
        flow(
            4,
            1,
            Match::any().with(Field::Metadata, 0x0f00_u64),
            vec![output(2)],
        ),
    ]);
    assert_eq!(ports(&switch), [2]);
}

#[test]
fn tunnel_metadata_comes_in_and_goes_out() {
    let [here, there, far] = [1, 2, 3].map(|n| Ipv4Addr::new(172, 31, 0, n));
    let wanted = Match::any()
        .with(Field::TunnelId, 100_u64)
        .with(Field::TunSrc, there)
        .with(Field::TunDst, here);
    let actions = vec![
        Action::set(Field::TunnelId, 101_u64),
        Action::set(Field::TunDst, far),
        output(2),
    ];
    let mut switch = switch([flow(0, 1, wanted, actions)]);
    let came = Tunnel {
        id: 100,
        source: Some(IpAddr::V4(there)),
        destination: Some(IpAddr::V4(here)),
        ..Tunnel::default()
    };
    let out = switch.receive(PortNo(1), came, &frame());
    let gone = Tunnel {
        id: 101,
        destination: Some(IpAddr::V4(far)),
        ..came
    };
    assert_eq!(
        out,
        [Output::Port {
            port: PortNo(2),
            tunnel: gone,
            frame: frame()
        }]
    );
    assert_eq!(switch.receive(PortNo(1), Tunnel::default(), &frame()), []);
}

pub(crate) fn controller_outputs(
    switch: &Switch,
    frame: &[u8],
) -> Vec<rust_openflow::message::Received> {
    let outputs = switch.clone().receive(PortNo(1), Tunnel::default(), frame);
    let packets = outputs.into_iter().filter_map(|output| match output {
        Output::Controller { packet, .. } => Some(*packet),
        Output::Port { .. } => None,
    });
    packets.collect()
}

#[test]
fn the_controller_gets_the_packet_with_what_only_the_switch_knows() {
    let to = ToController {
        userdata: vec![1, 2].into(),
        max_len: 20,
        ..ToController::default()
    };
    let actions = vec![set(Field::Reg14, 5), set(Field::Reg3, 6), Action::from(to)];
    let switch = switch([
        flow(0, 1, Match::any(), vec![Action::resubmit(7)]),
        flow(7, 77, Match::any(), actions),
    ]);
    let packets = controller_outputs(&switch, &frame());
    let [packet] = &packets[..] else {
        panic!("{packets:?}")
    };
    assert_eq!(
        (packet.packet_in.table, packet.packet_in.cookie),
        (TableId(7), 77)
    );
    assert_eq!(
        (&packet.packet_in.packet[..], packet.packet_in.total_len),
        (&frame()[..], 60)
    );
    assert_eq!(packet.userdata[..], [1, 2]);
    assert_eq!(packet.packet_in.in_port(), Some(PortNo(1)));
    let registers = [Field::Reg14, Field::Reg3, Field::Reg2];
    assert_eq!(
        registers.map(|field| packet.packet_in.field(field)),
        [Some(5), Some(6), None]
    );
}

#[test]
fn a_ttl_that_runs_out_ends_the_way_and_is_told() {
    let ip = Match::any().with(Field::EthType, 0x0800_u16);
    let switch = switch([flow(0, 1, ip, vec![Action::dec_ttl(), output(2)])]);
    assert_eq!(outputs(&switch, &udp())[0].2[22], 63);
    let mut last = udp();
    last[22] = 1;
    assert!(outputs(&switch, &last).is_empty());
    let reasons: Vec<_> = controller_outputs(&switch, &last)
        .iter()
        .map(|packet| packet.packet_in.reason)
        .collect();
    assert_eq!(reasons, [PacketInReason::INVALID_TTL]);
}
