//! One switch as its member sees it: how far it is behind its program, and what it was told.

use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;

use rust_openflow::{DatapathId, Version};
use weft_compiler::diff::{Difference, Installed};
use weft_compiler::{Content, Key};
use weft_schema::Revision;
use weft_topology::{ChassisId, PortId};

use crate::notice::HoldReason;

/// After how long everything is tried anew with a switch that refuses what nothing explains: the first
/// time, twice as long each time after that, and at most. In milliseconds.
const FIRST_DELAY: u64 = 2_000;
const LONGEST_DELAY: u64 = 600_000;

/// How a switch stands to its program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Sync {
    /// Nobody said yet whose switch it is.
    #[default]
    Unknown,
    /// It was asked what it has.
    Reading,
    /// It refused something; when its pushes are over it is asked what it has.
    Draining,
    /// It refuses what nothing of its program explains: everything is tried anew after a while.
    Failed,
    /// It has its program, or was told what is missing.
    Following,
    /// Most of what it has would go: an operator decides.
    Held,
    /// An operator decided; it was asked again what it has.
    Released,
}

/// A push that was not acknowledged yet.
#[derive(Debug)]
pub(crate) struct Outstanding {
    pub(crate) push: u64,
    pub(crate) revision: Revision,
}

/// A connected switch.
#[derive(Debug)]
pub(crate) struct Switch {
    /// From where it is connected.
    pub(crate) peer: IpAddr,
    pub(crate) datapath: DatapathId,
    pub(crate) version: Version,
    pub(crate) chassis: Option<ChassisId>,
    /// Since when it is known that nobody says whose it is, and whether operators were told.
    pub(crate) unknown_since: Option<u64>,
    pub(crate) told_unknown: bool,
    pub(crate) sync: Sync,
    pub(crate) outstanding: VecDeque<Outstanding>,
    /// What it refused of its program; left out until the program or an audit says otherwise.
    pub(crate) refused: BTreeMap<Key, Refused>,
    /// The switch's words by the ports that suffer.
    pub(crate) errors: BTreeMap<PortId, String>,
    /// Whether an audit asked what it has and nothing was pushed since.
    pub(crate) audit: bool,
    /// Pushes in a row that were refused.
    pub(crate) rounds: u32,
    /// Those among them whose refusals nothing of the program explains.
    pub(crate) retries: u32,
    /// How often in a row it was given up for a while, and until when the last time.
    failures: u32,
    pub(crate) retry_at: u64,
}

/// Something that a switch refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refused {
    /// What.
    pub(crate) content: Content,
    /// The switch's words.
    pub(crate) words: String,
}

impl Switch {
    pub(crate) fn new(peer: IpAddr, datapath: DatapathId, version: Version) -> Self {
        Self {
            peer,
            datapath,
            version,
            chassis: None,
            unknown_since: None,
            told_unknown: false,
            sync: Sync::Unknown,
            outstanding: VecDeque::new(),
            refused: BTreeMap::new(),
            errors: BTreeMap::new(),
            audit: false,
            rounds: 0,
            retries: 0,
            failures: 0,
            retry_at: 0,
        }
    }

    /// What it said when it refused what has that key.
    pub(crate) fn words(&self, key: Key) -> Option<String> {
        self.refused.get(&key).map(|refused| refused.words.clone())
    }

    /// Whether it refused exactly this.
    pub(crate) fn refuses(&self, content: &Content) -> bool {
        self.refused
            .get(&content.key())
            .is_some_and(|refused| refused.content == *content)
    }

    /// Forgets refusals, so that everything is tried again. Whose they were stays in error until then.
    pub(crate) fn begin_anew(&mut self) {
        self.refused.clear();
        self.rounds = 0;
        self.retries = 0;
    }

    /// It has its program, but for what it refused and why is known.
    pub(crate) fn is_in_order(&mut self) {
        self.rounds = 0;
        self.retries = 0;
        self.failures = 0;
    }

    /// Leaves it alone for a while, longer each time.
    pub(crate) fn fail(&mut self, now: u64) {
        let delay = FIRST_DELAY << self.failures.min(16);
        self.sync = Sync::Failed;
        self.failures += 1;
        self.retry_at = now.saturating_add(delay.min(LONGEST_DELAY));
    }

    /// Leaves out of a difference what the switch refused and would refuse again.
    pub(crate) fn leave_out_refused(&self, difference: &mut Difference) {
        if self.refused.is_empty() {
            return;
        }
        difference
            .flows
            .retain(|flow| !self.refuses(&Content::Flow(flow.clone())));
        difference
            .groups
            .retain(|(group, _)| !self.refuses(&Content::Group(group.clone())));
        difference
            .meters
            .retain(|(meter, _)| !self.refuses(&Content::Meter(meter.clone())));
    }

    /// The revision up to which the switch acknowledged its program, when everything up to `compiled`
    /// was pushed.
    pub(crate) fn acknowledged(&self, compiled: Revision) -> Option<Revision> {
        match self.sync {
            Sync::Following => Some(
                self.outstanding
                    .front()
                    .map_or(compiled, |first| first.revision.saturating_sub(1)),
            ),
            _ => None,
        }
    }
}

/// Why a difference is not to be carried out without an operator's word: it takes away most of what a
/// switch that serves ports has, and the switch knows better than the database, or was programmed from
/// another one. A new
/// version of the pipeline is no such case: the marker says that the database is the right one.
pub(crate) fn hold(
    installed: &Installed,
    difference: &Difference,
    revision: Revision,
) -> Option<HoldReason> {
    let stale = difference.stale_flows.len() + difference.foreign.len();
    if installed.ports == 0 || stale * 2 <= installed.flows() {
        return None;
    }
    match installed.marker {
        None => Some(HoldReason::OtherInstallation),
        Some(switch) if switch > revision => Some(HoldReason::OlderDatabase {
            switch,
            database: revision,
        }),
        Some(_) => None,
    }
}
