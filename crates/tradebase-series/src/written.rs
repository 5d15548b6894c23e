//! What became of the rows of a write: each is accounted for.

use std::error::Error;
use std::fmt;

/// The most refused rows that a [`Tally`] names.
pub const ROWS_NAMED_MAX: usize = 100;

/// What a successful write says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Written {
    /// The rows that were handed over.
    pub accepted: usize,
    /// The rows that the engine stored. Rows of equal tags and time are one point, and each
    /// counts.
    pub stored: usize,
}

/// What became of each row of a write that failed: the source of its error.
///
/// `accepted = stored + rejected + unknown + unsent`, always.
///
/// ```
/// # use std::error::Error as _;
/// use tradebase_series::Tally;
///
/// fn stored(error: &tradebase_core::Error) -> Option<usize> {
///     error.source()?.downcast_ref::<Tally>().map(|tally| tally.stored)
/// }
/// # assert_eq!(stored(&tradebase_core::Error::new(tradebase_core::Code::NotFound, "")), None);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Tally {
    /// The rows that were handed over.
    pub accepted: usize,
    /// The rows that the engine said it stored.
    pub stored: usize,
    /// The rows that it refused.
    pub rejected: usize,
    /// The rows of which is not known whether they were stored. Writing them again is safe.
    pub unknown: usize,
    /// The rows that were not sent any more.
    pub unsent: usize,
    /// The first refused rows, by their place in the batch, at most [`ROWS_NAMED_MAX`].
    pub rows: Vec<usize>,
    /// What the engine said, where it said something.
    pub reason: String,
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Tally { accepted, stored, rejected, unknown, unsent, rows, reason } = self;
        write!(f, "of {accepted} rows {stored} stored, {rejected} refused")?;
        if *unknown > 0 {
            write!(f, ", {unknown} not known")?;
        }
        if *unsent > 0 {
            write!(f, ", {unsent} not sent")?;
        }
        if let Some(first) = rows.first() {
            write!(f, ", the first refused is row {first}")?;
        }
        if !reason.is_empty() {
            write!(f, ": {reason}")?;
        }
        Ok(())
    }
}

impl Error for Tally {}
