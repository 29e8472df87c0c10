//! A flow table: which flow is for a packet.
//!
//! Flows are kept by priority, and in each priority by the shape of their match (fields and masks),
//! so that a lookup hashes once for each shape (tuple space search, as in `lib/classifier.c`).

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use rust_openflow::field::Field;
use rust_openflow::{Action, Instruction, Match};

use crate::packet::Packet;

/// Which bits of which fields a match asks for, in the order of fields.
type Shape = Vec<(Field, u128)>;
/// Flows of one priority, by shape and by the values of the fields.
type Shapes = BTreeMap<Shape, HashMap<Vec<u128>, Arc<Flow>>>;

/// A flow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flow {
    /// Precedence, higher first.
    pub priority: u16,
    /// Its number, chosen by the controller.
    pub cookie: u64,
    /// Which packets.
    pub matches: Match,
    /// What is done with them.
    pub instructions: Vec<Instruction>,
}

impl Flow {
    /// The clauses that it contributes; none when it is not part of conjunctive matches.
    fn clauses(&self) -> impl Iterator<Item = Clause> {
        let actions = self
            .instructions
            .iter()
            .flat_map(|instruction| match instruction {
                Instruction::ApplyActions { actions } => actions.as_slice(),
                _ => &[],
            });
        actions.filter_map(|action| match action {
            Action::Conjunction {
                id,
                clause,
                n_clauses,
            } => Some(Clause {
                id: *id,
                clause: *clause,
                of: *n_clauses,
            }),
            _ => None,
        })
    }

    fn is_conjunctive(&self) -> bool {
        self.clauses().next().is_some()
    }

    /// Every action, those inside other actions too.
    pub(crate) fn actions(&self) -> Vec<&Action> {
        let mut found = Vec::new();
        let mut lists: Vec<&[Action]> = self
            .instructions
            .iter()
            .filter_map(|instruction| match instruction {
                Instruction::ApplyActions { actions } => Some(actions.as_slice()),
                _ => None,
            })
            .collect();
        while let Some(list) = lists.pop() {
            found.extend(list);
            lists.extend(list.iter().filter_map(|action| match action {
                Action::Clone { actions } => Some(actions.as_slice()),
                _ => None,
            }));
        }
        found
    }
}

struct Clause {
    id: u32,
    clause: u8,
    of: u8,
}

/// A flow table.
#[derive(Debug, Clone, Default)]
pub struct Table {
    priorities: BTreeMap<Reverse<u16>, Shapes>,
}

impl Table {
    /// Adds a flow, in place of one with the same match and priority.
    pub fn add(&mut self, flow: Flow) {
        let (shape, values) = split(&flow.matches);
        self.priorities
            .entry(Reverse(flow.priority))
            .or_default()
            .entry(shape)
            .or_default()
            .insert(values, Arc::new(flow));
    }

    /// Removes the flow of a match and priority.
    pub fn remove(&mut self, priority: u16, matches: &Match) {
        let (shape, values) = split(matches);
        let Some(shapes) = self.priorities.get_mut(&Reverse(priority)) else {
            return;
        };
        if let Some(flows) = shapes.get_mut(&shape) {
            flows.remove(&values);
            if flows.is_empty() {
                shapes.remove(&shape);
            }
        }
        if shapes.is_empty() {
            self.priorities.remove(&Reverse(priority));
        }
    }

    /// The flows, highest priority first.
    pub fn flows(&self) -> impl Iterator<Item = &Arc<Flow>> {
        self.priorities
            .values()
            .flat_map(BTreeMap::values)
            .flat_map(HashMap::values)
    }

    /// The flow for a packet. A conjunctive match sets `conj_id` and looks again, for a flow that is
    /// not a clause (ovs-fields(7), "Conjunctive match fields").
    pub(crate) fn lookup(&self, packet: &mut Packet) -> Option<&Arc<Flow>> {
        for shapes in self.priorities.values() {
            let found = matching(shapes, packet);
            for id in complete(&found) {
                packet.put(Field::ConjId, id);
                let flow = self.ordinary(packet);
                packet.put(Field::ConjId, 0_u32);
                if flow.is_some() {
                    return flow;
                }
            }
            if let Some(flow) = found.into_iter().find(|flow| !flow.is_conjunctive()) {
                return Some(flow);
            }
        }
        None
    }

    fn ordinary(&self, packet: &Packet) -> Option<&Arc<Flow>> {
        self.priorities.values().find_map(|shapes| {
            matching(shapes, packet)
                .into_iter()
                .find(|flow| !flow.is_conjunctive())
        })
    }
}

/// The flows of a priority that a packet agrees with; the standard leaves open which of several counts.
fn matching<'a>(shapes: &'a Shapes, packet: &Packet) -> Vec<&'a Arc<Flow>> {
    let values = |shape: &Shape| -> Option<Vec<u128>> {
        shape
            .iter()
            .map(|(field, mask)| packet.get(*field).map(|value| value & mask))
            .collect()
    };
    shapes
        .iter()
        .filter_map(|(shape, flows)| flows.get(&values(shape)?))
        .collect()
}

/// The conjunctions of which every clause is there.
fn complete(found: &[&Arc<Flow>]) -> Vec<u32> {
    let mut clauses: BTreeMap<u32, (u8, BTreeSet<u8>)> = BTreeMap::new();
    for clause in found.iter().flat_map(|flow| flow.clauses()) {
        let entry = clauses.entry(clause.id).or_default();
        entry.0 = clause.of;
        entry.1.insert(clause.clause);
    }
    clauses
        .into_iter()
        .filter(|(_, (of, there))| there.len() == usize::from(*of))
        .map(|(id, _)| id)
        .collect()
}

/// A match as its shape and its values; what asks for nothing is left out.
fn split(matches: &Match) -> (Shape, Vec<u128>) {
    let mut fields: Vec<_> = matches
        .fields()
        .filter(|asked| asked.significant() != 0)
        .map(|asked| (asked.field, asked.significant(), asked.value))
        .collect();
    fields.sort_unstable();
    fields
        .into_iter()
        .map(|(field, mask, value)| ((field, mask), value))
        .unzip()
}

/// Whether every packet of the specific match agrees with the general one.
pub(crate) fn covers(general: &Match, specific: &Match) -> bool {
    general.fields().all(|asked| {
        asked.significant() == 0
            || specific.get(asked.field).is_some_and(|there| {
                let mask = asked.significant();
                there.significant() & mask == mask && there.value & mask == asked.value
            })
    })
}

/// Whether two matches are the same.
pub(crate) fn same(one: &Match, other: &Match) -> bool {
    split(one) == split(other)
}
