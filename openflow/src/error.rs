//! What can be wrong with bytes that arrive, and with values that a version cannot say.

use crate::Version;

/// An error of the standard, by its `(type, code)` in OpenFlow 1.5: what answers a malformed message. In
/// another version [`crate::message::ErrorMessage`] writes that version's numbers for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ErrorAnswer {
    /// `OFPET_*`.
    pub kind: u16,
    /// The code within the type.
    pub code: u16,
}

impl ErrorAnswer {
    /// `OFPHFC_INCOMPATIBLE`: no version that both sides speak (OpenFlow 1.5.1, 7.5.4.1).
    pub const INCOMPATIBLE: Self = Self { kind: 0, code: 0 };
    /// `OFPBRC_BAD_LEN`: wrong request length for its type (7.5.4.2).
    pub const BAD_REQUEST_LEN: Self = Self { kind: 1, code: 6 };
    /// `OFPBRC_BAD_VERSION`: header version not supported.
    pub const BAD_VERSION: Self = Self { kind: 1, code: 0 };
    /// `OFPBRC_BAD_TYPE`: header type not supported.
    pub const BAD_TYPE: Self = Self { kind: 1, code: 1 };
    /// `OFPBRC_BAD_EXPERIMENTER`: the vendor is not known.
    pub const BAD_EXPERIMENTER: Self = Self { kind: 1, code: 3 };
    /// `OFPBRC_BAD_EXP_TYPE`: the vendor's message is not known.
    pub const BAD_EXP_TYPE: Self = Self { kind: 1, code: 4 };
    /// `OFPBAC_BAD_LEN`: length problem in actions (7.5.4.3).
    pub const BAD_ACTION_LEN: Self = Self { kind: 2, code: 1 };
    /// `OFPBIC_BAD_LEN`: length problem in instructions (7.5.4.4).
    pub const BAD_INSTRUCTION_LEN: Self = Self { kind: 3, code: 7 };
    /// `OFPBMC_BAD_LEN`: length problem in the match (7.5.4.5).
    pub const BAD_MATCH_LEN: Self = Self { kind: 4, code: 1 };
    /// `OFPBMC_BAD_TYPE`: the match is of a type that is not supported.
    pub const BAD_MATCH_TYPE: Self = Self { kind: 4, code: 0 };
    /// `OFPRRFC_STALE`: the generation of a role request is an old one (7.5.4.12).
    pub const STALE: Self = Self { kind: 11, code: 0 };
    /// `OFPBPC_BAD_LEN`: length problem in properties (7.5.4.17).
    pub const BAD_PROPERTY_LEN: Self = Self { kind: 14, code: 1 };
    /// `OFPBFC_MSG_BAD_LEN`: length problem in a message of a bundle (7.5.4.19).
    pub const BUNDLE_MESSAGE_LEN: Self = Self { kind: 17, code: 8 };
}

/// Bytes that are not what the protocol says they must be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("at byte {offset}: expected {expected}")]
pub struct DecodeError {
    /// Where, in bytes from the first byte of the message.
    pub offset: usize,
    /// What should have stood there.
    pub expected: &'static str,
    /// Which OpenFlow error to answer with.
    pub answer: ErrorAnswer,
}

/// A value that cannot be written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    /// The version has no way to say it.
    #[error("OpenFlow {version} cannot say {what}")]
    NotInVersion {
        /// The thing, by its name in the tables.
        what: &'static str,
        /// The version asked for.
        version: Version,
    },
    /// A part is longer than its length field can say.
    #[error("{what} takes {length} bytes, more than the {limit} that its length field can say")]
    TooLong {
        /// The part, by its name in the specification.
        what: &'static str,
        /// Its length in bytes.
        length: usize,
        /// The longest there can be.
        limit: usize,
    },
    /// Parts are inside each other so often that nobody would read them.
    #[error("{what} nest more deeply than can be read")]
    TooDeep {
        /// The parts.
        what: &'static str,
    },
}
