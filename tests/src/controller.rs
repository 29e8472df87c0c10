//! A controller in a lab: `weft serve` on an address of its own, and a tenant's and an operator's way to
//! use it.
//!
//! [`crate::cloud`] joins one with a lab with namespaces.

use std::net::{Ipv4Addr, SocketAddr};

use serde_json::{Value, json};

use crate::cloud::{Port, text};
use crate::dummy::Lab;
use crate::host::Host;
use crate::http::Response;
use crate::hypervisor::Hypervisor;
use crate::process::{self, Process};
use crate::slot::Slot;
use crate::wait;

/// Where a controller is and what it is started with.
pub struct Controller {
    host: Host,
    address: Ipv4Addr,
    database: String,
    log: String,
    launcher: &'static [&'static str],
    options: Vec<String>,
    starts: usize,
    process: Option<Process>,
}

impl Controller {
    /// Starts a controller on a fresh SQLite database for a lab, with further options of
    /// `weft serve`, and waits until it serves.
    ///
    /// # Panics
    /// When it does not.
    #[track_caller]
    pub fn start(lab: &Lab, options: &[&str]) -> Controller {
        let mut controller =
            Controller::new(lab.slot(), lab.host(), lab.address(1), &sqlite(lab.slot()));
        controller.add_options(options);
        controller.start_again();
        controller
    }

    /// A controller that does not run yet.
    #[must_use]
    pub fn new(slot: &Slot, host: &Host, address: Ipv4Addr, database: &str) -> Controller {
        // The home of whoever runs the tests is not the tests' to fill.
        let host = host.clone().with_variable("HOME", slot.folder());
        Controller {
            host: host.with_variable("XDG_STATE_HOME", &slot.folder().join("state")),
            address,
            database: database.to_owned(),
            log: "debug,sqlx=warn".to_owned(),
            launcher: &[],
            options: Vec::new(),
            starts: 0,
            process: None,
        }
    }

    /// Starts the controller, which is not running, and waits until it serves.
    ///
    /// # Panics
    /// When it does not.
    #[track_caller]
    pub fn start_again(&mut self) {
        self.spawn();
        wait::until("the controller is ready", || {
            let process = self.process.as_mut().expect("it was started");
            assert!(process.running(), "it ended: {}", process.log());
            match self.try_http("GET", "/readyz", None) {
                Ok(response) if response.status == 200 => Ok(()),
                other => Err(format!("{other:?}")),
            }
        });
    }

    /// Starts the controller, which is not running, and does not wait.
    ///
    /// # Panics
    /// When one is running.
    #[track_caller]
    pub fn spawn(&mut self) {
        assert!(self.process.is_none(), "one at a time");
        let mut words = vec!["serve".to_owned()];
        words.extend(self.listen_options());
        words.extend(["--database".to_owned(), self.database.clone()]);
        words.extend(["--log".to_owned(), self.log.clone()]);
        words.extend(self.options.iter().cloned());
        self.starts += 1;
        let name = format!("weft-{}", self.starts);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        self.process = Some(self.weft(&name, &words));
    }

    /// Runs `weft` with other words in the controller's place.
    ///
    /// # Panics
    /// When it cannot be started.
    #[track_caller]
    pub fn weft(&self, name: &str, words: &[&str]) -> Process {
        let weft = process::weft();
        let weft = weft.to_str().expect("paths of the build are text");
        let words = [self.launcher, &[weft], words].concat();
        self.host.spawn(name, &words)
    }

    /// The options that say where it listens.
    #[must_use]
    pub fn listen_options(&self) -> Vec<String> {
        [("api", 9696), ("openflow", 6653), ("ovsdb", 6640)]
            .iter()
            .flat_map(|(name, port)| {
                let address = format!("{}:{port}", self.address);
                [format!("--listen-{name}"), address]
            })
            .collect()
    }

    /// What starts it, from the next start on: a program and its arguments, such as `nice`.
    pub fn set_launcher(&mut self, launcher: &'static [&'static str]) {
        self.launcher = launcher;
    }

    /// What it logs (`--log`), from the next start on.
    pub fn set_log(&mut self, log: &str) {
        log.clone_into(&mut self.log);
    }

    /// Puts it on another database, from the next start on.
    pub fn set_database(&mut self, database: &str) {
        database.clone_into(&mut self.database);
    }

    /// Gives it further options, from the next start on.
    pub fn add_options(&mut self, options: &[&str]) {
        let options = options.iter().map(|option| (*option).to_owned());
        self.options.extend(options);
    }

    /// Its database.
    #[must_use]
    pub fn database(&self) -> &str {
        &self.database
    }

    /// Where one of its ports is.
    #[must_use]
    pub fn at(&self, port: u16) -> SocketAddr {
        (self.address, port).into()
    }

    /// Where it runs.
    #[must_use]
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// The running process.
    ///
    /// # Panics
    /// When it is not running.
    #[track_caller]
    pub fn process(&mut self) -> &mut Process {
        self.process.as_mut().expect("the controller runs")
    }

    /// What it has logged since it was started.
    ///
    /// # Panics
    /// When it is not running.
    #[track_caller]
    pub fn log(&self) -> String {
        self.process.as_ref().expect("the controller runs").log()
    }

    /// Kills it with `kill -9`.
    ///
    /// # Panics
    /// When it is not running.
    #[track_caller]
    pub fn kill(&mut self) {
        self.process.take().expect("the controller runs").kill();
    }

    /// Hands out the process, which is no longer the controller's.
    ///
    /// # Panics
    /// When it is not running.
    #[track_caller]
    pub fn take(&mut self) -> Process {
        self.process.take().expect("the controller runs")
    }

    /// Sends a request.
    ///
    /// # Errors
    /// When nobody answers.
    pub fn try_http(
        &self,
        method: &str,
        path: &str,
        body: Option<&Value>,
    ) -> anyhow::Result<Response> {
        let url = format!("http://{}{path}", self.at(9696));
        self.host.http(method, &url, &[], body)
    }

    /// Asks the API and expects a status.
    ///
    /// # Panics
    /// When the answer has another status.
    #[track_caller]
    pub fn api(&self, method: &str, path: &str, body: Option<&Value>, status: u16) -> Value {
        let response = self
            .try_http(method, path, body)
            .unwrap_or_else(|error| panic!("{method} {path}: {error:#}"));
        assert_eq!(response.status, status, "{method} {path}: {response:?}");
        if response.body.is_empty() {
            Value::Null
        } else {
            response.json()
        }
    }

    /// Makes something and answers with its attributes.
    #[track_caller]
    pub fn create(&self, kind: &str, attributes: Value) -> Value {
        let body = json!({ kind: attributes });
        self.api("POST", &format!("/v2.0/{kind}s"), Some(&body), 201)[kind].take()
    }

    /// Makes a tenant's VXLAN network with an IPv4 subnet; answers with the network's id.
    #[track_caller]
    pub fn network(&self, name: &str, cidr: &str) -> String {
        let network =
            json!({ "name": name, "provider:network_type": "vxlan", "project_id": "tenant" });
        let id = text(&self.create("network", network)["id"]);
        self.create(
            "subnet",
            json!({ "network_id": id, "ip_version": 4, "cidr": cidr, "project_id": "tenant" }),
        );
        id
    }

    /// Makes a port of a network.
    #[track_caller]
    pub fn port(&self, network: &str, name: &str) -> Port {
        let port = self.create(
            "port",
            json!({ "network_id": network, "name": name, "project_id": "tenant" }),
        );
        Port {
            id: text(&port["id"]),
            mac: text(&port["mac_address"]),
            ip: text(&port["fixed_ips"][0]["ip_address"]),
        }
    }

    /// Lets a hypervisor know the controller.
    #[track_caller]
    pub fn introduce(&self, hypervisor: &Hypervisor) {
        hypervisor.set_manager(&format!("tcp:{}", self.at(6640)));
    }

    /// Lets a hypervisor know the controller and waits for the integration bridge.
    #[track_caller]
    pub fn manage(&self, hypervisor: &Hypervisor) {
        self.introduce(hypervisor);
        hypervisor.wait_for_bridge("br-int");
    }

    /// Waits until a port has a status.
    #[track_caller]
    pub fn wait_for_status(&self, port: &Port, status: &str) {
        wait::until(&format!("port {} is {status}", port.id), || {
            let path = format!("/v2.0/ports/{}?fields=status", port.id);
            let now = text(&self.api("GET", &path, None, 200)["port"]["status"]);
            if now == status { Ok(()) } else { Err(now) }
        });
    }

    /// What operators see of the switch of a hypervisor; null when there is none.
    #[track_caller]
    pub fn switch(&self, system_id: &str) -> Value {
        let mut answer = self.api("GET", "/weft/v1/switches", None, 200);
        let switches = answer["switches"].as_array_mut();
        let found = switches.and_then(|switches| {
            let mut switches = switches.iter_mut();
            switches.find(|switch| switch["system_id"] == json!(system_id))
        });
        found.map(Value::take).unwrap_or_default()
    }

    /// Waits until a hypervisor's switch has acknowledged everything there is.
    #[track_caller]
    pub fn wait_until_in_order(&self, hypervisor: &Hypervisor) {
        wait::until("the switch is in order", || {
            let switch = self.switch(&hypervisor.system_id());
            if switch["state"] == json!("in order") {
                Ok(())
            } else {
                Err(switch)
            }
        });
    }

    /// A metric's value, by its name with labels as Prometheus writes them; 0 when it was never
    /// counted.
    ///
    /// # Panics
    /// When it is no number.
    #[track_caller]
    pub fn metric(&self, row: &str) -> f64 {
        let response = self.try_http("GET", "/metrics", None);
        let response = response.unwrap_or_else(|error| panic!("{error:#}"));
        let text = String::from_utf8_lossy(&response.body).into_owned();
        let value = text
            .lines()
            .find_map(|line| line.strip_prefix(row)?.strip_prefix(' '));
        value.map_or(0.0, |value| value.parse().expect("a metric is a number"))
    }
}

/// The URL of a SQLite database of a lab.
#[must_use]
pub fn sqlite(slot: &Slot) -> String {
    format!("sqlite:{}", slot.folder().join("weft.db").display())
}
