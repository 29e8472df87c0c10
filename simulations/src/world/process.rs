//! The controller's process: the state it follows, the engine that answers, the member that decides, and the writes on
//! their way.
//!
//! What `weft serve` does around the machines in threads and tasks is done here in events: entries that are there
//! together are compiled together, writes that wait together are committed together, a decision that came too late
//! is made anew. See `api/src/replica.rs` and `controller/src/southbound/member.rs`.

use std::collections::VecDeque;

use serde_json::Value;
use weft_engine::{Context, Engine, Outcome, Response};
use weft_member::Member;
use weft_schema::{CommitError, LogEntry, Problem, Reserved, Revision, State, Tentative, WriteSet};

use super::calls::{Call, CallId};
use super::random::Random;

/// How many write sets go to the database together at most.
const BATCH: usize = 256;

/// How often a decision is made anew because others were faster.
const ATTEMPTS: u32 = 20;

/// The time of the log when a world begins, in microseconds since 1970-01-01 UTC: 2026-01-01.
pub(super) const EPOCH: i64 = 1_767_225_600_000_000;

/// The time of the log.
pub(super) fn time_us(now: u64) -> i64 {
    EPOCH.saturating_add(i64::try_from(now).unwrap_or(i64::MAX))
}

/// Who waits for a write.
pub(super) enum Writer {
    /// A call, which is answered like this when it is done.
    Call(CallId, Response),
    /// The member, with observations of a hypervisor.
    Member(String),
}

/// A write on its way.
pub(super) struct Pending {
    pub(super) write: WriteSet,
    pub(super) writer: Writer,
    reserved: Reserved,
}

/// What comes of a decision.
pub(super) enum Decision {
    /// It is over, with a status and a body.
    Answer(u16, Value),
    /// The write is on its way.
    Wait,
}

/// A controller that runs.
pub(super) struct Process {
    /// Which one it is, of those that ever ran.
    pub(super) boot: u64,
    pub(super) member: Member,
    /// Whether the member is about to be told of entries.
    pub(super) telling: bool,
    replica: Tentative,
    engine: Engine,
    /// Up to where the member was told.
    told: Revision,
    waiting: VecDeque<Pending>,
    committing: bool,
}

impl Process {
    /// A process that starts on what the database has.
    pub(super) fn new(
        boot: u64,
        state: State,
        engine: Engine,
        settings: weft_member::Settings,
    ) -> Self {
        Self {
            boot,
            member: Member::new(&state, settings),
            telling: false,
            told: state.revision(),
            replica: Tentative::new(state),
            engine,
            waiting: VecDeque::new(),
            committing: false,
        }
    }

    pub(super) fn state(&self) -> &State {
        self.replica.state()
    }

    /// Lets the engine decide on a call.
    pub(super) fn decide(
        &mut self,
        id: CallId,
        call: &mut Call,
        now: u64,
        random: &mut Random,
    ) -> Decision {
        let context = Context {
            user: call.caller.user.clone(),
            project: call.caller.project.clone(),
            is_admin: call.caller.is_admin,
            request_id: format!("req-{}", id.0),
            time_us: time_us(now),
            base_url: String::new(),
        };
        while call.attempts < ATTEMPTS {
            call.attempts += 1;
            let mut entropy = || random.bits();
            let state = self.replica.state();
            let outcome = self
                .engine
                .handle(&call.request, &context, state, &mut entropy);
            match outcome {
                Err(problem) => return refusal(&problem),
                Ok(Outcome::Done(response)) => {
                    return Decision::Answer(response.status, body(&response));
                }
                Ok(Outcome::Write { write, response }) => {
                    if self.submit(write, Writer::Call(id, response)) {
                        return Decision::Wait;
                    }
                }
            }
        }
        unavailable("Too many changes at the same time; try again.")
    }

    /// Puts a write among those that wait; not, when another on its way takes what it takes.
    pub(super) fn submit(&mut self, write: WriteSet, writer: Writer) -> bool {
        let Ok(reserved) = self.replica.reserve(&write.claims) else {
            return false;
        };
        self.waiting.push_back(Pending {
            write,
            writer,
            reserved,
        });
        true
    }

    /// The writes that go to the database next; none while others are under way.
    pub(super) fn next_batch(&mut self) -> Option<Vec<Pending>> {
        if self.committing || self.waiting.is_empty() {
            return None;
        }
        self.committing = true;
        let count = self.waiting.len().min(BATCH);
        Some(self.waiting.drain(..count).collect())
    }

    /// A batch is over.
    pub(super) fn committed(&mut self) {
        self.committing = false;
    }

    /// Takes back what was reserved for a write that failed.
    pub(super) fn cancel(&mut self, reserved: Reserved) {
        self.replica.cancel(reserved);
    }

    /// Takes in what is new of the log; true when the member is to be told of more than it will be.
    pub(super) fn take_in(&mut self, entries: &[LogEntry]) -> bool {
        for entry in entries {
            // They follow each other, and the state.
            _ = self.replica.apply(entry);
        }
        self.state().revision() > self.told && !std::mem::replace(&mut self.telling, true)
    }

    /// The member is told now of everything that was taken in; gives up to where it was told before.
    pub(super) fn tell(&mut self) -> Revision {
        self.telling = false;
        std::mem::replace(&mut self.told, self.replica.state().revision())
    }
}

impl Pending {
    /// Its parts: who waits for it, and what was reserved for it.
    pub(super) fn split(self) -> (Writer, Reserved) {
        (self.writer, self.reserved)
    }
}

/// What the caller of a write is answered that failed; none when it is to be decided anew.
pub(super) fn failure(error: &CommitError) -> Option<Decision> {
    match error {
        CommitError::Changed { .. } | CommitError::Taken { .. } => None,
        CommitError::Database { unknown: true, .. } => Some(unavailable(
            "The database did not say whether the change was made.",
        )),
        CommitError::Database { .. } => Some(unavailable("The database cannot be written.")),
    }
}

/// The answer of 503.
pub(super) fn unavailable(reason: &str) -> Decision {
    refusal(&weft_schema::Fault::ServiceUnavailable { reason: &reason }.into())
}

fn refusal(problem: &Problem) -> Decision {
    let body = serde_json::from_slice(&problem.body()).unwrap_or(Value::Null);
    Decision::Answer(problem.status(), body)
}

/// The body of an answer.
pub(super) fn body(response: &Response) -> Value {
    let body = response.body.as_deref();
    body.and_then(|body| serde_json::from_slice(body).ok())
        .unwrap_or(Value::Null)
}
