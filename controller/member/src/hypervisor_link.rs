//! One OVSDB connection: keeps the hypervisor's integration bridge as Weft wants it, and reports what
//! is there.
//!
//! What a bridge should be follows from the pipeline (stage names), the encapsulations and the
//! controller's address; how to get there is [`weft_ovsdb::bridge`]'s. What becomes of the report is
//! decided by [`crate::Member`].

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::IpAddr;
use std::ops::RangeInclusive;

use bytes::Bytes;
use weft_compiler::pipeline::STAGES;
use weft_ovsdb::bridge::{WantedBridge, WantedTunnel, choose_datapath_type, reconcile};
use weft_ovsdb::inventory::Encapsulation;
use weft_ovsdb::session::{Config, Event as SessionEvent, Output, Session};
use weft_ovsdb::{Error, Mirror, Uuid, inventory};
use weft_schema::observation::{ChassisRow, EncapRow};
use weft_topology::TunnelKind;

/// How long, in milliseconds, a bridge may have no datapath before another datapath type is tried.
const DATAPATH_PATIENCE: u64 = 5_000;

/// How long, in milliseconds, after a transaction that failed the next one is tried.
const RETRY_DELAY: u64 = 1_000;

/// Bytes that may wait until the hypervisor reads them.
const MAX_OUTPUT: usize = 16 << 20;

/// The longest name that is recorded of a hypervisor and what it has, in bytes.
const MAX_NAME: usize = 255;

/// How many interfaces and kinds of interfaces of a hypervisor are recorded.
const MAX_INTERFACES: usize = 4_096;
const MAX_INTERFACE_TYPES: usize = 64;

/// How much of what is worth a line is said, in characters: it may repeat what the hypervisor said.
const MAX_REMARK: usize = 500;

/// The numbers that Open vSwitch gives to interfaces (`ofp-port.h`: below `OFPP_MAX`). Others are
/// reserved, and what a hypervisor says of itself need not be true.
pub(crate) const PORT_NUMBERS: RangeInclusive<u32> = 1..=0xfeff;

/// What is the same for every hypervisor.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The integration bridge's name.
    pub bridge: String,
    /// The mandate under which OVSDB is written.
    pub generation: u64,
    /// The OpenFlow port of this controller.
    pub openflow_port: u16,
    /// The address that hypervisors reach this controller by; the one that they chose when none.
    pub advertise: Option<IpAddr>,
}

/// An interface that says to be a logical port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plugged {
    /// `external_ids:iface-id`.
    pub port_id: String,
    /// Its port number, once the switch gave one.
    pub ofport: Option<u32>,
}

/// What a hypervisor is and has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inventory {
    /// `external_ids:system-id`.
    pub system_id: String,
    /// The id of the database's root row, which no two databases share that were not copied.
    pub database: Option<Uuid>,
    /// The hypervisor.
    pub chassis: ChassisRow,
    /// Its interfaces that say to be logical ports, by name.
    pub interfaces: BTreeMap<String, Plugged>,
}

/// What happened on the connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// What the hypervisor has, for the first time or because it changed.
    Inventory(Box<Inventory>),
    /// Something worth a line in the log.
    Remark(String),
    /// The connection is over.
    Closed(String),
    /// It is over because that was asked for.
    Dismissed(String),
}

/// One OVSDB connection.
pub struct HypervisorLink {
    session: Session,
    settings: Settings,
    wanted: WantedBridge,
    peer: IpAddr,
    reported: Option<Inventory>,
    /// What is wrong with the hypervisor as it is, each said once.
    complaints: BTreeSet<String>,
    /// Why the last transaction failed, said once.
    failure: Option<String>,
    /// After a transaction that failed: when the next one may be tried.
    not_before: u64,
    /// Since when nothing but the bridge's datapath is missing.
    without_datapath: Option<u64>,
    events: VecDeque<Event>,
    output: VecDeque<Bytes>,
    /// Bytes that wait in `output`.
    queued: usize,
}

impl HypervisorLink {
    /// A connection that a hypervisor opened at `now`, in milliseconds, from `peer` to `local`.
    #[must_use]
    pub fn new(settings: Settings, peer: IpAddr, local: IpAddr, now: u64) -> Self {
        let mut wanted = WantedBridge::new(&settings.bridge);
        let address = match settings.advertise.unwrap_or(local) {
            IpAddr::V4(address) => address.to_string(),
            IpAddr::V6(address) => format!("[{address}]"),
        };
        wanted.controllers = [format!("tcp:{address}:{}", settings.openflow_port)].into();
        wanted.flow_tables = STAGES
            .iter()
            .map(|row| (row.stage.table().0, row.name.to_owned()))
            .collect();
        let mut link = Self {
            session: Session::new(Config::default(), now),
            settings,
            wanted,
            peer,
            reported: None,
            complaints: BTreeSet::new(),
            failure: None,
            not_before: 0,
            without_datapath: None,
            events: VecDeque::new(),
            output: VecDeque::new(),
            queued: 0,
        };
        link.follow(now);
        link
    }

    /// Takes bytes from the hypervisor.
    pub fn receive(&mut self, bytes: &[u8], now: u64) {
        self.session.receive(now, bytes);
        self.follow(now);
    }

    /// Tells the time.
    pub fn tick(&mut self, now: u64) {
        self.session.tick(now);
        self.follow(now);
    }

    /// When [`HypervisorLink::tick`] is to be called at the latest.
    #[must_use]
    pub fn next_timeout(&self) -> Option<u64> {
        let patience = self.without_datapath.map(|since| since + DATAPATH_PATIENCE);
        let retry = (self.not_before > 0).then_some(self.not_before);
        self.session
            .deadline()
            .into_iter()
            .chain(patience)
            .chain(retry)
            .min()
    }

    /// The next bytes for the hypervisor.
    pub fn next_output(&mut self) -> Option<Bytes> {
        let bytes = self.output.pop_front();
        self.queued -= bytes.as_ref().map_or(0, Bytes::len);
        bytes
    }

    /// The next event.
    pub fn next_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// Ends the connection and says why.
    pub fn close(&mut self, reason: String) {
        self.events.push_back(Event::Dismissed(reason));
    }

    /// How many bytes of memory the hypervisor's words take, about: those that are no whole message
    /// yet, the replica, and what waits until it reads.
    #[must_use]
    pub fn held(&self) -> usize {
        self.session.held() + self.queued
    }

    fn follow(&mut self, now: u64) {
        loop {
            let mut looked = false;
            while let Some(output) = self.session.poll() {
                match output {
                    Output::Send(bytes) => {
                        self.queued += bytes.len();
                        self.output.push_back(bytes);
                        if self.queued > MAX_OUTPUT {
                            let limit = MAX_OUTPUT;
                            let reason = Error::OutputFull { limit }.to_string();
                            self.events.push_back(Event::Closed(reason));
                            return;
                        }
                    }
                    Output::Event(SessionEvent::Closed { reason }) => {
                        self.events.push_back(Event::Closed(reason.to_string()));
                        return;
                    }
                    Output::Event(SessionEvent::TransactionDone {
                        result: Err(error), ..
                    }) => {
                        self.failed(format!("transaction failed: {error}"));
                        self.not_before = now + RETRY_DELAY;
                        looked = true;
                    }
                    Output::Event(_) => looked = true,
                }
            }
            let impatient = self
                .without_datapath
                .is_some_and(|since| now >= since + DATAPATH_PATIENCE);
            let due = impatient || (self.not_before > 0 && now >= self.not_before);
            if !looked && !due {
                return;
            }
            self.look(now);
        }
    }

    fn failed(&mut self, failure: String) {
        if self.failure.as_ref() != Some(&failure) {
            self.events.push_back(remark(&failure));
            self.failure = Some(failure);
        }
    }

    /// Takes note of all that is wrong now, and says what was not wrong before.
    fn complain(&mut self, complaints: BTreeSet<String>) {
        for complaint in complaints.difference(&self.complaints) {
            self.events.push_back(remark(complaint));
        }
        self.complaints = complaints;
    }

    /// Looks at the replica: corrects the bridge, reports what is there.
    fn look(&mut self, now: u64) {
        let Some(mirror) = self.session.mirror() else {
            return;
        };
        let mut complaints = BTreeSet::new();
        let encapsulation = inventory::encapsulation(mirror);
        self.wanted.tunnels = encapsulation
            .kinds
            .iter()
            .filter_map(|kind| {
                let ours = TunnelKind::from_name(kind.name())?;
                let ofport = u16::try_from(ours.ofport().0).ok()?;
                Some(WantedTunnel::flow_based(ours.port_name(), *kind, ofport))
            })
            .collect();
        let report = self.report(mirror, &encapsulation, &mut complaints);
        // As long as something else is to be done, patience does not count: it begins anew.
        let waiting = self.without_datapath.take();
        if now >= self.not_before {
            self.not_before = 0;
            self.correct(now, waiting, &mut complaints);
        }
        let rejected = encapsulation.rejected.iter();
        complaints.extend(rejected.map(|rejected| {
            format!("'{rejected}' in weft-encap-ip or weft-encap-type cannot be used")
        }));
        if let Some(report) = report
            && self.reported.as_ref() != Some(&report)
        {
            self.reported = Some(report.clone());
            self.events.push_back(Event::Inventory(Box::new(report)));
        }
        self.complain(complaints);
    }

    /// What the hypervisor is and has, as far as it can be recorded.
    fn report(
        &self,
        mirror: &Mirror,
        encapsulation: &Encapsulation,
        complaints: &mut BTreeSet<String>,
    ) -> Option<Inventory> {
        let bridge = &self.settings.bridge;
        let identity = inventory::identity(mirror);
        let Some(system_id) = identity.system_id else {
            complaints.insert("external_ids:system-id is not set".to_owned());
            return None;
        };
        if !fits(&system_id) {
            complaints.insert(format!(
                "external_ids:system-id is longer than {MAX_NAME} bytes"
            ));
            return None;
        }
        let mut interfaces = plugged(mirror, bridge);
        if interfaces.len() > MAX_INTERFACES {
            complaints.insert(format!(
                "more than {MAX_INTERFACES} interfaces: the others are left out"
            ));
        }
        if let Some((first, _)) = interfaces.iter().nth(MAX_INTERFACES) {
            interfaces.split_off(&first.clone());
        }
        let peer = [self.peer];
        let addresses = match &encapsulation.addresses[..] {
            [] => &peer,
            named => named,
        };
        let mut iface_types = inventory::interface_types(mirror);
        iface_types.retain(|kind| fits(kind));
        iface_types.truncate(MAX_INTERFACE_TYPES);
        let datapath = inventory::datapath_id(mirror, bridge);
        let datapath_type = choose_datapath_type(mirror, bridge);
        Some(Inventory {
            chassis: ChassisRow {
                hostname: identity
                    .hostname
                    .filter(|name| fits(name))
                    .unwrap_or_else(|| system_id.clone()),
                datapath_id: datapath.map(|id| format!("{id:016x}")),
                encaps: addresses
                    .iter()
                    .flat_map(|ip| {
                        encapsulation.kinds.iter().map(|kind| EncapRow {
                            kind: kind.name().to_owned(),
                            ip: *ip,
                        })
                    })
                    .collect(),
                datapath_type: Some(datapath_type)
                    .filter(|kind| fits(kind))
                    .unwrap_or_default(),
                iface_types,
            },
            interfaces,
            database: mirror.root().map(|(id, _)| id),
            system_id,
        })
    }

    /// Makes the bridge what it should be, one transaction at a time. `waiting` tells since when nothing
    /// but a datapath has been missing.
    fn correct(&mut self, now: u64, waiting: Option<u64>, complaints: &mut BTreeSet<String>) {
        let Some(mirror) = self.session.mirror().filter(|_| self.session.is_idle()) else {
            return;
        };
        let has_datapath = inventory::datapath_id(mirror, &self.settings.bridge).is_some();
        match reconcile(mirror, &self.wanted, self.settings.generation) {
            Ok(Some(transaction)) => {
                if let Err(error) = self.session.transact(now, transaction) {
                    complaints.insert(error.to_string());
                }
            }
            Ok(None) => {
                if !has_datapath && self.gives_up_waiting(now, waiting) {
                    self.correct(now, None, complaints);
                }
            }
            Err(error) => _ = complaints.insert(error.to_string()),
        }
    }

    /// A bridge that gets no datapath asks for a datapath type that the host does not have. True when
    /// another one is wanted from now on, which happens once.
    fn gives_up_waiting(&mut self, now: u64, waiting: Option<u64>) -> bool {
        if self.wanted.datapath_type.is_some() {
            return false;
        }
        let since = waiting.unwrap_or(now);
        if now < since + DATAPATH_PATIENCE {
            self.without_datapath = Some(since);
            return false;
        }
        self.wanted.datapath_type = Some("netdev".to_owned());
        self.events.push_back(Event::Remark(format!(
            "bridge {} got no datapath: trying datapath_type=netdev",
            self.settings.bridge
        )));
        true
    }
}

/// Whether a name is one that is recorded.
fn fits(name: &str) -> bool {
    name.len() <= MAX_NAME
}

fn remark(text: &str) -> Event {
    Event::Remark(text.chars().take(MAX_REMARK).collect())
}

/// The interfaces that say to be logical ports. A name with a slash, which no device has, would be
/// that of another row.
fn plugged(mirror: &Mirror, bridge: &str) -> BTreeMap<String, Plugged> {
    inventory::interfaces(mirror, bridge)
        .into_iter()
        .filter(|interface| fits(&interface.name) && !interface.name.contains('/'))
        .filter_map(|interface| {
            let plugged = Plugged {
                port_id: interface.iface_id.filter(|id| fits(id))?,
                ofport: interface
                    .ofport
                    .filter(|ofport| PORT_NUMBERS.contains(ofport)),
            };
            Some((interface.name, plugged))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[test]
    fn a_hypervisor_that_asks_and_never_reads_is_given_up() {
        let settings = Settings {
            bridge: "br-int".to_owned(),
            generation: 1,
            openflow_port: 6653,
            advertise: None,
        };
        let here = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let mut link = HypervisorLink::new(settings, here, here, 0);
        let schema = weft_ovsdb::tables::schema().to_json();
        link.receive(format!("{{\"id\":0,\"result\":{schema}}}").as_bytes(), 0);
        let text = "x".repeat(1 << 20);
        let echo = format!("{{\"id\":1,\"method\":\"echo\",\"params\":[\"{text}\"]}}");
        let asked = (0..100).position(|_| {
            link.receive(echo.as_bytes(), 0);
            matches!(link.next_event(), Some(Event::Closed(_)))
        });
        assert_eq!(asked, Some(15));
        assert!(link.queued <= MAX_OUTPUT + echo.len());
    }
}
