//! Random lives of a cloud: nothing is ever given out twice, nothing is lost, and a state that
//! the log rebuilds is the same.

use proptest::prelude::*;
use serde_json::{Value, json};
use weft_engine::{Config, topology};
use weft_schema::{Row, State, WriteSet};

use crate::runner::{World, body, check_claims, request};

/// Something that a caller does; numbers choose among what there is.
#[derive(Debug, Clone)]
enum Deed {
    Network,
    Subnet {
        network: usize,
        range: u8,
        v6: bool,
        slaac: bool,
        dhcp: bool,
    },
    Port {
        network: usize,
        wish: u8,
        count: usize,
    },
    Move {
        port: usize,
        wish: u8,
        mac: u8,
    },
    Toggle {
        subnet: usize,
        dhcp: bool,
    },
    Delete {
        kind: usize,
        which: usize,
    },
}

fn deed() -> impl Strategy<Value = Deed> {
    let which = 0..1000_usize;
    prop_oneof![
        1 => Just(Deed::Network),
        3 => (which.clone(), 0..4_u8, any::<bool>(), any::<bool>(), any::<bool>()).prop_map(
            |(network, range, v6, slaac, dhcp)| Deed::Subnet { network, range, v6, slaac, dhcp }
        ),
        8 => (which.clone(), 0..12_u8, 1..4_usize)
            .prop_map(|(network, wish, count)| Deed::Port { network, wish, count }),
        3 => (which.clone(), 0..12_u8, 0..6_u8)
            .prop_map(|(port, wish, mac)| Deed::Move { port, wish, mac }),
        1 => (which.clone(), any::<bool>()).prop_map(|(subnet, dhcp)| Deed::Toggle { subnet, dhcp }),
        4 => (0..3_usize, which).prop_map(|(kind, which)| Deed::Delete { kind, which }),
    ]
}

/// One of the rows of a kind.
fn pick(world: &World, kind: &str, which: usize) -> Option<String> {
    world.store.read(|state| {
        let count = state.count(kind);
        let row = state.rows(kind).nth(which % count.max(1))?;
        Some(row.key.id.to_string())
    })
}

/// Addresses to wish for: by subnet, by address, by both, or none.
fn wishes(wish: u8) -> Value {
    match wish {
        0 => json!([]),
        number => json!([{"ip_address": format!("10.0.{}.{number}", number % 4)}]),
    }
}

fn act(world: &mut World, deed: &Deed) -> Option<()> {
    let asked = match deed {
        Deed::Network => request("POST", "/networks", body("network", json!({}))),
        Deed::Subnet {
            network,
            range,
            v6,
            slaac,
            dhcp,
        } => {
            let network = pick(world, "network", *network)?;
            let mut subnet = json!({"network_id": network, "enable_dhcp": dhcp, "ip_version": 4,
                "cidr": format!("10.0.{range}.0/29")});
            if *v6 {
                subnet["ip_version"] = 6.into();
                subnet["cidr"] = format!("2001:db8:{range}::/64").into();
                if *slaac && *dhcp {
                    subnet["ipv6_address_mode"] = "slaac".into();
                }
            }
            request("POST", "/subnets", body("subnet", subnet))
        }
        Deed::Port {
            network,
            wish,
            count,
        } => {
            let network = pick(world, "network", *network)?;
            let mut port = json!({"network_id": network});
            if *wish < 6 {
                port["fixed_ips"] = wishes(*wish);
            }
            request("POST", "/ports", Some(json!({"ports": vec![port; *count]})))
        }
        Deed::Move { port, wish, mac } => {
            let port = pick(world, "port", *port)?;
            let mut change = json!({"mac_address": format!("fa:16:3e:00:00:0{mac}")});
            if *wish < 6 {
                change["fixed_ips"] = wishes(*wish);
            }
            request("PUT", &format!("/ports/{port}"), body("port", change))
        }
        Deed::Toggle { subnet, dhcp } => {
            let subnet = pick(world, "subnet", *subnet)?;
            let change = json!({"enable_dhcp": dhcp});
            request("PUT", &format!("/subnets/{subnet}"), body("subnet", change))
        }
        Deed::Delete { kind, which } => {
            let kind = ["port", "subnet", "network"][*kind];
            let id = pick(world, kind, *which)?;
            request("DELETE", &format!("/{kind}s/{id}"), None)
        }
    };
    let (status, answer) = world.call("admin", &asked);
    assert!(status < 500, "{deed:?}: {answer}");
    Some(())
}

/// Every network with an IPv4 subnet that has DHCP has one services port with its addresses.
fn check_services_ports(state: &State) {
    for network in state.rows("network") {
        let with_dhcp = |row: &Row| row.flag("enable_dhcp") && row.text("cidr").contains('.');
        let id = &network.key.id;
        let mut subnets: Vec<&str> = state
            .referrers("subnet", "network_id", id)
            .filter(|row| with_dhcp(row))
            .map(|row| &*row.key.id)
            .collect();
        let ports: Vec<_> = state
            .referrers("port", "network_id", id)
            .filter(|port| port.flag("_services"))
            .collect();
        assert_eq!(ports.len(), usize::from(!subnets.is_empty()));
        let fixed = ports.iter().flat_map(|port| port.items("fixed_ips"));
        let mut served: Vec<&str> = fixed.filter_map(|ip| ip["subnet_id"].as_str()).collect();
        served.sort_unstable();
        subnets.sort_unstable();
        assert_eq!(served, subnets);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn claims_are_what_rows_need_whatever_happens(deeds in prop::collection::vec(deed(), 1..60)) {
        let mut world = World::new(Config::default());
        for deed in &deeds {
            act(&mut world, deed);
            world.store.read(check_claims);
            world.store.read(check_services_ports);
        }
        let mut replayed = State::new([0; 16]);
        for entry in world.store.entries_after(0) {
            prop_assert!(topology::changes(&entry).iter().all(Result::is_ok));
            replayed.apply(&entry).unwrap();
        }
        world.store.read(|state| {
            assert_eq!(state.snapshot(), replayed.snapshot());
            assert!(topology::everything(state).iter().all(Result::is_ok));
        });
    }
}

#[test]
fn a_write_based_on_an_older_state_never_takes_what_was_taken_since() {
    let mut world = World::new(Config::default());
    let (_, network) = world.call(
        "admin",
        &request("POST", "/networks", body("network", json!({}))),
    );
    let id = network["network"]["id"].clone();
    let subnet = json!({"network_id": id, "ip_version": 4, "cidr": "10.0.0.0/24"});
    world.call(
        "admin",
        &request("POST", "/subnets", body("subnet", subnet)),
    );
    let port = json!({"network_id": id, "fixed_ips": [{"ip_address": "10.0.0.9"}]});
    let asked = request("POST", "/ports", body("port", port));
    let late: WriteSet = late_write(&world, &asked);
    assert_eq!(world.call("admin", &asked).0, 201);
    let refused = world.store.commit_one(late, 0);
    assert!(
        matches!(refused, Err(weft_schema::CommitError::Taken { .. })),
        "{refused:?}"
    );

    // A port on a network that is gone meanwhile, and a network that got a port meanwhile.
    let (_, other) = world.call(
        "admin",
        &request("POST", "/networks", body("network", json!({}))),
    );
    let id = other["network"]["id"].as_str().unwrap().to_owned();
    let create = request("POST", "/ports", body("port", json!({"network_id": id})));
    let delete = request("DELETE", &format!("/networks/{id}"), None);
    let (late_create, late_delete) = (late_write(&world, &create), late_write(&world, &delete));
    assert_eq!(world.call("admin", &create).0, 201);
    let refused = world.store.commit_one(late_delete, 0);
    assert!(
        matches!(refused, Err(weft_schema::CommitError::Changed { .. })),
        "{refused:?}"
    );
    let port = pick_on(&world, &id);
    world.call("admin", &request("DELETE", &format!("/ports/{port}"), None));
    assert_eq!(world.call("admin", &delete).0, 204);
    let refused = world.store.commit_one(late_create, 0);
    assert!(
        matches!(refused, Err(weft_schema::CommitError::Changed { .. })),
        "{refused:?}"
    );
}

fn pick_on(world: &World, network: &str) -> String {
    world.store.read(|state| {
        let port = state.referrers("port", "network_id", network).next();
        port.expect("there is one").key.id.to_string()
    })
}

/// What a member that reads the state now would write.
fn late_write(world: &World, asked: &weft_engine::Request) -> WriteSet {
    write(world, asked, 99)
}

/// What a member with that source of randomness would write.
fn write(world: &World, asked: &weft_engine::Request, seed: u64) -> WriteSet {
    let context = weft_engine::Context {
        project: "admin".to_owned(),
        is_admin: true,
        ..Default::default()
    };
    let mut seed = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut entropy = || {
        seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        (seed ^ seed >> 31).wrapping_mul(0xbf58_476d_1ce4_e5b9)
    };
    let outcome = world
        .store
        .read(|state| world.engine.handle(asked, &context, state, &mut entropy));
    match outcome {
        Ok(weft_engine::Outcome::Write { write, .. }) => write,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_write_names_what_others_stand_on_first_and_removes_it_last() {
    let mut world = World::new(Config::default());
    let (_, network) = world.call(
        "admin",
        &request("POST", "/networks", body("network", json!({}))),
    );
    let id = network["network"]["id"].as_str().unwrap().to_owned();
    let subnet = json!({"network_id": id, "ip_version": 4, "cidr": "10.0.0.0/24"});
    world.call(
        "admin",
        &request("POST", "/subnets", body("subnet", subnet)),
    );
    world.call(
        "admin",
        &request("DELETE", &format!("/networks/{id}"), None),
    );
    let kinds: Vec<Vec<String>> = world
        .store
        .entries_after(1)
        .iter()
        .map(|entry| {
            entry
                .rows
                .iter()
                .map(|row| row.key.kind.to_string())
                .collect()
        })
        .collect();
    assert_eq!(
        kinds,
        [["network", "subnet", "port"], ["port", "subnet", "network"]]
    );
}

#[test]
fn writers_on_one_network_do_not_get_in_each_others_way() {
    const WRITERS: usize = 40;
    let mut world = World::new(Config::default());
    let (_, network) = world.call(
        "admin",
        &request("POST", "/networks", body("network", json!({}))),
    );
    let id = network["network"]["id"].clone();
    let subnet = json!({"network_id": id, "ip_version": 4, "cidr": "10.0.0.0/20"});
    world.call(
        "admin",
        &request("POST", "/subnets", body("subnet", subnet)),
    );
    let asked = request("POST", "/ports", body("port", json!({"network_id": id})));
    let mut waiting = WRITERS;
    let mut rounds = 0;
    while waiting > 0 {
        // All of them read the same state; each commits on its own.
        let seed = 1000 * rounds;
        let writes: Vec<_> = (0..waiting)
            .map(|writer| write(&world, &asked, seed + u64::try_from(writer).unwrap()))
            .collect();
        let refused = writes
            .into_iter()
            .map(|write| world.store.commit_one(write, 0))
            .filter(Result::is_err);
        waiting = refused.count();
        rounds += 1;
    }
    world.store.read(check_claims);
    // The services port is there too.
    assert_eq!(world.store.read(|state| state.count("port")), WRITERS + 1);
    assert!(rounds <= 3, "{rounds} rounds");
}
