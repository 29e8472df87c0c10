//! Rows of structures: fields declared once, from which reading, writing, JSON, random values and the
//! reference derive.
//!
//! [`record!`] declares a structure, [`variants!`] a union whose members are told apart by a type code.
//! A field is a line: its sentence, what fills the bytes before it, its name, its type, and the versions
//! that have it when not all do:
//!
//! ```text
//! /// Bytes of the queue's packets.
//! {pad 2 [V1_0 V1_0]} tx_bytes: u64;
//! /// Since when it exists.
//! duration_sec: u32 [V1_3 V1_5];
//! ```
//!
//! Fillers are `pad N` (zero bytes), `length` (16 bits, the bytes of the whole structure, which ends
//! there), and for a list whose length stands before it: `list_length` (16 bits, the bytes of the list),
//! `list` where it begins, `list_end` where it ends, with padding to eight bytes. Fillers after the last
//! field stand in `.. {...}`. A Rust name that is not the specification's is followed by that: `kind "type": u16`. What is laid
//! out less regularly implements the traits by hand; [`plain!`] then still derives all but the layout.
//! Versions that lay a structure out in another order have a structure of their own for that, named behind
//! the rows, `forms { [V1_0 V1_0] FlowMod10 }`, which is turned into this one and back ([`Form`], [`form!`]).
//!
//! This module knows no message. The types of fields are here, in [`crate::types`] and beside what uses them.

mod base;
mod dice;
mod extent;
mod families;
mod index;
mod list;
mod rows;
mod value;

pub(crate) use base::ids;
pub use base::{Name, Port16, Port32, Text};
pub use dice::Dice;
pub(crate) use extent::{Reading, Writing};
pub use families::{
    Action, Element, Family, Instruction, LengthFirst, LooseProperty, Opened, Property,
    QueueFamily, Tagged, Unpadded,
};
pub use index::CodeIndex;
pub(crate) use index::index_size;
pub use list::List;
pub(crate) use rows::{
    field_row, filler, form, in_range, name, one, other_name, plain, read_fields, record, regular,
    usual, variants, vendor, write_fields,
};
pub(crate) use value::DEEPEST as DEEPEST_VALUE;
pub use value::{Members, Value, ValueError};

use bytes::Bytes;

use crate::Version;
use crate::error::{DecodeError, EncodeError};
use crate::wire::{Reader, Writer};

/// What has bytes.
pub trait Wire: Sized {
    /// Reads a value as `version` lays it out; `what` names it in errors.
    fn read(r: &mut Reader<'_>, version: Version, what: &'static str) -> Result<Self, DecodeError>;

    /// Reads a value to the end of a list.
    #[inline]
    fn read_onto(
        list: &mut impl Sink<Self>,
        r: &mut Reader<'_>,
        version: Version,
        what: &'static str,
    ) -> Result<(), DecodeError> {
        let value = Self::read(r, version, what)?;
        list.put(|| value);
        Ok(())
    }

    /// Writes the value as `version` lays it out.
    fn write(&self, w: &mut Writer, version: Version) -> Result<(), EncodeError>;
}

/// Where values are put that were read: at the end of a list they are made where they stay.
pub trait Sink<T> {
    /// Puts the value there that is made.
    fn put(&mut self, make: impl FnOnce() -> T);

    /// The value that was put there last.
    fn last_mut(&mut self) -> Option<&mut T>;
}

impl<T> Sink<T> for Vec<T> {
    #[inline(always)]
    fn put(&mut self, make: impl FnOnce() -> T) {
        #[cold]
        #[inline(never)]
        fn grow<T>(list: &mut Vec<T>, value: T) {
            list.push(value);
        }
        // A value is made somewhere else, and moved, only where something might fail before it has its place.
        match self.len() < self.capacity() {
            true => self.push(make()),
            false => grow(self, make()),
        }
    }

    #[inline]
    fn last_mut(&mut self) -> Option<&mut T> {
        self.as_mut_slice().last_mut()
    }
}

impl<T> Sink<T> for Option<T> {
    #[inline]
    fn put(&mut self, make: impl FnOnce() -> T) {
        *self = Some(make());
    }

    #[inline]
    fn last_mut(&mut self) -> Option<&mut T> {
        self.as_mut()
    }
}

/// How some versions lay out and name what `T` says, when its own rows do not fit them.
pub trait Form<T>: Sized + Into<T> {
    /// What `value` says in this form, or what the version cannot say of it.
    fn of(value: &T, version: Version) -> Result<Self, EncodeError>;
}

/// What has a form for people and other programs. Two values that are written as different bytes have
/// different forms.
pub trait Plain: Sized {
    /// The form.
    fn value(&self, version: Version) -> Value;

    /// What has that form.
    fn from_value(value: &Value, version: Version) -> Result<Self, ValueError>;
}

/// What can be made up: any value that `version` can say.
pub trait Generate: Sized {
    /// Makes one up.
    fn generate(dice: &mut Dice<'_>, version: Version) -> Self;
}

/// A code that something is sent under.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Code {
    /// None for what the standard has.
    pub vendor: Option<u32>,
    /// The type, or the vendor's type.
    pub number: u32,
    /// The first version.
    pub since: Version,
    /// The last version.
    pub until: Version,
    /// Its name there, when that is not the row's.
    pub name: Option<&'static str>,
}

impl Code {
    /// Whether `version` has it.
    #[must_use]
    pub fn in_version(&self, version: Version) -> bool {
        (self.since..=self.until).contains(&version)
    }
}

/// A field in the reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FieldRow {
    /// Its name in the specification.
    pub name: &'static str,
    /// The first version that has it.
    pub since: Version,
    /// The last version that has it.
    pub until: Version,
}

/// A member of a union in the reference.
#[derive(Debug)]
pub struct VariantRow {
    /// Its name.
    pub name: &'static str,
    /// The codes that it is sent under.
    pub codes: &'static [Code],
    /// What it says.
    pub fields: &'static [FieldRow],
    /// One sentence.
    pub doc: &'static str,
}

impl VariantRow {
    /// The code that `version` sends it under.
    #[must_use]
    pub fn code(&self, version: Version) -> Option<&'static Code> {
        self.codes.iter().find(|code| code.in_version(version))
    }

    /// Its name in `version`.
    #[must_use]
    pub fn name(&self, version: Version) -> &'static str {
        let code = self.code(version);
        code.and_then(|code| code.name).unwrap_or(self.name)
    }

    /// The position of the row that has this name of itself, which there is.
    pub(crate) const fn position(rows: &[Self], name: &str) -> usize {
        let name = name.as_bytes();
        let mut row = 0;
        loop {
            let other = rows[row].name.as_bytes();
            let mut same = 0;
            while same < name.len() && same < other.len() && name[same] == other[same] {
                same += 1;
            }
            if same == name.len() && same == other.len() {
                return row;
            }
            row += 1;
        }
    }

    /// The row of that name in `version`; else the one that has the name of itself.
    #[must_use]
    pub fn named(rows: &'static [Self], name: &str, version: Version) -> Option<usize> {
        let own = |row: &Self| row.code(version).is_some() && row.name(version) == name;
        let found = rows.iter().position(own);
        found.or_else(|| rows.iter().position(|row| row.name == name))
    }
}

/// Refuses a value other than the one that it has in versions without it.
#[inline]
pub(crate) fn absent<T: PartialEq>(
    value: &T,
    usual: &T,
    what: &'static str,
    version: Version,
) -> Result<(), EncodeError> {
    match value == usual {
        true => Ok(()),
        false => Err(EncodeError::NotInVersion { what, version }),
    }
}

/// Refuses members of an object other than the fields that a version has, and `more`.
pub(crate) fn only_members(
    value: &Value,
    fields: &[FieldRow],
    more: &[&'static str],
    version: Version,
) -> Result<(), ValueError> {
    let spoken = |field: &&FieldRow| (field.since..=field.until).contains(&version);
    let names = fields.iter().filter(spoken).map(|field| field.name);
    let known: Vec<&str> = more.iter().copied().chain(names).collect();
    value.members(&known).map(drop)
}

/// A vendor's member of a union: who the vendor is, its type where the first four bytes are `typed` so, and the
/// rest.
pub(crate) fn vendor_value(experimenter: u32, data: &[u8], typed: bool) -> Members {
    let mut members = vec![("experimenter".into(), Value::Number(experimenter.into()))];
    let (exp_type, data) = match data.split_first_chunk() {
        Some((exp_type, rest)) if typed => (Some(u32::from_be_bytes(*exp_type)), rest),
        _ => (None, data),
    };
    if let Some(exp_type) = exp_type {
        members.push(("exp_type".into(), Value::Number(exp_type.into())));
    }
    members.push(("data".into(), Value::hex(data)));
    members
}

/// What [`vendor_value`] says, in an object whose type stands in the member `tag`.
pub(crate) fn vendor_from(
    value: &Value,
    tag: &'static str,
    version: Version,
) -> Result<(u32, Bytes), ValueError> {
    value.members(&[tag, "experimenter", "exp_type", "data"])?;
    let experimenter = required(value, "experimenter", version)?;
    let rest: Bytes = required(value, "data", version)?;
    let data = match value.member("exp_type") {
        None => rest,
        Some(_) => {
            let exp_type: u32 = required(value, "exp_type", version)?;
            [&exp_type.to_be_bytes()[..], &rest].concat().into()
        }
    };
    Ok((experimenter, data))
}

/// The member `name` of an object, which must be there.
pub fn required<T: Plain>(value: &Value, name: &str, version: Version) -> Result<T, ValueError> {
    let member = value.member(name);
    let member = member.ok_or_else(|| ValueError::new("a member of that name").within(name))?;
    T::from_value(member, version).map_err(|error| error.within(name))
}

#[cfg(test)]
mod tests;
