//! The Quantum v2.0 API as a pure function: a request and a state in, an answer or a write set
//! out. Generic verbs, services (what rows mean), address management.
//!
//! No socket, no database, no clock, no randomness. Start with [`engine`].

pub mod documents;
pub mod engine;
pub mod request;

pub use engine::Engine;
pub use request::{Config, Context, Entropy, Outcome, Request, Response};
