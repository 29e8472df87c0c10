//! Whole messages as text, as `ovs-ofctl ofp-print` writes them: `OFPT_FLOW_MOD (OF1.3) (xid=0x6): ADD ...`.
//!
//! Flows, groups, meters and packets to send have the syntax of `ovs-ofctl`. What other messages say is written
//! as its plain form, `name=value, ...`; nothing reads that again.

use super::value::push;
use super::{Names, actions, flow, group, matches, meter};
use crate::action::NICIRA;
use crate::message::{
    FlowCommand, FlowFlags, FlowMod, FlowStats, GroupCommand, Header, Message, MeterCommand,
    NO_BUFFER, PacketOut, Reply, Stat,
};
use crate::record::{Plain, Value};
use crate::{GroupId, PortNo, TableId, Version};

/// Writes a message. Flows of a reply follow on lines of their own, after a space.
pub(super) fn print(out: &mut String, header: &Header, message: &Message, names: &Names) {
    let version = Version::from_wire(header.version).unwrap_or(Version::V1_5);
    print_title(out, header, message, version);
    let start = out.len();
    match message {
        Message::FlowMod(flow) => print_flow_mod(out, flow, names),
        Message::GroupMod(change) => {
            push(out, format_args!(" {} ", group_command(change.command)));
            group::print(out, change, names);
        }
        Message::MeterMod(change) => {
            push(out, format_args!(" {} ", meter_command(change.command)));
            meter::print(out, change);
        }
        Message::PacketOut(packet) => print_packet_out(out, packet, names),
        Message::MultipartReply(part) if let Reply::Flow(flows) = &part.reply => {
            for flow in flows {
                print_flow_stats(out, flow, names);
            }
        }
        Message::Error(error) => push(out, format_args!(" {error}")),
        other => print_members(out, &other.body_value(version)),
    }
    // The title alone.
    if out.len() == start + 1 {
        out.pop();
    }
}

fn print_title(out: &mut String, header: &Header, message: &Message, version: Version) {
    let kind = message.kind();
    let code = kind.and_then(|kind| kind.code(version));
    let prefix = match code {
        Some(code) if code.vendor == Some(NICIRA) => "NXT",
        _ => "OFPT",
    };
    let name = match message {
        Message::MultipartRequest(part) => part.request.row().map(|row| (row, " request")),
        Message::MultipartReply(part) => part.reply.row().map(|row| (row, " reply")),
        _ => None,
    };
    match (name, kind) {
        (Some((row, direction)), _) => {
            let name = row.first_name().to_uppercase();
            push(out, format_args!("OFPST_{name}{direction}"));
        }
        (None, Some(kind)) => {
            push(
                out,
                format_args!("{prefix}_{}", kind.row().name.to_uppercase()),
            );
        }
        (None, None) => push(out, format_args!("OFPT_{}", header.kind)),
    }
    match Version::from_wire(header.version) {
        Some(Version::V1_0) => {}
        Some(version) => push(out, format_args!(" (OF{version})")),
        None => push(out, format_args!(" (OF {:#04x})", header.version)),
    }
    push(out, format_args!(" (xid={:#x}):", header.xid));
}

fn print_flow_mod(out: &mut String, flow: &FlowMod, names: &Names) {
    out.push(' ');
    match flow.command {
        FlowCommand::ADD => out.push_str("ADD"),
        FlowCommand::MODIFY => out.push_str("MOD"),
        FlowCommand::MODIFY_STRICT => out.push_str("MOD_STRICT"),
        FlowCommand::DELETE => out.push_str("DEL"),
        FlowCommand::DELETE_STRICT => out.push_str("DEL_STRICT"),
        FlowCommand(other) => push(out, format_args!("cmd:{other}")),
    }
    if flow.table != TableId(0) || names.tables.contains_key(&flow.table) {
        push(out, format_args!(" table:{}", names.table(flow.table)));
    }
    out.push(' ');
    flow::print_rule(out, flow.priority, &flow.matches, names);
    if flow.cookie != 0 || flow.cookie_mask != 0 {
        push(out, format_args!("cookie:{:#x}", flow.cookie));
        if flow.cookie_mask != 0 {
            push(out, format_args!("/{:#x}", flow.cookie_mask));
        }
        out.push(' ');
    }
    for (name, seconds) in [("idle", flow.idle_timeout), ("hard", flow.hard_timeout)] {
        if seconds != 0 {
            push(out, format_args!("{name}:{seconds} "));
        }
    }
    if flow.importance != 0 {
        push(out, format_args!("importance:{} ", flow.importance));
    }
    if flow.buffer_id != NO_BUFFER {
        push(out, format_args!("buf:{:#x} ", flow.buffer_id));
    }
    if flow.out_port != PortNo::ANY {
        push(out, format_args!("out_port:{} ", names.port(flow.out_port)));
    }
    if flow.out_group != GroupId::ANY {
        push(out, format_args!("out_group:{} ", flow.out_group.0));
    }
    print_flags(out, flow.flags);
    out.push_str("actions=");
    flow::print_instructions(out, &flow.instructions, names);
}

/// The names of flags in `ovs-ofctl`.
const FLAGS: [(FlowFlags, &str); 5] = [
    (FlowFlags::SEND_FLOW_REMOVED, "send_flow_rem"),
    (FlowFlags::CHECK_OVERLAP, "check_overlap"),
    (FlowFlags::RESET_COUNTS, "reset_counts"),
    (FlowFlags::NO_PACKET_COUNTS, "no_packet_counts"),
    (FlowFlags::NO_BYTE_COUNTS, "no_byte_counts"),
];

fn print_flags(out: &mut String, flags: FlowFlags) {
    let mut rest = flags.0;
    for (_, name) in FLAGS.iter().filter(|(flag, _)| flags.0 & flag.0 != 0) {
        push(out, format_args!("{name} "));
    }
    for (flag, _) in FLAGS {
        rest &= !flag.0;
    }
    if rest != 0 {
        push(out, format_args!("flags:{rest:#x} "));
    }
}

fn print_flow_stats(out: &mut String, flow: &FlowStats, names: &Names) {
    push(out, format_args!("\n cookie={:#x}", flow.cookie));
    let mut table = Some(flow.table);
    for stat in &flow.stats.0 {
        let duration = matches!(stat, Stat::Duration { .. });
        if !duration && let Some(table) = table.take() {
            push(out, format_args!(", table={}", names.table(table)));
        }
        match stat {
            Stat::Duration {
                seconds,
                nanoseconds,
            } => print_time(out, "duration", *seconds, *nanoseconds),
            Stat::IdleTime {
                seconds,
                nanoseconds,
            } => print_time(out, "idle_time", *seconds, *nanoseconds),
            Stat::PacketCount { count } => push(out, format_args!(", n_packets={count}")),
            Stat::ByteCount { count } => push(out, format_args!(", n_bytes={count}")),
            other => {
                out.push_str(", ");
                print_value(out, &other.value(Version::V1_5));
            }
        }
    }
    if let Some(table) = table {
        push(out, format_args!(", table={}", names.table(table)));
    }
    for (name, seconds) in [
        ("idle_timeout", flow.idle_timeout),
        ("hard_timeout", flow.hard_timeout),
        ("importance", flow.importance),
    ] {
        if seconds != 0 {
            push(out, format_args!(", {name}={seconds}"));
        }
    }
    out.push_str(", ");
    print_flags(out, flow.flags);
    flow::print_rule(out, flow.priority, &flow.matches, names);
    out.push_str("actions=");
    flow::print_instructions(out, &flow.instructions, names);
}

fn print_time(out: &mut String, name: &str, seconds: u32, nanoseconds: u32) {
    push(out, format_args!(", {name}={seconds}"));
    if nanoseconds != 0 {
        let fraction = format!("{nanoseconds:09}");
        push(out, format_args!(".{}", fraction.trim_end_matches('0')));
    }
    out.push('s');
}

fn group_command(command: GroupCommand) -> String {
    match command {
        GroupCommand::ADD => "ADD".to_owned(),
        GroupCommand::MODIFY => "MOD".to_owned(),
        GroupCommand::DELETE => "DEL".to_owned(),
        GroupCommand::INSERT_BUCKET => "INSERT_BUCKET".to_owned(),
        GroupCommand::REMOVE_BUCKET => "REMOVE_BUCKET".to_owned(),
        GroupCommand(other) => format!("cmd:{other}"),
    }
}

fn meter_command(command: MeterCommand) -> String {
    match command {
        MeterCommand::ADD => "ADD".to_owned(),
        MeterCommand::MODIFY => "MOD".to_owned(),
        MeterCommand::DELETE => "DEL".to_owned(),
        MeterCommand(other) => format!("cmd:{other}"),
    }
}

fn print_packet_out(out: &mut String, packet: &PacketOut, names: &Names) {
    out.push(' ');
    match packet.in_port() {
        // The port alone, which is all that versions before 1.5 can say.
        Some(port) if packet.metadata.fields().count() == 1 => {
            push(out, format_args!("in_port={}", names.port(port)));
        }
        _ => matches::print(out, &packet.metadata, names),
    }
    out.push_str(" actions=");
    actions::print_list(out, &packet.actions, names);
    match packet.buffer_id {
        NO_BUFFER => push(out, format_args!(" data_len={}", packet.packet.len())),
        buffer => push(out, format_args!(" buffer={buffer:#010x}")),
    }
    if !packet.packet.is_empty() {
        let data = super::bytes_as_hex(&packet.packet);
        push(out, format_args!(" data={data}"));
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
