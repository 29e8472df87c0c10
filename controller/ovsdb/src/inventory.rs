//! What a hypervisor says of itself, read from the replica of its database.
//!
//! Values are handed on as the hypervisor wrote them, apart from those whose form this crate
//! must know. What follows from them (bindings, claims) is decided elsewhere.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};

use uuid::Uuid;

use crate::mirror::Mirror;
use crate::tables::{
    ATTACHED_MAC, ENCAP_IP, ENCAP_TYPE, GENERATION, HOSTNAME, IFACE_ID, SYSTEM_ID,
};
use crate::value::{Datum, Row};

/// The kinds of tunnel that Weft makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TunnelKind {
    /// VXLAN (RFC 7348).
    Vxlan,
    /// Geneve (RFC 8926).
    Geneve,
    /// GRE with a key (RFC 2890).
    Gre,
}

impl TunnelKind {
    /// Every kind, with the name `Interface.type` and `iface_types` have for it.
    pub const NAMES: [(Self, &'static str); 3] = [
        (Self::Vxlan, "vxlan"),
        (Self::Geneve, "geneve"),
        (Self::Gre, "gre"),
    ];

    /// The name in `Interface.type`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Vxlan => Self::NAMES[0].1,
            Self::Geneve => Self::NAMES[1].1,
            Self::Gre => Self::NAMES[2].1,
        }
    }

    /// The kind of this name.
    pub fn by_name(name: &str) -> Option<Self> {
        Self::NAMES
            .iter()
            .find(|(_, text)| *text == name)
            .map(|(kind, _)| *kind)
    }
}

/// How many tunnel addresses of a hypervisor are used.
const MAX_ADDRESSES: usize = 8;

/// How many things that a hypervisor names and cannot be used are told, and how much of each, in
/// characters.
const MAX_REJECTED: usize = 8;
const MAX_REJECTED_TEXT: usize = 64;

/// Who a hypervisor is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// `external_ids:system-id`; a hypervisor without one cannot be told from others.
    pub system_id: Option<String>,
    /// `external_ids:hostname`.
    pub hostname: Option<String>,
    /// The version of Open vSwitch.
    pub ovs_version: Option<String>,
}

/// Reads who the hypervisor is; empty values count as absent.
pub fn identity(mirror: &Mirror) -> Identity {
    let root = root(mirror);
    let key = |key| owned(root.get("external_ids").get(key));
    Identity {
        system_id: key(SYSTEM_ID),
        hostname: key(HOSTNAME),
        ovs_version: owned(root.get("ovs_version").as_str()),
    }
}

/// How a hypervisor can be reached by tunnels.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Encapsulation {
    /// The addresses it names, each once and few; when none, the address of its session is meant.
    pub addresses: Vec<IpAddr>,
    /// The kinds it can and wants to do, each once.
    pub kinds: Vec<TunnelKind>,
    /// What it names and cannot be used: no address of a host, too many of them, no known kind, or a
    /// kind that its own `iface_types` do not have. The beginnings of the first of them.
    pub rejected: Vec<String>,
}

impl Encapsulation {
    fn reject(&mut self, text: &str) {
        if self.rejected.len() < MAX_REJECTED {
            self.rejected
                .push(text.chars().take(MAX_REJECTED_TEXT).collect());
        }
    }
}

/// An address that a host can have.
fn host_address(text: &str) -> Option<IpAddr> {
    let address: IpAddr = text.parse().ok()?;
    let of_nobody = address.is_unspecified()
        || address.is_multicast()
        || address == IpAddr::V4(Ipv4Addr::BROADCAST);
    (!of_nobody).then(|| address.to_canonical())
}

/// Reads `weft-encap-ip` and `weft-encap-type`; without the latter every kind that
/// `iface_types` has.
pub fn encapsulation(mirror: &Mirror) -> Encapsulation {
    let root = root(mirror);
    let ids = root.get("external_ids");
    let mut found = Encapsulation::default();
    for text in list(ids, ENCAP_IP) {
        match host_address(text) {
            Some(address) if found.addresses.contains(&address) => {}
            Some(address) if found.addresses.len() < MAX_ADDRESSES => found.addresses.push(address),
            _ => found.reject(text),
        }
    }
    let supported = |kind: TunnelKind| {
        root.get("iface_types")
            .strings()
            .any(|name| name == kind.name())
    };
    if ids.get(ENCAP_TYPE).is_none() {
        found.kinds = TunnelKind::NAMES
            .iter()
            .map(|(kind, _)| *kind)
            .filter(|kind| supported(*kind))
            .collect();
        return found;
    }
    for text in list(ids, ENCAP_TYPE) {
        match TunnelKind::by_name(text).filter(|kind| supported(*kind)) {
            Some(kind) if found.kinds.contains(&kind) => {}
            Some(kind) => found.kinds.push(kind),
            None => found.reject(text),
        }
    }
    found
}

/// One interface of a bridge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PluggedInterface {
    /// Its row.
    pub row: Uuid,
    /// Its name.
    pub name: String,
    /// The name of the port it belongs to; another name only in a bond.
    pub port: String,
    /// `Interface.type`; empty for a device of the system.
    pub kind: String,
    /// `external_ids:iface-id`.
    pub iface_id: Option<String>,
    /// `external_ids:attached-mac`.
    pub attached_mac: Option<String>,
    /// Its OpenFlow port number; absent while there is none, and when it failed.
    pub ofport: Option<u32>,
    /// The VLAN tag of its port.
    pub tag: Option<u16>,
    /// Whether it is enabled; absent when that is not known.
    pub admin_up: Option<bool>,
    /// Whether it has carrier; absent when that is not known.
    pub link_up: Option<bool>,
    /// Why it could not be configured, in the switch's words.
    pub error: Option<String>,
    /// Its own MAC address.
    pub mac_in_use: Option<String>,
    /// Its MTU in bytes.
    pub mtu: Option<u32>,
}

/// The interfaces of the bridge of this name, each once; none when there is no such bridge.
pub fn interfaces(mirror: &Mirror, bridge: &str) -> Vec<PluggedInterface> {
    let bridge = mirror.bridge(bridge).map_or(Row::empty(), |(_, row)| row);
    let mut seen = BTreeSet::new();
    let mut found = Vec::new();
    for (_, port) in mirror.referred(bridge, "ports", "Port") {
        for (id, row) in mirror.referred(port, "interfaces", "Interface") {
            if seen.insert(id) {
                found.push(interface(port, id, row));
            }
        }
    }
    found
}

fn interface(port: &Row, id: Uuid, row: &Row) -> PluggedInterface {
    let text = |column| owned(row.get(column).as_str());
    let up = |column| row.get(column).as_str().map(|state| state == "up");
    let ids = row.get("external_ids");
    PluggedInterface {
        row: id,
        name: row.str("name").to_owned(),
        port: port.str("name").to_owned(),
        kind: row.str("type").to_owned(),
        iface_id: owned(ids.get(IFACE_ID)),
        attached_mac: owned(ids.get(ATTACHED_MAC)),
        // -1 stands for a failure.
        ofport: row
            .get("ofport")
            .as_integer()
            .and_then(|number| u32::try_from(number).ok()),
        tag: port
            .get("tag")
            .as_integer()
            .and_then(|tag| u16::try_from(tag).ok()),
        admin_up: up("admin_state"),
        link_up: up("link_state"),
        error: text("error"),
        mac_in_use: text("mac_in_use"),
        mtu: row
            .get("mtu")
            .as_integer()
            .and_then(|mtu| u32::try_from(mtu).ok()),
    }
}

/// The kinds of interfaces that the hypervisor can make (`Open_vSwitch.iface_types`), in order.
pub fn interface_types(mirror: &Mirror) -> Vec<String> {
    let kinds = root(mirror).get("iface_types");
    let mut kinds: Vec<String> = kinds.strings().map(str::to_owned).collect();
    kinds.sort_unstable();
    kinds
}

/// The datapath id of the bridge of this name: what its OpenFlow connections will say in
/// their features. Absent until the switch made the bridge.
pub fn datapath_id(mirror: &Mirror, bridge: &str) -> Option<u64> {
    let (_, row) = mirror.bridge(bridge)?;
    u64::from_str_radix(row.get("datapath_id").as_str()?, 16).ok()
}

/// What the datapath of this type can do, as the switch says; empty until it said so.
pub fn capabilities<'a>(mirror: &'a Mirror, datapath_type: &str) -> BTreeMap<&'a str, &'a str> {
    let row = root(mirror).get("datapaths").value(&datapath_type.into());
    let row = row
        .and_then(|atom| mirror.row("Datapath", atom.as_uuid()?))
        .unwrap_or(Row::empty());
    let pairs = row.get("capabilities").pairs().iter();
    pairs
        .filter_map(|(key, value)| Some((key.as_str()?, value.as_str()?)))
        .collect()
}

/// Whether the switch has put into effect everything that was written for it.
pub fn is_applied(mirror: &Mirror) -> bool {
    let root = root(mirror);
    root.get("cur_cfg").as_integer() >= root.get("next_cfg").as_integer()
}

/// The generation of the member that configured the hypervisor last. One that is no number
/// was not written by Weft and counts as absent.
pub fn generation(mirror: &Mirror) -> Option<u64> {
    root(mirror)
        .get("external_ids")
        .get(GENERATION)?
        .parse()
        .ok()
}

fn root(mirror: &Mirror) -> &Row {
    mirror.root().map_or(Row::empty(), |(_, row)| row)
}

fn owned(text: Option<&str>) -> Option<String> {
    text.filter(|text| !text.is_empty()).map(str::to_owned)
}

fn list<'a>(ids: &'a Datum, key: &str) -> impl Iterator<Item = &'a str> {
    let text = ids.get(key).unwrap_or_default();
    text.split(',')
        .map(str::trim)
        .filter(|item| !item.is_empty())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::mirror::{MAX_CONTENT, Notation};
    use crate::tables;

    fn id(number: u128) -> String {
        Uuid::from_u128(number).to_string()
    }

    fn mirror(updates: &Value) -> Mirror {
        let mut mirror = Mirror::new(&tables::schema(), MAX_CONTENT);
        mirror.apply(Notation::Difference, updates).unwrap();
        mirror
    }

    fn with_ids(pairs: Value) -> Mirror {
        mirror(&json!({"Open_vSwitch": {id(1): {"initial": {
            "external_ids": ["map", pairs], "iface_types": ["set", ["vxlan", "gre", "internal"]]}}}}))
    }

    #[test]
    fn an_empty_database_says_nothing() {
        let mirror = mirror(&json!({}));
        assert_eq!(identity(&mirror), Identity::default());
        assert_eq!(encapsulation(&mirror), Encapsulation::default());
        assert!(interfaces(&mirror, "br-int").is_empty());
        assert_eq!(
            (generation(&mirror), datapath_id(&mirror, "br-int")),
            (None, None)
        );
    }

    #[test]
    fn interface_types_are_listed_in_order() {
        assert_eq!(
            interface_types(&with_ids(json!([]))),
            ["gre", "internal", "vxlan"]
        );
        assert!(interface_types(&mirror(&json!({}))).is_empty());
    }

    #[test]
    fn identity_is_read_from_external_ids() {
        let mirror = with_ids(json!([["system-id", "hv1"], ["hostname", ""]]));
        let identity = identity(&mirror);
        assert_eq!(
            (identity.system_id.as_deref(), identity.hostname),
            (Some("hv1"), None)
        );
    }

    #[test]
    fn without_a_list_all_supported_kinds_of_tunnel_are_meant() {
        let found = encapsulation(&with_ids(json!([["weft-encap-ip", "10.0.0.1, fd00::1"]])));
        assert_eq!(
            found.addresses,
            [
                "10.0.0.1".parse::<IpAddr>().unwrap(),
                "fd00::1".parse().unwrap()
            ]
        );
        assert_eq!(found.kinds, [TunnelKind::Vxlan, TunnelKind::Gre]);
        assert!(found.rejected.is_empty());
    }

    #[test]
    fn what_a_hypervisor_names_and_cannot_do_is_told() {
        let found = encapsulation(&with_ids(json!([
            ["weft-encap-ip", "10.0.0"],
            ["weft-encap-type", "gre,geneve"]
        ])));
        assert_eq!(
            (found.addresses.len(), found.kinds),
            (0, vec![TunnelKind::Gre])
        );
        assert_eq!(found.rejected, ["10.0.0", "geneve"]);
    }

    #[test]
    fn what_a_hypervisor_names_twice_counts_once_and_more_than_is_sensible_not_at_all() {
        let many: Vec<String> = (1..=200).map(|n| format!("192.0.2.{n}")).collect();
        let addresses = format!(
            "192.0.2.1,::ffff:192.0.2.1,0.0.0.0,ff02::1,{}",
            many.join(",")
        );
        let found = encapsulation(&with_ids(json!([
            ["weft-encap-ip", addresses],
            [
                "weft-encap-type",
                format!("gre,gre,vxlan,gre,{}", "x".repeat(5000))
            ]
        ])));
        assert_eq!(found.kinds, [TunnelKind::Gre, TunnelKind::Vxlan]);
        let numbers: Vec<String> = found.addresses.iter().map(IpAddr::to_string).collect();
        assert_eq!(numbers, many[..MAX_ADDRESSES]);
        assert_eq!(found.rejected.len(), MAX_REJECTED);
        assert_eq!(found.rejected[..2], ["0.0.0.0", "ff02::1"]);
        let long = encapsulation(&with_ids(json!([["weft-encap-type", "x".repeat(5000)]])));
        assert_eq!(long.rejected, ["x".repeat(MAX_REJECTED_TEXT)]);
    }

    #[test]
    fn interfaces_are_those_of_the_bridges_ports() {
        let mirror = mirror(&json!({
            "Bridge": {id(1): {"initial": {"name": "br-int", "ports": ["uuid", id(2)], "datapath_id": "00000000000000ff"}}},
            "Port": {id(2): {"initial": {"name": "tap1", "interfaces": ["uuid", id(3)], "tag": 7}},
                id(4): {"initial": {"name": "other", "interfaces": ["uuid", id(5)]}}},
            "Interface": {
                id(3): {"initial": {"name": "tap1", "ofport": 4, "mtu": 1450, "admin_state": "up", "link_state": "down",
                    "external_ids": ["map", [["iface-id", "p1"], ["attached-mac", "02:00:00:00:00:01"]]]}},
                id(5): {"initial": {"name": "other"}}},
        }));
        let [found] = &interfaces(&mirror, "br-int")[..] else {
            panic!()
        };
        assert_eq!(
            (
                found.iface_id.as_deref(),
                found.ofport,
                found.tag,
                found.mtu
            ),
            (Some("p1"), Some(4), Some(7), Some(1450))
        );
        assert_eq!((found.admin_up, found.link_up), (Some(true), Some(false)));
        assert_eq!(datapath_id(&mirror, "br-int"), Some(255));
    }

    #[test]
    fn a_failed_interface_has_no_number_and_the_switches_words() {
        let mirror = mirror(&json!({
            "Bridge": {id(1): {"initial": {"name": "br-int", "ports": ["uuid", id(2)]}}},
            "Port": {id(2): {"initial": {"name": "t", "interfaces": ["uuid", id(3)]}}},
            "Interface": {id(3): {"initial": {"name": "t", "ofport": -1, "error": "File exists"}}},
        }));
        let found = &interfaces(&mirror, "br-int")[0];
        assert_eq!(
            (found.ofport, found.error.as_deref()),
            (None, Some("File exists"))
        );
    }

    #[test]
    fn capabilities_are_those_of_the_datapath_type() {
        let mirror = mirror(&json!({
            "Open_vSwitch": {id(1): {"initial": {"datapaths": ["map", [["netdev", ["uuid", id(2)]]]]}}},
            "Datapath": {id(2): {"initial": {"capabilities": ["map", [["check_pkt_len", "true"]]]}}},
        }));
        assert_eq!(
            capabilities(&mirror, "netdev").get("check_pkt_len"),
            Some(&"true")
        );
        assert!(capabilities(&mirror, "system").is_empty());
    }
}
