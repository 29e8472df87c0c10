//! What the command line understands and what its help says.

use super::*;

fn parse_words(words: &[&str]) -> Result<Cli, Error> {
    let surroundings = Surroundings {
        environment: &|name| (name == "HOME").then(|| "/home/ada".into()),
        root: false,
    };
    let words = std::iter::once(&"weft").chain(words).map(OsString::from);
    parse(words.collect(), &surroundings).map(|invocation| invocation.cli)
}

fn said(words: &[&str]) -> (i32, String) {
    match parse_words(words) {
        Err(Error::CommandLine(error)) => (error.exit_code(), error.to_string()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_declaration_of_the_command_line_is_consistent() {
    command().debug_assert();
}

#[test]
fn global_options_stand_before_and_after_the_command() {
    for words in [
        ["--json", "--log=debug", "pipeline"],
        ["pipeline", "--json", "--log=debug"],
    ] {
        let cli = parse_words(&words).unwrap();
        assert!(cli.json && cli.log.to_string() == "debug", "{words:?}");
    }
    let alone = parse_words(&["--log", "warn,json"]).unwrap();
    assert_eq!(alone.log.to_string(), "warn,json");
    assert!(matches!(alone.command, Command::Serve(_)));
}

#[test]
fn options_of_serve_need_no_command() {
    let listen = |words: &[&str]| match parse_words(words).unwrap().command {
        Command::Serve(config) => config.listen_api.0.to_string(),
        other => panic!("{words:?}: {other:?}"),
    };
    for words in [
        vec!["--listen-api", "127.0.0.1:1"],
        vec!["--listen-api=127.0.0.1:1", "--json", "--underlay-mtu=1400"],
        vec!["--log", "debug", "--listen-api", "127.0.0.1:1"],
        vec!["serve", "--listen-api", "127.0.0.1:1"],
    ] {
        assert_eq!(listen(&words), "127.0.0.1:1", "{words:?}");
    }
    let (status, words) = said(&["--listen-api", "nowhere"]);
    assert!(
        status == 2 && words.contains("an IP address and a port"),
        "{words}"
    );
    // What no option of it is stays as wrong as it was, and so do its options elsewhere.
    assert!(said(&["--listen-apy", ":1"]).1.contains("--listen-apy"));
    for words in [
        ["switches", "--listen-api", ":1"],
        ["--listen-api", ":1", "switches"],
    ] {
        let (status, words) = said(&words);
        assert!(
            status == 2 && words.contains("unexpected argument '--listen-api'"),
            "{words}"
        );
    }
}

#[test]
fn help_of_serve_teaches_options_with_their_variables_and_defaults() {
    let (status, help) = said(&["serve", "--help"]);
    assert_eq!(status, 0);
    for part in [
        "--listen-api <ADDRESS:PORT>",
        "[env: WEFT_LISTEN_API]",
        "[default: 127.0.0.1:9696]",
        "[env: WEFT_LOG]",
        "ovs-vsctl set-manager tcp:CONTROLLER:6640",
        "weft serve --listen-api :9696 --insecure-noauth",
    ] {
        let flat = help.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(flat.contains(part), "{part}\n{help}");
    }
}

#[test]
fn help_and_version_are_no_failures_and_wrong_words_are_usage_errors() {
    assert_eq!(said(&["--help"]).0, 0);
    assert_eq!(said(&["--version"]).0, 0);
    for words in [
        vec!["sreve"],
        vec!["--listen-api", "1"],
        vec!["serve", "--underlay-mtu", "1"],
        vec!["pipeline", "--markdown", "--json"],
        vec!["flows"],
        vec!["flows", "hv1", "--stage", "nowhere"],
        vec!["topology", "--dot", "--json"],
        vec!["switches", "release"],
        vec!["switches", "forget"],
        vec!["serve", "--max-hypervisors", "0"],
        vec!["ports", "--api", "controller:9696"],
    ] {
        assert_eq!(said(&words).0, 2, "{words:?}");
    }
    assert!(said(&["sreve"]).1.contains("'serve'"));
}

#[test]
fn the_controller_to_ask_is_named_or_the_one_of_the_same_configuration() {
    let parsed = |words: &[&str]| {
        let surroundings = Surroundings {
            environment: &|name| match name {
                "HOME" => Some("/home/ada".into()),
                "WEFT_LISTEN_API" => Some("192.0.2.1:9999".into()),
                _ => None,
            },
            root: false,
        };
        let words = std::iter::once(&"weft").chain(words).map(OsString::from);
        parse(words.collect(), &surroundings).unwrap()
    };
    let asked = |words: &[&str]| {
        let invocation = parsed(words);
        let Command::Question(question) = &invocation.cli.command else {
            panic!("{words:?} asks nobody");
        };
        let client = question
            .controller()
            .client(|| invocation.config())
            .unwrap();
        client.url().to_string()
    };
    assert_eq!(asked(&["switches"]), "http://192.0.2.1:9999");
    for words in [
        vec!["switches", "--api", "http://weft:1"],
        vec!["switches", "release", "hv1", "--api", "http://weft:1"],
        vec!["explain", "--api", "http://weft:1", "0x1"],
    ] {
        assert_eq!(asked(&words), "http://weft:1", "{words:?}");
    }
}

#[test]
fn a_controller_that_is_named_is_asked_where_there_is_no_home() {
    let surroundings = Surroundings {
        environment: &|_| None,
        root: false,
    };
    let words = ["weft", "ports", "--api", "http://weft:1"].map(OsString::from);
    let invocation = parse(words.into(), &surroundings).unwrap();
    let Command::Question(question) = &invocation.cli.command else {
        panic!("ports asks nobody");
    };
    assert!(question.controller().client(|| invocation.config()).is_ok());
}
