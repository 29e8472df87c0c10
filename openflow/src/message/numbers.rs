//! Numbers with names: an enumeration of the protocol whose unknown values are kept.

/// Rows of an enumeration: constant, number, name, one sentence.
macro_rules! numbers {
    ($(#[$meta:meta])* $type:ident($repr:ty) { $($constant:ident = $number:literal $name:literal $doc:literal;)* }) => {
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

        impl std::ops::BitOr for $type {
            type Output = Self;

            fn bitor(self, other: Self) -> Self {
                Self(self.0 | other.0)
            }
        }
    };
}

pub(crate) use flags;
