//! The macros that turn rows into types; [`super`] says how a row is written.

/// The specification's name of a field.
macro_rules! name {
    ($field:ident) => {
        stringify!($field)
    };
    ($field:ident $name:literal) => {
        $name
    };
}

/// Whether a version is in a range; without one it is.
macro_rules! in_range {
    ($version:expr) => {
        true
    };
    ($version:expr, $since:ident $until:ident) => {
        ($crate::Version::$since..=$crate::Version::$until).contains(&$version)
    };
}

/// A row of the reference.
macro_rules! field_row {
    ($name:expr) => {
        $crate::record::FieldRow {
            name: $name,
            since: $crate::Version::V1_0,
            until: $crate::Version::V1_5,
        }
    };
    ($name:expr, $since:ident $until:ident) => {
        $crate::record::FieldRow {
            name: $name,
            since: $crate::Version::$since,
            until: $crate::Version::$until,
        }
    };
}

/// One filler: reads it, or writes it.
macro_rules! filler {
    (read $r:ident $extent:ident $what:expr, pad $size:literal) => {
        $r.skip($size, $what)?
    };
    (read $r:ident $extent:ident $what:expr, $fill:ident) => {
        $extent.$fill($r, $what)?
    };
    (write $w:ident $extent:ident $what:expr, pad $size:literal) => {
        $w.pad($size)
    };
    (write $w:ident $extent:ident $what:expr, $fill:ident) => {
        $extent.$fill($w, $what)?
    };
}

/// One field: reads it, writes it, makes it plain, reads that, makes it up.
macro_rules! one {
    (read $r:ident $version:ident $what:expr, $ty:ty) => {
        <$ty as $crate::record::Wire>::read($r, $version, $what)?
    };
    (read $r:ident $version:ident $what:expr, $ty:ty, $since:ident $until:ident) => {
        if $crate::record::in_range!($version, $since $until) {
            <$ty as $crate::record::Wire>::read($r, $version, $what)?
        } else {
            <$ty>::default()
        }
    };
    (write $w:ident $version:ident $what:expr, $field:ident) => {
        $crate::record::Wire::write($field, $w, $version)?;
    };
    (write $w:ident $version:ident $what:expr, $field:ident, $since:ident $until:ident) => {
        if $crate::record::in_range!($version, $since $until) {
            $crate::record::Wire::write($field, $w, $version)?;
        } else {
            $crate::record::absent($field, &Default::default(), $what, $version)?;
        }
    };
    (from $value:ident $version:ident $name:expr, $ty:ty) => {
        $crate::record::required::<$ty>($value, $name, $version)?
    };
    (from $value:ident $version:ident $name:expr, $ty:ty, $since:ident $until:ident) => {
        if $crate::record::in_range!($version, $since $until) {
            $crate::record::required::<$ty>($value, $name, $version)?
        } else {
            <$ty>::default()
        }
    };
    (generate $dice:ident $version:ident, $ty:ty) => {
        <$ty as $crate::record::Generate>::generate($dice, $version)
    };
    (generate $dice:ident $version:ident, $ty:ty, $since:ident $until:ident) => {
        if $crate::record::in_range!($version, $since $until) {
            <$ty as $crate::record::Generate>::generate($dice, $version)
        } else {
            <$ty>::default()
        }
    };
}

/// Reads fillers and fields into variables of their names.
macro_rules! read_fields {
    ($r:ident $version:ident $what:expr, {
        $( $({ $($fill:ident $($size:literal)? $([$fs:ident $fu:ident])?),* })?
           $field:ident $($name:literal)? : $ty:ty $([$since:ident $until:ident])? ; )*
        $(.. { $($last:ident $($lsize:literal)? $([$ls:ident $lu:ident])?),* })?
    }) => {
        let mut extent = $crate::record::Reading::begin($r);
        $(
            $($( if $crate::record::in_range!($version $(, $fs $fu)?) { $crate::record::filler!(read $r extent concat!($what, ".", stringify!($fill)), $fill $($size)?); } )*)?
            let $field = $crate::record::one!(read $r $version concat!($what, ".", $crate::record::name!($field $($name)?)), $ty $(, $since $until)?);
        )*
        $($( if $crate::record::in_range!($version $(, $ls $lu)?) { $crate::record::filler!(read $r extent concat!($what, ".", stringify!($last)), $last $($lsize)?); } )*)?
        extent.end($r, concat!("the end of ", $what))?;
    };
}

/// Writes fillers and fields from references of their names.
macro_rules! write_fields {
    ($w:ident $version:ident $what:expr, {
        $( $({ $($fill:ident $($size:literal)? $([$fs:ident $fu:ident])?),* })?
           $field:ident $($name:literal)? : $ty:ty $([$since:ident $until:ident])? ; )*
        $(.. { $($last:ident $($lsize:literal)? $([$ls:ident $lu:ident])?),* })?
    }) => {
        let mut extent = $crate::record::Writing::begin($w);
        $(
            $($( if $crate::record::in_range!($version $(, $fs $fu)?) { $crate::record::filler!(write $w extent $what, $fill $($size)?); } )*)?
            $crate::record::one!(write $w $version concat!($what, ".", $crate::record::name!($field $($name)?)), $field $(, $since $until)?);
        )*
        $($( if $crate::record::in_range!($version $(, $ls $lu)?) { $crate::record::filler!(write $w extent $what, $last $($lsize)?); } )*)?
        extent.end($w, $what)?;
    };
}

/// A structure with everything but its layout: [`Plain`] and [`Generate`]. See the module.
macro_rules! plain {
    ($(#[$meta:meta])* pub struct $record:ident {
        $( $(#[$doc:meta])* $({ $($fill:tt)* })? $field:ident $($name:literal)? : $ty:ty $([$since:ident $until:ident])? ; )*
        $(.. { $($last:tt)* })?
    } $(forms { $([$ff:ident $fl:ident] $form:ty),* })?) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash)]
        pub struct $record {
            $(
                #[doc = concat!("`", $crate::record::name!($field $($name)?), "`. ")]
                $(#[$doc])*
                pub $field: $ty,
            )*
        }

        impl $record {
            /// Its fields, in order.
            pub const FIELDS: &'static [$crate::record::FieldRow] = &[
                $( $crate::record::field_row!($crate::record::name!($field $($name)?) $(, $since $until)?), )*
            ];
        }

        impl $crate::record::Plain for $record {
            fn value(&self, version: $crate::Version) -> $crate::record::Value {
                let _ = version;
                $($( if $crate::record::in_range!(version, $ff $fl) {
                    return match <$form as $crate::record::Form<Self>>::of(self, version) {
                        Ok(form) => form.value(version),
                        Err(error) => $crate::record::Value::text(error),
                    };
                } )*)?
                let mut members = $crate::record::Members::new();
                $( if $crate::record::in_range!(version $(, $since $until)?) {
                    let value = $crate::record::Plain::value(&self.$field, version);
                    members.push(($crate::record::name!($field $($name)?).into(), value));
                } )*
                $crate::record::Value::Object(members)
            }

            fn from_value(
                value: &$crate::record::Value,
                version: $crate::Version,
            ) -> Result<Self, $crate::record::ValueError> {
                let _ = version;
                $($( if $crate::record::in_range!(version, $ff $fl) {
                    return <$form as $crate::record::Plain>::from_value(value, version).map(Into::into);
                } )*)?
                $crate::record::only_members(value, Self::FIELDS, &[], version)?;
                Ok(Self {
                    $( $field: $crate::record::one!(from value version $crate::record::name!($field $($name)?), $ty $(, $since $until)?), )*
                })
            }
        }

        impl $crate::record::Generate for $record {
            fn generate(dice: &mut $crate::record::Dice<'_>, version: $crate::Version) -> Self {
                let _ = (&dice, version);
                $($( if $crate::record::in_range!(version, $ff $fl) {
                    return <$form as $crate::record::Generate>::generate(dice, version).into();
                } )*)?
                Self {
                    $( $field: $crate::record::one!(generate dice version, $ty $(, $since $until)?), )*
                }
            }
        }
    };
}

/// A structure with everything: [`plain!`], and [`Wire`] in the order of the lines. See the module.
macro_rules! record {
    ($(#[$meta:meta])* pub struct $record:ident {
        $( $(#[$doc:meta])* $({ $($fill:ident $($size:literal)? $([$fs:ident $fu:ident])?),* })?
           $field:ident $($name:literal)? : $ty:ty $([$since:ident $until:ident])? ; )*
        $(.. { $($last:ident $($lsize:literal)? $([$ls:ident $lu:ident])?),* })?
    } $(forms { $([$ff:ident $fl:ident] $form:ty),* })?) => {
        $crate::record::plain! {
            $(#[$meta])*
            pub struct $record {
                $( $(#[$doc])* $field $($name)? : $ty $([$since $until])? ; )*
            }
            $(forms { $([$ff $fl] $form),* })?
        }

        impl $crate::record::Wire for $record {
            #[inline]
            fn read(
                r: &mut $crate::wire::Reader<'_>,
                version: $crate::Version,
                what: &'static str,
            ) -> Result<Self, $crate::DecodeError> {
                let _ = (version, what);
                $($( if $crate::record::in_range!(version, $ff $fl) {
                    return <$form as $crate::record::Wire>::read(r, version, what).map(Into::into);
                } )*)?
                $crate::record::read_fields!(r version stringify!($record), {
                    $( $({ $($fill $($size)? $([$fs $fu])?),* })? $field $($name)? : $ty $([$since $until])? ; )*
                    $(.. { $($last $($lsize)? $([$ls $lu])?),* })?
                });
                Ok(Self { $( $field, )* })
            }

            fn write(
                &self,
                w: &mut $crate::wire::Writer,
                version: $crate::Version,
            ) -> Result<(), $crate::EncodeError> {
                let _ = version;
                $($( if $crate::record::in_range!(version, $ff $fl) {
                    return <$form as $crate::record::Form<Self>>::of(self, version)?.write(w, version);
                } )*)?
                let Self { $( $field, )* } = self;
                $crate::record::write_fields!(w version stringify!($record), {
                    $( $({ $($fill $($size)? $([$fs $fu])?),* })? $field $($name)? : $ty $([$since $until])? ; )*
                    $(.. { $($last $($lsize)? $([$ls $lu])?),* })?
                });
                Ok(())
            }
        }
    };
}

/// What a field holds in a form without it.
macro_rules! usual {
    () => {
        Default::default()
    };
    ($usual:expr) => {
        $usual
    };
}

/// What a structure and a [`Form`] of it make of each other: the fields that both have; those of the structure that
/// the form lacks, what is said when they hold something, and what they hold usually, if not zero; then what each
/// makes of the other where they differ.
///
/// ```text
/// form! {
///     FlowMod10 of FlowMod
///     same cookie, table, command;
///     absent cookie_mask "FlowMod.cookie_mask", out_group "FlowMod.out_group" = GroupId::ANY;
///     |form| instructions: applied(form.actions);
///     |flow, version| actions: only_applied(&flow.instructions, version)?;
/// }
/// ```
macro_rules! form {
    (
        $form:ident of $whole:ident
        same $($same:ident),*;
        $(absent $($absent:ident $what:literal $(= $usual:expr)?),*;)?
    ) => {
        $crate::record::form! {
            $form of $whole
            same $($same),*;
            $(absent $($absent $what $(= $usual)?),*;)?
            |form|;
            |whole, version|;
        }
    };
    (
        $form:ident of $whole:ident
        same $($same:ident),*;
        $(absent $($absent:ident $what:literal $(= $usual:expr)?),*;)?
        |$of:ident| $($own:ident: $from:expr),*;
        |$wh:ident, $version:ident| $($its:ident: $into:expr),*;
    ) => {
        impl From<$form> for $whole {
            fn from($of: $form) -> Self {
                Self {
                    $( $own: $from, )*
                    $( $same: $of.$same.into(), )*
                    $( $($absent: $crate::record::usual!($($usual)?),)* )?
                }
            }
        }

        impl $crate::record::Form<$whole> for $form {
            fn of(
                $wh: &$whole,
                $version: $crate::Version,
            ) -> Result<Self, $crate::EncodeError> {
                let _ = $version;
                $( $( $crate::record::absent(&$wh.$absent, &$crate::record::usual!($($usual)?), $what, $version)?; )* )?
                Ok(Self {
                    $( $same: $wh.$same.clone().into(), )*
                    $( $its: $into, )*
                })
            }
        }
    };
}

/// The vendor of a code.
macro_rules! vendor {
    (std) => {
        None
    };
    (nx) => {
        Some($crate::action::NICIRA)
    };
    (onf) => {
        Some($crate::message::ONF)
    };
    (ntr) => {
        Some($crate::message::NETRONOME)
    };
    (intel) => {
        Some($crate::message::INTEL)
    };
}

/// A union whose members are told apart by a type code in a header that its [`Family`] reads and writes.
/// What the rows do not know is kept as it came. After the rows' name may stand `by_hand`, for a union whose
/// [`Wire`] and [`Generate`] do more than its rows say. A code that is called otherwise than its row says so:
/// `[nx 6 V1_0 V1_4 "reg_move", std 28 V1_5 V1_5 "copy_field"]`. See the module.
///
/// ```text
/// variants! {
///     /// What a table can be told.
///     pub enum TableProperty: Property, rows TABLE_PROPERTIES {
///         /// How flows are chosen that give way to others.
///         Eviction "eviction" [std 2 V1_4 V1_5] { flags: u32; }
///     }
/// }
/// ```
macro_rules! variants {
    ($(#[$meta:meta])* pub enum $union:ident : $family:ty, rows $rows:ident $(, $hand:ident)? {
        $( $(#[doc = $doc:literal])+ $variant:ident $vname:literal [$($vendor:ident $number:literal $cs:ident $cu:ident $($cname:literal)?),*] {
            $( $(#[$fdoc:meta])* $({ $($fill:ident $($size:literal)? $([$fs:ident $fu:ident])?),* })?
               $field:ident $($name:literal)? : $ty:ty $([$since:ident $until:ident])? ; )*
            $(.. { $($last:ident $($lsize:literal)? $([$ls:ident $lu:ident])?),* })?
        } )*
    }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash)]
        pub enum $union {
            $( $(#[doc = $doc])+ $variant {
                $(
                    #[doc = concat!("`", $crate::record::name!($field $($name)?), "`. ")]
                    $(#[$fdoc])*
                    $field: $ty,
                )*
            }, )*
            /// One of an unknown vendor, or of a known one and not in the rows.
            Experimenter {
                /// The vendor.
                experimenter: u32,
                /// What follows. In a box, as all of its kind would be larger for it.
                data: Box<::bytes::Bytes>,
            },
            /// One of the standard that is not in the rows.
            Unknown {
                /// Its type, as its family counts them.
                number: u32,
                /// What follows the header.
                data: Box<::bytes::Bytes>,
            },
        }

        /// The members of the union, in order.
        pub static $rows: &[$crate::record::VariantRow] = &[$( $crate::record::VariantRow {
            name: $vname,
            codes: &[$( $crate::record::Code {
                vendor: $crate::record::vendor!($vendor),
                number: $number,
                since: $crate::Version::$cs,
                until: $crate::Version::$cu,
                name: $crate::record::other_name!($($cname)?),
            }, )*],
            fields: &[$( $crate::record::field_row!($crate::record::name!($field $($name)?) $(, $since $until)?), )*],
            doc: concat!($($doc),+),
        }, )*];

        impl $union {
            /// The position of its row; none for what the rows do not know.
            fn row_index(&self) -> Option<usize> {
                #[expect(dead_code, reason = "the last one ends the list")]
                enum Position { $( $variant, )* End }
                match self {
                    $( Self::$variant { .. } => Some(Position::$variant as usize), )*
                    Self::Experimenter { .. } | Self::Unknown { .. } => None,
                }
            }

            /// Its row; none for what the rows do not know.
            #[must_use]
            pub fn row(&self) -> Option<&'static $crate::record::VariantRow> {
                self.row_index().map(|at| &$rows[at])
            }

            /// Reads what follows the header of the row at `position`, up to the member's end.
            fn read_body(
                out: &mut impl $crate::record::Sink<Self>,
                position: usize,
                r: &mut $crate::wire::Reader<'_>,
                version: $crate::Version,
            ) -> Result<(), $crate::DecodeError> {
                #[expect(dead_code, reason = "the last one ends the list")]
                enum Position { $( $variant, )* End }
                let _ = (version, position, &out);
                $(
                    if position == Position::$variant as usize {
                        // A function of its own: what nests takes as much stack as one member does.
                        #[inline]
                        fn read(
                            out: &mut impl $crate::record::Sink<$union>,
                            r: &mut $crate::wire::Reader<'_>,
                            version: $crate::Version,
                        ) -> Result<(), $crate::DecodeError> {
                            let _ = version;
                            $crate::record::read_fields!(r version $vname, {
                                $( $({ $($fill $($size)? $([$fs $fu])?),* })? $field $($name)? : $ty $([$since $until])? ; )*
                                $(.. { $($last $($lsize)? $([$ls $lu])?),* })?
                            });
                            // What is refused behind it goes with all that was read.
                            out.put(|| $union::$variant { $( $field, )* });
                            <$family as $crate::record::Family>::close(r)
                        }
                        return read(out, r, version);
                    }
                )*
                Err(r.error("a row of the table"))
            }

            /// Writes what follows the header.
            fn write_body(
                &self,
                w: &mut $crate::wire::Writer,
                version: $crate::Version,
            ) -> Result<(), $crate::EncodeError> {
                let _ = version;
                match self {
                    $( Self::$variant { $( $field, )* } => {
                        $crate::record::write_fields!(w version $vname, {
                            $( $({ $($fill $($size)? $([$fs $fu])?),* })? $field $($name)? : $ty $([$since $until])? ; )*
                            $(.. { $($last $($lsize)? $([$ls $lu])?),* })?
                        });
                    } )*
                    Self::Experimenter { data, .. } | Self::Unknown { data, .. } => w.slice(data),
                }
                Ok(())
            }
        }

        impl $union {
            /// Reads a member with its header, as its row says.
            #[inline]
            fn read_member(
                out: &mut impl $crate::record::Sink<Self>,
                r: &mut $crate::wire::Reader<'_>,
                version: $crate::Version,
                what: &'static str,
            ) -> Result<(), $crate::DecodeError> {
                use $crate::record::{CodeIndex, Family, index_size};
                static INDEX: CodeIndex<{ index_size($rows) }> = CodeIndex::new($rows);
                let opened = <$family>::open(r, what)?;
                let (vendor, number, mut body) = (opened.vendor, opened.number, opened.body);
                if let Some(number) = number
                    && let Some(position) = INDEX.find(vendor, number, version)
                {
                    return Self::read_body(out, position, &mut body, version);
                }
                let mut data = opened.data;
                out.put(|| match vendor {
                    Some(experimenter) => Self::Experimenter { experimenter, data: data.rest().into() },
                    None => Self::Unknown {
                        number: number.unwrap_or_default(),
                        data: data.rest().into(),
                    },
                });
                Ok(())
            }

            /// Writes a member with its header, as its row says.
            fn write_member(
                &self,
                w: &mut $crate::wire::Writer,
                version: $crate::Version,
            ) -> Result<(), $crate::EncodeError> {
                use $crate::record::Family;
                let (mut vendor, mut number, mut name) = (None, None, "an unknown one");
                if let Self::Experimenter { experimenter, .. } = self {
                    vendor = Some(*experimenter);
                }
                if let Self::Unknown { number: own, .. } = self {
                    number = Some(*own);
                }
                if let Some(row) = self.row() {
                    let code = row.code(version);
                    let code = code.ok_or($crate::EncodeError::NotInVersion { what: row.name, version })?;
                    (vendor, number, name) = (code.vendor, Some(code.number), row.name);
                }
                <$family>::write(w, vendor, number, name, |w| self.write_body(w, version))
            }

            /// Makes up a member that `version` has.
            fn generate_member(dice: &mut $crate::record::Dice<'_>, version: $crate::Version) -> Self {
                let known: Vec<usize> = (0..$rows.len())
                    .filter(|at| $rows[*at].code(version).is_some())
                    .collect();
                let choice = dice.below(known.len() + 2);
                let position = known.get(choice).copied();
                let _ = position;
                #[expect(dead_code, reason = "the last one ends the list")]
                enum Position { $( $variant, )* End }
                $(
                    if position == Some(Position::$variant as usize) {
                        return Self::$variant {
                            $( $field: $crate::record::one!(generate dice version, $ty $(, $since $until)?), )*
                        };
                    }
                )*
                <$family as $crate::record::Family>::unknown(dice, choice == known.len()).map_or_else(
                    |(number, data)| Self::Unknown { number, data: data.into() },
                    |(experimenter, data)| Self::Experimenter { experimenter, data: data.into() },
                )
            }
        }

        $crate::record::regular! { $union $($hand)? }

        impl $crate::record::Plain for $union {
            fn value(&self, version: $crate::Version) -> $crate::record::Value {
                use $crate::record::{Members, Plain, Value};
                let tag = <$family as $crate::record::Family>::TAG;
                let mut members = Members::new();
                match self {
                    $( Self::$variant { $( $field, )* } => {
                        let name = self.row().map_or($vname, |row| row.name(version));
                        members.push((tag.into(), Value::name(name)));
                        $( if $crate::record::in_range!(version $(, $since $until)?) {
                            members.push(($crate::record::name!($field $($name)?).into(), Plain::value($field, version)));
                        } )*
                    } )*
                    Self::Experimenter { experimenter, data } => {
                        let typed = <$family as $crate::record::Family>::EXP_TYPE;
                        members.push((tag.into(), Value::name("experimenter")));
                        members.extend($crate::record::vendor_value(*experimenter, data, typed));
                    }
                    Self::Unknown { number, data } => {
                        members.push((tag.into(), Plain::value(number, version)));
                        members.push(("data".into(), Plain::value(data, version)));
                    }
                }
                Value::Object(members)
            }

            fn from_value(
                value: &$crate::record::Value,
                version: $crate::Version,
            ) -> Result<Self, $crate::record::ValueError> {
                use $crate::record::{Value, ValueError, required};
                let tag = <$family as $crate::record::Family>::TAG;
                let kind = value.member(tag);
                let kind = kind.ok_or_else(|| ValueError::new("a member of that name").within(tag))?;
                if let Value::Number(_) = kind {
                    value.members(&[tag, "data"])?;
                    return Ok(Self::Unknown {
                        number: required(value, tag, version)?,
                        data: required(value, "data", version)?,
                    });
                }
                let kind = kind.as_text("a name or a number").map_err(|error| error.within(tag))?;
                #[expect(dead_code, reason = "the last one ends the list")]
                enum Position { $( $variant, )* End }
                let named = $crate::record::VariantRow::named($rows, kind, version);
                if let Some(row) = named.map(|at| &$rows[at]) {
                    $crate::record::only_members(value, row.fields, &[tag], version)?;
                }
                $( if named == Some(Position::$variant as usize) {
                    return Ok(Self::$variant {
                        $( $field: $crate::record::one!(from value version $crate::record::name!($field $($name)?), $ty $(, $since $until)?), )*
                    });
                } )*
                if kind == "experimenter" {
                    let (experimenter, data) = $crate::record::vendor_from(value, tag, version)?;
                    return Ok(Self::Experimenter { experimenter, data: data.into() });
                }
                let names: Vec<_> = $rows.iter().map(|row| row.name).collect();
                let expected = format!("one of {}, experimenter", names.join(", "));
                Err(ValueError::new(expected).within(tag))
            }
        }
    };
}

/// [`Wire`] and [`Generate`] of a union, unless they are implemented by hand.
macro_rules! regular {
    ($union:ident) => {
        impl $crate::record::Wire for $union {
            #[inline]
            fn read(
                r: &mut $crate::wire::Reader<'_>,
                version: $crate::Version,
                what: &'static str,
            ) -> Result<Self, $crate::DecodeError> {
                let mut read = None;
                Self::read_member(&mut read, r, version, what)?;
                read.ok_or_else(|| r.error(what))
            }

            #[inline]
            fn read_onto(
                list: &mut impl $crate::record::Sink<Self>,
                r: &mut $crate::wire::Reader<'_>,
                version: $crate::Version,
                what: &'static str,
            ) -> Result<(), $crate::DecodeError> {
                Self::read_member(list, r, version, what)
            }

            #[inline]
            fn write(
                &self,
                w: &mut $crate::wire::Writer,
                version: $crate::Version,
            ) -> Result<(), $crate::EncodeError> {
                self.write_member(w, version)
            }
        }

        impl $crate::record::Generate for $union {
            fn generate(dice: &mut $crate::record::Dice<'_>, version: $crate::Version) -> Self {
                Self::generate_member(dice, version)
            }
        }
    };
    ($union:ident by_hand) => {};
}

/// The name of a code that is not its row's.
macro_rules! other_name {
    () => {
        None
    };
    ($name:literal) => {
        Some($name)
    };
}

pub(crate) use {
    field_row, filler, form, in_range, name, one, other_name, plain, read_fields, record, regular,
    usual, variants, vendor, write_fields,
};
