//! What the log says of hypervisors and their interfaces, held against what is seen, and the write
//! that makes the log say it.
//!
//! Observations are rows like any other. One write per hypervisor is under way at a time; its effect
//! comes back through the log, and then the comparison is made again.

use std::collections::{BTreeMap, BTreeSet};

use weft_schema::observation::{self, ChassisRow, InterfaceRow, appearance};
use weft_schema::{Actor, Body, LogEntry, Revision, RowChange, RowKey, State, WriteSet};
use weft_topology::PortId;

use crate::hypervisor_link::Inventory;

/// What the log says of one hypervisor.
#[derive(Debug, Default)]
pub(crate) struct Known {
    pub(crate) chassis: Option<(Body, ChassisRow)>,
    pub(crate) interfaces: BTreeMap<String, (Body, InterfaceRow)>,
    /// Whether a write about it is under way.
    writing: Writing,
}

/// How far a write is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Writing {
    /// There is none.
    #[default]
    Idle,
    /// It was handed out.
    Submitted,
    /// It is this entry of the log, which was not seen yet.
    Committed(Revision),
}

/// What the log says of all hypervisors, by system-id.
#[derive(Debug, Default)]
pub(crate) struct Observations {
    hypervisors: BTreeMap<String, Known>,
    /// Hypervisors whose last write failed.
    failed: BTreeSet<String>,
}

/// What is known of an interface's flows on its switch.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Standing {
    /// Whether the switch acknowledged them.
    pub(crate) ready: bool,
    /// The switch's words when it refused one.
    pub(crate) error: Option<String>,
}

impl Observations {
    pub(crate) fn load(state: &State) -> Self {
        let mut observations = Self::default();
        for (kind, _) in observation::KINDS {
            for row in state.rows(kind) {
                observations.set(&row.key, Some(&row.body));
            }
        }
        observations
    }

    /// Takes note of what an entry says; tells whose hypervisors' rows it changed.
    pub(crate) fn apply(&mut self, entry: &LogEntry) -> BTreeSet<String> {
        let changed: BTreeSet<String> = entry
            .rows
            .iter()
            .filter_map(|change| self.set(&change.key, change.after.as_ref()))
            .collect();
        for system_id in &changed {
            if let Some(known) = self.hypervisors.get_mut(system_id)
                && known.writing == Writing::Committed(entry.revision)
            {
                known.writing = Writing::Idle;
            }
        }
        for system_id in &changed {
            self.prune(system_id);
        }
        changed
    }

    /// Forgets a hypervisor of which nothing is said or about to be said.
    fn prune(&mut self, system_id: &str) {
        let is_nothing = |known: &Known| {
            let said = known.chassis.is_some() || !known.interfaces.is_empty();
            !said && known.writing == Writing::Idle
        };
        if self.hypervisors.get(system_id).is_some_and(is_nothing) {
            self.hypervisors.remove(system_id);
        }
    }

    /// The ports whose place or flows an entry that was not applied yet may change.
    pub(crate) fn touched(&self, entry: &LogEntry) -> BTreeSet<PortId> {
        let mut touched = BTreeSet::new();
        for RowChange { key, after, .. } in &entry.rows {
            match &*key.kind {
                "port" => touched.extend(key.id.parse::<PortId>()),
                observation::CHASSIS => {
                    let known = self.hypervisors.get(&*key.id).into_iter();
                    let rows = known.flat_map(|known| known.interfaces.values());
                    touched.extend(rows.filter_map(|(_, row)| row.port_id.parse::<PortId>().ok()));
                }
                observation::INTERFACE => {
                    let before = interface_of(key).and_then(|(system_id, name)| {
                        let known = self.hypervisors.get(system_id)?;
                        known.interfaces.get(name)?.1.port_id.parse::<PortId>().ok()
                    });
                    let after = after.as_ref().and_then(|body| body.get("port_id"));
                    let after = after.and_then(|port| port.as_str()?.parse().ok());
                    touched.extend(before.into_iter().chain(after));
                }
                _ => {}
            }
        }
        touched
    }

    /// A write is over: it is an entry of the log, which goes up to `seen` so far, or failed.
    pub(crate) fn written(&mut self, system_id: &str, entry: Option<Revision>, seen: Revision) {
        if entry.is_none() {
            self.failed.insert(system_id.to_owned());
        }
        if let Some(known) = self.hypervisors.get_mut(system_id) {
            known.writing = match entry {
                Some(entry) if entry > seen => Writing::Committed(entry),
                _ => Writing::Idle,
            };
        }
        self.prune(system_id);
    }

    /// Hypervisors whose last write failed, each once.
    pub(crate) fn take_failed(&mut self) -> BTreeSet<String> {
        std::mem::take(&mut self.failed)
    }

    fn set(&mut self, key: &RowKey, body: Option<&Body>) -> Option<String> {
        match &*key.kind {
            observation::CHASSIS => {
                let known = self.hypervisors.entry(key.id.to_string()).or_default();
                known.chassis =
                    body.and_then(|body| Some((body.clone(), ChassisRow::read(key, body).ok()?)));
                Some(key.id.to_string())
            }
            observation::INTERFACE => {
                let (system_id, name) = interface_of(key)?;
                let known = self.hypervisors.entry(system_id.to_owned()).or_default();
                match body
                    .and_then(|body| Some((body.clone(), InterfaceRow::read(key, body).ok()?)))
                {
                    Some(row) => known.interfaces.insert(name.to_owned(), row),
                    None => known.interfaces.remove(name),
                };
                Some(system_id.to_owned())
            }
            _ => None,
        }
    }

    /// Whether every interface of a hypervisor is ready, so that no acknowledgement changes a row.
    pub(crate) fn is_settled(&self, system_id: &str) -> bool {
        self.hypervisors
            .get(system_id)
            .is_none_or(|known| known.interfaces.values().all(|(_, row)| row.ready))
    }

    pub(crate) fn get(&self, system_id: &str) -> Option<&Known> {
        self.hypervisors.get(system_id)
    }

    /// Hypervisors with their rows.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&String, &Known)> {
        self.hypervisors.iter()
    }

    /// The write that makes the log say what is seen of a hypervisor; none when it does, or when one
    /// is under way. `inventory` is none while the hypervisor is not connected: then its interfaces are
    /// taken to be as they were. `standing` tells of each interface's flows.
    pub(crate) fn write(
        &mut self,
        system_id: &str,
        inventory: Option<&Inventory>,
        revision: Revision,
        standing: impl Fn(&InterfaceRow) -> Option<Standing>,
    ) -> Option<WriteSet> {
        let known = match inventory {
            Some(_) => self.hypervisors.entry(system_id.to_owned()).or_default(),
            None => self.hypervisors.get_mut(system_id)?,
        };
        if known.writing != Writing::Idle {
            return None;
        }
        let mut rows = Vec::new();
        if let Some(inventory) = inventory {
            chassis_change(system_id, known, inventory, &mut rows);
            let names: BTreeSet<&String> = known
                .interfaces
                .keys()
                .chain(inventory.interfaces.keys())
                .collect();
            for name in names {
                let before = known.interfaces.get(name);
                let after = seen(
                    system_id,
                    name,
                    before.map(|(_, row)| row),
                    inventory,
                    revision,
                );
                push_change(
                    system_id,
                    name,
                    before,
                    after.map(|row| stand(row, &standing)),
                    &mut rows,
                );
            }
        } else {
            for (name, before) in &known.interfaces {
                let after = stand(before.1.clone(), &standing);
                push_change(system_id, name, Some(before), Some(after), &mut rows);
            }
        }
        if rows.is_empty() {
            return None;
        }
        known.writing = Writing::Submitted;
        Some(WriteSet {
            based_on: revision,
            actor: Actor {
                user: "controller".to_owned(),
                ..Actor::default()
            },
            rows,
            claims: Vec::new(),
            reads: BTreeSet::new(),
        })
    }
}

/// The hypervisor and the name of an interface's row.
fn interface_of(key: &RowKey) -> Option<(&str, &str)> {
    key.id.rsplit_once('/')
}

fn chassis_change(
    system_id: &str,
    known: &Known,
    inventory: &Inventory,
    rows: &mut Vec<RowChange>,
) {
    let mut after = inventory.chassis.clone();
    if let Some((_, before)) = &known.chassis {
        // A switch that is being restarted has no datapath for a moment; its identity stays.
        after.datapath_id = after.datapath_id.or_else(|| before.datapath_id.clone());
        if after == *before {
            return;
        }
    }
    rows.push(RowChange {
        key: ChassisRow::key(system_id),
        before: known.chassis.as_ref().map(|(body, _)| body.clone()),
        after: Some(after.body()),
    });
}

/// An interface's row as the hypervisor shows it; none when there is none to be.
fn seen(
    system_id: &str,
    name: &str,
    before: Option<&InterfaceRow>,
    inventory: &Inventory,
    revision: Revision,
) -> Option<InterfaceRow> {
    let plugged = inventory.interfaces.get(name)?;
    match before.filter(|row| row.port_id == plugged.port_id) {
        Some(row) => {
            // No number for a moment (the switch is being restarted) changes nothing.
            let ofport = plugged.ofport.or(row.ofport);
            Some(InterfaceRow {
                ofport,
                ready: row.ready && ofport == row.ofport,
                ..row.clone()
            })
        }
        None => Some(InterfaceRow {
            chassis: system_id.to_owned(),
            name: name.to_owned(),
            port_id: plugged.port_id.clone(),
            ofport: Some(plugged.ofport?),
            appeared: appearance(revision),
            ready: false,
            error: None,
        }),
    }
}

fn stand(row: InterfaceRow, standing: impl Fn(&InterfaceRow) -> Option<Standing>) -> InterfaceRow {
    match standing(&row) {
        Some(Standing { ready, error }) => InterfaceRow {
            ready,
            error,
            ..row
        },
        None => row,
    }
}

fn push_change(
    system_id: &str,
    name: &str,
    before: Option<&(Body, InterfaceRow)>,
    after: Option<InterfaceRow>,
    rows: &mut Vec<RowChange>,
) {
    if before.map(|(_, row)| row) == after.as_ref() {
        return;
    }
    rows.push(RowChange {
        key: InterfaceRow::key(system_id, name),
        before: before.map(|(body, _)| body.clone()),
        after: after.map(|row| row.body()),
    });
}
