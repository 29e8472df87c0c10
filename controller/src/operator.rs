//! The operators' side of HTTP, `/weft/v1`: what is there, where flows come from, what becomes of packets,
//! letting held switches go, and forgetting hypervisors. Answers are the plain data of [`weft_member::status`].

use std::sync::Arc;

use axum::extract::{FromRef, Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use serde_json::json;
use weft_api::Replica;
use weft_api::identity::Identity;
use weft_member::{Input, Member};
use weft_schema::CommitError;
use weft_simulations::trace::{Question, TraceError};
use weft_topology::ChassisId;

use crate::Error;
use crate::flows::Flows;
use crate::ports::Ports;
use crate::southbound::MemberHandle;
use crate::switches::{Forgotten, Released, Switches};
use crate::trace::{self, Asked};

/// Why a question has no answer.
enum Refusal {
    /// Only operators may ask.
    Forbidden,
    /// There is no such thing.
    NotFound(String),
    /// The question makes no sense.
    Bad(String),
    /// It cannot be done as things are.
    Conflict(String),
    /// The database does not take it.
    Database(String),
    /// The controller is ending.
    Ending,
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let (status, message) = match self {
            Self::Forbidden => (
                StatusCode::FORBIDDEN,
                "only an administrator may ask this".to_owned(),
            ),
            Self::NotFound(message) => (StatusCode::NOT_FOUND, message),
            Self::Bad(message) => (StatusCode::BAD_REQUEST, message),
            Self::Conflict(message) => (StatusCode::CONFLICT, message),
            Self::Database(message) => (StatusCode::SERVICE_UNAVAILABLE, message),
            Self::Ending => (
                StatusCode::SERVICE_UNAVAILABLE,
                "the controller is ending".to_owned(),
            ),
        };
        (status, Json(json!({ "message": message }))).into_response()
    }
}

type Answer = Result<Response, Refusal>;

/// What operators ask and change.
#[derive(Clone)]
struct Controller {
    member: MemberHandle,
    replica: Arc<Replica>,
}

impl FromRef<Controller> for MemberHandle {
    fn from_ref(controller: &Controller) -> Self {
        controller.member.clone()
    }
}

/// The routes.
pub fn router(member: MemberHandle, replica: Arc<Replica>) -> Router {
    Router::new()
        .route("/weft/v1/switches", get(switches))
        .route("/weft/v1/switches/{name}", delete(forget))
        .route("/weft/v1/switches/{name}/flows", get(flows))
        .route("/weft/v1/switches/{name}/release", post(release))
        .route("/weft/v1/ports", get(ports))
        .route("/weft/v1/topology", get(topology))
        .route("/weft/v1/flows/{cookie}", get(explain))
        .route("/weft/v1/trace", post(follow))
        .route("/weft/v1/why", post(why))
        .with_state(Controller { member, replica })
}

/// Looks at the member on behalf of an operator.
async fn look<T: Send + 'static>(
    member: &MemberHandle,
    headers: &HeaderMap,
    look: impl FnOnce(&Member) -> T + Send + 'static,
) -> Result<T, Refusal> {
    if !Identity::noauth(headers, "").is_admin {
        return Err(Refusal::Forbidden);
    }
    member.look(look).await.ok_or(Refusal::Ending)
}

async fn switches(State(member): State<MemberHandle>, headers: HeaderMap) -> Answer {
    let switches = look(&member, &headers, Member::switch_statuses).await?;
    Ok(Json(Switches { switches }).into_response())
}

async fn ports(State(member): State<MemberHandle>, headers: HeaderMap) -> Answer {
    let ports = look(&member, &headers, Member::port_statuses).await?;
    Ok(Json(Ports { ports }).into_response())
}

async fn topology(State(member): State<MemberHandle>, headers: HeaderMap) -> Answer {
    let topology = look(&member, &headers, Member::topology).await?;
    Ok(Json(topology).into_response())
}

async fn flows(
    State(member): State<MemberHandle>,
    headers: HeaderMap,
    Path(name): Path<String>,
) -> Answer {
    let chassis = find(&member, &headers, name).await?;
    let flows = look(&member, &headers, move |member| {
        member.flow_statuses(&chassis)
    })
    .await?;
    Ok(Json(Flows { flows }).into_response())
}

async fn release(
    State(member): State<MemberHandle>,
    headers: HeaderMap,
    Path(name): Path<String>,
) -> Answer {
    let chassis = find(&member, &headers, name).await?;
    let held = {
        let chassis = chassis.clone();
        look(&member, &headers, move |member| member.is_held(&chassis)).await?
    };
    if held {
        member.tell(Input::Release(chassis.clone())).await;
    }
    let released = Released {
        system_id: chassis.to_string(),
        released: held,
    };
    Ok(Json(released).into_response())
}

/// Forgets a hypervisor that has gone for good.
async fn forget(
    State(controller): State<Controller>,
    headers: HeaderMap,
    Path(name): Path<String>,
) -> Answer {
    let Controller { member, replica } = controller;
    let chassis = find(&member, &headers, name).await?;
    let user = Identity::noauth(&headers, "").user;
    let write = {
        let chassis = chassis.clone();
        look(&member, &headers, move |member| {
            member.forget(&chassis, user)
        })
        .await?
    };
    let write = write.map_err(|error| Refusal::Conflict(error.to_string()))?;
    let forgotten = Forgotten {
        system_id: chassis.to_string(),
        interfaces: write.rows.len() - 1,
    };
    match replica.submit(write).await {
        Ok(_) => Ok(Json(forgotten).into_response()),
        Err(CommitError::Changed { .. } | CommitError::Taken { .. }) => Err(Refusal::Conflict(
            format!("hypervisor {chassis} has just changed: is it connected?"),
        )),
        Err(error) => Err(Refusal::Database(error.to_string())),
    }
}

async fn explain(
    State(member): State<MemberHandle>,
    headers: HeaderMap,
    Path(cookie): Path<String>,
) -> Answer {
    let number = parse_cookie(&cookie).ok_or_else(|| {
        Refusal::Bad(format!(
            "'{cookie}' is not a cookie: up to 16 hex digits, with or without 0x"
        ))
    })?;
    look(&member, &headers, move |member| member.explain(number))
        .await?
        .map(|flow| Json(flow).into_response())
        .ok_or_else(|| {
            Refusal::NotFound(format!(
                "no flow of any program has the cookie {number:#018x}"
            ))
        })
}

async fn follow(
    State(controller): State<Controller>,
    headers: HeaderMap,
    Json(asked): Json<Asked>,
) -> Answer {
    let question = question(&controller.replica, &headers, &asked)?;
    let trace = trace::trace(controller.member, question).await?;
    Ok(Json(trace).into_response())
}

async fn why(
    State(controller): State<Controller>,
    headers: HeaderMap,
    Json(asked): Json<Asked>,
) -> Answer {
    let question = question(&controller.replica, &headers, &asked)?;
    let why = trace::why(controller.member, question).await?;
    Ok(Json(why).into_response())
}

/// What an operator asks, with the ports that are meant.
fn question(replica: &Replica, headers: &HeaderMap, asked: &Asked) -> Result<Question, Refusal> {
    if !Identity::noauth(headers, "").is_admin {
        return Err(Refusal::Forbidden);
    }
    let question = replica.read(|state| trace::question(state, asked));
    question.map_err(Refusal::NotFound)
}

impl From<TraceError> for Refusal {
    fn from(error: TraceError) -> Self {
        match error {
            TraceError::NoPort(_) => Self::NotFound(error.to_string()),
            TraceError::Nowhere(_) | TraceError::Unprogrammed(_) => {
                Self::Conflict(error.to_string())
            }
            TraceError::Packet(_) => Self::Bad(error.to_string()),
            TraceError::Ending => Self::Ending,
        }
    }
}

async fn find(
    member: &MemberHandle,
    headers: &HeaderMap,
    name: String,
) -> Result<ChassisId, Refusal> {
    let wanted = name.clone();
    let found = look(member, headers, move |member| member.find_chassis(&wanted)).await?;
    match &found[..] {
        [] => Err(Refusal::NotFound(Error::NoHypervisor(name).to_string())),
        [chassis] => Ok(chassis.clone()),
        several => Err(Refusal::Conflict(format!(
            "'{name}' is the name of {} hypervisors: say the system-id of the one that is meant",
            several.len()
        ))),
    }
}

/// A cookie as flows show it: hexadecimal.
fn parse_cookie(text: &str) -> Option<u64> {
    u64::from_str_radix(text.strip_prefix("0x").unwrap_or(text), 16).ok()
}
