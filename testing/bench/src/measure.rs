//! How two pieces of code are compared on a machine that is never quiet.
//!
//! Ours and raw run in adjacent blocks whose order alternates; the figure is the median of the
//! rounds' ratios. A second block of raw in every round is the control: rounds are added until
//! its median ratio against the first lies close to one. A work that never gets there is noisy,
//! and does not count.

use std::hint::black_box;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

/// How long a work is measured.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// How long a block should run at least.
    pub block: Duration,
    /// The rounds that are always run.
    pub rounds_min: usize,
    /// The rounds after which a work is given up as noisy.
    pub rounds_max: usize,
    /// How many rounds are added at a time.
    pub rounds_more: usize,
    /// After so long no more rounds are added.
    pub patience: Duration,
    /// How often a block repeats its work at most.
    pub repeat_max: usize,
}

/// For work in memory, of microseconds.
const IN_MEMORY: Plan = Plan {
    block: Duration::from_micros(1500),
    rounds_min: 61,
    rounds_max: 305,
    rounds_more: 30,
    patience: Duration::MAX,
    repeat_max: usize::MAX,
};

/// Who runs a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Ours.
    Ours,
    /// The raw driver, or hand-written code.
    Raw,
    /// Raw again, which should be as fast as raw.
    Control,
}

impl Side {
    /// In the order in which their seconds stand in a round.
    pub const ALL: [Side; 3] = [Side::Ours, Side::Raw, Side::Control];
}

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

/// Compares two ways to do the same to so many records in memory.
pub fn compare(records: usize, mut ours: impl FnMut(), mut raw: impl FnMut()) -> Figures {
    contest(&IN_MEMORY, records, |side, repeat| {
        let start = Instant::now();
        for _ in 0..repeat {
            if side == Side::Ours { ours() } else { raw() }
        }
        black_box(start.elapsed())
    })
}

/// Compares two ways to do the same to so many records. A block does the work of its side as
/// often as it is told, and says how long that took.
pub fn contest(
    plan: &Plan,
    records: usize,
    mut block: impl FnMut(Side, usize) -> Duration,
) -> Figures {
    let start = Instant::now();
    let repeat = Side::ALL.map(|side| calibrate(plan, |repeat| block(side, repeat)));
    let repeat = repeat.into_iter().max().unwrap_or(1);
    let mut rounds: Vec<[f64; 3]> = Vec::new();
    while rounds.len() < plan.rounds_min {
        rounds.push(round(rounds.len(), repeat, &mut block));
    }
    let control = |rounds: &[[f64; 3]]| median(rounds.iter().map(|r| r[1] / r[2]));
    while !CONTROL.contains(&control(&rounds))
        && rounds.len() < plan.rounds_max
        && start.elapsed() < plan.patience
    {
        for _ in 0..plan.rounds_more {
            rounds.push(round(rounds.len(), repeat, &mut block));
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
fn calibrate(plan: &Plan, mut block: impl FnMut(usize) -> Duration) -> usize {
    let mut repeat = 1;
    while block(repeat) < plan.block && repeat < plan.repeat_max {
        repeat = repeat.saturating_mul(2).min(plan.repeat_max);
    }
    repeat
}

/// One block of each side, in an order that changes from round to round.
fn round(
    number: usize,
    repeat: usize,
    block: &mut impl FnMut(Side, usize) -> Duration,
) -> [f64; 3] {
    const ORDERS: [[usize; 3]; 6] =
        [[0, 1, 2], [2, 0, 1], [1, 2, 0], [0, 2, 1], [1, 0, 2], [2, 1, 0]];
    let mut seconds = [0.0; 3];
    for which in ORDERS[number % ORDERS.len()] {
        seconds[which] = block(Side::ALL[which], repeat).as_secs_f64();
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

    /// Blocks of one second per repetition, those of ours of half a second.
    fn seconds(side: Side, repeat: usize) -> Duration {
        let of = if side == Side::Ours { 500 } else { 1000 };
        Duration::from_millis(of * u64::try_from(repeat).expect("a few"))
    }

    #[test]
    fn all_sides_do_as_much_as_the_fastest_needs_to_fill_a_block() {
        let block = Duration::from_secs(4);
        let plan = Plan { block, rounds_min: 6, rounds_max: 6, ..IN_MEMORY };
        let mut blocks = Vec::new();
        let figures = contest(&plan, 10, |side, repeat| {
            blocks.push((side, repeat));
            seconds(side, repeat)
        });
        assert!((figures.ours - 0.05e9).abs() < 1.0 && (figures.raw - 0.1e9).abs() < 1.0);
        assert!((figures.ratio - 2.0).abs() < 1e-9 && !figures.noisy);
        let measured = &blocks[blocks.len() - 18..];
        for side in Side::ALL {
            assert_eq!(measured.iter().filter(|block| **block == (side, 8)).count(), 6);
        }
    }

    #[test]
    fn a_control_that_stays_off_makes_the_work_noisy() {
        let plan = Plan { block: Duration::ZERO, rounds_min: 2, rounds_max: 8, ..IN_MEMORY };
        let mut blocks = 0;
        let figures = contest(&plan, 1, |side, _| {
            blocks += 1;
            Duration::from_secs(if side == Side::Control { 2 } else { 1 })
        });
        assert!(figures.noisy && (figures.control - 0.5).abs() < 1e-9);
        assert!(blocks > 3 * 8, "rounds were added up to the bound");
    }

    #[test]
    fn median_of_even_and_odd() {
        assert!((median([3.0, 1.0, 2.0].into_iter()) - 2.0).abs() < 1e-9);
        assert!((median([4.0, 1.0, 2.0, 3.0].into_iter()) - 2.5).abs() < 1e-9);
    }
}
