//! Headers by which the members of unions are told apart: a row for each family of them.

use bytes::Bytes;

use crate::action::NICIRA;
use crate::error::{DecodeError, EncodeError, ErrorAnswer};
use crate::field::ONF;
use crate::record::Dice;
use crate::wire::{Reader, Writer};

/// The type that says that a vendor's id follows, in every family.
const EXPERIMENTER: u16 = 0xffff;
/// The first of the two types that are a vendor's, of those families that have two.
const OF_VENDORS: u16 = 0xfffe;
/// Bytes of type and length.
const HEADER: usize = 4;
/// Bytes of a vendor's id.
const VENDOR: usize = 4;
/// Bytes behind the vendor of the shortest of Nicira's and the ONF's actions.
const SHORTEST_EXTENSION: usize = 8;

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
    fn unknown(dice: &mut Dice<'_>, of_vendor: bool) -> Result<(u32, Bytes), (u32, Bytes)>;
}

/// What fills a member up to a multiple of eight bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Padding {
    /// Nothing: the fields do, but not what a vendor says.
    None,
    /// Zeros that the length counts.
    Counted,
    /// Zeros behind what the length counts.
    Behind,
    /// The same; behind the last member they may be missing.
    BehindOrMissing,
}

/// How a family knows members of vendors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Vendors {
    /// It has none: type 0xffff is one like the others.
    None,
    /// By two types, each of which has a row that reads the vendor's id and type.
    Rows,
    /// By the id, behind which is what the vendor likes.
    Id,
    /// By the id and a type of 32 bits.
    Typed,
    /// By the id; Nicira's and the ONF's have a type of 16 bits, and are of sixteen bytes at least.
    Subtyped,
}

/// How a family lays out its members: type and length of 16 bits each, a vendor, the fields.
#[derive(Debug, Clone, Copy)]
struct Layout {
    /// The specification's name of the type.
    tag: &'static str,
    /// Which error answers a malformed one; none for that of what is around.
    answer: Option<ErrorAnswer>,
    /// Whether the length stands before the type.
    length_first: bool,
    /// The fewest bytes, of those that are no vendor's.
    least: usize,
    /// What a length should have been that is too small, or no multiple.
    length: &'static str,
    /// What fills a member up.
    padding: Padding,
    /// How members of vendors are known.
    vendors: Vendors,
    /// Zeros before the fields.
    gap: usize,
    /// What should have come behind the fields.
    end: &'static str,
}

/// A family that is a [`Layout`] and nothing else.
trait Laid {
    const LAYOUT: Layout;
}

/// Declares families by their layouts, each with what differs from another's.
macro_rules! families {
    ($($(#[$meta:meta])* $family:ident $(like $other:ident)? { $($column:ident: $value:expr),* $(,)? })*) => {$(
        $(#[$meta])*
        #[derive(Debug)]
        pub struct $family;

        impl Laid for $family {
            const LAYOUT: Layout = Layout { $($column: $value,)* $(..$other::LAYOUT)? };
        }
    )*};
}

families! {
    /// What most structures with a type are (OpenFlow 1.1.0, A.1: 64-bit alignment).
    Element {
        tag: "type",
        answer: None,
        length_first: false,
        least: 8,
        length: "a length that is a multiple of 8",
        padding: Padding::Counted,
        vendors: Vendors::Id,
        gap: 0,
        end: "the end of the element",
    }

    /// Bands of meters (OpenFlow 1.5.1, 7.3.4.5), which have a rate and a burst, a vendor's before the vendor.
    Tagged like Element {
        least: 16,
        length: "a band length that is a multiple of 8, and at least 16",
        vendors: Vendors::None,
    }

    /// Instructions (OpenFlow 1.5.1, 7.2.5).
    Instruction like Element {
        answer: Some(ErrorAnswer::BAD_INSTRUCTION_LEN),
        end: "the end of the instruction",
    }

    /// Actions (OpenFlow 1.5.1, 7.2.6; `struct nx_action_header`).
    Action like Element {
        answer: Some(ErrorAnswer::BAD_ACTION_LEN),
        vendors: Vendors::Subtyped,
        end: "the end of the action",
    }

    /// Entries that begin with their length (OpenFlow 1.5.1, 7.3.5.21.2).
    LengthFirst like Element {
        tag: "event",
        length_first: true,
        vendors: Vendors::None,
        end: "the end of the entry",
    }

    /// Properties (OpenFlow 1.5.1, 7.2.1.2).
    Property like Element {
        answer: Some(ErrorAnswer::BAD_PROPERTY_LEN),
        least: 4,
        length: "a property length of at least 4, 12 of a vendor's",
        padding: Padding::Behind,
        vendors: Vendors::Typed,
        end: "the end of the property",
    }

    /// Properties of which two types are a vendor's (OpenFlow 1.5.1, 7.3.10 and 7.3.5.18.1).
    LooseProperty like Property {
        vendors: Vendors::Rows,
    }

    /// Properties of a hello (OpenFlow 1.5.1, 7.5.1).
    Unpadded like Element {
        least: 4,
        length: "a length of at least 4",
        padding: Padding::BehindOrMissing,
        vendors: Vendors::None,
    }

    /// Properties of queues (OpenFlow 1.3.5, 7.2.2).
    QueueFamily like Element {
        tag: "property",
        padding: Padding::None,
        vendors: Vendors::None,
        gap: 4,
        end: "the end of the property",
    }
}

impl Vendors {
    /// Whether a type says that a vendor's id follows, or stands in the data.
    const fn have(self, kind: u16) -> bool {
        match self {
            Self::None => false,
            Self::Rows => kind >= OF_VENDORS,
            Self::Id | Self::Typed | Self::Subtyped => kind == EXPERIMENTER,
        }
    }

    /// Bytes of vendor and type in every member of a vendor.
    const fn header(self) -> usize {
        match self {
            Self::None => 0,
            Self::Id | Self::Subtyped => VENDOR,
            Self::Rows | Self::Typed => VENDOR + 4,
        }
    }
}

/// Zeros behind so many bytes, up to a multiple of eight.
const fn padding(length: usize) -> usize {
    length.next_multiple_of(8) - length
}

impl<T: Laid> Family for T {
    const TAG: &'static str = T::LAYOUT.tag;
    const EXP_TYPE: bool = matches!(T::LAYOUT.vendors, Vendors::Typed);

    #[inline]
    fn open<'a>(r: &mut Reader<'a>, what: &'static str) -> Result<Opened<'a>, DecodeError> {
        let layout = T::LAYOUT;
        if let Some(answer) = layout.answer {
            r.answer_with(answer);
        }
        let [k0, k1, l0, l1] = r.array(what)?;
        let mut kind = u16::from_be_bytes([k0, k1]);
        let mut length = u16::from_be_bytes([l0, l1]);
        if layout.length_first {
            (kind, length) = (length, kind);
        }
        let (of_vendor, length) = (layout.vendors.have(kind), usize::from(length));
        let least = match of_vendor {
            true => HEADER + layout.vendors.header(),
            false => layout.least,
        };
        let whole = match layout.padding {
            Padding::Counted => length.is_multiple_of(8),
            Padding::None => length.is_multiple_of(8) || kind == EXPERIMENTER,
            Padding::Behind | Padding::BehindOrMissing => true,
        };
        if length < least || !whole {
            return Err(r.error(layout.length));
        }
        let mut body = r.sub(length - HEADER, what)?;
        match layout.padding {
            Padding::None | Padding::Counted => {}
            Padding::Behind => r.skip(padding(length), what)?,
            Padding::BehindOrMissing => r.skip(padding(length).min(r.remaining()), what)?,
        }
        body.skip(layout.gap, what)?;
        let of_vendor = of_vendor && layout.vendors != Vendors::Rows;
        let vendor = of_vendor.then(|| body.u32(what)).transpose()?;
        let data = body.clone();
        let number = match vendor {
            None => Some(u32::from(kind)),
            Some(vendor) => typed(layout.vendors, vendor, &mut body, what)?,
        };
        Ok(Opened {
            vendor,
            number,
            body,
            data,
        })
    }

    #[inline]
    fn close(body: &mut Reader<'_>) -> Result<(), DecodeError> {
        let padded = T::LAYOUT.padding == Padding::Counted && body.remaining() < 8;
        match padded || body.is_empty() {
            true => Ok(()),
            false => Err(body.error(T::LAYOUT.end)),
        }
    }

    #[inline]
    fn write(
        w: &mut Writer,
        vendor: Option<u32>,
        number: Option<u32>,
        what: &'static str,
        body: impl FnOnce(&mut Writer) -> Result<(), EncodeError>,
    ) -> Result<(), EncodeError> {
        let layout = T::LAYOUT;
        let start = w.len();
        let kind = match vendor {
            None => narrow(number.unwrap_or_default())?,
            Some(_) => EXPERIMENTER,
        };
        let (first, second) = match layout.length_first {
            true => (0, kind),
            false => (kind, 0),
        };
        w.u16(first);
        w.u16(second);
        if let Some(vendor) = vendor {
            w.u32(vendor);
            match (layout.vendors, number) {
                (Vendors::Typed, Some(number)) => w.u32(number),
                // The rows hold subtypes of 16 bits.
                (Vendors::Subtyped, Some(number)) => w.u16(number as u16),
                _ => {}
            }
        }
        w.pad(layout.gap);
        w.part(what, body)?;
        if layout.padding == Padding::Counted {
            w.align8(start);
        }
        let at = if layout.length_first { 0 } else { 2 };
        w.patch_length(start + at, start, what)?;
        if matches!(layout.padding, Padding::Behind | Padding::BehindOrMissing) {
            w.align8(start);
        }
        Ok(())
    }

    fn unknown(dice: &mut Dice<'_>, of_vendor: bool) -> Result<(u32, Bytes), (u32, Bytes)> {
        let layout = T::LAYOUT;
        let of_vendor = of_vendor && !matches!(layout.vendors, Vendors::None | Vendors::Rows);
        let least = match of_vendor {
            true => HEADER + layout.vendors.header(),
            false => layout.least,
        };
        let length = match layout.padding {
            Padding::Counted | Padding::None => least.next_multiple_of(8) + 8 * dice.below(3),
            Padding::Behind | Padding::BehindOrMissing => least + dice.below(20),
        };
        let mut data: Vec<u8> = (HEADER + layout.gap..length)
            .map(|_| dice.uint(1) as u8)
            .collect();
        match of_vendor {
            true => Ok((0x00ab_cdef, data.split_off(VENDOR).into())),
            false => Err((0x7f00, data.into())),
        }
    }
}

/// Reads the type that a vendor's member has, if it has one.
#[inline]
fn typed(
    vendors: Vendors,
    vendor: u32,
    body: &mut Reader<'_>,
    what: &'static str,
) -> Result<Option<u32>, DecodeError> {
    Ok(match (vendors, vendor) {
        (Vendors::Typed, _) => Some(body.u32("the type of a vendor's property")?),
        (Vendors::Subtyped, NICIRA | ONF) => {
            if body.remaining() < SHORTEST_EXTENSION {
                return Err(body.error("an action of at least sixteen bytes"));
            }
            Some(u32::from(body.u16(what)?))
        }
        _ => None,
    })
}

/// A type as the 16 bits that it has on the wire.
fn narrow(number: u32) -> Result<u16, EncodeError> {
    u16::try_from(number).map_err(|_| EncodeError::TooLong {
        what: "a type",
        length: number as usize,
        limit: usize::from(u16::MAX),
    })
}
