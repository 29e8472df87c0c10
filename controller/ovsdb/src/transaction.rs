//! Transactions (RFC 7047, 5.2): what is asked of a database in one piece, and its answer.
//!
//! The types serve both sides: ours builds and encodes operations and reads results; the
//! simulated server parses and executes them.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::error::Error;
use crate::value::{Atom, Datum, Row};

/// How a condition compares a column with its argument (RFC 7047, 5.1 `<function>`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Function {
    /// `<`, of numbers.
    Less,
    /// `<=`, of numbers.
    LessOrEqual,
    /// `==`
    Equal,
    /// `!=`
    NotEqual,
    /// `>=`, of numbers.
    GreaterOrEqual,
    /// `>`, of numbers.
    Greater,
    /// The column has all elements of the argument.
    Includes,
    /// The column has no element of the argument.
    Excludes,
}

/// How a mutation changes a column (RFC 7047, 5.1 `<mutator>`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mutator {
    /// `+=`
    Add,
    /// `-=`
    Subtract,
    /// `*=`
    Multiply,
    /// `/=`
    Divide,
    /// `%=`
    Remainder,
    /// Adds elements; pairs whose key exists are left alone.
    Insert,
    /// Removes elements, pairs, or the pairs of a set of keys.
    Delete,
}

const FUNCTIONS: [(Function, &str); 8] = [
    (Function::Less, "<"),
    (Function::LessOrEqual, "<="),
    (Function::Equal, "=="),
    (Function::NotEqual, "!="),
    (Function::GreaterOrEqual, ">="),
    (Function::Greater, ">"),
    (Function::Includes, "includes"),
    (Function::Excludes, "excludes"),
];

const MUTATORS: [(Mutator, &str); 7] = [
    (Mutator::Add, "+="),
    (Mutator::Subtract, "-="),
    (Mutator::Multiply, "*="),
    (Mutator::Divide, "/="),
    (Mutator::Remainder, "%="),
    (Mutator::Insert, "insert"),
    (Mutator::Delete, "delete"),
];

fn name_of<T: PartialEq>(names: &[(T, &'static str)], wanted: &T) -> &'static str {
    names
        .iter()
        .find(|(value, _)| value == wanted)
        .map_or("", |(_, name)| name)
}

fn by_name<T: Copy>(names: &[(T, &'static str)], name: &Value) -> Option<T> {
    names
        .iter()
        .find(|(_, text)| name.as_str() == Some(text))
        .map(|(value, _)| *value)
}

/// `[column, function, value]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// The column; `_uuid` is the row's own id.
    pub column: String,
    /// The comparison.
    pub function: Function,
    /// Its argument.
    pub value: Datum,
}

impl Condition {
    /// The condition that holds for the row `row` alone.
    pub fn is(row: &Atom) -> Self {
        Self {
            column: "_uuid".to_owned(),
            function: Function::Equal,
            value: Datum::from(row.clone()),
        }
    }

    fn to_json(&self) -> Value {
        json!([
            self.column,
            name_of(&FUNCTIONS, &self.function),
            self.value.to_json()
        ])
    }

    fn parse(value: &Value) -> Result<Self, Error> {
        if let Some([Value::String(column), function, argument]) =
            value.as_array().map(Vec::as_slice)
            && let Some(function) = by_name(&FUNCTIONS, function)
        {
            return Ok(Self {
                column: column.clone(),
                function,
                value: Datum::parse(argument)?,
            });
        }
        Err(Error::shape("a condition", value))
    }
}

/// `[column, mutator, value]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mutation {
    /// The column.
    pub column: String,
    /// The change.
    pub mutator: Mutator,
    /// Its argument.
    pub value: Datum,
}

impl Mutation {
    /// A mutation of a column.
    pub fn new(column: &str, mutator: Mutator, value: impl Into<Datum>) -> Self {
        Self {
            column: column.to_owned(),
            mutator,
            value: value.into(),
        }
    }

    fn to_json(&self) -> Value {
        json!([
            self.column,
            name_of(&MUTATORS, &self.mutator),
            self.value.to_json()
        ])
    }

    fn parse(value: &Value) -> Result<Self, Error> {
        if let Some([Value::String(column), mutator, argument]) =
            value.as_array().map(Vec::as_slice)
            && let Some(mutator) = by_name(&MUTATORS, mutator)
        {
            return Ok(Self {
                column: column.clone(),
                mutator,
                value: Datum::parse(argument)?,
            });
        }
        Err(Error::shape("a mutation", value))
    }
}

/// One operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Adds a row.
    Insert {
        /// To which table.
        table: String,
        /// Its columns; others take their default.
        row: Row,
        /// The name under which the other operations know it.
        name: Option<String>,
    },
    /// Reads rows.
    Select {
        /// Of which table.
        table: String,
        /// Which: those for which all conditions hold.
        conditions: Vec<Condition>,
        /// Which columns; all when absent.
        columns: Option<Vec<String>>,
    },
    /// Sets columns.
    Update {
        /// Of which table.
        table: String,
        /// Of which rows.
        conditions: Vec<Condition>,
        /// The columns.
        row: Row,
    },
    /// Changes columns relative to what they hold.
    Mutate {
        /// Of which table.
        table: String,
        /// Of which rows.
        conditions: Vec<Condition>,
        /// The changes, in order.
        mutations: Vec<Mutation>,
    },
    /// Removes rows.
    Delete {
        /// Of which table.
        table: String,
        /// Which rows.
        conditions: Vec<Condition>,
    },
    /// Goes on only when the selected rows are, or are not, the given ones.
    Wait {
        /// Of which table.
        table: String,
        /// Which rows.
        conditions: Vec<Condition>,
        /// Which columns are compared.
        columns: Vec<String>,
        /// True for `==`, false for `!=`.
        equal: bool,
        /// The rows to compare with.
        rows: Vec<Row>,
        /// How long the database may wait for it, in milliseconds; 0: not at all.
        timeout: u64,
    },
    /// Says in the database's log what the transaction is for.
    Comment(String),
    /// Goes on only when the connection holds this lock.
    Assert(String),
    /// Undoes everything.
    Abort,
}

impl Operation {
    /// The operation in words, such as "insert into Bridge".
    pub fn describe(&self) -> String {
        match self {
            Self::Insert { table, .. } => format!("insert into {table}"),
            Self::Select { table, .. } => format!("select from {table}"),
            Self::Update { table, .. } => format!("update of {table}"),
            Self::Mutate { table, .. } => format!("mutate of {table}"),
            Self::Delete { table, .. } => format!("delete from {table}"),
            Self::Wait { table, .. } => format!("wait on {table}"),
            Self::Comment(_) => "comment".to_owned(),
            Self::Assert(lock) => format!("assert of lock {lock}"),
            Self::Abort => "abort".to_owned(),
        }
    }

    /// The operation as it goes on the wire.
    pub fn to_json(&self) -> Value {
        let mut value = match self {
            Self::Insert { row, .. } => json!({"op": "insert", "row": row.to_json()}),
            Self::Select { .. } => json!({"op": "select"}),
            Self::Update { row, .. } => json!({"op": "update", "row": row.to_json()}),
            Self::Mutate { mutations, .. } => {
                let mutations: Value = mutations.iter().map(Mutation::to_json).collect();
                json!({"op": "mutate", "mutations": mutations})
            }
            Self::Delete { .. } => json!({"op": "delete"}),
            Self::Wait {
                columns,
                equal,
                rows,
                timeout,
                ..
            } => {
                let rows: Value = rows.iter().map(Row::to_json).collect();
                let until = if *equal { "==" } else { "!=" };
                json!({"op": "wait", "columns": columns, "until": until, "rows": rows, "timeout": timeout})
            }
            Self::Comment(text) => json!({"op": "comment", "comment": text}),
            Self::Assert(lock) => json!({"op": "assert", "lock": lock}),
            Self::Abort => json!({"op": "abort"}),
        };
        if let Self::Insert {
            name: Some(name), ..
        } = self
        {
            value["uuid-name"] = json!(name);
        }
        if let Self::Select {
            columns: Some(columns),
            ..
        } = self
        {
            value["columns"] = json!(columns);
        }
        if let Some((table, conditions)) = self.target() {
            value["table"] = json!(table);
            if let Some(conditions) = conditions {
                value["where"] = conditions.iter().map(Condition::to_json).collect();
            }
        }
        value
    }

    /// The table it works on, and the conditions that choose rows of it.
    fn target(&self) -> Option<(&str, Option<&[Condition]>)> {
        match self {
            Self::Insert { table, .. } => Some((table, None)),
            Self::Select {
                table, conditions, ..
            }
            | Self::Update {
                table, conditions, ..
            }
            | Self::Mutate {
                table, conditions, ..
            }
            | Self::Delete { table, conditions }
            | Self::Wait {
                table, conditions, ..
            } => Some((table, Some(conditions))),
            Self::Comment(_) | Self::Assert(_) | Self::Abort => None,
        }
    }

    /// Reads an operation.
    ///
    /// # Errors
    /// [`Error::Shape`] names the member that is wrong or absent.
    pub fn parse(value: &Value) -> Result<Self, Error> {
        let members = Members(value);
        let table = || members.text("table");
        let conditions = || members.all("where", Condition::parse);
        let row = || Row::parse(value.get("row").unwrap_or(&Value::Null));
        let optional = |name: &str| value.get(name).is_some();
        Ok(match members.text("op")?.as_str() {
            "insert" => {
                let name = optional("uuid-name").then(|| members.text("uuid-name"));
                Self::Insert {
                    table: table()?,
                    row: row()?,
                    name: name.transpose()?,
                }
            }
            "select" => {
                let columns = optional("columns").then(|| members.all("columns", name));
                Self::Select {
                    table: table()?,
                    conditions: conditions()?,
                    columns: columns.transpose()?,
                }
            }
            "update" => Self::Update {
                table: table()?,
                conditions: conditions()?,
                row: row()?,
            },
            "mutate" => {
                let mutations = members.all("mutations", Mutation::parse)?;
                Self::Mutate {
                    table: table()?,
                    conditions: conditions()?,
                    mutations,
                }
            }
            "delete" => Self::Delete {
                table: table()?,
                conditions: conditions()?,
            },
            "wait" => Self::Wait {
                table: table()?,
                conditions: conditions()?,
                columns: members.all("columns", name)?,
                equal: match members.text("until")?.as_str() {
                    "==" => true,
                    "!=" => false,
                    _ => return Err(Error::shape("\"until\" to be == or !=", value)),
                },
                rows: members.all("rows", Row::parse)?,
                // Absent means for ever (RFC 7047, 5.2.6).
                timeout: value
                    .get("timeout")
                    .and_then(Value::as_u64)
                    .unwrap_or(u64::MAX),
            },
            "comment" => Self::Comment(members.text("comment")?),
            "assert" => Self::Assert(members.text("lock")?),
            "abort" => Self::Abort,
            _ => return Err(Error::shape("a known operation", value)),
        })
    }
}

/// The members of an operation that is being read.
struct Members<'a>(&'a Value);

impl<'a> Members<'a> {
    fn get(&self, name: &str) -> Result<&'a Value, Error> {
        let missing = || Error::shape(format!("an operation with {name:?}"), self.0);
        self.0.get(name).ok_or_else(missing)
    }

    fn text(&self, name: &str) -> Result<String, Error> {
        match self.get(name)? {
            Value::String(text) => Ok(text.clone()),
            other => Err(Error::shape(format!("{name:?} to be a string"), other)),
        }
    }

    fn all<T>(
        &self,
        name: &str,
        parse: impl Fn(&Value) -> Result<T, Error>,
    ) -> Result<Vec<T>, Error> {
        match self.get(name)? {
            Value::Array(items) => items.iter().map(parse).collect(),
            other => Err(Error::shape(format!("{name:?} to be an array"), other)),
        }
    }
}

fn name(value: &Value) -> Result<String, Error> {
    value
        .as_str()
        .map(str::to_owned)
        .ok_or_else(|| Error::shape("a name", value))
}

/// What one operation did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// An insert made this row.
    Inserted(Uuid),
    /// A select found these rows.
    Selected(Vec<Row>),
    /// An update, mutate or delete touched so many rows.
    Touched(u64),
    /// A wait, comment or assert succeeded.
    Done,
}

/// Operations that a database does together or not at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transaction {
    database: String,
    operations: Vec<Operation>,
}

impl Transaction {
    /// An empty transaction on a database.
    pub fn new(database: &str) -> Self {
        Self {
            database: database.to_owned(),
            operations: Vec::new(),
        }
    }

    /// Its operations, in order.
    pub fn operations(&self) -> &[Operation] {
        &self.operations
    }

    /// Whether it has no operation.
    pub fn is_empty(&self) -> bool {
        self.operations.is_empty()
    }

    /// Appends any operation.
    pub fn push(&mut self, operation: Operation) {
        self.operations.push(operation);
    }

    /// Inserts a row; answers the atom by which the other operations refer to it.
    pub fn insert(&mut self, table: &str, row: Row) -> Atom {
        let name = format!("row{}", self.operations.len());
        self.push(Operation::Insert {
            table: table.to_owned(),
            row,
            name: Some(name.clone()),
        });
        Atom::NamedUuid(name)
    }

    /// Sets columns of one row.
    pub fn update(&mut self, table: &str, row: &Atom, columns: Row) {
        let conditions = vec![Condition::is(row)];
        self.push(Operation::Update {
            table: table.to_owned(),
            conditions,
            row: columns,
        });
    }

    /// Changes columns of one row.
    pub fn mutate(&mut self, table: &str, row: &Atom, mutations: Vec<Mutation>) {
        let conditions = vec![Condition::is(row)];
        self.push(Operation::Mutate {
            table: table.to_owned(),
            conditions,
            mutations,
        });
    }

    /// Sets one key of a map of strings in one row, and leaves its other keys alone.
    pub fn set_key(&mut self, table: &str, row: &Atom, column: &str, key: &str, value: &str) {
        // "insert" leaves a key that exists alone, hence the delete.
        let mutations = vec![
            Mutation::new(column, Mutator::Delete, key),
            Mutation::new(column, Mutator::Insert, Datum::map([(key, value)])),
        ];
        self.mutate(table, row, mutations);
    }

    /// Removes one row.
    pub fn delete(&mut self, table: &str, row: &Atom) {
        self.push(Operation::Delete {
            table: table.to_owned(),
            conditions: vec![Condition::is(row)],
        });
    }

    /// Reads columns of one row.
    pub fn select(&mut self, table: &str, row: &Atom, columns: &[&str]) {
        let columns = Some(columns.iter().map(|&column| column.to_owned()).collect());
        self.push(Operation::Select {
            table: table.to_owned(),
            conditions: vec![Condition::is(row)],
            columns,
        });
    }

    /// Goes on only while `column` of `row` still holds `value`; does not wait for it.
    pub fn require(&mut self, table: &str, row: &Atom, column: &str, value: &Datum) {
        self.push(Operation::Wait {
            table: table.to_owned(),
            conditions: vec![Condition::is(row)],
            columns: vec![column.to_owned()],
            equal: true,
            rows: vec![Row::from([(column, value.clone())])],
            timeout: 0,
        });
    }

    /// Goes on only while `table` has no row; `column` is any of its columns.
    pub fn require_empty(&mut self, table: &str, column: &str) {
        self.push(Operation::Wait {
            table: table.to_owned(),
            conditions: vec![],
            columns: vec![column.to_owned()],
            equal: true,
            rows: vec![],
            timeout: 0,
        });
    }

    /// The parameters of the `transact` request.
    pub fn params(&self) -> Vec<Value> {
        let operations = self.operations.iter().map(Operation::to_json);
        std::iter::once(Value::from(self.database.as_str()))
            .chain(operations)
            .collect()
    }

    /// Reads the database's answer: what each operation did.
    ///
    /// # Errors
    /// [`Error::Operation`] names the operation that failed, [`Error::Commit`] a failure
    /// after the last; [`Error::Shape`] when the answer is none.
    pub fn outcomes(&self, reply: &Value) -> Result<Vec<Outcome>, Error> {
        let results = reply
            .as_array()
            .ok_or_else(|| Error::shape("an array of results", reply))?;
        if let Some((index, failed)) = results
            .iter()
            .enumerate()
            .find(|(_, result)| result.get("error").is_some())
        {
            let text = |name: &str| {
                failed
                    .get(name)
                    .and_then(Value::as_str)
                    .unwrap_or_default()
                    .to_owned()
            };
            let (error, details) = (text("error"), text("details"));
            return Err(match self.operations.get(index) {
                Some(operation) => Error::Operation {
                    index,
                    operation: operation.describe(),
                    error,
                    details,
                },
                None => Error::Commit { error, details },
            });
        }
        if results.len() != self.operations.len() {
            return Err(Error::shape(
                format!("{} results", self.operations.len()),
                reply,
            ));
        }
        self.operations
            .iter()
            .zip(results)
            .map(|(operation, result)| outcome(operation, result))
            .collect()
    }
}

fn outcome(operation: &Operation, result: &Value) -> Result<Outcome, Error> {
    match operation {
        Operation::Insert { .. } => match result.get("uuid").map(Datum::parse).transpose()? {
            Some(datum) => {
                let row = datum.uuids().next();
                row.map(Outcome::Inserted)
                    .ok_or_else(|| Error::shape("the id of a new row", result))
            }
            None => Err(Error::shape("the id of a new row", result)),
        },
        Operation::Select { .. } => {
            let rows = result.get("rows").and_then(Value::as_array);
            let rows = rows.ok_or_else(|| Error::shape("selected rows", result))?;
            Ok(Outcome::Selected(
                rows.iter().map(Row::parse).collect::<Result<_, _>>()?,
            ))
        }
        Operation::Update { .. } | Operation::Mutate { .. } | Operation::Delete { .. } => {
            let count = result.get("count").and_then(Value::as_u64);
            count
                .map(Outcome::Touched)
                .ok_or_else(|| Error::shape("a count of rows", result))
        }
        Operation::Wait { .. }
        | Operation::Comment(_)
        | Operation::Assert(_)
        | Operation::Abort => Ok(Outcome::Done),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> Transaction {
        let mut transaction = Transaction::new("Open_vSwitch");
        let row = Atom::Uuid(Uuid::from_u128(1));
        transaction.require(
            "Open_vSwitch",
            &row,
            "external_ids",
            &Datum::map([("a", "b")]),
        );
        transaction.require_empty("Manager", "target");
        let bridge = transaction.insert("Bridge", Row::from([("name", Datum::from("br0"))]));
        transaction.update(
            "Bridge",
            &bridge,
            Row::from([("fail_mode", Datum::from("secure"))]),
        );
        transaction.set_key("Bridge", &bridge, "other_config", "k", "v");
        transaction.delete("Port", &row);
        transaction.select("Port", &row, &["name"]);
        transaction.push(Operation::Comment("why".to_owned()));
        transaction.push(Operation::Assert("lock".to_owned()));
        transaction.push(Operation::Abort);
        transaction
    }

    #[test]
    fn every_operation_survives_the_wire() {
        let transaction = example();
        let params = transaction.params();
        assert_eq!(params[0], "Open_vSwitch");
        let read: Vec<_> = params[1..]
            .iter()
            .map(|value| Operation::parse(value).unwrap())
            .collect();
        assert_eq!(read, transaction.operations());
    }

    #[test]
    fn operations_are_written_as_the_rfc_says() {
        let params = example().params();
        let id = "00000000-0000-0000-0000-000000000001";
        assert_eq!(
            params[1],
            json!({"op": "wait", "table": "Open_vSwitch", "where": [["_uuid", "==", ["uuid", id]]],
                "columns": ["external_ids"], "until": "==", "timeout": 0,
                "rows": [{"external_ids": ["map", [["a", "b"]]]}]})
        );
        assert_eq!(
            params[5],
            json!({"op": "mutate", "table": "Bridge", "where": [["_uuid", "==", ["named-uuid", "row2"]]],
                "mutations": [["other_config", "delete", "k"], ["other_config", "insert", ["map", [["k", "v"]]]]]})
        );
    }

    #[test]
    fn a_failed_operation_is_named() {
        let reply = json!([{}, {"error": "timed out", "details": "d"}, null]);
        assert_eq!(
            example().outcomes(&reply).unwrap_err().to_string(),
            "operation 1 (wait on Manager) failed: timed out: d"
        );
        let mut short = Transaction::new("d");
        short.delete("Port", &Atom::Uuid(Uuid::nil()));
        assert_eq!(
            short.outcomes(&json!([{"count": 1}])),
            Ok(vec![Outcome::Touched(1)])
        );
        let late = short.outcomes(&json!([{"count": 1}, {"error": "constraint violation"}]));
        assert!(
            matches!(late, Err(Error::Commit { error, .. }) if error == "constraint violation")
        );
        assert!(short.outcomes(&json!([])).is_err());
        assert!(short.outcomes(&json!([{}])).is_err());
    }

    #[test]
    fn what_is_no_operation_is_refused_with_the_member_named() {
        let said = |value| Operation::parse(&value).unwrap_err().to_string();
        assert!(said(json!({"op": "insert"})).contains("\"table\""));
        assert!(said(json!({"op": "insert", "table": "T", "row": 3})).contains("a row"));
        assert!(
            said(json!({"op": "delete", "table": "T", "where": [["a", "~", 1]]}))
                .contains("a condition")
        );
        assert!(said(json!({"op": "frobnicate"})).contains("a known operation"));
    }
}
