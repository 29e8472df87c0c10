//! Some bits of a field, as actions read and write them. Whether a packet may have them is checked in
//! [`crate::program`].

use rust_openflow::field::Field;

use crate::packet::Packet;

/// Some bits of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bits {
    pub(crate) field: Field,
    pub(crate) offset: u32,
    pub(crate) count: u32,
}

impl Bits {
    pub(crate) fn mask(self) -> u128 {
        u128::MAX.checked_shr(128 - self.count).unwrap_or(0)
    }

    /// Their value, in the low bits; none when the packet has no such field.
    pub(crate) fn read(self, packet: &Packet) -> Option<u128> {
        Some(packet.get(self.field)? >> self.offset & self.mask())
    }

    pub(crate) fn write(self, packet: &mut Packet, value: u128) {
        let mask = self.mask();
        packet.set(
            self.field,
            (value & mask) << self.offset,
            mask << self.offset,
        );
    }
}
