//! The entries of a match: a list, or a structure of OpenFlow 1.0 as it came, whose entries are found out when they
//! are asked for. So reading the structure, which has one size, asks for no memory.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Deref;
use std::sync::OnceLock;

use super::Entry;
use super::standard::{Standard, Structure};
use crate::Version;

/// The entries of a match, in order. They are used like a slice, made from an array, from a [`Vec`] or by collecting,
/// and changed by [`Entries::to_mut`].
#[derive(Clone)]
pub struct Entries(Kept);

/// What is kept of them.
#[derive(Clone)]
enum Kept {
    /// Themselves.
    List(Vec<Entry>),
    /// What says them, and they once they were asked for.
    Structure(Structure, OnceLock<Box<[Entry]>>),
}

impl Entries {
    /// The entries, to change them.
    pub fn to_mut(&mut self) -> &mut Vec<Entry> {
        if let Kept::Structure(..) = self.0 {
            self.0 = Kept::List(self.to_vec());
        }
        match &mut self.0 {
            Kept::List(list) => list,
            Kept::Structure(..) => unreachable!("it is a list by now"),
        }
    }

    /// The structure of OpenFlow 1.0 that they came as.
    pub(super) fn structure(&self) -> Option<Standard> {
        match &self.0 {
            Kept::List(_) => None,
            Kept::Structure(structure, _) => structure.read(),
        }
    }

    /// The same where this crate would write the entries as another.
    pub(super) fn odd(&self) -> Option<Standard> {
        self.structure().filter(|came| !came.is_ours(Version::V1_0))
    }
}

impl Deref for Entries {
    type Target = [Entry];

    #[inline]
    fn deref(&self) -> &[Entry] {
        match &self.0 {
            Kept::List(list) => list,
            Kept::Structure(structure, list) => {
                let says = |came: Standard| came.to_entries(Version::V1_0).into();
                list.get_or_init(|| structure.read().map(says).unwrap_or_default())
            }
        }
    }
}

impl Default for Entries {
    fn default() -> Self {
        Vec::new().into()
    }
}

impl From<Vec<Entry>> for Entries {
    #[inline]
    fn from(list: Vec<Entry>) -> Self {
        Self(Kept::List(list))
    }
}

impl<const N: usize> From<[Entry; N]> for Entries {
    fn from(list: [Entry; N]) -> Self {
        Vec::from(list).into()
    }
}

impl From<Structure> for Entries {
    fn from(structure: Structure) -> Self {
        Self(Kept::Structure(structure, OnceLock::new()))
    }
}

impl From<Entries> for Vec<Entry> {
    fn from(entries: Entries) -> Self {
        match entries.0 {
            Kept::List(list) => list,
            Kept::Structure(..) => entries.to_vec(),
        }
    }
}

impl FromIterator<Entry> for Entries {
    fn from_iter<I: IntoIterator<Item = Entry>>(list: I) -> Self {
        Vec::from_iter(list).into()
    }
}

impl IntoIterator for Entries {
    type Item = Entry;
    type IntoIter = std::vec::IntoIter<Entry>;

    fn into_iter(self) -> Self::IntoIter {
        Vec::from(self).into_iter()
    }
}

impl<'a> IntoIterator for &'a Entries {
    type Item = &'a Entry;
    type IntoIter = std::slice::Iter<'a, Entry>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// The same entries; and the same structure, where this crate would not write it so.
impl PartialEq for Entries {
    fn eq(&self, other: &Self) -> bool {
        **self == **other && self.odd() == other.odd()
    }
}

impl Eq for Entries {}

impl Hash for Entries {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (**self).hash(state);
    }
}

impl fmt::Debug for Entries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = (**self).fmt(f);
        match self.odd() {
            Some(odd) => write!(f, " as {odd:?}"),
            None => list,
        }
    }
}
