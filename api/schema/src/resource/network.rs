//! The declaration of networks. Source: chapter 6 of the contract.

use super::{ADMIN_STATE_UP, NAME, Resource, Rule, STATUS, not_found};
use crate::attribute::{Attribute, Fallback, Policy};
use crate::check::Check;
use crate::problem::Fault;

/// A network: one broadcast domain of a project.
pub const NETWORK: Resource = Resource {
    name: "network",
    collection: "networks",
    uri: "networks",
    doc: "A network: one broadcast domain of a project.",
    parent: None,
    see: &[Rule::Owner, Rule::Flag("shared")],
    create: &[Rule::Owner],
    change: &[Rule::Owner],
    not_found: not_found!(NetworkNotFound),
    own: &[
        NAME,
        Attribute::new(
            "subnets",
            "-",
            Check::Any,
            Fallback::List,
            "The ids of its subnets.",
        )
        .computed(),
        ADMIN_STATE_UP,
        STATUS,
        Attribute::new(
            "shared",
            "CUF",
            Check::Bool,
            Fallback::Bool(false),
            "Whether every project may see it and have ports on it.",
        )
        .indexed()
        .set_by(Policy::Admin),
        Attribute::new(
            "router:external",
            "F",
            Check::Bool,
            Fallback::Bool(false),
            "Whether it leads outside; always false so far.",
        ),
        Attribute::new(
            "mtu",
            "CUFS",
            Check::NonNegative,
            Fallback::Number(0),
            "The largest IP packet of its ports, in bytes; 0 asks for what the underlay allows.",
        )
        .alias("net-mtu-writable"),
        Attribute::new(
            "port_security_enabled",
            "CU",
            Check::Bool,
            Fallback::Bool(true),
            "What its new ports have as their own flag.",
        )
        .alias("port-security"),
        Attribute::new(
            "provider:network_type",
            "CUF",
            Check::Text(32),
            Fallback::Unset,
            "The encapsulation between hypervisors.",
        )
        .alias("provider")
        .admin(),
        Attribute::new(
            "provider:physical_network",
            "CUF",
            Check::TextOrNull(64),
            Fallback::Null,
            "The physical network it is on; null for tunnels.",
        )
        .alias("provider")
        .admin(),
        Attribute::new(
            "provider:segmentation_id",
            "CUF",
            Check::Int,
            Fallback::Unset,
            "The id in the encapsulation's header.",
        )
        .alias("provider")
        .admin(),
    ],
};
