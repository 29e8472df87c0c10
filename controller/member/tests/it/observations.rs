//! What was seen reaches the log once, also when the database fails, and is not written for nothing.

use rust_openflow::message::{Message, Port, PortReason, PortStatus};
use rust_openflow::{MacAddr, PortNo};
use serde_json::json;
use weft_member::Input;

use crate::arrival::cloud;
use crate::world::{Database, World};

#[test]
fn a_write_that_failed_is_made_again_and_only_once() {
    for seed in 0..8 {
        let mut world = World::with_hosts(seed, 2);
        let network = world.network("10.0.0.0/24");
        let ports = [world.port(&network), world.port(&network)];
        world.settle();
        world.database = Database::Down;
        for (host, port) in ports.iter().enumerate() {
            world.plug(host, "tap0", port);
        }
        world.settle();
        assert_eq!(world.interfaces(), []);
        let tries = world.writes;
        world.tell(Input::Tick(world.now));
        world.settle();
        assert_eq!(world.writes, tries + 2);
        world.database = Database::Up;
        world.tell(Input::Tick(world.now));
        world.settle();
        assert_eq!(world.interfaces().len(), 2);
        for port in &ports {
            assert_eq!(world.status(port), "ACTIVE");
        }
        world.check();
        let (head, writes) = (world.head(), world.writes);
        world.tell(Input::Tick(world.now));
        world.settle();
        assert_eq!((world.head(), world.writes), (head, writes));
    }
}

#[test]
fn a_write_whose_outcome_is_not_known_is_not_doubled() {
    for seed in 0..8 {
        let mut world = World::with_hosts(seed, 1);
        let network = world.network("10.0.0.0/24");
        let port = world.port(&network);
        world.settle();
        world.database = Database::Unsure;
        let head = world.head();
        world.plug(0, "tap0", &port);
        for _ in 0..4 {
            world.tell(Input::Tick(world.now));
            world.settle();
        }
        assert_eq!(world.status(&port), "ACTIVE");
        // The interface, its flows.
        assert_eq!(world.head(), head + 2, "seed {seed}");
        world.check();
    }
}

#[test]
fn what_changes_while_a_write_is_under_way_is_written_after_it() {
    for seed in 0..8 {
        let (mut world, ports) = cloud(seed);
        for round in 0..3 {
            world.unplug(0, "tap0");
            for _ in 0..round * 5 {
                world.step();
            }
            world.plug(0, "tap0", &ports[0]);
            for _ in 0..round * 3 {
                world.step();
            }
        }
        world.settle();
        world.check();
        assert_eq!(world.status(&ports[0]), "ACTIVE");
    }
}

#[test]
fn another_switchs_port_writes_nothing_about_this_one() {
    let (mut world, _) = cloud(1);
    let network = world.network("10.7.0.0/24");
    for (host, name) in [(0, "a"), (1, "a")] {
        let port = world.port(&network);
        world.plug(host, name, &port);
    }
    world.settle();
    let (writes, head) = (world.writes, world.head());
    let port = world.port(&network);
    world.plug(2, "a", &port);
    world.settle();
    assert_eq!(world.status(&port), "ACTIVE");
    // The port, its interface, its flows: each once, though three switches were told.
    assert_eq!((world.writes - writes, world.head() - head), (2, 3));
    world.check();
}

#[test]
fn an_interface_is_not_ready_before_its_flows_are_because_of_a_restart() {
    for seed in 0..8 {
        let mut world = World::with_hosts(seed, 1);
        let network = world.network("10.0.0.0/24");
        let port = world.port(&network);
        world.settle();
        let mute = |message: &rust_openflow::Message| {
            matches!(message, rust_openflow::Message::BarrierRequest)
        };
        world.hosts[0].switch.mute = Some(mute);
        world.plug(0, "tap0", &port);
        world.settle();
        world.restart();
        world.settle();
        assert_eq!(world.status(&port), "DOWN");
        world.hosts[0].switch.mute = None;
        world.cut_openflow(0, true);
        world.settle();
        assert_eq!(world.status(&port), "ACTIVE");
        world.check();
    }
}

#[test]
fn a_port_can_change_under_its_interface() {
    let (mut world, ports) = cloud(2);
    // The interface says to be another port now.
    world.unplug(0, "tap0");
    world.plug(0, "tap0", &ports[2]);
    world.settle();
    world.check();
    assert_eq!(
        (world.status(&ports[0]), world.status(&ports[2])),
        ("DOWN".to_owned(), "ACTIVE".to_owned())
    );
}

#[test]
fn a_port_that_falls_back_is_active_only_when_its_old_switch_has_it_again() {
    for seed in 0..8 {
        let mut world = World::with_hosts(seed, 2);
        let network = world.network("10.0.0.0/24");
        let port = world.port(&network);
        for host in [0, 1] {
            world.plug(host, "tap0", &port);
            world.settle();
        }
        // Bound to the second, the first switch is told to forget it; bound to the first, to have it again.
        world.update("port", &port, json!({"binding:host_id": "hv1"}));
        world.settle();
        world.hosts[0].switch.mute =
            Some(|message| matches!(message, rust_openflow::Message::BarrierRequest));
        world.update("port", &port, json!({"binding:host_id": "hv0"}));
        world.settle();
        assert_eq!(world.status(&port), "DOWN", "seed {seed}");
        world.hosts[0].switch.mute = None;
        world.cut_openflow(0, true);
        world.settle();
        assert_eq!(world.status(&port), "ACTIVE");
    }
}

#[test]
fn a_port_number_is_taken_from_whoever_tells_it_first_and_ovsdb_has_the_last_word() {
    let mut world = World::with_hosts(1, 1);
    let network = world.network("10.0.0.0/24");
    let [port, other] = [world.port(&network), world.port(&network)];
    world.settle();
    // The switch still has to write into OVSDB which numbers it gave.
    world.hosts[0].running = false;
    let cut = "tap-of-a-name-that-is-cut";
    world.plug(0, "tap0", &port);
    world.plug(0, cut, &other);
    world.settle();
    assert_eq!(world.interfaces(), []);
    for (number, name) in [
        (0, "tap0"),
        (77, "tap0"),
        (78, "tap0"),
        (79, "tap1"),
        (80, cut),
    ] {
        let status = PortStatus {
            reason: PortReason::ADD,
            port: Port::new(PortNo(number), MacAddr([2; 6]), name),
        };
        let channel = world.hosts[0].channel.as_mut().unwrap();
        channel.session.send(&Message::PortStatus(status)).unwrap();
        world.settle();
    }
    let numbers = |world: &World| -> Vec<(String, Option<u32>)> {
        let rows = world.interfaces().into_iter();
        rows.map(|row| (row.name, row.ofport)).collect()
    };
    assert_eq!(numbers(&world), [("tap0".to_owned(), Some(77))]);
    assert_eq!(world.status(&port), "ACTIVE");
    assert_eq!(world.status(&other), "DOWN");
    world.hosts[0].running = true;
    world.settle();
    let last = numbers(&world);
    assert_eq!(last.len(), 2);
    assert!(
        last.iter()
            .all(|(_, number)| number.is_some_and(|number| number < 77))
    );
    assert_eq!(world.status(&port), "ACTIVE");
    world.check();
}
