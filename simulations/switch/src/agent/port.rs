//! The switch's ports as controllers see them: description, configuration, counters.

use rust_openflow::PortNo;
use rust_openflow::message::{Port, PortDescProperty, PortStats, PortStatsProperty};
use rust_openflow::{MacAddr, Version};

use crate::meter::clock;
use crate::switch;

/// `OFPPC_*`.
const PORT_DOWN: u32 = 1;
const NO_RECV: u32 = 4;
const NO_FLOOD: u32 = 0x10;
const NO_FWD: u32 = 0x20;
const NO_PACKET_IN: u32 = 0x40;
/// `OFPPS_LIVE`.
const LIVE: u32 = 4;

/// What is told of a port to make it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortSpec {
    /// Its address.
    pub address: MacAddr,
    /// Its name, of at most 15 bytes.
    pub name: String,
    /// Whether something is at the other end.
    pub link: bool,
    /// Whether packets that are flooded go there, unless it is configured otherwise.
    pub floods: bool,
}

/// A port.
#[derive(Debug, Clone)]
pub(super) struct PortState {
    number: PortNo,
    pub(super) spec: PortSpec,
    /// `OFPPC_*`, as a controller wants it.
    pub(super) config: u32,
    made: u64,
    received: Traffic,
    sent: Traffic,
}

/// What went one way.
#[derive(Debug, Clone, Copy, Default)]
struct Traffic {
    packets: u64,
    bytes: u64,
}

impl Traffic {
    fn count(&mut self, frame: &[u8]) {
        self.packets += 1;
        self.bytes += frame.len() as u64;
    }
}

impl PortState {
    pub(super) fn new(number: PortNo, spec: PortSpec, now: u64) -> Self {
        Self {
            number,
            config: if spec.floods { 0 } else { NO_FLOOD },
            spec,
            made: now,
            received: Traffic::default(),
            sent: Traffic::default(),
        }
    }

    /// As far as packets are concerned.
    pub(super) fn executed(&self) -> switch::Port {
        switch::Port {
            up: self.is_up(),
            floods: self.config & NO_FLOOD == 0,
        }
    }

    fn is_up(&self) -> bool {
        self.spec.link && self.config & PORT_DOWN == 0
    }

    /// Counts a frame that comes in; false when it is not to be looked at.
    pub(super) fn receives(&mut self, frame: &[u8]) -> bool {
        let receives = self.is_up() && self.config & NO_RECV == 0;
        if self.is_up() {
            self.received.count(frame);
        }
        receives
    }

    /// Counts a frame that goes out; false when it does not.
    pub(super) fn sends(&mut self, frame: &[u8]) -> bool {
        let sends = self.is_up() && self.config & NO_FWD == 0;
        if sends {
            self.sent.count(frame);
        }
        sends
    }

    /// Whether the controller gets packets that come in and meet no flow.
    pub(super) fn tells_of_misses(&self) -> bool {
        self.config & NO_PACKET_IN == 0
    }

    /// What a version calls it.
    pub(super) fn describe(&self, version: Version) -> Port {
        // Only 1.0 has a bit for flooding.
        let config = match version {
            Version::V1_0 => self.config,
            _ => self.config & !NO_FLOOD,
        };
        let down = if self.is_up() { 0 } else { Port::LINK_DOWN };
        let state = match version {
            Version::V1_0 => down,
            _ if self.is_up() => LIVE,
            _ => down,
        };
        let ethernet = PortDescProperty::Ethernet {
            curr: 0,
            advertised: 0,
            supported: 0,
            peer: 0,
            curr_speed: 0,
            max_speed: 0,
        };
        Port {
            config,
            state,
            properties: match version >= Version::V1_4 {
                true => vec![ethernet],
                false => Vec::new(),
            },
            ..Port::new(self.number, self.spec.address, &self.spec.name)
        }
    }

    /// What was counted, in words of a version.
    pub(super) fn stats(&self, version: Version, now: u64) -> PortStats {
        let (duration_sec, duration_nsec) = match version >= Version::V1_3 {
            true => clock(now.saturating_sub(self.made)),
            false => (0, 0),
        };
        let ethernet = PortStatsProperty::Ethernet {
            rx_frame_err: 0,
            rx_over_err: 0,
            rx_crc_err: 0,
            collisions: 0,
        };
        PortStats {
            port: self.number,
            duration_sec,
            duration_nsec,
            rx_packets: self.received.packets,
            tx_packets: self.sent.packets,
            rx_bytes: self.received.bytes,
            tx_bytes: self.sent.bytes,
            rx_dropped: 0,
            tx_dropped: 0,
            rx_errors: 0,
            tx_errors: 0,
            rx_frame_err: 0,
            rx_over_err: 0,
            rx_crc_err: 0,
            collisions: 0,
            properties: match version >= Version::V1_4 {
                true => vec![ethernet],
                false => Vec::new(),
            },
        }
    }

    /// The bits of `OFPPC_*` that a controller can change.
    pub(super) const CHANGEABLE: u32 = PORT_DOWN | NO_RECV | NO_FLOOD | NO_FWD | NO_PACKET_IN;
}
