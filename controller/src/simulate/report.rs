//! The figures of a load: for programs as they are, for people as a table.

use std::time::Duration;

use comfy_table::{CellAlignment, Table, presets};
use serde::Serialize;
use weft_simulations::world::Traffic;

use super::process::Usage;

/// All that is told.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    /// The API that was called.
    pub(super) controller: String,
    /// Which program on which machine, and how busy that was.
    pub(super) machine: String,
    pub(super) hypervisors: usize,
    pub(super) networks: usize,
    pub(super) ports: usize,
    pub(super) execution: &'static str,
    pub(super) connecting: Connecting,
    pub(super) placing: Placing,
    pub(super) changes: Changes,
    pub(super) end: End,
    pub(super) traffic: Vec<Spoken>,
    /// What it took; none when the controller's process cannot be seen from here.
    pub(super) controller_process: Option<Process>,
    pub(super) simulator_process: Option<Process>,
}

/// How the hypervisors came.
#[derive(Debug, Serialize)]
pub(super) struct Connecting {
    /// Until all had both connections.
    pub(super) connected_s: f64,
    /// Until all switches were in order.
    pub(super) in_order_s: f64,
    pub(super) connections: usize,
    pub(super) connections_per_s: f64,
}

/// How the ports were made that are there from the beginning.
#[derive(Debug, Default, Serialize)]
pub(super) struct Placing {
    /// Until the API had made networks and ports.
    pub(super) made_s: f64,
    /// From the first that was plugged in until all were ready.
    pub(super) ready_s: f64,
}

/// How ports were made and deleted one by one.
#[derive(Debug, Default, Serialize)]
pub(super) struct Changes {
    pub(super) asked_per_s: f64,
    /// What came of it.
    pub(super) reached_per_s: f64,
    /// Whether the API was called as often as was asked for.
    pub(super) rate_kept: bool,
    pub(super) created: usize,
    pub(super) deleted: usize,
    pub(super) failed: usize,
    /// The words of the first call that failed.
    pub(super) first_failure: Option<String>,
    /// Changes that some switch had not acknowledged at the end.
    pub(super) not_converged: usize,
    pub(super) api: Quantiles,
    /// From the API's answer, through plugging in, to the last acknowledgement.
    pub(super) convergence_created: Quantiles,
    /// From the API's answer to the last acknowledgement.
    pub(super) convergence_deleted: Quantiles,
}

/// How it was at the end.
#[derive(Debug, Default, Serialize)]
pub(super) struct End {
    pub(super) in_order: usize,
    pub(super) refused_flows: usize,
    /// Connections that could not be opened.
    pub(super) unreached: usize,
    /// Connections that the controller ended, or the way to it; each is opened again.
    pub(super) reconnects: usize,
    /// Why a connection could not be opened, the last time.
    pub(super) last_unreached: Option<String>,
    pub(super) flows_least: usize,
    pub(super) flows_median: usize,
    pub(super) flows_most: usize,
}

/// Durations, in milliseconds.
#[derive(Debug, Default, Clone, Copy, Serialize)]
pub(super) struct Quantiles {
    pub(super) count: usize,
    pub(super) p50_ms: f64,
    pub(super) p90_ms: f64,
    pub(super) p99_ms: f64,
    pub(super) max_ms: f64,
}

impl From<Vec<Duration>> for Quantiles {
    fn from(mut sample: Vec<Duration>) -> Self {
        sample.sort();
        let at = |share: f64| {
            let rank = (sample.len() as f64 * share).ceil() as usize;
            let one = sample.get(rank.saturating_sub(1));
            one.map_or(0.0, |one| one.as_secs_f64() * 1e3)
        };
        Self {
            count: sample.len(),
            p50_ms: at(0.5),
            p90_ms: at(0.9),
            p99_ms: at(0.99),
            max_ms: at(1.0),
        }
    }
}

/// What was said over the connections of a protocol.
#[derive(Debug, Serialize)]
pub(super) struct Spoken {
    pub(super) protocol: &'static str,
    pub(super) messages_to_hypervisors: u64,
    pub(super) messages_to_controller: u64,
    pub(super) bytes_to_hypervisors: u64,
    pub(super) bytes_to_controller: u64,
}

impl Spoken {
    pub(super) fn new(protocol: &'static str, of_each: impl Iterator<Item = Traffic>) -> Self {
        let mut spoken = Self {
            protocol,
            messages_to_hypervisors: 0,
            messages_to_controller: 0,
            bytes_to_hypervisors: 0,
            bytes_to_controller: 0,
        };
        for one in of_each {
            spoken.messages_to_hypervisors += one.messages_to_hypervisor;
            spoken.messages_to_controller += one.messages_to_controller;
            spoken.bytes_to_hypervisors += one.to_hypervisor;
            spoken.bytes_to_controller += one.to_controller;
        }
        spoken
    }
}

/// What a process took, part by part.
#[derive(Debug, Serialize)]
pub(super) struct Process {
    pub(super) pid: u32,
    pub(super) connecting_cpu_s: f64,
    pub(super) placing_cpu_s: f64,
    pub(super) changes_cpu_s: f64,
    pub(super) memory_mib: u64,
    pub(super) peak_mib: u64,
}

impl Process {
    /// From what it had taken before, between and after the parts.
    pub(super) fn new(pid: u32, usages: &[Option<Usage>]) -> Option<Self> {
        let [Some(first), Some(second), Some(third), Some(last)] = usages else {
            return None;
        };
        Some(Self {
            pid,
            connecting_cpu_s: second.cpu_s - first.cpu_s,
            placing_cpu_s: third.cpu_s - second.cpu_s,
            changes_cpu_s: last.cpu_s - third.cpu_s,
            memory_mib: last.memory_mib,
            peak_mib: last.peak_mib,
        })
    }

    fn text(&self) -> String {
        format!(
            "{:.1} s, {:.1} s, {:.1} s of CPU; {} MiB, at most {} MiB (process {})",
            self.connecting_cpu_s,
            self.placing_cpu_s,
            self.changes_cpu_s,
            self.memory_mib,
            self.peak_mib,
            self.pid
        )
    }
}

impl Report {
    /// For people.
    pub(super) fn text(&self) -> String {
        let mut table = Table::new();
        table
            .load_style(presets::ASCII_HORIZONTAL_ONLY)
            .set_header(["what", "measured"])
            .add_rows(self.rows());
        if let Some(column) = table.column_mut(0) {
            column.set_cell_alignment(CellAlignment::Left);
        }
        format!(
            "{}; {} hypervisors ({} execution), {} networks, {} ports at {}\n{}",
            self.machine,
            self.hypervisors,
            self.execution,
            self.networks,
            self.ports,
            self.controller,
            table.trim_fmt()
        )
    }

    fn rows(&self) -> Vec<[String; 2]> {
        let (connecting, changes, end) = (&self.connecting, &self.changes, &self.end);
        let mut rows = vec![
            row(
                "connected",
                format!(
                    "{} connections after {:.1} s: {:.0} per second",
                    connecting.connections, connecting.connected_s, connecting.connections_per_s
                ),
            ),
            row(
                "in order",
                format!("all after {:.1} s", connecting.in_order_s),
            ),
            row(
                "made by the API",
                format!(
                    "{} networks and {} ports in {:.1} s",
                    self.networks, self.ports, self.placing.made_s
                ),
            ),
            row(
                "plugged in",
                format!("all ready after {:.1} s", self.placing.ready_s),
            ),
            row("changes", changes.rates()),
            row("the API's answer", quantiles(changes.api)),
            row(
                "created, to the last acknowledgement",
                quantiles(changes.convergence_created),
            ),
            row(
                "deleted, to the last acknowledgement",
                quantiles(changes.convergence_deleted),
            ),
        ];
        if changes.failed > 0 {
            let first = changes.first_failure.as_deref().unwrap_or("-");
            rows.push(row(
                "calls that failed",
                format!("{}; the first: {first}", changes.failed),
            ));
        }
        if changes.not_converged > 0 {
            rows.push(row(
                "not acknowledged everywhere",
                changes.not_converged.to_string(),
            ));
        }
        rows.extend([
            row(
                "in order at the end",
                format!(
                    "{} of {}; {} flows refused",
                    end.in_order, self.hypervisors, end.refused_flows
                ),
            ),
            row(
                "connections ended by the controller",
                end.reconnects.to_string(),
            ),
            row(
                "connections that could not be opened",
                match &end.last_unreached {
                    Some(why) => format!("{}; the last: {why}", end.unreached),
                    None => end.unreached.to_string(),
                },
            ),
            row(
                "flows per switch",
                format!(
                    "{} at least, {} in the middle, {} at most",
                    end.flows_least, end.flows_median, end.flows_most
                ),
            ),
        ]);
        rows.extend(self.traffic.iter().map(|spoken| {
            row(
                spoken.protocol,
                format!(
                    "{} messages, {} KiB to hypervisors; {} messages, {} KiB to the controller",
                    spoken.messages_to_hypervisors,
                    spoken.bytes_to_hypervisors / 1024,
                    spoken.messages_to_controller,
                    spoken.bytes_to_controller / 1024,
                ),
            )
        }));
        let unseen = "not to be seen from here: name it with --pid, on its machine";
        let text = |process: &Option<Process>| {
            process
                .as_ref()
                .map_or_else(|| unseen.to_owned(), Process::text)
        };
        rows.push(row(
            "the controller: connecting, placing, changes",
            text(&self.controller_process),
        ));
        rows.push(row(
            "the simulator: the same",
            text(&self.simulator_process),
        ));
        rows
    }
}

impl Changes {
    fn rates(&self) -> String {
        let kept = match self.rate_kept {
            true => "",
            false => ": calls could not be made as often as asked for",
        };
        format!(
            "{} ports created, {} deleted; {:.1} per second of {} asked for{kept}",
            self.created, self.deleted, self.reached_per_s, self.asked_per_s
        )
    }
}

fn row(what: &str, measured: String) -> [String; 2] {
    [what.to_owned(), measured]
}

fn quantiles(of: Quantiles) -> String {
    let Quantiles {
        count,
        p50_ms,
        p90_ms,
        p99_ms,
        max_ms,
    } = of;
    format!(
        "p50 {p50_ms:.1} ms, p90 {p90_ms:.1} ms, p99 {p99_ms:.1} ms, at most {max_ms:.1} ms, of {count}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_durations_that_were_measured() {
        let sample: Vec<Duration> = (1..=200).rev().map(Duration::from_millis).collect();
        let of = Quantiles::from(sample);
        assert_eq!(
            (of.p50_ms, of.p90_ms, of.p99_ms, of.max_ms),
            (100.0, 180.0, 198.0, 200.0)
        );
        assert_eq!(Quantiles::from(Vec::new()).max_ms, 0.0);
    }
}
