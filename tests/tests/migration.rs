//! Machines that move: traffic follows the latest appearance of a port, or the hypervisor that the API
//! names for it.

use serde_json::json;
use weft_tests::cloud::{Cloud, Port};
use weft_tests::host::Host;
use weft_tests::traffic::Ping;
use weft_tests::{Part, need, wait};

const PARTS: [Part; 2] = [Part::OpenVswitch, Part::Namespaces];

/// Packets that may be lost in a move, of 100 a second, as a rule.
const LOST: usize = 2;

/// Packets that may be lost when three switches have to wait for a busy processor.
const LOST_WHEN_BUSY: usize = 25;

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

/// Where operators see a port.
fn wait_for_hypervisor(cloud: &Cloud, port: &Port, hypervisor: &str) {
    wait::until(&format!("the port is on {hypervisor}"), || {
        let ports = cloud.api("GET", "/weft/v1/ports", None, 200);
        let ports = ports["ports"].as_array().cloned().unwrap_or_default();
        let found = ports
            .into_iter()
            .find(|found| found["id"] == json!(port.id));
        let found = found.unwrap_or_default();
        if found["hypervisor"] == json!(hypervisor) && found["ready"] == json!(true) {
            Ok(())
        } else {
            Err(found)
        }
    });
}

#[test]
fn traffic_follows_a_machine_to_another_hypervisor() {
    if !need(&PARTS) {
        return;
    }
    let (mut cloud, a, two) = three();
    let mut lost = Vec::new();
    for target in [3, 1, 2] {
        let ping = Ping::start(&a, &two.ip);
        ping.wait_for_answers(50);
        cloud.lab.begin_migration("b", target);
        wait_for_hypervisor(&cloud, &two, &format!("hv{target}"));
        ping.wait_for_answers(50);
        // Its old interface is there for a while, and then is not.
        cloud.lab.end_migration("b");
        cloud.wait_until_in_order(&[1, 2, 3]);
        ping.wait_for_answers(50);
        let pinged = ping.stop();
        lost.push(pinged.lost.len());
        assert!(pinged.duplicated.is_empty(), "to {target}: {pinged:?}");
        cloud.wait_for_status(&two, "ACTIVE");
    }
    lost.sort_unstable();
    assert!(lost[1] <= LOST && lost[2] <= LOST_WHEN_BUSY, "{lost:?}");
}

#[test]
fn a_port_stays_where_the_api_says_until_that_changes() {
    if !need(&PARTS) {
        return;
    }
    let (mut cloud, a, two) = three();
    let path = format!("/v2.0/ports/{}", two.id);
    let bind = |cloud: &Cloud, host: &str| {
        let body = json!({ "port": { "binding:host_id": host } });
        let port = cloud.api("PUT", &path, Some(&body), 200);
        assert_eq!(port["port"]["binding:host_id"], json!(host));
    };
    bind(&cloud, "hv2");
    cloud.wait_for_status(&two, "ACTIVE");
    let ping = Ping::start(&a, &two.ip);
    ping.wait_for_answers(50);
    cloud.lab.begin_migration("b", 3);
    // Known, and not where packets go.
    wait::until("the second appearance is recorded", || {
        let log = cloud.lab.hypervisor(3).vsctl(&["show"]);
        let number = cloud
            .lab
            .hypervisor(3)
            .ofport(&format!("tap{:.11}", two.id));
        if number > 0 { Ok(()) } else { Err(log) }
    });
    let probe = cloud.network("probe", "vxlan", "10.9.0.0/24");
    let probe = cloud.port(&probe, "probe");
    // What is plugged after it is seen after it.
    cloud.machine(3, "p", &probe);
    wait_for_hypervisor(&cloud, &two, "hv2");
    ping.wait_for_answers(50);
    bind(&cloud, "hv3");
    wait_for_hypervisor(&cloud, &two, "hv3");
    ping.wait_for_answers(50);
    cloud.lab.end_migration("b");
    cloud.wait_until_in_order(&[1, 2, 3]);
    ping.wait_for_answers(50);
    let pinged = ping.stop();
    assert!(pinged.lost.len() <= LOST_WHEN_BUSY, "{pinged:?}");
    cloud.wait_for_status(&two, "ACTIVE");
}
