//! Lines of input that may be hostile: bounded memory, whatever comes.
//!
//! It knows what a line is and nothing of what it says; that is in [`super::describe`].

use std::io::{self, BufRead, ErrorKind};

/// A line that was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Line<'a> {
    /// Its bytes, without the end of the line.
    Whole(&'a [u8]),
    /// It was longer than the limit, and was skipped.
    TooLong,
}

/// Cuts input into lines of bounded length.
#[derive(Debug)]
pub struct Lines<R> {
    input: R,
    limit: usize,
    line: Vec<u8>,
}

impl<R: BufRead> Lines<R> {
    /// Reads lines of up to `limit` bytes.
    pub fn new(input: R, limit: usize) -> Self {
        let line = Vec::new();
        Self { input, limit, line }
    }

    /// The next line; none at the end of input. The last one may lack its end.
    pub fn next_line(&mut self) -> io::Result<Option<Line<'_>>> {
        self.line.clear();
        let (mut any, mut long) = (false, false);
        loop {
            let chunk = match self.input.fill_buf() {
                Ok(chunk) => chunk,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            if chunk.is_empty() {
                break;
            }
            any = true;
            let end = chunk.iter().position(|byte| *byte == b'\n');
            let part = &chunk[..end.unwrap_or(chunk.len())];
            long |= part.len() > self.limit - self.line.len();
            if !long {
                self.line.extend_from_slice(part);
            }
            let used = end.map_or(chunk.len(), |end| end + 1);
            self.input.consume(used);
            if end.is_some() {
                break;
            }
        }
        Ok(match (any, long) {
            (false, _) => None,
            (true, true) => Some(Line::TooLong),
            (true, false) => Some(Line::Whole(&self.line)),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufReader, Read};

    use super::*;

    fn all(input: &[u8], limit: usize, buffer: usize) -> Vec<Option<Vec<u8>>> {
        let mut lines = Lines::new(BufReader::with_capacity(buffer, input), limit);
        let mut all = Vec::new();
        while let Some(line) = lines.next_line().unwrap() {
            all.push(match line {
                Line::Whole(bytes) => Some(bytes.to_vec()),
                Line::TooLong => None,
            });
        }
        all
    }

    #[test]
    fn lines_are_found_whatever_the_reads_are() {
        let some = |text: &str| Some(text.as_bytes().to_vec());
        for buffer in 1..12 {
            let lines = all(b"ab\n\nlonger\nabcd\n\xff", 4, buffer);
            let last = Some(vec![0xff]);
            assert_eq!(lines, [some("ab"), some(""), None, some("abcd"), last]);
        }
        assert!(all(b"", 4, 1).is_empty());
    }

    #[test]
    fn an_endless_line_takes_no_more_than_the_limit() {
        let endless = BufReader::with_capacity(64, std::io::repeat(b'0').take(1 << 22));
        let mut lines = Lines::new(endless, 100);
        assert_eq!(lines.next_line().unwrap(), Some(Line::TooLong));
        assert!(lines.line.capacity() < 1_000);
        assert_eq!(lines.next_line().unwrap(), None);
    }
}
