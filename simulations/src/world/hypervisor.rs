//! A hypervisor: its OVSDB server, its switch, and what is plugged in.
//!
//! It does with the database's content what `ovs-vswitchd` does: gives numbers to ports, makes tunnels, knows whom to connect to.
//! How bytes and frames get from here to there is [`super::World`]'s.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use rust_openflow::{DatapathId, MacAddr, PortNo};
use weft_ovsdb::server::{Plug, Server};
use weft_ovsdb::{Row, Uuid};
use weft_switch::agent::PortSpec;
use weft_switch::thin::Pool;
use weft_topology::TunnelKind;

use super::attachment::Attachment;
use super::connection::{ConnectionId, Protocol, Traffic};
use super::machine::{Execution, Machine};

/// The bridge that is Weft's.
pub const BRIDGE: &str = "br-int";

/// What Open vSwitch writes down as the number of a bridge's own port.
const LOCAL: i64 = 65_534;

/// Names a hypervisor of a world.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HypervisorId(pub(super) usize);

impl HypervisorId {
    /// Its number, from 0.
    #[must_use]
    pub const fn number(self) -> usize {
        self.0
    }
}

/// What is behind a port of the switch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outlet {
    /// The interface of this name.
    Interface(String),
    /// The underlay.
    Tunnel(TunnelKind),
    /// The host itself.
    Local,
}

/// Something that is plugged in.
pub(super) struct Interface {
    pub(super) attachment: Box<dyn Attachment>,
    /// For when it is to be told the time.
    pub(super) timer: Option<u64>,
    /// Whether its link is up.
    pub(super) link: bool,
}

/// Where a client is with its connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Dialer {
    /// It does not want one.
    #[default]
    Idle,
    /// It will try, by an event of this number.
    Soon(u64),
    /// It tries, and nobody is there.
    InVain,
    /// It has one.
    Connected(ConnectionId),
}

/// A hypervisor.
pub(super) struct Hypervisor {
    pub(super) name: String,
    pub(super) address: IpAddr,
    pub(super) ovsdb: Server,
    /// Its switch, once the database has a bridge.
    pub(super) machine: Option<Machine>,
    execution: Execution,
    pool: Pool,
    /// Whether it has power.
    pub(super) power: bool,
    /// Whether its switch runs.
    pub(super) switching: bool,
    /// Whether the controller's network reaches it.
    pub(super) reachable: bool,
    /// What does not get through all the same.
    pub(super) stalled: BTreeSet<Protocol>,
    /// How many bytes per second it reads, where that is limited.
    pub(super) rates: BTreeMap<Protocol, u64>,
    /// Whether its switch will look at the database.
    pub(super) looking: bool,
    /// Whether the database names a controller.
    pub(super) has_controller: bool,
    pub(super) dialers: BTreeMap<Protocol, Dialer>,
    /// How often in a row the OVSDB server tried to connect in vain.
    pub(super) tries: u32,
    pub(super) interfaces: BTreeMap<String, Interface>,
    pub(super) outlets: BTreeMap<PortNo, Outlet>,
    /// For when the switch is to be told the time.
    pub(super) timer: Option<u64>,
    pub(super) traffic: BTreeMap<Protocol, Traffic>,
    /// Flow-mods that its switch was sent.
    pub(super) flow_mods: u64,
}

impl Hypervisor {
    pub(super) fn new(
        number: usize,
        name: &str,
        address: IpAddr,
        says_address: bool,
        execution: Execution,
        pool: Pool,
    ) -> Self {
        let (hostname, encap) = (format!("{name}.example"), address.to_string());
        let mut ids = vec![("system-id", name), ("hostname", hostname.as_str())];
        ids.extend(says_address.then_some(("weft-encap-ip", encap.as_str())));
        Self {
            name: name.to_owned(),
            address,
            ovsdb: Server::hypervisor(number as u64 + 1, &ids),
            machine: None,
            execution,
            pool,
            power: true,
            switching: true,
            reachable: true,
            stalled: BTreeSet::new(),
            rates: BTreeMap::new(),
            looking: false,
            has_controller: false,
            dialers: Protocol::ALL
                .map(|protocol| (protocol, Dialer::Idle))
                .into(),
            tries: 0,
            interfaces: BTreeMap::new(),
            outlets: BTreeMap::new(),
            timer: None,
            traffic: Protocol::ALL
                .map(|protocol| (protocol, Traffic::default()))
                .into(),
            flow_mods: 0,
        }
    }

    pub(super) fn dialer(&self, protocol: Protocol) -> Dialer {
        self.dialers.get(&protocol).copied().unwrap_or_default()
    }

    /// Whether whoever wants that connection runs.
    pub(super) fn wants(&self, protocol: Protocol) -> bool {
        self.power
            && match protocol {
                Protocol::Ovsdb => true,
                Protocol::OpenFlow => self.switching && self.has_controller,
            }
    }

    /// Plugs something into the bridge, as `ovs-vsctl add-port` does.
    pub(super) fn plug(&mut self, name: &str, iface_id: &str) -> Result<(), weft_ovsdb::Error> {
        self.ovsdb.plug(&Plug {
            bridge: BRIDGE.to_owned(),
            name: name.to_owned(),
            external_ids: [("iface-id".to_owned(), iface_id.to_owned())].into(),
            tag: None,
        })
    }

    /// Takes a port out of the bridge, as `ovs-vsctl del-port` does.
    pub(super) fn unplug(&mut self, name: &str) -> Result<(), weft_ovsdb::Error> {
        self.ovsdb.unplug(BRIDGE, name)
    }

    /// Whether bytes of a protocol get through to the controller.
    pub(super) fn reaches_controller(&self, protocol: Protocol) -> bool {
        self.power && self.reachable && !self.stalled.contains(&protocol)
    }

    /// Does what the switch does when the database changed; `ours` is the target that leads to our controller, which any does
    /// when it is elsewhere. False when the switch is another one now, so that its connections have to end.
    pub(super) fn reconfigure(&mut self, ours: Option<&str>, now: u64) -> bool {
        self.ovsdb.run_switch();
        let is_ours = |target| ours.is_none_or(|ours| ours == target);
        let has_controller = self.controllers().any(is_ours);
        self.has_controller = has_controller;
        let datapath = self.datapath();
        let same = self.machine.as_ref().map(Machine::datapath) == datapath;
        if !same {
            let make = |datapath| Machine::new(self.execution, datapath, &self.pool);
            self.machine = datapath.map(make);
            self.outlets.clear();
        }
        self.set_ports(now);
        same
    }

    /// The targets that the database names controllers by.
    pub(super) fn controllers(&self) -> impl Iterator<Item = &str> {
        let rows = self.ovsdb.database().rows("Controller");
        rows.map(|(_, row)| row.str("target"))
    }

    /// Makes the ports of the switch those of the database.
    fn set_ports(&mut self, now: u64) {
        let ports = self.bridge_ports();
        let Some(machine) = &mut self.machine else {
            return;
        };
        let gone = |number: &PortNo| !ports.contains_key(number);
        let gone: Vec<PortNo> = self.outlets.keys().copied().filter(gone).collect();
        for number in gone {
            self.outlets.remove(&number);
            machine.set_port(number, None, now);
        }
        for (number, (name, kind)) in ports {
            let outlet = match TunnelKind::from_name(&kind) {
                Some(kind) => Outlet::Tunnel(kind),
                None if number == PortNo::LOCAL => Outlet::Local,
                None => Outlet::Interface(name.clone()),
            };
            if self.outlets.get(&number) == Some(&outlet) {
                continue;
            }
            let link = self
                .interfaces
                .get(&name)
                .is_none_or(|interface| interface.link);
            machine.set_port(number, Some(spec(number, &name, link)), now);
            self.outlets.insert(number, outlet);
        }
    }

    /// The identity of the bridge, once the switch has made it.
    pub(super) fn datapath(&self) -> Option<DatapathId> {
        let text = self.bridge()?.get("datapath_id").as_str()?;
        Some(DatapathId(u64::from_str_radix(text, 16).ok()?))
    }

    /// The number of an interface's port.
    pub(super) fn port_of(&self, interface: &str) -> Option<PortNo> {
        let is_it =
            |outlet: &Outlet| matches!(outlet, Outlet::Interface(name) if name == interface);
        let mut outlets = self.outlets.iter();
        outlets
            .find(|(_, outlet)| is_it(outlet))
            .map(|(number, _)| *number)
    }

    /// An interface's link comes up or goes down.
    pub(super) fn set_link(&mut self, name: &str, link: bool, now: u64) {
        let Some(interface) = self.interfaces.get_mut(name) else {
            return;
        };
        interface.link = link;
        if let (Some(number), Some(machine)) = (self.port_of(name), &mut self.machine) {
            machine.set_port(number, Some(spec(number, name, link)), now);
        }
    }

    /// The switch ends, with its tables when they are to be `lost`.
    pub(super) fn stop_switch(&mut self, lost: bool, now: u64) {
        self.switching = false;
        let ports = std::mem::take(&mut self.outlets);
        if lost {
            self.machine = None;
        }
        if let Some(machine) = &mut self.machine {
            for number in ports.into_keys() {
                machine.set_port(number, None, now);
            }
        }
    }

    fn bridge(&self) -> Option<&Row> {
        let mut bridges = self.ovsdb.database().rows("Bridge");
        bridges
            .find(|(_, row)| row.str("name") == BRIDGE)
            .map(|(_, row)| row)
    }

    /// The numbered interfaces of the bridge: name and type.
    fn bridge_ports(&self) -> BTreeMap<PortNo, (String, String)> {
        let database = self.ovsdb.database();
        let rows = |table: &'static str, ids: Vec<Uuid>| {
            ids.into_iter()
                .filter_map(move |id| database.row(table, id))
        };
        let ids = |row: &Row, column: &str| row.get(column).uuids().collect::<Vec<_>>();
        let ports = self
            .bridge()
            .into_iter()
            .flat_map(|row| rows("Port", ids(row, "ports")));
        let interfaces = ports.flat_map(|port| rows("Interface", ids(port, "interfaces")));
        interfaces
            .filter_map(|row| {
                let number = match row.get("ofport").as_integer()? {
                    LOCAL => PortNo::LOCAL,
                    number => PortNo(u32::try_from(number).ok()?),
                };
                Some((
                    number,
                    (row.str("name").to_owned(), row.str("type").to_owned()),
                ))
            })
            .collect()
    }
}

/// What a switch says of a port. Names are as long as there is room for (`OFP_MAX_PORT_NAME_LEN`).
fn spec(number: PortNo, name: &str, link: bool) -> PortSpec {
    const NAME: usize = 15;
    let [.., a, b] = number.0.to_be_bytes();
    PortSpec {
        address: MacAddr([0x02, 0, 0, 0, a, b]),
        name: name.chars().take(NAME).collect(),
        link,
        floods: true,
    }
}
