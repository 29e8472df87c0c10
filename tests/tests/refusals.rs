//! Flows that a switch refuses: their ports are in error, with its words, others go on, and what was
//! refused is tried again.

use serde_json::{Value, json};
use weft_tests::cloud::{Cloud, Port, text};
use weft_tests::traffic::{DhcpClient, Ping, dhcp};
use weft_tests::{Part, need, wait};

/// What operators see of a port.
fn port_status(cloud: &Cloud, port: &Port) -> Value {
    let ports = cloud.api("GET", "/weft/v1/ports", None, 200);
    let ports = ports["ports"].as_array().cloned().unwrap_or_default();
    let found = ports
        .into_iter()
        .find(|found| found["id"] == json!(port.id));
    found.unwrap_or_default()
}

#[test]
fn a_port_whose_flows_are_refused_is_in_error_and_heals() {
    if !need(&[Part::OpenVswitch, Part::Namespaces]) {
        return;
    }
    let mut cloud = Cloud::start(2, &["--audit-interval", "1"]);
    let network = cloud.network("blue", "vxlan", "10.0.0.0/24");
    let ports = ["one", "two", "three", "four"].map(|name| cloud.port(&network, name));
    let [one, two, three, four] = &ports;
    let a = cloud.machine(1, "a", one);
    cloud.machine(2, "b", two);
    cloud.wait_until_in_order(&[1, 2]);
    Ping::start(&a, &two.ip).wait_for_answers(20);
    let ping = Ping::start(&a, &two.ip);
    ping.wait_for_answers(20);

    // The table of a stage that has flows for the ports of this hypervisor only is full as it is.
    let limit = |cloud: &Cloud, columns: &[&str]| {
        let words = ["set", "Flow_Table", "port_security"];
        cloud.lab.hypervisor(1).vsctl(&[&words, columns].concat())
    };
    let words = ["--names", "dump-aggregate", "br-int", "table=port_security"];
    let aggregate = cloud.lab.hypervisor(1).ofctl(&words);
    let (_, count) = aggregate
        .trim()
        .rsplit_once("flow_count=")
        .expect("a count");
    let full = format!("flow_limit={count}");
    limit(&cloud, &[&full, "overflow_policy=refuse"]);

    cloud.plug(1, "c", three);
    cloud.wait_for_status(three, "ERROR");
    let status = port_status(&cloud, three);
    assert!(text(&status["error"]).contains("TABLE_FULL"), "{status}");
    assert_eq!(status["ready"], json!(false));
    assert!(cloud.notices("refused") > 0);
    assert!(cloud.switch(1)["refused"].as_u64() > Some(0));

    // Others are as they were, and new ones elsewhere reach this hypervisor.
    let d = cloud.machine(2, "d", four);
    Ping::start(&d, &one.ip).wait_for_answers(20);
    for port in [one, two, four] {
        cloud.wait_for_status(port, "ACTIVE");
    }
    cloud.wait_for_status(three, "ERROR");

    // It heals by itself when there is room.
    limit(&cloud, &["flow_limit=[]", "overflow_policy=[]"]);
    cloud.wait_for_status(three, "ACTIVE");
    wait::until("nothing is refused", || {
        let switch = cloud.switch(1);
        if switch["refused"] == json!(0) {
            Ok(())
        } else {
            Err(switch)
        }
    });
    assert_eq!(port_status(&cloud, three)["error"], Value::Null);
    let pinged = ping.stop();
    assert_eq!(pinged.lost, Vec::<u64>::new(), "{pinged:?}");
}

#[test]
fn a_port_of_the_largest_number_is_served_like_any_other() {
    if !need(&[Part::OpenVswitch, Part::Namespaces, Part::DhcpClients]) {
        return;
    }
    let mut cloud = Cloud::start(1, &[]);
    let network = cloud.network("blue", "vxlan", "10.0.0.0/24");
    let port = cloud.port(&network, "one");
    let machine = cloud.plug(1, "a", &port);
    cloud.wait_for_status(&port, "ACTIVE");
    let interface = text(&port_status(&cloud, &port)["interface"]);
    let words = ["set", "Interface", &interface, "ofport_request=65279"];
    cloud.lab.hypervisor(1).vsctl(&words);
    wait::until("the port has that number and its flows", || {
        let status = port_status(&cloud, &port);
        let served = status["ofport"] == json!(65279) && status["ready"] == json!(true);
        if served { Ok(()) } else { Err(status) }
    });
    assert_eq!(dhcp(DhcpClient::Udhcpc, &machine)["ip"], port.ip);
    assert_eq!(cloud.notices("refused"), 0);
}
