//! Follows a frame from switch to switch, and puts what happens into the words of the logical network.

use std::collections::HashMap;

use rust_openflow::field::Field;
use rust_openflow::message::Received;
use rust_openflow::text::{Names, print_instructions, print_match};
use rust_openflow::{Instruction, MacAddr, Match, PortNo};
use weft_compiler::Stage;
use weft_member::Member;
use weft_member::status::stage_names;
use weft_switch::trace::{Event, Node, Withheld};
use weft_switch::{Flow, Switch, Tunnel};
use weft_topology::{ChassisId, Element, Index, PortId, TunnelKind};

use super::packet::{Draft, NextHop};
use super::{
    Arrival, Cloud, Delivery, Drop, Met, Question, Step, Trace, TraceError, TunnelEnd, Way, What,
    describe,
};

/// How many tunnels a frame may go through: the flood list's second step is the longest way.
const TUNNELS: usize = 3;
/// How many ends of tunnels are looked at for one packet; others are named only.
const ENDS: usize = 64;

/// Follows frames through one cloud. What it made to look into switches serves further frames.
pub struct Follower<C> {
    cloud: C,
    switches: HashMap<ChassisId, Option<Switch>>,
    /// Where further ends are looked at although there were enough: where the packet is to arrive.
    wanted: Vec<ChassisId>,
    ends: usize,
    deliveries: Vec<Delivery>,
    drops: Vec<Drop>,
}

/// What is at a port of a switch.
enum Place {
    /// A logical port, and the interface's name.
    Port(PortId, String),
    Tunnel(TunnelKind),
    Unknown,
}

/// A frame that comes to a switch.
struct Incoming<'a> {
    chassis: &'a ChassisId,
    port: PortNo,
    tunnel: Tunnel,
    frame: &'a [u8],
    /// How many tunnels it came through.
    tunnels: usize,
}

impl<C: Cloud> Follower<C> {
    /// Looks into a cloud.
    pub fn new(cloud: C) -> Self {
        Self {
            cloud,
            switches: HashMap::new(),
            wanted: Vec::new(),
            ends: 0,
            deliveries: Vec::new(),
            drops: Vec::new(),
        }
    }

    /// What becomes of a packet. Its Ethernet destination, when it is not told, is asked for as the sender would.
    ///
    /// # Errors
    /// When the port is nowhere, or the packet cannot be made.
    pub fn trace(&mut self, question: &Question) -> Result<Trace, TraceError> {
        let mut draft = self.draft(question)?;
        draft.complete()?;
        let to = match (draft.told(Field::EthDst), draft.next_hop()) {
            (Some(_), _) => None,
            (None, NextHop::Known(group)) => Some(group),
            (None, NextHop::Asked(next_hop)) => match self.resolve(&draft, next_hop)?.1 {
                Some(mac) => Some(mac),
                None => {
                    let unheard = format!(
                        "nobody answers the question who has {next_hop}; say eth_dst to send it all the same"
                    );
                    return Err(TraceError::Packet(unheard));
                }
            },
            (None, NextHop::NoRoute(to)) => {
                let lost = format!("the sender's subnets have no gateway, and none has {to}");
                return Err(TraceError::Packet(lost));
            }
            (None, NextHop::Unsaid) => {
                let to = draft.to.as_ref().map(|to| to.mac);
                let unsaid =
                    || TraceError::Packet("say eth_dst, or a port that it is for".to_owned());
                Some(to.ok_or_else(unsaid)?)
            }
        };
        let frame = draft.frame(to)?;
        self.send(&draft, &frame)
    }

    /// The packet of a question, as far as it is told.
    pub(crate) fn draft(&self, question: &Question) -> Result<Draft, TraceError> {
        let question = question.clone();
        self.cloud
            .look(move |member| Draft::of(member, &question))?
    }

    /// Asks for an address as the sender of a packet would: the trace of that question, and what the sender
    /// is told.
    pub(crate) fn resolve(
        &mut self,
        draft: &Draft,
        address: std::net::IpAddr,
    ) -> Result<(Trace, Option<MacAddr>), TraceError> {
        let request = draft.request(address)?;
        let trace = self.send(draft, &request)?;
        let own = draft.from.id.to_string();
        let answers = trace
            .deliveries
            .iter()
            .filter(|delivery| delivery.port == own);
        let told = answers
            .filter_map(|delivery| super::packet::resolved(&delivery.frame, address))
            .next();
        // Of those who are asked, the one who has it answers for himself.
        let asked = draft.to.as_ref().filter(|to| {
            let has = to.addresses.iter().any(|own| own.ip == address);
            let id = to.id.to_string();
            has && trace.deliveries.iter().any(|delivery| delivery.port == id)
        });
        let mac = told.or(asked.map(|to| to.mac));
        Ok((trace, mac))
    }

    /// What becomes of a frame that the sender of a packet sends.
    pub(crate) fn send(&mut self, draft: &Draft, frame: &[u8]) -> Result<Trace, TraceError> {
        let (chassis, ofport, interface) = draft.from.place()?.clone();
        self.ends = 0;
        self.wanted = draft
            .to
            .iter()
            .flat_map(|to| to.places.iter().map(|place| place.0.clone()))
            .collect();
        let incoming = Incoming {
            chassis: &chassis,
            port: ofport,
            tunnel: Tunnel::default(),
            frame,
            tunnels: 0,
        };
        let arrival = Arrival::Port {
            port: draft.from.id.to_string(),
            interface,
        };
        let way = self.way(&incoming, arrival)?;
        let way = way.ok_or_else(|| TraceError::Unprogrammed(chassis.to_string()))?;
        Ok(Trace {
            frame: frame.to_vec(),
            way,
            deliveries: std::mem::take(&mut self.deliveries),
            drops: std::mem::take(&mut self.drops),
        })
    }

    /// What a switch does with a frame; none when it has no program.
    fn way(
        &mut self,
        incoming: &Incoming<'_>,
        arrival: Arrival,
    ) -> Result<Option<Way>, TraceError> {
        if !self.switches.contains_key(incoming.chassis) {
            let switch = self.cloud.switch(incoming.chassis)?;
            self.switches.insert(incoming.chassis.clone(), switch);
        }
        let Some(Some(switch)) = self.switches.get(incoming.chassis) else {
            return Ok(None);
        };
        let traced = switch.trace(incoming.port, incoming.tunnel, incoming.frame);
        let steps = self.steps(incoming, traced.nodes)?;
        Ok(Some(Way {
            hypervisor: incoming.chassis.to_string(),
            arrival,
            packet: describe(incoming.frame),
            steps,
        }))
    }

    fn steps(
        &mut self,
        incoming: &Incoming<'_>,
        nodes: Vec<Node>,
    ) -> Result<Vec<Step>, TraceError> {
        let mut steps = Vec::new();
        for node in nodes {
            // The stage that it goes to says more than that it goes there.
            if let Event::Resubmit { .. } = node.event {
                steps.extend(self.steps(incoming, node.then)?);
                continue;
            }
            if let Event::Lookup { flow, .. } = &node.event
                && comes_to_nothing(flow.as_deref(), &node.then)
            {
                self.note_drop(incoming.chassis, &node.event)?;
            }
            let (what, mut then) = self.what(incoming, node.event)?;
            then.extend(self.steps(incoming, node.then)?);
            steps.push(Step { what, then });
        }
        Ok(steps)
    }

    fn what(
        &mut self,
        incoming: &Incoming<'_>,
        event: Event,
    ) -> Result<(What, Vec<Step>), TraceError> {
        let what = match event {
            Event::Lookup { table, flow } => {
                let stage = Stage::from_table(table);
                What::Stage {
                    stage: stage
                        .map_or_else(|| table.0.to_string(), |stage| stage.name().to_owned()),
                    flow: flow.map(|flow| self.met(&flow)).transpose()?,
                }
            }
            Event::Resubmit { .. } | Event::Copy => What::Copy,
            Event::Group { group, buckets } => What::Group {
                group: group.0,
                buckets,
            },
            Event::Track {
                zone,
                commit,
                state,
            } => What::Track {
                zone,
                commit,
                state: print_match(&Match::any().with(Field::CtState, state), &Names::default()),
            },
            Event::Meter { meter, passes } => What::Meter {
                meter: meter.0,
                passes,
            },
            Event::Output {
                port,
                tunnel,
                frame,
            } => self.output(incoming, port, tunnel, &frame)?,
            Event::Withheld { port, reason } => What::Withheld {
                ofport: port.0,
                reason: match reason {
                    Withheld::CameFrom => "it came in there".to_owned(),
                    Withheld::Down => "the port is down".to_owned(),
                },
            },
            Event::Controller(received) => return self.controller(incoming, *received),
            Event::TooOften => What::TooOften,
        };
        Ok((what, Vec::new()))
    }

    fn output(
        &mut self,
        incoming: &Incoming<'_>,
        port: PortNo,
        tunnel: Tunnel,
        frame: &[u8],
    ) -> Result<What, TraceError> {
        let chassis = incoming.chassis.clone();
        match self
            .cloud
            .look(move |member| place(member, &chassis, port))?
        {
            Place::Port(id, interface) => Ok(self.deliver(incoming.chassis, id, interface, frame)),
            Place::Tunnel(kind) => self.tunnel(incoming, kind, tunnel, frame),
            Place::Unknown => Ok(What::Leave {
                ofport: port.0,
                packet: describe(frame),
            }),
        }
    }

    fn deliver(
        &mut self,
        chassis: &ChassisId,
        port: PortId,
        interface: String,
        frame: &[u8],
    ) -> What {
        let delivery = Delivery {
            port: port.to_string(),
            hypervisor: chassis.to_string(),
            interface,
            packet: describe(frame),
            frame: frame.to_vec(),
        };
        self.deliveries.push(delivery.clone());
        What::Deliver(delivery)
    }

    fn tunnel(
        &mut self,
        incoming: &Incoming<'_>,
        kind: TunnelKind,
        tunnel: Tunnel,
        frame: &[u8],
    ) -> Result<What, TraceError> {
        let from = incoming.chassis.clone();
        let carried = self
            .cloud
            .look(move |member| carry(member, &from, kind, tunnel))?;
        let end = match carried {
            None => TunnelEnd::Nobody,
            Some((to, tunnel)) => self.end(incoming, &to, kind, tunnel, frame)?,
        };
        Ok(What::Tunnel {
            encapsulation: kind.name().to_owned(),
            id: tunnel.id,
            to: tunnel.destination,
            end,
        })
    }

    fn end(
        &mut self,
        incoming: &Incoming<'_>,
        to: &ChassisId,
        kind: TunnelKind,
        tunnel: Tunnel,
        frame: &[u8],
    ) -> Result<TunnelEnd, TraceError> {
        let enough = self.ends >= ENDS && !self.wanted.contains(to);
        if enough || incoming.tunnels >= TUNNELS {
            return Ok(TunnelEnd::NotFollowed(to.to_string()));
        }
        self.ends += 1;
        let arrival = Arrival::Tunnel {
            encapsulation: kind.name().to_owned(),
            id: tunnel.id,
            source: tunnel.source,
        };
        let further = Incoming {
            chassis: to,
            port: kind.ofport(),
            tunnel,
            frame,
            tunnels: incoming.tunnels + 1,
        };
        Ok(match self.way(&further, arrival)? {
            Some(way) => TunnelEnd::Arrives(Box::new(way)),
            None => TunnelEnd::Unprogrammed(to.to_string()),
        })
    }

    /// What the controller makes of a packet.
    fn controller(
        &mut self,
        incoming: &Incoming<'_>,
        received: Received,
    ) -> Result<(What, Vec<Step>), TraceError> {
        let chassis = incoming.chassis.clone();
        let answer = self
            .cloud
            .look(move |member| member.would_answer(&chassis, &received))?;
        let Some(answer) = answer else {
            let what = What::Controller {
                service: None,
                event: "nobody there asked for it".to_owned(),
            };
            return Ok((what, Vec::new()));
        };
        let mut then = Vec::new();
        if let Some(frame) = answer.frame {
            let chassis = incoming.chassis.clone();
            let port = answer.ofport;
            let place = self
                .cloud
                .look(move |member| place(member, &chassis, port))?;
            if let Place::Port(id, interface) = place {
                let what = self.deliver(incoming.chassis, id, interface, &frame);
                then.push(Step {
                    what,
                    then: Vec::new(),
                });
            }
        }
        let what = What::Controller {
            service: Some(answer.service.name().to_owned()),
            event: answer.event.to_string(),
        };
        Ok((what, then))
    }

    fn met(&self, flow: &Flow) -> Result<Met, TraceError> {
        let cookie = flow.cookie;
        let owners = self.cloud.look(move |member| {
            let owners = member.compiler().owners(cookie).into_iter();
            let words = owners.map(|(item, origin)| format!("{item:?} at {origin}"));
            words.collect()
        })?;
        let names = stage_names();
        Ok(Met {
            cookie: format!("{cookie:#018x}"),
            priority: flow.priority,
            matches: print_match(&flow.matches, &names),
            actions: print_instructions(&flow.instructions, &names),
            owners,
        })
    }

    fn note_drop(&mut self, chassis: &ChassisId, lookup: &Event) -> Result<(), TraceError> {
        let Event::Lookup { table, flow } = lookup else {
            return Ok(());
        };
        let stage = Stage::from_table(*table);
        let does = stage.map_or("no stage of the pipeline", |stage| stage.row().doc);
        self.drops.push(Drop {
            hypervisor: chassis.to_string(),
            stage: stage.map_or_else(|| table.0.to_string(), |stage| stage.name().to_owned()),
            reason: match flow {
                None => format!("no flow of this stage is for it ({does})"),
                Some(_) => format!("a flow of this stage drops it ({does})"),
            },
            flow: flow.as_deref().map(|flow| self.met(flow)).transpose()?,
        });
        Ok(())
    }
}

/// Whether nothing comes of a packet at a flow: it goes nowhere and on to no table.
fn comes_to_nothing(flow: Option<&Flow>, then: &[Node]) -> bool {
    let counts = |node: &Node| !matches!(node.event, Event::Meter { .. } | Event::Withheld { .. });
    let goes_on = flow.is_some_and(|flow| {
        let goes = |instruction: &Instruction| matches!(instruction, Instruction::GotoTable { .. });
        flow.instructions.iter().any(goes)
    });
    let held = then
        .iter()
        .any(|node| matches!(node.event, Event::Meter { passes: false, .. }));
    held || !goes_on && !then.iter().any(counts)
}

/// What is at a port of a hypervisor's switch.
fn place(member: &Member, chassis: &ChassisId, ofport: PortNo) -> Place {
    if let Some(kind) = TunnelKind::ALL.iter().find(|kind| kind.ofport() == ofport) {
        return Place::Tunnel(*kind);
    }
    let model = member.compiler().model();
    let local = model.elements(&Index::LocalPorts(chassis.clone()));
    let found = local.filter_map(|element| match element {
        Element::Port(id) => Some((*id, model.location_on(*id, chassis)?)),
        _ => None,
    });
    let mut found = found.filter(|(_, location)| location.ofport == ofport);
    found.next().map_or(Place::Unknown, |(id, location)| {
        Place::Port(id, location.interface.name.to_string())
    })
}

/// Whom an outer header leads to, and what it says there.
fn carry(
    member: &Member,
    from: &ChassisId,
    kind: TunnelKind,
    tunnel: Tunnel,
) -> Option<(ChassisId, Tunnel)> {
    let model = member.compiler().model();
    let to = tunnel.destination?;
    let mut encaps = model.chassis(from)?.encaps.iter();
    let own = encaps.find(|encap| encap.kind == kind && encap.ip.is_ipv4() == to.is_ipv4())?;
    let mut all = model.elements(&Index::Chassis);
    let receiver = all.find_map(|element| match element {
        Element::Chassis(id) => {
            let mut encaps = model.chassis(id)?.encaps.iter();
            encaps
                .any(|encap| encap.kind == kind && encap.ip == to)
                .then(|| id.clone())
        }
        _ => None,
    })?;
    let tunnel = Tunnel {
        source: Some(own.ip),
        ..tunnel
    };
    Some((receiver, tunnel))
}
