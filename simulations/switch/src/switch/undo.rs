//! What was before changes that may have to be undone together, and what is told of changes of flows.

use rust_openflow::{GroupId, MeterId};

use super::{Entered, Group, Meter, Switch};
use crate::executor::{Change, ChangeKind};

/// How to get back to where messages that belong together began.
#[derive(Debug, Clone, Default)]
pub(super) struct Undo {
    /// The latest last.
    steps: Vec<Before>,
    /// How many flows were to be told of, and how many changes.
    removed: usize,
    changes: usize,
}

/// What was before a change.
#[derive(Debug, Clone)]
pub(super) enum Before {
    Flow(u8, usize, Option<Box<Entered>>),
    Group(GroupId, Option<Group>),
    Meter(MeterId, Option<Meter>),
}

/// Keeping what was, and what changed.
impl Switch {
    /// From here on what was before is kept.
    pub(crate) fn keep_undo(&mut self) {
        self.undo = Some(Undo {
            steps: Vec::new(),
            removed: self.removed.len(),
            changes: self.changes.as_ref().map_or(0, Vec::len),
        });
    }

    pub(crate) fn forget_undo(&mut self) {
        self.undo = None;
    }

    /// Gets back to where [`Self::keep_undo`] was called.
    pub(crate) fn undo(&mut self) {
        let Some(undo) = self.undo.take() else {
            return;
        };
        for before in undo.steps.into_iter().rev() {
            self.restore(before);
        }
        self.removed.truncate(undo.removed);
        if let Some(changes) = &mut self.changes {
            changes.truncate(undo.changes);
        }
    }

    pub(crate) fn keep_changes(&mut self, keep: bool) {
        self.changes = keep.then(|| self.changes.take().unwrap_or_default());
    }

    pub(crate) fn changes(&mut self) -> Vec<Change> {
        self.changes
            .as_mut()
            .map(std::mem::take)
            .unwrap_or_default()
    }

    /// Tells who watches of a change of a flow.
    pub(super) fn tell(&mut self, table: u8, number: usize, kind: ChangeKind) {
        if self.changes.is_none() {
            return;
        }
        let entry = self.entry(table, number);
        let change = entry.map(|entry| Change {
            kind,
            flow: self.said(table, entry),
        });
        if let Some(changes) = &mut self.changes {
            changes.extend(change);
        }
    }

    /// Notes what was before, when it may have to be again.
    pub(super) fn note(&mut self, before: impl FnOnce() -> Before) {
        if let Some(undo) = &mut self.undo {
            undo.steps.push(before());
        }
    }

    /// Gets back to what was before.
    fn restore(&mut self, before: Before) {
        match before {
            Before::Flow(table, number, entry) => {
                if let Some(table) = self.tables.get_mut(&table) {
                    table.restore(number, entry.map(|entry| *entry));
                }
                self.expect_end(table, number);
            }
            Before::Group(id, Some(group)) => _ = self.groups.insert(id, group),
            Before::Group(id, None) => _ = self.groups.remove(&id),
            Before::Meter(id, Some(meter)) => _ = self.changing.meters.insert(id, meter),
            Before::Meter(id, None) => _ = self.changing.meters.remove(&id),
        }
    }
}
