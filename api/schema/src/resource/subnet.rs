//! The declaration of subnets. Source: chapter 7 of the contract.

use super::{NAME, NETWORK_ID, Resource, Rule, not_found};
use crate::attribute::{Attribute, Fallback};
use crate::check::Check;
use crate::problem::Fault;

/// How an IPv6 subnet is announced, and how its ports get addresses.
const IPV6_MODES: Check = Check::Texts(&["dhcpv6-stateful", "dhcpv6-stateless", "slaac"]);

/// A subnet: a range of addresses on a network.
pub const SUBNET: Resource = Resource {
    name: "subnet",
    collection: "subnets",
    uri: "subnets",
    doc: "A subnet: a range of addresses on a network, and what its hosts are told.",
    parent: Some("network_id"),
    see: &[Rule::Owner, Rule::ParentSeen],
    create: &[Rule::ParentOwner],
    change: &[Rule::Owner, Rule::ParentOwner],
    not_found: not_found!(SubnetNotFound),
    own: &[
        NAME,
        Attribute::new(
            "ip_version",
            "CFS",
            Check::Numbers(&[4, 6]),
            Fallback::Required,
            "4 or 6.",
        ),
        NETWORK_ID,
        Attribute::new(
            "cidr",
            "CFS",
            Check::Cidr,
            Fallback::Required,
            "Its range of addresses.",
        ),
        Attribute::new(
            "gateway_ip",
            "CUFS",
            Check::IpOrNull,
            Fallback::Unset,
            "The default gateway; the first address when not given, none when null.",
        ),
        Attribute::new(
            "allocation_pools",
            "CU",
            Check::Pools,
            Fallback::Unset,
            "The ranges that addresses are given out from; all but the gateway when not given.",
        ),
        Attribute::new(
            "dns_nameservers",
            "CU",
            Check::Nameservers,
            Fallback::List,
            "Resolvers for its hosts, in order of preference.",
        ),
        Attribute::new(
            "host_routes",
            "CU",
            Check::HostRoutes,
            Fallback::List,
            "Static routes for its hosts.",
        ),
        Attribute::new(
            "enable_dhcp",
            "CUFS",
            Check::Bool,
            Fallback::Bool(true),
            "Whether Weft tells hosts their addresses.",
        ),
        Attribute::new(
            "ipv6_ra_mode",
            "CFS",
            IPV6_MODES,
            Fallback::Unset,
            "What router advertisements say of an IPv6 subnet.",
        ),
        Attribute::new(
            "ipv6_address_mode",
            "CFS",
            IPV6_MODES,
            Fallback::Unset,
            "How hosts of an IPv6 subnet get their addresses.",
        ),
    ],
};
