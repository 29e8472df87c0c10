//! What stands behind keys: times, rates, shares, counts, words, names of things, attributes of the API.
//!
//! A value is checked here as far as it can be alone; whether a name names something is checked by
//! [`super::cast`].

use ipnet::IpNet;
use rust_openflow::MacAddr;
use std::net::IpAddr;
use toml::Spanned;
use toml::de::DeValue;

use super::problem::{Found, choices};
use super::read::{Value, wrong};

impl Value for String {
    fn expected() -> String {
        "a text".to_owned()
    }

    fn read(value: &Spanned<DeValue<'_>>, found: &mut Found) -> Option<Self> {
        match value.get_ref().as_str() {
            Some(text) => Some(text.to_owned()),
            None => wrong(value, found),
        }
    }
}

impl Value for bool {
    fn expected() -> String {
        "true or false".to_owned()
    }

    fn read(value: &Spanned<DeValue<'_>>, found: &mut Found) -> Option<Self> {
        value.get_ref().as_bool().or_else(|| wrong(value, found))
    }
}

fn integer(value: &DeValue<'_>) -> Option<i64> {
    let number = value.as_integer()?;
    i64::from_str_radix(number.as_str(), number.radix()).ok()
}

fn float(value: &DeValue<'_>) -> Option<f64> {
    match value {
        DeValue::Float(number) => number.as_str().replace('_', "").parse().ok(),
        other => integer(other).map(|number| number as f64),
    }
}

impl Value for u64 {
    fn expected() -> String {
        "a whole number".to_owned()
    }

    fn read(value: &Spanned<DeValue<'_>>, found: &mut Found) -> Option<Self> {
        let number = integer(value.get_ref()).and_then(|number| u64::try_from(number).ok());
        number.or_else(|| wrong(value, found))
    }
}

/// How many things there are: at most a million.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Count(pub usize);

impl Value for Count {
    fn expected() -> String {
        "a number from 0 to 1000000".to_owned()
    }

    fn read(value: &Spanned<DeValue<'_>>, found: &mut Found) -> Option<Self> {
        let number = integer(value.get_ref()).and_then(|number| usize::try_from(number).ok());
        let number = number.filter(|number| *number <= 1_000_000);
        number.map(Count).or_else(|| wrong(value, found))
    }
}

/// A number with a unit: the units and what each is worth.
fn measured(text: &str, units: &[(&str, f64)]) -> Option<f64> {
    let text = text.trim();
    let end = text
        .find(|c: char| !(c.is_ascii_digit() || c == '.'))
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let (_, worth) = units.iter().find(|(name, _)| *name == unit.trim())?;
    let number: f64 = number.parse().ok()?;
    Some(number * worth).filter(|value| *value < 1e18)
}

/// A time or a duration, in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Time(pub u64);

const TIMES: &[(&str, f64)] = &[
    ("us", 1.0),
    ("ms", 1e3),
    ("s", 1e6),
    ("min", 60e6),
    ("h", 3600e6),
];

impl Time {
    fn of(text: &str) -> Option<Self> {
        measured(text, TIMES).map(|time| Self(time.round() as u64))
    }
}

impl Value for Time {
    fn expected() -> String {
        "a time such as \"5s\", \"200ms\", \"10us\"".to_owned()
    }

    fn read(value: &Spanned<DeValue<'_>>, found: &mut Found) -> Option<Self> {
        let time = value.get_ref().as_str().and_then(Self::of);
        time.or_else(|| wrong(value, found))
    }
}

/// A time, or from one to another, in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// The least.
    pub from: u64,
    /// The most.
    pub to: u64,
}

impl Value for Span {
    fn expected() -> String {
        "a time such as \"1ms\", or \"1ms..5ms\" for one by chance".to_owned()
    }

    fn read(value: &Spanned<DeValue<'_>>, found: &mut Found) -> Option<Self> {
        let text = value.get_ref().as_str();
        let span = text.and_then(|text| {
            let (from, to) = text.split_once("..").unwrap_or((text, text));
            let (Time(from), Time(to)) = (Time::of(from)?, Time::of(to)?);
            (from <= to).then_some(Self { from, to })
        });
        span.or_else(|| wrong(value, found))
    }
}

/// Bits per second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate(pub u64);

const RATES: &[(&str, f64)] = &[
    ("kbit/s", 1e3),
    ("Mbit/s", 1e6),
    ("Gbit/s", 1e9),
    ("k", 1e3),
    ("M", 1e6),
    ("G", 1e9),
];

impl Value for Rate {
    fn expected() -> String {
        "a rate such as \"10Gbit/s\" or \"100M\"".to_owned()
    }

    fn read(value: &Spanned<DeValue<'_>>, found: &mut Found) -> Option<Self> {
        let rate = value
            .get_ref()
            .as_str()
            .and_then(|text| measured(text, RATES));
        let rate = rate
            .filter(|rate| *rate >= 1.0)
            .map(|rate| Self(rate as u64));
        rate.or_else(|| wrong(value, found))
    }
}

/// A number of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bytes(pub u64);

const SIZES: &[(&str, f64)] = &[("B", 1.0), ("kB", 1e3), ("MB", 1e6), ("GB", 1e9)];

impl Value for Bytes {
    fn expected() -> String {
        "a size such as \"200B\", \"10MB\"".to_owned()
    }

    fn read(value: &Spanned<DeValue<'_>>, found: &mut Found) -> Option<Self> {
        let size = value
            .get_ref()
            .as_str()
            .and_then(|text| measured(text, SIZES));
        let size = size.map(|size| Self(size.round() as u64));
        size.or_else(|| wrong(value, found))
    }
}

/// A part of a whole, from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct Share(pub f64);

impl Value for Share {
    fn expected() -> String {
        "a share such as \"0.1%\" or 0.001".to_owned()
    }

    fn read(value: &Spanned<DeValue<'_>>, found: &mut Found) -> Option<Self> {
        let share = match value.get_ref().as_str() {
            Some(text) => measured(text, &[("%", 0.01)]),
            None => float(value.get_ref()),
        };
        let share = share.filter(|share| (0.0..=1.0).contains(share));
        share.map(Self).or_else(|| wrong(value, found))
    }
}

/// Degrees.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct Degrees(pub f64);

impl Value for Degrees {
    fn expected() -> String {
        "degrees from -180 to 180".to_owned()
    }

    fn read(value: &Spanned<DeValue<'_>>, found: &mut Found) -> Option<Self> {
        let degrees = float(value.get_ref()).filter(|degrees| degrees.abs() <= 180.0);
        degrees.map(Self).or_else(|| wrong(value, found))
    }
}

/// What is parsed from a text as such.
macro_rules! parsed {
    ($($type:ty, $expected:literal;)*) => {
        $(
            impl Value for $type {
                fn expected() -> String {
                    $expected.to_owned()
                }

                fn read(value: &Spanned<DeValue<'_>>, found: &mut Found) -> Option<Self> {
                    let text = value.get_ref().as_str();
                    text.and_then(|text| text.parse().ok()).or_else(|| wrong(value, found))
                }
            }
        )*
    };
}

parsed! {
    IpAddr, "an address such as \"10.0.0.5\"";
    IpNet, "a prefix such as \"10.0.0.0/24\"";
    MacAddr, "an Ethernet address such as \"fa:16:3e:00:00:01\"";
}

/// One of a few words.
macro_rules! words {
    ($($(#[doc = $about:literal])+ $name:ident { $($(#[doc = $doc:literal])+ $word:literal => $variant:ident,)+ })*) => {
        $(
            $(#[doc = $about])+
            #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
            pub enum $name { $($(#[doc = $doc])+ $variant,)+ }

            impl $name {
                /// Its word.
                #[must_use]
                pub fn word(self) -> &'static str {
                    match self { $(Self::$variant => $word,)+ }
                }
            }

            impl Value for $name {
                fn expected() -> String {
                    let words = [$(concat!("\"", $word, "\" (", $($doc,)+ ")")),+];
                    words.map(|word| word.replace("( ", "(").replace(".)", ")")).join(", ")
                }

                fn read(value: &Spanned<DeValue<'_>>, found: &mut Found) -> Option<Self> {
                    match value.get_ref().as_str() {
                        $(Some($word) => Some(Self::$variant),)+
                        Some(other) => {
                            let text = format!("'{other}' is unknown; {}", choices(other, [$($word),+]));
                            found.add(value.span().start, text);
                            None
                        }
                        None => wrong(value, found),
                    }
                }
            }
        )*
    };
}

words! {
    /// How machines are put on hypervisors.
    Placement {
        /// Each on the hypervisor that has the fewest.
        "spread" => Spread,
        /// All on the first one.
        "pack" => Pack,
        /// Each by chance.
        "random" => Random,
    }
    /// What runs in the place of a switch.
    Executor {
        /// A software switch that carries packets.
        "full" => Full,
        /// Remembers its flows and acknowledges; carries nothing.
        "thin" => Thin,
    }
    /// What a path is short in.
    Short {
        /// Time.
        "delay" => Delay,
        /// Links.
        "hops" => Hops,
    }
    /// What a device of an explicit list is.
    Tier {
        /// Upper tier of three.
        "core" => Core,
        /// Upper tier of two.
        "spine" => Spine,
        /// Middle tier of three.
        "aggregation" => Aggregation,
        /// Has hypervisors.
        "leaf" => Leaf,
        /// A site, has hypervisors.
        "router" => Router,
    }
    /// The encapsulation of networks that do not ask for one.
    Encapsulation {
        /// RFC 7348.
        "vxlan" => Vxlan,
        /// RFC 8926.
        "geneve" => Geneve,
        /// RFC 2890.
        "gre" => Gre,
    }
    /// What a database does.
    Health {
        /// Nothing comes back.
        "down" => Down,
        /// Everything takes longer.
        "slow" => Slow,
    }
    /// A figure of many values.
    Figure {
        /// Half are below.
        "p50" => P50,
        /// 90 of 100 are below.
        "p90" => P90,
        /// 99 of 100 are below.
        "p99" => P99,
        /// None is above.
        "max" => Max,
    }
    /// What is counted of what the controller sends.
    Message {
        /// Changes of flows.
        "flow-mods" => FlowMods,
        /// Bytes, on all connections.
        "bytes" => Bytes,
    }
    /// What the API can be told to create.
    Creation {
        /// A network of a tenant.
        "network" => Network,
        /// A subnet of a network.
        "subnet" => Subnet,
        /// A port of a network, without a machine.
        "port" => Port,
        /// A port with a machine that boots.
        "machine" => Machine,
    }
}

/// Names of things: patterns with `*`, each with the byte at which it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Names {
    /// The patterns.
    pub patterns: Vec<Pattern>,
}

/// A name that may contain `*`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    /// Its text.
    pub text: String,
    /// The byte of the file at which it begins.
    pub position: usize,
}

impl Pattern {
    /// Whether a path of names begins with what the pattern says, part by part.
    #[must_use]
    pub fn matches(&self, path: &str) -> bool {
        let mut parts = path.split('/');
        self.text
            .split('/')
            .all(|pattern| parts.next().is_some_and(|part| fits(pattern, part)))
    }
}

impl Pattern {
    /// Whether a pattern names a path itself, not what is above it.
    #[must_use]
    pub fn is_of(&self, path: &str) -> bool {
        self.text.split('/').count() == path.split('/').count() && self.matches(path)
    }
}

/// Whether a name is what a pattern says, where `*` stands for anything.
fn fits(pattern: &str, name: &str) -> bool {
    let mut pieces = pattern.split('*');
    let Some(mut rest) = pieces.next().and_then(|first| name.strip_prefix(first)) else {
        return false;
    };
    let mut pieces: Vec<&str> = pieces.collect();
    let Some(last) = pieces.pop() else {
        return rest.is_empty();
    };
    for piece in pieces {
        match rest.find(piece) {
            Some(at) => rest = &rest[at + piece.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

fn read_names(value: &Spanned<DeValue<'_>>) -> Option<Names> {
    let one = |value: &Spanned<DeValue<'_>>| {
        let text = value.get_ref().as_str()?.to_owned();
        let position = value.span().start;
        Some(Pattern { text, position })
    };
    let patterns = match value.get_ref().as_array() {
        Some(items) => items.iter().map(one).collect::<Option<Vec<_>>>()?,
        None => vec![one(value)?],
    };
    (!patterns.is_empty()).then_some(Names { patterns })
}

/// Names of one kind of thing each.
macro_rules! names {
    ($($(#[doc = $doc:literal])+ $name:ident, $expected:literal;)*) => {
        $(
            $(#[doc = $doc])+
            #[derive(Debug, Clone, PartialEq, Eq)]
            pub struct $name(pub Names);

            impl Value for $name {
                fn expected() -> String {
                    $expected.to_owned()
                }

                fn read(value: &Spanned<DeValue<'_>>, found: &mut Found) -> Option<Self> {
                    read_names(value).map(Self).or_else(|| wrong(value, found))
                }
            }
        )*
    };
}

names! {
    /// Machines, by tenant, network and own name.
    Machines, "machines: \"red\", \"red/web\", \"red/web/vm1\", with * for anything, or a list";
    /// Hypervisors.
    Hypervisors, "hypervisors: \"hv1\", \"hv*\", or a list";
    /// Racks.
    Racks, "racks: \"rack1\", \"rack*\", or a list";
    /// Whatever can be down.
    Elements, "devices, hypervisors, links \"leaf1 - spine1\", racks \"rack1\" with all that is in them, or a list";
    /// A controller, or hypervisors.
    Processes, "\"controller\", or hypervisors whose switch is meant, or a list";
    /// Rows of the API.
    Rows, "networks \"red/web\", machines' ports \"red/web/vm1\", subnets \"red/web/subnet1\", or a list";
    /// A tenant or a network.
    Parent, "a tenant \"red\" or a network \"red/web\"";
    /// Workloads.
    Workloads, "workloads by name, or a list";
}

/// Attributes of a row of the API, as the API takes them.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Attributes {
    /// Values by name.
    pub values: serde_json::Map<String, serde_json::Value>,
    /// Names with the bytes at which they stand.
    pub positions: Vec<(String, usize)>,
}

impl Value for Attributes {
    fn expected() -> String {
        "a table of attributes as the API takes them, such as { mtu = 1400 }".to_owned()
    }

    fn read(value: &Spanned<DeValue<'_>>, found: &mut Found) -> Option<Self> {
        let Some(table) = value.get_ref().as_table() else {
            return wrong(value, found);
        };
        let mut attributes = Self::default();
        for (key, value) in table {
            let name = key.get_ref().to_string();
            attributes.positions.push((name.clone(), key.span().start));
            attributes.values.insert(name, json(value.get_ref()));
        }
        Some(attributes)
    }
}

/// A value of TOML in JSON.
fn json(value: &DeValue<'_>) -> serde_json::Value {
    match value {
        DeValue::String(text) => text.to_string().into(),
        DeValue::Integer(_) => integer(value).into(),
        DeValue::Float(_) => float(value).into(),
        DeValue::Boolean(truth) => (*truth).into(),
        DeValue::Datetime(time) => time.to_string().into(),
        DeValue::Array(items) => items.iter().map(|item| json(item.get_ref())).collect(),
        DeValue::Table(table) => table
            .iter()
            .map(|(key, value)| (key.get_ref().to_string(), json(value.get_ref())))
            .collect::<serde_json::Map<_, _>>()
            .into(),
    }
}

/// A link of an explicit list: two names and what it is like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ends {
    /// One end.
    pub from: String,
    /// The other.
    pub to: String,
}

impl Value for Ends {
    fn expected() -> String {
        "two devices such as \"leaf1 - spine1\"".to_owned()
    }

    fn read(value: &Spanned<DeValue<'_>>, found: &mut Found) -> Option<Self> {
        let ends = value
            .get_ref()
            .as_str()
            .and_then(|text| text.split_once(" - "));
        let ends = ends.map(|(from, to)| Self {
            from: from.trim().to_owned(),
            to: to.trim().to_owned(),
        });
        ends.or_else(|| wrong(value, found))
    }
}
