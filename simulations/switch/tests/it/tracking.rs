//! What a packet is to its connection: states, zones, marks, what goes on in a table, and how connections end.

use rust_openflow::action::{OfsNbits, Oxm32, Zone};
use rust_openflow::message::{CtFlush, CtFlushProperty, CtTupleProperty, FlowMod};
use rust_openflow::text::{Names, parse_flow};
use rust_openflow::{Action, Field, Instruction, PortNo};
use weft_switch::{Output, Refusal, Switch, Tunnel};

use crate::conversation::{Content, Datagram, echo, tcp, udp};

const A: &str = "10.0.0.1";
const B: &str = "10.0.0.2";
const A6: &str = "fd00::1";
const B6: &str = "fd00::2";

/// Packets are told apart: new ones are committed and go to port 2, established ones to 3, answers to 4, related ones
/// to 5, those that belong to none to 6; all untracked to 9.
const FILTER: &str = "
    table=0,ip actions=ct(table=1),output:9
    table=0,ipv6 actions=ct(table=1),output:9
    table=1,priority=3,ct_state=+new+trk,ip actions=ct(commit),output:2
    table=1,priority=3,ct_state=+new+trk,ipv6 actions=ct(commit),output:2
    table=1,priority=2,ct_state=+rel+trk actions=output:5
    table=1,priority=1,ct_state=+est-rpl+trk actions=output:3
    table=1,priority=1,ct_state=+est+rpl+trk actions=output:4
    table=1,priority=1,ct_state=+inv+trk actions=output:6";

pub(crate) fn told(line: &str) -> FlowMod {
    let flow = parse_flow(line.trim(), &Names::default()).expect("a flow");
    FlowMod::add(
        flow.table,
        flow.priority,
        flow.matches,
        flow.instructions,
        1,
    )
}

pub(crate) fn switch(flows: &str) -> Switch {
    crate::switch(flows.trim().lines().map(told))
}

fn refused(line: &str) -> Option<Refusal> {
    Switch::new().flow_mod(&told(line)).err()
}

/// What comes out for a packet: ports and frames.
pub(crate) fn sent(switch: &mut Switch, packet: &Datagram) -> Vec<(u32, Vec<u8>)> {
    let outputs = switch.receive(PortNo(1), Tunnel::default(), &packet.frame());
    let frames = outputs.into_iter().filter_map(|output| match output {
        Output::Port { port, frame, .. } => Some((port.0, frame)),
        Output::Controller { .. } => None,
    });
    frames.collect()
}

/// The frames that come out for a frame.
pub(crate) fn frames(switch: &mut Switch, frame: &[u8]) -> Vec<Vec<u8>> {
    let outputs = switch.receive(PortNo(1), Tunnel::default(), frame);
    let frames = outputs.into_iter().filter_map(|output| match output {
        Output::Port { frame, .. } => Some(frame),
        Output::Controller { .. } => None,
    });
    frames.collect()
}

/// The ports that a packet comes out of, but for that of all packets.
fn ports(switch: &mut Switch, packet: &Datagram) -> Vec<u32> {
    let ports = sent(switch, packet).into_iter().map(|out| out.0);
    ports.filter(|port| *port != 9).collect()
}

fn there(content: Content) -> Datagram {
    Datagram::new(A, B, content)
}

fn back(content: Content) -> Datagram {
    Datagram::new(B, A, content)
}

pub(crate) fn connections(switch: &Switch) -> Vec<String> {
    switch.connections().map(|one| one.to_string()).collect()
}

#[test]
fn a_tcp_connection_is_followed_from_its_beginning_to_its_end() {
    let mut switch = switch(FILTER);
    let (ahead, answer) = ((1000, 80), (80, 1000));
    let steps = [
        (there(tcp(ahead, "S", 100, 0)), 2, "SYN_SENT"),
        (there(tcp(ahead, "S", 100, 0)), 2, "SYN_SENT"),
        (back(tcp(answer, "SA", 500, 101)), 4, "ESTABLISHED"),
        (there(tcp(ahead, "A", 101, 501)), 3, "ESTABLISHED"),
        // Data far outside of the window.
        (
            there(Content::Tcp {
                ports: ahead,
                flags: "PA",
                sequence: 101 + 70_000,
                acknowledged: 501,
                window: 1000,
                options: Vec::new(),
                data: vec![7; 100],
            }),
            6,
            "ESTABLISHED",
        ),
        (there(tcp(ahead, "FA", 101, 501)), 3, "CLOSING"),
        (back(tcp(answer, "FA", 501, 102)), 4, "TIME_WAIT"),
        (there(tcp(ahead, "A", 102, 502)), 3, "TIME_WAIT"),
        // The same ports begin anew.
        (there(tcp(ahead, "S", 9000, 0)), 2, "SYN_SENT"),
        (back(tcp(answer, "RA", 0, 9001)), 4, "TIME_WAIT"),
    ];
    for (at, (packet, port, state)) in steps.into_iter().enumerate() {
        assert_eq!(ports(&mut switch, &packet), [port], "step {at}");
        let expected = format!(
            "tcp,orig=(src={A},dst={B},sport=1000,dport=80),\
             reply=(src={B},dst={A},sport=80,dport=1000),protoinfo=(state={state})"
        );
        assert_eq!(connections(&switch), [expected], "step {at}");
    }
}

#[test]
fn a_tcp_connection_is_taken_up_in_its_middle_but_not_at_its_second_segment() {
    let mut switch = switch(FILTER);
    let ahead = (1000, 80);
    assert_eq!(ports(&mut switch, &there(tcp(ahead, "SA", 5, 5))), [6]);
    assert_eq!(ports(&mut switch, &there(tcp(ahead, "A", 5, 5))), [2]);
    assert_eq!(ports(&mut switch, &back(tcp((80, 1000), "A", 5, 5))), [4]);
    // No end sends these together.
    assert_eq!(ports(&mut switch, &there(tcp(ahead, "SF", 5, 5))), [6]);
}

#[test]
fn a_reset_ends_a_connection_only_with_the_right_sequence_number() {
    let mut switch = switch(FILTER);
    let (ahead, answer) = ((1000, 80), (80, 1000));
    for packet in [
        there(tcp(ahead, "S", 100, 0)),
        back(tcp(answer, "SA", 500, 101)),
        there(tcp(ahead, "A", 101, 501)),
    ] {
        sent(&mut switch, &packet);
    }
    assert_eq!(ports(&mut switch, &there(tcp(ahead, "R", 700, 0))), [6]);
    assert!(connections(&switch)[0].contains("ESTABLISHED"));
    assert_eq!(ports(&mut switch, &there(tcp(ahead, "R", 101, 0))), [3]);
    assert!(connections(&switch)[0].contains("TIME_WAIT"));
}

#[test]
fn other_packets_are_new_until_they_are_answered() {
    let pairs = [
        (udp(1000, 53), udp(53, 1000)),
        (echo(8, 7), echo(0, 7)),
        (
            Content::Other {
                protocol: 47,
                data: vec![1; 20],
            },
            Content::Other {
                protocol: 47,
                data: vec![2; 20],
            },
        ),
    ];
    for (question, answer) in pairs {
        let mut switch = switch(FILTER);
        for expected in [2, 2, 2] {
            assert_eq!(ports(&mut switch, &there(question.clone())), [expected]);
        }
        assert_eq!(ports(&mut switch, &back(answer)), [4]);
        assert_eq!(ports(&mut switch, &there(question)), [3]);
        assert_eq!(switch.connections().count(), 1);
    }
    let mut switch = switch(FILTER);
    let ahead = Datagram::new(A6, B6, echo(128, 7));
    assert_eq!(ports(&mut switch, &ahead), [2]);
    let answer = Datagram::new(B6, A6, echo(129, 7));
    assert_eq!(ports(&mut switch, &answer), [4]);
    // An answer to nothing begins nothing.
    assert_eq!(ports(&mut switch, &there(echo(0, 9))), [6]);
}

#[test]
fn an_icmp_error_is_related_to_the_connection_that_it_is_about() {
    let mut switch = switch(FILTER);
    let packet = there(udp(1000, 53));
    let error = |about: &Datagram| Datagram::error("10.9.9.9", 3, &about.frame(), 28);
    assert_eq!(
        ports(&mut switch, &error(&packet)),
        [6],
        "nothing is known yet"
    );
    sent(&mut switch, &packet);
    assert_eq!(ports(&mut switch, &error(&packet)), [5]);
    let mut short = error(&packet);
    if let Content::Icmp { data, .. } = &mut short.content {
        data.truncate(27);
    }
    assert_eq!(ports(&mut switch, &short), [6]);
    let mut elsewhere = error(&packet);
    elsewhere.destination = "10.0.0.77".parse().expect("an address");
    assert_eq!(ports(&mut switch, &elsewhere), [6]);
    let packet = Datagram::new(A6, B6, udp(1000, 53));
    sent(&mut switch, &packet);
    let error = Datagram::error("fd00::9", 1, &packet.frame(), 1000);
    assert_eq!(ports(&mut switch, &error), [5]);
}

#[test]
fn what_is_broken_belongs_to_no_connection() {
    let mut switch = switch(FILTER);
    let whole = there(udp(1000, 53)).frame();
    let out = |switch: &mut Switch, frame: &[u8]| {
        let outputs = switch.receive(PortNo(1), Tunnel::default(), frame);
        outputs.len()
    };
    // The address, the UDP length, the data, and a port of zero.
    for (at, value) in [(29, 9), (39, 99), (43, 9), (34, 0)] {
        let mut broken = whole.clone();
        broken[at] ^= if value == 0 { broken[at] } else { value };
        out(&mut switch, &broken);
        assert_eq!(switch.connections().count(), 0, "byte {at}");
    }
    assert_eq!(ports(&mut switch, &there(udp(0, 53))), [6]);
    // Over IPv4, UDP can be without a checksum.
    let mut plain = whole;
    plain[40..42].fill(0);
    out(&mut switch, &plain);
    assert_eq!(switch.connections().count(), 1);
}

#[test]
fn a_tracked_copy_goes_on_with_everything_that_was_set() {
    let mut switch = switch(
        "table=0,ip actions=load:5->NXM_NX_REG1[],push:NXM_NX_REG1[],ct(table=2),output:7,\
             write_actions(output:8)
         table=1,ip actions=write_actions(output:6),goto_table:3
         table=2,reg1=5,ct_state=+new+trk,ct_nw_src=10.0.0.1,ct_tp_dst=53,udp \
             actions=pop:NXM_NX_REG2[],resubmit(,4),resubmit(,1)
         table=3,ip actions=ct(table=5),output:3
         table=4,reg2=5,ip actions=output:2
         table=5,ip actions=output:4",
    );
    let packet = there(udp(1000, 53));
    // The set goes along, and is done for each copy.
    let out: Vec<u32> = sent(&mut switch, &packet)
        .into_iter()
        .map(|out| out.0)
        .collect();
    assert_eq!(out, [2, 4, 6, 3, 6, 7, 8]);
}

#[test]
fn the_packet_itself_goes_on_untracked_and_a_cleared_one_as_well() {
    let mut switch = switch(
        "table=0,ip actions=ct(commit),resubmit(,1),ct(table=1)
         table=1,priority=2,ct_state=-trk,ip actions=output:2
         table=1,priority=1,ct_state=+trk,ip actions=output:3,ct_clear,resubmit(,1)",
    );
    let packet = there(udp(1000, 53));
    assert_eq!(ports(&mut switch, &packet), [2, 3, 2]);
}

#[test]
fn tracking_within_tracking_ends() {
    let flows: Vec<String> = (0..12)
        .map(|table| format!("table={table},ip actions=output:2,ct(table={})", table + 1))
        .collect();
    let mut switch = switch(&flows.join("\n"));
    assert_eq!(ports(&mut switch, &there(udp(1000, 53))).len(), 7);
}

#[test]
fn zones_are_apart() {
    let mut switch = switch(
        "table=0,ip,in_port=1 actions=load:7->NXM_NX_REG0[0..15],ct(commit,zone=5),\
             ct(zone=NXM_NX_REG0[0..15],table=1)
         table=1,ct_zone=7,ct_state=+new,ip actions=ct(zone=5,table=2)
         table=2,ct_zone=5,ct_state=+new,ip actions=output:2
         table=2,ct_zone=5,ct_state=+est,ip actions=output:3",
    );
    assert_eq!(ports(&mut switch, &there(udp(1000, 53))), [2]);
    assert_eq!(ports(&mut switch, &back(udp(53, 1000))), [3]);
    let zones: Vec<u16> = switch.connections().map(|one| one.zone).collect();
    assert_eq!(zones, [5]);
    switch.flush_zone(Some(7));
    assert_eq!(switch.connections().count(), 1);
    switch.flush_zone(Some(5));
    assert_eq!(switch.connections().count(), 0);
}

#[test]
fn marks_and_labels_are_set_bit_by_bit_and_shown() {
    let mut switch = switch(
        "table=0,udp,udp_src=1000 actions=ct(commit,exec(load:0x12->NXM_NX_CT_MARK[],\
             load:5->NXM_NX_CT_LABEL[64..127]))
         table=0,udp,udp_src=53 actions=load:0xff->NXM_NX_REG0[],ct(table=1)
         table=1,ct_mark=0x12,ct_label=0x50000000000000000,udp actions=\
             ct(commit,exec(load:3->NXM_NX_CT_MARK[0..3],\
             move:NXM_NX_REG0[0..7]->NXM_NX_CT_LABEL[0..7])),output:2",
    );
    sent(&mut switch, &there(udp(1000, 53)));
    let labels = "mark=18,labels=0x50000000000000000";
    assert!(connections(&switch)[0].ends_with(labels));
    assert_eq!(ports(&mut switch, &back(udp(53, 1000))), [2]);
    let labels = "mark=19,labels=0x500000000000000ff";
    assert!(
        connections(&switch)[0].ends_with(labels),
        "{:?}",
        connections(&switch)
    );
}

#[test]
fn only_what_is_committed_is_remembered_and_force_turns_it_round() {
    let mut switch = switch(
        "table=0,in_port=1,udp,udp_dst=1 actions=ct(table=1)
         table=0,in_port=1,udp,udp_dst=2 actions=ct(commit)
         table=0,in_port=1,udp,udp_src=2 actions=ct(commit,force,exec(load:9->NXM_NX_CT_MARK[]))",
    );
    sent(&mut switch, &there(udp(5, 1)));
    assert_eq!(switch.connections().count(), 0);
    sent(&mut switch, &there(udp(5, 2)));
    let first = connections(&switch);
    sent(&mut switch, &back(udp(2, 5)));
    let second = connections(&switch);
    assert!(first[0].starts_with("udp,orig=(src=10.0.0.1,"));
    assert!(second[0].starts_with("udp,orig=(src=10.0.0.2,") && second[0].ends_with("mark=9"));
    assert_eq!(second.len(), 1);
}

#[test]
fn connections_live_as_long_as_their_state_says() {
    let mut switch = switch(FILTER);
    let (ahead, answer) = ((1000, 80), (80, 1000));
    let steps = [
        (there(tcp(ahead, "S", 100, 0)), 30),
        (back(tcp(answer, "SA", 500, 101)), 30),
        (there(tcp(ahead, "A", 101, 501)), 86_400),
        (there(tcp(ahead, "FA", 101, 501)), 900),
        (back(tcp(answer, "FA", 501, 102)), 45),
        (there(tcp(ahead, "A", 102, 502)), 30),
    ];
    for (packet, seconds) in steps {
        switch.advance(switch.now() + 1000);
        sent(&mut switch, &packet);
        let timeouts: Vec<u64> = switch.connections().map(|one| one.timeout).collect();
        assert_eq!(timeouts, [seconds * 1000]);
    }
    sent(&mut switch, &there(udp(5, 6)));
    let now = switch.now();
    switch.advance(now + 29_999);
    assert_eq!(switch.connections().count(), 2);
    assert!(
        switch
            .next_timeout()
            .is_some_and(|time| time <= now + 30_000)
    );
    switch.advance(now + 30_000);
    assert_eq!(connections(&switch).len(), 1);
    switch.advance(now + 60_000);
    assert_eq!(connections(&switch).len(), 0);
    assert_eq!(switch.next_timeout(), None);
}

#[test]
fn there_are_no_more_connections_than_allowed() {
    let mut switch = switch(FILTER);
    switch.set_tracking(3, 0);
    for port in 1..=5 {
        assert_eq!(ports(&mut switch, &there(udp(port, 53))), [2]);
    }
    assert_eq!(switch.connections().count(), 3);
}

#[test]
fn connections_are_forgotten_by_what_is_said_of_them() {
    let mut switch = switch(FILTER);
    let address = |text: &str| {
        text.parse::<std::net::Ipv4Addr>()
            .expect("an address")
            .to_ipv6_mapped()
    };
    for port in [1, 2, 3] {
        sent(&mut switch, &there(udp(port, 53)));
    }
    sent(&mut switch, &there(echo(8, 2)));
    let said = |properties: Vec<CtTupleProperty>, ip_proto| CtFlush {
        ip_proto,
        properties: vec![CtFlushProperty::OrigTuple { properties }],
    };
    switch.flush(&said(
        vec![CtTupleProperty::Src {
            address: address(B),
        }],
        0,
    ));
    assert_eq!(switch.connections().count(), 4);
    let port = CtTupleProperty::SrcPort { port: 2 };
    let source = CtTupleProperty::Src {
        address: address(A),
    };
    switch.flush(&said(vec![source, port], 17));
    assert_eq!(switch.connections().count(), 3);
    switch.flush(&said(vec![CtTupleProperty::IcmpId { id: 2 }], 0));
    assert_eq!(switch.connections().count(), 2);
    switch.flush(&CtFlush {
        ip_proto: 0,
        properties: Vec::new(),
    });
    assert_eq!(switch.connections().count(), 0);
}

#[test]
fn a_lookup_can_go_by_the_first_packet_of_the_connection() {
    let mut switch = switch(
        "table=0,ip actions=ct(commit,table=1)
         table=1,ct_state=+new,ip actions=output:2
         table=1,ct_state=+est,ip actions=resubmit(,2,ct),resubmit(,2)
         table=2,ip,nw_src=10.0.0.1 actions=output:3
         table=2,udp,udp_src=53 actions=output:4",
    );
    assert_eq!(ports(&mut switch, &there(udp(1000, 53))), [2]);
    assert_eq!(ports(&mut switch, &back(udp(53, 1000))), [3, 4]);
}

#[test]
fn the_controller_is_told_what_was_found_out() {
    let mut switch = switch(
        "table=0,udp actions=ct(commit,zone=3,exec(load:8->NXM_NX_CT_MARK[]),table=1)
         table=1,udp actions=controller(max_len=100)",
    );
    let outputs = switch.receive(PortNo(1), Tunnel::default(), &there(udp(1000, 53)).frame());
    let [Output::Controller { packet, .. }] = &outputs[..] else {
        panic!("{outputs:?}");
    };
    let metadata = &packet.packet_in.metadata;
    let fields: Vec<(Field, u128)> = metadata
        .entries
        .iter()
        .filter_map(|entry| Some((entry.field()?, metadata.get(entry.field()?)?.value)))
        .collect();
    let expected = [
        (Field::InPort, 1),
        (Field::EthType, 0x800),
        (Field::CtState, 0x21),
        (Field::CtZone, 3),
        (Field::CtMark, 8),
        (Field::CtNwSrc, 0x0a00_0001),
        (Field::CtNwDst, 0x0a00_0002),
        (Field::CtNwProto, 17),
        (Field::CtTpSrc, 1000),
        (Field::CtTpDst, 53),
    ];
    assert_eq!(fields, expected);
}

#[test]
fn what_open_vswitch_refuses_is_refused() {
    let rows = [
        (
            "ip actions=ct(commit,zone=NXM_NX_REG0[0..15],table=3)",
            None,
        ),
        ("ip actions=ct(table=3,nat)", None),
        ("ip actions=ct(commit,nat(src))", None),
        ("ip actions=ct(commit,nat(src=0.0.0.0))", Some((2, 5))),
        ("ip actions=write_actions(ct(commit))", None),
        ("actions=ct(commit)", Some((2, 10))),
        ("ct_state=+trk+inv,ip actions=ct(commit)", Some((2, 10))),
        ("ip actions=ct(commit,nat(src=fd00::1))", Some((2, 10))),
        ("ip actions=ct(force)", Some((2, 5))),
        (
            "ip actions=ct(exec(load:1->NXM_NX_CT_MARK[]))",
            Some((2, 5)),
        ),
        ("ip actions=ct(nat(src=10.0.0.1))", Some((2, 5))),
        (
            "ip actions=ct(commit,exec(load:1->NXM_NX_REG0[]))",
            Some((2, 5)),
        ),
        ("ip actions=ct(commit,exec(output:1))", Some((2, 5))),
        ("ip actions=load:1->NXM_NX_CT_MARK[]", Some((2, 15))),
        ("ip actions=resubmit(,2,ct)", Some((2, 10))),
        ("ct_state=+trk,ip actions=resubmit(,2,ct)", Some((2, 10))),
        ("ct_state=+trk-inv,ip actions=resubmit(,2,ct)", None),
    ];
    for (line, expected) in rows {
        let answer = refused(line).map(|refusal| refusal.answer());
        let numbers = answer.map(|answer| (answer.kind, answer.code));
        assert_eq!(numbers, expected, "{line}");
    }
    // Zones have sixteen bits.
    let mut message = told("ip actions=drop");
    let zone = Zone::Field(Oxm32(Field::Reg0.into()), OfsNbits::new(0, 15));
    message.instructions = vec![Instruction::apply(vec![Action::ct(0, zone, None, vec![])])];
    let refusal = Switch::new().flow_mod(&message).err();
    assert_eq!(refusal, Some(Refusal::Bits("reg0")));
}
