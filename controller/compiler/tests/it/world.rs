//! A small universe of networks, ports and hypervisors, and a switch that is told deltas.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use rust_openflow::{DatapathId, MacAddr, PortNo};
use uuid::Uuid;
use weft_compiler::engine::Input;
use weft_compiler::rules::Rules;
use weft_compiler::{Compiler, Content, Delta, Key, Secret};
use weft_topology::{
    Chassis, ChassisId, DatapathKey, Encap, FixedAddress, Interface, InterfaceId, Network,
    NetworkId, Port, PortId, PortKey, Role, Segment, Subnet, SubnetId, TunnelKind,
};

pub(crate) fn secret() -> Secret {
    Secret::new(*b"a secret of test")
}

fn uuid(kind: u64, n: u8) -> Uuid {
    Uuid::from_u64_pair(kind, u64::from(n))
}

pub(crate) fn network_id(n: u8) -> NetworkId {
    NetworkId(uuid(1, n))
}

pub(crate) fn subnet_id(n: u8) -> SubnetId {
    SubnetId(uuid(2, n))
}

pub(crate) fn port_id(n: u8) -> PortId {
    PortId(uuid(3, n))
}

pub(crate) fn chassis_id(n: u8) -> ChassisId {
    ChassisId::from(format!("hv{n}").as_str())
}

pub(crate) fn interface_id(chassis: u8, port: u8) -> InterfaceId {
    InterfaceId {
        chassis: chassis_id(chassis),
        name: format!("tap{port}").into(),
    }
}

/// Network `n`; its encapsulation and id follow from its number.
pub(crate) fn network(n: u8, admin_state_up: bool) -> Network {
    Network {
        key: DatapathKey::new(u32::from(n) + 1).unwrap(),
        segment: Segment {
            kind: TunnelKind::ALL[usize::from(n) % TunnelKind::ALL.len()],
            id: 100,
        },
        mtu: 1450,
        relay: None,
        admin_state_up,
    }
}

pub(crate) fn subnet(network: u8, enable_dhcp: bool) -> Subnet {
    Subnet {
        network: network_id(network),
        cidr: "10.0.0.0/24".parse().unwrap(),
        gateway: None,
        enable_dhcp,
        dns_nameservers: Vec::new(),
        host_routes: Vec::new(),
    }
}

/// Port `n` of a network, with an address of each family.
pub(crate) fn port(n: u8, network: u8) -> Port {
    Port {
        network: network_id(network),
        key: PortKey::new(u32::from(n) + 1).unwrap(),
        role: Role::Guest,
        mac: MacAddr([0xfa, 0x16, 0x3e, 0, 0, n]),
        fixed_ips: vec![
            FixedAddress {
                subnet: subnet_id(network),
                ip: IpAddr::V4(Ipv4Addr::new(10, 0, 0, n + 1)),
            },
            FixedAddress {
                subnet: subnet_id(network),
                ip: format!("fd00::{:x}", n + 1).parse().unwrap(),
            },
        ],
        admin_state_up: true,
        port_security: true,
        allowed_address_pairs: Vec::new(),
        host: None,
        migrating_to: None,
    }
}

pub(crate) fn chassis(n: u8) -> Chassis {
    Chassis {
        hostname: format!("host{n}"),
        datapath: Some(DatapathId(u64::from(n))),
        encaps: TunnelKind::ALL
            .iter()
            .map(|kind| Encap {
                kind: *kind,
                ip: IpAddr::V4(Ipv4Addr::new(172, 31, 0, n + 1)),
            })
            .collect(),
    }
}

pub(crate) fn interface(port: u8, appeared: u64) -> Interface {
    Interface {
        port: port_id(port),
        ofport: PortNo(u32::from(port) + 1),
        appeared,
    }
}

/// What a switch has, by key.
pub(crate) type Table = BTreeMap<Key, Content>;

/// A switch that does what it is told, and insists that what it is told makes sense.
#[derive(Debug, Default, Clone, PartialEq)]
pub(crate) struct Switch(pub(crate) Table);

impl Switch {
    pub(crate) fn with_program(program: Vec<Content>) -> Self {
        let count = program.len();
        let table: Table = program
            .into_iter()
            .map(|content| (content.key(), content))
            .collect();
        assert_eq!(table.len(), count, "a program has one content for each key");
        Self(table)
    }

    pub(crate) fn tell(&mut self, delta: &Delta) {
        for content in &delta.set {
            let before = self.0.insert(content.key(), content.clone());
            assert_ne!(before.as_ref(), Some(content), "told what it has");
            assert_eq!(before.is_some(), delta.replaced.contains(&content.key()));
        }
        for content in &delta.removed {
            let before = self.0.remove(&content.key());
            assert_eq!(
                before.as_ref(),
                Some(content),
                "told to remove what it does not have"
            );
        }
    }
}

/// A compiler together with switches that are told its deltas.
pub(crate) struct Cloud<R: Rules> {
    pub(crate) compiler: Compiler<R>,
    pub(crate) switches: BTreeMap<ChassisId, Switch>,
}

impl<R: Rules> Cloud<R> {
    pub(crate) fn new(rules: R) -> Self {
        Self {
            compiler: Compiler::new(rules, secret()),
            switches: BTreeMap::new(),
        }
    }

    /// Updates the compiler, tells the switches, and checks that each has its program. Answers with
    /// the deltas.
    pub(crate) fn update(&mut self, input: Input) -> BTreeMap<ChassisId, Vec<Arc<Delta>>> {
        let (manage, release) = (input.manage.clone(), input.release.clone());
        let deltas = self.compiler.update(input);
        for (chassis, parts) in &deltas {
            let switch = self
                .switches
                .get_mut(chassis)
                .expect("a delta is for a managed switch");
            for part in parts {
                switch.tell(part);
            }
        }
        for chassis in release {
            self.switches.remove(&chassis);
        }
        for chassis in manage {
            let program = self.compiler.program(&chassis);
            self.switches
                .entry(chassis)
                .or_insert_with(|| Switch::with_program(program));
        }
        for (chassis, switch) in &self.switches {
            let program = Switch::with_program(self.compiler.program(chassis));
            assert_eq!(
                *switch, program,
                "{chassis}: deltas applied are the program"
            );
        }
        deltas
            .into_iter()
            .map(|(chassis, parts)| (chassis, parts.into_vec()))
            .collect()
    }
}
