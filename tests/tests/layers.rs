//! The layers of the workspace: a crate uses only crates of lower levels, a pure crate reaches no I/O.
//!
//! Reads `cargo metadata`, so what counts is what cargo builds. Development dependencies are
//! left out: a test may use a sibling.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;
use weft_tests::process;

/// Every crate of the workspace: its level, and whether it must be pure.
const LEVELS: &[(&str, u8, Purity)] = &[
    ("rust_openflow", 0, Purity::Pure),
    ("weft-ovsdb", 0, Purity::Pure),
    ("weft-topology", 1, Purity::Pure),
    ("weft-schema", 2, Purity::Pure),
    ("weft-compiler", 2, Purity::Pure),
    ("weft-responders", 2, Purity::Pure),
    ("weft-switch", 2, Purity::Pure),
    ("weft-engine", 3, Purity::Pure),
    ("weft-verify", 3, Purity::Pure),
    ("weft-store", 3, Purity::Shell),
    ("weft-member", 4, Purity::Pure),
    ("weft-api", 4, Purity::Shell),
    ("weft-simulations", 5, Purity::Pure),
    ("weft", 6, Purity::Shell),
    ("weft-tests", 7, Purity::Shell),
];

/// What a pure crate must not reach.
const IMPURE: [&str; 3] = ["tokio", "sqlx", "axum"];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Purity {
    Pure,
    Shell,
}

/// The graph of normal and build dependencies, by package id.
struct Graph {
    metadata: Value,
    names: BTreeMap<String, String>,
    uses: BTreeMap<String, Vec<String>>,
}

impl Graph {
    fn read() -> Graph {
        let host = host_triple();
        let mut cargo = process::cargo();
        cargo
            .args(["metadata", "--format-version", "1", "--locked"])
            // Other platforms' packages need not be here.
            .args(["--filter-platform", &host]);
        let text = process::output(cargo).expect("cargo metadata");
        Graph::from(serde_json::from_str(&text).expect("cargo metadata"))
    }

    fn from(metadata: Value) -> Graph {
        let packages = list(&metadata["packages"]).iter();
        let names = packages.map(|package| (text(&package["id"]), text(&package["name"])));
        let nodes = list(&metadata["resolve"]["nodes"]).iter();
        let uses = nodes.map(|node| {
            let used = list(&node["deps"])
                .iter()
                .filter(|dep| !only_for_tests(dep));
            (
                text(&node["id"]),
                used.map(|dep| text(&dep["pkg"])).collect(),
            )
        });
        Graph {
            names: names.collect(),
            uses: uses.collect(),
            metadata,
        }
    }

    fn members(&self) -> impl Iterator<Item = (&str, &str)> {
        let members = list(&self.metadata["workspace_members"]).iter();
        members
            .filter_map(Value::as_str)
            .map(|id| (id, self.names[id].as_str()))
    }

    /// The first way from a package to one called `name`, as names.
    fn way(&self, from: &str, name: &str) -> Option<Vec<&str>> {
        let mut ways = vec![vec![from]];
        let mut seen = BTreeSet::new();
        while let Some(way) = ways.pop() {
            let last = *way.last()?;
            if self.names[last] == name {
                return Some(way.iter().map(|id| self.names[*id].as_str()).collect());
            }
            if seen.insert(last) {
                let next = self.uses[last].iter();
                ways.extend(next.map(|id| [&way[..], &[id.as_str()]].concat()));
            }
        }
        None
    }

    fn impurities(&self) -> Vec<String> {
        self.members()
            .filter(|(_, name)| row(name).is_some_and(|row| row.2 == Purity::Pure))
            .flat_map(|(id, _)| IMPURE.iter().filter_map(|name| self.way(id, name)))
            .map(|way| way.join(" -> "))
            .collect()
    }

    fn wrong_levels(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        for (id, name) in self.members() {
            for used in self.uses[id].iter().map(|id| &self.names[id]) {
                if let (Some(user), Some(used)) = (row(name), row(used))
                    && user.1 <= used.1
                {
                    wrong.push(format!(
                        "{} ({}) uses {} ({})",
                        name, user.1, used.0, used.1
                    ));
                }
            }
        }
        wrong
    }

    fn binaries(&self) -> Vec<String> {
        let members: BTreeSet<&str> = self.members().map(|(id, _)| id).collect();
        let packages = list(&self.metadata["packages"]).iter();
        packages
            .filter(|package| {
                package["id"]
                    .as_str()
                    .is_some_and(|id| members.contains(id))
            })
            .flat_map(|package| list(&package["targets"]))
            .filter(|target| list(&target["kind"]).iter().any(|kind| kind == "bin"))
            .map(|target| text(&target["name"]))
            .collect()
    }
}

fn only_for_tests(dep: &Value) -> bool {
    list(&dep["dep_kinds"])
        .iter()
        .all(|kind| kind["kind"] == "dev")
}

fn row(name: &str) -> Option<&'static (&'static str, u8, Purity)> {
    LEVELS.iter().find(|row| row.0 == name)
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_string()
}

fn host_triple() -> String {
    let mut rustc = Command::new("rustc");
    rustc.arg("-vV");
    let told = process::output(rustc).expect("rustc -vV");
    let host = told.lines().find_map(|line| line.strip_prefix("host: "));
    host.expect("rustc names its host").to_string()
}

#[test]
fn every_crate_has_a_level() {
    let graph = Graph::read();
    let unknown: Vec<&str> = graph
        .members()
        .map(|(_, name)| name)
        .filter(|name| row(name).is_none())
        .collect();
    assert!(
        unknown.is_empty(),
        "not in the table of levels: {unknown:?}"
    );
}

#[test]
fn a_crate_uses_only_crates_of_lower_levels() {
    let wrong = Graph::read().wrong_levels();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn a_pure_crate_reaches_no_input_or_output() {
    let ways = Graph::read().impurities();
    assert!(ways.is_empty(), "{ways:#?}");
}

#[test]
fn there_is_one_binary() {
    assert_eq!(Graph::read().binaries(), ["weft"]);
}

/// A workspace in which everything is wrong.
fn bad_graph() -> Graph {
    let dep =
        |name: &str, kind: Value| serde_json::json!({"pkg": name, "dep_kinds": [{"kind": kind}]});
    let package = |name: &str, kind: &str| serde_json::json!({"id": name, "name": name, "targets": [{"name": name, "kind": [kind]}]});
    Graph::from(serde_json::json!({
        "packages": [
            package("weft-topology", "lib"), package("weft-compiler", "bin"),
            package("weft-member", "bin"), package("tower", "lib"), package("tokio", "lib"),
        ],
        "workspace_members": ["weft-topology", "weft-compiler", "weft-member"],
        "resolve": {"nodes": [
            {"id": "weft-topology", "deps": [dep("weft-compiler", Value::Null), dep("tokio", "dev".into())]},
            {"id": "weft-compiler", "deps": [dep("tower", Value::Null)]},
            {"id": "weft-member", "deps": [dep("weft-compiler", "dev".into())]},
            {"id": "tower", "deps": [dep("tokio", Value::Null)]},
            {"id": "tokio", "deps": []},
        ]},
    }))
}

#[test]
fn a_wrong_workspace_is_noticed() {
    let graph = bad_graph();
    assert_eq!(
        graph.wrong_levels(),
        ["weft-topology (1) uses weft-compiler (2)"]
    );
    assert_eq!(graph.binaries(), ["weft-compiler", "weft-member"]);
    assert_eq!(
        graph.impurities(),
        [
            "weft-topology -> weft-compiler -> tower -> tokio",
            "weft-compiler -> tower -> tokio"
        ]
    );
}
