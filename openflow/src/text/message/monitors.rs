//! What is told of changes of flows, and to whom: monitors of the standard, of the ONF's extension and of Nicira's.

use super::{Context, bit_names, flows};
use crate::message::{
    FlowMonitorRequest, FlowRemovedReason, FlowUpdate, MonitorCommand, NxFlowUpdate, OnfFlowUpdate,
    OnfMatch, Reply, Request, UpdateAction,
};
use crate::text::scan::hex;
use crate::text::value::push;
use crate::text::{flow, matches};
use crate::{GroupId, Instruction, Match, PortNo, TableId};

/// What is told, and how.
type Flags = [(u32, &'static str); 6];

/// In the forms of vendors; last own changes in full.
const VENDORS: &Flags = &[
    (1, "initial"),
    (1 << 1, "add"),
    (1 << 2, "delete"),
    (1 << 3, "modify"),
    (1 << 4, "actions"),
    (1 << 5, "own"),
];
/// In the standard's; last own changes alone.
const STANDARD: &Flags = &[
    (1, "initial"),
    (1 << 1, "add"),
    (1 << 2, "delete"),
    (1 << 3, "modify"),
    (1 << 4, "actions"),
    (1 << 6, "own"),
];

/// Writes a request, if it is one of these.
pub(super) fn print_request(out: &mut String, request: &Request, context: Context<'_>) -> bool {
    match request {
        Request::FlowMonitor(monitors) => monitors.iter().for_each(|asked| {
            print_command(out, asked, context);
        }),
        Request::NxFlowMonitor(monitors) => monitors.iter().for_each(|asked| {
            print_flags(out, asked.id, asked.flags, VENDORS);
            print_filter(out, asked.out_port.0, GroupId::ANY, asked.table, context);
            print_match(out, &asked.matches.0, context);
        }),
        Request::OnfFlowMonitor(monitors) => monitors.iter().for_each(|asked| {
            print_flags(out, asked.id, asked.flags, VENDORS);
            print_filter(out, asked.out_port, GroupId::ANY, asked.table, context);
            print_match(out, entries(&asked.matches), context);
        }),
        _ => return false,
    }
    true
}

/// Writes a reply, if it is one of these.
pub(super) fn print_reply(out: &mut String, reply: &Reply, context: Context<'_>) -> bool {
    match reply {
        Reply::FlowMonitor(updates) => updates.iter().for_each(|update| {
            print_update(out, &Update::from(update), context);
        }),
        Reply::NxFlowMonitor(updates) => updates.iter().for_each(|update| {
            print_update(out, &Update::from(update), context);
        }),
        Reply::OnfFlowMonitor(updates) => updates.iter().for_each(|update| {
            print_update(out, &Update::from(update), context);
        }),
        _ => return false,
    }
    true
}

/// Writes what is asked of a monitor; of one that ends, no more than that.
fn print_command(out: &mut String, asked: &FlowMonitorRequest, context: Context<'_>) {
    if asked.command == MonitorCommand::DELETE {
        push(
            out,
            format_args!("\n id={} command=delete", asked.monitor_id),
        );
        return;
    }
    print_flags(out, asked.monitor_id, asked.flags, STANDARD);
    print_filter(out, asked.out_port, asked.out_group, asked.table, context);
    print_match(out, &asked.matches, context);
}

fn print_flags(out: &mut String, id: u32, flags: u16, names: &Flags) {
    let flags = bit_names(flags.into(), names).replace(' ', ",");
    push(out, format_args!("\n id={id} flags={flags}"));
}

fn print_filter(
    out: &mut String,
    out_port: PortNo,
    out_group: GroupId,
    table: TableId,
    context: Context<'_>,
) {
    if out_port != PortNo::ANY {
        push(
            out,
            format_args!(" out_port={}", context.names.port(out_port)),
        );
    }
    // Group 0 is taken for none, and the number for a signed one.
    if ![GroupId(0), GroupId::ANY].contains(&out_group) {
        push(
            out,
            format_args!(" out_group={}", out_group.0.cast_signed()),
        );
    }
    if table != TableId::ALL {
        push(out, format_args!(" table={}", context.names.table(table)));
    }
}

fn print_match(out: &mut String, matches: &Match, context: Context<'_>) {
    out.push(' ');
    matches::print(out, matches, context.names);
}

/// The entries of either form.
fn entries(matches: &OnfMatch) -> &Match {
    match matches {
        OnfMatch::Fields(fields) => &fields.0,
        OnfMatch::Match(matches) => matches,
    }
}

/// What is told: of which flow, or else of which message.
struct Update<'a> {
    event: String,
    flow: Option<Flow<'a>>,
    xid: Option<u32>,
}

/// A flow that is told of.
struct Flow<'a> {
    /// Why it went.
    reason: Option<String>,
    table: TableId,
    idle_timeout: u16,
    hard_timeout: u16,
    cookie: u64,
    matches: &'a Match,
    instructions: Vec<Instruction>,
}

/// Reads updates of a form into what is written: what says that flows came or changed, what says that they went, and
/// how reasons, matches and what flows do are told.
macro_rules! update {
    ($union:ident: $($there:ident)|*, $gone:ident, $does:ident: $reason:expr, $match:expr, $instructions:expr) => {
        impl<'a> From<&'a $union> for Update<'a> {
            fn from(update: &'a $union) -> Self {
                let flow = match update {
                    $($union::$there { reason, table, idle_timeout, hard_timeout, cookie, matches, $does, .. })|*
                    | $union::$gone { reason, table, idle_timeout, hard_timeout, cookie, matches, $does, .. } => {
                        let went = matches!(update, $union::$gone { .. });
                        Some(Flow {
                            reason: went.then(|| $reason(*reason)),
                            table: *table,
                            idle_timeout: *idle_timeout,
                            hard_timeout: *hard_timeout,
                            cookie: *cookie,
                            matches: $match(matches),
                            instructions: $instructions($does),
                        })
                    }
                    _ => None,
                };
                let xid = match update {
                    $union::Abbrev { xid } => Some(*xid),
                    _ => None,
                };
                let event = match update {
                    $union::$gone { .. } => "DELETED".to_owned(),
                    $union::Unknown { number, .. } => number.to_string(),
                    known => known.row().map_or("", |row| row.name).to_uppercase(),
                };
                Self { event, flow, xid }
            }
        }
    };
}

update! {
    FlowUpdate: Initial | Added | Modified, Removed,
    instructions: flows::reason, std::convert::identity, Vec::clone
}
update! {
    NxFlowUpdate: Added | Modified, Deleted,
    actions: vendors_reason, |fields: &'a crate::matches::Fields| &fields.0, mixed
}
update! {
    OnfFlowUpdate: Added | Modified, Deleted,
    instructions: vendors_reason, entries, Vec::clone
}

/// A reason in the forms of vendors, which have sixteen bits for it.
fn vendors_reason(reason: u16) -> String {
    match u8::try_from(reason) {
        Ok(reason) => flows::reason(FlowRemovedReason(reason)),
        Err(_) => reason.to_string(),
    }
}

/// Instructions that stand among actions: these are applied.
fn mixed(list: &Vec<UpdateAction>) -> Vec<Instruction> {
    let mut actions = Vec::new();
    let mut instructions = Vec::new();
    for member in list {
        match member {
            UpdateAction::Action(action) => actions.push(action.clone()),
            UpdateAction::Instruction(instruction) => instructions.push(instruction.clone()),
        }
    }
    if !actions.is_empty() {
        instructions.push(Instruction::ApplyActions { actions });
    }
    instructions
}

fn print_update(out: &mut String, update: &Update<'_>, context: Context<'_>) {
    push(out, format_args!("\n event={}", update.event));
    if let Some(xid) = update.xid {
        push(out, format_args!(" xid={xid:#x}"));
    }
    if let Some(told) = &update.flow {
        print_flow(out, told, context);
    }
}

fn print_flow(out: &mut String, told: &Flow<'_>, context: Context<'_>) {
    let names = context.names;
    if let Some(reason) = &told.reason {
        push(out, format_args!(" reason={reason}"));
    }
    push(out, format_args!(" table={}", names.table(told.table)));
    for (name, seconds) in [
        ("idle_timeout", told.idle_timeout),
        ("hard_timeout", told.hard_timeout),
    ] {
        if seconds != 0 {
            push(out, format_args!(" {name}={seconds}"));
        }
    }
    push(out, format_args!(" cookie={} ", hex(told.cookie.into())));
    matches::print(out, told.matches, names);
    let mut actions = String::new();
    flow::print_instructions(&mut actions, &told.instructions, names);
    // Without actions it does nothing, or they were not asked for.
    if actions != "drop" {
        if !out.ends_with(' ') {
            out.push(' ');
        }
        push(out, format_args!("actions={actions}"));
    }
}
