//! Plain forms of types whose rows are not declared yet: their bytes.

use crate::error::{DecodeError, EncodeError};
use crate::record::{Dice, Generate, Plain, Value, ValueError, Wire};
use crate::wire::{Reader, Writer};
use crate::{Action, Instruction, Version};

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
    Action, Action::Unknown(bytes::Bytes::from_static(&[0xff, 0xff, 0, 8, 0, 0xab, 0xcd, 0xef]));
    Instruction, Instruction::ClearActions; // no generation yet
    ErrorMessage, ErrorMessage::new(crate::error::ErrorAnswer::BAD_TYPE, bytes::Bytes::new());
}

impl Wire for Instruction {
    fn read(r: &mut Reader<'_>, version: Version, _: &'static str) -> Result<Self, DecodeError> {
        r.answer_with(crate::error::ErrorAnswer::BAD_INSTRUCTION_LEN);
        crate::instruction::decode(r, version)
    }

    fn write(&self, w: &mut Writer, version: Version) -> Result<(), EncodeError> {
        crate::instruction::encode_list(std::slice::from_ref(self), w, version)
    }
}

impl Wire for Action {
    fn read(r: &mut Reader<'_>, version: Version, _: &'static str) -> Result<Self, DecodeError> {
        crate::action::decode(r, version, 0)
    }

    fn write(&self, w: &mut Writer, version: Version) -> Result<(), EncodeError> {
        self.encode(w, version)
    }
}
