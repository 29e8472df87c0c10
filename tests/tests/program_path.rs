//! The main job without privileges: from an API call to packets that cross a tunnel, on real switches
//! with the dummy datapath; and that a restart of the controller touches no flow.

use etherparse::{Icmpv4Type, PacketBuilder};
use weft_tests::cloud::{FlowWatch, Port};
use weft_tests::controller::Controller;
use weft_tests::dummy::Lab;
use weft_tests::frames::{BROADCAST, End, arp, mac};
use weft_tests::hypervisor::Hypervisor;
use weft_tests::{Part, need, wait};

/// The opcode of an ARP answer, where it stands in a frame.
const ARP_REPLY: [u8; 10] = [8, 6, 0, 1, 8, 0, 6, 4, 0, 2];

fn end(port: &Port) -> End<[u8; 4]> {
    let ip: std::net::Ipv4Addr = port.ip.parse().unwrap();
    End {
        mac: mac(&port.mac),
        ip: ip.octets(),
    }
}

/// An ICMP echo request from one port to another.
fn echo(from: &Port, to: &Port, sequence: u16) -> Vec<u8> {
    let (from, to) = (end(from), end(to));
    let mut frame = Vec::new();
    PacketBuilder::ethernet2(from.mac, to.mac)
        .ipv4(from.ip, to.ip, 64)
        .icmpv4(Icmpv4Type::EchoRequest(etherparse::IcmpEchoHeader {
            id: 7,
            seq: sequence,
        }))
        .write(&mut frame, b"from one machine to another")
        .unwrap();
    frame
}

/// A DHCPDISCOVER (RFC 2131).
fn discover(port: &Port) -> Vec<u8> {
    const MAGIC: [u8; 4] = [99, 130, 83, 99];
    let hardware = mac(&port.mac);
    let mut message = vec![1, 1, 6, 0, 1, 2, 3, 4];
    message.resize(28, 0);
    message.extend(hardware);
    message.resize(236, 0);
    message.extend(MAGIC);
    message.extend([53, 1, 1, 255]);
    let mut frame = Vec::new();
    PacketBuilder::ethernet2(hardware, BROADCAST)
        .ipv4([0; 4], [255; 4], 64)
        .udp(68, 67)
        .write(&mut frame, &message)
        .unwrap();
    frame
}

/// Hypervisors, of which the first two have a port each.
pub(crate) struct World {
    pub(crate) controller: Controller,
    pub(crate) lab: Lab,
    pub(crate) network: String,
    /// On the first hypervisor, as `one`.
    pub(crate) one: Port,
    /// On the second, as `two`.
    pub(crate) two: Port,
}

impl World {
    #[track_caller]
    pub(crate) fn start(hypervisors: u8) -> World {
        let lab = Lab::start(hypervisors);
        let controller = Controller::start(&lab, &[]);
        for hypervisor in lab.hypervisors() {
            controller.manage(hypervisor);
        }
        let network = controller.network("blue", "10.0.0.0/24");
        let one = controller.port(&network, "one");
        let two = controller.port(&network, "two");
        let world = World {
            network,
            one,
            two,
            lab,
            controller,
        };
        world.plug(1, "one", &world.one);
        world.plug(2, "two", &world.two);
        world
    }

    #[track_caller]
    pub(crate) fn plug(&self, hypervisor: usize, name: &str, port: &Port) {
        let hypervisor = self.lab.hypervisor(hypervisor);
        hypervisor.add_dummy_port("br-int", name, None, Some(&port.id));
        self.controller.wait_for_status(port, "ACTIVE");
        hypervisor.revalidate();
    }

    /// Injects until the packet arrives: the first ones only let the underlay's neighbours find each
    /// other.
    #[track_caller]
    pub(crate) fn wait_until_it_crosses(&self, sequence: u16) {
        let packet = echo(&self.one, &self.two, sequence);
        wait::until("a packet crosses the tunnel", || {
            self.lab.hypervisor(1).inject("one", &packet);
            let received = self.lab.hypervisor(2).received("two");
            if received.contains(&packet) {
                Ok(())
            } else {
                Err(received)
            }
        });
    }
}

#[test]
fn a_packet_crosses_vxlan_to_its_port_and_only_there() {
    if !need(&[Part::OpenVswitch]) {
        return;
    }
    let world = World::start(2);
    let (lab, controller) = (&world.lab, &world.controller);
    assert_eq!(
        lab.hypervisor(1).get("Bridge", "br-int", "datapath_type"),
        "dummy"
    );
    let beside = controller.port(&world.network, "beside");
    let other = controller.network("red", "10.0.0.0/24");
    let stranger = controller.port(&other, "stranger");
    world.plug(2, "beside", &beside);
    world.plug(2, "stranger", &stranger);
    world.wait_until_it_crosses(1);
    let packet = echo(&world.one, &world.two, 1);
    // Each of these would get the packet before the next one does.
    world.wait_until_it_crosses(2);
    for (hypervisor, port) in [(1, "one"), (2, "beside"), (2, "stranger")] {
        let received = lab.hypervisor(hypervisor).received(port);
        assert!(!received.contains(&packet), "{port}: {received:?}");
    }
    let on_the_wire = lab
        .hypervisor(2)
        .ofctl(&["dump-ports", "br-int", "weft-vxlan"]);
    assert!(!on_the_wire.contains("rx pkts=0,"), "{on_the_wire}");
}

#[test]
fn arp_is_answered_in_the_switch_and_nobody_else_hears_it() {
    if !need(&[Part::OpenVswitch]) {
        return;
    }
    let mut world = World::start(2);
    world.wait_until_it_crosses(1);
    // Nobody but the switch is left to answer.
    world.controller.kill();
    let (one, two) = (end(&world.one), end(&world.two));
    let before = world.lab.hypervisor(2).received("two");
    let request = arp(one.mac, one, two.ip, "");
    let answered = wait::until("an ARP answer", || {
        world.lab.hypervisor(1).inject("one", &request);
        let received = world.lab.hypervisor(1).received("one");
        let answer = received.iter().find(|frame| frame[12..22] == ARP_REPLY);
        answer.cloned().ok_or(received)
    });
    assert_eq!(answered[..6], one.mac);
    assert_eq!(answered[22..28], two.mac);
    assert_eq!(answered[28..32], two.ip);
    world.wait_until_it_crosses(2);
    let heard = world.lab.hypervisor(2).received("two");
    let heard: Vec<_> = heard[before.len()..]
        .iter()
        .filter(|frame| frame[12..14] == [8, 6])
        .collect();
    assert!(heard.is_empty(), "{heard:?}");
}

#[test]
fn dhcp_is_answered_by_the_controller() {
    if !need(&[Part::OpenVswitch]) {
        return;
    }
    let world = World::start(2);
    world.lab.hypervisor(1).inject("one", &discover(&world.one));
    let offer = wait::until("an offer", || {
        let received = world.lab.hypervisor(1).received("one");
        let offer = received.iter().find(|frame| frame[34..36] == [0, 67]);
        offer.cloned().ok_or(received)
    });
    let message = &offer[42..];
    assert_eq!(message[0], 2, "a BOOTREPLY");
    assert_eq!(message[4..8], [1, 2, 3, 4], "of the same transaction");
    assert_eq!(message[16..20], end(&world.one).ip);
    let options = &message[240..];
    assert!(
        options.windows(3).any(|three| three == [53, 1, 2]),
        "a DHCPOFFER: {options:?}"
    );
}

/// The flows of a switch with their cookies, by which one can be taken out.
fn cookies(hypervisor: &Hypervisor) -> Vec<String> {
    let text = hypervisor.ofctl(&["--no-names", "dump-flows", "br-int"]);
    let cookie = |line: &str| {
        let (_, rest) = line.split_once("cookie=")?;
        Some(rest.split_once(',')?.0.to_owned())
    };
    text.lines().filter_map(cookie).collect()
}

#[test]
fn a_restarted_controller_sends_only_what_is_missing() {
    if !need(&[Part::OpenVswitch]) {
        return;
    }
    let mut world = World::start(2);
    world.wait_until_it_crosses(1);
    let in_order = |world: &World| {
        let hypervisors = world.lab.hypervisors();
        hypervisors
            .iter()
            .for_each(|hypervisor| world.controller.wait_until_in_order(hypervisor));
        world.controller.wait_for_status(&world.one, "ACTIVE");
    };
    in_order(&world);
    let watches: Vec<FlowWatch> = world
        .lab
        .hypervisors()
        .iter()
        .map(FlowWatch::start)
        .collect();
    world.controller.kill();
    world.wait_until_it_crosses(2);
    world.controller.start_again();
    in_order(&world);
    world.wait_until_it_crosses(3);
    for watch in &watches {
        assert_eq!(watch.events(), Vec::<String>::new());
    }
    // The watch would have shown a flow that came again.
    world.controller.kill();
    let hypervisor = world.lab.hypervisor(1);
    let before = cookies(hypervisor);
    let cookie = before[0].clone();
    hypervisor.ofctl(&["del-flows", "br-int", &format!("cookie={cookie}/-1")]);
    assert_eq!(cookies(hypervisor).len() + 1, before.len());
    world.controller.start_again();
    in_order(&world);
    let after = cookies(world.lab.hypervisor(1));
    assert_eq!(sorted(after), sorted(before));
    // One flow notes the revision that the switch has; no packet meets it.
    let events = watches[0].events().into_iter();
    let events: Vec<String> = events
        .filter(|event| !event.contains("->metadata"))
        .collect();
    let [gone, come] = &events[..] else {
        panic!("{events:?}");
    };
    assert!(gone.contains("event=DELETED") && gone.contains(&cookie));
    assert!(come.contains("event=ADDED") && come.contains(&cookie));
    assert_eq!(watches[1].events(), Vec::<String>::new());
}

fn sorted(mut cookies: Vec<String>) -> Vec<String> {
    cookies.sort();
    cookies
}
