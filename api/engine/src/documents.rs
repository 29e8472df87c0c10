//! The documents by which clients discover the API, as functions of the declarations.
//! Source: chapter 1 of the contract.

use serde_json::{Value, json};
use weft_schema::{EXTENSIONS, Extension, Fault, Problem, RESOURCES, extension};

/// `GET /`: the versions of the API. Source of the form: Neutron's own answer.
#[must_use]
pub fn versions(base_url: &str) -> Value {
    json!({"versions": [{
        "id": "v2.0",
        "status": "CURRENT",
        "links": [{"rel": "self", "href": format!("{base_url}/v2.0/")}],
    }]})
}

/// `GET /v2.0/`: the resources.
#[must_use]
pub fn resources(base_url: &str) -> Value {
    let row = |resource: &&weft_schema::Resource| {
        json!({
            "name": resource.name,
            "collection": resource.collection,
            "links": [{"rel": "self", "href": format!("{base_url}/v2.0/{}", resource.uri)}],
        })
    };
    json!({"resources": RESOURCES.iter().map(row).collect::<Vec<_>>()})
}

/// `GET /v2.0/extensions`: what is here beyond the core.
#[must_use]
pub fn extensions() -> Value {
    json!({"extensions": EXTENSIONS.iter().map(document).collect::<Vec<_>>()})
}

/// `GET /v2.0/extensions/{alias}`.
///
/// # Errors
/// No such extension is served.
pub fn extension(alias: &str) -> Result<Value, Problem> {
    match extension::of(alias) {
        Some(row) => Ok(json!({"extension": document(row)})),
        None => {
            let what = format!("Extension with alias {alias} does not exist");
            Err(Fault::HTTPNotFound { what: &what }.into())
        }
    }
}

fn document(extension: &Extension) -> Value {
    json!({
        "alias": extension.alias,
        "name": extension.name,
        "description": extension.description,
        "updated": extension.updated,
        "links": [],
    })
}
