//! How many hypervisors there may be, and how one goes for good.

use std::net::Ipv4Addr;

use weft_member::{Error, Input};
use weft_schema::{State, observation};
use weft_topology::ChassisId;

use crate::arrival::cloud;
use crate::world::{HYPERVISORS, World};

fn rows(world: &World, kind: &str) -> usize {
    world.store.read(|state: &State| state.rows(kind).count())
}

/// Forgets a hypervisor as an operator does.
fn forget(world: &mut World, name: &str) -> Result<(), Error> {
    let write = world
        .member
        .forget(&ChassisId::from(name), "ada".to_owned())?;
    world.store.commit_one(write, 1).unwrap();
    world.settle();
    Ok(())
}

#[test]
fn new_hypervisors_beyond_the_limit_are_refused_and_known_ones_go_on() {
    let (mut world, ports) = cloud(1);
    for n in 0..40 {
        world.add_host(&format!("stranger{n}"), Ipv4Addr::new(192, 0, 3, n));
        world.settle();
    }
    let refused = 40 + 3 - HYPERVISORS;
    assert_eq!(rows(&world, observation::CHASSIS), HYPERVISORS);
    assert_eq!(world.noticed("hypervisor-refused"), refused);
    assert_eq!(world.noticed("hypervisor-up"), HYPERVISORS);
    assert!(
        world
            .hosts
            .iter()
            .skip(HYPERVISORS)
            .all(|host| host.manager.is_none())
    );
    let said = |remark: &String| remark.contains("weft switches forget NAME");
    assert!(world.remarks.iter().any(said));
    // Known ones come back, also after a restart, also when there are too many of them.
    for _ in 0..2 {
        for host in 0..HYPERVISORS {
            world.cut_ovsdb(host, true);
            world.settle();
            assert!(world.hosts[host].manager.is_some());
        }
        (0..HYPERVISORS).for_each(|host| world.check_host(host));
        assert_eq!(world.status(&ports[0]), "ACTIVE");
        world.restart();
    }
}

#[test]
fn a_name_that_changes_within_a_connection_counts_as_another_hypervisor() {
    let mut world = World::with_hosts(2, HYPERVISORS as u8);
    crate::connections::rename(&mut world, 0, "another");
    world.settle();
    assert_eq!(rows(&world, observation::CHASSIS), HYPERVISORS);
    assert_eq!(world.noticed("hypervisor-refused"), 1);
    assert!(world.hosts[0].manager.is_none());
}

#[test]
fn hypervisors_that_are_not_recorded_yet_count_too() {
    let mut world = World::new(3);
    world.database = crate::world::Database::Down;
    for n in 0..20 {
        world.add_host(&format!("hv{n}"), Ipv4Addr::new(192, 0, 2, n));
    }
    world.settle();
    assert_eq!(world.noticed("hypervisor-up"), HYPERVISORS);
    assert_eq!(world.noticed("hypervisor-refused"), 20 - HYPERVISORS);
}

#[test]
fn a_hypervisor_that_is_forgotten_leaves_nothing_behind_on_the_others() {
    for seed in 0..8 {
        let (mut world, ports) = cloud(seed);
        let here = ChassisId::from("hv0");
        assert_eq!(
            forget(&mut world, "hv0"),
            Err(Error::Connected(here.clone()))
        );
        world.cut_ovsdb(0, false);
        assert_eq!(forget(&mut world, "hv0"), Err(Error::Connected(here)));
        world.cut_openflow(0, false);
        assert_eq!(world.status(&ports[0]), "ACTIVE");
        forget(&mut world, "hv0").unwrap();
        world.check();
        let flows = world.table(1).flows;
        let of_address = |text: String| text.contains("192.0.2.1)") || text.contains("192.0.2.1 ");
        assert!(!flows.values().any(|flow| of_address(format!("{flow:?}"))));
        assert_eq!(rows(&world, observation::CHASSIS), 2);
        assert!(world.interfaces().iter().all(|row| row.chassis != "hv0"));
        assert_eq!(world.status(&ports[0]), "DOWN");
        assert_eq!(world.noticed("hypervisor-forgotten"), 1);
        assert!(world.member.find_chassis("hv0").is_empty());
        let unknown = Error::Unknown(ChassisId::from("hv0"));
        assert_eq!(forget(&mut world, "hv0"), Err(unknown));
        // When it comes back it is a new one, and its ports are where they were.
        world.hosts[0].dials_ovsdb = true;
        world.hosts[0].dials_openflow = true;
        world.settle();
        world.check();
        assert_eq!(world.status(&ports[0]), "ACTIVE");
    }
}

#[test]
fn a_hypervisor_that_comes_while_it_is_forgotten_is_recorded_anew() {
    let (mut world, ports) = cloud(4);
    world.cut_ovsdb(0, false);
    world.cut_openflow(0, false);
    let write = world
        .member
        .forget(&ChassisId::from("hv0"), String::new())
        .unwrap();
    world.hosts[0].dials_ovsdb = true;
    world.hosts[0].dials_openflow = true;
    world.settle();
    let forgotten = world.store.commit_one(write, 1);
    world.settle();
    world.hosts[0].dials_openflow = true;
    world.settle();
    world.tell(Input::Tick(world.now));
    world.settle();
    world.check();
    assert_eq!(rows(&world, observation::CHASSIS), 3, "{forgotten:?}");
    assert_eq!(world.status(&ports[0]), "ACTIVE");
}
