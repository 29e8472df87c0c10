//! Networks that need not exist: the machines of production, joined by a simulated wire, clock and
//! database instead of sockets, time and disks.
//!
//! Nothing here does I/O or reads a clock: what happens is decided by a scenario and a seed alone, so that the same
//! seed gives the same history, byte for byte. How its parts fit together: `docs/design/0011-worlds.md`.

pub mod host;
pub mod report;
pub mod scenario;
pub mod trace;
pub mod underlay;
pub mod why;
pub mod workload;
pub mod world;
