//! The verbs of every resource. None of them knows any resource by name.

mod create;
mod delete;
mod list;
mod show;
mod update;

use std::collections::HashMap;
use std::sync::Arc;

pub(crate) use create::create;
pub(crate) use delete::delete;
pub(crate) use list::list;
pub(crate) use show::show;
pub(crate) use update::update;

use weft_schema::{Fault, Problem, Resource, Row, RowChange, RowKey, State};

use crate::draft::Draft;
use crate::policy;
use crate::request::{Config, Context, Entropy, Outcome, Request, Response};
use crate::view::{Reading, View};

/// A verb at work: everything that it may look at.
pub(crate) struct Call<'a> {
    /// What is asked for.
    pub resource: &'static Resource,
    /// How.
    pub request: &'a Request,
    /// By whom.
    pub context: &'a Context,
    /// Of what.
    pub state: &'a State,
    /// In which installation.
    pub config: &'a Config,
}

impl<'a> Call<'a> {
    fn draft(&self, entropy: Entropy<'a>) -> Draft<'a> {
        Draft::new(self.state, self.context, self.config, entropy)
    }

    fn view(&self) -> View<'a> {
        let reading = Reading {
            state: self.state,
            config: self.config,
        };
        View::new(self.resource, self.context, reading, &self.request.query)
    }

    /// The row, when the caller sees it.
    fn seen(&self, id: &str) -> Result<&'a Arc<Row>, Problem> {
        self.state
            .row(self.resource.name, id)
            .filter(|row| self.sees(row))
            .ok_or_else(|| (self.resource.not_found)(&id))
    }

    fn sees(&self, row: &Row) -> bool {
        let see = self.resource.see;
        policy::allows(see, self.resource, row, self.context, &mut { self.state })
    }

    /// The row, when the caller may change it and it has the revision that he expects.
    fn changeable(&self, verb: &str, id: &str, draft: &mut Draft<'_>) -> Result<Arc<Row>, Problem> {
        self.seen(id)?;
        let resource = self.resource;
        let row = draft.row(resource.name, id);
        let row = row.ok_or_else(|| (resource.not_found)(&id))?;
        if !policy::allows(resource.change, resource, &row, self.context, draft) {
            return Err(policy::refused(verb, resource, None));
        }
        self.expected_revision(&row)?;
        Ok(row)
    }

    /// Source: `standard-attr-revisions`; `If-Match: revision_number=N`.
    fn expected_revision(&self, row: &Row) -> Result<(), Problem> {
        let Some(given) = &self.request.if_match else {
            return Ok(());
        };
        let etags = given.split(',').map(|etag| etag.trim().trim_matches('"'));
        let mut numbers = etags.filter_map(|etag| etag.strip_prefix("revision_number="));
        let Some(expected) = numbers.next() else {
            return Ok(());
        };
        if numbers.next().is_some() {
            return Err(Problem::bad_request(
                "Multiple revision_number etags are not supported.",
            ));
        }
        let expected: u64 = expected.trim().parse().map_err(|_| {
            Problem::bad_request(
                "Revision number etag must be in the format of revision_number=<int>",
            )
        })?;
        let current = row.get("revision_number").and_then(|value| value.as_u64());
        match current.unwrap_or(0) {
            current if current == expected => Ok(()),
            current => Err(Fault::RevisionNumberConstraintFailed {
                expected: &expected,
                current: &current,
            }
            .into()),
        }
    }

    /// The outcome of a draft: a write, or nothing when nothing would change.
    fn outcome(
        &self,
        draft: Draft<'_>,
        status: u16,
        body: impl FnOnce(&Written<'_>) -> Result<Option<Vec<u8>>, Problem>,
    ) -> Result<Outcome, Problem> {
        let write = draft.finish();
        let rows = write.rows.iter().map(|change| (&change.key, change));
        let body = body(&Written {
            rows: rows.collect(),
            state: self.state,
        })?;
        let response = Response { status, body };
        Ok(match write.rows.is_empty() {
            true => Outcome::Done(response),
            false => Outcome::Write { write, response },
        })
    }
}

/// Rows as a write set leaves them.
struct Written<'a> {
    rows: HashMap<&'a RowKey, &'a RowChange>,
    state: &'a State,
}

impl Written<'_> {
    fn row(&self, key: &RowKey) -> Option<Arc<Row>> {
        match self.rows.get(key) {
            None => self.state.row(&key.kind, &key.id).cloned(),
            Some(change) => Some(Arc::new(Row {
                key: key.clone(),
                body: change.after.clone()?,
            })),
        }
    }
}
