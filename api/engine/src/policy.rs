//! Who may do what: the rules of the declarations, applied to a caller and a row.
//!
//! The rules themselves stand with the resources in `weft-schema`.

use std::sync::Arc;

use weft_schema::{Attribute, Fault, Policy, Problem, Resource, Row, Rule, State};

use crate::draft::Draft;
use crate::request::Context;

/// Where the rows that others stand on are found.
pub(crate) trait Lookup {
    /// A row.
    fn find(&mut self, kind: &str, id: &str) -> Option<Arc<Row>>;
}

impl Lookup for &State {
    fn find(&mut self, kind: &str, id: &str) -> Option<Arc<Row>> {
        self.row(kind, id).cloned()
    }
}

impl Lookup for Draft<'_> {
    fn find(&mut self, kind: &str, id: &str) -> Option<Arc<Row>> {
        self.row(kind, id)
    }
}

/// Whether a row belongs to the caller's project. Rows of no project belong to nobody.
fn owns(context: &Context, row: &Row) -> bool {
    !context.project.is_empty() && row.text("tenant_id") == context.project
}

/// Whether a caller may do with a row what `rules` say.
pub(crate) fn allows(
    rules: &[Rule],
    resource: &Resource,
    row: &Row,
    context: &Context,
    lookup: &mut dyn Lookup,
) -> bool {
    context.is_admin
        || rules.iter().any(|rule| match rule {
            Rule::Owner => owns(context, row),
            Rule::Flag(attribute) => row.flag(attribute),
            Rule::ParentOwner => {
                parent(resource, row, lookup).is_some_and(|(_, parent)| owns(context, &parent))
            }
            Rule::ParentSeen => parent(resource, row, lookup)
                .is_some_and(|(kind, parent)| allows(kind.see, kind, &parent, context, lookup)),
        })
}

/// The row that a row stands on, with its resource.
pub(crate) fn parent(
    resource: &Resource,
    row: &Row,
    lookup: &mut dyn Lookup,
) -> Option<(&'static Resource, Arc<Row>)> {
    let (attribute, parent) = resource.parent()?;
    let row = lookup.find(parent.name, row.text(attribute.name))?;
    Some((parent, row))
}

/// Whether a caller may read an attribute at all.
#[must_use]
pub(crate) const fn reads(attribute: &Attribute, context: &Context) -> bool {
    match attribute.see {
        Policy::Anyone => true,
        Policy::ParentOwner | Policy::Admin => context.is_admin,
    }
}

/// Refuses attributes that the caller may not set on that row.
///
/// # Errors
/// 403 with the rule's name.
pub(crate) fn may_set<'a>(
    verb: &str,
    resource: &Resource,
    row: &Row,
    given: impl IntoIterator<Item = &'a Attribute>,
    context: &Context,
    lookup: &mut dyn Lookup,
) -> Result<(), Problem> {
    for attribute in given {
        let allowed = match attribute.set {
            Policy::Anyone => true,
            Policy::ParentOwner => allows(&[Rule::ParentOwner], resource, row, context, lookup),
            Policy::Admin => context.is_admin,
        };
        if !allowed {
            return Err(refused(verb, resource, Some(attribute.name)));
        }
    }
    Ok(())
}

/// The refusal of a verb, or of an attribute in it.
#[must_use]
pub(crate) fn refused(verb: &str, resource: &Resource, attribute: Option<&str>) -> Problem {
    let rule = format!("rule:{verb}_{}", resource.name);
    let rule = match attribute {
        None => rule,
        Some(attribute) => format!("({rule} and {rule}:{attribute})"),
    };
    Fault::PolicyNotAuthorized { rule: &rule }.into()
}
