//! Which reference is broken: SQLite says only that one is.
//!
//! Asked after the failure, on the connection that met it: what the same transaction has written
//! before is seen.

use rusqlite::Connection;
use rusqlite::types::{ToSqlOutput, ValueRef};
use tradebase_core::{Code, Error, Result, Table};

use super::filtered::Filtered;
use super::image::Image;
use super::sink::ValueSink;
use crate::entry::Entry;
use crate::error::{broken, still_pointed_to};
use crate::naming::quoted;
use crate::schema;

/// Tables that point to one, looked at to find out whose row does. A schema has some ten.
const CHILDREN_MAX: usize = 1_000;

/// As [`of_values`], of a row.
#[cold]
pub(super) fn of_row<E: Entry>(connection: &Connection, row: &E, error: Error) -> Error {
    if error.code() != Code::BrokenReference {
        return error;
    }
    let value = |at| {
        let mut scratch = Vec::new();
        let mut sink = ValueSink::owned(&mut scratch);
        row.put(at, &mut sink).ok()?;
        sink.into_values().pop()
    };
    let values: Vec<_> = (0..row.table().columns.len()).map(value).collect();
    let value = |at: usize| values.get(at)?.as_ref().map(ValueRef::from);
    of_values(connection, row.table(), value, error)
}

/// The error of values that were to be written, naming the column that points to nothing.
#[cold]
pub(super) fn of_values<'v>(
    connection: &Connection,
    table: &Table,
    value: impl Fn(usize) -> Option<ValueRef<'v>>,
    error: Error,
) -> Error {
    if error.code() != Code::BrokenReference || error.column_name().is_some() {
        return error;
    }
    // What cannot be found out is left as SQLite said it.
    match broken_column(connection, table, value) {
        Ok(Some(column)) => broken(Some(table), column.to_owned(), error),
        Ok(None) | Err(_) => error,
    }
}

fn broken_column<'v>(
    connection: &Connection,
    table: &Table,
    value: impl Fn(usize) -> Option<ValueRef<'v>>,
) -> Result<Option<&'static str>> {
    for (at, _, parent, key) in schema::parents(table)? {
        let Some(value) = value(at).filter(|value| *value != ValueRef::Null) else { continue };
        if !has_row(connection, parent.name, key.name.text, value)? {
            return Ok(table.columns.get(at).map(|column| column.name.text));
        }
    }
    Ok(None)
}

/// The error of a key that was to be deleted, naming the table whose rows point to it.
#[cold]
pub(super) fn of_key(connection: &Connection, table: &Table, key: &Image, error: Error) -> Error {
    if error.code() != Code::BrokenReference {
        return error;
    }
    match pointing(connection, table, key) {
        Ok(Some(child)) => still_pointed_to(&child, error),
        Ok(None) | Err(_) => error,
    }
}

/// The error of rows that were to be deleted, naming the table whose rows point to one of them.
#[cold]
pub(super) fn of_rows(
    connection: &Connection,
    table: &Table,
    rows: &Filtered,
    error: Error,
) -> Error {
    if error.code() != Code::BrokenReference {
        return error;
    }
    let children = children(connection, table.name);
    match children.and_then(|children| rows.pointing(connection, table, children)) {
        Ok(Some(child)) => still_pointed_to(&child, error),
        Ok(None) | Err(_) => error,
    }
}

fn pointing(connection: &Connection, table: &Table, key: &Image) -> Result<Option<String>> {
    let Some(value) = key.value(0) else { return Ok(None) };
    for (child, column) in children(connection, table.name)? {
        if has_row(connection, &child, &column, value)? {
            return Ok(Some(child));
        }
    }
    Ok(None)
}

/// The tables and columns that point to a table, and keep its rows from going. The table itself
/// comes last: its rows that point to each other may go together.
fn children(connection: &Connection, parent: &str) -> Result<Vec<(String, String)>> {
    let failed = |e| super::error::from_sqlite(&e, None);
    let sql = "SELECT child.name, reference.\"from\" \
               FROM sqlite_schema AS child, pragma_foreign_key_list(child.name) AS reference \
               WHERE child.type = 'table' AND reference.\"table\" = ?1 COLLATE NOCASE \
               AND reference.on_delete IN ('NO ACTION', 'RESTRICT') \
               ORDER BY child.name = ?1 COLLATE NOCASE";
    let mut statement = connection.prepare_cached(sql).map_err(failed)?;
    let found = statement.query_map([parent], |row| Ok((row.get(0)?, row.get(1)?)));
    found.map_err(failed)?.take(CHILDREN_MAX).collect::<Result<_, _>>().map_err(failed)
}

/// Whether a table has a row with this value.
fn has_row(
    connection: &Connection,
    table: &str,
    column: &str,
    value: ValueRef<'_>,
) -> Result<bool> {
    let failed = |e| super::error::from_sqlite(&e, None);
    let sql = format!("SELECT 1 FROM {} WHERE {} = ?", quoted(table), quoted(column));
    let mut statement = connection.prepare_cached(&sql).map_err(failed)?;
    statement.exists([ToSqlOutput::Borrowed(value)]).map_err(failed)
}
