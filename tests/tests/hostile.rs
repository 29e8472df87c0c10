//! Peers that mean harm or are broken, on every port of the controller: none of them costs more than its
//! connection, and those that mean well are served as if they were alone. All the while two machines
//! ping each other, lose nothing, and new ones are plugged in.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::json;
use weft_tests::cloud::{Cloud, Port};
use weft_tests::host::Host;
use weft_tests::netns::FABRIC;
use weft_tests::traffic::Ping;
use weft_tests::{Part, need, wait};

use crate::program_path::World;

const OPENFLOW: u16 = 6653;
const OVSDB: u16 = 6640;
const API: u16 = 9696;

/// How much the controller's memory may grow by what leaves nothing behind: what its allocator keeps, and
/// far less than a thousand of the connections would have taken.
const SLACK: u64 = 96 << 20;

/// A stream of numbers that is the same in every run (xorshift, Marsaglia 2003).
struct Numbers(u64);

impl Numbers {
    fn bytes(&mut self, count: usize) -> Vec<u8> {
        let next = || {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            self.0.to_be_bytes()[3]
        };
        std::iter::repeat_with(next).take(count).collect()
    }
}

const PARTS: [Part; 2] = [Part::OpenVswitch, Part::Namespaces];

/// A connection that waits for the other side, but not for ever.
fn connect(from: &Host, port: u16) -> TcpStream {
    let address = SocketAddr::new(FABRIC.parse().unwrap(), port);
    let stream = from.connect(address).unwrap();
    stream.set_nodelay(true).unwrap();
    stream.set_read_timeout(Some(wait::LIMIT)).unwrap();
    stream.set_write_timeout(Some(wait::LIMIT)).unwrap();
    stream
}

/// Writes as long as the other side takes it; whether it took all.
fn write(stream: &mut TcpStream, bytes: &[u8]) -> bool {
    match stream.write_all(bytes) {
        Ok(()) => true,
        Err(error) => {
            let gone = [ErrorKind::BrokenPipe, ErrorKind::ConnectionReset];
            assert!(gone.contains(&error.kind()), "{error}");
            false
        }
    }
}

/// Reads until the other side closes; all it said.
#[track_caller]
fn until_closed(stream: &mut TcpStream, what: &str) -> Vec<u8> {
    let mut said = Vec::new();
    match stream.read_to_end(&mut said) {
        Err(error) if error.kind() != ErrorKind::ConnectionReset => {
            panic!("{what} was neither refused nor given up: {error}; it was told {said:?}")
        }
        _ => said,
    }
}

/// Opens the files that a test with thousands of connections needs.
fn raise_file_limit() {
    let limit = getrlimit(Resource::Nofile);
    let most = Rlimit {
        current: limit.maximum,
        ..limit
    };
    setrlimit(Resource::Nofile, most).unwrap();
}

/// A cloud in which two machines ping each other, and a place in the management network from which
/// others mean harm.
struct Siege {
    cloud: Cloud,
    network: String,
    one: Port,
    ping: Ping,
    outside: Host,
    rounds: usize,
}

impl Siege {
    #[track_caller]
    fn start(hypervisors: u8) -> Siege {
        let mut cloud = Cloud::start(hypervisors, &[]);
        let network = cloud.network("blue", "vxlan", "10.0.0.0/24");
        let (one, two) = (cloud.port(&network, "one"), cloud.port(&network, "two"));
        let a = cloud.machine(1, "a", &one);
        cloud.machine(2, "b", &two);
        cloud.wait_until_in_order(&[1, 2]);
        // The tunnel is warm before it counts.
        let ping = Ping::start(&a, &two.ip);
        ping.wait_for_answers(20);
        ping.stop();
        Siege {
            outside: cloud.lab.add_member(1),
            ping: Ping::start(&a, &two.ip),
            cloud,
            network,
            one,
            rounds: 0,
        }
    }

    fn connect(&self, port: u16) -> TcpStream {
        connect(&self.outside, port)
    }

    /// The controller serves those that mean well: the API answers, a new machine's port comes to life on a
    /// good switch, every good switch is told, and packets cross. The machine is not where those are that
    /// ping: Open vSwitch may lose a tunnelled packet when an interface appears beside the tunnel.
    #[track_caller]
    fn is_well(&mut self) {
        self.rounds += 1;
        let name = format!("well{}", self.rounds);
        let port = self.cloud.port(&self.network, &name);
        self.cloud.machine(3, &name, &port);
        self.cloud.wait_until_in_order(&[1, 2, 3]);
        self.ping.wait_for_answers(10);
        assert!(self.cloud.controller().running());
        let log = self.cloud.log();
        assert!(!log.contains("panicked"), "{log}");
    }

    /// The same once more, and no packet was lost since the beginning.
    #[track_caller]
    fn ends_well(mut self) {
        self.is_well();
        let pinged = self.ping.stop();
        assert_eq!(pinged.lost, Vec::<u64>::new(), "{pinged:?}");
    }

    fn memory(&mut self) -> u64 {
        self.cloud.controller().memory()
    }

    /// Waits until the controller's memory is not more than it was, within the slack.
    #[track_caller]
    fn wait_for_memory(&mut self, before: u64) {
        wait::until("memory is given back", || {
            let now = self.memory();
            if now < before + SLACK {
                Ok(())
            } else {
                Err(format!("{} MiB more", (now - before) >> 20))
            }
        });
    }

    /// Waits until the log accounts for each of so many connections to the API that ended badly, once, and in
    /// fewer lines than there were. What was not told yet is told with a later one: more are made for that.
    #[track_caller]
    fn wait_for_bad_requests(&self, count: &mut u64) {
        wait::until("bad requests are logged", || {
            let (said, lines) = said_of_requests(&self.cloud.log());
            assert!(said <= *count, "{said} of {count}");
            if said == *count && lines < said {
                return Ok(());
            }
            let mut one_more = self.connect(API);
            write(&mut one_more, b"nonsense\r\n\r\n");
            until_closed(&mut one_more, "nonsense");
            *count += 1;
            Err((said, *count))
        });
    }

    /// Waits until the log has lines about a peer, and answers with them. What was said `before` the peer
    /// came was of another, for ports are used again.
    #[track_caller]
    fn wait_for_end_of(&self, peer: SocketAddr, before: usize) -> Vec<String> {
        let peer = format!("peer={peer}");
        wait::until("the end is logged", || {
            let log = self.cloud.log();
            let since = log.get(before..).unwrap_or_default();
            let is_about = |line: &&str| line.split_whitespace().any(|word| word == peer);
            let lines = since.lines().filter(is_about);
            let lines: Vec<String> = lines.map(str::to_owned).collect();
            if lines.is_empty() {
                Err(log)
            } else {
                Ok(lines)
            }
        })
    }
}

/// How many connections to the API the log says to have ended badly, and in how many lines.
fn said_of_requests(log: &str) -> (u64, u64) {
    let lines = log.lines().filter_map(|line| {
        let (_, rest) = line.split_once("a connection to the API ended badly")?;
        let (_, unsaid) = rest.split_once("unsaid=")?;
        let unsaid: u64 = unsaid.split_whitespace().next()?.parse().ok()?;
        Some((1 + unsaid, 1))
    });
    lines.fold((0, 0), |sum, line| (sum.0 + line.0, sum.1 + line.1))
}

/// What is refused as soon as it was read, by port.
fn refused_at_once(port: u16, numbers: &mut Numbers) -> Vec<Vec<u8>> {
    let random = |numbers: &mut Numbers, first: u8| {
        let mut bytes = vec![first];
        bytes.extend(numbers.bytes(5_000));
        bytes.extend(b"\r\n\r\n");
        bytes
    };
    match port {
        OPENFLOW => vec![
            // A message shorter than its header, and one that is no hello.
            vec![5, 0, 0, 3, 0, 0, 0, 1],
            vec![5, 10, 0, 8, 0, 0, 0, 1],
            // A hello of no version that is spoken.
            vec![1, 0, 0, 8, 0, 0, 0, 1],
            // The longest message there is, of nothing.
            [&[5, 0x63, 0xff, 0xff][..], &numbers.bytes(0x1_0000)].concat(),
            b"GET / HTTP/1.1\r\nHost: weft\r\n\r\n".repeat(1_000),
        ],
        OVSDB => vec![
            b"GET / HTTP/1.1\r\nHost: weft\r\n\r\n".to_vec(),
            b"{\"id\": 1, \"method\" \"echo\"}".to_vec(),
            b"{\"a\":".repeat(10_000),
            [&b"{\"a\":["[..], &b"0,".repeat(1 << 20)].concat(),
            [&b"{\"a\":\""[..], &vec![b'x'; 17 << 20]].concat(),
            b"{\"id\":0,\"result\":[],\"error\":null}".to_vec(),
            random(numbers, 0),
        ],
        _ => vec![
            random(numbers, 0),
            b"{\"id\": 1}\r\n\r\n".to_vec(),
            [&b"GET / HTTP/1.1\r\nX: "[..], &vec![b'x'; 1 << 20]].concat(),
            b"GET / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n".to_vec(),
        ],
    }
}

/// What may still become a message, and is given up when it does not.
fn begun(port: u16) -> Vec<u8> {
    match port {
        OPENFLOW => vec![5, 0, 0, 16, 0, 0, 0],
        OVSDB => b"{\"id\":0,\"result\":{".to_vec(),
        _ => b"GET /v2.0/networks HTTP/1.1\r\nHost: we".to_vec(),
    }
}

#[test]
fn nonsense_is_refused_logged_once_and_leaves_nothing_behind() {
    if !need(&PARTS) {
        return;
    }
    let mut siege = Siege::start(3);
    let mut numbers = Numbers(0x5eed);
    let mut memory = 0;
    let mut bad_requests = 0;
    for round in 0..4 {
        for port in [OPENFLOW, OVSDB, API] {
            for bytes in refused_at_once(port, &mut numbers) {
                let before = siege.cloud.log().len();
                let mut stream = siege.connect(port);
                let from = stream.local_addr().unwrap();
                write(&mut stream, &bytes);
                let what = format!("{:?} on {port}", &bytes[..bytes.len().min(40)]);
                until_closed(&mut stream, &what);
                // Others leave in the middle of what they say.
                let mut leaver = siege.connect(port);
                write(&mut leaver, &bytes[..bytes.len() / 2]);
                drop(leaver);
                if port == API {
                    bad_requests += 2;
                    continue;
                }
                let lines = siege.wait_for_end_of(from, before);
                assert_eq!(lines.len(), 1, "{what}: {lines:?}");
                assert!(lines[0].contains("ended before it began"), "{lines:?}");
            }
        }
        siege.wait_for_bad_requests(&mut bad_requests);
        siege.is_well();
        if round == 0 {
            memory = siege.memory();
        }
    }
    siege.wait_for_memory(memory);
    siege.ends_well();
}

#[test]
fn who_begins_and_does_not_go_on_is_given_up() {
    if !need(&PARTS) {
        return;
    }
    let mut siege = Siege::start(3);
    let mut slow = Vec::new();
    for port in [OPENFLOW, OVSDB, API] {
        for _ in 0..20 {
            let before = siege.cloud.log().len();
            let mut stream = siege.connect(port);
            for byte in begun(port) {
                assert!(write(&mut stream, &[byte]));
            }
            slow.push((port, before, stream));
        }
    }
    siege.is_well();
    let mut bad_requests = 0;
    for (port, before, mut stream) in slow {
        let from = stream.local_addr().unwrap();
        until_closed(&mut stream, &format!("a slow peer on {port}"));
        if port == API {
            bad_requests += 1;
        } else {
            let lines = siege.wait_for_end_of(from, before);
            assert_eq!(lines.len(), 1, "{lines:?}");
        }
    }
    siege.wait_for_bad_requests(&mut bad_requests);
    siege.ends_well();
}

#[test]
fn thousands_of_idle_connections_keep_nobody_out() {
    if !need(&PARTS) {
        return;
    }
    raise_file_limit();
    let mut siege = Siege::start(4);
    siege.cloud.lab.hypervisor(4).vsctl(&["del-manager"]);
    wait::until("the fourth hypervisor is gone", || {
        let switch = siege.cloud.switch(4);
        if switch["ovsdb"] == json!(false) {
            Ok(())
        } else {
            Err(switch)
        }
    });
    let before = siege.memory();
    let mut idle = Vec::new();
    for port in [OPENFLOW, OVSDB, API] {
        for number in 0..2_000 {
            let mut stream = siege.connect(port);
            // Some say the beginning of something.
            if number % 2 == 0 {
                write(&mut stream, &begun(port));
            }
            idle.push(stream);
        }
    }
    siege.wait_for_memory(before);
    siege.is_well();
    let manager = format!("tcp:{FABRIC}:{OVSDB}");
    siege.cloud.lab.hypervisor(4).set_manager(&manager);
    let port = siege.cloud.port(&siege.network, "four");
    siege.cloud.machine(4, "four", &port);
    drop(idle);
    siege.wait_for_memory(before);
    siege.ends_well();
}

/// An OpenFlow 1.4 message.
fn message(kind: u8, xid: u32, body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(8 + body.len()).unwrap().to_be_bytes();
    let mut message = vec![5, kind, length[0], length[1]];
    message.extend(xid.to_be_bytes());
    message.extend(body);
    message
}

/// A switch that is none: it says hello, who it is, and takes the role; then it does as it likes.
fn fake_switch(from: &Host, datapath: u64) -> TcpStream {
    let (hello, features_request, features, role_request, role) = (0, 5, 6, 24, 25);
    let mut stream = connect(from, OPENFLOW);
    stream.write_all(&message(hello, 1, &[])).unwrap();
    loop {
        let mut head = [0; 8];
        stream.read_exact(&mut head).unwrap();
        let length = u16::from_be_bytes([head[2], head[3]]);
        let mut body = vec![0; usize::from(length) - 8];
        stream.read_exact(&mut body).unwrap();
        let xid = u32::from_be_bytes([head[4], head[5], head[6], head[7]]);
        if head[1] == features_request {
            let mut body = datapath.to_be_bytes().to_vec();
            body.extend([0, 0, 0, 0, 254, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
            stream.write_all(&message(features, xid, &body)).unwrap();
        } else if head[1] == role_request {
            stream.write_all(&message(role, xid, &body)).unwrap();
            return stream;
        }
    }
}

/// A packet-in (OpenFlow 1.4, 7.4.1) of a frame of nothing.
fn packet_in() -> Vec<u8> {
    let mut body = vec![0xff, 0xff, 0xff, 0xff, 0, 60, 0, 0];
    body.extend([0; 8]);
    body.extend([0, 1, 0, 4, 0, 0, 0, 0, 0, 0]);
    body.extend([0; 60]);
    message(10, 0, &body)
}

#[test]
fn a_switch_that_floods_or_does_not_read_delays_nobody() {
    if !need(&PARTS) {
        return;
    }
    let mut siege = Siege::start(4);
    let datapath = siege
        .cloud
        .lab
        .hypervisor(4)
        .get("Bridge", "br-int", "datapath_id");
    let datapath = u64::from_str_radix(&datapath, 16).unwrap();
    siege.cloud.lab.hypervisor_mut(4).kill_vswitchd();
    let before = siege.memory();
    // One that is known floods while it never reads, one that nobody knows as well.
    let floods: Vec<TcpStream> = [datapath, 0xbad]
        .map(|datapath| fake_switch(&siege.outside, datapath))
        .into();
    for mut stream in floods {
        let flood = packet_in().repeat(100);
        let flooding = std::thread::spawn(move || (0..200).all(|_| write(&mut stream, &flood)));
        siege.is_well();
        flooding.join().unwrap();
        siege.is_well();
    }
    // Who asks for echoes and never reads is given up.
    let mut asker = fake_switch(&siege.outside, 0xbad);
    let echo = message(2, 7, &[0; 60_000]);
    while write(&mut asker, &echo) {}
    // Errors nobody asked for are said, but not without end.
    let mut complainer = fake_switch(&siege.outside, 0xbad2);
    let error = message(1, 9, &[0, 1, 0, 1, 0, 0, 0, 0]).repeat(1_000);
    let from = format!("peer={}", complainer.local_addr().unwrap());
    write(&mut complainer, &error);
    complainer.shutdown(Shutdown::Write).unwrap();
    until_closed(&mut complainer, "the complainer");
    let log = wait::until("the end is logged", || {
        let log = siege.cloud.log();
        let ended = log
            .lines()
            .any(|line| line.contains("switch connection ended") && line.contains(&from));
        if ended { Ok(log) } else { Err(log) }
    });
    let said = log.lines().filter(|line| line.contains(&from)).count();
    assert!((3..30).contains(&said), "{said}");
    siege.wait_for_memory(before);
    siege.ends_well();
}

#[test]
fn a_switch_that_stops_delays_nobody_and_gets_what_it_missed() {
    if !need(&PARTS) {
        return;
    }
    let mut siege = Siege::start(4);
    let port = siege.cloud.port(&siege.network, "four");
    siege.cloud.machine(4, "four", &port);
    siege.cloud.lab.hypervisor_mut(4).vswitchd().freeze();
    for _ in 0..10 {
        siege.is_well();
    }
    wait::until("the frozen switch is given up", || {
        let log = siege.cloud.log();
        let given_up = log
            .lines()
            .any(|line| line.contains("switch of hv3 is gone"));
        let given_up = given_up || log.contains("switch connection ended");
        if given_up { Ok(()) } else { Err(log) }
    });
    siege.cloud.lab.hypervisor_mut(4).vswitchd().thaw();
    siege.cloud.wait_until_in_order(&[4]);
    let last = siege.cloud.port(&siege.network, "last");
    siege.cloud.machine(4, "last", &last);
    siege.ends_well();
}

#[test]
fn an_ovsdb_peer_that_never_stops_talking_is_given_up() {
    if !need(&PARTS) {
        return;
    }
    let mut siege = Siege::start(3);
    let before = siege.memory();
    let endless = [
        // One text, and requests whose answers are never read.
        (b"{\"a\":\"".to_vec(), vec![b'x'; 1 << 20]),
        (
            Vec::new(),
            [
                &b"{\"id\":1,\"method\":\"echo\",\"params\":[\""[..],
                &[b'x'; 1 << 20],
                b"\"]}",
            ]
            .concat(),
        ),
    ];
    let talkers = endless.map(|(first, rest)| {
        let mut stream = siege.connect(OVSDB);
        std::thread::spawn(move || {
            assert!(write(&mut stream, &first));
            while write(&mut stream, &rest) {}
        })
    });
    siege.is_well();
    for talker in talkers {
        talker.join().unwrap();
    }
    siege.wait_for_memory(before);
    siege.ends_well();
}

#[test]
fn a_second_hypervisor_of_the_same_name_is_refused_and_the_first_goes_on() {
    if !need(&PARTS) {
        return;
    }
    let siege = Siege::start(4);
    let fourth = siege.cloud.lab.hypervisor(4);
    fourth.vsctl(&["set", "Open_vSwitch", ".", "external_ids:system-id=hv1"]);
    wait::until("the second one is refused again and again", || {
        let count = siege.cloud.notices("duplicate-hypervisor");
        if count > 2 { Ok(()) } else { Err(count) }
    });
    siege.cloud.wait_for_status(&siege.one, "ACTIVE");
    // Who is refused tries again; it is said once.
    let log = siege.cloud.log();
    let said = |line: &&str| line.contains(" WARN ") && line.contains("to be hypervisor hv1");
    assert_eq!(log.lines().filter(said).count(), 1, "{log}");
    assert_eq!(siege.cloud.switch(1)["state"], json!("in order"));
    siege.ends_well();
}

#[test]
fn a_second_hypervisor_of_the_same_name_is_refused_behind_the_same_address_too() {
    if !need(&[Part::OpenVswitch]) {
        return;
    }
    let world = World::start(3);
    let third = world.lab.hypervisor(3);
    third.vsctl(&["del-manager"]);
    third.vsctl(&["set", "Open_vSwitch", ".", "external_ids:system-id=hv1"]);
    third.set_manager(&format!("tcp:{}", world.controller.at(OVSDB)));
    wait::until("the second one is refused", || {
        let refused = "weft_notices_total{event=\"duplicate-hypervisor\"}";
        let count = world.controller.metric(refused);
        if count > 0.0 { Ok(()) } else { Err(count) }
    });
    world.wait_until_it_crosses(1);
    world.controller.wait_for_status(&world.one, "ACTIVE");
    let switch = world.controller.switch("hv1");
    assert_eq!(switch["state"], "in order", "{switch}");
}
