//! Long flood lists over real tunnels: with the limit lowered to two, hypervisors pass on what others
//! broadcast, and every machine of a network still hears it once and nobody else does.
//!
//! That this holds for any network and any limit is tested without packets in `weft_verify`; how large
//! lists become is in [`crate::crowds`].

use std::collections::BTreeMap;

use serde_json::json;
use weft_tests::cloud::Cloud;
use weft_tests::frames::{self, Capture, End};
use weft_tests::netns::Lab;
use weft_tests::traffic::Ping;
use weft_tests::{Part, need, wait};
use weft_topology::{ChassisId, flood_chunk};

use crate::isolation::{Machine, all_reach_all, pairs};

const PARTS: [Part; 4] = [
    Part::OpenVswitch,
    Part::Namespaces,
    Part::Socat,
    Part::Tcpdump,
];

/// Flood lists with more hypervisors than two are passed on.
const LIMIT: [&str; 2] = ["--flood-direct", "2"];

/// An Ethernet address that nobody is known to have.
const NOBODY: frames::Mac = [0x02, 0, 0, 0, 0xbe, 0xef];

/// A system-id for each hypervisor: those with the same letter are in one chunk of flood lists, those with
/// different ones are not.
fn system_ids(chunks: &str) -> Vec<String> {
    let chunk = |id: &String| flood_chunk(&ChassisId::from(id.as_str()));
    let mut letters: BTreeMap<char, u8> = BTreeMap::new();
    let mut ids: Vec<String> = Vec::new();
    for letter in chunks.chars() {
        let fits = |id: &String| match letters.get(&letter) {
            Some(chosen) => chunk(id) == *chosen && !ids.contains(id),
            None => letters.values().all(|chosen| chunk(id) != *chosen),
        };
        let found = (1..).map(|number| format!("rack{number:04}")).find(fits);
        let found = found.expect("names do not end");
        letters.insert(letter, chunk(&found));
        ids.push(found);
    }
    ids
}

/// A cloud of hypervisors in these chunks, in which few are a long list.
#[track_caller]
fn cloud(chunks: &str) -> Cloud {
    Cloud::start_in(Lab::named(system_ids(chunks)), &LIMIT)
}

/// A machine of a network on each of these hypervisors, with an address; who is named by an odd number is
/// without port security.
#[track_caller]
fn machines(cloud: &mut Cloud, network: &str, name: &str, on: &[usize]) -> Vec<Machine> {
    (1..)
        .zip(on)
        .map(|(number, hypervisor)| machine(cloud, network, name, number, *hypervisor))
        .collect()
}

#[track_caller]
fn machine(
    cloud: &mut Cloud,
    network: &str,
    name: &str,
    number: usize,
    hypervisor: usize,
) -> Machine {
    let ip = format!("10.0.0.{}", 10 + number);
    let port = json!({
        "fixed_ips": [{ "ip_address": ip }],
        "port_security_enabled": number.is_multiple_of(2),
    });
    let port = cloud.port_with(network, port);
    let machine = Machine::plug(cloud, hypervisor, &format!("{name}{number}"), port);
    let address = format!("{ip}/24");
    let host = &machine.host;
    host.run(&["ip", "address", "add", &address, "dev", "eth0"]);
    cloud.wait_for_status(&machine.port, "ACTIVE");
    machine
}

/// Sends a marked datagram to an Ethernet address of nobody.
#[track_caller]
fn send_to_nobody(machine: &Machine, mark: &str) {
    let to = End {
        mac: NOBODY,
        ip: [10, 0, 0, 200],
    };
    let datagram = frames::udp4(machine.end(), to, (7, 7), mark);
    frames::send(&machine.host, &datagram);
}

/// How many frames with a text have arrived.
fn heard(capture: &Capture, text: &str) -> usize {
    let frames = capture.frames().into_iter();
    frames.filter(|frame| frame.text.contains(text)).count()
}

/// Waits until everything that machines of a network have sent has arrived wherever it arrives: what
/// each says last goes every way that there is.
#[track_caller]
fn settle(machines: &[Machine], when: &str) {
    for machine in machines {
        machine.shout(&format!("last-of-{}-{when};", machine.port.ip));
    }
    for (from, to) in pairs(machines) {
        to.capture
            .wait_for(&format!("last-of-{}-{when};", from.port.ip));
    }
}

/// Broadcasts reach every machine of their network once, unknown unicast every one that may have the
/// address, and neither anybody of the other network.
#[track_caller]
fn all_hear_all_once(blue: &[Machine], red: &[Machine], when: &str) {
    let networks = [("blue", blue), ("red", red)];
    let mark = |name: &str, from: &Machine| format!("{name}-{}-{when};", from.port.ip);
    for (name, machines) in networks {
        for machine in machines {
            machine.shout(&format!("all-{}", mark(name, machine)));
            send_to_nobody(machine, &format!("nobody-{}", mark(name, machine)));
        }
    }
    for (_, machines) in networks {
        settle(machines, when);
    }
    for (name, machines) in networks {
        for from in machines {
            for (other, listeners) in networks {
                for (number, to) in (1_usize..).zip(listeners) {
                    let own = other == name && from.port.id != to.port.id;
                    let open = !number.is_multiple_of(2);
                    let expected = (usize::from(own), usize::from(own && open));
                    let mark = mark(name, from);
                    let all = heard(&to.capture, &format!("all-{mark}"));
                    let nobody = heard(&to.capture, &format!("nobody-{mark}"));
                    let who = to.host.name();
                    assert_eq!((all, nobody), expected, "{who} of {mark}");
                }
            }
        }
    }
}

/// How many frames a hypervisor was given to pass on, as far as its switch has counted them.
#[track_caller]
fn to_pass_on(cloud: &Cloud, hypervisor: usize) -> u64 {
    let options = ["-O", "OpenFlow15", "--names", "dump-flows", "br-int"];
    let host = cloud.lab.hypervisor(hypervisor).host();
    let text = host.run(&[&["ovs-ofctl"], &options[..]].concat());
    let packets = |line: &str| {
        let (_, rest) = line.split_once("n_packets=")?;
        rest.split_once(',')?.0.parse::<u64>().ok()
    };
    let lines = text
        .lines()
        .filter(|line| line.contains("table=\"relay_in\""));
    lines.filter_map(packets).sum()
}

fn every_machine_hears_every_other_once(kind: &str) {
    if !need(&PARTS) {
        return;
    }
    // Three hypervisors in one chunk, two in another, one alone.
    let mut cloud = cloud("aaabbc");
    let everywhere = [1, 2, 3, 4, 5, 6];
    let blue = cloud.network("blue", kind, "10.0.0.0/24");
    let red = cloud.network("red", kind, "10.0.0.0/24");
    let blue = machines(&mut cloud, &blue, "blue", &[1, 2, 3, 4, 5, 6, 1, 4]);
    let red = machines(&mut cloud, &red, "red", &[6, 4, 2, 3, 3]);
    cloud.wait_until_in_order(&everywhere);
    // Tunnels lose the first packet while they look for each other.
    all_reach_all(&blue);
    all_reach_all(&red);
    all_hear_all_once(&blue, &red, "warm");
    for chunk in [&everywhere[..3], &everywhere[3..5], &everywhere[5..]] {
        wait::until("somebody of every chunk passes on", || {
            let passed = chunk.iter().map(|number| to_pass_on(&cloud, *number));
            if passed.sum::<u64>() > 0 {
                Ok(())
            } else {
                Err(chunk)
            }
        });
    }
    for warning in ["resubmit", "translation", "exceed"] {
        for hypervisor in cloud.lab.hypervisors() {
            let log = hypervisor.log();
            assert!(!log.contains(warning), "{log}");
        }
    }
}

#[test]
fn every_machine_hears_every_other_once_over_vxlan() {
    every_machine_hears_every_other_once("vxlan");
}

#[test]
fn every_machine_hears_every_other_once_over_geneve() {
    every_machine_hears_every_other_once("geneve");
}

#[test]
fn every_machine_hears_every_other_once_over_gre() {
    every_machine_hears_every_other_once("gre");
}

/// Does the sender's switch leave it to others to pass broadcasts on?
fn is_long(cloud: &Cloud) -> bool {
    let flows = cloud.program(1);
    flows
        .iter()
        .any(|flow| flow.contains("table=relay,") && flow.contains("tun_id"))
}

/// How often a machine has heard each of a ping's broadcasts, by sequence number.
fn broadcasts(capture: &Capture, from: &Machine) -> BTreeMap<u64, usize> {
    let sender = format!("{} > 10.0.0.255: ICMP echo request", from.port.ip);
    let mut heard = BTreeMap::new();
    for frame in capture.frames() {
        let request = frame.text.split_once(&sender);
        let number = request.and_then(|(_, rest)| rest.split_once("seq ")?.1.split_once(','));
        if let Some(number) = number.and_then(|(number, _)| number.parse().ok()) {
            *heard.entry(number).or_default() += 1;
        }
    }
    heard
}

#[test]
fn lists_become_long_and_short_while_packets_and_broadcasts_go_on() {
    if !need(&PARTS) {
        return;
    }
    let mut cloud = cloud("abbcc");
    let network = cloud.network("blue", "vxlan", "10.0.0.0/24");
    let all = [1, 2, 3, 4, 5];
    // The second hypervisor is before the third of its chunk, so that it is the one that passes on and
    // nothing depends on who comes and goes.
    let ids = [2, 3].map(|number| cloud.lab.hypervisor(number).system_id());
    assert!(ids[0] < ids[1], "{ids:?}");
    // All hypervisors have met before it counts.
    let met = machines(&mut cloud, &network, "met", &all);
    all_reach_all(&met);
    for (number, machine) in (1..).zip(met) {
        cloud.lab.unplug(&format!("met{number}"));
        cloud.wait_for_status(&machine.port, "DOWN");
        let path = format!("/v2.0/ports/{}", machine.port.id);
        cloud.api("DELETE", &path, None, 204);
    }
    let stay = machines(&mut cloud, &network, "stay", &[1, 2]);
    let (one, two) = (&stay[0], &stay[1]);
    let guests = [3, 4, 5].map(|number| (number, cloud.port(&network, "guest")));
    all_reach_all(&stay);

    let ping = Ping::start(&one.host, &two.port.ip);
    let broadcast = Ping::with_options(&one.host, "10.0.0.255", &["-b"]);
    broadcast.wait_for_sent(50);
    for _ in 0..5 {
        for (number, port) in &guests {
            cloud.plug(*number, &format!("guest{number}"), port);
            cloud.wait_for_status(port, "ACTIVE");
        }
        cloud.wait_until_in_order(&all);
        assert!(is_long(&cloud), "{:?}", cloud.program(1));
        broadcast.wait_for_sent(20);
        for (number, port) in &guests {
            cloud.lab.unplug(&format!("guest{number}"));
            cloud.wait_for_status(port, "DOWN");
        }
        cloud.wait_until_in_order(&all);
        assert!(!is_long(&cloud), "{:?}", cloud.program(1));
        broadcast.wait_for_sent(20);
    }
    let sent = broadcast.stop().sent;
    let pinged = ping.stop();
    assert_eq!(pinged.lost, Vec::<u64>::new(), "{pinged:?}");
    settle(&stay, "after");
    let heard = broadcasts(&two.capture, one);
    let lost: Vec<u64> = (1..=sent)
        .filter(|number| !heard.contains_key(number))
        .collect();
    let doubled: Vec<_> = heard.iter().filter(|(_, times)| **times > 1).collect();
    assert!(
        lost.is_empty() && doubled.is_empty(),
        "{lost:?} {doubled:?}"
    );
}
