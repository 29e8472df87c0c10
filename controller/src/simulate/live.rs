//! A world that goes by in real time: its hypervisors connect to a controller over sockets, as others do.
//!
//! The world and all its connections share one thread, in which nothing waits but for them. What the world is, and what becomes
//! of bytes in it, is the simulator's business ([`World::without_controller`]).

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Instant;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::{mpsc, oneshot};
use tokio::task::LocalSet;
use weft_simulations::world::{Acknowledged, ConnectionId, HypervisorId, Opened, Protocol, World};

/// What came in that is taken at once before the world goes on.
const BATCH: usize = 256;
/// What may wait to be taken; who has more to tell waits.
const INBOX: usize = 1_024;
/// How many bytes are read at once.
const READ: usize = 64 << 10;

/// Where the controller is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Target {
    /// For OVSDB.
    pub(crate) ovsdb: SocketAddr,
    /// For OpenFlow, when it is another place than hypervisors are told.
    pub(crate) openflow: Option<SocketAddr>,
}

/// Something that happened between the world and the controller.
#[derive(Debug)]
pub(crate) enum Happened {
    /// A connection is there.
    Connected(HypervisorId, Protocol),
    /// There is none to be had.
    Unreached(Protocol, io::Error),
    /// The controller, or what is between, has ended a connection.
    Ended,
    /// A switch has acknowledged something.
    Acknowledged(Acknowledged),
}

/// Takes what happens, with the time; it is told nothing more when it is not there any more.
pub(crate) type Observer = mpsc::UnboundedSender<(Instant, Happened)>;

enum Message {
    Heard(ConnectionId, Bytes),
    Ended(ConnectionId),
    Ask(Box<dyn FnOnce(&mut World) + Send>),
}

/// A way to a world that goes by. It ends when nobody has a way to it any more.
#[derive(Clone)]
pub(crate) struct Live {
    inbox: mpsc::Sender<Message>,
}

impl Live {
    /// Lets a world go by that is made in its own thread.
    ///
    /// # Errors
    ///
    /// When there is no thread to be had.
    pub(crate) fn start(
        target: Target,
        make: impl FnOnce() -> World + Send + 'static,
    ) -> io::Result<Self> {
        Self::observed(target, None, make)
    }

    /// The same, and somebody is told what happens.
    ///
    /// # Errors
    ///
    /// As [`Live::start`].
    pub(crate) fn observed(
        target: Target,
        observer: Option<Observer>,
        make: impl FnOnce() -> World + Send + 'static,
    ) -> io::Result<Self> {
        let (inbox, messages) = mpsc::channel(INBOX);
        let own = inbox.downgrade();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let thread = std::thread::Builder::new().name("world".to_owned());
        thread.spawn(move || {
            let mut driver = Driver {
                world: make(),
                target,
                start: Instant::now(),
                inbox: own,
                observer,
                outboxes: HashMap::new(),
            };
            LocalSet::new().block_on(&runtime, driver.run(messages));
        })?;
        Ok(Self { inbox })
    }

    /// Looks at the world and does something with it; none when it has ended.
    pub(crate) async fn with<T: Send + 'static>(
        &self,
        ask: impl FnOnce(&mut World) -> T + Send + 'static,
    ) -> Option<T> {
        let (answer, answered) = oneshot::channel();
        let ask = Box::new(move |world: &mut World| {
            // Who asked may have gone.
            _ = answer.send(ask(world));
        });
        self.inbox.send(Message::Ask(ask)).await.ok()?;
        answered.await.ok()
    }
}

/// The thread's own: the world and the ways to its connections.
struct Driver {
    world: World,
    target: Target,
    start: Instant,
    inbox: mpsc::WeakSender<Message>,
    observer: Option<Observer>,
    outboxes: HashMap<ConnectionId, mpsc::UnboundedSender<Vec<Bytes>>>,
}

impl Driver {
    async fn run(&mut self, mut messages: mpsc::Receiver<Message>) {
        let mut batch = Vec::with_capacity(BATCH);
        loop {
            self.go_by();
            let next = self.world.next_event().map(|at| {
                let at = std::time::Duration::from_micros(at);
                tokio::time::Instant::from_std(self.start + at)
            });
            let due = async {
                match next {
                    Some(next) => tokio::time::sleep_until(next).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                count = messages.recv_many(&mut batch, BATCH) => {
                    if count == 0 {
                        return;
                    }
                }
                () = due => {}
            }
            self.go_by();
            for message in batch.drain(..) {
                match message {
                    Message::Heard(id, bytes) => self.world.hear(id, bytes),
                    Message::Ended(id) => {
                        self.outboxes.remove(&id);
                        self.world.hang_up(id);
                    }
                    Message::Ask(ask) => ask(&mut self.world),
                }
            }
        }
    }

    /// Lets the world go by until now, and carries out of it what is to be carried.
    fn go_by(&mut self) {
        let now = self.start.elapsed().as_micros();
        self.world.run_until(u64::try_from(now).unwrap_or(u64::MAX));
        while let Some(opened) = self.world.next_opened() {
            self.open(opened);
        }
        for (id, said) in self.world.take_said() {
            if let Some(outbox) = self.outboxes.get(&id) {
                // A connection that has just ended takes nothing; the world will hear of it.
                _ = outbox.send(said);
            }
        }
        while let Some(id) = self.world.next_ended() {
            self.outboxes.remove(&id);
        }
        let acknowledged = self.world.take_acknowledged();
        if let (Some(observer), false) = (&self.observer, acknowledged.is_empty()) {
            let now = Instant::now();
            for one in acknowledged {
                tell(observer, now, Happened::Acknowledged(one));
            }
        }
    }

    fn open(&mut self, opened: Opened) {
        let (outbox, said) = mpsc::unbounded_channel();
        self.outboxes.insert(opened.id, outbox);
        let to = match opened.protocol {
            Protocol::Ovsdb => Some(self.target.ovsdb),
            Protocol::OpenFlow => self.target.openflow.or(opened.controller),
        };
        // A connection does not keep the world alive.
        let inbox = self.inbox.clone();
        let observer = self.observer.clone();
        tokio::task::spawn_local(async move {
            let (who, protocol) = (opened.hypervisor, opened.protocol);
            let say = |happened| {
                if let Some(observer) = &observer {
                    tell(observer, Instant::now(), happened);
                }
            };
            match connect(to, who).await {
                Ok(stream) => {
                    say(Happened::Connected(who, protocol));
                    if carry(opened.id, stream, said, &inbox).await == Ended::There {
                        say(Happened::Ended);
                    }
                }
                Err(error) => say(Happened::Unreached(protocol, error)),
            }
            hand_in(&inbox, Message::Ended(opened.id)).await;
        });
    }
}

/// From which address a hypervisor connects: on loopback each has one of its own, so that it is a host of its own to the
/// controller.
fn own_address(to: SocketAddr, hypervisor: usize) -> Option<IpAddr> {
    const FIRST: u32 = Ipv4Addr::new(127, 1, 0, 1).to_bits();
    match to.ip() {
        IpAddr::V4(to) if to.is_loopback() => {
            let number = u32::try_from(hypervisor).ok()?;
            Some(Ipv4Addr::from_bits(FIRST.checked_add(number)?).into())
        }
        _ => None,
    }
}

/// Tells the world; false when it has ended.
async fn hand_in(inbox: &mpsc::WeakSender<Message>, message: Message) -> bool {
    match inbox.upgrade() {
        Some(inbox) => inbox.send(message).await.is_ok(),
        None => false,
    }
}

/// Tells an observer, who may have gone.
fn tell(observer: &Observer, now: Instant, happened: Happened) {
    _ = observer.send((now, happened));
}

async fn connect(to: Option<SocketAddr>, hypervisor: HypervisorId) -> io::Result<TcpStream> {
    let nowhere = || io::Error::new(io::ErrorKind::AddrNotAvailable, "no address was told");
    let to = to.ok_or_else(nowhere)?;
    let from = own_address(to, hypervisor.number());
    let socket = match to {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    if let Some(from) = from {
        socket.bind((from, 0).into())?;
    }
    let stream = socket.connect(to).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Where a connection was ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ended {
    /// In the world.
    Here,
    /// By the controller, or on the way.
    There,
}

/// Carries the bytes of a connection both ways until either side ends it.
async fn carry(
    id: ConnectionId,
    mut stream: TcpStream,
    mut said: mpsc::UnboundedReceiver<Vec<Bytes>>,
    inbox: &mpsc::WeakSender<Message>,
) -> Ended {
    let (mut reader, mut writer) = stream.split();
    let reading = async {
        let mut buffer = BytesMut::new();
        loop {
            buffer.reserve(READ);
            match reader.read_buf(&mut buffer).await {
                Ok(0) | Err(_) => return Ended::There,
                Ok(_) => {
                    let heard = Message::Heard(id, buffer.split().freeze());
                    if !hand_in(inbox, heard).await {
                        return Ended::Here;
                    }
                }
            }
        }
    };
    let writing = async {
        while let Some(pieces) = said.recv().await {
            for piece in pieces {
                if writer.write_all(&piece).await.is_err() {
                    return Ended::There;
                }
            }
        }
        Ended::Here
    };
    tokio::select! {
        ended = reading => ended,
        ended = writing => ended,
    }
}
