//! What is wrong with a scenario's file: every problem, with its line, and what was expected.

use std::fmt;

/// One problem.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// What is wrong, what was expected, and the choices.
    pub text: String,
}

/// Why a file is no scenario: all its problems, in the order of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems {
    /// The file's name.
    pub file: String,
    /// The problems; at least one.
    pub problems: Vec<Problem>,
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, problem) in self.problems.iter().enumerate() {
            let Problem { line, column, text } = problem;
            let separator = if number == 0 { "" } else { "\n" };
            write!(f, "{separator}{}:{line}:{column}: {text}", self.file)?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

/// Problems as they are found, by the byte at which they are.
#[derive(Debug, Default)]
pub(super) struct Found(Vec<(usize, String)>);

impl Found {
    /// Takes note of one.
    pub(super) fn add(&mut self, at: usize, text: impl Into<String>) {
        self.0.push((at, text.into()));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The problems with their lines.
    pub(super) fn of_file(mut self, file: &str, text: &str) -> Problems {
        self.0.sort();
        self.0.dedup();
        let problem = |(at, words): (usize, String)| {
            let before = text.get(..at).unwrap_or(text);
            let start = before.rfind('\n').map_or(0, |newline| newline + 1);
            Problem {
                line: before.matches('\n').count() + 1,
                column: before[start..].chars().count() + 1,
                text: words,
            }
        };
        Problems {
            file: file.to_owned(),
            problems: self.0.into_iter().map(problem).collect(),
        }
    }
}

/// How many choices a message lists.
const LISTED: usize = 12;

/// That something is none of the choices: the one that was perhaps meant, or else all of them.
pub(super) fn choices<'a>(given: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let mut known: Vec<&str> = known.into_iter().collect();
    known.sort_unstable();
    known.dedup();
    let near = known
        .iter()
        .map(|choice| (distance(choice, given), *choice))
        .min()
        .filter(|(distance, choice)| *distance <= 2.max(choice.chars().count() / 3));
    let more = if known.len() > LISTED { ", ..." } else { "" };
    let list = known[..known.len().min(LISTED)].join(", ");
    match near {
        Some((_, choice)) => format!("did you mean '{choice}'? Choices are: {list}{more}"),
        None if known.is_empty() => "there is none".to_owned(),
        None => format!("choices are: {list}{more}"),
    }
}

/// How far something is from a choice; the beginning of a longer name is near to it.
fn distance(choice: &str, given: &str) -> usize {
    if given.len() > 2 && choice.starts_with(given) {
        1
    } else {
        strsim::damerau_levenshtein(choice, given)
    }
}
