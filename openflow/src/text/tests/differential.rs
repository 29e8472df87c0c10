//! Comparison with Open vSwitch: what this crate encodes, `ovs-ofctl` prints as this crate does,
//! and reads again.
//!
//! Runs where `ovs-ofctl` is installed; elsewhere says so, and fails when `WEFT_TESTS=all`.

use std::sync::OnceLock;

use bytes::Bytes;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use super::super::{
    Flow, Names, parse_flow, parse_group, parse_match, print_actions, print_flow, print_group,
    print_match,
};
use super::generate::flow;
use super::ofctl::{ask, dump_line, installed, option};
use super::{decode, encode};
use crate::message::FlowMod;
use crate::record::Form;
use crate::{EncodeError, Instruction, Message, Version};

/// Flows of one comparison.
const FLOWS: usize = 2000;

/// What `ovs-ofctl` writes when it reads `input`.
fn ovs_ofctl(arguments: &[&str], input: Vec<u8>) -> String {
    ask(arguments, input).unwrap_or_else(|failure| panic!("{}", failure.errors))
}

/// The bytes of messages that `ovs-ofctl` has printed with them.
fn dumped(output: &str) -> Vec<Vec<u8>> {
    let mut all: Vec<Vec<u8>> = Vec::new();
    for line in output.lines() {
        match (dump_line(line), all.last_mut()) {
            (Some(bytes), Some(message)) => message.extend(bytes),
            (None, _) if line.contains("_MOD ") => all.push(Vec::new()),
            _ => {}
        }
    }
    all
}

/// The messages that `ovs-ofctl` makes of flows in a form, each by itself where one of them is refused.
fn flow_mods(version: Version, form: &str, lines: &[String]) -> Vec<Result<Vec<u8>, String>> {
    let option = option(version.name());
    let arguments = ["-mmmmm", "-O", &option, "-F", form, "parse-flows", "-"];
    match ask(&arguments, lines.join("\n").into_bytes()) {
        Ok(output) => dumped(&output).into_iter().map(Ok).collect(),
        Err(failure) if lines.len() == 1 => vec![Err(failure.errors)],
        Err(_) => {
            let (first, second) = lines.split_at(lines.len() / 2);
            let mut all = flow_mods(version, form, first);
            all.extend(flow_mods(version, form, second));
            all
        }
    }
}

/// The same random flows in every run.
fn flows() -> &'static [Flow] {
    static MADE_UP: OnceLock<Vec<Flow>> = OnceLock::new();
    MADE_UP.get_or_init(|| {
        let mut runner = TestRunner::deterministic();
        let strategy = flow();
        let mut one = || {
            let tree = strategy.new_tree(&mut runner);
            tree.expect("a flow").current()
        };
        (0..FLOWS).map(|_| one()).collect()
    })
}

/// Prints the messages with `ovs-ofctl ofp-parse` and compares; gives the number of messages.
fn compare(version: Version) -> usize {
    let mut expected = Vec::new();
    let mut input = Vec::new();
    for flow in flows() {
        if let Ok(message) = encode(flow, version) {
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

/// The forms in which flows are compared, as `ovs-ofctl` calls them, and how many of the flows they can say at least.
const FORMS: &[(Version, &str, usize)] = &[
    (Version::V1_0, "OpenFlow10-table_id", 40),
    (Version::V1_0, "NXM-table_id", FLOWS / 40),
    (Version::V1_1, "OpenFlow11", FLOWS / 40),
    (Version::V1_2, "OXM", FLOWS / 3),
    (Version::V1_3, "OXM", FLOWS / 3),
    (Version::V1_4, "OXM", FLOWS / 3),
    (Version::V1_5, "OXM", FLOWS / 3),
];

/// A flow that is to be added, with the entries of its match in the order of the table, and registers one by one:
/// Open vSwitch has an order of its own, and writes registers by pairs in 1.5.
fn tidy(flow: &FlowMod) -> FlowMod {
    let names = Names::default();
    let text = print_match(&flow.matches, &names);
    let matches = parse_match(&text, &names).expect("what was printed");
    FlowMod {
        matches,
        ..flow.clone()
    }
}

/// The message that says the flow in a form.
fn written(flow: &FlowMod, version: Version, form: &str) -> Result<Bytes, EncodeError> {
    let flow = tidy(flow);
    let message = match form.starts_with("NXM") {
        true => Message::NxFlowMod(Form::of(&flow, version)?),
        false => Message::FlowMod(flow),
    };
    message.encode(version, 0)
}

/// The flow that a text adds.
fn added(text: &str) -> FlowMod {
    let flow = parse_flow(text, &Names::default()).expect("what was printed");
    FlowMod::add(
        flow.table,
        flow.priority,
        flow.matches,
        flow.instructions,
        flow.cookie,
    )
}

/// Whether Open vSwitch writes actions by the bytes that this crate writes. Before 1.5 it sets a part of a field by
/// several actions, and before 1.2 by the standard's actions of each field; and in Nicira's actions it names fields by
/// the oldest of their headers, not by that of the version.
fn is_written_alike(text: &str, version: Version) -> bool {
    let mut sets = text.split("set_field:").skip(1);
    let parts = sets.any(|set| {
        let value = set.split("->").next();
        value.is_some_and(|value| value.contains('/'))
    });
    let sets = version >= Version::V1_2 || !text.contains("set_field:");
    (version == Version::V1_5 || !parts) && sets && !text.contains("NXM_")
}

#[test]
fn this_crate_encodes_what_it_reads_as_open_vswitch_does() {
    if !installed() {
        return;
    }
    let texts: Vec<String> = flows()
        .iter()
        .map(|flow| print_flow(flow, &Names::default()))
        .collect();
    for (version, form, least) in FORMS {
        let can = |text: &&String| {
            let said = written(&added(text), *version, form).is_ok();
            // Without that, a flow of 1.0 is of any table.
            let table = *version > Version::V1_0 || !text.contains("table=");
            said && table && is_written_alike(text, *version)
        };
        let texts: Vec<String> = texts.iter().filter(can).cloned().collect();
        let answers = flow_mods(*version, form, &texts);
        assert_eq!(answers.len(), texts.len());
        let (mut compared, mut wrong) = (0, Vec::new());
        for (text, answer) in texts.iter().zip(answers) {
            let ours = written(&added(text), *version, form);
            let theirs = answer.map(|bytes| match Message::decode(&bytes.into()) {
                Ok((_, Message::FlowMod(flow))) => written(&flow, *version, form),
                Ok((_, Message::NxFlowMod(flow))) => written(&flow.into(), *version, form),
                other => panic!("{text} is {other:?}"),
            });
            match theirs {
                // It has no IPv6 there.
                Err(errors)
                    if *version < Version::V1_2 && errors.contains("no usable protocol") => {}
                theirs if theirs.as_ref().ok() == Some(&ours) => compared += 1,
                theirs => wrong.push(format!("{form}: {text}\n  {ours:02x?}\n  {theirs:02x?}")),
            }
        }
        let some = wrong[..wrong.len().min(8)].join("\n");
        assert!(
            wrong.is_empty(),
            "{} wrong in {version}:\n{some}",
            wrong.len()
        );
        assert!(compared >= *least, "{compared} in {version}, {form}");
    }
}

#[test]
fn groups_are_read_and_encoded_as_by_open_vswitch() {
    if !installed() {
        return;
    }
    let names = Names::default();
    let mut runner = TestRunner::deterministic();
    let strategy = proptest::collection::vec((flow(), any::<u16>(), any::<u32>()), 0..4);
    let mut compared = 0;
    for number in 0..200 {
        let buckets = strategy.new_tree(&mut runner).expect("buckets").current();
        let kind = ["all", "select", "ff"][number % 3];
        let mut text = format!("group_id={number},type={kind}");
        for (at, (flow, weight, watched)) in buckets.iter().enumerate() {
            text.push_str(&format!(",bucket=bucket_id:{at}"));
            match kind {
                "select" => text.push_str(&format!(",weight:{weight}")),
                "ff" => text.push_str(&format!(",watch_port:{}", 1 + watched % 0xff00)),
                _ => {}
            }
            let list = flow.instructions.iter().find_map(|own| match own {
                Instruction::ApplyActions { actions } => Some(print_actions(actions, &names)),
                _ => None,
            });
            text.push_str(&format!(",actions={}", list.unwrap_or("drop".into())));
        }
        let versions = [Version::V1_3, Version::V1_5].into_iter();
        for version in versions.filter(|version| is_written_alike(&text, *version)) {
            compared += 1;
            let arguments = [
                "-mmmmm",
                "-O",
                &option(version.name()),
                "parse-group",
                &text,
            ];
            let theirs = ask(&arguments, Vec::new()).map(|output| dumped(&output).concat());
            let group = parse_group(&text, &names).expect("a group");
            let ours = Message::GroupMod(group.clone()).encode(version, 1);
            let ours = ours.map(|bytes| bytes.to_vec());
            assert_eq!(ours.ok(), theirs.ok(), "{version}: {text}");
            if version == Version::V1_5 {
                assert_eq!(print_group(&group, &names), text);
            }
        }
    }
    assert!(compared > 150, "{compared}");
}
