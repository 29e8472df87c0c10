//! Real guests in a world: they boot, ask for their addresses, and talk over an underlay that fails.

use std::net::{IpAddr, Ipv4Addr};

use rust_openflow::MacAddr;
use weft_simulations::host::{Addressing, Host, Observation, PingReport, Report};
use weft_simulations::underlay::{self, Link, Shape, Underlay};
use weft_simulations::world::{Fault, HypervisorId, MILLISECOND, SECOND, Settings, World};

use crate::cloud::{network, text};

/// Four hypervisors in two racks below two spines.
fn cloud(seed: u64) -> World {
    let shape = Shape::LeafSpine {
        leaves: 2,
        spines: 2,
        homes: 1,
    };
    let mut plan = shape.plan(Link::of_delay(10), seed).unwrap();
    for n in 0..4 {
        plan.hypervisor(&format!("hv{n}"), n / 2, Link::of_delay(5))
            .unwrap();
    }
    let mut world = World::new(Settings::new(seed)).unwrap();
    world.set_carrier(Underlay::new(plan, underlay::Settings::default()));
    for n in 0..4 {
        let address = IpAddr::V4(Ipv4Addr::new(192, 0, 2, n + 1));
        world.add_hypervisor(&format!("hv{n}"), address).unwrap();
    }
    assert!(world.converge(60 * SECOND));
    world
}

/// A guest that boots; gives its address, which DHCP is to tell it.
fn boot(world: &mut World, at: HypervisorId, network: &str) -> IpAddr {
    let body = serde_json::json!({"network_id": network});
    let port = world.create("port", body).unwrap();
    let mac: MacAddr = text(&port, "mac_address").parse().unwrap();
    let host = Host::new(mac, 1);
    world
        .plug(at, "tap0", &text(&port, "id"), Box::new(host))
        .unwrap();
    assert!(world.converge(60 * SECOND));
    let boots = |host: &mut Host, now| host.boot(&Addressing::Automatic, now);
    world.with_attachment(at, "tap0", boots).unwrap();
    text(&port["fixed_ips"][0], "ip_address").parse().unwrap()
}

fn ping(world: &mut World, at: HypervisorId, to: IpAddr) -> PingReport {
    let pings = |host: &mut Host, now| host.ping(to, 10, 10 * MILLISECOND, now);
    let program = world.with_attachment(at, "tap0", pings).unwrap();
    world.run_for(10 * SECOND);
    let host: &Host = world.attachment(at, "tap0").unwrap();
    match host.report(program) {
        Some(Report::Ping(report)) => report,
        other => panic!("{other:?}"),
    }
}

#[test]
fn guests_get_their_addresses_and_reach_each_other_as_long_as_there_is_a_way() {
    let mut world = cloud(1);
    let ids: Vec<HypervisorId> = world.hypervisors().collect();
    let network = network(&mut world, "10.0.0.0/24");
    let addresses: Vec<IpAddr> = ids
        .iter()
        .map(|id| boot(&mut world, *id, &network))
        .collect();
    world.run_for(10 * SECOND);
    for (id, address) in ids.iter().zip(&addresses) {
        let leased = world.with_attachment(*id, "tap0", |host: &mut Host, _| {
            std::iter::from_fn(|| host.next_event()).find_map(|event| match event.what {
                Observation::Leased { address, .. } => Some(IpAddr::V4(address.addr())),
                _ => None,
            })
        });
        assert_eq!(leased.unwrap(), Some(*address));
    }
    let report = ping(&mut world, ids[0], addresses[3]);
    assert_eq!(report.received, 10, "{report:?}");
    // Two access links, two links to a spine, both ways.
    assert!(report.round_trips.least >= 60, "{report:?}");
    let names = |world: &World| {
        let nodes = world.underlay().unwrap().graph().nodes();
        nodes
            .map(|(id, node)| (node.name.clone(), id))
            .collect::<Vec<_>>()
    };
    let spines: Vec<_> = names(&world)
        .into_iter()
        .filter(|(name, _)| name.starts_with("spine"))
        .map(|(_, id)| id)
        .collect();
    assert_eq!(spines.len(), 2);
    for spine in &spines {
        world.inject(&Fault::UnderlayDevice(*spine, false));
    }
    assert_eq!(ping(&mut world, ids[0], addresses[3]).received, 0);
    assert_eq!(ping(&mut world, ids[0], addresses[1]).received, 10);
    world.inject(&Fault::UnderlayDevice(spines[1], true));
    world.run_for(SECOND);
    assert_eq!(ping(&mut world, ids[0], addresses[3]).received, 10);
}

#[test]
fn guests_of_one_seed_say_the_same_byte_for_byte() {
    let digest = |seed| {
        let mut world = cloud(seed);
        let ids: Vec<HypervisorId> = world.hypervisors().collect();
        let network = network(&mut world, "10.0.0.0/24");
        boot(&mut world, ids[0], &network);
        let other = boot(&mut world, ids[3], &network);
        world.run_for(10 * SECOND);
        assert_eq!(ping(&mut world, ids[0], other).received, 10);
        world.history().digest()
    };
    assert_eq!(digest(5), digest(5));
    assert_ne!(digest(5), digest(6));
}
