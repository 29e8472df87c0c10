//! Pushing: messages that take effect together, acknowledged.
//!
//! A push is plain messages, then one bundle, then plain messages, then a barrier. A switch that
//! cannot decode a message of a bundle answers with an error, leaves it out and would still
//! commit the rest; so a barrier is awaited before the commit, and the bundle discarded when an
//! error came. The first push of a connection finds out whether the switch has bundles at all; one
//! that has none gets the same messages outside of a bundle.

use std::collections::VecDeque;

use bytes::Bytes;

use super::event::{Event, PushId, SendError, offending_cookie};
use super::output::Lane;
use super::{Expect, SHARED_XID, Session};
use crate::Version;
use crate::error::{EncodeError, ErrorAnswer};
use crate::message::{
    self, BundleAdd, BundleControl, BundleControlType, BundleFlags, ErrorMessage, Kind, Message,
    Nested,
};

/// The bundle that pushes use, on every connection.
pub const BUNDLE_ID: u32 = 1;

fn bundle_flags() -> BundleFlags {
    BundleFlags::ATOMIC | BundleFlags::ORDERED
}

/// A message as a push takes it: encoded once for a version, for every connection of it. Versions before 1.3
/// have no bundles, and take the message by itself.
pub fn bundle_add(version: Version, message: &Message) -> Result<Bytes, EncodeError> {
    if Kind::BundleAdd.code(version).is_none() {
        return message.encode(version, SHARED_XID);
    }
    let add = BundleAdd {
        bundle_id: BUNDLE_ID,
        flags: bundle_flags(),
        message: Nested(message.encode(version, SHARED_XID)?),
        properties: Vec::new(),
    };
    Message::BundleAdd(add).encode(version, SHARED_XID)
}

/// Messages that take effect together.
#[derive(Debug, Clone, Default)]
pub struct Push {
    /// What cannot be in a bundle and comes first, such as meters.
    pub before: Vec<Message>,
    /// The bundle: messages that [`bundle_add`] made for the connection's version.
    pub bundle: Vec<Bytes>,
    /// What cannot be in a bundle and comes last; sent only when all before it succeeded.
    pub after: Vec<Message>,
}

impl Push {
    fn bytes(&self) -> usize {
        self.bundle.iter().map(Bytes::len).sum()
    }
}

/// A message that the switch refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// What it said.
    pub error: ErrorMessage,
    /// The flow's cookie, when it was a flow.
    pub cookie: Option<u64>,
}

/// How a push ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// All of it is done.
    Committed,
    /// Something was refused.
    Failed {
        /// What, in the order in which the switch said it.
        errors: Vec<Refusal>,
        /// False: nothing of the bundle is done. True: all is done that was not refused, because the
        /// switch has no bundles, or because only what comes after the bundle was refused.
        rest_applied: bool,
    },
}

/// What a push waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// For its turn.
    Queued,
    /// For the answer to the first bundle of the connection.
    Opening,
    /// For what the switch says of the bundle's messages.
    Filling,
    /// For the commit.
    Committing,
    /// For the plain messages at its end.
    Finishing,
}

#[derive(Debug)]
pub(super) struct Active {
    id: PushId,
    push: Push,
    stage: Stage,
    /// Numbers of its messages outside the bundle.
    xids: Vec<u32>,
    /// The barrier that ends the stage.
    barrier: u32,
    deadline: u64,
    committed: bool,
    /// More errors than messages are not kept.
    room: usize,
    errors: Vec<(u32, Refusal)>,
}

/// The pushes of a connection, oldest first.
#[derive(Debug, Default)]
pub(super) struct Pushes {
    queue: VecDeque<Active>,
    next: u64,
    /// Whether the switch has bundles, once that is known.
    bundles: Option<bool>,
    /// Bytes of the bundles that are not in the output yet.
    pub(super) bytes: usize,
}

impl Pushes {
    pub(super) fn deadline(&self) -> Option<u64> {
        let started = |push: &&Active| push.stage != Stage::Queued;
        self.queue
            .iter()
            .filter(started)
            .map(|push| push.deadline)
            .min()
    }

    fn position(&self, xid: u32) -> Option<usize> {
        self.queue
            .iter()
            .position(|push| push.stage != Stage::Queued && push.xids.contains(&xid))
    }
}

impl Session {
    /// Queues a push. Pushes are done in order, and one that failed does not stop the next.
    pub fn push(&mut self, push: Push) -> Result<PushId, SendError> {
        let version = self.open_version()?;
        if self.is_congested() {
            return Err(SendError::Congested(self.queue_len()));
        }
        for message in push.before.iter().chain(&push.after) {
            message.encode(version, 0)?;
        }
        let id = PushId(self.pushes.next);
        self.pushes.next += 1;
        self.pushes.bytes += push.bytes();
        self.pushes.queue.push_back(Active {
            id,
            stage: Stage::Queued,
            xids: Vec::new(),
            barrier: 0,
            deadline: self.now,
            committed: false,
            room: push.before.len() + push.bundle.len() + push.after.len() + 4,
            errors: Vec::new(),
            push,
        });
        self.start_pushes();
        Ok(id)
    }

    /// Pushes that are not over.
    #[must_use]
    pub fn pushes_in_flight(&self) -> usize {
        self.pushes.queue.len()
    }

    /// Starts pushes as long as the bundle is free.
    fn start_pushes(&mut self) {
        while let Some(at) = self.next_push() {
            self.start_push(at);
        }
    }

    /// The push whose turn it is, when nothing stands in its way.
    fn next_push(&self) -> Option<usize> {
        for (at, push) in self.pushes.queue.iter().enumerate() {
            match push.stage {
                Stage::Queued => return Some(at),
                Stage::Finishing => {}
                // The messages after a commit must not stand behind those of the next push.
                Stage::Committing if push.push.after.is_empty() => {}
                Stage::Opening | Stage::Filling | Stage::Committing => return None,
            }
        }
        None
    }

    fn start_push(&mut self, at: usize) {
        let before = std::mem::take(&mut self.pushes.queue[at].push.before);
        self.send_plain(at, &before);
        if self.pushes.queue[at].push.bundle.is_empty() {
            return self.finish_push(at);
        }
        let spoken = |version| Kind::BundleControl.code(version).is_some();
        if !self.version.is_some_and(spoken) {
            self.pushes.bundles = Some(false);
        }
        match self.pushes.bundles {
            Some(false) => self.send_unbundled(at),
            Some(true) => {
                self.send_control(at, BundleControlType::OPEN_REQUEST);
                self.fill_bundle(at);
            }
            None => {
                self.send_control(at, BundleControlType::OPEN_REQUEST);
                self.await_barrier(at, Stage::Opening);
            }
        }
    }

    fn send_plain(&mut self, at: usize, messages: &[Message]) {
        for message in messages {
            let xid = self.next_xid();
            self.pushes.queue[at].xids.push(xid);
            self.enqueue(Lane::Bulk, message, xid);
        }
    }

    fn send_control(&mut self, at: usize, kind: BundleControlType) {
        let control = Message::BundleControl(BundleControl {
            bundle_id: BUNDLE_ID,
            kind,
            flags: bundle_flags(),
            properties: Vec::new(),
        });
        self.send_plain(at, &[control]);
    }

    fn await_barrier(&mut self, at: usize, stage: Stage) {
        self.send_plain(at, &[Message::BarrierRequest]);
        let deadline = self.now.saturating_add(self.config.push_timeout);
        let push = &mut self.pushes.queue[at];
        push.stage = stage;
        push.deadline = deadline;
        push.barrier = push.xids.last().copied().unwrap_or_default();
    }

    fn take_bundle(&mut self, at: usize) -> Vec<Bytes> {
        let push = &mut self.pushes.queue[at].push;
        self.pushes.bytes -= push.bytes();
        std::mem::take(&mut push.bundle)
    }

    fn fill_bundle(&mut self, at: usize) {
        for message in self.take_bundle(at) {
            self.output.push(Lane::Bulk, message);
        }
        self.await_barrier(at, Stage::Filling);
    }

    /// Sends the bundle's messages by themselves.
    fn send_unbundled(&mut self, at: usize) {
        for message in self.take_bundle(at) {
            let inner = message::bundled(&message).map(|inner| message.slice_ref(inner));
            self.output.push(Lane::Bulk, inner.unwrap_or(message));
        }
        self.finish_push(at);
    }

    fn finish_push(&mut self, at: usize) {
        let after = std::mem::take(&mut self.pushes.queue[at].push.after);
        self.send_plain(at, &after);
        self.await_barrier(at, Stage::Finishing);
    }

    /// Takes a message that belongs to a push; false when it does not.
    pub(super) fn push_message(&mut self, xid: u32, message: &Message) -> bool {
        if !matches!(message, Message::BarrierReply | Message::BundleControl(_)) {
            return false;
        }
        let Some(at) = self.pushes.position(xid) else {
            return false;
        };
        match message {
            Message::BarrierReply if self.pushes.queue[at].barrier == xid => {
                self.push_barrier(at);
                self.start_pushes();
            }
            Message::BundleControl(control) if control.kind == BundleControlType::COMMIT_REPLY => {
                self.pushes.queue[at].committed = true;
            }
            _ => {}
        }
        true
    }

    /// Takes an error that belongs to a push; false when it does not.
    pub(super) fn push_error(&mut self, xid: u32, error: &ErrorMessage) -> bool {
        // The switch answers in order: the oldest push is the one that it speaks of.
        let oldest = (xid == SHARED_XID && self.pushes.deadline().is_some()).then_some(0);
        let Some(at) = oldest.or_else(|| self.pushes.position(xid)) else {
            return false;
        };
        let push = &mut self.pushes.queue[at];
        if push.errors.len() < push.room {
            let refusal = Refusal {
                error: error.clone(),
                cookie: offending_cookie(error),
            };
            push.errors.push((xid, refusal));
        }
        true
    }

    fn push_barrier(&mut self, at: usize) {
        let push = &self.pushes.queue[at];
        let failed = !push.errors.is_empty();
        match push.stage {
            Stage::Queued => {}
            Stage::Opening if push.errors.iter().any(|(_, refusal)| no_bundles(refusal)) => {
                let push = &mut self.pushes.queue[at];
                push.errors.retain(|(_, refusal)| !no_bundles(refusal));
                self.pushes.bundles = Some(false);
                self.send_unbundled(at);
            }
            Stage::Opening | Stage::Filling if failed => {
                self.discard();
                self.take_bundle(at);
                self.end_push(at);
            }
            Stage::Opening => {
                self.pushes.bundles = Some(true);
                self.fill_bundle(at);
            }
            Stage::Filling => {
                self.send_control(at, BundleControlType::COMMIT_REQUEST);
                self.await_barrier(at, Stage::Committing);
            }
            Stage::Committing if push.committed && !failed && !push.push.after.is_empty() => {
                self.finish_push(at);
            }
            Stage::Committing | Stage::Finishing => self.end_push(at),
        }
    }

    fn end_push(&mut self, at: usize) {
        let Some(push) = self.pushes.queue.remove(at) else {
            return;
        };
        let rest_applied = push.stage == Stage::Finishing;
        let silent = push.stage == Stage::Committing && !push.committed;
        let outcome = if push.errors.is_empty() && !silent {
            Outcome::Committed
        } else {
            Outcome::Failed {
                errors: push
                    .errors
                    .into_iter()
                    .map(|(_, refusal)| refusal)
                    .collect(),
                rest_applied,
            }
        };
        self.emit(Event::PushDone {
            id: push.id,
            outcome,
        });
    }

    /// Throws away what is in the bundle; nobody waits for the answer.
    fn discard(&mut self) {
        let xid = self.next_xid();
        let message = Message::BundleControl(BundleControl {
            bundle_id: BUNDLE_ID,
            kind: BundleControlType::DISCARD_REQUEST,
            flags: bundle_flags(),
            properties: Vec::new(),
        });
        self.enqueue(Lane::Bulk, &message, xid);
        self.expect(xid, Expect::Nothing);
    }
}

/// True for an error that says that the switch knows no bundles.
fn no_bundles(refusal: &Refusal) -> bool {
    const UNKNOWN: [ErrorAnswer; 3] = [
        ErrorAnswer::BAD_TYPE,
        ErrorAnswer::BAD_EXPERIMENTER,
        ErrorAnswer::BAD_EXP_TYPE,
    ];
    let error = &refusal.error;
    UNKNOWN.iter().any(|answer| error.is(*answer)) && message::is_bundle_control(&error.data)
}
