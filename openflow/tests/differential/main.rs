//! What this crate and Open vSwitch make of the same things, made up at random: messages of every kind and
//! version (`messages`), matches (`matches`), and actions and instructions, whose bytes and text are compared both
//! ways (`codings`).
//! Flows that make sense, and their text, are compared beside the text form (`src/text/tests`).
//!
//! Runs where `ovs-ofctl` is installed. What differs is known for each release of it.

mod asked;
mod codings;
mod complaints;
mod matches;
mod messages;
#[path = "../ofctl/mod.rs"]
#[expect(dead_code, reason = "what it dumps is for others")]
mod ofctl;
mod texts;

use std::ops::RangeInclusive;

use ofctl::Release;

/// The releases of Open vSwitch whose differences are known. Another one is taken for the nearest before it.
const KNOWN: [Release; 3] = [(3, 1), (3, 3), (3, 5)];

/// Of a difference that is there in all of them.
const EVER: RangeInclusive<Release> = (0, 0)..=(u32::MAX, u32::MAX);
/// Of one that is gone in 3.3.
const UNTIL_3_2: RangeInclusive<Release> = (0, 0)..=(3, 2);
/// Of one that came with 3.3.
const SINCE_3_3: RangeInclusive<Release> = (3, 3)..=(u32::MAX, u32::MAX);

/// Nothing is wrong; what is, is said with the release that it was compared with.
#[track_caller]
fn assert_right(wrong: &[String]) {
    const SHOWN: usize = 40;
    let name = |(major, minor): Release| format!("Open vSwitch {major}.{minor}");
    let release = ofctl::release();
    let known = match KNOWN.contains(&release) {
        true => String::new(),
        false => format!(
            ", of which nothing is known, unlike {}",
            KNOWN.map(name).join(", ")
        ),
    };
    let some = wrong[..wrong.len().min(SHOWN)].join("\n");
    let (count, release) = (wrong.len(), name(release));
    assert!(
        wrong.is_empty(),
        "{count} wrong with {release}{known}:\n{some}"
    );
}

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
