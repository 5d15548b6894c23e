//! The parameters of a find, and how SQLite writes lists and orders.

use std::fmt::Write;
use std::rc::Rc;

use rusqlite::types::Value as SqliteValue;
use rusqlite::{Connection, Statement};
use tradebase_core::{Code, Column, Error, Pattern, Piece, Result, Sort, Value};

use super::error;
use super::like::{self, LIKE};
use super::sink::ValueSink;
use super::sum::SUM;
use crate::render::{Parameters, nulls_are_least};
use crate::select::Span;

/// The parameters of a find, owned, so that it can run on another thread.
#[derive(Debug, Default)]
pub(super) struct Bindings(Vec<Binding>);

#[derive(Debug)]
enum Binding {
    One(SqliteValue),
    Many(Vec<SqliteValue>),
}

/// Lets a connection take a list of values, BLOBs too, as one parameter.
pub(super) fn load_lists(connection: &Connection) -> rusqlite::Result<()> {
    rusqlite::vtab::array::load_module(connection)
}

impl Bindings {
    /// Binds them, from the first parameter on. What is carried out with them may be so again.
    pub(super) fn bind(&self, statement: &mut Statement<'_>) -> Result<()> {
        for (i, binding) in self.0.iter().enumerate() {
            match binding {
                Binding::One(value) => statement.raw_bind_parameter(i + 1, value),
                Binding::Many(values) => {
                    statement.raw_bind_parameter(i + 1, Rc::new(values.clone()))
                }
            }
            .map_err(|e| error::from_sqlite(&e, None))?;
        }
        Ok(())
    }
}

/// A value as it stands in that column.
pub(super) fn value_of(column: &'static Column, value: &Value) -> Result<SqliteValue> {
    if *value == Value::Null {
        return Ok(SqliteValue::Null);
    }
    let mut scratch = Vec::new();
    let mut sink = ValueSink::owned(&mut scratch);
    value.put(column, &mut sink)?;
    let missing = || Error::new(Code::Internal, "a filter's value came to nothing");
    sink.into_values().pop().ok_or_else(missing)
}

impl Parameters for Bindings {
    const MARK: char = '?';

    fn one(&mut self, column: &'static Column, value: &Value) -> Result<()> {
        self.0.push(Binding::One(value_of(column, value)?));
        Ok(())
    }

    fn many(&mut self, column: &'static Column, values: &[Value]) -> Result<()> {
        let values = values.iter().map(|value| value_of(column, value)).collect::<Result<_>>()?;
        self.0.push(Binding::Many(values));
        Ok(())
    }

    fn rows(&mut self, rows: u64) -> Result<()> {
        let rows = i64::try_from(rows).unwrap_or(i64::MAX);
        self.0.push(Binding::One(SqliteValue::Integer(rows)));
        Ok(())
    }

    fn in_list(out: &mut String, column: &str, number: usize) {
        _ = write!(out, "{column} IN rarray(?{number})");
    }

    fn pattern(&mut self, pattern: &Pattern) -> Result<()> {
        let text = match like::is_for_the_engine(pattern) {
            true => glob(pattern),
            false => pattern.as_str().to_owned(),
        };
        self.0.push(Binding::One(SqliteValue::Text(text)));
        Ok(())
    }

    /// By GLOB: LIKE takes upper and lower case for the same.
    fn like(out: &mut String, column: &str, number: usize, pattern: &Pattern) {
        _ = match (like::is_for_the_engine(pattern), pattern.ignores_case()) {
            (true, true) => write!(out, "lower({column}) GLOB ?{number}"),
            (true, false) => write!(out, "{column} GLOB ?{number}"),
            (false, folds) => write!(out, "{LIKE}({column}, ?{number}, {})", u8::from(folds)),
        };
    }

    /// Nulls are less than all values here as it is.
    fn nulls(out: &mut String, _: &'static Column, sort: Sort) {
        if !nulls_are_least(sort) {
            out.push_str(if sort.down { " NULLS FIRST" } else { " NULLS LAST" });
        }
    }

    fn sum(out: &mut String, _: &'static Column, name: &str) {
        _ = write!(out, "{SUM}({name})");
    }

    fn extreme(out: &mut String, _: &'static Column, name: &str, greatest: bool) {
        _ = write!(out, "{}({name})", if greatest { "MAX" } else { "MIN" });
    }

    /// The remainder of what is before 1970 is negative.
    fn span(out: &mut String, name: &str, span: Span) {
        let micros: i64 = match span {
            Span::Minute => 60_000_000,
            Span::Hour => 3_600_000_000,
            Span::Day => 86_400_000_000,
        };
        _ = write!(out, "({name} - ({name} % {micros} + {micros}) % {micros})");
    }
}

/// A pattern as GLOB writes it.
fn glob(pattern: &Pattern) -> String {
    let mut out = String::with_capacity(pattern.as_str().len());
    for piece in pattern.pieces() {
        match piece {
            Piece::Any => out.push('*'),
            Piece::One => out.push('?'),
            Piece::Char(c @ ('*' | '?' | '[')) => {
                out.push('[');
                out.push(c);
                out.push(']');
            }
            Piece::Char(c) if pattern.ignores_case() => out.push(c.to_ascii_lowercase()),
            Piece::Char(c) => out.push(c),
        }
    }
    out
}
