//! How lowering functions put out flows: a builder that speaks of stages and slots, and the check of
//! every flow against its stage's row.
//!
//! A flow that does what its stage's row does not allow is refused here and becomes a [`Fault`];
//! the rest of the program goes on.

use std::panic::Location;
use std::sync::Arc;

use rust_openflow::action::ToController;
use rust_openflow::matches::Value;
use rust_openflow::message::{GroupMod, MeterMod};
use rust_openflow::{Action, EncodeError, Field, FieldValue, Instruction, Match, PortNo, TableId};

use crate::content::{Body, Clause, Flow, Secret};
use crate::pipeline::{SLOTS, Slot, Stage};

/// Something that an item put out, and where in the source.
#[derive(Debug, Clone)]
pub struct Emission {
    /// What.
    pub body: Body,
    /// The line that emitted it.
    pub origin: &'static Location<'static>,
}

/// A flow that was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The stage's row does not allow it.
    #[error("{origin}: stage {} may not {verb} {what}", stage.name())]
    NotInRow {
        /// The stage.
        stage: Stage,
        /// "match", "set", "reach".
        verb: &'static str,
        /// The field, slot or stage.
        what: &'static str,
        /// The line that emitted it.
        origin: &'static Location<'static>,
    },
    /// It cannot be written.
    #[error("{origin}: {error}")]
    Encode {
        /// Why not.
        error: EncodeError,
        /// The line that emitted it.
        origin: &'static Location<'static>,
    },
    /// Two items say different things about the same packets.
    #[error("{first} and {second} give one match different instructions")]
    Conflict {
        /// One item.
        first: String,
        /// The other.
        second: String,
    },
}

/// Collects what an item puts out.
#[derive(Debug)]
pub struct Emitter<'a> {
    secret: &'a Secret,
    emissions: Vec<Emission>,
    faults: Vec<Fault>,
}

/// A flow being built.
#[derive(Debug)]
#[must_use = "a flow is put out by goto, end or clause"]
pub struct FlowBuilder<'e, 'a> {
    emitter: &'e mut Emitter<'a>,
    stage: Stage,
    priority: u16,
    matches: Match,
    actions: Vec<Action>,
    origin: &'static Location<'static>,
}

impl<'a> Emitter<'a> {
    pub(crate) fn new(secret: &'a Secret) -> Self {
        Self {
            secret,
            emissions: Vec::new(),
            faults: Vec::new(),
        }
    }

    pub(crate) fn finish(self) -> (Vec<Emission>, Vec<Fault>) {
        (self.emissions, self.faults)
    }

    /// Begins a flow.
    #[track_caller]
    pub fn flow(&mut self, stage: Stage, priority: u16) -> FlowBuilder<'_, 'a> {
        FlowBuilder {
            emitter: self,
            stage,
            priority,
            matches: Match::any(),
            actions: Vec::new(),
            origin: Location::caller(),
        }
    }

    /// Puts out a group.
    #[track_caller]
    pub fn group(&mut self, group: GroupMod) {
        self.emissions.push(Emission {
            body: Body::Group(Arc::new(group)),
            origin: Location::caller(),
        });
    }

    /// Puts out a meter.
    #[track_caller]
    pub fn meter(&mut self, meter: MeterMod) {
        self.emissions.push(Emission {
            body: Body::Meter(Arc::new(meter)),
            origin: Location::caller(),
        });
    }
}

impl FlowBuilder<'_, '_> {
    /// Only packets whose slot holds that value.
    pub fn slot(mut self, slot: Slot, value: u32) -> Self {
        self.matches.push(slot.holds(value));
        self
    }

    /// Only packets whose field has that value.
    pub fn field(mut self, field: Field, value: impl Value) -> Self {
        self.matches = self.matches.with(field, value);
        self
    }

    /// Only packets whose field has that value in the bits of a mask.
    pub fn masked(mut self, field: Field, value: impl Value, mask: impl Value) -> Self {
        self.matches = self.matches.with_masked(field, value, mask);
        self
    }

    /// Only packets with these field values.
    pub fn fields(mut self, values: impl IntoIterator<Item = FieldValue>) -> Self {
        for value in values {
            self.matches.push(value);
        }
        self
    }

    /// Sets a slot.
    pub fn put(self, slot: Slot, value: u32) -> Self {
        self.action(Action::set_to(slot.holds(value)))
    }

    /// Sets a field.
    pub fn set(self, field: Field, value: impl Value) -> Self {
        self.action(Action::set(field, value))
    }

    /// Runs an action.
    pub fn action(mut self, action: Action) -> Self {
        self.actions.push(action);
        self
    }

    /// Runs a stage as a subroutine and goes on.
    pub fn call(self, stage: Stage) -> Self {
        self.action(Action::resubmit(stage.table().0))
    }

    /// Sends the packet out of a port.
    pub fn output(self, port: PortNo) -> Self {
        self.action(Action::output(port))
    }

    /// Sends the packet to the controller.
    pub fn punt(self, to: ToController) -> Self {
        self.action(Action::from(to))
    }

    /// Puts the flow out; the packet goes on in another stage.
    pub fn goto(self, stage: Stage) {
        self.finish(Some(stage));
    }

    /// Puts the flow out; the packet goes nowhere else. Without any action, it is dropped.
    pub fn end(self) {
        self.finish(None);
    }

    /// Puts out one clause of a conjunction, which shares its flow with other clauses on the same match.
    pub fn clause(mut self, id: u32, clause: u8, of: u8) {
        self.check(None);
        self.matches.sort();
        let action = Action::conjunction(id, clause, of);
        // The flow with this clause alone: tells whether it can be written, and its key.
        let alone = Flow::new(
            self.emitter.secret,
            self.stage,
            self.priority,
            self.matches.clone(),
            vec![Instruction::apply(vec![action.clone()])],
        );
        let body = alone.map(|flow| {
            Body::Clause(Arc::new(Clause {
                stage: self.stage,
                priority: self.priority,
                matches: self.matches,
                key: flow.key,
                action,
            }))
        });
        push(self.emitter, body, self.origin);
    }

    fn finish(mut self, goto: Option<Stage>) {
        if !self.check(goto) {
            return;
        }
        let mut instructions = Vec::with_capacity(2);
        if !self.actions.is_empty() {
            instructions.push(Instruction::apply(std::mem::take(&mut self.actions)));
        }
        if let Some(stage) = goto {
            instructions.push(Instruction::goto(stage.table()));
        }
        let flow = Flow::new(
            self.emitter.secret,
            self.stage,
            self.priority,
            self.matches,
            instructions,
        );
        push(
            self.emitter,
            flow.map(|flow| Body::Flow(Arc::new(flow))),
            self.origin,
        );
    }

    /// Holds the flow against its stage's row.
    fn check(&mut self, goto: Option<Stage>) -> bool {
        let before = self.emitter.faults.len();
        let row = self.stage.row();
        for value in self.matches.fields() {
            if !row.matches.contains(&value.field) && !slot_among(value, row.reads) {
                self.emitter
                    .faults
                    .push(self.fault("match", value.field.row().name));
            }
        }
        for action in &self.actions {
            let written = match action {
                Action::SetField { .. } => action.sets().copied(),
                Action::Move { dst, .. } | Action::Pop { field: dst, .. } => {
                    dst.field().map(|field| FieldValue::exact(field, 0_u8))
                }
                _ => None,
            };
            if let Some(value) = written
                && !row.sets.contains(&value.field)
                && !slot_among(&value, row.writes)
            {
                self.emitter
                    .faults
                    .push(self.fault("set", value.field.row().name));
            }
        }
        let called = self.actions.iter().filter_map(|action| match action {
            Action::Resubmit { table, .. } => Some(Stage::from_table(TableId(*table))),
            _ => None,
        });
        for next in called.chain(goto.map(Some)) {
            if !next.is_some_and(|next| row.next.contains(&next)) {
                let name = next.map_or("a table that is no stage", Stage::name);
                self.emitter.faults.push(self.fault("reach", name));
            }
        }
        self.emitter.faults.len() == before
    }

    fn fault(&self, verb: &'static str, what: &'static str) -> Fault {
        Fault::NotInRow {
            stage: self.stage,
            verb,
            what,
            origin: self.origin,
        }
    }
}

/// Whether a field value is exactly the bits of one of these slots.
fn slot_among(value: &FieldValue, slots: &[Slot]) -> bool {
    slots.iter().any(|slot| {
        let row = &SLOTS[*slot as usize];
        row.field == value.field && slot.holds(u32::MAX).significant() == value.significant()
    })
}

fn push(
    emitter: &mut Emitter<'_>,
    body: Result<Body, EncodeError>,
    origin: &'static Location<'static>,
) {
    match body {
        Ok(body) => emitter.emissions.push(Emission { body, origin }),
        Err(error) => emitter.faults.push(Fault::Encode { error, origin }),
    }
}
