//! Paths, documents, bodies and headers.

use serde_json::json;
use weft_api::{Limits, Options};
use weft_schema::MemoryStore;

use crate::client::{Client, server, server_with};

fn error(status: u16, kind: &str) -> (u16, String) {
    (status, kind.to_owned())
}

#[tokio::test]
async fn the_versions_name_v2_and_lead_to_where_the_client_found_us() {
    let server = server().await;
    let mut client = Client::new(&server).await;
    let answer = client.send("GET", "/", None).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let version = &answer.json()["versions"][0];
    assert_eq!(version["id"], "v2.0");
    assert_eq!(version["links"][0]["href"], "http://cloud:9696/v2.0/");
    assert_eq!(
        client.send("POST", "/", None).await.error(),
        error(405, "HTTPMethodNotAllowed")
    );
}

#[tokio::test]
async fn a_verb_that_does_not_apply_is_answered_with_those_that_do() {
    let server = server().await;
    let mut client = Client::new(&server).await;
    for (method, path, allowed) in [
        ("POST", "/", "GET"),
        ("DELETE", "/v2.0", "GET"),
        ("PUT", "/v2.0/extensions", "GET"),
        ("DELETE", "/v2.0/networks", "GET, POST"),
        ("PATCH", "/v2.0/ports/1", "GET, PUT, DELETE"),
    ] {
        let answer = client.send(method, path, None).await;
        assert_eq!(answer.header("allow"), Some(allowed), "{method} {path}");
        assert_eq!(answer.error(), error(405, "HTTPMethodNotAllowed"));
    }
    let found = client.send("GET", "/v2.0/networks", None).await;
    assert_eq!(found.header("allow"), None);
}

#[tokio::test]
async fn a_host_that_is_no_host_does_not_get_into_links() {
    let server = server().await;
    let mut client = Client::new(&server).await;
    client
        .write("GET / HTTP/1.1\r\nHost: \"><script>\r\n\r\n")
        .await;
    let answer = client.answer().await.unwrap();
    assert_eq!(answer.json()["versions"][0]["links"][0]["href"], "/v2.0/");
}

#[tokio::test]
async fn the_public_address_goes_before_what_the_client_wrote() {
    let options = Options {
        public_url: Some("https://api.example".to_owned()),
        ..Options::default()
    };
    let store = std::sync::Arc::new(MemoryStore::new([7; 16]));
    let server = server_with(store, options, Limits::default()).await;
    let answer = Client::new(&server).await.send("GET", "/", None).await;
    assert_eq!(
        answer.json()["versions"][0]["links"][0]["href"],
        "https://api.example/v2.0/"
    );
}

#[tokio::test]
async fn v2_is_served_with_and_without_slash_and_suffix() {
    let server = server().await;
    let mut client = Client::new(&server).await;
    let root = client.send("GET", "/v2.0", None).await;
    assert_eq!(root.status, 200);
    assert_eq!(client.send("GET", "/v2.0/", None).await.body, root.body);
    let extensions = client.send("GET", "/v2.0/extensions", None).await;
    assert!(extensions.json()["extensions"].is_array());
    for path in [
        "/v2.0/extensions.json",
        "/v2.0/extensions/",
        "/v2.0/%65xtensions",
    ] {
        assert_eq!(
            client.send("GET", path, None).await.body,
            extensions.body,
            "{path}"
        );
    }
}

#[tokio::test]
async fn what_is_not_there_is_not_found() {
    let server = server().await;
    let mut client = Client::new(&server).await;
    for path in [
        "/v1.0",
        "/v2.0x/networks",
        "/v2.00",
        "/v2.0/%ff",
        "/v2.0/nothing",
        "/x",
    ] {
        let answer = client.send("GET", path, None).await;
        assert_eq!(answer.error(), error(404, "HTTPNotFound"), "{path}");
    }
}

#[tokio::test]
async fn every_answer_has_a_request_id_of_its_own() {
    let server = server().await;
    let mut client = Client::new(&server).await;
    let mut ids = std::collections::BTreeSet::new();
    let given = "req-00000000-0000-4000-8000-000000000000";
    for path in ["/", "/v2.0/extensions", "/nowhere"] {
        let header = format!("X-Openstack-Request-ID: {given}\r\n");
        let answer = client.send_as(&header, "GET", path, None).await;
        let id = answer.header("X-Openstack-Request-Id").unwrap().to_owned();
        assert_eq!((id.len(), &id[..4]), (40, "req-"));
        assert_ne!(id, given);
        ids.insert(id);
    }
    assert_eq!(ids.len(), 3);
}

#[tokio::test]
async fn delete_with_a_body_is_refused() {
    let server = server().await;
    let mut client = Client::new(&server).await;
    let answer = client
        .send("DELETE", "/v2.0/networks/x", Some(json!({})))
        .await;
    assert_eq!(answer.error(), error(400, "HTTPBadRequest"));
}

#[tokio::test]
async fn head_has_no_body_and_leaves_the_connection_in_order() {
    let server = server().await;
    let mut client = Client::new(&server).await;
    client
        .write("HEAD /v2.0/extensions HTTP/1.1\r\nHost: h\r\n\r\n")
        .await;
    client
        .write("GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n")
        .await;
    let mut text = String::new();
    while !text.ends_with("\r\n\r\nok\n") {
        let mut bytes = [0; 512];
        let count = tokio::io::AsyncReadExt::read(&mut client.0, &mut bytes)
            .await
            .unwrap();
        assert_ne!(count, 0, "{text}");
        text.push_str(std::str::from_utf8(&bytes[..count]).unwrap());
    }
    assert!(text.starts_with("HTTP/1.1 405"), "{text}");
}

#[tokio::test]
async fn operators_get_health_readiness_and_metrics() {
    let server = server().await;
    let mut client = Client::new(&server).await;
    assert_eq!(client.send("GET", "/healthz", None).await.body, b"ok\n");
    assert_eq!(client.send("GET", "/healthcheck", None).await.body, b"OK");
    assert_eq!(client.send("GET", "/readyz", None).await.status, 200);
    assert_eq!(
        client.send("GET", "/metrics", None).await.body,
        b"weft_up 1\n"
    );
}
