//! The operators' commands, typed beside a running controller: what they print is what there is.

use std::collections::BTreeSet;
use std::process::Output;

use serde_json::Value;
use weft_tests::cloud::Cloud;
use weft_tests::netns::FABRIC;
use weft_tests::{Part, need, process, wait};

/// Runs `weft` where the controller runs.
#[track_caller]
fn weft(cloud: &Cloud, words: &[&str]) -> Output {
    let binary = process::weft();
    let api = format!("http://{FABRIC}:9696");
    let mut all = vec![binary.to_str().expect("paths of the build are text")];
    all.extend(words);
    all.extend(["--api", &api]);
    let output = cloud.fabric().command(&all).output();
    output.unwrap_or_else(|error| panic!("{words:?}: {error}"))
}

/// What a command prints that succeeds.
#[track_caller]
fn said(cloud: &Cloud, words: &[&str]) -> String {
    let output = weft(cloud, words);
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{words:?}: {error}");
    String::from_utf8(output.stdout).expect("text")
}

/// The same as JSON.
#[track_caller]
fn json(cloud: &Cloud, words: &[&str]) -> Value {
    let text = said(cloud, &[words, &["--json"]].concat());
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// What a command says on stderr that fails with exit status 1.
#[track_caller]
fn refused(cloud: &Cloud, words: &[&str]) -> String {
    let output = weft(cloud, words);
    assert_eq!(output.status.code(), Some(1), "{words:?}: {output:?}");
    assert!(output.stdout.is_empty(), "{words:?}: {output:?}");
    String::from_utf8(output.stderr).expect("text")
}

/// The words of the line that begins with a word.
#[track_caller]
fn row<'a>(text: &'a str, first: &str) -> Vec<&'a str> {
    let mut rows = text
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>());
    rows.find(|row| row.first() == Some(&first))
        .unwrap_or_else(|| panic!("no row of {first} in\n{text}"))
}

/// The program of the switch as the switch itself has it, without the marker.
fn on_the_switch(cloud: &Cloud) -> BTreeSet<String> {
    let words = ["--names", "--no-stats", "dump-flows", "br-int"];
    let text = cloud.lab.hypervisor(1).ofctl(&words);
    text.lines()
        .map(str::trim)
        .filter(|line| line.contains("actions=") && !line.contains("table=marker"))
        .map(str::to_owned)
        .collect()
}

fn lines(text: &str) -> BTreeSet<String> {
    text.lines().map(str::to_owned).collect()
}

#[test]
fn operators_see_switches_ports_topology_and_flows_as_they_are() {
    if !need(&[Part::OpenVswitch, Part::Namespaces]) {
        return;
    }
    let mut cloud = Cloud::start(1, &[]);
    let network = cloud.network("blue", "vxlan", "10.0.0.0/24");
    let (here, nowhere) = (cloud.port(&network, "one"), cloud.port(&network, "two"));
    cloud.plug(1, "a", &here);
    cloud.wait_for_status(&here, "ACTIVE");
    cloud.wait_until_in_order(&[1]);

    let flows = flows_are_those_of_the_switch(&cloud);
    switches_tell_state_and_flows(&cloud, flows.len());
    ports_tell_where_they_are(&cloud, &network, [&here.id, &nowhere.id]);
    topology_has_tables_and_a_graph(&cloud);
    a_cookie_is_explained(&cloud, &flows);
    what_is_not_there_is_said(&cloud);
}

fn flows_are_those_of_the_switch(cloud: &Cloud) -> BTreeSet<String> {
    let shown = lines(&said(cloud, &["flows", "hv1"]));
    let installed = on_the_switch(cloud);
    assert!(!installed.is_empty());
    let missing: Vec<_> = installed.difference(&shown).collect();
    let invented: Vec<_> = shown.difference(&installed).collect();
    assert!(
        missing.is_empty() && invented.is_empty(),
        "only on the switch: {missing:#?}\nonly shown: {invented:#?}"
    );
    let of_stage = said(cloud, &["flows", "hv1", "--stage", "port_security"]);
    assert!(!of_stage.is_empty());
    assert!(
        of_stage
            .lines()
            .all(|line| line.contains(r#"table="port_security""#)),
        "{of_stage}"
    );
    let owners = said(cloud, &["flows", "hv1", "--owners"]);
    let emitted = owners.lines().filter(|line| line.starts_with("    from "));
    assert!(emitted.count() >= shown.len(), "{owners}");
    let data = json(cloud, &["flows", "hv1"]);
    assert_eq!(data["flows"].as_array().map(Vec::len), Some(shown.len()));
    shown
}

fn switches_tell_state_and_flows(cloud: &Cloud, flows: usize) {
    let text = said(cloud, &["switches"]);
    let datapath = cloud
        .lab
        .hypervisor(1)
        .get("Bridge", "br-int", "datapath_id");
    let switch = row(&text, "hv1");
    assert_eq!(switch[..4], ["hv1", "hv1", &datapath, "yes"], "{text}");
    assert!(text.contains("in order"), "{text}");
    assert!(switch.contains(&flows.to_string().as_str()), "{text}");
    let data = json(cloud, &["switches"]);
    assert_eq!(data["switches"][0]["flows"], flows);
}

fn ports_tell_where_they_are(cloud: &Cloud, network: &str, [here, nowhere]: [&str; 2]) {
    let text = said(cloud, &["ports"]);
    assert!(row(&text, here).contains(&"hv1"), "{text}");
    assert!(row(&text, nowhere).contains(&"no"), "{text}");
    let count = |words: &[&str]| {
        let data = json(cloud, &[&["ports"], words].concat());
        data["ports"].as_array().map(Vec::len)
    };
    // The services port, from which machines get their addresses, is one as well.
    let path = format!("/v2.0/ports?network_id={network}&fields=id");
    let all = cloud.api("GET", &path, None, 200);
    let all = all["ports"].as_array().map(Vec::len);
    assert_eq!((all, count(&["--network", network])), (Some(3), all));
    assert_eq!(count(&["--network", "another"]), Some(0));
    assert_eq!(count(&["--hypervisor", "hv1"]), Some(1));
}

fn topology_has_tables_and_a_graph(cloud: &Cloud) {
    let text = said(cloud, &["topology"]);
    assert_eq!(row(&text, "hv1"), ["hv1", "hv1", "yes", "1"]);
    let graph = said(cloud, &["topology", "--dot"]);
    assert!(graph.starts_with("graph {"), "{graph}");
    assert!(graph.contains(r#""hv1\l1 ports""#), "{graph}");
    assert_eq!(
        json(cloud, &["topology"])["hypervisors"][0]["system_id"],
        "hv1"
    );
}

fn a_cookie_is_explained(cloud: &Cloud, flows: &BTreeSet<String>) {
    let flow = flows
        .iter()
        .find(|flow| flow.contains(r#"table="l2_lookup""#));
    let flow = flow.expect("a flow that knows the port's address");
    let cookie = flow
        .strip_prefix("cookie=")
        .and_then(|rest| rest.split(',').next())
        .expect("a cookie");
    let text = said(cloud, &["explain", cookie]);
    assert_eq!(text.lines().next(), Some(flow.as_str()));
    assert_eq!(row(&text, "stage")[1], "l2_lookup:");
    assert!(row(&text, "from").contains(&"at"), "{text}");
    assert_eq!(json(cloud, &["explain", cookie])["stage"], "l2_lookup");
}

fn what_is_not_there_is_said(cloud: &Cloud) {
    let rows: [(&[&str], &str); 7] = [
        (&["switches", "release", "hv1"], "is not held"),
        (&["switches", "release", "hv 9"], "no hypervisor has"),
        (&["switches", "forget", "hv9"], "no hypervisor has"),
        (&["switches", "forget", "hv1"], "del-manager"),
        (&["flows", "hv9"], "no hypervisor has"),
        (&["ports", "--hypervisor", "hv9"], "no hypervisor has"),
        (&["explain", "0x1"], "no flow of any program"),
    ];
    for (words, part) in rows {
        let error = refused(cloud, words);
        assert!(
            error.starts_with("error: ") && error.contains(part),
            "{error}"
        );
    }
}

#[test]
fn packets_are_followed_to_where_they_go_and_the_flow_is_named_that_decides() {
    if !need(&[Part::OpenVswitch, Part::Namespaces]) {
        return;
    }
    let mut cloud = Cloud::start(2, &[]);
    let blue = cloud.network("blue", "vxlan", "10.0.0.0/24");
    let red = cloud.network("red", "vxlan", "10.0.0.0/24");
    let web = cloud.port(&blue, "web");
    let db = cloud.port(&blue, "db");
    let other = cloud.port(&red, "other");
    cloud.plug(1, "a", &web);
    cloud.plug(2, "b", &db);
    cloud.plug(1, "c", &other);
    for port in [&web, &db, &other] {
        cloud.wait_for_status(port, "ACTIVE");
    }
    cloud.wait_until_in_order(&[1, 2]);

    let over = json(
        &cloud,
        &[
            "trace", "--from", "web", "--to", "db", "--proto", "tcp", "--dport", "5432",
        ],
    );
    let deliveries = over["deliveries"].as_array().expect("deliveries");
    assert_eq!(deliveries.len(), 1, "{over}");
    assert_eq!(deliveries[0]["port"], db.id);
    assert_eq!(deliveries[0]["hypervisor"], "hv2");
    let text = said(&cloud, &["trace", "--from", &web.id[..13], "--to", "db"]);
    assert!(text.contains("vxlan") && text.contains("arrive"), "{text}");
    let discover =
        "udp,dl_dst=ff:ff:ff:ff:ff:ff,nw_src=0.0.0.0,nw_dst=255.255.255.255,tp_src=68,tp_dst=67";
    let text = said(&cloud, &["trace", "--from", "web", discover]);
    assert!(text.contains("controller, dhcp4"), "{text}");
    let spoofed = json(
        &cloud,
        &[
            "trace",
            "--from",
            "web",
            "--to",
            "db",
            "icmp,nw_src=10.0.0.77",
        ],
    );
    assert_eq!(spoofed["deliveries"].as_array().map(Vec::len), Some(0));
    assert_eq!(spoofed["drops"][0]["stage"], "port_security");

    let why = said(&cloud, &["why", "web", "db"]);
    assert!(why.ends_with("They reach each other.\n"), "{why}");
    assert_eq!(why.matches("yes  ").count(), 4, "{why}");
    // The other network has the same addresses, and nobody there is asked.
    let output = weft(&cloud, &["why", "web", "other"]);
    assert_eq!(output.status.code(), Some(1));
    let why = String::from_utf8_lossy(&output.stdout);
    assert!(why.contains("NO   "), "{why}");
    let rows: [(&[&str], &str); 4] = [
        (&["trace", "--from", "nobody"], "no port has"),
        (&["trace", "--from", "web"], "say which"),
        (&["trace", "--from", "web", "tp_dst=80"], "the packet: "),
        (
            &["trace", "--from", "web", "--to", "db", "what=80"],
            "column 1",
        ),
    ];
    for (words, part) in rows {
        let error = refused(&cloud, words);
        assert!(error.contains(part), "{error}");
    }
}

#[test]
fn a_hypervisor_that_is_forgotten_is_gone_from_all_others_and_makes_room() {
    if !need(&[Part::OpenVswitch, Part::Namespaces]) {
        return;
    }
    let mut cloud = Cloud::start(2, &["--max-hypervisors", "2"]);
    let network = cloud.network("blue", "vxlan", "10.0.0.0/24");
    let (one, two) = (cloud.port(&network, "one"), cloud.port(&network, "two"));
    cloud.wait_until_in_order(&[1, 2]);
    let before = on_the_switch(&cloud);
    cloud.plug(2, "b", &two);
    cloud.wait_for_status(&two, "ACTIVE");
    cloud.plug(1, "a", &one);
    cloud.wait_for_status(&one, "ACTIVE");
    let second = cloud.lab.hypervisor(2);
    let address = format!("tun_src={}", second.underlay());
    let knows = |flows: &BTreeSet<String>| flows.iter().any(|flow| flow.contains(&address));
    assert!(knows(&before));

    // A third one, which is the second one by another name, finds no room.
    let rename = |id: &str| {
        let id = format!("external_ids:system-id={id}");
        cloud
            .lab
            .hypervisor(2)
            .vsctl(&["set", "Open_vSwitch", ".", &id]);
    };
    rename("stranger");
    wait::until("the third hypervisor is refused", || {
        match cloud.notices("hypervisor-refused") {
            0 => Err(cloud.log()),
            _ => Ok(()),
        }
    });
    assert_eq!(cloud.switches().len(), 2);
    assert!(cloud.log().contains("--max-hypervisors"));
    rename("hv2");
    cloud.wait_until_in_order(&[1, 2]);

    let words = ["del-manager", "--", "--if-exists", "del-br", "br-int"];
    cloud.lab.hypervisor(2).vsctl(&words);
    cloud.wait_for_state(2, "disconnected");
    wait::until("its OVSDB is gone", || match cloud.switch(2)["ovsdb"] {
        Value::Bool(false) => Ok(()),
        ref other => Err(other.clone()),
    });
    assert_eq!(
        said(&cloud, &["switches", "forget", "hv2"]),
        "forgotten: hv2 and its 1 interfaces\n"
    );
    cloud.wait_for_status(&two, "DOWN");
    wait::until("no flow knows the hypervisor that is gone", || {
        let flows = on_the_switch(&cloud);
        if knows(&flows) { Err(flows) } else { Ok(()) }
    });
    assert_eq!(cloud.switches().len(), 1);
    cloud.wait_for_status(&one, "ACTIVE");
    assert_eq!(cloud.notices("hypervisor-forgotten"), 1);
}
