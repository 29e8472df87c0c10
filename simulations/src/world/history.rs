//! What happened, as lines for people and as one number for machines.
//!
//! Lines are kept in the detail that was asked for. The digest is over everything that was ever exchanged, whatever
//! is kept: two worlds of one seed have the same.

use std::fmt::{self, Write as _};
use std::hash::Hasher;

use siphasher::sip::SipHasher13;

/// How much of what happens is kept as lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Detail {
    /// Nothing.
    None,
    /// What an operator would want to read: calls and answers, faults, connections, notices.
    #[default]
    Outline,
    /// Every segment of a connection and every frame as well.
    Everything,
}

/// What happened so far.
#[derive(Debug)]
pub struct History {
    detail: Detail,
    lines: Vec<String>,
    digest: SipHasher13,
}

impl History {
    pub(super) fn new(detail: Detail) -> Self {
        Self {
            detail,
            lines: Vec::new(),
            digest: SipHasher13::new(),
        }
    }

    /// The lines, each `SECONDS SUBJECT: what`.
    #[must_use]
    pub fn lines(&self) -> &[String] {
        &self.lines
    }

    /// Takes the lines out, so that a long history need not be held in memory.
    pub fn take(&mut self) -> Vec<String> {
        std::mem::take(&mut self.lines)
    }

    /// Keeps more or less from now on.
    pub fn set_detail(&mut self, detail: Detail) {
        self.detail = detail;
    }

    /// A number made of every byte that was exchanged, with whom, and when.
    #[must_use]
    pub fn digest(&self) -> u64 {
        self.digest.finish()
    }

    /// Writes a line of the outline.
    pub(super) fn note(&mut self, now: u64, line: impl fmt::Display) {
        self.write(Detail::Outline, now, &line);
    }

    /// Takes note of bytes that came to somebody; `line` is written when everything is kept.
    pub(super) fn exchanged(&mut self, now: u64, whom: u64, bytes: &[u8], line: impl fmt::Display) {
        self.digest.write_u64(now);
        self.digest.write_u64(whom);
        self.digest.write(bytes);
        self.write(Detail::Everything, now, &line);
    }

    fn write(&mut self, detail: Detail, now: u64, line: &dyn fmt::Display) {
        if self.detail >= detail {
            let mut text = String::new();
            let (seconds, rest) = (now / 1_000_000, now % 1_000_000);
            // Writing into a text does not fail.
            _ = write!(text, "{seconds:>5}.{rest:06} {line}");
            self.lines.push(text);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_what_was_asked_for_and_the_digest_is_of_everything() {
        let run = |detail, bytes: &[u8]| {
            let mut history = History::new(detail);
            history.note(1_500_000, "hv1: plugged");
            history.exchanged(2, 1, bytes, "hv1: 3 bytes");
            (history.lines().len(), history.digest())
        };
        let (all, digest) = run(Detail::Everything, b"abc");
        assert_eq!(all, 2);
        assert_eq!(run(Detail::Outline, b"abc"), (1, digest));
        assert_eq!(run(Detail::None, b"abc"), (0, digest));
        assert_ne!(run(Detail::None, b"abd").1, digest);
    }

    #[test]
    fn a_line_says_when() {
        let mut history = History::new(Detail::Outline);
        history.note(61_000_042, "hv1: up");
        assert_eq!(history.lines(), ["   61.000042 hv1: up"]);
    }
}
