//! The figures of a day: what each bot did and won.

use serde::{Serialize, Serializer};
use tradebase::{Date, Decimal};

use super::curve::{Curve, TOTAL, curves};
use super::model::{Bot, Fill};

/// How many five minutes a year of 365 days has.
const BUCKETS_PER_YEAR: f64 = 365.0 * 288.0;

/// The figures of a day. Decimals are written as text, so that no digit is lost.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Report {
    /// The day.
    pub day: Date,
    /// The figures of each bot.
    pub bots: Vec<Figures>,
    /// The figures of all bots together.
    pub total: Figures,
}

/// The figures of a bot, or of all.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Figures {
    /// Whose they are.
    pub name: String,
    /// How many fills there were.
    pub fills: usize,
    /// How many of them closed something: their profit is known.
    pub trades: usize,
    /// How many of the trades won more than nothing.
    pub wins: usize,
    /// 100 × wins / trades, to two digits; 0 without trades.
    #[serde(serialize_with = "text")]
    pub win_rate: Decimal,
    /// What was won, net of fees.
    #[serde(serialize_with = "text")]
    pub pnl: Decimal,
    /// What all fills cost. The profit is what is left after them.
    #[serde(serialize_with = "text")]
    pub fees: Decimal,
    /// The furthest fall of the realised profit from a peak, of which the beginning is one.
    #[serde(serialize_with = "text")]
    pub max_drawdown: Decimal,
    /// The Sharpe ratio.
    ///
    /// The return of five minutes is what was realised in them over the capital of the beginning.
    /// The ratio is the mean of the returns of the day over their deviation (of a sample: over
    /// n − 1), times the root of the 105,120 such returns of a year of 365 days; no interest is
    /// taken off. None without at least two returns that differ.
    pub sharpe: Option<f64>,
}

impl Report {
    /// The figures of a day's fills, in any order.
    pub(crate) fn new(day: Date, bots: &[Bot], fills: &[Fill]) -> Self {
        let curves = curves(bots, fills);
        let of = |(bot, curve): (&Bot, &Curve)| {
            let own = fills.iter().filter(|fill| fill.bot == bot.id);
            Figures::new(day, bot.capital, own, curve)
        };
        let capital = bots.iter().map(|bot| bot.capital).sum();
        let none = Curve { name: TOTAL.to_owned(), points: Vec::new() };
        let all = curves.last().unwrap_or(&none);
        Self {
            day,
            bots: bots.iter().zip(&curves).map(of).collect(),
            total: Figures::new(day, capital, fills.iter(), all),
        }
    }
}

impl Figures {
    fn new<'a>(
        day: Date,
        capital: Decimal,
        fills: impl Iterator<Item = &'a Fill>,
        curve: &Curve,
    ) -> Self {
        let (mut count, mut trades, mut wins, mut fees) = (0, 0, 0, Decimal::ZERO);
        for fill in fills {
            count += 1;
            fees += fill.fee;
            trades += usize::from(fill.pnl.is_some());
            wins += usize::from(fill.pnl.is_some_and(|pnl| pnl > Decimal::ZERO));
        }
        Self {
            name: curve.name.clone(),
            fills: count,
            trades,
            wins,
            win_rate: win_rate(wins, trades),
            pnl: curve.last(),
            fees,
            max_drawdown: curve.max_drawdown(),
            sharpe: sharpe(&curve.changes(day), capital),
        }
    }
}

fn win_rate(wins: usize, trades: usize) -> Decimal {
    match trades {
        0 => Decimal::ZERO,
        _ => (Decimal::ONE_HUNDRED * Decimal::from(wins) / Decimal::from(trades)).round_dp(2),
    }
}

/// The Sharpe ratio of what was won in each five minutes, see [`Figures::sharpe`].
///
/// Sums, quotients and roots of IEEE 754 in a fixed order: the same on every machine.
fn sharpe(changes: &[Decimal], capital: Decimal) -> Option<f64> {
    let (first, others) = changes.split_first()?;
    if capital.is_zero() || others.iter().all(|change| change == first) {
        return None;
    }
    let returns: Option<Vec<f64>> = changes.iter().map(|change| number(change / capital)).collect();
    let returns = returns?;
    let count = f64::from(u32::try_from(returns.len()).ok()?);
    let mean = returns.iter().sum::<f64>() / count;
    let squares: f64 = returns.iter().map(|one| (one - mean) * (one - mean)).sum();
    let deviation = (squares / (count - 1.0)).sqrt();
    let ratio = mean / deviation * BUCKETS_PER_YEAR.sqrt();
    ratio.is_finite().then_some(ratio)
}

fn number(value: Decimal) -> Option<f64> {
    value.try_into().ok()
}

pub(crate) fn text<S: Serializer>(value: &Decimal, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::fixture;

    fn report(pnls: &[Option<&str>]) -> Figures {
        let (bot, fills) = fixture::fills(pnls);
        Report::new(fixture::DAY, &[bot], &fills).total
    }

    #[test]
    fn the_win_rate_is_that_of_trades_whose_profit_is_known() {
        let rate = |pnls: &[Option<&str>]| report(pnls).win_rate.to_string();
        assert_eq!(rate(&[]), "0");
        assert_eq!(rate(&[None, None]), "0");
        assert_eq!(rate(&[Some("1"), None]), "100");
        assert_eq!(rate(&[Some("1"), Some("-1"), Some("2")]), "66.67");
        // What won nothing is a trade, and no win.
        assert_eq!(rate(&[Some("0"), Some("1"), None]), "50");
        assert_eq!(rate(&[Some("0.00")]), "0");
    }

    #[test]
    fn figures_are_sums_of_the_fills() {
        let figures = report(&[None, Some("10.5"), Some("-20.00000001"), Some("3")]);
        assert_eq!((figures.fills, figures.trades, figures.wins), (4, 3, 2));
        assert_eq!(figures.pnl.to_string(), "-6.50000001");
        assert_eq!(figures.fees, Decimal::from(4));
        assert_eq!(figures.max_drawdown.to_string(), "20.00000001");
    }

    #[test]
    fn the_sharpe_ratio_keeps_to_its_formula() {
        let ratio = |changes: &[i64]| {
            let changes: Vec<_> = changes.iter().copied().map(Decimal::from).collect();
            sharpe(&changes, 1000.into())
        };
        assert_eq!(ratio(&[]), None);
        assert_eq!(ratio(&[5]), None);
        assert_eq!(ratio(&[5, 5, 5]), None);
        // Mean 2, deviation 1 over n − 1, root of 105,120.
        let known = 648.444_292_1;
        assert!((ratio(&[1, 2, 3]).unwrap() - known).abs() < 1e-6);
        assert!((ratio(&[-1, -2, -3]).unwrap() + known).abs() < 1e-6);
        assert_eq!(sharpe(&[1, 2].map(Decimal::from), Decimal::ZERO), None);
    }

    #[test]
    fn fills_may_come_in_any_order() {
        let (bot, mut fills) = fixture::fills(&[Some("5"), Some("-9"), Some("1"), None]);
        let report = |fills: &[Fill]| Report::new(fixture::DAY, std::slice::from_ref(&bot), fills);
        let forward = report(&fills);
        fills.reverse();
        assert_eq!(report(&fills), forward);
    }

    #[test]
    fn decimals_are_written_as_text() {
        let json = serde_json::to_value(report(&[Some("0.10000000")])).unwrap();
        assert_eq!(json["pnl"], "0.10000000");
        assert_eq!(json["trades"], 1);
        assert_eq!(json["win_rate"], "100");
    }
}
