//! What the API costs through the whole stack: sockets, HTTP, engine, and an SQLite file that is
//! gone afterwards.
//!
//! The server runs in this process on threads of its own; all clients share one thread, whose CPU
//! time is taken off, so that what is left is the server's.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use weft_api::{Api, Limits, Operations, Options, Replica};
use weft_engine::{Config, Engine};

use super::figures::{Budget, Figure, Sample, Section};
use super::machine;

/// How many ports are made, and how often each list is asked for.
const SIZES: [(usize, f64); 2] = [(1_000, 10.0), (5_000, 50.0)];
const LISTS: usize = 20;
const SHOWS: usize = 2_000;

/// The load.
#[derive(clap::Args, Debug, Clone)]
pub(super) struct Args {
    /// How many clients ask at the same time, each on a connection that it keeps
    #[arg(long, default_value_t = Args::default().clients, value_parser = clap::value_parser!(u16).range(1..=512))]
    clients: u16,
    /// How many networks the ports are on
    #[arg(long, default_value_t = Args::default().networks, value_parser = clap::value_parser!(u16).range(1..=1_000))]
    networks: u16,
}

impl Default for Args {
    fn default() -> Self {
        Self {
            clients: 64,
            networks: 100,
        }
    }
}

/// A controller's API has a readiness and metrics; this one has nothing to say there.
struct Quiet;

impl Operations for Quiet {
    fn ready(&self) -> Result<(), String> {
        Ok(())
    }

    fn metrics(&self) -> String {
        String::new()
    }
}

/// Measures.
pub(super) fn run(args: &Args) -> anyhow::Result<Section> {
    let folder = Folder::new()?;
    let server = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let address = server.block_on(serve(&folder))?;
    let clients = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let figures = clients.block_on(measure(args, &address))?;
    server.shutdown_timeout(Duration::from_secs(5));
    let Args { clients, networks } = args;
    Ok(Section {
        title: "The API",
        how: format!(
            "HTTP over loopback, SQLite on disk; {clients} clients that keep their connections, \
             ports on {networks} networks with a subnet each. Server and clients share the \
             machine: rates have the clients' work in them, CPU figures have not."
        ),
        command: format!("weft bench api --clients {clients} --networks {networks}"),
        figures,
    })
}

/// Starts a server; answers with its address.
async fn serve(folder: &Folder) -> anyhow::Result<String> {
    let url = format!("sqlite:{}", folder.0.join("weft.db").display());
    let store = weft_store::open(&url, &weft_store::Options::default()).await?;
    let replica = Arc::new(Replica::start(Arc::new(store)).await?);
    let options = Options {
        noauth_project: "bench".to_owned(),
        ..Options::default()
    };
    let engine = Engine::new(Config::default());
    let api = Api::new(engine, replica, Arc::new(Quiet), options);
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?.to_string();
    let never = std::future::pending();
    tokio::spawn(weft_api::serve(
        listener,
        api.router(),
        Limits::default(),
        never,
    ));
    Ok(address)
}

/// Wall and server's CPU time since it was made. It lives in the thread of the clients.
struct Stopwatch {
    wall: Instant,
    all: Duration,
    clients: Duration,
}

impl Stopwatch {
    fn start() -> Self {
        Self {
            wall: Instant::now(),
            all: machine::process_cpu(),
            clients: machine::thread_cpu(),
        }
    }

    /// Seconds by the clock on the wall, and seconds of the server's CPU time.
    fn stop(&self) -> (f64, f64) {
        let all = machine::process_cpu().saturating_sub(self.all);
        let clients = machine::thread_cpu().saturating_sub(self.clients);
        let server = all.saturating_sub(clients);
        (self.wall.elapsed().as_secs_f64(), server.as_secs_f64())
    }
}

async fn measure(args: &Args, address: &str) -> anyhow::Result<Vec<Figure>> {
    let mut client = Client::connect(address).await?;
    let mut networks = Vec::new();
    for _ in 0..args.networks {
        let network = client.post("networks", &json!({"network": {}})).await?;
        let id = network["network"]["id"].clone();
        let subnet = json!({"network_id": id, "ip_version": 4, "cidr": "10.0.0.0/16"});
        client.post("subnets", &json!({"subnet": subnet})).await?;
        networks.push(id);
    }
    let mut figures = Vec::new();
    let mut made = 0;
    for (size, budget) in SIZES {
        let (rate, cpu) = make_ports(args, address, &networks, size - made).await?;
        made = size;
        figures.push(
            Figure::new(format!("POST ports, up to {size}"), rate, "/s")
                .within(Budget::Above(2_000.0)),
        );
        figures.push(
            Figure::new(format!("POST a port, up to {size}, CPU"), cpu * 1e3, "ms")
                .within(Budget::Below(0.4)),
        );
        figures.extend(list(&mut client, size, budget).await?);
    }
    figures.extend(show(args, address, &networks).await?);
    Ok(figures)
}

/// Makes ports; answers with their rate and the CPU time of one.
async fn make_ports(
    args: &Args,
    address: &str,
    networks: &[Value],
    ports: usize,
) -> anyhow::Result<(f64, f64)> {
    let clients = usize::from(args.clients);
    let mut tasks = Vec::new();
    let watch = Stopwatch::start();
    for offset in 0..clients {
        let (address, networks) = (address.to_owned(), networks.to_vec());
        let share = ports / clients + usize::from(offset < ports % clients);
        tasks.push(tokio::spawn(async move {
            let mut client = Client::connect(&address).await?;
            for index in 0..share {
                let network = &networks[(offset + index * clients) % networks.len()];
                let port = json!({"port": {"network_id": network}});
                client.post("ports", &port).await?;
            }
            anyhow::Ok(())
        }));
    }
    for task in tasks {
        task.await??;
    }
    let (wall, cpu) = watch.stop();
    Ok((ports as f64 / wall, cpu / ports as f64))
}

/// Asks for all ports, one list after the other. Those of DHCP are in it too.
async fn list(client: &mut Client, size: usize, budget: f64) -> anyhow::Result<[Figure; 2]> {
    let mut sample = Sample::default();
    let watch = Stopwatch::start();
    for _ in 0..LISTS {
        let start = Instant::now();
        let body = client.get(&format!("/v2.0/ports?limit={size}")).await?;
        sample.push(start.elapsed());
        ensure!(body.len() > size * 100, "a list of {} bytes", body.len());
    }
    let (_, cpu) = watch.stop();
    let what = format!("GET a list of {size} ports");
    let median = sample.median() * 1e3;
    let cpu = cpu * 1e3 / LISTS as f64;
    Ok([
        Figure::new(format!("{what}, median"), median, "ms").within(Budget::Below(budget)),
        Figure::new(format!("{what}, CPU"), cpu, "ms"),
    ])
}

/// Asks for single networks.
async fn show(args: &Args, address: &str, networks: &[Value]) -> anyhow::Result<[Figure; 2]> {
    let clients = usize::from(args.clients);
    let watch = Stopwatch::start();
    let mut tasks = Vec::new();
    for offset in 0..clients {
        let id = networks[offset % networks.len()].as_str();
        let path = format!("/v2.0/networks/{}", id.unwrap_or_default());
        let address = address.to_owned();
        tasks.push(tokio::spawn(async move {
            let mut client = Client::connect(&address).await?;
            for _ in 0..SHOWS / clients {
                client.get(&path).await?;
            }
            anyhow::Ok(())
        }));
    }
    for task in tasks {
        task.await??;
    }
    let (wall, cpu) = watch.stop();
    let count = (SHOWS / clients * clients) as f64;
    Ok([
        Figure::new("GET a network", count / wall, "/s"),
        Figure::new("GET a network, CPU", cpu * 1e3 / count, "ms"),
    ])
}

/// A connection that is kept.
struct Client(BufReader<TcpStream>);

impl Client {
    async fn connect(address: &str) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self(BufReader::new(stream)))
    }

    /// Makes something; any other answer than 201 ends the measurement.
    async fn post(&mut self, collection: &str, body: &Value) -> anyhow::Result<Value> {
        let body = body.to_string();
        let length = body.len();
        let head = format!(
            "POST /v2.0/{collection} HTTP/1.1\r\nHost: bench\r\nContent-Length: {length}\r\n\r\n"
        );
        let body = self.ask(&(head + &body), "201").await?;
        Ok(serde_json::from_slice(&body)?)
    }

    async fn get(&mut self, path: &str) -> anyhow::Result<Vec<u8>> {
        let request = format!("GET {path} HTTP/1.1\r\nHost: bench\r\n\r\n");
        self.ask(&request, "200").await
    }

    async fn ask(&mut self, request: &str, status: &str) -> anyhow::Result<Vec<u8>> {
        self.0.write_all(request.as_bytes()).await?;
        let mut first = String::new();
        self.0.read_line(&mut first).await?;
        let mut length = 0;
        let mut line = String::new();
        while line != "\r\n" {
            line.clear();
            ensure!(
                self.0.read_line(&mut line).await? > 0,
                "the answer ends early"
            );
            if let Some(text) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = text.trim().parse().context("a length is a number")?;
            }
        }
        let mut body = vec![0; length];
        self.0.read_exact(&mut body).await?;
        let answer = String::from_utf8_lossy(&body);
        ensure!(first.split(' ').nth(1) == Some(status), "{first}{answer}");
        Ok(body)
    }
}

/// A folder that is gone afterwards.
struct Folder(std::path::PathBuf);

impl Folder {
    fn new() -> anyhow::Result<Self> {
        let path = std::env::temp_dir().join(format!("weft-bench-{}", std::process::id()));
        std::fs::create_dir(&path).with_context(|| path.display().to_string())?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
