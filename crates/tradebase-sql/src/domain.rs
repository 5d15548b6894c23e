//! What no record could have been written with, in the columns of both engines.

use tradebase_core::{Column, Error, Kind, Result};

/// Whether a value is one that the record could be written with. Rows that are no records take
/// whatever their type holds.
#[inline(always)]
pub(crate) fn is_within<T: PartialOrd>(column: &Column, value: &T, first: &T, last: &T) -> bool {
    !column.domain.table || (value >= first && value <= last)
}

/// As [`is_within`], for decimals: no more digits than are declared.
#[inline(always)]
pub(crate) fn has_digits(column: &Column, units: i128) -> bool {
    match column.kind {
        Kind::Decimal { precision, .. } if column.domain.table => {
            let bound = BOUNDS.get(usize::from(precision));
            bound.is_none_or(|bound| units.unsigned_abs() < *bound)
        }
        _ => true,
    }
}

/// The powers of ten: what a decimal of so many digits stays below.
const BOUNDS: [u128; 39] = {
    let mut bounds = [1; 39];
    let mut i = 1;
    while i < 39 {
        bounds[i] = bounds[i - 1] * 10;
        i += 1;
    }
    bounds
};

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
