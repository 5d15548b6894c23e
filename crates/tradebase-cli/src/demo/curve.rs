//! What was won over the day, from the fills.

use tradebase::{Date, Decimal, Timestamp};

use super::market::{DAY_US, MINUTE_US, begin_us};
use super::model::{Bot, Fill};

/// The time between two looks at the equity, for the returns.
const BUCKET_US: i64 = 5 * MINUTE_US;

/// The name of the curve of all bots together.
pub(crate) const TOTAL: &str = "total";

/// The realised profit of a bot, or of all, after each fill that closed something.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Curve {
    /// Whose it is.
    pub name: String,
    /// In order of time.
    pub points: Vec<Point>,
}

/// A moment and what had been won by then.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Point {
    /// When.
    pub at: Timestamp,
    /// The realised profit since the day began, net of fees.
    pub profit: Decimal,
}

/// The curve of each bot, in their order, and last the curve of all.
pub(crate) fn curves(bots: &[Bot], fills: &[Fill]) -> Vec<Curve> {
    let mut sorted: Vec<&Fill> = fills.iter().collect();
    sorted.sort_by_key(|fill| (fill.executed_at, fill.id));
    let of = |bot: &Bot| {
        let own = sorted.iter().copied().filter(|fill| fill.bot == bot.id);
        Curve::new(&bot.name, own)
    };
    let total = Curve::new(TOTAL, sorted.iter().copied());
    bots.iter().map(of).chain([total]).collect()
}

impl Curve {
    /// The curve of fills that are in order of time.
    fn new<'a>(name: &str, fills: impl Iterator<Item = &'a Fill>) -> Self {
        let mut profit = Decimal::ZERO;
        let points = fills.filter_map(|fill| {
            profit += fill.pnl?;
            Some(Point { at: fill.executed_at, profit })
        });
        Self { name: name.to_owned(), points: points.collect() }
    }

    /// What was won by the end of the day.
    pub(crate) fn last(&self) -> Decimal {
        self.points.last().map_or(Decimal::ZERO, |point| point.profit)
    }

    /// The furthest fall from what had been won before, the beginning with nothing won among it.
    pub(crate) fn max_drawdown(&self) -> Decimal {
        let (mut peak, mut deepest) = (Decimal::ZERO, Decimal::ZERO);
        for point in &self.points {
            peak = peak.max(point.profit);
            deepest = deepest.max(peak - point.profit);
        }
        deepest
    }

    /// What was won in each five minutes of the day.
    pub(crate) fn changes(&self, day: Date) -> Vec<Decimal> {
        let begin = begin_us(day);
        let mut points = self.points.iter().peekable();
        let mut profit = Decimal::ZERO;
        let buckets = (1..=DAY_US / BUCKET_US).map(|bucket| {
            let before = profit;
            let end = begin + bucket * BUCKET_US;
            while let Some(point) = points.next_if(|point| point.at.as_micros() < end) {
                profit = point.profit;
            }
            profit - before
        });
        buckets.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::market::DAY;

    fn curve(profits: &[(i64, i64)]) -> Curve {
        let point = |&(minute, profit): &(i64, i64)| {
            let at = Timestamp::from_micros(begin_us(DAY) + minute * MINUTE_US);
            Point { at, profit: profit.into() }
        };
        Curve { name: "bot".into(), points: profits.iter().map(point).collect() }
    }

    #[test]
    fn a_drawdown_is_the_furthest_fall_from_a_peak() {
        let drawdown = |profits: &[i64]| {
            let profits: Vec<_> = profits.iter().map(|profit| (0, *profit)).collect();
            curve(&profits).max_drawdown()
        };
        assert_eq!(drawdown(&[]), Decimal::ZERO);
        assert_eq!(drawdown(&[1, 5, 9]), Decimal::ZERO);
        assert_eq!(drawdown(&[10, 4, 12, 3, 8]), Decimal::from(9));
        // The first peak is the beginning, with nothing won.
        assert_eq!(drawdown(&[-7, -2, -6]), Decimal::from(7));
    }

    #[test]
    fn changes_add_up_to_what_was_won() {
        let curve = curve(&[(0, 3), (4, 5), (5, 4), (1439, 10)]);
        let changes = curve.changes(DAY);
        assert_eq!(changes.len(), 288);
        assert_eq!(changes[..3], [5, -1, 0].map(Decimal::from));
        assert_eq!(changes[287], Decimal::from(6));
        assert_eq!(changes.iter().sum::<Decimal>(), curve.last());
    }
}
