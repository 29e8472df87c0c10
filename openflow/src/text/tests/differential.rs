//! Comparison with Open vSwitch: what this crate encodes, `ovs-ofctl` prints as this crate does,
//! and reads again.
//!
//! Runs where `ovs-ofctl` is installed; elsewhere says so, and fails when `WEFT_TESTS=all`.

use std::io::Write as _;
use std::process::{Command, Stdio};

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use super::super::{Flow, Names, print_flow};
use super::generate::flow;
use super::{decode, encode};
use crate::Version;

/// Flows of one comparison.
const FLOWS: usize = 2000;

/// Whether `ovs-ofctl` is there.
fn installed() -> bool {
    let found = Command::new("ovs-ofctl").arg("--version").output().is_ok();
    if !found {
        let all = std::env::var("WEFT_TESTS").is_ok_and(|tests| tests == "all");
        assert!(!all, "ovs-ofctl is not installed");
        eprintln!("skipped: ovs-ofctl is not installed");
    }
    found
}

/// What `ovs-ofctl` writes when it reads `input`.
fn ovs_ofctl(arguments: &[&str], input: Vec<u8>) -> String {
    let mut child = Command::new("ovs-ofctl")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("ovs-ofctl starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    let writer = std::thread::spawn(move || stdin.write_all(&input));
    let output = child.wait_with_output().expect("ovs-ofctl ends");
    let written = writer.join().expect("the writer ends");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(written.is_ok() && output.status.success(), "{errors}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// The same random flows in every run.
fn flows() -> Vec<Flow> {
    let mut runner = TestRunner::deterministic();
    let strategy = flow();
    let mut one = || {
        let tree = strategy.new_tree(&mut runner);
        tree.expect("a flow").current()
    };
    (0..FLOWS).map(|_| one()).collect()
}

/// Prints the messages with `ovs-ofctl ofp-parse` and compares; gives the number of messages.
fn compare(version: Version) -> usize {
    let mut expected = Vec::new();
    let mut input = Vec::new();
    for flow in flows() {
        if let Ok(message) = encode(&flow, version) {
            let (_, received) = decode(&message).expect("what was encoded");
            expected.push((print_flow(&received, &Names::default()), message.clone()));
            input.extend_from_slice(&message);
        }
    }
    let output = ovs_ofctl(&["ofp-parse", "-"], input);
    let printed: Vec<&str> = output
        .lines()
        .filter(|line| line.starts_with("OFPT_FLOW_MOD"))
        .map(|line| line.split_once(" ADD ").map_or(line, |(_, flow)| flow))
        .collect();
    assert_eq!(printed.len(), expected.len());
    let wrong: Vec<_> = printed
        .iter()
        .zip(&expected)
        .filter(|(printed, (ours, _))| *printed != ours)
        .map(|(printed, (ours, message))| format!("{printed}\n{ours}\n{message:02x?}\n"))
        .collect();
    assert!(
        wrong.is_empty(),
        "{}: {}",
        wrong.len(),
        wrong[..wrong.len().min(8)].join("\n")
    );
    printed.len()
}

#[test]
fn open_vswitch_prints_what_this_crate_encodes_as_this_crate_does() {
    if installed() {
        assert_eq!(compare(Version::V1_5), FLOWS);
        // 1.3 lacks a few of the fields.
        assert!(compare(Version::V1_3) > FLOWS / 2);
    }
}

#[test]
fn open_vswitch_reads_what_this_crate_prints() {
    if !installed() {
        return;
    }
    let texts: Vec<String> = flows()
        .iter()
        .map(|flow| print_flow(flow, &Names::default()))
        .collect();
    let input = texts.join("\n").into_bytes();
    let output = ovs_ofctl(&["-O", "OpenFlow15", "parse-flows", "-"], input);
    let read: Vec<&str> = output
        .lines()
        .filter_map(|line| Some(line.split_once(" ADD ")?.1))
        .collect();
    assert_eq!(read.len(), texts.len());
    let wrong: Vec<_> = read
        .iter()
        .zip(&texts)
        .filter(|(read, ours)| read != ours)
        .collect();
    assert!(wrong.is_empty(), "{}: {wrong:#?}", wrong.len());
}
