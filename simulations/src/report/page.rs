//! The page: a report as HTML with everything in it, readable in light and dark, on paper, and by ear.

use std::fmt::Write;

use super::plot::{Plot, plots, timeline};
use super::svg::escape;
use super::{Moment, Report, Verdict, Workload, map, unit};

/// How it looks: the page and the pictures in it.
const STYLE: &str = include_str!("style.css");

/// How many rows a table has at most.
const ROWS: usize = 400;

/// The page.
pub(super) fn page(report: &Report) -> String {
    let mut body = String::new();
    header(&mut body, report);
    verdicts(&mut body, &report.verdicts);
    if let Some(plot) = timeline(report) {
        figure(&mut body, &plot);
    }
    moments(&mut body, &report.moments);
    if let Some(plot) = topology_plot(report) {
        figure(&mut body, &plot);
        body.push_str(LEGEND);
    }
    body.push_str("<div class=\"plots\">");
    for plot in &plots(report) {
        figure(&mut body, plot);
    }
    body.push_str("</div>");
    workloads(&mut body, &report.workloads);
    let name = escape(&report.name);
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><meta name=\"color-scheme\" content=\"light dark\"><title>{name}</title><style>{STYLE}</style></head><body><main>{body}</main></body></html>\n"
    )
}

/// The topology as a file of its own.
pub(super) fn topology(report: &Report) -> String {
    let svg = map::map(report).map_or_else(
        || "<svg xmlns=\"http://www.w3.org/2000/svg\"></svg>".to_owned(),
        |(svg, _)| svg,
    );
    match svg.split_once('>') {
        Some((open, rest)) => format!("{open}><style>{STYLE}</style>{rest}\n"),
        None => svg,
    }
}

/// What the marks of the topology mean.
const LEGEND: &str = r#"<p class="legend"><span><svg viewBox="0 0 34 12"><path d="M1 6H33" class="link up" stroke-width="3"/></svg>link, wider the more it carried</span><span><svg viewBox="0 0 34 12"><path d="M1 6H33" class="link wasdown" stroke-width="3"/></svg>was down for a time</span><span><svg viewBox="0 0 34 12"><path d="M1 6H33" class="link down" stroke-width="3"/></svg>down at the end</span><span><svg viewBox="0 0 34 12"><path d="M1 2Q17 16 33 2" class="tunnel up"/></svg>tunnel</span></p>"#;

fn header(body: &mut String, report: &Report) {
    let (class, word) = if report.verdicts.is_empty() {
        ("none", "nothing was expected")
    } else if report.holds() {
        ("good", "all holds")
    } else {
        ("bad", "does not hold")
    };
    // Writing to a text cannot fail.
    let _ = write!(
        body,
        "<header><h1>{}</h1><span class=\"badge {class}\">{word}</span></header><p class=\"lead\">{}</p><dl class=\"tiles\">",
        escape(&report.name),
        escape(&report.description)
    );
    for (name, value) in tiles(report) {
        let _ = write!(
            body,
            "<div><dt>{}</dt><dd>{}</dd></div>",
            escape(&name),
            escape(&value)
        );
    }
    body.push_str("</dl>");
}

/// The numbers that are seen first.
fn tiles(report: &Report) -> Vec<(String, String)> {
    let mut tiles: Vec<(String, String)> = report
        .counts
        .iter()
        .map(|(name, count)| (name.clone(), unit::count(*count)))
        .collect();
    tiles.push(("virtual time".to_owned(), unit::time(report.lasted)));
    if let Some(figures) = report.converged() {
        tiles.push(("convergence p99".to_owned(), unit::time(figures.p99)));
    }
    if let Some(most) = report.flows.iter().map(|(_, flows)| *flows).max() {
        tiles.push(("flows, fullest switch".to_owned(), unit::count(most)));
    }
    let sent: u64 = report.loss.iter().map(|bin| bin.sent).sum();
    if sent > 0 {
        let lost = report.loss.iter().map(|bin| bin.lost).sum();
        tiles.push(("packets lost".to_owned(), unit::share(lost, sent)));
    }
    tiles.push(("seed".to_owned(), report.seed.to_string()));
    tiles
}

fn verdicts(body: &mut String, verdicts: &[Verdict]) {
    if verdicts.is_empty() {
        return;
    }
    body.push_str("<section><h2>What had to hold</h2><table><thead><tr><th></th><th>Expected</th><th>Found</th></tr></thead><tbody>");
    for Verdict {
        expected,
        holds,
        found,
    } in verdicts
    {
        let (class, mark, word) = if *holds {
            ("good", "✓", "holds")
        } else {
            ("bad", "✗", "does not hold")
        };
        let _ = write!(
            body,
            "<tr><td class=\"mark {class}\"><span aria-label=\"{word}\">{mark}</span></td><td>{}</td><td>{}</td></tr>",
            escape(expected),
            escape(found)
        );
    }
    body.push_str("</tbody></table></section>");
}

fn topology_plot(report: &Report) -> Option<Plot> {
    let (svg, about) = map::map(report)?;
    Some(Plot {
        name: "Topology",
        about,
        svg,
        wide: true,
    })
}

fn figure(body: &mut String, plot: &Plot) {
    let class = if plot.wide { "wide" } else { "half" };
    let (name, about) = (escape(plot.name), escape(&plot.about));
    let _ = write!(
        body,
        "<figure class=\"{class}\"><h2>{name}</h2><div class=\"scroll\">{}</div><figcaption>{about}</figcaption></figure>",
        plot.svg
    );
}

fn moments(body: &mut String, moments: &[Moment]) {
    if moments.is_empty() {
        return;
    }
    let _ = write!(
        body,
        "<details><summary>What happened, one by one ({})</summary><table><thead><tr><th>No.</th><th class=\"number\">At</th><th>What</th></tr></thead><tbody>",
        unit::count(moments.len() as u64)
    );
    for (at, moment) in moments.iter().enumerate().take(ROWS) {
        let class = if moment.fault { "fault" } else { "" };
        let _ = write!(
            body,
            "<tr class=\"{class}\"><td>{}</td><td class=\"number\">{}</td><td>{}</td></tr>",
            at + 1,
            unit::time(moment.at),
            escape(&moment.what)
        );
    }
    let rest = moments.len().saturating_sub(ROWS);
    if rest > 0 {
        let _ = write!(
            body,
            "<tr><td></td><td></td><td>and {} more</td></tr>",
            unit::count(rest as u64)
        );
    }
    body.push_str("</tbody></table></details>");
}

fn workloads(body: &mut String, workloads: &[Workload]) {
    if workloads.is_empty() {
        return;
    }
    body.push_str("<section><h2>What machines did</h2><div class=\"scroll\"><table><thead><tr><th>Workload</th><th>Kind</th>");
    for name in [
        "Pairs",
        "Sent",
        "Arrived",
        "Lost",
        "Longest gap",
        "Mean time",
    ] {
        let _ = write!(body, "<th class=\"number\">{name}</th>");
    }
    body.push_str("</tr></thead><tbody>");
    for workload in workloads {
        let time = |time: Option<u64>| time.map_or_else(|| "–".to_owned(), unit::time);
        let cells = [
            unit::count(workload.pairs),
            unit::count(workload.sent),
            unit::count(workload.received),
            unit::count(workload.lost),
            time(workload.gap),
            time(workload.mean),
        ];
        let (name, kind) = (escape(&workload.name), escape(&workload.kind));
        let _ = write!(body, "<tr><td>{name}</td><td>{kind}</td>");
        for cell in cells {
            let _ = write!(body, "<td class=\"number\">{cell}</td>");
        }
        body.push_str("</tr>");
    }
    body.push_str("</tbody></table></div></section>");
}
