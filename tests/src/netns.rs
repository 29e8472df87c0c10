//! The lab with real interfaces: hypervisors and virtual machines are network namespaces.
//!
//! | namespace | has |
//! |---|---|
//! | `fabric` | the bridges `mg` (management, 10.99.0.254), `ul` (underlay, 172.31.0.254) and `ex` (the world outside, 203.0.113.254); Weft runs here |
//! | `memberN` | `mgmt0` 10.99.0.(200 + N): another place for Weft, whose cable can be cut |
//! | `hvN` | `mgmt0` 10.99.0.N, `phy0` in the underlay, Open vSwitch with `br-phy` holding 172.31.0.N; `ext0` to the outside, in no bridge yet |
//! | `vm-NAME` | `eth0`, the other end of a hypervisor's `tap...` in `br-int` |
//!
//! The addresses are the same in every lab, for namespaces keep labs apart; the machine's own network is
//! not touched. `br-int` is Weft's to make. Open vSwitch forwards in user space, so no kernel module is
//! needed. For packets without privileges see [`crate::dummy`]; for clients see [`crate::traffic`].

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use crate::host::Host;
use crate::hypervisor::{Hypervisor, Plan};
use crate::slot::Slot;
use crate::wait;

/// The address of the fabric in the management network, where Weft listens.
pub const FABRIC: &str = "10.99.0.254";

/// What starts the daemons: Open vSwitch's with the priority that its packages' scripts (`ovs-ctl`) give
/// them, and the controller, which shares the machine with all of them here, with the same, as
/// docs/operations.md advises.
pub(crate) const DAEMON: &[&str] = &["nice", "-n", "-10"];

/// The address of the world outside, on the other end of every `ext0`.
pub const OUTSIDE: &str = "203.0.113.254";

/// The bridge that virtual machines are plugged into.
pub const INTEGRATION_BRIDGE: &str = "br-int";

/// The underlay's MTU: a virtual machine's 1500 and the tunnel's headers.
const MTU: &str = "1600";

/// Hypervisors and virtual machines in namespaces. All is gone when it is dropped.
pub struct Lab {
    hypervisors: Vec<Hypervisor>,
    machines: BTreeMap<String, Machine>,
    fabric: Host,
    slot: Slot,
}

/// Where a virtual machine is plugged.
struct Machine {
    host: Host,
    hypervisor: usize,
    tap: String,
    mac: String,
    iface_id: String,
}

impl Lab {
    /// Starts hypervisors `hv1` to `hvN` and the fabric between them.
    ///
    /// # Panics
    /// When something does not come up.
    #[track_caller]
    pub fn start(count: u8) -> Lab {
        Lab::named((1..=count).map(|number| format!("hv{number}")))
    }

    /// [`Lab::start`] with other system-ids; the namespaces are `hv1` and so on all the same.
    ///
    /// # Panics
    /// When something does not come up.
    #[track_caller]
    pub fn named(system_ids: impl IntoIterator<Item = String>) -> Lab {
        let slot = Slot::claim();
        let fabric = Host::with_netns(&slot, "fabric");
        for (bridge, address) in [("mg", FABRIC), ("ul", "172.31.0.254"), ("ex", OUTSIDE)] {
            fabric.run(&["ip", "link", "add", bridge, "type", "bridge"]);
            fabric.run(&["ip", "link", "set", bridge, "mtu", MTU, "up"]);
            fabric.run(&[
                "ip",
                "address",
                "add",
                &format!("{address}/24"),
                "dev",
                bridge,
            ]);
        }
        offload_off(&fabric, "ul");
        offload_off(&fabric, "ex");
        let hypervisors = (1..)
            .zip(system_ids)
            .map(|(number, id)| Hypervisor::start(plan(&slot, &fabric, number, id)))
            .collect();
        Lab {
            hypervisors,
            machines: BTreeMap::new(),
            fabric,
            slot,
        }
    }

    /// Hypervisor `number`, counted from 1.
    pub fn hypervisor(&self, number: usize) -> &Hypervisor {
        &self.hypervisors[number - 1]
    }

    /// Hypervisor `number`, counted from 1, to kill and restart its daemons.
    pub fn hypervisor_mut(&mut self, number: usize) -> &mut Hypervisor {
        &mut self.hypervisors[number - 1]
    }

    /// All hypervisors.
    pub fn hypervisors(&self) -> &[Hypervisor] {
        &self.hypervisors
    }

    /// Where Weft runs: it listens on [`FABRIC`], and hypervisors reach it there.
    pub fn fabric(&self) -> &Host {
        &self.fabric
    }

    /// Makes a place for a member of a cluster, with an address of its own in the management network,
    /// [`member_address`]. `ip link set mgmt0 down` there cuts it off.
    ///
    /// # Panics
    /// When there is one of that number already.
    #[track_caller]
    pub fn add_member(&self, number: u8) -> Host {
        let host = Host::with_netns(&self.slot, &format!("member{number}"));
        let cable = format!("mg-m{number}");
        wire(&self.fabric, &cable, "mg", &host, "mgmt0");
        let address = format!("{}/24", member_address(number));
        host.run(&["ip", "address", "add", &address, "dev", "mgmt0"]);
        host
    }

    /// Cuts a hypervisor off the management network. Its own interfaces do not notice: Open vSwitch
    /// looks at all routes anew when one of them does, and may lose a tunnelled packet meanwhile.
    #[track_caller]
    pub fn cut_management(&self, hypervisor: usize) {
        let cable = format!("mg-hv{hypervisor}");
        self.fabric.run(&["ip", "link", "set", &cable, "nomaster"]);
    }

    /// Undoes [`Lab::cut_management`].
    #[track_caller]
    pub fn mend_management(&self, hypervisor: usize) {
        let cable = format!("mg-hv{hypervisor}");
        let words = ["ip", "link", "set", &cable, "master", "mg", "up"];
        self.fabric.run(&words);
    }

    /// The lab's slot, with its folder.
    pub fn slot(&self) -> &Slot {
        &self.slot
    }

    /// Boots a virtual machine on a hypervisor, without an address, and plugs it into `br-int`
    /// as soon as there is one.
    ///
    /// # Panics
    /// When it cannot be plugged.
    #[track_caller]
    pub fn plug(&mut self, hypervisor: usize, name: &str, mac: &str, iface_id: &str) -> Host {
        let host = Host::with_netns(&self.slot, &format!("vm-{name}"));
        for setting in ["default.accept_dad", "all.accept_dad"] {
            host.run(&["sysctl", "-qw", &format!("net.ipv6.conf.{setting}=0")]);
        }
        let tap = format!("tap{iface_id:.11}");
        let switch = self
            .hypervisor(hypervisor)
            .host()
            .netns()
            .unwrap_or_default();
        let pair = [
            "ip", "link", "add", "eth0", "address", mac, "type", "veth", "peer",
        ];
        host.run(&[&pair[..], &["name", &tap, "netns", switch]].concat());
        offload_off(&host, "eth0");
        host.run(&["ip", "link", "set", "eth0", "up"]);
        let machine = Machine {
            host: host.clone(),
            hypervisor,
            tap,
            mac: mac.to_string(),
            iface_id: iface_id.to_string(),
        };
        self.connect(&machine);
        self.machines.insert(name.to_string(), machine);
        host
    }

    /// Shuts a virtual machine down and removes its port.
    ///
    /// # Panics
    /// When there is no such machine.
    #[track_caller]
    pub fn unplug(&mut self, name: &str) {
        let machine = self
            .machines
            .remove(name)
            .unwrap_or_else(|| panic!("no machine {name}"));
        self.disconnect(&machine);
        let switch = self.hypervisor(machine.hypervisor).host();
        switch.run(&["ip", "link", "del", &machine.tap]);
        if let Some(netns) = machine.host.netns() {
            switch.run(&["ip", "netns", "del", netns]);
        }
    }

    /// Migrates a virtual machine: what runs in it, its addresses and its neighbours stay.
    ///
    /// # Panics
    /// When there is no such machine.
    #[track_caller]
    pub fn migrate(&mut self, name: &str, hypervisor: usize) {
        let mut machine = self
            .machines
            .remove(name)
            .unwrap_or_else(|| panic!("no machine {name}"));
        self.disconnect(&machine);
        let target = self
            .hypervisor(hypervisor)
            .host()
            .netns()
            .unwrap_or_default();
        let source = self.hypervisor(machine.hypervisor).host();
        source.run(&["ip", "link", "set", &machine.tap, "netns", target]);
        machine.hypervisor = hypervisor;
        self.connect(&machine);
        self.machines.insert(name.to_string(), machine);
    }

    /// Boots a machine that can have interfaces on two hypervisors for a while, as one does during a live
    /// migration: it runs on one of them at a time. See [`Lab::begin_migration`].
    ///
    /// # Panics
    /// When it cannot be plugged.
    #[track_caller]
    pub fn plug_movable(&mut self, hypervisor: usize, name: &str, mac: &str, id: &str) -> Host {
        let host = Host::with_netns(&self.slot, &format!("vm-{name}"));
        host.run(&[
            "ip", "link", "add", "eth0", "address", mac, "type", "bridge",
        ]);
        host.run(&["ip", "link", "set", "eth0", "up"]);
        let machine = Machine {
            host: host.clone(),
            hypervisor,
            tap: format!("tap{id:.11}"),
            mac: mac.to_string(),
            iface_id: id.to_string(),
        };
        self.add_leg(&machine);
        run_on(&host, &[(hypervisor, true)]);
        self.connect(&machine);
        self.machines.insert(name.to_string(), machine);
        host
    }

    /// Gives a movable machine its interface on another hypervisor, beside the one it has. It goes on
    /// running where it is, and neither hears nor says anything there.
    ///
    /// # Panics
    /// When there is no such machine.
    #[track_caller]
    pub fn begin_migration(&mut self, name: &str, hypervisor: usize) {
        let target = self.target(name, hypervisor);
        self.add_leg(&target);
        self.connect(&target);
        self.machines.insert(format!("{name} moves"), target);
    }

    /// Stops a movable machine where it ran, and lets it run on the hypervisor that it migrates to.
    ///
    /// # Panics
    /// When its migration was not begun.
    #[track_caller]
    pub fn resume(&self, name: &str) {
        let (source, target) = (
            &self.machines[name],
            &self.machines[&format!("{name} moves")],
        );
        let switch = [(source.hypervisor, false), (target.hypervisor, true)];
        run_on(&source.host, &switch);
    }

    /// [`Lab::begin_migration`] with an interface of which nobody says yet whose it is.
    ///
    /// # Panics
    /// When there is no such machine.
    #[track_caller]
    pub fn begin_silently(&mut self, name: &str, hypervisor: usize) {
        let target = self.target(name, hypervisor);
        self.add_leg(&target);
        self.attach(&target, &[]);
        self.hypervisor(hypervisor).ofport(&target.tap);
        self.machines.insert(format!("{name} moves"), target);
    }

    /// Says whose the interface is that [`Lab::begin_silently`] made.
    ///
    /// # Panics
    /// When there is none.
    #[track_caller]
    pub fn announce(&self, name: &str) {
        let target = &self.machines[&format!("{name} moves")];
        let hypervisor = self.hypervisor(target.hypervisor);
        hypervisor.identify(&target.tap, "iface-id", &target.iface_id);
    }

    /// A movable machine as it will be on another hypervisor.
    #[track_caller]
    fn target(&self, name: &str, hypervisor: usize) -> Machine {
        let machine = &self.machines[name];
        Machine {
            host: machine.host.clone(),
            hypervisor,
            tap: machine.tap.clone(),
            mac: machine.mac.clone(),
            iface_id: machine.iface_id.clone(),
        }
    }

    /// Removes a movable machine's interface from the hypervisor where it was.
    ///
    /// # Panics
    /// When its migration was not begun.
    #[track_caller]
    pub fn end_migration(&mut self, name: &str) {
        let target = self.machines.remove(&format!("{name} moves"));
        let target = target.unwrap_or_else(|| panic!("{name} does not move"));
        let Some(source) = self.machines.insert(name.to_string(), target) else {
            panic!("no machine {name}");
        };
        self.disconnect(&source);
        let switch = self.hypervisor(source.hypervisor).host();
        switch.run(&["ip", "link", "del", &source.tap]);
    }

    /// A cable from a movable machine to a hypervisor, on which it is silent.
    #[track_caller]
    fn add_leg(&self, machine: &Machine) {
        let (host, leg) = (&machine.host, leg(machine.hypervisor));
        let switch = self.hypervisor(machine.hypervisor).host();
        let pair = ["ip", "link", "add", &leg, "type", "veth", "peer", "name"];
        let netns = switch.netns().unwrap_or_default();
        host.run(&[&pair[..], &[&machine.tap, "netns", netns]].concat());
        switch.run(&["ip", "link", "set", &machine.tap, "up"]);
        offload_off(host, &leg);
        hush(host, &leg);
        host.run(&["ip", "link", "set", &leg, "master", "eth0", "up"]);
        // What it hears on one cable says nothing of where to answer: that is where it runs.
        host.run(&["bridge", "link", "set", "dev", &leg, "learning", "off"]);
        // The kernel lets it speak as soon as it notices the carrier, which must not come later.
        wait::until("the kernel opens the cable", || {
            let state = host.run(&["cat", &format!("/sys/class/net/{leg}/brport/state")]);
            if state.trim() == "3" {
                Ok(())
            } else {
                Err(state)
            }
        });
        run_on(host, &[(machine.hypervisor, false)]);
    }

    #[track_caller]
    fn connect(&self, machine: &Machine) {
        self.attach(
            machine,
            &[&format!("external_ids:iface-id={}", machine.iface_id)],
        );
    }

    /// Puts a machine's interface into `br-int`, with further columns.
    #[track_caller]
    fn attach(&self, machine: &Machine, columns: &[&str]) {
        let hypervisor = self.hypervisor(machine.hypervisor);
        let tap = machine.tap.as_str();
        offload_off(hypervisor.host(), tap);
        hush(hypervisor.host(), tap);
        hypervisor.host().run(&["ip", "link", "set", tap, "up"]);
        hypervisor.wait_for_bridge(INTEGRATION_BRIDGE);
        let mac = format!("external_ids:attached-mac=\"{}\"", machine.mac);
        let name = format!("external_ids:vm-id={}", machine.host.name());
        let words = [
            "add-port",
            INTEGRATION_BRIDGE,
            tap,
            "--",
            "set",
            "Interface",
            tap,
        ];
        let known = [mac.as_str(), "external_ids:iface-status=active", &name];
        hypervisor.vsctl(&[&words[..], &known, columns].concat());
    }

    #[track_caller]
    fn disconnect(&self, machine: &Machine) {
        let hypervisor = self.hypervisor(machine.hypervisor);
        hypervisor.vsctl(&["del-port", INTEGRATION_BRIDGE, &machine.tap]);
    }
}

/// The cable of a movable machine to a hypervisor.
fn leg(hypervisor: usize) -> String {
    format!("leg{hypervisor}")
}

/// Lets a movable machine run where it is said to, and be silent where it is not, in one breath.
#[track_caller]
fn run_on(host: &Host, legs: &[(usize, bool)]) {
    let lines: String = legs
        .iter()
        .map(|(hypervisor, runs)| {
            let state = if *runs { "forwarding" } else { "listening" };
            format!("link set dev {} state {state}\n", leg(*hypervisor))
        })
        .collect();
    host.run(&["sh", "-c", &format!("printf '{lines}' | bridge -batch -")]);
}

/// The management address of member `number` of a cluster.
pub fn member_address(number: u8) -> Ipv4Addr {
    Ipv4Addr::new(10, 99, 0, 200 + number)
}

#[track_caller]
fn plan(slot: &Slot, fabric: &Host, number: u8, system_id: String) -> Plan {
    let host = Host::with_netns(slot, &format!("hv{number}"));
    for (bridge, interface) in [("mg", "mgmt0"), ("ul", "phy0"), ("ex", "ext0")] {
        let cable = format!("{bridge}-hv{number}");
        wire(fabric, &cable, bridge, &host, interface);
    }
    host.run(&[
        "ip",
        "address",
        "add",
        &format!("10.99.0.{number}/24"),
        "dev",
        "mgmt0",
    ]);
    for interface in ["phy0", "ext0"] {
        hush(&host, interface);
    }
    // A hwaddr other than that of phy0: the kernel sees a copy of what arrives there.
    let bridge = format!(
        "add-br br-phy -- set Bridge br-phy datapath_type=netdev fail_mode=standalone \
         other_config:hwaddr=02:00:00:00:fe:{number:02x} -- add-port br-phy phy0 \
         -- set Interface br-phy mtu_request={MTU}"
    );
    Plan {
        system_id,
        folder: slot.folder().join(format!("hv{number}")),
        launcher: DAEMON,
        arguments: &["--disable-system"],
        underlay: format!("172.31.0.{number}"),
        bridge: bridge.split(' ').map(String::from).collect(),
        // The bridge's interface goes and comes with the daemon.
        after_start: Box::new(|hypervisor| {
            let address = format!("{}/24", hypervisor.underlay());
            let host = hypervisor.host();
            host.try_run(&["ip", "address", "replace", &address, "dev", "br-phy"])?;
            host.try_run(&["ip", "link", "set", "br-phy", "up"])?;
            host.try_run(&["ethtool", "-K", "br-phy", "tx", "off"])?;
            Ok(())
        }),
        host,
    }
}

/// A cable from a host's interface to a port of one of the fabric's bridges.
#[track_caller]
fn wire(fabric: &Host, port: &str, bridge: &str, host: &Host, interface: &str) {
    let netns = host.netns().unwrap_or_default();
    let pair = [
        "ip", "link", "add", port, "mtu", MTU, "type", "veth", "peer", "name",
    ];
    fabric.run(&[&pair[..], &[interface, "mtu", MTU, "netns", netns]].concat());
    fabric.run(&["ip", "link", "set", port, "master", bridge, "up"]);
    host.run(&["ip", "link", "set", interface, "up"]);
    offload_off(fabric, port);
    offload_off(host, interface);
}

/// Checksums must be complete before packets reach Open vSwitch, which sees them as they are in
/// memory: with offloading, ping works and every TCP and UDP flow hangs.
#[track_caller]
fn offload_off(host: &Host, interface: &str) {
    host.run(&[
        "ethtool", "-K", interface, "tx", "off", "tso", "off", "gso", "off", "gro", "off",
    ]);
}

/// Open vSwitch gets only a copy of what arrives at its ports; the kernel must not answer the original.
#[track_caller]
fn hush(host: &Host, interface: &str) {
    let setting = |key: &str| format!("net.{key}").replace("IF", interface);
    host.run(&[
        "sysctl",
        "-qw",
        &setting("ipv6.conf.IF.disable_ipv6=1"),
        &setting("ipv4.conf.IF.arp_ignore=8"),
        &setting("ipv4.conf.IF.forwarding=0"),
        &setting("ipv4.conf.IF.rp_filter=1"),
    ]);
}
