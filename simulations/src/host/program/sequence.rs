//! The receiving end of one numbered stream: what came, what came twice or late, what is missing, and for how long
//! nothing came. It knows numbers and times only.

use std::net::SocketAddr;

use super::Durations;

/// How many of the latest numbers are told apart, a multiple of 64: what comes later than that is reordered, and
/// nobody knows whether it came before.
const WINDOW: u64 = 4096;
const WORDS: usize = (WINDOW / 64) as usize;
/// How many holes are remembered.
const HOLES: usize = 1024;

/// What was counted of one stream.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FlowReport {
    /// Its sender; `None` for a stream that nobody sent.
    pub from: Option<SocketAddr>,
    /// Its number among those of the sender.
    pub stream: u32,
    /// Different datagrams.
    pub received: u64,
    /// Datagrams that came before.
    pub doubled: u64,
    /// Datagrams that came after one with a higher number.
    pub reordered: u64,
    /// Numbers below the highest one that did not come. What is missing at the end the sender knows.
    pub lost: u64,
    /// The most numbers in a row that did not come.
    pub longest_loss: u64,
    /// From sending to receiving.
    pub delays: Durations,
    /// The longest time between two that came.
    pub longest_gap: u64,
    /// When that began.
    pub gap_began: u64,
    /// When the first came.
    pub first: u64,
    /// When the last came.
    pub last: u64,
    /// The highest number.
    pub highest: u64,
    /// The first holes: the number that is missing first, and how many are.
    pub holes: Vec<(u64, u64)>,
}

/// One stream.
#[derive(Debug)]
pub(super) struct Flow {
    /// Whether a number came, by its remainder, for those from `base` on.
    window: Box<[u64; WORDS]>,
    /// The lowest number in the window: lower ones are decided.
    base: u64,
    /// What is missing below `base`.
    holes: Holes,
    /// What else was counted.
    report: FlowReport,
}

impl Default for Flow {
    fn default() -> Self {
        Self {
            window: Box::new([0; WORDS]),
            base: 0,
            holes: Holes::default(),
            report: FlowReport::default(),
        }
    }
}

impl Flow {
    /// Counts a datagram.
    pub(super) fn take(&mut self, sequence: u64, sent: u64, now: u64) {
        let report = &mut self.report;
        let first = report.received == 0;
        if first {
            report.first = now;
        } else if now.saturating_sub(report.last) > report.longest_gap {
            (report.longest_gap, report.gap_began) = (now - report.last, report.last);
        }
        report.last = now;
        if !first && sequence < report.highest {
            report.reordered += 1;
        }
        report.highest = report.highest.max(sequence);
        // A number far beyond the window is one of a hostile sender, or after a long loss.
        if let Some(base) = sequence.saturating_add(1).checked_sub(WINDOW) {
            self.slide(base);
        }
        let report = &mut self.report;
        if sequence >= self.base {
            let (word, bit) = place(sequence);
            if self.window[word] & bit != 0 {
                report.doubled += 1;
                return;
            }
            self.window[word] |= bit;
        }
        report.received += 1;
        report.delays.add(now.saturating_sub(sent));
    }

    /// Decides all numbers below `base`.
    fn slide(&mut self, base: u64) {
        let end = base.min(self.base.saturating_add(WINDOW));
        for sequence in self.base..end {
            let (word, bit) = place(sequence);
            if self.window[word] & bit == 0 {
                self.holes.add(sequence, 1);
            }
            self.window[word] &= !bit;
        }
        if end < base {
            self.holes.add(end, base - end);
        }
        self.base = self.base.max(base);
    }

    /// What was counted until now: what is missing counts as lost.
    pub(super) fn report(&self, from: SocketAddr, stream: u32) -> FlowReport {
        let mut holes = self.holes.clone();
        for sequence in self.base..self.report.highest {
            let (word, bit) = place(sequence);
            if self.window[word] & bit == 0 {
                holes.add(sequence, 1);
            }
        }
        FlowReport {
            from: Some(from),
            stream,
            lost: holes.lost,
            longest_loss: holes.longest,
            holes: holes.first,
            ..self.report.clone()
        }
    }
}

/// The place of a number in the window.
const fn place(sequence: u64) -> (usize, u64) {
    let index = sequence % WINDOW;
    ((index / 64) as usize, 1 << (index % 64))
}

/// What is missing.
#[derive(Debug, Clone, Default)]
struct Holes {
    lost: u64,
    longest: u64,
    /// The latest: its first number, and how many are missing.
    latest: (u64, u64),
    first: Vec<(u64, u64)>,
}

impl Holes {
    /// Counts missing numbers, higher than all that were counted before.
    fn add(&mut self, start: u64, count: u64) {
        let (latest, length) = self.latest;
        let grows = length > 0 && latest + length == start;
        self.latest = if grows {
            (latest, length + count)
        } else {
            (start, count)
        };
        if !grows && self.first.len() < HOLES {
            self.first.push(self.latest);
        } else if let Some(hole) = self
            .first
            .last_mut()
            .filter(|hole| grows && hole.0 == latest)
        {
            *hole = self.latest;
        }
        self.lost = self.lost.saturating_add(count);
        self.longest = self.longest.max(self.latest.1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flow(sequences: impl IntoIterator<Item = u64>) -> FlowReport {
        let mut flow = Flow::default();
        for (at, sequence) in sequences.into_iter().enumerate() {
            flow.take(sequence, 0, at as u64);
        }
        flow.report(([10, 0, 0, 1], 1).into(), 0)
    }

    #[test]
    fn what_is_missing_doubled_and_late_is_counted() {
        let report = flow([0, 1, 3, 2, 3, 7, 10]);
        assert_eq!(report.received, 6);
        assert_eq!(report.doubled, 1);
        assert_eq!(report.reordered, 1);
        assert_eq!(report.lost, 5);
        assert_eq!(report.longest_loss, 3);
        assert_eq!(report.holes, [(4, 3), (8, 2)]);
    }

    #[test]
    fn a_long_stream_is_counted_exactly() {
        let sent = 0..100_000_u64;
        let report = flow(
            sent.clone()
                .filter(|n| n % 7 != 0 && !(5000..25_000).contains(n)),
        );
        let received = sent
            .filter(|n| n % 7 != 0 && !(5000..25_000).contains(n))
            .count() as u64;
        assert_eq!(report.received, received);
        assert_eq!(report.lost, 100_000 - received);
        assert_eq!(report.longest_loss, 20_000);
        assert_eq!(report.reordered, 0);
    }

    #[test]
    fn any_number_may_come() {
        let report = flow([u64::MAX - 1, 0, u64::MAX - 1, 5]);
        assert_eq!(report.reordered, 2);
        assert_eq!(report.doubled, 1);
        assert_eq!(report.lost, u64::MAX - 1);
    }

    #[test]
    fn the_longest_silence_is_found() {
        let mut flow = Flow::default();
        for (sequence, at) in [(0, 10), (1, 20), (2, 520), (3, 530)] {
            flow.take(sequence, at - 5, at);
        }
        let report = flow.report(([10, 0, 0, 1], 1).into(), 0);
        assert_eq!((report.longest_gap, report.gap_began), (500, 20));
        assert_eq!(report.delays.mean(), Some(5));
        assert_eq!((report.first, report.last), (10, 530));
    }
}
