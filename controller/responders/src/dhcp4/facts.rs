//! What DHCPv4 has to know of a port, and how it follows from the model.

use std::net::{IpAddr, Ipv4Addr};

use ipnet::{IpNet, Ipv4Net};
use rust_openflow::MacAddr;
use weft_topology::{Network, Port, Subnet, SubnetId};

/// How long a lease is by default, in seconds: what Neutron's `dhcp_lease_duration` says.
pub const DEFAULT_LEASE_SECONDS: u32 = 86_400;

/// The facts about one port: its lease, and the server that gives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// The Ethernet address of the port.
    pub mac: MacAddr,
    /// The address that it gets.
    pub address: Ipv4Addr,
    /// The subnet of the address.
    pub subnet: Ipv4Net,
    /// The default gateway, when there is one.
    pub gateway: Option<Ipv4Addr>,
    /// The Ethernet address of the server.
    pub server_mac: MacAddr,
    /// The address of the server, which is also its identifier.
    pub server_ip: Ipv4Addr,
    /// Resolvers, in order of preference.
    pub dns: Vec<Ipv4Addr>,
    /// Static routes beyond the default one: where to, by which neighbour.
    pub host_routes: Vec<(Ipv4Net, Ipv4Addr)>,
    /// The largest IP packet that the port may send, in bytes.
    pub mtu: u16,
    /// How long the lease is, in seconds; all ones is for ever.
    pub lease_seconds: u32,
    /// The domain of the port, when it is given one.
    pub domain: Option<String>,
    /// The name of the port, when it is given one.
    pub hostname: Option<String>,
}

impl Facts {
    /// The facts about a port: its first IPv4 address in a subnet with DHCP, as the network's services
    /// port serves it. `subnet` finds a subnet; `services` is the services port of the network.
    ///
    /// `None` when DHCPv4 does not serve the port: it has no such address, or the services port has
    /// none in that subnet. The lease has its default length, and no name or domain is given.
    pub fn of<'a>(
        port: &Port,
        network: &Network,
        subnet: impl Fn(SubnetId) -> Option<&'a Subnet>,
        services: Option<&Port>,
    ) -> Option<Self> {
        let served = |id: SubnetId| subnet(id).filter(|subnet| subnet.enable_dhcp);
        let (id, address, subnet, cidr) = port.fixed_ips.iter().find_map(|fixed| {
            let subnet = served(fixed.subnet)?;
            match (fixed.ip, subnet.cidr) {
                (IpAddr::V4(ip), IpNet::V4(cidr)) => Some((fixed.subnet, ip, subnet, cidr)),
                _ => None,
            }
        })?;
        let services = services?;
        let server_ip = services
            .fixed_ips
            .iter()
            .filter(|fixed| fixed.subnet == id)
            .find_map(|fixed| v4(fixed.ip))?;
        Some(Self {
            mac: port.mac,
            address,
            subnet: cidr,
            gateway: subnet.gateway.and_then(v4),
            server_mac: services.mac,
            server_ip,
            dns: subnet
                .dns_nameservers
                .iter()
                .copied()
                .filter_map(v4)
                .collect(),
            host_routes: subnet
                .host_routes
                .iter()
                .filter_map(|route| match (route.destination, route.nexthop) {
                    (IpNet::V4(net), IpAddr::V4(router)) => Some((net, router)),
                    _ => None,
                })
                .collect(),
            mtu: network.mtu,
            lease_seconds: DEFAULT_LEASE_SECONDS,
            domain: None,
            hostname: None,
        })
    }
}

/// The address, when it is of version 4.
fn v4(ip: IpAddr) -> Option<Ipv4Addr> {
    match ip {
        IpAddr::V4(ip) => Some(ip),
        IpAddr::V6(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use uuid::Uuid;
    use weft_topology::{
        DatapathKey, FixedAddress, HostRoute, NetworkId, PortKey, Role, Segment, TunnelKind,
    };

    use super::*;

    const V6: SubnetId = SubnetId(Uuid::from_u128(6));
    const STATIC: SubnetId = SubnetId(Uuid::from_u128(1));
    const SERVED: SubnetId = SubnetId(Uuid::from_u128(2));
    const NETWORK: NetworkId = NetworkId(Uuid::nil());

    fn network() -> Network {
        Network {
            key: DatapathKey::new(1).unwrap(),
            segment: Segment {
                kind: TunnelKind::Vxlan,
                id: 100,
            },
            relay: None,
            mtu: 1450,
            admin_state_up: true,
        }
    }

    fn subnet(cidr: &str, gateway: &str, enable_dhcp: bool) -> Subnet {
        Subnet {
            network: NETWORK,
            cidr: cidr.parse().unwrap(),
            gateway: Some(gateway.parse().unwrap()),
            enable_dhcp,
            dns_nameservers: vec![
                "2001:db8::53".parse().unwrap(),
                "9.9.9.9".parse().unwrap(),
                "8.8.8.8".parse().unwrap(),
            ],
            host_routes: vec![HostRoute {
                destination: "192.0.2.0/24".parse().unwrap(),
                nexthop: "10.0.0.254".parse().unwrap(),
            }],
        }
    }

    fn subnets() -> BTreeMap<SubnetId, Subnet> {
        BTreeMap::from([
            (V6, subnet("2001:db8::/64", "2001:db8::1", true)),
            (STATIC, subnet("10.9.0.0/24", "10.9.0.1", false)),
            (SERVED, subnet("10.0.0.0/24", "10.0.0.1", true)),
        ])
    }

    fn port(role: Role, number: u8, addresses: &[(SubnetId, &str)]) -> Port {
        Port {
            network: NETWORK,
            key: PortKey::new(number.into()).unwrap(),
            role,
            mac: MacAddr([2, 0, 0, 0, 0, number]),
            fixed_ips: addresses
                .iter()
                .map(|(subnet, ip)| FixedAddress {
                    subnet: *subnet,
                    ip: ip.parse().unwrap(),
                })
                .collect(),
            admin_state_up: true,
            port_security: true,
            allowed_address_pairs: vec![],
            host: None,
            migrating_to: None,
        }
    }

    /// The facts about a guest with these addresses, where the services port has those.
    fn of(guest: &[(SubnetId, &str)], services: &[(SubnetId, &str)]) -> Option<Facts> {
        let subnets = subnets();
        Facts::of(
            &port(Role::Guest, 5, guest),
            &network(),
            |id| subnets.get(&id),
            Some(&port(Role::Services, 2, services)),
        )
    }

    #[test]
    fn facts_are_of_the_first_ipv4_address_in_a_subnet_with_dhcp() {
        let guest = [
            (V6, "2001:db8::5"),
            (STATIC, "10.9.0.5"),
            (SERVED, "10.0.0.5"),
            (SERVED, "10.0.0.6"),
        ];
        let services = [
            (V6, "2001:db8::2"),
            (STATIC, "10.9.0.2"),
            (SERVED, "10.0.0.2"),
        ];
        let expected = Facts {
            mac: MacAddr([2, 0, 0, 0, 0, 5]),
            address: Ipv4Addr::new(10, 0, 0, 5),
            subnet: "10.0.0.0/24".parse().unwrap(),
            gateway: Some(Ipv4Addr::new(10, 0, 0, 1)),
            server_mac: MacAddr([2, 0, 0, 0, 0, 2]),
            server_ip: Ipv4Addr::new(10, 0, 0, 2),
            dns: vec![Ipv4Addr::new(9, 9, 9, 9), Ipv4Addr::new(8, 8, 8, 8)],
            host_routes: vec![(
                "192.0.2.0/24".parse().unwrap(),
                Ipv4Addr::new(10, 0, 0, 254),
            )],
            mtu: 1450,
            lease_seconds: 86_400,
            domain: None,
            hostname: None,
        };
        assert_eq!(of(&guest, &services), Some(expected));
    }

    #[test]
    fn a_port_without_such_an_address_has_no_facts() {
        let services = [(SERVED, "10.0.0.2"), (STATIC, "10.9.0.2")];
        assert_eq!(of(&[], &services), None);
        assert_eq!(of(&[(STATIC, "10.9.0.5")], &services), None);
        assert_eq!(of(&[(V6, "2001:db8::5")], &services), None);
        let unknown = SubnetId(Uuid::from_u128(9));
        assert_eq!(of(&[(unknown, "10.0.0.5")], &services), None);
    }

    #[test]
    fn a_subnet_that_the_services_port_is_not_in_is_not_served() {
        let guest = [(SERVED, "10.0.0.5")];
        assert_eq!(of(&guest, &[(STATIC, "10.9.0.2")]), None);
        let subnets = subnets();
        let port = port(Role::Guest, 5, &guest);
        assert_eq!(
            Facts::of(&port, &network(), |id| subnets.get(&id), None),
            None
        );
    }
}
