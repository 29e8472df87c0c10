//! A simulated hypervisor as a controller sees it, from the first connection to a plugged port.

use weft_ovsdb::inventory::{capabilities, datapath_id, identity, interfaces, is_applied};
use weft_ovsdb::mirror::Action;
use weft_ovsdb::server::{Plug, Server};
use weft_ovsdb::session::Event;
use weft_ovsdb::{Error, TunnelKind, encapsulation};

use crate::world::{World, wanted};

fn plug(name: &str) -> Plug {
    Plug {
        bridge: "br-int".to_owned(),
        name: name.to_owned(),
        external_ids: [("iface-id".to_owned(), format!("port-of-{name}"))].into(),
        tag: None,
    }
}

/// A hypervisor that is as wanted, its switch included.
fn running() -> World {
    let ids = [("system-id", "hv1"), ("weft-encap-ip", "192.0.2.7")];
    let mut world = World::new(Server::hypervisor(9, &ids));
    world.settle();
    assert!(world.reconcile(&wanted(), 1));
    assert!(!is_applied(world.mirror()));
    assert!(world.server.run_switch());
    world.settle();
    world
}

#[test]
fn a_hypervisor_says_who_it_is_and_its_switch_what_it_can() {
    let world = running();
    let mirror = world.mirror();
    assert_eq!(identity(mirror).system_id.as_deref(), Some("hv1"));
    let encapsulation = encapsulation(mirror);
    assert_eq!(
        encapsulation.addresses,
        ["192.0.2.7".parse::<std::net::IpAddr>().unwrap()]
    );
    assert_eq!(
        encapsulation.kinds,
        [TunnelKind::Vxlan, TunnelKind::Geneve, TunnelKind::Gre]
    );
    assert!(is_applied(mirror));
    assert!(datapath_id(mirror, "br-int").is_some());
    assert_eq!(
        capabilities(mirror, "system").get("ct_orig_tuple"),
        Some(&"true")
    );
}

#[test]
fn tunnels_get_the_numbers_they_ask_for() {
    let world = running();
    let numbers: Vec<_> = interfaces(world.mirror(), "br-int")
        .into_iter()
        .map(|i| (i.name, i.ofport.unwrap()))
        .collect();
    for (name, number) in [
        ("br-int", 65534),
        ("weft-vxlan", 40000),
        ("weft-geneve", 40001),
    ] {
        assert!(numbers.contains(&(name.to_owned(), number)), "{numbers:?}");
    }
}

#[test]
fn an_interface_that_appears_is_told_and_then_numbered() {
    let mut world = running();
    world.server.plug(&plug("tap1")).unwrap();
    let events = world.settle();
    let appeared = |event: &Event| match event {
        Event::Changed(changes) => changes
            .iter()
            .any(|c| &*c.table == "Interface" && c.action == Action::Inserted),
        _ => false,
    };
    assert!(events.iter().any(appeared), "{events:?}");
    let tap = |world: &World| {
        interfaces(world.mirror(), "br-int")
            .into_iter()
            .find(|i| i.name == "tap1")
    };
    assert_eq!(
        tap(&world).unwrap().iface_id.as_deref(),
        Some("port-of-tap1")
    );
    assert_eq!(tap(&world).unwrap().ofport, None);
    assert!(world.server.run_switch());
    world.settle();
    assert_eq!(
        (tap(&world).unwrap().ofport, tap(&world).unwrap().link_up),
        (Some(1), Some(true))
    );
    assert!(!world.server.run_switch(), "nothing is left to do");
    assert!(
        !world.reconcile(&wanted(), 1),
        "a tenant's port is none of our business"
    );

    world.server.unplug("br-int", "tap1").unwrap();
    world.settle();
    assert_eq!(tap(&world), None);
}

#[test]
fn what_cannot_be_plugged_is_refused() {
    let mut world = running();
    world.server.plug(&plug("tap1")).unwrap();
    assert!(matches!(
        world.server.plug(&plug("tap1")),
        Err(Error::Commit { .. })
    ));
    let elsewhere = Plug {
        bridge: "br-ex".to_owned(),
        ..plug("tap2")
    };
    let refused = world.server.plug(&elsewhere).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "expected br-ex in Bridge, found nothing"
    );
}
