//! Matches, entries and headers as structures name them ([`Wire`]), as people and other programs see them
//! ([`Plain`]), and made up ([`Generate`]).
//!
//! An entry is an object with `class`, `field`, `value` and, when not all bits count, `mask`. A match of OpenFlow
//! 1.0 or 1.1 is the structure of its specification.

use std::borrow::Cow;
use std::net::{Ipv4Addr, Ipv6Addr};

use bytes::Bytes;

use super::standard::{Exact, Standard, structure};
use super::{Entries, Entry, FieldValue, Fields, Header, LongValue, Match, decode_entry};
use crate::action::port32;
use crate::error::{DecodeError, EncodeError};
use crate::field::{BASIC, CLASSES, Code, EXPERIMENTER, Field, Format, PACKET_REGS, ROWS, Row};
use crate::record::{Dice, Generate, Members, Plain, Value, ValueError, Wire, required};
use crate::wire::{Reader, Writer};
use crate::{MacAddr, PortNo, Version};

impl Wire for Match {
    fn read(r: &mut Reader<'_>, version: Version, _: &'static str) -> Result<Self, DecodeError> {
        Self::decode(r, version)
    }

    fn write(&self, w: &mut Writer, version: Version) -> Result<(), EncodeError> {
        self.encode(w, version)
    }
}

impl Wire for Fields {
    fn read(r: &mut Reader<'_>, version: Version, _: &'static str) -> Result<Self, DecodeError> {
        Match::decode_entries(r, version).map(Self)
    }

    fn write(&self, w: &mut Writer, version: Version) -> Result<(), EncodeError> {
        self.0.encode_entries(w, version)
    }
}

impl Wire for Entry {
    #[inline]
    fn read(r: &mut Reader<'_>, version: Version, _: &'static str) -> Result<Self, DecodeError> {
        decode_entry(r, version)
    }

    fn write(&self, w: &mut Writer, version: Version) -> Result<(), EncodeError> {
        self.encode(w, version)
    }
}

impl Wire for Header {
    fn read(r: &mut Reader<'_>, _: Version, _: &'static str) -> Result<Self, DecodeError> {
        Self::decode(r)
    }

    fn write(&self, w: &mut Writer, _: Version) -> Result<(), EncodeError> {
        self.encode(w);
        Ok(())
    }
}

/// A class by its name, or its number.
fn class_value(class: u16) -> Value {
    match CLASSES.iter().find(|row| row.0 == class) {
        Some((_, name)) => Value::name(name),
        None => Value::Number(class.into()),
    }
}

fn class_from(value: &Value, version: Version) -> Result<u16, ValueError> {
    match value {
        Value::Text(name) => CLASSES
            .iter()
            .find(|row| row.1 == name)
            .map(|row| row.0)
            .ok_or_else(|| ValueError::new("the name or number of a class of fields")),
        number => u16::from_value(number, version),
    }
}

/// `class`, `field`, and `experimenter` where there is one.
fn named(row: &Row, code: &Code) -> Members {
    let mut members = vec![
        ("class".into(), class_value(code.class)),
        ("field".into(), Value::name(row.spec_name)),
    ];
    if let Some(experimenter) = code.experimenter {
        members.push(("experimenter".into(), Value::Number(experimenter.into())));
    }
    members
}

/// The name of a packet register without a row: one from the eighth on (OpenFlow 1.5.1, 7.2.3.10).
fn register_name(number: u8) -> Option<Cow<'static, str>> {
    let name = format!("pkt_reg{number}");
    let known = Field::from_spec_name(&name);
    known.is_none().then(|| name.into())
}

/// The packet register without a row that an object names.
fn register_from(value: &Value) -> Option<u8> {
    let Some(Value::Text(name)) = value.member("field") else {
        return None;
    };
    let number = name.strip_prefix("pkt_reg")?.parse().ok()?;
    (number < 0x80 && register_name(number).as_ref() == Some(name)).then_some(number)
}

/// The row and code point that `class` and `field` name; without a class, the one of the version.
fn code_from(
    value: &Value,
    name: &str,
    version: Version,
) -> Result<(&'static Row, &'static Code), ValueError> {
    let field = Field::from_spec_name(name).or_else(|| Field::from_name(name));
    let field = field.ok_or_else(|| ValueError::new("the name of a field").within("field"))?;
    let row = field.row();
    let code = match value.member("class") {
        None => field.code(version),
        Some(class) => {
            let class = class_from(class, version).map_err(|error| error.within("class"))?;
            row.codes.iter().find(|code| code.class == class)
        }
    };
    code.map(|code| (row, code))
        .ok_or_else(|| ValueError::new("a class that has the field").within("class"))
}

/// A value or mask, in the format of the field.
fn bits_value(format: Format, bits: u128, version: Version) -> Value {
    match format {
        Format::Ethernet if bits >> 48 == 0 => Value::text(MacAddr::from_u64(bits as u64)),
        Format::Ipv4 if bits >> 32 == 0 => Value::text(Ipv4Addr::from_bits(bits as u32)),
        Format::Ipv6 => Value::text(Ipv6Addr::from_bits(bits)),
        Format::Port if bits >> 32 == 0 => PortNo(bits as u32).value(version),
        _ => u64::try_from(bits)
            .map_or_else(|_| Value::text(format_args!("{bits:#x}")), Value::Number),
    }
}

fn bits_from(format: Format, value: &Value, version: Version) -> Result<u128, ValueError> {
    match (format, value) {
        (_, Value::Number(_)) => value.as_uint(64),
        (_, Value::Text(text)) if text.starts_with("0x") => value.as_uint(128),
        (Format::Ethernet, _) => MacAddr::from_value(value, version).map(|mac| mac.to_u64().into()),
        (Format::Ipv4, _) => Ipv4Addr::from_value(value, version).map(|ip| ip.to_bits().into()),
        (Format::Ipv6, _) => Ipv6Addr::from_value(value, version).map(Ipv6Addr::to_bits),
        (Format::Port, _) => PortNo::from_value(value, version).map(|port| port.0.into()),
        _ => value.as_uint(128),
    }
}

impl Plain for FieldValue {
    fn value(&self, version: Version) -> Value {
        let row = self.field.row();
        // What no version can say has a form all the same.
        let mut members = named(row, self.code(version).unwrap_or(&row.codes[0]));
        let bits = |bits, format| bits_value(format, bits, version);
        members.push(("value".into(), bits(self.value, row.format)));
        if let Some(mask) = self.mask() {
            // No port has the number that a mask is.
            let format = match row.format {
                Format::Port => Format::Decimal,
                format => format,
            };
            members.push(("mask".into(), bits(mask, format)));
        }
        Value::Object(members)
    }

    fn from_value(value: &Value, version: Version) -> Result<Self, ValueError> {
        match Entry::from_value(value, version)? {
            Entry::Known(value) => Ok(value),
            _ => Err(ValueError::new("a field of at most 128 bits").within("field")),
        }
    }
}

impl Plain for Entry {
    fn value(&self, version: Version) -> Value {
        match self {
            Self::Known(value) => value.value(version),
            Self::Long(value) => {
                let row = value.field.row();
                let mut members = named(row, &row.codes[0]);
                members.push(("value".into(), Value::hex(&value.value)));
                if let Some(mask) = &value.mask {
                    members.push(("mask".into(), Value::hex(mask)));
                }
                Value::Object(members)
            }
            Self::Unknown(bytes) => unknown_value(bytes),
        }
    }

    fn from_value(value: &Value, version: Version) -> Result<Self, ValueError> {
        const MEMBERS: &[&str] = &["class", "field", "experimenter", "value", "mask"];
        let Some(Value::Text(name)) = value.member("field") else {
            return unknown_from(value, version).map(Self::Unknown);
        };
        value.members(MEMBERS)?;
        if let Some(number) = register_from(value) {
            return register_entry(number, value, version).map(Self::Unknown);
        }
        let (row, code) = code_from(value, name, version)?;
        let member = |name: &str| value.member(name);
        let within = |name: &'static str| move |error: ValueError| error.within(name);
        if row.is_variable() {
            let mask = member("mask").map(|mask| Bytes::from_value(mask, version));
            return Ok(Self::Long(Box::new(LongValue {
                field: row.field,
                value: required(value, "value", version)?,
                mask: mask.transpose().map_err(within("mask"))?,
            })));
        }
        let bits = |value| bits_from(row.format, value, version);
        let own = member("value").ok_or_else(|| ValueError::new("a member of that name"));
        let own = own.and_then(bits).map_err(within("value"))?;
        let mask = member("mask")
            .map(bits)
            .transpose()
            .map_err(within("mask"))?;
        let preferred = row.field.code(version) == Some(code);
        let mut known = FieldValue::exact(row.field, own).under(mask);
        known.class = (!preferred).then_some(code.class);
        Ok(Self::Known(known))
    }
}

/// An entry of a field that the table does not know. What is no entry at all is just data.
fn unknown_value(bytes: &[u8]) -> Value {
    let entry = bytes.split_first_chunk::<4>();
    let Some(([high, low, field, _], body)) =
        entry.filter(|(header, body)| usize::from(header[3]) == body.len())
    else {
        return Value::Object(vec![("data".into(), Value::hex(bytes))]);
    };
    let class = u16::from_be_bytes([*high, *low]);
    let masked = field & 1 == 1;
    if class == PACKET_REGS
        && let Some(name) = register_name(field >> 1)
        && let (words, []) = body.as_chunks::<8>()
        && words.len() == 1 + usize::from(masked)
    {
        let words = words
            .iter()
            .map(|word| Value::Number(u64::from_be_bytes(*word)));
        let mut members = vec![
            ("class".into(), class_value(class)),
            ("field".into(), Value::Text(name)),
        ];
        members.extend(["value".into(), "mask".into()].into_iter().zip(words));
        return Value::Object(members);
    }
    let mut members = vec![
        ("class".into(), class_value(class)),
        ("field".into(), Value::Number((field >> 1).into())),
        ("has_mask".into(), Value::Bool(field & 1 == 1)),
    ];
    let data = match (class, body.split_first_chunk::<4>()) {
        (EXPERIMENTER, Some((experimenter, data))) => {
            let experimenter = u32::from_be_bytes(*experimenter);
            members.push(("experimenter".into(), Value::Number(experimenter.into())));
            data
        }
        _ => body,
    };
    members.push(("data".into(), Value::hex(data)));
    Value::Object(members)
}

/// The entry of a packet register without a row.
fn register_entry(number: u8, value: &Value, version: Version) -> Result<Bytes, ValueError> {
    if let Some(class) = value.member("class")
        && class_from(class, version) != Ok(PACKET_REGS)
    {
        return Err(ValueError::new("packet_regs").within("class"));
    }
    let own: u64 = required(value, "value", version)?;
    let mask = value
        .member("mask")
        .map(|mask| u64::from_value(mask, version));
    let mask = mask.transpose().map_err(|error| error.within("mask"))?;
    let mut bytes = PACKET_REGS.to_be_bytes().to_vec();
    bytes.extend([
        number << 1 | u8::from(mask.is_some()),
        8 * (1 + u8::from(mask.is_some())),
    ]);
    bytes.extend(own.to_be_bytes());
    bytes.extend(mask.into_iter().flat_map(u64::to_be_bytes));
    Ok(bytes.into())
}

fn unknown_from(value: &Value, version: Version) -> Result<Bytes, ValueError> {
    value.members(&["class", "field", "has_mask", "experimenter", "data"])?;
    let data: Bytes = required(value, "data", version)?;
    let Some(class) = value.member("class") else {
        return Ok(data);
    };
    let class = class_from(class, version).map_err(|error| error.within("class"))?;
    let field: u8 = required(value, "field", version)?;
    let experimenter = value.member("experimenter");
    let experimenter = experimenter
        .map(|id| u32::from_value(id, version))
        .transpose();
    let experimenter = experimenter.map_err(|error| error.within("experimenter"))?;
    let prefix = experimenter.map(u32::to_be_bytes);
    let prefix = prefix.as_ref().map_or(&[][..], |prefix| &prefix[..]);
    let length = u8::try_from(prefix.len() + data.len())
        .map_err(|_| ValueError::new("fewer bytes").within("data"))?;
    let number = Some(field)
        .filter(|field| *field < 0x80)
        .ok_or_else(|| ValueError::new("a number of seven bits").within("field"))?;
    let masked = value.member("has_mask") == Some(&Value::Bool(true));
    let mut bytes = class.to_be_bytes().to_vec();
    bytes.extend([number << 1 | u8::from(masked), length]);
    bytes.extend_from_slice(prefix);
    bytes.extend_from_slice(&data);
    Ok(bytes.into())
}

impl Plain for Header {
    fn value(&self, _: Version) -> Value {
        let code = self.code();
        let mut members = match code {
            Some((field, code)) => named(field.row(), code),
            None => {
                let register = register_name(self.number).filter(|_| self.class == PACKET_REGS);
                let number = || Value::Number(self.number.into());
                let mut members: Members = vec![
                    ("class".into(), class_value(self.class)),
                    ("field".into(), register.map_or_else(number, Value::Text)),
                ];
                if self.class == EXPERIMENTER {
                    let experimenter = Value::Number(self.experimenter.into());
                    members.push(("experimenter".into(), experimenter));
                }
                members
            }
        };
        members.push(("has_mask".into(), Value::Bool(self.masked)));
        members.push(("length".into(), Value::Number(self.length.into())));
        Value::Object(members)
    }

    fn from_value(value: &Value, version: Version) -> Result<Self, ValueError> {
        value.members(&["class", "field", "experimenter", "has_mask", "length"])?;
        let masked = value.member("has_mask") == Some(&Value::Bool(true));
        let optional = |name: &'static str| {
            let member = value.member(name);
            let number = member.map(|member| u32::from_value(member, version));
            number.transpose().map_err(|error| error.within(name))
        };
        let register = register_from(value);
        let own = match value.member("field") {
            Some(Value::Text(name)) if register.is_none() => {
                let (_, code) = code_from(value, name, version)?;
                Self {
                    length: code.length(masked),
                    ..Self::at(code)
                }
            }
            _ => {
                let class = value.member("class").unwrap_or(&Value::Null);
                let number = match register {
                    Some(number) => number,
                    None => required::<u8>(value, "field", version)? & 0x7f,
                };
                Self {
                    class: class_from(class, version).map_err(|error| error.within("class"))?,
                    number,
                    masked,
                    length: required(value, "length", version)?,
                    experimenter: optional("experimenter")?.unwrap_or_default(),
                }
            }
        };
        let length = match value.member("length") {
            Some(_) => required(value, "length", version)?,
            None => own.length,
        };
        Ok(Self {
            masked,
            length,
            ..own
        })
    }
}

impl Plain for Entries {
    fn value(&self, version: Version) -> Value {
        Value::List(self.iter().map(|entry| entry.value(version)).collect())
    }

    fn from_value(value: &Value, version: Version) -> Result<Self, ValueError> {
        Vec::from_value(value, version).map(|list: Vec<Entry>| list.into())
    }
}

impl Plain for Fields {
    fn value(&self, version: Version) -> Value {
        self.0.entries.value(version)
    }

    fn from_value(value: &Value, version: Version) -> Result<Self, ValueError> {
        Entries::from_value(value, version).map(|entries| Self(Match::of(entries)))
    }
}

/// The members of an object, with its type before them.
fn typed(kind: Value, members: Value) -> Value {
    let mut all: Members = vec![("type".into(), kind)];
    if let Value::Object(members) = members {
        all.extend(members);
    }
    Value::Object(all)
}

impl Plain for Match {
    fn value(&self, version: Version) -> Value {
        if let Some(Exact::Unknown { kind, body }) = self.exact.as_deref() {
            let data = vec![("data".into(), Value::hex(body))];
            return typed(Value::Number((*kind).into()), Value::Object(data));
        }
        if version == Version::V1_0
            && let Ok(structure) = structure(self, version)
        {
            return structure.value(version);
        }
        if version == Version::V1_1
            && let Ok(structure) = structure(self, version)
        {
            return typed(Value::name("standard"), structure.value(version));
        }
        let fields = vec![("oxm_fields".into(), self.entries.value(version))];
        typed(Value::name("oxm"), Value::Object(fields))
    }

    fn from_value(value: &Value, version: Version) -> Result<Self, ValueError> {
        match value.member("type") {
            Some(Value::Text(kind)) if kind == "oxm" => {
                value.members(&["type", "oxm_fields"])?;
                required::<Entries>(value, "oxm_fields", version).map(Self::of)
            }
            Some(Value::Text(kind)) if kind == "standard" => {
                let Value::Object(members) = value else {
                    return Err(ValueError::new("an object"));
                };
                let words = members.iter().filter(|(name, _)| name != "type");
                let words = Value::Object(words.cloned().collect());
                let version = Version::V1_1;
                Standard::from_value(&words, version).map(|read| read.into_match(version))
            }
            Some(kind) => {
                value.members(&["type", "data"])?;
                let kind = u16::from_value(kind, version);
                let kind =
                    kind.map_err(|_| ValueError::new("oxm, standard or a number").within("type"))?;
                let body = required(value, "data", version)?;
                Ok(Self::of_unknown_type(kind, body))
            }
            None => {
                let version = Version::V1_0;
                Standard::from_value(value, version).map(|read| read.into_match(version))
            }
        }
    }
}

impl Generate for FieldValue {
    fn generate(dice: &mut Dice<'_>, version: Version) -> Self {
        let code_of = |row: &'static Row| row.field.code(version);
        let rows: Vec<&Row> = ROWS
            .iter()
            .filter(|row| !row.is_variable() && code_of(row).is_some())
            .collect();
        let row = rows[dice.below(rows.len())];
        let code = if dice.flip() {
            &row.codes[dice.below(row.codes.len())]
        } else {
            code_of(row).unwrap_or(&row.codes[0])
        };
        let narrow = row.field == Field::InPort && code.bytes == 2;
        let value = dice.uint(code.bytes.into());
        let mask = dice.flip().then(|| dice.uint(code.bytes.into()));
        let preferred = code_of(row) == Some(code);
        let value = match narrow {
            true => port32(value as u16).0.into(),
            false => value,
        };
        let mut made_up = Self::exact(row.field, value).under(mask);
        made_up.class = (!preferred).then_some(code.class);
        made_up
    }
}

impl Generate for LongValue {
    fn generate(dice: &mut Dice<'_>, _: Version) -> Self {
        let rows: Vec<&Row> = ROWS.iter().filter(|row| row.is_variable()).collect();
        let row = rows[dice.below(rows.len())];
        let value = Bytes::from(dice.bytes(Self::LIMIT));
        let mask = dice
            .flip()
            .then(|| value.iter().map(|_| dice.uint(1) as u8).collect());
        Self {
            field: row.field,
            value,
            mask,
        }
    }
}

/// Makes up a header that the table does not know.
fn unknown_header(dice: &mut Dice<'_>) -> Header {
    const CLASS: u16 = 0x0003;
    const NUMBER: u8 = 0x7e;
    const VENDOR: u32 = 0x00ab_cdef;
    let class = [CLASS, BASIC, EXPERIMENTER][dice.below(3)];
    let experimenter = if class == EXPERIMENTER { VENDOR } else { 0 };
    Header {
        class,
        number: NUMBER,
        masked: dice.flip(),
        length: dice.below(32) as u8,
        experimenter,
    }
}

impl Generate for Header {
    fn generate(dice: &mut Dice<'_>, version: Version) -> Self {
        if dice.below(8) == 7 {
            return unknown_header(dice);
        }
        let value = FieldValue::generate(dice, version);
        let code = value.code(version).unwrap_or(&ROWS[0].codes[0]);
        let masked = dice.flip();
        Self {
            masked,
            length: code.length(masked),
            ..Self::at(code)
        }
    }
}

impl Generate for Entry {
    fn generate(dice: &mut Dice<'_>, version: Version) -> Self {
        match dice.below(8) {
            6 => Self::Long(Box::new(LongValue::generate(dice, version))),
            7 => {
                let data = dice.bytes(20);
                let header = unknown_header(dice);
                let own = if header.class == EXPERIMENTER { 4 } else { 0 };
                let mut w = Writer::new();
                // At most 24.
                let length = (own + data.len()) as u8;
                Header { length, ..header }.encode(&mut w);
                w.slice(&data);
                Self::Unknown(w.freeze())
            }
            _ => Self::Known(FieldValue::generate(dice, version)),
        }
    }
}

impl Generate for Fields {
    fn generate(dice: &mut Dice<'_>, version: Version) -> Self {
        Self(Match::of(Vec::<Entry>::generate(dice, version)))
    }
}

impl Generate for Match {
    fn generate(dice: &mut Dice<'_>, version: Version) -> Self {
        if version != Version::V1_0 && dice.below(32) == 31 {
            let body = dice.bytes(40).into();
            return Self::of_unknown_type(2 + dice.below(0xfff0) as u16, body);
        }
        let made_up = match version {
            Version::V1_0 | Version::V1_1 => Standard::generate(dice, version).into_match(version),
            _ => Fields::generate(dice, version).0,
        };
        // The same without what says nothing.
        if dice.flip() {
            Self::of(made_up.entries.to_vec())
        } else {
            made_up
        }
    }
}
