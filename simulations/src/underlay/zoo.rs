//! Reads WANs in the GraphML of the Internet Topology Zoo (Knight et al., 2011): nodes with a label and
//! coordinates, edges between them.
//!
//! A node is a site with a router. A line's delay is that of light in fibre along the great circle; where a
//! coordinate is missing it is the delay given for all links. Everything else in the file is passed over.

use std::collections::BTreeMap;

use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, XmlVersion};

use super::graph::{Graph, Link, NodeId, Position, Role, Wrong};

/// A node as the file gives it.
#[derive(Debug, Default)]
struct City {
    id: String,
    label: Option<String>,
    latitude: Option<f64>,
    longitude: Option<f64>,
}

/// What the file holds, of what is of use here.
#[derive(Debug, Default)]
struct Atlas {
    /// The names of attributes, by the ids that stand for them.
    keys: BTreeMap<String, String>,
    cities: Vec<City>,
    /// Ends by id, and bits per second.
    lines: Vec<(String, String, Option<u64>)>,
}

/// What a `data` element belongs to.
enum Inside {
    Nothing,
    City,
    Line,
}

/// The plan of a WAN.
pub(super) fn wan(text: &str, link: Link) -> Result<Graph, Wrong> {
    let atlas = read(text)?;
    if atlas.cities.is_empty() {
        return Err(Wrong::new(
            "graphml",
            "a GraphML file with nodes",
            "one without",
        ));
    }
    let mut graph = Graph::default();
    let mut nodes: BTreeMap<&str, NodeId> = BTreeMap::new();
    for city in &atlas.cities {
        let node = graph.add(&name(&graph, city), Role::Router, position(city)?)?;
        graph.site(node);
        if nodes.insert(&city.id, node).is_some() {
            return Err(Wrong::new(
                "graphml",
                "a different id for each node",
                &city.id,
            ));
        }
    }
    for (a, b, rate) in &atlas.lines {
        let end = |id: &String| {
            let unknown = || Wrong::new("graphml", "edges between nodes of the file", id);
            nodes.get(id.as_str()).copied().ok_or_else(unknown)
        };
        let (a, b) = (end(a)?, end(b)?);
        // Some files draw a ring of a site's own equipment.
        if a != b {
            let line = Link {
                delay: delay(&graph, a, b).unwrap_or(link.delay),
                rate: link.rate.or(*rate),
                ..link
            };
            graph.link(a, b, line)?;
        }
    }
    Ok(graph)
}

fn delay(graph: &Graph, a: NodeId, b: NodeId) -> Option<u64> {
    let (a, b) = (graph.node(a).position?, graph.node(b).position?);
    Some(a.delay_to(b))
}

fn position(city: &City) -> Result<Option<Position>, Wrong> {
    let (Some(latitude), Some(longitude)) = (city.latitude, city.longitude) else {
        return Ok(None);
    };
    let on_earth = (-90.0..=90.0).contains(&latitude) && (-180.0..=180.0).contains(&longitude);
    if !on_earth {
        let found = format!("{latitude}, {longitude}");
        return Err(Wrong::new(
            "graphml",
            "coordinates on earth, in degrees",
            found,
        ));
    }
    Ok(Some(Position {
        latitude,
        longitude,
    }))
}

/// A name that nobody else has: labels of such files repeat.
fn name(graph: &Graph, city: &City) -> String {
    let label = city
        .label
        .as_deref()
        .map(str::trim)
        .filter(|label| !label.is_empty());
    let label = label.unwrap_or(&city.id);
    let numbered = (2u64..).map(|number| format!("{label} {number}"));
    std::iter::once(label.to_owned())
        .chain(numbered)
        .find(|name| graph.named(name).is_none())
        .unwrap_or_default()
}

fn read(text: &str) -> Result<Atlas, Wrong> {
    let mut reader = Reader::from_str(text);
    let mut atlas = Atlas::default();
    let mut inside = Inside::Nothing;
    let mut key: Option<String> = None;
    let mut value = String::new();
    let mut depth = 0_usize;
    loop {
        let event = reader
            .read_event()
            .map_err(|error| unreadable(text, &reader, &error))?;
        match &event {
            Event::Start(_) => depth += 1,
            Event::End(_) => depth = depth.saturating_sub(1),
            _ => {}
        }
        match event {
            Event::Start(start) => match start.name().as_ref() {
                "data" => {
                    key = attribute(&start, "key");
                    value.clear();
                }
                _ => inside = open(&mut atlas, &start, inside),
            },
            Event::Empty(start) => {
                open(&mut atlas, &start, Inside::Nothing);
            }
            Event::Text(text) => value.push_str(&text),
            Event::GeneralRef(entity) => value.push_str(&resolved(&entity)),
            Event::End(end) => match end.name().as_ref() {
                "data" => {
                    if let Some(key) = key.take() {
                        note(&mut atlas, &inside, &key, value.trim());
                    }
                }
                "node" | "edge" => inside = Inside::Nothing,
                _ => {}
            },
            Event::Eof if depth > 0 => {
                let expected = "a file whose elements all end";
                return Err(Wrong::new("graphml", expected, "one that is cut off"));
            }
            Event::Eof => return Ok(atlas),
            _ => {}
        }
    }
}

/// An element with attributes begins; what data that follow belong to.
fn open(atlas: &mut Atlas, start: &BytesStart<'_>, inside: Inside) -> Inside {
    match start.name().as_ref() {
        "key" => {
            if let (Some(id), Some(name)) = (attribute(start, "id"), attribute(start, "attr.name"))
            {
                atlas.keys.insert(id, name);
            }
            inside
        }
        "node" => {
            let id = attribute(start, "id").unwrap_or_default();
            atlas.cities.push(City {
                id,
                ..City::default()
            });
            Inside::City
        }
        "edge" => {
            let end = |name| attribute(start, name).unwrap_or_default();
            atlas.lines.push((end("source"), end("target"), None));
            Inside::Line
        }
        _ => inside,
    }
}

/// Takes a value to what it belongs to.
fn note(atlas: &mut Atlas, inside: &Inside, key: &str, value: &str) {
    let Some(name) = atlas.keys.get(key) else {
        return;
    };
    match (inside, name.as_str()) {
        (Inside::City, name) => {
            let Some(city) = atlas.cities.last_mut() else {
                return;
            };
            match name {
                "label" => city.label = Some(value.to_owned()),
                "Latitude" => city.latitude = value.parse().ok(),
                "Longitude" => city.longitude = value.parse().ok(),
                _ => {}
            }
        }
        (Inside::Line, "LinkSpeedRaw") => {
            if let Some((_, _, rate)) = atlas.lines.last_mut() {
                let number: Option<f64> = value.parse().ok();
                *rate = number.filter(|rate| *rate >= 1.0).map(|rate| rate as u64);
            }
        }
        _ => {}
    }
}

fn attribute(start: &BytesStart<'_>, name: &str) -> Option<String> {
    let found = start.try_get_attribute(name).ok().flatten()?;
    let value = found.normalized_value(XmlVersion::Implicit1_0).ok()?;
    Some(value.into_owned())
}

/// The character that an entity stands for; of named ones only the five that XML defines.
fn resolved(entity: &quick_xml::events::BytesRef<'_>) -> String {
    if let Ok(Some(character)) = entity.resolve_char_ref() {
        return character.to_string();
    }
    quick_xml::escape::resolve_predefined_entity(entity)
        .unwrap_or_default()
        .to_owned()
}

fn unreadable(text: &str, reader: &Reader<&[u8]>, error: &quick_xml::Error) -> Wrong {
    let at = usize::try_from(reader.error_position()).unwrap_or(usize::MAX);
    let line = text.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1;
    Wrong::new(
        "graphml",
        "well-formed XML",
        format!("line {line}: {error}"),
    )
}
