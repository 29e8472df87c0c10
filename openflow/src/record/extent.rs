//! Where structures begin and end: the lengths that stand in them while they are read and written.

use crate::error::{DecodeError, EncodeError};
use crate::wire::{Reader, Writer};

/// How far a structure reaches that is being read.
pub(crate) struct Reading {
    /// Where it begins.
    start: usize,
    /// Where what is around it ends, once its own length is known.
    outer: Option<usize>,
    /// Bytes of the list in it.
    list: usize,
    /// Where what is around the list ends.
    around: usize,
}

impl Reading {
    #[inline(always)]
    pub(crate) fn begin(r: &Reader<'_>) -> Self {
        Self {
            start: r.offset(),
            outer: None,
            list: 0,
            around: 0,
        }
    }

    /// Reads the length of the list that comes later.
    pub(crate) fn list_length(
        &mut self,
        r: &mut Reader<'_>,
        what: &'static str,
    ) -> Result<(), DecodeError> {
        self.list = usize::from(r.u16(what)?);
        Ok(())
    }

    /// Goes on with the list, and nothing but the list.
    pub(crate) fn list(
        &mut self,
        r: &mut Reader<'_>,
        what: &'static str,
    ) -> Result<(), DecodeError> {
        self.around = r.narrow(self.list, what)?;
        Ok(())
    }

    /// Goes on behind the list and its padding.
    pub(crate) fn list_end(
        &mut self,
        r: &mut Reader<'_>,
        what: &'static str,
    ) -> Result<(), DecodeError> {
        r.widen(self.around, what)?;
        r.skip(self.list.next_multiple_of(8) - self.list, what)
    }

    /// Reads the length of the whole structure, which ends there.
    #[inline]
    pub(crate) fn length(
        &mut self,
        r: &mut Reader<'_>,
        what: &'static str,
    ) -> Result<(), DecodeError> {
        let length = usize::from(r.u16(what)?);
        let rest = length.checked_sub(r.offset() - self.start);
        let rest = rest.ok_or_else(|| r.error(what))?;
        self.outer = Some(r.narrow(rest, what)?);
        Ok(())
    }

    #[inline(always)]
    pub(crate) fn end(
        &mut self,
        r: &mut Reader<'_>,
        what: &'static str,
    ) -> Result<(), DecodeError> {
        match self.outer.take() {
            Some(outer) => r.widen(outer, what),
            None => Ok(()),
        }
    }
}

/// How far a structure reaches that is being written.
pub(crate) struct Writing {
    /// Where it begins.
    start: usize,
    /// Where its length stands.
    length: Option<usize>,
    /// Where the length of the list in it stands.
    list_length: usize,
    /// Where the list begins.
    list: usize,
}

impl Writing {
    #[inline]
    pub(crate) fn begin(w: &Writer) -> Self {
        Self {
            start: w.len(),
            length: None,
            list_length: 0,
            list: 0,
        }
    }

    /// Leaves room for the length of the list that comes later.
    pub(crate) fn list_length(
        &mut self,
        w: &mut Writer,
        _: &'static str,
    ) -> Result<(), EncodeError> {
        self.list_length = w.len();
        w.u16(0);
        Ok(())
    }

    /// The list begins.
    pub(crate) fn list(&mut self, w: &mut Writer, _: &'static str) -> Result<(), EncodeError> {
        self.list = w.len();
        Ok(())
    }

    /// The list is over.
    pub(crate) fn list_end(
        &mut self,
        w: &mut Writer,
        what: &'static str,
    ) -> Result<(), EncodeError> {
        w.patch_length(self.list_length, self.list, what)?;
        w.align8(self.list);
        Ok(())
    }

    /// Leaves room for the length of the whole structure.
    #[inline]
    pub(crate) fn length(&mut self, w: &mut Writer, _: &'static str) -> Result<(), EncodeError> {
        self.length = Some(w.len());
        w.u16(0);
        Ok(())
    }

    #[inline]
    pub(crate) fn end(&mut self, w: &mut Writer, what: &'static str) -> Result<(), EncodeError> {
        match self.length.take() {
            Some(at) => w.patch_length(at, self.start, what),
            None => Ok(()),
        }
    }
}
