//! The strategies: each sees the quotes of one symbol in order and says what it wishes.

mod average;
mod breakout;
mod coin_flip;
mod market_maker;
mod mean_reversion;

use super::model::Side;
use super::random::Random;

/// What a strategy sees.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen {
    /// Now, in microseconds from 1970.
    pub at_us: i64,
    /// What buyers offer, in units.
    pub bid: i128,
    /// What sellers ask, in units.
    pub ask: i128,
    /// What the bot holds: below zero if it is short.
    pub position: i128,
    /// How many orders of the bot wait.
    pub working: usize,
    /// The quantity of one order.
    pub size: i128,
}

impl Seen {
    /// The price between bid and ask.
    fn middle(&self) -> i128 {
        (self.bid + self.ask) / 2
    }
}

/// What a strategy may wish.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wish {
    /// Trade at the next quote.
    Market(Side, i128),
    /// Trade at this price or better, and wait for it.
    Limit(Side, i128, i128),
    /// Take back whatever waits.
    Cancel,
}

/// Something that trades one symbol.
pub(crate) trait Strategy: Send {
    /// Sees a quote. What it wishes is added to the wishes, in order.
    fn see(&mut self, seen: &Seen, wishes: &mut Vec<Wish>);
}

/// A strategy that a bot can have.
pub(crate) struct Kind {
    /// The name of the bot.
    pub name: &'static str,
    /// Makes it for one symbol, with a stream of chance of its own.
    pub make: fn(Random) -> Box<dyn Strategy>,
}

/// The bots of the demo, in their order.
pub(crate) static KINDS: [Kind; 4] = [
    Kind { name: "market maker", make: |_| Box::new(market_maker::MarketMaker::default()) },
    Kind { name: "mean reversion", make: |_| Box::new(mean_reversion::MeanReversion::default()) },
    Kind { name: "breakout", make: |_| Box::new(breakout::Breakout::default()) },
    Kind { name: "coin flip", make: |random| Box::new(coin_flip::CoinFlip::new(random)) },
];

/// The wish that leads from a position to another, if they differ.
fn toward(target: i128, position: i128) -> Option<Wish> {
    let quantity = target - position;
    let side = if quantity > 0 { Side::Buy } else { Side::Sell };
    (quantity != 0).then_some(Wish::Market(side, quantity.abs()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_to_a_target_is_one_order() {
        assert_eq!(toward(3, 3), None);
        assert_eq!(toward(3, -2), Some(Wish::Market(Side::Buy, 5)));
        assert_eq!(toward(0, 2), Some(Wish::Market(Side::Sell, 2)));
    }
}
