//! Values as people and other programs see them: what JSON can say, with members in order and
//! integers of 64 bits exact.
//!
//! [`Value`] goes in and out through serde, so any of its formats will do. How a type becomes one is
//! [`super::Plain`]'s business.

use std::borrow::Cow;
use std::fmt;

use serde::de::{self, DeserializeSeed, MapAccess, SeqAccess, Visitor};
use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// How many lists and objects may be inside each other where values are read: more than any message needs.
pub(crate) const DEEPEST: usize = 128;

/// The members of an object, in order.
pub type Members = Vec<(Cow<'static, str>, Value)>;

/// A value without a type of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// Nothing.
    Null,
    /// Yes or no.
    Bool(bool),
    /// An integer that is not negative.
    Number(u64),
    /// A text.
    Text(Cow<'static, str>),
    /// A list.
    List(Vec<Value>),
    /// Members with names.
    Object(Members),
}

/// A value that is not what a type can be read from.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}: expected {expected}")]
pub struct ValueError {
    /// Where: `body.instructions.0.actions`.
    pub path: String,
    /// What should have stood there.
    pub expected: Cow<'static, str>,
}

impl ValueError {
    /// Something else should have stood here.
    pub fn new(expected: impl Into<Cow<'static, str>>) -> Self {
        Self {
            path: String::new(),
            expected: expected.into(),
        }
    }

    /// The error as seen from the object or list around it, in which it is at `step`.
    #[must_use]
    pub fn within(mut self, step: &str) -> Self {
        self.path = if self.path.is_empty() {
            step.to_owned()
        } else {
            format!("{step}.{}", self.path)
        };
        self
    }
}

impl Value {
    /// A text.
    pub fn text(text: impl fmt::Display) -> Self {
        Self::Text(text.to_string().into())
    }

    /// A text that stands in the tables.
    #[must_use]
    pub const fn name(name: &'static str) -> Self {
        Self::Text(Cow::Borrowed(name))
    }

    /// Bytes as hexadecimal digits.
    #[must_use]
    pub fn hex(bytes: &[u8]) -> Self {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let digit = |nibble: u8| char::from(DIGITS[usize::from(nibble & 0xf)]);
        let mut text = String::with_capacity(2 * bytes.len());
        for byte in bytes {
            text.push(digit(byte >> 4));
            text.push(digit(*byte));
        }
        Self::Text(text.into())
    }

    /// The member of that name.
    #[must_use]
    pub fn member(&self, name: &str) -> Option<&Value> {
        match self {
            Self::Object(members) => {
                let mut found = members.iter().filter(|(own, _)| own == name);
                found.next().map(|(_, value)| value)
            }
            _ => None,
        }
    }

    /// The members, of an object that has none but the `known` ones.
    pub fn members(&self, known: &[&str]) -> Result<&Members, ValueError> {
        let Self::Object(members) = self else {
            return Err(ValueError::new("an object"));
        };
        match members.iter().find(|(name, _)| !known.contains(&&**name)) {
            Some((name, _)) => {
                let expected = format!("one of the members {}", known.join(", "));
                Err(ValueError::new(expected).within(name))
            }
            None => Ok(members),
        }
    }

    /// The text.
    pub fn as_text(&self, expected: &'static str) -> Result<&str, ValueError> {
        match self {
            Self::Text(text) => Ok(text),
            _ => Err(ValueError::new(expected)),
        }
    }

    /// The integer, also from decimal or `0x` digits in a text.
    pub fn as_uint(&self, bits: u32) -> Result<u128, ValueError> {
        let wrong = || ValueError::new(format!("an integer of {bits} bits"));
        let number = match self {
            Self::Number(number) => u128::from(*number),
            Self::Text(text) => match text.strip_prefix("0x") {
                Some(digits) if !digits.starts_with('+') => u128::from_str_radix(digits, 16),
                _ => text.parse(),
            }
            .map_err(|_| wrong())?,
            _ => return Err(wrong()),
        };
        let fits = bits >= 128 || number >> bits == 0;
        fits.then_some(number).ok_or_else(wrong)
    }

    /// The bytes that hexadecimal digits say.
    pub fn as_hex(&self) -> Result<Vec<u8>, ValueError> {
        const EXPECTED: &str = "pairs of hexadecimal digits";
        let digits = self.as_text(EXPECTED)?.as_bytes();
        let nibble = |digit: u8| char::from(digit).to_digit(16);
        let byte = |pair: &[u8]| match pair {
            [high, low] => Some((nibble(*high)? << 4 | nibble(*low)?) as u8),
            _ => None,
        };
        let bytes: Option<Vec<u8>> = digits.chunks(2).map(byte).collect();
        bytes.ok_or(ValueError::new(EXPECTED))
    }

    /// Whether more than `limit` lists and objects are inside each other.
    #[must_use]
    pub fn is_deeper_than(&self, limit: usize) -> bool {
        let Some(inner) = limit.checked_sub(1) else {
            return matches!(self, Self::List(_) | Self::Object(_));
        };
        match self {
            Self::List(list) => list.iter().any(|value| value.is_deeper_than(inner)),
            Self::Object(members) => members.iter().any(|(_, value)| value.is_deeper_than(inner)),
            _ => false,
        }
    }

    /// The elements of a list.
    pub fn as_list(&self) -> Result<&[Value], ValueError> {
        match self {
            Self::List(list) => Ok(list),
            _ => Err(ValueError::new("a list")),
        }
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(yes) => serializer.serialize_bool(*yes),
            Self::Number(number) => serializer.serialize_u64(*number),
            Self::Text(text) => serializer.serialize_str(text),
            Self::List(list) => {
                let mut out = serializer.serialize_seq(Some(list.len()))?;
                for value in list {
                    out.serialize_element(value)?;
                }
                out.end()
            }
            Self::Object(members) => {
                let mut out = serializer.serialize_map(Some(members.len()))?;
                for (name, value) in members {
                    out.serialize_entry(name, value)?;
                }
                out.end()
            }
        }
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Reading { left: DEEPEST }.deserialize(deserializer)
    }
}

/// Reads whatever comes, of what a [`Value`] can say.
struct Reading {
    /// How many lists and objects may be inside each other from here on.
    left: usize,
}

impl Reading {
    /// What reads what is inside a list or an object.
    fn inner<E: de::Error>(&self) -> Result<Self, E> {
        let left = self.left.checked_sub(1);
        let wrong = || E::custom(format_args!("values nest more than {DEEPEST} times"));
        left.map(|left| Self { left }).ok_or_else(wrong)
    }
}

impl<'de> DeserializeSeed<'de> for Reading {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Reading {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "null, a boolean, an integer that is not negative, a string, a list or an object",
        )
    }

    fn visit_unit<E: de::Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: de::Error>(self, yes: bool) -> Result<Value, E> {
        Ok(Value::Bool(yes))
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Value, E> {
        Ok(Value::Number(number))
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Value, E> {
        let wrong = |_| E::invalid_value(de::Unexpected::Signed(number), &self);
        u64::try_from(number).map(Value::Number).map_err(wrong)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Value, E> {
        Ok(Value::Text(text.to_owned().into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut from: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(value) = from.next_element_seed(self.inner()?)? {
            list.push(value);
        }
        Ok(Value::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut from: A) -> Result<Value, A::Error> {
        let mut members = Members::new();
        while let Some(name) = from.next_key::<String>()? {
            let value = from.next_value_seed(self.inner()?)?;
            if members.iter().any(|(known, _)| *known == name) {
                return Err(de::Error::custom(format!("member '{name}' stands twice")));
            }
            members.push((name.into(), value));
        }
        Ok(Value::Object(members))
    }
}
