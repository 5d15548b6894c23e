//! Which reference is broken: SQLite says only that one is.
//!
//! Asked after the failure, by whoever has the row: inside the same transaction if there is one,
//! else on a connection that reads. Somebody may have mended it by then, and nothing is found.

use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};
use tradebase_core::{Code, Error, Key, Record, Result};

use super::sink::ValueSink;
use crate::error::{broken, still_pointed_to};
use crate::naming::quoted;
use crate::schema;

/// Tables that point to one, looked at to find out whose row does. A schema has some ten.
const CHILDREN_MAX: usize = 1_000;

/// The error of a row that was to be inserted or updated, naming the column that points to
/// nothing.
#[cold]
pub(super) fn of_row<T: Record>(connection: &Connection, row: &T, error: Error) -> Error {
    if error.code() != Code::BrokenReference || error.column_name().is_some() {
        return error;
    }
    // What cannot be found out is left as SQLite said it.
    match broken_column(connection, row) {
        Ok(Some(column)) => broken(Some(T::TABLE), column.to_owned(), error),
        Ok(None) | Err(_) => error,
    }
}

fn broken_column<T: Record>(connection: &Connection, row: &T) -> Result<Option<&'static str>> {
    for (at, _, parent, key) in schema::parents(T::TABLE)? {
        let mut scratch = Vec::new();
        let mut sink = ValueSink::owned(&mut scratch);
        row.put(at, &mut sink)?;
        let values = sink.into_values();
        if values.iter().all(|value| *value == Value::Null) {
            continue;
        }
        if !has_row(connection, parent.name, &[key.name.text], &values)? {
            return Ok(Some(T::TABLE.columns[at].name.text));
        }
    }
    Ok(None)
}

/// The error of a key that was to be deleted, naming the table whose rows point to it.
#[cold]
pub(super) fn of_key<T: Record>(connection: &Connection, key: &T::Key, error: Error) -> Error {
    if error.code() != Code::BrokenReference {
        return error;
    }
    match pointing::<T>(connection, key) {
        Ok(Some(child)) => still_pointed_to(&child, error),
        Ok(None) | Err(_) => error,
    }
}

fn pointing<T: Record>(connection: &Connection, key: &T::Key) -> Result<Option<String>> {
    let mut scratch = Vec::new();
    let mut sink = ValueSink::owned(&mut scratch);
    key.put_key(T::TABLE.key_columns(), &mut sink)?;
    let values = sink.into_values();
    for (child, column) in children(connection, T::TABLE.name)? {
        if has_row(connection, &child, &[&column], &values)? {
            return Ok(Some(child));
        }
    }
    Ok(None)
}

/// The tables and columns that point to a table.
fn children(connection: &Connection, parent: &str) -> Result<Vec<(String, String)>> {
    let failed = |e| super::error::from_sqlite(&e, None);
    let sql = "SELECT child.name, reference.\"from\" \
               FROM sqlite_schema AS child, pragma_foreign_key_list(child.name) AS reference \
               WHERE child.type = 'table' AND reference.\"table\" = ?1 COLLATE NOCASE";
    let mut statement = connection.prepare_cached(sql).map_err(failed)?;
    let found = statement.query_map([parent], |row| Ok((row.get(0)?, row.get(1)?)));
    found.map_err(failed)?.take(CHILDREN_MAX).collect::<Result<_, _>>().map_err(failed)
}

/// Whether a table has a row with these values.
fn has_row(
    connection: &Connection,
    table: &str,
    columns: &[&str],
    values: &[Value],
) -> Result<bool> {
    let failed = |e| super::error::from_sqlite(&e, None);
    let given: Vec<_> = columns.iter().map(|column| format!("{} = ?", quoted(column))).collect();
    let sql = format!("SELECT 1 FROM {} WHERE {}", quoted(table), given.join(" AND "));
    let mut statement = connection.prepare_cached(&sql).map_err(failed)?;
    statement.exists(params_from_iter(values)).map_err(failed)
}
