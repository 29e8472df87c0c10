//! The other side: an OVSDB server in memory, for tests and simulated hypervisors.
//!
//! It speaks what [`crate::session`] asks for, over any number of connections: `get_schema`,
//! the three kinds of monitor, `transact`, `echo`. Monitor conditions, locks and waits that
//! would block are not known here. What a transaction does is in [`database`]; what
//! happens on a simulated hypervisor, in [`hypervisor`].

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use bytes::Bytes;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::error::Error;
use crate::frame::Framer;
use crate::mirror::Notation;
use crate::rpc::Message;
use crate::schema::{Schema, TableSchema};
use crate::transaction::{Outcome, Transaction};
use crate::value::Row;

pub mod database;
pub mod hypervisor;

pub use database::{Database, Edit};
pub use hypervisor::Plug;

/// Names a connection of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(u64);

/// A database and those connected to it.
#[derive(Debug)]
pub struct Server {
    database: Database,
    connections: BTreeMap<ConnectionId, Connection>,
    next_connection: u64,
    unknown: BTreeSet<String>,
    received: u64,
}

/// One client.
#[derive(Debug, Default)]
struct Connection {
    framer: Framer,
    monitors: Vec<Monitor>,
    output: VecDeque<Bytes>,
}

/// What a client wants to be told.
#[derive(Debug)]
struct Monitor {
    id: Value,
    /// The notification, which decides the notation.
    update: &'static str,
    columns: BTreeMap<Arc<str>, BTreeSet<Arc<str>>>,
}

impl Server {
    /// A server of an empty database; `seed` makes its row ids differ from another's.
    pub fn new(schema: Schema, seed: u64) -> Self {
        Self {
            database: Database::new(schema, seed),
            connections: BTreeMap::new(),
            next_connection: 0,
            unknown: BTreeSet::new(),
            received: 0,
        }
    }

    /// From now on answers this method as older servers do that do not know it.
    pub fn forget_method(&mut self, method: &str) {
        self.unknown.insert(method.to_owned());
    }

    /// The database.
    pub fn database(&self) -> &Database {
        &self.database
    }

    /// Takes a new client.
    pub fn connect(&mut self) -> ConnectionId {
        let id = ConnectionId(self.next_connection);
        self.next_connection += 1;
        self.connections.insert(id, Connection::default());
        id
    }

    /// Forgets a client.
    pub fn disconnect(&mut self, id: ConnectionId) {
        self.connections.remove(&id);
    }

    /// The next bytes for a client.
    pub fn poll(&mut self, id: ConnectionId) -> Option<Bytes> {
        self.connections.get_mut(&id)?.output.pop_front()
    }

    /// How many messages clients have sent.
    pub fn received(&self) -> u64 {
        self.received
    }

    /// Takes bytes from a client.
    ///
    /// # Errors
    /// Those of [`Framer::push`] and [`Message::parse`]; the client is then to be disconnected.
    pub fn receive(&mut self, id: ConnectionId, bytes: &[u8]) -> Result<(), Error> {
        let Some(connection) = self.connections.get_mut(&id) else {
            return Ok(());
        };
        let mut messages = Vec::new();
        let framed = connection.framer.push(bytes, &mut messages);
        for message in messages {
            self.received += 1;
            if let Message::Request {
                id: request,
                method,
                params,
            } = Message::parse(message)?
            {
                let result = self.answer(id, &method, &params);
                self.send(
                    id,
                    &Message::Response {
                        id: request,
                        result,
                    },
                );
            }
        }
        framed
    }

    /// Does a transaction as if it came from the switch itself, and tells the clients.
    ///
    /// # Errors
    /// Those of [`Transaction::outcomes`]; nothing is done then.
    pub fn transact(&mut self, transaction: &Transaction) -> Result<Vec<Outcome>, Error> {
        let results = self.execute(&transaction.params()[1..]);
        transaction.outcomes(&results)
    }

    fn execute(&mut self, operations: &[Value]) -> Value {
        let (results, edits) = self.database.transact(operations);
        let schema = self.database.schema();
        for connection in self.connections.values_mut() {
            for monitor in &connection.monitors {
                if let Some(message) = monitor.notification(schema, &edits) {
                    connection.output.push_back(message.encode());
                }
            }
        }
        Value::Array(results)
    }

    fn answer(&mut self, id: ConnectionId, method: &str, params: &[Value]) -> Result<Value, Value> {
        if self.unknown.contains(method) {
            return Err(json!(crate::rpc::UNKNOWN_METHOD));
        }
        match method {
            "echo" => return Ok(Value::from(params)),
            "list_dbs" => return Ok(json!([&*self.database.schema().name])),
            _ => {}
        }
        if params.first() != Some(&json!(&*self.database.schema().name)) {
            return Err(json!({"error": "unknown database", "details": method}));
        }
        match method {
            "get_schema" => Ok(self.database.schema().to_json()),
            "transact" => Ok(self.execute(&params[1..])),
            "monitor" => self.monitor(id, "update", params),
            "monitor_cond" => self.monitor(id, "update2", params),
            "monitor_cond_since" => {
                let snapshot = self.monitor(id, "update3", params)?;
                Ok(json!([false, Uuid::nil().to_string(), snapshot]))
            }
            _ => Err(json!(crate::rpc::UNKNOWN_METHOD)),
        }
    }

    fn monitor(
        &mut self,
        id: ConnectionId,
        update: &'static str,
        params: &[Value],
    ) -> Result<Value, Value> {
        let [_, name, requests, ..] = params else {
            return Err(
                json!({"error": "syntax error", "details": "monitor needs an id and requests"}),
            );
        };
        let schema = self.database.schema();
        let columns = monitored(schema, requests)
            .map_err(|details| json!({"error": "syntax error", "details": details.to_string()}))?;
        let monitor = Monitor {
            id: name.clone(),
            update,
            columns,
        };
        let everything: Vec<Edit> = self.database.everything().collect();
        let snapshot = monitor
            .updates(schema, &everything, true)
            .unwrap_or_else(|| json!({}));
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.monitors.push(monitor);
        }
        Ok(snapshot)
    }

    fn send(&mut self, id: ConnectionId, message: &Message) {
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.output.push_back(message.encode());
        }
    }
}

/// Reads `<monitor-requests>`: of each table which columns, all when none are named.
fn monitored(
    schema: &Schema,
    requests: &Value,
) -> Result<BTreeMap<Arc<str>, BTreeSet<Arc<str>>>, Error> {
    let tables = requests
        .as_object()
        .ok_or_else(|| Error::shape("monitor requests", requests))?;
    let mut monitored: BTreeMap<Arc<str>, BTreeSet<Arc<str>>> = BTreeMap::new();
    for (name, requests) in tables {
        let unknown = || Error::shape("a table of the schema", &json!(name));
        let (name, table) = schema
            .tables
            .get_key_value(name.as_str())
            .ok_or_else(unknown)?;
        let columns = monitored.entry(name.clone()).or_default();
        let requests = requests
            .as_array()
            .map_or(std::slice::from_ref(requests), Vec::as_slice);
        for request in requests {
            let Some(names) = request.get("columns") else {
                columns.extend(table.columns.keys().cloned());
                continue;
            };
            for name in names
                .as_array()
                .ok_or_else(|| Error::shape("columns", names))?
            {
                let known = name
                    .as_str()
                    .and_then(|name| table.columns.get_key_value(name));
                columns.insert(
                    known
                        .ok_or_else(|| Error::shape("a column of the table", name))?
                        .0
                        .clone(),
                );
            }
        }
    }
    Ok(monitored)
}

impl Monitor {
    fn notification(&self, schema: &Schema, edits: &[Edit]) -> Option<Message> {
        let updates = self.updates(schema, edits, false)?;
        let mut params = vec![self.id.clone()];
        if self.update == "update3" {
            params.push(json!(Uuid::nil().to_string()));
        }
        params.push(updates);
        Some(Message::Notification {
            method: self.update.to_owned(),
            params,
        })
    }

    /// What of `edits` concerns this monitor; none when nothing does.
    fn updates(&self, schema: &Schema, edits: &[Edit], initial: bool) -> Option<Value> {
        let notation = if self.update == "update" {
            Notation::Whole
        } else {
            Notation::Difference
        };
        let mut tables: Map<String, Value> = Map::new();
        for edit in edits {
            let Some(columns) = self.columns.get(&edit.table) else {
                continue;
            };
            let table = schema.tables.get(&edit.table)?;
            let part = |row: &Option<Row>| -> Option<Row> {
                let columns = columns
                    .iter()
                    .map(|name| (name.clone(), row.as_ref().map(|row| row.get(name).clone())));
                columns
                    .map(|(name, datum)| Some((name, datum?)))
                    .collect::<Option<Row>>()
                    .filter(|_| row.is_some())
            };
            let (before, after) = (part(&edit.before), part(&edit.after));
            if before == after {
                continue;
            }
            let update = match notation {
                Notation::Whole => whole(before, after),
                Notation::Difference => difference(table, before, after, initial),
            };
            let rows = tables
                .entry(edit.table.to_string())
                .or_insert_with(|| json!({}));
            rows[edit.row.to_string()] = update;
        }
        (!tables.is_empty()).then_some(Value::Object(tables))
    }
}

/// A `<row-update>` (RFC 7047, 4.1.6).
fn whole(before: Option<Row>, after: Option<Row>) -> Value {
    let mut update = json!({});
    if let Some(before) = before {
        let changed = |(name, datum): &(&Arc<str>, &_)| {
            after.as_ref().is_none_or(|after| after.get(name) != *datum)
        };
        let old: Row = before
            .iter()
            .filter(changed)
            .map(|(name, datum)| (name.clone(), datum.clone()))
            .collect();
        update["old"] = old.to_json();
    }
    if let Some(after) = after {
        update["new"] = after.to_json();
    }
    update
}

/// A `<row-update2>` (`ovsdb-server`(7)).
fn difference(
    table: &TableSchema,
    before: Option<Row>,
    after: Option<Row>,
    initial: bool,
) -> Value {
    match (before, after) {
        (None, Some(after)) => {
            let mentioned =
                |(name, datum): &(&Arc<str>, &_)| table.columns[*name].default() != **datum;
            let row: Row = after
                .iter()
                .filter(mentioned)
                .map(|(name, datum)| (name.clone(), datum.clone()))
                .collect();
            json!({if initial { "initial" } else { "insert" }: row.to_json()})
        }
        (Some(before), Some(after)) => {
            let changed = after
                .iter()
                .filter(|(name, datum)| before.get(name) != *datum);
            let row: Row = changed
                .map(|(name, datum)| {
                    let composite = table.columns[name].is_composite();
                    let datum = if composite {
                        before.get(name).difference(datum)
                    } else {
                        datum.clone()
                    };
                    (name.clone(), datum)
                })
                .collect();
            json!({"modify": row.to_json()})
        }
        (_, None) => json!({"delete": null}),
    }
}
