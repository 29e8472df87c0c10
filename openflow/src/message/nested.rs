//! Messages inside messages: in a bundle (OpenFlow 1.5.1, 7.3.9.6), or another controller's request that is told
//! on (7.4.7).

use bytes::Bytes;

use super::{HEADER_LEN, Header, Kind, Message, ROWS};
use crate::Version;
use crate::error::{DecodeError, EncodeError, ErrorAnswer};
use crate::message::describe;
use crate::record::{Dice, Generate, Plain, Value, ValueError, Wire, record};
use crate::wire::{Reader, Writer};

/// Messages that hold messages.
const HOLDERS: [Kind; 2] = [Kind::BundleAdd, Kind::Requestforward];
/// What a message in one of them should be.
const FLAT: &str = "a message that holds no other";

/// Whether an object is that of a message that holds another.
fn holds_another(value: &Value) -> bool {
    let names = ["type", "subtype"].map(|name| value.member(name));
    let is_holder = |name: &Value| {
        let mut holders = HOLDERS.iter().map(|kind| kind.row().name);
        holders.any(|holder| *name == Value::text(holder))
    };
    names.into_iter().flatten().any(is_holder)
}

/// A whole message with its header, as bytes: what is in a bundle was often encoded long before.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Nested(pub Bytes);

impl Nested {
    /// The message. One that holds a message itself is refused: nothing nests twice.
    pub fn decode(&self) -> Result<(Header, Message), DecodeError> {
        let (header, message) = Message::decode(&self.0)?;
        if message.kind().is_some_and(|kind| HOLDERS.contains(&kind)) {
            return Err(DecodeError {
                offset: 0,
                expected: FLAT,
                answer: ErrorAnswer::BUNDLE_MESSAGE_LEN,
            });
        }
        Ok((header, message))
    }

    /// The same message, written by this crate.
    pub(crate) fn tidied(&self) -> Result<Self, DecodeError> {
        let (header, message) = self.decode()?;
        let again = describe::encode(&header, &message);
        again.map(Self).map_err(|_| DecodeError {
            offset: 0,
            expected: "a message that can be written",
            answer: ErrorAnswer::BUNDLE_MESSAGE_LEN,
        })
    }
}

impl Wire for Nested {
    fn read(r: &mut Reader<'_>, _: Version, _: &'static str) -> Result<Self, DecodeError> {
        r.answer_with(ErrorAnswer::BUNDLE_MESSAGE_LEN);
        let inner =
            Header::peek(r.peek()).ok_or_else(|| r.error("a message inside the message"))?;
        let length = usize::from(inner.length);
        if length < HEADER_LEN {
            return Err(r.error("a message inside the message of at least eight bytes"));
        }
        let bytes = r.bytes(length, "the message that its length tells of")?;
        Ok(Self(bytes))
    }

    fn write(&self, w: &mut Writer, _: Version) -> Result<(), EncodeError> {
        w.slice(&self.0);
        Ok(())
    }
}

/// As a message by itself; bytes that are none as digits.
impl Plain for Nested {
    fn value(&self, _: Version) -> Value {
        match self.decode() {
            Ok((header, message)) => Value::Object(describe::members(&header, &message)),
            Err(_) => Value::hex(&self.0),
        }
    }

    fn from_value(value: &Value, _: Version) -> Result<Self, ValueError> {
        match value {
            Value::Text(_) => value.as_hex().map(|bytes| Self(bytes.into())),
            // Looked at first: objects may be inside each other as often as one likes.
            _ if holds_another(value) => Err(ValueError::new(FLAT)),
            _ => describe::from_members(value).map(Self),
        }
    }
}

impl Generate for Nested {
    fn generate(dice: &mut Dice<'_>, version: Version) -> Self {
        let flat = |kind: &Kind| kind.code(version).is_some() && !HOLDERS.contains(kind);
        let kinds: Vec<Kind> = ROWS.iter().map(|row| row.kind).filter(flat).collect();
        let kind = kinds[dice.below(kinds.len())];
        let message = Message::generate(kind, dice, version);
        Self(message.encode(version, 7).unwrap_or_default())
    }
}

record! {
    /// Tells what another controller asked for (OpenFlow 1.4.1, 7.4.6).
    pub struct Requestforward {
        /// Its message: a group-mod or a meter-mod.
        request: Nested;
    }
}
