//! Calls of the API, their answers, and when all switches had what a call changed.

use std::collections::BTreeMap;

use serde_json::Value;
use weft_engine::Request;
use weft_schema::Revision;

use super::connection::ConnectionId;

/// Names a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallId(pub(super) usize);

/// Who calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The user.
    pub user: String,
    /// The project that the user acts for.
    pub project: String,
    /// Whether the user is an administrator.
    pub is_admin: bool,
}

impl Default for Caller {
    /// An administrator.
    fn default() -> Self {
        Self {
            user: "admin".to_owned(),
            project: "admin".to_owned(),
            is_admin: true,
        }
    }
}

/// An answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// The HTTP status; 503 also when no controller is there to answer.
    pub status: u16,
    /// The body; null when there is none.
    pub body: Value,
    /// The entry of the log that the call became, when it changed something.
    pub revision: Option<Revision>,
    /// When it came, in microseconds.
    pub at: u64,
}

impl Answer {
    /// Whether what was asked for was done.
    #[must_use]
    pub fn is_success(&self) -> bool {
        self.status < 300
    }
}

/// A call.
#[derive(Debug, Clone)]
pub struct Call {
    /// Who called.
    pub caller: Caller,
    /// What was asked for.
    pub request: Request,
    /// When, in microseconds.
    pub asked: u64,
    /// The answer, once there is one.
    pub answer: Option<Answer>,
    /// When the last of the switches that were told of the change acknowledged it, in microseconds;
    /// the time at which the controller knew, when none had to be told.
    pub acknowledged: Option<u64>,
    /// How often it was decided.
    pub(super) attempts: u32,
}

/// Every call there ever was, and the pushes that are under way.
#[derive(Debug, Default)]
pub(super) struct Calls {
    calls: Vec<Call>,
    /// Calls that changed something that was not compiled yet.
    answered: BTreeMap<Revision, CallId>,
    /// Calls by the revision that switches are told that have them.
    compiled: BTreeMap<Revision, Vec<CallId>>,
    /// Pushes without acknowledgement, and the revision of each.
    pushes: BTreeMap<(ConnectionId, u64), Revision>,
    /// How many there are of each revision.
    by_revision: BTreeMap<Revision, usize>,
}

impl Calls {
    pub(super) fn add(&mut self, caller: Caller, request: Request, now: u64) -> CallId {
        self.calls.push(Call {
            caller,
            request,
            asked: now,
            answer: None,
            acknowledged: None,
            attempts: 0,
        });
        CallId(self.calls.len() - 1)
    }

    pub(super) fn all(&self) -> &[Call] {
        &self.calls
    }

    pub(super) fn get(&self, id: CallId) -> &Call {
        &self.calls[id.0]
    }

    pub(super) fn get_mut(&mut self, id: CallId) -> &mut Call {
        &mut self.calls[id.0]
    }

    /// A call became an entry of the log.
    pub(super) fn entered(&mut self, id: CallId, revision: Revision) {
        self.answered.insert(revision, id);
    }

    /// A switch is told.
    pub(super) fn pushed(&mut self, link: ConnectionId, push: u64, revision: Revision) {
        if self.pushes.insert((link, push), revision).is_none() {
            *self.by_revision.entry(revision).or_default() += 1;
        }
    }

    /// Everything up to a revision was compiled, and all pushes that came of it are known.
    pub(super) fn compiled(&mut self, revision: Revision, now: u64) {
        let later = self.answered.split_off(&(revision + 1));
        let known = std::mem::replace(&mut self.answered, later);
        self.compiled
            .entry(revision)
            .or_default()
            .extend(known.into_values());
        self.look(revision, now);
    }

    /// A switch acknowledged.
    pub(super) fn acknowledged(&mut self, link: ConnectionId, push: u64, now: u64) {
        if let Some(revision) = self.pushes.remove(&(link, push)) {
            self.done(revision, now);
        }
    }

    /// A switch is gone, and acknowledges nothing any more.
    pub(super) fn gone(&mut self, link: ConnectionId, now: u64) {
        let of_link = (link, 0)..=(link, u64::MAX);
        let pushes: Vec<u64> = self
            .pushes
            .range(of_link)
            .map(|((_, push), _)| *push)
            .collect();
        for push in pushes {
            self.acknowledged(link, push, now);
        }
    }

    /// The controller is gone with everything it knew.
    pub(super) fn forget(&mut self) {
        self.answered.clear();
        self.compiled.clear();
        self.pushes.clear();
        self.by_revision.clear();
    }

    fn done(&mut self, revision: Revision, now: u64) {
        if let Some(count) = self.by_revision.get_mut(&revision) {
            *count -= 1;
            if *count == 0 {
                self.by_revision.remove(&revision);
                self.look(revision, now);
            }
        }
    }

    fn look(&mut self, revision: Revision, now: u64) {
        if self.by_revision.contains_key(&revision) {
            return;
        }
        for id in self.compiled.remove(&revision).unwrap_or_default() {
            self.calls[id.0].acknowledged = Some(now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_acknowledged_when_the_last_switch_is() {
        let mut calls = Calls::default();
        let call = calls.add(Caller::default(), Request::default(), 0);
        calls.entered(call, 7);
        calls.pushed(1, 10, 8);
        calls.pushed(2, 11, 8);
        calls.compiled(8, 20);
        calls.acknowledged(1, 10, 30);
        assert_eq!(calls.get(call).acknowledged, None);
        calls.gone(2, 40);
        assert_eq!(calls.get(call).acknowledged, Some(40));
    }

    #[test]
    fn a_call_that_no_switch_is_told_of_is_acknowledged_when_it_is_compiled() {
        let mut calls = Calls::default();
        let call = calls.add(Caller::default(), Request::default(), 0);
        calls.entered(call, 7);
        calls.compiled(6, 10);
        assert_eq!(calls.get(call).acknowledged, None);
        calls.compiled(7, 20);
        assert_eq!(calls.get(call).acknowledged, Some(20));
    }
}
