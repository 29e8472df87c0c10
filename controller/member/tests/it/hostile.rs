//! Peers that send anything: nothing panics, nothing grows without bound, the others go on.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use bytes::Bytes;
use proptest::prelude::*;
use rust_openflow::error::ErrorAnswer;
use rust_openflow::message::{ErrorMessage, Role, RoleMessage};
use rust_openflow::session::Config;
use rust_openflow::session::push::Refusal;
use rust_openflow::{DatapathId, Version};
use weft_compiler::Secret;
use weft_compiler::diff::Installed;
use weft_member::hypervisor_link::{self, HypervisorLink, Plugged};
use weft_member::{Effect, Input, Inventory, Member, SwitchLink};
use weft_ovsdb::Uuid;
use weft_schema::observation::{ChassisRow, EncapRow};
use weft_schema::{MemoryStore, State};

use crate::world::{SECRET, settings};

fn inventory() -> impl Strategy<Value = Inventory> {
    let name = prop::sample::select(vec!["hv0", "hv1", "hv0/tap", "", "/", "\u{0}"]);
    let interface = (
        prop::sample::select(vec!["tap", "tap/tap", "/", "", "x"]),
        prop::sample::select(vec!["", "x", "7b0b7f2c-6a0e-4a5f-9d3c-1c2d3e4f5a6b"]),
        prop::option::of(any::<u32>()),
    );
    let datapath = prop::option::of(prop::sample::select(vec![
        "",
        "0000000000000001",
        "zz",
        "1",
    ]));
    let database = prop::option::of((0..3_u128).prop_map(Uuid::from_u128));
    let interfaces = prop::collection::vec(interface, 0..4);
    (name, datapath, database, interfaces).prop_map(|(name, datapath, database, interfaces)| {
        Inventory {
            system_id: name.to_owned(),
            database,
            chassis: ChassisRow {
                hostname: name.to_owned(),
                datapath_id: datapath.map(str::to_owned),
                encaps: vec![EncapRow {
                    kind: "vxlan".to_owned(),
                    ip: IpAddr::V4(Ipv4Addr::LOCALHOST),
                }],
                ..ChassisRow::default()
            },
            interfaces: interfaces
                .into_iter()
                .map(|(name, port_id, ofport)| {
                    (
                        name.to_owned(),
                        Plugged {
                            port_id: port_id.to_owned(),
                            ofport,
                        },
                    )
                })
                .collect::<BTreeMap<_, _>>(),
        }
    })
}

fn refusal() -> impl Strategy<Value = Refusal> {
    let bytes = prop::collection::vec(any::<u8>(), 0..70);
    (bytes, prop::option::of(any::<u64>()), 0..20_u16, 0..20_u16).prop_map(
        |(data, cookie, kind, code)| Refusal {
            error: ErrorMessage::new(ErrorAnswer { kind, code }, data.into()),
            cookie,
        },
    )
}

/// What a member can be told; entries are told in between.
fn input() -> impl Strategy<Value = Input> {
    let link = 0..4_u64;
    prop_oneof![
        (link.clone(), 0..3_u8, inventory()).prop_map(|(link, peer, inventory)| Input::Inventory {
            link,
            peer: IpAddr::V4(Ipv4Addr::new(192, 0, 2, peer)),
            inventory: Box::new(inventory),
        }),
        link.clone().prop_map(Input::HypervisorGone),
        (link.clone(), 0..3_u8, 0..3_u64).prop_map(|(link, peer, datapath)| Input::SwitchUp {
            link,
            peer: IpAddr::V4(Ipv4Addr::new(192, 0, 2, peer)),
            datapath: DatapathId(datapath),
            version: Version::V1_5,
        }),
        (link.clone(), prop::option::of(any::<u64>())).prop_map(|(link, marker)| Input::Read {
            link,
            installed: Box::new(Installed {
                marker,
                ..Installed::default()
            }),
        }),
        (
            link.clone(),
            0..20_u64,
            prop::collection::vec(refusal(), 0..3)
        )
            .prop_map(|(link, push, refusals)| Input::Pushed {
                link,
                push,
                refusals
            }),
        link.prop_map(Input::SwitchGone),
        (
            prop::sample::select(vec!["hv0", "hv1", "other"]),
            prop::option::of(0..40_u64)
        )
            .prop_map(|(name, revision)| Input::Written {
                system_id: name.to_owned(),
                revision
            }),
        (0..3_u8).prop_map(|which| match which {
            0 => Input::Tick(0),
            1 => Input::Audit,
            _ => Input::Release("hv0".into()),
        }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_member_takes_any_input_in_any_order(inputs in prop::collection::vec(input(), 1..60)) {
        let store = MemoryStore::new(SECRET);
        let mut member = store.read(|state| Member::new(state, settings()));
        for input in inputs {
            let mut effects = member.handle(input);
            // What it writes is in the log, and what follows from that ends.
            let mut rounds = 0;
            while !effects.is_empty() {
                rounds += 1;
                prop_assert!(rounds < 20, "it writes for ever: {effects:?}");
                let mut next = Vec::new();
                for effect in effects {
                    if let Effect::Write { system_id, write } = effect {
                        let revision = store.commit_one(write, 0).ok().map(|entry| entry.revision);
                        next.extend(member.handle(Input::Written { system_id, revision }));
                    }
                }
                let entries = store.entries_after(member.revision());
                next.extend(member.handle(Input::Entries(entries.into_iter().map(Arc::new).collect())));
                effects = next;
            }
        }
        prop_assert_eq!(member.revision(), store.read(State::revision));
    }

    #[test]
    fn a_switch_may_send_any_bytes(
        greeted: bool,
        messages in prop::collection::vec((0..40_u8, any::<u32>(), prop::collection::vec(any::<u8>(), 0..80)), 0..20),
        rubbish in prop::collection::vec(any::<u8>(), 0..40),
    ) {
        let role = RoleMessage::new(Role::MASTER, 1);
        let mut link = SwitchLink::new(role, Config::default(), Secret::new(SECRET), 0);
        if greeted {
            link.receive(&[6, 0, 0, 8, 0, 0, 0, 1], 1);
            link.receive(&[&[6, 6, 0, 32, 0, 0, 0, 2][..], &[0; 24]].concat(), 1);
            link.receive(&[&[6, 25, 0, 24, 0, 0, 0, 3, 0, 0, 0, 2][..], &[0; 12]].concat(), 1);
            let up = matches!(link.next_event(), Some(weft_member::switch_link::Event::Up { .. }));
            prop_assert!(up);
        }
        for (kind, xid, body) in messages {
            let length = u16::try_from(body.len() + 8).unwrap().to_be_bytes();
            let header = [6, kind, length[0], length[1]];
            link.receive(&[&header[..], &(xid % 16).to_be_bytes(), &body].concat(), 2);
        }
        link.receive(&rubbish, 3);
        link.command(weft_member::switch_link::Command::Read);
        let mut output = 0;
        while link.next_output().is_some() {
            output += 1;
        }
        prop_assert!(output < 200);
        while link.next_event().is_some() {}
    }

    #[test]
    fn a_hypervisor_may_send_any_text(texts in prop::collection::vec(text(), 0..12)) {
        let settings = hypervisor_link::Settings {
            bridge: "br-int".to_owned(),
            generation: 1,
            openflow_port: 6653,
            advertise: None,
        };
        let local = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let mut link = HypervisorLink::new(settings, local, local, 0);
        for (at, text) in texts.iter().enumerate() {
            link.receive(text.as_bytes(), at as u64);
        }
        link.tick(100_000);
        while link.next_output().is_some() {}
        while link.next_event().is_some() {}
    }
}

/// Messages that are nearly right.
fn text() -> impl Strategy<Value = String> {
    let id = 0..4_u8;
    let body = prop::sample::select(vec![
        "null",
        "{}",
        "[]",
        "[false,\"00000000-0000-0000-0000-000000000000\",{}]",
        "{\"Open_vSwitch\":{\"x\":{\"initial\":{}}}}",
        "{\"name\":\"Open_vSwitch\",\"version\":\"8.3.0\",\"tables\":{}}",
    ]);
    prop_oneof![
        4 => (id.clone(), body.clone()).prop_map(|(id, body)| format!("{{\"id\":{id},\"result\":{body},\"error\":null}}")),
        1 => id.prop_map(|id| format!("{{\"id\":{id},\"result\":null,\"error\":{{\"error\":\"x\"}}}}")),
        2 => body.prop_map(|body| format!("{{\"id\":null,\"method\":\"update3\",\"params\":[\"weft\",\"x\",{body}]}}")),
        1 => "[ -~]{0,20}",
    ]
}

#[test]
fn an_error_with_less_than_a_number_in_it_is_no_matter() {
    let mut world = crate::world::World::with_hosts(1, 1);
    for data in [
        &b""[..],
        &[6],
        &[6, 29, 0, 40],
        &[6, 29, 0, 40, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    ] {
        let refusals = vec![Refusal {
            error: ErrorMessage::new(
                ErrorAnswer { kind: 12, code: 1 },
                Bytes::copy_from_slice(data),
            ),
            cookie: None,
        }];
        world.tell(Input::Pushed {
            link: 2,
            push: 1,
            refusals,
        });
        world.settle();
    }
    world.tell(Input::Audit);
    world.settle();
    world.check();
}
