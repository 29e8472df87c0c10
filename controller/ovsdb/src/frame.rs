//! Cuts the byte stream of a connection into JSON messages.
//!
//! OVSDB writes JSON objects one after another with no length before them (RFC 7047, 4), so
//! the end of a message is found by its brackets. The scanner looks at each byte once, keeps
//! only the message that is not complete, and never more of it than its limit. What a
//! message says is [`crate::rpc`]'s.

use serde_json::Value;

use crate::error::Error;

/// The nesting at which a message is refused; one below the recursion limit of `serde_json`.
pub const MAX_DEPTH: usize = 127;

/// The default for the longest message, in bytes.
pub const MAX_MESSAGE: usize = 16 << 20;

/// How many bytes of the longest message allow for one value in it. Text becomes larger when it
/// is parsed, objects a hundredfold, so that bytes alone are no bound of memory.
const BYTES_PER_VALUE: usize = 32;

/// The values that a message may have under any limit.
const FEWEST_VALUES: usize = 64;

/// An incremental reader of concatenated JSON objects.
#[derive(Debug)]
pub struct Framer {
    limit: usize,
    partial: Vec<u8>,
    /// Bytes of the stream before the first byte of `partial`.
    consumed: u64,
    depth: usize,
    /// Values, member names included, that the unfinished message has begun.
    values: usize,
    inside: Inside,
    failed: Option<Error>,
}

/// Where in a JSON text the scanner stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Inside {
    Structure,
    String,
    Escape,
}

impl Framer {
    /// A reader that refuses messages longer than `limit` bytes, and those of more than one
    /// value for every 32 bytes of it.
    pub fn new(limit: usize) -> Self {
        Self {
            limit,
            partial: Vec::new(),
            consumed: 0,
            depth: 0,
            values: 0,
            inside: Inside::Structure,
            failed: None,
        }
    }

    /// Takes messages of up to `limit` bytes from now on, when that is more than before.
    pub fn raise_limit(&mut self, limit: usize) {
        self.limit = self.limit.max(limit);
    }

    /// How many bytes of an unfinished message are held.
    pub fn buffered(&self) -> usize {
        self.partial.len()
    }

    /// Reads `bytes`, appending every message that they complete to `messages`; those before
    /// an error are delivered too. How the stream is cut into calls makes no difference.
    ///
    /// # Errors
    /// [`Error::Garbage`], [`Error::TooLong`], [`Error::TooMany`], [`Error::TooDeep`] or
    /// [`Error::Syntax`]. There
    /// is no way to find the next message after one of them: every later call repeats it.
    pub fn push(&mut self, mut bytes: &[u8], messages: &mut Vec<Value>) -> Result<(), Error> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        while let Some(result) = self.next(&mut bytes).transpose() {
            match result {
                Ok(message) => messages.push(message),
                Err(error) => {
                    self.partial = Vec::new();
                    self.failed = Some(error.clone());
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    /// Takes one message off the front of `bytes`, or all of them when none is complete.
    fn next(&mut self, bytes: &mut &[u8]) -> Result<Option<Value>, Error> {
        if self.partial.is_empty() {
            self.skip_space(bytes)?;
        }
        let room = self.limit - self.partial.len();
        for (index, &byte) in bytes.iter().enumerate() {
            let offset = self.consumed + (self.partial.len() + index) as u64;
            if index == room {
                return Err(Error::TooLong {
                    offset,
                    limit: self.limit,
                });
            }
            if self.step(byte, offset)? {
                let (last, rest) = bytes.split_at(index + 1);
                *bytes = rest;
                return self.complete(last).map(Some);
            }
        }
        self.partial.extend_from_slice(bytes);
        *bytes = &[];
        Ok(None)
    }

    fn skip_space(&mut self, bytes: &mut &[u8]) -> Result<(), Error> {
        while let Some((&byte, rest)) = bytes.split_first() {
            match byte {
                b'{' => return Ok(()),
                b' ' | b'\t' | b'\r' | b'\n' => {}
                found => {
                    return Err(Error::Garbage {
                        offset: self.consumed,
                        found,
                    });
                }
            }
            self.consumed += 1;
            *bytes = rest;
        }
        Ok(())
    }

    /// Advances over one byte; true when it closed the message.
    fn step(&mut self, byte: u8, offset: u64) -> Result<bool, Error> {
        if self.inside == Inside::Structure && matches!(byte, b'{' | b'[' | b',' | b':') {
            let limit = (self.limit / BYTES_PER_VALUE).max(FEWEST_VALUES);
            if self.values == limit {
                return Err(Error::TooMany { offset, limit });
            }
            self.values += 1;
        }
        self.inside = match (self.inside, byte) {
            (Inside::Escape, _) => Inside::String,
            (Inside::String, b'\\') => Inside::Escape,
            (Inside::String, b'"') => Inside::Structure,
            (Inside::String, _) => Inside::String,
            (Inside::Structure, b'"') => Inside::String,
            (Inside::Structure, b'{' | b'[') => {
                if self.depth == MAX_DEPTH {
                    return Err(Error::TooDeep {
                        offset,
                        limit: MAX_DEPTH,
                    });
                }
                self.depth += 1;
                Inside::Structure
            }
            (Inside::Structure, b'}' | b']') => {
                self.depth -= 1;
                Inside::Structure
            }
            (Inside::Structure, _) => Inside::Structure,
        };
        Ok(self.depth == 0)
    }

    /// Parses the message that ends with `last`.
    fn complete(&mut self, last: &[u8]) -> Result<Value, Error> {
        let whole;
        let text = if self.partial.is_empty() {
            last
        } else {
            self.partial.extend_from_slice(last);
            whole = std::mem::take(&mut self.partial);
            &whole
        };
        self.values = 0;
        let start = self.consumed;
        self.consumed += text.len() as u64;
        serde_json::from_slice(text).map_err(|error| Error::Syntax {
            offset: start + position(text, &error) as u64,
            reason: error.to_string(),
        })
    }
}

impl Default for Framer {
    fn default() -> Self {
        Self::new(MAX_MESSAGE)
    }
}

/// The offset in `text` that the parser means by line and column, both from 1.
fn position(text: &[u8], error: &serde_json::Error) -> usize {
    let line: usize = text
        .split_inclusive(|&b| b == b'\n')
        .take(error.line().saturating_sub(1))
        .map(<[u8]>::len)
        .sum();
    line + error.column().saturating_sub(1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    /// Everything a framer says of `bytes` cut at `cuts`.
    fn read(bytes: &[u8], cuts: &[usize], limit: usize) -> (Vec<Value>, Option<Error>) {
        let mut framer = Framer::new(limit);
        let mut messages = Vec::new();
        let mut from = 0;
        for &cut in cuts.iter().chain([&bytes.len()]) {
            if let Err(error) = framer.push(&bytes[from..cut], &mut messages) {
                return (messages, Some(error));
            }
            from = cut;
        }
        (messages, None)
    }

    const STREAM: &str = "{\"a\":[1,{\"b\":\"}\\\"{\"}]}\n {\"id\":null}{\"é\\\\\":\"[\"}";

    #[test]
    fn messages_come_out_whole_wherever_the_stream_is_cut() {
        let expected = vec![
            json!({"a": [1, {"b": "}\"{"}]}),
            json!({"id": null}),
            json!({"é\\": "["}),
        ];
        for first in 0..STREAM.len() {
            for second in first..STREAM.len() {
                let (messages, error) = read(STREAM.as_bytes(), &[first, second], 100);
                assert_eq!(
                    (&messages, error),
                    (&expected, None),
                    "cut at {first} and {second}"
                );
            }
        }
    }

    #[test]
    fn garbage_between_messages_is_named_with_its_offset_and_loses_nothing_before_it() {
        let (messages, error) = read(b"{} GET / HTTP/1.1", &[], 100);
        assert_eq!(messages, [json!({})]);
        assert_eq!(
            error,
            Some(Error::Garbage {
                offset: 3,
                found: b'G'
            })
        );
    }

    #[test]
    fn a_message_that_is_not_json_is_refused_where_it_breaks() {
        let (_, error) = read(b"{}{\"a\":1,\n\"b\" 2}", &[5], 100);
        let Some(Error::Syntax { offset, .. }) = error else {
            panic!("{error:?}")
        };
        assert_eq!(offset, 14);
        assert!(matches!(
            read(b"{]", &[], 100).1,
            Some(Error::Syntax { .. })
        ));
    }

    #[test]
    fn a_message_may_have_the_limit_and_not_one_byte_more() {
        assert_eq!(read(b"{\"a\":1}", &[3], 7).1, None);
        let (_, error) = read(b"{\"a\":10}", &[3], 7);
        assert_eq!(
            error,
            Some(Error::TooLong {
                offset: 7,
                limit: 7
            })
        );
    }

    #[test]
    fn an_endless_message_is_never_held_beyond_the_limit() {
        let mut framer = Framer::new(1000);
        let mut messages = Vec::new();
        framer.push(b"{\"a\":\"", &mut messages).unwrap();
        let refused = (0..10_000).position(|_| {
            let failed = framer.push(b"x", &mut messages).is_err();
            assert!(framer.buffered() <= 1000);
            failed
        });
        assert_eq!(refused, Some(994));
        assert_eq!(framer.buffered(), 0);
        assert!(
            framer.push(b"{}", &mut messages).is_err(),
            "the error stays"
        );
    }

    #[test]
    fn a_message_of_many_small_values_is_refused_before_it_is_parsed() {
        let message = |values: usize| format!("{{\"a\":[{}0]}}", "0,".repeat(values - 3));
        assert_eq!(
            read(message(64).repeat(3).as_bytes(), &[], 1000).1,
            None,
            "each counts alone"
        );
        let (_, error) = read(message(65).as_bytes(), &[], 1000);
        assert_eq!(
            error,
            Some(Error::TooMany {
                offset: 129,
                limit: 64
            })
        );
        assert_eq!(
            read(message(100).as_bytes(), &[], 100 * BYTES_PER_VALUE).1,
            None
        );
    }

    #[test]
    fn nesting_is_refused_before_the_parser_would() {
        let nested = |depth: usize| {
            format!(
                "{{\"a\":{}{}}}",
                "[".repeat(depth - 1),
                "]".repeat(depth - 1)
            )
        };
        assert_eq!(read(nested(MAX_DEPTH).as_bytes(), &[], 10_000).1, None);
        let (_, error) = read(nested(MAX_DEPTH + 1).as_bytes(), &[], 10_000);
        assert_eq!(
            error,
            Some(Error::TooDeep {
                offset: 131,
                limit: MAX_DEPTH
            })
        );
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_the_same_however_they_are_cut(
            bytes in proptest::collection::vec(
                prop_oneof![
                    8 => proptest::sample::select(b"{}[]\",:\\ 1a\n".to_vec()),
                    1 => any::<u8>(),
                ],
                0..200,
            ),
            cut in proptest::collection::vec(any::<proptest::sample::Index>(), 0..8),
            limit in 1_usize..64,
        ) {
            let mut cuts: Vec<usize> = cut.iter().map(|i| i.index(bytes.len() + 1)).collect();
            cuts.sort_unstable();
            prop_assert_eq!(read(&bytes, &cuts, limit), read(&bytes, &[], limit));
        }
    }
}
