//! A software OpenFlow switch with Open vSwitch's extensions, as a pure state machine: messages
//! change its tables, a frame that comes in by a port gives the frames that go out.
//!
//! It knows nothing of connections, clocks or other switches; whoever joins switches carries the [`Output`]s
//! and lets time go by ([`Switch::advance`]). What it does not do yet (learning, helpers of tracked protocols) it refuses when it is told to ([`Refusal`]), and never passes over. Reading order: `fields`
//! (where each field stands), [`packet`] (a frame as fields), `parse` and `rewrite` (fields read from the
//! frame and written back), [`mod@compose`] (a frame made of fields), [`classifier`] and [`table`]
//! (lookup), `program` (actions checked, in the form in which they
//! are carried out), `group` and `meter`, `conntrack` (connections), [`execute`] (what comes of them), [`trace`] (told
//! step by step), [`switch`] (what messages do).

pub mod agent;
mod bits;
mod checksum;
pub mod classifier;
pub mod compose;
mod conntrack;
pub mod execute;
pub mod executor;
mod fields;
mod group;
mod hash;
mod learn;
mod meter;
pub mod packet;
mod parse;
mod program;
mod refusal;
mod rewrite;
pub mod switch;
pub mod table;
pub mod thin;
mod told;
pub mod trace;

pub use agent::{Agent, ConnectionId, Frame, Identity};
pub use compose::{ComposeError, compose};
pub use conntrack::{Connection, Direction, Transport};
pub use execute::Output;
pub use executor::Executor;
pub use packet::{Packet, Tunnel, TunnelOptions};
pub use refusal::Refusal;
pub use switch::{Port, Switch};
pub use table::{Counters, Flow};
pub use thin::Thin;
pub use trace::Trace;
