//! The session machine against the server in memory, and against peers that misbehave.

use proptest::prelude::*;
use proptest::{collection, sample};
use serde_json::{Value, json};
use weft_ovsdb::bridge::reconcile;
use weft_ovsdb::mirror::Action;
use weft_ovsdb::server::Server;
use weft_ovsdb::session::{Config, Event, Output, Session};
use weft_ovsdb::transaction::{Mutation, Mutator, Operation, Outcome, Transaction};
use weft_ovsdb::value::{Atom, Datum, Row};
use weft_ovsdb::{Error, tables};

use crate::world::{World, wanted};

const CONFIG: Config = Config {
    probe_interval: 100,
    request_timeout: 1000,
    max_transactions: 2,
    max_schema: 1 << 16,
    max_message: 1 << 20,
    max_output: 1 << 20,
    max_content: 1 << 20,
};

/// What a session has to say, bytes read as JSON.
fn said(session: &mut Session) -> (Vec<Value>, Vec<Event>) {
    let (mut sent, mut events) = (Vec::new(), Vec::new());
    while let Some(output) = session.poll() {
        match output {
            Output::Send(bytes) => sent.push(serde_json::from_slice(&bytes).unwrap()),
            Output::Event(event) => events.push(event),
        }
    }
    (sent, events)
}

fn hear(session: &mut Session, now: u64, message: Value) {
    session.receive(now, message.to_string().as_bytes());
}

/// A session that is synchronized with an empty database, by a peer played by hand.
fn synchronized(config: Config) -> Session {
    let mut session = Session::new(config, 0);
    let schema = tables::schema().to_json();
    hear(
        &mut session,
        0,
        json!({"id": 0, "result": schema, "error": null}),
    );
    hear(
        &mut session,
        0,
        json!({"id": 1, "result": [false, "x", {}], "error": null}),
    );
    assert_eq!(said(&mut session).1, [Event::Synchronized]);
    session
}

fn closed(session: &mut Session) -> Error {
    match said(session).1.pop() {
        Some(Event::Closed { reason }) => reason,
        other => panic!("{other:?}"),
    }
}

fn noop() -> Transaction {
    let mut transaction = Transaction::new(tables::DATABASE);
    transaction.push(Operation::Comment("nothing".to_owned()));
    transaction
}

#[test]
fn who_has_not_told_his_schema_sends_no_long_messages() {
    let long = json!({"id": "x", "method": "echo", "params": ["x".repeat(1 << 17)]});
    let mut stranger = Session::new(CONFIG, 0);
    hear(&mut stranger, 0, long.clone());
    let limit = CONFIG.max_schema;
    let offset = limit as u64;
    assert_eq!(closed(&mut stranger), Error::TooLong { offset, limit });
    let mut known = synchronized(CONFIG);
    hear(&mut known, 0, long);
    assert!(!known.is_closed());
}

#[test]
fn the_schema_is_asked_for_first_and_then_only_what_it_has() {
    let mut session = Session::new(CONFIG, 0);
    let (sent, _) = said(&mut session);
    assert_eq!(
        sent,
        [json!({"id": 0, "method": "get_schema", "params": ["Open_vSwitch"]})]
    );
    let mut schema = tables::schema();
    schema.tables.retain(|name, _| &**name == "Manager");
    hear(
        &mut session,
        0,
        json!({"id": 0, "result": schema.to_json(), "error": null}),
    );
    let (sent, _) = said(&mut session);
    assert_eq!(sent[0]["method"], "monitor_cond_since");
    assert_eq!(
        sent[0]["params"][2]
            .as_object()
            .unwrap()
            .keys()
            .collect::<Vec<_>>(),
        ["Manager"]
    );
    assert!(session.mirror().is_none(), "not before the snapshot");
}

#[test]
fn older_servers_are_monitored_with_what_they_know() {
    for forgotten in [
        &[][..],
        &["monitor_cond_since"],
        &["monitor_cond_since", "monitor_cond"],
    ] {
        let mut server = Server::new(tables::schema(), 1);
        forgotten
            .iter()
            .for_each(|method| server.forget_method(method));
        let mut world = World::new(server);
        assert_eq!(world.settle(), [Event::Synchronized]);
        assert!(world.reconcile(&wanted(), 1));
        let port = world.row("Port", "name", "weft-vxlan");
        let bridge = world.row("Bridge", "name", "br-int");
        world.by_hand(
            "Bridge",
            &bridge,
            vec![Mutation::new("ports", Mutator::Delete, port)],
        );
        assert_eq!(
            world.column("Port", "name"),
            ["br-int", "weft-geneve"],
            "{forgotten:?}"
        );
        for (table, column) in tables::watched() {
            let rows = world
                .server
                .database()
                .rows(table)
                .map(|(id, row)| (id, row.get(column)));
            let mirrored = world
                .mirror()
                .rows(table)
                .map(|(id, row)| (id, row.get(column)));
            assert!(rows.eq(mirrored), "{table} {column} with {forgotten:?}");
        }
    }
}

#[test]
fn a_server_that_knows_no_monitor_or_no_database_ends_the_session_with_its_words() {
    let mut server = Server::new(tables::schema(), 1);
    for method in ["monitor_cond_since", "monitor_cond", "monitor"] {
        server.forget_method(method);
    }
    let refused = |method: &str, error: &str| Error::Refused {
        method: method.into(),
        error: error.into(),
    };
    let events = World::new(server).settle();
    assert_eq!(
        events,
        [Event::Closed {
            reason: refused("monitor", "unknown method")
        }]
    );
    let mut schema = tables::schema();
    schema.name = "hardware_vtep".into();
    let events = World::new(Server::new(schema, 1)).settle();
    let [
        Event::Closed {
            reason: Error::Refused { method, error },
        },
    ] = &events[..]
    else {
        panic!("{events:?}")
    };
    assert_eq!(method, "get_schema");
    assert!(error.contains("unknown database"), "{error}");
}

#[test]
fn changes_are_told_row_by_row_and_before_the_answer_that_caused_them() {
    let mut world = World::synchronized();
    let mut transaction = Transaction::new(tables::DATABASE);
    transaction.insert("Open_vSwitch", Row::from([("next_cfg", Datum::from(4))]));
    let id = world.session.transact(0, transaction).unwrap();
    let events = world.settle();
    let [
        Event::Changed(changes),
        Event::TransactionDone {
            id: done,
            result: Ok(outcomes),
        },
    ] = &events[..]
    else {
        panic!("{events:?}")
    };
    assert_eq!(
        (&*changes[0].table, changes[0].action),
        ("Open_vSwitch", Action::Inserted)
    );
    assert_eq!(
        (done, &outcomes[0]),
        (&id, &Outcome::Inserted(changes[0].row))
    );
}

#[test]
fn a_failed_transaction_changes_nothing_and_names_its_operation() {
    let mut world = World::synchronized();
    let mut transaction = Transaction::new(tables::DATABASE);
    let root = transaction.insert("Open_vSwitch", Row::default());
    let dangling = Atom::Uuid(uuid::Uuid::from_u128(42));
    transaction.mutate(
        "Open_vSwitch",
        &root,
        vec![Mutation::new("bridges", Mutator::Insert, dangling)],
    );
    let failed = world.transact(transaction).unwrap_err();
    assert!(
        matches!(&failed, Error::Commit { error, .. } if error == "referential integrity violation"),
        "{failed}"
    );
    assert_eq!(world.server.database().rows("Open_vSwitch").count(), 0);
    let mut transaction = noop();
    transaction.insert("Bridge", Row::from([("name", Datum::from(5))]));
    let failed = world.transact(transaction).unwrap_err();
    assert!(
        failed
            .to_string()
            .starts_with("operation 1 (insert into Bridge) failed"),
        "{failed}"
    );
}

#[test]
fn echoes_of_the_peer_are_answered_at_any_time_and_unknown_requests_refused() {
    let mut session = Session::new(CONFIG, 0);
    said(&mut session);
    hear(
        &mut session,
        0,
        json!({"id": "echo", "method": "echo", "params": [1, "x"]}),
    );
    hear(
        &mut session,
        0,
        json!({"id": 9, "method": "steal", "params": []}),
    );
    hear(
        &mut session,
        0,
        json!({"id": null, "method": "stolen", "params": ["l"]}),
    );
    let (sent, events) = said(&mut session);
    assert_eq!(
        sent,
        [
            json!({"id": "echo", "result": [1, "x"], "error": null}),
            json!({"id": 9, "result": null, "error": "unknown method"})
        ]
    );
    assert!(events.is_empty() && !session.is_closed());
}

#[test]
fn a_silent_peer_is_probed_and_then_left() {
    let mut session = synchronized(CONFIG);
    assert_eq!(session.deadline(), Some(100));
    session.tick(99);
    assert_eq!(said(&mut session), (vec![], vec![]));
    session.tick(100);
    assert_eq!(
        said(&mut session).0,
        [json!({"id": "echo", "method": "echo", "params": []})]
    );
    hear(
        &mut session,
        150,
        json!({"id": "echo", "result": [], "error": null}),
    );
    session.tick(249);
    assert_eq!(said(&mut session), (vec![], vec![]));
    session.tick(250);
    assert_eq!(session.deadline(), Some(350));
    session.tick(350);
    assert_eq!(closed(&mut session), Error::Silent { milliseconds: 200 });
    assert_eq!(session.deadline(), None);
}

#[test]
fn bytes_that_never_become_a_message_do_not_keep_a_session_alive() {
    let mut session = synchronized(CONFIG);
    session.receive(0, b"{\"id\":\"");
    for now in 0..=200 {
        session.receive(now, b"x");
        session.tick(now);
    }
    assert_eq!(closed(&mut session), Error::Silent { milliseconds: 200 });
}

#[test]
fn a_peer_that_does_not_answer_is_left_and_transactions_are_told() {
    let mut session = synchronized(Config {
        probe_interval: 10_000,
        ..CONFIG
    });
    let id = session.transact(5, noop()).unwrap();
    assert_eq!(session.deadline(), Some(1005));
    session.tick(1005);
    let unanswered = Error::Unanswered {
        method: "transact".to_owned(),
        milliseconds: 1000,
    };
    let events = [
        Event::TransactionDone {
            id,
            result: Err(Error::Lost),
        },
        Event::Closed { reason: unanswered },
    ];
    assert_eq!(said(&mut session).1, events);

    let mut session = Session::new(CONFIG, 0);
    session.tick(1000);
    assert!(
        matches!(closed(&mut session), Error::Unanswered { method, .. } if method == "get_schema")
    );
}

#[test]
fn outstanding_transactions_are_bounded() {
    let mut session = Session::new(CONFIG, 0);
    assert_eq!(session.transact(0, noop()), Err(Error::NotSynchronized));
    let mut session = synchronized(CONFIG);
    session.transact(0, noop()).unwrap();
    session.transact(0, noop()).unwrap();
    assert_eq!(
        session.transact(0, noop()),
        Err(Error::TooManyRequests { limit: 2 })
    );
    hear(
        &mut session,
        0,
        json!({"id": 2, "result": [{}], "error": null}),
    );
    assert!(session.transact(0, noop()).is_ok());
}

#[test]
fn a_peer_that_asks_and_does_not_read_is_left() {
    let mut session = Session::new(
        Config {
            max_output: 10_000,
            ..CONFIG
        },
        0,
    );
    let echo = json!({"id": 1, "method": "echo", "params": ["x".repeat(1000)]});
    let asked = (0..100).take_while(|_| {
        hear(&mut session, 0, echo.clone());
        !session.is_closed()
    });
    assert!(asked.count() < 10);
    assert_eq!(closed(&mut session), Error::OutputFull { limit: 10_000 });
}

#[test]
fn nonsense_ends_the_session_with_what_was_wrong() {
    for (message, wrong) in [
        (
            "GET / HTTP/1.1\r\n",
            "expected '{' that begins a message, found 0x47",
        ),
        ("{\"id\":1}{\"x\"}", "expected `:`"),
        ("{\"method\":5}", "\"method\" to be a string"),
        (
            "{\"method\":\"update3\",\"params\":[1]}",
            "the parameters of update3",
        ),
        (
            "{\"method\":\"update3\",\"params\":[\"other\",\"x\",{}]}",
            "a monitor that we asked for",
        ),
        (
            "{\"method\":\"update2\",\"params\":[\"weft\",{\"Bridge\":7}]}",
            "updates of rows",
        ),
        (
            "{\"method\":\"monitor_canceled\",\"params\":[\"weft\"]}",
            "cancelled the monitor",
        ),
    ] {
        let mut session = synchronized(CONFIG);
        session.receive(0, message.as_bytes());
        let reason = closed(&mut session).to_string();
        assert!(reason.contains(wrong), "{message}: {reason}");
        session.receive(0, b"{}");
        session.tick(1_000_000);
        assert_eq!(
            said(&mut session),
            (vec![], vec![]),
            "nothing after the end"
        );
    }
}

#[test]
fn an_update_before_the_snapshot_is_refused() {
    let mut session = Session::new(CONFIG, 0);
    hear(
        &mut session,
        0,
        json!({"id": null, "method": "update3", "params": ["weft", "x", {}]}),
    );
    assert!(matches!(closed(&mut session), Error::Shape { .. }));
}

#[test]
fn several_clients_of_one_server_see_each_others_changes() {
    let mut world = World::synchronized();
    let other = world.server.connect();
    let mut second = Session::new(Config::default(), 0);
    let carry = |world: &mut World, second: &mut Session| {
        while let Some(output) = second.poll() {
            if let Output::Send(bytes) = output {
                world.server.receive(other, &bytes).unwrap();
            }
            while let Some(bytes) = world.server.poll(other) {
                second.receive(0, &bytes);
            }
        }
        while let Some(bytes) = world.server.poll(other) {
            second.receive(0, &bytes);
        }
    };
    carry(&mut world, &mut second);
    assert!(world.reconcile(&wanted(), 3));
    carry(&mut world, &mut second);
    assert!(
        second
            .mirror()
            .unwrap()
            .rows("Port")
            .eq(world.mirror().rows("Port"))
    );
    assert_eq!(second.mirror().unwrap().rows("Port").count(), 3);
}

/// Any JSON, made of words that mean something to a session.
fn json_value() -> impl Strategy<Value = Value> {
    let words = [
        "set", "map", "uuid", "name", "Bridge", "insert", "modify", "new", "weft", "type",
        "columns",
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        sample::select(words.to_vec()).prop_map(Value::from),
        Just(Value::from(uuid::Uuid::nil().to_string())),
    ];
    leaf.prop_recursive(5, 40, 4, move |inner| {
        let key = sample::select(words.to_vec());
        let object = collection::vec((key, inner.clone()), 0..4);
        prop_oneof![
            collection::vec(inner, 0..4).prop_map(Value::from),
            object.prop_map(|members| members
                .into_iter()
                .map(|(k, v)| (k.to_owned(), v))
                .collect()),
        ]
    })
}

proptest! {
    #[test]
    fn no_message_makes_a_session_or_a_server_panic(
        id in 0..3,
        method in sample::select(vec!["update", "update2", "update3", "monitor_cond", "transact", "echo"]),
        value in json_value(),
        snapshot in any::<bool>(),
    ) {
        let mut session = if snapshot { synchronized(CONFIG) } else { Session::new(CONFIG, 0) };
        hear(&mut session, 0, json!({"id": id, "result": value, "error": null}));
        hear(&mut session, 0, json!({"id": null, "method": method, "params": ["weft", value]}));
        let mut server = Server::new(tables::schema(), 1);
        let connection = server.connect();
        for request in [
            json!({"id": 1, "method": method, "params": ["Open_vSwitch", value.clone(), value.clone()]}),
            json!({"id": 1, "method": method, "params": ["Open_vSwitch", {"op": "insert", "table": "Bridge", "row": value}]}),
        ] {
            server.receive(connection, request.to_string().as_bytes()).unwrap();
            prop_assert!(server.poll(connection).is_some());
        }
    }

    #[test]
    fn an_update_of_any_shape_is_applied_or_refused(value in json_value(), column in 0_usize..60) {
        let (table, column) = tables::watched().nth(column % tables::watched().count()).unwrap();
        for kind in ["initial", "modify"] {
            let row = uuid::Uuid::nil().to_string();
            let mut update = json!({table: {row.as_str(): {"initial": {}}}});
            let mut session = synchronized(CONFIG);
            hear(&mut session, 0, json!({"id": null, "method": "update3", "params": ["weft", "x", update.clone()]}));
            update[table][row.as_str()] = json!({kind: {column: value}});
            hear(&mut session, 0, json!({"id": null, "method": "update3", "params": ["weft", "x", update]}));
            prop_assert_eq!(session.mirror().is_some(), true);
            if !session.is_closed() {
                // What the replica took, reconciliation must bear.
                let _ = reconcile(session.mirror().unwrap(), &wanted(), 1);
            }
        }
    }
}
