//! What both engines' errors have in common.

use tradebase_core::{Code, Column, Error, Table};

use crate::naming;

/// An error about a constraint whose name or columns are known.
pub(crate) fn of_constraint(code: Code, message: String, columns: Option<String>) -> Error {
    let error = Error::new(code, message);
    match columns {
        Some(columns) => error.column(columns),
        None => error,
    }
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
