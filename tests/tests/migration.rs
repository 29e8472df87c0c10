//! Machines that move: for as long as a port has an interface on two hypervisors, packets go to both, so that
//! it does not matter when the machine itself goes from one to the other.

use serde_json::{Value, json};
use weft_tests::cloud::{Cloud, Port};
use weft_tests::host::Host;
use weft_tests::traffic::{Ping, Pinged};
use weft_tests::{Part, need, wait};

const PARTS: [Part; 2] = [Part::OpenVswitch, Part::Namespaces];

/// Packets that may be lost in a move, of 100 a second.
const LOST: usize = 2;

/// Machine `a` on the first of three hypervisors; `b`, which can move, on the second. The tunnels between
/// all of them are warm.
fn three() -> (Cloud, Host, Port) {
    let mut cloud = Cloud::start(3, &[]);
    let network = cloud.network("blue", "vxlan", "10.0.0.0/24");
    let ports = ["a", "b", "c", "d"].map(|name| cloud.port(&network, name));
    let [one, two, three, four] = &ports;
    let a = cloud.machine(1, "a", one);
    let c = cloud.machine(2, "c", three);
    let d = cloud.machine(3, "d", four);
    let b = cloud.lab.plug_movable(2, "b", &two.mac, &two.id);
    let address = format!("{}/24", two.ip);
    b.run(&["ip", "address", "add", &address, "dev", "eth0"]);
    cloud.wait_for_status(two, "ACTIVE");
    for (from, to) in [(&a, three), (&a, four), (&c, four), (&d, three), (&a, two)] {
        Ping::start(from, &to.ip).wait_for_answers(20);
    }
    (cloud, a, two.clone())
}

/// Waits until operators see a port on these hypervisors, the latest first, and ready there, and every switch
/// has heard of it.
fn wait_for_places(cloud: &Cloud, port: &Port, hypervisors: &[usize]) {
    let wanted: Vec<Value> = hypervisors
        .iter()
        .map(|number| json!({"hypervisor": format!("hv{number}"), "ready": true}))
        .collect();
    let place = |place: &Value| json!({"hypervisor": place["hypervisor"], "ready": place["ready"]});
    wait::until(&format!("the port is on {hypervisors:?}"), || {
        let ports = cloud.api("GET", "/weft/v1/ports", None, 200);
        let ports = ports["ports"].as_array().cloned().unwrap_or_default();
        let found = ports.iter().find(|found| found["id"] == json!(port.id));
        let found = found.cloned().unwrap_or_default();
        let also_on = Some(&found["also_on"]).filter(|also_on| !also_on.is_null());
        let places: Vec<Value> = Some(&found).into_iter().chain(also_on).map(place).collect();
        if places == wanted { Ok(()) } else { Err(found) }
    });
    cloud.wait_until_in_order(&[1, 2, 3]);
}

/// Changes where a port may be.
fn bind(cloud: &Cloud, port: &Port, host: &str, profile: &Value) {
    let body = json!({ "port": { "binding:host_id": host, "binding:profile": profile } });
    let path = format!("/v2.0/ports/{}", port.id);
    let answer = cloud.api("PUT", &path, Some(&body), 200);
    assert_eq!(answer["port"]["binding:host_id"], json!(host));
    assert_eq!(answer["port"]["binding:profile"], *profile);
}

/// The port's status is what it was when its machine stood still, all through a move.
fn assert_active(cloud: &Cloud, port: &Port) {
    let path = format!("/v2.0/ports/{}?fields=status", port.id);
    let answer = cloud.api("GET", &path, None, 200);
    assert_eq!(answer["port"]["status"], json!("ACTIVE"));
}

fn assert_hitless(pinged: &Pinged) {
    assert!(pinged.duplicated.is_empty(), "{pinged:?}");
    assert!(pinged.lost.len() <= LOST, "{pinged:?}");
}

#[test]
fn a_machine_that_moves_is_reached_where_it_runs() {
    if !need(&PARTS) {
        return;
    }
    let (mut cloud, a, two) = three();
    let mut source = 2;
    for target in [3, 1, 2] {
        let ping = Ping::start(&a, &two.ip);
        ping.wait_for_answers(50);
        cloud.lab.begin_migration("b", target);
        wait_for_places(&cloud, &two, &[target, source]);
        assert_active(&cloud, &two);
        ping.wait_for_answers(50);
        cloud.lab.resume("b");
        // Its old interface is there for a while, and then is not.
        ping.wait_for_answers(50);
        cloud.lab.end_migration("b");
        wait_for_places(&cloud, &two, &[target]);
        assert_active(&cloud, &two);
        ping.wait_for_answers(50);
        assert_hitless(&ping.stop());
        source = target;
    }
}

#[test]
fn a_machine_that_moved_without_a_word_is_found_when_its_interface_appears() {
    if !need(&PARTS) {
        return;
    }
    let (mut cloud, a, two) = three();
    let mut source = 2;
    let mut lost = Vec::new();
    for target in [3, 1, 2] {
        let ping = Ping::start(&a, &two.ip);
        ping.wait_for_answers(50);
        cloud.lab.begin_silently("b", target);
        cloud.lab.resume("b");
        // Until its interface appears, nobody can know.
        let unknown = ping.sent();
        cloud.lab.announce("b");
        wait_for_places(&cloud, &two, &[target, source]);
        ping.wait_for_answers(1);
        let found = ping.sent();
        ping.wait_for_answers(50);
        cloud.lab.end_migration("b");
        wait_for_places(&cloud, &two, &[target]);
        ping.wait_for_answers(50);
        let pinged = ping.stop();
        assert!(pinged.duplicated.is_empty(), "{pinged:?}");
        let between = |first, last| -> usize {
            let numbers = pinged.lost.iter();
            numbers
                .filter(|number| (first..=last).contains(*number))
                .count()
        };
        assert_eq!(between(found + 1, pinged.sent), 0, "{pinged:?}");
        lost.push(between(unknown + 1, found));
        source = target;
    }
    assert!(lost.iter().all(|lost| *lost <= LOST), "{lost:?}");
}

#[test]
fn a_bound_machine_migrates_where_its_profile_says() {
    if !need(&PARTS) {
        return;
    }
    let (mut cloud, a, two) = three();
    bind(&cloud, &two, "hv2", &json!({}));
    wait_for_places(&cloud, &two, &[2]);
    let ping = Ping::start(&a, &two.ip);
    ping.wait_for_answers(50);
    // What appears where nobody said that it may is known, and not where packets go.
    cloud.lab.begin_migration("b", 3);
    let probe = cloud.network("probe", "vxlan", "10.9.0.0/24");
    let probe = cloud.port(&probe, "probe");
    // What is plugged after it is seen after it.
    cloud.machine(3, "p", &probe);
    wait_for_places(&cloud, &two, &[2]);
    ping.wait_for_answers(50);
    // As Nova does it: the target is named, the machine moves, the target becomes the host.
    bind(&cloud, &two, "hv2", &json!({"migrating_to": "hv3"}));
    wait_for_places(&cloud, &two, &[3, 2]);
    assert_active(&cloud, &two);
    ping.wait_for_answers(50);
    cloud.lab.resume("b");
    ping.wait_for_answers(50);
    bind(&cloud, &two, "hv3", &json!({}));
    wait_for_places(&cloud, &two, &[3]);
    assert_active(&cloud, &two);
    ping.wait_for_answers(50);
    cloud.lab.end_migration("b");
    wait_for_places(&cloud, &two, &[3]);
    ping.wait_for_answers(50);
    assert_hitless(&ping.stop());
}

#[test]
fn a_machine_is_only_where_the_api_says_from_the_moment_that_it_says_so() {
    if !need(&PARTS) {
        return;
    }
    let (mut cloud, a, two) = three();
    bind(&cloud, &two, "hv2", &json!({}));
    wait_for_places(&cloud, &two, &[2]);
    cloud.lab.begin_migration("b", 3);
    cloud.lab.resume("b");
    // It runs where it may not: nothing reaches it, and nothing that it says is heard.
    let ping = Ping::start(&a, &two.ip);
    ping.wait_for_sent(50);
    bind(&cloud, &two, "hv3", &json!({}));
    wait_for_places(&cloud, &two, &[3]);
    ping.wait_for_answers(50);
    let pinged = ping.stop();
    assert!(pinged.lost.len() >= 50, "{pinged:?}");
    assert!(pinged.duplicated.is_empty(), "{pinged:?}");
}
