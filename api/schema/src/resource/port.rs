//! The declaration of ports. Source: chapter 8 of the contract.

use super::{ADMIN_STATE_UP, NAME, NETWORK_ID, Resource, Rule, STATUS, not_found};
use crate::attribute::{Attribute, Fallback, Policy};
use crate::check::Check;
use crate::problem::Fault;

/// How a guest may be attached.
const VNIC_TYPES: Check = Check::Texts(&[
    "normal",
    "direct",
    "macvtap",
    "baremetal",
    "direct-physical",
    "virtio-forwarder",
    "vdpa",
    "smart-nic",
    "remote-managed",
    "accelerator-direct",
    "accelerator-direct-physical",
]);

/// A port: where one guest is attached to a network.
pub const PORT: Resource = Resource {
    name: "port",
    collection: "ports",
    uri: "ports",
    doc: "A port: where one guest is attached to a network.",
    parent: Some("network_id"),
    see: &[Rule::Owner, Rule::ParentOwner],
    create: &[Rule::ParentSeen],
    change: &[Rule::Owner, Rule::ParentOwner],
    not_found: not_found!(PortNotFound),
    own: &[
        NAME,
        NETWORK_ID,
        ADMIN_STATE_UP,
        Attribute::new(
            "mac_address",
            "CUFS",
            Check::Mac,
            Fallback::Unset,
            "Its Ethernet address, unique on its network; chosen when not given.",
        )
        .indexed()
        .set_by(Policy::ParentOwner),
        Attribute::new(
            "fixed_ips",
            "CUF",
            Check::FixedIps,
            Fallback::Unset,
            "Its addresses; one of each IP version when not given.",
        )
        .members(&["ip_address", "subnet_id"]),
        Attribute::new(
            "device_id",
            "CUFS",
            Check::Text(255),
            Fallback::Text(""),
            "What uses it: a server's id.",
        )
        .indexed(),
        Attribute::new(
            "device_owner",
            "CUFS",
            Check::Text(255),
            Fallback::Text(""),
            "What kind of thing uses it.",
        ),
        STATUS,
        Attribute::new(
            "allowed_address_pairs",
            "CU",
            Check::AddressPairs,
            Fallback::List,
            "Further addresses that it may send from.",
        )
        .alias("allowed-address-pairs")
        .set_by(Policy::ParentOwner),
        Attribute::new(
            "port_security_enabled",
            "CU",
            Check::Bool,
            Fallback::Unset,
            "Whether it may send only from its own addresses; its network's flag when not given.",
        )
        .alias("port-security")
        .set_by(Policy::ParentOwner),
        Attribute::new(
            "binding:vif_type",
            "-",
            Check::Any,
            Fallback::Unset,
            "How the hypervisor attaches it: ovs, unbound or binding_failed.",
        )
        .alias("binding")
        .admin()
        .computed(),
        Attribute::new(
            "binding:vif_details",
            "-",
            Check::Any,
            Fallback::Unset,
            "What the hypervisor must know to attach it.",
        )
        .alias("binding")
        .admin()
        .computed(),
        Attribute::new(
            "binding:vnic_type",
            "CU",
            VNIC_TYPES,
            Fallback::Text("normal"),
            "How the guest wants to be attached.",
        )
        .alias("binding"),
        Attribute::new(
            "binding:host_id",
            "CUF",
            Check::TextOrNull(255),
            Fallback::Text(""),
            "The hypervisor that may carry it, by host name or system-id; any when empty.",
        )
        .alias("binding")
        .indexed()
        .admin(),
        Attribute::new(
            "binding:profile",
            "CU",
            Check::ObjectOrNull,
            Fallback::Object,
            "What the compute service keeps with it.",
        )
        .alias("binding")
        .admin(),
    ],
};
