//! Plain forms of types whose rows are not declared yet: their bytes.

use crate::error::{DecodeError, EncodeError};
use crate::record::{Dice, Generate, Plain, Value, ValueError, Wire};
use crate::wire::{Reader, Writer};
use crate::{Action, Match, Version};

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

use crate::matches::Fields;
use crate::message::*;

as_bytes! {
    Match, Match::any();
    Fields, Fields(Match::any());
    Action, Action::PopVlan;
    ErrorMessage, ErrorMessage::new(crate::error::ErrorAnswer::BAD_TYPE, bytes::Bytes::new());
    FlowMod, FlowMod::delete_cookie(1);
    FlowRemoved, FlowRemoved { cookie: 1, priority: 1, reason: 1, table: crate::TableId(1), idle_timeout: 0, hard_timeout: 0, stats: Stats::new((1, 1), 1, 1), matches: Match::any() };
    GroupMod, GroupMod::delete(crate::GroupId(1));
    MultipartRequest, MultipartRequest::new(Request::Desc);
    MultipartReply, MultipartReply::new(Reply::Flow(Vec::new()), false);
    AsyncConfig, AsyncConfig::default();
}

impl Wire for Action {
    fn read(r: &mut Reader<'_>, version: Version, _: &'static str) -> Result<Self, DecodeError> {
        let mut list = crate::action::decode_list(r, version)?;
        list.pop().ok_or_else(|| r.error("an action"))
    }

    fn write(&self, w: &mut Writer, version: Version) -> Result<(), EncodeError> {
        self.encode(w, version)
    }
}

impl Wire for Fields {
    fn read(r: &mut Reader<'_>, version: Version, _: &'static str) -> Result<Self, DecodeError> {
        Match::decode_entries(r, version).map(Self)
    }

    fn write(&self, w: &mut Writer, version: Version) -> Result<(), EncodeError> {
        self.0.encode_entries(w, version)
    }
}

impl Wire for Match {
    fn read(r: &mut Reader<'_>, version: Version, _: &'static str) -> Result<Self, DecodeError> {
        Self::decode(r, version)
    }

    fn write(&self, w: &mut Writer, version: Version) -> Result<(), EncodeError> {
        self.encode(w, version)
    }
}
