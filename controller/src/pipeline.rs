//! `weft pipeline`: the compiler's table of stages and slots, for people and for programs.
//!
//! What the stages mean stands in [`weft_compiler::pipeline`]; how rows become text stands here.

use std::io::{self, Write};

use rust_openflow::field::Field;
use serde_json::{Value, json};
use weft_compiler::pipeline::{Miss, SLOTS, STAGES, Slot, SlotRow, Stage, StageRow};

use crate::show::{self, markdown_table, table};

/// The options of `weft pipeline`.
#[derive(clap::Args, Debug, Clone)]
pub struct Args {
    /// Print a page of Markdown
    #[arg(long, conflicts_with = "json")]
    markdown: bool,
}

/// Prints the table.
///
/// # Errors
///
/// When the output cannot be written.
pub fn run(args: &Args, json: bool, out: &mut dyn Write) -> io::Result<()> {
    match (json, args.markdown) {
        (true, _) => writeln!(out, "{:#}", as_json()),
        (_, true) => out.write_all(as_markdown().as_bytes()),
        _ => {
            let width = show::width();
            writeln!(out, "{}\n\n{}", stages(width), slots(width))
        }
    }
}

/// A stage's row in words, in the order of [`STAGE_COLUMNS`].
fn stage_cells(row: &StageRow) -> [String; 6] {
    [
        row.name.to_owned(),
        row.doc.to_owned(),
        joined(&[fields(row.matches), slot_names(row.reads)]),
        joined(&[fields(row.sets), slot_names(row.writes)]),
        stage_names(row.next).join(" "),
        miss(row.miss).to_owned(),
    ]
}

const STAGE_COLUMNS: [&str; 6] = [
    "stage",
    "does",
    "may match",
    "may set",
    "may hand on to",
    "what no flow matches",
];

/// A slot's row in words, in the order of [`SLOT_COLUMNS`].
fn slot_cells(row: &SlotRow) -> [String; 5] {
    [
        row.name.to_owned(),
        row.doc.to_owned(),
        bits(row),
        row.from.name().to_owned(),
        row.to.name().to_owned(),
    ]
}

const SLOT_COLUMNS: [&str; 5] = ["slot", "holds", "bits", "from", "to"];

fn fields(fields: &[Field]) -> Vec<&'static str> {
    fields.iter().map(|field| field.row().name).collect()
}

fn slot_names(slots: &[Slot]) -> Vec<&'static str> {
    slots.iter().map(|slot| slot.row().name).collect()
}

fn stage_names(stages: &[Stage]) -> Vec<&'static str> {
    stages.iter().map(|stage| stage.name()).collect()
}

fn joined(lists: &[Vec<&str>]) -> String {
    lists.concat().join(" ")
}

fn miss(miss: Miss) -> &'static str {
    match miss {
        Miss::Drop => "drop",
        Miss::Continue(stage) => stage.name(),
    }
}

/// The bits of a slot as in `ovs-fields(7)`: `reg13[8..15]`.
fn bits(row: &SlotRow) -> String {
    let last = u16::from(row.offset) + u16::from(row.bits) - 1;
    format!("{}[{}..{last}]", row.field.row().name, row.offset)
}

fn stages(width: u16) -> String {
    table(width, 1, STAGE_COLUMNS, STAGES.iter().map(stage_cells))
}

fn slots(width: u16) -> String {
    table(width, 1, SLOT_COLUMNS, SLOTS.iter().map(slot_cells))
}

fn as_json() -> Value {
    let stage = |row: &StageRow| {
        json!({
            "name": row.name,
            "doc": row.doc,
            "matches": fields(row.matches),
            "sets": fields(row.sets),
            "reads": slot_names(row.reads),
            "writes": slot_names(row.writes),
            "next": stage_names(row.next),
            "miss": miss(row.miss),
        })
    };
    let slot = |row: &SlotRow| {
        json!({
            "name": row.name,
            "doc": row.doc,
            "field": row.field.row().name,
            "offset": row.offset,
            "bits": row.bits,
            "from": row.from.name(),
            "to": row.to.name(),
        })
    };
    json!({
        "stages": STAGES.iter().map(stage).collect::<Vec<_>>(),
        "slots": SLOTS.iter().map(slot).collect::<Vec<_>>(),
    })
}

fn as_markdown() -> String {
    let mut page = "\
# The pipeline

What `weft pipeline --markdown` prints: every packet of a switch goes through these stages, in this
order, and what one stage knows travels to the next in slots. A flow that does what its stage may
not is never sent.

## Stages

"
    .to_owned();
    page += &markdown_table(STAGE_COLUMNS, STAGES.iter().map(stage_cells));
    page += "\n## Slots\n\n";
    page += &markdown_table(SLOT_COLUMNS, SLOTS.iter().map(slot_cells));
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(markdown: bool, json: bool) -> String {
        let mut out = Vec::new();
        run(&Args { markdown }, json, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn the_page_of_the_pipeline_is_current() {
        crate::golden::check("pipeline.md", &printed(true, false));
    }

    #[test]
    fn json_holds_every_stage_in_order_and_every_slot() {
        let value: Value = serde_json::from_str(&printed(false, true)).unwrap();
        let names = |list: &str| -> Vec<String> {
            let rows = value[list].as_array().unwrap();
            rows.iter()
                .map(|row| row["name"].as_str().unwrap().to_owned())
                .collect()
        };
        let stages: Vec<_> = STAGES.iter().map(|row| row.name).collect();
        let slots: Vec<_> = SLOTS.iter().map(|row| row.name).collect();
        assert_eq!(names("stages"), stages);
        assert_eq!(names("slots"), slots);
        assert_eq!(value["slots"][0]["field"], "metadata");
    }

    #[test]
    fn text_fits_the_width_and_names_every_stage() {
        let text = stages(100);
        assert!(text.lines().all(|line| line.chars().count() <= 100));
        for row in STAGES {
            assert!(text.contains(row.name), "{}", row.name);
        }
    }
}
