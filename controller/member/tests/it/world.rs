//! A cloud in one thread: the API engine on a store in memory, one member, and hypervisors of which
//! each has an OVSDB server and a switch. What can happen next is chosen by a seed, one step at a time.
//!
//! Nothing here knows what flows mean: a table is right when it is what the compiler makes of the
//! store's state from nothing.

use std::collections::{BTreeSet, VecDeque};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use rust_openflow::message::{Role, RoleMessage};
use rust_openflow::session::{Config, Session};
use rust_openflow::{DatapathId, Version};
use serde_json::{Value, json};
use weft_compiler::{Compiler, Content, Input as CompilerInput, Production, Secret, marker};
use weft_engine::{Context, Engine, Outcome, Request};
use weft_member::hypervisor_link::{self, HypervisorLink};
use weft_member::member::{HypervisorId, SwitchId};
use weft_member::switch_link::{self, SwitchLink};
use weft_member::{Effect, Input, Member, Notice};
use weft_ovsdb::server::{ConnectionId, Plug, Server};
use weft_schema::observation::InterfaceRow;
use weft_schema::{MemoryStore, Revision, State, WriteSet, observation};
use weft_topology::ChassisId;

use crate::switch::{self, Switch, Tables};

pub(crate) const BRIDGE: &str = "br-int";
pub(crate) const SECRET: [u8; 16] = *b"a secret of test";

/// Steps after which a world that is still busy is one that will never rest.
const RESTLESS: usize = 100_000;

/// How the database takes writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Database {
    Up,
    Down,
    /// Writes happen, and their writers are told that they failed.
    Unsure,
}

/// A hypervisor.
pub(crate) struct Host {
    pub(crate) system_id: String,
    pub(crate) ip: IpAddr,
    pub(crate) ovsdb: Server,
    pub(crate) switch: Switch,
    /// Whether its switch runs: gives numbers to ports, connects.
    pub(crate) running: bool,
    /// Whether it tries to connect.
    pub(crate) dials_ovsdb: bool,
    pub(crate) dials_openflow: bool,
    pub(crate) manager: Option<Manager>,
    pub(crate) channel: Option<Channel>,
    pub(crate) versions: Vec<Version>,
    /// Whether nothing gets through between its switch and the controller.
    pub(crate) stalled: bool,
}

/// An OVSDB connection.
pub(crate) struct Manager {
    id: HypervisorId,
    link: HypervisorLink,
    server: ConnectionId,
}

/// An OpenFlow connection.
pub(crate) struct Channel {
    pub(crate) id: SwitchId,
    link: SwitchLink,
    pub(crate) session: Session,
    datapath: DatapathId,
}

/// The cloud.
pub(crate) struct World {
    pub(crate) store: MemoryStore,
    pub(crate) engine: Engine,
    pub(crate) member: Member,
    pub(crate) hosts: Vec<Host>,
    pub(crate) database: Database,
    pub(crate) notices: Vec<Notice>,
    pub(crate) remarks: Vec<String>,
    /// Write sets that the member handed out, in all.
    pub(crate) writes: usize,
    pub(crate) now: u64,
    /// Whether the member is told of the log's entries.
    pub(crate) follows: bool,
    /// Switches that were asked what they have and did not answer yet; and the most there ever were.
    reading: BTreeSet<SwitchId>,
    pub(crate) most_reading: usize,
    waiting: VecDeque<(String, WriteSet)>,
    written: VecDeque<(String, Option<Revision>)>,
    told: Revision,
    next_link: u64,
    seed: u64,
}

/// How many hypervisors may be known.
pub(crate) const HYPERVISORS: usize = 8;

pub(crate) fn settings() -> weft_member::Settings {
    weft_member::Settings {
        answers: weft_member::AnswerSettings {
            lease_seconds: 3600,
            domain: None,
        },
        flood_direct: weft_topology::FLOOD_DIRECT,
        max_hypervisors: HYPERVISORS,
    }
}

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        let store = MemoryStore::new(SECRET);
        let member = store.read(|state| Member::new(state, settings()));
        Self {
            store,
            engine: Engine::default(),
            member,
            hosts: Vec::new(),
            database: Database::Up,
            notices: Vec::new(),
            remarks: Vec::new(),
            writes: 0,
            now: 1_000,
            follows: true,
            reading: BTreeSet::new(),
            most_reading: 0,
            waiting: VecDeque::new(),
            written: VecDeque::new(),
            told: 0,
            next_link: 1,
            seed,
        }
    }

    /// A world with hypervisors `hv0`, `hv1` ... that are connected.
    pub(crate) fn with_hosts(seed: u64, count: u8) -> Self {
        let mut world = Self::new(seed);
        for n in 0..count {
            world.add_host(&format!("hv{n}"), Ipv4Addr::new(192, 0, 2, n + 1));
        }
        world.settle();
        world
    }

    pub(crate) fn add_host(&mut self, system_id: &str, ip: Ipv4Addr) -> usize {
        let name = format!("{system_id}.example");
        let ids = [("system-id", system_id), ("hostname", &name)];
        let ovsdb = Server::hypervisor(self.hosts.len() as u64 + 1, &ids);
        let switch = Switch::new(marker::cookie(&Secret::new(SECRET)));
        self.hosts.push(Host {
            system_id: system_id.to_owned(),
            ip: IpAddr::V4(ip),
            ovsdb,
            switch,
            running: true,
            dials_ovsdb: true,
            dials_openflow: true,
            manager: None,
            channel: None,
            versions: vec![Version::V1_3, Version::V1_4, Version::V1_5],
            stalled: false,
        });
        self.hosts.len() - 1
    }

    pub(crate) fn random(&mut self) -> u64 {
        self.seed = self.seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.seed ^ self.seed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    pub(crate) fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.random() % bound as u64).unwrap()
    }

    // --- The API. ---

    pub(crate) fn call(&mut self, method: &str, path: &str, body: Option<Value>) -> Option<Value> {
        let request = Request {
            method: method.to_owned(),
            path: path.to_owned(),
            body,
            ..Request::default()
        };
        let context = Context {
            user: "admin".to_owned(),
            project: "p".to_owned(),
            is_admin: true,
            time_us: i64::try_from(self.now).unwrap(),
            ..Context::default()
        };
        let mut seed = self.random();
        let mut entropy = || {
            seed = seed.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
            seed ^ seed >> 33
        };
        let outcome = self
            .store
            .read(|state| self.engine.handle(&request, &context, state, &mut entropy));
        let response = match outcome.ok()? {
            Outcome::Done(response) => response,
            Outcome::Write { write, response } => {
                self.store.commit_one(write, context.time_us).unwrap();
                response
            }
        };
        Some(
            response
                .body
                .map_or(Value::Null, |body| serde_json::from_slice(&body).unwrap()),
        )
    }

    /// Creates something and gives its id.
    pub(crate) fn create(&mut self, kind: &str, attributes: Value) -> String {
        let answer = self.call(
            "POST",
            &format!("/{kind}s"),
            Some(json!({ kind: attributes })),
        );
        let answer = answer.unwrap_or_else(|| panic!("a {kind} was refused"));
        answer[kind]["id"].as_str().unwrap().to_owned()
    }

    /// A network with a subnet; gives the network's id.
    pub(crate) fn network(&mut self, cidr: &str) -> String {
        let network = self.create("network", json!({"name": cidr}));
        self.create(
            "subnet",
            json!({"network_id": network, "cidr": cidr, "ip_version": 4}),
        );
        network
    }

    pub(crate) fn port(&mut self, network: &str) -> String {
        self.create("port", json!({"network_id": network}))
    }

    pub(crate) fn update(&mut self, kind: &str, id: &str, attributes: Value) {
        let body = Some(json!({ kind: attributes }));
        assert!(self.call("PUT", &format!("/{kind}s/{id}"), body).is_some());
    }

    pub(crate) fn delete(&mut self, kind: &str, id: &str) {
        assert!(
            self.call("DELETE", &format!("/{kind}s/{id}"), None)
                .is_some()
        );
    }

    pub(crate) fn status(&mut self, port: &str) -> String {
        let answer = self.call("GET", &format!("/ports/{port}"), None).unwrap();
        answer["port"]["status"].as_str().unwrap().to_owned()
    }

    // --- The hypervisors. ---

    pub(crate) fn plug(&mut self, host: usize, name: &str, port: &str) {
        let plug = Plug {
            bridge: BRIDGE.to_owned(),
            name: name.to_owned(),
            external_ids: [("iface-id".to_owned(), port.to_owned())].into(),
            tag: None,
        };
        self.hosts[host].ovsdb.plug(&plug).unwrap();
    }

    pub(crate) fn unplug(&mut self, host: usize, name: &str) {
        self.hosts[host].ovsdb.unplug(BRIDGE, name).unwrap();
    }

    /// The OVSDB connection breaks; with `redial` the hypervisor connects again.
    pub(crate) fn cut_ovsdb(&mut self, host: usize, redial: bool) {
        self.hosts[host].dials_ovsdb = redial;
        if let Some(manager) = self.hosts[host].manager.take() {
            self.hosts[host].ovsdb.disconnect(manager.server);
            self.tell(Input::HypervisorGone(manager.id));
        }
    }

    /// The OpenFlow connection breaks; with `redial` the switch connects again.
    pub(crate) fn cut_openflow(&mut self, host: usize, redial: bool) {
        self.hosts[host].dials_openflow = redial;
        if let Some(channel) = self.hosts[host].channel.take() {
            self.hosts[host].switch.disconnected();
            self.tell(Input::SwitchGone(channel.id));
        }
    }

    /// The hypervisor goes away; the controller does not notice. It connects anew.
    pub(crate) fn abandon(&mut self, host: usize) {
        let host = &mut self.hosts[host];
        if let Some(manager) = host.manager.take() {
            host.ovsdb.disconnect(manager.server);
        }
        if host.channel.take().is_some() {
            host.switch.disconnected();
        }
    }

    // --- The controller. ---

    /// The process ends and starts again on what the database has.
    pub(crate) fn restart(&mut self) {
        for host in &mut self.hosts {
            if let Some(manager) = host.manager.take() {
                host.ovsdb.disconnect(manager.server);
            }
            if host.channel.take().is_some() {
                host.switch.disconnected();
            }
        }
        self.waiting.clear();
        self.written.clear();
        let (member, told) = self.store.read(|state| {
            (
                Member::new(&State::from_snapshot(state.snapshot()), settings()),
                state.revision(),
            )
        });
        self.member = member;
        self.told = told;
    }

    /// The process ends and starts again on another database.
    pub(crate) fn restart_on(&mut self, store: MemoryStore) {
        self.store = store;
        self.restart();
    }

    pub(crate) fn tell(&mut self, input: Input) {
        for effect in self.member.handle(input) {
            match effect {
                Effect::Switch(id, command) => {
                    if matches!(command, switch_link::Command::Read) {
                        self.reading.insert(id);
                        self.most_reading = self.most_reading.max(self.reading.len());
                    }
                    let channels = self
                        .hosts
                        .iter_mut()
                        .filter_map(|host| host.channel.as_mut());
                    if let Some(channel) = channels.into_iter().find(|channel| channel.id == id) {
                        channel.link.command(command);
                    }
                }
                Effect::CloseHypervisor(id, reason) => {
                    let managers = self
                        .hosts
                        .iter_mut()
                        .filter_map(|host| host.manager.as_mut());
                    if let Some(manager) = managers.into_iter().find(|manager| manager.id == id) {
                        manager.link.close(reason);
                    }
                }
                Effect::Write { system_id, write } => {
                    self.writes += 1;
                    self.waiting.push_back((system_id, write));
                }
                Effect::Notice(notice) => self.notices.push(notice),
            }
        }
    }

    // --- Time and order. ---

    /// Runs until nothing happens any more by itself.
    pub(crate) fn settle(&mut self) {
        for _ in 0..RESTLESS {
            if !self.step() {
                return;
            }
        }
        panic!("it never rests");
    }

    /// Lets time pass, in milliseconds, and settles.
    pub(crate) fn pass(&mut self, milliseconds: u64) {
        self.now += milliseconds;
        let now = self.now;
        for host in &mut self.hosts {
            if let Some(manager) = &mut host.manager {
                manager.link.tick(now);
            }
            if let Some(channel) = &mut host.channel {
                channel.link.tick(now);
            }
        }
        self.tell(Input::Tick(now));
        self.settle();
    }

    /// One thing happens, of those that can; false when nothing can.
    pub(crate) fn step(&mut self) -> bool {
        const OF_A_HOST: usize = 5;
        let actions = 3 + OF_A_HOST * self.hosts.len();
        let first = self.below(actions);
        (0..actions).any(|at| match (first + at) % actions {
            0 => self.commit(),
            1 => self.follow_log(),
            2 => self.report_write(),
            action => {
                let host = (action - 3) / OF_A_HOST;
                match (action - 3) % OF_A_HOST {
                    0 => self.hosts[host].running && self.hosts[host].ovsdb.run_switch(),
                    1 => self.dial_ovsdb(host),
                    2 => self.dial_openflow(host),
                    3 => self.pump_ovsdb(host),
                    _ => self.pump_openflow(host),
                }
            }
        })
    }

    fn commit(&mut self) -> bool {
        let Some((system_id, write)) = self.waiting.pop_front() else {
            return false;
        };
        let revision = match self.database {
            Database::Down => None,
            Database::Up | Database::Unsure => {
                let time = i64::try_from(self.now).unwrap();
                let committed = self.store.commit_one(write, time);
                committed.ok().map(|entry| entry.revision)
            }
        };
        let revision = revision.filter(|_| self.database == Database::Up);
        self.written.push_back((system_id, revision));
        true
    }

    fn report_write(&mut self) -> bool {
        let Some((system_id, revision)) = self.written.pop_front() else {
            return false;
        };
        self.tell(Input::Written {
            system_id,
            revision,
        });
        true
    }

    /// Tells the member of entries of the log; false when it knows all.
    pub(crate) fn follow_log(&mut self) -> bool {
        let mut entries = self.store.entries_after(self.told);
        if entries.is_empty() || !self.follows {
            return false;
        }
        entries.truncate(1 + self.below(3));
        self.told += entries.len() as u64;
        self.tell(Input::Entries(entries.into_iter().map(Arc::new).collect()));
        true
    }

    fn dial_ovsdb(&mut self, host: usize) -> bool {
        let id = self.next_link;
        let host = &mut self.hosts[host];
        if host.manager.is_some() || !host.dials_ovsdb {
            return false;
        }
        let settings = hypervisor_link::Settings {
            bridge: BRIDGE.to_owned(),
            generation: 1,
            openflow_port: 6653,
            advertise: None,
        };
        let local = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 250));
        host.manager = Some(Manager {
            id,
            link: HypervisorLink::new(settings, host.ip, local, self.now),
            server: host.ovsdb.connect(),
        });
        self.next_link += 1;
        true
    }

    /// A switch connects when OVSDB says to which controller, and who it is.
    fn dial_openflow(&mut self, host: usize) -> bool {
        let id = self.next_link;
        let secret = self.store.read(|state| Secret::new(*state.secret()));
        let host = &mut self.hosts[host];
        if host.channel.is_some() || !host.dials_openflow || !host.running {
            return false;
        }
        let Some(datapath) = host.datapath() else {
            return false;
        };
        if host.ovsdb.database().rows("Controller").next().is_none() {
            return false;
        }
        let role = RoleMessage::new(Role::MASTER, 1);
        host.channel = Some(Channel {
            id,
            link: SwitchLink::new(role, Config::default(), secret, self.now),
            session: switch::session(&host.versions, self.now),
            datapath,
        });
        self.next_link += 1;
        true
    }

    fn pump_ovsdb(&mut self, at: usize) -> bool {
        let now = self.now;
        let count = 1 + self.below(8);
        let host = &mut self.hosts[at];
        let Some(manager) = &mut host.manager else {
            return false;
        };
        let (id, mut busy) = (manager.id, false);
        for _ in 0..count {
            if let Some(bytes) = manager.link.next_output() {
                busy = true;
                host.ovsdb.receive(manager.server, &bytes).unwrap();
            } else if let Some(bytes) = host.ovsdb.poll(manager.server) {
                busy = true;
                manager.link.receive(&bytes, now);
            }
        }
        let Some(event) = manager.link.next_event() else {
            return busy;
        };
        match event {
            hypervisor_link::Event::Inventory(inventory) => {
                let peer = host.ip;
                self.tell(Input::Inventory {
                    link: id,
                    peer,
                    inventory,
                });
            }
            hypervisor_link::Event::Remark(remark) => self.remarks.push(remark),
            hypervisor_link::Event::Closed(reason) | hypervisor_link::Event::Dismissed(reason) => {
                self.remarks.push(reason);
                self.cut_ovsdb(at, false);
            }
        }
        true
    }

    fn pump_openflow(&mut self, at: usize) -> bool {
        let now = self.now;
        let count = 1 + self.below(40);
        let host = &mut self.hosts[at];
        if host.stalled {
            return false;
        }
        let Some(channel) = &mut host.channel else {
            return false;
        };
        let (id, mut busy) = (channel.id, false);
        for _ in 0..count {
            if let Some(bytes) = channel.link.next_output() {
                busy = true;
                channel.session.receive(&bytes, now);
                host.switch.act(&mut channel.session, channel.datapath);
            } else if let Some(bytes) = channel.session.next_output() {
                busy = true;
                channel.link.receive(&bytes, now);
            }
        }
        let Some(event) = channel.link.next_event() else {
            return busy;
        };
        match event {
            switch_link::Event::Up { datapath, version } => {
                let peer = host.ip;
                self.tell(Input::SwitchUp {
                    link: id,
                    peer,
                    datapath,
                    version,
                });
            }
            switch_link::Event::Read(installed) => {
                self.reading.remove(&id);
                let installed = Box::new(installed);
                self.tell(Input::Read {
                    link: id,
                    installed,
                });
            }
            switch_link::Event::Pushed { push, refusals } => {
                self.tell(Input::Pushed {
                    link: id,
                    push,
                    refusals,
                });
            }
            switch_link::Event::Port { name, ofport } => self.tell(Input::Port {
                link: id,
                name,
                ofport,
            }),
            switch_link::Event::PacketIn(packet) => self.tell(Input::PacketIn { link: id, packet }),
            switch_link::Event::Stale => self.remarks.push("stale".to_owned()),
            switch_link::Event::Remark(remark) => self.remarks.push(remark),
            switch_link::Event::ReadFailed(reason) | switch_link::Event::Closed(reason) => {
                self.remarks.push(reason);
                self.cut_openflow(at, false);
            }
        }
        true
    }

    // --- What is to be. ---

    /// The rows of interfaces in the store.
    pub(crate) fn interfaces(&self) -> Vec<InterfaceRow> {
        self.store.read(|state| {
            let rows = state.rows(observation::INTERFACE);
            rows.map(|row| InterfaceRow::read(&row.key, &row.body).unwrap())
                .collect()
        })
    }

    pub(crate) fn head(&self) -> Revision {
        self.store.read(State::revision)
    }

    /// What the compiler makes of the store's state for a hypervisor, from nothing.
    pub(crate) fn program(&self, host: usize) -> Tables {
        self.store
            .read(|state| program(state, &self.hosts[host].system_id))
    }

    /// What a switch has, without the controller's marker.
    pub(crate) fn table(&self, host: usize) -> Tables {
        let switch = &self.hosts[host].switch;
        let mut tables = switch.tables.clone();
        tables.flows.retain(|_, flow| flow.cookie != switch.marker);
        tables
    }

    /// Every connected switch has its program, and no other flow.
    pub(crate) fn check(&self) {
        for host in 0..self.hosts.len() {
            if self.hosts[host].channel.is_some() {
                self.check_host(host);
            }
        }
    }

    pub(crate) fn check_host(&self, host: usize) {
        let (has, wanted) = (self.table(host), self.program(host));
        let system_id = &self.hosts[host].system_id;
        for (key, flow) in &wanted.flows {
            assert_eq!(has.flows.get(key), Some(flow), "on {system_id}");
        }
        for (key, flow) in &has.flows {
            assert!(wanted.flows.contains_key(key), "{system_id} has {flow:?}");
        }
        assert_eq!(
            (has.groups, has.meters),
            (wanted.groups, wanted.meters),
            "on {system_id}"
        );
        let statuses = self.member.switch_statuses();
        let status = statuses.iter().find(|one| one.system_id == *system_id);
        assert_eq!(status.map(|one| one.flows), Some(wanted.flows.len()));
    }

    /// The counts of flow-mods that switches got.
    pub(crate) fn flow_mods(&self) -> Vec<usize> {
        self.hosts
            .iter()
            .map(|host| host.switch.flow_mods)
            .collect()
    }

    /// The notices of a name.
    pub(crate) fn noticed(&self, name: &str) -> usize {
        self.notices
            .iter()
            .filter(|notice| notice.name() == name)
            .count()
    }
}

impl Host {
    fn datapath(&self) -> Option<DatapathId> {
        let (_, bridge) = self
            .ovsdb
            .database()
            .rows("Bridge")
            .find(|(_, row)| row.str("name") == BRIDGE)?;
        let text = bridge.get("datapath_id").as_str()?;
        Some(DatapathId(u64::from_str_radix(text, 16).ok()?))
    }

    pub(crate) fn chassis(&self) -> ChassisId {
        ChassisId::from(self.system_id.as_str())
    }
}

/// What the compiler makes of a state for a hypervisor, from nothing.
pub(crate) fn program(state: &State, system_id: &str) -> Tables {
    let mut compiler = Compiler::new(Production, Secret::new(*state.secret()));
    let chassis = ChassisId::from(system_id);
    let changes = weft_engine::topology::everything(state);
    compiler.update(CompilerInput {
        changes: changes.into_iter().map(Result::unwrap).collect(),
        manage: vec![chassis.clone()],
        ..CompilerInput::default()
    });
    let mut tables = Tables::default();
    for content in compiler.program(&chassis) {
        match content {
            Content::Flow(flow) => tables.add(flow.decode()),
            Content::Group(group) => _ = tables.groups.insert(group.group, (*group).clone()),
            Content::Meter(meter) => _ = tables.meters.insert(meter.meter, (*meter).clone()),
        }
    }
    tables
}
