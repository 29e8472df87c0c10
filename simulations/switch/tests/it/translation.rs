//! What is made of the addresses and ports of tracked packets, of what ICMP errors quote, and of fragments.

use weft_switch::Switch;

use crate::conversation::{Content, Datagram, echo, fragments, tcp, udp};
use crate::tracking::{connections, frames, sent, switch, told};

const A: &str = "10.0.0.1";
const B: &str = "10.0.0.2";
/// What others are translated to.
const N: &str = "10.0.0.100";

fn out(switch: &mut Switch, packet: &Datagram) -> Vec<Vec<u8>> {
    sent(switch, packet).into_iter().map(|out| out.1).collect()
}

/// Tracks everything, and translates what is new.
fn translating(target: &str) -> Switch {
    switch(&format!(
        "table=0,ip actions=ct(nat,table=1)
         table=0,ipv6 actions=ct(nat,table=1)
         table=1,priority=2,ct_state=+new+trk,ip actions=ct(commit,nat({target}),table=2)
         table=1,priority=1 actions=resubmit(,2)
         table=2,ct_state=-inv+trk actions=output:2"
    ))
}

#[test]
fn sources_are_translated_and_answers_back() {
    let mut switch = translating("src=10.0.0.100:7000");
    for (question, answer) in [
        (udp(1000, 53), udp(53, 1000)),
        (tcp((1000, 80), "S", 1, 0), tcp((80, 1000), "SA", 5, 2)),
        (echo(8, 3), echo(0, 3)),
    ] {
        let ported = |content: &Content, from, to| match content.clone() {
            Content::Udp { data, .. } => Content::Udp {
                ports: (from, to),
                data,
            },
            Content::Tcp {
                flags,
                sequence,
                acknowledged,
                ..
            } => tcp((from, to), flags, sequence, acknowledged),
            other => other,
        };
        let port = match &question {
            Content::Udp { ports, .. } | Content::Tcp { ports, .. } => ports.1,
            _ => 0,
        };
        let wanted = Datagram::new(N, B, ported(&question, 7000, port)).frame();
        assert_eq!(out(&mut switch, &Datagram::new(A, B, question)), [wanted]);
        let came = Datagram::new(B, N, ported(&answer, port, 7000));
        assert_eq!(
            out(&mut switch, &came),
            [Datagram::new(B, A, answer).frame()]
        );
    }
}

#[test]
fn destinations_are_translated_and_answers_back() {
    let mut switch = translating("dst=10.0.0.3:8080");
    let question = Datagram::new(A, B, tcp((1000, 80), "S", 1, 0));
    let wanted = Datagram::new(A, "10.0.0.3", tcp((1000, 8080), "S", 1, 0));
    assert_eq!(out(&mut switch, &question), [wanted.frame()]);
    let answer = Datagram::new("10.0.0.3", A, tcp((8080, 1000), "SA", 5, 2));
    let wanted = Datagram::new(B, A, tcp((80, 1000), "SA", 5, 2));
    assert_eq!(out(&mut switch, &answer), [wanted.frame()]);
}

#[test]
fn a_packet_comes_back_to_where_it_came_from_by_two_translations() {
    let mut switch = switch(
        "table=0,ip actions=ct(zone=1,nat,table=1)
         table=1,priority=2,ct_state=+new,ip actions=ct(commit,zone=1,nat(dst=10.0.0.3),table=2)
         table=1,priority=1,ip actions=ct(zone=2,nat,table=3)
         table=2,ip actions=ct(commit,zone=2,nat(src=10.0.0.100),table=3)
         table=3,ip actions=output:2",
    );
    let question = Datagram::new(A, B, udp(1000, 53));
    let wanted = Datagram::new(N, "10.0.0.3", udp(1000, 53));
    assert_eq!(out(&mut switch, &question), [wanted.frame()]);
    assert_eq!(connections(&switch).len(), 2);
}

#[test]
fn a_taken_port_is_not_taken_again_and_a_range_is_used_up() {
    let mut switch = translating("src=10.0.0.100");
    for client in 1..=3_u16 {
        let question = Datagram::new(&format!("10.0.1.{client}"), B, udp(1000, 53));
        let wanted = Datagram::new(N, B, udp(999 + client, 53));
        assert_eq!(out(&mut switch, &question), [wanted.frame()]);
    }
    let mut switch = translating("src=10.0.0.100:20000-20003");
    let ask = |switch: &mut Switch, client: u16| {
        let question = Datagram::new(&format!("10.0.1.{client}"), B, udp(1000, 53));
        (out(switch, &question), question.frame())
    };
    for client in 1..=4 {
        ask(&mut switch, client);
    }
    let mut ports: Vec<String> = connections(&switch);
    ports.sort_by_key(|one| one[one.len() - 6..].to_owned());
    for (one, port) in ports.iter().zip(20_000..) {
        assert!(one.ends_with(&format!("dport={port})")), "{one}");
    }
    // Without a free port it goes on as it is, and is not remembered.
    let (sent, question) = ask(&mut switch, 5);
    assert_eq!(sent, [question]);
    assert_eq!((connections(&switch).len(), switch.untranslated()), (4, 1));
}

#[test]
fn choices_are_the_same_for_the_same_number() {
    let chosen = |seed| {
        let mut switch = translating("src=10.0.0.100-10.0.0.150:1024-60000,random");
        switch.set_tracking(100, seed);
        for port in 1..=20 {
            out(&mut switch, &Datagram::new(A, B, udp(port, 53)));
        }
        connections(&switch)
    };
    assert_eq!(chosen(1).len(), 20);
    assert_eq!(chosen(1), chosen(1));
    assert_ne!(chosen(1), chosen(2));
}

#[test]
fn an_error_about_a_translated_packet_quotes_what_was_sent() {
    let mut switch = translating("src=10.0.0.100:7000");
    let question = Datagram::new(A, B, udp(1000, 53));
    let translated = out(&mut switch, &question).remove(0);
    let error = Datagram::error("10.9.9.9", 3, &translated, 1000);
    let wanted = Datagram::error("10.9.9.9", 3, &question.frame(), 1000);
    assert_eq!(out(&mut switch, &error), [wanted.frame()]);
    let mut switch = translating("src=10.0.0.100:7000");
    switch
        .flow_mod(&told(
            "table=1,priority=3,ct_state=+new+trk,ipv6 actions=ct(commit,nat(src=[fd00::100]:7000),table=2)",
        ))
        .expect("a flow");
    for content in [udp(1000, 53), tcp((1000, 80), "S", 1, 0)] {
        let question = Datagram::new("fd00::1", "fd00::2", content);
        let translated = out(&mut switch, &question).remove(0);
        let error = Datagram::error("fd00::9", 1, &translated, 1000);
        let wanted = Datagram::error("fd00::9", 1, &question.frame(), 1000);
        assert_eq!(out(&mut switch, &error), [wanted.frame()]);
    }
}

#[test]
fn fragments_go_on_together_when_the_packet_is_whole() {
    let content = |ports| Content::Udp {
        ports,
        data: vec![9; 3000],
    };
    for (source, destination, translated) in [(A, B, N), ("fd00::1", "fd00::2", "fd00::100")] {
        let mut switch = translating("src=10.0.0.100:7000");
        switch
            .flow_mod(&told(
                "table=1,priority=3,ct_state=+new+trk,ipv6 actions=ct(commit,nat(src=[fd00::100]:7000),table=2)",
            ))
            .expect("a flow");
        let parts = fragments(
            &Datagram::new(source, destination, content((1000, 53))).frame(),
            1240,
        );
        let wanted = fragments(
            &Datagram::new(translated, destination, content((7000, 53))).frame(),
            1240,
        );
        let mut receive = |frame: &[u8]| frames(&mut switch, frame);
        assert!(receive(&parts[2]).is_empty());
        assert!(receive(&parts[0]).is_empty());
        // The same again is invalid.
        assert!(receive(&parts[0]).is_empty());
        assert_eq!(receive(&parts[1]), wanted);
        assert_eq!(connections(&switch).len(), 1);
    }
}

#[test]
fn fragments_that_are_too_small_or_too_late_are_of_no_use() {
    let long = Datagram::new(
        A,
        B,
        Content::Udp {
            ports: (1000, 53),
            data: vec![9; 3000],
        },
    );
    let mut switch = translating("src=10.0.0.100");
    for part in fragments(&long.frame(), 800) {
        assert!(frames(&mut switch, &part).is_empty());
    }
    let parts = fragments(&long.frame(), 1240);
    frames(&mut switch, &parts[0]);
    frames(&mut switch, &parts[1]);
    assert!(switch.next_timeout().is_some());
    switch.advance(15_001);
    assert_eq!(switch.next_timeout(), None);
    assert!(frames(&mut switch, &parts[2]).is_empty());
    assert_eq!(connections(&switch).len(), 0);
}

#[test]
fn no_frame_is_too_odd_to_be_tracked() {
    let mut switch = switch(
        "table=0,ip actions=ct(nat,table=1)
         table=0,ipv6 actions=ct(nat,table=1)
         table=1,ip actions=ct(commit,nat(src=10.0.0.100),table=2)
         table=1,ipv6 actions=ct(commit,nat(dst=[fd00::100]:7000-7010),table=2)
         table=2 actions=output:2",
    );
    switch.set_tracking(100, 0);
    let mut seed = 1_u32;
    for round in 0..20_000_usize {
        let bytes: Vec<u8> = (0..300)
            .map(|_| {
                seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (seed >> 24) as u8
            })
            .collect();
        let mut frame = crate::made::frame(&mut crate::made::Source(&bytes));
        match round % 4 {
            0 => frame.truncate(14 + usize::from(bytes[0]) % frame.len()),
            1 => {
                let at = usize::from(bytes[1]) % frame.len();
                frame[at] = bytes[2];
            }
            _ => {}
        }
        frames(&mut switch, &frame);
        switch.advance(round as u64 * 10);
        assert!(switch.connections().count() <= 100);
    }
}
