//! The rows of the table of match fields.
//!
//! A row: the field, its name in `ovs-ofctl`, `as` its name in printed matches where that is another, other
//! names that are read, its significant bits, its format, whether it takes a mask, what it needs, its code
//! points (class, number, bytes, the first version when the class does not tell), and one sentence. What the
//! columns mean is in [`super`].

use super::{
    BASIC, Code, ERICSSON, EXPERIMENTER, Format, NICIRA, NSH, NXM_0, NXM_1, ONF, PACKET_REGS,
    Prerequisite, Row,
};
use crate::Version;

macro_rules! code {
    ($class:expr, $experimenter:expr, $kind:expr, $number:expr, $bytes:literal, $since:ident, $name:literal) => {
        Code {
            class: $class,
            experimenter: $experimenter,
            kind: $kind,
            number: $number,
            bytes: $bytes,
            name: $name,
            since: Version::$since,
        }
    };
    (oxm $number:literal $bytes:literal $since:ident $name:literal) => {
        code!(BASIC, None, None, $number, $bytes, $since, $name)
    };
    (of $number:literal $bytes:literal $name:literal) => {
        code!(NXM_0, None, None, $number, $bytes, V1_0, $name)
    };
    (nx $number:literal $bytes:literal $name:literal) => {
        code!(NXM_1, None, None, $number, $bytes, V1_0, $name)
    };
    (reg $number:literal $bytes:literal $name:literal) => {
        code!(PACKET_REGS, None, None, $number, $bytes, V1_3, $name)
    };
    (eric $number:literal $bytes:literal $name:literal) => {
        code!(ERICSSON, None, None, $number, $bytes, V1_3, $name)
    };
    (onf $number:literal $bytes:literal $since:ident $name:literal) => {
        code!(
            EXPERIMENTER,
            Some(ONF),
            None,
            $number,
            $bytes,
            $since,
            $name
        )
    };
    // Extension EXT-256 has a type of 16 bits behind the experimenter, and no number.
    (onfold $kind:literal $bytes:literal $since:ident $name:literal) => {
        code!(
            EXPERIMENTER,
            Some(ONF),
            Some($kind),
            0,
            $bytes,
            $since,
            $name
        )
    };
    (nxet $number:literal $bytes:literal $name:literal) => {
        code!(
            EXPERIMENTER,
            Some(NICIRA),
            None,
            $number,
            $bytes,
            V1_0,
            $name
        )
    };
    (nsh $number:literal $bytes:literal $name:literal) => {
        code!(EXPERIMENTER, Some(NSH), None, $number, $bytes, V1_0, $name)
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
            spec_name: {
                const NAME: &str = without_class([$($code_name),+][0]);
                const LOWER: [u8; NAME.len()] = lower(NAME);
                text(&LOWER)
            },
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

/// The name of a code point without the class, which is two words, or the one of `NXOXM_NSH_FLAGS`.
const fn without_class(name: &str) -> &str {
    let bytes = name.as_bytes();
    let mut words = match bytes {
        [b'N', b'X', b'O', b'X', b'M', b'_', b'N', ..] => 1,
        _ => 2,
    };
    let mut at = 0;
    while words > 0 {
        if bytes[at] == b'_' {
            words -= 1;
        }
        at += 1;
    }
    name.split_at(at).1
}

/// A name of `N` bytes in lower case.
const fn lower<const N: usize>(name: &str) -> [u8; N] {
    let mut bytes = [0; N];
    bytes.copy_from_slice(name.as_bytes());
    bytes.make_ascii_lowercase();
    bytes
}

const fn text(bytes: &'static [u8]) -> &'static str {
    match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(_) => panic!("names are ASCII"),
    }
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
    DpHash "dp_hash" 32 Hexadecimal mask None [nx 35 4 "NXM_NX_DP_HASH", nxet 0 4 "NXOXM_ET_DP_HASH"] "A hash that the datapath computed.";
    RecircId "recirc_id" 32 Hexadecimal exact None [nx 36 4 "NXM_NX_RECIRC_ID"] "Recirculation id; internal to Open vSwitch.";
    TunnelId "tun_id" | "tunnel_id" 64 Hexadecimal mask None [oxm 38 8 V1_3 "OXM_OF_TUNNEL_ID", nx 16 8 "NXM_NX_TUN_ID"] "The tunnel's key or VNI.";
    TunSrc "tun_src" 32 Ipv4 mask None [nx 31 4 "NXM_NX_TUN_IPV4_SRC"] "Outer IPv4 source.";
    TunDst "tun_dst" 32 Ipv4 mask None [nx 32 4 "NXM_NX_TUN_IPV4_DST"] "Outer IPv4 destination.";
    TunIpv6Src "tun_ipv6_src" 128 Ipv6 mask None [nx 109 16 "NXM_NX_TUN_IPV6_SRC"] "Outer IPv6 source.";
    TunIpv6Dst "tun_ipv6_dst" 128 Ipv6 mask None [nx 110 16 "NXM_NX_TUN_IPV6_DST"] "Outer IPv6 destination.";
    TunFlags "tun_flags" 1 TunnelFlags mask None [nx 104 2 "NXM_NX_TUN_FLAGS"] "Flags of the tunnel header.";
    TunGbpId "tun_gbp_id" 16 Decimal mask None [nx 38 2 "NXM_NX_TUN_GBP_ID"] "VXLAN group policy id.";
    TunGbpFlags "tun_gbp_flags" 8 Hexadecimal mask None [nx 39 1 "NXM_NX_TUN_GBP_FLAGS"] "VXLAN group policy flags.";
    ErspanVer "tun_erspan_ver" 4 DecimalAlone mask None [nxet 12 1 "NXOXM_ET_ERSPAN_VER"] "ERSPAN version, 1 or 2.";
    ErspanIdx "tun_erspan_idx" 20 HexadecimalAlone mask None [nxet 11 4 "NXOXM_ET_ERSPAN_IDX"] "ERSPAN index, in version 1.";
    ErspanDir "tun_erspan_dir" 1 DecimalAlone mask None [nxet 13 1 "NXOXM_ET_ERSPAN_DIR"] "ERSPAN direction, in version 2.";
    ErspanHwid "tun_erspan_hwid" 6 HexadecimalAlone mask None [nxet 14 1 "NXOXM_ET_ERSPAN_HWID"] "ERSPAN hardware id, in version 2.";
    GtpuFlags "tun_gtpu_flags" as "gtpu_flags" 8 HexadecimalAlone mask None [nxet 15 1 "NXOXM_ET_GTPU_FLAGS"] "Flags of the GTP-U header.";
    GtpuMsgtype "tun_gtpu_msgtype" as "gtpu_msgtype" 8 DecimalAlone mask None [nxet 16 1 "NXOXM_ET_GTPU_MSGTYPE"] "Message type of the GTP-U header.";
    TunMetadata0 "tun_metadata0" 992 Bytes mask None [nx 40 124 "NXM_NX_TUN_METADATA0"] "Option 0 of the tunnel's table of options; as many bytes as the message says.";
    TunMetadata1 "tun_metadata1" 992 Bytes mask None [nx 41 124 "NXM_NX_TUN_METADATA1"] "Option 1 of the tunnel's table of options; as many bytes as the message says.";
    TunMetadata2 "tun_metadata2" 992 Bytes mask None [nx 42 124 "NXM_NX_TUN_METADATA2"] "Option 2 of the tunnel's table of options; as many bytes as the message says.";
    TunMetadata3 "tun_metadata3" 992 Bytes mask None [nx 43 124 "NXM_NX_TUN_METADATA3"] "Option 3 of the tunnel's table of options; as many bytes as the message says.";
    TunMetadata4 "tun_metadata4" 992 Bytes mask None [nx 44 124 "NXM_NX_TUN_METADATA4"] "Option 4 of the tunnel's table of options; as many bytes as the message says.";
    TunMetadata5 "tun_metadata5" 992 Bytes mask None [nx 45 124 "NXM_NX_TUN_METADATA5"] "Option 5 of the tunnel's table of options; as many bytes as the message says.";
    TunMetadata6 "tun_metadata6" 992 Bytes mask None [nx 46 124 "NXM_NX_TUN_METADATA6"] "Option 6 of the tunnel's table of options; as many bytes as the message says.";
    TunMetadata7 "tun_metadata7" 992 Bytes mask None [nx 47 124 "NXM_NX_TUN_METADATA7"] "Option 7 of the tunnel's table of options; as many bytes as the message says.";
    TunMetadata8 "tun_metadata8" 992 Bytes mask None [nx 48 124 "NXM_NX_TUN_METADATA8"] "Option 8 of the tunnel's table of options; as many bytes as the message says.";
    TunMetadata9 "tun_metadata9" 992 Bytes mask None [nx 49 124 "NXM_NX_TUN_METADATA9"] "Option 9 of the tunnel's table of options; as many bytes as the message says.";
    TunMetadata10 "tun_metadata10" 992 Bytes mask None [nx 50 124 "NXM_NX_TUN_METADATA10"] "Option 10 of the tunnel's table of options; as many bytes as the message says.";
    TunMetadata11 "tun_metadata11" 992 Bytes mask None [nx 51 124 "NXM_NX_TUN_METADATA11"] "Option 11 of the tunnel's table of options; as many bytes as the message says.";
    TunMetadata12 "tun_metadata12" 992 Bytes mask None [nx 52 124 "NXM_NX_TUN_METADATA12"] "Option 12 of the tunnel's table of options; as many bytes as the message says.";
    TunMetadata13 "tun_metadata13" 992 Bytes mask None [nx 53 124 "NXM_NX_TUN_METADATA13"] "Option 13 of the tunnel's table of options; as many bytes as the message says.";
    TunMetadata14 "tun_metadata14" 992 Bytes mask None [nx 54 124 "NXM_NX_TUN_METADATA14"] "Option 14 of the tunnel's table of options; as many bytes as the message says.";
    TunMetadata15 "tun_metadata15" 992 Bytes mask None [nx 55 124 "NXM_NX_TUN_METADATA15"] "Option 15 of the tunnel's table of options; as many bytes as the message says.";
    TunMetadata16 "tun_metadata16" 992 Bytes mask None [nx 56 124 "NXM_NX_TUN_METADATA16"] "Option 16 of the tunnel's table of options; as many bytes as the message says.";
    TunMetadata17 "tun_metadata17" 992 Bytes mask None [nx 57 124 "NXM_NX_TUN_METADATA17"] "Option 17 of the tunnel's table of options; as many bytes as the message says.";
    TunMetadata18 "tun_metadata18" 992 Bytes mask None [nx 58 124 "NXM_NX_TUN_METADATA18"] "Option 18 of the tunnel's table of options; as many bytes as the message says.";
    TunMetadata19 "tun_metadata19" 992 Bytes mask None [nx 59 124 "NXM_NX_TUN_METADATA19"] "Option 19 of the tunnel's table of options; as many bytes as the message says.";
    TunMetadata20 "tun_metadata20" 992 Bytes mask None [nx 60 124 "NXM_NX_TUN_METADATA20"] "Option 20 of the tunnel's table of options; as many bytes as the message says.";
    TunMetadata21 "tun_metadata21" 992 Bytes mask None [nx 61 124 "NXM_NX_TUN_METADATA21"] "Option 21 of the tunnel's table of options; as many bytes as the message says.";
    TunMetadata22 "tun_metadata22" 992 Bytes mask None [nx 62 124 "NXM_NX_TUN_METADATA22"] "Option 22 of the tunnel's table of options; as many bytes as the message says.";
    TunMetadata23 "tun_metadata23" 992 Bytes mask None [nx 63 124 "NXM_NX_TUN_METADATA23"] "Option 23 of the tunnel's table of options; as many bytes as the message says.";
    TunMetadata24 "tun_metadata24" 992 Bytes mask None [nx 64 124 "NXM_NX_TUN_METADATA24"] "Option 24 of the tunnel's table of options; as many bytes as the message says.";
    TunMetadata25 "tun_metadata25" 992 Bytes mask None [nx 65 124 "NXM_NX_TUN_METADATA25"] "Option 25 of the tunnel's table of options; as many bytes as the message says.";
    TunMetadata26 "tun_metadata26" 992 Bytes mask None [nx 66 124 "NXM_NX_TUN_METADATA26"] "Option 26 of the tunnel's table of options; as many bytes as the message says.";
    TunMetadata27 "tun_metadata27" 992 Bytes mask None [nx 67 124 "NXM_NX_TUN_METADATA27"] "Option 27 of the tunnel's table of options; as many bytes as the message says.";
    TunMetadata28 "tun_metadata28" 992 Bytes mask None [nx 68 124 "NXM_NX_TUN_METADATA28"] "Option 28 of the tunnel's table of options; as many bytes as the message says.";
    TunMetadata29 "tun_metadata29" 992 Bytes mask None [nx 69 124 "NXM_NX_TUN_METADATA29"] "Option 29 of the tunnel's table of options; as many bytes as the message says.";
    TunMetadata30 "tun_metadata30" 992 Bytes mask None [nx 70 124 "NXM_NX_TUN_METADATA30"] "Option 30 of the tunnel's table of options; as many bytes as the message says.";
    TunMetadata31 "tun_metadata31" 992 Bytes mask None [nx 71 124 "NXM_NX_TUN_METADATA31"] "Option 31 of the tunnel's table of options; as many bytes as the message says.";
    TunMetadata32 "tun_metadata32" 992 Bytes mask None [nx 72 124 "NXM_NX_TUN_METADATA32"] "Option 32 of the tunnel's table of options; as many bytes as the message says.";
    TunMetadata33 "tun_metadata33" 992 Bytes mask None [nx 73 124 "NXM_NX_TUN_METADATA33"] "Option 33 of the tunnel's table of options; as many bytes as the message says.";
    TunMetadata34 "tun_metadata34" 992 Bytes mask None [nx 74 124 "NXM_NX_TUN_METADATA34"] "Option 34 of the tunnel's table of options; as many bytes as the message says.";
    TunMetadata35 "tun_metadata35" 992 Bytes mask None [nx 75 124 "NXM_NX_TUN_METADATA35"] "Option 35 of the tunnel's table of options; as many bytes as the message says.";
    TunMetadata36 "tun_metadata36" 992 Bytes mask None [nx 76 124 "NXM_NX_TUN_METADATA36"] "Option 36 of the tunnel's table of options; as many bytes as the message says.";
    TunMetadata37 "tun_metadata37" 992 Bytes mask None [nx 77 124 "NXM_NX_TUN_METADATA37"] "Option 37 of the tunnel's table of options; as many bytes as the message says.";
    TunMetadata38 "tun_metadata38" 992 Bytes mask None [nx 78 124 "NXM_NX_TUN_METADATA38"] "Option 38 of the tunnel's table of options; as many bytes as the message says.";
    TunMetadata39 "tun_metadata39" 992 Bytes mask None [nx 79 124 "NXM_NX_TUN_METADATA39"] "Option 39 of the tunnel's table of options; as many bytes as the message says.";
    TunMetadata40 "tun_metadata40" 992 Bytes mask None [nx 80 124 "NXM_NX_TUN_METADATA40"] "Option 40 of the tunnel's table of options; as many bytes as the message says.";
    TunMetadata41 "tun_metadata41" 992 Bytes mask None [nx 81 124 "NXM_NX_TUN_METADATA41"] "Option 41 of the tunnel's table of options; as many bytes as the message says.";
    TunMetadata42 "tun_metadata42" 992 Bytes mask None [nx 82 124 "NXM_NX_TUN_METADATA42"] "Option 42 of the tunnel's table of options; as many bytes as the message says.";
    TunMetadata43 "tun_metadata43" 992 Bytes mask None [nx 83 124 "NXM_NX_TUN_METADATA43"] "Option 43 of the tunnel's table of options; as many bytes as the message says.";
    TunMetadata44 "tun_metadata44" 992 Bytes mask None [nx 84 124 "NXM_NX_TUN_METADATA44"] "Option 44 of the tunnel's table of options; as many bytes as the message says.";
    TunMetadata45 "tun_metadata45" 992 Bytes mask None [nx 85 124 "NXM_NX_TUN_METADATA45"] "Option 45 of the tunnel's table of options; as many bytes as the message says.";
    TunMetadata46 "tun_metadata46" 992 Bytes mask None [nx 86 124 "NXM_NX_TUN_METADATA46"] "Option 46 of the tunnel's table of options; as many bytes as the message says.";
    TunMetadata47 "tun_metadata47" 992 Bytes mask None [nx 87 124 "NXM_NX_TUN_METADATA47"] "Option 47 of the tunnel's table of options; as many bytes as the message says.";
    TunMetadata48 "tun_metadata48" 992 Bytes mask None [nx 88 124 "NXM_NX_TUN_METADATA48"] "Option 48 of the tunnel's table of options; as many bytes as the message says.";
    TunMetadata49 "tun_metadata49" 992 Bytes mask None [nx 89 124 "NXM_NX_TUN_METADATA49"] "Option 49 of the tunnel's table of options; as many bytes as the message says.";
    TunMetadata50 "tun_metadata50" 992 Bytes mask None [nx 90 124 "NXM_NX_TUN_METADATA50"] "Option 50 of the tunnel's table of options; as many bytes as the message says.";
    TunMetadata51 "tun_metadata51" 992 Bytes mask None [nx 91 124 "NXM_NX_TUN_METADATA51"] "Option 51 of the tunnel's table of options; as many bytes as the message says.";
    TunMetadata52 "tun_metadata52" 992 Bytes mask None [nx 92 124 "NXM_NX_TUN_METADATA52"] "Option 52 of the tunnel's table of options; as many bytes as the message says.";
    TunMetadata53 "tun_metadata53" 992 Bytes mask None [nx 93 124 "NXM_NX_TUN_METADATA53"] "Option 53 of the tunnel's table of options; as many bytes as the message says.";
    TunMetadata54 "tun_metadata54" 992 Bytes mask None [nx 94 124 "NXM_NX_TUN_METADATA54"] "Option 54 of the tunnel's table of options; as many bytes as the message says.";
    TunMetadata55 "tun_metadata55" 992 Bytes mask None [nx 95 124 "NXM_NX_TUN_METADATA55"] "Option 55 of the tunnel's table of options; as many bytes as the message says.";
    TunMetadata56 "tun_metadata56" 992 Bytes mask None [nx 96 124 "NXM_NX_TUN_METADATA56"] "Option 56 of the tunnel's table of options; as many bytes as the message says.";
    TunMetadata57 "tun_metadata57" 992 Bytes mask None [nx 97 124 "NXM_NX_TUN_METADATA57"] "Option 57 of the tunnel's table of options; as many bytes as the message says.";
    TunMetadata58 "tun_metadata58" 992 Bytes mask None [nx 98 124 "NXM_NX_TUN_METADATA58"] "Option 58 of the tunnel's table of options; as many bytes as the message says.";
    TunMetadata59 "tun_metadata59" 992 Bytes mask None [nx 99 124 "NXM_NX_TUN_METADATA59"] "Option 59 of the tunnel's table of options; as many bytes as the message says.";
    TunMetadata60 "tun_metadata60" 992 Bytes mask None [nx 100 124 "NXM_NX_TUN_METADATA60"] "Option 60 of the tunnel's table of options; as many bytes as the message says.";
    TunMetadata61 "tun_metadata61" 992 Bytes mask None [nx 101 124 "NXM_NX_TUN_METADATA61"] "Option 61 of the tunnel's table of options; as many bytes as the message says.";
    TunMetadata62 "tun_metadata62" 992 Bytes mask None [nx 102 124 "NXM_NX_TUN_METADATA62"] "Option 62 of the tunnel's table of options; as many bytes as the message says.";
    TunMetadata63 "tun_metadata63" 992 Bytes mask None [nx 103 124 "NXM_NX_TUN_METADATA63"] "Option 63 of the tunnel's table of options; as many bytes as the message says.";
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
    Xxreg4 "xxreg4" 128 Hexadecimal mask None [nx 115 16 "NXM_NX_XXREG4"] "Registers 16 to 19, of switches that have so many.";
    Xxreg5 "xxreg5" 128 Hexadecimal mask None [nx 116 16 "NXM_NX_XXREG5"] "Registers 20 to 23, of switches that have so many.";
    Xxreg6 "xxreg6" 128 Hexadecimal mask None [nx 117 16 "NXM_NX_XXREG6"] "Registers 24 to 27, of switches that have so many.";
    Xxreg7 "xxreg7" 128 Hexadecimal mask None [nx 118 16 "NXM_NX_XXREG7"] "Registers 28 to 31, of switches that have so many.";
    // Ethernet.
    EthSrc "eth_src" as "dl_src" 48 Ethernet mask None [oxm 4 6 V1_2 "OXM_OF_ETH_SRC", of 2 6 "NXM_OF_ETH_SRC"] "Ethernet source.";
    EthDst "eth_dst" as "dl_dst" 48 Ethernet mask None [oxm 3 6 V1_2 "OXM_OF_ETH_DST", of 1 6 "NXM_OF_ETH_DST"] "Ethernet destination.";
    EthType "eth_type" as "dl_type" 16 Hexadecimal4 exact None [oxm 5 2 V1_2 "OXM_OF_ETH_TYPE", of 3 2 "NXM_OF_ETH_TYPE"] "Ethernet type.";
    VlanTci "vlan_tci" 16 Hexadecimal4 mask None [of 4 2 "NXM_OF_VLAN_TCI"] "VLAN tag: priority, presence, id.";
    VlanVid "vlan_vid" 12 Decimal mask None [oxm 6 2 V1_2 "OXM_OF_VLAN_VID"] "VLAN id; bit 12 says that there is a tag.";
    VlanPcp "vlan_pcp" as "dl_vlan_pcp" 3 Decimal exact Vlan [oxm 7 1 V1_2 "OXM_OF_VLAN_PCP"] "VLAN priority.";
    PbbIsid "pbb_isid" 24 Decimal mask Pbb [oxm 37 3 V1_3 "OXM_OF_PBB_ISID"] "Service id of the provider backbone bridging tag.";
    PbbUca "pbb_uca" 1 Decimal exact Pbb [oxm 41 1 V1_4 "OXM_OF_PBB_UCA", onfold 2560 1 V1_3 "ONFOXM_ET_PBB_UCA"] "Use-customer-address bit of the provider backbone bridging tag.";
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
    Ipv6Exthdr "ipv6_exthdr" 9 Hexadecimal mask Ipv6 [oxm 39 2 V1_3 "OXM_OF_IPV6_EXTHDR"] "Which IPv6 extension headers there are, and in which order.";
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
    TcpFlags "tcp_flags" 12 TcpFlags mask Tcp [oxm 42 2 V1_5 "OXM_OF_TCP_FLAGS", onf 42 2 V1_3 "ONFOXM_ET_TCP_FLAGS", nx 34 2 "NXM_NX_TCP_FLAGS"] "TCP flags.";
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
    // Network service header.
    NshFlags "nsh_flags" 8 Decimal2 mask Nsh [nsh 1 1 "NXOXM_NSH_FLAGS"] "Flags of the network service header.";
    NshTtl "nsh_ttl" 8 Decimal exact Nsh [nsh 10 1 "NXOXM_NSH_TTL"] "TTL of the network service header.";
    NshMdtype "nsh_mdtype" 8 Decimal exact Nsh [nsh 2 1 "NXOXM_NSH_MDTYPE"] "What metadata the network service header has.";
    NshNp "nsh_np" 8 Decimal exact Nsh [nsh 3 1 "NXOXM_NSH_NP"] "Protocol behind the network service header.";
    NshSpi "nsh_spi" | "nsp" 24 Hexadecimal1 exact Nsh [nsh 4 4 "NXOXM_NSH_SPI"] "Service path.";
    NshSi "nsh_si" | "nsi" 8 Decimal exact Nsh [nsh 5 1 "NXOXM_NSH_SI"] "Place in the service path.";
    NshC1 "nsh_c1" | "nshc1" 32 Hexadecimal1 mask Nsh [nsh 6 4 "NXOXM_NSH_C1"] "First word of the context.";
    NshC2 "nsh_c2" | "nshc2" 32 Hexadecimal1 mask Nsh [nsh 7 4 "NXOXM_NSH_C2"] "Second word of the context.";
    NshC3 "nsh_c3" | "nshc3" 32 Hexadecimal1 mask Nsh [nsh 8 4 "NXOXM_NSH_C3"] "Third word of the context.";
    NshC4 "nsh_c4" | "nshc4" 32 Hexadecimal1 mask Nsh [nsh 9 4 "NXOXM_NSH_C4"] "Fourth word of the context.";
    // A connection's original direction.
    CtNwProto "ct_nw_proto" 8 Decimal exact CtIp [nx 119 1 "NXM_NX_CT_NW_PROTO"] "The connection's protocol.";
    CtNwSrc "ct_nw_src" 32 Ipv4 mask CtIpv4 [nx 120 4 "NXM_NX_CT_NW_SRC"] "IPv4 source of the connection's first packet.";
    CtNwDst "ct_nw_dst" 32 Ipv4 mask CtIpv4 [nx 121 4 "NXM_NX_CT_NW_DST"] "IPv4 destination of the connection's first packet.";
    CtIpv6Src "ct_ipv6_src" 128 Ipv6 mask CtIpv6 [nx 122 16 "NXM_NX_CT_IPV6_SRC"] "IPv6 source of the connection's first packet.";
    CtIpv6Dst "ct_ipv6_dst" 128 Ipv6 mask CtIpv6 [nx 123 16 "NXM_NX_CT_IPV6_DST"] "IPv6 destination of the connection's first packet.";
    CtTpSrc "ct_tp_src" 16 Decimal mask CtIp [nx 124 2 "NXM_NX_CT_TP_SRC"] "Source port of the connection's first packet.";
    CtTpDst "ct_tp_dst" 16 Decimal mask CtIp [nx 125 2 "NXM_NX_CT_TP_DST"] "Destination port of the connection's first packet.";
}
