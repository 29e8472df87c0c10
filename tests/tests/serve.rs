//! `weft serve` as a program: how it starts, refuses to start, tells about itself and ends.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

use rustix::process::Signal;
use serde_json::{Value, json};
use weft_tests::controller::{Controller, sqlite};
use weft_tests::dummy::address;
use weft_tests::host::Host;
use weft_tests::slot::Slot;
use weft_tests::{Part, need, process, wait};

/// A place for a controller. What runs there ends before it goes.
struct Place {
    controller: Controller,
    slot: Slot,
}

impl Place {
    /// A place where no controller runs yet.
    fn new() -> Place {
        let slot = Slot::claim();
        let host = Host::here(&slot, "here");
        let controller = Controller::new(&slot, &host, address(&slot, 1), &sqlite(&slot));
        Place { controller, slot }
    }

    fn started() -> Place {
        let mut place = Place::new();
        place.controller.start_again();
        place
    }

    /// Runs `weft` to its end: its exit status and what it wrote.
    #[track_caller]
    fn weft(&self, words: &[&str]) -> (i32, String) {
        let name = format!("weft-{}", words.join("-").replace(['/', ':'], "-"));
        let mut process = self.controller.weft(&name, words);
        let status = process.wait();
        (status.code().unwrap(), process.log())
    }

    /// `weft serve` with its own ports beside the controller that runs.
    fn serve_beside(&self, options: &[&str]) -> (i32, String) {
        let beside = address(&self.slot, 2);
        let ports = [("api", 9696), ("openflow", 6653), ("ovsdb", 6640)];
        let ports = ports.map(|(name, port)| format!("--listen-{name}={beside}:{port}"));
        let ports = ports.iter().map(String::as_str);
        let words: Vec<&str> = ["serve"]
            .into_iter()
            .chain(ports)
            .chain(options.iter().copied())
            .collect();
        self.weft(&words)
    }
}

/// A request whose body the controller waits for.
#[track_caller]
fn begin_request(controller: &Controller, body: &str) -> TcpStream {
    let mut stream = TcpStream::connect(controller.at(9696)).unwrap();
    stream.set_read_timeout(Some(wait::LIMIT)).unwrap();
    let length = body.len();
    let head = format!(
        "POST /v2.0/networks HTTP/1.1\r\nHost: weft\r\nContent-Type: application/json\r\n\
         Content-Length: {length}\r\nExpect: 100-continue\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).unwrap();
    let mut answer = [0; 25];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream
}

#[track_caller]
fn wait_for_line(controller: &Controller, text: &str) {
    wait::until(&format!("the log says {text}"), || {
        let log = controller.log();
        if log.contains(text) { Ok(()) } else { Err(log) }
    });
}

#[test]
fn a_second_controller_on_a_file_is_refused_with_the_file_and_the_process() {
    let mut place = Place::started();
    let database = place.controller.database().to_owned();
    let (status, said) = place.serve_beside(&["--database", &database]);
    assert_eq!(status, 1, "{said}");
    let holder = place.controller.process().id();
    let path = database.strip_prefix("sqlite:").unwrap();
    let error = format!("error: database {path} is in use by process {holder} ");
    assert!(said.contains(&error), "{said}");
    // The first one is none the worse for it, and leaves the file to the next.
    place.controller.api("GET", "/v2.0/networks", None, 200);
    place.controller.kill();
    place.controller.start_again();
}

#[test]
fn a_port_in_use_is_named_with_its_option() {
    let place = Place::new();
    for (option, port) in [("api", 9696), ("openflow", 6653), ("ovsdb", 6640)] {
        let taken = TcpListener::bind((address(&place.slot, 2), port)).unwrap();
        let (status, said) = place.serve_beside(&["--database", place.controller.database()]);
        let at = taken.local_addr().unwrap();
        assert_eq!(status, 1, "{said}");
        let error = format!("error: --listen-{option} {at}: address already in use");
        assert!(said.contains(&error), "{said}");
    }
}

#[test]
fn an_unknown_key_of_the_file_is_refused_with_its_place_and_what_was_meant() {
    let place = Place::new();
    let file = place.slot.folder().join("weft.toml");
    std::fs::write(&file, "dhcp-lease = 600\nunderlay-mut = 1400\n").unwrap();
    let file = file.to_str().unwrap();
    let (status, said) = place.serve_beside(&["--config", file]);
    assert_eq!(status, 2, "{said}");
    let error =
        format!("error: {file}:2:1: unknown key 'underlay-mut'; did you mean 'underlay-mtu'?");
    assert!(said.contains(&error), "{said}");
}

#[test]
fn an_api_without_authentication_stays_on_loopback() {
    let place = Place::new();
    let words = ["serve", "--listen-api", "192.0.2.1:9696"];
    let (status, said) = place.weft(&words);
    assert_eq!(status, 2, "{said}");
    assert!(said.contains("--insecure-noauth"), "{said}");
    let (status, said) = place.weft(&[&words[..], &["--insecure-noauth"]].concat());
    // It was allowed, and fails for another reason.
    assert_eq!(status, 1, "{said}");
    assert!(
        said.contains("no interface of this machine has that address"),
        "{said}"
    );
}

/// As root this hides the machine's own `/var/lib`.
const ELSEWHERE: [&str; 6] = [
    "unshare",
    "--mount",
    "sh",
    "-c",
    "mount -t tmpfs none /var/lib && exec \"$@\"",
    "sh",
];

#[test]
fn the_database_of_whoever_names_none_is_told() {
    let root = rustix::process::geteuid().is_root();
    if root && !need(&[Part::Namespaces]) {
        return;
    }
    let place = Place::new();
    let beside = address(&place.slot, 2);
    let listen = ["api", "openflow", "ovsdb"].map(|name| format!("--listen-{name}={beside}:0"));
    let weft = process::weft();
    let mut words: Vec<&str> = if root { ELSEWHERE.to_vec() } else { Vec::new() };
    words.extend([weft.to_str().unwrap(), "serve"]);
    words.extend(listen.iter().map(String::as_str));
    let process = place.controller.host().spawn("weft", &words);
    let state = if root {
        "/var/lib".into()
    } else {
        place.slot.folder().join("state")
    };
    let told = format!("database=sqlite:{}/weft/weft.db", state.display());
    wait::until("the database is told", || {
        let log = process.log();
        if log.contains(&told) {
            Ok(())
        } else {
            Err(log)
        }
    });
    assert!(!process.log().contains("error:"), "{}", process.log());
}

#[test]
fn a_log_in_json_is_an_object_a_line() {
    let mut place = Place::new();
    place.controller.set_log("json");
    place.controller.start_again();
    wait_for_line(&place.controller, "weft starts");
    let mut process = place.controller.take();
    process.terminate();
    let log = process.log();
    let lines: Vec<Value> = log
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect();
    assert!(lines.len() >= 4, "{log}");
    for line in &lines {
        for key in ["timestamp", "level", "message", "target"] {
            assert!(line[key].is_string(), "{key}: {line}");
        }
    }
    let starts = lines.iter().find(|line| line["message"] == "weft starts");
    assert_eq!(starts.unwrap()["database"], place.controller.database());
}

#[test]
fn the_end_waits_for_the_request_that_has_begun() {
    let mut place = Place::started();
    let body = json!({ "network": { "name": "late", "project_id": "tenant" } }).to_string();
    let mut stream = begin_request(&place.controller, &body);
    place.controller.process().signal(Signal::TERM);
    wait_for_line(&place.controller, "SIGTERM: ending");
    wait::until("nobody else is served", || {
        match TcpStream::connect(place.controller.at(9696)) {
            Ok(stream) => Err(stream),
            Err(_) => Ok(()),
        }
    });
    assert!(place.controller.process().running());
    stream.write_all(body.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 201 Created\r\n"), "{answer}");
    let status = place.controller.take().wait();
    assert_eq!(status.code(), Some(0));
    place.controller.start_again();
    let found = place
        .controller
        .api("GET", "/v2.0/networks?name=late", None, 200);
    assert_eq!(found["networks"].as_array().unwrap().len(), 1);
}

#[test]
fn a_second_signal_ends_at_once() {
    let mut place = Place::started();
    let _stream = begin_request(&place.controller, "{}");
    place.controller.process().signal(Signal::TERM);
    wait_for_line(&place.controller, "SIGTERM: ending");
    assert!(place.controller.process().running());
    place.controller.process().signal(Signal::TERM);
    let status = place.controller.take().wait();
    assert_eq!(status.code(), Some(128 + 15));
}

#[test]
fn health_readiness_and_metrics_are_told() {
    let place = Place::started();
    for (path, word) in [("/healthz", "ok\n"), ("/readyz", "ready\n")] {
        let response = place.controller.try_http("GET", path, None).unwrap();
        assert_eq!(
            (response.status, &response.body[..]),
            (200, word.as_bytes())
        );
    }
    let response = place.controller.try_http("GET", "/metrics", None).unwrap();
    assert_eq!(response.status, 200);
    let kind = response.header("content-type").unwrap();
    assert!(kind.starts_with("text/plain; version=0.0.4"), "{kind}");
    let text = String::from_utf8(response.body).unwrap();
    assert!(text.contains("\nweft_build_info{version="), "{text}");
    // Every sample belongs to a metric that was described.
    let samples = text
        .lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty());
    for sample in samples {
        let name = sample.split(['{', ' ']).next().unwrap();
        assert!(text.contains(&format!("# TYPE {name} ")), "{sample}");
        assert!(text.contains(&format!("# HELP {name} ")), "{sample}");
    }
}

#[test]
fn help_says_what_users_need() {
    let place = Place::new();
    let (status, help) = place.weft(&["--help"]);
    assert_eq!(status, 0);
    for words in [
        "serve",
        "pipeline",
        "--config",
        "--log",
        "`weft` alone is `weft serve`",
    ] {
        assert!(help.contains(words), "{words}: {help}");
    }
    let (status, help) = place.weft(&["serve", "--help"]);
    assert_eq!(status, 0);
    for words in [
        "--listen-api",
        "127.0.0.1:9696",
        "--listen-openflow",
        "0.0.0.0:6653",
        "--listen-ovsdb",
        "0.0.0.0:6640",
        "--database",
        "--insecure-noauth",
        "WEFT_DATABASE",
        "ovs-vsctl set-manager tcp:CONTROLLER:6640",
    ] {
        assert!(help.contains(words), "{words}: {help}");
    }
    let (status, said) = place.weft(&["sevre"]);
    assert_eq!(status, 2);
    assert!(
        said.contains("a similar subcommand exists: 'serve'"),
        "{said}"
    );
}

/// A fresh database on the server for tests, gone when this is dropped.
struct Postgres {
    name: String,
    server: String,
    url: String,
}

impl Postgres {
    #[track_caller]
    fn create(slot: &Slot) -> Postgres {
        let server = std::env::var("WEFT_TEST_POSTGRES").unwrap();
        let name = format!("weft_serve_{}_{}", std::process::id(), slot.number());
        let (address, options) = server.split_once('?').unwrap_or((&server, ""));
        let (host, _) = address.rsplit_once('/').unwrap();
        let url = format!("{host}/{name}?{options}");
        let postgres = Postgres { name, server, url };
        postgres
            .sql(&format!("CREATE DATABASE {}", postgres.name))
            .unwrap();
        postgres
    }

    fn sql(&self, statement: &str) -> anyhow::Result<String> {
        let mut psql = process::command("psql");
        psql.args([&self.server, "-c", statement]);
        process::output(psql)
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        let _ = self.sql(&format!("DROP DATABASE {} WITH (FORCE)", self.name));
    }
}

#[test]
fn what_was_made_on_postgresql_is_there_after_a_restart() {
    if !need(&[Part::Postgres]) {
        return;
    }
    let slot = Slot::claim();
    let postgres = Postgres::create(&slot);
    let host = Host::here(&slot, "here");
    let mut controller = Controller::new(&slot, &host, address(&slot, 1), &postgres.url);
    controller.start_again();
    let network = controller.network("blue", "10.0.0.0/24");
    let port = controller.port(&network, "one");
    controller.kill();
    controller.start_again();
    let again = controller.api("GET", &format!("/v2.0/ports/{}", port.id), None, 200);
    assert_eq!(again["port"]["mac_address"], port.mac);
    assert_eq!(again["port"]["fixed_ips"][0]["ip_address"], port.ip);
    let other = controller.port(&network, "two");
    assert_ne!(other.ip, port.ip);
}
