//! Errors: which one, and the message that was refused, or the text of a failed hello. What is left of a message
//! that was cut off, or that cannot be read, is shown as bytes.

use super::{Context, Title, print_deeper, print_title};
use crate::Version;
use crate::message::{
    ErrorKind, ErrorMessage, HEADER_LEN, Header, Kind, MULTIPARTS, Message, MultipartRow, ROWS, Row,
};
use crate::text::value::push;

/// How often errors are looked into that are inside each other.
const DEEPEST: u8 = 8;

/// Errors that Open vSwitch calls otherwise than the latest specification.
const NAMES: &[(&str, &str)] = &[
    ("OFPBRC_BAD_MULTIPART", "OFPBRC_BAD_STAT"),
    ("OFPBRC_BAD_EXPERIMENTER", "OFPBRC_BAD_VENDOR"),
    ("OFPBRC_BAD_EXP_TYPE", "OFPBRC_BAD_SUBTYPE"),
    ("OFPBRC_IS_SLAVE", "OFPBRC_IS_SECONDARY"),
    ("OFPBAC_BAD_EXPERIMENTER", "OFPBAC_BAD_VENDOR"),
    ("OFPBAC_BAD_EXP_TYPE", "OFPBAC_BAD_VENDOR_TYPE"),
];

/// What Open vSwitch calls an error.
fn name(latest: &'static str) -> &'static str {
    let other = NAMES.iter().find(|row| row.0 == latest);
    other.map_or(latest, |row| row.1)
}

/// Writes an error.
pub(super) fn print(out: &mut String, error: &ErrorMessage, context: Context<'_>) {
    match error.error {
        ErrorKind::Known(row) => push(out, format_args!(" {}\n", name(row.name))),
        ErrorKind::Unknown { .. } => push(out, format_args!(" {error}\n")),
    }
    match error.error.name() {
        Some("OFPHFC_INCOMPATIBLE" | "OFPHFC_EPERM") => print_text(out, &error.data),
        _ => print_refused(out, error, context),
    }
}

/// Writes a text, with octal numbers for what has no sign and for signs of C.
fn print_text(out: &mut String, text: &[u8]) {
    for byte in text {
        match byte {
            b'"' | b'\\' => push(out, format_args!("\\{byte:03o}")),
            b' '..=b'~' => out.push((*byte).into()),
            _ => push(out, format_args!("\\{byte:03o}")),
        }
    }
}

/// Writes the message that was refused.
fn print_refused(out: &mut String, error: &ErrorMessage, context: Context<'_>) {
    let data = &error.data;
    let Some(header) = Header::peek(data) else {
        match data.len() {
            0 => out.push_str("OpenFlow message is empty"),
            length => {
                push(
                    out,
                    format_args!("OpenFlow packet too short (only {length} bytes):\n"),
                );
                print_bytes(out, data);
            }
        }
        return;
    };
    let (told, there) = (usize::from(header.length), data.len());
    if told > there {
        if let Some(title) = title(&header, data) {
            print_title(out, &header, title);
            out.push('\n');
        }
        push(
            out,
            format_args!("(***truncated to {there} bytes from {told}***)\n"),
        );
    } else if told < there {
        push(
            out,
            format_args!("(***only uses {told} bytes out of {there}***)\n"),
        );
    } else if context.depth < DEEPEST {
        match Message::decode(data) {
            Ok((header, message)) => return print_deeper(out, &header, &message, context),
            Err(wrong) => {
                let answer = ErrorMessage::new(wrong.answer, data.clone());
                let name = name(answer.error.name().unwrap_or_default());
                push(out, format_args!("***decode error: {name}***\n"));
            }
        }
    }
    print_bytes(out, data);
}

/// Writes sixteen bytes on each line, and their signs.
fn print_bytes(out: &mut String, bytes: &[u8]) {
    for (at, line) in bytes.chunks(16).enumerate() {
        push(out, format_args!("{:08x}  ", at * 16));
        for place in 0..16 {
            match line.get(place) {
                Some(byte) => push(out, format_args!("{byte:02x}")),
                None => out.push_str("  "),
            }
            let middle = place == 7 && line.len() > place;
            out.push(if middle { '-' } else { ' ' });
        }
        let sign = |byte: &u8| match byte {
            b' '..=b'~' => char::from(*byte),
            _ => '.',
        };
        let signs: String = line.iter().map(sign).collect();
        push(out, format_args!("|{signs:16}|\n"));
    }
}

/// Big-endian numbers of messages' headers.
fn number(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..)?.first_chunk()?;
    Some(u32::from_be_bytes(*bytes))
}

/// What a message is called of which only the beginning is there.
fn title(header: &Header, bytes: &[u8]) -> Option<Title> {
    let version = Version::from_wire(header.version)?;
    let (vendor, code) = match header.kind {
        EXPERIMENTER => (
            Some(number(bytes, HEADER_LEN)?),
            number(bytes, HEADER_LEN + 4)?,
        ),
        kind => (None, kind.into()),
    };
    let sent = |row: &&Row| {
        let own = row.kind.code(version);
        own.is_some_and(|own| (own.vendor, own.number) == (vendor, code))
    };
    let row = ROWS.iter().find(sent)?;
    let direction = match row.kind {
        Kind::MultipartRequest => " request",
        Kind::MultipartReply => " reply",
        _ => {
            return Some(Title {
                vendor,
                name: row.name,
                of: "T",
                direction: "",
            });
        }
    };
    let (vendor, code) = multipart(bytes, version)?;
    let asked = |row: &&MultipartRow| {
        let own = row.code(version);
        own.is_some_and(|own| (own.vendor, own.number) == (vendor, code))
    };
    let row = MULTIPARTS.iter().find(asked)?;
    Some(Title {
        vendor,
        name: row.first_name(),
        of: "ST",
        direction,
    })
}

/// `OFPT_EXPERIMENTER`.
const EXPERIMENTER: u8 = 4;

/// The vendor and the number of what a multipart asks or answers, if its whole header is there.
fn multipart(bytes: &[u8], version: Version) -> Option<(Option<u32>, u32)> {
    let body = match version {
        Version::V1_0 => HEADER_LEN + 4,
        _ => HEADER_LEN + 8,
    };
    let start = bytes.get(HEADER_LEN..body)?;
    match u16::from_be_bytes(*start.first_chunk()?) {
        u16::MAX if bytes.len() < 24 => None,
        u16::MAX => Some((Some(number(bytes, body)?), number(bytes, body + 4)?)),
        kind => Some((None, kind.into())),
    }
}
