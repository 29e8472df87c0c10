//! What flows do with a packet: steps, the action set, and what comes out.
//!
//! As `ofproto-dpif-xlate.c` does: a resubmit returns, and what it changed stays changed; a copy for a group's
//! bucket or a clone leaves no trace; the action set is done when all tables are through. A packet that goes
//! round too often is dropped, with everything that was sent of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use rust_openflow::action::{SlavesAlgorithm, ToController};
use rust_openflow::field::Field;
use rust_openflow::message::{NO_BUFFER, PacketIn, PacketInReason, Received};
use rust_openflow::{FieldValue, GroupId, Match, MeterId, PortNo, TableId};

use crate::group::Alive;
use crate::hash;
use crate::meter::Meter;
use crate::packet::{Packet, Tunnel};
use crate::parse::VLAN;
use crate::program::{Bundle, Multipath, Step, Turn, ordered, out_of_ttl};
use crate::switch::Switch;

/// How deep resubmits may go back to the same or an earlier table, and groups into each other (`MAX_DEPTH`).
const MAX_DEPTH: u32 = 64;
/// How many tables one packet may be looked up in (`MAX_RESUBMITS`).
const MAX_LOOKUPS: u32 = MAX_DEPTH * MAX_DEPTH;
/// How many values the stack holds (65,536 bytes in Open vSwitch).
const MAX_STACK: usize = 4096;
/// How many frames may come out of one packet: Open vSwitch's limit is 64 KiB of datapath actions, of eight bytes
/// at least.
const MAX_OUTPUTS: usize = 8192;

/// What comes out of the switch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// A frame out of a port.
    Port {
        /// The port.
        port: PortNo,
        /// What a tunnel port writes into the outer headers.
        tunnel: Tunnel,
        /// The frame.
        frame: Vec<u8>,
    },
    /// A packet for the controller.
    Controller(Box<Received>),
}

/// A flow that a packet met.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Met {
    pub(crate) table: u8,
    /// Its number there.
    pub(crate) number: usize,
    /// Not met again, but its idle and hard timeout are to be no longer than this.
    pub(crate) shortened: Option<(u16, u16)>,
}

/// What became of a packet.
#[derive(Debug)]
pub(crate) struct Way {
    pub(crate) outputs: Vec<Output>,
    pub(crate) met: Vec<Met>,
}

/// One packet's way.
pub(crate) struct Execution<'a> {
    switch: &'a Switch,
    meters: &'a mut BTreeMap<MeterId, Meter>,
    packet: Packet,
    stack: Vec<u128>,
    /// The action set, in the order in which it was written.
    set: Vec<Step>,
    outputs: Vec<Output>,
    met: Vec<Met>,
    /// Where the packet is.
    table: u8,
    /// The flow's number there.
    number: usize,
    cookie: u64,
    depth: u32,
    lookups: u32,
    /// Why the controller is told of what is sent to it.
    reason: PacketInReason,
    /// The list of steps ends here.
    stopped: bool,
    /// All lists end here.
    over: bool,
    /// A meter took the packet, or the copy of it that a clone is.
    taken: bool,
    /// Nor was anything done: it went round too often.
    failed: bool,
}

impl<'a> Execution<'a> {
    pub(crate) fn new(
        switch: &'a Switch,
        meters: &'a mut BTreeMap<MeterId, Meter>,
        mut packet: Packet,
    ) -> Self {
        packet.put(Field::ActsetOutput, PortNo::UNSET.0);
        Self {
            switch,
            meters,
            packet,
            stack: Vec::new(),
            set: Vec::new(),
            outputs: Vec::new(),
            met: Vec::new(),
            table: 0,
            number: usize::MAX,
            cookie: u64::MAX,
            depth: 0,
            lookups: 0,
            reason: PacketInReason::APPLY_ACTION,
            stopped: false,
            over: false,
            taken: false,
            failed: false,
        }
    }

    /// The packet's way from the first table on.
    pub(crate) fn pipeline(mut self) -> Way {
        self.run(0);
        self.finish()
    }

    /// The packet's way through a list of steps, as in a packet-out.
    pub(crate) fn list(mut self, steps: &[Step]) -> Way {
        self.reason = PacketInReason::PACKET_OUT;
        self.steps(steps);
        self.finish()
    }

    /// What came out, when the action set is done.
    fn finish(mut self) -> Way {
        let set = std::mem::take(&mut self.set);
        let leads = |step: &Step| matches!(step.turn(), Some(Turn::Last(_)));
        // Open vSwitch leaves it out after an exit, although ovs-actions(7) says otherwise.
        if !self.over && set.iter().any(leads) {
            self.reason = PacketInReason::ACTION_SET;
            self.steps(&ordered(&set));
        }
        if self.failed {
            self.outputs.clear();
        }
        Way {
            outputs: self.outputs,
            met: self.met,
        }
    }

    /// The packet goes round too often.
    fn fail(&mut self) {
        self.over = true;
        self.failed = true;
    }

    fn fail_unless(&mut self, done: bool) {
        if !done {
            self.fail();
        }
    }

    /// From a table on, until no flow says where to go next.
    fn run(&mut self, first: u8) {
        let mut next = Some(first);
        while let Some(table) = next.take() {
            self.lookups += 1;
            if self.lookups > MAX_LOOKUPS {
                return self.fail();
            }
            let switch = self.switch;
            let Some((number, flow)) = switch.lookup(TableId(table), &mut self.packet) else {
                return;
            };
            (self.table, self.number, self.cookie) = (table, number, flow.cookie);
            self.met.push(Met {
                table,
                number,
                shortened: None,
            });
            let program = Arc::clone(&flow.program);
            if let Some(meter) = program.meter {
                self.meter(meter);
            }
            if self.over || !self.steps(&program.apply) {
                return;
            }
            if program.clear {
                self.set.clear();
                self.note_output();
            }
            if !program.write.is_empty() {
                self.set.extend(program.write.iter().cloned());
                self.note_output();
            }
            if let Some((value, mask)) = program.metadata {
                self.packet.set(Field::Metadata, value.into(), mask.into());
            }
            next = program.goto;
        }
    }

    /// Shows in `actset_output` where the action set would send the packet.
    fn note_output(&mut self) {
        let port = match ordered(&self.set).last() {
            Some(Step::Output { port, .. }) => *port,
            _ => PortNo::UNSET,
        };
        self.packet.put(Field::ActsetOutput, port.0);
    }

    /// Does steps until the list ends; false when it ended early.
    fn steps(&mut self, steps: &[Step]) -> bool {
        for step in steps {
            self.step(step);
            if self.over || std::mem::take(&mut self.stopped) {
                return false;
            }
        }
        true
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Output { port, max_len } => self.output(*port, *max_len),
            Step::OutputField { from, max_len } => {
                // The number of a port has sixteen bits here.
                let port = from
                    .read(&self.packet)
                    .and_then(|port| u16::try_from(port).ok());
                if let Some(port) = port {
                    self.output(PortNo::from_u16(port), *max_len);
                }
            }
            Step::OutputPart { port, bytes } => {
                let port = if *port == PortNo::IN_PORT {
                    self.packet.in_port()
                } else {
                    *port
                };
                self.send(port, *bytes);
            }
            Step::Controller(to) => self.controller(to),
            Step::Group(group) => self.group(*group),
            Step::Resubmit { port, table } => self.resubmit(*port, *table),
            Step::Clone(steps) => self.copy(|copy| {
                let set = copy.set.clone();
                copy.steps(steps);
                copy.set = set;
                if std::mem::take(&mut copy.taken) {
                    copy.over = copy.failed;
                }
            }),
            Step::Push(bits) => {
                if self.stack.len() >= MAX_STACK {
                    return self.fail();
                }
                self.stack.push(bits.read(&self.packet).unwrap_or_default());
            }
            // Popping what is not there does nothing.
            Step::Pop(bits) => {
                if let Some(value) = self.stack.pop() {
                    bits.write(&mut self.packet, value);
                }
            }
            Step::CheckLength { limit, to } => {
                let larger = self.packet.frame().len() > *limit;
                to.write(&mut self.packet, larger.into());
            }
            Step::Multipath(multipath) => self.multipath(multipath),
            Step::Bundle(bundle) => self.bundle(bundle),
            // Queues change when packets go, not where.
            Step::Queue => {}
            Step::Shorten { idle, hard } => {
                // Nothing is left to come after either (RFC 9293, 3.1).
                const FIN_OR_RST: u128 = 5;
                let flags = self.packet.get(Field::TcpFlags).unwrap_or(0);
                if flags & FIN_OR_RST != 0 {
                    self.met.push(Met {
                        table: self.table,
                        number: self.number,
                        shortened: Some((*idle, *hard)),
                    });
                }
            }
            Step::Meter(meter) => self.meter(*meter),
            // Open vSwitch ends even what follows a clone that it is in; but only the bucket of a group.
            Step::Exit => self.over = true,
            change => self.change(change),
        }
    }

    /// Steps that change the packet.
    fn change(&mut self, step: &Step) {
        let packet = &mut self.packet;
        match step {
            Step::Set { field, value, mask } => packet.set(*field, *value, *mask),
            Step::SetPort { fields, value } => {
                for field in fields {
                    packet.set(*field, (*value).into(), 0xffff);
                }
            }
            Step::SetTag { field, value, push } => {
                let tagged = packet.value(Field::VlanTci) != 0;
                if !tagged && *push {
                    packet.push_vlan(VLAN[0]);
                }
                if tagged || *push {
                    packet.set(*field, (*value).into(), field.full_mask());
                }
            }
            // Nothing moves when either field is not there.
            Step::Copy { from, to } => {
                if let Some(value) = from.read(packet) {
                    to.write(packet, value);
                }
            }
            Step::PushVlan(kind) => packet.push_vlan(*kind),
            Step::PopVlan => packet.pop_vlan(),
            Step::PushMpls(kind) => {
                let done = packet.push_mpls(*kind);
                self.fail_unless(done);
            }
            Step::PopMpls(kind) => {
                let done = packet.pop_mpls(*kind);
                self.fail_unless(done);
            }
            Step::Decrement { field, controllers } => {
                self.stopped = !packet.decrement(*field);
                let told = controllers.iter().filter(|_| self.stopped);
                let told: Vec<ToController> = told.map(|id| out_of_ttl(*id)).collect();
                told.iter().for_each(|to| self.controller(to));
            }
            Step::ClearConnection => {
                let of_connection = (Field::CtState as usize..=Field::CtLabel as usize)
                    .chain(Field::CtNwProto as usize..=Field::CtTpDst as usize);
                for field in of_connection {
                    packet.values[field] = 0;
                }
            }
            _ => {}
        }
    }

    /// Runs something on a copy of the packet and its registers.
    fn copy(&mut self, on_copy: impl FnOnce(&mut Self)) {
        let (packet, stack) = (self.packet.clone(), self.stack.clone());
        let place = (self.table, self.number, self.cookie);
        on_copy(self);
        (self.packet, self.stack) = (packet, stack);
        (self.table, self.number, self.cookie) = place;
    }

    fn resubmit(&mut self, port: PortNo, table: Option<u8>) {
        let place = (self.table, self.number, self.cookie);
        let table = table.unwrap_or(self.table);
        let deeper = u32::from(table <= self.table);
        if self.depth + deeper > MAX_DEPTH {
            return self.fail();
        }
        let in_port = self.packet.in_port();
        if port != PortNo::IN_PORT {
            self.packet.put(Field::InPort, port.0);
        }
        self.depth += deeper;
        self.run(table);
        self.depth -= deeper;
        self.packet.put(Field::InPort, in_port.0);
        (self.table, self.number, self.cookie) = place;
    }

    fn output(&mut self, port: PortNo, max_len: u16) {
        let in_port = self.packet.in_port();
        match port {
            PortNo::CONTROLLER => self.controller(&ToController {
                max_len,
                reason: self.reason.0,
                ..ToController::default()
            }),
            PortNo::IN_PORT => self.send(in_port, usize::MAX),
            PortNo::TABLE => self.resubmit(PortNo::IN_PORT, Some(0)),
            PortNo::FLOOD | PortNo::ALL => {
                let switch = self.switch;
                let floods = port == PortNo::FLOOD;
                for (port, state) in switch.ports() {
                    if port != in_port && (state.floods || !floods) {
                        self.send(port, usize::MAX);
                    }
                }
            }
            // A packet never goes back unless that is said.
            port if port == in_port => {}
            port => self.send(port, usize::MAX),
        }
    }

    /// Sends the first bytes of the packet out of a port that is not down.
    fn send(&mut self, port: PortNo, bytes: usize) {
        if self.outputs.len() >= MAX_OUTPUTS {
            return self.fail();
        }
        if !self.switch.port_is_alive(port) {
            return;
        }
        let frame = self.packet.frame();
        self.outputs.push(Output::Port {
            port,
            tunnel: self.packet.tunnel(),
            frame: frame[..frame.len().min(bytes)].to_vec(),
        });
    }

    /// The packet goes on if the meter lets it pass.
    fn meter(&mut self, id: MeterId) {
        if !self.passes(id) {
            self.over = true;
            self.taken = true;
        }
    }

    fn passes(&mut self, id: MeterId) -> bool {
        let bytes = self.packet.frame().len();
        let meter = self.meters.get_mut(&id);
        meter.is_none_or(|meter| meter.passes(bytes, self.switch.now()))
    }

    fn group(&mut self, id: GroupId) {
        let switch = self.switch;
        let Some(group) = switch.group_of(id) else {
            return;
        };
        if self.depth >= MAX_DEPTH {
            return self.fail();
        }
        self.depth += 1;
        let reason = std::mem::replace(&mut self.reason, PacketInReason::GROUP);
        for steps in group.chosen(&self.packet, switch) {
            self.copy(|copy| _ = copy.steps(steps));
            (self.over, self.taken) = (self.failed, false);
            if self.failed {
                break;
            }
        }
        self.reason = reason;
        self.depth -= 1;
    }

    fn multipath(&mut self, multipath: &Multipath) {
        let Multipath {
            fields,
            basis,
            algorithm,
            links,
            argument,
            to,
        } = *multipath;
        let hash = hash::packet(&self.packet, fields, basis);
        let link = hash.and_then(|hash| hash::link(algorithm, hash, links, argument));
        if let Some(link) = link {
            to.write(&mut self.packet, link.into());
        }
    }

    fn bundle(&mut self, bundle: &Bundle) {
        let switch = self.switch;
        let mut alive = (0_u32..)
            .zip(&bundle.ports)
            .filter(|(_, port)| switch.port_is_alive(**port))
            .map(|(at, _)| (at, 1));
        let chosen = if bundle.algorithm == SlavesAlgorithm::ACTIVE_BACKUP {
            alive.next().map(|(at, _)| at)
        } else {
            let hash = hash::packet(&self.packet, bundle.fields, bundle.basis);
            hash.and_then(|hash| hash::heaviest(hash, alive))
        };
        let port = chosen.and_then(|at| bundle.ports.get(at as usize)).copied();
        match (&bundle.to, port) {
            // No port at all is written by a number of its own, sixteen bits wide.
            (Some(to), port) => {
                let number = port.unwrap_or(PortNo::ANY).to_u16().unwrap_or(u16::MAX);
                to.write(&mut self.packet, number.into());
            }
            (None, Some(port)) => self.output(port, 0),
            (None, None) => {}
        }
    }

    fn controller(&mut self, to: &ToController) {
        if self.outputs.len() >= MAX_OUTPUTS {
            return self.fail();
        }
        if to.meter.is_some_and(|meter| !self.passes(meter)) {
            return;
        }
        let frame = self.packet.frame();
        let length = frame.len().min(usize::from(to.max_len));
        self.outputs.push(Output::Controller(Box::new(Received {
            packet_in: PacketIn {
                buffer_id: NO_BUFFER,
                total_len: u16::try_from(frame.len()).unwrap_or(u16::MAX),
                reason: PacketInReason(to.reason),
                table: TableId(self.table),
                cookie: self.cookie,
                metadata: metadata(&self.packet),
                packet: frame[..length].to_vec().into(),
            },
            userdata: to.userdata.clone(),
            continuation: None,
        })));
    }
}

/// The fields that only the switch knows: the port, and the others that are not zero; registers in
/// pairs, and in the order, in which Open vSwitch writes them in OpenFlow 1.5.
fn metadata(packet: &Packet) -> Match {
    let tunnel = [
        Field::TunnelId,
        Field::TunSrc,
        Field::TunDst,
        Field::TunIpv6Src,
        Field::TunIpv6Dst,
    ];
    let mut found = Match::any();
    found.push(FieldValue::exact(Field::InPort, packet.in_port()));
    for field in tunnel {
        if let Some(value) = packet.get(field).filter(|value| *value != 0) {
            found.push(FieldValue::exact(field, value));
        }
    }
    for pair in (0..8).filter_map(Field::register_pair) {
        let value = packet.get(pair).unwrap_or_default();
        let halves = [u128::from(u32::MAX), u128::from(u32::MAX) << 32];
        let mask = halves
            .iter()
            .filter(|half| value & *half != 0)
            .sum::<u128>();
        if mask != 0 {
            found.push(FieldValue::masked(pair, value, mask));
        }
    }
    if let Some(value) = packet.get(Field::Metadata).filter(|value| *value != 0) {
        found.push(FieldValue::exact(Field::Metadata, value));
    }
    found
}
