//! Pings, streams, transfers and probes.

use std::net::{IpAddr, SocketAddr};

use weft_simulations::host::{
    Exchange, FlowReport, Observation, Outcome, PingReport, ProgramId, ReceiverReport, Report,
    SECOND, ServerReport, Service, StreamReport, TransferReport,
};

use crate::wire::{Faults, GOOD, Wire};

const BAD: Faults = Faults {
    delay: 500,
    jitter: 800,
    lost: 30,
    doubled: 20,
};

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn socket(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

macro_rules! reports {
    ($($name:ident: $variant:ident -> $report:ty;)*) => {
        $(fn $name(wire: &Wire, host: usize, program: ProgramId) -> $report {
            match wire.hosts[host].report(program) {
                Some(Report::$variant(report)) => report,
                other => panic!("{other:?}"),
            }
        })*
    };
}

reports! {
    ping: Ping -> PingReport;
    stream: Stream -> StreamReport;
    receiver: Receiver -> ReceiverReport;
    transfer: Transfer -> TransferReport;
    server: Server -> ServerReport;
}

#[test]
fn hosts_ping_each_other_over_both_families() {
    let mut wire = Wire::up(2, GOOD, 1);
    for to in ["10.0.0.2", "2001:db8::2"] {
        let program = wire.hosts[0].ping(ip(to), 5, SECOND / 10, wire.now);
        wire.run_for(5 * SECOND);
        let report = ping(&wire, 0, program);
        assert_eq!(
            (report.sent, report.received, report.missing.count),
            (5, 5, 0),
            "{to}"
        );
        // The first waits until the neighbour is known; the wire takes 100 us each way.
        assert_eq!(
            (report.round_trips.least, report.round_trips.most),
            (200, 400)
        );
    }
}

#[test]
fn pings_without_an_answer_are_lost() {
    let mut wire = Wire::up(2, GOOD, 1);
    let nobody = wire.hosts[0].ping(ip("10.0.0.77"), 3, SECOND, wire.now);
    let beyond = wire.hosts[0].ping(ip("192.0.2.1"), 3, SECOND, wire.now);
    wire.run_for(10 * SECOND);
    assert_eq!(ping(&wire, 0, nobody).missing.count, 3);
    assert_eq!(ping(&wire, 0, beyond).unsent, 3, "there is no route");
    let lost = |o: &&&Observation| matches!(o, Observation::EchoLost { .. });
    assert_eq!(wire.seen(0).iter().filter(lost).count(), 6);
    assert!(wire.seen(0).iter().any(|o| matches!(
        o,
        Observation::NoNeighbour { address, .. } if *address == ip("10.0.0.77")
    )));
}

#[test]
fn a_stream_is_counted_at_both_ends() {
    for (seed, to) in [(1, "10.0.0.2:9000"), (2, "[2001:db8::2]:9000")] {
        let mut wire = Wire::up(2, GOOD, seed);
        let sink = wire.hosts[1].serve(Service::UdpSink, 9000, wire.now);
        let sender = wire.hosts[0].stream(1, socket(to), 1000, 100, 2000, wire.now);
        wire.run_for(3 * SECOND);
        let report = stream(&wire, 0, sender);
        assert_eq!((report.sent, report.unsent), (2000, 0));
        let [flow]: [FlowReport; 1] = receiver(&wire, 1, sink).flows.try_into().unwrap();
        assert_eq!(
            (
                flow.received,
                flow.missing.count,
                flow.doubled,
                flow.reordered
            ),
            (2000, 0, 0, 0)
        );
        assert_eq!(
            flow.arrivals.longest_gap, 1000,
            "a datagram every millisecond"
        );
        assert_eq!(flow.delays.least, 100);
        assert_eq!(flow.from.port(), report.port);
    }
}

#[test]
fn what_a_bad_wire_does_to_a_stream_is_counted() {
    let mut wire = Wire::up(2, GOOD, 7);
    let sink = wire.hosts[1].serve(Service::UdpSink, 9000, wire.now);
    let warm = wire.hosts[0].ping(ip("10.0.0.2"), 1, SECOND, wire.now);
    wire.run_for(SECOND);
    assert_eq!(ping(&wire, 0, warm).received, 1);
    wire.faults = BAD;
    let before = wire.frames.len();
    wire.hosts[0].stream(1, socket("10.0.0.2:9000"), 100, 24, 20_000, wire.now);
    wire.run_for(2 * SECOND + SECOND / 2);
    assert!(wire.frames.len() - before >= 20_000);
    let [flow]: [FlowReport; 1] = receiver(&wire, 1, sink).flows.try_into().unwrap();
    assert_eq!(flow.received + flow.missing.count, flow.highest + 1);
    assert!(
        (400..800).contains(&flow.missing.count),
        "3 % of 20,000: {}",
        flow.missing.count
    );
    assert!((200..600).contains(&flow.doubled), "2 %: {}", flow.doubled);
    assert!(flow.reordered > 1000, "{}", flow.reordered);
    assert_eq!(
        flow.missing.rows.iter().map(|(_, n)| n).sum::<u64>(),
        flow.missing.count
    );
}

#[test]
fn an_echo_server_gives_round_trips() {
    let mut wire = Wire::up(2, GOOD, 1);
    wire.hosts[1].serve(Service::UdpEcho, 7, wire.now);
    let sender = wire.hosts[0].stream(1, socket("[2001:db8::2]:7"), 10_000, 500, 100, wire.now);
    wire.run_for(2 * SECOND);
    let report = stream(&wire, 0, sender);
    assert_eq!(report.echoed, 100);
    assert_eq!(report.round_trips.least, 200);
}

#[test]
fn a_port_that_nobody_serves_is_unreachable() {
    let mut wire = Wire::up(2, GOOD, 1);
    wire.hosts[0].stream(1, socket("10.0.0.2:9"), 1, 24, 1, wire.now);
    wire.hosts[0].stream(1, socket("[2001:db8::2]:9"), 1, 24, 1, wire.now);
    wire.run_for(SECOND);
    let unreachable = |by: &str, kind, code| Observation::Unreachable {
        by: ip(by),
        kind,
        code,
        to: ip(by),
    };
    let seen = wire.seen(0);
    assert!(seen.contains(&&unreachable("10.0.0.2", 3, 3)), "{seen:?}");
    assert!(
        seen.contains(&&unreachable("2001:db8::2", 1, 4)),
        "{seen:?}"
    );
}

#[test]
fn a_transfer_over_a_bad_wire_is_complete_and_every_byte_right() {
    for (seed, address) in [(1, "10.0.0.2"), (2, "[2001:db8::2]")] {
        let mut wire = Wire::up(2, BAD, seed);
        let sink = wire.hosts[1].serve(Service::TcpSink, 5001, wire.now);
        let source = wire.hosts[1].serve(Service::TcpSource, 5002, wire.now);
        let bytes = 1_000_000;
        let connect = |wire: &mut Wire, port: u16, what| {
            let to = socket(&format!("{address}:{port}"));
            let now = wire.now;
            wire.hosts[0].connect(to, what, now)
        };
        let send = connect(&mut wire, 5001, Exchange::Send { bytes });
        let fetch = connect(&mut wire, 5002, Exchange::Fetch { bytes });
        wire.run_for(300 * SECOND);
        let report = transfer(&wire, 0, send);
        assert_eq!(report.outcome, Some(Outcome::Complete), "{report:?}");
        assert_eq!(report.sent, bytes);
        let report = transfer(&wire, 0, fetch);
        assert_eq!(report.outcome, Some(Outcome::Complete), "{report:?}");
        assert_eq!((report.received, report.corrupt), (bytes, 0));
        let sink = server(&wire, 1, sink);
        assert_eq!((sink.accepted, sink.received, sink.corrupt), (1, bytes, 0));
        assert_eq!(server(&wire, 1, source).sent, bytes);
    }
}

#[test]
fn questions_are_answered_one_after_the_other() {
    let mut wire = Wire::up(2, GOOD, 1);
    let echo = wire.hosts[1].serve(Service::TcpEcho, 7, wire.now);
    let what = Exchange::Ask {
        count: 20,
        bytes: 3000,
        interval: SECOND / 100,
    };
    let client = wire.hosts[0].connect(socket("10.0.0.2:7"), what, wire.now);
    wire.run_for(30 * SECOND);
    let report = transfer(&wire, 0, client);
    assert_eq!(report.outcome, Some(Outcome::Complete), "{report:?}");
    assert_eq!((report.rounds.count, report.corrupt), (20, 0));
    assert_eq!(report.received, 60_000);
    assert_eq!(server(&wire, 1, echo).closed, 1);
}

#[test]
fn a_connection_that_nobody_takes_is_refused_or_silent() {
    let mut wire = Wire::up(2, GOOD, 1);
    let what = Exchange::Send { bytes: 10 };
    let refused = wire.hosts[0].connect(socket("10.0.0.2:1"), what, wire.now);
    let silent = wire.hosts[0].connect(socket("10.0.0.99:1"), what, wire.now);
    let unsent = wire.hosts[0].connect(socket("192.0.2.1:1"), what, wire.now);
    wire.run_for(200 * SECOND);
    assert_eq!(transfer(&wire, 0, refused).outcome, Some(Outcome::Reset));
    assert_eq!(transfer(&wire, 0, silent).outcome, Some(Outcome::Silent));
    assert_eq!(transfer(&wire, 0, unsent).outcome, Some(Outcome::Unsent));
}

#[test]
fn many_clients_use_one_server_at_once() {
    let mut wire = Wire::up(5, GOOD, 3);
    let sink = wire.hosts[0].serve(Service::TcpSink, 80, wire.now);
    for number in 1..5 {
        for _ in 0..3 {
            let what = Exchange::Send { bytes: 50_000 };
            let now = wire.now;
            wire.hosts[number].connect(socket("10.0.0.1:80"), what, now);
        }
    }
    wire.run_for(60 * SECOND);
    let report = server(&wire, 0, sink);
    assert_eq!((report.accepted, report.closed), (12, 12));
    assert_eq!((report.received, report.corrupt), (600_000, 0));
}

#[test]
fn probes_tell_who_reaches_whom_and_who_overhears() {
    let mut wire = Wire::up(3, GOOD, 1);
    for number in 0..3 {
        let now = wire.now;
        wire.hosts[number].serve(Service::UdpSink, 7000, now);
        let others = (0..3_u32).filter(|to| *to as usize != number);
        let to = others.map(|to| (to, socket(&format!("10.0.0.{}:7000", to + 1))));
        wire.hosts[number].probe(1, number as u32, to.collect(), 10, now);
    }
    wire.run_for(SECOND);
    let probes = |overheard_: bool| {
        let mut seen: Vec<(u32, u32, usize)> = wire
            .events
            .iter()
            .filter_map(|(host, event)| match event.what {
                Observation::Probe {
                    probe, overheard, ..
                } if overheard == overheard_ => Some((probe.from, probe.to, *host)),
                _ => None,
            })
            .collect();
        seen.sort_unstable();
        seen
    };
    let meant = probes(false);
    assert_eq!(meant.len(), 6);
    assert!(meant.iter().all(|(_, to, host)| *to as usize == *host));
    // The wire is a hub: the third sees what the two others say.
    assert_eq!(probes(true).len(), 6);
}

#[test]
fn what_is_stopped_says_nothing_more() {
    let mut wire = Wire::up(2, GOOD, 1);
    let program = wire.hosts[0].ping(ip("10.0.0.2"), u64::MAX, SECOND, wire.now);
    wire.run_for(3 * SECOND + SECOND / 2);
    let now = wire.now;
    wire.hosts[0].stop(program, now);
    wire.run_for(10 * SECOND);
    assert_eq!(ping(&wire, 0, program).sent, 4);
    wire.hosts[0].forget(program, now);
    assert_eq!(wire.hosts[0].report(program), None);
}

#[test]
fn the_same_seed_gives_the_same_history() {
    let history = |seed| {
        let mut wire = Wire::up(2, BAD, seed);
        wire.hosts[1].serve(Service::TcpSink, 80, wire.now);
        let what = Exchange::Send { bytes: 100_000 };
        wire.hosts[0].connect(socket("10.0.0.2:80"), what, wire.now);
        wire.hosts[1].ping(ip("2001:db8::1"), 10, SECOND, wire.now);
        wire.run_for(60 * SECOND);
        (wire.frames, wire.events)
    };
    assert!(history(5) == history(5));
    assert!(history(5).0 != history(6).0);
}
