//! After whatever went wrong, every switch has its program; meanwhile none has less than it had.

use rust_openflow::Match;
use rust_openflow::message::FlowMod;
use serde_json::json;
use weft_member::Notice;
use weft_simulations::world::{Error, Fault, Health, Protocol, SECOND, Settings, World};

use crate::cloud::{cloud, guest, network, settings, text, troubled};

#[test]
fn a_call_reaches_the_switches_it_is_about_and_is_acknowledged() {
    let mut world = cloud(settings(1), 2);
    let ids: Vec<_> = world.hypervisors().collect();
    let net = network(&mut world, "10.0.0.0/24");
    let port = guest(&mut world, ids[0], "tap0", &net);
    assert!(world.converge(10 * SECOND));
    assert!(world.ready_since(ids[0], "tap0").is_some());
    let shown = world.call("GET", &format!("/ports/{}", text(&port, "id")), None);
    assert_eq!(shown.body["port"]["status"], "ACTIVE");
    assert!(world.flows(ids[0]) > world.flows(ids[1]));
    world.check().unwrap();
    let path = format!("/ports/{}", text(&port, "id"));
    let answer = world.call(
        "PUT",
        &path,
        Some(json!({"port": {"admin_state_up": false}})),
    );
    assert!(answer.is_success() && answer.revision.is_some());
    assert!(world.converge(10 * SECOND));
    let call = world.calls().last().unwrap();
    assert!(call.acknowledged.unwrap() > answer.at, "{call:?}");
    assert_eq!(world.converged(answer.revision.unwrap()).len(), 2);
    world.check().unwrap();
}

#[test]
fn after_random_faults_every_switch_has_its_program() {
    for seed in 0..40 {
        let mut world = troubled(seed, 40);
        let converged = world.converge(120 * SECOND);
        assert!(converged, "seed {seed}: {:#?}", world.history().lines());
        let checked = world.check();
        assert_eq!(
            checked,
            Ok(()),
            "seed {seed}: {:#?}",
            world.history().lines()
        );
    }
}

#[test]
fn nothing_changes_on_a_switch_while_the_controller_is_down() {
    let mut world = cloud(settings(2), 2);
    let ids: Vec<_> = world.hypervisors().collect();
    let net = network(&mut world, "10.0.0.0/24");
    for (n, id) in ids.iter().enumerate() {
        guest(&mut world, *id, &format!("tap{n}"), &net);
    }
    assert!(world.converge(10 * SECOND));
    let flows: Vec<usize> = ids.iter().map(|id| world.flows(*id)).collect();
    world.inject(&Fault::ControllerDown);
    world.run_for(120 * SECOND);
    assert!(!world.is_connected(ids[0], Protocol::OpenFlow));
    assert_eq!(world.call("GET", "/networks", None).status, 503);
    world.check_all(&ids).unwrap();
    assert_eq!(
        flows,
        ids.iter().map(|id| world.flows(*id)).collect::<Vec<_>>()
    );
}

#[test]
fn a_reconnect_with_nothing_changed_sends_no_flow_mod() {
    let mut world = cloud(settings(3), 2);
    let ids: Vec<_> = world.hypervisors().collect();
    let net = network(&mut world, "10.0.0.0/24");
    guest(&mut world, ids[0], "tap0", &net);
    assert!(world.converge(10 * SECOND));
    let before: Vec<u64> = ids.iter().map(|id| world.flow_mods(*id)).collect();
    assert!(before.iter().all(|count| *count > 0));
    let faults = [
        Fault::Cut(ids[0], Protocol::OpenFlow),
        Fault::Cut(ids[0], Protocol::Ovsdb),
        Fault::ControllerDown,
        Fault::ControllerUp,
        Fault::SwitchDown {
            hypervisor: ids[0],
            keeps_flows: true,
        },
        Fault::SwitchUp(ids[0]),
    ];
    for fault in faults {
        world.inject(&fault);
        world.run_for(20 * SECOND);
    }
    assert!(world.converge(60 * SECOND));
    assert_eq!(
        before,
        ids.iter()
            .map(|id| world.flow_mods(*id))
            .collect::<Vec<_>>()
    );
}

#[test]
fn a_switch_that_lost_its_flows_gets_them_again() {
    let mut world = cloud(settings(4), 1);
    let id = world.hypervisor("hv0").unwrap();
    let net = network(&mut world, "10.0.0.0/24");
    guest(&mut world, id, "tap0", &net);
    assert!(world.converge(10 * SECOND));
    let (flows, told) = (world.flows(id), world.flow_mods(id));
    world.inject(&Fault::SwitchDown {
        hypervisor: id,
        keeps_flows: false,
    });
    assert_eq!(world.flows(id), 0);
    world.inject(&Fault::SwitchUp(id));
    assert!(world.converge(60 * SECOND));
    assert_eq!(world.flows(id), flows);
    assert!(world.flow_mods(id) >= told + flows as u64);
    world.check().unwrap();
}

#[test]
fn what_somebody_else_changed_is_a_difference_until_an_audit_has_repaired_it() {
    let mut world = cloud(settings(7), 2);
    let ids: Vec<_> = world.hypervisors().collect();
    let net = network(&mut world, "10.0.0.0/24");
    guest(&mut world, ids[1], "tap0", &net);
    assert!(world.converge(10 * SECOND));
    let delivery = weft_compiler::pipeline::Stage::Output.table();
    let switch = world.switch_mut(ids[1]).unwrap();
    switch
        .flow_mod(&FlowMod::delete(delivery, Match::any(), 0))
        .unwrap();
    let differences = world.check().unwrap_err();
    assert_eq!(differences.len(), 1);
    assert_eq!(differences[0].hypervisor, "hv1");
    assert!(!differences[0].missing.is_empty() && differences[0].foreign.is_empty());
    world.inject(&Fault::Audit);
    assert!(world.settle());
    assert_eq!(world.check(), Ok(()));
    let repaired = |(_, notice): &&(u64, Notice)| notice.name() == "repaired";
    assert_eq!(world.notices().iter().filter(repaired).count(), 1);
}

#[test]
fn a_switch_of_another_installation_is_left_alone_until_an_operator_lets_it_go() {
    let (mut world, mut other) = (cloud(settings(8), 1), cloud(settings(9), 1));
    let id = world.hypervisor("hv0").unwrap();
    for one in [&mut world, &mut other] {
        let net = network(one, "10.0.0.0/24");
        guest(one, id, "tap0", &net);
        assert!(one.converge(10 * SECOND));
    }
    let (own, theirs) = (world.switch_mut(id).unwrap(), other.switch_mut(id).unwrap());
    std::mem::swap(own, theirs);
    world.inject(&Fault::Cut(id, Protocol::OpenFlow));
    assert!(!world.converge(10 * SECOND));
    assert!(
        world
            .notices()
            .iter()
            .any(|(_, notice)| notice.name() == "held")
    );
    world.release(id);
    assert!(world.converge(10 * SECOND));
    assert_eq!(world.check(), Ok(()));
}

#[test]
fn calls_at_the_same_time_get_what_they_ask_for_or_are_told_why_not() {
    let mut world = cloud(settings(5), 1);
    let net = network(&mut world, "10.0.0.0/24");
    let ask = |world: &mut World, body| {
        world.submit(
            Default::default(),
            weft_engine::Request {
                method: "POST".to_owned(),
                path: "/ports".to_owned(),
                body: Some(body),
                ..Default::default()
            },
        )
    };
    let mut calls: Vec<_> = (0..20)
        .map(|_| ask(&mut world, json!({"port": {"network_id": net}})))
        .collect();
    let fixed = json!({"port": {"network_id": net, "fixed_ips": [{"ip_address": "10.0.0.200"}]}});
    calls.extend((0..2).map(|_| ask(&mut world, fixed.clone())));
    assert!(world.settle());
    let answers = calls
        .iter()
        .map(|call| world.call_of(*call).answer.clone().unwrap());
    let statuses: Vec<u16> = answers.map(|answer| answer.status).collect();
    assert_eq!(statuses[..21], [201; 21]);
    assert_eq!(statuses[21], 409);
}

#[test]
fn a_database_that_fails_is_told_to_callers_and_loses_nothing() {
    let mut world = cloud(settings(6), 1);
    world.inject(&Fault::Database(Health::Down));
    assert_eq!(world.call("GET", "/networks", None).status, 503);
    world.inject(&Fault::Database(Health::Unsure));
    let body = json!({"network": {"name": "n"}});
    assert_eq!(world.call("POST", "/networks", Some(body)).status, 503);
    world.inject(&Fault::Database(Health::Up));
    assert!(world.settle());
    let list = world.call("GET", "/networks", None);
    assert_eq!(list.body["networks"].as_array().unwrap().len(), 1);
}

#[test]
fn several_members_are_refused_until_they_share_switches() {
    let mut settings = Settings::new(0);
    settings.members = 3;
    let refused = World::new(settings).map(drop);
    assert!(matches!(refused, Err(Error::Members(3))));
}
