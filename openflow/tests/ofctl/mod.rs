//! `ovs-ofctl`: whether it is there, of which Open vSwitch it is, and what it answers. Knows nothing of OpenFlow: what
//! is asked, and what answers mean, is for the tests that use this file, also those of other crates.

use std::io::Write as _;
use std::process::{Command, Stdio};

/// The first two numbers of an Open vSwitch: `(3, 1)`.
pub(crate) type Release = (u32, u32);

/// What `ovs-ofctl` says when it gives up.
#[derive(Debug)]
pub(crate) struct Failure {
    /// What it has printed before.
    pub(crate) said: String,
    /// What it complains about.
    pub(crate) errors: String,
}

/// Whether `ovs-ofctl` is there; without it a test is skipped and says so, and fails when `WEFT_TESTS=all`.
pub(crate) fn installed() -> bool {
    let found = Command::new("ovs-ofctl").arg("--version").output().is_ok();
    if !found {
        let all = std::env::var("WEFT_TESTS").is_ok_and(|tests| tests == "all");
        assert!(!all, "ovs-ofctl is not installed");
        eprintln!("skipped: ovs-ofctl is not installed");
    }
    found
}

/// Of which Open vSwitch it is.
pub(crate) fn release() -> Release {
    let said = ask(&["--version"], Vec::new()).expect("a version");
    let numbers = said.split_once("(Open vSwitch) ").map(|(_, rest)| {
        let mut numbers = rest.split(|c: char| !c.is_ascii_digit());
        (numbers.next()?.parse().ok()).zip(numbers.next()?.parse().ok())
    });
    numbers.flatten().expect("two numbers")
}

/// What `ovs-ofctl` answers to `input`.
pub(crate) fn ask(arguments: &[&str], input: Vec<u8>) -> Result<String, Failure> {
    let mut child = Command::new("ovs-ofctl")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("ovs-ofctl starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    // It may have given up before it has read everything.
    let writer = std::thread::spawn(move || drop(stdin.write_all(&input)));
    let output = child.wait_with_output().expect("ovs-ofctl ends");
    writer.join().expect("the writer ends");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let said = text(&output.stdout);
    match output.status.success() {
        true => Ok(said),
        false => Err(Failure {
            said,
            errors: text(&output.stderr),
        }),
    }
}

/// The option that asks for a version of OpenFlow, such as `1.3`.
pub(crate) fn option(version: &str) -> String {
    format!("OpenFlow{}", version.replace('.', ""))
}

/// The bytes of a line such as `00000010  06 0e 00 60-00 00 |...`|`.
pub(crate) fn dump_line(line: &str) -> Option<Vec<u8>> {
    let (offset, rest) = line.split_once("  ")?;
    u32::from_str_radix(offset, 16).ok()?;
    let digits = rest.get(..47).unwrap_or(rest).trim_end();
    let pairs = digits.split([' ', '-']).filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| u8::from_str_radix(pair, 16).ok())
        .collect()
}
