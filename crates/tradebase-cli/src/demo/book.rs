//! The orders and the position of one bot in one symbol.

use tradebase::Timestamp;

use super::bots::{Seen, Strategy, Wish};
use super::exact::{ONE, decimal, divide};
use super::ids::Ids;
use super::instrument::Instrument;
use super::model::{BotId, Fill, FillId, Order, OrderId, OrderStatus, OrderType, Side};
use super::position::Position;
use super::random::Random;

/// What one order is worth, about, in units of money.
const ORDER_WORTH: i128 = 20_000 * ONE;

/// How many orders have one that is filled in two parts.
const ONE_IN_TWO_PARTS: u32 = 5;

const MILLION: i128 = 1_000_000;

/// The newest prices of a symbol, in units.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Quote {
    pub at: Timestamp,
    pub bid: i128,
    pub ask: i128,
}

/// Orders that have ended, each with its fills.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Trades {
    /// In the order they ended.
    pub orders: Vec<Order>,
    /// Fills of these orders and of no others.
    pub fills: Vec<Fill>,
}

/// Where a desk writes down what it does.
#[derive(Debug)]
pub(crate) struct Paper {
    pub ids: Ids,
    pub trades: Trades,
}

/// An order that waits, in units.
#[derive(Debug)]
struct Working {
    id: OrderId,
    side: Side,
    quantity: i128,
    limit: Option<i128>,
    done: i128,
    placed_at: Timestamp,
    fills: Vec<Fill>,
}

/// One bot in one symbol.
pub(crate) struct Book {
    bot: BotId,
    instrument: &'static Instrument,
    strategy: Box<dyn Strategy>,
    random: Random,
    position: Position,
    working: Vec<Working>,
    wishes: Vec<Wish>,
}

impl Book {
    pub(crate) fn new(
        bot: BotId,
        instrument: &'static Instrument,
        strategy: Box<dyn Strategy>,
        random: Random,
    ) -> Self {
        let position = Position::default();
        let (working, wishes) = (Vec::new(), Vec::new());
        Self { bot, instrument, strategy, random, position, working, wishes }
    }

    /// Fills what the quote fills, then lets the strategy see it.
    pub(crate) fn see(&mut self, quote: &Quote, paper: &mut Paper) {
        self.fill(quote, paper);
        let seen = Seen {
            at_us: quote.at.as_micros(),
            bid: quote.bid,
            ask: quote.ask,
            position: self.position.quantity(),
            working: self.working.len(),
            size: self.size(quote),
        };
        let mut wishes = std::mem::take(&mut self.wishes);
        self.strategy.see(&seen, &mut wishes);
        for wish in wishes.drain(..) {
            match wish {
                Wish::Market(side, quantity) => self.place(side, quantity, None, quote, paper),
                Wish::Limit(side, quantity, price) => {
                    self.place(side, quantity, Some(self.on_step(price)), quote, paper);
                }
                Wish::Cancel => self.cancel(quote.at, paper),
            }
        }
        self.wishes = wishes;
    }

    /// Takes back what waits and closes the position at the quote.
    pub(crate) fn close(&mut self, quote: &Quote, paper: &mut Paper) {
        self.cancel(quote.at, paper);
        let held = self.position.quantity();
        if held == 0 {
            return;
        }
        let side = if held > 0 { Side::Sell } else { Side::Buy };
        self.place(side, held.abs(), None, quote, paper);
        for mut order in std::mem::take(&mut self.working) {
            self.execute(&mut order, held.abs(), quote, paper);
            self.end(order, quote.at, paper);
        }
    }

    /// The quantity of one order: whole lots, at least one.
    fn size(&self, quote: &Quote) -> i128 {
        let lot = self.instrument.lot;
        let lot_worth = quote.ask * lot / ONE;
        (ORDER_WORTH / lot_worth.max(1)).max(1) * lot
    }

    fn on_step(&self, price: i128) -> i128 {
        let tick = self.instrument.tick;
        (price / tick * tick).max(tick)
    }

    fn place(
        &mut self,
        side: Side,
        quantity: i128,
        limit: Option<i128>,
        quote: &Quote,
        paper: &mut Paper,
    ) {
        let id = OrderId(paper.ids.at(quote.at));
        let (placed_at, fills) = (quote.at, Vec::new());
        self.working.push(Working { id, side, quantity, limit, done: 0, placed_at, fills });
    }

    fn cancel(&mut self, at: Timestamp, paper: &mut Paper) {
        for order in std::mem::take(&mut self.working) {
            self.end(order, at, paper);
        }
    }

    /// Fills the orders that the quote reaches: all of each, or a part of a fresh one by chance.
    fn fill(&mut self, quote: &Quote, paper: &mut Paper) {
        for mut order in std::mem::take(&mut self.working) {
            let left = order.quantity - order.done;
            if order.is_reached(quote) {
                let quantity = if order.done == 0 { self.first_part(left) } else { left };
                self.execute(&mut order, quantity, quote, paper);
            }
            if order.done == order.quantity {
                self.end(order, quote.at, paper);
            } else {
                self.working.push(order);
            }
        }
    }

    /// How much of an order its first quote fills, in whole lots.
    fn first_part(&mut self, quantity: i128) -> i128 {
        let lots = quantity / self.instrument.lot;
        if lots < 2 || !self.random.one_in(ONE_IN_TWO_PARTS) {
            return quantity;
        }
        let percent = i128::from(30 + self.random.below(41));
        (lots * percent / 100).clamp(1, lots - 1) * self.instrument.lot
    }

    /// Fills so much of an order. What closes the position and what opens one are two fills.
    fn execute(&mut self, order: &mut Working, quantity: i128, quote: &Quote, paper: &mut Paper) {
        let sign = sign(order.side);
        let closing = self.position.closing(sign * quantity);
        for part in [closing, quantity - closing].into_iter().filter(|part| *part > 0) {
            let (price, fee_ppm) = match (order.limit, order.side) {
                (Some(limit), _) => (limit, self.instrument.maker_fee_ppm),
                (None, Side::Buy) => (quote.ask, self.instrument.taker_fee_ppm),
                (None, Side::Sell) => (quote.bid, self.instrument.taker_fee_ppm),
            };
            let worth = divide(price * part, ONE);
            let fee = divide(worth * fee_ppm, MILLION);
            let pnl = self.position.trade(sign * part, -sign * worth - fee);
            order.done += part;
            order.fills.push(Fill {
                id: FillId(paper.ids.at(quote.at)),
                order: order.id,
                bot: self.bot,
                symbol: self.instrument.symbol.to_owned(),
                side: order.side,
                quantity: decimal(part),
                price: decimal(price),
                fee: decimal(fee),
                pnl: pnl.map(decimal),
                executed_at: quote.at,
            });
        }
    }

    fn end(&mut self, order: Working, at: Timestamp, paper: &mut Paper) {
        let is_filled = order.done == order.quantity;
        paper.trades.orders.push(Order {
            id: order.id,
            bot: self.bot,
            symbol: self.instrument.symbol.to_owned(),
            side: order.side,
            order_type: if order.limit.is_some() { OrderType::Limit } else { OrderType::Market },
            quantity: decimal(order.quantity),
            filled: decimal(order.done),
            limit_price: order.limit.map(decimal),
            status: if is_filled { OrderStatus::Filled } else { OrderStatus::Cancelled },
            placed_at: order.placed_at,
            ended_at: at,
        });
        paper.trades.fills.extend(order.fills);
    }
}

impl Working {
    /// Whether the quote fills it: a market order always, a limit order when the other side has
    /// come to its price.
    fn is_reached(&self, quote: &Quote) -> bool {
        match (self.limit, self.side) {
            (None, _) => true,
            (Some(limit), Side::Buy) => quote.ask <= limit,
            (Some(limit), Side::Sell) => quote.bid >= limit,
        }
    }
}

/// Which way a side moves a position.
const fn sign(side: Side) -> i128 {
    match side {
        Side::Buy => 1,
        Side::Sell => -1,
    }
}
