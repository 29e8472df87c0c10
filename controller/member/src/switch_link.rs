//! One OpenFlow connection: reads what the switch has, and pushes what it is told to push.
//!
//! It adds to the protocol's session ([`rust_openflow::session`]) what Weft does with it: packet-ins
//! in the form that carries user data, reading flows, groups and meters as [`Installed`], and turning a
//! [`Difference`] into pushes. What a switch should have is decided by [`crate::Member`].

use std::collections::VecDeque;

use bytes::Bytes;
use rust_openflow::action::NICIRA;
use rust_openflow::message::{
    Experimenter, FlowFilter, FlowMod, GroupCommand, GroupDescFilter, GroupMod, Message,
    MeterCommand, MeterFilter, MeterMod, MultipartReply, MultipartRequest, PacketOut, PortReason,
    PortStatus, Received, Reply, Request, RoleMessage,
};
use rust_openflow::session::push::{Outcome, Push, Refusal, bundle_add};
use rust_openflow::session::{self, End, PushId, RequestId, SendError, Session};
use rust_openflow::{DatapathId, EncodeError, MeterId, PortNo, Version};
use weft_compiler::diff::{Difference, Installed};
use weft_compiler::{Flow, Secret, marker};

/// How many flows go into one bundle when they need not take effect together: the switch does
/// nothing else while it commits one.
const BUNDLE_FLOWS: usize = 2_000;

/// How many pushes may wait for a switch, after which it is too slow to be kept.
const MAX_PUSHES: usize = 4_096;

/// How long, in milliseconds, a switch may take for a push, and how much longer for each of its
/// messages: 500 flows per second, where Open vSwitch takes 70,000.
const PUSH_TIME: u64 = 120_000;
const MESSAGE_TIME: u64 = 2;

/// `NXT_SET_PACKET_IN_FORMAT` and its value for `NXT_PACKET_IN2` (`nicira-ext.h`).
const SET_PACKET_IN_FORMAT: u32 = 16;
const PACKET_IN_2: u32 = 2;

/// From this length on, a name may be the beginning of a longer one, for which `ofp_port` has no room.
const CUT_NAME: usize = 15;

/// What happened on the connection.
#[derive(Debug)]
pub enum Event {
    /// The switch said who it is and granted the role.
    Up {
        /// Who it is.
        datapath: DatapathId,
        /// The version that is spoken.
        version: Version,
    },
    /// What the switch has.
    Read(Installed),
    /// The switch did not say what it has.
    ReadFailed(String),
    /// A push is over.
    Pushed {
        /// The number that it was given.
        push: u64,
        /// What the switch refused; empty when all is done.
        refusals: Vec<Refusal>,
    },
    /// The switch has a new port.
    Port {
        /// The interface's name.
        name: String,
        /// Its number.
        ofport: PortNo,
    },
    /// A packet for the controller.
    PacketIn(Box<Received>),
    /// The switch refuses the role: somebody has a later mandate.
    Stale,
    /// Something worth a line in the log.
    Remark(String),
    /// The connection is over.
    Closed(String),
}

/// What is asked of the connection.
#[derive(Debug)]
pub enum Command {
    /// Say what the switch has.
    Read,
    /// Make the switch have something else.
    Push {
        /// A number for the answer; larger than those before.
        push: u64,
        /// What is different.
        difference: Box<Difference>,
        /// The revision that the switch has afterwards.
        revision: u64,
        /// Whether each message goes by itself, so that what is refused keeps nothing else out.
        apart: bool,
    },
    /// Send a packet.
    PacketOut(Box<PacketOut>),
    /// End the connection.
    Close,
}

/// Answers that a reading still waits for.
#[derive(Debug)]
struct Reading {
    waiting: Vec<RequestId>,
    installed: Installed,
}

/// A push that was told in one piece and is sent in several.
#[derive(Debug)]
struct Parts {
    push: u64,
    /// Those that the session did not take yet, which takes only so much at a time.
    left: VecDeque<Push>,
    /// Those that it took and that are not over.
    ids: Vec<PushId>,
    refusals: Vec<Refusal>,
    messages: usize,
}

impl Parts {
    /// How long, in milliseconds, a switch may be busy with it and say nothing: while it carries out a
    /// bundle, Open vSwitch does not even answer echoes.
    fn work(&self) -> u64 {
        self.messages as u64 * MESSAGE_TIME
    }
}

/// One OpenFlow connection.
pub struct SwitchLink {
    session: Session,
    secret: Secret,
    datapath: Option<DatapathId>,
    up: bool,
    reading: Option<Reading>,
    pushes: VecDeque<Parts>,
    /// Since when the first of the pushes is the first.
    pushing_since: u64,
    /// When the switch said something last, and what time it is.
    heard: u64,
    now: u64,
    events: VecDeque<Event>,
}

impl SwitchLink {
    /// A connection that a switch opened at `now`, in milliseconds.
    #[must_use]
    pub fn new(role: RoleMessage, config: session::Config, secret: Secret, now: u64) -> Self {
        // How long a push may take is decided here, by how large it is.
        let config = session::Config {
            push_timeout: u64::MAX,
            ..config
        };
        Self {
            session: Session::new(End::Controller(role), config, now),
            secret,
            datapath: None,
            up: false,
            reading: None,
            pushes: VecDeque::new(),
            pushing_since: now,
            heard: now,
            now,
            events: VecDeque::new(),
        }
    }

    /// Takes bytes from the switch.
    pub fn receive(&mut self, bytes: &[u8], now: u64) {
        self.now = now;
        self.heard = now;
        self.session.receive(bytes, now);
        self.follow();
    }

    /// Tells the time.
    pub fn tick(&mut self, now: u64) {
        self.now = now;
        if now >= self.busy_until() {
            self.session.tick(now);
        }
        if let Some(parts) = self.pushes.front()
            && self.push_deadline().is_some_and(|deadline| now >= deadline)
        {
            let (messages, late) = (parts.messages, now - self.pushing_since);
            self.remark(format!(
                "closing: a push of {messages} messages was not acknowledged in {late} ms"
            ));
            self.session.close();
            self.pushes.clear();
        }
        self.follow();
    }

    /// Until when the switch's silence is no wonder.
    fn busy_until(&self) -> u64 {
        let work = self.pushes.front().map_or(0, Parts::work);
        self.heard.saturating_add(work)
    }

    /// When the first push has to be over.
    fn push_deadline(&self) -> Option<u64> {
        let work = self.pushes.front()?.work();
        Some(self.pushing_since.saturating_add(PUSH_TIME + work))
    }

    /// When [`SwitchLink::tick`] is to be called at the latest.
    #[must_use]
    pub fn next_timeout(&self) -> Option<u64> {
        let session = self.session.next_timeout()?.max(self.busy_until());
        Some(
            self.push_deadline()
                .map_or(session, |push| push.min(session)),
        )
    }

    /// The next bytes for the switch.
    pub fn next_output(&mut self) -> Option<Bytes> {
        let bytes = self.session.next_output();
        let fed = self.feed();
        self.close_unless(fed);
        bytes
    }

    /// The next event.
    pub fn next_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// Does what is asked, or closes the connection when that cannot be done.
    pub fn command(&mut self, command: Command) {
        let done = match command {
            Command::Read => self.read(),
            Command::Push {
                push,
                difference,
                revision,
                apart,
            } => self.push(push, &difference, revision, apart),
            Command::PacketOut(packet) => match self.session.send(&Message::PacketOut(*packet)) {
                // A switch that does not take packets as fast as they are asked for loses some.
                Err(SendError::Congested(_)) => Ok(()),
                other => other.map(drop),
            },
            Command::Close => {
                self.session.close();
                Ok(())
            }
        };
        self.close_unless(done);
        self.follow();
    }

    fn close_unless(&mut self, done: Result<(), SendError>) {
        if let Err(error) = done {
            self.remark(format!("closing: {error}"));
            self.session.close();
            self.pushes.clear();
        }
    }

    fn read(&mut self) -> Result<(), SendError> {
        let requests = [
            Request::Flow(FlowFilter::all()),
            Request::GroupDesc(GroupDescFilter::default()),
            Request::MeterConfig(MeterFilter {
                meter: MeterId::ALL,
            }),
        ];
        let waiting = requests
            .into_iter()
            .map(|request| {
                let message = Message::MultipartRequest(MultipartRequest::new(request));
                self.session.request(&message)
            })
            .collect::<Result<_, _>>()?;
        self.reading = Some(Reading {
            waiting,
            installed: Installed::default(),
        });
        Ok(())
    }

    fn push(
        &mut self,
        push: u64,
        difference: &Difference,
        revision: u64,
        apart: bool,
    ) -> Result<(), SendError> {
        let version = self.session.version().ok_or(SendError::NotOpen)?;
        let pushes = if apart {
            vec![plain(&self.secret, difference, revision)]
        } else {
            pushes(&self.secret, version, difference, revision)?
        };
        if self.pushes.len() >= MAX_PUSHES {
            return Err(SendError::Congested(self.session.queue_len()));
        }
        if self.pushes.is_empty() {
            self.pushing_since = self.now;
        }
        self.pushes.push_back(Parts {
            push,
            messages: pushes.iter().map(messages).sum(),
            left: pushes.into(),
            ids: Vec::new(),
            refusals: Vec::new(),
        });
        self.feed()
    }

    /// Hands the session as much of what is to be pushed as it takes.
    fn feed(&mut self) -> Result<(), SendError> {
        for parts in &mut self.pushes {
            while !self.session.is_congested()
                && let Some(push) = parts.left.pop_front()
            {
                parts.ids.push(self.session.push(push)?);
            }
            if !parts.left.is_empty() {
                break;
            }
        }
        Ok(())
    }

    /// Turns the session's events into this connection's.
    fn follow(&mut self) {
        while let Some(event) = self.session.next_event() {
            match event {
                session::Event::Negotiated(_) | session::Event::BarrierDone(_) => {}
                session::Event::Features(features) => self.datapath = Some(features.datapath),
                session::Event::RoleGranted(_) => self.granted(),
                session::Event::RoleRefused { stale: true, .. } => {
                    self.events.push_back(Event::Stale)
                }
                session::Event::RoleRefused { error, .. } => {
                    self.remark(format!("role refused: {error}"))
                }
                session::Event::Message {
                    message: Message::PacketIn(packet),
                    ..
                } => self.received(packet.into()),
                session::Event::Message {
                    message: Message::PacketIn2(packet),
                    ..
                } => self.received(packet.into()),
                session::Event::Message {
                    message: Message::PortStatus(status),
                    ..
                } => self.port(&status),
                // Flow removed and whatever else is for nobody yet.
                session::Event::Message { .. } => {}
                session::Event::Reply { id, messages } => self.replied(id, messages),
                session::Event::Failed { id, failure } => self.failed(id, &failure),
                session::Event::Refused { error, .. } => self.remark(format!("refused: {error}")),
                session::Event::PushDone { id, outcome } => self.pushed(id, outcome),
                session::Event::Malformed(error) => {
                    self.remark(format!("malformed message: {error}"))
                }
                session::Event::Closed(reason) => {
                    self.events.push_back(Event::Closed(reason.to_string()))
                }
            }
        }
    }

    fn received(&mut self, packet: Received) {
        self.events.push_back(Event::PacketIn(Box::new(packet)));
    }

    /// A new port; that one changed or went, OVSDB tells.
    fn port(&mut self, status: &PortStatus) {
        let (name, ofport) = (status.port.name.to_text().into_owned(), status.port.number);
        if status.reason == PortReason::ADD && name.len() < CUT_NAME {
            self.events.push_back(Event::Port { name, ofport });
        }
    }

    fn remark(&mut self, text: String) {
        self.events.push_back(Event::Remark(text));
    }

    fn granted(&mut self) {
        let (Some(datapath), Some(version)) = (self.datapath, self.session.version()) else {
            return;
        };
        if std::mem::replace(&mut self.up, true) {
            return;
        }
        let format = Message::Experimenter(Experimenter {
            vendor: NICIRA,
            kind: SET_PACKET_IN_FORMAT,
            body: Bytes::copy_from_slice(&PACKET_IN_2.to_be_bytes()),
        });
        if let Err(error) = self.session.send(&format) {
            self.remark(format!("packet-in format not set: {error}"));
        }
        self.events.push_back(Event::Up { datapath, version });
    }

    fn replied(&mut self, id: RequestId, messages: Vec<Message>) {
        let Some(reading) = &mut self.reading else {
            return;
        };
        // The answer to a reading that was asked for anew says what was, not what is.
        let Some(at) = reading.waiting.iter().position(|waiting| *waiting == id) else {
            return;
        };
        reading.waiting.swap_remove(at);
        for message in messages {
            if let Message::MultipartReply(MultipartReply { reply, .. }) = message {
                note(&self.secret, &mut reading.installed, reply);
            }
        }
        if reading.waiting.is_empty()
            && let Some(reading) = self.reading.take()
        {
            self.events.push_back(Event::Read(reading.installed));
        }
    }

    fn failed(&mut self, id: RequestId, failure: &session::Failure) {
        if self
            .reading
            .as_ref()
            .is_some_and(|reading| reading.waiting.contains(&id))
        {
            self.reading = None;
            self.events
                .push_back(Event::ReadFailed(format!("{failure:?}")));
        }
    }

    fn pushed(&mut self, id: PushId, outcome: Outcome) {
        let Some(parts) = self.pushes.iter_mut().find(|parts| parts.ids.contains(&id)) else {
            return;
        };
        parts.ids.retain(|part| *part != id);
        if let Outcome::Failed { errors, .. } = outcome {
            parts.refusals.extend(errors);
        }
        while self
            .pushes
            .front()
            .is_some_and(|parts| parts.ids.is_empty() && parts.left.is_empty())
        {
            if let Some(Parts { push, refusals, .. }) = self.pushes.pop_front() {
                self.pushing_since = self.now;
                self.events.push_back(Event::Pushed { push, refusals });
            }
        }
    }
}

/// Takes note of part of what the switch has.
fn note(secret: &Secret, installed: &mut Installed, reply: Reply) {
    match reply {
        Reply::Flow(flows) => {
            for flow in flows {
                installed.add_flow(secret, flow);
            }
        }
        Reply::GroupDesc(groups) => installed.groups.extend(groups.into_iter().map(|group| {
            let added = GroupMod {
                properties: group.properties,
                ..GroupMod::add(group.group, group.kind, group.buckets)
            };
            (group.group, added)
        })),
        Reply::MeterConfig(meters) => installed.meters.extend(meters.into_iter().map(|meter| {
            (
                meter.meter,
                MeterMod::add(meter.meter, meter.flags, meter.bands),
            )
        })),
        _ => {}
    }
}

/// A difference as pushes. Flows that only come in may take effect in pieces; where flows also go,
/// old and new change places in one moment.
fn pushes(
    secret: &Secret,
    version: Version,
    difference: &Difference,
    revision: u64,
) -> Result<Vec<Push>, EncodeError> {
    let bundled = |message| bundle_add(version, &message);
    let apart = difference.foreign.is_empty() && difference.stale_flows.is_empty();
    let size = if apart { BUNDLE_FLOWS } else { usize::MAX };
    let mut pushes: Vec<Push> = difference
        .flows
        .chunks(size)
        .map(|flows| {
            Ok(Push {
                bundle: flows
                    .iter()
                    .map(|flow| shared(version, flow))
                    .collect::<Result<_, EncodeError>>()?,
                ..Push::default()
            })
        })
        .collect::<Result<_, EncodeError>>()?;
    if pushes.is_empty() {
        pushes.push(Push::default());
    }
    let last = pushes.len() - 1;
    let first = difference.foreign.iter().cloned().map(Message::FlowMod);
    let first = first
        .chain(groups(difference))
        .map(bundled)
        .collect::<Result<Vec<_>, _>>()?;
    pushes[0].bundle.splice(0..0, first);
    pushes[0].before = meters(difference).collect();
    for message in removals(secret, difference, revision) {
        pushes[last].bundle.push(bundled(message)?);
    }
    pushes[last].after = stale_meters(difference).collect();
    Ok(pushes)
}

fn messages(push: &Push) -> usize {
    push.before.len() + push.bundle.len() + push.after.len()
}

/// A difference as plain messages, in the same order.
fn plain(secret: &Secret, difference: &Difference, revision: u64) -> Push {
    let foreign = difference.foreign.iter().cloned();
    let flows = difference.flows.iter().map(|flow| flow.decode());
    Push {
        before: meters(difference)
            .chain(foreign.map(Message::FlowMod))
            .chain(groups(difference))
            .chain(flows.map(Message::FlowMod))
            .chain(removals(secret, difference, revision))
            .chain(stale_meters(difference))
            .collect(),
        ..Push::default()
    }
}

fn meters(difference: &Difference) -> impl Iterator<Item = Message> {
    difference.meters.iter().map(|(meter, there)| {
        let command = if *there {
            MeterCommand::MODIFY
        } else {
            MeterCommand::ADD
        };
        Message::MeterMod(MeterMod {
            command,
            ..(**meter).clone()
        })
    })
}

fn groups(difference: &Difference) -> impl Iterator<Item = Message> {
    difference.groups.iter().map(|(group, there)| {
        let command = if *there {
            GroupCommand::MODIFY
        } else {
            GroupCommand::ADD
        };
        Message::GroupMod(GroupMod {
            command,
            ..(**group).clone()
        })
    })
}

/// What goes of flows and groups, and the marker.
fn removals(
    secret: &Secret,
    difference: &Difference,
    revision: u64,
) -> impl Iterator<Item = Message> {
    let flows = difference.stale_flows.iter();
    let flows = flows.map(|cookie| FlowMod::delete_cookie(*cookie));
    let groups = difference.stale_groups.iter();
    let groups = groups.map(|group| Message::GroupMod(GroupMod::delete(*group)));
    let marker = Message::FlowMod(marker::flow(secret, revision));
    flows.map(Message::FlowMod).chain(groups).chain([marker])
}

fn stale_meters(difference: &Difference) -> impl Iterator<Item = Message> {
    let meters = difference.stale_meters.iter();
    meters.map(|meter| Message::MeterMod(MeterMod::delete(*meter)))
}

/// A flow's message for a version; in 1.5 the bytes that all switches share.
fn shared(version: Version, flow: &Flow) -> Result<Bytes, EncodeError> {
    if version == Version::V1_5 {
        return Ok(flow.message.clone());
    }
    bundle_add(version, &Message::FlowMod(flow.decode()))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rust_openflow::Match;
    use rust_openflow::message::{Features, Role};
    use rust_openflow::session::Config;
    use weft_compiler::Stage;

    use super::*;

    const SECRET: [u8; 16] = *b"a secret of test";

    /// A switch that takes everything.
    fn act(switch: &mut Session) -> usize {
        let mut taken = 0;
        while let Some(event) = switch.next_event() {
            let session::Event::Message { xid, message, .. } = event else {
                continue;
            };
            let reply = match message {
                Message::FeaturesRequest => Message::FeaturesReply(Features {
                    datapath: DatapathId(1),
                    buffers: 0,
                    tables: 254,
                    auxiliary: 0,
                    capabilities: 0,
                    actions: 0,
                    ports: Vec::new(),
                }),
                Message::RoleRequest(role) => Message::RoleReply(role),
                Message::BarrierRequest => Message::BarrierReply,
                Message::BundleControl(mut control) => {
                    control.kind.0 += 1;
                    Message::BundleControl(control)
                }
                Message::BundleAdd(_) => {
                    taken += 1;
                    continue;
                }
                _ => continue,
            };
            switch.reply(xid, &reply).unwrap();
        }
        taken
    }

    fn flows(secret: &Secret, count: u16) -> Vec<Arc<Flow>> {
        let flow = |priority| {
            let flow = Flow::new(secret, Stage::Output, priority, Match::any(), Vec::new());
            Arc::new(flow.unwrap())
        };
        (0..count).map(flow).collect()
    }

    /// A link that exchanged this many flows for others, in one moment, and whose switch took all and has
    /// not said so; and the switch.
    fn busy(count: u16) -> (SwitchLink, Session) {
        let secret = Secret::new(SECRET);
        let role = RoleMessage::new(Role::MASTER, 1);
        let mut link = SwitchLink::new(role, Config::default(), secret.clone(), 0);
        let mut switch = Session::new(End::Switch, Config::default(), 0);
        let mut taken = 0;
        loop {
            if let Some(bytes) = link.next_output() {
                switch.receive(&bytes, 0);
                taken += act(&mut switch);
                if taken > usize::from(count) {
                    return (link, switch);
                }
            } else if let Some(bytes) = switch.next_output() {
                link.receive(&bytes, 0);
            }
            if let Some(Event::Up { .. }) = link.next_event() {
                link.command(Command::Push {
                    push: 1,
                    difference: Box::new(Difference {
                        flows: flows(&secret, count),
                        stale_flows: vec![1],
                        ..Difference::default()
                    }),
                    revision: 1,
                    apart: false,
                });
            }
        }
    }

    fn is_closed(link: &mut SwitchLink) -> bool {
        std::iter::from_fn(|| link.next_event()).any(|event| matches!(event, Event::Closed(_)))
    }

    #[test]
    fn a_switch_that_is_busy_with_much_may_be_silent_for_long_and_not_for_ever() {
        let dead_after = Config::default().dead_after;
        let silent_until = |count: u16| {
            let (mut link, _switch) = busy(count);
            let mut now = 0;
            while !is_closed(&mut link) {
                now = link.next_timeout().unwrap();
                link.tick(now);
            }
            now
        };
        assert_eq!(silent_until(10), dead_after);
        let large = silent_until(50_000);
        assert!((100_000..1_000_000).contains(&large), "{large}");
    }

    #[test]
    fn a_switch_that_answers_everything_but_a_push_is_given_more_time_for_more() {
        let answering_until = |count: u16| {
            let (mut link, mut switch) = busy(count);
            // What acknowledges the push gets lost.
            while switch.next_output().is_some() {}
            let mut now = 0;
            while !is_closed(&mut link) {
                now += 1_000;
                link.tick(now);
                let echo = Message::EchoRequest(Default::default());
                if switch.send(&echo).is_ok() {
                    while let Some(bytes) = switch.next_output() {
                        link.receive(&bytes, now);
                    }
                }
                while link.next_output().is_some() {}
            }
            now
        };
        let (small, large) = (answering_until(10), answering_until(50_000));
        assert!((PUSH_TIME..2 * PUSH_TIME).contains(&small), "{small}");
        assert!(large > small + 60_000, "{large}");
    }

    #[test]
    fn a_program_that_is_larger_than_the_output_may_be_gets_there() {
        let role = RoleMessage::new(Role::MASTER, 1);
        let config = Config {
            output_limit: 64 << 10,
            ..Config::default()
        };
        let secret = Secret::new(SECRET);
        let mut link = SwitchLink::new(role, config, secret.clone(), 0);
        let mut switch = Session::new(End::Switch, Config::default(), 0);
        let mut difference = Some(Box::new(Difference {
            flows: flows(&secret, 5 * BUNDLE_FLOWS as u16),
            ..Difference::default()
        }));
        let (mut taken, mut done) = (0, false);
        for _ in 0..100_000 {
            while let Some(event) = link.next_event() {
                match event {
                    Event::Up { .. } => link.command(Command::Push {
                        push: 1,
                        difference: difference.take().unwrap(),
                        revision: 1,
                        apart: false,
                    }),
                    Event::Pushed { push, refusals } => {
                        assert_eq!((push, refusals.len()), (1, 0));
                        done = true;
                    }
                    other => panic!("{other:?}"),
                }
            }
            if let Some(bytes) = link.next_output() {
                switch.receive(&bytes, 0);
                taken += act(&mut switch);
            } else if let Some(bytes) = switch.next_output() {
                link.receive(&bytes, 0);
            } else {
                break;
            }
        }
        // Every flow, and the marker.
        assert_eq!((taken, done), (5 * BUNDLE_FLOWS + 1, true));
    }
}
