//! Learned flows as text: `learn(table=2,priority=80,NXM_OF_ETH_DST[]=NXM_OF_ETH_SRC[],output:NXM_OF_IN_PORT[])`.

use bytes::Bytes;

use super::{arrow, parenthesized, parse_subfield, subfield};
use crate::action::{
    LEARN_DELETE_LEARNED, LEARN_SEND_FLOW_REM, Learn2, LearnFlags, LearnSource, LearnSpec,
    LearnSpecs, LearnTarget, Oxm32, Subfield,
};
use crate::text::scan::{self, Item, Read, Wrong, hex};
use crate::text::value::{self, Place};
use crate::text::{DEFAULT_PRIORITY, Names};
use crate::{Action, FieldValue, TableId};

/// Writes a learned flow.
pub(super) fn print(out: &mut String, learn: &Learn2, names: &Names) {
    let mut parts = vec![format!("table={}", names.table(learn.table_id))];
    let timeouts = [
        ("idle_timeout", learn.idle_timeout),
        ("hard_timeout", learn.hard_timeout),
        ("fin_idle_timeout", learn.fin_idle_timeout),
        ("fin_hard_timeout", learn.fin_hard_timeout),
    ];
    let timeouts = timeouts.iter().filter(|(_, seconds)| *seconds != 0);
    parts.extend(timeouts.map(|(name, seconds)| format!("{name}={seconds}")));
    if learn.priority != DEFAULT_PRIORITY {
        parts.push(format!("priority={}", learn.priority));
    }
    for (flag, name) in FLAGS {
        if learn.flags.bits() & flag != 0 {
            parts.push((*name).to_owned());
        }
    }
    if learn.cookie != 0 {
        parts.push(format!("cookie={}", hex(learn.cookie.into())));
    }
    if learn.limit != 0 {
        parts.push(format!("limit={}", learn.limit));
    }
    if let Some(result) = learn.result_dst {
        let bit = Subfield::new(result, learn.result_dst_ofs, 1);
        parts.push(format!("result_dst={}", subfield(&bit)));
    }
    parts.extend(learn.specs.0.iter().map(|spec| print_spec(spec, names)));
    out.push_str("learn");
    parenthesized(out, &parts);
}

/// Flags and their names.
const FLAGS: &[(u16, &str)] = &[
    (LEARN_SEND_FLOW_REM, "send_flow_rem"),
    (LEARN_DELETE_LEARNED, "delete_learned"),
];

fn print_spec(spec: &LearnSpec, names: &Names) -> String {
    let bits = |field: &Oxm32, offset| subfield(&Subfield::new(field.0, offset, spec.n_bits));
    let src = match &spec.src {
        LearnSource::Field { field, offset } => bits(field, *offset),
        LearnSource::Immediate(bytes) => number(bytes),
    };
    match &spec.dst {
        LearnTarget::Match { field, offset } => {
            let whole = field
                .0
                .field()
                .filter(|known| *offset == 0 && spec.n_bits == known.row().bits);
            let dst = bits(field, *offset);
            match (&spec.src, whole) {
                (LearnSource::Field { .. }, _) if src == dst => dst,
                (LearnSource::Immediate(bytes), Some(known)) if bytes.len() <= 16 => {
                    let value = bytes
                        .iter()
                        .fold(0_u128, |value, byte| value << 8 | u128::from(*byte));
                    let mut text = format!("{}=", known.row().name);
                    value::print(
                        &mut text,
                        &FieldValue::exact(known, value),
                        names,
                        Place::Action,
                    );
                    text
                }
                _ => format!("{dst}={src}"),
            }
        }
        LearnTarget::Load { field, offset } => format!("load:{src}->{}", bits(field, *offset)),
        LearnTarget::Output => format!("output:{src}"),
        LearnTarget::Reserved => format!("reserved:{src}"),
    }
}

/// Bytes as one number.
fn number(bytes: &Bytes) -> String {
    let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    match digits.trim_start_matches('0') {
        "" => "0".to_owned(),
        digits => format!("0x{digits}"),
    }
}

/// Reads a learned flow.
pub(super) fn parse<'a>(text: &'a str, names: &Names) -> Read<'a, Action> {
    let mut learn = Learn2 {
        table_id: TableId(1),
        priority: DEFAULT_PRIORITY,
        ..Learn2::default()
    };
    let mut flags = 0;
    for item in scan::items(text)? {
        let plain = || item.plain("a value, after '='");
        if let Some((flag, _)) = FLAGS.iter().find(|row| row.1 == item.key) {
            item.alone("no value")?;
            flags |= flag;
            continue;
        }
        match item.key {
            "table" => learn.table_id = names.read_table(plain()?)?,
            "idle_timeout" => learn.idle_timeout = scan::u16(plain()?)?,
            "hard_timeout" => learn.hard_timeout = scan::u16(plain()?)?,
            "fin_idle_timeout" => learn.fin_idle_timeout = scan::u16(plain()?)?,
            "fin_hard_timeout" => learn.fin_hard_timeout = scan::u16(plain()?)?,
            "priority" => learn.priority = scan::u16(plain()?)?,
            "cookie" => learn.cookie = scan::u64(plain()?)?,
            "limit" => learn.limit = scan::u32(plain()?)?,
            "result_dst" => {
                let bit = parse_subfield(plain()?)?;
                if bit.bits != 1 {
                    return Err(Wrong::new(item.value, "one bit of a field"));
                }
                learn.result_dst = Some(bit.field);
                learn.result_dst_ofs = bit.offset;
            }
            _ => learn.specs.0.push(parse_spec(&item, names)?),
        }
    }
    learn.flags = LearnFlags::new(flags);
    if learn.limit != 0 || learn.result_dst.is_some() {
        let learn = Box::new(learn);
        return Ok(Action::Learn2 { learn });
    }
    Ok(Action::Learn {
        idle_timeout: learn.idle_timeout,
        hard_timeout: learn.hard_timeout,
        priority: learn.priority,
        cookie: learn.cookie,
        flags,
        table_id: learn.table_id,
        fin_idle_timeout: learn.fin_idle_timeout,
        fin_hard_timeout: learn.fin_hard_timeout,
        specs: LearnSpecs(learn.specs.0),
    })
}

fn parse_spec<'a>(item: &Item<'a>, names: &Names) -> Read<'a, LearnSpec> {
    let from = |bits: Subfield| LearnSource::Field {
        field: Oxm32(bits.field),
        offset: bits.offset,
    };
    let spec = |n_bits, src, dst| LearnSpec {
        n_bits,
        src,
        dst,
        reserved: 0,
    };
    let plain = || item.plain("a value");
    match (item.key, item.separator) {
        ("output", Some(_)) => {
            let port = parse_subfield(plain()?)?;
            Ok(spec(port.bits, from(port), LearnTarget::Output))
        }
        ("load", Some(_)) => {
            let (source, destination) = arrow(plain()?)?;
            let to = parse_subfield(destination)?;
            let dst = LearnTarget::Load {
                field: Oxm32(to.field),
                offset: to.offset,
            };
            let src = match is_number(source) {
                true => immediate(scan::number(source, ones(to.bits))?, to.bits),
                false => from(same_size(source, to)?),
            };
            Ok(spec(to.bits, src, dst))
        }
        (key, separator) => {
            let to = parse_subfield(key)?;
            let dst = LearnTarget::Match {
                field: Oxm32(to.field),
                offset: to.offset,
            };
            let src = match separator {
                None => from(to),
                Some(_) if is_field(plain()?) => from(same_size(plain()?, to)?),
                Some(_) => match to.field.field() {
                    Some(field) if to == Subfield::whole(field) => {
                        immediate(value::parse(field, plain()?, names)?.value, to.bits)
                    }
                    _ => immediate(scan::number(plain()?, ones(to.bits))?, to.bits),
                },
            };
            Ok(spec(to.bits, src, dst))
        }
    }
}

fn is_number(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_digit())
}

/// Whether a text names bits of a field, and is not a value that looks alike.
fn is_field(text: &str) -> bool {
    parse_subfield(text).is_ok()
}

fn ones(bits: u16) -> u128 {
    u128::MAX >> 128_u32.saturating_sub(bits.into()).min(127)
}

/// A value in as many pairs of bytes as its bits need.
fn immediate(value: u128, bits: u16) -> LearnSource {
    let length = 2 * usize::from(bits.div_ceil(16));
    LearnSource::Immediate(Bytes::copy_from_slice(
        &value.to_be_bytes()[16 - length.min(16)..],
    ))
}

fn same_size(text: &str, to: Subfield) -> Read<'_, Subfield> {
    let from = parse_subfield(text)?;
    if from.bits != to.bits {
        let expected = format!("{} bits, as many as are written", to.bits);
        return Err(Wrong::new(text, expected));
    }
    Ok(from)
}
