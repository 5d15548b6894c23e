//! What no record could have been written with, in the columns of both engines.

use tradebase_core::{Column, Error, Result};

/// Whether a value is one that the record could be written with. Rows that are no records take
/// whatever their type holds.
#[inline(always)]
pub(crate) fn is_within<T: PartialOrd>(column: &Column, value: &T, first: &T, last: &T) -> bool {
    !column.domain.table || (value >= first && value <= last)
}

/// As [`is_within`], for floats: no record is written with NaN or an infinity.
#[inline(always)]
pub(crate) fn finite(column: &'static Column, value: f64) -> Result<f64> {
    if value.is_finite() || !column.domain.table {
        return Ok(value);
    }
    Err(infinite(column, value))
}

#[cold]
#[inline(never)]
fn infinite(column: &'static Column, value: f64) -> Error {
    Error::unreadable(column, format_args!("{value} is no number"))
}
