//! What happened to a packet, as a tree: the flows that it met, and what each of them led to.
//!
//! Recorded by [`crate::execute`] when it is asked for; a packet that is not traced costs nothing more. What tables and flows
//! mean to whoever made them is not known here.

use std::sync::Arc;

use rust_openflow::message::Received;
use rust_openflow::{GroupId, MeterId, PortNo, TableId};

use crate::execute::Output;
use crate::packet::Tunnel;
use crate::table::Flow;

/// Something that happened to a packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// It came to a table and met a flow there; none when no flow is for it.
    Lookup {
        /// The table.
        table: TableId,
        /// The flow.
        flow: Option<Arc<Flow>>,
    },
    /// It is looked up again, and what follows comes back.
    Resubmit {
        /// As if it had come in there.
        port: PortNo,
        /// Where.
        table: TableId,
    },
    /// A copy of it goes its own way.
    Copy,
    /// It goes to a group; each bucket that is chosen gets a copy. None when there is no such group.
    Group {
        /// The group.
        group: GroupId,
        /// How many buckets are chosen.
        buckets: usize,
    },
    /// Connection tracking looks at it.
    Track {
        /// The zone.
        zone: u16,
        /// Whether a new connection is remembered.
        commit: bool,
        /// What is found out, as bits of `ct_state`.
        state: u32,
    },
    /// It is measured.
    Meter {
        /// The meter.
        meter: MeterId,
        /// Whether it goes on.
        passes: bool,
    },
    /// It leaves by a port.
    Output {
        /// The port.
        port: PortNo,
        /// What a tunnel port writes into the outer headers.
        tunnel: Tunnel,
        /// The frame as it is then.
        frame: Vec<u8>,
    },
    /// It does not leave by a port.
    Withheld {
        /// The port.
        port: PortNo,
        /// Why.
        reason: Withheld,
    },
    /// The controller gets it.
    Controller(Box<Received>),
    /// It went round too often: everything that came of it is dropped.
    TooOften,
}

/// Why a packet does not leave by a port that it was sent to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Withheld {
    /// It came in there, and goes back only when that is said.
    CameFrom,
    /// The port is down.
    Down,
}

impl Event {
    /// Whether what follows deeper belongs to it.
    fn is_lookup(&self) -> bool {
        matches!(self, Self::Lookup { .. })
    }
}

/// An event with what it led to, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// What happened.
    pub event: Event,
    /// What came of it.
    pub then: Vec<Node>,
}

/// What happened to a packet and what came out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trace {
    /// What happened, in order.
    pub nodes: Vec<Node>,
    /// What came out.
    pub outputs: Vec<Output>,
}

/// Takes down what happens, in order, each with the depth of resubmits, groups and copies that it happens in.
#[derive(Debug, Default)]
pub(crate) struct Recorder(Vec<(usize, Event)>);

impl Recorder {
    pub(crate) fn record(&mut self, depth: usize, event: Event) {
        self.0.push((depth, event));
    }

    /// The tree. Within one depth, a flow's events stand below it, and the flow of the next table beside it.
    pub(crate) fn tree(self) -> Vec<Node> {
        // The way from the root to where the next event is put.
        let mut open: Vec<(usize, Node)> = Vec::new();
        let mut roots = Vec::new();
        for (depth, event) in self.0 {
            let level = 2 * depth + usize::from(!event.is_lookup());
            close(&mut open, &mut roots, level);
            let then = Vec::new();
            open.push((level, Node { event, then }));
        }
        close(&mut open, &mut roots, 0);
        roots
    }
}

/// Puts the nodes of a level and deeper ones where they belong.
fn close(open: &mut Vec<(usize, Node)>, roots: &mut Vec<Node>, level: usize) {
    while open.last().is_some_and(|(deep, _)| *deep >= level) {
        let Some((_, node)) = open.pop() else {
            return;
        };
        match open.last_mut() {
            Some((_, parent)) => parent.then.push(node),
            None => roots.push(node),
        }
    }
}
