//! One connection of a controller: the conversation, and what the controller chose on it.

use std::collections::{BTreeMap, VecDeque};

use bytes::{Bytes, BytesMut};
use rust_openflow::message::{Message, PacketInFormat, Role};
use rust_openflow::session::{CloseReason, Config, End, SendError};
use rust_openflow::{Session, Version, frame};

use super::asynchronous::Reasons;
use super::bundle::Bundle;
use super::monitor::Monitors;
use super::refused::Refused;

/// Bytes of unasked messages waiting to be sent at which no more are queued: who does not read misses them.
const UNASKED_LIMIT: usize = 1 << 20;
/// Bytes of packets per miss unless the controller chose (`OFP_DEFAULT_MISS_SEND_LEN`).
const MISS_SEND_LEN: u16 = 128;

/// A controller's connection.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) session: Session,
    /// What came and was not looked at.
    input: BytesMut,
    /// Whether a long answer is being given; what comes after it waits.
    pub(super) telling: bool,
    pub(super) role: Role,
    pub(super) miss_send_len: u16,
    pub(super) packet_in_format: PacketInFormat,
    /// Which controller actions send here.
    pub(super) controller_id: u16,
    /// Whether flow-mods of 1.0 name a table.
    pub(super) names_tables: bool,
    /// Which messages come unasked; none while nothing was chosen.
    pub(super) reasons: Option<Reasons>,
    pub(super) bundles: BTreeMap<u32, Bundle>,
    pub(super) monitors: Monitors,
    /// Why it ended, until that was asked.
    closed: VecDeque<CloseReason>,
}

impl Connection {
    pub(super) fn new(config: Config, now: u64) -> Self {
        Self {
            session: Session::new(End::Switch, config, now),
            input: BytesMut::new(),
            telling: false,
            role: Role::EQUAL,
            miss_send_len: MISS_SEND_LEN,
            packet_in_format: PacketInFormat::STANDARD,
            controller_id: 0,
            names_tables: false,
            reasons: None,
            bundles: BTreeMap::new(),
            monitors: Monitors::default(),
            closed: VecDeque::new(),
        }
    }

    /// The version that was agreed on; before that the highest.
    pub(super) fn version(&self) -> Version {
        self.session.version().unwrap_or(Version::V1_5)
    }

    pub(super) fn push(&mut self, bytes: &[u8]) {
        if !self.session.is_closed() {
            self.input.extend_from_slice(bytes);
        }
    }

    /// Bytes that were not looked at.
    pub(super) fn waiting(&self) -> usize {
        self.input.len()
    }

    /// Hands the next message to the conversation; false when there is none, or its turn has not come. One at a
    /// time: answers stay in order.
    pub(super) fn take_message(&mut self, now: u64) -> bool {
        if self.telling || self.session.is_closed() {
            return false;
        }
        match frame::next_message(&mut self.input, u16::MAX) {
            Ok(Some(message)) => self.session.receive(&message, now),
            Ok(None) => return false,
            // Whoever reads on finds the same, and says so.
            Err(_) => {
                let rest = self.input.split();
                self.session.receive(&rest, now);
            }
        }
        true
    }

    /// Answers message `xid`. Who asks and does not read is cut off.
    pub(super) fn reply(&mut self, xid: u32, message: &Message) {
        if let Err(SendError::Congested(_)) = self.session.reply(xid, message) {
            self.close(CloseReason::NotReading);
        }
    }

    pub(super) fn refuse(&mut self, xid: u32, refused: &Refused, bytes: &Bytes) {
        let error = refused.message(bytes, self.version());
        self.reply(xid, &Message::Error(error));
    }

    /// Sends a message that nobody asked for; it is lost when the controller does not read, or when the version
    /// cannot say it.
    pub(super) fn tell(&mut self, message: &Message) {
        if self.session.is_open() && self.session.queue_len() < UNASKED_LIMIT {
            // What cannot be said is not.
            let _ = self.session.reply(0, message);
        }
    }

    pub(super) fn close(&mut self, reason: CloseReason) {
        if !self.session.is_closed() {
            self.session.close();
            self.closed.push_back(reason);
        }
    }

    /// The conversation ended by itself.
    pub(super) fn ended(&mut self, reason: CloseReason) {
        if reason != CloseReason::Local {
            self.closed.push_back(reason);
        }
        self.telling = false;
        self.bundles.clear();
    }

    pub(super) fn take_closed(&mut self) -> Option<CloseReason> {
        self.closed.pop_front()
    }
}
