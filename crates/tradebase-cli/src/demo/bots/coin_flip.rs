//! Coin flip: what a strategy without any sense earns, which is its fees.

use super::{Seen, Strategy, Wish, toward};
use crate::demo::market::MINUTE_US;
use crate::demo::random::Random;

/// The longest time between two flips.
const WAIT_MINUTES: u32 = 24;

/// Goes long on heads and short on tails, from time to time.
#[derive(Debug)]
pub(super) struct CoinFlip {
    random: Random,
    next_us: Option<i64>,
}

impl CoinFlip {
    pub(super) const fn new(random: Random) -> Self {
        Self { random, next_us: None }
    }

    fn wait_us(&mut self) -> i64 {
        i64::from(1 + self.random.below(WAIT_MINUTES)) * MINUTE_US
    }
}

impl Strategy for CoinFlip {
    fn see(&mut self, seen: &Seen, wishes: &mut Vec<Wish>) {
        let next = match self.next_us {
            Some(next) => next,
            None => seen.at_us + self.wait_us(),
        };
        self.next_us = Some(next);
        if seen.at_us < next || seen.working > 0 {
            return;
        }
        self.next_us = Some(seen.at_us + self.wait_us());
        let side = if self.random.one_in(2) { 1 } else { -1 };
        if side != seen.position.signum() {
            wishes.extend(toward(side * seen.size, seen.position));
        }
    }
}
