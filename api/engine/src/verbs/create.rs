//! `POST /v2.0/{collection}`: one row, or several that are created together or not at all.

use std::sync::Arc;

use weft_schema::{Problem, Row, RowKey};

use super::Call;
use crate::body::{self, Attributes, Objects};
use crate::draft::{self, Draft};
use crate::policy;
use crate::request::{Entropy, Outcome};
use crate::services;

/// Creates what the body says.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn create<'a>(call: &Call<'a>, entropy: Entropy<'a>) -> Result<Outcome, Problem> {
    let resource = call.resource;
    let mut draft = call.draft(entropy);
    let (keys, bulk) = match body::objects(resource, call.request)? {
        Objects::One(object) => (vec![row(call, &mut draft, object)?], false),
        Objects::Bulk(objects) if objects.len() > call.config.max_bulk => {
            let most = call.config.max_bulk;
            return Err(Problem::bad_request(format!(
                "A bulk create is of at most {most} objects"
            )));
        }
        Objects::Bulk(objects) => {
            let rows = objects
                .into_iter()
                .map(|object| row(call, &mut draft, object));
            (rows.collect::<Result<_, _>>()?, true)
        }
    };
    let view = call.view();
    call.outcome(draft, 201, |written| {
        let rows: Vec<Arc<Row>> = keys.iter().filter_map(|key| written.row(key)).collect();
        match rows.first() {
            Some(row) if !bulk => view.one(resource.name, row),
            _ => view.many(resource.collection, &rows, None),
        }
        .map(Some)
    })
}

fn row(call: &Call<'_>, draft: &mut Draft<'_>, object: &Attributes) -> Result<RowKey, Problem> {
    let (resource, context) = (call.resource, call.context);
    let (mut row, own) = body::create(resource, object, context)?;
    let id = draft.uuid();
    row.insert("id".into(), id.as_str().into());
    let key = draft::key(resource.name, &id);
    let proposed = Row {
        key: key.clone(),
        body: Arc::new(row.clone()),
    };
    if let Some((attribute, kind)) = resource.parent() {
        let parent = policy::parent(resource, &proposed, draft);
        parent
            .filter(|(_, parent)| policy::allows(kind.see, kind, parent, context, draft))
            .ok_or_else(|| (kind.not_found)(&proposed.text(attribute.name)))?;
    }
    if !policy::allows(resource.create, resource, &proposed, context, draft) {
        return Err(policy::refused("create", resource, None));
    }
    policy::may_set("create", resource, &proposed, own, context, draft)?;
    let service = services::of(resource);
    service.create(draft, &key, &mut row)?;
    draft.put(&key, row);
    let after = draft.row(&key.kind, &key.id);
    service.follow(draft, None, after.as_deref())?;
    Ok(key)
}
