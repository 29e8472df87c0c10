//! Hypervisors come for the first time, again, and before or after the controller.

use weft_schema::observation;

use crate::world::World;

/// Three hypervisors, two networks, a port of each on each.
pub(crate) fn cloud(seed: u64) -> (World, Vec<String>) {
    let mut world = World::with_hosts(seed, 3);
    let networks = [world.network("10.0.0.0/24"), world.network("10.1.0.0/24")];
    let mut ports = Vec::new();
    for host in 0..3 {
        for (n, network) in networks.iter().enumerate() {
            let port = world.port(network);
            world.plug(host, &format!("tap{n}"), &port);
            ports.push(port);
        }
    }
    world.settle();
    world.check();
    for port in &ports {
        assert_eq!(world.status(port), "ACTIVE");
    }
    (world, ports)
}

#[test]
fn a_bare_hypervisor_gets_bridge_controller_tunnels_and_program() {
    for seed in 0..8 {
        let world = World::with_hosts(seed, 1);
        let database = world.hosts[0].ovsdb.database();
        assert_eq!(database.rows("Bridge").count(), 1);
        let targets: Vec<_> = database
            .rows("Controller")
            .map(|(_, row)| row.str("target").to_owned())
            .collect();
        assert_eq!(targets, ["tcp:192.0.2.250:6653"]);
        let tunnels = database
            .rows("Interface")
            .filter(|(_, row)| row.str("type") == "vxlan");
        assert_eq!(tunnels.count(), 1);
        assert!(!world.table(0).flows.is_empty());
        world.check();
        assert_eq!(
            world.store.read(|state| state.count(observation::CHASSIS)),
            1
        );
        assert_eq!(
            (world.noticed("hypervisor-up"), world.noticed("switch-up")),
            (1, 1)
        );
    }
}

#[test]
fn a_port_is_active_when_its_switch_acknowledged_its_flows_and_not_before() {
    for seed in 0..8 {
        let mut world = World::with_hosts(seed, 1);
        let network = world.network("10.0.0.0/24");
        let port = world.port(&network);
        world.settle();
        assert_eq!(world.status(&port), "DOWN");
        // The switch takes everything and says nothing.
        world.hosts[0].switch.mute =
            Some(|message| matches!(message, rust_openflow::Message::BarrierRequest));
        world.plug(0, "tap0", &port);
        world.settle();
        let rows = world.interfaces();
        assert_eq!(
            (rows.len(), rows[0].ready, rows[0].port_id.as_str()),
            (1, false, port.as_str())
        );
        assert_eq!(world.status(&port), "DOWN");
        // The connection is given up, and the next one is better.
        world.hosts[0].switch.mute = None;
        world.cut_openflow(0, true);
        world.settle();
        world.check();
        assert_eq!(world.status(&port), "ACTIVE");
        assert!(world.interfaces()[0].ready);
    }
}

#[test]
fn a_port_that_is_heard_of_after_its_interface_becomes_active_too() {
    let mut world = World::with_hosts(1, 1);
    let network = world.network("10.0.0.0/24");
    world.settle();
    world.follows = false;
    let port = world.port(&network);
    world.plug(0, "tap0", &port);
    world.settle();
    assert_eq!(
        (world.interfaces().len(), world.status(&port).as_str()),
        (1, "DOWN")
    );
    world.follows = true;
    world.settle();
    world.check();
    assert_eq!(world.status(&port), "ACTIVE");
}

#[test]
fn a_restart_with_nothing_changed_sends_no_flow_and_writes_no_row() {
    for seed in 0..8 {
        let (mut world, ports) = cloud(seed);
        let (before, head) = (world.flow_mods(), world.head());
        world.restart();
        world.settle();
        assert_eq!(
            (world.flow_mods(), world.head()),
            (before, head),
            "seed {seed}"
        );
        world.check();
        assert_eq!(world.status(&ports[0]), "ACTIVE");
    }
}

#[test]
fn a_restart_sends_no_flow_when_openflow_comes_before_ovsdb() {
    let (mut world, _) = cloud(3);
    let (before, head) = (world.flow_mods(), world.head());
    world.restart();
    for host in &mut world.hosts {
        host.dials_ovsdb = false;
    }
    world.settle();
    assert_eq!(world.noticed("in-order"), 6);
    for host in &mut world.hosts {
        host.dials_ovsdb = true;
    }
    world.settle();
    assert_eq!((world.flow_mods(), world.head()), (before, head));
}

#[test]
fn a_restart_sends_no_flow_when_one_of_three_hypervisors_is_back() {
    let (mut world, ports) = cloud(4);
    let (before, head) = (world.flow_mods(), world.head());
    world.restart();
    for host in [0, 2] {
        world.hosts[host].dials_ovsdb = false;
        world.hosts[host].dials_openflow = false;
    }
    world.settle();
    assert_eq!((world.flow_mods(), world.head()), (before, head));
    // What happens now reaches those that are back, and the others when they are.
    world.delete("port", &ports[0]);
    world.settle();
    world.check();
    for host in [0, 2] {
        world.hosts[host].dials_ovsdb = true;
        world.hosts[host].dials_openflow = true;
    }
    world.settle();
    world.check();
}

#[test]
fn a_connection_that_is_lost_and_found_again_costs_no_flow() {
    let (mut world, _) = cloud(5);
    let (before, head) = (world.flow_mods(), world.head());
    for host in 0..3 {
        world.cut_openflow(host, true);
        world.cut_ovsdb(host, true);
        world.settle();
    }
    assert_eq!((world.flow_mods(), world.head()), (before, head));
}

#[test]
fn every_version_gets_the_same_tables() {
    use rust_openflow::Version::{V1_3, V1_4, V1_5};
    for versions in [vec![V1_3], vec![V1_4], vec![V1_3, V1_4, V1_5]] {
        let mut world = World::new(6);
        world.add_host("hv0", [192, 0, 2, 1].into());
        world.hosts[0].versions = versions;
        world.settle();
        let network = world.network("10.0.0.0/24");
        let port = world.port(&network);
        world.plug(0, "tap0", &port);
        world.settle();
        world.check();
        assert_eq!(world.status(&port), "ACTIVE");
        let before = world.flow_mods();
        world.restart();
        world.settle();
        assert_eq!(world.flow_mods(), before);
    }
}
