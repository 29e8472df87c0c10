//! What the programs of hosts write into their packets, so that whoever gets one can say whose it is: datagrams
//! of streams, probes, and the bytes of transfers. All numbers are big-endian.

use crate::world::Random;

/// The first bytes of a datagram of a stream.
const STREAM: [u8; 4] = *b"WSTR";
/// The first bytes of a probe.
const PROBE: [u8; 4] = *b"WPRB";

/// A datagram of a stream: number and time of sending. The rest is padding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Datagram {
    /// Which stream, among those of one sender.
    pub(super) stream: u32,
    /// Its number, from 0.
    pub(super) sequence: u64,
    /// When it was sent, in microseconds.
    pub(super) sent: u64,
}

impl Datagram {
    /// The length without padding, in bytes.
    pub(super) const LENGTH: usize = 24;

    /// The datagram, padded with zeros.
    pub(super) fn encode(&self, length: usize) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(length.max(Self::LENGTH));
        bytes.extend(STREAM);
        bytes.extend(self.stream.to_be_bytes());
        bytes.extend(self.sequence.to_be_bytes());
        bytes.extend(self.sent.to_be_bytes());
        bytes.resize(length.max(Self::LENGTH), 0);
        bytes
    }

    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let (stream, rest) = number(bytes.strip_prefix(&STREAM)?)?;
        let (sequence, rest) = number(rest)?;
        let (sent, _) = number(rest)?;
        Some(Self {
            stream: u32::from_be_bytes(stream),
            sequence: u64::from_be_bytes(sequence),
            sent: u64::from_be_bytes(sent),
        })
    }
}

/// A single datagram that says who sent it and who is to get it, in the numbers of whoever made both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Probe {
    /// Which round of probes.
    pub run: u32,
    /// The number of the sender.
    pub from: u32,
    /// The number of the receiver that is meant.
    pub to: u32,
}

impl Probe {
    pub(super) fn encode(self) -> Vec<u8> {
        [
            PROBE,
            self.run.to_be_bytes(),
            self.from.to_be_bytes(),
            self.to.to_be_bytes(),
        ]
        .concat()
    }

    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let (run, rest) = number(bytes.strip_prefix(&PROBE)?)?;
        let (from, rest) = number(rest)?;
        let (to, _) = number(rest)?;
        Some(Self {
            run: u32::from_be_bytes(run),
            from: u32::from_be_bytes(from),
            to: u32::from_be_bytes(to),
        })
    }
}

/// The first bytes as an array, and the others.
fn number<const N: usize>(bytes: &[u8]) -> Option<([u8; N], &[u8])> {
    let (number, rest) = bytes.split_first_chunk()?;
    Some((*number, rest))
}

/// The byte at a place of every transfer: whoever receives it knows what it must be.
pub(super) fn byte_at(place: u64) -> u8 {
    Random::new(place / 8).bits().to_be_bytes()[(place % 8) as usize]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let datagram = Datagram {
            stream: 7,
            sequence: 1 << 40,
            sent: 3,
        };
        assert_eq!(Datagram::decode(&datagram.encode(100)), Some(datagram));
        assert_eq!(datagram.encode(0).len(), Datagram::LENGTH);
        let probe = Probe {
            run: 1,
            from: 2,
            to: 3,
        };
        assert_eq!(Probe::decode(&probe.encode()), Some(probe));
        assert_eq!(Datagram::decode(&probe.encode()), None);
        assert_eq!(Probe::decode(&probe.encode()[..15]), None);
    }
}
