//! Restarts of each part: Weft's own changes no port's status; a switch or database that comes back
//! gets everything again without anybody's help.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use serde_json::json;
use weft_tests::cloud::{Cloud, FlowWatch, Port, text};
use weft_tests::host::Host;
use weft_tests::netns::FABRIC;
use weft_tests::traffic::Ping;
use weft_tests::{Part, need, wait};

const PARTS: [Part; 2] = [Part::OpenVswitch, Part::Namespaces];

/// Two machines on two hypervisors that reach each other.
fn pair() -> (Cloud, Host, Port) {
    let mut cloud = Cloud::start(2, &[]);
    let network = cloud.network("blue", "vxlan", "10.0.0.0/24");
    let (one, two) = (cloud.port(&network, "one"), cloud.port(&network, "two"));
    let a = cloud.machine(1, "a", &one);
    cloud.machine(2, "b", &two);
    Ping::start(&a, &two.ip).wait_for_answers(20);
    cloud.wait_until_in_order(&[1, 2]);
    (cloud, a, two)
}

/// Asks for the status of all ports over and over; tells every answer that was not ACTIVE.
struct StatusWatch {
    over: Arc<AtomicBool>,
    thread: thread::JoinHandle<(usize, Vec<String>)>,
}

impl StatusWatch {
    fn start(fabric: &Host) -> StatusWatch {
        let over = Arc::new(AtomicBool::new(false));
        let (fabric, ended) = (fabric.clone(), over.clone());
        let url = format!("http://{FABRIC}:9696/v2.0/ports?fields=status");
        let thread = thread::spawn(move || {
            let (mut answers, mut others) = (0, Vec::new());
            while !ended.load(Ordering::Relaxed) {
                // Nobody answers while the controller is not there.
                let Ok(response) = fabric.http("GET", &url, &[], None) else {
                    continue;
                };
                let ports = response.json()["ports"].take();
                let ports = ports.as_array().cloned().unwrap_or_default();
                let active = |port| port == &json!({ "status": "ACTIVE" });
                if response.status != 200 || ports.len() < 2 || !ports.iter().all(active) {
                    others.push(format!("{} {ports:?}", response.status));
                }
                answers += 1;
            }
            (answers, others)
        });
        StatusWatch { over, thread }
    }

    fn stop(self) -> (usize, Vec<String>) {
        self.over.store(true, Ordering::Relaxed);
        self.thread.join().expect("the watching thread ends")
    }
}

#[test]
fn a_restart_of_the_controller_changes_the_status_of_no_port() {
    if !need(&PARTS) {
        return;
    }
    let (mut cloud, ..) = pair();
    for again in 0..2 {
        let watch = StatusWatch::start(cloud.fabric());
        if again == 0 {
            cloud.kill_controller();
        } else {
            let ended = cloud.controller().terminate();
            assert!(ended.success(), "{ended:?}");
            cloud.kill_controller();
        }
        cloud.start_controller();
        cloud.wait_until_in_order(&[1, 2]);
        let (answers, others) = watch.stop();
        assert!(answers > 0);
        assert_eq!(others, Vec::<String>::new());
    }
}

#[test]
fn a_switch_that_lost_its_flows_gets_them_again() {
    if !need(&PARTS) {
        return;
    }
    let (mut cloud, a, two) = pair();
    let before = cloud.program(2);
    let ping = Ping::start(&a, &two.ip);
    ping.wait_for_answers(20);
    cloud.lab.hypervisor_mut(2).restart_vswitchd();
    wait::until("the flows are back", || {
        let now = cloud.program(2);
        if now == before {
            Ok(())
        } else {
            Err(now.len())
        }
    });
    ping.wait_for_answers(50);
    cloud.wait_until_in_order(&[1, 2]);
    cloud.wait_for_status(&two, "ACTIVE");
    assert_eq!(cloud.notices("held"), 0);
}

#[test]
fn a_database_that_is_restarted_changes_no_flow_and_still_tells_what_is_plugged() {
    if !need(&PARTS) {
        return;
    }
    let (mut cloud, a, two) = pair();
    let watch = FlowWatch::start(cloud.lab.hypervisor(2));
    let ping = Ping::start(&a, &two.ip);
    ping.wait_for_answers(20);
    cloud.lab.hypervisor_mut(2).restart_ovsdb();
    wait::until("the controller noticed", || {
        let gone = cloud.notices("hypervisor-down");
        if gone > 0 { Ok(()) } else { Err(gone) }
    });
    wait::until("the database is connected", || {
        let switch = cloud.switch(2);
        if switch["ovsdb"] == json!(true) {
            Ok(())
        } else {
            Err(switch)
        }
    });
    ping.wait_for_answers(50);
    assert_eq!(watch.events(), Vec::<String>::new());
    let network = cloud.network("red", "vxlan", "10.0.1.0/24");
    let port = cloud.port(&network, "three");
    cloud.machine(2, "c", &port);
}

#[test]
fn what_is_plugged_and_unplugged_while_the_controller_is_away_is_known_when_it_returns() {
    if !need(&PARTS) {
        return;
    }
    let (mut cloud, a, two) = pair();
    let network = cloud.api("GET", &format!("/v2.0/ports/{}", two.id), None, 200);
    let network = text(&network["port"]["network_id"]);
    let three = cloud.port(&network, "three");
    cloud.kill_controller();
    cloud.lab.unplug("b");
    let c = cloud.plug(2, "c", &three);
    let address = format!("{}/24", three.ip);
    c.run(&["ip", "address", "add", &address, "dev", "eth0"]);
    cloud.start_controller();
    cloud.wait_for_status(&three, "ACTIVE");
    cloud.wait_for_status(&two, "DOWN");
    Ping::start(&a, &three.ip).wait_for_answers(20);
    cloud.wait_until_in_order(&[1, 2]);
}

#[test]
fn a_switch_that_lost_its_flows_while_the_controller_was_away_gets_them_when_it_returns() {
    if !need(&PARTS) {
        return;
    }
    let (mut cloud, a, two) = pair();
    let before = cloud.program(2);
    cloud.kill_controller();
    let hypervisor = cloud.lab.hypervisor_mut(2);
    hypervisor.kill_vswitchd();
    hypervisor.restart_ovsdb();
    hypervisor.start_vswitchd();
    assert_eq!(cloud.program(2), Vec::<String>::new());
    cloud.start_controller();
    cloud.wait_until_in_order(&[1, 2]);
    assert_eq!(cloud.program(2), before);
    assert_eq!(cloud.notices("held"), 0);
    cloud.wait_for_status(&two, "ACTIVE");
    Ping::start(&a, &two.ip).wait_for_answers(20);
}

#[test]
fn a_switch_that_was_frozen_until_it_was_given_up_needs_only_what_is_new() {
    if !need(&PARTS) {
        return;
    }
    let (mut cloud, a, two) = pair();
    let watch = FlowWatch::start(cloud.lab.hypervisor(1));
    cloud.lab.hypervisor_mut(1).vswitchd().freeze();
    cloud.wait_for_state(1, "disconnected");
    cloud.lab.hypervisor_mut(1).vswitchd().thaw();
    cloud.wait_until_in_order(&[1, 2]);
    Ping::start(&a, &two.ip).wait_for_answers(20);
    assert_eq!(watch.events(), Vec::<String>::new());

    cloud.lab.hypervisor_mut(1).vswitchd().freeze();
    cloud.wait_for_state(1, "disconnected");
    let path = format!("/v2.0/ports/{}", two.id);
    let network = cloud.api("GET", &path, None, 200);
    let three = cloud.port(&text(&network["port"]["network_id"]), "three");
    cloud.lab.hypervisor_mut(1).vswitchd().thaw();
    cloud.wait_until_in_order(&[1, 2]);
    let events = watch.events();
    assert!(!events.is_empty() && events.iter().all(|event| event.contains("=ADDED")));
    assert!(cloud.program(1).join("\n").contains(&three.mac));
}
