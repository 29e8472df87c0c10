//! What compiling costs: a whole cloud from nothing, and one port more on clouds of several sizes.
//!
//! The compiler alone: neither the database nor the switches are there. The port more is measured
//! in turn on all sizes, so that what else the machine does hits them alike, and taken away again.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use weft_compiler::{Compiler, Content, Input, Production, Secret};
use weft_topology::Change;

use super::cloud::Cloud;
use super::figures::{Budget, Figure, Sample, Section};
use super::machine;

/// On how many hypervisors a cloud is at least: more than a network has ports, so that there is
/// one without it.
const FEWEST_HYPERVISORS: u32 = 25;

/// The cloud to measure with.
#[derive(clap::Args, Debug, Clone)]
pub(super) struct Args {
    /// How many hypervisors
    #[arg(long, default_value_t = Args::default().hypervisors, value_parser = clap::value_parser!(u32).range(25..=10_000))]
    hypervisors: u32,
    /// How many ports
    #[arg(long, default_value_t = Args::default().ports, value_parser = clap::value_parser!(u32).range(1_000..=1_000_000))]
    ports: u32,
    /// How many networks, of at least one port each
    #[arg(long, default_value_t = Args::default().networks, value_parser = clap::value_parser!(u32).range(100..=100_000))]
    networks: u32,
    /// How often a port is added to each cloud
    #[arg(long, default_value_t = Args::default().adds, value_parser = clap::value_parser!(u32).range(1..))]
    adds: u32,
}

impl Default for Args {
    fn default() -> Self {
        Self {
            hypervisors: 500,
            ports: 20_000,
            networks: 1_000,
            adds: 200,
        }
    }
}

impl Args {
    /// The cloud, and the same a tenth and a hundredth of its size.
    fn clouds(&self) -> [Cloud; 3] {
        [1, 10, 100].map(|part| Cloud {
            hypervisors: (self.hypervisors / part).max(FEWEST_HYPERVISORS),
            ports: (self.ports / part).max(1),
            networks: (self.networks / part).max(1),
        })
    }
}

/// Measures.
pub(super) fn run(args: &Args) -> Section {
    let clouds = args.clouds();
    let (whole, mut figures) = from_nothing(&clouds[0]);
    let mut compilers = vec![whole];
    for cloud in &clouds[1..] {
        compilers.push(compiled(cloud));
    }
    figures.extend(one_port_more(&clouds, &mut compilers, args.adds));
    let Args {
        hypervisors,
        ports,
        networks,
        adds,
    } = args;
    Section {
        title: "Compiling",
        how: format!(
            "{hypervisors} hypervisors, {ports} ports on {networks} networks, each with a subnet \
             with DHCP; the same at a tenth and a hundredth. Ports are added {adds} times to each, \
             in turn, with port security and one address."
        ),
        command: format!(
            "weft bench compile --hypervisors {hypervisors} --ports {ports} --networks {networks}"
        ),
        figures,
    }
}

type Whole = Compiler<Production>;

fn compiled(cloud: &Cloud) -> Whole {
    let mut compiler = Compiler::new(Production, Secret::new([7; 16]));
    compiler.update(Input {
        changes: cloud.changes(),
        manage: cloud.chassis().collect(),
        release: Vec::new(),
    });
    compiler
}

/// Compiles everything, and what each hypervisor is to have.
fn from_nothing(cloud: &Cloud) -> (Whole, Vec<Figure>) {
    let changes = cloud.changes();
    let resident = machine::resident();
    let (wall, cpu) = (Instant::now(), machine::thread_cpu());
    let mut compiler = Compiler::new(Production, Secret::new([7; 16]));
    compiler.update(Input {
        changes,
        manage: cloud.chassis().collect(),
        release: Vec::new(),
    });
    let compile = machine::thread_cpu().saturating_sub(cpu);
    let memory = machine::resident().saturating_sub(resident) as f64;
    let mut per_hypervisor = Vec::new();
    let mut distinct: HashMap<u64, usize> = HashMap::new();
    let mut programs = Duration::ZERO;
    for chassis in cloud.chassis() {
        let start = machine::thread_cpu();
        let program = compiler.program(&chassis);
        programs += machine::thread_cpu().saturating_sub(start);
        let flows = program.iter().filter_map(|content| match content {
            Content::Flow(flow) => Some((flow.cookie, flow.message.len())),
            _ => None,
        });
        let count = flows
            .map(|(cookie, bytes)| distinct.insert(cookie, bytes))
            .count();
        per_hypervisor.push(count);
    }
    let wall = wall.elapsed();
    per_hypervisor.sort_unstable();
    let total: usize = per_hypervisor.iter().sum();
    let own: usize = distinct.values().sum();
    let million = total as f64 / 1e6;
    let cpu = compile + programs;
    let figures = vec![
        Figure::new(
            "from nothing: compile all items, CPU",
            compile.as_secs_f64(),
            "s",
        ),
        Figure::new(
            "from nothing: programs of all hypervisors, CPU",
            programs.as_secs_f64(),
            "s",
        ),
        Figure::new(
            "from nothing: both, by the clock on the wall",
            wall.as_secs_f64(),
            "s",
        ),
        Figure::new(
            "from nothing: CPU per million flows",
            cpu.as_secs_f64() / million,
            "s",
        )
        .within(Budget::Below(5.0)),
        Figure::new("flows of all hypervisors together", total as f64, ""),
        Figure::new(
            "flows of one hypervisor, median",
            per_hypervisor[per_hypervisor.len() / 2] as f64,
            "",
        ),
        Figure::new("flows that differ", distinct.len() as f64, ""),
        Figure::new(
            "bytes on the wire of a flow, mean",
            own as f64 / distinct.len() as f64,
            "B",
        ),
        Figure::new(
            "memory per flow that differs, everything counted",
            memory / distinct.len() as f64,
            "B",
        ),
        Figure::new(
            "memory beyond the flows' own bytes",
            (memory - own as f64) / 1024.0 / 1024.0,
            "MiB",
        )
        .within(Budget::Below(1024.0)),
    ];
    (compiler, figures)
}

/// One port more, on each cloud in turn, and at once again: the second time the cloud's size cannot
/// show in what the processor has to fetch from memory, only in what there is to do.
fn one_port_more(clouds: &[Cloud], compilers: &mut [Whole], adds: u32) -> Vec<Figure> {
    let mut figures = Vec::new();
    for (where_it_is, place) in [
        (true, "that has its network"),
        (false, "new to its network"),
    ] {
        let mut first = vec![Sample::default(); clouds.len()];
        let mut again = first.clone();
        for round in 0..adds {
            for (at, (cloud, compiler)) in clouds.iter().zip(&mut *compilers).enumerate() {
                let more = cloud.port_more(round % cloud.networks, where_it_is);
                for sample in [&mut first[at], &mut again[at]] {
                    sample.push(timed(compiler, more.to_vec()));
                    timed(compiler, Cloud::without(&more));
                }
            }
        }
        let what = format!("a port more on a hypervisor {place}, CPU");
        figures.extend(of_sizes(&what, clouds, &first));
        figures.push(growth(&format!("{what}, again at once"), &again));
    }
    figures
}

/// What the port cost at each size, the whole cloud first.
fn of_sizes(what: &str, clouds: &[Cloud], samples: &[Sample]) -> Vec<Figure> {
    let micros = |sample: &Sample, share| sample.quantile(share) * 1e6;
    let mut figures: Vec<Figure> = clouds
        .iter()
        .zip(samples)
        .map(|(cloud, sample)| {
            let ports = cloud.ports;
            let what = format!("{what}, at {ports} ports: median");
            Figure::new(what, micros(sample, 0.5), "µs").within(Budget::Below(1_000.0))
        })
        .collect();
    let slowest = micros(&samples[0], 0.99);
    figures.insert(1, Figure::new(format!("{what}: p99"), slowest, "µs"));
    figures.push(growth(what, samples));
    figures
}

/// How many times the cost at a hundredth of the size the cost is.
fn growth(what: &str, samples: &[Sample]) -> Figure {
    let smallest = samples.last().map_or(0.0, Sample::median);
    let ratio = samples[0].median() / smallest;
    Figure::new(format!("{what}: x the same at a hundredth"), ratio, "").within(Budget::Below(1.2))
}

/// Carries out changes and tells the CPU time that it took; dropping the deltas is not in it.
fn timed(compiler: &mut Whole, changes: Vec<Change>) -> Duration {
    let input = Input {
        changes,
        ..Input::default()
    };
    let start = machine::thread_cpu();
    let deltas = compiler.update(input);
    let taken = machine::thread_cpu().saturating_sub(start);
    drop(deltas);
    taken
}
