//! What a session is told and what it tells: configuration, events, reasons.

use bytes::Bytes;

use crate::error::{DecodeError, EncodeError};
use crate::frame::FrameError;
use crate::message::{ErrorMessage, Features, Message, RoleMessage};
use crate::session::push::Outcome;
use crate::{Version, message};

/// Which end of the connection this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// A controller, which asks for this role before anything else.
    Controller(RoleMessage),
    /// A switch.
    Switch,
}

/// Limits and times, in bytes and milliseconds.
#[derive(Debug, Clone)]
pub struct Config {
    /// The versions that are spoken.
    pub versions: Vec<Version>,
    /// After this long without a message, the peer is asked whether it is alive.
    pub echo_interval: u64,
    /// After this long without a message, the peer is dead.
    pub dead_after: u64,
    /// How long the peer may take for its hello, its features and its role.
    pub handshake_timeout: u64,
    /// How long the peer may take for an answer, or for the next part of one.
    pub request_timeout: u64,
    /// How long the peer may take for one step of a push.
    pub push_timeout: u64,
    /// Bytes waiting to be sent at which nothing more is accepted; for messages ahead of the pushes
    /// and for all together.
    pub output_limit: usize,
    /// Bytes of answers to echoes waiting to be sent at which the connection is closed: who asks and
    /// does not listen.
    pub echo_limit: usize,
    /// Bytes of one answer in several parts.
    pub reply_limit: usize,
    /// Malformed messages after which the connection is closed.
    pub malformed_limit: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            versions: vec![Version::V1_3, Version::V1_4, Version::V1_5],
            echo_interval: 5_000,
            dead_after: 15_000,
            handshake_timeout: 10_000,
            request_timeout: 30_000,
            push_timeout: 120_000,
            output_limit: 16 << 20,
            echo_limit: 256 << 10,
            reply_limit: 256 << 20,
            malformed_limit: 16,
        }
    }
}

/// A request of this side that the peer has to answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(pub(super) u32);

/// A push.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PushId(pub(super) u64);

/// Why a request has no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// The peer refused it.
    Refused(ErrorMessage),
    /// The peer did not answer in time.
    TimedOut,
    /// The answer was longer than [`Config::reply_limit`].
    TooLong,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// Both sides agreed on a version.
    Negotiated(Version),
    /// The switch said who it is; a controller's role request is on its way.
    Features(Features),
    /// The switch granted a role, or said which it is. One of 1.0 or 1.1 that knows no roles lets everybody
    /// write: [`message::Role::EQUAL`].
    RoleGranted(RoleMessage),
    /// The switch refused a role. Until another is granted nothing else can be sent.
    RoleRefused {
        /// The generation is older than one that the switch has seen.
        stale: bool,
        /// What it said.
        error: ErrorMessage,
    },
    /// A message that nobody waited for.
    Message {
        /// Its number, for an answer.
        xid: u32,
        /// What it says.
        message: Message,
        /// Its bytes.
        bytes: Bytes,
    },
    /// The answer to a request: one message, or every part in order.
    Reply {
        /// The request.
        id: RequestId,
        /// The answer.
        messages: Vec<Message>,
    },
    /// Everything before a barrier is done.
    BarrierDone(RequestId),
    /// A request has no answer.
    Failed {
        /// The request.
        id: RequestId,
        /// Why.
        failure: Failure,
    },
    /// The peer refused a message that nobody waits for.
    Refused {
        /// The message's number.
        xid: u32,
        /// What it said.
        error: ErrorMessage,
    },
    /// A push is over.
    PushDone {
        /// Which.
        id: PushId,
        /// How.
        outcome: Outcome,
    },
    /// The peer sent a message that is not what the protocol says; it was answered.
    Malformed(DecodeError),
    /// The connection has to be closed, when all output is sent.
    Closed(CloseReason),
}

/// Why a connection ends.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CloseReason {
    /// There is no version that both sides speak.
    #[error("no common version: the other side speaks {0}")]
    NoCommonVersion(String),
    /// The peer refused this side's hello.
    #[error("the other side refused the connection: {0}")]
    HelloRefused(ErrorMessage),
    /// The first message was no hello.
    #[error("the other side did not begin with a hello")]
    NoHello,
    /// The handshake took too long.
    #[error("the handshake took too long")]
    HandshakeTimeout,
    /// Nothing was heard of the peer.
    #[error("nothing was heard for {0} ms")]
    Silent(u64),
    /// A step of a push took too long.
    #[error("the other side did not acknowledge a push in time")]
    PushTimeout,
    /// Messages cannot be told apart any more.
    #[error(transparent)]
    Framing(#[from] FrameError),
    /// Too many messages were malformed.
    #[error("too many malformed messages, the last one: {0}")]
    Malformed(DecodeError),
    /// The peer asks and does not read the answers.
    #[error("the other side does not read what it asked for")]
    NotReading,
    /// This side wanted it.
    #[error("closed by this side")]
    Local,
}

/// Why something cannot be sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// The handshake is not over, the role not granted, or the connection closed.
    #[error("the connection is not open")]
    NotOpen,
    /// [`Config::output_limit`] is reached.
    #[error("{0} bytes wait to be sent already")]
    Congested(usize),
    /// The version cannot say it.
    #[error(transparent)]
    Encode(#[from] EncodeError),
}

/// The cookie of the flow-mod that an error is about, read from the bytes that it carries back:
/// a flow-mod, or one in a bundle (OpenFlow 1.4 and later, or EXT-230).
#[must_use]
pub fn offending_cookie(error: &ErrorMessage) -> Option<u64> {
    const FLOW_MOD: u8 = 14;
    let flow_mod = message::bundled(&error.data).unwrap_or(&error.data);
    let header = message::Header::peek(flow_mod)?;
    // In 1.0 the match comes first.
    let ahead = if header.version == Version::V1_0.wire() {
        40
    } else {
        0
    };
    let cookie = flow_mod.get(message::HEADER_LEN + ahead..)?.first_chunk()?;
    (header.kind == FLOW_MOD).then_some(u64::from_be_bytes(*cookie))
}
