//! The frames that every case is tried with: of every kind, whole, cut off and damaged; always the same.

#[path = "../../../simulations/switch/tests/it/made.rs"]
mod made;

use super::program::{Frame, PORTS};

/// Whole frames, as many as there are broken ones.
const WHOLE: usize = 64;

/// Bytes that look random (xorshift, Marsaglia 2003).
pub(crate) fn bytes(seed: u64, count: usize) -> Vec<u8> {
    let mut state = seed.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let next = |_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    (0..count).map(next).collect()
}

/// A frame of a seed, cut off or with a byte changed if it is to be broken.
pub(crate) fn frame(seed: u64, broken: bool) -> Vec<u8> {
    let mut frame = made::frame(&mut made::Source(&bytes(seed, 200)));
    let [how, place, value] = bytes(!seed, 3)[..] else {
        unreachable!("three were asked for");
    };
    let place = 12 + usize::from(place) % (frame.len() - 12);
    match how % 2 {
        _ if !broken => {}
        0 => frame.truncate(place.max(14)),
        _ => frame[place] = value,
    }
    // The bit of a tag that says that the frame may be dropped is kept by nobody.
    if [[0x81, 0], [0x88, 0xa8]].contains(&[frame[12], frame[13]]) && frame.len() > 14 {
        frame[14] &= 0xef;
    }
    frame
}

pub(crate) fn frames() -> Vec<Frame> {
    let frames = (1..=2 * WHOLE).map(|n| {
        let seed = 1 + (n - 1) % WHOLE;
        // A few come in by another port.
        let port = if n <= 16 { PORTS[1] } else { PORTS[0] };
        Frame {
            port,
            bytes: frame(seed as u64, n <= WHOLE),
        }
    });
    frames.collect()
}
