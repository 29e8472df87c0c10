//! The name spaces of claims, and how many of their keys are numbers that can be searched for a
//! free one: addresses, Ethernet addresses, segmentation ids, keys in flows.
//!
//! Who needs which claim is decided in `weft-engine`; the rows live in the log.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::RangeInclusive;

use rust_openflow::MacAddr;

use crate::log::Claim;

/// An address on a network: key `NETWORK-ID/ADDRESS`.
pub const IP: &str = "ip";
/// An Ethernet address on a network: key `NETWORK-ID/MAC`.
pub const MAC: &str = "mac";
/// A network's number in flows: key in decimal.
pub const DATAPATH_KEY: &str = "datapath-key";
/// A port's number in flows: key in decimal.
pub const PORT_KEY: &str = "port-key";
/// The id of a network on the wire: kind `segment/ENCAPSULATION`, key in decimal.
pub const SEGMENT: &str = "segment/";

/// The claim of an address on a network.
#[must_use]
pub fn ip(network: &str, ip: IpAddr) -> Claim {
    claim(IP, format!("{network}/{ip}"))
}

/// The claim of an Ethernet address on a network.
#[must_use]
pub fn mac(network: &str, mac: MacAddr) -> Claim {
    claim(MAC, format!("{network}/{mac}"))
}

/// The claim of a number in a name space whose keys are numbers.
#[must_use]
pub fn number(kind: &str, number: impl Display) -> Claim {
    claim(kind, number.to_string())
}

fn claim(kind: &str, key: String) -> Claim {
    Claim {
        kind: kind.into(),
        key: key.into(),
    }
}

/// What the last part of a key is a number of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Family {
    /// A decimal number.
    Number,
    /// An Ethernet address.
    Mac,
    /// An IPv4 address.
    V4,
    /// An IPv6 address.
    V6,
}

impl Family {
    /// The family of an address.
    #[must_use]
    pub const fn of(ip: IpAddr) -> Self {
        match ip {
            IpAddr::V4(_) => Self::V4,
            IpAddr::V6(_) => Self::V6,
        }
    }
}

/// An address as a number of its family.
#[must_use]
pub fn ip_number(ip: IpAddr) -> u128 {
    match ip {
        IpAddr::V4(ip) => u128::from(ip.to_bits()),
        IpAddr::V6(ip) => ip.to_bits(),
    }
}

/// Splits a key into its space, family and number; none when its last part is no number.
#[must_use]
pub fn place(key: &str) -> Option<(&str, Family, u128)> {
    let (space, item) = key.rsplit_once('/').unwrap_or(("", key));
    if let Ok(number) = item.parse::<u64>() {
        return Some((space, Family::Number, number.into()));
    }
    if let Ok(ip) = item.parse::<IpAddr>() {
        return Some((space, Family::of(ip), ip_number(ip)));
    }
    let mac: MacAddr = item.parse().ok()?;
    Some((space, Family::Mac, mac.to_u64().into()))
}

/// The claim of a number of some family in a space: the inverse of [`place`].
#[must_use]
pub fn numbered(kind: &str, space: &str, family: Family, number: u128) -> Claim {
    let item = match family {
        Family::Number => number.to_string(),
        Family::Mac => MacAddr::from_u64(number as u64).to_string(),
        Family::V4 => Ipv4Addr::from_bits(number as u32).to_string(),
        Family::V6 => Ipv6Addr::from_bits(number).to_string(),
    };
    match space {
        "" => claim(kind, item),
        _ => claim(kind, format!("{space}/{item}")),
    }
}

/// A set of numbers as its maximal runs, so that the next free one is found in logarithmic time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Runs(BTreeMap<u128, u128>);

impl Runs {
    /// Without any number.
    #[must_use]
    pub const fn new() -> Self {
        Self(BTreeMap::new())
    }

    /// The run that contains the number.
    fn run(&self, number: u128) -> Option<(u128, u128)> {
        let (&first, &last) = self.0.range(..=number).next_back()?;
        (number <= last).then_some((first, last))
    }

    /// Whether the number is in the set.
    #[must_use]
    pub fn contains(&self, number: u128) -> bool {
        self.run(number).is_some()
    }

    /// Whether nothing is in the set.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Puts a number in.
    pub fn insert(&mut self, number: u128) {
        if self.contains(number) {
            return;
        }
        let before = number.checked_sub(1).and_then(|one| self.run(one));
        let after = number.checked_add(1).and_then(|one| self.run(one));
        let first = before.map_or(number, |(first, _)| first);
        let last = after.map_or(number, |(_, last)| last);
        if let Some((first, _)) = after {
            self.0.remove(&first);
        }
        self.0.insert(first, last);
    }

    /// Takes a number out.
    pub fn remove(&mut self, number: u128) {
        let Some((first, last)) = self.run(number) else {
            return;
        };
        self.0.remove(&first);
        if first < number {
            self.0.insert(first, number - 1);
        }
        if number < last {
            self.0.insert(number + 1, last);
        }
    }

    /// The least number of `range` that is not in the set.
    #[must_use]
    pub fn lowest_free(&self, range: &RangeInclusive<u128>) -> Option<u128> {
        let candidate = match self.run(*range.start()) {
            Some((_, last)) => last.checked_add(1)?,
            None => *range.start(),
        };
        range.contains(&candidate).then_some(candidate)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn keys_are_placed_by_space_and_family() {
        assert_eq!(place("42"), Some(("", Family::Number, 42)));
        assert_eq!(place("n/0.0.0.7"), Some(("n", Family::V4, 7)));
        assert_eq!(place("n/::7"), Some(("n", Family::V6, 7)));
        assert_eq!(place("n/00:00:00:00:00:07"), Some(("n", Family::Mac, 7)));
        assert_eq!(place("n/some-name"), None);
    }

    #[test]
    fn runs_agree_with_a_set_of_numbers() {
        let mut runs = Runs::default();
        let mut set = BTreeSet::new();
        let mut seed = 7_u64;
        for _ in 0..20_000 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let number = u128::from(seed >> 33) % 64;
            if seed >> 32 & 1 == 0 {
                runs.insert(number);
                set.insert(number);
            } else {
                runs.remove(number);
                set.remove(&number);
            }
            let expected = (10..=50).find(|number| !set.contains(number));
            assert_eq!(runs.lowest_free(&(10..=50)), expected);
            assert_eq!(runs.contains(number), set.contains(&number));
        }
    }

    #[test]
    fn the_ends_of_the_number_space_are_numbers_too() {
        let mut runs = Runs::default();
        runs.insert(u128::MAX);
        runs.insert(0);
        assert_eq!(runs.lowest_free(&(u128::MAX..=u128::MAX)), None);
        assert_eq!(runs.lowest_free(&(0..=1)), Some(1));
        runs.remove(0);
        runs.remove(u128::MAX);
        assert!(runs.is_empty());
    }
}
