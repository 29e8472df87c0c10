//! Neighbours: which Ethernet address an IP address of the same link has, and the packets that wait for it
//! (RFC 826, RFC 4861, 7.3). One machine serves both families, as Linux does; the asking itself is done by `link`.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::IpAddr;

use rust_openflow::MacAddr;

use super::SECOND;

/// Between two solicitations (RFC 4861, 10: RETRANS_TIMER).
const RETRANS: u64 = SECOND;
/// How many solicitations go to all, and to one, before a neighbour counts as gone (RFC 4861, 10).
const SOLICITATIONS: u8 = 3;
/// For how long an answer holds (RFC 4861, 10: REACHABLE_TIME).
const REACHABLE: u64 = 30 * SECOND;
/// How long after its use an old answer is asked again (RFC 4861, 10: DELAY_FIRST_PROBE_TIME).
const DELAY: u64 = 5 * SECOND;
/// How many packets wait for one neighbour; then the oldest is lost.
const WAITING: usize = 64;
/// How many neighbours are known (Linux: `gc_thresh3`).
const KNOWN: usize = 1024;

/// What there is to be done.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Due {
    /// Ask for the address: everybody, or the one who had it.
    Ask(IpAddr, Option<MacAddr>),
    /// Nobody answered; so many packets are lost.
    Gone(IpAddr, usize),
}

#[derive(Debug, Default)]
struct Entry {
    mac: Option<MacAddr>,
    /// Until then the answer holds; later it is still used, and asked again.
    fresh_until: u64,
    /// When something is due for it.
    at: Option<u64>,
    /// How often was it asked for, since `at` is set.
    asked: u8,
    waiting: VecDeque<Vec<u8>>,
}

/// All neighbours of a host.
#[derive(Debug, Default)]
pub(super) struct Neighbours {
    entries: BTreeMap<IpAddr, Entry>,
    /// (time, neighbour) for every entry with a time.
    timers: BTreeSet<(u64, IpAddr)>,
    /// How many packets were lost because too many waited.
    pub(super) overflowed: u64,
}

impl Neighbours {
    /// Where a packet goes: to this Ethernet address, or it waits until that is known.
    pub(super) fn send(
        &mut self,
        to: IpAddr,
        packet: Vec<u8>,
        now: u64,
    ) -> Option<(MacAddr, Vec<u8>)> {
        self.make_room(to);
        let entry = self.entries.entry(to).or_default();
        match entry.mac {
            Some(mac) => {
                if entry.at.is_none() && entry.fresh_until <= now {
                    self.schedule(to, Some(now + DELAY));
                }
                Some((mac, packet))
            }
            None => {
                if entry.waiting.len() == WAITING {
                    entry.waiting.pop_front();
                    self.overflowed += 1;
                }
                entry.waiting.push_back(packet);
                if entry.at.is_none() {
                    self.schedule(to, Some(now));
                }
                None
            }
        }
    }

    /// Somebody answered a question, or asked one himself (`create`). Gives the packets that waited.
    pub(super) fn learn(
        &mut self,
        who: IpAddr,
        mac: MacAddr,
        create: bool,
        confirmed: bool,
        now: u64,
    ) -> VecDeque<Vec<u8>> {
        if create {
            self.make_room(who);
            self.entries.entry(who).or_default();
        }
        let Some(entry) = self.entries.get_mut(&who) else {
            return VecDeque::new();
        };
        let moved = entry.mac.replace(mac) != Some(mac);
        if confirmed {
            entry.fresh_until = now + REACHABLE;
        } else if moved {
            entry.fresh_until = now;
        }
        let waiting = std::mem::take(&mut entry.waiting);
        if confirmed || moved {
            self.schedule(who, None);
        }
        waiting
    }

    /// Whether the address is known to be elsewhere than at `mac`.
    pub(super) fn mac(&self, who: IpAddr) -> Option<MacAddr> {
        self.entries.get(&who)?.mac
    }

    /// Forgets everything, as at boot.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    pub(super) fn next_timeout(&self) -> Option<u64> {
        self.timers.first().map(|(at, _)| *at)
    }

    /// The next thing that is due, if any is.
    pub(super) fn due(&mut self, now: u64) -> Option<Due> {
        let (at, who) = *self.timers.first()?;
        if at > now {
            return None;
        }
        let entry = self.entries.get_mut(&who)?;
        if entry.asked < SOLICITATIONS {
            let mac = entry.mac;
            let asked = entry.asked + 1;
            self.schedule(who, Some(now + RETRANS));
            if let Some(entry) = self.entries.get_mut(&who) {
                entry.asked = asked;
            }
            return Some(Due::Ask(who, mac));
        }
        let lost = entry.waiting.len();
        self.remove(who);
        Some(Due::Gone(who, lost))
    }

    /// Sets or stops the timer of an entry, and begins to count again when it is stopped.
    fn schedule(&mut self, who: IpAddr, at: Option<u64>) {
        let Some(entry) = self.entries.get_mut(&who) else {
            return;
        };
        if let Some(old) = std::mem::replace(&mut entry.at, at) {
            self.timers.remove(&(old, who));
        }
        match at {
            Some(at) => {
                self.timers.insert((at, who));
            }
            None => entry.asked = 0,
        }
    }

    fn remove(&mut self, who: IpAddr) {
        self.schedule(who, None);
        self.entries.remove(&who);
    }

    /// Forgets the oldest answer when there is no room for one more neighbour.
    fn make_room(&mut self, who: IpAddr) {
        if self.entries.len() < KNOWN || self.entries.contains_key(&who) {
            return;
        }
        let oldest = self
            .entries
            .iter()
            .min_by_key(|(_, entry)| (entry.at.is_some(), entry.fresh_until))
            .map(|(who, _)| *who);
        if let Some(oldest) = oldest {
            self.remove(oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAC: MacAddr = MacAddr([2, 0, 0, 0, 0, 9]);

    fn who(last: u8) -> IpAddr {
        [10, 0, 0, last].into()
    }

    #[test]
    fn packets_wait_until_the_neighbour_answers() {
        let mut neighbours = Neighbours::default();
        assert_eq!(neighbours.send(who(1), vec![1], 0), None);
        assert_eq!(neighbours.send(who(1), vec![2], 0), None);
        assert_eq!(neighbours.due(0), Some(Due::Ask(who(1), None)));
        assert_eq!(neighbours.due(0), None);
        let free = neighbours.learn(who(1), MAC, false, true, 5);
        assert_eq!(free, [vec![1], vec![2]]);
        assert_eq!(neighbours.next_timeout(), None);
        assert_eq!(
            neighbours.send(who(1), vec![3], 6),
            Some((MAC, vec![3])),
            "known from now on"
        );
    }

    #[test]
    fn a_silent_neighbour_is_given_up_after_three_questions() {
        let mut neighbours = Neighbours::default();
        neighbours.send(who(1), vec![1], 0);
        for question in 0..3 {
            let at = question * RETRANS;
            assert_eq!(neighbours.next_timeout(), Some(at));
            assert_eq!(neighbours.due(at), Some(Due::Ask(who(1), None)));
        }
        assert_eq!(neighbours.due(3 * RETRANS), Some(Due::Gone(who(1), 1)));
        assert_eq!(neighbours.next_timeout(), None);
    }

    #[test]
    fn an_old_answer_is_used_and_asked_again() {
        let mut neighbours = Neighbours::default();
        neighbours.send(who(1), vec![1], 0);
        neighbours.learn(who(1), MAC, false, true, 0);
        neighbours.send(who(1), vec![1], REACHABLE - 1);
        assert_eq!(neighbours.next_timeout(), None);
        assert!(neighbours.send(who(1), vec![1], REACHABLE).is_some());
        assert_eq!(neighbours.next_timeout(), Some(REACHABLE + DELAY));
        assert_eq!(
            neighbours.due(REACHABLE + DELAY),
            Some(Due::Ask(who(1), Some(MAC)))
        );
        neighbours.learn(who(1), MAC, false, true, REACHABLE + DELAY);
        assert_eq!(neighbours.next_timeout(), None);
    }

    #[test]
    fn who_was_not_asked_for_is_not_remembered() {
        let mut neighbours = Neighbours::default();
        neighbours.learn(who(1), MAC, false, true, 0);
        assert_eq!(neighbours.mac(who(1)), None);
    }

    #[test]
    fn memory_is_bounded() {
        let mut neighbours = Neighbours::default();
        for number in 0..5000_u32 {
            let who = IpAddr::from(std::net::Ipv4Addr::from(0x0a00_0000 + number));
            for _ in 0..100 {
                neighbours.send(who, vec![0], 0);
            }
        }
        assert_eq!(neighbours.entries.len(), KNOWN);
        assert_eq!(neighbours.timers.len(), KNOWN);
        assert!(neighbours.entries.values().all(|e| e.waiting.len() <= 64));
    }
}
