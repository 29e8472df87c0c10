//! The integration tests: one binary, one module for each thing that is tested.
//!
//! `layers` and `tidy` look at the tree itself. `labs` proves the labs with stock tools, `fidelity`,
//! `switch_fidelity` and `tracked` the software switch with Open vSwitch. The rest runs Weft in the labs; see
//! `weft_tests` for what
//! these offer.

mod agents;
mod audit;
mod bridge;
mod cleanup;
mod connection;
mod crowds;
mod demo;
mod dhcp;
mod dice;
mod fidelity;
mod hitless;
mod hostile;
mod hypervisors;
mod isolation;
mod labs;
mod layers;
mod migration;
mod openstack_client;
mod operator;
mod ports;
mod program_path;
mod refusals;
mod relays;
mod restarts;
mod serve;
mod simulate;
mod simulate_connect;
mod switch_fidelity;
mod tidy;
mod tracked;
