//! The types that fields are made of: integers, bytes, names, addresses, ids, lists.

use std::net::{Ipv4Addr, Ipv6Addr};

use bytes::Bytes;

use crate::Version;
use crate::error::{DecodeError, EncodeError};
use crate::record::{Dice, Generate, Plain, Sink, Value, ValueError, Wire};
use crate::types::{DatapathId, GroupId, MacAddr, MeterId, PortNo, TableId};
use crate::wire::{Reader, Writer};

macro_rules! integers {
    ($($type:ty, $width:literal, $bits:literal;)*) => {$(
        impl Wire for $type {
            #[inline]
            fn read(r: &mut Reader<'_>, _: Version, what: &'static str) -> Result<Self, DecodeError> {
                r.array::<$width>(what).map(Self::from_be_bytes)
            }

            #[inline]
            fn write(&self, w: &mut Writer, _: Version) -> Result<(), EncodeError> {
                w.slice(&self.to_be_bytes());
                Ok(())
            }
        }

        impl Plain for $type {
            fn value(&self, _: Version) -> Value {
                match u64::try_from(*self) {
                    Ok(number) if $bits <= 64 => Value::Number(number),
                    _ => Value::text(format_args!("{self:#x}")),
                }
            }

            fn from_value(value: &Value, _: Version) -> Result<Self, ValueError> {
                let number = value.as_uint($bits)?;
                Self::try_from(number).map_err(|_| ValueError::new("a smaller integer"))
            }
        }

        impl Generate for $type {
            fn generate(dice: &mut Dice<'_>, _: Version) -> Self {
                // As many bytes as the type has.
                dice.uint($width) as Self
            }
        }
    )*};
}

integers! {
    u8, 1, 8;
    u16, 2, 16;
    u32, 4, 32;
    u64, 8, 64;
    u128, 16, 128;
}

/// Ids that are an integer and nothing else.
macro_rules! ids {
    ($($type:ident($repr:ty);)*) => {$(
        impl $crate::record::Wire for $type {
            #[inline]
            fn read(
                r: &mut $crate::wire::Reader<'_>,
                version: $crate::Version,
                what: &'static str,
            ) -> Result<Self, $crate::DecodeError> {
                <$repr as $crate::record::Wire>::read(r, version, what).map(Self)
            }

            #[inline]
            fn write(
                &self,
                w: &mut $crate::wire::Writer,
                version: $crate::Version,
            ) -> Result<(), $crate::EncodeError> {
                $crate::record::Wire::write(&self.0, w, version)
            }
        }

        impl $crate::record::Plain for $type {
            fn value(&self, version: $crate::Version) -> $crate::record::Value {
                $crate::record::Plain::value(&self.0, version)
            }

            fn from_value(
                value: &$crate::record::Value,
                version: $crate::Version,
            ) -> Result<Self, $crate::record::ValueError> {
                <$repr as $crate::record::Plain>::from_value(value, version).map(Self)
            }
        }

        impl $crate::record::Generate for $type {
            fn generate(dice: &mut $crate::record::Dice<'_>, version: $crate::Version) -> Self {
                Self($crate::record::Generate::generate(dice, version))
            }
        }
    )*};
}

pub(crate) use ids;

ids! {
    TableId(u8);
    GroupId(u32);
    MeterId(u32);
    DatapathId(u64);
}

/// Addresses: their bytes, and their text form.
macro_rules! addresses {
    ($($type:ty, $width:literal, $octets:expr, $expected:literal;)*) => {$(
        impl Wire for $type {
            #[inline]
            fn read(r: &mut Reader<'_>, _: Version, what: &'static str) -> Result<Self, DecodeError> {
                r.array::<$width>(what).map(Self::from)
            }

            #[inline]
            fn write(&self, w: &mut Writer, _: Version) -> Result<(), EncodeError> {
                let octets: fn(&Self) -> [u8; $width] = $octets;
                w.slice(&octets(self));
                Ok(())
            }
        }

        impl Plain for $type {
            fn value(&self, _: Version) -> Value {
                Value::text(self)
            }

            fn from_value(value: &Value, _: Version) -> Result<Self, ValueError> {
                let text = value.as_text($expected)?;
                text.parse().map_err(|_| ValueError::new($expected))
            }
        }

        impl Generate for $type {
            fn generate(dice: &mut Dice<'_>, _: Version) -> Self {
                let mut octets = [0; $width];
                let bytes = dice.uint($width).to_be_bytes();
                octets.copy_from_slice(&bytes[16 - $width..]);
                Self::from(octets)
            }
        }
    )*};
}

addresses! {
    MacAddr, 6, |mac| mac.0, "a MAC address";
    Ipv4Addr, 4, |ip| ip.octets(), "an IPv4 address";
    Ipv6Addr, 16, |ip| ip.octets(), "an IPv6 address";
}

/// `OFPP_NONE`.
const NONE: &str = "NONE";

/// Sixteen bits in OpenFlow 1.0, 32 after it; reserved ports by their names.
impl Wire for PortNo {
    #[inline]
    fn read(r: &mut Reader<'_>, version: Version, what: &'static str) -> Result<Self, DecodeError> {
        if version == Version::V1_0 {
            return r.u16(what).map(Self::from_u16);
        }
        r.u32(what).map(Self)
    }

    #[inline]
    fn write(&self, w: &mut Writer, version: Version) -> Result<(), EncodeError> {
        if version == Version::V1_0 {
            let what = "a port number above 65279 that is not reserved";
            let narrow = self.to_u16();
            w.u16(narrow.ok_or(EncodeError::NotInVersion { what, version })?);
        } else {
            w.u32(self.0);
        }
        Ok(())
    }
}

impl Plain for PortNo {
    fn value(&self, version: Version) -> Value {
        match self.reserved_name() {
            // What later versions call any port is none in 1.0.
            Some(_) if *self == Self::ANY && version == Version::V1_0 => Value::name(NONE),
            Some(name) => Value::name(name),
            None => self.0.value(version),
        }
    }

    fn from_value(value: &Value, version: Version) -> Result<Self, ValueError> {
        if let Value::Text(name) = value {
            let any = name.eq_ignore_ascii_case(NONE).then_some(Self::ANY);
            if let Some(reserved) = Self::from_reserved_name(name).or(any) {
                return Ok(reserved);
            }
        }
        let number = u32::from_value(value, version);
        number
            .map(Self)
            .map_err(|_| ValueError::new("a port number or the name of a reserved port"))
    }
}

impl Generate for PortNo {
    fn generate(dice: &mut Dice<'_>, version: Version) -> Self {
        if version == Version::V1_0 {
            return Self::from_u16(u16::generate(dice, version));
        }
        Self(u32::generate(dice, version))
    }
}

/// Ports in as many bits in every version.
macro_rules! ports {
    ($($(#[$meta:meta])* $type:ident as $as_in:ident;)*) => {$(
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub struct $type(pub PortNo);

        impl From<PortNo> for $type {
            fn from(port: PortNo) -> Self {
                Self(port)
            }
        }

        impl From<$type> for PortNo {
            fn from(port: $type) -> Self {
                port.0
            }
        }

        impl Wire for $type {
            fn read(
                r: &mut Reader<'_>,
                _: Version,
                what: &'static str,
            ) -> Result<Self, DecodeError> {
                PortNo::read(r, Version::$as_in, what).map(Self)
            }

            fn write(&self, w: &mut Writer, _: Version) -> Result<(), EncodeError> {
                self.0.write(w, Version::$as_in)
            }
        }

        impl Plain for $type {
            fn value(&self, version: Version) -> Value {
                self.0.value(version)
            }

            fn from_value(value: &Value, version: Version) -> Result<Self, ValueError> {
                PortNo::from_value(value, version).map(Self)
            }
        }

        impl Generate for $type {
            fn generate(dice: &mut Dice<'_>, _: Version) -> Self {
                Self(PortNo::generate(dice, Version::$as_in))
            }
        }
    )*};
}

ports! {
    /// A port in sixteen bits, as Nicira's messages have it in every version.
    Port16 as V1_0;
    /// A port in 32 bits, as Nicira's groups of 1.0 have it.
    Port32 as V1_5;
}

/// All bytes that are left.
impl Wire for Bytes {
    #[inline]
    fn read(r: &mut Reader<'_>, _: Version, _: &'static str) -> Result<Self, DecodeError> {
        Ok(r.rest())
    }

    #[inline]
    fn write(&self, w: &mut Writer, _: Version) -> Result<(), EncodeError> {
        w.slice(self);
        Ok(())
    }
}

impl Plain for Bytes {
    fn value(&self, _: Version) -> Value {
        Value::hex(self)
    }

    fn from_value(value: &Value, _: Version) -> Result<Self, ValueError> {
        value.as_hex().map(Self::from)
    }
}

impl Generate for Bytes {
    fn generate(dice: &mut Dice<'_>, _: Version) -> Self {
        // What a vendor says in an element is as long as the element's length can say.
        let length = 8 * dice.below(4);
        (0..length).map(|_| dice.uint(1) as u8).collect()
    }
}

/// A number of bytes, as hexadecimal digits.
impl<const N: usize> Wire for [u8; N] {
    fn read(r: &mut Reader<'_>, _: Version, what: &'static str) -> Result<Self, DecodeError> {
        r.array(what)
    }

    fn write(&self, w: &mut Writer, _: Version) -> Result<(), EncodeError> {
        w.slice(self);
        Ok(())
    }
}

impl<const N: usize> Plain for [u8; N] {
    fn value(&self, _: Version) -> Value {
        Value::hex(self)
    }

    fn from_value(value: &Value, _: Version) -> Result<Self, ValueError> {
        let bytes = value.as_hex()?;
        let wrong = |_| ValueError::new(format!("{} hexadecimal digits", 2 * N));
        bytes.try_into().map_err(wrong)
    }
}

impl<const N: usize> Generate for [u8; N] {
    fn generate(dice: &mut Dice<'_>, _: Version) -> Self {
        std::array::from_fn(|_| dice.uint(1) as u8)
    }
}

/// An array of integers.
impl<const N: usize> Wire for [u32; N] {
    fn read(r: &mut Reader<'_>, version: Version, what: &'static str) -> Result<Self, DecodeError> {
        let mut list = [0; N];
        for number in &mut list {
            *number = u32::read(r, version, what)?;
        }
        Ok(list)
    }

    fn write(&self, w: &mut Writer, version: Version) -> Result<(), EncodeError> {
        self.iter().try_for_each(|number| number.write(w, version))
    }
}

impl<const N: usize> Plain for [u32; N] {
    fn value(&self, version: Version) -> Value {
        Value::List(self.iter().map(|number| number.value(version)).collect())
    }

    fn from_value(value: &Value, version: Version) -> Result<Self, ValueError> {
        let list = Vec::from_value(value, version)?;
        let wrong = |_| ValueError::new(format!("a list of {N} integers"));
        list.try_into().map_err(wrong)
    }
}

impl<const N: usize> Generate for [u32; N] {
    fn generate(dice: &mut Dice<'_>, version: Version) -> Self {
        std::array::from_fn(|_| u32::generate(dice, version))
    }
}

/// Reads values until the end.
#[inline]
pub(super) fn read_all<T: Wire>(
    list: &mut impl Sink<T>,
    r: &mut Reader<'_>,
    version: Version,
    what: &'static str,
) -> Result<(), DecodeError> {
    while !r.is_empty() {
        let before = r.remaining();
        T::read_onto(list, r, version, what)?;
        if r.remaining() == before {
            return Err(r.error(what));
        }
    }
    Ok(())
}

/// Values until the end.
impl<T: Wire> Wire for Vec<T> {
    fn read(r: &mut Reader<'_>, version: Version, what: &'static str) -> Result<Self, DecodeError> {
        // Elements are of about sixteen bytes; few are of less than eight.
        let mut list = Self::with_capacity(r.remaining().div_ceil(16));
        read_all(&mut list, r, version, what)?;
        Ok(list)
    }

    fn write(&self, w: &mut Writer, version: Version) -> Result<(), EncodeError> {
        self.iter().try_for_each(|value| value.write(w, version))
    }
}

impl<T: Plain> Plain for Vec<T> {
    fn value(&self, version: Version) -> Value {
        Value::List(self.iter().map(|value| value.value(version)).collect())
    }

    fn from_value(value: &Value, version: Version) -> Result<Self, ValueError> {
        let list = value.as_list()?.iter().enumerate();
        list.map(|(at, value)| {
            T::from_value(value, version).map_err(|error| error.within(&at.to_string()))
        })
        .collect()
    }
}

impl<T: Generate> Generate for Vec<T> {
    fn generate(dice: &mut Dice<'_>, version: Version) -> Self {
        dice.list(3, |dice| T::generate(dice, version))
    }
}

impl<T: Plain> Plain for Option<T> {
    fn value(&self, version: Version) -> Value {
        match self {
            Some(value) => value.value(version),
            None => Value::Null,
        }
    }

    fn from_value(value: &Value, version: Version) -> Result<Self, ValueError> {
        match value {
            Value::Null => Ok(None),
            value => T::from_value(value, version).map(Some),
        }
    }
}

impl<T: Generate> Generate for Option<T> {
    fn generate(dice: &mut Dice<'_>, version: Version) -> Self {
        dice.flip().then(|| T::generate(dice, version))
    }
}

/// A value, or nothing where all is read.
impl<T: Wire> Wire for Option<T> {
    fn read(r: &mut Reader<'_>, version: Version, what: &'static str) -> Result<Self, DecodeError> {
        match r.is_empty() {
            true => Ok(None),
            false => T::read(r, version, what).map(Some),
        }
    }

    fn write(&self, w: &mut Writer, version: Version) -> Result<(), EncodeError> {
        self.iter().try_for_each(|value| value.write(w, version))
    }
}

impl<T: Wire> Wire for Box<T> {
    fn read(r: &mut Reader<'_>, version: Version, what: &'static str) -> Result<Self, DecodeError> {
        T::read(r, version, what).map(Self::new)
    }

    fn write(&self, w: &mut Writer, version: Version) -> Result<(), EncodeError> {
        (**self).write(w, version)
    }
}

impl<T: Plain> Plain for Box<T> {
    fn value(&self, version: Version) -> Value {
        (**self).value(version)
    }

    fn from_value(value: &Value, version: Version) -> Result<Self, ValueError> {
        T::from_value(value, version).map(Self::new)
    }
}

impl<T: Generate> Generate for Box<T> {
    fn generate(dice: &mut Dice<'_>, version: Version) -> Self {
        Self::new(T::generate(dice, version))
    }
}

/// A text up to the end. What is no UTF-8 is kept, and shown as hexadecimal digits in the member `hex` of an object.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub struct Text(pub Bytes);

impl Text {
    /// This text.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(Bytes::copy_from_slice(text.as_bytes()))
    }

    /// The text, if it is one.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        std::str::from_utf8(&self.0).ok()
    }
}

impl std::fmt::Debug for Text {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Debug::fmt(&String::from_utf8_lossy(&self.0), f)
    }
}

impl Wire for Text {
    fn read(r: &mut Reader<'_>, version: Version, what: &'static str) -> Result<Self, DecodeError> {
        Bytes::read(r, version, what).map(Self)
    }

    fn write(&self, w: &mut Writer, version: Version) -> Result<(), EncodeError> {
        self.0.write(w, version)
    }
}

impl Plain for Text {
    fn value(&self, _: Version) -> Value {
        match self.as_str() {
            Some(text) => Value::text(text),
            None => Value::Object(vec![("hex".into(), Value::hex(&self.0))]),
        }
    }

    fn from_value(value: &Value, version: Version) -> Result<Self, ValueError> {
        match value.member("hex") {
            Some(hex) => Bytes::from_value(hex, version)
                .map(Self)
                .map_err(|error| error.within("hex")),
            None => value.as_text("a text").map(Self::new),
        }
    }
}

impl Generate for Text {
    fn generate(dice: &mut Dice<'_>, version: Version) -> Self {
        match dice.flip() {
            true => Self(Bytes::generate(dice, version)),
            false => Self::new("tcp:10.0.0.1:6653"),
        }
    }
}

/// A text in a field of `N` bytes, zeros behind it. What is no such text is kept, and shown as
/// hexadecimal digits in the member `hex` of an object.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Name<const N: usize>(pub [u8; N]);

impl<const N: usize> Name<N> {
    /// The text, cut off where the field ends.
    #[must_use]
    pub fn new(text: &str) -> Self {
        let mut bytes = [0; N];
        let length = text.floor_char_boundary(N);
        bytes[..length].copy_from_slice(&text.as_bytes()[..length]);
        Self(bytes)
    }

    /// The text, up to the first zero; what is not UTF-8 is replaced.
    #[must_use]
    pub fn to_text(&self) -> std::borrow::Cow<'_, str> {
        let end = self.0.iter().position(|byte| *byte == 0).unwrap_or(N);
        String::from_utf8_lossy(&self.0[..end])
    }

    /// The text, if the field holds just that.
    fn exact(&self) -> Option<&str> {
        let end = self.0.iter().position(|byte| *byte == 0).unwrap_or(N);
        let (text, rest) = self.0.split_at(end);
        let clean = rest.iter().all(|byte| *byte == 0);
        std::str::from_utf8(text).ok().filter(|_| clean)
    }
}

impl<const N: usize> Default for Name<N> {
    fn default() -> Self {
        Self([0; N])
    }
}

impl<const N: usize> std::fmt::Debug for Name<N> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Debug::fmt(&self.to_text(), f)
    }
}

impl<const N: usize> Wire for Name<N> {
    fn read(r: &mut Reader<'_>, _: Version, what: &'static str) -> Result<Self, DecodeError> {
        r.array(what).map(Self)
    }

    fn write(&self, w: &mut Writer, _: Version) -> Result<(), EncodeError> {
        w.slice(&self.0);
        Ok(())
    }
}

impl<const N: usize> Plain for Name<N> {
    fn value(&self, _: Version) -> Value {
        match self.exact() {
            Some(text) => Value::text(text),
            None => Value::Object(vec![("hex".into(), Value::hex(&self.0))]),
        }
    }

    fn from_value(value: &Value, version: Version) -> Result<Self, ValueError> {
        let wrong = || ValueError::new(format!("a text of at most {N} bytes without zeros"));
        if let Some(hex) = value.member("hex") {
            let bytes = Plain::from_value(hex, version);
            return bytes.map(Self).map_err(|error| error.within("hex"));
        }
        match value {
            Value::Text(text) if text.len() <= N && !text.contains('\0') => Ok(Self::new(text)),
            _ => Err(wrong()),
        }
    }
}

impl<const N: usize> Generate for Name<N> {
    fn generate(dice: &mut Dice<'_>, version: Version) -> Self {
        if dice.flip() {
            return Self(Generate::generate(dice, version));
        }
        const NAMES: [&str; 4] = [
            "",
            "eth0",
            "s1-eth2",
            "a name that is longer than the field",
        ];
        Self::new(NAMES[dice.below(NAMES.len())])
    }
}
