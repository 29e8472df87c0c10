//! A server for a test, and a client that can also say what no good client would.

use std::sync::Arc;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use weft_api::{Api, Limits, Operations, Options, Replica, serve};
use weft_engine::{Config, Engine};
use weft_schema::{MemoryStore, Store};

struct Fine;

impl Operations for Fine {
    fn ready(&self) -> Result<(), String> {
        Ok(())
    }

    fn metrics(&self) -> String {
        "weft_up 1\n".to_owned()
    }
}

/// A server on a port of its own.
pub(crate) struct Server {
    pub(crate) address: String,
    pub(crate) stop: Option<oneshot::Sender<()>>,
    pub(crate) task: JoinHandle<()>,
}

/// Serves from a store in memory with the usual options.
pub(crate) async fn server() -> Server {
    server_with(
        Arc::new(MemoryStore::new([7; 16])),
        Options::default(),
        Limits::default(),
    )
    .await
}

/// Serves from `store`.
pub(crate) async fn server_with(store: Arc<dyn Store>, options: Options, limits: Limits) -> Server {
    let replica = Arc::new(Replica::start(store).await.unwrap());
    let engine = Engine::new(Config::default());
    let api = Api::new(engine, replica, Arc::new(Fine), options);
    let listener = small(TcpSocket::new_v4().unwrap());
    listener.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = listener.listen(1024).unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (stop, stopped) = oneshot::channel::<()>();
    let shutdown = async {
        let _ = stopped.await;
    };
    let task = tokio::spawn(serve(listener, api.router(), limits, shutdown));
    Server {
        address,
        stop: Some(stop),
        task,
    }
}

/// An answer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// The `type` of the error in it.
    pub(crate) fn error(&self) -> (u16, String) {
        let body = self.json();
        let kind = body["NeutronError"]["type"].as_str().unwrap();
        (self.status, kind.to_owned())
    }
}

/// With small buffers: what is not read stays with who wrote it.
fn small(socket: TcpSocket) -> TcpSocket {
    socket.set_send_buffer_size(16 * 1024).unwrap();
    socket.set_recv_buffer_size(16 * 1024).unwrap();
    socket
}

/// A connection.
pub(crate) struct Client(pub(crate) TcpStream);

impl Client {
    pub(crate) async fn new(server: &Server) -> Self {
        let socket = small(TcpSocket::new_v4().unwrap());
        let connecting = socket.connect(server.address.parse().unwrap());
        Client(connecting.await.unwrap())
    }

    pub(crate) async fn write(&mut self, text: &str) {
        self.0.write_all(text.as_bytes()).await.unwrap();
    }

    /// Sends a request and reads the answer.
    pub(crate) async fn send(&mut self, method: &str, path: &str, body: Option<Value>) -> Answer {
        self.send_as("", method, path, body).await
    }

    /// The same with more headers, each ended by CRLF.
    pub(crate) async fn send_as(
        &mut self,
        headers: &str,
        method: &str,
        path: &str,
        body: Option<Value>,
    ) -> Answer {
        let body = body.map_or(String::new(), |body| body.to_string());
        let length = body.len();
        self.write(&format!(
            "{method} {path} HTTP/1.1\r\nHost: cloud:9696\r\n{headers}Content-Length: {length}\r\n\r\n{body}"
        ))
        .await;
        self.answer().await.unwrap()
    }

    /// Reads an answer; none when the connection was closed instead.
    pub(crate) async fn answer(&mut self) -> Option<Answer> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            match self.0.read_u8().await {
                Ok(byte) => head.push(byte),
                Err(_) => return None,
            }
        }
        let head = String::from_utf8(head).unwrap();
        let mut answer = Answer {
            status: head.split(' ').nth(1).unwrap().parse().unwrap(),
            head,
            body: vec![],
        };
        let length = answer
            .header("content-length")
            .map_or(0, |length| length.parse().unwrap());
        answer.body = vec![0; length];
        self.0.read_exact(&mut answer.body).await.unwrap();
        Some(answer)
    }

    /// Whether the server closes the connection, saying nothing more.
    pub(crate) async fn is_closed(&mut self) -> bool {
        matches!(self.0.read(&mut [0; 64]).await, Ok(0) | Err(_))
    }
}
