//! The matches of OpenFlow 1.0 and 1.1: structures of 40 and of 88 bytes with wildcards (OpenFlow 1.0.0, 5.2.3;
//! 1.1.0, A.2.3).
//!
//! They become entries and are made from entries. Many structures say the same: fields that are wildcarded or
//! that no such packet has may hold anything, prefixes of no bits have 32 encodings. What this crate would
//! not write of the entries is kept beside them as [`Exact`].

use std::net::Ipv4Addr;

use bytes::Bytes;

use super::{Entry, FieldValue, Match};
use crate::error::{DecodeError, EncodeError};
use crate::field::Field;
use crate::record::{Wire, record};
use crate::wire::{Reader, Writer};
use crate::{MacAddr, PortNo, Version};

record! {
    /// `ofp_match` of OpenFlow 1.0, 40 bytes.
    pub struct Standard10 {
        /// `OFPFW_*`: which fields may be anything. Six bits each say how many low bits of an address may.
        wildcards: u32;
        /// The port of arrival.
        in_port: PortNo;
        /// Ethernet source.
        dl_src: MacAddr;
        /// Ethernet destination.
        dl_dst: MacAddr;
        /// VLAN id; `0xffff` for no tag.
        dl_vlan: u16;
        /// VLAN priority.
        dl_vlan_pcp: u8;
        /// Ethernet type.
        {pad 1} dl_type: u16;
        /// Type of service, without the two low bits.
        nw_tos: u8;
        /// IP protocol, or the low bits of the ARP operation.
        nw_proto: u8;
        /// IPv4 source, or the ARP sender's.
        {pad 2} nw_src: Ipv4Addr;
        /// IPv4 destination, or the ARP target's.
        nw_dst: Ipv4Addr;
        /// Source port, or ICMP type.
        tp_src: u16;
        /// Destination port, or ICMP code.
        tp_dst: u16;
    }
}

record! {
    /// `ofp_match` of OpenFlow 1.1, without type and length: 84 bytes. Bits of masks that are one may be anything.
    pub struct Standard11 {
        /// The port of arrival.
        in_port: PortNo;
        /// `OFPFW_*`: which fields may be anything.
        wildcards: u32;
        /// Ethernet source.
        dl_src: MacAddr;
        /// Its bits that may be anything.
        dl_src_mask: MacAddr;
        /// Ethernet destination.
        dl_dst: MacAddr;
        /// Its bits that may be anything.
        dl_dst_mask: MacAddr;
        /// VLAN id; `0xffff` for no tag, `0xfffe` for any.
        dl_vlan: u16;
        /// VLAN priority.
        dl_vlan_pcp: u8;
        /// Ethernet type.
        {pad 1} dl_type: u16;
        /// Type of service, without the two low bits.
        nw_tos: u8;
        /// IP protocol, or the low bits of the ARP operation.
        nw_proto: u8;
        /// IPv4 source, or the ARP sender's.
        nw_src: Ipv4Addr;
        /// Its bits that may be anything.
        nw_src_mask: Ipv4Addr;
        /// IPv4 destination, or the ARP target's.
        nw_dst: Ipv4Addr;
        /// Its bits that may be anything.
        nw_dst_mask: Ipv4Addr;
        /// Source port, or ICMP type.
        tp_src: u16;
        /// Destination port, or ICMP code.
        tp_dst: u16;
        /// Label of the outermost MPLS header.
        mpls_label: u32;
        /// Traffic class of the outermost MPLS header.
        mpls_tc: u8;
        /// Carried from table to table.
        {pad 3} metadata: u64;
        /// Its bits that may be anything.
        metadata_mask: u64;
    }
}

/// How a match came, when this crate would not write its entries so.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Exact {
    /// As a structure of OpenFlow 1.0.
    V1_0(Standard10),
    /// As a structure of OpenFlow 1.1.
    V1_1(Standard11),
    /// As a match of a type that is not known. It has no entries, and says nobody knows what.
    Unknown {
        /// `ofp_match.type`.
        kind: u16,
        /// What follows type and length.
        body: Bytes,
    },
}

/// `OFPMT_STANDARD`.
const STANDARD: u16 = 0;
/// Bytes of a match of OpenFlow 1.1.
const LENGTH_1_1: u16 = 88;

/// Wildcards of OpenFlow 1.0 (`ofp_flow_wildcards`).
mod fw10 {
    pub(super) const IN_PORT: u32 = 1;
    pub(super) const DL_VLAN: u32 = 1 << 1;
    pub(super) const DL_SRC: u32 = 1 << 2;
    pub(super) const DL_DST: u32 = 1 << 3;
    pub(super) const DL_TYPE: u32 = 1 << 4;
    pub(super) const NW_PROTO: u32 = 1 << 5;
    pub(super) const TP_SRC: u32 = 1 << 6;
    pub(super) const TP_DST: u32 = 1 << 7;
    pub(super) const NW_SRC_SHIFT: u32 = 8;
    pub(super) const NW_DST_SHIFT: u32 = 14;
    pub(super) const DL_VLAN_PCP: u32 = 1 << 20;
    pub(super) const NW_TOS: u32 = 1 << 21;
}

/// Wildcards of OpenFlow 1.1.
mod fw11 {
    pub(super) const IN_PORT: u32 = 1;
    pub(super) const DL_VLAN: u32 = 1 << 1;
    pub(super) const DL_VLAN_PCP: u32 = 1 << 2;
    pub(super) const DL_TYPE: u32 = 1 << 3;
    pub(super) const NW_TOS: u32 = 1 << 4;
    pub(super) const NW_PROTO: u32 = 1 << 5;
    pub(super) const TP_SRC: u32 = 1 << 6;
    pub(super) const TP_DST: u32 = 1 << 7;
    pub(super) const MPLS_LABEL: u32 = 1 << 8;
    pub(super) const MPLS_TC: u32 = 1 << 9;
}

/// `OFP_VLAN_NONE`, `OFPVID_NONE`: no tag.
const VLAN_NONE: u16 = 0xffff;
/// `OFPVID_ANY`: any tag.
const VLAN_ANY: u16 = 0xfffe;
/// The bit that says that there is a tag.
const TAGGED: u16 = 0x1000;
/// The bits of a VLAN id.
const VID: u16 = 0x0fff;

/// A VLAN tag that is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tag {
    /// There is none.
    None,
    /// Any.
    Any,
    /// One with this id.
    Id(u16),
}

/// What both structures can say. Masks have the bits that count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Words {
    in_port: Option<PortNo>,
    metadata: (u64, u64),
    eth_src: (u64, u64),
    eth_dst: (u64, u64),
    eth_type: Option<u16>,
    tag: Option<Tag>,
    pcp: Option<u8>,
    mpls_label: Option<u32>,
    mpls_tc: Option<u8>,
    tos: Option<u8>,
    proto: Option<u8>,
    source: (u32, u32),
    destination: (u32, u32),
    tp_src: Option<u16>,
    tp_dst: Option<u16>,
}

/// All 48 bits of an Ethernet address.
const MAC: u64 = 0xffff_ffff_ffff;

/// The value of a field that the wildcards do not let be anything.
fn unless<T>(wildcards: u32, bit: u32, value: T) -> Option<T> {
    (wildcards & bit == 0).then_some(value)
}

/// The wildcard of a field that nothing is asked of.
fn wildcard<T>(value: Option<T>, bit: u32) -> u32 {
    if value.is_none() { bit } else { 0 }
}

/// The mask of an address of which so many low bits may be anything.
fn prefix(wild: u32) -> u32 {
    u32::MAX.checked_shl(wild & 0x3f).unwrap_or(0)
}

impl Standard10 {
    fn words(&self) -> Words {
        let tag = match self.dl_vlan {
            VLAN_NONE => Tag::None,
            id => Tag::Id(id),
        };
        let w = self.wildcards;
        let mac = |mac: MacAddr, bit| unless(w, bit, (mac.to_u64(), MAC)).unwrap_or_default();
        let pcp = unless(w, fw10::DL_VLAN_PCP, self.dl_vlan_pcp);
        let tag = unless(w, fw10::DL_VLAN, tag);
        Words {
            in_port: unless(w, fw10::IN_PORT, self.in_port),
            eth_src: mac(self.dl_src, fw10::DL_SRC),
            eth_dst: mac(self.dl_dst, fw10::DL_DST),
            eth_type: unless(w, fw10::DL_TYPE, self.dl_type),
            // Only tagged packets have a priority.
            tag: tag.or(pcp.map(|_| Tag::Any)),
            pcp: pcp.filter(|_| tag != Some(Tag::None)),
            tos: unless(w, fw10::NW_TOS, self.nw_tos),
            proto: unless(w, fw10::NW_PROTO, self.nw_proto),
            source: (self.nw_src.to_bits(), prefix(w >> fw10::NW_SRC_SHIFT)),
            destination: (self.nw_dst.to_bits(), prefix(w >> fw10::NW_DST_SHIFT)),
            tp_src: unless(w, fw10::TP_SRC, self.tp_src),
            tp_dst: unless(w, fw10::TP_DST, self.tp_dst),
            ..Words::default()
        }
    }

    /// The structure that says this; or which field it cannot say.
    fn of(words: &Words) -> Result<Self, Field> {
        let mac = |(value, mask): (u64, u64), bit, field| match mask {
            0 => Ok((MacAddr::default(), bit)),
            MAC => Ok((MacAddr::from_u64(value), 0)),
            _ => Err(field),
        };
        let address = |(value, mask): (u32, u32), shift, field| {
            let ones = mask.leading_ones();
            let wild = 32 - ones;
            let known = prefix(wild) == mask;
            known
                .then_some((Ipv4Addr::from_bits(value & mask), wild << shift))
                .ok_or(field)
        };
        let refused = [
            (words.metadata.1 != 0, Field::Metadata),
            (words.mpls_label.is_some(), Field::MplsLabel),
            (words.mpls_tc.is_some(), Field::MplsTc),
            (
                words
                    .in_port
                    .is_some_and(|port| PortNo::from_u16(port.0 as u16) != port),
                Field::InPort,
            ),
            (
                words.tag == Some(Tag::Any) && words.pcp.is_none(),
                Field::VlanVid,
            ),
        ];
        if let Some((_, field)) = refused.iter().find(|(refused, _)| *refused) {
            return Err(*field);
        }
        let (dl_src, wild_src) = mac(words.eth_src, fw10::DL_SRC, Field::EthSrc)?;
        let (dl_dst, wild_dst) = mac(words.eth_dst, fw10::DL_DST, Field::EthDst)?;
        let (nw_src, wild_source) = address(words.source, fw10::NW_SRC_SHIFT, Field::Ipv4Src)?;
        let (nw_dst, wild_destination) =
            address(words.destination, fw10::NW_DST_SHIFT, Field::Ipv4Dst)?;
        let (dl_vlan, wild_vlan) = match words.tag {
            // Open vSwitch says so of the priority of packets without a tag.
            Some(Tag::None) => (VLAN_NONE, 0),
            Some(Tag::Id(id)) => (id, wildcard(words.pcp, fw10::DL_VLAN_PCP)),
            Some(Tag::Any) => (0, fw10::DL_VLAN),
            None => (0, fw10::DL_VLAN | fw10::DL_VLAN_PCP),
        };
        Ok(Self {
            wildcards: wild_src
                | wild_dst
                | wild_source
                | wild_destination
                | wild_vlan
                | wildcard(words.in_port, fw10::IN_PORT)
                | wildcard(words.eth_type, fw10::DL_TYPE)
                | wildcard(words.tos, fw10::NW_TOS)
                | wildcard(words.proto, fw10::NW_PROTO)
                | wildcard(words.tp_src, fw10::TP_SRC)
                | wildcard(words.tp_dst, fw10::TP_DST),
            in_port: words.in_port.unwrap_or(PortNo(0)),
            dl_src,
            dl_dst,
            dl_vlan,
            dl_vlan_pcp: words.pcp.unwrap_or_default(),
            dl_type: words.eth_type.unwrap_or_default(),
            nw_tos: words.tos.unwrap_or_default(),
            nw_proto: words.proto.unwrap_or_default(),
            nw_src,
            nw_dst,
            tp_src: words.tp_src.unwrap_or_default(),
            tp_dst: words.tp_dst.unwrap_or_default(),
        })
    }
}

impl Standard11 {
    fn words(&self) -> Words {
        let w = self.wildcards;
        let tag = match self.dl_vlan {
            VLAN_NONE => Tag::None,
            VLAN_ANY => Tag::Any,
            id => Tag::Id(id),
        };
        let tag = unless(w, fw11::DL_VLAN, tag);
        let mac = |value: MacAddr, wild: MacAddr| (value.to_u64(), !wild.to_u64() & MAC);
        let address = |value: Ipv4Addr, wild: Ipv4Addr| (value.to_bits(), !wild.to_bits());
        Words {
            in_port: unless(w, fw11::IN_PORT, self.in_port),
            metadata: (self.metadata, !self.metadata_mask),
            eth_src: mac(self.dl_src, self.dl_src_mask),
            eth_dst: mac(self.dl_dst, self.dl_dst_mask),
            eth_type: unless(w, fw11::DL_TYPE, self.dl_type),
            tag,
            // Only where the tag is asked for, and there is one.
            pcp: unless(w, fw11::DL_VLAN_PCP, self.dl_vlan_pcp)
                .filter(|_| matches!(tag, Some(Tag::Any | Tag::Id(_)))),
            mpls_label: unless(w, fw11::MPLS_LABEL, self.mpls_label),
            mpls_tc: unless(w, fw11::MPLS_TC, self.mpls_tc),
            tos: unless(w, fw11::NW_TOS, self.nw_tos),
            proto: unless(w, fw11::NW_PROTO, self.nw_proto),
            source: address(self.nw_src, self.nw_src_mask),
            destination: address(self.nw_dst, self.nw_dst_mask),
            tp_src: unless(w, fw11::TP_SRC, self.tp_src),
            tp_dst: unless(w, fw11::TP_DST, self.tp_dst),
        }
    }

    /// The structure that says this.
    fn of(words: &Words) -> Self {
        let mac = |(value, mask): (u64, u64)| {
            (
                MacAddr::from_u64(value & mask),
                MacAddr::from_u64(!mask & MAC),
            )
        };
        let address = |(value, mask): (u32, u32)| {
            (
                Ipv4Addr::from_bits(value & mask),
                Ipv4Addr::from_bits(!mask),
            )
        };
        let (dl_src, dl_src_mask) = mac(words.eth_src);
        let (dl_dst, dl_dst_mask) = mac(words.eth_dst);
        let (nw_src, nw_src_mask) = address(words.source);
        let (nw_dst, nw_dst_mask) = address(words.destination);
        let (dl_vlan, wild_vlan) = match words.tag {
            Some(Tag::None) => (VLAN_NONE, 0),
            Some(Tag::Any) => (VLAN_ANY, 0),
            Some(Tag::Id(id)) => (id, 0),
            None => (0, fw11::DL_VLAN),
        };
        Self {
            in_port: words.in_port.unwrap_or(PortNo(0)),
            wildcards: wild_vlan
                | wildcard(words.in_port, fw11::IN_PORT)
                | wildcard(words.pcp, fw11::DL_VLAN_PCP)
                | wildcard(words.eth_type, fw11::DL_TYPE)
                | wildcard(words.tos, fw11::NW_TOS)
                | wildcard(words.proto, fw11::NW_PROTO)
                | wildcard(words.tp_src, fw11::TP_SRC)
                | wildcard(words.tp_dst, fw11::TP_DST)
                | wildcard(words.mpls_label, fw11::MPLS_LABEL)
                | wildcard(words.mpls_tc, fw11::MPLS_TC),
            dl_src,
            dl_src_mask,
            dl_dst,
            dl_dst_mask,
            dl_vlan,
            dl_vlan_pcp: words.pcp.unwrap_or_default(),
            dl_type: words.eth_type.unwrap_or_default(),
            nw_tos: words.tos.unwrap_or_default(),
            nw_proto: words.proto.unwrap_or_default(),
            nw_src,
            nw_src_mask,
            nw_dst,
            nw_dst_mask,
            tp_src: words.tp_src.unwrap_or_default(),
            tp_dst: words.tp_dst.unwrap_or_default(),
            mpls_label: words.mpls_label.unwrap_or_default(),
            mpls_tc: words.mpls_tc.unwrap_or_default(),
            metadata: words.metadata.0 & words.metadata.1,
            metadata_mask: !words.metadata.1,
        }
    }
}

/// The fields that the address, protocol and port words stand for, by Ethernet type and IP protocol.
struct Meaning {
    source: Option<Field>,
    destination: Option<Field>,
    proto: Option<Field>,
    tos: bool,
    mpls: bool,
    tp_src: Option<Field>,
    tp_dst: Option<Field>,
}

impl Meaning {
    /// What the words stand for in packets of this type and protocol. Words that no such packet has stand
    /// for nothing (1.0.0, 3.4; 1.1.0, A.2.3.3); IPv6 has a protocol and ports, as Open vSwitch has it.
    fn of(words: &Words) -> Self {
        let (v4, v6) = (
            words.eth_type == Some(0x0800),
            words.eth_type == Some(0x86dd),
        );
        let arp = matches!(words.eth_type, Some(0x0806 | 0x8035));
        let of_version = |ipv4, arp_field| match (v4, arp) {
            (true, _) => Some(ipv4),
            (_, true) => Some(arp_field),
            _ => None,
        };
        let ports = match words.proto.filter(|_| v4 || v6) {
            Some(6) => Some((Field::TcpSrc, Field::TcpDst)),
            Some(17) => Some((Field::UdpSrc, Field::UdpDst)),
            Some(132) => Some((Field::SctpSrc, Field::SctpDst)),
            Some(1) if v4 => Some((Field::Icmpv4Type, Field::Icmpv4Code)),
            Some(58) if v6 => Some((Field::Icmpv6Type, Field::Icmpv6Code)),
            _ => None,
        };
        Self {
            source: of_version(Field::Ipv4Src, Field::ArpSpa),
            destination: of_version(Field::Ipv4Dst, Field::ArpTpa),
            proto: if v6 {
                Some(Field::IpProto)
            } else {
                of_version(Field::IpProto, Field::ArpOp)
            },
            tos: v4 || v6,
            mpls: matches!(words.eth_type, Some(0x8847 | 0x8848)),
            tp_src: ports.map(|ports| ports.0),
            tp_dst: ports.map(|ports| ports.1),
        }
    }
}

impl Words {
    /// The entries that say the same.
    fn entries(&self) -> Vec<Entry> {
        let mut matches = Match::any();
        let meaning = Meaning::of(self);
        let mut exact = |field: Option<Field>, value: Option<u64>| {
            if let (Some(field), Some(value)) = (field, value) {
                matches.push(FieldValue::exact(field, value));
            }
        };
        exact(Some(Field::InPort), self.in_port.map(|port| port.0.into()));
        exact(Some(Field::EthType), self.eth_type.map(u64::from));
        exact(Some(Field::VlanPcp), self.pcp.map(u64::from));
        exact(
            meaning.mpls.then_some(Field::MplsLabel),
            self.mpls_label.map(u64::from),
        );
        exact(
            meaning.mpls.then_some(Field::MplsTc),
            self.mpls_tc.map(u64::from),
        );
        exact(meaning.proto, self.proto.map(u64::from));
        exact(
            meaning.tos.then_some(Field::IpDscp),
            self.tos.map(|tos| (tos >> 2).into()),
        );
        exact(meaning.tp_src, self.tp_src.map(u64::from));
        exact(meaning.tp_dst, self.tp_dst.map(u64::from));
        let address = |(value, mask): (u32, u32)| (u64::from(value), u64::from(mask));
        for (field, (value, mask)) in [
            (Some(Field::Metadata), self.metadata),
            (Some(Field::EthSrc), self.eth_src),
            (Some(Field::EthDst), self.eth_dst),
            (meaning.source, address(self.source)),
            (meaning.destination, address(self.destination)),
        ] {
            if let Some(field) = field.filter(|_| mask != 0) {
                matches.push(FieldValue::masked(field, value, mask));
            }
        }
        match self.tag {
            Some(Tag::None) => matches.push(FieldValue::exact(Field::VlanVid, 0_u16)),
            Some(Tag::Any) => matches.push(FieldValue::masked(Field::VlanVid, TAGGED, TAGGED)),
            Some(Tag::Id(id)) => matches.push(FieldValue::exact(Field::VlanVid, TAGGED | id & VID)),
            None => {}
        }
        matches.sort();
        matches.entries
    }

    /// The words that say the same as the entries; or the name of the first thing that they cannot say.
    fn of(entries: &[Entry]) -> Result<Self, &'static str> {
        let mut words = Self::default();
        let mut seen: Vec<Field> = Vec::with_capacity(entries.len());
        for entry in entries {
            let value = match entry {
                Entry::Known(value) => value,
                Entry::Long(value) => return Err(value.field.row().name),
                Entry::Unknown(_) => return Err("a match field"),
            };
            if value.significant() == 0 {
                continue;
            }
            let name = value.field.row().name;
            if seen.contains(&value.field) || words.add(value).is_none() {
                return Err(name);
            }
            seen.push(value.field);
        }
        // Words stand for fields only in packets that have them.
        let meaning = words.entries();
        let says = |field: Field| meaning.iter().any(|entry| entry.field() == Some(field));
        let unsaid = seen.into_iter().map(said_as).find(|field| !says(*field));
        unsaid.map_or(Ok(words), |field| Err(field.row().name))
    }

    /// Adds what is asked of a field; none when the words have no place for it, or not for a second.
    fn add(&mut self, asked: &FieldValue) -> Option<()> {
        let (value, mask) = (asked.value, asked.significant());
        if !asked.is_exact() && value & !mask != 0 {
            return None;
        }
        let exact = asked.is_exact().then_some(value);
        let once = |free: bool| free.then_some(());
        match asked.field {
            Field::InPort => self.in_port = Some(PortNo(u32::try_from(exact?).ok()?)),
            Field::Metadata => self.metadata = (u64::try_from(value).ok()?, mask as u64),
            Field::EthSrc => self.eth_src = (u64::try_from(value).ok()?, mask as u64),
            Field::EthDst => self.eth_dst = (u64::try_from(value).ok()?, mask as u64),
            Field::EthType => self.eth_type = Some(u16::try_from(exact?).ok()?),
            Field::VlanVid | Field::VlanTci => {
                once(self.tag.is_none())?;
                self.add_tag(u16::try_from(value).ok()?, mask as u16, asked.field)?;
            }
            Field::VlanPcp => {
                once(self.pcp.is_none() && self.tag != Some(Tag::None))?;
                self.pcp = Some(u8::try_from(exact?).ok()?);
                self.tag = self.tag.or(Some(Tag::Any));
            }
            Field::MplsLabel => self.mpls_label = Some(u32::try_from(exact?).ok()?),
            Field::MplsTc => self.mpls_tc = Some(u8::try_from(exact?).ok()?),
            Field::IpDscp | Field::IpTos => {
                once(self.tos.is_none())?;
                let shift = if asked.field == Field::IpDscp { 2 } else { 0 };
                self.tos = Some(
                    u8::try_from(exact? << shift)
                        .ok()
                        .filter(|tos| tos & 3 == 0)?,
                );
            }
            Field::IpProto | Field::ArpOp => {
                once(self.proto.is_none())?;
                self.proto = Some(u8::try_from(exact?).ok()?);
            }
            Field::Ipv4Src | Field::ArpSpa => {
                once(self.source.1 == 0)?;
                self.source = (u32::try_from(value).ok()?, mask as u32);
            }
            Field::Ipv4Dst | Field::ArpTpa => {
                once(self.destination.1 == 0)?;
                self.destination = (u32::try_from(value).ok()?, mask as u32);
            }
            Field::TcpSrc
            | Field::UdpSrc
            | Field::SctpSrc
            | Field::Icmpv4Type
            | Field::Icmpv6Type => {
                once(self.tp_src.is_none())?;
                self.tp_src = Some(u16::try_from(exact?).ok()?);
            }
            Field::TcpDst
            | Field::UdpDst
            | Field::SctpDst
            | Field::Icmpv4Code
            | Field::Icmpv6Code => {
                once(self.tp_dst.is_none())?;
                self.tp_dst = Some(u16::try_from(exact?).ok()?);
            }
            _ => return None,
        }
        Some(())
    }

    /// Adds a VLAN tag, by its id or as a whole.
    fn add_tag(&mut self, value: u16, mask: u16, field: Field) -> Option<()> {
        const PCP: u16 = 0xe000;
        let whole = if field == Field::VlanTci {
            u16::MAX
        } else {
            TAGGED | VID
        };
        self.tag = Some(match (mask & VID, value & TAGGED) {
            _ if value == 0 && mask == whole => Tag::None,
            _ if mask & TAGGED == 0 => return None,
            (0, TAGGED) => Tag::Any,
            (VID, TAGGED) if value & !mask == 0 => Tag::Id(value & VID),
            _ => return None,
        });
        match mask & PCP {
            0 => {}
            PCP if self.tag == Some(Tag::None) => {}
            PCP if self.pcp.is_none() => self.pcp = Some((value >> 13) as u8),
            _ => return None,
        }
        Some(())
    }
}

/// The field that says the same in the entries of words.
fn said_as(field: Field) -> Field {
    match field {
        Field::VlanTci => Field::VlanVid,
        Field::IpTos => Field::IpDscp,
        field => field,
    }
}

/// Reads a match of OpenFlow 1.0 or 1.1.
pub(super) fn decode(r: &mut Reader<'_>, version: Version) -> Result<Match, DecodeError> {
    const WHAT: &str = "ofp_match";
    if version == Version::V1_0 {
        return Standard10::read(r, version, WHAT).map(Match::from);
    }
    let kind = r.u16("ofp_match.type")?;
    let length = r.u16("ofp_match.length")?;
    if kind != STANDARD {
        let rest = usize::from(length).checked_sub(4);
        let rest = rest.ok_or_else(|| r.error("ofp_match.length of at least 4"))?;
        let body = r.bytes(rest, "the match that ofp_match.length tells of")?;
        let padding = usize::from(length).next_multiple_of(8) - usize::from(length);
        r.skip(padding, "the padding of ofp_match")?;
        return Ok(Match::of_unknown_type(kind, body));
    }
    if length != LENGTH_1_1 {
        return Err(r.error("ofp_match.length of 88"));
    }
    Standard11::read(r, version, WHAT).map(Match::from)
}

impl From<Standard10> for Match {
    fn from(read: Standard10) -> Self {
        let words = read.words();
        let ours = Standard10::of(&words_of_meaning(&words));
        Self {
            entries: words.entries(),
            exact: (ours.as_ref() != Ok(&read)).then(|| Box::new(Exact::V1_0(read))),
        }
    }
}

impl From<Standard11> for Match {
    fn from(read: Standard11) -> Self {
        let words = read.words();
        let ours = Standard11::of(&words_of_meaning(&words));
        Self {
            entries: words.entries(),
            exact: (ours != read).then(|| Box::new(Exact::V1_1(read))),
        }
    }
}

/// The words without what stands for nothing in such packets.
fn words_of_meaning(words: &Words) -> Words {
    let meaning = Meaning::of(words);
    Words {
        tag: words.tag.map(|tag| match tag {
            Tag::Id(id) => Tag::Id(id & VID),
            other => other,
        }),
        tos: words.tos.filter(|_| meaning.tos).map(|tos| tos & 0xfc),
        proto: words.proto.filter(|_| meaning.proto.is_some()),
        source: meaning.source.map_or((0, 0), |_| words.source),
        destination: meaning.destination.map_or((0, 0), |_| words.destination),
        tp_src: words.tp_src.filter(|_| meaning.tp_src.is_some()),
        tp_dst: words.tp_dst.filter(|_| meaning.tp_dst.is_some()),
        mpls_label: words.mpls_label.filter(|_| meaning.mpls),
        mpls_tc: words.mpls_tc.filter(|_| meaning.mpls),
        ..*words
    }
}

impl Standard10 {
    /// The structure that this crate writes for entries.
    pub fn from_entries(entries: &[Entry]) -> Result<Self, EncodeError> {
        let version = Version::V1_0;
        let not_in_version = |what| EncodeError::NotInVersion { what, version };
        let words = Words::of(entries).map_err(not_in_version)?;
        Self::of(&words).map_err(|field| not_in_version(field.row().name))
    }

    /// The entries that say the same.
    #[must_use]
    pub fn to_entries(&self) -> Vec<Entry> {
        self.words().entries()
    }
}

impl Standard11 {
    /// The structure that this crate writes for entries.
    pub fn from_entries(entries: &[Entry]) -> Result<Self, EncodeError> {
        let version = Version::V1_1;
        let words = Words::of(entries);
        let words = words.map_err(|what| EncodeError::NotInVersion { what, version })?;
        Ok(Self::of(&words))
    }

    /// The entries that say the same.
    #[must_use]
    pub fn to_entries(&self) -> Vec<Entry> {
        self.words().entries()
    }
}

/// The structure of OpenFlow 1.0 that a match is written as.
pub(super) fn structure10(matches: &Match) -> Result<Standard10, EncodeError> {
    match matches.exact.as_deref() {
        // Entries that were changed since say more than what came.
        Some(Exact::V1_0(exact)) if exact.to_entries() == matches.entries => Ok(exact.clone()),
        _ => Standard10::from_entries(&matches.entries),
    }
}

/// The structure of OpenFlow 1.1 that a match is written as.
pub(super) fn structure11(matches: &Match) -> Result<Standard11, EncodeError> {
    match matches.exact.as_deref() {
        Some(Exact::V1_1(exact)) if exact.to_entries() == matches.entries => Ok(exact.clone()),
        _ => Standard11::from_entries(&matches.entries),
    }
}

/// Writes a match of OpenFlow 1.0 or 1.1, or one of unknown type.
pub(super) fn encode(matches: &Match, w: &mut Writer, version: Version) -> Result<(), EncodeError> {
    if let Some(Exact::Unknown { kind, body }) = matches.exact.as_deref() {
        if version == Version::V1_0 {
            let what = "a type of match";
            return Err(EncodeError::NotInVersion { what, version });
        }
        let start = w.len();
        w.u16(*kind);
        w.u16(0);
        w.slice(body);
        w.patch_length(start + 2, start, "ofp_match")?;
        w.align8(start);
        return Ok(());
    }
    match version {
        Version::V1_0 => structure10(matches)?.write(w, version),
        Version::V1_1 => {
            w.u16(STANDARD);
            w.u16(LENGTH_1_1);
            structure11(matches)?.write(w, version)
        }
        _ => matches.encode_list(w, version),
    }
}

impl Match {
    /// A match of a type that is not known.
    #[cold]
    pub(super) fn of_unknown_type(kind: u16, body: Bytes) -> Self {
        Self {
            entries: Vec::new(),
            exact: Some(Box::new(Exact::Unknown { kind, body })),
        }
    }
}
