//! The scenarios that ship hold, what does not hold is said, and a seed gives one report.

use std::path::Path;

use crate::report::Report;
use crate::scenario::Scenario;

fn scenario(text: &str) -> Scenario {
    let open = |name: &str| {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
        std::fs::read_to_string(folder.join(name)).map_err(|error| error.to_string())
    };
    Scenario::parse("test.toml", text, &open).unwrap_or_else(|problems| panic!("{problems}"))
}

fn play(text: &str) -> Report {
    scenario(text).run(&mut |_, _| {}).expect("a world for it")
}

/// Plays one that ships, and asserts that it holds. With `WEFT_REPORTS`, its page is written into that folder.
fn holds(name: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("scenarios")
        .join(name);
    let report = play(&std::fs::read_to_string(path).expect("it ships"));
    if let Some(folder) = std::env::var_os("WEFT_REPORTS") {
        let path = Path::new(&folder).join(name).with_extension("html");
        std::fs::write(path, report.to_html()).expect("can be written");
    }
    assert!(
        report.holds(),
        "{}\n{:#?}",
        report.to_text(),
        report.moments
    );
}

#[test]
fn first_network_holds() {
    holds("first-network.toml");
}

#[test]
fn isolation_holds() {
    holds("isolation.toml");
}

#[test]
fn migration_holds() {
    holds("migration.toml");
}

#[test]
fn hypervisor_loss_holds() {
    holds("hypervisor-loss.toml");
}

#[test]
fn controller_restart_holds() {
    holds("controller-restart.toml");
}

#[test]
fn leaf_loss_holds() {
    holds("leaf-loss.toml");
}

#[test]
fn rack_loss_holds() {
    holds("rack-loss.toml");
}

#[test]
fn mass_create_holds() {
    holds("mass-create.toml");
}

#[test]
fn wan_holds() {
    holds("wan.toml");
}

/// Two machines on two hypervisors, in networks of their own or in one, and what is expected of them.
fn small(networks: &str, rest: &str) -> String {
    format!(
        "name = 'x'\nhypervisors = {{ count = 2 }}\n[[tenant]]\nname = 'red'\nnetwork = [{networks}]\n{rest}"
    )
}

#[test]
fn what_does_not_hold_is_said() {
    let rest = "
        [[workload]]
        ping = 'red'
        [[event]]
        at = '4s'
        down = 'hv2'
        [[expect]]
        reach = 'red'
        [[expect]]
        lost = 'ping1'
        [[expect]]
        gap = 'ping1'
        below = '1s'
        [[expect]]
        flows = '*'
        most = 3
        [[expect]]
        convergence = 'max'
        below = '1s'
        [[expect]]
        isolated = 'red/net1/vm1'
        from = 'red/net1/vm2'
    ";
    let report = play(&small("{ machines = 2 }", rest));
    let verdicts: Vec<(bool, &str)> = report
        .verdicts
        .iter()
        .map(|verdict| (verdict.holds, verdict.found.as_str()))
        .collect();
    assert!(!report.holds());
    assert!(
        verdicts[..5].iter().all(|(holds, _)| !holds),
        "{verdicts:#?}"
    );
    assert!(
        verdicts[0]
            .1
            .starts_with("0 of 2 pairs; not red/net1/vm1 to red/net1/vm2"),
        "{verdicts:#?}"
    );
    assert!(
        verdicts[5].0,
        "nothing comes from a machine without power: {verdicts:#?}"
    );
    assert!(report.loss.iter().any(|bin| bin.lost > 0));
}

#[test]
fn machines_that_are_not_isolated_are_found_out() {
    let rest = "[[expect]]\nisolated = 'red/net1/vm1'\nfrom = 'red/net1/vm2'\n";
    let report = play(&small("{ machines = 2 }", rest));
    assert!(!report.holds());
    assert_eq!(
        report.verdicts[0].found,
        "2 probes, such as from red/net1/vm1 to red/net1/vm2"
    );
}

#[test]
fn transfers_finish_and_rows_of_the_api_change() {
    let rest = "
        [[workload]]
        tcp = 'red/net1/vm1'
        to = 'red/net1/vm2'
        bytes = '100kB'
        [[event]]
        at = '4s'
        create = 'network'
        in = 'red'
        name = 'more'
        [[event]]
        at = '5s'
        update = 'red/net1'
        attributes = { mtu = 1300 }
        [[event]]
        at = '6s'
        delete = 'red/net1/vm2'
        [[event]]
        at = '7s'
        create = 'subnet'
        in = 'red/net1'
        attributes = { cidr = '10.0.0.0/24' }
        [[expect]]
        finished = 'tcp1'
    ";
    let report = play(&small("{ machines = 2 }", rest));
    assert!(report.holds(), "{}", report.to_text());
    let moments: Vec<&str> = report
        .moments
        .iter()
        .map(|moment| moment.what.as_str())
        .collect();
    let expected = [
        "create: red/more",
        "update: red/net1",
        "delete: red/net1/vm2",
        "create: red/net1/new1: refused with 400",
    ];
    assert_eq!(moments, expected);
}

#[test]
fn the_same_seed_gives_the_same_report() {
    let text = std::fs::read_to_string(
        Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/leaf-loss.toml"),
    );
    let text = text.expect("it ships");
    let other = text.replacen("name =", "seed = 2\nname =", 1);
    let first = play(&text).to_json();
    assert!(first == play(&text).to_json());
    assert!(first != play(&other).to_json());
}
