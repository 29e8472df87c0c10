//! The text form of `ovs-ofctl`: matches, actions, instructions, flows, groups and
//! meters, printed and read.
//!
//! Printing follows `ovs-ofctl dump-flows` of Open vSwitch 3.1, so that what this crate prints of
//! a flow and what a switch prints of it can be compared as text. Reading accepts what
//! `ovs-ofctl add-flow` accepts for the fields and actions of the tables: aliases, decimal and
//! hexadecimal numbers, any order. Reading is total: every line is a flow or a [`TextError`].
//!
//! Text is no lossless form of the wire: Open vSwitch writes the same text for registers matched
//! one by one or by two, for a VLAN tag in either encoding, for a full mask and none. Of
//! what prints alike, reading gives the form that OpenFlow 1.5 prefers, and printing that gives the
//! same text again. What the tables do not know is written in hexadecimal and so survives.
//!
//! [`Names`] stand for numbers of ports and tables. Where to go next: [`crate::field`] and
//! [`crate::action`], whose rows hold the names; `value` here for the formats.

mod actions;
mod flow;
mod group;
mod matches;
mod message;
mod meter;
mod names;
mod scan;
mod trigger;
mod value;

#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::fmt::Write as _;

pub use names::Names;
use scan::{Read, Wrong};

use crate::message::{FlowMod, GroupMod, Header, Message, MeterMod};
use crate::{Action, Instruction, Match, TableId};

/// `OFP_DEFAULT_PRIORITY`, which text leaves out.
pub const DEFAULT_PRIORITY: u16 = 0x8000;

/// A line that is not what it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("column {column}: found '{found}', expected {expected}")]
pub struct TextError {
    /// Where, in characters from 1.
    pub column: usize,
    /// What stands there; at most 80 characters of it.
    pub found: String,
    /// What should stand there.
    pub expected: Cow<'static, str>,
}

/// A flow, as far as text speaks of it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Flow {
    /// The table it is in.
    pub table: TableId,
    /// Its priority.
    pub priority: u16,
    /// Its cookie.
    pub cookie: u64,
    /// Which packets it is for.
    pub matches: Match,
    /// What it does with them.
    pub instructions: Vec<Instruction>,
}

impl Default for Flow {
    /// Every packet of table 0, dropped.
    fn default() -> Self {
        Self {
            table: TableId(0),
            priority: DEFAULT_PRIORITY,
            cookie: 0,
            matches: Match::any(),
            instructions: Vec::new(),
        }
    }
}

impl From<FlowMod> for Flow {
    fn from(flow: FlowMod) -> Self {
        Self {
            table: flow.table,
            priority: flow.priority,
            cookie: flow.cookie,
            matches: flow.matches,
            instructions: flow.instructions,
        }
    }
}

/// The text of a flow, as `ovs-ofctl --no-stats dump-flows` writes it, without its indent.
#[must_use]
pub fn print_flow(flow: &Flow, names: &Names) -> String {
    written(|out| flow::print(out, flow, names))
}

/// The text of a match; empty for the match of every packet.
#[must_use]
pub fn print_match(matches: &Match, names: &Names) -> String {
    written(|out| matches::print(out, matches, names))
}

/// The text of a list of actions; `drop` for none.
#[must_use]
pub fn print_actions(actions: &[Action], names: &Names) -> String {
    written(|out| actions::print_list(out, actions, names))
}

/// The text of instructions, as it stands after `actions=`.
#[must_use]
pub fn print_instructions(instructions: &[Instruction], names: &Names) -> String {
    written(|out| flow::print_instructions(out, instructions, names))
}

/// Reads a flow such as `table=3,priority=5,ip actions=output:1`. Counters and ages, as
/// `dump-flows` prints them, are skipped.
pub fn parse_flow(line: &str, names: &Names) -> Result<Flow, TextError> {
    flow::parse(line, names).map_err(|wrong| wrong.in_line(line))
}

/// Reads a match such as `ip,nw_dst=10.0.0.0/24`. Entries come in the order of the table of fields.
pub fn parse_match(line: &str, names: &Names) -> Result<Match, TextError> {
    let items = scan::items(line).and_then(|items| matches::parse(&items, names));
    items.map_err(|wrong| wrong.in_line(line))
}

/// Reads a list of actions such as `dec_ttl,output:1`.
pub fn parse_actions(line: &str, names: &Names) -> Result<Vec<Action>, TextError> {
    actions::parse_list(line, names, 0).map_err(|wrong| wrong.in_line(line))
}

/// Reads instructions such as `output:1,goto_table:4`. `meter:` becomes an action, as in
/// OpenFlow 1.5.
pub fn parse_instructions(line: &str, names: &Names) -> Result<Vec<Instruction>, TextError> {
    flow::parse_instructions(line, names).map_err(|wrong| wrong.in_line(line))
}

/// The text of a group, as `ovs-ofctl -O OpenFlow15 dump-groups` writes it, without its indent.
/// What the message does with the group is not part of it.
#[must_use]
pub fn print_group(group: &GroupMod, names: &Names) -> String {
    written(|out| group::print(out, group, names))
}

/// Reads a group such as `group_id=1,type=all,bucket=output:1`, as a message that adds it. The
/// selection method comes in its OpenFlow 1.5 form; buckets without a number get the lowest free.
pub fn parse_group(line: &str, names: &Names) -> Result<GroupMod, TextError> {
    group::parse(line, names).map_err(|wrong| wrong.in_line(line))
}

/// The text of a meter, as `ovs-ofctl dump-meters` writes it, on one line. What the message does with
/// the meter is not part of it.
#[must_use]
pub fn print_meter(meter: &MeterMod) -> String {
    written(|out| meter::print(out, meter))
}

/// Reads a meter such as `meter=1,kbps,bands=type=drop,rate=1000`, as a message that adds it.
pub fn parse_meter(line: &str) -> Result<MeterMod, TextError> {
    meter::parse(line).map_err(|wrong| wrong.in_line(line))
}

/// The text of a whole message, as `ovs-ofctl ofp-print` writes it where this module has a syntax for what it
/// says, and else by the names of the specification. Flows of a reply stand on lines of their own.
#[must_use]
pub fn print_message(header: &Header, message: &Message, names: &Names) -> String {
    written(|out| message::print(out, header, message, names))
}

fn written(write: impl FnOnce(&mut String)) -> String {
    let mut out = String::new();
    write(&mut out);
    out
}

/// `0x` and two digits for each byte.
fn bytes_as_hex(bytes: &[u8]) -> String {
    let mut text = "0x".to_owned();
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// Bytes from two digits each, after `0x` or not, with dots between them or not.
fn hex_as_bytes(text: &str) -> Read<'_, Vec<u8>> {
    let digits: String = text.trim_start_matches("0x").split('.').collect();
    let wrong = || Wrong::new(text, "bytes of two hexadecimal digits each");
    if !digits.len().is_multiple_of(2) || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return Err(wrong());
    }
    (0..digits.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&digits[at..at + 2], 16).map_err(|_| wrong()))
        .collect()
}
