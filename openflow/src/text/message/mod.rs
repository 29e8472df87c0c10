//! Whole messages as text, as `ovs-ofctl ofp-print` writes them: `OFPT_FLOW_MOD (OF1.3) (xid=0x6): ADD ...`.
//!
//! Flows and packets are in `flows` and `packets`, groups and meters in `groups`, ports and what their queues did in
//! `ports`, what queues promise in `queues`, which changes of flows are told in `monitors`, what else comes unasked in
//! `asynchronous`, errors in `errors`, tables in `tables`, what only Nicira has in `nicira`, the rest in `control`. What
//! none of them writes is written as its plain form, `name=value, ...`. Nothing reads messages again.

mod asynchronous;
mod control;
mod errors;
mod flows;
mod groups;
mod monitors;
mod nicira;
mod packets;
mod ports;
mod queues;
mod tables;

use super::Names;
use super::scan::hex;
use super::value::push;
use crate::action::NICIRA;
use crate::message::{Header, Message, ONF, Reply, Request};
use crate::record::Value;
use crate::{MeterId, Version};

/// What is written with every message.
#[derive(Clone, Copy)]
struct Context<'a> {
    version: Version,
    names: &'a Names,
    /// How many messages are around it.
    depth: u8,
}

/// Writes a message. What is longer than a line goes on behind its first, without a line's end.
pub(super) fn print(out: &mut String, header: &Header, message: &Message, names: &Names) {
    let version = Version::from_wire(header.version).unwrap_or(Version::V1_5);
    let context = Context {
        version,
        names,
        depth: 0,
    };
    print_in(out, header, message, context);
}

/// Writes a message that is inside another.
fn print_deeper(out: &mut String, header: &Header, message: &Message, around: Context<'_>) {
    let context = Context {
        version: Version::from_wire(header.version).unwrap_or(Version::V1_5),
        names: around.names,
        depth: around.depth + 1,
    };
    print_in(out, header, message, context);
}

fn print_in(out: &mut String, header: &Header, message: &Message, context: Context<'_>) {
    let version = context.version;
    print_title(out, header, Title::of(message, version));
    let start = out.len();
    let done = match message {
        Message::MultipartRequest(part) => print_request(out, &part.request, context),
        Message::MultipartReply(part) => print_reply(out, &part.reply, context),
        other => {
            flows::print(out, other, context)
                || packets::print(out, other, context)
                || groups::print(out, other, context)
                || ports::print(out, other, context)
                || queues::print(out, other, context)
                || nicira::print(out, other)
                || asynchronous::print(out, other, version)
                || control::print(out, other, context)
        }
    };
    if !done {
        print_members(out, &message.body_value(version));
    }
    let written = start + out[start..].trim_end().len();
    out.truncate(written);
}

fn print_request(out: &mut String, request: &Request, context: Context<'_>) -> bool {
    flows::print_request(out, request, context)
        || groups::print_request(out, request)
        || ports::print_request(out, request, context)
        || monitors::print_request(out, request, context)
        || tables::print_request(out, request, context)
        || control::print_request(request)
}

fn print_reply(out: &mut String, reply: &Reply, context: Context<'_>) -> bool {
    flows::print_reply(out, reply, context)
        || groups::print_reply(out, reply, context)
        || ports::print_reply(out, reply, context)
        || queues::print_reply(out, reply, context)
        || monitors::print_reply(out, reply, context)
        || nicira::print_reply(out, reply)
        || tables::print_reply(out, reply, context)
        || control::print_reply(out, reply, context)
}

/// What stands in a message's title.
#[derive(Clone, Copy)]
struct Title {
    /// Whose message it is.
    vendor: Option<u32>,
    /// Its name; none is its number.
    name: &'static str,
    /// What stands before the name, after the sign of the vendor.
    of: &'static str,
    /// What stands after the name.
    direction: &'static str,
}

impl Title {
    fn of(message: &Message, version: Version) -> Self {
        let part = match message {
            Message::MultipartRequest(part) => part.request.row().map(|row| (row, " request")),
            Message::MultipartReply(part) => part.reply.row().map(|row| (row, " reply")),
            _ => None,
        };
        let (code, name, of, direction) = match (part, message.kind()) {
            (Some((row, direction)), _) => (row.code(version), row.first_name(), "ST", direction),
            (None, Some(kind)) => (kind.code(version), kind.row().name, "T", ""),
            (None, None) => (None, "", "T", ""),
        };
        Self {
            vendor: code.and_then(|code| code.vendor),
            name,
            of,
            direction,
        }
    }
}

fn print_title(out: &mut String, header: &Header, title: Title) {
    let prefix = match title.vendor {
        Some(NICIRA) => "NX",
        Some(ONF) => "ONF",
        _ => "OFP",
    };
    // The vendor is said already.
    let name = title.name;
    let own = name.strip_prefix("nx_").or(name.strip_prefix("onf_"));
    match own.unwrap_or(name) {
        "" => push(out, format_args!("OFPT_{}", header.kind)),
        own => {
            let (of, direction) = (title.of, title.direction);
            let name = own.to_uppercase();
            push(out, format_args!("{prefix}{of}_{name}{direction}"));
        }
    }
    match Version::from_wire(header.version) {
        Some(Version::V1_0) => {}
        Some(version) => push(out, format_args!(" (OF{version})")),
        None => push(out, format_args!(" (OF {:#04x})", header.version)),
    }
    push(out, format_args!(" (xid={:#x}):", header.xid));
}

/// Writes a time in seconds: `5.000000256s`.
fn print_time(out: &mut String, seconds: u32, nanoseconds: u32) {
    push(out, format_args!("{seconds}"));
    if nanoseconds != 0 {
        let fraction = format!("{nanoseconds:09}");
        push(out, format_args!(".{}", fraction.trim_end_matches('0')));
    }
    out.push('s');
}

/// A counter, `?` for one that is not kept.
fn count(count: u64) -> String {
    match count {
        u64::MAX => "?".to_owned(),
        count => count.to_string(),
    }
}

/// The names of bits, and the bits without a name as one number; `0` for none.
fn bit_names(bits: u32, names: &[(u32, &str)]) -> String {
    let set = names.iter().filter(|row| bits & row.0 != 0);
    let mut parts: Vec<String> = set.map(|row| row.1.to_owned()).collect();
    let rest = bits & !names.iter().fold(0, |all, row| all | row.0);
    if rest != 0 || parts.is_empty() {
        parts.push(hex(rest.into()));
    }
    parts.join(" ")
}

/// The names of bits; those without one are left out.
fn known(bits: u32, names: &[(u32, &str)]) -> String {
    let all = names.iter().fold(0, |all, row| all | row.0);
    bit_names(bits & all, names)
}

/// A meter by its name or number.
fn meter_name(meter: MeterId) -> String {
    match meter {
        MeterId::SLOWPATH => "slowpath".to_owned(),
        MeterId::CONTROLLER => "controller".to_owned(),
        MeterId::ALL => "all".to_owned(),
        MeterId(number) => number.to_string(),
    }
}

/// Writes what an object says.
fn print_members(out: &mut String, body: &Value) {
    out.push(' ');
    match body {
        Value::Object(members) => {
            for (at, (name, value)) in members.iter().enumerate() {
                if at > 0 {
                    out.push_str(", ");
                }
                push(out, format_args!("{name}="));
                print_value(out, value);
            }
        }
        other => print_value(out, other),
    }
}

fn print_value(out: &mut String, value: &Value) {
    match value {
        Value::Null => out.push_str("none"),
        Value::Bool(yes) => push(out, format_args!("{yes}")),
        Value::Number(number) => push(out, format_args!("{number}")),
        Value::Text(text) if is_word(text) => out.push_str(text),
        Value::Text(text) => push(out, format_args!("{text:?}")),
        Value::List(list) => {
            out.push('[');
            for (at, value) in list.iter().enumerate() {
                if at > 0 {
                    out.push_str(", ");
                }
                print_value(out, value);
            }
            out.push(']');
        }
        Value::Object(_) => {
            out.push('{');
            let start = out.len();
            print_members(out, value);
            // What stands inside begins without a space.
            out.remove(start);
            out.push('}');
        }
    }
}

/// Whether a text is read as one word.
fn is_word(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.:/".contains(&byte);
    !text.is_empty() && text.bytes().all(plain)
}
