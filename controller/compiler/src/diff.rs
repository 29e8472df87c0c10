//! What a switch that has something must be told so that it has its program.
//!
//! A flow is there when its cookie is; groups and meters are compared by description. Whether a flow
//! with the right cookie also says the right thing is the audit's question, not asked here.

use std::collections::BTreeMap;
use std::sync::Arc;

use hashbrown::HashSet;
use rust_openflow::message::{FlowCommand, FlowMod, FlowStats, GroupMod, MeterMod};
use rust_openflow::{Field, GroupId, MeterId};

use crate::content::{self, Content, Flow, Key, Secret};
use crate::engine::Delta;
use crate::marker;
use crate::pipeline::Stage;

/// The last port number that Open vSwitch gives out by itself; tunnels and reserved ports have others.
const LAST_PORT: u32 = 32_767;

/// What a switch says that it has.
#[derive(Debug, Clone, Default)]
pub struct Installed {
    /// The cookies of its flows that say what their cookies say.
    pub cookies: HashSet<u64>,
    /// Its other flows, as their removals: made or changed by somebody else.
    pub foreign: Vec<FlowMod>,
    /// The revision up to which this installation programmed it; none when it never did.
    pub marker: Option<u64>,
    /// How many of its ports it serves, by whose flows ever: those that its first table knows.
    pub ports: usize,
    /// Its groups, as additions.
    pub groups: BTreeMap<GroupId, GroupMod>,
    /// Its meters, as additions.
    pub meters: BTreeMap<MeterId, MeterMod>,
}

impl Installed {
    /// Takes note of a flow that the switch has.
    pub fn add_flow(&mut self, secret: &Secret, flow: FlowStats) {
        if let Some(revision) = marker::revision(secret, &flow) {
            self.marker = Some(revision);
            return;
        }
        let of_port = flow.matches.get(Field::InPort);
        if flow.table == Stage::Classify.table()
            && of_port.is_some_and(|asked| asked.value <= u128::from(LAST_PORT))
        {
            self.ports += 1;
        }
        let mut matches = flow.matches;
        matches.split_registers();
        matches.sort();
        let hashes = content::hashes(
            secret,
            flow.table,
            flow.priority,
            &matches,
            &flow.instructions,
        );
        if hashes.is_ok_and(|(_, cookie)| cookie == flow.cookie) {
            self.cookies.insert(flow.cookie);
        } else {
            self.foreign.push(FlowMod {
                priority: flow.priority,
                command: FlowCommand::DELETE_STRICT,
                ..FlowMod::delete(flow.table, matches, 0)
            });
        }
    }

    /// How many flows there are.
    #[must_use]
    pub fn flows(&self) -> usize {
        self.cookies.len() + self.foreign.len()
    }
}

/// Everything that a switch must be told, in the order in which it is to be told: meters, groups,
/// flows in, flows out, groups out, meters out (a group or meter that goes takes flows with it).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Difference {
    /// Meters that are new, and whether one is there already.
    pub meters: Vec<(Arc<MeterMod>, bool)>,
    /// Groups that are new, and whether one is there already.
    pub groups: Vec<(Arc<GroupMod>, bool)>,
    /// Removals of flows that somebody else made or changed; they go first.
    pub foreign: Vec<FlowMod>,
    /// Flows that are new.
    pub flows: Vec<Arc<Flow>>,
    /// Cookies of flows that go.
    pub stale_flows: Vec<u64>,
    /// Groups that go.
    pub stale_groups: Vec<GroupId>,
    /// Meters that go.
    pub stale_meters: Vec<MeterId>,
}

impl Difference {
    /// Whether there is nothing to tell.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// How many things are to be changed.
    #[must_use]
    pub fn len(&self) -> usize {
        self.meters.len() + self.groups.len() + self.flows.len() + self.removals()
    }

    /// How many things are to go.
    #[must_use]
    pub fn removals(&self) -> usize {
        self.foreign.len()
            + self.stale_flows.len()
            + self.stale_groups.len()
            + self.stale_meters.len()
    }

    /// The keys of what is to come in.
    pub fn keys(&self) -> impl Iterator<Item = Key> {
        let meters = self.meters.iter().map(|(meter, _)| Key::Meter(meter.meter));
        let groups = self.groups.iter().map(|(group, _)| Key::Group(group.group));
        let flows = self.flows.iter().map(|flow| Key::Flow(flow.key));
        meters.chain(groups).chain(flows)
    }

    /// What parts of a delta amount to, in an order that follows from the content alone: switches of one history are told
    /// the same bytes.
    pub fn of_deltas<'a>(parts: impl IntoIterator<Item = &'a Delta>) -> Self {
        let mut difference = Self::default();
        for delta in parts {
            for content in &delta.set {
                let replaced = delta.replaced.contains(&content.key());
                match content {
                    Content::Flow(flow) => difference.flows.push(flow.clone()),
                    Content::Group(group) => difference.groups.push((group.clone(), replaced)),
                    Content::Meter(meter) => difference.meters.push((meter.clone(), replaced)),
                }
            }
            for content in &delta.removed {
                match content {
                    Content::Flow(flow) => difference.stale_flows.push(flow.cookie),
                    Content::Group(group) => difference.stale_groups.push(group.group),
                    Content::Meter(meter) => difference.stale_meters.push(meter.meter),
                }
            }
        }
        difference.flows.sort_by_key(|flow| (flow.stage, flow.key));
        difference.groups.sort_by_key(|(group, _)| group.group);
        difference.meters.sort_by_key(|(meter, _)| meter.meter);
        difference.stale_flows.sort_unstable();
        difference.stale_groups.sort_unstable();
        difference.stale_meters.sort_unstable();
        difference
    }

    /// What lies between what a switch has and its program.
    #[must_use]
    pub fn between(installed: &Installed, program: &[Content]) -> Self {
        let mut difference = Self {
            foreign: installed.foreign.clone(),
            ..Self::default()
        };
        let mut wanted_cookies = HashSet::new();
        let mut wanted_groups = HashSet::new();
        let mut wanted_meters = HashSet::new();
        for content in program {
            match content {
                Content::Flow(flow) => {
                    wanted_cookies.insert(flow.cookie);
                    if !installed.cookies.contains(&flow.cookie) {
                        difference.flows.push(flow.clone());
                    }
                }
                Content::Group(group) => {
                    wanted_groups.insert(group.group);
                    let there = installed.groups.get(&group.group);
                    if there != Some(group) {
                        difference.groups.push((group.clone(), there.is_some()));
                    }
                }
                Content::Meter(meter) => {
                    wanted_meters.insert(meter.meter);
                    let there = installed.meters.get(&meter.meter);
                    if there != Some(meter) {
                        difference.meters.push((meter.clone(), there.is_some()));
                    }
                }
            }
        }
        difference.stale_flows = installed
            .cookies
            .iter()
            .copied()
            .filter(|cookie| !wanted_cookies.contains(cookie))
            .collect();
        difference.stale_flows.sort_unstable();
        difference.stale_groups = installed
            .groups
            .keys()
            .copied()
            .filter(|id| !wanted_groups.contains(id))
            .collect();
        difference.stale_meters = installed
            .meters
            .keys()
            .copied()
            .filter(|id| !wanted_meters.contains(id))
            .collect();
        difference
    }
}
