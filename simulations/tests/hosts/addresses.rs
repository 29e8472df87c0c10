//! How hosts come to their addresses: given, from the production DHCP responder, from router advertisements.

use std::net::Ipv6Addr;

use ipnet::IpNet;
use rust_openflow::MacAddr;
use weft_responders::dhcp4::Facts;
use weft_simulations::host::{Addressing, Observation, Report, Route, SECOND};

use crate::wire::{GOOD, Wire, mac};

const IPV4: u16 = 0x0800;
const ARP: u16 = 0x0806;

fn net(text: &str) -> IpNet {
    text.parse().unwrap()
}

/// What the responder knows of a host: 10.0.0.5/24 and up.
fn facts(host: usize) -> Facts {
    Facts {
        mac: mac(host),
        address: format!("10.0.0.{}", 5 + host).parse().unwrap(),
        subnet: "10.0.0.0/24".parse().unwrap(),
        gateway: Some("10.0.0.1".parse().unwrap()),
        server_mac: MacAddr([0xfa, 0x16, 0x3e, 0, 0, 2]),
        server_ip: "10.0.0.2".parse().unwrap(),
        dns: vec![],
        host_routes: vec![(
            "169.254.169.254/32".parse().unwrap(),
            "10.0.0.2".parse().unwrap(),
        )],
        mtu: 1450,
        lease_seconds: 3600,
        domain: None,
        hostname: None,
    }
}

/// Hosts that ask the production responder.
fn served(hosts: usize) -> Wire {
    let mut wire = Wire::new(hosts, GOOD, 1);
    for host in 0..hosts {
        wire.servers.insert(host, facts(host));
        wire.hosts[host].boot(&Addressing::Automatic, 0);
    }
    wire.run_for(5 * SECOND);
    wire
}

#[test]
fn a_host_leases_address_routes_and_mtu() {
    let wire = served(1);
    let routes = vec![
        Route {
            to: net("169.254.169.254/32"),
            via: "10.0.0.2".parse().unwrap(),
        },
        Route {
            to: net("0.0.0.0/0"),
            via: "10.0.0.1".parse().unwrap(),
        },
    ];
    let leased = Observation::Leased {
        address: "10.0.0.5/24".parse().unwrap(),
        server: "10.0.0.2".parse().unwrap(),
        routes: routes.clone(),
        mtu: Some(1450),
        seconds: 3600,
        renewed: false,
    };
    assert!(wire.seen(0).contains(&&leased), "{:?}", wire.events);
    assert_eq!(wire.hosts[0].mtu(), 1450);
    assert_eq!(wire.hosts[0].routes().collect::<Vec<_>>(), routes);
    assert!(wire.hosts[0].addresses().any(|a| a == net("10.0.0.5/24")));
    let announced = wire.sent_by(0, ARP);
    assert_eq!(announced.len(), 1, "one gratuitous ARP");
    assert_eq!(announced[0].1[28..32], announced[0].1[38..42]);
}

#[test]
fn leased_hosts_talk() {
    let mut wire = served(2);
    let program = wire.hosts[0].ping("10.0.0.6".parse().unwrap(), 3, SECOND, wire.now);
    wire.run_for(5 * SECOND);
    let Some(Report::Ping(report)) = wire.hosts[0].report(program) else {
        panic!("not a ping");
    };
    assert_eq!(report.received, 3);
}

#[test]
fn a_lease_is_renewed_at_half_its_time_with_its_server() {
    let mut wire = served(1);
    // The server is a neighbour: somebody answers for it.
    wire.run_for(1790 * SECOND);
    let before = wire.events.len();
    wire.run_for(5 * SECOND + SECOND / 2);
    let dhcp: Vec<_> = wire
        .sent_by(0, IPV4)
        .into_iter()
        .filter(|(at, _)| *at > 1000 * SECOND)
        .collect();
    assert!(dhcp.is_empty(), "it waits for the server's neighbour");
    let asked = wire.sent_by(0, ARP);
    let (at, request) = asked.last().unwrap();
    assert!((1799 * SECOND..1801 * SECOND).contains(at));
    let mut reply = request.to_vec();
    reply[..6].copy_from_slice(&mac(0).0);
    reply[6..12].copy_from_slice(&[0xfa, 0x16, 0x3e, 0, 0, 2]);
    reply[21] = 2;
    reply[22..28].copy_from_slice(&[0xfa, 0x16, 0x3e, 0, 0, 2]);
    reply[28..32].copy_from_slice(&[10, 0, 0, 2]);
    reply[32..38].copy_from_slice(&mac(0).0);
    reply[38..42].copy_from_slice(&[10, 0, 0, 5]);
    wire.deliver(0, reply);
    wire.run_for(SECOND);
    let renewed = wire.events[before..]
        .iter()
        .any(|(_, event)| matches!(event.what, Observation::Leased { renewed: true, .. }));
    assert!(renewed, "{:?}", &wire.events[before..]);
    let (_, frame) = wire.sent_by(0, IPV4).pop().unwrap();
    assert_eq!(frame[26..34], [10, 0, 0, 5, 10, 0, 0, 2], "unicast");
}

#[test]
fn a_lease_that_nobody_renews_ends() {
    let mut wire = served(1);
    wire.servers.clear();
    wire.run_for(3600 * SECOND);
    let removed = Observation::Removed {
        address: net("10.0.0.5/24"),
    };
    assert!(wire.seen(0).contains(&&removed));
    assert_eq!(wire.hosts[0].routes().count(), 0);
    wire.servers.insert(0, facts(0));
    wire.run_for(200 * SECOND);
    assert!(wire.hosts[0].addresses().any(|a| a == net("10.0.0.5/24")));
}

#[test]
fn another_address_takes_the_place_of_the_first() {
    let mut wire = served(1);
    let mut moved = facts(0);
    moved.address = "10.0.0.99".parse().unwrap();
    wire.servers.insert(0, moved);
    // Nobody answers for the server: the host asks all from seven eighths of the lease on, and is refused.
    wire.run_for(3300 * SECOND);
    let refused = Observation::Refused {
        server: "10.0.0.2".parse().unwrap(),
    };
    assert!(wire.seen(0).contains(&&refused));
    let v4: Vec<_> = wire.hosts[0]
        .addresses()
        .filter(|a| a.addr().is_ipv4())
        .collect();
    assert_eq!(v4, [net("10.0.0.99/24")]);
}

#[test]
fn a_lease_for_ever_needs_no_time() {
    let mut wire = Wire::new(1, GOOD, 1);
    let mut facts = facts(0);
    facts.lease_seconds = u32::MAX;
    wire.servers.insert(0, facts);
    wire.hosts[0].boot(&Addressing::Automatic, 0);
    wire.run_for(30 * SECOND);
    assert_eq!(wire.hosts[0].next_timeout(), None);
}

/// A router advertisement from fe80::1 to all nodes: two prefixes, MTU 1400, a default router for 30 minutes.
fn advertisement(lifetime: u16, valid: u32) -> Vec<u8> {
    let prefix = |flags: u8, last: u8| {
        let mut option = vec![3, 4, 64, flags];
        option.extend(valid.to_be_bytes());
        option.extend(valid.to_be_bytes());
        option.extend([0; 4]);
        option.extend([0x20, 1, 0xd, 0xb8, 0, 0, 0, last, 0, 0, 0, 0, 0, 0, 0, 0]);
        option
    };
    let mut message = vec![134, 0, 0, 0, 64, 0];
    message.extend(lifetime.to_be_bytes());
    message.extend([0; 8]);
    message.extend([5, 1, 0, 0, 0, 0, 0x05, 0x78]);
    message.extend(prefix(0xc0, 1));
    message.extend(prefix(0x80, 2));
    let source: Ipv6Addr = "fe80::1".parse().unwrap();
    let destination: Ipv6Addr = "ff02::1".parse().unwrap();
    let header = etherparse::Icmpv6Header::new(etherparse::Icmpv6Type::Unknown {
        type_u8: 134,
        code_u8: 0,
        bytes5to8: message[4..8].try_into().unwrap(),
    });
    let checksum = header
        .icmp_type
        .calc_checksum(source.octets(), destination.octets(), &message[8..])
        .unwrap();
    message[2..4].copy_from_slice(&checksum.to_be_bytes());
    let mut frame = vec![0x33, 0x33, 0, 0, 0, 1, 2, 0, 0, 0, 0xff, 1, 0x86, 0xdd];
    frame.extend([0x60, 0, 0, 0]);
    frame.extend(u16::try_from(message.len()).unwrap().to_be_bytes());
    frame.extend([58, 255]);
    frame.extend(source.octets());
    frame.extend(destination.octets());
    frame.extend(message);
    frame
}

#[test]
fn a_host_makes_an_address_of_what_a_router_advertises() {
    let mut wire = Wire::new(1, GOOD, 1);
    wire.hosts[0].boot(&Addressing::Automatic, 0);
    wire.run_for(3 * SECOND);
    let solicitations = |wire: &Wire| {
        let frames = wire.sent_by(0, 0x86dd);
        frames
            .iter()
            .filter(|(_, f)| f[20] == 58 && f[54] == 133)
            .count()
    };
    assert_eq!(solicitations(&wire), 1);
    wire.deliver(0, advertisement(1800, 86_400));
    wire.run_for(10 * SECOND);
    assert_eq!(solicitations(&wire), 1, "no more than it needs");
    let addresses: Vec<_> = wire.hosts[0].addresses().collect();
    assert!(
        addresses.contains(&net("2001:db8:0:1:0:ff:fe00:100/64")),
        "{addresses:?}"
    );
    assert_eq!(
        addresses.len(),
        2,
        "of the other prefix none is made: {addresses:?}"
    );
    assert_eq!(wire.hosts[0].mtu(), 1400);
    let routes: Vec<_> = wire.hosts[0].routes().collect();
    let default = Route {
        to: net("::/0"),
        via: "fe80::1".parse().unwrap(),
    };
    assert_eq!(routes, [default]);
    wire.run_for(1800 * SECOND);
    assert_eq!(wire.hosts[0].routes().count(), 0, "the router is gone");
    assert_eq!(wire.hosts[0].addresses().count(), 2);
    wire.run_for(86_400 * SECOND);
    assert_eq!(wire.hosts[0].addresses().count(), 1);
}

#[test]
fn an_advertisement_cannot_take_an_address_away_at_once() {
    let mut wire = Wire::new(1, GOOD, 1);
    wire.hosts[0].boot(&Addressing::Automatic, 0);
    wire.deliver(0, advertisement(1800, 86_400));
    wire.run_for(10 * SECOND);
    wire.deliver(0, advertisement(1800, 0));
    wire.run_for(7000 * SECOND);
    assert_eq!(wire.hosts[0].addresses().count(), 2);
    wire.run_for(300 * SECOND);
    assert_eq!(wire.hosts[0].addresses().count(), 1, "after two hours");
}

#[test]
fn a_host_with_given_addresses_does_not_listen_to_routers() {
    let mut wire = Wire::up(1, GOOD, 1);
    let before: Vec<_> = wire.hosts[0].addresses().collect();
    wire.deliver(0, advertisement(1800, 86_400));
    wire.run_for(10 * SECOND);
    assert_eq!(wire.hosts[0].addresses().collect::<Vec<_>>(), before);
    assert_eq!(wire.hosts[0].next_timeout(), None, "and is idle");
}

#[test]
fn a_router_is_used_for_what_is_not_on_the_link() {
    let mut wire = Wire::new(2, GOOD, 1);
    wire.hosts[0].boot(
        &Addressing::Static {
            addresses: vec![net("10.0.0.1/24")],
            routes: vec![
                Route {
                    to: net("0.0.0.0/0"),
                    via: "10.0.0.2".parse().unwrap(),
                },
                Route {
                    to: net("192.0.2.0/24"),
                    via: "10.0.0.3".parse().unwrap(),
                },
            ],
            mtu: Some(1400),
        },
        0,
    );
    wire.hosts[0].ping("198.51.100.1".parse().unwrap(), 1, SECOND, 0);
    wire.hosts[0].ping("192.0.2.1".parse().unwrap(), 1, SECOND, 0);
    wire.hosts[0].ping("10.0.0.9".parse().unwrap(), 1, SECOND, 0);
    wire.run_for(SECOND / 2);
    let asked: Vec<u8> = wire.sent_by(0, ARP).iter().map(|(_, f)| f[41]).collect();
    assert_eq!(
        asked,
        [1, 2, 3, 9],
        "the announcement, and three neighbours"
    );
    assert_eq!(wire.hosts[0].mtu(), 1400);
}
