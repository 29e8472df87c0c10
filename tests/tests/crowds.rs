//! Networks on very many hypervisors: one Open vSwitch is every one of them in turn, told the program that
//! each would have, and what it sends on the wire is counted. Nothing is cut off silently.
//!
//! That few hypervisors agree with one another over real tunnels is in [`crate::relays`].

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use etherparse::PacketBuilder;
use rust_openflow::{MacAddr, PortNo};
use uuid::Uuid;
use weft_compiler::engine::Input;
use weft_compiler::{Compiler, Production, Secret};
use weft_tests::frames::{BROADCAST, End, udp4};
use weft_tests::hypervisor::Hypervisor;
use weft_tests::{Part, dummy, need, wait};
use weft_topology::{
    Change, Chassis, ChassisId, DatapathKey, Encap, FLOOD_DIRECT, Interface, InterfaceId, Network,
    NetworkId, Port, PortId, PortKey, Role, Segment, TunnelKind, flood_chunk,
};

use crate::connection::{BRIDGE, Connection, messages};

const SEGMENT: u32 = 100;
const RELAY: u32 = 10_000;
/// The interface of every hypervisor's machine.
const GUEST: (&str, PortNo) = ("guest", PortNo(1));
/// A port of the underlay's bridge, behind which all other hypervisors are.
const WIRE: &str = "wire";
/// The Ethernet address of all of them.
const NEIGHBOUR: [u8; 6] = [0x02, 0, 0, 0, 0, 1];
/// The tunnel addresses of the switch itself, whichever hypervisor it is.
const OWN_V4: Ipv4Addr = Ipv4Addr::new(10, 1, 255, 1);
const OWN_V6: Ipv6Addr = Ipv6Addr::new(0xfd31, 0, 0, 0, 0, 0, 0, 0xffff);
/// An Ethernet address that nobody is known to have.
const NOBODY: [u8; 6] = [0x02, 0, 0, 0, 0xbe, 0xef];

/// Hypervisors with tunnel addresses of one family and a machine each, all of one network.
struct Crowd {
    compiler: Compiler<Production>,
    count: u16,
    v6: bool,
    flood_direct: u16,
}

fn chassis(number: u16) -> ChassisId {
    ChassisId::from(format!("compute-{number}").as_str())
}

impl Crowd {
    fn new(count: u16, v6: bool, flood_direct: u16) -> Self {
        let compiler = Compiler::new(Production, Secret::new([7; 16]));
        let mut crowd = Self {
            compiler: compiler.with_flood_direct(flood_direct),
            count,
            v6,
            flood_direct,
        };
        let network = Network {
            key: DatapathKey::new(1).expect("not zero"),
            segment: Segment {
                kind: TunnelKind::Vxlan,
                id: SEGMENT,
            },
            relay: Some(RELAY),
            mtu: 1450,
            admin_state_up: true,
        };
        let id = NetworkId(Uuid::from_u64_pair(1, 1));
        let mut changes = vec![Change::Network(id, Some(network))];
        for number in 0..count {
            changes.extend(crowd.machine(id, number));
        }
        crowd.compiler.update(Input {
            changes,
            ..Input::default()
        });
        assert_eq!(crowd.compiler.refused(), 0);
        crowd
    }

    /// A hypervisor and its machine.
    fn machine(&self, network: NetworkId, number: u16) -> [Change; 3] {
        let there = Chassis {
            hostname: format!("compute-{number}"),
            datapath: None,
            encaps: vec![Encap {
                kind: TunnelKind::Vxlan,
                ip: self.address(number),
            }],
        };
        let id = PortId(Uuid::from_u64_pair(2, number.into()));
        let port = Port {
            network,
            key: PortKey::new(u32::from(number) + 1).expect("not zero"),
            role: Role::Guest,
            mac: MacAddr(mac(number)),
            fixed_ips: Vec::new(),
            admin_state_up: true,
            port_security: false,
            allowed_address_pairs: Vec::new(),
            host: None,
            migrating_to: None,
        };
        let interface = Interface {
            port: id,
            ofport: GUEST.1,
            appeared: 1,
        };
        let place = InterfaceId {
            chassis: chassis(number),
            name: GUEST.0.into(),
        };
        [
            Change::Chassis(chassis(number), Some(there)),
            Change::Port(id, Some(port)),
            Change::Interface(place, Some(interface)),
        ]
    }

    /// Where a hypervisor is reached.
    fn address(&self, number: u16) -> IpAddr {
        let [high, low] = number.to_be_bytes();
        if self.v6 {
            Ipv6Addr::new(0xfd31, 0, 0, 0, 0, 0, 1, number).into()
        } else {
            Ipv4Addr::new(10, 1, high, low).into()
        }
    }
}

fn mac(number: u16) -> [u8; 6] {
    let [high, low] = number.to_be_bytes();
    [0xfa, 0x16, 0x3e, 0, high, low]
}

/// What the machine of a hypervisor sends.
fn frame(from: u16, to: [u8; 6], mark: &str) -> Vec<u8> {
    let [high, low] = from.to_be_bytes();
    let source = End {
        mac: mac(from),
        ip: [10, 9, high, low],
    };
    let all = End {
        mac: to,
        ip: [255; 4],
    };
    udp4(source, all, (7, 7), mark)
}

/// Copies on the wire: where to, under which id, and how many.
type Copies = BTreeMap<(IpAddr, u32), usize>;

/// An Open vSwitch that can be any of the hypervisors.
struct Stage<'a> {
    hypervisor: &'a Hypervisor,
    connection: Connection,
    v6: bool,
    /// How many frames it was given to make copies of.
    frames: usize,
}

impl<'a> Stage<'a> {
    #[track_caller]
    fn start(hypervisor: &'a Hypervisor, crowd: &Crowd) -> Self {
        let connection = Connection::start(hypervisor);
        hypervisor.add_dummy_port(BRIDGE, GUEST.0, Some(GUEST.1.0), None);
        hypervisor.add_dummy_port("br-phy", WIRE, None, None);
        let tunnel = "type=vxlan options:remote_ip=flow options:key=flow";
        let number = format!("ofport_request={}", TunnelKind::Vxlan.ofport());
        let mut words = vec![
            "add-port",
            BRIDGE,
            "tunnel",
            "--",
            "set",
            "Interface",
            "tunnel",
        ];
        words.extend(tunnel.split(' ').chain([number.as_str()]));
        hypervisor.vsctl(&words);
        hypervisor.ofport("tunnel");
        let (add, own, range) = match crowd.v6 {
            false => ("ip4addr", format!("{OWN_V4}/16"), "10.1.0.0/16"),
            true => ("ip6addr", format!("{OWN_V6}/64"), "fd31::/64"),
        };
        hypervisor.appctl(&format!("netdev-dummy/{add}"), &["br-phy", &own]);
        hypervisor.appctl("ovs/route/add", &[range, "br-phy"]);
        for number in 0..crowd.count {
            let address = crowd.address(number).to_string();
            let neighbour = ["br-phy", &address, "02:00:00:00:00:01"];
            hypervisor.appctl("tnl/neigh/set", &neighbour);
        }
        Self {
            hypervisor,
            connection,
            v6: crowd.v6,
            frames: 0,
        }
    }

    /// Makes the switch one of the hypervisors.
    fn be(&mut self, crowd: &mut Crowd, number: u16) {
        crowd.compiler.update(Input {
            manage: vec![chassis(number)],
            ..Input::default()
        });
        for message in messages(&crowd.compiler.program(&chassis(number))) {
            self.connection.send(&message);
        }
        self.connection.barrier();
        self.hypervisor.revalidate();
    }

    /// Waits until the machine has heard the last frame that was passed to its hypervisor, and all those
    /// before it.
    #[track_caller]
    fn wait_for_guest(&self) {
        let marks = ["it", "after"].map(|mark| format!("{}-{mark};", self.frames));
        wait::until("the machine hears it once", || {
            let heard = self.hypervisor.received(GUEST.0);
            let count = |mark: &str| {
                let of_it = heard
                    .iter()
                    .filter(|frame| frame.ends_with(mark.as_bytes()));
                of_it.count()
            };
            match marks.each_ref().map(|mark| count(mark)) {
                [1, 1] => Ok(()),
                other => Err(other),
            }
        });
    }

    /// Lets a frame in by a port, and answers with the copies of it that went out on the wire when as many
    /// have as are `expected`, and all of what came in behind it. Before it go others until one gets through: for
    /// an instant after its cache was emptied, the switch may drop what it does not know.
    #[track_caller]
    fn copies(&mut self, port: &str, frame: impl Fn(&str) -> Vec<u8>, expected: usize) -> Copies {
        self.frames += 1;
        let before = format!("{}-before;", self.frames);
        wait::until("a frame gets through", || {
            self.hypervisor.inject(port, &frame(&before));
            match self.sent(&before).is_empty() && expected > 0 {
                false => Ok(()),
                true => Err(()),
            }
        });
        let marks = ["it", "after"].map(|mark| format!("{}-{mark};", self.frames));
        for mark in &marks {
            self.hypervisor.inject(port, &frame(mark));
        }
        let [of_it, _] = wait::until("every copy goes out", || {
            let both = [0, 1].map(|at: usize| self.sent(&marks[at]));
            let count = both[1].values().sum::<usize>();
            if count >= expected {
                Ok(both)
            } else {
                Err(count)
            }
        });
        of_it
    }

    /// The copies of frames with a mark.
    fn sent(&self, mark: &str) -> Copies {
        let mut copies = Copies::new();
        for packet in self.hypervisor.received(WIRE) {
            if packet.ends_with(mark.as_bytes()) {
                *copies.entry(self.outer(&packet)).or_default() += 1;
            }
        }
        copies
    }

    /// Where a packet of the wire goes, and the id in its VXLAN header (RFC 7348).
    fn outer(&self, packet: &[u8]) -> (IpAddr, u32) {
        let (address, vni): (IpAddr, usize) = if self.v6 {
            let octets: [u8; 16] = packet[38..54].try_into().expect("an address");
            (octets.into(), 66)
        } else {
            let octets: [u8; 4] = packet[30..34].try_into().expect("an address");
            (octets.into(), 46)
        };
        let id = [0, packet[vni], packet[vni + 1], packet[vni + 2]];
        (address, u32::from_be_bytes(id))
    }
}

/// A frame as it comes from a hypervisor by VXLAN, to be passed on.
fn to_pass_on(from: IpAddr, inner: &[u8]) -> Vec<u8> {
    let [_, id @ ..] = RELAY.to_be_bytes();
    let header = [&[8, 0, 0, 0][..], &id, &[0]].concat();
    let outer = PacketBuilder::ethernet2(NEIGHBOUR, [0x02, 0, 0, 0, 0xfe, 1]);
    let outer = match from {
        IpAddr::V4(from) => outer.ipv4(from.octets(), OWN_V4.octets(), 64),
        IpAddr::V6(from) => outer.ipv6(from.octets(), OWN_V6.octets(), 64),
    };
    let mut packet = Vec::new();
    // A vector takes everything.
    _ = outer
        .udp(50_000, 4789)
        .write(&mut packet, &[header, inner.to_vec()].concat());
    packet
}

/// What the first hypervisor's machine sends to an address reaches every other hypervisor once.
#[track_caller]
fn all_are_reached(stage: &mut Stage<'_>, crowd: &mut Crowd, to: [u8; 6]) {
    let own = flood_chunk(&chassis(0));
    let mut chunks: BTreeMap<u8, usize> = BTreeMap::new();
    for number in 0..crowd.count {
        *chunks.entry(flood_chunk(&chassis(number))).or_default() += 1;
    }
    let long = crowd.count > crowd.flood_direct;
    let expected = match long {
        true => chunks[&own] - 1 + chunks.len() - 1,
        false => usize::from(crowd.count) - 1,
    };
    stage.be(crowd, 0);
    let copies = stage.copies(GUEST.0, |mark| frame(0, to, mark), expected);
    let mut reached: BTreeMap<IpAddr, usize> = BTreeMap::new();
    for ((address, id), times) in copies {
        *reached.entry(address).or_default() += times;
        if id == SEGMENT {
            continue;
        }
        assert_eq!((id, long), (RELAY, true));
        let relay = (0..crowd.count).find(|number| crowd.address(*number) == address);
        let relay = relay.expect("copies go to hypervisors");
        stage.be(crowd, relay);
        let expected = chunks[&flood_chunk(&chassis(relay))] - 1;
        let from = crowd.address(0);
        let arrives = |mark: &str| to_pass_on(from, &frame(0, to, mark));
        for ((address, id), times) in stage.copies(WIRE, arrives, expected) {
            assert_eq!(id, SEGMENT, "who is passed a frame keeps it");
            *reached.entry(address).or_default() += times;
        }
        stage.wait_for_guest();
    }
    let others = (1..crowd.count).map(|number| (crowd.address(number), 1));
    assert_eq!(reached, others.collect::<BTreeMap<_, _>>());
}

fn every_hypervisor_is_reached_once(count: u16, v6: bool, flood_direct: u16) {
    if !need(&[Part::OpenVswitch]) {
        return;
    }
    let lab = dummy::Lab::start(1);
    let mut crowd = Crowd::new(count, v6, flood_direct);
    let mut stage = Stage::start(lab.hypervisor(1), &crowd);
    for to in [BROADCAST, NOBODY] {
        all_are_reached(&mut stage, &mut crowd, to);
    }
    let log = lab.hypervisor(1).log();
    for warning in ["resubmit", "translation", "exceed"] {
        assert!(!log.contains(warning), "{log}");
    }
}

#[test]
fn every_one_of_three_hundred_hypervisors_is_reached_once() {
    every_hypervisor_is_reached_once(300, false, FLOOD_DIRECT);
}

#[test]
fn every_one_of_eight_hundred_hypervisors_is_reached_once_over_ipv6() {
    every_hypervisor_is_reached_once(800, true, FLOOD_DIRECT);
}

#[test]
fn every_one_of_two_thousand_hypervisors_is_reached_once() {
    every_hypervisor_is_reached_once(2_000, false, FLOOD_DIRECT);
}

#[test]
fn as_many_copies_as_may_be_asked_for_are_made() {
    // The largest `--flood-direct`, with the largest outer header.
    every_hypervisor_is_reached_once(512, true, 512);
}
