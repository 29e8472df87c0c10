//! The bridge that Weft makes on a hypervisor: what somebody changes about it by hand comes back, and
//! nothing hides in it.

use serde_json::json;
use weft_tests::cloud::{Cloud, Port};
use weft_tests::host::Host;
use weft_tests::hypervisor::Hypervisor;
use weft_tests::netns::FABRIC;
use weft_tests::traffic::Ping;
use weft_tests::{Part, need, wait};

const PARTS: [Part; 2] = [Part::OpenVswitch, Part::Namespaces];

/// From this priority on, flows are Open vSwitch's own, and above ours.
const HIDDEN: u32 = 65_536;

fn pair() -> (Cloud, Host, Port) {
    let mut cloud = Cloud::start(2, &[]);
    let network = cloud.network("blue", "vxlan", "10.0.0.0/24");
    let (one, two) = (cloud.port(&network, "one"), cloud.port(&network, "two"));
    let a = cloud.machine(1, "a", &one);
    cloud.machine(2, "b", &two);
    Ping::start(&a, &two.ip).wait_for_answers(20);
    (cloud, a, two)
}

fn wait_for(hypervisor: &Hypervisor, (table, record, column): (&str, &str, &str), value: &str) {
    wait::until(&format!("{column} of {record} is {value}"), || {
        let now = hypervisor.get(table, record, column);
        if now == value { Ok(()) } else { Err(now) }
    });
}

fn ports(hypervisor: &Hypervisor) -> Vec<String> {
    let ports = hypervisor.vsctl(&["list-ports", "br-int"]);
    ports.lines().map(str::to_owned).collect()
}

#[test]
fn a_tunnel_port_that_is_deleted_comes_back_and_a_stale_one_goes() {
    if !need(&PARTS) {
        return;
    }
    let (cloud, a, two) = pair();
    let hypervisor = cloud.lab.hypervisor(1);
    let number = hypervisor.ofport("weft-vxlan");
    let ping = Ping::start(&a, &two.ip);
    ping.wait_for_answers(20);
    hypervisor.vsctl(&["--no-wait", "del-port", "weft-vxlan"]);
    wait::until("the tunnel port is there", || {
        let ports = ports(hypervisor);
        let there = ports.iter().any(|port| port == "weft-vxlan");
        if there { Ok(()) } else { Err(ports) }
    });
    assert_eq!(hypervisor.ofport("weft-vxlan"), number);
    ping.wait_for_answers(50);

    let tunnel = ["type=gre", "options:remote_ip=192.0.2.9", "options:key=77"];
    let add = |name: &str, mark: &[&str]| {
        let words = ["--no-wait", "add-port", "br-int", name];
        let set = ["--", "set", "Interface", name];
        hypervisor.vsctl(&[&words, mark, &set, &tunnel].concat());
    };
    add("somebodys", &[]);
    let marked = ["--", "set", "Port", "stale", "external_ids:weft=tunnel"];
    add("stale", &marked);
    wait::until("the stale tunnel port is gone", || {
        let ports = ports(hypervisor);
        let there = ports.iter().any(|port| port == "stale");
        if there { Err(ports) } else { Ok(()) }
    });
    // What bears no mark of ours is not ours to remove.
    assert!(ports(hypervisor).contains(&"somebodys".to_owned()));
    ping.wait_for_answers(20);
}

#[test]
fn what_is_changed_about_the_bridge_by_hand_comes_back() {
    if !need(&PARTS) {
        return;
    }
    let (cloud, a, two) = pair();
    let hypervisor = cloud.lab.hypervisor(1);
    let fail_mode = ("Bridge", "br-int", "fail_mode");
    let in_band = ("Bridge", "br-int", "other_config:disable-in-band");
    wait_for(hypervisor, fail_mode, "secure");
    wait_for(hypervisor, in_band, "true");
    hypervisor.vsctl(&["--no-wait", "set-fail-mode", "br-int", "standalone"]);
    wait_for(hypervisor, fail_mode, "secure");
    hypervisor.vsctl(&["--no-wait", "del-fail-mode", "br-int"]);
    wait_for(hypervisor, fail_mode, "secure");
    for (command, value) in [("set", "=false"), ("remove", "")] {
        let key = format!("disable-in-band{value}");
        match command {
            "set" => {
                let key = format!("other_config:{key}");
                hypervisor.vsctl(&["--no-wait", "set", "Bridge", "br-int", &key])
            }
            _ => hypervisor.vsctl(&[
                "--no-wait",
                "remove",
                "Bridge",
                "br-int",
                "other_config",
                &key,
            ]),
        };
        wait_for(hypervisor, in_band, "true");
    }
    // Without a controller Open vSwitch forgets all flows.
    let target = format!("tcp:{FABRIC}:6653");
    let controller = || {
        hypervisor
            .vsctl(&["get-controller", "br-int"])
            .trim()
            .to_owned()
    };
    assert_eq!(controller(), target);
    for other in ["", "tcp:192.0.2.1:6653"] {
        match other {
            "" => hypervisor.vsctl(&["--no-wait", "del-controller", "br-int"]),
            _ => hypervisor.vsctl(&["--no-wait", "set-controller", "br-int", other]),
        };
        wait::until("the controller is back", || {
            let now = controller();
            if now == target { Ok(()) } else { Err(now) }
        });
        Ping::start(&a, &two.ip).wait_for_answers(20);
    }
    let mode = "connection_mode";
    hypervisor.vsctl(&[
        "--no-wait",
        "set",
        "Controller",
        "br-int",
        "connection_mode=in-band",
    ]);
    wait_for(hypervisor, ("Controller", "br-int", mode), "out-of-band");
    cloud.wait_until_in_order(&[1, 2]);
    assert_eq!(cloud.switch(1)["ovsdb"], json!(true));
    Ping::start(&a, &two.ip).wait_for_answers(20);
}

#[test]
fn no_flow_hides_above_ours_and_stages_are_named() {
    if !need(&PARTS) {
        return;
    }
    let (cloud, ..) = pair();
    for hypervisor in cloud.lab.hypervisors() {
        let all = hypervisor.appctl("bridge/dump-flows", &["br-int"]);
        let priorities: Vec<u32> = all
            .split([',', ' '])
            .filter_map(|word| word.strip_prefix("priority=")?.parse().ok())
            .collect();
        assert!(priorities.len() > 10, "{all}");
        let hidden = priorities.iter().filter(|priority| **priority >= HIDDEN);
        assert_eq!(hidden.count(), 0, "{all}");
        let words = [
            "ovs-ofctl",
            "-O",
            "OpenFlow15",
            "--names",
            "dump-flows",
            "br-int",
        ];
        let named = hypervisor.host().run(&words);
        for stage in ["classify", "port_security", "l2_lookup", "output"] {
            let names = [format!("table={stage},"), format!("table=\"{stage}\",")];
            let there = names.iter().any(|name| named.contains(name));
            assert!(there, "{stage}: {named}");
        }
        // Not even table 0 is without a name; else it would not be printed at all.
        let numbered = named
            .lines()
            .filter(|line| line.contains("actions="))
            .find(|line| {
                let table = line.split_once("table=").map(|(_, table)| table);
                table.is_none_or(|table| table.starts_with(|c: char| c.is_ascii_digit()))
            });
        assert_eq!(numbered, None);
    }
}

#[test]
fn a_bridge_that_gets_another_identity_is_still_its_hypervisors() {
    if !need(&PARTS) {
        return;
    }
    let (cloud, a, two) = pair();
    let before = cloud.program(1);
    let identity = "00000000deadbeef";
    let hypervisor = cloud.lab.hypervisor(1);
    let key = format!("other_config:datapath-id={identity}");
    hypervisor.vsctl(&["--no-wait", "set", "Bridge", "br-int", &key]);
    wait::until("the controller knows the new identity", || {
        let switch = cloud.switch(1);
        let known = switch["datapath_id"] == json!(identity);
        if known && switch["state"] == json!("in order") {
            Ok(())
        } else {
            Err(switch)
        }
    });
    assert_eq!(cloud.program(1), before);
    Ping::start(&a, &two.ip).wait_for_answers(20);
}

#[test]
fn a_bridge_that_is_deleted_is_made_again_and_takes_its_machines_back() {
    if !need(&PARTS) {
        return;
    }
    let (cloud, a, two) = pair();
    let hypervisor = cloud.lab.hypervisor(2);
    hypervisor.vsctl(&["--no-wait", "del-br", "br-int"]);
    cloud.wait_for_status(&two, "DOWN");
    wait::until("the bridge is there", || {
        let bridges = hypervisor.vsctl(&["list-br"]);
        if bridges.lines().any(|bridge| bridge == "br-int") {
            Ok(())
        } else {
            Err(bridges)
        }
    });
    hypervisor.wait_for_bridge("br-int");
    let tap = format!("tap{:.11}", two.id);
    let id = format!("external_ids:iface-id={}", two.id);
    let words = [
        "add-port",
        "br-int",
        &tap,
        "--",
        "set",
        "Interface",
        &tap,
        &id,
    ];
    hypervisor.vsctl(&words);
    cloud.wait_for_status(&two, "ACTIVE");
    cloud.wait_until_in_order(&[1, 2]);
    Ping::start(&a, &two.ip).wait_for_answers(20);
}
