//! Bounds on what is sent to an engine.

use tradebase_core::{Column, Error, Result};

/// The longest pattern of a text, in bytes: SQLite takes 50,000, and what has a meaning of its own
/// there becomes three.
pub(crate) const PATTERN_BYTES_MAX: usize = 16_000;

/// The largest text, bytes or JSON of one column, in bytes: SQLite's limit of a value, and below
/// PostgreSQL's gigabyte. Longer ones are refused before anything is sent: a length that
/// overflows its field has smuggled statements past other drivers.
pub const PARAMETER_BYTES_MAX: usize = 1_000_000_000;

/// Conditions in a filter that may stand in each other: SQLite takes a thousand levels at most.
pub(crate) const FILTER_DEPTH_MAX: usize = 400;

/// The heights of the conditions around a relation, added up: SQLite's limit is a thousand, and
/// some are its own.
pub(crate) const FILTER_HEIGHT_MAX: usize = 900;

/// Refuses a value that is too long for a column.
#[inline(always)]
pub(crate) fn size(column: &'static Column, bytes: usize) -> Result<()> {
    if bytes > PARAMETER_BYTES_MAX {
        return Err(too_long(column, bytes));
    }
    Ok(())
}

#[cold]
#[inline(never)]
fn too_long(column: &'static Column, bytes: usize) -> Error {
    let message = format!("must have at most {PARAMETER_BYTES_MAX} bytes, has {bytes}");
    Error::refused(column, "size", message)
}

#[cfg(test)]
mod tests {
    use tradebase_core::{Code, Column, Kind};

    use super::*;

    #[test]
    fn a_value_over_the_limit_is_refused_by_its_column() {
        static BODY: Column = Column::new("body", Kind::Bytes, false);
        assert!(size(&BODY, PARAMETER_BYTES_MAX).is_ok());
        let error = size(&BODY, PARAMETER_BYTES_MAX + 1).unwrap_err();
        assert_eq!(error.code(), Code::Invalid);
        assert_eq!(error.column_name(), Some("body"));
    }
}
