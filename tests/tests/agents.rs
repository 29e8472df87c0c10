//! The software switch says what Open vSwitch says: both are sent the same messages on the same connections, and must
//! answer with the same messages in the same order.
//!
//! Left out are times, what dummy devices do not count, the order of what is said unasked, what Open vSwitch 3.1 has not
//! (statistics of flows and bundles of 1.5) or answers wrongly (the end of monitors of 1.4), and the ports that are the
//! switch's own affair (NORMAL). Flows and groups have no order, and long answers may be cut anywhere. What packets do is
//! compared in [`crate::fidelity`].

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;

use bytes::Bytes;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use rust_openflow::Version;
use rust_openflow::message::{
    Header, Hello, Message, MultipartReply, MultipartRequest, Reply, Request, SwitchConfig,
};
use rust_openflow::record::Value;
use rust_openflow::session::Config;
use weft_switch::agent::PortSpec;
use weft_switch::{Agent, ConnectionId, Identity, Switch};
use weft_tests::hypervisor::Hypervisor;
use weft_tests::{Part, dummy, need, wait};

mod extensions;
mod random;
mod steps;

/// Random sequences.
const CASES: usize = 12;
const BRIDGE: &str = "br-agents";
/// The ports of the bridge beside its own.
const PORTS: u32 = 3;
/// What is only true of one moment, or what a dummy device does not count.
const LEFT_OUT: [&str; 15] = [
    "duration_sec",
    "duration_nsec",
    "idle_sec",
    "idle_nsec",
    "idle_age",
    "hard_age",
    "rx_dropped",
    "tx_dropped",
    "rx_errors",
    "tx_errors",
    "rx_frame_err",
    "rx_over_err",
    "rx_crc_err",
    "collisions",
    // Counted when the datapath's flows are looked at.
    "lookup_count",
];
/// Numbers of barriers begin here.
const BARRIERS: u32 = 0x7000_0000;

/// What is said on a connection between two barriers.
type Said = Vec<(u32, Message)>;

/// Both switches, with the same connections.
struct Both {
    streams: Vec<(UnixStream, Version)>,
    agent: Agent,
    /// What the software switch said.
    said: Vec<VecDeque<Bytes>>,
    xid: u32,
    /// What the bridge and the software switch said unasked, by connection.
    unasked: Vec<[Vec<String>; 2]>,
    differences: Vec<String>,
    compared: usize,
}

/// Makes the bridge.
fn start(hypervisor: &Hypervisor) {
    let versions = "OpenFlow10,OpenFlow11,OpenFlow12,OpenFlow13,OpenFlow14,OpenFlow15";
    hypervisor.vsctl(&["--if-exists", "del-br", BRIDGE]);
    let bridge = format!("datapath_type=dummy fail_mode=secure protocols={versions}");
    let mut words = vec!["add-br", BRIDGE, "--", "set", "Bridge", BRIDGE];
    words.extend(bridge.split(' '));
    hypervisor.vsctl(&words);
    for port in 1..=PORTS {
        let name = format!("agent{port}");
        hypervisor.add_dummy_port(BRIDGE, &name, Some(port), None);
    }
}

impl Both {
    fn new(hypervisor: &Hypervisor, versions: &[Version]) -> Self {
        let socket = hypervisor.rundir().join(format!("{BRIDGE}.mgmt"));
        let connect = |version: &Version| {
            let mut stream = UnixStream::connect(&socket).expect("the bridge listens");
            stream.set_read_timeout(Some(wait::LIMIT)).expect("a limit");
            let hello = Message::Hello(Hello::new(&[*version]));
            let hello = hello.encode(*version, 1).expect("a hello");
            stream.write_all(&hello).expect("the bridge reads");
            let (_, Message::Hello(_)) = read(&mut stream) else {
                panic!("no hello");
            };
            (stream, *version)
        };
        let mut both = Self {
            streams: versions.iter().map(connect).collect(),
            agent: Agent::new(Identity::new(rust_openflow::DatapathId(0)), Switch::new()),
            said: vec![VecDeque::new(); versions.len()],
            xid: 1,
            unasked: vec![Default::default(); versions.len()],
            differences: Vec::new(),
            compared: 0,
        };
        both.agent = both.twin();
        for (id, version) in versions.iter().enumerate() {
            let config = Config {
                versions: Version::ALL.to_vec(),
                ..Config::default()
            };
            let connection = ConnectionId(id as u64);
            both.agent.connect(connection, config, 0);
            let hello = Message::Hello(Hello::new(&[*version]));
            let hello = hello.encode(*version, 1).expect("a hello");
            both.agent.receive(connection, &hello, 0);
            while both.agent.next_output_of(connection).is_some() {}
        }
        for id in 0..versions.len() {
            // Connections of this kind are told something unasked when they say how much of packets they want.
            both.tell(
                id,
                &Message::SetConfig(SwitchConfig {
                    flags: 0,
                    miss_send_len: u16::MAX,
                }),
            );
        }
        both
    }

    /// A switch that is like the bridge before it was told anything.
    fn twin(&mut self) -> Agent {
        let mut features = None;
        let mut ports = Vec::new();
        let requests = [
            Message::FeaturesRequest,
            Message::MultipartRequest(MultipartRequest::new(Request::Desc)),
            Message::MultipartRequest(MultipartRequest::new(Request::PortDesc(Default::default()))),
        ];
        let mut desc = None;
        for request in requests {
            for (_, message) in self.ask_real(&request) {
                match message {
                    Message::FeaturesReply(reply) => features = Some(reply),
                    Message::MultipartReply(MultipartReply {
                        reply: Reply::Desc(reply),
                        ..
                    }) => desc = Some(reply),
                    Message::MultipartReply(MultipartReply {
                        reply: Reply::PortDesc(reply),
                        ..
                    }) => ports = reply,
                    other => panic!("{other:?}"),
                }
            }
        }
        let (features, desc) = (features.expect("features"), desc.expect("a description"));
        let identity = Identity {
            datapath: features.datapath,
            manufacturer: desc.manufacturer.to_text().into(),
            hardware: desc.hardware.to_text().into(),
            software: desc.software.to_text().into(),
            serial: desc.serial.to_text().into(),
            description: desc.datapath.to_text().into(),
            tables: features.tables,
        };
        let mut agent = Agent::new(identity, Switch::new());
        for port in ports {
            let spec = PortSpec {
                address: port.address,
                name: port.name.to_text().into(),
                link: port.config & 1 == 0 && port.state & 1 == 0,
                floods: true,
            };
            agent.set_port(port.number, Some(spec), 0);
        }
        agent
    }

    fn ask_real(&mut self, message: &Message) -> Said {
        let (stream, version) = &mut self.streams[0];
        let version = *version;
        self.xid += 1;
        let bytes = message.encode(version, self.xid).expect("a message");
        stream.write_all(&bytes).expect("the bridge reads");
        barrier_real(stream, version, self.xid)
    }

    /// Sends both the same message on a connection, and compares what they say on all of them.
    fn tell(&mut self, connection: usize, message: &Message) {
        self.xid += 1;
        let version = self.streams[connection].1;
        let mut message = message.clone();
        if let Message::BundleAdd(add) = &mut message {
            // Both have the same number.
            let mut inner = add.message.0.to_vec();
            inner[4..8].copy_from_slice(&self.xid.to_be_bytes());
            add.message.0 = inner.into();
        }
        let bytes = message
            .encode(version, self.xid)
            .unwrap_or_else(|error| panic!("{error}: {message:?}"));
        self.tell_bytes(connection, &bytes, &format!("{message:?}"));
    }

    fn tell_bytes(&mut self, connection: usize, bytes: &Bytes, what: &str) {
        let stream = &mut self.streams[connection].0;
        stream.write_all(bytes).expect("the bridge reads");
        self.agent
            .receive(ConnectionId(connection as u64), bytes, 0);
        for id in (connection..self.streams.len()).chain(0..connection) {
            let (stream, version) = &mut self.streams[id];
            let version = *version;
            let real = barrier_real(stream, version, self.xid);
            let ours = self.barrier_ours(id, version);
            self.compared += 1;
            let real = self.take_unasked(id, 0, real);
            let ours = self.take_unasked(id, 1, ours);
            self.wait_for_packets(id);
            let (real, ours) = (lines(real, version), lines(ours, version));
            if real != ours {
                let told = difference(&real, &ours);
                self.differences.push(format!(
                    "OpenFlow {version}, connection {id} after {what} on {connection}:\n{told}"
                ));
            }
        }
    }

    /// Waits for packets that were handed up: what the next message says of their form is not to be for them.
    fn wait_for_packets(&mut self, id: usize) {
        let count = |said: &[String]| {
            let packets = said.iter().filter(|line| line.contains("packet_in"));
            packets.count()
        };
        // What never comes is a difference.
        let mut patience = 200;
        wait::until("packets that the bridge hands up", || {
            let counts = self.unasked[id].each_ref().map(|said| count(said));
            if counts[0] >= counts[1] || patience == 0 {
                return Ok(());
            }
            patience -= 1;
            self.xid += 1;
            let (stream, version) = &mut self.streams[id];
            let version = *version;
            let real = barrier_real(stream, version, self.xid);
            self.take_unasked(id, 0, real);
            Err(counts)
        });
    }

    /// Puts aside what was said unasked: Open vSwitch says it when it has the time.
    fn take_unasked(&mut self, id: usize, whose: usize, said: Said) -> Said {
        let version = self.streams[id].1;
        let (unasked, answers): (Said, Said) = said.into_iter().partition(|(xid, _)| *xid == 0);
        self.unasked[id][whose].extend(lines(unasked, version));
        answers
    }

    /// Compares what was said unasked.
    fn finish(&mut self) {
        for id in 0..self.streams.len() {
            let version = self.streams[id].1;
            // What never comes is a difference.
            let mut patience = 1_000;
            wait::until("what the bridge says unasked", || {
                patience -= 1;
                self.xid += 1;
                let (stream, _) = &mut self.streams[id];
                let real = barrier_real(stream, version, self.xid);
                self.take_unasked(id, 0, real);
                match &self.unasked[id] {
                    [real, ours] if real.len() >= ours.len() || patience == 0 => Ok(()),
                    [real, ours] => Err((real.len(), ours.len())),
                }
            });
            let [real, ours] = &mut self.unasked[id];
            // Open vSwitch tells of flows that went when it has the time, and in any order.
            for said in [&mut *real, &mut *ours] {
                // Several changes may be told in one message.
                said.retain(|line| !line.starts_with("0 end of"));
                said.sort();
            }
            self.compared += ours.len();
            if real != ours {
                let told = difference(real, ours);
                self.differences.push(format!(
                    "OpenFlow {version}, connection {id} after all unasked:\n{told}"
                ));
            }
        }
    }

    fn barrier_ours(&mut self, id: usize, version: Version) -> Said {
        let barrier = Message::BarrierRequest;
        let barrier = barrier
            .encode(version, BARRIERS + self.xid)
            .expect("a barrier");
        self.agent.receive(ConnectionId(id as u64), &barrier, 0);
        while let Some((ConnectionId(id), bytes)) = self.agent.next_output() {
            self.said[id as usize].push_back(bytes);
        }
        let said = self.said[id].drain(..);
        let mut said: Said = said
            .map(|bytes| {
                let (header, message) = Message::decode(&bytes).expect("a message");
                (header.xid, message)
            })
            .collect();
        assert_eq!(
            said.pop(),
            Some((BARRIERS + self.xid, Message::BarrierReply))
        );
        said
    }
}

fn read(stream: &mut UnixStream) -> (u32, Message) {
    let mut header = [0; 8];
    stream.read_exact(&mut header).expect("the bridge answers");
    let Header { length, xid, .. } = Header::peek(&header).expect("a header");
    let mut bytes = vec![0; usize::from(length)];
    bytes[..8].copy_from_slice(&header);
    stream.read_exact(&mut bytes[8..]).expect("a whole message");
    (xid, Message::decode(&bytes.into()).expect("a message").1)
}

/// What the bridge says before it answers a barrier.
fn barrier_real(stream: &mut UnixStream, version: Version, xid: u32) -> Said {
    let barrier = Message::BarrierRequest;
    let barrier = barrier.encode(version, BARRIERS + xid).expect("a barrier");
    stream.write_all(&barrier).expect("the bridge reads");
    let mut said = Said::new();
    loop {
        match read(stream) {
            (number, Message::BarrierReply) if number == BARRIERS + xid => return said,
            (number, Message::EchoRequest(echo)) => {
                let reply = Message::EchoReply(echo).encode(version, number);
                stream
                    .write_all(&reply.expect("an echo"))
                    .expect("the bridge reads");
            }
            other => said.push(other),
        }
    }
}

/// What was said, in words that can be compared. The parts of an answer are put together.
fn lines(said: Said, version: Version) -> Vec<String> {
    let mut lines = Vec::new();
    let mut items = Vec::new();
    for (xid, message) in said {
        let mut value = message.body_value(version);
        leave_out(&mut value, version);
        let name = message.kind().map_or("unknown", |kind| kind.row().name);
        let list = member(&value, "body");
        match (&message, list) {
            (Message::MultipartReply(part), Some(Value::List(list))) => {
                items.extend(list.iter().map(|item| format!("{xid} {}", plain(item))));
                if !part.more() {
                    items.sort();
                    lines.append(&mut items);
                    lines.push(format!(
                        "{xid} end of {}",
                        part.reply.name().unwrap_or_default()
                    ));
                }
            }
            _ => lines.push(format!("{xid} {name} {}", plain(&value))),
        }
    }
    lines
}

/// The lines that only one has, `-` of Open vSwitch and `+` of ours.
fn difference(real: &[String], ours: &[String]) -> String {
    let only = |one: &[String], other: &[String], sign: &str| -> Vec<String> {
        let missing = one.iter().filter(|line| !other.contains(line));
        missing.map(|line| format!("  {sign} {line}")).collect()
    };
    let lines = [only(real, ours, "-"), only(ours, real, "+")].concat();
    match lines.is_empty() {
        true => {
            let mut pairs = real.iter().zip(ours);
            let first = pairs.find(|(real, ours)| real != ours);
            first.map_or("  one more often".into(), |(real, ours)| {
                format!("  in another order:\n  - {real}\n  + {ours}")
            })
        }
        false => lines.join("\n"),
    }
}

/// A value in few words.
fn plain(value: &Value) -> String {
    let list = |parts: Vec<String>| parts.join(" ");
    match value {
        Value::Null => "-".into(),
        Value::Bool(value) => value.to_string(),
        Value::Number(value) => value.to_string(),
        Value::Text(value) => value.to_string(),
        Value::List(values) => format!("[{}]", list(values.iter().map(plain).collect())),
        Value::Object(members) => {
            let members = members.iter();
            let members = members.map(|(name, value)| format!("{name}={}", plain(value)));
            format!("{{{}}}", list(members.collect()))
        }
    }
}

fn member<'a>(value: &'a Value, name: &str) -> Option<&'a Value> {
    match value {
        Value::Object(members) => members
            .iter()
            .find(|(own, _)| own == name)
            .map(|(_, value)| value),
        _ => None,
    }
}

fn leave_out(value: &mut Value, version: Version) {
    match value {
        Value::Object(members) => {
            // In 1.1 Open vSwitch tells matches in the form of 1.2.
            let match_of_1_1 = |name: &str| name == "match" && version == Version::V1_1;
            members.retain(|(name, _)| {
                !LEFT_OUT.contains(&name.as_ref()) && !match_of_1_1(name.as_ref())
            });
            for (name, value) in members {
                leave_out(value, version);
                if let ("ports", Value::List(ports)) = (name.as_ref(), value) {
                    ports.sort_by_key(plain);
                }
            }
        }
        Value::List(list) => {
            // What a dummy device does not count.
            let dummy = ["rfc2819", "custom"].map(|name| Some(Value::text(name)));
            list.retain(|item| !dummy.contains(&member(item, "type").cloned()));
            list.iter_mut().for_each(|item| leave_out(item, version));
        }
        _ => {}
    }
}

#[test]
fn the_same_requests_have_the_same_answers() {
    if !need(&[Part::OpenVswitch]) {
        return;
    }
    let lab = dummy::Lab::start(1);
    let mut differences = Vec::new();
    let mut compared = 0;
    for version in Version::ALL {
        start(lab.hypervisor(1));
        let mut both = Both::new(lab.hypervisor(1), &[version]);
        for message in steps::messages(version) {
            both.tell(0, &message);
        }
        both.finish();
        compared += both.compared;
        differences.append(&mut both.differences);
    }
    assert!(
        differences.is_empty(),
        "{} of {compared} differ:\n{}",
        differences.len(),
        differences.join("\n")
    );
}

/// Roles, and what others are told, between connections of several versions.
#[test]
fn controllers_beside_each_other_are_told_the_same() {
    if !need(&[Part::OpenVswitch]) {
        return;
    }
    let lab = dummy::Lab::start(1);
    start(lab.hypervisor(1));
    let versions = [Version::V1_5, Version::V1_4, Version::V1_3, Version::V1_0];
    let mut both = Both::new(lab.hypervisor(1), &versions);
    for (connection, message) in extensions::between(&versions) {
        both.tell(connection, &message);
    }
    both.finish();
    assert!(
        both.differences.is_empty(),
        "{} of {} differ:\n{}",
        both.differences.len(),
        both.compared,
        both.differences.join("\n")
    );
}

/// Random flows, groups, meters, bundles and questions.
#[test]
fn random_requests_have_the_same_answers() {
    if !need(&[Part::OpenVswitch]) {
        return;
    }
    let lab = dummy::Lab::start(1);
    let mut runner = TestRunner::deterministic();
    let versions = [Version::V1_3, Version::V1_5];
    for case in 0..CASES {
        start(lab.hypervisor(1));
        let mut both = Both::new(lab.hypervisor(1), &versions);
        let steps = random::steps().new_tree(&mut runner).expect("steps");
        for step in steps.current() {
            let connection = step.connection % versions.len();
            for message in step.messages(versions[connection]) {
                both.tell(connection, &message);
            }
        }
        both.finish();
        assert!(
            both.differences.is_empty(),
            "case {case}: {} of {} differ:\n{}",
            both.differences.len(),
            both.compared,
            both.differences.join("\n")
        );
    }
}
