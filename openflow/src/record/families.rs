//! Headers by which the members of unions are told apart.

use bytes::Bytes;

use crate::action::NICIRA;
use crate::error::{DecodeError, EncodeError, ErrorAnswer};
use crate::field::ONF;
use crate::record::Dice;
use crate::wire::{Reader, Writer};

/// The type that says that a vendor's id follows, in every family.
const EXPERIMENTER: u16 = 0xffff;

/// A header that was read.
#[derive(Debug)]
pub struct Opened<'a> {
    /// The vendor; none for a type of the standard.
    pub vendor: Option<u32>,
    /// The type, or the vendor's; none when the vendor's own header is not known.
    pub number: Option<u32>,
    /// What follows the header.
    pub body: Reader<'a>,
    /// What is kept of one that no row knows: all that follows type, length and vendor.
    pub data: Reader<'a>,
}

/// A way to tell the members of a union apart.
pub trait Family {
    /// The specification's name of the type code.
    const TAG: &'static str = "type";
    /// Whether a vendor's members have a type of the vendor's, 32 bits before all else.
    const EXP_TYPE: bool = false;

    /// Reads the header of a member; the reader goes on behind the member.
    fn open<'a>(r: &mut Reader<'a>, what: &'static str) -> Result<Opened<'a>, DecodeError>;

    /// Accepts what is left behind the fields of a member, or refuses it.
    fn close(body: &mut Reader<'_>) -> Result<(), DecodeError>;

    /// Writes a member: its header, then what `body` writes. A vendor without a `number` writes its own
    /// header in `body`.
    fn write(
        w: &mut Writer,
        vendor: Option<u32>,
        number: Option<u32>,
        what: &'static str,
        body: impl FnOnce(&mut Writer) -> Result<(), EncodeError>,
    ) -> Result<(), EncodeError>;

    /// Makes up a member that no row knows: of a vendor, or of the standard.
    fn unknown(dice: &mut Dice<'_>, of_vendor: bool) -> Result<(u32, Bytes), (u32, Bytes)> {
        // The whole member ends at a multiple of eight bytes.
        let length = 8 * dice.below(3) + if of_vendor { 0 } else { 4 };
        let data: Vec<u8> = (0..length).map(|_| dice.uint(1) as u8).collect();
        if of_vendor {
            Ok((0x00ab_cdef, data.into()))
        } else {
            Err((0x7f00, data.into()))
        }
    }
}

/// Reads type and length, and for a vendor's its id; `length` says how many bytes follow these four.
#[inline]
fn open<'a>(
    r: &mut Reader<'a>,
    what: &'static str,
    length: impl FnOnce(&Reader<'a>, usize) -> Result<usize, DecodeError>,
    padding: usize,
) -> Result<Opened<'a>, DecodeError> {
    let kind = r.u16(what)?;
    let wire = usize::from(r.u16(what)?);
    let follows = length(r, wire)?;
    let mut body = r.sub(follows, what)?;
    if padding > 1 {
        r.skip(wire.next_multiple_of(padding) - wire, what)?;
    }
    let vendor = (kind == EXPERIMENTER).then(|| body.u32(what)).transpose()?;
    Ok(Opened {
        vendor,
        number: vendor.is_none().then_some(u32::from(kind)),
        data: body.clone(),
        body,
    })
}

/// A type as the 16 bits that it has on the wire.
fn narrow(number: Option<u32>) -> Result<u16, EncodeError> {
    let number = number.unwrap_or_default();
    u16::try_from(number).map_err(|_| EncodeError::TooLong {
        what: "a type",
        length: number as usize,
        limit: usize::from(u16::MAX),
    })
}

/// Writes type and length and a vendor's id, then what `body` writes.
fn write(
    w: &mut Writer,
    vendor: Option<u32>,
    number: Option<u32>,
    body: impl FnOnce(&mut Writer) -> Result<(), EncodeError>,
) -> Result<usize, EncodeError> {
    let start = w.len();
    match vendor {
        None => w.u16(narrow(number)?),
        Some(_) => w.u16(EXPERIMENTER),
    }
    w.u16(0);
    if let Some(vendor) = vendor {
        w.u32(vendor);
    }
    body(w)?;
    Ok(start)
}

/// Properties: the length does not count the padding to eight bytes (OpenFlow 1.5.1, 7.2.1.2). A vendor's
/// has its id and a type of 32 bits.
#[derive(Debug)]
pub struct Property;

impl Family for Property {
    const EXP_TYPE: bool = true;

    #[inline]
    fn open<'a>(r: &mut Reader<'a>, what: &'static str) -> Result<Opened<'a>, DecodeError> {
        r.answer_with(ErrorAnswer::BAD_PROPERTY_LEN);
        let length = |r: &Reader<'a>, wire: usize| {
            wire.checked_sub(4)
                .ok_or_else(|| r.error("a property length of at least 4"))
        };
        let mut opened = open(r, what, length, 8)?;
        if opened.vendor.is_some() {
            opened.number = Some(opened.body.u32("the type of a vendor's property")?);
        }
        Ok(opened)
    }

    #[inline]
    fn close(body: &mut Reader<'_>) -> Result<(), DecodeError> {
        body.finish("the end of the property")
    }

    fn write(
        w: &mut Writer,
        vendor: Option<u32>,
        number: Option<u32>,
        what: &'static str,
        body: impl FnOnce(&mut Writer) -> Result<(), EncodeError>,
    ) -> Result<(), EncodeError> {
        let start = write(w, vendor, number, |w| {
            if let (Some(_), Some(number)) = (vendor, number) {
                w.u32(number);
            }
            body(w)
        })?;
        w.patch_length(start + 2, start, what)?;
        w.align8(start);
        Ok(())
    }

    fn unknown(dice: &mut Dice<'_>, of_vendor: bool) -> Result<(u32, Bytes), (u32, Bytes)> {
        if !of_vendor {
            return Element::unknown(dice, false);
        }
        // The vendor's type, and what it likes to say.
        let length = 4 + dice.below(20);
        Ok((
            0x00ab_cdef,
            (0..length).map(|_| dice.uint(1) as u8).collect(),
        ))
    }
}

/// The first of the two types that are a vendor's, of those families that have two.
const OF_VENDORS: u16 = 0xfffe;

/// Properties of which two types are a vendor's (OpenFlow 1.5.1, 7.3.10 and 7.3.5.18.1). Each has a row, which reads
/// the vendor's id and type.
#[derive(Debug)]
pub struct LooseProperty;

impl Family for LooseProperty {
    #[inline]
    fn open<'a>(r: &mut Reader<'a>, what: &'static str) -> Result<Opened<'a>, DecodeError> {
        r.answer_with(ErrorAnswer::BAD_PROPERTY_LEN);
        let kind = r.u16(what)?;
        let wire = usize::from(r.u16(what)?);
        // A vendor's has its id and a type.
        let least = if kind < OF_VENDORS { 4 } else { 12 };
        let length = wire.checked_sub(4).filter(|_| wire >= least);
        let length =
            length.ok_or_else(|| r.error("a property length of at least 4, 12 of a vendor's"))?;
        let body = r.sub(length, what)?;
        r.skip(wire.next_multiple_of(8) - wire, what)?;
        Ok(Opened {
            vendor: None,
            number: Some(u32::from(kind)),
            data: body.clone(),
            body,
        })
    }

    #[inline]
    fn close(body: &mut Reader<'_>) -> Result<(), DecodeError> {
        Property::close(body)
    }

    fn write(
        w: &mut Writer,
        vendor: Option<u32>,
        number: Option<u32>,
        what: &'static str,
        body: impl FnOnce(&mut Writer) -> Result<(), EncodeError>,
    ) -> Result<(), EncodeError> {
        Property::write(w, vendor, number, what, body)
    }

    fn unknown(dice: &mut Dice<'_>, _: bool) -> Result<(u32, Bytes), (u32, Bytes)> {
        Err((0x7f00, dice.bytes(12).into()))
    }
}

/// Elements: the length is a multiple of eight and counts the padding, as instructions have it
/// (OpenFlow 1.5.1, 7.2.5). A vendor's has its id, and then what the vendor likes.
#[derive(Debug)]
pub struct Element;

/// Reads the length of a member that ends at a multiple of eight.
#[inline]
fn element_length(r: &Reader<'_>, wire: usize) -> Result<usize, DecodeError> {
    if wire < 8 || !wire.is_multiple_of(8) {
        return Err(r.error("a length that is a multiple of 8"));
    }
    Ok(wire - 4)
}

/// Accepts padding of less than eight bytes.
#[inline]
fn close_padded(body: &mut Reader<'_>, expected: &'static str) -> Result<(), DecodeError> {
    if body.remaining() >= 8 {
        return Err(body.error(expected));
    }
    Ok(())
}

impl Family for Element {
    #[inline]
    fn open<'a>(r: &mut Reader<'a>, what: &'static str) -> Result<Opened<'a>, DecodeError> {
        open(r, what, element_length, 1)
    }

    #[inline]
    fn close(body: &mut Reader<'_>) -> Result<(), DecodeError> {
        close_padded(body, "the end of the element")
    }

    fn write(
        w: &mut Writer,
        vendor: Option<u32>,
        number: Option<u32>,
        what: &'static str,
        body: impl FnOnce(&mut Writer) -> Result<(), EncodeError>,
    ) -> Result<(), EncodeError> {
        let start = write(w, vendor, number, body)?;
        w.align8(start);
        w.patch_length(start + 2, start, what)
    }
}

/// Bytes of the shortest band: type, length, rate and burst, up to a multiple of eight.
const BAND: usize = 16;

/// Elements without vendors of their own: type 0xffff is one like the others.
#[derive(Debug)]
pub struct Tagged;

impl Family for Tagged {
    #[inline]
    fn open<'a>(r: &mut Reader<'a>, what: &'static str) -> Result<Opened<'a>, DecodeError> {
        let kind = r.u16(what)?;
        let wire = usize::from(r.u16(what)?);
        if wire < BAND {
            return Err(r.error("a band length of at least 16"));
        }
        let body = r.sub(element_length(r, wire)?, what)?;
        Ok(Opened {
            vendor: None,
            number: Some(u32::from(kind)),
            data: body.clone(),
            body,
        })
    }

    #[inline]
    fn close(body: &mut Reader<'_>) -> Result<(), DecodeError> {
        close_padded(body, "the end of the element")
    }

    fn write(
        w: &mut Writer,
        vendor: Option<u32>,
        number: Option<u32>,
        what: &'static str,
        body: impl FnOnce(&mut Writer) -> Result<(), EncodeError>,
    ) -> Result<(), EncodeError> {
        Element::write(w, vendor, number, what, body)
    }

    fn unknown(dice: &mut Dice<'_>, _: bool) -> Result<(u32, Bytes), (u32, Bytes)> {
        let words = 1 + dice.below(3);
        Err((0x7f00, vec![7; 8 * words + 4].into()))
    }
}

/// Properties without vendors, as a hello has them (OpenFlow 1.5.1, 7.5.1): the length does not count the
/// padding to eight bytes, which may be missing at the end.
#[derive(Debug)]
pub struct Unpadded;

impl Family for Unpadded {
    #[inline]
    fn open<'a>(r: &mut Reader<'a>, what: &'static str) -> Result<Opened<'a>, DecodeError> {
        let kind = r.u16(what)?;
        let wire = usize::from(r.u16(what)?);
        let length = wire.checked_sub(4);
        let length = length.ok_or_else(|| r.error("a length of at least 4"))?;
        let body = r.sub(length, what)?;
        let padding = wire.next_multiple_of(8) - wire;
        r.skip(padding.min(r.remaining()), what)?;
        Ok(Opened {
            vendor: None,
            number: Some(u32::from(kind)),
            data: body.clone(),
            body,
        })
    }

    #[inline]
    fn close(body: &mut Reader<'_>) -> Result<(), DecodeError> {
        body.finish("the end of the element")
    }

    fn write(
        w: &mut Writer,
        vendor: Option<u32>,
        number: Option<u32>,
        what: &'static str,
        body: impl FnOnce(&mut Writer) -> Result<(), EncodeError>,
    ) -> Result<(), EncodeError> {
        Property::write(w, vendor, number, what, body)
    }

    fn unknown(dice: &mut Dice<'_>, _: bool) -> Result<(u32, Bytes), (u32, Bytes)> {
        Property::unknown(dice, false)
    }
}

/// Instructions: elements (OpenFlow 1.5.1, 7.2.5) with an error of their own.
#[derive(Debug)]
pub struct Instruction;

impl Family for Instruction {
    #[inline]
    fn open<'a>(r: &mut Reader<'a>, what: &'static str) -> Result<Opened<'a>, DecodeError> {
        r.answer_with(ErrorAnswer::BAD_INSTRUCTION_LEN);
        open(r, what, element_length, 1)
    }

    #[inline]
    fn close(body: &mut Reader<'_>) -> Result<(), DecodeError> {
        close_padded(body, "the end of the instruction")
    }

    fn write(
        w: &mut Writer,
        vendor: Option<u32>,
        number: Option<u32>,
        what: &'static str,
        body: impl FnOnce(&mut Writer) -> Result<(), EncodeError>,
    ) -> Result<(), EncodeError> {
        Element::write(w, vendor, number, what, body)
    }
}

/// Actions: elements in which Nicira's and the ONF's have a subtype of 16 bits (`struct nx_action_header`),
/// and are of sixteen bytes at least.
#[derive(Debug)]
pub struct Action;

/// Bytes behind the vendor of the shortest of Nicira's and the ONF's actions.
const SHORTEST_EXTENSION: usize = 8;

impl Family for Action {
    #[inline]
    fn open<'a>(r: &mut Reader<'a>, what: &'static str) -> Result<Opened<'a>, DecodeError> {
        r.answer_with(ErrorAnswer::BAD_ACTION_LEN);
        let mut opened = open(r, what, element_length, 1)?;
        if matches!(opened.vendor, Some(NICIRA | ONF)) {
            if opened.body.remaining() < SHORTEST_EXTENSION {
                return Err(opened.body.error("an action of at least sixteen bytes"));
            }
            opened.number = Some(u32::from(opened.body.u16(what)?));
        }
        Ok(opened)
    }

    #[inline]
    fn close(body: &mut Reader<'_>) -> Result<(), DecodeError> {
        close_padded(body, "the end of the action")
    }

    fn write(
        w: &mut Writer,
        vendor: Option<u32>,
        number: Option<u32>,
        what: &'static str,
        body: impl FnOnce(&mut Writer) -> Result<(), EncodeError>,
    ) -> Result<(), EncodeError> {
        let start = write(w, vendor, number, |w| {
            if let (Some(_), Some(number)) = (vendor, number) {
                // The rows hold subtypes of 16 bits.
                w.u16(number as u16);
            }
            body(w)
        })?;
        w.align8(start);
        w.patch_length(start + 2, start, what)
    }
}

/// Properties of queues (OpenFlow 1.3.5, 7.2.2): the length counts all, and four bytes of padding follow it. It is a
/// multiple of eight, but for a vendor's, which has data of whatever length.
#[derive(Debug)]
pub struct QueueFamily;

impl Family for QueueFamily {
    const TAG: &'static str = "property";

    #[inline]
    fn open<'a>(r: &mut Reader<'a>, what: &'static str) -> Result<Opened<'a>, DecodeError> {
        let kind = r.u16(what)?;
        let wire = usize::from(r.u16(what)?);
        let length = match kind {
            EXPERIMENTER => wire.checked_sub(4),
            _ => Some(element_length(r, wire)?),
        };
        let length = length.ok_or_else(|| r.error("a property length of at least 16"))?;
        let mut body = r.sub(length, what)?;
        body.skip(4, what)?;
        Ok(Opened {
            vendor: None,
            number: Some(u32::from(kind)),
            data: body.clone(),
            body,
        })
    }

    #[inline]
    fn close(body: &mut Reader<'_>) -> Result<(), DecodeError> {
        body.finish("the end of the property")
    }

    fn write(
        w: &mut Writer,
        vendor: Option<u32>,
        number: Option<u32>,
        what: &'static str,
        body: impl FnOnce(&mut Writer) -> Result<(), EncodeError>,
    ) -> Result<(), EncodeError> {
        let start = write(w, vendor, number, |w| {
            w.pad(4);
            body(w)
        })?;
        w.patch_length(start + 2, start, what)
    }

    fn unknown(dice: &mut Dice<'_>, _: bool) -> Result<(u32, Bytes), (u32, Bytes)> {
        Err((0x7f00, vec![7; 8 * dice.below(3)].into()))
    }
}

/// Entries that begin with their length, which counts all of them; then comes their type (OpenFlow 1.5.1,
/// 7.3.5.21.2).
#[derive(Debug)]
pub struct LengthFirst;

impl Family for LengthFirst {
    const TAG: &'static str = "event";

    #[inline]
    fn open<'a>(r: &mut Reader<'a>, what: &'static str) -> Result<Opened<'a>, DecodeError> {
        let wire = usize::from(r.u16(what)?);
        let kind = r.u16(what)?;
        let body = r.sub(element_length(r, wire)?, what)?;
        Ok(Opened {
            vendor: None,
            number: Some(u32::from(kind)),
            data: body.clone(),
            body,
        })
    }

    #[inline]
    fn close(body: &mut Reader<'_>) -> Result<(), DecodeError> {
        body.finish("the end of the entry")
    }

    fn write(
        w: &mut Writer,
        _: Option<u32>,
        number: Option<u32>,
        what: &'static str,
        body: impl FnOnce(&mut Writer) -> Result<(), EncodeError>,
    ) -> Result<(), EncodeError> {
        let start = w.len();
        w.u16(0);
        w.u16(narrow(number)?);
        body(w)?;
        w.align8(start);
        w.patch_length(start, start, what)
    }

    fn unknown(dice: &mut Dice<'_>, _: bool) -> Result<(u32, Bytes), (u32, Bytes)> {
        Element::unknown(dice, false)
    }
}
