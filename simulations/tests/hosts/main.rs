//! Hosts on a wire: what guests do, seen from outside.

mod addresses;
mod hostile;
mod neighbours;
mod traffic;
mod wire;
mod workloads;
