//! Schemas as data: owned, serialisable, comparable, and turned into tables at run time.

use std::collections::HashMap;
use std::sync::{Mutex, OnceLock};

use serde::{Deserialize, Serialize};

use crate::column::{Column, Domain, Name, OnDelete, Parent, Preset, Roles};
use crate::error::{Code, Error, Result};
use crate::kind::Kind;
use crate::table::{Index, Partition, PartitionStep, Table};

/// A record's table as owned data: what `schema.json` holds, what schemas are compared by.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TableSchema {
    /// The Rust name of the record.
    pub record: String,
    /// The table's name.
    pub table: String,
    /// The time series' name, if it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub series: Option<String>,
    /// The columns, in order.
    pub columns: Vec<ColumnSchema>,
    /// The names of the key's columns.
    pub key: Vec<String>,
    /// Indexes over several columns.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub indexes: Vec<IndexSchema>,
    /// The name it had before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub was: Option<String>,
    /// How it is cut into parts by time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partition: Option<PartitionSchema>,
}

/// How a table is cut into parts by time, as owned data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PartitionSchema {
    /// The name of the column that holds the time.
    pub column: String,
    /// How much time a part holds, as [`PartitionStep::word`] says it.
    pub step: String,
}

/// A column as owned data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ColumnSchema {
    /// The name.
    pub name: String,
    /// The kind, as [`Kind::word`] says it.
    pub kind: String,
    /// All digits of a decimal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub precision: Option<u8>,
    /// The digits after the point of a decimal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scale: Option<u8>,
    /// The most characters of a text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<u32>,
    /// Whether it may be null.
    #[serde(default)]
    pub nullable: bool,
    /// The parts it plays.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<String>,
    /// The default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<serde_json::Value>,
    /// The stored texts of an enum.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<String>,
    /// Whether no other text may be stored.
    #[serde(default)]
    pub closed: bool,
    /// The table it points to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
    /// What becomes of the row when the one it points to is deleted, as [`OnDelete::word`] says
    /// it; `restrict` without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_delete: Option<String>,
    /// The name it had before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub was: Option<String>,
}

/// An index as owned data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct IndexSchema {
    /// The names of its columns, in order.
    pub columns: Vec<String>,
    /// Whether no two rows may be equal in them.
    pub unique: bool,
}

impl From<&Table> for TableSchema {
    fn from(table: &Table) -> Self {
        let names = |at: &[usize]| at.iter().map(|&i| table.columns[i].name.text.into()).collect();
        Self {
            record: table.record.into(),
            table: table.name.into(),
            series: table.series.map(Into::into),
            columns: table.columns.iter().map(ColumnSchema::from).collect(),
            key: names(table.key),
            indexes: table
                .indexes
                .iter()
                .map(|i| IndexSchema { columns: names(i.columns), unique: i.unique })
                .collect(),
            was: table.was.map(Into::into),
            partition: table.partition.map(|partition| PartitionSchema {
                column: table.columns[partition.column].name.text.into(),
                step: partition.step.word().into(),
            }),
        }
    }
}

impl From<&Column> for ColumnSchema {
    fn from(column: &Column) -> Self {
        let (precision, scale) = match column.kind {
            Kind::Decimal { precision, scale } => (Some(precision), Some(scale)),
            _ => (None, None),
        };
        let max = match column.kind {
            Kind::Text { max } => max,
            _ => None,
        };
        Self {
            name: column.name.text.into(),
            kind: column.kind.word().into(),
            precision,
            scale,
            max,
            nullable: column.nullable,
            roles: column.roles.words().map(Into::into).collect(),
            default: column.default.map(|preset| match preset {
                Preset::Bool(v) => v.into(),
                Preset::Int(v) => v.into(),
                Preset::Float(v) => v.into(),
                Preset::Text(v) => v.into(),
            }),
            labels: column.labels.iter().map(|&l| l.into()).collect(),
            closed: column.closed,
            parent: column.parent.map(|p| p.table().name.into()),
            on_delete: column.parent.map(|p| p.on_delete.word().into()),
            was: column.was.map(Into::into),
        }
    }
}

impl TableSchema {
    /// The table of this schema, to be used like a derived one.
    ///
    /// Equal schemas give the same table. Tables live as long as the process: there are as many
    /// as a process sees different schemas. Rules are not part of a schema, so such a table checks
    /// the kinds and limits of its values only. Made alone, it points to no other table; see
    /// [`tables`].
    pub fn table(&self) -> Result<&'static Table> {
        let made = made("alone", std::slice::from_ref(self), |_| Ok(None))?;
        made.first().copied().ok_or_else(|| bad("there is no schema".to_owned()))
    }

    fn build(&self, parent: ParentOf<'_>) -> Result<Table> {
        check_name(&self.table)?;
        let domain = Domain::new(true, self.series.is_some());
        let columns: Vec<Column> = self
            .columns
            .iter()
            .map(|c| c.build(domain, parent).map_err(|e| e.column(c.name.clone())))
            .collect::<Result<_>>()?;
        let at = |names: &[String]| -> Result<&'static [usize]> {
            let positions = names.iter().map(|name| {
                self.columns
                    .iter()
                    .position(|c| c.name == *name)
                    .ok_or_else(|| bad(format!("table {} has no column {name}", self.table)))
            });
            Ok(Vec::leak(positions.collect::<Result<_>>()?))
        };
        let indexes = self.indexes.iter().map(|i| Ok(Index::new(at(&i.columns)?, i.unique)));
        let mut table = Table::new(
            leak(&self.record),
            leak(&self.table),
            Vec::leak(columns),
            at(&self.key)?,
            Vec::leak(indexes.collect::<Result<_>>()?),
            self.series.as_deref().map(leak),
        );
        if let Some(was) = &self.was {
            check_name(was)?;
            table = table.with_was(leak(was));
        }
        if let Some(partition) = &self.partition {
            table = table.with_partition(self.partition(partition)?);
        }
        Ok(table)
    }

    fn partition(&self, given: &PartitionSchema) -> Result<Partition> {
        let column = self.columns.iter().position(|c| c.name == given.column);
        let is_moment = |at: usize| matches!(self.columns[at].kind.as_str(), "timestamp");
        let partition = match (column, PartitionStep::of_word(&given.step)) {
            (Some(column), Some(step)) if self.key.contains(&given.column) && is_moment(column) => {
                Partition::new(column, step)
            }
            (_, None) => {
                return Err(bad(format!(
                    "table {} is cut by day or month, not by {}",
                    self.table, given.step
                )));
            }
            _ => {
                return Err(bad(format!(
                    "table {} can be cut by a timestamp of its key, {} is none",
                    self.table, given.column
                )));
            }
        };
        let unique = |c: &&ColumnSchema| {
            c.name != given.column && c.roles.iter().any(|role| role == "unique")
        };
        let alone = self.columns.iter().find(unique).map(|c| c.name.clone());
        let several = self.indexes.iter().find(|i| i.unique && !i.columns.contains(&given.column));
        if let Some(columns) = alone.or_else(|| several.map(|i| i.columns.join(", "))) {
            return Err(bad(format!(
                "table {} is cut by {}, which every unique index must hold too, this one does \
                 not: {columns}",
                self.table, given.column
            )));
        }
        Ok(partition)
    }
}

/// The tables of these schemas, which may point to each other. Otherwise as
/// [`TableSchema::table`].
pub fn tables(schemas: &[TableSchema]) -> Result<Vec<&'static Table>> {
    made("together", schemas, |name| {
        let message = format!("points to the table {name}, which is not among the schemas");
        Err(bad(message))
    })
}

/// Finds the cell of the table of that name.
type ParentOf<'a> = &'a dyn Fn(&str) -> Result<Option<&'static OnceLock<&'static Table>>>;

/// Tables by the text of their schemas.
type Made = HashMap<String, Vec<&'static Table>>;

/// Tables that live as long as the process, each once for equal texts of all that was made with
/// it in the same manner.
fn made(
    manner: &'static str,
    schemas: &[TableSchema],
    unknown: impl Fn(&str) -> Result<Option<&'static OnceLock<&'static Table>>>,
) -> Result<Vec<&'static Table>> {
    static MADE: OnceLock<Mutex<HashMap<&str, Made>>> = OnceLock::new();
    let text = serde_json::to_string(schemas)
        .map_err(|e| Error::new(Code::Internal, "a schema cannot be written").because(e))?;
    let mut known = MADE.get_or_init(Mutex::default).lock().unwrap_or_else(|p| p.into_inner());
    let known = known.entry(manner).or_default();
    if let Some(tables) = known.get(&text) {
        return Ok(tables.clone());
    }
    let mut cells: HashMap<&str, &'static OnceLock<&'static Table>> = HashMap::new();
    for schema in schemas {
        if cells.insert(&schema.table, Box::leak(Box::default())).is_some() {
            return Err(bad(format!("two schemas have a table of this name: {}", schema.table)));
        }
    }
    let parent = |name: &str| match cells.get(name) {
        Some(cell) => Ok(Some(*cell)),
        None => unknown(name),
    };
    let built: Vec<Table> =
        schemas.iter().map(|schema| schema.build(&parent)).collect::<Result<_>>()?;
    let mut tables = Vec::new();
    for table in built {
        let table: &'static Table = Box::leak(Box::new(table));
        if let Some(cell) = cells.get(table.name) {
            cell.get_or_init(|| table);
        }
        tables.push(table);
    }
    known.insert(text, tables.clone());
    Ok(tables)
}

impl ColumnSchema {
    fn build(&self, domain: Domain, parent: ParentOf<'_>) -> Result<Column> {
        check_name(&self.name)?;
        let rendered = leak(&format!(",\"{0}\":,{0}=\"", self.name));
        let (json, quoted) = rendered.split_at(self.name.len() + 4);
        let line = &quoted[..quoted.len() - 1];
        let mut column = Column::new("", self.kind()?, self.nullable);
        column.name = Name { text: &line[1..line.len() - 1], line, quoted, json };
        column.domain = domain;
        column.closed = self.closed;
        column.labels = Vec::leak(self.labels.iter().map(|l| leak(l)).collect());
        column.default = self.default.as_ref().map(|v| self.preset(v)).transpose()?;
        if let Some(was) = &self.was {
            check_name(was)?;
            column.was = Some(leak(was));
        }
        if let Some(name) = &self.parent
            && let Some(cell) = parent(name)?
        {
            column.parent = Some(Parent::made(cell, self.on_delete()?));
        }
        for word in &self.roles {
            column.roles = column.roles.and(self.role(word)?);
        }
        Ok(column)
    }

    fn kind(&self) -> Result<Kind> {
        const PLAIN: [Kind; 11] = [
            Kind::Bool,
            Kind::I16,
            Kind::I32,
            Kind::I64,
            Kind::F64,
            Kind::Bytes,
            Kind::Uuid,
            Kind::Timestamp,
            Kind::TimestampNs,
            Kind::Date,
            Kind::Json,
        ];
        match (self.kind.as_str(), self.precision, self.scale) {
            ("decimal", Some(precision @ 1..=crate::decimal::MAX_PRECISION), Some(scale))
                if scale <= precision =>
            {
                Ok(Kind::Decimal { precision, scale })
            }
            ("decimal", ..) => Err(bad(format!(
                "column {} needs a precision of 1 to 28 and a scale up to it",
                self.name
            ))),
            ("text", ..) => Ok(Kind::Text { max: self.max }),
            (word, ..) => PLAIN
                .into_iter()
                .find(|kind| kind.word() == word)
                .ok_or_else(|| bad(format!("column {} has no known kind: {word}", self.name))),
        }
    }

    fn role(&self, word: &str) -> Result<Roles> {
        (0..16)
            .map(Roles::bit)
            .find(|role| role.words().next() == Some(word))
            .ok_or_else(|| bad(format!("column {} has no known role: {word}", self.name)))
    }

    fn on_delete(&self) -> Result<OnDelete> {
        let Some(word) = &self.on_delete else { return Ok(OnDelete::Restrict) };
        OnDelete::of_word(word).ok_or_else(|| {
            bad(format!("column {} has no known rule on deleting its parent: {word}", self.name))
        })
    }

    fn preset(&self, value: &serde_json::Value) -> Result<Preset> {
        match value {
            serde_json::Value::Bool(v) => Ok(Preset::Bool(*v)),
            serde_json::Value::String(v) => Ok(Preset::Text(leak(v))),
            serde_json::Value::Number(v) => match (v.as_i64(), v.as_f64()) {
                (Some(v), _) => Ok(Preset::Int(v)),
                (None, Some(v)) => Ok(Preset::Float(v)),
                (None, None) => {
                    Err(bad(format!("column {} has no usable default: {v}", self.name)))
                }
            },
            other => Err(bad(format!("column {} has no usable default: {other}", self.name))),
        }
    }
}

/// The most bytes a name may have: PostgreSQL cuts longer ones, and index names add to them.
pub const NAME_MAX: usize = 48;

/// Refuses what is not a plain lower-case identifier.
pub fn check_name(name: &str) -> Result<()> {
    let plain = |b: u8| b.is_ascii_lowercase() || b == b'_' || b.is_ascii_digit();
    let good = name.bytes().all(plain)
        && name.len() <= NAME_MAX
        && name.bytes().next().is_some_and(|b| !b.is_ascii_digit());
    if good {
        return Ok(());
    }
    Err(bad(format!(
        "a name must be lower-case letters, digits and _, at most {NAME_MAX}, is {name:?}"
    )))
}

fn leak(text: &str) -> &'static str {
    Box::leak(text.into())
}

#[cold]
fn bad(message: String) -> Error {
    Error::new(Code::Config, message)
}
