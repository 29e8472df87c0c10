//! What can be seen of a world: who has what, what was counted, and whether switches have what they should.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use rust_openflow::message::{FlowMod, FlowStats, GroupDesc, MeterConfig};
use rust_openflow::text::{self, Names};
use rust_openflow::{GroupId, MeterId, TableId, Version};
use weft_compiler::{Compiler, Content, Input, Production, Secret, marker};
use weft_member::status::{self, SwitchStatus};
use weft_member::{Member, Notice};
use weft_schema::observation::{self, InterfaceRow};
use weft_schema::{LogEntry, Revision, State};
use weft_switch::Switch;
use weft_topology::ChassisId;

use super::connection::{Protocol, Traffic};
use super::hypervisor::HypervisorId;
use super::machine::Contents;
use super::{SECOND, World};

/// What was counted in a world.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Write sets of observations.
    pub writes: u64,
    /// Pushes to switches.
    pub pushes: u64,
    /// Packets that came to the controller.
    pub packet_ins: u64,
    /// Frames that what is plugged in sent.
    pub frames_sent: u64,
    /// Frames that went into a tunnel and were not lost in it.
    pub tunnelled: u64,
    /// Frames that what is plugged in got.
    pub frames_delivered: u64,
    /// Frames that were lost between what is plugged in: by the underlay, or where nobody was. What switches drop is not
    /// among them.
    pub frames_lost: u64,
    /// Events.
    pub events: u64,
}

/// How a switch is not what it should be. Flows are in the words of `ovs-ofctl`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Difference {
    /// The hypervisor.
    pub hypervisor: String,
    /// What it lacks.
    pub missing: Vec<String>,
    /// What it has and should not.
    pub foreign: Vec<String>,
}

impl World {
    // --- Names. ---

    /// The hypervisors, in the order in which they came.
    pub fn hypervisors(&self) -> impl Iterator<Item = HypervisorId> + use<> {
        self.hypervisor_ids()
    }

    /// A hypervisor by its name.
    #[must_use]
    pub fn hypervisor(&self, name: &str) -> Option<HypervisorId> {
        self.by_name.get(name).copied()
    }

    /// A hypervisor's name.
    #[must_use]
    pub fn name(&self, id: HypervisorId) -> &str {
        &self.hypervisors[id.0].name
    }

    /// A hypervisor's address.
    #[must_use]
    pub fn address(&self, id: HypervisorId) -> std::net::IpAddr {
        self.hypervisors[id.0].address
    }

    /// The names of what is plugged into a hypervisor.
    pub fn interfaces(&self, id: HypervisorId) -> impl Iterator<Item = &str> {
        self.hypervisors[id.0].interfaces.keys().map(String::as_str)
    }

    // --- What is there. ---

    /// Looks at the state at the head of the log.
    pub fn state<T>(&self, reader: impl FnOnce(&State) -> T) -> T {
        self.database.store.read(reader)
    }

    /// The head of the log.
    #[must_use]
    pub fn head(&self) -> Revision {
        self.state(State::revision)
    }

    /// The controller's member, while it runs.
    #[must_use]
    pub fn member(&self) -> Option<&Member> {
        self.process.as_ref().map(|process| &process.member)
    }

    /// A hypervisor's switch, when it carries packets.
    #[must_use]
    pub fn switch(&self, id: HypervisorId) -> Option<&Switch> {
        self.hypervisors[id.0].machine.as_ref()?.full()
    }

    /// The same, to change it behind the controller's back.
    pub fn switch_mut(&mut self, id: HypervisorId) -> Option<&mut Switch> {
        self.hypervisors[id.0].machine.as_mut()?.full_mut()
    }

    /// How many flows a switch has.
    #[must_use]
    pub fn flows(&self, id: HypervisorId) -> usize {
        self.hypervisors[id.0]
            .machine
            .as_ref()
            .map_or(0, |machine| machine.flows())
    }

    /// What was said over a hypervisor's connections of a protocol.
    #[must_use]
    pub fn traffic(&self, id: HypervisorId, protocol: Protocol) -> Traffic {
        self.hypervisors[id.0]
            .traffic
            .get(&protocol)
            .copied()
            .unwrap_or_default()
    }

    /// How many flow-mods a switch was sent, in bundles or not.
    #[must_use]
    pub fn flow_mods(&self, id: HypervisorId) -> u64 {
        self.hypervisors[id.0].flow_mods
    }

    /// Whether a hypervisor has a connection, as far as it knows.
    #[must_use]
    pub fn is_connected(&self, id: HypervisorId, protocol: Protocol) -> bool {
        self.connection_of(id, protocol).is_some()
    }

    /// What was counted.
    #[must_use]
    pub fn counts(&self) -> Counts {
        Counts {
            events: self.queue.total(),
            ..self.counts
        }
    }

    /// What the controller said, with the times.
    #[must_use]
    pub fn notices(&self) -> &[(u64, Notice)] {
        &self.notices
    }

    /// Since when an interface is ready: its switch has acknowledged its port's flows, and the log says so.
    #[must_use]
    pub fn ready_since(&self, id: HypervisorId, interface: &str) -> Option<u64> {
        self.ready.get(&(id, interface.to_owned())).copied()
    }

    pub(super) fn observe_entry(&mut self, entry: &LogEntry) {
        for change in &entry.rows {
            if &*change.key.kind != observation::INTERFACE {
                continue;
            }
            let Some((name, interface)) = change.key.id.rsplit_once('/') else {
                continue;
            };
            let Some(id) = self.hypervisor(name) else {
                continue;
            };
            let row = change
                .after
                .as_ref()
                .map(|body| InterfaceRow::read(&change.key, body));
            let key = (id, interface.to_owned());
            match row {
                Some(Ok(row)) if row.ready => _ = self.ready.entry(key).or_insert(self.now),
                _ => _ = self.ready.remove(&key),
            }
        }
    }

    // --- Convergence. ---

    /// The hypervisors whose switches have acknowledged a revision.
    #[must_use]
    pub fn converged(&self, revision: Revision) -> BTreeSet<HypervisorId> {
        let statuses = self
            .member()
            .map(Member::switch_statuses)
            .unwrap_or_default();
        let has = |status: &SwitchStatus| {
            let acknowledged = status
                .acknowledged
                .filter(|acknowledged| *acknowledged >= revision);
            acknowledged.filter(|_| status.state == IN_ORDER)
        };
        let having = statuses.iter().filter(|status| has(status).is_some());
        having
            .filter_map(|status| self.hypervisor(&status.system_id))
            .collect()
    }

    /// Whether every hypervisor that has power is connected, and its switch has the head of the log.
    #[must_use]
    pub fn is_converged(&self) -> bool {
        let converged = self.converged(self.head());
        self.hypervisor_ids()
            .filter(|id| self.hypervisors[id.0].power)
            .all(|id| converged.contains(&id))
    }

    /// Lets the world go by until [`World::is_converged`]; false when it is not within `limit` microseconds.
    pub fn converge(&mut self, limit: u64) -> bool {
        let end = self.now.saturating_add(limit);
        loop {
            while self.queue.is_busy() {
                if !self.step(end) {
                    return self.is_converged();
                }
            }
            if self.is_converged() {
                return true;
            }
            if self.now >= end {
                return false;
            }
            // What comes now, time brings: a second try, a probe.
            self.run_until(end.min(self.now + SECOND / 10));
        }
    }

    // --- Whether it is right. ---

    /// Holds every connected switch against what the compiler makes of the log's state from nothing.
    ///
    /// # Errors
    /// The differences, one for each switch that has any.
    pub fn check(&self) -> Result<(), Vec<Difference>> {
        let connected = |id: &HypervisorId| self.is_connected(*id, Protocol::OpenFlow);
        self.check_all(&self.hypervisor_ids().filter(connected).collect::<Vec<_>>())
    }

    /// The same for these, connected or not.
    ///
    /// # Errors
    /// The differences.
    pub fn check_all(&self, ids: &[HypervisorId]) -> Result<(), Vec<Difference>> {
        let (compiler, marker) = self.state(|state| {
            let secret = Secret::new(*state.secret());
            let marker = marker::cookie(&secret);
            let compiler = Compiler::new(Production, secret);
            let mut compiler = compiler.with_flood_direct(self.settings.member.flood_direct);
            let changes = weft_engine::topology::everything(state);
            compiler.update(Input {
                changes: changes.into_iter().flatten().collect(),
                manage: ids
                    .iter()
                    .map(|id| ChassisId::from(self.name(*id)))
                    .collect(),
                ..Input::default()
            });
            (compiler, marker)
        });
        let differences: Vec<Difference> = ids
            .iter()
            .filter_map(|id| {
                let program = compiler.program(&ChassisId::from(self.name(*id)));
                let wanted = program
                    .iter()
                    .map(|one| Thing::wanted(one).named())
                    .collect();
                let machine = self.hypervisors[id.0].machine.as_ref();
                let has = machine.map(|machine| things(machine.contents(), marker));
                difference(self.name(*id), &wanted, &has.unwrap_or_default())
            })
            .collect();
        match differences.is_empty() {
            true => Ok(()),
            false => Err(differences),
        }
    }
}

/// The state of a switch that lacks nothing.
const IN_ORDER: &str = "in order";

/// What makes something one thing to a switch.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Name {
    Flow(TableId, u16, Bytes),
    Group(GroupId),
    Meter(MeterId),
}

/// Something that a switch has.
#[derive(Debug, Clone, PartialEq)]
enum Thing {
    /// As if it were told anew.
    Flow(FlowMod),
    Group(GroupDesc),
    Meter(MeterConfig),
}

type Things = BTreeMap<Name, Thing>;

impl Thing {
    fn flow(mut flow: FlowMod) -> Self {
        flow.matches.sort();
        Self::Flow(flow)
    }

    /// A flow as a switch tells it.
    fn told(flow: &FlowStats) -> Self {
        let (matches, instructions) = (flow.matches.clone(), flow.instructions.clone());
        Self::flow(FlowMod {
            idle_timeout: flow.idle_timeout,
            hard_timeout: flow.hard_timeout,
            importance: flow.importance,
            flags: flow.flags,
            ..FlowMod::add(
                flow.table,
                flow.priority,
                matches,
                instructions,
                flow.cookie,
            )
        })
    }

    /// What the compiler wants a switch to have.
    fn wanted(content: &Content) -> Self {
        match content {
            Content::Flow(flow) => Self::flow(flow.decode()),
            Content::Group(group) => Self::Group(GroupDesc {
                kind: group.kind,
                group: group.group,
                buckets: group.buckets.clone(),
                properties: group.properties.clone(),
            }),
            Content::Meter(meter) => Self::Meter(MeterConfig {
                flags: meter.flags,
                meter: meter.meter,
                bands: meter.bands.clone(),
            }),
        }
    }

    fn named(self) -> (Name, Self) {
        let name = match &self {
            Self::Flow(flow) => {
                // What cannot be said in 1.5 cannot be said at all, and no switch has it.
                let matches = flow.matches.to_bytes(Version::V1_5).unwrap_or_default();
                Name::Flow(flow.table, flow.priority, matches)
            }
            Self::Group(group) => Name::Group(group.group),
            Self::Meter(meter) => Name::Meter(meter.meter),
        };
        (name, self)
    }

    /// In words.
    fn text(&self, names: &Names) -> String {
        match self {
            Self::Flow(flow) => text::print_flow(&text::Flow::from(flow.clone()), names),
            Self::Group(group) => format!("{group:?}"),
            Self::Meter(meter) => format!("{meter:?}"),
        }
    }
}

/// What a switch has, without the controller's marker.
fn things(contents: Contents, marker: u64) -> Things {
    let Contents {
        flows,
        groups,
        meters,
    } = contents;
    let flows = flows.iter().filter(|flow| flow.cookie != marker);
    flows
        .map(Thing::told)
        .chain(groups.into_iter().map(Thing::Group))
        .chain(meters.into_iter().map(Thing::Meter))
        .map(Thing::named)
        .collect()
}

fn difference(hypervisor: &str, wanted: &Things, has: &Things) -> Option<Difference> {
    if wanted == has {
        return None;
    }
    let names = status::stage_names();
    let lacking = |things: &Things, others: &Things| {
        let lacking = things
            .iter()
            .filter(|(name, thing)| others.get(name) != Some(thing));
        lacking.map(|(_, thing)| thing.text(&names)).collect()
    };
    Some(Difference {
        hypervisor: hypervisor.to_owned(),
        missing: lacking(wanted, has),
        foreign: lacking(has, wanted),
    })
}
