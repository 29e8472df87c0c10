//! One switch as its member sees it: how far it is behind its program, and what it was told.

use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;

use rust_openflow::{DatapathId, Version};
use weft_compiler::diff::{Difference, Installed};
use weft_compiler::{Content, Key};
use weft_schema::Revision;
use weft_topology::{ChassisId, PortId};

use crate::notice::HoldReason;

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
    /// It refuses what nothing of its program explains: the next audit begins anew.
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
            sync: Sync::Unknown,
            outstanding: VecDeque::new(),
            refused: BTreeMap::new(),
            errors: BTreeMap::new(),
            audit: false,
            rounds: 0,
            retries: 0,
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
