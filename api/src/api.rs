//! From an HTTP request to the engine and back: paths, bodies, headers, and the loop that writes.
//!
//! Clock and randomness enter here. What a request means is not known here.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{ALLOW, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HOST, IF_MATCH};
use axum::http::request::Parts;
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use bytes::Bytes;
use http_body_util::BodyExt;
use serde_json::Value;
use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore, SemaphorePermit};
use tokio::time::timeout;
use uuid::Uuid;
use weft_engine::{Context, Engine, Outcome, documents};
use weft_schema::{CommitError, Fault, Problem, StoreError, WriteSet};

use crate::identity::Identity;
use crate::replica::{Replica, now_us};

/// Under which the API stands.
const ROOT: &str = "/v2.0";

/// On an answer the id of the request; on a request an id that goes through several services.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-openstack-request-id");

/// How often a decision is made anew because others were faster.
const ATTEMPTS: usize = 20;

/// A body up to this size, in bytes, may be read at any time; larger ones wait for their turn.
const SMALL_BODY: usize = 16 * 1024;

/// How many values a body may have: each takes a hundred times as much memory as it may take bytes.
const MAX_VALUES: usize = 100_000;

/// An answer up to this size, in bytes, may be held at any time; larger ones wait for their turn.
const SMALL_ANSWER: usize = 256 * 1024;

/// How the API is served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// The project of callers who name none; empty when there is none.
    pub noauth_project: String,
    /// Scheme and authority for links in answers; what the client wrote as `Host` if none.
    pub public_url: Option<String>,
    /// The largest request body, in bytes.
    pub max_body: usize,
    /// How many requests with large bodies may be under way at the same time.
    pub large_bodies: usize,
    /// How many large answers may be on their way at the same time.
    pub large_answers: usize,
    /// How long a body may take to arrive, and how long an answer may wait for its place.
    pub body_time: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            noauth_project: String::new(),
            public_url: None,
            max_body: 16 * 1024 * 1024,
            large_bodies: 8,
            large_answers: 32,
            body_time: Duration::from_secs(30),
        }
    }
}

/// What operators ask: whatever else runs in this process answers it.
pub trait Operations: Send + Sync {
    /// Whether requests should be sent here, or why not.
    ///
    /// # Errors
    ///
    /// The reason, for people.
    fn ready(&self) -> Result<(), String>;

    /// The metrics in the text format of Prometheus.
    fn metrics(&self) -> String;
}

/// The API.
pub struct Api {
    engine: Engine,
    replica: Arc<Replica>,
    operations: Arc<dyn Operations>,
    options: Options,
    /// Places for large bodies.
    large_bodies: Semaphore,
    /// Places for large answers.
    large_answers: Arc<Semaphore>,
    /// Who has lost to others writes in turn.
    turn: Mutex<()>,
}

impl std::fmt::Debug for Api {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Api")
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

/// An answer of the engine, and its place when it is large.
type Answer = Result<(weft_engine::Response, Option<OwnedSemaphorePermit>), Problem>;

/// The bytes of an answer, which keep its place until the peer has taken them or is gone.
struct Placed {
    bytes: Vec<u8>,
    _place: Option<OwnedSemaphorePermit>,
}

impl AsRef<[u8]> for Placed {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// A body, and its place when it is large.
type Read<'a> = (Vec<u8>, Option<SemaphorePermit<'a>>);

impl Api {
    /// An API on a replica.
    #[must_use]
    pub fn new(
        engine: Engine,
        replica: Arc<Replica>,
        operations: Arc<dyn Operations>,
        options: Options,
    ) -> Self {
        Api {
            engine,
            replica,
            operations,
            large_bodies: Semaphore::new(options.large_bodies),
            large_answers: Arc::new(Semaphore::new(options.large_answers)),
            options,
            turn: Mutex::new(()),
        }
    }

    /// Everything that is served: the API, `/healthz` (`/healthcheck` for Neutron's clients),
    /// `/readyz` and `/metrics`.
    pub fn router(self) -> Router {
        Router::new()
            .route("/healthz", get("ok\n"))
            .route("/healthcheck", get("OK"))
            .route("/readyz", get(ready))
            .route("/metrics", get(metrics))
            .fallback(serve)
            .with_state(Arc::new(self))
    }

    async fn answer(&self, parts: &Parts, body: Body, id: &str) -> Answer {
        let path = percent_encoding::percent_decode_str(parts.uri.path());
        let path = path.decode_utf8().map_err(|_| not_found())?;
        // A large body's place is kept until the request is done with.
        let (body, _place) = self.read_body(&parts.headers, body).await?;
        let context = self.context(&parts.headers, id);
        if path == "/" {
            return versions(&parts.method, &context);
        }
        let path = path
            .strip_prefix(ROOT)
            .filter(|rest| rest.is_empty() || rest.starts_with(['/', '.']))
            .ok_or_else(not_found)?;
        let request = weft_engine::Request {
            method: parts.method.as_str().to_owned(),
            path: path.to_owned(),
            query: form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes())
                .into_owned()
                .collect(),
            body: json(body)?,
            if_match: if_match(&parts.headers),
        };
        self.carry_out(&request, &context).await
    }

    fn context(&self, headers: &HeaderMap, id: &str) -> Context {
        let identity = Identity::noauth(headers, &self.options.noauth_project);
        let public = self.options.public_url.clone();
        Context {
            user: identity.user,
            project: identity.project,
            is_admin: identity.is_admin,
            request_id: id.to_owned(),
            time_us: now_us(),
            base_url: public.unwrap_or_else(|| base_url(headers)),
        }
    }

    /// Reads the body, within the bounds of size, time, and memory for all of them.
    async fn read_body(&self, headers: &HeaderMap, body: Body) -> Result<Read<'_>, Problem> {
        let limit = self.options.max_body;
        let announced = headers
            .get(CONTENT_LENGTH)
            .and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
        if announced.is_some_and(|length| length > limit) {
            return Err(Fault::HTTPRequestEntityTooLarge { limit: &limit }.into());
        }
        let late = |_| Problem::from(Fault::HTTPRequestTimeout {});
        timeout(self.options.body_time, self.collect(body))
            .await
            .map_err(late)?
    }

    async fn collect(&self, mut body: Body) -> Result<Read<'_>, Problem> {
        let limit = self.options.max_body;
        let mut bytes = Vec::new();
        let mut place = None;
        while let Some(frame) = body.frame().await {
            let broken = |_| Problem::bad_request("The request body is broken");
            let Ok(data) = frame.map_err(broken)?.into_data() else {
                continue;
            };
            if bytes.len() + data.len() > limit {
                return Err(Fault::HTTPRequestEntityTooLarge { limit: &limit }.into());
            }
            if place.is_none() && bytes.len() + data.len() > SMALL_BODY {
                // Never closed.
                place = self.large_bodies.acquire().await.ok();
            }
            bytes.extend_from_slice(&data);
        }
        Ok((bytes, place))
    }

    /// Lets the engine decide on the newest state until the store takes what it decided.
    async fn carry_out(&self, request: &weft_engine::Request, context: &Context) -> Answer {
        let mut turn = None;
        let mut place = None;
        for _ in 0..ATTEMPTS {
            self.replica.current().await.map_err(unavailable)?;
            match self.decide(request, context)? {
                Outcome::Done(response) if place.is_none() && is_large(&response) => {
                    if let Ok(free) = self.large_answers.clone().try_acquire_owned() {
                        return Ok((response, Some(free)));
                    }
                    // Not held while it waits, but made anew.
                    drop(response);
                    place = Some(self.place_for_answer().await?);
                }
                Outcome::Done(response) => return Ok((response, place)),
                Outcome::Write { write, response } => match self.write(write).await? {
                    true => return Ok((response, None)),
                    // Those who come anew may go first once; those who wait here go one by one.
                    false if turn.is_none() => turn = Some(self.turn.lock().await),
                    false => {}
                },
            }
        }
        let reason = "Too many changes at the same time; try again.";
        Err(Fault::ServiceUnavailable { reason: &reason }.into())
    }

    async fn place_for_answer(&self) -> Result<OwnedSemaphorePermit, Problem> {
        let place = self.large_answers.clone().acquire_owned();
        match timeout(self.options.body_time, place).await {
            Ok(Ok(place)) => Ok(place),
            _ => {
                let reason = "Too many large answers are on their way; ask for a page with limit.";
                Err(Fault::ServiceUnavailable { reason: &reason }.into())
            }
        }
    }

    fn decide(
        &self,
        request: &weft_engine::Request,
        context: &Context,
    ) -> Result<Outcome, Problem> {
        let decide = || {
            self.replica.read(|state| {
                self.engine
                    .handle(request, context, state, &mut rand::random::<u64>)
            })
        };
        catch_unwind(AssertUnwindSafe(decide)).unwrap_or_else(|_| {
            tracing::error!(
                request = context.request_id,
                "the engine panicked; the request is refused"
            );
            Err(Fault::HTTPInternalServerError {}.into())
        })
    }

    /// Whether the store took it; not, when something that it rests on has changed.
    async fn write(&self, write: WriteSet) -> Result<bool, Problem> {
        match self.replica.submit(write).await {
            Ok(_) => Ok(true),
            Err(CommitError::Changed { .. } | CommitError::Taken { .. }) => Ok(false),
            Err(CommitError::Database { message, unknown }) => {
                tracing::error!(message, unknown, "cannot write");
                let reason = match unknown {
                    true => "The database did not say whether the change was made.",
                    false => "The database cannot be written.",
                };
                Err(Fault::ServiceUnavailable { reason: &reason }.into())
            }
        }
    }
}

fn unavailable(error: StoreError) -> Problem {
    tracing::error!(%error, "cannot read");
    let reason = "The database does not answer.";
    Fault::ServiceUnavailable { reason: &reason }.into()
}

fn not_found() -> Problem {
    let what = "The resource could not be found.";
    Fault::HTTPNotFound { what: &what }.into()
}

fn versions(method: &Method, context: &Context) -> Answer {
    if method != Method::GET {
        return Err(Problem::no_such_method(method, "GET"));
    }
    let body = documents::versions(&context.base_url).to_string();
    let response = weft_engine::Response {
        status: 200,
        body: Some(body.into_bytes()),
    };
    Ok((response, None))
}

/// A body as JSON; null when it is none, which the engine words.
fn json(body: Vec<u8>) -> Result<Option<Value>, Problem> {
    // Every value but the first of its list or object has a comma before it. What stands in texts
    // counts too, which harms nobody.
    let begins_value = |byte: &&u8| matches!(byte, b',' | b'[' | b'{');
    if body.iter().filter(begins_value).count() > MAX_VALUES {
        return Err(Problem::bad_request(format!(
            "The request body has more than {MAX_VALUES} values"
        )));
    }
    Ok((!body.is_empty()).then(|| serde_json::from_slice(&body).unwrap_or(Value::Null)))
}

fn is_large(response: &weft_engine::Response) -> bool {
    let length = response.body.as_ref().map_or(0, Vec::len);
    length > SMALL_ANSWER
}

/// All `If-Match` headers as one.
fn if_match(headers: &HeaderMap) -> Option<String> {
    let values: Vec<_> = headers
        .get_all(IF_MATCH)
        .iter()
        .map(|value| String::from_utf8_lossy(value.as_bytes()))
        .collect();
    (!values.is_empty()).then(|| values.join(", "))
}

/// Where the client found us. Links are relative when it did not say so in a readable way.
fn base_url(headers: &HeaderMap) -> String {
    headers
        .get(HOST)
        .and_then(|host| Authority::try_from(host.as_bytes()).ok())
        .map_or(String::new(), |host| format!("http://{host}"))
}

/// `req-` and a UUID.
fn is_request_id(text: &str) -> bool {
    text.strip_prefix("req-")
        .is_some_and(|id| Uuid::try_parse(id).is_ok())
}

async fn serve(State(api): State<Arc<Api>>, request: Request) -> Response {
    let start = Instant::now();
    let id = format!("req-{}", Uuid::new_v4());
    let (parts, body) = request.into_parts();
    let answer = api.answer(&parts, body, &id).await;
    let response = respond(answer, &id);
    let global = parts
        .headers
        .get(REQUEST_ID)
        .and_then(|id| id.to_str().ok());
    tracing::debug!(
        request = id,
        global_request = global.filter(|id| is_request_id(id)),
        method = %parts.method,
        path = parts.uri.path(),
        status = response.status().as_u16(),
        micros = start.elapsed().as_micros() as u64,
        "served"
    );
    response
}

fn respond(answer: Answer, id: &str) -> Response {
    let (status, body, place, allowed) = match answer {
        Ok((response, place)) => (response.status, response.body, place, None),
        Err(problem) => (
            problem.status(),
            Some(problem.body()),
            None,
            problem.allowed,
        ),
    };
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = status.into_response();
    let headers = response.headers_mut();
    if let Ok(id) = HeaderValue::try_from(id) {
        headers.insert(REQUEST_ID, id);
    }
    if let Some(allowed) = allowed {
        headers.insert(ALLOW, HeaderValue::from_static(allowed));
    }
    if [StatusCode::REQUEST_TIMEOUT, StatusCode::PAYLOAD_TOO_LARGE].contains(&status) {
        // The rest of the body is still on its way, and nobody reads it.
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
    }
    if let Some(body) = body {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let placed = Placed {
            bytes: body,
            _place: place,
        };
        *response.body_mut() = Body::from(Bytes::from_owner(placed));
    }
    response
}

async fn ready(State(api): State<Arc<Api>>) -> Response {
    let current = api
        .replica
        .current()
        .await
        .map_err(|error| error.to_string());
    match current.and_then(|()| api.operations.ready()) {
        Ok(()) => "ready\n".into_response(),
        Err(reason) => (StatusCode::SERVICE_UNAVAILABLE, format!("{reason}\n")).into_response(),
    }
}

async fn metrics(State(api): State<Arc<Api>>) -> Response {
    let kind = [(CONTENT_TYPE, "text/plain; version=0.0.4")];
    (kind, api.operations.metrics()).into_response()
}
