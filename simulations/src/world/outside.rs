//! A world whose controller is elsewhere: its hypervisors connect to a real one, and somebody carries the bytes.
//!
//! Connections are opened, fed and ended here by whoever has the sockets; everything else is as in other worlds. Time goes by
//! as that one lets it. No calls can be made, and no faults of the controller happen: it is not here.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;

use bytes::Bytes;

use super::connection::{ConnectionId, Link, Protocol, Side};
use super::hypervisor::HypervisorId;
use super::witness::{Acknowledged, Witness};
use super::{Settings, World};

/// A connection that a hypervisor opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Opened {
    /// Its number.
    pub id: ConnectionId,
    /// What is spoken.
    pub protocol: Protocol,
    /// Who opens it.
    pub hypervisor: HypervisorId,
    /// Where the hypervisor was told that its controller is, once it was.
    pub controller: Option<SocketAddr>,
}

/// What is to be carried out of the world.
#[derive(Debug, Default)]
pub(super) struct Outside {
    opened: VecDeque<Opened>,
    said: BTreeMap<ConnectionId, Vec<Bytes>>,
    ended: VecDeque<ConnectionId>,
    /// Who takes note of what switches acknowledge, when somebody wants to know.
    witness: Option<Witness>,
}

impl Outside {
    pub(super) fn open(&mut self, opened: Opened) {
        self.opened.push_back(opened);
    }

    pub(super) fn say(&mut self, id: ConnectionId, bytes: &[u8]) {
        let said = self.said.entry(id).or_default();
        said.push(Bytes::copy_from_slice(bytes));
    }

    pub(super) fn end(&mut self, id: ConnectionId) {
        self.ended.push_back(id);
        if let Some(witness) = &mut self.witness {
            witness.forget(id);
        }
    }

    /// A message of OpenFlow is said by a side.
    pub(super) fn witness(
        &mut self,
        id: ConnectionId,
        hypervisor: HypervisorId,
        side: Side,
        message: &Bytes,
    ) {
        if let Some(witness) = &mut self.witness {
            witness.see(id, hypervisor, side, message);
        }
    }
}

impl World {
    /// A world without a controller of its own: hypervisors connect to one that is reached from outside, wherever it tells
    /// them that it is.
    #[must_use]
    pub fn without_controller(settings: Settings) -> Self {
        let mut world = Self::empty(settings);
        world.outside = Some(Outside::default());
        world
    }

    /// The next connection that a hypervisor opens.
    pub fn next_opened(&mut self) -> Option<Opened> {
        self.outside.as_mut()?.opened.pop_front()
    }

    /// What hypervisors have said since this was last asked, by connection.
    pub fn take_said(&mut self) -> BTreeMap<ConnectionId, Vec<Bytes>> {
        let outside = self.outside.as_mut();
        outside.map_or_else(BTreeMap::new, |outside| std::mem::take(&mut outside.said))
    }

    /// The next connection that a hypervisor has ended. What it said before comes first.
    pub fn next_ended(&mut self) -> Option<ConnectionId> {
        self.outside.as_mut()?.ended.pop_front()
    }

    /// The controller says something on a connection.
    pub fn hear(&mut self, id: ConnectionId, bytes: Bytes) {
        if let Some(connection) = self.connections.get_mut(&id)
            && let Some(Link::Outside(heard)) = &mut connection.link
        {
            heard.push(connection.protocol, bytes);
            self.touched.insert(id);
            self.pump();
        }
    }

    /// The controller has ended a connection, or was not to be reached.
    pub fn hang_up(&mut self, id: ConnectionId) {
        self.end_link(id, "the controller has ended it");
        self.pump();
    }

    /// From now on it is noted what switches acknowledge.
    pub fn watch_acknowledgements(&mut self) {
        if let Some(outside) = &mut self.outside {
            outside.witness.get_or_insert_default();
        }
    }

    /// What switches have acknowledged since this was last asked, when it is watched. The acknowledgements are said no later
    /// than what is next taken.
    pub fn take_acknowledged(&mut self) -> Vec<Acknowledged> {
        let outside = self.outside.as_mut();
        let witness = outside.and_then(|outside| outside.witness.as_mut());
        witness.map_or_else(Vec::new, Witness::take)
    }

    /// When the next thing happens, in microseconds, as far as is known.
    #[must_use]
    pub fn next_event(&self) -> Option<u64> {
        self.queue.next_time()
    }
}
