//! Labs: everything that a test with real parts needs besides Weft itself.
//!
//! [`dummy`] is Open vSwitch without privileges: hypervisors whose switches take and show packets
//! through files and sockets, with real VXLAN between them. [`netns`] is Open vSwitch with real
//! interfaces in network namespaces, and virtual machines that run stock clients. Both are made of
//! a [`slot`] (number, folder, cleaning up), [`host`]s (where programs run) and
//! [`hypervisor`]s (a pair of Open vSwitch's daemons). Bridges for tenants, controllers and
//! tunnels are never made here: that is Weft's work, or the test's own.
//!
//! [`cloud`] puts a controller into a lab with namespaces, [`controller`] beside one without privileges.
//!
//! The library is for tests: what goes wrong in a lab panics in the line of the test that asked for
//! it. It knows Weft as its users do: the binary and its API. Start reading in [`need()`], then `tests/`.

pub mod cloud;
pub mod controller;
pub mod dummy;
pub mod frames;
pub mod host;
pub mod http;
pub mod hypervisor;
pub mod need;
pub mod netns;
pub mod process;
pub mod slot;
pub mod traffic;
pub mod wait;
pub mod watch;

pub use need::{Part, need};
