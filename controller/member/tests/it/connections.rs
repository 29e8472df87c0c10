//! Connections that come twice, that lie about who they are, that go silent.

use std::net::Ipv4Addr;

use weft_member::Input;
use weft_ovsdb::transaction::{Mutation, Mutator, Transaction};
use weft_ovsdb::{Atom, Datum, Row};

use crate::arrival::cloud;
use crate::world::World;

/// Writes into the root row of a hypervisor's database.
fn set_root(world: &mut World, host: usize, column: &str, datum: Datum) {
    let server = &mut world.hosts[host].ovsdb;
    let (id, _) = server.database().rows("Open_vSwitch").next().unwrap();
    let mut transaction = Transaction::new("Open_vSwitch");
    transaction.update(
        "Open_vSwitch",
        &Atom::Uuid(id),
        Row::from([(column, datum)]),
    );
    server.transact(&transaction).unwrap();
}

/// Gives a hypervisor another name.
pub(crate) fn rename(world: &mut World, host: usize, name: &str) {
    let ids = [("system-id", name), ("hostname", name)];
    set_root(world, host, "external_ids", Datum::map(ids));
}

#[test]
fn a_second_hypervisor_of_the_same_name_is_refused_and_said() {
    for seed in 0..10 {
        let (mut world, ports) = cloud(seed);
        let (head, before) = (world.head(), world.flow_mods());
        let impostor = world.add_host("hv0", Ipv4Addr::new(192, 0, 2, 99));
        world.settle();
        assert!(world.hosts[impostor].manager.is_none());
        assert_eq!(world.noticed("duplicate-hypervisor"), 1);
        assert!(
            world
                .remarks
                .iter()
                .any(|remark| remark.contains("192.0.2.99"))
        );
        assert_eq!(
            (world.head(), world.flow_mods()[..3].to_vec()),
            (head, before)
        );
        assert_eq!(world.status(&ports[0]), "ACTIVE");
        // When the first one is gone, the second one may come.
        world.cut_ovsdb(0, false);
        world.hosts[impostor].dials_ovsdb = true;
        world.settle();
        assert!(world.hosts[impostor].manager.is_some());
    }
}

#[test]
fn a_host_that_connects_again_takes_its_own_place() {
    for seed in 0..8 {
        let (mut world, ports) = cloud(seed);
        let (head, before) = (world.head(), world.flow_mods());
        world.abandon(0);
        world.settle();
        assert_eq!(
            (world.head(), world.flow_mods()),
            (head, before),
            "seed {seed}"
        );
        let network = network_of(&mut world, &ports[0]);
        let port = world.port(&network);
        world.plug(0, "tap7", &port);
        world.settle();
        world.check();
        assert_eq!(world.status(&port), "ACTIVE");
        assert_eq!(
            (
                world.noticed("duplicate-hypervisor"),
                world.noticed("switch-down")
            ),
            (0, 0)
        );
    }
}

fn network_of(world: &mut World, port: &str) -> String {
    let answer = world.call("GET", &format!("/ports/{port}"), None).unwrap();
    answer["port"]["network_id"].as_str().unwrap().to_owned()
}

#[test]
fn a_hypervisor_that_changes_its_name_leaves_the_old_one() {
    for seed in 0..10 {
        let (mut world, ports) = cloud(seed);
        rename(&mut world, 0, "hv9");
        world.settle();
        // What the old one had is the old one's, as if it had gone.
        let rows = world.interfaces();
        assert_eq!(rows.iter().filter(|row| row.chassis == "hv9").count(), 2);
        assert_eq!(rows.iter().filter(|row| row.chassis == "hv0").count(), 2);
        assert_eq!(
            (
                world.noticed("hypervisor-up"),
                world.noticed("hypervisor-down")
            ),
            (4, 1)
        );
        world.update("port", &ports[0], serde_json::json!({"name": "x"}));
        world.settle();
        assert_eq!(world.interfaces(), rows);
        // Its name is free for another hypervisor, also when it is gone.
        world.cut_ovsdb(0, false);
        let other = world.add_host("hv0", Ipv4Addr::new(192, 0, 2, 77));
        world.settle();
        assert!(world.hosts[other].manager.is_some());
        assert_eq!(world.noticed("duplicate-hypervisor"), 0);
    }
}

#[test]
fn a_switch_that_nobody_named_is_left_alone_until_somebody_does() {
    let (mut world, ports) = cloud(1);
    world.notices.clear();
    world.restart_on(weft_schema::MemoryStore::new(crate::world::SECRET));
    for host in &mut world.hosts {
        host.dials_ovsdb = false;
    }
    let tables: Vec<_> = (0..3).map(|host| world.table(host)).collect();
    let before = world
        .hosts
        .iter()
        .map(|host| host.switch.dumps)
        .collect::<Vec<_>>();
    world.settle();
    // A hypervisor has a moment to say whose they are.
    world.tell(Input::Tick(world.now));
    assert_eq!(world.noticed("unknown-switch"), 0);
    for later in [2_000, 4_000] {
        world.tell(Input::Tick(world.now + later));
        assert_eq!(world.noticed("unknown-switch"), 3);
    }
    for (host, table) in tables.iter().enumerate() {
        assert_eq!(
            (&world.table(host), world.hosts[host].switch.dumps),
            (table, before[host])
        );
    }
    assert_eq!(
        world.call("GET", &format!("/ports/{}", ports[0]), None),
        None
    );
}

#[test]
fn a_hypervisor_without_name_is_left_alone() {
    let mut world = World::new(2);
    world.add_host("", Ipv4Addr::new(192, 0, 2, 1));
    world.settle();
    assert_eq!((world.head(), world.noticed("hypervisor-up")), (0, 0));
    assert!(
        world
            .remarks
            .iter()
            .any(|remark| remark.contains("system-id"))
    );
}

#[test]
fn what_is_wrong_with_a_hypervisor_is_said_once_each() {
    let mut world = World::new(3);
    world.add_host("hv0", Ipv4Addr::new(192, 0, 2, 1));
    let ids = [
        ("system-id", "hv0"),
        ("weft-encap-ip", "10.0.0,elsewhere,192.0.2.1"),
    ];
    set_root(&mut world, 0, "external_ids", Datum::map(ids));
    world.settle();
    world.plug(0, "a", "x");
    world.plug(0, "b", "y");
    world.settle();
    let said = |what: &str| {
        world
            .remarks
            .iter()
            .filter(|remark| remark.contains(what))
            .count()
    };
    assert_eq!((said("'10.0.0'"), said("'elsewhere'")), (1, 1));
}

#[test]
fn a_bridge_that_gets_no_datapath_is_tried_as_netdev() {
    let mut world = World::new(4);
    world.add_host("hv0", Ipv4Addr::new(192, 0, 2, 1));
    world.hosts[0].running = false;
    world.settle();
    let kind = |world: &World| {
        let (_, bridge) = world.hosts[0]
            .ovsdb
            .database()
            .rows("Bridge")
            .next()
            .unwrap();
        bridge.str("datapath_type").to_owned()
    };
    assert_eq!(kind(&world), "");
    world.pass(4_000);
    assert_eq!(kind(&world), "");
    world.pass(2_000);
    assert_eq!(kind(&world), "netdev");
    assert!(world.remarks.iter().any(|remark| remark.contains("netdev")));
    world.hosts[0].running = true;
    world.settle();
    world.check();
    assert_eq!(world.noticed("switch-up"), 1);
}

#[test]
fn a_bridge_without_datapath_that_may_not_be_corrected_is_left_as_it_is() {
    let mut world = World::new(4);
    world.add_host("hv0", Ipv4Addr::new(192, 0, 2, 1));
    world.hosts[0].running = false;
    world.settle();
    // Somebody with a later mandate takes over while patience runs.
    let ids = [("system-id", "hv0"), ("weft-generation", "99")];
    set_root(&mut world, 0, "external_ids", Datum::map(ids));
    world.settle();
    for _ in 0..3 {
        world.pass(4_000);
    }
    assert!(!world.remarks.iter().any(|remark| remark.contains("netdev")));
}

#[test]
fn what_is_recorded_of_a_hypervisor_is_bounded_whatever_it_says() {
    let mut world = World::with_hosts(6, 1);
    let long = "x".repeat(100_000);
    let ids = [
        ("system-id", "hv0"),
        ("hostname", &long),
        ("weft-datapath-type", &long),
        ("weft-encap-type", &long),
    ];
    set_root(&mut world, 0, "external_ids", Datum::map(ids));
    set_root(
        &mut world,
        0,
        "iface_types",
        Datum::set((0..1_000).map(|n| format!("t{n}"))),
    );
    world.plug(0, &long, "p1");
    world.plug(0, "tap", &long);
    plug_many(&mut world, 4_200);
    world.settle();
    let rows = world.store.read(|state| {
        let rows = state
            .rows(weft_schema::observation::CHASSIS)
            .chain(state.rows(weft_schema::observation::INTERFACE));
        rows.map(|row| serde_json::to_string(&*row.body).unwrap().len())
            .collect::<Vec<_>>()
    });
    assert_eq!(rows.len(), 1 + 4_096);
    assert!(
        rows.iter().all(|length| *length < 2_000),
        "{:?}",
        rows.iter().max()
    );
    assert!(world.remarks.iter().all(|remark| remark.len() < 600));
    assert!(
        world
            .remarks
            .iter()
            .any(|remark| remark.contains("more than 4096 interfaces"))
    );
    // A name that is too long is none.
    let ids = [("system-id", &*long)];
    let nameless = world.add_host("", Ipv4Addr::new(192, 0, 2, 7));
    set_root(&mut world, nameless, "external_ids", Datum::map(ids));
    world.settle();
    assert_eq!(world.noticed("hypervisor-up"), 1);
}

/// Plugs in that many interfaces at once.
fn plug_many(world: &mut World, count: usize) {
    let server = &mut world.hosts[0].ovsdb;
    let (bridge, _) = server.database().rows("Bridge").next().unwrap();
    let mut transaction = Transaction::new("Open_vSwitch");
    let mut ports = Vec::new();
    for n in 0..count {
        let name = || Datum::from(format!("tap{n:04}"));
        let ids = Datum::map([("iface-id", "p2")]);
        let numbered = Datum::from(100 + n as i64);
        let interface = Row::from([
            ("name", name()),
            ("external_ids", ids),
            ("ofport", numbered),
        ]);
        let interface = Datum::from(transaction.insert("Interface", interface));
        let port = Row::from([("name", name()), ("interfaces", interface)]);
        ports.push(transaction.insert("Port", port));
    }
    let ports = Mutation::new("ports", Mutator::Insert, Datum::set(ports));
    transaction.mutate("Bridge", &Atom::Uuid(bridge), vec![ports]);
    server.transact(&transaction).unwrap();
}

#[test]
fn a_switch_that_lies_about_who_it_is_takes_nobodys_place() {
    for seed in 0..10 {
        let (mut world, ports) = cloud(seed);
        // A host of its own name, whose bridge has the datapath id of another's.
        let id = datapath_of(&world, 0);
        let liar = world.add_host("liar", Ipv4Addr::new(192, 0, 2, 99));
        world.settle();
        let (bridge, _) = world.hosts[liar]
            .ovsdb
            .database()
            .rows("Bridge")
            .next()
            .unwrap();
        let mut transaction = Transaction::new("Open_vSwitch");
        let lie = Row::from([("datapath_id", Datum::from(id))]);
        transaction.update("Bridge", &Atom::Uuid(bridge), lie);
        world.hosts[liar].ovsdb.transact(&transaction).unwrap();
        world.settle();
        let before = world.flow_mods();
        // Both switches connect anew, the liar's first.
        world.cut_openflow(0, false);
        world.cut_openflow(liar, true);
        world.settle();
        world.hosts[0].dials_openflow = true;
        world.settle();
        assert_eq!(world.flow_mods()[..3], before[..3], "seed {seed}");
        world.check_host(0);
        assert_eq!(world.status(&ports[0]), "ACTIVE");
        // Without a hypervisor to its name it is refused as long as the true one is there.
        world.hosts[liar].dials_ovsdb = false;
        world.cut_ovsdb(liar, false);
        world.cut_openflow(liar, true);
        world.settle();
        assert_eq!(world.flow_mods()[..3], before[..3], "seed {seed}");
        assert!(world.hosts[0].channel.is_some());
    }
}

#[test]
fn a_second_switch_of_the_same_identity_from_elsewhere_is_refused_and_said() {
    let (mut world, ports) = cloud(1);
    let (link, before) = (77, world.flow_mods());
    let id = u64::from_str_radix(&datapath_of(&world, 0), 16).unwrap();
    world.tell(Input::SwitchUp {
        link,
        peer: Ipv4Addr::new(192, 0, 2, 99).into(),
        datapath: rust_openflow::DatapathId(id),
        version: rust_openflow::Version::V1_5,
    });
    world.settle();
    assert_eq!(world.noticed("duplicate-switch"), 1);
    assert!(world.hosts[0].channel.is_some());
    assert_eq!(world.flow_mods(), before);
    assert_eq!(world.status(&ports[0]), "ACTIVE");
}

fn datapath_of(world: &World, host: usize) -> String {
    let mut bridges = world.hosts[host].ovsdb.database().rows("Bridge");
    let (_, bridge) = bridges
        .find(|(_, row)| row.str("name") == crate::world::BRIDGE)
        .unwrap();
    bridge.str("datapath_id").to_owned()
}

#[test]
fn a_peer_that_is_silent_is_given_up_and_may_come_back() {
    let (mut world, ports) = cloud(5);
    world.hosts[0].switch.mute = Some(|_| true);
    let network = network_of(&mut world, &ports[0]);
    let port = world.port(&network);
    world.plug(0, "tap7", &port);
    world.settle();
    for _ in 0..40 {
        world.pass(5_000);
    }
    assert!(world.hosts[0].channel.is_none());
    assert_eq!(world.noticed("switch-down"), 1);
    world.hosts[0].switch.mute = None;
    world.hosts[0].dials_openflow = true;
    world.settle();
    world.check();
    assert_eq!(world.status(&port), "ACTIVE");
}

#[test]
fn a_reading_that_is_overtaken_by_another_counts_once() {
    for seed in 0..8 {
        let (mut world, _) = cloud(seed);
        let before = world.flow_mods();
        for n in 0..12 {
            world.tell(Input::Audit);
            for _ in 0..(seed as usize + n) % 7 {
                world.step();
            }
        }
        world.settle();
        assert_eq!(world.flow_mods(), before);
        assert_eq!(world.noticed("repaired"), 0);
    }
}

#[test]
fn a_switch_leaves_the_hypervisor_that_names_another_one() {
    let (mut world, _) = cloud(6);
    let chassis = world.hosts[0].chassis();
    let (bridge, _) = world.hosts[0]
        .ovsdb
        .database()
        .rows("Bridge")
        .next()
        .unwrap();
    let mut transaction = Transaction::new("Open_vSwitch");
    let other = Row::from([("datapath_id", Datum::from("00000000000000aa".to_owned()))]);
    transaction.update("Bridge", &Atom::Uuid(bridge), other);
    world.hosts[0].ovsdb.transact(&transaction).unwrap();
    world.settle();
    assert_eq!(world.noticed("switch-down"), 1);
    assert!(world.hosts[0].channel.is_none());
    // The one that is named now takes its place.
    world.hosts[0].dials_openflow = true;
    world.settle();
    world.check();
    let statuses = world.member.switch_statuses();
    let status = statuses.iter().find(|one| one.system_id == *chassis.0);
    assert_eq!(status.unwrap().state, "in order");
}
