//! The Quantum API over HTTP: sockets, requests, answers, and the memory that answers them.
//!
//! What a request means is decided by `weft-engine`, which is pure; what is written is decided by
//! a [`weft_schema::Store`], of which only the trait is known here. In between stand
//! [`replica`] (the state in memory, fed by the log) and [`api`] (HTTP to engine and back);
//! [`server`] is the listener.

pub mod api;
pub mod entries;
pub mod identity;
mod patience;
pub mod replica;
pub mod server;

pub use api::{Api, Operations, Options};
pub use entries::Entries;
pub use replica::Replica;
pub use server::{Limits, serve};
