//! `PUT /v2.0/{collection}/{id}`: changes what the body names and answers the whole row.

use weft_schema::Problem;

use super::Call;
use crate::body;
use crate::policy;
use crate::request::{Entropy, Outcome};
use crate::services;

/// Changes a row.
///
/// # Errors
/// What is wrong with that.
pub(crate) fn update<'a>(
    call: &Call<'a>,
    id: &str,
    entropy: Entropy<'a>,
) -> Result<Outcome, Problem> {
    let (resource, context) = (call.resource, call.context);
    let mut draft = call.draft(entropy);
    call.seen(id)?;
    let given = body::update(resource, body::one(resource, call.request)?)?;
    let before = call.changeable("update", id, &mut draft)?;
    let attributes = given.iter().map(|(attribute, _)| *attribute);
    policy::may_set("update", resource, &before, attributes, context, &mut draft)?;
    let names: Vec<&str> = given.iter().map(|(attribute, _)| attribute.name).collect();
    let mut row = (*before.body).clone();
    row.extend(
        given
            .iter()
            .map(|(row, value)| (row.name.to_owned(), value.clone())),
    );
    let service = services::of(resource);
    service.update(&mut draft, &before, &mut row, &names)?;
    draft.put(&before.key, row);
    let after = draft.row(&before.key.kind, &before.key.id);
    service.follow(&mut draft, Some(&before), after.as_deref())?;
    let view = call.view();
    call.outcome(draft, 200, |written| {
        let row = written.row(&before.key).unwrap_or(before.clone());
        view.one(resource.name, &row).map(Some)
    })
}
