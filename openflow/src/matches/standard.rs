//! The matches of OpenFlow 1.0 and 1.1: structures of 40 and of 88 bytes with wildcards (OpenFlow 1.0.0, 5.2.3;
//! 1.1.0, A.2.3).
//!
//! They become entries and are made from entries. Many structures say the same: fields that are wildcarded or
//! that no such packet has may hold anything, prefixes of no bits have 32 encodings. So those of 1.0 are kept as they
//! came ([`Entries`]), and of 1.1 what this crate would not write, beside the entries as [`Exact`].

use std::net::Ipv4Addr;

use bytes::Bytes;

use super::{Entries, Entry, FieldValue, Match};
use crate::error::{DecodeError, EncodeError};
use crate::field::Field;
use crate::record::{Wire, ids, record};
use crate::wire::{Reader, Writer};
use crate::{MacAddr, PortNo, Version};

record! {
    /// `ofp_match` of OpenFlow 1.0, 40 bytes, and of 1.1, there without type and length, 84 bytes.
    pub struct Standard {
        /// `OFPFW_*`: which fields may be anything. Six bits each say how many low bits of an address may.
        wildcards_first "wildcards": u32 [V1_0 V1_0];
        /// The port of arrival.
        in_port: PortNo;
        /// `OFPFW_*`: which fields may be anything.
        wildcards: u32 [V1_1 V1_1];
        /// Ethernet source.
        dl_src: MacAddr;
        /// Its bits that may be anything.
        dl_src_mask: MacAddr [V1_1 V1_1];
        /// Ethernet destination.
        dl_dst: MacAddr;
        /// Its bits that may be anything.
        dl_dst_mask: MacAddr [V1_1 V1_1];
        /// VLAN id; `0xffff` for no tag, from 1.1 on `0xfffe` for any.
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
        {pad 2 [V1_0 V1_0]} nw_src: Ipv4Addr;
        /// Its bits that may be anything.
        nw_src_mask: WildBits [V1_1 V1_1];
        /// IPv4 destination, or the ARP target's.
        nw_dst: Ipv4Addr;
        /// Its bits that may be anything.
        nw_dst_mask: WildBits [V1_1 V1_1];
        /// Source port, or ICMP type.
        tp_src: u16;
        /// Destination port, or ICMP code.
        tp_dst: u16;
        /// Label of the outermost MPLS header.
        mpls_label: u32 [V1_1 V1_1];
        /// Traffic class of the outermost MPLS header.
        mpls_tc: u8 [V1_1 V1_1];
        /// Carried from table to table.
        {pad 3 [V1_1 V1_1]} metadata: u64 [V1_1 V1_1];
        /// Its bits that may be anything.
        metadata_mask: u64 [V1_1 V1_1];
    }
}

/// Bits of an IPv4 address that may be anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct WildBits(pub Ipv4Addr);

impl Default for WildBits {
    fn default() -> Self {
        Self(Ipv4Addr::UNSPECIFIED)
    }
}

ids! {
    WildBits(Ipv4Addr);
}

/// The bytes of a structure of OpenFlow 1.0, aligned so that what they are kept in is moved in words.
#[derive(Clone, Copy)]
#[repr(align(8))]
pub(super) struct Structure([u8; LENGTH_1_0]);

impl Structure {
    /// What stands in them.
    pub(super) fn read(&self) -> Option<Standard> {
        let bytes = Bytes::copy_from_slice(&self.0);
        // As many bytes are always one.
        Standard::read(&mut Reader::new(&bytes), Version::V1_0, WHAT).ok()
    }
}

/// How a match came, when this crate would not write its entries so. For a structure of OpenFlow 1.0 the entries know.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Exact {
    /// As a structure of OpenFlow 1.1.
    V1_1(Standard),
    /// As a match of a type that is not known. It has no entries, and says nobody knows what.
    Unknown {
        /// `ofp_match.type`.
        kind: u16,
        /// What follows type and length.
        body: Bytes,
    },
}

/// What is read here.
const WHAT: &str = "ofp_match";
/// Bytes of a match of OpenFlow 1.0.
const LENGTH_1_0: usize = 40;
/// `OFPMT_STANDARD`.
const STANDARD: u16 = 0;
/// Bytes of a match of OpenFlow 1.1.
const LENGTH_1_1: u16 = 88;

/// A wildcard (`ofp_flow_wildcards`): its bit in 1.0, and in 1.1; 0 where there is none.
#[derive(Debug, Clone, Copy)]
struct Wildcard(u32, u32);

/// The table of wildcards.
mod wildcards {
    use super::Wildcard;

    pub(super) const IN_PORT: Wildcard = Wildcard(1, 1);
    pub(super) const DL_VLAN: Wildcard = Wildcard(1 << 1, 1 << 1);
    pub(super) const DL_SRC: Wildcard = Wildcard(1 << 2, 0);
    pub(super) const DL_DST: Wildcard = Wildcard(1 << 3, 0);
    pub(super) const DL_TYPE: Wildcard = Wildcard(1 << 4, 1 << 3);
    pub(super) const NW_PROTO: Wildcard = Wildcard(1 << 5, 1 << 5);
    pub(super) const TP_SRC: Wildcard = Wildcard(1 << 6, 1 << 6);
    pub(super) const TP_DST: Wildcard = Wildcard(1 << 7, 1 << 7);
    /// Six bits say how many low bits of the address may be anything, in 1.0.
    pub(super) const NW_SRC: Wildcard = Wildcard(1 << 8, 0);
    pub(super) const NW_DST: Wildcard = Wildcard(1 << 14, 0);
    pub(super) const DL_VLAN_PCP: Wildcard = Wildcard(1 << 20, 1 << 2);
    pub(super) const NW_TOS: Wildcard = Wildcard(1 << 21, 1 << 4);
    pub(super) const MPLS_LABEL: Wildcard = Wildcard(0, 1 << 8);
    pub(super) const MPLS_TC: Wildcard = Wildcard(0, 1 << 9);
}

impl Wildcard {
    fn bit(self, version: Version) -> u32 {
        match version {
            Version::V1_0 => self.0,
            _ => self.1,
        }
    }

    /// The bit, when nothing is asked of a field.
    fn unless_asked<T>(self, value: Option<T>, version: Version) -> u32 {
        match value {
            Some(_) => 0,
            None => self.bit(version),
        }
    }
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

/// The mask of an address of which so many low bits may be anything.
fn prefix(wild: u32) -> u32 {
    u32::MAX.checked_shl(wild & 0x3f).unwrap_or(0)
}

impl Standard {
    /// What it says, in a version.
    fn words(&self, version: Version) -> Words {
        let old = version == Version::V1_0;
        // The one that the version does not have is zero.
        let wildcards = self.wildcards_first | self.wildcards;
        let tag = match self.dl_vlan {
            VLAN_NONE => Tag::None,
            VLAN_ANY if !old => Tag::Any,
            id => Tag::Id(id),
        };
        let pcp = self.asked(wildcards::DL_VLAN_PCP, self.dl_vlan_pcp, version);
        let mut tag = self.asked(wildcards::DL_VLAN, tag, version);
        if old {
            // Only tagged packets have a priority.
            tag = tag.or(pcp.map(|_| Tag::Any));
        }
        let mac = |value: MacAddr, wild: MacAddr, wildcard: Wildcard| match old {
            true => self
                .asked(wildcard, (value.to_u64(), MAC), version)
                .unwrap_or_default(),
            false => (value.to_u64(), !wild.to_u64() & MAC),
        };
        let address = |value: Ipv4Addr, wild: WildBits, wildcard: Wildcard| match old {
            true => (value.to_bits(), prefix(wildcards / wildcard.bit(version))),
            false => (value.to_bits(), !wild.0.to_bits()),
        };
        Words {
            in_port: self.asked(wildcards::IN_PORT, self.in_port, version),
            metadata: match old {
                true => (0, 0),
                false => (self.metadata, !self.metadata_mask),
            },
            eth_src: mac(self.dl_src, self.dl_src_mask, wildcards::DL_SRC),
            eth_dst: mac(self.dl_dst, self.dl_dst_mask, wildcards::DL_DST),
            eth_type: self.asked(wildcards::DL_TYPE, self.dl_type, version),
            tag,
            // Only where the tag is asked for, and there is one.
            pcp: pcp.filter(|_| matches!(tag, Some(Tag::Any | Tag::Id(_)))),
            mpls_label: self.asked(wildcards::MPLS_LABEL, self.mpls_label, version),
            mpls_tc: self.asked(wildcards::MPLS_TC, self.mpls_tc, version),
            tos: self.asked(wildcards::NW_TOS, self.nw_tos, version),
            proto: self.asked(wildcards::NW_PROTO, self.nw_proto, version),
            source: address(self.nw_src, self.nw_src_mask, wildcards::NW_SRC),
            destination: address(self.nw_dst, self.nw_dst_mask, wildcards::NW_DST),
            tp_src: self.asked(wildcards::TP_SRC, self.tp_src, version),
            tp_dst: self.asked(wildcards::TP_DST, self.tp_dst, version),
        }
    }

    /// The value of a field that the version has and its wildcard does not let be anything.
    fn asked<T>(&self, wildcard: Wildcard, value: T, version: Version) -> Option<T> {
        let bit = wildcard.bit(version);
        let wild = (self.wildcards_first | self.wildcards) & bit != 0;
        (bit != 0 && !wild).then_some(value)
    }

    /// The structure that says this in a version; or which field it cannot say.
    fn of(words: &Words, version: Version) -> Result<Self, Field> {
        let old = version == Version::V1_0;
        if let Some(field) = words.not_in_1_0().filter(|_| old) {
            return Err(field);
        }
        let mut all = 0;
        let mut mac = |(value, mask): (u64, u64), wildcard: Wildcard, field| {
            match mask {
                _ if !old => {}
                0 => all |= wildcard.bit(version),
                MAC => {}
                _ => return Err(field),
            }
            let wild = if old { 0 } else { !mask & MAC };
            Ok((MacAddr::from_u64(value & mask), MacAddr::from_u64(wild)))
        };
        let (dl_src, dl_src_mask) = mac(words.eth_src, wildcards::DL_SRC, Field::EthSrc)?;
        let (dl_dst, dl_dst_mask) = mac(words.eth_dst, wildcards::DL_DST, Field::EthDst)?;
        let mut address = |(value, mask): (u32, u32), wildcard: Wildcard, field| {
            let wild = mask.leading_ones().abs_diff(32);
            match old {
                true if prefix(wild) != mask => return Err(field),
                true => all |= wild * wildcard.bit(version),
                false => {}
            }
            let bits = Ipv4Addr::from_bits(if old { 0 } else { !mask });
            Ok((Ipv4Addr::from_bits(value & mask), WildBits(bits)))
        };
        let (nw_src, nw_src_mask) = address(words.source, wildcards::NW_SRC, Field::Ipv4Src)?;
        let (nw_dst, nw_dst_mask) = address(words.destination, wildcards::NW_DST, Field::Ipv4Dst)?;
        let dl_vlan = match words.tag {
            Some(Tag::None) => VLAN_NONE,
            Some(Tag::Id(id)) => id,
            Some(Tag::Any) if !old => VLAN_ANY,
            Some(Tag::Any) | None => 0,
        };
        let tag = words.tag.filter(|tag| !old || *tag != Tag::Any);
        // Open vSwitch says so of the priority of packets without a tag.
        let pcp = words
            .pcp
            .or((old && words.tag == Some(Tag::None)).then_some(0));
        all |= wildcards::IN_PORT.unless_asked(words.in_port, version)
            | wildcards::DL_VLAN.unless_asked(tag, version)
            | wildcards::DL_VLAN_PCP.unless_asked(pcp, version)
            | wildcards::DL_TYPE.unless_asked(words.eth_type, version)
            | wildcards::NW_TOS.unless_asked(words.tos, version)
            | wildcards::NW_PROTO.unless_asked(words.proto, version)
            | wildcards::TP_SRC.unless_asked(words.tp_src, version)
            | wildcards::TP_DST.unless_asked(words.tp_dst, version)
            | wildcards::MPLS_LABEL.unless_asked(words.mpls_label, version)
            | wildcards::MPLS_TC.unless_asked(words.mpls_tc, version);
        let (wildcards_first, wildcards) = if old { (all, 0) } else { (0, all) };
        Ok(Self {
            wildcards_first,
            in_port: words.in_port.unwrap_or(PortNo(0)),
            wildcards,
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
            metadata_mask: if old { 0 } else { !words.metadata.1 },
        })
    }

    /// The structure that this crate writes for entries in a version.
    pub fn from_entries(entries: &[Entry], version: Version) -> Result<Self, EncodeError> {
        let not_in_version = |what| EncodeError::NotInVersion { what, version };
        let words = Words::of(entries).map_err(not_in_version)?;
        Self::of(&words, version).map_err(|field| not_in_version(field.row().name))
    }

    /// The entries that say the same.
    #[must_use]
    pub fn to_entries(&self, version: Version) -> Vec<Entry> {
        self.words(version).entries()
    }

    /// Whether this crate writes its entries as this, in a version.
    pub(super) fn is_ours(&self, version: Version) -> bool {
        let words = words_of_meaning(&self.words(version));
        Self::of(&words, version).as_ref() == Ok(self)
    }

    /// The match that came as this, in a version.
    pub(super) fn into_match(self, version: Version) -> Match {
        let mut bytes = Writer::new();
        if version == Version::V1_0
            && self.write(&mut bytes, version).is_ok()
            && let Ok(structure) = bytes.written(0).try_into()
        {
            return Match::of(Structure(structure));
        }
        let exact = version == Version::V1_1 && !self.is_ours(version);
        Match {
            entries: self.to_entries(version).into(),
            exact: exact.then(|| Box::new(Exact::V1_1(self))),
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
    /// The first field that 1.0 cannot say as it is asked for here.
    fn not_in_1_0(&self) -> Option<Field> {
        let short = |port: PortNo| PortNo::from_u16(port.0 as u16) == port;
        let refused = [
            (self.metadata.1 != 0, Field::Metadata),
            (self.mpls_label.is_some(), Field::MplsLabel),
            (self.mpls_tc.is_some(), Field::MplsTc),
            (!self.in_port.is_none_or(short), Field::InPort),
            (
                self.tag == Some(Tag::Any) && self.pcp.is_none(),
                Field::VlanVid,
            ),
        ];
        let found = refused.iter().find(|(refused, _)| *refused);
        found.map(|(_, field)| *field)
    }

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
        matches.entries.into()
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
    if version == Version::V1_0 {
        return r.array(WHAT).map(|bytes| Match::of(Structure(bytes)));
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
    Standard::read(r, version, WHAT).map(|read| read.into_match(version))
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

/// The structure of OpenFlow 1.0 or 1.1 that a match is written as.
pub(super) fn structure(matches: &Match, version: Version) -> Result<Standard, EncodeError> {
    let came = match (matches.exact.as_deref(), version) {
        (_, Version::V1_0) => matches.entries.structure(),
        // Entries that were changed since say more than what came.
        (Some(Exact::V1_1(came)), Version::V1_1) => {
            Some(came.clone()).filter(|came| came.to_entries(version) == *matches.entries)
        }
        _ => None,
    };
    match came {
        Some(came) => Ok(came),
        None => Standard::from_entries(&matches.entries, version),
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
        Version::V1_0 => structure(matches, version)?.write(w, version),
        Version::V1_1 => {
            w.u16(STANDARD);
            w.u16(LENGTH_1_1);
            structure(matches, version)?.write(w, version)
        }
        _ => matches.encode_list(w, version),
    }
}

impl Match {
    /// A match of a type that is not known.
    #[cold]
    pub(super) fn of_unknown_type(kind: u16, body: Bytes) -> Self {
        Self {
            entries: Entries::default(),
            exact: Some(Box::new(Exact::Unknown { kind, body })),
        }
    }
}
