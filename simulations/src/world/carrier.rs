//! What carries tunnelled frames between hypervisors: a fabric in which each is next to every other, or an underlay of devices
//! and links.

use std::net::IpAddr;
use std::ops::RangeInclusive;

use super::random::Random;
use crate::underlay::{Fate, Underlay};

/// Every hypervisor next to every other.
#[derive(Debug, Clone, PartialEq)]
pub struct Fabric {
    /// How long a packet takes, in microseconds: the same for all of a flow.
    pub delay: RangeInclusive<u64>,
    /// The share of packets that is lost, from 0 to 1.
    pub loss: f64,
}

impl Default for Fabric {
    fn default() -> Self {
        Self {
            delay: 20..=40,
            loss: 0.0,
        }
    }
}

/// What carries tunnelled frames.
#[derive(Debug)]
pub enum Carrier {
    /// A fabric.
    Fabric(Fabric),
    /// An underlay, in which hypervisors are the nodes of their names.
    Underlay(Box<Underlay>),
}

impl From<Fabric> for Carrier {
    fn from(fabric: Fabric) -> Self {
        Self::Fabric(fabric)
    }
}

impl From<Underlay> for Carrier {
    fn from(underlay: Underlay) -> Self {
        Self::Underlay(Box::new(underlay))
    }
}

impl Carrier {
    /// A hypervisor has an address.
    pub(super) fn bind(&mut self, name: &str, address: IpAddr) {
        if let Self::Underlay(underlay) = self
            && let Some(node) = underlay.graph().named(name)
        {
            underlay.bind(address, node);
        }
    }

    /// When a packet arrives that is sent `now`, in microseconds; none when it is lost. Packets with one `hash` belong to one flow.
    pub(super) fn send(
        &mut self,
        [from, to]: [IpAddr; 2],
        hash: u64,
        bytes: usize,
        now: u64,
        random: &mut Random,
    ) -> Option<u64> {
        match self {
            Self::Fabric(Fabric { delay, loss }) => {
                let width = delay.end().saturating_sub(*delay.start());
                let more = hash.checked_rem(width.saturating_add(1)).unwrap_or(0);
                (!random.chance(*loss)).then(|| now + delay.start() + more)
            }
            Self::Underlay(underlay) => match underlay.send(from, to, hash, bytes, now, random) {
                Fate::Arrives { at } => Some(at),
                Fate::Lost(_) => None,
            },
        }
    }
}
