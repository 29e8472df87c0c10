//! Messages about flows: changes, statistics, removals.

use super::{Context, count, print_time};
use crate::message::{
    Aggregate, FlowCommand, FlowFilter, FlowFlags, FlowMod, FlowRemoved, FlowRemovedReason,
    FlowStats, Message, NO_BUFFER, NxFlowStats, Reply, Request, Stat, Stats,
};
use crate::text::value::push;
use crate::text::{flow, matches};
use crate::{GroupId, PortNo, TableId, Version};

/// Writes a message, if it is one of these.
pub(super) fn print(out: &mut String, message: &Message, context: Context<'_>) -> bool {
    match message {
        Message::FlowMod(flow) => {
            let modifies = matches!(
                flow.command,
                FlowCommand::MODIFY | FlowCommand::MODIFY_STRICT
            );
            let asks = match context.version {
                Version::V1_0 => false,
                // What is changed without a mask gets the cookie too, for it may be new.
                Version::V1_1 => flow.cookie_mask != 0 || !modifies,
                _ => true,
            };
            print_flow_mod(out, flow, asks, context);
        }
        Message::NxFlowMod(flow) => print_flow_mod(out, &flow.clone().into(), false, context),
        Message::FlowRemoved(removed) => {
            let known = context.version >= Version::V1_1;
            let table = Some(removed.table).filter(|table| known && *table != TableId::ALL);
            print_removed(out, removed, table, context);
        }
        Message::NxFlowRemoved(removed) => {
            // The table with one added, so that zero is none.
            let table = removed.table_id.checked_sub(1).map(TableId);
            print_removed(out, &(**removed).clone().into(), table, context);
        }
        _ => return false,
    }
    true
}

/// Writes a request, if it is one of these.
pub(super) fn print_request(out: &mut String, request: &Request, context: Context<'_>) -> bool {
    match request {
        Request::Flow(filter) | Request::Aggregate(filter) => print_filter(out, filter, context),
        Request::NxFlow(filter) | Request::NxAggregate(filter) => {
            print_filter(out, &filter.clone().into(), context);
        }
        _ => return false,
    }
    true
}

/// Writes a reply, if it is one of these.
pub(super) fn print_reply(out: &mut String, reply: &Reply, context: Context<'_>) -> bool {
    match reply {
        Reply::Flow(flows) => flows.iter().for_each(|flow| {
            print_flow_stats(out, flow, None, context);
        }),
        Reply::NxFlow(flows) => flows.iter().for_each(|flow| {
            print_flow_stats(out, &flow.clone().into(), Some(flow), context);
        }),
        Reply::Aggregate(total) => print_aggregate(out, total),
        Reply::NxAggregate(total) => print_aggregate(out, &total.clone().into()),
        _ => return false,
    }
    true
}

/// Writes a change, which `asks` about the cookie of flows or gives them one.
fn print_flow_mod(out: &mut String, flow: &FlowMod, asks: bool, context: Context<'_>) {
    let names = context.names;
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
    print_cookie(out, flow, asks);
    for (name, seconds) in [("idle", flow.idle_timeout), ("hard", flow.hard_timeout)] {
        if seconds != 0 {
            push(out, format_args!("{name}:{seconds} "));
        }
    }
    if flow.importance != 0 && flow.command == FlowCommand::ADD {
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

/// Writes the cookie that a flow gets, or that it is to have where the mask says so. All ones are none.
fn print_cookie(out: &mut String, flow: &FlowMod, asks: bool) {
    let (cookie, mask) = (flow.cookie, flow.cookie_mask);
    if asks && flow.command != FlowCommand::ADD {
        if mask != 0 {
            push(out, format_args!("cookie:{cookie:#x}/{mask:#x} "));
        }
    } else if cookie != 0 && cookie != u64::MAX {
        push(out, format_args!("cookie:{cookie:#x} "));
    }
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

/// What statistics say; all ones for what they do not.
struct Counters {
    seconds: u32,
    nanoseconds: u32,
    idle: Option<u32>,
    packets: u64,
    bytes: u64,
    flows: u32,
}

impl Counters {
    fn of(stats: &Stats) -> Self {
        let mut all = Self {
            seconds: u32::MAX,
            nanoseconds: u32::MAX,
            idle: None,
            packets: u64::MAX,
            bytes: u64::MAX,
            flows: u32::MAX,
        };
        for stat in &stats.0 {
            match *stat {
                Stat::Duration {
                    seconds,
                    nanoseconds,
                } => (all.seconds, all.nanoseconds) = (seconds, nanoseconds),
                // More than 31 bits are none.
                Stat::IdleTime { seconds, .. } => all.idle = Some(seconds).filter(|s| s >> 31 == 0),
                Stat::FlowCount { count } => all.flows = count,
                Stat::PacketCount { count } => all.packets = count,
                Stat::ByteCount { count } => all.bytes = count,
                _ => {}
            }
        }
        all
    }
}

/// Writes a flow with its counters, and with its ages where `told` has them.
fn print_flow_stats(
    out: &mut String,
    flow: &FlowStats,
    told: Option<&NxFlowStats>,
    context: Context<'_>,
) {
    let names = context.names;
    push(out, format_args!("\n cookie={:#x}", flow.cookie));
    let told_of = Counters::of(&flow.stats);
    out.push_str(", duration=");
    print_time(out, told_of.seconds, told_of.nanoseconds);
    let table = names.table(flow.table);
    let (packets, bytes) = (count(told_of.packets), count(told_of.bytes));
    push(
        out,
        format_args!(", table={table}, n_packets={packets}, n_bytes={bytes}"),
    );
    for (name, seconds) in [
        ("idle_timeout", flow.idle_timeout),
        ("hard_timeout", flow.hard_timeout),
    ] {
        if seconds != 0 {
            push(out, format_args!(", {name}={seconds}"));
        }
    }
    out.push_str(", ");
    print_flags(out, flow.flags);
    if flow.importance != 0 {
        push(out, format_args!("importance={}, ", flow.importance));
    }
    // One more than the seconds, so that zero is none.
    let age = |told: u16| told.checked_sub(1).map(u32::from);
    let ages = match told {
        Some(told) => {
            // Since it came is what the duration says.
            let changed = age(told.hard_age).filter(|age| *age != told.duration_sec);
            [age(told.idle_age), changed]
        }
        None => [told_of.idle, None],
    };
    for (name, age) in ["idle_age", "hard_age"].iter().zip(ages) {
        if let Some(age) = age {
            push(out, format_args!("{name}={age}, "));
        }
    }
    flow::print_rule(out, flow.priority, &flow.matches, names);
    out.push_str("actions=");
    flow::print_instructions(out, &flow.instructions, names);
}

/// Why a flow went.
pub(super) fn reason(reason: FlowRemovedReason) -> String {
    match reason {
        FlowRemovedReason::IDLE_TIMEOUT => "idle".to_owned(),
        FlowRemovedReason::HARD_TIMEOUT => "hard".to_owned(),
        other => match other.name() {
            Some(name) => name.to_owned(),
            None => other.0.to_string(),
        },
    }
}

fn print_removed(
    out: &mut String,
    removed: &FlowRemoved,
    table: Option<TableId>,
    context: Context<'_>,
) {
    out.push(' ');
    let start = out.len();
    flow::print_rule(out, removed.priority, &removed.matches, context.names);
    if out.len() == start {
        out.push(' ');
    }
    push(out, format_args!("reason={}", reason(removed.reason)));
    if let Some(table) = table {
        push(
            out,
            format_args!(" table_id={}", context.names.table(table)),
        );
    }
    if removed.cookie != 0 {
        push(out, format_args!(" cookie:{:#x}", removed.cookie));
    }
    out.push_str(" duration");
    let told = Counters::of(&removed.stats);
    print_time(out, told.seconds, told.nanoseconds);
    push(out, format_args!(" idle{}", removed.idle_timeout));
    if removed.hard_timeout != 0 {
        push(out, format_args!(" hard{}", removed.hard_timeout));
    }
    push(
        out,
        format_args!(" pkts{} bytes{}", told.packets, told.bytes),
    );
}

fn print_filter(out: &mut String, filter: &FlowFilter, context: Context<'_>) {
    if filter.table != TableId::ALL {
        push(
            out,
            format_args!(" table={}", context.names.table(filter.table)),
        );
    }
    if filter.out_port != PortNo::ANY {
        let port = context.names.port(filter.out_port);
        push(out, format_args!(" out_port={port}"));
    }
    out.push(' ');
    matches::print(out, &filter.matches, context.names);
}

fn print_aggregate(out: &mut String, total: &Aggregate) {
    let Counters {
        packets,
        bytes,
        flows,
        ..
    } = Counters::of(&total.stats);
    push(
        out,
        format_args!(" packet_count={packets} byte_count={bytes} flow_count={flows}"),
    );
}
