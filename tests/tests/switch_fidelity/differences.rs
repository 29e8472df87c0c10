//! Where the switch is known to differ from Open vSwitch, each with a case that shows it; and which frames meet such a
//! difference in other cases, for which they are left out.

use rust_openflow::Field;
use weft_switch::{Packet, Tunnel};

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
    let has = |parts: &[&str]| {
        let mut rows = actions.iter().filter_map(|action| action.row());
        rows.any(|row| parts.iter().any(|part| row.name.contains(part)))
    };
    let packet = Packet::new(frame.port, Tunnel::default(), &frame.bytes);
    // A header that is cut off reads as zero, a type behind a length is a length without its header.
    let torn = [Field::NshMdtype, Field::ArpOp, Field::IpProto]
        .iter()
        .any(|field| packet.get(*field) == Some(0));
    let is_part = packet.get(Field::IpFrag).is_some_and(|part| part & 2 != 0);
    let changes = has(&["set_", "mod_", "dec_", "move", "load", "pop", "copy_field"]);
    let tags = [Some(0x8100), Some(0x88a8)];
    let is_odd = frame.bytes[12] < 6 || tags.contains(&packet.get(Field::EthType));
    let is_rarp = packet.get(Field::EthType) == Some(0x8035);
    changes && (torn || is_part || is_rarp) || is_odd && has(&["push_mpls", "pop_mpls"])
}
