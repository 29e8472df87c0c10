//! What messages do to the tables, and which flow a packet finds.

use rust_openflow::action::{OfsNbits, Oxm32, Subfield, Zone};
use rust_openflow::error::ErrorAnswer;
use rust_openflow::message::{
    Band, Bucket, BucketId, FlowCommand, FlowMod, GroupCommand, GroupMod, GroupType, MeterMod,
};
use rust_openflow::{Action, Field, GroupId, Instruction, Match, MeterId, PortNo, TableId};
use weft_switch::{Refusal, Switch};

use crate::{flow, output, ports, switch};

fn from_port(port: u32) -> Match {
    Match::any().with(Field::InPort, port)
}

fn count(switch: &Switch) -> usize {
    switch.flows().count()
}

#[test]
fn a_flow_takes_the_place_of_one_with_the_same_match_and_priority() {
    let both = Match::any()
        .with(Field::InPort, 1_u32)
        .with(Field::EthType, 0x88b5_u16);
    let turned = Match::any()
        .with(Field::EthType, 0x88b5_u16)
        .with(Field::InPort, 1_u32);
    let switch = switch([
        flow(0, 5, both, vec![output(2)]),
        flow(0, 5, turned, vec![output(3)]),
    ]);
    assert_eq!(count(&switch), 1);
    assert_eq!(ports(&switch), [3]);
}

#[test]
fn the_highest_priority_that_agrees_counts_whatever_the_shape() {
    let flows = [
        flow(0, 1, Match::any(), vec![output(2)]),
        flow(0, 2, from_port(1), vec![output(3)]),
        flow(
            0,
            3,
            Match::any().with_masked(Field::EthDst, 1_u64 << 40, 1_u64 << 40),
            vec![output(4)],
        ),
        flow(
            0,
            4,
            Match::any()
                .with(Field::EthType, 0x0800_u16)
                .with(Field::IpProto, 17_u8),
            vec![output(5)],
        ),
    ];
    // The frame is neither multicast nor UDP.
    assert_eq!(ports(&switch(flows)), [3]);
}

#[test]
fn flows_are_removed_by_cookie_by_cover_and_by_exactness() {
    let narrow = from_port(1).with(Field::EthType, 0x88b5_u16);
    let flows = [
        flow(0, 1, Match::any(), vec![output(2)]),
        flow(0, 2, from_port(1), vec![output(3)]),
        flow(1, 3, narrow.clone(), vec![output(4)]),
    ];
    let full = switch(flows);
    let after = |message: FlowMod| {
        let mut switch = full.clone();
        switch.flow_mod(&message).expect("a deletion");
        let mut cookies: Vec<u64> = switch.flows().map(|(_, flow)| flow.cookie).collect();
        cookies.sort_unstable();
        cookies
    };
    assert_eq!(after(FlowMod::delete_cookie(2)), [1, 3]);
    assert_eq!(
        after(FlowMod::delete(TableId::ALL, Match::any(), 0)),
        Vec::<u64>::new()
    );
    assert_eq!(after(FlowMod::delete(TableId(0), from_port(1), 0)), [1, 3]);
    assert_eq!(after(FlowMod::delete(TableId::ALL, from_port(1), 0)), [1]);
    let strict = |priority, matches| FlowMod {
        command: FlowCommand::DELETE_STRICT,
        priority,
        ..FlowMod::delete(TableId::ALL, matches, 0)
    };
    assert_eq!(after(strict(2, from_port(1))), [1, 3]);
    assert_eq!(after(strict(3, from_port(1))), [1, 2, 3]);
    let only_to = FlowMod {
        out_port: PortNo(4),
        ..FlowMod::delete(TableId::ALL, Match::any(), 0)
    };
    assert_eq!(after(only_to), [1, 2]);
}

#[test]
fn a_change_keeps_the_cookie_and_adds_no_flow() {
    let mut switch = switch([flow(0, 2, from_port(1), vec![output(3)])]);
    let mut message = flow(0, 9, Match::any(), vec![output(4)]);
    message.command = FlowCommand::MODIFY;
    switch.flow_mod(&message).expect("a change");
    assert_eq!(ports(&switch), [4]);
    assert_eq!(
        switch
            .flows()
            .map(|(_, flow)| flow.cookie)
            .collect::<Vec<_>>(),
        [2]
    );
}

#[test]
fn a_conjunction_matches_when_every_clause_does() {
    let clause = |id, clause| vec![Action::conjunction(id, clause, 2)];
    let met = Match::any().with(Field::ConjId, 7_u32);
    let with = |second: Match| {
        switch([
            flow(0, 10, from_port(1), clause(7, 1)),
            flow(0, 10, second, clause(7, 2)),
            flow(0, 10, met.clone(), vec![output(2)]),
            flow(0, 5, Match::any(), vec![output(3)]),
        ])
    };
    assert_eq!(
        ports(&with(Match::any().with(Field::EthType, 0x88b5_u16))),
        [2]
    );
    assert_eq!(
        ports(&with(Match::any().with(Field::EthType, 0x88b6_u16))),
        [3]
    );
}

#[test]
fn a_group_gives_each_bucket_a_copy_and_takes_its_flows_along() {
    let mut switch = Switch::new();
    let bucket = |port| {
        Bucket::new(vec![
            Action::set(Field::EthSrc, u64::from(port)),
            output(port),
        ])
    };
    let group = GroupMod::add(GroupId(1), GroupType::ALL, vec![bucket(2), bucket(3)]);
    let user = flow(
        0,
        1,
        Match::any(),
        vec![Action::group(GroupId(1)), output(4)],
    );
    assert_eq!(switch.flow_mod(&user), Err(Refusal::NoSuchGroup(1)));
    switch.group_mod(&group).expect("a group");
    assert_eq!(switch.group_mod(&group), Err(Refusal::GroupExists(1)));
    switch.flow_mod(&user).expect("a flow");
    let out = crate::outputs(&switch, &crate::frame());
    assert_eq!(
        out.iter().map(|out| (out.0, out.2[11])).collect::<Vec<_>>(),
        [(2, 2), (3, 3), (4, 1)]
    );
    let one = GroupMod::modify(GroupId(1), GroupType::INDIRECT, vec![bucket(5)]);
    switch.group_mod(&one).expect("a change");
    assert_eq!(ports(&switch), [5, 4]);
    switch
        .group_mod(&GroupMod::delete(GroupId::ALL))
        .expect("a deletion");
    assert_eq!(count(&switch), 0);
}

#[test]
fn a_meter_takes_its_flows_along() {
    let mut switch = Switch::new();
    let user = flow(
        0,
        1,
        Match::any(),
        vec![Action::meter(MeterId(9)), output(2)],
    );
    assert_eq!(switch.flow_mod(&user), Err(Refusal::NoSuchMeter(9)));
    let bands = vec![Band::Drop { rate: 1, burst: 1 }];
    switch
        .meter_mod(&MeterMod::add(MeterId(9), MeterMod::PKTPS, bands))
        .expect("a meter");
    switch.flow_mod(&user).expect("a flow");
    assert_eq!(ports(&switch), [2]);
    switch
        .meter_mod(&MeterMod::delete(MeterId(9)))
        .expect("a deletion");
    assert_eq!(count(&switch), 0);
}

#[test]
fn what_the_switch_cannot_do_is_refused_with_its_error_and_changes_nothing() {
    let mut switch = Switch::new();
    let with = |instructions| FlowMod::add(TableId(3), 1, Match::any(), instructions, 1);
    let goto = |to| with(vec![Instruction::goto(TableId(to))]);
    let of = |matches| flow(0, 1, matches, vec![]);
    let doing = |action| flow(0, 1, Match::any(), vec![action]);
    let set = |field, value: u32| doing(Action::set(field, value));
    let ct = || Action::ct(0, Zone::Number(1), None, vec![]);
    let bits = Subfield::new(Field::Reg0, 30, 3);
    let load = Action::RegLoad {
        ofs_nbits: OfsNbits::new(0, 4),
        dst: Oxm32(Field::Reg0.into()),
        value: 16,
    };
    // The types and codes of OpenFlow 1.5, which Open vSwitch 3.1 answers with, too.
    let wrong = [
        ("MATCH_INCONSISTENT", (2, 10), doing(ct())),
        (
            "BAD_ACTION_TYPE",
            (2, 0),
            with(vec![Instruction::write_actions(vec![Action::Exit {}])]),
        ),
        (
            "BAD_OUT_PORT",
            (2, 4),
            doing(Action::output(PortNo::NORMAL)),
        ),
        ("BAD_OUT_PORT", (2, 4), doing(Action::output(PortNo::ANY))),
        ("BAD_ARGUMENT", (2, 5), doing(Action::push_vlan(0x9100))),
        (
            "BAD_ARGUMENT",
            (2, 5),
            doing(Action::OutputTrunc {
                port: PortNo(1).into(),
                max_len: 13,
            }),
        ),
        ("BAD_OUT_GROUP", (2, 9), doing(Action::group(GroupId(4)))),
        ("MATCH_INCONSISTENT", (2, 10), set(Field::Ipv4Src, 1)),
        ("MATCH_INCONSISTENT", (2, 10), set(Field::VlanVid, 0x1005)),
        (
            "MATCH_INCONSISTENT",
            (2, 10),
            doing(Action::PopMpls { ethertype: 0x0800 }),
        ),
        ("BAD_SET_TYPE", (2, 13), set(Field::Xxreg4, 1)),
        ("BAD_SET_LEN", (2, 14), doing(Action::push(bits))),
        (
            "BAD_SET_ARGUMENT",
            (2, 15),
            doing(Action::clone_of(vec![Action::set(Field::EthType, 1_u16)])),
        ),
        ("BAD_SET_ARGUMENT", (2, 15), set(Field::CtMark, 1)),
        ("BAD_SET_ARGUMENT", (2, 15), doing(load)),
        ("BAD_TABLE_ID", (3, 2), goto(3)),
        (
            "DUP_INST",
            (3, 9),
            with(vec![Instruction::ClearActions {}; 2]),
        ),
        (
            "BAD_FIELD",
            (4, 6),
            of(Match::any().with(Field::Xxreg4, 1_u128)),
        ),
        (
            "BAD_PREREQ",
            (4, 9),
            of(Match::any().with(Field::UdpDst, 67_u16)),
        ),
        (
            "DUP_FIELD",
            (4, 10),
            of(from_port(1).with(Field::InPort, 2_u32)),
        ),
        ("BAD_TABLE_ID", (5, 2), flow(255, 1, Match::any(), vec![])),
        (
            "BAD_COMMAND",
            (5, 6),
            FlowMod {
                command: FlowCommand(9),
                ..of(Match::any())
            },
        ),
        ("INVALID_METER", (12, 2), doing(Action::meter(MeterId(4)))),
    ];
    for (name, (kind, code), message) in wrong {
        let refusal = switch.flow_mod(&message).expect_err(name);
        assert_eq!(
            refusal.answer(),
            ErrorAnswer { kind, code },
            "{name}: {refusal}"
        );
    }
    assert_eq!(count(&switch), 0);
    switch.flow_mod(&goto(4)).expect("a later table");
}

#[test]
fn groups_that_cannot_be_are_refused_with_their_errors() {
    let mut switch = Switch::new();
    let bucket = || Bucket::new(vec![output(2)]);
    let numbered = |id| Bucket { id, ..bucket() };
    let add = |kind, buckets| GroupMod::add(GroupId(1), kind, buckets);
    switch
        .group_mod(&add(GroupType::ALL, vec![numbered(7)]))
        .expect("a group");
    let insert = |command, at, buckets| GroupMod {
        command,
        command_bucket: BucketId(at),
        ..add(GroupType::ALL, buckets)
    };
    let (put, take) = (GroupCommand::INSERT_BUCKET, GroupCommand::REMOVE_BUCKET);
    let on = |id, kind, buckets| GroupMod::add(GroupId(id), kind, buckets);
    let wrong = [
        ("GROUP_EXISTS", 0, add(GroupType::ALL, vec![])),
        (
            "INVALID_GROUP",
            1,
            on(2, GroupType::INDIRECT, vec![bucket(), bucket()]),
        ),
        (
            "INVALID_GROUP",
            1,
            on(2, GroupType::FAST_FAILOVER, vec![bucket()]),
        ),
        (
            "INVALID_GROUP",
            1,
            on(2, GroupType::ALL, vec![bucket().weighing(2)]),
        ),
        ("INVALID_GROUP", 1, on(0xffff_ff01, GroupType::ALL, vec![])),
        (
            "UNKNOWN_GROUP",
            8,
            GroupMod::modify(GroupId(3), GroupType::ALL, vec![]),
        ),
        ("BAD_TYPE", 10, on(2, GroupType(9), vec![])),
        (
            "BAD_COMMAND",
            11,
            GroupMod {
                command: GroupCommand(77),
                ..add(GroupType::ALL, vec![])
            },
        ),
        ("UNKNOWN_BUCKET", 15, insert(take, 8, vec![])),
        (
            "BUCKET_EXISTS",
            16,
            insert(put, BucketId::LAST.0, vec![numbered(7)]),
        ),
    ];
    for (name, code, message) in wrong {
        let refusal = switch.group_mod(&message).expect_err(name);
        assert_eq!(
            refusal.answer(),
            ErrorAnswer { kind: 6, code },
            "{name}: {refusal}"
        );
    }
    let ids = |switch: &Switch| {
        let group = switch.group(GroupId(1)).expect("the group");
        group
            .buckets
            .iter()
            .map(|bucket| bucket.id)
            .collect::<Vec<_>>()
    };
    for (command, at, id, wanted) in [
        (put, BucketId::FIRST.0, 1, vec![1, 7]),
        (put, 1, 3, vec![1, 3, 7]),
        (put, BucketId::LAST.0, 9, vec![1, 3, 7, 9]),
        (take, 3, 0, vec![1, 7, 9]),
        (take, BucketId::FIRST.0, 0, vec![7, 9]),
        (take, BucketId::LAST.0, 0, vec![7]),
        (take, BucketId::ALL.0, 0, vec![]),
    ] {
        let buckets = if command == put {
            vec![numbered(id)]
        } else {
            vec![]
        };
        switch
            .group_mod(&insert(command, at, buckets))
            .expect("a change");
        assert_eq!(ids(&switch), wanted);
    }
}
