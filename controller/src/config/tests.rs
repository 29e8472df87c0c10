//! Where the values of options come from, and what is said when they are wrong.

use std::collections::HashMap;
use std::ffi::OsString;
use std::path::PathBuf;

use super::*;
use crate::cli::{self, Command};

/// A command line in an environment of its own, with a configuration file of that text.
struct Given {
    words: Vec<&'static str>,
    environment: HashMap<String, OsString>,
    file: Option<&'static str>,
    root: bool,
}

fn given(words: &[&'static str]) -> Given {
    Given {
        words: words.to_vec(),
        environment: HashMap::from([("HOME".to_owned(), "/home/ada".into())]),
        file: None,
        root: false,
    }
}

impl Given {
    fn environment(mut self, name: &str, value: &str) -> Self {
        self.environment.insert(name.to_owned(), value.into());
        self
    }

    fn without(mut self, name: &str) -> Self {
        self.environment.remove(name);
        self
    }

    fn file(mut self, text: &'static str) -> Self {
        self.file = Some(text);
        self
    }

    fn root(mut self) -> Self {
        self.root = true;
        self
    }

    /// What becomes of it; the file is called `weft.toml` in messages.
    fn parse(mut self) -> Result<cli::Invocation, String> {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("weft.toml");
        if let Some(text) = self.file {
            std::fs::write(&file, text).unwrap();
            self.environment
                .insert("WEFT_CONFIG".into(), file.clone().into());
        }
        let surroundings = Surroundings {
            environment: &|name| self.environment.get(name).cloned(),
            root: self.root,
        };
        let words = std::iter::once("weft")
            .chain(self.words)
            .map(OsString::from);
        cli::parse(words.collect(), &surroundings).map_err(|error| {
            assert!(error.is_usage() || matches!(error, Error::File { .. }));
            error
                .to_string()
                .replace(&file.display().to_string(), "weft.toml")
        })
    }

    fn config(self) -> Config {
        match self.parse().unwrap().cli.command {
            Command::Serve(config) => *config,
            other => panic!("{other:?}"),
        }
    }

    fn error(self) -> String {
        self.parse().unwrap_err()
    }
}

#[test]
fn weft_alone_is_weft_serve_with_its_defaults() {
    let config = given(&[]).config();
    assert_eq!(config, given(&["serve"]).config());
    assert_eq!(config.listen_api.0, "127.0.0.1:9696".parse().unwrap());
    assert_eq!(config.listen_openflow.0, "0.0.0.0:6653".parse().unwrap());
    assert_eq!(config.listen_ovsdb.0, "0.0.0.0:6640".parse().unwrap());
    assert_eq!(config.network_type, TunnelKind::Vxlan);
    assert_eq!(config.vni_range, VniRanges::default());
    assert_eq!(config.underlay_mtu, 1500);
    assert_eq!(config.flood_direct, 256);
    assert_eq!(config.dns_domain.as_str(), "openstacklocal.");
    assert_eq!(config.dhcp_lease, 86400);
    assert_eq!(config.max_hypervisors, 4096);
    assert_eq!(config.base_mac.to_string(), "fa:16:3e:00:00:00");
    assert_eq!(config.noauth_project, None);
    assert_eq!(config.advertise, None);
    config.check().unwrap();
}

#[test]
fn a_flag_goes_before_the_environment_that_before_the_file_that_before_the_default() {
    let file = "underlay-mtu = 9000\ndhcp-lease = 0x100\nnetwork-type = \"geneve\"\n";
    let config = given(&["serve", "--underlay-mtu", "2000"])
        .environment("WEFT_UNDERLAY_MTU", "3000")
        .environment("WEFT_DHCP_LEASE", "300")
        .file(file)
        .config();
    assert_eq!(config.underlay_mtu, 2000);
    assert_eq!(config.dhcp_lease, 300);
    assert_eq!(config.network_type, TunnelKind::Geneve);
    assert_eq!(config.audit_interval, "600".parse().unwrap());
}

#[test]
fn every_option_may_come_from_flag_environment_and_file() {
    let rows = [
        ("listen-api", "127.0.0.2:9696"),
        ("listen-openflow", ":16653"),
        ("listen-ovsdb", "[::]:6640"),
        ("advertise", "192.0.2.1"),
        ("database", "sqlite:/tmp/other.db"),
        ("noauth-project", "demo"),
        ("insecure-noauth", "true"),
        ("network-type", "gre"),
        ("vni-range", "vxlan:100:200"),
        ("underlay-mtu", "9000"),
        ("flood-direct", "2"),
        ("dns-domain", "example.org"),
        ("dhcp-lease", "3600"),
        ("base-mac", "02:00:00:00:00:00"),
        ("max-hypervisors", "9"),
        ("audit-interval", "0"),
        ("log", "debug,json"),
    ];
    let command = cli::command();
    let names = options(&command)
        .into_iter()
        .filter_map(clap::Arg::get_long);
    let mut names: Vec<_> = names.collect();
    names.sort_unstable();
    let mut tried: Vec<_> = rows.iter().map(|row| row.0).collect();
    tried.sort_unstable();
    assert_eq!(tried, names, "every option is tried");
    let default = format!("{:?}", given(&["serve"]).parse().unwrap().cli);
    for (name, value) in rows {
        let flag: &'static str = format!("--{name}={value}").leak();
        let file: &'static str = format!("{name} = \"{value}\"").leak();
        let by_flag = format!("{:?}", given(&["serve", flag]).parse().unwrap().cli);
        let variable = environment_name(name);
        let by_variable = given(&["serve"]).environment(&variable, value);
        let by_variable = format!("{:?}", by_variable.parse().unwrap().cli);
        let by_file = format!("{:?}", given(&["serve"]).file(file).parse().unwrap().cli);
        assert_ne!(by_flag, default, "{name}");
        assert_eq!(by_flag, by_variable, "{name}");
        assert_eq!(by_flag, by_file, "{name}");
    }
}

#[test]
fn values_of_the_file_may_be_numbers_truths_and_lists() {
    let file = "audit-interval = 60\ninsecure-noauth = true\n\
                vni-range = [\"vxlan:5:6\", \"gre:7:8\"]\n";
    let config = given(&["serve"]).file(file).config();
    assert_eq!(config.audit_interval, "60".parse().unwrap());
    assert!(config.insecure_noauth);
    assert_eq!(config.vni_range, "vxlan:5:6,gre:7:8".parse().unwrap());
    let flag = given(&["serve", "--insecure-noauth=false"]).file("insecure-noauth = true");
    assert!(!flag.config().insecure_noauth);
    assert!(
        given(&["serve", "--insecure-noauth"])
            .config()
            .insecure_noauth
    );
}

#[test]
fn an_unknown_key_is_refused_with_its_place_and_what_was_meant() {
    let file = "# where\n\nlisten-ap = \":9696\"\n  underlay_mtu = 1\n\n[cluster]\nname = 1\n";
    assert_eq!(
        given(&["serve"]).file(file).error(),
        "weft.toml:3:1: unknown key 'listen-ap'; did you mean 'listen-api'?\n       \
         weft.toml:4:3: unknown key 'underlay_mtu'; did you mean 'underlay-mtu'?\n       \
         weft.toml:6:2: unknown key 'cluster'; `weft serve --help` lists them"
    );
}

#[test]
fn a_wrong_value_is_refused_with_its_place_and_key() {
    let rows = [
        (
            "listen-api = 9696",
            "weft.toml:1:14: listen-api: expected an IP address and a port",
        ),
        (
            "\nunderlay-mtu = \"big\"",
            "weft.toml:2:16: underlay-mtu: invalid digit",
        ),
        (
            "underlay-mtu = 1000",
            "weft.toml:1:16: underlay-mtu: 1000 is not in 1280..=65535",
        ),
        (
            "flood-direct = 1000",
            "weft.toml:1:16: flood-direct: 1000 is not in 1..=512",
        ),
        (
            "network-type = \"vlan\"",
            "weft.toml:1:16: network-type: expected one of vxlan, geneve, gre",
        ),
        ("insecure-noauth = 1", "weft.toml:1:19: insecure-noauth: "),
        (
            "dhcp-lease = 1.5",
            "weft.toml:1:14: dhcp-lease: expected a string, a number, true or false, not float",
        ),
        (
            "dhcp-lease = { a = 1 }",
            "weft.toml:1:14: dhcp-lease: expected a string, a number, true or false, not table",
        ),
        ("log = \"loud\"", "weft.toml:1:7: log: expected error, warn"),
        ("log = ", "weft.toml:1:"),
        (
            "log = \"info\"\nlog = \"info\"",
            "weft.toml:2:1: duplicate key",
        ),
    ];
    for (file, message) in rows {
        let error = given(&["serve"]).file(file).error();
        assert!(error.starts_with(message), "{file:?}: {error}");
    }
}

#[test]
fn a_wrong_variable_is_refused_by_name() {
    let error = given(&["serve"])
        .environment("WEFT_LISTEN_API", "9696")
        .error();
    assert!(
        error.starts_with("WEFT_LISTEN_API: expected an IP"),
        "{error}"
    );
}

#[test]
fn a_file_that_was_named_must_be_there() {
    let error = given(&["serve", "--config", "/nowhere/weft.toml"]).error();
    assert!(
        error.starts_with("/nowhere/weft.toml: No such file"),
        "{error}"
    );
}

#[test]
fn the_database_has_a_home_of_whoever_runs_weft() {
    let at = |path: &str| Database::Sqlite(PathBuf::from(path));
    let database = |given: Given| given.config().database;
    assert_eq!(
        database(given(&[])),
        at("/home/ada/.local/state/weft/weft.db")
    );
    let state = given(&[]).environment("XDG_STATE_HOME", "/state");
    assert_eq!(database(state), at("/state/weft/weft.db"));
    let relative = given(&[]).environment("XDG_STATE_HOME", "state");
    assert_eq!(
        database(relative),
        at("/home/ada/.local/state/weft/weft.db")
    );
    assert_eq!(database(given(&[]).root()), at("/var/lib/weft/weft.db"));
    let error = given(&[]).without("HOME").error();
    assert!(
        error.starts_with("no directory for the database"),
        "{error}"
    );
    let named = given(&["serve", "--database", "sqlite:here.db"]).without("HOME");
    assert_eq!(database(named), at("here.db"));
    given(&["pipeline"]).without("HOME").parse().unwrap();
}

#[test]
fn without_authentication_only_loopback_is_served() {
    let exposed = given(&["serve", "--listen-api", ":9696"]).config();
    let error = exposed.check().unwrap_err();
    assert!(error.is_usage());
    let words = error.to_string();
    assert!(
        words.contains("0.0.0.0:9696") && words.contains("--insecure-noauth"),
        "{words}"
    );
    given(&["serve", "--listen-api", "[::1]:9696"])
        .config()
        .check()
        .unwrap();
    let accepted = given(&["serve", "--listen-api", ":9696", "--insecure-noauth"]);
    accepted.config().check().unwrap();
}

#[test]
fn no_message_shows_what_was_meant_as_a_database() {
    let wrong = "postgers://weft:secret@db/weft";
    let file = "database = \"postgers://weft:secret@db/weft\"\n";
    let broken = "database = \"postgres://weft:secret@db/weft\n";
    for error in [
        given(&["serve", "--database", wrong]).error(),
        given(&["serve"])
            .environment("WEFT_DATABASE", wrong)
            .error(),
        given(&["serve"]).file(file).error(),
        given(&["serve"]).file(broken).error(),
    ] {
        assert!(!error.is_empty() && !error.contains("secret"), "{error}");
    }
    let config = given(&["serve"])
        .environment("WEFT_DATABASE", "postgres://weft:secret@db/weft")
        .config();
    assert!(!format!("{config:?}").contains("secret"));
    assert!(config.database.url().contains("secret"));
}

#[test]
fn other_commands_go_by_the_configuration_of_serve() {
    let asked = given(&["pipeline"]).file("listen-api = \"127.0.0.1:1234\"");
    let config = asked.parse().unwrap().config().unwrap();
    assert_eq!(config.listen_api.0, "127.0.0.1:1234".parse().unwrap());
}

#[test]
fn an_empty_variable_is_none() {
    let config = given(&[]).environment("WEFT_LISTEN_API", "").config();
    assert_eq!(config, given(&[]).config());
}

#[test]
fn hypervisors_are_told_the_address_that_they_came_to_unless_another_is_given() {
    let to = |given: Given, local: &str| {
        let address = given.config().advertised(local.parse().unwrap(), 6653);
        address.to_string()
    };
    assert_eq!(to(given(&[]), "192.0.2.1"), "192.0.2.1:6653");
    assert_eq!(to(given(&[]), "::ffff:192.0.2.1"), "192.0.2.1:6653");
    let with = |value: &str| given(&[]).environment("WEFT_ADVERTISE", value);
    assert_eq!(to(with("198.51.100.1"), "192.0.2.1"), "198.51.100.1:6653");
    assert_eq!(to(with("198.51.100.1:1"), "192.0.2.1"), "198.51.100.1:1");
}
