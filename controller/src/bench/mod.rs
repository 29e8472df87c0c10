//! `weft bench`: what Weft costs on this machine, beside what it may cost.
//!
//! Each file measures one part by itself: [`codec`], [`compile`], [`api`]. Figures are CPU time
//! wherever they can be, which is steadier than wall time on a machine that does other things too,
//! and medians. What stands in `docs/performance.md` was printed by `weft bench all --markdown`.
//! What takes real hypervisors is measured by `weft-tests` instead.

mod api;
pub mod cloud;
mod codec;
mod compile;
mod figures;
pub(crate) mod machine;

use std::io::Write;

use clap::Subcommand;
use serde_json::json;

use figures::Section;

/// The options of `weft bench`.
#[derive(clap::Args, Debug, Clone)]
pub struct Args {
    /// What to measure
    #[command(subcommand)]
    what: What,
    /// Print Markdown tables
    #[arg(long, global = true, conflicts_with = "json")]
    markdown: bool,
}

/// What can be measured.
#[derive(Subcommand, Debug, Clone)]
enum What {
    /// Encoding and decoding OpenFlow messages
    Codec,
    /// Compiling a cloud, and one port more
    Compile(compile::Args),
    /// Ports made and listed over HTTP, on a database of its own
    Api(api::Args),
    /// All of it
    All,
}

/// Measures and prints.
///
/// # Errors
///
/// When what is measured fails, or the output cannot be written.
pub fn run(args: &Args, as_json: bool, out: &mut dyn Write) -> anyhow::Result<()> {
    let machine = machine::describe();
    let sections = match &args.what {
        What::Codec => vec![codec::run()?],
        What::Compile(args) => vec![compile::run(args)],
        What::Api(args) => vec![api::run(args)?],
        What::All => vec![
            codec::run()?,
            compile::run(&compile::Args::default()),
            api::run(&api::Args::default())?,
        ],
    };
    let after = machine::load();
    if as_json {
        let sections: Vec<_> = sections.iter().map(Section::json).collect();
        let document = json!({"machine": machine, "load_after": after, "sections": sections});
        writeln!(out, "{document:#}")?;
        return Ok(());
    }
    writeln!(out, "{machine}; load afterwards {after}.\n")?;
    for section in &sections {
        match args.markdown {
            true => writeln!(out, "{}", section.markdown())?,
            false => writeln!(out, "{}", section.text())?,
        }
    }
    Ok(())
}
