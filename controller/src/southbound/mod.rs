//! Hypervisors and switches: their connections, and the member that decides what they are told.
//!
//! One task for each connection runs its state machine ([`connection`]); one thread runs the member
//! ([`member`]). They talk through channels only, so that a connection that is slow, busy or hostile
//! delays nobody else.

mod connection;
mod member;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rust_openflow::message::{Role, RoleMessage};
use rust_openflow::session;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};
use weft_api::Replica;
use weft_compiler::Secret;
use weft_member::hypervisor_link::{self, HypervisorLink};
use weft_member::switch_link::{self, SwitchLink};
use weft_member::{AnswerSettings, Input};

pub use member::MemberHandle;

use crate::listen;
use connection::Peer;

/// Connections of one kind at the same time; more of them wait.
const CONNECTIONS: usize = 16_384;

/// What the southbound needs to know.
#[derive(Debug, Clone)]
pub struct Settings {
    /// What answers to packets need.
    pub answers: AnswerSettings,
    /// What is the same for every hypervisor.
    pub hypervisors: hypervisor_link::Settings,
    /// How often switches are audited; never when none.
    pub audit_interval: Option<Duration>,
}

/// Starts the member; connections are served by [`switches`] and [`hypervisors`].
pub fn start(
    replica: &Arc<Replica>,
    settings: &Settings,
    ended: &CancellationToken,
) -> MemberHandle {
    member::start(replica, settings, ended)
}

/// Serves OpenFlow connections until the end.
pub async fn switches(
    listener: TcpListener,
    member: MemberHandle,
    secret: Secret,
    generation: u64,
    ended: CancellationToken,
) -> anyhow::Result<()> {
    let role = RoleMessage::new(Role::MASTER, generation);
    accept(listener, ended, move |stream, peer, id| {
        let link = SwitchLink::new(
            role,
            session::Config::default(),
            secret.clone(),
            connection::now(),
        );
        switch(stream, peer, id, link, member.clone())
    })
    .await
}

/// Serves OVSDB connections until the end.
pub async fn hypervisors(
    listener: TcpListener,
    member: MemberHandle,
    settings: hypervisor_link::Settings,
    ended: CancellationToken,
) -> anyhow::Result<()> {
    accept(listener, ended, move |stream, peer, id| {
        hypervisor(stream, peer, id, settings.clone(), member.clone())
    })
    .await
}

/// Accepts connections, each with a number of its own, and runs a task for each.
async fn accept<F>(
    listener: TcpListener,
    ended: CancellationToken,
    mut serve: impl FnMut(TcpStream, SocketAddr, u64) -> F,
) -> anyhow::Result<()>
where
    F: Future<Output = ()> + Send + 'static,
{
    /// Numbers are never used again, on any listener.
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    let mut tasks = tokio::task::JoinSet::new();
    loop {
        let accepted = async {
            let place = places.clone().acquire_owned().await;
            (place, listen::accept(&listener).await)
        };
        let (place, (stream, peer)) = tokio::select! {
            accepted = accepted => accepted,
            Some(_) = tasks.join_next() => continue,
            () = ended.cancelled() => return Ok(()),
        };
        let task = serve(stream, peer, NEXT.fetch_add(1, Ordering::Relaxed));
        tasks.spawn(async move {
            task.await;
            drop(place);
        });
    }
}

/// Runs one OpenFlow connection.
async fn switch(
    stream: TcpStream,
    peer: SocketAddr,
    id: u64,
    link: SwitchLink,
    member: MemberHandle,
) {
    let commands = member.switch_commands(id);
    let mut connection = Peer::new(stream, link, commands);
    let mut up = false;
    let reason = loop {
        let event = connection.next_event().await;
        let input = match event {
            switch_link::Event::Up { datapath, version } => {
                up = true;
                info!(%peer, %datapath, %version, "switch connected");
                Input::SwitchUp {
                    link: id,
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
            switch_link::Event::PacketIn(packet) => {
                member.offer(Input::PacketIn { link: id, packet });
                continue;
            }
            switch_link::Event::Stale => {
                warn!(%peer, "the switch refuses this controller: somebody has a later mandate");
                continue;
            }
            switch_link::Event::Remark(remark) => {
                warn!(%peer, "{remark}");
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
        debug!(%peer, "OpenFlow connection ended before it began: {reason}");
    }
    member.forget_switch(id);
    connection.finish().await;
}

/// Runs one OVSDB connection.
async fn hypervisor(
    stream: TcpStream,
    peer: SocketAddr,
    id: u64,
    settings: hypervisor_link::Settings,
    member: MemberHandle,
) {
    let Ok(local) = stream.local_addr() else {
        return;
    };
    let link = HypervisorLink::new(settings, peer.ip(), local.ip(), connection::now());
    let commands = member.hypervisor_commands(id);
    let mut connection = Peer::new(stream, link, commands);
    let mut known = false;
    let reason = loop {
        match connection.next_event().await {
            hypervisor_link::Event::Inventory(inventory) => {
                known = true;
                let peer = peer.ip();
                member
                    .tell(Input::Inventory {
                        link: id,
                        peer,
                        inventory,
                    })
                    .await;
            }
            hypervisor_link::Event::Remark(remark) => warn!(%peer, "{remark}"),
            hypervisor_link::Event::Closed(reason) => break reason,
        }
    };
    if known {
        member.tell(Input::HypervisorGone(id)).await;
        info!(%peer, "OVSDB connection ended: {reason}");
    } else {
        debug!(%peer, "OVSDB connection ended before it began: {reason}");
    }
    member.forget_hypervisor(id);
    connection.finish().await;
}
