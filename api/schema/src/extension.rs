//! The extensions that are served, by alias: only what works.
//!
//! Every alias tells clients that an attribute or a behaviour is here. Which attributes an
//! extension brings stands with the attributes. Source: chapter 14 of the contract.

/// An extension.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extension {
    /// Its alias, the name that clients look for.
    pub alias: &'static str,
    /// Its name for people.
    pub name: &'static str,
    /// What it brings.
    pub description: &'static str,
    /// When its definition last changed.
    pub updated: &'static str,
}

/// Rows: alias, name, description, updated.
const fn row(
    alias: &'static str,
    name: &'static str,
    description: &'static str,
    updated: &'static str,
) -> Extension {
    Extension {
        alias,
        name,
        description,
        updated,
    }
}

/// Every extension that is served.
#[rustfmt::skip]
pub const EXTENSIONS: &[Extension] = &[
    row("allowed-address-pairs", "Allowed Address Pairs", "Further addresses that a port may send from.", "2013-07-23T10:00:00-00:00"),
    row("binding", "Port Binding", "Which hypervisor carries a port, and how.", "2014-02-03T10:00:00-00:00"),
    row("empty-string-filtering", "Empty String Filtering", "Filters by an empty value.", "2018-05-01T10:00:00-00:00"),
    row("filter-validation", "Filter parameters validation", "Unknown filters are refused.", "2018-03-21T10:00:00-00:00"),
    row("ip-substring-filtering", "IP address substring filtering", "Ports by a part of an address.", "2017-11-28T09:00:00-00:00"),
    row("net-mtu", "Network MTU", "The largest packet of a network.", "2015-03-25T10:00:00-00:00"),
    row("net-mtu-writable", "Network MTU (writable)", "The largest packet of a network may be chosen.", "2017-07-12T00:00:00-00:00"),
    row("pagination", "Pagination support", "Lists in pages.", "2016-06-12T00:00:00-00:00"),
    row("port-security", "Port Security", "Ports send only from their own addresses.", "2012-07-23T10:00:00-00:00"),
    row("project-id", "project_id field enabled", "project_id beside tenant_id.", "2016-09-09T09:09:09-09:09"),
    row("provider", "Provider Network", "How networks travel between hypervisors.", "2012-09-07T10:00:00-00:00"),
    row("revision-if-match", "If-Match constraints based on revision_number", "Changes only of the revision that was read.", "2016-12-11T00:00:00-00:00"),
    row("sort-key-validation", "Sort key validation", "Unknown sort keys are refused.", "2018-09-19T10:00:00-00:00"),
    row("sorting", "Sorting support", "Lists in order.", "2016-06-12T00:00:00-00:00"),
    row("standard-attr-description", "standard-attr-description", "A note on every row.", "2016-02-10T10:00:00-00:00"),
    row("standard-attr-revisions", "Resource revision numbers", "How often a row was changed.", "2016-04-11T10:00:00-00:00"),
    row("standard-attr-timestamp", "Resource timestamps", "When a row was created and changed.", "2016-09-12T10:00:00-00:00"),
];

/// The extension of an alias.
#[must_use]
pub fn of(alias: &str) -> Option<&'static Extension> {
    EXTENSIONS.iter().find(|known| known.alias == alias)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resource::RESOURCES;

    #[test]
    fn rows_are_in_order_and_documented() {
        assert!(EXTENSIONS.is_sorted_by(|one, two| one.alias < two.alias));
        for extension in EXTENSIONS {
            assert!(extension.description.ends_with('.'), "{}", extension.alias);
            assert!(!extension.name.is_empty() && !extension.updated.is_empty());
        }
    }

    #[test]
    fn every_attribute_of_an_extension_is_announced() {
        for resource in RESOURCES {
            for alias in resource.attributes().filter_map(|row| row.alias) {
                assert!(of(alias).is_some(), "{} {alias}", resource.name);
            }
        }
    }
}
