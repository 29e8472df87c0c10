//! Whatever happens in whatever order: at rest every connected switch has what the compiler makes of
//! the store's state from nothing, and when everything is deleted, what a new switch gets.

use proptest::prelude::*;
use serde_json::json;
use weft_member::Input;

use crate::world::{Database, World};

const HOSTS: usize = 3;

/// One thing that happens. Numbers choose among what there is.
#[derive(Debug, Clone)]
enum Step {
    CreateNetwork,
    DeleteNetwork(usize),
    CreatePort(usize),
    DeletePort(usize),
    DisablePort(usize, bool),
    BindPort(usize, usize),
    Security(usize, bool),
    Dhcp(usize, bool),
    Plug(usize, usize, usize),
    Unplug(usize, usize),
    CutOvsdb(usize, bool),
    CutOpenflow(usize, bool),
    Abandon(usize),
    Restart,
    EmptySwitch(usize),
    Dial(usize),
    Database(u8),
    Retry,
    Audit,
    Meddle(usize),
    Refuse(usize, bool),
    Stop(usize, bool),
    Happen(usize),
}

fn step() -> impl Strategy<Value = Step> {
    let n = 0..8_usize;
    let host = 0..HOSTS;
    prop_oneof![
        2 => Just(Step::CreateNetwork),
        1 => n.clone().prop_map(Step::DeleteNetwork),
        6 => n.clone().prop_map(Step::CreatePort),
        3 => n.clone().prop_map(Step::DeletePort),
        1 => (n.clone(), any::<bool>()).prop_map(|(port, up)| Step::DisablePort(port, up)),
        2 => (n.clone(), 0..HOSTS + 1).prop_map(|(port, host)| Step::BindPort(port, host)),
        1 => (n.clone(), any::<bool>()).prop_map(|(port, on)| Step::Security(port, on)),
        1 => (n.clone(), any::<bool>()).prop_map(|(subnet, on)| Step::Dhcp(subnet, on)),
        8 => (host.clone(), 0..3_usize, n.clone()).prop_map(|(host, tap, port)| Step::Plug(host, tap, port)),
        4 => (host.clone(), 0..3_usize).prop_map(|(host, tap)| Step::Unplug(host, tap)),
        1 => (host.clone(), any::<bool>()).prop_map(|(host, redial)| Step::CutOvsdb(host, redial)),
        2 => (host.clone(), any::<bool>()).prop_map(|(host, redial)| Step::CutOpenflow(host, redial)),
        1 => host.clone().prop_map(Step::Abandon),
        1 => Just(Step::Restart),
        1 => host.clone().prop_map(Step::EmptySwitch),
        2 => host.clone().prop_map(Step::Dial),
        2 => (0..3_u8).prop_map(Step::Database),
        1 => Just(Step::Retry),
        1 => Just(Step::Audit),
        1 => host.clone().prop_map(Step::Meddle),
        1 => (host.clone(), any::<bool>()).prop_map(|(host, refuse)| Step::Refuse(host, refuse)),
        1 => (host, any::<bool>()).prop_map(|(host, runs)| Step::Stop(host, runs)),
        16 => (1..60_usize).prop_map(Step::Happen),
    ]
}

/// The id of one of the rows of a kind.
fn pick(world: &World, kind: &str, n: usize) -> Option<String> {
    world.store.read(|state| {
        let rows: Vec<_> = state
            .rows(kind)
            .filter(|row| !row.flag("_services"))
            .collect();
        let row = rows.get(n % rows.len().max(1))?;
        Some(row.key.id.to_string())
    })
}

/// Changes one of the rows of a kind; a refusal is no matter.
fn put(world: &mut World, kind: &str, n: usize, attributes: serde_json::Value) {
    if let Some(id) = pick(world, kind, n) {
        world.call(
            "PUT",
            &format!("/{kind}s/{id}"),
            Some(json!({ kind: attributes })),
        );
    }
}

fn has_bridge(world: &World, host: usize) -> bool {
    world.hosts[host]
        .ovsdb
        .database()
        .rows("Bridge")
        .next()
        .is_some()
}

fn is_plugged(world: &World, host: usize, tap: &str) -> bool {
    let database = world.hosts[host].ovsdb.database();
    database.rows("Port").any(|(_, row)| row.str("name") == tap)
}

fn run(world: &mut World, step: &Step) {
    match step {
        Step::CreateNetwork => {
            let third = world.below(250);
            world.network(&format!("10.{third}.0.0/24"));
        }
        Step::DeleteNetwork(n) => {
            if let Some(id) = pick(world, "network", *n) {
                world.call("DELETE", &format!("/networks/{id}"), None);
            }
        }
        Step::CreatePort(n) => {
            if let Some(network) = pick(world, "network", *n) {
                world.port(&network);
            }
        }
        Step::DeletePort(n) => {
            if let Some(id) = pick(world, "port", *n) {
                world.call("DELETE", &format!("/ports/{id}"), None);
            }
        }
        Step::DisablePort(n, up) => put(world, "port", *n, json!({"admin_state_up": up})),
        Step::BindPort(n, host) => {
            let host = world
                .hosts
                .get(*host)
                .map_or("", |host| host.system_id.as_str());
            put(world, "port", *n, json!({"binding:host_id": host}));
        }
        Step::Security(n, on) => put(world, "port", *n, json!({"port_security_enabled": on})),
        Step::Dhcp(n, on) => put(world, "subnet", *n, json!({"enable_dhcp": on})),
        Step::Plug(host, tap, n) => {
            let name = format!("tap{tap}");
            if let Some(port) = pick(world, "port", *n)
                && has_bridge(world, *host)
                && !is_plugged(world, *host, &name)
            {
                world.plug(*host, &name, &port);
            }
        }
        Step::Unplug(host, tap) => {
            let name = format!("tap{tap}");
            if is_plugged(world, *host, &name) {
                world.unplug(*host, &name);
            }
        }
        Step::CutOvsdb(host, redial) => world.cut_ovsdb(*host, *redial),
        Step::CutOpenflow(host, redial) => world.cut_openflow(*host, *redial),
        Step::Abandon(host) => world.abandon(*host),
        Step::Restart => world.restart(),
        Step::EmptySwitch(host) => {
            world.cut_openflow(*host, true);
            world.hosts[*host].switch.tables = Default::default();
        }
        Step::Dial(host) => {
            world.hosts[*host].dials_ovsdb = true;
            world.hosts[*host].dials_openflow = true;
        }
        Step::Database(how) => {
            world.database = [Database::Up, Database::Down, Database::Unsure][usize::from(*how)]
        }
        Step::Retry => world.tell(Input::Tick(world.now)),
        Step::Audit => world.tell(Input::Audit),
        Step::Meddle(host) => meddle(world, *host),
        Step::Refuse(host, refuse) => {
            let some = |flow: &rust_openflow::message::FlowMod| flow.cookie.is_multiple_of(5);
            world.hosts[*host].switch.uninstallable = refuse.then(|| Box::new(some) as Box<_>);
        }
        Step::Stop(host, runs) => world.hosts[*host].running = *runs,
        Step::Happen(count) => {
            for _ in 0..*count {
                world.step();
            }
        }
    }
}

/// Somebody takes a flow away.
fn meddle(world: &mut World, host: usize) {
    let at = world.random();
    let flows = &mut world.hosts[host].switch.tables.flows;
    if !flows.is_empty() {
        let at = usize::try_from(at % flows.len() as u64).unwrap();
        let key = flows.keys().nth(at).cloned().unwrap();
        flows.remove(&key);
    }
}

/// All that was broken is whole again, and everybody is there.
fn heal(world: &mut World) {
    world.database = Database::Up;
    for host in &mut world.hosts {
        host.running = true;
        host.dials_ovsdb = true;
        host.dials_openflow = true;
        host.switch.uninstallable = None;
    }
    world.settle();
    world.tell(Input::Tick(world.now));
    world.settle();
    world.tell(Input::Audit);
    world.settle();
}

/// Every port that is on a hypervisor, and no other, is ready; the API says so too.
fn check_rows(world: &mut World) {
    let rows = world.interfaces();
    let plugged: usize = world
        .hosts
        .iter()
        .flat_map(|host| host.ovsdb.database().rows("Interface"))
        .filter(|(_, row)| row.get("external_ids").get("iface-id").is_some())
        .count();
    assert_eq!(rows.len(), plugged);
    for row in rows {
        let port = row.port_id.parse().unwrap();
        let chassis = row.chassis.as_str().into();
        let location = world.member.compiler().model().location_on(port, &chassis);
        let here = location.is_some_and(|location| *location.interface.name == *row.name);
        assert_eq!((row.ready, row.error.as_deref()), (here, None), "{row:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn at_rest_every_switch_has_its_program(seed: u64, steps in prop::collection::vec(step(), 1..60)) {
        let mut world = World::new(seed);
        for host in 0..HOSTS {
            world.add_host(&format!("hv{host}"), [192, 0, 2, 1 + u8::try_from(host).unwrap()].into());
        }
        for step in &steps {
            run(&mut world, step);
        }
        heal(&mut world);
        world.check();
        check_rows(&mut world);
        let (mods, head): (Vec<_>, _) = (world.flow_mods(), world.head());
        world.restart();
        world.settle();
        prop_assert_eq!((world.flow_mods(), world.head()), (mods, head));

        for kind in ["port", "network"] {
            while let Some(id) = pick(&world, kind, 0) {
                world.delete(kind, &id);
            }
        }
        for host in 0..HOSTS {
            for tap in 0..3 {
                run(&mut world, &Step::Unplug(host, tap));
            }
        }
        world.settle();
        world.check();
        prop_assert_eq!(world.interfaces(), vec![]);
        let fresh = World::with_hosts(0, u8::try_from(HOSTS).unwrap());
        for host in 0..HOSTS {
            prop_assert_eq!(world.table(host), fresh.table(host));
        }
    }
}
