//! The text of a record's table.

use std::fmt::Write;

use duckdb::Connection;
use tradebase_core::{Code, Column, Error, Kind, Preset, Record, Result, Roles, Table, json};

use crate::catalog;
use crate::engine::Engine;
use crate::error;
use crate::types::duckdb_type;

/// A name as SQL takes it whatever it is: in quotes.
pub fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A text as a literal.
pub fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// The names of these columns, for a select or an insert.
pub fn names<'a>(columns: impl IntoIterator<Item = &'a Column>) -> String {
    let names: Vec<String> = columns.into_iter().map(|c| quote(c.name.text)).collect();
    names.join(", ")
}

/// The sequence that assigns the keys of a table.
pub fn sequence(table: &Table, column: &Column) -> String {
    format!("{}_{}_seq", table.name, column.name.text)
}

/// The statements that make a record's table, and do nothing where it is made.
///
/// No primary key and no index: DuckDB keeps both as a tree in memory, and appending with a key
/// takes half as long again. Queries prune by the minimum and maximum of each row group instead.
pub fn create_table_sql(table: &Table) -> Result<String> {
    let mut text = String::new();
    let mut lines = Vec::with_capacity(table.columns.len());
    for column in table.columns {
        let mut line = format!("{} {}", quote(column.name.text), duckdb_type(column.kind));
        if !column.nullable {
            line.push_str(" NOT NULL");
        }
        if column.is(Roles::ASSIGNED) {
            let sequence = sequence(table, column);
            writeln!(text, "CREATE SEQUENCE IF NOT EXISTS {};", quote(&sequence))
                .map_err(|_| cannot(column))?;
            line.push_str(&format!(" DEFAULT nextval({})", literal(&quote(&sequence))));
        } else if let Some(preset) = column.default {
            line.push_str(" DEFAULT ");
            line.push_str(&default(column, preset)?);
        }
        lines.push(line);
    }
    text.push_str(&format!("CREATE TABLE IF NOT EXISTS {} (\n    ", quote(table.name)));
    text.push_str(&lines.join(",\n    "));
    text.push_str("\n);\n");
    Ok(text)
}

impl Engine {
    /// Makes a table, or looks whether the one that is there will do.
    pub fn create_table(&self, table: &Table) -> Result<()> {
        self.with(|connection| {
            if self.check_writable().is_ok() {
                let _turn = self.turn();
                connection.execute_batch(&create_table_sql(table)?).map_err(error::of)?;
            } else if catalog::columns(connection, table.name)?.is_empty() {
                return self.check_writable();
            }
            catalog::check(connection, table)
        })
    }

    /// Drops a table with the sequences of its keys, if it is there.
    pub fn drop_table(&self, table: &Table) -> Result<()> {
        self.check_writable()?;
        let mut text = format!("DROP TABLE IF EXISTS {};", quote(table.name));
        for column in table.columns.iter().filter(|column| column.is(Roles::ASSIGNED)) {
            let sequence = sequence(table, column);
            text.push_str(&format!("DROP SEQUENCE IF EXISTS {};", quote(&sequence)));
        }
        let _turn = self.turn();
        self.with(|connection| connection.execute_batch(&text).map_err(error::of))
    }
}

/// Makes a record's table; does nothing where it is made.
pub fn create_table<T: Record>(connection: &Connection) -> Result<()> {
    let made = create_table_sql(T::TABLE)
        .and_then(|sql| connection.execute_batch(&sql).map_err(error::of));
    made.map_err(|e| e.during("create_table").of(T::TABLE))
}

fn default(column: &Column, preset: Preset) -> Result<String> {
    Ok(match (preset, column.kind) {
        (Preset::Bool(v), _) => v.to_string(),
        (Preset::Int(v), _) => v.to_string(),
        (Preset::Float(v), _) if v.is_finite() => format!("{v:?}"),
        (Preset::Text(v), Kind::Bytes) => {
            let hex = v.bytes().fold(String::new(), |hex, byte| hex + &format!("\\x{byte:02X}"));
            format!("{}::BLOB", literal(&hex))
        }
        // A moment in UTC; the column's type has no zone.
        (Preset::Text(v), Kind::Timestamp | Kind::TimestampNs) => literal(v.trim_end_matches('Z')),
        (Preset::Text(v), Kind::Decimal { .. }) => v.to_owned(),
        (Preset::Text(v), Kind::Json) => {
            json::parse::<serde::de::IgnoredAny>(json_column(), v.as_bytes())
                .map_err(|_| cannot(column))?;
            literal(v)
        }
        (Preset::Text(v), _) => literal(v),
        _ => return Err(cannot(column)),
    })
}

/// A column to name in errors of JSON; the caller names the right one.
fn json_column() -> &'static Column {
    static COLUMN: Column = Column::new("json", Kind::Json, false);
    &COLUMN
}

#[cold]
fn cannot(column: &Column) -> Error {
    Error::new(Code::Config, format!("the default cannot be written for a {}", column.kind))
        .column(column.name.text)
}
