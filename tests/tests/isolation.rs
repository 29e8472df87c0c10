//! Tenants apart from each other: what one network sends, no other hears, whatever the encapsulation
//! and however much their addresses are alike.

use std::collections::BTreeSet;

use serde_json::json;
use weft_tests::cloud::{Cloud, Port, text};
use weft_tests::frames::{self, BROADCAST, Capture, End, mac};
use weft_tests::host::Host;
use weft_tests::traffic::{DhcpClient, Ping, dhcp};
use weft_tests::{Part, need};

const PARTS: [Part; 5] = [
    Part::OpenVswitch,
    Part::Namespaces,
    Part::DhcpClients,
    Part::Socat,
    Part::Tcpdump,
];

/// A machine that is a port, and what it hears.
pub(crate) struct Machine {
    pub(crate) host: Host,
    pub(crate) port: Port,
    pub(crate) capture: Capture,
}

impl Machine {
    /// Plugs a machine in, without an address.
    #[track_caller]
    pub(crate) fn plug(cloud: &mut Cloud, hypervisor: usize, name: &str, port: Port) -> Machine {
        let host = cloud.plug(hypervisor, name, &port);
        let capture = Capture::start(&host);
        Machine {
            host,
            port,
            capture,
        }
    }

    pub(crate) fn end(&self) -> End<[u8; 4]> {
        let ip: std::net::Ipv4Addr = self.port.ip.parse().expect("an IPv4 address");
        End {
            mac: mac(&self.port.mac),
            ip: ip.octets(),
        }
    }

    /// Sends a marked broadcast of its own.
    #[track_caller]
    pub(crate) fn shout(&self, mark: &str) {
        let all = End {
            mac: BROADCAST,
            ip: [255; 4],
        };
        frames::send(&self.host, &frames::udp4(self.end(), all, (7, 7), mark));
    }
}

/// Two machines of a network on each of three hypervisors, with the addresses that end in `first` and
/// the five after it.
#[track_caller]
fn machines(cloud: &mut Cloud, network: &str, name: &str, first: u8) -> Vec<Machine> {
    let machines: Vec<_> = (0..6)
        .map(|number| {
            let ip = format!("10.0.0.{}", first + number);
            let fixed = json!({ "fixed_ips": [{ "ip_address": ip }] });
            let port = cloud.port_with(network, fixed);
            let hypervisor = usize::from(number) / 2 + 1;
            Machine::plug(cloud, hypervisor, &format!("{name}{number}"), port)
        })
        .collect();
    for machine in &machines {
        cloud.wait_for_status(&machine.port, "ACTIVE");
    }
    machines
}

/// Every machine gets its address, half of them by one client and half by the other.
fn lease(machines: &[Machine]) {
    std::thread::scope(|scope| {
        for (number, machine) in machines.iter().enumerate() {
            scope.spawn(move || {
                let (client, variable) = match number % 2 {
                    0 => (DhcpClient::Udhcpc, "ip"),
                    _ => (DhcpClient::Dhclient, "new_ip_address"),
                };
                let lease = dhcp(client, &machine.host);
                assert_eq!(lease[variable], machine.port.ip, "{client:?}");
            });
        }
    });
}

/// Every machine reaches every other one of its network.
#[track_caller]
pub(crate) fn all_reach_all(machines: &[Machine]) {
    let pings: Vec<Ping> = pairs(machines)
        .map(|(from, to)| Ping::with_options(&from.host, &to.port.ip, &["-i", "0.1"]))
        .collect();
    for ping in &pings {
        ping.wait_for_answers(1);
    }
}

/// Every two machines, both ways.
pub(crate) fn pairs(machines: &[Machine]) -> impl Iterator<Item = (&Machine, &Machine)> {
    machines.iter().flat_map(move |from| {
        let others = machines.iter().filter(|to| to.port.id != from.port.id);
        others.map(move |to| (from, to))
    })
}

/// What `ours` can do to be heard by `theirs`: look for their addresses, shout, use their Ethernet
/// addresses.
#[track_caller]
fn try_to_be_heard(ours: &[Machine], theirs: &[Machine]) {
    let (one, victim) = (&ours[0], &theirs[5]);
    let own: BTreeSet<&str> = ours
        .iter()
        .map(|machine| machine.port.ip.as_str())
        .collect();
    let foreign = theirs
        .iter()
        .filter(|machine| !own.contains(machine.port.ip.as_str()));
    let mut pings: Vec<Ping> = foreign
        .map(|machine| Ping::with_options(&one.host, &machine.port.ip, &["-i", "0.1"]))
        .collect();
    pings.push(Ping::with_options(
        &one.host,
        "10.0.0.255",
        &["-b", "-i", "0.1"],
    ));
    pings.push(Ping::with_options(
        &one.host,
        "ff02::1%eth0",
        &["-i", "0.1"],
    ));
    for ping in &pings {
        ping.wait_for_sent(2);
    }
    let datagram = frames::udp4(one.end(), victim.end(), (7, 7), "to-a-foreign-address");
    frames::send(&one.host, &datagram);
}

/// Every machine has heard every other one of its network, and has heard nobody else.
#[track_caller]
fn hears_only_its_own(cloud: &Cloud, network: &str, machines: &[Machine]) {
    // What a machine sent before its last word has arrived before that.
    for machine in machines {
        machine.shout(&format!("last-word-of-{};", machine.port.ip));
    }
    for (from, to) in pairs(machines) {
        to.capture
            .wait_for(&format!("last-word-of-{};", from.port.ip));
    }
    let path = format!("/v2.0/ports?network_id={network}&fields=mac_address");
    let ports = cloud.api("GET", &path, None, 200);
    let ports = ports["ports"].as_array().expect("a list").iter();
    let own: BTreeSet<String> = ports.map(|port| text(&port["mac_address"])).collect();
    for machine in machines {
        for frame in machine.capture.frames() {
            let name = machine.host.name();
            assert!(own.contains(&frame.source), "{name} heard {frame:?}");
            assert!(!frame.text.contains("foreign"), "{name} heard {frame:?}");
        }
    }
}

fn tenants_with_the_same_addresses_are_apart(kind: &str) {
    if !need(&PARTS) {
        return;
    }
    let mut cloud = Cloud::start(3, &[]);
    let blue_network = cloud.network("blue", kind, "10.0.0.0/24");
    let red_network = cloud.network("red", kind, "10.0.0.0/24");
    let blue = machines(&mut cloud, &blue_network, "blue", 11);
    let red = machines(&mut cloud, &red_network, "red", 13);
    lease(&blue);
    lease(&red);
    all_reach_all(&blue);
    all_reach_all(&red);
    try_to_be_heard(&blue, &red);
    try_to_be_heard(&red, &blue);
    hears_only_its_own(&cloud, &blue_network, &blue);
    hears_only_its_own(&cloud, &red_network, &red);
}

#[test]
fn tenants_with_the_same_addresses_are_apart_over_vxlan() {
    tenants_with_the_same_addresses_are_apart("vxlan");
}

#[test]
fn tenants_with_the_same_addresses_are_apart_over_geneve() {
    tenants_with_the_same_addresses_are_apart("geneve");
}

#[test]
fn tenants_with_the_same_addresses_are_apart_over_gre() {
    tenants_with_the_same_addresses_are_apart("gre");
}

/// The network of a kind with the segmentation id that all of this test have, and a machine on each of
/// two hypervisors with addresses that are the same in all of them.
#[track_caller]
fn twins(cloud: &mut Cloud, kind: &str) -> [Machine; 2] {
    let network = json!({
        "name": kind, "project_id": kind,
        "provider:network_type": kind, "provider:segmentation_id": 100,
    });
    let network = text(&cloud.create("network", network)["id"]);
    let subnet = json!({
        "network_id": network, "project_id": kind, "ip_version": 4, "cidr": "10.0.0.0/24",
    });
    cloud.create("subnet", subnet);
    [1, 2].map(|number| {
        let ip = format!("10.0.0.1{number}");
        let attributes = json!({
            "mac_address": format!("02:00:00:00:00:0{number}"),
            "fixed_ips": [{ "ip_address": ip }],
        });
        let port = cloud.port_with(&network, attributes);
        let machine = Machine::plug(cloud, number, &format!("{kind}{number}"), port);
        let address = format!("{ip}/24");
        let host = &machine.host;
        host.run(&["ip", "address", "add", &address, "dev", "eth0"]);
        cloud.wait_for_status(&machine.port, "ACTIVE");
        machine
    })
}

#[test]
fn networks_with_one_number_in_different_encapsulations_are_apart() {
    if !need(&PARTS) {
        return;
    }
    let kinds = ["vxlan", "geneve", "gre"];
    let mut cloud = Cloud::start(2, &[]);
    let networks = kinds.map(|kind| (kind, twins(&mut cloud, kind)));
    for (kind, [one, two]) in &networks {
        Ping::start(&one.host, &two.port.ip).wait_for_answers(3);
        for (from, to) in [(one, two), (two, one)] {
            let mark = format!("directly-by-{kind};");
            let datagram = frames::udp4(from.end(), to.end(), (7, 7), &mark);
            frames::send(&from.host, &datagram);
            to.capture.wait_for(&mark);
            let mark = format!("to-all-by-{kind};");
            from.shout(&mark);
            to.capture.wait_for(&mark);
        }
    }
    // Once more, so that what strayed before has arrived.
    for (kind, machines) in &networks {
        let mark = format!("at-last-by-{kind};");
        machines[0].shout(&mark);
        machines[1].shout(&mark);
        machines[0].capture.wait_for(&mark);
        machines[1].capture.wait_for(&mark);
    }
    for (kind, machines) in &networks {
        for other in kinds.iter().filter(|other| *other != kind) {
            for machine in machines {
                let heard = machine.capture.heard(&format!("by-{other};"));
                assert!(!heard, "{} heard {other}", machine.host.name());
            }
        }
    }
}
