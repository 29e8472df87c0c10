//! What requests cost in the engine and a store in memory: no socket, no database, one core.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use serde_json::{Value, json};
use weft_engine::{Config, Context, Engine, Outcome, Request, Response};
use weft_schema::MemoryStore;

struct World {
    engine: Engine,
    store: MemoryStore,
    context: Context,
    seed: u64,
}

impl World {
    fn new() -> Self {
        Self {
            engine: Engine::new(Config::default()),
            store: MemoryStore::new([0; 16]),
            context: Context {
                project: "bench".to_owned(),
                base_url: "http://controller:9696".to_owned(),
                time_us: 1_700_000_000_000_000,
                ..Context::default()
            },
            seed: 1,
        }
    }

    fn ask(&mut self, request: &Request) -> Response {
        let seed = &mut self.seed;
        let mut entropy = || {
            *seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mixed = (*seed ^ *seed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            mixed ^ mixed >> 27
        };
        let outcome = self.store.read(|state| {
            self.engine
                .handle(request, &self.context, state, &mut entropy)
        });
        match outcome.expect("the request is right") {
            Outcome::Done(response) => response,
            Outcome::Write { write, response } => {
                let time = self.context.time_us;
                self.store
                    .commit_one(write, time)
                    .expect("nobody else writes");
                response
            }
        }
    }

    /// A network with a subnet of this range; answers with its id.
    fn network(&mut self, cidr: &str) -> Value {
        let network = self.ask(&post("networks", json!({"network": {}})));
        let body = network.body.expect("what was made");
        let network: Value = serde_json::from_slice(&body).expect("JSON");
        let id = network["network"]["id"].clone();
        let subnet = json!({"network_id": id, "ip_version": 4, "cidr": cidr});
        self.ask(&post("subnets", json!({"subnet": subnet})));
        id
    }
}

fn post(collection: &str, body: Value) -> Request {
    Request {
        method: "POST".to_owned(),
        path: format!("/{collection}"),
        body: Some(body),
        ..Request::default()
    }
}

fn requests(c: &mut Criterion) {
    let mut group = c.benchmark_group("engine");
    group.sample_size(20);
    let mut world = World::new();
    let network = world.network("10.0.0.0/8");
    let port = post("ports", json!({"port": {"network_id": network}}));
    let list = Request {
        method: "GET".to_owned(),
        path: "/ports".to_owned(),
        ..Request::default()
    };
    let mut made = 0;
    for size in [1_000, 5_000] {
        while made < size {
            world.ask(&port);
            made += 1;
        }
        group.bench_function(format!("list {size} ports"), |b| {
            b.iter(|| world.ask(black_box(&list)));
        });
    }
    // Last: what it makes stays.
    group.bench_function("make a port", |b| b.iter(|| world.ask(black_box(&port))));
    group.finish();
}

criterion_group!(benches, requests);
criterion_main!(benches);
