//! What this crate and Open vSwitch make of the same things, made up at random: messages of every kind and
//! version (`messages`), and actions and instructions, whose bytes and text are compared both ways (`codings`).
//! Flows that make sense, and their text, are compared beside the text form (`src/text/tests`).
//!
//! Runs where `ovs-ofctl` is installed.

mod codings;
mod complaints;
mod messages;
mod ofctl;
mod texts;

/// Bytes that are the same in every run.
struct Noise(u64);

impl Noise {
    fn bytes(&mut self, count: usize) -> Vec<u8> {
        let mut byte = || {
            // Numbers of Knuth's generator (MMIX); the high bits are the good ones.
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005);
            self.0 = self.0.wrapping_add(1_442_695_040_888_963_407);
            (self.0 >> 56) as u8
        };
        (0..count).map(|_| byte()).collect()
    }

    /// Bytes to choose by. Few of them make few choices: the rest of what is made up is plain.
    fn dice(&mut self) -> Vec<u8> {
        let length = 2 + usize::from(self.bytes(1)[0]) % 100;
        self.bytes(length)
    }
}
