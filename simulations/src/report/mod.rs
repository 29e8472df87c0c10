//! What a run measured: typed data, and the same as text, JSON and one page of HTML.
//!
//! [`Report`] is filled by whoever ran something; nothing is measured or judged here. The page needs no
//! other file and no script: plots are SVG ([`plot`]), the topology too ([`map`]). Times are microseconds.

mod map;
mod page;
mod plot;
mod svg;
mod text;
pub mod unit;

#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

pub use crate::underlay::{Length, Position, Role, Traffic};

/// What a run measured.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Report {
    /// The scenario's name.
    pub name: String,
    /// What it shows.
    pub description: String,
    /// What everything random followed from.
    pub seed: u64,
    /// How long it lasted.
    pub lasted: u64,
    /// Numbers of things: `("hypervisors", 4)`.
    pub counts: Vec<(String, u64)>,
    /// What had to hold, and whether it did.
    pub verdicts: Vec<Verdict>,
    /// Changes, and how long each took to come to all switches.
    pub convergence: Vec<Change>,
    /// The flows of switches at the end.
    pub flows: Vec<(String, u64)>,
    /// The lengths of paths between hypervisors, at the end.
    pub lengths: Vec<Length>,
    /// What machines did.
    pub workloads: Vec<Workload>,
    /// What happened to the network.
    pub moments: Vec<Moment>,
    /// What machines sent and what of it was lost, over time.
    pub loss: Vec<Bin>,
    /// The underlay, and what went over it.
    pub topology: Topology,
}

/// Whether something that had to hold did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// What had to hold.
    pub expected: String,
    /// Whether it did.
    pub holds: bool,
    /// What was found.
    pub found: String,
}

/// A change of the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// When the API had answered.
    pub at: u64,
    /// How long it took after that until every switch had acknowledged; none: it had not, at the end.
    pub took: Option<u64>,
}

/// What a workload did, all its pairs together.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Workload {
    /// Its name.
    pub name: String,
    /// `ping`, `stream` and so on.
    pub kind: String,
    /// How many pairs of machines.
    pub pairs: u64,
    /// What was sent: requests, datagrams, transfers.
    pub sent: u64,
    /// What came back or to its end.
    pub received: u64,
    /// What was lost.
    pub lost: u64,
    /// The longest time without anything, of all pairs.
    pub gap: Option<u64>,
    /// The mean time there and back, or of a transfer.
    pub mean: Option<u64>,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moment {
    /// When.
    pub at: u64,
    /// What, in a few words.
    pub what: String,
    /// Whether it is a failure, rather than a change or a repair.
    pub fault: bool,
}

/// A part of the time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Bin {
    /// When it begins; it ends where the next one begins.
    pub at: u64,
    /// What was sent in it.
    pub sent: u64,
    /// What of that was lost.
    pub lost: u64,
}

/// The underlay at the end.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Topology {
    /// Devices and hypervisors.
    pub nodes: Vec<Node>,
    /// Links between them.
    pub links: Vec<Link>,
    /// Pairs of hypervisors that share networks.
    pub tunnels: Vec<Tunnel>,
}

/// Whether something was up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Health {
    /// All the time.
    #[default]
    Up,
    /// At the end, but not all the time.
    WasDown,
    /// Not at the end.
    Down,
}

/// A device or hypervisor.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Node {
    /// Its name.
    pub name: String,
    /// What it is.
    pub role: Role,
    /// Where it is, where that is known.
    pub position: Option<Position>,
    /// The rack that a hypervisor is in, counted from 0.
    pub rack: Option<usize>,
    /// Whether it was up.
    pub health: Health,
}

/// A link; its ends are counted in [`Topology::nodes`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// One end.
    pub from: usize,
    /// The other.
    pub to: usize,
    /// Whether it was up.
    pub health: Health,
    /// How long a packet takes.
    pub delay: u64,
    /// How much it carries, in bits per second; none: as much as comes.
    pub rate: Option<u64>,
    /// What went from the first end to the second.
    pub forth: Traffic,
    /// What went back.
    pub back: Traffic,
}

/// A pair of hypervisors that share networks; counted in [`Topology::nodes`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tunnel {
    /// One end.
    pub from: usize,
    /// The other.
    pub to: usize,
    /// How many networks they share.
    pub networks: u64,
    /// Whether packets could get through.
    pub health: Health,
}

/// Figures of many durations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Figures {
    /// How many.
    pub count: usize,
    /// Half are not above.
    pub p50: u64,
    /// 90 of 100 are not above.
    pub p90: u64,
    /// 99 of 100 are not above.
    pub p99: u64,
    /// The greatest.
    pub max: u64,
}

impl Figures {
    /// The figures of some durations, by nearest rank; none of none.
    #[must_use]
    pub fn of(durations: impl IntoIterator<Item = u64>) -> Option<Self> {
        let mut sorted: Vec<u64> = durations.into_iter().collect();
        sorted.sort_unstable();
        let max = *sorted.last()?;
        let rank = |percent: usize| sorted[(sorted.len() * percent).div_ceil(100).max(1) - 1];
        Some(Self {
            count: sorted.len(),
            p50: rank(50),
            p90: rank(90),
            p99: rank(99),
            max,
        })
    }
}

impl Report {
    /// Whether everything holds that had to.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.verdicts.iter().all(|verdict| verdict.holds)
    }

    /// How long changes took that came to all switches.
    #[must_use]
    pub fn converged(&self) -> Option<Figures> {
        Figures::of(self.convergence.iter().filter_map(|change| change.took))
    }

    /// For a terminal.
    #[must_use]
    pub fn to_text(&self) -> String {
        text::text(self)
    }

    /// For programs.
    #[must_use]
    pub fn to_json(&self) -> String {
        // Numbers, texts and lists of them: nothing that JSON lacks.
        serde_json::to_string_pretty(self).unwrap_or_default()
    }

    /// For a browser: one page that needs nothing else.
    #[must_use]
    pub fn to_html(&self) -> String {
        page::page(self)
    }

    /// The topology alone, as an SVG file.
    #[must_use]
    pub fn to_svg(&self) -> String {
        page::topology(self)
    }
}
