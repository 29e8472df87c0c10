//! What a scenario's file may say, and what is said about one that is wrong.

use std::path::Path;

use super::cast::Element;
use super::value::Placement;
use super::*;

fn parse(text: &str) -> Result<Scenario, Problems> {
    Scenario::parse("test.toml", text, &|_| Err("no such file".to_owned()))
}

fn problems(text: &str) -> Vec<String> {
    let problems = parse(text).expect_err("a wrong file");
    problems.to_string().lines().map(str::to_owned).collect()
}

#[test]
fn the_book_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/scenarios.md");
    let text = reference();
    if std::env::var_os("UPDATE").is_some_and(|value| value == "1") {
        std::fs::write(&path, &text).expect("docs can be written");
    }
    let held = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        held == text,
        "docs/scenarios.md is not current; UPDATE=1 writes it"
    );
}

#[test]
fn the_book_begins_with_a_scenario_that_is_right() {
    let page = reference();
    let example = page.split("```").nth(1).expect("an example");
    let example = example.strip_prefix("toml").expect("of TOML");
    parse(example).expect("a right file");
}

#[test]
fn ten_lines_make_a_network() {
    let scenario =
        parse("name = 'x'\n[[tenant]]\nname = 'red'\nnetwork = [{ machines = 6 }]").expect("right");
    let cast = &scenario.cast;
    assert_eq!(cast.hypervisors.len(), 4);
    let machines: Vec<(&str, &str)> = cast
        .guests
        .iter()
        .map(|guest| (guest.path.as_str(), cast.hypervisor_name(guest.hypervisor)))
        .collect();
    let expected = [
        ("red/net1/vm1", "hv1"),
        ("red/net1/vm2", "hv2"),
        ("red/net1/vm3", "hv3"),
        ("red/net1/vm4", "hv4"),
        ("red/net1/vm5", "hv1"),
        ("red/net1/vm6", "hv2"),
    ];
    assert_eq!(machines, expected);
}

#[test]
fn names_are_counted_and_placed() {
    let text = "
        name = 'x'
        [hypervisors]
        count = 6
        name = 'node-{}'
        per-rack = 2
        [[tenant]]
        name = 't'
        count = 2
        [[tenant.network]]
        count = 2
        [[tenant.network.machine]]
        count = 2
        on = ['node-3', 'node-4']
        placement = 'pack'
        [[tenant.network.machine]]
        name = 'db'
        on = 'node-*'
    ";
    let cast = parse(text).expect("right").cast;
    let nets: Vec<&str> = cast.nets.iter().map(|net| net.path.as_str()).collect();
    assert_eq!(nets, ["t1/net1", "t1/net2", "t2/net1", "t2/net2"]);
    let guests: Vec<&str> = cast.guests[..3]
        .iter()
        .map(|guest| guest.path.as_str())
        .collect();
    assert_eq!(guests, ["t1/net1/vm1", "t1/net1/vm2", "t1/net1/db"]);
    assert_eq!(cast.guests[0].hypervisor, 2);
    assert_eq!(cast.guests[1].hypervisor, 2);
    let racks: Vec<usize> = cast
        .graph
        .racks()
        .iter()
        .map(|rack| rack.hypervisors.len())
        .collect();
    assert_eq!(racks, [2, 2, 2, 0]);
}

#[test]
fn every_problem_is_told_with_its_line_what_was_expected_and_the_choices() {
    let text = "name = 'x'
[underlay]
shape = 'leaf-spin'
[hypervisors]
count = 'four'
exekutor = 'full'
executor = 'thick'
[[event]]
at = '5'
down = 'leaf1'
up = 'leaf1'
[[event]]
donw = 'leaf1'
at = '1s'
";
    let expected = [
        "test.toml:3:9: shape 'leaf-spin' is unknown; did you mean 'leaf-spine'? Choices are: fat-tree, leaf-spine, list, mesh, random-regular, ring, three-tier, wan",
        "test.toml:5:9: expected a number from 0 to 1000000, not 'four'",
        "test.toml:6:1: unknown key 'exekutor'; did you mean 'executor'? Choices are: control-delay, count, executor, name, per-rack, racks",
        "test.toml:7:12: 'thick' is unknown; did you mean 'thin'? Choices are: full, thin",
        "test.toml:8:1: 'down' and 'up' cannot stand in one table: write two",
        "test.toml:9:6: expected a time such as \"5s\", \"200ms\", \"10us\", not '5'",
        "test.toml:12:1: one key must say what it is; did you mean 'down'? Choices are: boot, crash, create, cut, database, delete, down, migrate, stall, stop, up, update",
    ];
    let found = problems(text);
    for line in expected {
        assert!(
            found.iter().any(|problem| problem == line),
            "{line}\nnot in {found:#?}"
        );
    }
}

#[test]
fn names_that_name_nothing_are_told_with_what_was_perhaps_meant() {
    let text = "name = 'x'
[[tenant]]
name = 'red'
[[tenant.network]]
name = 'web'
machines = 2
[[tenant.network.machine]]
on = 'hv9'
attributes = { port_security = false }
[[workload]]
ping = 'red/wbe'
[[event]]
at = '1s'
migrate = 'red/web/vm7'
to = 'hv5'
[[event]]
at = '1s'
down = 'leaf9'
times = 3
[[event]]
at = '1s'
create = 'machine'
in = 'red/db'
[[expect]]
lost = 'ping2'
";
    let found = problems(text);
    let unplaced = "test.toml:8:6: no hypervisor is called 'hv9'; did you mean 'hv1'?";
    assert!(found[0].starts_with(unplaced), "{found:?}");
    let text = text.replace("on = 'hv9'\n", "");
    let found = problems(&text);
    let told = |at: &str, what: &str| {
        let is = |problem: &&String| {
            problem.starts_with(&format!("test.toml:{at}: ")) && problem.contains(what)
        };
        assert!(
            found.iter().any(|problem| is(&problem)),
            "{at} {what}\nnot in {found:#?}"
        );
    };
    told(
        "8:16",
        "no attribute 'port_security' that can be set so; did you mean 'port_security_enabled'?",
    );
    told(
        "10:8",
        "no machine is called 'red/wbe'; did you mean 'red/web'?",
    );
    told(
        "13:11",
        "no machine is called 'red/web/vm7'; did you mean 'red/web/vm1'?",
    );
    told("14:6", "no hypervisor is called 'hv5'; did you mean 'hv1'?");
    told(
        "17:8",
        "no device, hypervisor, link or rack is called 'leaf9'; did you mean 'leaf1'?",
    );
    told("18:1", "expected 'every' as well");
    told(
        "22:6",
        "no network is called 'red/db'; did you mean 'red/web'?",
    );
    told(
        "24:8",
        "no workload is called 'ping2'; did you mean 'ping1'?",
    );
}

#[test]
fn parameters_of_shapes_are_told_where_they_stand() {
    let found = problems("name = 'x'\n[underlay]\nshape = 'fat-tree'\nk = 5\n");
    assert_eq!(
        found,
        ["test.toml:4:1: k: expected an even number from 2 to 64, not 5"]
    );
    let found = problems("name = 'x'\n[underlay]\nshape = 'wan'\nfile = 'no.graphml'\n");
    assert_eq!(found, ["test.toml:4:1: no.graphml: no such file"]);
    let found =
        problems("name = 'x'\nunderlay = { shape = 'fat-tree' }\n[hypervisors]\ncount = 17\n");
    assert_eq!(
        found,
        ["test.toml:4:1: hypervisors: expected at most 2 in rack1, not 3"]
    );
}

#[test]
fn what_needs_packets_is_refused_where_switches_carry_none() {
    let found = problems(
        "name = 'x'\nhypervisors = { executor = 'thin' }\n[[tenant]]\nname = 'red'\nnetwork = [{}]\n[[workload]]\nping = 'red'\n[[expect]]\nreach = 'red'\n",
    );
    let text = "switches that are \"thin\" carry no packets; expected executor = \"full\"";
    assert_eq!(
        found,
        [
            format!("test.toml:7:1: {text}"),
            format!("test.toml:9:1: {text}")
        ]
    );
}

#[test]
fn what_is_no_toml_is_told_with_its_line() {
    let found = problems("name = 'x'\nseed = \n[[tenant]\n");
    assert!(found[0].starts_with("test.toml:2:"), "{found:?}");
    assert!(
        found
            .iter()
            .any(|problem| problem.starts_with("test.toml:3:")),
        "{found:?}"
    );
}

#[test]
fn patterns_name_parts_of_paths() {
    let pattern = |text: &str| super::value::Pattern {
        text: text.to_owned(),
        position: 0,
    };
    for (text, path, expected) in [
        ("red", "red/web/vm1", true),
        ("red/web", "red/web/vm1", true),
        ("red/web/vm1", "red/web", false),
        ("re", "red/web/vm1", false),
        ("r*", "red/web/vm1", true),
        ("*/web/vm*", "red/web/vm1", true),
        ("*e*d*", "red/web", true),
        ("vm1*1", "vm1", false),
        ("*", "anything", true),
        ("red/*/vm2", "red/web/vm1", false),
    ] {
        assert_eq!(pattern(text).matches(path), expected, "{text} {path}");
    }
}

#[test]
fn racks_and_links_and_patterns_name_what_can_be_down() {
    let text = "name = 'x'\n[[event]]\nat = '1s'\ndown = ['rack1', 'leaf2 - spine*', 'spine1']\n";
    let scenario = parse(text).expect("right");
    let keys::Action::Down { what, .. } = &scenario.file.event[0].what else {
        panic!("down");
    };
    let elements = scenario.cast.elements(&what.0);
    let count = |is: fn(&Element) -> bool| elements.iter().filter(|element| is(element)).count();
    assert_eq!(count(|element| matches!(element, Element::Device(_))), 2);
    assert_eq!(
        count(|element| matches!(element, Element::Hypervisor(0))),
        1
    );
    assert_eq!(count(|element| matches!(element, Element::Link(_))), 2);
}

#[test]
fn it_ends_a_while_after_the_last_thing_or_as_it_says() {
    let text =
        "name = 'x'\n[[event]]\nat = '3s'\ndown = 'leaf1'\nfor = '2s'\nevery = '10s'\ntimes = 3\n";
    assert_eq!(parse(text).expect("right").cast.end, 30_000_000);
    let text = format!("duration = '1s'\n{text}");
    assert_eq!(parse(&text).expect("right").cast.end, 1_000_000);
}

#[test]
fn the_same_seed_places_machines_alike() {
    let text = |seed: u64| {
        format!(
            "name = 'x'\nseed = {seed}\n[[tenant]]\nname = 't'\nnetwork = [{{ machines = 50, placement = 'random' }}]"
        )
    };
    let placed = |seed| {
        let scenario = parse(&text(seed)).expect("right");
        assert_eq!(
            scenario.file.tenant[0].network[0].placement,
            Placement::Random
        );
        let guests = scenario.cast.guests.iter();
        guests.map(|guest| guest.hypervisor).collect::<Vec<_>>()
    };
    assert_eq!(placed(1), placed(1));
    assert_ne!(placed(1), placed(2));
}

#[test]
fn every_scenario_that_ships_is_right() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let files = std::fs::read_dir(&folder).expect("scenarios ship");
    let mut count = 0;
    for file in files {
        let path = file.expect("can be read").path();
        if path
            .extension()
            .is_some_and(|extension| extension == "toml")
        {
            let text = std::fs::read_to_string(&path).expect("can be read");
            let open = |name: &str| {
                std::fs::read_to_string(folder.join(name)).map_err(|error| error.to_string())
            };
            let name = path.display().to_string();
            let scenario = Scenario::parse(&name, &text, &open)
                .unwrap_or_else(|problems| panic!("{problems}"));
            assert!(
                !scenario.file.description.is_empty(),
                "{name} says what it shows"
            );
            assert!(!scenario.file.expect.is_empty(), "{name} expects something");
            count += 1;
        }
    }
    assert!(count >= 10, "{count} scenarios");
}
