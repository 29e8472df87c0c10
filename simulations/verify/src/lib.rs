//! What the logical network means: who receives a frame that a port sends, with no word of flows.
//!
//! The oracle for everything that carries programs out: the software switch, Open vSwitch, the
//! simulator. It knows the model and RFCs, and deliberately nothing of the compiler. Start with
//! [`meaning`]; how frames are read is in [`frame`].

pub mod frame;
pub mod meaning;

pub use frame::Frame;
pub use meaning::{Delivery, Outcome, Service, meaning};
