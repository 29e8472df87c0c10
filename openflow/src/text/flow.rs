//! Instructions and whole flows as text: `table=3, priority=5,ip actions=output:1,goto_table:4`.

use bytes::Bytes;

use super::scan::{self, Item, Read, Wrong, hex};
use super::value::push;
use super::{DEFAULT_PRIORITY, Flow, Names, actions, matches, trigger};
use crate::record::Wire;
use crate::wire::{Reader, Writer};
use crate::{Instruction, Match, MeterId, TableId, Version};

/// Writes instructions in the order in which they run, `drop` for none or empty ones.
pub(super) fn print_instructions(out: &mut String, list: &[Instruction], names: &Names) {
    let start = out.len();
    let mut list: Vec<&Instruction> = list.iter().collect();
    list.sort_by_key(|instruction| rank(instruction));
    for instruction in list {
        let before = out.len();
        match instruction {
            Instruction::Meter {
                meter_id: MeterId(meter),
            } => push(out, format_args!("meter:{meter}")),
            Instruction::ApplyActions { actions } if actions.is_empty() => {}
            Instruction::ApplyActions { actions } => actions::print_list(out, actions, names),
            Instruction::ClearActions {} => out.push_str("clear_actions"),
            Instruction::WriteActions { actions } => {
                out.push_str("write_actions(");
                actions::print_list(out, actions, names);
                out.push(')');
            }
            Instruction::WriteMetadata { metadata, mask } => print_metadata(out, *metadata, *mask),
            Instruction::GotoTable { table_id } => {
                push(out, format_args!("goto_table:{}", names.table(*table_id)));
            }
            Instruction::StatTrigger { flags, thresholds } => {
                trigger::print(out, *flags, thresholds);
            }
            other => {
                let mut w = Writer::new();
                // What the table does not know is written alike in every version.
                if other.write(&mut w, Version::V1_5).is_ok() {
                    let bytes = super::bytes_as_hex(w.written(0));
                    push(out, format_args!("unknown_instruction:{bytes}"));
                }
            }
        }
        if out.len() > before {
            out.push(',');
        }
    }
    if out.len() > start {
        out.pop();
    } else {
        out.push_str("drop");
    }
}

/// Writes what sets bits of the metadata.
pub(super) fn print_metadata(out: &mut String, metadata: u64, mask: u64) {
    push(out, format_args!("write_metadata:{}", hex(metadata.into())));
    if mask != u64::MAX {
        push(out, format_args!("/{}", hex(mask.into())));
    }
}

/// Reads the bits of the metadata that are set: `VALUE` or `VALUE/MASK`.
pub(super) fn parse_metadata(text: &str) -> Read<'_, (u64, u64)> {
    match text.split_once('/') {
        Some((metadata, mask)) => Ok((scan::u64(metadata)?, scan::u64(mask)?)),
        None => Ok((scan::u64(text)?, u64::MAX)),
    }
}

/// Reads instructions. Actions that stand outside of `write_actions` are applied at once.
pub(super) fn parse_instructions<'a>(text: &'a str, names: &Names) -> Read<'a, Vec<Instruction>> {
    let items = scan::items(text)?;
    let mut others = Vec::new();
    let mut apply = Vec::new();
    for item in &items {
        match instruction(item, names)? {
            Some(instruction) => others.push(instruction),
            None if item.key == "drop" && items.len() == 1 => item.alone("no value")?,
            None if item.key == "drop" => {
                return Err(Wrong::new(item.key, "no action beside drop"));
            }
            None => apply.push(actions::parse(item, names, 0)?),
        }
    }
    let apply = (!apply.is_empty()).then_some(Instruction::apply(apply));
    others.sort_by_key(rank);
    Ok(apply.into_iter().chain(others).collect())
}

/// The order in which instructions run.
fn rank(instruction: &Instruction) -> u8 {
    match instruction {
        Instruction::Meter { .. } => 0,
        Instruction::ApplyActions { .. } => 1,
        Instruction::ClearActions {} => 2,
        Instruction::WriteActions { .. } => 3,
        Instruction::WriteMetadata { .. } => 4,
        Instruction::GotoTable { .. } => 6,
        _ => 5,
    }
}

/// Reads an instruction other than that which applies actions; none for an action.
fn instruction<'a>(item: &Item<'a>, names: &Names) -> Read<'a, Option<Instruction>> {
    let plain = || item.plain("a value, after ':'");
    Ok(Some(match item.key {
        "clear_actions" => {
            item.alone("no value")?;
            Instruction::ClearActions {}
        }
        "write_actions" => {
            let text = item.arguments("actions in parentheses")?;
            Instruction::write_actions(actions::parse_list(text, names, 1)?)
        }
        "write_metadata" => {
            let (metadata, mask) = parse_metadata(plain()?)?;
            Instruction::WriteMetadata { metadata, mask }
        }
        "goto_table" => Instruction::goto(names.read_table(plain()?)?),
        "stat_trigger" => trigger::parse(item.arguments("flags and counters in parentheses")?)?,
        "unknown_instruction" => {
            let text = plain()?;
            let bytes = Bytes::from(super::hex_as_bytes(text)?);
            let mut r = Reader::new(&bytes);
            let read = Instruction::read(&mut r, Version::V1_5, "an instruction");
            let whole = read.ok().filter(|_| r.is_empty());
            whole.ok_or_else(|| Wrong::new(text, "the bytes of an instruction"))?
        }
        _ => return Ok(None),
    }))
}

/// Writes a flow.
pub(super) fn print(out: &mut String, flow: &Flow, names: &Names) {
    if flow.cookie != 0 {
        push(out, format_args!("cookie={}, ", hex(flow.cookie.into())));
    }
    if flow.table != TableId(0) || names.tables.contains_key(&flow.table) {
        push(out, format_args!("table={}, ", names.table(flow.table)));
    }
    print_rule(out, flow.priority, &flow.matches, names);
    out.push_str("actions=");
    print_instructions(out, &flow.instructions, names);
}

/// Writes priority and match, and a space when that is anything.
pub(super) fn print_rule(out: &mut String, priority: u16, matches: &Match, names: &Names) {
    let start = out.len();
    if priority != DEFAULT_PRIORITY {
        push(out, format_args!("priority={priority},"));
    }
    let before = out.len();
    matches::print(out, matches, names);
    if out.len() == before && before > start {
        out.pop();
    }
    if out.len() > start {
        out.push(' ');
    }
}

/// Counters and ages that `dump-flows` prints; they say nothing of what the flow does.
const STATISTICS: &[&str] = &["duration", "n_packets", "n_bytes", "idle_age", "hard_age"];

/// Reads a flow.
pub(super) fn parse<'a>(line: &'a str, names: &Names) -> Read<'a, Flow> {
    let (head, tail) = split_actions(line)?;
    let mut flow = Flow {
        instructions: parse_instructions(tail, names)?,
        ..Flow::default()
    };
    let mut fields = Vec::new();
    for item in scan::items(head)? {
        let plain = || item.plain("a value, after '='");
        match item.key {
            "table" => flow.table = names.read_table(plain()?)?,
            "priority" => flow.priority = scan::u16(plain()?)?,
            "cookie" => flow.cookie = scan::u64(plain()?)?,
            key if STATISTICS.contains(&key) => {}
            _ => fields.push(item),
        }
    }
    flow.matches = matches::parse(&fields, names)?;
    Ok(flow)
}

/// Parts a flow into what stands before `actions=` and what stands after it.
pub(super) fn split_actions(line: &str) -> Read<'_, (&str, &str)> {
    for word in ["actions=", "action="] {
        let starts = line.match_indices(word).map(|(at, _)| at);
        let mut starts =
            starts.filter(|at| line[..*at].is_empty() || line[..*at].ends_with([',', ' ', '\t']));
        if let Some(at) = starts.next() {
            return Ok((&line[..at], &line[at + word.len()..]));
        }
    }
    Err(Wrong::new(&line[line.len()..], "actions="))
}
