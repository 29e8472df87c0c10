//! Simulated clouds on the command line.
//!
//! The shell around `weft_simulations`: sockets and time for worlds that meet a real controller ([`live`]).

pub(crate) mod live;
