//! The DHCPv4 client (RFC 2131, 4.4): a state machine of messages and time. smoltcp's own client asks for three options
//! and shows no other; a cloud gives routes (RFC 3442) and the MTU too. How a lease becomes addresses and routes is
//! the business of `link`.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use rust_openflow::MacAddr;
use smoltcp::wire::{DhcpMessageType, DhcpOption, DhcpPacket, DhcpRepr, EthernetAddress};

use super::SECOND;
use super::packet::unicast;

use crate::world::Random;

/// The UDP ports of servers and clients (RFC 2131, 4.1).
pub(super) const SERVER_PORT: u16 = 67;
pub(super) const CLIENT_PORT: u16 = 68;

/// Option codes (RFC 2132; RFC 3442).
mod code {
    pub(super) const MASK: u8 = 1;
    pub(super) const ROUTER: u8 = 3;
    pub(super) const RESOLVERS: u8 = 6;
    pub(super) const MTU: u8 = 26;
    pub(super) const CLASSLESS_ROUTES: u8 = 121;
}

/// What is asked for, in the order of RFC 3442: routes before the router.
const PARAMETERS: &[u8] = &[
    code::MASK,
    code::CLASSLESS_ROUTES,
    code::ROUTER,
    code::RESOLVERS,
    code::MTU,
];
/// The largest message that is accepted, in bytes: that of an Ethernet frame.
const MAX_SIZE: u16 = 1500;
/// A lease for ever (RFC 2131, 3.3).
const FOR_EVER: u32 = u32::MAX;
/// How long a lease is that says nothing of it, in seconds.
const DEFAULT_LEASE: u32 = 3600;
/// The shortest wait before a renewal is tried again (RFC 2131, 4.4.5).
const RENEW_AGAIN: u64 = 60 * SECOND;
/// How often an offer is requested before the client begins anew.
const REQUESTS: u32 = 4;
/// The longest wait is the fifth: 64 seconds (RFC 2131, 4.1).
const LONGEST_WAIT: u32 = 4;
/// How many routes of a lease are taken.
const ROUTES: usize = 32;
/// MTUs that IPv4 works with (RFC 2132, 5.1; RFC 791).
const MTU: std::ops::RangeInclusive<u16> = 576..=u16::MAX;

/// What a server gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Lease {
    pub(super) address: Ipv4Net,
    pub(super) server: Ipv4Addr,
    /// Where to, and by which router; none for a network of the same link.
    pub(super) routes: Vec<(Ipv4Net, Option<Ipv4Addr>)>,
    pub(super) mtu: Option<u16>,
    pub(super) seconds: u32,
    /// When it is to be renewed with its server, when with any, and when it ends: T1, T2, expiry.
    times: Option<[u64; 3]>,
}

#[derive(Debug)]
enum State {
    /// Looking for servers (INIT and SELECTING).
    Selecting,
    /// Asking one of them for what it offered.
    Requesting { address: Ipv4Addr, server: Ipv4Addr },
    /// Having a lease, and renewing it when it is time (BOUND, RENEWING, REBINDING).
    Bound(Lease),
}

/// What came of a message or of time.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// The lease is new, or renewed.
    Leased { lease: Lease, renewed: bool },
    /// There is no lease any more, or not yet: the server refused.
    Refused { server: Ipv4Addr },
    /// The lease ended.
    Expired,
}

/// A message to send from `source` to `destination`.
#[derive(Debug)]
pub(super) struct Message {
    pub(super) source: Ipv4Addr,
    pub(super) destination: Ipv4Addr,
    pub(super) payload: Vec<u8>,
}

/// The client of one host.
#[derive(Debug)]
pub(super) struct Client {
    mac: MacAddr,
    state: State,
    /// The number of this exchange.
    xid: u32,
    /// When the exchange began.
    began: u64,
    /// How often the message of this state was sent.
    tries: u32,
    /// When something is due; none when the lease is for ever.
    at: Option<u64>,
}

impl Client {
    /// A client that begins now.
    pub(super) fn new(mac: MacAddr, now: u64, random: &mut Random) -> Self {
        Self {
            mac,
            state: State::Selecting,
            xid: random.bits() as u32,
            began: now,
            tries: 0,
            at: Some(now),
        }
    }

    pub(super) const fn next_timeout(&self) -> Option<u64> {
        self.at
    }

    /// Does what is due.
    pub(super) fn advance(
        &mut self,
        now: u64,
        random: &mut Random,
    ) -> (Option<Message>, Option<Change>) {
        if self.at.is_none_or(|at| at > now) {
            return (None, None);
        }
        match &self.state {
            State::Requesting { .. } if self.tries == REQUESTS => self.restart(now, random),
            State::Bound(lease) if lease.times.is_some_and(|[.., end]| end <= now) => {
                self.restart(now, random);
                let (message, _) = self.advance(now, random);
                return (message, Some(Change::Expired));
            }
            _ => {}
        }
        let message = self.message(now, random);
        self.at = self.next(now, random);
        self.tries = self.tries.saturating_add(1);
        (message, None)
    }

    /// Takes what a server sent to the client's port.
    pub(super) fn receive(
        &mut self,
        payload: &[u8],
        now: u64,
        random: &mut Random,
    ) -> Option<Change> {
        let packet = DhcpPacket::new_checked(payload).ok()?;
        let repr = DhcpRepr::parse(&packet).ok()?;
        if repr.client_hardware_address.0 != self.mac.0 || repr.transaction_id != self.xid {
            return None;
        }
        let server = repr.server_identifier?;
        match (&self.state, repr.message_type) {
            (State::Selecting, DhcpMessageType::Offer) if unicast(repr.your_ip.into()) => {
                let address = repr.your_ip;
                self.state = State::Requesting { address, server };
                self.tries = 0;
                self.at = Some(now);
                None
            }
            (State::Requesting { .. } | State::Bound(_), DhcpMessageType::Ack) => {
                let renewed = matches!(self.state, State::Bound(_));
                let lease = read(&packet, &repr, server, now)?;
                self.at = lease.times.map(|[renew, ..]| renew);
                self.tries = 0;
                self.state = State::Bound(lease.clone());
                Some(Change::Leased { lease, renewed })
            }
            (State::Requesting { .. } | State::Bound(_), DhcpMessageType::Nak) => {
                self.restart(now, random);
                Some(Change::Refused { server })
            }
            _ => None,
        }
    }

    fn restart(&mut self, now: u64, random: &mut Random) {
        *self = Self::new(self.mac, now, random);
    }

    /// The message of this state.
    fn message(&mut self, now: u64, random: &mut Random) -> Option<Message> {
        let mut repr = self.empty(now);
        let (mut source, mut destination) = (Ipv4Addr::UNSPECIFIED, Ipv4Addr::BROADCAST);
        match &self.state {
            State::Selecting => repr.message_type = DhcpMessageType::Discover,
            State::Requesting { address, server } => {
                repr.requested_ip = Some(*address);
                repr.server_identifier = Some(*server);
            }
            State::Bound(lease) => {
                source = lease.address.addr();
                repr.client_ip = source;
                if lease.times.is_some_and(|[_, rebind, _]| now < rebind) {
                    destination = lease.server;
                }
                if self.tries == 0 {
                    self.xid = random.bits() as u32;
                    self.began = now;
                    repr.transaction_id = self.xid;
                    repr.secs = 0;
                }
            }
        }
        let mut payload = vec![0; repr.buffer_len()];
        repr.emit(&mut DhcpPacket::new_unchecked(&mut payload))
            .ok()?;
        Some(Message {
            source,
            destination,
            payload,
        })
    }

    /// A DHCPREQUEST without what makes it one of a state.
    fn empty(&self, now: u64) -> DhcpRepr<'static> {
        let mac = EthernetAddress(self.mac.0);
        let options: &'static [DhcpOption<'static>] = &[];
        DhcpRepr {
            message_type: DhcpMessageType::Request,
            transaction_id: self.xid,
            secs: u16::try_from((now.saturating_sub(self.began)) / SECOND).unwrap_or(u16::MAX),
            client_hardware_address: mac,
            client_ip: Ipv4Addr::UNSPECIFIED,
            your_ip: Ipv4Addr::UNSPECIFIED,
            server_ip: Ipv4Addr::UNSPECIFIED,
            router: None,
            subnet_mask: None,
            relay_agent_ip: Ipv4Addr::UNSPECIFIED,
            broadcast: false,
            requested_ip: None,
            client_identifier: Some(mac),
            server_identifier: None,
            parameter_request_list: Some(PARAMETERS),
            dns_servers: None,
            max_size: Some(MAX_SIZE),
            lease_duration: None,
            renew_duration: None,
            rebind_duration: None,
            additional_options: options,
        }
    }

    /// When to try again: 4 seconds, then twice as long each time, give or take one (RFC 2131, 4.1); for a renewal half
    /// of the time that is left of its phase (4.4.5).
    fn next(&self, now: u64, random: &mut Random) -> Option<u64> {
        let State::Bound(lease) = &self.state else {
            let wait = (4 * SECOND) << self.tries.min(LONGEST_WAIT);
            return Some(now + wait - SECOND + random.below(2 * SECOND));
        };
        let [_, rebind, end] = lease.times?;
        let phase = if now < rebind { rebind } else { end };
        let wait = (phase.saturating_sub(now) / 2).max(RENEW_AGAIN);
        Some((now + wait).min(phase))
    }
}

/// The lease in a DHCPACK.
fn read(
    packet: &DhcpPacket<&[u8]>,
    repr: &DhcpRepr<'_>,
    server: Ipv4Addr,
    now: u64,
) -> Option<Lease> {
    let mask = repr.subnet_mask.unwrap_or(Ipv4Addr::BROADCAST);
    let address = Ipv4Net::with_netmask(repr.your_ip, mask).ok()?;
    if !unicast(repr.your_ip.into()) {
        return None;
    }
    // An option longer than 255 bytes comes in parts (RFC 3396).
    let option = |code| {
        let parts = packet.options().filter(|option| option.kind == code);
        parts
            .map(|option| option.data.to_vec())
            .reduce(|a, b| [a, b].concat())
    };
    let seconds = repr.lease_duration.unwrap_or(DEFAULT_LEASE);
    let mtu = option(code::MTU)
        .and_then(|data| Some(u16::from_be_bytes(*data.first_chunk()?)))
        .filter(|mtu| MTU.contains(mtu));
    // The router is for clients that know no classless routes (RFC 3442).
    let routes = match option(code::CLASSLESS_ROUTES).and_then(|data| classless(&data)) {
        Some(routes) => routes,
        None => repr
            .router
            .filter(|router| unicast((*router).into()))
            .map(|router| (Ipv4Net::default(), Some(router)))
            .into_iter()
            .collect(),
    };
    Some(Lease {
        address,
        server,
        routes,
        mtu,
        seconds,
        times: times(repr, seconds, now),
    })
}

/// When the lease is to be renewed and ends: half of it and seven eighths, or as the server says (RFC 2131, 4.4.5).
fn times(repr: &DhcpRepr<'_>, seconds: u32, now: u64) -> Option<[u64; 3]> {
    if seconds == FOR_EVER {
        return None;
    }
    let end = u64::from(seconds) * SECOND;
    let said = |value: Option<u32>, default| value.map_or(default, |t| u64::from(t) * SECOND);
    let renew = said(repr.renew_duration, end / 2);
    let rebind = said(repr.rebind_duration, end / 8 * 7);
    let [renew, rebind] = if renew <= rebind && rebind <= end {
        [renew, rebind]
    } else {
        [end / 2, end / 8 * 7]
    };
    Some([renew, rebind, end].map(|after| now + after.max(1)))
}

/// Option 121: per route the length of its prefix, the bytes of the prefix that count, and the router
/// (RFC 3442).
fn classless(mut data: &[u8]) -> Option<Vec<(Ipv4Net, Option<Ipv4Addr>)>> {
    let mut routes = Vec::new();
    while let Some((&length, rest)) = data.split_first() {
        let (prefix, rest) = rest.split_at_checked(usize::from(length).div_ceil(8))?;
        let (router, rest) = rest.split_first_chunk::<4>()?;
        let mut octets = [0; 4];
        octets.get_mut(..prefix.len())?.copy_from_slice(prefix);
        let to = Ipv4Net::new(octets.into(), length).ok()?.trunc();
        let router = Ipv4Addr::from(*router);
        if routes.len() < ROUTES {
            routes.push((to, (!router.is_unspecified()).then_some(router)));
        }
        data = rest;
    }
    Some(routes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The examples of RFC 3442: 0 bytes for the default, 2 for 10.17.0.0/16, 4 for a host.
    #[test]
    fn classless_routes_are_read() {
        let data = [
            0, 10, 0, 0, 1, 16, 10, 17, 10, 0, 0, 2, 32, 192, 0, 2, 7, 0, 0, 0, 0,
        ];
        let routes = classless(&data).unwrap();
        assert_eq!(
            routes,
            [
                (
                    "0.0.0.0/0".parse().unwrap(),
                    Some(Ipv4Addr::new(10, 0, 0, 1))
                ),
                (
                    "10.17.0.0/16".parse().unwrap(),
                    Some(Ipv4Addr::new(10, 0, 0, 2))
                ),
                ("192.0.2.7/32".parse().unwrap(), None),
            ]
        );
        assert_eq!(classless(&[33, 1, 2, 3, 4, 5, 0, 0, 0, 0]), None);
        assert_eq!(classless(&data[..20]), None);
    }

    #[test]
    fn unanswered_discovers_are_repeated_ever_slower() {
        let mut random = Random::new(1);
        let mut client = Client::new(MacAddr([2, 0, 0, 0, 0, 1]), 0, &mut random);
        let mut waits = Vec::new();
        let mut now = 0;
        for _ in 0..7 {
            assert!(client.advance(now, &mut random).0.is_some());
            let next = client.next_timeout().unwrap();
            waits.push((next - now + SECOND) / SECOND);
            now = next;
        }
        let within = [4, 8, 16, 32, 64, 64, 64];
        for (wait, middle) in waits.iter().zip(within) {
            assert!((middle..=middle + 2).contains(wait), "{waits:?}");
        }
    }
}
