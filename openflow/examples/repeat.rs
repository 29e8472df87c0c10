//! Codes one of the usual messages over and over and does nothing else: for profilers, and to count instructions,
//! which other work of the machine does not disturb.
//!
//! `valgrind --tool=callgrind target/release/examples/repeat decode flow_mod 1.3 10000`
//!
//! What one time costs is the difference between two runs divided by that of their times. Instead of a message:
//! `print` and `parse` a `flow` or one with `nat` as text.

#[path = "../benches/samples/mod.rs"]
mod samples;

use std::error::Error;
use std::hint::black_box;

use rust_openflow::text::{Names, parse_flow, print_flow};
use rust_openflow::{Message, Version};

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [verb, what, version, times] = &args[..] else {
        return Err("expected: decode|encode|print|parse NAME VERSION TIMES".into());
    };
    let times = times.parse()?;
    match verb.as_str() {
        "decode" | "encode" => {
            let known = Version::ALL.into_iter().find(|one| one.name() == version);
            codec(verb, what, known.ok_or("no such version")?, times)
        }
        _ => text(verb, what, times),
    }
}

fn codec(verb: &str, what: &str, version: Version, times: u32) -> Result<(), Box<dyn Error>> {
    let samples = samples::messages()?;
    let found = samples.iter().find(|(name, _)| *name == what);
    let (_, messages) = found.ok_or("no such message")?;
    let encode = |message: &Message| message.encode(version, 1);
    let encoded: Vec<_> = messages.iter().map(encode).collect::<Result<_, _>>()?;
    for _ in 0..times {
        match verb {
            "encode" => messages
                .iter()
                .for_each(|message| drop(black_box(encode(black_box(message))))),
            _ => encoded
                .iter()
                .for_each(|bytes| drop(black_box(Message::decode(black_box(bytes))))),
        }
    }
    Ok(())
}

fn text(verb: &str, what: &str, times: u32) -> Result<(), Box<dyn Error>> {
    let names = Names::default();
    let flow = match what {
        "nat" => parse_flow(samples::NAT, &names)?,
        _ => samples::flow(),
    };
    let line = print_flow(&flow, &names);
    for _ in 0..times {
        match verb {
            "print" => drop(black_box(print_flow(black_box(&flow), &names))),
            _ => drop(black_box(parse_flow(black_box(&line), &names))),
        }
    }
    Ok(())
}
