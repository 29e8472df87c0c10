//! Switches that are looked at again: audits, a few at a time, and what failed, after a while.
//!
//! A switch says all that it has in one list, which is decoded as a whole; so an audit asks the next one
//! when one has answered. What is made of a list stands in [`crate::member`].

use crate::member::{Effect, Member, SwitchId};
use crate::notice::Notice;
use crate::switch::Sync;
use crate::switch_link::Command;

/// How many switches are asked at the same time what they have, for an audit.
const AUDITS: usize = 4;

/// After how long, in milliseconds, the next one does not wait any more for one that is asked: it may be
/// slow, or mean harm.
const AUDIT_TIME: u64 = 30_000;

/// How long, in milliseconds, a hypervisor may take to name a switch that is connected.
const NAMING_TIME: u64 = 2_000;

impl Member {
    /// It is that time: what failed is tried again.
    pub(crate) fn tick(&mut self, now: u64) {
        self.now = now;
        self.tell_of_unknown();
        for system_id in self.observations.take_failed() {
            self.observe(&system_id);
        }
        let failed = self.switches.iter().filter(|(_, switch)| {
            switch.sync == Sync::Failed && switch.retry_at <= now && switch.outstanding.is_empty()
        });
        let failed: Vec<SwitchId> = failed.map(|(link, _)| *link).collect();
        for link in failed {
            self.look_again(link);
        }
        self.next_audits();
    }

    /// Tells of switches, each once, that nobody named for longer than hypervisors take for that.
    fn tell_of_unknown(&mut self) {
        let (mut told, now) = (Vec::new(), self.now);
        for switch in self.switches.values_mut() {
            if switch.chassis.is_some() || switch.told_unknown {
                continue;
            }
            let since = *switch.unknown_since.get_or_insert(now);
            if now.saturating_sub(since) >= NAMING_TIME {
                switch.told_unknown = true;
                told.push(switch.datapath);
            }
        }
        for datapath in told {
            self.notice(Notice::UnknownSwitch(datapath));
        }
    }

    /// Looks whether switches still have what they were told.
    pub(crate) fn audit(&mut self) {
        self.due.extend(self.switches.keys());
        self.next_audits();
    }

    /// A switch answered or is gone: there is room for the next.
    pub(crate) fn audited(&mut self, link: SwitchId) {
        if self.auditing.remove(&link).is_some() {
            self.next_audits();
        }
    }

    fn next_audits(&mut self) {
        self.auditing.retain(|link, since| {
            self.switches.contains_key(link) && self.now.saturating_sub(*since) < AUDIT_TIME
        });
        while self.auditing.len() < AUDITS
            && let Some(link) = self.due.pop_first()
        {
            let Some(switch) = self.switches.get_mut(&link) else {
                continue;
            };
            if !switch.outstanding.is_empty() {
                continue;
            }
            match switch.sync {
                Sync::Following => {
                    switch.audit = true;
                    self.effects.push(Effect::Switch(link, Command::Read));
                }
                Sync::Failed => self.look_again(link),
                _ => continue,
            }
            self.auditing.insert(link, self.now);
        }
    }

    /// The program of a switch that failed is another one now: it is tried at once.
    pub(crate) fn try_again(&mut self, link: SwitchId) {
        let Some(switch) = self.switches.get_mut(&link) else {
            return;
        };
        switch.retry_at = 0;
        // While pushes are under way it is not known what it has; the last one's end comes back here.
        if switch.outstanding.is_empty() {
            self.look_again(link);
        }
    }

    /// Asks a switch that failed what it has, and tells it then all that it lacks.
    pub(crate) fn look_again(&mut self, link: SwitchId) {
        if let Some(switch) = self.switches.get_mut(&link) {
            switch.begin_anew();
            switch.sync = Sync::Reading;
            self.effects.push(Effect::Switch(link, Command::Read));
        }
    }
}
