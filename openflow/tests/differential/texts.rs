//! In what the texts of messages differ, and why.

use std::ops::RangeInclusive;

use rust_openflow::Version;
use rust_openflow::Version::{V1_0, V1_1, V1_3, V1_4, V1_5};

use crate::ofctl::Release;
use crate::{EVER, UNTIL_3_2};

/// Whose text it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    /// This crate's.
    Ours,
    /// Open vSwitch's.
    Theirs,
    /// Either.
    Both,
}

/// A change that makes texts alike: of which messages (all when none is named), in which versions, in which releases
/// of Open vSwitch, whose text, what becomes of it beside the other, and why.
pub(crate) type Change = (
    &'static [&'static str],
    RangeInclusive<Version>,
    RangeInclusive<Release>,
    Side,
    fn(&str, &str) -> String,
    &'static str,
);

const PACKETS: &[&str] = &[
    "packet_in",
    "nx_packet_in",
    "packet_in2",
    "resume",
    "packet_out",
    "bundle_add_message",
];

/// Fields of tunnels and connections.
const UNSHOWN: &[&str] = &[
    "tun_erspan_",
    "gtpu_",
    "tun_gbp_flags=",
    "tun_flags=",
    "ct_tp_",
];

/// Of made-up messages.
pub(crate) const CHANGES: &[Change] = &[
    (
        &["ct_flush"],
        V1_0..=V1_5,
        UNTIL_3_2,
        Side::Ours,
        |text, _| without(&without(text, " mark="), " labels="),
        "it knows no marks and labels",
    ),
    (
        &["flow_mod"],
        V1_0..=V1_0,
        EVER,
        Side::Both,
        |text, _| without_field(text, "priority="),
        "in 1.0 a match of everything comes before all others, whatever its priority says",
    ),
    (
        &["flow_mod", "bundle_add_message"],
        V1_1..=V1_5,
        EVER,
        Side::Ours,
        |text, _| without(text, " out_group:"),
        "it does not show the group that flows must output to",
    ),
    (
        PACKETS,
        V1_0..=V1_5,
        EVER,
        Side::Ours,
        |text, _| without(text, " data="),
        "it shows what it reads in the packet",
    ),
    (
        PACKETS,
        V1_0..=V1_5,
        EVER,
        Side::Ours,
        |text, _| {
            text.replace("(via 6)", "(via )")
                .replace("(via 7)", "(via )")
        },
        "it has reasons 6 and 7 of its own, without names",
    ),
    (
        PACKETS,
        V1_0..=V1_5,
        EVER,
        Side::Theirs,
        |text, _| lines(text, |line| line.starts_with([' ', 'O', 'N'])),
        "the same",
    ),
    (
        &["echo_request", "echo_reply"],
        V1_0..=V1_5,
        EVER,
        Side::Theirs,
        |text, _| lines(text, |line| line.starts_with('O')),
        "it shows the bytes",
    ),
    (
        &["hello"],
        V1_0..=V1_5,
        EVER,
        Side::Theirs,
        |text, _| {
            lines(text, |line| {
                line.starts_with('O') || line.contains("bitmap")
            })
        },
        "it shows the bytes of what it does not know",
    ),
    (
        &[],
        V1_0..=V1_1,
        EVER,
        Side::Both,
        network,
        "a match of 1.0 may ask for fields that its packets do not have, which it shows; in 1.1 it knows no IPv6",
    ),
    (
        &[],
        V1_0..=V1_1,
        EVER,
        Side::Ours,
        |text, _| text.replace("vlan_tci=0x0000/0x1fff", "vlan_tci=0x0000"),
        "no tag and no priority is one in 1.0",
    ),
    (
        &["port_status", "multipart_reply port_desc", "features_reply"],
        V1_0..=V1_0,
        EVER,
        Side::Theirs,
        |text, _| {
            text.replace("LINK_DOWN", " LINK_DOWN")
                .replace("  LINK", " LINK")
        },
        "it forgets a space",
    ),
    (
        &[],
        V1_0..=V1_5,
        EVER,
        Side::Both,
        |text, _| {
            let named = without_nameless(text);
            let shown = UNSHOWN
                .iter()
                .fold(named, |text, name| without_field(&text, name));
            // Where no field is left.
            shown.replace("  actions=", " actions=")
        },
        "it does not show these fields, or not all of their masks, or not without what they need",
    ),
    (
        PACKETS,
        V1_0..=V1_5,
        EVER,
        Side::Both,
        shared_metadata,
        "it leaves out fields that it does not know, and calls those that a packet cannot have otherwise",
    ),
    (
        &["packet_in2", "resume"],
        V1_0..=V1_5,
        EVER,
        Side::Both,
        |text, _| without(text, " total_len="),
        "it takes a length of zero for none",
    ),
    (
        &["error"],
        V1_0..=V1_5,
        EVER,
        Side::Ours,
        |text, other| match text.contains("of vendor 0x00000000") {
            true => other.to_owned(),
            false => text.to_owned(),
        },
        "it takes a vendor of zero for the standard",
    ),
    (
        &["table_mod"],
        V1_4..=V1_5,
        EVER,
        Side::Both,
        |text, _| without(text, ", eviction"),
        "it takes what decides which flow gives way for whether any does",
    ),
    (
        &["multipart_reply table"],
        V1_1..=V1_1,
        EVER,
        Side::Both,
        |text, _| {
            let part =
                |line: &str| line.contains("actions: ") || line.ends_with("Actions features:");
            lines(text, |line| !part(line))
        },
        "it takes the actions that can be written for those that can be applied",
    ),
    (
        &["multipart_reply port_stats"],
        V1_4..=V1_5,
        EVER,
        Side::Theirs,
        |text, _| {
            let parts = [
                "OFPST_",
                "  port ",
                "           tx pkts=",
                "           duration=",
            ];
            lines(text, |line| parts.iter().any(|part| line.starts_with(part)))
        },
        "it shows the counters of a vendor",
    ),
    (
        &[
            "nx_flow_mod",
            "bundle_add_message",
            "multipart_reply nx_flow_monitor",
        ],
        V1_1..=V1_5,
        EVER,
        Side::Both,
        |text, _| {
            let lines: Vec<&str> = text.lines().map(|line| before(line, "actions=")).collect();
            lines.join("\n")
        },
        "it reads instructions where nicira-ext.h has actions, and actions where its switch writes instructions",
    ),
    (
        &[],
        V1_0..=V1_5,
        EVER,
        Side::Both,
        |text, _| {
            let calls = ["resubmit(", "learn(", "bundle_load(", "controller("];
            let text = without(text, "resubmit:").replace("->in_port_oxm", "->in_port");
            calls
                .iter()
                .fold(text, |text, call| without_call(&text, call))
        },
        "the differences of actions, which are known by themselves",
    ),
];

/// Of what tables can do.
pub(crate) const ABILITIES: &[Change] = &[(
    &["multipart_reply table_features"],
    V1_3..=V1_5,
    UNTIL_3_2,
    Side::Both,
    |text, _| {
        let is_cut = |word: &&str| word.starts_with("tun_") || word.starts_with("ct_");
        let line = |line: &str| {
            let words: Vec<&str> = line.split(' ').filter(|word| !is_cut(word)).collect();
            words.join(" ")
        };
        text.lines().map(line).collect::<Vec<_>>().join("\n")
    },
    "of names that begin alike it leaves out as much as the first two share, which is more than the others have",
)];

/// The rows with which both texts of a message become alike, or what is left of them.
pub(crate) fn alike(
    rows: &[Change],
    name: &str,
    (version, release): (Version, Release),
    [ours, theirs]: [&str; 2],
) -> Result<Vec<usize>, [String; 2]> {
    let (mut ours, mut theirs) = (tidy(ours), tidy(theirs));
    let mut made = Vec::new();
    for (at, (of, versions, releases, side, change, _)) in rows.iter().enumerate() {
        if ours == theirs {
            break;
        }
        let about = of.is_empty() || of.contains(&name);
        if !about || !versions.contains(&version) || !releases.contains(&release) {
            continue;
        }
        let before = (ours.clone(), theirs.clone());
        if *side != Side::Theirs {
            ours = tidy(&change(&ours, &theirs));
        }
        if *side != Side::Ours {
            theirs = tidy(&change(&theirs, &ours));
        }
        if before != (ours.clone(), theirs.clone()) {
            made.push(at);
        }
    }
    match ours == theirs {
        true => Ok(made),
        false => Err([ours, theirs]),
    }
}

/// The text without spaces where lines end.
fn tidy(text: &str) -> String {
    let lines: Vec<&str> = text.trim_end().lines().map(str::trim_end).collect();
    lines.join("\n")
}

/// Without words that begin so.
fn without(text: &str, start: &str) -> String {
    let mut rest = text;
    let mut out = String::new();
    while let Some((head, tail)) = rest.split_once(start) {
        out.push_str(head);
        let end = tail.find([' ', '\n', ',', ')']).unwrap_or(tail.len());
        rest = &tail[end..];
    }
    out + rest
}

/// Without fields of a match whose names begin so, and the comma that parts each from the next.
fn without_field(text: &str, start: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(start) {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        if !out.ends_with([',', ' ']) {
            // The end of another name.
            out.push_str(start);
            rest = &rest[start.len()..];
            continue;
        }
        rest = &rest[rest.find([',', ' ', '\n']).unwrap_or(rest.len())..];
        match rest.strip_prefix(',') {
            Some(next) => rest = next,
            None if out.ends_with(',') => drop(out.pop()),
            None => {}
        }
    }
    out + rest
}

/// With those fields of a packet only that the other shows too.
fn shared_metadata(text: &str, other: &str) -> String {
    let parts = |text: &str| {
        let (head, tail) = text.split_once(" total_len=")?;
        let (length, tail) = tail.split_once(' ')?;
        let (fields, tail) = tail.split_once("(via")?;
        let fields: Vec<String> = fields.trim_end().split(',').map(str::to_owned).collect();
        Some((
            format!("{head} total_len={length} "),
            fields,
            format!(" (via{tail}"),
        ))
    };
    let (Some((head, mut own, tail)), Some((_, others, _))) = (parts(text), parts(other)) else {
        return text.to_owned();
    };
    own.retain(|field| others.contains(field));
    head + &own.join(",") + &tail
}

/// Without signs of bits that have no name.
fn without_nameless(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((head, tail)) = rest.split_once('[') {
        let Some((bit, tail)) = tail.split_once(']') else {
            break;
        };
        let flag = head.ends_with(['+', '-']) && bit.bytes().all(|digit| digit.is_ascii_hexdigit());
        match flag {
            true => out.push_str(&head[..head.len() - 1]),
            false => out.push_str(&format!("{head}[{bit}]")),
        }
        rest = tail;
    }
    let all = without_field(&(out + rest), "ct_state=,");
    without_field(&all, "ct_state= ")
}

/// Without arguments in parentheses.
fn without_call(text: &str, start: &str) -> String {
    let mut rest = text;
    let mut out = String::new();
    while let Some((head, tail)) = rest.split_once(start) {
        out.push_str(head);
        rest = tail.split_once(')').map_or("", |(_, rest)| rest);
    }
    out + rest
}

/// Those lines that are to be kept.
fn lines(text: &str, keep: impl Fn(&str) -> bool) -> String {
    let kept: Vec<&str> = text.lines().filter(|line| keep(line)).collect();
    kept.join("\n")
}

fn before<'a>(text: &'a str, end: &str) -> &'a str {
    text.split(end).next().unwrap_or_default()
}

/// Without the fields of network and transport.
fn network(text: &str, _: &str) -> String {
    let names = [
        "nw_src=",
        "nw_dst=",
        "nw_proto=",
        "nw_tos=",
        "tp_src=",
        "tp_dst=",
        "arp_op=",
        "arp_spa=",
        "arp_tpa=",
        "icmp_type=",
        "icmp_code=",
    ];
    names
        .iter()
        .fold(text.to_owned(), |text, name| without_field(&text, name))
}
