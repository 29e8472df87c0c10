//! TCP servers: sinks, sources and echoes. A socket, with its buffers, is made when somebody wants to connect, so that a
//! server that nobody uses costs nothing.

use serde::Serialize;
use smoltcp::iface::SocketHandle;
use smoltcp::socket::tcp::{Socket, State};

use super::transfer::{fill, verify};
use super::{Context, Service};
use crate::host::stack::Stack;

/// How many connections a server has at once.
const CONNECTIONS: usize = 256;

/// What a TCP server has counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct ServerReport {
    /// Connections that stood.
    pub accepted: u64,
    /// Of those, how many both sides closed.
    pub closed: u64,
    /// Connections that could not be taken: there were too many.
    pub refused: u64,
    /// Bytes that came.
    pub received: u64,
    /// Of those, how many were not those of a transfer.
    pub corrupt: u64,
    /// Bytes that were sent and acknowledged or lost.
    pub sent: u64,
}

#[derive(Debug)]
struct Connection {
    handle: SocketHandle,
    accepted: bool,
    /// Whether the peer closed its side.
    closing: bool,
    received: u64,
    sent: u64,
    /// How many bytes a source is asked for, and the first bytes of that number.
    asked: Option<u64>,
    question: Vec<u8>,
}

#[derive(Debug)]
pub(in crate::host) struct Server {
    port: u16,
    service: Service,
    running: bool,
    connections: Vec<Connection>,
    report: ServerReport,
}

impl Server {
    pub(in crate::host) const fn new(port: u16, service: Service) -> Self {
        Self {
            port,
            service,
            running: true,
            connections: Vec::new(),
            report: ServerReport {
                accepted: 0,
                closed: 0,
                refused: 0,
                received: 0,
                corrupt: 0,
                sent: 0,
            },
        }
    }

    pub(super) const fn report(&self) -> ServerReport {
        self.report
    }

    pub(super) fn stop(&mut self, context: &mut Context<'_>) {
        self.running = false;
        for connection in std::mem::take(&mut self.connections) {
            context.stack.tcp(connection.handle).abort();
            context.stack.poll(context.moment.now);
            context.stack.remove(connection.handle);
        }
    }

    /// Somebody wants to connect: make a socket that answers. It is forgotten when it was not needed, as for a request
    /// that came twice.
    pub(super) fn connection(&mut self, port: u16, stack: &mut Stack) {
        if port != self.port || !self.running {
            return;
        }
        if self.connections.len() == CONNECTIONS {
            self.report.refused += 1;
            return;
        }
        self.connections
            .extend(stack.listen(port).map(|handle| Connection {
                handle,
                accepted: false,
                closing: false,
                received: 0,
                sent: 0,
                asked: None,
                question: Vec::new(),
            }));
    }

    pub(super) fn advance(&mut self, context: &mut Context<'_>) {
        let (service, report) = (self.service, &mut self.report);
        self.connections.retain_mut(|connection| {
            let socket = context.stack.tcp(connection.handle);
            if socket.may_recv() && !connection.accepted {
                connection.accepted = true;
                report.accepted += 1;
            }
            connection.serve(service, socket, report);
            let over = matches!(
                socket.state(),
                State::Closed | State::TimeWait | State::Listen
            );
            if over {
                report.closed += u64::from(connection.closing);
                context.stack.remove(connection.handle);
            }
            !over
        });
    }
}

impl Connection {
    fn serve(&mut self, service: Service, socket: &mut Socket<'_>, report: &mut ServerReport) {
        let (received, sent) = (self.received, self.sent);
        match service {
            Service::TcpEcho => self.echo(socket),
            Service::TcpSource => self.source(socket),
            _ => {
                let (corrupt, count) = verify(socket, self.received);
                self.received += count;
                report.corrupt += corrupt;
            }
        }
        report.received += self.received - received;
        report.sent += self.sent - sent;
        let asked = self.asked.is_some_and(|bytes| bytes == self.sent);
        let done = asked || (socket.state() == State::CloseWait && !socket.can_recv());
        if done && socket.may_send() && (asked || self.asked.is_none()) {
            self.closing = true;
            socket.close();
        }
    }

    /// Sends back what came, as much as there is room for.
    fn echo(&mut self, socket: &mut Socket<'_>) {
        loop {
            let room = socket.send_capacity() - socket.send_queue();
            let taken = socket.recv(|bytes| {
                let count = bytes.len().min(room);
                (count, bytes[..count].to_vec())
            });
            match taken {
                Ok(bytes) if !bytes.is_empty() => {
                    self.received += bytes.len() as u64;
                    self.sent += socket.send_slice(&bytes).unwrap_or(0) as u64;
                }
                _ => break,
            }
        }
    }

    /// Reads how many bytes are wanted, and sends them.
    fn source(&mut self, socket: &mut Socket<'_>) {
        while self.asked.is_none() && socket.can_recv() {
            let missing = 8 - self.question.len();
            let taken = socket.recv(|bytes| {
                let count = bytes.len().min(missing);
                (count, bytes[..count].to_vec())
            });
            let Ok(bytes) = taken else { break };
            self.received += bytes.len() as u64;
            self.question.extend(bytes);
            if let Some(number) = self.question.first_chunk::<8>() {
                self.asked = Some(u64::from_be_bytes(*number));
            }
        }
        if let Some(bytes) = self.asked {
            self.sent += fill(socket, self.sent, bytes);
        }
    }
}
