//! Messages as objects with names: what tools print and read, a message a line.
//!
//! An object says `version`, `type`, for vendors' and multipart messages `subtype`, `xid` and `body`; the body's
//! members are named as in the specification. [`decode_line`] and [`encode_line`] go from hexadecimal digits to
//! objects and back; [`each_line`] does so for a whole input.

use std::borrow::Cow;
use std::fmt;
use std::io::{self, BufRead};

use bytes::Bytes;

use super::lines::{Line, Lines};
use super::{HEADER_LEN, Header, Kind, Message, ROWS};
use crate::Version;
use crate::error::{DecodeError, EncodeError};
use crate::record::{DEEPEST_VALUE, Members, Plain, Value, ValueError, required};

/// The names of types that the table has no row of its own for.
const EXPERIMENTER: &str = "experimenter";
const UNKNOWN: &str = "unknown";

/// The longest line that can be a message: its digits, and space around them.
const LINE_LIMIT: usize = 1 << 18;

/// Why a line is no message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LineError {
    /// There is nothing, or something else than pairs of digits.
    #[error("expected a message as pairs of hexadecimal digits")]
    Digits,
    /// There is too much.
    #[error("expected a line of at most {LINE_LIMIT} bytes")]
    TooLong,
    /// The bytes are no message.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// What was read cannot be written.
    #[error(transparent)]
    Encode(#[from] EncodeError),
}

/// A message that was read, and written again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Described {
    /// The header that it came with.
    pub header: Header,
    /// What it says.
    pub message: Message,
    /// Its bytes as this crate writes them.
    pub tidy: Bytes,
}

impl Described {
    /// Reads a message.
    pub fn from_bytes(bytes: &Bytes) -> Result<Self, LineError> {
        let (header, message) = Message::decode(bytes)?;
        let message = tidied(message)?;
        let tidy = encode(&header, &message)?;
        Ok(Self {
            header,
            message,
            tidy,
        })
    }

    /// Reads a message from hexadecimal digits; white space around them is left out.
    pub fn from_line(line: &[u8]) -> Result<Self, LineError> {
        let bytes = digits(line.trim_ascii()).filter(|bytes| !bytes.is_empty());
        Self::from_bytes(&bytes.ok_or(LineError::Digits)?.into())
    }

    /// What it says, by name, and its bytes.
    #[must_use]
    pub fn members(&self) -> Members {
        let mut all = members(&self.header, &self.message);
        all.push(("reencoded".into(), Value::hex(&self.tidy)));
        all
    }
}

/// The object that says what a message means: `ok`, then `context`, and then what the message says, or
/// `error`.
pub fn object(described: &Result<Described, impl fmt::Display>, context: Members) -> Value {
    let (ok, rest) = match described {
        Ok(described) => (true, described.members()),
        Err(error) => (false, vec![("error".into(), Value::text(error))]),
    };
    let ok = ("ok".into(), Value::Bool(ok));
    Value::Object([ok].into_iter().chain(context).chain(rest).collect())
}

/// The object that says what the hexadecimal digits of a line mean, white space around them left out:
/// `ok`, and then what the message says, or `error`.
#[must_use]
pub fn decode_line(line: &[u8]) -> Value {
    object(&Described::from_line(line), Members::new())
}

/// Reads lines of digits to the end of `input`, and hands over a message for each, or why it is none. Lines
/// may be of any length; memory is bounded.
pub fn each_line(
    input: impl BufRead,
    mut told: impl FnMut(Result<Described, LineError>) -> io::Result<()>,
) -> io::Result<()> {
    let mut lines = Lines::new(input, LINE_LIMIT);
    while let Some(line) = lines.next_line()? {
        told(match line {
            Line::Whole(line) => Described::from_line(line),
            Line::TooLong => Err(LineError::TooLong),
        })?;
    }
    Ok(())
}

/// The bytes that pairs of hexadecimal digits say.
fn digits(text: &[u8]) -> Option<Vec<u8>> {
    let nibble = |digit: u8| char::from(digit).to_digit(16);
    text.chunks(2)
        .map(|pair| match pair {
            [high, low] => Some((nibble(*high)? << 4 | nibble(*low)?) as u8),
            _ => None,
        })
        .collect()
}

/// A message in which those that are inside were read, too, and written again.
fn tidied(message: Message) -> Result<Message, DecodeError> {
    Ok(match message {
        Message::BundleAdd(mut add) => {
            add.message = add.message.tidied()?;
            Message::BundleAdd(add)
        }
        Message::Requestforward(mut forward) => {
            forward.request = forward.request.tidied()?;
            Message::Requestforward(forward)
        }
        other => other,
    })
}

/// The message with the header that it came with, whose version may be an unknown one.
pub(crate) fn encode(header: &Header, message: &Message) -> Result<Bytes, EncodeError> {
    let version = Version::from_wire(header.version);
    let bytes = message.encode(version.unwrap_or(Version::V1_5), header.xid)?;
    if version.is_some() {
        return Ok(bytes);
    }
    let mut bytes = bytes.to_vec();
    bytes[0] = header.version;
    Ok(bytes.into())
}

/// What a message says, by name.
pub(crate) fn members(header: &Header, message: &Message) -> Members {
    let spoken = Version::from_wire(header.version);
    let version = spoken.unwrap_or(Version::V1_5);
    let name: Cow<'static, str> = match spoken {
        Some(version) => version.name().into(),
        None => format!("{:#04x}", header.version).into(),
    };
    let kind = message.kind();
    let of_vendor =
        kind.is_some_and(|kind| kind.code(version).is_some_and(|code| code.vendor.is_some()));
    let (kind, subtype) = match (kind, message) {
        (Some(kind), _) if of_vendor => (EXPERIMENTER, Some(kind.row().name)),
        (Some(kind), Message::MultipartRequest(request)) => {
            (kind.row().name, request.request.name_in(version))
        }
        (Some(kind), Message::MultipartReply(reply)) => {
            (kind.row().name, reply.reply.name_in(version))
        }
        (Some(kind), _) => (kind.row().name, None),
        (None, Message::Experimenter(_)) => (EXPERIMENTER, None),
        (None, _) => (UNKNOWN, None),
    };
    let mut members: Members = vec![
        ("version".into(), Value::Text(name)),
        ("type".into(), Value::name(kind)),
    ];
    if let Some(subtype) = subtype {
        members.push(("subtype".into(), Value::name(subtype)));
    }
    members.push(("xid".into(), header.xid.value(version)));
    members.push(("body".into(), message.body_value(version)));
    members
}

/// The bytes of the message that an object describes.
pub(crate) fn from_members(value: &Value) -> Result<Bytes, ValueError> {
    if value.is_deeper_than(DEEPEST_VALUE) {
        return Err(ValueError::new("values that nest less deeply"));
    }
    value.members(&[
        "ok",
        "version",
        "type",
        "subtype",
        "xid",
        "body",
        "reencoded",
    ])?;
    let text = |name: &str| -> Result<&str, ValueError> {
        let member = value.member(name);
        let member = member.ok_or_else(|| ValueError::new("a member of that name").within(name))?;
        member.as_text("a text").map_err(|error| error.within(name))
    };
    let wire = version_byte(text("version")?).map_err(|error| error.within("version"))?;
    let version = Version::from_wire(wire).unwrap_or(Version::V1_5);
    let xid = required(value, "xid", version)?;
    let body = value.member("body").cloned();
    let body = body.unwrap_or(Value::Object(Members::new()));
    let kind = text("type")?;
    let message = match kind {
        UNKNOWN => Message::unknown_from_value(&body, version),
        EXPERIMENTER if value.member("subtype").is_none() => {
            Plain::from_value(&body, version).map(Message::Experimenter)
        }
        _ => {
            let name = if kind == EXPERIMENTER {
                text("subtype")?
            } else {
                kind
            };
            let row = named(name, kind == EXPERIMENTER, version);
            let row = row.ok_or_else(|| {
                let expected = format!("the name of a message of OpenFlow {version}");
                ValueError::new(expected).within("type")
            })?;
            Message::from_body_value(row, &body, version)
        }
    };
    let header = Header {
        version: wire,
        kind: 0,
        length: HEADER_LEN as u16,
        xid,
    };
    let message = message.map_err(|error| error.within("body"))?;
    encode(&header, &message).map_err(|error| ValueError::new(error.to_string()).within("body"))
}

/// The message that a version has under a name.
fn named(name: &str, of_vendor: bool, version: Version) -> Option<Kind> {
    let found = |kind: &Kind| {
        let code = kind.code(version);
        kind.row().name == name && code.is_some_and(|code| code.vendor.is_some() == of_vendor)
    };
    ROWS.iter().map(|row| row.kind).find(found)
}

fn version_byte(text: &str) -> Result<u8, ValueError> {
    let known = Version::ALL
        .into_iter()
        .find(|version| version.name() == text);
    if let Some(version) = known {
        return Ok(version.wire());
    }
    let digits = text.strip_prefix("0x");
    let byte = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
    byte.ok_or(ValueError::new(
        "1.0, 1.1, 1.2, 1.3, 1.4, 1.5 or a byte such as 0x0f",
    ))
}

/// The hexadecimal digits of the message that an object describes, as [`decode_line`] prints it.
pub fn encode_line(value: &Value) -> Result<String, ValueError> {
    let bytes = from_members(value)?;
    match Value::hex(&bytes) {
        Value::Text(digits) => Ok(digits.into_owned()),
        _ => Err(ValueError::new("a message")),
    }
}
