//! A flow table: its flows, and which of them is for a packet ([`crate::classifier`]).

use std::sync::Arc;

use rust_openflow::{Action, Instruction, Match};

use crate::classifier::{Classifier, Clause, Key};
use crate::packet::Packet;
use crate::program::Program;

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
    pub(crate) program: Arc<Program>,
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

    /// Every action, those inside other actions too.
    pub(crate) fn actions(&self) -> Vec<&Action> {
        let mut found = Vec::new();
        let mut lists: Vec<&[Action]> =
            self.instructions
                .iter()
                .filter_map(|instruction| match instruction {
                    Instruction::ApplyActions { actions }
                    | Instruction::WriteActions { actions } => Some(actions.as_slice()),
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

/// A flow table.
#[derive(Debug, Clone, Default)]
pub struct Table {
    classifier: Classifier<usize>,
    /// The flows by number; numbers without one are to be used again.
    flows: Vec<Option<Arc<Flow>>>,
    free: Vec<usize>,
}

impl Table {
    /// Adds a flow, in place of one with the same match and priority.
    pub fn add(&mut self, flow: Flow) {
        let clauses: Box<[Clause]> = flow.clauses().collect();
        let key = Key::of(&flow.matches);
        let priority = flow.priority;
        let number = self.free.pop().unwrap_or_else(|| {
            self.flows.push(None);
            self.flows.len() - 1
        });
        self.flows[number] = Some(Arc::new(flow));
        if let Some(old) = self.classifier.insert(key, priority, clauses, number) {
            self.forget(old);
        }
    }

    /// Removes the flow of a match and priority.
    pub fn remove(&mut self, priority: u16, matches: &Match) {
        if let Some(old) = self.classifier.remove(&Key::of(matches), priority) {
            self.forget(old);
        }
    }

    fn forget(&mut self, number: usize) {
        self.flows[number] = None;
        self.free.push(number);
    }

    /// The flows, in an order that is the same when the same was done.
    pub fn flows(&self) -> impl Iterator<Item = &Arc<Flow>> {
        self.flows.iter().flatten()
    }

    /// The flow for a packet.
    pub(crate) fn lookup(&self, packet: &mut Packet) -> Option<&Arc<Flow>> {
        self.flows[self.classifier.lookup(packet)?].as_ref()
    }
}

/// Whether every packet of the specific match agrees with the general one.
pub(crate) fn covers(general: &Match, specific: &Match) -> bool {
    Key::of(general).covers(&Key::of(specific))
}

/// Whether two matches are the same.
pub(crate) fn same(one: &Match, other: &Match) -> bool {
    Key::of(one) == Key::of(other)
}
