//! What encoding and decoding usual messages costs, and reading and printing a flow. The messages are those of the
//! crate's own benches.

#[path = "../../../openflow/benches/samples/mod.rs"]
mod samples;

use std::hint::black_box;

use rust_openflow::text::{Names, parse_flow, print_flow};
use rust_openflow::{Message, Version};

use super::figures::{Budget, Figure, Sample, Section};
use super::machine;

/// How many messages are coded between two looks at the clock, and how many such rounds.
const TIMES: u32 = 20_000;
const ROUNDS: u32 = 25;

/// Measures.
pub(super) fn run() -> anyhow::Result<Section> {
    let mut figures = Vec::new();
    for (name, messages) in samples::messages()? {
        // The answer of a thousand flows is measured less often.
        let times = if messages.len() == 1 {
            TIMES
        } else {
            TIMES / 1_000
        };
        for version in [Version::V1_3, Version::V1_5] {
            let coded: Result<Vec<_>, _> = messages
                .iter()
                .map(|message| message.encode(version, 1))
                .collect();
            let coded = coded?;
            let encode = nanoseconds(times, || {
                messages
                    .iter()
                    .all(|message| message.encode(version, black_box(1)).is_ok())
            });
            let decode = nanoseconds(times, || {
                coded
                    .iter()
                    .all(|bytes| Message::decode(black_box(bytes)).is_ok())
            });
            for (verb, value) in [("encode", encode), ("decode", decode)] {
                let figure = Figure::new(format!("{verb} {name}, {version}"), value, "ns");
                figures.push(match name {
                    "flow_mod" => figure.within(Budget::Below(200.0)),
                    _ => figure,
                });
            }
        }
    }
    let (flow, names) = (samples::flow(), Names::default());
    let line = print_flow(&flow, &names);
    let print = nanoseconds(TIMES, || !print_flow(black_box(&flow), &names).is_empty());
    let parse = nanoseconds(TIMES, || parse_flow(black_box(&line), &names).is_ok());
    figures.push(Figure::new("print flow_mod as text", print, "ns"));
    figures.push(Figure::new("read flow_mod from text", parse, "ns"));
    Ok(Section {
        title: "Coding OpenFlow",
        how: format!(
            "A flow_mod of four fields and four actions, one with connection tracking and address translation, a \
             packet_in of 342 bytes with three fields, and an answer of 1,000 flows in two parts: CPU time of one, \
             median of {ROUNDS} rounds of {TIMES}, for the answer of {}.",
            TIMES / 1_000
        ),
        command: "weft bench codec".to_owned(),
        figures,
    })
}

/// The CPU time of one call.
fn nanoseconds(times: u32, mut call: impl FnMut() -> bool) -> f64 {
    let mut sample = Sample::default();
    for _ in 0..ROUNDS {
        let start = machine::thread_cpu();
        for _ in 0..times {
            black_box(call());
        }
        sample.push(machine::thread_cpu().saturating_sub(start) / times);
    }
    sample.median() * 1e9
}
