//! The real `ovsdb-server`, over a unix socket and without privileges. In most tests nothing
//! else of Open vSwitch runs: rows are made, no switch acts on them.

use std::collections::BTreeMap;
use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use weft_ovsdb::bridge::{WantedBridge, reconcile};
use weft_ovsdb::inventory::{
    TunnelKind, capabilities, datapath_id, encapsulation, generation, interfaces, is_applied,
};
use weft_ovsdb::session::{Config, Event, Output, Session};
use weft_ovsdb::transaction::{Mutation, Mutator, Outcome, Transaction};
use weft_ovsdb::value::{Atom, Datum, Row};
use weft_ovsdb::{Error, Mirror, tables};

use crate::world::{find, wanted};

/// Against hanging, not to measure anything.
const PATIENCE: Duration = Duration::from_secs(60);

/// A program that ends with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself; either way nothing is left to do.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A database server in a directory of its own; both end with it.
struct Daemon {
    server: Running,
    directory: tempfile::TempDir,
}

/// The program's path, among the places where it is installed.
fn program(name: &str) -> Option<PathBuf> {
    let places = ["/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin"];
    places
        .iter()
        .map(|place| Path::new(place).join(name))
        .find(|path| path.exists())
}

impl Daemon {
    /// Starts one on an empty database; none, with the reason printed, when it is not installed.
    fn start() -> Option<Self> {
        let schemas = ["/usr/share/openvswitch", "/usr/local/share/openvswitch"];
        let schema = schemas
            .iter()
            .map(|place| Path::new(place).join("vswitch.ovsschema"))
            .find(|p| p.exists());
        let (Some(tool), Some(server), Some(schema)) =
            (program("ovsdb-tool"), program("ovsdb-server"), schema)
        else {
            println!("skipped: ovsdb-server, ovsdb-tool or vswitch.ovsschema is not installed");
            return None;
        };
        let directory = tempfile::tempdir().unwrap();
        let database = directory.path().join("conf.db");
        assert!(
            Command::new(tool)
                .arg("create")
                .args([&database, &schema])
                .status()
                .unwrap()
                .success()
        );
        let child = Command::new(server)
            .arg(&database)
            .arg(format!(
                "--remote=punix:{}",
                directory.path().join("db.sock").display()
            ))
            .arg(format!(
                "--unixctl={}",
                directory.path().join("ctl.sock").display()
            ))
            .env("OVS_RUNDIR", directory.path())
            .arg("--no-chdir")
            .arg("-vconsole:off")
            .spawn()
            .unwrap();
        Some(Self {
            server: Running(child),
            directory,
        })
    }

    /// Starts a switch on the database, with datapaths that need no privilege; none, with the
    /// reason printed, when it is not installed.
    fn start_switch(&mut self) -> Option<Running> {
        let Some(program) = program("ovs-vswitchd") else {
            println!("skipped: ovs-vswitchd is not installed");
            return None;
        };
        self.connect();
        let child = Command::new(program)
            .arg(format!("--unixctl={}", self.switch_control().display()))
            .arg(format!(
                "unix:{}",
                self.directory.path().join("db.sock").display()
            ))
            .args([
                "--enable-dummy",
                "--disable-system",
                "--disable-system-route",
                "--no-chdir",
            ])
            .args(["-vconsole:off", "-vsyslog:off"])
            .env("OVS_RUNDIR", self.directory.path())
            .spawn();
        Some(Running(child.unwrap()))
    }

    /// The socket by which the switch is asked about itself.
    fn switch_control(&self) -> PathBuf {
        self.directory.path().join("switch.sock")
    }

    /// All flows of a bridge, those included that the switch hides from controllers.
    fn all_flows(&self, bridge: &str) -> Option<String> {
        let control = self.switch_control();
        let mut command = Command::new(program("ovs-appctl")?);
        let output = command
            .arg("-t")
            .arg(control)
            .args(["bridge/dump-flows", bridge])
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        Some(String::from_utf8(output.stdout).unwrap())
    }

    /// A connection, once the server listens.
    fn connect(&mut self) -> UnixStream {
        let path = self.directory.path().join("db.sock");
        let started = Instant::now();
        loop {
            match UnixStream::connect(&path) {
                Ok(stream) => return stream,
                Err(error) => assert!(started.elapsed() < PATIENCE, "{error}"),
            }
            assert!(
                self.server.0.try_wait().unwrap().is_none(),
                "ovsdb-server ended"
            );
            std::thread::yield_now();
        }
    }
}

/// A session and its socket: the smallest shell there is.
struct Client {
    session: Session,
    stream: UnixStream,
}

impl Client {
    fn connect(daemon: &mut Daemon) -> Self {
        let stream = daemon.connect();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut client = Self {
            session: Session::new(Config::default(), 0),
            stream,
        };
        client.until(|event, _| matches!(event, Event::Synchronized).then_some(()));
        client
    }

    /// Carries bytes until `found` sees in the events, or in the replica, what it looks for.
    fn until<T>(&mut self, found: impl Fn(&Event, Option<&Mirror>) -> Option<T>) -> T {
        let mut buffer = [0; 65536];
        loop {
            while let Some(output) = self.session.poll() {
                match output {
                    Output::Send(bytes) => self.stream.write_all(&bytes).unwrap(),
                    Output::Event(Event::Closed { reason }) => panic!("{reason}"),
                    Output::Event(event) => {
                        if let Some(value) = found(&event, self.session.mirror()) {
                            return value;
                        }
                    }
                }
            }
            match self.stream.read(&mut buffer) {
                Ok(0) => panic!("ovsdb-server closed the connection"),
                Ok(count) => self.session.receive(0, &buffer[..count]),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => panic!("{error}"),
            }
        }
    }

    fn mirror(&self) -> &Mirror {
        self.session.mirror().unwrap()
    }

    fn transact(&mut self, transaction: Transaction) -> Result<Vec<Outcome>, Error> {
        let wanted = self.session.transact(0, transaction).unwrap();
        self.until(|event, _| match event {
            Event::TransactionDone { id, result } if *id == wanted => Some(result.clone()),
            _ => None,
        })
    }

    fn reconcile(&mut self, want: &WantedBridge, generation: u64) -> bool {
        let Some(transaction) = reconcile(self.mirror(), want, generation).unwrap() else {
            return false;
        };
        self.transact(transaction).unwrap();
        true
    }

    fn row(&self, table: &str, column: &str, value: &str) -> Atom {
        find(self.mirror(), table, column, value).unwrap()
    }
}

fn transaction() -> Transaction {
    Transaction::new(tables::DATABASE)
}

#[test]
fn a_real_database_becomes_as_wanted_and_stays_so() {
    let Some(mut daemon) = Daemon::start() else {
        return;
    };
    let mut client = Client::connect(&mut daemon);
    assert!(client.reconcile(&wanted(), 5));
    assert_eq!(reconcile(client.mirror(), &wanted(), 5), Ok(None));
    let mut names: Vec<_> = interfaces(client.mirror(), "br-int")
        .into_iter()
        .map(|i| i.name)
        .collect();
    names.sort();
    assert_eq!(names, ["br-int", "weft-geneve", "weft-vxlan"]);
    assert_eq!(generation(client.mirror()), Some(5));

    let fresh = Client::connect(&mut daemon);
    assert_eq!(
        reconcile(fresh.mirror(), &wanted(), 5),
        Ok(None),
        "seen from the start"
    );
    for (table, column) in tables::watched() {
        let (old, new) = (client.mirror().rows(table), fresh.mirror().rows(table));
        let (old, new) = (
            old.map(|(id, r)| (id, r.get(column))),
            new.map(|(id, r)| (id, r.get(column))),
        );
        assert!(
            old.eq(new),
            "{table} {column}: the differences add up to the snapshot"
        );
    }
}

#[test]
fn a_real_database_is_corrected_after_edits_by_hand() {
    let Some(mut daemon) = Daemon::start() else {
        return;
    };
    let mut client = Client::connect(&mut daemon);
    client.reconcile(&wanted(), 5);
    let bridge = client.row("Bridge", "name", "br-int");
    let vxlan = client.row("Port", "name", "weft-vxlan");
    let geneve = client.row("Port", "name", "weft-geneve");
    let mut by_hand = transaction();
    by_hand.mutate(
        "Bridge",
        &bridge,
        vec![
            Mutation::new("ports", Mutator::Delete, vxlan),
            Mutation::new("other_config", Mutator::Delete, "disable-in-band"),
            Mutation::new(
                "other_config",
                Mutator::Insert,
                Datum::map([("hwaddr", "02:00:00:00:00:01")]),
            ),
            Mutation::new("protocols", Mutator::Delete, "OpenFlow14"),
            Mutation::new("flow_tables", Mutator::Delete, 1),
        ],
    );
    // Two interfaces in a tunnel's port: it is made anew, under the name of the row that goes.
    let extra = by_hand.insert("Interface", Row::from([("name", Datum::from("eth9"))]));
    by_hand.mutate(
        "Port",
        &geneve,
        vec![Mutation::new("interfaces", Mutator::Insert, extra)],
    );
    client.transact(by_hand).unwrap();

    assert!(client.reconcile(&wanted(), 5));
    assert_eq!(reconcile(client.mirror(), &wanted(), 5), Ok(None));
    let (_, row) = client.mirror().bridge("br-int").unwrap();
    let config = Datum::map([("disable-in-band", "true"), ("hwaddr", "02:00:00:00:00:01")]);
    assert_eq!(row.get("other_config"), &config);
    assert_ne!(client.row("Port", "name", "weft-geneve"), geneve);

    let mut want = wanted();
    want.tunnels.clear();
    want.flow_tables.clear();
    want.managers = Some([].into());
    assert!(client.reconcile(&want, 5));
    assert_eq!(interfaces(client.mirror(), "br-int").len(), 1);
    assert_eq!(
        client.mirror().rows("Flow_Table").count() + client.mirror().rows("Manager").count(),
        0
    );
}

#[test]
fn of_two_members_on_a_real_database_the_later_mandate_wins() {
    let Some(mut daemon) = Daemon::start() else {
        return;
    };
    let mut early = Client::connect(&mut daemon);
    let mut late = Client::connect(&mut daemon);
    assert!(early.reconcile(&wanted(), 5));
    late.until(|_, mirror| (generation(mirror?) == Some(5)).then_some(()));

    let mut want = wanted();
    want.tunnels.clear();
    let overtaken = reconcile(early.mirror(), &want, 5).unwrap().unwrap();
    assert!(late.reconcile(&wanted(), 6));
    let failed = early.transact(overtaken).unwrap_err();
    assert!(
        matches!(&failed, Error::Operation { index: 0, error, .. } if error == "timed out"),
        "{failed}"
    );
    assert_eq!(
        reconcile(early.mirror(), &want, 5),
        Err(Error::Stale { stored: 6, ours: 5 })
    );
    assert_eq!(interfaces(late.mirror(), "br-int").len(), 3);
}

#[test]
fn a_real_switch_does_what_was_written() {
    let Some(mut daemon) = Daemon::start() else {
        return;
    };
    let Some(_switch) = daemon.start_switch() else {
        return;
    };
    let mut client = Client::connect(&mut daemon);
    let mut init = transaction();
    let ids = Datum::map([("weft-datapath-type", "dummy")]);
    init.insert("Open_vSwitch", Row::from([("external_ids", ids)]));
    client.transact(init).unwrap();
    assert!(client.reconcile(&wanted(), 1));
    client.until(|_, mirror| is_applied(mirror?).then_some(()));

    let mirror = client.mirror();
    assert!(datapath_id(mirror, "br-int").is_some());
    let found = interfaces(mirror, "br-int");
    let numbers: BTreeMap<_, _> = found.iter().map(|i| (i.name.as_str(), i.ofport)).collect();
    let expected = [
        ("br-int", Some(65534)),
        ("weft-geneve", Some(40001)),
        ("weft-vxlan", Some(40000)),
    ];
    assert_eq!(numbers, expected.into(), "{found:?}");
    assert!(
        found.iter().all(|interface| interface.error.is_none()),
        "{found:?}"
    );
    assert_eq!(
        capabilities(mirror, "dummy").get("ct_orig_tuple"),
        Some(&"true")
    );
    assert_eq!(
        encapsulation(mirror).kinds,
        [TunnelKind::Vxlan, TunnelKind::Geneve, TunnelKind::Gre]
    );
    if let Some(flows) = daemon.all_flows("br-int") {
        // Flows for in-band control stand at 180000 and above, over all of ours.
        let priorities = flows
            .split("priority=")
            .skip(1)
            .map(|rest| rest.split(',').next().unwrap());
        let highest = priorities
            .map(|number| number.parse::<u32>().unwrap())
            .max();
        assert!(highest.is_none_or(|priority| priority < 180_000), "{flows}");
    }
    assert_eq!(
        reconcile(mirror, &wanted(), 1),
        Ok(None),
        "the switch's own columns are none of ours"
    );
}

#[test]
fn results_of_every_operation_of_a_real_database_are_read() {
    let Some(mut daemon) = Daemon::start() else {
        return;
    };
    let mut client = Client::connect(&mut daemon);
    client.reconcile(&wanted(), 1);
    let bridge = client.row("Bridge", "name", "br-int");
    let mut everything = transaction();
    everything.select("Bridge", &bridge, &["name", "fail_mode"]);
    everything.update(
        "Bridge",
        &bridge,
        Row::from([("datapath_type", Datum::from("netdev"))]),
    );
    let port = client.row("Port", "name", "br-int");
    everything.set_key("Port", &port, "external_ids", "k", "v");
    let outcomes = client.transact(everything).unwrap();
    let row = Row::from([
        ("name", Datum::from("br-int")),
        ("fail_mode", Datum::from("secure")),
    ]);
    assert_eq!(
        outcomes,
        [
            Outcome::Selected(vec![row]),
            Outcome::Touched(1),
            Outcome::Touched(1)
        ]
    );

    let mut wrong = transaction();
    wrong.update(
        "Bridge",
        &bridge,
        Row::from([("fail_mode", Datum::from("open"))]),
    );
    let failed = client.transact(wrong).unwrap_err();
    assert!(
        failed
            .to_string()
            .starts_with("operation 0 (update of Bridge) failed: constraint"),
        "{failed}"
    );
    let mut dangling = transaction();
    dangling.delete("Port", &port);
    assert!(matches!(
        client.transact(dangling),
        Err(Error::Commit { .. })
    ));
}
