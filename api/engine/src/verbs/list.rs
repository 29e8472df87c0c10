//! `GET /v2.0/{collection}`: the rows that a caller sees, filtered, in order, in pages.
//!
//! Rows are found through the narrowest index that the filters or the caller's permissions
//! offer; a search through all rows is what is left for administrators without filters.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::{Value, json};
use weft_schema::{Problem, Resource, Row, Rule, State};

use super::Call;
use crate::query::{Filter, Query};
use crate::request::{Context, Outcome, Response};
use crate::view::Reading;

/// Lists rows.
///
/// # Errors
/// The query asks for what there cannot be.
pub(crate) fn list(call: &Call<'_>) -> Result<Outcome, Problem> {
    let resource = call.resource;
    let query = Query::parse(resource, &call.request.query, call.context, call.config)?;
    let reading = Reading {
        state: call.state,
        config: call.config,
    };
    let rows: Vec<&Arc<Row>> = candidates(call, &query)
        .into_iter()
        .filter(|row| call.sees(row) && query.matches(resource, row, reading))
        .collect();
    let rows = query.sorted(resource, rows, reading);
    let rows = page(&query, &rows);
    let links = query.limit.map(|limit| links(call, &query, rows, limit));
    let links = links.filter(|links| !links.is_empty()).map(Value::from);
    let body = call.view().many(resource.collection, rows, links)?;
    Ok(Outcome::Done(Response {
        status: 200,
        body: Some(body),
    }))
}

/// Ids, of which each set is one index's answer.
type Sets<'a> = Vec<&'a BTreeSet<Arc<str>>>;

/// Rows among which all matching ones are, by id.
fn candidates<'a>(call: &Call<'a>, query: &Query) -> Vec<&'a Arc<Row>> {
    let (state, kind) = (call.state, call.resource.name);
    let by_id = query.filters.iter().find_map(|filter| match filter {
        Filter::Is(attribute, ids) if attribute.name == "id" => Some(ids),
        _ => None,
    });
    if let Some(ids) = by_id {
        return ids.iter().filter_map(|id| state.row(kind, id)).collect();
    }
    let by_filter = query
        .filters
        .iter()
        .flat_map(|filter| indexed(state, kind, filter))
        .min_by_key(|sets| sets.iter().map(|ids| ids.len()).sum::<usize>());
    match by_filter {
        Some(sets) => union(state, kind, &sets),
        None if call.context.is_admin => state.rows(kind).collect(),
        None => seen(call.resource, call.context, state),
    }
}

/// What the indexes say of a filter: one answer per usable index.
fn indexed<'a>(state: &'a State, kind: &str, filter: &Filter) -> Vec<Sets<'a>> {
    let ids = |index: &str, values: &BTreeSet<String>| -> Option<Sets<'a>> {
        values
            .iter()
            .map(|value| state.ids(kind, index, value))
            .collect()
    };
    match filter {
        Filter::Is(attribute, values) => ids(attribute.name, values).into_iter().collect(),
        Filter::Has(attribute, members) => members
            .iter()
            .filter(|member| !member.substring)
            .filter_map(|member| {
                ids(
                    &format!("{}.{}", attribute.name, member.name),
                    &member.values,
                )
            })
            .collect(),
        Filter::Never => vec![vec![]],
        Filter::ChangedSince(_) => vec![],
    }
}

fn union<'a>(state: &'a State, kind: &str, sets: &Sets<'_>) -> Vec<&'a Arc<Row>> {
    let rows = |ids: &mut dyn Iterator<Item = &Arc<str>>| {
        ids.filter_map(|id| state.row(kind, id)).collect()
    };
    match sets.as_slice() {
        [one] => rows(&mut one.iter()),
        many => {
            let all: BTreeSet<&Arc<str>> = many.iter().copied().flatten().collect();
            rows(&mut all.into_iter())
        }
    }
}

/// The rows that a caller who is no administrator sees, and perhaps more, by id.
fn seen<'a>(resource: &Resource, context: &Context, state: &'a State) -> Vec<&'a Arc<Row>> {
    let mut rows: BTreeMap<&Arc<str>, &Arc<Row>> = BTreeMap::new();
    for rule in resource.see {
        let found: Vec<_> = match rule {
            Rule::Owner => state
                .referrers(resource.name, "tenant_id", &context.project)
                .collect(),
            Rule::Flag(attribute) => state.referrers(resource.name, attribute, "true").collect(),
            Rule::ParentOwner | Rule::ParentSeen => children(resource, *rule, context, state),
        };
        rows.extend(found.into_iter().map(|row| (&row.key.id, row)));
    }
    rows.into_values().collect()
}

/// The rows that stand on rows which the caller owns or sees.
fn children<'a>(
    resource: &Resource,
    rule: Rule,
    context: &Context,
    state: &'a State,
) -> Vec<&'a Arc<Row>> {
    let Some((attribute, parent)) = resource.parent() else {
        return Vec::new();
    };
    let parents = match rule {
        Rule::ParentOwner => state
            .referrers(parent.name, "tenant_id", &context.project)
            .collect(),
        _ => seen(parent, context, state),
    };
    parents
        .into_iter()
        .flat_map(|parent| {
            let ids = state.ids(resource.name, attribute.name, &parent.key.id);
            ids.into_iter().flatten()
        })
        .filter_map(|id| state.row(resource.name, id))
        .collect()
}

/// The page that is asked for. An unknown marker gives an empty one.
fn page<'r, 'a>(query: &Query, rows: &'r [&'a Arc<Row>]) -> &'r [&'a Arc<Row>] {
    let rows = match &query.marker {
        None => rows,
        Some(marker) => match rows.iter().position(|row| *row.key.id == **marker) {
            None => &[],
            Some(at) if query.reverse => &rows[..at],
            Some(at) => &rows[at + 1..],
        },
    };
    match query.limit {
        Some(limit) if query.reverse => &rows[rows.len().saturating_sub(limit)..],
        Some(limit) => &rows[..limit.min(rows.len())],
        None => rows,
    }
}

/// Links to the next and the previous page. Source: Neutron's `get_pagination_links`.
fn links(call: &Call<'_>, query: &Query, rows: &[&Arc<Row>], limit: usize) -> Vec<Value> {
    let short = rows.len() < limit;
    let marker = |row: Option<&&Arc<Row>>| {
        let id = row.map(|row| row.key.id.to_string());
        id.or_else(|| query.marker.clone())
    };
    let mut links = Vec::new();
    if !short || query.reverse {
        let href = href(call, marker(rows.last()), false);
        links.push(json!({"rel": "next", "href": href}));
    }
    if !short || !query.reverse {
        let href = href(call, marker(rows.first()), true);
        links.push(json!({"rel": "previous", "href": href}));
    }
    links
}

/// The request's own address with another marker.
fn href(call: &Call<'_>, marker: Option<String>, reverse: bool) -> String {
    let kept = call.request.query.iter();
    let kept = kept.filter(|(name, _)| name != "marker" && name != "page_reverse");
    let mut pairs: Vec<(&str, &str)> = kept
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    if let Some(marker) = &marker {
        pairs.push(("marker", marker));
    }
    if reverse {
        pairs.push(("page_reverse", "True"));
    }
    let query: Vec<String> = pairs
        .into_iter()
        .map(|(name, value)| format!("{}={}", encoded(name), encoded(value)))
        .collect();
    let (base, uri) = (&call.context.base_url, call.resource.uri);
    format!("{base}/v2.0/{uri}?{}", query.join("&"))
}

/// Percent-encoding (RFC 3986) of everything but unreserved characters.
fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                out.push(char::from(byte));
            }
            _ => out += &format!("%{byte:02X}"),
        }
    }
    out
}
