//! `GET /v2.0/{collection}/{id}`.

use weft_schema::Problem;

use super::Call;
use crate::request::{Outcome, Response};

/// Shows a row.
///
/// # Errors
/// There is none of that id that the caller sees.
pub(crate) fn show(call: &Call<'_>, id: &str) -> Result<Outcome, Problem> {
    let row = call.seen(id)?;
    let body = call.view().one(call.resource.name, row)?;
    Ok(Outcome::Done(Response {
        status: 200,
        body: Some(body),
    }))
}
