//! The queue of events: by time, and at one time in the order in which they were put there.
//!
//! What events are is not known here; see [`super::World`].

use std::cmp::Ordering;
use std::collections::BinaryHeap;

/// What is known of an event by whoever keeps the queue.
pub(super) trait Timed {
    /// Whether it comes again and again for as long as the world lives, so that a world in which only such events
    /// are left is at rest.
    fn is_timer(&self) -> bool;
}

struct Entry<E> {
    at: u64,
    number: u64,
    event: E,
}

impl<E> Ord for Entry<E> {
    /// The earliest is the greatest.
    fn cmp(&self, other: &Self) -> Ordering {
        (other.at, other.number).cmp(&(self.at, self.number))
    }
}

impl<E> PartialOrd for Entry<E> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<E> PartialEq for Entry<E> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl<E> Eq for Entry<E> {}

/// Events that are to come.
pub(super) struct Queue<E> {
    entries: BinaryHeap<Entry<E>>,
    next: u64,
    /// How many of them are no timers.
    busy: usize,
}

impl<E: Timed> Queue<E> {
    pub(super) fn new() -> Self {
        Self {
            entries: BinaryHeap::new(),
            next: 0,
            busy: 0,
        }
    }

    pub(super) fn push(&mut self, at: u64, event: E) {
        self.busy += usize::from(!event.is_timer());
        let number = self.next;
        self.next += 1;
        self.entries.push(Entry { at, number, event });
    }

    /// The next event and its time, unless it is later than `limit`.
    pub(super) fn pop(&mut self, limit: u64) -> Option<(u64, E)> {
        if self.entries.peek()?.at > limit {
            return None;
        }
        let Entry { at, event, .. } = self.entries.pop()?;
        self.busy -= usize::from(!event.is_timer());
        Some((at, event))
    }

    /// When the next event is.
    pub(super) fn next_time(&self) -> Option<u64> {
        self.entries.peek().map(|entry| entry.at)
    }

    /// Whether anything is to come but timers.
    pub(super) fn is_busy(&self) -> bool {
        self.busy > 0
    }

    /// How many events there ever were.
    pub(super) fn total(&self) -> u64 {
        self.next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Timed for char {
        fn is_timer(&self) -> bool {
            self.is_uppercase()
        }
    }

    #[test]
    fn events_come_by_time_and_then_by_their_order() {
        let mut queue = Queue::new();
        for (at, event) in [(2, 'c'), (1, 'a'), (2, 'D'), (1, 'b')] {
            queue.push(at, event);
        }
        assert_eq!(queue.pop(0), None);
        let order: String = std::iter::from_fn(|| queue.pop(9))
            .map(|(_, e)| e)
            .collect();
        assert_eq!(order, "abcD");
    }

    #[test]
    fn a_queue_of_timers_is_at_rest() {
        let mut queue = Queue::new();
        queue.push(1, 'a');
        queue.push(2, 'B');
        assert!(queue.is_busy());
        assert_eq!(queue.pop(9), Some((1, 'a')));
        assert!(!queue.is_busy());
        assert_eq!(queue.total(), 2);
    }
}
