//! The frames that every case is tried with: of every kind, whole, cut off and damaged; always the same.

#[path = "../../../simulations/switch/tests/it/made.rs"]
mod made;

use super::program::{Frame, PORTS};

/// Whole frames, as many as there are broken ones.
const WHOLE: usize = 64;

/// Bytes that look random (xorshift, Marsaglia 2003).
fn bytes(seed: u64, count: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let next = |_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    (0..count).map(next).collect()
}

pub(crate) fn frames() -> Vec<Frame> {
    let whole = (1..=WHOLE as u64).map(|seed| made::frame(&mut made::Source(&bytes(seed, 200))));
    let whole: Vec<Vec<u8>> = whole.collect();
    let broken = whole.iter().zip(0..).map(|(frame, seed)| {
        let [how, place, value] = bytes(seed + 1_000, 3)[..] else {
            unreachable!("three were asked for");
        };
        let mut frame = frame.clone();
        let place = 12 + usize::from(place) % (frame.len() - 12);
        match how % 2 {
            0 => frame.truncate(place.max(14)),
            _ => frame[place] = value,
        }
        frame
    });
    let all: Vec<Vec<u8>> = broken.chain(whole.iter().cloned()).collect();
    // A few come in by another port.
    let port = |n: usize| if n < 16 { PORTS[1] } else { PORTS[0] };
    let frames = all.into_iter().enumerate();
    frames
        .map(|(n, bytes)| Frame {
            port: port(n),
            bytes,
        })
        .collect()
}
