//! `weft simulate`: scenarios from files, reports into a folder, and exit statuses that programs can go by.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;
use weft_tests::process;

fn simulate(words: &[&str]) -> Output {
    let mut command = Command::new(process::weft());
    let output = command.arg("simulate").args(words).output();
    output.expect("weft runs")
}

fn shipped(name: &str) -> String {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    let file = tests.join("../simulations/scenarios").join(name);
    file.to_str().expect("a path of text").to_owned()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("text")
}

#[test]
fn a_scenario_is_played_and_reported() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("out");
    let file = shipped("first-network.toml");
    let words = [&file, "--report", out.to_str().expect("text")];
    let output = simulate(&words);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let said = text(&output.stdout);
    assert!(said.contains("holds   red/web reach one another"), "{said}");
    assert_eq!(
        fs::read_to_string(out.join("report.txt")).expect("a report"),
        said
    );
    let report = fs::read_to_string(out.join("report.json")).expect("a report");
    let report: Value = serde_json::from_str(&report).expect("JSON");
    assert_eq!(report["name"], "First network");
    for name in ["report.html", "topology.svg"] {
        let page = fs::read_to_string(out.join(name)).expect("a report");
        assert!(page.contains("<svg"), "{name}");
    }
}

#[test]
fn a_seed_decides_the_run() {
    let file = shipped("isolation.toml");
    let run = |seed: &str| text(&simulate(&[&file, "--seed", seed, "--json"]).stdout);
    let first = run("7");
    assert_eq!(first, run("7"));
    let report: Value = serde_json::from_str(&first).expect("JSON");
    assert_eq!(report["seed"], 7);
}

#[test]
fn what_does_not_hold_and_what_is_no_scenario_have_statuses_of_their_own() {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, content: &str| {
        let path = folder.path().join(name);
        fs::write(&path, content).expect("a file");
        path.to_str().expect("text").to_owned()
    };
    let hopeless = write(
        "hopeless.toml",
        "name = 'Hopeless'\n[[tenant]]\nname = 'red'\nnetwork = [{ name = 'one', machines = 1 }, { name = 'two', machines = 1 }]\n\
         [[expect]]\nreach = 'red/one'\nto = 'red/two'\n",
    );
    let output = simulate(&[&hopeless]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(text(&output.stderr).contains("1 of 1 expectations do not hold"));
    let wrong = write("wrong.toml", "name = 'Wrong'\n[[tenants]]\nname = 'red'\n");
    let output = simulate(&[&wrong]);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    let said = text(&output.stderr);
    assert!(
        said.contains("wrong.toml:2:3") && said.contains("did you mean 'tenant'"),
        "{said}"
    );
    let output = simulate(&["/nowhere/at-all.toml"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("/nowhere/at-all.toml"));
}
