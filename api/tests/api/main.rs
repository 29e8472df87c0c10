//! The HTTP shell over real sockets on loopback, and the replica under it.
//!
//! PostgreSQL is what it is in the store's own tests: `WEFT_TEST_POSTGRES`.

mod client;
#[path = "../../../controller/store/tests/store/databases.rs"]
mod databases;
mod http;
mod limits;
mod replica;
mod resources;
