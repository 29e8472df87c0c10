//! Everything that can go wrong in an OVSDB conversation, as named events.
//!
//! The text of each variant is the answer an operator reads; nothing here decides what is
//! done about it. Who closes a connection for which of these is [`crate::session`]'s.

use serde_json::Value;

/// The longest piece of a peer's input that an error repeats, in characters.
const QUOTE: usize = 120;

/// A failure of framing, syntax, data, conversation or reconciliation.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A byte between two messages that begins none.
    #[error("byte {offset} of the stream: expected '{{' that begins a message, found {found:#04x}")]
    Garbage {
        /// Position in the stream, counted from its first byte.
        offset: u64,
        /// The byte found there.
        found: u8,
    },
    /// A message longer than the limit.
    #[error("byte {offset} of the stream: a message exceeds {limit} bytes")]
    TooLong {
        /// Position at which the limit was passed.
        offset: u64,
        /// The limit in bytes.
        limit: usize,
    },
    /// A message of more values than the limit.
    #[error("byte {offset} of the stream: a message has more than {limit} values")]
    TooMany {
        /// Position at which the limit was passed.
        offset: u64,
        /// The limit in values.
        limit: usize,
    },
    /// A message nested more deeply than the limit.
    #[error("byte {offset} of the stream: a message is nested more than {limit} levels deep")]
    TooDeep {
        /// Position of the bracket that is one too many.
        offset: u64,
        /// The limit in levels.
        limit: usize,
    },
    /// A message that is not JSON.
    #[error("byte {offset} of the stream: {reason}")]
    Syntax {
        /// Position in the stream.
        offset: u64,
        /// What the JSON parser expected.
        reason: String,
    },
    /// JSON that does not have the shape the protocol asks for.
    #[error("expected {expected}, found {found}")]
    Shape {
        /// What should have stood there, in words.
        expected: String,
        /// The beginning of what stood there.
        found: String,
    },
    /// An update that does not fit the replica.
    #[error("update of {table} row {row}: {reason}")]
    Update {
        /// The table.
        table: String,
        /// The row, as the peer named it.
        row: String,
        /// Why it does not fit.
        reason: String,
    },
    /// The database is larger than the replica may become.
    #[error("the database exceeds the {limit} bytes a replica may take")]
    MirrorFull {
        /// The limit in bytes of content.
        limit: usize,
    },
    /// The peer answered a request with an error.
    #[error("the peer refused {method}: {error}")]
    Refused {
        /// The JSON-RPC method.
        method: String,
        /// The peer's error, as it sent it.
        error: String,
    },
    /// One operation of a transaction failed, so that nothing of it was done.
    #[error("operation {index} ({operation}) failed: {error}: {details}")]
    Operation {
        /// Its place in the transaction, from 0.
        index: usize,
        /// What it was, such as "insert into Bridge".
        operation: String,
        /// The error string of RFC 7047, such as "constraint violation".
        error: String,
        /// The peer's own explanation; empty when it gave none.
        details: String,
    },
    /// Every operation succeeded and the commit failed.
    #[error("commit failed: {error}: {details}")]
    Commit {
        /// The error string of RFC 7047, such as "referential integrity violation".
        error: String,
        /// The peer's own explanation; empty when it gave none.
        details: String,
    },
    /// The connection ended before the answer; whether the transaction was done is unknown.
    #[error("the connection ended before the answer")]
    Lost,
    /// The peer said nothing and did not answer an echo.
    #[error("the peer was silent for {milliseconds} ms and did not answer an echo")]
    Silent {
        /// How long nothing was heard.
        milliseconds: u64,
    },
    /// The peer left a request unanswered.
    #[error("{method} was not answered within {milliseconds} ms")]
    Unanswered {
        /// The JSON-RPC method.
        method: String,
        /// How long was waited.
        milliseconds: u64,
    },
    /// More is queued for the peer than it reads.
    #[error("more than {limit} bytes wait to be sent to the peer")]
    OutputFull {
        /// The limit in bytes.
        limit: usize,
    },
    /// The peer ended our monitor.
    #[error("the peer cancelled the monitor")]
    MonitorCancelled,
    /// Too many requests are without an answer.
    #[error("{limit} requests are outstanding already")]
    TooManyRequests {
        /// The limit.
        limit: usize,
    },
    /// The session holds no complete replica, or ended.
    #[error("the session is not synchronized")]
    NotSynchronized,
    /// Somebody with a later mandate configures this hypervisor.
    #[error("generation {ours} is behind generation {stored} that the hypervisor holds")]
    Stale {
        /// The generation the hypervisor holds.
        stored: u64,
        /// The generation that was to be used.
        ours: u64,
    },
    /// A port that is not Weft's has the name of one that Weft wants, on another bridge.
    #[error("port {name} exists on bridge {bridge}, which is not Weft's")]
    NameTaken {
        /// The port's name.
        name: String,
        /// The bridge it is on.
        bridge: String,
    },
}

impl Error {
    /// A [`Error::Shape`] that quotes the beginning of what was found.
    pub(crate) fn shape(expected: impl Into<String>, found: &Value) -> Self {
        Self::Shape {
            expected: expected.into(),
            found: quote(found),
        }
    }

    /// A [`Error::Shape`] about something that is absent.
    pub(crate) fn missing(expected: impl Into<String>) -> Self {
        Self::Shape {
            expected: expected.into(),
            found: "nothing".to_owned(),
        }
    }
}

/// The beginning of a JSON value, in one line.
pub(crate) fn quote(value: &Value) -> String {
    let text = match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    match text.char_indices().nth(QUOTE) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text,
    }
}
