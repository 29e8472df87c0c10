//! What flows do with a packet: instructions, actions, and what comes out.
//!
//! As `ofproto-dpif-xlate.c` does: a resubmit returns, and what it changed stays changed; a
//! copy for a group's bucket or a clone leaves no trace. Loops end at limits, with what was sent so far.

use rust_openflow::action::{Subfield, ToController};
use rust_openflow::field::Field;
use rust_openflow::matches::Entry;
use rust_openflow::message::{GroupType, NO_BUFFER, PacketIn, PacketInReason, Received};
use rust_openflow::{Action, FieldValue, GroupId, Instruction, Match, PortNo, TableId};

use crate::packet::{Packet, Tunnel};
use crate::switch::Switch;

/// How deep resubmits may go back to the same or an earlier table (`MAX_DEPTH`).
const MAX_DEPTH: u32 = 64;
/// How many tables one packet may be looked up in (`MAX_RESUBMITS`).
const MAX_LOOKUPS: u32 = MAX_DEPTH * MAX_DEPTH;
/// How many values the stack holds (65,536 bytes in Open vSwitch).
const MAX_STACK: usize = 4096;
/// How many groups may lead to each other.
const MAX_GROUPS: u32 = MAX_DEPTH;

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

/// One packet's way.
pub(crate) struct Execution<'a> {
    switch: &'a Switch,
    packet: Packet,
    stack: Vec<u128>,
    outputs: Vec<Output>,
    /// Where the packet is.
    table: u8,
    cookie: u64,
    depth: u32,
    lookups: u32,
    groups: u32,
    /// Nothing more is done with the packet.
    over: bool,
}

impl<'a> Execution<'a> {
    pub(crate) fn new(switch: &'a Switch, packet: Packet) -> Self {
        Self {
            switch,
            packet,
            stack: Vec::new(),
            outputs: Vec::new(),
            table: 0,
            cookie: u64::MAX,
            depth: 0,
            lookups: 0,
            groups: 0,
            over: false,
        }
    }

    /// The packet's way from the first table on.
    pub(crate) fn pipeline(mut self) -> Vec<Output> {
        self.run(0);
        self.outputs
    }

    /// The packet's way through a list of actions, as in a packet-out.
    pub(crate) fn list(mut self, actions: &'a [Action]) -> Vec<Output> {
        self.actions(actions);
        self.outputs
    }

    /// From a table on, until no flow says where to go next.
    fn run(&mut self, first: u8) {
        let mut next = Some(first);
        while let Some(table) = next.take() {
            self.lookups += 1;
            self.over |= self.lookups > MAX_LOOKUPS;
            if self.over {
                return;
            }
            let switch = self.switch;
            let Some(flow) = switch.lookup(TableId(table), &mut self.packet) else {
                return;
            };
            (self.table, self.cookie) = (table, flow.cookie);
            for instruction in &flow.instructions {
                match instruction {
                    Instruction::ApplyActions { actions } => self.actions(actions),
                    Instruction::WriteMetadata { metadata, mask } => {
                        self.packet
                            .set(Field::Metadata, u128::from(*metadata), u128::from(*mask))
                    }
                    Instruction::GotoTable { table_id: table } => next = Some(table.0),
                    // Meters never drop here: there is no time. The others were refused.
                    _ => {}
                }
                if self.over {
                    return;
                }
            }
        }
    }

    fn actions(&mut self, actions: &'a [Action]) {
        for action in actions {
            if self.over {
                return;
            }
            self.action(action);
        }
    }

    fn action(&mut self, action: &'a Action) {
        match action {
            Action::Output { port, max_len } => self.output(*port, *max_len),
            Action::Group { group_id: group } => self.group(*group),
            Action::PushVlan { ethertype: kind } => self.packet.push_vlan(*kind),
            Action::PopVlan {} => self.packet.pop_vlan(),
            Action::SetTtl { nw_ttl: ttl } => self.packet.set(Field::IpTtl, u128::from(*ttl), 0xff),
            Action::DecTtl {} if !self.packet.decrement_ttl() => {
                self.controller(&ToController::default(), PacketInReason::INVALID_TTL);
                self.over = true;
            }
            Action::SetField {
                field: Entry::Known(value),
            } => {
                self.packet
                    .set(value.field, value.value, value.significant());
            }
            Action::Move { .. } => {
                // Nothing moves when either field is not there.
                if let Some((source, destination)) = action.copies()
                    && let Some(value) = self.read(&source)
                {
                    self.write(&destination, value);
                }
            }
            Action::Resubmit { in_port, table } => self.resubmit(in_port.0, *table),
            Action::Controller { .. } | Action::Controller2 { .. } => {
                if let Some(to) = action.to_controller() {
                    self.controller(&to, PacketInReason(to.reason));
                }
            }
            Action::Push {
                offset,
                field,
                n_bits,
            } => {
                let source = Subfield::new(*field, *offset, *n_bits);
                let value = self.read(&source).unwrap_or_default();
                self.over |= self.stack.len() >= MAX_STACK;
                self.stack.push(value);
            }
            // Popping what is not there does nothing.
            Action::Pop { .. } => {
                if let Some(destination) = action.writes()
                    && let Some(value) = self.stack.pop()
                {
                    self.write(&destination, value);
                }
            }
            Action::Clone { actions } => self.copy(|copy| copy.actions(actions)),
            Action::CheckPktLarger { pkt_len, .. } => {
                let larger = self.packet.frame().len() > usize::from(*pkt_len);
                if let Some(destination) = action.writes() {
                    self.write(&destination, u128::from(larger));
                }
            }
            // Queues and meters change when packets go, not where; a clause was the lookup's. The
            // others were refused.
            _ => {}
        }
    }

    fn read(&self, of: &Subfield) -> Option<u128> {
        let value = self.packet.get(of.field.field()?)?;
        Some(value >> of.offset & bits(of.bits))
    }

    fn write(&mut self, to: &Subfield, value: u128) {
        let mask = bits(to.bits);
        if let Some(field) = to.field.field() {
            self.packet
                .set(field, (value & mask) << to.offset, mask << to.offset);
        }
    }

    /// Runs something on a copy of the packet and its registers.
    fn copy(&mut self, on_copy: impl FnOnce(&mut Self)) {
        let (packet, stack) = (self.packet.clone(), self.stack.clone());
        let place = (self.table, self.cookie);
        on_copy(self);
        (self.packet, self.stack) = (packet, stack);
        (self.table, self.cookie) = place;
    }

    fn resubmit(&mut self, port: PortNo, table: u8) {
        let place = (self.table, self.cookie);
        let table = if table == 255 { self.table } else { table };
        let deeper = u32::from(table <= self.table);
        if self.depth + deeper > MAX_DEPTH {
            self.over = true;
            return;
        }
        let in_port = self.packet.in_port();
        if port != PortNo::IN_PORT {
            self.packet.put(Field::InPort, port.0);
        }
        self.depth += deeper;
        self.run(table);
        self.depth -= deeper;
        self.packet.put(Field::InPort, in_port.0);
        (self.table, self.cookie) = place;
    }

    fn output(&mut self, port: PortNo, max_len: u16) {
        let in_port = self.packet.in_port();
        let port = match port {
            PortNo::CONTROLLER => {
                let to = ToController {
                    max_len,
                    ..ToController::default()
                };
                return self.controller(&to, PacketInReason::APPLY_ACTION);
            }
            PortNo::IN_PORT => in_port,
            // A packet never goes back unless that is said.
            port if port == in_port => return,
            port => port,
        };
        self.outputs.push(Output::Port {
            port,
            tunnel: self.packet.tunnel(),
            frame: self.packet.frame().to_vec(),
        });
    }

    fn group(&mut self, id: GroupId) {
        let switch = self.switch;
        let Some(group) = switch.group(id) else {
            return;
        };
        self.groups += 1;
        self.over |= self.groups > MAX_GROUPS;
        let count = if group.kind == GroupType::INDIRECT {
            1
        } else {
            usize::MAX
        };
        for bucket in group.buckets.iter().take(count) {
            self.copy(|copy| copy.actions(&bucket.actions));
        }
        self.groups -= 1;
    }

    fn controller(&mut self, to: &ToController, reason: PacketInReason) {
        let frame = self.packet.frame();
        let length = frame.len().min(usize::from(to.max_len));
        self.outputs.push(Output::Controller(Box::new(Received {
            packet_in: PacketIn {
                buffer_id: NO_BUFFER,
                total_len: u16::try_from(frame.len()).unwrap_or(u16::MAX),
                reason,
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

/// That many bits.
fn bits(count: u16) -> u128 {
    u128::MAX
        .checked_shr(128 - u32::from(count.min(128)))
        .unwrap_or(0)
}
