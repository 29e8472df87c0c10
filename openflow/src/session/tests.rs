//! Both ends against each other, in memory, with a clock that only the tests move.

use super::push::{BUNDLE_ID, Outcome, Push, bundle_add};
use super::*;
use crate::message::{
    BundleControl, BundleControlType, CtFlushZone, Echo, Features, FlowFilter, FlowMod, FlowStats,
    MeterMod, MultipartRequest, NO_BUFFER, PacketIn, PacketInReason, PacketOut, Reply, Request,
    Stats,
};
use crate::{DatapathId, Field, Match, MeterId, PortNo, TableId};

fn config(versions: &[Version]) -> Config {
    Config {
        versions: versions.to_vec(),
        ..Config::default()
    }
}

fn controller(versions: &[Version], role: RoleMessage) -> Session {
    Session::new(End::Controller(role), config(versions), 0)
}

fn master(generation: u64) -> RoleMessage {
    RoleMessage::new(Role::MASTER, generation)
}

fn events(session: &mut Session) -> Vec<Event> {
    std::iter::from_fn(|| session.next_event()).collect()
}

/// A switch that keeps the flows it is given, and refuses the cookie 13 when it reads it and the
/// cookie 14 when it would install it.
struct Switch {
    session: Session,
    generation: u64,
    has_bundles: bool,
    /// In versions where roles are Nicira's.
    has_roles: bool,
    bundle: Option<Vec<FlowMod>>,
    flows: Vec<FlowMod>,
    /// Every message in the order in which it came.
    log: Vec<&'static str>,
}

const UNREADABLE: u64 = 13;
const UNINSTALLABLE: u64 = 14;

impl Switch {
    fn new(versions: &[Version]) -> Self {
        Self {
            session: Session::new(End::Switch, config(versions), 0),
            generation: 0,
            has_bundles: true,
            has_roles: true,
            bundle: None,
            flows: Vec::new(),
            log: Vec::new(),
        }
    }

    fn refuse(&mut self, kind: u16, code: u16, bytes: &Bytes) {
        let answer = ErrorAnswer { kind, code };
        self.session.refuse(answer, bytes).unwrap();
    }

    fn act(&mut self) {
        while let Some(event) = self.session.next_event() {
            if let Event::Message {
                xid,
                message,
                bytes,
            } = event
            {
                self.log
                    .push(message.kind().map_or("unknown", |kind| kind.row().name));
                self.answer(xid, message, &bytes);
            }
        }
    }

    fn answer(&mut self, xid: u32, message: Message, bytes: &Bytes) {
        let reply = match message {
            Message::FeaturesRequest => Message::FeaturesReply(Features {
                datapath: DatapathId(7),
                buffers: 0,
                tables: 254,
                auxiliary: 0,
                capabilities: 0,
                actions: 0,
                ports: Vec::new(),
            }),
            Message::RoleRequest(role) if role.role == Role::NO_CHANGE => {
                Message::RoleReply(RoleMessage::new(Role::EQUAL, self.generation))
            }
            Message::RoleRequest(role) if role.generation_id < self.generation => {
                return self.refuse(11, 0, bytes);
            }
            Message::RoleRequest(role) => {
                self.generation = role.generation_id;
                Message::RoleReply(role)
            }
            Message::NxRoleRequest(_) if !self.has_roles => return self.refuse(1, 3, bytes),
            Message::NxRoleRequest(role) => Message::NxRoleReply(role),
            Message::BarrierRequest => Message::BarrierReply,
            Message::BundleControl(_) | Message::BundleAdd(_) if !self.has_bundles => {
                return self.refuse(1, 1, bytes);
            }
            Message::BundleControl(control) => return self.control(xid, control, bytes),
            Message::BundleAdd(add) => return self.add(&add.message.0),
            Message::FlowMod(flow) if [UNREADABLE, UNINSTALLABLE].contains(&flow.cookie) => {
                return self.refuse(4, 9, bytes);
            }
            Message::FlowMod(flow) => return self.flows.push(flow),
            Message::MultipartRequest(_) => return self.dump(xid),
            // This switch has no meters.
            Message::MeterMod(_) => return self.refuse(1, 1, bytes),
            _ => return,
        };
        self.session.reply(xid, &reply).unwrap();
    }

    fn add(&mut self, inner: &Bytes) {
        let (header, Message::FlowMod(flow)) = Message::decode(inner).unwrap() else {
            panic!("not a flow-mod");
        };
        assert_eq!(header.xid, SHARED_XID);
        if flow.cookie == UNREADABLE {
            self.refuse(4, 9, inner);
        } else {
            self.bundle.as_mut().unwrap().push(flow);
        }
    }

    fn control(&mut self, xid: u32, control: BundleControl, bytes: &Bytes) {
        assert_eq!(control.bundle_id, BUNDLE_ID);
        match control.kind {
            BundleControlType::OPEN_REQUEST if self.bundle.is_some() => {
                return self.refuse(17, 2, bytes);
            }
            BundleControlType::OPEN_REQUEST => self.bundle = Some(Vec::new()),
            BundleControlType::DISCARD_REQUEST => self.bundle = None,
            BundleControlType::COMMIT_REQUEST => {
                let flows = self.bundle.take().unwrap();
                let bad = flows.iter().find(|flow| flow.cookie == UNINSTALLABLE);
                if let Some(bad) = bad.cloned() {
                    let version = self.session.version().unwrap();
                    let inner = Message::FlowMod(bad).encode(version, SHARED_XID).unwrap();
                    self.refuse(2, 9, &inner);
                    return self.refuse(17, 13, bytes);
                }
                self.flows.extend(flows);
            }
            other => panic!("{other}"),
        }
        let reply = BundleControl {
            kind: BundleControlType(control.kind.0 + 1),
            ..control
        };
        self.session
            .reply(xid, &Message::BundleControl(reply))
            .unwrap();
    }

    /// Every flow in a part of its own.
    fn dump(&mut self, xid: u32) {
        let parts: Vec<Vec<FlowStats>> = self.flows.iter().map(|flow| vec![stats(flow)]).collect();
        let parts = if parts.is_empty() {
            vec![Vec::new()]
        } else {
            parts
        };
        let last = parts.len() - 1;
        for (at, part) in parts.into_iter().enumerate() {
            let part = MultipartReply::new(Reply::Flow(part), at < last);
            self.session
                .reply(xid, &Message::MultipartReply(part))
                .unwrap();
        }
    }
}

fn stats(flow: &FlowMod) -> FlowStats {
    FlowStats {
        table: flow.table,
        priority: flow.priority,
        idle_timeout: 0,
        hard_timeout: 0,
        flags: flow.flags,
        importance: 0,
        cookie: flow.cookie,
        stats: Stats::new((1, 0), 2, 3),
        matches: flow.matches.clone(),
        instructions: Vec::new(),
    }
}

/// Carries bytes both ways until both sides are quiet.
fn converse(controller: &mut Session, switch: &mut Switch) {
    loop {
        let mut quiet = true;
        while let Some(bytes) = controller.next_output() {
            quiet = false;
            switch.session.receive(&bytes, switch.session.now);
            switch.act();
        }
        while let Some(bytes) = switch.session.next_output() {
            quiet = false;
            controller.receive(&bytes, controller.now);
        }
        if quiet {
            return;
        }
    }
}

fn open(version: Version) -> (Session, Switch) {
    let mut switch = Switch::new(&Version::ALL);
    let mut session = controller(&[version], master(1));
    converse(&mut session, &mut switch);
    assert!(session.is_open());
    events(&mut session);
    switch.log.clear();
    (session, switch)
}

fn flow(version: Version, cookie: u64) -> Bytes {
    let flow = FlowMod::add(TableId(0), 1, Match::any(), Vec::new(), cookie);
    bundle_add(version, &Message::FlowMod(flow)).unwrap()
}

fn push_of(version: Version, cookies: impl IntoIterator<Item = u64>) -> Push {
    Push {
        bundle: cookies.into_iter().map(|at| flow(version, at)).collect(),
        ..Push::default()
    }
}

fn outcomes(session: &mut Session) -> Vec<(PushId, Outcome)> {
    let outcome = |event| match event {
        Event::PushDone { id, outcome } => Some((id, outcome)),
        _ => None,
    };
    events(session).into_iter().filter_map(outcome).collect()
}

fn cookies(switch: &Switch) -> Vec<u64> {
    switch.flows.iter().map(|flow| flow.cookie).collect()
}

#[test]
fn the_first_message_after_features_is_the_role_request() {
    let mut switch = Switch::new(&[Version::V1_3, Version::V1_5]);
    let mut session = controller(&[Version::V1_3, Version::V1_4, Version::V1_5], master(9));
    assert_eq!(session.barrier(), Err(SendError::NotOpen));
    converse(&mut session, &mut switch);
    assert_eq!(switch.log, ["features_request", "role_request"]);
    let told = events(&mut session);
    assert_eq!(told[0], Event::Negotiated(Version::V1_5));
    assert!(matches!(&told[1], Event::Features(features) if features.datapath == DatapathId(7)));
    assert!(matches!(&told[2], Event::RoleGranted(role) if role.generation_id == 9));
    assert_eq!(told.len(), 3);
    assert!(session.is_open());
}

#[test]
fn a_hello_in_words_that_nobody_knows_still_says_its_version() {
    let mut session = controller(&[Version::V1_3, Version::V1_5], master(9));
    // An element that is longer than the message.
    let hello = [4, 0, 0, 12, 0, 0, 0, 1, 0x77, 0x77, 0x77, 0x77];
    session.receive(&hello, 0);
    assert_eq!(events(&mut session), [Event::Negotiated(Version::V1_3)]);
}

#[test]
fn every_pair_of_sets_of_versions_agrees_on_the_highest_common_or_on_none() {
    let sets: Vec<Vec<Version>> = (1..64_u8)
        .map(|bits| {
            let member = |(at, _): &(usize, &Version)| bits >> at & 1 == 1;
            let members = Version::ALL.iter().enumerate().filter(member);
            members.map(|(_, version)| *version).collect()
        })
        .collect();
    for ours in &sets {
        for theirs in &sets {
            let common = ours.iter().filter(|version| theirs.contains(version)).max();
            let mut one = controller(ours, master(1));
            let mut other = Session::new(End::Switch, config(theirs), 0);
            let (first, second) = (one.next_output().unwrap(), other.next_output().unwrap());
            one.receive(&second, 0);
            other.receive(&first, 0);
            assert_eq!(one.version(), common.copied());
            assert_eq!(other.version(), common.copied());
            assert_eq!(one.is_closed(), common.is_none());
            if common.is_none() {
                let error = one.next_output().unwrap();
                let (_, error) = Message::decode(&error).unwrap();
                assert!(
                    matches!(error, Message::Error(error) if error.is(ErrorAnswer::INCOMPATIBLE))
                );
            }
        }
    }
}

#[test]
fn without_a_bitmap_the_smaller_version_of_both_counts() {
    for (header, expected) in [
        (4, Some(Version::V1_3)),
        (9, Some(Version::V1_5)),
        (5, None),
        (1, None),
    ] {
        let mut session = controller(&[Version::V1_3, Version::V1_5], master(1));
        session.receive(&[header, 0, 0, 8, 0, 0, 0, 1], 0);
        assert_eq!(session.version(), expected, "{header}");
        assert_eq!(session.is_closed(), expected.is_none());
    }
}

#[test]
fn a_stale_role_is_told_and_another_can_be_asked_for() {
    let mut switch = Switch::new(&[Version::V1_4]);
    switch.generation = 50;
    let mut session = controller(&[Version::V1_4], master(9));
    converse(&mut session, &mut switch);
    let told = events(&mut session);
    assert!(matches!(
        told.last(),
        Some(Event::RoleRefused { stale: true, .. })
    ));
    assert_eq!(session.barrier(), Err(SendError::NotOpen));
    session
        .set_role(RoleMessage::new(Role::NO_CHANGE, 0))
        .unwrap();
    converse(&mut session, &mut switch);
    let told = events(&mut session);
    assert!(matches!(&told[0], Event::RoleGranted(role) if role.generation_id == 50));
    assert!(!session.is_open());
    session.set_role(master(51)).unwrap();
    converse(&mut session, &mut switch);
    assert!(session.is_open());
}

#[test]
fn a_silent_peer_is_asked_and_then_given_up() {
    let (mut session, mut switch) = open(Version::V1_4);
    let Config {
        echo_interval,
        dead_after,
        ..
    } = Config::default();
    assert_eq!(session.next_timeout(), Some(echo_interval));
    session.tick(echo_interval - 1);
    assert_eq!(session.next_output(), None);
    session.tick(echo_interval);
    converse(&mut session, &mut switch);
    // The answer counts as a sign of life.
    assert_eq!(session.next_timeout(), Some(2 * echo_interval));
    session.tick(2 * echo_interval);
    assert!(session.next_output().is_some());
    session.tick(echo_interval + dead_after - 1);
    assert!(!session.is_closed());
    session.tick(echo_interval + dead_after);
    let reason = CloseReason::Silent(dead_after);
    assert_eq!(events(&mut session), [Event::Closed(reason)]);
}

#[test]
fn a_trickle_of_bytes_is_no_sign_of_life() {
    let mut session = controller(&[Version::V1_4], master(1));
    for second in 0..=15 {
        session.receive(&[5], second * 1_000);
        session.tick(second * 1_000);
    }
    assert!(session.is_closed());
}

#[test]
fn answers_in_many_parts_come_as_one() {
    let (mut session, mut switch) = open(Version::V1_5);
    session.push(push_of(Version::V1_5, 20..30)).unwrap();
    converse(&mut session, &mut switch);
    events(&mut session);
    let request = MultipartRequest::new(Request::Flow(FlowFilter::all()));
    let id = session
        .request(&Message::MultipartRequest(request))
        .unwrap();
    converse(&mut session, &mut switch);
    let told = events(&mut session);
    let [
        Event::Reply {
            id: answered,
            messages,
        },
    ] = &told[..]
    else {
        panic!("{told:?}");
    };
    assert_eq!((*answered, messages.len()), (id, 10));
}

#[test]
fn an_answer_beyond_the_limit_is_dropped_and_told() {
    let (mut session, mut switch) = open(Version::V1_5);
    session.config.reply_limit = 500;
    session.push(push_of(Version::V1_5, 20..30)).unwrap();
    converse(&mut session, &mut switch);
    events(&mut session);
    let request = MultipartRequest::new(Request::Flow(FlowFilter::all()));
    let id = session
        .request(&Message::MultipartRequest(request))
        .unwrap();
    converse(&mut session, &mut switch);
    let too_long = Event::Failed {
        id,
        failure: Failure::TooLong,
    };
    assert_eq!(events(&mut session)[0], too_long);
}

#[test]
fn an_unanswered_request_is_given_up() {
    let (mut session, _) = open(Version::V1_5);
    let id = session.barrier().unwrap();
    let echo = Message::EchoRequest(Echo::default());
    for second in 1..=30 {
        session.receive(&echo.encode(Version::V1_5, 1).unwrap(), second * 1_000);
        session.tick(second * 1_000);
    }
    let timed_out = Event::Failed {
        id,
        failure: Failure::TimedOut,
    };
    assert_eq!(events(&mut session), [timed_out]);
}

#[test]
fn a_push_is_committed_in_every_version_and_the_first_one_asks_for_bundles() {
    for version in [Version::V1_3, Version::V1_4, Version::V1_5] {
        let (mut session, mut switch) = open(version);
        let push = Push {
            before: vec![Message::CtFlushZone(CtFlushZone { zone_id: 3 })],
            after: vec![Message::CtFlushZone(CtFlushZone { zone_id: 4 })],
            ..push_of(version, [1, 2])
        };
        let first = session.push(push).unwrap();
        let second = session.push(push_of(version, [3])).unwrap();
        converse(&mut session, &mut switch);
        let both = [(first, Outcome::Committed), (second, Outcome::Committed)];
        assert_eq!(outcomes(&mut session), both);
        assert_eq!(cookies(&switch), [1, 2, 3]);
        let first_push = [
            "ct_flush_zone",
            "bundle_control",
            "barrier_request",
            "bundle_add_message",
            "bundle_add_message",
            "barrier_request",
            "bundle_control",
            "barrier_request",
            "ct_flush_zone",
            "barrier_request",
            "bundle_control",
            "bundle_add_message",
            "barrier_request",
        ];
        assert_eq!(switch.log[..first_push.len()], first_push);
        assert_eq!(session.queue_len(), 0);
    }
}

#[test]
fn a_flow_that_cannot_be_read_discards_the_bundle_and_is_named() {
    for version in [Version::V1_3, Version::V1_4, Version::V1_5] {
        let (mut session, mut switch) = open(version);
        for bad in [UNREADABLE, UNINSTALLABLE] {
            let push = Push {
                after: vec![Message::CtFlushZone(CtFlushZone { zone_id: 3 })],
                ..push_of(version, [1, bad, 2])
            };
            let refused = session.push(push).unwrap();
            let fine = session.push(push_of(version, [bad + 100])).unwrap();
            converse(&mut session, &mut switch);
            let told = outcomes(&mut session);
            assert_eq!(told[1], (fine, Outcome::Committed));
            let (
                id,
                Outcome::Failed {
                    errors,
                    rest_applied: false,
                },
            ) = &told[0]
            else {
                panic!("{told:?}");
            };
            assert_eq!(*id, refused);
            assert_eq!(errors[0].cookie, Some(bad));
            assert!(
                !switch.log.contains(&"ct_flush_zone"),
                "nothing comes after"
            );
        }
        assert_eq!(cookies(&switch), [UNREADABLE + 100, UNINSTALLABLE + 100]);
    }
}

#[test]
fn a_switch_without_bundles_gets_the_messages_by_themselves() {
    for version in [Version::V1_3, Version::V1_4] {
        let (mut session, mut switch) = open(version);
        switch.has_bundles = false;
        let id = session.push(push_of(version, [1, UNREADABLE, 2])).unwrap();
        let next = session.push(push_of(version, [3])).unwrap();
        converse(&mut session, &mut switch);
        let told = outcomes(&mut session);
        assert!(matches!(
            &told[0],
            (done, Outcome::Failed { errors, rest_applied: true })
                if *done == id && errors.len() == 1 && errors[0].cookie == Some(UNREADABLE)
        ));
        assert_eq!(told[1], (next, Outcome::Committed));
        assert_eq!(cookies(&switch), [1, 2, 3]);
    }
}

#[test]
fn what_is_refused_around_a_bundle_is_told_with_what_became_of_the_bundle() {
    let meter = || vec![Message::MeterMod(MeterMod::delete(MeterId(1)))];
    let (mut session, mut switch) = open(Version::V1_5);
    let before = Push {
        before: meter(),
        ..push_of(Version::V1_5, [1])
    };
    let after = Push {
        after: meter(),
        ..push_of(Version::V1_5, [2])
    };
    session.push(before).unwrap();
    session.push(after).unwrap();
    converse(&mut session, &mut switch);
    let applied = |(_, outcome)| match outcome {
        Outcome::Failed {
            errors,
            rest_applied,
        } => (errors.len(), rest_applied),
        Outcome::Committed => panic!("a meter was taken"),
    };
    let told: Vec<_> = outcomes(&mut session).into_iter().map(applied).collect();
    assert_eq!(told, [(1, false), (1, true)]);
    assert_eq!(cookies(&switch), [2]);
}

#[test]
fn packet_outs_overtake_pushes_and_share_their_limit_with_none() {
    let (mut session, mut switch) = open(Version::V1_5);
    session.push(push_of(Version::V1_5, [1])).unwrap();
    converse(&mut session, &mut switch);
    session.config.output_limit = 1_000;
    session.push(push_of(Version::V1_5, 100..200)).unwrap();
    assert!(session.is_congested());
    let more = session.push(push_of(Version::V1_5, [5]));
    assert!(matches!(more, Err(SendError::Congested(_))));
    let packet = PacketOut::new(PortNo::CONTROLLER, Vec::new(), vec![0; 60].into());
    session.send(&Message::PacketOut(packet)).unwrap();
    let first = session.next_output().unwrap();
    assert!(matches!(
        Message::decode(&first),
        Ok((_, Message::PacketOut(_)))
    ));
}

#[test]
fn shared_messages_are_handed_out_without_copying() {
    let (mut session, mut switch) = open(Version::V1_5);
    session.push(push_of(Version::V1_5, [1])).unwrap();
    converse(&mut session, &mut switch);
    let shared = flow(Version::V1_5, 2);
    let push = Push {
        bundle: vec![shared.clone()],
        ..Push::default()
    };
    session.push(push).unwrap();
    let sent = std::iter::from_fn(|| session.next_output());
    assert!(
        sent.into_iter()
            .any(|bytes| bytes.as_ptr() == shared.as_ptr())
    );
}

#[test]
fn malformed_messages_are_answered_counted_and_at_last_too_many() {
    let (mut session, _) = open(Version::V1_4);
    // A packet-in that ends too early, number 0x77.
    let bad = [5, 10, 0, 12, 0, 0, 0, 0x77, 0, 0, 0, 0];
    let limit = session.config.malformed_limit;
    for count in 1..=limit {
        session.receive(&bad, 0);
        assert_eq!(session.malformed(), count);
        let (header, answer) = Message::decode(&session.next_output().unwrap()).unwrap();
        assert_eq!(header.xid, 0x77);
        assert!(matches!(answer, Message::Error(error)
            if error.is(ErrorAnswer::BAD_REQUEST_LEN) && error.data[..] == bad));
    }
    session.receive(&bad, 0);
    assert!(session.is_closed());
}

#[test]
fn a_first_message_that_cannot_be_read_is_answered_and_the_last() {
    let mut session = controller(&[Version::V1_4], master(1));
    session.receive(&[5, 10, 0, 8, 0, 0, 0, 7], 0);
    assert!(session.is_closed());
    session.next_output().unwrap();
    let (header, answer) = Message::decode(&session.next_output().unwrap()).unwrap();
    assert_eq!(header.xid, 7);
    assert!(matches!(answer, Message::Error(error) if error.is(ErrorAnswer::BAD_REQUEST_LEN)));
}

#[test]
fn answers_to_echoes_have_a_limit_of_their_own() {
    let (mut session, mut switch) = open(Version::V1_5);
    session.config.echo_limit = 100;
    session.push(push_of(Version::V1_5, [1])).unwrap();
    let packet = PacketOut::new(PortNo::CONTROLLER, Vec::new(), vec![0; 1_000].into());
    session.send(&Message::PacketOut(packet)).unwrap();
    let echo = Message::EchoRequest(Echo {
        data: vec![0; 100].into(),
    });
    let echo = echo.encode(Version::V1_5, 1).unwrap();
    session.receive(&echo, 0);
    assert!(
        !session.is_closed(),
        "a long queue of ours is not the peer's"
    );
    converse(&mut session, &mut switch);
    session.receive(&echo, 0);
    session.receive(&echo, 0);
    assert!(session.is_closed());
}

#[test]
fn a_version_that_was_not_agreed_on_is_refused() {
    let (mut session, _) = open(Version::V1_4);
    session.receive(&[6, 21, 0, 8, 0, 0, 0, 1], 0);
    let (_, answer) = Message::decode(&session.next_output().unwrap()).unwrap();
    assert!(matches!(answer, Message::Error(error) if error.is(ErrorAnswer::BAD_VERSION)));
}

#[test]
fn a_peer_that_asks_and_never_reads_is_given_up() {
    let (mut session, _) = open(Version::V1_4);
    session.config.echo_limit = 10_000;
    let echo = Message::EchoRequest(Echo {
        data: vec![0; 1_000].into(),
    });
    let echo = echo.encode(Version::V1_4, 1).unwrap();
    for _ in 0..20 {
        session.receive(&echo, 0);
    }
    assert!(session.is_closed());
    assert!(session.queue_len() < 12_000);
}

#[test]
fn a_lost_frame_ends_the_conversation_with_an_error() {
    let (mut session, _) = open(Version::V1_4);
    session.receive(&[5, 2, 0, 3, 0, 0, 0, 1], 0);
    assert!(session.is_closed());
    assert!(session.next_output().is_some());
}

#[test]
fn every_version_negotiates_and_carries_flows_packets_and_statistics() {
    for version in Version::ALL {
        let (mut session, mut switch) = open(version);
        assert_eq!(session.version(), Some(version));
        let id = session.push(push_of(version, [1, 2])).unwrap();
        converse(&mut session, &mut switch);
        assert_eq!(outcomes(&mut session), [(id, Outcome::Committed)]);
        assert_eq!(cookies(&switch), [1, 2]);

        let asked = MultipartRequest::new(Request::Flow(FlowFilter::all()));
        let id = session.request(&Message::MultipartRequest(asked)).unwrap();
        let barrier = session.barrier().unwrap();
        let packet = PacketOut::new(PortNo(1), Vec::new(), Bytes::from_static(b"frame"));
        session.send(&Message::PacketOut(packet)).unwrap();
        let packet = PacketIn {
            buffer_id: NO_BUFFER,
            total_len: 5,
            reason: PacketInReason::TABLE_MISS,
            table: TableId(0),
            cookie: u64::MAX,
            metadata: match version {
                Version::V1_1 => Match::any()
                    .with(Field::InPort, PortNo(1))
                    .with(Field::InPhyPort, PortNo(1)),
                _ => Match::any().with(Field::InPort, PortNo(1)),
            },
            packet: Bytes::from_static(b"frame"),
        };
        switch
            .session
            .send(&Message::PacketIn(packet.clone()))
            .unwrap();
        converse(&mut session, &mut switch);
        assert!(
            switch
                .log
                .ends_with(&["multipart_request", "barrier_request", "packet_out"])
        );
        let told = events(&mut session);
        let reply = told.iter().find_map(|event| match event {
            Event::Reply { id: of, messages } if *of == id => Some(messages.len()),
            _ => None,
        });
        assert_eq!(reply, Some(2), "OpenFlow {version}");
        assert!(told.contains(&Event::BarrierDone(barrier)));
        let came = |event: &Event| matches!(event, Event::Message { message: Message::PacketIn(it), .. } if *it == packet);
        assert!(told.iter().any(came), "OpenFlow {version}");
    }
}

#[test]
fn before_1_2_roles_are_niciras_and_a_switch_without_them_lets_everybody_write() {
    for version in [Version::V1_0, Version::V1_1] {
        for has_roles in [true, false] {
            let mut switch = Switch::new(&[version]);
            switch.has_roles = has_roles;
            let mut session = controller(&Version::ALL, master(9));
            converse(&mut session, &mut switch);
            assert_eq!(switch.log, ["features_request", "nx_role_request"]);
            assert!(session.is_open());
            let granted = RoleMessage::new(if has_roles { Role::MASTER } else { Role::EQUAL }, 0);
            assert!(events(&mut session).contains(&Event::RoleGranted(granted)));
            let asks = RoleMessage::new(Role::NO_CHANGE, 0);
            assert!(matches!(session.set_role(asks), Err(SendError::Encode(_))));
        }
    }
}

#[test]
fn a_refused_flow_is_known_by_its_cookie_in_every_version() {
    for version in Version::ALL {
        let (mut session, mut switch) = open(version);
        session.push(push_of(version, [1, UNREADABLE])).unwrap();
        converse(&mut session, &mut switch);
        let told = outcomes(&mut session);
        let [(_, Outcome::Failed { errors, .. })] = &told[..] else {
            panic!("{told:?}");
        };
        assert_eq!(errors[0].cookie, Some(UNREADABLE), "OpenFlow {version}");
    }
}
