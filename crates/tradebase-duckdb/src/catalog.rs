//! Whether a table is as its record says: appending would cast in silence where it is not.

use duckdb::Connection;
use tradebase_core::{Code, Error, Kind, Result, Table};

use crate::ddl::quote;
use crate::error;
use crate::types::duckdb_type;

/// Compares a record with its table. Further columns are fine, and wider ones are.
pub fn check(connection: &Connection, table: &Table) -> Result<()> {
    let there = columns(connection, table.name)?;
    if there.is_empty() {
        let message = format!("there is no table {}; create it first", table.name);
        return Err(Error::new(Code::SchemaMismatch, message).of(table));
    }
    for column in table.columns {
        let wanted = duckdb_type(column.kind);
        let found = there.iter().find(|(name, _)| name == column.name.text).map(|(_, found)| found);
        let message = match found {
            Some(found) if *found == wanted || is_wider(column.kind, found) => continue,
            Some(found) => format!("the table's column must be {wanted}, is {found}"),
            None => format!("the table must have a column of {wanted}, has none"),
        };
        return Err(Error::new(Code::SchemaMismatch, message).column(column.name.text).of(table));
    }
    Ok(())
}

/// The names and types of a table's columns, in order; none where there is no such table.
///
/// The view of all columns would take seven times as long in a file of two hundred tables.
pub fn columns(connection: &Connection, table: &str) -> Result<Vec<(String, String)>> {
    let sql = format!("SELECT column_name, column_type FROM (DESCRIBE {})", quote(table));
    let mut statement = match connection.prepare(&sql).map_err(error::of) {
        Err(e) if e.code() == Code::SchemaMismatch => return Ok(Vec::new()),
        prepared => prepared?,
    };
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).map_err(error::of)?;
    rows.collect::<duckdb::Result<_>>().map_err(error::of)
}

/// Whether a column of that type holds every value of the kind, as it is.
fn is_wider(kind: Kind, found: &str) -> bool {
    match kind {
        Kind::I16 => matches!(found, "INTEGER" | "BIGINT"),
        Kind::I32 => found == "BIGINT",
        Kind::Json => found == "VARCHAR",
        Kind::Decimal { precision, scale } => {
            let digits = found.strip_prefix("DECIMAL(").and_then(|rest| rest.strip_suffix(')'));
            let Some((wide, same)) = digits.and_then(|d| d.split_once(',')) else { return false };
            wide.parse().is_ok_and(|wide: u8| wide >= precision) && same.parse() == Ok(scale)
        }
        _ => false,
    }
}
