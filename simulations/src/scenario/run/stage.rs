//! Builds what there is at the beginning, before the clock starts.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};

use ipnet::IpNet;
use rust_openflow::MacAddr;
use serde_json::{Map, Value, json};
use weft_topology::TunnelKind;

use super::guest::Guest;
use super::{Failure, GLANCE, Machine, Net, Player, STAGING};
use crate::host::{Addressing, Route};
use crate::scenario::value::{Encapsulation, Executor, Span};
use crate::scenario::{Cast, File, Scenario};
use crate::underlay::Underlay;
use crate::world::{
    self, Attachment, Delays, Detail, Execution, HypervisorId, Random, Recorder, World,
};

/// How many ports are asked for at once.
const BULK: usize = 500;
/// The first hypervisor's address; the others follow.
const FIRST: Ipv4Addr = Ipv4Addr::new(172, 16, 0, 1);

fn settings(file: &File) -> world::Settings {
    let range = |span: Span| span.from..=span.to;
    let mut settings = world::Settings::new(file.seed);
    settings.delays = Delays {
        control: range(file.hypervisors.control_delay),
        commit: range(file.controller.database_delay),
        ..Delays::default()
    };
    settings.member.flood_direct =
        u16::try_from(file.controller.flood_direct.0).unwrap_or(u16::MAX);
    settings.engine.network_type = match file.controller.network_type {
        Encapsulation::Vxlan => TunnelKind::Vxlan,
        Encapsulation::Geneve => TunnelKind::Geneve,
        Encapsulation::Gre => TunnelKind::Gre,
    };
    settings.execution = match file.hypervisors.executor {
        Executor::Full => Execution::Full,
        Executor::Thin => Execution::Thin,
    };
    settings.detail = Detail::None;
    settings
}

impl<'a> Player<'a> {
    pub(super) fn new(scenario: &'a Scenario) -> Result<Self, Failure> {
        let Scenario { file, cast } = scenario;
        let mut world = World::new(settings(file))?;
        world.set_carrier(Underlay::new(cast.graph.clone(), cast.settings));
        let mut hypervisors = Vec::new();
        for (number, node) in (0u32..).zip(&cast.hypervisors) {
            let address = IpAddr::V4(Ipv4Addr::from(u32::from(FIRST).wrapping_add(number)));
            hypervisors.push(world.add_hypervisor(&cast.graph.node(*node).name, address)?);
        }
        let mut player = Self {
            scenario,
            world,
            hypervisors,
            // Not the world's own sequence, so that its events do not depend on what is drawn here.
            dice: Random::new(!file.seed),
            zero: 0,
            nets: BTreeMap::new(),
            machines: Vec::new(),
            agenda: BTreeMap::new(),
            planned: 0,
            pending: Vec::new(),
            tasks: Vec::new(),
            moments: Vec::new(),
            hurt: (BTreeSet::new(), BTreeSet::new()),
            probes: BTreeSet::new(),
            counted: BTreeMap::new(),
            verdicts: BTreeMap::new(),
        };
        player.settle()?;
        player.create_all(cast)?;
        for number in 0..player.machines.len() {
            if cast.guests[number].boot {
                player.boot(number)?;
            }
        }
        player.settle()?;
        player.await_addresses()?;
        player.zero = player.world.now();
        Ok(player)
    }

    fn settle(&mut self) -> Result<(), Failure> {
        match self.world.converge(STAGING) {
            true => Ok(()),
            false => Err(Failure::Unsettled),
        }
    }

    /// Lets the world go by until every machine that runs has the addresses that it is to have.
    fn await_addresses(&mut self) -> Result<(), Failure> {
        let end = self.world.now() + STAGING;
        while !self
            .machines
            .iter()
            .all(|machine| self.is_addressed(machine))
        {
            if self.world.now() >= end {
                return Err(Failure::Unaddressed);
            }
            self.world.run_for(GLANCE);
        }
        Ok(())
    }

    fn is_addressed(&self, machine: &Machine) -> bool {
        let (hypervisor, interface) = (machine.hypervisor, &machine.interface);
        let guest = self.world.attachment::<Guest>(hypervisor, interface);
        guest.is_none_or(|guest| {
            let mut wanted = machine.addresses.iter();
            wanted.all(|wanted| {
                guest
                    .host
                    .addresses()
                    .any(|has| has.addr() == wanted.addr())
            })
        })
    }

    fn create_all(&mut self, cast: &Cast) -> Result<(), Failure> {
        let mut guests: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (number, guest) in cast.guests.iter().enumerate() {
            guests.entry(guest.net).or_default().push(number);
        }
        let mut made: BTreeMap<usize, Value> = BTreeMap::new();
        for (at, net) in cast.nets.iter().enumerate() {
            let mut body = net.attributes.values.clone();
            body.insert("name".to_owned(), net.name.clone().into());
            body.insert("tenant_id".to_owned(), net.tenant.clone().into());
            let network = self.ask(&net.path, "network", body.into())?;
            let id = text(&network, "id");
            let mut subnets = Vec::new();
            for (number, prefix) in (1..).zip(&net.subnets) {
                let name = format!("subnet{number}");
                let body = subnet(&name, &net.tenant, &id, *prefix, net.dhcp);
                let subnet = self.ask(&format!("{}/{name}", net.path), "subnet", body)?;
                subnets.push((*prefix, text(&subnet, "id")));
            }
            let known = Net {
                id,
                tenant: net.tenant.clone(),
                dhcp: net.dhcp,
                subnets,
            };
            let numbers = guests.remove(&at).unwrap_or_default();
            for chunk in numbers.chunks(BULK) {
                let wanted = chunk.iter().map(|number| {
                    let guest = &cast.guests[*number];
                    let mut body = guest.attributes.values.clone();
                    if let Some(mac) = guest.mac {
                        body.insert("mac_address".to_owned(), mac.to_string().into());
                    }
                    if !guest.addresses.is_empty() {
                        let ips = guest
                            .addresses
                            .iter()
                            .map(|address| json!({ "ip_address": address }));
                        body.insert("fixed_ips".to_owned(), ips.collect());
                    }
                    port(body, &guest.path, &known)
                });
                let body = json!({ "ports": wanted.collect::<Vec<Value>>() });
                let mut answer = self.world.call("POST", "/ports", Some(body));
                if !answer.is_success() {
                    return Err(refused(&format!("ports of {}", net.path), &answer));
                }
                let ports = answer.body["ports"].as_array_mut().map(std::mem::take);
                made.extend(chunk.iter().copied().zip(ports.unwrap_or_default()));
            }
            self.nets.insert(net.path.clone(), known);
        }
        for (number, port) in made {
            let guest = &cast.guests[number];
            self.add_machine(&guest.path, self.hypervisors[guest.hypervisor], &port);
        }
        Ok(())
    }

    fn ask(&mut self, what: &str, kind: &str, body: Value) -> Result<Value, Failure> {
        self.world
            .create(kind, body)
            .map_err(|answer| refused(what, &answer))
    }

    /// Takes note of a machine of which there is a port; its number.
    pub(super) fn add_machine(
        &mut self,
        path: &str,
        hypervisor: HypervisorId,
        port: &Value,
    ) -> usize {
        let net = path.rsplit_once('/').map_or("", |(net, _)| net).to_owned();
        let subnets = self.nets.get(&net).map_or(&[][..], |net| &net.subnets);
        let fixed = port["fixed_ips"].as_array().into_iter().flatten();
        let mut addresses: Vec<IpNet> = fixed
            .filter_map(|fixed| {
                let address: IpAddr = fixed["ip_address"].as_str()?.parse().ok()?;
                let of = subnets
                    .iter()
                    .find(|(_, id)| fixed["subnet_id"] == id.as_str());
                let length = of.map_or_else(
                    || if address.is_ipv4() { 32 } else { 128 },
                    |(prefix, _)| prefix.prefix_len(),
                );
                IpNet::new(address, length).ok()
            })
            .collect();
        addresses.sort();
        let number = self.machines.len();
        self.machines.push(Machine {
            path: path.to_owned(),
            net,
            hypervisor,
            interface: format!("tap{number}"),
            port: text(port, "id"),
            mac: port["mac_address"]
                .as_str()
                .and_then(|mac| mac.parse().ok())
                .unwrap_or(MacAddr([0; 6])),
            addresses,
            on: false,
        });
        number
    }

    /// Plugs a machine in, and starts it.
    pub(super) fn boot(&mut self, number: usize) -> Result<(), Failure> {
        if self.machines[number].on {
            return Ok(());
        }
        let machine = self.machines[number].clone();
        let (hypervisor, name, port) = (machine.hypervisor, &machine.interface, &machine.port);
        let attachment: Box<dyn Attachment> = if self.is_full() {
            let seed = self.scenario.file.seed ^ (number as u64) << 32;
            let how = self.addressing(&machine);
            Box::new(Guest::boot(machine.mac, seed, &how, self.world.now()))
        } else {
            Box::new(Recorder::default())
        };
        self.world.plug(hypervisor, name, port, attachment)?;
        self.machines[number].on = true;
        Ok(())
    }

    /// How a machine comes to its addresses: by DHCP where that gives it all of them.
    fn addressing(&self, machine: &Machine) -> Addressing {
        let net = self.nets.get(&machine.net);
        let asks = net.is_some_and(|net| net.dhcp)
            && machine
                .addresses
                .iter()
                .all(|address| address.addr().is_ipv4());
        if asks {
            return Addressing::Automatic;
        }
        Addressing::Static {
            addresses: machine.addresses.clone(),
            routes: Vec::<Route>::new(),
            mtu: None,
        }
    }
}

/// A subnet as the API is asked for it.
fn subnet(name: &str, tenant: &str, network: &str, prefix: IpNet, dhcp: bool) -> Value {
    json!({
        "name": name,
        "tenant_id": tenant,
        "network_id": network,
        "cidr": prefix.trunc(),
        "ip_version": if prefix.addr().is_ipv4() { 4 } else { 6 },
        "enable_dhcp": dhcp,
    })
}

/// A port as the API is asked for it.
pub(super) fn port(mut body: Map<String, Value>, path: &str, net: &Net) -> Value {
    let name = path.rsplit('/').next().unwrap_or(path);
    body.insert("name".to_owned(), name.into());
    body.insert("network_id".to_owned(), net.id.clone().into());
    body.insert("tenant_id".to_owned(), net.tenant.clone().into());
    body.into()
}

fn refused(what: &str, answer: &world::Answer) -> Failure {
    Failure::Refused {
        what: what.to_owned(),
        status: answer.status,
        body: answer.body.to_string(),
    }
}

pub(super) fn text(value: &Value, name: &str) -> String {
    value[name].as_str().unwrap_or_default().to_owned()
}
