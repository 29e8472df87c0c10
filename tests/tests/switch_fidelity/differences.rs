//! Where the switch is known to differ from Open vSwitch, each with a case that shows it; and which frames meet such a
//! difference in other cases, for which they are left out.

use super::program::{Frame, Program};

const PAGE: &str = include_str!("../../../simulations/switch/differences.md");

/// The cases: the code block of each section of the page.
pub(crate) fn all() -> Vec<Program> {
    let sections = PAGE.split("\n## ").skip(1);
    let case = |section: &str| {
        let (title, rest) = section.split_once('\n').expect("a title");
        let lines = rest.split("```").nth(1).expect("a case");
        Program::of_text(title, lines.trim_start_matches("text"))
    };
    sections.map(case).collect()
}

/// Whether a program makes of a frame what is known to differ.
pub(crate) fn concern(program: &Program, frame: &Frame) -> bool {
    let actions = program.actions();
    let has = |names: &[&str]| {
        let mut rows = actions.iter().filter_map(|action| action.row());
        rows.any(|row| names.iter().any(|name| row.name.ends_with(name)))
    };
    is_part_of_a_stream(&frame.bytes) || has_snap(&frame.bytes) && has(&["push_mpls", "pop_mpls"])
}

/// A part of an IPv4 packet of TCP or UDP behind the first.
fn is_part_of_a_stream(frame: &[u8]) -> bool {
    frame.windows(30).skip(12).any(|at| {
        let later = u16::from_be_bytes([at[8], at[9]]) & 0x1fff != 0;
        at.starts_with(&[8, 0]) && at[2] >> 4 == 4 && later && [6, 17].contains(&at[11])
    })
}

/// A frame whose Ethernet type stands behind a length and a SNAP header.
fn has_snap(frame: &[u8]) -> bool {
    frame[12] < 6
}
