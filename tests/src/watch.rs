//! What controllers say to a switch, as the switch itself tells it: every message that changes something.
//!
//! [`crate::cloud::FlowWatch`] shows what becomes of the flows, whoever does it; this shows the
//! controllers' messages, also those that change nothing in effect, and those about groups and meters.

use crate::hypervisor::Hypervisor;
use crate::process::Process;
use crate::wait;

/// Messages that make a switch do something with its flows, groups or meters.
const CHANGES: [&str; 3] = ["OFPT_FLOW_MOD", "OFPT_GROUP_MOD", "OFPT_METER_MOD"];

/// Listens to what the controllers of a bridge say to it.
pub struct Snoop {
    process: Process,
}

impl Snoop {
    /// Begins to listen to the controller of `br-int`, which is connected or was; it is listened to
    /// also after it connects again.
    ///
    /// # Panics
    /// When it says nothing.
    #[track_caller]
    pub fn start(hypervisor: &Hypervisor) -> Snoop {
        let words = ["ovs-ofctl", "snoop", "br-int"];
        let process = hypervisor.host().spawn("snoop", &words);
        let snoop = Snoop { process };
        // They ask each other for an echo when there is nothing else to say.
        wait::until("something is said", || {
            let log = snoop.process.log();
            if log.contains("OFP") {
                Ok(())
            } else {
                Err(log)
            }
        });
        snoop
    }

    /// The changes that controllers asked for, a line for each.
    #[must_use]
    pub fn changes(&self) -> Vec<String> {
        let log = self.process.log();
        let changes = log
            .lines()
            .filter(|line| CHANGES.iter().any(|change| line.contains(change)));
        changes.map(str::to_owned).collect()
    }

    /// Everything that was said.
    #[must_use]
    pub fn log(&self) -> String {
        self.process.log()
    }
}
