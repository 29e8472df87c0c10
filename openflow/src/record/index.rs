//! Finds the row of a code, in tables made at compile time: low numbers of the standard by themselves, others in a
//! hash table with one slot for a code, never more than half full.

use super::VariantRow;
use crate::Version;

/// Where the rows of codes are.
#[derive(Debug)]
pub struct CodeIndex<const N: usize> {
    /// Rows by version and number of the standard, counted from 1; 0 for none.
    low: [[u8; LOW]; HIGHEST + 1],
    /// The other codes.
    slots: [Slot; N],
}

/// Numbers of the standard below this have tables of their own.
const LOW: usize = 32;
/// The highest version, by its number on the wire.
const HIGHEST: usize = Version::V1_5.wire() as usize;

/// A code and the position of its row.
#[derive(Debug, Clone, Copy)]
struct Slot {
    vendor: Option<u32>,
    number: u32,
    /// A bit for each version that has the code, by its number on the wire; none in an empty slot.
    versions: u8,
    row: u8,
}

impl<const N: usize> CodeIndex<N> {
    /// The index of these rows, of which there are at most 255.
    pub(crate) const fn new(rows: &[VariantRow]) -> Self {
        assert!(rows.len() <= u8::MAX as usize);
        let empty = Slot {
            vendor: None,
            number: 0,
            versions: 0,
            row: 0,
        };
        let mut low = [[0; LOW]; HIGHEST + 1];
        let mut slots = [empty; N];
        let mut row = 0;
        while row < rows.len() {
            let mut at = 0;
            while at < rows[row].codes.len() {
                let code = &rows[row].codes[at];
                at += 1;
                if code.vendor.is_none() && (code.number as usize) < LOW {
                    let mut version = code.since.wire();
                    while version <= code.until.wire() {
                        low[version as usize][code.number as usize] = row as u8 + 1;
                        version += 1;
                    }
                    continue;
                }
                let mut place = place_of(code.vendor, code.number) & (N - 1);
                while slots[place].versions != 0 {
                    place = (place + 1) & (N - 1);
                }
                slots[place] = Slot {
                    vendor: code.vendor,
                    number: code.number,
                    versions: versions(code.since, code.until),
                    row: row as u8,
                };
            }
            row += 1;
        }
        Self { low, slots }
    }

    /// The position of the row that `version` has under a code.
    #[inline(always)]
    #[must_use]
    pub fn find(&self, vendor: Option<u32>, number: u32, version: Version) -> Option<usize> {
        if vendor.is_none() && (number as usize) < LOW {
            let row = self.low[usize::from(version.wire())][number as usize];
            return usize::from(row).checked_sub(1);
        }
        let mut place = place_of(vendor, number) & (N - 1);
        loop {
            let slot = &self.slots[place];
            if slot.versions == 0 {
                return None;
            }
            let spoken = slot.versions >> version.wire() & 1 == 1;
            if spoken && slot.number == number && slot.vendor == vendor {
                return Some(slot.row.into());
            }
            place = (place + 1) & (N - 1);
        }
    }
}

/// A bit for each version from the first to the last.
const fn versions(since: Version, until: Version) -> u8 {
    // The highest version has the number 6.
    ((2 << until.wire()) - (1 << since.wire())) as u8
}

/// How large the index of these rows is.
pub(crate) const fn index_size(rows: &[VariantRow]) -> usize {
    let mut codes = 1;
    let mut row = 0;
    while row < rows.len() {
        codes += rows[row].codes.len();
        row += 1;
    }
    (2 * codes).next_power_of_two()
}

/// Where to begin to look for a code.
#[inline]
const fn place_of(vendor: Option<u32>, number: u32) -> usize {
    let vendor = match vendor {
        None => 0,
        Some(vendor) => vendor.wrapping_mul(0x85eb_ca6b),
    };
    let mixed = number.wrapping_mul(0x9e37_79b1) ^ vendor;
    (mixed >> 16) as usize
}
