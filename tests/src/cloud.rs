//! A controller in a lab with namespaces, and a tenant's way to use it: what end-to-end tests share.
//!
//! Nothing is typed on a hypervisor but `set-manager`; networks and ports are made over the API.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use crate::controller::{Controller, sqlite};
use crate::host::Host;
use crate::hypervisor::Hypervisor;
use crate::netns::{DAEMON, FABRIC, Lab};
use crate::process::Process;
use crate::wait;

/// A controller and its hypervisors.
pub struct Cloud {
    controller: Controller,
    database: PathBuf,
    /// The hypervisors and machines.
    pub lab: Lab,
}

/// A port of a network, as the API gave it.
#[derive(Debug, Clone)]
pub struct Port {
    /// Its id.
    pub id: String,
    /// Its Ethernet address.
    pub mac: String,
    /// Its first address.
    pub ip: String,
}

impl Cloud {
    /// Starts `hypervisors` hypervisors and a controller on a fresh database, with further options
    /// of `weft serve`, and lets every hypervisor know the controller.
    ///
    /// # Panics
    /// When something does not come up.
    #[track_caller]
    pub fn start(hypervisors: u8, options: &[&str]) -> Cloud {
        Cloud::start_in(Lab::start(hypervisors), options)
    }

    /// The same in a lab that is there.
    ///
    /// # Panics
    /// When something does not come up.
    #[track_caller]
    pub fn start_in(lab: Lab, options: &[&str]) -> Cloud {
        let address = FABRIC.parse().expect("an address");
        let database = sqlite(lab.slot());
        let mut controller = Controller::new(lab.slot(), lab.fabric(), address, &database);
        controller.set_launcher(DAEMON);
        controller.add_options(&["--insecure-noauth"]);
        controller.add_options(options);
        let mut cloud = Cloud {
            controller,
            database: lab.slot().folder().join("weft.db"),
            lab,
        };
        cloud.start_controller();
        for hypervisor in cloud.lab.hypervisors() {
            cloud.controller.introduce(hypervisor);
        }
        for hypervisor in cloud.lab.hypervisors() {
            hypervisor.wait_for_bridge("br-int");
        }
        cloud
    }

    /// Starts the controller, which is not running, and waits until it serves.
    #[track_caller]
    pub fn start_controller(&mut self) {
        let database = format!("sqlite:{}", self.database.display());
        self.start_controller_on(&database);
    }

    /// The same on another database.
    #[track_caller]
    pub fn start_controller_on(&mut self, database: &str) {
        self.controller.set_database(database);
        self.controller.start_again();
    }

    /// The namespace that the controller runs in.
    #[must_use]
    pub fn fabric(&self) -> &Host {
        self.lab.fabric()
    }

    /// The controller's process.
    ///
    /// # Panics
    /// When it is not running.
    #[track_caller]
    pub fn controller(&mut self) -> &mut Process {
        self.controller.process()
    }

    /// What the controller has logged since it was started.
    ///
    /// # Panics
    /// When it is not running.
    #[track_caller]
    pub fn log(&self) -> String {
        self.controller.log()
    }

    /// Where the controller's database is.
    #[must_use]
    pub fn database(&self) -> &Path {
        &self.database
    }

    /// Kills the controller with `kill -9`.
    #[track_caller]
    pub fn kill_controller(&mut self) {
        self.controller.kill();
    }

    /// Asks the API and expects a status.
    ///
    /// # Panics
    /// When the answer has another status.
    #[track_caller]
    pub fn api(&self, method: &str, path: &str, body: Option<&Value>, status: u16) -> Value {
        self.controller.api(method, path, body, status)
    }

    /// Makes something and answers with its attributes.
    #[track_caller]
    pub fn create(&self, kind: &str, attributes: Value) -> Value {
        self.controller.create(kind, attributes)
    }

    /// Makes a network of a kind with an IPv4 subnet; answers with the network's id.
    #[track_caller]
    pub fn network(&self, name: &str, kind: &str, cidr: &str) -> String {
        let network = self.create(
            "network",
            json!({ "name": name, "provider:network_type": kind, "project_id": name }),
        );
        let id = text(&network["id"]);
        self.create(
            "subnet",
            json!({ "network_id": id, "ip_version": 4, "cidr": cidr, "project_id": name }),
        );
        id
    }

    /// Makes a port of a network.
    #[track_caller]
    pub fn port(&self, network: &str, name: &str) -> Port {
        self.port_with(network, json!({ "name": name }))
    }

    /// Makes a port of a network with further attributes.
    #[track_caller]
    pub fn port_with(&self, network: &str, attributes: Value) -> Port {
        let mut body = json!({ "network_id": network, "project_id": "tenant" });
        for (name, value) in attributes.as_object().into_iter().flatten() {
            body[name] = value.clone();
        }
        let port = self.create("port", body);
        Port {
            id: text(&port["id"]),
            mac: text(&port["mac_address"]),
            ip: text(&port["fixed_ips"][0]["ip_address"]),
        }
    }

    /// Plugs a virtual machine that is a port into a hypervisor.
    #[track_caller]
    pub fn plug(&mut self, hypervisor: usize, name: &str, port: &Port) -> Host {
        self.lab.plug(hypervisor, name, &port.mac, &port.id)
    }

    /// Plugs a virtual machine that is a port into a hypervisor and gives it the port's address.
    #[track_caller]
    pub fn machine(&mut self, hypervisor: usize, name: &str, port: &Port) -> Host {
        let machine = self.plug(hypervisor, name, port);
        let address = format!("{}/24", port.ip);
        machine.run(&["ip", "address", "add", &address, "dev", "eth0"]);
        self.wait_for_status(port, "ACTIVE");
        machine
    }

    /// Waits until a port has a status.
    #[track_caller]
    pub fn wait_for_status(&self, port: &Port, status: &str) {
        self.controller.wait_for_status(port, status);
    }

    /// What operators see of the switches.
    #[track_caller]
    pub fn switches(&self) -> Vec<Value> {
        let answer = self.api("GET", "/weft/v1/switches", None, 200);
        answer["switches"].as_array().cloned().unwrap_or_default()
    }

    /// The flows of a hypervisor's switch, with the names of stages and without counters and times,
    /// sorted; all but the note of the revision, which changes with every push.
    #[track_caller]
    pub fn program(&self, hypervisor: usize) -> Vec<String> {
        let options = ["-O", "OpenFlow15", "--names", "--no-stats"];
        let words = [&["ovs-ofctl"], &options[..], &["dump-flows", "br-int"]].concat();
        let text = self.lab.hypervisor(hypervisor).host().run(&words);
        let lines = text.lines().map(str::trim);
        let mut flows: Vec<String> = lines
            .filter(|line| line.contains("actions=") && !line.contains("table=marker,"))
            .map(String::from)
            .collect();
        flows.sort();
        flows
    }

    /// What operators see of the switch of a hypervisor; null when there is none.
    #[track_caller]
    pub fn switch(&self, hypervisor: usize) -> Value {
        let id = self.lab.hypervisor(hypervisor).system_id();
        self.controller.switch(&id)
    }

    /// Waits until the switch of a hypervisor is in a state, such as `held`.
    #[track_caller]
    pub fn wait_for_state(&self, hypervisor: usize, state: &str) {
        wait::until(&format!("switch {hypervisor} is {state}"), || {
            let switch = self.switch(hypervisor);
            if switch["state"] == json!(state) {
                Ok(())
            } else {
                Err(switch)
            }
        });
    }

    /// How often something happened that operators are told of, such as `repaired`.
    #[track_caller]
    pub fn notices(&self, event: &str) -> u64 {
        let row = format!("weft_notices_total{{event=\"{event}\"}}");
        self.controller.metric(&row) as u64
    }

    /// Waits until every switch of these hypervisors has acknowledged everything there is.
    #[track_caller]
    pub fn wait_until_in_order(&self, hypervisors: &[usize]) {
        wait::until("the switches are in order", || {
            let switches = self.switches();
            let in_order = hypervisors.iter().all(|number| {
                let id = self.lab.hypervisor(*number).system_id();
                switches.iter().any(|switch| {
                    switch["system_id"] == json!(id) && switch["state"] == json!("in order")
                })
            });
            if in_order { Ok(()) } else { Err(switches) }
        });
    }
}

/// Watches what is done to the flows of a hypervisor's switch, whoever does it.
pub struct FlowWatch {
    process: Process,
}

impl FlowWatch {
    /// Begins to watch.
    #[track_caller]
    pub fn start(hypervisor: &Hypervisor) -> FlowWatch {
        let words = [
            "ovs-ofctl",
            "-O",
            "OpenFlow14",
            "monitor",
            "br-int",
            "watch:",
        ];
        // A second watch must not show what the first one saw.
        static STARTED: AtomicUsize = AtomicUsize::new(0);
        let name = format!("flow-watch-{}", STARTED.fetch_add(1, Ordering::Relaxed));
        let process = hypervisor.host().spawn(&name, &words);
        let watch = FlowWatch { process };
        wait::until("the flow monitor has begun", || {
            let log = watch.process.log();
            if log.contains("event=INITIAL") {
                Ok(())
            } else {
                Err(log)
            }
        });
        watch
    }

    /// What happened since, a line for each flow.
    #[must_use]
    pub fn events(&self) -> Vec<String> {
        let log = self.process.log();
        let events = log
            .lines()
            .filter(|line| line.contains("event=") && !line.contains("event=INITIAL"));
        events.map(str::to_owned).collect()
    }
}

/// A text of an answer.
///
/// # Panics
/// When it is none.
#[track_caller]
pub fn text(value: &Value) -> String {
    value
        .as_str()
        .unwrap_or_else(|| panic!("not a text: {value}"))
        .to_owned()
}
