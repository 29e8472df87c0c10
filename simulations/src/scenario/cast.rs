//! Who and what there is in a scenario: its underlay, hypervisors, networks and machines, by name.
//!
//! Made from what the file says, with a check that every name of the file names something. What happens to them is
//! the runner's.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ipnet::IpNet;
use rand::rngs::Xoshiro256PlusPlus;
use rand::{RngExt, SeedableRng};
use rust_openflow::MacAddr;
use weft_schema::resource::{NETWORK, PORT, Resource, SUBNET};

use super::keys::{Action, Demand, Event, File, Machine, Network, Shape as Form, Task, Underlay};
use super::problem::{Found, choices};
use super::value::{
    Attributes, Count, Creation, Executor, Names, Pattern, Placement, Racks, Short, Tier, Time,
};
use crate::underlay::{
    Device, Graph, Link, LinkId, Metric, NodeId, Position, Role, Settings, Shape, Wrong,
};

/// How many hypervisors, networks and machines a scenario may have, each.
const MOST: usize = 100_000;
/// How many pairs of machines a workload may have.
const MOST_PAIRS: usize = 1_000_000;

/// A network.
#[derive(Debug, Clone, PartialEq)]
pub struct Net {
    /// Its tenant.
    pub tenant: String,
    /// Its own name.
    pub name: String,
    /// `tenant/network`.
    pub path: String,
    /// The prefixes of `subnet1` and so on.
    pub subnets: Vec<IpNet>,
    /// Whether its machines get their addresses by DHCP.
    pub dhcp: bool,
    /// Further attributes.
    pub attributes: Attributes,
}

/// A machine.
#[derive(Debug, Clone, PartialEq)]
pub struct Guest {
    /// `tenant/network/machine`.
    pub path: String,
    /// Its network, counted in [`Cast::nets`].
    pub net: usize,
    /// Its hypervisor, counted in [`Cast::hypervisors`].
    pub hypervisor: usize,
    /// The addresses that it asks for.
    pub addresses: Vec<IpAddr>,
    /// The Ethernet address that it asks for.
    pub mac: Option<MacAddr>,
    /// Whether it runs from the beginning.
    pub boot: bool,
    /// Further attributes of its port.
    pub attributes: Attributes,
}

/// Something that can be down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Element {
    /// A device.
    Device(NodeId),
    /// A hypervisor, counted in [`Cast::hypervisors`].
    Hypervisor(usize),
    /// A link.
    Link(LinkId),
}

/// Who and what there is at the beginning.
#[derive(Debug, Clone)]
pub struct Cast {
    /// The underlay's plan, with the hypervisors.
    pub graph: Graph,
    /// How the underlay works.
    pub settings: Settings,
    /// The hypervisors' nodes, in order.
    pub hypervisors: Vec<NodeId>,
    /// The networks, in order.
    pub nets: Vec<Net>,
    /// The machines, in order.
    pub guests: Vec<Guest>,
    /// When the scenario ends, in microseconds.
    pub end: u64,
    /// What events will create: kind and path.
    pub created: Vec<(Creation, String)>,
}

impl Cast {
    /// The cast of a file; none when there is a problem that leaves nothing to go on with.
    pub(super) fn of(
        file: &File,
        open: &dyn Fn(&str) -> Result<String, String>,
        found: &mut Found,
    ) -> Option<Self> {
        let graph = plan(&file.underlay, file.seed, open, found);
        let settings = Settings {
            metric: match file.underlay.shortest {
                Short::Delay => Metric::Delay,
                Short::Hops => Metric::Hops,
            },
            convergence: file.underlay.convergence.0,
            queue: file.underlay.queue.0,
        };
        let mut cast = Self {
            graph: graph?,
            settings,
            hypervisors: Vec::new(),
            nets: Vec::new(),
            guests: Vec::new(),
            end: end(file),
            created: Vec::new(),
        };
        cast.add_hypervisors(file, found)?;
        cast.add_tenants(file, found)?;
        cast.add_created(file, found);
        cast.check(file, found);
        Some(cast)
    }

    /// The name of a hypervisor.
    #[must_use]
    pub fn hypervisor_name(&self, hypervisor: usize) -> &str {
        let node = self.hypervisors.get(hypervisor);
        node.map_or("", |node| &self.graph.node(*node).name)
    }

    /// The machines that are named, in order.
    #[must_use]
    pub fn machines(&self, names: &Names) -> Vec<usize> {
        let guests = self.guests.iter().enumerate();
        let named = guests.filter(|(_, guest)| matches(names, &guest.path));
        named.map(|(at, _)| at).collect()
    }

    /// The hypervisors that are named, each once, in the order of their names in the file.
    #[must_use]
    pub fn hypervisors(&self, names: &Names) -> Vec<usize> {
        let mut chosen = vec![false; self.hypervisors.len()];
        let mut named = Vec::new();
        for pattern in &names.patterns {
            let matching =
                (0..chosen.len()).filter(|at| pattern.matches(self.hypervisor_name(*at)));
            let new: Vec<usize> = matching.filter(|at| !chosen[*at]).collect();
            for at in new {
                chosen[at] = true;
                named.push(at);
            }
        }
        named
    }

    /// What is named of what can be down, each once. A rack is its devices and hypervisors.
    #[must_use]
    pub fn elements(&self, names: &Names) -> Vec<Element> {
        let patterns = names.patterns.iter();
        let all: BTreeSet<Element> = patterns
            .flat_map(|pattern| self.elements_of(pattern))
            .collect();
        all.into_iter().collect()
    }

    fn elements_of(&self, pattern: &Pattern) -> Vec<Element> {
        if let Some((a, b)) = pattern.text.split_once(" - ") {
            let end = |text: &str| Pattern {
                text: text.trim().to_owned(),
                position: pattern.position,
            };
            let (a, b) = (end(a), end(b));
            let name = |node: NodeId| self.graph.node(node).name.as_str();
            let links = self.graph.links().filter(|(_, from, to, _)| {
                let is =
                    |one: NodeId, other: NodeId| a.matches(name(one)) && b.matches(name(other));
                is(*from, *to) || is(*to, *from)
            });
            return links.map(|(link, ..)| Element::Link(link)).collect();
        }
        let named = self
            .graph
            .nodes()
            .filter(|(_, node)| pattern.matches(&node.name));
        let nodes: Vec<NodeId> = named.map(|(node, _)| node).collect();
        let nodes = if nodes.is_empty() {
            let racks = self
                .graph
                .racks()
                .iter()
                .filter(|rack| pattern.matches(&rack.name));
            racks
                .flat_map(|rack| rack.devices.iter().chain(&rack.hypervisors).copied())
                .collect()
        } else {
            nodes
        };
        nodes.into_iter().map(|node| self.element(node)).collect()
    }

    fn element(&self, node: NodeId) -> Element {
        match self.hypervisors.iter().position(|known| *known == node) {
            Some(hypervisor) => Element::Hypervisor(hypervisor),
            None => Element::Device(node),
        }
    }

    /// Every name of a network, subnet or machine, now or later, with the prefixes that stand for several.
    #[must_use]
    fn paths(&self) -> BTreeSet<String> {
        let mut paths = BTreeSet::new();
        for net in &self.nets {
            paths.insert(net.tenant.clone());
            paths.insert(net.path.clone());
            paths.extend(
                (1..=net.subnets.len()).map(|number| format!("{}/subnet{number}", net.path)),
            );
        }
        paths.extend(self.guests.iter().map(|guest| guest.path.clone()));
        paths.extend(self.created.iter().map(|(_, path)| path.clone()));
        paths
    }

    fn add_hypervisors(&mut self, file: &File, found: &mut Found) -> Option<()> {
        let cloud = &file.hypervisors;
        let access = Link {
            delay: file.underlay.access_delay.0,
            rate: file.underlay.access_rate.map(|rate| rate.0),
            loss: 0.0,
        };
        let racks = self.racks(cloud.racks.as_ref(), found)?;
        if cloud.count.0 == 0 {
            found.add(
                cloud.place.of("count"),
                "count: expected at least one hypervisor",
            );
            return None;
        }
        for at in 0..cloud.count.0 {
            let rack = match cloud.per_rack {
                Some(Count(each)) => at / each.max(1),
                None => at % racks.len(),
            };
            let name = numbered(&cloud.name, at + 1, cloud.count.0);
            let added = match racks.get(rack) {
                Some(rack) => self.graph.hypervisor(&name, *rack, access),
                None => {
                    let room = format!("at most {} in {} racks", at, racks.len());
                    Err(Wrong::new("count", room, cloud.count.0))
                }
            };
            match added {
                Ok(node) => self.hypervisors.push(node),
                Err(wrong) => {
                    found.add(cloud.place.of("count"), wrong.to_string());
                    return None;
                }
            }
        }
        Some(())
    }

    /// The racks that are named, by number; none when one of the names is none.
    fn racks(&self, names: Option<&Racks>, found: &mut Found) -> Option<Vec<usize>> {
        let all: Vec<&str> = self
            .graph
            .racks()
            .iter()
            .map(|rack| rack.name.as_str())
            .collect();
        let Some(Racks(names)) = names else {
            return Some((0..all.len()).collect());
        };
        must_match("rack", names, all.iter().copied(), found)?;
        let racks = all
            .iter()
            .enumerate()
            .filter(|(_, name)| matches(names, name));
        Some(racks.map(|(at, _)| at).collect())
    }

    fn add_tenants(&mut self, file: &File, found: &mut Found) -> Option<()> {
        let mut placing = Placing {
            load: vec![0; self.hypervisors.len()],
            dice: Xoshiro256PlusPlus::seed_from_u64(file.seed),
        };
        let mut counters = Counters::default();
        for tenant in &file.tenant {
            for _ in 0..tenant.count.0 {
                let name = counters.next("", &tenant.name, tenant.count.0);
                for network in &tenant.network {
                    for _ in 0..network.count.0 {
                        let own = counters.next(&name, &network.name, network.count.0);
                        self.add_network(&name, own, network, &mut placing, &mut counters, found)?;
                    }
                }
            }
        }
        Some(())
    }

    fn add_network(
        &mut self,
        tenant: &str,
        name: String,
        network: &Network,
        placing: &mut Placing,
        counters: &mut Counters,
        found: &mut Found,
    ) -> Option<()> {
        let path = format!("{tenant}/{name}");
        if self.nets.len() >= MOST {
            found.add(
                network.place.of("count"),
                format!("expected at most {MOST} networks in all"),
            );
            return None;
        }
        if !counters.taken.insert(path.clone()) {
            found.add(
                network.place.of("name"),
                format!("there is a network '{path}' already"),
            );
        }
        self.nets.push(Net {
            tenant: tenant.to_owned(),
            name,
            path,
            subnets: network.subnets.clone(),
            dhcp: network.dhcp,
            attributes: network.attributes.clone(),
        });
        let plain = Machine {
            name: "vm{}".to_owned(),
            count: network.machines,
            on: None,
            placement: network.placement,
            addresses: Vec::new(),
            mac: None,
            boot: true,
            attributes: Attributes::default(),
            place: network.place.clone(),
        };
        for machine in std::iter::once(&plain).chain(&network.machine) {
            self.add_machines(machine, placing, counters, found)?;
        }
        Some(())
    }

    fn add_machines(
        &mut self,
        machine: &Machine,
        placing: &mut Placing,
        counters: &mut Counters,
        found: &mut Found,
    ) -> Option<()> {
        let net = self.nets.len().checked_sub(1)?;
        let on = match &machine.on {
            Some(names) => {
                let names = &names.0;
                let all = (0..self.hypervisors.len()).map(|at| self.hypervisor_name(at));
                must_match("hypervisor", names, all, found)?;
                self.hypervisors(names)
            }
            None => (0..self.hypervisors.len()).collect(),
        };
        if machine.count.0 > 1 && (!machine.addresses.is_empty() || machine.mac.is_some()) {
            let text = "several machines cannot ask for the same address";
            found.add(machine.place.of("count"), text);
        }
        for _ in 0..machine.count.0 {
            if self.guests.len() >= MOST {
                found.add(
                    machine.place.of("count"),
                    format!("expected at most {MOST} machines in all"),
                );
                return None;
            }
            let parent = &self.nets[net].path;
            let name = counters.next(parent, &machine.name, machine.count.0);
            let path = format!("{parent}/{name}");
            if !counters.taken.insert(path.clone()) {
                found.add(
                    machine.place.of("name"),
                    format!("there is a machine '{path}' already"),
                );
            }
            self.guests.push(Guest {
                path,
                net,
                hypervisor: placing.choose(machine.placement, &on)?,
                addresses: machine.addresses.clone(),
                mac: machine.mac,
                boot: machine.boot,
                attributes: machine.attributes.clone(),
            });
        }
        Some(())
    }

    /// Takes note of what events will create, so that other events can name it.
    fn add_created(&mut self, file: &File, found: &mut Found) {
        for event in &file.event {
            let Action::Create {
                what,
                r#in,
                name,
                count,
                ..
            } = &event.what
            else {
                continue;
            };
            let parts = if *what == Creation::Network { 1 } else { 2 };
            let parents: Vec<String> = self
                .paths()
                .into_iter()
                .filter(|path| path.split('/').count() == parts)
                .collect();
            let kind = if parts == 1 { "tenant" } else { "network" };
            let patterns = r#in.0.patterns.iter();
            let right = patterns.filter(|pattern| {
                let named = parents.iter().any(|path| pattern.is_of(path));
                if !named {
                    let near = choices(&pattern.text, parents.iter().map(String::as_str));
                    found.add(
                        pattern.position,
                        format!("no {kind} is called '{}'; {near}", pattern.text),
                    );
                }
                named
            });
            let parents: Vec<&String> = right
                .flat_map(|pattern| parents.iter().filter(|path| pattern.is_of(path)))
                .collect();
            let all = count.0.saturating_mul(event.times.0).min(MOST);
            let names = (1..=all).flat_map(|number| {
                let name = numbered(name, number, all);
                parents
                    .iter()
                    .map(move |parent| (*what, format!("{parent}/{name}")))
            });
            self.created.extend(names);
        }
    }

    fn check(&self, file: &File, found: &mut Found) {
        let paths = self.paths();
        for tenant in &file.tenant {
            for network in &tenant.network {
                check_attributes(&NETWORK, &network.attributes, false, found);
                for machine in &network.machine {
                    check_attributes(&PORT, &machine.attributes, false, found);
                }
            }
        }
        self.check_executor(file, found);
        let mut workloads = BTreeSet::new();
        for (name, workload) in named_workloads(file) {
            if !workloads.insert(name.clone()) {
                found.add(
                    workload.place.of("name"),
                    format!("there is a workload '{name}' already"),
                );
            }
            let (from, to) = workload.what.machines();
            let named = [Some(from), to].into_iter().flatten();
            let right = named
                .filter(|names| self.check_machines(names, &paths, found))
                .count();
            let most = self
                .machines(from)
                .len()
                .saturating_mul(self.machines(to.unwrap_or(from)).len());
            if right > 0 && most > MOST_PAIRS && workload.what.pairs().is_none() {
                let text = format!("{most} pairs of machines are too many; expected 'pairs = N'");
                found.add(workload.place.of(workload.what.word()), text);
            }
        }
        for event in &file.event {
            self.check_event(event, &paths, found);
        }
        for expect in &file.expect {
            self.check_demand(&expect.what, &paths, &workloads, found);
        }
    }

    /// Where switches carry nothing, machines do nothing and reach nobody.
    fn check_executor(&self, file: &File, found: &mut Found) {
        if file.hypervisors.executor == Executor::Full {
            return;
        }
        let workloads = file
            .workload
            .iter()
            .map(|workload| workload.place.of(workload.what.word()));
        let demands = file.expect.iter().filter_map(|expect| match expect.what {
            Demand::Reach { .. } | Demand::Isolated { .. } => {
                Some(expect.place.of(expect.what.word()))
            }
            _ => None,
        });
        for at in workloads.chain(demands) {
            let text = "switches that are \"thin\" carry no packets; expected executor = \"full\"";
            found.add(at, text);
        }
    }

    fn check_event(&self, event: &Event, paths: &BTreeSet<String>, found: &mut Found) {
        if event.times.0 > 1 && event.every.is_none() {
            let text = "'times' says how often; expected 'every' as well, such as every = \"1s\"";
            found.add(event.place.of("times"), text);
        }
        match &event.what {
            Action::Boot { what } | Action::Stop { what } => {
                self.check_machines(&what.0, paths, found);
            }
            Action::Migrate { what, to, .. } => {
                self.check_machines(&what.0, paths, found);
                if let Some(to) = to {
                    self.check_hypervisors(&to.0, None, found);
                }
            }
            Action::Down { what, .. } | Action::Up { what } => self.check_elements(&what.0, found),
            Action::Crash { what, .. } => {
                self.check_hypervisors(&what.0, Some("controller"), found)
            }
            Action::Cut { what } | Action::Stall { what, .. } => {
                self.check_hypervisors(&what.0, None, found);
            }
            Action::Database { .. } => {}
            Action::Create {
                what, attributes, ..
            } => {
                check_attributes(resource(*what), attributes, false, found);
            }
            Action::Update { what, attributes } => {
                must_match("row", &what.0, paths.iter().map(String::as_str), found);
                for kind in self.kinds(&what.0) {
                    check_attributes(resource(kind), attributes, true, found);
                }
            }
            Action::Delete { what } => {
                must_match("row", &what.0, paths.iter().map(String::as_str), found);
            }
        }
    }

    fn check_demand(
        &self,
        demand: &Demand,
        paths: &BTreeSet<String>,
        workloads: &BTreeSet<String>,
        found: &mut Found,
    ) {
        match demand {
            Demand::Reach { what, to, .. } => {
                self.check_machines(&what.0, paths, found);
                if let Some(to) = to {
                    self.check_machines(&to.0, paths, found);
                }
            }
            Demand::Isolated { what, from } => {
                self.check_machines(&what.0, paths, found);
                self.check_machines(&from.0, paths, found);
            }
            Demand::Active { what, .. } => {
                self.check_machines(&what.0, paths, found);
            }
            Demand::Flows { what, .. } => self.check_hypervisors(&what.0, None, found),
            Demand::Lost { what, .. } | Demand::Gap { what, .. } | Demand::Finished { what } => {
                must_match(
                    "workload",
                    &what.0,
                    workloads.iter().map(String::as_str),
                    found,
                );
            }
            Demand::Convergence { .. } | Demand::Messages { .. } => {}
        }
    }

    fn check_machines(&self, names: &Names, paths: &BTreeSet<String>, found: &mut Found) -> bool {
        must_match("machine", names, paths.iter().map(String::as_str), found).is_some()
    }

    fn check_hypervisors(&self, names: &Names, other: Option<&str>, found: &mut Found) {
        let all = (0..self.hypervisors.len())
            .map(|at| self.hypervisor_name(at))
            .chain(other);
        must_match("hypervisor", names, all, found);
    }

    fn check_elements(&self, names: &Names, found: &mut Found) {
        for pattern in &names.patterns {
            if self.elements_of(pattern).is_empty() {
                let nodes = self.graph.nodes().map(|(_, node)| node.name.as_str());
                let racks = self.graph.racks().iter().map(|rack| rack.name.as_str());
                let near = choices(&pattern.text, nodes.chain(racks));
                let text = format!(
                    "no device, hypervisor, link or rack is called '{}'; {near}",
                    pattern.text
                );
                found.add(pattern.position, text);
            }
        }
    }

    /// What kinds of row are named: networks by two parts, ports and subnets by three.
    fn kinds(&self, names: &Names) -> BTreeSet<Creation> {
        let kinds = names.patterns.iter().map(|pattern| {
            let last = pattern.text.split('/').nth(2);
            match last {
                None => Creation::Network,
                Some(name) if name.starts_with("subnet") => Creation::Subnet,
                Some(_) => Creation::Port,
            }
        });
        kinds.collect()
    }
}

/// The workloads with their names.
pub(super) fn named_workloads(file: &File) -> Vec<(String, &super::keys::Workload)> {
    let mut numbers: BTreeMap<&str, usize> = BTreeMap::new();
    let mut named = Vec::new();
    for workload in &file.workload {
        let number = numbers.entry(workload.what.word()).or_default();
        *number += 1;
        let by_number = || format!("{}{number}", workload.what.word());
        named.push((workload.name.clone().unwrap_or_else(by_number), workload));
    }
    named
}

impl Task {
    /// From whom, to whom; without the second, among themselves.
    #[must_use]
    pub fn machines(&self) -> (&Names, Option<&Names>) {
        match self {
            Self::Ping { what, to, .. }
            | Self::Stream { what, to, .. }
            | Self::Tcp { what, to, .. } => (&what.0, to.as_ref().map(|to| &to.0)),
        }
    }

    /// How many pairs at most.
    #[must_use]
    pub fn pairs(&self) -> Option<usize> {
        match self {
            Self::Ping { pairs, .. } | Self::Stream { pairs, .. } | Self::Tcp { pairs, .. } => {
                pairs.map(|pairs| pairs.0)
            }
        }
    }
}

/// Where machines go.
struct Placing {
    /// How many each hypervisor has.
    load: Vec<usize>,
    dice: Xoshiro256PlusPlus,
}

impl Placing {
    fn choose(&mut self, placement: Placement, on: &[usize]) -> Option<usize> {
        let chosen = match placement {
            Placement::Spread => *on.iter().min_by_key(|at| self.load[**at])?,
            Placement::Pack => *on.first()?,
            Placement::Random if on.is_empty() => return None,
            Placement::Random => on[self.dice.random_range(0..on.len())],
        };
        self.load[chosen] += 1;
        Some(chosen)
    }
}

/// Numbers that names were given so far, by parent and template.
#[derive(Default)]
struct Counters {
    numbers: BTreeMap<(String, String), usize>,
    taken: BTreeSet<String>,
}

impl Counters {
    fn next(&mut self, parent: &str, template: &str, count: usize) -> String {
        let key = (parent.to_owned(), template.to_owned());
        let number = self.numbers.entry(key).or_default();
        *number += 1;
        numbered(template, *number, count)
    }
}

/// A name by its template: with its number in the place of `{}`, or behind it when there are several.
pub(super) fn numbered(template: &str, number: usize, count: usize) -> String {
    if template.contains("{}") {
        template.replace("{}", &number.to_string())
    } else if count > 1 {
        format!("{template}{number}")
    } else {
        template.to_owned()
    }
}

fn matches(names: &Names, path: &str) -> bool {
    names.patterns.iter().any(|pattern| pattern.matches(path))
}

/// Notes every pattern that names nothing; none when there is one.
fn must_match<'a>(
    kind: &str,
    names: &Names,
    known: impl Iterator<Item = &'a str> + Clone,
    found: &mut Found,
) -> Option<()> {
    let mut right = Some(());
    for pattern in &names.patterns {
        if !known.clone().any(|name| pattern.matches(name)) {
            let near = choices(&pattern.text, known.clone());
            found.add(
                pattern.position,
                format!("no {kind} is called '{}'; {near}", pattern.text),
            );
            right = None;
        }
    }
    right
}

fn resource(kind: Creation) -> &'static Resource {
    match kind {
        Creation::Network => &NETWORK,
        Creation::Subnet => &SUBNET,
        Creation::Port | Creation::Machine => &PORT,
    }
}

/// Notes attributes that the API does not have, or whose values it would refuse.
fn check_attributes(resource: &Resource, attributes: &Attributes, update: bool, found: &mut Found) {
    let settable = || {
        let all = resource.attributes();
        all.filter(|attribute| {
            if update {
                attribute.update
            } else {
                attribute.create
            }
        })
    };
    for (name, position) in &attributes.positions {
        let Some(attribute) =
            settable().find(|attribute| attribute.names().any(|known| known == name))
        else {
            let near = choices(name, settable().map(|attribute| attribute.name));
            let text = format!(
                "a {} has no attribute '{name}' that can be set so; {near}",
                resource.name
            );
            found.add(*position, text);
            continue;
        };
        let value = attributes.values.get(name);
        if let Some(Err(why)) = value.map(|value| attribute.check.convert(value)) {
            found.add(*position, format!("{name}: {why}"));
        }
    }
}

/// When a scenario ends: as it says, or a while after the last thing in it.
fn end(file: &File) -> u64 {
    /// How long it goes on, in microseconds.
    const WHILE: u64 = 5_000_000;
    let events = file.event.iter().map(|event| {
        let again = event.every.map_or(0, |every| every.0);
        let again = again.saturating_mul(event.times.0.saturating_sub(1) as u64);
        let lasting = match &event.what {
            Action::Down { r#for, .. } => r#for.map_or(0, |time| time.0),
            Action::Crash { r#for, .. }
            | Action::Database { r#for, .. }
            | Action::Stall { r#for, .. } => r#for.0,
            _ => 0,
        };
        [again, event.jitter.0, lasting]
            .into_iter()
            .fold(event.at.0, u64::saturating_add)
    });
    let workloads = file.workload.iter().map(|workload| {
        workload
            .at
            .0
            .saturating_add(workload.r#for.map_or(0, |time| time.0))
    });
    let demands = file.expect.iter().map(|expect| match &expect.what {
        Demand::Reach { at, .. } | Demand::Active { at, .. } => at.map_or(0, |at| at.0),
        Demand::Messages { after, until, .. } => until.map_or(after.0, |until| until.0),
        _ => 0,
    });
    let last = events.chain(workloads).chain(demands).max().unwrap_or(0);
    file.duration
        .map_or(last.saturating_add(WHILE), |Time(duration)| duration)
}

/// The underlay's plan without hypervisors.
fn plan(
    underlay: &Underlay,
    seed: u64,
    open: &dyn Fn(&str) -> Result<String, String>,
    found: &mut Found,
) -> Option<Graph> {
    let link = Link {
        delay: underlay.delay.0,
        rate: underlay.rate.map(|rate| rate.0),
        loss: underlay.loss.0,
    };
    let shape = match &underlay.shape {
        Form::LeafSpine {
            leaves,
            spines,
            homes,
        } => Shape::LeafSpine {
            leaves: leaves.0,
            spines: spines.0,
            homes: homes.0,
        },
        Form::FatTree { k } => Shape::FatTree { k: k.0 },
        Form::ThreeTier {
            cores,
            pods,
            aggregations,
            accesses,
        } => Shape::ThreeTier {
            cores: cores.0,
            pods: pods.0,
            aggregations: aggregations.0,
            accesses: accesses.0,
        },
        Form::Ring { sites } => Shape::Ring { sites: sites.0 },
        Form::Mesh { sites } => Shape::Mesh { sites: sites.0 },
        Form::RandomRegular { sites, degree } => Shape::RandomRegular {
            sites: sites.0,
            degree: degree.0,
        },
        Form::Wan { file } => match open(file) {
            Ok(graphml) => Shape::Wan { graphml },
            Err(why) => {
                found.add(underlay.place.of("file"), format!("{file}: {why}"));
                return None;
            }
        },
        Form::List { devices, links } => list(devices, links, link),
    };
    let plan = shape.plan(link, seed);
    plan.map_err(|wrong| found.add(underlay.place.of(wrong.parameter), wrong.to_string()))
        .ok()
}

fn list(devices: &[super::keys::Device], links: &[super::keys::Line], link: Link) -> Shape {
    let devices = devices.iter().map(|device| Device {
        name: device.name.clone(),
        role: match device.tier {
            Tier::Core => Role::Core,
            Tier::Spine => Role::Spine,
            Tier::Aggregation => Role::Aggregation,
            Tier::Leaf => Role::Leaf,
            Tier::Router => Role::Router,
        },
        position: device
            .latitude
            .zip(device.longitude)
            .map(|(latitude, longitude)| Position {
                latitude: latitude.0,
                longitude: longitude.0,
            }),
    });
    let links = links.iter().map(|line| {
        let own = Link {
            delay: line.delay.map_or(link.delay, |delay| delay.0),
            rate: line.rate.map(|rate| rate.0).or(link.rate),
            loss: line.loss.map_or(link.loss, |loss| loss.0),
        };
        (line.ends.from.clone(), line.ends.to.clone(), Some(own))
    });
    Shape::List {
        devices: devices.collect(),
        links: links.collect(),
    }
}
