//! Matches: which packets a flow is for, as a list of fields with values and masks.
//!
//! On the wire a match of OpenFlow 1.2 and later is a list of type-length-value entries
//! (OpenFlow 1.5.1, 7.2.3); those of 1.0 and 1.1 are structures ([`standard`]), which become entries
//! here too, so that everybody sees one meaning. Nothing is lost: values that no switch would take keep
//! their bits, fields that the table does not know are kept as they came. Whether a match makes sense
//! is asked in [`check`]; headers without a value, as actions and lists of fields have them, are
//! [`Header`]s.

pub mod check;
mod entries;
mod header;
mod plain;
pub mod standard;

use bytes::Bytes;

pub use check::MatchError;
pub use entries::Entries;
pub use header::Header;
use standard::Exact;

use crate::action::port32;
use crate::error::{DecodeError, EncodeError, ErrorAnswer};
use crate::field::{Code, EXPERIMENTER, Field, Slot};
use crate::record::Sink;
use crate::wire::{Reader, Writer};
use crate::{MacAddr, Version};

/// A field with a value, and a mask when not all bits count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FieldValue {
    /// Which field.
    pub field: Field,
    /// Its value. Bits outside the mask are zero, or a switch refuses it.
    pub value: u128,
    /// The class it was written in, when that is not the one this crate writes.
    pub class: Option<u16>,
    /// Whether there is a mask: apart from its bits, for an option of them takes twice the room.
    has_mask: bool,
    /// Zero without a mask.
    mask_bits: u128,
}

impl FieldValue {
    /// `field` has exactly this value.
    #[must_use]
    pub fn exact(field: Field, value: impl Value) -> Self {
        Self {
            field,
            value: value.bits(),
            class: None,
            has_mask: false,
            mask_bits: 0,
        }
    }

    /// `field` has this value in the bits of `mask`; a full mask counts as none.
    #[must_use]
    pub fn masked(field: Field, value: impl Value, mask: impl Value) -> Self {
        let mask = mask.bits() & field.full_mask();
        let value = Self::exact(field, value.bits() & mask);
        value.under((mask != field.full_mask()).then_some(mask))
    }

    /// The same value under just this mask, even if all bits count.
    #[must_use]
    pub fn under(self, mask: Option<u128>) -> Self {
        Self {
            has_mask: mask.is_some(),
            mask_bits: mask.unwrap_or_default(),
            ..self
        }
    }

    /// Which bits count; none for all. A full mask that stood on the wire stays: Open vSwitch writes one for
    /// fields whose bits do not fill their bytes.
    #[inline]
    #[must_use]
    pub fn mask(&self) -> Option<u128> {
        self.has_mask.then_some(self.mask_bits)
    }

    /// The bits that count.
    #[must_use]
    pub fn significant(&self) -> u128 {
        let full = self.field.full_mask();
        self.mask().map_or(full, |mask| mask & full)
    }

    /// Whether all bits count.
    #[must_use]
    pub fn is_exact(&self) -> bool {
        self.significant() == self.field.full_mask()
    }

    /// The code point that it is written under.
    #[inline]
    fn code(&self, version: Version) -> Option<&'static Code> {
        match self.class {
            Some(class) => {
                let codes = self.field.row().codes;
                codes.iter().find(|code| code.class == class)
            }
            None => self.field.code(version),
        }
    }

    /// Writes header, value and mask.
    #[inline]
    pub(crate) fn encode(&self, w: &mut Writer, version: Version) -> Result<(), EncodeError> {
        if self.encode_usual(w, version) {
            return Ok(());
        }
        self.encode_any(w, version)
    }

    /// Writes header, value and mask as most are: of no experimenter's, the value of at most eight bytes. Of any
    /// other nothing is written.
    #[inline]
    fn encode_usual(&self, w: &mut Writer, version: Version) -> bool {
        let Some((header, bytes)) = self.field.usual_code(version) else {
            return false;
        };
        let all = self.value | self.mask_bits;
        if all >> (8 * bytes) != 0 || self.class.is_some() {
            return false;
        }
        if self.has_mask {
            w.u32(header + 0x100 + bytes as u32);
            w.low(self.value as u64, bytes);
            w.low(self.mask_bits as u64, bytes);
        } else {
            w.u32(header);
            w.low(self.value as u64, bytes);
        }
        true
    }

    /// Writes any header, value and mask.
    fn encode_any(&self, w: &mut Writer, version: Version) -> Result<(), EncodeError> {
        let not_in_version = || EncodeError::NotInVersion {
            what: self.field.row().name,
            version,
        };
        let code = self.code(version).ok_or_else(not_in_version)?;
        let bytes = usize::from(code.bytes);
        header::write(w, code, self.has_mask, code.length(self.has_mask));
        let narrow = self.field == Field::InPort && bytes == 2;
        let fit = |part| fitting(part, bytes, narrow).ok_or_else(not_in_version);
        write_uint(w, fit(self.value)?, bytes);
        if let Some(mask) = self.mask() {
            write_uint(w, fit(mask)?, bytes);
        }
        Ok(())
    }
}

/// A value or mask, if so many bytes can say it. The 16-bit port numbers of NXM_0 are the low half of the
/// reserved 32-bit ones.
#[inline]
fn fitting(part: u128, bytes: usize, narrow: bool) -> Option<u128> {
    if narrow && u128::from(port32(part as u16).0) == part {
        return Some(part & 0xffff);
    }
    let (high, low) = ((part >> 64) as u64, part as u64);
    let fits = match bytes {
        0..8 => high == 0 && low >> (8 * bytes) == 0,
        8 => high == 0,
        _ => true,
    };
    fits.then_some(part)
}

/// Writes the low bytes of an integer. The usual widths are written at once.
#[inline]
fn write_uint(w: &mut Writer, value: u128, bytes: usize) {
    match bytes {
        1 => w.u8(value as u8),
        2 => w.u16(value as u16),
        4 => w.u32(value as u32),
        6 => {
            w.u16((value >> 32) as u16);
            w.u32(value as u32);
        }
        8 => w.u64(value as u64),
        // A field of the tunnel's options: the value stands at the end.
        more if more > 16 => {
            w.pad(more - 16);
            w.uint(value, 16);
        }
        other => w.uint(value, other),
    }
}

/// Reads an integer of at most sixteen bytes.
#[inline]
fn read_uint(bytes: &[u8]) -> u128 {
    match *bytes {
        [a] => a.into(),
        [a, b] => u16::from_be_bytes([a, b]).into(),
        [a, b, c, d] => u32::from_be_bytes([a, b, c, d]).into(),
        [a, b, c, d, e, f] => u64::from_be_bytes([0, 0, a, b, c, d, e, f]).into(),
        [a, b, c, d, e, f, g, h] => u64::from_be_bytes([a, b, c, d, e, f, g, h]).into(),
        _ => bytes
            .iter()
            .fold(0, |value, byte| value << 8 | u128::from(*byte)),
    }
}

/// What a field's value can be written as in Rust.
pub trait Value {
    /// The value as an integer.
    fn bits(self) -> u128;
}

macro_rules! integer_values {
    ($($type:ty)*) => {$(
        impl Value for $type {
            fn bits(self) -> u128 {
                u128::from(self)
            }
        }
    )*};
}

integer_values!(u8 u16 u32 u64 u128);

impl Value for MacAddr {
    fn bits(self) -> u128 {
        u128::from(self.to_u64())
    }
}

impl Value for crate::PortNo {
    fn bits(self) -> u128 {
        u128::from(self.0)
    }
}

impl Value for std::net::Ipv4Addr {
    fn bits(self) -> u128 {
        u128::from(self.to_bits())
    }
}

impl Value for std::net::Ipv6Addr {
    fn bits(self) -> u128 {
        self.to_bits()
    }
}

/// A field whose length is the message's affair: an option of a tunnel (`NXM_NX_TUN_METADATA0` to
/// `NXM_NX_TUN_METADATA63`), of up to 124 bytes. Zeros before the value do not change its meaning
/// (ovs-fields(7)), yet are kept.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct LongValue {
    /// Which field.
    pub field: Field,
    /// Its value.
    pub value: Bytes,
    /// Which bits count, in as many bytes; none for all.
    pub mask: Option<Bytes>,
}

impl LongValue {
    /// The most bytes that a value can have.
    pub const LIMIT: usize = 124;

    /// Whether its mask has no bits: it has to be there, with any value.
    pub(crate) fn asks_nothing(&self) -> bool {
        let mask = self.mask.as_ref();
        mask.is_some_and(|mask| mask.iter().all(|byte| *byte == 0))
    }

    /// Writes header, value and mask.
    pub(crate) fn encode(&self, w: &mut Writer, version: Version) -> Result<(), EncodeError> {
        let what = self.field.row().name;
        let code = self.field.code(version);
        let code = code.filter(|_| self.field.row().is_variable());
        let code = code.ok_or(EncodeError::NotInVersion { what, version })?;
        let mask = self.mask.as_deref().unwrap_or_default();
        let longest = self.value.len().max(mask.len());
        if longest > Self::LIMIT || self.mask.is_some() && self.value.len() != mask.len() {
            return Err(EncodeError::TooLong {
                what,
                length: longest,
                limit: Self::LIMIT,
            });
        }
        // Twice the limit is less than a byte can say.
        let length = (self.value.len() + mask.len()) as u8;
        header::write(w, code, self.mask.is_some(), length);
        w.slice(&self.value);
        w.slice(mask);
        Ok(())
    }
}

/// An entry of a match.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Entry {
    /// A field of the table.
    Known(FieldValue),
    /// A field of the table whose length is the message's affair.
    Long(Box<LongValue>),
    /// Any other, with its header.
    Unknown(Bytes),
}

impl From<FieldValue> for Entry {
    fn from(value: FieldValue) -> Self {
        Self::Known(value)
    }
}

impl Entry {
    /// The field, if the table knows it.
    #[must_use]
    pub fn field(&self) -> Option<Field> {
        match self {
            Self::Known(value) => Some(value.field),
            Self::Long(value) => Some(value.field),
            Self::Unknown(_) => None,
        }
    }

    /// Writes the entry.
    #[inline]
    pub(crate) fn encode(&self, w: &mut Writer, version: Version) -> Result<(), EncodeError> {
        match self {
            Self::Known(value) => value.encode(w, version),
            Self::Long(value) => value.encode(w, version),
            Self::Unknown(bytes) => {
                w.slice(bytes);
                Ok(())
            }
        }
    }
}

/// Which packets a flow is for: all that agree with every entry.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Match {
    /// The entries, in order.
    pub entries: Entries,
    /// How it came, when this crate would not write the entries so.
    pub exact: Option<Box<Exact>>,
}

/// The entries of a match by themselves, until the end: `nx_match` and what is told of a packet.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Fields(pub Match);

impl From<Match> for Fields {
    fn from(matches: Match) -> Self {
        Self(matches)
    }
}

impl From<Fields> for Match {
    fn from(fields: Fields) -> Self {
        fields.0
    }
}

impl Match {
    /// Every packet.
    #[must_use]
    pub fn any() -> Self {
        Self::default()
    }

    /// The packets that agree with these entries.
    #[must_use]
    pub fn of(entries: impl Into<Entries>) -> Self {
        Self {
            entries: entries.into(),
            exact: None,
        }
    }

    /// The packets among these whose `field` has exactly this value.
    #[must_use]
    pub fn with(mut self, field: Field, value: impl Value) -> Self {
        self.push(FieldValue::exact(field, value));
        self
    }

    /// The packets among these whose `field` has this value in the bits of `mask`. An empty mask
    /// adds nothing.
    #[must_use]
    pub fn with_masked(mut self, field: Field, value: impl Value, mask: impl Value) -> Self {
        let entry = FieldValue::masked(field, value, mask);
        if entry.mask() != Some(0) {
            self.push(entry);
        }
        self
    }

    /// Asks for one more thing.
    pub fn push(&mut self, value: FieldValue) {
        self.entries.to_mut().push(Entry::Known(value));
    }

    /// What is asked of a field.
    #[must_use]
    pub fn get(&self, field: Field) -> Option<&FieldValue> {
        self.fields().find(|known| known.field == field)
    }

    /// The entries of known fields.
    pub fn fields(&self) -> impl Iterator<Item = &FieldValue> {
        self.entries.iter().filter_map(|entry| match entry {
            Entry::Known(value) => Some(value),
            Entry::Long(_) | Entry::Unknown(_) => None,
        })
    }

    /// Asks this of a field, instead of what was asked of it before.
    pub(crate) fn set(&mut self, value: FieldValue) {
        let same = |entry: &Entry| matches!(entry, Entry::Known(old) if old.field == value.field);
        self.entries.to_mut().retain(|entry| !same(entry));
        self.push(value);
    }

    /// Writes the entries, without the header of a match.
    #[inline]
    pub(crate) fn encode_entries(
        &self,
        w: &mut Writer,
        version: Version,
    ) -> Result<(), EncodeError> {
        self.entries
            .iter()
            .try_for_each(|entry| entry.encode(w, version))
    }

    /// Writes an `ofp_match` as the version has it, with its padding.
    pub(crate) fn encode(&self, w: &mut Writer, version: Version) -> Result<(), EncodeError> {
        if version < Version::V1_2 || self.exact.is_some() {
            return standard::encode(self, w, version);
        }
        self.encode_list(w, version)
    }

    /// Writes an `ofp_match` of type OXM with its padding.
    #[inline]
    fn encode_list(&self, w: &mut Writer, version: Version) -> Result<(), EncodeError> {
        let start = w.len();
        w.u32(1 << 16);
        self.encode_entries(w, version)?;
        w.patch_length(start + 2, start, "ofp_match")?;
        w.align8(start);
        Ok(())
    }

    /// The `ofp_match` by itself, with its padding: the content of a match, for hashing.
    pub fn to_bytes(&self, version: Version) -> Result<Bytes, EncodeError> {
        let mut w = Writer::new();
        self.encode(&mut w, version)?;
        Ok(w.freeze())
    }

    /// Reads an `ofp_match` as the version has it, with its padding.
    #[inline]
    pub(crate) fn decode(r: &mut Reader<'_>, version: Version) -> Result<Self, DecodeError> {
        r.answer_with(ErrorAnswer::BAD_MATCH_LEN);
        if version < Version::V1_2 {
            return standard::decode(r, version);
        }
        let kind = r.u16("ofp_match.type")?;
        let length = usize::from(r.u16("ofp_match.length")?);
        let entries = length
            .checked_sub(4)
            .ok_or_else(|| r.error("ofp_match.length of at least 4"))?;
        let mut body = r.sub(entries, "the match that ofp_match.length tells of")?;
        let padding = length.next_multiple_of(8) - length;
        r.skip(padding, "the padding of ofp_match")?;
        if kind != 1 {
            return Ok(Self::of_unknown_type(kind, body.rest()));
        }
        Self::decode_entries(&mut body, version)
    }

    /// Writes the list of entries of an `nx_match`, padded to eight bytes, and gives its length without
    /// the padding, which Nicira's messages keep elsewhere (`nicira-ext.h`, `struct nx_flow_mod`).
    pub fn encode_nx_match(&self, w: &mut Writer, version: Version) -> Result<u16, EncodeError> {
        let start = w.len();
        self.encode_entries(w, version)?;
        let length = w.len() - start;
        w.align8(start);
        u16::try_from(length).map_err(|_| EncodeError::TooLong {
            what: "nx_match",
            length,
            limit: u16::MAX.into(),
        })
    }

    /// Reads the list of entries of an `nx_match` of `length` bytes, and its padding to eight bytes.
    pub fn decode_nx_match(
        r: &mut Reader<'_>,
        length: u16,
        version: Version,
    ) -> Result<Self, DecodeError> {
        r.answer_with(ErrorAnswer::BAD_MATCH_LEN);
        let length = usize::from(length);
        let mut body = r.sub(length, "the nx_match that its length tells of")?;
        let padding = length.next_multiple_of(8) - length;
        r.skip(padding, "the padding of nx_match")?;
        Self::decode_entries(&mut body, version)
    }

    /// Reads entries until the reader's end.
    #[inline]
    pub(crate) fn decode_entries(
        r: &mut Reader<'_>,
        version: Version,
    ) -> Result<Self, DecodeError> {
        // An entry takes about eight bytes: four of header, four of value.
        let mut entries = Vec::with_capacity(r.remaining().div_ceil(8));
        loop {
            while let Some(value) = usual_entry(r, version) {
                entries.put(|| Entry::Known(value));
            }
            if r.is_empty() {
                return Ok(Self::of(entries));
            }
            entries.push(any_entry(r, version)?);
        }
    }
}

/// Reads one entry.
#[inline(always)]
pub(crate) fn decode_entry(r: &mut Reader<'_>, version: Version) -> Result<Entry, DecodeError> {
    Ok(match usual_entry(r, version) {
        Some(value) => Entry::Known(value),
        None => any_entry(r, version)?,
    })
}

/// Reads an entry as most are: of no experimenter's, and without a mask. Of any other nothing is read.
#[inline(always)]
fn usual_entry(r: &mut Reader<'_>, version: Version) -> Option<FieldValue> {
    let (header, rest) = r.peek().split_first_chunk()?;
    let header = u32::from_be_bytes(*header);
    let (field, slot) = Slot::usual(header)?;
    let (value, rest) = rest.split_at_checked(slot.bytes.into())?;
    let value = match *value {
        [a] => a.into(),
        [a, b] if field == Field::InPort => port32(u16::from_be_bytes([a, b])).0.into(),
        [a, b] => u16::from_be_bytes([a, b]).into(),
        [a, b, c, d] => u32::from_be_bytes([a, b, c, d]).into(),
        [a, b, c, d, e, f] => u64::from_be_bytes([0, 0, a, b, c, d, e, f]).into(),
        [a, b, c, d, e, f, g, h] => u64::from_be_bytes([a, b, c, d, e, f, g, h]).into(),
        _ => u128::from_be_bytes(value.try_into().ok()?),
    };
    r.go_on_with(rest);
    Some(FieldValue {
        field,
        value,
        class: (!slot.is_preferred(version)).then_some((header >> 16) as u16),
        has_mask: false,
        mask_bits: 0,
    })
}

/// Reads any entry.
fn any_entry(r: &mut Reader<'_>, version: Version) -> Result<Entry, DecodeError> {
    const TOLD: &str = "the entry that oxm_length tells of";
    let start = r.offset();
    let header = r.u32("the header of an OXM field")?;
    let class = (header >> 16) as u16;
    let number = (header >> 9) as u8 & 0x7f;
    let masked = header >> 8 & 1 == 1;
    let length = usize::from(header as u8);
    let Some(payload) = r.peek().get(..length) else {
        return Err(wrong(r, start, TOLD));
    };
    r.skip(length, TOLD)?;
    let experimenter = match (class, payload) {
        (EXPERIMENTER, [a, b, c, d, ..]) => Some(u32::from_be_bytes([*a, *b, *c, *d])),
        (EXPERIMENTER, _) => return Err(wrong(r, start, "an oxm_length of at least 4")),
        _ => None,
    };
    let Some((field, slot)) = Slot::find(class, experimenter, number) else {
        return Ok(Entry::Unknown(r.since(start)));
    };
    let (prefix, bytes) = (usize::from(slot.prefix), usize::from(slot.bytes));
    if prefix == 6 && !is_of_kind(slot.code(field), payload) {
        return Ok(Entry::Unknown(r.since(start)));
    }
    if bytes > 16 {
        return long_entry(r, start, field, masked, length);
    }
    if length != prefix + (bytes << u8::from(masked)) {
        return Err(wrong(r, start, "the oxm_length of the field"));
    }
    let (value, mask) = payload[prefix..].split_at(bytes);
    let mut value = read_uint(value);
    if field == Field::InPort && bytes == 2 {
        value = port32(value as u16).0.into();
    }
    Ok(Entry::Known(FieldValue {
        field,
        value,
        class: (!slot.is_preferred(version)).then_some(class),
        has_mask: masked,
        mask_bits: read_uint(mask),
    }))
}

/// The error for an entry that begins at `start`.
#[cold]
fn wrong(r: &Reader<'_>, start: usize, expected: &'static str) -> DecodeError {
    DecodeError {
        offset: start,
        ..r.error(expected)
    }
}

/// Whether the type that follows the experimenter is that of the code point.
#[cold]
fn is_of_kind(code: &Code, payload: &[u8]) -> bool {
    let kind = payload.get(4..6);
    code.kind
        .is_none_or(|own| kind == Some(&own.to_be_bytes()[..]))
}

/// The entry of a field whose length is the message's affair, of which `r` read everything.
#[cold]
fn long_entry(
    r: &Reader<'_>,
    start: usize,
    field: Field,
    masked: bool,
    length: usize,
) -> Result<Entry, DecodeError> {
    let parts = 1 << u8::from(masked);
    if !length.is_multiple_of(parts) || length / parts > LongValue::LIMIT {
        return Err(wrong(r, start, "the oxm_length of the field"));
    }
    let mut value = r.since(start + 4);
    let mask = masked.then(|| value.split_off(length / 2));
    Ok(Entry::Long(Box::new(LongValue { field, value, mask })))
}

#[cfg(test)]
pub(crate) mod tests;
