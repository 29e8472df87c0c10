//! The thread of the member: inputs in order, their effects carried out.
//!
//! Compiling may take a while; it has a thread of its own, and nothing waits for it but who wants to
//! tell it something. Log entries that arrive together are compiled together.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use metrics::counter;
use tokio::runtime::Handle;
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};
use weft_api::{Entries, Replica};
use weft_member::notice::{Level, Notice};
use weft_member::switch_link::Command;
use weft_member::{Effect, Input, Member};
use weft_schema::{CommitError, WriteSet};

use super::door::Throttle;
use super::{Parts, Settings, connection};
use crate::metrics as names;

/// Inputs that may wait; who has more to tell waits.
const QUEUE: usize = 4_096;
/// Inputs that are taken at once.
const BATCH: usize = 512;
/// How often the member is told the time, which it goes by when it tries again what failed.
const TICK: Duration = Duration::from_secs(1);

/// Packets of one switch that may wait. One that sends more than can be answered delays only itself.
const PACKETS: usize = 64;

/// What the thread is sent.
enum Message {
    Input(Input),
    /// A packet, which takes one of its switch's places until it was answered.
    Packet(Input, OwnedSemaphorePermit),
    /// Somebody wants to look at the member.
    Look(Box<dyn FnOnce(&Member) + Send>),
}

/// The connections' ends of their channels.
#[derive(Default)]
struct Connections {
    switches: HashMap<u64, UnboundedSender<Command>>,
    hypervisors: HashMap<u64, UnboundedSender<String>>,
}

/// A way to talk to the member.
#[derive(Clone)]
pub struct MemberHandle {
    queue: mpsc::Sender<Message>,
    connections: Arc<Mutex<Connections>>,
}

impl MemberHandle {
    /// Tells the member something; waits while it has too much to do.
    pub async fn tell(&self, input: Input) {
        // The member is gone only when the process ends.
        _ = self.queue.send(Message::Input(input)).await;
    }

    /// Tells the member of a packet, unless too many of the same switch wait or it has too much to do.
    pub(super) fn offer(&self, packets: &Arc<Semaphore>, input: Input) {
        let place = packets.clone().try_acquire_owned().ok();
        let sent = place.map(|place| self.queue.try_send(Message::Packet(input, place)));
        if !matches!(sent, Some(Ok(()))) {
            counter!(names::PACKETS_DROPPED).increment(1);
        }
    }

    /// Looks at the member; none when the process is ending.
    pub async fn look<T: Send + 'static>(
        &self,
        look: impl FnOnce(&Member) -> T + Send + 'static,
    ) -> Option<T> {
        let (answer, seen) = oneshot::channel();
        let look = Box::new(move |member: &Member| {
            // Who asked may have gone.
            _ = answer.send(look(member));
        });
        self.queue.send(Message::Look(look)).await.ok()?;
        seen.await.ok()
    }

    pub(super) fn switch_commands(&self, id: u64) -> UnboundedReceiver<Command> {
        let (sender, receiver) = mpsc::unbounded_channel();
        self.connections().switches.insert(id, sender);
        receiver
    }

    pub(super) fn hypervisor_commands(&self, id: u64) -> UnboundedReceiver<String> {
        let (sender, receiver) = mpsc::unbounded_channel();
        self.connections().hypervisors.insert(id, sender);
        receiver
    }

    pub(super) fn forget_switch(&self, id: u64) {
        self.connections().switches.remove(&id);
    }

    pub(super) fn forget_hypervisor(&self, id: u64) {
        self.connections().hypervisors.remove(&id);
    }

    fn connections(&self) -> MutexGuard<'_, Connections> {
        // Nothing panics while it holds the map; it is whole in any case.
        self.connections
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// The places of one switch's packets.
pub(super) fn packets() -> Arc<Semaphore> {
    Arc::new(Semaphore::new(PACKETS))
}

/// Starts the member on the state that the replica has; what it cannot go on without are further `parts`.
pub(super) fn start(
    replica: &Arc<Replica>,
    settings: &Settings,
    parts: &mut Parts,
    ended: &CancellationToken,
) -> MemberHandle {
    let own = settings.member.clone();
    let (member, entries) = replica.follow(|state| Member::new(state, own));
    let (queue, inputs) = mpsc::channel(QUEUE);
    let handle = MemberHandle {
        queue,
        connections: Arc::default(),
    };
    parts.spawn(forward(entries, handle.clone(), ended.clone()));
    parts.spawn(remind(
        settings.audit_interval,
        handle.clone(),
        ended.clone(),
    ));
    parts.spawn(watch(handle.clone(), ended.clone()));
    let thread = MemberThread {
        member,
        inputs,
        handle: handle.clone(),
        replica: replica.clone(),
        runtime: Handle::current(),
        said: Said::default(),
    };
    std::thread::Builder::new()
        .name("member".to_owned())
        .spawn(move || thread.run())
        .expect("a process that has just started can start a thread");
    handle
}

/// Tells the member of log entries.
async fn forward(
    mut entries: Entries,
    member: MemberHandle,
    ended: CancellationToken,
) -> anyhow::Result<()> {
    while let Some(Some(entry)) = ended.run_until_cancelled(entries.next()).await {
        member.tell(Input::Entries(vec![entry])).await;
    }
    Ok(())
}

/// Fails when the member's thread ends before its time.
async fn watch(member: MemberHandle, ended: CancellationToken) -> anyhow::Result<()> {
    match ended.run_until_cancelled(member.queue.closed()).await {
        Some(()) => anyhow::bail!("the thread that programs the switches has ended"),
        None => Ok(()),
    }
}

/// Tells the member of time.
async fn remind(
    audits: Option<Duration>,
    member: MemberHandle,
    ended: CancellationToken,
) -> anyhow::Result<()> {
    let mut ticks = tokio::time::interval(TICK);
    let mut audits = audits.map(tokio::time::interval);
    loop {
        let audit = async {
            match &mut audits {
                Some(audits) => audits.tick().await,
                None => std::future::pending().await,
            }
        };
        let input = tokio::select! {
            _ = ticks.tick() => Input::Tick(connection::now()),
            _ = audit => Input::Audit,
            () = ended.cancelled() => return Ok(()),
        };
        member.tell(input).await;
    }
}

struct MemberThread {
    member: Member,
    inputs: mpsc::Receiver<Message>,
    handle: MemberHandle,
    replica: Arc<Replica>,
    runtime: Handle,
    said: Said,
}

impl MemberThread {
    fn run(mut self) {
        let mut batch = Vec::with_capacity(BATCH);
        while self.inputs.blocking_recv_many(&mut batch, BATCH) > 0 {
            let mut entries = Vec::new();
            for message in batch.drain(..) {
                match message {
                    Message::Input(Input::Entries(more)) => entries.extend(more),
                    other => {
                        self.compile(&mut entries);
                        match other {
                            Message::Input(input) => self.handle(input),
                            Message::Packet(input, place) => {
                                self.handle(input);
                                drop(place);
                            }
                            Message::Look(look) => look(&self.member),
                        }
                    }
                }
            }
            self.compile(&mut entries);
        }
    }

    /// Gives the member the entries that came together.
    fn compile(&mut self, entries: &mut Vec<Arc<weft_schema::LogEntry>>) {
        if !entries.is_empty() {
            self.handle(Input::Entries(std::mem::take(entries)));
        }
    }

    fn handle(&mut self, input: Input) {
        for effect in self.member.handle(input) {
            match effect {
                Effect::Switch(id, command) => {
                    if let Some(switch) = self.handle.connections().switches.get(&id) {
                        // A connection that has just ended takes no commands; the member will hear of it.
                        _ = switch.send(command);
                    }
                }
                Effect::CloseHypervisor(id, reason) => {
                    if let Some(hypervisor) = self.handle.connections().hypervisors.get(&id) {
                        _ = hypervisor.send(reason);
                    }
                }
                Effect::Write { system_id, write } => self.write(system_id, write),
                Effect::Notice(notice) => self.said.log(&notice),
            }
        }
    }

    fn write(&self, system_id: String, write: WriteSet) {
        let (replica, member) = (self.replica.clone(), self.handle.clone());
        self.runtime.spawn(async move {
            let revision = match replica.submit(write).await {
                Ok(revision) => Some(revision),
                Err(CommitError::Changed { .. } | CommitError::Taken { .. }) => None,
                Err(error) => {
                    warn!(%system_id, "observations not recorded: {error}");
                    None
                }
            };
            member
                .tell(Input::Written {
                    system_id,
                    revision,
                })
                .await;
        });
    }
}

/// How long what was said is not said again in the same words, in milliseconds.
const SAME: u64 = 3_600_000;
/// How many different things are remembered to have been said.
const REMEMBERED: usize = 1_024;

/// What was said of what others can cause at will.
#[derive(Default)]
struct Said {
    /// How much, by the names of events, which are few.
    by_name: HashMap<&'static str, Throttle>,
    /// When, and how often it was left unsaid since, by the words.
    by_words: HashMap<String, (u64, u64)>,
}

impl Said {
    /// Puts a notice into the metrics and, unless too much was said of its like, into the log.
    fn log(&mut self, notice: &Notice) {
        counter!(names::NOTICES, "event" => notice.name()).increment(1);
        match (notice.level(), self.say(notice, connection::now())) {
            (Level::Debug, _) => debug!("{notice}"),
            (_, None) => {}
            (Level::Info, Some(0)) => info!("{notice}"),
            (Level::Info, Some(unsaid)) => info!(unsaid, "{notice}"),
            (Level::Warn, Some(0)) => warn!("{notice}"),
            (Level::Warn, Some(unsaid)) => warn!(unsaid, "{notice}"),
        }
    }

    /// Whether a notice may be said at `now`, and how many of its like were left unsaid before.
    fn say(&mut self, notice: &Notice, now: u64) -> Option<u64> {
        if !notice.is_at_will() || notice.level() == Level::Debug {
            return Some(0);
        }
        let words = notice.to_string();
        let is_fresh = |said: u64| now.saturating_sub(said) < SAME;
        let mut same = 0;
        if let Some((said, unsaid)) = self.by_words.get_mut(&words) {
            if is_fresh(*said) {
                *unsaid += 1;
                return None;
            }
            same = *unsaid;
        }
        let of_its_name = self.by_name.entry(notice.name());
        let unsaid = of_its_name.or_insert_with(|| Throttle::new(now)).say(now)?;
        if self.by_words.len() >= REMEMBERED {
            self.by_words.retain(|_, (said, _)| is_fresh(*said));
        }
        if self.by_words.len() < REMEMBERED {
            self.by_words.insert(words, (now, 0));
        }
        Some(unsaid + same)
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use weft_topology::ChassisId;

    use super::*;

    /// A member on an empty database, its parts, and what ends them.
    async fn member() -> (MemberHandle, Parts, CancellationToken) {
        let store = Arc::new(weft_schema::MemoryStore::new([7; 16]));
        let replica = Arc::new(Replica::start(store).await.unwrap());
        let settings = Settings {
            member: weft_member::Settings {
                answers: weft_member::AnswerSettings {
                    lease_seconds: 60,
                    domain: None,
                },
                flood_direct: 2,
                max_hypervisors: 1,
            },
            hypervisors: weft_member::hypervisor_link::Settings {
                bridge: "br-int".to_owned(),
                generation: 1,
                openflow_port: 6653,
                advertise: None,
            },
            audit_interval: None,
        };
        let (mut parts, ended) = (Parts::new(), CancellationToken::new());
        let handle = start(&replica, &settings, &mut parts, &ended);
        // The replica lives as long as the parts do.
        parts.spawn(async move {
            replica.stopped().await;
            Ok(())
        });
        (handle, parts, ended)
    }

    #[tokio::test]
    async fn a_member_that_panics_is_a_part_that_fails() {
        let (handle, mut parts, _ended) = member().await;
        assert_eq!(handle.look(Member::revision).await, Some(0));
        let looked = handle.look(|_| -> () { panic!("a defect") }).await;
        assert_eq!(looked, None);
        let error = parts.join_next().await.unwrap().unwrap().unwrap_err();
        assert!(error.to_string().contains("has ended"), "{error}");
    }

    #[tokio::test]
    async fn who_ends_the_member_makes_no_part_fail() {
        let (_handle, mut parts, ended) = member().await;
        ended.cancel();
        for _ in 0..3 {
            parts.join_next().await.unwrap().unwrap().unwrap();
        }
    }

    /// A lie of the `number`th liar.
    fn lie(number: u32) -> Notice {
        Notice::DuplicateSwitch {
            chassis: ChassisId::from("hv1"),
            peer: Ipv4Addr::from_bits(number).into(),
            holder: [192, 0, 2, 1].into(),
        }
    }

    #[test]
    fn the_same_is_said_once_and_after_an_hour_again_with_how_often_it_was_not() {
        let mut said = Said::default();
        assert_eq!(said.say(&lie(1), 0), Some(0));
        assert!((0..1_000).all(|time| said.say(&lie(1), time).is_none()));
        assert_eq!(said.say(&lie(1), SAME), Some(1_000));
        assert_eq!(said.say(&lie(1), SAME + 1), None);
        assert_eq!(said.say(&lie(1), 2 * SAME), Some(1));
    }

    #[test]
    fn what_others_cause_at_will_is_said_a_few_times_and_then_now_and_then() {
        let mut said = Said::default();
        let lines = (0..1_000).filter(|number| said.say(&lie(*number), 0).is_some());
        let lines = lines.count();
        assert!((1..20).contains(&lines), "{lines}");
        assert_eq!(said.say(&lie(1_000), SAME), Some(1_000 - lines as u64));
        // What they cannot cause is always said, and one event does not silence another.
        let down = Notice::SwitchDown(ChassisId::from("hv1"));
        assert!((0..1_000).all(|_| said.say(&down, 0) == Some(0)));
        let stranger = Notice::UnknownSwitch(rust_openflow::DatapathId(1));
        assert_eq!(said.say(&stranger, 0), Some(0));
    }

    #[test]
    fn ever_new_words_are_not_all_remembered() {
        let mut said = Said::default();
        // One a minute is said, of so many that they are forgotten before the next comes.
        for number in 0..3 * REMEMBERED as u32 {
            said.say(&lie(number), u64::from(number) * 60_000);
        }
        assert!(said.by_words.len() <= REMEMBERED);
        assert!(said.by_name.len() == 1);
    }
}
