//! One direction of a link with a rate: when it is free for a packet.
//!
//! Packets come in the order in which they are sent, not in that in which they reach the link: one from afar reserves its
//! time before one from near by asks, and must not hold it up. So a lane remembers when it is busy, and gives a packet
//! the first time that is long enough. All times are nanoseconds.

use std::collections::BTreeMap;

/// When a lane is busy: beginnings and ends, apart from each other.
#[derive(Debug, Clone, Default)]
pub(super) struct Lane {
    busy: BTreeMap<u64, u64>,
}

impl Lane {
    /// When a packet that comes `at` that time can begin, if it takes so long.
    pub(super) fn free(&self, at: u64, length: u64) -> u64 {
        let before = self.busy.range(..=at).next_back();
        let mut start = before.map_or(at, |(_, end)| at.max(*end));
        for (next, end) in self.busy.range(start..) {
            if *next >= start.saturating_add(length) {
                break;
            }
            start = *end;
        }
        start
    }

    /// Takes a time that is free; what ended before `now` is forgotten.
    pub(super) fn take(&mut self, start: u64, length: u64, now: u64) {
        while self
            .busy
            .first_key_value()
            .is_some_and(|(_, end)| *end <= now)
        {
            self.busy.pop_first();
        }
        if length == 0 {
            return;
        }
        let end = start.saturating_add(length);
        let end = self.busy.remove(&end).unwrap_or(end);
        match self.busy.range_mut(..=start).next_back() {
            Some((_, before)) if *before == start => *before = end,
            _ => _ = self.busy.insert(start, end),
        }
    }

    #[cfg(test)]
    fn spans(&self) -> Vec<(u64, u64)> {
        self.busy
            .iter()
            .map(|(start, end)| (*start, *end))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_packet_from_afar_does_not_hold_up_one_from_near_by() {
        let mut lane = Lane::default();
        lane.take(lane.free(1000, 10), 10, 0);
        assert_eq!(lane.free(5, 10), 5);
        assert_eq!(lane.free(995, 10), 1010, "the time before is too short");
        assert_eq!(lane.free(990, 10), 990);
    }

    #[test]
    fn packets_one_after_the_other_are_one_busy_time() {
        let mut lane = Lane::default();
        for _ in 0..1000 {
            lane.take(lane.free(0, 7), 7, 0);
        }
        assert_eq!(lane.spans(), [(0, 7000)]);
        lane.take(lane.free(8000, 7), 7, 7000);
        assert_eq!(lane.spans(), [(8000, 8007)], "what is over is forgotten");
    }

    proptest! {
        #[test]
        fn no_two_packets_have_the_lane_at_once(packets in prop::collection::vec((0u64..200, 0u64..20), 1..60)) {
            let mut lane = Lane::default();
            let mut taken: Vec<(u64, u64)> = Vec::new();
            for (at, length) in packets {
                let start = lane.free(at, length);
                prop_assert!(start >= at);
                for (from, to) in &taken {
                    prop_assert!(length == 0 || start + length <= *from || start >= *to);
                }
                lane.take(start, length, 0);
                if length > 0 {
                    taken.push((start, start + length));
                }
            }
            let whole: u64 = taken.iter().map(|(from, to)| to - from).sum();
            prop_assert_eq!(lane.spans().iter().map(|(from, to)| to - from).sum::<u64>(), whole);
        }
    }
}
