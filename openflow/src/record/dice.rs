//! Random choices, made from bytes that somebody else chose: a property test, a fuzzer, a seed.

/// A source of choices. When its bytes run out, every choice is the first one, and lists end: whatever
/// is generated is bounded by the bytes given.
#[derive(Debug)]
pub struct Dice<'a> {
    bytes: &'a [u8],
    /// How many lists are around what is generated.
    depth: usize,
}

/// How many lists may be around a list that is not empty.
const DEEPEST: usize = 8;

impl<'a> Dice<'a> {
    /// Chooses by these bytes.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, depth: 0 }
    }

    /// An integer of `width` bytes, at most 16. Small, large and arbitrary ones are all frequent.
    pub fn uint(&mut self, width: usize) -> u128 {
        let full = match width {
            16 => u128::MAX,
            width => (1 << (8 * width)) - 1,
        };
        match self.byte() % 8 {
            0 => 0,
            1 => full,
            2 | 3 => u128::from(self.byte() % 32),
            _ => (0..width).fold(0, |value, _| value << 8 | u128::from(self.byte())),
        }
    }

    /// A number below `limit`; 0 when that is 0.
    pub fn below(&mut self, limit: usize) -> usize {
        let choice = usize::from(self.byte()) << 8 | usize::from(self.byte());
        choice.checked_rem(limit).unwrap_or(0)
    }

    /// Yes or no; no when the bytes have run out.
    pub fn flip(&mut self) -> bool {
        self.byte() & 1 == 1
    }

    /// Up to `limit` elements, which may have lists of their own.
    pub fn list<T>(&mut self, limit: usize, mut one: impl FnMut(&mut Self) -> T) -> Vec<T> {
        let length = match self.depth < DEEPEST {
            true => self.below(limit + 1),
            false => 0,
        };
        self.depth += 1;
        let list = (0..length).map(|_| one(self)).collect();
        self.depth -= 1;
        list
    }

    /// Up to `limit` bytes.
    pub fn bytes(&mut self, limit: usize) -> Vec<u8> {
        let length = self.below(limit + 1);
        (0..length).map(|_| self.byte()).collect()
    }

    fn byte(&mut self) -> u8 {
        match self.bytes.split_first() {
            Some((first, rest)) => {
                self.bytes = rest;
                *first
            }
            None => 0,
        }
    }
}
