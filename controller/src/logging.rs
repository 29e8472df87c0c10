//! Log lines on stderr, for people or as JSON.
//!
//! It knows what may be written after `--log` and nothing of what is logged.

use std::fmt;
use std::io::{self, IsTerminal};
use std::str::FromStr;

use tracing_subscriber::Layer;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::Error;

const EXPECTED: &str =
    "error, warn, info, debug, trace or off, TARGET=LEVEL, and text or json, joined by commas";

/// What is logged and how: `info`, `json`, `debug,json`, `warn,weft_api=debug`.
#[derive(Debug, Clone, PartialEq)]
pub struct Log {
    filter: Targets,
    json: bool,
    text: String,
}

impl Log {
    /// What goes wrong, and nothing else.
    #[must_use]
    pub fn quiet() -> Self {
        Self::of_level("warn")
    }

    fn of_level(level: &str) -> Self {
        level.parse().expect("a level is understood")
    }
}

impl Default for Log {
    fn default() -> Self {
        Self::of_level("info")
    }
}

impl FromStr for Log {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let wrong = || Error::Expected(EXPECTED.to_owned());
        let mut log = Self {
            filter: Targets::new().with_default(LevelFilter::INFO),
            json: false,
            text: text.to_owned(),
        };
        for word in text.split(',').map(str::trim) {
            match (word, word.split_once('=')) {
                ("json", _) => log.json = true,
                ("text", _) => log.json = false,
                (_, Some((target, level))) if !target.is_empty() => {
                    let level: LevelFilter = level.parse().map_err(|_| wrong())?;
                    log.filter = log.filter.with_target(target, level);
                }
                ("", _) => return Err(wrong()),
                (level, _) => {
                    let level: LevelFilter = level.parse().map_err(|_| wrong())?;
                    log.filter = log.filter.with_default(level);
                }
            }
        }
        Ok(log)
    }
}

impl fmt::Display for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Log {
    /// Sends the log of this process to stderr, colours only to a terminal. The first call wins.
    pub fn install(&self) {
        let lines = tracing_subscriber::fmt::layer().with_writer(io::stderr);
        let lines = if self.json {
            lines.json().flatten_event(true).with_ansi(false).boxed()
        } else if io::stderr().is_terminal() {
            lines.boxed()
        } else {
            lines.with_ansi(false).boxed()
        };
        let log = tracing_subscriber::registry()
            .with(self.filter.clone())
            .with(lines);
        if log.try_init().is_err() {
            tracing::debug!("the log is set up already");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tracing::Level;

    #[test]
    fn format_and_level_are_words_in_any_order() {
        for text in ["debug,json", "json,debug"] {
            let log: Log = text.parse().unwrap();
            assert!(log.json && log.filter.would_enable("weft", &Level::DEBUG));
            assert!(!log.filter.would_enable("weft", &Level::TRACE));
        }
        let log: Log = "json".parse().unwrap();
        assert!(log.filter.would_enable("weft", &Level::INFO));
        assert!(!log.filter.would_enable("weft", &Level::DEBUG));
    }

    #[test]
    fn a_target_has_a_level_of_its_own() {
        let log: Log = "warn,weft_api=trace".parse().unwrap();
        assert!(log.filter.would_enable("weft_api", &Level::TRACE));
        assert!(!log.filter.would_enable("weft_store", &Level::INFO));
    }

    #[test]
    fn other_words_are_refused() {
        for text in ["", "loud", "info,", "=debug", "weft=loud", "info,xml"] {
            assert!(text.parse::<Log>().is_err(), "{text:?}");
        }
    }
}
