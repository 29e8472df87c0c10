//! What somebody else did to a switch's flows is found, repaired, counted, and nothing else is touched.

use rust_openflow::message::FlowMod;
use rust_openflow::{Action, Instruction, Match, PortNo, TableId};
use weft_member::{Input, Notice};

use crate::arrival::cloud;
use crate::world::World;

fn repaired(world: &World) -> Vec<(usize, usize)> {
    let repaired = world.notices.iter().filter_map(|notice| match notice {
        Notice::Repaired {
            missing, foreign, ..
        } => Some((*missing, *foreign)),
        _ => None,
    });
    repaired.collect()
}

fn audit(world: &mut World) {
    world.tell(Input::Audit);
    world.settle();
}

#[test]
fn an_audit_of_a_switch_in_order_changes_nothing() {
    let (mut world, _) = cloud(1);
    let (mods, head) = (world.hosts[0].switch.mods, world.head());
    let dumps = world.hosts[0].switch.dumps;
    audit(&mut world);
    assert_eq!(world.hosts[0].switch.dumps, dumps + 1);
    assert_eq!((world.hosts[0].switch.mods, world.head()), (mods, head));
    assert_eq!(repaired(&world), []);
}

#[test]
fn a_flow_that_was_taken_away_comes_back_alone() {
    let (mut world, _) = cloud(2);
    let marker = world.hosts[0].switch.marker;
    let flows = &mut world.hosts[0].switch.tables.flows;
    let key = flows
        .iter()
        .find(|(_, flow)| flow.cookie != marker)
        .unwrap()
        .0
        .clone();
    flows.remove(&key);
    let before = world.flow_mods();
    audit(&mut world);
    world.check();
    assert_eq!(world.flow_mods()[0], before[0] + 1);
    assert_eq!(repaired(&world), [(1, 0)]);
    audit(&mut world);
    assert_eq!(repaired(&world), [(1, 0)]);
}

#[test]
fn a_flow_that_was_changed_under_its_cookie_is_put_right() {
    let (mut world, _) = cloud(3);
    let marker = world.hosts[0].switch.marker;
    let flows = &mut world.hosts[0].switch.tables.flows;
    let flow = flows
        .values_mut()
        .find(|flow| flow.cookie != marker)
        .unwrap();
    flow.instructions = vec![Instruction::apply(vec![Action::output(PortNo(1))])];
    let before = world.flow_mods();
    audit(&mut world);
    world.check();
    assert_eq!(world.flow_mods()[0], before[0] + 2);
    assert_eq!(repaired(&world), [(1, 1)]);
}

#[test]
fn flows_that_somebody_added_are_removed() {
    let (mut world, _) = cloud(4);
    let add = |table, priority, cookie| {
        FlowMod::add(TableId(table), priority, Match::any(), Vec::new(), cookie)
    };
    let taken = world.table(0).flows.values().next().unwrap().cookie;
    for flow in [add(0, 60_000, 0), add(200, 7, 5), add(0, 60_001, taken)] {
        world.hosts[0].switch.tables.add(flow);
    }
    let before = world.flow_mods();
    audit(&mut world);
    world.check();
    assert_eq!(world.flow_mods()[0], before[0] + 3);
    assert_eq!(repaired(&world), [(0, 3)]);
}

#[test]
fn a_meter_and_the_marker_that_are_gone_come_back() {
    let (mut world, _) = cloud(5);
    let switch = &mut world.hosts[0].switch;
    assert!(!switch.tables.meters.is_empty());
    switch.tables.meters.clear();
    audit(&mut world);
    world.check();
    let switch = &mut world.hosts[0].switch;
    let marker = switch.marker;
    switch.tables.flows.retain(|_, flow| flow.cookie != marker);
    audit(&mut world);
    let flows = &world.hosts[0].switch.tables.flows;
    assert!(flows.values().any(|flow| flow.cookie == marker));
}

#[test]
fn an_audit_in_the_middle_of_changes_does_no_harm() {
    for seed in 0..8 {
        let (mut world, ports) = cloud(seed);
        world.notices.clear();
        for (n, port) in ports.iter().enumerate() {
            world.tell(Input::Audit);
            for _ in 0..n * 3 {
                world.step();
            }
            world.update(
                "port",
                port,
                serde_json::json!({"admin_state_up": n % 2 == 0}),
            );
            for _ in 0..n {
                world.step();
            }
        }
        world.settle();
        world.check();
        assert_eq!(repaired(&world), [], "seed {seed}");
    }
}

#[test]
fn an_audit_asks_a_few_switches_at_a_time_and_all_in_the_end() {
    let mut world = World::with_hosts(6, 8);
    let dumps = |world: &World| -> Vec<usize> {
        let hosts = world.hosts.iter();
        hosts.map(|host| host.switch.dumps).collect()
    };
    let before = dumps(&world);
    world.most_reading = 0;
    world.tell(Input::Audit);
    world.settle();
    assert_eq!(world.most_reading, 4);
    let asked: Vec<usize> = before.iter().map(|count| count + 1).collect();
    assert_eq!(dumps(&world), asked);
    assert_eq!(repaired(&world), []);
}

#[test]
fn switches_that_do_not_answer_an_audit_keep_no_other_from_theirs() {
    for gone in [true, false] {
        let mut world = World::with_hosts(7, 8);
        (0..4).for_each(|host| world.hosts[host].stalled = true);
        let before = world.hosts[7].switch.dumps;
        world.tell(Input::Tick(world.now));
        world.tell(Input::Audit);
        world.settle();
        if gone {
            (0..4).for_each(|host| world.cut_openflow(host, false));
            world.settle();
        } else {
            world.tell(Input::Tick(world.now + 60_000));
            world.settle();
        }
        assert_eq!(world.hosts[7].switch.dumps, before + 1, "{gone}");
    }
}
