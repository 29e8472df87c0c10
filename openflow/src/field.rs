//! The table of match fields: name, size, how it is written, what it needs to be there first, and
//! its code points in each class of OXM and NXM.
//!
//! Sources: OpenFlow 1.5.1, 7.2.3 (OXM); `nicira-ext.h` of Open vSwitch (NXM); ovs-fields(7) for
//! names, formats and prerequisites. Values travel as integers of up to 128 bits; the codec of
//! whole matches is in [`crate::matches`], their text form in [`crate::text`].

use crate::Version;

/// How people write a field's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Decimal.
    Decimal,
    /// Hexadecimal with `0x`.
    Hexadecimal,
    /// `aa:bb:cc:dd:ee:ff`.
    Ethernet,
    /// Dotted quad, masks as prefix length where they are one.
    Ipv4,
    /// Colon form, masks as prefix length where they are one.
    Ipv6,
    /// A port number or reserved name.
    Port,
    /// `no`, `yes`, `first`, `later`, `not_later`.
    Fragment,
    /// `+trk-inv` ... ([`CT_STATE`]).
    CtState,
    /// `+syn-ack` ... ([`TCP_FLAGS`]).
    TcpFlags,
    /// `+oam` ... ([`TUNNEL_FLAGS`]).
    TunnelFlags,
    /// `(namespace,type)`.
    PacketType,
}

/// What must be matched for a field to be there (ovs-fields(7), "Prerequisites").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Prerequisite {
    /// Nothing.
    None,
    /// An Ethernet type of ARP or RARP.
    Arp,
    /// IPv4.
    Ipv4,
    /// IPv6.
    Ipv6,
    /// IPv4 or IPv6.
    Ip,
    /// MPLS, unicast or multicast.
    Mpls,
    /// TCP over IPv4 or IPv6.
    Tcp,
    /// UDP over IPv4 or IPv6.
    Udp,
    /// SCTP over IPv4 or IPv6.
    Sctp,
    /// ICMP.
    Icmpv4,
    /// ICMPv6.
    Icmpv6,
    /// Neighbour solicitation or advertisement.
    NeighbourDiscovery,
    /// Neighbour solicitation.
    NeighbourSolicitation,
    /// Neighbour advertisement.
    NeighbourAdvertisement,
    /// A VLAN tag.
    Vlan,
    /// A valid connection state, and IPv4.
    CtIpv4,
    /// A valid connection state, and IPv6.
    CtIpv6,
    /// A valid connection state, and IPv4 or IPv6.
    CtIp,
}

/// A code point: class, field number, bytes of value, first version that knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Code {
    /// `oxm_class`.
    pub class: u16,
    /// `oxm_field`.
    pub number: u8,
    /// Bytes of the value (a mask takes as many again).
    pub bytes: u8,
    /// The first version in which Open vSwitch accepts it.
    pub since: Version,
}

/// A row of the table.
#[derive(Debug)]
pub struct Row {
    /// The field.
    pub field: Field,
    /// Its name in `ovs-ofctl`.
    pub name: &'static str,
    /// Other names that are read.
    pub aliases: &'static [&'static str],
    /// Significant bits.
    pub bits: u8,
    /// How it is written.
    pub format: Format,
    /// Whether a mask is allowed.
    pub maskable: bool,
    /// What it needs.
    pub prerequisite: Prerequisite,
    /// Code points, preferred first.
    pub codes: &'static [Code],
    /// One sentence.
    pub doc: &'static str,
}

/// `OFPXMC_NXM_0`: the fields of OpenFlow 1.0.
pub const NXM_0: u16 = 0x0000;
/// `OFPXMC_NXM_1`: Nicira's extensions.
pub const NXM_1: u16 = 0x0001;
/// Ericsson's fields of neighbour discovery.
pub const ERICSSON: u16 = 0x1000;
/// `OFPXMC_OPENFLOW_BASIC`.
pub const BASIC: u16 = 0x8000;
/// `OFPXMC_PACKET_REGS`.
pub const PACKET_REGS: u16 = 0x8001;
/// `OFPXMC_EXPERIMENTER`.
pub const EXPERIMENTER: u16 = 0xffff;

macro_rules! code {
    (oxm $number:literal $bytes:literal $since:ident) => {
        Code {
            class: BASIC,
            number: $number,
            bytes: $bytes,
            since: Version::$since,
        }
    };
    (of $number:literal $bytes:literal) => {
        Code {
            class: NXM_0,
            number: $number,
            bytes: $bytes,
            since: Version::V1_0,
        }
    };
    (nx $number:literal $bytes:literal) => {
        Code {
            class: NXM_1,
            number: $number,
            bytes: $bytes,
            since: Version::V1_0,
        }
    };
    (reg $number:literal $bytes:literal) => {
        Code {
            class: PACKET_REGS,
            number: $number,
            bytes: $bytes,
            since: Version::V1_3,
        }
    };
    (eric $number:literal $bytes:literal) => {
        Code {
            class: ERICSSON,
            number: $number,
            bytes: $bytes,
            since: Version::V1_3,
        }
    };
}

macro_rules! fields {
    ($($field:ident $name:literal $(| $alias:literal)* $bits:literal $format:ident $mask:ident $need:ident
        [$($class:ident $number:literal $bytes:literal $($since:ident)?),+] $doc:literal;)*) => {
        /// A match field. The order is that of canonical matches: what a field needs comes before it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum Field { $(#[doc = $doc] $field,)* }

        /// The table, in the order of [`Field`].
        pub static ROWS: &[Row] = &[$(Row {
            field: Field::$field,
            name: $name,
            aliases: &[$($alias),*],
            bits: $bits,
            format: Format::$format,
            maskable: mask!($mask),
            prerequisite: Prerequisite::$need,
            codes: &[$(code!($class $number $bytes $($since)?)),+],
            doc: $doc,
        },)*];
    };
}

macro_rules! mask {
    (mask) => {
        true
    };
    (exact) => {
        false
    };
}

fields! {
    // Metadata.
    PacketType "packet_type" 32 PacketType exact None [oxm 44 4 V1_5] "What kind of packet it is.";
    ConjId "conj_id" 32 Decimal exact None [nx 37 4] "The id of the conjunction that matched.";
    DpHash "dp_hash" 32 Hexadecimal mask None [nx 35 4] "A hash that the datapath computed.";
    RecircId "recirc_id" 32 Decimal exact None [nx 36 4] "Recirculation id; internal to Open vSwitch.";
    TunnelId "tun_id" | "tunnel_id" 64 Hexadecimal mask None [oxm 38 8 V1_3, nx 16 8] "The tunnel's key or VNI.";
    TunSrc "tun_src" 32 Ipv4 mask None [nx 31 4] "Outer IPv4 source.";
    TunDst "tun_dst" 32 Ipv4 mask None [nx 32 4] "Outer IPv4 destination.";
    TunIpv6Src "tun_ipv6_src" 128 Ipv6 mask None [nx 109 16] "Outer IPv6 source.";
    TunIpv6Dst "tun_ipv6_dst" 128 Ipv6 mask None [nx 110 16] "Outer IPv6 destination.";
    TunFlags "tun_flags" 1 TunnelFlags mask None [nx 104 2] "Flags of the tunnel header.";
    TunGbpId "tun_gbp_id" 16 Decimal mask None [nx 38 2] "VXLAN group policy id.";
    TunGbpFlags "tun_gbp_flags" 8 Hexadecimal mask None [nx 39 1] "VXLAN group policy flags.";
    InPort "in_port" 32 Port exact None [oxm 0 4 V1_2, of 0 2] "The port that the packet came in by.";
    InPhyPort "in_phy_port" 32 Port exact None [oxm 1 4 V1_2] "The physical port below the port that it came in by.";
    ActsetOutput "actset_output" 32 Port exact None [oxm 43 4 V1_5] "The output port in the action set.";
    PktMark "pkt_mark" 32 Hexadecimal mask None [nx 33 4] "The packet's mark in the host.";
    CtState "ct_state" 32 CtState mask None [nx 105 4] "What connection tracking says.";
    CtZone "ct_zone" 16 Hexadecimal exact None [nx 106 2] "The zone of connection tracking.";
    CtMark "ct_mark" 32 Hexadecimal mask None [nx 107 4] "The connection's mark.";
    CtLabel "ct_label" 128 Hexadecimal mask None [nx 108 16] "The connection's label.";
    Metadata "metadata" 64 Hexadecimal mask None [oxm 2 8 V1_2] "Carried from table to table.";
    Reg0 "reg0" 32 Hexadecimal mask None [nx 0 4] "Register 0.";
    Reg1 "reg1" 32 Hexadecimal mask None [nx 1 4] "Register 1.";
    Reg2 "reg2" 32 Hexadecimal mask None [nx 2 4] "Register 2.";
    Reg3 "reg3" 32 Hexadecimal mask None [nx 3 4] "Register 3.";
    Reg4 "reg4" 32 Hexadecimal mask None [nx 4 4] "Register 4.";
    Reg5 "reg5" 32 Hexadecimal mask None [nx 5 4] "Register 5.";
    Reg6 "reg6" 32 Hexadecimal mask None [nx 6 4] "Register 6.";
    Reg7 "reg7" 32 Hexadecimal mask None [nx 7 4] "Register 7.";
    Reg8 "reg8" 32 Hexadecimal mask None [nx 8 4] "Register 8.";
    Reg9 "reg9" 32 Hexadecimal mask None [nx 9 4] "Register 9.";
    Reg10 "reg10" 32 Hexadecimal mask None [nx 10 4] "Register 10.";
    Reg11 "reg11" 32 Hexadecimal mask None [nx 11 4] "Register 11.";
    Reg12 "reg12" 32 Hexadecimal mask None [nx 12 4] "Register 12.";
    Reg13 "reg13" 32 Hexadecimal mask None [nx 13 4] "Register 13.";
    Reg14 "reg14" 32 Hexadecimal mask None [nx 14 4] "Register 14.";
    Reg15 "reg15" 32 Hexadecimal mask None [nx 15 4] "Register 15.";
    Xreg0 "xreg0" 64 Hexadecimal mask None [reg 0 8] "Registers 0 and 1.";
    Xreg1 "xreg1" 64 Hexadecimal mask None [reg 1 8] "Registers 2 and 3.";
    Xreg2 "xreg2" 64 Hexadecimal mask None [reg 2 8] "Registers 4 and 5.";
    Xreg3 "xreg3" 64 Hexadecimal mask None [reg 3 8] "Registers 6 and 7.";
    Xreg4 "xreg4" 64 Hexadecimal mask None [reg 4 8] "Registers 8 and 9.";
    Xreg5 "xreg5" 64 Hexadecimal mask None [reg 5 8] "Registers 10 and 11.";
    Xreg6 "xreg6" 64 Hexadecimal mask None [reg 6 8] "Registers 12 and 13.";
    Xreg7 "xreg7" 64 Hexadecimal mask None [reg 7 8] "Registers 14 and 15.";
    Xxreg0 "xxreg0" 128 Hexadecimal mask None [nx 111 16] "Registers 0 to 3.";
    Xxreg1 "xxreg1" 128 Hexadecimal mask None [nx 112 16] "Registers 4 to 7.";
    Xxreg2 "xxreg2" 128 Hexadecimal mask None [nx 113 16] "Registers 8 to 11.";
    Xxreg3 "xxreg3" 128 Hexadecimal mask None [nx 114 16] "Registers 12 to 15.";
    // Ethernet.
    EthSrc "dl_src" | "eth_src" 48 Ethernet mask None [oxm 4 6 V1_2, of 2 6] "Ethernet source.";
    EthDst "dl_dst" | "eth_dst" 48 Ethernet mask None [oxm 3 6 V1_2, of 1 6] "Ethernet destination.";
    EthType "dl_type" | "eth_type" 16 Hexadecimal exact None [oxm 5 2 V1_2, of 3 2] "Ethernet type.";
    VlanTci "vlan_tci" 16 Hexadecimal mask None [of 4 2] "VLAN tag: priority, presence, id.";
    VlanVid "vlan_vid" 12 Hexadecimal mask None [oxm 6 2 V1_2] "VLAN id; bit 12 says that there is a tag.";
    VlanPcp "vlan_pcp" 3 Decimal exact Vlan [oxm 7 1 V1_2] "VLAN priority.";
    MplsLabel "mpls_label" 20 Decimal exact Mpls [oxm 34 4 V1_2] "Label of the outermost MPLS header.";
    MplsTc "mpls_tc" 3 Decimal exact Mpls [oxm 35 1 V1_2] "Traffic class of the outermost MPLS header.";
    MplsBos "mpls_bos" 1 Decimal exact Mpls [oxm 36 1 V1_3] "Whether the outermost MPLS header is the last.";
    MplsTtl "mpls_ttl" 8 Decimal exact Mpls [nx 30 1] "TTL of the outermost MPLS header.";
    // Network layer.
    Ipv4Src "nw_src" | "ip_src" 32 Ipv4 mask Ipv4 [oxm 11 4 V1_2, of 7 4] "IPv4 source.";
    Ipv4Dst "nw_dst" | "ip_dst" 32 Ipv4 mask Ipv4 [oxm 12 4 V1_2, of 8 4] "IPv4 destination.";
    Ipv6Src "ipv6_src" 128 Ipv6 mask Ipv6 [oxm 26 16 V1_2, nx 19 16] "IPv6 source.";
    Ipv6Dst "ipv6_dst" 128 Ipv6 mask Ipv6 [oxm 27 16 V1_2, nx 20 16] "IPv6 destination.";
    Ipv6Label "ipv6_label" 20 Hexadecimal mask Ipv6 [oxm 28 4 V1_2, nx 27 4] "IPv6 flow label.";
    IpProto "nw_proto" | "ip_proto" 8 Decimal exact Ip [oxm 10 1 V1_2, of 6 1] "IP protocol.";
    IpTtl "nw_ttl" 8 Decimal exact Ip [nx 29 1] "Time to live, or hop limit.";
    IpFrag "ip_frag" | "nw_frag" 2 Fragment mask Ip [nx 26 1] "Whether it is a fragment.";
    IpDscp "ip_dscp" 6 Decimal exact Ip [oxm 8 1 V1_2] "Differentiated services code point.";
    IpTos "nw_tos" 8 Decimal exact Ip [of 5 1] "Type of service without the ECN bits.";
    IpEcn "nw_ecn" | "ip_ecn" 2 Decimal exact Ip [oxm 9 1 V1_2, nx 28 1] "Explicit congestion notification.";
    ArpOp "arp_op" 16 Decimal exact Arp [oxm 21 2 V1_2, of 15 2] "ARP operation.";
    ArpSpa "arp_spa" 32 Ipv4 mask Arp [oxm 22 4 V1_2, of 16 4] "ARP sender's IPv4 address.";
    ArpTpa "arp_tpa" 32 Ipv4 mask Arp [oxm 23 4 V1_2, of 17 4] "ARP target's IPv4 address.";
    ArpSha "arp_sha" 48 Ethernet mask Arp [oxm 24 6 V1_2, nx 17 6] "ARP sender's Ethernet address.";
    ArpTha "arp_tha" 48 Ethernet mask Arp [oxm 25 6 V1_2, nx 18 6] "ARP target's Ethernet address.";
    // Transport layer.
    TcpSrc "tcp_src" 16 Decimal mask Tcp [oxm 13 2 V1_2, of 9 2] "TCP source port.";
    TcpDst "tcp_dst" 16 Decimal mask Tcp [oxm 14 2 V1_2, of 10 2] "TCP destination port.";
    TcpFlags "tcp_flags" 12 TcpFlags mask Tcp [oxm 42 2 V1_5, nx 34 2] "TCP flags.";
    UdpSrc "udp_src" 16 Decimal mask Udp [oxm 15 2 V1_2, of 11 2] "UDP source port.";
    UdpDst "udp_dst" 16 Decimal mask Udp [oxm 16 2 V1_2, of 12 2] "UDP destination port.";
    SctpSrc "sctp_src" 16 Decimal mask Sctp [oxm 17 2 V1_2] "SCTP source port.";
    SctpDst "sctp_dst" 16 Decimal mask Sctp [oxm 18 2 V1_2] "SCTP destination port.";
    Icmpv4Type "icmp_type" 8 Decimal exact Icmpv4 [oxm 19 1 V1_2, of 13 1] "ICMP type.";
    Icmpv4Code "icmp_code" 8 Decimal exact Icmpv4 [oxm 20 1 V1_2, of 14 1] "ICMP code.";
    Icmpv6Type "icmpv6_type" 8 Decimal exact Icmpv6 [oxm 29 1 V1_2, nx 21 1] "ICMPv6 type.";
    Icmpv6Code "icmpv6_code" 8 Decimal exact Icmpv6 [oxm 30 1 V1_2, nx 22 1] "ICMPv6 code.";
    NdTarget "nd_target" 128 Ipv6 mask NeighbourDiscovery [oxm 31 16 V1_2, nx 23 16] "Target of neighbour discovery.";
    NdSll "nd_sll" 48 Ethernet mask NeighbourSolicitation [oxm 32 6 V1_2, nx 24 6] "Source link-layer address option.";
    NdTll "nd_tll" 48 Ethernet mask NeighbourAdvertisement [oxm 33 6 V1_2, nx 25 6] "Target link-layer address option.";
    NdReserved "nd_reserved" 32 Decimal exact NeighbourDiscovery [eric 1 4] "The flags and reserved bits of neighbour discovery.";
    NdOptionsType "nd_options_type" 8 Decimal exact NeighbourDiscovery [eric 2 1] "Type of the neighbour discovery option.";
    // A connection's original direction.
    CtNwProto "ct_nw_proto" 8 Decimal exact CtIp [nx 119 1] "The connection's protocol.";
    CtNwSrc "ct_nw_src" 32 Ipv4 mask CtIpv4 [nx 120 4] "IPv4 source of the connection's first packet.";
    CtNwDst "ct_nw_dst" 32 Ipv4 mask CtIpv4 [nx 121 4] "IPv4 destination of the connection's first packet.";
    CtIpv6Src "ct_ipv6_src" 128 Ipv6 mask CtIpv6 [nx 122 16] "IPv6 source of the connection's first packet.";
    CtIpv6Dst "ct_ipv6_dst" 128 Ipv6 mask CtIpv6 [nx 123 16] "IPv6 destination of the connection's first packet.";
    CtTpSrc "ct_tp_src" 16 Decimal mask CtIp [nx 124 2] "Source port of the connection's first packet.";
    CtTpDst "ct_tp_dst" 16 Decimal mask CtIp [nx 125 2] "Destination port of the connection's first packet.";
}

/// Rows of flag words: bit and name, lowest first.
pub type FlagRows = &'static [(u16, &'static str)];

/// The bits of `ct_state` (ovs-fields(7)).
pub const CT_STATE: FlagRows = &[
    (0x01, "new"),
    (0x02, "est"),
    (0x04, "rel"),
    (0x08, "rpl"),
    (0x10, "inv"),
    (0x20, "trk"),
    (0x40, "snat"),
    (0x80, "dnat"),
];

/// The bits of `tcp_flags` (RFC 9293, 3.1; RFC 3540).
pub const TCP_FLAGS: FlagRows = &[
    (0x001, "fin"),
    (0x002, "syn"),
    (0x004, "rst"),
    (0x008, "psh"),
    (0x010, "ack"),
    (0x020, "urg"),
    (0x040, "ece"),
    (0x080, "cwr"),
    (0x100, "ns"),
];

/// The bits of `tun_flags`.
pub const TUNNEL_FLAGS: FlagRows = &[(0x01, "oam")];

impl Field {
    /// The field's row.
    #[inline]
    #[must_use]
    pub fn row(self) -> &'static Row {
        &ROWS[self as usize]
    }

    /// The field of that name, or of one of its aliases.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        ROWS.iter()
            .find(|row| row.name == name || row.aliases.contains(&name))
            .map(|row| row.field)
    }

    /// The field at a code point.
    #[inline]
    #[must_use]
    pub fn from_code(class: u16, number: u8) -> Option<(Self, &'static Code)> {
        let index = match class {
            NXM_0 => INDEX[0][usize::from(number & 0x7f)],
            NXM_1 => INDEX[1][usize::from(number & 0x7f)],
            BASIC => INDEX[2][usize::from(number & 0x7f)],
            PACKET_REGS => INDEX[3][usize::from(number & 0x7f)],
            ERICSSON => INDEX[4][usize::from(number & 0x7f)],
            _ => None,
        };
        let row = &ROWS[usize::from(index?)];
        let code = row
            .codes
            .iter()
            .find(|code| code.class == class && code.number == number)?;
        Some((row.field, code))
    }

    /// The code point to write in a version, if the version has one.
    #[inline]
    #[must_use]
    pub fn code(self, version: Version) -> Option<&'static Code> {
        self.row().codes.iter().find(|code| code.since <= version)
    }

    /// All significant bits.
    #[inline]
    #[must_use]
    pub fn full_mask(self) -> u128 {
        // The id is written with the bit that says that there is a tag.
        if self == Self::VlanVid {
            return 0x1fff;
        }
        match self.row().bits {
            128 => u128::MAX,
            bits => (1 << bits) - 1,
        }
    }

    /// Register `number`, 0 to 15.
    #[must_use]
    pub fn register(number: u8) -> Option<Self> {
        (number < 16).then(|| ROWS[Self::Reg0 as usize + usize::from(number)].field)
    }

    /// Registers `2 * number` and `2 * number + 1` as one field, 0 to 7.
    #[must_use]
    pub fn register_pair(number: u8) -> Option<Self> {
        (number < 8).then(|| ROWS[Self::Xreg0 as usize + usize::from(number)].field)
    }
}

/// Rows by class (in the order of [`Field::from_code`]) and number.
static INDEX: [[Option<u8>; 128]; 5] = index();

const fn index() -> [[Option<u8>; 128]; 5] {
    let mut table = [[None; 128]; 5];
    let mut row = 0;
    while row < ROWS.len() {
        let codes = ROWS[row].codes;
        let mut at = 0;
        while at < codes.len() {
            let class = match codes[at].class {
                NXM_0 => 0,
                NXM_1 => 1,
                BASIC => 2,
                PACKET_REGS => 3,
                _ => 4,
            };
            table[class][codes[at].number as usize] = Some(row as u8);
            at += 1;
        }
        row += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn names_and_code_points_are_unique() {
        let mut names = HashSet::new();
        let mut codes = HashSet::new();
        for row in ROWS {
            for name in row.aliases.iter().chain([&row.name]) {
                assert!(names.insert(*name), "{name} stands twice");
            }
            for code in row.codes {
                assert!(
                    codes.insert((code.class, code.number)),
                    "{code:?} stands twice"
                );
                assert!(
                    u16::from(code.bytes) * 8 >= u16::from(row.bits) || row.field == Field::InPort
                );
                assert_eq!(
                    Field::from_code(code.class, code.number),
                    Some((row.field, code))
                );
            }
            assert!(row.doc.ends_with('.'), "{}", row.name);
        }
    }

    #[test]
    fn rows_stand_in_the_order_of_the_fields() {
        for (at, row) in ROWS.iter().enumerate() {
            assert_eq!(row.field as usize, at);
        }
    }
}
