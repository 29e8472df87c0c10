//! What a trace tells: the flows that a packet meets and what each leads to, in the order in which it happens.

use rust_openflow::message::{Band, Bucket, GroupMod, GroupType, MeterMod};
use rust_openflow::text;
use rust_openflow::{Action, Field, GroupId, Instruction, Match, MeterId, PortNo, TableId};
use weft_switch::trace::{Event, Node};
use weft_switch::{Port, Switch, Tunnel};

use crate::{flow, frame, output, switch};

/// A tree in short: one word for each event, what came of it in brackets.
fn told(nodes: &[Node]) -> String {
    let words = nodes.iter().map(|node| {
        let word = match &node.event {
            Event::Lookup { table, flow: None } => format!("{}:miss", table.0),
            Event::Lookup { table, .. } => format!("{}", table.0),
            Event::Resubmit { table, .. } => format!("resubmit {}", table.0),
            Event::Copy => "copy".to_owned(),
            Event::Group { group, buckets } => format!("group {} {buckets}", group.0),
            Event::Track {
                zone,
                commit,
                state,
            } => format!("track {zone} {commit} {state:#x}"),
            Event::Meter { meter, passes } => format!("meter {} {passes}", meter.0),
            Event::Output { port, .. } => format!("out {port}"),
            Event::Withheld { port, reason } => format!("{reason:?} {port}"),
            Event::Controller(_) => "controller".to_owned(),
            Event::TooOften => "too often".to_owned(),
        };
        match &node.then[..] {
            [] => word,
            then => format!("{word} [{}]", told(then)),
        }
    });
    words.collect::<Vec<_>>().join(", ")
}

fn trace(switch: &Switch) -> String {
    told(&switch.trace(PortNo(1), Tunnel::default(), &frame()).nodes)
}

/// A meter that lets one packet pass.
fn meter() -> MeterMod {
    let band = Band::Drop { rate: 1, burst: 1 };
    MeterMod::add(MeterId(4), MeterMod::PKTPS, vec![band])
}

#[test]
fn a_resubmit_stands_below_its_flow_and_the_next_table_beside_it() {
    let goto = Instruction::GotoTable {
        table_id: TableId(5),
    };
    let mut first = flow(0, 1, Match::any(), vec![Action::resubmit(2), output(3)]);
    first.instructions.push(goto);
    let switch = switch([
        first,
        flow(2, 1, Match::any(), vec![output(1), output(2)]),
        flow(5, 1, Match::any(), vec![Action::resubmit(9)]),
    ]);
    assert_eq!(
        trace(&switch),
        "0 [resubmit 2 [2 [CameFrom 1, out 2]], out 3], 5 [resubmit 9 [9:miss]]"
    );
}

#[test]
fn copies_buckets_and_meters_are_told() {
    let mut switch = Switch::new();
    let bucket = |port| Bucket::new(vec![output(port)]);
    let group = GroupMod::add(GroupId(7), GroupType::ALL, vec![bucket(2), bucket(3)]);
    switch.group_mod(&group).expect("a group");
    switch.meter_mod(&meter()).expect("a meter");
    let copy = Action::Clone {
        actions: vec![output(5)].into(),
    };
    let actions = vec![
        copy,
        Action::Group {
            group_id: GroupId(7),
        },
    ];
    let mut there = flow(0, 1, Match::any(), actions);
    let through = Instruction::Meter {
        meter_id: MeterId(4),
    };
    there.instructions.insert(0, through);
    switch.flow_mod(&there).expect("a flow");
    for port in [2, 3, 5] {
        let state = Port {
            up: port != 3,
            floods: true,
        };
        switch.set_port(PortNo(port), Some(state));
    }
    assert_eq!(
        trace(&switch),
        "0 [meter 4 true, copy [out 5], group 7 2 [copy [out 2], copy [Down 3]]]"
    );
}

#[test]
fn a_trace_changes_and_counts_nothing() {
    let mut switch = Switch::new();
    switch.meter_mod(&meter()).expect("a meter");
    let mut there = flow(0, 1, Match::any(), vec![output(2)]);
    let through = Instruction::Meter {
        meter_id: MeterId(4),
    };
    there.instructions.insert(0, through);
    switch.flow_mod(&there).expect("a flow");
    let before = format!("{switch:?}");
    for _ in 0..3 {
        let trace = switch.trace(PortNo(1), Tunnel::default(), &frame());
        assert_eq!(trace.outputs.len(), 1);
    }
    assert_eq!(format!("{switch:?}"), before);
}

#[test]
fn what_goes_round_too_often_is_told_so_and_nothing_comes_out() {
    let switch = switch([flow(
        0,
        1,
        Match::any(),
        vec![output(2), Action::resubmit(0)],
    )]);
    let trace = switch.trace(PortNo(1), Tunnel::default(), &frame());
    assert_eq!(trace.outputs, []);
    assert!(told(&trace.nodes).contains("too often"));
}

#[test]
fn what_connection_tracking_finds_stands_before_where_the_packet_goes_on() {
    let ct = text::parse_actions("ct(commit,zone=5,table=3)", &text::Names::default());
    let ct = ct.expect("an action");
    let udp_only = Match::any()
        .with(Field::EthType, 0x0800_u16)
        .with(Field::IpProto, 17_u8);
    let switch = switch([
        flow(0, 1, Match::any(), vec![Action::resubmit(1), output(4)]),
        flow(1, 1, udp_only, ct),
        flow(3, 1, Match::any(), vec![output(2)]),
    ]);
    let trace = switch.trace(PortNo(1), Tunnel::default(), &crate::udp());
    assert_eq!(
        told(&trace.nodes),
        "0 [resubmit 1 [1 [track 5 true 0x21 [3 [out 2]]]], out 4]"
    );
}
