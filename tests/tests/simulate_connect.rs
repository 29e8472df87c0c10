//! `weft simulate --connect`: simulated hypervisors at a controller that runs, and a controller that does not.

use std::process::{Command, Output};

use serde_json::Value;
use weft_tests::controller::{Controller, sqlite};
use weft_tests::dummy::address;
use weft_tests::host::Host;
use weft_tests::process;
use weft_tests::slot::Slot;

fn simulate(url: &str, words: &[&str]) -> Output {
    let mut command = Command::new(process::weft());
    command.args(["simulate", "--connect", url]).args(words);
    command.output().expect("weft runs")
}

#[test]
fn hypervisors_connect_are_programmed_and_acknowledge_every_change() {
    let slot = Slot::claim();
    let host = Host::here(&slot, "here");
    let mut controller = Controller::new(&slot, &host, address(&slot, 1), &sqlite(&slot));
    controller.set_log("info");
    controller.start_again();
    let url = format!("http://{}", controller.at(9696));
    let words = "--hypervisors 20 --networks 4 --ports 60 --changes 12 --rate 50 --json";
    let words: Vec<&str> = words.split(' ').collect();
    let output = simulate(&url, &words);
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{error}{}", controller.log());
    let report: Value = serde_json::from_slice(&output.stdout).expect("a document");
    let end = &report["end"];
    assert_eq!(
        (&end["in_order"], &end["refused_flows"]),
        (&20.into(), &0.into()),
        "{report:#}"
    );
    assert_eq!(report["connecting"]["connections"], 40, "{report:#}");
    assert!(end["flows_least"].as_u64() > Some(0), "{report:#}");
    let changes = &report["changes"];
    let count = |what: &str| changes[what].as_u64().expect("a number");
    assert_eq!(count("created") + count("deleted"), 12, "{report:#}");
    assert_eq!(
        (count("failed"), count("not_converged")),
        (0, 0),
        "{report:#}"
    );
    let created = &changes["convergence_created"];
    assert_eq!(created["count"], changes["created"], "{report:#}");
    assert!(created["p50_ms"].as_f64() > Some(0.0), "{report:#}");
    assert_eq!(changes["convergence_deleted"]["count"], changes["deleted"]);
    let own = controller.process().id();
    assert_eq!(report["controller_process"]["pid"], own, "{report:#}");
    for spoken in report["traffic"].as_array().expect("two protocols") {
        for (what, much) in spoken.as_object().expect("figures") {
            assert!(
                what == "protocol" || much.as_u64() > Some(0),
                "{what}: {report:#}"
            );
        }
    }
    // What was made is gone, and nobody is remembered.
    let switches = controller.api("GET", "/weft/v1/switches", None, 200);
    assert_eq!(switches["switches"], Value::Array(Vec::new()));
    let networks = controller.api("GET", "/v2.0/networks", None, 200);
    assert_eq!(networks["networks"], Value::Array(Vec::new()));
}

#[test]
fn where_no_controller_is_the_error_says_so() {
    let output = simulate("http://127.0.0.1:1", &[]);
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{error}");
    let words = "error: no controller answers at http://127.0.0.1:1: connection refused";
    assert!(error.contains(words), "{error}");
}

#[test]
fn a_network_that_would_be_nowhere_is_refused_before_anything_is_made() {
    let words = ["--networks", "30", "--ports", "10"];
    let output = simulate("http://127.0.0.1:1", &words);
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{error}");
    assert!(error.contains("20 of 30 networks have no port"), "{error}");
}
