//! Mean reversion: what went far from its average comes back.

use super::average::Average;
use super::{Seen, Strategy, Wish, toward};
use crate::demo::market::MINUTE_US;

/// Over what time the price is averaged.
const MEAN_US: i64 = 6 * MINUTE_US;

/// Over what time its distance from the average is averaged.
const USUAL_US: i64 = 40 * MINUTE_US;

/// How long it only looks.
const WARM_UP_US: i64 = 30 * MINUTE_US;

/// How many times the usual distance is far, in tenths.
const FAR_TENTHS: i128 = 27;

/// How many times the usual distance is too far: no swing but a trend.
const LOST_TENTHS: i128 = 65;

/// How long it stays away after a trend.
const PAUSE_US: i64 = 20 * MINUTE_US;

/// Buys far below the average and sells far above; closes at the average, or when it was wrong.
#[derive(Debug)]
pub(super) struct MeanReversion {
    mean: Average,
    usual: Average,
    silent_until_us: Option<i64>,
}

impl Default for MeanReversion {
    fn default() -> Self {
        let (mean, usual) = (Average::over(MEAN_US), Average::over(USUAL_US));
        Self { mean, usual, silent_until_us: None }
    }
}

impl Strategy for MeanReversion {
    fn see(&mut self, seen: &Seen, wishes: &mut Vec<Wish>) {
        let distance = seen.middle() - self.mean.take(seen.at_us, seen.middle());
        let usual = self.usual.take(seen.at_us, distance.abs());
        let until = *self.silent_until_us.get_or_insert(seen.at_us + WARM_UP_US);
        if seen.working > 0 {
            return;
        }
        let is_lost = distance.abs() * 10 > usual * LOST_TENTHS;
        if seen.position != 0 {
            let is_back = distance.signum() == seen.position.signum();
            if is_lost {
                self.silent_until_us = Some(seen.at_us + PAUSE_US);
            }
            if is_back || is_lost {
                wishes.extend(toward(0, seen.position));
            }
        } else if seen.at_us >= until && !is_lost && distance.abs() * 10 > usual * FAR_TENTHS {
            wishes.extend(toward(-distance.signum() * seen.size, 0));
        }
    }
}
