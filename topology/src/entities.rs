//! What there is: networks, subnets and ports as tenants declared them; hypervisors and their
//! interfaces as they were observed. Plain data; how it hangs together is in [`crate::model`].

use std::net::IpAddr;

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
    /// When it first appeared: the revision of the log that recorded it. Among several interfaces
    /// that say to be one port, the latest appearance wins.
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
