//! Our side of one connection: asks for the schema, monitors, transacts, and keeps the
//! connection alive; a state machine without socket or clock.
//!
//! The shell hands in the bytes it read and the time, in milliseconds of any epoch that only
//! goes forward, and after each such call takes [`Output`]s until there are none. A hypervisor connects to us, yet
//! we are the client of RFC 7047: it holds the database. What to do with the replica is
//! [`crate::bridge`]'s.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;
use serde_json::{Value, json};

use crate::error::{Error, quote};
use crate::frame::{Framer, MAX_MESSAGE};
use crate::mirror::{Change, MAX_CONTENT, Mirror, Notation};
use crate::rpc::{Message, is_unknown_method};
use crate::schema::Schema;
use crate::tables::DATABASE;
use crate::transaction::{Outcome, Transaction};

/// The name we give our monitor.
const MONITOR: &str = "weft";

/// The id of our echoes, whose answers need not be told apart.
const ECHO: &str = "echo";

/// Bounds of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// After this silence an echo is sent; after as much again the session ends. Milliseconds.
    pub probe_interval: u64,
    /// How long the peer may take for an answer. Milliseconds.
    pub request_timeout: u64,
    /// How many transactions may be without an answer.
    pub max_transactions: usize,
    /// The longest message the peer may send before its schema is known, in bytes: until then it is
    /// anybody. Open vSwitch's schema is some 18,000 bytes.
    pub max_schema: usize,
    /// The longest message the peer may send, in bytes.
    pub max_message: usize,
    /// How much may wait to be sent to the peer, in bytes.
    pub max_output: usize,
    /// How large the replica may become, in bytes of content.
    pub max_content: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            probe_interval: 5_000,
            request_timeout: 30_000,
            max_transactions: 64,
            max_schema: 256 << 10,
            max_message: MAX_MESSAGE,
            max_output: 2 * MAX_MESSAGE,
            max_content: MAX_CONTENT,
        }
    }
}

/// Names a transaction of a session; never used twice in one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TransactionId(u64);

/// What the session wants done, in order.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// Send these bytes to the peer.
    Send(Bytes),
    /// Take note of this.
    Event(Event),
}

/// What happened.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// The replica is complete. Happens once.
    Synchronized,
    /// These rows of the replica changed.
    Changed(Vec<Change>),
    /// A transaction was answered, or will never be. The replica has its effects already.
    TransactionDone {
        /// Which.
        id: TransactionId,
        /// What each of its operations did, or why nothing was done.
        result: Result<Vec<Outcome>, Error>,
    },
    /// The session ended; the last event. Send what stands before it, then disconnect.
    Closed {
        /// Why.
        reason: Error,
    },
}

/// The ways to monitor, best first, with the notation of their updates.
const MONITORS: [(&str, Notation); 3] = [
    ("monitor_cond_since", Notation::Difference),
    ("monitor_cond", Notation::Difference),
    ("monitor", Notation::Whole),
];

/// What an answer is awaited for.
#[derive(Debug)]
enum Request {
    Schema,
    /// An index of [`MONITORS`].
    Monitor(usize),
    Transaction(Transaction),
}

impl Request {
    fn method(&self) -> &'static str {
        match self {
            Self::Schema => "get_schema",
            Self::Monitor(index) => MONITORS[*index].0,
            Self::Transaction(_) => "transact",
        }
    }
}

/// One connection.
#[derive(Debug)]
pub struct Session {
    config: Config,
    framer: Framer,
    mirror: Option<Mirror>,
    /// How updates are written; known once the monitor stands.
    notation: Option<Notation>,
    /// By id, with the time each was sent.
    requests: BTreeMap<u64, (u64, Request)>,
    next_id: u64,
    outputs: VecDeque<Output>,
    /// Bytes that wait in `outputs`.
    queued: usize,
    last_heard: u64,
    /// When the echo was sent that the peer's silence asked for.
    probed: Option<u64>,
    closed: bool,
}

impl Session {
    /// A session on a new connection, at time `now`.
    pub fn new(config: Config, now: u64) -> Self {
        let mut session = Self {
            framer: Framer::new(config.max_schema),
            config,
            mirror: None,
            notation: None,
            requests: BTreeMap::new(),
            next_id: 0,
            outputs: VecDeque::new(),
            queued: 0,
            last_heard: now,
            probed: None,
            closed: false,
        };
        session.request(now, Request::Schema, vec![Value::from(DATABASE)]);
        session
    }

    /// The replica, once it is complete.
    pub fn mirror(&self) -> Option<&Mirror> {
        self.mirror.as_ref().filter(|_| self.notation.is_some())
    }

    /// How many bytes of what the peer said are kept: of a message that is not whole yet, of the replica,
    /// and of answers that were not taken.
    pub fn held(&self) -> usize {
        let mirror = self.mirror.as_ref().map_or(0, Mirror::weight);
        self.framer.buffered() + mirror + self.queued
    }

    /// Whether the session ended.
    pub fn is_closed(&self) -> bool {
        self.closed
    }

    /// The next thing to be done.
    pub fn poll(&mut self) -> Option<Output> {
        let output = self.outputs.pop_front();
        if let Some(Output::Send(bytes)) = &output {
            self.queued -= bytes.len();
        }
        output
    }

    /// Takes bytes that the peer sent.
    pub fn receive(&mut self, now: u64, bytes: &[u8]) {
        if self.closed {
            return;
        }
        let mut messages = Vec::new();
        let framed = self.framer.push(bytes, &mut messages);
        for message in messages {
            if self.closed {
                return;
            }
            // Whatever it says, it is alive; only whole messages count.
            self.last_heard = now;
            self.probed = None;
            if let Err(reason) =
                Message::parse(message).and_then(|message| self.message(now, message))
            {
                return self.close(reason);
            }
        }
        if let Err(reason) = framed {
            self.close(reason);
        }
    }

    /// Looks at the time: probes a silent peer, gives up on one that does not answer.
    pub fn tick(&mut self, now: u64) {
        if self.closed {
            return;
        }
        let (interval, timeout) = (self.config.probe_interval, self.config.request_timeout);
        let late = self
            .requests
            .values()
            .find(|(sent, _)| now.saturating_sub(*sent) >= timeout);
        if let Some((sent, request)) = late {
            let method = request.method().to_owned();
            return self.close(Error::Unanswered {
                method,
                milliseconds: now.saturating_sub(*sent),
            });
        }
        let silence = now.saturating_sub(self.last_heard);
        match self.probed {
            Some(sent) if now.saturating_sub(sent) >= interval => {
                self.close(Error::Silent {
                    milliseconds: silence,
                });
            }
            None if self.notation.is_some() && silence >= interval => {
                self.probed = Some(now);
                let (id, method) = (json!(ECHO), "echo".to_owned());
                self.send(&Message::Request {
                    id,
                    method,
                    params: vec![],
                });
            }
            _ => {}
        }
    }

    /// When [`Session::tick`] has something to do at the latest; none when the session ended.
    pub fn deadline(&self) -> Option<u64> {
        if self.closed {
            return None;
        }
        let answers = self
            .requests
            .values()
            .map(|(sent, _)| sent.saturating_add(self.config.request_timeout));
        // Before the replica is complete no echo is sent: answers are awaited anyway, and may
        // be long in coming.
        let probe = self.probed.or(self.notation.map(|_| self.last_heard));
        answers
            .chain(probe.map(|from| from.saturating_add(self.config.probe_interval)))
            .min()
    }

    /// Whether every transaction was answered, so that the replica has the effects of all.
    pub fn is_idle(&self) -> bool {
        self.requests.is_empty()
    }

    /// Sends a transaction; [`Event::TransactionDone`] follows in any case.
    ///
    /// # Errors
    /// [`Error::NotSynchronized`] before the replica is complete or after the end,
    /// [`Error::TooManyRequests`] when too many are without an answer.
    pub fn transact(&mut self, now: u64, transaction: Transaction) -> Result<TransactionId, Error> {
        if self.closed || self.notation.is_none() {
            return Err(Error::NotSynchronized);
        }
        // The other requests were answered before the replica was complete.
        if self.requests.len() >= self.config.max_transactions {
            return Err(Error::TooManyRequests {
                limit: self.config.max_transactions,
            });
        }
        let params = transaction.params();
        Ok(TransactionId(self.request(
            now,
            Request::Transaction(transaction),
            params,
        )))
    }

    fn message(&mut self, now: u64, message: Message) -> Result<(), Error> {
        match message {
            Message::Request { id, method, params } if method == "echo" => {
                self.send(&Message::Response {
                    id,
                    result: Ok(Value::Array(params)),
                });
                Ok(())
            }
            Message::Request { id, .. } => {
                self.send(&Message::unknown_method(id));
                Ok(())
            }
            Message::Notification { method, params } => self.notification(&method, &params),
            Message::Response { id, result } => self.response(now, &id, result),
        }
    }

    fn notification(&mut self, method: &str, params: &[Value]) -> Result<(), Error> {
        let (notation, updates) = match (method, params) {
            ("update", [_, updates]) => (Notation::Whole, updates),
            ("update2", [_, updates]) | ("update3", [_, _, updates]) => {
                (Notation::Difference, updates)
            }
            ("update" | "update2" | "update3", _) => {
                return Err(Error::shape(
                    format!("the parameters of {method}"),
                    &Value::from(params),
                ));
            }
            ("monitor_canceled", _) => return Err(Error::MonitorCancelled),
            // Others (locks, extensions to come) are nothing we asked for.
            _ => return Ok(()),
        };
        if params[0] != json!(MONITOR) || self.notation != Some(notation) {
            return Err(Error::shape(
                format!("{method} of a monitor that we asked for"),
                &params[0],
            ));
        }
        if let Some(mirror) = &mut self.mirror {
            let changes = mirror.apply(notation, updates)?;
            if !changes.is_empty() {
                self.event(Event::Changed(changes));
            }
        }
        Ok(())
    }

    fn response(
        &mut self,
        now: u64,
        id: &Value,
        result: Result<Value, Value>,
    ) -> Result<(), Error> {
        let Some((_, request)) = id.as_u64().and_then(|id| self.requests.remove(&id)) else {
            return Ok(());
        };
        let refused = |error: &Value| Error::Refused {
            method: request.method().to_owned(),
            error: quote(error),
        };
        match (&request, result) {
            (Request::Transaction(transaction), result) => {
                let result = match &result {
                    Ok(reply) => transaction.outcomes(reply),
                    Err(error) => Err(refused(error)),
                };
                self.event(Event::TransactionDone {
                    id: TransactionId(id.as_u64().unwrap_or_default()),
                    result,
                });
                Ok(())
            }
            (Request::Schema, Ok(schema)) => {
                self.mirror = Some(Mirror::new(
                    &Schema::parse(&schema)?,
                    self.config.max_content,
                ));
                self.framer.raise_limit(self.config.max_message);
                self.monitor(now, 0);
                Ok(())
            }
            (Request::Monitor(index), Ok(reply)) => self.synchronized(*index, &reply),
            (Request::Monitor(index), Err(error))
                if is_unknown_method(&error) && index + 1 < MONITORS.len() =>
            {
                self.monitor(now, index + 1);
                Ok(())
            }
            (Request::Schema | Request::Monitor(_), Err(error)) => Err(refused(&error)),
        }
    }

    fn monitor(&mut self, now: u64, index: usize) {
        let Some(mirror) = &self.mirror else { return };
        let mut params = vec![json!(DATABASE), json!(MONITOR), mirror.requests()];
        if index == 0 {
            // We hold nothing of an earlier connection, so every row is asked for.
            params.push(json!(uuid::Uuid::nil().to_string()));
        }
        self.request(now, Request::Monitor(index), params);
    }

    /// Takes the first full snapshot.
    fn synchronized(&mut self, index: usize, reply: &Value) -> Result<(), Error> {
        let snapshot = match (index, reply.as_array().map(Vec::as_slice)) {
            (0, Some([_found, _last, updates])) => updates,
            (0, _) => return Err(Error::shape("found, transaction id and updates", reply)),
            _ => reply,
        };
        let notation = MONITORS[index].1;
        if let Some(mirror) = &mut self.mirror {
            mirror.apply(notation, snapshot)?;
        }
        self.notation = Some(notation);
        self.event(Event::Synchronized);
        Ok(())
    }

    fn request(&mut self, now: u64, request: Request, params: Vec<Value>) -> u64 {
        let id = self.next_id;
        self.next_id += 1;
        let method = request.method().to_owned();
        self.requests.insert(id, (now, request));
        self.send(&Message::Request {
            id: json!(id),
            method,
            params,
        });
        id
    }

    fn send(&mut self, message: &Message) {
        let bytes = message.encode();
        self.queued += bytes.len();
        self.outputs.push_back(Output::Send(bytes));
        if self.queued > self.config.max_output {
            self.close(Error::OutputFull {
                limit: self.config.max_output,
            });
        }
    }

    fn event(&mut self, event: Event) {
        self.outputs.push_back(Output::Event(event));
    }

    /// Ends the session, as when the shell lost the connection. Transactions without an
    /// answer are told so.
    pub fn close(&mut self, reason: Error) {
        if self.closed {
            return;
        }
        self.closed = true;
        for (id, (_, request)) in std::mem::take(&mut self.requests) {
            if matches!(request, Request::Transaction(_)) {
                self.event(Event::TransactionDone {
                    id: TransactionId(id),
                    result: Err(Error::Lost),
                });
            }
        }
        self.event(Event::Closed { reason });
    }
}
