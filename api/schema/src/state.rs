//! The memory that the log rebuilds: rows by kind and id, who refers to whom, who holds a claim.
//!
//! Which attributes are indexed follows from the declarations. Applying an entry costs in
//! proportion to the entry. What rows mean is decided in `weft-engine`; who feeds entries in, in
//! order, is the shell.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::RangeInclusive;
use std::sync::Arc;

use serde_json::Value;

use crate::claim::{self, Family, Runs};
use crate::log::{Body, Claim, ClaimChange, LogEntry, Revision, RowChange, RowKey};
use crate::store::Snapshot;
use crate::{observation, resource};

/// A row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Its kind and id.
    pub key: RowKey,
    /// Its attributes.
    pub body: Body,
}

impl Row {
    /// An attribute; none when the row has no such.
    #[must_use]
    pub fn get(&self, attribute: &str) -> Option<&Value> {
        self.body.get(attribute)
    }

    /// A text attribute; empty when it is null, absent or something else.
    #[must_use]
    pub fn text(&self, attribute: &str) -> &str {
        self.get(attribute).and_then(Value::as_str).unwrap_or("")
    }

    /// A boolean attribute; false when it is absent or something else.
    #[must_use]
    pub fn flag(&self, attribute: &str) -> bool {
        self.get(attribute)
            .and_then(Value::as_bool)
            .unwrap_or(false)
    }

    /// The items of a list attribute; none when it is absent or something else.
    pub fn items(&self, attribute: &str) -> impl Iterator<Item = &Value> {
        self.get(attribute)
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
    }
}

/// Why an entry was not applied.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StateError {
    /// Entries are missing in between.
    #[error("entry {got} does not follow {at}")]
    Gap {
        /// The state's revision.
        at: Revision,
        /// The entry's.
        got: Revision,
    },
}

/// One way to find rows of a kind: by an attribute, or by a member of the objects in its list.
#[derive(Debug)]
struct Index {
    attribute: &'static str,
    member: Option<&'static str>,
    ids: HashMap<Box<str>, BTreeSet<Arc<str>>>,
}

impl Index {
    fn named(&self, name: &str) -> bool {
        match self.member {
            None => self.attribute == name,
            Some(member) => name
                .strip_prefix(self.attribute)
                .and_then(|rest| rest.strip_prefix('.'))
                .is_some_and(|rest| rest == member),
        }
    }

    fn values<'a>(&self, body: &'a Body) -> Vec<Cow<'a, str>> {
        let Some(value) = body.get(self.attribute) else {
            return Vec::new();
        };
        match self.member {
            None => index_text(value).into_iter().collect(),
            Some(member) => value
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(|item| index_text(item.get(member)?))
                .collect(),
        }
    }

    fn insert(&mut self, id: &Arc<str>, body: &Body) {
        for value in self.values(body) {
            match self.ids.get_mut(&*value) {
                Some(ids) => _ = ids.insert(id.clone()),
                None => _ = self.ids.insert(value.into(), BTreeSet::from([id.clone()])),
            }
        }
    }

    fn remove(&mut self, id: &Arc<str>, body: &Body) {
        for value in self.values(body) {
            if let Some(ids) = self.ids.get_mut(&*value) {
                ids.remove(id);
                if ids.is_empty() {
                    self.ids.remove(&*value);
                }
            }
        }
    }
}

/// A value as the text that an index knows it by; lists, objects and null have none.
#[must_use]
pub fn index_text(value: &Value) -> Option<Cow<'_, str>> {
    match value {
        Value::String(text) => Some(Cow::Borrowed(text)),
        Value::Bool(_) | Value::Number(_) => Some(Cow::Owned(value.to_string())),
        _ => None,
    }
}

/// The rows of one kind.
#[derive(Debug, Default)]
struct Table {
    rows: BTreeMap<Arc<str>, Arc<Row>>,
    indexes: Vec<Index>,
}

impl Table {
    /// With the indexes that the declaration of that kind asks for.
    fn new(kind: &str) -> Self {
        let index = |attribute, member| Index {
            attribute,
            member,
            ids: HashMap::new(),
        };
        let mut indexes = Vec::new();
        if let Some(resource) = resource::of(kind) {
            for attribute in resource.attributes() {
                if attribute.indexed {
                    indexes.push(index(attribute.name, None));
                }
                let members = attribute.members.iter();
                indexes.extend(members.map(|member| index(attribute.name, Some(member))));
            }
        }
        for (_, attributes) in observation::KINDS
            .iter()
            .filter(|(known, _)| *known == kind)
        {
            indexes.extend(attributes.iter().map(|attribute| index(attribute, None)));
        }
        Self {
            rows: BTreeMap::new(),
            indexes,
        }
    }

    fn put(&mut self, row: Arc<Row>) {
        self.take(&row.key.id);
        for index in &mut self.indexes {
            index.insert(&row.key.id, &row.body);
        }
        self.rows.insert(row.key.id.clone(), row);
    }

    fn take(&mut self, id: &Arc<str>) {
        let Some(row) = self.rows.remove(id) else {
            return;
        };
        for index in &mut self.indexes {
            index.remove(id, &row.body);
        }
    }
}

/// The claims of one kind.
#[derive(Debug, Default)]
struct Claims {
    owners: BTreeMap<Arc<str>, RowKey>,
    taken: HashMap<(Box<str>, Family), Runs>,
}

impl Claims {
    fn put(&mut self, key: &Arc<str>, owner: RowKey) {
        self.owners.insert(key.clone(), owner);
        if let Some((space, family, number)) = claim::place(key) {
            let runs = self.taken.entry((space.into(), family)).or_default();
            runs.insert(number);
        }
    }

    fn take(&mut self, key: &str) {
        if self.owners.remove(key).is_none() {
            return;
        }
        let Some((space, family, number)) = claim::place(key) else {
            return;
        };
        let space = (Box::from(space), family);
        if let Some(runs) = self.taken.get_mut(&space) {
            runs.remove(number);
            if runs.is_empty() {
                self.taken.remove(&space);
            }
        }
    }
}

/// Everything at one revision.
#[derive(Debug)]
pub struct State {
    revision: Revision,
    secret: [u8; 16],
    tables: HashMap<Arc<str>, Table>,
    claims: HashMap<Arc<str>, Claims>,
}

impl State {
    /// The state of an empty log.
    #[must_use]
    pub fn new(secret: [u8; 16]) -> Self {
        Self {
            revision: 0,
            secret,
            tables: HashMap::new(),
            claims: HashMap::new(),
        }
    }

    /// The state that a snapshot is of.
    #[must_use]
    pub fn from_snapshot(snapshot: Snapshot) -> Self {
        let mut state = Self::new(snapshot.secret);
        for change in snapshot.rows {
            state.change_row(&change);
        }
        for (claim, owner) in snapshot.claims {
            state.change_claim(&ClaimChange {
                claim,
                owner: Some(owner),
            });
        }
        state.revision = snapshot.revision;
        state
    }

    /// The snapshot of this state.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        let rows = self.tables.values().flat_map(|table| table.rows.values());
        let claims = self.claims.iter().flat_map(|(kind, claims)| {
            claims.owners.iter().map(|(key, owner)| {
                let claim = Claim {
                    kind: kind.clone(),
                    key: key.clone(),
                };
                (claim, owner.clone())
            })
        });
        let mut snapshot = Snapshot {
            revision: self.revision,
            rows: rows
                .map(|row| RowChange {
                    key: row.key.clone(),
                    before: None,
                    after: Some(row.body.clone()),
                })
                .collect(),
            claims: claims.collect(),
            secret: self.secret,
        };
        snapshot.rows.sort_by(|one, two| one.key.cmp(&two.key));
        snapshot.claims.sort();
        snapshot
    }

    /// Applies the next entry. An entry that was applied before changes nothing; answers whether
    /// this one was new.
    ///
    /// # Errors
    /// Entries before it are missing; nothing was changed.
    pub fn apply(&mut self, entry: &LogEntry) -> Result<bool, StateError> {
        if entry.revision <= self.revision {
            return Ok(false);
        }
        if entry.revision != self.revision + 1 {
            return Err(StateError::Gap {
                at: self.revision,
                got: entry.revision,
            });
        }
        entry.rows.iter().for_each(|change| self.change_row(change));
        entry
            .claims
            .iter()
            .for_each(|change| self.change_claim(change));
        self.revision = entry.revision;
        Ok(true)
    }

    fn change_row(&mut self, change: &RowChange) {
        let RowKey { kind, id } = &change.key;
        let table = self
            .tables
            .entry(kind.clone())
            .or_insert_with(|| Table::new(kind));
        match &change.after {
            Some(body) => table.put(Arc::new(Row {
                key: change.key.clone(),
                body: body.clone(),
            })),
            None => table.take(id),
        }
    }

    fn change_claim(&mut self, change: &ClaimChange) {
        let claims = self.claims.entry(change.claim.kind.clone()).or_default();
        match &change.owner {
            Some(owner) => claims.put(&change.claim.key, owner.clone()),
            None => claims.take(&change.claim.key),
        }
    }

    /// Notes a claim as taken or given back before the log says so: the reservation of a write
    /// set that is on its way to the store, so that the next one chooses something else. Whoever
    /// reserves takes it back when the store refuses; it stands in no log and in no promise.
    pub fn reserve(&mut self, change: &ClaimChange) {
        self.change_claim(change);
    }

    /// The number of the last entry in it.
    #[must_use]
    pub const fn revision(&self) -> Revision {
        self.revision
    }

    /// The secret of the installation.
    #[must_use]
    pub const fn secret(&self) -> &[u8; 16] {
        &self.secret
    }

    /// A row.
    #[must_use]
    pub fn row(&self, kind: &str, id: &str) -> Option<&Arc<Row>> {
        self.tables.get(kind)?.rows.get(id)
    }

    /// Every row of a kind, by id.
    pub fn rows(&self, kind: &str) -> impl Iterator<Item = &Arc<Row>> {
        let table = self.tables.get(kind);
        table.into_iter().flat_map(|table| table.rows.values())
    }

    /// How many rows of a kind there are.
    #[must_use]
    pub fn count(&self, kind: &str) -> usize {
        self.tables.get(kind).map_or(0, |table| table.rows.len())
    }

    /// The ids of the rows of a kind whose indexed attribute (or `attribute.member`) has that
    /// value, in order; none when it is not indexed and a search is needed.
    #[must_use]
    pub fn ids(&self, kind: &str, attribute: &str, value: &str) -> Option<&BTreeSet<Arc<str>>> {
        static NONE: BTreeSet<Arc<str>> = BTreeSet::new();
        let Some(table) = self.tables.get(kind) else {
            return Some(&NONE);
        };
        let index = table.indexes.iter().find(|index| index.named(attribute))?;
        Some(index.ids.get(value).unwrap_or(&NONE))
    }

    /// The rows of a kind whose indexed attribute (or `attribute.member`) has that value, by id.
    pub fn referrers<'a>(
        &'a self,
        kind: &'a str,
        attribute: &str,
        value: &str,
    ) -> impl Iterator<Item = &'a Arc<Row>> {
        let ids = self.ids(kind, attribute, value);
        ids.into_iter()
            .flatten()
            .filter_map(move |id| self.row(kind, id))
    }

    /// Who holds a claim.
    #[must_use]
    pub fn owner(&self, claim: &Claim) -> Option<&RowKey> {
        self.claims.get(&claim.kind)?.owners.get(&claim.key)
    }

    /// Every claim of a kind with its owner, by key.
    pub fn claims(&self, kind: &str) -> impl Iterator<Item = (&Arc<str>, &RowKey)> {
        let claims = self.claims.get(kind);
        claims.into_iter().flat_map(|claims| claims.owners.iter())
    }

    /// The least number of `range` that no claim of that kind and space (the key before its last
    /// `/`) holds.
    #[must_use]
    pub fn lowest_free(
        &self,
        kind: &str,
        space: &str,
        family: Family,
        range: &RangeInclusive<u128>,
    ) -> Option<u128> {
        static NONE: Runs = Runs::new();
        let taken = self
            .claims
            .get(kind)
            .and_then(|claims| claims.taken.get(&(Box::from(space), family)));
        taken.unwrap_or(&NONE).lowest_free(range)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::log::Actor;

    fn key(kind: &str, id: &str) -> RowKey {
        RowKey {
            kind: kind.into(),
            id: id.into(),
        }
    }

    fn change(kind: &str, id: &str, after: Option<Value>) -> RowChange {
        RowChange {
            key: key(kind, id),
            before: None,
            after: after.map(|value| Arc::new(value.as_object().unwrap().clone())),
        }
    }

    fn entry(revision: Revision, rows: Vec<RowChange>, claims: Vec<ClaimChange>) -> LogEntry {
        LogEntry {
            revision,
            time_us: 0,
            actor: Actor::default(),
            rows,
            claims,
        }
    }

    fn ids(state: &State, attribute: &str, value: &str) -> Vec<String> {
        let rows = state.referrers("port", attribute, value);
        rows.map(|row| row.key.id.to_string()).collect()
    }

    #[test]
    fn rows_are_found_by_references_and_members_until_they_change() {
        let mut state = State::new([0; 16]);
        let body =
            json!({"network_id": "n", "fixed_ips": [{"subnet_id": "s"}, {"subnet_id": "t"}]});
        let row = change("port", "p", Some(body));
        assert_eq!(state.apply(&entry(1, vec![row], vec![])), Ok(true));
        assert_eq!(ids(&state, "network_id", "n"), ["p"]);
        assert_eq!(ids(&state, "fixed_ips.subnet_id", "t"), ["p"]);
        let body = json!({"network_id": "m", "fixed_ips": [{"subnet_id": "s"}]});
        let row = change("port", "p", Some(body));
        state.apply(&entry(2, vec![row], vec![])).unwrap();
        assert_eq!(ids(&state, "network_id", "n"), [""; 0]);
        assert_eq!(ids(&state, "network_id", "m"), ["p"]);
        assert_eq!(ids(&state, "fixed_ips.subnet_id", "t"), [""; 0]);
        state
            .apply(&entry(3, vec![change("port", "p", None)], vec![]))
            .unwrap();
        assert_eq!(ids(&state, "network_id", "m"), [""; 0]);
        assert_eq!(state.count("port"), 0);
    }

    #[test]
    fn an_entry_is_applied_once_and_a_gap_is_refused() {
        let mut state = State::new([0; 16]);
        let first = entry(1, vec![change("port", "p", Some(json!({})))], vec![]);
        assert_eq!(state.apply(&first), Ok(true));
        assert_eq!(state.apply(&first), Ok(false));
        let gap = state.apply(&entry(3, vec![], vec![]));
        assert_eq!(gap, Err(StateError::Gap { at: 1, got: 3 }));
        assert_eq!(state.revision(), 1);
    }

    #[test]
    fn free_numbers_follow_claims_taken_and_given_back() {
        let mut state = State::new([0; 16]);
        let change = |address: &str, owner: Option<&str>| ClaimChange {
            claim: claim::ip("n", address.parse().unwrap()),
            owner: owner.map(|id| key("port", id)),
        };
        let taken = vec![change("0.0.0.2", Some("p")), change("0.0.0.3", Some("q"))];
        state.apply(&entry(1, vec![], taken)).unwrap();
        let free = |state: &State| state.lowest_free("ip", "n", Family::V4, &(2..=9));
        assert_eq!(free(&state), Some(4));
        let given_back = vec![change("0.0.0.2", None)];
        state.apply(&entry(2, vec![], given_back)).unwrap();
        assert_eq!(free(&state), Some(2));
        let owner = state.owner(&claim::ip("n", "0.0.0.3".parse().unwrap()));
        assert_eq!(owner, Some(&key("port", "q")));
    }

    #[test]
    fn a_snapshot_rebuilds_the_same_state() {
        let mut state = State::new([7; 16]);
        let row = change("port", "p", Some(json!({"network_id": "n"})));
        let claim = ClaimChange {
            claim: claim::number("port-key", 1),
            owner: Some(key("port", "p")),
        };
        state.apply(&entry(1, vec![row], vec![claim])).unwrap();
        let again = State::from_snapshot(state.snapshot());
        assert_eq!(again.snapshot(), state.snapshot());
        assert_eq!(ids(&again, "network_id", "n"), ["p"]);
        assert_eq!(again.revision(), 1);
    }
}
