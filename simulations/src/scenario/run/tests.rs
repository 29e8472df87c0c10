//! What playing a scenario shows: that what should happen happens, and that what does not hold is said.

use std::path::Path;

use crate::report::Report;
use crate::scenario::Scenario;

fn play(text: &str) -> Report {
    let open = |name: &str| {
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("scenarios")
            .join(name);
        std::fs::read_to_string(path).map_err(|error| error.to_string())
    };
    let scenario =
        Scenario::parse("test.toml", text, &open).unwrap_or_else(|problems| panic!("{problems}"));
    scenario.run(&mut |_, _| {}).expect("a world for it")
}

fn ships(name: &str) -> Report {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("scenarios")
        .join(name);
    let report = play(&std::fs::read_to_string(path).expect("it ships"));
    if let Some(folder) = std::env::var_os("WEFT_REPORTS") {
        let path = Path::new(&folder).join(name).with_extension("html");
        std::fs::write(path, report.to_html()).expect("can be written");
    }
    println!("{}", report.to_text());
    for moment in report.moments.iter().take(20) {
        println!("{} {}", moment.at, moment.what);
    }
    report
}

#[test]
fn first_network() {
    assert!(ships("first-network.toml").holds());
}

#[test]
fn isolation() {
    assert!(ships("isolation.toml").holds());
}

#[test]
fn migration() {
    assert!(ships("migration.toml").holds());
}

#[test]
fn hypervisor_loss() {
    assert!(ships("hypervisor-loss.toml").holds());
}

#[test]
fn leaf_loss() {
    assert!(ships("leaf-loss.toml").holds());
}

#[test]
fn wan() {
    assert!(ships("wan.toml").holds());
}

#[test]
fn controller_restart() {
    assert!(ships("controller-restart.toml").holds());
}

#[test]
fn rack_loss() {
    assert!(ships("rack-loss.toml").holds());
}

#[test]
fn mass_create() {
    assert!(ships("mass-create.toml").holds());
}
