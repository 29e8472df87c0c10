//! A cloud to measure with: networks of so many ports each, spread over hypervisors, as changes of
//! the model. The same numbers give the same cloud.

use std::net::{IpAddr, Ipv4Addr};

use rust_openflow::{DatapathId, MacAddr, PortNo};
use uuid::Uuid;
use weft_topology::{
    Change, Chassis, ChassisId, DatapathKey, Encap, FixedAddress, Interface, InterfaceId, Network,
    NetworkId, Port, PortId, PortKey, Role, Segment, Subnet, SubnetId, TunnelKind,
};

/// How far apart on the ring of hypervisors the ports of a network are, and the beginnings of
/// networks. Primes, so that a network comes to a hypervisor twice only when it has been on all.
const STRIDE: u64 = 10_007;
const START: u64 = 31;

/// The size of a cloud.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cloud {
    /// How many hypervisors there are.
    pub hypervisors: u32,
    /// How many ports guests have.
    pub ports: u32,
    /// How many networks there are; each has a port of Weft's own besides, for DHCP.
    pub networks: u32,
}

impl Cloud {
    /// How many ports guests have on one network.
    #[must_use]
    pub fn ports_per_network(&self) -> u32 {
        self.ports / self.networks
    }

    /// The hypervisors.
    pub fn chassis(&self) -> impl Iterator<Item = ChassisId> {
        (0..self.hypervisors).map(chassis_id)
    }

    /// Everything there is, as changes of the empty model.
    #[must_use]
    pub fn changes(&self) -> Vec<Change> {
        let mut changes = Vec::new();
        for number in 0..self.hypervisors {
            let change = Change::Chassis(chassis_id(number), Some(chassis(number)));
            changes.push(change);
        }
        for number in 0..self.networks {
            changes.push(Change::Network(network_id(number), Some(network(number))));
            changes.push(Change::Subnet(subnet_id(number), Some(subnet(number))));
            let services = self.ports + number;
            let port = Port {
                role: Role::Services,
                ..port(services, number, 1)
            };
            changes.push(Change::Port(port_id(services), Some(port)));
        }
        for number in 0..self.ports {
            let (network, index) = (number % self.networks, number / self.networks);
            let there = port(number, network, index + 2);
            changes.push(Change::Port(port_id(number), Some(there)));
            let (id, interface) = self.interface(number, self.place(network, index));
            changes.push(Change::Interface(id, Some(interface)));
        }
        changes
    }

    /// A further port on a network, declared and plugged where the network already is, or where
    /// it is not yet.
    #[must_use]
    pub fn port_more(&self, network: u32, where_it_is: bool) -> [Change; 2] {
        let number = self.ports + self.networks;
        let index = self.ports_per_network();
        let place = match where_it_is {
            true => self.place(network, index / 2),
            false => self.place(network, index),
        };
        let there = port(number, network, index + 2);
        let (id, interface) = self.interface(number, place);
        [
            Change::Port(port_id(number), Some(there)),
            Change::Interface(id, Some(interface)),
        ]
    }

    /// Takes the further port away again.
    #[must_use]
    pub fn without(more: &[Change; 2]) -> Vec<Change> {
        more.iter()
            .filter_map(|change| match change {
                Change::Port(id, _) => Some(Change::Port(*id, None)),
                Change::Interface(id, _) => Some(Change::Interface(id.clone(), None)),
                _ => None,
            })
            .collect()
    }

    fn place(&self, network: u32, index: u32) -> u32 {
        let steps = u64::from(network) * START + u64::from(index) * STRIDE;
        (steps % u64::from(self.hypervisors)) as u32
    }

    fn interface(&self, port: u32, chassis: u32) -> (InterfaceId, Interface) {
        let id = InterfaceId {
            chassis: chassis_id(chassis),
            name: format!("tap{port}").into(),
        };
        let interface = Interface {
            port: port_id(port),
            ofport: PortNo(1 + port / self.hypervisors),
            appeared: 1,
        };
        (id, interface)
    }
}

/// Ids look as random as those of a real cloud: one thing's neighbours in memory are not its
/// neighbours in the network.
fn uuid(kind: u64, number: u32) -> Uuid {
    let mix = |seed: u64| {
        let seed = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mixed = (seed ^ seed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed ^ mixed >> 27
    };
    let seed = kind << 32 | u64::from(number);
    Uuid::from_u64_pair(mix(seed + 1), mix(!seed))
}

fn chassis_id(number: u32) -> ChassisId {
    ChassisId::from(uuid(1, number).to_string().as_str())
}

fn network_id(number: u32) -> NetworkId {
    NetworkId(uuid(2, number))
}

fn subnet_id(number: u32) -> SubnetId {
    SubnetId(uuid(3, number))
}

fn port_id(number: u32) -> PortId {
    PortId(uuid(4, number))
}

fn chassis(number: u32) -> Chassis {
    let ip = IpAddr::V4(Ipv4Addr::from_bits(0xac10_0001 + number));
    Chassis {
        hostname: format!("compute-{number}"),
        datapath: Some(DatapathId(u64::from(number) + 1)),
        encaps: vec![Encap {
            kind: TunnelKind::Vxlan,
            ip,
        }],
    }
}

fn network(number: u32) -> Network {
    Network {
        key: DatapathKey::new(number + 1).unwrap_or(DatapathKey(std::num::NonZeroU32::MIN)),
        segment: Segment {
            kind: TunnelKind::Vxlan,
            id: number + 1,
        },
        relay: Some((1 << 23) + number),
        mtu: 1450,
        admin_state_up: true,
    }
}

fn subnet(network: u32) -> Subnet {
    let range = ipnet::Ipv4Net::new_assert(Ipv4Addr::new(10, 0, 0, 0), 16);
    Subnet {
        network: network_id(network),
        cidr: range.into(),
        gateway: Some(IpAddr::V4(Ipv4Addr::new(10, 0, 255, 254))),
        enable_dhcp: true,
        dns_nameservers: Vec::new(),
        host_routes: Vec::new(),
    }
}

fn port(number: u32, network: u32, host: u32) -> Port {
    let [_, a, b, c] = number.to_be_bytes();
    Port {
        network: network_id(network),
        key: PortKey::new(number + 1).unwrap_or(PortKey(std::num::NonZeroU32::MIN)),
        role: Role::Guest,
        mac: MacAddr([0xfa, 0x16, 0x3e, a, b, c]),
        fixed_ips: vec![FixedAddress {
            subnet: subnet_id(network),
            ip: IpAddr::V4(Ipv4Addr::from_bits(0x0a00_0000 + host)),
        }],
        admin_state_up: true,
        port_security: true,
        allowed_address_pairs: Vec::new(),
        host: None,
        migrating_to: None,
    }
}
