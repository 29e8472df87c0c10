//! Protocol versions, their wire numbers, and ranges of them as rows of the tables name them.

use std::fmt;

/// A version of OpenFlow; the discriminant is the `version` byte of the header (OpenFlow 1.5.1,
/// 7.1.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Version {
    /// OpenFlow 1.0.
    V1_0 = 0x01,
    /// OpenFlow 1.1.
    V1_1 = 0x02,
    /// OpenFlow 1.2.
    V1_2 = 0x03,
    /// OpenFlow 1.3.
    V1_3 = 0x04,
    /// OpenFlow 1.4.
    V1_4 = 0x05,
    /// OpenFlow 1.5.
    V1_5 = 0x06,
}

impl Version {
    /// Every version, oldest first.
    pub const ALL: [Self; 6] = [
        Self::V1_0,
        Self::V1_1,
        Self::V1_2,
        Self::V1_3,
        Self::V1_4,
        Self::V1_5,
    ];

    /// The version whose header byte is `wire`, if there is one.
    #[must_use]
    pub const fn from_wire(wire: u8) -> Option<Self> {
        match wire {
            0x01 => Some(Self::V1_0),
            0x02 => Some(Self::V1_1),
            0x03 => Some(Self::V1_2),
            0x04 => Some(Self::V1_3),
            0x05 => Some(Self::V1_4),
            0x06 => Some(Self::V1_5),
            _ => None,
        }
    }

    /// The `version` byte of the header.
    #[must_use]
    pub const fn wire(self) -> u8 {
        self as u8
    }

    /// The number as people write it: `"1.3"`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::V1_0 => "1.0",
            Self::V1_1 => "1.1",
            Self::V1_2 => "1.2",
            Self::V1_3 => "1.3",
            Self::V1_4 => "1.4",
            Self::V1_5 => "1.5",
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
