//! What both engines' errors have in common.

use std::error::Error as StdError;

use tradebase_core::{Code, Column, Error, Table};

use crate::naming;

/// What an engine has said.
type Cause = Box<dyn StdError + Send + Sync>;

/// An error about a constraint; where its columns are known, they say more than its name.
pub(crate) fn at_fault(code: Code, said: impl Into<Cause>, columns: Option<String>) -> Error {
    let why = match code {
        Code::NotUnique => "there is a row with this value already",
        _ => "the value is not allowed",
    };
    let error = Error::new(code, why).because(said);
    match columns {
        Some(columns) => error.column(columns),
        None => error,
    }
}

/// A column points to what is not there.
pub(crate) fn broken(table: Option<&Table>, column: String, said: impl Into<Cause>) -> Error {
    let parent = table
        .and_then(|table| table.columns.iter().find(|c| c.name.text == column))
        .and_then(|column| column.parent);
    let why = match parent {
        Some(parent) => format!("there is no {} of this key", parent.table().record),
        None => "there is no row of this key".to_owned(),
    };
    Error::new(Code::BrokenReference, why).column(column).because(said)
}

/// A row cannot go, or change its key, while others point to it.
pub(crate) fn still_pointed_to(child: &str, said: impl Into<Cause>) -> Error {
    let why = format!("rows still point to this one, of the table {child}");
    Error::new(Code::BrokenReference, why).because(said)
}

/// A column that must have a value, and that the record does not know.
pub(crate) fn unknown_column(column: &str, said: impl Into<Cause>) -> Error {
    let why = "the table has a column that must have a value and that the record does not know";
    Error::new(Code::SchemaMismatch, why).column(column).because(said)
}

/// The columns of a constraint that this crate has named: `bot_id, executed_at`.
pub(crate) fn columns(table: Option<&Table>, constraint: &str) -> Option<String> {
    let table = table?;
    naming::columns_of(table, constraint).map(|columns| naming::words(table, &columns))
}

/// The store was closed by [`Sql::close`](crate::Sql::close).
#[cold]
pub(crate) fn closed() -> Error {
    Error::new(Code::Closed, "the store has been closed, open it again to use it")
}

/// No connection became free in time.
#[cold]
pub(crate) fn exhausted(wait: std::time::Duration, connections: usize) -> Error {
    let message = format!("none of {connections} connections became free within {wait:?}");
    Error::new(Code::PoolExhausted, message)
}

/// A key that the database has not assigned yet identifies no row.
#[cold]
pub(crate) fn unassigned(table: &Table) -> Error {
    match crate::schema::assigned(table) {
        Some((_, column)) => unassigned_key(column),
        None => Error::new(Code::Invalid, UNASSIGNED),
    }
}

const UNASSIGNED: &str = "the key is not assigned yet";

/// As [`unassigned`], for the column.
#[cold]
pub(crate) fn unassigned_key(column: &Column) -> Error {
    Error::new(Code::Invalid, UNASSIGNED).column(column.name.text)
}

/// A call on a connection of the caller's own was cancelled, and nobody knows how it ended.
#[cold]
pub(crate) fn given_up() -> Error {
    let message = "the connection was given up when a call was cancelled: take another";
    Error::new(Code::ConnectionLost, message)
}

/// An update found no row.
#[cold]
pub(crate) fn missing() -> Error {
    Error::new(Code::NotFound, "there is no row of this key")
}

/// An update found a row of another version.
#[cold]
pub(crate) fn other_version(expected: Option<i64>) -> Error {
    let message =
        format!("the stored row has another version than {}", expected.unwrap_or_default());
    Error::new(Code::VersionConflict, message)
}

/// The same error, saying which row of the batch it is about.
#[cold]
pub(crate) fn placed(at: usize, error: Error) -> Error {
    if !error.violations().is_empty() {
        return error.at_row(at);
    }
    let column = error.column_name().map(str::to_owned);
    let placed = Error::new(error.code(), format!("row {} of the batch failed", at + 1));
    match column {
        Some(column) => placed.column(column),
        None => placed,
    }
    .because(error)
}

#[cold]
pub(crate) fn twice(code: Code, at: usize, columns: String) -> Error {
    let message = format!("two rows of the batch are the same, the second is row {}", at + 1);
    Error::new(code, message).column(columns)
}
