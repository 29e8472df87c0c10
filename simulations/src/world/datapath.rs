//! The frames of a world: from what is plugged in through switches and the underlay to what is plugged in elsewhere.

use std::any::Any;
use std::hash::Hasher;
use std::net::IpAddr;

use rust_openflow::PortNo;
use siphasher::sip::SipHasher13;
use weft_switch::{Frame, Tunnel};
use weft_topology::TunnelKind;

use super::attachment::Attachment;
use super::connection::Protocol;
use super::hypervisor::{Dialer, HypervisorId, Interface, Outlet};
use super::{Error, Event, World};

/// A frame that comes somewhere.
pub(super) struct Arrival {
    hypervisor: HypervisorId,
    place: Place,
    frame: Vec<u8>,
}

/// Where a frame comes.
enum Place {
    /// To what is plugged in as an interface.
    Interface(String),
    /// Out of a tunnel.
    Tunnel(TunnelKind, Tunnel),
}

impl World {
    // --- What is plugged in. ---

    /// Plugs something into a hypervisor's bridge; `iface_id` is the port that it says to be.
    ///
    /// # Errors
    /// [`Error::Ovsdb`] when there is no bridge yet, or the name is taken.
    pub fn plug(
        &mut self,
        id: HypervisorId,
        name: &str,
        iface_id: &str,
        attachment: Box<dyn Attachment>,
    ) -> Result<(), Error> {
        let hypervisor = &mut self.hypervisors[id.0];
        if let Err(error) = hypervisor.plug(name, iface_id) {
            let hypervisor = hypervisor.name.clone();
            return Err(Error::Ovsdb { hypervisor, error });
        }
        hypervisor.interfaces.insert(
            name.to_owned(),
            Interface {
                attachment,
                timer: None,
                link: true,
            },
        );
        let line = format_args!("{}: {name} is plugged in as {iface_id}", hypervisor.name);
        self.history.note(self.now, line);
        self.database_changed(id);
        // It may be a machine that runs already, and has something due.
        self.pump_attachment(id, name);
        self.pump();
        Ok(())
    }

    /// Takes out what is plugged in.
    ///
    /// # Errors
    /// [`Error::Ovsdb`] when there is no such port.
    pub fn unplug(&mut self, id: HypervisorId, name: &str) -> Result<Box<dyn Attachment>, Error> {
        let hypervisor = &mut self.hypervisors[id.0];
        if let Err(error) = hypervisor.unplug(name) {
            let hypervisor = hypervisor.name.clone();
            return Err(Error::Ovsdb { hypervisor, error });
        }
        let interface = hypervisor.interfaces.remove(name);
        let unknown = || Error::UnknownInterface {
            hypervisor: hypervisor.name.clone(),
            interface: name.to_owned(),
        };
        let interface = interface.ok_or_else(unknown)?;
        let line = format_args!("{}: {name} is taken out", hypervisor.name);
        self.history.note(self.now, line);
        self.database_changed(id);
        self.pump();
        Ok(interface.attachment)
    }

    /// What is plugged in as two interfaces changes places, as a machine does that moves.
    ///
    /// # Errors
    /// [`Error::UnknownInterface`].
    pub fn swap(
        &mut self,
        (one, one_name): (HypervisorId, &str),
        (other, other_name): (HypervisorId, &str),
    ) -> Result<(), Error> {
        let places = [(one, one_name), (other, other_name)];
        let missing = places
            .iter()
            .find(|(id, name)| !self.hypervisors[id.0].interfaces.contains_key(*name));
        if let Some((id, name)) = missing {
            return Err(Error::UnknownInterface {
                hypervisor: self.hypervisors[id.0].name.clone(),
                interface: (*name).to_owned(),
            });
        }
        let moving = self.hypervisors[one.0].interfaces.remove(one_name);
        let interfaces = &mut self.hypervisors[other.0].interfaces;
        let (Some(mut moving), Some(there)) = (moving, interfaces.get_mut(other_name)) else {
            return Ok(());
        };
        std::mem::swap(&mut moving.attachment, &mut there.attachment);
        self.hypervisors[one.0]
            .interfaces
            .insert(one_name.to_owned(), moving);
        for (id, name) in places {
            self.pump_attachment(id, name);
        }
        self.pump();
        Ok(())
    }

    /// What is plugged in as an interface, if it is of that type.
    #[must_use]
    pub fn attachment<T: Attachment>(&self, id: HypervisorId, name: &str) -> Option<&T> {
        let interface = self.hypervisors[id.0].interfaces.get(name)?;
        let any: &dyn Any = interface.attachment.as_ref();
        any.downcast_ref()
    }

    /// Does something with what is plugged in, if it is of that type; it is told what time it is, and may send
    /// afterwards.
    pub fn with_attachment<T: Attachment, R>(
        &mut self,
        id: HypervisorId,
        name: &str,
        does: impl FnOnce(&mut T, u64) -> R,
    ) -> Option<R> {
        let interface = self.hypervisors[id.0].interfaces.get_mut(name)?;
        let any: &mut dyn Any = interface.attachment.as_mut();
        let result = does(any.downcast_mut()?, self.now);
        self.pump_attachment(id, name);
        self.pump();
        Some(result)
    }

    /// Lets what is plugged in send what it has to send.
    fn pump_attachment(&mut self, id: HypervisorId, name: &str) {
        if !self.hypervisors[id.0].power {
            return;
        }
        while let Some(interface) = self.hypervisors[id.0].interfaces.get_mut(name)
            && let Some(frame) = interface.attachment.transmit(self.now)
        {
            self.counts.frames_sent += 1;
            match self.hypervisors[id.0].port_of(name) {
                Some(port) => self.ingress(id, port, Tunnel::default(), &frame),
                None => self.counts.frames_lost += 1,
            }
        }
        self.set_attachment_timer(id, name);
    }

    fn set_attachment_timer(&mut self, id: HypervisorId, name: &str) {
        let Some(interface) = self.hypervisors[id.0].interfaces.get_mut(name) else {
            return;
        };
        let Some(due) = interface.attachment.next_timeout() else {
            return;
        };
        let due = due.max(self.now);
        if interface.timer.is_none_or(|timer| due < timer) {
            interface.timer = Some(due);
            self.queue
                .push(due, Event::AttachmentTimer(id, name.to_owned()));
        }
    }

    pub(super) fn tick_attachment(&mut self, id: HypervisorId, name: &str) {
        let hypervisor = &mut self.hypervisors[id.0];
        let Some(interface) = hypervisor.interfaces.get_mut(name) else {
            return;
        };
        if interface.timer.is_some_and(|timer| timer <= self.now) {
            interface.timer = None;
        }
        if hypervisor.power {
            interface.attachment.tick(self.now);
            self.pump_attachment(id, name);
        }
    }

    /// Everything that is plugged into a hypervisor is told the time.
    pub(super) fn tick_attachments(&mut self, id: HypervisorId) {
        let names: Vec<String> = self.hypervisors[id.0].interfaces.keys().cloned().collect();
        for name in names {
            self.tick_attachment(id, &name);
        }
    }

    // --- Switches. ---

    /// A hypervisor's database changed: its switch looks at it soon.
    pub(super) fn database_changed(&mut self, id: HypervisorId) {
        if let Some(manager) = self.connection_of(id, Protocol::Ovsdb) {
            self.touched.insert(manager);
        }
        let hypervisor = &mut self.hypervisors[id.0];
        if hypervisor.power && hypervisor.switching && !hypervisor.looking {
            hypervisor.looking = true;
            let at = self.now + self.random.within(&self.settings.delays.reconfigure);
            self.queue.push(at, Event::Reconfigure(id));
        }
    }

    /// A switch looks at its database.
    pub(super) fn reconfigure(&mut self, id: HypervisorId) {
        let target = self.outside.is_none().then(|| self.controller_target());
        let hypervisor = &mut self.hypervisors[id.0];
        hypervisor.looking = false;
        if !hypervisor.power || !hypervisor.switching {
            return;
        }
        let same = hypervisor.reconfigure(target.as_deref(), self.now / 1_000);
        let wanted = same && hypervisor.wants(Protocol::OpenFlow);
        if let Some(connection) = self
            .connection_of(id, Protocol::OpenFlow)
            .filter(|_| !wanted)
        {
            self.close_far(connection, "the bridge has changed");
        }
        if self.hypervisors[id.0].dialer(Protocol::OpenFlow) == Dialer::Idle {
            self.dial_soon(id, Protocol::OpenFlow, 0);
        }
        if let Some(manager) = self.connection_of(id, Protocol::Ovsdb) {
            self.touched.insert(manager);
        }
        self.stirred.insert(id);
    }

    /// Lets a switch say what it has to say.
    pub(super) fn pump_switch(&mut self, id: HypervisorId) {
        while let Some(machine) = &mut self.hypervisors[id.0].machine
            && let Some(frame) = machine.next_frame()
        {
            self.egress(id, frame);
        }
        if let Some(connection) = self.connection_of(id, Protocol::OpenFlow) {
            self.touched.insert(connection);
        }
        while let Some(machine) = &mut self.hypervisors[id.0].machine
            && let Some((connection, reason)) = machine.closed()
        {
            self.send_all(connection);
            self.close_far(connection, &reason.to_string());
        }
        self.set_switch_timer(id);
    }

    fn set_switch_timer(&mut self, id: HypervisorId) {
        let hypervisor = &mut self.hypervisors[id.0];
        let due = hypervisor
            .machine
            .as_ref()
            .and_then(|machine| machine.next_timeout());
        let Some(due) = due.map(|due| due.saturating_mul(1_000).max(self.now)) else {
            return;
        };
        if hypervisor.timer.is_none_or(|timer| due < timer) {
            hypervisor.timer = Some(due);
            self.queue.push(due, Event::SwitchTimer(id));
        }
    }

    pub(super) fn tick_switch(&mut self, id: HypervisorId) {
        let hypervisor = &mut self.hypervisors[id.0];
        if hypervisor.timer.is_some_and(|timer| timer <= self.now) {
            hypervisor.timer = None;
        }
        if let Some(machine) = &mut hypervisor.machine {
            machine.advance(self.now / 1_000);
            self.stirred.insert(id);
        }
    }

    /// A frame comes into a switch.
    fn ingress(&mut self, id: HypervisorId, port: PortNo, tunnel: Tunnel, frame: &[u8]) {
        let hypervisor = &mut self.hypervisors[id.0];
        let Some(machine) = hypervisor.machine.as_mut().filter(|_| hypervisor.switching) else {
            self.counts.frames_lost += 1;
            return;
        };
        let frames = machine.frame(port, tunnel, frame, self.now / 1_000);
        self.stirred.insert(id);
        for frame in frames {
            self.egress(id, frame);
        }
    }

    /// A frame leaves a switch.
    fn egress(&mut self, id: HypervisorId, frame: Frame) {
        let outlet = self.hypervisors[id.0].outlets.get(&frame.port);
        match outlet {
            Some(Outlet::Interface(name)) => {
                let place = Place::Interface(name.clone());
                let at = self.now + self.settings.delays.switch;
                self.frame_at(at, id, place, frame.bytes);
            }
            Some(Outlet::Tunnel(kind)) => self.encapsulate(id, *kind, frame),
            Some(Outlet::Local) | None => self.counts.frames_lost += 1,
        }
    }

    fn frame_at(&mut self, at: u64, hypervisor: HypervisorId, place: Place, frame: Vec<u8>) {
        let arrival = Arrival {
            hypervisor,
            place,
            frame,
        };
        self.queue.push(at, Event::Frame(Box::new(arrival)));
    }

    /// A frame goes into a tunnel.
    fn encapsulate(&mut self, id: HypervisorId, kind: TunnelKind, frame: Frame) {
        let from = frame
            .tunnel
            .source
            .unwrap_or(self.hypervisors[id.0].address);
        let to = frame.tunnel.destination;
        let arrival = to.and_then(|to| {
            let receiver = *self.by_address.get(&to)?;
            let bytes = frame.bytes.len() + usize::from(kind.overhead()) + ip_header(to);
            let hash = flow_hash(&frame.bytes);
            let sent = self.now + self.settings.delays.switch;
            let ends = [from, to];
            let at = self
                .carrier
                .send(ends, hash, bytes, sent, &mut self.random)?;
            Some((receiver, at))
        });
        let Some((receiver, at)) = arrival else {
            self.counts.frames_lost += 1;
            return;
        };
        self.counts.tunnelled += 1;
        let tunnel = Tunnel {
            source: Some(from),
            ..frame.tunnel
        };
        self.frame_at(at, receiver, Place::Tunnel(kind, tunnel), frame.bytes);
    }

    /// A frame comes to a hypervisor, or to what is plugged in.
    pub(super) fn arrive(&mut self, arrival: Arrival) {
        let Arrival {
            hypervisor: id,
            place,
            frame,
        } = arrival;
        let hypervisor = &mut self.hypervisors[id.0];
        let arrived = hypervisor.power
            && match place {
                Place::Interface(name) => self.hand_over(id, &name, &frame),
                Place::Tunnel(kind, tunnel) => {
                    let is_it = |outlet: &Outlet| *outlet == Outlet::Tunnel(kind);
                    let mut outlets = hypervisor.outlets.iter();
                    match outlets
                        .find(|(_, outlet)| is_it(outlet))
                        .map(|(port, _)| *port)
                    {
                        Some(port) => {
                            self.ingress(id, port, tunnel, &frame);
                            true
                        }
                        None => false,
                    }
                }
            };
        self.counts.frames_lost += u64::from(!arrived);
    }

    /// Gives a frame to what is plugged in; false when its link is down or nothing is there.
    fn hand_over(&mut self, id: HypervisorId, name: &str, frame: &[u8]) -> bool {
        let hypervisor = &mut self.hypervisors[id.0];
        let interface = hypervisor
            .interfaces
            .get_mut(name)
            .filter(|interface| interface.link);
        let Some(interface) = interface else {
            return false;
        };
        interface.attachment.receive(self.now, frame);
        self.counts.frames_delivered += 1;
        let line = format_args!("{}: {name} gets {} bytes", hypervisor.name, frame.len());
        self.history
            .exchanged(self.now, u64::MAX - id.0 as u64, frame, line);
        self.pump_attachment(id, name);
        true
    }
}

/// The bytes of an outer IP header.
fn ip_header(address: IpAddr) -> usize {
    if address.is_ipv4() { 20 } else { 40 }
}

/// A number that all frames of a flow have: of their addresses, and of their ports where they have some.
fn flow_hash(frame: &[u8]) -> u64 {
    let part = |from: usize, length: usize| frame.get(from..from + length).unwrap_or_default();
    let mut hasher = SipHasher13::new();
    hasher.write(part(0, 12));
    let (protocol, addresses, ports) = match part(12, 2) {
        [0x08, 0x00] => {
            let header = usize::from(part(14, 1).first().map_or(5, |first| first & 0xf)) * 4;
            (part(23, 1), part(26, 8), part(14 + header, 4))
        }
        [0x86, 0xdd] => (part(20, 1), part(22, 32), part(54, 4)),
        _ => Default::default(),
    };
    hasher.write(protocol);
    hasher.write(addresses);
    // Only these have ports; what else stands there differs from packet to packet.
    if matches!(protocol, [6 | 17 | 132]) {
        hasher.write(ports);
    }
    hasher.finish()
}
