//! Cases made by hand, in which every instruction, kind of group and kind of band is.

use std::collections::BTreeSet;

use rust_openflow::message::{BANDS, GroupType};
use rust_openflow::{Message, instruction};

use super::program::Program;

const CASES: &str = include_str!("cases.txt");

/// All of them.
pub(crate) fn all() -> Vec<Program> {
    let cases = CASES.split("\n# ").skip(1);
    let case = |case: &str| {
        let (title, lines) = case.split_once('\n').unwrap_or((case, ""));
        Program::of_text(title, lines)
    };
    let cases: Vec<Program> = cases.map(case).collect();
    let messages = || {
        cases
            .iter()
            .flat_map(|case| case.told.iter().map(|told| &told.1))
    };
    let mut rows: BTreeSet<&str> = BTreeSet::new();
    let mut kinds: BTreeSet<GroupType> = BTreeSet::new();
    for message in messages() {
        match message {
            Message::FlowMod(flow) => {
                let found = flow
                    .instructions
                    .iter()
                    .filter_map(|instruction| instruction.row());
                rows.extend(found.map(|row| row.name));
            }
            Message::MeterMod(meter) => {
                rows.extend(meter.bands.iter().filter_map(|band| Some(band.row()?.name)));
            }
            Message::GroupMod(group) => _ = kinds.insert(group.kind),
            _ => {}
        }
    }
    for row in instruction::ROWS.iter().chain(BANDS) {
        // Of these text says nothing: in 1.5 a meter is an action, and bands of vendors are nobody's.
        let there = rows.contains(row.name) || ["meter", "experimenter"].contains(&row.name);
        assert!(there, "there is no case for {}", row.name);
    }
    assert_eq!(kinds.len(), 4, "{kinds:?}");
    cases
}
