//! What happens in a scenario: events of the file become faults of the world, states of the underlay, calls of the API.

use serde_json::{Map, Value, json};
use weft_engine::Request;

use super::stage::{port, text};
use super::{Net, Player};
use crate::host::Announcement;
use crate::scenario::cast::{Element, numbered};
use crate::scenario::keys::{Action, Event};
use crate::scenario::value::{Attributes, Creation, Health, Names};
use crate::world::{self, Attachment, Caller, Fault, HypervisorId, Protocol};

/// Something that is to be done at a time.
pub(super) enum Deed {
    /// An event of the file, the number of times that it has happened before.
    Event(usize, usize),
    /// What was wrong becomes right.
    Mend(String, Vec<Mend>),
    /// A machine that was taken out is plugged in elsewhere.
    Arrive(usize, HypervisorId, Box<dyn Attachment>),
    /// A workload begins.
    Begin(usize),
    /// An expectation is asked for.
    Ask(usize),
    /// Its answers are looked at.
    Judge(usize),
    /// What an expectation is about is counted from now on.
    Count(usize),
    /// The scenario is over.
    End,
}

/// A thing that becomes right.
#[derive(Debug, Clone)]
pub(super) enum Mend {
    /// Something of the underlay.
    Element(Element),
    /// Something of the world.
    Fault(Fault),
}

/// What the answer to a call is for.
#[derive(Debug, Clone)]
pub(super) enum Purpose {
    /// Nothing but to know that it was done.
    Done(String),
    /// A network that is there then.
    Network(String, String),
    /// A machine that boots then, or a port alone.
    Port {
        path: String,
        hypervisor: Option<HypervisorId>,
    },
}

impl Player<'_> {
    /// Plans every event, as often as it happens.
    pub(super) fn plan_events(&mut self) {
        for (at, event) in self.scenario.file.event.iter().enumerate() {
            let every = event.every.map_or(0, |every| every.0);
            for number in 0..event.times.0 {
                let jitter = self.dice.below(event.jitter.0.saturating_add(1));
                let later = every.saturating_mul(number as u64).saturating_add(jitter);
                self.plan(event.at.0.saturating_add(later), Deed::Event(at, number));
            }
        }
    }

    pub(super) fn perform(&mut self, deed: Deed) {
        match deed {
            Deed::Event(at, number) => {
                let scenario = self.scenario;
                if let Some(event) = scenario.file.event.get(at) {
                    self.happen(event, number);
                }
            }
            Deed::Mend(what, mends) => {
                for mend in mends {
                    match mend {
                        Mend::Element(element) => self.set(element, true),
                        Mend::Fault(fault) => self.world.inject(&fault),
                    }
                }
                self.note(what, false);
            }
            Deed::Arrive(number, hypervisor, guest) => self.arrive(number, hypervisor, guest),
            Deed::Begin(workload) => self.begin(workload),
            Deed::Ask(expect) => self.ask_for(expect),
            Deed::Judge(expect) => self.judge(expect),
            Deed::Count(expect) => self.count(expect),
            Deed::End => {}
        }
    }

    fn happen(&mut self, event: &Event, number: usize) {
        let any = event.any.map(|any| any.0);
        match &event.what {
            Action::Boot { what } => {
                let machines = self.drawn(&what.0, any);
                self.note(format!("boot: {}", self.listed(&machines)), false);
                for machine in machines {
                    if let Err(failure) = self.boot(machine) {
                        self.note(failure.to_string(), true);
                    }
                }
            }
            Action::Stop { what } => {
                let machines = self.drawn(&what.0, any);
                self.note(format!("stop: {}", self.listed(&machines)), false);
                for machine in machines {
                    self.stop(machine);
                }
            }
            Action::Migrate { what, to, downtime } => {
                let to = to.as_ref().map(|to| self.scenario.cast.hypervisors(&to.0));
                for (turn, machine) in (number..).zip(self.drawn(&what.0, any)) {
                    self.migrate(machine, to.as_deref(), turn, downtime.0);
                }
            }
            Action::Down { what, r#for } => {
                let elements = self.scenario.cast.elements(&what.0);
                let elements = self.draw(elements, any);
                self.note(format!("down: {}", self.elements_listed(&elements)), true);
                for element in &elements {
                    self.set(*element, false);
                }
                if let Some(lasting) = r#for {
                    let what = format!("up: {}", self.elements_listed(&elements));
                    let mends = elements.into_iter().map(Mend::Element).collect();
                    self.mend_after(lasting.0, what, mends);
                }
            }
            Action::Up { what } => {
                let elements = self.scenario.cast.elements(&what.0);
                let elements = self.draw(elements, any);
                self.note(format!("up: {}", self.elements_listed(&elements)), false);
                for element in elements {
                    self.set(element, true);
                }
            }
            Action::Crash { what, r#for } => self.crash(&what.0, any, r#for.0),
            Action::Database { what, r#for, delay } => {
                let (wrong, right) = match what {
                    Health::Down => (
                        Fault::Database(world::Health::Down),
                        Fault::Database(world::Health::Up),
                    ),
                    Health::Slow => (
                        Fault::CommitDelay(delay.from..=delay.to),
                        Fault::CommitDelay(self.world.settings().delays.commit.clone()),
                    ),
                };
                self.world.inject(&wrong);
                self.note(format!("database: {}", what.word()), true);
                let mends = vec![Mend::Fault(right)];
                self.mend_after(r#for.0, "database: as before".to_owned(), mends);
            }
            Action::Cut { what } => {
                let chosen = self.chosen(&what.0, any);
                self.note(format!("cut: {}", self.names(&chosen)), true);
                for id in chosen {
                    for protocol in Protocol::ALL {
                        self.world.inject(&Fault::Cut(id, protocol));
                    }
                }
            }
            Action::Stall { what, r#for } => {
                let chosen = self.chosen(&what.0, any);
                let names = self.names(&chosen);
                self.note(format!("stall: {names}"), true);
                let both = || {
                    chosen
                        .iter()
                        .flat_map(|id| Protocol::ALL.map(|protocol| (*id, protocol)))
                };
                for (id, protocol) in both() {
                    self.world.inject(&Fault::Stall(id, protocol));
                }
                let mends = both().map(|(id, protocol)| Mend::Fault(Fault::Resume(id, protocol)));
                let mends = mends.collect();
                self.mend_after(r#for.0, format!("goes on: {names}"), mends);
            }
            Action::Create {
                what,
                r#in,
                name,
                count,
                attributes,
            } => {
                let all = count.0.saturating_mul(event.times.0);
                let parents = self.parents(*what, &r#in.0);
                for parent in self.draw(parents, any) {
                    for at in 0..count.0 {
                        let name = numbered(name, number * count.0 + at + 1, all);
                        self.create(*what, &parent, &name, attributes);
                    }
                }
            }
            Action::Update { what, attributes } => {
                for (kind, path, id) in self.rows(&what.0, any) {
                    let body = json!({ kind: attributes.values });
                    self.submit(
                        "PUT",
                        format!("/{kind}s/{id}"),
                        Some(body),
                        Purpose::Done(format!("update: {path}")),
                    );
                }
            }
            Action::Delete { what } => {
                for (kind, path, id) in self.rows(&what.0, any) {
                    let machine = self.machines.iter().position(|machine| machine.port == id);
                    if let Some(machine) = machine {
                        self.stop(machine);
                    }
                    self.submit(
                        "DELETE",
                        format!("/{kind}s/{id}"),
                        None,
                        Purpose::Done(format!("delete: {path}")),
                    );
                }
            }
        }
    }

    fn mend_after(&mut self, lasting: u64, what: String, mends: Vec<Mend>) {
        self.plan(self.now().saturating_add(lasting), Deed::Mend(what, mends));
    }

    // --- Machines. ---

    fn drawn(&mut self, names: &Names, any: Option<usize>) -> Vec<usize> {
        let named = self.named(names);
        self.draw(named, any)
    }

    fn listed(&self, machines: &[usize]) -> String {
        shortened(
            machines
                .iter()
                .map(|number| self.machines[*number].path.clone()),
        )
    }

    fn stop(&mut self, number: usize) {
        let machine = &mut self.machines[number];
        if std::mem::take(&mut machine.on) {
            let (hypervisor, interface) = (machine.hypervisor, machine.interface.clone());
            if let Err(error) = self.world.unplug(hypervisor, &interface) {
                self.note(error.to_string(), true);
            }
        }
    }

    /// Takes a machine out; it is plugged in elsewhere after its downtime.
    fn migrate(&mut self, number: usize, to: Option<&[usize]>, turn: usize, downtime: u64) {
        let machine = self.machines[number].clone();
        if !machine.on {
            return;
        }
        let others: Vec<HypervisorId> = match to {
            Some(to) => to.iter().map(|at| self.hypervisors[*at]).collect(),
            None => self.hypervisors.clone(),
        };
        let others: Vec<HypervisorId> = others
            .into_iter()
            .filter(|id| *id != machine.hypervisor || to.is_some())
            .collect();
        if others.is_empty() {
            return;
        }
        let at = if to.is_some() {
            turn % others.len()
        } else {
            self.dice.index(others.len())
        };
        let goal = others[at];
        if goal == machine.hypervisor {
            return;
        }
        match self.world.unplug(machine.hypervisor, &machine.interface) {
            Ok(guest) => {
                let (from, to) = (self.world.name(machine.hypervisor), self.world.name(goal));
                self.note(
                    format!("migrate: {} from {from} to {to}", machine.path),
                    false,
                );
                self.machines[number].on = false;
                self.plan(
                    self.now().saturating_add(downtime),
                    Deed::Arrive(number, goal, guest),
                );
            }
            Err(error) => self.note(error.to_string(), true),
        }
    }

    fn arrive(&mut self, number: usize, hypervisor: HypervisorId, guest: Box<dyn Attachment>) {
        let machine = self.machines[number].clone();
        let plugged = self
            .world
            .plug(hypervisor, &machine.interface, &machine.port, guest);
        match plugged {
            Ok(()) => {
                self.machines[number].hypervisor = hypervisor;
                self.machines[number].on = true;
                let now = self.world.now();
                self.with_host(number, |guest| {
                    guest.host.arrive(Announcement::Hypervisor, now)
                });
            }
            Err(error) => self.note(error.to_string(), true),
        }
    }

    // --- What is up and down. ---

    fn set(&mut self, element: Element, up: bool) {
        let node = match element {
            Element::Device(node) => Some(node),
            Element::Hypervisor(at) => Some(self.scenario.cast.hypervisors[at]),
            Element::Link(link) => {
                self.world.inject(&Fault::UnderlayLink(link, up));
                if !up {
                    self.hurt.1.insert(link);
                }
                None
            }
        };
        if let Some(node) = node {
            self.world.inject(&Fault::UnderlayDevice(node, up));
            if !up {
                self.hurt.0.insert(node);
            }
        }
        if let Element::Hypervisor(at) = element {
            let id = self.hypervisors[at];
            let fault = if up {
                Fault::HypervisorUp(id)
            } else {
                Fault::HypervisorDown(id)
            };
            self.world.inject(&fault);
        }
    }

    fn elements_listed(&self, elements: &[Element]) -> String {
        let graph = &self.scenario.cast.graph;
        shortened(elements.iter().map(|element| match element {
            Element::Device(node) => graph.node(*node).name.clone(),
            Element::Hypervisor(at) => self.scenario.cast.hypervisor_name(*at).to_owned(),
            Element::Link(link) => graph.link_name(*link),
        }))
    }

    fn crash(&mut self, names: &Names, any: Option<usize>, lasting: u64) {
        let controller = names
            .patterns
            .iter()
            .any(|pattern| pattern.matches("controller"));
        let mut processes: Vec<Option<HypervisorId>> =
            if controller { vec![None] } else { Vec::new() };
        let hypervisors = self.scenario.cast.hypervisors(names);
        processes.extend(hypervisors.into_iter().map(|at| Some(self.hypervisors[at])));
        let processes = self.draw(processes, any);
        let name = |process: &Option<HypervisorId>| {
            process.map_or_else(
                || "controller".to_owned(),
                |id| format!("switch of {}", self.world.name(id)),
            )
        };
        let listed = shortened(processes.iter().map(name));
        self.note(format!("crash: {listed}"), true);
        let mut mends = Vec::new();
        for process in processes {
            let (wrong, right) = match process {
                None => (Fault::ControllerDown, Fault::ControllerUp),
                Some(hypervisor) => (
                    Fault::SwitchDown {
                        hypervisor,
                        keeps_flows: false,
                    },
                    Fault::SwitchUp(hypervisor),
                ),
            };
            self.world.inject(&wrong);
            mends.push(Mend::Fault(right));
        }
        self.mend_after(lasting, format!("starts again: {listed}"), mends);
    }

    fn chosen(&mut self, names: &Names, any: Option<usize>) -> Vec<HypervisorId> {
        let named = self.scenario.cast.hypervisors(names);
        let chosen = self.draw(named, any);
        chosen.into_iter().map(|at| self.hypervisors[at]).collect()
    }

    fn names(&self, ids: &[HypervisorId]) -> String {
        shortened(ids.iter().map(|id| self.world.name(*id).to_owned()))
    }

    // --- The API. ---

    /// What something is created in: tenants for networks, networks for all else.
    fn parents(&self, what: Creation, names: &Names) -> Vec<String> {
        let mut all: Vec<String> = match what {
            Creation::Network => self.nets.values().map(|net| net.tenant.clone()).collect(),
            _ => self.nets.keys().cloned().collect(),
        };
        all.sort();
        all.dedup();
        all.retain(|path| names.patterns.iter().any(|pattern| pattern.is_of(path)));
        all
    }

    fn create(&mut self, what: Creation, parent: &str, name: &str, attributes: &Attributes) {
        let path = format!("{parent}/{name}");
        let mut body: Map<String, Value> = attributes.values.clone();
        let net = self.nets.get(parent).cloned();
        let (kind, body, purpose) = match (what, net) {
            (Creation::Network, _) => {
                body.insert("name".to_owned(), name.into());
                body.insert("tenant_id".to_owned(), parent.into());
                (
                    "network",
                    body.into(),
                    Purpose::Network(path, parent.to_owned()),
                )
            }
            (_, None) => return,
            (Creation::Subnet, Some(Net { id, tenant, .. })) => {
                body.insert("name".to_owned(), name.into());
                body.insert("network_id".to_owned(), id.into());
                body.insert("tenant_id".to_owned(), tenant.into());
                body.entry("ip_version").or_insert(4.into());
                (
                    "subnet",
                    body.into(),
                    Purpose::Done(format!("create: {path}")),
                )
            }
            (Creation::Port, Some(net)) => {
                let body = port(body, &path, &net);
                (
                    "port",
                    body,
                    Purpose::Port {
                        path,
                        hypervisor: None,
                    },
                )
            }
            (Creation::Machine, Some(net)) => {
                let hypervisor = Some(self.emptiest());
                let body = port(body, &path, &net);
                ("port", body, Purpose::Port { path, hypervisor })
            }
        };
        self.submit(
            "POST",
            format!("/{kind}s"),
            Some(json!({ kind: body })),
            purpose,
        );
    }

    /// The hypervisor with the fewest machines, those to come among them.
    fn emptiest(&self) -> HypervisorId {
        let mut load = vec![0usize; self.hypervisors.len()];
        let coming = self
            .pending
            .iter()
            .filter_map(|(_, purpose)| match purpose {
                Purpose::Port { hypervisor, .. } => *hypervisor,
                _ => None,
            });
        for id in self
            .machines
            .iter()
            .map(|machine| machine.hypervisor)
            .chain(coming)
        {
            load[id.number()] += 1;
        }
        let least = (0..load.len()).min_by_key(|at| load[*at]).unwrap_or(0);
        self.hypervisors[least]
    }

    /// The rows that are named: kind, path and id.
    fn rows(&mut self, names: &Names, any: Option<usize>) -> Vec<(&'static str, String, String)> {
        let nets = self.nets.iter();
        let mut rows: Vec<(&'static str, String, String)> = nets
            .clone()
            .map(|(path, net)| ("network", path.clone(), net.id.clone()))
            .collect();
        for (path, net) in nets {
            let subnets = (1..).zip(&net.subnets);
            rows.extend(
                subnets.map(|(number, (_, id))| {
                    ("subnet", format!("{path}/subnet{number}"), id.clone())
                }),
            );
        }
        let machines = self.machines.iter();
        rows.extend(machines.map(|machine| ("port", machine.path.clone(), machine.port.clone())));
        rows.retain(|(_, path, _)| names.patterns.iter().any(|pattern| pattern.is_of(path)));
        self.draw(rows, any)
    }

    fn submit(&mut self, method: &str, path: String, body: Option<Value>, purpose: Purpose) {
        let request = Request {
            method: method.to_owned(),
            path,
            body,
            ..Request::default()
        };
        let call = self.world.submit(Caller::default(), request);
        self.pending.push((call, purpose));
    }

    /// Does what the answers that have come ask for.
    pub(super) fn take_answers(&mut self) {
        let pending = std::mem::take(&mut self.pending);
        let mut answered = Vec::new();
        for (id, purpose) in pending {
            match &self.world.call_of(id).answer {
                Some(answer) => answered.push((answer.clone(), purpose)),
                None => self.pending.push((id, purpose)),
            }
        }
        for (answer, purpose) in answered {
            self.take_answer(&answer, purpose);
        }
    }

    fn take_answer(&mut self, answer: &world::Answer, purpose: Purpose) {
        let what = match &purpose {
            Purpose::Done(what) => what.clone(),
            Purpose::Network(path, _) | Purpose::Port { path, .. } => format!("create: {path}"),
        };
        if !answer.is_success() {
            self.note(format!("{what}: refused with {}", answer.status), true);
            return;
        }
        self.note(what, false);
        match purpose {
            Purpose::Done(_) => {}
            Purpose::Network(path, tenant) => {
                let net = Net {
                    id: text(&answer.body["network"], "id"),
                    tenant,
                    dhcp: true,
                    subnets: Vec::new(),
                };
                self.nets.insert(path, net);
            }
            Purpose::Port { path, hypervisor } => {
                let machine =
                    hypervisor.map(|id| self.add_machine(&path, id, &answer.body["port"]));
                if let Some(Err(failure)) = machine.map(|machine| self.boot(machine)) {
                    self.note(failure.to_string(), true);
                }
            }
        }
    }
}

/// The first names of a list.
fn shortened(names: impl ExactSizeIterator<Item = String>) -> String {
    const SHOWN: usize = 4;
    let all = names.len();
    let shown: Vec<String> = names.take(SHOWN).collect();
    match all.saturating_sub(SHOWN) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}
