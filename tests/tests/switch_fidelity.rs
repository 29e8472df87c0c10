//! The software switch is held against Open vSwitch, for whatever a controller may say: both get the same bytes of
//! OpenFlow and the same frames, and must refuse the same messages with the same errors, send the same frames
//! out of the same ports, tell the controller the same, and have the same flows with the same counters afterwards.
//!
//! `cases` are made by hand, one at least for every action, instruction, kind of group and band; `fields` derives
//! its cases from the table of fields; `generated` makes programs and frames up. Where the two are known to differ is
//! in `simulations/switch/differences.md`, whose cases must differ, and only those. `real` is the bridge, `program`
//! what both are told. The programs of Weft itself are compared in `crate::fidelity`.

mod cases;
mod corpus;
mod differences;
mod fields;
mod forms;
mod generated;
mod program;
mod real;

use std::fmt::Write;

use weft_tests::{Part, dummy, need};

use program::{Frame, Outcome, Program, simulate};
use real::Real;

/// The two differ: in what, and all that is needed to see it again.
#[derive(Debug)]
struct Difference(String);

/// What both make of a program and frames, when it is the same.
fn compare(
    real: &mut Real<'_>,
    program: &Program,
    frames: &[Frame],
) -> Result<Outcome, Difference> {
    let mut simulated = simulate(program, frames);
    let mut seen = real.run(program, frames, &simulated);
    // Of several errors in one message either may be told.
    for (n, (_, message)) in program.told.iter().enumerate() {
        if program::is_long(message) {
            for outcome in [&mut simulated, &mut seen] {
                outcome.refusals[n] = outcome.refusals[n].take().map(|_| "refused".to_owned());
            }
        }
    }
    if seen == simulated {
        return Ok(simulated);
    }
    let mut report = format!("\n{program}");
    let messages = program.lines();
    for (n, line) in messages.iter().enumerate() {
        let (open, own) = (&seen.refusals[n], &simulated.refusals[n]);
        if open != own {
            let _ = write!(
                report,
                "\nOpen vSwitch says {open:?}, the switch {own:?}, to:\n  {line}"
            );
        }
    }
    for (n, frame) in frames.iter().enumerate() {
        let (open, own) = (&seen.seen[n], &simulated.seen[n]);
        if open != own {
            let _ = write!(
                report,
                "\nframe {n}: {frame}\nOpen vSwitch:\n{open}the switch:\n{own}{}",
                real.trace(frame)
            );
            break;
        }
    }
    if report.lines().count() < messages.len() + 3 {
        let only = |these: &[String], those: &[String]| {
            let only = these.iter().filter(|line| !those.contains(line));
            only.map(|line| format!("  {line}\n")).collect::<String>()
        };
        let (open, own) = (&seen.flows, &simulated.flows);
        let _ = write!(
            report,
            "\nonly Open vSwitch has:\n{}only the switch has:\n{}",
            only(open, own),
            only(own, open)
        );
    }
    Err(Difference(report))
}

/// Compares programs; fails with what differs.
fn all_alike(programs: impl IntoIterator<Item = Program>) {
    if !need(&[Part::OpenVswitch]) {
        return;
    }
    let lab = dummy::Lab::start(1);
    let mut real = Real::start(lab.hypervisor(1));
    let frames = corpus::frames();
    let (mut count, mut differences) = (0, Vec::new());
    for program in programs {
        count += 1;
        match compare_others(&mut real, &program, &frames) {
            Ok(outcome) => assert!(outcome.is_something(), "nothing comes of:\n{program}"),
            Err(difference) => differences.push(difference.0),
        }
    }
    assert!(
        differences.is_empty(),
        "{} of {count} cases differ:\n{}",
        differences.len(),
        differences.join("\n\n")
    );
}

#[test]
fn cases_made_by_hand_end_alike() {
    all_alike(cases::all());
}

#[test]
fn every_action_is_taken_or_refused_alike_in_every_version() {
    all_alike(forms::all());
}

#[test]
fn every_field_is_matched_read_and_set_alike() {
    let frames = corpus::frames();
    let programs = std::iter::once(fields::matched(&frames));
    all_alike(programs.chain(fields::read()).chain(fields::set()));
}

/// How many programs are made up, and the seed of the first: `PROPTEST_CASES` and `WEFT_SEED`.
fn seeds() -> std::ops::Range<u64> {
    let number = |name, default| {
        let value = std::env::var(name).ok();
        value.map_or(default, |value| value.parse().expect("a number"))
    };
    let first = number("WEFT_SEED", 1);
    first..first + number("PROPTEST_CASES", 100)
}

#[test]
fn programs_made_up_end_alike() {
    if !need(&[Part::OpenVswitch]) {
        return;
    }
    let lab = dummy::Lab::start(1);
    let mut real = Real::start(lab.hypervisor(1));
    let mut differences = Vec::new();
    for seed in seeds() {
        let (program, frames) = generated::case(seed);
        if let Err(difference) = compare_others(&mut real, &program, &frames) {
            differences.push(smallest(&mut real, program, frames, difference).0);
        }
        assert!(differences.len() < 10, "{}", differences.join("\n\n"));
    }
    assert!(differences.is_empty(), "{}", differences.join("\n\n"));
}

/// Compares, without the frames of which it is known that they differ.
fn compare_others(
    real: &mut Real<'_>,
    program: &Program,
    frames: &[Frame],
) -> Result<Outcome, Difference> {
    let frames = frames
        .iter()
        .filter(|frame| !differences::concern(program, frame));
    let frames: Vec<Frame> = frames.cloned().collect();
    compare(real, program, &frames)
}

/// The difference of the smallest program that can be found, and one frame if that is enough.
fn smallest(
    real: &mut Real<'_>,
    mut program: Program,
    mut frames: Vec<Frame>,
    mut difference: Difference,
) -> Difference {
    for frame in frames.clone() {
        if let Err(found) = compare_others(real, &program, std::slice::from_ref(&frame)) {
            (frames, difference) = (vec![frame], found);
            break;
        }
    }
    loop {
        let found = generated::smaller(&program)
            .into_iter()
            .find_map(|smaller| {
                let found = compare_others(real, &smaller, &frames).err()?;
                Some((smaller, found))
            });
        match found {
            Some(found) => (program, difference) = found,
            None => return difference,
        }
    }
}

#[test]
fn known_differences_are_few_and_real() {
    let known = differences::all();
    assert!(known.len() <= 10, "there are {} of them", known.len());
    if !need(&[Part::OpenVswitch]) {
        return;
    }
    let lab = dummy::Lab::start(1);
    let mut real = Real::start(lab.hypervisor(1));
    let frames = corpus::frames();
    for difference in known {
        let compared = compare(&mut real, &difference, &frames);
        assert!(
            compared.is_err(),
            "there is no such difference any more:\n{difference}"
        );
    }
}
