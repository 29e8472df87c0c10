//! What a match means: what its fields need, whether a switch can take it, and when two say the same.

use super::Entries;
use super::standard::Exact;
use super::{Entry, FieldValue, LongValue, Match};
use crate::error::ErrorAnswer;
use crate::field::{Field, Prerequisite};

/// What is wrong with a match (OpenFlow 1.5.1, 7.5.4.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MatchError {
    /// The match is of a type that nobody knows.
    #[error("a match of type {kind} is not known")]
    UnknownType {
        /// `ofp_match.type`.
        kind: u16,
    },
    /// A field that the table does not know.
    #[error("field {number} of class {class:#06x} is not known")]
    UnknownField {
        /// `oxm_class`.
        class: u16,
        /// `oxm_field`.
        number: u8,
    },
    /// A field that was asked about before.
    #[error("{} is matched twice", .field.row().name)]
    Duplicate {
        /// Which.
        field: Field,
    },
    /// What the field needs is not asked for before it.
    #[error("{} needs {} before it", .field.row().name, .field.row().prerequisite.sentence())]
    Prerequisite {
        /// Which.
        field: Field,
    },
    /// The value has bits that the field does not have.
    #[error("the value of {} is too large", .field.row().name)]
    Value {
        /// Which.
        field: Field,
    },
    /// The field takes no mask, or none with these bits.
    #[error("{} takes no such mask", .field.row().name)]
    Mask {
        /// Which.
        field: Field,
    },
    /// The value has bits that its mask does not ask for.
    #[error("the value of {} has bits that its mask does not have", .field.row().name)]
    Wildcards {
        /// Which.
        field: Field,
    },
}

impl MatchError {
    /// `OFPET_BAD_MATCH`, and the code that says what is wrong.
    #[must_use]
    pub const fn answer(&self) -> ErrorAnswer {
        let code = match self {
            Self::UnknownType { .. } => 0,
            Self::Wildcards { .. } => 5,
            Self::UnknownField { .. } => 6,
            Self::Value { .. } => 7,
            Self::Mask { .. } => 8,
            Self::Prerequisite { .. } => 9,
            Self::Duplicate { .. } => 10,
        };
        ErrorAnswer { kind: 4, code }
    }
}

impl Prerequisite {
    /// What it is, as part of a sentence.
    #[must_use]
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::None => "nothing",
            Self::Arp => "an Ethernet type of ARP or RARP",
            Self::Ipv4 => "an Ethernet type of IPv4",
            Self::Ipv6 => "an Ethernet type of IPv6",
            Self::Ip => "an Ethernet type of IPv4 or IPv6",
            Self::Mpls => "an Ethernet type of MPLS",
            Self::Tcp => "the IP protocol TCP",
            Self::Udp => "the IP protocol UDP",
            Self::Sctp => "the IP protocol SCTP",
            Self::Icmpv4 => "the IP protocol ICMP",
            Self::Icmpv6 => "the IP protocol ICMPv6",
            Self::NeighbourDiscovery => "the ICMPv6 type of neighbour discovery",
            Self::NeighbourSolicitation => "the ICMPv6 type of neighbour solicitation",
            Self::NeighbourAdvertisement => "the ICMPv6 type of neighbour advertisement",
            Self::Vlan => "a VLAN tag",
            Self::Pbb => "an Ethernet type of provider backbone bridging",
            Self::Nsh => "an Ethernet type of the network service header",
            Self::CtIpv4 => "a tracked connection of IPv4",
            Self::CtIpv6 => "a tracked connection of IPv6",
            Self::CtIp => "a tracked connection of IP",
        }
    }
}

impl Match {
    /// The Ethernet type of all these packets, if they have one in common.
    #[must_use]
    pub fn ethertype(&self) -> Option<u16> {
        let exact = |field| self.get(field).filter(|value| value.is_exact());
        if let Some(ethertype) = exact(Field::EthType) {
            return Some(ethertype.value as u16);
        }
        // Namespace 1 of packet types is that of Ethernet types (OpenFlow 1.5.1, 7.2.3.11).
        exact(Field::PacketType)
            .filter(|kind| kind.value >> 16 == 1)
            .map(|kind| kind.value as u16)
    }

    /// Whether all these packets have the fields that need `prerequisite` (ovs-fields(7)).
    #[must_use]
    pub fn satisfies(&self, prerequisite: Prerequisite) -> bool {
        let ethertype = |types: &[u16]| self.ethertype().is_some_and(|own| types.contains(&own));
        let is = |field, wanted: u128| {
            self.get(field)
                .is_some_and(|value| value.is_exact() && value.value == wanted)
        };
        let ip = || ethertype(&[0x0800, 0x86dd]);
        let has_bits = |field, bits: u128| {
            self.get(field)
                .is_some_and(|value| value.value & value.significant() & bits != 0)
        };
        // Fragments but the first begin behind the transport header.
        let transport = |protocol| is(Field::IpProto, protocol) && !has_bits(Field::IpFrag, 2);
        let icmpv6 = || ethertype(&[0x86dd]) && transport(58);
        let neighbour = |types: &[u128]| {
            let mut kinds = types.iter();
            icmpv6() && is(Field::Icmpv6Code, 0) && kinds.any(|kind| is(Field::Icmpv6Type, *kind))
        };
        let tracked = || self.tells_connection();
        match prerequisite {
            Prerequisite::None => true,
            Prerequisite::Arp => ethertype(&[0x0806, 0x8035]),
            Prerequisite::Ipv4 => ethertype(&[0x0800]),
            Prerequisite::Ipv6 => ethertype(&[0x86dd]),
            Prerequisite::Ip => ip(),
            Prerequisite::Mpls => ethertype(&[0x8847, 0x8848]),
            Prerequisite::Tcp => ip() && transport(6),
            Prerequisite::Udp => ip() && transport(17),
            Prerequisite::Sctp => ip() && transport(132),
            Prerequisite::Icmpv4 => ethertype(&[0x0800]) && transport(1),
            Prerequisite::Icmpv6 => icmpv6(),
            Prerequisite::NeighbourDiscovery => neighbour(&[135, 136]),
            Prerequisite::NeighbourSolicitation => neighbour(&[135]),
            Prerequisite::NeighbourAdvertisement => neighbour(&[136]),
            Prerequisite::Pbb => ethertype(&[0x88e7]),
            Prerequisite::Nsh => ethertype(&[0x894f]),
            Prerequisite::Vlan => {
                has_bits(Field::VlanVid, 0x1000) || has_bits(Field::VlanTci, 0x1000)
            }
            Prerequisite::CtIpv4 => ethertype(&[0x0800]) && tracked(),
            Prerequisite::CtIpv6 => ethertype(&[0x86dd]) && tracked(),
            Prerequisite::CtIp => ip() && tracked(),
        }
    }

    /// Whether all packets of the match belong to a connection, known or new (`is_ct_valid` in Open vSwitch): it
    /// asks for a bit that only these have, or for tracked ones that are not invalid.
    #[must_use]
    pub fn tells_connection(&self) -> bool {
        const OF_CONNECTIONS: u128 = 0xcf;
        const INVALID: u128 = 0x10;
        const TRACKED: u128 = 0x20;
        self.get(Field::CtState).is_some_and(|state| {
            let (set, asked) = (state.value & state.significant(), state.significant());
            set & OF_CONNECTIONS != 0
                || set & (TRACKED | INVALID) == TRACKED && asked & INVALID != 0
        })
    }

    /// Asks of single registers what is asked of pairs and fours of them. Open vSwitch reports registers
    /// in pairs from OpenFlow 1.5 on, however it was told of them (`nx_put_raw`, lib/nx-match.c).
    pub fn split_registers(&mut self) {
        let entries = self.entries.to_mut();
        for entry in std::mem::take(entries) {
            match entry {
                Entry::Known(value) => entries.extend(single_registers(value)),
                unknown => entries.push(unknown),
            }
        }
    }

    /// Puts the entries in the order of the table, in which what a field needs comes before it.
    pub fn sort(&mut self) {
        self.entries
            .to_mut()
            .sort_by_key(|entry| entry.field().map_or(usize::MAX, |field| field as usize));
    }

    /// The match in the one form of its meaning, for comparison with others: registers one by one, no class,
    /// no mask that says nothing, no bits that no mask asks for, VLAN tags and types of service in the
    /// fields of OpenFlow 1.2 where these can say them, in the order of the table.
    #[must_use]
    pub fn normalized(&self) -> Self {
        let entries = self.entries.iter().filter_map(|entry| match entry {
            Entry::Known(value) if value.significant() == 0 => None,
            Entry::Known(value) => Some(Entry::Known(tag_and_service(value))),
            Entry::Long(value) => Some(Entry::Long(Box::new(shortest(value)))),
            Entry::Unknown(_) => Some(entry.clone()),
        });
        let mut one = Self::of(Entries::from_iter(entries));
        one.split_registers();
        one.sort();
        one.exact = match &self.exact {
            Some(exact) if matches!(**exact, Exact::Unknown { .. }) => self.exact.clone(),
            _ => None,
        };
        one
    }

    /// Whether the match makes sense to a switch: no field twice, what each field needs before it, values
    /// within their fields and masks, masks only where the field takes them, and no field that the table
    /// does not know (OpenFlow 1.5.1, 7.2.3.4 to 7.2.3.6). Names the first thing that is wrong.
    pub fn check(&self) -> Result<(), MatchError> {
        if let Some(Exact::Unknown { kind, .. }) = self.exact.as_deref() {
            return Err(MatchError::UnknownType { kind: *kind });
        }
        let mut before = Self::any();
        for entry in &self.entries {
            check_entry(&before, entry)?;
            before.entries.to_mut().push(entry.clone());
        }
        Ok(())
    }
}

/// Asks of one entry what [`Match::check`] asks, given those before it.
fn check_entry(before: &Match, entry: &Entry) -> Result<(), MatchError> {
    let field = match entry {
        Entry::Known(value) => {
            check_bits(value)?;
            value.field
        }
        Entry::Long(value) => {
            let mask = value.mask.as_deref().unwrap_or(&value.value);
            if value
                .value
                .iter()
                .zip(mask)
                .any(|(bits, mask)| bits & !mask != 0)
            {
                return Err(MatchError::Wildcards { field: value.field });
            }
            value.field
        }
        Entry::Unknown(bytes) => {
            let class = bytes
                .first_chunk()
                .map_or(0, |class| u16::from_be_bytes(*class));
            let number = bytes.get(2).map_or(0, |number| number >> 1);
            return Err(MatchError::UnknownField { class, number });
        }
    };
    if before
        .entries
        .iter()
        .any(|entry| entry.field() == Some(field))
    {
        return Err(MatchError::Duplicate { field });
    }
    if !before.satisfies(field.row().prerequisite) {
        return Err(MatchError::Prerequisite { field });
    }
    Ok(())
}

fn check_bits(value: &FieldValue) -> Result<(), MatchError> {
    let field = value.field;
    let full = field.full_mask();
    // A mask of more bits than the field has is a full one: Open vSwitch writes it for whole bytes.
    let mask = value.mask().unwrap_or(full);
    if !field.row().maskable && mask & full != full {
        return Err(MatchError::Mask { field });
    }
    if value.value & !(mask & full) != 0 {
        return Err(if value.value & !full != 0 {
            MatchError::Value { field }
        } else {
            MatchError::Wildcards { field }
        });
    }
    Ok(())
}

/// A VLAN tag and a type of service as OpenFlow 1.2 has them, where it has them; any other field without its
/// class, a mask that says nothing, and the bits that the mask does not ask for.
fn tag_and_service(value: &FieldValue) -> FieldValue {
    let significant = value.significant();
    let (field, shift) = match value.field {
        Field::VlanTci if significant & 0xe000 == 0 || value.is_exact() && value.value == 0 => {
            (Field::VlanVid, 0)
        }
        Field::IpTos if value.value & 3 == 0 && significant & 3 == 3 => (Field::IpDscp, 2),
        field => (field, 0),
    };
    FieldValue::masked(field, value.value >> shift, significant >> shift)
}

/// The value without the zeros before it and the bits that its mask does not ask for.
fn shortest(value: &LongValue) -> LongValue {
    let mask = |at: usize| match &value.mask {
        Some(mask) => mask.get(at).copied().unwrap_or_default(),
        None => 0xff,
    };
    let bits = |at: usize| value.value[at] & mask(at);
    let length = value.value.len();
    let says = |at: &usize| bits(*at) != 0 || value.mask.is_some() && mask(*at) != 0;
    let start = (0..length).find(says).unwrap_or(length);
    LongValue {
        field: value.field,
        value: (start..length).map(bits).collect(),
        mask: value
            .mask
            .as_ref()
            .map(|_| (start..length).map(mask).collect()),
    }
}

/// What is asked of each of the registers that a field is made of; of any other field, what is asked.
fn single_registers(value: FieldValue) -> Vec<Entry> {
    let number = value.field as usize;
    let (first, count) = match number {
        _ if (Field::Xreg0 as usize..=Field::Xreg7 as usize).contains(&number) => {
            (2 * (number - Field::Xreg0 as usize), 2)
        }
        _ if (Field::Xxreg0 as usize..=Field::Xxreg3 as usize).contains(&number) => {
            (4 * (number - Field::Xxreg0 as usize), 4)
        }
        _ => return vec![Entry::Known(value)],
    };
    let registers = (0..count).filter_map(|at| {
        let field = Field::register(u8::try_from(first + at).ok()?)?;
        let shift = 32 * (count - 1 - at);
        let part = |bits: u128| bits >> shift & field.full_mask();
        let single = FieldValue::masked(field, part(value.value), part(value.significant()));
        (single.significant() != 0).then_some(Entry::Known(single))
    });
    registers.collect()
}
