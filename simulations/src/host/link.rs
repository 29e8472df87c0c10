//! The link of a host: its addresses, their defence, its routes, and ARP and neighbour discovery. smoltcp has all
//! this too, but asks for one neighbour a second whichever it is, loses what it cannot send at once, and detects no
//! duplicate address; a guest does better, and tests of a network see the difference. Above is `stack`; what waits for
//! a neighbour is in `neighbours`.

use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use rust_openflow::MacAddr;

use super::event::Observation;
use super::frame::{
    ALL_NODES, ALL_SYSTEMS, Arp, Ethernet, Neighbour, ether_type, group_mac, solicited_node,
};
use super::neighbours::{Due, Neighbours};
use super::packet::{Packet, unicast};
use super::{Announcement, Moment, Route, SECOND};

/// How many addresses a host has, of both families: what smoltcp was built for.
pub(super) const ADDRESSES: usize = 8;
/// How many routes it has.
const ROUTES: usize = 64;
/// How many frames wait for their sender.
const FRAMES: usize = 4096;
/// Between two defences of an address (RFC 5227, 1.1: DEFEND_INTERVAL).
const DEFEND: u64 = 10 * SECOND;
/// How long after a probe for an IPv6 address nobody may have answered (RFC 4861, 10: RETRANS_TIMER).
const PROBE: u64 = SECOND;
/// When an arrival is announced, after the one before, in microseconds (QEMU: `announce-initial` 50 ms, four more
/// `announce-rounds`, each `announce-step` 100 ms later, from the second on).
const ROUNDS: [u64; 5] = [0, 50_000, 150_000, 250_000, 350_000];

/// Where an address or a route comes from: what comes anew replaces what came from there before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    Boot,
    Dhcp,
    Advertised,
}

/// An address of the host.
#[derive(Debug, Clone, Copy)]
struct Address {
    net: IpNet,
    origin: Origin,
    /// Whether the whole network is on this link.
    on_link: bool,
    /// When it may be used, unless somebody else has it.
    tentative: Option<Tentative>,
    valid_until: Option<u64>,
    defended: Option<u64>,
}

/// An address that somebody else may have (RFC 4862, 5.4).
#[derive(Debug, Clone, Copy)]
struct Tentative {
    probed: bool,
    at: u64,
}

/// A route, where it comes from, and until when it holds.
#[derive(Debug, Clone, Copy)]
struct Known {
    to: IpNet,
    /// `None`: the network is on this link.
    via: Option<IpAddr>,
    origin: Origin,
    valid_until: Option<u64>,
}

/// What was not delivered, and why. All are numbers of packets.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Losses {
    /// The host has no route to their destination.
    pub no_route: u64,
    /// Their source is no address of the host.
    pub no_address: u64,
    /// Nobody answered for their neighbour, or too many waited for it.
    pub no_neighbour: u64,
    /// Too many frames waited to be sent.
    pub full: u64,
}

/// The link of one host.
#[derive(Debug)]
pub(super) struct Link {
    mac: MacAddr,
    addresses: Vec<Address>,
    routes: Vec<Known>,
    neighbours: Neighbours,
    out: VecDeque<Vec<u8>>,
    losses: Losses,
    /// Which arrival is announced, the number of the next round, and when that is due.
    arrival: Option<(Announcement, usize, u64)>,
    /// Whether the addresses in use are not those that `take_changed` told of.
    changed: bool,
}

impl Link {
    pub(super) fn new(mac: MacAddr) -> Self {
        Self {
            mac,
            addresses: Vec::new(),
            routes: Vec::new(),
            neighbours: Neighbours::default(),
            out: VecDeque::new(),
            losses: Losses::default(),
            arrival: None,
            changed: false,
        }
    }

    pub(super) const fn mac(&self) -> MacAddr {
        self.mac
    }

    pub(super) fn losses(&self) -> Losses {
        Losses {
            no_neighbour: self.losses.no_neighbour + self.neighbours.overflowed,
            ..self.losses
        }
    }

    /// Forgets all, as at boot; frames that wait are still sent.
    pub(super) fn clear(&mut self) {
        self.addresses.clear();
        self.routes.clear();
        self.neighbours.clear();
        self.changed = true;
    }

    // Addresses and routes.

    /// The addresses in use.
    pub(super) fn addresses(&self) -> impl Iterator<Item = IpNet> + '_ {
        self.addresses
            .iter()
            .filter(|address| address.tentative.is_none())
            .map(|address| address.net)
    }

    pub(super) fn has(&self, ip: IpAddr) -> bool {
        self.addresses().any(|net| net.addr() == ip)
    }

    /// Whether a packet to this address is one for the host: its own, a broadcast, a group that every host is in.
    pub(super) fn takes(&self, ip: IpAddr) -> bool {
        let group = match ip {
            IpAddr::V4(ip) => ip == ALL_SYSTEMS,
            IpAddr::V6(ip) => {
                let own =
                    |net: IpNet| matches!(net, IpNet::V6(net) if solicited_node(net.addr()) == ip);
                ip == ALL_NODES || self.addresses().any(own)
            }
        };
        group || self.has(ip) || self.is_broadcast(ip)
    }

    pub(super) fn is_broadcast(&self, ip: IpAddr) -> bool {
        let IpAddr::V4(ip) = ip else { return false };
        ip.is_broadcast()
            || self.addresses().any(|net| match net {
                IpNet::V4(net) => net.prefix_len() < 31 && net.broadcast() == ip,
                IpNet::V6(_) => false,
            })
    }

    /// The link-local address, when it is in use.
    pub(super) fn link_local(&self) -> Option<Ipv6Addr> {
        self.addresses().find_map(|net| match net.addr() {
            IpAddr::V6(ip) if ip.is_unicast_link_local() => Some(ip),
            _ => None,
        })
    }

    /// The routes that the host knows, with those of its own networks.
    pub(super) fn routes(&self) -> impl Iterator<Item = Route> + '_ {
        self.routes.iter().filter_map(|known| {
            let via = known.via?;
            Some(Route { to: known.to, via })
        })
    }

    /// Adds an address, or gives the one that is there a new lifetime. An IPv6 address is used after nobody said that it
    /// is his (RFC 4862, 5.4), an IPv4 address at once, as Linux does.
    pub(super) fn add(
        &mut self,
        net: IpNet,
        origin: Origin,
        on_link: bool,
        valid_until: Option<u64>,
        moment: &mut Moment<'_>,
    ) {
        if let Some(address) = self.addresses.iter_mut().find(|known| known.net == net) {
            address.valid_until = valid_until;
            return;
        }
        if !unicast(net.addr()) || self.addresses.len() == ADDRESSES {
            return;
        }
        let tentative = matches!(net, IpNet::V6(_)).then(|| Tentative {
            probed: false,
            at: moment.now + moment.random.below(SECOND),
        });
        self.addresses.push(Address {
            net,
            origin,
            on_link,
            tentative,
            valid_until,
            defended: None,
        });
        if tentative.is_none() {
            self.assigned(net, moment);
        }
    }

    /// Removes the addresses of an origin that `keep` does not hold.
    pub(super) fn retain(
        &mut self,
        origin: Origin,
        keep: impl Fn(IpNet) -> bool,
        moment: &mut Moment<'_>,
    ) {
        self.changed = true;
        self.addresses.retain(|address| {
            let kept = address.origin != origin || keep(address.net);
            if !kept {
                let address = address.net;
                moment.event(Observation::Removed { address });
            }
            kept
        });
    }

    /// Replaces the routes of an origin.
    pub(super) fn set_routes(
        &mut self,
        origin: Origin,
        routes: impl IntoIterator<Item = (IpNet, Option<IpAddr>)>,
    ) {
        self.routes.retain(|known| known.origin != origin);
        for (to, via) in routes {
            self.add_route(to, via, origin, None);
        }
    }

    /// Adds a route, or gives the one that is there a new lifetime.
    pub(super) fn add_route(
        &mut self,
        to: IpNet,
        via: Option<IpAddr>,
        origin: Origin,
        valid_until: Option<u64>,
    ) {
        let same = |known: &&mut Known| (known.to, known.via, known.origin) == (to, via, origin);
        if let Some(known) = self.routes.iter_mut().find(same) {
            known.valid_until = valid_until;
        } else if self.routes.len() < ROUTES && via.is_none_or(unicast) {
            self.routes.push(Known {
                to,
                via,
                origin,
                valid_until,
            });
        }
    }

    /// True once after the addresses in use have changed.
    pub(super) const fn take_changed(&mut self) -> bool {
        std::mem::replace(&mut self.changed, false)
    }

    /// An address is in use from now on: say so, as the scripts of guests do (`arping -U`, `ndisc_notify`).
    fn assigned(&mut self, net: IpNet, moment: &mut Moment<'_>) {
        self.changed = true;
        moment.event(Observation::Assigned { address: net });
        self.announce_address(net.addr());
    }

    // Packets out.

    /// Sends an IP packet of the host to where its destination is.
    pub(super) fn output(&mut self, packet: Vec<u8>, now: u64) {
        let Some((source, destination)) =
            Packet::parse(&packet).map(|parsed| (parsed.source, parsed.destination))
        else {
            return;
        };
        if !self.has(source) {
            self.losses.no_address += 1;
        } else if destination.is_multicast() {
            self.emit(group_mac(destination), &packet);
        } else if self.is_broadcast(destination) {
            self.emit(MacAddr::BROADCAST, &packet);
        } else if let Some(next) = self.next_hop(destination) {
            if let Some((mac, packet)) = self.neighbours.send(next, packet, now) {
                self.emit(mac, &packet);
            }
        } else {
            self.losses.no_route += 1;
        }
    }

    /// Whose link a packet to this address goes over: its own or that of a router.
    pub(super) fn next_hop(&self, destination: IpAddr) -> Option<IpAddr> {
        let links = self
            .addresses
            .iter()
            .filter(|address| address.tentative.is_none() && address.on_link)
            .map(|address| (address.net, None));
        let routes = self.routes.iter().map(|known| (known.to, known.via));
        links
            .chain(routes)
            .filter(|(net, _)| net.contains(&destination))
            .max_by_key(|(net, via)| (net.prefix_len(), via.is_none()))
            .map(|(_, via)| via.unwrap_or(destination))
    }

    /// Sends an IP packet to an Ethernet address.
    pub(super) fn emit(&mut self, destination: MacAddr, packet: &[u8]) {
        let ether_type = match packet.first().map(|byte| byte >> 4) {
            Some(6) => ether_type::IPV6,
            _ => ether_type::IPV4,
        };
        let ethernet = Ethernet {
            destination,
            source: self.mac,
            ether_type,
            payload: packet,
        };
        self.send_frame(ethernet.to_frame());
    }

    /// Sends a frame as it is.
    pub(super) fn send_frame(&mut self, frame: Vec<u8>) {
        if self.out.len() < FRAMES {
            self.out.push_back(frame);
        } else {
            self.losses.full += 1;
        }
    }

    pub(super) fn next_frame(&mut self) -> Option<Vec<u8>> {
        let frame = self.out.pop_front();
        if self.out.is_empty() && self.out.capacity() > 16 {
            self.out = VecDeque::new();
        }
        frame
    }

    pub(super) fn has_frame(&self) -> bool {
        !self.out.is_empty()
    }

    fn neighbour_message(&mut self, message: Neighbour, source: Ipv6Addr, destination: Ipv6Addr) {
        self.emit(
            group_mac(destination.into()),
            &message.to_packet(source, destination),
        );
    }

    // Neighbours.

    /// Takes an ARP packet.
    pub(super) fn arp(&mut self, arp: &Arp, moment: &mut Moment<'_>) {
        let (mac, ip) = arp.sender;
        if mac == self.mac || mac.is_multicast() {
            return;
        }
        if self.has(ip.into()) {
            self.conflict(ip.into(), mac, moment);
            return;
        }
        let mine = self.has(arp.target.1.into());
        if unicast(ip.into()) {
            let reply = !arp.request;
            self.learned(ip.into(), mac, mine, reply, moment.now);
        }
        if mine && arp.request {
            let reply = Arp {
                request: false,
                sender: (self.mac, arp.target.1),
                target: arp.sender,
            };
            self.send_frame(reply.to_frame(mac));
        }
    }

    /// Takes a neighbour solicitation or advertisement, which came with hop limit 255.
    pub(super) fn neighbour(
        &mut self,
        message: Neighbour,
        source: Ipv6Addr,
        from: MacAddr,
        moment: &mut Moment<'_>,
    ) {
        if from == self.mac {
            return;
        }
        let (Neighbour::Solicit { target, link } | Neighbour::Advertise { target, link, .. }) =
            message
        else {
            return;
        };
        let link = link.filter(|mac| !mac.is_multicast());
        let probe = source.is_unspecified();
        let claimed = matches!(message, Neighbour::Advertise { .. }) || probe;
        if claimed && self.duplicate(target.into(), link.unwrap_or(from), moment) {
            return;
        }
        match message {
            Neighbour::Solicit { .. } => {
                let mine = self.has(target.into());
                if let Some(mac) = link.filter(|_| !probe && !self.has(source.into())) {
                    self.learned(source.into(), mac, mine, false, moment.now);
                }
                if mine {
                    self.advertise(target, (!probe).then_some((source, from)));
                }
            }
            Neighbour::Advertise { .. } if self.has(target.into()) => {
                self.conflict(target.into(), link.unwrap_or(from), moment);
            }
            Neighbour::Advertise {
                solicited,
                overriding,
                ..
            } => {
                let known = self.neighbours.mac(target.into());
                // Without the flag another address does not take the place of the known one (RFC 4861, 7.2.5).
                if let Some(mac) = link.or(known)
                    && (overriding || known.is_none_or(|known| known == mac))
                {
                    self.learned(target.into(), mac, false, solicited, moment.now);
                }
            }
            Neighbour::SolicitRouters { .. } => {}
        }
    }

    /// Answers that an address is the host's: who asked, or all when the question was a probe.
    fn advertise(&mut self, target: Ipv6Addr, asked: Option<(Ipv6Addr, MacAddr)>) {
        let message = Neighbour::Advertise {
            target,
            link: Some(self.mac),
            solicited: asked.is_some(),
            overriding: true,
        };
        let (destination, mac) = asked.unwrap_or((ALL_NODES, group_mac(ALL_NODES.into())));
        self.emit(mac, &message.to_packet(target, destination));
    }

    fn learned(&mut self, who: IpAddr, mac: MacAddr, create: bool, confirmed: bool, now: u64) {
        for packet in self.neighbours.learn(who, mac, create, confirmed, now) {
            self.emit(mac, &packet);
        }
    }

    /// Gives up a tentative address that somebody else has. True when there was one.
    fn duplicate(&mut self, ip: IpAddr, by: MacAddr, moment: &mut Moment<'_>) -> bool {
        let tentative = |address: &Address| address.tentative.is_some() && address.net.addr() == ip;
        let found = self.addresses.iter().any(tentative);
        if found {
            self.addresses.retain(|address| !tentative(address));
            moment.event(Observation::Duplicate { address: ip, by });
        }
        found
    }

    /// Somebody else uses an address of the host: say that it is not his, but not too often.
    fn conflict(&mut self, ip: IpAddr, by: MacAddr, moment: &mut Moment<'_>) {
        moment.event(Observation::Conflict { address: ip, by });
        let Some(address) = self.addresses.iter_mut().find(|a| a.net.addr() == ip) else {
            return;
        };
        if address
            .defended
            .is_none_or(|last| moment.now >= last + DEFEND)
        {
            address.defended = Some(moment.now);
            self.announce_address(ip);
        }
    }

    /// Tells all neighbours where an address is: gratuitous ARP (RFC 5227, 2.3), unsolicited advertisement
    /// (RFC 4861, 7.2.6).
    fn announce_address(&mut self, ip: IpAddr) {
        match ip {
            IpAddr::V4(ip) => {
                let arp = Arp {
                    request: true,
                    sender: (self.mac, ip),
                    target: (MacAddr::default(), ip),
                };
                self.send_frame(arp.to_frame(MacAddr::BROADCAST));
            }
            IpAddr::V6(ip) => self.advertise(ip, None),
        }
    }

    /// Begins to announce that the machine is in a new place.
    pub(super) const fn arrive(&mut self, how: Announcement, now: u64) {
        self.arrival = Some((how, 0, now));
    }

    // Time.

    pub(super) fn next_timeout(&self) -> Option<u64> {
        let addresses = self.addresses.iter().flat_map(|address| {
            [
                address.tentative.map(|tentative| tentative.at),
                address.valid_until,
            ]
        });
        let routes = self.routes.iter().map(|known| known.valid_until);
        addresses
            .chain(routes)
            .chain([
                self.neighbours.next_timeout(),
                self.arrival.map(|(_, _, at)| at),
            ])
            .flatten()
            .min()
    }

    /// Does what is due.
    pub(super) fn advance(&mut self, moment: &mut Moment<'_>) {
        let now = moment.now;
        self.expire(moment);
        self.probe(moment);
        while let Some(due) = self.neighbours.due(now) {
            match due {
                Due::Ask(who, mac) => self.ask(who, mac),
                Due::Gone(address, lost) => {
                    self.losses.no_neighbour += lost as u64;
                    moment.event(Observation::NoNeighbour { address, lost });
                }
            }
        }
        if let Some((how, round, at)) = self.arrival.filter(|(_, _, at)| *at <= now) {
            self.announce_arrival(how);
            let next = round + 1;
            self.arrival = ROUNDS.get(next).map(|delay| (how, next, at + delay));
        }
    }

    fn announce_arrival(&mut self, how: Announcement) {
        match how {
            Announcement::Hypervisor => self.send_frame(Arp::reverse(self.mac)),
            Announcement::Guest => {
                let addresses: Vec<IpNet> = self.addresses().collect();
                for net in addresses {
                    self.announce_address(net.addr());
                }
            }
        }
    }

    /// Drops what is no longer valid.
    fn expire(&mut self, moment: &mut Moment<'_>) {
        let now = moment.now;
        let over = |until: Option<u64>| until.is_some_and(|until| until <= now);
        self.routes.retain(|known| !over(known.valid_until));
        if self.addresses.iter().any(|a| over(a.valid_until)) {
            self.changed = true;
            self.addresses.retain(|known| {
                let address = known.net;
                if over(known.valid_until) {
                    moment.event(Observation::Removed { address });
                }
                !over(known.valid_until)
            });
        }
    }

    /// Probes for tentative addresses, and uses those for which nobody answered.
    fn probe(&mut self, moment: &mut Moment<'_>) {
        let now = moment.now;
        for index in 0..self.addresses.len() {
            let address = &mut self.addresses[index];
            let net = address.net;
            match &mut address.tentative {
                Some(tentative) if tentative.at <= now && tentative.probed => {
                    address.tentative = None;
                    self.assigned(net, moment);
                }
                Some(tentative) if tentative.at <= now => {
                    *tentative = Tentative {
                        probed: true,
                        at: now + PROBE,
                    };
                    if let IpAddr::V6(target) = net.addr() {
                        let probe = Neighbour::Solicit { target, link: None };
                        let group = solicited_node(target);
                        self.neighbour_message(probe, Ipv6Addr::UNSPECIFIED, group);
                    }
                }
                _ => {}
            }
        }
    }

    /// Asks for a neighbour: all, or the one who had the address.
    fn ask(&mut self, who: IpAddr, mac: Option<MacAddr>) {
        match who {
            IpAddr::V4(target) => {
                let Some(source) = self.source4(target) else {
                    return;
                };
                let arp = Arp {
                    request: true,
                    sender: (self.mac, source),
                    target: (mac.unwrap_or_default(), target),
                };
                self.send_frame(arp.to_frame(mac.unwrap_or(MacAddr::BROADCAST)));
            }
            IpAddr::V6(target) => {
                let Some(source) = self.source6(target) else {
                    return;
                };
                let solicit = Neighbour::Solicit {
                    target,
                    link: Some(self.mac),
                };
                let group = solicited_node(target);
                match mac {
                    Some(mac) => self.emit(mac, &solicit.to_packet(source, target)),
                    None => self.neighbour_message(solicit, source, group),
                }
            }
        }
    }

    /// The address with which to ask for a neighbour: one of its network, else any.
    fn source4(&self, target: Ipv4Addr) -> Option<Ipv4Addr> {
        let own = |net: IpNet| match net {
            IpNet::V4(net) => Some(net),
            IpNet::V6(_) => None,
        };
        let mut nets = self.addresses().filter_map(own);
        let near = self
            .addresses()
            .filter_map(own)
            .find(|net| net.contains(&target));
        near.or_else(|| nets.next()).map(|net| net.addr())
    }

    /// The same in IPv6, where a link-local neighbour is asked with a link-local address.
    fn source6(&self, target: Ipv6Addr) -> Option<Ipv6Addr> {
        let global = self.addresses().find_map(|net| match net.addr() {
            IpAddr::V6(ip) if !ip.is_unicast_link_local() => Some(ip),
            _ => None,
        });
        let link = self.link_local();
        if target.is_unicast_link_local() {
            link.or(global)
        } else {
            global.or(link)
        }
    }
}
