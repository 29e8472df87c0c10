//! What is plugged into a hypervisor: takes frames and time, gives frames.

use std::any::Any;
use std::collections::VecDeque;

use crate::host::Host;

/// Something with an Ethernet port. Times are microseconds.
pub trait Attachment: Any {
    /// A frame comes.
    fn receive(&mut self, now: u64, frame: &[u8]);

    /// It is that time.
    fn tick(&mut self, now: u64);

    /// When it wants to be told the time next.
    fn next_timeout(&mut self) -> Option<u64>;

    /// The next frame that it sends.
    fn transmit(&mut self, now: u64) -> Option<Vec<u8>>;
}

/// Keeps what it gets, sends what it is told to.
#[derive(Debug, Default)]
pub struct Recorder {
    received: Vec<(u64, Vec<u8>)>,
    sending: VecDeque<Vec<u8>>,
}

impl Recorder {
    /// Sends a frame as soon as it is asked for one.
    pub fn send(&mut self, frame: Vec<u8>) {
        self.sending.push_back(frame);
    }

    /// What it got, with the time.
    #[must_use]
    pub fn received(&self) -> &[(u64, Vec<u8>)] {
        &self.received
    }

    /// Takes out what it got.
    pub fn take(&mut self) -> Vec<(u64, Vec<u8>)> {
        std::mem::take(&mut self.received)
    }
}

impl Attachment for Recorder {
    fn receive(&mut self, now: u64, frame: &[u8]) {
        self.received.push((now, frame.to_vec()));
    }

    fn tick(&mut self, _now: u64) {}

    fn next_timeout(&mut self) -> Option<u64> {
        None
    }

    fn transmit(&mut self, _now: u64) -> Option<Vec<u8>> {
        self.sending.pop_front()
    }
}

impl Attachment for Host {
    fn receive(&mut self, now: u64, frame: &[u8]) {
        Self::receive(self, frame, now);
    }

    fn tick(&mut self, now: u64) {
        self.advance(now);
    }

    fn next_timeout(&mut self) -> Option<u64> {
        Self::next_timeout(self)
    }

    fn transmit(&mut self, _now: u64) -> Option<Vec<u8>> {
        self.next_frame()
    }
}
