//! What switches must be told, once an update is carried out: for every key that it touched, what a
//! switch had against what it has.
//!
//! A key whose contributors are all in one scope is compared once for all switches of the scope, which
//! share the part of the delta. Switches whose scopes changed, and keys that several scopes contribute
//! to, are compared one by one. What an update is, and how it is carried out, is in [`super`].

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use hashbrown::HashSet;
use smallvec::SmallVec;

use super::{Compiler, Contributor, Delta, ScopeNumber, ScopesOf, Slots, SwitchNumber};
use crate::content::{self, Body, Content, Key};
use crate::rules::Rules;

/// Works out deltas once the plan is carried out.
pub(super) struct Differences<'a, R: Rules> {
    pub(super) compiler: &'a Compiler<R>,
    /// The scopes that switches had whose scopes changed.
    pub(super) scopes_before: ScopesOf<R>,
    /// Switches that are managed from now on: they get their whole program instead.
    pub(super) fresh: &'a BTreeSet<SwitchNumber>,
    pub(super) deltas: BTreeMap<SwitchNumber, SmallVec<[Arc<Delta>; 2]>>,
}

impl<R: Rules> Differences<'_, R> {
    /// Differences that items' outputs and memberships make.
    pub(super) fn of_keys(&mut self, touched: &HashSet<Key>, before: &Slots<R>) {
        let after = self.compiler.contributors(touched.iter());
        let mut shared: BTreeMap<ScopeNumber<R>, Delta> = BTreeMap::new();
        let mut single: BTreeMap<SwitchNumber, Delta> = BTreeMap::new();
        for key in touched {
            let (before, after) = (&before[key], &after[key]);
            match only_scope(before.iter().chain(after)) {
                Only::None => {}
                Only::One(scope) => {
                    // Every switch of the scope sees the same.
                    let (had, _) =
                        content::merge(&self.compiler.secret, before.iter().map(|one| &one.body));
                    let (has, _) =
                        content::merge(&self.compiler.secret, after.iter().map(|one| &one.body));
                    shared.entry(scope).or_default().push(had, has);
                }
                Only::Several => {
                    for (switch, [had, has]) in self.by_switch(before, after) {
                        let (had, _) = content::merge(&self.compiler.secret, had);
                        let (has, _) = content::merge(&self.compiler.secret, has);
                        single.entry(switch).or_default().push(had, has);
                    }
                }
            }
        }
        for (scope, delta) in shared {
            let delta = Arc::new(delta);
            let switches: Vec<SwitchNumber> = self.switches(scope).collect();
            for switch in switches {
                self.add(switch, delta.clone());
            }
        }
        for (switch, delta) in single {
            self.add(switch, Arc::new(delta));
        }
        self.of_changed_switches(touched, before, &after);
    }

    /// The same, for switches whose scopes changed at the same time: each by itself.
    fn of_changed_switches(&mut self, touched: &HashSet<Key>, before: &Slots<R>, after: &Slots<R>) {
        let mut deltas = Vec::with_capacity(self.scopes_before.len());
        for (switch, scopes_before) in &self.scopes_before {
            let scopes = &self.compiler.switches[*switch].scopes;
            let mut delta = Delta::default();
            for key in touched {
                let had = self.visible(&before[key], scopes_before);
                let has = self.visible(&after[key], scopes);
                delta.push(had, has);
            }
            deltas.push((*switch, delta));
        }
        for (switch, delta) in deltas {
            self.add(switch, Arc::new(delta));
        }
    }

    /// Differences that gaining or losing a scope makes, for keys that did not change themselves.
    pub(super) fn of_subscriptions(
        &mut self,
        mut keys: BTreeMap<SwitchNumber, HashSet<Key>>,
        gained: &ScopesOf<R>,
        touched: &HashSet<Key>,
    ) {
        for (switch, scopes) in gained {
            if !self.fresh.contains(switch) {
                let own = keys.entry(*switch).or_default();
                for scope in scopes {
                    own.extend(self.compiler.keys_of_scope(*scope));
                }
            }
        }
        for (switch, keys) in keys {
            let Some(had_scopes) = self.scopes_before.get(&switch) else {
                continue;
            };
            let scopes = &self.compiler.switches[switch].scopes;
            let mut delta = Delta::default();
            for key in keys.difference(touched) {
                // Who puts it out, and in which scopes, is as before: what came or went is touched.
                let had = self.compiler.resolve(*key, had_scopes);
                let has = self.compiler.resolve(*key, scopes);
                delta.push(had, has);
            }
            self.add(switch, Arc::new(delta));
        }
    }

    fn add(&mut self, switch: SwitchNumber, delta: Arc<Delta>) {
        self.deltas.entry(switch).or_default().push(delta);
    }

    /// The switches that had a scope before and have it still, and no other scopes than before.
    fn switches(&self, scope: ScopeNumber<R>) -> impl Iterator<Item = SwitchNumber> {
        let state = self.compiler.scopes.get(scope).into_iter();
        let switches = state.flat_map(|state| state.switches.iter().copied());
        switches.filter(|switch| {
            !self.scopes_before.contains_key(switch) && !self.fresh.contains(switch)
        })
    }

    /// What each switch sees of a key's contributors, before and after: of those whose scopes did not change.
    fn by_switch<'b>(
        &self,
        before: &'b [Contributor<R>],
        after: &'b [Contributor<R>],
    ) -> BTreeMap<SwitchNumber, [SmallVec<[&'b Body; 1]>; 2]> {
        let mut seen: BTreeMap<SwitchNumber, [SmallVec<[&Body; 1]>; 2]> = BTreeMap::new();
        for (time, contributors) in [before, after].into_iter().enumerate() {
            for one in contributors {
                for switch in one.scopes.iter().flat_map(|scope| self.switches(*scope)) {
                    let bodies = &mut seen.entry(switch).or_default()[time];
                    // A switch may have several of its scopes.
                    if bodies
                        .last()
                        .is_none_or(|last| !std::ptr::eq(*last, &one.body))
                    {
                        bodies.push(&one.body);
                    }
                }
            }
        }
        seen
    }

    fn visible(
        &self,
        contributors: &[Contributor<R>],
        scopes: &BTreeSet<ScopeNumber<R>>,
    ) -> Option<Content> {
        let bodies = contributors
            .iter()
            .filter(|one| one.scopes.iter().any(|scope| scopes.contains(scope)))
            .map(|one| &one.body);
        content::merge(&self.compiler.secret, bodies).0
    }
}

/// In how many scopes a set of contributors is.
enum Only<R: Rules> {
    None,
    One(ScopeNumber<R>),
    Several,
}

fn only_scope<'a, R: Rules + 'a>(
    contributors: impl Iterator<Item = &'a Contributor<R>>,
) -> Only<R> {
    let mut scopes = contributors.flat_map(|one| one.scopes.iter().copied());
    match scopes.next() {
        None => Only::None,
        Some(first) if scopes.all(|scope| scope == first) => Only::One(first),
        Some(_) => Only::Several,
    }
}
