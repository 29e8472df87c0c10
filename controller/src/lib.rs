//! The controller as one program: command line, configuration, sockets, signals.
//!
//! The shell around the pure crates. It decides nothing about networks: that is the engine's, the
//! compiler's and the member's. Reading order: [`cli`] (what can be typed), [`config`] (what an
//! installation decides for itself), [`serve`] (the controller's parts and how they end),
//! [`client`] (how the other commands ask a running controller), [`switches`] and its siblings (what
//! they ask, and how it is shown); [`bench`](mod@bench) measures.

pub mod bench;
pub mod cli;
pub mod client;
pub mod config;
pub mod demo;
mod error;
pub mod explain;
pub mod flows;
pub mod listen;
pub mod logging;
pub mod metrics;
pub mod openflow;
pub mod operator;
pub mod pipeline;
pub mod ports;
#[cfg(test)]
mod reference;
pub mod serve;
mod show;
pub mod shutdown;
pub mod simulate;
pub mod southbound;
pub mod switches;
pub mod topology;
pub mod trace;

#[cfg(test)]
mod golden;

pub use config::Config;
pub use error::Error;
