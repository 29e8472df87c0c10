//! Messages as objects with names: what tools print and read, a message a line.
//!
//! An object says `version`, `type`, for vendors' and multipart messages `subtype`, `xid` and `body`; the body's
//! members are named as in the specification. [`decode_line`] and [`encode_line`] go from hexadecimal digits to
//! objects and back.

use std::borrow::Cow;

use bytes::Bytes;

use super::{HEADER_LEN, Header, Kind, Message, ROWS};
use crate::Version;
use crate::error::{DecodeError, EncodeError};
use crate::record::{Members, Plain, Value, ValueError, required};

/// The names of types that the table has no row of its own for.
const EXPERIMENTER: &str = "experimenter";
const UNKNOWN: &str = "unknown";

/// Why a line is no message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LineError {
    /// There is nothing, or something else than pairs of digits.
    #[error("expected a message as pairs of hexadecimal digits")]
    Digits,
    /// The bytes are no message.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// What was read cannot be written.
    #[error(transparent)]
    Encode(#[from] EncodeError),
}

/// The object that says what the hexadecimal digits of a line mean, white space around them left out:
/// `ok`, and then what the message says, or `error`.
#[must_use]
pub fn decode_line(line: &[u8]) -> Value {
    let members = match describe(line) {
        Ok((header, message, tidy)) => {
            let mut all: Members = vec![("ok".into(), Value::Bool(true))];
            all.extend(members(&header, &message));
            all.push(("reencoded".into(), Value::hex(&tidy)));
            all
        }
        Err(error) => vec![
            ("ok".into(), Value::Bool(false)),
            ("error".into(), Value::text(error)),
        ],
    };
    Value::Object(members)
}

fn describe(line: &[u8]) -> Result<(Header, Message, Bytes), LineError> {
    let bytes = digits(line.trim_ascii()).filter(|bytes| !bytes.is_empty());
    let bytes = Bytes::from(bytes.ok_or(LineError::Digits)?);
    let (header, message) = Message::decode(&bytes)?;
    let message = tidied(message)?;
    let tidy = encode(&header, &message)?;
    Ok((header, message, tidy))
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
            (kind.row().name, request.request.name())
        }
        (Some(kind), Message::MultipartReply(reply)) => (kind.row().name, reply.reply.name()),
        (Some(kind), _) => (kind.row().name, None),
        (None, Message::Experimenter(_)) => (EXPERIMENTER, None),
        (None, _) => (UNKNOWN, None),
    };
    let mut members: Members = vec![
        ("version".into(), Value::Text(name.into_owned())),
        ("type".into(), Value::text(kind)),
    ];
    if let Some(subtype) = subtype {
        members.push(("subtype".into(), Value::text(subtype)));
    }
    members.push(("xid".into(), header.xid.value(version)));
    members.push(("body".into(), message.body_value(version)));
    members
}

/// The bytes of the message that an object describes.
pub(crate) fn from_members(value: &Value) -> Result<Bytes, ValueError> {
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
        Value::Text(digits) => Ok(digits),
        _ => Err(ValueError::new("a message")),
    }
}
