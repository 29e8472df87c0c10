//! A connection between a hypervisor and the controller: its two ends and the bytes between them.
//!
//! Each end lives by itself, as ends of TCP connections do: one may be gone for long before the other learns of it.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};
use rust_openflow::message::{HEADER_LEN, Header};
use weft_member::hypervisor_link::HypervisorLink;
use weft_member::switch_link::SwitchLink;

use super::hypervisor::HypervisorId;
use super::stream::Stream;

/// Names a connection, for the controller's member as well; numbers are never used again.
pub type ConnectionId = u64;

/// What is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Protocol {
    /// OVSDB (RFC 7047).
    Ovsdb,
    /// OpenFlow.
    OpenFlow,
}

impl Protocol {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Ovsdb, Self::OpenFlow];

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ovsdb => "OVSDB",
            Self::OpenFlow => "OpenFlow",
        }
    }
}

/// An end of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    /// The controller's.
    Controller,
    /// The hypervisor's.
    Hypervisor,
}

impl Side {
    /// Both.
    pub(super) const ALL: [Self; 2] = [Self::Controller, Self::Hypervisor];

    /// The other one.
    pub(super) const fn other(self) -> Self {
        match self {
            Self::Controller => Self::Hypervisor,
            Self::Hypervisor => Self::Controller,
        }
    }
}

/// The controller's machine.
pub(super) enum Link {
    Ovsdb(Box<HypervisorLink>),
    OpenFlow(Box<SwitchLink>),
    /// It is elsewhere.
    Outside(Heard),
}

impl Link {
    pub(super) fn receive(&mut self, bytes: &[u8], now: u64) {
        match self {
            Self::Ovsdb(link) => link.receive(bytes, now),
            Self::OpenFlow(link) => link.receive(bytes, now),
            Self::Outside(_) => {}
        }
    }

    pub(super) fn tick(&mut self, now: u64) {
        match self {
            Self::Ovsdb(link) => link.tick(now),
            Self::OpenFlow(link) => link.tick(now),
            Self::Outside(_) => {}
        }
    }

    pub(super) fn next_timeout(&self) -> Option<u64> {
        match self {
            Self::Ovsdb(link) => link.next_timeout(),
            Self::OpenFlow(link) => link.next_timeout(),
            Self::Outside(_) => None,
        }
    }

    pub(super) fn next_output(&mut self) -> Option<Bytes> {
        match self {
            Self::Ovsdb(link) => link.next_output(),
            Self::OpenFlow(link) => link.next_output(),
            Self::Outside(heard) => heard.messages.pop_front(),
        }
    }
}

/// What a controller elsewhere has said and was not sent on yet: messages of OpenFlow, bytes of OVSDB as they came.
#[derive(Debug, Default)]
pub(super) struct Heard {
    messages: VecDeque<Bytes>,
    /// The beginning of a message of OpenFlow.
    partial: BytesMut,
}

impl Heard {
    pub(super) fn push(&mut self, protocol: Protocol, bytes: Bytes) {
        if protocol == Protocol::Ovsdb {
            self.messages.push_back(bytes);
            return;
        }
        self.partial.extend_from_slice(&bytes);
        while let Some(header) = Header::peek(&self.partial) {
            // No message is shorter than its header: who says so is answered by the switch.
            let length = usize::from(header.length).max(HEADER_LEN);
            if self.partial.len() < length {
                return;
            }
            self.messages
                .push_back(self.partial.split_to(length).freeze());
        }
    }
}

/// The hypervisor's end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Far {
    Ovsdb(weft_ovsdb::server::ConnectionId),
    OpenFlow,
}

/// What was said over connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Traffic {
    /// Messages that were sent to the hypervisor.
    pub messages_to_hypervisor: u64,
    /// Messages that were sent to the controller.
    pub messages_to_controller: u64,
    /// Bytes that came to the hypervisor.
    pub to_hypervisor: u64,
    /// Bytes that came to the controller.
    pub to_controller: u64,
}

/// A connection.
pub(super) struct Connection {
    pub(super) hypervisor: HypervisorId,
    pub(super) protocol: Protocol,
    /// The controller's end, until it is closed.
    pub(super) link: Option<Link>,
    /// Whether the member was told of it.
    pub(super) known: bool,
    /// The hypervisor's end, until it is closed.
    pub(super) far: Option<Far>,
    pub(super) to_controller: Stream,
    pub(super) to_hypervisor: Stream,
    /// When the hypervisor's end heard something last.
    pub(super) heard: u64,
    /// For when the controller's end is to be told the time.
    pub(super) timer: Option<u64>,
}

impl Connection {
    /// What is on its way to a side.
    pub(super) fn toward(&mut self, side: Side) -> &mut Stream {
        match side {
            Side::Controller => &mut self.to_controller,
            Side::Hypervisor => &mut self.to_hypervisor,
        }
    }

    /// Whether an end is there.
    pub(super) fn is_open(&self, side: Side) -> bool {
        match side {
            Side::Controller => self.link.is_some(),
            Side::Hypervisor => self.far.is_some(),
        }
    }
}
