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
    /// Hexadecimal with `0x`, in matches with four digits or more.
    Hexadecimal4,
    /// Hexadecimal with `0x`, in matches with five digits or more.
    Hexadecimal5,
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
    /// Its name as actions write it: `NXM_NX_REG0`.
    pub name: &'static str,
    /// The first version in which Open vSwitch accepts it.
    pub since: Version,
}

impl Code {
    /// `oxm_length`: what follows the header, with a mask or without.
    #[must_use]
    pub fn length(&self, masked: bool) -> u8 {
        let experimenter = if self.class == EXPERIMENTER { 4 } else { 0 };
        experimenter + (self.bytes << u8::from(masked))
    }
}

/// A row of the table.
#[derive(Debug)]
pub struct Row {
    /// The field.
    pub field: Field,
    /// Its name in `ovs-ofctl`, as `set_field` writes it.
    pub name: &'static str,
    /// Its name in printed matches, where fields that exclude each other share names.
    pub in_match: &'static str,
    /// Other names that are read; fields that exclude each other share them.
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
/// `OFPXMC_EXPERIMENTER`. In the table it is always that of the ONF ([`ONF`]).
pub const EXPERIMENTER: u16 = 0xffff;
/// The experimenter id of the ONF, which brought fields of 1.5 to 1.3 and 1.4 (extension EXT-109
/// and EXT-233).
pub const ONF: u32 = 0x4f4e_4600;

macro_rules! code {
    (oxm $number:literal $bytes:literal $since:ident $name:literal) => {
        Code {
            class: BASIC,
            number: $number,
            bytes: $bytes,
            name: $name,
            since: Version::$since,
        }
    };
    (of $number:literal $bytes:literal $name:literal) => {
        Code {
            class: NXM_0,
            number: $number,
            bytes: $bytes,
            name: $name,
            since: Version::V1_0,
        }
    };
    (onf $number:literal $bytes:literal $since:ident $name:literal) => {
        Code {
            class: EXPERIMENTER,
            number: $number,
            bytes: $bytes,
            name: $name,
            since: Version::$since,
        }
    };
    (nx $number:literal $bytes:literal $name:literal) => {
        Code {
            class: NXM_1,
            number: $number,
            bytes: $bytes,
            name: $name,
            since: Version::V1_0,
        }
    };
    (reg $number:literal $bytes:literal $name:literal) => {
        Code {
            class: PACKET_REGS,
            number: $number,
            bytes: $bytes,
            name: $name,
            since: Version::V1_3,
        }
    };
    (eric $number:literal $bytes:literal $name:literal) => {
        Code {
            class: ERICSSON,
            number: $number,
            bytes: $bytes,
            name: $name,
            since: Version::V1_3,
        }
    };
}

macro_rules! fields {
    ($($field:ident $name:literal $(as $in_match:literal)? $(| $alias:literal)* $bits:literal $format:ident $mask:ident $need:ident
        [$($class:ident $number:literal $bytes:literal $($since:ident)? $code_name:literal),+] $doc:literal;)*) => {
        /// A match field. The order is that of canonical matches: what a field needs comes before it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum Field { $(#[doc = $doc] $field,)* }

        /// The table, in the order of [`Field`].
        pub static ROWS: &[Row] = &[$(Row {
            field: Field::$field,
            name: $name,
            in_match: in_match!($name $($in_match)?),
            aliases: &[$($alias),*],
            bits: $bits,
            format: Format::$format,
            maskable: mask!($mask),
            prerequisite: Prerequisite::$need,
            codes: &[$(code!($class $number $bytes $($since)? $code_name)),+],
            doc: $doc,
        },)*];
    };
}

macro_rules! in_match {
    ($name:literal) => {
        $name
    };
    ($name:literal $in_match:literal) => {
        $in_match
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
    PacketType "packet_type" 32 PacketType exact None [oxm 44 4 V1_5 "OXM_OF_PACKET_TYPE"] "What kind of packet it is.";
    ConjId "conj_id" 32 Decimal exact None [nx 37 4 "NXM_NX_CONJ_ID"] "The id of the conjunction that matched.";
    DpHash "dp_hash" 32 Hexadecimal mask None [nx 35 4 "NXM_NX_DP_HASH"] "A hash that the datapath computed.";
    RecircId "recirc_id" 32 Hexadecimal exact None [nx 36 4 "NXM_NX_RECIRC_ID"] "Recirculation id; internal to Open vSwitch.";
    TunnelId "tun_id" | "tunnel_id" 64 Hexadecimal mask None [oxm 38 8 V1_3 "OXM_OF_TUNNEL_ID", nx 16 8 "NXM_NX_TUN_ID"] "The tunnel's key or VNI.";
    TunSrc "tun_src" 32 Ipv4 mask None [nx 31 4 "NXM_NX_TUN_IPV4_SRC"] "Outer IPv4 source.";
    TunDst "tun_dst" 32 Ipv4 mask None [nx 32 4 "NXM_NX_TUN_IPV4_DST"] "Outer IPv4 destination.";
    TunIpv6Src "tun_ipv6_src" 128 Ipv6 mask None [nx 109 16 "NXM_NX_TUN_IPV6_SRC"] "Outer IPv6 source.";
    TunIpv6Dst "tun_ipv6_dst" 128 Ipv6 mask None [nx 110 16 "NXM_NX_TUN_IPV6_DST"] "Outer IPv6 destination.";
    TunFlags "tun_flags" 1 TunnelFlags mask None [nx 104 2 "NXM_NX_TUN_FLAGS"] "Flags of the tunnel header.";
    TunGbpId "tun_gbp_id" 16 Decimal mask None [nx 38 2 "NXM_NX_TUN_GBP_ID"] "VXLAN group policy id.";
    TunGbpFlags "tun_gbp_flags" 8 Hexadecimal mask None [nx 39 1 "NXM_NX_TUN_GBP_FLAGS"] "VXLAN group policy flags.";
    InPort "in_port_oxm" as "in_port" 32 Port exact None [oxm 0 4 V1_2 "OXM_OF_IN_PORT", of 0 2 "NXM_OF_IN_PORT"] "The port that the packet came in by.";
    InPhyPort "in_phy_port" 32 Port exact None [oxm 1 4 V1_2 "OXM_OF_IN_PHY_PORT"] "The physical port below the port that it came in by.";
    ActsetOutput "actset_output" 32 Port exact None [oxm 43 4 V1_5 "OXM_OF_ACTSET_OUTPUT", onf 43 4 V1_3 "ONFOXM_ET_ACTSET_OUTPUT"] "The output port in the action set.";
    PktMark "pkt_mark" 32 Hexadecimal mask None [nx 33 4 "NXM_NX_PKT_MARK"] "The packet's mark in the host.";
    CtState "ct_state" 32 CtState mask None [nx 105 4 "NXM_NX_CT_STATE"] "What connection tracking says.";
    CtZone "ct_zone" 16 Decimal exact None [nx 106 2 "NXM_NX_CT_ZONE"] "The zone of connection tracking.";
    CtMark "ct_mark" 32 Hexadecimal mask None [nx 107 4 "NXM_NX_CT_MARK"] "The connection's mark.";
    CtLabel "ct_label" 128 Hexadecimal mask None [nx 108 16 "NXM_NX_CT_LABEL"] "The connection's label.";
    Metadata "metadata" 64 Hexadecimal mask None [oxm 2 8 V1_2 "OXM_OF_METADATA"] "Carried from table to table.";
    Reg0 "reg0" 32 Hexadecimal mask None [nx 0 4 "NXM_NX_REG0"] "Register 0.";
    Reg1 "reg1" 32 Hexadecimal mask None [nx 1 4 "NXM_NX_REG1"] "Register 1.";
    Reg2 "reg2" 32 Hexadecimal mask None [nx 2 4 "NXM_NX_REG2"] "Register 2.";
    Reg3 "reg3" 32 Hexadecimal mask None [nx 3 4 "NXM_NX_REG3"] "Register 3.";
    Reg4 "reg4" 32 Hexadecimal mask None [nx 4 4 "NXM_NX_REG4"] "Register 4.";
    Reg5 "reg5" 32 Hexadecimal mask None [nx 5 4 "NXM_NX_REG5"] "Register 5.";
    Reg6 "reg6" 32 Hexadecimal mask None [nx 6 4 "NXM_NX_REG6"] "Register 6.";
    Reg7 "reg7" 32 Hexadecimal mask None [nx 7 4 "NXM_NX_REG7"] "Register 7.";
    Reg8 "reg8" 32 Hexadecimal mask None [nx 8 4 "NXM_NX_REG8"] "Register 8.";
    Reg9 "reg9" 32 Hexadecimal mask None [nx 9 4 "NXM_NX_REG9"] "Register 9.";
    Reg10 "reg10" 32 Hexadecimal mask None [nx 10 4 "NXM_NX_REG10"] "Register 10.";
    Reg11 "reg11" 32 Hexadecimal mask None [nx 11 4 "NXM_NX_REG11"] "Register 11.";
    Reg12 "reg12" 32 Hexadecimal mask None [nx 12 4 "NXM_NX_REG12"] "Register 12.";
    Reg13 "reg13" 32 Hexadecimal mask None [nx 13 4 "NXM_NX_REG13"] "Register 13.";
    Reg14 "reg14" 32 Hexadecimal mask None [nx 14 4 "NXM_NX_REG14"] "Register 14.";
    Reg15 "reg15" 32 Hexadecimal mask None [nx 15 4 "NXM_NX_REG15"] "Register 15.";
    Xreg0 "xreg0" 64 Hexadecimal mask None [reg 0 8 "OXM_OF_PKT_REG0"] "Registers 0 and 1.";
    Xreg1 "xreg1" 64 Hexadecimal mask None [reg 1 8 "OXM_OF_PKT_REG1"] "Registers 2 and 3.";
    Xreg2 "xreg2" 64 Hexadecimal mask None [reg 2 8 "OXM_OF_PKT_REG2"] "Registers 4 and 5.";
    Xreg3 "xreg3" 64 Hexadecimal mask None [reg 3 8 "OXM_OF_PKT_REG3"] "Registers 6 and 7.";
    Xreg4 "xreg4" 64 Hexadecimal mask None [reg 4 8 "OXM_OF_PKT_REG4"] "Registers 8 and 9.";
    Xreg5 "xreg5" 64 Hexadecimal mask None [reg 5 8 "OXM_OF_PKT_REG5"] "Registers 10 and 11.";
    Xreg6 "xreg6" 64 Hexadecimal mask None [reg 6 8 "OXM_OF_PKT_REG6"] "Registers 12 and 13.";
    Xreg7 "xreg7" 64 Hexadecimal mask None [reg 7 8 "OXM_OF_PKT_REG7"] "Registers 14 and 15.";
    Xxreg0 "xxreg0" 128 Hexadecimal mask None [nx 111 16 "NXM_NX_XXREG0"] "Registers 0 to 3.";
    Xxreg1 "xxreg1" 128 Hexadecimal mask None [nx 112 16 "NXM_NX_XXREG1"] "Registers 4 to 7.";
    Xxreg2 "xxreg2" 128 Hexadecimal mask None [nx 113 16 "NXM_NX_XXREG2"] "Registers 8 to 11.";
    Xxreg3 "xxreg3" 128 Hexadecimal mask None [nx 114 16 "NXM_NX_XXREG3"] "Registers 12 to 15.";
    // Ethernet.
    EthSrc "eth_src" as "dl_src" 48 Ethernet mask None [oxm 4 6 V1_2 "OXM_OF_ETH_SRC", of 2 6 "NXM_OF_ETH_SRC"] "Ethernet source.";
    EthDst "eth_dst" as "dl_dst" 48 Ethernet mask None [oxm 3 6 V1_2 "OXM_OF_ETH_DST", of 1 6 "NXM_OF_ETH_DST"] "Ethernet destination.";
    EthType "eth_type" as "dl_type" 16 Hexadecimal4 exact None [oxm 5 2 V1_2 "OXM_OF_ETH_TYPE", of 3 2 "NXM_OF_ETH_TYPE"] "Ethernet type.";
    VlanTci "vlan_tci" 16 Hexadecimal4 mask None [of 4 2 "NXM_OF_VLAN_TCI"] "VLAN tag: priority, presence, id.";
    VlanVid "vlan_vid" 12 Decimal mask None [oxm 6 2 V1_2 "OXM_OF_VLAN_VID"] "VLAN id; bit 12 says that there is a tag.";
    VlanPcp "vlan_pcp" as "dl_vlan_pcp" 3 Decimal exact Vlan [oxm 7 1 V1_2 "OXM_OF_VLAN_PCP"] "VLAN priority.";
    MplsLabel "mpls_label" 20 Decimal exact Mpls [oxm 34 4 V1_2 "OXM_OF_MPLS_LABEL"] "Label of the outermost MPLS header.";
    MplsTc "mpls_tc" 3 Decimal exact Mpls [oxm 35 1 V1_2 "OXM_OF_MPLS_TC"] "Traffic class of the outermost MPLS header.";
    MplsBos "mpls_bos" 1 Decimal exact Mpls [oxm 36 1 V1_3 "OXM_OF_MPLS_BOS"] "Whether the outermost MPLS header is the last.";
    MplsTtl "mpls_ttl" 8 Decimal exact Mpls [nx 30 1 "NXM_NX_MPLS_TTL"] "TTL of the outermost MPLS header.";
    // Network layer.
    Ipv4Src "ip_src" as "nw_src" 32 Ipv4 mask Ipv4 [oxm 11 4 V1_2 "OXM_OF_IPV4_SRC", of 7 4 "NXM_OF_IP_SRC"] "IPv4 source.";
    Ipv4Dst "ip_dst" as "nw_dst" 32 Ipv4 mask Ipv4 [oxm 12 4 V1_2 "OXM_OF_IPV4_DST", of 8 4 "NXM_OF_IP_DST"] "IPv4 destination.";
    Ipv6Src "ipv6_src" 128 Ipv6 mask Ipv6 [oxm 26 16 V1_2 "OXM_OF_IPV6_SRC", nx 19 16 "NXM_NX_IPV6_SRC"] "IPv6 source.";
    Ipv6Dst "ipv6_dst" 128 Ipv6 mask Ipv6 [oxm 27 16 V1_2 "OXM_OF_IPV6_DST", nx 20 16 "NXM_NX_IPV6_DST"] "IPv6 destination.";
    Ipv6Label "ipv6_label" 20 Hexadecimal5 mask Ipv6 [oxm 28 4 V1_2 "OXM_OF_IPV6_FLABEL", nx 27 4 "NXM_NX_IPV6_LABEL"] "IPv6 flow label.";
    IpProto "nw_proto" | "ip_proto" 8 Decimal exact Ip [oxm 10 1 V1_2 "OXM_OF_IP_PROTO", of 6 1 "NXM_OF_IP_PROTO"] "IP protocol.";
    IpTtl "nw_ttl" 8 Decimal exact Ip [nx 29 1 "NXM_NX_IP_TTL"] "Time to live, or hop limit.";
    IpFrag "ip_frag" as "nw_frag" 2 Fragment mask Ip [nx 26 1 "NXM_NX_IP_FRAG"] "Whether it is a fragment.";
    IpDscp "ip_dscp" 6 Decimal exact Ip [oxm 8 1 V1_2 "OXM_OF_IP_DSCP"] "Differentiated services code point.";
    IpTos "nw_tos" 8 Decimal exact Ip [of 5 1 "NXM_OF_IP_TOS"] "Type of service without the ECN bits.";
    IpEcn "nw_ecn" | "ip_ecn" 2 Decimal exact Ip [oxm 9 1 V1_2 "OXM_OF_IP_ECN", nx 28 1 "NXM_NX_IP_ECN"] "Explicit congestion notification.";
    ArpOp "arp_op" | "nw_proto" 16 Decimal exact Arp [oxm 21 2 V1_2 "OXM_OF_ARP_OP", of 15 2 "NXM_OF_ARP_OP"] "ARP operation.";
    ArpSpa "arp_spa" | "nw_src" 32 Ipv4 mask Arp [oxm 22 4 V1_2 "OXM_OF_ARP_SPA", of 16 4 "NXM_OF_ARP_SPA"] "ARP sender's IPv4 address.";
    ArpTpa "arp_tpa" | "nw_dst" 32 Ipv4 mask Arp [oxm 23 4 V1_2 "OXM_OF_ARP_TPA", of 17 4 "NXM_OF_ARP_TPA"] "ARP target's IPv4 address.";
    ArpSha "arp_sha" 48 Ethernet mask Arp [oxm 24 6 V1_2 "OXM_OF_ARP_SHA", nx 17 6 "NXM_NX_ARP_SHA"] "ARP sender's Ethernet address.";
    ArpTha "arp_tha" 48 Ethernet mask Arp [oxm 25 6 V1_2 "OXM_OF_ARP_THA", nx 18 6 "NXM_NX_ARP_THA"] "ARP target's Ethernet address.";
    // Transport layer.
    TcpSrc "tcp_src" as "tp_src" 16 Decimal mask Tcp [oxm 13 2 V1_2 "OXM_OF_TCP_SRC", of 9 2 "NXM_OF_TCP_SRC"] "TCP source port.";
    TcpDst "tcp_dst" as "tp_dst" 16 Decimal mask Tcp [oxm 14 2 V1_2 "OXM_OF_TCP_DST", of 10 2 "NXM_OF_TCP_DST"] "TCP destination port.";
    TcpFlags "tcp_flags" 12 TcpFlags mask Tcp [oxm 42 2 V1_5 "OXM_OF_TCP_FLAGS", nx 34 2 "NXM_NX_TCP_FLAGS", onf 42 2 V1_3 "ONFOXM_ET_TCP_FLAGS"] "TCP flags.";
    UdpSrc "udp_src" as "tp_src" 16 Decimal mask Udp [oxm 15 2 V1_2 "OXM_OF_UDP_SRC", of 11 2 "NXM_OF_UDP_SRC"] "UDP source port.";
    UdpDst "udp_dst" as "tp_dst" 16 Decimal mask Udp [oxm 16 2 V1_2 "OXM_OF_UDP_DST", of 12 2 "NXM_OF_UDP_DST"] "UDP destination port.";
    SctpSrc "sctp_src" as "tp_src" 16 Decimal mask Sctp [oxm 17 2 V1_2 "OXM_OF_SCTP_SRC"] "SCTP source port.";
    SctpDst "sctp_dst" as "tp_dst" 16 Decimal mask Sctp [oxm 18 2 V1_2 "OXM_OF_SCTP_DST"] "SCTP destination port.";
    Icmpv4Type "icmp_type" 8 Decimal exact Icmpv4 [oxm 19 1 V1_2 "OXM_OF_ICMPV4_TYPE", of 13 1 "NXM_OF_ICMP_TYPE"] "ICMP type.";
    Icmpv4Code "icmp_code" 8 Decimal exact Icmpv4 [oxm 20 1 V1_2 "OXM_OF_ICMPV4_CODE", of 14 1 "NXM_OF_ICMP_CODE"] "ICMP code.";
    Icmpv6Type "icmpv6_type" as "icmp_type" 8 Decimal exact Icmpv6 [oxm 29 1 V1_2 "OXM_OF_ICMPV6_TYPE", nx 21 1 "NXM_NX_ICMPV6_TYPE"] "ICMPv6 type.";
    Icmpv6Code "icmpv6_code" as "icmp_code" 8 Decimal exact Icmpv6 [oxm 30 1 V1_2 "OXM_OF_ICMPV6_CODE", nx 22 1 "NXM_NX_ICMPV6_CODE"] "ICMPv6 code.";
    NdTarget "nd_target" 128 Ipv6 mask NeighbourDiscovery [oxm 31 16 V1_2 "OXM_OF_IPV6_ND_TARGET", nx 23 16 "NXM_NX_ND_TARGET"] "Target of neighbour discovery.";
    NdSll "nd_sll" 48 Ethernet mask NeighbourSolicitation [oxm 32 6 V1_2 "OXM_OF_IPV6_ND_SLL", nx 24 6 "NXM_NX_ND_SLL"] "Source link-layer address option.";
    NdTll "nd_tll" 48 Ethernet mask NeighbourAdvertisement [oxm 33 6 V1_2 "OXM_OF_IPV6_ND_TLL", nx 25 6 "NXM_NX_ND_TLL"] "Target link-layer address option.";
    NdReserved "nd_reserved" 32 Decimal exact NeighbourDiscovery [eric 1 4 "ERICOXM_OF_ICMPV6_ND_RESERVED"] "The flags and reserved bits of neighbour discovery.";
    NdOptionsType "nd_options_type" 8 Decimal exact NeighbourDiscovery [eric 2 1 "ERICOXM_OF_ICMPV6_ND_OPTIONS_TYPE"] "Type of the neighbour discovery option.";
    // A connection's original direction.
    CtNwProto "ct_nw_proto" 8 Decimal exact CtIp [nx 119 1 "NXM_NX_CT_NW_PROTO"] "The connection's protocol.";
    CtNwSrc "ct_nw_src" 32 Ipv4 mask CtIpv4 [nx 120 4 "NXM_NX_CT_NW_SRC"] "IPv4 source of the connection's first packet.";
    CtNwDst "ct_nw_dst" 32 Ipv4 mask CtIpv4 [nx 121 4 "NXM_NX_CT_NW_DST"] "IPv4 destination of the connection's first packet.";
    CtIpv6Src "ct_ipv6_src" 128 Ipv6 mask CtIpv6 [nx 122 16 "NXM_NX_CT_IPV6_SRC"] "IPv6 source of the connection's first packet.";
    CtIpv6Dst "ct_ipv6_dst" 128 Ipv6 mask CtIpv6 [nx 123 16 "NXM_NX_CT_IPV6_DST"] "IPv6 destination of the connection's first packet.";
    CtTpSrc "ct_tp_src" 16 Decimal mask CtIp [nx 124 2 "NXM_NX_CT_TP_SRC"] "Source port of the connection's first packet.";
    CtTpDst "ct_tp_dst" 16 Decimal mask CtIp [nx 125 2 "NXM_NX_CT_TP_DST"] "Destination port of the connection's first packet.";
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

    /// The field of that name; else the first that is also called so.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        ROWS.iter()
            .find(|row| row.name == name)
            .map(|row| row.field)
            .or_else(|| Self::also_called(name).next())
    }

    /// The fields that have `name` in matches or as an alias.
    pub fn also_called(name: &str) -> impl Iterator<Item = Self> {
        ROWS.iter()
            .filter(move |row| row.in_match == name || row.aliases.contains(&name))
            .map(|row| row.field)
    }

    /// The field that has a code point of that name: `NXM_NX_REG0`, `OXM_OF_ETH_SRC`.
    #[must_use]
    pub fn from_code_name(name: &str) -> Option<(Self, &'static Code)> {
        ROWS.iter().find_map(|row| {
            let code = row.codes.iter().find(|code| code.name == name)?;
            Some((row.field, code))
        })
    }

    /// The name that actions write for bits of the field: that of Nicira's code point, if it has one.
    #[must_use]
    pub fn code_name(self) -> &'static str {
        let codes = self.row().codes;
        let wide = codes.iter().map(|code| code.bytes).max();
        codes
            .iter()
            .rev()
            .find(|code| Some(code.bytes) == wide && code.class != EXPERIMENTER)
            .map_or(self.row().name, |code| code.name)
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
            EXPERIMENTER => INDEX[5][usize::from(number & 0x7f)],
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
static INDEX: [[Option<u8>; 128]; 6] = index();

const fn index() -> [[Option<u8>; 128]; 6] {
    let mut table = [[None; 128]; 6];
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
                ERICSSON => 4,
                _ => 5,
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
            assert!(names.insert(row.name), "{} stands twice", row.name);
            for code in row.codes {
                assert!(names.insert(code.name), "{} stands twice", code.name);
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
