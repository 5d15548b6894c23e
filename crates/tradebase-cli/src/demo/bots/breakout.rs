//! Breakout: what leaves its range goes on.

use std::collections::VecDeque;

use super::{Seen, Strategy, Wish, toward};
use crate::demo::market::MINUTE_US;

/// The minutes of the range that a price must leave to go in.
const ENTRY_MINUTES: usize = 50;

/// The minutes of the range that a price must leave on the other side to go out.
const EXIT_MINUTES: usize = 20;

/// The lowest and highest middle of a minute.
#[derive(Clone, Copy, Debug)]
struct Range {
    minute: i64,
    low: i128,
    high: i128,
}

/// Buys above the highest price of the last minutes and sells below the lowest; closes when the
/// price leaves a shorter range on the other side.
#[derive(Debug, Default)]
pub(super) struct Breakout {
    /// The oldest first; the last one is still going on.
    minutes: VecDeque<Range>,
}

impl Breakout {
    /// The range of the last whole minutes; none before there were so many.
    fn range(&self, count: usize) -> Option<(i128, i128)> {
        let whole = self.minutes.len().checked_sub(1)?;
        let last = self.minutes.range(whole.checked_sub(count)?..whole);
        let low = last.clone().map(|range| range.low).min()?;
        Some((low, last.map(|range| range.high).max()?))
    }

    fn note(&mut self, at_us: i64, price: i128) {
        let minute = at_us / MINUTE_US;
        match self.minutes.back_mut() {
            Some(range) if range.minute == minute => {
                range.low = range.low.min(price);
                range.high = range.high.max(price);
            }
            _ => {
                self.minutes.push_back(Range { minute, low: price, high: price });
                if self.minutes.len() > ENTRY_MINUTES + 1 {
                    self.minutes.pop_front();
                }
            }
        }
    }
}

impl Strategy for Breakout {
    fn see(&mut self, seen: &Seen, wishes: &mut Vec<Wish>) {
        let price = seen.middle();
        self.note(seen.at_us, price);
        let (Some((low, high)), Some((near_low, near_high))) =
            (self.range(ENTRY_MINUTES), self.range(EXIT_MINUTES))
        else {
            return;
        };
        let held = seen.position.signum();
        let target = match held {
            _ if price > high => 1,
            _ if price < low => -1,
            1 if price < near_low => 0,
            -1 if price > near_high => 0,
            held => held,
        };
        if target != held && seen.working == 0 {
            wishes.extend(toward(target * seen.size, seen.position));
        }
    }
}
