//! The controller without sockets: API, database, member, connections, hypervisors and switches
//! joined in one thread, in virtual time and in an order that a seed chooses.

mod admission;
mod arrival;
mod audit;
mod connections;
mod dhcp;
mod hostile;
mod observations;
mod placement;
mod random;
mod refusals;
mod safety;
mod switch;
mod world;
