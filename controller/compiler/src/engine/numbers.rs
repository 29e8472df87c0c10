//! Small numbers for big names, and what is kept for each.
//!
//! An item's name holds ids of 16 bytes and strings; it is hashed once, when it comes in, and then
//! everything that refers to it holds its number, and finds it at its place in a vector. In a large cloud
//! that is fewer and smaller places of memory to wait for.

use std::fmt::{self, Debug, Formatter};
use std::hash::{BuildHasher, Hash, Hasher};
use std::marker::PhantomData;
use std::ops::{Index, IndexMut};

use hashbrown::{DefaultHashBuilder, HashTable};

/// The number of a name in [`Numbered`]; when the name goes, it becomes that of another.
pub(super) struct Number<Name>(u32, PhantomData<fn() -> Name>);

impl<Name> Number<Name> {
    fn place(self) -> usize {
        self.0 as usize
    }
}

// Derived, these would ask the same of names.
impl<Name> Clone for Number<Name> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<Name> Copy for Number<Name> {}
impl<Name> PartialEq for Number<Name> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}
impl<Name> Eq for Number<Name> {}
impl<Name> PartialOrd for Number<Name> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl<Name> Ord for Number<Name> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.cmp(&other.0)
    }
}
impl<Name> Hash for Number<Name> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}
impl<Name> Debug for Number<Name> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.0)
    }
}

/// Names with their numbers, and a value for each.
pub(super) struct Numbered<Name, Value> {
    hasher: DefaultHashBuilder,
    numbers: HashTable<u32>,
    rows: Vec<Option<(Name, Value)>>,
    /// Places in `rows` where nothing is.
    free: Vec<u32>,
}

impl<Name: Clone + Eq + Hash, Value: Default> Numbered<Name, Value> {
    pub(super) fn new() -> Self {
        Self {
            hasher: DefaultHashBuilder::default(),
            numbers: HashTable::new(),
            rows: Vec::new(),
            free: Vec::new(),
        }
    }

    /// The number of a name that has one.
    pub(super) fn number(&self, name: &Name) -> Option<Number<Name>> {
        let hash = self.hasher.hash_one(name);
        let number = self
            .numbers
            .find(hash, |number| named(&self.rows, *number, name))?;
        Some(Number(*number, PhantomData))
    }

    /// The number of a name, which gets one if it has none.
    pub(super) fn enter(&mut self, name: &Name) -> Number<Name> {
        let Self {
            hasher,
            numbers,
            rows,
            free,
        } = self;
        let hash = hasher.hash_one(name);
        let of = |number: &u32| {
            let row = &rows[*number as usize];
            row.as_ref().map_or(0, |(name, _)| hasher.hash_one(name))
        };
        let entry = numbers.entry(hash, |number| named(rows, *number, name), of);
        let entry = match entry {
            hashbrown::hash_table::Entry::Occupied(entry) => {
                return Number(*entry.get(), PhantomData);
            }
            hashbrown::hash_table::Entry::Vacant(entry) => entry,
        };
        let number = free.pop().unwrap_or_else(|| {
            u32::try_from(rows.len()).expect("there is no memory for so many names")
        });
        entry.insert(number);
        let row = Some((name.clone(), Value::default()));
        match rows.get_mut(number as usize) {
            Some(place) => *place = row,
            None => rows.push(row),
        }
        Number(number, PhantomData)
    }

    /// Takes a name's number and value away.
    pub(super) fn remove(&mut self, number: Number<Name>) -> Option<Value> {
        let (name, value) = self.rows.get_mut(number.place())?.take()?;
        let hash = self.hasher.hash_one(&name);
        if let Ok(entry) = self.numbers.find_entry(hash, |other| *other == number.0) {
            entry.remove();
        }
        self.free.push(number.0);
        Some(value)
    }

    pub(super) fn name(&self, number: Number<Name>) -> &Name {
        &self.row(number).0
    }

    /// What is kept for a number whose name may be gone.
    pub(super) fn get(&self, number: Number<Name>) -> Option<&Value> {
        let row = self.rows.get(number.place())?.as_ref();
        row.map(|(_, value)| value)
    }

    /// All names, in no order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&Name, &Value)> {
        self.rows
            .iter()
            .flatten()
            .map(|(name, value)| (name, value))
    }

    fn row(&self, number: Number<Name>) -> &(Name, Value) {
        self.rows[number.place()]
            .as_ref()
            .expect("who holds a number holds its name")
    }
}

fn named<Name: Eq, Value>(rows: &[Option<(Name, Value)>], number: u32, name: &Name) -> bool {
    let row = &rows[number as usize];
    row.as_ref().is_some_and(|(other, _)| other == name)
}

impl<Name: Clone + Eq + Hash, Value: Default> Index<Number<Name>> for Numbered<Name, Value> {
    type Output = Value;

    fn index(&self, number: Number<Name>) -> &Value {
        &self.row(number).1
    }
}

impl<Name: Clone + Eq + Hash, Value: Default> IndexMut<Number<Name>> for Numbered<Name, Value> {
    fn index_mut(&mut self, number: Number<Name>) -> &mut Value {
        let row = self.rows[number.place()].as_mut();
        &mut row.expect("who holds a number holds its name").1
    }
}
