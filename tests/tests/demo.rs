//! The demo tells its story: a cloud without Open vSwitch, root or configuration.

use std::process::Command;

use serde_json::Value;
use weft_tests::process;

fn demo(words: &[&str]) -> String {
    let mut command = Command::new(process::weft());
    command.args(["demo", "--once", "--listen-api", "127.0.0.1:0"]);
    let output = command.args(words).output().expect("weft runs");
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{error}");
    String::from_utf8(output.stdout).expect("text")
}

#[test]
fn the_demo_tells_what_it_observes_and_ends() {
    let story = demo(&[]);
    for part in [
        "4 hypervisors have connected",
        "10.0.0.11 by DHCP",
        "5 of 5 come back",
        "have the same address, 10.0.0.12",
        "moves from",
        "nothing arrives",
        "in port_security: no flow of this stage is for it",
    ] {
        assert!(story.contains(part), "'{part}' in\n{story}");
    }
}

#[test]
fn the_story_is_told_to_programs_a_line_of_json_at_a_time() {
    let story = demo(&["--json", "--hypervisors", "2"]);
    let lines: Vec<Value> = story
        .lines()
        .map(|line| serde_json::from_str(line).expect("a line of JSON"))
        .collect();
    assert!(lines.len() > 8, "{story}");
    let times: Vec<u64> = lines
        .iter()
        .map(|line| line["at_ms"].as_u64().expect("a time"))
        .collect();
    assert!(times.is_sorted(), "{times:?}");
}
