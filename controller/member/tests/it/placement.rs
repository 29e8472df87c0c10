//! Where ports are: plugged, unplugged, in two places, bound to a host, restarted.

use serde_json::json;
use weft_ovsdb::transaction::Transaction;
use weft_ovsdb::{Atom, Datum, Row};

use crate::arrival::cloud;
use crate::world::World;

/// The hypervisors whose switches take packets for a port from a local interface.
fn carriers(world: &World, port: &str) -> Vec<usize> {
    let port = port.parse().unwrap();
    let locations = world.member.compiler().model().locations(port);
    let hosts = world.hosts.iter().enumerate();
    hosts
        .filter(|(_, host)| {
            let mut chassis = locations.iter().map(|location| &location.interface.chassis);
            chassis.any(|chassis| *chassis == host.chassis())
        })
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

/// The hypervisors of the interfaces that the log says to be ready.
fn ready(world: &World) -> Vec<String> {
    let rows = world.interfaces().into_iter().filter(|row| row.ready);
    rows.map(|row| row.chassis).collect()
}

#[test]
fn a_port_that_appears_elsewhere_is_in_both_places_until_it_goes_from_one() {
    for seed in 0..8 {
        let mut world = World::with_hosts(seed, 4);
        let network = world.network("10.0.0.0/24");
        let [port, other] = [world.port(&network), world.port(&network)];
        world.plug(3, "tap1", &other);
        world.plug(0, "tap0", &port);
        world.settle();
        assert_eq!(carriers(&world, &port), [0]);
        world.plug(1, "tap0", &port);
        world.settle();
        assert_eq!(carriers(&world, &port), [0, 1]);
        world.check();
        assert_eq!(world.status(&port), "ACTIVE");
        assert_eq!(ready(&world), ["hv0", "hv1", "hv3"], "seed {seed}");
        // A restart, in whatever order they come back, decides the same.
        let before = world.flow_mods();
        world.restart();
        world.settle();
        assert_eq!(
            (carriers(&world, &port), world.flow_mods()),
            (vec![0, 1], before)
        );
        // Two are enough: a third takes the place of the first, until it goes.
        world.plug(2, "tap0", &port);
        world.settle();
        assert_eq!(carriers(&world, &port), [1, 2]);
        assert_eq!(ready(&world), ["hv1", "hv2", "hv3"]);
        world.unplug(2, "tap0");
        world.settle();
        assert_eq!(carriers(&world, &port), [0, 1]);
        assert_eq!(ready(&world), ["hv0", "hv1", "hv3"]);
        // The one that stays has it.
        world.unplug(1, "tap0");
        world.settle();
        assert_eq!(carriers(&world, &port), [0]);
        assert_eq!(world.status(&port), "ACTIVE");
        world.check();
    }
}

#[test]
fn a_port_may_migrate_where_its_profile_says() {
    for seed in 0..8 {
        let mut world = World::with_hosts(seed, 3);
        let network = world.network("10.0.0.0/24");
        let port = world.port(&network);
        let migrating = json!({"binding:host_id": "hv0.example",
            "binding:profile": {"migrating_to": "hv1.example", "other": 7}});
        world.update("port", &port, migrating);
        for host in 0..3 {
            world.plug(host, "tap0", &port);
            world.settle();
        }
        assert_eq!(
            (carriers(&world, &port), world.status(&port).as_str()),
            (vec![0, 1], "ACTIVE")
        );
        let over = json!({"binding:host_id": "hv1.example", "binding:profile": {}});
        world.update("port", &port, over);
        world.settle();
        assert_eq!(
            (carriers(&world, &port), world.status(&port).as_str()),
            (vec![1], "ACTIVE")
        );
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
fn a_port_that_moves_is_active_as_long_as_one_of_its_switches_has_it() {
    let mut world = World::with_hosts(1, 2);
    let network = world.network("10.0.0.0/24");
    let port = world.port(&network);
    world.plug(0, "tap0", &port);
    world.settle();
    world.hosts[1].switch.mute =
        Some(|message| matches!(message, rust_openflow::Message::BarrierRequest));
    world.plug(1, "tap0", &port);
    world.settle();
    assert_eq!(carriers(&world, &port), [0, 1]);
    let statuses = world.member.port_statuses();
    let status = statuses.iter().find(|status| status.id == port).unwrap();
    let also_on = status.also_on.as_ref().unwrap();
    assert_eq!(
        (status.hypervisor.as_deref(), status.ready),
        (Some("hv1"), false)
    );
    assert_eq!((also_on.hypervisor.as_str(), also_on.ready), ("hv0", true));
    assert_eq!(world.status(&port), "ACTIVE");
    // Only where it is not acknowledged yet.
    world.unplug(0, "tap0");
    world.settle();
    assert_eq!(carriers(&world, &port), [1]);
    assert_eq!(world.status(&port), "DOWN");
}

#[test]
fn a_refused_flow_in_one_of_two_places_is_an_error() {
    let mut world = World::with_hosts(1, 2);
    let network = world.network("10.0.0.0/24");
    let port = world.port(&network);
    world.plug(0, "tap0", &port);
    world.settle();
    world.hosts[1].switch.uninstallable = Some(Box::new(|_| true));
    world.plug(1, "tap0", &port);
    world.settle();
    assert_eq!(world.status(&port), "ERROR");
    world.unplug(1, "tap0");
    world.settle();
    assert_eq!(world.status(&port), "ACTIVE");
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
