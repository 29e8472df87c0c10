//! The state of whoever writes: what the log adds up to, and the claims of writes that are on their way.
//!
//! What a write takes is reserved until the store has spoken, so that those decided meanwhile choose
//! something else; whether they were right is for the store alone to say. Who submits, and when, is not known here.

use std::collections::HashSet;

use crate::log::{Claim, ClaimChange, LogEntry, RowKey};
use crate::state::{State, StateError};
use crate::store::CommitError;

/// What was reserved for a write: claims and their future owners.
pub type Reserved = Vec<(Claim, RowKey)>;

/// The state, and which of its claims are reservations only.
#[derive(Debug)]
pub struct Tentative {
    state: State,
    reserved: HashSet<Claim>,
}

impl Tentative {
    /// A state without reservations.
    #[must_use]
    pub fn new(state: State) -> Self {
        Self {
            state,
            reserved: HashSet::new(),
        }
    }

    /// The state; who looks for what is free in it takes reservations for claims.
    #[must_use]
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Applies the next entry; answers whether it was new.
    ///
    /// # Errors
    /// As from [`State::apply`].
    pub fn apply(&mut self, entry: &LogEntry) -> Result<bool, StateError> {
        let new = self.state.apply(entry)?;
        if new {
            // What the log says of a claim is no reservation any more.
            for change in &entry.claims {
                self.reserved.remove(&change.claim);
            }
        }
        Ok(new)
    }

    /// Reserves what `changes` take and nobody holds.
    ///
    /// # Errors
    /// [`CommitError::Taken`] when somebody else holds one of them, or is about to; nothing is reserved then.
    pub fn reserve(&mut self, changes: &[ClaimChange]) -> Result<Reserved, CommitError> {
        let mut given_back = HashSet::new();
        let mut free = Vec::new();
        for ClaimChange { claim, owner } in changes {
            let Some(owner) = owner else {
                given_back.insert(claim);
                continue;
            };
            match self.state.owner(claim) {
                None => free.push((claim.clone(), owner.clone())),
                Some(holder) if holder == owner || given_back.contains(claim) => {}
                Some(_) => {
                    return Err(CommitError::Taken {
                        claim: claim.clone(),
                    });
                }
            }
        }
        for (claim, owner) in &free {
            self.reserved.insert(claim.clone());
            self.state.reserve(&ClaimChange {
                claim: claim.clone(),
                owner: Some(owner.clone()),
            });
        }
        Ok(free)
    }

    /// Takes reservations back that came to nothing.
    pub fn cancel(&mut self, reserved: Reserved) {
        for (claim, owner) in reserved {
            if self.state.owner(&claim) == Some(&owner) && self.reserved.remove(&claim) {
                self.state.reserve(&ClaimChange { claim, owner: None });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::claim;

    use super::*;

    fn key(id: &str) -> RowKey {
        RowKey {
            kind: "network".into(),
            id: id.into(),
        }
    }

    fn takes(id: &str) -> Vec<ClaimChange> {
        vec![ClaimChange {
            claim: claim::number("segment/vxlan", 7),
            owner: Some(key(id)),
        }]
    }

    #[test]
    fn what_a_write_takes_is_taken_until_it_failed() {
        let mut tentative = Tentative::new(State::new([0; 16]));
        let reserved = tentative.reserve(&takes("a")).unwrap();
        let refused = tentative.reserve(&takes("b"));
        assert!(matches!(refused, Err(CommitError::Taken { .. })));
        tentative.cancel(reserved);
        assert!(tentative.reserve(&takes("b")).is_ok());
    }

    #[test]
    fn what_the_log_says_is_not_taken_back() {
        let mut tentative = Tentative::new(State::new([0; 16]));
        let reserved = tentative.reserve(&takes("a")).unwrap();
        let entry = LogEntry {
            revision: 1,
            time_us: 0,
            actor: crate::log::Actor::default(),
            rows: Vec::new(),
            claims: takes("a"),
        };
        assert_eq!(tentative.apply(&entry), Ok(true));
        tentative.cancel(reserved);
        assert_eq!(
            tentative.state().owner(&takes("a")[0].claim),
            Some(&key("a"))
        );
    }
}
