//! One debug event per operation, at its end: which, where, on what, how many. No values.

use tradebase_core::watch::Operation;
use tradebase_core::{Result, Table};

/// Notes how an operation ended.
#[inline]
pub(crate) fn ends<T>(
    store: &'static str,
    operation: Operation,
    table: Option<&Table>,
    outcome: &Result<T>,
    count: impl FnOnce(&T) -> usize,
) {
    let (operation, record) = (operation.as_str(), table.map(|table| table.record));
    match outcome {
        Ok(done) => tracing::debug!(store, operation, record, count = count(done)),
        Err(error) => {
            let code = error.code().as_str();
            tracing::debug!(store, operation, record, count = 0_usize, code);
        }
    }
}
