//! The session against a real Open vSwitch with a dummy datapath, without privileges.
//!
//! Each test has its own daemons in its own directory. Without Open vSwitch the tests print why
//! they did nothing; with `WEFT_TESTS=all` they fail instead.

use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rust_openflow::frame::Framer;
use rust_openflow::message::{
    Bucket, CtFlushZone, FlowFilter, FlowMod, GroupDescFilter, GroupMod, GroupType,
    MultipartRequest, PacketInFormat, PacketOut, PortDescFilter, Received, Reply, Request, Role,
    RoleMessage, SetPacketInFormat, SwitchConfig,
};
use rust_openflow::session::push::{Outcome, Push, bundle_add};
use rust_openflow::session::{Config, End, Event, PushId};
use rust_openflow::{
    Action, Field, GroupId, Instruction, Match, Message, PortNo, Session, TableId, Version,
};
use tempfile::TempDir;

#[path = "../examples/controller.rs"]
#[expect(dead_code, reason = "nobody calls main")]
mod controller;

/// Nothing takes this long; it only ends a test that hangs.
const PATIENCE: Duration = Duration::from_secs(60);
const VERSIONS: [Version; 3] = [Version::V1_3, Version::V1_4, Version::V1_5];

/// A switch with one bridge, `br`.
struct Switch {
    daemons: Vec<Child>,
    directory: TempDir,
}

impl Drop for Switch {
    fn drop(&mut self) {
        for daemon in &mut self.daemons {
            let _ = daemon.kill();
            let _ = daemon.wait();
        }
    }
}

impl Switch {
    /// None when Open vSwitch is not installed.
    fn start() -> Option<Self> {
        let schema = Path::new("/usr/share/openvswitch/vswitch.ovsschema");
        if !schema.exists() {
            let why = "Open vSwitch is not installed";
            assert!(std::env::var("WEFT_TESTS").as_deref() != Ok("all"), "{why}");
            println!("skipped: {why}");
            return None;
        }
        let mut switch = Self {
            daemons: Vec::new(),
            directory: TempDir::new().unwrap(),
        };
        let socket = format!("unix:{}", switch.path("db.sock"));
        let database = switch.path("conf.db");
        switch.run(
            "ovsdb-tool",
            &["create", &database, schema.to_str().unwrap()],
        );
        let remote = format!("--remote=p{socket}");
        switch.spawn("ovsdb-server", &[&database, &remote]);
        switch.wait_for("db.sock");
        let db = format!("--db={socket}");
        switch.run("ovs-vsctl", &[&db, "--no-wait", "init"]);
        switch.spawn(
            "ovs-vswitchd",
            &[
                &socket,
                "--enable-dummy",
                "--disable-system",
                "--disable-system-route",
            ],
        );
        let bridge = "-- set bridge br datapath_type=dummy fail_mode=secure \
                      protocols=OpenFlow10,OpenFlow11,OpenFlow12,OpenFlow13,OpenFlow14,OpenFlow15 \
                      other_config:datapath-id=00000000000000aa";
        let mut arguments = vec![db.as_str(), "add-br", "br"];
        arguments.extend(bridge.split_whitespace());
        switch.run("ovs-vsctl", &arguments);
        switch.wait_for("br.mgmt");
        Some(switch)
    }

    fn path(&self, name: &str) -> String {
        self.directory.path().join(name).display().to_string()
    }

    fn command(&self, program: &str, arguments: &[&str]) -> Command {
        // The daemons stand in sbin, which is not on everybody's path.
        let path = format!("{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap());
        let mut command = Command::new(program);
        command
            .args(arguments)
            .env("PATH", path)
            .stdin(Stdio::null());
        for variable in ["OVS_RUNDIR", "OVS_LOGDIR", "OVS_DBDIR", "OVS_SYSCONFDIR"] {
            command.env(variable, self.directory.path());
        }
        command
    }

    fn run(&self, program: &str, arguments: &[&str]) {
        let output = self.command(program, arguments).output().unwrap();
        assert!(output.status.success(), "{program}: {output:?}");
    }

    fn spawn(&mut self, program: &str, arguments: &[&str]) {
        let mut command = self.command(program, arguments);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        self.daemons.push(command.spawn().unwrap());
    }

    /// Waits until somebody listens on a socket; its file is there a little earlier.
    fn wait_for(&self, name: &str) {
        let begun = Instant::now();
        while UnixStream::connect(self.path(name)).is_err() {
            assert!(begun.elapsed() < PATIENCE, "{name} does not appear");
            std::thread::yield_now();
        }
    }

    fn connect(&self, version: Version, role: RoleMessage) -> Connection {
        let stream = UnixStream::connect(self.path("br.mgmt")).unwrap();
        stream.set_nonblocking(true).unwrap();
        let config = Config {
            versions: vec![version],
            ..Config::default()
        };
        Connection {
            session: Session::new(End::Controller(role), config, 0),
            stream,
            begun: Instant::now(),
            unsent: Vec::new(),
        }
    }

    fn connected(&self, version: Version) -> Connection {
        let mut connection = self.connect(version, RoleMessage::new(Role::MASTER, 1));
        connection.until(|event| matches!(event, Event::RoleGranted(_)).then_some(()));
        connection
    }
}

/// A session on a socket.
struct Connection {
    session: Session,
    stream: UnixStream,
    begun: Instant,
    unsent: Vec<u8>,
}

impl Connection {
    /// Lets the conversation go on until `wanted` finds its event. Others are passed over.
    fn until<T>(&mut self, mut wanted: impl FnMut(Event) -> Option<T>) -> T {
        let begun = Instant::now();
        let mut buffer = vec![0; 65_536];
        loop {
            while let Some(event) = self.session.next_event() {
                assert!(!matches!(event, Event::Closed(_)), "{event:?}");
                if let Some(found) = wanted(event) {
                    return found;
                }
            }
            assert!(begun.elapsed() < PATIENCE, "the switch does not answer");
            self.write();
            match self.stream.read(&mut buffer) {
                Ok(0) => panic!("the switch hung up"),
                Ok(n) => {
                    let now = self.begun.elapsed().as_millis() as u64;
                    self.session.receive(&buffer[..n], now);
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => std::thread::yield_now(),
                Err(error) => panic!("{error}"),
            }
        }
    }

    fn write(&mut self) {
        while self.unsent.len() < 1 << 20 {
            let Some(message) = self.session.next_output() else {
                break;
            };
            self.unsent.extend_from_slice(&message);
        }
        match self.stream.write(&self.unsent) {
            Ok(n) => drop(self.unsent.drain(..n)),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => panic!("{error}"),
        }
    }

    fn push(&mut self, push: Push) -> Outcome {
        let wanted: PushId = self.session.push(push).unwrap();
        self.until(|event| match event {
            Event::PushDone { id, outcome } => {
                assert_eq!(id, wanted);
                Some(outcome)
            }
            _ => None,
        })
    }

    fn ask(&mut self, request: Request) -> Vec<Reply> {
        let request = MultipartRequest::new(request);
        let asked = self.session.request(&Message::MultipartRequest(request));
        let asked = asked.unwrap();
        let messages = self.until(|event| match event {
            Event::Reply { id, messages } if id == asked => Some(messages),
            Event::Failed { failure, .. } => panic!("{failure:?}"),
            _ => None,
        });
        let reply = |message| match message {
            Message::MultipartReply(part) => part.reply,
            other => panic!("{other:?}"),
        };
        messages.into_iter().map(reply).collect()
    }

    /// The cookies of all flows, in order.
    fn cookies(&mut self) -> Vec<u64> {
        let flows = self.ask(Request::Flow(FlowFilter::all()));
        let mut cookies = Vec::new();
        for reply in flows {
            let Reply::Flow(flows) = reply else {
                panic!("not flows");
            };
            cookies.extend(flows.iter().map(|flow| flow.cookie));
        }
        cookies.sort_unstable();
        cookies
    }
}

fn flow(cookie: u64) -> FlowMod {
    let matches = Match::any()
        .with(Field::EthType, 0x0800_u16)
        .with(Field::Ipv4Dst, cookie as u32)
        .with(Field::Metadata, 7_u64);
    let actions = vec![
        Action::set(Field::Reg1, 5_u32),
        // Taken under one of its two names only.
        Action::set(Field::InPort, 0_u32),
        Action::dec_ttl(),
        Action::resubmit(9),
    ];
    let instructions = vec![Instruction::apply(actions)];
    FlowMod::add(TableId(3), 100, matches, instructions, cookie)
}

fn bundle(version: Version, flows: impl IntoIterator<Item = FlowMod>) -> Push {
    let add = |flow| bundle_add(version, &Message::FlowMod(flow)).unwrap();
    Push {
        bundle: flows.into_iter().map(add).collect(),
        ..Push::default()
    }
}

#[test]
fn a_thousand_flows_are_pushed_in_a_bundle_and_dumped_with_the_same_cookies() {
    let Some(switch) = Switch::start() else {
        return;
    };
    for version in VERSIONS {
        let mut connection = switch.connected(version);
        assert_eq!(connection.session.version(), Some(version));
        let outcome = connection.push(bundle(version, (1..=1_000).map(flow)));
        assert_eq!(outcome, Outcome::Committed);
        assert_eq!(connection.cookies(), (1..=1_000).collect::<Vec<u64>>());
        let removed = bundle(version, (1..=990).map(FlowMod::delete_cookie));
        assert_eq!(connection.push(removed), Outcome::Committed);
        assert_eq!(connection.cookies(), (991..=1_000).collect::<Vec<u64>>());
        let all = FlowMod::delete(TableId::ALL, Match::any(), 0);
        assert_eq!(connection.push(bundle(version, [all])), Outcome::Committed);
        assert!(connection.cookies().is_empty());
    }
}

#[test]
fn many_pushes_on_their_way_end_in_their_order_and_refusals_stay_with_their_own() {
    let Some(switch) = Switch::start() else {
        return;
    };
    for version in VERSIONS {
        let mut connection = switch.connected(version);
        let unwanted = FlowMod {
            instructions: vec![Instruction::goto(TableId(1))],
            ..flow(1_000_000)
        };
        let mut pushes = Vec::new();
        for round in 0..50_u64 {
            let flows = (1..=100).map(|at| flow(round * 100 + at));
            let refused = (round % 10 == 3).then(|| unwanted.clone());
            let push = bundle(version, flows.chain(refused));
            pushes.push((connection.session.push(push).unwrap(), round % 10 != 3));
        }
        let mut ended = Vec::new();
        connection.until(|event| {
            if let Event::PushDone { id, outcome } = event {
                ended.push((id, outcome == Outcome::Committed));
            }
            (ended.len() == pushes.len()).then_some(())
        });
        assert_eq!(ended, pushes);
        assert_eq!(connection.cookies().len(), 45 * 100);
        let all = FlowMod::delete(TableId::ALL, Match::any(), 0);
        connection.push(bundle(version, [all]));
    }
}

#[test]
fn what_the_switch_describes_is_what_was_pushed() {
    let Some(switch) = Switch::start() else {
        return;
    };
    for version in VERSIONS {
        let mut connection = switch.connected(version);
        connection.push(bundle(version, [flow(7)]));
        let replies = connection.ask(Request::Flow(FlowFilter::all()));
        let [Reply::Flow(flows)] = &replies[..] else {
            panic!("{replies:?}");
        };
        let pushed = flow(7);
        assert_eq!((flows[0].table, flows[0].priority), (pushed.table, 100));
        let mut matches = flows[0].matches.clone();
        matches.sort();
        let mut expected = pushed.matches.clone();
        expected.sort();
        assert_eq!(matches, expected);
        assert_eq!(flows[0].instructions, pushed.instructions, "{version}");
        let replies = connection.ask(Request::Desc);
        assert!(
            matches!(&replies[..], [Reply::Desc(desc)] if desc.hardware.to_text() == "Open vSwitch")
        );
        let replies = connection.ask(Request::PortDesc(PortDescFilter::default()));
        let [Reply::PortDesc(ports)] = &replies[..] else {
            panic!("{replies:?}");
        };
        assert!(ports.iter().any(|port| port.name.to_text() == "br"));
    }
}

#[test]
fn a_refused_flow_is_named_by_its_cookie_and_nothing_of_its_bundle_is_done() {
    let Some(switch) = Switch::start() else {
        return;
    };
    let backwards = FlowMod {
        instructions: vec![Instruction::goto(TableId(1))],
        ..flow(13)
    };
    let without_prerequisite = FlowMod {
        matches: Match::any().with(Field::TcpDst, 80_u16),
        ..flow(14)
    };
    let without_group = FlowMod {
        instructions: vec![Instruction::apply(vec![Action::group(GroupId(99))])],
        ..flow(15)
    };
    for version in VERSIONS {
        let mut connection = switch.connected(version);
        assert_eq!(
            connection.push(bundle(version, [flow(1)])),
            Outcome::Committed
        );
        for bad in [&backwards, &without_prerequisite, &without_group] {
            let outcome = connection.push(bundle(version, [flow(2), bad.clone(), flow(3)]));
            let Outcome::Failed {
                errors,
                rest_applied,
            } = outcome
            else {
                panic!("{version}: the switch took flow {}", bad.cookie);
            };
            assert_eq!(errors[0].cookie, Some(bad.cookie), "{version}: {errors:?}");
            assert!(!rest_applied);
            assert_eq!(connection.cookies(), [1]);
        }
        // The connection's bundle is free again.
        let outcome = connection.push(bundle(version, [flow(4)]));
        assert_eq!(outcome, Outcome::Committed);
        assert_eq!(connection.cookies(), [1, 4]);
        let all = FlowMod::delete(TableId::ALL, Match::any(), 0);
        connection.push(bundle(version, [all]));
    }
}

#[test]
fn groups_go_before_the_flows_that_use_them_in_one_bundle() {
    let Some(switch) = Switch::start() else {
        return;
    };
    for version in VERSIONS {
        let mut connection = switch.connected(version);
        let group = |id| {
            let buckets = (0..3)
                .map(|id| Bucket {
                    id,
                    ..Bucket::new(vec![Action::output(PortNo(1))]).weighing(1)
                })
                .collect();
            Message::GroupMod(GroupMod::add(GroupId(id), GroupType::SELECT, buckets))
        };
        let flow = FlowMod {
            instructions: vec![Instruction::apply(vec![Action::group(GroupId(5))])],
            ..flow(1)
        };
        let push = Push {
            bundle: [group(5), Message::FlowMod(flow)]
                .iter()
                .map(|message| bundle_add(version, message).unwrap())
                .collect(),
            after: vec![Message::CtFlushZone(CtFlushZone { zone_id: 5 })],
            ..Push::default()
        };
        assert_eq!(connection.push(push), Outcome::Committed);
        let replies = connection.ask(Request::GroupDesc(GroupDescFilter::default()));
        let [Reply::GroupDesc(groups)] = &replies[..] else {
            panic!("{replies:?}");
        };
        assert_eq!((groups[0].group, groups[0].buckets.len()), (GroupId(5), 3));
        let push = Push {
            bundle: vec![
                bundle_add(version, &Message::GroupMod(GroupMod::delete(GroupId::ALL))).unwrap(),
            ],
            ..Push::default()
        };
        assert_eq!(connection.push(push), Outcome::Committed);
        assert!(connection.cookies().is_empty(), "flows go with their group");
    }
}

#[test]
fn a_master_makes_the_other_a_slave_and_a_stale_one_is_refused() {
    let Some(switch) = Switch::start() else {
        return;
    };
    for (round, version) in VERSIONS.into_iter().enumerate() {
        let generation = 10 * (round as u64 + 1);
        let role = |role, generation| RoleMessage::new(role, generation);
        let granted = |event| matches!(event, Event::RoleGranted(_)).then_some(());
        let mut first = switch.connect(version, role(Role::MASTER, generation));
        first.until(granted);
        let mut second = switch.connect(version, role(Role::MASTER, generation + 1));
        second.until(granted);
        // The first is told, and may not write any more.
        let told = first.until(|event| match event {
            Event::Message {
                message: Message::RoleStatus(status),
                ..
            } => Some(status.role),
            _ => None,
        });
        assert_eq!(told, Role::SLAVE);
        let Outcome::Failed { errors, .. } = first.push(bundle(version, [flow(1)])) else {
            panic!("a slave wrote");
        };
        assert!(!errors.is_empty());
        // With the old generation it does not become master again; with a newer one it does.
        first
            .session
            .set_role(role(Role::MASTER, generation))
            .unwrap();
        first.until(|event| matches!(event, Event::RoleRefused { stale: true, .. }).then_some(()));
        first.session.set_role(role(Role::NO_CHANGE, 0)).unwrap();
        let seen = first.until(|event| match event {
            Event::RoleGranted(role) => Some(role.generation_id),
            _ => None,
        });
        assert_eq!(seen, generation + 1);
        first
            .session
            .set_role(role(Role::MASTER, generation + 2))
            .unwrap();
        first.until(granted);
        assert_eq!(first.push(bundle(version, [flow(1)])), Outcome::Committed);
        let all = FlowMod::delete(TableId::ALL, Match::any(), 0);
        first.push(bundle(version, [all]));
    }
}

#[test]
fn packet_ins_come_in_the_form_that_was_chosen() {
    let Some(switch) = Switch::start() else {
        return;
    };
    for version in VERSIONS {
        let mut connection = switch.connected(version);
        let form = Message::SetPacketInFormat(SetPacketInFormat {
            format: PacketInFormat::NXT_PACKET_IN2,
        });
        connection.session.send(&form).unwrap();
        // Open vSwitch sends no packets to a connection of its own socket until it is told a length.
        let config = Message::SetConfig(SwitchConfig {
            flags: 0,
            miss_send_len: 0xffff,
        });
        connection.session.send(&config).unwrap();
        let controller = rust_openflow::action::ToController {
            userdata: vec![1, 2, 3].into(),
            ..Default::default()
        };
        let to_controller = FlowMod {
            table: TableId(0),
            matches: Match::any(),
            instructions: vec![Instruction::apply(vec![
                Action::set(Field::Reg1, 5_u32),
                Action::from(controller),
            ])],
            ..flow(21)
        };
        connection.push(bundle(version, [to_controller]));
        let packet = rust_openflow::message::PacketOut::new(
            PortNo::CONTROLLER,
            vec![Action::output(PortNo::TABLE)],
            vec![0x50; 60].into(),
        );
        connection
            .session
            .send(&Message::PacketOut(packet))
            .unwrap();
        let packet = connection.until(|event| match event {
            Event::Message {
                message: Message::PacketIn2(packet),
                ..
            } => Some(Received::from(packet)),
            _ => None,
        });
        assert_eq!(packet.userdata[..], [1, 2, 3]);
        let packet = packet.packet_in;
        assert_eq!((packet.cookie, packet.field(Field::Reg1)), (21, Some(5)));
        assert_eq!(packet.packet[..], [0x50; 60]);
        let all = FlowMod::delete(TableId::ALL, Match::any(), 0);
        connection.push(bundle(version, [all]));
    }
}

#[test]
fn every_version_is_spoken_with_the_switch() {
    let Some(switch) = Switch::start() else {
        return;
    };
    for version in Version::ALL {
        let mut connection = switch.connect(version, RoleMessage::new(Role::EQUAL, 0));
        let datapath = connection.until(|event| match event {
            Event::Features(features) => Some(features.datapath.0),
            _ => None,
        });
        assert_eq!(datapath, 0xaa);
        connection.until(|event| matches!(event, Event::RoleGranted(_)).then_some(()));
        let flow = |cookie: u64| {
            let matches = Match::any().with(Field::InPort, PortNo(cookie as u32));
            let instructions = vec![Instruction::apply(vec![Action::output(PortNo(7))])];
            FlowMod::add(TableId(0), 5, matches, instructions, cookie)
        };
        let outcome = connection.push(bundle(version, [flow(1), flow(2)]));
        assert_eq!(outcome, Outcome::Committed, "OpenFlow {version}");
        assert_eq!(connection.cookies(), [1, 2]);
        let replies = connection.ask(Request::Flow(FlowFilter::all()));
        let [Reply::Flow(flows)] = &replies[..] else {
            panic!("{replies:?}");
        };
        let instructions = flow(1).instructions;
        assert!(flows.iter().all(|flow| flow.instructions == instructions));

        // The switch sends packets to those who said how much of them they want.
        let config = SwitchConfig {
            flags: 0,
            miss_send_len: 0xffff,
        };
        connection
            .session
            .send(&Message::SetConfig(config))
            .unwrap();
        let frame = bytes::Bytes::from_static(&[0x02; 64]);
        let actions = vec![Action::output(PortNo::CONTROLLER)];
        let packet = PacketOut::new(PortNo(1), actions, frame.clone());
        connection
            .session
            .send(&Message::PacketOut(packet))
            .unwrap();
        let packet = connection.until(|event| match event {
            Event::Message {
                message: Message::PacketIn(packet),
                ..
            } => Some(packet),
            _ => None,
        });
        assert_eq!((packet.in_port(), packet.packet), (Some(PortNo(1)), frame));
        let delete = FlowMod::delete(TableId(0), Match::any(), 0);
        let outcome = connection.push(bundle(version, [delete]));
        assert_eq!(outcome, Outcome::Committed);
        assert!(connection.cookies().is_empty());
    }
}

/// A stream that ends when a barrier was answered.
struct UntilBarrier {
    stream: UnixStream,
    read: Framer,
    over: bool,
}

impl Read for UntilBarrier {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if self.over {
            return Ok(0);
        }
        let count = self.stream.read(buffer)?;
        self.read.push(&buffer[..count]);
        while let Ok(Some(bytes)) = self.read.next_message() {
            self.over |= matches!(Message::decode(&bytes), Ok((_, Message::BarrierReply)));
        }
        Ok(count)
    }
}

impl Write for UntilBarrier {
    fn write(&mut self, buffer: &[u8]) -> std::io::Result<usize> {
        self.stream.write(buffer)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.stream.flush()
    }
}

#[test]
fn the_controller_of_the_readme_gives_a_switch_its_flow() {
    let Some(switch) = Switch::start() else {
        return;
    };
    let mut stream = UntilBarrier {
        stream: UnixStream::connect(switch.path("br.mgmt")).unwrap(),
        read: Framer::default(),
        over: false,
    };
    stream.stream.set_read_timeout(Some(PATIENCE)).unwrap();
    controller::control(&mut stream).unwrap();
    assert!(stream.over);
    assert_eq!(switch.connected(Version::V1_5).cookies(), [7]);
}
