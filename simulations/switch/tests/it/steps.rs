//! Actions of every encoding, the action set, and choices among ports and links.

use std::net::Ipv4Addr;

use rust_openflow::action::{
    CntIds, HashFields, LinkAlgorithm, OfsNbits, Oxm, Oxm32, Slaves, SlavesAlgorithm, Subfield,
};
use rust_openflow::message::{Bucket, FlowMod, GroupMod, GroupType};
use rust_openflow::{Action, Field, GroupId, Instruction, MacAddr, Match, PortNo, TableId};
use weft_switch::{Port, Switch};

use crate::actions::controller_outputs;
use crate::{flow, frame, output, outputs, ports, switch, udp};

const NONE: [u32; 0] = [];

/// The ports that a UDP packet comes out of.
fn ways(switch: &Switch) -> Vec<u32> {
    outputs(switch, &udp()).iter().map(|out| out.0).collect()
}

fn ip() -> Match {
    Match::any().with(Field::EthType, 0x0800_u16)
}

/// A flow for IPv4.
fn program(table: u8, instructions: Vec<Instruction>) -> FlowMod {
    FlowMod::add(TableId(table), 1, ip(), instructions, 1)
}

/// The frame that becomes of a UDP packet.
fn changed(mut actions: Vec<Action>) -> Vec<u8> {
    actions.push(output(2));
    let udp_only = ip().with(Field::IpProto, 17_u8);
    outputs(&switch([flow(0, 1, udp_only, actions)]), &udp())
        .remove(0)
        .2
}

fn port_that_is(up: bool) -> Option<Port> {
    Some(Port { up, floods: true })
}

#[test]
fn the_action_set_is_done_at_the_end_in_its_own_order() {
    let first = vec![
        output(2),
        Action::set(Field::EthSrc, 1_u64),
        Action::set(Field::EthSrc, 2_u64),
        Action::push_vlan(0x88a8),
        Action::PushMpls { ethertype: 0x8847 },
        output(3),
    ];
    let apply = Instruction::apply(vec![Action::resubmit(1), output(9)]);
    let switch = switch([
        program(0, vec![apply, Instruction::write_actions(first)]),
        program(
            1,
            vec![Instruction::write_actions(vec![
                Action::dec_ttl(),
                output(8),
            ])],
        ),
    ]);
    let out = outputs(&switch, &udp());
    let [(9, _, plain), (3, _, changed)] = &out[..] else {
        panic!("{out:?}")
    };
    assert_eq!(plain[..], udp());
    assert_eq!(changed[11], 2);
    // The label first, then the tag before it; the TTL is then nobody's to take from.
    assert_eq!(changed[12..22], [0x88, 0xa8, 0, 0, 0x88, 0x47, 0, 0, 1, 64]);
}

#[test]
fn the_action_set_can_be_emptied_and_shows_where_it_leads() {
    let seen = Match::any().with(Field::ActsetOutput, 7_u32);
    let empty = vec![
        Instruction::apply(vec![output(2)]),
        Instruction::ClearActions {},
    ];
    let empty = FlowMod::add(TableId(1), 2, seen, empty, 1);
    let first = vec![
        Instruction::write_actions(vec![output(7)]),
        Instruction::goto(TableId(1)),
    ];
    assert_eq!(ways(&switch([program(0, first), empty])), [2]);
}

#[test]
fn an_exit_ends_all_lists_but_only_the_bucket_of_a_group() {
    let exit = program(5, vec![Instruction::apply(vec![Action::Exit {}])]);
    let after = |first: Action| {
        let apply = Instruction::apply(vec![first, output(2)]);
        let set = Instruction::write_actions(vec![output(3)]);
        let mut switch = Switch::new();
        let bucket = Bucket::new(vec![Action::resubmit(5)]);
        let group = GroupMod::add(GroupId(1), GroupType::ALL, vec![bucket]);
        switch.group_mod(&group).expect("a group");
        for flow in [program(0, vec![apply, set]), exit.clone()] {
            switch.flow_mod(&flow).expect("a flow");
        }
        ways(&switch)
    };
    assert_eq!(after(Action::resubmit(5)), NONE);
    assert_eq!(after(Action::clone_of(vec![Action::resubmit(5)])), NONE);
    assert_eq!(after(Action::group(GroupId(1))), [2, 3]);
}

#[test]
fn actions_of_every_encoding_set_the_same() {
    let dl_addr = MacAddr::from_u64(7);
    let nw_addr = Ipv4Addr::new(1, 2, 3, 4);
    let low_byte = Action::RegLoad {
        ofs_nbits: OfsNbits::new(0, 8),
        dst: Oxm32(Field::UdpDst.into()),
        value: 0xee,
    };
    let cnt_ids = CntIds(vec![1, 2]);
    let pairs: Vec<(Action, Action)> = vec![
        (
            Action::SetDlSrc { dl_addr },
            Action::set(Field::EthSrc, 7_u64),
        ),
        (
            Action::SetDlDst { dl_addr },
            Action::set(Field::EthDst, 7_u64),
        ),
        (
            Action::SetNwSrc { nw_addr },
            Action::set(Field::Ipv4Src, nw_addr),
        ),
        (
            Action::SetNwDst { nw_addr },
            Action::set(Field::Ipv4Dst, nw_addr),
        ),
        (
            Action::SetNwTos { nw_tos: 46 << 2 },
            Action::set(Field::IpDscp, 46_u8),
        ),
        (
            Action::SetNwEcn { nw_ecn: 3 },
            Action::set(Field::IpEcn, 3_u8),
        ),
        (
            Action::SetTtl { nw_ttl: 9 },
            Action::set(Field::IpTtl, 9_u8),
        ),
        (
            Action::SetTpSrc { tp_port: 53 },
            Action::set(Field::UdpSrc, 53_u16),
        ),
        (
            Action::SetTpDst { tp_port: 53 },
            Action::set(Field::UdpDst, 53_u16),
        ),
        (
            low_byte,
            Action::set_masked(Field::UdpDst, 0xee_u16, 0xff_u16),
        ),
        (Action::NxDecTtl {}, Action::dec_ttl()),
        (Action::DecTtlCntIds { cnt_ids }, Action::dec_ttl()),
    ];
    for (one, other) in pairs {
        let by_one = changed(vec![one.clone()]);
        assert_ne!(by_one, udp(), "{one:?}");
        assert_eq!(by_one, changed(vec![other]), "{one:?}");
    }
}

#[test]
fn a_tag_of_1_0_is_made_where_there_is_none() {
    let (vlan_vid, vlan_pcp) = (5, 3);
    let tagged = changed(vec![
        Action::ModVlanVid { vlan_vid },
        Action::ModVlanPcp { vlan_pcp },
    ]);
    assert_eq!(tagged[12..16], [0x81, 0, 0x60, 5]);
    assert_eq!(
        changed(vec![Action::ModVlanPcp { vlan_pcp }, Action::StripVlan {}]),
        udp()
    );
}

#[test]
fn packets_are_flooded_to_the_ports_that_are_known_and_up() {
    let states = [
        (1, true, true),
        (2, true, true),
        (3, true, false),
        (4, false, true),
        (9, false, false),
    ];
    let ways = [PortNo::FLOOD, PortNo::ALL].map(|to| {
        let mut switch = switch([flow(
            0,
            1,
            Match::any(),
            vec![Action::output(to), output(9)],
        )]);
        for (number, up, floods) in states {
            switch.set_port(PortNo(number), Some(Port { up, floods }));
        }
        ports(&switch)
    });
    assert_eq!(ways, [vec![2], vec![2, 3]]);
}

#[test]
fn a_port_may_stand_in_a_field_and_a_packet_go_out_in_part() {
    let register = Subfield::new(Field::Reg0, 0, 16);
    let by_field = |value: u32| {
        let out = Action::OutputReg {
            ofs_nbits: register.ofs_nbits(),
            src: Oxm32(register.field),
            max_len: 0,
        };
        let actions = vec![Action::set(Field::Reg0, value), out];
        ports(&switch([flow(0, 1, Match::any(), actions)]))
    };
    assert_eq!(by_field(7), [7]);
    assert_eq!(by_field(0xfff8), [1], "the port that it came in by");
    let part = Action::OutputTrunc {
        port: PortNo(2).into(),
        max_len: 20,
    };
    let switch = switch([flow(0, 1, Match::any(), vec![part, output(3)])]);
    let lengths = outputs(&switch, &frame())
        .into_iter()
        .map(|out| out.2.len());
    assert_eq!(lengths.collect::<Vec<_>>(), [20, 60]);
}

#[test]
fn a_link_is_chosen_by_a_hash_that_both_directions_share() {
    let to = Subfield::new(Field::Reg0, 0, 32);
    let multipath = Action::Multipath {
        fields: HashFields::SYMMETRIC_L3L4_UDP,
        basis: 7,
        algorithm: LinkAlgorithm::HRW,
        max_link: 99,
        arg: 0,
        ofs_nbits: to.ofs_nbits(),
        dst: Oxm32(to.field),
    };
    let out = Action::OutputReg {
        ofs_nbits: to.ofs_nbits(),
        src: Oxm32(to.field),
        max_len: 0,
    };
    // Links count from 0, and the packet does not go back to port 1.
    let more = Action::set_masked(Field::Reg0, 0x100_u32, 0x100_u32);
    let switch = switch([flow(0, 1, Match::any(), vec![multipath, more, out])]);
    let mut back = udp();
    back[26..34].rotate_left(4);
    back[34..38].rotate_left(2);
    let link = |frame: &[u8]| outputs(&switch, frame)[0].0;
    assert_eq!(link(&udp()), link(&back));
    back[30] ^= 1;
    assert_ne!(link(&udp()), link(&back));
}

#[test]
fn a_bundle_sends_to_one_of_its_ports_that_is_up() {
    let bundle = |algorithm| Action::Bundle {
        algorithm,
        fields: HashFields::ETH_SRC,
        basis: 0,
        slave_type: Oxm32(Oxm::IN_PORT_16),
        members: Slaves {
            ofs_nbits: OfsNbits::new(0, 1),
            dst: Oxm32(Field::Reg0.into()),
            ports: [2, 3, 4].map(|port| PortNo(port).into()).to_vec(),
        },
    };
    let way = |algorithm, without: &[u32]| {
        let mut switch = switch([flow(0, 1, Match::any(), vec![bundle(algorithm)])]);
        for port in 2..=4 {
            switch.set_port(PortNo(port), port_that_is(!without.contains(&port)));
        }
        ports(&switch)
    };
    assert_eq!(way(SlavesAlgorithm::ACTIVE_BACKUP, &[]), [2]);
    assert_eq!(way(SlavesAlgorithm::ACTIVE_BACKUP, &[2, 3]), [4]);
    assert_eq!(way(SlavesAlgorithm::HRW, &[2, 3, 4]), NONE);
    let chosen = way(SlavesAlgorithm::HRW, &[])[0];
    assert_ne!(way(SlavesAlgorithm::HRW, &[chosen])[0], chosen);
}

#[test]
fn labels_run_out_of_life_and_too_many_are_dropped() {
    let push = || Action::PushMpls { ethertype: 0x8847 };
    let run = |actions: Vec<Action>| switch([flow(0, 1, ip(), actions)]);
    let last = Action::SetMplsTtl { mpls_ttl: 1 };
    let dying = run(vec![push(), last, Action::DecMplsTtl {}, output(2)]);
    assert_eq!(ways(&dying), NONE);
    assert_eq!(controller_outputs(&dying, &udp()).len(), 1);
    let pop = Action::PopMpls { ethertype: 0x0800 };
    assert_eq!(changed(vec![push(), pop]), udp());
    let too_many = run(vec![output(2), push(), push(), push(), push(), output(3)]);
    assert_eq!(ways(&too_many), NONE);
}

#[test]
fn what_runs_out_of_life_ends_its_own_list_only() {
    let switch = switch([
        program(
            0,
            vec![Instruction::apply(vec![Action::resubmit(1), output(2)])],
        ),
        program(
            1,
            vec![Instruction::apply(vec![
                Action::set_ttl(1),
                Action::dec_ttl(),
                output(3),
            ])],
        ),
    ]);
    assert_eq!(ways(&switch), [2]);
}

/// A switch whose flow gives packets to a group.
fn grouped(kind: GroupType, buckets: Vec<Bucket>) -> Switch {
    let mut switch = Switch::new();
    let group = GroupMod::add(GroupId(1), kind, buckets);
    switch.group_mod(&group).expect("a group");
    let user = flow(0, 1, Match::any(), vec![Action::group(GroupId(1))]);
    switch.flow_mod(&user).expect("a flow");
    switch
}

#[test]
fn a_bucket_is_an_action_set() {
    let bucket = Bucket::new(vec![
        output(2),
        Action::set(Field::EthSrc, 9_u64),
        output(3),
    ]);
    let out = outputs(&grouped(GroupType::ALL, vec![bucket]), &frame());
    assert_eq!(
        out.iter().map(|out| (out.0, out.2[11])).collect::<Vec<_>>(),
        [(3, 9)]
    );
}

#[test]
fn fast_failover_takes_the_first_bucket_whose_port_and_group_are_alive() {
    let bucket = |port: u32| Bucket::new(vec![output(port)]).watching_port(PortNo(port));
    let mut switch = grouped(
        GroupType::FAST_FAILOVER,
        vec![bucket(2), bucket(3), bucket(4)],
    );
    let watching = Bucket::new(vec![output(7)]).watching_group(GroupId(1));
    let second = GroupMod::add(GroupId(2), GroupType::FAST_FAILOVER, vec![watching]);
    switch.group_mod(&second).expect("a group");
    let user = FlowMod::add(
        TableId(0),
        9,
        ip(),
        vec![Instruction::apply(vec![Action::group(GroupId(2))])],
        1,
    );
    switch.flow_mod(&user).expect("a flow");
    for port in [2, 3, 4, 7] {
        switch.set_port(PortNo(port), port_that_is(true));
    }
    for (gone, wanted, watched) in [
        (9, vec![2], vec![7]),
        (2, vec![3], vec![7]),
        (3, vec![4], vec![7]),
        (4, vec![], vec![]),
    ] {
        switch.set_port(PortNo(gone), port_that_is(false));
        assert_eq!(ports(&switch), wanted);
        assert_eq!(ways(&switch), watched);
    }
}

#[test]
fn a_group_that_selects_shares_by_weight_and_keeps_a_connection_together() {
    let bucket = |port: u32, weight| Bucket::new(vec![output(port)]).weighing(weight);
    let switch = grouped(
        GroupType::SELECT,
        vec![bucket(2, 1), bucket(3, 3), bucket(4, 0)],
    );
    let mut counts = [0; 5];
    for n in 0..=255 {
        let mut frame = udp();
        frame[29] = n;
        let out = outputs(&switch, &frame);
        assert_eq!(out.len(), 1);
        assert_eq!(out, outputs(&switch, &frame));
        counts[out[0].0 as usize] += 1;
    }
    assert_eq!(counts[4], 0);
    assert!(counts[2] > 20 && counts[3] > counts[2], "{counts:?}");
}
