//! Why a message of a controller is refused, as the error that answers it.
//!
//! Errors are known by their names in the table of `rust_openflow`; which numbers a version has for them stands there.

use bytes::Bytes;
use rust_openflow::Version;
use rust_openflow::error::ErrorAnswer;
use rust_openflow::message::{ERRORS, ErrorKind, ErrorMessage};

use crate::refusal::Refusal;

/// Bytes of a refused message that an error carries back: as many as it has room for, as Open vSwitch does.
const DATA_LEN: usize = u16::MAX as usize - 24;
/// What says that a version has no words for an error.
const UNENCODABLE: &str = "NXBRC_UNENCODABLE_ERROR";

/// Which error answers a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Refused {
    /// The executor refuses it.
    Executor(Refusal),
    /// The error of this name.
    Error(&'static str),
    /// The error of these numbers, of what cannot be read.
    Answer(ErrorAnswer),
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        Self::Executor(refusal)
    }
}

impl From<&'static str> for Refused {
    fn from(name: &'static str) -> Self {
        Self::Error(name)
    }
}

impl Refused {
    /// The error that answers a message, in words of a version.
    pub(super) fn message(&self, bytes: &Bytes, version: Version) -> ErrorMessage {
        let data = bytes.slice(..bytes.len().min(DATA_LEN));
        let own = match self {
            Self::Executor(refusal) => refusal.error(),
            // The first versions know no slaves.
            Self::Error("OFPBRC_IS_SLAVE") if version < Version::V1_2 => named("OFPBRC_EPERM"),
            Self::Error(name) => named(name),
            Self::Answer(answer) => ErrorMessage::new(*answer, data.clone()).error,
        };
        let error = own
            .numbers(version)
            .map_or_else(|| named(UNENCODABLE), |_| own);
        ErrorMessage { error, data }.in_words_of(version)
    }
}

fn named(name: &str) -> ErrorKind {
    let row = ERRORS.iter().find(|row| row.name == name);
    // The first row stands for a name that is not there, which the tests rule out.
    ErrorKind::Known(row.unwrap_or(&ERRORS[0]))
}
