//! The only door to the clock.

use std::time::{Duration, Instant, SystemTime};

use crate::time::TimestampNs;

/// The present moment, by the machine's clock.
///
/// A clock set before 1677 or after 2262 gives the end of that range.
pub fn now_ns() -> TimestampNs {
    let nanos = match SystemTime::now().duration_since(SystemTime::UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_nanos()).unwrap_or(i64::MAX),
        Err(before) => i64::try_from(before.duration().as_nanos()).map_or(i64::MIN, |n| -n),
    };
    TimestampNs::from_nanos(nanos)
}

/// The present moment, to the microsecond.
pub fn now() -> crate::Timestamp {
    now_ns().truncated()
}

/// A point on the monotonic clock, to measure how long something took and when it is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tick(Instant);

impl Tick {
    /// This point.
    pub fn now() -> Self {
        Self(Instant::now())
    }

    /// How long ago it was.
    pub fn elapsed(self) -> Duration {
        self.0.elapsed()
    }

    /// The point so much later.
    #[must_use]
    pub fn after(self, wait: Duration) -> Self {
        Self(self.0 + wait)
    }

    /// Whether it has come.
    pub fn is_past(self) -> bool {
        Instant::now() >= self.0
    }
}
