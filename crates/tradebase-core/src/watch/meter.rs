//! Counters and a histogram per operation. Noting never waits, reading never blocks the path.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::Operation;

/// The upper bounds of the histogram's buckets; what took longer is in one more.
pub const BOUNDS: [Duration; 14] = [
    Duration::from_micros(10),
    Duration::from_micros(25),
    Duration::from_micros(50),
    Duration::from_micros(100),
    Duration::from_micros(250),
    Duration::from_micros(500),
    Duration::from_millis(1),
    Duration::from_micros(2_500),
    Duration::from_millis(5),
    Duration::from_millis(10),
    Duration::from_millis(50),
    Duration::from_millis(250),
    Duration::from_secs(1),
    Duration::from_secs(5),
];

const BUCKETS: usize = BOUNDS.len() + 1;

/// What was measured of one operation since the start.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Measure {
    /// Which one.
    pub operation: Operation,
    /// Calls that ended, well or not.
    pub calls: u64,
    /// Those that ended in an error.
    pub errors: u64,
    /// Calls that were dropped before they ended.
    pub cancelled: u64,
    /// Rows, entries or points that were written or read.
    pub rows: u64,
    /// The time that all calls took together.
    pub time: Duration,
    /// How many calls took up to each of [`BOUNDS`], and how many longer; each counted once.
    pub buckets: [u64; BUCKETS],
}

#[derive(Debug)]
pub(super) struct Meter([Counters; Operation::ALL.len()]);

impl Default for Meter {
    fn default() -> Self {
        Self(std::array::from_fn(|_| Counters::default()))
    }
}

#[derive(Debug, Default)]
struct Counters {
    errors: AtomicU64,
    cancelled: AtomicU64,
    rows: AtomicU64,
    nanos: AtomicU64,
    buckets: [AtomicU64; BUCKETS],
}

impl Meter {
    pub(super) fn note(&self, operation: Operation, took: Duration, rows: Option<usize>) {
        let counters = self.of(operation);
        match rows {
            Some(rows) => add(&counters.rows, u64::try_from(rows).unwrap_or(u64::MAX)),
            None => add(&counters.errors, 1),
        }
        add(&counters.nanos, u64::try_from(took.as_nanos()).unwrap_or(u64::MAX));
        let bucket = BOUNDS.iter().position(|bound| took <= *bound).unwrap_or(BOUNDS.len());
        add(&counters.buckets[bucket], 1);
    }

    pub(super) fn note_cancelled(&self, operation: Operation) {
        add(&self.of(operation).cancelled, 1);
    }

    pub(super) fn measures(&self) -> Vec<Measure> {
        let measures = Operation::ALL.iter().map(|&operation| self.of(operation).read(operation));
        measures.filter(|measure| measure.calls + measure.cancelled > 0).collect()
    }

    fn of(&self, operation: Operation) -> &Counters {
        &self.0[operation as usize]
    }
}

impl Counters {
    fn read(&self, operation: Operation) -> Measure {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let buckets = std::array::from_fn(|i| get(&self.buckets[i]));
        Measure {
            operation,
            calls: buckets.iter().sum(),
            errors: get(&self.errors),
            cancelled: get(&self.cancelled),
            rows: get(&self.rows),
            time: Duration::from_nanos(get(&self.nanos)),
            buckets,
        }
    }
}

fn add(counter: &AtomicU64, more: u64) {
    if more > 0 {
        counter.fetch_add(more, Ordering::Relaxed);
    }
}
