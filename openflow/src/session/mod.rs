//! The conversation of one connection, of either end, without I/O.
//!
//! The caller hands in what it read ([`Session::receive`]) and the time in milliseconds from any
//! fixed moment ([`Session::tick`]), and takes out what is to be sent ([`Session::next_output`])
//! and what happened ([`Session::next_event`]). A controller's session agrees on a version, asks
//! for features, then for its role, and sends nothing else before that is granted; a switch's
//! agrees on a version and hands over every request. Both answer echoes, refuse what is
//! malformed, and end when the peer is silent. Before 1.2 roles are Nicira's; a switch that does not know those
//! lets everybody write. Deadlines count from the time that was told last.
//!
//! It knows nothing of sockets, of flows' meaning, or of who is asked for what: see
//! [`crate::message`] for what is said, [`push`] for how flows get into a switch.

mod event;
mod output;
pub mod push;

pub use event::{
    CloseReason, Config, End, Event, Failure, PushId, RequestId, SendError, offending_cookie,
};

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;

use crate::Version;
use crate::error::{DecodeError, EncodeError, ErrorAnswer};
use crate::frame::Framer;
use crate::message::{
    Echo, ErrorMessage, Header, Hello, Kind, Message, MultipartReply, NxRoleMessage, Role,
    RoleMessage,
};
use crate::record::Form;
use output::{Lane, Output};
use push::Pushes;

/// The number of messages that are encoded once for many connections; no other message has it.
pub const SHARED_XID: u32 = 0x8000_0000;
/// Bytes of a refused message that an error carries back (OpenFlow 1.5.1, 7.5.4).
const ERROR_DATA_LEN: usize = 64;

/// How far the conversation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// The peer's hello is awaited.
    Hello,
    /// A controller awaits the switch's features.
    Features,
    /// A controller awaits its role.
    Role,
    /// All can be sent.
    Open,
    /// Nothing is read or sent any more.
    Closed,
}

/// What the answer to a message of this side is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expect {
    Features,
    Role(Role),
    Barrier,
    Reply,
    /// Nobody.
    Nothing,
}

#[derive(Debug)]
struct Pending {
    expect: Expect,
    deadline: u64,
    parts: Vec<Message>,
    bytes: usize,
}

/// One end of a connection.
#[derive(Debug)]
pub struct Session {
    end: End,
    config: Config,
    phase: Phase,
    version: Option<Version>,
    framer: Framer,
    output: Output,
    events: VecDeque<Event>,
    pending: BTreeMap<u32, Pending>,
    pushes: Pushes,
    last_xid: u32,
    started: u64,
    heard: u64,
    /// Whether the silent peer was asked for an echo.
    probed: bool,
    malformed: u32,
    now: u64,
}

impl Session {
    /// Begins a conversation at `now`, with a hello.
    #[must_use]
    pub fn new(end: End, config: Config, now: u64) -> Self {
        let mut session = Self {
            end,
            phase: Phase::Hello,
            version: None,
            framer: Framer::default(),
            output: Output::default(),
            events: VecDeque::new(),
            pending: BTreeMap::new(),
            pushes: Pushes::default(),
            last_xid: 0,
            started: now,
            heard: now,
            probed: false,
            malformed: 0,
            now,
            config,
        };
        let hello = Message::Hello(Hello::new(&session.config.versions));
        let xid = session.next_xid();
        session.enqueue_as(session.highest(), Lane::Control, &hello, xid);
        session
    }

    /// The version that both sides agreed on.
    #[must_use]
    pub fn version(&self) -> Option<Version> {
        self.version
    }

    /// True when messages can be sent.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.phase == Phase::Open
    }

    /// True when the connection is to be closed once all output is sent.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.phase == Phase::Closed
    }

    /// What happened, oldest first.
    pub fn next_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// The next message to send, shared with whoever encoded it.
    pub fn next_output(&mut self) -> Option<Bytes> {
        self.output.pop()
    }

    /// Bytes that wait to be sent, those of waiting pushes included.
    #[must_use]
    pub fn queue_len(&self) -> usize {
        self.output.len() + self.pushes.bytes
    }

    /// True when no push is accepted until some output is taken. Messages ahead of the pushes have
    /// the same limit for themselves.
    #[must_use]
    pub fn is_congested(&self) -> bool {
        self.queue_len() >= self.config.output_limit
    }

    /// Malformed messages so far.
    #[must_use]
    pub fn malformed(&self) -> u32 {
        self.malformed
    }

    /// Ends the conversation.
    pub fn close(&mut self) {
        self.close_for(CloseReason::Local);
    }

    // Sending.

    fn open_version(&self) -> Result<Version, SendError> {
        let version = self.version.filter(|_| self.phase == Phase::Open);
        let version = version.ok_or(SendError::NotOpen)?;
        let waiting = self.output.urgent();
        if waiting >= self.config.output_limit {
            return Err(SendError::Congested(waiting));
        }
        Ok(version)
    }

    /// Sends a message that has no answer, ahead of all pushes. Returns its number.
    pub fn send(&mut self, message: &Message) -> Result<u32, SendError> {
        let version = self.open_version()?;
        let xid = self.next_xid();
        self.output
            .push(Lane::Control, message.encode(version, xid)?);
        Ok(xid)
    }

    /// Answers message `xid` of the peer.
    pub fn reply(&mut self, xid: u32, message: &Message) -> Result<(), SendError> {
        let version = self.open_version()?;
        self.output
            .push(Lane::Control, message.encode(version, xid)?);
        Ok(())
    }

    /// Refuses a message of the peer, which is `bytes`.
    pub fn refuse(&mut self, answer: ErrorAnswer, bytes: &Bytes) -> Result<(), SendError> {
        self.open_version()?;
        self.refuse_now(answer, bytes);
        Ok(())
    }

    /// Sends a message ahead of all pushes; its answer comes as [`Event::Reply`].
    pub fn request(&mut self, message: &Message) -> Result<RequestId, SendError> {
        let xid = self.send(message)?;
        self.expect(xid, Expect::Reply);
        Ok(RequestId(xid))
    }

    /// Asks to be told when all that was sent before it, pushes excepted, is done.
    pub fn barrier(&mut self) -> Result<RequestId, SendError> {
        let xid = self.send(&Message::BarrierRequest)?;
        self.expect(xid, Expect::Barrier);
        Ok(RequestId(xid))
    }

    /// Asks for a role, also when another was refused. [`Role::NO_CHANGE`] only asks which it is,
    /// and of which generation.
    pub fn set_role(&mut self, role: RoleMessage) -> Result<(), SendError> {
        let known = matches!(self.phase, Phase::Role | Phase::Open);
        let version = self.version.filter(|_| known).ok_or(SendError::NotOpen)?;
        let xid = self.next_xid();
        let request = role_request(role, version)?.encode(version, xid)?;
        self.output.push(Lane::Control, request);
        self.expect(xid, Expect::Role(role.role));
        Ok(())
    }

    // Time.

    /// When [`Session::tick`] is to be called next.
    #[must_use]
    pub fn next_timeout(&self) -> Option<u64> {
        if self.phase == Phase::Closed {
            return None;
        }
        let silence = if self.probed || self.version.is_none() {
            self.config.dead_after
        } else {
            self.config.echo_interval
        };
        let handshake = matches!(self.phase, Phase::Hello | Phase::Features)
            .then(|| self.started.saturating_add(self.config.handshake_timeout));
        let pending = self.pending.values().map(|pending| pending.deadline).min();
        [
            Some(self.heard.saturating_add(silence)),
            handshake,
            pending,
            self.pushes.deadline(),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// Does what is due at `now`.
    pub fn tick(&mut self, now: u64) {
        self.now = self.now.max(now);
        if self.phase == Phase::Closed {
            return;
        }
        let silent = self.now.saturating_sub(self.heard);
        let handshake = self.now.saturating_sub(self.started);
        let due = |deadline: Option<u64>| deadline.is_some_and(|deadline| deadline <= self.now);
        if silent >= self.config.dead_after {
            self.close_for(CloseReason::Silent(silent));
        } else if matches!(self.phase, Phase::Hello | Phase::Features)
            && handshake >= self.config.handshake_timeout
        {
            self.close_for(CloseReason::HandshakeTimeout);
        } else if due(self.pushes.deadline()) {
            self.close_for(CloseReason::PushTimeout);
        } else {
            if silent >= self.config.echo_interval && !self.probed && self.version.is_some() {
                self.probed = true;
                let xid = self.next_xid();
                self.enqueue(Lane::Control, &Message::EchoRequest(Echo::default()), xid);
            }
            self.expire();
        }
    }

    fn expire(&mut self) {
        let now = self.now;
        let late = |pending: &Pending| pending.deadline <= now;
        let xids: Vec<u32> = self
            .pending
            .iter()
            .filter(|(_, pending)| late(pending))
            .map(|(xid, _)| *xid)
            .collect();
        for xid in xids {
            let expect = self.pending.remove(&xid).map(|pending| pending.expect);
            match expect {
                Some(Expect::Barrier | Expect::Reply) => self.emit(Event::Failed {
                    id: RequestId(xid),
                    failure: Failure::TimedOut,
                }),
                Some(Expect::Features | Expect::Role(_)) => {
                    self.close_for(CloseReason::HandshakeTimeout);
                }
                Some(Expect::Nothing) | None => {}
            }
        }
    }

    // Receiving.

    /// Takes what was read at `now`.
    pub fn receive(&mut self, bytes: &[u8], now: u64) {
        self.now = self.now.max(now);
        if self.phase == Phase::Closed {
            return;
        }
        self.framer.push(bytes);
        while self.phase != Phase::Closed {
            match self.framer.next_message() {
                Ok(Some(message)) => self.receive_message(&message),
                Ok(None) => return,
                Err(error) => {
                    let frame = Message::Error(ErrorMessage::new(
                        ErrorAnswer::BAD_REQUEST_LEN,
                        Bytes::new(),
                    ));
                    self.enqueue(Lane::Control, &frame, 0);
                    self.close_for(CloseReason::Framing(error));
                }
            }
        }
    }

    fn receive_message(&mut self, bytes: &Bytes) {
        self.heard = self.now;
        self.probed = false;
        let (header, message) = match Message::decode(bytes) {
            Ok(decoded) => decoded,
            Err(error) => match hello_in_its_own_words(bytes) {
                Some(header) if self.phase == Phase::Hello => {
                    (header, Message::Hello(Hello::default()))
                }
                _ => return self.malformed_message(error, bytes),
            },
        };
        if self.phase == Phase::Hello {
            return self.receive_first(header, message);
        }
        let agreed = self.version.map(Version::wire) == Some(header.version);
        match message {
            Message::Error(error) => self.receive_error(header.xid, error),
            // A second hello changes nothing.
            Message::Hello(_) => {}
            _ if !agreed => {
                let error = DecodeError {
                    offset: 0,
                    expected: "the version that was agreed on",
                    answer: ErrorAnswer::BAD_VERSION,
                };
                self.malformed_message(error, bytes);
            }
            Message::EchoRequest(echo) => self.answer_echo(header.xid, echo),
            Message::EchoReply(_) => {}
            message => self.receive_other(header.xid, message, bytes),
        }
    }

    fn receive_first(&mut self, header: Header, message: Message) {
        match message {
            Message::Hello(hello) => match self.common_version(&hello, header.version) {
                Some(version) => self.negotiated(version),
                None => self.no_common_version(&hello, header),
            },
            Message::Error(error) => self.close_for(CloseReason::HelloRefused(error)),
            _ => self.close_for(CloseReason::NoHello),
        }
    }

    fn highest(&self) -> Version {
        let highest = self.config.versions.iter().max();
        highest.copied().unwrap_or(Version::V1_3)
    }

    /// With a bitmap the highest in both, else the smaller of both headers' (OpenFlow 1.5.1, 6.3.1).
    fn common_version(&self, hello: &Hello, header_version: u8) -> Option<Version> {
        let spoken = self.config.versions.iter().copied();
        if hello.bitmap().is_some() {
            return spoken
                .filter(|version| hello.speaks(*version, header_version))
                .max();
        }
        let smaller = header_version.min(self.highest().wire());
        spoken.into_iter().find(|version| version.wire() == smaller)
    }

    fn no_common_version(&mut self, hello: &Hello, header: Header) {
        let names = |spoken: &dyn Fn(Version) -> bool| {
            let all = Version::ALL.into_iter().filter(|version| spoken(*version));
            all.map(Version::name).collect::<Vec<_>>().join(", ")
        };
        let ours = names(&|version| self.config.versions.contains(&version));
        let theirs = names(&|version| hello.speaks(version, header.version));
        let text = format!("this side speaks OpenFlow {ours}");
        let error = Message::Error(ErrorMessage::new(ErrorAnswer::INCOMPATIBLE, text.into()));
        // The error is the same in every version.
        let version = Version::from_wire(header.version).unwrap_or_else(|| self.highest());
        self.enqueue_as(version, Lane::Control, &error, header.xid);
        self.close_for(CloseReason::NoCommonVersion(theirs));
    }

    fn negotiated(&mut self, version: Version) {
        self.version = Some(version);
        self.emit(Event::Negotiated(version));
        match self.end {
            End::Switch => self.phase = Phase::Open,
            End::Controller(_) => {
                self.phase = Phase::Features;
                let xid = self.next_xid();
                self.enqueue(Lane::Control, &Message::FeaturesRequest, xid);
                self.expect(xid, Expect::Features);
            }
        }
    }

    fn answer_echo(&mut self, xid: u32, echo: Echo) {
        if self.output.echoes() >= self.config.echo_limit {
            return self.close_for(CloseReason::NotReading);
        }
        self.enqueue(Lane::Echo, &Message::EchoReply(echo), xid);
    }

    fn receive_error(&mut self, xid: u32, error: ErrorMessage) {
        if self.push_error(xid, &error) {
            return;
        }
        match self.pending.remove(&xid).map(|pending| pending.expect) {
            Some(Expect::Role(_)) if self.knows_no_roles(&error) => {
                self.role_granted(RoleMessage::new(Role::EQUAL, 0));
            }
            Some(Expect::Role(_)) => self.emit(Event::RoleRefused {
                stale: error.is(ErrorAnswer::STALE),
                error,
            }),
            Some(Expect::Barrier | Expect::Reply) => self.emit(Event::Failed {
                id: RequestId(xid),
                failure: Failure::Refused(error),
            }),
            Some(Expect::Nothing) => {}
            Some(Expect::Features) | None => self.emit(Event::Refused { xid, error }),
        }
    }

    fn receive_other(&mut self, xid: u32, message: Message, bytes: &Bytes) {
        if self.push_message(xid, &message) {
            return;
        }
        let expect = self.pending.get(&xid).map(|pending| pending.expect);
        match (expect, message) {
            (Some(Expect::Features), Message::FeaturesReply(features)) => {
                self.pending.remove(&xid);
                self.emit(Event::Features(features));
                self.ask_for_role();
            }
            (Some(Expect::Role(asked)), Message::RoleReply(role)) => {
                self.pending.remove(&xid);
                if asked == Role::NO_CHANGE {
                    self.emit(Event::RoleGranted(role));
                } else {
                    self.role_granted(role);
                }
            }
            (Some(Expect::Role(_)), Message::NxRoleReply(role)) => {
                self.pending.remove(&xid);
                self.role_granted(role.into());
            }
            (Some(Expect::Barrier), Message::BarrierReply) => {
                self.pending.remove(&xid);
                self.emit(Event::BarrierDone(RequestId(xid)));
            }
            (Some(Expect::Nothing), _) => {
                self.pending.remove(&xid);
            }
            (Some(Expect::Reply), message) => self.receive_reply(xid, message, bytes.len()),
            (_, message) => self.emit(Event::Message {
                xid,
                message,
                bytes: bytes.clone(),
            }),
        }
    }

    fn ask_for_role(&mut self) {
        let version = self.version.unwrap_or_else(|| self.highest());
        let asked = match self.end {
            End::Controller(role) => role_request(role, version).ok().zip(Some(role.role)),
            End::Switch => None,
        };
        let Some((request, role)) = asked else {
            self.phase = Phase::Open;
            return;
        };
        self.phase = Phase::Role;
        let xid = self.next_xid();
        self.enqueue(Lane::Control, &request, xid);
        self.expect(xid, Expect::Role(role));
    }

    /// Whether an error says that the switch knows no roles: before 1.2 they are Nicira's.
    fn knows_no_roles(&self, error: &ErrorMessage) -> bool {
        const BAD_REQUEST: u16 = 1;
        let version = self.version.unwrap_or_else(|| self.highest());
        Kind::RoleRequest.code(version).is_none()
            && matches!(error.error.numbers(version), Some((None, BAD_REQUEST, _)))
    }

    fn role_granted(&mut self, role: RoleMessage) {
        if self.phase == Phase::Role {
            self.phase = Phase::Open;
        }
        self.emit(Event::RoleGranted(role));
    }

    fn receive_reply(&mut self, xid: u32, message: Message, bytes: usize) {
        let Some(mut pending) = self.pending.remove(&xid) else {
            return;
        };
        let id = RequestId(xid);
        let more = matches!(&message, Message::MultipartReply(part) if MultipartReply::more(part));
        pending.bytes = pending.bytes.saturating_add(bytes);
        if pending.bytes > self.config.reply_limit {
            let failure = Failure::TooLong;
            return self.emit(Event::Failed { id, failure });
        }
        pending.parts.push(message);
        if more {
            pending.deadline = self.now.saturating_add(self.config.request_timeout);
            self.pending.insert(xid, pending);
        } else {
            self.emit(Event::Reply {
                id,
                messages: pending.parts,
            });
        }
    }

    fn malformed_message(&mut self, error: DecodeError, bytes: &Bytes) {
        const ERROR: u8 = 1;
        self.malformed += 1;
        // An error is never answered with an error.
        if Header::peek(bytes).is_some_and(|header| header.kind != ERROR) {
            self.refuse_now(error.answer, bytes);
        }
        // Who begins with something else than a hello does not speak OpenFlow.
        if self.phase == Phase::Hello || self.malformed > self.config.malformed_limit {
            self.close_for(CloseReason::Malformed(error));
        } else {
            self.emit(Event::Malformed(error));
        }
    }

    fn refuse_now(&mut self, answer: ErrorAnswer, bytes: &Bytes) {
        let data = bytes.slice(..bytes.len().min(ERROR_DATA_LEN));
        let xid = Header::peek(bytes).map_or(0, |header| header.xid);
        let version = self.version.unwrap_or_else(|| self.highest());
        let error = ErrorMessage::new(answer, data).in_words_of(version);
        self.enqueue_as(version, Lane::Control, &Message::Error(error), xid);
    }

    // The common ground.

    fn next_xid(&mut self) -> u32 {
        // The upper half is for shared messages; 0 is for messages without number.
        self.last_xid = self.last_xid % (SHARED_XID - 1) + 1;
        self.last_xid
    }

    fn expect(&mut self, xid: u32, expect: Expect) {
        let pending = Pending {
            expect,
            deadline: self.now.saturating_add(self.config.request_timeout),
            parts: Vec::new(),
            bytes: 0,
        };
        self.pending.insert(xid, pending);
    }

    fn enqueue(&mut self, lane: Lane, message: &Message, xid: u32) {
        let version = self.version.unwrap_or_else(|| self.highest());
        self.enqueue_as(version, lane, message, xid);
    }

    /// Queues a message of which it is known that the version can say it: those of the session
    /// itself, and those that were encoded once already.
    fn enqueue_as(&mut self, version: Version, lane: Lane, message: &Message, xid: u32) {
        match message.encode(version, xid) {
            Ok(bytes) => self.output.push(lane, bytes),
            Err(error) => debug_assert!(false, "{error}"),
        }
    }

    fn emit(&mut self, event: Event) {
        self.events.push_back(event);
    }

    fn close_for(&mut self, reason: CloseReason) {
        if self.phase == Phase::Closed {
            return;
        }
        self.phase = Phase::Closed;
        self.output.clear_bulk();
        self.pending.clear();
        self.pushes = Pushes::default();
        self.emit(Event::Closed(reason));
    }
}

/// The header of a hello, whatever follows it: elements that nobody understands must not end a conversation
/// whose version the header says (OpenFlow 1.5.1, 7.5.1).
fn hello_in_its_own_words(bytes: &[u8]) -> Option<Header> {
    const HELLO: u8 = 0;
    Header::peek(bytes).filter(|header| header.kind == HELLO)
}

/// What asks for a role in a version.
fn role_request(role: RoleMessage, version: Version) -> Result<Message, EncodeError> {
    if Kind::RoleRequest.code(version).is_some() {
        return Ok(Message::RoleRequest(role));
    }
    NxRoleMessage::of(&role, version).map(Message::NxRoleRequest)
}

#[cfg(test)]
mod tests;
