//! What rows mean: one service per resource, all of the same shape.
//!
//! A verb has checked names, types and permissions when it comes here; a service checks that
//! values make sense together, takes and gives back claims, and changes the rows that follow.

mod ipam;
mod network;
mod port;
mod services_port;
mod subnet;

use serde_json::Value;
use weft_schema::claim::Family;
use weft_schema::{Fault, Problem, Resource, Row, RowKey};

use crate::body::Attributes;
use crate::draft::Draft;
use crate::view::Reading;

/// The meaning of a resource.
pub(crate) trait Service: Sync {
    /// The kind that it is the meaning of.
    fn kind(&self) -> &'static str;

    /// Completes a new row.
    ///
    /// # Errors
    /// Why there cannot be such a row.
    fn create(
        &self,
        draft: &mut Draft<'_>,
        key: &RowKey,
        row: &mut Attributes,
    ) -> Result<(), Problem> {
        _ = (draft, key, row);
        Ok(())
    }

    /// Completes a changed row; `given` names the attributes that the caller gave.
    ///
    /// # Errors
    /// Why it cannot become that.
    fn update(
        &self,
        draft: &mut Draft<'_>,
        before: &Row,
        row: &mut Attributes,
        given: &[&str],
    ) -> Result<(), Problem> {
        _ = (draft, before, row, given);
        Ok(())
    }

    /// Makes sure that a row may go, and gives back what it holds.
    ///
    /// # Errors
    /// Why it must stay.
    fn delete(&self, draft: &mut Draft<'_>, row: &Row) -> Result<(), Problem> {
        _ = (draft, row);
        Ok(())
    }

    /// Changes the rows that follow, once the row itself is in the draft as it shall be.
    ///
    /// # Errors
    /// Why they cannot follow.
    fn follow(
        &self,
        draft: &mut Draft<'_>,
        before: Option<&Row>,
        after: Option<&Row>,
    ) -> Result<(), Problem> {
        _ = (draft, before, after);
        Ok(())
    }

    /// The value of an attribute that is computed when read.
    fn computed(&self, attribute: &str, row: &Row, reading: Reading<'_>) -> Value {
        _ = (attribute, row, reading);
        Value::Null
    }
}

/// Every service.
const SERVICES: &[&dyn Service] = &[&network::Networks, &subnet::Subnets, &port::Ports];

/// The service of a resource.
#[must_use]
pub(crate) fn of(resource: &Resource) -> &'static dyn Service {
    SERVICES
        .iter()
        .copied()
        .find(|service| service.kind() == resource.name)
        .unwrap_or(&Plain)
}

/// The meaning of a resource without one: its rows are what callers say.
struct Plain;

impl Service for Plain {
    fn kind(&self) -> &'static str {
        ""
    }
}

/// Claims a number that stands for a row in flows.
fn number(draft: &mut Draft<'_>, kind: &str, owner: &RowKey) -> Result<u32, Problem> {
    const NUMBERS: std::ops::RangeInclusive<u128> = 1..=0x7fff_ffff;
    let free = draft.any_free(kind, "", Family::Number, &NUMBERS);
    let number = free.as_ref().and_then(|claim| claim.key.parse().ok());
    match (free, number) {
        (Some(free), Some(number)) => {
            draft.take(free, owner);
            Ok(number)
        }
        _ => Err(Fault::ServiceUnavailable {
            reason: &format!("no {kind} is left"),
        }
        .into()),
    }
}

/// A text attribute; empty when it is none.
fn text<'a>(row: &'a Attributes, name: &str) -> &'a str {
    row.get(name).and_then(Value::as_str).unwrap_or("")
}

/// A boolean attribute; false when it is none.
fn flag(row: &Attributes, name: &str) -> bool {
    row.get(name).and_then(Value::as_bool).unwrap_or(false)
}

/// The objects or texts of a list attribute.
fn items<'a>(row: &'a Attributes, name: &str) -> impl Iterator<Item = &'a Value> + use<'a> {
    row.get(name)
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
}

/// Ids in words, as many as a message can bear.
fn named(rows: &[impl AsRef<Row>]) -> String {
    const MOST: usize = 100;
    let ids = rows.iter().take(MOST).map(|row| &*row.as_ref().key.id);
    let mut names = ids.collect::<Vec<_>>().join(", ");
    if rows.len() > MOST {
        names += &format!(" and {} more", rows.len() - MOST);
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_resource_has_a_service() {
        for resource in weft_schema::RESOURCES {
            assert_eq!(of(resource).kind(), resource.name);
        }
    }
}
