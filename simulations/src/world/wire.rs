//! The bytes of a world: connections are made, carry, stall and break.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use bytes::Bytes;
use rust_openflow::message::{self, Role, RoleMessage};
use rust_openflow::session;
use weft_compiler::Secret;
use weft_member::Input;
use weft_member::hypervisor_link::{self, HypervisorLink};
use weft_member::switch_link::{self, SwitchLink};
use weft_schema::State;

use super::connection::{Connection, ConnectionId, Far, Heard, Link, Protocol, Side};
use super::hypervisor::{BRIDGE, Dialer, HypervisorId};
use super::outside::Opened;
use super::stream::{Segment, Stream};
use super::{Event, SECOND, World};

/// Bytes that are written at once.
const WRITE: usize = 64 << 10;

/// How long clients wait at least before they try again (`RECONNECT_DEFAULT_MIN_BACKOFF` of Open vSwitch).
const BACKOFF: u64 = SECOND;

/// How many times as long an OVSDB server waits at most (`RECONNECT_DEFAULT_MAX_BACKOFF`). Weft has switches
/// wait no longer than the least.
const MAX_BACKOFF: u64 = 8;

/// After this silence a hypervisor's OVSDB server takes the connection for dead: it asks after five seconds, and waits
/// as long for the answer (`RECONNECT_DEFAULT_PROBE_INTERVAL`).
const SILENCE: u64 = 10 * SECOND;

impl World {
    /// How the database names the controller.
    pub(super) fn controller_target(&self) -> String {
        let (address, port) = (self.settings.controller, self.settings.openflow_port);
        format!("tcp:{address}:{port}")
    }

    pub(super) fn hypervisor_ids(&self) -> impl Iterator<Item = HypervisorId> + use<> {
        (0..self.hypervisors.len()).map(HypervisorId)
    }

    // --- Beginning. ---

    /// A hypervisor tries to connect within that time.
    pub(super) fn dial_soon(&mut self, id: HypervisorId, protocol: Protocol, within: u64) {
        if !self.hypervisors[id.0].wants(protocol) {
            self.set_dialer(id, protocol, Dialer::Idle);
            return;
        }
        let number = self.next_dial;
        self.next_dial += 1;
        self.set_dialer(id, protocol, Dialer::Soon(number));
        let at = self.now + within;
        self.queue.push(at, Event::Dial(id, protocol, number));
    }

    /// Who tried in vain tries again: his next try falls at any time within his pauses.
    pub(super) fn dial_again(&mut self, id: HypervisorId, protocol: Protocol) {
        if self.hypervisors[id.0].dialer(protocol) == Dialer::InVain {
            let pause = self.backoff(id, protocol);
            let within = self.random.below(pause);
            self.dial_soon(id, protocol, within);
        }
    }

    /// How long a hypervisor pauses between two tries.
    fn backoff(&self, id: HypervisorId, protocol: Protocol) -> u64 {
        let doubled = match protocol {
            Protocol::Ovsdb => 1 << self.hypervisors[id.0].tries.min(8),
            Protocol::OpenFlow => 1,
        };
        BACKOFF * MAX_BACKOFF.min(doubled)
    }

    pub(super) fn set_dialer(&mut self, id: HypervisorId, protocol: Protocol, dialer: Dialer) {
        self.hypervisors[id.0].dialers.insert(protocol, dialer);
    }

    pub(super) fn dial(&mut self, id: HypervisorId, protocol: Protocol, number: u64) {
        let hypervisor = &self.hypervisors[id.0];
        if hypervisor.dialer(protocol) != Dialer::Soon(number) {
            return;
        }
        if !hypervisor.wants(protocol) {
            return self.set_dialer(id, protocol, Dialer::Idle);
        }
        let is_there = self.process.is_some() || self.outside.is_some();
        if !is_there || !hypervisor.reaches_controller(protocol) {
            let hypervisor = &mut self.hypervisors[id.0];
            hypervisor.tries = hypervisor.tries.saturating_add(1);
            return self.set_dialer(id, protocol, Dialer::InVain);
        }
        self.connect(id, protocol);
    }

    fn connect(&mut self, id: HypervisorId, protocol: Protocol) {
        let connection = self.next_connection;
        self.next_connection += 1;
        let rate = self.hypervisors[id.0].rates.get(&protocol).copied();
        let link = match &mut self.outside {
            None => self.link(id, protocol),
            Some(outside) => {
                let mut controllers = self.hypervisors[id.0].controllers();
                outside.open(Opened {
                    id: connection,
                    protocol,
                    hypervisor: id,
                    controller: controllers.find_map(address_of),
                });
                Link::Outside(Heard::default())
            }
        };
        let far = self.far(id, protocol, connection);
        self.connections.insert(
            connection,
            Connection {
                hypervisor: id,
                protocol,
                link: Some(link),
                known: false,
                far: Some(far),
                to_controller: Stream::default(),
                to_hypervisor: Stream::of_rate(rate),
                heard: self.now,
                timer: None,
            },
        );
        self.set_dialer(id, protocol, Dialer::Connected(connection));
        self.stirred.insert(id);
        if protocol == Protocol::Ovsdb {
            self.queue
                .push(self.now + SILENCE, Event::Probe(connection));
        }
        self.touched.insert(connection);
        let name = &self.hypervisors[id.0].name;
        let line = format_args!("{name}: opens {} connection {connection}", protocol.name());
        self.history.note(self.now, line);
    }

    /// The controller's end of a new connection.
    fn link(&self, id: HypervisorId, protocol: Protocol) -> Link {
        let (now, generation) = (self.now / 1_000, 1);
        match protocol {
            Protocol::Ovsdb => {
                let settings = hypervisor_link::Settings {
                    bridge: BRIDGE.to_owned(),
                    generation,
                    openflow_port: self.settings.openflow_port,
                    advertise: None,
                };
                let (peer, local) = (self.hypervisors[id.0].address, self.settings.controller);
                Link::Ovsdb(Box::new(HypervisorLink::new(settings, peer, local, now)))
            }
            Protocol::OpenFlow => {
                let secret = self.database.store.read(|state: &State| *state.secret());
                let role = RoleMessage::new(Role::MASTER, generation);
                let config = session::Config::default();
                Link::OpenFlow(Box::new(SwitchLink::new(
                    role,
                    config,
                    Secret::new(secret),
                    now,
                )))
            }
        }
    }

    /// The hypervisor's end of a new connection.
    fn far(&mut self, id: HypervisorId, protocol: Protocol, connection: ConnectionId) -> Far {
        let hypervisor = &mut self.hypervisors[id.0];
        match protocol {
            Protocol::Ovsdb => Far::Ovsdb(hypervisor.ovsdb.connect()),
            Protocol::OpenFlow => {
                if let Some(machine) = &mut hypervisor.machine {
                    machine.connect(connection, switch_config(), self.now / 1_000);
                }
                Far::OpenFlow
            }
        }
    }

    // --- Carrying. ---

    /// Lets everybody who was touched say what he has to say.
    pub(super) fn pump(&mut self) {
        loop {
            while let Some(id) = self.stirred.pop_first() {
                self.pump_switch(id);
            }
            let Some(id) = self.touched.pop_first() else {
                if self.stirred.is_empty() {
                    return;
                }
                continue;
            };
            while self.link_event(id) {}
            let congested = self.is_congested(id);
            for side in Side::ALL {
                self.send_from(id, side);
            }
            if congested && !self.is_congested(id) {
                self.queue
                    .push(self.now, Event::Bytes(id, Side::Hypervisor));
            }
            self.set_link_timer(id);
        }
    }

    /// Sends what an end of a connection has to say, as far as there is room.
    fn send_from(&mut self, id: ConnectionId, side: Side) {
        while let Some(connection) = self.connections.get_mut(&id)
            && connection.is_open(side)
            && connection.toward(side.other()).has_room()
        {
            let pieces = self.outputs(id, side);
            if pieces.is_empty() {
                return;
            }
            self.send(id, side, Segment::Bytes(pieces));
        }
    }

    /// Sends all that a hypervisor's end has to say, as last words.
    pub(super) fn send_all(&mut self, id: ConnectionId) {
        while let pieces = self.outputs(id, Side::Hypervisor)
            && !pieces.is_empty()
        {
            self.send(id, Side::Hypervisor, Segment::Bytes(pieces));
        }
    }

    /// What an end has to say, as much as is written at once.
    fn outputs(&mut self, id: ConnectionId, side: Side) -> Vec<Bytes> {
        let (mut pieces, mut length) = (Vec::new(), 0);
        while length < WRITE
            && let Some(piece) = self.next_output(id, side)
        {
            length += piece.len();
            self.count_message(id, side, &piece);
            pieces.push(piece);
        }
        pieces
    }

    /// Counts a message; machines give out one at a time.
    fn count_message(&mut self, id: ConnectionId, side: Side, message: &Bytes) {
        let Some(connection) = self.connections.get(&id) else {
            return;
        };
        let hypervisor = &mut self.hypervisors[connection.hypervisor.0];
        let traffic = hypervisor.traffic.entry(connection.protocol).or_default();
        match side {
            // The server counts what comes from elsewhere: it is not cut into messages.
            Side::Controller
                if connection.protocol == Protocol::Ovsdb && self.outside.is_some() => {}
            Side::Controller => {
                traffic.messages_to_hypervisor += 1;
                let is_flow_mod = connection.protocol == Protocol::OpenFlow && is_flow_mod(message);
                hypervisor.flow_mods += u64::from(is_flow_mod);
            }
            Side::Hypervisor => traffic.messages_to_controller += 1,
        }
        if let Some(outside) = &mut self.outside
            && connection.protocol == Protocol::OpenFlow
        {
            outside.witness(id, connection.hypervisor, side, message);
        }
    }

    fn next_output(&mut self, id: ConnectionId, side: Side) -> Option<Bytes> {
        let connection = self.connections.get_mut(&id)?;
        let hypervisor = &mut self.hypervisors[connection.hypervisor.0];
        match side {
            Side::Controller => connection.link.as_mut()?.next_output(),
            Side::Hypervisor => match connection.far? {
                Far::Ovsdb(far) => hypervisor.ovsdb.poll(far),
                Far::OpenFlow => hypervisor.machine.as_mut()?.next_output(id),
            },
        }
    }

    /// Puts a segment of a side onto its way, whole or in pieces.
    fn send(&mut self, id: ConnectionId, side: Side, segment: Segment) {
        let segments = match segment {
            Segment::Bytes(pieces) if self.settings.in_pieces => self.cut(&pieces),
            segment => vec![segment],
        };
        for segment in segments {
            let delay = self.random.within(&self.settings.delays.control);
            let Some(connection) = self.connections.get_mut(&id) else {
                return;
            };
            let at = connection
                .toward(side.other())
                .send(self.now, delay, segment);
            self.queue.push(at, Event::Bytes(id, side.other()));
        }
    }

    /// Cuts bytes somewhere, up to a few times.
    fn cut(&mut self, pieces: &[Bytes]) -> Vec<Segment> {
        const CUTS: u64 = 4;
        let whole = Bytes::from(pieces.concat());
        let mut places: BTreeSet<usize> = [whole.len()].into();
        for _ in 0..self.random.below(CUTS) {
            places.insert(self.random.index(whole.len()));
        }
        let mut from = 0;
        let mut segments = Vec::new();
        for to in places.into_iter().filter(|to| *to > 0) {
            segments.push(Segment::Bytes(vec![whole.slice(from..to)]));
            from = to;
        }
        segments
    }

    /// Whether bytes get through to a side.
    fn carries(&self, id: ConnectionId, side: Side) -> bool {
        self.connections.get(&id).is_some_and(|connection| {
            let hypervisor = &self.hypervisors[connection.hypervisor.0];
            let through = hypervisor.reaches_controller(connection.protocol);
            through && (side == Side::Controller || !self.is_congested(id))
        })
    }

    /// Whether a switch reads nothing more until its answers were taken.
    fn is_congested(&self, id: ConnectionId) -> bool {
        self.connections.get(&id).is_some_and(|connection| {
            let machine = self.hypervisors[connection.hypervisor.0].machine.as_ref();
            connection.far == Some(Far::OpenFlow)
                && machine.is_some_and(|machine| machine.is_congested(id))
        })
    }

    /// Hands to a side what has arrived for it.
    pub(super) fn deliver(&mut self, id: ConnectionId, side: Side) {
        while self.carries(id, side)
            && let Some(connection) = self.connections.get_mut(&id)
            && let Some(segment) = connection.toward(side).receive(self.now)
        {
            // There is room now for who sends.
            self.touched.insert(id);
            if !connection.is_open(side) {
                // Nobody is there any more, which the other side learns in this way.
                if connection.is_open(side.other()) && segment != Segment::End {
                    self.send(id, side, Segment::End);
                }
                continue;
            }
            match (segment, side) {
                (Segment::Bytes(pieces), _) => self.receive(id, side, &pieces),
                (Segment::End, Side::Controller) => self.end_link(id, ENDED),
                (Segment::End, Side::Hypervisor) => self.close_far(id, ENDED),
            }
        }
        self.forget_if_over(id);
    }

    /// What came to a stalled connection and waits comes now.
    pub(super) fn deliver_late(&mut self, id: ConnectionId) {
        for side in Side::ALL {
            self.queue.push(self.now, Event::Bytes(id, side));
        }
    }

    fn receive(&mut self, id: ConnectionId, side: Side, pieces: &[Bytes]) {
        let now = self.now / 1_000;
        for piece in pieces {
            let Some(connection) = self.connections.get_mut(&id) else {
                return;
            };
            let (at, protocol) = (connection.hypervisor, connection.protocol);
            let hypervisor = &mut self.hypervisors[at.0];
            let (name, traffic) = (
                &hypervisor.name,
                hypervisor.traffic.entry(protocol).or_default(),
            );
            let (count, whom) = match side {
                Side::Controller => (&mut traffic.to_controller, "controller"),
                Side::Hypervisor => (&mut traffic.to_hypervisor, name.as_str()),
            };
            *count += piece.len() as u64;
            let line = format_args!(
                "{whom}: gets {} of connection {id}",
                describe(protocol, piece)
            );
            self.history
                .exchanged(self.now, id << 1 | side as u64, piece, line);
            match side {
                Side::Controller => match &mut self.outside {
                    Some(outside) => outside.say(id, piece),
                    None => {
                        if let Some(link) = &mut connection.link {
                            link.receive(piece, now);
                        }
                    }
                },
                Side::Hypervisor => {
                    connection.heard = self.now;
                    self.receive_far(id, piece);
                }
            }
        }
    }

    fn receive_far(&mut self, id: ConnectionId, piece: &[u8]) {
        let Some(connection) = self.connections.get(&id) else {
            return;
        };
        let at = connection.hypervisor;
        let hypervisor = &mut self.hypervisors[at.0];
        match connection.far {
            Some(Far::Ovsdb(far)) => {
                let changes = hypervisor.ovsdb.database().changes();
                let received = hypervisor.ovsdb.receive(far, piece);
                if self.outside.is_some() {
                    let traffic = hypervisor.traffic.entry(Protocol::Ovsdb).or_default();
                    traffic.messages_to_hypervisor = hypervisor.ovsdb.received();
                }
                if let Err(error) = received {
                    self.close_far(id, &error.to_string());
                }
                if self.hypervisors[at.0].ovsdb.database().changes() != changes {
                    self.database_changed(at);
                }
            }
            Some(Far::OpenFlow) => {
                if let Some(machine) = &mut hypervisor.machine {
                    machine.receive(id, piece, self.now / 1_000);
                }
                self.stirred.insert(at);
            }
            None => {}
        }
    }

    // --- The controller's machines. ---

    /// Hands the member what a machine has to tell; false when it has nothing.
    fn link_event(&mut self, id: ConnectionId) -> bool {
        let Some(connection) = self.connections.get_mut(&id) else {
            return false;
        };
        let peer = self.hypervisors[connection.hypervisor.0].address;
        match &mut connection.link {
            None | Some(Link::Outside(_)) => false,
            Some(Link::Ovsdb(link)) => match link.next_event() {
                None => false,
                Some(event) => {
                    match event {
                        hypervisor_link::Event::Inventory(inventory) => {
                            connection.known = true;
                            let link = id;
                            self.tell(Input::Inventory {
                                link,
                                peer,
                                inventory,
                            });
                        }
                        hypervisor_link::Event::Remark(remark) => self.remark(id, &remark),
                        hypervisor_link::Event::Closed(reason)
                        | hypervisor_link::Event::Dismissed(reason) => self.end_link(id, &reason),
                    }
                    true
                }
            },
            Some(Link::OpenFlow(link)) => match link.next_event() {
                None => false,
                Some(event) => {
                    connection.known |= matches!(event, switch_link::Event::Up { .. });
                    self.switch_event(id, peer, event);
                    true
                }
            },
        }
    }

    fn switch_event(
        &mut self,
        link: ConnectionId,
        peer: std::net::IpAddr,
        event: switch_link::Event,
    ) {
        match event {
            switch_link::Event::Up { datapath, version } => {
                self.tell(Input::SwitchUp {
                    link,
                    peer,
                    datapath,
                    version,
                });
            }
            switch_link::Event::Read(installed) => {
                let installed = Box::new(installed);
                self.tell(Input::Read { link, installed });
            }
            switch_link::Event::ReadFailed(reason) | switch_link::Event::Closed(reason) => {
                self.end_link(link, &reason);
            }
            switch_link::Event::Pushed { push, refusals } => {
                self.calls.acknowledged(link, push, self.now);
                self.tell(Input::Pushed {
                    link,
                    push,
                    refusals,
                });
            }
            switch_link::Event::Port { name, ofport } => {
                self.tell(Input::Port { link, name, ofport });
            }
            switch_link::Event::PacketIn(packet) => {
                self.counts.packet_ins += 1;
                self.tell(Input::PacketIn { link, packet });
            }
            switch_link::Event::Stale => {
                self.remark(link, "the switch refuses this controller");
            }
            switch_link::Event::Remark(remark) => self.remark(link, &remark),
        }
    }

    fn remark(&mut self, id: ConnectionId, remark: &str) {
        let line = format_args!("controller: connection {id}: {remark}");
        self.history.note(self.now, line);
    }

    fn set_link_timer(&mut self, id: ConnectionId) {
        let Some(connection) = self.connections.get_mut(&id) else {
            return;
        };
        let due = connection.link.as_ref().and_then(Link::next_timeout);
        let Some(due) = due.map(|due| due.saturating_mul(1_000).max(self.now)) else {
            return;
        };
        if connection.timer.is_none_or(|timer| due < timer) {
            connection.timer = Some(due);
            self.queue.push(due, Event::LinkTimer(id));
        }
    }

    pub(super) fn tick_link(&mut self, id: ConnectionId) {
        let Some(connection) = self.connections.get_mut(&id) else {
            return;
        };
        if connection.timer.is_some_and(|timer| timer <= self.now) {
            connection.timer = None;
        }
        if let Some(link) = &mut connection.link {
            if link
                .next_timeout()
                .is_some_and(|due| due <= self.now / 1_000)
            {
                link.tick(self.now / 1_000);
            }
            self.touched.insert(id);
        }
    }

    pub(super) fn probe(&mut self, id: ConnectionId) {
        let Some(connection) = self.connections.get(&id).filter(|one| one.far.is_some()) else {
            return;
        };
        let dead = connection.heard + SILENCE;
        match dead <= self.now {
            true => self.close_far(id, "nothing was heard of the controller"),
            false => self.queue.push(dead, Event::Probe(id)),
        }
    }

    // --- Ending. ---

    /// The controller's machine is through with a connection: it says its last words, and the member hears of it.
    pub(super) fn end_link(&mut self, id: ConnectionId, reason: &str) {
        let Some(connection) = self.connections.get(&id).filter(|one| one.link.is_some()) else {
            return;
        };
        let (known, protocol) = (connection.known, connection.protocol);
        while let pieces = self.outputs(id, Side::Controller)
            && !pieces.is_empty()
        {
            self.send(id, Side::Controller, Segment::Bytes(pieces));
        }
        self.close_link(id, reason);
        self.calls.gone(id, self.now);
        if known {
            self.tell(match protocol {
                Protocol::Ovsdb => Input::HypervisorGone(id),
                Protocol::OpenFlow => Input::SwitchGone(id),
            });
        }
    }

    /// The controller's end is gone.
    pub(super) fn close_link(&mut self, id: ConnectionId, reason: &str) {
        let Some(connection) = self.connections.get_mut(&id) else {
            return;
        };
        if connection.link.take().is_none() {
            return;
        }
        let line = format_args!("controller: connection {id} ends: {reason}");
        self.history.note(self.now, line);
        if let Some(outside) = &mut self.outside {
            outside.end(id);
        }
        if connection.far.is_some() {
            self.send(id, Side::Controller, Segment::End);
        }
        self.forget_if_over(id);
    }

    /// The hypervisor's end is gone; whoever had it tries again.
    pub(super) fn close_far(&mut self, id: ConnectionId, reason: &str) {
        let Some((at, protocol)) = self.lose_far(id, reason) else {
            return;
        };
        if let Some(connection) = self.connections.get(&id)
            && connection.link.is_some()
        {
            self.send(id, Side::Hypervisor, Segment::End);
        }
        if self.hypervisors[at.0].dialer(protocol) == Dialer::Connected(id) {
            self.dial_soon(at, protocol, BACKOFF);
        }
        self.forget_if_over(id);
    }

    /// The hypervisor's end is gone, and says nothing.
    pub(super) fn lose_far(
        &mut self,
        id: ConnectionId,
        reason: &str,
    ) -> Option<(HypervisorId, Protocol)> {
        let connection = self.connections.get_mut(&id)?;
        let far = connection.far.take()?;
        let (at, protocol) = (connection.hypervisor, connection.protocol);
        let hypervisor = &mut self.hypervisors[at.0];
        match far {
            Far::Ovsdb(far) => hypervisor.ovsdb.disconnect(far),
            Far::OpenFlow => {
                if let Some(machine) = &mut hypervisor.machine {
                    machine.disconnect(id);
                }
            }
        }
        hypervisor.tries = 0;
        let line = format_args!("{}: connection {id} ends: {reason}", hypervisor.name);
        self.history.note(self.now, line);
        Some((at, protocol))
    }

    fn forget_if_over(&mut self, id: ConnectionId) {
        let over = self
            .connections
            .get(&id)
            .is_some_and(|one| one.link.is_none() && one.far.is_none());
        if over {
            self.connections.remove(&id);
        }
    }
}

/// Why an end ends when the other one has.
const ENDED: &str = "the other side closed the connection";

/// Where a controller is that the database names by a target.
fn address_of(target: &str) -> Option<SocketAddr> {
    target.strip_prefix("tcp:")?.parse().ok()
}

/// What bytes are, for a line.
fn describe(protocol: Protocol, bytes: &[u8]) -> String {
    format!("{} bytes of {}", bytes.len(), protocol.name())
}

/// Whether a message adds, changes or removes flows, by itself or as part of a bundle.
fn is_flow_mod(message: &[u8]) -> bool {
    const FLOW_MOD: u8 = 14;
    let inner = message::bundled(message).unwrap_or(message);
    message::Header::peek(inner).is_some_and(|header| header.kind == FLOW_MOD)
}

/// How a switch behaves on a connection: after five seconds of silence it asks, and waits as long for an answer
/// (`inactivity_probe`).
fn switch_config() -> session::Config {
    session::Config {
        echo_interval: 5_000,
        dead_after: 10_000,
        ..session::Config::default()
    }
}
