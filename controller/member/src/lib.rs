//! One controller of the cluster as state machines: no sockets, no clock, no threads.
//!
//! Three kinds of machine, joined by whoever runs them (the `weft` binary, or a simulator):
//! a [`HypervisorLink`] for each OVSDB connection keeps the hypervisor's bridge as it should be and
//! reports what is plugged; a [`SwitchLink`] for each OpenFlow connection reads what the switch has and
//! pushes what it is told; and one [`Member`] follows the log, compiles, decides what each switch is
//! told, answers packets, and records what was observed.

mod admission;
mod answer;
pub mod hypervisor_link;
pub mod member;
pub mod notice;
mod observe;
mod repair;
pub mod status;
mod switch;
pub mod switch_link;

pub use admission::Error;
pub use answer::{Answer, Settings as AnswerSettings};
pub use hypervisor_link::{HypervisorLink, Inventory};
pub use member::{Effect, Input, Member, Notice, Settings};
pub use switch_link::SwitchLink;
