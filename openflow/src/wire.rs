//! Bounded reading and writing of the wire format: big-endian integers, padding, and lengths that
//! are patched in when they are known.
//!
//! A [`Reader`] never runs past its end and hands out slices of the received [`Bytes`] without
//! copying. Nested structures get readers of their own ([`Reader::sub`]), so that an inner length
//! can never reach beyond its container.

use bytes::Bytes;

use crate::error::{DecodeError, EncodeError, ErrorAnswer};

/// A cursor over a part of a received message.
#[derive(Debug, Clone)]
pub struct Reader<'a> {
    owner: &'a Bytes,
    /// What is left of the part.
    left: &'a [u8],
    /// The error to answer with when this part is malformed.
    answer: ErrorAnswer,
    /// How many parts are around this one.
    depth: u8,
}

/// How many parts may be around a part: actions nest in actions. Open vSwitch's own limit is below it.
pub const MAX_DEPTH: u8 = 32;

impl<'a> Reader<'a> {
    /// Reads `message` from its first byte.
    #[must_use]
    pub fn new(message: &'a Bytes) -> Self {
        Self {
            owner: message,
            left: message,
            answer: ErrorAnswer::BAD_REQUEST_LEN,
            depth: 0,
        }
    }

    /// From here on errors are to be answered with `answer`.
    #[inline]
    pub fn answer_with(&mut self, answer: ErrorAnswer) {
        self.answer = answer;
    }

    /// Bytes not read yet.
    #[must_use]
    #[inline]
    pub fn remaining(&self) -> usize {
        self.left.len()
    }

    /// True when everything was read.
    #[must_use]
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.left.is_empty()
    }

    /// Position in bytes from the first byte of the message.
    #[inline]
    #[must_use]
    pub fn offset(&self) -> usize {
        // What is left begins within the message.
        self.left.as_ptr() as usize - self.owner.as_ptr() as usize
    }

    /// The error for something malformed right here.
    #[must_use]
    #[cold]
    pub fn error(&self, expected: &'static str) -> DecodeError {
        DecodeError {
            offset: self.offset(),
            expected,
            answer: self.answer,
        }
    }

    #[inline]
    fn advance(&mut self, n: usize, expected: &'static str) -> Result<&'a [u8], DecodeError> {
        let Some((bytes, left)) = self.left.split_at_checked(n) else {
            return Err(self.error(expected));
        };
        self.left = left;
        Ok(bytes)
    }

    /// The next `N` bytes.
    #[inline]
    pub fn array<const N: usize>(
        &mut self,
        expected: &'static str,
    ) -> Result<[u8; N], DecodeError> {
        let Some((bytes, left)) = self.left.split_first_chunk() else {
            return Err(self.error(expected));
        };
        self.left = left;
        Ok(*bytes)
    }

    /// An 8-bit integer; `expected` names it in the error.
    #[inline]
    pub fn u8(&mut self, expected: &'static str) -> Result<u8, DecodeError> {
        Ok(self.array::<1>(expected)?[0])
    }

    /// A 16-bit integer.
    #[inline]
    pub fn u16(&mut self, expected: &'static str) -> Result<u16, DecodeError> {
        Ok(u16::from_be_bytes(self.array(expected)?))
    }

    /// A 32-bit integer.
    #[inline]
    pub fn u32(&mut self, expected: &'static str) -> Result<u32, DecodeError> {
        Ok(u32::from_be_bytes(self.array(expected)?))
    }

    /// A 64-bit integer.
    #[inline]
    pub fn u64(&mut self, expected: &'static str) -> Result<u64, DecodeError> {
        Ok(u64::from_be_bytes(self.array(expected)?))
    }

    /// An integer of `width` bytes (at most 16), big-endian.
    #[inline]
    pub fn uint(&mut self, width: usize, expected: &'static str) -> Result<u128, DecodeError> {
        // The usual widths are read at once; the rest is a 24-, 48- or 96-bit field here and there.
        Ok(match width {
            1 => self.u8(expected)?.into(),
            2 => self.u16(expected)?.into(),
            4 => self.u32(expected)?.into(),
            8 => self.u64(expected)?.into(),
            16 => u128::from_be_bytes(self.array(expected)?),
            _ => self
                .advance(width, expected)?
                .iter()
                .fold(0, |value, byte| value << 8 | u128::from(*byte)),
        })
    }

    /// Skips `n` bytes of padding, whatever they hold.
    #[inline]
    pub fn skip(&mut self, n: usize, expected: &'static str) -> Result<(), DecodeError> {
        self.advance(n, expected).map(drop)
    }

    /// Skips `n` bytes of padding; false when they are not all zero.
    #[inline]
    pub fn zeros(&mut self, n: usize, expected: &'static str) -> Result<bool, DecodeError> {
        Ok(self.advance(n, expected)?.iter().all(|byte| *byte == 0))
    }

    /// The next `n` bytes, shared with the received message.
    pub fn bytes(&mut self, n: usize, expected: &'static str) -> Result<Bytes, DecodeError> {
        let at = self.offset();
        self.advance(n, expected)?;
        Ok(self.owner.slice(at..at + n))
    }

    /// What was read since `start`, an earlier [`Reader::offset`], shared with the received message.
    #[must_use]
    pub fn since(&self, start: usize) -> Bytes {
        self.owner.slice(start..self.offset())
    }

    /// All that is left, shared with the received message.
    #[must_use]
    pub fn rest(&mut self) -> Bytes {
        let (at, n) = (self.offset(), self.left.len());
        self.left = &self.left[n..];
        self.owner.slice(at..at + n)
    }

    /// What is left, without reading it.
    #[inline]
    #[must_use]
    pub fn peek(&self) -> &'a [u8] {
        self.left
    }

    /// Goes on with `left`, the end of what [`Reader::peek`] gave.
    #[inline]
    pub(crate) fn go_on_with(&mut self, left: &'a [u8]) {
        self.left = left;
    }

    /// A reader over the next `n` bytes, which this one skips.
    #[inline]
    pub fn sub(&mut self, n: usize, expected: &'static str) -> Result<Self, DecodeError> {
        if self.depth >= MAX_DEPTH {
            return Err(self.error("parts that nest less deeply"));
        }
        Ok(Self {
            left: self.advance(n, expected)?,
            depth: self.depth + 1,
            ..*self
        })
    }

    /// Ends this reader `n` bytes from here; answers with where it ended, for [`Reader::widen`].
    #[inline]
    pub fn narrow(&mut self, n: usize, expected: &'static str) -> Result<usize, DecodeError> {
        let outer = self.offset() + self.left.len();
        let Some(left) = self.left.get(..n) else {
            return Err(self.error(expected));
        };
        self.left = left;
        Ok(outer)
    }

    /// Ends this reader where it ended before [`Reader::narrow`], and refuses what is left of the part.
    #[inline]
    pub fn widen(&mut self, outer: usize, expected: &'static str) -> Result<(), DecodeError> {
        self.finish(expected)?;
        self.left = &self.owner[self.offset()..outer];
        Ok(())
    }

    /// Refuses what is left over.
    #[inline]
    pub fn finish(&self, expected: &'static str) -> Result<(), DecodeError> {
        if self.is_empty() {
            Ok(())
        } else {
            Err(self.error(expected))
        }
    }
}

/// A growing message.
#[derive(Debug, Default)]
pub struct Writer {
    buffer: Vec<u8>,
    /// How many parts are around what is written next.
    depth: u8,
}

impl Writer {
    /// An empty writer with room for a typical message.
    #[must_use]
    pub fn new() -> Self {
        Self {
            buffer: Vec::with_capacity(256),
            depth: 0,
        }
    }

    /// Writes a part that [`Reader::sub`] reads, inside of as many others as that takes.
    #[inline]
    pub fn part(
        &mut self,
        what: &'static str,
        write: impl FnOnce(&mut Self) -> Result<(), EncodeError>,
    ) -> Result<(), EncodeError> {
        if self.depth >= MAX_DEPTH {
            return Err(EncodeError::TooDeep { what });
        }
        self.depth += 1;
        let written = write(self);
        self.depth -= 1;
        written
    }

    /// Bytes written so far.
    #[must_use]
    #[inline]
    pub fn len(&self) -> usize {
        self.buffer.len()
    }

    /// True when nothing was written.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.buffer.is_empty()
    }

    /// Writes an 8-bit integer.
    #[inline]
    pub fn u8(&mut self, value: u8) {
        self.buffer.push(value);
    }

    /// Writes a 16-bit integer.
    #[inline]
    pub fn u16(&mut self, value: u16) {
        self.buffer.extend_from_slice(&value.to_be_bytes());
    }

    /// Writes a 32-bit integer.
    #[inline]
    pub fn u32(&mut self, value: u32) {
        self.buffer.extend_from_slice(&value.to_be_bytes());
    }

    /// Writes a 64-bit integer.
    #[inline]
    pub fn u64(&mut self, value: u64) {
        self.buffer.extend_from_slice(&value.to_be_bytes());
    }

    /// Writes the low `width` bytes of `value` (at most 16), big-endian.
    #[inline]
    pub fn uint(&mut self, value: u128, width: usize) {
        self.buffer
            .extend_from_slice(&value.to_be_bytes()[16 - width..]);
    }

    /// Writes the low `width` bytes of `value` (1 to 8), big-endian.
    #[inline]
    pub(crate) fn low(&mut self, value: u64, width: usize) {
        let end = self.len() + width;
        let bytes = (value << (64 - 8 * width)).to_be_bytes();
        self.buffer.extend_from_slice(&bytes);
        self.buffer.truncate(end);
    }

    /// Writes bytes as they are.
    #[inline]
    pub fn slice(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// Writes `n` zero bytes.
    #[inline]
    pub fn pad(&mut self, n: usize) {
        self.buffer.resize(self.buffer.len() + n, 0);
    }

    /// Pads with zeros until the length since `start` is a multiple of 8.
    #[inline]
    pub fn align8(&mut self, start: usize) {
        let end = start + (self.len() - start).next_multiple_of(8);
        self.buffer.extend_from_slice(&[0; 8]);
        self.buffer.truncate(end);
    }

    /// Overwrites the 8-bit integer at `at`.
    #[inline]
    pub fn patch_u8(&mut self, at: usize, value: u8) {
        self.buffer[at] = value;
    }

    /// Overwrites the 16-bit integer at `at`.
    #[inline]
    pub fn patch_u16(&mut self, at: usize, value: u16) {
        self.buffer[at..at + 2].copy_from_slice(&value.to_be_bytes());
    }

    /// Writes the length since `start` into the 16-bit length field at `at`.
    #[inline]
    pub fn patch_length(
        &mut self,
        at: usize,
        start: usize,
        what: &'static str,
    ) -> Result<(), EncodeError> {
        let length = self.len() - start;
        let wire = u16::try_from(length).map_err(|_| EncodeError::TooLong {
            what,
            length,
            limit: usize::from(u16::MAX),
        })?;
        self.patch_u16(at, wire);
        Ok(())
    }

    /// What was written from `start` on.
    #[must_use]
    pub fn written(&self, start: usize) -> &[u8] {
        &self.buffer[start..]
    }

    /// The finished bytes, in no more memory than they take.
    #[must_use]
    pub fn freeze(self) -> Bytes {
        Bytes::copy_from_slice(&self.buffer)
    }
}
