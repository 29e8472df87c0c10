//! `weft simulate`: networks that need not exist.
//!
//! The shell around `weft_simulations`: files and a progress bar for scenarios ([`scenario`]), sockets and time for worlds that
//! meet a real controller ([`live`]).

pub(crate) mod live;
mod scenario;

use std::io::Write;
use std::path::PathBuf;

/// What follows the options in the help of `weft simulate`.
pub(crate) const EXAMPLES: &str = "\
A scenario is a TOML file: a network, what happens to it, and what must hold; docs/scenarios.md tells the keys, and \
simulations/scenarios/ has some to begin with. Controller, compiler and switches are those of production; time is \
simulated, and the same file and seed give the same run. The exit status is 1 when something does not hold.

Examples:
  weft simulate simulations/scenarios/first-network.toml
  weft simulate leaf-loss.toml --report out && xdg-open out/report.html
  for seed in $(seq 100); do weft simulate mine.toml --seed $seed || break; done";

/// The options of `weft simulate`.
#[derive(clap::Args, Debug, Clone)]
pub struct Args {
    /// The scenario
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// What everything random follows from, in place of the file's seed
    #[arg(long, value_name = "NUMBER")]
    seed: Option<u64>,
    /// Write report.txt, report.json, report.html and topology.svg into this folder
    #[arg(long, value_name = "FOLDER")]
    report: Option<PathBuf>,
}

/// Simulates and prints what came of it.
///
/// # Errors
///
/// When the scenario is none, or something does not hold that has to.
pub fn run(args: &Args, json: bool, out: &mut dyn Write) -> anyhow::Result<()> {
    scenario::run(&args.file, args.seed, args.report.as_deref(), json, out)
}
