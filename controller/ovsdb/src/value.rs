//! OVSDB's data: atoms, and the sets and maps of atoms that a column holds (RFC 7047, 5.1).
//!
//! A scalar is a set of one, as on the wire. Values read here have not been held against a
//! column's type; [`crate::schema`] does that.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};
use uuid::Uuid;

use crate::error::Error;

/// A real number with a total order, so that it can be an element of a set.
#[derive(Clone, Copy, Debug)]
pub struct Real(pub f64);

impl PartialEq for Real {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Real {}

impl PartialOrd for Real {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Real {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.total_cmp(&other.0)
    }
}

/// One indivisible value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Atom {
    /// A signed 64-bit integer.
    Integer(i64),
    /// A double.
    Real(Real),
    /// A truth value.
    Boolean(bool),
    /// A string.
    String(String),
    /// A row.
    Uuid(Uuid),
    /// A row that the same transaction inserts, by the name it gives it.
    NamedUuid(String),
}

impl Atom {
    /// Reads an `<atom>`.
    ///
    /// # Errors
    /// [`Error::Shape`] when it is none.
    pub fn parse(value: &Value) -> Result<Self, Error> {
        match value {
            Value::String(text) => Ok(Self::String(text.clone())),
            Value::Bool(flag) => Ok(Self::Boolean(*flag)),
            Value::Number(number) => match (number.as_i64(), number.as_f64()) {
                (Some(integer), _) => Ok(Self::Integer(integer)),
                (None, Some(real)) => Ok(Self::Real(Real(real))),
                (None, None) => Err(Error::shape("a 64-bit number", value)),
            },
            Value::Array(pair) => match pair.as_slice() {
                [Value::String(tag), Value::String(text)] if tag == "uuid" => {
                    parse_uuid(text).map(Self::Uuid)
                }
                [Value::String(tag), Value::String(name)] if tag == "named-uuid" => {
                    Ok(Self::NamedUuid(name.clone()))
                }
                _ => Err(Error::shape("an atom", value)),
            },
            Value::Null | Value::Object(_) => Err(Error::shape("an atom", value)),
        }
    }

    /// The atom as it goes on the wire.
    pub fn to_json(&self) -> Value {
        match self {
            Self::Integer(integer) => json!(integer),
            Self::Real(real) => json!(real.0),
            Self::Boolean(flag) => json!(flag),
            Self::String(text) => json!(text),
            Self::Uuid(uuid) => json!(["uuid", uuid.to_string()]),
            Self::NamedUuid(name) => json!(["named-uuid", name]),
        }
    }

    /// The row this atom refers to.
    pub fn as_uuid(&self) -> Option<Uuid> {
        match self {
            Self::Uuid(uuid) => Some(*uuid),
            _ => None,
        }
    }

    /// The string, when it is one.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// The integer, when it is one.
    pub fn as_integer(&self) -> Option<i64> {
        match self {
            Self::Integer(integer) => Some(*integer),
            _ => None,
        }
    }

    fn weight(&self) -> usize {
        size_of::<Self>()
            + match self {
                Self::String(text) | Self::NamedUuid(text) => text.len(),
                _ => 0,
            }
    }
}

impl From<i64> for Atom {
    fn from(value: i64) -> Self {
        Self::Integer(value)
    }
}

impl From<bool> for Atom {
    fn from(value: bool) -> Self {
        Self::Boolean(value)
    }
}

impl From<&str> for Atom {
    fn from(value: &str) -> Self {
        Self::String(value.to_owned())
    }
}

impl From<&String> for Atom {
    fn from(value: &String) -> Self {
        Self::String(value.clone())
    }
}

impl From<String> for Atom {
    fn from(value: String) -> Self {
        Self::String(value)
    }
}

impl From<Uuid> for Atom {
    fn from(value: Uuid) -> Self {
        Self::Uuid(value)
    }
}

/// Reads the text of a row's id, as it stands in an update's keys.
///
/// # Errors
/// [`Error::Shape`] when it is no UUID.
pub(crate) fn parse_uuid(text: &str) -> Result<Uuid, Error> {
    Uuid::try_parse(text).map_err(|_| Error::shape("a UUID", &Value::from(text)))
}

/// What a column holds: a set of atoms, or a map of atoms to atoms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Datum(Content);

/// Both sorted and without duplicates; vectors, since most columns hold one atom or none.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Content {
    Set(Vec<Atom>),
    Map(Vec<(Atom, Atom)>),
}

/// The empty set.
pub(crate) static EMPTY: Datum = Datum(Content::Set(Vec::new()));

impl Datum {
    /// A set; duplicates are merged.
    pub fn set<A: Into<Atom>>(atoms: impl IntoIterator<Item = A>) -> Self {
        let mut atoms: Vec<Atom> = atoms.into_iter().map(Into::into).collect();
        atoms.sort_unstable();
        atoms.dedup();
        Self(Content::Set(atoms))
    }

    /// A map; the last of equal keys stays.
    pub fn map<K: Into<Atom>, V: Into<Atom>>(pairs: impl IntoIterator<Item = (K, V)>) -> Self {
        let pairs: BTreeMap<Atom, Atom> = pairs
            .into_iter()
            .map(|(key, value)| (key.into(), value.into()))
            .collect();
        Self(Content::Map(pairs.into_iter().collect()))
    }

    /// Reads a `<value>`: an atom, `["set", [...]]` or `["map", [...]]`.
    ///
    /// # Errors
    /// [`Error::Shape`] names what is wrong, an element or key that stands twice included.
    pub fn parse(value: &Value) -> Result<Self, Error> {
        let Some([Value::String(tag), Value::Array(items)]) = value.as_array().map(Vec::as_slice)
        else {
            return Atom::parse(value).map(Self::from);
        };
        let content = match tag.as_str() {
            "set" => {
                let mut atoms = items
                    .iter()
                    .map(Atom::parse)
                    .collect::<Result<Vec<_>, _>>()?;
                atoms.sort_unstable();
                if atoms.windows(2).any(|pair| pair[0] == pair[1]) {
                    return Err(Error::shape("a set without duplicates", value));
                }
                Content::Set(atoms)
            }
            "map" => {
                let mut pairs = items
                    .iter()
                    .map(parse_pair)
                    .collect::<Result<Vec<_>, _>>()?;
                pairs.sort_unstable();
                if pairs.windows(2).any(|pair| pair[0].0 == pair[1].0) {
                    return Err(Error::shape("a map without duplicate keys", value));
                }
                Content::Map(pairs)
            }
            _ => return Err(Error::shape("a set or a map", value)),
        };
        Ok(Self(content))
    }

    /// The value as it goes on the wire.
    pub fn to_json(&self) -> Value {
        match &self.0 {
            Content::Set(atoms) => match atoms.as_slice() {
                [atom] => atom.to_json(),
                atoms => json!(["set", atoms.iter().map(Atom::to_json).collect::<Vec<_>>()]),
            },
            Content::Map(pairs) => {
                let pairs: Vec<_> = pairs
                    .iter()
                    .map(|(k, v)| json!([k.to_json(), v.to_json()]))
                    .collect();
                json!(["map", pairs])
            }
        }
    }

    /// How many elements or pairs it has.
    pub fn len(&self) -> usize {
        match &self.0 {
            Content::Set(atoms) => atoms.len(),
            Content::Map(pairs) => pairs.len(),
        }
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether it is a map.
    pub fn is_map(&self) -> bool {
        matches!(self.0, Content::Map(_))
    }

    /// The elements of a set, in order; none of a map.
    pub fn atoms(&self) -> &[Atom] {
        match &self.0 {
            Content::Set(atoms) => atoms,
            Content::Map(_) => &[],
        }
    }

    /// The pairs of a map, in the order of their keys; none of a set.
    pub fn pairs(&self) -> &[(Atom, Atom)] {
        match &self.0 {
            Content::Set(_) => &[],
            Content::Map(pairs) => pairs,
        }
    }

    /// The only element.
    pub fn as_atom(&self) -> Option<&Atom> {
        match self.atoms() {
            [atom] => Some(atom),
            _ => None,
        }
    }

    /// The only element, when it is a string.
    pub fn as_str(&self) -> Option<&str> {
        self.as_atom()?.as_str()
    }

    /// The only element, when it is an integer.
    pub fn as_integer(&self) -> Option<i64> {
        self.as_atom()?.as_integer()
    }

    /// The only element, when it is a truth value.
    pub fn as_bool(&self) -> Option<bool> {
        match self.as_atom()? {
            Atom::Boolean(flag) => Some(*flag),
            _ => None,
        }
    }

    /// The rows a set refers to.
    pub fn uuids(&self) -> impl Iterator<Item = Uuid> {
        self.atoms().iter().filter_map(Atom::as_uuid)
    }

    /// The strings of a set.
    pub fn strings(&self) -> impl Iterator<Item = &str> {
        self.atoms().iter().filter_map(Atom::as_str)
    }

    /// The value of a key of a map.
    pub fn value(&self, key: &Atom) -> Option<&Atom> {
        let pairs = self.pairs();
        let index = pairs.binary_search_by(|(k, _)| k.cmp(key)).ok()?;
        Some(&pairs[index].1)
    }

    /// The value of a key of a map of strings.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.pairs()
            .iter()
            .find(|(k, _)| k.as_str() == Some(key))?
            .1
            .as_str()
    }

    /// Whether `other` is part of this: its elements, or its pairs.
    pub fn includes(&self, other: &Self) -> bool {
        other
            .atoms()
            .iter()
            .all(|atom| self.atoms().binary_search(atom).is_ok())
            && other
                .pairs()
                .iter()
                .all(|(key, value)| self.value(key) == Some(value))
    }

    /// Whether nothing of `other` is part of this.
    pub fn excludes(&self, other: &Self) -> bool {
        other
            .atoms()
            .iter()
            .all(|atom| self.atoms().binary_search(atom).is_err())
            && other
                .pairs()
                .iter()
                .all(|(key, value)| self.value(key) != Some(value))
    }

    /// The difference that turns this into `other`, or back, when [`Datum::patched`] with it:
    /// elements that only one of them has; pairs whose key only one has, and `other`'s pairs
    /// for keys with different values (`ovsdb-server`(7), `update2`).
    pub fn difference(&self, other: &Self) -> Self {
        if self.is_map() || other.is_map() {
            let gone = self
                .pairs()
                .iter()
                .filter(|(key, _)| other.value(key).is_none());
            let new = other
                .pairs()
                .iter()
                .filter(|(key, value)| self.value(key) != Some(value));
            return Self::map(gone.chain(new).cloned());
        }
        let mine = self
            .atoms()
            .iter()
            .filter(|atom| other.atoms().binary_search(atom).is_err());
        let others = other
            .atoms()
            .iter()
            .filter(|atom| self.atoms().binary_search(atom).is_err());
        Self::set(mine.chain(others).cloned())
    }

    /// This with a [`Datum::difference`] applied.
    pub fn patched(&self, difference: &Self) -> Self {
        if self.is_map() || difference.is_map() {
            let mut pairs: BTreeMap<Atom, Atom> = self.pairs().iter().cloned().collect();
            for (key, value) in difference.pairs() {
                if pairs.get(key) == Some(value) {
                    pairs.remove(key);
                } else {
                    pairs.insert(key.clone(), value.clone());
                }
            }
            return Self::map(pairs);
        }
        self.difference(difference)
    }

    /// This with every atom exchanged for what `change` makes of it.
    ///
    /// # Errors
    /// The first error of `change`.
    pub fn try_map(
        &self,
        mut change: impl FnMut(&Atom) -> Result<Atom, Error>,
    ) -> Result<Self, Error> {
        match &self.0 {
            Content::Set(atoms) => Ok(Self::set(
                atoms.iter().map(change).collect::<Result<Vec<_>, _>>()?,
            )),
            Content::Map(pairs) => {
                let pairs = pairs
                    .iter()
                    .map(|(key, value)| Ok((change(key)?, change(value)?)));
                Ok(Self::map(pairs.collect::<Result<Vec<_>, _>>()?))
            }
        }
    }

    fn weight(&self) -> usize {
        let atoms: usize = self.atoms().iter().map(Atom::weight).sum();
        let pairs: usize = self
            .pairs()
            .iter()
            .map(|(k, v)| k.weight() + v.weight())
            .sum();
        size_of::<Self>() + atoms + pairs
    }
}

impl<A: Into<Atom>> From<A> for Datum {
    fn from(value: A) -> Self {
        Self(Content::Set(vec![value.into()]))
    }
}

fn parse_pair(value: &Value) -> Result<(Atom, Atom), Error> {
    match value.as_array().map(Vec::as_slice) {
        Some([key, value]) => Ok((Atom::parse(key)?, Atom::parse(value)?)),
        _ => Err(Error::shape("a pair of atoms", value)),
    }
}

/// The row without columns.
static EMPTY_ROW: Row = Row(BTreeMap::new());

/// Columns and what they hold. A column that is absent reads as the empty set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Row(BTreeMap<Arc<str>, Datum>);

impl Row {
    /// The row without columns, for as long as one likes.
    pub fn empty() -> &'static Self {
        &EMPTY_ROW
    }

    /// Reads a `<row>`.
    ///
    /// # Errors
    /// [`Error::Shape`] when it, or a value in it, is none.
    pub fn parse(value: &Value) -> Result<Self, Error> {
        let columns = value
            .as_object()
            .ok_or_else(|| Error::shape("a row", value))?;
        columns
            .iter()
            .map(|(name, value)| Ok((Arc::from(name.as_str()), Datum::parse(value)?)))
            .collect()
    }

    /// The row as it goes on the wire.
    pub fn to_json(&self) -> Value {
        self.0
            .iter()
            .map(|(name, datum)| (name.to_string(), datum.to_json()))
            .collect()
    }

    /// The columns that are present, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&Arc<str>, &Datum)> {
        self.0.iter()
    }

    /// Whether no column is present.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What a column holds.
    pub fn get(&self, column: &str) -> &Datum {
        self.0.get(column).unwrap_or(&EMPTY)
    }

    /// Sets a column.
    pub fn set(&mut self, column: Arc<str>, datum: Datum) {
        self.0.insert(column, datum);
    }

    /// The string in a column; empty when there is none.
    pub fn str(&self, column: &str) -> &str {
        self.get(column).as_str().unwrap_or_default()
    }

    /// Roughly the memory it takes, in bytes.
    pub(crate) fn weight(&self) -> usize {
        self.0
            .values()
            .map(|datum| size_of::<Arc<str>>() + datum.weight())
            .sum()
    }
}

impl FromIterator<(Arc<str>, Datum)> for Row {
    fn from_iter<I: IntoIterator<Item = (Arc<str>, Datum)>>(columns: I) -> Self {
        Self(columns.into_iter().collect())
    }
}

impl<const N: usize> From<[(&str, Datum); N]> for Row {
    fn from(columns: [(&str, Datum); N]) -> Self {
        columns
            .into_iter()
            .map(|(name, datum)| (Arc::from(name), datum))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn datum(value: Value) -> Datum {
        Datum::parse(&value).unwrap()
    }

    const ID: &str = "36bef046-7da7-43a5-905a-c17899216fcb";

    #[test]
    fn every_notation_of_the_rfc_is_read_and_written() {
        for value in [
            json!(5),
            json!(1.5),
            json!(true),
            json!("text"),
            json!(["uuid", ID]),
            json!(["named-uuid", "row1"]),
            json!(["set", []]),
            json!(["set", [1, 2]]),
            json!(["map", []]),
            json!(["map", [["a", "b"], ["c", ["uuid", ID]]]]),
        ] {
            assert_eq!(datum(value.clone()).to_json(), value);
        }
    }

    #[test]
    fn a_set_of_one_is_its_element() {
        assert_eq!(datum(json!(["set", ["x"]])), datum(json!("x")));
        assert_eq!(datum(json!(["set", ["x"]])).as_str(), Some("x"));
        assert_eq!(datum(json!(["set", []])).as_integer(), None);
    }

    #[test]
    fn what_is_no_value_is_refused_in_words() {
        for (value, said) in [
            (json!(null), "an atom"),
            (json!({}), "an atom"),
            (json!(["uuid", "zz"]), "a UUID"),
            (json!(["bag", []]), "a set or a map"),
            (json!(["set", [1, 1]]), "without duplicates"),
            (
                json!(["map", [["a", 1], ["a", 2]]]),
                "without duplicate keys",
            ),
            (json!(["map", [["a"]]]), "a pair of atoms"),
        ] {
            let error = Datum::parse(&value).unwrap_err().to_string();
            assert!(error.contains(said), "{value}: {error}");
        }
    }

    #[test]
    fn differences_lead_from_one_value_to_the_other() {
        let values = [
            (
                json!(["set", [1, 2, 3]]),
                json!(["set", [2, 4]]),
                json!(["set", [1, 3, 4]]),
            ),
            (
                json!(["map", [["a", "1"], ["b", "2"], ["c", "3"]]]),
                json!(["map", [["b", "2"], ["c", "4"], ["d", "5"]]]),
                json!(["map", [["a", "1"], ["c", "4"], ["d", "5"]]]),
            ),
        ];
        for (old, new, difference) in values {
            let (old, new) = (datum(old), datum(new));
            assert_eq!(old.difference(&new), datum(difference.clone()));
            assert_eq!(old.patched(&datum(difference)), new);
        }
    }

    #[test]
    fn inclusion_is_of_elements_and_of_whole_pairs() {
        let map = datum(json!(["map", [["a", "1"], ["b", "2"]]]));
        let pair = |value: &str| Datum::map([("a", value)]);
        assert!(map.includes(&pair("1")) && !map.includes(&pair("2")));
        assert!(map.excludes(&pair("2")) && !map.excludes(&pair("1")));
        assert!(Datum::set([1, 2]).includes(&Datum::from(2)));
        assert!(!Datum::set([1, 2]).excludes(&Datum::set([2, 3])));
    }
}
