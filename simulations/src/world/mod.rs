//! A cloud in one thread: production's machines, one queue of events, one seed.
//!
//! A [`World`] has a controller ([`process`]) on a database ([`database`]), hypervisors ([`hypervisor`]) with what is plugged into them
//! ([`Attachment`]), connections between them ([`connection`]), and a [`Carrier`] of
//! what tunnels emit. Time is virtual, in microseconds, and goes from event to event; deciding takes none of it. The
//! same seed and the same calls give the same history, byte for byte.
//!
//! Reading order: this file (what can happen, and how time goes by), `control` (the controller's side),
//! `wire` (bytes), `datapath` (frames), `fault` (what goes wrong), `observe` (what can be seen). What a scenario is, or what is to
//! be expected of one, is not known here.

mod attachment;
mod calls;
mod carrier;
mod connection;
mod control;
mod database;
mod datapath;
mod fault;
mod history;
mod hypervisor;
mod machine;
mod observe;
mod outside;
mod process;
mod queue;
mod random;
mod stream;
mod wire;
mod witness;

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};
use std::ops::RangeInclusive;

use weft_engine::Engine;
use weft_member::Notice;
use weft_schema::LogEntry;
use weft_switch::thin::Pool;

pub use attachment::{Attachment, Recorder};
pub use calls::{Answer, Call, CallId, Caller};
pub use carrier::{Carrier, Fabric};
pub use connection::{ConnectionId, Protocol, Side, Traffic};
pub use database::Health;
pub use fault::Fault;
pub use history::{Detail, History};
pub use hypervisor::{BRIDGE, HypervisorId};
pub use machine::Execution;
pub use observe::{Counts, Difference};
pub use outside::Opened;
pub use random::Random;
pub use witness::{Acknowledged, Destination};

use crate::underlay::Underlay;
use calls::Calls;
use connection::Connection;
use database::Database;
use datapath::Arrival;
use hypervisor::Hypervisor;
use outside::Outside;
use process::{Pending, Process};
use queue::{Queue, Timed};

/// One millisecond.
pub const MILLISECOND: u64 = 1_000;
/// One second.
pub const SECOND: u64 = 1_000_000;

/// After how long a world that is still busy is one that will never rest.
const RESTLESS: u64 = 600 * SECOND;

/// How long things take, in microseconds; of a range, each time a random number of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delays {
    /// A segment between a hypervisor and the controller.
    pub control: RangeInclusive<u64>,
    /// A commit of the database.
    pub commit: RangeInclusive<u64>,
    /// From an entry of the log to the member's knowing of it.
    pub log: RangeInclusive<u64>,
    /// Until a switch has looked at a database that changed.
    pub reconfigure: RangeInclusive<u64>,
    /// A frame through a switch, which keeps their order.
    pub switch: u64,
}

impl Default for Delays {
    fn default() -> Self {
        Self {
            control: 100..=300,
            commit: 500..=1_500,
            log: 10..=100,
            reconfigure: 200..=2_000,
            switch: 3,
        }
    }
}

/// What a world is made with.
#[derive(Debug, Clone)]
pub struct Settings {
    /// What everything random follows from.
    pub seed: u64,
    /// How many members the controller has.
    pub members: usize,
    /// What the members go by.
    pub member: weft_member::Settings,
    /// What the API goes by.
    pub engine: weft_engine::Config,
    /// How often switches are audited, in microseconds; never when none.
    pub audit_interval: Option<u64>,
    /// The controller's address.
    pub controller: IpAddr,
    /// Where it listens for OpenFlow.
    pub openflow_port: u16,
    /// How long things take.
    pub delays: Delays,
    /// Whether bytes come in pieces that have nothing to do with messages.
    pub in_pieces: bool,
    /// How switches carry packets.
    pub execution: Execution,
    /// How much of the history is kept.
    pub detail: Detail,
}

impl Settings {
    /// Those of a usual installation.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self {
            seed,
            members: 1,
            member: weft_member::Settings {
                answers: weft_member::AnswerSettings {
                    lease_seconds: 86_400,
                    domain: None,
                },
                flood_direct: weft_topology::FLOOD_DIRECT,
                max_hypervisors: 4_096,
            },
            engine: weft_engine::Config::default(),
            audit_interval: None,
            controller: IpAddr::V4(Ipv4Addr::new(192, 0, 2, 250)),
            openflow_port: 6653,
            delays: Delays::default(),
            in_pieces: false,
            execution: Execution::Full,
            detail: Detail::Outline,
        }
    }
}

/// What a world cannot do.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Members do not share switches yet.
    #[error("{0} members: a controller has exactly one until members share switches")]
    Members(usize),
    /// Two hypervisors with one name or address.
    #[error("a hypervisor '{name}' at {address} cannot be told from another")]
    Taken {
        /// Its name.
        name: String,
        /// Its address.
        address: IpAddr,
    },
    /// There is no such hypervisor.
    #[error("there is no hypervisor '{0}'")]
    UnknownHypervisor(String),
    /// There is no such interface.
    #[error("hypervisor '{hypervisor}' has no interface '{interface}'")]
    UnknownInterface {
        /// The hypervisor.
        hypervisor: String,
        /// The interface.
        interface: String,
    },
    /// The hypervisor's database refuses it.
    #[error("hypervisor '{hypervisor}': {error}")]
    Ovsdb {
        /// The hypervisor.
        hypervisor: String,
        /// Its words.
        error: weft_ovsdb::Error,
    },
}

/// Something that will happen.
enum Event {
    /// Bytes come to a side of a connection.
    Bytes(ConnectionId, Side),
    /// The controller's end of a connection is told the time.
    LinkTimer(ConnectionId),
    /// A hypervisor's end of an OVSDB connection looks whether anybody is at the other.
    Probe(ConnectionId),
    /// A hypervisor's switch is told the time.
    SwitchTimer(HypervisorId),
    /// A hypervisor tries to connect; the number is that of [`hypervisor::Dialer::Soon`].
    Dial(HypervisorId, Protocol, u64),
    /// A switch looks at its database.
    Reconfigure(HypervisorId),
    /// A frame comes to a hypervisor or to what is plugged in.
    Frame(Box<Arrival>),
    /// What is plugged in is told the time.
    AttachmentTimer(HypervisorId, String),
    /// A call comes to the controller.
    Call(CallId),
    /// A batch of writes reaches the database.
    Commit(u64, Vec<Pending>),
    /// The controller reads what is new of the log.
    Follow(u64),
    /// The member is told of entries.
    Entries(u64),
    /// The member is told the time.
    Tick(u64),
    /// The member is to audit.
    Audit(u64),
    /// Something goes wrong, or right again.
    Fault(Fault),
}

impl Timed for Event {
    fn is_timer(&self) -> bool {
        matches!(
            self,
            Self::LinkTimer(_)
                | Self::Probe(_)
                | Self::SwitchTimer(_)
                | Self::AttachmentTimer(..)
                | Self::Tick(_)
                | Self::Audit(_)
                | Self::Fault(_)
        )
    }
}

/// A cloud.
pub struct World {
    settings: Settings,
    now: u64,
    queue: Queue<Event>,
    random: Random,
    database: Database,
    /// The controller, when it runs.
    process: Option<Process>,
    /// The way to a controller that is elsewhere.
    outside: Option<Outside>,
    /// How often it was started.
    boots: u64,
    /// Whether it is to start as soon as the database can be read.
    starting: bool,
    hypervisors: Vec<Hypervisor>,
    /// What switches that only remember share.
    pool: Pool,
    by_name: BTreeMap<String, HypervisorId>,
    by_address: BTreeMap<IpAddr, HypervisorId>,
    connections: BTreeMap<ConnectionId, Connection>,
    next_connection: ConnectionId,
    next_dial: u64,
    /// Connections whose ends may have something to say.
    touched: BTreeSet<ConnectionId>,
    /// Hypervisors whose switches may.
    stirred: BTreeSet<HypervisorId>,
    carrier: Carrier,
    calls: Calls,
    notices: Vec<(u64, Notice)>,
    counts: Counts,
    /// Who wants to see every entry of the log: since when an interface of a port is ready.
    ready: BTreeMap<(HypervisorId, String), u64>,
    history: History,
}

impl World {
    /// A world with a controller on an empty database, and nothing else.
    ///
    /// # Errors
    /// [`Error::Members`] unless there is one.
    pub fn new(settings: Settings) -> Result<Self, Error> {
        if settings.members != 1 {
            return Err(Error::Members(settings.members));
        }
        let mut world = Self::empty(settings);
        world.start_controller();
        Ok(world)
    }

    /// A world with nothing in it, not even a controller.
    fn empty(settings: Settings) -> Self {
        let mut random = Random::new(settings.seed);
        let (first, second) = (random.bits().to_be_bytes(), random.bits().to_be_bytes());
        let mut secret = [0; 16];
        secret[..8].copy_from_slice(&first);
        secret[8..].copy_from_slice(&second);
        Self {
            now: 0,
            queue: Queue::new(),
            database: Database::new(secret, settings.delays.commit.clone()),
            process: None,
            outside: None,
            boots: 0,
            starting: false,
            hypervisors: Vec::new(),
            pool: Pool::default(),
            by_name: BTreeMap::new(),
            by_address: BTreeMap::new(),
            connections: BTreeMap::new(),
            next_connection: 1,
            next_dial: 1,
            touched: BTreeSet::new(),
            stirred: BTreeSet::new(),
            carrier: Fabric::default().into(),
            calls: Calls::default(),
            notices: Vec::new(),
            counts: Counts::default(),
            ready: BTreeMap::new(),
            history: History::new(settings.detail),
            random,
            settings,
        }
    }

    /// What carries tunnelled frames from now on: a [`Fabric`], or an [`Underlay`] with a node for each hypervisor.
    pub fn set_carrier(&mut self, carrier: impl Into<Carrier>) {
        self.carrier = carrier.into();
        for hypervisor in &self.hypervisors {
            self.carrier.bind(&hypervisor.name, hypervisor.address);
        }
    }

    /// The underlay, when there is one.
    #[must_use]
    pub fn underlay(&self) -> Option<&Underlay> {
        match &self.carrier {
            Carrier::Underlay(underlay) => Some(underlay),
            Carrier::Fabric(_) => None,
        }
    }

    /// The underlay, to ask for paths; faults of it are [`Fault`]s.
    pub fn underlay_mut(&mut self) -> Option<&mut Underlay> {
        match &mut self.carrier {
            Carrier::Underlay(underlay) => Some(underlay),
            Carrier::Fabric(_) => None,
        }
    }

    /// A hypervisor that begins to connect; `name` is its system-id.
    ///
    /// # Errors
    /// [`Error::Taken`].
    pub fn add_hypervisor(&mut self, name: &str, address: IpAddr) -> Result<HypervisorId, Error> {
        if self.by_name.contains_key(name) || self.by_address.contains_key(&address) {
            let name = name.to_owned();
            return Err(Error::Taken { name, address });
        }
        let id = HypervisorId(self.hypervisors.len());
        let execution = self.settings.execution;
        let pool = self.pool.clone();
        // The address that it connects from is then one of the machine that the world is on.
        let says_address = self.outside.is_some();
        self.hypervisors.push(Hypervisor::new(
            id.0,
            name,
            address,
            says_address,
            execution,
            pool,
        ));
        self.by_name.insert(name.to_owned(), id);
        self.by_address.insert(address, id);
        self.carrier.bind(name, address);
        self.history
            .note(self.now, format_args!("{name}: is there, at {address}"));
        self.dial_soon(id, Protocol::Ovsdb, 0);
        Ok(id)
    }

    /// Now, in microseconds since the world began.
    #[must_use]
    pub fn now(&self) -> u64 {
        self.now
    }

    /// Lets the next thing happen; not, when nothing will until `limit`.
    fn step(&mut self, limit: u64) -> bool {
        let Some((at, event)) = self.queue.pop(limit) else {
            return false;
        };
        self.now = at;
        self.happen(event);
        self.pump();
        true
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Bytes(connection, side) => self.deliver(connection, side),
            Event::LinkTimer(connection) => self.tick_link(connection),
            Event::Probe(connection) => self.probe(connection),
            Event::SwitchTimer(hypervisor) => self.tick_switch(hypervisor),
            Event::Dial(hypervisor, protocol, number) => self.dial(hypervisor, protocol, number),
            Event::Reconfigure(hypervisor) => self.reconfigure(hypervisor),
            Event::Frame(arrival) => self.arrive(*arrival),
            Event::AttachmentTimer(hypervisor, interface) => {
                self.tick_attachment(hypervisor, &interface);
            }
            Event::Call(call) => self.decide(call),
            Event::Commit(boot, batch) => self.commit(boot, batch),
            Event::Follow(boot) => self.follow(boot),
            Event::Entries(boot) => self.tell_entries(boot),
            Event::Tick(boot) => self.tick_member(boot),
            Event::Audit(boot) => self.audit_member(boot),
            Event::Fault(fault) => self.carry_out(&fault),
        }
    }

    /// Lets the world go by until a time, in microseconds.
    pub fn run_until(&mut self, time: u64) {
        while self.step(time) {}
        self.now = self.now.max(time);
    }

    /// Lets the world go by for so many microseconds.
    pub fn run_for(&mut self, microseconds: u64) {
        self.run_until(self.now.saturating_add(microseconds));
    }

    /// Lets the world go by until `condition` holds, which is looked at after every event; false when it does not within `limit`
    /// microseconds.
    pub fn run_while_not(&mut self, limit: u64, mut condition: impl FnMut(&Self) -> bool) -> bool {
        let end = self.now.saturating_add(limit);
        while !condition(self) {
            if !self.step(end) {
                self.now = self.now.max(end);
                return condition(self);
            }
        }
        true
    }

    /// Lets the world go by until nothing is under way but what happens again and again, faults to come left
    /// aside; false when it does not come to rest within ten minutes.
    pub fn settle(&mut self) -> bool {
        let end = self.now.saturating_add(RESTLESS);
        while self.queue.is_busy() {
            if !self.step(end) {
                return false;
            }
        }
        true
    }

    /// Lets something go wrong, or right again, at a time to come.
    pub fn at(&mut self, time: u64, fault: Fault) {
        self.queue.push(time.max(self.now), Event::Fault(fault));
    }

    /// What happened.
    #[must_use]
    pub fn history(&self) -> &History {
        &self.history
    }

    /// What happened, to take lines out or to keep more of them.
    pub fn history_mut(&mut self) -> &mut History {
        &mut self.history
    }

    /// The randomness of the world, for whoever drives it.
    pub fn random(&mut self) -> &mut Random {
        &mut self.random
    }

    /// The settings that it was made with.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    fn engine(&self) -> Engine {
        Engine::new(self.settings.engine.clone())
    }

    fn observe_entries(&mut self, entries: &[LogEntry]) {
        for entry in entries {
            self.observe_entry(entry);
        }
    }
}
