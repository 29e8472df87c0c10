//! `weft simulate`: networks that need not exist.
//!
//! The shell around `weft_simulations`: files and a progress bar for scenarios ([`scenario`]); sockets and time for worlds that
//! meet a real controller ([`live`]), and the load that is put on one ([`connect`]), with what it takes: calls of the API
//! ([`calls`]), who has which ports ([`plan`]), what is waited for ([`convergence`]), what processes take
//! ([`process`]), and the figures ([`report`]).

mod calls;
mod connect;
mod convergence;
pub(crate) mod live;
mod plan;
mod process;
mod progress;
mod report;
mod scenario;

use std::io::Write;
use std::path::PathBuf;

use crate::client::ApiUrl;

/// What follows the options in the help of `weft simulate`.
pub(crate) const EXAMPLES: &str = "\
A scenario is a TOML file: a network, what happens to it, and what must hold; docs/scenarios.md tells the keys, and \
simulations/scenarios/ has some to begin with. Controller, compiler and switches are those of production; time is \
simulated, and the same file and seed give the same run. The exit status is 1 when something does not hold.

With --connect, hypervisors named sim1, sim2 and so on connect to a running controller as real ones do: each has an OVSDB \
server and a switch. Networks and ports are made by the API. Convergence is measured at the switches: from the API's \
answer until the last switch of the port's network has acknowledged the flows for it, or that they are gone. \
Use a controller for trying things out.

Examples:
  weft simulate simulations/scenarios/first-network.toml
  weft simulate leaf-loss.toml --report out && xdg-open out/report.html
  for seed in $(seq 100); do weft simulate mine.toml --seed $seed || break; done
  weft simulate --connect http://127.0.0.1:9696
      100 hypervisors, 1,000 ports, 10 changes a second for 30 seconds
  weft simulate --connect http://127.0.0.1:9696 --hypervisors 3000 --networks 200 --ports 20000 --rate 50
      a large cloud on one machine";

/// The options of `weft simulate`.
#[derive(clap::Args, Debug, Clone)]
#[command(group = clap::ArgGroup::new("what").required(true))]
pub struct Args {
    /// The scenario
    #[arg(value_name = "FILE", group = "what")]
    file: Option<PathBuf>,
    /// What everything random follows from, in place of the file's seed
    #[arg(long, value_name = "NUMBER", conflicts_with = "connect")]
    seed: Option<u64>,
    /// Write report.txt, report.json, report.html and topology.svg into this folder
    #[arg(long, value_name = "FOLDER", conflicts_with = "connect")]
    report: Option<PathBuf>,
    /// In place of a scenario: the API of the running controller that simulated hypervisors connect to
    #[arg(long, value_name = "URL", group = "what")]
    connect: Option<ApiUrl>,
    /// What is put on that controller.
    #[command(flatten)]
    load: connect::Load,
}

/// Simulates and prints what came of it.
///
/// # Errors
///
/// When the scenario is none, the controller cannot be reached, or something does not hold that has to.
pub fn run(args: &Args, json: bool, out: &mut dyn Write) -> anyhow::Result<()> {
    if let Some(url) = &args.connect {
        let run = connect::run(url, &args.load, json, out);
        return tokio::runtime::Runtime::new()?.block_on(run);
    }
    match &args.file {
        Some(file) => scenario::run(file, args.seed, args.report.as_deref(), json, out),
        None => Ok(()),
    }
}
