//! Flows that packets make: the `learn` action, checked when it is told and carried out when a packet comes.
//!
//! As `lib/learn.c` of Open vSwitch does: what is learned is there for the next packet, not for this one; a flow that
//! is there already gets the new actions and begins its time anew. It knows nothing of tables but through the
//! [`Switch`].

use rust_openflow::action::{
    self, LEARN_DELETE_LEARNED, LEARN_SEND_FLOW_REM, LearnSource, LearnSpec, LearnTarget, Subfield,
};
use rust_openflow::message::{FlowCommand, FlowFlags, FlowMod, FlowRemovedReason};
use rust_openflow::{Action, FieldValue, Instruction, Match, PortNo, TableId, Version};

use crate::packet::Packet;
use crate::program::{Bits, Checker, Existing};
use crate::refusal::Refusal;
use crate::switch::Switch;
use crate::table::Flow;

/// A flow that is to be made of packets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Learning {
    /// What does not depend on the packet.
    flow: FlowMod,
    /// The idle and hard timeout after a FIN or RST.
    fin: (u16, u16),
    specs: Vec<Spec>,
    /// How many flows of this cookie there may be in the table; 0 for any number.
    pub(crate) limit: u32,
    /// Where it is said whether there was room.
    pub(crate) result: Option<Bits>,
}

/// A part of a learned flow: from where, and what for.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Spec {
    from: From,
    to: To,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum From {
    Packet(Bits),
    Value(u128),
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum To {
    Match(Bits),
    Load(Bits),
    Output,
}

impl Learning {
    /// What an action asks for, which is one of those that learn.
    pub(crate) fn of<E: Existing>(
        action: &Action,
        checker: &Checker<'_, E>,
    ) -> Result<Option<Self>, Refusal> {
        let learn = match action.clone() {
            Action::Learn {
                idle_timeout,
                hard_timeout,
                priority,
                cookie,
                flags,
                table_id,
                fin_idle_timeout,
                fin_hard_timeout,
                specs,
            } => {
                if flags & !(LEARN_SEND_FLOW_REM | LEARN_DELETE_LEARNED) != 0 {
                    return Err(Refusal::Argument("the flags of a learned flow"));
                }
                action::Learn2 {
                    idle_timeout,
                    hard_timeout,
                    priority,
                    cookie,
                    flags: action::LearnFlags::new(flags),
                    table_id,
                    fin_idle_timeout,
                    fin_hard_timeout,
                    specs,
                    ..action::Learn2::default()
                }
            }
            Action::Learn2 { learn } => *learn,
            _ => return Ok(None),
        };
        Self::checked(&learn, checker).map(Some)
    }

    fn checked<E: Existing>(
        learn: &action::Learn2,
        checker: &Checker<'_, E>,
    ) -> Result<Self, Refusal> {
        let flags = learn.flags.bits();
        if flags & !(LEARN_SEND_FLOW_REM | LEARN_DELETE_LEARNED) != 0 {
            return Err(Refusal::Argument("the flags of a learned flow"));
        }
        if learn.table_id == TableId::ALL {
            return Err(Refusal::Argument("the table of a learned flow"));
        }
        let mut flow = FlowMod::add(
            learn.table_id,
            learn.priority,
            Match::any(),
            Vec::new(),
            learn.cookie,
        );
        (flow.idle_timeout, flow.hard_timeout) = (learn.idle_timeout, learn.hard_timeout);
        if flags & LEARN_SEND_FLOW_REM != 0 {
            flow.flags = FlowFlags::SEND_FLOW_REMOVED;
        }
        let mut of_flow = checker.about(Match::any());
        let specs = learn.specs.0.iter();
        let specs = specs.map(|spec| Spec::checked(spec, checker, &mut of_flow));
        let result = learn.result_dst.map(|field| {
            let bit = Subfield::new(field, learn.result_dst_ofs, 1);
            checker.writable(&bit)
        });
        Ok(Self {
            flow,
            fin: (learn.fin_idle_timeout, learn.fin_hard_timeout),
            specs: specs.collect::<Result<_, _>>()?,
            limit: learn.limit,
            result: result.transpose()?,
        })
    }

    /// The flow that a packet makes.
    pub(crate) fn flow(&self, packet: &Packet) -> FlowMod {
        let mut flow = self.flow.clone();
        let mut wanted: Vec<(Bits, u128, u128)> = Vec::new();
        let mut actions = Vec::new();
        let (idle, hard) = self.fin;
        if idle != 0 || hard != 0 {
            actions.push(Action::FinTimeout {
                fin_idle_timeout: idle,
                fin_hard_timeout: hard,
            });
        }
        for spec in &self.specs {
            let value = match spec.from {
                From::Packet(bits) => bits.read(packet).unwrap_or(0),
                From::Value(value) => value,
            };
            match spec.to {
                To::Match(bits) => {
                    let (value, mask) = (value << bits.offset, bits.mask() << bits.offset);
                    match wanted.iter_mut().find(|(own, ..)| own.field == bits.field) {
                        Some((_, own, significant)) => {
                            *own = *own & !mask | value;
                            *significant |= mask;
                        }
                        None => wanted.push((bits, value, mask)),
                    }
                }
                To::Load(bits) => {
                    let (value, mask) = (value << bits.offset, bits.mask() << bits.offset);
                    actions.push(Action::set_masked(bits.field, value, mask));
                }
                To::Output => actions.extend(learned_port(value).map(Action::output)),
            }
        }
        for (bits, value, mask) in wanted {
            let asked = FieldValue::masked(bits.field, value, mask);
            flow.matches.push(asked);
        }
        flow.matches.sort();
        if !actions.is_empty() {
            flow.instructions.push(Instruction::apply(actions));
        }
        flow
    }
}

impl Spec {
    fn checked<E: Existing>(
        spec: &LearnSpec,
        checker: &Checker<'_, E>,
        of_flow: &mut Checker<'_, E>,
    ) -> Result<Self, Refusal> {
        let part = |field: action::Oxm32, offset| Subfield::new(field.0, offset, spec.n_bits);
        let from = match &spec.src {
            LearnSource::Field { field, offset } => {
                From::Packet(checker.readable(&part(*field, *offset))?)
            }
            LearnSource::Immediate(bytes) => {
                let bytes = bytes.iter();
                From::Value(bytes.fold(0, |value, byte| value << 8 | u128::from(*byte)))
            }
        };
        let to = match spec.dst {
            LearnTarget::Match { field, offset } => {
                let bits = of_flow.readable(&part(field, offset))?;
                if let From::Value(value) = from {
                    let mask = bits.mask() << bits.offset;
                    of_flow.note(FieldValue::masked(
                        bits.field,
                        value << bits.offset & mask,
                        mask,
                    ));
                }
                To::Match(bits)
            }
            LearnTarget::Load { field, offset } => {
                To::Load(of_flow.writable(&part(field, offset))?)
            }
            LearnTarget::Output => To::Output,
            LearnTarget::Reserved => return Err(Refusal::Argument("a part of a learned flow")),
        };
        Ok(Self { from, to })
    }
}

/// The port that a learned flow sends to, if a number is that of one.
fn learned_port(number: u128) -> Option<PortNo> {
    let port = PortNo::from_u16(u16::try_from(number).ok()?);
    let special = [PortNo::IN_PORT, PortNo::FLOOD, PortNo::LOCAL, PortNo::ALL];
    (port < PortNo::MAX || special.contains(&port)).then_some(port)
}

impl Switch {
    /// Whether one more learned flow is within a limit, when these are learned before.
    pub(crate) fn has_room(&self, flow: &FlowMod, limit: u32, before: &[FlowMod]) -> bool {
        let same = |other: &&FlowMod| other.table == flow.table && other.cookie == flow.cookie;
        let more = before
            .iter()
            .filter(same)
            .filter(|other| !self.has_flow(other));
        let there = self.numbers_of(flow.table, flow.cookie).len() + more.count();
        limit == 0 || there < limit as usize
    }

    /// A packet has made a flow.
    pub(crate) fn learn(&mut self, mut flow: FlowMod) {
        if self.has_flow(&flow) {
            flow.command = FlowCommand::MODIFY_STRICT;
        }
        // It was checked as an action; what finds nothing to change in its packets is taken all the same.
        let _ = self.flow_mod_in(Version::V1_0, &flow);
    }

    /// A flow has gone, and with it those that were only to be there as long as it.
    pub(crate) fn unlearn(&mut self, flow: &Flow) {
        for place in learned_with(flow) {
            let mut flows = self.flows();
            if flows.any(|(_, other)| learned_with(other).contains(&place)) {
                continue;
            }
            drop(flows);
            let (table, cookie) = place;
            for number in self.numbers_of(table, cookie) {
                self.remove(table.0, number, FlowRemovedReason::DELETE);
            }
        }
    }
}

/// The tables and cookies of the flows that go with this one.
fn learned_with(flow: &Flow) -> Vec<(TableId, u64)> {
    let actions = flow.actions().into_iter();
    let places = actions.filter_map(|action| match action {
        Action::Learn {
            flags,
            table_id,
            cookie,
            ..
        } => Some((*flags, *table_id, *cookie)),
        Action::Learn2 { learn } => Some((learn.flags.bits(), learn.table_id, learn.cookie)),
        _ => None,
    });
    let places = places.filter(|(flags, ..)| flags & LEARN_DELETE_LEARNED != 0);
    places.map(|(_, table, cookie)| (table, cookie)).collect()
}
