//! What an engineer writes: a file that says which network there is, what happens, and what must hold.
//!
//! [`Scenario::parse`] takes the text of a file ([`keys`]) and gives the checked scenario with its underlay and
//! machines ([`cast`]), or every problem of the file with its line; [`Scenario::run`] plays it. It opens no files: whoever calls hands in how.

mod cast;
pub mod keys;
mod problem;
mod read;
mod reference;
mod run;
pub mod value;

#[cfg(test)]
mod tests;

pub use cast::{Cast, Guest, Net};
pub use keys::File;
pub use problem::{Problem, Problems};
pub use reference::reference;
pub use run::Failure;

use problem::Found;
use toml::de::DeTable;

/// A scenario that can be played.
#[derive(Debug, Clone)]
pub struct Scenario {
    /// What the file says.
    pub file: File,
    /// Who and what there is.
    pub cast: Cast,
}

impl Scenario {
    /// Reads a scenario. `open` gives the text of another file that it names, relative to its own.
    ///
    /// # Errors
    /// All problems of the file, in its order.
    pub fn parse(
        name: &str,
        text: &str,
        open: &dyn Fn(&str) -> Result<String, String>,
    ) -> Result<Self, Problems> {
        let mut found = Found::default();
        let (table, errors) = DeTable::parse_recoverable(text);
        for error in &errors {
            found.add(error.span().map_or(0, |span| span.start), error.message());
        }
        if !found.is_empty() {
            return Err(found.of_file(name, text));
        }
        let file: Option<File> = read::read_table(table.get_ref(), 0, &mut found);
        let cast = file
            .as_ref()
            .and_then(|file| Cast::of(file, open, &mut found));
        match (file, cast) {
            (Some(file), Some(cast)) if found.is_empty() => Ok(Self { file, cast }),
            _ => Err(found.of_file(name, text)),
        }
    }
}
