//! How long an entry lives.

use std::time::Duration;

use tradebase_core::{Error, Result, Violation};

/// How long an entry lives.
///
/// Engines count in milliseconds; a part of one counts as a whole one.
///
/// ```
/// use tradebase_cache::Ttl;
///
/// assert_eq!(Ttl::DEFAULT, Ttl::secs(300));
/// assert_eq!(Ttl::from(std::time::Duration::from_millis(5)), Ttl::millis(5));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ttl {
    /// So long after it was written. Zero is refused, and so is more than [`Ttl::MAX`].
    After(Duration),
    /// Until it is deleted, or evicted.
    Never,
}

impl Ttl {
    /// What a cache gives its entries unless it is told otherwise: five minutes.
    pub const DEFAULT: Ttl = Ttl::secs(300);

    /// The longest time that is not never: a hundred years.
    pub const MAX: Duration = Duration::from_secs(100 * 365 * 86_400);

    /// So many seconds.
    pub const fn secs(secs: u64) -> Self {
        Ttl::After(Duration::from_secs(secs))
    }

    /// So many milliseconds.
    pub const fn millis(millis: u64) -> Self {
        Ttl::After(Duration::from_millis(millis))
    }

    /// The whole milliseconds, none for never.
    pub(crate) fn checked(self) -> Result<Option<u64>> {
        let Ttl::After(time) = self else { return Ok(None) };
        if time.is_zero() || time > Self::MAX {
            let message =
                format!("must be above zero and at most {} s, is {time:?}", Self::MAX.as_secs());
            return Err(Error::invalid(vec![Violation::new("ttl", "range", message)]));
        }
        let whole = time.as_nanos().div_ceil(1_000_000);
        // The bound above keeps it far within 64 bits.
        Ok(Some(u64::try_from(whole).unwrap_or(u64::MAX)))
    }
}

impl Default for Ttl {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl From<Duration> for Ttl {
    fn from(time: Duration) -> Self {
        Ttl::After(time)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_to_live_is_whole_milliseconds_in_its_bounds() {
        assert_eq!(Ttl::secs(2).checked().unwrap(), Some(2000));
        assert_eq!(Ttl::After(Duration::from_nanos(1)).checked().unwrap(), Some(1));
        assert_eq!(Ttl::After(Duration::from_micros(1001)).checked().unwrap(), Some(2));
        assert_eq!(Ttl::Never.checked().unwrap(), None);
        assert!(Ttl::After(Ttl::MAX).checked().is_ok());
        for bad in [Ttl::secs(0), Ttl::After(Duration::MAX)] {
            let error = bad.checked().unwrap_err();
            assert_eq!(error.violations()[0].column, "ttl");
        }
    }
}
