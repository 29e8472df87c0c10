//! How far a long run is: a line on stderr, every second; on a terminal always the same line.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

/// How long nothing new is said.
const PAUSE: Duration = Duration::from_secs(1);

/// Who says it.
#[derive(Debug)]
pub(super) struct Progress {
    terminal: bool,
    start: Instant,
    said: Option<Instant>,
}

impl Progress {
    pub(super) fn new() -> Self {
        Self {
            terminal: io::stderr().is_terminal(),
            start: Instant::now(),
            said: None,
        }
    }

    /// Says how far it is, unless something was said just now.
    pub(super) fn at(&mut self, what: &str, done: usize, all: usize) {
        if self.said.is_some_and(|said| said.elapsed() < PAUSE) {
            return;
        }
        self.said = Some(Instant::now());
        let seconds = self.start.elapsed().as_secs();
        let mut stderr = io::stderr().lock();
        // Who cannot be told how far it is, is not told.
        _ = match self.terminal {
            true => write!(stderr, "\r\x1b[K{seconds:>5} s  {what}: {done} of {all}"),
            false => writeln!(stderr, "{seconds:>5} s  {what}: {done} of {all}"),
        };
    }

    /// Something else begins, of which is told at once.
    pub(super) fn next(&mut self) {
        self.said = None;
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.terminal {
            _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}
