//! How two pieces of code are compared on a machine that is never quiet.
//!
//! Ours and raw run in adjacent blocks whose order alternates; the figure is the median of the
//! rounds' ratios. A second block of raw in every round is the control: rounds are added until
//! its median ratio against the first lies close to one. A work that never gets there is noisy,
//! and does not count.

use std::hint::black_box;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

/// How long a block should run at least.
const BLOCK: Duration = Duration::from_micros(1500);
/// The rounds that are always run.
const ROUNDS_MIN: usize = 61;
/// The rounds after which a work is given up as noisy.
const ROUNDS_MAX: usize = 305;
/// How many rounds are added at a time.
const ROUNDS_MORE: usize = 30;
/// Where the control's median must lie.
const CONTROL: std::ops::RangeInclusive<f64> = 0.97..=1.03;

/// What one process measured.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Figures {
    /// Nanoseconds per record of ours.
    pub ours: f64,
    /// Nanoseconds per record of raw.
    pub raw: f64,
    /// The median of raw / ours.
    pub ratio: f64,
    /// The median of raw / raw.
    pub control: f64,
    /// Whether the control never came close to one.
    pub noisy: bool,
}

/// Compares two ways to do the same to so many records.
pub fn compare(records: usize, mut ours: impl FnMut(), mut raw: impl FnMut()) -> Figures {
    let repeat = calibrate(&mut ours).max(calibrate(&mut raw));
    let mut rounds: Vec<[f64; 3]> = Vec::new();
    while rounds.len() < ROUNDS_MIN {
        rounds.push(round(rounds.len(), repeat, &mut ours, &mut raw));
    }
    let control = |rounds: &[[f64; 3]]| median(rounds.iter().map(|r| r[1] / r[2]));
    while !CONTROL.contains(&control(&rounds)) && rounds.len() < ROUNDS_MAX {
        for _ in 0..ROUNDS_MORE {
            rounds.push(round(rounds.len(), repeat, &mut ours, &mut raw));
        }
    }
    #[allow(clippy::cast_precision_loss)]
    let per_record = 1e9 / (repeat * records) as f64;
    let control = control(&rounds);
    Figures {
        ours: median(rounds.iter().map(|r| r[0])) * per_record,
        raw: median(rounds.iter().map(|r| r[1])) * per_record,
        ratio: median(rounds.iter().map(|r| r[1] / r[0])),
        control,
        noisy: !CONTROL.contains(&control),
    }
}

/// How often the work must run to fill a block.
fn calibrate(work: &mut impl FnMut()) -> usize {
    let mut repeat = 1;
    loop {
        let start = Instant::now();
        (0..repeat).for_each(|_| work());
        if start.elapsed() >= BLOCK {
            return repeat;
        }
        repeat *= 2;
    }
}

/// One block each of ours, raw, and raw again, in an order that changes from round to round.
fn round(
    number: usize,
    repeat: usize,
    ours: &mut impl FnMut(),
    raw: &mut impl FnMut(),
) -> [f64; 3] {
    const ORDERS: [[usize; 3]; 6] =
        [[0, 1, 2], [2, 0, 1], [1, 2, 0], [0, 2, 1], [1, 0, 2], [2, 1, 0]];
    let mut seconds = [0.0; 3];
    for which in ORDERS[number % ORDERS.len()] {
        let start = Instant::now();
        for _ in 0..repeat {
            if which == 0 { ours() } else { raw() }
        }
        seconds[which] = black_box(start.elapsed().as_secs_f64());
    }
    seconds
}

/// The median; 0 of nothing.
pub fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let Some(last) = values.len().checked_sub(1) else { return 0.0 };
    f64::midpoint(values[last / 2], values[values.len() / 2])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn median_of_even_and_odd() {
        assert!((median([3.0, 1.0, 2.0].into_iter()) - 2.0).abs() < 1e-9);
        assert!((median([4.0, 1.0, 2.0, 3.0].into_iter()) - 2.5).abs() < 1e-9);
    }
}
