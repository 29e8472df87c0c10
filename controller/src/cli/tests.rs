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
        vec!["--listen-api", ":1"],
        vec!["serve", "--underlay-mtu", "1"],
        vec!["pipeline", "--markdown", "--json"],
    ] {
        assert_eq!(said(&words).0, 2, "{words:?}");
    }
    assert!(said(&["sreve"]).1.contains("'serve'"));
}
