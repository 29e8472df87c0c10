//! Headers of fields without a value: how actions name fields, and how lists of fields do.

use crate::Version;
use crate::error::{DecodeError, EncodeError};
use crate::field::{Code, EXPERIMENTER, Field};
use crate::wire::{Reader, Writer};

/// The header of a field, 32 bits, or 64 in the class of experimenters (OpenFlow 1.5.1, 7.2.3.2). It may name
/// any field, also one that the table does not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Header {
    /// `oxm_class`.
    pub class: u16,
    /// `oxm_field`, seven bits.
    pub number: u8,
    /// `oxm_hasmask`.
    pub masked: bool,
    /// `oxm_length`: the bytes of a value and mask, were they there.
    pub length: u8,
    /// The experimenter, in the class of experimenters; 0 elsewhere.
    pub experimenter: u32,
}

impl Header {
    /// The header that names a field in a version.
    pub fn of(field: Field, version: Version) -> Result<Self, EncodeError> {
        let code = field.code(version).ok_or(EncodeError::NotInVersion {
            what: field.row().name,
            version,
        })?;
        Ok(Self::at(code))
    }

    /// The header of a code point.
    #[must_use]
    pub fn at(code: &Code) -> Self {
        Self {
            class: code.class,
            number: code.number,
            masked: false,
            length: code.length(false),
            experimenter: code.experimenter.unwrap_or_default(),
        }
    }

    /// The code point that it names, if the table knows it.
    #[must_use]
    pub fn code(&self) -> Option<(Field, &'static Code)> {
        let experimenter = (self.class == EXPERIMENTER).then_some(self.experimenter);
        Field::from_code(self.class, experimenter, self.number)
    }

    /// The field that it names, if the table knows it.
    #[must_use]
    pub fn field(&self) -> Option<Field> {
        self.code().map(|(field, _)| field)
    }

    /// Writes the header.
    pub(crate) fn encode(&self, w: &mut Writer) {
        w.u16(self.class);
        w.u8(self.number << 1 | u8::from(self.masked));
        w.u8(self.length);
        if self.class == EXPERIMENTER {
            w.u32(self.experimenter);
        }
    }

    /// Reads a header.
    pub(crate) fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let class = r.u16("oxm_class")?;
        let number = r.u8("oxm_field")?;
        let length = r.u8("oxm_length")?;
        let experimenter = match class {
            EXPERIMENTER => r.u32("oxm_experimenter")?,
            _ => 0,
        };
        Ok(Self {
            class,
            number: number >> 1,
            masked: number & 1 == 1,
            length,
            experimenter,
        })
    }
}

/// Writes the header of a value under a code point.
#[inline]
pub(super) fn write(w: &mut Writer, code: &Code, masked: bool, length: u8) {
    let number = code.number << 1 | u8::from(masked);
    w.u32(u32::from(code.class) << 16 | u32::from(number) << 8 | u32::from(length));
    if let Some(experimenter) = code.experimenter {
        w.u32(experimenter);
        if let Some(kind) = code.kind {
            w.u16(kind);
        }
    }
}
