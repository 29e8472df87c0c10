//! The HTTP shell over real sockets on loopback, and the replica under it.

mod client;
mod http;
mod limits;
mod replica;
mod resources;
