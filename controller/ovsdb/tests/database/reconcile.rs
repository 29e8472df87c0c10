//! What Weft keeps on a hypervisor, against a server in memory.

use std::collections::BTreeSet;

use weft_ovsdb::bridge::{choose_datapath_type, reconcile};
use weft_ovsdb::inventory::{generation, interfaces};
use weft_ovsdb::transaction::{Mutation, Mutator, Transaction};
use weft_ovsdb::value::{Atom, Datum, Row};
use weft_ovsdb::{Error, Mirror, tables};

use crate::world::{World, wanted};

/// A world that is as wanted already.
fn settled() -> World {
    let mut world = World::synchronized();
    assert!(world.reconcile(&wanted(), 7));
    world
}

fn root(world: &World) -> Atom {
    Atom::Uuid(world.mirror().root().unwrap().0)
}

fn bridge_row(mirror: &Mirror) -> &Row {
    mirror.bridge("br-int").unwrap().1
}

/// Inserts a bridge as `ovs-vsctl add-br` would, without its local port.
fn add_bridge(world: &mut World, name: &str, columns: &[(&str, Datum)]) {
    let root = root(world);
    let mut transaction = Transaction::new(tables::DATABASE);
    let mut row = Row::from([("name", Datum::from(name))]);
    columns
        .iter()
        .for_each(|(column, datum)| row.set((*column).into(), datum.clone()));
    let bridge = transaction.insert("Bridge", row);
    transaction.mutate(
        "Open_vSwitch",
        &root,
        vec![Mutation::new("bridges", Mutator::Insert, bridge)],
    );
    world.server.transact(&transaction).unwrap();
    world.settle();
}

/// A database with a root row, as `ovs-vsctl init` makes it.
fn initialized() -> World {
    let mut world = World::synchronized();
    let mut transaction = Transaction::new(tables::DATABASE);
    transaction.insert("Open_vSwitch", Row::default());
    world.server.transact(&transaction).unwrap();
    world.settle();
    world
}

#[test]
fn an_empty_database_becomes_as_wanted() {
    let world = settled();
    let mirror = world.mirror();
    let bridge = bridge_row(mirror);
    assert_eq!(bridge.str("fail_mode"), "secure");
    assert_eq!(
        bridge.get("protocols"),
        &Datum::set(["OpenFlow13", "OpenFlow14", "OpenFlow15"])
    );
    assert_eq!(
        bridge.get("other_config").get("disable-in-band"),
        Some("true")
    );
    let controllers: Vec<_> = mirror
        .referred(bridge, "controller", "Controller")
        .collect();
    assert_eq!(controllers.len(), 2);
    for (_, row) in controllers {
        assert_eq!(row.str("connection_mode"), "out-of-band");
        assert_eq!(row.get("max_backoff").as_integer(), Some(1000));
        assert_eq!(row.get("inactivity_probe").as_integer(), Some(5000));
    }
    let names: BTreeSet<_> = interfaces(mirror, "br-int")
        .into_iter()
        .map(|i| (i.name, i.kind))
        .collect();
    let expected = [
        ("br-int", "internal"),
        ("weft-geneve", "geneve"),
        ("weft-vxlan", "vxlan"),
    ];
    assert_eq!(
        names,
        expected
            .map(|(name, kind)| (name.to_owned(), kind.to_owned()))
            .into()
    );
    assert_eq!(
        world.column("Flow_Table", "name"),
        ["classify", "port_security"]
    );
    assert_eq!(world.column("Manager", "target"), ["tcp:192.0.2.2:6640"]);
    assert_eq!(
        mirror.root().unwrap().1.get("next_cfg").as_integer(),
        Some(1)
    );
    assert!(
        mirror
            .root()
            .unwrap()
            .1
            .get("datapaths")
            .value(&"system".into())
            .is_some()
    );
    assert_eq!(generation(mirror), Some(7));
}

#[test]
fn what_is_as_wanted_is_left_alone() {
    let world = settled();
    assert_eq!(reconcile(world.mirror(), &wanted(), 7), Ok(None));
}

#[test]
fn a_tunnel_deleted_by_hand_comes_back() {
    let mut world = settled();
    let (bridge, port) = (
        world.row("Bridge", "name", "br-int"),
        world.row("Port", "name", "weft-vxlan"),
    );
    world.by_hand(
        "Bridge",
        &bridge,
        vec![Mutation::new("ports", Mutator::Delete, port)],
    );
    assert_eq!(world.column("Interface", "name"), ["br-int", "weft-geneve"]);
    assert!(world.reconcile(&wanted(), 7));
    assert_eq!(
        world.column("Interface", "name"),
        ["br-int", "weft-geneve", "weft-vxlan"]
    );
}

#[test]
fn a_wrong_tunnel_is_corrected_in_place() {
    let mut world = settled();
    let interface = world.row("Interface", "name", "weft-vxlan");
    let options = Datum::map([("remote_ip", "192.0.2.9")]);
    world.by_hand(
        "Interface",
        &interface,
        vec![
            Mutation::new("options", Mutator::Delete, "remote_ip"),
            Mutation::new("options", Mutator::Insert, options),
            Mutation::new("ofport_request", Mutator::Add, 1),
        ],
    );
    assert!(world.reconcile(&wanted(), 7));
    assert_eq!(world.row("Interface", "name", "weft-vxlan"), interface);
    let row = world
        .mirror()
        .row("Interface", interface.as_uuid().unwrap())
        .unwrap();
    assert_eq!(row.get("options").get("remote_ip"), Some("flow"));
    assert_eq!(row.get("ofport_request").as_integer(), Some(40000));
}

#[test]
fn stale_tunnels_stages_and_managers_go_and_foreign_ones_stay() {
    let mut world = settled();
    world.plug("br-int", "tap1", &[("iface-id", "p1")]);
    let mut transaction = Transaction::new(tables::DATABASE);
    let manager = transaction.insert("Manager", Row::from([("target", Datum::from("ptcp:6640"))]));
    let stage = transaction.insert("Flow_Table", Row::from([("name", Datum::from("theirs"))]));
    let bridge = world.row("Bridge", "name", "br-int");
    let manager = Mutation::new("manager_options", Mutator::Insert, manager);
    transaction.mutate("Open_vSwitch", &root(&world), vec![manager]);
    let stage = Mutation::new("flow_tables", Mutator::Insert, Datum::map([(200, stage)]));
    transaction.mutate("Bridge", &bridge, vec![stage]);
    world.server.transact(&transaction).unwrap();
    world.settle();

    let mut want = wanted();
    want.tunnels.pop();
    want.flow_tables.remove(&1);
    want.managers = Some(BTreeSet::new());
    assert!(world.reconcile(&want, 7));
    assert_eq!(
        world.column("Port", "name"),
        ["br-int", "tap1", "weft-vxlan"]
    );
    assert_eq!(world.column("Flow_Table", "name"), ["classify", "theirs"]);
    assert_eq!(world.column("Manager", "target"), ["ptcp:6640"]);
    assert_eq!(reconcile(world.mirror(), &want, 7), Ok(None));
}

#[test]
fn stages_are_renamed_in_place_and_a_shared_row_is_not_taken_from_others() {
    let mut world = settled();
    let row = world.row("Flow_Table", "name", "classify");
    let mut want = wanted();
    want.flow_tables.insert(0, "arrive".to_owned());
    assert!(world.reconcile(&want, 7));
    assert_eq!(world.row("Flow_Table", "name", "arrive"), row);

    let bridge = world.row("Bridge", "name", "br-int");
    let share = Mutation::new("flow_tables", Mutator::Insert, Datum::map([(2, row)]));
    world.by_hand("Bridge", &bridge, vec![share]);
    want.flow_tables.insert(2, "services".to_owned());
    assert!(world.reconcile(&want, 7));
    assert_eq!(
        world.column("Flow_Table", "name"),
        ["arrive", "port_security", "services"]
    );
    assert_eq!(reconcile(world.mirror(), &want, 7), Ok(None));
}

#[test]
fn foreign_keys_survive_and_wrong_ones_are_set_right() {
    let mut world = settled();
    let bridge = world.row("Bridge", "name", "br-int");
    let config = Datum::map([
        ("disable-in-band", "false"),
        ("hwaddr", "02:00:00:00:00:01"),
    ]);
    world.by_hand(
        "Bridge",
        &bridge,
        vec![
            Mutation::new("other_config", Mutator::Delete, "disable-in-band"),
            Mutation::new("other_config", Mutator::Insert, config),
        ],
    );
    assert!(world.reconcile(&wanted(), 7));
    let expected = Datum::map([("disable-in-band", "true"), ("hwaddr", "02:00:00:00:00:01")]);
    assert_eq!(bridge_row(world.mirror()).get("other_config"), &expected);
}

#[test]
fn a_bridge_made_by_others_is_adopted_with_its_ports() {
    let mut world = initialized();
    add_bridge(
        &mut world,
        "br-int",
        &[("datapath_type", Datum::from("netdev"))],
    );
    world.plug("br-int", "tap1", &[]);
    let bridge = world.row("Bridge", "name", "br-int");
    let mut transaction = Transaction::new(tables::DATABASE);
    let foreign = Row::from([("target", Datum::from("tcp:198.51.100.1:6653"))]);
    let foreign = transaction.insert("Controller", foreign);
    transaction.mutate(
        "Bridge",
        &bridge,
        vec![Mutation::new("controller", Mutator::Insert, foreign)],
    );
    world.server.transact(&transaction).unwrap();
    world.settle();

    assert!(world.reconcile(&wanted(), 1));
    assert_eq!(world.row("Bridge", "name", "br-int"), bridge);
    assert_eq!(bridge_row(world.mirror()).str("datapath_type"), "netdev");
    assert_eq!(
        world.column("Port", "name"),
        ["br-int", "tap1", "weft-geneve", "weft-vxlan"]
    );
    assert_eq!(
        world.column("Controller", "target"),
        ["tcp:192.0.2.1:6653", "tcp:192.0.2.2:6653"]
    );
}

#[test]
fn a_later_mandate_takes_over_and_an_earlier_one_is_refused() {
    let mut world = settled();
    assert_eq!(
        reconcile(world.mirror(), &wanted(), 6),
        Err(Error::Stale { stored: 7, ours: 6 })
    );
    assert!(world.reconcile(&wanted(), 8));
    assert_eq!(generation(world.mirror()), Some(8));
}

#[test]
fn a_transaction_decided_before_another_mandate_came_does_nothing() {
    let mut world = settled();
    let mut want = wanted();
    want.tunnels.clear();
    let late = reconcile(world.mirror(), &want, 7).unwrap().unwrap();
    assert!(world.reconcile(&wanted(), 8));
    let failed = world.transact(late).unwrap_err();
    assert!(
        matches!(&failed, Error::Operation { index: 0, error, .. } if error == "timed out"),
        "{failed}"
    );
    assert_eq!(
        world.column("Port", "name"),
        ["br-int", "weft-geneve", "weft-vxlan"]
    );
}

#[test]
fn of_two_members_that_find_an_empty_database_one_makes_the_root() {
    let mut world = World::synchronized();
    let first = reconcile(world.mirror(), &wanted(), 1).unwrap().unwrap();
    let second = first.clone();
    world.transact(first).unwrap();
    assert!(world.transact(second).is_err());
    assert_eq!(world.mirror().rows("Open_vSwitch").count(), 1);
}

#[test]
fn a_generation_that_is_no_number_is_overwritten() {
    let mut world = settled();
    let root = root(&world);
    world.by_hand(
        "Open_vSwitch",
        &root,
        vec![
            Mutation::new("external_ids", Mutator::Delete, "weft-generation"),
            Mutation::new(
                "external_ids",
                Mutator::Insert,
                Datum::map([("weft-generation", "many")]),
            ),
        ],
    );
    assert!(world.reconcile(&wanted(), 1));
    assert_eq!(generation(world.mirror()), Some(1));
}

#[test]
fn a_tunnel_moves_from_another_bridge_when_it_is_ours_and_not_otherwise() {
    let mut world = settled();
    let mut want = wanted();
    want.name = "br-weft".to_owned();
    assert!(world.reconcile(&want, 7));
    let tunnels = |world: &World, bridge| {
        interfaces(world.mirror(), bridge)
            .iter()
            .filter(|i| i.name.starts_with("weft-"))
            .count()
    };
    assert_eq!(
        (tunnels(&world, "br-int"), tunnels(&world, "br-weft")),
        (0, 2)
    );

    let mut world = initialized();
    add_bridge(&mut world, "br-ex", &[]);
    world.plug("br-ex", "weft-vxlan", &[]);
    assert_eq!(
        reconcile(world.mirror(), &wanted(), 1),
        Err(Error::NameTaken {
            name: "weft-vxlan".to_owned(),
            bridge: "br-ex".to_owned()
        })
    );
}

#[test]
fn a_tunnel_port_with_other_interfaces_is_made_anew() {
    let mut world = settled();
    let port = world.row("Port", "name", "weft-vxlan");
    let mut transaction = Transaction::new(tables::DATABASE);
    let extra = transaction.insert("Interface", Row::from([("name", Datum::from("eth9"))]));
    transaction.mutate(
        "Port",
        &port,
        vec![Mutation::new("interfaces", Mutator::Insert, extra)],
    );
    world.server.transact(&transaction).unwrap();
    world.settle();
    assert!(world.reconcile(&wanted(), 7));
    assert_ne!(world.row("Port", "name", "weft-vxlan"), port);
    assert_eq!(
        world.column("Interface", "name"),
        ["br-int", "weft-geneve", "weft-vxlan"]
    );
}

#[test]
fn the_datapath_type_follows_key_own_bridge_other_bridge_and_switch_in_this_order() {
    let mut world = initialized();
    let choice = |world: &World| choose_datapath_type(world.mirror(), "br-int");
    assert_eq!(choice(&world), "system");
    let root = root(&world);
    let kinds = Mutation::new("datapath_types", Mutator::Insert, "dummy");
    world.by_hand("Open_vSwitch", &root, vec![kinds]);
    assert_eq!(choice(&world), "dummy");
    add_bridge(
        &mut world,
        "br-ex",
        &[("datapath_type", Datum::from("netdev"))],
    );
    assert_eq!(choice(&world), "netdev");
    add_bridge(&mut world, "br-int", &[]);
    assert_eq!(choice(&world), "system");
    let key = Datum::map([("weft-datapath-type", "netdev")]);
    world.by_hand(
        "Open_vSwitch",
        &root,
        vec![Mutation::new("external_ids", Mutator::Insert, key)],
    );
    assert_eq!(choice(&world), "netdev");
    assert!(world.reconcile(&wanted(), 1));
    assert_eq!(bridge_row(world.mirror()).str("datapath_type"), "netdev");
}

#[test]
fn a_schema_without_datapaths_is_configured_without_them() {
    let mut schema = tables::schema();
    schema.tables.remove("Datapath");
    schema
        .tables
        .get_mut("Open_vSwitch")
        .unwrap()
        .columns
        .remove("datapaths");
    let mut world = World::new(weft_ovsdb::server::Server::new(schema, 1));
    world.settle();
    assert!(world.reconcile(&wanted(), 1));
    assert_eq!(reconcile(world.mirror(), &wanted(), 1), Ok(None));
}

#[test]
fn managers_are_left_alone_when_none_are_given() {
    let mut world = settled();
    let mut want = wanted();
    want.managers = None;
    assert!(!world.reconcile(&want, 7));
    assert_eq!(world.column("Manager", "target"), ["tcp:192.0.2.2:6640"]);
}
