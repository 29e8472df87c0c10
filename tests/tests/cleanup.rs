//! What is deleted leaves nothing behind: no flow, group, meter or tunnel in a switch, no claim in the
//! database.

use serde_json::json;
use weft_schema::Store as _;
use weft_schema::observation::CHASSIS;
use weft_tests::cloud::{Cloud, Port, text};
use weft_tests::hypervisor::Hypervisor;
use weft_tests::traffic::{DhcpClient, Ping, dhcp};
use weft_tests::{Part, need, wait};

const PARTS: [Part; 3] = [Part::OpenVswitch, Part::Namespaces, Part::DhcpClients];

/// Everything that Weft makes in a switch, without the flow that tells the revision, which no packet
/// meets.
#[derive(Debug, PartialEq, Eq)]
struct Switch {
    flows: Vec<String>,
    groups: Vec<String>,
    meters: Vec<String>,
    ports: Vec<String>,
}

impl Switch {
    #[track_caller]
    fn read(hypervisor: &Hypervisor) -> Switch {
        let dump = |what: &str| {
            let text = hypervisor.ofctl(&["--no-stats", "--names", what, "br-int"]);
            // The first line says what the answer is, and with which transaction id.
            let mut lines: Vec<String> = text.lines().skip(1).map(str::to_owned).collect();
            lines.sort();
            lines
        };
        let mut flows = dump("dump-flows");
        flows.retain(|flow| !flow.contains("table=marker,"));
        let ports = hypervisor.vsctl(&["list-ports", "br-int"]);
        Switch {
            flows,
            groups: dump("dump-groups"),
            meters: dump("dump-meters"),
            ports: ports
                .lines()
                .filter(|port| !port.starts_with("tap"))
                .map(str::to_owned)
                .collect(),
        }
    }

    #[track_caller]
    fn all(cloud: &Cloud) -> Vec<Switch> {
        let hypervisors = cloud.lab.hypervisors().iter();
        hypervisors.map(Switch::read).collect()
    }
}

/// Waits until all switches are as they were when they were new.
#[track_caller]
fn wait_until_like_new(cloud: &Cloud, new: &[Switch]) {
    wait::until("the switches are as they were", || {
        let now = Switch::all(cloud);
        if now == new { Ok(()) } else { Err(now) }
    });
}

/// A network of a kind with a subnet of each IP version, and ports with everything that makes flows,
/// on two hypervisors; their machines have addresses and reach each other.
#[track_caller]
fn build(cloud: &mut Cloud, name: &str, kind: &str) -> (String, Vec<Port>) {
    let network = cloud.network(name, kind, "10.0.0.0/24");
    let subnet = json!({
        "network_id": network, "ip_version": 6, "cidr": "2001:db8::/64", "project_id": name,
    });
    cloud.create("subnet", subnet);
    let pair = json!([{ "ip_address": "10.9.0.0/16", "mac_address": "02:00:00:00:00:01" }]);
    let kinds = [
        json!({ "allowed_address_pairs": pair }),
        json!({ "port_security_enabled": false }),
        json!({ "admin_state_up": false }),
        json!({}),
    ];
    let ports: Vec<Port> = kinds
        .into_iter()
        .map(|further| cloud.port_with(&network, further))
        .collect();
    let hosts: Vec<_> = ports
        .iter()
        .enumerate()
        .map(|(number, port)| cloud.plug(number % 2 + 1, &format!("{name}{number}"), port))
        .collect();
    for number in [0, 1, 3] {
        cloud.wait_for_status(&ports[number], "ACTIVE");
    }
    for number in [0, 1] {
        dhcp(DhcpClient::Udhcpc, &hosts[number]);
    }
    Ping::start(&hosts[0], &ports[1].ip).wait_for_answers(1);
    (network, ports)
}

#[track_caller]
fn delete(cloud: &Cloud, kind: &str, id: &str) {
    cloud.api("DELETE", &format!("/v2.0/{kind}s/{id}"), None, 204);
}

/// What the database of a controller that has ended holds: claims, and rows that are not about
/// hypervisors.
#[track_caller]
fn stored(cloud: &Cloud) -> (Vec<String>, Vec<String>) {
    let path = cloud.lab.slot().folder().join("weft.db");
    let url = format!("sqlite:{}", path.display());
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let snapshot = runtime.block_on(async {
        let options = weft_store::Options::default();
        let store = weft_store::open(&url, &options).await;
        let store = store.expect("the database");
        let snapshot = store.snapshot().await.expect("its content");
        store.close().await;
        snapshot
    });
    let claims = snapshot.claims.iter();
    let claims = claims.map(|(claim, owner)| format!("{claim:?} of {owner:?}"));
    let rows = snapshot.rows.iter().filter(|row| &*row.key.kind != CHASSIS);
    (
        claims.collect(),
        rows.map(|row| format!("{:?}", row.key)).collect(),
    )
}

#[test]
fn deleted_ports_subnets_and_networks_leave_nothing_behind() {
    if !need(&PARTS) {
        return;
    }
    let mut cloud = Cloud::start(2, &[]);
    cloud.wait_until_in_order(&[1, 2]);
    let new = Switch::all(&cloud);
    for switch in &new {
        assert!(!switch.flows.is_empty() && !switch.ports.is_empty());
        assert!(
            switch.groups.is_empty() && switch.meters.is_empty(),
            "{switch:?}"
        );
    }

    // From the bottom up, under machines that go on running.
    let (blue, blue_ports) = build(&mut cloud, "blue", "vxlan");
    let (red, red_ports) = build(&mut cloud, "red", "geneve");
    assert!(
        Switch::all(&cloud)
            .iter()
            .all(|switch| !switch.meters.is_empty())
    );
    for port in blue_ports.iter().chain(&red_ports) {
        delete(&cloud, "port", &port.id);
    }
    wait_until_like_new(&cloud, &new);
    let subnets = cloud.api(
        "GET",
        &format!("/v2.0/subnets?network_id={blue}"),
        None,
        200,
    );
    for subnet in subnets["subnets"].as_array().expect("a list") {
        delete(&cloud, "subnet", &text(&subnet["id"]));
    }
    delete(&cloud, "network", &blue);
    // A network takes its subnets with it.
    delete(&cloud, "network", &red);
    for name in ["blue", "red"] {
        for number in 0..4 {
            cloud.lab.unplug(&format!("{name}{number}"));
        }
    }

    // The machines first; what is left of their ports needs no flow.
    let (green, green_ports) = build(&mut cloud, "green", "gre");
    for number in 0..4 {
        cloud.lab.unplug(&format!("green{number}"));
    }
    wait_until_like_new(&cloud, &new);
    for port in &green_ports {
        cloud.wait_for_status(port, "DOWN");
        delete(&cloud, "port", &port.id);
    }
    delete(&cloud, "network", &green);

    let kinds = ["networks", "subnets", "ports"];
    for kind in kinds {
        let left = cloud.api("GET", &format!("/v2.0/{kind}"), None, 200);
        assert_eq!(left[kind], json!([]));
    }
    cloud.kill_controller();
    assert_eq!(stored(&cloud), (vec![], vec![]));
    // The switches, too, have nothing of all that, nor has it come back.
    wait_until_like_new(&cloud, &new);
}
