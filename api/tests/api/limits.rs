//! What a hostile or slow peer can do: little, and not for long.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use weft_api::{Limits, Options};
use weft_schema::MemoryStore;

use crate::client::{Client, Server, server, server_with};

const SOON: Duration = Duration::from_millis(200);

async fn limited(options: Options, limits: Limits) -> Server {
    server_with(Arc::new(MemoryStore::new([7; 16])), options, limits).await
}

#[tokio::test]
async fn a_head_that_does_not_end_is_not_waited_for() {
    let limits = Limits {
        head_time: SOON,
        ..Limits::default()
    };
    let server = limited(Options::default(), limits).await;
    let mut silent = Client::new(&server).await;
    let mut slow = Client::new(&server).await;
    slow.write("GET / HTTP/1.1\r\nHost: h\r\nX-Slow").await;
    let mut idle = Client::new(&server).await;
    assert_eq!(idle.send("GET", "/healthz", None).await.status, 200);
    assert!(silent.is_closed().await);
    assert!(slow.is_closed().await);
    assert!(idle.is_closed().await);
}

#[tokio::test]
async fn garbage_is_answered_with_400_and_the_door() {
    let server = server().await;
    for garbage in [
        "\u{0}\u{1}\u{2}\u{3}\r\n\r\n",
        "GET\r\n\r\n",
        "x y z\r\n\r\n",
        "GET / HTTP/9.9\r\n\r\n",
    ] {
        let mut client = Client::new(&server).await;
        client.write(garbage).await;
        assert_eq!(
            client.answer().await.map(|answer| answer.status),
            Some(400),
            "{garbage:?}"
        );
        assert!(client.is_closed().await);
    }
    let mut client = Client::new(&server).await;
    client
        .write("GET / HTTP/1.1\r\nContent-Length: many\r\n\r\n")
        .await;
    assert_eq!(client.answer().await.unwrap().status, 400);
}

#[tokio::test]
async fn a_head_of_too_many_or_too_large_headers_is_refused() {
    let server = server().await;
    for headers in [
        "X-A: b\r\n".repeat(200),
        format!("X-A: {}\r\n", "b".repeat(100_000)),
    ] {
        let mut client = Client::new(&server).await;
        let head = format!("GET / HTTP/1.1\r\n{headers}\r\n");
        // It may be refused before it has been read to its end.
        let _ = tokio::io::AsyncWriteExt::write_all(&mut client.0, head.as_bytes()).await;
        assert_eq!(
            client.answer().await.map_or(431, |answer| answer.status),
            431
        );
    }
    assert_eq!(
        Client::new(&server)
            .await
            .send("GET", "/", None)
            .await
            .status,
        200
    );
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused_announced_or_not() {
    let options = Options {
        max_body: 100_000,
        ..Options::default()
    };
    let server = limited(options, Limits::default()).await;
    let refused = (413, "HTTPRequestEntityTooLarge".to_owned());

    let mut announced = Client::new(&server).await;
    announced
        .write("POST /v2.0/networks HTTP/1.1\r\nContent-Length: 100001\r\n\r\n")
        .await;
    assert_eq!(announced.answer().await.unwrap().error(), refused);
    assert!(announced.is_closed().await);

    let mut chunked = Client::new(&server).await;
    chunked
        .write("POST /v2.0/networks HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n")
        .await;
    chunked
        .write(&format!("{:x}\r\n{}", 100_001, "x".repeat(100_001)))
        .await;
    assert_eq!(chunked.answer().await.unwrap().error(), refused);
}

#[tokio::test]
async fn a_body_that_does_not_come_is_not_waited_for() {
    let options = Options {
        body_time: SOON,
        ..Options::default()
    };
    let server = limited(options, Limits::default()).await;
    let mut client = Client::new(&server).await;
    client
        .write("POST /v2.0/networks HTTP/1.1\r\nContent-Length: 10\r\n\r\n{")
        .await;
    let answer = client.answer().await.unwrap();
    assert_eq!(answer.error(), (408, "HTTPRequestTimeout".to_owned()));
    assert!(client.is_closed().await);
}

#[tokio::test]
async fn json_that_is_nested_without_end_is_no_danger() {
    let server = server().await;
    let mut client = Client::new(&server).await;
    let body = "[".repeat(1_000_000);
    let length = body.len();
    client
        .write(&format!(
            "POST /v2.0/networks HTTP/1.1\r\nContent-Length: {length}\r\n\r\n{body}"
        ))
        .await;
    let answer = client.answer().await.unwrap();
    assert!((400..500).contains(&answer.status), "{answer:?}");
}

#[tokio::test]
async fn a_body_of_very_many_values_is_refused_before_they_are_made() {
    let server = server().await;
    let mut client = Client::new(&server).await;
    let body = json!({ "networks": vec![json!({ "": 0 }); 100_001] });
    let answer = client.send("POST", "/v2.0/networks", Some(body)).await;
    assert_eq!(answer.error(), (400, "HTTPBadRequest".to_owned()));
    let message = answer.json()["NeutronError"]["message"].clone();
    assert_eq!(message, "The request body has more than 100000 values");
}

#[tokio::test]
async fn large_answers_that_nobody_takes_are_few() {
    let options = Options {
        large_answers: 1,
        body_time: Duration::from_secs(1),
        ..Options::default()
    };
    let server = limited(options, Limits::default()).await;
    let mut client = Client::new(&server).await;
    // Much more than the system keeps for a peer that does not read.
    let text = "\u{10000}".repeat(255);
    let network = json!({ "name": text, "description": text, "tenant_id": text });
    let networks = json!({ "networks": vec![network; 200] });
    let made = client
        .send("POST", "/v2.0/networks?fields=id", Some(networks))
        .await;
    assert_eq!(made.status, 201);
    let mut taker = Client::new(&server).await;
    taker.write("GET /v2.0/networks HTTP/1.1\r\n\r\n").await;
    let mut first = [0; 12];
    tokio::io::AsyncReadExt::read_exact(&mut taker.0, &mut first)
        .await
        .unwrap();
    assert_eq!(&first, b"HTTP/1.1 200");
    let refused = client.send("GET", "/v2.0/networks", None).await;
    assert_eq!(refused.error(), (503, "ServiceUnavailable".to_owned()));
    assert_eq!(
        client
            .send("GET", "/v2.0/networks?limit=10", None)
            .await
            .status,
        200
    );
    drop(taker);
    assert_eq!(client.send("GET", "/v2.0/networks", None).await.status, 200);
}

#[tokio::test]
async fn who_comes_when_all_places_are_taken_waits_for_one() {
    let limits = Limits {
        connections: 1,
        ..Limits::default()
    };
    let server = limited(Options::default(), limits).await;
    let mut first = Client::new(&server).await;
    assert_eq!(first.send("GET", "/healthz", None).await.status, 200);
    let mut second = Client::new(&server).await;
    let waiting = tokio::spawn(async move { second.send("GET", "/healthz", None).await.status });
    for _ in 0..10 {
        assert_eq!(first.send("GET", "/healthz", None).await.status, 200);
    }
    assert!(!waiting.is_finished());
    drop(first);
    assert_eq!(waiting.await.unwrap(), 200);
}

#[tokio::test]
async fn who_asks_for_nothing_goes_for_who_does() {
    let limits = Limits {
        connections: 2,
        ..Limits::default()
    };
    let server = limited(Options::default(), limits).await;
    let mut known = Client::new(&server).await;
    assert_eq!(known.send("GET", "/healthz", None).await.status, 200);
    let mut silent = Client::new(&server).await;
    let mut slow = Client::new(&server).await;
    assert!(silent.is_closed().await);
    slow.write("GET / HTTP/1.1\r\nHost: h\r\nX-Slow").await;
    let mut newcomer = Client::new(&server).await;
    assert_eq!(newcomer.send("GET", "/healthz", None).await.status, 200);
    assert!(slow.is_closed().await);
    assert_eq!(known.send("GET", "/healthz", None).await.status, 200);
}

#[tokio::test]
async fn a_request_that_has_begun_is_answered_before_the_end() {
    let mut server = server().await;
    let mut idle = Client::new(&server).await;
    assert_eq!(idle.send("GET", "/healthz", None).await.status, 200);
    let mut begun = Client::new(&server).await;
    // The answer to the first request says that the second has been read as well.
    begun
        .write("GET /healthz HTTP/1.1\r\n\r\nDELETE /v2.0/networks/x HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
        .await;
    assert_eq!(begun.answer().await.unwrap().status, 200);
    assert_eq!(begun.answer().await.unwrap().status, 100);
    server.stop.take().unwrap().send(()).unwrap();
    assert!(idle.is_closed().await);
    begun.write(&json!({}).to_string()).await;
    assert_eq!(begun.answer().await.unwrap().status, 400);
    assert!(begun.is_closed().await);
    server.task.await.unwrap();
    assert!(
        tokio::net::TcpStream::connect(&server.address)
            .await
            .is_err()
    );
}
