//! What an engine takes as a row to write, whether its type is known or not.

use tradebase_core::{Column, Error, Got, Record, Result, Sink, Source, Table, Value};

/// A row on its way into an engine: a record, or the values of a table that is known only at run
/// time. Both write themselves straight into the engine's bytes.
pub(crate) trait Entry: Send + Sync + 'static {
    /// The table that it is for.
    fn table(&self) -> &'static Table;

    /// Writes all columns, in order.
    fn write<S: Sink>(&self, sink: &mut S) -> Result<()>;

    /// Writes one column.
    fn put<S: Sink>(&self, at: usize, sink: &mut S) -> Result<()>;

    /// Whether an upsert gives back all columns of the row that is stored then.
    #[inline(always)]
    fn reads_back(&self) -> bool {
        false
    }
}

/// Reads a value of a row whose type is not known.
pub(crate) fn cell<S: Source>(at: usize, column: &'static Column, source: &mut S) -> Result<Value> {
    match Value::take(at, column, source)? {
        Got::Value(value) => Ok(value),
        Got::Null | Got::Absent if column.nullable => Ok(Value::Null),
        Got::Null | Got::Absent => Err(missing(column)),
    }
}

/// Reads all columns of a row; the first is the source's at that place.
pub(crate) fn cells<S: Source>(
    table: &'static Table,
    from: usize,
    source: &mut S,
) -> Result<Box<[Value]>> {
    let columns = table.columns.iter().enumerate();
    columns.map(|(at, column)| cell(from + at, column, source)).collect()
}

#[cold]
fn missing(column: &'static Column) -> Error {
    Error::unreadable(column, format_args!("it is null, but the column must have a value"))
}

impl<T: Record> Entry for T {
    #[inline(always)]
    fn table(&self) -> &'static Table {
        T::TABLE
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn write<S: Sink>(&self, sink: &mut S) -> Result<()> {
        tradebase_core::Put::write(self, sink)
    }

    #[inline]
    fn put<S: Sink>(&self, at: usize, sink: &mut S) -> Result<()> {
        tradebase_core::Put::put(self, at, sink)
    }
}
