//! Fields written into the frame, with the checksums that cover them; headers added and taken away.
//!
//! A field that the packet does not have is left alone, as in Open vSwitch. Checksums are brought up to date
//! (RFC 1624), so that a wrong one stays wrong; but for the flags and the option's type of neighbour
//! discovery, with which Open vSwitch computes it anew. Where fields stand is said by [`crate::fields`].

use rust_openflow::field::Field;

use crate::checksum;
use crate::fields::{self, Header, Place, Sums, registers};
use crate::packet::Packet;
use crate::parse::{self, be};

/// The bit of `vlan_tci` and `vlan_vid` that says that there is a tag.
pub(crate) const TAGGED: u128 = 0x1000;
/// How many labels Open vSwitch reads and adds to a packet at most (`FLOW_MAX_MPLS_LABELS`).
const MAX_LABELS: usize = 3;
/// How many VLAN tags Open vSwitch keeps of a packet (`FLOW_MAX_VLAN_HEADERS`).
pub(crate) const MAX_TAGS: u8 = 2;
/// The bit of a label that has none behind it.
const LAST_LABEL: u128 = 0x100;

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
        let mask = mask & field.full_mask();
        let Some(before) = self.get(field) else {
            return;
        };
        let after = before & !mask | value & mask;
        if after == before {
            return;
        }
        let Some(place) = self.place(field) else {
            if !fields::stands_in_frame(field) {
                self.put(field, after);
            } else if matches!(field, Field::VlanTci | Field::VlanVid) && after & TAGGED != 0 {
                // Saying that there is a tag makes one.
                self.push_vlan(parse::VLAN[0]);
                if self.layout.at(Header::Vlan).is_some() {
                    self.set(field, after, field.full_mask());
                }
            }
            return;
        };
        if place.header == Header::Vlan && place.presence != 0 && after & TAGGED == 0 {
            return self.pop_vlan();
        }
        self.write(place, after);
        self.parse();
    }

    /// Takes one from the TTL or hop limit; false when none would be left.
    pub fn decrement_ttl(&mut self) -> bool {
        self.decrement(Field::IpTtl)
    }

    /// Takes one from a TTL; false when none would be left, or there is none but that of IP.
    pub(crate) fn decrement(&mut self, field: Field) -> bool {
        let Some(ttl) = self.get(field) else {
            return field == Field::IpTtl;
        };
        if ttl <= 1 {
            return false;
        }
        self.set(field, ttl - 1, 0xff);
        true
    }

    /// Adds a VLAN tag of an Ethernet type, with id and priority zero. Of too many the innermost goes.
    pub fn push_vlan(&mut self, ether_type: u16) {
        if self.frame.len() < 14 {
            return;
        }
        if self.layout.tags >= MAX_TAGS {
            let innermost = 8 + 4 * usize::from(self.layout.tags);
            self.frame.drain(innermost..innermost + 4);
            self.vlan_limit -= 1;
        }
        let [high, low] = ether_type.to_be_bytes();
        self.frame.splice(12..12, [high, low, 0, 0]);
        self.vlan_limit += 1;
        self.parse();
    }

    /// Removes the outermost VLAN tag, if there is one.
    pub fn pop_vlan(&mut self) {
        if let Some(at) = self.layout.at(Header::Vlan) {
            self.frame.drain(at..at + 4);
            self.vlan_limit -= 1;
            self.parse();
        }
    }

    /// Adds a label of an Ethernet type behind the VLAN tags: a copy of the outermost, else the label that says
    /// what the packet is (RFC 3032, 2.1), with its traffic class and TTL. False when there are too many.
    pub fn push_mpls(&mut self, ether_type: u16) -> bool {
        let labels = self.labels();
        let at = self.layout.ether_type;
        if labels >= MAX_LABELS || self.frame.len() < at + 2 {
            return labels < MAX_LABELS;
        }
        let entry = match self
            .layout
            .at(Header::Mpls)
            .and_then(|at| be(&self.frame, at, 4))
        {
            Some(outermost) => outermost as u32 & !0x100,
            None => {
                let ipv6 = self.value(Field::EthType) == u128::from(parse::IPV6);
                let label: u32 = if ipv6 { 2 } else { 0 };
                let class = self.value(Field::IpDscp) as u32 & 7;
                let ttl = match self.value(Field::IpTtl) as u32 {
                    0 => 64,
                    ttl => ttl,
                };
                label << 12 | class << 9 | 0x100 | ttl
            }
        };
        self.frame.splice(at + 2..at + 2, entry.to_be_bytes());
        self.write_ether_type(ether_type);
        self.parse();
        true
    }

    /// Says what the frame carries; as in Open vSwitch a length without VLAN tags becomes the type, whatever follows
    /// it.
    fn write_ether_type(&mut self, ether_type: u16) {
        let tagged = self.layout.at(Header::Vlan).is_some();
        let at = if tagged { self.layout.ether_type } else { 12 };
        if let Some(kind) = self.frame.get_mut(at..at + 2) {
            kind.copy_from_slice(&ether_type.to_be_bytes());
        }
    }

    /// Removes the outermost label, if there is one; what is left is of that Ethernet type, and if that is not one
    /// of labels, all labels go. False when there are more labels than are read.
    pub fn pop_mpls(&mut self, ether_type: u16) -> bool {
        let labels = self.labels();
        if labels >= MAX_LABELS && self.label(MAX_LABELS - 1) & LAST_LABEL == 0 {
            return false;
        }
        let popped = if parse::MPLS.contains(&ether_type) {
            labels.min(1)
        } else {
            labels
        };
        if let Some(at) = self.layout.at(Header::Mpls).filter(|_| popped > 0) {
            self.frame.drain(at..at + 4 * popped);
            self.write_ether_type(ether_type);
            self.parse();
        }
        true
    }

    /// How many labels the packet has, as Open vSwitch counts them (`flow_count_mpls_labels`).
    fn labels(&self) -> usize {
        let last = (0..MAX_LABELS).find(|n| self.label(*n) & LAST_LABEL != 0);
        let there = || (0..MAX_LABELS).filter(|n| self.label(*n) != 0).count();
        last.map_or_else(there, |last| last + 1)
    }

    /// A label, counted from the outermost; 0 for one that is not there.
    fn label(&self, number: usize) -> u128 {
        let first = self.layout.at(Header::Mpls);
        let label = first.and_then(|first| be(&self.frame, first + 4 * number, 4));
        label.unwrap_or(0)
    }

    /// Where a field stands in this frame.
    fn place(&self, field: Field) -> Option<&'static Place> {
        let there = |place: &&Place| self.layout.at(place.header).is_some();
        fields::places(field).find(there)
    }

    fn write(&mut self, place: &Place, value: u128) {
        let Some(start) = self.layout.at(place.header) else {
            return;
        };
        let at = start + place.at;
        let Some(before) = be(&self.frame, at, place.bytes) else {
            return;
        };
        let bits = place.mask << place.shift;
        let mut whole = before & !bits | value << place.shift & bits;
        if place.header == Header::Vlan {
            // On the wire it would say that the frame may be dropped, which Open vSwitch does not keep.
            whole &= !TAGGED;
        }
        let range = at..at + place.bytes;
        let old = self.frame[range.clone()].to_vec();
        let new = &whole.to_be_bytes()[16 - place.bytes..];
        match place.sums {
            Sums::Free => {}
            Sums::Header => self.update_header_sum(at, &old, new),
            Sums::Addresses => {
                self.update_header_sum(at, &old, new);
                let covered = place.field != Field::Ipv6Dst || !self.layout.routed;
                if covered && let Some((_, sum)) = self.pseudo_header_sum() {
                    self.update_sum(sum, false, &old, new);
                }
            }
            Sums::Transport => self.update_transport_sum(at, &old, new),
            Sums::Discovery => {}
        }
        self.frame[range].copy_from_slice(new);
        if place.sums == Sums::Discovery {
            self.compute_icmpv6_sum();
        }
    }

    fn update_header_sum(&mut self, at: usize, old: &[u8], new: &[u8]) {
        if let Some(start) = self.layout.at(Header::Ipv4) {
            self.update_sum(start + 10, at % 2 != start % 2, old, new);
        }
    }

    /// The transport header whose checksum covers addresses, and where that is.
    fn pseudo_header_sum(&self) -> Option<(usize, usize)> {
        let sums = [(Header::Tcp, 16), (Header::Udp, 6), (Header::Icmpv6, 2)];
        sums.iter().find_map(|(header, offset)| {
            let start = self.layout.at(*header)?;
            Some((start, start + offset))
        })
    }

    fn update_transport_sum(&mut self, at: usize, old: &[u8], new: &[u8]) {
        if let Some(start) = self.layout.at(Header::Sctp) {
            return self.update_sctp_sum(start, at, new);
        }
        let icmp = || {
            self.layout
                .at(Header::Icmpv4)
                .map(|start| (start, start + 2))
        };
        if let Some((start, sum)) = self.pseudo_header_sum().or_else(icmp) {
            self.update_sum(sum, at % 2 != start % 2, old, new);
        }
    }

    /// Brings a checksum up to date for bytes that change, `odd` when they begin within a word of it.
    fn update_sum(&mut self, at: usize, odd: bool, old: &[u8], new: &[u8]) {
        let Some(sum) = be(&self.frame, at, 2) else {
            return;
        };
        let udp = self.layout.at(Header::Udp).map(|start| start + 6) == Some(at);
        // A UDP checksum of zero says that there is none (RFC 768).
        if udp && sum == 0 {
            return;
        }
        let sum = match checksum::updated(sum as u16, odd, old, new) {
            0 if udp => u16::MAX,
            sum => sum,
        };
        self.frame[at..at + 2].copy_from_slice(&sum.to_be_bytes());
    }

    /// SCTP's checksum, as wrong as it was.
    fn update_sctp_sum(&mut self, start: usize, at: usize, new: &[u8]) {
        let Some((before, after)) = self.frame.get(start..self.layout.end).and_then(|packet| {
            let (head, rest) = packet.split_at_checked(12)?;
            let mut changed = head[..8].to_vec();
            changed
                .get_mut(at - start..at - start + new.len())?
                .copy_from_slice(new);
            let sum = |head: &[u8]| checksum::crc32c(&[head, &[0; 4], rest]);
            Some((sum(&head[..8]), sum(&changed)))
        }) else {
            return;
        };
        let sum = self.frame[start + 8..start + 12].iter_mut();
        for (byte, (before, after)) in sum.zip(before.iter().zip(after)) {
            *byte ^= before ^ after;
        }
    }

    /// Computes the checksum of an ICMPv6 message (RFC 4443, 2.3).
    fn compute_icmpv6_sum(&mut self) -> Option<()> {
        let network = self.layout.at(Header::Ipv6)?;
        let transport = self.layout.at(Header::Icmpv6)?;
        self.frame.get_mut(transport + 2..transport + 4)?.fill(0);
        let message = self.frame.get(transport..self.layout.end)?;
        let addresses = self.frame.get(network + 8..network + 40)?;
        let length = (message.len() as u32).to_be_bytes();
        let next = [0, parse::ICMPV6];
        let sum = checksum::computed(&[addresses, &length, &next, message]);
        self.frame[transport + 2..transport + 4].copy_from_slice(&sum.to_be_bytes());
        Some(())
    }
}
