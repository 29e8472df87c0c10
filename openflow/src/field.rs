//! The table of match fields: name, size, how it is written, what it needs to be there first, and
//! its code points in each class of OXM and NXM.
//!
//! Sources: OpenFlow 1.5.1, 7.2.3 (OXM); `nicira-ext.h` of Open vSwitch (NXM); ovs-fields(7) for
//! names, formats and prerequisites. Values travel as integers of up to 128 bits; the codec of
//! whole matches is in [`crate::matches`], their text form in [`crate::text`].

mod rows;

use std::sync::LazyLock;

pub use rows::{Field, ROWS};

use crate::Version;
pub use crate::action::NICIRA;

/// How people write a field's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Decimal.
    Decimal,
    /// Decimal, and hexadecimal with two digits where there is a mask.
    Decimal2,
    /// Decimal, in matches without the mask, as Open vSwitch has it.
    DecimalAlone,
    /// Hexadecimal with `0x`.
    Hexadecimal,
    /// Hexadecimal with `0x`, in matches without the mask, as Open vSwitch has it.
    HexadecimalAlone,
    /// Hexadecimal with `0x`, in matches also for zero.
    Hexadecimal1,
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
    /// Hexadecimal with `0x`, of any length.
    Bytes,
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
    /// A provider backbone bridging tag (1.5.1, 7.2.3.8: an Ethernet type of `0x88e7`).
    Pbb,
    /// A network service header (RFC 8300).
    Nsh,
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
    /// The experimenter that follows the header, in the class of experimenters.
    pub experimenter: Option<u32>,
    /// The type that follows the experimenter, where there is one.
    pub kind: Option<u16>,
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
        self.prefix() + (self.bytes << u8::from(masked))
    }

    /// The header of a value without a mask, as 32 bits.
    #[must_use]
    pub const fn header(&self) -> u32 {
        let length = self.prefix() + self.bytes;
        (self.class as u32) << 16 | (self.number as u32) << 9 | length as u32
    }

    /// Bytes between the header and the value.
    #[must_use]
    pub const fn prefix(&self) -> u8 {
        match (self.experimenter, self.kind) {
            (None, _) => 0,
            (Some(_), None) => 4,
            (Some(_), Some(_)) => 6,
        }
    }

    /// The versions that write this code point by themselves, a bit for each by its wire number: those that know
    /// none of the code points before it.
    const fn preferred(&self, before: &[Self]) -> u8 {
        let mut versions = u8::MAX << self.since.wire();
        let mut at = 0;
        while at < before.len() {
            versions &= !(u8::MAX << before[at].since.wire());
            at += 1;
        }
        versions
    }
}

/// A row of the table.
#[derive(Debug)]
pub struct Row {
    /// The field.
    pub field: Field,
    /// Its name in `ovs-ofctl`, as `set_field` writes it.
    pub name: &'static str,
    /// Its name in the specification, in lower case: that of its first code point without the class.
    pub spec_name: &'static str,
    /// Its name in printed matches, where fields that exclude each other share names.
    pub in_match: &'static str,
    /// Other names that are read; fields that exclude each other share them.
    pub aliases: &'static [&'static str],
    /// Significant bits. More than 128 for fields whose length is the message's affair.
    pub bits: u16,
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

impl Row {
    /// Whether the message says how long the value is.
    #[must_use]
    pub const fn is_variable(&self) -> bool {
        self.bits > 128
    }
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
/// `OFPXMC_EXPERIMENTER`: the experimenter's id follows the header.
pub const EXPERIMENTER: u16 = 0xffff;
/// The experimenter id of the ONF, which brought fields of 1.4 and 1.5 to 1.3 (extensions EXT-109,
/// EXT-233 and EXT-256).
pub const ONF: u32 = 0x4f4e_4600;
/// The experimenter id of the fields of network service headers (ovs-fields(7), "NXOXM_NSH").
pub const NSH: u32 = 0x005a_d650;

/// Rows of the classes: number, name in JSON.
pub const CLASSES: &[(u16, &str)] = &[
    (NXM_0, "nxm_0"),
    (NXM_1, "nxm_1"),
    (ERICSSON, "ericsson"),
    (BASIC, "openflow_basic"),
    (PACKET_REGS, "packet_regs"),
    (EXPERIMENTER, "experimenter"),
];

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
pub const TUNNEL_FLAGS: FlagRows = &[(0x01, "oam"), (0x02, "df"), (0x04, "csum"), (0x08, "key")];

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
        Self::called(name).next()
    }

    /// The field of that name, then those that have it in matches or as an alias.
    pub fn called(name: &str) -> impl Iterator<Item = Self> + use<> {
        let start = NAMES.partition_point(|named| named.before(name));
        let rest = NAMES[start..].iter();
        let length = rest.clone().take_while(|named| named.name == name).count();
        rest.take(length).map(|named| named.field)
    }

    /// The field that has a code point of that name: `NXM_NX_REG0`, `OXM_OF_ETH_SRC`.
    #[must_use]
    pub fn from_code_name(name: &str) -> Option<(Self, &'static Code)> {
        let key = (name.len(), name);
        let found = CODE_NAMES.binary_search_by(|(_, code)| (code.name.len(), code.name).cmp(&key));
        found.ok().map(|at| CODE_NAMES[at])
    }

    /// The name that actions write for bits of the field: that of the oldest code point with room for all of it,
    /// which is Nicira's if it has one.
    #[must_use]
    pub fn code_name(self) -> &'static str {
        let codes = self.row().codes;
        let wide = codes.iter().map(|code| code.bytes).max();
        let whole = codes.iter().rev().filter(|code| Some(code.bytes) == wide);
        whole
            .min_by_key(|code| (code.since, code.class == EXPERIMENTER))
            .map_or(codes[0].name, |code| code.name)
    }

    /// The field of that name in the specification.
    #[must_use]
    pub fn from_spec_name(name: &str) -> Option<Self> {
        let mut rows = ROWS.iter();
        rows.find(|row| row.spec_name == name).map(|row| row.field)
    }

    /// The field at a code point; `experimenter` is what follows the header in the class of experimenters.
    #[inline]
    #[must_use]
    pub fn from_code(
        class: u16,
        experimenter: Option<u32>,
        number: u8,
    ) -> Option<(Self, &'static Code)> {
        let (field, slot) = Slot::find(class, experimenter, number)?;
        Some((field, slot.code(field)))
    }

    /// The code point to write in a version, if the version has one.
    #[inline]
    #[must_use]
    pub fn code(self, version: Version) -> Option<&'static Code> {
        self.row().codes.iter().find(|code| code.since <= version)
    }

    /// The header of a value without a mask in a version, and the bytes of the value, where these are at most eight
    /// and nothing is between.
    #[inline]
    pub(crate) fn usual_code(self, version: Version) -> Option<(u32, usize)> {
        let (header, bytes) = USUAL_CODES[usize::from(version.wire()) - 1][self as usize];
        (bytes != 0).then_some((header, bytes.into()))
    }

    /// All significant bits.
    #[inline]
    #[must_use]
    pub fn full_mask(self) -> u128 {
        FULL[self as usize]
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

/// A name of a field. Shorter names come first: they are told apart most quickly.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Named {
    length: usize,
    name: &'static str,
    /// Whether it is another than the row's own.
    other: bool,
    field: Field,
}

impl Named {
    fn before(&self, name: &str) -> bool {
        (self.length, self.name) < (name.len(), name)
    }
}

/// The names of all fields, in order.
static NAMES: LazyLock<Vec<Named>> = LazyLock::new(|| {
    let named = |name: &'static str, other, field| Named {
        length: name.len(),
        name,
        other,
        field,
    };
    let of_row = |row: &'static Row| {
        let others = row.aliases.iter().chain([&row.in_match]);
        let others = others.map(move |name| named(name, true, row.field));
        others.chain([named(row.name, false, row.field)])
    };
    let mut names: Vec<Named> = ROWS.iter().flat_map(of_row).collect();
    names.sort_unstable();
    names.dedup();
    names
});

/// The code points of all fields, in the same order of their names.
static CODE_NAMES: LazyLock<Vec<(Field, &Code)>> = LazyLock::new(|| {
    let of_row = |row: &'static Row| row.codes.iter().map(|code| (row.field, code));
    let mut codes: Vec<_> = ROWS.iter().flat_map(of_row).collect();
    codes.sort_unstable_by_key(|(_, code)| (code.name.len(), code.name));
    codes
});

/// The full masks, in the order of [`Field`].
static FULL: [u128; ROWS.len()] = full_masks();

const fn full_masks() -> [u128; ROWS.len()] {
    let mut masks = [u128::MAX; ROWS.len()];
    let mut row = 0;
    while row < masks.len() {
        let bits = match ROWS[row].field {
            // The id is written with the bit that says that there is a tag.
            Field::VlanVid => 13,
            _ => ROWS[row].bits,
        };
        if bits < 128 {
            masks[row] = (1 << bits) - 1;
        }
        row += 1;
    }
    masks
}

/// [`Field::usual_code`] by version and field; no bytes where there is none.
static USUAL_CODES: [[(u32, u8); ROWS.len()]; Version::ALL.len()] = usual_codes();

const fn usual_codes() -> [[(u32, u8); ROWS.len()]; Version::ALL.len()] {
    let mut table = [[(0, 0); ROWS.len()]; Version::ALL.len()];
    let mut row = 0;
    while row < ROWS.len() {
        let codes = ROWS[row].codes;
        let mut at = 0;
        while at < codes.len() {
            let (before, _) = codes.split_at(at);
            let preferred = codes[at].preferred(before);
            // A port is wider here than in sixteen bits.
            let narrow = matches!(ROWS[row].field, Field::InPort) && codes[at].bytes == 2;
            let usual = codes[at].prefix() == 0 && codes[at].bytes <= 8 && !narrow;
            let mut version = 0;
            while version < table.len() {
                if usual && preferred >> Version::ALL[version].wire() & 1 == 1 {
                    table[version][row] = (codes[at].header(), codes[at].bytes);
                }
                version += 1;
            }
            at += 1;
        }
        row += 1;
    }
    table
}

/// What decoding needs to know of a code point.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Slot {
    /// The field; none where there is no code point.
    field: Option<Field>,
    /// Position in the row's code points.
    code: u8,
    /// Bytes between the header and the value.
    pub(crate) prefix: u8,
    /// Bytes of the value.
    pub(crate) bytes: u8,
    /// The versions that write it by themselves ([`Code::preferred`]).
    preferred: u8,
    /// The header of a value without a mask, of the classes without experimenters.
    header: u32,
}

impl Slot {
    /// The field whose value has this header, without a mask and in one of the usual classes, and its slot.
    #[inline]
    pub(crate) fn usual(header: u32) -> Option<(Field, &'static Self)> {
        // The first four classes of the table differ in their first and last bits.
        let class = header >> 16 & 1 | header >> 30 & 2;
        let slot = &SLOTS[class as usize][header as usize >> 9 & 0x7f];
        if slot.header != header {
            return None;
        }
        Some((slot.field?, slot))
    }

    /// The field at a code point, and its slot.
    #[inline]
    pub(crate) fn find(
        class: u16,
        experimenter: Option<u32>,
        number: u8,
    ) -> Option<(Field, &'static Self)> {
        let slot = &SLOTS[class_index(class, experimenter)?][usize::from(number & 0x7f)];
        Some((slot.field?, slot))
    }

    /// The code point; `field` is what was found.
    pub(crate) fn code(&self, field: Field) -> &'static Code {
        &field.row().codes[usize::from(self.code)]
    }

    /// Whether this is the code point that `version` writes by itself.
    #[inline]
    pub(crate) fn is_preferred(&self, version: Version) -> bool {
        self.preferred >> version.wire() & 1 == 1
    }
}

/// Where the code points of a class are in [`SLOTS`].
#[inline]
const fn class_index(class: u16, experimenter: Option<u32>) -> Option<usize> {
    Some(match (class, experimenter) {
        (NXM_0, _) => 0,
        (NXM_1, _) => 1,
        (BASIC, _) => 2,
        (PACKET_REGS, _) => 3,
        (ERICSSON, _) => 4,
        (EXPERIMENTER, Some(ONF)) => 5,
        (EXPERIMENTER, Some(NICIRA)) => 6,
        (EXPERIMENTER, Some(NSH)) => 7,
        _ => return None,
    })
}

/// Code points by class ([`class_index`]) and number.
static SLOTS: [[Slot; 128]; 8] = slots();

const fn slots() -> [[Slot; 128]; 8] {
    const EMPTY: Slot = Slot {
        field: None,
        code: 0,
        prefix: 0,
        bytes: 0,
        preferred: 0,
        header: 0,
    };
    let mut table = [[EMPTY; 128]; 8];
    let mut row = 0;
    while row < ROWS.len() {
        let codes = ROWS[row].codes;
        let mut at = 0;
        while at < codes.len() {
            let (before, _) = codes.split_at(at);
            if let Some(class) = class_index(codes[at].class, codes[at].experimenter) {
                table[class][codes[at].number as usize] = Slot {
                    field: Some(ROWS[row].field),
                    code: at as u8,
                    prefix: codes[at].prefix(),
                    bytes: codes[at].bytes,
                    preferred: codes[at].preferred(before),
                    header: codes[at].header(),
                };
            }
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
                    codes.insert((code.class, code.experimenter, code.number)),
                    "{code:?} stands twice"
                );
                assert!(u16::from(code.bytes) * 8 >= row.bits || row.field == Field::InPort);
                assert_eq!(
                    Field::from_code(code.class, code.experimenter, code.number),
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
