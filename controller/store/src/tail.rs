//! The last entries of the log, kept in memory: what nearly every conflict is found with.
//!
//! Knows neither the database nor what a row is.

use std::collections::VecDeque;

use weft_schema::{LogEntry, Read, Revision};

/// How many row changes are kept at most.
const ROWS: usize = 20_000;

/// Consecutive entries up to the last one that this process has seen.
#[derive(Debug, Default)]
pub(crate) struct Tail {
    entries: VecDeque<LogEntry>,
    rows: usize,
    head: Revision,
}

impl Tail {
    /// An empty one behind the entry `head`.
    pub(crate) fn behind(head: Revision) -> Self {
        Tail {
            head,
            ..Tail::default()
        }
    }

    /// The number of the last entry.
    pub(crate) fn head(&self) -> Revision {
        self.head
    }

    /// The revision before the first entry that is kept.
    pub(crate) fn start(&self) -> Revision {
        self.head - self.entries.len() as Revision
    }

    /// Appends the next entry; the oldest ones go when there are too many.
    pub(crate) fn push(&mut self, entry: LogEntry) {
        debug_assert_eq!(entry.revision, self.head + 1);
        self.head = entry.revision;
        self.rows += entry.rows.len();
        self.entries.push_back(entry);
        while self.rows > ROWS || self.entries.len() > ROWS {
            let Some(oldest) = self.entries.pop_front() else {
                break;
            };
            self.rows -= oldest.rows.len();
        }
    }

    /// The first of `reads` that an entry after `since` touched.
    pub(crate) fn touched<'a>(&self, reads: &'a [Read], since: Revision) -> Option<&'a Read> {
        let skip = since.saturating_sub(self.start()) as usize;
        touched(self.entries.iter().skip(skip), reads)
    }
}

/// The first of `reads` that one of `entries` touched.
pub(crate) fn touched<'a, 'e>(
    entries: impl IntoIterator<Item = &'e LogEntry>,
    reads: &'a [Read],
) -> Option<&'a Read> {
    entries
        .into_iter()
        .find_map(|entry| reads.iter().find(|read| entry.touches(read)))
}

#[cfg(test)]
mod tests {
    use weft_schema::{Actor, RowChange, RowKey};

    use super::*;

    fn entry(revision: Revision, rows: usize) -> LogEntry {
        let row = |index| RowChange {
            key: RowKey {
                kind: "port".into(),
                id: format!("{revision}-{index}").into(),
            },
            before: None,
            after: None,
        };
        LogEntry {
            revision,
            time_us: 0,
            actor: Actor::default(),
            rows: (0..rows).map(row).collect(),
            claims: vec![],
        }
    }

    fn read(id: &str) -> [Read; 1] {
        [Read::Row(RowKey {
            kind: "port".into(),
            id: id.into(),
        })]
    }

    #[test]
    fn only_entries_after_the_revision_count() {
        let mut tail = Tail::behind(10);
        (11..=13).for_each(|revision| tail.push(entry(revision, 1)));
        assert!(tail.touched(&read("12-0"), 10).is_some());
        assert!(tail.touched(&read("12-0"), 11).is_some());
        assert!(tail.touched(&read("12-0"), 12).is_none());
        assert!(tail.touched(&read("13-0"), 13).is_none());
    }

    #[test]
    fn memory_is_bounded_by_row_changes() {
        let mut tail = Tail::behind(0);
        (1..=5).for_each(|revision| tail.push(entry(revision, ROWS / 2)));
        assert_eq!((tail.start(), tail.head()), (3, 5));
        tail.push(entry(6, ROWS + 1));
        assert_eq!((tail.start(), tail.head()), (6, 6));
    }
}
