//! Properties: type, length, value, padding to eight bytes (OpenFlow 1.4.1, 7.2.1.2 and others).

use bytes::Bytes;

use crate::error::{DecodeError, EncodeError, ErrorAnswer};
use crate::wire::{Reader, Writer};

/// A property of a message, as it came.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Property {
    /// Its type, whose meaning the message says.
    pub kind: u16,
    /// Its value, without header and padding.
    pub value: Bytes,
}

/// Reads properties until the reader's end.
pub(crate) fn decode_list(r: &mut Reader<'_>) -> Result<Vec<Property>, DecodeError> {
    let mut list = Vec::new();
    while !r.is_empty() {
        let (kind, mut body) = decode(r)?;
        list.push(Property {
            kind,
            value: body.rest(),
        });
    }
    Ok(list)
}

/// Reads a property: its type, and a reader over its value.
pub(crate) fn decode<'a>(r: &mut Reader<'a>) -> Result<(u16, Reader<'a>), DecodeError> {
    r.answer_with(ErrorAnswer::BAD_PROPERTY_LEN);
    let kind = r.u16("the property's type")?;
    let length = usize::from(r.u16("the property's length")?);
    let value = length
        .checked_sub(4)
        .ok_or_else(|| r.error("a property length of at least 4"))?;
    let body = r.sub(value, "the property that its length tells of")?;
    r.skip(
        length.next_multiple_of(8) - length,
        "the property's padding",
    )?;
    Ok((kind, body))
}

/// Writes properties one after the other.
pub(crate) fn encode_list(list: &[Property], w: &mut Writer) -> Result<(), EncodeError> {
    list.iter().try_for_each(|property| {
        encode(w, property.kind, |w| {
            w.slice(&property.value);
            Ok(())
        })
    })
}

/// Writes a property with the value that `value` writes.
pub(crate) fn encode(
    w: &mut Writer,
    kind: u16,
    value: impl FnOnce(&mut Writer) -> Result<(), EncodeError>,
) -> Result<(), EncodeError> {
    let start = w.len();
    w.u16(kind);
    w.u16(0);
    value(w)?;
    w.patch_length(start + 2, start, "a property")?;
    w.align8(start);
    Ok(())
}
