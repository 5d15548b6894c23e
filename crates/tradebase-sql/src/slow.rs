//! Statements that took long: a record of the last ones, and an event for each.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tradebase_core::clock::Clock;
use tradebase_core::watch::Operation;
use tradebase_core::{Code, Timestamp};

use crate::call::Call;

/// How many slow calls are kept; the oldest goes first.
pub const SLOW_KEPT: usize = 256;

/// Bytes of a statement that are kept of it.
const TEXT_BYTES_MAX: usize = 2_000;

/// A call that took longer than [`SqlOptions::slow_after`](crate::SqlOptions::slow_after) says.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SlowCall {
    /// When it ended.
    pub at: Timestamp,
    /// What was done.
    pub operation: Operation,
    /// The record it was about.
    pub record: Option<&'static str>,
    /// The statement, with parameters in place of values; cut off if it is very long. The first
    /// one, of a call that runs several.
    pub statement: Option<String>,
    /// The rows that were read or written; none if it failed.
    pub rows: Option<usize>,
    /// How long it waited for a connection, or for its turn to write.
    pub waited: Duration,
    /// How long the database had it.
    pub ran: Duration,
}

/// The last slow calls of a store.
#[derive(Debug)]
pub(crate) struct SlowCalls {
    after: Duration,
    kept: Mutex<VecDeque<SlowCall>>,
}

impl SlowCalls {
    /// Calls that take longer than that.
    pub(crate) fn new(after: Duration) -> Self {
        Self { after, kept: Mutex::default() }
    }

    /// Notes how long a call took.
    #[inline]
    pub(crate) fn note(&self, call: &Call<'_>, took: Duration, rows: Option<usize>, clock: &Clock) {
        if took > self.after {
            self.keep(call, took, rows, clock);
        }
    }

    #[cold]
    fn keep(&self, call: &Call<'_>, took: Duration, rows: Option<usize>, clock: &Clock) {
        let waited = call.waited().min(took);
        let slow = SlowCall {
            at: clock.now(),
            operation: call.operation,
            record: call.table.map(|table| table.record),
            statement: call.text().map(cut),
            rows,
            waited,
            ran: took.saturating_sub(waited),
        };
        tracing::warn!(
            code = Code::SlowQuery.as_str(),
            operation = slow.operation.as_str(),
            record = slow.record,
            statement = slow.statement,
            rows = slow.rows,
            waited_ms = u64::try_from(slow.waited.as_millis()).unwrap_or(u64::MAX),
            ran_ms = u64::try_from(slow.ran.as_millis()).unwrap_or(u64::MAX),
            "a call took long"
        );
        // A panic elsewhere cannot leave the list half-changed.
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= SLOW_KEPT {
            kept.pop_front();
        }
        kept.push_back(slow);
    }

    /// The last ones, the newest last.
    pub(crate) fn list(&self) -> Vec<SlowCall> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }
}

fn cut(text: &str) -> String {
    match (0..=TEXT_BYTES_MAX).rev().find(|&at| text.is_char_boundary(at)) {
        Some(end) if text.len() > TEXT_BYTES_MAX => format!("{} …", &text[..end]),
        _ => text.to_owned(),
    }
}
