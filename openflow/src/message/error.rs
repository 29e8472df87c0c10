//! The error message: which error, and what it is about (OpenFlow 1.5.1, 7.5.4).
//!
//! An error is known by its row in [`ERRORS`], whatever a version numbers it; one without a row keeps its
//! numbers. OpenFlow 1.0 and 1.1 have no vendors' errors: Nicira's `struct nx_vendor_error` stands for them
//! there.

use std::fmt;

use bytes::Bytes;

use super::errors::{ERRORS, ErrorRow};
use crate::Version;
use crate::error::{DecodeError, EncodeError, ErrorAnswer};
use crate::record::{Dice, Generate, Members, Plain, Value, ValueError, Wire, required};
use crate::wire::{Reader, Writer};

/// `OFPET_EXPERIMENTER`, since OpenFlow 1.2.
const EXPERIMENTER: u16 = 0xffff;
/// `NXET_VENDOR`, in OpenFlow 1.0 and 1.1.
const NICIRA_VENDOR: u16 = 0xb0c2;

/// Which error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// One of the table.
    Known(&'static ErrorRow),
    /// One that the table does not have for the version.
    Unknown {
        /// The vendor, when the error is not of the standard.
        vendor: Option<u32>,
        /// `OFPET_*`; for a vendor's 0xffff since OpenFlow 1.2.
        kind: u16,
        /// The code within the type, or the vendor's number.
        code: u16,
    },
}

impl ErrorKind {
    fn of(vendor: Option<u32>, kind: u16, code: u16, version: Version) -> Self {
        match ErrorRow::find(vendor, kind, code, version) {
            Some(row) => Self::Known(row),
            None => Self::Unknown { vendor, kind, code },
        }
    }

    /// The vendor, `OFPET_*` and the code that `version` sends it under; none when it cannot.
    #[must_use]
    pub fn numbers(&self, version: Version) -> Option<(Option<u32>, u16, u16)> {
        match *self {
            Self::Known(row) => row.code(version).map(|code| code.numbers()),
            Self::Unknown { vendor, kind, code } => {
                let numbers = (vendor, kind, code);
                is_sayable(numbers, version).then_some(numbers)
            }
        }
    }

    /// What `version` calls it, when the table has it.
    #[must_use]
    pub fn name_in(&self, version: Version) -> Option<&'static str> {
        match self {
            Self::Known(row) => Some(row.name_in(version)),
            Self::Unknown { .. } => None,
        }
    }

    /// Its name in the latest specification, when the table has it.
    #[must_use]
    pub fn name(&self) -> Option<&'static str> {
        match self {
            Self::Known(row) => Some(row.name),
            Self::Unknown { .. } => None,
        }
    }
}

/// Whether a version keeps these numbers apart from others: the types that announce a vendor have one, and
/// since OpenFlow 1.2 no others do.
fn is_sayable((vendor, kind, code): (Option<u32>, u16, u16), version: Version) -> bool {
    match vendor {
        None => !announces_vendor(kind, code, version),
        Some(_) => version < Version::V1_2 || kind == EXPERIMENTER,
    }
}

fn announces_vendor(kind: u16, code: u16, version: Version) -> bool {
    match version {
        Version::V1_0 | Version::V1_1 => (kind, code) == (NICIRA_VENDOR, 0),
        _ => kind == EXPERIMENTER,
    }
}

/// Says why a message was refused.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct ErrorMessage {
    /// Which error.
    pub error: ErrorKind,
    /// At least the first 64 bytes of the refused message, or a text for a failed hello.
    pub data: Bytes,
}

impl ErrorMessage {
    /// An error of the standard.
    #[must_use]
    pub fn new(answer: ErrorAnswer, data: Bytes) -> Self {
        let error = ErrorKind::of(None, answer.kind, answer.code, Version::V1_5);
        Self { error, data }
    }

    /// The same error, or when `version` has no such error, `OFPBRC_BAD_LEN`, which all have.
    #[must_use]
    pub fn in_words_of(self, version: Version) -> Self {
        match self.error.numbers(version) {
            Some(_) => self,
            None => Self::new(ErrorAnswer::BAD_REQUEST_LEN, self.data),
        }
    }

    /// The error's row, when the table has it.
    #[must_use]
    pub fn row(&self) -> Option<&'static ErrorRow> {
        match self.error {
            ErrorKind::Known(row) => Some(row),
            ErrorKind::Unknown { .. } => None,
        }
    }

    /// True for this error of the standard, under whatever numbers it came.
    #[must_use]
    pub fn is(&self, answer: ErrorAnswer) -> bool {
        let numbers = (None, answer.kind, answer.code);
        self.error.numbers(Version::V1_5) == Some(numbers)
    }
}

impl Wire for ErrorMessage {
    fn write(&self, w: &mut Writer, version: Version) -> Result<(), EncodeError> {
        let numbers = self.error.numbers(version);
        let (vendor, kind, code) = numbers.ok_or(EncodeError::NotInVersion {
            what: self.error.name().unwrap_or("an error of this type"),
            version,
        })?;
        match vendor {
            Some(vendor) if version < Version::V1_2 => {
                w.u16(NICIRA_VENDOR);
                w.u16(0);
                w.u32(vendor);
                w.u16(kind);
                w.u16(code);
            }
            _ => {
                w.u16(kind);
                w.u16(code);
                if let Some(vendor) = vendor {
                    w.u32(vendor);
                }
            }
        }
        w.slice(&self.data);
        Ok(())
    }

    fn read(r: &mut Reader<'_>, version: Version, _: &'static str) -> Result<Self, DecodeError> {
        let mut kind = r.u16("error.type")?;
        let mut code = r.u16("error.code")?;
        let mut vendor = None;
        if announces_vendor(kind, code, version) {
            vendor = Some(r.u32("error.experimenter")?);
            if version < Version::V1_2 {
                kind = r.u16("error.type")?;
                code = r.u16("error.code")?;
            }
        }
        Ok(Self {
            error: ErrorKind::of(vendor, kind, code, version),
            data: r.rest(),
        })
    }
}

/// The specification's name of the second number: a vendor's errors have a type of the vendor there.
fn code_member(vendor: Option<u32>, kind: u16) -> &'static str {
    if vendor.is_some() && kind == EXPERIMENTER {
        "exp_type"
    } else {
        "code"
    }
}

/// With the name of an error that the table has; who writes one may leave that out.
impl Plain for ErrorMessage {
    fn value(&self, version: Version) -> Value {
        let Some((vendor, kind, code)) = self.error.numbers(version) else {
            return Value::text(self);
        };
        let mut members: Members = vec![
            ("type".into(), kind.value(version)),
            (code_member(vendor, kind).into(), code.value(version)),
        ];
        if let Some(vendor) = vendor {
            members.push(("experimenter".into(), vendor.value(version)));
        }
        if let Some(name) = self.error.name_in(version) {
            members.push(("name".into(), Value::name(name)));
        }
        members.push(("data".into(), self.data.value(version)));
        Value::Object(members)
    }

    fn from_value(value: &Value, version: Version) -> Result<Self, ValueError> {
        let kind = required(value, "type", version)?;
        let vendor = match value.member("experimenter") {
            Some(_) => Some(required(value, "experimenter", version)?),
            None => None,
        };
        let second = code_member(vendor, kind);
        value.members(&["type", second, "experimenter", "name", "data"])?;
        let code = required(value, second, version)?;
        if !is_sayable((vendor, kind, code), version) {
            let expected = match vendor {
                Some(_) => "65535, the type of vendors' errors",
                None => "the member experimenter beside this type",
            };
            return Err(ValueError::new(expected).within("type"));
        }
        let error = ErrorKind::of(vendor, kind, code, version);
        let latest = error.name().map(Value::text);
        match (value.member("name"), error.name_in(version)) {
            (Some(said), Some(name))
                if *said != Value::text(name) && Some(said) != latest.as_ref() =>
            {
                return Err(ValueError::new(name).within("name"));
            }
            (Some(_), None) => {
                let expected = "no name: the error has none";
                return Err(ValueError::new(expected).within("name"));
            }
            _ => {}
        }
        let data = required(value, "data", version)?;
        Ok(Self { error, data })
    }
}

impl Generate for ErrorMessage {
    fn generate(dice: &mut Dice<'_>, version: Version) -> Self {
        let known: Vec<&'static ErrorRow> = ERRORS
            .iter()
            .filter(|row| row.code(version).is_some())
            .collect();
        let error = match known.get(dice.below(known.len() + 4)) {
            Some(row) => ErrorKind::Known(row),
            None => {
                let vendor = dice.flip().then(|| u32::generate(dice, version));
                let kind = match vendor {
                    Some(_) if version >= Version::V1_2 => EXPERIMENTER,
                    // A type that announces no vendor.
                    _ => u16::generate(dice, version) & 0x7fff,
                };
                ErrorKind::of(vendor, kind, u16::generate(dice, version), version)
            }
        };
        let data = dice.bytes(80).into();
        Self { error, data }
    }
}

impl fmt::Display for ErrorMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.error {
            ErrorKind::Known(row) => write!(f, "{}: {}", row.name, row.doc),
            ErrorKind::Unknown {
                vendor: Some(vendor),
                kind: EXPERIMENTER,
                code,
            } => write!(f, "error {code} of vendor {vendor:#010x}"),
            ErrorKind::Unknown { vendor, kind, code } => {
                write!(f, "error of type {kind}, code {code}")?;
                match vendor {
                    Some(vendor) => write!(f, " of vendor {vendor:#010x}"),
                    None => Ok(()),
                }
            }
        }
    }
}

impl fmt::Debug for ErrorMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self} ({} bytes of the message)", self.data.len())
    }
}
