//! smoltcp under a host: TCP, echo replies, and the errors that a host sends back, over whole IP packets. What is below
//! IP is `link`'s; UDP and the sending of echoes need no state, and are the programs' own.

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;
use smoltcp::iface::{Config, Interface, SocketHandle, SocketSet};
use smoltcp::phy::{Device, DeviceCapabilities, Medium, RxToken, TxToken};
use smoltcp::socket::tcp;
use smoltcp::time::{Duration, Instant};
use smoltcp::wire::{HardwareAddress, IpCidr, IpEndpoint};

use super::SECOND;

/// What TCP buffers in each direction, in bytes.
const BUFFER: usize = 65_535;
/// How long a peer may be silent while something is due from it: less than the 15 minutes of Linux, so that a scenario
/// sees the end.
pub(super) const SILENCE: u64 = 120 * SECOND;
/// The first port of those that the system chooses (RFC 6335, 6).
const EPHEMERAL: u16 = 49_152;

/// The IP packets between smoltcp and the link.
#[derive(Debug)]
struct Wire {
    mtu: u16,
    received: Option<Vec<u8>>,
    sent: VecDeque<Vec<u8>>,
}

struct Received(Vec<u8>);
struct Sent<'a>(&'a mut VecDeque<Vec<u8>>);

impl RxToken for Received {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, take: F) -> R {
        take(&self.0)
    }
}

impl TxToken for Sent<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, length: usize, fill: F) -> R {
        let mut packet = vec![0; length];
        let result = fill(&mut packet);
        self.0.push_back(packet);
        result
    }
}

impl Device for Wire {
    type RxToken<'a> = Received;
    type TxToken<'a> = Sent<'a>;

    fn receive(&mut self, _: Instant) -> Option<(Received, Sent<'_>)> {
        Some((Received(self.received.take()?), Sent(&mut self.sent)))
    }

    fn transmit(&mut self, _: Instant) -> Option<Sent<'_>> {
        Some(Sent(&mut self.sent))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ip;
        capabilities.max_transmission_unit = usize::from(self.mtu);
        capabilities
    }
}

/// The stack of one host.
pub(super) struct Stack {
    interface: Interface,
    sockets: SocketSet<'static>,
    wire: Wire,
    port: u16,
}

impl Stack {
    /// A stack without addresses, for IP packets of up to `mtu` bytes.
    pub(super) fn new(mtu: u16, seed: u64, now: u64) -> Self {
        let mut wire = Wire {
            mtu,
            received: None,
            sent: VecDeque::new(),
        };
        Self {
            interface: interface(&mut wire, seed, now),
            sockets: SocketSet::new(Vec::new()),
            wire,
            port: EPHEMERAL,
        }
    }

    pub(super) const fn mtu(&self) -> u16 {
        self.wire.mtu
    }

    /// Sends packets of up to `mtu` bytes from now on. Connections stay.
    pub(super) fn set_mtu(&mut self, mtu: u16, seed: u64, now: u64) {
        self.wire.mtu = mtu;
        let addresses: Vec<IpCidr> = self.interface.ip_addrs().to_vec();
        self.interface = interface(&mut self.wire, seed, now);
        self.interface
            .update_ip_addrs(|known| known.extend(addresses));
    }

    /// Has these addresses, which must be unicast, from now on; no more than it has room for.
    pub(super) fn set_addresses(&mut self, addresses: impl Iterator<Item = IpNet>) {
        self.interface.update_ip_addrs(|known| {
            known.clear();
            let room = known.capacity();
            known.extend(
                addresses
                    .take(room)
                    .map(|net| IpCidr::new(net.addr().into(), net.prefix_len())),
            );
        });
    }

    /// Which address packets to this one come from.
    pub(super) fn source(&self, destination: IpAddr) -> Option<IpAddr> {
        if destination.is_unspecified() {
            return None;
        }
        self.interface
            .get_source_address(&destination.into())
            .map(IpAddr::from)
            .filter(|source| !source.is_loopback())
    }

    /// A port of the host that nobody used lately.
    pub(super) fn ephemeral(&mut self) -> u16 {
        let port = self.port;
        self.port = port.checked_add(1).unwrap_or(EPHEMERAL);
        port
    }

    /// Takes an IP packet.
    pub(super) fn receive(&mut self, packet: &[u8], now: u64) {
        self.wire.received = Some(packet.to_vec());
        self.poll(now);
    }

    /// Does what is due.
    pub(super) fn poll(&mut self, now: u64) {
        self.interface
            .poll(instant(now), &mut self.wire, &mut self.sockets);
    }

    /// The next IP packet to send.
    pub(super) fn next_packet(&mut self) -> Option<Vec<u8>> {
        self.wire.sent.pop_front()
    }

    pub(super) fn next_timeout(&mut self, now: u64) -> Option<u64> {
        self.sockets.iter().next()?;
        let at = self.interface.poll_at(instant(now), &self.sockets)?;
        Some(u64::try_from(at.total_micros()).unwrap_or(0).max(now))
    }

    /// Waits for a connection to this port.
    pub(super) fn listen(&mut self, port: u16) -> Option<SocketHandle> {
        let mut socket = socket();
        socket.listen(port).ok()?;
        Some(self.sockets.add(socket))
    }

    /// Connects to another host.
    pub(super) fn connect(&mut self, to: SocketAddr) -> Option<SocketHandle> {
        let mut socket = socket();
        let port = self.ephemeral();
        self.source(to.ip())?;
        socket
            .connect(self.interface.context(), IpEndpoint::from(to), port)
            .ok()?;
        Some(self.sockets.add(socket))
    }

    /// The socket, which must be one that `listen` or `connect` gave and that was not removed.
    pub(super) fn tcp(&mut self, handle: SocketHandle) -> &mut tcp::Socket<'static> {
        self.sockets.get_mut(handle)
    }

    /// Forgets a socket and its buffers.
    pub(super) fn remove(&mut self, handle: SocketHandle) {
        self.sockets.remove(handle);
    }
}

impl std::fmt::Debug for Stack {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stack")
            .field("wire", &self.wire)
            .finish_non_exhaustive()
    }
}

fn interface(wire: &mut Wire, seed: u64, now: u64) -> Interface {
    let mut config = Config::new(HardwareAddress::Ip);
    config.random_seed = seed;
    Interface::new(config, wire, instant(now))
}

fn socket() -> tcp::Socket<'static> {
    let buffer = || tcp::SocketBuffer::new(vec![0; BUFFER]);
    let mut socket = tcp::Socket::new(buffer(), buffer());
    socket.set_timeout(Some(Duration::from_micros(SILENCE)));
    socket.set_congestion_control(tcp::CongestionControl::Reno);
    socket
}

/// Microseconds as smoltcp's time, which ends after 292,000 years.
fn instant(now: u64) -> Instant {
    Instant::from_micros(i64::try_from(now).unwrap_or(i64::MAX))
}
