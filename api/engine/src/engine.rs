//! The entrance: from a request's method and path to the verb that answers it.

use serde_json::Value;
use weft_schema::{Fault, Problem, RESOURCES, State};

use crate::documents;
use crate::request::{Config, Context, Entropy, Outcome, Request, Response};
use crate::verbs::{self, Call};

/// The API engine.
#[derive(Debug, Clone, Default)]
pub struct Engine {
    config: Config,
}

impl Engine {
    /// An engine for an installation.
    #[must_use]
    pub const fn new(config: Config) -> Self {
        Self { config }
    }

    /// What the installation decided.
    #[must_use]
    pub const fn config(&self) -> &Config {
        &self.config
    }

    /// Answers a request on that state, or says what to write and what to answer then.
    ///
    /// # Errors
    /// What was wrong with the request, as the caller is to see it.
    pub fn handle(
        &self,
        request: &Request,
        context: &Context,
        state: &State,
        entropy: Entropy<'_>,
    ) -> Result<Outcome, Problem> {
        let path = request.path.trim_matches('/');
        let path = path.strip_suffix(".json").unwrap_or(path);
        let segments: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
        match *segments.as_slice() {
            [] => document(request, || Ok(documents::resources(&context.base_url))),
            ["extensions"] => document(request, || Ok(documents::extensions())),
            ["extensions", alias] => document(request, || documents::extension(alias)),
            [collection, ref id @ ..] if id.len() < 2 => {
                let resource = RESOURCES.iter().find(|resource| resource.uri == collection);
                let resource = resource.ok_or_else(no_such_path)?;
                let methods = if id.is_empty() { COLLECTION } else { MEMBER };
                let call = Call {
                    resource,
                    request,
                    context,
                    state,
                    config: &self.config,
                };
                match (request.method.as_str(), id) {
                    ("GET", []) => verbs::list(&call),
                    ("POST", []) => verbs::create(&call, entropy),
                    ("GET", [id]) => verbs::show(&call, id),
                    ("PUT", [id]) => verbs::update(&call, id, entropy),
                    ("DELETE", [id]) => verbs::delete(&call, id, entropy),
                    _ => Err(no_such_method(request, methods)),
                }
            }
            _ => Err(no_such_path()),
        }
    }
}

fn no_such_path() -> Problem {
    Fault::HTTPNotFound {
        what: &"The resource could not be found.",
    }
    .into()
}

/// The verbs that apply, as `Allow` names them (RFC 9110, 10.2.1).
const COLLECTION: &str = "GET, POST";
const MEMBER: &str = "GET, PUT, DELETE";
const DOCUMENT: &str = "GET";

fn no_such_method(request: &Request, allowed: &'static str) -> Problem {
    Problem::no_such_method(&request.method, allowed)
}

/// Answers `GET` with a document; other verbs do not apply.
fn document(
    request: &Request,
    document: impl FnOnce() -> Result<Value, Problem>,
) -> Result<Outcome, Problem> {
    if request.method != "GET" {
        return Err(no_such_method(request, DOCUMENT));
    }
    let body = Some(document()?.to_string().into_bytes());
    Ok(Outcome::Done(Response { status: 200, body }))
}
