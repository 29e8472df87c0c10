//! Worlds: the machines of production, joined by one queue of events.

mod cloud;
mod convergence;
mod determinism;
mod guests;
mod traffic;
mod workloads;
