//! The crate as its users see it: sessions with a server in memory and with the real one.

mod hypervisor;
mod ovsdb_server;
mod reconcile;
mod session;
mod world;
