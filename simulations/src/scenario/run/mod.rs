//! Plays a scenario in a world: builds what there is, lets happen what happens, asks what must hold, and measures.
//!
//! What there is at the beginning stands before the clock starts: hypervisors are connected, networks and ports created,
//! switches told, machines have their addresses. [`stage`] builds it, [`deed`] is what happens, [`task`] what machines
//! do, [`judge`] what must hold, [`measure`] what the report says. The same scenario gives the same report, byte for byte.

mod deed;
mod guest;
mod judge;
mod measure;
mod stage;
mod task;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ipnet::IpNet;
use rust_openflow::MacAddr;

use super::Scenario;
use super::value::{Executor, Names};
use crate::report::{Moment, Report, Verdict};
use crate::underlay::{LinkId, NodeId};
use crate::world::{self, CallId, HypervisorId, Random, SECOND, World};
use deed::{Deed, Purpose};
use guest::Guest;
use task::Running;

/// Why a scenario cannot be played.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The world has no place for it.
    #[error(transparent)]
    World(#[from] world::Error),
    /// The API refuses what there is to be at the beginning.
    #[error("{what}: the API answers {status}: {body}")]
    Refused {
        /// What was to be created.
        what: String,
        /// The answer's status.
        status: u16,
        /// Its body.
        body: String,
    },
    /// Not all switches have what they should before the clock starts.
    #[error("after {} minutes not all switches have what they should", STAGING / SECOND / 60)]
    Unsettled,
    /// Machines do not get their addresses.
    #[error("after {} minutes not all machines have their addresses", STAGING / SECOND / 60)]
    Unaddressed,
}

/// How long building may take, in virtual microseconds.
const STAGING: u64 = 600 * SECOND;
/// How often a watcher is told the time, in virtual microseconds.
const GLANCE: u64 = SECOND;
/// How many moments are kept.
const MOMENTS: usize = 10_000;

impl Scenario {
    /// Plays the scenario. `watch` is told the time and the end now and then, in microseconds.
    ///
    /// # Errors
    /// [`Failure`] when there is nothing to play; what does not hold is in the report.
    pub fn run(&self, watch: &mut dyn FnMut(u64, u64)) -> Result<Report, Failure> {
        let mut player = Player::new(self)?;
        player.play(watch);
        Ok(player.report())
    }
}

/// A network as it stands.
#[derive(Debug, Clone)]
struct Net {
    id: String,
    tenant: String,
    dhcp: bool,
    /// Prefixes and ids, in order.
    subnets: Vec<(IpNet, String)>,
}

/// A machine as it stands. Its number is its place in the list, which probes bear.
#[derive(Debug, Clone)]
struct Machine {
    path: String,
    net: String,
    hypervisor: HypervisorId,
    interface: String,
    port: String,
    mac: MacAddr,
    addresses: Vec<IpNet>,
    /// Whether it runs.
    on: bool,
}

impl Machine {
    /// The address by which others know it.
    fn address(&self) -> Option<IpAddr> {
        self.addresses.first().map(IpNet::addr)
    }
}

/// A scenario that is being played.
struct Player<'a> {
    scenario: &'a Scenario,
    world: World,
    hypervisors: Vec<HypervisorId>,
    dice: Random,
    /// The world's time at which the scenario began.
    zero: u64,
    nets: BTreeMap<String, Net>,
    machines: Vec<Machine>,
    agenda: BTreeMap<(u64, usize), Deed>,
    planned: usize,
    pending: Vec<(CallId, Purpose)>,
    tasks: Vec<Running>,
    moments: Vec<Moment>,
    /// What was down at some time.
    hurt: (BTreeSet<NodeId>, BTreeSet<LinkId>),
    /// Probes that came: from whom to whom, in which round.
    probes: BTreeSet<(u32, u32, u32)>,
    /// What was counted when counting was to begin, by expectation.
    counted: BTreeMap<usize, u64>,
    verdicts: BTreeMap<usize, Verdict>,
}

impl Player<'_> {
    /// The time since the scenario began.
    fn now(&self) -> u64 {
        self.world.now().saturating_sub(self.zero)
    }

    /// Whether machines are real users of the network.
    fn is_full(&self) -> bool {
        self.scenario.file.hypervisors.executor == Executor::Full
    }

    /// Lets something happen at a time.
    fn plan(&mut self, at: u64, deed: Deed) {
        self.planned += 1;
        self.agenda.insert((at, self.planned), deed);
    }

    fn play(&mut self, watch: &mut dyn FnMut(u64, u64)) {
        let end = self.scenario.cast.end;
        self.plan_events();
        self.plan_tasks();
        self.plan_verdicts();
        self.plan(end, Deed::End);
        while let Some(((at, _), deed)) = self.agenda.pop_first() {
            self.pass(at, end, watch);
            self.perform(deed);
        }
        // What is under way comes to its end.
        self.pass(self.now() + task::GRACE, end, watch);
        self.judge_rest();
    }

    /// Lets the world go by until a time, and does what answers ask for as they come.
    fn pass(&mut self, until: u64, end: u64, watch: &mut dyn FnMut(u64, u64)) {
        while self.now() < until {
            let next = until.min(self.now() + GLANCE);
            let left = next - self.now();
            if self.pending.is_empty() {
                self.world.run_for(left);
            } else {
                let pending = &self.pending;
                let answered = |world: &World| {
                    pending
                        .iter()
                        .any(|(id, _)| world.call_of(*id).answer.is_some())
                };
                self.world.run_while_not(left, answered);
                self.take_answers();
            }
            watch(self.now().min(end), end);
        }
    }

    /// The machines that are named, by number.
    fn named(&self, names: &Names) -> Vec<usize> {
        let machines = self.machines.iter().enumerate();
        let named = machines.filter(|(_, machine)| {
            names
                .patterns
                .iter()
                .any(|pattern| pattern.matches(&machine.path))
        });
        named.map(|(number, _)| number).collect()
    }

    /// Pairs of different machines of one network, of these to those.
    fn pairs(&self, from: &Names, to: Option<&Names>) -> Vec<(usize, usize)> {
        let from = self.named(from);
        let to = to.map_or_else(|| from.clone(), |to| self.named(to));
        let mut by_net: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for number in to {
            by_net
                .entry(&self.machines[number].net)
                .or_default()
                .push(number);
        }
        let near = |number: &usize| by_net.get(self.machines[*number].net.as_str());
        from.iter()
            .flat_map(|a| near(a).into_iter().flatten().map(move |b| (*a, *b)))
            .filter(|(a, b)| a != b)
            .collect()
    }

    /// Some of a list, drawn; all when there is no number.
    fn draw<T>(&mut self, mut all: Vec<T>, number: Option<usize>) -> Vec<T> {
        let number = number.unwrap_or(all.len()).min(all.len());
        for at in 0..number {
            let other = at + self.dice.index(all.len() - at);
            all.swap(at, other);
        }
        all.truncate(number);
        all
    }

    /// Does something with a machine that runs.
    fn with_host<R>(&mut self, number: usize, does: impl FnOnce(&mut Guest) -> R) -> Option<R> {
        let machine = &self.machines[number];
        let (hypervisor, interface) = (machine.hypervisor, machine.interface.clone());
        self.world
            .with_attachment(hypervisor, &interface, |guest: &mut Guest, _| does(guest))
    }

    fn note(&mut self, what: String, fault: bool) {
        if self.moments.len() < MOMENTS {
            self.moments.push(Moment {
                at: self.now(),
                what,
                fault,
            });
        }
    }
}
