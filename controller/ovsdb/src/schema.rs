//! A database's schema (RFC 7047, 3.2): which columns its tables have and what they may hold.
//!
//! Read from the peer's `get_schema`, or built from [`crate::tables`]. It holds what values
//! and references need; ranges and enumerations stay the database's own business.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::error::Error;
use crate::value::{Atom, Datum, Real};

/// The type of an atom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AtomType {
    /// 64-bit integer.
    Integer,
    /// Double.
    Real,
    /// Truth value.
    Boolean,
    /// String.
    String,
    /// Row.
    Uuid,
}

impl AtomType {
    const NAMES: [(Self, &'static str); 5] = [
        (Self::Integer, "integer"),
        (Self::Real, "real"),
        (Self::Boolean, "boolean"),
        (Self::String, "string"),
        (Self::Uuid, "uuid"),
    ];

    fn parse(value: &Value) -> Result<Self, Error> {
        let found = Self::NAMES
            .iter()
            .find(|(_, name)| value.as_str() == Some(name));
        found
            .map(|(atom, _)| *atom)
            .ok_or_else(|| Error::shape("an atomic type", value))
    }

    /// The type's name in a schema.
    pub fn name(self) -> &'static str {
        Self::NAMES
            .iter()
            .find(|(atom, _)| *atom == self)
            .map_or("", |(_, name)| name)
    }

    /// What a scalar of this type is when nothing was said.
    fn default(self) -> Atom {
        match self {
            Self::Integer => Atom::Integer(0),
            Self::Real => Atom::Real(Real(0.0)),
            Self::Boolean => Atom::Boolean(false),
            Self::String => Atom::String(String::new()),
            Self::Uuid => Atom::Uuid(uuid::Uuid::nil()),
        }
    }

    fn conform(self, atom: &Atom) -> Result<Atom, Error> {
        match (self, atom) {
            (Self::Integer, Atom::Integer(_))
            | (Self::Real, Atom::Real(_))
            | (Self::Boolean, Atom::Boolean(_))
            | (Self::String, Atom::String(_))
            | (Self::Uuid, Atom::Uuid(_)) => Ok(atom.clone()),
            // Precision beyond 53 bits is not the protocol's concern: JSON has one number type.
            (Self::Real, Atom::Integer(integer)) => Ok(Atom::Real(Real(*integer as f64))),
            _ => Err(Error::shape(self.name(), &atom.to_json())),
        }
    }
}

/// The type of a column's elements, or of its keys or values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BaseType {
    /// The atoms.
    pub atom: AtomType,
    /// For rows: of which table.
    pub reference: Option<Reference>,
}

/// What a row reference points to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// The table.
    pub table: Arc<str>,
    /// Whether it keeps the row alive, and must not dangle.
    pub strong: bool,
}

/// The type of a column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ColumnType {
    /// Elements of a set, or keys of a map.
    pub key: BaseType,
    /// Values of a map; absent for a set.
    pub value: Option<BaseType>,
    /// The fewest elements.
    pub min: usize,
    /// The most elements; `usize::MAX` stands for "unlimited".
    pub max: usize,
}

impl ColumnType {
    /// Whether several elements fit, so that a change is told as a difference
    /// (`ovsdb-server`(7), `update2`).
    pub fn is_composite(&self) -> bool {
        self.max > 1
    }

    /// What the column holds when nothing was said (RFC 7047, 5.2.1).
    pub fn default(&self) -> Datum {
        match &self.value {
            Some(value) if self.min > 0 => {
                Datum::map([(self.key.atom.default(), value.atom.default())])
            }
            Some(_) => Datum::map::<Atom, Atom>([]),
            None if self.min > 0 => Datum::from(self.key.atom.default()),
            None => Datum::set::<Atom>([]),
        }
    }

    /// `datum` as an element of this type, whatever its number of elements.
    ///
    /// # Errors
    /// [`Error::Shape`] when an atom has another type, or a set stands for a map.
    pub fn conform(&self, datum: &Datum) -> Result<Datum, Error> {
        match &self.value {
            Some(_) if datum.is_empty() => Ok(Datum::map::<Atom, Atom>([])),
            Some(value) if datum.is_map() => {
                let pairs = datum.pairs().iter();
                let pairs =
                    pairs.map(|(k, v)| Ok((self.key.atom.conform(k)?, value.atom.conform(v)?)));
                Ok(Datum::map(pairs.collect::<Result<Vec<_>, Error>>()?))
            }
            Some(_) => Err(Error::shape("a map", &datum.to_json())),
            None if datum.is_map() => Err(Error::shape("a set", &datum.to_json())),
            None => datum.try_map(|atom| self.key.atom.conform(atom)),
        }
    }

    /// `datum` as a whole value of this column.
    ///
    /// # Errors
    /// [`Error::Shape`] as for [`ColumnType::conform`], or when it has too few or too many elements.
    pub fn check(&self, datum: &Datum) -> Result<Datum, Error> {
        if datum.len() < self.min || datum.len() > self.max {
            let expected = format!("{} to {} elements", self.min, self.max);
            return Err(Error::shape(expected, &datum.to_json()));
        }
        self.conform(datum)
    }

    /// The rows that `datum` refers to.
    pub fn references<'a>(
        &'a self,
        datum: &'a Datum,
    ) -> impl Iterator<Item = (&'a Reference, uuid::Uuid)> {
        let keys = datum
            .atoms()
            .iter()
            .chain(datum.pairs().iter().map(|(key, _)| key));
        let keys = keys.filter_map(|atom| Some((self.key.reference.as_ref()?, atom.as_uuid()?)));
        let value = self
            .value
            .as_ref()
            .and_then(|value| value.reference.as_ref());
        let values = datum
            .pairs()
            .iter()
            .filter_map(move |(_, atom)| Some((value?, atom.as_uuid()?)));
        keys.chain(values)
    }

    fn parse(value: &Value) -> Result<Self, Error> {
        if value.is_string() {
            return Ok(Self {
                key: BaseType::parse(value)?,
                value: None,
                min: 1,
                max: 1,
            });
        }
        let members = value
            .as_object()
            .ok_or_else(|| Error::shape("a column type", value))?;
        let key = members
            .get("key")
            .ok_or_else(|| Error::shape("a type with \"key\"", value))?;
        let bound = |name: &str| match members.get(name) {
            None => Ok(1),
            Some(Value::String(text)) if text == "unlimited" => Ok(usize::MAX),
            Some(number) => {
                let number = number.as_u64().and_then(|n| usize::try_from(n).ok());
                number.ok_or_else(|| Error::shape(format!("a count for {name:?}"), value))
            }
        };
        Ok(Self {
            key: BaseType::parse(key)?,
            value: members.get("value").map(BaseType::parse).transpose()?,
            min: bound("min")?,
            max: bound("max")?,
        })
    }

    fn to_json(&self) -> Value {
        let max = if self.max == usize::MAX {
            json!("unlimited")
        } else {
            json!(self.max)
        };
        let mut value = json!({"key": self.key.to_json(), "min": self.min, "max": max});
        if let Some(base) = &self.value {
            value["value"] = base.to_json();
        }
        value
    }
}

impl BaseType {
    fn parse(value: &Value) -> Result<Self, Error> {
        let Some(members) = value.as_object() else {
            return Ok(Self {
                atom: AtomType::parse(value)?,
                reference: None,
            });
        };
        let atom = AtomType::parse(members.get("type").unwrap_or(&Value::Null))?;
        let reference = members
            .get("refTable")
            .and_then(Value::as_str)
            .map(|table| Reference {
                table: Arc::from(table),
                strong: members.get("refType").and_then(Value::as_str) != Some("weak"),
            });
        Ok(Self { atom, reference })
    }

    fn to_json(&self) -> Value {
        let mut value = json!({"type": self.atom.name()});
        if let Some(reference) = &self.reference {
            value["refTable"] = json!(&*reference.table);
            value["refType"] = json!(if reference.strong { "strong" } else { "weak" });
        }
        value
    }
}

/// One table of a schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableSchema {
    /// Its columns by name.
    pub columns: BTreeMap<Arc<str>, ColumnType>,
    /// Whether its rows live without being referred to.
    pub root: bool,
    /// Sets of columns that no two rows agree in.
    pub indexes: Vec<Vec<Arc<str>>>,
}

/// A database's schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schema {
    /// The database's name.
    pub name: Arc<str>,
    /// Its tables by name.
    pub tables: BTreeMap<Arc<str>, TableSchema>,
}

impl Schema {
    /// Reads a `<database-schema>`.
    ///
    /// # Errors
    /// [`Error::Shape`] names what is wrong.
    pub fn parse(value: &Value) -> Result<Self, Error> {
        let name = value.get("name").and_then(Value::as_str);
        let tables = value.get("tables").and_then(Value::as_object);
        let (Some(name), Some(tables)) = (name, tables) else {
            return Err(Error::shape("a database schema", value));
        };
        let tables = tables
            .iter()
            .map(|(name, table)| Ok((Arc::from(name.as_str()), parse_table(table)?)));
        Ok(Self {
            name: Arc::from(name),
            tables: tables.collect::<Result<_, Error>>()?,
        })
    }

    /// The schema as `get_schema` answers it.
    pub fn to_json(&self) -> Value {
        let tables: Map<String, Value> = self
            .tables
            .iter()
            .map(|(name, table)| {
                let columns: Map<String, Value> = table
                    .columns
                    .iter()
                    .map(|(name, column)| (name.to_string(), json!({"type": column.to_json()})))
                    .collect();
                let indexes: Vec<Vec<&str>> = table
                    .indexes
                    .iter()
                    .map(|index| index.iter().map(|c| &**c).collect())
                    .collect();
                let table = json!({"columns": columns, "isRoot": table.root, "indexes": indexes});
                (name.to_string(), table)
            })
            .collect();
        json!({"name": &*self.name, "version": "8.0.0", "tables": tables})
    }

    /// A column's type, when there is one.
    pub fn column(&self, table: &str, column: &str) -> Option<&ColumnType> {
        self.tables.get(table)?.columns.get(column)
    }

    /// What this schema has of the tables and columns in `wanted`.
    pub fn restricted<'a>(&self, wanted: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut tables: BTreeMap<Arc<str>, TableSchema> = BTreeMap::new();
        for (table, column) in wanted {
            let Some((name, whole)) = self.tables.get_key_value(table) else {
                continue;
            };
            let Some((column, kind)) = whole.columns.get_key_value(column) else {
                continue;
            };
            let part = tables.entry(name.clone()).or_insert_with(|| TableSchema {
                columns: BTreeMap::new(),
                root: whole.root,
                indexes: whole.indexes.clone(),
            });
            part.columns.insert(column.clone(), kind.clone());
        }
        Self {
            name: self.name.clone(),
            tables,
        }
    }
}

fn parse_table(value: &Value) -> Result<TableSchema, Error> {
    let columns = value.get("columns").and_then(Value::as_object);
    let columns = columns.ok_or_else(|| Error::shape("a table with \"columns\"", value))?;
    let columns = columns.iter().map(|(name, column)| {
        let kind = column
            .get("type")
            .ok_or_else(|| Error::shape("a column with \"type\"", column))?;
        Ok((Arc::from(name.as_str()), ColumnType::parse(kind)?))
    });
    let indexes = value
        .get("indexes")
        .and_then(Value::as_array)
        .map_or(&[][..], Vec::as_slice);
    let index = |index: &Value| {
        let names = index.as_array().map_or(&[][..], Vec::as_slice);
        names
            .iter()
            .filter_map(Value::as_str)
            .map(Arc::from)
            .collect()
    };
    Ok(TableSchema {
        columns: columns.collect::<Result<_, Error>>()?,
        root: value
            .get("isRoot")
            .and_then(Value::as_bool)
            .unwrap_or(false),
        indexes: indexes.iter().map(index).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(value: Value) -> ColumnType {
        ColumnType::parse(&value).unwrap()
    }

    #[test]
    fn a_schema_survives_the_wire() {
        let schema = crate::tables::schema();
        assert_eq!(Schema::parse(&schema.to_json()), Ok(schema));
    }

    #[test]
    fn bounds_default_to_exactly_one() {
        let scalar = column(json!("integer"));
        assert_eq!(scalar, column(json!({"key": "integer"})));
        assert_eq!(
            (scalar.min, scalar.max, scalar.default()),
            (1, 1, Datum::from(0))
        );
        let optional = column(json!({"key": {"type": "string"}, "min": 0}));
        assert!(optional.default().is_empty() && !optional.is_composite());
    }

    #[test]
    fn values_of_another_type_or_number_are_refused() {
        let tags = column(json!({"key": "integer", "min": 0, "max": 2}));
        assert!(tags.check(&Datum::set([1, 2])).is_ok());
        assert!(tags.check(&Datum::set([1, 2, 3])).is_err());
        assert!(tags.check(&Datum::from("x")).is_err());
        assert!(tags.check(&Datum::map([(1, 2)])).is_err());
        let map = column(json!({"key": "string", "value": "string", "min": 0, "max": "unlimited"}));
        assert!(
            map.check(&Datum::set::<Atom>([])).unwrap().is_map(),
            "either notation of nothing"
        );
        assert!(map.check(&Datum::from("x")).is_err());
    }

    #[test]
    fn restriction_keeps_what_exists_and_skips_what_does_not() {
        let schema = crate::tables::schema();
        let part = schema.restricted([("Bridge", "name"), ("Bridge", "colour"), ("Chair", "legs")]);
        assert_eq!(part.tables.len(), 1);
        assert_eq!(part.tables["Bridge"].columns.len(), 1);
    }

    #[test]
    fn references_are_found_in_keys_and_values() {
        let schema = crate::tables::schema();
        let column = schema.column("Bridge", "flow_tables").unwrap();
        let row = uuid::Uuid::from_u128(7);
        let datum = Datum::map([(3, row)]);
        let found: Vec<_> = column
            .references(&datum)
            .map(|(r, id)| (&*r.table, id))
            .collect();
        assert_eq!(found, [("Flow_Table", row)]);
    }
}
