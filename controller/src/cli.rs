//! What can be typed: global options and commands.
//!
//! A command is here when it works; what it does is in the module of its name.

use std::ffi::OsString;
use std::io::Write;
use std::path::PathBuf;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::client::{Client, Controller};
use crate::config::{Config, Layers, Surroundings, environment_name};
use crate::logging::Log;
use crate::{
    Error, bench, config, demo, explain, flows, openflow, pipeline, ports, serve, simulate,
    switches, topology, trace,
};

/// Weft, a network controller for clouds
///
/// Weft keeps virtual networks, compiles them into OpenFlow, programs every Open vSwitch that
/// connects, and serves the OpenStack Networking API. `weft` alone is `weft serve`.
#[derive(Parser, Debug)]
#[command(
    name = "weft",
    version,
    disable_help_subcommand = true,
    max_term_width = 100
)]
pub struct Cli {
    /// The configuration file; by default what WEFT_CONFIG names, else weft.toml, when it is there
    #[arg(long, global = true, value_name = "FILE", help_heading = GLOBAL)]
    pub config: Option<PathBuf>,

    /// What is logged to stderr and how: error, warn, info, debug, trace or off, TARGET=LEVEL, and
    /// text or json, joined by commas
    #[arg(long, global = true, value_name = "WORDS", default_value_t, help_heading = GLOBAL)]
    pub log: Log,

    /// Print results as JSON
    #[arg(long, global = true, help_heading = GLOBAL)]
    pub json: bool,

    /// What to do
    #[command(subcommand)]
    pub command: Command,
}

const GLOBAL: &str = "Global options";

const SERVE_EXAMPLES: &str = "\
Examples:
  weft serve
      a controller on this machine, with its API at http://127.0.0.1:9696
  weft serve --listen-api :9696 --insecure-noauth
      the same, for everyone who reaches this machine
  WEFT_DATABASE=postgres://weft:PASSWORD@db/weft weft serve
      a controller on a PostgreSQL database
  ovs-vsctl set-manager tcp:CONTROLLER:6640
      typed on a hypervisor: what connects it

A flag goes before its environment variable, that before the key of the same name in the \
configuration file (listen-api = \":9696\"), and that before the default.";

/// The commands.
#[derive(Subcommand, Debug)]
pub enum Command {
    /// Run the controller
    #[command(after_help = SERVE_EXAMPLES)]
    Serve(Box<Config>),
    /// Ask a running controller
    #[command(flatten)]
    Question(Question),
    /// Show a cloud in one process: simulated hypervisors, two tenants, traffic
    #[command(after_help = demo::EXAMPLES)]
    Demo(demo::Args),
    /// Play a network that need not exist: a scenario of topology, tenants, events and expectations; or put simulated
    /// hypervisors on a running controller
    #[command(after_help = simulate::EXAMPLES)]
    Simulate(Box<simulate::Args>),
    /// Print the stages that packets go through, and what travels with them
    Pipeline(pipeline::Args),
    /// Read and write OpenFlow messages, and look up what is in them
    #[command(subcommand)]
    Openflow(openflow::Command),
    /// Measure what Weft costs on this machine, beside what it may cost
    Bench(bench::Args),
}

/// The commands that ask a running controller.
#[derive(Subcommand, Debug)]
pub enum Question {
    /// List hypervisors and their switches; release a switch that is held, forget a hypervisor
    #[command(after_help = switches::EXAMPLES)]
    Switches(switches::Args),
    /// List logical ports and where they are
    #[command(after_help = ports::EXAMPLES)]
    Ports(ports::Args),
    /// List hypervisors and the tunnels between them
    #[command(after_help = topology::EXAMPLES)]
    Topology(topology::Args),
    /// Print the flows that a switch is to have
    #[command(after_help = flows::EXAMPLES)]
    Flows(flows::Args),
    /// Print where a flow comes from
    #[command(after_help = explain::EXAMPLES)]
    Explain(explain::Args),
    /// Follow a packet from a port to wherever it goes
    #[command(after_help = trace::EXAMPLES)]
    Trace(trace::Args),
    /// Tell whether one port can reach another, and what decides it
    #[command(after_help = trace::WHY_EXAMPLES)]
    Why(trace::WhyArgs),
}

impl Question {
    /// How the controller to ask was named.
    fn controller(&self) -> &Controller {
        match self {
            Self::Switches(args) => &args.controller,
            Self::Ports(args) => &args.controller,
            Self::Topology(args) => &args.controller,
            Self::Flows(args) => &args.controller,
            Self::Explain(args) => &args.controller,
            Self::Trace(args) => &args.controller,
            Self::Why(args) => &args.controller,
        }
    }

    /// Asks and prints the answer.
    async fn ask(&self, client: &Client, json: bool, out: &mut dyn Write) -> anyhow::Result<()> {
        match self {
            Self::Switches(args) => switches::run(args, client, json, out).await,
            Self::Ports(args) => ports::run(args, client, json, out).await,
            Self::Topology(args) => topology::run(args, client, json, out).await,
            Self::Flows(args) => flows::run(args, client, json, out).await,
            Self::Explain(args) => explain::run(args, client, json, out).await,
            Self::Trace(args) => trace::run(args, client, json, out).await,
            Self::Why(args) => trace::run_why(args, client, json, out).await,
        }
    }
}

/// A command line that was understood.
#[derive(Debug)]
pub struct Invocation {
    /// What was typed.
    pub cli: Cli,
    /// The command with the values of environment and file as defaults.
    command: clap::Command,
}

impl Invocation {
    /// The configuration that `weft serve` alone would have: what the other commands go by.
    ///
    /// # Errors
    ///
    /// [`Error::NoStateDirectory`] when nobody named a database and there is no home for one.
    pub fn config(&self) -> Result<Config, Error> {
        let words = ["weft", "serve"].map(OsString::from);
        let matches = matches(self.command.clone(), &words)?;
        let serve = matches.subcommand_matches("serve").unwrap_or(&matches);
        Config::from_arg_matches(serve).map_err(not_extracted)
    }
}

/// Understands a command line, program name first.
///
/// # Errors
///
/// [`Error::CommandLine`], also for help and version, and the errors of [`Layers::read`].
pub fn parse(
    mut args: Vec<OsString>,
    surroundings: &Surroundings<'_>,
) -> Result<Invocation, Error> {
    let command = command();
    if is_serve_in_options_only(&command, &args) {
        args.insert(1, "serve".into());
    }
    let typed = matches(with_environment_names(command.clone()), &args)?;
    if typed.subcommand_name().is_none() {
        args.push("serve".into());
    }
    let file = typed.get_one::<PathBuf>("config");
    let layers = Layers::read(&command, surroundings, file.map(PathBuf::as_path))?;
    let command = layers.apply(command, surroundings);
    let cli = parsed(command.clone(), args)?;
    Ok(Invocation { cli, command })
}

/// Whether a command line without a command is about an option of `weft serve`, which it stands for.
fn is_serve_in_options_only(command: &clap::Command, args: &[OsString]) -> bool {
    let names_command = args.iter().any(|word| {
        word.to_str()
            .is_some_and(|word| command.find_subcommand(word).is_some())
    });
    let Err(error) = command.clone().try_get_matches_from(args) else {
        return false;
    };
    let Some(ContextValue::String(unknown)) = error.get(ContextKind::InvalidArg) else {
        return false;
    };
    let is_meant = |arg: &&clap::Arg| {
        let word = arg.get_long().map(|name| format!("--{name}"));
        word.as_ref() == Some(unknown)
    };
    !names_command
        && error.kind() == ErrorKind::UnknownArgument
        && config::options(command).iter().any(is_meant)
}

fn parsed(command: clap::Command, args: Vec<OsString>) -> Result<Cli, Error> {
    Cli::from_arg_matches(&matches(command, &args)?).map_err(not_extracted)
}

/// Why values that were matched make no whole. Of what is required, only the database is not
/// asked for when words are matched.
fn not_extracted(error: clap::Error) -> Error {
    match error.kind() {
        ErrorKind::MissingRequiredArgument => Error::NoStateDirectory,
        _ => Error::CommandLine(error),
    }
}

/// The command line that is understood: of [`Cli`], but the command may be left out.
pub(crate) fn command() -> clap::Command {
    Cli::command()
        .subcommand_required(false)
        .arg_required_else_help(false)
}

fn matches(command: clap::Command, args: &[OsString]) -> Result<clap::ArgMatches, Error> {
    command.try_get_matches_from(args).map_err(|mut error| {
        let option = error.get(ContextKind::InvalidArg);
        if option.is_some_and(|option| option.to_string().contains("--database")) {
            let hidden = ContextValue::String("(not shown)".into());
            error.insert(ContextKind::InvalidValue, hidden);
        }
        Error::CommandLine(error)
    })
}

/// The help of options also says which environment variable stands for them.
fn with_environment_names(command: clap::Command) -> clap::Command {
    let names: Vec<String> = config::options(&command)
        .iter()
        .map(|arg| arg.get_id().to_string())
        .collect();
    let explain = |arg: clap::Arg| match (arg.get_long(), arg.get_help()) {
        (Some(option), Some(help)) if names.contains(&arg.get_id().to_string()) => {
            let help = format!("{help} [env: {}]", environment_name(option));
            arg.help(help)
        }
        _ => arg,
    };
    command
        .mut_args(explain)
        .mut_subcommand("serve", |serve| serve.mut_args(explain))
}

/// Runs a command line to its end.
///
/// # Errors
///
/// Whatever went wrong; [`Error`] inside when the shell itself says so.
pub fn run(args: Vec<OsString>) -> anyhow::Result<()> {
    let surroundings = Surroundings {
        environment: &|name| std::env::var_os(name),
        root: rustix::process::geteuid().is_root(),
    };
    let invocation = parse(args, &surroundings)?;
    let Cli {
        log, json, command, ..
    } = &invocation.cli;
    match command {
        // The story is not to drown in what the controller says of itself.
        Command::Demo(_) if *log == Log::default() => Log::quiet().install(),
        _ => log.install(),
    }
    let out = &mut std::io::stdout().lock();
    match command {
        Command::Serve(config) => {
            config.check()?;
            runtime()?.block_on(serve::run((**config).clone()))
        }
        Command::Question(question) => {
            let client = question.controller().client(|| invocation.config())?;
            runtime()?.block_on(question.ask(&client, *json, out))
        }
        Command::Demo(args) => runtime()?.block_on(demo::run(args, *json, out)),
        Command::Simulate(args) => simulate::run(args, *json, out),
        Command::Pipeline(args) => Ok(pipeline::run(args, *json, out)?),
        Command::Openflow(command) => openflow::run(command, *json, out),
        Command::Bench(args) => bench::run(args, *json, out),
    }
}

fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
}

#[cfg(test)]
mod tests;
