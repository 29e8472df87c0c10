//! Random small networks, and random changes to them: addresses, Ethernet addresses and tunnel ids
//! are the same in several networks, and unique in each.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use proptest::prelude::*;
use rust_openflow::{MacAddr, PortNo};
use uuid::Uuid;
use weft_topology::{
    AddressPair, Change, Chassis, ChassisId, DatapathKey, Encap, FixedAddress, Interface,
    InterfaceId, Network, NetworkId, Port, PortId, PortKey, Role, Segment, Subnet, SubnetId,
    TunnelKind, flood_chunk,
};

pub(crate) const NETWORKS: u8 = 4;
pub(crate) const CHASSIS: u8 = 4;
/// Tunnel ids from here on say that a frame is to be passed on.
pub(crate) const RELAYED: u32 = 10_000;
/// Ports of guests: port `n` has the addresses of slot `n % SLOTS` in one of two networks that
/// no other port of the slot can be in.
pub(crate) const PORTS: u8 = 10;
pub(crate) const SLOTS: u8 = 5;

fn uuid(kind: u64, n: u8) -> Uuid {
    Uuid::from_u64_pair(kind, u64::from(n))
}

pub(crate) fn network_id(n: u8) -> NetworkId {
    NetworkId(uuid(1, n))
}

pub(crate) fn port_id(n: u8) -> PortId {
    PortId(uuid(3, n))
}

fn services_port_id(network: u8) -> PortId {
    PortId(uuid(4, network))
}

/// Hypervisor `n`; those with even numbers are in one chunk of flood lists.
pub(crate) fn chassis_id(n: u8) -> ChassisId {
    let name = |i: u32| ChassisId::from(format!("hv{i}").as_str());
    let shared = flood_chunk(&name(0));
    let even = |id: &ChassisId| (flood_chunk(id) == shared) == n.is_multiple_of(2);
    let found = (0..).map(name).filter(even).nth(usize::from(n / 2));
    found.expect("names do not end")
}

pub(crate) fn mac(slot: u8) -> MacAddr {
    MacAddr([0xfa, 0x16, 0x3e, 0, 0, slot + 1])
}

/// The virtual router address that ports share by allowed address pairs (RFC 9568).
pub(crate) const VRRP: MacAddr = MacAddr([0, 0, 0x5e, 0, 1, 1]);

/// The address of DHCP in every network.
pub(crate) const SERVICES: MacAddr = MacAddr([0xfa, 0x16, 0x3e, 0xff, 0, 1]);

pub(crate) fn ipv4(slot: u8) -> Ipv4Addr {
    Ipv4Addr::new(10, 0, 0, 10 + slot)
}

pub(crate) fn ipv6(slot: u8) -> Ipv6Addr {
    Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 0x10 + u16::from(slot))
}

pub(crate) fn ofport(n: u8) -> PortNo {
    PortNo(u32::from(n) + 1)
}

fn network() -> impl Strategy<Value = Change> {
    (
        0..NETWORKS,
        prop::bool::weighted(0.9),
        prop::bool::weighted(0.95),
    )
        .prop_map(|(n, up, there)| {
            let kinds = TunnelKind::ALL;
            let network = Network {
                key: DatapathKey::new(u32::from(n) + 1).unwrap(),
                segment: Segment {
                    kind: kinds[usize::from(n) % kinds.len()],
                    // VXLAN 100, Geneve 100, GRE 100, VXLAN 101.
                    id: 100 + u32::from(n) / 3,
                },
                // Every other network has an id for relayed frames.
                relay: (n % 2 == 0).then_some(RELAYED + u32::from(n)),
                mtu: 1450,
                admin_state_up: up,
            };
            Change::Network(network_id(n), there.then_some(network))
        })
}

fn subnet() -> impl Strategy<Value = Change> {
    (0..NETWORKS, any::<[bool; 2]>(), prop::bool::weighted(0.8)).prop_map(
        |(n, [v4, enable_dhcp], there)| {
            let cidr = if v4 { "10.0.0.0/24" } else { "fd00::/64" };
            let subnet = Subnet {
                network: network_id(n),
                cidr: cidr.parse().unwrap(),
                gateway: None,
                enable_dhcp,
                dns_nameservers: Vec::new(),
                host_routes: Vec::new(),
            };
            // One of each family in each network.
            let id = SubnetId(uuid(2, n * 2 + u8::from(v4)));
            Change::Subnet(id, there.then_some(subnet))
        },
    )
}

fn pair() -> impl Strategy<Value = AddressPair> {
    let net = prop::sample::select(vec![
        "10.0.0.100/32",
        "10.0.0.8/29",
        "10.0.0.11/32",
        "0.0.0.0/0",
        "fd00::/64",
        "::/0",
        "fd00::100/128",
    ]);
    (
        net,
        prop_oneof![2 => (0..SLOTS).prop_map(mac), 1 => Just(VRRP)],
    )
        .prop_map(|(net, mac)| AddressPair {
            net: net.parse().unwrap(),
            mac,
        })
}

fn fixed(network: u8, addresses: impl IntoIterator<Item = IpAddr>) -> Vec<FixedAddress> {
    addresses
        .into_iter()
        .map(|ip| FixedAddress {
            subnet: SubnetId(uuid(2, network * 2 + u8::from(ip.is_ipv4()))),
            ip,
        })
        .collect()
}

fn port() -> impl Strategy<Value = Change> {
    (
        0..PORTS,
        0..2_u8,
        (
            prop::bool::weighted(0.9),
            prop::bool::weighted(0.7),
            prop::bool::weighted(0.95),
        ),
        prop::collection::vec(pair(), 0..2),
        (
            prop::option::weighted(0.1, 0..CHASSIS),
            prop::option::weighted(0.5, 0..CHASSIS),
        ),
        (prop::bool::weighted(0.9), prop::bool::weighted(0.8)),
    )
        .prop_map(
            |(n, half, (up, port_security, there), pairs, (host, target), (v4, v6))| {
                let (slot, network) = (n % SLOTS, half + n / SLOTS * 2);
                let addresses = [
                    v4.then(|| IpAddr::V4(ipv4(slot))),
                    v6.then(|| IpAddr::V6(ipv6(slot))),
                ];
                let port = Port {
                    network: network_id(network),
                    key: PortKey::new(u32::from(n) + 1).unwrap(),
                    role: Role::Guest,
                    mac: mac(slot),
                    fixed_ips: fixed(network, addresses.into_iter().flatten()),
                    admin_state_up: up,
                    port_security,
                    allowed_address_pairs: pairs,
                    host: host.map(|host| format!("host{host}")),
                    migrating_to: target.map(|host| format!("host{host}")),
                };
                Change::Port(port_id(n), there.then_some(port))
            },
        )
}

fn services_port() -> impl Strategy<Value = Change> {
    (
        0..NETWORKS,
        prop::bool::weighted(0.9),
        prop::bool::weighted(0.8),
    )
        .prop_map(|(n, up, there)| {
            let port = Port {
                network: network_id(n),
                key: PortKey::new(100 + u32::from(n)).unwrap(),
                role: Role::Services,
                mac: SERVICES,
                fixed_ips: fixed(n, [Ipv4Addr::new(10, 0, 0, 2).into()]),
                admin_state_up: up,
                port_security: false,
                allowed_address_pairs: Vec::new(),
                host: None,
                migrating_to: None,
            };
            Change::Port(services_port_id(n), there.then_some(port))
        })
}

/// A hypervisor with tunnel addresses of some kinds, each of one family or both.
fn chassis() -> impl Strategy<Value = Change> {
    let kinds = prop::sample::subsequence(TunnelKind::ALL, 2..=TunnelKind::ALL.len());
    (0..CHASSIS, kinds, 0..8_u8, prop::bool::weighted(0.95)).prop_map(
        |(n, kinds, family, there)| {
            let encaps = kinds.into_iter().flat_map(|kind| {
                let number = n + 10 * kind as u8;
                let v4 = Ipv4Addr::new(172, 31, 0, number);
                let v6 = Ipv6Addr::new(0xfd99, 0, 0, 0, 0, 0, 0, u16::from(number));
                let addresses: &[IpAddr] = match family {
                    0 => &[v6.into()],
                    1 => &[v6.into(), v4.into()],
                    2 => &[v4.into(), v6.into()],
                    _ => &[v4.into()],
                };
                addresses
                    .iter()
                    .map(|ip| Encap { kind, ip: *ip })
                    .collect::<Vec<_>>()
            });
            let chassis = Chassis {
                hostname: format!("host{n}"),
                datapath: None,
                encaps: encaps.collect(),
            };
            Change::Chassis(chassis_id(n), there.then_some(chassis))
        },
    )
}

fn interface() -> impl Strategy<Value = Change> {
    (0..PORTS, 0..CHASSIS, 0..5_u64, prop::bool::weighted(0.85)).prop_map(
        |(n, on, appeared, there)| {
            let id = InterfaceId {
                chassis: chassis_id(on),
                name: format!("tap{n}").into(),
            };
            let interface = Interface {
                port: port_id(n),
                ofport: ofport(n),
                appeared,
            };
            Change::Interface(id, there.then_some(interface))
        },
    )
}

/// One change.
pub(crate) fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        1 => network(), 1 => subnet(), 4 => port(), 1 => services_port(), 2 => chassis(), 4 => interface(),
    ]
}

/// A network that is mostly whole: as many changes from nothing as make most of everything exist.
pub(crate) fn universe() -> impl Strategy<Value = Vec<Change>> {
    use prop::collection::vec;
    (
        vec(network(), 12),
        vec(subnet(), 8),
        vec(port(), 24),
        vec(services_port(), 5),
        vec(chassis(), 12),
        vec(interface(), 22),
    )
        .prop_map(|(a, b, c, d, e, f)| [a, b, c, d, e, f].concat())
}
