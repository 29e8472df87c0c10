//! Reads tables of TOML by rows: what may be written, what it is by default, what it means.
//!
//! The macros [`keys!`] and [`choice!`] make a type, its reader and its documentation of the same rows. Nothing here
//! knows which keys there are; those stand in [`super::keys`].

use std::collections::{BTreeMap, BTreeSet};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::problem::{Found, choices};

/// What may stand behind a key.
pub(super) trait Value: Sized {
    /// What is expected, for messages and for the book.
    fn expected() -> String;
    /// Reads it; when it is wrong, the problem is noted and there is none.
    fn read(value: &Spanned<DeValue<'_>>, found: &mut Found) -> Option<Self>;
    /// What it is when neither the file nor the row says; none: the file must say.
    fn absent() -> Option<Self> {
        None
    }
    /// Adds the tables that it consists of to the book.
    fn describe(_book: &mut Book) {}
}

/// A key, for the book and for messages.
#[derive(Debug, Clone)]
pub(super) struct Row {
    pub(super) key: String,
    pub(super) about: String,
    pub(super) expected: String,
    /// As TOML; `required` when there is none, nothing when it may be left out.
    pub(super) default: String,
}

impl Row {
    pub(super) fn of<T: Value>(key: &str, about: &[&str], default: Option<&str>) -> Self {
        let absent = if T::absent().is_some() {
            ""
        } else {
            "required"
        };
        Self {
            key: key_of(key),
            about: sentence(about),
            expected: T::expected(),
            default: default.map_or_else(|| absent.to_owned(), |text| format!("`{text}`")),
        }
    }
}

/// One of the alternatives of a choice.
#[derive(Debug, Clone)]
pub(super) struct Variant {
    pub(super) word: &'static str,
    pub(super) about: String,
    /// What stands behind the word, when the word is a key.
    pub(super) target: Option<String>,
    pub(super) rows: Vec<Row>,
}

/// A table with a choice by its own keys or by one key's word.
pub(super) trait Choice: Sized {
    /// The key whose value is the word; none: the word is itself a key.
    const TAG: Option<&'static str>;
    fn variants() -> Vec<Variant>;
    fn describe(book: &mut Book);
    fn read(word: &str, fields: &mut Fields<'_, '_>) -> Option<Self>;
}

/// A table with keys.
pub(super) trait Table: Sized {
    /// How it is headed in the file.
    const TITLE: &'static str;
    fn about() -> String;
    fn rows() -> Vec<Row>;
    fn variants() -> (Option<&'static str>, Vec<Variant>);
    fn read(fields: &mut Fields<'_, '_>) -> Option<Self>;
    fn describe_fields(book: &mut Book);
}

/// A table as the book shows it.
#[derive(Debug)]
pub(super) struct Chapter {
    pub(super) title: &'static str,
    pub(super) about: String,
    pub(super) rows: Vec<Row>,
    pub(super) tag: Option<&'static str>,
    pub(super) variants: Vec<Variant>,
}

/// All tables.
pub(super) type Book = Vec<Chapter>;

impl<T: Table> Value for T {
    fn expected() -> String {
        format!("a table, see `{}`", T::TITLE)
    }

    fn read(value: &Spanned<DeValue<'_>>, found: &mut Found) -> Option<Self> {
        let Some(table) = value.get_ref().as_table() else {
            return wrong::<Self>(value, found);
        };
        read_table(table, value.span().start, found)
    }

    fn describe(book: &mut Book) {
        if book.iter().any(|chapter| chapter.title == T::TITLE) {
            return;
        }
        let (tag, variants) = T::variants();
        book.push(Chapter {
            title: T::TITLE,
            about: T::about(),
            rows: T::rows(),
            tag,
            variants,
        });
        T::describe_fields(book);
    }
}

impl<T: Value> Value for Option<T> {
    fn expected() -> String {
        T::expected()
    }

    fn read(value: &Spanned<DeValue<'_>>, found: &mut Found) -> Option<Self> {
        T::read(value, found).map(Some)
    }

    fn absent() -> Option<Self> {
        Some(None)
    }

    fn describe(book: &mut Book) {
        T::describe(book);
    }
}

impl<T: Value> Value for Vec<T> {
    fn expected() -> String {
        format!("a list, each {}", T::expected())
    }

    fn read(value: &Spanned<DeValue<'_>>, found: &mut Found) -> Option<Self> {
        let Some(items) = value.get_ref().as_array() else {
            return wrong::<Self>(value, found);
        };
        // Every item is looked at, also after a wrong one.
        let items: Vec<Option<T>> = items.iter().map(|item| T::read(item, found)).collect();
        items.into_iter().collect()
    }

    fn absent() -> Option<Self> {
        Some(Vec::new())
    }

    fn describe(book: &mut Book) {
        T::describe(book);
    }
}

/// Notes that a value is not what is expected.
pub(super) fn wrong<T: Value>(value: &Spanned<DeValue<'_>>, found: &mut Found) -> Option<T> {
    let text = format!("expected {}, not {}", T::expected(), shown(value.get_ref()));
    found.add(value.span().start, text);
    None
}

/// A value as a message shows it.
fn shown(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(text) => format!("'{text}'"),
        DeValue::Integer(number) => number.to_string(),
        DeValue::Float(number) => number.to_string(),
        DeValue::Boolean(truth) => truth.to_string(),
        DeValue::Datetime(time) => time.to_string(),
        DeValue::Array(_) => "a list".to_owned(),
        DeValue::Table(_) => "a table".to_owned(),
    }
}

/// A field's name as a key.
pub(super) fn key_of(field: &str) -> String {
    field.trim_start_matches("r#").replace('_', "-")
}

/// The lines of a comment as one.
pub(super) fn sentence(lines: &[&str]) -> String {
    let lines: Vec<&str> = lines.iter().map(|line| line.trim()).collect();
    lines.join(" ")
}

/// Reads a whole table; what it does not know is a problem.
pub(super) fn read_table<T: Table>(table: &DeTable<'_>, at: usize, found: &mut Found) -> Option<T> {
    let mut fields = Fields {
        table,
        at,
        known: BTreeSet::new(),
        found,
    };
    let read = T::read(&mut fields);
    let unknown = fields.check_unknown();
    read.filter(|_| !unknown)
}

/// Where a table and its keys stand in the file, in bytes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Place {
    table: usize,
    keys: BTreeMap<String, usize>,
}

impl Place {
    /// Where a key stands; where it is left out, the table.
    #[must_use]
    pub fn of(&self, key: &str) -> usize {
        self.keys.get(key).copied().unwrap_or(self.table)
    }
}

/// The entries of a table while it is read.
pub(super) struct Fields<'a, 'i> {
    table: &'a DeTable<'i>,
    at: usize,
    known: BTreeSet<String>,
    found: &'a mut Found,
}

impl Fields<'_, '_> {
    /// Where the table and its keys stand.
    pub(super) fn place(&self) -> Place {
        let keys = self.table.keys();
        Place {
            table: self.at,
            keys: keys
                .map(|key| (key.get_ref().to_string(), key.span().start))
                .collect(),
        }
    }

    /// What stands behind a key, or else by default.
    pub(super) fn take<T: Value>(&mut self, field: &str, default: Option<&str>) -> Option<T> {
        let key = key_of(field);
        let value = self.table.get(key.as_str());
        self.known.insert(key.clone());
        if let Some(value) = value {
            return T::read(value, self.found);
        }
        if let Some(default) = default {
            let value = DeValue::parse(default).ok()?;
            return T::read(&value, self.found);
        }
        let absent = T::absent();
        if absent.is_none() {
            let text = format!("'{key}' is missing: expected {}", T::expected());
            self.found.add(self.at, text);
        }
        absent
    }

    /// The alternative that the table chooses.
    pub(super) fn choose<T: Choice>(&mut self) -> Option<T> {
        let words: Vec<&'static str> = T::variants().iter().map(|variant| variant.word).collect();
        match T::TAG {
            Some(tag) => {
                self.known.insert(tag.to_owned());
                let Some(value) = self.table.get(tag) else {
                    let text = format!("'{tag}' is missing: {}", choices("", words));
                    self.found.add(self.at, text);
                    return None;
                };
                let given = value.get_ref().as_str().unwrap_or_default();
                let Some(word) = words.iter().find(|word| **word == given) else {
                    let given = shown(value.get_ref());
                    let near = choices(given.trim_matches('\''), words);
                    let text = format!("{tag} {given} is unknown; {near}");
                    self.found.add(value.span().start, text);
                    self.known
                        .extend(self.table.keys().map(|key| key.get_ref().to_string()));
                    return None;
                };
                T::read(word, self)
            }
            None => self.choose_by_key(&words),
        }
    }

    fn choose_by_key<T: Choice>(&mut self, words: &[&'static str]) -> Option<T> {
        let mut present = words.iter().filter(|word| self.table.contains_key(**word));
        let Some(word) = present.next() else {
            self.known
                .extend(words.iter().map(|word| (*word).to_owned()));
            let strange = self
                .table
                .keys()
                .find(|key| !self.known.contains(&**key.get_ref()));
            let given = strange.map_or("", |key| key.get_ref());
            let text = format!(
                "one key must say what it is; {}",
                choices(given, words.to_vec())
            );
            self.found.add(self.at, text);
            return None;
        };
        if let Some(second) = present.next() {
            let text = format!("'{word}' and '{second}' cannot stand in one table: write two");
            self.found.add(self.at, text);
            self.known
                .extend(words.iter().map(|word| (*word).to_owned()));
        }
        T::read(word, self)
    }

    /// Notes keys that nobody has asked for; whether there were any.
    fn check_unknown(self) -> bool {
        let mut unknown = false;
        for key in self.table.keys() {
            let name: &str = key.get_ref();
            if !self.known.contains(name) {
                let near = choices(name, self.known.iter().map(String::as_str));
                self.found
                    .add(key.span().start, format!("unknown key '{name}'; {near}"));
                unknown = true;
            }
        }
        unknown
    }
}

/// A default as the text of TOML.
macro_rules! default {
    () => {
        None
    };
    ($default:tt) => {
        Some(stringify!($default))
    };
}
pub(super) use default;

/// The alternatives of a table that has some.
macro_rules! alternatives {
    () => {
        (None, Vec::new())
    };
    ($choice:ty) => {
        (
            <$choice as $crate::scenario::read::Choice>::TAG,
            <$choice as $crate::scenario::read::Choice>::variants(),
        )
    };
}
pub(super) use alternatives;

/// A table of the file: a type, its reader and its page of the book.
macro_rules! keys {
    (
        $(#[doc = $about:literal])+
        $title:literal $name:ident {
            $( $(#[doc = $doc:literal])+ $field:ident : $type:ty $(= $default:tt)?, )*
        }
        $( $(#[doc = $choice_doc:literal])+ one of $choice:ident : $choice_type:ty )?
    ) => {
        $(#[doc = $about])+
        #[derive(Debug, Clone, PartialEq)]
        pub struct $name {
            $( $(#[doc = $doc])+ pub $field: $type, )*
            $( $(#[doc = $choice_doc])+ pub $choice: $choice_type, )?
            /// Where it stands in the file.
            pub place: $crate::scenario::read::Place,
        }

        impl $crate::scenario::read::Table for $name {
            const TITLE: &'static str = $title;

            fn about() -> String {
                $crate::scenario::read::sentence(&[$($about),+])
            }

            fn rows() -> Vec<$crate::scenario::read::Row> {
                vec![ $( $crate::scenario::read::Row::of::<$type>(
                    stringify!($field), &[$($doc),+], $crate::scenario::read::default!($($default)?),
                ), )* ]
            }

            fn variants() -> (Option<&'static str>, Vec<$crate::scenario::read::Variant>) {
                $crate::scenario::read::alternatives!($($choice_type)?)
            }

            fn read(fields: &mut $crate::scenario::read::Fields<'_, '_>) -> Option<Self> {
                $( let $field = fields.take::<$type>(
                    stringify!($field), $crate::scenario::read::default!($($default)?),
                ); )*
                $( let $choice = fields.choose::<$choice_type>(); )?
                Some(Self {
                    $( $field: $field?, )*
                    $( $choice: $choice?, )?
                    place: fields.place(),
                })
            }

            fn describe_fields(book: &mut $crate::scenario::read::Book) {
                $( <$type as $crate::scenario::read::Value>::describe(book); )*
                $( <$choice_type as $crate::scenario::read::Choice>::describe(book); )?
            }
        }
    };
}
pub(super) use keys;

/// Alternatives of a table: a type, its reader and its part of the book.
macro_rules! choice {
    (
        $(#[doc = $about:literal])+
        $name:ident by $tag:expr;
        $(
            $(#[doc = $doc:literal])+
            $word:literal $(: $target:ty)? => $variant:ident {
                $( $(#[doc = $field_doc:literal])+ $field:ident : $type:ty $(= $default:tt)?, )*
            }
        )*
    ) => {
        $(#[doc = $about])+
        #[derive(Debug, Clone, PartialEq)]
        pub enum $name {
            $(
                $(#[doc = $doc])+
                $variant {
                    $( /// What stands behind the word.
                    what: $target, )?
                    $( $(#[doc = $field_doc])+ $field: $type, )*
                },
            )*
        }

        impl $name {
            /// The word that chooses it.
            #[must_use]
            pub fn word(&self) -> &'static str {
                match self {
                    $( Self::$variant { .. } => $word, )*
                }
            }
        }

        impl $crate::scenario::read::Choice for $name {
            const TAG: Option<&'static str> = $tag;

            fn variants() -> Vec<$crate::scenario::read::Variant> {
                use $crate::scenario::read::{Row, Variant, default, sentence};
                vec![ $( {
                    let target: Vec<String> = vec![$( <$target as $crate::scenario::read::Value>::expected() )?];
                    Variant {
                        word: $word,
                        about: sentence(&[$($doc),+]),
                        target: target.into_iter().next(),
                        rows: vec![ $( Row::of::<$type>(
                            stringify!($field), &[$($field_doc),+], default!($($default)?),
                        ), )* ],
                    }
                }, )* ]
            }

            fn describe(book: &mut $crate::scenario::read::Book) {
                $( $( <$type as $crate::scenario::read::Value>::describe(book); )* )*
            }

            fn read(word: &str, fields: &mut $crate::scenario::read::Fields<'_, '_>) -> Option<Self> {
                match word {
                    $( $word => {
                        $( let what = fields.take::<$target>($word, None); )?
                        $( let $field = fields.take::<$type>(
                            stringify!($field), $crate::scenario::read::default!($($default)?),
                        ); )*
                        Some(Self::$variant {
                            $( what: what? as $target, )?
                            $( $field: $field?, )*
                        })
                    } )*
                    _ => None,
                }
            }
        }
    };
}
pub(super) use choice;
