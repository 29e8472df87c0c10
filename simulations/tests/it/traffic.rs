//! Frames through switches and tunnels reach exactly whom the logical network means.

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::json;
use weft_simulations::world::{
    Fabric, Fault, HypervisorId, MILLISECOND, Recorder, SECOND, Settings, World,
};
use weft_topology::{ChassisId, PortId, TunnelKind};
use weft_verify::{Delivery, meaning};

use crate::cloud::{cloud, guest, network, settings, text};
use frames::recipe;
use universe::{SLOTS, ipv4, ipv6, mac};

#[path = "../../verify/tests/it/frames.rs"]
mod frames;

/// The addresses that random frames are made of.
mod universe {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use rust_openflow::MacAddr;

    pub(crate) const SLOTS: u8 = 5;
    pub(crate) const SERVICES: MacAddr = MacAddr([0xfa, 0x16, 0x3e, 0xff, 0, 1]);
    pub(crate) const VRRP: MacAddr = MacAddr([0, 0, 0x5e, 0, 1, 1]);

    pub(crate) fn mac(slot: u8) -> MacAddr {
        MacAddr([0xfa, 0x16, 0x3e, 0, 0, slot + 1])
    }

    pub(crate) fn ipv4(slot: u8) -> Ipv4Addr {
        Ipv4Addr::new(10, 0, 0, 10 + slot)
    }

    pub(crate) fn ipv6(slot: u8) -> Ipv6Addr {
        Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 0x10 + u16::from(slot))
    }
}

/// Something that is plugged in as a port.
struct Guest {
    at: HypervisorId,
    interface: String,
    port: PortId,
    slot: u8,
}

/// Two networks of one encapsulation with the same addresses in both, on four hypervisors.
fn twins(seed: u64) -> (World, Vec<Guest>) {
    let mut settings = settings(seed);
    let kinds = TunnelKind::ALL;
    settings.engine.network_type = kinds[(seed % kinds.len() as u64) as usize];
    settings.member.flood_direct = (seed % 4) as u16;
    let mut world = cloud(settings, 4);
    let ids: Vec<HypervisorId> = world.hypervisors().collect();
    let mut guests = Vec::new();
    for n in 0..2 {
        let network = network(&mut world, "10.0.0.0/24");
        let subnet = json!({"network_id": network, "cidr": "fd00::/64", "ip_version": 6});
        world.create("subnet", subnet).unwrap();
        for slot in 0..SLOTS {
            let port = json!({
                "network_id": network,
                "mac_address": mac(slot).to_string(),
                "fixed_ips": [{"ip_address": ipv4(slot)}, {"ip_address": ipv6(slot)}],
                "port_security_enabled": world.random().chance(0.7),
                "admin_state_up": world.random().chance(0.9),
            });
            let port = text(&world.create("port", port).unwrap(), "id");
            let at = ids[world.random().index(ids.len())];
            let interface = format!("tap{n}-{slot}");
            world
                .plug(at, &interface, &port, Box::new(Recorder::default()))
                .unwrap();
            let port = port.parse().unwrap();
            guests.push(Guest {
                at,
                interface,
                port,
                slot,
            });
        }
    }
    assert!(world.converge(60 * SECOND));
    (world, guests)
}

/// What everybody got since this was last asked.
fn received(world: &mut World, guests: &[Guest]) -> Vec<Delivery> {
    let mut received = Vec::new();
    for guest in guests {
        let take = |recorder: &mut Recorder, _: u64| recorder.take();
        let frames = world
            .with_attachment(guest.at, &guest.interface, take)
            .unwrap();
        received.extend(frames.into_iter().map(|(_, frame)| Delivery {
            port: guest.port,
            chassis: ChassisId::from(world.name(guest.at)),
            frame,
        }));
    }
    received
}

fn send(world: &mut World, guest: &Guest, frame: Vec<u8>) {
    let send = |recorder: &mut Recorder, _: u64| recorder.send(frame);
    world
        .with_attachment(guest.at, &guest.interface, send)
        .unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn frames_reach_exactly_whom_the_network_means(
        seed in any::<u64>(),
        recipes in prop::collection::vec(recipe(), 10),
    ) {
        let (mut world, guests) = twins(seed);
        for recipe in &recipes {
            for guest in &guests {
                // Each frame comes after a minute, so that no meter holds it back.
                world.run_for(60 * SECOND);
                let frame = recipe.frame(guest.slot);
                let chassis = ChassisId::from(world.name(guest.at));
                let model = world.member().unwrap().compiler().model();
                let meant = meaning(model, guest.port, &chassis, &frame);
                let asked = world.counts().packet_ins;
                send(&mut world, guest, frame);
                world.run_for(100 * MILLISECOND);
                let mut got = received(&mut world, &guests);
                prop_assert_eq!(
                    world.counts().packet_ins - asked,
                    u64::from(meant.captured.is_some()),
                    "seed {}", seed
                );
                if meant.captured.is_some() {
                    // What is answered goes to who asked.
                    got.retain(|delivery| delivery.port != guest.port);
                }
                let fresh: BTreeSet<Delivery> = got.iter().cloned().collect();
                prop_assert_eq!(fresh.len(), got.len(), "a frame came twice");
                prop_assert_eq!(fresh, meant.deliveries, "seed {}, {:?}", seed, recipe);
            }
        }
    }
}

/// A broadcast frame of somebody with that address.
fn broadcast(source: &str) -> Vec<u8> {
    let source = source
        .split(':')
        .map(|byte| u8::from_str_radix(byte, 16).unwrap());
    let mut frame = vec![0xff; 6];
    frame.extend(source);
    // An Ethernet type for experiments (IEEE 802).
    frame.extend([0x88, 0xb5]);
    frame.extend([7; 46]);
    frame
}

/// Two guests of one network on two hypervisors; gives their hypervisors and the address of the first.
fn pair(seed: u64) -> (World, [HypervisorId; 2], String) {
    let mut world = cloud(Settings::new(seed), 2);
    let ids: Vec<_> = world.hypervisors().collect();
    let network = network(&mut world, "10.0.0.0/24");
    let first = guest(&mut world, ids[0], "tap0", &network);
    guest(&mut world, ids[1], "tap0", &network);
    assert!(world.converge(10 * SECOND));
    (world, [ids[0], ids[1]], text(&first, "mac_address"))
}

fn reaches(world: &mut World, [from, to]: [HypervisorId; 2], source: &str) -> bool {
    let send = |recorder: &mut Recorder, _: u64| recorder.send(broadcast(source));
    world.with_attachment(from, "tap0", send).unwrap();
    world.run_for(10 * MILLISECOND);
    let got = world.with_attachment(to, "tap0", |recorder: &mut Recorder, _: u64| {
        recorder.take()
    });
    got.unwrap()
        == [(
            world.now() - 10 * MILLISECOND + took(world),
            broadcast(source),
        )]
}

/// How long a frame takes through two switches and a fabric of constant delay.
fn took(world: &World) -> u64 {
    2 * world.settings().delays.switch + 25
}

#[test]
fn forwarding_goes_on_without_a_controller_and_ends_with_a_switch_a_link_or_the_underlay() {
    let (mut world, ids, source) = pair(1);
    let fabric = Fabric {
        delay: 25..=25,
        loss: 0.0,
    };
    world.set_carrier(fabric.clone());
    assert!(reaches(&mut world, ids, &source));
    world.inject(&Fault::ControllerDown);
    world.run_for(60 * SECOND);
    assert!(reaches(&mut world, ids, &source));
    world.inject(&Fault::ControllerUp);
    let link = |up| Fault::Link {
        hypervisor: ids[1],
        interface: "tap0".to_owned(),
        up,
    };
    world.inject(&link(false));
    assert!(!reaches(&mut world, ids, &source));
    world.inject(&link(true));
    assert!(reaches(&mut world, ids, &source));
    world.inject(&Fault::SwitchDown {
        hypervisor: ids[0],
        keeps_flows: true,
    });
    assert!(!reaches(&mut world, ids, &source));
    world.inject(&Fault::SwitchUp(ids[0]));
    world.run_for(SECOND);
    assert!(reaches(&mut world, ids, &source));
    world.set_carrier(Fabric {
        loss: 1.0,
        ..fabric
    });
    let lost = world.counts().frames_lost;
    assert!(!reaches(&mut world, ids, &source));
    assert_eq!(world.counts().frames_lost, lost + 1);
}
