//! Real users of the network in a world: hosts get their addresses from the controller's own answers, and workloads
//! on them see what the network does.

use std::any::Any;
use std::net::IpAddr;

use serde_json::json;
use weft_simulations::host::{Addressing, Announcement, Host, SECOND};
use weft_simulations::workload::{Machine, Machines, Task, Workload};
use weft_simulations::world::{HypervisorId, World};

use crate::cloud::{cloud, network, settings, text};

/// A machine: where it is, what it is plugged in as, and what the API calls it.
struct Guest {
    at: HypervisorId,
    interface: String,
    port: String,
    address: IpAddr,
}

/// The machines of a world.
struct Guests {
    world: World,
    machines: Vec<Guest>,
}

impl Machines for Guests {
    fn with<R>(&mut self, machine: Machine, act: impl FnOnce(&mut Host) -> R) -> Option<R> {
        let Guest { at, interface, .. } = &self.machines[machine];
        self.world
            .with_attachment(*at, interface, |host, _| act(host))
    }

    fn address(&self, machine: Machine) -> Option<IpAddr> {
        Some(self.machines[machine].address)
    }
}

impl Guests {
    fn new(hypervisors: u8) -> Self {
        Self {
            world: cloud(settings(2), hypervisors),
            machines: Vec::new(),
        }
    }

    /// A machine that boots on a hypervisor.
    fn boot(&mut self, hypervisor: usize, network: &str) -> Machine {
        let port = json!({"network_id": network});
        let port = self.world.create("port", port).unwrap();
        let address = text(&port["fixed_ips"][0], "ip_address").parse().unwrap();
        let mut host = Host::new(text(&port, "mac_address").parse().unwrap(), 1);
        host.boot(&Addressing::Automatic, self.world.now());
        let at = self.world.hypervisors().nth(hypervisor).unwrap();
        let interface = format!("tap{}", self.machines.len());
        let port = text(&port, "id");
        self.world
            .plug(at, &interface, &port, Box::new(host))
            .unwrap();
        self.machines.push(Guest {
            at,
            interface,
            port,
            address,
        });
        self.machines.len() - 1
    }

    /// A machine leaves its hypervisor and is resumed at another one.
    fn migrate(&mut self, machine: Machine, hypervisor: usize) {
        let guest = &mut self.machines[machine];
        let moving = self.world.unplug(guest.at, &guest.interface).unwrap();
        let moving: Box<dyn Any> = moving;
        let mut host = *moving.downcast::<Host>().unwrap();
        host.arrive(Announcement::Hypervisor, self.world.now());
        guest.at = self.world.hypervisors().nth(hypervisor).unwrap();
        let plugged = self
            .world
            .plug(guest.at, &guest.interface, &guest.port, Box::new(host));
        plugged.unwrap();
    }
}

#[test]
fn hosts_lease_their_addresses_and_reach_one_another_over_tunnels() {
    let mut guests = Guests::new(3);
    let (red, blue) = (
        network(&mut guests.world, "10.0.0.0/24"),
        network(&mut guests.world, "10.0.0.0/24"),
    );
    let red: Vec<Machine> = (0..3).map(|at| guests.boot(at, &red)).collect();
    let blue: Vec<Machine> = (0..3).map(|at| guests.boot(at, &blue)).collect();
    guests.world.run_for(20 * SECOND);
    for machine in 0..guests.machines.len() {
        let address = guests.address(machine).unwrap();
        let leased = guests.with(machine, |host| {
            host.addresses().any(|net| net.addr() == address)
        });
        assert_eq!(leased, Some(true), "machine {machine}");
    }
    let mut workload = Workload::among(Task::Probe { every: 100 }, &red);
    workload
        .pairs
        .extend(Workload::among(workload.task, &blue).pairs);
    let now = guests.world.now();
    let mut running = workload.clone().start(1, &mut guests, now);
    guests.world.run_for(5 * SECOND);
    for machine in 0..guests.machines.len() {
        while let Some(Some(event)) = guests.with(machine, Host::next_event) {
            running.observe(machine, &event);
        }
    }
    let now = guests.world.now();
    let evaluation = running.evaluate(&mut guests, now);
    assert_eq!(
        evaluation.reached(),
        workload.pairs.iter().copied().collect()
    );
    assert_eq!(evaluation.strays, []);
}

#[test]
fn a_stream_follows_a_machine_that_migrates() {
    let mut guests = Guests::new(3);
    let network = network(&mut guests.world, "10.0.0.0/24");
    let sender = guests.boot(0, &network);
    let receiver = guests.boot(1, &network);
    guests.world.run_for(20 * SECOND);
    let stream = Task::Stream {
        every: 1000,
        size: 200,
    };
    let now = guests.world.now();
    let mut running = Workload::between(stream, &[sender], &[receiver]).start(1, &mut guests, now);
    guests.world.run_for(2 * SECOND);
    guests.migrate(receiver, 2);
    guests.world.run_for(5 * SECOND);
    let now = guests.world.now();
    running.stop(&mut guests, now);
    guests.world.run_for(SECOND);
    let now = guests.world.now();
    let evaluation = running.evaluate(&mut guests, now);
    let [pair] = evaluation.pairs.as_slice() else {
        panic!("{evaluation:?}");
    };
    assert_eq!(pair.received + pair.lost, pair.sent);
    assert!(pair.longest_gap < SECOND, "{pair:?}");
    assert_eq!(pair.outages.len(), 1, "one interruption: {pair:?}");
    assert!(pair.finished);
}
