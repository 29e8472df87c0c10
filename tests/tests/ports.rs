//! What a port may send and hear: its own addresses and no others, no false servers, and nothing at
//! all while it is switched off; and its IPv6 addresses.

use serde_json::{Value, json};
use weft_tests::cloud::{Cloud, Port, text};
use weft_tests::frames::{self, BROADCAST, Capture, End, Mac, mac};
use weft_tests::host::Host;
use weft_tests::traffic::{DhcpClient, Ping, dhcp};
use weft_tests::{Part, need, wait};

const PARTS: [Part; 4] = [
    Part::OpenVswitch,
    Part::Namespaces,
    Part::Socat,
    Part::Tcpdump,
];

/// All nodes of a link (RFC 4291, 2.7.1), with the Ethernet address for it (RFC 2464, 7).
const ALL_NODES: End<[u8; 16]> = End {
    mac: [0x33, 0x33, 0, 0, 0, 1],
    ip: [0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1],
};

/// Everybody on an IPv4 network.
const ALL: End<[u8; 4]> = End {
    mac: BROADCAST,
    ip: [255; 4],
};

const STRANGER: Mac = [2, 0, 0, 0, 0, 0x99];

/// A network with one machine on each of two hypervisors.
struct Pair {
    cloud: Cloud,
    network: String,
    ports: [Port; 2],
    hosts: [Host; 2],
}

impl Pair {
    /// Two machines with the addresses of their ports.
    #[track_caller]
    fn start() -> Pair {
        let mut cloud = Cloud::start(2, &[]);
        let network = cloud.network("blue", "vxlan", "10.0.0.0/24");
        let ports = ["one", "two"].map(|name| cloud.port(&network, name));
        let hosts = [1, 2].map(|number| {
            let port = &ports[number - 1];
            let host = cloud.plug(number, &format!("m{number}"), port);
            let address = format!("{}/24", port.ip);
            host.run(&["ip", "address", "add", &address, "dev", "eth0"]);
            cloud.wait_for_status(port, "ACTIVE");
            host
        });
        // The first frame through a tunnel only makes the hypervisors find each other.
        Ping::start(&hosts[0], &ports[1].ip).wait_for_answers(1);
        Pair {
            cloud,
            network,
            ports,
            hosts,
        }
    }

    /// The first machine, which misbehaves.
    fn one(&self) -> End<[u8; 4]> {
        End {
            mac: mac(&self.ports[0].mac),
            ip: octets(&self.ports[0].ip),
        }
    }

    /// The second machine, which listens.
    fn two(&self) -> End<[u8; 4]> {
        End {
            mac: mac(&self.ports[1].mac),
            ip: octets(&self.ports[1].ip),
        }
    }

    /// Changes the first port, and waits until packets follow.
    #[track_caller]
    fn change(&self, attributes: Value) {
        let path = format!("/v2.0/ports/{}", self.ports[0].id);
        let body = json!({ "port": attributes });
        self.cloud.api("PUT", &path, Some(&body), 200);
        self.settle();
    }

    /// Waits until packets follow everything that the API was told.
    #[track_caller]
    fn settle(&self) {
        // The log is in one order: who knows of this port knows of all that was before it.
        let last = self.cloud.port(&self.network, "last");
        wait::until("the controller knows of the last port", || {
            let ports = self.cloud.api("GET", "/weft/v1/ports", None, 200);
            let known = ports["ports"].as_array().expect("a list").iter();
            let known: Vec<String> = known.map(|port| text(&port["id"])).collect();
            if known.contains(&last.id) {
                Ok(())
            } else {
                Err(known)
            }
        });
        self.cloud.wait_until_in_order(&[1, 2]);
        for hypervisor in self.cloud.lab.hypervisors() {
            hypervisor.revalidate();
        }
    }

    /// Sends marked frames from the first machine, then a good one; the marks that the second has heard
    /// when it hears that.
    #[track_caller]
    fn hears<'a>(&self, capture: &Capture, frames: &[(&'a str, Vec<u8>)]) -> Vec<&'a str> {
        for (_, frame) in frames {
            frames::send(&self.hosts[0], frame);
        }
        let good = frames::udp4(self.one(), self.two(), (7, 7), "the-last-of-all");
        let before = self.count(capture, "the-last-of-all");
        frames::send(&self.hosts[0], &good);
        wait::until("the good frame is heard", || {
            let now = self.count(capture, "the-last-of-all");
            if now > before { Ok(()) } else { Err(now) }
        });
        let marks = frames.iter().map(|(mark, _)| *mark);
        marks.filter(|mark| capture.heard(mark)).collect()
    }

    fn count(&self, capture: &Capture, text: &str) -> usize {
        let frames = capture.frames();
        frames
            .iter()
            .filter(|frame| frame.text.contains(text))
            .count()
    }
}

fn octets(ip: &str) -> [u8; 4] {
    let ip: std::net::Ipv4Addr = ip.parse().expect("an IPv4 address");
    ip.octets()
}

/// The address that a host makes of its Ethernet address (RFC 4291, appendix A).
fn link_local(mac: Mac) -> [u8; 16] {
    let [a, b, c, d, e, f] = mac;
    [
        0xfe,
        0x80,
        0,
        0,
        0,
        0,
        0,
        0,
        a ^ 2,
        b,
        c,
        0xff,
        0xfe,
        d,
        e,
        f,
    ]
}

/// What one machine sends in the name of another: the mark of each and its frame.
fn lies(one: End<[u8; 4]>, two: End<[u8; 4]>) -> Vec<(&'static str, Vec<u8>)> {
    let mac_only = End {
        mac: STRANGER,
        ..one
    };
    let ip_only = End {
        ip: [10, 0, 0, 99],
        ..one
    };
    let stranger = End {
        mac: STRANGER,
        ip: [10, 0, 0, 99],
    };
    let own6 = End {
        mac: one.mac,
        ip: link_local(one.mac),
    };
    let other6 = End {
        mac: one.mac,
        ip: link_local(two.mac),
    };
    // An advertisement of the other's address with the own Ethernet address (RFC 4861, 4.4).
    let mut stolen = vec![0x20, 0, 0, 0];
    stolen.extend(other6.ip);
    stolen.extend([2, 1]);
    stolen.extend(one.mac);
    // One of the own address that names a stranger.
    let mut diverted = vec![0x20, 0, 0, 0];
    diverted.extend(own6.ip);
    diverted.extend([2, 1]);
    diverted.extend(STRANGER);
    vec![
        (
            "false-mac;",
            frames::udp4(mac_only, two, (7, 7), "false-mac;"),
        ),
        ("false-ip;", frames::udp4(ip_only, two, (7, 7), "false-ip;")),
        (
            "false-both;",
            frames::udp4(stranger, two, (7, 7), "false-both;"),
        ),
        (
            "own-ip-of-other;",
            frames::udp4(End { ip: two.ip, ..one }, ALL, (7, 7), "own-ip-of-other;"),
        ),
        (
            "arp-of-stranger;",
            frames::arp(one.mac, stranger, [10, 0, 0, 200], "arp-of-stranger;"),
        ),
        (
            "arp-in-strange-frame;",
            frames::arp(STRANGER, one, [10, 0, 0, 200], "arp-in-strange-frame;"),
        ),
        (
            "arp-of-strange-ip;",
            frames::arp(one.mac, ip_only, [10, 0, 0, 200], "arp-of-strange-ip;"),
        ),
        (
            "false-ip6;",
            frames::udp6(other6, ALL_NODES, (7, 7), "false-ip6;"),
        ),
        (
            "stolen-ip6;",
            frames::discovery(own6, ALL_NODES, 136, &stolen, "stolen-ip6;"),
        ),
        (
            "diverted-ip6;",
            frames::discovery(own6, ALL_NODES, 136, &diverted, "diverted-ip6;"),
        ),
    ]
}

#[test]
fn a_machine_is_not_heard_in_the_name_of_another() {
    if !need(&PARTS) {
        return;
    }
    let pair = Pair::start();
    let capture = Capture::start(&pair.hosts[1]);
    let lies = lies(pair.one(), pair.two());
    assert_eq!(pair.hears(&capture, &lies), Vec::<&str>::new());
    // All of them are frames that would be heard from a port that is trusted.
    pair.change(json!({ "port_security_enabled": false }));
    assert_eq!(pair.hears(&capture, &lies).len(), lies.len());
}

#[test]
fn an_allowed_address_pair_is_heard_as_long_as_it_is_allowed() {
    if !need(&PARTS) {
        return;
    }
    let pair = Pair::start();
    let capture = Capture::start(&pair.hosts[1]);
    let stranger = End {
        mac: STRANGER,
        ip: [10, 0, 0, 99],
    };
    let say = |mark| [(mark, frames::udp4(stranger, pair.two(), (7, 7), mark))];
    let ask = |mark| [(mark, frames::arp(STRANGER, stranger, [10, 0, 0, 200], mark))];
    assert!(pair.hears(&capture, &say("before;")).is_empty());
    let allowed = json!([{ "mac_address": "02:00:00:00:00:99", "ip_address": "10.0.0.96/29" }]);
    pair.change(json!({ "allowed_address_pairs": allowed }));
    assert_eq!(pair.hears(&capture, &say("allowed;")), ["allowed;"]);
    assert_eq!(pair.hears(&capture, &ask("allowed-arp;")), ["allowed-arp;"]);
    let outside = End {
        ip: [10, 0, 0, 104],
        ..stranger
    };
    let outside = frames::udp4(outside, pair.two(), (7, 7), "outside;");
    assert!(pair.hears(&capture, &[("outside;", outside)]).is_empty());
    pair.change(json!({ "allowed_address_pairs": [] }));
    assert!(pair.hears(&capture, &say("after;")).is_empty());
    pair.change(json!({ "port_security_enabled": false }));
    assert_eq!(pair.hears(&capture, &say("trusted;")), ["trusted;"]);
}

#[test]
fn an_unknown_ethernet_address_is_looked_for_only_where_it_may_be() {
    if !need(&PARTS) {
        return;
    }
    let mut pair = Pair::start();
    let third = pair.cloud.port(&pair.network, "three");
    let plugged = pair.cloud.plug(2, "m3", &third);
    pair.cloud.wait_for_status(&third, "ACTIVE");
    let (first, bystander) = (Capture::start(&pair.hosts[0]), Capture::start(&plugged));
    let stranger = End {
        mac: STRANGER,
        ip: [10, 0, 0, 99],
    };
    let to_stranger = |mark: &str| {
        let datagram = frames::udp4(pair.two(), stranger, (7, 7), mark);
        frames::send(&pair.hosts[1], &datagram);
        let word = format!("after-{mark}");
        let last = frames::udp4(pair.two(), ALL, (7, 7), &word);
        frames::send(&pair.hosts[1], &last);
        first.wait_for(&word);
        bystander.wait_for(&word);
        let strange = |capture: &Capture| {
            let frames = capture.frames();
            let found = |frame: &frames::Frame| {
                frame.destination == "02:00:00:00:00:99" && frame.text.contains(mark)
            };
            frames.iter().any(found)
        };
        assert!(!strange(&bystander), "{mark}");
        strange(&first)
    };
    assert!(!to_stranger("nobody;"));
    // An address pair's Ethernet address moves between the ports that may use it (RFC 9568, 7.3).
    let allowed = json!([{ "mac_address": "02:00:00:00:00:99", "ip_address": "10.0.0.99" }]);
    pair.change(json!({ "allowed_address_pairs": allowed }));
    assert!(to_stranger("pair;"));
    pair.change(json!({ "allowed_address_pairs": [] }));
    assert!(!to_stranger("no-pair;"));
    pair.change(json!({ "port_security_enabled": false }));
    assert!(to_stranger("trusted;"));
}

#[test]
fn false_servers_and_routers_are_not_heard() {
    if !need(&[&PARTS[..], &[Part::DhcpClients]].concat()) {
        return;
    }
    let pair = Pair::start();
    let capture = Capture::start(&pair.hosts[1]);
    let (one, two) = (pair.one(), pair.two());
    let own6 = End {
        mac: one.mac,
        ip: link_local(one.mac),
    };
    let two6 = End {
        mac: two.mac,
        ip: link_local(two.mac),
    };
    // A router for half an hour (RFC 4861, 4.2); a redirect of everything (4.5).
    let router = [64, 0, 7, 8, 0, 0, 0, 0, 0, 0, 0, 0];
    let redirect = [&[0; 4][..], &own6.ip, &two6.ip].concat();
    let false_servers = [
        (
            "dhcp-to-all;",
            frames::udp4(one, ALL, (67, 68), "dhcp-to-all;"),
        ),
        (
            "dhcp-to-one;",
            frames::udp4(one, two, (67, 68), "dhcp-to-one;"),
        ),
        (
            "dhcp-odd-port;",
            frames::udp4(one, two, (67, 1068), "dhcp-odd-port;"),
        ),
        ("dhcp6;", frames::udp6(own6, two6, (547, 546), "dhcp6;")),
        (
            "router;",
            frames::discovery(own6, ALL_NODES, 134, &router, "router;"),
        ),
        (
            "router-to-one;",
            frames::discovery(own6, two6, 134, &router, "router-to-one;"),
        ),
        (
            "redirect;",
            frames::discovery(own6, two6, 137, &redirect, "redirect;"),
        ),
    ];
    assert_eq!(pair.hears(&capture, &false_servers), Vec::<&str>::new());
    // Nor does a client that asks reach a false server: Weft's own answers.
    let listening = Capture::start(&pair.hosts[0]);
    let lease = dhcp(DhcpClient::Udhcpc, &pair.hosts[1]);
    assert_eq!(lease["ip"], pair.ports[1].ip);
    let last = frames::udp4(two, ALL, (7, 7), "asked;");
    frames::send(&pair.hosts[1], &last);
    listening.wait_for("asked;");
    assert!(!listening.heard("BOOTP/DHCP"), "{:?}", listening.frames());
    // Nothing but port security is in the way of the false servers.
    pair.change(json!({ "port_security_enabled": false }));
    assert_eq!(
        pair.hears(&capture, &false_servers).len(),
        false_servers.len()
    );
}

#[test]
fn a_port_that_is_switched_off_neither_sends_nor_hears_until_it_is_on_again() {
    if !need(&PARTS) {
        return;
    }
    let pair = Pair::start();
    let [one, two] = &pair.hosts;
    let (to_one, to_two) = (&pair.ports[0].ip, &pair.ports[1].ip);
    let in_vain = |from: &Host, target: &str| {
        let ping = Ping::start(from, target);
        ping.wait_for_sent(20);
        let pinged = ping.stop();
        assert_eq!(pinged.lost.len() as u64, pinged.sent, "{pinged:?}");
    };
    let answered = |from: &Host, target: &str| Ping::start(from, target).wait_for_answers(3);
    answered(one, to_two);
    let running = Ping::start(two, to_one);
    running.wait_for_answers(3);
    pair.change(json!({ "admin_state_up": false }));
    pair.cloud.wait_for_status(&pair.ports[0], "DOWN");
    running.wait_for_sent(20);
    let pinged = running.stop();
    let first_lost = pinged.sent + 1 - pinged.lost.len() as u64;
    assert!(
        pinged.lost.iter().copied().eq(first_lost..=pinged.sent),
        "{pinged:?}"
    );
    assert!(pinged.lost.len() >= 20, "{pinged:?}");
    in_vain(one, to_two);
    // What it sends is not even heard, and neither is what is sent to it.
    let (hears_one, hears_two) = (Capture::start(one), Capture::start(two));
    frames::send(
        one,
        &frames::udp4(pair.one(), ALL, (7, 7), "from-the-dead;"),
    );
    frames::send(
        two,
        &frames::udp4(pair.two(), pair.one(), (7, 7), "to-the-dead;"),
    );
    pair.change(json!({ "admin_state_up": true }));
    pair.cloud.wait_for_status(&pair.ports[0], "ACTIVE");
    answered(two, to_one);
    answered(one, to_two);
    frames::send(
        one,
        &frames::udp4(pair.one(), ALL, (7, 7), "from-the-living;"),
    );
    frames::send(
        two,
        &frames::udp4(pair.two(), pair.one(), (7, 7), "to-the-living;"),
    );
    hears_two.wait_for("from-the-living;");
    hears_one.wait_for("to-the-living;");
    assert!(!hears_two.heard("from-the-dead;") && !hears_one.heard("to-the-dead;"));

    // The same with the whole network.
    let network = format!("/v2.0/networks/{}", pair.network);
    let body = json!({ "network": { "admin_state_up": false } });
    pair.cloud.api("PUT", &network, Some(&body), 200);
    pair.settle();
    in_vain(two, to_one);
    let body = json!({ "network": { "admin_state_up": true } });
    pair.cloud.api("PUT", &network, Some(&body), 200);
    answered(two, to_one);
}

#[test]
fn neighbours_are_found_over_ipv6_without_asking_them() {
    if !need(&PARTS) {
        return;
    }
    let mut cloud = Cloud::start(2, &[]);
    let network = cloud.create("network", json!({ "name": "six", "project_id": "tenant" }));
    let network = text(&network["id"]);
    let subnet = json!({
        "network_id": network, "ip_version": 6, "cidr": "2001:db8::/64", "project_id": "tenant",
    });
    cloud.create("subnet", subnet);
    let ports = ["one", "two"].map(|name| cloud.port(&network, name));
    let hosts = [1, 2].map(|number| {
        let port = &ports[number - 1];
        let host = cloud.plug(number, &format!("m{number}"), port);
        let address = format!("{}/64", port.ip);
        host.run(&[
            "ip", "-6", "address", "add", &address, "dev", "eth0", "nodad",
        ]);
        host
    });
    for port in &ports {
        cloud.wait_for_status(port, "ACTIVE");
    }
    let captures = [&hosts[0], &hosts[1]].map(Capture::start);
    Ping::start(&hosts[0], &ports[1].ip).wait_for_answers(10);
    Ping::start(&hosts[1], &ports[0].ip).wait_for_answers(10);
    for (capture, port) in captures.iter().zip(&ports) {
        // The question for an address that nobody has is the one that is heard.
        assert!(capture.heard("ICMP6, echo request"));
        let question = format!("who has {}", port.ip);
        assert!(!capture.heard(&question), "{:?}", capture.frames());
    }
    let nobody = Ping::start(&hosts[0], "2001:db8::dead");
    captures[1].wait_for("who has 2001:db8::dead");
    drop(nobody);
}
