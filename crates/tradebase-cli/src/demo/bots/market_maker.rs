//! Market maker: offers both sides and lives on what lies between.

use super::average::Average;
use super::{Seen, Strategy, Wish};
use crate::demo::market::MINUTE_US;
use crate::demo::model::Side;

/// How long its offers stand before they follow the price.
const STAND_US: i64 = 100_000_000;

/// Over what time the moves of the price are averaged.
const USUAL_US: i64 = 30 * MINUTE_US;

/// How far from the middle it offers: so many tenths of the usual move while offers stand.
const APART_TENTHS: i128 = 16;

/// How far its offers lean against what it holds, in tenths of the usual move for each order that
/// it holds.
const LEAN_TENTHS: i128 = 7;

/// The most it holds, in orders.
const HELD_MAX: i128 = 2;

/// Offers to buy below and to sell above the middle, unless it holds its most on that side.
#[derive(Debug)]
pub(super) struct MarketMaker {
    usual: Average,
    /// When it last offered, and around what price.
    placed: Option<(i64, i128)>,
}

impl Default for MarketMaker {
    fn default() -> Self {
        Self { usual: Average::over(USUAL_US), placed: None }
    }
}

impl Strategy for MarketMaker {
    fn see(&mut self, seen: &Seen, wishes: &mut Vec<Wish>) {
        let middle = seen.middle();
        let (placed_us, around) = *self.placed.get_or_insert((seen.at_us, middle));
        if seen.at_us < placed_us + STAND_US {
            return;
        }
        self.placed = Some((seen.at_us, middle));
        let usual = self.usual.take(seen.at_us, (middle - around).abs());
        let apart = usual * APART_TENTHS / 10;
        let lean = usual * LEAN_TENTHS * seen.position / seen.size.max(1) / 10;
        let most = seen.size * HELD_MAX;
        wishes.push(Wish::Cancel);
        if seen.position + seen.size <= most {
            let price = (middle - apart - lean).min(seen.bid);
            wishes.push(Wish::Limit(Side::Buy, seen.size, price));
        }
        if seen.position - seen.size >= -most {
            let price = (middle + apart - lean).max(seen.ask);
            wishes.push(Wish::Limit(Side::Sell, seen.size, price));
        }
    }
}
