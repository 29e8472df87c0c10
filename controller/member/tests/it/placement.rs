//! Where ports are: plugged, unplugged, in two places, bound to a host, restarted.

use serde_json::json;
use weft_ovsdb::transaction::Transaction;
use weft_ovsdb::{Atom, Datum, Row};

use crate::arrival::cloud;
use crate::world::World;

/// The hypervisor whose switch takes packets for a port from a local interface.
fn carriers(world: &World, port: &str) -> Vec<usize> {
    let port = port.parse().unwrap();
    let model = world.member.compiler().model();
    let location = model.location(port);
    let name = location.map(|location| location.interface.chassis.clone());
    let hosts = world.hosts.iter().enumerate();
    hosts
        .filter(|(_, host)| Some(host.chassis()) == name)
        .map(|(at, _)| at)
        .collect()
}

#[test]
fn a_port_that_is_unplugged_is_down_and_its_flows_are_gone() {
    for seed in 0..8 {
        let mut world = World::with_hosts(seed, 2);
        let network = world.network("10.0.0.0/24");
        let port = world.port(&network);
        let bare = [world.table(0), world.table(1)];
        world.plug(0, "tap0", &port);
        world.settle();
        assert_ne!(world.table(0), bare[0]);
        world.unplug(0, "tap0");
        world.settle();
        assert_eq!(
            (world.status(&port), world.interfaces()),
            ("DOWN".to_owned(), vec![])
        );
        assert_eq!([world.table(0), world.table(1)], bare);
        world.check();
    }
}

#[test]
fn the_later_of_two_appearances_carries_the_port() {
    for seed in 0..8 {
        let mut world = World::with_hosts(seed, 3);
        let network = world.network("10.0.0.0/24");
        let [port, other] = [world.port(&network), world.port(&network)];
        world.plug(2, "tap1", &other);
        world.plug(0, "tap0", &port);
        world.settle();
        assert_eq!(carriers(&world, &port), [0]);
        world.plug(1, "tap0", &port);
        world.settle();
        assert_eq!(carriers(&world, &port), [1]);
        world.check();
        assert_eq!(world.status(&port), "ACTIVE");
        let ready: Vec<_> = world
            .interfaces()
            .into_iter()
            .map(|row| (row.chassis, row.ready))
            .collect();
        let wanted = [("hv0", false), ("hv1", true), ("hv2", true)];
        assert_eq!(
            ready,
            wanted.map(|(name, ready)| (name.to_owned(), ready)),
            "seed {seed}"
        );
        // A restart, in whatever order they come back, decides the same.
        let before = world.flow_mods();
        world.restart();
        world.settle();
        assert_eq!(
            (carriers(&world, &port), world.flow_mods()),
            (vec![1], before)
        );
        // The one that stays has it.
        world.unplug(1, "tap0");
        world.settle();
        assert_eq!(carriers(&world, &port), [0]);
        assert_eq!(world.status(&port), "ACTIVE");
        world.check();
    }
}

#[test]
fn the_host_that_the_api_names_decides() {
    for seed in 0..10 {
        let mut world = World::with_hosts(seed, 2);
        let network = world.network("10.0.0.0/24");
        let port = world.port(&network);
        world.update("port", &port, json!({"binding:host_id": "hv0.example"}));
        world.plug(1, "tap0", &port);
        world.settle();
        assert_eq!(
            (carriers(&world, &port), world.status(&port).as_str()),
            (vec![], "DOWN")
        );
        world.plug(0, "tap0", &port);
        world.settle();
        assert_eq!(
            (carriers(&world, &port), world.status(&port).as_str()),
            (vec![0], "ACTIVE")
        );
        world.update("port", &port, json!({"binding:host_id": "hv1.example"}));
        world.settle();
        assert_eq!(
            (carriers(&world, &port), world.status(&port).as_str()),
            (vec![1], "ACTIVE")
        );
        world.check();
        world.update("port", &port, json!({"binding:host_id": "elsewhere"}));
        world.settle();
        assert_eq!(
            (carriers(&world, &port), world.status(&port).as_str()),
            (vec![], "DOWN")
        );
        assert!(world.interfaces().iter().all(|row| !row.ready));
        world.check();
    }
}

#[test]
fn a_port_that_moves_is_active_only_when_the_new_switch_has_it() {
    let mut world = World::with_hosts(1, 2);
    let network = world.network("10.0.0.0/24");
    let port = world.port(&network);
    world.plug(0, "tap0", &port);
    world.settle();
    world.hosts[1].switch.mute =
        Some(|message| matches!(message, rust_openflow::Message::BarrierRequest));
    world.plug(1, "tap0", &port);
    world.settle();
    assert_eq!(
        (carriers(&world, &port), world.status(&port).as_str()),
        (vec![1], "DOWN")
    );
}

/// Takes away, or gives, the number of an interface, as a switch that restarts does.
fn set_ofport(world: &mut World, host: usize, name: &str, ofport: Option<i64>) {
    let server = &mut world.hosts[host].ovsdb;
    let (id, _) = server
        .database()
        .rows("Interface")
        .find(|(_, row)| row.str("name") == name)
        .unwrap();
    let mut transaction = Transaction::new("Open_vSwitch");
    transaction.update(
        "Interface",
        &Atom::Uuid(id),
        Row::from([("ofport", Datum::set(ofport))]),
    );
    server.transact(&transaction).unwrap();
}

#[test]
fn an_interface_without_number_for_a_moment_changes_nothing() {
    let (mut world, ports) = cloud(2);
    let (head, before) = (world.head(), world.flow_mods());
    world.hosts[0].running = false;
    for ofport in [None, Some(-1)] {
        set_ofport(&mut world, 0, "tap0", ofport);
        world.settle();
        assert_eq!((world.head(), world.flow_mods()), (head, before.clone()));
        assert_eq!(world.status(&ports[0]), "ACTIVE");
    }
}

#[test]
fn an_interface_whose_number_changes_takes_its_flows_along() {
    let (mut world, ports) = cloud(3);
    let old = world.table(0);
    set_ofport(&mut world, 0, "tap0", Some(77));
    world.settle();
    world.check();
    assert_ne!(world.table(0), old);
    assert_eq!(world.status(&ports[0]), "ACTIVE");
}

#[test]
fn a_number_that_no_port_can_have_is_no_number() {
    let (mut world, _) = cloud(4);
    for ofport in [0, 65_534, 0xffff_ff00, 0xffff_ffff] {
        set_ofport(&mut world, 0, "tap0", Some(ofport));
        world.settle();
        world.check();
        assert!(
            world
                .interfaces()
                .iter()
                .all(|row| row.ofport.is_some_and(|port| port < 65_280))
        );
    }
}

#[test]
fn a_port_that_is_deleted_leaves_its_interface_alone_and_not_ready() {
    let (mut world, ports) = cloud(5);
    world.delete("port", &ports[0]);
    world.settle();
    world.check();
    let rows = world.interfaces();
    assert_eq!(rows.len(), ports.len());
    assert!(
        rows.iter()
            .all(|row| row.ready == (row.port_id != ports[0]))
    );
}

#[test]
fn an_interface_whose_name_would_be_another_row_is_left_out() {
    let (mut world, ports) = cloud(6);
    let (head, before) = (world.head(), world.flow_mods());
    world.plug(0, "x/tap0", &ports[0]);
    world.settle();
    assert_eq!((world.head(), world.flow_mods()), (head, before));
    assert_eq!(world.status(&ports[0]), "ACTIVE");
}
