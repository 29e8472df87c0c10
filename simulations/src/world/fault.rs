//! What goes wrong in a world, and what makes it right again.

use std::ops::RangeInclusive;

use super::World;
use super::connection::{ConnectionId, Protocol};
use super::database::Health;
use super::hypervisor::{Dialer, HypervisorId};
use crate::underlay::{LinkId, NodeId};

/// Something that goes wrong, or right again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// A hypervisor loses its power: connections fall silent, its switch loses its flows, and what is plugged in stands still.
    HypervisorDown(HypervisorId),
    /// It has power again.
    HypervisorUp(HypervisorId),
    /// A switch ends, and its connections with it.
    SwitchDown {
        /// Whose.
        hypervisor: HypervisorId,
        /// Whether it will have its flows when it comes back.
        keeps_flows: bool,
    },
    /// It starts again.
    SwitchUp(HypervisorId),
    /// A connection breaks; both ends notice.
    Cut(HypervisorId, Protocol),
    /// Nothing gets through any more, and nobody is told.
    Stall(HypervisorId, Protocol),
    /// It gets through again.
    Resume(HypervisorId, Protocol),
    /// A hypervisor reads so many bytes per second; as many as come when none.
    Slow(HypervisorId, Protocol, Option<u64>),
    /// The controller and these hypervisors do not reach each other any more.
    Partition(Vec<HypervisorId>),
    /// They do again.
    Heal(Vec<HypervisorId>),
    /// The controller ends at once.
    ControllerDown,
    /// It starts again, on what the database has.
    ControllerUp,
    /// The database is so from now on.
    Database(Health),
    /// A commit takes so long from now on, in microseconds.
    CommitDelay(RangeInclusive<u64>),
    /// The link of an interface comes up, or goes down.
    Link {
        /// Of which hypervisor.
        hypervisor: HypervisorId,
        /// Its name.
        interface: String,
        /// Whether it is up.
        up: bool,
    },
    /// A link of the underlay goes down, or comes up.
    UnderlayLink(LinkId, bool),
    /// A device of the underlay goes down with all its links, or comes up.
    UnderlayDevice(NodeId, bool),
    /// Switches are audited now.
    Audit,
}

impl World {
    /// Lets something go wrong, or right again, now.
    pub fn inject(&mut self, fault: &Fault) {
        self.carry_out(fault);
        self.pump();
    }

    pub(super) fn carry_out(&mut self, fault: &Fault) {
        self.history
            .note(self.now, format_args!("fault: {}", self.describe(fault)));
        match fault {
            Fault::HypervisorDown(id) => self.power_off(*id),
            Fault::HypervisorUp(id) => self.power_on(*id),
            Fault::SwitchDown {
                hypervisor,
                keeps_flows,
            } => self.stop_switch(*hypervisor, !keeps_flows),
            Fault::SwitchUp(id) => {
                self.hypervisors[id.0].switching = true;
                self.database_changed(*id);
            }
            Fault::Cut(id, protocol) => {
                if let Some(connection) = self.connection_of(*id, *protocol) {
                    self.close_far(connection, "it was cut");
                }
            }
            Fault::Stall(id, protocol) => {
                self.hypervisors[id.0].stalled.insert(*protocol);
            }
            Fault::Resume(id, protocol) => {
                self.hypervisors[id.0].stalled.remove(protocol);
                self.reached_again(*id);
            }
            Fault::Slow(id, protocol, rate) => self.slow(*id, *protocol, *rate),
            Fault::Partition(ids) => {
                for id in ids {
                    self.hypervisors[id.0].reachable = false;
                }
            }
            Fault::Heal(ids) => {
                for id in ids {
                    self.hypervisors[id.0].reachable = true;
                    self.reached_again(*id);
                }
            }
            Fault::ControllerDown => self.crash_controller(),
            Fault::ControllerUp => self.start_controller(),
            Fault::Database(health) => self.set_health(*health),
            Fault::CommitDelay(delay) => self.database.delay = delay.clone(),
            Fault::Link {
                hypervisor,
                interface,
                up,
            } => {
                let now = self.now / 1_000;
                self.hypervisors[hypervisor.0].set_link(interface, *up, now);
                self.stirred.insert(*hypervisor);
            }
            Fault::UnderlayLink(link, up) => {
                let now = self.now;
                if let Some(underlay) = self.underlay_mut() {
                    underlay.set_link(*link, *up, now);
                }
            }
            Fault::UnderlayDevice(node, up) => {
                let now = self.now;
                if let Some(underlay) = self.underlay_mut() {
                    underlay.set_device(*node, *up, now);
                }
            }
            Fault::Audit => self.tell(weft_member::Input::Audit),
        }
    }

    /// In words, with names.
    fn describe(&self, fault: &Fault) -> String {
        let name = |id: &HypervisorId| self.hypervisors[id.0].name.as_str();
        match fault {
            Fault::HypervisorDown(id) => format!("{} loses its power", name(id)),
            Fault::HypervisorUp(id) => format!("{} has power again", name(id)),
            Fault::SwitchDown {
                hypervisor,
                keeps_flows: true,
            } => format!(
                "the switch of {} ends and keeps its flows",
                name(hypervisor)
            ),
            Fault::SwitchDown { hypervisor, .. } => {
                format!(
                    "the switch of {} ends and loses its flows",
                    name(hypervisor)
                )
            }
            Fault::SwitchUp(id) => format!("the switch of {} starts", name(id)),
            Fault::Cut(id, protocol) => format!("{} of {} is cut", protocol.name(), name(id)),
            Fault::Stall(id, protocol) => format!("{} of {} stalls", protocol.name(), name(id)),
            Fault::Resume(id, protocol) => {
                format!("{} of {} goes on", protocol.name(), name(id))
            }
            Fault::Slow(id, protocol, rate) => {
                let rate = rate.map_or("as fast as it comes".to_owned(), |rate| {
                    format!("{rate} bytes per second")
                });
                format!("{} reads {} at {rate}", name(id), protocol.name())
            }
            Fault::Partition(ids) => format!("the controller loses {} hypervisors", ids.len()),
            Fault::Heal(ids) => format!("the controller reaches {} hypervisors again", ids.len()),
            Fault::ControllerDown => "the controller crashes".to_owned(),
            Fault::ControllerUp => "the controller is started".to_owned(),
            Fault::Database(health) => format!("the database is {health:?}").to_lowercase(),
            Fault::CommitDelay(delay) => format!("a commit takes {delay:?} us"),
            Fault::Link {
                hypervisor,
                interface,
                up,
            } => {
                format!("{interface} of {} {}", name(hypervisor), goes(*up))
            }
            Fault::UnderlayLink(link, up) => {
                let link = self
                    .underlay()
                    .map(|underlay| underlay.graph().link_name(*link));
                format!("link {} {}", link.unwrap_or_default(), goes(*up))
            }
            Fault::UnderlayDevice(node, up) => {
                let underlay = self.underlay();
                let node = underlay.and_then(|one| one.graph().as_petgraph().node_weight(*node));
                format!("{} {}", node.map_or("", |node| &node.name), goes(*up))
            }
            Fault::Audit => "switches are audited".to_owned(),
        }
    }

    /// The connection that a hypervisor has.
    pub(super) fn connection_of(
        &self,
        id: HypervisorId,
        protocol: Protocol,
    ) -> Option<ConnectionId> {
        match self.hypervisors[id.0].dialer(protocol) {
            Dialer::Connected(connection) => Some(connection),
            Dialer::Idle | Dialer::Soon(_) | Dialer::InVain => None,
        }
    }

    /// Every connection that was ever a hypervisor's and is not over at both ends.
    fn connections_of(&self, id: HypervisorId) -> Vec<ConnectionId> {
        let connections = self.connections.iter();
        let own = connections.filter(|(_, connection)| connection.hypervisor == id);
        own.map(|(number, _)| *number).collect()
    }

    fn power_off(&mut self, id: HypervisorId) {
        for connection in self.connections_of(id) {
            if let Some(connection) = self.connections.get_mut(&connection) {
                connection.to_controller.lose();
            }
            self.lose_far(connection, "the power is off");
        }
        for protocol in Protocol::ALL {
            self.set_dialer(id, protocol, Dialer::Idle);
        }
        let hypervisor = &mut self.hypervisors[id.0];
        hypervisor.power = false;
        hypervisor.stop_switch(true, self.now / 1_000);
    }

    fn power_on(&mut self, id: HypervisorId) {
        let hypervisor = &mut self.hypervisors[id.0];
        if hypervisor.power {
            return;
        }
        hypervisor.power = true;
        hypervisor.switching = true;
        self.dial_soon(id, Protocol::Ovsdb, 0);
        self.database_changed(id);
        self.reached_again(id);
        self.tick_attachments(id);
    }

    fn stop_switch(&mut self, id: HypervisorId, lost: bool) {
        let connection = self.connection_of(id, Protocol::OpenFlow);
        self.hypervisors[id.0].stop_switch(lost, self.now / 1_000);
        if let Some(connection) = connection {
            self.close_far(connection, "the switch has ended");
        }
    }

    fn slow(&mut self, id: HypervisorId, protocol: Protocol, rate: Option<u64>) {
        let rates = &mut self.hypervisors[id.0].rates;
        match rate {
            Some(rate) => _ = rates.insert(protocol, rate),
            None => _ = rates.remove(&protocol),
        }
        let connection = self.connection_of(id, protocol);
        if let Some(connection) = connection.and_then(|one| self.connections.get_mut(&one)) {
            connection.to_hypervisor.rate = rate;
        }
    }

    /// Bytes get through again between a hypervisor and the controller.
    fn reached_again(&mut self, id: HypervisorId) {
        for connection in self.connections_of(id) {
            self.deliver_late(connection);
        }
        for protocol in Protocol::ALL {
            self.dial_again(id, protocol);
        }
    }
}

const fn goes(up: bool) -> &'static str {
    if up { "comes up" } else { "goes down" }
}
