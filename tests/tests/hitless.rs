//! Forwarding never stops because of the controller: what is killed, comes back, comes back in another
//! order, on the wrong database or late, loses no packet and changes no flow that was right.

use std::path::Path;
use std::thread;

use serde_json::json;
use weft_tests::cloud::{Cloud, FlowWatch, Port};
use weft_tests::host::Host;
use weft_tests::netns::{FABRIC, Lab};
use weft_tests::traffic::Ping;
use weft_tests::watch::Snoop;
use weft_tests::{Part, need, wait};

const PARTS: [Part; 2] = [Part::OpenVswitch, Part::Namespaces];

/// A cloud with a network, and a machine of it on each of the first two hypervisors.
struct Pair {
    cloud: Cloud,
    network: String,
    a: Host,
    two: Port,
}

impl Pair {
    /// With packets going back and forth, so that nothing on their way is new.
    fn start(hypervisors: u8) -> Pair {
        let mut cloud = Cloud::start(hypervisors, &[]);
        let network = cloud.network("blue", "vxlan", "10.0.0.0/24");
        let (one, two) = (cloud.port(&network, "one"), cloud.port(&network, "two"));
        let a = cloud.machine(1, "a", &one);
        cloud.machine(2, "b", &two);
        let all: Vec<usize> = (1..=usize::from(hypervisors)).collect();
        cloud.wait_until_in_order(&all);
        let ping = Ping::start(&a, &two.ip);
        ping.wait_for_answers(20);
        ping.stop();
        Pair {
            cloud,
            network,
            a,
            two,
        }
    }

    fn flows(&self, hypervisor: usize) -> Vec<String> {
        self.cloud.program(hypervisor)
    }

    fn watch(&self, hypervisor: usize) -> FlowWatch {
        FlowWatch::start(self.cloud.lab.hypervisor(hypervisor))
    }

    /// Asks for ports from another thread until nobody answers any more; tells how many there are.
    fn create_ports_until_the_end(&self) -> thread::JoinHandle<usize> {
        let fabric = self.cloud.fabric().clone();
        let body = json!({ "port": { "network_id": self.network, "project_id": "tenant" } });
        let url = format!("http://{FABRIC}:9696/v2.0/ports");
        thread::spawn(move || {
            let create = || fabric.http("POST", &url, &[], Some(&body));
            (0..200)
                .take_while(|_| create().is_ok_and(|response| response.status == 201))
                .count()
        })
    }
}

#[test]
fn the_watch_shows_a_flow_that_is_added_again_as_it_was() {
    if !need(&PARTS) {
        return;
    }
    let lab = Lab::start(1);
    let hypervisor = lab.hypervisor(1);
    hypervisor.vsctl(&[
        "add-br",
        "br-int",
        "--",
        "set",
        "Bridge",
        "br-int",
        "datapath_type=netdev",
        "fail_mode=secure",
        "protocols=OpenFlow13,OpenFlow14,OpenFlow15",
    ]);
    hypervisor.wait_for_bridge("br-int");
    let flow = "cookie=7,priority=5,ip,actions=drop";
    hypervisor.ofctl(&["add-flow", "br-int", flow]);
    let watch = FlowWatch::start(hypervisor);
    hypervisor.ofctl(&["add-flow", "br-int", flow]);
    hypervisor.ofctl(&["--bundle", "add-flow", "br-int", flow]);
    hypervisor.ofctl(&["mod-flows", "br-int", "ip,actions=NORMAL"]);
    hypervisor.ofctl(&["del-flows", "br-int", "ip"]);
    let events = wait::until("four events", || {
        let events = watch.events();
        if events.len() < 4 {
            Err(events)
        } else {
            Ok(events)
        }
    });
    let kinds = ["ADDED", "ADDED", "MODIFIED", "DELETED"];
    for (event, kind) in events.iter().zip(kinds) {
        assert!(event.contains(&format!("event={kind}")), "{events:?}");
    }
    assert_eq!(events.len(), kinds.len(), "{events:?}");
}

#[test]
fn a_controller_that_is_killed_and_comes_back_loses_no_packet_and_says_nothing() {
    if !need(&PARTS) {
        return;
    }
    let mut pair = Pair::start(2);
    let watches = [pair.watch(1), pair.watch(2)];
    let before = [pair.flows(1), pair.flows(2)];
    let snoop = Snoop::start(pair.cloud.lab.hypervisor(1));
    let ping = Ping::start(&pair.a, &pair.two.ip);
    ping.wait_for_answers(50);
    pair.cloud.kill_controller();
    ping.wait_for_answers(100);
    pair.cloud.start_controller();
    pair.cloud.wait_until_in_order(&[1, 2]);
    ping.wait_for_answers(50);
    let pinged = ping.stop();
    assert_eq!(pinged.lost, Vec::<u64>::new(), "{pinged:?}");
    for (at, watch) in watches.iter().enumerate() {
        assert_eq!(watch.events(), Vec::<String>::new());
        assert_eq!(pair.flows(at + 1), before[at]);
    }
    // What the switch itself heard: a reading, and nothing that changes anything.
    let heard = snoop.log();
    assert!(heard.contains("OFPST_FLOW request"), "{heard}");
    assert_eq!(snoop.changes(), Vec::<String>::new());
    // And both ways of looking do see a change when there is one.
    pair.cloud.port(&pair.network, "three");
    wait::until("the change is seen", || {
        let (events, heard) = (watches[0].events(), snoop.changes());
        if events.is_empty() || heard.is_empty() {
            Err((events, heard))
        } else {
            Ok(())
        }
    });
}

#[test]
fn a_controller_that_is_killed_amid_two_hundred_new_ports_loses_no_packet() {
    if !need(&PARTS) {
        return;
    }
    let mut pair = Pair::start(2);
    let ping = Ping::start(&pair.a, &pair.two.ip);
    ping.wait_for_answers(50);
    let mut created = 0;
    for more in [1, 20, 60] {
        let before = pair.flows(1).len();
        let creator = pair.create_ports_until_the_end();
        wait::until("flows of new ports", || {
            let now = pair.flows(1).len();
            if now >= before + more {
                Ok(())
            } else {
                Err(now)
            }
        });
        pair.cloud.kill_controller();
        created += creator.join().expect("the creating thread ends");
        ping.wait_for_answers(50);
        pair.cloud.start_controller();
        pair.cloud.wait_until_in_order(&[1, 2]);
    }
    assert!(created < 200, "it was killed too late to be amid anything");
    // Everything that was promised is there, on both switches alike.
    let port = pair
        .cloud
        .api("GET", "/v2.0/ports?fields=mac_address", None, 200);
    let ports = port["ports"].as_array().cloned().unwrap_or_default();
    assert!(ports.len() >= created + 2, "{} < {created}", ports.len());
    for hypervisor in [1, 2] {
        let flows = pair.flows(hypervisor).join("\n");
        for port in &ports {
            let mac = port["mac_address"].as_str().unwrap_or_default();
            assert!(flows.contains(mac), "{mac} is not on {hypervisor}");
        }
    }
    // Once more, now that all is there: nothing is to be said.
    let watches = [pair.watch(1), pair.watch(2)];
    pair.cloud.kill_controller();
    ping.wait_for_answers(20);
    pair.cloud.start_controller();
    pair.cloud.wait_until_in_order(&[1, 2]);
    let pinged = ping.stop();
    assert_eq!(pinged.lost, Vec::<u64>::new(), "{pinged:?}");
    for watch in &watches {
        assert_eq!(watch.events(), Vec::<String>::new());
    }
}

#[test]
fn openflow_that_is_back_before_ovsdb_changes_nothing() {
    if !need(&PARTS) {
        return;
    }
    let mut pair = Pair::start(2);
    let watches = [pair.watch(1), pair.watch(2)];
    pair.cloud.kill_controller();
    for hypervisor in [1, 2] {
        pair.cloud.lab.hypervisor_mut(hypervisor).ovsdb().freeze();
    }
    pair.cloud.start_controller();
    pair.cloud.wait_until_in_order(&[1, 2]);
    for hypervisor in [1, 2] {
        let switch = pair.cloud.switch(hypervisor);
        assert_eq!(switch["ovsdb"], json!(false), "{switch}");
        pair.cloud.lab.hypervisor_mut(hypervisor).ovsdb().thaw();
    }
    wait::until("OVSDB is back", || {
        let switches = pair.cloud.switches();
        let back = switches.iter().all(|switch| switch["ovsdb"] == json!(true));
        if back { Ok(()) } else { Err(switches) }
    });
    pair.cloud.wait_until_in_order(&[1, 2]);
    for watch in &watches {
        assert_eq!(watch.events(), Vec::<String>::new());
    }
}

#[test]
fn one_hypervisor_that_is_back_keeps_its_way_to_the_others_that_are_not() {
    if !need(&PARTS) {
        return;
    }
    let mut pair = Pair::start(3);
    let three = pair.cloud.port(&pair.network, "three");
    pair.cloud.machine(3, "c", &three);
    pair.cloud.wait_until_in_order(&[1, 2, 3]);
    let before = pair.flows(1);
    let watches = [pair.watch(1), pair.watch(2), pair.watch(3)];
    pair.cloud.kill_controller();
    for hypervisor in [2, 3] {
        let hypervisor = pair.cloud.lab.hypervisor_mut(hypervisor);
        hypervisor.vswitchd().freeze();
        hypervisor.ovsdb().freeze();
    }
    pair.cloud.start_controller();
    pair.cloud.wait_until_in_order(&[1]);
    assert_eq!(pair.flows(1), before);
    for hypervisor in [2, 3] {
        assert_eq!(
            pair.cloud.switch(hypervisor)["state"],
            json!("disconnected")
        );
        let hypervisor = pair.cloud.lab.hypervisor_mut(hypervisor);
        hypervisor.ovsdb().thaw();
        hypervisor.vswitchd().thaw();
    }
    pair.cloud.wait_until_in_order(&[1, 2, 3]);
    for watch in &watches {
        assert_eq!(watch.events(), Vec::<String>::new());
    }
    let ping = Ping::start(&pair.a, &three.ip);
    ping.wait_for_answers(20);
}

#[test]
fn on_the_wrong_database_nothing_is_removed_until_an_operator_says_so() {
    if !need(&PARTS) {
        return;
    }
    let mut pair = Pair::start(2);
    let before = [pair.flows(1), pair.flows(2)];
    let watches = [pair.watch(1), pair.watch(2)];
    let ping = Ping::start(&pair.a, &pair.two.ip);
    ping.wait_for_answers(20);

    // By mistake, on an empty database.
    let wrong = format!("sqlite:{}", beside(pair.cloud.database(), "wrong.db"));
    pair.cloud.kill_controller();
    pair.cloud.start_controller_on(&wrong);
    for hypervisor in [1, 2] {
        pair.cloud.wait_for_state(hypervisor, "held");
        assert_eq!(pair.flows(hypervisor), before[hypervisor - 1]);
    }
    assert_eq!(pair.cloud.notices("held"), 2);
    let log = pair.cloud.log();
    assert!(log.contains("nothing is changed until"), "{log}");
    assert!(log.contains("not of this database"), "{log}");

    // On the right one again: all is as it was, and nothing was lost.
    pair.cloud.kill_controller();
    pair.cloud.start_controller();
    pair.cloud.wait_until_in_order(&[1, 2]);
    let pinged = ping.stop();
    assert_eq!(pinged.lost, Vec::<u64>::new(), "{pinged:?}");
    for watch in &watches {
        assert_eq!(watch.events(), Vec::<String>::new());
    }

    // An operator may mean it; what he means is only one switch.
    pair.cloud.kill_controller();
    pair.cloud.start_controller_on(&wrong);
    pair.cloud.wait_for_state(1, "held");
    pair.cloud.wait_for_state(2, "held");
    let path = "/weft/v1/switches/hv1/release";
    let answer = pair.cloud.api("POST", path, None, 200);
    assert_eq!(answer["released"], json!(true));
    pair.cloud.wait_until_in_order(&[1]);
    let flows = pair.flows(1).join("\n");
    assert!(!flows.contains(&pair.two.mac), "{flows}");
    assert_eq!(pair.flows(2), before[1]);
    assert_eq!(pair.cloud.switch(2)["state"], json!("held"));

    // And back: the right database has the last word.
    pair.cloud.kill_controller();
    pair.cloud.start_controller();
    pair.cloud.wait_until_in_order(&[1, 2]);
    assert_eq!(pair.flows(1), before[0]);
    assert_eq!(watches[1].events(), Vec::<String>::new());
    Ping::start(&pair.a, &pair.two.ip).wait_for_answers(20);
}

#[test]
fn on_an_old_backup_of_the_database_nothing_is_removed() {
    if !need(&PARTS) {
        return;
    }
    let mut cloud = Cloud::start(1, &[]);
    cloud.wait_until_in_order(&[1]);
    let backup = beside(cloud.database(), "backup.db");
    cloud.kill_controller();
    for suffix in ["", "-wal", "-shm"] {
        let from = format!("{}{suffix}", cloud.database().display());
        if Path::new(&from).exists() {
            let copied = std::fs::copy(&from, format!("{backup}{suffix}"));
            assert!(copied.is_ok(), "{from}: {copied:?}");
        }
    }
    cloud.start_controller();
    let network = cloud.network("blue", "vxlan", "10.0.0.0/24");
    for name in ["one", "two", "three", "four"] {
        let port = cloud.port(&network, name);
        cloud.machine(1, name, &port);
    }
    cloud.wait_until_in_order(&[1]);
    let watch = FlowWatch::start(cloud.lab.hypervisor(1));
    cloud.kill_controller();
    cloud.start_controller_on(&format!("sqlite:{backup}"));
    cloud.wait_for_state(1, "held");
    let log = cloud.log();
    assert!(log.contains("it was programmed up to revision"), "{log}");
    cloud.kill_controller();
    cloud.start_controller();
    cloud.wait_until_in_order(&[1]);
    assert_eq!(watch.events(), Vec::<String>::new());
}

#[test]
fn what_changes_while_a_hypervisor_is_away_reaches_it_when_it_returns() {
    if !need(&PARTS) {
        return;
    }
    let mut pair = Pair::start(2);
    let ping = Ping::start(&pair.a, &pair.two.ip);
    ping.wait_for_answers(20);
    // Only the way to the controller is cut; the hypervisor goes on forwarding.
    let old = pair.cloud.port(&pair.network, "old");
    pair.cloud.wait_until_in_order(&[2]);
    assert!(pair.flows(2).join("\n").contains(&old.mac));
    pair.cloud.lab.cut_management(2);
    pair.cloud.wait_for_state(2, "disconnected");
    let path = format!("/v2.0/ports/{}", old.id);
    pair.cloud.api("DELETE", &path, None, 204);
    let three = pair.cloud.port(&pair.network, "three");
    let c = pair.cloud.machine(1, "c", &three);
    assert!(!pair.flows(2).join("\n").contains(&three.mac));
    pair.cloud.lab.mend_management(2);
    pair.cloud.wait_until_in_order(&[2]);
    let flows = pair.flows(2).join("\n");
    assert!(flows.contains(&three.mac) && !flows.contains(&old.mac));
    Ping::start(&c, &pair.two.ip).wait_for_answers(20);
    let pinged = ping.stop();
    assert_eq!(pinged.lost, Vec::<u64>::new(), "{pinged:?}");
}

/// A file in the folder of another.
fn beside(path: &Path, name: &str) -> String {
    path.with_file_name(name).display().to_string()
}
