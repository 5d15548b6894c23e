//! The parameters of a find, and how PostgreSQL writes lists and orders.

use std::fmt::Write;

use tokio_postgres::types::Type;
use tradebase_core::{Column, Kind, Pattern, Piece, Result, Sink, Sort, Value};

use super::array::{ArraySink, Arrays};
use super::scratch::{BindSink, Scratch};
use super::types::{array_of, type_of};
use crate::render::{Parameters, nulls_are_least};
use crate::select::Span;

/// The number of rows is a parameter too, of this pretended column.
static LIMIT: Column = Column::new("limit", Kind::I64, false);

/// A pattern is a parameter too.
static PATTERN: Column = Column::new("pattern", Kind::TEXT, false);

/// The encoded parameters of a find, and their types.
#[derive(Debug, Default)]
pub(super) struct Encoded {
    pub(super) scratch: Scratch,
    pub(super) types: Vec<Type>,
}

fn put<S: Sink>(column: &'static Column, value: &Value, sink: &mut S) -> Result<()> {
    match value {
        Value::Null => sink.null(column),
        value => value.put(column, sink),
    }
}

impl Parameters for Encoded {
    const MARK: char = '$';

    fn one(&mut self, column: &'static Column, value: &Value) -> Result<()> {
        put(column, value, &mut BindSink::new(&mut self.scratch))?;
        self.types.push(type_of(column.kind));
        Ok(())
    }

    fn many(&mut self, column: &'static Column, values: &[Value]) -> Result<()> {
        let mut arrays = Arrays::new(1);
        for value in values {
            put(column, value, &mut ArraySink::new(&mut arrays))?;
        }
        arrays.finish([column], &mut self.scratch)?;
        self.types.push(array_of(column.kind));
        Ok(())
    }

    fn rows(&mut self, rows: u64) -> Result<()> {
        let rows = i64::try_from(rows).unwrap_or(i64::MAX);
        BindSink::new(&mut self.scratch).i64(&LIMIT, rows)?;
        self.types.push(Type::INT8);
        Ok(())
    }

    fn in_list(out: &mut String, column: &str, number: usize) {
        _ = write!(out, "{column} = ANY(${number})");
    }

    fn pattern(&mut self, pattern: &Pattern) -> Result<()> {
        BindSink::new(&mut self.scratch).text(&PATTERN, &like(pattern))?;
        self.types.push(Type::TEXT);
        Ok(())
    }

    fn like(out: &mut String, column: &str, number: usize, pattern: &Pattern) {
        _ = match pattern.ignores_case() {
            // Letters beyond a to z are the locale's affair otherwise.
            true => write!(out, "lower({column} COLLATE \"C\") LIKE ${number}"),
            false => write!(out, "{column} LIKE ${number}"),
        };
    }

    /// Nulls are more than all values here, unless told.
    fn nulls(out: &mut String, _: &'static Column, sort: Sort) {
        if nulls_are_least(sort) {
            out.push_str(if sort.down { " NULLS LAST" } else { " NULLS FIRST" });
        }
    }

    fn sum(out: &mut String, column: &'static Column, name: &str) {
        _ = match column.kind {
            Kind::F64 => write!(out, "SUM({name})"),
            _ => write!(out, "SUM({name})::numeric"),
        };
    }

    /// For what the server knows no MIN of, something whose order is the same.
    fn extreme(out: &mut String, column: &'static Column, name: &str, greatest: bool) {
        let word = if greatest { "MAX" } else { "MIN" };
        _ = match column.kind {
            Kind::Bool => write!(out, "bool_{}({name})", if greatest { "or" } else { "and" }),
            Kind::Uuid => write!(out, "{word}({name}::text COLLATE \"C\")::uuid"),
            Kind::Bytes => {
                write!(out, "decode({word}(encode({name}, 'hex') COLLATE \"C\"), 'hex')")
            }
            _ => write!(out, "{word}({name})"),
        };
    }

    fn span(out: &mut String, name: &str, span: Span) {
        let word = match span {
            Span::Minute => "minute",
            Span::Hour => "hour",
            Span::Day => "day",
        };
        _ = write!(out, "date_trunc('{word}', {name}, 'UTC')");
    }
}

/// A pattern as LIKE writes it.
fn like(pattern: &Pattern) -> String {
    let mut out = String::with_capacity(pattern.as_str().len());
    for piece in pattern.pieces() {
        match piece {
            Piece::Any => out.push('%'),
            Piece::One => out.push('_'),
            Piece::Char(c @ ('%' | '_' | '\\')) => {
                out.push('\\');
                out.push(c);
            }
            Piece::Char(c) if pattern.ignores_case() => out.push(c.to_ascii_lowercase()),
            Piece::Char(c) => out.push(c),
        }
    }
    out
}
