//! The topology as a picture: fabrics by tiers, WANs where their cities are, other networks as a circle.
//!
//! A link's width is what went over it, its dash and colour whether it was up. Tunnels are arcs between hypervisors;
//! where there are too many, between racks.

use std::collections::BTreeMap;
use std::f64::consts::TAU;

use super::svg::{Drawing, escape};
use super::{Health, Node, Position, Report, Role, Topology, Tunnel, unit};

/// The width of the picture.
const WIDTH: f64 = 1160.0;
/// How much is left free at its sides.
const MARGIN: f64 = 40.0;
/// How far apart tiers are.
const TIER: f64 = 105.0;
/// How far apart hypervisors of a rack are.
const CELL: f64 = 15.0;
/// How many tunnels are drawn.
const TUNNELS: usize = 300;
/// How many nodes of a kind are drawn large, and how many hypervisors have their names written.
const NAMED: usize = 24;
/// How wide a letter of a name is.
const LETTER: f64 = 6.5;

/// Where things are.
struct Layout {
    places: Vec<(f64, f64)>,
    height: f64,
    /// Whether tunnels are drawn as arcs below, or straight.
    tiers: bool,
}

/// The picture with what it says in words; none when there is nothing to draw.
pub(super) fn map(report: &Report) -> Option<(String, String)> {
    let topology = &report.topology;
    if topology.nodes.is_empty() {
        return None;
    }
    let layout = place(topology);
    let mut drawing = Drawing::new(WIDTH, layout.height);
    draw_tunnels(&mut drawing, topology, &layout);
    draw_links(&mut drawing, topology, &layout);
    for (node, place) in topology.nodes.iter().zip(&layout.places) {
        draw_node(&mut drawing, topology, node, *place, layout.tiers);
    }
    let about = about(topology);
    Some((drawing.finish("Topology", &about), about))
}

fn about(topology: &Topology) -> String {
    let hypervisors = hypervisors(topology);
    let counted = |name: &str, healths: Vec<Health>| {
        let of = |health: Health| healths.iter().filter(|known| **known == health).count() as u64;
        let mut text = format!("{} {name}", unit::count(healths.len() as u64));
        for (health, words) in [(Health::Down, "down"), (Health::WasDown, "down for a time")] {
            if of(health) > 0 {
                text.push_str(&format!(", {} {words}", unit::count(of(health))));
            }
        }
        text
    };
    let shown = match drawn_tunnels(topology) {
        (_, true) => "",
        (between, false) if between.is_empty() => " (too many to be drawn)",
        (_, false) => " (drawn between racks)",
    };
    format!(
        "{} devices, {} hypervisors; {}; {}{shown}.",
        unit::count((topology.nodes.len() - hypervisors) as u64),
        unit::count(hypervisors as u64),
        counted(
            "links",
            topology.links.iter().map(|link| link.health).collect()
        ),
        counted(
            "tunnels",
            topology
                .tunnels
                .iter()
                .map(|tunnel| tunnel.health)
                .collect()
        )
    )
}

fn hypervisors(topology: &Topology) -> usize {
    let nodes = topology.nodes.iter();
    nodes.filter(|node| node.role == Role::Hypervisor).count()
}

fn place(topology: &Topology) -> Layout {
    let tiers = topology.nodes.iter().any(|node| {
        matches!(
            node.role,
            Role::Core | Role::Spine | Role::Aggregation | Role::Leaf
        )
    });
    if tiers {
        return by_tiers(topology);
    }
    let placed = topology
        .nodes
        .iter()
        .filter(|node| node.position.is_some())
        .count();
    if placed * 2 > topology.nodes.len() {
        on_earth(topology)
    } else {
        in_circle(topology)
    }
}

/// The hypervisors of each rack, and the other nodes that they are linked to.
fn racks(topology: &Topology) -> Vec<(Vec<usize>, Vec<usize>)> {
    let mut racks: BTreeMap<usize, (Vec<usize>, Vec<usize>)> = BTreeMap::new();
    for (at, node) in topology.nodes.iter().enumerate() {
        if let (Role::Hypervisor, Some(rack)) = (node.role, node.rack) {
            racks.entry(rack).or_default().0.push(at);
        }
    }
    for link in &topology.links {
        for (one, other) in [(link.from, link.to), (link.to, link.from)] {
            let rack = topology.nodes.get(one).and_then(|node| node.rack);
            let entry = rack.and_then(|rack| racks.get_mut(&rack));
            if let Some((_, devices)) = entry.filter(|(_, devices)| !devices.contains(&other)) {
                devices.push(other);
            }
        }
    }
    racks.into_values().collect()
}

fn by_tiers(topology: &Topology) -> Layout {
    let mut places = vec![(WIDTH / 2.0, MARGIN); topology.nodes.len()];
    let mut used: Vec<u8> = topology.nodes.iter().map(|node| node.role.tier()).collect();
    used.sort_unstable();
    used.dedup();
    let depth = |tier: u8| used.iter().position(|known| *known == tier).unwrap_or(0) as f64;
    let row = |tier: u8| MARGIN + depth(tier) * TIER;
    let racks = racks(topology);
    let columns = grid_columns(&racks);
    let mut lowest = row(*used.last().unwrap_or(&0));
    for (tier, nodes) in rows(topology) {
        spread(&mut places, &nodes, row(tier));
    }
    // The row of leaves decides where racks are; hypervisors stand below theirs.
    for (at, (hypervisors, devices)) in racks.iter().enumerate() {
        let middle = if devices.is_empty() {
            MARGIN + (at as f64 + 0.5) * (WIDTH - 2.0 * MARGIN) / racks.len() as f64
        } else {
            devices.iter().map(|device| places[*device].0).sum::<f64>() / devices.len() as f64
        };
        let wide = columns.min(hypervisors.len()) as f64;
        for (number, node) in hypervisors.iter().enumerate() {
            let (line, column) = (number / columns, number % columns);
            let x = middle + (column as f64 - (wide - 1.0) / 2.0) * pitch(&racks, columns);
            let y = row(Role::Hypervisor.tier()) + line as f64 * CELL;
            places[*node] = (x, y);
            lowest = lowest.max(y);
        }
    }
    let arcs = if drawn_tunnels(topology).0.is_empty() {
        20.0
    } else {
        110.0
    };
    Layout {
        places,
        height: lowest + MARGIN + arcs,
        tiers: true,
    }
}

/// How many hypervisors stand side by side below a leaf.
fn grid_columns(racks: &[(Vec<usize>, Vec<usize>)]) -> usize {
    let most = racks
        .iter()
        .map(|(hypervisors, _)| hypervisors.len())
        .max()
        .unwrap_or(1);
    let fit = ((WIDTH - 2.0 * MARGIN) / racks.len().max(1) as f64 / CELL - 0.6)
        .floor()
        .max(1.0) as usize;
    let square = (most as f64).sqrt().ceil().max(1.0) as usize;
    if most <= 4 {
        most.min(fit).max(1)
    } else {
        square.max(2).min(fit)
    }
}

/// How far apart they stand: as far as there is room, so that few are seen well.
fn pitch(racks: &[(Vec<usize>, Vec<usize>)], columns: usize) -> f64 {
    let room = (WIDTH - 2.0 * MARGIN) / racks.len().max(1) as f64;
    (room / (columns as f64 + 0.6)).clamp(CELL * 0.6, 56.0)
}

/// The devices of each tier. Those of a middle tier stand in the order of what is below them.
fn rows(topology: &Topology) -> BTreeMap<u8, Vec<usize>> {
    let mut rows: BTreeMap<u8, Vec<usize>> = BTreeMap::new();
    for (at, node) in topology.nodes.iter().enumerate() {
        if node.role != Role::Hypervisor {
            rows.entry(node.role.tier()).or_default().push(at);
        }
    }
    rows
}

fn spread(places: &mut [(f64, f64)], nodes: &[usize], y: f64) {
    let step = (WIDTH - 2.0 * MARGIN) / nodes.len() as f64;
    for (at, node) in nodes.iter().enumerate() {
        places[*node] = (MARGIN + (at as f64 + 0.5) * step, y);
    }
}

fn on_earth(topology: &Topology) -> Layout {
    let known: Vec<Position> = topology
        .nodes
        .iter()
        .filter_map(|node| node.position)
        .collect();
    let bounds = |of: fn(&Position) -> f64| {
        let values = known.iter().map(of);
        values.fold((f64::MAX, f64::MIN), |(least, most), value| {
            (least.min(value), most.max(value))
        })
    };
    let (south, north) = bounds(|position| position.latitude);
    let (west, east) = bounds(|position| position.longitude);
    let squeeze = f64::midpoint(south, north).to_radians().cos().max(0.1);
    let (wide, high) = (
        ((east - west) * squeeze).max(1e-3),
        (north - south).max(1e-3),
    );
    let room = (WIDTH - 6.0 * MARGIN, 560.0);
    let scale = (room.0 / wide).min(room.1 / high);
    let top = 2.0 * MARGIN;
    let side = (WIDTH - wide * scale) / 2.0;
    let mut places: Vec<(f64, f64)> = topology
        .nodes
        .iter()
        .map(|node| match node.position {
            Some(Position {
                latitude,
                longitude,
            }) => (
                side + (longitude - west) * squeeze * scale,
                top + (north - latitude) * scale,
            ),
            None => (MARGIN, MARGIN),
        })
        .collect();
    for (hypervisors, devices) in racks(topology) {
        let Some(device) = devices.first().map(|device| places[*device]) else {
            continue;
        };
        beneath(&mut places, &hypervisors, device);
    }
    Layout {
        places,
        height: top + high * scale + 3.0 * MARGIN,
        tiers: false,
    }
}

fn in_circle(topology: &Topology) -> Layout {
    let height = 640.0;
    let (middle, radius) = ((WIDTH / 2.0, height / 2.0), 190.0);
    let mut places = vec![middle; topology.nodes.len()];
    let devices: Vec<usize> = rows(topology).into_values().flatten().collect();
    let angle = |at: usize| at as f64 / devices.len() as f64 * TAU - TAU / 4.0;
    for (at, node) in devices.iter().enumerate() {
        let (sin, cos) = angle(at).sin_cos();
        places[*node] = (middle.0 + cos * radius * 1.35, middle.1 + sin * radius);
    }
    for (hypervisors, above) in racks(topology) {
        let Some(device) = above.first() else {
            continue;
        };
        let at = devices
            .iter()
            .position(|known| known == device)
            .unwrap_or(0);
        let (sin, cos) = angle(at).sin_cos();
        let out = (
            places[*device].0 + cos * 62.0,
            places[*device].1 + sin * 62.0,
        );
        around(&mut places, &hypervisors, out, 17.0, angle(at) / TAU);
    }
    Layout {
        places,
        height,
        tiers: false,
    }
}

/// Nodes beneath a place, in lines.
fn beneath(places: &mut [(f64, f64)], nodes: &[usize], (x, y): (f64, f64)) {
    let columns = (nodes.len() as f64).sqrt().ceil().max(4.0) as usize;
    for (at, line) in nodes.chunks(columns).enumerate() {
        for (column, node) in line.iter().enumerate() {
            let aside = column as f64 - (line.len() as f64 - 1.0) / 2.0;
            places[*node] = (x + aside * CELL, y + 22.0 + at as f64 * CELL);
        }
    }
}

/// Nodes around a place: one circle after the other.
fn around(places: &mut [(f64, f64)], nodes: &[usize], middle: (f64, f64), radius: f64, turn: f64) {
    let mut rest = nodes;
    let mut circle = 0;
    while !rest.is_empty() {
        let radius = radius + f64::from(circle) * CELL;
        let fit = (TAU * radius / CELL).floor().max(1.0) as usize;
        let (here, further) = rest.split_at(fit.min(rest.len()));
        for (at, node) in here.iter().enumerate() {
            let angle = (at as f64 / here.len() as f64 + turn) * TAU;
            let (sin, cos) = angle.sin_cos();
            places[*node] = (middle.0 + cos * radius, middle.1 + sin * radius);
        }
        rest = further;
        circle += 1;
    }
}

fn class_of(health: Health) -> &'static str {
    match health {
        Health::Up => "up",
        Health::WasDown => "wasdown",
        Health::Down => "down",
    }
}

fn words_of(health: Health) -> &'static str {
    match health {
        Health::Up => "up",
        Health::WasDown => "up, was down for a time",
        Health::Down => "down",
    }
}

fn draw_links(drawing: &mut Drawing, topology: &Topology, layout: &Layout) {
    let carried = |link: &super::Link| link.forth.bytes + link.back.bytes;
    let most = topology.links.iter().map(carried).max().unwrap_or(0).max(1);
    let (thin, more) = if topology.links.len() > 300 {
        (0.5, 1.5)
    } else {
        (1.0, 3.5)
    };
    // What is not well is drawn last, so that it is seen.
    let mut links: Vec<&super::Link> = topology.links.iter().collect();
    links.sort_by_key(|link| link.health);
    for link in links {
        let (Some(from), Some(to)) = (layout.places.get(link.from), layout.places.get(link.to))
        else {
            continue;
        };
        let wide = thin + more * (carried(link) as f64 / most as f64).sqrt();
        let ((x1, y1), (x2, y2)) = (*from, *to);
        let class = class_of(link.health);
        let title = escape(&format!(
            "{} – {}: {}; {}, {} forth, {} back, {} packets lost",
            topology.nodes[link.from].name,
            topology.nodes[link.to].name,
            words_of(link.health),
            unit::time(link.delay),
            unit::bytes(link.forth.bytes),
            unit::bytes(link.back.bytes),
            unit::count(link.forth.dropped + link.back.dropped)
        ));
        drawing.add(format_args!(
            r#"<path d="M{x1:.1} {y1:.1}L{x2:.1} {y2:.1}" class="link {class}" stroke-width="{wide:.1}"><title>{title}</title></path>"#
        ));
        if link.health == Health::Down {
            let (x, y) = (f64::midpoint(x1, x2), f64::midpoint(y1, y2));
            cross(drawing, x, y);
        }
    }
}

fn cross(drawing: &mut Drawing, x: f64, y: f64) {
    drawing.add(format_args!(
        r#"<path d="M{:.1} {:.1}l9 9m0 -9l-9 9" class="cross"/>"#,
        x - 4.5,
        y - 4.5
    ));
}

/// The tunnels that are drawn, and whether they are all of them. Too many are drawn between racks: from one
/// hypervisor of each.
fn drawn_tunnels(topology: &Topology) -> (Vec<Tunnel>, bool) {
    if topology.tunnels.len() <= TUNNELS {
        return (topology.tunnels.clone(), true);
    }
    let rack = |node: usize| topology.nodes.get(node).and_then(|node| node.rack);
    let mut between: BTreeMap<(usize, usize), Tunnel> = BTreeMap::new();
    for tunnel in &topology.tunnels {
        let (Some(a), Some(b)) = (rack(tunnel.from), rack(tunnel.to)) else {
            continue;
        };
        if a != b {
            let drawn = between.entry((a.min(b), a.max(b))).or_insert(*tunnel);
            drawn.health = drawn.health.max(tunnel.health);
        }
    }
    match between.len() <= TUNNELS {
        true => (between.into_values().collect(), false),
        false => (Vec::new(), false),
    }
}

fn draw_tunnels(drawing: &mut Drawing, topology: &Topology, layout: &Layout) {
    let (mut tunnels, all) = drawn_tunnels(topology);
    tunnels.sort_by_key(|tunnel| tunnel.health);
    let deepest = layout.height - MARGIN / 2.0;
    // Arcs begin below the names.
    let below = if layout.tiers && hypervisors(topology) <= NAMED {
        24.0
    } else {
        0.0
    };
    for tunnel in tunnels {
        let ends = (layout.places.get(tunnel.from), layout.places.get(tunnel.to));
        let (Some((x1, y1)), Some((x2, y2))) = ends else {
            continue;
        };
        let (x, y) = if layout.tiers {
            let (bottom, reach) = (y1.max(*y2) + below, (x2 - x1).abs() / WIDTH);
            // A curve comes half as deep as the point that draws it.
            let depth = 12.0 + reach * (deepest - bottom - 12.0).max(0.0);
            (f64::midpoint(*x1, *x2), bottom + 2.0 * depth)
        } else {
            let (mx, my) = (f64::midpoint(*x1, *x2), f64::midpoint(*y1, *y2));
            (
                mx + (WIDTH / 2.0 - mx) * 0.25,
                my + (layout.height / 2.0 - my) * 0.25,
            )
        };
        let class = class_of(tunnel.health);
        let [from, to] = [tunnel.from, tunnel.to].map(|node| topology.nodes[node].name.as_str());
        let title = match all {
            true => format!(
                "tunnel {from} – {to}: {}, {} networks",
                words_of(tunnel.health),
                tunnel.networks
            ),
            false => format!(
                "tunnels between the racks of {from} and {to}: {}",
                words_of(tunnel.health)
            ),
        };
        let title = escape(&title);
        drawing.add(format_args!(
            r#"<path d="M{x1:.1} {:.1}Q{x:.1} {y:.1} {x2:.1} {:.1}" class="tunnel {class}"><title>{title}</title></path>"#,
            y1 + below,
            y2 + below
        ));
    }
}

fn draw_node(
    drawing: &mut Drawing,
    topology: &Topology,
    node: &Node,
    place: (f64, f64),
    tiers: bool,
) {
    let (x, y) = place;
    let class = class_of(node.health);
    let kind = match node.role {
        Role::Core => "core switch",
        Role::Spine => "spine",
        Role::Aggregation => "aggregation switch",
        Role::Leaf => "leaf",
        Role::Router => "site",
        Role::Hypervisor => "hypervisor",
    };
    let title = escape(&format!(
        "{} ({kind}): {}",
        node.name,
        words_of(node.health)
    ));
    let alike = topology
        .nodes
        .iter()
        .filter(|other| other.role == node.role)
        .count();
    if node.role == Role::Hypervisor {
        let small = if alike > 200 { 3.5 } else { 5.0 };
        drawing.add(format_args!(
            r#"<circle cx="{x:.1}" cy="{y:.1}" r="{small}" class="hypervisor {class}"><title>{title}</title></circle>"#
        ));
        if tiers && alike <= NAMED {
            drawing.label(x, y + 18.0, "middle", "name", &node.name);
        }
    } else {
        let (wide, high) = if alike > NAMED {
            (14.0, 10.0)
        } else {
            (26.0, 16.0)
        };
        drawing.add(format_args!(
            r#"<rect x="{:.1}" y="{:.1}" width="{wide}" height="{high}" rx="3" class="device {class}"><title>{title}</title></rect>"#,
            x - wide / 2.0,
            y - high / 2.0
        ));
        let beside = node.role == Role::Leaf;
        let room = (WIDTH - 2.0 * MARGIN) / alike as f64 - if beside { 36.0 } else { 8.0 };
        if !tiers || node.name.chars().count() as f64 * LETTER <= room {
            let (x, y, anchor) = if beside {
                (x + 18.0, y + 4.0, "start")
            } else {
                (x, y - 14.0, "middle")
            };
            drawing.label(x, y, anchor, "name", &node.name);
        }
    }
    if node.health == Health::Down {
        cross(drawing, x, y);
    }
}
