//! Reads messages as hexadecimal digits, one on a line, and prints what each says as a JSON object.
//!
//! `echo 0400000800000001 | cargo run -p rust_openflow --example decode`

use std::io::{self, Write};

use rust_openflow::message::describe::{each_line, object};
use rust_openflow::record::Members;

fn main() -> io::Result<()> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    each_line(io::stdin().lock(), |described| {
        serde_json::to_writer(&mut out, &object(&described, Members::new()))?;
        writeln!(out)?;
        out.flush()
    })
}
