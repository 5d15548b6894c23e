//! One debug event per operation: which, where, on what, how many. No values.

use tradebase_core::Table;

/// Notes that an operation begins.
#[inline]
pub(crate) fn begins(store: &'static str, operation: &'static str, table: &Table, count: usize) {
    tracing::debug!(store, operation, record = table.record, count);
}
