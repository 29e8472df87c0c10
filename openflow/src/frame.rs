//! Cutting messages out of a stream of bytes.
//!
//! A [`Framer`] reads lengths and nothing else; what a message says is for [`crate::message`]. Its
//! memory is what was pushed and not yet taken: when the caller takes all messages after each
//! read, that is one unfinished message and one read. Who has a buffer of his own takes messages off it
//! with [`next_message`], which is all that a codec of `tokio_util` has to do:
//!
//! ```
//! use std::io;
//!
//! use bytes::{Bytes, BytesMut};
//! use rust_openflow::frame;
//! use tokio_util::codec::{Decoder, Encoder};
//!
//! /// Whole messages, of at most so many bytes.
//! struct Codec(u16);
//!
//! impl Decoder for Codec {
//!     type Item = Bytes;
//!     type Error = io::Error;
//!
//!     fn decode(&mut self, buffer: &mut BytesMut) -> io::Result<Option<Bytes>> {
//!         frame::next_message(buffer, self.0).map_err(io::Error::other)
//!     }
//! }
//!
//! impl Encoder<Bytes> for Codec {
//!     type Error = io::Error;
//!
//!     fn encode(&mut self, message: Bytes, buffer: &mut BytesMut) -> io::Result<()> {
//!         buffer.extend_from_slice(&message);
//!         Ok(())
//!     }
//! }
//!
//! # fn main() -> io::Result<()> {
//! let mut received = BytesMut::from(&[5, 2, 0, 8, 0, 0, 0, 1, 5, 20, 0, 8][..]);
//! let echo_request = Codec(1_000).decode(&mut received)?;
//! assert_eq!(echo_request.as_deref(), Some(&[5, 2, 0, 8, 0, 0, 0, 1][..]));
//! assert_eq!(Codec(1_000).decode(&mut received)?, None);
//! assert!(Codec(7).decode(&mut BytesMut::from(&[5, 2, 0, 8, 0, 0, 0, 1][..])).is_err());
//! # Ok(())
//! # }
//! ```

use bytes::{Bytes, BytesMut};

use crate::message::{HEADER_LEN, Header};

/// A length that ends the conversation, since the next message cannot be found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// Shorter than its own header.
    #[error("a message of {length} bytes is shorter than its header")]
    TooShort {
        /// The header's length field.
        length: u16,
    },
    /// Longer than this side accepts.
    #[error("a message of {length} bytes is longer than the limit of {limit}")]
    TooLong {
        /// The header's length field.
        length: u16,
        /// The limit in bytes.
        limit: u16,
    },
}

/// Cuts messages out of a stream.
#[derive(Debug)]
pub struct Framer {
    buffer: BytesMut,
    limit: u16,
}

impl Default for Framer {
    fn default() -> Self {
        Self::new(u16::MAX)
    }
}

impl Framer {
    /// Accepts messages of up to `limit` bytes.
    #[must_use]
    pub fn new(limit: u16) -> Self {
        Self {
            buffer: BytesMut::new(),
            limit,
        }
    }

    /// Takes what was read.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// Bytes that wait for the rest of their message.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.buffer.len()
    }

    /// The next whole message, without copying it.
    ///
    /// # Errors
    /// Its length cannot be, or is beyond the limit: there is no way to find the one after it.
    pub fn next_message(&mut self) -> Result<Option<Bytes>, FrameError> {
        next_message(&mut self.buffer, self.limit)
    }
}

/// Takes the next whole message, of up to `limit` bytes, off the front of a buffer, without copying it; none
/// while it is not all there.
///
/// # Errors
/// As [`Framer::next_message`].
pub fn next_message(buffer: &mut BytesMut, limit: u16) -> Result<Option<Bytes>, FrameError> {
    let Some(Header { length, .. }) = Header::peek(buffer) else {
        return Ok(None);
    };
    if usize::from(length) < HEADER_LEN {
        return Err(FrameError::TooShort { length });
    }
    if length > limit {
        return Err(FrameError::TooLong { length, limit });
    }
    let whole = buffer.len() >= usize::from(length);
    Ok(whole.then(|| buffer.split_to(usize::from(length)).freeze()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const STREAM: &[u8] = &[
        5, 2, 0, 8, 0, 0, 0, 1, // an echo request
        5, 2, 0, 10, 0, 0, 0, 2, 0xab, 0xcd, // another, with two bytes
        5, 20, 0, 8, 0, 0, 0, 3, // a barrier request
    ];

    #[test]
    fn messages_are_found_at_every_split_of_the_stream() {
        for first in 0..=STREAM.len() {
            for second in first..=STREAM.len() {
                let mut framer = Framer::default();
                let mut lengths = Vec::new();
                for part in [&STREAM[..first], &STREAM[first..second], &STREAM[second..]] {
                    framer.push(part);
                    while let Some(message) = framer.next_message().unwrap() {
                        lengths.push(message.len());
                    }
                }
                assert_eq!(lengths, [8, 10, 8], "split at {first} and {second}");
                assert_eq!(framer.waiting(), 0);
            }
        }
    }

    #[test]
    fn a_length_that_cannot_be_ends_the_stream() {
        let mut framer = Framer::new(100);
        framer.push(&[5, 2, 0, 7, 0, 0, 0, 1]);
        assert_eq!(
            framer.next_message(),
            Err(FrameError::TooShort { length: 7 })
        );
        let mut framer = Framer::new(100);
        framer.push(&[5, 2, 0, 101, 0, 0, 0, 1]);
        let error = FrameError::TooLong {
            length: 101,
            limit: 100,
        };
        assert_eq!(framer.next_message(), Err(error));
    }

    #[test]
    fn a_promised_length_allocates_nothing_before_the_bytes_come() {
        let mut framer = Framer::default();
        for byte in [5, 2, 0xff, 0xff, 0, 0, 0, 1] {
            framer.push(&[byte]);
            assert_eq!(framer.next_message(), Ok(None));
        }
        assert!(framer.buffer.capacity() < 256);
    }
}
