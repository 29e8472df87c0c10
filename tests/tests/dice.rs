//! Random choices of tests: the same for the same seed.

/// Numbers that look random and are always the same (G. Marsaglia, "Xorshift RNGs").
pub(crate) struct Dice(u64);

impl Dice {
    /// Every seed but 0 has numbers of its own.
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        (self.next() >> 11) % limit
    }

    pub(crate) fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        // There are not many.
        from[self.below(from.len() as u64) as usize].clone()
    }
}
