//! Hypervisors and switches: their connections, and the member that decides what they are told.
//!
//! One task for each connection runs its state machine ([`connection`]); one thread runs the member
//! ([`member`]). They talk through channels only, so that a connection that is slow, busy or hostile
//! delays nobody else.

mod connection;
mod door;
mod member;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use metrics::counter;
use rust_openflow::message::{Role, RoleMessage};
use rust_openflow::session;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};
use weft_api::Replica;
use weft_compiler::Secret;
use weft_member::Input;
use weft_member::hypervisor_link::{self, HypervisorLink};
use weft_member::switch_link::{self, SwitchLink};

pub use door::Limits;
pub use member::MemberHandle;

use crate::listen;
use crate::metrics as names;
use connection::Peer;
use door::{Door, Place, Throttle};

/// What the southbound needs to know.
#[derive(Debug, Clone)]
pub struct Settings {
    /// What the member goes by.
    pub member: weft_member::Settings,
    /// What is the same for every hypervisor.
    pub hypervisors: hypervisor_link::Settings,
    /// How often switches are audited; never when none.
    pub audit_interval: Option<Duration>,
}

/// The parts of a controller: what it cannot go on without.
pub(crate) type Parts = JoinSet<anyhow::Result<()>>;

/// Starts the member, with parts of its own; connections are served by [`switches`] and [`hypervisors`].
pub(crate) fn start(
    replica: &Arc<Replica>,
    settings: &Settings,
    parts: &mut Parts,
    ended: &CancellationToken,
) -> MemberHandle {
    member::start(replica, settings, parts, ended)
}

/// What a switch may take of memory and time. A list of all its flows is decoded as a whole, in some
/// times as many bytes as it came in: enough for a quarter of a million flows.
fn session_config() -> session::Config {
    session::Config {
        reply_limit: 64 << 20,
        ..session::Config::default()
    }
}

/// Serves OpenFlow connections until the end.
pub async fn switches(
    listener: TcpListener,
    member: MemberHandle,
    secret: Secret,
    generation: u64,
    limits: Limits,
    ended: CancellationToken,
) -> anyhow::Result<()> {
    let role = RoleMessage::new(Role::MASTER, generation);
    accept("OpenFlow", listener, limits, ended, move |stream, visit| {
        let link = SwitchLink::new(role, session_config(), secret.clone(), connection::now());
        switch(stream, visit, link, member.clone())
    })
    .await
}

/// Serves OVSDB connections until the end.
pub async fn hypervisors(
    listener: TcpListener,
    member: MemberHandle,
    settings: hypervisor_link::Settings,
    limits: Limits,
    ended: CancellationToken,
) -> anyhow::Result<()> {
    accept("OVSDB", listener, limits, ended, move |stream, visit| {
        hypervisor(stream, visit, settings.clone(), member.clone())
    })
    .await
}

/// A connection that was accepted.
struct Visit {
    protocol: &'static str,
    peer: SocketAddr,
    /// Its number.
    id: u64,
    place: Place,
}

impl Visit {
    /// Says what is to be said of the connection, unless too much was said of it already.
    fn remark(&self, throttle: &mut Throttle, remark: &str) {
        let peer = self.peer;
        match throttle.say(connection::now()) {
            Some(0) => warn!(%peer, "{remark}"),
            Some(unsaid) => warn!(%peer, unsaid, "{remark}"),
            None => {}
        }
    }

    /// Says that the connection ended before anybody was there to miss it. One that said nothing is
    /// nobody's mistake: whoever looks after a port opens and closes it.
    fn ended_early(&self, heard: bool, reason: &str) {
        let (protocol, peer) = (self.protocol, self.peer);
        let said = heard
            .then(|| self.place.door().complain(peer.ip(), connection::now()))
            .flatten();
        match said {
            Some(0) => warn!(%peer, "{protocol} connection ended before it began: {reason}"),
            Some(unsaid) => {
                warn!(%peer, unsaid, "{protocol} connection ended before it began: {reason}");
            }
            None => debug!(%peer, "{protocol} connection ended before it began: {reason}"),
        }
    }
}

/// The reason for which a stranger goes.
const NEEDED: &str = "it did not say who it is, and others needed its place or memory";

/// Accepts connections, each with a number of its own, and runs a task for each.
async fn accept<F>(
    protocol: &'static str,
    listener: TcpListener,
    limits: Limits,
    ended: CancellationToken,
    mut serve: impl FnMut(TcpStream, Visit) -> F,
) -> anyhow::Result<()>
where
    F: Future<Output = ()> + Send + 'static,
{
    /// Numbers are never used again, on any listener.
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let door = Door::new(limits);
    let mut tasks = JoinSet::new();
    loop {
        let (stream, peer) = tokio::select! {
            accepted = listen::accept(&listener) => accepted,
            Some(_) = tasks.join_next() => continue,
            () = ended.cancelled() => return Ok(()),
        };
        match door.enter(peer.ip()) {
            Ok(place) => {
                let id = NEXT.fetch_add(1, Ordering::Relaxed);
                let visit = Visit {
                    protocol,
                    peer,
                    id,
                    place,
                };
                tasks.spawn(serve(stream, visit));
            }
            Err(full) => {
                counter!(names::CONNECTIONS_REFUSED, "protocol" => protocol).increment(1);
                if let Some(unsaid) = door.complain(peer.ip(), connection::now()) {
                    let full = full.name();
                    warn!(%peer, unsaid, "{protocol} connection refused: too many {full}");
                }
            }
        }
    }
}

/// Runs one OpenFlow connection.
async fn switch(stream: TcpStream, visit: Visit, link: SwitchLink, member: MemberHandle) {
    let (peer, id) = (visit.peer, visit.id);
    let mut throttle = Throttle::new(connection::now());
    let packets = member::packets();
    let commands = member.switch_commands(id);
    let mut connection = Peer::new(stream, link, commands);
    let mut up = false;
    let reason = loop {
        let stranger = (!up).then_some(&visit.place);
        let event = tokio::select! {
            event = connection.next_event(stranger) => event,
            () = visit.place.needed(), if !up => break NEEDED.to_owned(),
        };
        let input = match event {
            switch_link::Event::Up { datapath, version } => {
                up = true;
                visit.place.introduced();
                info!(%peer, %datapath, %version, "switch connected");
                Input::SwitchUp {
                    link: id,
                    peer: peer.ip(),
                    datapath,
                    version,
                }
            }
            switch_link::Event::Read(installed) => Input::Read {
                link: id,
                installed: Box::new(installed),
            },
            switch_link::Event::ReadFailed(reason) => break reason,
            switch_link::Event::Pushed { push, refusals } => Input::Pushed {
                link: id,
                push,
                refusals,
            },
            switch_link::Event::Port { name, ofport } => Input::Port {
                link: id,
                name,
                ofport,
            },
            switch_link::Event::PacketIn(packet) => {
                member.offer(&packets, Input::PacketIn { link: id, packet });
                continue;
            }
            switch_link::Event::Stale => {
                warn!(%peer, "the switch refuses this controller: somebody has a later mandate");
                continue;
            }
            switch_link::Event::Remark(remark) => {
                visit.remark(&mut throttle, &remark);
                continue;
            }
            switch_link::Event::Closed(reason) => break reason,
        };
        member.tell(input).await;
    };
    if up {
        member.tell(Input::SwitchGone(id)).await;
        info!(%peer, "switch connection ended: {reason}");
    } else {
        visit.ended_early(connection.heard(), &reason);
    }
    member.forget_switch(id);
    connection.finish().await;
}

/// Runs one OVSDB connection.
async fn hypervisor(
    stream: TcpStream,
    visit: Visit,
    settings: hypervisor_link::Settings,
    member: MemberHandle,
) {
    let (peer, id) = (visit.peer, visit.id);
    let mut throttle = Throttle::new(connection::now());
    let Ok(local) = stream.local_addr() else {
        return;
    };
    let local = local.ip().to_canonical();
    let link = HypervisorLink::new(settings, peer.ip(), local, connection::now());
    let commands = member.hypervisor_commands(id);
    let mut connection = Peer::new(stream, link, commands);
    let mut known = false;
    let mut dismissed = false;
    let reason = loop {
        let stranger = (!known).then_some(&visit.place);
        let event = tokio::select! {
            event = connection.next_event(stranger) => event,
            () = visit.place.needed(), if !known => break NEEDED.to_owned(),
        };
        match event {
            hypervisor_link::Event::Inventory(inventory) => {
                known = true;
                visit.place.introduced();
                let peer = peer.ip();
                member
                    .tell(Input::Inventory {
                        link: id,
                        peer,
                        inventory,
                    })
                    .await;
            }
            hypervisor_link::Event::Remark(remark) => visit.remark(&mut throttle, &remark),
            hypervisor_link::Event::Closed(reason) => break reason,
            hypervisor_link::Event::Dismissed(reason) => {
                dismissed = true;
                break reason;
            }
        }
    };
    if known {
        member.tell(Input::HypervisorGone(id)).await;
        // Who dismissed it has said why.
        match dismissed {
            true => debug!(%peer, "OVSDB connection ended: {reason}"),
            false => info!(%peer, "OVSDB connection ended: {reason}"),
        }
    } else {
        visit.ended_early(connection.heard(), &reason);
    }
    member.forget_hypervisor(id);
    connection.finish().await;
}
