//! The listener: how many connections, how much of a head, how long, and how it ends.
//!
//! When all places are taken, a newcomer gets that of the connection which has asked for nothing yet
//! for longest: many connections that are opened and left alone keep nobody out. Knows nothing of what
//! is served.

use std::collections::BTreeMap;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::Router;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::Service;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::patience::Patience;

/// How long not to accept when there are no more file descriptors.
const PAUSE: Duration = Duration::from_millis(100);

/// The least buffer that hyper works with, in bytes.
const LEAST_BUFFER: usize = 8_192;

/// What one listener bears.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Connections at the same time; more of them wait until one is closed that asked for something.
    pub connections: usize,
    /// The request line and all headers, in bytes.
    pub head_bytes: usize,
    /// Headers of a request.
    pub headers: usize,
    /// How long a head may take to arrive, and a connection may do nothing.
    pub head_time: Duration,
    /// How long a peer may take nothing of an answer.
    pub write_time: Duration,
    /// How long requests may go on after the end was asked for.
    pub drain_time: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            connections: 1_024,
            head_bytes: 64 * 1024,
            headers: 100,
            head_time: Duration::from_secs(30),
            write_time: Duration::from_secs(30),
            drain_time: Duration::from_secs(10),
        }
    }
}

/// Serves `router` until `shutdown` resolves; then lets the requests that have begun end.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    limits: Limits,
    shutdown: impl Future<Output = ()>,
) {
    let mut shutdown = pin!(shutdown);
    let places = Arc::new(Semaphore::new(limits.connections));
    let strangers = Arc::new(Strangers::default());
    let complaints = Arc::new(Complaints::default());
    let graceful = GracefulShutdown::new();
    let mut connections = JoinSet::new();
    loop {
        let (stream, peer, place) = tokio::select! {
            accepted = accept(&listener, &places, &strangers) => accepted,
            () = &mut shutdown => break,
        };
        let (stranger, asked_to_leave) = strangers.admit();
        let connection = connection(stream, router.clone(), &limits, stranger);
        let connection = graceful.watch(connection);
        let complaints = complaints.clone();
        connections.spawn(async move {
            tokio::select! {
                ended = connection => if let Err(error) = ended
                    && let Some(unsaid) = complaints.say(Instant::now())
                {
                    tracing::info!(%peer, %error, unsaid, "a connection to the API ended badly");
                },
                Ok(()) = asked_to_leave => {
                    tracing::debug!("a connection that asked for nothing was closed for another");
                }
            }
            drop(place);
        });
        while connections.try_join_next().is_some() {}
    }
    drop(listener);
    if timeout(limits.drain_time, graceful.shutdown())
        .await
        .is_err()
    {
        tracing::warn!("requests were still going on; they are cut off");
    }
    connections.shutdown().await;
}

/// Waits for a peer, then for a place: a free one, or that of a stranger.
async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
    strangers: &Strangers,
) -> (TcpStream, SocketAddr, Option<OwnedSemaphorePermit>) {
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                // An answer is written at once; there is nothing to wait for.
                let _ = stream.set_nodelay(true);
                if places.available_permits() == 0 {
                    strangers.dismiss_oldest();
                }
                // It is never closed, so there always is a place at last.
                return (stream, peer, places.clone().acquire_owned().await.ok());
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                strangers.dismiss_oldest();
                sleep(PAUSE).await;
            }
        }
    }
}

/// Connections that ended badly, of which anybody can make as many as he likes: one a second is told, and how
/// many were not.
#[derive(Debug, Default)]
struct Complaints(Mutex<(Option<Instant>, u64)>);

impl Complaints {
    /// How many were left unsaid before the one at `now`, if that may be told.
    fn say(&self, now: Instant) -> Option<u64> {
        // Nothing panics while it holds the lock; the numbers are whole in any case.
        let mut said = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let rested = |last| now.saturating_duration_since(last) >= Duration::from_secs(1);
        if said.0.is_none_or(rested) {
            let unsaid = said.1;
            *said = (Some(now), 0);
            return Some(unsaid);
        }
        said.1 += 1;
        None
    }
}

/// Connections that have asked for nothing yet, in the order in which they came.
#[derive(Debug, Default)]
struct Strangers(Mutex<(u64, BTreeMap<u64, oneshot::Sender<()>>)>);

impl Strangers {
    /// Takes a connection in; what comes second resolves when it has to go.
    fn admit(self: &Arc<Self>) -> (Stranger, oneshot::Receiver<()>) {
        let (ask, asked) = oneshot::channel();
        let mut strangers = self.lock();
        strangers.0 += 1;
        let number = strangers.0;
        strangers.1.insert(number, ask);
        let strangers = self.clone();
        (Stranger { strangers, number }, asked)
    }

    fn dismiss_oldest(&self) {
        if let Some((_, ask)) = self.lock().1.pop_first() {
            // It may have ended by itself.
            let _ = ask.send(());
        }
    }

    fn lock(&self) -> MutexGuard<'_, (u64, BTreeMap<u64, oneshot::Sender<()>>)> {
        // Nothing panics while it holds the lock; the map is whole in any case.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection that has asked for nothing yet, until it does or ends.
#[derive(Debug)]
struct Stranger {
    strangers: Arc<Strangers>,
    number: u64,
}

impl Stranger {
    /// It is none any more.
    fn introduced(&self) {
        self.strangers.lock().1.remove(&self.number);
    }
}

impl Drop for Stranger {
    fn drop(&mut self) {
        self.introduced();
    }
}

/// What is served, to somebody who is a stranger until the first request.
struct Guest {
    stranger: Stranger,
    service: TowerToHyperService<Router>,
}

impl Service<Request<Incoming>> for Guest {
    type Response = <TowerToHyperService<Router> as Service<Request<Incoming>>>::Response;
    type Error = <TowerToHyperService<Router> as Service<Request<Incoming>>>::Error;
    type Future = <TowerToHyperService<Router> as Service<Request<Incoming>>>::Future;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        self.stranger.introduced();
        self.service.call(request)
    }
}

type Connection = http1::Connection<TokioIo<Patience<TcpStream>>, Guest>;

fn connection(
    stream: TcpStream,
    router: Router,
    limits: &Limits,
    stranger: Stranger,
) -> Connection {
    let io = TokioIo::new(Patience::new(stream, limits.write_time));
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head_time)
        .max_headers(limits.headers)
        .max_header_size(limits.head_bytes)
        .max_buf_size(limits.head_bytes.max(LEAST_BUFFER))
        .serve_connection(
            io,
            Guest {
                stranger,
                service: TowerToHyperService::new(router),
            },
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bad_ends_are_told_once_a_second_with_how_many_were_not() {
        let complaints = Complaints::default();
        let start = Instant::now();
        let at = |milliseconds| complaints.say(start + Duration::from_millis(milliseconds));
        assert_eq!(at(0), Some(0));
        assert_eq!((at(1), at(500), at(999)), (None, None, None));
        assert_eq!(at(1_000), Some(3));
        assert_eq!(at(5_000), Some(0));
    }
}
