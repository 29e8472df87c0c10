//! The store's contract, on both databases.
//!
//! SQLite needs nothing; PostgreSQL is the server at `WEFT_TEST_POSTGRES`, on which the tests
//! make databases of their own. Without it they print that they skip it, and with
//! `WEFT_TESTS=all` they fail.

mod cluster;
mod conflicts;
mod contract;
mod databases;
mod kill;
mod model;
mod opening;
mod writes;
