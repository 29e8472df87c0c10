//! Matches: which packets a flow is for, as a list of fields with values and masks.
//!
//! On the wire a match of OpenFlow 1.2 and later is a list of type-length-value entries
//! (OpenFlow 1.5.1, 7.2.3). Fields that the table does not know are kept as they came.

use bytes::Bytes;

use crate::action::port32;
use crate::error::{DecodeError, EncodeError, ErrorAnswer};
use crate::field::{EXPERIMENTER, Field, ONF, Prerequisite};
use crate::wire::{Reader, Writer};
use crate::{MacAddr, Version};

/// A field with a value, and a mask when not all bits count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FieldValue {
    /// Which field.
    pub field: Field,
    /// Its value; bits outside the mask are zero.
    pub value: u128,
    /// Which bits count; none for all. A full mask that stood on the wire stays: Open vSwitch
    /// writes one for fields whose bits do not fill their bytes.
    pub mask: Option<u128>,
    /// The class it was written in, when that is not the one this crate writes.
    pub class: Option<u16>,
}

impl FieldValue {
    /// `field` has exactly this value.
    #[must_use]
    pub fn exact(field: Field, value: impl Value) -> Self {
        Self {
            field,
            value: value.bits(),
            mask: None,
            class: None,
        }
    }

    /// `field` has this value in the bits of `mask`; a full mask counts as none.
    #[must_use]
    pub fn masked(field: Field, value: impl Value, mask: impl Value) -> Self {
        let mask = mask.bits() & field.full_mask();
        Self {
            field,
            value: value.bits() & mask,
            mask: (mask != field.full_mask()).then_some(mask),
            class: None,
        }
    }

    /// The bits that count.
    #[must_use]
    pub fn significant(&self) -> u128 {
        self.mask.unwrap_or_else(|| self.field.full_mask())
    }

    /// Whether all bits count.
    #[must_use]
    pub fn is_exact(&self) -> bool {
        self.significant() == self.field.full_mask()
    }

    pub(crate) fn encode(&self, w: &mut Writer, version: Version) -> Result<(), EncodeError> {
        let row = self.field.row();
        let code = match self.class {
            Some(class) => row.codes.iter().find(|code| code.class == class),
            None => self.field.code(version),
        }
        .ok_or(EncodeError::NotInVersion {
            what: row.name,
            version,
        })?;
        let bytes = usize::from(code.bytes);
        w.u16(code.class);
        w.u8(code.number << 1 | u8::from(self.mask.is_some()));
        w.u8(code.length(self.mask.is_some()));
        if code.class == EXPERIMENTER {
            w.u32(ONF);
        }
        // The 16-bit port numbers of NXM_0 are the low half of the reserved 32-bit ones.
        w.uint(self.value, bytes);
        if let Some(mask) = self.mask {
            w.uint(mask, bytes);
        }
        Ok(())
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

/// An entry of a match.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Entry {
    /// A field of the table.
    Known(FieldValue),
    /// Any other, with its header.
    Unknown(Bytes),
}

/// Which packets a flow is for: all that agree with every entry.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Match {
    /// The entries, in order.
    pub entries: Vec<Entry>,
}

impl Match {
    /// Every packet.
    #[must_use]
    pub fn any() -> Self {
        Self::default()
    }

    /// The packets among these whose `field` has exactly this value.
    #[must_use]
    pub fn with(mut self, field: Field, value: impl Value) -> Self {
        self.entries
            .push(Entry::Known(FieldValue::exact(field, value)));
        self
    }

    /// The packets among these whose `field` has this value in the bits of `mask`. An empty mask
    /// adds nothing.
    #[must_use]
    pub fn with_masked(mut self, field: Field, value: impl Value, mask: impl Value) -> Self {
        let entry = FieldValue::masked(field, value, mask);
        if entry.mask != Some(0) {
            self.entries.push(Entry::Known(entry));
        }
        self
    }

    /// Asks for one more thing.
    pub fn push(&mut self, value: FieldValue) {
        self.entries.push(Entry::Known(value));
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
            Entry::Unknown(_) => None,
        })
    }

    /// Asks this of a field, instead of what was asked of it before.
    pub(crate) fn set(&mut self, value: FieldValue) {
        let same = |entry: &Entry| matches!(entry, Entry::Known(old) if old.field == value.field);
        self.entries.retain(|entry| !same(entry));
        self.entries.push(Entry::Known(value));
    }

    /// The Ethernet type of all these packets, if they have one in common.
    #[must_use]
    pub fn ethertype(&self) -> Option<u16> {
        let exact = |field| self.get(field).filter(|value| value.is_exact());
        if let Some(ethertype) = exact(Field::EthType) {
            return Some(ethertype.value as u16);
        }
        // Namespace 1 of packet types is that of Ethernet types (OpenFlow 1.5.1, 7.2.3.11).
        exact(Field::PacketType)
            .filter(|kind| kind.value >> 16 == 1)
            .map(|kind| kind.value as u16)
    }

    /// Whether all these packets have the fields that need `prerequisite` (ovs-fields(7)).
    #[must_use]
    pub fn satisfies(&self, prerequisite: Prerequisite) -> bool {
        let ethertype = |types: &[u16]| self.ethertype().is_some_and(|own| types.contains(&own));
        let is = |field, wanted: u128| {
            self.get(field)
                .is_some_and(|value| value.is_exact() && value.value == wanted)
        };
        let ip = || ethertype(&[0x0800, 0x86dd]);
        let has_bits = |field, bits: u128| {
            self.get(field)
                .is_some_and(|value| value.value & value.significant() & bits != 0)
        };
        // Fragments but the first begin behind the transport header.
        let transport = |protocol| is(Field::IpProto, protocol) && !has_bits(Field::IpFrag, 2);
        let icmpv6 = || ethertype(&[0x86dd]) && transport(58);
        let neighbour = |types: &[u128]| {
            let mut kinds = types.iter();
            icmpv6() && is(Field::Icmpv6Code, 0) && kinds.any(|kind| is(Field::Icmpv6Type, *kind))
        };
        let tracked = || has_bits(Field::CtState, 0x20) && has_bits(Field::CtState, 0x0f);
        match prerequisite {
            Prerequisite::None => true,
            Prerequisite::Arp => ethertype(&[0x0806, 0x8035]),
            Prerequisite::Ipv4 => ethertype(&[0x0800]),
            Prerequisite::Ipv6 => ethertype(&[0x86dd]),
            Prerequisite::Ip => ip(),
            Prerequisite::Mpls => ethertype(&[0x8847, 0x8848]),
            Prerequisite::Tcp => ip() && transport(6),
            Prerequisite::Udp => ip() && transport(17),
            Prerequisite::Sctp => ip() && transport(132),
            Prerequisite::Icmpv4 => ethertype(&[0x0800]) && transport(1),
            Prerequisite::Icmpv6 => icmpv6(),
            Prerequisite::NeighbourDiscovery => neighbour(&[135, 136]),
            Prerequisite::NeighbourSolicitation => neighbour(&[135]),
            Prerequisite::NeighbourAdvertisement => neighbour(&[136]),
            Prerequisite::Vlan => {
                has_bits(Field::VlanVid, 0x1000) || has_bits(Field::VlanTci, 0x1000)
            }
            Prerequisite::CtIpv4 => ethertype(&[0x0800]) && tracked(),
            Prerequisite::CtIpv6 => ethertype(&[0x86dd]) && tracked(),
            Prerequisite::CtIp => ip() && tracked(),
        }
    }

    /// Asks of single registers what is asked of pairs and fours of them. Open vSwitch reports registers
    /// in pairs from OpenFlow 1.5 on, however it was told of them (`nx_put_raw`, lib/nx-match.c).
    pub fn split_registers(&mut self) {
        for entry in std::mem::take(&mut self.entries) {
            match entry {
                Entry::Known(value) => self.entries.extend(single_registers(value)),
                unknown => self.entries.push(unknown),
            }
        }
    }

    /// Puts the entries in the order of the table, in which what a field needs comes before it.
    pub fn sort(&mut self) {
        self.entries.sort_by_key(|entry| match entry {
            Entry::Known(value) => value.field as usize,
            Entry::Unknown(_) => usize::MAX,
        });
    }

    /// Writes the entries, without the header of a match.
    pub(crate) fn encode_entries(
        &self,
        w: &mut Writer,
        version: Version,
    ) -> Result<(), EncodeError> {
        for entry in &self.entries {
            match entry {
                Entry::Known(value) => value.encode(w, version)?,
                Entry::Unknown(bytes) => w.slice(bytes),
            }
        }
        Ok(())
    }

    /// Writes an `ofp_match` of type OXM with its padding.
    pub(crate) fn encode(&self, w: &mut Writer, version: Version) -> Result<(), EncodeError> {
        let start = w.len();
        w.u16(1);
        w.u16(0);
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

    /// Reads an `ofp_match` of type OXM with its padding.
    #[inline]
    pub(crate) fn decode(r: &mut Reader<'_>, version: Version) -> Result<Self, DecodeError> {
        r.answer_with(ErrorAnswer::BAD_MATCH_LEN);
        let here = r.error("a match of type OXM");
        if r.u16("ofp_match.type")? != 1 {
            return Err(DecodeError {
                answer: ErrorAnswer::BAD_MATCH_TYPE,
                ..here
            });
        }
        let length = usize::from(r.u16("ofp_match.length")?);
        let entries = length
            .checked_sub(4)
            .ok_or_else(|| r.error("ofp_match.length of at least 4"))?;
        let mut body = r.sub(entries, "the match that ofp_match.length tells of")?;
        let padding = length.next_multiple_of(8) - length;
        r.skip(padding, "the padding of ofp_match")?;
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
        while !r.is_empty() {
            entries.push(decode_entry(r, version)?);
        }
        Ok(Self { entries })
    }
}

/// The entries of a match by themselves, until the end.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Fields(pub Match);

/// What is asked of each of the registers that a field is made of; of any other field, what is asked.
fn single_registers(value: FieldValue) -> Vec<Entry> {
    let number = value.field as usize;
    let (first, count) = match number {
        _ if (Field::Xreg0 as usize..=Field::Xreg7 as usize).contains(&number) => {
            (2 * (number - Field::Xreg0 as usize), 2)
        }
        _ if (Field::Xxreg0 as usize..=Field::Xxreg3 as usize).contains(&number) => {
            (4 * (number - Field::Xxreg0 as usize), 4)
        }
        _ => return vec![Entry::Known(value)],
    };
    let registers = (0..count).filter_map(|at| {
        let field = Field::register(u8::try_from(first + at).ok()?)?;
        let shift = 32 * (count - 1 - at);
        let part = |bits: u128| bits >> shift & field.full_mask();
        let single = FieldValue::masked(field, part(value.value), part(value.significant()));
        (single.significant() != 0).then_some(Entry::Known(single))
    });
    registers.collect()
}

/// Reads one entry.
#[inline]
pub(crate) fn decode_entry(r: &mut Reader<'_>, version: Version) -> Result<Entry, DecodeError> {
    let start = r.offset();
    let class = r.u16("oxm_class")?;
    let number = r.u8("oxm_field")?;
    let length = r.u8("oxm_length")?;
    let has_mask = number & 1 == 1;
    let Some((field, code)) = Field::from_code(class, number >> 1) else {
        r.skip(usize::from(length), "the entry that oxm_length tells of")?;
        return Ok(Entry::Unknown(r.since(start)));
    };
    let foreign = code.class == EXPERIMENTER && !r.peek().starts_with(&ONF.to_be_bytes());
    if foreign {
        r.skip(usize::from(length), "the entry that oxm_length tells of")?;
        return Ok(Entry::Unknown(r.since(start)));
    }
    if length != code.length(has_mask) {
        return Err(r.error("the oxm_length of the field"));
    }
    if code.class == EXPERIMENTER {
        r.skip(4, "the experimenter")?;
    }
    let bytes = usize::from(code.bytes);
    let mut value = r.uint(bytes, "the value of the field")?;
    if field == Field::InPort && bytes == 2 {
        value = port32(value as u16).bits();
    }
    let mask = has_mask
        .then(|| r.uint(bytes, "the mask of the field"))
        .transpose()?;
    // A value in a form that this crate would not write is kept as it came.
    let full = field.full_mask();
    let exotic = match mask {
        None => value & !full != 0,
        Some(mask) => mask & !full != 0 || value & !mask != 0,
    };
    if exotic {
        return Ok(Entry::Unknown(r.since(start)));
    }
    let class = field
        .code(version)
        .is_none_or(|preferred| preferred.class != class)
        .then_some(class);
    Ok(Entry::Known(FieldValue {
        field,
        value,
        mask,
        class,
    }))
}

/// Writes the header of a field without a value, as actions that name fields do.
pub(crate) fn encode_header(
    w: &mut Writer,
    field: Field,
    version: Version,
) -> Result<(), EncodeError> {
    let code = field.code(version).ok_or(EncodeError::NotInVersion {
        what: field.row().name,
        version,
    })?;
    w.u16(code.class);
    w.u8(code.number << 1);
    w.u8(code.length(false));
    if code.class == EXPERIMENTER {
        w.u32(ONF);
    }
    Ok(())
}

/// Reads the header of a field without a value; none for a field that the table does not know or a
/// class that this crate would not write.
pub(crate) fn decode_header(
    r: &mut Reader<'_>,
    version: Version,
) -> Result<Option<Field>, DecodeError> {
    let class = r.u16("oxm_class")?;
    let number = r.u8("oxm_field")?;
    let length = r.u8("oxm_length")?;
    if class == EXPERIMENTER && r.u32("oxm_experimenter")? != ONF {
        return Ok(None);
    }
    Ok(
        Field::from_code(class, number >> 1).and_then(|(field, code)| {
            let ours = field.code(version).is_some_and(|ours| ours == code);
            (ours && length == code.length(false) && number & 1 == 0).then_some(field)
        }),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_and_fours_of_registers_split_into_those_that_are_asked_about() {
        let mut matches = Match::any()
            .with(Field::EthType, 0x0800_u16)
            .with_masked(Field::Xreg7, 0x1234_u128 << 32, 0xffff_ffff_u128 << 32)
            .with_masked(Field::Xreg6, 0x0300_u128, 0xff00_u128)
            .with(
                Field::Xxreg0,
                1_u128 << 96 | 2_u128 << 64 | 3_u128 << 32 | 4,
            );
        matches.split_registers();
        let split = Match::any()
            .with(Field::EthType, 0x0800_u16)
            .with(Field::Reg14, 0x1234_u32)
            .with_masked(Field::Reg13, 0x0300_u32, 0xff00_u32)
            .with(Field::Reg0, 1_u32)
            .with(Field::Reg1, 2_u32)
            .with(Field::Reg2, 3_u32)
            .with(Field::Reg3, 4_u32);
        assert_eq!(matches, split);
    }
}
