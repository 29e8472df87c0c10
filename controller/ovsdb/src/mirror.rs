//! A replica of the watched tables of one database, kept by a monitor.
//!
//! It understands the updates of RFC 7047 (4.1.6: whole rows) and those of `ovsdb-server`(7)
//! (`update2`, `update3`: differences). What is monitored is the part of the peer's schema
//! that [`crate::tables`] names; anything else in an update is passed over. How the monitor
//! is asked for is [`crate::session`]'s.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::error::Error;
use crate::schema::{Schema, TableSchema};
use crate::tables;
use crate::value::{Datum, Row, parse_uuid};

/// The default for the content of a replica, in bytes.
pub const MAX_CONTENT: usize = 64 << 20;

/// How updates are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notation {
    /// `<table-updates>` of RFC 7047: `old` and `new` rows.
    Whole,
    /// `<table-updates2>` of `ovsdb-server`(7): `initial`, `insert`, `modify`, `delete`.
    Difference,
}

/// What happened to a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// It is new.
    Inserted,
    /// Some of its columns changed.
    Modified,
    /// It is gone.
    Deleted,
}

/// One row that changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Its table.
    pub table: Arc<str>,
    /// The row.
    pub row: Uuid,
    /// What happened.
    pub action: Action,
}

/// The replica.
#[derive(Clone, Debug)]
pub struct Mirror {
    schema: Schema,
    rows: BTreeMap<Arc<str>, BTreeMap<Uuid, Row>>,
    weight: usize,
    limit: usize,
}

impl Mirror {
    /// An empty replica of what is watched of the database with this schema, of at most
    /// `limit` bytes of content.
    pub fn new(schema: &Schema, limit: usize) -> Self {
        let schema = schema.restricted(tables::watched());
        let rows = schema
            .tables
            .keys()
            .map(|table| (table.clone(), BTreeMap::new()))
            .collect();
        Self {
            schema,
            rows,
            weight: 0,
            limit,
        }
    }

    /// How many bytes of content it has.
    pub fn weight(&self) -> usize {
        self.weight
    }

    /// The tables and columns that are replicated.
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// The rows of a table; none when the database has no such table.
    pub fn rows(&self, table: &str) -> impl Iterator<Item = (Uuid, &Row)> {
        self.rows
            .get(table)
            .into_iter()
            .flatten()
            .map(|(id, row)| (*id, row))
    }

    /// One row.
    pub fn row(&self, table: &str, id: Uuid) -> Option<&Row> {
        self.rows.get(table)?.get(&id)
    }

    /// The rows of `table` that a column of `row` refers to, as far as they are known.
    pub fn referred<'a>(
        &'a self,
        row: &'a Row,
        column: &str,
        table: &str,
    ) -> impl Iterator<Item = (Uuid, &'a Row)> {
        let rows = self.rows.get(table);
        row.get(column)
            .uuids()
            .filter_map(move |id| Some((id, rows?.get(&id)?)))
    }

    /// The only row of the root table.
    pub fn root(&self) -> Option<(Uuid, &Row)> {
        self.rows(tables::DATABASE).next()
    }

    /// The bridge of this name.
    pub fn bridge(&self, name: &str) -> Option<(Uuid, &Row)> {
        self.rows("Bridge").find(|(_, row)| row.str("name") == name)
    }

    /// The monitor requests (RFC 7047, 4.1.5) for everything that is replicated.
    pub fn requests(&self) -> Value {
        let request = |table: &TableSchema| {
            let columns: Vec<&str> = table.columns.keys().map(|column| &**column).collect();
            json!([{"columns": columns}])
        };
        let requests: Map<String, Value> = self
            .schema
            .tables
            .iter()
            .map(|(name, table)| (name.to_string(), request(table)))
            .collect();
        Value::Object(requests)
    }

    /// Applies one update, and tells which rows it changed.
    ///
    /// # Errors
    /// [`Error::Shape`], [`Error::Update`] or [`Error::MirrorFull`]; the replica is then of no
    /// further use.
    pub fn apply(&mut self, notation: Notation, updates: &Value) -> Result<Vec<Change>, Error> {
        let tables = updates
            .as_object()
            .ok_or_else(|| Error::shape("updates of tables", updates))?;
        let mut changes = Vec::new();
        for (name, rows) in tables {
            let Some((table, _)) = self.schema.tables.get_key_value(name.as_str()) else {
                continue;
            };
            let table = table.clone();
            for (id, update) in rows
                .as_object()
                .ok_or_else(|| Error::shape("updates of rows", rows))?
            {
                let row = parse_uuid(id)?;
                let action = self.apply_row(notation, &table, row, update)?;
                changes.push(Change {
                    table: table.clone(),
                    row,
                    action,
                });
            }
        }
        Ok(changes)
    }

    fn apply_row(
        &mut self,
        notation: Notation,
        table: &Arc<str>,
        id: Uuid,
        update: &Value,
    ) -> Result<Action, Error> {
        let schema = &self.schema.tables[table];
        let stored = self.rows.entry(table.clone()).or_default();
        let before = stored.remove(&id);
        let after = match notation {
            Notation::Whole => whole(schema, update),
            Notation::Difference => difference(schema, before.as_ref(), update),
        };
        let after = after.map_err(|reason| Error::Update {
            table: table.to_string(),
            row: id.to_string(),
            reason: reason.to_string(),
        })?;
        let action = match (&before, &after) {
            (_, None) => Action::Deleted,
            (None, Some(_)) => Action::Inserted,
            (Some(_), Some(_)) => Action::Modified,
        };
        self.weight -= before.as_ref().map_or(0, Row::weight);
        if let Some(after) = after {
            self.weight += after.weight();
            stored.insert(id, after);
        }
        if self.weight > self.limit {
            return Err(Error::MirrorFull { limit: self.limit });
        }
        Ok(action)
    }
}

/// The row after a `<row-update>`, which repeats all of it.
fn whole(schema: &TableSchema, update: &Value) -> Result<Option<Row>, Error> {
    update
        .get("new")
        .map(|new| complete(schema, new))
        .transpose()
}

/// The row after a `<row-update2>`.
fn difference(
    schema: &TableSchema,
    before: Option<&Row>,
    update: &Value,
) -> Result<Option<Row>, Error> {
    let members = update
        .as_object()
        .ok_or_else(|| Error::shape("an update of a row", update))?;
    match members
        .iter()
        .next()
        .map(|(kind, row)| (kind.as_str(), row))
    {
        Some(("initial" | "insert", row)) => complete(schema, row).map(Some),
        Some(("modify", row)) => {
            let before = before.ok_or_else(|| Error::shape("a row that is known", update))?;
            modified(schema, before, row).map(Some)
        }
        Some(("delete", _)) => Ok(None),
        _ => Err(Error::shape("initial, insert, modify or delete", update)),
    }
}

/// A row with every column of its table: those that are not mentioned have their default.
fn complete(schema: &TableSchema, value: &Value) -> Result<Row, Error> {
    let row = Row::parse(value)?;
    let mut complete = Row::default();
    for (name, column) in &schema.columns {
        // A replica sees rows as they are: a required reference it does not know is no error.
        let mentioned = row.iter().find(|(mentioned, _)| *mentioned == name);
        let datum =
            mentioned.map_or_else(|| Ok(column.default()), |(_, datum)| column.conform(datum))?;
        complete.set(name.clone(), datum);
    }
    Ok(complete)
}

fn modified(schema: &TableSchema, before: &Row, value: &Value) -> Result<Row, Error> {
    let mut row = before.clone();
    for (name, datum) in Row::parse(value)?.iter() {
        let Some((name, column)) = schema.columns.get_key_value(name) else {
            continue;
        };
        let datum = column.conform(datum)?;
        let datum: Datum = if column.is_composite() {
            row.get(name).patched(&datum)
        } else {
            datum
        };
        row.set(name.clone(), datum);
    }
    Ok(row)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "00000000-0000-0000-0000-000000000001";

    fn mirror() -> Mirror {
        Mirror::new(&tables::schema(), MAX_CONTENT)
    }

    fn bridge(update: Value) -> Value {
        json!({"Bridge": {ID: update}})
    }

    fn apply(mirror: &mut Mirror, update: Value) -> Action {
        mirror.apply(Notation::Difference, &bridge(update)).unwrap()[0].action
    }

    #[test]
    fn columns_that_an_insert_does_not_mention_have_their_default() {
        let mut mirror = mirror();
        assert_eq!(
            apply(&mut mirror, json!({"initial": {"name": "br0"}})),
            Action::Inserted
        );
        let (_, row) = mirror.bridge("br0").unwrap();
        assert_eq!(row.get("datapath_type").as_str(), Some(""));
        assert!(row.get("external_ids").is_map());
    }

    #[test]
    fn sets_and_maps_are_changed_by_differences_and_scalars_replaced() {
        let mut mirror = mirror();
        apply(
            &mut mirror,
            json!({"insert": {"name": "br0", "fail_mode": "standalone", "protocols": ["set", ["a", "b"]],
                "other_config": ["map", [["k", "1"], ["gone", "x"]]]}}),
        );
        let modify = json!({"modify": {"fail_mode": "secure", "protocols": ["set", ["b", "c"]],
            "other_config": ["map", [["k", "2"], ["gone", "x"], ["new", "y"]]]}});
        assert_eq!(apply(&mut mirror, modify), Action::Modified);
        let (_, row) = mirror.bridge("br0").unwrap();
        assert_eq!(row.get("fail_mode").as_str(), Some("secure"));
        assert_eq!(row.get("protocols"), &Datum::set(["a", "c"]));
        assert_eq!(
            row.get("other_config"),
            &Datum::map([("k", "2"), ("new", "y")])
        );
        apply(&mut mirror, json!({"modify": {"fail_mode": ["set", []]}}));
        assert!(mirror.bridge("br0").unwrap().1.get("fail_mode").is_empty());
        assert_eq!(apply(&mut mirror, json!({"delete": null})), Action::Deleted);
        assert!(mirror.bridge("br0").is_none());
    }

    #[test]
    fn updates_of_the_rfc_replace_the_row() {
        let mut mirror = mirror();
        let mut apply = |update| mirror.apply(Notation::Whole, &bridge(update)).unwrap()[0].action;
        assert_eq!(
            apply(json!({"new": {"name": "br0", "protocols": "a"}})),
            Action::Inserted
        );
        assert_eq!(
            apply(json!({"old": {"protocols": "a"}, "new": {"name": "br0", "protocols": "b"}})),
            Action::Modified
        );
        assert_eq!(apply(json!({"old": {"name": "br0"}})), Action::Deleted);
        assert!(mirror.bridge("br0").is_none());
    }

    #[test]
    fn tables_and_columns_that_were_not_asked_for_are_passed_over() {
        let mut mirror = mirror();
        let update = json!({"Chair": {ID: {"insert": {"legs": 4}}}, "Bridge": {ID: {"insert": {"name": "b", "colour": "red"}}}});
        assert_eq!(
            mirror.apply(Notation::Difference, &update).unwrap().len(),
            1
        );
    }

    #[test]
    fn updates_that_do_not_fit_are_refused_with_table_and_row() {
        for update in [
            json!({"modify": {"name": "x"}}),
            json!({"explode": null}),
            json!({"insert": {"name": 5}}),
            json!({"insert": {"ports": ["set", [["uuid", "x"]]]}}),
            json!(7),
        ] {
            let error = mirror()
                .apply(Notation::Difference, &bridge(update.clone()))
                .unwrap_err();
            assert!(
                error.to_string().starts_with("update of Bridge row 0000"),
                "{update}: {error}"
            );
        }
        assert!(
            mirror()
                .apply(
                    Notation::Difference,
                    &json!({"Bridge": {"x": {"delete": null}}})
                )
                .is_err()
        );
        assert!(mirror().apply(Notation::Whole, &json!([])).is_err());
    }

    #[test]
    fn the_replica_is_bounded_and_deleted_rows_make_room() {
        let mut mirror = Mirror::new(&tables::schema(), 4000);
        for _ in 0..100 {
            apply(&mut mirror, json!({"insert": {"name": "br0"}}));
            apply(&mut mirror, json!({"delete": null}));
        }
        let long = "x".repeat(4000);
        let error = mirror.apply(
            Notation::Difference,
            &bridge(json!({"insert": {"name": long}})),
        );
        assert_eq!(error, Err(Error::MirrorFull { limit: 4000 }));
    }

    #[test]
    fn only_columns_that_the_peer_has_are_asked_for() {
        let mut schema = tables::schema();
        schema.tables.remove("Datapath");
        let requests = Mirror::new(&schema, 1).requests();
        assert!(requests.get("Datapath").is_none());
        assert!(
            requests["Manager"][0]["columns"]
                .as_array()
                .unwrap()
                .contains(&json!("target"))
        );
    }
}
