//! One statement of the user's own: prepared, bound, read.

use rusqlite::types::{Value as SqliteValue, ValueRef};
use rusqlite::{Connection, Statement};
use tradebase_core::{Code, Error, Result, Row, Rows, Value};

use super::error::from_sqlite;
use super::parameters::value_of;
use super::source::RowSource;
use crate::door::{other_count, other_width};
use crate::raw::{Argument, Gather};

pub(super) fn prepare<'c>(
    connection: &'c Connection,
    sql: &str,
    bound: Vec<SqliteValue>,
) -> Result<Statement<'c>> {
    let mut statement = compile(connection, sql)?;
    bind(&mut statement, bound).map(|()| statement)
}

pub(super) fn compile<'c>(connection: &'c Connection, sql: &str) -> Result<Statement<'c>> {
    connection.prepare(sql).map_err(|e| from_sqlite(&e, None))
}

pub(super) fn bind(statement: &mut Statement<'_>, bound: Vec<SqliteValue>) -> Result<()> {
    if statement.parameter_count() != bound.len() {
        return Err(other_count(statement.parameter_count(), bound.len()));
    }
    for (i, value) in bound.into_iter().enumerate() {
        statement.raw_bind_parameter(i + 1, value).map_err(|e| from_sqlite(&e, None))?;
    }
    Ok(())
}

/// Refuses a statement that gives another number of columns than are read.
pub(super) fn fits(statement: &Statement<'_>, width: Option<usize>) -> Result<()> {
    match width {
        Some(width) if statement.column_count() != width => {
            Err(other_width(width, statement.column_count()))
        }
        _ => Ok(()),
    }
}

/// Values as they stand in their columns, or in columns of their kind.
pub(super) fn bound(given: &[Argument<'_>]) -> Result<Vec<SqliteValue>> {
    let bind = |(i, Argument { value, column })| match column {
        Some(column) => value_of(column, value),
        None => bound_one(i, value),
    };
    given.iter().copied().enumerate().map(bind).collect()
}

fn bound_one(i: usize, value: &Value) -> Result<SqliteValue> {
    Ok(match value {
        Value::Null => SqliteValue::Null,
        Value::Bool(value) => SqliteValue::Integer((*value).into()),
        Value::Int(value) => SqliteValue::Integer(*value),
        Value::Float(value) if value.is_nan() => return Err(nan(i)),
        Value::Float(value) => SqliteValue::Real(*value),
        Value::Text(text) | Value::Json(text) => SqliteValue::Text(text.clone()),
        Value::Bytes(bytes) => SqliteValue::Blob(bytes.clone()),
        Value::Uuid(uuid) => SqliteValue::Blob(uuid.as_bytes().to_vec()),
        Value::Timestamp(at) => SqliteValue::Integer(at.as_micros()),
        Value::TimestampNs(at) => SqliteValue::Integer(at.as_nanos()),
        Value::Date(day) => SqliteValue::Integer(day.as_days().into()),
        _ => return Err(unbound(i)),
    })
}

pub(super) fn changes(
    connection: &Connection,
    statement: &mut Statement<'_>,
) -> Result<Result<u64>> {
    let before = connection.total_changes();
    let mut rows = statement.raw_query();
    while rows.next().map_err(|e| from_sqlite(&e, None))?.is_some() {}
    // A statement that changes nothing leaves the count of the one before it.
    let changed = connection.total_changes() != before;
    Ok(Ok(if changed { connection.changes() } else { 0 }))
}

/// The rows of a statement. What is refused of them has run as it should.
pub(super) fn rows<R: Row, G: Gather<R>>(
    _: &Connection,
    statement: &mut Statement<'_>,
) -> Result<Result<G::Out>> {
    fits(statement, Some(R::WIDTH))?;
    let mut rows = statement.raw_query();
    let mut found = G::default();
    while let Some(row) = rows.next().map_err(|e| from_sqlite(&e, None))? {
        if let Err(refused) = found.take(R::read(&mut RowSource::new(row))?) {
            return Ok(Err(refused));
        }
    }
    Ok(found.end())
}

pub(super) fn values(_: &Connection, statement: &mut Statement<'_>) -> Result<Result<Rows>> {
    let columns: Vec<_> = statement.column_names().map(str::to_owned).collect();
    let mut rows = statement.raw_query();
    let mut found = Rows::new(columns, Vec::new());
    while let Some(row) = rows.next().map_err(|e| from_sqlite(&e, None))? {
        let cells = found.columns.iter().enumerate().map(|(at, column)| {
            let cell = row.get_ref(at).map_err(|e| from_sqlite(&e, None))?;
            read_cell(cell).ok_or_else(|| not_utf8(column))
        });
        let cells = cells.collect::<Result<_>>()?;
        found.rows.push(cells);
    }
    Ok(Ok(found))
}

pub(super) fn read_cell(cell: ValueRef<'_>) -> Option<Value> {
    Some(match cell {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(value) => Value::Int(value),
        ValueRef::Real(value) => Value::Float(value),
        ValueRef::Text(text) => Value::Text(std::str::from_utf8(text).ok()?.to_owned()),
        ValueRef::Blob(bytes) => Value::Bytes(bytes.to_vec()),
    })
}

#[cold]
fn not_utf8(column: &str) -> Error {
    Error::new(Code::Unreadable, "the stored text is not UTF-8").column(column)
}

#[cold]
fn unbound(i: usize) -> Error {
    let message = format!(
        "SQLite stores a decimal in units of its column: say the column, as in \
         Fill::PRICE.value(price), parameter {}",
        i + 1
    );
    Error::new(Code::Unsupported, message)
}

#[cold]
fn nan(i: usize) -> Error {
    let message = format!(
        "SQLite has no NaN and would store a null: bind a null if that is meant, parameter {}",
        i + 1
    );
    Error::new(Code::Invalid, message)
}
