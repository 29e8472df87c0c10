//! The Quantum v2.0 API as a pure function: a request and a state in, an answer or a write set
//! out. Generic verbs, services (what rows mean), address management.
//!
//! No socket, no database, no clock, no randomness. Start with [`engine`].

mod body;
pub mod documents;
mod draft;
pub mod engine;
pub mod location;
mod policy;
mod query;
pub mod request;
mod services;
mod time;
pub mod topology;
mod verbs;
mod view;

pub use engine::Engine;
pub use request::{Config, Context, Entropy, Outcome, Request, Response};
