//! What callers send: from JSON to rows of canonical values, by the declaration.
//!
//! The order of the checks and their words are Neutron's, because clients' tests look for them.
//! Source: chapter 2 of the contract.

use serde_json::{Map, Value, json};
use weft_schema::{Attribute, Fallback, Problem, Resource};

use crate::request::{Context, Request};

/// Attributes by name.
pub(crate) type Attributes = Map<String, Value>;

/// The objects of a create: one, or several for a bulk create.
#[derive(Debug)]
pub(crate) enum Objects<'a> {
    /// One.
    One(&'a Attributes),
    /// Several, which are created together or not at all.
    Bulk(Vec<&'a Attributes>),
}

fn invalid() -> Problem {
    Problem::bad_request("Body contains invalid data")
}

fn object(request: &Request) -> Result<&Attributes, Problem> {
    let body = request.body.as_ref().and_then(Value::as_object);
    body.ok_or_else(invalid)
}

/// The object of a PUT: `{"network": {...}}`.
///
/// # Errors
/// There is none.
pub(crate) fn one<'a>(
    resource: &Resource,
    request: &'a Request,
) -> Result<&'a Attributes, Problem> {
    match object(request)?.get(resource.name) {
        Some(inner) => inner.as_object().ok_or_else(invalid),
        None => Err(Problem::bad_request(format!(
            "Unable to find '{}' in request body",
            resource.name
        ))),
    }
}

/// The objects of a POST: `{"network": {...}}` or `{"networks": [...]}`.
///
/// # Errors
/// There are none.
pub(crate) fn objects<'a>(
    resource: &Resource,
    request: &'a Request,
) -> Result<Objects<'a>, Problem> {
    let Some(many) = object(request)?.get(resource.collection) else {
        return one(resource, request).map(Objects::One);
    };
    let items = many.as_array().ok_or_else(invalid)?;
    if items.is_empty() {
        return Err(Problem::bad_request("Resources required"));
    }
    let unwrapped = items.iter().map(|item| {
        let item = item.as_object().ok_or_else(invalid)?;
        match item.get(resource.name) {
            Some(inner) if item.len() == 1 => inner.as_object().ok_or_else(invalid),
            _ => Ok(item),
        }
    });
    Ok(Objects::Bulk(unwrapped.collect::<Result<_, _>>()?))
}

/// An attribute that the caller gave, with its canonical value.
pub(crate) type Given = (&'static Attribute, Value);

/// Looks every name up, merges second names, and refuses unknown ones.
fn known(
    resource: &Resource,
    object: &Attributes,
) -> Result<Vec<(&'static Attribute, Value)>, Problem> {
    let mut given: Vec<Given> = Vec::new();
    let mut unknown = Vec::new();
    for (name, value) in object {
        let Some(attribute) = resource.attribute(name) else {
            unknown.push(name.as_str());
            continue;
        };
        match given.iter().find(|(other, _)| other.name == attribute.name) {
            Some((other, earlier)) if earlier != value => {
                let mut names: Vec<_> = other.names().map(|name| format!("'{name}'")).collect();
                names.sort();
                let names = names.join(" and ");
                return Err(Problem::bad_request(format!("{names} do not match")));
            }
            Some(_) => {}
            None => given.push((attribute, value.clone())),
        }
    }
    match unknown.is_empty() {
        true => Ok(given),
        false => Err(Problem::bad_request(format!(
            "Unrecognized attribute(s) '{}'",
            unknown.join(", ")
        ))),
    }
}

fn convert(given: &mut [Given]) -> Result<(), Problem> {
    for (attribute, value) in given {
        *value = attribute.check.convert(value).map_err(|reason| {
            let name = attribute.name;
            Problem::bad_request(format!("Invalid input for {name}. Reason: {reason}."))
        })?;
    }
    Ok(())
}

fn fallback(attribute: &Attribute) -> Option<Value> {
    match attribute.fallback {
        Fallback::Required | Fallback::Unset => None,
        Fallback::Null => Some(Value::Null),
        Fallback::Bool(value) => Some(value.into()),
        Fallback::Number(value) => Some(value.into()),
        Fallback::Text(value) => Some(value.into()),
        Fallback::List => Some(json!([])),
        Fallback::Object => Some(json!({})),
    }
}

/// The attributes of a row when nothing is given.
#[must_use]
pub(crate) fn fallbacks(resource: &Resource) -> Attributes {
    let stored = resource.attributes().filter(|row| !row.computed);
    stored
        .filter_map(|attribute| Some((attribute.name.to_owned(), fallback(attribute)?)))
        .collect()
}

/// A new row's attributes from what the caller gave and the declaration's fallbacks, and which
/// of them the caller gave with a value of his own.
///
/// # Errors
/// 400 in Neutron's words.
pub(crate) fn create(
    resource: &Resource,
    object: &Attributes,
    context: &Context,
) -> Result<(Attributes, Vec<&'static Attribute>), Problem> {
    let mut given = known(resource, object)?;
    own_project(resource, &mut given, context)?;
    for attribute in resource.attributes() {
        let present = given.iter().any(|(other, _)| other.name == attribute.name);
        if present && !attribute.create {
            let name = attribute.name;
            return Err(Problem::bad_request(format!(
                "Attribute '{name}' not allowed in POST"
            )));
        }
        if !present && attribute.fallback == Fallback::Required {
            let name = attribute.name;
            return Err(Problem::bad_request(format!(
                "Failed to parse request. Required attribute '{name}' not specified"
            )));
        }
    }
    convert(&mut given)?;
    let own: Vec<_> = given
        .iter()
        .filter(|(attribute, value)| fallback(attribute).as_ref() != Some(value))
        .map(|(attribute, _)| *attribute)
        .collect();
    let mut row = fallbacks(resource);
    row.extend(
        given
            .into_iter()
            .map(|(row, value)| (row.name.to_owned(), value)),
    );
    Ok((row, own))
}

/// Puts the caller's project where none was given, and refuses another one than his.
fn own_project(
    resource: &Resource,
    given: &mut Vec<Given>,
    context: &Context,
) -> Result<(), Problem> {
    let Some(attribute) = resource.attribute("tenant_id") else {
        return Ok(());
    };
    match given.iter().find(|(other, _)| other.name == attribute.name) {
        Some((_, value)) if !context.is_admin && value != context.project.as_str() => {
            Err(Problem::bad_request(
                "Specifying 'project_id' other than the authenticated project in request requires admin privileges",
            ))
        }
        Some(_) => Ok(()),
        None if context.project.is_empty() => Err(Problem::bad_request(
            "Running without keystone AuthN requires that tenant_id is specified",
        )),
        None => {
            given.push((attribute, context.project.as_str().into()));
            Ok(())
        }
    }
}

/// What a PUT changes, in canonical values.
///
/// # Errors
/// 400 in Neutron's words.
pub(crate) fn update(resource: &Resource, object: &Attributes) -> Result<Vec<Given>, Problem> {
    let mut given = known(resource, object)?;
    if let Some((attribute, _)) = given.iter().find(|(attribute, _)| !attribute.update) {
        let name = attribute.name;
        return Err(Problem::bad_request(format!(
            "Cannot update read-only attribute {name}"
        )));
    }
    convert(&mut given)?;
    Ok(given)
}
