//! A change in the making: the state as it would be, and why that is allowed.
//!
//! Verbs and services read and write through a draft, so that the second port of a bulk create
//! sees the first one's address as taken, and so that everything a decision rests on is recorded
//! for the store. It knows rows, claims and reads, and nothing of what they mean.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::sync::Arc;

use serde_json::{Map, Value};
use weft_schema::claim::{self, Family};
use weft_schema::{
    Actor, Body, Claim, ClaimChange, RESOURCES, Read, Row, RowChange, RowKey, State, WriteSet,
};

use crate::request::{Config, Context, Entropy};
use crate::time;

/// The key of a row.
#[must_use]
pub(crate) fn key(kind: &str, id: &str) -> RowKey {
    RowKey {
        kind: kind.into(),
        id: id.into(),
    }
}

/// A row as the draft leaves it.
struct Pending {
    before: Option<Body>,
    after: Option<Arc<Row>>,
    /// Counts as changed even when its attributes are the same: something under it changed.
    touched: bool,
}

/// A change in the making.
pub(crate) struct Draft<'a> {
    /// The state that it is based on.
    pub state: &'a State,
    /// Who wants it.
    pub context: &'a Context,
    /// What the installation decided.
    pub config: &'a Config,
    entropy: Entropy<'a>,
    rows: BTreeMap<RowKey, Pending>,
    order: Vec<RowKey>,
    claims: Vec<ClaimChange>,
    holders: BTreeMap<Claim, Option<RowKey>>,
    reads: BTreeSet<Read>,
}

impl<'a> Draft<'a> {
    /// Nothing changed yet.
    pub(crate) fn new(
        state: &'a State,
        context: &'a Context,
        config: &'a Config,
        entropy: Entropy<'a>,
    ) -> Self {
        Self {
            state,
            context,
            config,
            entropy,
            rows: BTreeMap::new(),
            order: Vec::new(),
            claims: Vec::new(),
            holders: BTreeMap::new(),
            reads: BTreeSet::new(),
        }
    }

    /// A uniform random number.
    pub(crate) fn random(&mut self) -> u64 {
        (self.entropy)()
    }

    /// A new id.
    pub(crate) fn uuid(&mut self) -> String {
        let bytes = [self.random(), self.random()].map(u64::to_be_bytes);
        let mut all = [0; 16];
        all[..8].copy_from_slice(&bytes[0]);
        all[8..].copy_from_slice(&bytes[1]);
        uuid::Builder::from_random_bytes(all)
            .into_uuid()
            .to_string()
    }

    /// A row as it would be; the decision rests on it.
    pub(crate) fn row(&mut self, kind: &str, id: &str) -> Option<Arc<Row>> {
        let key = key(kind, id);
        let row = self.current(&key).cloned();
        self.reads.insert(Read::Row(key));
        row
    }

    fn current(&self, key: &RowKey) -> Option<&Arc<Row>> {
        match self.rows.get(key) {
            Some(pending) => pending.after.as_ref(),
            None => self.state.row(&key.kind, &key.id),
        }
    }

    /// The rows of a kind that name a value in an attribute, as it would be; the decision rests
    /// on which they are.
    pub(crate) fn referrers(&mut self, kind: &str, attribute: &str, value: &str) -> Vec<Arc<Row>> {
        self.reads.insert(Read::Referrers {
            kind: kind.into(),
            attribute: attribute.into(),
            value: value.into(),
        });
        let named = |row: &Row| row.text(attribute) == value;
        self.matching(kind, attribute, value, named)
    }

    /// The rows of a kind with an object in a list attribute whose member has that value, as it
    /// would be. Records nothing: the caller reads what covers it.
    pub(crate) fn containing(
        &self,
        kind: &str,
        list: &str,
        member: &str,
        value: &str,
    ) -> Vec<Arc<Row>> {
        let named = |row: &Row| {
            row.items(list)
                .any(|item| item.get(member).and_then(Value::as_str) == Some(value))
        };
        self.matching(kind, &format!("{list}.{member}"), value, named)
    }

    fn matching(
        &self,
        kind: &str,
        index: &str,
        value: &str,
        named: impl Fn(&Row) -> bool,
    ) -> Vec<Arc<Row>> {
        let stored = self.state.referrers(kind, index, value);
        let stored = stored.filter(|row| !self.rows.contains_key(&row.key));
        let pending = self
            .rows
            .range(key(kind, "")..)
            .take_while(|(key, _)| &*key.kind == kind)
            .filter_map(|(_, pending)| pending.after.as_ref())
            .filter(|row| named(row));
        stored.chain(pending).cloned().collect()
    }

    fn pending(&mut self, key: &RowKey) -> &mut Pending {
        if !self.rows.contains_key(key) {
            self.order.push(key.clone());
            self.reads.insert(Read::Row(key.clone()));
        }
        let stored = self.state.row(&key.kind, &key.id);
        self.rows.entry(key.clone()).or_insert_with(|| Pending {
            before: stored.map(|row| row.body.clone()),
            after: stored.cloned(),
            touched: false,
        })
    }

    /// Makes a row what it shall be.
    pub(crate) fn put(&mut self, key: &RowKey, body: Map<String, Value>) {
        let row = Arc::new(Row {
            key: key.clone(),
            body: Arc::new(body),
        });
        self.pending(key).after = Some(row);
    }

    /// Removes a row.
    pub(crate) fn remove(&mut self, key: &RowKey) {
        self.pending(key).after = None;
    }

    /// Counts a row as changed because something under it did.
    pub(crate) fn touch(&mut self, key: &RowKey) {
        self.pending(key).touched = true;
    }

    /// Who would hold a claim.
    #[must_use]
    pub(crate) fn holder(&self, claim: &Claim) -> Option<&RowKey> {
        match self.holders.get(claim) {
            Some(holder) => holder.as_ref(),
            None => self.state.owner(claim),
        }
    }

    /// Takes a claim; false when another row holds it.
    pub(crate) fn take(&mut self, claim: Claim, owner: &RowKey) -> bool {
        match self.holder(&claim) {
            Some(holder) if holder == owner => true,
            Some(_) => false,
            None => {
                self.holders.insert(claim.clone(), Some(owner.clone()));
                self.claims.push(ClaimChange {
                    claim,
                    owner: Some(owner.clone()),
                });
                true
            }
        }
    }

    /// Gives a claim back, if that row holds it.
    pub(crate) fn give_back(&mut self, claim: Claim, owner: &RowKey) {
        if self.holder(&claim) == Some(owner) {
            self.holders.insert(claim.clone(), None);
            self.claims.push(ClaimChange { claim, owner: None });
        }
    }

    /// The least number of `range` whose claim nobody would hold. Numbers given back in this
    /// draft do not count as free.
    #[must_use]
    pub(crate) fn lowest_free(
        &self,
        kind: &str,
        space: &str,
        family: Family,
        range: RangeInclusive<u128>,
    ) -> Option<Claim> {
        let (mut from, last) = range.into_inner();
        loop {
            let number = self
                .state
                .lowest_free(kind, space, family, &(from..=last))?;
            let claim = claim::numbered(kind, space, family, number);
            if self.holder(&claim).is_none() {
                return Some(claim);
            }
            from = number.checked_add(1)?;
        }
    }

    /// A number of `range` whose claim nobody would hold: the next free one after a random place,
    /// so that concurrent writers seldom want the same.
    pub(crate) fn any_free(
        &mut self,
        kind: &str,
        space: &str,
        family: Family,
        range: &RangeInclusive<u128>,
    ) -> Option<Claim> {
        let (first, last) = (*range.start(), *range.end());
        let size = last.checked_sub(first)?.saturating_add(1);
        let from = first + u128::from(self.random()) % size;
        self.lowest_free(kind, space, family, from..=last)
            .or_else(|| self.lowest_free(kind, space, family, first..=from))
    }

    /// What to commit. Rows that changed get the next revision number and the time; rows that
    /// are as they were are left out.
    #[must_use]
    pub(crate) fn finish(mut self) -> WriteSet {
        let now = time::text(self.context.time_us);
        let mut rows = Vec::new();
        for key in std::mem::take(&mut self.order) {
            let Some(pending) = self.rows.remove(&key) else {
                continue;
            };
            let after = pending.after.map(|row| row.body.clone());
            if after == pending.before && !(pending.touched && after.is_some()) {
                continue;
            }
            rows.push(RowChange {
                after: after.map(|body| stamp(body, pending.before.as_ref(), &now)),
                before: pending.before,
                key,
            });
        }
        rows.sort_by_key(standing);
        WriteSet {
            based_on: self.state.revision(),
            actor: Actor {
                user: self.context.user.clone(),
                project: self.context.project.clone(),
                request: self.context.request_id.clone(),
            },
            rows,
            claims: self.claims,
            reads: self.reads,
        }
    }
}

/// The order of changes: what others stand on comes first and goes last.
fn standing(change: &RowChange) -> (bool, isize) {
    let kinds = RESOURCES.iter();
    let kind = kinds
        .take_while(|resource| *resource.name != *change.key.kind)
        .count()
        .cast_signed();
    match change.after {
        Some(_) => (false, kind),
        None => (true, -kind),
    }
}

/// The body with its standard attributes of time and revision.
fn stamp(body: Body, before: Option<&Body>, now: &str) -> Body {
    let mut body = Arc::unwrap_or_clone(body);
    let revision = before
        .and_then(|before| before.get("revision_number")?.as_u64())
        .unwrap_or(0);
    body.insert("revision_number".into(), (revision + 1).into());
    body.insert("updated_at".into(), now.into());
    if before.is_none() {
        body.insert("created_at".into(), now.into());
    }
    Arc::new(body)
}
