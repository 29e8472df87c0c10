//! The log: every change there ever was, in one total order, and what a writer hands to the store.
//!
//! A writer reads the state at some revision, decides, and submits a [`WriteSet`]: rows before and
//! after, claims on unique keys, and the [`Read`]s that its decision rests on. The store appends it
//! as the next [`LogEntry`] only if no entry since that revision touched those reads and every
//! claim is free; otherwise the writer decides anew. So the log itself is the concurrency control,
//! and replaying it rebuilds every member's memory.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The number of an entry; 0 is the empty log.
pub type Revision = u64;

/// The attributes of a row by name.
pub type Body = Arc<Map<String, Value>>;

/// Names a row: its kind (`"network"`) and its id within the kind.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RowKey {
    /// The kind, as declared in [`crate::resource`] or [`crate::observation`].
    pub kind: Arc<str>,
    /// The id.
    pub id: Arc<str>,
}

/// A row that is new (`before` is none), different, or gone (`after` is none).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowChange {
    /// Which row.
    #[serde(flatten)]
    pub key: RowKey,
    /// What it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Body>,
    /// What it is now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Body>,
}

/// A key that one owner may hold in the whole cloud: an address on a network, a VNI, a number.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Claim {
    /// The name space, for example `ip`.
    pub kind: Arc<str>,
    /// The key in it, for example `NETWORK-ID/10.0.0.5`.
    pub key: Arc<str>,
}

/// A claim taken by an owner or given back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClaimChange {
    /// Which key.
    #[serde(flatten)]
    pub claim: Claim,
    /// The row that takes it; none when it is given back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<RowKey>,
}

/// Something that a decision rests on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Read {
    /// The row, present or not.
    Row(RowKey),
    /// Which rows of `kind` name `value` in `attribute` (the ports of a network ...).
    Referrers {
        /// The kind of the rows that refer.
        kind: Arc<str>,
        /// Their attribute.
        attribute: Arc<str>,
        /// The value they name.
        value: Arc<str>,
    },
}

/// Who caused a change, and on which request.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Actor {
    /// The user or the part of Weft (`"controller"`).
    pub user: String,
    /// The project that the caller acts for; empty for Weft itself.
    pub project: String,
    /// `req-...` of the API call; empty for observations.
    pub request: String,
}

/// What a writer wants to happen, atomically.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WriteSet {
    /// The revision of the state that was read.
    pub based_on: Revision,
    /// Who wants it.
    pub actor: Actor,
    /// Rows before and after, in order.
    pub rows: Vec<RowChange>,
    /// Claims taken and given back.
    pub claims: Vec<ClaimChange>,
    /// What must not have changed since `based_on`.
    pub reads: BTreeSet<Read>,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogEntry {
    /// Its number: one more than the entry before it.
    pub revision: Revision,
    /// When, in microseconds since 1970-01-01 UTC.
    pub time_us: i64,
    /// Who caused it.
    pub actor: Actor,
    /// Rows before and after.
    pub rows: Vec<RowChange>,
    /// Claims taken and given back.
    pub claims: Vec<ClaimChange>,
}

impl LogEntry {
    /// Whether this entry changed what `read` looked at.
    #[must_use]
    pub fn touches(&self, read: &Read) -> bool {
        match read {
            Read::Row(key) => self.rows.iter().any(|change| change.key == *key),
            Read::Referrers {
                kind,
                attribute,
                value,
            } => self.rows.iter().any(|change| {
                change.key.kind == *kind
                    && [&change.before, &change.after]
                        .into_iter()
                        .flatten()
                        .any(|body| body.get(&**attribute).and_then(Value::as_str) == Some(value))
            }),
        }
    }
}
