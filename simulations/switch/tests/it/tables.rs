//! What messages do to the tables, and which flow a packet finds.

use rust_openflow::message::{Band, Bucket, FlowCommand, FlowMod, GroupMod, GroupType, MeterMod};
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
    assert_eq!(switch.flow_mod(&user), Err(Refusal::Group(1)));
    switch.group_mod(&group).expect("a group");
    assert_eq!(switch.group_mod(&group), Err(Refusal::Group(1)));
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
    assert_eq!(switch.flow_mod(&user), Err(Refusal::Meter(9)));
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
fn what_the_switch_cannot_do_is_refused_and_changes_nothing() {
    let mut switch = Switch::new();
    let goto = |to| {
        FlowMod::add(
            TableId(3),
            1,
            Match::any(),
            vec![Instruction::goto(TableId(to))],
            1,
        )
    };
    let wrong = [
        goto(3),
        flow(0, 1, Match::any().with(Field::UdpDst, 67_u16), vec![]),
        flow(0, 1, Match::any().with(Field::CtNwProto, 6_u8), vec![]),
        flow(0, 1, Match::any(), vec![Action::CtClear {}]),
        flow(
            0,
            1,
            Match::any(),
            vec![Action::clone_of(vec![Action::set(Field::EthType, 1_u16)])],
        ),
        flow(0, 1, Match::any(), vec![Action::output(PortNo::NORMAL)]),
        flow(255, 1, Match::any(), vec![]),
    ];
    for message in wrong {
        assert!(switch.flow_mod(&message).is_err(), "{message:?}");
    }
    assert_eq!(count(&switch), 0);
    switch.flow_mod(&goto(4)).expect("a later table");
}
