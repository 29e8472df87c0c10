//! How rows are shown: which attributes a caller sees, serialised straight from the rows.

use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};
use serde_json::Value;
use weft_schema::{Attribute, Fault, Problem, Resource, Row, State};

use crate::policy;
use crate::request::{Config, Context};
use crate::services::{self, Service};

/// What answers are computed from.
#[derive(Clone, Copy)]
pub(crate) struct Reading<'a> {
    /// The rows.
    pub state: &'a State,
    /// What the installation decided.
    pub config: &'a Config,
}

/// How the rows of a resource are shown to a caller.
pub(crate) struct View<'a> {
    reading: Reading<'a>,
    service: &'static dyn Service,
    shown: Vec<(&'static str, &'static Attribute)>,
}

impl<'a> View<'a> {
    /// With every attribute that the caller sees, or those of them that he asks for.
    #[must_use]
    pub(crate) fn new(
        resource: &Resource,
        context: &Context,
        reading: Reading<'a>,
        query: &[(String, String)],
    ) -> Self {
        let fields: Vec<&str> = query
            .iter()
            .filter(|(name, value)| name == "fields" && !value.is_empty())
            .map(|(_, value)| value.as_str())
            .collect();
        let seen = resource
            .attributes()
            .filter(|attribute| attribute.visible && policy::reads(attribute, context));
        let mut shown: Vec<_> = seen
            .flat_map(|attribute| attribute.names().map(move |name| (name, attribute)))
            .filter(|(name, _)| fields.is_empty() || fields.contains(name))
            .collect();
        shown.sort_by_key(|(_, attribute)| attribute.name);
        Self {
            reading,
            service: services::of(resource),
            shown,
        }
    }

    /// `{"network": {...}}`
    ///
    /// # Errors
    /// None that a caller could cause.
    pub(crate) fn one(&self, key: &str, row: &Row) -> Result<Vec<u8>, Problem> {
        bytes(&Keyed(key, Shown(self, row), None))
    }

    /// `{"networks": [...]}`, with links to other pages when there are any.
    ///
    /// # Errors
    /// None that a caller could cause.
    pub(crate) fn many<R: AsRef<Row>>(
        &self,
        key: &str,
        rows: &[R],
        links: Option<Value>,
    ) -> Result<Vec<u8>, Problem> {
        bytes(&Keyed(key, List(self, rows), links))
    }
}

/// A document as bytes.
///
/// # Errors
/// It is none; a defect.
pub(crate) fn bytes(document: &impl Serialize) -> Result<Vec<u8>, Problem> {
    serde_json::to_vec(document).map_err(|_| Fault::HTTPInternalServerError {}.into())
}

/// An object under its key, and links beside it.
struct Keyed<'a, T>(&'a str, T, Option<Value>);

impl<T: Serialize> Serialize for Keyed<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(key, inner, links) = self;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry(key, inner)?;
        if let Some(links) = links {
            map.serialize_entry(&format!("{key}_links"), links)?;
        }
        map.end()
    }
}

/// One row.
struct Shown<'a>(&'a View<'a>, &'a Row);

impl Serialize for Shown<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(view, row) = self;
        let mut map = serializer.serialize_map(Some(view.shown.len()))?;
        // Both are in the order of names: one walk instead of a search per attribute.
        let mut stored = row.body.iter().peekable();
        for (name, attribute) in &view.shown {
            if attribute.computed {
                let value = view.service.computed(attribute.name, row, view.reading);
                map.serialize_entry(name, &value)?;
                continue;
            }
            while stored
                .next_if(|(key, _)| key.as_str() < attribute.name)
                .is_some()
            {}
            let value = stored.peek().filter(|(key, _)| *key == attribute.name);
            map.serialize_entry(name, &value.map(|(_, value)| *value))?;
        }
        map.end()
    }
}

/// Several rows.
struct List<'a, R>(&'a View<'a>, &'a [R]);

impl<R: AsRef<Row>> Serialize for List<'_, R> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(Some(self.1.len()))?;
        for row in self.1 {
            list.serialize_element(&Shown(self.0, row.as_ref()))?;
        }
        list.end()
    }
}
