//! Where each field stands: in which header of the frame, in which bytes, and whether it can be set.
//!
//! A row of [`PLACES`] for each way in which a field can stand; what a field needs to be there is in
//! `rust_openflow::field`, by whose names it goes. [`crate::parse`] reads by these rows, [`crate::rewrite`]
//! writes by them; neither names a field that has one. Whether it can be set is as in Open vSwitch
//! (ovs-fields(7), "Access").

use rust_openflow::field::{Field, ROWS};

/// What a field is a part of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub(crate) enum Header {
    /// Nothing in the frame: the switch knows it.
    Switch,
    /// The outer headers.
    Tunnel,
    /// The frame as such: where it came from cannot be said by an offset.
    Frame,
    /// Ethernet's addresses.
    Ethernet,
    /// The outermost VLAN tag, from its Ethernet type on (IEEE 802.1Q).
    Vlan,
    /// The service tag of provider backbone bridging, behind its Ethernet type (IEEE 802.1ah).
    Pbb,
    /// The outermost label (RFC 3032).
    Mpls,
    /// ARP and RARP (RFC 826).
    Arp,
    /// IPv4 (RFC 791).
    Ipv4,
    /// IPv6 without its extension headers (RFC 8200).
    Ipv6,
    /// TCP (RFC 9293).
    Tcp,
    /// UDP (RFC 768).
    Udp,
    /// SCTP (RFC 9260).
    Sctp,
    /// ICMP (RFC 792).
    Icmpv4,
    /// ICMPv6 (RFC 4443).
    Icmpv6,
    /// The same in neighbour discovery (RFC 4861, 4.3 and 4.4).
    Neighbour,
    /// The first option of neighbour discovery.
    FirstOption,
    /// The source's link-layer address, when no other such option comes before it.
    SourceOption,
    /// The target's link-layer address, when no other such option comes before it.
    TargetOption,
    /// The network service header (RFC 8300).
    Nsh,
}

impl Header {
    pub(crate) const COUNT: usize = Self::Nsh as usize + 1;
}

/// Whether actions can set a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// They can only read it.
    Read,
    /// They can.
    Write,
    /// Only those inside connection tracking's.
    WriteInCt,
}

/// Which checksums cover a field, and how they follow it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sums {
    /// None.
    Free,
    /// The IPv4 header's.
    Header,
    /// The IPv4 header's, if there is one, and the transport's, through its pseudo header.
    Addresses,
    /// The transport's.
    Transport,
    /// That of ICMPv6, which is computed anew.
    Discovery,
}

/// A row: how a field stands in a header.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) field: Field,
    pub(crate) access: Access,
    pub(crate) header: Header,
    /// The first byte of the header that holds bits of it.
    pub(crate) at: usize,
    /// How many bytes hold bits of it; none when it is found out otherwise.
    pub(crate) bytes: usize,
    /// How many bits stand to the right of it in these bytes.
    pub(crate) shift: u32,
    /// Its bits, shifted.
    pub(crate) mask: u128,
    /// Bits that its value has whenever the header is there.
    pub(crate) presence: u128,
    pub(crate) sums: Sums,
}

macro_rules! places {
    ($($field:ident $access:ident $header:ident
        $(at $at:literal bytes $bytes:literal shift $shift:literal mask $mask:literal $(| $presence:literal)? $sums:ident)?;)*) => {
        /// The rows, those of a header side by side.
        pub(crate) static PLACES: &[Place] = &[$(Place {
            field: Field::$field,
            access: Access::$access,
            header: Header::$header,
            at: places!(@or 0 $($at)?),
            bytes: places!(@or 0 $($bytes)?),
            shift: places!(@or 0 $($shift)?),
            mask: places!(@or 0 $($mask)?),
            presence: places!(@or 0 $($($presence)?)?),
            sums: places!(@or (Sums::Free) $((Sums::$sums))?),
        },)*];
    };
    (@or $default:tt) => { $default };
    (@or $default:tt $value:tt) => { $value };
}

places! {
    PacketType Read Switch;
    ConjId Read Switch;
    DpHash Read Switch;
    RecircId Read Switch;
    InPort Write Switch;
    InPhyPort Read Switch;
    ActsetOutput Read Switch;
    PktMark Write Switch;
    Metadata Write Switch;
    Reg0 Write Switch;
    Reg1 Write Switch;
    Reg2 Write Switch;
    Reg3 Write Switch;
    Reg4 Write Switch;
    Reg5 Write Switch;
    Reg6 Write Switch;
    Reg7 Write Switch;
    Reg8 Write Switch;
    Reg9 Write Switch;
    Reg10 Write Switch;
    Reg11 Write Switch;
    Reg12 Write Switch;
    Reg13 Write Switch;
    Reg14 Write Switch;
    Reg15 Write Switch;
    // They overlay registers (`registers`).
    Xreg0 Write Switch;
    Xreg1 Write Switch;
    Xreg2 Write Switch;
    Xreg3 Write Switch;
    Xreg4 Write Switch;
    Xreg5 Write Switch;
    Xreg6 Write Switch;
    Xreg7 Write Switch;
    Xxreg0 Write Switch;
    Xxreg1 Write Switch;
    Xxreg2 Write Switch;
    Xxreg3 Write Switch;
    // What connection tracking said.
    CtState Read Switch;
    CtZone Read Switch;
    CtMark WriteInCt Switch;
    CtLabel WriteInCt Switch;
    CtNwProto Read Switch;
    CtNwSrc Read Switch;
    CtNwDst Read Switch;
    CtIpv6Src Read Switch;
    CtIpv6Dst Read Switch;
    CtTpSrc Read Switch;
    CtTpDst Read Switch;
    TunnelId Write Tunnel;
    TunSrc Write Tunnel;
    TunDst Write Tunnel;
    TunIpv6Src Write Tunnel;
    TunIpv6Dst Write Tunnel;
    TunFlags Write Tunnel;
    TunGbpId Write Tunnel;
    TunGbpFlags Write Tunnel;
    ErspanVer Write Tunnel;
    ErspanIdx Write Tunnel;
    ErspanDir Write Tunnel;
    ErspanHwid Write Tunnel;
    GtpuFlags Read Tunnel;
    GtpuMsgtype Read Tunnel;
    // They depend on more than one header.
    EthType Read Frame;
    IpProto Read Frame;
    IpFrag Read Frame;
    Ipv6Exthdr Read Frame;
    EthDst Write Ethernet at 0 bytes 6 shift 0 mask 0xffff_ffff_ffff Free;
    EthSrc Write Ethernet at 6 bytes 6 shift 0 mask 0xffff_ffff_ffff Free;
    VlanTci Write Vlan at 2 bytes 2 shift 0 mask 0xefff | 0x1000 Free;
    VlanVid Write Vlan at 2 bytes 2 shift 0 mask 0x0fff | 0x1000 Free;
    VlanPcp Write Vlan at 2 bytes 2 shift 13 mask 7 Free;
    PbbUca Write Pbb at 0 bytes 1 shift 3 mask 1 Free;
    PbbIsid Write Pbb at 1 bytes 3 shift 0 mask 0xff_ffff Free;
    MplsLabel Write Mpls at 0 bytes 4 shift 12 mask 0xf_ffff Free;
    MplsTc Write Mpls at 0 bytes 4 shift 9 mask 7 Free;
    MplsBos Read Mpls at 0 bytes 4 shift 8 mask 1 Free;
    MplsTtl Write Mpls at 0 bytes 4 shift 0 mask 0xff Free;
    ArpOp Write Arp at 6 bytes 2 shift 0 mask 0xffff Free;
    ArpSha Write Arp at 8 bytes 6 shift 0 mask 0xffff_ffff_ffff Free;
    ArpSpa Write Arp at 14 bytes 4 shift 0 mask 0xffff_ffff Free;
    ArpTha Write Arp at 18 bytes 6 shift 0 mask 0xffff_ffff_ffff Free;
    ArpTpa Write Arp at 24 bytes 4 shift 0 mask 0xffff_ffff Free;
    IpTos Write Ipv4 at 1 bytes 1 shift 0 mask 0xfc Header;
    IpDscp Write Ipv4 at 1 bytes 1 shift 2 mask 0x3f Header;
    IpEcn Write Ipv4 at 1 bytes 1 shift 0 mask 3 Header;
    IpTtl Write Ipv4 at 8 bytes 1 shift 0 mask 0xff Header;
    Ipv4Src Write Ipv4 at 12 bytes 4 shift 0 mask 0xffff_ffff Addresses;
    Ipv4Dst Write Ipv4 at 16 bytes 4 shift 0 mask 0xffff_ffff Addresses;
    // The traffic class lies across two bytes, before the flow label.
    IpTos Write Ipv6 at 0 bytes 2 shift 4 mask 0xfc Free;
    IpDscp Write Ipv6 at 0 bytes 2 shift 6 mask 0x3f Free;
    IpEcn Write Ipv6 at 0 bytes 2 shift 4 mask 3 Free;
    Ipv6Label Write Ipv6 at 0 bytes 4 shift 0 mask 0xf_ffff Free;
    IpTtl Write Ipv6 at 7 bytes 1 shift 0 mask 0xff Free;
    Ipv6Src Write Ipv6 at 8 bytes 16 shift 0 mask 0xffff_ffff_ffff_ffff_ffff_ffff_ffff_ffff Addresses;
    Ipv6Dst Write Ipv6 at 24 bytes 16 shift 0 mask 0xffff_ffff_ffff_ffff_ffff_ffff_ffff_ffff Addresses;
    TcpSrc Write Tcp at 0 bytes 2 shift 0 mask 0xffff Transport;
    TcpDst Write Tcp at 2 bytes 2 shift 0 mask 0xffff Transport;
    TcpFlags Read Tcp at 12 bytes 2 shift 0 mask 0xfff Transport;
    UdpSrc Write Udp at 0 bytes 2 shift 0 mask 0xffff Transport;
    UdpDst Write Udp at 2 bytes 2 shift 0 mask 0xffff Transport;
    SctpSrc Write Sctp at 0 bytes 2 shift 0 mask 0xffff Transport;
    SctpDst Write Sctp at 2 bytes 2 shift 0 mask 0xffff Transport;
    Icmpv4Type Write Icmpv4 at 0 bytes 1 shift 0 mask 0xff Transport;
    Icmpv4Code Write Icmpv4 at 1 bytes 1 shift 0 mask 0xff Transport;
    Icmpv6Type Write Icmpv6 at 0 bytes 1 shift 0 mask 0xff Transport;
    Icmpv6Code Write Icmpv6 at 1 bytes 1 shift 0 mask 0xff Transport;
    NdReserved Write Neighbour at 4 bytes 4 shift 0 mask 0xffff_ffff Discovery;
    NdTarget Write Neighbour at 8 bytes 16 shift 0 mask 0xffff_ffff_ffff_ffff_ffff_ffff_ffff_ffff Transport;
    NdOptionsType Write FirstOption at 0 bytes 1 shift 0 mask 0xff Discovery;
    NdSll Write SourceOption at 2 bytes 6 shift 0 mask 0xffff_ffff_ffff Transport;
    NdTll Write TargetOption at 2 bytes 6 shift 0 mask 0xffff_ffff_ffff Transport;
    NshFlags Write Nsh at 0 bytes 2 shift 12 mask 3 Free;
    NshTtl Write Nsh at 0 bytes 2 shift 6 mask 0x3f Free;
    NshMdtype Read Nsh at 2 bytes 1 shift 0 mask 0xff Free;
    NshNp Read Nsh at 3 bytes 1 shift 0 mask 0xff Free;
    NshSpi Write Nsh at 4 bytes 3 shift 0 mask 0xff_ffff Free;
    NshSi Write Nsh at 7 bytes 1 shift 0 mask 0xff Free;
    NshC1 Write Nsh at 8 bytes 4 shift 0 mask 0xffff_ffff Free;
    NshC2 Write Nsh at 12 bytes 4 shift 0 mask 0xffff_ffff Free;
    NshC3 Write Nsh at 16 bytes 4 shift 0 mask 0xffff_ffff Free;
    NshC4 Write Nsh at 20 bytes 4 shift 0 mask 0xffff_ffff Free;
}

/// How many rows a field has at most: one for each version of IP.
const WAYS: usize = 2;
/// Stands for no row.
const NOWHERE: u8 = u8::MAX;

const _: () = assert!(PLACES.len() < NOWHERE as usize);

/// Where the rows of each field are.
static OF_FIELD: [[u8; WAYS]; ROWS.len()] = {
    let mut index = [[NOWHERE; WAYS]; ROWS.len()];
    let mut row = 0;
    while row < PLACES.len() {
        let ways = &mut index[PLACES[row].field as usize];
        let way = if ways[0] == NOWHERE { 0 } else { 1 };
        ways[way] = row as u8;
        row += 1;
    }
    index
};

/// Where the rows of each header begin and end.
static OF_HEADER: [(u8, u8); Header::COUNT] = {
    let mut index = [(0, 0); Header::COUNT];
    let mut row = 0;
    while row < PLACES.len() {
        let range = &mut index[PLACES[row].header as usize];
        if range.1 == 0 {
            range.0 = row as u8;
        }
        range.1 = row as u8 + 1;
        row += 1;
    }
    index
};

/// The rows of a field; none for one that this switch does not have.
pub(crate) fn places(field: Field) -> impl Iterator<Item = &'static Place> {
    let rows = &OF_FIELD[field as usize];
    rows.iter().filter_map(|row| PLACES.get(usize::from(*row)))
}

/// The rows of a header.
pub(crate) fn parts(header: Header) -> &'static [Place] {
    let (first, end) = OF_HEADER[header as usize];
    &PLACES[usize::from(first)..usize::from(end)]
}

/// Whether actions can set a field; none for one that this switch does not have.
pub(crate) fn access(field: Field) -> Option<Access> {
    places(field).next().map(|place| place.access)
}

/// Whether a field is a part of the frame, and not something that the switch knows of it.
pub(crate) fn stands_in_frame(field: Field) -> bool {
    let of_switch = |place: &Place| [Header::Switch, Header::Tunnel].contains(&place.header);
    !places(field).any(of_switch)
}

/// The bits that a field can have, which are fewer than its own for some (`mf_is_value_valid` in `lib/meta-flow.c`
/// of Open vSwitch).
pub(crate) fn possible(field: Field) -> u128 {
    let own = |place: &Place| match (field, place.bytes) {
        (Field::ArpOp, _) => 0xff,
        (Field::NshFlags, _) | (_, 0) => field.full_mask(),
        _ => place.mask | place.presence,
    };
    places(field).map(own).fold(0, |all, own| all | own)
}

/// The registers that a wider register consists of: the first, and how many.
pub(crate) fn registers(field: Field) -> Option<(Field, usize)> {
    let number = |first: Field, last: Field| {
        let within = (first as usize..=last as usize).contains(&(field as usize));
        within.then(|| field as usize - first as usize)
    };
    let (first, count) = match number(Field::Xreg0, Field::Xreg7) {
        Some(pair) => (2 * pair, 2),
        None => (4 * number(Field::Xxreg0, Field::Xxreg3)?, 4),
    };
    let first = Field::register(u8::try_from(first).ok()?)?;
    Some((first, count))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_has_its_rows_or_is_said_to_be_missing() {
        let missing: Vec<&str> = ROWS
            .iter()
            .filter(|row| places(row.field).next().is_none())
            .map(|row| row.name)
            .filter(|name| !name.starts_with("tun_metadata"))
            .collect();
        // A switch has sixteen registers; options of tunnels need a table that says what they are.
        assert_eq!(missing, ["xxreg4", "xxreg5", "xxreg6", "xxreg7"]);
    }

    #[test]
    fn rows_of_a_header_stand_side_by_side_and_within_their_bytes() {
        for place in PLACES {
            let same = parts(place.header);
            assert!(same.iter().all(|other| other.header == place.header));
            assert!(same.iter().any(|other| std::ptr::eq(other, place)));
            assert!(places(place.field).any(|other| std::ptr::eq(other, place)));
            if place.bytes > 0 {
                let bits = 128 - place.mask.leading_zeros() + place.shift;
                assert!(bits as usize <= 8 * place.bytes, "{place:?}");
                let value = place.mask | place.presence;
                assert_eq!(value & !place.field.full_mask(), 0, "{place:?}");
            }
        }
    }

    #[test]
    fn wide_registers_are_made_of_narrow_ones() {
        assert_eq!(registers(Field::Xreg7), Some((Field::Reg14, 2)));
        assert_eq!(registers(Field::Xxreg2), Some((Field::Reg8, 4)));
        assert_eq!(registers(Field::Reg0), None);
        assert_eq!(registers(Field::Metadata), None);
    }
}
