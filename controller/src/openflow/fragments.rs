//! IP datagrams put together from fragments, as RFC 791, 3.2 and RFC 8200, 4.5 have them.
//!
//! It knows bytes with places, and nothing of what is in them. Fragments that overlap, other than one that came
//! twice, are not to be trusted: what they belong to is forgotten, as Linux does (RFC 5722). Memory is bounded:
//! where too much waits, the oldest datagram is forgotten.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

/// What waits, at most, in bytes, counting what keeping it costs.
const WAITING_LIMIT: usize = 4 << 20;
/// What a fragment costs beside its bytes, the first one with its datagram.
const FRAGMENT_COST: usize = 256;
/// How long fragments are of one datagram (Linux: `ipfrag_time`), in nanoseconds.
const LIFETIME: i128 = 30_000_000_000;
/// The longest payload of a datagram.
const LONGEST: usize = 65_535;

/// What the fragments of a datagram have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Key {
    /// Who sent it.
    pub(super) source: IpAddr,
    /// To whom.
    pub(super) destination: IpAddr,
    /// Its number.
    pub(super) identification: u32,
}

/// A part of a datagram's payload.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fragment<'a> {
    /// Where it belongs, in bytes.
    pub(super) offset: u16,
    /// Whether it is not the last.
    pub(super) more: bool,
    /// Its bytes.
    pub(super) bytes: &'a [u8],
}

/// Datagrams that are not whole.
#[derive(Debug, Default)]
pub(super) struct Fragments {
    /// By age.
    datagrams: BTreeMap<u64, Datagram>,
    /// Where they are.
    places: HashMap<Key, u64>,
    /// The place of the next one.
    next: u64,
    /// What they cost.
    cost: usize,
}

#[derive(Debug)]
struct Datagram {
    key: Key,
    /// When its first fragment came.
    time: i128,
    /// By their places; none overlaps another.
    parts: BTreeMap<usize, Vec<u8>>,
    /// Bytes that are there.
    received: usize,
    /// Bytes of it all, once the last fragment is there.
    length: Option<usize>,
}

impl Fragments {
    /// Takes a fragment that came at `time`, in nanoseconds; the payload when it is whole now.
    pub(super) fn add(&mut self, key: Key, fragment: Fragment<'_>, time: i128) -> Option<Vec<u8>> {
        let end = usize::from(fragment.offset) + fragment.bytes.len();
        let whole_words = !fragment.more || fragment.bytes.len().is_multiple_of(8);
        if fragment.bytes.is_empty() || end > LONGEST || !whole_words {
            return None;
        }
        let place = self.place(key, time);
        let datagram = self.datagrams.get_mut(&place)?;
        match datagram.add(fragment) {
            Some(cost) => self.cost += cost,
            None => {
                self.forget(place);
                return None;
            }
        }
        if datagram.length == Some(datagram.received) {
            let whole = self.forget(place)?;
            return Some(whole.parts.into_values().flatten().collect());
        }
        while self.cost > WAITING_LIMIT {
            let (oldest, _) = self.datagrams.first_key_value()?;
            self.forget(*oldest);
        }
        None
    }

    /// The place of the datagram with that key.
    fn place(&mut self, key: Key, time: i128) -> u64 {
        if let Some(place) = self.places.get(&key).copied() {
            let known = self.datagrams.get(&place);
            if known.is_some_and(|known| time - known.time <= LIFETIME) {
                return place;
            }
            self.forget(place);
        }
        let place = self.next;
        self.next += 1;
        self.places.insert(key, place);
        self.datagrams.insert(place, Datagram::new(key, time));
        place
    }

    fn forget(&mut self, place: u64) -> Option<Datagram> {
        let datagram = self.datagrams.remove(&place)?;
        self.places.remove(&datagram.key);
        self.cost -= datagram.received + FRAGMENT_COST * datagram.parts.len();
        Some(datagram)
    }
}

impl Datagram {
    fn new(key: Key, time: i128) -> Self {
        Self {
            key,
            time,
            parts: BTreeMap::new(),
            received: 0,
            length: None,
        }
    }

    /// Takes a fragment, and says what it costs; none when it contradicts the others.
    fn add(&mut self, fragment: Fragment<'_>) -> Option<usize> {
        let start = usize::from(fragment.offset);
        let end = start + fragment.bytes.len();
        let length = match fragment.more {
            true => self.length,
            false => Some(end),
        };
        let last = self.parts.last_key_value();
        let known = last.map_or(0, |(start, bytes)| start + bytes.len());
        if self.length.is_some_and(|known| length != Some(known))
            || length.is_some_and(|length| length < end.max(known))
        {
            return None;
        }
        self.length = length;
        if self
            .parts
            .get(&start)
            .is_some_and(|part| part == fragment.bytes)
        {
            return Some(0);
        }
        let before = self.parts.range(..end).next_back();
        if before.is_some_and(|(at, bytes)| at + bytes.len() > start) {
            return None;
        }
        self.parts.insert(start, fragment.bytes.to_vec());
        self.received += fragment.bytes.len();
        Some(FRAGMENT_COST + fragment.bytes.len())
    }
}

#[cfg(test)]
mod tests {
    //! Datagrams whose fragments come in every order, twice, never, or to do harm.

    use super::*;

    fn key(identification: u32) -> Key {
        Key {
            source: [10, 0, 0, 1].into(),
            destination: [10, 0, 0, 2].into(),
            identification,
        }
    }

    fn payload(length: usize) -> Vec<u8> {
        (0..length).map(|at| (at % 251) as u8).collect()
    }

    /// Hands over bytes of a payload.
    fn add(fragments: &mut Fragments, whole: &[u8], from: usize, to: usize) -> Option<Vec<u8>> {
        let fragment = Fragment {
            offset: from as u16,
            more: to < whole.len(),
            bytes: &whole[from..to],
        };
        fragments.add(key(7), fragment, 0)
    }

    #[test]
    fn fragments_make_the_whole_in_every_order_and_when_they_come_twice() {
        let whole = payload(50);
        let parts = [(0, 16), (16, 24), (24, 48), (48, 50)];
        for order in [
            vec![0, 1, 2, 3],
            vec![3, 2, 1, 0],
            vec![2, 0, 3, 1],
            vec![0, 0, 3, 3, 1, 1, 2],
        ] {
            let mut fragments = Fragments::default();
            let (last, first) = order.split_last().unwrap();
            for at in first {
                let (from, to) = parts[*at];
                assert_eq!(add(&mut fragments, &whole, from, to), None);
            }
            let (from, to) = parts[*last];
            assert_eq!(add(&mut fragments, &whole, from, to), Some(whole.clone()));
            assert_eq!((fragments.cost, fragments.places.len()), (0, 0));
        }
    }

    #[test]
    fn fragments_that_contradict_each_other_make_nothing() {
        let whole = payload(64);
        // Overlaps before, behind and around; what is behind the end; another end.
        for second in [(8, 24), (0, 24), (16, 40), (8, 48)] {
            let mut fragments = Fragments::default();
            assert_eq!(add(&mut fragments, &whole, 16, 32), None);
            assert_eq!(add(&mut fragments, &whole, second.0, second.1), None);
            assert_eq!((fragments.cost, fragments.places.len()), (0, 0));
        }
        let mut changed = whole.clone();
        changed[20] ^= 1;
        let mut fragments = Fragments::default();
        assert_eq!(add(&mut fragments, &whole, 16, 32), None);
        assert_eq!(add(&mut fragments, &changed, 16, 32), None);
        assert_eq!(fragments.cost, 0);
        for shorter in [(24, 32), (0, 32)] {
            let mut fragments = Fragments::default();
            assert_eq!(add(&mut fragments, &whole, 48, 64), None);
            let end = &whole[..shorter.1];
            assert_eq!(add(&mut fragments, end, shorter.0, shorter.1), None);
            assert_eq!(fragments.cost, 0);
        }
    }

    #[test]
    fn what_no_fragment_can_be_is_left_out() {
        let mut fragments = Fragments::default();
        let whole = payload(65_535);
        for (offset, more, length) in [(0, true, 7), (8, false, 0), (65_528, false, 8)] {
            let fragment = Fragment {
                offset,
                more,
                bytes: &whole[..length],
            };
            assert_eq!(fragments.add(key(1), fragment, 0), None);
            assert_eq!((fragments.cost, fragments.places.len()), (0, 0));
        }
        assert_eq!(add(&mut fragments, &whole, 65_528, 65_535), None);
        assert_eq!(add(&mut fragments, &whole, 0, 65_528), Some(whole.clone()));
    }

    #[test]
    fn a_number_that_is_used_again_later_is_another_datagram() {
        let mut fragments = Fragments::default();
        let (old, new) = (payload(16), [9; 16]);
        let part = |bytes, offset, more| Fragment {
            offset,
            more,
            bytes,
        };
        assert_eq!(fragments.add(key(7), part(&old[..8], 0, true), 0), None);
        let later = LIFETIME + 1;
        assert_eq!(
            fragments.add(key(7), part(&new[8..], 8, false), later),
            None
        );
        let whole = fragments.add(key(7), part(&new[..8], 0, true), later);
        assert_eq!(whole, Some(new.to_vec()));
        assert_eq!(fragments.cost, 0);
    }

    #[test]
    fn what_waits_takes_bounded_memory_and_the_youngest_stay() {
        let mut fragments = Fragments::default();
        let whole = payload(2000);
        let count = 10_000;
        for at in 0..count {
            for (offset, bytes) in [(0, &whole[..8]), (1000, &whole[1000..1800])] {
                let fragment = Fragment {
                    offset,
                    more: true,
                    bytes,
                };
                assert_eq!(fragments.add(key(at), fragment, 0), None);
                assert!(fragments.cost <= WAITING_LIMIT);
                assert_eq!(fragments.places.len(), fragments.datagrams.len());
            }
        }
        assert!(!fragments.places.contains_key(&key(0)));
        assert!(fragments.places.contains_key(&key(count - 1)));
    }
}
