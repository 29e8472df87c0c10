//! The software switches deliver exactly what the reference meaning says.

use proptest::prelude::*;
use weft_switch::Tunnel;
use weft_topology::{Change, TunnelKind};
use weft_verify::meaning;

use crate::frames::{Recipe, recipe};
use crate::universe::{
    CHASSIS, PORTS, RELAYED, SLOTS, change, chassis_id, ofport, port_id, universe,
};
use crate::world::World;

/// Sends a frame from every interface that could be, and holds what happens against the meaning.
pub(crate) fn check(world: &mut World, recipe: &Recipe) -> Result<(), TestCaseError> {
    check_strangers(world, recipe)?;
    for n in 0..PORTS {
        let (sender, frame) = (port_id(n), recipe.frame(n % SLOTS));
        for chassis in (0..CHASSIS).map(chassis_id) {
            let observed = world.inject(&chassis, ofport(n), &frame);
            let observed = observed.map_err(TestCaseError::fail)?;
            if world.model().location_on(sender, &chassis).is_none() {
                // An interface that carries no port, or one that is elsewhere now.
                prop_assert!(observed.emerged.is_empty() && observed.captured.is_empty());
                continue;
            }
            let outcome = world.outcome(sender, &frame, observed);
            let outcome = outcome.map_err(TestCaseError::fail)?;
            isolated(world, n, &outcome)?;
            let meant = meaning(world.model(), sender, &chassis, &frame);
            prop_assert_eq!(
                outcome,
                meant,
                "port {} on {} sends {:?}",
                n,
                chassis,
                frame
            );
        }
    }
    Ok(())
}

/// What comes to a tunnel port from where no hypervisor is goes nowhere, whatever its id.
fn check_strangers(world: &mut World, recipe: &Recipe) -> Result<(), TestCaseError> {
    let frame = recipe.frame(0);
    for chassis in (0..CHASSIS).map(chassis_id) {
        for kind in TunnelKind::ALL {
            for (source, id) in [
                ("192.0.2.66", 100),
                ("2001:db8::66", 100),
                ("192.0.2.66", u64::from(RELAYED)),
            ] {
                let tunnel = Tunnel {
                    id,
                    source: Some(source.parse().expect("an address")),
                    ..Tunnel::default()
                };
                let came = world.arrive(&chassis, kind.ofport(), tunnel, &frame);
                let (observed, further) = came.map_err(TestCaseError::fail)?;
                prop_assert!(observed.emerged.is_empty() && observed.captured.is_empty());
                prop_assert!(further == 0, "a stranger's frame is passed on");
            }
        }
    }
    Ok(())
}

/// No port of another network receives anything.
fn isolated(world: &World, n: u8, outcome: &weft_verify::Outcome) -> Result<(), TestCaseError> {
    let network = |port| world.model().port(port).map(|port| port.network);
    for delivery in &outcome.deliveries {
        prop_assert_eq!(network(delivery.port), network(port_id(n)));
    }
    Ok(())
}

pub(crate) fn world(changes: Vec<Change>, flood_direct: u16) -> World {
    let mut world = World::new((0..CHASSIS).map(chassis_id), flood_direct);
    world.change(changes);
    world
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn switches_deliver_what_the_network_means(
        changes in universe(),
        recipes in prop::collection::vec(recipe(), 12),
        flood_direct in 0..=u16::from(CHASSIS),
    ) {
        let mut world = world(changes, flood_direct);
        for recipe in &recipes {
            check(&mut world, recipe)?;
        }
    }

    #[test]
    fn after_every_edit_switches_deliver_what_the_network_means_now(
        changes in universe(),
        flood_direct in 0..=u16::from(CHASSIS),
        edits in prop::collection::vec((prop::collection::vec(change(), 1..4), prop::collection::vec(recipe(), 3)), 6),
    ) {
        let mut world = world(changes, flood_direct);
        for (edit, recipes) in edits {
            world.change(edit);
            for recipe in &recipes {
                check(&mut world, recipe)?;
            }
        }
    }
}
