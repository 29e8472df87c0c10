//! What is inside each other more often than anybody would read: refused by name, wherever it comes from.

use rust_openflow::action::{Actions, EncapProperty, Zone};
use rust_openflow::error::EncodeError;
use rust_openflow::message::describe::encode_line;
use rust_openflow::message::{Bucket, FlowMod, GroupMod, GroupType, PacketOut};
use rust_openflow::record::{Plain, Value};
use rust_openflow::text::{Names, parse_actions, print_actions};
use rust_openflow::{Action, GroupId, Instruction, Match, Message, PortNo, TableId, Version};

/// An action inside so many others.
fn nested(times: usize, inmost: Action) -> Action {
    (0..times).fold(inmost, |action, _| Action::clone_of(vec![action]))
}

/// Messages with an action.
fn messages(action: &Action) -> Vec<Message> {
    let list = vec![action.clone()];
    let apply = vec![Instruction::apply(list.clone())];
    let flow = FlowMod::add(TableId(0), 1, Match::any(), apply, 1);
    let buckets = vec![Bucket::new(list.clone())];
    let group = GroupMod::add(GroupId(1), GroupType::ALL, buckets);
    vec![
        Message::FlowMod(flow),
        Message::GroupMod(group),
        Message::PacketOut(PacketOut::new(PortNo(1), list, vec![1, 2, 3].into())),
    ]
}

#[test]
fn actions_that_nest_ever_deeper_can_be_held_and_told_but_not_written() {
    let action = nested(100_000, Action::pop_vlan());
    for version in Version::ALL {
        for message in messages(&action) {
            let written = message.encode(version, 1);
            assert!(
                matches!(written, Err(EncodeError::TooDeep { .. })),
                "{version}: {written:?}"
            );
            let value = message.body_value(version);
            let kind = message.kind().unwrap();
            assert!(Message::from_body_value(kind, &value, version).is_err());
        }
        assert_eq!(action.clone().for_version(version), action);
    }
}

#[test]
fn what_is_written_is_never_too_deep_to_be_read() {
    let encap = Action::Encap {
        hdr_size: 0,
        new_pkt_type: 0x1_894f,
        properties: vec![EncapProperty::NshMdType(1)],
    };
    let inmost = [Action::pop_vlan(), Action::dec_ttl(), encap];
    let mut deepest = 0;
    for times in 0..40 {
        for inmost in &inmost {
            for version in Version::ALL {
                for message in messages(&nested(times, inmost.clone())) {
                    let Ok(bytes) = message.encode(version, 1) else {
                        continue;
                    };
                    deepest = times;
                    let read = Message::decode(&bytes).map(|(_, message)| message);
                    assert_eq!(read, Ok(message), "{times} {version}");
                }
            }
        }
    }
    assert_eq!(deepest, 31);
}

#[test]
fn an_object_is_read_no_deeper_than_its_actions_can_be_written() {
    let version = Version::V1_5;
    let clones = |times: usize| {
        let inmost = Value::Object(vec![("type".into(), Value::text("dec_nw_ttl"))]);
        (0..times).fold(inmost, |inner, _| {
            let actions = ("actions".into(), Value::List(vec![inner]));
            Value::Object(vec![("type".into(), Value::text("clone")), actions])
        })
    };
    let read = |times| Action::from_value(&clones(times), version);
    assert_eq!(read(31), Ok(nested(31, Action::dec_ttl())));
    assert!(read(32).is_err());
    assert!(read(2000).is_err());
    let body = vec![
        ("buffer_id".into(), Value::Number(1)),
        ("match".into(), Match::any().value(version)),
        ("actions".into(), Value::List(vec![clones(2000)])),
        ("data".into(), Value::text("")),
    ];
    let line = Value::Object(vec![
        ("version".into(), Value::text("1.5")),
        ("type".into(), Value::text("packet_out")),
        ("xid".into(), Value::Number(1)),
        ("body".into(), Value::Object(body)),
    ]);
    assert!(encode_line(&line).is_err());
}

#[test]
fn json_is_read_no_deeper_than_any_message_needs() {
    for (open, close) in [("[", "]"), ("{\"type\":\"clone\",\"actions\":[", "]}")] {
        for times in [200, 100_000] {
            let text = open.repeat(times) + &close.repeat(times);
            let error = serde_json::from_str::<Value>(&text).unwrap_err();
            let said = error.to_string();
            assert!(
                said.starts_with("recursion limit exceeded at line 1"),
                "{said}"
            );
        }
    }
    let text = "[".repeat(120) + &"]".repeat(120);
    assert!(serde_json::from_str::<Value>(&text).is_ok());
}

#[test]
fn a_message_in_a_message_holds_no_other() {
    let inmost = r#"{"version":"1.5","type":"barrier_request","xid":1,"body":{}}"#;
    let around = |message: &str| {
        format!(
            r#"{{"version":"1.5","type":"bundle_add_message","xid":1,"body":{{"bundle_id":1,"flags":0,"message":{message},"properties":[]}}}}"#
        )
    };
    let encoded = |text: &str| encode_line(&serde_json::from_str(text).unwrap());
    assert!(encoded(&around(inmost)).is_ok());
    let error = encoded(&around(&around(inmost))).unwrap_err();
    assert_eq!(
        error.to_string(),
        "body.message: expected a message that holds no other"
    );
}

#[test]
fn a_list_that_is_too_deep_is_empty_and_stays_too_deep() {
    let deep = nested(32, Action::pop_vlan());
    let Some(list) = deep.nested() else {
        panic!("{deep:?}");
    };
    assert!(list.as_slice().is_empty());
    let around = Actions::from(vec![deep.clone(), Action::pop_vlan()]);
    assert!(around.is_empty());
    assert_ne!(around, Actions::from(Vec::new()));
}

#[test]
fn the_text_of_a_list_that_is_too_deep_says_that_there_is_more() {
    let names = Names::default();
    let clone = nested(100_000, Action::pop_vlan());
    let ct = Action::Ct {
        flags: 1,
        zone: Zone::Number(7),
        recirc_table: 0xff,
        alg: 0,
        actions: vec![clone.clone()].into(),
    };
    for (action, said) in [(clone, "clone(...)"), (ct, "ct(commit,zone=7,exec(...))")] {
        let text = print_actions(&[action], &names);
        assert_eq!(text, said);
        assert!(parse_actions(&text, &names).is_err());
    }
}
