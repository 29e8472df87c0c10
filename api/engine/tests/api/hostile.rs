//! Callers who send anything at all: every request has an answer, none is a defect.

use proptest::prelude::*;
use serde_json::{Map, Value, json};
use weft_engine::{Config, Request};
use weft_schema::RESOURCES;

use crate::runner::{World, body, check_claims, request};

/// Values that attributes are not meant to have, and some that they are.
fn value() -> impl Strategy<Value = Value> {
    let text = prop_oneof![
        Just(String::new()),
        Just("10.0.0.5".to_owned()),
        Just("255.255.255.255/32".to_owned()),
        Just("::/1".to_owned()),
        Just("ffff::/16".to_owned()),
        Just("2001:db8::/64".to_owned()),
        Just("fa:16:3e:ff:ff:ff".to_owned()),
        Just("slaac".to_owned()),
        Just("gre".to_owned()),
        Just("6b0f1a3e-9c57-4d0e-8e0b-0d7f8d1f3b11".to_owned()),
        "\\PC{0,8}",
        Just("\0".to_owned()),
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        Just(json!(1e300)),
        (0..7_i64).prop_map(Value::from),
        text.prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        let name = prop::sample::select(vec![
            "start",
            "end",
            "destination",
            "nexthop",
            "subnet_id",
            "ip_address",
            "mac_address",
            "x",
        ]);
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(name.prop_map(str::to_owned), inner, 0..3)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// A resource's attributes, of which the ones that name a row name one that is there.
fn attributes(kind: usize) -> impl Strategy<Value = Map<String, Value>> {
    let names: Vec<&str> = RESOURCES[kind]
        .attributes()
        .flat_map(|row| row.names())
        .collect();
    prop::collection::btree_map(prop::sample::select(names), value(), 0..5).prop_map(|members| {
        members
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect()
    })
}

/// Of which resource, how, with what attributes and query.
type Asked = (
    usize,
    &'static str,
    Map<String, Value>,
    Vec<(String, String)>,
);

fn asked() -> impl Strategy<Value = Asked> {
    (0..RESOURCES.len()).prop_flat_map(|kind| {
        let mut names: Vec<&str> = RESOURCES[kind].attributes().map(|row| row.name).collect();
        names.extend([
            "limit",
            "marker",
            "sort_key",
            "sort_dir",
            "fields",
            "changed_since",
            "page_reverse",
        ]);
        let pair = (prop::sample::select(names), value())
            .prop_map(|(name, value)| (name.to_owned(), weft_schema::check::plain(&value)));
        let method = prop::sample::select(vec!["GET", "POST", "PUT", "DELETE"]);
        (
            Just(kind),
            method,
            attributes(kind),
            prop::collection::vec(pair, 0..3),
        )
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_asked_is_answered(asked in prop::collection::vec(asked(), 1..12)) {
        let mut world = World::new(Config::default());
        let (_, network) = world.call("admin", &request("POST", "/networks", body("network", json!({}))));
        let network = network["network"]["id"].clone();
        for (kind, method, mut attributes, query) in asked {
            let resource = RESOURCES[kind];
            let first = world.store.read(|state| {
                let row = state.rows(resource.name).next();
                row.map(|row| row.key.id.to_string()).unwrap_or_default()
            });
            if method == "POST" && resource.parent.is_some() {
                attributes.insert("network_id".into(), network.clone());
                attributes.entry("ip_version").or_insert(4.into());
                attributes.entry("cidr").or_insert("10.0.0.0/28".into());
                attributes.retain(|name, _| resource.attribute(name).is_some());
            }
            let path = match method {
                "POST" | "GET" => format!("/{}", resource.uri),
                _ => format!("/{}/{first}", resource.uri),
            };
            let asked = Request {
                method: method.to_owned(),
                path,
                query,
                body: (method == "POST" || method == "PUT")
                    .then(|| json!({ resource.name: attributes })),
                if_match: None,
            };
            let (status, answer) = world.call("admin", &asked);
            prop_assert!(status < 500, "{asked:?}: {answer}");
            world.store.read(check_claims);
            world.store.read(|state| {
                let changes = weft_engine::topology::everything(state);
                assert!(changes.iter().all(Result::is_ok), "{asked:?}: {changes:?}");
            });
        }
    }
}
