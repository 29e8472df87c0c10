//! Runs API steps written as text against the engine and a store in memory.
//!
//! A file is a list of steps. A request and the answer that is expected of it:
//!
//! ```text
//! alice POST /networks {"network": {"name": "blue"}}
//! 201 {"network": {"name": "blue"}}
//! let NET network.id
//! ```
//!
//! The caller `admin` is an administrator, `nobody` has no project; any other name is a user of
//! the project of that name.
//! `@revision_number=3` before the body is the `If-Match` header. The expected body is a part of
//! the real one: objects may have more members, lists may not have more items, and a text that
//! ends in `*` stands for its beginning. `$NET` stands for what `let` found. `observe KIND ID
//! {...}` writes a row as the controller does (`null` removes it), `config NAME VALUE` sets up
//! the installation. After every step the claims are compared with what the rows need.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use weft_engine::{Config, Context, Engine, Outcome, Request, Response};
use weft_schema::{
    Actor, MemoryStore, Problem, ProblemKind, Read, RowChange, RowKey, State, WriteSet, claim,
};
use weft_topology::TunnelKind;

/// An installation in memory.
pub(crate) struct World {
    /// The engine.
    pub(crate) engine: Engine,
    /// The database.
    pub(crate) store: MemoryStore,
    /// The last number of the source of randomness.
    pub(crate) seed: u64,
    /// Now.
    pub(crate) time_us: i64,
    /// The classes of errors that came up.
    pub(crate) raised: BTreeSet<ProblemKind>,
}

impl World {
    pub(crate) fn new(config: Config) -> Self {
        Self {
            engine: Engine::new(config),
            store: MemoryStore::new([0; 16]),
            seed: 1,
            time_us: 1_700_000_000_000_000,
            raised: BTreeSet::new(),
        }
    }

    /// Asks the engine; a write is committed before the answer counts.
    pub(crate) fn ask(&mut self, who: &str, request: &Request) -> Result<Response, Problem> {
        let context = Context {
            user: who.to_owned(),
            project: if who == "nobody" { "" } else { who }.to_owned(),
            is_admin: who == "admin",
            request_id: "req-1".to_owned(),
            time_us: self.time_us,
            base_url: "http://c:9696".to_owned(),
        };
        let seed = &mut self.seed;
        let mut entropy = || {
            *seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mixed = (*seed ^ *seed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            mixed ^ mixed >> 27
        };
        let outcome = self
            .store
            .read(|state| self.engine.handle(request, &context, state, &mut entropy));
        self.time_us += 1_000_000;
        match outcome {
            Ok(Outcome::Done(response)) => Ok(response),
            Ok(Outcome::Write { write, response }) => {
                let entry = self.store.commit_one(write, context.time_us);
                entry.expect("nobody else writes");
                Ok(response)
            }
            Err(problem) => {
                self.raised.insert(problem.kind);
                Err(problem)
            }
        }
    }

    /// Asks, and gives status and body whatever they are.
    pub(crate) fn call(&mut self, who: &str, request: &Request) -> (u16, Value) {
        match self.ask(who, request) {
            Ok(Response { status, body }) => {
                let body = body.map_or(Value::Null, |body| {
                    serde_json::from_slice(&body).expect("answers are JSON")
                });
                (status, body)
            }
            Err(problem) => {
                let body = serde_json::from_slice(&problem.body()).expect("answers are JSON");
                (problem.status(), body)
            }
        }
    }

    /// Writes a row as the controller does.
    pub(crate) fn observe(&mut self, kind: &str, id: &str, body: Value) {
        let key = RowKey {
            kind: kind.into(),
            id: id.into(),
        };
        let (based_on, before) = self.store.read(|state| {
            let row = state.row(kind, id);
            (state.revision(), row.map(|row| row.body.clone()))
        });
        let write = WriteSet {
            based_on,
            actor: Actor::default(),
            rows: vec![RowChange {
                key: key.clone(),
                before,
                after: body.as_object().map(|body| body.clone().into()),
            }],
            claims: vec![],
            reads: BTreeSet::from([Read::Row(key)]),
        };
        let entry = self.store.commit_one(write, self.time_us);
        entry.expect("nobody else writes");
    }
}

/// A request from its parts.
pub(crate) fn request(method: &str, target: &str, body: Option<Value>) -> Request {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let pair = |pair: &str| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (name.to_owned(), value.to_owned())
    };
    let pairs = query.split('&').filter(|text| !text.is_empty());
    Request {
        method: method.to_owned(),
        path: path.to_owned(),
        query: pairs.map(pair).collect(),
        body,
        if_match: None,
    }
}

/// What the rows need to hold, and what is held.
pub(crate) fn check_claims(state: &State) {
    let mut needed: BTreeMap<(String, String), String> = BTreeMap::new();
    let mut need = |claim: weft_schema::Claim, owner: &str| {
        let key = (claim.kind.to_string(), claim.key.to_string());
        let other = needed.insert(key.clone(), owner.to_owned());
        assert_eq!(other, None, "{key:?} is needed twice");
    };
    for row in state.rows("network") {
        let kind = format!("segment/{}", row.text("provider:network_type"));
        let id = row.get("provider:segmentation_id").expect("is there");
        need(claim::number(&kind, id), &row.key.id);
        let relay = row.get("_relay").expect("is there");
        need(claim::number(&kind, relay), &row.key.id);
        let key = row.get("_key").expect("is there");
        need(claim::number(claim::DATAPATH_KEY, key), &row.key.id);
    }
    for row in state.rows("port") {
        let network = row.text("network_id");
        assert!(state.row("network", network).is_some(), "{}", row.key.id);
        let key = row.get("_key").expect("is there");
        need(claim::number(claim::PORT_KEY, key), &row.key.id);
        let mac = row.text("mac_address").parse().expect("is one");
        need(claim::mac(network, mac), &row.key.id);
        for fixed in row.items("fixed_ips") {
            let ip = fixed["ip_address"].as_str().expect("is one");
            let ip = ip.parse().expect("is one");
            need(claim::ip(network, ip), &row.key.id);
            let subnet = fixed["subnet_id"].as_str().expect("is one");
            let subnet = state.row("subnet", subnet).expect("is there");
            let net: ipnet::IpNet = subnet.text("cidr").parse().expect("is one");
            assert!(net.contains(&ip));
        }
    }
    let held: BTreeMap<(String, String), String> = state
        .snapshot()
        .claims
        .into_iter()
        .map(|(claim, owner)| {
            let key = (claim.kind.to_string(), claim.key.to_string());
            (key, owner.id.to_string())
        })
        .collect();
    assert_eq!(held, needed);
}

/// Whether `part` is in `whole`; the path of the first difference otherwise.
fn contains(whole: &Value, part: &Value, path: &str) -> Result<(), String> {
    let differs = || Err(format!("{path}: {part} is expected, {whole} is there"));
    match (whole, part) {
        (Value::Object(whole), Value::Object(part)) => part.iter().try_for_each(|(name, part)| {
            let path = format!("{path}.{name}");
            match whole.get(name) {
                Some(whole) => contains(whole, part, &path),
                None => Err(format!("{path} is not there")),
            }
        }),
        (Value::Array(whole), Value::Array(part)) if whole.len() == part.len() => {
            let mut pairs = whole.iter().zip(part).enumerate();
            pairs
                .try_for_each(|(at, (whole, part))| contains(whole, part, &format!("{path}[{at}]")))
        }
        (Value::String(whole), Value::String(part)) => match part.strip_suffix('*') {
            Some(beginning) if whole.starts_with(beginning) => Ok(()),
            None if whole == part => Ok(()),
            _ => differs(),
        },
        _ if whole == part => Ok(()),
        _ => differs(),
    }
}

/// Runs a file of steps and gives the classes of errors that came up.
pub(crate) fn run(name: &str, text: &str) -> BTreeSet<ProblemKind> {
    let mut steps = Steps {
        world: World::new(Config::default()),
        names: BTreeMap::new(),
        answer: (0, Value::Null),
    };
    for (at, line) in text.lines().enumerate() {
        let line = line.trim();
        if !line.is_empty() && !line.starts_with('#') {
            let step = steps.step(&steps.named(line));
            step.unwrap_or_else(|error| panic!("{name}:{}: {line}\n  {error}", at + 1));
        }
    }
    steps.world.raised
}

struct Steps {
    world: World,
    names: BTreeMap<String, String>,
    answer: (u16, Value),
}

impl Steps {
    /// With the values of names in it, the longest first.
    fn named(&self, line: &str) -> String {
        let names = self.names.iter().rev();
        names.fold(line.to_owned(), |line, (name, value)| {
            line.replace(&format!("${name}"), value)
        })
    }

    fn step(&mut self, line: &str) -> Result<(), String> {
        let (first, rest) = line.split_once(' ').unwrap_or((line, ""));
        match first {
            "let" => self.learn(rest),
            "observe" => {
                let mut words = rest.splitn(3, ' ');
                let mut word = || words.next().unwrap_or_default().to_owned();
                let (kind, id, body) = (word(), word(), json(&word())?);
                self.world.observe(&kind, &id, body);
                Ok(())
            }
            "config" => self.config(rest),
            status if status.parse::<u16>().is_ok() => self.expect(status, rest),
            who => self.ask(who, rest),
        }
    }

    fn config(&mut self, line: &str) -> Result<(), String> {
        let mut config = self.world.engine.config().clone();
        let (name, value) = line.split_once(' ').unwrap_or((line, ""));
        let number = || value.parse().map_err(|_| format!("'{value}' is no number"));
        match name {
            "last_segment" => {
                let last = value
                    .parse()
                    .map_err(|_| format!("'{value}' is no number"))?;
                config.segment_ranges = vec![(TunnelKind::Vxlan, 1..=last)];
            }
            "underlay_mtu" => config.underlay_mtu = number()?,
            "pagination_max_limit" => config.pagination_max_limit = Some(number()?.into()),
            _ => return Err(format!("no setting '{name}'")),
        }
        self.world.engine = Engine::new(config);
        Ok(())
    }

    fn ask(&mut self, who: &str, line: &str) -> Result<(), String> {
        let (method, rest) = line
            .split_once(' ')
            .ok_or("a method and a path are missing")?;
        let (target, mut rest) = rest.split_once(' ').unwrap_or((rest, ""));
        let mut if_match = None;
        if let Some(given) = rest.strip_prefix('@') {
            let (given, after) = given.split_once(' ').unwrap_or((given, ""));
            if_match = Some(given.to_owned());
            rest = after;
        }
        let body = match rest {
            "" => None,
            text => Some(json(text)?),
        };
        let mut request = request(method, target, body);
        request.if_match = if_match;
        self.answer = self.world.call(who, &request);
        self.world.store.read(check_claims);
        Ok(())
    }

    fn expect(&self, status: &str, body: &str) -> Result<(), String> {
        let (got, answer) = &self.answer;
        if got.to_string() != status {
            return Err(format!("{got} {answer}"));
        }
        match body {
            "" => Ok(()),
            body => {
                contains(answer, &json(body)?, "").map_err(|error| format!("{error}\n  {answer}"))
            }
        }
    }

    fn learn(&mut self, line: &str) -> Result<(), String> {
        let (name, path) = line
            .split_once(' ')
            .ok_or("a name and a path are missing")?;
        let mut value = &self.answer.1;
        for part in path.split('.') {
            let next = match part.parse::<usize>() {
                Ok(at) => value.get(at),
                Err(_) => value.get(part),
            };
            value = next.ok_or_else(|| format!("there is no {part} in {value}"))?;
        }
        let text = value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned);
        self.names.insert(name.to_owned(), text);
        Ok(())
    }
}

fn json(text: &str) -> Result<Value, String> {
    serde_json::from_str(text).map_err(|error| format!("{error}: {text}"))
}

/// A body of one resource.
pub(crate) fn body(name: &str, attributes: Value) -> Option<Value> {
    Some(json!({ name: attributes }))
}
