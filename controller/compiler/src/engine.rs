//! The incremental engine: keeps every switch's program a function of the model, with work that is
//! proportional to the change.
//!
//! A switch's program is a set of *items*; items belong to *scopes*, and a switch has the scopes
//! that its rules reach. The engine remembers what each item and each switch read, runs again just
//! what read a changed cell, and compares outputs by content. Items in a scope that many switches
//! share are lowered and encoded once, and the delta is computed once for all of them. There are no
//! change handlers, so there is nothing to forget: `incremental == full` holds because the same
//! functions ran on the same cells.
//!
//! One [`Compiler::update`] goes: the model's effects; scopes gained and lost by switches; items
//! gained and lost by scopes; items run again; and then, for the keys that any of this touched,
//! what each switch had before against what it has after ([`difference`]).

mod difference;

use std::collections::{BTreeMap, BTreeSet};
use std::panic::Location;
use std::sync::Arc;

use hashbrown::{HashMap, HashSet};
use smallvec::SmallVec;
use weft_topology::{Cell, Change, ChassisId, Effects, Index, Model};

use crate::content::{self, Body, Content, Flow, Key, Secret};
use crate::emit::{Emission, Emitter, Fault};
use crate::rules::{Rules, Source};
use crate::view::View;
use difference::Differences;

/// What a switch must be told so that it has its program again.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Delta {
    /// What is new or different; it takes the place of what has the same key.
    pub set: Vec<Content>,
    /// What is gone.
    pub removed: Vec<Content>,
    /// The keys of `set` that had another content before.
    pub replaced: HashSet<Key>,
}

impl Delta {
    /// Whether there is nothing to tell.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.set.is_empty() && self.removed.is_empty()
    }

    fn push(&mut self, before: Option<Content>, after: Option<Content>) {
        match (before, after) {
            (before, after) if before == after => {}
            (Some(before), None) => self.removed.push(before),
            (before, Some(after)) => {
                if before.is_some() {
                    self.replaced.insert(after.key());
                }
                self.set.push(after);
            }
            (None, None) => {}
        }
    }
}

/// What an update is to do.
#[derive(Debug, Default)]
pub struct Input {
    /// What is new, different or gone in the network.
    pub changes: Vec<Change>,
    /// Switches whose programs are wanted from now on.
    pub manage: Vec<ChassisId>,
    /// Switches whose programs are not wanted any more.
    pub release: Vec<ChassisId>,
}

/// What an update did. A switch's delta is the parts together; parts are shared between switches.
pub type Deltas = BTreeMap<ChassisId, SmallVec<[Arc<Delta>; 2]>>;

/// What one run of an item gave.
#[derive(Debug, Default)]
struct Output {
    emissions: Vec<Emission>,
    faults: Vec<Fault>,
    read: Vec<Cell>,
}

#[derive(Debug)]
struct ItemState<Scope> {
    scopes: SmallVec<[Scope; 1]>,
    output: Output,
}

impl<Scope> Default for ItemState<Scope> {
    fn default() -> Self {
        Self {
            scopes: SmallVec::new(),
            output: Output::default(),
        }
    }
}

struct ScopeState<Item> {
    switches: BTreeSet<ChassisId>,
    items: BTreeSet<Item>,
    sources: Vec<Source<Item>>,
}

#[derive(Debug)]
struct SwitchState<Scope> {
    scopes: BTreeSet<Scope>,
    read: Vec<Cell>,
}

/// Who reads a cell.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Reader<Item> {
    Item(Item),
    Switch(ChassisId),
}

/// The compiler of all programs.
pub struct Compiler<R: Rules> {
    rules: R,
    secret: Secret,
    model: Model,
    items: HashMap<R::Item, ItemState<R::Scope>>,
    scopes: HashMap<R::Scope, ScopeState<R::Item>>,
    switches: BTreeMap<ChassisId, SwitchState<R::Scope>>,
    readers: HashMap<Cell, HashSet<Reader<R::Item>>>,
    /// Scopes with a source in an index.
    derived: HashMap<Index, BTreeSet<R::Scope>>,
    /// How many faults the items' outputs hold.
    refused: usize,
    /// Who puts out what has a key.
    slots: HashMap<Key, SmallVec<[R::Item; 1]>>,
}

/// Who puts out one body of a key, as it was or as it is.
struct Contributor<R: Rules> {
    scopes: SmallVec<[R::Scope; 1]>,
    body: Body,
}

/// The contributors of the keys that an update touches.
type Slots<R> = HashMap<Key, SmallVec<[Contributor<R>; 1]>>;

/// What changes about who has what, before it is carried out.
struct Plan<R: Rules> {
    /// Per switch: scopes gained and lost.
    gained: BTreeMap<ChassisId, BTreeSet<R::Scope>>,
    lost: BTreeMap<ChassisId, BTreeSet<R::Scope>>,
    /// Items that come into a scope or leave it.
    joined: Vec<(R::Item, R::Scope)>,
    left: Vec<(R::Item, R::Scope)>,
    /// Items' new outputs.
    output: HashMap<R::Item, Output>,
}

impl<R: Rules> Compiler<R> {
    /// A compiler of an empty network.
    pub fn new(rules: R, secret: Secret) -> Self {
        Self {
            rules,
            secret,
            model: Model::new(),
            items: HashMap::new(),
            scopes: HashMap::new(),
            switches: BTreeMap::new(),
            readers: HashMap::new(),
            derived: HashMap::new(),
            refused: 0,
            slots: HashMap::new(),
        }
    }

    /// The same compiler, for a network in which flood lists longer than `flood_direct` are passed on in
    /// two steps ([`Model::with_flood_direct`]). To be said before anything else.
    #[must_use]
    pub fn with_flood_direct(self, flood_direct: usize) -> Self {
        Self {
            model: Model::with_flood_direct(flood_direct),
            ..self
        }
    }

    /// The network that programs are compiled from.
    #[must_use]
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// The secret that cookies are made with.
    #[must_use]
    pub fn secret(&self) -> &Secret {
        &self.secret
    }

    /// Carries out changes and tells what each managed switch must be told. A switch that is
    /// managed from now on is told nothing: ask for its [`Compiler::program`].
    pub fn update(&mut self, input: Input) -> Deltas {
        let effects = self.model.apply(input.changes);
        let mut plan = Plan::<R> {
            gained: BTreeMap::new(),
            lost: BTreeMap::new(),
            joined: Vec::new(),
            left: Vec::new(),
            output: HashMap::new(),
        };
        let fresh: BTreeSet<ChassisId> = input
            .manage
            .into_iter()
            .filter(|chassis| !self.switches.contains_key(chassis))
            .collect();
        let released: BTreeSet<ChassisId> = input.release.into_iter().collect();
        self.plan_reach(&effects, &fresh, &released, &mut plan);
        self.plan_membership(&effects, &mut plan);
        self.plan_output(&effects, &mut plan);

        let touched = self.touched_keys(&plan);
        let before = self.contributors(touched.iter());
        let scopes_before: BTreeMap<ChassisId, BTreeSet<R::Scope>> = plan
            .gained
            .keys()
            .chain(plan.lost.keys())
            .filter(|chassis| !fresh.contains(*chassis) && !released.contains(*chassis))
            .filter_map(|chassis| {
                Some((chassis.clone(), self.switches.get(chassis)?.scopes.clone()))
            })
            .collect();
        let subscription_keys = self.subscription_keys(&plan, &fresh, &released);
        let gained = plan.gained.clone();

        for chassis in &released {
            self.switches.remove(chassis);
        }
        self.install(plan);

        let mut differences = Differences {
            compiler: self,
            scopes_before,
            fresh: &fresh,
            deltas: BTreeMap::new(),
        };
        differences.of_keys(&touched, &before);
        differences.of_subscriptions(subscription_keys, &gained, &touched);
        let mut deltas = differences.deltas;
        deltas.retain(|_, parts| {
            parts.retain(|part| !part.is_empty());
            !parts.is_empty()
        });
        deltas
    }

    /// Everything that a switch is to have: meters, then groups, then flows in the order of stages.
    #[must_use]
    pub fn program(&self, chassis: &ChassisId) -> Vec<Content> {
        let Some(switch) = self.switches.get(chassis) else {
            return Vec::new();
        };
        let mut bodies: Vec<&Body> = switch
            .scopes
            .iter()
            .flat_map(|scope| &self.scopes[scope].items)
            .flat_map(|item| &self.items[item].output.emissions)
            .map(|emission| &emission.body)
            .collect();
        bodies.sort_by_cached_key(|body| place(body));
        bodies
            .chunk_by(|one, other| one.key() == other.key())
            .filter_map(|of_key| content::merge(&self.secret, of_key.iter().copied()).0)
            .collect()
    }

    /// The managed switches.
    pub fn managed(&self) -> impl Iterator<Item = &ChassisId> {
        self.switches.keys()
    }

    /// How many flows were refused while lowering, now. Contradictions between items are not counted:
    /// finding them takes looking at everything ([`Compiler::faults`]).
    #[must_use]
    pub fn refused(&self) -> usize {
        self.refused
    }

    /// What went wrong while lowering: flows that were refused, and items that contradict each other.
    #[must_use]
    pub fn faults(&self) -> Vec<Fault> {
        let mut faults: Vec<Fault> = self
            .items
            .values()
            .flat_map(|state| state.output.faults.iter().cloned())
            .collect();
        for (key, items) in &self.slots {
            let bodies: Vec<(&R::Item, &Body)> = items
                .iter()
                .flat_map(|item| self.bodies(item, *key).map(move |body| (item, body)))
                .collect();
            for (at, (first, one)) in bodies.iter().enumerate() {
                for (second, two) in &bodies[at + 1..] {
                    let together = self.share_a_switch(first, second);
                    if together && content::merge(&self.secret, [*one, *two]).1.is_some() {
                        faults.push(Fault::Conflict {
                            first: format!("{first:?}"),
                            second: format!("{second:?}"),
                        });
                    }
                }
            }
        }
        faults
    }

    /// The items that put out something with that key, each with the line that emitted it.
    pub fn emitters(&self, key: Key) -> Vec<(&R::Item, &'static Location<'static>)> {
        let items = self.slots.get(&key).into_iter().flatten();
        items
            .flat_map(|item| {
                let output = &self.items[item].output.emissions;
                let of_key = output
                    .iter()
                    .filter(move |emission| emission.body.key() == key);
                of_key.map(move |emission| (item, emission.origin))
            })
            .collect()
    }

    /// What a switch is to have under a key; none when it has nothing there.
    #[must_use]
    pub fn content(&self, chassis: &ChassisId, key: Key) -> Option<Content> {
        self.resolve(key, &self.switches.get(chassis)?.scopes)
    }

    /// The flow of that cookie on any managed switch.
    #[must_use]
    pub fn flow(&self, cookie: u64) -> Option<Arc<Flow>> {
        self.slots.iter().find_map(|(key, items)| {
            let bodies = items.iter().flat_map(|item| self.bodies(item, *key));
            for body in bodies {
                match body {
                    Body::Flow(flow) if flow.cookie == cookie => return Some(flow.clone()),
                    Body::Clause(_) => return self.merged_flow(*key, cookie),
                    _ => {}
                }
            }
            None
        })
    }

    /// The items that put out the flow of that cookie, each with the line that emitted it.
    pub fn owners(&self, cookie: u64) -> Vec<(&R::Item, &'static Location<'static>)> {
        self.flow(cookie)
            .map_or_else(Vec::new, |flow| self.emitters(Key::Flow(flow.key)))
    }

    /// The flow of that cookie among those that clauses on one match make, which differ between
    /// switches that see different ones.
    fn merged_flow(&self, key: Key, cookie: u64) -> Option<Arc<Flow>> {
        self.switches
            .values()
            .find_map(|switch| match self.resolve(key, &switch.scopes) {
                Some(Content::Flow(flow)) if flow.cookie == cookie => Some(flow),
                _ => None,
            })
    }

    fn share_a_switch(&self, first: &R::Item, second: &R::Item) -> bool {
        let switches = |item: &R::Item| -> BTreeSet<&ChassisId> {
            self.items[item]
                .scopes
                .iter()
                .filter_map(|scope| self.scopes.get(scope))
                .flat_map(|scope| &scope.switches)
                .collect()
        };
        first == second || !switches(first).is_disjoint(&switches(second))
    }

    fn bodies<'a>(&'a self, item: &R::Item, key: Key) -> impl Iterator<Item = &'a Body> {
        self.items
            .get(item)
            .into_iter()
            .flat_map(|state| &state.output.emissions)
            .map(|emission| &emission.body)
            .filter(move |body| body.key() == key)
    }

    /// What a switch that has these scopes has under a key.
    fn resolve(&self, key: Key, scopes: &BTreeSet<R::Scope>) -> Option<Content> {
        let items = self.slots.get(&key)?;
        let visible = items
            .iter()
            .filter(|item| {
                self.items[*item]
                    .scopes
                    .iter()
                    .any(|scope| scopes.contains(scope))
            })
            .flat_map(|item| self.bodies(item, key));
        content::merge(&self.secret, visible).0
    }

    // --- Planning: what changes, without changing anything but the model. ---

    fn plan_reach(
        &mut self,
        effects: &Effects,
        fresh: &BTreeSet<ChassisId>,
        released: &BTreeSet<ChassisId>,
        plan: &mut Plan<R>,
    ) {
        let mut again: BTreeSet<ChassisId> = fresh.clone();
        for cell in &effects.cells {
            for reader in self.readers.get(cell).into_iter().flatten() {
                if let Reader::Switch(chassis) = reader {
                    again.insert(chassis.clone());
                }
            }
        }
        for chassis in again.difference(released) {
            let mut view = View::new(&self.model);
            let reached: BTreeSet<R::Scope> =
                self.rules.reach(chassis, &mut view).into_iter().collect();
            let read = view.into_read();
            let state = self
                .switches
                .entry(chassis.clone())
                .or_insert_with(|| SwitchState {
                    scopes: BTreeSet::new(),
                    read: Vec::new(),
                });
            let reader = Reader::Switch(chassis.clone());
            change_readers(&mut self.readers, &reader, &state.read, &read);
            state.read = read;
            let gained: BTreeSet<R::Scope> = reached.difference(&state.scopes).cloned().collect();
            let lost: BTreeSet<R::Scope> = state.scopes.difference(&reached).cloned().collect();
            if !gained.is_empty() {
                plan.gained.insert(chassis.clone(), gained);
            }
            if !lost.is_empty() {
                plan.lost.insert(chassis.clone(), lost);
            }
        }
        for chassis in released {
            if let Some(state) = self.switches.get(chassis) {
                change_readers(
                    &mut self.readers,
                    &Reader::Switch(chassis.clone()),
                    &state.read,
                    &[],
                );
                plan.lost.insert(chassis.clone(), state.scopes.clone());
            }
        }
    }

    /// Which items come and go: with scopes that switches begin or cease to need, and with elements
    /// of the indexes that scopes derive from.
    fn plan_membership(&mut self, effects: &Effects, plan: &mut Plan<R>) {
        let mut subscribers: HashMap<&R::Scope, isize> = HashMap::new();
        for scope in plan.gained.values().flatten() {
            *subscribers.entry(scope).or_default() += 1;
        }
        for scope in plan.lost.values().flatten() {
            *subscribers.entry(scope).or_default() -= 1;
        }
        let mut ends = HashSet::new();
        for (scope, change) in subscribers {
            let has = self
                .scopes
                .get(scope)
                .map_or(0, |state| state.switches.len());
            let will_have = has.saturating_add_signed(change);
            match (self.scopes.get(scope), will_have) {
                (Some(state), 0) => {
                    plan.left
                        .extend(state.items.iter().map(|item| (item.clone(), scope.clone())));
                    ends.insert(scope.clone());
                }
                (None, 1..) => {
                    for source in self.rules.sources(scope) {
                        match source {
                            Source::One(item) => plan.joined.push((item, scope.clone())),
                            Source::Each(index, item) => plan.joined.extend(
                                self.model
                                    .elements(&index)
                                    .filter_map(&item)
                                    .map(|item| (item, scope.clone())),
                            ),
                        }
                    }
                }
                _ => {}
            }
        }
        for delta in &effects.deltas {
            for scope in self.derived.get(&delta.index).into_iter().flatten() {
                if ends.contains(scope) {
                    continue;
                }
                for source in &self.scopes[scope].sources {
                    if let Source::Each(index, item) = source
                        && *index == delta.index
                        && let Some(item) = item(&delta.element)
                    {
                        let list = if delta.present {
                            &mut plan.joined
                        } else {
                            &mut plan.left
                        };
                        list.push((item, scope.clone()));
                    }
                }
            }
        }
    }

    /// Runs items that are new, or that read a cell that changed.
    fn plan_output(&mut self, effects: &Effects, plan: &mut Plan<R>) {
        let mut leaving: HashMap<&R::Item, usize> = HashMap::new();
        for (item, _) in &plan.left {
            *leaving.entry(item).or_default() += 1;
        }
        let joining: HashSet<&R::Item> = plan.joined.iter().map(|(item, _)| item).collect();
        let stays = |item: &R::Item| {
            joining.contains(item)
                || self.items.get(item).is_some_and(|state| {
                    state.scopes.len() > leaving.get(item).copied().unwrap_or(0)
                })
        };
        let mut run: BTreeSet<R::Item> = joining
            .iter()
            .filter(|item| !self.items.contains_key(**item))
            .map(|item| (*item).clone())
            .collect();
        for cell in &effects.cells {
            for reader in self.readers.get(cell).into_iter().flatten() {
                if let Reader::Item(item) = reader
                    && stays(item)
                {
                    run.insert(item.clone());
                }
            }
        }
        for item in run {
            let mut view = View::new(&self.model);
            let mut emitter = Emitter::new(&self.secret);
            self.rules.lower(&item, &mut view, &mut emitter);
            let (emissions, faults) = emitter.finish();
            let output = Output {
                emissions,
                faults,
                read: view.into_read(),
            };
            plan.output.insert(item, output);
        }
    }

    /// Keys whose contributors change for every switch of a scope alike.
    fn touched_keys(&self, plan: &Plan<R>) -> HashSet<Key> {
        let mut touched = HashSet::new();
        for (item, new) in &plan.output {
            let new = &new.emissions;
            let old = self
                .items
                .get(item)
                .map_or(&[][..], |state| &state.output.emissions);
            let kept = |one: &Emission, others: &[Emission]| {
                others.iter().any(|other| other.body == one.body)
            };
            // Outputs of one item are short; both sides are compared in full.
            touched.extend(
                old.iter()
                    .filter(|one| !kept(one, new))
                    .map(|one| one.body.key()),
            );
            touched.extend(
                new.iter()
                    .filter(|one| !kept(one, old))
                    .map(|one| one.body.key()),
            );
        }
        for (item, _) in plan.joined.iter().chain(&plan.left) {
            let old = self
                .items
                .get(item)
                .map_or(&[][..], |state| &state.output.emissions);
            touched.extend(old.iter().map(|emission| emission.body.key()));
            if let Some(new) = plan.output.get(item) {
                touched.extend(new.emissions.iter().map(|emission| emission.body.key()));
            }
        }
        touched
    }

    /// Keys that switches lose with scopes that go on without them.
    fn subscription_keys(
        &self,
        plan: &Plan<R>,
        fresh: &BTreeSet<ChassisId>,
        released: &BTreeSet<ChassisId>,
    ) -> BTreeMap<ChassisId, HashSet<Key>> {
        let mut keys: BTreeMap<ChassisId, HashSet<Key>> = BTreeMap::new();
        for (chassis, scopes) in plan.lost.iter().chain(&plan.gained) {
            if fresh.contains(chassis) || released.contains(chassis) {
                continue;
            }
            let own = keys.entry(chassis.clone()).or_default();
            for scope in scopes {
                own.extend(self.keys_of_scope(scope));
            }
        }
        keys
    }

    fn keys_of_scope<'a>(&'a self, scope: &R::Scope) -> impl Iterator<Item = Key> + use<'a, R> {
        self.scopes
            .get(scope)
            .into_iter()
            .flat_map(|state| &state.items)
            .flat_map(|item| &self.items[item].output.emissions)
            .map(|emission| emission.body.key())
    }

    fn contributors<'a>(&self, keys: impl Iterator<Item = &'a Key>) -> Slots<R> {
        keys.map(|key| {
            let contributors = self
                .slots
                .get(key)
                .into_iter()
                .flatten()
                .flat_map(|item| {
                    self.bodies(item, *key).map(|body| Contributor {
                        scopes: self.items[item].scopes.clone(),
                        body: body.clone(),
                    })
                })
                .collect();
            (*key, contributors)
        })
        .collect()
    }

    // --- Carrying the plan out. ---

    fn install(&mut self, plan: Plan<R>) {
        for (chassis, scopes) in &plan.lost {
            for scope in scopes {
                self.unsubscribe(chassis, scope);
            }
        }
        for (chassis, scopes) in plan.gained {
            for scope in scopes {
                self.subscribe(&chassis, scope);
            }
        }
        for (item, scope) in plan.joined {
            let state = self.items.entry(item.clone()).or_default();
            if !state.scopes.contains(&scope) {
                state.scopes.push(scope.clone());
            }
            if let Some(scope) = self.scopes.get_mut(&scope) {
                scope.items.insert(item);
            }
        }
        for (item, scope) in plan.left {
            if let Some(scope) = self.scopes.get_mut(&scope) {
                scope.items.remove(&item);
            }
            if let Some(state) = self.items.get_mut(&item) {
                state.scopes.retain(|other| *other != scope);
                if state.scopes.is_empty() {
                    self.set_output(&item, Output::default());
                    self.items.remove(&item);
                }
            }
        }
        for (item, output) in plan.output {
            self.set_output(&item, output);
        }
        for scope in plan.lost.values().flatten() {
            self.end_scope(scope);
        }
    }

    fn subscribe(&mut self, chassis: &ChassisId, scope: R::Scope) {
        if let Some(switch) = self.switches.get_mut(chassis) {
            switch.scopes.insert(scope.clone());
        }
        let state = self.scopes.entry(scope.clone()).or_insert_with(|| {
            let sources = self.rules.sources(&scope);
            for source in &sources {
                if let Source::Each(index, _) = source {
                    self.derived
                        .entry(index.clone())
                        .or_default()
                        .insert(scope.clone());
                }
            }
            ScopeState {
                switches: BTreeSet::new(),
                items: BTreeSet::new(),
                sources,
            }
        });
        state.switches.insert(chassis.clone());
    }

    fn unsubscribe(&mut self, chassis: &ChassisId, scope: &R::Scope) {
        if let Some(switch) = self.switches.get_mut(chassis) {
            switch.scopes.remove(scope);
        }
        if let Some(state) = self.scopes.get_mut(scope) {
            state.switches.remove(chassis);
        }
    }

    /// Forgets a scope that no switch has any more.
    fn end_scope(&mut self, scope: &R::Scope) {
        if self
            .scopes
            .get(scope)
            .is_none_or(|state| !state.switches.is_empty())
        {
            return;
        }
        let Some(state) = self.scopes.remove(scope) else {
            return;
        };
        for source in &state.sources {
            if let Source::Each(index, _) = source
                && let Some(scopes) = self.derived.get_mut(index)
            {
                scopes.remove(scope);
                if scopes.is_empty() {
                    self.derived.remove(index);
                }
            }
        }
    }

    fn set_output(&mut self, item: &R::Item, output: Output) {
        let Some(state) = self.items.get_mut(item) else {
            return;
        };
        let old = std::mem::replace(&mut state.output, output);
        self.refused = self.refused + state.output.faults.len() - old.faults.len();
        let reader = Reader::Item(item.clone());
        change_readers(&mut self.readers, &reader, &old.read, &state.output.read);
        for emission in &old.emissions {
            let key = emission.body.key();
            if let Some(items) = self.slots.get_mut(&key) {
                items.retain(|other| other != item);
                if items.is_empty() {
                    self.slots.remove(&key);
                }
            }
        }
        for emission in &state.output.emissions {
            let items = self.slots.entry(emission.body.key()).or_default();
            if !items.contains(item) {
                items.push(item.clone());
            }
        }
    }
}

/// Moves a reader from the cells that it read to those that it reads now.
fn change_readers<Item: Clone + Eq + std::hash::Hash>(
    readers: &mut HashMap<Cell, HashSet<Reader<Item>>>,
    reader: &Reader<Item>,
    old: &[Cell],
    new: &[Cell],
) {
    for cell in old {
        if new.binary_search(cell).is_err()
            && let Some(of_cell) = readers.get_mut(cell)
        {
            of_cell.remove(reader);
            if of_cell.is_empty() {
                readers.remove(cell);
            }
        }
    }
    for cell in new {
        if old.binary_search(cell).is_err() {
            readers
                .entry(cell.clone())
                .or_default()
                .insert(reader.clone());
        }
    }
}

/// Where something stands in a program: by kind, stage, priority and, to be definite, key.
fn place(body: &Body) -> (u8, u8, u16, Key) {
    let (kind, stage, priority) = match body {
        Body::Meter(_) => (0, 0, 0),
        Body::Group(_) => (1, 0, 0),
        Body::Flow(flow) => (2, flow.stage as u8, flow.priority),
        Body::Clause(clause) => (2, clause.stage as u8, clause.priority),
    };
    (kind, stage, u16::MAX - priority, body.key())
}
