//! Matches as text, in the order and with the abbreviations of `ovs-ofctl dump-flows`.
//!
//! Registers are always written one by one and VLAN tags as `dl_vlan`, however the match says
//! it; entries of unknown fields as `oxm=0x...` with their header. Values are written in
//! [`super::value`].

use bytes::Bytes;

use super::Names;
use super::scan::{self, Item, Read, Wrong, hex};
use super::value::{self, Place, push};
use crate::field::ROWS;
use crate::matches::{Entry, LongValue};
use crate::{Field, FieldValue, Match};

/// A row of the abbreviations: name, Ethernet type, IP protocol. The first row that fits is
/// printed; all are read.
const PROTOCOLS: &[(&str, u16, Option<u8>)] = &[
    ("icmp", 0x0800, Some(1)),
    ("tcp", 0x0800, Some(6)),
    ("udp", 0x0800, Some(17)),
    ("sctp", 0x0800, Some(132)),
    ("ip", 0x0800, None),
    ("ipv4", 0x0800, None),
    ("ip4", 0x0800, None),
    ("icmp6", 0x86dd, Some(58)),
    ("tcp6", 0x86dd, Some(6)),
    ("udp6", 0x86dd, Some(17)),
    ("sctp6", 0x86dd, Some(132)),
    ("ipv6", 0x86dd, None),
    ("ip6", 0x86dd, None),
    ("arp", 0x0806, None),
    ("rarp", 0x8035, None),
    ("mpls", 0x8847, None),
    ("mplsm", 0x8848, None),
];

/// The order of printed matches. [`Field::Reg0`] stands for all registers, [`Field::VlanVid`] for
/// the whole tag, [`Field::IpDscp`] for both forms of the type of service, [`Field::TunMetadata0`] for all
/// options of a tunnel; the abbreviation comes after [`Field::PacketType`].
const ORDER: &[Field] = &[
    Field::PktMark,
    Field::RecircId,
    Field::DpHash,
    Field::ConjId,
    Field::ActsetOutput,
    Field::CtState,
    Field::CtZone,
    Field::CtMark,
    Field::CtLabel,
    Field::CtNwSrc,
    Field::CtIpv6Src,
    Field::CtNwDst,
    Field::CtIpv6Dst,
    Field::CtNwProto,
    Field::CtTpSrc,
    Field::CtTpDst,
    Field::PacketType,
    Field::Reg0,
    Field::Xxreg4,
    Field::Xxreg5,
    Field::Xxreg6,
    Field::Xxreg7,
    Field::TunnelId,
    Field::TunSrc,
    Field::TunDst,
    Field::TunIpv6Src,
    Field::TunIpv6Dst,
    Field::TunGbpId,
    Field::TunGbpFlags,
    Field::ErspanVer,
    Field::ErspanIdx,
    Field::ErspanDir,
    Field::ErspanHwid,
    Field::GtpuFlags,
    Field::GtpuMsgtype,
    Field::TunFlags,
    Field::TunMetadata0,
    Field::Metadata,
    Field::InPort,
    Field::InPhyPort,
    Field::VlanVid,
    Field::EthSrc,
    Field::EthDst,
    Field::EthType,
    Field::PbbIsid,
    Field::PbbUca,
    Field::NshFlags,
    Field::NshTtl,
    Field::NshMdtype,
    Field::NshNp,
    Field::NshSpi,
    Field::NshSi,
    Field::NshC1,
    Field::NshC2,
    Field::NshC3,
    Field::NshC4,
    Field::Ipv6Src,
    Field::Ipv6Dst,
    Field::Ipv6Label,
    Field::Ipv6Exthdr,
    Field::ArpSpa,
    Field::ArpTpa,
    Field::Ipv4Src,
    Field::Ipv4Dst,
    Field::ArpOp,
    Field::IpProto,
    Field::ArpSha,
    Field::ArpTha,
    Field::IpDscp,
    Field::IpEcn,
    Field::IpTtl,
    Field::MplsLabel,
    Field::MplsTc,
    Field::MplsTtl,
    Field::MplsBos,
    Field::IpFrag,
    Field::Icmpv4Type,
    Field::Icmpv4Code,
    Field::Icmpv6Type,
    Field::Icmpv6Code,
    Field::NdTarget,
    Field::NdSll,
    Field::NdTll,
    Field::NdReserved,
    Field::NdOptionsType,
    Field::TcpSrc,
    Field::TcpDst,
    Field::UdpSrc,
    Field::UdpDst,
    Field::SctpSrc,
    Field::SctpDst,
    Field::TcpFlags,
];

/// Writes a match; nothing for the match of every packet.
pub(super) fn print(out: &mut String, matches: &Match, names: &Names) {
    let start = out.len();
    let protocol = protocol(matches);
    let mut asked = [false; ROWS.len()];
    for value in matches.fields() {
        asked[value.field as usize] = true;
    }
    for field in ORDER {
        match field {
            Field::PacketType => {
                packet_type(out, matches, names);
                if let Some((name, ..)) = protocol {
                    push(out, format_args!("{name},"));
                }
            }
            Field::Reg0 => registers(out, matches, names),
            Field::VlanVid => vlan(out, matches),
            Field::IpDscp => type_of_service(out, matches),
            Field::TunMetadata0 => options(out, matches, names),
            Field::EthType if protocol.is_some() => {}
            Field::IpProto if protocol.is_some_and(|row| row.2.is_some()) => {}
            field if !asked[*field as usize] => {}
            field => {
                for value in matches.fields().filter(|value| value.field == *field) {
                    print_field(out, value, matches, names);
                }
            }
        }
    }
    for entry in &matches.entries {
        if let Entry::Unknown(bytes) = entry {
            push(out, format_args!("oxm={},", super::bytes_as_hex(bytes)));
        }
    }
    if out.len() > start {
        out.pop();
    }
}

/// The abbreviation for the Ethernet type and IP protocol.
fn protocol(matches: &Match) -> Option<&'static (&'static str, u16, Option<u8>)> {
    let exact = |field| {
        let value = matches.get(field).filter(|value| value.is_exact())?;
        Some(value.value)
    };
    let ethertype = exact(Field::EthType)?;
    let protocol = exact(Field::IpProto);
    PROTOCOLS.iter().find(|row| {
        u128::from(row.1) == ethertype && row.2.is_none_or(|own| protocol == Some(own.into()))
    })
}

fn print_field(out: &mut String, value: &FieldValue, matches: &Match, names: &Names) {
    if value.mask() == Some(0) {
        return;
    }
    let row = value.field.row();
    let shared = matches.satisfies(row.prerequisite);
    out.push_str(match value.field {
        _ if shared => row.in_match,
        // By its other name that of ARP's operation.
        Field::IpProto => "ip_proto",
        _ => row.name,
    });
    out.push('=');
    value::print(out, value, names, Place::Match);
    out.push(',');
}

/// Fields that only Ethernet packets have, and that which says so.
const ETHERNET: &[Field] = &[
    Field::PacketType,
    Field::EthSrc,
    Field::EthDst,
    Field::EthType,
    Field::VlanTci,
    Field::VlanVid,
];

/// Ethernet is what a packet is when nothing is said. Open vSwitch says so nevertheless in matches
/// of recirculated packets, which it takes for a datapath's, when they have fields of Ethernet.
fn packet_type(out: &mut String, matches: &Match, names: &Names) {
    let kind = matches.get(Field::PacketType);
    if let Some(kind) = kind.filter(|kind| kind.value != 0) {
        print_field(out, kind, matches, names);
    } else if matches.get(Field::RecircId).is_some()
        && ETHERNET.iter().any(|field| matches.get(*field).is_some())
    {
        out.push_str("eth,");
    }
}

/// Registers, also where they are matched by two or four.
fn registers(out: &mut String, matches: &Match, names: &Names) {
    let mut asked = [(0_u128, 0_u128); 16];
    for value in matches.fields() {
        let (first, count) = match value.field {
            field if (Field::Reg0..=Field::Reg15).contains(&field) => {
                (field as usize - Field::Reg0 as usize, 1)
            }
            field if (Field::Xreg0..=Field::Xreg7).contains(&field) => {
                ((field as usize - Field::Xreg0 as usize) * 2, 2)
            }
            field if (Field::Xxreg0..=Field::Xxreg3).contains(&field) => {
                ((field as usize - Field::Xxreg0 as usize) * 4, 4)
            }
            _ => continue,
        };
        for at in 0..count {
            let shift = 32 * (count - 1 - at);
            let part = |number: u128| number >> shift & u128::from(u32::MAX);
            let register = &mut asked[first + at];
            register.0 |= part(value.value);
            register.1 |= part(value.significant());
        }
    }
    for (number, (value, mask)) in asked.into_iter().enumerate() {
        if let Some(register) = Field::register(number as u8) {
            print_field(
                out,
                &FieldValue::masked(register, value, mask),
                matches,
                names,
            );
        }
    }
}

/// Bits of a VLAN tag.
mod tci {
    pub(super) const VID: u128 = 0x0fff;
    pub(super) const PRESENT: u128 = 0x1000;
    pub(super) const PCP: u128 = 0xe000;
}

fn vlan(out: &mut String, matches: &Match) {
    let (mut value, mut mask) = (0, 0);
    for part in matches.fields() {
        let shift = match part.field {
            Field::VlanTci | Field::VlanVid => 0,
            Field::VlanPcp => 13,
            _ => continue,
        };
        // More than sixteen bits cannot be meant.
        value |= part.value << shift & 0xffff;
        mask |= part.significant() << shift & 0xffff;
    }
    let (vid, pcp) = (mask & tci::VID, mask & tci::PCP);
    let whole = |part, all| part == 0 || part == all;
    if value & mask & tci::PRESENT != 0
        && whole(vid, tci::VID)
        && whole(pcp, tci::PCP)
        && vid | pcp != 0
    {
        if vid != 0 {
            push(out, format_args!("dl_vlan={},", value & tci::VID));
        }
        if pcp != 0 {
            push(out, format_args!("dl_vlan_pcp={},", value >> 13));
        }
    } else if mask == 0xffff {
        push(out, format_args!("vlan_tci=0x{value:04x},"));
    } else if mask != 0 {
        push(out, format_args!("vlan_tci=0x{value:04x}/0x{mask:04x},"));
    }
}

/// Options of a tunnel, in the order of their fields.
fn options(out: &mut String, matches: &Match, names: &Names) {
    for row in ROWS.iter().filter(|row| row.is_variable()) {
        for entry in &matches.entries {
            match entry {
                Entry::Known(value) if value.field == row.field => {
                    print_field(out, value, matches, names);
                }
                Entry::Long(value) if value.field == row.field => {
                    out.push_str(row.name);
                    if !value.asks_nothing() {
                        out.push('=');
                        value::print_long(out, value, Place::Match);
                    }
                    out.push(',');
                }
                _ => {}
            }
        }
    }
}

fn type_of_service(out: &mut String, matches: &Match) {
    for part in matches.fields() {
        match part.field {
            Field::IpDscp => push(out, format_args!("nw_tos={},", part.value << 2)),
            Field::IpTos => push(out, format_args!("nw_tos={},", part.value)),
            _ => {}
        }
    }
}

/// Reads the items of a match. Its entries come in the order of the table of fields.
pub(super) fn parse<'a>(items: &[Item<'a>], names: &Names) -> Read<'a, Match> {
    let mut matches = Match::any();
    let mut fields = Vec::new();
    for item in items {
        let abbreviation = PROTOCOLS.iter().find(|row| row.0 == item.key);
        match abbreviation {
            Some((_, ethertype, protocol)) => {
                item.alone("no value")?;
                matches.set(FieldValue::exact(Field::EthType, *ethertype));
                if let Some(protocol) = protocol {
                    matches.set(FieldValue::exact(Field::IpProto, *protocol));
                }
            }
            None if item.key == "eth" => item.alone("no value")?,
            None => fields.push(item),
        }
    }
    // Names that fields share are told apart by the Ethernet type, then by the IP protocol.
    let turn = |field: Field| match field {
        Field::EthType | Field::PacketType => 0,
        Field::IpProto => 1,
        _ => 2,
    };
    for now in 0..3 {
        for item in &fields {
            let field = match item.key {
                "oxm" | "dl_vlan" => Field::VlanVid,
                key => resolve(key, &matches)?,
            };
            if turn(field) == now {
                parse_field(&mut matches, field, item, names)?;
            }
        }
    }
    matches.sort();
    Ok(matches)
}

/// The field that a name means in a match.
fn resolve<'a>(key: &'a str, matches: &Match) -> Read<'a, Field> {
    let mut candidates = Field::called(key);
    let first = candidates.next();
    first
        .into_iter()
        .chain(candidates)
        .find(|field| matches.satisfies(field.row().prerequisite))
        .or(first)
        .ok_or_else(|| Wrong::new(key, "the name of a field or protocol"))
}

fn parse_field<'a>(
    matches: &mut Match,
    field: Field,
    item: &Item<'a>,
    names: &Names,
) -> Read<'a, ()> {
    if field.row().is_variable() {
        let value = if item.separator.is_none() {
            LongValue {
                field,
                value: Bytes::new(),
                mask: Some(Bytes::new()),
            }
        } else {
            value::parse_long(field, item.plain("the value of the field, after '='")?)?
        };
        let entries = matches.entries.to_mut();
        entries.retain(|entry| entry.field() != Some(field));
        entries.push(Entry::Long(Box::new(value)));
        return Ok(());
    }
    let text = item.plain("the value of the field, after '='")?;
    match (field, item.key) {
        (_, "oxm") => {
            let bytes = super::hex_as_bytes(text)?;
            let entry = Entry::Unknown(Bytes::from(bytes));
            matches.entries.to_mut().push(entry);
        }
        (_, "dl_vlan") => {
            let vid = scan::u16(text)?;
            // All ones is how OpenFlow 1.0 says that there is no tag.
            let value = match u128::from(vid) {
                0xffff => 0,
                vid if vid <= tci::VID => vid | tci::PRESENT,
                _ => {
                    return Err(Wrong::new(
                        text,
                        "a VLAN id of at most 0xfff, or 0xffff for none",
                    ));
                }
            };
            matches.set(FieldValue::exact(Field::VlanVid, value));
        }
        (Field::VlanTci, _) => parse_tci(matches, &value::parse(field, text, names)?),
        (Field::VlanPcp, _) => {
            matches.set(value::parse(field, text, names)?);
            if matches.get(Field::VlanVid).is_none() {
                matches.set(FieldValue::masked(
                    Field::VlanVid,
                    tci::PRESENT,
                    tci::PRESENT,
                ));
            }
        }
        (Field::IpTos, _) => {
            let tos = scan::u8(text)?;
            if tos & 3 != 0 {
                return Err(Wrong::new(
                    text,
                    format!("a multiple of 4, not {}", hex(tos.into())),
                ));
            }
            matches.set(FieldValue::exact(Field::IpDscp, tos >> 2));
        }
        _ => {
            let value = value::parse(field, text, names)?;
            if value.mask() != Some(0) {
                matches.set(value);
            }
        }
    }
    Ok(())
}

/// Says a whole tag in the fields of OpenFlow 1.2 and later, where they can say it.
fn parse_tci(matches: &mut Match, tag: &FieldValue) {
    let (value, mask) = (tag.value, tag.significant());
    let vid = tci::VID | tci::PRESENT;
    if mask == 0 {
    } else if mask & tci::PCP == 0 {
        matches.set(FieldValue::masked(Field::VlanVid, value, mask));
    } else if mask & tci::PCP == tci::PCP && value & tci::PRESENT != 0 {
        matches.set(FieldValue::masked(Field::VlanVid, value & vid, mask & vid));
        matches.set(FieldValue::exact(Field::VlanPcp, value >> 13));
    } else if value == 0 && tag.is_exact() {
        matches.set(FieldValue::exact(Field::VlanVid, 0_u16));
    } else {
        matches.set(*tag);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_has_its_place_in_a_printed_match() {
        for row in crate::field::ROWS {
            let elsewhere = match row.field {
                Field::VlanTci | Field::VlanPcp | Field::IpTos => true,
                field if row.is_variable() => field != Field::TunMetadata0,
                field => (Field::Reg1..=Field::Xxreg3).contains(&field),
            };
            let places = ORDER.iter().filter(|field| **field == row.field).count();
            assert_eq!(places, usize::from(!elsewhere), "{}", row.name);
        }
    }
}
