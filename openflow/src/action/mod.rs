//! Actions: what is done with packets.
//!
//! [`Action`] has a member for each encoding, declared in [`rows`]; bytes, plain form, random values and the
//! reference derive from them. Here is what spares its users the details: constructors, and what an action
//! says, however it is encoded. Of the less regular parts each has a file; the text form is in
//! [`crate::text`]. An action of a known vendor that the table does not know is kept as it came, like those
//! of unknown vendors.

mod controller;
mod ct;
mod encap;
mod learn;
mod nested;
mod oxm;
mod parts;
mod rows;

use bytes::Bytes;

pub use controller::{CONTROLLER_PROPERTIES, ControllerProperty, ToController};
pub use ct::{CT_COMMIT, CT_FORCE, CT_NO_TABLE, NatRange, Reserved, Zone};
pub use encap::EncapProperty;
pub use learn::{
    LEARN_DELETE_LEARNED, LEARN_SEND_FLOW_REM, Learn2, LearnFlags, LearnSource, LearnSpec,
    LearnSpecs, LearnTarget,
};
pub use nested::Actions;
pub use oxm::{OfsNbits, Oxm, Oxm32, PaddedOxm, Subfield};
pub use parts::{
    CntIds, HashFields, LinkAlgorithm, Note, Port16, SampleSource, Slaves, SlavesAlgorithm,
};
pub use rows::{Action, ROWS};

use crate::error::{DecodeError, EncodeError};
use crate::field::{Field, NXM_0};
use crate::matches::{self, Entry, FieldValue};
use crate::record::Wire;
use crate::wire::{Reader, Writer};
use crate::{GroupId, MeterId, PortNo, Version};

/// Nicira's vendor id.
pub const NICIRA: u32 = 0x0000_2320;
/// How deep actions of a text may nest in actions (Open vSwitch: `MAX_CT_NEST` and the clones around it).
pub(crate) const MAX_NESTING: u8 = 16;
/// The table that stands for the one that the packet is in.
pub(crate) const SAME_TABLE: u8 = 255;

impl Action {
    /// Sends the packet out of a port.
    #[must_use]
    pub fn output(port: PortNo) -> Self {
        Self::Output { port, max_len: 0 }
    }

    /// Hands the packet to a group.
    #[must_use]
    pub fn group(group_id: GroupId) -> Self {
        Self::Group { group_id }
    }

    /// Passes the packet through a meter.
    #[must_use]
    pub fn meter(meter_id: MeterId) -> Self {
        Self::Meter { meter_id }
    }

    /// Chooses the queue of later outputs.
    #[must_use]
    pub fn queue(queue_id: u32) -> Self {
        Self::SetQueue { queue_id }
    }

    /// Adds a VLAN tag of that Ethernet type.
    #[must_use]
    pub fn push_vlan(ethertype: u16) -> Self {
        Self::PushVlan { ethertype }
    }

    /// Removes the outermost VLAN tag.
    #[must_use]
    pub fn pop_vlan() -> Self {
        Self::PopVlan {}
    }

    /// Sets the TTL or hop limit.
    #[must_use]
    pub fn set_ttl(nw_ttl: u8) -> Self {
        Self::SetTtl { nw_ttl }
    }

    /// Takes one from the TTL or hop limit.
    #[must_use]
    pub fn dec_ttl() -> Self {
        Self::DecTtl {}
    }

    /// Sets a field. The port of arrival is named by NXM's code point: Open vSwitch refuses actions
    /// that write to `OXM_OF_IN_PORT`.
    #[must_use]
    pub fn set(field: Field, value: impl matches::Value) -> Self {
        let mut value = FieldValue::exact(field, value);
        value.class = (field == Field::InPort).then_some(NXM_0);
        Self::set_to(value)
    }

    /// Sets the bits of a field that `mask` has.
    #[must_use]
    pub fn set_masked(field: Field, value: impl matches::Value, mask: impl matches::Value) -> Self {
        Self::set_to(FieldValue::masked(field, value, mask))
    }

    /// Sets a field, or the bits of its mask, to a value.
    #[must_use]
    pub fn set_to(value: FieldValue) -> Self {
        Self::SetField {
            field: Entry::Known(value),
        }
    }

    /// Copies a whole field to one of the same size.
    #[must_use]
    pub fn copy(source: Field, destination: Field) -> Self {
        Self::copy_bits(Subfield::whole(source), Subfield::whole(destination))
    }

    /// Copies bits of a field to another, as many as the source has.
    #[must_use]
    pub fn copy_bits(source: Subfield, destination: Subfield) -> Self {
        Self::Move {
            n_bits: source.bits,
            src_ofs: source.offset,
            dst_ofs: destination.offset,
            src: source.field,
            dst: destination.field,
        }
    }

    /// Looks the packet up in a table, then goes on.
    #[must_use]
    pub fn resubmit(table: u8) -> Self {
        Self::resubmit_from(PortNo::IN_PORT, table)
    }

    /// Looks the packet up in a table as if it came in by that port, then goes on.
    #[must_use]
    pub fn resubmit_from(in_port: PortNo, table: u8) -> Self {
        Self::Resubmit {
            in_port: in_port.into(),
            table,
        }
    }

    /// Pushes bits of a field onto the stack.
    #[must_use]
    pub fn push(bits: Subfield) -> Self {
        Self::Push {
            offset: bits.offset,
            field: bits.field,
            n_bits: bits.bits,
        }
    }

    /// Pops bits of a field from the stack.
    #[must_use]
    pub fn pop(bits: Subfield) -> Self {
        Self::Pop {
            offset: bits.offset,
            field: bits.field,
            n_bits: bits.bits,
        }
    }

    /// One clause of a conjunctive match; `clause` counts from 1, as people do.
    #[must_use]
    pub fn conjunction(id: u32, clause: u8, n_clauses: u8) -> Self {
        Self::Conjunction {
            clause: clause.wrapping_sub(1),
            n_clauses,
            id,
        }
    }

    /// Sends the packet through connection tracking in a zone.
    #[must_use]
    pub fn ct(flags: u16, zone: Zone, table: Option<u8>, actions: Vec<Self>) -> Self {
        Self::Ct {
            flags,
            zone,
            recirc_table: table.unwrap_or(CT_NO_TABLE),
            alg: 0,
            actions: actions.into(),
        }
    }

    /// Runs actions on a copy of the packet.
    #[must_use]
    pub fn clone_of(actions: Vec<Self>) -> Self {
        Self::Clone {
            actions: actions.into(),
        }
    }

    /// The actions inside it, of those that have some.
    #[must_use]
    pub fn nested(&self) -> Option<&Actions> {
        match self {
            Self::Ct { actions, .. } | Self::Clone { actions } => Some(actions),
            _ => None,
        }
    }

    /// Sets a bit when the packet, with its Ethernet header, is longer than a limit in bytes.
    #[must_use]
    pub fn check_pkt_larger(pkt_len: u16, bit: Subfield) -> Self {
        Self::CheckPktLarger {
            pkt_len,
            offset: bit.offset,
            dst: bit.field,
        }
    }

    /// The form that Open vSwitch writes in a version: what set fields one by one in 1.0 and 1.1, and Nicira's
    /// extensions that do so, set them alike where the standard has a way. Ports of transport protocols and VLAN
    /// tags stay, as their meaning hangs on the packet.
    #[must_use]
    pub fn for_version(self, version: Version) -> Self {
        let lists = |list: Vec<Self>| {
            let each = list.into_iter().map(|action| action.for_version(version));
            each.collect()
        };
        match self {
            Self::RegLoad {
                ofs_nbits: OfsNbits { offset, bits },
                dst,
                value,
            } if version >= Version::V1_5 && offset < 128 => match dst.0.field() {
                Some(field) => {
                    let mask = (u128::MAX >> 128_u16.saturating_sub(bits)) << offset;
                    Self::set_masked(field, u128::from(value) << offset, mask)
                }
                None => self,
            },
            Self::SetTunnel { tun_id } if version >= Version::V1_3 => {
                Self::set(Field::TunnelId, tun_id)
            }
            Self::SetTunnel64 { tun_id } if version >= Version::V1_3 => {
                Self::set(Field::TunnelId, tun_id)
            }
            Self::Ct {
                flags,
                zone,
                recirc_table,
                alg,
                actions,
            } => Self::Ct {
                flags,
                zone,
                recirc_table,
                alg,
                actions: actions.map(lists),
            },
            Self::Clone { actions } => Self::Clone {
                actions: actions.map(lists),
            },
            Self::PopVlan {} if version < Version::V1_1 => Self::StripVlan {},
            Self::StripVlan {} if version >= Version::V1_1 => Self::PopVlan {},
            old if version < Version::V1_2 => old,
            Self::SetDlSrc { dl_addr } => Self::set(Field::EthSrc, dl_addr),
            Self::SetDlDst { dl_addr } => Self::set(Field::EthDst, dl_addr),
            Self::SetNwSrc { nw_addr } => Self::set(Field::Ipv4Src, nw_addr),
            Self::SetNwDst { nw_addr } => Self::set(Field::Ipv4Dst, nw_addr),
            Self::SetNwTos { nw_tos } => Self::set(Field::IpDscp, nw_tos >> 2),
            Self::SetNwEcn { nw_ecn } => Self::set(Field::IpEcn, nw_ecn),
            Self::SetMplsLabel { mpls_label } => Self::set(Field::MplsLabel, mpls_label),
            Self::SetMplsTc { mpls_tc } => Self::set(Field::MplsTc, mpls_tc),
            other => other,
        }
    }

    /// The value that it sets a known field to.
    #[must_use]
    pub fn sets(&self) -> Option<&FieldValue> {
        match self {
            Self::SetField {
                field: Entry::Known(value),
            }
            | Self::SetMasked {
                field: Entry::Known(value),
            }
            | Self::RegLoad2 {
                field: Entry::Known(value),
            } => Some(value),
            _ => None,
        }
    }

    /// From where and where to it copies bits.
    #[must_use]
    pub fn copies(&self) -> Option<(Subfield, Subfield)> {
        match *self {
            Self::Move {
                n_bits,
                src_ofs,
                dst_ofs,
                src,
                dst,
            }
            | Self::OnfCopyField {
                n_bits,
                src_ofs,
                dst_ofs,
                src,
                dst,
            }
            | Self::RegMove {
                n_bits,
                src_ofs,
                dst_ofs,
                src,
                dst,
            } => Some((
                Subfield::new(src, src_ofs, n_bits),
                Subfield::new(dst, dst_ofs, n_bits),
            )),
            _ => None,
        }
    }

    /// Where it writes bits that are not a constant: a copy, what it pops, what it finds out.
    #[must_use]
    pub fn writes(&self) -> Option<Subfield> {
        match *self {
            Self::Pop {
                offset,
                field,
                n_bits,
            } => Some(Subfield::new(field, offset, n_bits)),
            Self::CheckPktLarger { offset, dst, .. } => Some(Subfield::new(dst, offset, 1)),
            Self::RegLoad { ofs_nbits, dst, .. } | Self::Multipath { ofs_nbits, dst, .. } => {
                Some(Subfield::packed(dst.0, ofs_nbits))
            }
            _ => self.copies().map(|(_, destination)| destination),
        }
    }

    /// The table that it looks the packet up in before it goes on; none for that of the flow.
    #[must_use]
    pub fn resubmits(&self) -> Option<(PortNo, Option<u8>)> {
        match self {
            Self::ResubmitPort { in_port } => Some((in_port.0, None)),
            Self::Resubmit { in_port, table } | Self::ResubmitCt { in_port, table } => {
                Some((in_port.0, (*table != SAME_TABLE).then_some(*table)))
            }
            _ => None,
        }
    }
}

/// Writes actions one after the other.
pub(crate) fn encode_list(
    actions: &[Action],
    w: &mut Writer,
    version: Version,
) -> Result<(), EncodeError> {
    actions
        .iter()
        .try_for_each(|action| action.write(w, version))
}

/// Reads actions until the reader's end.
pub(crate) fn decode_list(
    r: &mut Reader<'_>,
    version: Version,
) -> Result<Vec<Action>, DecodeError> {
    Vec::read(r, version, "an action")
}

/// Actions by themselves, one after the other.
pub fn to_bytes(list: &[Action], version: Version) -> Result<Bytes, EncodeError> {
    let mut w = Writer::new();
    encode_list(list, &mut w, version)?;
    Ok(w.freeze())
}

/// The actions that fill these bytes.
pub fn from_bytes(bytes: &Bytes, version: Version) -> Result<Vec<Action>, DecodeError> {
    decode_list(&mut Reader::new(bytes), version)
}

/// The 32-bit form of a 16-bit port number.
pub(crate) fn port32(port: u16) -> PortNo {
    PortNo::from_u16(port)
}

#[cfg(test)]
mod tests;
