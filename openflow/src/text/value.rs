//! The value of a field as text, by the format in the field's row.
//!
//! Matches and `set_field` write some formats differently ([`Place`]); both are read alike.

use std::fmt::Write as _;
use std::net::{Ipv4Addr, Ipv6Addr};

use bytes::Bytes;

use super::Names;
use super::scan::{self, Read, Wrong, hex};
use crate::field::{CT_STATE, FlagRows, Format, TCP_FLAGS, TUNNEL_FLAGS};
use crate::matches::LongValue;
use crate::{Field, FieldValue, MacAddr, PortNo};

/// Where a value is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// In a match.
    Match,
    /// In `set_field`.
    Action,
}

/// All bits of a connection's state that there are.
const CT_STATE_ALL: u128 = 0xff;

/// Writes a value with its mask.
pub(super) fn print(out: &mut String, value: &FieldValue, names: &Names, place: Place) {
    let row = value.field.row();
    let alone = place == Place::Match
        && matches!(row.format, Format::DecimalAlone | Format::HexadecimalAlone);
    let mask = match place {
        // Here bits count that the field does not have.
        Place::Action => value.mask().filter(|mask| *mask != all_bytes(value.field)),
        Place::Match => value
            .mask()
            .filter(|mask| *mask != value.field.full_mask() && !alone),
    };
    if place == Place::Action && mask == Some(0) {
        out.push_str("ANY");
        return;
    }
    let padded = |digits| match place {
        Place::Match => digits,
        Place::Action => 0,
    };
    match row.format {
        Format::Decimal | Format::DecimalAlone => match mask {
            None => push(out, format_args!("{}", value.value)),
            Some(mask) if place == Place::Action => {
                push(out, format_args!("{}/{mask:#x}", value.value));
            }
            Some(mask) => push(out, format_args!("{:#x}/{mask:#x}", value.value)),
        },
        Format::Decimal2 => match mask {
            None => push(out, format_args!("{}", value.value)),
            Some(mask) if place == Place::Action => {
                push(out, format_args!("{}/{mask:#x}", value.value));
            }
            Some(mask) => push(out, format_args!("0x{:02x}/0x{mask:02x}", value.value)),
        },
        Format::Hexadecimal | Format::HexadecimalAlone | Format::Bytes => {
            with_mask(out, value, mask, hex);
        }
        Format::Hexadecimal1 => with_mask(out, value, mask, |v| pad_hex(v, padded(1))),
        Format::Hexadecimal4 => with_mask(out, value, mask, |v| pad_hex(v, padded(4))),
        Format::Hexadecimal5 => with_mask(out, value, mask, |v| pad_hex(v, padded(5))),
        Format::Ethernet => {
            with_mask(out, value, mask, |v| {
                MacAddr::from_u64(v as u64).to_string()
            });
        }
        Format::Ipv4 => prefixed(out, value.value, mask, 32, |v| {
            Ipv4Addr::from(v as u32).to_string()
        }),
        Format::Ipv6 => prefixed(out, value.value, mask, 128, |v| ipv6(v.into())),
        Format::Port => {
            let port = names.port(PortNo(value.value as u32));
            push(out, format_args!("{port}"));
            // All of the sixteen bits that Nicira's form has.
            if let Some(mask) = mask.filter(|mask| *mask != 0xffff) {
                push(out, format_args!("/{}", hex(mask)));
            }
        }
        Format::Fragment => match fragment_name(value.value, mask) {
            Some(name) => out.push_str(name),
            None => with_mask(out, value, mask, hex),
        },
        Format::CtState => flags(
            out,
            value.value,
            mask.filter(|mask| *mask != CT_STATE_ALL),
            CT_STATE,
        ),
        Format::TcpFlags => flags(out, value.value, mask, TCP_FLAGS),
        Format::TunnelFlags => match place {
            Place::Match => flags(out, value.value, Some(value.significant()), TUNNEL_FLAGS),
            Place::Action => flags_and_rest(out, value.value, TUNNEL_FLAGS),
        },
        Format::PacketType => {
            let kind = value.value;
            let short = |number: u128| match number {
                0..=9 => number.to_string(),
                number => hex(number),
            };
            push(
                out,
                format_args!("({},{})", short(kind >> 16), short(kind & 0xffff)),
            );
        }
    }
}

/// All bits of the bytes that a field takes.
fn all_bytes(field: Field) -> u128 {
    let bytes = field.row().codes.iter().map(|code| code.bytes).max();
    u128::MAX >> (128 - 8 * u32::from(bytes.unwrap_or(16).clamp(1, 16)))
}

/// Writes flags by their names, and the bits without a name as one number.
fn flags_and_rest(out: &mut String, value: u128, rows: FlagRows) {
    let named = rows.iter().filter(|row| value & u128::from(row.0) != 0);
    let mut parts: Vec<String> = named.map(|row| row.1.to_owned()).collect();
    let rest = value & !rows.iter().fold(0, |all, row| all | u128::from(row.0));
    if rest != 0 || parts.is_empty() {
        parts.push(hex(rest));
    }
    out.push_str(&parts.join("|"));
}

/// Writes the value of a tunnel's option with its mask: in a match one that leaves out some of its bits, in an action
/// one that leaves out some of what an option can have.
pub(super) fn print_long(out: &mut String, value: &LongValue, place: Place) {
    if value.asks_nothing() {
        out.push_str("ANY");
        return;
    }
    out.push_str(&long_hex(&value.value));
    if let Some(mask) = value.mask.as_ref()
        && (mask.iter().any(|byte| *byte != 0xff)
            || place == Place::Action && mask.len() < LongValue::LIMIT)
    {
        push(out, format_args!("/{}", long_hex(mask)));
    }
}

/// `0x` and digits without zeros before them; `0` for zero.
pub(super) fn long_hex(bytes: &[u8]) -> String {
    let Some(start) = bytes.iter().position(|byte| *byte != 0) else {
        return "0".to_owned();
    };
    let mut text = format!("{:#x}", bytes[start]);
    for byte in &bytes[start + 1..] {
        push(&mut text, format_args!("{byte:02x}"));
    }
    text
}

/// Reads the value of a tunnel's option, in as few bytes as it and its mask take.
pub(super) fn parse_long(field: Field, text: &str) -> Read<'_, LongValue> {
    if matches!(text, "*" | "ANY") {
        let (value, mask) = (Bytes::new(), Some(Bytes::new()));
        return Ok(LongValue { field, value, mask });
    }
    let (mut value, mask) = match text.split_once('/') {
        Some((value, mask)) => (long_number(value)?, Some(long_number(mask)?)),
        None => (long_number(text)?, None),
    };
    if let Some(mask) = &mask {
        // What is before the mask does not count.
        value.drain(..value.len().saturating_sub(mask.len()));
    }
    let length = value.len().max(mask.as_ref().map_or(0, Vec::len));
    let widened = |bytes: Vec<u8>| {
        let mut wide = vec![0; length - bytes.len()];
        wide.extend(bytes);
        wide
    };
    let mask = mask.map(widened);
    let mut value = widened(value);
    for (byte, mask) in value.iter_mut().zip(mask.iter().flatten()) {
        *byte &= mask;
    }
    let full = mask
        .as_ref()
        .is_some_and(|mask| mask.iter().all(|byte| *byte == 0xff));
    Ok(LongValue {
        field,
        value: value.into(),
        mask: mask.filter(|_| !full).map(Into::into),
    })
}

/// The bytes of a number, decimal or hexadecimal with `0x`, without zeros before it.
fn long_number(text: &str) -> Read<'_, Vec<u8>> {
    const EXPECTED: &str = "a number of at most 124 bytes";
    let Some(digits) = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) else {
        let number = scan::number(text, u128::MAX)?.to_be_bytes();
        return Ok(number.into_iter().skip_while(|byte| *byte == 0).collect());
    };
    let digits = digits.trim_start_matches('0');
    let wrong = || Wrong::new(text, EXPECTED);
    if digits.len() > 2 * LongValue::LIMIT || !digits.bytes().all(|digit| digit.is_ascii_hexdigit())
    {
        return Err(wrong());
    }
    let even = if digits.len() % 2 == 0 {
        digits.to_owned()
    } else {
        format!("0{digits}")
    };
    (0..even.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&even[at..at + 2], 16).map_err(|_| wrong()))
        .collect()
}

/// Appends formatted text.
pub(super) fn push(out: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    let _ = out.write_fmt(text);
}

/// `value` or `value/mask`, each as `show` gives it.
fn with_mask(
    out: &mut String,
    value: &FieldValue,
    mask: Option<u128>,
    show: impl Fn(u128) -> String,
) {
    out.push_str(&show(value.value));
    if let Some(mask) = mask {
        out.push('/');
        out.push_str(&show(mask));
    }
}

fn pad_hex(value: u128, digits: usize) -> String {
    if digits == 0 {
        hex(value)
    } else {
        format!("0x{value:0digits$x}")
    }
}

/// An address, `/` and the prefix length when the mask is one, else the mask as an address.
fn prefixed(
    out: &mut String,
    value: u128,
    mask: Option<u128>,
    bits: u32,
    show: impl Fn(u128) -> String,
) {
    out.push_str(&show(value));
    if let Some(mask) = mask {
        let ones = mask.count_ones();
        if mask == prefix_mask(ones, bits) {
            push(out, format_args!("/{ones}"));
        } else {
            push(out, format_args!("/{}", show(mask)));
        }
    }
}

/// The mask of the first `ones` of `bits` bits.
fn prefix_mask(ones: u32, bits: u32) -> u128 {
    let all = u128::MAX >> (128 - bits);
    match ones {
        0 => 0,
        ones => all & (all << (bits - ones)),
    }
}

/// Addresses in `::/96` end in a dotted quad, as the C library writes them.
pub(super) fn ipv6(address: Ipv6Addr) -> String {
    match address.segments() {
        [0, 0, 0, 0, 0, 0, high, _] if high != 0 => {
            format!("::{}", Ipv4Addr::from(address.to_bits() as u32))
        }
        _ => address.to_string(),
    }
}

/// Rows of fragment names: name, value, mask; the first that fits is printed.
const FRAGMENTS: &[(&str, u128, u128)] = &[
    ("no", 0, 1),
    ("no", 0, 3),
    ("yes", 1, 1),
    ("first", 1, 3),
    ("later", 3, 3),
    ("later", 2, 2),
    ("not_later", 0, 2),
];

fn fragment_name(value: u128, mask: Option<u128>) -> Option<&'static str> {
    let mask = mask.unwrap_or(3);
    FRAGMENTS
        .iter()
        .find(|row| (row.1, row.2) == (value, mask))
        .map(|row| row.0)
}

/// `a|b` without a mask, `+a-b` with one; bits without a name as `[200]`.
fn flags(out: &mut String, value: u128, mask: Option<u128>, rows: FlagRows) {
    let shown = mask.unwrap_or(value);
    if shown == 0 {
        out.push('0');
    }
    let mut first = true;
    for bit in (0..128)
        .map(|at| 1_u128 << at)
        .filter(|bit| shown & bit != 0)
    {
        match mask {
            Some(_) => out.push(if value & bit != 0 { '+' } else { '-' }),
            None if first => {}
            None => out.push('|'),
        }
        first = false;
        match rows.iter().find(|row| u128::from(row.0) == bit) {
            Some((_, name)) => out.push_str(name),
            None => push(out, format_args!("[{bit:x}]")),
        }
    }
}

/// Reads a value with its mask.
pub(super) fn parse<'a>(field: Field, text: &'a str, names: &Names) -> Read<'a, FieldValue> {
    let row = field.row();
    if text == "*" || text == "ANY" && row.format != Format::Port {
        return Ok(FieldValue::masked(field, 0_u8, 0_u8));
    }
    let (value, mask) = match row.format {
        Format::CtState => {
            let (value, mask) = parse_flags(text, CT_STATE, field)?;
            (value, mask.or(Some(CT_STATE_ALL)))
        }
        Format::TcpFlags => parse_flags(text, TCP_FLAGS, field)?,
        Format::TunnelFlags => parse_flags(text, TUNNEL_FLAGS, field)?,
        Format::PacketType => (parse_packet_type(text)?, None),
        Format::Fragment => parse_fragment(text)?,
        _ => {
            let (value, mask) = match text.split_once('/') {
                Some((value, mask)) => (value, Some(mask)),
                None => (text, None),
            };
            let parsed = parse_one(field, value, names)?;
            (
                parsed,
                mask.map(|mask| parse_mask(field, mask, names))
                    .transpose()?,
            )
        }
    };
    let partial = mask.filter(|mask| *mask != field.full_mask());
    if partial.is_some() && !row.maskable {
        let expected = format!("no mask: {} has none", row.name);
        return Err(Wrong::new(text, expected));
    }
    Ok(match partial {
        Some(mask) => FieldValue::masked(field, value, mask),
        None => FieldValue::exact(field, value),
    })
}

fn parse_one<'a>(field: Field, text: &'a str, names: &Names) -> Read<'a, u128> {
    match field.row().format {
        Format::Ethernet => text
            .parse()
            .map(|mac: MacAddr| mac.to_u64().into())
            .map_err(|_| Wrong::new(text, "an Ethernet address")),
        Format::Ipv4 => text
            .parse()
            .map(|address: Ipv4Addr| address.to_bits().into())
            .map_err(|_| Wrong::new(text, "an IPv4 address")),
        Format::Ipv6 => text
            .parse()
            .map(|address: Ipv6Addr| address.to_bits())
            .map_err(|_| Wrong::new(text, "an IPv6 address")),
        Format::Port => names.read_port(text).map(|port| port.0.into()),
        _ => scan::number(text, field.full_mask()),
    }
}

fn parse_mask<'a>(field: Field, text: &'a str, names: &Names) -> Read<'a, u128> {
    let bits = match field.row().format {
        Format::Ipv4 => 32,
        Format::Ipv6 => 128,
        _ => return parse_one(field, text, names),
    };
    match scan::number(text, bits.into()) {
        Ok(ones) => Ok(prefix_mask(ones as u32, bits)),
        Err(_) => parse_one(field, text, names),
    }
}

fn parse_fragment(text: &str) -> Read<'_, (u128, Option<u128>)> {
    if let Some(row) = FRAGMENTS.iter().find(|row| row.0 == text) {
        return Ok((row.1, Some(row.2)));
    }
    let expected = "no, yes, first, later or not_later";
    let read = |part| scan::number(part, 3).map_err(|_| Wrong::new(text, expected));
    match text.split_once('/') {
        Some((value, mask)) => Ok((read(value)?, Some(read(mask)?))),
        None => Ok((read(text)?, None)),
    }
}

fn parse_packet_type(text: &str) -> Read<'_, u128> {
    let inner = text
        .strip_prefix('(')
        .and_then(|rest| rest.strip_suffix(')'));
    let Some((namespace, kind)) = inner.and_then(|inner| inner.split_once(',')) else {
        return Err(Wrong::new(text, "a packet type such as (1,0x800)"));
    };
    Ok(u128::from(scan::u16(namespace)?) << 16 | u128::from(scan::u16(kind)?))
}

/// Reads `+a-b`, `a|b`, `value` or `value/mask`.
fn parse_flags<'a>(text: &'a str, rows: FlagRows, field: Field) -> Read<'a, (u128, Option<u128>)> {
    let full = field.full_mask();
    if text.starts_with(|c: char| c.is_ascii_digit()) {
        return match text.split_once('/') {
            Some((value, mask)) => {
                Ok((scan::number(value, full)?, Some(scan::number(mask, full)?)))
            }
            None => Ok((scan::number(text, full)?, None)),
        };
    }
    let masked = text.starts_with(['+', '-']);
    let (mut value, mut mask) = (0, 0);
    let mut rest = text;
    while !rest.is_empty() {
        let signed = rest.starts_with(['+', '-', '|']);
        if signed && masked != rest.starts_with(['+', '-']) || !signed && mask != 0 {
            return Err(Wrong::new(rest, "flags such as +a-b or a|b"));
        }
        let set = !rest.starts_with('-');
        let name = if signed { &rest[1..] } else { rest };
        let end = name.find(['+', '-', '|']).unwrap_or(name.len());
        let bit = flag(&name[..end], rows, full)?;
        mask |= bit;
        value |= if set { bit } else { 0 };
        rest = &name[end..];
    }
    if mask == 0 {
        return Err(Wrong::new(text, "flags such as +a-b or a|b"));
    }
    Ok((value, masked.then_some(mask)))
}

fn flag<'a>(name: &'a str, rows: FlagRows, full: u128) -> Read<'a, u128> {
    if let Some((bit, _)) = rows.iter().find(|row| row.1 == name) {
        return Ok((*bit).into());
    }
    if name.starts_with("0x") {
        return scan::number(name, full);
    }
    let bracketed = name
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    bracketed
        .filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()))
        .and_then(|digits| u128::from_str_radix(digits, 16).ok())
        .filter(|bit| bit.is_power_of_two() && bit & full != 0)
        .ok_or_else(|| {
            let known: Vec<&str> = rows.iter().map(|row| row.1).collect();
            Wrong::new(name, format!("one of {}", known.join(", ")))
        })
}
