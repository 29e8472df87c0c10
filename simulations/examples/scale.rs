//! How long a large cloud takes to build and to converge, in time of this machine.
//!
//! `scale [HYPERVISORS] [PORTS PER HYPERVISOR] [PORTS PER NETWORK]`: 20, 10 and 20 unless said otherwise. Its switches only remember
//! what they are told. Lines: what was done, seconds of the wall, virtual seconds, events, resident memory.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Instant;

use serde_json::{Value, json};
use weft_simulations::world::{
    Answer, Detail, Error, Execution, HypervisorId, Protocol, Recorder, SECOND, Settings, World,
};

/// Ports that are made with one call.
const BULK: usize = 500;

fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1).map_while(|text| text.parse().ok());
    let mut next = |default: usize| arguments.next().unwrap_or(default);
    let (hypervisors, ports, of_network) = (next(20), next(10), next(20));
    let mut stage = Stage::new();
    let mut world = World::new(Settings {
        execution: Execution::Thin,
        detail: Detail::None,
        ..Settings::new(1)
    })?;
    for n in 0..hypervisors {
        let address = Ipv4Addr::from_bits(Ipv4Addr::new(10, 200, 0, 1).to_bits() + n as u32);
        world.add_hypervisor(&format!("hv{n:04}"), IpAddr::V4(address))?;
    }
    converge(&mut world)?;
    stage.done("hypervisors are connected", &world);
    let ids: Vec<HypervisorId> = world.hypervisors().collect();
    let made = create(&mut world, hypervisors * ports, of_network)?;
    stage.done("ports are created", &world);
    for (n, port) in made.iter().enumerate() {
        // Neighbours on a network are on different hypervisors.
        let at = ids[n % hypervisors];
        world.plug(at, &format!("tap{n}"), port, Box::new(Recorder::default()))?;
    }
    converge(&mut world)?;
    stage.done("ports are plugged in", &world);
    let last = made.last().cloned().unwrap_or_default();
    for up in [false, true] {
        let body = json!({"port": {"admin_state_up": up}});
        world.call("PUT", &format!("/ports/{last}"), Some(body));
        converge(&mut world)?;
    }
    stage.done("a port went down and up", &world);
    world.inject(&weft_simulations::world::Fault::ControllerDown);
    world.inject(&weft_simulations::world::Fault::ControllerUp);
    converge(&mut world)?;
    stage.done("the controller was restarted", &world);
    world.run_for(60 * SECOND);
    stage.done("a minute went by", &world);
    world
        .check()
        .map_err(|differences| Failure(format!("{:?}", differences.first())))?;
    stage.done("every switch has its program", &world);
    let flows: usize = ids.iter().map(|id| world.flows(*id)).sum();
    let bytes: u64 = ids
        .iter()
        .map(|id| world.traffic(*id, Protocol::OpenFlow).to_hypervisor)
        .sum();
    println!(
        "{flows} flows, {bytes} bytes of OpenFlow for switches, {:?}",
        world.counts()
    );
    Ok(())
}

/// Why it did not work.
#[derive(Debug)]
struct Failure(#[expect(dead_code, reason = "it is printed")] String);

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self(error.to_string())
    }
}

impl From<Answer> for Failure {
    fn from(answer: Answer) -> Self {
        Self(answer.body.to_string())
    }
}

fn converge(world: &mut World) -> Result<(), Failure> {
    match world.converge(600 * SECOND) {
        true => Ok(()),
        false => Err(Failure("it does not converge".to_owned())),
    }
}

/// Networks with ports; gives the ports' ids.
fn create(world: &mut World, ports: usize, of_network: usize) -> Result<Vec<String>, Failure> {
    let mut bodies = Vec::with_capacity(ports);
    for n in 0..ports.div_ceil(of_network) {
        let network = world.create("network", json!({"name": format!("net{n}")}))?;
        let subnet = json!({"network_id": network["id"], "cidr": "10.0.0.0/16", "ip_version": 4});
        world.create("subnet", subnet)?;
        let body = json!({"network_id": network["id"]});
        bodies.extend(std::iter::repeat_n(body, of_network));
    }
    bodies.truncate(ports);
    let mut made = Vec::with_capacity(ports);
    for bodies in bodies.chunks(BULK) {
        let answer = world.call("POST", "/ports", Some(json!({"ports": bodies})));
        let Some(created) = answer.body["ports"]
            .as_array()
            .filter(|_| answer.is_success())
        else {
            return Err(answer.into());
        };
        let id = |port: &Value| port["id"].as_str().map(str::to_owned);
        made.extend(created.iter().filter_map(id));
    }
    Ok(made)
}

/// What is measured.
struct Stage {
    since: Instant,
    events: u64,
}

impl Stage {
    fn new() -> Self {
        Self {
            since: Instant::now(),
            events: 0,
        }
    }

    fn done(&mut self, what: &str, world: &World) {
        let (wall, events) = (self.since.elapsed().as_secs_f64(), world.counts().events);
        let (now, memory) = (world.now() as f64 / SECOND as f64, memory());
        let fresh = events - self.events;
        println!("{what:30} {wall:8.2} s {now:8.2} virtual {fresh:9} events {memory:6} MiB");
        (self.since, self.events) = (Instant::now(), events);
    }
}

/// Resident memory in MiB, where the system tells.
fn memory() -> u64 {
    const PAGES_PER_MIB: u64 = 256;
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = statm
        .split(' ')
        .nth(1)
        .and_then(|pages| pages.parse::<u64>().ok());
    pages.unwrap_or_default() / PAGES_PER_MIB
}
