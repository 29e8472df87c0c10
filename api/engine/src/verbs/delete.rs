//! `DELETE /v2.0/{collection}/{id}`.

use weft_schema::Problem;

use super::Call;
use crate::request::{Entropy, Outcome};
use crate::services;

/// Deletes a row.
///
/// # Errors
/// Why it stays.
pub(crate) fn delete<'a>(
    call: &Call<'a>,
    id: &str,
    entropy: Entropy<'a>,
) -> Result<Outcome, Problem> {
    if call.request.body.is_some() {
        return Err(Problem::bad_request(
            "Request body is not supported in DELETE.",
        ));
    }
    let mut draft = call.draft(entropy);
    let row = call.changeable("delete", id, &mut draft)?;
    let service = services::of(call.resource);
    service.delete(&mut draft, &row)?;
    draft.remove(&row.key);
    service.follow(&mut draft, Some(&row), None)?;
    call.outcome(draft, 204, |_| Ok(None))
}
