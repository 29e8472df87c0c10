//! Small parts of Nicira's actions: ports of sixteen bits, lists with counts, notes, the members of bundles.

use bytes::Bytes;

use super::oxm::{OfsNbits, Oxm32};
use crate::error::{DecodeError, EncodeError};
use crate::message::numbers::numbers;
use crate::record::{Dice, Generate, Plain, Value, ValueError, Wire, plain};
use crate::wire::{Reader, Writer};
use crate::{PortNo, Version};

/// A port in the sixteen bits that Nicira's actions have for it in every version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Port16(pub PortNo);

impl From<PortNo> for Port16 {
    fn from(port: PortNo) -> Self {
        Self(port)
    }
}

impl Wire for Port16 {
    fn read(r: &mut Reader<'_>, _: Version, what: &'static str) -> Result<Self, DecodeError> {
        PortNo::read(r, Version::V1_0, what).map(Self)
    }

    fn write(&self, w: &mut Writer, version: Version) -> Result<(), EncodeError> {
        let what = "a port number above 65279 in an action of Nicira's";
        let narrow = self.0.to_u16();
        w.u16(narrow.ok_or(EncodeError::NotInVersion { what, version })?);
        Ok(())
    }
}

impl Plain for Port16 {
    fn value(&self, version: Version) -> Value {
        self.0.value(version)
    }

    fn from_value(value: &Value, version: Version) -> Result<Self, ValueError> {
        PortNo::from_value(value, version).map(Self)
    }
}

impl Generate for Port16 {
    fn generate(dice: &mut Dice<'_>, _: Version) -> Self {
        Self(PortNo::generate(dice, Version::V1_0))
    }
}

numbers! {
    /// `NX_HASH_FIELDS_*`: what of a packet goes into a hash.
    HashFields(u16) {
        ETH_SRC = 0 "eth_src" "The Ethernet source.";
        SYMMETRIC_L4 = 1 "symmetric_l4" "Both ends alike, up to the ports.";
        SYMMETRIC_L3L4 = 2 "symmetric_l3l4" "Both ends alike, addresses and ports of TCP and SCTP.";
        SYMMETRIC_L3L4_UDP = 3 "symmetric_l3l4+udp" "The same with those of UDP.";
        NW_SRC = 4 "nw_src" "The IP source.";
        NW_DST = 5 "nw_dst" "The IP destination.";
        SYMMETRIC_L3 = 6 "symmetric_l3" "Both ends alike, addresses only.";
    }
}

numbers! {
    /// `NX_MP_ALG_*`: how a link is chosen.
    LinkAlgorithm(u16) {
        MODULO_N = 0 "modulo_n" "The hash modulo the number of links.";
        HASH_THRESHOLD = 1 "hash_threshold" "The part of the range of hashes that the hash is in.";
        HRW = 2 "hrw" "The link with the highest random weight.";
        ITER_HASH = 3 "iter_hash" "Hashing until the result is a link.";
    }
}

numbers! {
    /// `NX_BD_ALG_*`: how a member of a bundle is chosen.
    SlavesAlgorithm(u16) {
        ACTIVE_BACKUP = 0 "active_backup" "The first that is up.";
        HRW = 1 "hrw" "The one with the highest random weight among those that are up.";
    }
}

plain! {
    /// The end of `struct nx_action_bundle`: the members with their count, and where the choice is written,
    /// which is zero in a bundle that sends the packet out.
    pub struct Slaves {
        /// Which bits the choice is written to; 0 for none.
        ofs_nbits: OfsNbits;
        /// Of which field.
        dst: Oxm32;
        /// The members.
        ports: Vec<Port16>;
    }
}

impl Wire for Slaves {
    fn read(r: &mut Reader<'_>, version: Version, what: &'static str) -> Result<Self, DecodeError> {
        let count = usize::from(r.u16("bundle.n_slaves")?);
        let ofs_nbits = OfsNbits::read(r, version, "bundle.ofs_nbits")?;
        let dst = Oxm32::read(r, version, "bundle.dst")?;
        r.skip(4, "bundle.zero")?;
        let mut list = r.sub(2 * count, what)?;
        let ports = Vec::read(&mut list, version, what)?;
        Ok(Self {
            ofs_nbits,
            dst,
            ports,
        })
    }

    fn write(&self, w: &mut Writer, version: Version) -> Result<(), EncodeError> {
        write_count(w, "bundle.n_slaves", self.ports.len())?;
        self.ofs_nbits.write(w, version)?;
        self.dst.write(w, version)?;
        w.pad(4);
        w.part("bundle", |w| self.ports.write(w, version))
    }
}

fn write_count(w: &mut Writer, what: &'static str, length: usize) -> Result<(), EncodeError> {
    let limit = usize::from(u16::MAX);
    let count = u16::try_from(length);
    w.u16(count.map_err(|_| EncodeError::TooLong {
        what,
        length,
        limit,
    })?);
    Ok(())
}

/// Controllers, with their count (`struct nx_action_cnt_ids`).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct CntIds(pub Vec<u16>);

impl Wire for CntIds {
    fn read(r: &mut Reader<'_>, version: Version, what: &'static str) -> Result<Self, DecodeError> {
        let count = usize::from(r.u16("dec_ttl_cnt_ids.n_controllers")?);
        r.skip(4, "dec_ttl_cnt_ids.zeros")?;
        let mut list = r.sub(2 * count, what)?;
        Vec::read(&mut list, version, what).map(Self)
    }

    fn write(&self, w: &mut Writer, version: Version) -> Result<(), EncodeError> {
        write_count(w, "dec_ttl_cnt_ids.n_controllers", self.0.len())?;
        w.pad(4);
        w.part("dec_ttl_cnt_ids", |w| self.0.write(w, version))
    }
}

impl Plain for CntIds {
    fn value(&self, version: Version) -> Value {
        self.0.value(version)
    }

    fn from_value(value: &Value, version: Version) -> Result<Self, ValueError> {
        Vec::from_value(value, version).map(Self)
    }
}

impl Generate for CntIds {
    fn generate(dice: &mut Dice<'_>, version: Version) -> Self {
        Self(Vec::generate(dice, version))
    }
}

/// The bytes of a note: all up to the end of the action, of which there are six, or eight more, and so on.
/// Fewer are filled up with zeros.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Note(pub Bytes);

impl Wire for Note {
    fn read(r: &mut Reader<'_>, _: Version, _: &'static str) -> Result<Self, DecodeError> {
        Ok(Self(r.rest()))
    }

    fn write(&self, w: &mut Writer, _: Version) -> Result<(), EncodeError> {
        w.slice(&self.0);
        w.pad(6_usize.saturating_sub(self.0.len()));
        Ok(())
    }
}

impl Plain for Note {
    fn value(&self, version: Version) -> Value {
        self.0.value(version)
    }

    fn from_value(value: &Value, version: Version) -> Result<Self, ValueError> {
        Bytes::from_value(value, version).map(Self)
    }
}

impl Generate for Note {
    fn generate(dice: &mut Dice<'_>, _: Version) -> Self {
        let length = 6 + 8 * dice.below(3);
        Self((0..length).map(|_| dice.uint(1) as u8).collect())
    }
}

/// Where a sample's observation domain or point comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SampleSource {
    /// It is this.
    Number(u32),
    /// These bits of a field.
    Field(Oxm32, OfsNbits),
}

impl Wire for SampleSource {
    fn read(r: &mut Reader<'_>, version: Version, what: &'static str) -> Result<Self, DecodeError> {
        if r.peek().starts_with(&[0; 4]) {
            r.skip(4, what)?;
            return r.u32(what).map(Self::Number);
        }
        let source = Oxm32::read(r, version, what)?;
        let bits = OfsNbits::read(r, version, what)?;
        r.skip(2, what)?;
        Ok(Self::Field(source, bits))
    }

    fn write(&self, w: &mut Writer, version: Version) -> Result<(), EncodeError> {
        match self {
            Self::Number(number) => {
                w.u32(0);
                w.u32(*number);
            }
            Self::Field(source, bits) => {
                source.write(w, version)?;
                bits.write(w, version)?;
                w.pad(2);
            }
        }
        Ok(())
    }
}

/// The plain form of what is a number, or bits of a field: `src` and `ofs_nbits`.
pub(super) fn source_value(source: &Oxm32, bits: &OfsNbits, version: Version) -> Value {
    Value::Object(vec![
        ("src".into(), source.value(version)),
        ("ofs_nbits".into(), bits.value(version)),
    ])
}

/// Bits of a field from their plain form.
pub(super) fn source_from(
    value: &Value,
    version: Version,
) -> Result<(Oxm32, OfsNbits), ValueError> {
    value.members(&["src", "ofs_nbits"])?;
    let source = crate::record::required(value, "src", version)?;
    Ok((
        source,
        crate::record::required(value, "ofs_nbits", version)?,
    ))
}

/// Bits of a field whose header is not 0, which stands for a number.
pub(super) fn generate_source(dice: &mut Dice<'_>, version: Version) -> (Oxm32, OfsNbits) {
    let mut w = Writer::new();
    let source = Oxm32::generate(dice, version);
    let is_number = source.write(&mut w, version).is_err() || w.written(0) == [0; 4];
    let source = match is_number {
        true => Oxm32(crate::Field::Reg0.into()),
        false => source,
    };
    (source, OfsNbits::generate(dice, version))
}

impl Plain for SampleSource {
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
        u32::from_value(value, version).map(Self::Number)
    }
}

impl Generate for SampleSource {
    fn generate(dice: &mut Dice<'_>, version: Version) -> Self {
        if dice.flip() {
            return Self::Number(u32::generate(dice, version));
        }
        let (source, bits) = generate_source(dice, version);
        Self::Field(source, bits)
    }
}
