//! What joins hypervisors: the narrow face that a world sees of an underlay, and the plainest one.

use std::net::IpAddr;
use std::ops::RangeInclusive;

use super::random::Random;

/// What carries tunnelled frames.
pub trait Underlay {
    /// When a packet arrives that is sent `now`, in microseconds; none when it is lost. Packets with one `hash` belong to one flow.
    fn send(
        &mut self,
        from: IpAddr,
        to: IpAddr,
        hash: u64,
        bytes: usize,
        now: u64,
        random: &mut Random,
    ) -> Option<u64>;
}

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

impl Underlay for Fabric {
    fn send(
        &mut self,
        _from: IpAddr,
        _to: IpAddr,
        hash: u64,
        _bytes: usize,
        now: u64,
        random: &mut Random,
    ) -> Option<u64> {
        let width = self.delay.end().saturating_sub(*self.delay.start());
        let more = hash.checked_rem(width.saturating_add(1)).unwrap_or(0);
        (!random.chance(self.loss)).then(|| now + self.delay.start() + more)
    }
}
