//! The resources of the API as declarations; everything generic follows from these rows.
//!
//! A resource is a table of attributes and a few rules about who sees and changes its rows. What
//! it means (what a port does to addresses) is in `weft-engine`, one service per resource.
//! Source: chapters 5 to 8 of the contract.

mod network;
mod port;
mod subnet;

use std::fmt::Display;

pub use network::NETWORK;
pub use port::PORT;
pub use subnet::SUBNET;

use crate::attribute::{Attribute, Fallback};
use crate::check::Check;
use crate::problem::Problem;

/// Who, besides administrators, may do something with a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// The row's project.
    Owner,
    /// Everyone when this boolean attribute of the row is true.
    Flag(&'static str),
    /// The project of the row that it stands on.
    ParentOwner,
    /// Who sees the row that it stands on.
    ParentSeen,
}

/// A resource.
#[derive(Debug)]
pub struct Resource {
    /// Its kind, and the key of one in JSON.
    pub name: &'static str,
    /// The key of many in JSON, with underscores.
    pub collection: &'static str,
    /// The path segment of the collection, with dashes.
    pub uri: &'static str,
    /// What it is, in a sentence.
    pub doc: &'static str,
    /// The attribute that names the row it stands on, which must be seen to create it.
    pub parent: Option<&'static str>,
    /// Who sees a row.
    pub see: &'static [Rule],
    /// Who may create a row for his own project.
    pub create: &'static [Rule],
    /// Who may change or delete a row.
    pub change: &'static [Rule],
    /// The problem of a row that is not there.
    pub not_found: fn(&dyn Display) -> Problem,
    /// Its own attributes, beside [`STANDARD`].
    pub own: &'static [Attribute],
}

impl Resource {
    /// Every attribute: the standard ones, then its own.
    pub fn attributes(&self) -> impl Iterator<Item = &'static Attribute> + use<> {
        STANDARD.iter().chain(self.own)
    }

    /// The attribute of that name, or of that second name.
    #[must_use]
    pub fn attribute(&self, name: &str) -> Option<&'static Attribute> {
        self.attributes()
            .find(|attribute| attribute.names().any(|known| known == name))
    }

    /// The attribute that names the row this resource's rows stand on, with that row's resource.
    #[must_use]
    pub fn parent(&self) -> Option<(&'static Attribute, &'static Resource)> {
        let attribute = self.attribute(self.parent?)?;
        Some((attribute, of(attribute.refers?)?))
    }
}

/// Every resource.
pub const RESOURCES: &[&Resource] = &[&NETWORK, &SUBNET, &PORT];

/// The resource of a kind.
#[must_use]
pub fn of(kind: &str) -> Option<&'static Resource> {
    RESOURCES.iter().copied().find(|known| known.name == kind)
}

/// The attributes that every resource has.
pub const STANDARD: &[Attribute] = &[
    Attribute::new(
        "id",
        "FS",
        Check::Uuid,
        Fallback::Unset,
        "The row's id, a UUID.",
    ),
    Attribute::new(
        "tenant_id",
        "CFS",
        Check::Text(255),
        Fallback::Required,
        "The project that owns the row.",
    )
    .also("project_id")
    .indexed(),
    Attribute::new(
        "description",
        "CUFS",
        Check::Text(255),
        Fallback::Text(""),
        "A note for people.",
    )
    .alias("standard-attr-description"),
    Attribute::new(
        "created_at",
        "FS",
        Check::Time,
        Fallback::Unset,
        "When the row was created, in UTC to the second.",
    )
    .alias("standard-attr-timestamp"),
    Attribute::new(
        "updated_at",
        "FS",
        Check::Time,
        Fallback::Unset,
        "When the row was last changed, in UTC to the second.",
    )
    .alias("standard-attr-timestamp"),
    Attribute::new(
        "revision_number",
        "FS",
        Check::Int,
        Fallback::Unset,
        "How often the row was changed.",
    )
    .alias("standard-attr-revisions"),
];

/// The name of every row, the same everywhere.
const NAME: Attribute = Attribute::new(
    "name",
    "CUFS",
    Check::Text(255),
    Fallback::Text(""),
    "A name for people; need not be unique.",
)
.indexed();

/// Whether the row carries traffic, as its owner wants it.
const ADMIN_STATE_UP: Attribute = Attribute::new(
    "admin_state_up",
    "CUFS",
    Check::Bool,
    Fallback::Bool(true),
    "When false, it carries no traffic.",
);

/// `DOWN`, `ACTIVE` and so on.
const STATUS: Attribute = Attribute::new(
    "status",
    "FS",
    Check::Text(16),
    Fallback::Unset,
    "ACTIVE, DOWN or ERROR; computed from what was observed.",
)
.computed();

/// The network that the row stands on.
const NETWORK_ID: Attribute = Attribute::new(
    "network_id",
    "CFS",
    Check::Uuid,
    Fallback::Required,
    "The network that it belongs to.",
)
.refers("network");

/// The shape of the `not_found` column.
macro_rules! not_found {
    ($fault:ident) => {
        |id| Fault::$fault { id }.into()
    };
}
use not_found;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_unique_and_every_row_is_documented() {
        let mut taken = BTreeSet::new();
        for resource in RESOURCES {
            for name in BTreeSet::from([resource.name, resource.collection, resource.uri]) {
                assert!(taken.insert(name), "{name}");
            }
            assert!(resource.doc.ends_with('.'), "{}", resource.name);
            let mut names = BTreeSet::new();
            for attribute in resource.attributes() {
                assert!(attribute.doc.ends_with('.'), "{}", attribute.name);
                for name in attribute.names() {
                    assert!(names.insert(name), "{} {name}", resource.name);
                }
            }
        }
    }

    #[test]
    fn references_and_rules_name_what_exists() {
        for resource in RESOURCES {
            for attribute in resource.attributes() {
                if let Some(kind) = attribute.refers {
                    assert!(of(kind).is_some(), "{} -> {kind}", attribute.name);
                }
                assert!(
                    !(attribute.computed && (attribute.create || attribute.update)),
                    "{} is computed",
                    attribute.name
                );
            }
            assert!(resource.attribute("tenant_id").unwrap().indexed);
            let rules = [resource.see, resource.create, resource.change].concat();
            for rule in rules {
                match rule {
                    Rule::Flag(name) => assert!(resource.attribute(name).unwrap().indexed),
                    Rule::ParentOwner | Rule::ParentSeen => assert!(resource.parent().is_some()),
                    Rule::Owner => {}
                }
            }
            assert_eq!(resource.parent.is_some(), resource.parent().is_some());
        }
    }
}
