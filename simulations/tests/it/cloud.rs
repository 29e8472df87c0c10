//! Small clouds for tests, and random deeds in them.

use std::net::{IpAddr, Ipv4Addr};

use serde_json::{Value, json};
use weft_simulations::world::{
    Detail, Fault, Health, HypervisorId, Protocol, Recorder, SECOND, Settings, World,
};

/// A world with hypervisors `hv0`, `hv1` ... that are connected.
pub(crate) fn cloud(settings: Settings, hypervisors: u8) -> World {
    let mut world = World::new(settings).unwrap();
    for n in 0..hypervisors {
        let address = IpAddr::V4(Ipv4Addr::new(192, 0, 2, n + 1));
        world.add_hypervisor(&format!("hv{n}"), address).unwrap();
    }
    assert!(
        world.converge(60 * SECOND),
        "{:#?}",
        world.history().lines()
    );
    world
}

/// A network with a subnet; gives the network's id.
pub(crate) fn network(world: &mut World, cidr: &str) -> String {
    let network = world.create("network", json!({"name": cidr})).unwrap();
    let network = text(&network, "id");
    let subnet = json!({"network_id": network, "cidr": cidr, "ip_version": 4});
    world.create("subnet", subnet).unwrap();
    network
}

/// A port that may send whatever it likes, and that a recorder is plugged in as, as the interface of that name.
pub(crate) fn guest(world: &mut World, at: HypervisorId, name: &str, network: &str) -> Value {
    let port = json!({"network_id": network, "port_security_enabled": false});
    let port = world.create("port", port).unwrap();
    world
        .plug(at, name, &text(&port, "id"), Box::new(Recorder::default()))
        .unwrap();
    port
}

pub(crate) fn text(value: &Value, name: &str) -> String {
    value[name].as_str().unwrap().to_owned()
}

/// A cloud whose bytes come in pieces, of which everything is kept.
pub(crate) fn settings(seed: u64) -> Settings {
    Settings {
        in_pieces: seed % 2 == 1,
        detail: Detail::Outline,
        ..Settings::new(seed)
    }
}

/// A random change by somebody, or a random fault.
pub(crate) fn something(world: &mut World, networks: &[String], number: usize) {
    let ids: Vec<HypervisorId> = world.hypervisors().collect();
    let at = world.random().index(ids.len());
    let id = ids[at];
    let protocol = Protocol::ALL[world.random().index(2)];
    let name = format!("tap{number}");
    match world.random().below(16) {
        0..=4 => {
            let network = networks[world.random().index(networks.len())].clone();
            let body = json!({"port": {"network_id": network}});
            let answer = world.call("POST", "/ports", Some(body));
            if let Some(port) = answer.body["port"]["id"].as_str() {
                // A hypervisor without power plugs nothing in; the bridge is there all the same.
                world
                    .plug(id, &name, port, Box::new(Recorder::default()))
                    .unwrap();
            }
        }
        5 => {
            let names: Vec<String> = world.interfaces(id).map(str::to_owned).collect();
            if let Some(name) = names.first() {
                world.unplug(id, name).unwrap();
            }
        }
        6 => world.inject(&Fault::Cut(id, protocol)),
        7 => world.inject(&Fault::Stall(id, protocol)),
        8 => world.inject(&Fault::ControllerDown),
        9 => world.inject(&Fault::ControllerUp),
        10 => world.inject(&Fault::HypervisorDown(id)),
        11 => world.inject(&Fault::SwitchDown {
            hypervisor: id,
            keeps_flows: number.is_multiple_of(2),
        }),
        12 => world.inject(&Fault::Database(Health::Down)),
        13 => world.inject(&Fault::Database(Health::Unsure)),
        14 => world.inject(&Fault::Partition(vec![id])),
        _ => world.inject(&Fault::Slow(id, protocol, Some(20_000))),
    }
}

/// Everything that went wrong is right again.
pub(crate) fn heal(world: &mut World) {
    world.inject(&Fault::Database(Health::Up));
    world.inject(&Fault::ControllerUp);
    for id in world.hypervisors().collect::<Vec<_>>() {
        world.inject(&Fault::HypervisorUp(id));
        world.inject(&Fault::SwitchUp(id));
        for protocol in Protocol::ALL {
            world.inject(&Fault::Resume(id, protocol));
            world.inject(&Fault::Slow(id, protocol, None));
        }
        world.inject(&Fault::Heal(vec![id]));
    }
}

/// Random deeds, one after the other with random pauses.
pub(crate) fn troubled(seed: u64, deeds: usize) -> World {
    let mut world = cloud(settings(seed), 3);
    let networks: Vec<String> = (0..2)
        .map(|n| network(&mut world, &format!("10.{n}.0.0/24")))
        .collect();
    for number in 0..deeds {
        something(&mut world, &networks, number);
        let pause = world.random().below(SECOND);
        world.run_for(pause);
    }
    heal(&mut world);
    world
}
