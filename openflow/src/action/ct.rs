//! Parts of connection tracking (`NXAST_CT`) and address translation (`NXAST_NAT`).

use std::net::{Ipv4Addr, Ipv6Addr};

use super::oxm::{OfsNbits, Oxm32};
use super::parts::{generate_source, source_from, source_value};
use crate::Version;
use crate::error::{DecodeError, EncodeError};
use crate::record::{Dice, Generate, Plain, Value, ValueError, Wire, plain};
use crate::wire::{Reader, Writer};

/// `NX_CT_F_COMMIT`: the connection is remembered.
pub const CT_COMMIT: u16 = 1;
/// `NX_CT_F_FORCE`: an existing connection of the other direction gives way.
pub const CT_FORCE: u16 = 2;
/// The `recirc_table` for no tracked copy (`NX_CT_RECIRC_NONE`).
pub const CT_NO_TABLE: u8 = 0xff;

/// The zone of a `ct` action.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Zone {
    /// A fixed one.
    Number(u16),
    /// Read from sixteen bits of a field.
    Field(Oxm32, OfsNbits),
}

impl Wire for Zone {
    fn read(r: &mut Reader<'_>, version: Version, _: &'static str) -> Result<Self, DecodeError> {
        if r.peek().starts_with(&[0; 4]) {
            r.skip(4, "ct.zone_src")?;
            return r.u16("ct.zone_imm").map(Self::Number);
        }
        let source = Oxm32::read(r, version, "ct.zone_src")?;
        let bits = OfsNbits::read(r, version, "ct.zone_ofs_nbits")?;
        Ok(Self::Field(source, bits))
    }

    fn write(&self, w: &mut Writer, version: Version) -> Result<(), EncodeError> {
        match self {
            Self::Number(number) => {
                w.u32(0);
                w.u16(*number);
                Ok(())
            }
            Self::Field(source, bits) => {
                source.write(w, version)?;
                bits.write(w, version)
            }
        }
    }
}

impl Plain for Zone {
    fn value(&self, version: Version) -> Value {
        match self {
            Self::Number(number) => number.value(version),
            Self::Field(source, bits) => source_value(source, bits, version),
        }
    }

    fn from_value(value: &Value, version: Version) -> Result<Self, ValueError> {
        if let Value::Object(_) = value {
            return source_from(value, version).map(|(source, bits)| Self::Field(source, bits));
        }
        u16::from_value(value, version).map(Self::Number)
    }
}

impl Generate for Zone {
    fn generate(dice: &mut Dice<'_>, version: Version) -> Self {
        if dice.flip() {
            return Self::Number(u16::generate(dice, version));
        }
        let (source, bits) = generate_source(dice, version);
        Self::Field(source, bits)
    }
}

plain! {
    /// Ranges of addresses and ports, ends included. Which there are is said in `range_present`.
    #[derive(Default)]
    pub struct NatRange {
        /// The first IPv4 address.
        ipv4_min: Option<Ipv4Addr>;
        /// The last.
        ipv4_max: Option<Ipv4Addr>;
        /// The first IPv6 address.
        ipv6_min: Option<Ipv6Addr>;
        /// The last.
        ipv6_max: Option<Ipv6Addr>;
        /// The first port.
        proto_min: Option<u16>;
        /// The last.
        proto_max: Option<u16>;
        /// Bits of `range_present` that have no meaning.
        reserved: Reserved;
    }
}

/// The bits of `nx_action_nat.range_present` that have no meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Reserved(u16);

impl Reserved {
    /// The bits that have one.
    const MEANINGFUL: u16 = 0x3f;

    /// The others, whatever these are.
    #[must_use]
    pub fn new(bits: u16) -> Self {
        Self(bits & !Self::MEANINGFUL)
    }
}

impl Plain for Reserved {
    fn value(&self, version: Version) -> Value {
        self.0.value(version)
    }

    fn from_value(value: &Value, version: Version) -> Result<Self, ValueError> {
        u16::from_value(value, version).map(Self::new)
    }
}

impl Generate for Reserved {
    fn generate(dice: &mut Dice<'_>, _: Version) -> Self {
        Self::new(if dice.below(8) == 7 {
            dice.uint(2) as u16
        } else {
            0
        })
    }
}

impl Wire for NatRange {
    fn read(r: &mut Reader<'_>, version: Version, _: &'static str) -> Result<Self, DecodeError> {
        let mut present = r.u16("nat.range_present")?;
        let reserved = Reserved::new(present);
        Ok(Self {
            ipv4_min: next(r, &mut present, version, "nat.ipv4_min")?,
            ipv4_max: next(r, &mut present, version, "nat.ipv4_max")?,
            ipv6_min: next(r, &mut present, version, "nat.ipv6_min")?,
            ipv6_max: next(r, &mut present, version, "nat.ipv6_max")?,
            proto_min: next(r, &mut present, version, "nat.proto_min")?,
            proto_max: next(r, &mut present, version, "nat.proto_max")?,
            reserved,
        })
    }

    fn write(&self, w: &mut Writer, version: Version) -> Result<(), EncodeError> {
        let start = w.len();
        w.u16(0);
        let mut present = self.reserved.0;
        put(w, &mut present, 0, self.ipv4_min.as_ref(), version)?;
        put(w, &mut present, 1, self.ipv4_max.as_ref(), version)?;
        put(w, &mut present, 2, self.ipv6_min.as_ref(), version)?;
        put(w, &mut present, 3, self.ipv6_max.as_ref(), version)?;
        put(w, &mut present, 4, self.proto_min.as_ref(), version)?;
        put(w, &mut present, 5, self.proto_max.as_ref(), version)?;
        w.patch_u16(start, present);
        Ok(())
    }
}

/// Reads what the lowest bit of `present` tells of, and goes on to the next bit.
fn next<T: Wire>(
    r: &mut Reader<'_>,
    present: &mut u16,
    version: Version,
    what: &'static str,
) -> Result<Option<T>, DecodeError> {
    let there = *present & 1 == 1;
    *present >>= 1;
    there.then(|| T::read(r, version, what)).transpose()
}

/// Writes what there is, and says so in `bit` of `present`.
fn put<T: Wire>(
    w: &mut Writer,
    present: &mut u16,
    bit: u8,
    value: Option<&T>,
    version: Version,
) -> Result<(), EncodeError> {
    if let Some(value) = value {
        *present |= 1 << bit;
        value.write(w, version)?;
    }
    Ok(())
}
