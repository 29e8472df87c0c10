//! Shapes that the engine must bear and that networks of today do not have yet, with rules made for
//! the purpose: conjunctions that several items share, groups, and contradictions.

use rust_openflow::message::{Bucket, GroupMod, GroupType};
use rust_openflow::{Action, Field, GroupId, Instruction, PortNo};
use weft_compiler::emit::{Emitter, Fault};
use weft_compiler::engine::Input;
use weft_compiler::rules::{Rules, Source};
use weft_compiler::view::View;
use weft_compiler::{Content, Stage};
use weft_topology::{Change, ChassisId, Element, Index, NetworkId, PortId};

use crate::world::{
    Cloud, chassis, chassis_id, interface, interface_id, network, network_id, port, port_id,
};

/// Each network stands for a group of addresses, with its own number of conjunctions; each port is a
/// member of its network's group. All members are known everywhere.
struct Membership;

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Item {
    Member(PortId),
    Balancer(NetworkId),
    Claimant(PortId),
}

impl Rules for Membership {
    type Item = Item;
    type Scope = Option<NetworkId>;

    fn reach(&self, chassis: &ChassisId, view: &mut View<'_>) -> Vec<Option<NetworkId>> {
        let local = view.elements(Index::LocalNetworks(chassis.clone()));
        local
            .filter_map(|element| match element {
                Element::Network(network) => Some(Some(*network)),
                _ => None,
            })
            .chain([None])
            .collect()
    }

    fn sources(&self, scope: &Option<NetworkId>) -> Vec<Source<Item>> {
        let Some(network) = *scope else {
            return Vec::new();
        };
        let ports = |item: fn(PortId) -> Item| {
            Source::each(Index::Ports(network), move |element| match element {
                Element::Port(port) => Some(item(*port)),
                _ => None,
            })
        };
        vec![
            ports(Item::Member),
            ports(Item::Claimant),
            Source::One(Item::Balancer(network)),
        ]
    }

    fn lower(&self, item: &Item, view: &mut View<'_>, emit: &mut Emitter<'_>) {
        match item {
            Item::Member(id) => {
                let Some(port) = view.port(*id) else { return };
                let Some(network) = view.network(port.network) else {
                    return;
                };
                // Members of two groups may have one address: their clauses stand in one flow.
                emit.flow(Stage::PortSecurity, 50)
                    .field(Field::EthSrc, port.mac)
                    .clause(network.key.get(), 1, 2);
            }
            Item::Balancer(id) => {
                let Some(network) = view.network(*id) else {
                    return;
                };
                let buckets = view
                    .elements(Index::Ports(*id))
                    .filter_map(|element| match element {
                        Element::Port(port) => view_ofport(*port),
                        _ => None,
                    })
                    .map(|ofport| Bucket::new(vec![Action::output(ofport)]))
                    .collect();
                emit.group(GroupMod::add(
                    GroupId(network.key.get()),
                    GroupType::ALL,
                    buckets,
                ));
            }
            Item::Claimant(id) => {
                let Some(port) = view.port(*id) else { return };
                // What only ports without port security do: contradict each other.
                if !port.port_security {
                    emit.flow(Stage::Services, 7)
                        .action(Action::queue(port.key.get()))
                        .end();
                }
            }
        }
    }
}

/// A port number that follows from the port alone.
fn view_ofport(port: PortId) -> Option<PortNo> {
    u32::try_from(port.0.as_u64_pair().1).ok().map(PortNo)
}

/// Two networks on hypervisor 0, the second also on hypervisor 1, each with one port of its own.
fn cloud() -> Cloud<Membership> {
    let mut cloud = Cloud::new(Membership);
    let mut changes = Vec::new();
    for n in 0..2 {
        changes.push(Change::Network(network_id(n), Some(network(n, true))));
        changes.push(Change::Chassis(chassis_id(n), Some(chassis(n))));
        changes.push(Change::Port(port_id(n), Some(port(n, n))));
        changes.push(Change::Interface(interface_id(0, n), Some(interface(n, 1))));
    }
    changes.push(Change::Port(port_id(9), Some(port(9, 1))));
    changes.push(Change::Interface(interface_id(1, 9), Some(interface(9, 1))));
    cloud.update(Input {
        changes,
        manage: vec![chassis_id(0), chassis_id(1)],
        ..Input::default()
    });
    cloud
}

/// The conjunctions of each flow of a switch that has any.
fn conjunctions(cloud: &Cloud<Membership>, chassis: u8) -> Vec<Vec<u32>> {
    let mut found: Vec<Vec<u32>> = cloud
        .compiler
        .program(&chassis_id(chassis))
        .iter()
        .filter_map(|content| match content {
            Content::Flow(flow) => Some(flow.decode()),
            _ => None,
        })
        .filter_map(|flow| match flow.instructions.as_slice() {
            [Instruction::ApplyActions { actions }] => Some(
                actions
                    .iter()
                    .filter_map(|action| match action {
                        Action::Conjunction { id, .. } => Some(*id),
                        _ => None,
                    })
                    .collect(),
            ),
            _ => None,
        })
        .collect();
    found.sort();
    found
}

#[test]
fn clauses_of_two_items_on_one_match_stand_in_one_flow_where_both_are() {
    let mut cloud = cloud();
    assert_eq!(conjunctions(&cloud, 0), [vec![1], vec![2], vec![2]]);
    // Port 9 of network 1 gets the address of port 0 of network 0.
    let mut twin = port(9, 1);
    twin.mac = port(0, 0).mac;
    let deltas = cloud.update(Input {
        changes: vec![Change::Port(port_id(9), Some(twin))],
        ..Input::default()
    });
    assert_eq!(conjunctions(&cloud, 0), [vec![1, 2], vec![2]]);
    assert_eq!(conjunctions(&cloud, 1), [vec![2], vec![2]]);
    // On hypervisor 0 the flow that was there is replaced, and nothing else is touched but the old one.
    let delta = &deltas[&chassis_id(0)];
    let set: usize = delta.iter().map(|part| part.set.len()).sum();
    let removed: usize = delta.iter().map(|part| part.removed.len()).sum();
    let replaced: usize = delta.iter().map(|part| part.replaced.len()).sum();
    assert_eq!((set, removed, replaced), (1, 1, 1));
    // When the first goes, the other's clause stays.
    cloud.update(Input {
        changes: vec![Change::Port(port_id(0), None)],
        ..Input::default()
    });
    assert_eq!(conjunctions(&cloud, 0), [vec![2], vec![2]]);
    assert_eq!(cloud.compiler.faults(), []);
}

#[test]
fn a_group_that_changes_is_replaced_and_goes_with_its_last_switch() {
    let mut cloud = cloud();
    let groups = |cloud: &Cloud<Membership>| -> Vec<(u32, usize)> {
        cloud
            .compiler
            .program(&chassis_id(1))
            .iter()
            .filter_map(|content| match content {
                Content::Group(group) => Some((group.group.0, group.buckets.len())),
                _ => None,
            })
            .collect()
    };
    assert_eq!(groups(&cloud), [(2, 2)]);
    let deltas = cloud.update(Input {
        changes: vec![Change::Port(port_id(5), Some(port(5, 1)))],
        ..Input::default()
    });
    assert_eq!(groups(&cloud), [(2, 3)]);
    let replaced: usize = deltas[&chassis_id(1)]
        .iter()
        .map(|part| part.replaced.len())
        .sum();
    assert_eq!(replaced, 1);
    cloud.update(Input {
        changes: vec![Change::Interface(interface_id(1, 9), None)],
        ..Input::default()
    });
    assert_eq!(groups(&cloud), []);
}

#[test]
fn items_that_contradict_each_other_are_named_and_nothing_depends_on_their_order() {
    let unsecured = |n: u8, network| weft_topology::Port {
        port_security: false,
        ..port(n, network)
    };
    let one = |first: u8, second: u8| {
        let mut cloud = cloud();
        for n in [first, second] {
            cloud.update(Input {
                changes: vec![Change::Port(port_id(n), Some(unsecured(n, n)))],
                ..Input::default()
            });
        }
        (
            cloud.compiler.program(&chassis_id(0)),
            cloud.compiler.faults(),
        )
    };
    let (program, faults) = one(0, 1);
    assert!(
        matches!(&faults[..], [Fault::Conflict { .. }]),
        "{faults:?}"
    );
    assert_eq!(one(1, 0).0, program);
    // Where only one of them is, there is no contradiction.
    let mut cloud = cloud();
    cloud.update(Input {
        changes: vec![Change::Port(port_id(9), Some(unsecured(9, 1)))],
        ..Input::default()
    });
    assert_eq!(cloud.compiler.faults(), []);
}
