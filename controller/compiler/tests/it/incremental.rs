//! `incremental == full`, and deltas applied are the program, for random histories of networks.

use proptest::prelude::*;
use weft_compiler::engine::Input;
use weft_compiler::{Compiler, Production};
use weft_topology::{AddressPair, Change, ChassisId, NetworkId, PortId, Role, SubnetId};

use crate::world::{
    Cloud, Switch, chassis, chassis_id, interface, interface_id, network, network_id, port,
    port_id, secret, subnet, subnet_id,
};

const NETWORKS: u8 = 3;
const PORTS: u8 = 6;
const CHASSIS: u8 = 4;

#[derive(Debug, Clone)]
enum Step {
    Change(Change),
    Manage(u8),
    Release(u8),
}

fn step() -> impl Strategy<Value = Step> {
    let ports = 0..PORTS;
    prop_oneof![
        (0..NETWORKS, prop::option::weighted(0.8, any::<bool>()))
            .prop_map(|(n, up)| Change::Network(network_id(n), up.map(|up| network(n, up)))),
        (0..NETWORKS, prop::option::weighted(0.8, any::<bool>()))
            .prop_map(|(n, dhcp)| Change::Subnet(subnet_id(n), dhcp.map(|dhcp| subnet(n, dhcp)))),
        (
            ports.clone(),
            0..NETWORKS,
            any::<[bool; 4]>(),
            [prop::option::of(0..CHASSIS), prop::option::of(0..CHASSIS)]
        )
            .prop_map(|(n, of, [there, up, secure, pair], hosts)| {
                let [host, migrating_to] = hosts.map(|host| host.map(|n| format!("host{n}")));
                let port = there.then(|| weft_topology::Port {
                    admin_state_up: up,
                    port_security: secure,
                    role: if n == 0 { Role::Services } else { Role::Guest },
                    allowed_address_pairs: pair
                        .then(|| AddressPair {
                            net: "10.0.0.100/32".parse().unwrap(),
                            mac: port(n, of).mac,
                        })
                        .into_iter()
                        .collect(),
                    host,
                    migrating_to,
                    ..port(n, of)
                });
                Change::Port(port_id(n), port)
            }),
        (0..CHASSIS, prop::option::weighted(0.8, any::<bool>())).prop_map(|(n, there)| {
            let chassis = there.map(|encaps| {
                let mut chassis = chassis(n);
                if !encaps {
                    chassis.encaps.truncate(1);
                }
                chassis
            });
            Change::Chassis(chassis_id(n), chassis)
        }),
        (ports, 0..CHASSIS, prop::option::weighted(0.8, 0..5_u64)).prop_map(|(n, on, appeared)| {
            Change::Interface(
                interface_id(on, n),
                appeared.map(|appeared| interface(n, appeared)),
            )
        }),
    ]
    .prop_map(Step::Change)
}

fn history() -> impl Strategy<Value = Vec<Vec<Step>>> {
    let step = prop_oneof![
        12 => step(),
        1 => (0..CHASSIS).prop_map(Step::Manage),
        1 => (0..CHASSIS).prop_map(Step::Release),
    ];
    prop::collection::vec(prop::collection::vec(step, 1..6), 1..40)
}

fn input(batch: Vec<Step>) -> Input {
    let mut input = Input::default();
    for step in batch {
        match step {
            Step::Change(change) => input.changes.push(change),
            Step::Manage(n) if !input.release.contains(&chassis_id(n)) => {
                input.manage.push(chassis_id(n))
            }
            Step::Release(n) if !input.manage.contains(&chassis_id(n)) => {
                input.release.push(chassis_id(n))
            }
            Step::Manage(_) | Step::Release(_) => {}
        }
    }
    input
}

/// The network as it is at the end of a history, as changes from nothing.
fn everything(compiler: &Compiler<Production>, history: &[Change]) -> Vec<Change> {
    let mut changes = Vec::new();
    let model = compiler.model();
    changes.extend((0..NETWORKS).map(|n| {
        let id: NetworkId = network_id(n);
        Change::Network(id, model.network(id).map(|network| (**network).clone()))
    }));
    changes.extend((0..NETWORKS).map(|n| {
        let id: SubnetId = subnet_id(n);
        Change::Subnet(id, model.subnet(id).map(|subnet| (**subnet).clone()))
    }));
    changes.extend((0..PORTS).map(|n| {
        let id: PortId = port_id(n);
        Change::Port(id, model.port(id).map(|port| (**port).clone()))
    }));
    changes.extend((0..CHASSIS).map(|n| {
        let id: ChassisId = chassis_id(n);
        Change::Chassis(
            id.clone(),
            model.chassis(&id).map(|chassis| (**chassis).clone()),
        )
    }));
    // The last word on each interface stands.
    changes.extend(
        history
            .iter()
            .filter(|change| matches!(change, Change::Interface(..)))
            .cloned(),
    );
    changes
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn a_program_is_a_function_of_the_model_alone(history in history()) {
        let mut cloud = Cloud::new(Production);
        cloud.update(Input { manage: vec![chassis_id(0), chassis_id(1)], ..Input::default() });
        let mut changes = Vec::new();
        for batch in history {
            let input = input(batch);
            changes.extend(input.changes.iter().cloned());
            // Checks after every batch that the deltas, applied, are the program.
            cloud.update(input);
        }
        let mut full = Compiler::new(Production, secret());
        full.update(Input {
            changes: everything(&cloud.compiler, &changes),
            manage: cloud.compiler.managed().cloned().collect(),
            release: Vec::new(),
        });
        for chassis in cloud.compiler.managed() {
            prop_assert_eq!(
                Switch::with_program(cloud.compiler.program(chassis)),
                Switch::with_program(full.program(chassis))
            );
        }
        prop_assert_eq!(cloud.compiler.faults(), Vec::new());
        // Taking everything away leaves what an empty network has.
        cloud.update(Input {
            changes: (0..NETWORKS)
                .flat_map(|n| [Change::Network(network_id(n), None), Change::Subnet(subnet_id(n), None)])
                .chain((0..PORTS).map(|n| Change::Port(port_id(n), None)))
                .chain((0..CHASSIS).map(|n| Change::Chassis(chassis_id(n), None)))
                .collect(),
            manage: vec![chassis_id(0)],
            ..Input::default()
        });
        let mut empty = Compiler::new(Production, secret());
        empty.update(Input { manage: vec![chassis_id(0)], ..Input::default() });
        prop_assert_eq!(cloud.compiler.program(&chassis_id(0)), empty.program(&chassis_id(0)));
    }
}

#[test]
fn a_new_port_is_compiled_once_for_all_other_hypervisors() {
    let mut cloud = Cloud::new(Production);
    let mut changes = vec![Change::Network(network_id(0), Some(network(0, true)))];
    for n in 0..20 {
        changes.push(Change::Chassis(chassis_id(n), Some(chassis(n))));
        changes.push(Change::Port(port_id(n), Some(port(n, 0))));
        changes.push(Change::Interface(interface_id(n, n), Some(interface(n, 1))));
    }
    cloud.update(Input {
        changes,
        manage: (0..20).map(chassis_id).collect(),
        ..Input::default()
    });
    let deltas = cloud.update(Input {
        changes: vec![
            Change::Port(port_id(100), Some(port(100, 0))),
            Change::Interface(interface_id(0, 100), Some(interface(100, 1))),
        ],
        ..Input::default()
    });
    assert_eq!(deltas.len(), 20);
    let (first, second) = (&deltas[&chassis_id(1)], &deltas[&chassis_id(2)]);
    assert_eq!(first.len(), 1);
    assert!(
        std::sync::Arc::ptr_eq(&first[0], &second[0]),
        "the same bytes for everyone"
    );
    // Its address, its two answers to neighbours, and the way to it.
    assert_eq!(first[0].set.len(), 4);
    assert!(first[0].removed.is_empty() && first[0].replaced.is_empty());
}
