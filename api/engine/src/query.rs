//! What a list's query asks for: filters, order, page. Everything follows from the declaration.
//! Source: chapter 3 of the contract.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::BTreeMap;

use serde_json::Value;
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

/// What one attribute must be.
#[derive(Debug)]
pub(crate) enum Filter {
    /// The attribute has one of these values.
    Is(&'static Attribute, Vec<String>),
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
    pub values: Vec<String>,
}

/// What a list is asked for.
#[derive(Debug)]
pub(crate) struct Query {
    /// All of them must match.
    pub filters: Vec<Filter>,
    /// The order: attributes, and whether each is descending.
    pub sort: Vec<(&'static Attribute, bool)>,
    /// The most rows.
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
        Ok(Self {
            filters,
            sort: sort(resource, pairs, context)?,
            limit: limit(last("limit"), config)?,
            marker: last("marker").map(str::to_owned),
            reverse: last("page_reverse").is_some_and(|text| text.eq_ignore_ascii_case("true")),
        })
    }

    /// Whether a row matches every filter.
    #[must_use]
    pub(crate) fn matches(&self, resource: &Resource, row: &Row, reading: Reading<'_>) -> bool {
        self.filters.iter().all(|filter| match filter {
            Filter::Is(attribute, values) => {
                let value = value(resource, attribute, row, reading);
                let text = index_text(&value);
                text.is_some_and(|text| values.iter().any(|value| *value == text))
            }
            Filter::Has(attribute, members) => row
                .items(attribute.name)
                .any(|item| members.iter().all(|member| member.matches(item))),
            Filter::ChangedSince(time) => row.text("updated_at") >= time.as_str(),
            Filter::Never => false,
        })
    }

    /// The order of two rows.
    #[must_use]
    pub(crate) fn order(
        &self,
        resource: &Resource,
        one: &Row,
        two: &Row,
        reading: Reading<'_>,
    ) -> Ordering {
        let by_keys = self.sort.iter().map(|(attribute, descending)| {
            let value = |row| value(resource, attribute, row, reading);
            let order = order(&value(one), &value(two));
            if *descending { order.reverse() } else { order }
        });
        by_keys
            .fold(Ordering::Equal, Ordering::then)
            .then_with(|| one.key.id.cmp(&two.key.id))
    }
}

impl Member {
    fn matches(&self, item: &Value) -> bool {
        let Some(text) = item.get(self.name).and_then(Value::as_str) else {
            return false;
        };
        self.values.iter().any(|value| match self.substring {
            true => text.contains(value.as_str()),
            false => text == value,
        })
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

/// Names as Neutron shows them: `['a', 'b']`.
fn names(names: &[&str]) -> String {
    let quoted: Vec<_> = names.iter().map(|name| format!("'{name}'")).collect();
    format!("[{}]", quoted.join(", "))
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
        let names = names(&unknown);
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
            Some(member) => member.values.push(value),
            None => members.push(Member {
                name,
                substring,
                values: vec![value],
            }),
        }
    }
    Ok(Filter::Has(attribute, members))
}

fn sort(
    resource: &Resource,
    pairs: &[(String, String)],
    context: &Context,
) -> Result<Vec<(&'static Attribute, bool)>, Problem> {
    let all = |wanted: &'static str| {
        let named = pairs.iter().filter(move |(name, _)| name == wanted);
        named.map(|(_, value)| value.as_str()).collect::<Vec<_>>()
    };
    let (keys, dirs) = (all("sort_key"), all("sort_dir"));
    if keys.len() != dirs.len() {
        return Err(Problem::bad_request(
            "The number of sort_keys and sort_dirs must be same",
        ));
    }
    let pair = |(key, dir): (&&str, &&str)| {
        let attribute = resource
            .attribute(key)
            .filter(|attribute| attribute.sort && policy::reads(attribute, context))
            .ok_or_else(|| {
                let names = names(&[key]);
                Problem::bad_request(format!("{names} is invalid attribute for sort_keys"))
            })?;
        match *dir {
            "asc" => Ok((attribute, false)),
            "desc" => Ok((attribute, true)),
            _ => Err(Problem::bad_request(format!(
                "{} is invalid value for sort_dirs, value must be 'asc' and 'desc'",
                names(&[dir])
            ))),
        }
    };
    keys.iter().zip(&dirs).map(pair).collect()
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
