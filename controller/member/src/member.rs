//! The controller's own state machine: follows the log, compiles, tells switches what they lack,
//! answers packets, records what was observed.
//!
//! Inputs come from the log, from the connections' machines and from operators; what is to be done
//! comes out as [`Effect`]s. Nothing here waits: a write's outcome, a switch's answer come back as
//! inputs.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::net::IpAddr;
use std::sync::Arc;

use rust_openflow::message::{self, Received};
use rust_openflow::session::push::Refusal;
use rust_openflow::{DatapathId, GroupId, MeterId, PortNo, Version};
use weft_compiler::diff::{Difference, Installed};
use weft_compiler::lower::Item;
use weft_compiler::{Compiler, Content, Input as CompilerInput, Key, Production, Secret};
use weft_schema::observation::InterfaceRow;
use weft_schema::{LogEntry, Revision, State, WriteSet};
use weft_topology::{Change, ChassisId, Element, Index, InterfaceId, PortId};

use crate::answer::{self, Answer, answer};
use crate::hypervisor_link::{Inventory, PORT_NUMBERS};
pub use crate::notice::Notice;
use crate::observe::{Observations, Standing};
use crate::switch::{Outstanding, Refused, Switch, Sync, hold};
use crate::switch_link::Command;

/// Names an OpenFlow connection.
pub type SwitchId = u64;
/// Names an OVSDB connection.
pub type HypervisorId = u64;

/// How many times a push is tried again at once that failed for no flow's sake.
const RETRIES: u32 = 3;

/// After how many refused pushes in a row the next one goes message by message, so that the switch
/// names all that it refuses at once: of a bundle it names the first.
const BUNDLED_ROUNDS: u32 = 3;

/// How many refusals of one push are told one by one.
const REFUSALS_TOLD: usize = 16;

/// What a member is told.
#[derive(Debug)]
pub enum Input {
    /// The log went on.
    Entries(Vec<Arc<LogEntry>>),
    /// A hypervisor said what it has.
    Inventory {
        /// On which connection.
        link: HypervisorId,
        /// From where.
        peer: IpAddr,
        /// What.
        inventory: Box<Inventory>,
    },
    /// An OVSDB connection ended.
    HypervisorGone(HypervisorId),
    /// A switch is connected and has granted its role.
    SwitchUp {
        /// On which connection.
        link: SwitchId,
        /// From where.
        peer: IpAddr,
        /// Who it is.
        datapath: DatapathId,
        /// Which version is spoken.
        version: Version,
    },
    /// A switch said what it has.
    Read {
        /// On which connection.
        link: SwitchId,
        /// What.
        installed: Box<Installed>,
    },
    /// A push is over.
    Pushed {
        /// On which connection.
        link: SwitchId,
        /// Which.
        push: u64,
        /// What the switch refused.
        refusals: Vec<Refusal>,
    },
    /// A switch has a new port: what OVSDB tells as well, but only once the hypervisor has written it down.
    Port {
        /// On which connection.
        link: SwitchId,
        /// The interface's name.
        name: String,
        /// Its number.
        ofport: PortNo,
    },
    /// A switch handed up a packet.
    PacketIn {
        /// On which connection.
        link: SwitchId,
        /// The packet.
        packet: Box<Received>,
    },
    /// An OpenFlow connection ended.
    SwitchGone(SwitchId),
    /// A write is over.
    Written {
        /// Whose observations it was about.
        system_id: String,
        /// The entry that it made; none when it failed.
        revision: Option<Revision>,
    },
    /// It is that time now, in milliseconds of any moment: what failed is tried again.
    Tick(u64),
    /// It is time to look whether switches still have what they were told.
    Audit,
    /// An operator lets a held difference go.
    Release(ChassisId),
}

/// What a member wants done.
#[derive(Debug)]
pub enum Effect {
    /// Tell an OpenFlow connection.
    Switch(SwitchId, Command),
    /// End an OVSDB connection.
    CloseHypervisor(HypervisorId, String),
    /// Write observations.
    Write {
        /// Whose; to be named when it is over.
        system_id: String,
        /// What.
        write: WriteSet,
    },
    /// Tell the operators.
    Notice(Notice),
}

/// A connected hypervisor.
#[derive(Debug)]
struct Hypervisor {
    peer: IpAddr,
    inventory: Inventory,
}

/// What an installation decides for itself.
#[derive(Debug, Clone)]
pub struct Settings {
    /// What answers to packets need.
    pub answers: answer::Settings,
    /// The longest flood list that senders serve by themselves ([`weft_topology::FLOOD_DIRECT`]).
    pub flood_direct: u16,
    /// How many hypervisors may be known; when there are more already, they stay.
    pub max_hypervisors: usize,
}

/// The controller's state machine.
pub struct Member {
    pub(crate) compiler: Compiler<Production>,
    answers: answer::Settings,
    pub(crate) max_hypervisors: usize,
    pub(crate) revision: Revision,
    pub(crate) observations: Observations,
    hypervisors: BTreeMap<HypervisorId, Hypervisor>,
    pub(crate) by_system_id: BTreeMap<String, HypervisorId>,
    pub(crate) switches: BTreeMap<SwitchId, Switch>,
    pub(crate) by_chassis: BTreeMap<ChassisId, SwitchId>,
    /// Whose switch it is, as hypervisors say; more than one where a copied image or a lie is about.
    by_datapath: HashMap<DatapathId, Vec<ChassisId>>,
    /// How many flows the programs of switches have that were ever read.
    pub(crate) flows: HashMap<ChassisId, usize>,
    /// Switches that are to be audited, and those that an audit asked and that did not answer yet,
    /// with the time.
    pub(crate) due: BTreeSet<SwitchId>,
    pub(crate) auditing: BTreeMap<SwitchId, u64>,
    /// The revision since which an interface carries its port's flows as they are.
    since: HashMap<InterfaceId, Revision>,
    /// The same for interfaces that were there at the start.
    origin: Revision,
    faults: usize,
    next_push: u64,
    /// The time that was told last.
    pub(crate) now: u64,
    pub(crate) effects: Vec<Effect>,
}

impl Member {
    /// A member that knows the state of the log at its head.
    #[must_use]
    pub fn new(state: &State, settings: Settings) -> Self {
        let compiler = Compiler::new(Production, Secret::new(*state.secret()));
        let mut member = Self {
            compiler: compiler.with_flood_direct(settings.flood_direct),
            answers: settings.answers,
            max_hypervisors: settings.max_hypervisors,
            revision: state.revision(),
            observations: Observations::load(state),
            hypervisors: BTreeMap::new(),
            by_system_id: BTreeMap::new(),
            switches: BTreeMap::new(),
            by_chassis: BTreeMap::new(),
            by_datapath: HashMap::new(),
            flows: HashMap::new(),
            due: BTreeSet::new(),
            auditing: BTreeMap::new(),
            since: HashMap::new(),
            origin: state.revision(),
            faults: 0,
            next_push: 1,
            now: 0,
            effects: Vec::new(),
        };
        let changes = member.readable(weft_engine::topology::everything(state));
        member.learn_datapaths(&changes);
        member.compiler.update(CompilerInput {
            changes,
            ..CompilerInput::default()
        });
        member
    }

    /// Takes an input; what is to be done comes out in order.
    pub fn handle(&mut self, input: Input) -> Vec<Effect> {
        match input {
            Input::Entries(entries) => self.entries(&entries),
            Input::Inventory {
                link,
                peer,
                inventory,
            } => self.inventory(link, peer, *inventory),
            Input::HypervisorGone(link) => self.hypervisor_gone(link),
            Input::SwitchUp {
                link,
                peer,
                datapath,
                version,
            } => self.switch_up(link, Switch::new(peer, datapath, version)),
            Input::Read { link, installed } => {
                self.read(link, &installed);
                self.audited(link);
            }
            Input::Pushed {
                link,
                push,
                refusals,
            } => self.pushed(link, push, &refusals),
            Input::Port { link, name, ofport } => self.numbered(link, &name, ofport),
            Input::PacketIn { link, packet } => self.packet_in(link, &packet),
            Input::SwitchGone(link) => {
                self.switch_gone(link);
                self.audited(link);
            }
            Input::Written {
                system_id,
                revision,
            } => {
                self.observations
                    .written(&system_id, revision, self.revision);
                if revision.is_some() {
                    self.observe(&system_id);
                }
            }
            Input::Tick(now) => self.tick(now),
            Input::Audit => self.audit(),
            Input::Release(chassis) => self.release(&chassis),
        }
        std::mem::take(&mut self.effects)
    }

    /// The revision up to which everything was compiled.
    #[must_use]
    pub fn revision(&self) -> Revision {
        self.revision
    }

    /// The compiler, to look at.
    #[must_use]
    pub fn compiler(&self) -> &Compiler<Production> {
        &self.compiler
    }

    pub(crate) fn notice(&mut self, notice: Notice) {
        self.effects.push(Effect::Notice(notice));
    }

    fn readable(&mut self, changes: Vec<Result<Change, weft_schema::BadRow>>) -> Vec<Change> {
        changes
            .into_iter()
            .filter_map(|change| {
                change
                    .map_err(|error| self.notice(Notice::BadRow(error.to_string())))
                    .ok()
            })
            .collect()
    }

    // --- The log. ---

    fn entries(&mut self, entries: &[Arc<LogEntry>]) {
        let mut changes = Vec::new();
        let mut observed = BTreeSet::new();
        let mut touched = BTreeSet::new();
        for entry in entries {
            if entry.revision <= self.revision {
                continue;
            }
            self.revision = entry.revision;
            changes.extend(self.readable(weft_engine::topology::changes(entry)));
            touched.extend(self.observations.touched(entry));
            observed.extend(self.observations.apply(entry));
        }
        self.learn_datapaths(&changes);
        self.let_go_of_switches(&changes);
        let mut release = Vec::new();
        for change in &changes {
            match change {
                Change::Interface(interface, None) => _ = self.since.remove(interface),
                Change::Chassis(chassis, None) => {
                    self.flows.remove(chassis);
                    release.push(chassis.clone());
                    self.notice(Notice::HypervisorForgotten(chassis.clone()));
                }
                _ => {}
            }
        }
        // Only where a port was or is can a change make an interface's row another one.
        self.collect_places(&touched, &mut observed);
        let deltas = self.compiler.update(CompilerInput {
            changes,
            release,
            ..CompilerInput::default()
        });
        self.collect_places(&touched, &mut observed);
        for port in touched {
            for location in self.compiler.model().locations(port) {
                self.since.insert(location.interface.clone(), self.revision);
            }
        }
        self.report_faults();
        for (chassis, parts) in deltas {
            self.count_flows(&chassis, &parts);
            let difference = Difference::of_deltas(parts.iter().map(|part| &**part));
            if self.follow(&chassis, difference) {
                observed.insert(chassis.0.to_string());
            }
        }
        self.adopt_switches();
        for system_id in observed {
            self.observe(&system_id);
        }
    }

    /// The hypervisors on which these ports are.
    fn collect_places(&self, ports: &BTreeSet<PortId>, places: &mut BTreeSet<String>) {
        let model = self.compiler.model();
        let locations = ports.iter().flat_map(|port| model.locations(*port));
        places.extend(locations.map(|location| location.interface.chassis.0.to_string()));
    }

    fn report_faults(&mut self) {
        let faults = self.compiler.refused();
        if faults != self.faults {
            self.faults = faults;
            for fault in self.compiler.faults() {
                self.notice(Notice::Fault(fault.to_string()));
            }
        }
    }

    fn learn_datapaths(&mut self, changes: &[Change]) {
        for change in changes {
            if let Change::Chassis(id, chassis) = change {
                self.by_datapath.retain(|_, owners| {
                    owners.retain(|owner| owner != id);
                    !owners.is_empty()
                });
                if let Some(datapath) = chassis.as_ref().and_then(|chassis| chassis.datapath) {
                    self.by_datapath
                        .entry(datapath)
                        .or_default()
                        .push(id.clone());
                }
            }
        }
    }

    /// Lets go of switches that are not the ones any more that their hypervisors name. They connect
    /// anew, and belong to whoever names them then.
    fn let_go_of_switches(&mut self, changes: &[Change]) {
        for change in changes {
            let Change::Chassis(chassis, _) = change else {
                continue;
            };
            let Some(link) = self.by_chassis.get(chassis).copied() else {
                continue;
            };
            let datapath = self.switches.get(&link).map(|switch| switch.datapath);
            let owners = datapath.and_then(|datapath| self.by_datapath.get(&datapath));
            if !owners.is_some_and(|owners| owners.contains(chassis)) {
                self.switch_gone(link);
                self.effects.push(Effect::Switch(link, Command::Close));
            }
        }
    }

    /// Whose switch it is: of several hypervisors that say to have it, the one that speaks from where
    /// the switch does.
    fn owner(&self, switch: &Switch) -> Option<&ChassisId> {
        let from = |chassis: &&ChassisId| {
            let link = self.by_system_id.get(&*chassis.0);
            link.and_then(|link| self.hypervisors.get(link))
                .is_some_and(|hypervisor| hypervisor.peer == switch.peer)
        };
        match &self.by_datapath.get(&switch.datapath)?[..] {
            [owner] => Some(owner),
            owners => owners.iter().find(from),
        }
    }

    // --- Hypervisors. ---

    fn inventory(&mut self, link: HypervisorId, peer: IpAddr, inventory: Inventory) {
        let system_id = inventory.system_id.clone();
        let before = self.hypervisors.get(&link);
        if before.is_some_and(|before| before.inventory.system_id != system_id) {
            // It has another name now; under the old one nobody is there.
            self.hypervisor_gone(link);
        }
        if self.is_full_for(&system_id) {
            return self.refuse(link, &system_id, peer);
        }
        let holder = self
            .by_system_id
            .get(&system_id)
            .filter(|holder| **holder != link)
            .and_then(|holder| Some((*holder, self.hypervisors.get(holder)?)));
        if let Some((holder, held)) = holder {
            let held_from = held.peer;
            // Hypervisors behind one address are told apart by their databases.
            if held_from != peer || held.inventory.database != inventory.database {
                let chassis = ChassisId::from(system_id.as_str());
                let notice = Notice::DuplicateHypervisor {
                    chassis,
                    peer,
                    holder: held_from,
                };
                self.effects
                    .push(Effect::CloseHypervisor(link, notice.to_string()));
                self.notice(notice);
                return;
            }
            // The same host connected again before the end of its old connection was noticed.
            self.hypervisors.remove(&holder);
            self.effects.push(Effect::CloseHypervisor(
                holder,
                "replaced by a newer connection".to_owned(),
            ));
        }
        if self.by_system_id.insert(system_id.clone(), link) != Some(link) {
            self.notice(Notice::HypervisorUp(ChassisId::from(system_id.as_str())));
        }
        self.hypervisors
            .insert(link, Hypervisor { peer, inventory });
        self.adopt_switches();
        self.observe(&system_id);
    }

    fn hypervisor_gone(&mut self, link: HypervisorId) {
        let Some(hypervisor) = self.hypervisors.remove(&link) else {
            return;
        };
        let system_id = hypervisor.inventory.system_id;
        if self.by_system_id.get(&system_id) == Some(&link) {
            self.by_system_id.remove(&system_id);
            self.notice(Notice::HypervisorDown(ChassisId::from(system_id.as_str())));
        }
    }

    /// A switch gave a number to an interface: if OVSDB told of it and not of its number yet, that is it.
    fn numbered(&mut self, link: SwitchId, name: &str, ofport: PortNo) {
        let switch = self.switches.get(&link);
        let Some(chassis) = switch.and_then(|switch| switch.chassis.clone()) else {
            return;
        };
        let plugged = self
            .by_system_id
            .get(&*chassis.0)
            .and_then(|link| self.hypervisors.get_mut(link))
            .and_then(|hypervisor| hypervisor.inventory.interfaces.get_mut(name));
        if let Some(plugged) = plugged
            && plugged.ofport.is_none()
            && PORT_NUMBERS.contains(&ofport.0)
        {
            plugged.ofport = Some(ofport.0);
            self.observe(&chassis.0);
        }
    }

    /// Makes the log say what is seen of a hypervisor.
    pub(crate) fn observe(&mut self, system_id: &str) {
        let inventory = self
            .by_system_id
            .get(system_id)
            .and_then(|link| self.hypervisors.get(link))
            .map(|hypervisor| &hypervisor.inventory);
        let chassis = ChassisId::from(system_id);
        let switch = self
            .by_chassis
            .get(&chassis)
            .and_then(|link| self.switches.get(link));
        let acknowledged = switch.and_then(|switch| switch.acknowledged(self.revision));
        let (model, since) = (self.compiler.model(), &self.since);
        let standing = |row: &InterfaceRow| -> Option<Standing> {
            let acknowledged = acknowledged?;
            let port: PortId = row.port_id.parse().ok()?;
            let interface = InterfaceId {
                chassis: chassis.clone(),
                name: row.name.as_str().into(),
            };
            let located = model.location_on(port, &chassis).is_some_and(|location| {
                location.interface == interface && Some(location.ofport.0) == row.ofport
            });
            let since = since.get(&interface).copied().unwrap_or(self.origin);
            let error = switch.and_then(|switch| switch.errors.get(&port).cloned());
            Some(Standing {
                ready: located && error.is_none() && (row.ready || since <= acknowledged),
                error: error.filter(|_| located),
            })
        };
        if let Some(write) = self
            .observations
            .write(system_id, inventory, self.revision, standing)
        {
            self.effects.push(Effect::Write {
                system_id: system_id.to_owned(),
                write,
            });
        }
    }

    // --- Switches. ---

    fn switch_up(&mut self, link: SwitchId, switch: Switch) {
        self.switches.insert(link, switch);
        self.adopt_switches();
    }

    /// Begins to program switches of which it is known now whose they are.
    fn adopt_switches(&mut self) {
        let known: Vec<(SwitchId, ChassisId)> = self
            .switches
            .iter()
            .filter(|(_, switch)| switch.chassis.is_none())
            .filter_map(|(link, switch)| Some((*link, self.owner(switch)?.clone())))
            .collect();
        for (link, chassis) in known {
            self.adopt(link, chassis);
        }
    }

    fn adopt(&mut self, link: SwitchId, chassis: ChassisId) {
        let Some(peer) = self.switches.get(&link).map(|switch| switch.peer) else {
            return;
        };
        if let Some(old) = self.by_chassis.get(&chassis).copied() {
            let holder = self.switches.get(&old).map(|switch| switch.peer);
            if let Some(holder) = holder.filter(|holder| *holder != peer) {
                self.switches.remove(&link);
                self.effects.push(Effect::Switch(link, Command::Close));
                let notice = Notice::DuplicateSwitch {
                    chassis,
                    peer,
                    holder,
                };
                return self.notice(notice);
            }
            // The switch connected again before the end of its old connection was noticed.
            self.switches.remove(&old);
            self.effects.push(Effect::Switch(old, Command::Close));
        }
        self.by_chassis.insert(chassis.clone(), link);
        self.compiler.update(CompilerInput {
            manage: vec![chassis.clone()],
            ..CompilerInput::default()
        });
        self.notice(Notice::SwitchUp(chassis.clone()));
        if let Some(switch) = self.switches.get_mut(&link) {
            switch.chassis = Some(chassis);
            switch.sync = Sync::Reading;
            self.effects.push(Effect::Switch(link, Command::Read));
        }
    }

    fn switch_gone(&mut self, link: SwitchId) {
        let Some(chassis) = self
            .switches
            .remove(&link)
            .and_then(|switch| switch.chassis)
        else {
            return;
        };
        if self.by_chassis.get(&chassis) == Some(&link) {
            self.by_chassis.remove(&chassis);
            self.notice(Notice::SwitchDown(chassis));
        }
    }

    /// Tells a switch what the network's change means for it; true when it refuses less of its program
    /// from now on.
    fn follow(&mut self, chassis: &ChassisId, difference: Difference) -> bool {
        let Some(link) = self.by_chassis.get(chassis).copied() else {
            return false;
        };
        let Some(switch) = self.switches.get_mut(&link) else {
            return false;
        };
        let (sync, refused) = (switch.sync, switch.refused.len());
        let compiler = &self.compiler;
        switch.refused.retain(|key, refused| {
            compiler.content(chassis, *key).as_ref() == Some(&refused.content)
        });
        let less = switch.refused.len() < refused;
        if less {
            self.attribute_refusals(link);
        }
        match sync {
            Sync::Following => self.push(link, difference),
            Sync::Failed => self.try_again(link),
            _ => {}
        }
        less
    }

    fn push(&mut self, link: SwitchId, difference: Difference) {
        let (push, revision) = (self.next_push, self.revision);
        let Some(switch) = self.switches.get_mut(&link) else {
            return;
        };
        self.next_push += 1;
        switch.audit = false;
        switch.outstanding.push_back(Outstanding { push, revision });
        let apart = switch.rounds >= BUNDLED_ROUNDS;
        self.effects.push(Effect::Switch(
            link,
            Command::Push {
                push,
                difference: Box::new(difference),
                revision,
                apart,
            },
        ));
    }

    /// Holds what a switch has against its program.
    fn read(&mut self, link: SwitchId, installed: &Installed) {
        let Some((chassis, occasion)) =
            self.switches
                .get_mut(&link)
                .and_then(|switch| match switch.sync {
                    Sync::Reading => Some((switch.chassis.clone()?, Occasion::Arrival)),
                    Sync::Released => Some((switch.chassis.clone()?, Occasion::Release)),
                    // Something was pushed while the switch was answering: the next audit will tell.
                    Sync::Following
                        if std::mem::take(&mut switch.audit) && switch.outstanding.is_empty() =>
                    {
                        Some((switch.chassis.clone()?, Occasion::Audit))
                    }
                    _ => None,
                })
        else {
            return;
        };
        let program = self.compiler.program(&chassis);
        let mut difference = Difference::between(installed, &program);
        let flows = program
            .iter()
            .filter(|content| matches!(content, Content::Flow(_)))
            .count();
        self.flows.insert(chassis.clone(), flows);
        let Some(switch) = self.switches.get_mut(&link) else {
            return;
        };
        let mut news = difference.clone();
        switch.leave_out_refused(&mut news);
        if occasion == Occasion::Audit {
            switch.begin_anew();
        } else {
            let wanted: BTreeSet<Key> = difference.keys().collect();
            switch.refused.retain(|key, _| wanted.contains(key));
            difference = news.clone();
        }
        if occasion == Occasion::Audit && !news.is_empty() {
            self.notice(Notice::Repaired {
                chassis: chassis.clone(),
                missing: news.keys().count(),
                foreign: news.removals(),
            });
        } else if occasion != Occasion::Audit {
            if occasion == Occasion::Arrival
                && let Some(reason) = hold(installed, &difference, self.revision)
            {
                let notice = Notice::Held {
                    chassis,
                    flows: installed.flows(),
                    stale: difference.stale_flows.len() + difference.foreign.len(),
                    reason,
                };
                self.notice(notice);
                if let Some(switch) = self.switches.get_mut(&link) {
                    switch.sync = Sync::Held;
                }
                return;
            }
            self.notice(Notice::InOrder {
                chassis: chassis.clone(),
                flows,
                changed: difference.len(),
            });
        }
        let Some(switch) = self.switches.get_mut(&link) else {
            return;
        };
        switch.sync = Sync::Following;
        // Every push writes the marker, which protects the switch from a wrong database.
        let unmarked = installed.marker.is_none() && switch.refused.is_empty();
        if !difference.is_empty() || unmarked {
            self.push(link, difference);
        } else {
            switch.is_in_order();
            self.attribute_refusals(link);
        }
        self.observe(&chassis.0);
    }

    fn pushed(&mut self, link: SwitchId, push: u64, refusals: &[Refusal]) {
        let Some(switch) = self.switches.get_mut(&link) else {
            return;
        };
        switch
            .outstanding
            .retain(|outstanding| outstanding.push != push);
        let Some(chassis) = switch.chassis.clone() else {
            return;
        };
        if !refusals.is_empty() {
            self.refused(link, &chassis, refusals);
        }
        let Some(switch) = self.switches.get_mut(&link) else {
            return;
        };
        let in_error = !switch.errors.is_empty();
        if switch.outstanding.is_empty() {
            match switch.sync {
                Sync::Following => {
                    switch.is_in_order();
                    if in_error {
                        self.attribute_refusals(link);
                    }
                }
                // What it has now is not known; it is asked, and told again without what it refuses.
                // Earlier it could answer for a time before its last pushes.
                Sync::Draining => {
                    switch.sync = Sync::Reading;
                    self.effects.push(Effect::Switch(link, Command::Read));
                }
                Sync::Failed if switch.retry_at <= self.now => self.look_again(link),
                _ => {}
            }
        }
        // Most pushes acknowledge what no interface waits for.
        if in_error || !self.observations.is_settled(&chassis.0) {
            self.observe(&chassis.0);
        }
    }

    /// Takes note of what a switch refused, and decides how to go on.
    fn refused(&mut self, link: SwitchId, chassis: &ChassisId, refusals: &[Refusal]) {
        let found = self.find_refused(chassis, refusals);
        let Some(switch) = self.switches.get_mut(&link) else {
            return;
        };
        let mut notices = Vec::new();
        let mut explained = false;
        for (refusal, content) in refusals.iter().zip(found) {
            let words = refusal.error.to_string();
            notices.push(match &content {
                Some(Content::Flow(flow)) => Notice::Refused {
                    chassis: chassis.clone(),
                    cookie: flow.cookie,
                    words: words.clone(),
                },
                _ => Notice::PushRefused {
                    chassis: chassis.clone(),
                    words: words.clone(),
                },
            });
            if let Some(content) = content {
                let key = content.key();
                explained |= switch
                    .refused
                    .insert(key, Refused { content, words })
                    .is_none();
            }
        }
        if switch.sync == Sync::Following {
            switch.rounds += 1;
            switch.retries += u32::from(!explained);
            if switch.retries > RETRIES {
                switch.fail(self.now);
            } else {
                switch.sync = Sync::Draining;
            }
        }
        let untold = notices.len().saturating_sub(REFUSALS_TOLD);
        notices.truncate(REFUSALS_TOLD);
        if untold > 0 {
            notices.push(Notice::PushRefused {
                chassis: chassis.clone(),
                words: format!("{untold} more refusals"),
            });
        }
        for notice in notices {
            self.notice(notice);
        }
        self.attribute_refusals(link);
    }

    /// What of a switch's program each refusal is about.
    fn find_refused(&self, chassis: &ChassisId, refusals: &[Refusal]) -> Vec<Option<Content>> {
        let cookies: HashSet<u64> = refusals
            .iter()
            .filter_map(|refusal| refusal.cookie)
            .collect();
        let mut flows = HashMap::new();
        if !cookies.is_empty() {
            for content in self.compiler.program(chassis) {
                if let Content::Flow(flow) = &content
                    && cookies.contains(&flow.cookie)
                {
                    flows.insert(flow.cookie, content);
                }
            }
        }
        refusals
            .iter()
            .map(|refusal| match refusal.cookie {
                Some(cookie) => flows.get(&cookie).cloned(),
                None => self
                    .compiler
                    .content(chassis, number_in(&refusal.error.data)?),
            })
            .collect()
    }

    /// Finds the ports whose flows a switch refused.
    fn attribute_refusals(&mut self, link: SwitchId) {
        let Some(switch) = self.switches.get(&link) else {
            return;
        };
        let Some(chassis) = &switch.chassis else {
            return;
        };
        let mut items: BTreeMap<&Item, &str> = BTreeMap::new();
        for (key, refused) in &switch.refused {
            for (item, _) in self.compiler.emitters(*key) {
                items.entry(item).or_insert(&refused.words);
            }
        }
        let mut errors = BTreeMap::new();
        for (item, words) in items {
            for port in self.ports_of(item, chassis) {
                errors.entry(port).or_insert_with(|| words.to_owned());
            }
        }
        if let Some(switch) = self.switches.get_mut(&link) {
            switch.errors = errors;
        }
    }

    /// The ports of a hypervisor that suffer when an item's flow is missing.
    fn ports_of(&self, item: &Item, chassis: &ChassisId) -> Vec<PortId> {
        let model = self.compiler.model();
        let local = model
            .elements(&Index::LocalPorts(chassis.clone()))
            .filter_map(|element| match element {
                Element::Port(port) => Some(*port),
                _ => None,
            });
        match (item.port(), item.network()) {
            (Some(port), _) => local.filter(|local| *local == port).collect(),
            (None, Some(network)) => local
                .filter(|local| {
                    model
                        .port(*local)
                        .is_some_and(|port| port.network == network)
                })
                .collect(),
            (None, None) => local.collect(),
        }
    }

    /// What becomes of a packet that a hypervisor's switch hands up; none when it is not one that Weft asked for.
    #[must_use]
    pub fn would_answer(&self, chassis: &ChassisId, packet: &Received) -> Option<Answer> {
        answer(self.compiler.model(), &self.answers, chassis, packet)
    }

    fn packet_in(&mut self, link: SwitchId, packet: &Received) {
        let Some(chassis) = self
            .switches
            .get(&link)
            .and_then(|switch| switch.chassis.clone())
        else {
            return;
        };
        let Some(mut answer) = self.would_answer(&chassis, packet) else {
            self.notice(Notice::Unanswered(chassis));
            return;
        };
        if let Some(packet) = answer.packet() {
            self.effects
                .push(Effect::Switch(link, Command::PacketOut(Box::new(packet))));
        }
        self.notice(Notice::Answered {
            port: answer.port,
            service: answer.service,
            event: answer.event,
        });
    }

    fn release(&mut self, chassis: &ChassisId) {
        let Some(link) = self.by_chassis.get(chassis).copied() else {
            return;
        };
        let Some(switch) = self.switches.get_mut(&link) else {
            return;
        };
        if !matches!(switch.sync, Sync::Held) {
            return;
        }
        // The network may have changed since: the program of now is what it gets.
        switch.sync = Sync::Released;
        self.effects.push(Effect::Switch(link, Command::Read));
    }
}

/// Why a switch was asked what it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Occasion {
    /// It is not known what it has.
    Arrival,
    /// An operator let go what was held.
    Release,
    /// It was in order when last heard of.
    Audit,
}

/// The group or meter that a refused message is about, read from the bytes that the error carries
/// back; both have their number at the same place (OpenFlow 1.5.1, 7.3.4.3 and 7.3.4.5).
fn number_in(data: &[u8]) -> Option<Key> {
    const GROUP_MOD: u8 = 15;
    const METER_MOD: u8 = 29;
    const NUMBER: usize = 12;
    let message = message::bundled(data).unwrap_or(data);
    let number = u32::from_be_bytes(*message.get(NUMBER..)?.first_chunk()?);
    match message::Header::peek(message)?.kind {
        GROUP_MOD => Some(Key::Group(GroupId(number))),
        METER_MOD => Some(Key::Meter(MeterId(number))),
        _ => None,
    }
}
