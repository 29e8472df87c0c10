//! The way of a change through all of it: HTTP, engine, store, memory, HTTP.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Value, json};
use weft_api::{Limits, Options};
use weft_schema::{MemoryStore, Store};

use crate::client::{Client, Server, server_with};
use crate::databases::{on_postgres, on_sqlite, opened};

/// A project for all.
fn options() -> Options {
    Options {
        noauth_project: "common".to_owned(),
        ..Options::default()
    }
}

/// Runs a test on a server with each kind of store.
async fn on_each_store(test: impl AsyncFn(&Server)) {
    on_two_members(async |server, _| test(server).await).await;
}

/// The same with two servers, each with a memory of its own; on PostgreSQL also with connections
/// of its own.
async fn on_two_members(test: impl AsyncFn(&Server, &Server)) {
    let member = async |store| server_with(store, options(), Limits::default()).await;
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new([7; 16]));
    test(&member(store.clone()).await, &member(store).await).await;
    on_sqlite(async |url| {
        let store: Arc<dyn Store> = Arc::new(opened(url).await);
        test(&member(store.clone()).await, &member(store).await).await;
    })
    .await;
    on_postgres(async |url| {
        let one = member(Arc::new(opened(url).await)).await;
        let other = member(Arc::new(opened(url).await)).await;
        test(&one, &other).await;
    })
    .await;
}

async fn create(client: &mut Client, collection: &str, body: Value) -> Value {
    let answer = client
        .send("POST", &format!("/v2.0/{collection}"), Some(body))
        .await;
    assert_eq!(answer.status, 201, "{}", answer.json());
    answer.json()
}

/// A network with a subnet; its id.
async fn network(client: &mut Client, cidr: &str) -> String {
    let body = json!({"network": {"name": "net"}});
    let network = create(client, "networks", body).await;
    let id = network["network"]["id"].as_str().unwrap().to_owned();
    let subnet = json!({"network_id": id, "ip_version": 4, "cidr": cidr});
    create(client, "subnets", json!({"subnet": subnet})).await;
    id
}

fn address(port: &Value) -> String {
    port["fixed_ips"][0]["ip_address"]
        .as_str()
        .unwrap()
        .to_owned()
}

#[tokio::test]
async fn a_network_lives_from_post_to_delete() {
    on_each_store(async |server| {
        let mut client = Client::new(server).await;
        let body = json!({"network": {"name": "blue"}});
        let created = create(&mut client, "networks.json", body).await;
        let id = created["network"]["id"].as_str().unwrap();
        let path = format!("/v2.0/networks/{id}");
        assert_eq!(created["network"]["project_id"], "common");

        let shown = client.send("GET", &path, None).await;
        assert_eq!((shown.status, shown.json()), (200, created.clone()));
        let listed = client
            .send("GET", "/v2.0/networks.json?name=blue", None)
            .await
            .json();
        assert_eq!(listed["networks"][0]["id"], id);
        let none = client
            .send("GET", "/v2.0/networks?name=red", None)
            .await
            .json();
        assert_eq!(none, json!({"networks": []}));
        let fields = client
            .send("GET", "/v2.0/networks?fields=id&fields=name", None)
            .await
            .json();
        assert_eq!(fields, json!({"networks": [{"id": id, "name": "blue"}]}));

        let renamed = json!({"network": {"name": "a b+%"}});
        let updated = client.send("PUT", &path, Some(renamed)).await;
        assert_eq!(
            (updated.status, &updated.json()["network"]["name"]),
            (200, &json!("a b+%"))
        );
        let found = client
            .send("GET", "/v2.0/networks?name=a+b%2B%25", None)
            .await
            .json();
        assert_eq!(found["networks"][0]["id"], id);

        let deleted = client.send("DELETE", &path, None).await;
        assert_eq!((deleted.status, deleted.body.len()), (204, 0));
        let gone = client.send("GET", &path, None).await;
        assert_eq!(gone.error(), (404, "NetworkNotFound".to_owned()));
    })
    .await;
}

#[tokio::test]
async fn what_is_wrong_with_a_body_is_said_in_the_words_clients_look_for() {
    on_each_store(async |server| {
        let mut client = Client::new(server).await;
        for text in ["{", "[]", "\"network\"", "\u{0}"] {
            let length = text.len();
            let head = format!("POST /v2.0/networks HTTP/1.1\r\nContent-Length: {length}\r\n\r\n");
            client.write(&head).await;
            client.write(text).await;
            let answer = client.answer().await.unwrap();
            assert_eq!(answer.error(), (400, "HTTPBadRequest".to_owned()), "{text}");
            let message = &answer.json()["NeutronError"]["message"];
            assert_eq!(message, "Body contains invalid data", "{text}");
        }
        let answer = client
            .send("POST", "/v2.0/networks", Some(json!({"port": {}})))
            .await;
        let message = &answer.json()["NeutronError"]["message"];
        assert_eq!(message, "Unable to find 'network' in request body");
    })
    .await;
}

#[tokio::test]
async fn a_tenant_sees_his_own_networks_only() {
    on_each_store(async |server| {
        let mut client = Client::new(server).await;
        let mut ids = Vec::new();
        for tenant in ["one", "two"] {
            let headers = format!("X-Project-Id: {tenant}\r\nX-Roles: member\r\n");
            let body = Some(json!({"network": {"name": tenant}}));
            let answer = client
                .send_as(&headers, "POST", "/v2.0/networks", body)
                .await;
            assert_eq!(answer.status, 201, "{}", answer.json());
            ids.push(answer.json()["network"]["id"].as_str().unwrap().to_owned());
        }
        let one = "X-Project-Id: one\r\nX-Roles: member\r\n";
        let listed = client
            .send_as(one, "GET", "/v2.0/networks?fields=id", None)
            .await
            .json();
        assert_eq!(listed, json!({"networks": [{"id": ids[0]}]}));
        let path = format!("/v2.0/networks/{}", ids[1]);
        assert_eq!(client.send_as(one, "GET", &path, None).await.status, 404);
        assert_eq!(client.send("GET", &path, None).await.status, 200);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_ports_made_at_the_same_time_have_a_hundred_addresses() {
    on_each_store(async |server| {
        let mut client = Client::new(server).await;
        let network = network(&mut client, "10.0.0.0/24").await;
        let mut tasks = Vec::new();
        for _ in 0..100 {
            let mut client = Client::new(server).await;
            let body = json!({"port": {"network_id": network}});
            tasks.push(tokio::spawn(async move {
                create(&mut client, "ports", body).await
            }));
        }
        let mut addresses = BTreeSet::new();
        for task in tasks {
            addresses.insert(address(&task.await.unwrap()["port"]));
        }
        assert_eq!(addresses.len(), 100);
        let path = format!("/v2.0/ports?network_id={network}");
        let listed = client.send("GET", &path, None).await.json();
        let listed: BTreeSet<_> = listed["ports"]
            .as_array()
            .unwrap()
            .iter()
            .map(address)
            .collect();
        assert!(listed.is_superset(&addresses));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_ports_that_want_one_address_one_gets_it() {
    on_each_store(async |server| {
        let mut client = Client::new(server).await;
        let network = network(&mut client, "10.0.0.0/24").await;
        let mut tasks = Vec::new();
        for _ in 0..20 {
            let mut client = Client::new(server).await;
            let port = json!({"network_id": network, "fixed_ips": [{"ip_address": "10.0.0.9"}]});
            tasks.push(tokio::spawn(async move {
                client
                    .send("POST", "/v2.0/ports", Some(json!({"port": port})))
                    .await
            }));
        }
        let mut made = 0;
        for task in tasks {
            let answer = task.await.unwrap();
            match answer.status {
                201 => made += 1,
                _ => {
                    let refused = (409, "IpAddressAlreadyAllocated".to_owned());
                    assert_eq!(answer.error(), refused);
                }
            }
        }
        assert_eq!(made, 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_updates_at_the_same_time_none_is_lost() {
    on_each_store(async |server| {
        let mut client = Client::new(server).await;
        let network = network(&mut client, "10.0.0.0/24").await;
        let path = format!("/v2.0/networks/{network}");
        let before = client.send("GET", &path, None).await.json()["network"]["revision_number"]
            .as_i64()
            .unwrap();
        let mut tasks = Vec::new();
        for index in 0..50 {
            let (mut client, path) = (Client::new(server).await, path.clone());
            tasks.push(tokio::spawn(async move {
                let body = json!({"network": {"description": format!("{index}")}});
                client.send("PUT", &path, Some(body)).await.status
            }));
        }
        for task in tasks {
            assert_eq!(task.await.unwrap(), 200);
        }
        let after = client.send("GET", &path, None).await.json();
        assert_eq!(after["network"]["revision_number"], before + 50);
    })
    .await;
}

#[tokio::test]
async fn the_request_id_goes_into_the_log() {
    let store = Arc::new(MemoryStore::new([7; 16]));
    let server = server_with(store.clone(), options(), Limits::default()).await;
    let mut client = Client::new(&server).await;
    let headers = "X-User-Id: alice\r\nX-Project-Id: one\r\n";
    let body = Some(json!({"network": {}}));
    let answer = client
        .send_as(headers, "POST", "/v2.0/networks", body)
        .await;
    assert_eq!(answer.status, 201, "{}", answer.json());
    let entry = store.entries(0, 1).await.unwrap().remove(0);
    assert_eq!(
        Some(&*entry.actor.request),
        answer.header("x-openstack-request-id")
    );
    assert_eq!(
        (&*entry.actor.user, &*entry.actor.project),
        ("alice", "one")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn two_members_that_make_ports_at_the_same_time_use_a_whole_pool_and_no_address_twice() {
    on_two_members(async |one, other| {
        let mut client = Client::new(one).await;
        let network = network(&mut client, "10.0.0.0/26").await;
        let path = format!("/v2.0/ports?network_id={network}&fields=fixed_ips");
        let services = client.send("GET", &path, None).await.json();
        let services: Vec<_> = services["ports"]
            .as_array()
            .unwrap()
            .iter()
            .map(address)
            .collect();
        // All but the network's own, the broadcast and the gateway's address.
        let free = 64 - 3 - services.len();
        let mut tasks = Vec::new();
        for index in 0..free + 5 {
            let member = if index % 2 == 0 { one } else { other };
            let mut client = Client::new(member).await;
            let body = Some(json!({"port": {"network_id": network}}));
            tasks.push(tokio::spawn(async move {
                client.send("POST", "/v2.0/ports", body).await
            }));
        }
        let mut addresses = BTreeSet::from_iter(services);
        let mut refused = 0;
        for task in tasks {
            let answer = task.await.unwrap();
            match answer.status {
                201 => assert!(addresses.insert(address(&answer.json()["port"]))),
                _ => {
                    let exhausted = (409, "IpAddressGenerationFailure".to_owned());
                    assert_eq!(answer.error(), exhausted);
                    refused += 1;
                }
            }
        }
        assert_eq!((addresses.len(), refused), (61, 5));
        let mut there = Client::new(other).await;
        let listed = there.send("GET", &path, None).await.json();
        assert_eq!(listed["ports"].as_array().unwrap().len(), 61);
    })
    .await;
}

#[tokio::test]
async fn a_large_bulk_create_is_one_change() {
    on_each_store(async |server| {
        let mut client = Client::new(server).await;
        let networks: Vec<_> = (0..1_000)
            .map(|index| json!({"name": format!("{index:0100}")}))
            .collect();
        let body = json!({"networks": networks});
        let created = create(&mut client, "networks", body).await;
        assert_eq!(created["networks"].as_array().unwrap().len(), 1_000);
        let listed = client
            .send("GET", "/v2.0/networks?fields=id", None)
            .await
            .json();
        assert_eq!(listed["networks"].as_array().unwrap().len(), 1_000);
    })
    .await;
}
