//! Triggers as text: `stat_trigger(periodic,packet_count=100,duration=60.000000000)`.
//!
//! `ovs-ofctl` has no syntax for them; this one is made of the names of OpenFlow 1.5.1, 7.2.4 and 7.2.5. Times are
//! seconds and, after the dot, nanoseconds in nine digits or more. Thresholds keep their order.

use bytes::Bytes;

use super::scan::{self, Item, Read, Wrong};
use super::value::push;
use crate::instruction::{ONLY_FIRST, PERIODIC};
use crate::message::{Stat, Stats};
use crate::record::Wire;
use crate::wire::{Reader, Writer};
use crate::{Instruction, Version};

/// The flags with a name.
const FLAGS: [(u32, &str); 2] = [(PERIODIC, "periodic"), (ONLY_FIRST, "only_first")];

/// Writes a trigger.
pub(super) fn print(out: &mut String, flags: u32, thresholds: &Stats) {
    out.push_str("stat_trigger(");
    let start = out.len();
    let mut others = flags;
    for (flag, name) in FLAGS.into_iter().filter(|(flag, _)| flags & flag != 0) {
        push(out, format_args!("{name},"));
        others &= !flag;
    }
    if others != 0 {
        push(out, format_args!("flags={others:#x},"));
    }
    for stat in &thresholds.0 {
        print_stat(out, stat);
        out.push(',');
    }
    if out.len() > start {
        out.pop();
    }
    out.push(')');
}

fn print_stat(out: &mut String, stat: &Stat) {
    match stat {
        Stat::Duration {
            seconds,
            nanoseconds,
        } => push(out, format_args!("duration={seconds}.{nanoseconds:09}")),
        Stat::IdleTime {
            seconds,
            nanoseconds,
        } => push(out, format_args!("idle_time={seconds}.{nanoseconds:09}")),
        Stat::FlowCount { count } => push(out, format_args!("flow_count={count}")),
        Stat::PacketCount { count } => push(out, format_args!("packet_count={count}")),
        Stat::ByteCount { count } => push(out, format_args!("byte_count={count}")),
        other => {
            let mut w = Writer::new();
            // Triggers are of 1.5, and what the table does not know is written as it came.
            if other.write(&mut w, Version::V1_5).is_ok() {
                let bytes = super::bytes_as_hex(w.written(0));
                push(out, format_args!("unknown_stat={bytes}"));
            }
        }
    }
}

/// Reads a trigger, from what stands in its parentheses.
pub(super) fn parse(text: &str) -> Read<'_, Instruction> {
    let mut flags = 0;
    let mut thresholds = Box::<Stats>::default();
    for item in scan::items(text)? {
        match FLAGS.into_iter().find(|(_, name)| *name == item.key) {
            Some((flag, _)) => {
                item.alone("no value")?;
                flags |= flag;
            }
            None if item.key == "flags" => flags |= scan::u32(plain(&item)?)?,
            None => thresholds.0.push(parse_stat(&item)?),
        }
    }
    Ok(Instruction::StatTrigger { flags, thresholds })
}

fn plain<'a>(item: &Item<'a>) -> Read<'a, &'a str> {
    item.plain("a value, after '='")
}

fn parse_stat<'a>(item: &Item<'a>) -> Read<'a, Stat> {
    Ok(match item.key {
        "duration" => {
            let (seconds, nanoseconds) = time(plain(item)?)?;
            Stat::Duration {
                seconds,
                nanoseconds,
            }
        }
        "idle_time" => {
            let (seconds, nanoseconds) = time(plain(item)?)?;
            Stat::IdleTime {
                seconds,
                nanoseconds,
            }
        }
        "flow_count" => Stat::FlowCount {
            count: scan::u32(plain(item)?)?,
        },
        "packet_count" => Stat::PacketCount {
            count: scan::u64(plain(item)?)?,
        },
        "byte_count" => Stat::ByteCount {
            count: scan::u64(plain(item)?)?,
        },
        "unknown_stat" => {
            let text = plain(item)?;
            let bytes = Bytes::from(super::hex_as_bytes(text)?);
            let mut r = Reader::new(&bytes);
            let read = Stat::read(&mut r, Version::V1_5, "a counter");
            let whole = read.ok().filter(|_| r.is_empty());
            whole.ok_or_else(|| Wrong::new(text, "the bytes of a counter"))?
        }
        _ => return Err(Wrong::new(item.key, "a flag or a counter of a trigger")),
    })
}

/// Reads seconds, and nanoseconds if they are there.
fn time(text: &str) -> Read<'_, (u32, u32)> {
    let Some((seconds, nanoseconds)) = text.split_once('.') else {
        return scan::u32(text).map(|seconds| (seconds, 0));
    };
    if nanoseconds.len() < 9 {
        return Err(Wrong::new(nanoseconds, "nanoseconds in nine digits"));
    }
    Ok((scan::u32(seconds)?, scan::u32(nanoseconds)?))
}
