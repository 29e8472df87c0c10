//! Fields as actions name them: by the header of an entry, without its value.
//!
//! A header may name what the table of fields does not know, or a known field under another class than
//! this crate writes; both are kept. Some of Nicira's actions have room for the short header only.

use crate::Version;
use crate::error::{DecodeError, EncodeError};
use crate::field::{Field, NXM_0};
use crate::matches::Header;
use crate::record::{Dice, Generate, Plain, Value, ValueError, Wire, required};
use crate::wire::{Reader, Writer};

/// A field, as a header names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Oxm {
    /// A field of the table, in the class that this crate writes.
    Field(Field),
    /// Any other.
    Header(Header),
}

impl From<Field> for Oxm {
    fn from(field: Field) -> Self {
        Self::Field(field)
    }
}

impl Oxm {
    /// What a header names. `NXM_OF_IN_PORT` stays a header: it has sixteen bits, not 32 like its like in OXM.
    #[must_use]
    pub fn of(header: Header, version: Version) -> Self {
        match header.field() {
            Some(field) if Self::written(field, version) == Ok(header) => Self::Field(field),
            _ => Self::Header(header),
        }
    }

    /// The port of arrival in sixteen bits (`NXM_OF_IN_PORT`).
    pub const IN_PORT_16: Self = Self::Header(Header {
        class: NXM_0,
        number: 0,
        masked: false,
        length: 2,
        experimenter: 0,
    });

    /// The header that this crate writes for a field.
    fn written(field: Field, version: Version) -> Result<Header, EncodeError> {
        let version = match field {
            // Of 32 bits, also where the standard has it in sixteen: those are a header of their own.
            Field::InPort => Version::V1_5,
            _ => version,
        };
        Header::of(field, version)
    }

    /// Its header.
    pub fn header(&self, version: Version) -> Result<Header, EncodeError> {
        match self {
            Self::Field(field) => Self::written(*field, version),
            Self::Header(header) => Ok(*header),
        }
    }

    /// Whether its header takes 64 bits, for it says whose field it is, in any version: 1.5 has taken over a field
    /// of the ONF.
    pub(crate) fn is_experimenter(&self) -> bool {
        self.header(Version::V1_4)
            .is_ok_and(|header| header.experimenter != 0)
    }

    /// The field, if the table knows it.
    #[must_use]
    pub fn field(&self) -> Option<Field> {
        match self {
            Self::Field(field) => Some(*field),
            Self::Header(header) => header.field(),
        }
    }
}

impl Wire for Oxm {
    fn read(r: &mut Reader<'_>, version: Version, what: &'static str) -> Result<Self, DecodeError> {
        Header::read(r, version, what).map(|header| Self::of(header, version))
    }

    fn write(&self, w: &mut Writer, version: Version) -> Result<(), EncodeError> {
        self.header(version)?.write(w, version)
    }
}

impl Plain for Oxm {
    fn value(&self, version: Version) -> Value {
        match self.header(version) {
            Ok(header) => header.value(version),
            Err(error) => Value::text(error),
        }
    }

    fn from_value(value: &Value, version: Version) -> Result<Self, ValueError> {
        Header::from_value(value, version).map(|header| Self::of(header, version))
    }
}

impl Generate for Oxm {
    fn generate(dice: &mut Dice<'_>, version: Version) -> Self {
        Self::of(Header::generate(dice, version), version)
    }
}

/// A field whose header takes 32 bits. That of an experimenter's does not say whose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Oxm32(pub Oxm);

impl Wire for Oxm32 {
    fn read(r: &mut Reader<'_>, version: Version, what: &'static str) -> Result<Self, DecodeError> {
        let [high, low, number, length] = r.array(what)?;
        let header = Header {
            class: u16::from_be_bytes([high, low]),
            number: number >> 1,
            masked: number & 1 == 1,
            length,
            experimenter: 0,
        };
        Ok(Self(Oxm::of(header, version)))
    }

    fn write(&self, w: &mut Writer, version: Version) -> Result<(), EncodeError> {
        let header = self.0.header(version)?;
        if header.experimenter != 0 {
            let what = "an experimenter's field in an action that has room for the standard's";
            return Err(EncodeError::NotInVersion { what, version });
        }
        w.u16(header.class);
        w.u8(header.number << 1 | u8::from(header.masked));
        w.u8(header.length);
        Ok(())
    }
}

impl Plain for Oxm32 {
    fn value(&self, version: Version) -> Value {
        self.0.value(version)
    }

    fn from_value(value: &Value, version: Version) -> Result<Self, ValueError> {
        Oxm::from_value(value, version).map(Self)
    }
}

impl Generate for Oxm32 {
    fn generate(dice: &mut Dice<'_>, version: Version) -> Self {
        let header = Header {
            experimenter: 0,
            ..Header::generate(dice, version)
        };
        Self(Oxm::of(header, version))
    }
}

/// A field in an action of 24 bytes that holds nothing else (`struct nx_action_delete_field`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PaddedOxm(pub Oxm);

impl PaddedOxm {
    /// Bytes of header and padding.
    const SIZE: usize = 14;
}

impl Wire for PaddedOxm {
    fn read(r: &mut Reader<'_>, version: Version, what: &'static str) -> Result<Self, DecodeError> {
        let mut body = r.sub(Self::SIZE, what)?;
        Oxm::read(&mut body, version, what).map(Self)
    }

    fn write(&self, w: &mut Writer, version: Version) -> Result<(), EncodeError> {
        let start = w.len();
        w.part("a field", |w| self.0.write(w, version))?;
        w.pad(Self::SIZE - (w.len() - start));
        Ok(())
    }
}

impl Plain for PaddedOxm {
    fn value(&self, version: Version) -> Value {
        self.0.value(version)
    }

    fn from_value(value: &Value, version: Version) -> Result<Self, ValueError> {
        Oxm::from_value(value, version).map(Self)
    }
}

impl Generate for PaddedOxm {
    fn generate(dice: &mut Dice<'_>, version: Version) -> Self {
        Self(Oxm::generate(dice, version))
    }
}

/// Which bits of a field, in sixteen bits: `ofs_nbits` of Nicira's actions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct OfsNbits {
    /// The first bit, at most 1023.
    pub offset: u16,
    /// How many bits, from 1 to 64.
    pub bits: u16,
}

impl Plain for OfsNbits {
    fn value(&self, version: Version) -> Value {
        Value::Object(vec![
            ("offset".into(), self.offset.value(version)),
            ("n_bits".into(), self.bits.value(version)),
        ])
    }

    fn from_value(value: &Value, version: Version) -> Result<Self, ValueError> {
        value.members(&["offset", "n_bits"])?;
        Ok(Self {
            offset: required(value, "offset", version)?,
            bits: required(value, "n_bits", version)?,
        })
    }
}

impl Generate for OfsNbits {
    fn generate(dice: &mut Dice<'_>, _: Version) -> Self {
        Self::of(dice.uint(2) as u16)
    }
}

impl OfsNbits {
    /// `bits` bits from bit `offset` on.
    #[must_use]
    pub fn new(offset: u16, bits: u16) -> Self {
        Self { offset, bits }
    }

    fn of(packed: u16) -> Self {
        Self::new(packed >> 6, (packed & 0x3f) + 1)
    }
}

impl Wire for OfsNbits {
    fn read(r: &mut Reader<'_>, _: Version, what: &'static str) -> Result<Self, DecodeError> {
        r.u16(what).map(Self::of)
    }

    fn write(&self, w: &mut Writer, version: Version) -> Result<(), EncodeError> {
        let Self { offset, bits } = *self;
        if offset > 1023 || !(1..=64).contains(&bits) {
            let what = "more than 64 bits of a field, or none, in an action of Nicira's";
            return Err(EncodeError::NotInVersion { what, version });
        }
        w.u16(offset << 6 | (bits - 1));
        Ok(())
    }
}

/// Some bits of a field: `NXM_NX_REG0[8..15]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Subfield {
    /// The field.
    pub field: Oxm,
    /// The lowest bit.
    pub offset: u16,
    /// How many bits.
    pub bits: u16,
}

impl Subfield {
    /// All bits of a field.
    #[must_use]
    pub fn whole(field: Field) -> Self {
        Self::new(field, 0, field.row().bits)
    }

    /// `bits` bits of a field from bit `offset` on.
    #[must_use]
    pub fn new(field: impl Into<Oxm>, offset: u16, bits: u16) -> Self {
        Self {
            field: field.into(),
            offset,
            bits,
        }
    }

    /// The bits, as sixteen bits say them.
    #[must_use]
    pub fn ofs_nbits(&self) -> OfsNbits {
        OfsNbits::new(self.offset, self.bits)
    }

    /// The bits of a field that sixteen bits say.
    #[must_use]
    pub fn packed(field: Oxm, bits: OfsNbits) -> Self {
        Self::new(field, bits.offset, bits.bits)
    }
}
