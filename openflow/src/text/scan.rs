//! Scanning: a line into `key=value`, `key:value` and `key(value)tail` items, and numbers.
//!
//! Knows nothing of fields or actions. The grammar of items is that of `ovs-ofctl`: items are
//! parted by commas or white space outside of parentheses and quotes. Every slice that comes out
//! is a part of the line that went in, so that an error can say its column.

use std::borrow::Cow;

use nom::bytes::complete::{take_while, take_while1};
use nom::error::{ErrorKind, ParseError};
use nom::{IResult, Parser};

use super::TextError;

/// What is wrong, and at which part of the line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wrong<'a> {
    /// The part.
    pub(super) at: &'a str,
    /// What should stand there.
    pub(super) expected: Cow<'static, str>,
}

/// The result of reading a part of a line.
pub(super) type Read<'a, T> = Result<T, Wrong<'a>>;

impl<'a> Wrong<'a> {
    pub(super) fn new(at: &'a str, expected: impl Into<Cow<'static, str>>) -> Self {
        Self {
            at,
            expected: expected.into(),
        }
    }

    /// The error to hand out, with the column in `line`.
    pub(super) fn in_line(&self, line: &str) -> TextError {
        let offset = (self.at.as_ptr() as usize).wrapping_sub(line.as_ptr() as usize);
        let before = line.get(..offset).unwrap_or("");
        TextError {
            column: before.chars().count() + 1,
            found: self.at.chars().take(80).collect(),
            expected: self.expected.clone(),
        }
    }
}

impl<'a> ParseError<&'a str> for Wrong<'a> {
    fn from_error_kind(at: &'a str, _: ErrorKind) -> Self {
        Self::new(at, "a name")
    }

    fn append(_: &'a str, _: ErrorKind, other: Self) -> Self {
        other
    }
}

/// An item of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Item<'a> {
    /// What stands before the separator.
    pub(super) key: &'a str,
    /// `=`, `:` or `(`; none for a key alone.
    pub(super) separator: Option<char>,
    /// What stands after it, or between the parentheses.
    pub(super) value: &'a str,
    /// What follows the closing parenthesis.
    pub(super) tail: &'a str,
}

impl<'a> Item<'a> {
    /// The value after `=` or `:`.
    pub(super) fn plain(&self, expected: &'static str) -> Read<'a, &'a str> {
        match self.separator {
            Some('=' | ':') => Ok(self.value),
            _ => Err(Wrong::new(self.key, expected)),
        }
    }

    /// What stands between parentheses, with nothing after them.
    pub(super) fn arguments(&self, expected: &'static str) -> Read<'a, &'a str> {
        match self.separator {
            Some('(') if self.tail.is_empty() => Ok(self.value),
            _ => Err(Wrong::new(self.key, expected)),
        }
    }

    /// Refuses a value.
    pub(super) fn alone(&self, expected: &'static str) -> Read<'a, ()> {
        if self.value.is_empty() && self.tail.is_empty() {
            Ok(())
        } else {
            Err(Wrong::new(self.value, expected))
        }
    }
}

fn parts_items(c: char) -> bool {
    c == ',' || c.is_ascii_whitespace()
}

/// Everything up to a character, outside of parentheses and quotes, that `stops`; or up to the end.
fn balanced(text: &str, stops: impl Fn(char) -> bool) -> IResult<&str, &str, Wrong<'_>> {
    let mut depth = 0_usize;
    let mut quoted = false;
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        if escaped {
            escaped = false;
        } else if quoted {
            escaped = c == '\\';
            quoted = c != '"';
        } else if depth == 0 && stops(c) {
            return Ok((&text[at..], &text[..at]));
        } else {
            match c {
                '"' => quoted = true,
                '(' => depth += 1,
                ')' if depth == 0 => {
                    let expected = "no closing parenthesis";
                    return Err(nom::Err::Failure(Wrong::new(&text[at..], expected)));
                }
                ')' => depth -= 1,
                _ => {}
            }
        }
    }
    if depth == 0 && !quoted {
        Ok((&text[text.len()..], text))
    } else {
        let expected = if quoted {
            "a closing quote"
        } else {
            "a closing parenthesis"
        };
        Err(nom::Err::Failure(Wrong::new(text, expected)))
    }
}

fn item(text: &str) -> IResult<&str, Item<'_>, Wrong<'_>> {
    let (rest, key) =
        take_while1(|c| !parts_items(c) && !matches!(c, ':' | '=' | '(' | ')')).parse(text)?;
    let bare = Item {
        key,
        separator: None,
        value: &rest[..0],
        tail: &rest[..0],
    };
    match rest.chars().next() {
        Some(separator @ (':' | '=')) => {
            let (rest, value) = balanced(&rest[1..], parts_items)?;
            let separator = Some(separator);
            Ok((
                rest,
                Item {
                    separator,
                    value,
                    ..bare
                },
            ))
        }
        Some('(') => {
            let inner = &rest[1..];
            let (rest, value) = balanced(inner, |c| c == ')')?;
            let Some(rest) = rest.strip_prefix(')') else {
                let expected = "a closing parenthesis";
                return Err(nom::Err::Failure(Wrong::new(inner, expected)));
            };
            let (rest, tail) = balanced(rest, parts_items)?;
            let separator = Some('(');
            Ok((
                rest,
                Item {
                    key,
                    separator,
                    value,
                    tail,
                },
            ))
        }
        _ => Ok((rest, bare)),
    }
}

/// The items of a list.
pub(super) fn items(text: &str) -> Read<'_, Vec<Item<'_>>> {
    let mut items = Vec::new();
    let mut rest = text;
    loop {
        (rest, _) = finish(take_while(parts_items).parse(rest))?;
        if rest.is_empty() {
            return Ok(items);
        }
        let (after, found) = finish(item(rest))?;
        items.push(found);
        rest = after;
    }
}

fn finish<'a, T>(result: IResult<&'a str, T, Wrong<'a>>) -> Read<'a, (&'a str, T)> {
    result.map_err(|error| match error {
        nom::Err::Error(wrong) | nom::Err::Failure(wrong) => wrong,
        // Only streaming parsers ask for more.
        nom::Err::Incomplete(_) => Wrong::new("", "more"),
    })
}

/// A number, decimal or hexadecimal with `0x`, of at most `max`.
pub(super) fn number(text: &str, max: u128) -> Read<'_, u128> {
    let (digits, radix) = match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) => (digits, 16),
        None => (text, 10),
    };
    let wrong = || Wrong::new(text, format!("a number of at most {max:#x}"));
    if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return Err(wrong());
    }
    match u128::from_str_radix(digits, radix) {
        Ok(value) if value <= max => Ok(value),
        _ => Err(wrong()),
    }
}

/// A number of at most 8 bits.
pub(super) fn u8(text: &str) -> Read<'_, u8> {
    number(text, u8::MAX.into()).map(|value| value as u8)
}

/// A number of at most 16 bits.
pub(super) fn u16(text: &str) -> Read<'_, u16> {
    number(text, u16::MAX.into()).map(|value| value as u16)
}

/// A number of at most 32 bits.
pub(super) fn u32(text: &str) -> Read<'_, u32> {
    number(text, u32::MAX.into()).map(|value| value as u32)
}

/// A number of at most 64 bits.
pub(super) fn u64(text: &str) -> Read<'_, u64> {
    number(text, u64::MAX.into()).map(|value| value as u64)
}

/// A number as C writes it with `%#x`.
pub(super) fn hex(value: u128) -> String {
    if value == 0 {
        "0".to_owned()
    } else {
        format!("{value:#x}")
    }
}
