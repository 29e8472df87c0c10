//! A flow table: its flows with what was counted of them, which of them a message is about, and which is for a
//! packet ([`crate::classifier`]).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rust_openflow::message::{FlowFlags, FlowRemovedReason};
use rust_openflow::{Action, GroupId, Instruction, Match, MeterId, PortNo};

use crate::classifier::{Classifier, Clause, Key};
use crate::executor::TableCounts;
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
    /// Seconds without packets after which it goes; 0 for never.
    pub idle_timeout: u16,
    /// Seconds after which it goes; 0 for never.
    pub hard_timeout: u16,
    /// How it behaves.
    pub flags: FlowFlags,
    /// Which flows stay when a table overflows; tables here do not.
    pub importance: u16,
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

    /// Whether it passes packets through a meter.
    pub(crate) fn uses_meter(&self, meter: impl Fn(MeterId) -> bool) -> bool {
        let by_instruction = self
            .instructions
            .iter()
            .any(|instruction| match instruction {
                Instruction::Meter { meter_id } => meter(*meter_id),
                _ => false,
            });
        let of_action = |action: &Action| match action {
            Action::Meter { meter_id } => Some(*meter_id),
            other => other.to_controller().and_then(|to| to.meter),
        };
        by_instruction || self.actions().into_iter().filter_map(of_action).any(meter)
    }

    /// Whether it does the same as another, under the same cookie.
    pub(crate) fn does_as(&self, other: &Self) -> bool {
        (self.cookie, &self.instructions) == (other.cookie, &other.instructions)
    }

    /// Every action, those inside other actions too.
    pub(crate) fn actions(&self) -> Vec<&Action> {
        actions(&self.instructions)
    }
}

/// Every action of instructions, those inside other actions too.
fn actions(list: &[Instruction]) -> Vec<&Action> {
    let mut found = Vec::new();
    let mut lists: Vec<&[Action]> = list
        .iter()
        .filter_map(|instruction| match instruction {
            Instruction::ApplyActions { actions } | Instruction::WriteActions { actions } => {
                Some(actions.as_slice())
            }
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

/// How much of what a flow met.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counters {
    /// Packets.
    pub packets: u64,
    /// Their bytes.
    pub bytes: u64,
    /// When the flow was made, in milliseconds of the switch's clock.
    pub created: u64,
    /// When it was made or last changed.
    pub modified: u64,
    /// When a packet last met it, or it was made.
    pub used: u64,
}

/// A flow in its table.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) flow: Arc<Flow>,
    pub(crate) counters: Counters,
    /// Which of all flows that there ever were.
    pub(crate) serial: u64,
    key: Key,
}

impl Entry {
    /// When the flow goes unless a packet comes, and why; none for never.
    pub(crate) fn due(&self) -> Option<(u64, FlowRemovedReason)> {
        let after = |since: u64, seconds: u16| {
            (seconds != 0).then(|| since.saturating_add(1000 * u64::from(seconds)))
        };
        let hard = after(self.counters.modified, self.flow.hard_timeout);
        let idle = after(self.counters.used, self.flow.idle_timeout);
        let hard = hard.map(|due| (due, FlowRemovedReason::HARD_TIMEOUT));
        let idle = idle.map(|due| (due, FlowRemovedReason::IDLE_TIMEOUT));
        // Of both at once the hard one is told.
        hard.into_iter().chain(idle).min_by_key(|(due, _)| *due)
    }
}

/// Which flows a message is about.
#[derive(Debug, Clone)]
pub(crate) struct Selection {
    pub(crate) key: Key,
    /// Only the flow of exactly this match and priority, not all that the match covers.
    pub(crate) strict: Option<u16>,
    pub(crate) cookie: u64,
    pub(crate) cookie_mask: u64,
    pub(crate) out_port: PortNo,
    pub(crate) out_group: GroupId,
}

impl Selection {
    /// Whether it is about a flow, of whatever table.
    pub(crate) fn concerns(&self, matches: &Match, cookie: u64, list: &[Instruction]) -> bool {
        self.key.covers(&Key::of(matches)) && self.agrees(cookie, list)
    }

    /// What is asked besides the match.
    fn agrees(&self, cookie: u64, list: &[Instruction]) -> bool {
        let cookie = (cookie ^ self.cookie) & self.cookie_mask == 0;
        let uses = |wanted: &dyn Fn(&Action) -> bool| actions(list).into_iter().any(wanted);
        let to = |action: &Action| match action {
            Action::Output { port, .. } | Action::Enqueue { port, .. } => *port == self.out_port,
            Action::OutputTrunc { port, .. } => port.0 == self.out_port,
            _ => false,
        };
        let port = self.out_port == PortNo::ANY || uses(&to);
        let group = self.out_group == GroupId::ANY
            || uses(&|action| used_group(action) == Some(self.out_group));
        cookie && port && group
    }
}

/// The group that an action hands packets to.
pub(crate) fn used_group(action: &Action) -> Option<GroupId> {
    match action {
        Action::Group { group_id } | Action::NxGroup { group_id } => Some(*group_id),
        _ => None,
    }
}

/// A flow table.
#[derive(Debug, Clone, Default)]
pub struct Table {
    classifier: Classifier<usize>,
    /// The flows by number; numbers without one are to be used again.
    flows: Vec<Option<Entry>>,
    free: Vec<usize>,
    /// The numbers of the flows of each cookie.
    cookies: BTreeMap<u64, BTreeSet<usize>>,
    counts: TableCounts,
}

impl Table {
    /// Adds a flow, in place of one with the same match and priority, and gives its number, and the number and entry of
    /// that other. Counts go on unless they are to begin anew.
    pub(crate) fn add(
        &mut self,
        flow: Flow,
        serial: u64,
        now: u64,
        reset: bool,
    ) -> (usize, Option<(usize, Entry)>) {
        let clauses: Box<[Clause]> = flow.clauses().collect();
        let (key, priority) = (Key::of(&flow.matches), flow.priority);
        let number = self.free.pop().unwrap_or_else(|| {
            self.flows.push(None);
            self.flows.len() - 1
        });
        let old = self
            .classifier
            .insert(key.clone(), priority, clauses, number);
        let replaced = old.and_then(|old| Some((old, self.forget(old)?)));
        let old = replaced.as_ref().filter(|_| !reset);
        let old = old.map(|(_, old)| old.counters).unwrap_or_default();
        self.cookies.entry(flow.cookie).or_default().insert(number);
        self.flows[number] = Some(Entry {
            flow: Arc::new(flow),
            counters: Counters {
                packets: old.packets,
                bytes: old.bytes,
                created: now,
                modified: now,
                used: now,
            },
            serial,
            key,
        });
        (number, replaced)
    }

    /// Gives a number the flow that it had, or none. What was done last is to be undone first.
    pub(crate) fn restore(&mut self, number: usize, before: Option<Entry>) {
        self.remove(number);
        let Some(entry) = before else {
            return;
        };
        if let Some(at) = self.free.iter().rposition(|free| *free == number) {
            self.free.remove(at);
        }
        let (key, priority) = (entry.key.clone(), entry.flow.priority);
        let clauses = entry.flow.clauses().collect();
        self.classifier.insert(key, priority, clauses, number);
        let cookie = self.cookies.entry(entry.flow.cookie).or_default();
        cookie.insert(number);
        // Numbers that were given once have a place.
        self.flows[number] = Some(entry);
    }

    /// Gives a flow other instructions.
    pub(crate) fn change(
        &mut self,
        number: usize,
        list: &[Instruction],
        program: Program,
        now: u64,
        reset: bool,
    ) {
        let Some(entry) = self.flows.get_mut(number).and_then(Option::as_mut) else {
            return;
        };
        let flow = Arc::make_mut(&mut entry.flow);
        flow.instructions = list.to_vec();
        flow.program = Arc::new(program);
        entry.counters.modified = now;
        if reset {
            (entry.counters.packets, entry.counters.bytes) = (0, 0);
        }
        let clauses = flow.clauses().collect();
        self.classifier
            .insert(entry.key.clone(), entry.flow.priority, clauses, number);
    }

    /// Gives a flow another cookie.
    pub(crate) fn rename(&mut self, number: usize, cookie: u64) {
        let Some(entry) = self.flows.get_mut(number).and_then(Option::as_mut) else {
            return;
        };
        let flow = Arc::make_mut(&mut entry.flow);
        if let Some(numbers) = self.cookies.get_mut(&flow.cookie) {
            numbers.remove(&number);
            if numbers.is_empty() {
                self.cookies.remove(&flow.cookie);
            }
        }
        flow.cookie = cookie;
        self.cookies.entry(cookie).or_default().insert(number);
    }

    /// Removes a flow, and gives it.
    pub(crate) fn remove(&mut self, number: usize) -> Option<Entry> {
        let entry = self.forget(number)?;
        self.classifier.remove(&entry.key, entry.flow.priority);
        Some(entry)
    }

    fn forget(&mut self, number: usize) -> Option<Entry> {
        let entry = self.flows.get_mut(number)?.take()?;
        self.free.push(number);
        if let Some(numbers) = self.cookies.get_mut(&entry.flow.cookie) {
            numbers.remove(&number);
            if numbers.is_empty() {
                self.cookies.remove(&entry.flow.cookie);
            }
        }
        Some(entry)
    }

    /// What is counted of it.
    pub(crate) fn counts(&self) -> TableCounts {
        let flows = self.flows.len() - self.free.len();
        TableCounts {
            flows: u32::try_from(flows).unwrap_or(u32::MAX),
            ..self.counts
        }
    }

    /// Whether there is a flow of this match and priority.
    pub(crate) fn has(&self, key: &Key, priority: u16) -> bool {
        self.classifier.find(key, priority).is_some()
    }

    /// Whether another flow of the priority overlaps.
    pub(crate) fn overlaps(&self, key: &Key, priority: u16) -> bool {
        self.classifier.overlaps(key, priority)
    }

    /// The numbers of flows, lowest first.
    pub(crate) fn selected(&self, selection: &Selection) -> Vec<usize> {
        let key = &selection.key;
        let mut numbers: Vec<usize> = match selection.strict {
            Some(priority) => self.classifier.find(key, priority).into_iter().collect(),
            // A whole cookie says more than most matches.
            None if selection.cookie_mask == u64::MAX => {
                let numbers = self.cookies.get(&selection.cookie).into_iter().flatten();
                let covered = |number: &&usize| {
                    self.entry(**number)
                        .is_some_and(|entry| key.covers(&entry.key))
                };
                numbers.filter(covered).copied().collect()
            }
            None => self.classifier.covered(key),
        };
        numbers.retain(|number| {
            self.entry(*number)
                .is_some_and(|entry| selection.agrees(entry.flow.cookie, &entry.flow.instructions))
        });
        numbers.sort_unstable();
        numbers
    }

    pub(crate) fn entry(&self, number: usize) -> Option<&Entry> {
        self.flows.get(number)?.as_ref()
    }

    pub(crate) fn entry_mut(&mut self, number: usize) -> Option<&mut Entry> {
        self.flows.get_mut(number)?.as_mut()
    }

    /// The flows with their numbers, in an order that is the same when the same was done.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (usize, &Entry)> {
        let numbered = self.flows.iter().enumerate();
        numbered.filter_map(|(number, entry)| Some((number, entry.as_ref()?)))
    }

    /// The number of the flow for a packet.
    pub(crate) fn lookup(&self, packet: &mut Packet) -> Option<usize> {
        self.classifier.lookup(packet)
    }
}
