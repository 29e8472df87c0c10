//! The lanes of output: what is urgent never waits behind a hundred thousand flows.

use std::collections::VecDeque;

use bytes::Bytes;

/// Which lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lane {
    /// Handshake, packet-outs, requests.
    Control,
    /// Answers to echoes, of which the peer decides how many there are.
    Echo,
    /// Pushes.
    Bulk,
}

/// Messages waiting to be sent, in order within their lane.
#[derive(Debug, Default)]
pub(super) struct Output {
    control: VecDeque<Bytes>,
    echo: VecDeque<Bytes>,
    bulk: VecDeque<Bytes>,
    urgent: usize,
    echoes: usize,
    bytes: usize,
}

impl Output {
    pub(super) fn push(&mut self, lane: Lane, message: Bytes) {
        self.bytes += message.len();
        match lane {
            Lane::Control => {
                self.urgent += message.len();
                self.control.push_back(message);
            }
            Lane::Echo => {
                self.echoes += message.len();
                self.echo.push_back(message);
            }
            Lane::Bulk => self.bulk.push_back(message),
        }
    }

    pub(super) fn pop(&mut self) -> Option<Bytes> {
        let urgent = self.control.pop_front();
        self.urgent -= urgent.as_ref().map_or(0, Bytes::len);
        let message = urgent
            .or_else(|| {
                let echo = self.echo.pop_front();
                self.echoes -= echo.as_ref().map_or(0, Bytes::len);
                echo
            })
            .or_else(|| self.bulk.pop_front())?;
        self.bytes -= message.len();
        Some(message)
    }

    /// Bytes waiting.
    pub(super) fn len(&self) -> usize {
        self.bytes
    }

    /// Bytes waiting in the control lane.
    pub(super) fn urgent(&self) -> usize {
        self.urgent
    }

    /// Bytes of answers to echoes waiting.
    pub(super) fn echoes(&self) -> usize {
        self.echoes
    }

    /// Forgets the pushes, which nobody will acknowledge.
    pub(super) fn clear_bulk(&mut self) {
        self.bytes -= self
            .bulk
            .drain(..)
            .map(|message| message.len())
            .sum::<usize>();
    }
}
