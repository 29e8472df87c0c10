//! Properties of headers that `encap` adds (`ofp-ed-props.h` of Open vSwitch).
//!
//! A property has a class (16 bits), a type and a length (8 bits each; the header counts, the padding to
//! eight bytes does not), and its value.

use bytes::Bytes;

use crate::Version;
use crate::error::{DecodeError, EncodeError};
use crate::record::{Dice, Generate, Plain, Value, ValueError, Wire, required};
use crate::wire::{Reader, Writer};

/// `OFPPPC_NSH`.
const NSH: u16 = 4;
/// `OFPPPT_PROP_NSH_MDTYPE`.
const MD_TYPE: u8 = 1;
/// `OFPPPT_PROP_NSH_TLV`.
const TLV: u8 = 2;
/// Bytes of a property's header.
const HEADER: usize = 4;

/// Something about a header that is added.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum EncapProperty {
    /// The metadata type of NSH.
    NshMdType(u8),
    /// A variable-length context header of NSH.
    NshTlv {
        /// The metadata's class.
        class: u16,
        /// Its type, with the critical bit.
        kind: u8,
        /// Bytes of its value.
        length: u8,
        /// The value.
        data: Bytes,
    },
    /// Any other.
    Unknown {
        /// Its class.
        class: u16,
        /// Its type.
        kind: u8,
        /// Its value.
        data: Bytes,
    },
}

impl Wire for EncapProperty {
    fn read(r: &mut Reader<'_>, _: Version, what: &'static str) -> Result<Self, DecodeError> {
        let class = r.u16("encap.prop_class")?;
        let kind = r.u8("encap.type")?;
        let length = usize::from(r.u8("encap.len")?);
        let value = length.checked_sub(HEADER);
        let value = value.ok_or_else(|| r.error("a property length of at least 4"))?;
        let mut body = r.sub(value, what)?;
        r.skip(
            length.next_multiple_of(8) - length,
            "the property's padding",
        )?;
        Ok(match (class, kind) {
            (NSH, MD_TYPE) if value == 1 => Self::NshMdType(body.u8(what)?),
            (NSH, TLV) => Self::NshTlv {
                class: body.u16("encap.tlv_class")?,
                kind: body.u8("encap.tlv_type")?,
                length: body.u8("encap.tlv_len")?,
                data: body.rest(),
            },
            _ => Self::Unknown {
                class,
                kind,
                data: body.rest(),
            },
        })
    }

    fn write(&self, w: &mut Writer, _: Version) -> Result<(), EncodeError> {
        let start = w.len();
        w.part("a property of encap", |w| {
            match self {
                Self::NshMdType(kind) => {
                    w.u16(NSH);
                    w.slice(&[MD_TYPE, 0, *kind]);
                }
                Self::NshTlv {
                    class,
                    kind,
                    length,
                    data,
                } => {
                    w.u16(NSH);
                    w.slice(&[TLV, 0]);
                    w.u16(*class);
                    w.slice(&[*kind, *length]);
                    w.slice(data);
                }
                Self::Unknown { class, kind, data } => {
                    w.u16(*class);
                    w.slice(&[*kind, 0]);
                    w.slice(data);
                }
            }
            Ok(())
        })?;
        let length = w.len() - start;
        let wire = u8::try_from(length).map_err(|_| EncodeError::TooLong {
            what: "a property of encap",
            length,
            limit: usize::from(u8::MAX),
        })?;
        w.patch_u8(start + HEADER - 1, wire);
        w.align8(start);
        Ok(())
    }
}

impl Plain for EncapProperty {
    fn value(&self, version: Version) -> Value {
        let text = |name| ("type".into(), Value::name(name));
        Value::Object(match self {
            Self::NshMdType(kind) => {
                vec![text("nsh_md_type"), ("md_type".into(), kind.value(version))]
            }
            Self::NshTlv {
                class,
                kind,
                length,
                data,
            } => vec![
                text("nsh_tlv"),
                ("tlv_class".into(), class.value(version)),
                ("tlv_type".into(), kind.value(version)),
                ("tlv_len".into(), length.value(version)),
                ("data".into(), data.value(version)),
            ],
            Self::Unknown { class, kind, data } => vec![
                ("type".into(), kind.value(version)),
                ("prop_class".into(), class.value(version)),
                ("data".into(), data.value(version)),
            ],
        })
    }

    fn from_value(value: &Value, version: Version) -> Result<Self, ValueError> {
        let kind = value.member("type").unwrap_or(&Value::Null);
        match kind.as_text("a name or a number") {
            Ok("nsh_md_type") => {
                value.members(&["type", "md_type"])?;
                required(value, "md_type", version).map(Self::NshMdType)
            }
            Ok("nsh_tlv") => {
                value.members(&["type", "tlv_class", "tlv_type", "tlv_len", "data"])?;
                Ok(Self::NshTlv {
                    class: required(value, "tlv_class", version)?,
                    kind: required(value, "tlv_type", version)?,
                    length: required(value, "tlv_len", version)?,
                    data: required(value, "data", version)?,
                })
            }
            _ => {
                value.members(&["type", "prop_class", "data"])?;
                Ok(Self::Unknown {
                    class: required(value, "prop_class", version)?,
                    kind: required(value, "type", version)?,
                    data: required(value, "data", version)?,
                })
            }
        }
    }
}

impl Generate for EncapProperty {
    fn generate(dice: &mut Dice<'_>, version: Version) -> Self {
        match dice.below(3) {
            0 => Self::NshMdType(Generate::generate(dice, version)),
            1 => {
                let data = Bytes::generate(dice, version);
                Self::NshTlv {
                    class: Generate::generate(dice, version),
                    kind: Generate::generate(dice, version),
                    // Few bytes were made up.
                    length: data.len() as u8,
                    data,
                }
            }
            _ => Self::Unknown {
                class: 0xf000,
                kind: Generate::generate(dice, version),
                data: Generate::generate(dice, version),
            },
        }
    }
}
