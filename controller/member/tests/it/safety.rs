//! A controller on the wrong database takes nothing away; one that is right does what is to be done.

use weft_member::notice::HoldReason;
use weft_member::{Input, Notice};
use weft_schema::{MemoryStore, WriteSet};

use crate::arrival::cloud;
use crate::world::{Database, World};

fn held(world: &World) -> Vec<HoldReason> {
    let held = world.notices.iter().filter_map(|notice| match notice {
        Notice::Held { reason, .. } => Some(*reason),
        _ => None,
    });
    held.collect()
}

/// The same log up to a revision, as a backup has it.
fn backup(world: &World, revision: u64) -> MemoryStore {
    let store = MemoryStore::new(crate::world::SECRET);
    for entry in world.store.entries_after(0) {
        if entry.revision <= revision {
            let write = WriteSet {
                based_on: entry.revision - 1,
                actor: entry.actor,
                rows: entry.rows,
                claims: entry.claims,
                reads: [].into(),
            };
            store.commit_one(write, 0).unwrap();
        }
    }
    store
}

#[test]
fn a_controller_on_an_empty_database_holds_its_hand_until_it_is_released() {
    let (mut world, _) = cloud(1);
    let tables: Vec<_> = (0..3).map(|host| world.table(host)).collect();
    let before = world.flow_mods();
    world.notices.clear();
    world.restart_on(MemoryStore::new([7; 16]));
    world.settle();
    assert_eq!(held(&world), [HoldReason::OtherInstallation; 3]);
    assert_eq!(world.flow_mods(), before);
    for (host, table) in tables.iter().enumerate() {
        assert_eq!(&world.table(host), table);
    }
    let rows = world.interfaces();
    assert!(!rows.is_empty() && rows.iter().all(|row| !row.ready));
    // Neither an audit nor a change lets it go.
    world.tell(Input::Audit);
    world.network("10.9.0.0/24");
    world.settle();
    assert_eq!(world.flow_mods(), before);

    world.hosts[0].switch.marker =
        weft_compiler::marker::cookie(&weft_compiler::Secret::new([7; 16]));
    world.tell(Input::Release(world.hosts[0].chassis()));
    world.settle();
    world.check_host(0);
    assert_eq!(world.table(1), tables[1]);
    assert_eq!(world.flow_mods()[1..], before[1..]);
}

#[test]
fn one_port_on_a_switch_is_enough_to_be_careful() {
    let mut world = World::with_hosts(2, 1);
    let network = world.network("10.0.0.0/24");
    let port = world.port(&network);
    world.plug(0, "tap0", &port);
    world.settle();
    let (table, before) = (world.table(0), world.flow_mods());
    world.notices.clear();
    world.restart_on(MemoryStore::new([7; 16]));
    world.settle();
    assert_eq!(held(&world), [HoldReason::OtherInstallation]);
    assert_eq!((world.table(0), world.flow_mods()), (table, before));
}

#[test]
fn a_controller_on_an_old_backup_holds_its_hand() {
    let mut world = World::with_hosts(2, 1);
    let network = world.network("10.0.0.0/24");
    let early = world.head();
    for n in 0..6 {
        let port = world.port(&network);
        world.plug(0, &format!("tap{n}"), &port);
        world.settle();
    }
    let (table, before) = (world.table(0), world.flow_mods());
    let store = backup(&world, early);
    world.notices.clear();
    world.restart_on(store);
    world.settle();
    assert!(
        matches!(held(&world)[..], [HoldReason::OlderDatabase { switch, database }] if switch > database),
        "{:?}",
        held(&world)
    );
    assert_eq!((world.table(0), world.flow_mods()), (table, before));
    world.tell(Input::Release(world.hosts[0].chassis()));
    world.settle();
    world.check();
}

#[test]
fn a_change_that_removes_most_is_carried_out_when_it_was_made() {
    let (mut world, ports) = cloud(3);
    world.cut_openflow(0, false);
    for port in &ports {
        world.delete("port", port);
    }
    world.settle();
    world.hosts[0].dials_openflow = true;
    world.settle();
    assert_eq!(held(&world), []);
    world.check();
    // The same with a controller that was away too.
    let (mut world, ports) = cloud(4);
    world.restart();
    for port in &ports {
        world.delete("port", port);
    }
    world.settle();
    assert_eq!(held(&world), []);
    world.check();
}

#[test]
fn changes_while_a_switch_is_away_reach_it_when_it_is_back() {
    let (mut world, ports) = cloud(5);
    world.cut_openflow(1, false);
    let network = world.network("10.2.0.0/24");
    let port = world.port(&network);
    world.plug(1, "tap9", &port);
    world.delete("port", &ports[0]);
    world.settle();
    assert_eq!(world.status(&port), "DOWN");
    let before = world.flow_mods();
    world.hosts[1].dials_openflow = true;
    world.settle();
    world.check();
    assert_eq!(world.status(&port), "ACTIVE");
    assert!(world.flow_mods()[1] > before[1]);
    assert_eq!(
        (world.flow_mods()[0], world.flow_mods()[2]),
        (before[0], before[2])
    );
}

#[test]
fn a_switch_that_restarted_empty_gets_everything_once() {
    let (mut world, _) = cloud(6);
    world.cut_openflow(0, false);
    world.hosts[0].switch.tables = Default::default();
    let before = world.flow_mods();
    world.hosts[0].dials_openflow = true;
    world.settle();
    world.check();
    assert_eq!(
        world.flow_mods()[0] - before[0],
        world.program(0).flows.len()
    );
    assert_eq!(held(&world), []);
}

#[test]
fn a_database_that_is_down_stops_no_switch() {
    let (mut world, _) = cloud(7);
    let before = world.flow_mods();
    world.restart();
    world.database = Database::Down;
    world.settle();
    assert_eq!(world.flow_mods(), before);
    world.check();
}
