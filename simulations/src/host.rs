//! A simulated machine behind an interface of a hypervisor: what a real guest says and takes, as a pure state machine of
//! frames and time.
//!
//! A [`Host`] boots with given addresses or asks for them (DHCP, router advertisements), finds its neighbours, defends
//! its addresses, answers pings, and runs programs: `ping`, streams of datagrams, TCP transfers, servers, probes. It
//! knows no network: who carries its frames gives it those that come ([`Host::receive`]) and the time
//! ([`Host::advance`]), and takes what it sends ([`Host::next_frame`]) and saw ([`Host::next_event`]).
//!
//! All times are microseconds of one clock that never goes back, which is that of the world. The same calls and the same
//! seed give the same frames and events. A host is moved as it is: a machine that migrates keeps its state, and says
//! that it arrived ([`Host::arrive`]). An idle host has nothing to do, and little memory.
//!
//! What real guests have and these have not: fragments, multicast groups, DHCPv6, path MTU discovery, VLAN tags.

mod autoconf;
mod dhcp;
mod event;
mod frame;
mod link;
mod neighbours;
mod packet;
mod program;
mod receive;
mod stack;
mod wire;

use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use ipnet::{IpNet, Ipv6Net};
use rust_openflow::MacAddr;
use serde::{Deserialize, Serialize};

pub use event::{Event, Observation};
pub use link::Losses;
pub use program::{
    Arrivals, Durations, Exchange, FlowReport, Missing, Outcome, PingReport, ProgramId,
    ReceiverReport, Report, ServerReport, Service, StreamReport, TransferReport,
};
pub use wire::Probe;

use event::Events;
use frame::{ALL_ROUTERS, Neighbour, group_mac};
use link::{Link, Origin};
use packet::{Udp, interface_address};
use program::{Client, Context, Ping, Prober, Program, Receiver, Server, Stream};
use stack::Stack;

use crate::world::Random;

/// A second, in microseconds.
pub const SECOND: u64 = 1_000_000;
/// The MTU of an interface that nobody told another, in bytes.
const MTU: u16 = 1500;
/// The prefix of link-local addresses (RFC 4291, 2.5.6).
const LINK_LOCAL: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0);

/// How a host comes to its addresses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Addressing {
    /// DHCP for IPv4, and router advertisements for IPv6, as images of clouds do.
    Automatic,
    /// These, and what routers advertise is ignored.
    Static {
        /// Addresses of both families with the networks that are on the link; 7 at most.
        addresses: Vec<IpNet>,
        /// Routes beyond those networks; 64 at most.
        #[serde(default)]
        routes: Vec<Route>,
        /// The largest IP packet, in bytes; 1,500 when it is not given.
        #[serde(default)]
        mtu: Option<u16>,
    },
}

/// A route over a router.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    /// Where to.
    pub to: IpNet,
    /// The router, which must be on a link of the host.
    pub via: IpAddr,
}

/// Who announces that a machine is in a new place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Announcement {
    /// Its hypervisor, as QEMU does: RARP, five times.
    Hypervisor,
    /// The guest, when its driver asks for it: gratuitous ARP and unsolicited neighbour advertisements, five times.
    Guest,
}

/// What a host has counted since it was made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counters {
    /// Frames that came.
    pub received: u64,
    /// Frames that were taken by [`Host::next_frame`].
    pub sent: u64,
    /// Frames that came and were addressed to another machine.
    pub overheard: u64,
    /// IP packets in frames to the host that were addressed to another one.
    pub misdirected: u64,
    /// Frames that were not what their type says, or had a wrong checksum.
    pub malformed: u64,
    /// Packets that were not sent.
    pub losses: Losses,
    /// Events that nobody read in time.
    pub events_lost: u64,
}

/// A moment in the life of a host: what its parts need to act.
pub(crate) struct Moment<'a> {
    now: u64,
    random: &'a mut Random,
    events: &'a mut Events,
}

impl Moment<'_> {
    fn event(&mut self, what: Observation) {
        self.events.push(self.now, what);
    }
}

/// The frames that came last.
#[derive(Debug)]
struct Capture {
    frames: VecDeque<(u64, Vec<u8>)>,
    limit: usize,
}

/// A simulated machine with one interface.
#[derive(Debug)]
pub struct Host {
    random: Random,
    events: Events,
    link: Link,
    stack: Stack,
    dhcp: Option<dhcp::Client>,
    autoconf: Option<autoconf::Autoconf>,
    /// The MTU that the machine was told, and that of router advertisements.
    mtu: (u16, Option<u16>),
    programs: BTreeMap<ProgramId, Box<Program>>,
    /// How many programs there were.
    started: u32,
    /// When TCP has something to do.
    tcp: Option<u64>,
    counters: Counters,
    capture: Option<Box<Capture>>,
}

impl Host {
    /// A machine that is off: it says nothing.
    #[must_use]
    pub fn new(mac: MacAddr, seed: u64) -> Self {
        let mut random = Random::new(seed ^ mac.to_u64());
        let stack = Stack::new(MTU, random.bits(), 0);
        Self {
            random,
            events: Events::default(),
            link: Link::new(mac),
            stack,
            dhcp: None,
            autoconf: None,
            mtu: (MTU, None),
            programs: BTreeMap::new(),
            started: 0,
            tcp: None,
            counters: Counters::default(),
            capture: None,
        }
    }

    /// Starts the machine, or starts it again: it loses its addresses and neighbours, and with them its
    /// connections. Programs go on.
    pub fn boot(&mut self, how: &Addressing, now: u64) {
        self.link.clear();
        self.dhcp = None;
        self.autoconf = None;
        self.mtu = (MTU, None);
        match how {
            Addressing::Automatic => {
                self.dhcp = Some(dhcp::Client::new(self.mac(), now, &mut self.random));
                let mut autoconf = autoconf::Autoconf::default();
                autoconf.start(now, &mut self.random);
                self.autoconf = Some(autoconf);
            }
            Addressing::Static { routes, mtu, .. } => {
                self.mtu.0 = mtu.unwrap_or(MTU);
                let routes = routes.iter().map(|route| (route.to, Some(route.via)));
                self.link.set_routes(Origin::Boot, routes);
            }
        }
        let link_local = interface_address(LINK_LOCAL, self.mac());
        let link_local = Ipv6Net::new_assert(link_local, 64);
        let fixed = match how {
            Addressing::Automatic => &[][..],
            Addressing::Static { addresses, .. } => addresses,
        };
        let (link, mut moment) = self.moment(now);
        for net in [IpNet::V6(link_local)].iter().chain(fixed) {
            link.add(*net, Origin::Boot, true, None, &mut moment);
        }
        self.set_mtu(now);
        self.advance(now);
    }

    /// Takes a frame that came.
    pub fn receive(&mut self, frame: &[u8], now: u64) {
        self.counters.received += 1;
        if let Some(capture) = &mut self.capture {
            if capture.frames.len() == capture.limit {
                capture.frames.pop_front();
            }
            capture.frames.push_back((now, frame.to_vec()));
        }
        self.take_frame(frame, now);
        self.advance(now);
    }

    /// Does what is due. It may be called at any time, and must be at [`next_timeout`](Self::next_timeout).
    pub fn advance(&mut self, now: u64) {
        let (link, mut moment) = self.moment(now);
        link.advance(&mut moment);
        self.ask_for_addresses(now);
        self.sync();
        self.stack.poll(now);
        for id in self.ids() {
            self.with(id, now, Program::advance);
        }
        self.stack.poll(now);
        while let Some(packet) = self.stack.next_packet() {
            self.link.output(packet, now);
        }
        // What was sent may need a neighbour, who is asked for at once.
        let (link, mut moment) = self.moment(now);
        link.advance(&mut moment);
        self.sync();
        self.tcp = self.stack.next_timeout(now);
    }

    /// When [`advance`](Self::advance) has to be called, if it has to; it may be that this time is over.
    #[must_use]
    pub fn next_timeout(&self) -> Option<u64> {
        let programs = self
            .programs
            .values()
            .filter_map(|program| program.next_timeout());
        let others = [
            self.link.next_timeout(),
            self.dhcp.as_ref().and_then(dhcp::Client::next_timeout),
            self.autoconf
                .as_ref()
                .and_then(autoconf::Autoconf::next_timeout),
            self.tcp,
        ];
        programs.chain(others.into_iter().flatten()).min()
    }

    /// The next frame to send.
    pub fn next_frame(&mut self) -> Option<Vec<u8>> {
        let frame = self.link.next_frame()?;
        self.counters.sent += 1;
        Some(frame)
    }

    /// What was observed next.
    pub fn next_event(&mut self) -> Option<Event> {
        self.events.pop()
    }

    // Programs.

    /// Sends `count` echo requests, one every `interval` microseconds.
    pub fn ping(&mut self, to: IpAddr, count: u64, interval: u64, now: u64) -> ProgramId {
        let ident = self.random.bits() as u16;
        self.start(
            Program::Ping(Ping::new(to, ident, count, interval, now)),
            now,
        )
    }

    /// Answers on a port from now on.
    pub fn serve(&mut self, service: Service, port: u16, now: u64) -> ProgramId {
        let program = match service {
            Service::UdpEcho => Program::Receiver(Receiver::new(port, true)),
            Service::UdpSink => Program::Receiver(Receiver::new(port, false)),
            _ => Program::Server(Server::new(port, service)),
        };
        self.start(program, now)
    }

    /// Connects to a TCP server.
    pub fn connect(&mut self, to: SocketAddr, what: Exchange, now: u64) -> ProgramId {
        self.start(Program::Client(Client::new(to, what, now)), now)
    }

    /// Sends `count` numbered datagrams with payloads of `size` bytes (at least 24), one every `interval` microseconds (at
    /// least 1). The receiver tells streams apart by sender and `number`.
    pub fn stream(
        &mut self,
        number: u32,
        to: SocketAddr,
        interval: u64,
        size: usize,
        count: u64,
        now: u64,
    ) -> ProgramId {
        let port = self.stack.ephemeral();
        self.start(
            Program::Stream(Stream::new((number, port), to, interval, size, count, now)),
            now,
        )
    }

    /// Sends one probe to each of these, by number and address, one every `interval` microseconds. The host is number
    /// `from` in this `run`. Who gets one tells it by [`Observation::Probe`].
    pub fn probe(
        &mut self,
        run: u32,
        from: u32,
        to: Vec<(u32, SocketAddr)>,
        interval: u64,
        now: u64,
    ) -> ProgramId {
        let port = self.stack.ephemeral();
        self.start(
            Program::Probes(Prober::new(port, run, from, to, interval, now)),
            now,
        )
    }

    /// Ends a program. What it counted can be read until [`forget`](Self::forget).
    pub fn stop(&mut self, program: ProgramId, now: u64) {
        self.with(program, now, Program::stop);
        self.advance(now);
    }

    /// Ends a program and forgets what it counted.
    pub fn forget(&mut self, program: ProgramId, now: u64) {
        self.stop(program, now);
        self.programs.remove(&program);
    }

    /// What a program has counted until now; `None` for one that is forgotten or of another host.
    #[must_use]
    pub fn report(&self, program: ProgramId) -> Option<Report> {
        self.programs.get(&program).map(|program| program.report())
    }

    /// Sends a frame as it is, whosever addresses it bears.
    pub fn send_raw(&mut self, frame: Vec<u8>) {
        self.link.send_frame(frame);
    }

    /// Keeps the last `limit` frames that come, with their times; none when it is 0, as at first.
    pub fn capture(&mut self, limit: usize) {
        self.capture = (limit > 0).then(|| {
            let frames = VecDeque::new();
            Box::new(Capture { frames, limit })
        });
    }

    /// The frames that were kept, oldest first; they are kept no longer.
    pub fn captured(&mut self) -> Vec<(u64, Vec<u8>)> {
        let capture = self.capture.as_mut();
        capture.map_or_else(Vec::new, |capture| capture.frames.drain(..).collect())
    }

    /// Says that the machine is in a new place.
    pub fn arrive(&mut self, how: Announcement, now: u64) {
        self.link.arrive(how, now);
        self.advance(now);
    }

    // What a host knows.

    /// Its Ethernet address.
    #[must_use]
    pub const fn mac(&self) -> MacAddr {
        self.link.mac()
    }

    /// The addresses that it uses, with their networks.
    pub fn addresses(&self) -> impl Iterator<Item = IpNet> + '_ {
        self.link.addresses()
    }

    /// Its routes over routers.
    pub fn routes(&self) -> impl Iterator<Item = Route> + '_ {
        self.link.routes()
    }

    /// The largest IP packet that it sends, in bytes.
    #[must_use]
    pub const fn mtu(&self) -> u16 {
        self.stack.mtu()
    }

    /// Whether frames wait for [`next_frame`](Self::next_frame).
    #[must_use]
    pub fn has_frame(&self) -> bool {
        self.link.has_frame()
    }

    /// What it has counted.
    #[must_use]
    pub fn counters(&self) -> Counters {
        Counters {
            losses: self.link.losses(),
            events_lost: self.events.lost(),
            ..self.counters
        }
    }

    // Its parts.

    /// The link, and what it needs to act.
    const fn moment(&mut self, now: u64) -> (&mut Link, Moment<'_>) {
        let moment = Moment {
            now,
            random: &mut self.random,
            events: &mut self.events,
        };
        (&mut self.link, moment)
    }

    fn ids(&self) -> Vec<ProgramId> {
        self.programs.keys().copied().collect()
    }

    fn start(&mut self, program: Program, now: u64) -> ProgramId {
        let id = ProgramId(self.started);
        self.started += 1;
        self.programs.insert(id, Box::new(program));
        self.advance(now);
        id
    }

    /// Lets a program act.
    fn with<R>(
        &mut self,
        id: ProgramId,
        now: u64,
        act: impl FnOnce(&mut Program, &mut Context<'_>) -> R,
    ) -> Option<R> {
        let program = self.programs.get_mut(&id)?;
        let mut context = Context {
            id,
            link: &mut self.link,
            stack: &mut self.stack,
            moment: Moment {
                now,
                random: &mut self.random,
                events: &mut self.events,
            },
        };
        Some(act(program, &mut context))
    }

    /// The stack has the addresses of the link.
    fn sync(&mut self) {
        if self.link.take_changed() {
            self.stack.set_addresses(self.link.addresses());
        }
    }

    fn set_mtu(&mut self, now: u64) {
        let (told, advertised) = self.mtu;
        let mtu = advertised.map_or(told, |mtu| told.min(mtu));
        if mtu != self.stack.mtu() {
            self.stack.set_mtu(mtu, self.random.bits(), now);
            self.events.push(now, Observation::Mtu { mtu });
        }
    }

    /// Asks servers and routers for addresses when it is time.
    fn ask_for_addresses(&mut self, now: u64) {
        if let Some(client) = &mut self.dhcp {
            let (message, change) = client.advance(now, &mut self.random);
            if let Some(change) = change {
                self.lease(change, now);
            }
            if let Some(message) = message {
                self.send_dhcp(&message, now);
            }
        }
        let solicit = self
            .autoconf
            .as_mut()
            .is_some_and(|autoconf| autoconf.advance(now));
        if solicit {
            // Before the link-local address is in use, the question has no source and no link address (RFC 4861, 4.1).
            let source = self.link.link_local();
            let link = source.map(|_| self.mac());
            let source = source.unwrap_or(Ipv6Addr::UNSPECIFIED);
            let packet = Neighbour::SolicitRouters { link }.to_packet(source, ALL_ROUTERS);
            self.link.emit(group_mac(ALL_ROUTERS.into()), &packet);
        }
    }

    fn send_dhcp(&mut self, message: &dhcp::Message, now: u64) {
        let udp = Udp {
            source: (message.source, dhcp::CLIENT_PORT).into(),
            destination: (message.destination, dhcp::SERVER_PORT).into(),
            payload: &message.payload,
        };
        if let Some(packet) = udp.to_packet() {
            if message.destination.is_broadcast() {
                self.link.emit(MacAddr::BROADCAST, &packet);
            } else {
                self.link.output(packet, now);
            }
        }
    }

    /// Uses a lease, or no longer.
    fn lease(&mut self, change: dhcp::Change, now: u64) {
        let (link, mut moment) = self.moment(now);
        let (lease, renewed) = match change {
            dhcp::Change::Leased { lease, renewed } => (Some(lease), renewed),
            dhcp::Change::Refused { server } => {
                moment.event(Observation::Refused { server });
                (None, false)
            }
            dhcp::Change::Expired => (None, false),
        };
        let address = lease.as_ref().map(|lease| IpNet::V4(lease.address));
        link.retain(Origin::Dhcp, |net| Some(net) == address, &mut moment);
        let Some(lease) = lease else {
            link.set_routes(Origin::Dhcp, []);
            return;
        };
        let routes = lease
            .routes
            .iter()
            .map(|(to, via)| (IpNet::V4(*to), via.map(IpAddr::V4)));
        link.set_routes(Origin::Dhcp, routes.clone());
        moment.event(Observation::Leased {
            address: lease.address,
            server: lease.server,
            routes: routes
                .filter_map(|(to, via)| Some(Route { to, via: via? }))
                .collect(),
            mtu: lease.mtu,
            seconds: lease.seconds,
            renewed,
        });
        link.add(
            IpNet::V4(lease.address),
            Origin::Dhcp,
            true,
            None,
            &mut moment,
        );
        self.mtu.0 = lease.mtu.unwrap_or(MTU);
        self.set_mtu(now);
    }
}
