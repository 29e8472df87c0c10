//! Where values come from: flag, then environment, then file, then default.
//!
//! Environment and file become the defaults of the command line's own parser, so that every value
//! is parsed in one place. Which options there are is read from the command; none is named here
//! but the database, whose default depends on who runs the program.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::builder::Str;
use clap::error::{ContextKind, ContextValue};
use clap::{Arg, Command};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::Error;

/// The file that is read when it is there and no other is named.
const FILE: &str = "weft.toml";

/// What surrounds the process.
pub struct Surroundings<'a> {
    /// The environment.
    pub environment: &'a dyn Fn(&str) -> Option<OsString>,
    /// Whether root runs it.
    pub root: bool,
}

/// The environment variable of an option.
#[must_use]
pub fn environment_name(option: &str) -> String {
    format!("WEFT_{}", option.replace('-', "_").to_ascii_uppercase())
}

/// The options of a command that environment and file may give: all of `weft serve`, and `log`.
pub(crate) fn options(command: &Command) -> Vec<&Arg> {
    let global = command.get_arguments().filter(|arg| arg.get_id() == "log");
    let serve = command.find_subcommand("serve");
    let serve = serve.into_iter().flat_map(Command::get_arguments);
    global
        .chain(serve)
        .filter(|arg| arg.get_long().is_some_and(|name| name != "help"))
        .collect()
}

fn names(command: &Command) -> impl Iterator<Item = &str> {
    options(command).into_iter().filter_map(Arg::get_long)
}

/// A value, and who says so.
#[derive(Debug, Clone)]
struct Value {
    option: String,
    text: String,
    origin: String,
}

/// Values below the command line, the first of an option counts.
#[derive(Debug, Clone, Default)]
pub struct Layers(Vec<Value>);

impl Layers {
    /// Reads the environment, and the file that was named there or on the command line.
    ///
    /// # Errors
    ///
    /// [`Error::File`] when a file that was named cannot be read, [`Error::Configuration`] with a
    /// line for each value that is wrong.
    pub fn read(
        command: &Command,
        surroundings: &Surroundings<'_>,
        named: Option<&Path>,
    ) -> Result<Self, Error> {
        let mut layers = Self::default();
        let mut problems = Vec::new();
        layers.add_environment(command, surroundings, &mut problems);
        let named = named.map(Path::to_owned);
        let named = named.or_else(|| (surroundings.environment)("WEFT_CONFIG").map(PathBuf::from));
        let path = named.clone().unwrap_or_else(|| FILE.into());
        match std::fs::read_to_string(&path) {
            Ok(text) => layers.add_file(command, &path, &text, &mut problems),
            Err(reason) if named.is_some() || reason.kind() != std::io::ErrorKind::NotFound => {
                return Err(Error::File { path, reason });
            }
            Err(_) => {}
        }
        for value in &layers.0 {
            if let Err(reason) = check(command, &value.option, &value.text) {
                problems.push(format!("{}: {reason}", value.origin));
            }
        }
        match problems.is_empty() {
            true => Ok(layers),
            false => Err(Error::Configuration(problems)),
        }
    }

    fn add_environment(
        &mut self,
        command: &Command,
        surroundings: &Surroundings<'_>,
        problems: &mut Vec<String>,
    ) {
        for option in names(command) {
            let name = environment_name(option);
            // An empty variable is none: templates of containers leave such.
            let value = (surroundings.environment)(&name).filter(|value| !value.is_empty());
            match value.map(OsString::into_string) {
                Some(Ok(text)) => self.0.push(Value {
                    option: option.to_owned(),
                    text,
                    origin: name,
                }),
                Some(Err(_)) => problems.push(format!("{name}: expected UTF-8")),
                None => {}
            }
        }
    }

    fn add_file(&mut self, command: &Command, path: &Path, text: &str, problems: &mut Vec<String>) {
        let place = |offset: usize| format!("{}:{}", path.display(), position(text, offset));
        let (table, errors) = DeTable::parse_recoverable(text);
        for error in &errors {
            let at = place(error.span().map_or(0, |span| span.start));
            problems.push(format!("{at}: {}", error.message()));
        }
        let mut rows: Vec<_> = table.get_ref().iter().collect();
        rows.sort_by_key(|(key, _)| key.span().start);
        for (key, value) in rows {
            let name: &str = key.get_ref();
            let at = place(key.span().start);
            if !names(command).any(|option| option == name) {
                problems.push(format!("{at}: {}", unknown(command, name)));
                continue;
            }
            match text_of(value) {
                Some(text) => self.0.push(Value {
                    option: name.to_owned(),
                    text,
                    origin: format!("{}: {name}", place(value.span().start)),
                }),
                None => problems.push(format!(
                    "{}: {name}: expected a string, a number, true or false, not {}",
                    place(value.span().start),
                    value.get_ref().type_str(),
                )),
            }
        }
    }

    /// The command, with these values as its defaults. The database has none when nobody named one
    /// and there is no home for it.
    #[must_use]
    pub fn apply(&self, mut command: Command, surroundings: &Surroundings<'_>) -> Command {
        let file = state_directory(surroundings).map(|directory| directory.join("weft.db"));
        if let Some(path) = file.as_deref().and_then(Path::to_str) {
            command = with_default(command, "database", &format!("sqlite:{path}"));
        }
        for value in self.0.iter().rev() {
            command = with_default(command, &value.option, &value.text);
        }
        command
    }
}

fn with_default(command: Command, option: &str, text: &str) -> Command {
    let id = option.replace('-', "_");
    let set = |arg: Arg| arg.default_value(clap::builder::OsStr::from(text.to_owned()));
    if command
        .get_arguments()
        .any(|arg| arg.get_id() == id.as_str())
    {
        command.mut_arg(id, set)
    } else {
        command.mut_subcommand("serve", |serve| serve.mut_arg(Str::from(id), set))
    }
}

/// Where Weft keeps what it must not lose (XDG Base Directory Specification; FHS, `/var/lib`).
fn state_directory(surroundings: &Surroundings<'_>) -> Option<PathBuf> {
    let variable = |name| {
        (surroundings.environment)(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    if surroundings.root {
        return Some("/var/lib/weft".into());
    }
    variable("XDG_STATE_HOME")
        .or_else(|| variable("HOME").map(|home| home.join(".local/state")))
        .map(|state| state.join("weft"))
}

/// Whether the parser of the option takes the text; else why not, without the text itself, which
/// may be secret.
fn check(command: &Command, option: &str, text: &str) -> Result<(), String> {
    let line = ["weft", "serve", &format!("--{option}={text}")].map(str::to_owned);
    match command.clone().try_get_matches_from(line) {
        Ok(_) => Ok(()),
        Err(error) => Err(reason(&error)),
    }
}

fn reason(error: &clap::Error) -> String {
    if let Some(source) = std::error::Error::source(error) {
        return source.to_string();
    }
    match error.get(ContextKind::ValidValue) {
        Some(ContextValue::Strings(values)) => format!("expected one of {}", values.join(", ")),
        _ => error.kind().to_string(),
    }
}

/// A value as it would be written on the command line; none when it could not be.
fn text_of(value: &Spanned<DeValue<'_>>) -> Option<String> {
    match value.get_ref() {
        DeValue::String(text) => Some(text.to_string()),
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
            .ok()
            .map(|number| number.to_string()),
        DeValue::Boolean(truth) => Some(truth.to_string()),
        DeValue::Array(items) => {
            let items: Option<Vec<String>> = items.iter().map(text_of).collect();
            items.map(|items| items.join(","))
        }
        DeValue::Float(_) | DeValue::Datetime(_) | DeValue::Table(_) => None,
    }
}

fn unknown(command: &Command, name: &str) -> String {
    let near = names(command)
        .map(|option| (strsim::damerau_levenshtein(option, name), option))
        .min()
        .filter(|(distance, option)| *distance <= 2.max(option.len() / 3));
    match near {
        Some((_, option)) => format!("unknown key '{name}'; did you mean '{option}'?"),
        None => format!("unknown key '{name}'; `weft serve --help` lists them"),
    }
}

/// Line and column of a byte, both from 1.
fn position(text: &str, offset: usize) -> String {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let start = before.rfind('\n').map_or(0, |at| at + 1);
    format!("{line}:{}", before[start..].chars().count() + 1)
}
