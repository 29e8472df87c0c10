//! Numbers with names: an enumeration of the protocol whose unknown values are kept, and sets of flags.

/// Rows of an enumeration: constant, number, name, one sentence. Between the last two may stand another name and the
/// version that brought it: `TABLE_MISS = 0 "no_match" [V1_4 "table_miss"] "...";`.
macro_rules! numbers {
    ($(#[$meta:meta])* $type:ident($repr:ty) { $($constant:ident = $number:literal $name:literal $([$since:ident $later:literal])? $doc:literal;)* }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $type(pub $repr);

        impl $type {
            $(#[doc = $doc] pub const $constant: Self = Self($number);)*

            /// The name of a value of the table.
            #[must_use]
            pub fn name(self) -> Option<&'static str> {
                match self.0 { $($number => Some($name),)* _ => None }
            }
        }

        impl $type {
            /// The value of that name, which may be that of another version.
            #[must_use]
            pub fn from_name(name: &str) -> Option<Self> {
                match name { $($name $(| $later)? => Some(Self::$constant),)* _ => None }
            }

            /// The name of a value of the table in the specification of a version.
            #[must_use]
            pub fn name_in(self, version: $crate::Version) -> Option<&'static str> {
                let _ = version;
                match self.0 {
                    $($( $number if version >= $crate::Version::$since => Some($later), )?)*
                    _ => self.name(),
                }
            }
        }

        impl $crate::record::Wire for $type {
            #[inline]
            fn read(
                r: &mut $crate::wire::Reader<'_>,
                version: $crate::Version,
                what: &'static str,
            ) -> Result<Self, $crate::DecodeError> {
                $crate::record::Wire::read(r, version, what).map(Self)
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
                match self.name_in(version) {
                    Some(name) => $crate::record::Value::name(name),
                    None => $crate::record::Plain::value(&self.0, version),
                }
            }

            fn from_value(
                value: &$crate::record::Value,
                version: $crate::Version,
            ) -> Result<Self, $crate::record::ValueError> {
                if let $crate::record::Value::Text(name) = value {
                    if let Some(known) = Self::from_name(name) {
                        return Ok(known);
                    }
                }
                let number = $crate::record::Plain::from_value(value, version);
                number.map(Self).map_err(|_| {
                    let names = [$($name),*].join(", ");
                    $crate::record::ValueError::new(format!("a number, or one of {names}"))
                })
            }
        }

        impl $crate::record::Generate for $type {
            fn generate(dice: &mut $crate::record::Dice<'_>, version: $crate::Version) -> Self {
                let known = [$(Self::$constant),*];
                match known.get(dice.below(known.len() + 1)) {
                    Some(known) => *known,
                    None => Self($crate::record::Generate::generate(dice, version)),
                }
            }
        }

        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                match self.name() {
                    Some(name) => f.write_str(name),
                    None => write!(f, "{}", self.0),
                }
            }
        }

        impl std::fmt::Debug for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                std::fmt::Display::fmt(self, f)
            }
        }
    };
}

pub(crate) use numbers;

/// Rows of a set of flags: constant, bit, one sentence.
macro_rules! flags {
    ($(#[$meta:meta])* $type:ident($repr:ty) { $($constant:ident = $bits:literal $doc:literal;)* }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
        pub struct $type(pub $repr);

        impl $type {
            $(#[doc = $doc] pub const $constant: Self = Self($bits);)*

            /// True when every flag of `other` is set.
            #[must_use]
            pub const fn contains(self, other: Self) -> bool {
                self.0 & other.0 == other.0
            }
        }

        $crate::record::ids! {
            $type($repr);
        }

        impl std::ops::BitOr for $type {
            type Output = Self;

            fn bitor(self, other: Self) -> Self {
                Self(self.0 | other.0)
            }
        }
    };
}

pub(crate) use flags;
