//! A report for a terminal: verdicts first, then the numbers.

use std::fmt::Write;

use super::{Report, unit};

pub(super) fn text(report: &Report) -> String {
    let mut text = String::new();
    // Writing to a text cannot fail.
    let _ = writeln!(text, "{}", report.name);
    if !report.description.is_empty() {
        let _ = writeln!(text, "{}", report.description);
    }
    text.push('\n');
    for verdict in &report.verdicts {
        let mark = if verdict.holds {
            "holds   "
        } else {
            "BROKEN  "
        };
        let _ = writeln!(text, "{mark}{}: {}", verdict.expected, verdict.found);
    }
    if !report.verdicts.is_empty() {
        text.push('\n');
    }
    let mut rows: Vec<(String, String)> = report
        .counts
        .iter()
        .map(|(name, count)| (name.clone(), unit::count(*count)))
        .collect();
    rows.push(("virtual time".to_owned(), unit::time(report.lasted)));
    rows.push(("seed".to_owned(), report.seed.to_string()));
    if let Some(figures) = report.converged() {
        let parts = [
            format!("{} changes", unit::count(figures.count as u64)),
            format!("p50 {}", unit::time(figures.p50)),
            format!("p90 {}", unit::time(figures.p90)),
            format!("p99 {}", unit::time(figures.p99)),
            format!("max {}", unit::time(figures.max)),
        ];
        rows.push(("convergence".to_owned(), parts.join(", ")));
    }
    if let Some(most) = report.flows.iter().map(|(_, flows)| *flows).max() {
        let all: u64 = report.flows.iter().map(|(_, flows)| *flows).sum();
        let flows = format!(
            "{}, at most {} on a switch",
            unit::count(all),
            unit::count(most)
        );
        rows.push(("flows".to_owned(), flows));
    }
    for workload in &report.workloads {
        let mut parts = vec![
            format!("{} pairs", unit::count(workload.pairs)),
            format!(
                "{} of {} arrived",
                unit::count(workload.received),
                unit::count(workload.sent)
            ),
            format!("{} lost", unit::count(workload.lost)),
        ];
        parts.extend(
            workload
                .gap
                .map(|gap| format!("longest gap {}", unit::time(gap))),
        );
        parts.extend(
            workload
                .mean
                .map(|mean| format!("mean {}", unit::time(mean))),
        );
        rows.push((
            format!("{} ({})", workload.name, workload.kind),
            parts.join(", "),
        ));
    }
    let wide = rows
        .iter()
        .map(|(name, _)| name.chars().count())
        .max()
        .unwrap_or(0);
    for (name, value) in rows {
        let pad = " ".repeat(wide - name.chars().count());
        let _ = writeln!(text, "{name}{pad}  {value}");
    }
    text
}
