//! Ranges of time as both engines take them.

use std::ops::{Bound, RangeBounds};

use tradebase_core::TimestampNs;

/// The first and last nanosecond of a range, both included; none if nothing is in it.
pub fn closed(range: &impl RangeBounds<TimestampNs>) -> Option<(i64, i64)> {
    let first = match range.start_bound() {
        Bound::Unbounded => TimestampNs::MIN.as_nanos(),
        Bound::Included(first) => first.as_nanos(),
        Bound::Excluded(before) => before.as_nanos().checked_add(1)?,
    };
    let last = match range.end_bound() {
        Bound::Unbounded => TimestampNs::MAX.as_nanos(),
        Bound::Included(last) => last.as_nanos(),
        Bound::Excluded(after) => after.as_nanos().checked_sub(1)?,
    };
    let first = first.max(TimestampNs::MIN.as_nanos());
    let last = last.min(TimestampNs::MAX.as_nanos());
    (first <= last).then_some((first, last))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bound_is_kept() {
        let ns = TimestampNs::from_nanos;
        let (first, last) = (TimestampNs::MIN.as_nanos(), TimestampNs::MAX.as_nanos());
        assert_eq!(closed(&..), Some((first, last)));
        assert_eq!(closed(&(ns(1)..ns(5))), Some((1, 4)));
        assert_eq!(closed(&(ns(1)..=ns(5))), Some((1, 5)));
        assert_eq!(closed(&(ns(5)..ns(5))), None);
        assert_eq!(closed(&(ns(5)..=ns(1))), None);
        assert_eq!(closed(&(Bound::Excluded(ns(1)), Bound::Unbounded)), Some((2, last)));
        assert_eq!(closed(&(ns(i64::MIN)..=ns(i64::MAX))), Some((first, last)));
        assert_eq!(closed(&(..ns(i64::MIN))), None);
        assert_eq!(closed(&(Bound::Excluded(ns(i64::MAX)), Bound::Unbounded)), None);
    }
}
