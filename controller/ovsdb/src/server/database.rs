//! The data of a [`super::Server`], and what transactions do to it (RFC 7047, 5.2).
//!
//! A transaction is executed on the rows themselves and undone from a log when it fails.
//! At its end rows that nothing refers to are collected, strong references and indexes are
//! checked. Weak references, ranges and enumerations are not looked at.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::{Value, json};
use uuid::Uuid;

use crate::error::Error;
use crate::schema::{ColumnType, Schema, TableSchema};
use crate::transaction::{Condition, Function, Mutation, Mutator, Operation};
use crate::value::{Atom, Datum, Real, Row};

type Rows = BTreeMap<Arc<str>, BTreeMap<Uuid, Row>>;

/// What a transaction did to one row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// Its table.
    pub table: Arc<str>,
    /// The row.
    pub row: Uuid,
    /// Its columns before; none when it is new.
    pub before: Option<Row>,
    /// Its columns after; none when it is gone.
    pub after: Option<Row>,
}

/// Why a transaction failed: the error string of RFC 7047 and an explanation.
struct Failure(&'static str, String);

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self("constraint violation", error.to_string())
    }
}

impl Failure {
    fn to_json(&self) -> Value {
        json!({"error": self.0, "details": self.1})
    }
}

/// The rows of a database.
#[derive(Debug)]
pub struct Database {
    schema: Schema,
    rows: Rows,
    seed: u64,
    made: u64,
    changes: u64,
}

impl Database {
    /// An empty database. Row ids are made of `seed` and a count.
    pub fn new(schema: Schema, seed: u64) -> Self {
        let rows = schema
            .tables
            .keys()
            .map(|table| (table.clone(), BTreeMap::new()))
            .collect();
        Self {
            schema,
            rows,
            seed,
            made: 0,
            changes: 0,
        }
    }

    /// Its schema.
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// How many transactions changed something.
    pub fn changes(&self) -> u64 {
        self.changes
    }

    /// The rows of a table.
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

    /// Every row, as if it had just been made.
    pub fn everything(&self) -> impl Iterator<Item = Edit> {
        self.rows.iter().flat_map(|(table, rows)| {
            rows.iter().map(|(id, row)| Edit {
                table: table.clone(),
                row: *id,
                before: None,
                after: Some(row.clone()),
            })
        })
    }

    /// Does all operations or none; answers the results as they go on the wire, and what
    /// changed.
    pub fn transact(&mut self, operations: &[Value]) -> (Vec<Value>, Vec<Edit>) {
        let mut run = Run {
            database: self,
            before: BTreeMap::new(),
            names: BTreeMap::new(),
        };
        let mut results = Vec::new();
        match run.execute(operations, &mut results) {
            Ok(()) => {
                let edits = run.edits();
                self.changes += u64::from(!edits.is_empty());
                (results, edits)
            }
            Err(failure) => {
                run.undo();
                results.push(failure.to_json());
                results.resize(results.len().max(operations.len()), Value::Null);
                (results, Vec::new())
            }
        }
    }

    fn new_id(&mut self) -> Uuid {
        self.made += 1;
        Uuid::from_u64_pair(self.seed, self.made)
    }

    fn table(&self, name: &str) -> Result<(Arc<str>, &TableSchema), Failure> {
        let table = self.schema.tables.get_key_value(name);
        let table =
            table.ok_or_else(|| Failure("unknown table", format!("no table named {name}")))?;
        Ok((table.0.clone(), table.1))
    }

    fn column(&self, table: &str, name: &str) -> Result<(Arc<str>, ColumnType), Failure> {
        let column = self.table(table)?.1.columns.get_key_value(name);
        let column = column
            .ok_or_else(|| Failure("unknown column", format!("no column {name} in {table}")))?;
        Ok((column.0.clone(), column.1.clone()))
    }
}

/// One transaction under way.
struct Run<'a> {
    database: &'a mut Database,
    /// The rows it touched, as they were.
    before: BTreeMap<(Arc<str>, Uuid), Option<Row>>,
    names: BTreeMap<String, Uuid>,
}

impl Run<'_> {
    fn execute(&mut self, operations: &[Value], results: &mut Vec<Value>) -> Result<(), Failure> {
        let operations: Vec<_> = operations.iter().map(Operation::parse).collect();
        // Names may be used before the insert that gives them.
        for operation in operations.iter().flatten() {
            if let Operation::Insert {
                name: Some(name), ..
            } = operation
            {
                let id = self.database.new_id();
                if self.names.insert(name.clone(), id).is_some() {
                    return Err(Failure("duplicate uuid-name", name.clone()));
                }
            }
        }
        for operation in operations {
            let operation =
                operation.map_err(|error| Failure("syntax error", error.to_string()))?;
            results.push(self.operation(&operation)?);
        }
        if !self.before.is_empty() {
            self.collect()?;
            self.check_indexes()?;
        }
        Ok(())
    }

    fn operation(&mut self, operation: &Operation) -> Result<Value, Failure> {
        match operation {
            Operation::Insert { table, row, name } => self.insert(table, row, name.as_deref()),
            Operation::Select {
                table,
                conditions,
                columns,
            } => self.select(table, conditions, columns.as_deref()),
            Operation::Update {
                table,
                conditions,
                row,
            } => {
                let columns = self.columns(table, row)?;
                self.change(table, conditions, |row| {
                    columns
                        .iter()
                        .for_each(|(name, datum)| row.set(name.clone(), datum.clone()));
                    Ok(())
                })
            }
            Operation::Mutate {
                table,
                conditions,
                mutations,
            } => self.mutate(table, conditions, mutations),
            Operation::Delete { table, conditions } => self.delete(table, conditions),
            Operation::Wait {
                table,
                conditions,
                columns,
                equal,
                rows,
                ..
            } => self.wait(table, conditions, columns, *equal, rows),
            Operation::Comment(_) => Ok(json!({})),
            Operation::Assert(lock) => Err(Failure("not owner", lock.clone())),
            Operation::Abort => Err(Failure("aborted", "aborted by request".to_owned())),
        }
    }

    fn insert(&mut self, table: &str, row: &Row, name: Option<&str>) -> Result<Value, Failure> {
        let given = self.columns(table, row)?;
        let (table, schema) = self.database.table(table)?;
        let defaults = schema
            .columns
            .iter()
            .map(|(name, column)| (name.clone(), column.default()));
        let row: Row = defaults.chain(given).collect();
        let id = match name.and_then(|name| self.names.get(name)) {
            Some(id) => *id,
            None => self.database.new_id(),
        };
        self.put(&table, id, Some(row));
        Ok(json!({"uuid": ["uuid", id.to_string()]}))
    }

    fn select(
        &self,
        table: &str,
        conditions: &[Condition],
        columns: Option<&[String]>,
    ) -> Result<Value, Failure> {
        let rows = self.matching(table, conditions)?.into_iter().map(|id| {
            let Some(columns) = columns else {
                let mut row = self.database.rows[table][&id].clone();
                row.set("_uuid".into(), Datum::from(id));
                return Ok(row.to_json());
            };
            Ok(self.part(table, id, columns)?.to_json())
        });
        Ok(json!({"rows": rows.collect::<Result<Vec<_>, Failure>>()?}))
    }

    fn mutate(
        &mut self,
        table: &str,
        conditions: &[Condition],
        mutations: &[Mutation],
    ) -> Result<Value, Failure> {
        let mutations = mutations.iter().map(|mutation| {
            let (name, column) = self.database.column(table, &mutation.column)?;
            let value = self.resolve(&mutation.value)?;
            Ok((
                name,
                column,
                Mutation {
                    value,
                    ..mutation.clone()
                },
            ))
        });
        let mutations = mutations.collect::<Result<Vec<_>, Failure>>()?;
        self.change(table, conditions, |row| {
            for (name, column, mutation) in &mutations {
                let datum = mutated(row.get(name), mutation)?;
                row.set(name.clone(), column.check(&datum)?);
            }
            Ok(())
        })
    }

    fn delete(&mut self, table: &str, conditions: &[Condition]) -> Result<Value, Failure> {
        let found = self.matching(table, conditions)?;
        let (table, _) = self.database.table(table)?;
        found.iter().for_each(|id| self.put(&table, *id, None));
        Ok(json!({"count": found.len()}))
    }

    fn wait(
        &self,
        table: &str,
        conditions: &[Condition],
        columns: &[String],
        equal: bool,
        rows: &[Row],
    ) -> Result<Value, Failure> {
        let found = self
            .matching(table, conditions)?
            .into_iter()
            .map(|id| self.part(table, id, columns));
        let found = found.collect::<Result<Vec<_>, Failure>>()?;
        let wanted = rows
            .iter()
            .map(|row| Ok(self.columns(table, row)?.into_iter().collect()));
        let wanted = wanted.collect::<Result<Vec<Row>, Failure>>()?;
        let same = found.iter().all(|row| wanted.contains(row))
            && wanted.iter().all(|row| found.contains(row));
        match same == equal {
            true => Ok(json!({})),
            false => Err(Failure(
                "timed out",
                "the rows are others, and this server does not wait".to_owned(),
            )),
        }
    }

    /// Some columns of a row.
    fn part(&self, table: &str, id: Uuid, columns: &[String]) -> Result<Row, Failure> {
        let columns = columns
            .iter()
            .map(|name| Ok((name.as_str().into(), self.value(table, id, name)?)));
        columns.collect()
    }

    fn value(&self, table: &str, id: Uuid, column: &str) -> Result<Datum, Failure> {
        if column == "_uuid" {
            return Ok(Datum::from(id));
        }
        self.database.column(table, column)?;
        Ok(self.database.rows[table][&id].get(column).clone())
    }

    /// The rows for which all conditions hold.
    fn matching(&self, table: &str, conditions: &[Condition]) -> Result<Vec<Uuid>, Failure> {
        let (table, _) = self.database.table(table)?;
        let mut found = Vec::new();
        let arguments = conditions
            .iter()
            .map(|condition| self.resolve(&condition.value));
        let arguments = arguments.collect::<Result<Vec<_>, Failure>>()?;
        'rows: for id in self.database.rows[&table].keys() {
            for (condition, argument) in conditions.iter().zip(&arguments) {
                let value = self.value(&table, *id, &condition.column)?;
                if !holds(condition.function, &value, argument) {
                    continue 'rows;
                }
            }
            found.push(*id);
        }
        Ok(found)
    }

    fn change(
        &mut self,
        table: &str,
        conditions: &[Condition],
        change: impl Fn(&mut Row) -> Result<(), Failure>,
    ) -> Result<Value, Failure> {
        let found = self.matching(table, conditions)?;
        let (table, _) = self.database.table(table)?;
        for id in &found {
            let mut row = self.database.rows[&table][id].clone();
            change(&mut row)?;
            self.put(&table, *id, Some(row));
        }
        Ok(json!({"count": found.len()}))
    }

    /// The columns of a row that a client sent, checked.
    fn columns(&self, table: &str, row: &Row) -> Result<Vec<(Arc<str>, Datum)>, Failure> {
        let columns = row.iter().map(|(name, datum)| {
            let (name, column) = self.database.column(table, name)?;
            Ok((name, column.check(&self.resolve(datum)?)?))
        });
        columns.collect()
    }

    /// Puts row ids in the place of names.
    fn resolve(&self, datum: &Datum) -> Result<Datum, Failure> {
        let resolved = datum.try_map(|atom| match atom {
            Atom::NamedUuid(name) => match self.names.get(name) {
                Some(id) => Ok(Atom::Uuid(*id)),
                None => Err(Error::missing(format!("a row named {name}"))),
            },
            other => Ok(other.clone()),
        });
        Ok(resolved?)
    }

    /// Sets or removes a row, and remembers what it was.
    fn put(&mut self, table: &Arc<str>, id: Uuid, row: Option<Row>) {
        let rows = self.database.rows.entry(table.clone()).or_default();
        let before = match row {
            Some(row) => rows.insert(id, row),
            None => rows.remove(&id),
        };
        self.before.entry((table.clone(), id)).or_insert(before);
    }

    fn undo(self) {
        for ((table, id), row) in self.before {
            let rows = self.database.rows.entry(table).or_default();
            match row {
                Some(row) => rows.insert(id, row),
                None => rows.remove(&id),
            };
        }
    }

    fn edits(self) -> Vec<Edit> {
        let edit = |((table, row), before): ((Arc<str>, Uuid), Option<Row>)| {
            let after = self.database.rows[&table].get(&row).cloned();
            Edit {
                table,
                row,
                before,
                after,
            }
        };
        self.before
            .into_iter()
            .map(edit)
            .filter(|edit| edit.before != edit.after)
            .collect()
    }

    /// Removes the rows that no root row leads to; every reference on the way must lead
    /// somewhere.
    fn collect(&mut self) -> Result<(), Failure> {
        let schema = &self.database.schema;
        let rows = &self.database.rows;
        let roots = schema.tables.iter().filter(|(_, table)| table.root);
        let mut queue: Vec<(Arc<str>, Uuid)> = roots
            .flat_map(|(name, _)| rows[name].keys().map(|id| (name.clone(), *id)))
            .collect();
        let mut reached: BTreeSet<(Arc<str>, Uuid)> = queue.iter().cloned().collect();
        while let Some((table, id)) = queue.pop() {
            let Some(row) = rows.get(&table).and_then(|rows| rows.get(&id)) else {
                let details = format!("no row {id} in {table}, which is referred to");
                return Err(Failure("referential integrity violation", details));
            };
            for (name, column) in &schema.tables[&table].columns {
                for (reference, target) in
                    column.references(row.get(name)).filter(|(r, _)| r.strong)
                {
                    let target = (reference.table.clone(), target);
                    if reached.insert(target.clone()) {
                        queue.push(target);
                    }
                }
            }
        }
        let all = rows
            .iter()
            .flat_map(|(table, rows)| rows.keys().map(|id| (table.clone(), *id)));
        let lost: Vec<_> = all.filter(|row| !reached.contains(row)).collect();
        lost.iter()
            .for_each(|(table, id)| self.put(table, *id, None));
        Ok(())
    }

    fn check_indexes(&self) -> Result<(), Failure> {
        for (name, table) in &self.database.schema.tables {
            for index in &table.indexes {
                let mut seen = BTreeSet::new();
                for row in self.database.rows[name].values() {
                    let values: Vec<String> = index
                        .iter()
                        .map(|column| row.get(column).to_json().to_string())
                        .collect();
                    let details = format!("two rows of {name} with {index:?} {values:?}");
                    if !seen.insert(values) {
                        return Err(Failure("constraint violation", details));
                    }
                }
            }
        }
        Ok(())
    }
}

fn holds(function: Function, value: &Datum, argument: &Datum) -> bool {
    // The empty set is also how nothing in a map is written.
    let equal = value == argument || value.is_empty() && argument.is_empty();
    let compare =
        |accepts: fn(std::cmp::Ordering) -> bool| match (value.as_atom(), argument.as_atom()) {
            (Some(value), Some(argument)) => accepts(value.cmp(argument)),
            _ => false,
        };
    match function {
        Function::Equal => equal,
        Function::NotEqual => !equal,
        Function::Includes => value.includes(argument),
        Function::Excludes => value.excludes(argument),
        Function::Less => compare(std::cmp::Ordering::is_lt),
        Function::LessOrEqual => compare(std::cmp::Ordering::is_le),
        Function::Greater => compare(std::cmp::Ordering::is_gt),
        Function::GreaterOrEqual => compare(std::cmp::Ordering::is_ge),
    }
}

/// A column after a mutation (RFC 7047, 5.1).
fn mutated(datum: &Datum, mutation: &Mutation) -> Result<Datum, Failure> {
    let argument = &mutation.value;
    match mutation.mutator {
        Mutator::Insert if datum.is_map() => {
            // Later pairs win: those that are there already.
            Ok(Datum::map(
                argument.pairs().iter().chain(datum.pairs()).cloned(),
            ))
        }
        Mutator::Insert => Ok(Datum::set(
            datum.atoms().iter().chain(argument.atoms()).cloned(),
        )),
        Mutator::Delete if datum.is_map() => {
            let stays = |(key, value): &&(Atom, Atom)| match argument.is_map() {
                true => argument.value(key) != Some(value),
                false => !argument.atoms().contains(key),
            };
            Ok(Datum::map(datum.pairs().iter().filter(stays).cloned()))
        }
        Mutator::Delete => Ok(Datum::set(
            datum
                .atoms()
                .iter()
                .filter(|atom| !argument.atoms().contains(atom))
                .cloned(),
        )),
        mutator => {
            let atoms = datum
                .atoms()
                .iter()
                .map(|atom| calculated(mutator, atom, argument.as_atom()));
            Ok(Datum::set(atoms.collect::<Result<Vec<_>, _>>()?))
        }
    }
}

fn calculated(mutator: Mutator, atom: &Atom, argument: Option<&Atom>) -> Result<Atom, Failure> {
    match (atom, argument) {
        (Atom::Integer(_), Some(Atom::Integer(0)))
            if matches!(mutator, Mutator::Divide | Mutator::Remainder) =>
        {
            Err(Failure("domain error", "division by zero".to_owned()))
        }
        (Atom::Integer(a), Some(Atom::Integer(b))) => {
            let result = match mutator {
                Mutator::Add => a.checked_add(*b),
                Mutator::Subtract => a.checked_sub(*b),
                Mutator::Multiply => a.checked_mul(*b),
                Mutator::Divide => a.checked_div(*b),
                Mutator::Remainder => a.checked_rem(*b),
                Mutator::Insert | Mutator::Delete => None,
            };
            result
                .map(Atom::Integer)
                .ok_or_else(|| Failure("range error", "the result does not fit".to_owned()))
        }
        (Atom::Real(Real(a)), Some(Atom::Real(Real(b)))) => match mutator {
            Mutator::Add => Ok(Atom::Real(Real(a + b))),
            Mutator::Subtract => Ok(Atom::Real(Real(a - b))),
            Mutator::Multiply => Ok(Atom::Real(Real(a * b))),
            Mutator::Divide => Ok(Atom::Real(Real(a / b))),
            _ => Err(Failure(
                "constraint violation",
                "reals have no remainder".to_owned(),
            )),
        },
        _ => Err(Failure(
            "constraint violation",
            "only numbers can be calculated with".to_owned(),
        )),
    }
}
