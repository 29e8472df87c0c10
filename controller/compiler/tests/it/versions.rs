//! Every flow can be said in every version that switches may negotiate, and means the same there.

use std::collections::BTreeMap;

use rust_openflow::message::{FlowStats, Message};
use rust_openflow::{DecodeError, Field, FieldValue, Match, Version};
use weft_compiler::content::hashes;
use weft_compiler::diff::{Difference, Installed};
use weft_compiler::engine::Input;
use weft_compiler::{Compiler, Content, Production};
use weft_topology::{AddressPair, Change, Port, Role};

use crate::world::{
    chassis, chassis_id, interface, interface_id, network, network_id, port, port_id, secret,
    subnet, subnet_id,
};

/// A program that has every kind of flow: three encapsulations, both families, DHCP, address pairs.
fn program() -> Vec<Content> {
    let mut changes = Vec::new();
    for n in 0..3 {
        changes.push(Change::Network(network_id(n), Some(network(n, true))));
        changes.push(Change::Subnet(subnet_id(n), Some(subnet(n, true))));
        changes.push(Change::Chassis(chassis_id(n), Some(chassis(n))));
    }
    for n in 0..9 {
        let pair = AddressPair {
            net: "10.0.0.128/25".parse().unwrap(),
            mac: port(n, 0).mac,
        };
        let declared = Port {
            port_security: n % 4 != 0,
            allowed_address_pairs: vec![pair],
            role: if n == 8 { Role::Services } else { Role::Guest },
            ..port(n, n % 3)
        };
        changes.push(Change::Port(port_id(n), Some(declared)));
        changes.push(Change::Interface(
            interface_id(n / 3, n),
            Some(interface(n, 1)),
        ));
    }
    let mut compiler = Compiler::new(Production, secret());
    compiler.update(Input {
        changes,
        manage: vec![chassis_id(0)],
        ..Input::default()
    });
    assert_eq!(compiler.faults(), []);
    compiler.program(&chassis_id(0))
}

#[test]
fn a_flow_has_the_same_content_in_every_version() -> Result<(), DecodeError> {
    let program = program();
    let flows = program.iter().filter_map(|content| match content {
        Content::Flow(flow) => Some(flow),
        _ => None,
    });
    let mut count = 0;
    for flow in flows {
        for version in [Version::V1_3, Version::V1_4, Version::V1_5] {
            let message = Message::FlowMod(flow.decode());
            let bytes = message
                .encode(version, 1)
                .unwrap_or_else(|error| panic!("{message:?}: {error}"));
            let (_, decoded) = Message::decode(&bytes)?;
            let Message::FlowMod(decoded) = decoded else {
                panic!("{decoded:?}")
            };
            let (_, cookie) = hashes(
                &secret(),
                decoded.table,
                decoded.priority,
                &decoded.matches,
                &decoded.instructions,
            )
            .unwrap();
            assert_eq!(cookie, flow.cookie, "OpenFlow {version}: {decoded:?}");
        }
        count += 1;
    }
    assert!(count > 100, "{count} flows");
    Ok(())
}

/// A match as Open vSwitch reports it in OpenFlow 1.5: registers in pairs.
fn in_pairs(matches: &Match) -> Match {
    let mut pairs: BTreeMap<u8, (u128, u128)> = BTreeMap::new();
    let mut reported = Match::default();
    for value in matches.fields() {
        let register = (0..16).find(|number| Field::register(*number) == Some(value.field));
        let Some(number) = register else {
            reported.push(*value);
            continue;
        };
        let shift = if number % 2 == 0 { 32 } else { 0 };
        let pair = pairs.entry(number / 2).or_default();
        pair.0 |= value.value << shift;
        pair.1 |= value.significant() << shift;
    }
    for (number, (value, mask)) in pairs {
        let field = Field::register_pair(number).unwrap();
        reported.push(FieldValue::masked(field, value, mask));
    }
    reported
}

#[test]
fn a_flow_is_known_again_when_its_registers_are_reported_in_pairs() {
    let program = program();
    let mut installed = Installed::default();
    let mut paired = 0;
    for content in &program {
        let Content::Flow(flow) = content else {
            continue;
        };
        let flow_mod = flow.decode();
        let matches = in_pairs(&flow_mod.matches);
        paired += usize::from(matches != flow_mod.matches);
        let reported = FlowStats {
            table: flow_mod.table,
            priority: flow_mod.priority,
            idle_timeout: 0,
            hard_timeout: 0,
            flags: flow_mod.flags,
            importance: 0,
            cookie: flow_mod.cookie,
            stats: Default::default(),
            matches,
            instructions: flow_mod.instructions,
        };
        installed.add_flow(&secret(), reported);
    }
    assert!(paired > 50, "{paired} flows with registers");
    assert_eq!(installed.foreign, []);
    assert!(Difference::between(&installed, &program).flows.is_empty());
}

#[test]
fn a_flow_that_was_changed_on_the_switch_is_foreign_whatever_its_cookie() {
    let program = program();
    let mut installed = Installed::default();
    let mut altered = 0;
    for (at, content) in program.iter().enumerate() {
        let Content::Flow(flow) = content else {
            continue;
        };
        let flow_mod = flow.decode();
        let mut instructions = flow_mod.instructions;
        if at % 10 == 0 {
            instructions.clear();
            altered += 1;
        }
        // A flow that drops anyway is not changed by that.
        altered -= usize::from(at % 10 == 0 && flow.decode().instructions.is_empty());
        installed.add_flow(
            &secret(),
            FlowStats {
                table: flow_mod.table,
                priority: flow_mod.priority,
                idle_timeout: 0,
                hard_timeout: 0,
                flags: flow_mod.flags,
                importance: 0,
                cookie: flow_mod.cookie,
                stats: Default::default(),
                matches: flow_mod.matches,
                instructions,
            },
        );
    }
    assert!(altered > 5);
    assert_eq!(installed.foreign.len(), altered);
    let flows = program
        .iter()
        .filter(|content| matches!(content, Content::Flow(_)))
        .count();
    assert_eq!(installed.cookies.len(), flows - altered);
    // Its three ports are known, whatever was done to their flows; tunnels are no ports.
    assert_eq!(installed.ports, 3);
}
