//! What a list's query asks for: filters, order, page. Everything follows from the declaration.
//! Source: chapter 3 of the contract.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::Value;
use weft_schema::check::quoted;
use weft_schema::state::index_text;
use weft_schema::{Attribute, Fault, Problem, Resource, Row};

use crate::policy;
use crate::request::{Config, Context};
use crate::services;
use crate::time;
use crate::view::Reading;

/// Parameters that are no filters.
const RESERVED: &[&str] = &[
    "fields",
    "sort_key",
    "sort_dir",
    "limit",
    "marker",
    "page_reverse",
    "changed_since",
];

/// How many parts of values may be looked for: each of them in each row.
const MAX_SUBSTRINGS: usize = 100;

/// What one attribute must be.
#[derive(Debug)]
pub(crate) enum Filter {
    /// The attribute has one of these values.
    Is(&'static Attribute, BTreeSet<String>),
    /// An object of the attribute's list has, per member, one of these values, or (for the
    /// suffix `_substr`) contains one of them.
    Has(&'static Attribute, Vec<Member>),
    /// The row was changed at that time or later.
    ChangedSince(String),
    /// The caller may not read the attribute: nothing matches.
    Never,
}

/// What a member of an object must be.
#[derive(Debug)]
pub(crate) struct Member {
    /// Its name.
    pub name: &'static str,
    /// Whether a part of the value is enough.
    pub substring: bool,
    /// The values, of which one must match.
    pub values: BTreeSet<String>,
}

/// What a list is asked for.
#[derive(Debug)]
pub(crate) struct Query {
    /// All of them must match.
    pub filters: Vec<Filter>,
    /// The order: attributes, each once, and whether each is descending.
    sort: Vec<(&'static Attribute, bool)>,
    /// The most rows on a page; without it there are no pages.
    pub limit: Option<usize>,
    /// The id of the last row seen.
    pub marker: Option<String>,
    /// Whether the page before the marker is asked for.
    pub reverse: bool,
}

impl Query {
    /// From a request's query.
    ///
    /// # Errors
    /// A parameter that is none, or with a value that it cannot have.
    pub(crate) fn parse(
        resource: &Resource,
        pairs: &[(String, String)],
        context: &Context,
        config: &Config,
    ) -> Result<Self, Problem> {
        let last = |wanted: &str| {
            let named = pairs.iter().rev().find(|(name, _)| name == wanted);
            named.map(|(_, value)| value.as_str())
        };
        let mut filters = filters(resource, pairs, context)?;
        if let Some(given) = last("changed_since") {
            let time = time::canonical(given).ok_or_else(|| {
                Problem::invalid(format!("The given time '{given}' is not an ISO 8601 time"))
            })?;
            filters.push(Filter::ChangedSince(time));
        }
        let limit = limit(last("limit"), config)?;
        let of_page = |name: &str| last(name).filter(|text| limit.is_some() && !text.is_empty());
        Ok(Self {
            filters,
            sort: sort(resource, pairs, context)?,
            limit,
            marker: of_page("marker").map(str::to_owned),
            reverse: of_page("page_reverse").is_some_and(|text| text.eq_ignore_ascii_case("true")),
        })
    }

    /// Whether a row matches every filter.
    #[must_use]
    pub(crate) fn matches(&self, resource: &Resource, row: &Row, reading: Reading<'_>) -> bool {
        self.filters.iter().all(|filter| match filter {
            Filter::Is(attribute, values) => {
                let value = value(resource, attribute, row, reading);
                index_text(&value).is_some_and(|text| values.contains(&*text))
            }
            Filter::Has(attribute, members) => row
                .items(attribute.name)
                .any(|item| members.iter().all(|member| member.matches(item))),
            Filter::ChangedSince(time) => row.text("updated_at") >= time.as_str(),
            Filter::Never => false,
        })
    }

    /// Rows, which come by id, in the order that is asked for.
    #[must_use]
    pub(crate) fn sorted<'a>(
        &self,
        resource: &Resource,
        rows: Vec<&'a Arc<Row>>,
        reading: Reading<'_>,
    ) -> Vec<&'a Arc<Row>> {
        if self.sort.is_empty() {
            return rows;
        }
        let keys = |row: &'a Arc<Row>| -> Vec<Cow<'a, Value>> {
            let attributes = self.sort.iter().map(|(attribute, _)| *attribute);
            attributes
                .map(|attribute| value(resource, attribute, row, reading))
                .collect()
        };
        let mut keyed: Vec<_> = rows.into_iter().map(|row| (keys(row), row)).collect();
        // It is stable: what is equal stays in the order of ids.
        keyed.sort_by(|(one, _), (two, _)| {
            let orders = one.iter().zip(two).map(|(one, two)| order(one, two));
            let mut decided = orders.zip(&self.sort).filter(|(order, _)| order.is_ne());
            match decided.next() {
                Some((order, (_, true))) => order.reverse(),
                Some((order, _)) => order,
                None => Ordering::Equal,
            }
        });
        keyed.into_iter().map(|(_, row)| row).collect()
    }
}

impl Member {
    fn matches(&self, item: &Value) -> bool {
        let Some(text) = item.get(self.name).and_then(Value::as_str) else {
            return false;
        };
        match self.substring {
            true => self.values.iter().any(|value| text.contains(&**value)),
            false => self.values.contains(text),
        }
    }
}

/// An attribute's value, computed when it is not stored.
fn value<'a>(
    resource: &Resource,
    attribute: &Attribute,
    row: &'a Row,
    reading: Reading<'_>,
) -> Cow<'a, Value> {
    match row.get(attribute.name) {
        _ if attribute.computed => {
            Cow::Owned(services::of(resource).computed(attribute.name, row, reading))
        }
        Some(value) => Cow::Borrowed(value),
        None => Cow::Owned(Value::Null),
    }
}

/// Null first, then booleans, numbers and texts.
fn order(one: &Value, two: &Value) -> Ordering {
    let rank = |value: &Value| match value {
        Value::Null => 0,
        Value::Bool(_) => 1,
        Value::Number(_) => 2,
        _ => 3,
    };
    match (one, two) {
        (Value::Bool(one), Value::Bool(two)) => one.cmp(two),
        (Value::Number(one), Value::Number(two)) => one.as_i64().cmp(&two.as_i64()),
        (Value::String(one), Value::String(two)) => one.cmp(two),
        _ => rank(one).cmp(&rank(two)),
    }
}

fn filters(
    resource: &Resource,
    pairs: &[(String, String)],
    context: &Context,
) -> Result<Vec<Filter>, Problem> {
    let mut by_name: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (name, value) in pairs {
        if !RESERVED.contains(&name.as_str()) {
            by_name.entry(name).or_default().push(value);
        }
    }
    let filterable = |name: &str| {
        resource
            .attribute(name)
            .filter(|attribute| attribute.filter)
    };
    let unknown: Vec<&str> = by_name
        .keys()
        .filter(|name| filterable(name).is_none())
        .copied()
        .collect();
    if !unknown.is_empty() {
        let names = quoted(&unknown);
        return Err(Problem::bad_request(format!(
            "{names} is invalid attribute for filtering"
        )));
    }
    let mut by_attribute: BTreeMap<&str, (&'static Attribute, Vec<&str>)> = BTreeMap::new();
    for (name, values) in by_name {
        let Some(attribute) = filterable(name) else {
            continue;
        };
        match by_attribute.get(attribute.name) {
            Some((_, other)) if *other != values => {
                return Err(Fault::TenantIdProjectIdFilterConflict {}.into());
            }
            _ => _ = by_attribute.insert(attribute.name, (attribute, values)),
        }
    }
    let filters = by_attribute.into_values();
    filters
        .map(|(attribute, values)| filter(attribute, &values, context))
        .collect()
}

fn filter(
    attribute: &'static Attribute,
    values: &[&str],
    context: &Context,
) -> Result<Filter, Problem> {
    if !policy::reads(attribute, context) {
        return Ok(Filter::Never);
    }
    if !attribute.members.is_empty() {
        return members(attribute, values);
    }
    let values = values.iter().map(|value| {
        attribute.check.filter(value).map_err(|reason| {
            let name = attribute.name;
            Problem::bad_request(format!("Invalid input for {name}. Reason: {reason}."))
        })
    });
    Ok(Filter::Is(attribute, values.collect::<Result<_, _>>()?))
}

/// `fixed_ips=ip_address=10.0.0.5`, `fixed_ips=ip_address_substr=10.0`.
fn members(attribute: &'static Attribute, values: &[&str]) -> Result<Filter, Problem> {
    let mut members: Vec<Member> = Vec::new();
    for given in values {
        let (name, value) = given.split_once('=').unwrap_or((given, ""));
        let (name, substring) = match name.strip_suffix("_substr") {
            Some(name) => (name, true),
            None => (name, false),
        };
        let known = attribute.members.iter().find(|known| **known == name);
        let Some(&name) = known else {
            let attribute = attribute.name;
            return Err(Problem::bad_request(format!(
                "['{given}'] is invalid attribute for filtering by {attribute}"
            )));
        };
        let value = match value.parse::<std::net::IpAddr>() {
            Ok(ip) if !substring => ip.to_string(),
            _ => value.to_owned(),
        };
        let same = members
            .iter_mut()
            .find(|member| member.name == name && member.substring == substring);
        match same {
            Some(member) => _ = member.values.insert(value),
            None => members.push(Member {
                name,
                substring,
                values: BTreeSet::from([value]),
            }),
        }
    }
    let substrings = members.iter().filter(|member| member.substring);
    if substrings.map(|member| member.values.len()).sum::<usize>() > MAX_SUBSTRINGS {
        return Err(Problem::bad_request(format!(
            "At most {MAX_SUBSTRINGS} substrings can be looked for"
        )));
    }
    Ok(Filter::Has(attribute, members))
}

/// The sort keys. Only the first place of an attribute decides anything, so only that is kept.
fn sort(
    resource: &Resource,
    pairs: &[(String, String)],
    context: &Context,
) -> Result<Vec<(&'static Attribute, bool)>, Problem> {
    let all = |wanted: &'static str| {
        let named = pairs.iter().filter(move |(name, _)| name == wanted);
        let values = named.map(|(_, value)| value.as_str());
        values.filter(|value| !value.is_empty()).collect::<Vec<_>>()
    };
    let (keys, dirs) = (all("sort_key"), all("sort_dir"));
    if keys.len() != dirs.len() {
        return Err(Problem::bad_request(
            "The number of sort_keys and sort_dirs must be same",
        ));
    }
    let sortable = |key: &str| {
        resource
            .attribute(key)
            .filter(|attribute| attribute.sort && policy::reads(attribute, context))
    };
    let refuse = |wrong: Vec<&str>, why: &str| match wrong.is_empty() {
        true => Ok(()),
        false => Err(Problem::bad_request(format!("{} {why}", quoted(&wrong)))),
    };
    let unknown = keys.iter().filter(|key| sortable(key).is_none());
    refuse(
        unknown.copied().collect(),
        "is invalid attribute for sort_keys",
    )?;
    let wrong = dirs.iter().filter(|dir| !["asc", "desc"].contains(dir));
    refuse(
        wrong.copied().collect(),
        "is invalid value for sort_dirs, valid value is 'asc' and 'desc'",
    )?;
    let mut sort: Vec<(&'static Attribute, bool)> = Vec::new();
    for (attribute, dir) in keys.iter().filter_map(|key| sortable(key)).zip(dirs) {
        if !sort.iter().any(|(known, _)| known.name == attribute.name) {
            sort.push((attribute, dir == "desc"));
        }
    }
    Ok(sort)
}

fn limit(given: Option<&str>, config: &Config) -> Result<Option<usize>, Problem> {
    let limit = match given {
        None => 0,
        Some(text) => text.parse().map_err(|_| {
            Problem::bad_request(format!(
                "Limit must be an integer 0 or greater and not '{text}'"
            ))
        })?,
    };
    let limit = Some(limit).filter(|limit| *limit != 0);
    Ok(match config.pagination_max_limit {
        Some(most) => Some(limit.map_or(most, |limit| limit.min(most))),
        None => limit,
    })
}

#[cfg(test)]
mod tests {
    use weft_schema::RESOURCES;

    use super::*;

    fn parse(pairs: &[(&str, &str)], times: usize) -> Result<Query, Problem> {
        let pairs = pairs.iter().cycle().take(pairs.len() * times);
        let pairs: Vec<_> = pairs
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let resource = RESOURCES
            .iter()
            .find(|resource| resource.attribute("fixed_ips").is_some());
        Query::parse(
            resource.unwrap(),
            &pairs,
            &Context::default(),
            &Config::default(),
        )
    }

    #[test]
    fn what_is_said_a_thousand_times_is_looked_at_once() {
        let pairs = [
            ("sort_key", "name"),
            ("sort_dir", "asc"),
            ("mac_address", "FA:16:3E:00:00:01"),
            ("fixed_ips", "ip_address=10.0.0.1"),
            ("fixed_ips", "ip_address_substr=10."),
        ];
        let query = parse(&pairs, 1000).unwrap();
        assert_eq!(query.sort.len(), 1);
        for filter in &query.filters {
            match filter {
                Filter::Is(_, values) => assert_eq!(values.len(), 1),
                Filter::Has(_, members) => {
                    assert!(members.iter().all(|member| member.values.len() == 1));
                }
                other => panic!("{other:?}"),
            }
        }
    }

    #[test]
    fn substrings_are_bounded_in_number() {
        let parts: Vec<_> = (0..=MAX_SUBSTRINGS)
            .map(|part| format!("ip_address_substr={part}"))
            .collect();
        let pairs: Vec<_> = parts.iter().map(|part| ("fixed_ips", &**part)).collect();
        assert!(parse(&pairs[1..], 1).is_ok());
        assert_eq!(parse(&pairs, 1).unwrap_err().status(), 400);
    }
}
