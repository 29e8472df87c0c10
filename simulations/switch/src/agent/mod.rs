//! The OpenFlow side of a switch: its connections with controllers, OpenFlow 1.0 to 1.5 with Nicira's and the ONF's
//! extensions, without I/O.
//!
//! The caller says when a transport is there ([`Agent::connect`]), hands in what it read ([`Agent::receive`]), frames
//! ([`Agent::frame`]) and the time ([`Agent::advance`]), and takes out what is to be sent ([`Agent::next_output`]),
//! frames that controllers sent ([`Agent::next_frame`]), and connections that are to be ended ([`Agent::closed`]).
//! What flows, groups and meters do is the affair of an [`Executor`]. Where the standard leaves a choice it
//! does as Open vSwitch 3.1. Reading order: `requests` (which message is whose), `role`, `multipart`, `bundle`,
//! `unasked` (what is told without a request), `words` (what a version can say).

mod asynchronous;
mod bundle;
mod connection;
mod flows;
mod monitor;
mod multipart;
mod port;
mod refused;
mod requests;
mod role;
mod table;
mod tunnel_options;
mod unasked;
mod words;

pub use port::PortSpec;

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;
use rust_openflow::message::{Message, PortReason};
use rust_openflow::session::{CloseReason, Config, Event};
use rust_openflow::{DatapathId, PortNo};

use crate::execute::Output;
use crate::executor::Executor;
use crate::packet::Tunnel;
use crate::switch::Switch;
use connection::Connection;
use multipart::Dump;
use port::PortState;
use refused::Refused;
use table::Setups;
use tunnel_options::Options;

/// Bytes that may wait to be looked at; whoever goes on sending instead of reading is cut off.
const INPUT_LIMIT: usize = 16 << 20;
/// Frames that wait to be taken; more are dropped.
const FRAME_LIMIT: usize = 65_536;

/// Who the switch is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Its number.
    pub datapath: DatapathId,
    /// Who made it.
    pub manufacturer: String,
    /// The hardware.
    pub hardware: String,
    /// The software.
    pub software: String,
    /// The serial number.
    pub serial: String,
    /// What people call it.
    pub description: String,
    /// How many tables it says that it has.
    pub tables: u8,
}

impl Identity {
    /// A switch of this crate.
    #[must_use]
    pub fn new(datapath: DatapathId) -> Self {
        Self {
            datapath,
            manufacturer: "Weft".into(),
            hardware: "software switch".into(),
            software: env!("CARGO_PKG_VERSION").into(),
            serial: "None".into(),
            description: "None".into(),
            tables: 254,
        }
    }
}

/// A connection, by a number of the caller's choice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(pub u64);

/// A frame that leaves the switch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// By which port.
    pub port: PortNo,
    /// What a tunnel port writes into the outer headers.
    pub tunnel: Tunnel,
    /// The frame.
    pub bytes: Vec<u8>,
}

/// A switch with its connections.
#[derive(Debug)]
pub struct Agent<E: Executor = Switch> {
    identity: Identity,
    executor: E,
    connections: BTreeMap<ConnectionId, Connection>,
    /// Flows that are being told, by connection.
    dumps: BTreeMap<ConnectionId, Dump<E::Flow>>,
    ports: BTreeMap<PortNo, PortState>,
    /// The number of the latest mastership.
    generation: Option<u64>,
    /// `OFPC_FRAG_*`.
    fragments: u16,
    setups: Setups,
    options: Options,
    frames: VecDeque<Frame>,
    now: u64,
}

impl<E: Executor> Agent<E> {
    /// A switch without connections and ports.
    #[must_use]
    pub fn new(identity: Identity, executor: E) -> Self {
        Self {
            identity,
            executor,
            connections: BTreeMap::new(),
            dumps: BTreeMap::new(),
            ports: BTreeMap::new(),
            generation: None,
            fragments: 0,
            setups: Setups::new(),
            options: Options::new(),
            frames: VecDeque::new(),
            now: 0,
        }
    }

    /// What carries out what controllers ask for.
    pub fn executor(&self) -> &E {
        &self.executor
    }

    /// The same, to change behind the controllers' backs.
    pub fn executor_mut(&mut self) -> &mut E {
        &mut self.executor
    }

    /// Who the switch is.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    // Connections.

    /// A transport is there: a hello goes out. One of the same number is forgotten.
    pub fn connect(&mut self, id: ConnectionId, config: Config, now: u64) {
        self.now = self.now.max(now);
        self.disconnect(id);
        let connection = Connection::new(config, self.now);
        self.connections.insert(id, connection);
    }

    /// The transport is gone, and with it what the controller chose on it.
    pub fn disconnect(&mut self, id: ConnectionId) {
        self.connections.remove(&id);
        self.dumps.remove(&id);
        self.watch();
        self.want_misses();
    }

    /// Takes what was read on a connection.
    pub fn receive(&mut self, id: ConnectionId, bytes: &[u8], now: u64) {
        self.set_time(now);
        let Some(connection) = self.connections.get_mut(&id) else {
            return;
        };
        connection.push(bytes);
        self.process(id);
        if let Some(connection) = self.connections.get_mut(&id)
            && connection.waiting() > INPUT_LIMIT
        {
            connection.close(CloseReason::NotReading);
        }
    }

    /// Whether a connection's controller should read before more is received of it.
    #[must_use]
    pub fn is_congested(&self, id: ConnectionId) -> bool {
        self.connections
            .get(&id)
            .is_some_and(|connection| connection.telling || connection.session.is_congested())
    }

    /// The next bytes to send, and on which connection.
    pub fn next_output(&mut self) -> Option<(ConnectionId, Bytes)> {
        let ids: Vec<ConnectionId> = self.connections.keys().copied().collect();
        ids.into_iter()
            .find_map(|id| Some((id, self.next_output_of(id)?)))
    }

    /// The next bytes to send on a connection.
    pub fn next_output_of(&mut self, id: ConnectionId) -> Option<Bytes> {
        loop {
            let connection = self.connections.get_mut(&id)?;
            if let Some(bytes) = connection.session.next_output() {
                return Some(bytes);
            }
            if !self.go_on(id) && !self.resume_monitors(id) {
                return None;
            }
        }
    }

    /// A connection that is to be ended when all its output is sent, and why.
    pub fn closed(&mut self) -> Option<(ConnectionId, CloseReason)> {
        let mut connections = self.connections.iter_mut();
        connections.find_map(|(id, connection)| Some((*id, connection.take_closed()?)))
    }

    // Packets and ports.

    /// A frame comes in by a port; gives what goes out. What goes to controllers is in the output.
    pub fn frame(&mut self, in_port: PortNo, tunnel: Tunnel, frame: &[u8], now: u64) -> Vec<Frame> {
        self.set_time(now);
        let port = self.ports.get_mut(&in_port);
        if port.is_some_and(|port| !port.receives(frame)) {
            return Vec::new();
        }
        let outputs = self.executor.receive(in_port, tunnel, frame);
        let frames = self.deliver(outputs);
        self.tell_of_changes(None);
        frames
    }

    /// The next frame that leaves because a controller sent it.
    pub fn next_frame(&mut self) -> Option<Frame> {
        self.frames.pop_front()
    }

    /// Adds or changes a port; none removes it. Controllers are told.
    pub fn set_port(&mut self, number: PortNo, spec: Option<PortSpec>, now: u64) {
        self.set_time(now);
        let reason = match (self.ports.remove(&number), spec) {
            (None, None) => return,
            (Some(port), None) => {
                self.executor.set_port(number, None);
                return self.tell_of_port(&port, PortReason::DELETE);
            }
            (Some(mut port), Some(spec)) => {
                let reason = (port.spec != spec).then_some(PortReason::MODIFY);
                port.spec = spec;
                self.ports.insert(number, port);
                reason
            }
            (None, Some(spec)) => {
                self.ports
                    .insert(number, PortState::new(number, spec, self.now));
                Some(PortReason::ADD)
            }
        };
        self.port_changed(number, reason);
    }

    /// Tells the executor of a port, and the controllers when there is a reason.
    fn port_changed(&mut self, number: PortNo, reason: Option<PortReason>) {
        let Some(port) = self.ports.get(&number).cloned() else {
            return;
        };
        self.executor.set_port(number, Some(port.executed()));
        self.want_misses();
        if let Some(reason) = reason {
            self.tell_of_port(&port, reason);
        }
    }

    // Time.

    /// Lets time go by until `now`, in milliseconds.
    pub fn advance(&mut self, now: u64) {
        self.set_time(now);
        self.tell_of_changes(None);
        let ids: Vec<ConnectionId> = self.connections.keys().copied().collect();
        for id in ids {
            if let Some(connection) = self.connections.get_mut(&id) {
                connection.session.tick(self.now);
                connection.expire_bundles(self.now);
            }
            self.take_events(id);
        }
    }

    /// When [`Self::advance`] may have something to do.
    #[must_use]
    pub fn next_timeout(&self) -> Option<u64> {
        let connections = self.connections.values();
        let times = connections.flat_map(|connection| {
            [
                connection.session.next_timeout(),
                connection.bundles_expire(),
            ]
        });
        times.chain([self.executor.next_timeout()]).flatten().min()
    }

    fn set_time(&mut self, now: u64) {
        self.now = self.now.max(now);
        self.executor.advance(self.now);
    }

    // The common ground.

    fn connection(&mut self, id: ConnectionId) -> Result<&mut Connection, Refused> {
        let connection = self.connections.get_mut(&id);
        connection.ok_or(Refused::Error("OFPBRC_EPERM"))
    }

    /// Does what came on a connection, in order, as far as its turn has come.
    fn process(&mut self, id: ConnectionId) {
        loop {
            let now = self.now;
            let connection = self.connections.get_mut(&id);
            if !connection.is_some_and(|connection| connection.take_message(now)) {
                return;
            }
            self.take_events(id);
        }
    }

    fn take_events(&mut self, id: ConnectionId) {
        while let Some(connection) = self.connections.get_mut(&id)
            && let Some(event) = connection.session.next_event()
        {
            match event {
                Event::Message {
                    xid,
                    message,
                    bytes,
                } => {
                    if let Err(refused) = self.carry_out(id, xid, message, &bytes) {
                        self.refuse(id, xid, &refused, &bytes);
                    }
                    self.tell_of_changes(Some((id, xid)));
                }
                Event::Closed(reason) => connection.ended(reason),
                Event::Negotiated(_) => self.want_misses(),
                _ => {}
            }
        }
    }

    fn reply(&mut self, id: ConnectionId, xid: u32, message: &Message) {
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.reply(xid, message);
        }
    }

    fn refuse(&mut self, id: ConnectionId, xid: u32, refused: &Refused, bytes: &Bytes) {
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.refuse(xid, refused, bytes);
        }
    }

    /// Frames that go out by their ports, and packets to the controllers.
    fn deliver(&mut self, outputs: Vec<Output>) -> Vec<Frame> {
        let mut frames = Vec::new();
        for output in outputs {
            match output {
                Output::Port {
                    port,
                    tunnel,
                    frame,
                } => {
                    let state = self.ports.get_mut(&port);
                    if state.is_none_or(|state| state.sends(&frame)) {
                        frames.push(Frame {
                            port,
                            tunnel,
                            bytes: frame,
                        });
                    }
                }
                Output::Controller { id, packet } => self.tell_of_packet(id, &packet),
            }
        }
        frames
    }

    fn queue(&mut self, frames: Vec<Frame>) {
        let room = FRAME_LIMIT.saturating_sub(self.frames.len());
        self.frames.extend(frames.into_iter().take(room));
    }
}
