//! The receiving end of one numbered stream: what came, what came twice or late, what is missing, and for how long
//! nothing came. It knows numbers and times only.

use std::net::SocketAddr;

use serde::Serialize;

use super::Durations;

/// How many of the latest numbers are told apart, a multiple of 64: what comes later than that is reordered, and
/// nobody knows whether it came before.
const WINDOW: u64 = 4096;
const WORDS: usize = (WINDOW / 64) as usize;
/// How many rows of missing numbers are remembered.
const ROWS: usize = 1024;

/// When something came.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Arrivals {
    /// How often.
    pub count: u64,
    /// The first time, in microseconds.
    pub first: u64,
    /// The last time.
    pub last: u64,
    /// The longest time between two.
    pub longest_gap: u64,
    /// When that began.
    pub gap_began: u64,
}

impl Arrivals {
    /// Something comes.
    pub fn add(&mut self, now: u64) {
        if self.count == 0 {
            self.first = now;
        } else if now.saturating_sub(self.last) > self.longest_gap {
            (self.longest_gap, self.gap_began) = (now - self.last, self.last);
        }
        self.last = now;
        self.count += 1;
    }

    /// Both, where the other one began later.
    #[must_use]
    pub fn then(self, later: Self) -> Self {
        let between = (later.first.saturating_sub(self.last), self.last);
        let gaps = [
            (self.longest_gap, self.gap_began),
            between,
            (later.longest_gap, later.gap_began),
        ];
        let (longest_gap, gap_began) = gaps.into_iter().max_by_key(|gap| gap.0).unwrap_or_default();
        Self {
            count: self.count + later.count,
            first: self.first,
            last: self.last.max(later.last),
            longest_gap,
            gap_began,
        }
    }

    /// The longest time without anything between two times, before the first and after the last included, and when it
    /// began.
    #[must_use]
    pub fn silence(&self, from: u64, until: u64) -> (u64, u64) {
        if self.count == 0 {
            return (until.saturating_sub(from), from);
        }
        let gaps = [
            (self.first.saturating_sub(from), from),
            (self.longest_gap, self.gap_began),
            (until.saturating_sub(self.last), self.last),
        ];
        gaps.into_iter().max_by_key(|gap| gap.0).unwrap_or_default()
    }
}

/// Numbers that did not come.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Missing {
    /// How many.
    pub count: u64,
    /// The most in a row.
    pub longest: u64,
    /// The first rows: the number that is missing first, and how many are. At most 1,024.
    pub rows: Vec<(u64, u64)>,
    /// The latest row.
    #[serde(skip)]
    latest: (u64, u64),
}

impl Missing {
    /// Counts missing numbers, higher than all that were counted before.
    pub(super) fn add(&mut self, start: u64, count: u64) {
        let (latest, length) = self.latest;
        let grows = length > 0 && latest + length == start;
        self.latest = if grows {
            (latest, length + count)
        } else {
            (start, count)
        };
        if !grows && self.rows.len() < ROWS {
            self.rows.push(self.latest);
        } else if let Some(row) = self.rows.last_mut().filter(|row| grows && row.0 == latest) {
            *row = self.latest;
        }
        self.count = self.count.saturating_add(count);
        self.longest = self.longest.max(self.latest.1);
    }
}

/// What was counted of one stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FlowReport {
    /// Its sender, as the receiver sees it.
    pub from: SocketAddr,
    /// Its number.
    pub stream: u32,
    /// Different datagrams.
    pub received: u64,
    /// Datagrams that came before.
    pub doubled: u64,
    /// Datagrams that came after one with a higher number.
    pub reordered: u64,
    /// Numbers below the highest one that did not come, or came when thousands of higher ones had come. What is
    /// missing at the end the sender knows.
    pub missing: Missing,
    /// From sending to receiving.
    pub delays: Durations,
    /// When datagrams came.
    pub arrivals: Arrivals,
    /// The highest number.
    pub highest: u64,
}

/// One stream.
#[derive(Debug)]
pub(super) struct Flow {
    /// Whether a number came, by its remainder, for those from `base` on.
    window: Box<[u64; WORDS]>,
    /// The lowest number in the window: lower ones are decided.
    base: u64,
    report: FlowReport,
}

impl Flow {
    pub(super) fn new(from: SocketAddr, stream: u32) -> Self {
        Self {
            window: Box::new([0; WORDS]),
            base: 0,
            report: FlowReport {
                from,
                stream,
                received: 0,
                doubled: 0,
                reordered: 0,
                missing: Missing::default(),
                delays: Durations::default(),
                arrivals: Arrivals::default(),
                highest: 0,
            },
        }
    }

    /// Counts a datagram.
    pub(super) fn take(&mut self, sequence: u64, sent: u64, now: u64) {
        let report = &mut self.report;
        if report.arrivals.count > 0 && sequence < report.highest {
            report.reordered += 1;
        }
        report.arrivals.add(now);
        report.highest = report.highest.max(sequence);
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

    /// Decides all numbers below `base`, which may be far beyond the window.
    fn slide(&mut self, base: u64) {
        let end = base.min(self.base.saturating_add(WINDOW));
        for sequence in self.base..end {
            let (word, bit) = place(sequence);
            if self.window[word] & bit == 0 {
                self.report.missing.add(sequence, 1);
            }
            self.window[word] &= !bit;
        }
        if end < base {
            self.report.missing.add(end, base - end);
        }
        self.base = self.base.max(base);
    }

    /// What was counted until now: what is missing below the highest number counts as missing.
    pub(super) fn report(&self) -> FlowReport {
        let mut report = self.report.clone();
        for sequence in self.base..report.highest {
            let (word, bit) = place(sequence);
            if self.window[word] & bit == 0 {
                report.missing.add(sequence, 1);
            }
        }
        report
    }
}

/// The place of a number in the window.
const fn place(sequence: u64) -> (usize, u64) {
    let index = sequence % WINDOW;
    ((index / 64) as usize, 1 << (index % 64))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flow(sequences: impl IntoIterator<Item = u64>) -> FlowReport {
        let mut flow = Flow::new(([10, 0, 0, 1], 1).into(), 0);
        for (at, sequence) in sequences.into_iter().enumerate() {
            flow.take(sequence, 0, at as u64);
        }
        flow.report()
    }

    #[test]
    fn what_is_missing_doubled_and_late_is_counted() {
        let report = flow([0, 1, 3, 2, 3, 7, 10]);
        assert_eq!(report.received, 6);
        assert_eq!(report.doubled, 1);
        assert_eq!(report.reordered, 1);
        assert_eq!(report.missing.count, 5);
        assert_eq!(report.missing.longest, 3);
        assert_eq!(report.missing.rows, [(4, 3), (8, 2)]);
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
        assert_eq!(report.missing.count, 100_000 - received);
        assert_eq!(report.missing.longest, 20_000);
        assert_eq!(report.reordered, 0);
    }

    #[test]
    fn any_number_may_come() {
        let report = flow([u64::MAX - 1, 0, u64::MAX - 1, 5]);
        assert_eq!(report.reordered, 2);
        assert_eq!(report.doubled, 1);
        assert_eq!(report.missing.count, u64::MAX - 1);
    }

    #[test]
    fn the_longest_silence_is_found() {
        let mut flow = Flow::new(([10, 0, 0, 1], 1).into(), 0);
        for (sequence, at) in [(0, 10), (1, 20), (2, 520), (3, 530)] {
            flow.take(sequence, at - 5, at);
        }
        let report = flow.report();
        assert_eq!(report.arrivals.silence(0, 900), (500, 20));
        assert_eq!(report.delays.mean(), Some(5));
        assert_eq!(report.arrivals.silence(0, 1500), (970, 530));
    }
}
