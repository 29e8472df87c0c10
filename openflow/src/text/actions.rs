//! Actions as text, in the form of `ovs-ofctl dump-flows`.
//!
//! Actions that the table does not know are written as `unknown:0x...` with their header.

use bytes::Bytes;

use super::Names;
use super::scan::{self, Item, Read, Wrong};
use super::value::{self, Place, ipv6, push};
use crate::action::{Action, Ct, MAX_NESTING, Nat, Subfield, ToController, Zone};
use crate::field::NXM_0;
use crate::message::PacketInReason;
use crate::{Field, FieldValue, GroupId, MeterId, PortNo, TableId};

/// Protocol helpers of connection tracking: port and name.
const HELPERS: &[(u16, &str)] = &[(21, "ftp"), (69, "tftp")];

/// Flags of address translation (`NX_NAT_F_*`) that stand after the range.
const NAT_FLAGS: &[(u16, &str)] = &[(4, "persistent"), (8, "hash"), (16, "random")];
const NAT_SRC: u16 = 1;
const NAT_DST: u16 = 2;

/// Actions of OpenFlow 1.0 that set a field.
const SETTERS: &[(&str, Field)] = &[
    ("mod_dl_src", Field::EthSrc),
    ("mod_dl_dst", Field::EthDst),
    ("mod_nw_src", Field::Ipv4Src),
    ("mod_nw_dst", Field::Ipv4Dst),
    ("mod_nw_ecn", Field::IpEcn),
    ("set_tunnel", Field::TunnelId),
    ("set_tunnel64", Field::TunnelId),
    ("set_mpls_label", Field::MplsLabel),
    ("set_mpls_tc", Field::MplsTc),
    ("set_mpls_ttl", Field::MplsTtl),
];

/// Writes a list of actions, `drop` for none.
pub(super) fn print_list(out: &mut String, actions: &[Action], names: &Names) {
    if actions.is_empty() {
        out.push_str("drop");
    }
    for (at, action) in actions.iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        print(out, action, names);
    }
}

fn print(out: &mut String, action: &Action, names: &Names) {
    match action {
        Action::Output {
            port: PortNo::CONTROLLER,
            max_len,
        } => {
            push(out, format_args!("CONTROLLER:{max_len}"));
        }
        Action::Output { port, .. } => match port.reserved_name() {
            Some(name) => out.push_str(name),
            None => push(out, format_args!("output:{}", names.port(*port))),
        },
        Action::Group(GroupId(group)) => push(out, format_args!("group:{group}")),
        Action::PushVlan(ethertype) => push(out, format_args!("push_vlan:0x{ethertype:04x}")),
        Action::PopVlan => out.push_str("pop_vlan"),
        Action::SetQueue(queue) => push(out, format_args!("set_queue:{queue}")),
        Action::SetTtl(ttl) => push(out, format_args!("mod_nw_ttl:{ttl}")),
        Action::DecTtl => out.push_str("dec_ttl"),
        Action::SetField(field) => {
            out.push_str("set_field:");
            value::print(out, field, names, Place::Action);
            let row = field.field.row();
            let name = match field.class {
                Some(NXM_0) if field.field == Field::InPort => row.in_match,
                _ => row.name,
            };
            push(out, format_args!("->{name}"));
        }
        Action::Move {
            source,
            destination,
        } => {
            let (source, destination) = (subfield(source), subfield(destination));
            push(out, format_args!("move:{source}->{destination}"));
        }
        Action::Meter(MeterId(meter)) => push(out, format_args!("meter:{meter}")),
        Action::Resubmit { port, table } => resubmit(out, *port, *table, names),
        Action::Controller(to) => controller(out, to),
        Action::Push(source) => push(out, format_args!("push:{}", subfield(source))),
        Action::Pop(destination) => push(out, format_args!("pop:{}", subfield(destination))),
        Action::Conjunction { id, clause, of } => {
            push(out, format_args!("conjunction({id},{clause}/{of})"));
        }
        Action::Ct(ct) => print_ct(out, ct, names),
        Action::Nat(nat) => print_nat(out, nat),
        Action::CtClear => out.push_str("ct_clear"),
        Action::Clone(actions) => {
            out.push_str("clone(");
            print_list(out, actions, names);
            out.push(')');
        }
        Action::CheckPktLarger { limit, destination } => {
            let destination = subfield(destination);
            push(
                out,
                format_args!("check_pkt_larger({limit})->{destination}"),
            );
        }
        Action::Unknown(bytes) => {
            push(out, format_args!("unknown:{}", super::bytes_as_hex(bytes)));
        }
    }
}

fn subfield(subfield: &Subfield) -> String {
    let name = subfield.field.code_name();
    let (first, bits) = (subfield.offset, subfield.bits);
    if *subfield == Subfield::whole(subfield.field) {
        format!("{name}[]")
    } else if bits == 1 {
        format!("{name}[{first}]")
    } else {
        format!("{name}[{first}..{}]", (first + bits).saturating_sub(1))
    }
}

/// The table that stands for the one the packet is in.
const SAME_TABLE: u8 = 255;

fn resubmit(out: &mut String, port: PortNo, table: u8, names: &Names) {
    if port != PortNo::IN_PORT && table == SAME_TABLE {
        push(out, format_args!("resubmit:{}", names.port(port)));
        return;
    }
    out.push_str("resubmit(");
    if port != PortNo::IN_PORT {
        push(out, format_args!("{}", names.port(port)));
    }
    out.push(',');
    if table != SAME_TABLE {
        push(out, format_args!("{}", names.table(TableId(table))));
    }
    out.push(')');
}

/// Appends `(part,part)`.
fn parenthesized(out: &mut String, parts: &[String]) {
    push(out, format_args!("({})", parts.join(",")));
}

fn controller(out: &mut String, to: &ToController) {
    let plain = ToController {
        max_len: to.max_len,
        ..ToController::default()
    };
    if *to == plain {
        push(out, format_args!("CONTROLLER:{}", to.max_len));
        return;
    }
    let mut parts = Vec::new();
    if to.reason != plain.reason {
        parts.push(match PacketInReason(to.reason).name() {
            Some(name) => format!("reason={name}"),
            None => format!("reason={}", to.reason),
        });
    }
    if to.max_len != u16::MAX {
        parts.push(format!("max_len={}", to.max_len));
    }
    if to.controller_id != 0 {
        parts.push(format!("id={}", to.controller_id));
    }
    if !to.userdata.is_empty() {
        let bytes: Vec<String> = to
            .userdata
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        parts.push(format!("userdata={}", bytes.join(".")));
    }
    if to.pause {
        parts.push("pause".to_owned());
    }
    if let Some(MeterId(meter)) = to.meter {
        parts.push(format!("meter_id={meter}"));
    }
    out.push_str("controller");
    parenthesized(out, &parts);
}

fn print_ct(out: &mut String, ct: &Ct, names: &Names) {
    let mut parts = Vec::new();
    if ct.commit {
        parts.push("commit".to_owned());
    }
    if ct.force {
        parts.push("force".to_owned());
    }
    if let Some(table) = ct.table {
        parts.push(format!("table={}", names.table(TableId(table))));
    }
    match &ct.zone {
        Zone::Number(0) => {}
        Zone::Number(zone) => parts.push(format!("zone={zone}")),
        Zone::Field(field) => parts.push(format!("zone={}", subfield(field))),
    }
    let mut rest = ct.actions.as_slice();
    if let [Action::Nat(nat), after @ ..] = rest {
        let mut text = String::new();
        print_nat(&mut text, nat);
        parts.push(text);
        rest = after;
    }
    if !rest.is_empty() {
        let mut text = "exec(".to_owned();
        print_list(&mut text, rest, names);
        parts.push(text + ")");
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

fn print_nat(out: &mut String, nat: &Nat) {
    out.push_str("nat");
    let direction = match nat.flags & (NAT_SRC | NAT_DST) {
        0 => return,
        flags if flags & NAT_SRC != 0 => "src",
        _ => "dst",
    };
    let range = |first: String, last: Option<String>| match last {
        Some(last) => format!("{first}-{last}"),
        None => first,
    };
    let mut target = match (nat.ipv4, nat.ipv6) {
        (Some((first, last)), _) => range(first.to_string(), last.map(|last| last.to_string())),
        (None, Some((first, last))) => {
            let show = |address| match nat.ports {
                Some(_) => format!("[{}]", ipv6(address)),
                None => ipv6(address),
            };
            range(show(first), last.map(show))
        }
        (None, None) => String::new(),
    };
    if let Some((first, last)) = nat.ports {
        let ports = range(first.to_string(), last.map(|last| last.to_string()));
        push(&mut target, format_args!(":{ports}"));
    }
    let mut parts = vec![match target.as_str() {
        "" => direction.to_owned(),
        target => format!("{direction}={target}"),
    }];
    let set = NAT_FLAGS.iter().filter(|row| nat.flags & row.0 != 0);
    parts.extend(set.map(|row| row.1.to_owned()));
    parenthesized(out, &parts);
}

/// Reads a list of actions. `drop` stands alone.
pub(super) fn parse_list<'a>(text: &'a str, names: &Names, depth: u8) -> Read<'a, Vec<Action>> {
    if depth > MAX_NESTING {
        return Err(Wrong::new(text, "actions that nest less deeply"));
    }
    let items = scan::items(text)?;
    if let Some(drop) = items.iter().find(|item| item.key == "drop") {
        drop.alone("no value")?;
        return match items.len() {
            1 => Ok(Vec::new()),
            _ => Err(Wrong::new(drop.key, "no other action beside drop")),
        };
    }
    items.iter().map(|item| parse(item, names, depth)).collect()
}

/// Reads one action.
pub(super) fn parse<'a>(item: &Item<'a>, names: &Names, depth: u8) -> Read<'a, Action> {
    if let Some((_, field)) = SETTERS.iter().find(|row| row.0 == item.key) {
        let text = item.plain("a value, after ':'")?;
        return value::parse(*field, text, names).map(Action::SetField);
    }
    let plain = || item.plain("a value, after ':'");
    let arguments = || item.arguments("arguments in parentheses");
    let bare = |action| item.alone("no value").map(|()| action);
    match item.key {
        "output" => output(plain()?, names),
        "group" => Ok(Action::Group(GroupId(scan::u32(plain()?)?))),
        "push_vlan" => Ok(Action::PushVlan(scan::u16(plain()?)?)),
        "pop_vlan" | "strip_vlan" => bare(Action::PopVlan),
        "set_queue" => Ok(Action::SetQueue(scan::u32(plain()?)?)),
        "mod_nw_ttl" => Ok(Action::SetTtl(scan::u8(plain()?)?)),
        "dec_ttl" => bare(Action::DecTtl),
        "set_field" => parse_set_field(plain()?, names),
        "load" => parse_load(plain()?),
        "move" => parse_move(plain()?),
        "meter" => Ok(Action::Meter(MeterId(scan::u32(plain()?)?))),
        "resubmit" => parse_resubmit(item, names),
        "push" => Ok(Action::Push(parse_subfield(plain()?)?)),
        "pop" => Ok(Action::Pop(parse_subfield(plain()?)?)),
        "conjunction" => parse_conjunction(arguments()?),
        "ct" if item.separator.is_none() => parse_ct(item.value, names, depth),
        "ct" => parse_ct(arguments()?, names, depth),
        "nat" if item.separator.is_none() => Ok(Action::Nat(Box::default())),
        "nat" => parse_nat(arguments()?),
        "ct_clear" => bare(Action::CtClear),
        "clone" => parse_list(arguments()?, names, depth + 1).map(Action::Clone),
        "check_pkt_larger" => parse_check_pkt_larger(item),
        "unknown" => Ok(Action::Unknown(Bytes::from(super::hex_as_bytes(plain()?)?))),
        _ => parse_port(item, names),
    }
}

/// Reads `NORMAL`, `CONTROLLER:128`, `controller(...)`, `7` or a port's name.
fn parse_port<'a>(item: &Item<'a>, names: &Names) -> Read<'a, Action> {
    if item.key.eq_ignore_ascii_case("controller") {
        return match item.separator {
            Some('(') => parse_controller(item.arguments("nothing after controller(...)")?),
            Some(_) => to_controller(scan::u16(item.value)?),
            None => to_controller(u16::MAX),
        };
    }
    let port = names
        .read_port(item.key)
        .map_err(|_| Wrong::new(item.key, "an action"))?;
    item.alone("no value")?;
    Ok(Action::output(port))
}

fn to_controller<'a>(max_len: u16) -> Read<'a, Action> {
    Ok(Action::Output {
        port: PortNo::CONTROLLER,
        max_len,
    })
}

fn output<'a>(text: &'a str, names: &Names) -> Read<'a, Action> {
    match names.read_port(text)? {
        PortNo::CONTROLLER => to_controller(u16::MAX),
        port => Ok(Action::output(port)),
    }
}

/// Parts a text at its last arrow.
fn arrow<'a>(text: &'a str) -> Read<'a, (&'a str, &'a str)> {
    text.rsplit_once("->")
        .ok_or_else(|| Wrong::new(text, "'->' and where to"))
}

fn parse_set_field<'a>(text: &'a str, names: &Names) -> Read<'a, Action> {
    let (text, name) = arrow(text)?;
    let field = field_name(name)?.0;
    let value = value::parse(field, text, names)?;
    let class = (field == Field::InPort && name == field.row().in_match).then_some(NXM_0);
    Ok(Action::SetField(FieldValue { class, ..value }))
}

/// Reads `load:VALUE->SUBFIELD` as the setting of a field under a mask.
fn parse_load(text: &str) -> Read<'_, Action> {
    let (text, destination) = arrow(text)?;
    let to = parse_subfield(destination)?;
    let ones = u128::MAX >> (128 - to.bits);
    let value = scan::number(text, ones)?;
    let (value, mask) = (value << to.offset, ones << to.offset);
    Ok(Action::SetField(FieldValue::masked(to.field, value, mask)))
}

fn parse_move(text: &str) -> Read<'_, Action> {
    let (source, destination) = arrow(text)?;
    let (from, to) = (parse_subfield(source)?, parse_subfield(destination)?);
    if from.bits != to.bits {
        let expected = format!("{} bits, as many as are copied", from.bits);
        return Err(Wrong::new(destination, expected));
    }
    Ok(Action::Move {
        source: from,
        destination: to,
    })
}

/// A field by its own name or that of one of its code points, and its bits there.
fn field_name(name: &str) -> Read<'_, (Field, u16)> {
    if let Some((field, code)) = Field::from_code_name(name) {
        let bits = field.row().bits.min(u16::from(code.bytes) * 8);
        return Ok((field, bits));
    }
    Field::from_name(name)
        .map(|field| (field, field.row().bits))
        .ok_or_else(|| Wrong::new(name, "the name of a field"))
}

/// Reads `FIELD[]`, `FIELD[bit]`, `FIELD[first..last]` or `FIELD`.
fn parse_subfield(text: &str) -> Read<'_, Subfield> {
    let (name, range) = match text.split_once('[') {
        None => (text, ""),
        Some((name, rest)) => match rest.strip_suffix(']') {
            Some(range) => (name, range),
            None => return Err(Wrong::new(rest, "a closing bracket")),
        },
    };
    let (field, bits) = field_name(name)?;
    let (first, last) = match range.split_once("..") {
        None if range.is_empty() => (0, bits - 1),
        None => (scan::u16(range)?, scan::u16(range)?),
        Some((first, last)) => (scan::u16(first)?, scan::u16(last)?),
    };
    if first > last || last >= bits {
        return Err(Wrong::new(range, format!("bits among 0..{}", bits - 1)));
    }
    Ok(Subfield::new(field, first, last - first + 1))
}

fn parse_resubmit<'a>(item: &Item<'a>, names: &Names) -> Read<'a, Action> {
    if item.separator != Some('(') {
        let port = names.read_port(item.plain("a port, after ':'")?)?;
        return Ok(Action::Resubmit {
            port,
            table: SAME_TABLE,
        });
    }
    let text = item.arguments("nothing after resubmit(...)")?;
    let (port, table) = text.split_once(',').unwrap_or((text, ""));
    let port = match port.trim() {
        "" => PortNo::IN_PORT,
        port => names.read_port(port)?,
    };
    let table = match table.trim() {
        "" => SAME_TABLE,
        table => names.read_table(table)?.0,
    };
    Ok(Action::Resubmit { port, table })
}

fn parse_conjunction(text: &str) -> Read<'_, Action> {
    let parts = text
        .split_once(',')
        .and_then(|(id, rest)| Some((id, rest.split_once('/')?)));
    let Some((id, (clause, of))) = parts else {
        return Err(Wrong::new(text, "ID,CLAUSE/OF"));
    };
    let (number, count) = (scan::u8(clause.trim())?, scan::u8(of.trim())?);
    if number == 0 || number > count {
        return Err(Wrong::new(
            clause,
            "a clause from 1 to the number of clauses",
        ));
    }
    let id = scan::u32(id.trim())?;
    Ok(Action::Conjunction {
        id,
        clause: number,
        of: count,
    })
}

fn parse_check_pkt_larger<'a>(item: &Item<'a>) -> Read<'a, Action> {
    let limit = match item.separator {
        Some('(') => scan::u16(item.value)?,
        _ => return Err(Wrong::new(item.key, "a limit in parentheses")),
    };
    let Some(destination) = item.tail.strip_prefix("->") else {
        return Err(Wrong::new(item.tail, "'->' and one bit of a field"));
    };
    let bit = parse_subfield(destination)?;
    if bit.bits != 1 {
        return Err(Wrong::new(destination, "one bit of a field"));
    }
    Ok(Action::CheckPktLarger {
        limit,
        destination: bit,
    })
}

fn parse_controller(text: &str) -> Read<'_, Action> {
    let mut to = ToController::default();
    for item in scan::items(text)? {
        let plain = || item.plain("a value, after '='");
        match item.key {
            "reason" => to.reason = parse_reason(plain()?)?,
            "max_len" => to.max_len = scan::u16(plain()?)?,
            "id" => to.controller_id = scan::u16(plain()?)?,
            "userdata" => to.userdata = Bytes::from(super::hex_as_bytes(plain()?)?),
            "pause" => {
                item.alone("no value")?;
                to.pause = true;
            }
            "meter_id" => to.meter = Some(MeterId(scan::u32(plain()?)?)),
            key => {
                let expected = "reason, max_len, id, userdata, pause or meter_id";
                return Err(Wrong::new(key, expected));
            }
        }
    }
    let plain = ToController {
        max_len: to.max_len,
        ..ToController::default()
    };
    if to == plain {
        return to_controller(to.max_len);
    }
    Ok(Action::Controller(to))
}

fn parse_reason(text: &str) -> Read<'_, u8> {
    let mut named = (0..=u8::MAX).filter(|reason| PacketInReason(*reason).name() == Some(text));
    match named.next() {
        Some(reason) => Ok(reason),
        None => scan::u8(text).map_err(|_| Wrong::new(text, "a number, or a reason of packet-ins")),
    }
}

fn parse_ct<'a>(text: &'a str, names: &Names, depth: u8) -> Read<'a, Action> {
    let mut ct = Ct {
        commit: false,
        force: false,
        zone: Zone::Number(0),
        table: None,
        alg: 0,
        actions: Vec::new(),
    };
    for item in scan::items(text)? {
        let plain = || item.plain("a value, after '='");
        match item.key {
            "commit" | "force" => {
                item.alone("no value")?;
                ct.commit |= item.key == "commit";
                ct.force |= item.key == "force";
            }
            "table" => ct.table = Some(names.read_table(plain()?)?.0),
            "zone" => ct.zone = parse_zone(plain()?)?,
            "nat" => ct.actions.insert(0, parse(&item, names, depth)?),
            "exec" => {
                let text = item.arguments("actions in parentheses")?;
                ct.actions.extend(parse_list(text, names, depth + 1)?);
            }
            "alg" => ct.alg = parse_helper(plain()?)?,
            key => {
                let expected = "commit, force, table, zone, nat, exec or alg";
                return Err(Wrong::new(key, expected));
            }
        }
    }
    Ok(Action::Ct(Box::new(ct)))
}

fn parse_zone(text: &str) -> Read<'_, Zone> {
    if text.starts_with(|c: char| c.is_ascii_digit()) {
        return scan::u16(text).map(Zone::Number);
    }
    let source = parse_subfield(text)?;
    if source.bits != 16 {
        return Err(Wrong::new(text, "a number, or 16 bits of a field"));
    }
    Ok(Zone::Field(source))
}

fn parse_helper(text: &str) -> Read<'_, u16> {
    match HELPERS.iter().find(|row| row.1 == text) {
        Some((port, _)) => Ok(*port),
        None => scan::u16(text).map_err(|_| Wrong::new(text, "ftp, tftp or a port")),
    }
}

fn parse_nat(text: &str) -> Read<'_, Action> {
    let mut nat = Nat::default();
    for item in scan::items(text)? {
        match item.key {
            "src" | "dst" => {
                nat.flags |= if item.key == "src" { NAT_SRC } else { NAT_DST };
                if item.separator.is_some() {
                    parse_range(&mut nat, item.plain("an address, after '='")?)?;
                }
            }
            key => {
                let Some((flag, _)) = NAT_FLAGS.iter().find(|row| row.1 == key) else {
                    return Err(Wrong::new(key, "src, dst, persistent, hash or random"));
                };
                item.alone("no value")?;
                nat.flags |= flag;
            }
        }
    }
    if nat.flags & NAT_SRC != 0 && nat.flags & NAT_DST != 0 {
        return Err(Wrong::new(text, "either src or dst"));
    }
    Ok(Action::Nat(Box::new(nat)))
}

/// Reads `ADDRESS[-ADDRESS][:PORT[-PORT]]`; IPv6 addresses stand in brackets before ports.
fn parse_range<'a>(nat: &mut Nat, text: &'a str) -> Read<'a, ()> {
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
            nat.ipv6 = Some((read(first)?, last.map(read).transpose()?));
        } else {
            let read = |text: &'a str| {
                let address = text.parse();
                address.map_err(|_| Wrong::new(text, "an IPv4 address"))
            };
            nat.ipv4 = Some((read(first)?, last.map(read).transpose()?));
        }
    }
    if let Some(ports) = ports {
        let (first, last) = range(ports);
        nat.ports = Some((scan::u16(first)?, last.map(scan::u16).transpose()?));
    }
    Ok(())
}

fn range(text: &str) -> (&str, Option<&str>) {
    match text.split_once('-') {
        Some((first, last)) => (first, Some(last)),
        None => (text, None),
    }
}
