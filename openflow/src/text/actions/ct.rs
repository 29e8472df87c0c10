//! Connection tracking as text: `ct(commit,zone=5,nat(src=10.0.0.1),exec(...))`.

use super::{parenthesized, parse, parse_list, parse_subfield, print_list, subfield};
use crate::Action;
use crate::TableId;
use crate::action::{Actions, CT_COMMIT, CT_FORCE, CT_NO_TABLE, NatRange, Oxm32, Subfield, Zone};
use crate::text::Names;
use crate::text::scan::{self, Read, Wrong};
use crate::text::value::{ipv6, push};

/// Protocol helpers of connection tracking: port and name.
const HELPERS: &[(u16, &str)] = &[(21, "ftp"), (69, "tftp")];

/// Flags of address translation (`NX_NAT_F_*`) that stand after the range.
const NAT_FLAGS: &[(u16, &str)] = &[(4, "persistent"), (8, "hash"), (16, "random")];
const NAT_SRC: u16 = 1;
const NAT_DST: u16 = 2;

/// What a `ct` action says.
pub(super) struct Ct<'a> {
    pub(super) flags: u16,
    pub(super) zone: Zone,
    pub(super) table: u8,
    pub(super) alg: u16,
    pub(super) actions: &'a Actions,
}

pub(super) fn print_ct(out: &mut String, ct: &Ct<'_>, names: &Names) {
    let mut parts = Vec::new();
    if ct.flags & CT_COMMIT != 0 {
        parts.push("commit".to_owned());
    }
    if ct.flags & CT_FORCE != 0 {
        parts.push("force".to_owned());
    }
    if ct.table != CT_NO_TABLE {
        parts.push(format!("table={}", names.table(TableId(ct.table))));
    }
    match &ct.zone {
        Zone::Number(0) => {}
        Zone::Number(zone) => parts.push(format!("zone={zone}")),
        Zone::Field(field, bits) => {
            let source = subfield(&Subfield::packed(field.0, *bits));
            parts.push(format!("zone={source}"));
        }
    }
    let mut rest = ct.actions.as_slice();
    if let [Action::Nat { flags, range }, after @ ..] = rest {
        let mut text = String::new();
        print_nat(&mut text, *flags, range);
        parts.push(text);
        rest = after;
    }
    if !rest.is_empty() {
        let mut text = "exec(".to_owned();
        print_list(&mut text, rest, names);
        parts.push(text + ")");
    } else if ct.actions.is_too_deep() {
        parts.push("exec(...)".to_owned());
    }
    if ct.alg != 0 {
        parts.push(match HELPERS.iter().find(|row| row.0 == ct.alg) {
            Some((_, name)) => format!("alg={name}"),
            None => format!("alg={}", ct.alg),
        });
    }
    out.push_str("ct");
    parenthesized(out, &parts);
}

pub(super) fn print_nat(out: &mut String, flags: u16, nat: &NatRange) {
    out.push_str("nat");
    let direction = match flags & (NAT_SRC | NAT_DST) {
        0 => return,
        flags if flags & NAT_SRC != 0 => "src",
        _ => "dst",
    };
    let range = |first: String, last: Option<String>| match last {
        Some(last) => format!("{first}-{last}"),
        None => first,
    };
    let mut target = match (nat.ipv4_min, nat.ipv6_min) {
        (Some(first), _) => range(first.to_string(), nat.ipv4_max.map(|last| last.to_string())),
        (None, Some(first)) => {
            let last = nat.ipv6_max;
            let show = |address| match nat.proto_min {
                Some(_) => format!("[{}]", ipv6(address)),
                None => ipv6(address),
            };
            range(show(first), last.map(show))
        }
        (None, None) => String::new(),
    };
    if let Some(first) = nat.proto_min {
        let ports = range(
            first.to_string(),
            nat.proto_max.map(|last| last.to_string()),
        );
        push(&mut target, format_args!(":{ports}"));
    }
    if target.is_empty() {
        // Flags say how to choose from a range.
        parenthesized(out, &[direction.to_owned()]);
        return;
    }
    let mut parts = vec![format!("{direction}={target}")];
    let set = NAT_FLAGS.iter().filter(|row| flags & row.0 != 0);
    parts.extend(set.map(|row| row.1.to_owned()));
    parenthesized(out, &parts);
}

pub(super) fn parse_ct<'a>(text: &'a str, names: &Names, depth: u8) -> Read<'a, Action> {
    let (mut flags, mut zone, mut table, mut alg) = (0, Zone::Number(0), CT_NO_TABLE, 0);
    let mut actions = Vec::new();
    for item in scan::items(text)? {
        let plain = || item.plain("a value, after '='");
        match item.key {
            "commit" | "force" => {
                item.alone("no value")?;
                flags |= match item.key {
                    "commit" => CT_COMMIT,
                    _ => CT_FORCE,
                };
            }
            "table" => table = names.read_table(plain()?)?.0,
            "zone" => zone = parse_zone(plain()?)?,
            "nat" => actions.insert(0, parse(&item, names, depth)?),
            "exec" => {
                let text = item.arguments("actions in parentheses")?;
                actions.extend(parse_list(text, names, depth + 1)?);
            }
            "alg" => alg = parse_helper(plain()?)?,
            key => {
                let expected = "commit, force, table, zone, nat, exec or alg";
                return Err(Wrong::new(key, expected));
            }
        }
    }
    Ok(Action::Ct {
        flags,
        zone,
        recirc_table: table,
        alg,
        actions: actions.into(),
    })
}

fn parse_zone(text: &str) -> Read<'_, Zone> {
    if text.starts_with(|c: char| c.is_ascii_digit()) {
        return scan::u16(text).map(Zone::Number);
    }
    let source = parse_subfield(text)?;
    if source.bits != 16 {
        return Err(Wrong::new(text, "a number, or 16 bits of a field"));
    }
    Ok(Zone::Field(Oxm32(source.field), source.ofs_nbits()))
}

fn parse_helper(text: &str) -> Read<'_, u16> {
    match HELPERS.iter().find(|row| row.1 == text) {
        Some((port, _)) => Ok(*port),
        None => scan::u16(text).map_err(|_| Wrong::new(text, "ftp, tftp or a port")),
    }
}

pub(super) fn parse_nat(text: &str) -> Read<'_, Action> {
    let mut flags = 0;
    let mut nat = NatRange::default();
    for item in scan::items(text)? {
        match item.key {
            "src" | "dst" => {
                flags |= if item.key == "src" { NAT_SRC } else { NAT_DST };
                if item.separator.is_some() {
                    parse_range(&mut nat, item.plain("an address, after '='")?)?;
                }
            }
            key => {
                let Some((bit, _)) = NAT_FLAGS.iter().find(|row| row.1 == key) else {
                    return Err(Wrong::new(key, "src, dst, persistent, hash or random"));
                };
                item.alone("no value")?;
                flags |= bit;
            }
        }
    }
    if flags & NAT_SRC != 0 && flags & NAT_DST != 0 {
        return Err(Wrong::new(text, "either src or dst"));
    }
    Ok(Action::Nat {
        flags,
        range: Box::new(nat),
    })
}

/// Reads `ADDRESS[-ADDRESS][:PORT[-PORT]]`; IPv6 addresses stand in brackets before ports.
fn parse_range<'a>(nat: &mut NatRange, text: &'a str) -> Read<'a, ()> {
    let bracketed = text.starts_with('[');
    let colons = text.matches(':').count();
    let (addresses, ports) = match text.rfind(if bracketed { "]:" } else { ":" }) {
        Some(at) if bracketed => (&text[..=at], Some(&text[at + 2..])),
        Some(at) if colons == 1 => (&text[..at], Some(&text[at + 1..])),
        _ => (text, None),
    };
    if !addresses.is_empty() {
        let (first, last) = range(addresses);
        if addresses.contains(':') {
            let read = |text: &'a str| {
                let inner = text
                    .strip_prefix('[')
                    .and_then(|rest| rest.strip_suffix(']'));
                let address = inner.unwrap_or(text).parse();
                address.map_err(|_| Wrong::new(text, "an IPv6 address"))
            };
            (nat.ipv6_min, nat.ipv6_max) = (Some(read(first)?), last.map(read).transpose()?);
        } else {
            let read = |text: &'a str| {
                let address = text.parse();
                address.map_err(|_| Wrong::new(text, "an IPv4 address"))
            };
            (nat.ipv4_min, nat.ipv4_max) = (Some(read(first)?), last.map(read).transpose()?);
        }
    }
    if let Some(ports) = ports {
        let (first, last) = range(ports);
        nat.proto_min = Some(scan::u16(first)?);
        nat.proto_max = last.map(scan::u16).transpose()?;
    }
    Ok(())
}

fn range(text: &str) -> (&str, Option<&str>) {
    match text.split_once('-') {
        Some((first, last)) => (first, Some(last)),
        None => (text, None),
    }
}
