//! Compiles the model of the network into OpenFlow programs.
//!
//! Pure: no I/O, no clock, no randomness. A program is a function of the model alone, kept up to
//! date with work proportional to the change. Reading order: [`pipeline`] (the table of stages and
//! slots), [`lower`] (one file per concern, the rules of production), [`emit`] (what they write with),
//! [`engine`] (how it is kept incremental), [`content`] (flows named by their content), [`diff`]
//! (what a switch that has something must be told).

pub mod content;
pub mod diff;
pub mod emit;
pub mod engine;
pub mod lower;
pub mod marker;
pub mod pipeline;
pub mod rules;
pub mod service;
pub mod view;

pub use content::{Content, Flow, Key, Secret};
pub use engine::{Compiler, Delta, Deltas, Input};
pub use lower::Production;
pub use pipeline::{Slot, Stage};
