//! What must hold, and whether it does.

use std::collections::BTreeSet;

use super::deed::Deed;
use super::guest::{UDP, server};
use super::{Player, task};
use crate::host::Observation;
use crate::report::{Change, Figures, Verdict, Workload, unit};
use crate::scenario::keys::{Demand, Expect};
use crate::scenario::value::{Figure, Message, Names};
use crate::world::{Protocol, SECOND};

/// How long probes have until they must have come, in microseconds.
const PROBING: u64 = 2 * SECOND;
/// How long after one probe a machine sends the next, in microseconds.
const PROBE: u64 = 500;
/// How many of those that do not hold are named.
const NAMED: usize = 3;

impl Player<'_> {
    pub(super) fn plan_verdicts(&mut self) {
        let end = self.scenario.cast.end;
        for (at, expect) in self.scenario.file.expect.iter().enumerate() {
            match &expect.what {
                Demand::Reach { at: when, .. } => {
                    let when = when.map_or(end, |when| when.0);
                    self.plan(when, Deed::Ask(at));
                    self.plan(when.saturating_add(PROBING), Deed::Judge(at));
                }
                Demand::Isolated { .. } => self.plan(end, Deed::Ask(at)),
                Demand::Active { at: when, .. } => {
                    self.plan(when.map_or(end, |when| when.0), Deed::Judge(at));
                }
                Demand::Messages { after, until, .. } => {
                    self.plan(after.0, Deed::Count(at));
                    self.plan(until.map_or(end, |until| until.0), Deed::Judge(at));
                }
                _ => {}
            }
        }
    }

    /// Sends the probes of an expectation.
    pub(super) fn ask_for(&mut self, at: usize) {
        let round = u32::try_from(at).unwrap_or(u32::MAX);
        let pairs = match self.scenario.file.expect.get(at).map(|expect| &expect.what) {
            Some(Demand::Reach { what, to, .. }) => {
                self.both_ways(&what.0, to.as_ref().map(|to| &to.0))
            }
            Some(Demand::Isolated { what, from }) => {
                let (these, those) = (self.named(&what.0), self.named(&from.0));
                let pairs = these
                    .iter()
                    .flat_map(|a| those.iter().map(move |b| (*a, *b)));
                pairs.flat_map(|(a, b)| [(a, b), (b, a)]).collect()
            }
            _ => return,
        };
        let mut at = 0;
        let pairs: Vec<(usize, usize)> = pairs.into_iter().collect();
        while let Some((from, _)) = pairs.get(at) {
            let count = pairs[at..]
                .iter()
                .take_while(|(other, _)| other == from)
                .count();
            let goals = pairs[at..at + count].iter().filter_map(|(_, to)| {
                let address = self.machines[*to].address()?;
                Some((u32::try_from(*to).ok()?, server(address, UDP)))
            });
            let goals = goals.collect();
            let (now, number) = (self.world.now(), u32::try_from(*from).unwrap_or(u32::MAX));
            self.with_host(*from, |guest| {
                guest.host.probe(round, number, goals, PROBE, now)
            });
            at += count;
        }
    }

    /// The pairs of machines that must reach each other.
    fn both_ways(&self, from: &Names, to: Option<&Names>) -> BTreeSet<(usize, usize)> {
        let pairs = self.pairs(from, to);
        pairs
            .into_iter()
            .flat_map(|(a, b)| [(a, b), (b, a)])
            .collect()
    }

    /// Takes note of the probes that have come to machines.
    fn collect_probes(&mut self) {
        for number in 0..self.machines.len() {
            let came = self.with_host(number, |guest| {
                let mut came = Vec::new();
                while let Some(event) = guest.host.next_event() {
                    if let Observation::Probe { probe, .. } = event.what {
                        came.push((probe.run, probe.from));
                    }
                }
                came
            });
            let to = u32::try_from(number).unwrap_or(u32::MAX);
            self.probes.extend(
                came.unwrap_or_default()
                    .into_iter()
                    .map(|(run, from)| (run, from, to)),
            );
        }
    }

    /// Counts what an expectation is about, up to now.
    fn messages(&self, what: Message) -> u64 {
        let of = |id| match what {
            Message::FlowMods => self.world.flow_mods(id),
            Message::Bytes => {
                let protocols = Protocol::ALL.iter();
                protocols
                    .map(|protocol| self.world.traffic(id, *protocol).to_hypervisor)
                    .sum()
            }
        };
        self.hypervisors.iter().map(|id| of(*id)).sum()
    }

    pub(super) fn count(&mut self, at: usize) {
        if let Some(Demand::Messages { what, .. }) =
            self.scenario.file.expect.get(at).map(|expect| &expect.what)
        {
            self.counted.insert(at, self.messages(*what));
        }
    }

    pub(super) fn judge(&mut self, at: usize) {
        self.collect_probes();
        let Some(expect) = self.scenario.file.expect.get(at) else {
            return;
        };
        let (holds, found) = match &expect.what {
            Demand::Reach { what, to, .. } => {
                self.reached(at, &what.0, to.as_ref().map(|to| &to.0))
            }
            Demand::Active { what, .. } => self.active(&what.0),
            Demand::Messages { what, most, .. } => {
                let before = self.counted.get(&at).copied().unwrap_or(0);
                let sent = self.messages(*what).saturating_sub(before);
                (
                    sent <= most.0 as u64,
                    format!("{} {}", unit::count(sent), what.word()),
                )
            }
            _ => return,
        };
        let expected = described(expect);
        self.verdicts.insert(
            at,
            Verdict {
                expected,
                holds,
                found,
            },
        );
    }

    /// What is judged when all is over.
    pub(super) fn judge_rest(&mut self) {
        self.collect_probes();
        let workloads = self.workloads();
        let changes = self.changes();
        for (at, expect) in self.scenario.file.expect.iter().enumerate() {
            if self.verdicts.contains_key(&at) {
                continue;
            }
            let (holds, found) = match &expect.what {
                Demand::Isolated { what, from } => self.isolated(&what.0, &from.0),
                Demand::Convergence { what, below } => converged(&changes, *what, below.0),
                Demand::Lost { what, most } => {
                    let (lost, sent) = named(&workloads, &what.0)
                        .fold((0, 0), |(lost, sent), workload| {
                            (lost + workload.lost, sent + workload.sent)
                        });
                    let found = format!("{} of {} lost", unit::count(lost), unit::count(sent));
                    (sent > 0 && lost <= most.0 as u64, found)
                }
                Demand::Gap { what, below } => {
                    let gap = named(&workloads, &what.0)
                        .filter_map(|workload| workload.gap)
                        .max();
                    let found = gap.map_or_else(|| "nothing was sent".to_owned(), unit::time);
                    (gap.is_some_and(|gap| gap <= below.0), found)
                }
                Demand::Finished { what } => {
                    let (done, all) = named(&workloads, &what.0)
                        .fold((0, 0), |(done, all), workload| {
                            (done + workload.received, all + workload.sent)
                        });
                    (
                        all > 0 && done == all,
                        format!("{} of {}", unit::count(done), unit::count(all)),
                    )
                }
                Demand::Flows { what, most } => self.fullest(&what.0, most.0 as u64),
                _ => (
                    false,
                    "the scenario ended before it could be judged".to_owned(),
                ),
            };
            let expected = described(expect);
            self.verdicts.insert(
                at,
                Verdict {
                    expected,
                    holds,
                    found,
                },
            );
        }
    }

    fn reached(&self, round: usize, from: &Names, to: Option<&Names>) -> (bool, String) {
        let round = u32::try_from(round).unwrap_or(u32::MAX);
        let pairs = self.both_ways(from, to);
        let came = |(from, to): &(usize, usize)| {
            let numbers = (u32::try_from(*from), u32::try_from(*to));
            matches!(numbers, (Ok(from), Ok(to)) if self.probes.contains(&(round, from, to)))
        };
        let missing: Vec<&(usize, usize)> = pairs.iter().filter(|pair| !came(pair)).collect();
        let count = format!("{} of {} pairs", pairs.len() - missing.len(), pairs.len());
        let named = missing
            .iter()
            .take(NAMED)
            .map(|(a, b)| format!("{} to {}", self.machines[*a].path, self.machines[*b].path));
        let named: Vec<String> = named.collect();
        let found = if named.is_empty() {
            count
        } else {
            format!("{count}; not {}", named.join(", "))
        };
        (missing.is_empty() && !pairs.is_empty(), found)
    }

    fn isolated(&self, these: &Names, those: &Names) -> (bool, String) {
        let numbers = |names: &Names| -> BTreeSet<u32> {
            self.named(names)
                .into_iter()
                .filter_map(|number| u32::try_from(number).ok())
                .collect()
        };
        let (these, those) = (numbers(these), numbers(those));
        let crossed = |from: &u32, to: &u32| {
            (these.contains(from) && those.contains(to))
                || (those.contains(from) && these.contains(to))
        };
        let leaks: Vec<_> = self
            .probes
            .iter()
            .filter(|(_, from, to)| crossed(from, to))
            .collect();
        let path = |number: u32| &self.machines[number as usize].path;
        match leaks.first() {
            None => (
                true,
                format!("none of {} probes", 2 * these.len() * those.len()),
            ),
            Some((_, from, to)) => {
                let found = format!(
                    "{} probes, such as from {} to {}",
                    leaks.len(),
                    path(*from),
                    path(*to)
                );
                (false, found)
            }
        }
    }

    fn active(&mut self, names: &Names) -> (bool, String) {
        let numbers = self.named(names);
        let wanted: Vec<usize> = numbers
            .into_iter()
            .filter(|number| self.machines[*number].on)
            .collect();
        let mut others = Vec::new();
        for number in &wanted {
            let port = &self.machines[*number].port;
            let answer = self.world.call("GET", &format!("/ports/{port}"), None);
            let status = answer.body["port"]["status"]
                .as_str()
                .unwrap_or("not to be had")
                .to_owned();
            if status != "ACTIVE" {
                others.push(format!("{} is {status}", self.machines[*number].path));
            }
        }
        let count = format!("{} of {} ports", wanted.len() - others.len(), wanted.len());
        let holds = others.is_empty() && !wanted.is_empty();
        others.truncate(NAMED);
        let found = if others.is_empty() {
            count
        } else {
            format!("{count}; {}", others.join(", "))
        };
        (holds, found)
    }

    fn fullest(&self, names: &Names, most: u64) -> (bool, String) {
        let hypervisors = self.scenario.cast.hypervisors(names);
        let flows = hypervisors
            .into_iter()
            .map(|at| (self.world.flows(self.hypervisors[at]) as u64, at));
        match flows.max() {
            None => (false, "no switch".to_owned()),
            Some((flows, at)) => {
                let name = self.scenario.cast.hypervisor_name(at);
                (flows <= most, format!("{} on {name}", unit::count(flows)))
            }
        }
    }
}

fn named<'a>(workloads: &'a [Workload], names: &'a Names) -> impl Iterator<Item = &'a Workload> {
    let is = |workload: &&Workload| {
        names
            .patterns
            .iter()
            .any(|pattern| pattern.matches(&workload.name))
    };
    workloads.iter().filter(is)
}

fn converged(changes: &[Change], figure: Figure, below: u64) -> (bool, String) {
    let missing = changes
        .iter()
        .filter(|change| change.took.is_none())
        .count();
    let Some(figures) = Figures::of(changes.iter().filter_map(|change| change.took)) else {
        return (false, "nothing was changed".to_owned());
    };
    let value = match figure {
        Figure::P50 => figures.p50,
        Figure::P90 => figures.p90,
        Figure::P99 => figures.p99,
        Figure::Max => figures.max,
    };
    let found = format!(
        "{} over {} changes",
        unit::time(value),
        unit::count(figures.count as u64)
    );
    match missing {
        0 => (value <= below, found),
        missing => (
            false,
            format!("{found}; {missing} never came to all switches"),
        ),
    }
}

/// An expectation in words.
fn described(expect: &Expect) -> String {
    if let Some(name) = &expect.name {
        return name.clone();
    }
    let at = |time: &Option<crate::scenario::value::Time>| {
        time.map_or_else(String::new, |time| format!(" at {}", unit::time(time.0)))
    };
    match &expect.what {
        Demand::Reach {
            what,
            to: None,
            at: when,
        } => format!("{} reach one another{}", list(&what.0), at(when)),
        Demand::Reach {
            what,
            to: Some(to),
            at: when,
        } => {
            format!(
                "{} and {} reach each other{}",
                list(&what.0),
                list(&to.0),
                at(when)
            )
        }
        Demand::Isolated { what, from } => {
            format!("{} and {} are isolated", list(&what.0), list(&from.0))
        }
        Demand::Convergence { what, below } => {
            format!(
                "convergence {} at most {}",
                what.word(),
                unit::time(below.0)
            )
        }
        Demand::Lost { what, most } => format!(
            "{}: at most {} lost",
            list(&what.0),
            unit::count(most.0 as u64)
        ),
        Demand::Gap { what, below } => {
            format!("{}: no gap above {}", list(&what.0), unit::time(below.0))
        }
        Demand::Finished { what } => format!("{}: all come to their end", list(&what.0)),
        Demand::Flows { what, most } => {
            format!(
                "at most {} flows on each of {}",
                unit::count(most.0 as u64),
                list(&what.0)
            )
        }
        Demand::Messages {
            what, most, after, ..
        } => {
            let after = unit::time(after.0);
            format!(
                "at most {} {} after {after}",
                unit::count(most.0 as u64),
                what.word()
            )
        }
        Demand::Active { what, at: when } => {
            format!("ports of {} are ACTIVE{}", list(&what.0), at(when))
        }
    }
}

fn list(names: &Names) -> String {
    let texts: Vec<&str> = names
        .patterns
        .iter()
        .map(|pattern| pattern.text.as_str())
        .collect();
    texts.join(", ")
}

const _: () = assert!(
    PROBING <= task::GRACE,
    "probes of the end have come when all is over"
);
