//! The parameters of a find, and how PostgreSQL writes lists and orders.

use std::fmt::Write;

use tokio_postgres::types::Type;
use tradebase_core::{Column, Kind, Result, Sink, Value};

use super::array::{ArraySink, Arrays};
use super::scratch::{BindSink, Scratch};
use super::types::{array_of, type_of};
use crate::filter::Parameters;

/// The number of rows is a parameter too, of this pretended column.
static LIMIT: Column = Column::new("limit", Kind::I64, false);

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

    /// Nulls stand at the other end here, unless told.
    fn order(out: &mut String, column: &'static Column, name: &str, down: bool) {
        out.push_str(name);
        out.push_str(match (down, column.nullable) {
            (false, false) => "",
            (true, false) => " DESC",
            (false, true) => " NULLS FIRST",
            (true, true) => " DESC NULLS LAST",
        });
    }
}
