//! The plots of a report: each a picture with axes, units, and a title on whatever can be pointed at.

use std::fmt::Write;

use super::svg::{Drawing, LEFT, Scale, TOP, Unit, escape};
use super::{Bin, Change, Figures, Link, Report, unit};

/// The size of a plot of half the page.
const HALF: (f64, f64) = (560.0, 300.0);
/// The size of a plot of the whole page.
const WHOLE: (f64, f64) = (1160.0, 320.0);

/// A plot with its heading and what it says in words.
pub(super) struct Plot {
    pub(super) name: &'static str,
    pub(super) about: String,
    pub(super) svg: String,
    pub(super) wide: bool,
}

impl Plot {
    fn of(name: &'static str, about: String, drawing: Drawing, wide: bool) -> Self {
        let svg = drawing.finish(name, &about);
        Self {
            name,
            about,
            svg,
            wide,
        }
    }
}

/// Every plot that there are data for, besides [`timeline`].
pub(super) fn plots(report: &Report) -> Vec<Plot> {
    let plots = [
        distribution(&report.convergence),
        over_time(&report.convergence, report.lasted),
        flows(&report.flows),
        lengths(report),
        load(report),
    ];
    plots.into_iter().flatten().collect()
}

/// The share of changes that had come to all switches, over the time since the API's answer.
fn distribution(changes: &[Change]) -> Option<Plot> {
    let mut took: Vec<u64> = changes.iter().filter_map(|change| change.took).collect();
    took.sort_unstable();
    let figures = Figures::of(took.iter().copied())?;
    let (least, most) = (*took.first()?, figures.max);
    let mut drawing = Drawing::new(HALF.0, HALF.1);
    let (right, floor) = (drawing.right(), drawing.floor());
    let x = if most > 50 * least.max(1) {
        Scale::logarithmic(least as f64, most as f64, LEFT, right)
    } else {
        Scale::linear(most as f64, LEFT, right)
    };
    let y = Scale::exact(100.0, floor, TOP);
    drawing.y_axis(y, Unit::Percent, "Changes at all switches");
    drawing.x_axis(x, Unit::Time, "Time since the API's answer");
    let whole = changes.len() as f64;
    let mut line = format!("M{:.1} {floor:.1}", x.at(took[0] as f64));
    for (rank, value) in thinned(&took) {
        let _ = write!(
            line,
            "H{:.1}V{:.1}",
            x.at(value as f64),
            y.at((rank + 1) as f64 / whole * 100.0)
        );
    }
    let _ = write!(line, "H{right:.1}");
    drawing.add(format_args!(r#"<path d="{line}" class="line a"/>"#));
    for (name, value, share) in [
        ("p50", figures.p50, 50.0),
        ("p90", figures.p90, 90.0),
        ("p99", figures.p99, 99.0),
    ] {
        let share = share * took.len() as f64 / whole;
        let (px, py) = (x.at(value as f64), y.at(share));
        let value = unit::time(value);
        drawing.add(format_args!(
            r#"<circle cx="{px:.1}" cy="{py:.1}" r="4.5" class="mark a"><title>{name}: {value}</title></circle>"#
        ));
        let (lx, anchor) = if px > right - 110.0 {
            (px - 9.0, "end")
        } else {
            (px + 9.0, "start")
        };
        drawing.label(lx, py + 15.0, anchor, "note", &format!("{name} {value}"));
    }
    let missing = changes.len() - took.len();
    let missing = if missing > 0 {
        format!("; {missing} had not at the end")
    } else {
        String::new()
    };
    let about = format!(
        "{} changes: half within {}, 99 of 100 within {}, all within {}{missing}.",
        unit::count(took.len() as u64),
        unit::time(figures.p50),
        unit::time(figures.p99),
        unit::time(figures.max),
    );
    Some(Plot::of("Convergence", about, drawing, false))
}

/// At most so many points of a line are drawn.
const POINTS: usize = 2000;

/// Values with their ranks, few enough to draw; the last one always.
fn thinned(values: &[u64]) -> impl Iterator<Item = (usize, u64)> + '_ {
    let every = values.len().div_ceil(POINTS).max(1);
    let last = values.len().saturating_sub(1);
    let drawn = values.iter().copied().enumerate();
    drawn.filter(move |(rank, _)| rank.is_multiple_of(every) || *rank == last)
}

/// When each change was made and how long it took.
fn over_time(changes: &[Change], lasted: u64) -> Option<Plot> {
    let figures = Figures::of(changes.iter().filter_map(|change| change.took))?;
    let mut drawing = Drawing::new(HALF.0, HALF.1);
    let x = Scale::exact(lasted as f64, LEFT, drawing.right());
    let y = Scale::linear(figures.max as f64, drawing.floor(), TOP);
    drawing.y_axis(y, Unit::Time, "Convergence");
    drawing.x_axis(x, Unit::Time, "Time of the run");
    let every = changes.len().div_ceil(POINTS).max(1);
    for change in changes.iter().step_by(every) {
        let (px, at) = (x.at(change.at as f64), unit::time(change.at));
        match change.took {
            Some(took) => {
                let (py, took) = (y.at(took as f64), unit::time(took));
                drawing.add(format_args!(
                    r#"<circle cx="{px:.1}" cy="{py:.1}" r="3" class="dot a"><title>at {at}: {took}</title></circle>"#
                ));
            }
            None => drawing.add(format_args!(
                r#"<path d="M{:.1} {:.1}l8 8m0 -8l-8 8" class="line c"><title>at {at}: not until the end</title></path>"#,
                px - 4.0,
                TOP
            )),
        }
    }
    let about =
        "Each dot is one change: when the API had answered, and how long it took.".to_owned();
    Some(Plot::of("Convergence over the run", about, drawing, false))
}

/// How many switches are drawn one by one.
const SINGLE: usize = 30;
/// How many columns there are for more.
const COLUMNS: usize = 24;

/// The flows of each switch, or how many switches have how many.
fn flows(flows: &[(String, u64)]) -> Option<Plot> {
    let figures = Figures::of(flows.iter().map(|(_, count)| *count))?;
    let mut drawing = Drawing::new(HALF.0, HALF.1);
    let (right, floor) = (drawing.right(), drawing.floor());
    if flows.len() <= SINGLE {
        let y = Scale::linear(figures.max as f64, floor, TOP);
        drawing.y_axis(y, Unit::Count, "Flows");
        let columns: Vec<Column> = flows
            .iter()
            .map(|(name, count)| Column {
                label: name.clone(),
                value: *count as f64,
                title: format!("{name}: {} flows", unit::count(*count)),
            })
            .collect();
        draw_columns(&mut drawing, &columns, y, "Switch");
    } else {
        let x = Scale::linear(figures.max as f64, LEFT, right);
        let width = x.most / COLUMNS as f64;
        let mut columns = [0u64; COLUMNS];
        for (_, count) in flows {
            columns[((*count as f64 / width) as usize).min(COLUMNS - 1)] += 1;
        }
        let most = columns.iter().copied().max().unwrap_or(0);
        let y = Scale::linear(most as f64, floor, TOP);
        drawing.y_axis(y, Unit::Count, "Switches");
        drawing.x_axis(x, Unit::Count, "Flows");
        for (at, count) in columns.iter().enumerate().filter(|(_, count)| **count > 0) {
            let (from, to) = (at as f64 * width, (at + 1) as f64 * width);
            let (left, top) = (x.at(from) + 1.0, y.at(*count as f64));
            let (wide, high) = (x.at(to) - x.at(from) - 2.0, floor - top);
            let (from, to) = (unit::count(from as u64), unit::count(to as u64));
            drawing.add(format_args!(
                r#"<rect x="{left:.1}" y="{top:.1}" width="{wide:.1}" height="{high:.1}" rx="2" class="bar a"><title>{count} switches with {from} to {to} flows</title></rect>"#
            ));
        }
    }
    let about = format!(
        "{} switches: half have up to {} flows, the fullest has {}.",
        unit::count(flows.len() as u64),
        unit::count(figures.p50),
        unit::count(figures.max)
    );
    Some(Plot::of("Flows per switch", about, drawing, false))
}

/// A column of a plot.
struct Column {
    label: String,
    value: f64,
    title: String,
}

fn draw_columns(drawing: &mut Drawing, columns: &[Column], y: Scale, title: &str) {
    let (right, floor) = (drawing.right(), drawing.floor());
    let step = (right - LEFT) / columns.len().max(1) as f64;
    let wide = (step * 0.72).min(54.0);
    // Labels that would touch each other are left out.
    let longest = columns
        .iter()
        .map(|column| column.label.chars().count())
        .max()
        .unwrap_or(0);
    let every = ((longest as f64 * 6.6 + 8.0) / step).ceil().max(1.0) as usize;
    for (
        at,
        Column {
            label,
            value,
            title,
        },
    ) in columns.iter().enumerate()
    {
        let middle = LEFT + (at as f64 + 0.5) * step;
        let (left, top) = (middle - wide / 2.0, y.at(*value));
        let (high, title) = (floor - top, escape(title));
        drawing.add(format_args!(
            r#"<rect x="{left:.1}" y="{top:.1}" width="{wide:.1}" height="{high:.1}" rx="2" class="bar a"><title>{title}</title></rect>"#
        ));
        if at % every == 0 {
            drawing.label(middle, floor + 18.0, "middle", "tick", label);
        }
    }
    drawing.add(format_args!(
        r#"<path d="M{LEFT} {floor:.1}H{right:.1}" class="axis"/>"#
    ));
    drawing.label(
        f64::midpoint(LEFT, right),
        floor + 37.0,
        "middle",
        "title",
        title,
    );
}

/// How many pairs of hypervisors are how many links apart.
fn lengths(report: &Report) -> Option<Plot> {
    let whole: u64 = report.lengths.iter().map(|length| length.pairs).sum();
    let most = report.lengths.iter().map(|length| length.hops).max()?;
    let mut drawing = Drawing::new(HALF.0, HALF.1);
    let mut columns = Vec::new();
    for hops in 1..=most {
        let rows = report.lengths.iter().filter(|length| length.hops == hops);
        let pairs: u64 = rows.clone().map(|length| length.pairs).sum();
        let longest = rows.map(|length| length.delay).max().unwrap_or(0);
        columns.push(Column {
            label: hops.to_string(),
            value: pairs as f64 / whole.max(1) as f64 * 100.0,
            title: format!(
                "{hops} links: {} pairs, {}; up to {}",
                unit::count(pairs),
                unit::share(pairs, whole),
                unit::time(longest)
            ),
        });
    }
    let highest = columns
        .iter()
        .map(|column| column.value)
        .fold(0.0, f64::max);
    let y = Scale::linear(highest, drawing.floor(), TOP);
    drawing.y_axis(y, Unit::Percent, "Pairs of hypervisors");
    draw_columns(&mut drawing, &columns, y, "Links on the way");
    let longest = report
        .lengths
        .iter()
        .map(|length| length.delay)
        .max()
        .unwrap_or(0);
    let about = format!(
        "{} pairs of hypervisors, up to {most} links and {} apart.",
        unit::count(whole),
        unit::time(longest)
    );
    Some(Plot::of("Path lengths", about, drawing, false))
}

/// How many links are drawn one by one.
const BUSIEST: usize = 10;

/// The links that carried most.
fn load(report: &Report) -> Option<Plot> {
    let topology = &report.topology;
    let carried = |link: &Link| link.forth.bytes + link.back.bytes;
    let mut links: Vec<&Link> = topology
        .links
        .iter()
        .filter(|link| carried(link) > 0)
        .collect();
    links.sort_by_key(|link| std::cmp::Reverse(carried(link)));
    let busy = links.len();
    links.truncate(BUSIEST);
    let most = links
        .iter()
        .map(|link| link.forth.bytes.max(link.back.bytes))
        .max()?;
    let mut drawing = Drawing::new(WHOLE.0, WHOLE.1);
    let (right, floor) = (drawing.right(), drawing.floor());
    let left = 230.0;
    let x = Scale::linear(most as f64, left, right);
    let step = (floor - TOP) / links.len() as f64;
    let thick = (step * 0.36).min(11.0);
    for (at, link) in links.iter().enumerate() {
        let middle = TOP + (at as f64 + 0.5) * step;
        let name = |node: usize| {
            topology
                .nodes
                .get(node)
                .map_or("", |node| node.name.as_str())
        };
        let (from, to) = (name(link.from), name(link.to));
        drawing.label(
            left - 8.0,
            middle + 4.0,
            "end",
            "tick",
            &shortened(&format!("{from} – {to}"), 34),
        );
        let ways = [
            (link.forth, from, to, "a", -thick),
            (link.back, to, from, "b", 0.0),
        ];
        for (traffic, from, to, class, above) in ways {
            let (y, wide) = (middle + above, x.at(traffic.bytes as f64) - left);
            let (from, to) = (escape(from), escape(to));
            let (bytes, dropped) = (unit::bytes(traffic.bytes), unit::count(traffic.dropped));
            let used = utilisation(traffic.bytes, link.rate, report.lasted);
            drawing.add(format_args!(
                r#"<rect x="{left}" y="{y:.1}" width="{wide:.1}" height="{thick:.1}" class="bar {class}"><title>{from} to {to}: {bytes}{used}, {dropped} packets lost</title></rect>"#
            ));
        }
    }
    drawing.x_axis(x, Unit::Bytes, "Carried, each direction");
    let about = format!(
        "The busiest of {} links that carried something, out of {}.",
        unit::count(busy as u64),
        unit::count(topology.links.len() as u64)
    );
    Some(Plot::of("Link load", about, drawing, true))
}

/// How much of what a link could carry was carried.
fn utilisation(bytes: u64, rate: Option<u64>, lasted: u64) -> String {
    let Some(rate) = rate.filter(|_| lasted > 0) else {
        return String::new();
    };
    let share = bytes as f64 * 8e6 / (rate as f64 * lasted as f64) * 100.0;
    format!(", {} % of its rate", unit::short(share))
}

/// The beginning of a text.
fn shortened(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most - 1).chain(['…']).collect()
}

/// What happened, against what was lost.
pub(super) fn timeline(report: &Report) -> Option<Plot> {
    if report.moments.is_empty() && report.loss.is_empty() {
        return None;
    }
    let mut drawing = Drawing::new(WHOLE.0, WHOLE.1);
    let floor = drawing.floor();
    let lasted = report.lasted.max(1);
    let x = Scale::exact(lasted as f64, LEFT, drawing.right());
    let share = |bin: &Bin| bin.lost as f64 / bin.sent.max(1) as f64 * 100.0;
    let worst = report.loss.iter().map(share).fold(1.0, f64::max);
    // Room for the moments' numbers.
    let y = Scale::linear(worst.min(100.0), floor, TOP + 26.0);
    drawing.y_axis(y, Unit::Percent, "Packets lost");
    let ends = report.loss.iter().skip(1).map(|bin| bin.at).chain([lasted]);
    for (bin, end) in report.loss.iter().zip(ends).filter(|(bin, _)| bin.lost > 0) {
        let (left, top) = (x.at(bin.at as f64), y.at(share(bin)));
        let (wide, high) = ((x.at(end as f64) - left).max(1.0), floor - top);
        let at = unit::time(bin.at);
        let (lost, sent) = (unit::count(bin.lost), unit::count(bin.sent));
        drawing.add(format_args!(
            r#"<rect x="{left:.1}" y="{top:.1}" width="{wide:.1}" height="{high:.1}" class="bar c"><title>from {at}: {lost} of {sent} lost</title></rect>"#
        ));
    }
    drawing.x_axis(x, Unit::Time, "Time of the run");
    for (from, moments) in together(report, x) {
        let class = if moments.iter().any(|(_, moment)| moment.fault) {
            "c"
        } else {
            "a"
        };
        let (first, last) = (moments[0].0 + 1, moments[moments.len() - 1].0 + 1);
        let number = if first == last {
            first.to_string()
        } else {
            format!("{first}–{last}")
        };
        let listed = moments.iter().take(12);
        let mut title: Vec<String> = listed
            .map(|(at, moment)| format!("{}: {} at {}", at + 1, moment.what, unit::time(moment.at)))
            .collect();
        if moments.len() > title.len() {
            title.push(format!("and {} more", moments.len() - title.len()));
        }
        let title = escape(&title.join("\n"));
        let wide = 12.0 + 7.0 * number.chars().count() as f64;
        let (left, top) = (from - wide / 2.0, TOP - 6.0);
        drawing.add(format_args!(
            r#"<g class="moment {class}"><title>{title}</title><path d="M{from:.1} {floor:.1}V{:.1}" class="line {class} thin"/><rect x="{left:.1}" y="{top:.1}" width="{wide:.1}" height="18" rx="9" class="pill {class}"/><text x="{from:.1}" y="{:.1}" text-anchor="middle" class="pilltext">{number}</text></g>"#,
            top + 18.0,
            top + 13.0
        ));
    }
    let lost: u64 = report.loss.iter().map(|bin| bin.lost).sum();
    let sent: u64 = report.loss.iter().map(|bin| bin.sent).sum();
    let about = format!(
        "{} things happened; {} of {} packets of machines were lost, {}.",
        unit::count(report.moments.len() as u64),
        unit::count(lost),
        unit::count(sent),
        unit::share(lost, sent)
    );
    Some(Plot::of(
        "What happened, and what was lost",
        about,
        drawing,
        true,
    ))
}

/// The moments with their numbers, those together whose marks would touch, each group with its place.
fn together(report: &Report, x: Scale) -> Vec<(f64, Vec<(usize, &super::Moment)>)> {
    let mut groups: Vec<(f64, Vec<(usize, &super::Moment)>)> = Vec::new();
    for (at, moment) in report.moments.iter().enumerate() {
        let place = x.at(moment.at as f64);
        match groups.last_mut() {
            Some((first, group)) if place - *first < 44.0 => group.push((at, moment)),
            _ => groups.push((place, vec![(at, moment)])),
        }
    }
    groups
}
