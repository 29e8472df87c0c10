//! What is waited for: that every switch which a change concerns has acknowledged it.
//!
//! Who tells of changes and of acknowledgements is not known here; times are given.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::time::{Duration, Instant};

use weft_simulations::world::{Acknowledged, Destination, HypervisorId};

/// A change that is not everywhere yet.
#[derive(Debug)]
struct Pending {
    missing: BTreeSet<HypervisorId>,
    answered: Option<Instant>,
    last: Option<Instant>,
}

/// Who waits.
#[derive(Debug, Default)]
pub(super) struct Tracker {
    pending: HashMap<Destination, Pending>,
    /// How long it took since the API's answer, until a destination was known.
    pub(super) known: Vec<Duration>,
    /// The same, until one was gone.
    pub(super) removed: Vec<Duration>,
    everywhere: HashSet<Destination>,
}

impl Tracker {
    /// A change is to come to the switches of these hypervisors.
    pub(super) fn expect(&mut self, what: Destination, missing: BTreeSet<HypervisorId>) {
        let pending = Pending {
            missing,
            answered: None,
            last: None,
        };
        self.pending.insert(what, pending);
    }

    /// The API has answered the call that is the change.
    pub(super) fn answered(&mut self, what: Destination, at: Instant) {
        if let Some(pending) = self.pending.get_mut(&what) {
            pending.answered = Some(at);
            self.conclude(what);
        }
    }

    /// There will be no such change.
    pub(super) fn give_up(&mut self, what: Destination) {
        self.pending.remove(&what);
    }

    /// A switch acknowledges.
    pub(super) fn acknowledged(&mut self, at: Instant, what: &Acknowledged) {
        for destination in &what.destinations {
            if let Some(pending) = self.pending.get_mut(destination)
                && pending.missing.remove(&what.hypervisor)
            {
                pending.last = Some(at);
                self.conclude(*destination);
            }
        }
    }

    fn conclude(&mut self, what: Destination) {
        let Some(pending) = self.pending.get(&what) else {
            return;
        };
        let (Some(answered), true) = (pending.answered, pending.missing.is_empty()) else {
            return;
        };
        // What was acknowledged before the answer took no time after it.
        let last = pending.last.unwrap_or(answered);
        let took = last.saturating_duration_since(answered);
        match what {
            Destination::Known(_) => self.known.push(took),
            Destination::Removed(_) => self.removed.push(took),
        }
        self.pending.remove(&what);
        self.everywhere.insert(what);
    }

    /// Whether a change has come everywhere, which is told once.
    pub(super) fn take_everywhere(&mut self, what: Destination) -> bool {
        self.everywhere.remove(&what)
    }

    /// How many changes are waited for.
    pub(super) fn pending(&self) -> usize {
        self.pending.len()
    }
}
