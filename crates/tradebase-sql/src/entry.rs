//! What an engine takes as a row to write, whether its type is known or not.

use tradebase_core::{Record, Result, Sink, Table};

/// A row on its way into an engine: a record, or the values of a table that is known only at run
/// time. Both write themselves straight into the engine's bytes.
pub(crate) trait Entry: Send + Sync + 'static {
    /// The table that it is for.
    fn table(&self) -> &'static Table;

    /// Writes all columns, in order.
    fn write<S: Sink>(&self, sink: &mut S) -> Result<()>;

    /// Writes one column.
    fn put<S: Sink>(&self, at: usize, sink: &mut S) -> Result<()>;
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
