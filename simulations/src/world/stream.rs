//! One direction of a connection: bytes on their way, in order, with delay and rate.
//!
//! What is in flight is bounded, as a socket's buffers are: who sends more keeps it. What the bytes say is not known here.

use std::collections::VecDeque;

use bytes::Bytes;

/// Bytes that may be in flight; then the sender waits.
const WINDOW: usize = 256 << 10;

/// What a reader gets at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Segment {
    /// Bytes, in pieces as they were written.
    Bytes(Vec<Bytes>),
    /// The other side has closed the connection.
    End,
}

/// Bytes on their way.
#[derive(Debug, Default)]
pub(super) struct Stream {
    segments: VecDeque<(u64, Segment)>,
    in_flight: usize,
    /// When the last segment arrives: none overtakes another.
    last: u64,
    /// Bytes per second that the reader takes; as many as come when none.
    pub(super) rate: Option<u64>,
}

impl Stream {
    /// An empty one, whose reader takes so many bytes per second.
    pub(super) fn of_rate(rate: Option<u64>) -> Self {
        Self {
            rate,
            ..Self::default()
        }
    }

    /// Whether more may be written.
    pub(super) fn has_room(&self) -> bool {
        self.in_flight < WINDOW
    }

    /// Sends something that takes `delay` microseconds; gives the time of its arrival.
    pub(super) fn send(&mut self, now: u64, delay: u64, segment: Segment) -> u64 {
        let bytes = length(&segment);
        let taking = match self.rate {
            Some(rate) => (bytes as u64).saturating_mul(1_000_000) / rate.max(1),
            None => 0,
        };
        self.last = now
            .saturating_add(delay)
            .max(self.last)
            .saturating_add(taking);
        self.in_flight += bytes;
        self.segments.push_back((self.last, segment));
        self.last
    }

    /// What has arrived.
    pub(super) fn receive(&mut self, now: u64) -> Option<Segment> {
        self.segments.front().filter(|(at, _)| *at <= now)?;
        let (_, segment) = self.segments.pop_front()?;
        self.in_flight -= length(&segment);
        Some(segment)
    }

    /// Loses everything that is on its way.
    pub(super) fn lose(&mut self) {
        self.segments.clear();
        self.in_flight = 0;
    }
}

fn length(segment: &Segment) -> usize {
    match segment {
        Segment::Bytes(pieces) => pieces.iter().map(Bytes::len).sum(),
        Segment::End => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(length: usize) -> Segment {
        Segment::Bytes(vec![Bytes::from(vec![0; length])])
    }

    #[test]
    fn nothing_overtakes() {
        let mut stream = Stream::default();
        assert_eq!(stream.send(0, 100, bytes(1)), 100);
        assert_eq!(stream.send(10, 5, Segment::End), 100);
        assert_eq!(stream.receive(99), None);
        assert_eq!(stream.receive(100), Some(bytes(1)));
        assert_eq!(stream.receive(100), Some(Segment::End));
    }

    #[test]
    fn a_slow_reader_gets_it_later_and_holds_the_sender_up() {
        let mut stream = Stream {
            rate: Some(1_000_000),
            ..Stream::default()
        };
        assert_eq!(stream.send(0, 10, bytes(1_000)), 1_010);
        assert_eq!(stream.send(0, 10, bytes(WINDOW)), 1_010 + WINDOW as u64);
        assert!(!stream.has_room());
        while stream.receive(u64::MAX).is_some() {}
        assert!(stream.has_room());
    }
}
