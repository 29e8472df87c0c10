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
//!
//! Items, scopes and switches have numbers while they are there ([`numbers`]), by which they refer to each other.

mod difference;
mod numbers;
mod readers;

use std::collections::{BTreeMap, BTreeSet};
use std::panic::Location;
use std::sync::Arc;

use hashbrown::{HashMap, HashSet};
use smallvec::SmallVec;
use weft_topology::{Cell, Change, ChassisId, Effects, Index, Model};

use crate::content::{self, Body, Content, Flow, Key, Secret};
use crate::emit::{Emission, Emitter, Fault};
use crate::rules::{Derive, Rules, Source};
use crate::view::View;
use difference::Differences;
use numbers::{Number, Numbered};
use readers::{Read, Readers};

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

type ItemNumber<R> = Number<<R as Rules>::Item>;
type ScopeNumber<R> = Number<<R as Rules>::Scope>;
type SwitchNumber = Number<ChassisId>;

/// What one run of an item gave.
#[derive(Debug, Default)]
struct Output {
    emissions: Vec<Emission>,
    faults: Vec<Fault>,
    read: Vec<Cell>,
}

/// An item in scopes.
struct ItemState<R: Rules> {
    scopes: SmallVec<[ScopeNumber<R>; 2]>,
    emissions: Box<[Emission]>,
    read: Read,
}

/// A scope that switches have.
struct ScopeState<R: Rules> {
    switches: BTreeSet<SwitchNumber>,
    items: BTreeSet<ItemNumber<R>>,
    /// The indexes that items come from.
    indexes: Vec<Index>,
}

/// A managed switch.
struct SwitchState<R: Rules> {
    scopes: BTreeSet<ScopeNumber<R>>,
    read: Read,
}

// Derived, these would ask for the default of rules.
impl<R: Rules> Default for ItemState<R> {
    fn default() -> Self {
        Self {
            scopes: SmallVec::new(),
            emissions: Box::default(),
            read: Read::default(),
        }
    }
}
impl<R: Rules> Default for ScopeState<R> {
    fn default() -> Self {
        Self {
            switches: BTreeSet::new(),
            items: BTreeSet::new(),
            indexes: Vec::new(),
        }
    }
}
impl<R: Rules> Default for SwitchState<R> {
    fn default() -> Self {
        Self {
            scopes: BTreeSet::new(),
            read: Read::default(),
        }
    }
}

/// A scope that derives items from an index, and how.
struct Derived<R: Rules> {
    scope: ScopeNumber<R>,
    item: Derive<R::Item>,
}

/// The compiler of all programs.
pub struct Compiler<R: Rules> {
    rules: R,
    secret: Secret,
    model: Model,
    items: Numbered<R::Item, ItemState<R>>,
    scopes: Numbered<R::Scope, ScopeState<R>>,
    switches: Numbered<ChassisId, SwitchState<R>>,
    /// The items that read a cell.
    readers: Readers<ItemNumber<R>>,
    /// The switches whose scopes follow from a cell.
    reached: Readers<SwitchNumber>,
    derived: HashMap<Index, Vec<Derived<R>>>,
    /// What went wrong in items that have faults.
    refused: HashMap<ItemNumber<R>, Vec<Fault>>,
    /// Who puts out what has a key.
    slots: HashMap<Key, SmallVec<[ItemNumber<R>; 2]>>,
}

/// Who puts out one body of a key, as it was or as it is.
struct Contributor<R: Rules> {
    scopes: SmallVec<[ScopeNumber<R>; 2]>,
    body: Body,
}

/// The contributors of the keys that an update touches.
type Slots<R> = HashMap<Key, SmallVec<[Contributor<R>; 1]>>;

/// Scopes of switches.
type ScopesOf<R> = BTreeMap<SwitchNumber, BTreeSet<ScopeNumber<R>>>;

/// What changes about who has what, before it is carried out.
struct Plan<R: Rules> {
    /// Switches that are managed from now on, and those that are not any more.
    fresh: BTreeSet<SwitchNumber>,
    released: BTreeSet<SwitchNumber>,
    /// Per switch: scopes gained and lost.
    gained: ScopesOf<R>,
    lost: ScopesOf<R>,
    /// Scopes that no switch had.
    begins: BTreeSet<ScopeNumber<R>>,
    /// Items that come into a scope or leave it.
    joined: Vec<(ItemNumber<R>, ScopeNumber<R>)>,
    left: Vec<(ItemNumber<R>, ScopeNumber<R>)>,
    /// Items' new outputs.
    output: BTreeMap<ItemNumber<R>, Output>,
}

impl<R: Rules> Plan<R> {
    fn new() -> Self {
        Self {
            fresh: BTreeSet::new(),
            released: BTreeSet::new(),
            gained: BTreeMap::new(),
            lost: BTreeMap::new(),
            begins: BTreeSet::new(),
            joined: Vec::new(),
            left: Vec::new(),
            output: BTreeMap::new(),
        }
    }

    /// Whether a switch was managed before and will be.
    fn stays(&self, switch: SwitchNumber) -> bool {
        !self.fresh.contains(&switch) && !self.released.contains(&switch)
    }
}

impl<R: Rules> Compiler<R> {
    /// A compiler of an empty network.
    pub fn new(rules: R, secret: Secret) -> Self {
        Self {
            rules,
            secret,
            model: Model::new(),
            items: Numbered::new(),
            scopes: Numbered::new(),
            switches: Numbered::new(),
            readers: Readers::new(),
            reached: Readers::new(),
            derived: HashMap::new(),
            refused: HashMap::new(),
            slots: HashMap::new(),
        }
    }

    /// The same compiler, for a network in which flood lists longer than `flood_direct` are passed on in
    /// two steps ([`Model::with_flood_direct`]). To be said before anything else.
    #[must_use]
    pub fn with_flood_direct(self, flood_direct: u16) -> Self {
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
        let mut plan = Plan::new();
        self.plan_switches(&input.manage, &input.release, &mut plan);
        self.plan_reach(&effects, &mut plan);
        self.plan_membership(&effects, &mut plan);
        self.plan_output(&effects, &mut plan);

        let touched = self.touched_keys(&plan);
        let before = self.contributors(touched.iter());
        let scopes_before: ScopesOf<R> = plan
            .gained
            .keys()
            .chain(plan.lost.keys())
            .filter(|switch| plan.stays(**switch))
            .map(|switch| (*switch, self.switches[*switch].scopes.clone()))
            .collect();
        let subscription_keys = self.subscription_keys(&plan);
        let (gained, fresh) = (plan.gained.clone(), std::mem::take(&mut plan.fresh));
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
        for parts in deltas.values_mut() {
            parts.retain(|part| !part.is_empty());
        }
        deltas
            .into_iter()
            .filter(|(_, parts)| !parts.is_empty())
            .map(|(switch, parts)| (self.switches.name(switch).clone(), parts))
            .collect()
    }

    /// Everything that a switch is to have: meters, then groups, then flows in the order of stages.
    #[must_use]
    pub fn program(&self, chassis: &ChassisId) -> Vec<Content> {
        let Some(switch) = self.switches.number(chassis) else {
            return Vec::new();
        };
        let mut bodies: Vec<&Body> = self.switches[switch]
            .scopes
            .iter()
            .flat_map(|scope| &self.scopes[*scope].items)
            .flat_map(|item| &self.items[*item].emissions)
            .map(|emission| &emission.body)
            .collect();
        bodies.sort_by_cached_key(|body| place(body));
        bodies
            .chunk_by(|one, other| one.key() == other.key())
            .filter_map(|of_key| content::merge(&self.secret, of_key.iter().copied()).0)
            .collect()
    }

    /// The managed switches, in no order.
    pub fn managed(&self) -> impl Iterator<Item = &ChassisId> {
        self.switches.iter().map(|(chassis, _)| chassis)
    }

    /// How many flows were refused while lowering, now. Contradictions between items are not counted:
    /// finding them takes looking at everything ([`Compiler::faults`]).
    #[must_use]
    pub fn refused(&self) -> usize {
        self.refused.values().map(Vec::len).sum()
    }

    /// What went wrong while lowering: flows that were refused, and items that contradict each other.
    #[must_use]
    pub fn faults(&self) -> Vec<Fault> {
        let mut faults: Vec<Fault> = self.refused.values().flatten().cloned().collect();
        for (key, items) in &self.slots {
            let bodies: Vec<(ItemNumber<R>, &Body)> = items
                .iter()
                .flat_map(|item| self.bodies(*item, *key).map(|body| (*item, body)))
                .collect();
            for (at, (first, one)) in bodies.iter().enumerate() {
                for (second, two) in &bodies[at + 1..] {
                    let together = self.share_a_switch(*first, *second);
                    if together && content::merge(&self.secret, [*one, *two]).1.is_some() {
                        faults.push(Fault::Conflict {
                            first: format!("{:?}", self.items.name(*first)),
                            second: format!("{:?}", self.items.name(*second)),
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
                let emissions = self.items[*item].emissions.iter();
                let of_key = emissions.filter(move |emission| emission.body.key() == key);
                of_key.map(|emission| (self.items.name(*item), emission.origin))
            })
            .collect()
    }

    /// What a switch is to have under a key; none when it has nothing there.
    #[must_use]
    pub fn content(&self, chassis: &ChassisId, key: Key) -> Option<Content> {
        let switch = self.switches.number(chassis)?;
        self.resolve(key, &self.switches[switch].scopes)
    }

    /// The flow of that cookie on any managed switch.
    #[must_use]
    pub fn flow(&self, cookie: u64) -> Option<Arc<Flow>> {
        self.slots.iter().find_map(|(key, items)| {
            let bodies = items.iter().flat_map(|item| self.bodies(*item, *key));
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
            .iter()
            .find_map(|(_, switch)| match self.resolve(key, &switch.scopes) {
                Some(Content::Flow(flow)) if flow.cookie == cookie => Some(flow),
                _ => None,
            })
    }

    fn share_a_switch(&self, first: ItemNumber<R>, second: ItemNumber<R>) -> bool {
        let switches = |item: ItemNumber<R>| -> BTreeSet<SwitchNumber> {
            let scopes = self.items[item].scopes.iter();
            scopes
                .flat_map(|scope| self.scopes[*scope].switches.iter().copied())
                .collect()
        };
        first == second || !switches(first).is_disjoint(&switches(second))
    }

    fn bodies(&self, item: ItemNumber<R>, key: Key) -> impl Iterator<Item = &Body> {
        let emissions = self.items[item].emissions.iter();
        emissions
            .map(|emission| &emission.body)
            .filter(move |body| body.key() == key)
    }

    /// What a switch that has these scopes has under a key.
    fn resolve(&self, key: Key, scopes: &BTreeSet<ScopeNumber<R>>) -> Option<Content> {
        let items = self.slots.get(&key)?;
        let visible = items
            .iter()
            .filter(|item| {
                let of_item = &self.items[**item].scopes;
                of_item.iter().any(|scope| scopes.contains(scope))
            })
            .flat_map(|item| self.bodies(*item, key));
        content::merge(&self.secret, visible).0
    }

    // --- Planning: what changes. The model is changed, and what comes gets its number; nothing else. ---

    fn plan_switches(&mut self, manage: &[ChassisId], release: &[ChassisId], plan: &mut Plan<R>) {
        for chassis in manage {
            if self.switches.number(chassis).is_none() && !release.contains(chassis) {
                plan.fresh.insert(self.switches.enter(chassis));
            }
        }
        let known = release
            .iter()
            .filter_map(|chassis| self.switches.number(chassis));
        plan.released.extend(known);
    }

    fn plan_reach(&mut self, effects: &Effects, plan: &mut Plan<R>) {
        let mut again = plan.fresh.clone();
        for cell in &effects.cells {
            again.extend(self.reached.of(cell));
        }
        for switch in again.difference(&plan.released) {
            let mut view = View::new(&self.model);
            let scopes = self.rules.reach(self.switches.name(*switch), &mut view);
            let reached: BTreeSet<ScopeNumber<R>> = scopes
                .iter()
                .map(|scope| self.scopes.enter(scope))
                .collect();
            let state = &mut self.switches[*switch];
            state.read = self.reached.change(*switch, &state.read, &view.into_read());
            let gained: BTreeSet<_> = reached.difference(&state.scopes).copied().collect();
            let lost: BTreeSet<_> = state.scopes.difference(&reached).copied().collect();
            if !gained.is_empty() {
                plan.gained.insert(*switch, gained);
            }
            if !lost.is_empty() {
                plan.lost.insert(*switch, lost);
            }
        }
        for switch in &plan.released {
            plan.lost
                .insert(*switch, self.switches[*switch].scopes.clone());
        }
    }

    /// Which items come and go: with elements of the indexes that scopes derive from, and with scopes
    /// that switches begin or cease to need.
    fn plan_membership(&mut self, effects: &Effects, plan: &mut Plan<R>) {
        let mut subscribers: BTreeMap<ScopeNumber<R>, isize> = BTreeMap::new();
        for scope in plan.gained.values().flatten() {
            *subscribers.entry(*scope).or_default() += 1;
        }
        for scope in plan.lost.values().flatten() {
            *subscribers.entry(*scope).or_default() -= 1;
        }
        let (mut begins, mut ends) = (BTreeSet::new(), BTreeSet::new());
        for (scope, change) in subscribers {
            let has = self.scopes[scope].switches.len();
            match (has, has.saturating_add_signed(change)) {
                (0, 1..) => _ = begins.insert(scope),
                (1.., 0) => _ = ends.insert(scope),
                _ => {}
            }
        }
        for delta in &effects.deltas {
            for Derived { scope, item } in self.derived.get(&delta.index).into_iter().flatten() {
                if ends.contains(scope) {
                    continue;
                }
                match item(&delta.element) {
                    Some(item) if delta.present => {
                        plan.joined.push((self.items.enter(&item), *scope));
                    }
                    Some(item) => {
                        let number = self.items.number(&item);
                        plan.left.extend(number.map(|item| (item, *scope)));
                    }
                    None => {}
                }
            }
        }
        for scope in ends {
            let items = self.scopes[scope].items.iter();
            plan.left.extend(items.map(|item| (*item, scope)));
        }
        for scope in &begins {
            self.plan_scope(*scope, plan);
        }
        plan.begins = begins;
    }

    /// The items of a scope that no switch had.
    fn plan_scope(&mut self, scope: ScopeNumber<R>, plan: &mut Plan<R>) {
        for source in self.rules.sources(self.scopes.name(scope)) {
            match source {
                Source::One(item) => plan.joined.push((self.items.enter(&item), scope)),
                Source::Each(index, item) => {
                    let items = self.model.elements(&index).filter_map(&item);
                    plan.joined
                        .extend(items.map(|item| (self.items.enter(&item), scope)));
                    self.scopes[scope].indexes.push(index.clone());
                    let derived = self.derived.entry(index).or_default();
                    derived.push(Derived { scope, item });
                }
            }
        }
    }

    /// Runs items that are new, or that read a cell that changed.
    fn plan_output(&mut self, effects: &Effects, plan: &mut Plan<R>) {
        let mut leaving: HashMap<ItemNumber<R>, usize> = HashMap::new();
        for (item, _) in &plan.left {
            *leaving.entry(*item).or_default() += 1;
        }
        let joining: HashSet<ItemNumber<R>> = plan.joined.iter().map(|(item, _)| *item).collect();
        let stays = |item: &ItemNumber<R>| {
            let leaves = leaving.get(item).copied().unwrap_or(0);
            joining.contains(item) || self.items[*item].scopes.len() > leaves
        };
        let new = joining
            .iter()
            .filter(|item| self.items[**item].scopes.is_empty());
        let mut run: BTreeSet<ItemNumber<R>> = new.copied().collect();
        for cell in &effects.cells {
            run.extend(self.readers.of(cell).filter(stays));
        }
        for item in run {
            let mut view = View::new(&self.model);
            let mut emitter = Emitter::new(&self.secret);
            self.rules
                .lower(self.items.name(item), &mut view, &mut emitter);
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
        let keys = |emissions: &[Emission], but: &[Emission]| -> Vec<Key> {
            // Outputs of one item are short; both sides are compared in full.
            let kept = |one: &Emission| but.iter().any(|other| other.body == one.body);
            let changed = emissions.iter().filter(|one| !kept(one));
            changed.map(|emission| emission.body.key()).collect()
        };
        let mut touched = HashSet::new();
        for (item, new) in &plan.output {
            let (old, new) = (&self.items[*item].emissions, &new.emissions);
            touched.extend(keys(old, new));
            touched.extend(keys(new, old));
        }
        // What comes with a scope that begins, its switches gain with the scope; no other has it.
        let joined = plan.joined.iter();
        let joined = joined.filter(|(_, scope)| !plan.begins.contains(scope));
        for (item, _) in joined.chain(&plan.left) {
            touched.extend(keys(&self.items[*item].emissions, &[]));
            if let Some(new) = plan.output.get(item) {
                touched.extend(keys(&new.emissions, &[]));
            }
        }
        touched
    }

    /// Keys that switches lose with scopes that go on without them.
    fn subscription_keys(&self, plan: &Plan<R>) -> BTreeMap<SwitchNumber, HashSet<Key>> {
        let mut keys: BTreeMap<SwitchNumber, HashSet<Key>> = BTreeMap::new();
        for (switch, scopes) in plan.lost.iter().chain(&plan.gained) {
            if plan.stays(*switch) {
                let own = keys.entry(*switch).or_default();
                own.extend(scopes.iter().flat_map(|scope| self.keys_of_scope(*scope)));
            }
        }
        keys
    }

    fn keys_of_scope(&self, scope: ScopeNumber<R>) -> impl Iterator<Item = Key> {
        self.scopes[scope]
            .items
            .iter()
            .flat_map(|item| &self.items[*item].emissions)
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
                    self.bodies(*item, *key).map(|body| Contributor {
                        scopes: self.items[*item].scopes.clone(),
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
        for (switch, scopes) in &plan.lost {
            for scope in scopes {
                self.switches[*switch].scopes.remove(scope);
                self.scopes[*scope].switches.remove(switch);
            }
        }
        for (switch, scopes) in &plan.gained {
            for scope in scopes {
                self.switches[*switch].scopes.insert(*scope);
                self.scopes[*scope].switches.insert(*switch);
            }
        }
        for (item, scope) in plan.joined {
            if self.scopes[scope].items.insert(item) {
                self.items[item].scopes.push(scope);
            }
        }
        for (item, output) in plan.output {
            self.set_output(item, output);
        }
        for (item, scope) in plan.left {
            if self.scopes[scope].items.remove(&item) {
                let scopes = &mut self.items[item].scopes;
                scopes.retain(|other| *other != scope);
                if scopes.is_empty() {
                    self.set_output(item, Output::default());
                    self.items.remove(item);
                }
            }
        }
        for scope in plan.lost.values().flatten() {
            self.end_scope(*scope);
        }
        for switch in plan.released {
            if let Some(state) = self.switches.remove(switch) {
                self.reached.change(switch, &state.read, &[]);
            }
        }
    }

    /// Forgets a scope that no switch has any more.
    fn end_scope(&mut self, scope: ScopeNumber<R>) {
        let state = self.scopes.get(scope);
        if state.is_none_or(|state| !state.switches.is_empty()) {
            return;
        }
        let state = self.scopes.remove(scope);
        for index in state.into_iter().flat_map(|state| state.indexes) {
            if let Some(derived) = self.derived.get_mut(&index) {
                derived.retain(|derived| derived.scope != scope);
                if derived.is_empty() {
                    self.derived.remove(&index);
                }
            }
        }
    }

    fn set_output(&mut self, item: ItemNumber<R>, output: Output) {
        let state = &mut self.items[item];
        state.read = self.readers.change(item, &state.read, &output.read);
        if output.faults.is_empty() {
            self.refused.remove(&item);
        } else {
            self.refused.insert(item, output.faults);
        }
        let old = std::mem::replace(&mut state.emissions, output.emissions.into());
        for emission in &old {
            let key = emission.body.key();
            if let Some(items) = self.slots.get_mut(&key) {
                items.retain(|other| *other != item);
                if items.is_empty() {
                    self.slots.remove(&key);
                }
            }
        }
        for emission in &state.emissions {
            let items = self.slots.entry(emission.body.key()).or_default();
            if !items.contains(&item) {
                items.push(item);
            }
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
