//! The audit: what somebody else does to a switch's flows is found, undone, counted and said.

use serde_json::Value;
use weft_tests::cloud::{Cloud, FlowWatch, Port, text};
use weft_tests::host::Host;
use weft_tests::traffic::{DhcpClient, Ping, dhcp};
use weft_tests::watch::Snoop;
use weft_tests::{Part, need, wait};

/// The flow of a stage whose text has a word, as operators see it.
fn flow_of(flows: &Value, stage: &str, word: &str) -> String {
    let flows = flows["flows"].as_array().cloned().unwrap_or_default();
    let found = flows.iter().find(|flow| {
        flow["stage"] == stage
            && flow["flow"]
                .as_str()
                .is_some_and(|text| text.contains(word))
    });
    let found = found.unwrap_or_else(|| panic!("no {word} in {stage}: {flows:?}"));
    text(&found["cookie"])
}

/// Two machines on two hypervisors that reach each other, with an audit every second.
fn pair() -> (Cloud, Host, Port, Port) {
    let mut cloud = Cloud::start(2, &["--audit-interval", "1"]);
    let network = cloud.network("blue", "vxlan", "10.0.0.0/24");
    let (one, two) = (cloud.port(&network, "one"), cloud.port(&network, "two"));
    let a = cloud.machine(1, "a", &one);
    cloud.machine(2, "b", &two);
    Ping::start(&a, &two.ip).wait_for_answers(20);
    cloud.wait_until_in_order(&[1, 2]);
    (cloud, a, one, two)
}

/// Waits until the audit has repaired something `count` times.
fn wait_for_repairs(cloud: &Cloud, count: u64) {
    wait::until("the switch is repaired", || {
        let repaired = cloud.notices("repaired");
        if repaired == count {
            Ok(())
        } else {
            Err(repaired)
        }
    });
}

/// Waits until the switch was asked for its flows `count` more times.
fn wait_for_readings(snoop: &Snoop, count: usize) {
    let readings = || snoop.log().matches("OFPST_FLOW request").count();
    let before = readings();
    wait::until("audits", || {
        let now = readings();
        if now >= before + count {
            Ok(())
        } else {
            Err(now)
        }
    });
}

#[test]
fn what_is_done_to_flows_by_hand_is_undone_counted_and_said() {
    if !need(&[Part::OpenVswitch, Part::Namespaces]) {
        return;
    }
    let (cloud, a, _, two) = pair();
    let before = cloud.program(1);
    let snoop = Snoop::start(cloud.lab.hypervisor(1));
    let watch = FlowWatch::start(cloud.lab.hypervisor(1));

    // Audits of a switch that is in order send nothing.
    wait_for_readings(&snoop, 3);
    assert_eq!(snoop.changes(), Vec::<String>::new());
    assert_eq!(watch.events(), Vec::<String>::new());
    assert_eq!(cloud.notices("repaired"), 0);

    // One flow changed, one removed, one added, in one moment.
    let flows = cloud.api("GET", "/weft/v1/switches/hv1/flows", None, 200);
    let changed = flow_of(&flows, "l2_lookup", &two.mac);
    let removed = flow_of(&flows, "neighbours", &two.ip);
    let vandalism = cloud.lab.slot().folder().join("vandalism");
    let lines = format!(
        "modify table=l2_lookup,cookie={changed}/-1,actions=drop\n\
         delete cookie={removed}/-1\n\
         add table=0,priority=60000,ip,nw_dst=10.0.0.77,actions=drop\n"
    );
    std::fs::write(&vandalism, lines).expect("the lab's folder can be written to");
    let file = vandalism.display().to_string();
    cloud
        .lab
        .hypervisor(1)
        .ofctl(&["--names", "--bundle", "add-flows", "br-int", &file]);
    wait_for_repairs(&cloud, 1);
    wait::until("the flows are as they were", || {
        let now = cloud.program(1);
        if now == before { Ok(()) } else { Err(now) }
    });
    let log = cloud.log();
    let words = "switch of hv1: 2 flows, groups or meters were missing, 2 were foreign or changed; repaired";
    assert!(log.contains(words), "{:?}\n{log}", watch.events());

    // Three things done by hand; two flows taken out, two put in, and the note of the revision.
    let repairs = wait::until("all events", || {
        let events = watch.events();
        if events.len() < 8 {
            Err(events)
        } else {
            Ok(events)
        }
    });
    let count = |kind: &str| repairs.iter().filter(|event| event.contains(kind)).count();
    assert_eq!(
        (count("=MODIFIED"), count("=DELETED"), count("=ADDED")),
        (1, 3, 4),
        "{repairs:?}"
    );

    // That was all.
    let told = snoop.changes().len();
    wait_for_readings(&snoop, 3);
    assert_eq!(snoop.changes().len(), told);
    assert_eq!(watch.events().len(), 8);
    assert_eq!(cloud.notices("repaired"), 1);
    Ping::start(&a, &two.ip).wait_for_answers(20);
}

#[test]
fn a_meter_that_is_changed_or_removed_by_hand_is_put_right() {
    if !need(&[Part::OpenVswitch, Part::Namespaces, Part::DhcpClients]) {
        return;
    }
    let (cloud, a, one, _) = pair();
    let hypervisor = cloud.lab.hypervisor(1);
    let meters = || hypervisor.ofctl(&["dump-meters", "br-int"]);
    let before = (cloud.program(1), meters());
    let (_, rest) = before.1.split_once("meter=").expect("a meter");
    let number: String = rest.chars().take_while(char::is_ascii_digit).collect();

    let changed = format!("meter={number},pktps,band=type=drop,rate=1");
    hypervisor.ofctl(&["mod-meter", "br-int", &changed]);
    wait_for_repairs(&cloud, 1);
    wait::until("the meter is as it was", || {
        let now = meters();
        // A number for every question, and the meter.
        if now.lines().skip(1).eq(before.1.lines().skip(1)) {
            Ok(())
        } else {
            Err(now)
        }
    });

    hypervisor.ofctl(&["del-meter", "br-int", &format!("meter={number}")]);
    wait_for_repairs(&cloud, 2);
    wait::until("the meter is there", || {
        let now = (cloud.program(1), meters());
        let same = now.1.lines().skip(1).eq(before.1.lines().skip(1));
        if same && now.0 == before.0 {
            Ok(())
        } else {
            Err(now)
        }
    });
    let words = "switch of hv1: 1 flows, groups or meters were missing, 0 were foreign or changed";
    let log = cloud.log();
    assert_eq!(log.matches(words).count(), 2, "{log}");
    assert_eq!(dhcp(DhcpClient::Udhcpc, &a)["ip"], one.ip);
}
