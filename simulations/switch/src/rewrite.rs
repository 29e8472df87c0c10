//! Fields written into the frame, with the checksums that cover them.
//!
//! A field that the packet does not have is left alone, as in Open vSwitch. Checksums are updated
//! incrementally (RFC 1624), so that a wrong one stays wrong; but for the flags and the option's type of
//! neighbour discovery, with which Open vSwitch computes it anew.

use rust_openflow::field::Field;

use crate::packet::{
    ICMP, ICMPV6, IPV4, Packet, SOURCE_LINK_LAYER, TAGGED, TARGET_LINK_LAYER, TCP, UDP, be,
    registers,
};

/// Where a header field is.
struct Place {
    /// The first byte that holds bits of it.
    at: usize,
    /// How many bytes hold it.
    bytes: usize,
    /// Bits to the right of it in these bytes.
    shift: u32,
    /// Which checksums cover it.
    sums: Sums,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Sums {
    None,
    /// The IPv4 header's.
    Header,
    /// The IPv4 header's, and that of the transport's pseudo header.
    Addresses,
    /// The transport's.
    Transport,
    /// That of ICMPv6, which is computed anew.
    Discovery,
}

impl Packet {
    /// Sets the bits of a field that the mask has; nothing when the packet has no such field.
    pub fn set(&mut self, field: Field, value: u128, mask: u128) {
        if let Some((first, count)) = registers(field) {
            for n in 0..count {
                let shift = 32 * (count - 1 - n);
                let (value, mask) = (value >> shift & 0xffff_ffff, mask >> shift & 0xffff_ffff);
                let register = &mut self.values[first as usize + n];
                *register = *register & !mask | value & mask;
            }
            return;
        }
        let Some(before) = self.get(field) else {
            return;
        };
        let after = before & !mask | value & mask;
        if (field as usize) < Field::EthSrc as usize {
            self.put(field, after);
        } else if let Some(place) = self.place(field) {
            self.write(&place, field, after);
            self.parse();
        }
    }

    /// Takes one from the TTL or hop limit; false when none would be left.
    pub fn decrement_ttl(&mut self) -> bool {
        let Some(ttl) = self.get(Field::IpTtl) else {
            return true;
        };
        if ttl <= 1 {
            return false;
        }
        self.set(Field::IpTtl, ttl - 1, 0xff);
        true
    }

    /// Adds a VLAN tag of an Ethernet type, with id and priority zero.
    pub fn push_vlan(&mut self, ether_type: u16) {
        if self.frame.len() >= 14 {
            let [high, low] = ether_type.to_be_bytes();
            self.frame.splice(12..12, [high, low, 0, 0]);
            self.parse();
        }
    }

    /// Removes the outermost VLAN tag, if there is one.
    pub fn pop_vlan(&mut self) {
        if self.value(Field::VlanTci) != 0 {
            self.frame.drain(12..16);
            self.parse();
        }
    }

    /// Whether the switch can write a field.
    #[must_use]
    pub fn writable(field: Field) -> bool {
        let pipeline = (field as usize) < Field::EthSrc as usize;
        let fixed = matches!(
            field,
            Field::PacketType
                | Field::ConjId
                | Field::DpHash
                | Field::RecircId
                | Field::InPhyPort
                | Field::ActsetOutput
                | Field::CtState
                | Field::CtZone
                | Field::CtMark
                | Field::CtLabel
        );
        pipeline && !fixed || header(field).is_some()
    }

    fn place(&self, field: Field) -> Option<Place> {
        let (layer, offset, bytes, shift, sums) = header(field)?;
        let start = match layer {
            Layer::Ethernet => 0,
            Layer::Vlan => (self.value(Field::VlanTci) != 0).then_some(12)?,
            Layer::Network => self.layout.network?,
            Layer::Transport => self.layout.transport?,
            Layer::FirstOption => self.layout.nd_option?,
            Layer::AddressOption => self.layout.nd_address?,
        };
        let kind = match field {
            Field::NdSll => Some(SOURCE_LINK_LAYER),
            Field::NdTll => Some(TARGET_LINK_LAYER),
            _ => None,
        };
        if kind.is_some_and(|kind| self.frame.get(start) != Some(&kind)) {
            return None;
        }
        let v6 = layer == Layer::Network && self.value(Field::EthType) != IPV4;
        let (offset, bytes, shift) = match field {
            Field::IpTtl if v6 => (7, bytes, shift),
            // The traffic class lies across bytes 0 and 1, before the flow label.
            Field::IpTos | Field::IpDscp | Field::IpEcn if v6 => (0, 2, shift + 4),
            _ => (offset, bytes, shift),
        };
        Some(Place {
            at: start + offset,
            bytes,
            shift,
            sums,
        })
    }

    fn write(&mut self, place: &Place, field: Field, value: u128) {
        let Some(before) = be(&self.frame, place.at, place.bytes) else {
            return;
        };
        // The two lowest bits of the type of service are `nw_ecn`.
        let own = if field == Field::IpTos {
            0xfc
        } else {
            field.full_mask()
        };
        let bits = own << place.shift;
        let whole = match field {
            // The bit that says that there is a tag is not on the wire.
            Field::VlanTci => value & !u128::from(TAGGED),
            Field::VlanVid => before & !0x0fff | value & 0x0fff,
            _ => before & !bits | value << place.shift & bits,
        };
        let old = self.frame[place.at..place.at + place.bytes].to_vec();
        let new = whole.to_be_bytes()[16 - place.bytes..].to_vec();
        self.frame[place.at..place.at + place.bytes].copy_from_slice(&new);
        let v4 = self.value(Field::EthType) == IPV4;
        if let Some(network) = self.layout.network
            && v4
            && matches!(place.sums, Sums::Header | Sums::Addresses)
        {
            self.update_sum(network + 10, place.at - network, &old, &new);
        }
        if place.sums == Sums::Discovery {
            self.compute_icmpv6_sum();
        }
        // ICMP for IPv4 has no pseudo header.
        let pseudo = place.sums == Sums::Addresses && self.value(Field::IpProto) != ICMP;
        if let (Some(transport), Some(sum)) = (self.layout.transport, self.transport_sum())
            && (pseudo || place.sums == Sums::Transport)
        {
            let offset = if place.sums == Sums::Transport {
                place.at - transport
            } else {
                0
            };
            let udp = self.value(Field::IpProto) == UDP;
            // A UDP checksum of zero says that there is none (RFC 768).
            if !udp || be(&self.frame, sum, 2) != Some(0) {
                self.update_sum(sum, offset, &old, &new);
                if udp && be(&self.frame, sum, 2) == Some(0) {
                    self.frame[sum..sum + 2].fill(0xff);
                }
            }
        }
    }

    /// Where the transport's checksum is.
    fn transport_sum(&self) -> Option<usize> {
        let transport = self.layout.transport?;
        match self.value(Field::IpProto) {
            TCP => Some(transport + 16),
            UDP => Some(transport + 6),
            ICMPV6 | ICMP => Some(transport + 2),
            _ => None,
        }
    }

    /// Computes the checksum of an ICMPv6 message (RFC 4443, 2.3).
    fn compute_icmpv6_sum(&mut self) -> Option<()> {
        let (network, transport) = (self.layout.network?, self.layout.transport?);
        self.frame.get_mut(transport + 2..transport + 4)?.fill(0);
        let message = self.frame.get(transport..self.layout.end)?;
        let addresses = self.frame.get(network + 8..network + 40)?;
        let words = |bytes: &[u8]| -> u64 {
            let word = |word: &[u8]| {
                u64::from(word[0]) << 8 | word.get(1).map_or(0, |low| u64::from(*low))
            };
            bytes.chunks(2).map(word).sum()
        };
        let sum = words(addresses) + words(message) + message.len() as u64 + ICMPV6 as u64;
        let sum = !fold(sum);
        self.frame[transport + 2..transport + 4].copy_from_slice(&sum.to_be_bytes());
        Some(())
    }

    /// Updates a checksum for bytes that changed, `offset` bytes after the beginning of what it covers.
    fn update_sum(&mut self, at: usize, offset: usize, old: &[u8], new: &[u8]) {
        let Some(sum) = be(&self.frame, at, 2) else {
            return;
        };
        let weight = |n: usize| {
            if (offset + n).is_multiple_of(2) {
                256
            } else {
                1
            }
        };
        let mut total = u64::from(!(sum as u16));
        for (n, (old, new)) in old.iter().zip(new).enumerate() {
            // The complement of the old word and the new word, byte by byte.
            total += weight(n) * (u64::from(!*old) + u64::from(*new));
        }
        total += missing_complement(offset, old.len());
        let sum = !fold(total);
        self.frame[at..at + 2].copy_from_slice(&sum.to_be_bytes());
    }
}

/// A sum of words in one's complement.
fn fold(mut sum: u64) -> u16 {
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    sum as u16
}

/// What complementing byte by byte leaves out at the ends of whole words: 0xff for each byte of a
/// word that did not change, which together with its own complement is nothing in one's complement.
fn missing_complement(offset: usize, length: usize) -> u64 {
    let first = if offset.is_multiple_of(2) { 0 } else { 0xff00 };
    let last = if (offset + length).is_multiple_of(2) {
        0
    } else {
        0x00ff
    };
    first + last
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Layer {
    Ethernet,
    Vlan,
    Network,
    Transport,
    FirstOption,
    AddressOption,
}

/// A header field's layer, offset, bytes, shift, and checksums; none for one that is not written.
fn header(field: Field) -> Option<(Layer, usize, usize, u32, Sums)> {
    use Layer::{AddressOption, Ethernet, FirstOption, Network, Transport, Vlan};
    Some(match field {
        Field::EthDst => (Ethernet, 0, 6, 0, Sums::None),
        Field::EthSrc => (Ethernet, 6, 6, 0, Sums::None),
        Field::VlanTci | Field::VlanVid => (Vlan, 2, 2, 0, Sums::None),
        Field::VlanPcp => (Vlan, 2, 2, 13, Sums::None),
        Field::ArpOp => (Network, 6, 2, 0, Sums::None),
        Field::ArpSha => (Network, 8, 6, 0, Sums::None),
        Field::ArpSpa => (Network, 14, 4, 0, Sums::None),
        Field::ArpTha => (Network, 18, 6, 0, Sums::None),
        Field::ArpTpa => (Network, 24, 4, 0, Sums::None),
        Field::Ipv4Src => (Network, 12, 4, 0, Sums::Addresses),
        Field::Ipv4Dst => (Network, 16, 4, 0, Sums::Addresses),
        Field::Ipv6Src => (Network, 8, 16, 0, Sums::Addresses),
        Field::Ipv6Dst => (Network, 24, 16, 0, Sums::Addresses),
        Field::Ipv6Label => (Network, 0, 4, 0, Sums::None),
        Field::IpTtl => (Network, 8, 1, 0, Sums::Header),
        Field::IpTos => (Network, 1, 1, 0, Sums::Header),
        Field::IpDscp => (Network, 1, 1, 2, Sums::Header),
        Field::IpEcn => (Network, 1, 1, 0, Sums::Header),
        Field::TcpSrc | Field::UdpSrc => (Transport, 0, 2, 0, Sums::Transport),
        Field::TcpDst | Field::UdpDst => (Transport, 2, 2, 0, Sums::Transport),
        Field::Icmpv4Type | Field::Icmpv6Type => (Transport, 0, 1, 0, Sums::Transport),
        Field::Icmpv4Code | Field::Icmpv6Code => (Transport, 1, 1, 0, Sums::Transport),
        Field::NdReserved => (Transport, 4, 4, 0, Sums::Discovery),
        Field::NdTarget => (Transport, 8, 16, 0, Sums::Transport),
        Field::NdOptionsType => (FirstOption, 0, 1, 0, Sums::Discovery),
        Field::NdSll | Field::NdTll => (AddressOption, 2, 6, 0, Sums::Transport),
        _ => return None,
    })
}
