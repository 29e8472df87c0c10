//! How many ports a second the API makes, through sockets: `load [NETWORKS] [CLIENTS] [PORTS]`.
//!
//! Server and clients share this process and a temporary SQLite file, so the clients' own work is
//! in the figures.

use std::error::Error;
use std::sync::Arc;
use std::time::Instant;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use weft_api::{Api, Limits, Operations, Options, Replica, serve};
use weft_engine::{Config, Engine};

struct Quiet;

impl Operations for Quiet {
    fn ready(&self) -> Result<(), String> {
        Ok(())
    }

    fn metrics(&self) -> String {
        String::new()
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let mut number = |or| {
        arguments
            .next()
            .map_or(Ok(or), |text| text.parse::<usize>())
    };
    let (networks, clients, ports) = (number(100)?, number(64)?, number(4_000)?);

    let folder = tempfile::tempdir()?;
    let url = format!("sqlite:{}", folder.path().join("weft.db").display());
    let store = weft_store::open(&url, &weft_store::Options::default()).await?;
    let replica = Arc::new(Replica::start(Arc::new(store)).await?);
    let options = Options {
        noauth_project: "p".to_owned(),
        ..Options::default()
    };
    let api = Api::new(
        Engine::new(Config::default()),
        replica.clone(),
        Arc::new(Quiet),
        options,
    );
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?.to_string();
    tokio::spawn(serve(
        listener,
        api.router(),
        Limits::default(),
        std::future::pending(),
    ));

    let mut client = Client::new(&address).await;
    let mut ids = Vec::new();
    for _ in 0..networks {
        let network = client.post("networks", json!({"network": {}})).await;
        let id = network["network"]["id"].clone();
        let subnet = json!({"network_id": id, "ip_version": 4, "cidr": "10.0.0.0/16"});
        client.post("subnets", json!({"subnet": subnet})).await;
        ids.push(id);
    }
    let (start, head) = (Instant::now(), replica.revision());
    let tasks: Vec<_> = (0..clients)
        .map(|client| tokio::spawn(load(address.clone(), ids.clone(), client, ports / clients)))
        .collect();
    for task in tasks {
        task.await?;
    }
    let (made, seconds) = (replica.revision() - head, start.elapsed().as_secs_f64());
    println!(
        "{made} ports on {networks} networks by {clients} clients in {seconds:.2} s: {:.0}/s",
        made as f64 / seconds
    );
    Ok(())
}

async fn load(address: String, networks: Vec<Value>, offset: usize, ports: usize) {
    let mut client = Client::new(&address).await;
    for index in 0..ports {
        let network = &networks[(offset + index) % networks.len()];
        client
            .post("ports", json!({"port": {"network_id": network}}))
            .await;
    }
}

struct Client(BufReader<TcpStream>);

impl Client {
    async fn new(address: &str) -> Self {
        Client(BufReader::new(
            TcpStream::connect(address)
                .await
                .expect("the server listens"),
        ))
    }

    /// Creates something; any other answer than 201 ends the measurement.
    async fn post(&mut self, collection: &str, body: Value) -> Value {
        let body = body.to_string();
        let length = body.len();
        let head = format!("POST /v2.0/{collection} HTTP/1.1\r\nContent-Length: {length}\r\n\r\n");
        let request = head + &body;
        self.0
            .write_all(request.as_bytes())
            .await
            .expect("the server reads");
        let (mut line, mut length) = (String::new(), 0);
        let mut status = String::new();
        while line != "\r\n" {
            line.clear();
            self.0
                .read_line(&mut line)
                .await
                .expect("the server answers");
            if status.is_empty() {
                status.clone_from(&line);
            }
            if let Some(text) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = text.trim().parse().expect("a length is a number");
            }
        }
        let mut body = vec![0; length];
        self.0
            .read_exact(&mut body)
            .await
            .expect("the body is there");
        assert!(
            status.contains(" 201 "),
            "{status} {}",
            String::from_utf8_lossy(&body)
        );
        serde_json::from_slice(&body).expect("the API answers in JSON")
    }
}
