//! Numbers of protocols that flows match (IANA registries: ethertypes, protocol numbers, ICMPv6
//! types, service names and ports).

/// Ethertype of IPv4.
pub(crate) const IPV4: u16 = 0x0800;
/// Ethertype of ARP.
pub(crate) const ARP: u16 = 0x0806;
/// Ethertype of IPv6.
pub(crate) const IPV6: u16 = 0x86dd;

/// The bit of `vlan_vid` that says that there is a tag (OpenFlow 1.5.1, 7.2.3.8).
pub(crate) const TAGGED: u16 = 0x1000;

/// Protocol number of UDP.
pub(crate) const UDP: u8 = 17;
/// Protocol number of ICMPv6.
pub(crate) const ICMPV6: u8 = 58;

/// The hop limit of neighbour discovery, which nobody takes with another one (RFC 4861, 11.2).
pub(crate) const ON_LINK: u8 = 255;

/// ICMPv6 type of router solicitations (RFC 4861).
pub(crate) const ROUTER_SOLICITATION: u8 = 133;
/// ICMPv6 type of router advertisements (RFC 4861).
pub(crate) const ROUTER_ADVERTISEMENT: u8 = 134;
/// ICMPv6 type of neighbour solicitations (RFC 4861).
pub(crate) const NEIGHBOUR_SOLICITATION: u8 = 135;
/// ICMPv6 type of neighbour advertisements (RFC 4861).
pub(crate) const NEIGHBOUR_ADVERTISEMENT: u8 = 136;
/// ICMPv6 type of redirects (RFC 4861).
pub(crate) const REDIRECT: u8 = 137;
/// ICMPv6 types of multicast listener reports (RFC 2710, RFC 3810).
pub(crate) const LISTENER_REPORTS: [u8; 2] = [131, 143];

/// UDP port of DHCP servers.
pub(crate) const DHCP_SERVER: u16 = 67;
/// UDP port of DHCP clients.
pub(crate) const DHCP_CLIENT: u16 = 68;
/// UDP port of DHCPv6 servers.
pub(crate) const DHCPV6_SERVER: u16 = 547;
