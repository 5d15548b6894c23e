//! What is traded, and how it behaves.

use std::ops::Range;

/// A symbol of the market. Prices and quantities are in units of 0.00000001.
#[derive(Debug)]
pub(crate) struct Instrument {
    /// Its name.
    pub symbol: &'static str,
    /// The smallest step of its price.
    pub tick: i128,
    /// The smallest step of a quantity.
    pub lot: i128,
    /// Its first price, in steps.
    pub start_ticks: i128,
    /// The smallest distance between bid and ask, in steps.
    pub spread_ticks: i128,
    /// The largest quantity of a common trade, in lots.
    pub volume_lots: u32,
    /// The deviation of its fair price over a day, in billionths.
    pub volatility_ppb: i128,
    /// The deviation of its price around the fair one, in billionths.
    pub wobble_ppb: i128,
    /// How much of all ticks is its own, beside the others.
    pub weight: u32,
    /// When it trades, in minutes of the day.
    pub session: Range<u32>,
    /// The fee of orders that take a quote, in millionths.
    pub taker_fee_ppm: i128,
    /// The fee of orders that rest, in millionths.
    pub maker_fee_ppm: i128,
}

const ALL_DAY: Range<u32> = 0..24 * 60;

/// The market: three coins, a share of New York and a currency. Prices are in dollars, and a coin
/// of a dollar counts as a dollar.
pub(crate) static INSTRUMENTS: [Instrument; 5] = [
    Instrument {
        symbol: "BTC/USDT",
        tick: 10_000_000,
        lot: 10_000,
        start_ticks: 934_500,
        spread_ticks: 2,
        volume_lots: 900,
        volatility_ppb: 12_000_000,
        wobble_ppb: 550_000,
        weight: 34,
        session: ALL_DAY,
        taker_fee_ppm: 150,
        maker_fee_ppm: 20,
    },
    Instrument {
        symbol: "ETH/USDT",
        tick: 1_000_000,
        lot: 100_000,
        start_ticks: 318_000,
        spread_ticks: 4,
        volume_lots: 2_500,
        volatility_ppb: 15_000_000,
        wobble_ppb: 650_000,
        weight: 26,
        session: ALL_DAY,
        taker_fee_ppm: 150,
        maker_fee_ppm: 20,
    },
    Instrument {
        symbol: "SOL/USDT",
        tick: 1_000_000,
        lot: 1_000_000,
        start_ticks: 13_650,
        spread_ticks: 1,
        volume_lots: 4_000,
        volatility_ppb: 19_000_000,
        wobble_ppb: 800_000,
        weight: 18,
        session: ALL_DAY,
        taker_fee_ppm: 150,
        maker_fee_ppm: 20,
    },
    Instrument {
        symbol: "AAPL",
        tick: 1_000_000,
        lot: 100_000_000,
        start_ticks: 26_715,
        spread_ticks: 1,
        volume_lots: 300,
        volatility_ppb: 10_000_000,
        wobble_ppb: 450_000,
        weight: 24,
        session: 14 * 60 + 30..21 * 60,
        taker_fee_ppm: 40,
        maker_fee_ppm: 10,
    },
    Instrument {
        symbol: "EUR/USD",
        tick: 1_000,
        lot: 100_000_000_000,
        start_ticks: 117_200,
        spread_ticks: 1,
        volume_lots: 900,
        volatility_ppb: 3_000_000,
        wobble_ppb: 130_000,
        weight: 22,
        session: ALL_DAY,
        taker_fee_ppm: 20,
        maker_fee_ppm: 5,
    },
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::exact::ONE;

    #[test]
    fn a_price_times_a_quantity_needs_no_rounding() {
        assert!(INSTRUMENTS.iter().all(|one| (one.tick * one.lot) % ONE == 0));
    }
}
