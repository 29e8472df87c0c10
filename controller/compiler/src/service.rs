//! What the controller answers itself, and the limits on what reaches it.
//!
//! A packet that a switch hands up carries its service in the packet-in's user data and its sender in
//! the in-port slot. It has passed a meter of its port and service, so that no port can keep the
//! controller from answering the others.

use rust_openflow::message::Received;
use rust_openflow::{MeterId, PortNo};
use weft_topology::PortKey;

use crate::pipeline::Slot;

/// Rows of services: variant, number in user data, name, packets per second, burst, sentence.
macro_rules! services {
    ($($service:ident = $number:literal $name:literal $rate:literal $burst:literal $doc:literal;)*) => {
        /// What the controller answers itself.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Service { $(#[doc = $doc] $service,)* }

        impl Service {
            /// Every service.
            pub const ALL: &'static [Self] = &[$(Self::$service,)*];

            /// Its number in user data.
            #[must_use]
            pub const fn number(self) -> u8 {
                match self { $(Self::$service => $number,)* }
            }

            /// Its name in metrics and logs.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$service => $name,)* }
            }

            /// How many packets per second one port may send to it, and how many at once.
            #[must_use]
            pub const fn limit(self) -> (u32, u32) {
                match self { $(Self::$service => ($rate, $burst),)* }
            }
        }
    };
}

services! {
    Dhcp4 = 1 "dhcp4" 20 40 "DHCP for IPv4.";
}

/// One more than the largest number of a port (`OFPP_MAX` of Open vSwitch, `0xff00` of OpenFlow 1.0).
const PORT_NUMBERS: u32 = 0xff00;

impl Service {
    /// The meter of a port's packets to this service: a number of the switch's own, as port numbers are.
    /// It is small, because a switch has meters up to a largest number only: 200,000 in the kernel
    /// (`DP_METER_NUM_MAX`), 262,144 in Open vSwitch's own datapath.
    #[must_use]
    pub fn meter(self, ofport: PortNo) -> MeterId {
        MeterId(u32::from(self.number() - 1) * PORT_NUMBERS + ofport.0)
    }

    /// What a packet-in is for, and the key of the port that sent the packet; none when no flow of
    /// this pipeline handed it up.
    #[must_use]
    pub fn of(received: &Received) -> Option<(Self, PortKey)> {
        let [number] = received.userdata[..] else {
            return None;
        };
        let service = Self::ALL
            .iter()
            .find(|service| service.number() == number)?;
        let key = received.packet_in.field(Slot::InPort.row().field)?;
        Some((*service, PortKey::new(u32::try_from(key).ok()?)?))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// `DP_METER_NUM_MAX` of Linux, `net/openvswitch/meter.h`.
    const METERS: u32 = 200_000;

    #[test]
    fn every_port_number_has_a_meter_of_its_own_that_every_switch_has() {
        let ports = || 1..PORT_NUMBERS;
        let meters: BTreeSet<u32> = Service::ALL
            .iter()
            .flat_map(|service| ports().map(|port| service.meter(PortNo(port)).0))
            .collect();
        assert_eq!(meters.len(), Service::ALL.len() * ports().count());
        assert!(meters.first() > Some(&0) && meters.last() <= Some(&METERS));
    }
}
