//! What flows do with a packet: steps, the action set, and what comes out.
//!
//! As `ofproto-dpif-xlate.c` does: a resubmit returns, and what it changed stays changed; a copy for a group's
//! bucket or a clone leaves no trace; the action set is done when all tables are through. A packet that goes
//! round too often is dropped, with everything that was sent of it.

use std::collections::BTreeMap;

use rust_openflow::action::{SlavesAlgorithm, ToController};
use rust_openflow::field::Field;
use rust_openflow::message::{FlowMod, NO_BUFFER, PacketIn, PacketInReason, Received};
use rust_openflow::{GroupId, MeterId, PortNo, TableId};

use crate::conntrack::{self, Connections, Wanted};
use crate::group::Alive;
use crate::hash;
use crate::learn::Learning;
use crate::meter::Meter;
use crate::packet::{Packet, Tunnel};
use crate::parse::VLAN;
use crate::program::{Bundle, Multipath, Program, Step, Track, Turn, Zoned, ordered, out_of_ttl};
use crate::switch::Switch;
use crate::told::metadata;
use crate::trace::{Event, Recorder, Withheld};

/// How deep resubmits may go back to the same or an earlier table, and groups into each other (`MAX_DEPTH`).
const MAX_DEPTH: u32 = 64;
/// How many tables one packet may be looked up in (`MAX_RESUBMITS`).
const MAX_LOOKUPS: u32 = MAX_DEPTH * MAX_DEPTH;
/// How many values the stack holds (65,536 bytes in Open vSwitch).
const MAX_STACK: usize = 4096;
/// How many flows one packet may make. Open vSwitch does not count them.
const MAX_LEARNED: usize = 4096;
/// How many copies of a packet may be on their ways within each other. Open vSwitch does not count them; each holds
/// a packet and a stack.
const MAX_COPIES: u32 = 256;
/// How many frames may come out of one packet: Open vSwitch's limit is 64 KiB of datapath actions, of eight bytes
/// at least.
const MAX_OUTPUTS: usize = 8192;

/// How often a tracked packet may go on with what was found out, each time within the last (`MAX_RECIRC_DEPTH`).
const MAX_ROUNDS: u32 = 6;
/// How often in all. Open vSwitch does not count them.
const MAX_PASSES: u32 = 4096;

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
    /// A packet for a controller.
    Controller {
        /// Which: those that have chosen this id; 0 for those that have chosen none (ovs-actions(7), `controller`).
        id: u16,
        /// The packet.
        packet: Box<Received>,
    },
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
    /// Flows that the packet made.
    pub(crate) learned: Vec<FlowMod>,
    pub(crate) recorder: Option<Recorder>,
}

/// Where a packet is: the table, the flow's number there, the flow's cookie.
type Place = (u8, usize, u64);

/// No flow was met.
const NOWHERE: Place = (0, usize::MAX, u64::MAX);

/// Something that is still to be done. What was begun last is at the top of the pile; a pile instead of calls, so that
/// no way is too deep for anybody's stack.
#[derive(Clone)]
enum Frame<'a> {
    /// What is left of a list of actions.
    List(&'a [Step]),
    /// What is left of the action set.
    Set(std::vec::IntoIter<&'a Step>),
    /// A clone has its actions behind it, and does the action set as it is then.
    EndOfClone,
    /// What a flow does after its actions.
    Rest(&'a Program),
    /// A resubmit returns.
    Return {
        place: Place,
        depth: u32,
        reason: PacketInReason,
    },
    /// A bucket that has its turn.
    Bucket(&'a [Step]),
    /// A group is through.
    GroupEnd(PacketInReason),
    /// The way of a copy ends.
    Restore(Box<Saved<'a>>),
}

/// What is as it was before a copy went its way.
#[derive(Clone)]
struct Saved<'a> {
    packet: Packet,
    stack: Vec<u128>,
    /// The action set; a bucket's is the packet's own.
    set: Option<Vec<&'a Step>>,
    place: Place,
    depth: u32,
    copies: u32,
    /// How long the packet was, if what is sent of the copy leaves it so.
    sent: Option<usize>,
    reason: PacketInReason,
}

/// One packet's way.
pub(crate) struct Execution<'a> {
    switch: &'a Switch,
    changing: &'a mut Changing,
    packet: Packet,
    stack: Vec<u128>,
    /// The action set, in the order in which it was written.
    set: Vec<&'a Step>,
    outputs: Vec<Output>,
    frames: Vec<Frame<'a>>,
    place: Place,
    /// Where it was first.
    first: Place,
    depth: u32,
    copies: u32,
    /// How long the packet was when it last went somewhere.
    sent: usize,
    lookups: u32,
    /// Within how many others this pass through the tables is.
    round: u32,
    /// How deep it is within what is told of the packet.
    base: usize,
    /// What all passes have in common.
    shared: Shared,
    /// Why the controller is told of what is sent to it.
    reason: PacketInReason,
    /// The same outside of groups.
    outer: PacketInReason,
    /// Nothing more is done with the packet.
    over: bool,
    /// Nor was anything done: it went round too often.
    failed: bool,
}

/// What a packet changes in the switch, on its way.
#[derive(Debug, Clone, Default)]
pub(crate) struct Changing {
    pub(crate) meters: BTreeMap<MeterId, Meter>,
    pub(crate) connections: Connections,
}

/// What the passes of one packet through the tables have in common.
#[derive(Default)]
struct Shared {
    passes: u32,
    /// How many frames came out.
    sent: usize,
    /// The flows that were met.
    met: Vec<Met>,
    /// The flows that were made.
    learned: Vec<FlowMod>,
    /// What happens, when somebody wants to know.
    recorder: Option<Recorder>,
}

impl<'a> Execution<'a> {
    pub(crate) fn new(switch: &'a Switch, changing: &'a mut Changing, mut packet: Packet) -> Self {
        packet.put(Field::ActsetOutput, PortNo::UNSET.0);
        let sent = packet.frame().len();
        Self {
            switch,
            changing,
            packet,
            stack: Vec::new(),
            set: Vec::new(),
            outputs: Vec::new(),
            frames: Vec::new(),
            place: NOWHERE,
            first: NOWHERE,
            depth: 0,
            copies: 0,
            sent,
            lookups: 0,
            round: 0,
            base: 0,
            shared: Shared::default(),
            reason: PacketInReason::APPLY_ACTION,
            outer: PacketInReason::APPLY_ACTION,
            over: false,
            failed: false,
        }
    }

    /// Takes down what happens.
    pub(crate) fn traced(mut self) -> Self {
        self.shared.recorder = Some(Recorder::default());
        self
    }

    /// How deep what happens now is within what is told of the packet: in resubmits, groups and copies.
    fn depth_told(&self) -> usize {
        let inner = |frame: &&Frame<'_>| match frame {
            Frame::Return { .. } | Frame::GroupEnd(_) | Frame::Restore(_) => true,
            Frame::List(_)
            | Frame::Set(_)
            | Frame::Rest(_)
            | Frame::Bucket(_)
            | Frame::EndOfClone => false,
        };
        self.base + self.frames.iter().filter(inner).count()
    }

    /// Takes down that something happened, if anybody wants to know.
    fn record(&mut self, event: impl FnOnce(&Self) -> Event) {
        let Some(mut recorder) = self.shared.recorder.take() else {
            return;
        };
        recorder.record(self.depth_told(), event(self));
        self.shared.recorder = Some(recorder);
    }

    /// The packet's way from the first table on.
    pub(crate) fn pipeline(mut self) -> Way {
        self.enter_or_tell(0);
        self.first = self.place;
        self.finish()
    }

    /// The packet's way through a list of steps, as in a packet-out.
    pub(crate) fn list(mut self, steps: &'a [Step]) -> Way {
        self.reason = PacketInReason::PACKET_OUT;
        self.frames.push(Frame::List(steps));
        self.finish()
    }

    fn finish(mut self) -> Way {
        self.run();
        Way {
            outputs: self.outputs,
            met: self.shared.met,
            learned: self.shared.learned,
            recorder: self.shared.recorder,
        }
    }

    /// Does all that is to be done, then the action set.
    fn run(&mut self) {
        self.go_on();
        // Open vSwitch leaves the action set out after an exit, although ovs-actions(7) says otherwise.
        if !self.over {
            self.place = self.first;
            self.begin_set();
            self.go_on();
        }
        if self.failed {
            self.outputs.clear();
        }
    }

    /// The action set has its turn, if it leads anywhere.
    fn begin_set(&mut self) {
        let set = std::mem::take(&mut self.set);
        let leads = |step: &&Step| matches!(step.turn(), Some(Turn::Last(_)));
        if set.iter().any(leads) {
            if self.reason != PacketInReason::PACKET_OUT {
                self.reason = PacketInReason::ACTION_SET;
            }
            self.frames.push(Frame::Set(ordered(&set).into_iter()));
        }
    }

    fn go_on(&mut self) {
        while let Some(frame) = self.frames.pop() {
            match frame {
                Frame::List(steps) => {
                    if let Some((step, rest)) = steps.split_first() {
                        self.frames.push(Frame::List(rest));
                        self.step(step);
                    }
                }
                Frame::Set(mut steps) => {
                    if let Some(step) = steps.next() {
                        self.frames.push(Frame::Set(steps));
                        self.step(step);
                    }
                }
                Frame::EndOfClone => self.begin_set(),
                Frame::Rest(program) => self.rest(program),
                Frame::Return {
                    place,
                    depth,
                    reason,
                } => {
                    (self.place, self.depth, self.reason) = (place, depth, reason);
                }
                Frame::Bucket(steps) => self.copy(steps, None),
                Frame::GroupEnd(reason) => {
                    self.reason = reason;
                    self.depth -= 1;
                }
                Frame::Restore(saved) => self.restore(*saved),
            }
        }
    }

    /// A copy goes its way, through a list of steps.
    fn copy(&mut self, steps: &'a [Step], set: Option<Vec<&'a Step>>) {
        if self.copies >= MAX_COPIES {
            return self.fail();
        }
        self.record(|_| Event::Copy);
        let is_clone = set.is_some();
        self.frames.push(Frame::Restore(Box::new(Saved {
            packet: self.packet.clone(),
            stack: self.stack.clone(),
            set,
            place: self.place,
            depth: self.depth,
            copies: self.copies,
            sent: None,
            reason: self.reason,
        })));
        self.copies += 1;
        if is_clone {
            self.frames.push(Frame::EndOfClone);
        }
        self.frames.push(Frame::List(steps));
    }

    /// Open vSwitch begins to send the copy whose way begins with the packet as it is now, and goes on with that.
    fn keep_length(&mut self) {
        let copy = self.frames.iter_mut().rev().find_map(|frame| match frame {
            Frame::Restore(saved) => Some(saved),
            _ => None,
        });
        if let Some(saved) = copy {
            saved.sent = Some(self.sent);
        }
    }

    fn restore(&mut self, saved: Saved<'a>) {
        let packet = std::mem::replace(&mut self.packet, saved.packet);
        if saved.set.is_none() {
            conntrack::keep(&mut self.packet, packet.tracked);
        }
        self.stack = saved.stack;
        (self.place, self.depth, self.reason) = (saved.place, saved.depth, saved.reason);
        (self.copies, self.sent) = (saved.copies, saved.sent.unwrap_or(self.sent));
        if let Some(set) = saved.set {
            self.set = set;
        }
    }

    /// Leaves out what is to be done before the end of a copy's way: of any copy, or of a bucket's.
    fn leave(&mut self, any: bool) {
        let ends = |frame: &Frame<'_>| match frame {
            Frame::Restore(saved) => any || saved.set.is_none(),
            _ => false,
        };
        let end = self.frames.iter().rposition(ends);
        self.frames.truncate(end.map_or(0, |end| end + 1));
        self.over |= end.is_none();
    }

    /// Leaves out the rest of the list, and what its flow does after it.
    fn stop(&mut self) {
        self.frames.pop();
        if let Some(Frame::Rest(_)) = self.frames.last() {
            self.frames.pop();
        }
    }

    /// The packet goes round too often.
    fn fail(&mut self) {
        self.record(|_| Event::TooOften);
        self.frames.clear();
        self.over = true;
        self.failed = true;
    }

    /// The packet has too many labels: a bucket ends, and of all that was sent nothing is if it `clears` that; without
    /// a bucket the packet is dropped.
    fn end_of_labels(&mut self, clears: bool) {
        let of_bucket = |frame: &Frame<'_>| match frame {
            Frame::Restore(saved) => saved.set.is_none(),
            _ => false,
        };
        if !self.frames.iter().any(of_bucket) {
            return self.fail();
        }
        self.leave(false);
        if clears {
            self.outputs.clear();
        }
    }

    /// The packet comes to a table.
    /// False when no flow is for the packet.
    fn enter(&mut self, table: u8) -> bool {
        self.lookups += 1;
        if self.lookups > MAX_LOOKUPS {
            self.fail();
            return true;
        }
        let switch = self.switch;
        let met = switch.lookup(TableId(table), &mut self.packet);
        self.record(|_| Event::Lookup {
            table: TableId(table),
            flow: met.map(|(_, flow)| flow.clone()),
        });
        let Some((number, flow)) = met else {
            return false;
        };
        self.place = (table, number, flow.cookie);
        self.shared.met.push(Met {
            table,
            number,
            shortened: None,
        });
        let program = &*flow.program;
        self.frames.push(Frame::Rest(program));
        self.frames.push(Frame::List(&program.apply));
        if let Some(meter) = program.meter {
            self.meter(meter);
        }
        true
    }

    /// The packet goes to a table; the controller gets it when no flow is for it and somebody wants to know.
    fn enter_or_tell(&mut self, table: u8) {
        if !self.enter(table) {
            self.tell_of_miss(table);
        }
    }

    fn tell_of_miss(&mut self, table: u8) {
        if !self.switch.tells_of_misses(self.packet.in_port()) {
            return;
        }
        self.place = (table, self.place.1, u64::MAX);
        self.controller(&ToController {
            reason: PacketInReason::TABLE_MISS.0,
            ..ToController::default()
        });
    }

    /// What a flow does after its actions.
    fn rest(&mut self, program: &'a Program) {
        if program.clear {
            self.set.clear();
        }
        self.set.extend(&program.write);
        if program.clear || !program.write.is_empty() {
            self.note_output();
        }
        if let Some((value, mask)) = program.metadata {
            self.packet.set(Field::Metadata, value.into(), mask.into());
        }
        if let Some(table) = program.goto {
            if self.depth >= MAX_DEPTH {
                return self.fail();
            }
            self.enter_or_tell(table);
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

    fn step(&mut self, step: &'a Step) {
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
                // Nor does Open vSwitch send a part back when that is said.
                if *port == self.packet.in_port() || *port == PortNo::IN_PORT {
                    self.withhold(*port, Withheld::CameFrom);
                } else {
                    self.send(*port, *bytes);
                }
            }
            Step::Controller(to) => self.controller(to),
            Step::Group(group) => self.group(*group),
            Step::Resubmit { port, table } => _ = self.resubmit(*port, *table, false),
            Step::ResubmitOriginal { port, table } => _ = self.resubmit(*port, *table, true),
            Step::Track(track) => self.track(track),
            Step::Clone(steps) => {
                let set = self.set.clone();
                self.copy(steps, Some(set));
                if steps.iter().any(Step::cannot_be_undone) {
                    self.sent = self.packet.frame().len();
                    self.keep_length();
                }
            }
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
                    self.shared.met.push(Met {
                        table: self.place.0,
                        number: self.place.1,
                        shortened: Some((*idle, *hard)),
                    });
                }
            }
            Step::Learn(learning) => self.learn(learning),
            Step::Meter(meter) => self.meter(*meter),
            // Open vSwitch ends even what follows a clone that it is in; but only the bucket of a group.
            Step::Exit => self.leave(false),
            change => self.change(change),
        }
    }

    /// Steps that change the packet.
    fn change(&mut self, step: &Step) {
        let packet = &mut self.packet;
        match step {
            Step::Set { field, value, mask } => packet.set(*field, *value, *mask),
            Step::SetPort {
                fields,
                to_icmp,
                value,
            } => {
                for field in fields.iter().chain(to_icmp) {
                    packet.set(*field, (*value).into(), field.full_mask());
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
                if packet.get(Field::MplsLabel).is_none() {
                    self.sent = packet.frame().len();
                }
                if !packet.push_mpls(*kind) {
                    self.end_of_labels(false);
                }
            }
            Step::PopMpls(kind) => {
                let done = packet.pop_mpls(*kind);
                if !done {
                    self.end_of_labels(true);
                }
            }
            Step::Decrement { field, controllers } => {
                if packet.decrement(*field) {
                    return;
                }
                if packet.has(*field) {
                    for controller in controllers {
                        self.controller(&out_of_ttl(*controller));
                    }
                }
                self.stop();
            }
            Step::ClearConnection => {
                // What was not shown is not forgotten either.
                if packet.value(Field::CtState) != 0 {
                    packet.tracked = conntrack::Tracked::default();
                }
                conntrack::hide(packet);
            }
            _ => {}
        }
    }

    /// The packet is looked up; if so said, with the addresses and ports of its connection's first packet, if
    /// it is known. False when no flow is for it there.
    fn resubmit(&mut self, port: PortNo, table: Option<u8>, original: bool) -> bool {
        if original && !conntrack::is_known(&self.packet) {
            return true;
        }
        let table = table.unwrap_or(self.place.0);
        let deeper = u32::from(table <= self.place.0);
        if self.depth >= MAX_DEPTH {
            self.fail();
            return true;
        }
        self.record(|_| Event::Resubmit {
            port,
            table: TableId(table),
        });
        let in_port = self.packet.in_port();
        self.frames.push(Frame::Return {
            place: self.place,
            depth: self.depth,
            reason: self.reason,
        });
        if self.reason == PacketInReason::GROUP {
            self.reason = self.outer;
        }
        self.depth += deeper;
        // The port is another one for the lookup only.
        if port != PortNo::IN_PORT {
            self.packet.put(Field::InPort, port.0);
        }
        if original {
            conntrack::swap(&mut self.packet);
        }
        let met = self.enter(table);
        if original {
            conntrack::swap(&mut self.packet);
        }
        self.packet.put(Field::InPort, in_port.0);
        met
    }

    /// The packet is tracked. What was found out of it is known to a copy that goes on in a table; the packet itself
    /// goes on with what happened to its addresses, as one that was not tracked. The last missing fragment of a
    /// packet brings the others along; until then, fragments go nowhere.
    fn track(&mut self, track: &'a Track) {
        let wanted = self.wanted(track);
        let (round, now) = (self.round, self.switch.now());
        let connections = &mut self.changing.connections;
        let mut tracked = connections.track(&self.packet, &wanted, round, now);
        self.record(|_| Event::Track {
            zone: wanted.zone,
            commit: wanted.commit,
            state: tracked.first().map_or(0, conntrack::state),
        });
        if let Some(table) = track.table {
            for packet in &tracked {
                self.pass(packet.clone(), table);
            }
        }
        if let [own] = &mut tracked[..] {
            // Its fields say what they said.
            own.values = self.packet.values;
        } else {
            tracked.iter_mut().for_each(Packet::parse);
        }
        tracked.iter_mut().for_each(conntrack::hide);
        let copy =
            |frame: &Frame<'_>| matches!(frame, Frame::Restore(saved) if saved.set.is_some());
        let rest = self.frames.iter().rposition(copy).map_or(0, |end| end + 1);
        match tracked.pop() {
            Some(last) if tracked.is_empty() => self.packet = last,
            Some(last) => {
                for packet in tracked {
                    self.go_on_as(packet, rest);
                }
                self.packet = last;
                replace(&mut self.frames[rest..], &self.packet);
            }
            None => {
                self.frames.truncate(rest);
                self.over |= rest == 0;
            }
        }
    }

    /// Another packet does what is left to be done from a frame on.
    fn go_on_as(&mut self, packet: Packet, rest: usize) {
        let mut frames = self.frames[rest..].to_vec();
        replace(&mut frames, &packet);
        let mut other = Execution {
            packet,
            stack: self.stack.clone(),
            set: self.set.clone(),
            outputs: Vec::new(),
            frames,
            shared: std::mem::take(&mut self.shared),
            changing: &mut *self.changing,
            ..*self
        };
        // Only what is not a copy's way has an action set at its end.
        if rest == 0 {
            other.run()
        } else {
            other.go_on()
        }
        self.shared = other.shared;
        self.outputs.append(&mut other.outputs);
    }

    /// What is wanted of connection tracking for this packet.
    fn wanted(&mut self, track: &Track) -> Wanted {
        let zone = match &track.zone {
            Zoned::Number(number) => *number,
            // Zones have sixteen bits, and so many are read.
            Zoned::Field(bits) => bits.read(&self.packet).unwrap_or(0) as u16,
        };
        let fields = [Field::CtMark, Field::CtLabel];
        let before = fields.map(|field| self.packet.value(field));
        for step in &track.sets {
            self.change(step);
        }
        let [mark, label] = fields.map(|field| self.packet.value(field));
        for (field, value) in fields.into_iter().zip(before) {
            self.packet.put(field, value);
        }
        let mut wanted = track.wanted.clone();
        // A mark has no more bits.
        (wanted.zone, wanted.mark.0, wanted.label.0) = (zone, mark as u32, label);
        wanted
    }

    /// A tracked packet goes through the tables, from one of them on.
    fn pass(&mut self, mut packet: Packet, table: u8) {
        self.shared.passes += 1;
        if self.round >= MAX_ROUNDS || self.shared.passes > MAX_PASSES {
            return self.record(|_| Event::TooOften);
        }
        packet.parse();
        conntrack::show(&mut packet);
        let base = self.depth_told() + 1;
        let mut pass = Execution::new(self.switch, self.changing, packet);
        pass.packet
            .put(Field::ActsetOutput, self.packet.value(Field::ActsetOutput));
        pass.stack.clone_from(&self.stack);
        pass.set.clone_from(&self.set);
        pass.round = self.round + 1;
        pass.base = base;
        pass.shared = std::mem::take(&mut self.shared);
        pass.enter(table);
        pass.first = pass.place;
        pass.run();
        self.shared = pass.shared;
        self.outputs.append(&mut pass.outputs);
    }

    fn output(&mut self, port: PortNo, max_len: u16) {
        let in_port = self.packet.in_port();
        match port {
            PortNo::CONTROLLER => self.controller(&ToController {
                max_len,
                reason: self.reason_here().0,
                ..ToController::default()
            }),
            PortNo::IN_PORT => self.send(in_port, usize::MAX),
            PortNo::TABLE => {
                if !self.resubmit(PortNo::IN_PORT, Some(0), false) {
                    self.tell_of_miss(0);
                }
            }
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
            port if port == in_port => self.withhold(port, Withheld::CameFrom),
            port => self.send(port, usize::MAX),
        }
    }

    /// Why the controller is told: of a table's flow for what no other matches, that none did.
    fn reason_here(&self) -> PacketInReason {
        let (table, number, _) = self.place;
        let flow = self.switch.flow_of(table, number);
        let is_miss =
            flow.is_some_and(|flow| flow.priority == 0 && flow.matches.entries.is_empty());
        match self.reason {
            PacketInReason::APPLY_ACTION if is_miss => PacketInReason::TABLE_MISS,
            reason => reason,
        }
    }

    /// Sends the first bytes of the packet out of a port that is not down.
    fn send(&mut self, port: PortNo, bytes: usize) {
        if self.shared.sent >= MAX_OUTPUTS {
            return self.fail();
        }
        if !self.switch.port_is_alive(port) {
            return self.withhold(port, Withheld::Down);
        }
        let frame = self.packet.frame();
        // What is cut off is counted before headers are added that were not yet sent.
        let length = frame.len().saturating_sub(self.sent.saturating_sub(bytes));
        let (tunnel, frame) = (self.packet.tunnel(), frame[..length].to_vec());
        self.sent = self.packet.frame().len();
        self.record(|_| Event::Output {
            port,
            tunnel,
            frame: frame.clone(),
        });
        self.shared.sent += 1;
        self.outputs.push(Output::Port {
            port,
            tunnel,
            frame,
        });
    }

    fn withhold(&mut self, port: PortNo, reason: Withheld) {
        self.record(|_| Event::Withheld { port, reason });
    }

    /// The packet goes on if the meter lets it pass.
    fn meter(&mut self, id: MeterId) {
        if !self.passes(id) {
            self.leave(true);
        }
    }

    fn passes(&mut self, id: MeterId) -> bool {
        let bytes = self.packet.frame().len();
        let meter = self.changing.meters.get_mut(&id);
        let passes = meter.is_none_or(|meter| meter.passes(bytes, self.switch.now()));
        self.record(|_| Event::Meter { meter: id, passes });
        passes
    }

    fn group(&mut self, id: GroupId) {
        let switch = self.switch;
        if self.depth >= MAX_DEPTH {
            return self.fail();
        }
        let Some(group) = switch.group_of(id) else {
            return;
        };
        self.depth += 1;
        let buckets = group.chosen(&self.packet, switch);
        self.record(|_| Event::Group {
            group: id,
            buckets: buckets.len(),
        });
        self.frames.push(Frame::GroupEnd(self.reason));
        match self.reason {
            PacketInReason::PACKET_OUT | PacketInReason::GROUP => {}
            outer => (self.outer, self.reason) = (outer, PacketInReason::GROUP),
        }
        let buckets = buckets.into_iter().rev().map(Frame::Bucket);
        self.frames.extend(buckets);
    }

    fn learn(&mut self, learning: &Learning) {
        let flow = learning.flow(&self.packet);
        let there = self.switch.has_flow(&flow);
        let room = self.shared.learned.len() < MAX_LEARNED
            && (there
                || self
                    .switch
                    .has_room(&flow, learning.limit, &self.shared.learned));
        if let Some(result) = learning.result {
            result.write(&mut self.packet, room.into());
        }
        if room {
            self.shared.learned.push(flow);
        }
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
        if self.shared.sent >= MAX_OUTPUTS {
            return self.fail();
        }
        if to.meter.is_some_and(|meter| !self.passes(meter)) {
            return;
        }
        let frame = self.packet.frame();
        self.sent = frame.len();
        let received = Box::new(Received {
            packet_in: PacketIn {
                buffer_id: NO_BUFFER,
                total_len: u16::try_from(frame.len()).unwrap_or(u16::MAX),
                reason: PacketInReason(to.reason),
                table: TableId(self.place.0),
                cookie: self.place.2,
                metadata: metadata(&self.packet),
                // All of it, whatever the action says: a switch that holds no packets has nothing to come back for.
                packet: frame.to_vec().into(),
            },
            userdata: to.userdata.clone(),
            continuation: None,
        });
        self.record(|_| Event::Controller(received.clone()));
        self.shared.sent += 1;
        self.outputs.push(Output::Controller {
            id: to.controller_id,
            packet: received,
        });
    }
}

/// Puts another packet in the place of the one that buckets go back to.
fn replace(frames: &mut [Frame<'_>], packet: &Packet) {
    for frame in frames {
        if let Frame::Restore(saved) = frame {
            saved.packet.frame.clone_from(&packet.frame);
            saved.packet.tracked = packet.tracked.clone();
            saved.packet.parse();
        }
    }
}
