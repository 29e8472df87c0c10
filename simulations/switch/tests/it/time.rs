//! What is counted of flows, and how they go.

use proptest::prelude::*;
use rust_openflow::message::{
    Band, Bucket, FlowCommand, FlowFilter, FlowFlags, FlowMod, FlowRemovedReason, GroupMod,
    GroupType, MeterMod,
};
use rust_openflow::{Action, Field, GroupId, Instruction, Match, MeterId, PortNo, TableId};
use weft_switch::{Refusal, Switch, Tunnel};

use crate::{flow, frame, output};

const TOLD: FlowFlags = FlowFlags::SEND_FLOW_REMOVED;

fn from_port(port: u32) -> Match {
    Match::any().with(Field::InPort, port)
}

/// A flow for packets of a port, with its timeouts.
fn timed(port: u32, idle_timeout: u16, hard_timeout: u16) -> FlowMod {
    FlowMod {
        idle_timeout,
        hard_timeout,
        flags: TOLD,
        ..flow(0, 1, from_port(port), vec![output(9)])
    }
}

fn packet(switch: &mut Switch, port: u32) {
    switch.receive(PortNo(port), Tunnel::default(), &frame());
}

/// Of the flows that went: why, packets, bytes.
fn gone(switch: &mut Switch) -> Vec<(FlowRemovedReason, u64, u64)> {
    let removed = switch.take_removed().into_iter();
    removed
        .map(|flow| (flow.reason, flow.stats.packets(), flow.stats.bytes()))
        .collect()
}

/// Of the flows that are there: packets, bytes, seconds.
fn counted(switch: &Switch) -> Vec<(u64, u64, u32)> {
    let stats = switch.flow_stats(&FlowFilter::all()).expect("an answer");
    stats
        .iter()
        .map(|flow| {
            (
                flow.stats.packets(),
                flow.stats.bytes(),
                flow.stats.duration().0,
            )
        })
        .collect()
}

#[test]
fn a_flow_goes_when_no_packet_came_for_its_idle_timeout() {
    let mut switch = Switch::new();
    switch.advance(500);
    switch.flow_mod(&timed(1, 10, 0)).expect("a flow");
    for now in [9_000, 18_000, 27_999] {
        switch.advance(now);
        packet(&mut switch, 1);
    }
    switch.advance(37_998);
    assert_eq!(gone(&mut switch), []);
    assert_eq!(counted(&switch), [(3, 180, 37)]);
    assert_eq!(switch.next_timeout(), Some(37_999));
    switch.advance(37_999);
    assert_eq!(
        gone(&mut switch),
        [(FlowRemovedReason::IDLE_TIMEOUT, 3, 180)]
    );
    assert_eq!(counted(&switch), []);
    assert_eq!(switch.next_timeout(), None);
}

#[test]
fn a_hard_timeout_counts_from_the_last_change_whatever_comes() {
    let mut switch = Switch::new();
    switch.flow_mod(&timed(1, 0, 10)).expect("a flow");
    switch.advance(6_000);
    let change = FlowMod {
        command: FlowCommand::MODIFY_STRICT,
        ..timed(1, 0, 0)
    };
    switch.flow_mod(&change).expect("a change");
    switch.advance(15_999);
    packet(&mut switch, 1);
    assert_eq!(gone(&mut switch), []);
    switch.advance(16_000);
    assert_eq!(
        gone(&mut switch),
        [(FlowRemovedReason::HARD_TIMEOUT, 1, 60)]
    );
}

#[test]
fn only_those_are_told_who_were_to_be_and_each_with_its_reason() {
    let mut switch = Switch::new();
    let group = GroupMod::add(
        GroupId(1),
        GroupType::ALL,
        vec![Bucket::new(vec![output(2)])],
    );
    switch.group_mod(&group).expect("a group");
    let bands = vec![Band::Drop { rate: 1, burst: 1 }];
    let meter = MeterMod::add(MeterId(1), MeterMod::PKTPS, bands);
    switch.meter_mod(&meter).expect("a meter");
    let metered = FlowMod {
        instructions: vec![Instruction::Meter {
            meter_id: MeterId(1),
        }],
        ..timed(1, 0, 0)
    };
    let grouped = FlowMod {
        instructions: vec![Instruction::write_actions(vec![Action::group(GroupId(1))])],
        ..timed(2, 0, 0)
    };
    let quiet = FlowMod {
        flags: FlowFlags::default(),
        ..timed(3, 0, 0)
    };
    for flow in [metered, grouped, quiet, timed(4, 0, 0)] {
        switch.flow_mod(&flow).expect("a flow");
    }
    switch
        .group_mod(&GroupMod::delete(GroupId(1)))
        .expect("a deletion");
    switch
        .meter_mod(&MeterMod::delete(MeterId(1)))
        .expect("a deletion");
    switch
        .flow_mod(&FlowMod::delete(TableId::ALL, Match::any(), 0))
        .expect("a deletion");
    let reasons: Vec<_> = gone(&mut switch).into_iter().map(|gone| gone.0).collect();
    use FlowRemovedReason as Reason;
    assert_eq!(
        reasons,
        [Reason::GROUP_DELETE, Reason::METER_DELETE, Reason::DELETE]
    );
}

#[test]
fn counts_go_on_when_a_flow_is_replaced_or_changed_unless_they_are_reset() {
    let run = |command, flags| {
        let mut switch = Switch::new();
        switch.flow_mod(&timed(1, 0, 0)).expect("a flow");
        packet(&mut switch, 1);
        switch.advance(5_000);
        let message = FlowMod {
            command,
            flags,
            ..timed(1, 0, 0)
        };
        switch.flow_mod(&message).expect("a flow");
        packet(&mut switch, 1);
        assert_eq!(
            gone(&mut switch),
            [],
            "a flow that is replaced is not told of"
        );
        counted(&switch)[0]
    };
    let reset = FlowFlags::RESET_COUNTS;
    assert_eq!(run(FlowCommand::ADD, TOLD), (2, 120, 0));
    assert_eq!(run(FlowCommand::ADD, reset), (1, 60, 0));
    assert_eq!(run(FlowCommand::MODIFY, TOLD), (2, 120, 5));
    assert_eq!(run(FlowCommand::MODIFY, reset), (1, 60, 5));
}

#[test]
fn a_flow_that_must_not_overlap_is_refused_when_it_does() {
    let mut switch = Switch::new();
    let careful = |matches| FlowMod {
        flags: FlowFlags::CHECK_OVERLAP,
        ..flow(0, 1, matches, vec![])
    };
    let of_type = |kind: u16| Match::any().with(Field::EthType, kind);
    switch.flow_mod(&careful(from_port(1))).expect("the first");
    assert_eq!(
        switch.flow_mod(&careful(of_type(0x0800))),
        Err(Refusal::Overlap)
    );
    switch
        .flow_mod(&careful(from_port(2)))
        .expect("another port");
    switch
        .flow_mod(&careful(from_port(1)))
        .expect("the same again");
    let above = FlowMod {
        priority: 2,
        ..careful(of_type(0x0800))
    };
    switch.flow_mod(&above).expect("another priority");
}

#[test]
fn the_end_of_a_connection_shortens_a_flow() {
    let shorten = Action::FinTimeout {
        fin_idle_timeout: 2,
        fin_hard_timeout: 5,
    };
    let tcp = Match::any()
        .with(Field::EthType, 0x0800_u16)
        .with(Field::IpProto, 6_u8);
    let flow = FlowMod {
        idle_timeout: 60,
        flags: TOLD,
        ..flow(0, 1, tcp, vec![shorten])
    };
    let mut segment = crate::udp();
    segment[23] = 6;
    segment[16..18].copy_from_slice(&[0, 40]);
    segment.truncate(34);
    segment.extend([
        0, 1, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0x50, 0x10, 0, 0, 0, 0, 0, 0,
    ]);
    let mut switch = Switch::new();
    switch.flow_mod(&flow).expect("a flow");
    switch.receive(PortNo(1), Tunnel::default(), &segment);
    assert_eq!(switch.next_timeout(), Some(60_000));
    segment[47] |= 1;
    switch.receive(PortNo(1), Tunnel::default(), &segment);
    switch.advance(1_999);
    assert_eq!(gone(&mut switch), []);
    switch.advance(2_000);
    assert_eq!(
        gone(&mut switch),
        [(FlowRemovedReason::IDLE_TIMEOUT, 2, 108)]
    );
}

#[test]
fn flows_are_told_of_by_table_cookie_port_and_match() {
    let mut switch = Switch::new();
    for flow in [
        flow(0, 1, from_port(1), vec![output(2)]),
        flow(0, 2, from_port(2), vec![output(3)]),
        flow(7, 3, from_port(1), vec![Action::clone_of(vec![output(2)])]),
    ] {
        switch.flow_mod(&flow).expect("a flow");
    }
    let all = FlowFilter::all;
    let cookies = |filter: FlowFilter| {
        let stats = switch.flow_stats(&filter).expect("an answer");
        stats.iter().map(|flow| flow.cookie).collect::<Vec<_>>()
    };
    assert_eq!(cookies(all()), [1, 2, 3]);
    let table = TableId(0);
    assert_eq!(cookies(FlowFilter { table, ..all() }), [1, 2]);
    let out_port = PortNo(2);
    assert_eq!(cookies(FlowFilter { out_port, ..all() }), [1, 3]);
    let (cookie, cookie_mask) = (2, u64::MAX);
    assert_eq!(
        cookies(FlowFilter {
            cookie,
            cookie_mask,
            ..all()
        }),
        [2]
    );
    let matches = from_port(1);
    assert_eq!(cookies(FlowFilter { matches, ..all() }), [1, 3]);
}

#[test]
fn a_meter_takes_packets_above_its_rate_wherever_it_stands() {
    let meter_id = MeterId(1);
    let first = FlowMod {
        instructions: vec![
            Instruction::Meter { meter_id },
            Instruction::apply(vec![output(2)]),
            Instruction::write_actions(vec![output(3)]),
        ],
        ..timed(1, 0, 0)
    };
    let within = flow(
        0,
        1,
        from_port(1),
        vec![output(2), Action::meter(meter_id), output(3)],
    );
    let copied = vec![
        Action::clone_of(vec![Action::meter(meter_id), output(2)]),
        output(3),
    ];
    let copied = flow(0, 1, from_port(1), copied);
    let to = rust_openflow::action::ToController {
        meter: Some(meter_id),
        ..Default::default()
    };
    let told = flow(0, 1, from_port(1), vec![Action::from(to), output(3)]);
    for (flow, passed, taken) in [(first, 2, 0), (within, 2, 1), (copied, 2, 1), (told, 2, 1)] {
        let mut switch = Switch::new();
        let bands = vec![Band::Drop { rate: 1, burst: 0 }];
        let meter = MeterMod::add(meter_id, MeterMod::PKTPS, bands);
        switch.meter_mod(&meter).expect("a meter");
        switch.flow_mod(&flow).expect("a flow");
        let mut count = |now| {
            switch.advance(now);
            switch.receive(PortNo(1), Tunnel::default(), &frame()).len()
        };
        assert_eq!(
            [0, 999, 1_000].map(&mut count),
            [passed, taken, passed],
            "{flow:?}"
        );
    }
}

#[test]
fn what_cannot_be_kept_is_refused() {
    let mut switch = Switch::new();
    let held = FlowMod {
        buffer_id: 7,
        ..timed(1, 0, 0)
    };
    assert_eq!(switch.flow_mod(&held), Err(Refusal::Buffer(7)));
    let strange = FlowMod {
        flags: FlowFlags(0x8000),
        ..timed(1, 0, 0)
    };
    assert_eq!(switch.flow_mod(&strange), Err(Refusal::FlowFlags(0x8000)));
    assert_eq!(counted(&switch), []);
}

/// Something that happens to a switch with flows for few ports.
#[derive(Debug, Clone)]
enum Event {
    Add { port: u32, idle: u16, hard: u16 },
    Delete(u32),
    Packet(u32),
    Pass(u64),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        (1..5_u32, 0..4_u16, 0..6_u16).prop_map(|(port, idle, hard)| Event::Add {
            port,
            idle,
            hard
        }),
        (1..5_u32).prop_map(Event::Delete),
        (1..5_u32).prop_map(Event::Packet),
        (0..2500_u64).prop_map(Event::Pass),
    ]
}

/// A flow as a list of flows has it.
#[derive(Debug, Clone)]
struct Listed {
    port: u32,
    idle: u64,
    hard: u64,
    made: u64,
    used: u64,
}

proptest! {
    #[test]
    fn the_flows_that_are_there_are_those_that_a_list_of_all_says(
        events in prop::collection::vec(event(), 0..60),
    ) {
        let (mut switch, mut now) = (Switch::new(), 0);
        let mut list: Vec<Listed> = Vec::new();
        for event in events {
            match event {
                Event::Add { port, idle, hard } => {
                    switch.flow_mod(&timed(port, idle, hard)).expect("a flow");
                    list.retain(|flow| flow.port != port);
                    let (idle, hard) = (u64::from(idle) * 1000, u64::from(hard) * 1000);
                    list.push(Listed { port, idle, hard, made: now, used: now });
                }
                Event::Delete(port) => {
                    let delete = FlowMod::delete(TableId(0), from_port(port), 0);
                    switch.flow_mod(&delete).expect("a deletion");
                    list.retain(|flow| flow.port != port);
                }
                Event::Packet(port) => {
                    packet(&mut switch, port);
                    list.iter_mut().filter(|flow| flow.port == port).for_each(|flow| flow.used = now);
                }
                Event::Pass(time) => {
                    now += time;
                    switch.advance(now);
                    list.retain(|flow| {
                        let idle = flow.idle != 0 && now >= flow.used + flow.idle;
                        !idle && (flow.hard == 0 || now < flow.made + flow.hard)
                    });
                }
            }
            let mut there: Vec<u128> = switch
                .flows()
                .filter_map(|(_, flow)| flow.matches.get(Field::InPort).map(|asked| asked.value))
                .collect();
            there.sort_unstable();
            let mut wanted: Vec<u128> = list.iter().map(|flow| flow.port.into()).collect();
            wanted.sort_unstable();
            prop_assert_eq!(there, wanted);
        }
    }
}
