//! What a learned flow matches and does: the `flow_mod_spec`s of `NXAST_LEARN` and `NXAST_LEARN2`.
//!
//! A spec begins with sixteen bits: how many bits of a packet it is about (10), what is done with them (2), where
//! they come from (1). A spec of zeros, or the end of the action, ends the list.

use bytes::Bytes;

use super::oxm::{Oxm, Oxm32};
use crate::error::{DecodeError, EncodeError};
use crate::record::{Dice, Generate, Members, Plain, Value, ValueError, Wire, plain, required};
use crate::wire::{Reader, Writer};
use crate::{TableId, Version};

/// `NX_LEARN_F_SEND_FLOW_REM`: tell when the flow goes.
pub const LEARN_SEND_FLOW_REM: u16 = 1;
/// `NX_LEARN_F_DELETE_LEARNED`: delete the flow with the one that learned it.
pub const LEARN_DELETE_LEARNED: u16 = 2;
/// `NX_LEARN_F_WRITE_RESULT`: say in a bit whether there was room for the flow.
const WRITE_RESULT: u16 = 4;

const BITS: u16 = 0x3ff;
const IMMEDIATE: u16 = 1 << 13;
/// Bits of a spec's header that have no meaning.
const RESERVED: u16 = !(BITS | IMMEDIATE | 3 << 11);

/// Where the bits of a spec come from.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum LearnSource {
    /// From the packet.
    Field {
        /// The field.
        field: Oxm32,
        /// The first bit.
        offset: u16,
    },
    /// They are these, in as many pairs of bytes as they need, from the right.
    Immediate(Bytes),
}

/// What is done with the bits of a spec.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LearnTarget {
    /// The flow matches them.
    Match {
        /// The field.
        field: Oxm32,
        /// The first bit.
        offset: u16,
    },
    /// The flow loads them.
    Load {
        /// The field.
        field: Oxm32,
        /// The first bit.
        offset: u16,
    },
    /// The flow outputs to the port of that number.
    Output,
    /// Something that has no meaning yet.
    Reserved,
}

/// A part of a learned flow.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct LearnSpec {
    /// How many bits, at most 1023.
    pub n_bits: u16,
    /// Where they come from.
    pub src: LearnSource,
    /// What is done with them.
    pub dst: LearnTarget,
    /// Bits of the header that have no meaning.
    pub reserved: u16,
}

impl LearnSpec {
    fn read(r: &mut Reader<'_>, header: u16, version: Version) -> Result<Self, DecodeError> {
        let n_bits = header & BITS;
        let field = |r: &mut Reader<'_>| {
            let field = Oxm32::read(r, version, "flow_mod_spec.field")?;
            Ok((field, r.u16("flow_mod_spec.offset")?))
        };
        let src = if header & IMMEDIATE == 0 {
            let (field, offset) = field(r)?;
            LearnSource::Field { field, offset }
        } else {
            let bytes = 2 * usize::from(n_bits.div_ceil(16));
            LearnSource::Immediate(r.bytes(bytes, "flow_mod_spec.immediate")?)
        };
        let dst = match header >> 11 & 3 {
            0 => {
                let (field, offset) = field(r)?;
                LearnTarget::Match { field, offset }
            }
            1 => {
                let (field, offset) = field(r)?;
                LearnTarget::Load { field, offset }
            }
            2 => LearnTarget::Output,
            _ => LearnTarget::Reserved,
        };
        Ok(Self {
            n_bits,
            src,
            dst,
            reserved: header & RESERVED,
        })
    }

    fn write(&self, w: &mut Writer, version: Version) -> Result<(), EncodeError> {
        let wrong = |what| EncodeError::NotInVersion { what, version };
        if self.n_bits > BITS {
            return Err(wrong("more than 1023 bits in a learned flow"));
        }
        let immediate = match self.src {
            LearnSource::Field { .. } => 0,
            LearnSource::Immediate(_) => IMMEDIATE,
        };
        let target = match self.dst {
            LearnTarget::Match { .. } => 0,
            LearnTarget::Load { .. } => 1 << 11,
            LearnTarget::Output => 2 << 11,
            LearnTarget::Reserved => 3 << 11,
        };
        let header = self.reserved & RESERVED | self.n_bits | immediate | target;
        if header == 0 {
            return Err(wrong("no bits of a field in a learned flow"));
        }
        w.u16(header);
        match &self.src {
            LearnSource::Field { field, offset } => {
                field.write(w, version)?;
                w.u16(*offset);
            }
            LearnSource::Immediate(bytes) => {
                if bytes.len() != 2 * usize::from(self.n_bits.div_ceil(16)) {
                    return Err(wrong("fewer or more bytes than a learned value needs"));
                }
                w.slice(bytes);
            }
        }
        if let LearnTarget::Match { field, offset } | LearnTarget::Load { field, offset } =
            &self.dst
        {
            field.write(w, version)?;
            w.u16(*offset);
        }
        Ok(())
    }
}

impl Plain for LearnSpec {
    fn value(&self, version: Version) -> Value {
        let named = |field: &Oxm32, offset: &u16| -> Members {
            vec![
                ("field".into(), field.value(version)),
                ("offset".into(), offset.value(version)),
            ]
        };
        let src = match &self.src {
            LearnSource::Field { field, offset } => Value::Object(named(field, offset)),
            LearnSource::Immediate(bytes) => bytes.value(version),
        };
        let (kind, mut dst) = match &self.dst {
            LearnTarget::Match { field, offset } => ("match", named(field, offset)),
            LearnTarget::Load { field, offset } => ("load", named(field, offset)),
            LearnTarget::Output => ("output", Members::new()),
            LearnTarget::Reserved => ("reserved", Members::new()),
        };
        dst.insert(0, ("type".into(), Value::name(kind)));
        let mut members = vec![
            ("n_bits".into(), self.n_bits.value(version)),
            ("src".into(), src),
            ("dst".into(), Value::Object(dst)),
        ];
        if self.reserved != 0 {
            members.push(("reserved".into(), self.reserved.value(version)));
        }
        Value::Object(members)
    }

    fn from_value(value: &Value, version: Version) -> Result<Self, ValueError> {
        value.members(&["n_bits", "src", "dst", "reserved"])?;
        let named = |value: &Value, name: &str| -> Result<(Oxm32, u16), ValueError> {
            let field = required(value, "field", version);
            let offset = required(value, "offset", version);
            let within = |error: ValueError| error.within(name);
            Ok((field.map_err(within)?, offset.map_err(within)?))
        };
        let missing = |name| ValueError::new("a member of that name").within(name);
        let src = match value.member("src").ok_or_else(|| missing("src"))? {
            source @ Value::Object(_) => {
                let (field, offset) = named(source, "src")?;
                LearnSource::Field { field, offset }
            }
            bytes => LearnSource::Immediate(
                Bytes::from_value(bytes, version).map_err(|error| error.within("src"))?,
            ),
        };
        let target = value.member("dst").ok_or_else(|| missing("dst"))?;
        let kind = target.member("type").unwrap_or(&Value::Null);
        let dst = match kind.as_text("match, load, output or reserved") {
            Ok("match") => {
                let (field, offset) = named(target, "dst")?;
                LearnTarget::Match { field, offset }
            }
            Ok("load") => {
                let (field, offset) = named(target, "dst")?;
                LearnTarget::Load { field, offset }
            }
            Ok("output") => LearnTarget::Output,
            Ok("reserved") => LearnTarget::Reserved,
            _ => {
                let expected = ValueError::new("match, load, output or reserved");
                return Err(expected.within("type").within("dst"));
            }
        };
        Ok(Self {
            n_bits: required(value, "n_bits", version)?,
            src,
            dst,
            reserved: match value.member("reserved") {
                Some(_) => required(value, "reserved", version)?,
                None => 0,
            },
        })
    }
}

impl Generate for LearnSpec {
    fn generate(dice: &mut Dice<'_>, version: Version) -> Self {
        let n_bits = 1 + dice.below(150) as u16;
        let part = |dice: &mut Dice<'_>| (Oxm32::generate(dice, version), dice.uint(1) as u16);
        let src = if dice.flip() {
            let (field, offset) = part(dice);
            LearnSource::Field { field, offset }
        } else {
            let length = 2 * n_bits.div_ceil(16);
            LearnSource::Immediate((0..length).map(|_| dice.uint(1) as u8).collect())
        };
        let dst = match dice.below(5) {
            0 | 1 => {
                let (field, offset) = part(dice);
                LearnTarget::Match { field, offset }
            }
            2 => {
                let (field, offset) = part(dice);
                LearnTarget::Load { field, offset }
            }
            3 => LearnTarget::Output,
            _ => LearnTarget::Reserved,
        };
        let reserved = if dice.below(8) == 7 { RESERVED } else { 0 };
        Self {
            n_bits,
            src,
            dst,
            reserved,
        }
    }
}

/// The parts of a learned flow, up to the end of the action.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct LearnSpecs(pub Vec<LearnSpec>);

impl Wire for LearnSpecs {
    fn read(r: &mut Reader<'_>, version: Version, _: &'static str) -> Result<Self, DecodeError> {
        let mut list = Vec::new();
        while r.remaining() >= 2 {
            let header = r.u16("flow_mod_spec.header")?;
            if header == 0 {
                break;
            }
            list.push(LearnSpec::read(r, header, version)?);
        }
        Ok(Self(list))
    }

    fn write(&self, w: &mut Writer, version: Version) -> Result<(), EncodeError> {
        self.0.iter().try_for_each(|spec| spec.write(w, version))
    }
}

impl Plain for LearnSpecs {
    fn value(&self, version: Version) -> Value {
        self.0.value(version)
    }

    fn from_value(value: &Value, version: Version) -> Result<Self, ValueError> {
        Vec::from_value(value, version).map(Self)
    }
}

impl Generate for LearnSpecs {
    fn generate(dice: &mut Dice<'_>, version: Version) -> Self {
        Self(Vec::generate(dice, version))
    }
}

plain! {
    /// A learned flow with a limit (`struct nx_action_learn2`).
    #[derive(Default)]
    pub struct Learn2 {
        /// The flow's timeout in seconds.
        idle_timeout: u16;
        /// The flow's timeout in seconds.
        hard_timeout: u16;
        /// The flow's priority.
        priority: u16;
        /// The flow's cookie.
        cookie: u64;
        /// [`LEARN_SEND_FLOW_REM`], [`LEARN_DELETE_LEARNED`] and those without a meaning.
        flags: LearnFlags;
        /// The flow's table.
        table_id: TableId;
        /// The idle timeout after a FIN or RST, if not 0.
        fin_idle_timeout: u16;
        /// The hard timeout after a FIN or RST, if not 0.
        fin_hard_timeout: u16;
        /// How many flows of this cookie there may be in the table; 0 for any number.
        limit: u32;
        /// The bit that says whether there was room.
        result_dst_ofs: u16;
        /// Its field, if it is said.
        result_dst: Option<Oxm>;
        /// What the flow matches and does.
        specs: LearnSpecs;
    }
}

/// Flags of a learned flow but `NX_LEARN_F_WRITE_RESULT`, which goes with `result_dst`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct LearnFlags(u16);

impl LearnFlags {
    /// These flags.
    #[must_use]
    pub fn new(bits: u16) -> Self {
        Self(bits & !WRITE_RESULT)
    }

    /// The flags.
    #[must_use]
    pub fn bits(self) -> u16 {
        self.0
    }
}

impl Plain for LearnFlags {
    fn value(&self, version: Version) -> Value {
        self.0.value(version)
    }

    fn from_value(value: &Value, version: Version) -> Result<Self, ValueError> {
        u16::from_value(value, version).map(Self::new)
    }
}

impl Generate for LearnFlags {
    fn generate(dice: &mut Dice<'_>, version: Version) -> Self {
        Self::new(u16::generate(dice, version))
    }
}

impl Wire for Learn2 {
    fn read(r: &mut Reader<'_>, version: Version, what: &'static str) -> Result<Self, DecodeError> {
        let mut learn = Self {
            idle_timeout: r.u16("learn.idle_timeout")?,
            hard_timeout: r.u16("learn.hard_timeout")?,
            priority: r.u16("learn.priority")?,
            cookie: r.u64("learn.cookie")?,
            ..Self::default()
        };
        let flags = r.u16("learn.flags")?;
        learn.flags = LearnFlags::new(flags);
        learn.table_id = TableId(r.u8("learn.table_id")?);
        r.skip(1, "learn.pad")?;
        learn.fin_idle_timeout = r.u16("learn.fin_idle_timeout")?;
        learn.fin_hard_timeout = r.u16("learn.fin_hard_timeout")?;
        learn.limit = r.u32("learn.limit")?;
        learn.result_dst_ofs = r.u16("learn.result_dst_ofs")?;
        r.skip(2, "learn.pad2")?;
        if flags & WRITE_RESULT != 0 {
            learn.result_dst = Some(Oxm::read(r, version, "learn.result_dst")?);
        }
        learn.specs = LearnSpecs::read(r, version, what)?;
        Ok(learn)
    }

    fn write(&self, w: &mut Writer, version: Version) -> Result<(), EncodeError> {
        w.u16(self.idle_timeout);
        w.u16(self.hard_timeout);
        w.u16(self.priority);
        w.u64(self.cookie);
        let result = u16::from(self.result_dst.is_some()) * WRITE_RESULT;
        w.u16(self.flags.bits() | result);
        w.u8(self.table_id.0);
        w.pad(1);
        w.u16(self.fin_idle_timeout);
        w.u16(self.fin_hard_timeout);
        w.u32(self.limit);
        w.u16(self.result_dst_ofs);
        w.pad(2);
        if let Some(result) = &self.result_dst {
            result.write(w, version)?;
        }
        self.specs.write(w, version)
    }
}
