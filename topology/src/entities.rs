//! What there is: networks, subnets and ports as tenants declared them; hypervisors and their
//! interfaces as they were observed. Plain data; how it hangs together is in [`crate::model`].

use std::net::{IpAddr, Ipv6Addr};

use ipnet::IpNet;
use rust_openflow::{DatapathId, MacAddr, PortNo};

use crate::ids::{
    ChassisId, DatapathKey, InterfaceId, NetworkId, PortId, PortKey, SubnetId, TunnelKind,
};

/// Where a network lives on the wire between hypervisors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Segment {
    /// The encapsulation.
    pub kind: TunnelKind,
    /// The id in its header, unique per kind.
    pub id: u32,
}

/// A logical network: one broadcast domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Network {
    /// Its number in flows.
    pub key: DatapathKey,
    /// Its encapsulation between hypervisors.
    pub segment: Segment,
    /// A second id in tunnels, under which a frame is to be passed on by who receives it; without
    /// one, the sender makes every copy itself.
    pub relay: Option<u32>,
    /// The largest IP packet that its ports may send, in bytes.
    pub mtu: u16,
    /// When false, no port of it carries traffic.
    pub admin_state_up: bool,
}

/// A static route handed to hosts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostRoute {
    /// Where to.
    pub destination: IpNet,
    /// By which neighbour.
    pub nexthop: IpAddr,
}

/// A subnet of a network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subnet {
    /// Its network.
    pub network: NetworkId,
    /// Its range of addresses.
    pub cidr: IpNet,
    /// The default gateway, when there is one.
    pub gateway: Option<IpAddr>,
    /// Whether Weft hands out addresses in it.
    pub enable_dhcp: bool,
    /// Resolvers, in order of preference.
    pub dns_nameservers: Vec<IpAddr>,
    /// Static routes.
    pub host_routes: Vec<HostRoute>,
}

/// One address of a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct FixedAddress {
    /// The subnet that it belongs to.
    pub subnet: SubnetId,
    /// The address.
    pub ip: IpAddr,
}

/// A further address that a port may use as its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct AddressPair {
    /// Addresses; a single one is a full-length prefix.
    pub net: IpNet,
    /// With which Ethernet address.
    pub mac: MacAddr,
}

/// Who stands behind a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// A VM, container or other guest.
    Guest,
    /// Weft itself, on every hypervisor at once: the address of the network's DHCP service.
    Services,
}

/// A logical port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Port {
    /// Its network.
    pub network: NetworkId,
    /// Its number in flows.
    pub key: PortKey,
    /// Who stands behind it.
    pub role: Role,
    /// Its Ethernet address.
    pub mac: MacAddr,
    /// Its addresses.
    pub fixed_ips: Vec<FixedAddress>,
    /// When false, it carries no traffic.
    pub admin_state_up: bool,
    /// Whether it may send only from its own addresses.
    pub port_security: bool,
    /// Further addresses that count as its own.
    pub allowed_address_pairs: Vec<AddressPair>,
    /// The only hypervisor that may claim it (hostname or system-id), when the API says so.
    pub host: Option<String>,
    /// A second hypervisor that may claim it, beside `host`: a machine moves there.
    pub migrating_to: Option<String>,
}

impl Port {
    /// Whether a hypervisor may claim it: any, unless the API names a host; then that one, and the one
    /// that it is migrating to.
    #[must_use]
    pub fn may_be_on(&self, id: &ChassisId, chassis: &Chassis) -> bool {
        let named = |name: &String| *name == chassis.hostname || **name == *id.0;
        let Some(host) = &self.host else {
            return true;
        };
        named(host) || self.migrating_to.as_ref().is_some_and(named)
    }

    /// Whether frames to Ethernet addresses that nobody is known to have may be for this port: it may
    /// use any, or one of its allowed address pairs names another than its own.
    #[must_use]
    pub fn takes_unknown(&self) -> bool {
        !self.port_security
            || self
                .allowed_address_pairs
                .iter()
                .any(|pair| pair.mac != self.mac)
    }
}

/// An address at which a hypervisor receives tunnelled frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Encap {
    /// The encapsulation.
    pub kind: TunnelKind,
    /// The outer address.
    pub ip: IpAddr,
}

/// A hypervisor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chassis {
    /// Its host name, as `binding:host_id` gives it.
    pub hostname: String,
    /// The identity of its integration bridge, once that exists.
    pub datapath: Option<DatapathId>,
    /// Where it receives tunnelled frames, in order of preference.
    pub encaps: Vec<Encap>,
}

impl Chassis {
    /// Its tunnel address for an encapsulation.
    #[must_use]
    pub fn encap(&self, kind: TunnelKind) -> Option<IpAddr> {
        self.encaps
            .iter()
            .find(|encap| encap.kind == kind)
            .map(|encap| encap.ip)
    }
}

/// An interface that carries a logical port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interface {
    /// The port that it says to be.
    pub port: PortId,
    /// Its OpenFlow port number.
    pub ofport: PortNo,
    /// When it first appeared: the revision of the log that recorded it. It decides among interfaces
    /// that say to be one port ([`crate::Model::locations`]).
    pub appeared: u64,
}

/// One thing that is new, different or gone (`None`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// A network.
    Network(NetworkId, Option<Network>),
    /// A subnet.
    Subnet(SubnetId, Option<Subnet>),
    /// A port.
    Port(PortId, Option<Port>),
    /// A hypervisor.
    Chassis(ChassisId, Option<Chassis>),
    /// An interface of a hypervisor.
    Interface(InterfaceId, Option<Interface>),
}

/// The address that a host derives from its Ethernet address in a /64 (RFC 4291, appendix A).
#[must_use]
pub fn eui64(prefix: Ipv6Addr, mac: MacAddr) -> Ipv6Addr {
    let [a, b, c, d, e, f] = mac.0;
    let id = u64::from_be_bytes([a ^ 2, b, c, 0xff, 0xfe, d, e, f]);
    Ipv6Addr::from_bits(prefix.to_bits() >> 64 << 64 | u128::from(id))
}

/// The link-local address that a host derives from its Ethernet address (RFC 4862, 5.3).
#[must_use]
pub fn link_local(mac: MacAddr) -> Ipv6Addr {
    eui64(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0), mac)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn link_local_addresses_are_derived_as_rfc_4291_says() {
        // RFC 4291, appendix A: 34-56-78-9A-BC-DE gives 3656:78ff:fe9a:bcde.
        let mac = MacAddr([0x34, 0x56, 0x78, 0x9a, 0xbc, 0xde]);
        assert_eq!(link_local(mac).to_string(), "fe80::3656:78ff:fe9a:bcde");
    }
}
