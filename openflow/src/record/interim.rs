//! Plain forms of types whose rows are not declared yet: their bytes.

use crate::Version;
use crate::record::{Dice, Generate, Plain, Value, ValueError, Wire};
use crate::wire::{Reader, Writer};

macro_rules! as_bytes {
    ($($type:ty, $made_up:expr;)*) => {$(
        impl Plain for $type {
            fn value(&self, version: Version) -> Value {
                let mut w = Writer::new();
                match self.write(&mut w, version) {
                    Ok(()) => Value::hex(w.written(0)),
                    Err(error) => Value::text(error),
                }
            }

            fn from_value(value: &Value, version: Version) -> Result<Self, ValueError> {
                let bytes = bytes::Bytes::from(value.as_hex()?);
                let mut r = Reader::new(&bytes);
                Self::read(&mut r, version, "a value")
                    .map_err(|error| ValueError::new(error.to_string()))
            }
        }

        impl Generate for $type {
            fn generate(_: &mut Dice<'_>, _: Version) -> Self {
                $made_up
            }
        }
    )*};
}

use crate::message::*;

as_bytes! {
    ErrorMessage, ErrorMessage::new(crate::error::ErrorAnswer::BAD_TYPE, bytes::Bytes::new());
}
