//! A cloud of software switches: one for each hypervisor, told what the compiler gives, joined by tunnels.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use rust_openflow::PortNo;
use rust_openflow::message::{FlowMod, GroupCommand, GroupMod, MeterCommand, MeterMod};
use rust_openflow::{GroupId, MeterId};
use weft_compiler::diff::{Difference, Installed};
use weft_compiler::engine::Input;
use weft_compiler::service;
use weft_compiler::{Compiler, Content, Flow, Key, Production, Secret};
use weft_switch::{Output, Switch, Tunnel};
use weft_topology::{Change, ChassisId, Element, Index, Model, PortId, TunnelKind};
use weft_verify::{Delivery, Outcome, Service};

use crate::mutations::{Mutant, Origin};
use crate::universe::RELAYED;

/// A frame that came out where no tunnel is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Emerged {
    pub(crate) chassis: ChassisId,
    pub(crate) port: PortNo,
    pub(crate) frame: Vec<u8>,
}

/// A frame that arrives out of a tunnel.
type Arrived = (ChassisId, PortNo, Tunnel, Vec<u8>);

/// What one frame led to.
#[derive(Debug, Default)]
pub(crate) struct Observed {
    pub(crate) emerged: Vec<Emerged>,
    pub(crate) captured: Vec<(Service, PortId, Vec<u8>)>,
}

pub(crate) struct World {
    compiler: Compiler<Production>,
    switches: BTreeMap<ChassisId, Switch>,
    mutant: Option<Mutant>,
}

impl World {
    /// Hypervisors that are managed, and nothing else. Flood lists longer than `flood_direct` are passed on
    /// in two steps.
    pub(crate) fn new(chassis: impl IntoIterator<Item = ChassisId>, flood_direct: u16) -> Self {
        let compiler = Compiler::new(Production, Secret::new([7; 16]));
        let mut compiler = compiler.with_flood_direct(flood_direct);
        let manage: Vec<ChassisId> = chassis.into_iter().collect();
        compiler.update(Input {
            manage: manage.clone(),
            ..Input::default()
        });
        let mut world = Self {
            compiler,
            switches: BTreeMap::new(),
            mutant: None,
        };
        for chassis in manage {
            world.fill(chassis);
        }
        world
    }

    /// From now on the switches have what a broken compiler would give.
    pub(crate) fn mutate(&mut self, mutant: Option<Mutant>) {
        self.mutant = mutant;
        for chassis in self.switches.keys().cloned().collect::<Vec<_>>() {
            self.fill(chassis);
        }
    }

    /// Gives a hypervisor a new switch with its whole program.
    fn fill(&mut self, chassis: ChassisId) {
        let mut switch = Switch::new();
        let program = self.compiler.program(&chassis);
        let difference = Difference::between(&Installed::default(), &program);
        self.tell(&mut switch, &difference);
        self.switches.insert(chassis, switch);
    }

    /// What switches are told of a flow: its message, unless the compiler is broken.
    fn told(&self, flow: &Flow) -> Option<FlowMod> {
        let message = flow.decode();
        match &self.mutant {
            Some(mutant) => mutant.applied(flow.stage, message, &self.origins(flow)),
            None => Some(message),
        }
    }

    /// The lines of the compiler that emit a flow.
    pub(crate) fn origins(&self, flow: &Flow) -> Vec<Origin> {
        let emitters = self.compiler.emitters(Key::Flow(flow.key)).into_iter();
        emitters.map(|(_, origin)| Origin::from(origin)).collect()
    }

    /// Every flow of every switch.
    pub(crate) fn flows(&self) -> Vec<Arc<Flow>> {
        let programs = self.switches.keys().map(|id| self.compiler.program(id));
        let contents = programs.flatten().filter_map(|content| match content {
            Content::Flow(flow) => Some(flow),
            _ => None,
        });
        contents.collect()
    }

    pub(crate) fn model(&self) -> &Model {
        self.compiler.model()
    }

    /// Changes the network; the switches are told the differences, and then have their programs.
    pub(crate) fn change(&mut self, changes: Vec<Change>) {
        let deltas = self.compiler.update(Input {
            changes,
            ..Input::default()
        });
        for (chassis, parts) in deltas {
            let mut switch = self.switches.remove(&chassis).expect("a managed switch");
            let difference = Difference::of_deltas(parts.iter().map(|part| &**part));
            self.tell(&mut switch, &difference);
            self.switches.insert(chassis, switch);
        }
        assert_eq!(self.compiler.faults(), []);
        for (chassis, switch) in &self.switches {
            let has: BTreeSet<u64> = switch.flows().map(|(_, flow)| flow.cookie).collect();
            let program = self.compiler.program(chassis);
            let wanted = program.iter().filter_map(|content| match content {
                Content::Flow(flow) => Some(flow.cookie),
                _ => None,
            });
            assert_eq!(has, wanted.collect(), "{chassis} has its program");
        }
    }

    /// Lets a frame come in, and carries it through the tunnels to its ends. Says what must not happen whatever the
    /// network is.
    pub(crate) fn inject(
        &mut self,
        chassis: &ChassisId,
        port: PortNo,
        frame: &[u8],
    ) -> Result<Observed, String> {
        let mut observed = Observed::default();
        // Each frame comes a minute after the last, so that no meter holds it back.
        for switch in self.switches.values_mut() {
            switch.advance(switch.now() + 60_000);
        }
        let arrived = self.step(chassis, port, Tunnel::default(), frame, &mut observed)?;
        for (chassis, port, tunnel, frame) in arrived {
            let relayed = tunnel.id >= u64::from(RELAYED);
            let further = self.step(&chassis, port, tunnel, &frame, &mut observed)?;
            if !relayed && !further.is_empty() {
                return Err(format!(
                    "what comes from a tunnel enters none, unless it is to be passed on: {further:?}"
                ));
            }
            for (chassis, port, tunnel, frame) in further {
                if tunnel.id >= u64::from(RELAYED) {
                    return Err("a frame is passed on once".to_owned());
                }
                let further = self.step(&chassis, port, tunnel, &frame, &mut observed)?;
                if !further.is_empty() {
                    return Err(format!("what was passed on enters no tunnel: {further:?}"));
                }
            }
        }
        observed.emerged.sort();
        Ok(observed)
    }

    /// Lets a frame come out of a tunnel; also gives how many tunnels it enters.
    pub(crate) fn arrive(
        &mut self,
        chassis: &ChassisId,
        port: PortNo,
        tunnel: Tunnel,
        frame: &[u8],
    ) -> Result<(Observed, usize), String> {
        let mut observed = Observed::default();
        let further = self.step(chassis, port, tunnel, frame, &mut observed)?;
        Ok((observed, further.len()))
    }

    /// One switch; answers with what arrives at others.
    fn step(
        &mut self,
        chassis: &ChassisId,
        port: PortNo,
        tunnel: Tunnel,
        frame: &[u8],
        observed: &mut Observed,
    ) -> Result<Vec<Arrived>, String> {
        let mut arrived = Vec::new();
        let switch = self.switches.get_mut(chassis).expect("a managed switch");
        for output in switch.receive(port, tunnel, frame) {
            match output {
                Output::Port {
                    port,
                    tunnel,
                    frame,
                } => {
                    let kind = TunnelKind::ALL.iter().find(|kind| kind.ofport() == port);
                    match kind {
                        Some(kind) => arrived.extend(
                            self.carry(chassis, *kind, tunnel)?
                                .map(|(to, tunnel)| (to, port, tunnel, frame)),
                        ),
                        None => observed.emerged.push(Emerged {
                            chassis: chassis.clone(),
                            port,
                            frame,
                        }),
                    }
                }
                Output::Controller {
                    packet: received, ..
                } => {
                    let asked = service::Service::of(&received);
                    let (service, key) =
                        asked.ok_or("the controller gets what is for no service")?;
                    let service = match service {
                        service::Service::Dhcp4 => Service::Dhcp4,
                    };
                    let port = self.model().port_of_key(key);
                    let port = port.ok_or("the controller is told of a port that is not there")?;
                    observed
                        .captured
                        .push((service, port, received.packet_in.packet.to_vec()));
                }
            }
        }
        Ok(arrived)
    }

    /// The underlay: whom an outer header leads to, and what it says there.
    fn carry(
        &self,
        from: &ChassisId,
        kind: TunnelKind,
        tunnel: Tunnel,
    ) -> Result<Option<(ChassisId, Tunnel)>, String> {
        let to = tunnel
            .destination
            .ok_or("a tunnelled frame says where to")?;
        let mut own = self.addresses(from, kind).into_iter();
        let source = own.find(|own| own.is_ipv4() == to.is_ipv4());
        let mut all = self.chassis();
        let receiver = all.find(|id| self.addresses(id, kind).contains(&to));
        let (Some(source), Some(receiver)) = (source, receiver) else {
            return Ok(None);
        };
        if receiver == *from {
            return Err("no tunnel leads to its own beginning".to_owned());
        }
        Ok(Some((
            receiver,
            Tunnel {
                source: Some(source),
                ..tunnel
            },
        )))
    }

    fn chassis(&self) -> impl Iterator<Item = ChassisId> {
        self.model()
            .elements(&Index::Chassis)
            .filter_map(|element| match element {
                Element::Chassis(id) => Some(id.clone()),
                _ => None,
            })
    }

    fn addresses(&self, chassis: &ChassisId, kind: TunnelKind) -> Vec<IpAddr> {
        let encaps = self.model().chassis(chassis).map(|chassis| &chassis.encaps);
        encaps
            .into_iter()
            .flatten()
            .filter(|encap| encap.kind == kind)
            .map(|encap| encap.ip)
            .collect()
    }

    /// What was observed, in the words of the logical network: every frame came out of the interface
    /// of a port, and no interface got one twice.
    pub(crate) fn outcome(
        &self,
        sender: PortId,
        sent: &[u8],
        observed: Observed,
    ) -> Result<Outcome, String> {
        let mut outcome = Outcome::default();
        for emerged in observed.emerged {
            let at = self.port_at(&emerged.chassis, emerged.port);
            let fresh = outcome.deliveries.insert(Delivery {
                port: at.ok_or_else(|| format!("no port is at {emerged:?}"))?,
                chassis: emerged.chassis,
                frame: emerged.frame,
            });
            if !fresh {
                return Err("a frame came out twice".to_owned());
            }
        }
        for (service, port, frame) in observed.captured {
            if (port, &frame[..]) != (sender, sent) {
                return Err("the controller is not told the truth".to_owned());
            }
            if outcome.captured.replace(service).is_some() {
                return Err("the controller got a frame twice".to_owned());
            }
        }
        Ok(outcome)
    }

    /// The port that an interface carries.
    fn port_at(&self, chassis: &ChassisId, ofport: PortNo) -> Option<PortId> {
        self.model()
            .elements(&Index::LocalPorts(chassis.clone()))
            .filter_map(|element| match element {
                Element::Port(port) => Some(*port),
                _ => None,
            })
            .find(|port| {
                self.model()
                    .location_on(*port, chassis)
                    .is_some_and(|location| location.ofport == ofport)
            })
    }

    /// Tells a switch a difference, in its order. What the switch refuses of a right compiler's fails the test.
    fn tell(&self, switch: &mut Switch, difference: &Difference) {
        let broken = self.mutant.is_some();
        for (meter, there) in &difference.meters {
            let mut meter = MeterMod::clone(meter);
            if *there {
                meter.command = MeterCommand::MODIFY;
            }
            switch.meter_mod(&meter).expect("a meter");
        }
        for (group, there) in &difference.groups {
            let mut group = GroupMod::clone(group);
            if *there {
                group.command = GroupCommand::MODIFY;
            }
            switch.group_mod(&group).expect("a group");
        }
        for flow in difference.flows.iter().filter_map(|flow| self.told(flow)) {
            let taken = switch.flow_mod(&flow);
            assert!(taken.is_ok() || broken, "{flow:?}: {taken:?}");
        }
        for cookie in &difference.stale_flows {
            let delete = rust_openflow::message::FlowMod::delete_cookie(*cookie);
            switch.flow_mod(&delete).expect("a deletion");
        }
        for group in &difference.stale_groups {
            let group: GroupId = *group;
            switch
                .group_mod(&GroupMod::delete(group))
                .expect("a deletion");
        }
        for meter in &difference.stale_meters {
            let meter: MeterId = *meter;
            switch
                .meter_mod(&MeterMod::delete(meter))
                .expect("a deletion");
        }
    }
}
