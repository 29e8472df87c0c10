//! Which flow is for a packet: tuple space search, as `lib/classifier.c` of Open vSwitch does it.
//!
//! Flows whose matches ask for the same bits of the same fields have one shape, and stand in one hash table
//! by the values that they ask for. A lookup hashes the packet once for each shape, from the shape with the highest
//! priority on, and ends when no shape can have a better flow; it does not depend on how many flows there
//! are of a shape. The hash is fixed, so that the same history gives the same results.
//!
//! Conjunctions are those of ovs-fields(7), "Conjunctive match fields", also where that leaves a choice: of a clause
//! and another flow of the same priority the flow counts, and of several conjunctions that are met the lowest
//! id. It knows nothing of what flows do; see [`crate::table`].

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::{BuildHasherDefault, Hasher};

use rust_openflow::field::Field;
use rust_openflow::{FieldValue, Match};

use crate::packet::Packet;

/// One clause of a conjunctive match.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Clause {
    /// The conjunction.
    pub id: u32,
    /// Which clause, from 0.
    pub clause: u8,
    /// Of how many.
    pub of: u8,
}

/// Which bits of which fields a match asks for, in the order of fields.
type Shape = Box<[(Field, u128)]>;
/// The values of these bits.
type Values = Box<[u128]>;

/// A match as its shape and its values, in the one form that all matches of the same meaning have.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Key {
    shape: Shape,
    values: Values,
}

impl Key {
    /// The key of a match.
    #[must_use]
    pub fn of(matches: &Match) -> Self {
        let meant = matches.normalized();
        let mut asked: Vec<&FieldValue> = meant.fields().collect();
        asked.sort_unstable_by_key(|asked| asked.field);
        Self {
            shape: asked
                .iter()
                .map(|asked| (asked.field, asked.significant()))
                .collect(),
            values: asked.iter().map(|asked| asked.value).collect(),
        }
    }

    /// What is asked of each field: its bits and their values.
    fn asked(&self) -> impl Iterator<Item = (Field, u128, u128)> {
        let parts = self.shape.iter().zip(&self.values);
        parts.map(|((field, mask), value)| (*field, *mask, *value))
    }

    /// What is asked of a field.
    fn of_field(&self, field: Field) -> Option<(u128, u128)> {
        let at = self
            .shape
            .binary_search_by_key(&field, |part| part.0)
            .ok()?;
        Some((self.shape[at].1, self.values[at]))
    }

    /// Whether every packet of the other match agrees with this one.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        self.asked().all(|(field, mask, value)| {
            other
                .of_field(field)
                .is_some_and(|(own, there)| own & mask == mask && there & mask == value)
        })
    }

    /// Whether there may be a packet that agrees with both.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        self.asked().all(|(field, mask, value)| {
            other
                .of_field(field)
                .is_none_or(|(own, there)| (value ^ there) & mask & own == 0)
        })
    }
}

/// A flow among those of the same match.
#[derive(Debug, Clone)]
struct Entry<V> {
    priority: u16,
    clauses: Box<[Clause]>,
    value: V,
}

/// The flows of one shape.
#[derive(Debug, Clone)]
struct Shaped<V> {
    shape: Shape,
    /// Of each match the flows, highest priority first; never none.
    entries: HashMap<Values, Vec<Entry<V>>, BuildHasherDefault<Mixer>>,
    /// How many flows have which priority.
    priorities: BTreeMap<u16, usize>,
}

impl<V> Shaped<V> {
    fn highest(&self) -> u16 {
        self.priorities.last_key_value().map_or(0, |last| *last.0)
    }
}

/// Flows by what they match. `V` is what is found.
#[derive(Debug, Clone)]
pub struct Classifier<V> {
    /// By number; those without flows are to be used again.
    shapes: Vec<Shaped<V>>,
    free: Vec<usize>,
    numbers: BTreeMap<Shape, usize>,
    /// The numbers of shapes with their highest priorities, those first.
    order: Vec<(u16, usize)>,
}

impl<V> Default for Classifier<V> {
    fn default() -> Self {
        Self {
            shapes: Vec::new(),
            free: Vec::new(),
            numbers: BTreeMap::new(),
            order: Vec::new(),
        }
    }
}

impl<V: Copy> Classifier<V> {
    /// How many shapes there are: how often a lookup hashes at most.
    #[must_use]
    pub fn shapes(&self) -> usize {
        self.order.len()
    }

    /// Adds a flow; gives the one that had the same match and priority, in whose place it is.
    pub fn insert(
        &mut self,
        key: Key,
        priority: u16,
        clauses: Box<[Clause]>,
        value: V,
    ) -> Option<V> {
        let Key { shape, values } = key;
        let number = self.number(shape);
        let shaped = &mut self.shapes[number];
        let before = (!shaped.priorities.is_empty()).then(|| shaped.highest());
        let entries = shaped.entries.entry(values).or_default();
        let entry = Entry {
            priority,
            clauses,
            value,
        };
        let at = entries.partition_point(|other| other.priority > priority);
        if let Some(same) = entries
            .get_mut(at)
            .filter(|other| other.priority == priority)
        {
            return Some(std::mem::replace(same, entry).value);
        }
        entries.insert(at, entry);
        *shaped.priorities.entry(priority).or_default() += 1;
        let after = shaped.highest();
        self.reorder(number, before, Some(after));
        None
    }

    /// The number of a shape, which is a new one when there is none.
    fn number(&mut self, shape: Shape) -> usize {
        if let Some(number) = self.numbers.get(&shape) {
            return *number;
        }
        let empty = Shaped {
            shape: shape.clone(),
            entries: HashMap::default(),
            priorities: BTreeMap::new(),
        };
        let number = match self.free.pop() {
            Some(number) => {
                self.shapes[number] = empty;
                number
            }
            None => {
                self.shapes.push(empty);
                self.shapes.len() - 1
            }
        };
        self.numbers.insert(shape, number);
        number
    }

    fn shape(&self, shape: &Shape) -> Option<&Shaped<V>> {
        self.numbers.get(shape).map(|number| &self.shapes[*number])
    }

    /// The flow of a match and priority.
    #[must_use]
    pub fn find(&self, key: &Key, priority: u16) -> Option<V> {
        let entries = self.shape(&key.shape)?.entries.get(&key.values)?;
        let same = entries.iter().find(|entry| entry.priority == priority)?;
        Some(same.value)
    }

    /// Removes the flow of a match and priority, and gives it.
    pub fn remove(&mut self, key: &Key, priority: u16) -> Option<V> {
        let number = *self.numbers.get(&key.shape)?;
        let shaped = &mut self.shapes[number];
        let before = shaped.highest();
        let entries = shaped.entries.get_mut(&key.values)?;
        let at = entries
            .iter()
            .position(|entry| entry.priority == priority)?;
        let removed = entries.remove(at).value;
        if entries.is_empty() {
            shaped.entries.remove(&key.values);
        }
        if let Some(count) = shaped.priorities.get_mut(&priority) {
            *count -= 1;
            if *count == 0 {
                shaped.priorities.remove(&priority);
            }
        }
        let after = (!shaped.priorities.is_empty()).then(|| shaped.highest());
        self.reorder(number, Some(before), after);
        if after.is_none() {
            self.numbers.remove(&key.shape);
            self.free.push(number);
        }
        Some(removed)
    }

    /// Puts a shape where its highest priority belongs.
    fn reorder(&mut self, number: usize, before: Option<u16>, after: Option<u16>) {
        if before == after {
            return;
        }
        let shapes = &self.shapes;
        let place = |order: &[(u16, usize)], highest: u16| {
            order.partition_point(|(other, there)| {
                (*other, &shapes[*there].shape) > (highest, &shapes[number].shape)
            })
        };
        if let Some(highest) = before {
            let at = place(&self.order, highest);
            self.order.remove(at);
        }
        if let Some(highest) = after {
            let at = place(&self.order, highest);
            self.order.insert(at, (highest, number));
        }
    }

    /// The shapes with flows.
    fn inhabited(&self) -> impl Iterator<Item = &Shaped<V>> {
        self.order.iter().map(|(_, number)| &self.shapes[*number])
    }

    /// The flow for a packet. While a conjunction's own flow is looked for, `conj_id` is set.
    pub fn lookup(&self, packet: &mut Packet) -> Option<V> {
        let (mut best, mut clauses) = self.search(packet);
        loop {
            let floor = best.map(|entry| entry.priority);
            clauses.retain(|entries| floor < Some(entries[0].priority));
            let Some(highest) = clauses.iter().map(|entries| entries[0].priority).max() else {
                return best.map(|entry| entry.value);
            };
            let at_highest = clauses
                .iter()
                .filter(|entries| entries[0].priority == highest);
            for id in met(at_highest.flat_map(|entries| &entries[0].clauses)) {
                packet.put(Field::ConjId, id);
                let (found, _) = self.search(packet);
                packet.put(Field::ConjId, 0_u32);
                if let Some(entry) = found {
                    return Some(entry.value);
                }
            }
            // Behind these clauses there may be flows of the same matches.
            for entries in &mut clauses {
                if entries[0].priority == highest {
                    *entries = &entries[1..];
                }
            }
            clauses.retain(|entries| match entries.first() {
                Some(entry) if entry.clauses.is_empty() => {
                    if best.is_none_or(|best| best.priority < entry.priority) {
                        best = Some(entry);
                    }
                    false
                }
                next => next.is_some(),
            });
        }
    }

    /// The best flow that is no clause, and the flows of each match that begins with a better clause.
    fn search(&self, packet: &Packet) -> (Option<&Entry<V>>, Vec<&[Entry<V>]>) {
        let (mut best, mut clauses): (Option<&Entry<V>>, _) = (None, Vec::new());
        let mut values = Vec::new();
        for (highest, number) in &self.order {
            let Shaped { shape, entries, .. } = &self.shapes[*number];
            let floor = best.map(|entry| entry.priority);
            if floor >= Some(*highest) {
                break;
            }
            values.clear();
            let of_packet = shape
                .iter()
                .map_while(|(field, mask)| Some(packet.matched(*field)? & mask));
            values.extend(of_packet);
            if values.len() < shape.len() {
                continue;
            }
            let Some(entries) = entries.get(&*values) else {
                continue;
            };
            if floor >= Some(entries[0].priority) {
                continue;
            }
            if entries[0].clauses.is_empty() {
                best = Some(&entries[0]);
            } else {
                clauses.push(&entries[..]);
            }
        }
        (best, clauses)
    }

    /// The flows that a match covers.
    pub fn covered(&self, key: &Key) -> Vec<V> {
        let asked = &key.shape;
        let mut found = Vec::new();
        for Shaped { shape, entries, .. } in self.inhabited() {
            let has = |(field, mask): &(Field, u128)| {
                let at = shape.binary_search_by_key(field, |part| part.0);
                at.is_ok_and(|at| shape[at].1 & mask == *mask)
            };
            if !asked.iter().all(has) {
                continue;
            }
            if shape == asked {
                let entries = entries.get(&key.values);
                found.extend(entries.into_iter().flatten().map(|entry| entry.value));
                continue;
            }
            for (values, entries) in entries {
                let one = Key {
                    shape: shape.clone(),
                    values: values.clone(),
                };
                if key.covers(&one) {
                    found.extend(entries.iter().map(|entry| entry.value));
                }
            }
        }
        found
    }

    /// Whether another match of the priority overlaps (OpenFlow 1.5.1, 6.4, `CHECK_OVERLAP`).
    #[must_use]
    pub fn overlaps(&self, key: &Key, priority: u16) -> bool {
        let mut of_priority = self
            .inhabited()
            .filter(|shaped| shaped.priorities.contains_key(&priority));
        of_priority.any(|shaped| {
            shaped.entries.iter().any(|(values, entries)| {
                let one = Key {
                    shape: shaped.shape.clone(),
                    values: values.clone(),
                };
                let there = entries.iter().any(|entry| entry.priority == priority);
                there && one != *key && key.overlaps(&one)
            })
        })
    }
}

/// The conjunctions of which every clause is there, in the order of their ids.
fn met<'a>(clauses: impl Iterator<Item = &'a Clause>) -> Vec<u32> {
    let mut there: BTreeMap<u32, (u8, BTreeSet<u8>)> = BTreeMap::new();
    for clause in clauses {
        let entry = there
            .entry(clause.id)
            .or_insert((clause.of, BTreeSet::new()));
        entry.1.insert(clause.clause);
    }
    there
        .into_iter()
        .filter(|(_, (of, clauses))| clauses.len() == usize::from(*of))
        .map(|(id, _)| id)
        .collect()
}

/// A hash of a packet's values that is the same everywhere: each word is mixed in by a multiplication.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Mixer(u64);

impl Hasher for Mixer {
    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.write_u64(u64::from_le_bytes(word));
        }
    }

    fn write_u64(&mut self, word: u64) {
        // The golden ratio, whose multiples are far from each other.
        self.0 = (self.0.rotate_left(29) ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }

    fn finish(&self) -> u64 {
        // The best bits of a product are the high ones; tables look at the low ones, too.
        self.0 ^ self.0 >> 32
    }
}
