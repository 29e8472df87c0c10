//! How long after an interface is plugged its machine's first ping is answered, and its port is
//! ACTIVE in the API: `plugged [PORTS]`, 20 of them, one after the other.
//!
//! The lab's hypervisors are Open vSwitch in user space in network namespaces of this machine, so
//! that its work is in the figures. The time begins when the transaction that adds port and
//! interface is given to OVSDB. The machine pings all the while, every millisecond, and knows its
//! peer's Ethernet address: a question that nobody answers would be asked again only a second
//! later. In turn the same is done on a bridge that no controller programs and that learns addresses, behind
//! the same two switches and a tunnel: what Open vSwitch and the pinging take by themselves. `WEFT_BINARY` names the controller; without it, that of a debug build is taken.

use std::io::Write as _;
use std::os::unix::net::UnixStream;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustix::process::Signal;
use serde_json::{Value, json};
use weft_tests::cloud::{Cloud, Port, text};
use weft_tests::host::Host;
use weft_tests::hypervisor::Hypervisor;
use weft_tests::process::Process;
use weft_tests::{Part, need, wait};

/// The bridge that no controller programs.
const BARE: &str = "br-bare";

fn main() {
    if !need(&[Part::OpenVswitch, Part::Namespaces]) {
        return;
    }
    let ports = std::env::args().nth(1);
    let ports: usize = ports.map_or(20, |text| text.parse().expect("a number of ports"));
    let mut cloud = Cloud::start(2, &[]);
    let network = cloud.network("bench", "vxlan", "10.0.0.0/16");
    let peer = cloud.port(&network, "peer");
    let warm = cloud.plug(2, "peer", &peer);
    address(&warm, &peer);
    cloud.wait_for_status(&peer, "ACTIVE");
    let bare_peer = cloud.port(&network, "bare-peer");
    let bare_warm = bare(&mut cloud, &bare_peer);
    let (mut pings, mut statuses, mut bare_pings) = (Vec::new(), Vec::new(), Vec::new());
    for number in 0..ports {
        let port = cloud.port(&network, &format!("port-{number}"));
        let machine = Machine::boot(&mut cloud, number, &port, (&warm, &peer));
        let (plugged, ping) = machine.plug(&cloud, "br-int", &ids(&port));
        let active = active(&cloud, &port);
        pings.push(answered(ping).saturating_sub(plugged));
        statuses.push(active.saturating_sub(plugged));

        let port = cloud.port(&network, &format!("bare-{number}"));
        let machine = Machine::boot(&mut cloud, ports + number, &port, (&bare_warm, &bare_peer));
        let (plugged, ping) = machine.plug(&cloud, BARE, &json!([]));
        bare_pings.push(answered(ping).saturating_sub(plugged));
    }
    println!("| of {ports} ports | median | slowest |\n|---|---|---|");
    row("plugged to first ping answered", pings);
    row("the same on a bridge without a controller", bare_pings);
    row("plugged to ACTIVE", statuses);
}

/// Makes bridges that forward by themselves, joined by a tunnel of their own, and a machine behind the
/// second one.
fn bare(cloud: &mut Cloud, peer: &Port) -> Host {
    let machine = cloud.lab.plug(2, "bare-peer", &peer.mac, "spare-bare");
    address(&machine, peer);
    let [first, second] = [1, 2].map(|number| cloud.lab.hypervisor(number));
    let vsctl = |hypervisor: &Hypervisor, words: &str| {
        hypervisor.vsctl(&words.split_whitespace().collect::<Vec<_>>());
    };
    for (from, to) in [(first, second), (second, first)] {
        let remote = to.underlay();
        vsctl(
            from,
            &format!(
                "add-br {BARE} -- set Bridge {BARE} datapath_type=netdev -- add-port {BARE} bare \
                 -- set Interface bare type=vxlan options:key=16000000 options:remote_ip={remote}"
            ),
        );
    }
    let tap = "tapspare-bare";
    vsctl(second, &format!("del-port {tap} -- add-port {BARE} {tap}"));
    machine
}

/// A machine that is not plugged yet.
struct Machine {
    host: Host,
    tap: String,
    peer: String,
}

impl Machine {
    /// The machine boots and is wired, under a name that is nobody's port, and is unplugged again.
    fn boot(cloud: &mut Cloud, number: usize, port: &Port, (warm, peer): (&Host, &Port)) -> Self {
        let spare = format!("spare-{number:03}");
        let host = cloud.lab.plug(1, &format!("vm{number}"), &port.mac, &spare);
        let tap = format!("tap{spare:.11}");
        cloud.lab.hypervisor(1).vsctl(&["del-port", "br-int", &tap]);
        address(&host, port);
        neighbour(&host, peer);
        neighbour(warm, port);
        let peer = peer.ip.clone();
        Self { host, tap, peer }
    }

    /// Begins to ping and is plugged; the time of that, and the ping.
    fn plug(&self, cloud: &Cloud, bridge: &str, ids: &Value) -> (Duration, Process) {
        let words = ["ping", "-D", "-n", "-i", "0.001", &self.peer];
        let ping = self.host.spawn("ping", &words);
        let plugged = now();
        let operations = plugging(&self.tap, bridge, ids);
        transact(cloud.lab.hypervisor(1), &operations);
        (plugged, ping)
    }
}

/// Waits for the first answer and ends the ping; when it was answered.
fn answered(mut ping: Process) -> Duration {
    wait::until("a ping is answered", || first_answer(&ping.log()).ok_or(()));
    ping.signal(Signal::INT);
    ping.wait();
    first_answer(&ping.log()).expect("it was there before")
}

/// Prints median and slowest.
fn row(what: &str, mut times: Vec<Duration>) {
    times.sort();
    let ms = |time: Option<&Duration>| time.map_or(0.0, |time| time.as_secs_f64() * 1e3);
    let (median, slowest) = (ms(times.get(times.len() / 2)), ms(times.last()));
    println!("| {what} | {median:.1} ms | {slowest:.1} ms |");
}

fn now() -> Duration {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("it is later than 1970")
}

fn address(machine: &Host, port: &Port) {
    let address = format!("{}/16", port.ip);
    machine.run(&["ip", "address", "add", &address, "dev", "eth0"]);
}

fn neighbour(machine: &Host, of: &Port) {
    machine.run(&[
        "ip",
        "neighbour",
        "replace",
        &of.ip,
        "lladdr",
        &of.mac,
        "nud",
        "permanent",
        "dev",
        "eth0",
    ]);
}

/// The time of the first answer that `ping -D` told of.
fn first_answer(log: &str) -> Option<Duration> {
    let line = log.lines().find(|line| line.contains("bytes from"))?;
    let seconds = line.strip_prefix('[')?.split(']').next()?;
    Some(Duration::from_secs_f64(seconds.parse().ok()?))
}

/// Asks for the port's status over and over; answers with the time when it was ACTIVE.
fn active(cloud: &Cloud, port: &Port) -> Duration {
    let path = format!("/v2.0/ports/{}?fields=status", port.id);
    let start = now();
    loop {
        let status = text(&cloud.api("GET", &path, None, 200)["port"]["status"]);
        let time = now();
        if status == "ACTIVE" {
            return time;
        }
        assert!(time - start < wait::LIMIT, "port {} is {status}", port.id);
    }
}

/// What a machine's interface says of itself.
fn ids(port: &Port) -> Value {
    json!([
        ["iface-id", port.id],
        ["attached-mac", port.mac],
        ["iface-status", "active"]
    ])
}

/// What `ovs-vsctl add-port` with the interface's ids does, without the time that it takes to start.
fn plugging(tap: &str, bridge: &str, ids: &Value) -> Value {
    json!([
        "Open_vSwitch",
        {"op": "insert", "table": "Interface", "uuid-name": "interface",
         "row": {"name": tap, "external_ids": ["map", ids]}},
        {"op": "insert", "table": "Port", "uuid-name": "port",
         "row": {"name": tap, "interfaces": ["named-uuid", "interface"]}},
        {"op": "mutate", "table": "Bridge", "where": [["name", "==", bridge]],
         "mutations": [["ports", "insert", ["set", [["named-uuid", "port"]]]]]},
        {"op": "mutate", "table": "Open_vSwitch", "where": [],
         "mutations": [["next_cfg", "+=", 1]]},
    ])
}

/// Runs a transaction on a hypervisor's database.
fn transact(hypervisor: &Hypervisor, operations: &Value) {
    let socket = hypervisor.rundir().join("db.sock");
    let mut stream = UnixStream::connect(&socket).expect("the database listens");
    let request = json!({"id": 1, "method": "transact", "params": operations});
    stream
        .write_all(request.to_string().as_bytes())
        .expect("the database reads");
    let mut answers = serde_json::Deserializer::from_reader(&stream).into_iter::<Value>();
    let answer = answers.next().expect("an answer").expect("JSON");
    let failed = answer["result"].to_string().contains("\"error\"");
    assert!(answer["error"].is_null() && !failed, "{answer}");
}
