//! One connection: bytes and time in, bytes and events out, around a state machine that does no I/O.

use std::cell::RefCell;
use std::io::ErrorKind;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use super::door::Place;
use bytes::{Buf, Bytes, BytesMut};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::sync::mpsc::UnboundedReceiver;
use weft_member::hypervisor_link::{self, HypervisorLink};
use weft_member::switch_link::{self, SwitchLink};

/// How many bytes are read at once.
const READ: usize = 64 * 1024;
/// How many bytes of output are joined into one write.
const WRITE: usize = 64 * 1024;
/// How long the last words of a connection may take.
const FAREWELL: Duration = Duration::from_secs(2);

/// Milliseconds since the first call: the clock of all connections.
pub(super) fn now() -> u64 {
    static START: OnceLock<Instant> = OnceLock::new();
    let elapsed = START.get_or_init(Instant::now).elapsed();
    u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX)
}

/// A state machine of one connection.
pub(super) trait Machine {
    /// What it can be asked.
    type Command;
    /// What it tells.
    type Event;

    fn receive(&mut self, bytes: &[u8], now: u64);
    fn tick(&mut self, now: u64);
    fn next_timeout(&self) -> Option<u64>;
    fn next_output(&mut self) -> Option<Bytes>;
    fn next_event(&mut self) -> Option<Self::Event>;
    fn command(&mut self, command: Self::Command);
    /// How many bytes what the other side said takes.
    fn held(&self) -> usize;
    /// What it tells when the connection broke.
    fn broken(reason: String) -> Self::Event;
}

/// The machines: what each can be asked, by which method, what it tells, and how much it keeps.
macro_rules! machines {
    ($($link:ty { $method:ident($command:ty), $event:path, $closed:path, $held:expr })*) => {$(
        impl Machine for $link {
            type Command = $command;
            type Event = $event;

            fn receive(&mut self, bytes: &[u8], now: u64) {
                self.receive(bytes, now);
            }
            fn tick(&mut self, now: u64) {
                self.tick(now);
            }
            fn next_timeout(&self) -> Option<u64> {
                self.next_timeout()
            }
            fn next_output(&mut self) -> Option<Bytes> {
                self.next_output()
            }
            fn next_event(&mut self) -> Option<Self::Event> {
                self.next_event()
            }
            fn command(&mut self, command: Self::Command) {
                self.$method(command);
            }
            fn held(&self) -> usize {
                let held: fn(&Self) -> usize = $held;
                held(self)
            }
            fn broken(reason: String) -> Self::Event {
                $closed(reason)
            }
        }
    )*};
}

machines! {
    // Of a switch that has not said who it is no more than one message is kept, which is short.
    SwitchLink { command(switch_link::Command), switch_link::Event, switch_link::Event::Closed, |_| 0 }
    HypervisorLink {
        close(String), hypervisor_link::Event, hypervisor_link::Event::Closed, HypervisorLink::held
    }
}

/// A connection with its machine and the commands for it.
pub(super) struct Peer<M: Machine> {
    stream: TcpStream,
    machine: M,
    commands: UnboundedReceiver<M::Command>,
    output: BytesMut,
    heard: bool,
}

thread_local! {
    /// What is read lands here and is handed on at once, so that a connection that is idle, as most are
    /// most of the time, has no buffer of its own.
    static INPUT: RefCell<Vec<u8>> = RefCell::new(vec![0; READ]);
}

/// What a wait ended with.
enum Wake<C> {
    Readable(std::io::Result<()>),
    Wrote(std::io::Result<usize>),
    Command(C),
    Time,
}

impl<M: Machine> Peer<M> {
    pub(super) fn new(
        stream: TcpStream,
        machine: M,
        commands: UnboundedReceiver<M::Command>,
    ) -> Self {
        Self {
            stream,
            machine,
            commands,
            output: BytesMut::new(),
            heard: false,
        }
    }

    /// Runs the connection until its machine has something to tell.
    ///
    /// How much a stranger keeps is told at his place.
    pub(super) async fn next_event(&mut self, stranger: Option<&Place>) -> M::Event {
        loop {
            if let Some(event) = self.machine.next_event() {
                return event;
            }
            self.fill();
            let timeout = self
                .machine
                .next_timeout()
                .map(|at| at.saturating_sub(now()));
            let (reader, mut writer) = self.stream.split();
            let wake = tokio::select! {
                ready = reader.readable() => Wake::Readable(ready),
                wrote = writer.write(&self.output), if !self.output.is_empty() => Wake::Wrote(wrote),
                Some(command) = self.commands.recv() => Wake::Command(command),
                () = time(timeout) => Wake::Time,
            };
            match wake {
                Wake::Readable(ready) => match ready.and_then(|()| self.read()) {
                    Ok(0) => return M::broken("the other side closed the connection".to_owned()),
                    Ok(_) => {
                        self.heard = true;
                        if let Some(place) = stranger {
                            place.holds(self.machine.held() + self.output.len());
                        }
                    }
                    Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                    Err(error) => return M::broken(error.to_string()),
                },
                Wake::Wrote(Ok(n)) => {
                    self.output.advance(n);
                    if self.output.is_empty() {
                        self.output = BytesMut::new();
                    }
                }
                Wake::Wrote(Err(error)) => return M::broken(error.to_string()),
                Wake::Command(command) => self.machine.command(command),
                Wake::Time => self.machine.tick(now()),
            }
        }
    }

    /// Whether the other side ever said anything.
    pub(super) fn heard(&self) -> bool {
        self.heard
    }

    /// Hands what there is to the machine; how much it was, 0 at the end of the stream.
    fn read(&mut self) -> std::io::Result<usize> {
        INPUT.with_borrow_mut(|input| {
            let n = self.stream.try_read(input)?;
            if n > 0 {
                self.machine.receive(&input[..n], now());
            }
            Ok(n)
        })
    }

    /// Joins what the machine wants to send, as long as it is little.
    fn fill(&mut self) {
        while self.output.len() < WRITE
            && let Some(bytes) = self.machine.next_output()
        {
            self.output.extend_from_slice(&bytes);
        }
    }

    /// Sends the last words, as far as the other side takes them, and closes.
    pub(super) async fn finish(mut self) {
        self.fill();
        let farewell = async {
            self.stream.write_all(&self.output).await?;
            self.stream.shutdown().await
        };
        // The connection is over either way.
        _ = tokio::time::timeout(FAREWELL, farewell).await;
    }
}

/// Waits that many milliseconds, or for ever.
async fn time(milliseconds: Option<u64>) {
    match milliseconds {
        Some(milliseconds) => tokio::time::sleep(Duration::from_millis(milliseconds)).await,
        None => std::future::pending().await,
    }
}
