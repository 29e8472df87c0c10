//! Responders: what Weft answers, in place of a server, to packets that a switch sends to the
//! controller.
//!
//! A responder is a value that holds the facts about one sender, and a pure function from the
//! bytes of a frame to a [`Reply`]: what happened, to be counted and logged, and the frame that
//! goes back to the port from which the first one came, if any. The frame is hostile: a responder
//! takes any bytes, in time and memory proportional to their number. Nothing here knows of
//! OpenFlow, of time, or of how many packets a port may send; that a port speaks with its own
//! addresses only is the business of the pipeline, but a responder looks anyway.
//!
//! Start with [`Responder`] and [`event`] (everything that can happen, one row each), then
//! [`frame`] (Ethernet, IPv4 and UDP, shared by all), then a responder: [`dhcp4`]. Siblings have
//! the same sections: the facts and how they follow from the model, the messages, the answer.

pub mod dhcp4;
pub mod event;
pub mod frame;

pub use event::{Event, Level};

/// The facts about one sender, and what follows from them for the packets that it sends.
pub trait Responder {
    /// The name of the service, for metrics and logs: `dhcp4`.
    fn service(&self) -> &'static str;

    /// Answers the Ethernet frame, as it was received and without its checksum.
    fn respond(&self, frame: &[u8]) -> Reply;
}

/// What came of a frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// What happened, whether it was answered or not.
    pub event: Event,
    /// The Ethernet frame, without its checksum, for the port from which the first one came.
    pub frame: Option<Vec<u8>>,
}

impl From<Event> for Reply {
    /// The event, and no answer.
    fn from(event: Event) -> Self {
        Self { event, frame: None }
    }
}
