//! Pages of reference that derive from tables: the command line and the metrics.
//!
//! The pages stand in `docs/` and are compared, or written with `UPDATE=1`, by the tests here.

use clap::{Arg, Command};

use crate::config::{environment_name, options};
use crate::metrics::METRICS;
use crate::pipeline::markdown_table;

const CLI: &str = "\
# The command line

Derived from the program: `UPDATE=1 cargo test -p weft` writes this page.

An option with an environment variable may also stand in the configuration file, as a key of its
name without the dashes: `listen-api = \":9696\"`. A flag goes before its environment variable, that
before the file, and that before the default. Errors are printed on stderr; the exit status is 1
when the work failed and 2 when it was asked for wrongly.
";

fn command_line(command: &Command) -> String {
    let settable: Vec<_> = options(command)
        .iter()
        .map(|arg| arg.get_id())
        .cloned()
        .collect();
    let section = |name: String, section: &Command| {
        let about = section.get_long_about().or(section.get_about());
        let about = about.map(ToString::to_string).unwrap_or_default();
        let mut text = format!("\n## {name}\n\n{about}\n\n");
        let rows = section
            .get_arguments()
            .filter(|arg| arg.get_long().is_some());
        text += &markdown_table(
            ["option", "default", "environment", "meaning"],
            rows.map(|arg| cells(arg, settable.contains(arg.get_id()))),
        );
        if let Some(examples) = section.get_after_help() {
            text += &format!("\n```text\n{examples}\n```\n");
        }
        text
    };
    let mut page = CLI.to_owned() + &section("weft".into(), command);
    for sub in command.get_subcommands() {
        page += &section(format!("weft {}", sub.get_name()), sub);
        for inner in sub.get_subcommands() {
            let name = format!("weft {} {}", sub.get_name(), inner.get_name());
            page += &section(name, inner);
        }
    }
    page
}

/// An option's row.
fn cells(arg: &Arg, settable: bool) -> [String; 4] {
    let name = arg.get_long().unwrap_or_default();
    let values = arg.get_value_names().unwrap_or_default().join(" ");
    let takes = match arg.get_action().takes_values() {
        true if arg.is_require_equals_set() => format!("[={values}]"),
        true => format!(" {values}"),
        false => String::new(),
    };
    let default = arg.get_default_values().iter();
    let default: Vec<_> = default
        .map(|value| format!("`{}`", value.display()))
        .collect();
    let environment = match settable {
        true => format!("`{}`", environment_name(name)),
        false => String::new(),
    };
    let help = arg.get_long_help().or(arg.get_help());
    let mut help = help.map(ToString::to_string).unwrap_or_default();
    let possible: Vec<_> = arg.get_possible_values();
    if !possible.is_empty() && takes.starts_with(' ') {
        let names: Vec<_> = possible.iter().map(|value| value.get_name()).collect();
        help += &format!(": {}", names.join(", "));
    }
    [
        format!("`--{name}{takes}`"),
        default.join(" "),
        environment,
        help,
    ]
}

fn metrics() -> String {
    let rows = METRICS.iter().map(|metric| {
        [
            format!("`{}`", metric.name),
            metric.kind.name().to_owned(),
            metric.unit.as_str().to_owned(),
            metric.labels.join(" "),
            metric.doc.to_owned(),
        ]
    });
    let table = markdown_table(["metric", "kind", "unit", "labels", "meaning"], rows);
    format!(
        "# Metrics\n\nDerived from the program: `UPDATE=1 cargo test -p weft` writes this page.\n\n{table}"
    )
}

#[test]
fn the_page_of_the_command_line_is_current() {
    crate::golden::check("cli.md", &command_line(&crate::cli::command()));
}

#[test]
fn the_page_of_metrics_is_current() {
    crate::golden::check("metrics.md", &metrics());
}
