//! Calls of the Networking API, many at the same time, over connections that are kept.
//!
//! What is called is not known here.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{CONTENT_TYPE, HOST};
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::task::JoinSet;

use crate::Error;
use crate::client::{self, Client};

/// How many calls are under way at most.
pub(super) const CLIENTS: usize = 32;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// A call.
#[derive(Debug, Clone)]
pub(super) struct Call {
    pub(super) method: Method,
    pub(super) path: String,
    /// None is said by null.
    pub(super) body: Value,
}

impl Call {
    pub(super) fn post(path: impl Into<String>, body: Value) -> Self {
        Self {
            method: Method::POST,
            path: path.into(),
            body,
        }
    }

    pub(super) fn delete(path: String) -> Self {
        Self {
            method: Method::DELETE,
            path,
            body: Value::Null,
        }
    }
}

/// A connection to the API that is kept, and opened again when it has ended.
pub(super) struct Kept {
    client: Client,
    sender: Option<SendRequest<Full<bytes::Bytes>>>,
}

impl Kept {
    pub(super) fn new(client: &Client) -> Self {
        Self {
            client: client.clone(),
            sender: None,
        }
    }

    /// Calls; a refusal is an error.
    pub(super) async fn call(&mut self, call: &Call) -> Result<Value, Error> {
        let answer = tokio::time::timeout(PATIENCE, self.exchange(call)).await;
        let answer = answer.unwrap_or_else(|_| {
            let seconds = PATIENCE.as_secs();
            Err(self
                .client
                .wrong(&call.path, format!("no answer in {seconds} s")))
        });
        if matches!(answer, Err(Error::Answer { .. })) {
            self.sender = None;
        }
        answer
    }

    async fn exchange(&mut self, call: &Call) -> Result<Value, Error> {
        let wrong = |error: &dyn std::fmt::Display| self.client.wrong(&call.path, error);
        let mut open = self.sender.take();
        if let Some(sender) = &mut open
            && sender.ready().await.is_err()
        {
            open = None;
        }
        let mut sender = match open {
            Some(sender) => sender,
            None => {
                let stream = TokioIo::new(self.client.connect().await?);
                let (sender, connection) = http1::handshake(stream)
                    .await
                    .map_err(|error| wrong(&error))?;
                // Its errors are those of the calls.
                tokio::spawn(async { _ = connection.await });
                sender
            }
        };
        let body = match &call.body {
            Value::Null => String::new(),
            body => body.to_string(),
        };
        let request = Request::builder()
            .method(call.method.clone())
            .uri(self.client.uri(&call.path))
            .header(HOST, self.client.url().authority())
            .header(CONTENT_TYPE, "application/json")
            .body(Full::from(body))
            .map_err(|error| wrong(&error))?;
        let response = sender
            .send_request(request)
            .await
            .map_err(|error| wrong(&error))?;
        let status = response.status();
        let body = response
            .into_body()
            .collect()
            .await
            .map_err(|error| wrong(&error))?;
        let body = body.to_bytes();
        let answer = match status.is_success() {
            false => Err(Error::Refused {
                url: self.client.address(&call.path),
                status: status.as_u16(),
                message: client::message(status, &body),
            }),
            true if body.is_empty() => Ok(Value::Null),
            true => serde_json::from_slice(&body).map_err(|error| wrong(&error)),
        };
        self.sender = Some(sender);
        answer
    }
}

/// Makes calls, as many at the same time as may be, and counts those that are done. The answers come in the order of the calls.
pub(super) async fn all(
    client: &Client,
    calls: Vec<Call>,
    done: &Arc<AtomicUsize>,
) -> Vec<Result<Value, Error>> {
    let queue = Arc::new(Mutex::new(calls.into_iter().enumerate()));
    let mut tasks = JoinSet::new();
    for _ in 0..CLIENTS {
        let (queue, done, mut kept) = (queue.clone(), done.clone(), Kept::new(client));
        tasks.spawn(async move {
            let mut answers = Vec::new();
            let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).next();
            while let Some((at, call)) = next() {
                answers.push((at, kept.call(&call).await));
                done.fetch_add(1, Ordering::Relaxed);
            }
            answers
        });
    }
    let mut answers: Vec<_> = tasks.join_all().await.into_iter().flatten().collect();
    answers.sort_by_key(|(at, _)| *at);
    answers.into_iter().map(|(_, answer)| answer).collect()
}
