//! A switch refuses something: whose port it was says so, everything else is in, and nothing goes on
//! for ever.

use rust_openflow::Instruction;
use rust_openflow::message::FlowMod;
use serde_json::json;
use weft_member::Input;

use crate::arrival::cloud;
use crate::world::World;

/// Tells the flow that takes a port's DHCP to the controller, of which each port has one.
fn dhcp(flow: &FlowMod) -> bool {
    flow.instructions
        .iter()
        .any(|instruction| match instruction {
            Instruction::ApplyActions { actions } => actions
                .iter()
                .any(|action| action.to_controller().is_some()),
            _ => false,
        })
}

fn refused(world: &World) -> usize {
    world.noticed("refused")
}

fn plugged(world: &mut World, name: &str, network: &str) -> String {
    let port = world.port(network);
    world.plug(0, name, &port);
    world.settle();
    port
}

#[test]
fn a_refused_flow_is_an_error_of_its_port_and_of_no_other() {
    for at_commit in [false, true] {
        let mut world = World::with_hosts(1, 1);
        let network = world.network("10.0.0.0/24");
        let fine = plugged(&mut world, "tap0", &network);
        let refuse = Some(Box::new(dhcp) as Box<dyn Fn(&FlowMod) -> bool>);
        if at_commit {
            world.hosts[0].switch.uninstallable = refuse;
        } else {
            world.hosts[0].switch.unreadable = refuse;
        }
        let before = world.flow_mods()[0];
        let port = plugged(&mut world, "tap1", &network);
        assert_eq!(world.status(&port), "ERROR");
        assert_eq!(world.status(&fine), "ACTIVE");
        let row = world
            .interfaces()
            .into_iter()
            .find(|row| row.port_id == port)
            .unwrap();
        assert!(row.error.unwrap().contains("OFPBMC_BAD_FIELD"));
        assert_eq!(refused(&world), 1);
        // Everything else is in.
        let (has, wanted) = (world.table(0), world.program(0));
        let missing: Vec<_> = wanted
            .flows
            .iter()
            .filter(|(key, _)| !has.flows.contains_key(*key))
            .collect();
        assert_eq!(
            (missing.len(), has.flows.len() + 1),
            (1, wanted.flows.len())
        );
        assert!(dhcp(missing[0].1));
        // It was told once with the flow and once without.
        let told = world.flow_mods()[0] - before;
        assert!(told <= 2 * wanted.flows.len(), "{told}");
        // Others come and go as if nothing were.
        world.hosts[0].switch.unreadable = None;
        world.hosts[0].switch.uninstallable = None;
        let other = plugged(&mut world, "tap2", &network);
        assert_eq!(
            (world.status(&other), world.status(&port)),
            ("ACTIVE".to_owned(), "ERROR".to_owned())
        );
    }
}

#[test]
fn an_audit_tries_again_what_was_refused() {
    let mut world = World::with_hosts(2, 1);
    let network = world.network("10.0.0.0/24");
    world.hosts[0].switch.uninstallable = Some(Box::new(dhcp));
    let port = plugged(&mut world, "tap0", &network);
    for round in 1..6 {
        assert_eq!(
            (world.status(&port).as_str(), refused(&world)),
            ("ERROR", round)
        );
        world.tell(Input::Audit);
        world.settle();
    }
    assert_eq!(world.noticed("repaired"), 0);
    world.hosts[0].switch.uninstallable = None;
    world.tell(Input::Audit);
    world.settle();
    world.check();
    assert_eq!(world.status(&port), "ACTIVE");
    assert!(world.interfaces()[0].ready);
}

#[test]
fn a_flow_that_is_not_wanted_any_more_is_no_error_any_more() {
    let mut world = World::with_hosts(3, 1);
    let network = world.network("10.0.0.0/24");
    world.hosts[0].switch.unreadable = Some(Box::new(dhcp));
    let port = plugged(&mut world, "tap0", &network);
    assert_eq!(world.status(&port), "ERROR");
    let subnet = world
        .store
        .read(|state| state.rows("subnet").next().unwrap().key.id.to_string());
    world.update("subnet", &subnet, json!({"enable_dhcp": false}));
    world.settle();
    assert_eq!(world.status(&port), "ACTIVE");
    world.check();
    world.update("subnet", &subnet, json!({"enable_dhcp": true}));
    world.settle();
    assert_eq!(world.status(&port), "ERROR");
}

#[test]
fn a_switch_that_connects_again_is_asked_again() {
    let mut world = World::with_hosts(4, 1);
    let network = world.network("10.0.0.0/24");
    world.hosts[0].switch.unreadable = Some(Box::new(dhcp));
    let port = plugged(&mut world, "tap0", &network);
    assert_eq!(world.status(&port), "ERROR");
    world.hosts[0].switch.unreadable = None;
    world.cut_openflow(0, true);
    world.settle();
    world.check();
    assert_eq!(world.status(&port), "ACTIVE");
}

#[test]
fn a_switch_without_meters_gets_everything_but_what_needs_them() {
    let mut world = World::with_hosts(5, 1);
    let network = world.network("10.0.0.0/24");
    world.hosts[0].switch.no_meters = true;
    let port = plugged(&mut world, "tap0", &network);
    let mut wanted = world.program(0);
    wanted.meters.clear();
    assert_eq!(world.table(0), wanted);
    assert_eq!(world.status(&port), "ERROR");
    let row = &world.interfaces()[0];
    assert!(
        row.error
            .as_ref()
            .unwrap()
            .contains("OFPMMFC_OUT_OF_METERS")
    );
    world.hosts[0].switch.no_meters = false;
    world.tell(Input::Audit);
    world.settle();
    world.check();
    assert_eq!(world.status(&port), "ACTIVE");
}

#[test]
fn a_full_table_ends_in_errors_and_not_in_a_loop() {
    let mut world = World::with_hosts(6, 1);
    let network = world.network("10.0.0.0/24");
    let fine = plugged(&mut world, "tap0", &network);
    let room = world.hosts[0].switch.tables.flows.len();
    world.hosts[0].switch.room = Some(room + 3);
    let (before, dumps) = (world.flow_mods()[0], world.hosts[0].switch.dumps);
    for n in 1..8 {
        world.port(&network);
        let port = world.port(&network);
        world.plug(0, &format!("tap{n}"), &port);
    }
    world.settle();
    let wanted = world.program(0).flows.len();
    assert_eq!(world.hosts[0].switch.tables.flows.len(), room + 3);
    assert!(wanted > room + 40, "{wanted}");
    let (told, dumps) = (
        world.flow_mods()[0] - before,
        world.hosts[0].switch.dumps - dumps,
    );
    assert!(
        told < 8 * wanted && dumps < 16,
        "{told} flow-mods and {dumps} dumps for {wanted} flows"
    );
    assert!(world.interfaces().iter().any(|row| row.error.is_some()));
    world.hosts[0].switch.room = None;
    world.tell(Input::Audit);
    world.settle();
    world.check();
    assert_eq!(world.status(&fine), "ACTIVE");
}

#[test]
fn a_switch_that_refuses_everything_is_left_alone_until_the_next_audit() {
    let mut world = World::new(7);
    world.add_host("hv0", [192, 0, 2, 1].into());
    world.hosts[0].switch.uninstallable = Some(Box::new(|_| true));
    world.settle();
    let network = world.network("10.0.0.0/24");
    let port = plugged(&mut world, "tap0", &network);
    assert_eq!(world.status(&port), "ERROR");
    let before = world.flow_mods();
    world.settle();
    world.pass(1_000);
    assert_eq!(world.flow_mods(), before);
    world.hosts[0].switch.uninstallable = None;
    world.tell(Input::Audit);
    world.settle();
    world.check();
    assert_eq!(world.status(&port), "ACTIVE");
}

/// A world whose only switch refuses something that is of no item, and a port on it.
fn refusing(seed: u64) -> (World, String) {
    let mut world = World::new(seed);
    world.add_host("hv0", [192, 0, 2, 1].into());
    let marker = world.hosts[0].switch.marker;
    world.hosts[0].switch.uninstallable = Some(Box::new(move |flow| flow.cookie == marker));
    world.settle();
    let network = world.network("10.0.0.0/24");
    let port = plugged(&mut world, "tap0", &network);
    assert_eq!(world.member.switch_statuses()[0].state, "refusing");
    assert_eq!(world.status(&port), "DOWN");
    (world, port)
}

/// Lets time pass; how often the switch was asked what it has meanwhile.
fn dumps(world: &mut World, seconds: u64) -> usize {
    let before = world.hosts[0].switch.dumps;
    (0..seconds).for_each(|_| world.pass(1_000));
    world.hosts[0].switch.dumps - before
}

#[test]
fn a_switch_that_refuses_without_reason_is_asked_less_and_less_often() {
    let (mut world, _) = refusing(7);
    let counts = [60, 600, 600].map(|seconds| dumps(&mut world, seconds));
    assert!(counts.iter().all(|count| *count > 0), "{counts:?}");
    assert!(
        counts[1] < 2 * counts[0] && counts[2] < counts[0],
        "{counts:?}"
    );
}

#[test]
fn a_switch_that_takes_again_what_it_refused_gets_it_without_an_audit() {
    let (mut world, port) = refusing(8);
    world.hosts[0].switch.uninstallable = None;
    assert_eq!(dumps(&mut world, 30), 1);
    world.check();
    assert_eq!(world.status(&port), "ACTIVE");
}

#[test]
fn a_program_that_changes_is_tried_at_once() {
    let (mut world, port) = refusing(9);
    dumps(&mut world, 300);
    world.hosts[0].switch.uninstallable = None;
    world.settle();
    assert_eq!(world.status(&port), "DOWN");
    world.update("port", &port, json!({"admin_state_up": false}));
    world.update("port", &port, json!({"admin_state_up": true}));
    world.settle();
    world.check();
    assert_eq!(world.status(&port), "ACTIVE");
}

#[test]
fn a_push_behind_one_that_was_refused_leaves_nothing_behind() {
    for seed in 0..20 {
        let mut world = World::with_hosts(seed, 1);
        let network = world.network("10.0.0.0/24");
        let [bad, next] = [world.port(&network), world.port(&network)];
        world.settle();
        let key = world
            .store
            .read(|state| state.row("port", &bad)?.get("_key")?.as_u64());
        let of_bad = move |flow: &FlowMod| {
            let mut fields = flow.matches.fields();
            dhcp(flow) && fields.any(|field| Some(field.value) == key.map(u128::from))
        };
        world.hosts[0].switch.uninstallable = Some(Box::new(of_bad));
        // Two pushes are on their way.
        world.hosts[0].stalled = true;
        for (name, port) in [("tap0", &bad), ("tap1", &next)] {
            world.plug(0, name, port);
            world.settle();
        }
        world.hosts[0].stalled = false;
        while refused(&world) == 0 {
            assert!(world.step());
        }
        // The first was refused; before the second is through, nobody wants it any more.
        world.delete("port", &next);
        while world.follow_log() {}
        world.settle();
        let (has, wanted) = (world.table(0), world.program(0));
        for (key, flow) in &has.flows {
            assert_eq!(wanted.flows.get(key), Some(flow), "seed {seed}");
        }
    }
}

#[test]
fn a_change_while_refusals_are_sorted_out_is_not_lost() {
    for seed in 0..10 {
        let (mut world, ports) = cloud(seed);
        let network = world.network("10.5.0.0/24");
        for host in &mut world.hosts {
            host.switch.uninstallable = Some(Box::new(dhcp));
        }
        let mut fresh = Vec::new();
        for (n, old) in ports.iter().enumerate().take(4) {
            let port = world.port(&network);
            world.plug(n % 3, &format!("new{n}"), &port);
            fresh.push(port);
            for _ in 0..10 * (n + seed as usize % 5) {
                world.step();
            }
            world.delete("port", old);
        }
        for port in &fresh[..2] {
            world.delete("port", port);
            for _ in 0..20 {
                world.step();
            }
        }
        world.settle();
        for host in &mut world.hosts {
            host.switch.uninstallable = None;
        }
        for host in 0..3 {
            let (has, wanted) = (world.table(host), world.program(host));
            for (key, flow) in &has.flows {
                assert_eq!(wanted.flows.get(key), Some(flow), "seed {seed}");
            }
            for (key, flow) in &wanted.flows {
                assert!(
                    has.flows.contains_key(key) || dhcp(flow),
                    "seed {seed}: {flow:?}"
                );
            }
        }
        world.tell(Input::Audit);
        world.settle();
        world.check();
    }
}
