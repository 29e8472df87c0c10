//! From rows to the network as the compiler sees it.

use std::sync::Arc;

use serde_json::{Value, json};
use weft_engine::{Config, topology};
use weft_schema::{Actor, LogEntry, RowChange, RowKey};
use weft_topology::{Change, Role, TunnelKind};

use crate::runner::{World, body, request};

fn entry(kind: &str, id: &str, after: Value) -> LogEntry {
    LogEntry {
        revision: 1,
        time_us: 0,
        actor: Actor::default(),
        rows: vec![RowChange {
            key: RowKey {
                kind: kind.into(),
                id: id.into(),
            },
            before: None,
            after: after.as_object().map(|body| Arc::new(body.clone())),
        }],
        claims: vec![],
    }
}

fn only(entry: &LogEntry) -> Result<Change, String> {
    let mut changes = topology::changes(entry);
    assert_eq!(changes.len(), 1);
    changes.remove(0).map_err(|error| error.to_string())
}

#[test]
fn everything_that_the_api_made_has_its_place_in_the_topology() {
    let mut world = World::new(Config::default());
    let network = json!({"provider:network_type": "geneve", "provider:segmentation_id": 5});
    let (_, network) = world.call(
        "admin",
        &request("POST", "/networks", body("network", network)),
    );
    let network = &network["network"]["id"];
    let subnet = json!({"network_id": network, "ip_version": 4, "cidr": "10.0.0.0/24",
        "dns_nameservers": ["9.9.9.9"],
        "host_routes": [{"destination": "10.9.0.0/16", "nexthop": "10.0.0.7"}]});
    world.call(
        "admin",
        &request("POST", "/subnets", body("subnet", subnet)),
    );
    let port = json!({"network_id": network, "mac_address": "fa:16:3e:00:00:01",
        "fixed_ips": [{"ip_address": "10.0.0.9"}], "binding:host_id": "hv1",
        "binding:profile": {"migrating_to": "hv2"},
        "allowed_address_pairs": [{"ip_address": "10.0.0.64/26"}, {"ip_address": "10.0.0.9"}]});
    world.call("admin", &request("POST", "/ports", body("port", port)));

    let changes = world.store.read(topology::everything);
    let changes: Vec<Change> = changes.into_iter().map(Result::unwrap).collect();
    let [
        Change::Network(id, Some(network)),
        Change::Subnet(subnet_id, Some(subnet)),
        Change::Port(_, Some(one)),
        Change::Port(_, Some(two)),
    ] = changes.as_slice()
    else {
        panic!("{changes:?}");
    };
    assert_eq!(
        (network.segment.kind, network.segment.id),
        (TunnelKind::Geneve, 5)
    );
    assert_eq!((network.mtu, network.admin_state_up), (1450, true));
    assert_eq!(subnet.network, *id);
    assert_eq!(subnet.gateway, Some("10.0.0.1".parse().unwrap()));
    assert_eq!(
        subnet.dns_nameservers,
        ["9.9.9.9".parse::<std::net::IpAddr>().unwrap()]
    );
    assert_eq!(
        subnet.host_routes[0].nexthop,
        "10.0.0.7".parse::<std::net::IpAddr>().unwrap()
    );
    let (services, guest) = match one.role {
        Role::Services => (one, two),
        Role::Guest => (two, one),
    };
    assert_eq!(
        (services.role, services.host.as_deref()),
        (Role::Services, None)
    );
    assert_eq!(
        (guest.role, guest.host.as_deref()),
        (Role::Guest, Some("hv1"))
    );
    assert_eq!(guest.migrating_to.as_deref(), Some("hv2"));
    assert_eq!(services.migrating_to, None);
    assert_ne!(services.key, guest.key);
    assert_eq!(guest.mac.to_string(), "fa:16:3e:00:00:01");
    assert_eq!(guest.fixed_ips[0].subnet, *subnet_id);
    assert_eq!(
        guest.fixed_ips[0].ip,
        "10.0.0.9".parse::<std::net::IpAddr>().unwrap()
    );
    assert!(guest.port_security && guest.admin_state_up);
    let pairs: Vec<String> = guest
        .allowed_address_pairs
        .iter()
        .map(|pair| format!("{} {}", pair.net, pair.mac))
        .collect();
    assert_eq!(
        pairs,
        [
            "10.0.0.64/26 fa:16:3e:00:00:01",
            "10.0.0.9/32 fa:16:3e:00:00:01"
        ]
    );
}

#[test]
fn observations_become_hypervisors_and_interfaces() {
    let chassis = json!({"hostname": "hv1", "datapath_id": "00000000000000ab",
        "encaps": [{"kind": "vxlan", "ip": "192.0.2.1"}, {"kind": "unheard-of", "ip": "192.0.2.1"}]});
    let Ok(Change::Chassis(id, Some(chassis))) = only(&entry("chassis", "sys/1", chassis)) else {
        panic!("no hypervisor");
    };
    assert_eq!(
        (id.to_string(), chassis.hostname.as_str()),
        ("sys/1".to_owned(), "hv1")
    );
    assert_eq!(chassis.datapath.unwrap().0, 0xab);
    assert_eq!(
        chassis.encap(TunnelKind::Vxlan),
        Some("192.0.2.1".parse().unwrap())
    );
    assert_eq!(chassis.encaps.len(), 1);

    let port = "6b0f1a3e-9c57-4d0e-8e0b-0d7f8d1f3b11";
    let mut interface = json!({"chassis": "sys/1", "name": "tap0", "port_id": port,
        "ofport": 5, "appeared": 9});
    let Ok(Change::Interface(id, Some(plugged))) =
        only(&entry("interface", "sys/1/tap0", interface.clone()))
    else {
        panic!("no interface");
    };
    assert_eq!(
        (id.chassis.to_string(), &*id.name),
        ("sys/1".to_owned(), "tap0")
    );
    assert_eq!((plugged.ofport.0, plugged.appeared), (5, 9));
    assert_eq!(plugged.port.to_string(), port);
    interface["ofport"] = Value::Null;
    let unplugged = only(&entry("interface", "sys/1/tap0", interface));
    assert!(
        matches!(unplugged, Ok(Change::Interface(_, None))),
        "{unplugged:?}"
    );
    let gone = only(&entry("interface", "sys/1/tap0", Value::Null));
    assert!(matches!(gone, Ok(Change::Interface(_, None))), "{gone:?}");
}

#[test]
fn a_row_that_cannot_be_read_is_an_error_that_names_it() {
    let id = "6b0f1a3e-9c57-4d0e-8e0b-0d7f8d1f3b11";
    let rows = [
        ("network", "nonsense", json!({}), "network 'nonsense': "),
        (
            "network",
            id,
            json!({}),
            "'provider:network_type' is missing",
        ),
        (
            "subnet",
            id,
            json!({"network_id": 7}),
            "'network_id' cannot be 7",
        ),
        (
            "port",
            id,
            json!({"binding:host_id": []}),
            "'binding:host_id' cannot be []",
        ),
        ("chassis", "c", json!({}), "missing field `hostname`"),
        (
            "chassis",
            "c",
            json!({"hostname": "h", "datapath_id": "xyz"}),
            "'xyz' is not",
        ),
        (
            "interface",
            "i",
            json!({"chassis": "c"}),
            "missing field `name`",
        ),
    ];
    for (kind, id, row, expected) in rows {
        let error = only(&entry(kind, id, row)).unwrap_err();
        assert!(error.starts_with(&format!("{kind} '{id}'")), "{error}");
        assert!(error.contains(expected), "{error}");
    }
    assert!(topology::changes(&entry("quota", "q", json!({}))).is_empty());
}
