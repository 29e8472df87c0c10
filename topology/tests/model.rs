//! What the model promises: where a port is, what a change touches, and the graph that goes with it.

use std::net::{IpAddr, Ipv4Addr};

use rust_openflow::{MacAddr, PortNo};
use uuid::Uuid;
use weft_topology::{
    Cell, Change, Chassis, ChassisId, DatapathKey, Element, Encap, Index, Interface, InterfaceId,
    Model, Network, NetworkId, Place, Port, PortId, PortKey, Role, Segment, TunnelKind,
    flood_chunk,
};

const NETWORK: NetworkId = NetworkId(Uuid::from_u128(1));
const PORT: PortId = PortId(Uuid::from_u128(2));

fn network() -> Change {
    let network = Network {
        key: DatapathKey::new(1).unwrap(),
        segment: Segment {
            kind: TunnelKind::Vxlan,
            id: 7,
        },
        mtu: 1450,
        relay: None,
        admin_state_up: true,
    };
    Change::Network(NETWORK, Some(network))
}

fn port(host: Option<&str>) -> Change {
    moving(host, None)
}

fn moving(host: Option<&str>, migrating_to: Option<&str>) -> Change {
    let port = Port {
        network: NETWORK,
        key: PortKey::new(9).unwrap(),
        role: Role::Guest,
        mac: MacAddr([2, 0, 0, 0, 0, 1]),
        fixed_ips: Vec::new(),
        admin_state_up: true,
        port_security: true,
        allowed_address_pairs: Vec::new(),
        host: host.map(str::to_owned),
        migrating_to: migrating_to.map(str::to_owned),
    };
    Change::Port(PORT, Some(port))
}

fn chassis(n: u8) -> Change {
    let chassis = Chassis {
        hostname: format!("host{n}"),
        datapath: None,
        encaps: vec![Encap {
            kind: TunnelKind::Vxlan,
            ip: IpAddr::V4(Ipv4Addr::new(192, 0, 2, n)),
        }],
    };
    Change::Chassis(id(n), Some(chassis))
}

fn id(n: u8) -> ChassisId {
    ChassisId::from(format!("hv{n}").as_str())
}

fn interface(n: u8, appeared: Option<u64>) -> Change {
    let interface = appeared.map(|appeared| Interface {
        port: PORT,
        ofport: PortNo(5),
        appeared,
    });
    Change::Interface(
        InterfaceId {
            chassis: id(n),
            name: "tap0".into(),
        },
        interface,
    )
}

fn places(model: &Model) -> Vec<String> {
    let locations = model.locations(PORT).iter();
    locations
        .map(|location| location.interface.chassis.to_string())
        .collect()
}

#[test]
fn a_port_is_where_it_appeared_last_and_where_it_was_before_until_that_is_gone() {
    let mut model = Model::new();
    let local = |model: &Model, n| {
        let mut ports = model.elements(&Index::LocalPorts(id(n)));
        ports.any(|element| *element == Element::Port(PORT))
    };
    model.apply([
        network(),
        port(None),
        chassis(1),
        chassis(2),
        chassis(3),
        interface(1, Some(4)),
    ]);
    assert_eq!(places(&model), ["hv1"]);
    model.apply([interface(2, Some(6))]);
    assert_eq!(places(&model), ["hv2", "hv1"]);
    assert!(local(&model, 1) && local(&model, 2));
    // A third one ends the first: two are enough to move.
    model.apply([interface(3, Some(7))]);
    assert_eq!(places(&model), ["hv3", "hv2"]);
    assert!(!local(&model, 1) && local(&model, 3));
    model.apply([interface(2, None)]);
    assert_eq!(places(&model), ["hv3", "hv1"]);
    model.apply([interface(1, None)]);
    assert_eq!(places(&model), ["hv3"]);
    assert!(!local(&model, 1) && !local(&model, 2));
    model.apply([Change::Chassis(id(3), None)]);
    assert!(places(&model).is_empty());
}

#[test]
fn on_one_hypervisor_the_latest_of_its_interfaces_counts() {
    let mut model = Model::new();
    let second = |appeared| {
        let Change::Interface(first, interface) = interface(1, Some(appeared)) else {
            unreachable!()
        };
        let interface = interface.map(|interface| Interface {
            ofport: PortNo(6),
            ..interface
        });
        let name = "tap1".into();
        Change::Interface(InterfaceId { name, ..first }, interface)
    };
    model.apply([network(), port(None), chassis(1), chassis(2)]);
    model.apply([interface(1, Some(4)), second(5), interface(2, Some(3))]);
    assert_eq!(places(&model), ["hv1", "hv2"]);
    let on_one = |model: &Model| model.location_on(PORT, &id(1)).map(|at| at.ofport);
    assert_eq!(on_one(&model), Some(PortNo(6)));
    model.apply([second(2)]);
    assert_eq!(on_one(&model), Some(PortNo(5)));
    assert_eq!(model.location_on(PORT, &id(9)), None);
}

#[test]
fn a_port_is_only_where_the_api_allows() {
    let mut model = Model::new();
    model.apply([network(), port(None), chassis(1), chassis(2), chassis(3)]);
    model.apply((1..=3).map(|n| interface(n, Some(n.into()))));
    // By host name, and by system-id.
    model.apply([port(Some("host1"))]);
    assert_eq!(places(&model), ["hv1"]);
    model.apply([moving(Some("host1"), Some("hv2"))]);
    assert_eq!(places(&model), ["hv2", "hv1"]);
    model.apply([moving(Some("hv2"), Some("host2"))]);
    assert_eq!(places(&model), ["hv2"]);
    // A host that nobody knows may carry it, and nobody else.
    model.apply([port(Some("host9"))]);
    assert!(places(&model).is_empty());
    // Where any may, one more is nothing new.
    model.apply([moving(None, Some("hv1"))]);
    assert_eq!(places(&model), ["hv3", "hv2"]);
}

#[test]
fn effects_are_net() {
    let mut model = Model::new();
    model.apply([network(), port(None), chassis(1), interface(1, Some(4))]);
    // It goes and comes again: the indexes are as they were.
    let effects = model.apply([interface(1, None), interface(1, Some(4))]);
    assert_eq!(effects.deltas, []);
    // The same once more changes nothing that can be read.
    assert_eq!(
        model.apply([network(), chassis(1)]).cells.len(),
        1,
        "only the place that was decided again"
    );
    let effects = model.apply([interface(1, None)]);
    let indexes: Vec<&Index> = effects.deltas.iter().map(|delta| &delta.index).collect();
    assert!(
        indexes.contains(&&Index::LocalPorts(id(1)))
            && indexes.contains(&&Index::LocalNetworks(id(1)))
    );
    assert!(effects.deltas.iter().all(|delta| !delta.present));
    assert!(effects.cells.contains(&Cell::Location(PORT)));
    assert!(
        model
            .elements(&Index::Chassis)
            .eq([&Element::Chassis(id(1))])
    );
}

#[test]
fn the_graph_has_what_there_is_and_forgets_what_goes() {
    let mut model = Model::new();
    let other = PortId(Uuid::from_u128(3));
    let Change::Port(_, second) = port(None) else {
        unreachable!()
    };
    let second = second.map(|port| Port {
        key: PortKey::new(10).unwrap(),
        ..port
    });
    model.apply([
        network(),
        port(None),
        Change::Port(other, second),
        chassis(1),
        chassis(2),
        interface(1, Some(1)),
    ]);
    assert_eq!(model.physical().tunnels().len(), 0);
    let on_two = Interface {
        port: other,
        ofport: PortNo(1),
        appeared: 1,
    };
    model.apply([Change::Interface(
        InterfaceId {
            chassis: id(2),
            name: "tap1".into(),
        },
        Some(on_two),
    )]);
    let tunnels = model.physical().tunnels();
    assert_eq!(tunnels[&(&id(1), &id(2))], [NETWORK]);
    let around = model.physical().neighbours(&Place::Bridge(id(1)));
    let expected = [
        Place::Hypervisor(id(1)),
        Place::Port(PORT),
        Place::Mesh(NETWORK),
    ];
    assert!(around.into_iter().eq(&expected));
    model.apply([
        interface(1, None),
        Change::Chassis(id(1), None),
        Change::Chassis(id(2), None),
    ]);
    assert_eq!(model.physical().graph().node_count(), 0);
}

#[test]
fn a_key_that_went_to_another_port_stays_with_it_when_the_first_one_goes() {
    let other = PortId(Uuid::from_u128(3));
    let key = PortKey::new(9).unwrap();
    let Change::Port(_, heir) = port(None) else {
        unreachable!("a port is a port");
    };
    let mut model = Model::new();
    model.apply([network(), port(None)]);
    model.apply([Change::Port(other, heir), Change::Port(PORT, None)]);
    assert_eq!(model.port_of_key(key), Some(other));
}

#[test]
fn hypervisors_spread_evenly_over_the_chunks_of_flood_lists_however_they_are_named() {
    let names: [fn(u32) -> String; 4] = [
        |number| format!("compute-{number}"),
        |number| format!("hv{number:05}"),
        |number| format!("node{number}.example.org"),
        |number| Uuid::from_u64_pair(u64::from(number), 7).to_string(),
    ];
    for name in names {
        let mut chunks = [0; 64];
        for number in 0..2_000 {
            chunks[usize::from(flood_chunk(&ChassisId::from(name(number).as_str())))] += 1;
        }
        // Thirty-one each, give or take what chance does.
        let even = chunks.iter().all(|count| (8..70).contains(count));
        assert!(even, "{}: {chunks:?}", name(0));
    }
}
