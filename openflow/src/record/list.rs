//! A list that holds its first elements itself, for what is nearly always short: reading it asks for no memory.
//!
//! It is used like a slice, and made from an array, from a [`Vec`] or by collecting. What its elements are is the
//! affair of the rows that name it.

use std::fmt;
use std::ops::{Deref, DerefMut};

use smallvec::SmallVec;

use super::{Dice, Generate, Plain, Sink, Value, ValueError, Wire, base};
use crate::Version;
use crate::error::{DecodeError, EncodeError};
use crate::wire::{Reader, Writer};

/// A list of which the first `N` elements need no memory of their own.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct List<T, const N: usize>(SmallVec<[T; N]>);

impl<T, const N: usize> List<T, N> {
    /// A list without elements.
    #[must_use]
    pub fn new() -> Self {
        Self(SmallVec::new())
    }

    /// Adds an element at the end.
    pub fn push(&mut self, value: T) {
        self.0.push(value);
    }

    /// The elements as a [`Vec`].
    #[must_use]
    pub fn into_vec(self) -> Vec<T> {
        self.0.into_vec()
    }
}

impl<T, const N: usize> Default for List<T, N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: fmt::Debug, const N: usize> fmt::Debug for List<T, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

impl<T, const N: usize> Deref for List<T, N> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.0
    }
}

impl<T, const N: usize> DerefMut for List<T, N> {
    fn deref_mut(&mut self) -> &mut [T] {
        &mut self.0
    }
}

impl<T, const N: usize> From<Vec<T>> for List<T, N> {
    fn from(list: Vec<T>) -> Self {
        Self(list.into())
    }
}

impl<T, const N: usize, const M: usize> From<[T; M]> for List<T, N> {
    fn from(list: [T; M]) -> Self {
        list.into_iter().collect()
    }
}

impl<T, const N: usize> FromIterator<T> for List<T, N> {
    fn from_iter<I: IntoIterator<Item = T>>(list: I) -> Self {
        Self(list.into_iter().collect())
    }
}

impl<T, const N: usize> Extend<T> for List<T, N> {
    fn extend<I: IntoIterator<Item = T>>(&mut self, list: I) {
        self.0.extend(list);
    }
}

impl<T, const N: usize> IntoIterator for List<T, N> {
    type Item = T;
    type IntoIter = smallvec::IntoIter<[T; N]>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'a, T, const N: usize> IntoIterator for &'a List<T, N> {
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<'a, T, const N: usize> IntoIterator for &'a mut List<T, N> {
    type Item = &'a mut T;
    type IntoIter = std::slice::IterMut<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter_mut()
    }
}

impl<T: PartialEq, const N: usize> PartialEq<Vec<T>> for List<T, N> {
    fn eq(&self, other: &Vec<T>) -> bool {
        **self == **other
    }
}

impl<T: PartialEq, const N: usize, const M: usize> PartialEq<[T; M]> for List<T, N> {
    fn eq(&self, other: &[T; M]) -> bool {
        **self == *other
    }
}

impl<T, const N: usize> Sink<T> for List<T, N> {
    #[inline(always)]
    fn put(&mut self, make: impl FnOnce() -> T) {
        #[cold]
        #[inline(never)]
        fn grow<T, const N: usize>(list: &mut List<T, N>, value: T) {
            list.push(value);
        }
        match self.0.len() < self.0.capacity() {
            true => self.0.push(make()),
            false => grow(self, make()),
        }
    }

    fn last_mut(&mut self) -> Option<&mut T> {
        self.0.last_mut()
    }
}

/// Values until the end.
impl<T: Wire, const N: usize> Wire for List<T, N> {
    fn read(r: &mut Reader<'_>, version: Version, what: &'static str) -> Result<Self, DecodeError> {
        let mut list = Self::new();
        base::read_all(&mut list, r, version, what)?;
        Ok(list)
    }

    fn write(&self, w: &mut Writer, version: Version) -> Result<(), EncodeError> {
        self.iter().try_for_each(|value| value.write(w, version))
    }
}

impl<T: Plain, const N: usize> Plain for List<T, N> {
    fn value(&self, version: Version) -> Value {
        Value::List(self.iter().map(|value| value.value(version)).collect())
    }

    fn from_value(value: &Value, version: Version) -> Result<Self, ValueError> {
        Vec::from_value(value, version).map(Self::from)
    }
}

impl<T: Generate, const N: usize> Generate for List<T, N> {
    fn generate(dice: &mut Dice<'_>, version: Version) -> Self {
        Vec::generate(dice, version).into()
    }
}
