//! A hypervisor: Open vSwitch's two daemons with a folder, a database and a system-id of their own.
//!
//! Serves both labs; what differs between them (the datapath, and how the underlay's address gets onto
//! `br-phy`) is given by the lab. Makes no bridge for tenants, no controller and no tunnel.

use std::io::Write;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use crate::host::Host;
use crate::process::Process;
use crate::wait;

const SCHEMA: &str = "/usr/share/openvswitch/vswitch.ovsschema";

/// What lists at every start what the datapath can do, and hides what a failing test says.
const QUIET: [&str; 3] = [
    "-vofproto_dpif:warn",
    "-vdpif_netdev:warn",
    "-vovs_numa:warn",
];

/// Work to do each time `ovs-vswitchd` has started: what it keeps in memory only.
type AfterStart = Box<dyn Fn(&Hypervisor) -> Result<()> + Send + Sync>;

/// What a lab decides about its hypervisors.
pub(crate) struct Plan {
    /// What Weft knows it by.
    pub(crate) system_id: String,
    /// Where the daemons run.
    pub(crate) host: Host,
    /// The daemons' folder.
    pub(crate) folder: PathBuf,
    /// What starts the daemons: nothing, or a program and its arguments, such as `nice`.
    pub(crate) launcher: &'static [&'static str],
    /// Further arguments of `ovs-vswitchd`.
    pub(crate) arguments: &'static [&'static str],
    /// The address that tunnels end at, `external_ids:weft-encap-ip`.
    pub(crate) underlay: String,
    /// `ovs-vsctl` arguments that make `br-phy`.
    pub(crate) bridge: Vec<String>,
    /// What brings the underlay's address onto `br-phy`; tried until it succeeds.
    pub(crate) after_start: AfterStart,
}

impl Plan {
    #[track_caller]
    fn daemon(&self, name: &str, words: &[&str]) -> Process {
        self.host.spawn(name, &[self.launcher, words].concat())
    }
}

/// A running pair of `ovsdb-server` and `ovs-vswitchd`.
pub struct Hypervisor {
    // The switch goes first, so that its last words are not about a lost database.
    vswitchd: Option<Process>,
    ovsdb: Process,
    plan: Plan,
}

impl Hypervisor {
    #[track_caller]
    pub(crate) fn start(mut plan: Plan) -> Hypervisor {
        let folder = plan.folder.clone();
        std::fs::create_dir_all(&folder).unwrap_or_else(|error| panic!("{folder:?}: {error}"));
        for variable in ["OVS_RUNDIR", "OVS_LOGDIR", "OVS_DBDIR", "OVS_SYSCONFDIR"] {
            plan.host = plan.host.with_variable(variable, &folder);
        }
        let ovsdb = start_ovsdb(&plan);
        let mut hypervisor = Hypervisor {
            plan,
            ovsdb,
            vswitchd: None,
        };
        hypervisor.describe();
        hypervisor.start_vswitchd();
        hypervisor
    }

    /// What Weft finds in the database of a hypervisor, and the bridge of the underlay.
    #[track_caller]
    fn describe(&self) {
        let name = self.system_id();
        let mut arguments = ["--no-wait", "--", "init", "--", "set", "Open_vSwitch", "."]
            .map(String::from)
            .to_vec();
        arguments.extend([
            format!("external_ids:system-id={name}"),
            format!("external_ids:hostname={name}"),
            format!("external_ids:weft-encap-ip={}", self.plan.underlay),
            "--".to_string(),
        ]);
        arguments.extend(self.plan.bridge.iter().cloned());
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        self.vsctl(&arguments);
    }

    /// The name that Weft knows the hypervisor by.
    pub fn system_id(&self) -> String {
        self.plan.system_id.clone()
    }

    /// The address that tunnels end at.
    pub fn underlay(&self) -> &str {
        &self.plan.underlay
    }

    /// Where the daemons run; programs that run there find this Open vSwitch.
    pub fn host(&self) -> &Host {
        &self.plan.host
    }

    /// The folder of the daemons: `db.sock`, `BRIDGE.mgmt` and so on.
    pub fn rundir(&self) -> &Path {
        &self.plan.folder
    }

    /// Runs `ovs-vsctl`.
    ///
    /// # Panics
    /// When it fails.
    #[track_caller]
    pub fn vsctl(&self, arguments: &[&str]) -> String {
        let (program, limit) = ("ovs-vsctl", format!("--timeout={}", wait::LIMIT.as_secs()));
        self.plan
            .host
            .run(&[&[program, &limit], arguments].concat())
    }

    /// Runs `ovs-ofctl` with whatever version the bridge speaks.
    ///
    /// # Panics
    /// When it fails.
    #[track_caller]
    pub fn ofctl(&self, arguments: &[&str]) -> String {
        let versions = "OpenFlow10,OpenFlow11,OpenFlow12,OpenFlow13,OpenFlow14,OpenFlow15";
        self.plan
            .host
            .run(&[&["ovs-ofctl", "-O", versions], arguments].concat())
    }

    /// Gives a command to `ovs-vswitchd` through its socket, as `ovs-appctl` does but without
    /// starting a program.
    ///
    /// # Panics
    /// When the daemon refuses it.
    #[track_caller]
    pub fn appctl(&self, command: &str, arguments: &[&str]) -> String {
        self.try_appctl(command, arguments)
            .unwrap_or_else(|error| panic!("on {}: {error:#}", self.system_id()))
    }

    /// [`Hypervisor::appctl`] for a command that may be refused.
    ///
    /// # Errors
    /// The daemon's own words.
    pub fn try_appctl(&self, command: &str, arguments: &[&str]) -> Result<String> {
        let vswitchd = self
            .vswitchd
            .as_ref()
            .context("ovs-vswitchd does not run")?;
        let socket = self
            .plan
            .folder
            .join(format!("ovs-vswitchd.{}.ctl", vswitchd.id()));
        let result = ask(&socket, command, &json!(arguments))?;
        Ok(result.as_str().unwrap_or_default().to_string())
    }

    /// Adds to the `external_ids` of an interface, as `ovs-vsctl` does but without starting a program.
    ///
    /// # Panics
    /// When the database refuses it, or has no such interface.
    #[track_caller]
    pub fn identify(&self, interface: &str, key: &str, value: &str) {
        let mutation = json!(["external_ids", "insert", ["map", [[key, value]]]]);
        let operation = json!({"op": "mutate", "table": "Interface",
            "where": [["name", "==", interface]], "mutations": [mutation]});
        let socket = self.plan.folder.join("db.sock");
        match ask(&socket, "transact", &json!(["Open_vSwitch", operation])) {
            Ok(result) => assert_eq!(result, json!([{"count": 1}]), "{interface}"),
            Err(error) => panic!("on {}: {error:#}", self.system_id()),
        }
    }

    /// `ovs-vsctl set-manager`: the one thing that is typed on a hypervisor.
    #[track_caller]
    pub fn set_manager(&self, target: &str) {
        self.vsctl(&["--no-wait", "set-manager", target]);
    }

    /// Waits until a bridge exists and works.
    #[track_caller]
    pub fn wait_for_bridge(&self, bridge: &str) {
        let what = format!("{bridge} on {}", self.system_id());
        let socket = self.plan.folder.join(format!("{bridge}.mgmt"));
        wait::until(&what, || UnixStream::connect(&socket).map(drop));
    }

    /// A value of the database, without the quotation marks that `ovs-vsctl` puts around some; empty
    /// when it is not set. `column` may be `external_ids:KEY`.
    #[track_caller]
    pub fn get(&self, table: &str, record: &str, column: &str) -> String {
        let value = self.vsctl(&["--if-exists", "get", table, record, column]);
        let value = value.trim();
        let bare = value
            .strip_prefix('"')
            .and_then(|value| value.strip_suffix('"'));
        bare.unwrap_or(value).to_string()
    }

    /// The OpenFlow port number of an interface, once Open vSwitch has given one.
    #[track_caller]
    pub fn ofport(&self, interface: &str) -> u32 {
        let what = format!("the port number of {interface} on {}", self.system_id());
        wait::until(&what, || {
            let number = self.get("Interface", interface, "ofport");
            number.parse().map_err(|_| number)
        })
    }

    /// The flows of a bridge without cookies, counters and times, sorted.
    #[track_caller]
    pub fn flows(&self, bridge: &str) -> Vec<String> {
        let text = self.ofctl(&["--no-stats", "--no-names", "dump-flows", bridge]);
        let lines = text.lines().map(str::trim);
        let mut flows: Vec<String> = lines
            .filter(|line| line.contains("actions="))
            .map(String::from)
            .collect();
        flows.sort();
        flows
    }

    /// Waits until packets follow the tables as they are now. A barrier's reply is not enough for
    /// that: for an instant, packets still follow what the datapath has cached; and waiting for rounds of
    /// revalidation has left stale entries there. So all that is cached is thrown away.
    #[track_caller]
    pub fn revalidate(&self) {
        self.appctl("revalidator/purge", &[]);
    }

    /// Kills `ovs-vswitchd`: all that it had only in memory is lost, flows and connections too.
    pub fn kill_vswitchd(&mut self) {
        self.vswitchd = None;
    }

    /// Starts `ovs-vswitchd` and waits until all bridges work. It must not be running.
    #[track_caller]
    pub fn start_vswitchd(&mut self) {
        let folder = &self.plan.folder;
        let pidfile = format!("--pidfile={}/ovs-vswitchd.pid", folder.display());
        let database = format!("unix:{}/db.sock", folder.display());
        let mut words = vec!["ovs-vswitchd", "-vsyslog:off", "--no-chdir", &pidfile];
        words.extend(QUIET);
        words.extend(self.plan.arguments);
        words.push(&database);
        self.vswitchd = Some(self.plan.daemon("ovs-vswitchd", &words));
        for bridge in self.vsctl(&["list-br"]).lines() {
            self.wait_for_bridge(bridge);
        }
        let what = format!("the underlay of {}", self.system_id());
        wait::until(&what, || (self.plan.after_start)(self));
    }

    /// Kills `ovs-vswitchd` and starts it anew.
    #[track_caller]
    pub fn restart_vswitchd(&mut self) {
        self.kill_vswitchd();
        self.start_vswitchd();
    }

    /// Kills `ovsdb-server` and starts it anew; what was in the database still is.
    #[track_caller]
    pub fn restart_ovsdb(&mut self) {
        self.ovsdb.kill();
        self.ovsdb = start_ovsdb(&self.plan);
    }

    /// What `ovs-vswitchd` has said since it was started.
    ///
    /// # Panics
    /// When it was killed.
    #[track_caller]
    pub fn log(&self) -> String {
        let vswitchd = self.vswitchd.as_ref();
        vswitchd.expect("ovs-vswitchd runs").log()
    }

    /// The process of `ovsdb-server`, for instance to freeze it.
    pub fn ovsdb(&mut self) -> &mut Process {
        &mut self.ovsdb
    }

    /// The process of `ovs-vswitchd`, for instance to freeze it.
    ///
    /// # Panics
    /// When it was killed.
    #[track_caller]
    pub fn vswitchd(&mut self) -> &mut Process {
        self.vswitchd
            .as_mut()
            .unwrap_or_else(|| panic!("ovs-vswitchd does not run"))
    }
}

#[track_caller]
/// Asks a daemon through its socket, in JSON-RPC.
fn ask(socket: &Path, method: &str, params: &Value) -> Result<Value> {
    let mut stream = UnixStream::connect(socket).with_context(|| format!("{socket:?}"))?;
    stream.set_read_timeout(Some(wait::LIMIT))?;
    let request = json!({"id": 1, "method": method, "params": params});
    stream.write_all(request.to_string().as_bytes())?;
    let mut answers = serde_json::Deserializer::from_reader(stream).into_iter::<Value>();
    let mut answer = answers.next().context("no answer")??;
    match &answer["error"] {
        Value::Null => Ok(answer["result"].take()),
        error => bail!("{method} {params}: {error}"),
    }
}

fn start_ovsdb(plan: &Plan) -> Process {
    let folder = plan.folder.display();
    let database = format!("{folder}/conf.db");
    if !Path::new(&database).exists() {
        plan.host.run(&["ovsdb-tool", "create", &database, SCHEMA]);
    }
    let process = plan.daemon(
        "ovsdb-server",
        &[
            "ovsdb-server",
            "-vsyslog:off",
            "--no-chdir",
            &format!("--pidfile={folder}/ovsdb-server.pid"),
            &format!("--remote=punix:{folder}/db.sock"),
            "--remote=db:Open_vSwitch,Open_vSwitch,manager_options",
            "--private-key=db:Open_vSwitch,SSL,private_key",
            "--certificate=db:Open_vSwitch,SSL,certificate",
            "--bootstrap-ca-cert=db:Open_vSwitch,SSL,ca_cert",
            &database,
        ],
    );
    let socket = plan.folder.join("db.sock");
    wait::until("the database of a hypervisor", || {
        UnixStream::connect(&socket).map(drop)
    });
    process
}
