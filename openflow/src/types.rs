//! Addresses, port numbers and ids: values that cannot be wrong once they exist.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A text that is not what a type's text form must be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{text}' is not {expected}")]
pub struct ParseError {
    /// What was given.
    pub text: String,
    /// What was expected, with an article: "a MAC address ...".
    pub expected: &'static str,
}

impl ParseError {
    pub(crate) fn new(text: &str, expected: &'static str) -> Self {
        Self {
            text: text.to_owned(),
            expected,
        }
    }
}

/// An Ethernet address. Text form `aa:bb:cc:dd:ee:ff`, also parsed with `-`, and from the forms
/// `aabb.ccdd.eeff` and `aabbccddeeff`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct MacAddr(pub [u8; 6]);

impl MacAddr {
    /// `ff:ff:ff:ff:ff:ff`.
    pub const BROADCAST: Self = Self([0xff; 6]);

    /// True for multicast addresses and broadcast.
    #[must_use]
    pub const fn is_multicast(self) -> bool {
        self.0[0] & 1 == 1
    }

    /// The address as the low 48 bits of an integer.
    #[must_use]
    pub fn to_u64(self) -> u64 {
        self.0
            .iter()
            .fold(0, |value, byte| value << 8 | u64::from(*byte))
    }

    /// The address in the low 48 bits of an integer.
    #[must_use]
    pub fn from_u64(value: u64) -> Self {
        let [_, _, a, b, c, d, e, f] = value.to_be_bytes();
        Self([a, b, c, d, e, f])
    }
}

impl From<[u8; 6]> for MacAddr {
    fn from(octets: [u8; 6]) -> Self {
        Self(octets)
    }
}

impl fmt::Display for MacAddr {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, f] = self.0;
        write!(out, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{f:02x}")
    }
}

impl fmt::Debug for MacAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for MacAddr {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        const EXPECTED: &str = "a MAC address such as fa:16:3e:00:00:01";
        let wrong = || ParseError::new(text, EXPECTED);
        let group = match text.find([':', '-', '.']) {
            Some(at) => &text[at..=at],
            None => "",
        };
        let digits: String = match group {
            "" => text.to_owned(),
            "." => {
                let parts: Vec<&str> = text.split('.').collect();
                if parts.len() != 3 || parts.iter().any(|part| part.len() != 4) {
                    return Err(wrong());
                }
                parts.concat()
            }
            separator => {
                let parts: Vec<&str> = text.split(separator).collect();
                if parts.len() != 6 || parts.iter().any(|part| !(1..=2).contains(&part.len())) {
                    return Err(wrong());
                }
                parts.iter().map(|part| format!("{part:0>2}")).collect()
            }
        };
        if digits.len() != 12 || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Err(wrong());
        }
        u64::from_str_radix(&digits, 16)
            .map(Self::from_u64)
            .map_err(|_| wrong())
    }
}

impl Serialize for MacAddr {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for MacAddr {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// The 64-bit identity of a switch (OpenFlow 1.5.1, 7.3.1). Text form: 16 hex digits.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DatapathId(pub u64);

impl fmt::Display for DatapathId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl fmt::Debug for DatapathId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for DatapathId {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let digits = text.strip_prefix("0x").unwrap_or(text);
        let value = u64::from_str_radix(digits, 16)
            .map_err(|_| ParseError::new(text, "a datapath id of up to 16 hex digits"))?;
        Ok(Self(value))
    }
}

/// A port number in its 32-bit form; the 16-bit numbers of OpenFlow 1.0 are widened on decoding.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PortNo(pub u32);

/// Rows of the reserved ports: constant, number, name in `ovs-ofctl`, what it means.
macro_rules! reserved_ports {
    ($($constant:ident = $number:literal, $name:literal, $doc:literal;)*) => {
        impl PortNo {
            $(#[doc = $doc] pub const $constant: Self = Self($number);)*

            /// The name of a reserved port, as `ovs-ofctl` writes it.
            #[must_use]
            pub fn reserved_name(self) -> Option<&'static str> {
                match self.0 { $($number => Some($name),)* _ => None }
            }

            /// The reserved port of that name, in any letter case.
            #[must_use]
            pub fn from_reserved_name(name: &str) -> Option<Self> {
                $(if name.eq_ignore_ascii_case($name) { return Some(Self::$constant); })*
                None
            }
        }
    };
}

reserved_ports! {
    UNSET = 0xffff_fff7, "UNSET", "Output port not set in the action set, for matching (1.5.1, 7.2.1.2).";
    IN_PORT = 0xffff_fff8, "IN_PORT", "The port the packet came in by.";
    TABLE = 0xffff_fff9, "TABLE", "Start of the pipeline; only in packet-out.";
    NORMAL = 0xffff_fffa, "NORMAL", "The switch's own learning forwarding.";
    FLOOD = 0xffff_fffb, "FLOOD", "The switch's own flooding.";
    ALL = 0xffff_fffc, "ALL", "All ports but the one the packet came in by.";
    CONTROLLER = 0xffff_fffd, "CONTROLLER", "The controller, by packet-in.";
    LOCAL = 0xffff_fffe, "LOCAL", "The switch's own network device.";
    ANY = 0xffff_ffff, "ANY", "No port in particular; only where a filter is asked for.";
}

impl PortNo {
    /// The last number that an ordinary port can have (1.5.1, 7.2.1.2).
    pub const MAX: Self = Self(0xffff_ff00);

    /// The port of that 16-bit number, as OpenFlow 1.0 and Nicira's extensions write it. Reserved ports are
    /// the same numbers with the upper half set.
    #[must_use]
    pub fn from_u16(number: u16) -> Self {
        if number >= 0xff00 {
            Self(0xffff_0000 | u32::from(number))
        } else {
            Self(u32::from(number))
        }
    }

    /// Its 16-bit number, if it has one.
    #[must_use]
    pub fn to_u16(self) -> Option<u16> {
        let narrow = self.0 as u16;
        (Self::from_u16(narrow) == self).then_some(narrow)
    }
}

/// No port in particular.
impl Default for PortNo {
    fn default() -> Self {
        Self::ANY
    }
}

impl fmt::Display for PortNo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.reserved_name() {
            Some(name) => f.write_str(name),
            None => write!(f, "{}", self.0),
        }
    }
}

impl fmt::Debug for PortNo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A flow table's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct TableId(pub u8);

impl TableId {
    /// `OFPTT_ALL`: every table, in deletions and requests.
    pub const ALL: Self = Self(0xff);
}

/// A group's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupId(pub u32);

/// Every group: what is asked for in versions that cannot name one.
impl Default for GroupId {
    fn default() -> Self {
        Self::ALL
    }
}

impl GroupId {
    /// `OFPG_ALL`: every group, in deletions and requests.
    pub const ALL: Self = Self(0xffff_fffc);
    /// `OFPG_ANY`: no group in particular, in filters.
    pub const ANY: Self = Self(0xffff_ffff);
}

/// A meter's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MeterId(pub u32);

impl MeterId {
    /// `OFPM_SLOWPATH`: for packets that the switch itself deals with.
    pub const SLOWPATH: Self = Self(0xffff_fffd);
    /// `OFPM_CONTROLLER`: for packets to the controller.
    pub const CONTROLLER: Self = Self(0xffff_fffe);
    /// `OFPM_ALL`: every meter, in deletions and requests.
    pub const ALL: Self = Self(0xffff_ffff);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mac_addresses_are_read_in_every_customary_form() {
        let mac = MacAddr([0xfa, 0x16, 0x3e, 0x00, 0x0a, 0x01]);
        for text in [
            "fa:16:3e:00:0a:01",
            "FA-16-3E-00-0A-01",
            "fa:16:3e:0:a:1",
            "fa16.3e00.0a01",
            "fa163e000a01",
        ] {
            assert_eq!(text.parse(), Ok(mac), "{text}");
        }
        for text in [
            "",
            "fa:16:3e:00:0a",
            "fa:16:3e:00:0a:01:02",
            "fa:16:3e:00:0a:g1",
            "fa163e",
            "é",
        ] {
            assert!(text.parse::<MacAddr>().is_err(), "{text}");
        }
        assert_eq!(MacAddr::from_u64(mac.to_u64()), mac);
    }

    #[test]
    fn reserved_ports_have_the_names_that_ovs_ofctl_writes() {
        assert_eq!(PortNo(0xffff_fffe).to_string(), "LOCAL");
        assert_eq!(PortNo::from_reserved_name("in_port"), Some(PortNo::IN_PORT));
        assert_eq!(PortNo(7).to_string(), "7");
    }
}
