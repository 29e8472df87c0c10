//! What switches must be told, once an update is carried out: for every key that it touched, what a
//! switch had against what it has.
//!
//! A key whose contributors are all in one scope is compared once for all switches of the scope, which
//! share the part of the delta. Switches whose scopes changed, and keys that several scopes contribute
//! to, are compared one by one. What an update is, and how it is carried out, is in [`super`].

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use hashbrown::HashSet;
use weft_topology::ChassisId;

use super::{Compiler, Contributor, Delta, Deltas, Slots};
use crate::content::{self, Content, Key};
use crate::rules::Rules;

/// Works out deltas once the plan is carried out.
pub(super) struct Differences<'a, R: Rules> {
    pub(super) compiler: &'a Compiler<R>,
    /// The scopes that switches had whose scopes changed.
    pub(super) scopes_before: BTreeMap<ChassisId, BTreeSet<R::Scope>>,
    /// Switches that are managed from now on: they get their whole program instead.
    pub(super) fresh: &'a BTreeSet<ChassisId>,
    pub(super) deltas: Deltas,
}

impl<R: Rules> Differences<'_, R> {
    /// Differences that items' outputs and memberships make.
    pub(super) fn of_keys(&mut self, touched: &HashSet<Key>, before: &Slots<R>) {
        let after = self.compiler.contributors(touched.iter());
        let mut shared: BTreeMap<&R::Scope, Delta> = BTreeMap::new();
        let mut single: BTreeMap<ChassisId, Delta> = BTreeMap::new();
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
                Only::Several(scopes) => {
                    let switches: BTreeSet<&ChassisId> = scopes
                        .iter()
                        .filter_map(|scope| self.compiler.scopes.get(*scope))
                        .flat_map(|state| &state.switches)
                        .filter(|chassis| self.keeps_its_scopes(chassis))
                        .collect();
                    for chassis in switches {
                        let scopes = &self.compiler.switches[chassis].scopes;
                        let had = self.visible(before, scopes);
                        let has = self.visible(after, scopes);
                        single.entry(chassis.clone()).or_default().push(had, has);
                    }
                }
            }
        }
        for (scope, delta) in shared {
            let Some(state) = self.compiler.scopes.get(scope) else {
                continue;
            };
            let delta = Arc::new(delta);
            for chassis in &state.switches {
                if self.keeps_its_scopes(chassis) {
                    self.deltas
                        .entry(chassis.clone())
                        .or_default()
                        .push(delta.clone());
                }
            }
        }
        for (chassis, delta) in single {
            self.deltas
                .entry(chassis)
                .or_default()
                .push(Arc::new(delta));
        }
        self.of_changed_switches(touched, before, &after);
    }

    /// The same, for switches whose scopes changed at the same time: each by itself.
    fn of_changed_switches(&mut self, touched: &HashSet<Key>, before: &Slots<R>, after: &Slots<R>) {
        for (chassis, scopes_before) in &self.scopes_before {
            let Some(switch) = self.compiler.switches.get(chassis) else {
                continue;
            };
            let mut delta = Delta::default();
            for key in touched {
                let had = self.visible(&before[key], scopes_before);
                let has = self.visible(&after[key], &switch.scopes);
                delta.push(had, has);
            }
            self.deltas
                .entry(chassis.clone())
                .or_default()
                .push(Arc::new(delta));
        }
    }

    /// Differences that gaining or losing a scope makes, for keys that did not change themselves.
    pub(super) fn of_subscriptions(
        &mut self,
        mut keys: BTreeMap<ChassisId, HashSet<Key>>,
        gained: &BTreeMap<ChassisId, BTreeSet<R::Scope>>,
        touched: &HashSet<Key>,
    ) {
        for (chassis, scopes) in gained {
            if !self.fresh.contains(chassis) {
                let own = keys.entry(chassis.clone()).or_default();
                for scope in scopes {
                    own.extend(self.compiler.keys_of_scope(scope));
                }
            }
        }
        for (chassis, keys) in keys {
            let (Some(had_scopes), Some(switch)) = (
                self.scopes_before.get(&chassis),
                self.compiler.switches.get(&chassis),
            ) else {
                continue;
            };
            let mut delta = Delta::default();
            for key in keys.difference(touched) {
                // Who puts it out, and in which scopes, is as before: what came or went is touched.
                let had = self.compiler.resolve(*key, had_scopes);
                let has = self.compiler.resolve(*key, &switch.scopes);
                delta.push(had, has);
            }
            self.deltas
                .entry(chassis)
                .or_default()
                .push(Arc::new(delta));
        }
    }

    fn keeps_its_scopes(&self, chassis: &ChassisId) -> bool {
        !self.scopes_before.contains_key(chassis) && !self.fresh.contains(chassis)
    }

    fn visible(
        &self,
        contributors: &[Contributor<R>],
        scopes: &BTreeSet<R::Scope>,
    ) -> Option<Content> {
        let bodies = contributors
            .iter()
            .filter(|one| one.scopes.iter().any(|scope| scopes.contains(scope)))
            .map(|one| &one.body);
        content::merge(&self.compiler.secret, bodies).0
    }
}

/// In how many scopes a set of contributors is.
enum Only<'a, Scope> {
    None,
    One(&'a Scope),
    Several(BTreeSet<&'a Scope>),
}

fn only_scope<'a, R: Rules + 'a>(
    contributors: impl Iterator<Item = &'a Contributor<R>>,
) -> Only<'a, R::Scope> {
    let mut scopes = contributors.flat_map(|one| &one.scopes);
    let Some(first) = scopes.next() else {
        return Only::None;
    };
    let others: BTreeSet<&R::Scope> = scopes.filter(|scope| *scope != first).collect();
    if others.is_empty() {
        return Only::One(first);
    }
    Only::Several(others.into_iter().chain([first]).collect())
}
