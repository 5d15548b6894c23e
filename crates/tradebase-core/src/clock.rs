//! The only door to the clock.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
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

/// What stands for a wait beyond the range of the monotonic clock.
const WAIT_FAR: Duration = Duration::from_secs(30 * 365 * 24 * 60 * 60);

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

    /// The point so much later; some thirty years later if the clock does not reach so far.
    #[must_use]
    pub fn after(self, wait: Duration) -> Self {
        let later = self.0.checked_add(wait).or_else(|| self.0.checked_add(WAIT_FAR));
        Self(later.unwrap_or(self.0))
    }

    /// How long this point is after an earlier one; nothing if it is not.
    pub fn since(self, earlier: Tick) -> Duration {
        self.0.saturating_duration_since(earlier.0)
    }

    /// How long it is until it comes; nothing if it has.
    pub fn left(self) -> Duration {
        self.0.saturating_duration_since(Instant::now())
    }

    /// Whether it has come.
    pub fn is_past(self) -> bool {
        Instant::now() >= self.0
    }
}

/// The clock that a store goes by: the machine's, or one that a test moves on.
///
/// ```
/// use std::time::Duration;
/// use tradebase_core::clock::Clock;
///
/// let clock = Clock::manual("2026-11-20T09:30:00Z".parse()?);
/// let begin = clock.tick();
/// clock.advance(Duration::from_secs(90));
/// assert_eq!(clock.now().to_string(), "2026-11-20T09:31:30.000000Z");
/// assert_eq!(clock.tick().since(begin), Duration::from_secs(90));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Clock(Option<Arc<Manual>>);

#[derive(Debug)]
struct Manual {
    start: TimestampNs,
    start_tick: Tick,
    /// How far it was moved, in nanoseconds.
    moved: AtomicU64,
}

impl Clock {
    /// The machine's clock.
    pub const fn system() -> Self {
        Self(None)
    }

    /// A clock that stands at that moment until it is moved. Clones are the same clock.
    pub fn manual(start: crate::Timestamp) -> Self {
        let start = start.to_ns().unwrap_or(TimestampNs::MAX);
        let moved = AtomicU64::new(0);
        Self(Some(Arc::new(Manual { start, start_tick: Tick::now(), moved })))
    }

    /// Moves a manual clock on. The machine's clock stays as it is.
    pub fn advance(&self, by: Duration) {
        if let Some(manual) = &self.0 {
            let by = u64::try_from(by.as_nanos()).unwrap_or(u64::MAX);
            manual.moved.fetch_add(by, Ordering::AcqRel);
        }
    }

    /// The present moment.
    pub fn now_ns(&self) -> TimestampNs {
        match &self.0 {
            None => now_ns(),
            Some(manual) => {
                let moved = i64::try_from(manual.moved()).unwrap_or(i64::MAX);
                TimestampNs::from_nanos(manual.start.as_nanos().saturating_add(moved))
            }
        }
    }

    /// The present moment, to the microsecond.
    pub fn now(&self) -> crate::Timestamp {
        self.now_ns().truncated()
    }

    /// The present point on its monotonic side.
    pub fn tick(&self) -> Tick {
        match &self.0 {
            None => Tick::now(),
            Some(manual) => manual.start_tick.after(Duration::from_nanos(manual.moved())),
        }
    }
}

impl Manual {
    fn moved(&self) -> u64 {
        self.moved.load(Ordering::Acquire)
    }
}
