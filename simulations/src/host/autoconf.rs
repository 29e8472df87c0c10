//! Stateless address autoconfiguration (RFC 4862) and router discovery (RFC 4861, 6.3): what a host does with the
//! advertisements of routers. smoltcp's own takes one prefix and no MTU. The addresses live in `link`.

use std::net::{IpAddr, Ipv6Addr};

use ipnet::{IpNet, Ipv6Net};
use smoltcp::wire::{
    Icmpv6Message, Icmpv6Packet, NdiscOption, NdiscOptionRepr, NdiscPrefixInfoFlags,
};

use super::link::{ADDRESSES, Link, Origin};
use super::packet::interface_address;
use super::{Moment, SECOND};

use crate::world::Random;

/// Between two solicitations, and how many there are (RFC 4861, 10).
const INTERVAL: u64 = 4 * SECOND;
const SOLICITATIONS: u8 = 3;
/// Advertisements cannot shorten what is left of a lifetime below this (RFC 4862, 5.5.3).
const TWO_HOURS: u64 = 7_200 * SECOND;
/// The prefixes that addresses are made in: with the 64 bits that follow from the Ethernet address.
const PREFIX: u8 = 64;
/// The smallest MTU of IPv6 (RFC 8200, 5).
const MIN_MTU: u32 = 1280;
/// A lifetime without end, in seconds (RFC 4861, 4.6.2).
const FOR_EVER: u64 = u32::MAX as u64;

/// What a router said (RFC 4861, 4.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Advertisement {
    /// For how long it is a default router, in seconds; 0: not at all.
    lifetime: u64,
    pub(super) mtu: Option<u16>,
    prefixes: Vec<Prefix>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Prefix {
    net: Ipv6Net,
    on_link: bool,
    autonomous: bool,
    /// In seconds.
    valid: u64,
}

impl Advertisement {
    /// From the ICMPv6 message between these addresses, which came with hop limit 255.
    pub(super) fn parse(source: Ipv6Addr, destination: Ipv6Addr, message: &[u8]) -> Option<Self> {
        let packet = Icmpv6Packet::new_checked(message).ok()?;
        if packet.msg_type() != Icmpv6Message::RouterAdvert
            || packet.msg_code() != 0
            || !packet.verify_checksum(&source, &destination)
            || !source.is_unicast_link_local()
        {
            return None;
        }
        let mut advertisement = Self {
            lifetime: packet.router_lifetime().secs(),
            mtu: None,
            prefixes: Vec::new(),
        };
        let mut rest = packet.payload();
        while !rest.is_empty() {
            let option = NdiscOption::new_checked(rest).ok()?;
            // An option of no length makes the message invalid (RFC 4861, 4.6).
            let length = usize::from(option.data_len()) * 8;
            if length == 0 {
                return None;
            }
            match NdiscOptionRepr::parse(&option) {
                Ok(NdiscOptionRepr::Mtu(mtu)) if mtu >= MIN_MTU => {
                    advertisement.mtu = u16::try_from(mtu).ok();
                }
                Ok(NdiscOptionRepr::PrefixInformation(prefix)) => {
                    if let Ok(net) = Ipv6Net::new(prefix.prefix, prefix.prefix_len) {
                        advertisement.prefixes.push(Prefix {
                            net: net.trunc(),
                            on_link: prefix.flags.contains(NdiscPrefixInfoFlags::ON_LINK),
                            autonomous: prefix.flags.contains(NdiscPrefixInfoFlags::ADDRCONF),
                            valid: prefix.valid_lifetime.secs(),
                        });
                    }
                }
                _ => {}
            }
            rest = rest.get(length..)?;
        }
        Some(advertisement)
    }
}

/// The autoconfiguration of one host.
#[derive(Debug, Default)]
pub(super) struct Autoconf {
    /// When the next solicitation is due, and how many are left with it.
    solicit: Option<(u64, u8)>,
    /// When the addresses that were made end.
    made: Vec<(Ipv6Net, Option<u64>)>,
}

impl Autoconf {
    /// Begins to look for routers, after a while that differs from host to host.
    pub(super) fn start(&mut self, now: u64, random: &mut Random) {
        self.solicit = Some((now + random.below(SECOND), SOLICITATIONS));
    }

    pub(super) fn next_timeout(&self) -> Option<u64> {
        self.solicit.map(|(at, _)| at)
    }

    /// True when a solicitation is to be sent now.
    pub(super) fn advance(&mut self, now: u64) -> bool {
        let Some((_, left)) = self.solicit.filter(|(at, _)| *at <= now) else {
            return false;
        };
        self.solicit = (left > 1).then(|| (now + INTERVAL, left - 1));
        true
    }

    /// Does what a router says.
    pub(super) fn advertised(
        &mut self,
        advertisement: &Advertisement,
        router: Ipv6Addr,
        link: &mut Link,
        moment: &mut Moment<'_>,
    ) {
        let now = moment.now;
        self.solicit = None;
        let until = now + advertisement.lifetime * SECOND;
        let default = IpNet::V6(Ipv6Net::default());
        link.add_route(
            default,
            Some(IpAddr::V6(router)),
            Origin::Advertised,
            Some(until),
        );
        self.made
            .retain(|(_, until)| until.is_none_or(|until| until > now));
        for prefix in &advertisement.prefixes {
            if prefix.net.addr().is_unicast_link_local() || prefix.net.addr().is_multicast() {
                continue;
            }
            let until = (prefix.valid != FOR_EVER).then(|| now + prefix.valid * SECOND);
            if prefix.on_link {
                link.add_route(IpNet::V6(prefix.net), None, Origin::Advertised, until);
            }
            if prefix.autonomous && prefix.net.prefix_len() == PREFIX {
                self.autonomous(prefix, until, link, moment);
            }
        }
    }

    /// Makes an address of a prefix, or gives the one that there is its new lifetime (RFC 4862, 5.5.3).
    fn autonomous(
        &mut self,
        prefix: &Prefix,
        mut until: Option<u64>,
        link: &mut Link,
        moment: &mut Moment<'_>,
    ) {
        let now = moment.now;
        let address = interface_address(prefix.net.addr(), link.mac());
        let Ok(net) = Ipv6Net::new(address, PREFIX) else {
            return;
        };
        if let Some((_, left)) = self.made.iter_mut().find(|(made, _)| *made == net) {
            // Later than two hours from now, or than what is left, is believed.
            let least = left.map(|left| left.min(now + TWO_HOURS));
            *left = match (until, least) {
                (Some(until), Some(least)) => Some(until.max(least)),
                (Some(until), None) => Some(until.max(now + TWO_HOURS)),
                (None, _) => None,
            };
            until = *left;
        } else if prefix.valid > 0 && self.made.len() < ADDRESSES {
            self.made.push((net, until));
        } else {
            return;
        }
        link.add(
            IpNet::V6(net),
            Origin::Advertised,
            prefix.on_link,
            until,
            moment,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_solicitations_are_sent_and_no_more() {
        let mut autoconf = Autoconf::default();
        autoconf.start(0, &mut Random::new(3));
        let mut sent = 0;
        while let Some(at) = autoconf.next_timeout() {
            assert!(autoconf.advance(at));
            sent += 1;
        }
        assert_eq!(sent, SOLICITATIONS);
    }
}
