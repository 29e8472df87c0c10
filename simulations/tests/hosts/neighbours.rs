//! What hosts say to their neighbours.

use std::net::IpAddr;

use rust_openflow::MacAddr;
use weft_simulations::host::{Addressing, Announcement, Observation, Report, SECOND};

use crate::wire::{GOOD, Wire, fixed, mac};

const ARP: u16 = 0x0806;
const RARP: u16 = 0x8035;
const IPV6: u16 = 0x86dd;

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// An ARP packet from a host that is not one of the wire's.
fn arp(operation: u8, sender: [u8; 4], target: [u8; 4]) -> Vec<u8> {
    let stranger = [2, 0, 0, 0, 0xff, 9];
    let mut frame = vec![0xff; 6];
    frame.extend(stranger);
    frame.extend([8, 6, 0, 1, 8, 0, 6, 4, 0, operation]);
    frame.extend(stranger);
    frame.extend(sender);
    frame.extend([0; 6]);
    frame.extend(target);
    frame
}

#[test]
fn an_address_in_use_is_announced_and_a_probe_goes_before_an_ipv6_one() {
    let mut wire = Wire::new(1, GOOD, 1);
    wire.hosts[0].boot(&fixed(0), 0);
    wire.run_for(5 * SECOND);
    let arps = wire.sent_by(0, ARP);
    assert_eq!(arps.len(), 1);
    assert_eq!(arps[0].1[..6], [0xff; 6]);
    // 2 addresses, each a solicitation from :: and, a second later, an advertisement to all.
    let v6 = wire.sent_by(0, IPV6);
    let kinds: Vec<(u8, bool)> = v6
        .iter()
        .map(|(_, f)| (f[54], f[22..38] == [0; 16]))
        .collect();
    let count = |kind| kinds.iter().filter(|k| **k == kind).count();
    assert_eq!(
        (count((135, true)), count((136, false)), kinds.len()),
        (2, 2, 4)
    );
    let assigned = wire.seen(0).len();
    assert_eq!(assigned, 3, "{:?}", wire.events);
    assert_eq!(
        wire.hosts[0].next_timeout(),
        None,
        "an idle host needs no time"
    );
}

#[test]
fn arp_requests_are_answered_for_own_addresses_only() {
    let mut wire = Wire::up(1, GOOD, 1);
    wire.deliver(0, arp(1, [10, 0, 0, 9], [10, 0, 0, 1]));
    wire.deliver(0, arp(1, [10, 0, 0, 9], [10, 0, 0, 2]));
    wire.run_for(SECOND);
    let replies = wire.sent_by(0, ARP);
    assert_eq!(replies.len(), 1);
    let reply = replies[0].1;
    assert_eq!(reply[..6], [2, 0, 0, 0, 0xff, 9]);
    assert_eq!(reply[21], 2);
    assert_eq!(reply[22..28], mac(0).0);
    assert_eq!(reply[28..32], [10, 0, 0, 1]);
}

#[test]
fn who_asked_is_known_without_asking_back() {
    let mut wire = Wire::up(2, GOOD, 1);
    wire.hosts[0].ping(ip("10.0.0.2"), 1, SECOND, wire.now);
    wire.hosts[0].ping(ip("2001:db8::2"), 1, SECOND, wire.now);
    wire.run_for(SECOND);
    let asked = wire
        .sent_by(1, ARP)
        .iter()
        .filter(|(_, f)| f[21] == 1)
        .count();
    assert_eq!(asked, 0);
    let asked = wire
        .sent_by(1, IPV6)
        .iter()
        .filter(|(_, f)| f[54] == 135)
        .count();
    assert_eq!(asked, 0);
}

#[test]
fn a_packet_waits_for_its_neighbour_and_none_is_lost() {
    let mut wire = Wire::up(2, GOOD, 1);
    // Ten requests are on their way before the first answer of the neighbour.
    let program = wire.hosts[0].ping(ip("10.0.0.2"), 10, 10, wire.now);
    let other = wire.hosts[0].ping(ip("2001:db8::2"), 2, 100, wire.now);
    wire.run_for(SECOND);
    for (program, count) in [(program, 10), (other, 2)] {
        let Some(Report::Ping(report)) = wire.hosts[0].report(program) else {
            panic!("not a ping");
        };
        assert_eq!(report.received, count);
    }
}

#[test]
fn an_address_that_somebody_has_is_not_used() {
    let mut wire = Wire::new(2, GOOD, 1);
    wire.hosts[0].boot(&fixed(0), 0);
    wire.run_for(5 * SECOND);
    let now = wire.now;
    wire.hosts[1].boot(
        &Addressing::Static {
            addresses: vec!["2001:db8::1/64".parse().unwrap()],
            routes: vec![],
            mtu: None,
        },
        now,
    );
    wire.run_for(5 * SECOND);
    let duplicate = Observation::Duplicate {
        address: ip("2001:db8::1"),
        by: mac(0),
    };
    assert!(wire.seen(1).contains(&&duplicate), "{:?}", wire.events);
    assert_eq!(wire.hosts[1].addresses().count(), 1, "the link-local one");
    assert_eq!(
        wire.hosts[0].addresses().count(),
        3,
        "the owner keeps its own"
    );
}

#[test]
fn two_that_probe_at_once_both_give_up() {
    let mut wire = Wire::new(2, GOOD, 1);
    let same = Addressing::Static {
        addresses: vec!["2001:db8::1/64".parse().unwrap()],
        routes: vec![],
        mtu: None,
    };
    wire.hosts[0].boot(&same, 0);
    wire.hosts[1].boot(&same, 0);
    wire.run_for(5 * SECOND);
    let users = wire
        .hosts
        .iter()
        .filter(|h| h.addresses().count() == 2)
        .count();
    assert!(users <= 1, "never both: {:?}", wire.events);
}

#[test]
fn an_address_is_defended_but_not_too_often() {
    let mut wire = Wire::up(1, GOOD, 1);
    for _ in 0..5 {
        wire.deliver(0, arp(1, [10, 0, 0, 1], [10, 0, 0, 1]));
        wire.run_for(SECOND);
    }
    let conflict = Observation::Conflict {
        address: ip("10.0.0.1"),
        by: MacAddr([2, 0, 0, 0, 0xff, 9]),
    };
    assert_eq!(wire.seen(0), vec![&conflict; 5]);
    assert_eq!(wire.sent_by(0, ARP).len(), 1);
    wire.run_for(10 * SECOND);
    wire.deliver(0, arp(2, [10, 0, 0, 1], [10, 0, 0, 1]));
    wire.run_for(SECOND);
    assert_eq!(wire.sent_by(0, ARP).len(), 2);
}

#[test]
fn a_neighbour_that_moves_is_followed() {
    let mut wire = Wire::up(2, GOOD, 1);
    wire.hosts[0].ping(ip("10.0.0.2"), 1, SECOND, wire.now);
    wire.run_for(SECOND);
    // Another machine takes the address over, and says so.
    wire.hosts[1].boot(&fixed(7), wire.now);
    wire.deliver(0, arp(1, [10, 0, 0, 2], [10, 0, 0, 2]));
    wire.run_for(SECOND);
    wire.frames.clear();
    wire.hosts[0].ping(ip("10.0.0.2"), 1, SECOND, wire.now);
    wire.run_for(SECOND);
    let (_, frame) = wire.sent_by(0, 0x0800)[0];
    assert_eq!(frame[..6], [2, 0, 0, 0, 0xff, 9]);
}

#[test]
fn an_arrival_is_announced_five_times() {
    let mut wire = Wire::up(1, GOOD, 1);
    let start = wire.now;
    wire.hosts[0].arrive(Announcement::Hypervisor, start);
    wire.run_for(5 * SECOND);
    let times: Vec<u64> = wire
        .sent_by(0, RARP)
        .iter()
        .map(|(at, _)| (at - start) / 1000)
        .collect();
    assert_eq!(times, [0, 50, 200, 450, 800], "milliseconds");
    let now = wire.now;
    wire.hosts[0].arrive(Announcement::Guest, now);
    wire.run_for(5 * SECOND);
    assert_eq!(wire.sent_by(0, ARP).len(), 5);
    assert_eq!(wire.sent_by(0, IPV6).len(), 10);
}

#[test]
fn a_machine_that_moves_keeps_its_connections_and_counts() {
    use weft_simulations::host::{Exchange, Outcome, Service};
    let mut wire = Wire::up(2, GOOD, 1);
    wire.hosts[1].serve(Service::TcpSink, 80, wire.now);
    let what = Exchange::Send { bytes: 3_000_000 };
    let to = "10.0.0.2:80".parse().unwrap();
    let program = wire.hosts[0].connect(to, what, wire.now);
    wire.run_for(SECOND / 50);
    wire.away = Some(1);
    wire.run_for(2 * SECOND);
    wire.away = None;
    let now = wire.now;
    wire.hosts[1].arrive(Announcement::Hypervisor, now);
    wire.run_for(60 * SECOND);
    let Some(Report::Transfer(report)) = wire.hosts[0].report(program) else {
        panic!("not a transfer");
    };
    assert_eq!(report.outcome, Some(Outcome::Complete), "{report:?}");
    assert!(report.longest_stall > 2 * SECOND, "{report:?}");
}
