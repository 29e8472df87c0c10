//! A machine that is plugged in: a host with a server for datagrams and one for connections.

use std::net::SocketAddr;

use crate::host::{Addressing, Host, ProgramId, Service};
use crate::world::Attachment;
use rust_openflow::MacAddr;

/// Where datagrams are counted.
pub(super) const UDP: u16 = 7000;
/// Where connections are taken.
pub(super) const TCP: u16 = 7001;

/// A machine that runs.
#[derive(Debug)]
pub(super) struct Guest {
    pub(super) host: Host,
    /// The server that counts datagrams.
    pub(super) sink: ProgramId,
}

impl Guest {
    /// A machine that boots now.
    pub(super) fn boot(mac: MacAddr, seed: u64, how: &Addressing, now: u64) -> Self {
        let mut host = Host::new(mac, seed);
        host.boot(how, now);
        let sink = host.serve(Service::UdpSink, UDP, now);
        host.serve(Service::TcpSink, TCP, now);
        Self { host, sink }
    }
}

impl Attachment for Guest {
    fn receive(&mut self, now: u64, frame: &[u8]) {
        self.host.receive(frame, now);
    }

    fn tick(&mut self, now: u64) {
        self.host.advance(now);
    }

    fn next_timeout(&mut self) -> Option<u64> {
        self.host.next_timeout()
    }

    fn transmit(&mut self, _now: u64) -> Option<Vec<u8>> {
        self.host.next_frame()
    }
}

/// A server of a machine.
pub(super) fn server(address: std::net::IpAddr, port: u16) -> SocketAddr {
    SocketAddr::new(address, port)
}
