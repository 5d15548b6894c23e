//! The records of the demo.

use tradebase::{Decimal, Field, Record, Timestamp, Uuid};

/// The id of a bot.
#[derive(Field, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[field(id)]
pub struct BotId(pub Uuid);

/// The id of an order.
#[derive(Field, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[field(id)]
pub struct OrderId(pub Uuid);

/// The id of a fill.
#[derive(Field, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[field(id)]
pub struct FillId(pub Uuid);

/// Which way it goes.
#[derive(Field, Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[field(closed)]
pub enum Side {
    /// Takes the instrument and gives money.
    Buy,
    /// Gives the instrument and takes money.
    Sell,
}

/// What an order asks for.
#[derive(Field, Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[field(closed)]
pub enum OrderType {
    /// The next quote, whatever it is.
    Market,
    /// Its limit price or nothing.
    Limit,
}

/// How an order ended.
#[derive(Field, Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[field(closed)]
pub enum OrderStatus {
    /// All of it was done.
    Filled,
    /// It was taken back, with nothing or a part of it done.
    Cancelled,
}

/// A bot: one strategy on all symbols, with money of its own.
#[derive(Record, Clone, Debug, PartialEq)]
#[record(table = "demo_bots")]
pub struct Bot {
    /// UUID of version 7.
    #[record(key)]
    pub id: BotId,
    /// Its name, which is also its strategy.
    #[record(length(1..=40))]
    pub name: String,
    /// The money it starts the day with.
    #[record(decimal(18, 8), min = 0)]
    pub capital: Decimal,
    /// When it started.
    pub started_at: Timestamp,
}

/// An order that has ended.
#[derive(Record, Clone, Debug, PartialEq)]
#[record(table = "demo_orders", index(bot, placed_at))]
pub struct Order {
    /// UUID of version 7.
    #[record(key)]
    pub id: OrderId,
    /// Whose it is.
    #[record(belongs_to = Bot)]
    pub bot: BotId,
    /// The instrument.
    #[record(length(1..=32))]
    pub symbol: String,
    /// Which way.
    pub side: Side,
    /// What it asks for.
    pub order_type: OrderType,
    /// How much it asks for.
    #[record(decimal(18, 8), min = 0)]
    pub quantity: Decimal,
    /// How much of it was done.
    #[record(decimal(18, 8), min = 0)]
    pub filled: Decimal,
    /// The price of a limit order.
    #[record(decimal(18, 8), min = 0)]
    pub limit_price: Option<Decimal>,
    /// How it ended.
    pub status: OrderStatus,
    /// When it was placed.
    pub placed_at: Timestamp,
    /// When it ended.
    pub ended_at: Timestamp,
}

/// One execution of an order, or of a part of it.
#[derive(Record, Clone, Debug, PartialEq)]
#[record(table = "demo_fills", index(bot, executed_at))]
pub struct Fill {
    /// UUID of version 7.
    #[record(key)]
    pub id: FillId,
    /// The order that was filled.
    #[record(belongs_to = Order, index)]
    pub order: OrderId,
    /// Whose it is.
    #[record(belongs_to = Bot)]
    pub bot: BotId,
    /// The instrument.
    #[record(length(1..=32))]
    pub symbol: String,
    /// Which way.
    pub side: Side,
    /// How much.
    #[record(decimal(18, 8), min = 0)]
    pub quantity: Decimal,
    /// At what price.
    #[record(decimal(18, 8), min = 0)]
    pub price: Decimal,
    /// What it cost.
    #[record(decimal(18, 8), min = 0)]
    pub fee: Decimal,
    /// What was won by closing, net of all fees of opening and closing; none if it opened.
    #[record(decimal(18, 8))]
    pub pnl: Option<Decimal>,
    /// When.
    #[record(index)]
    pub executed_at: Timestamp,
}

/// A quote and the last trade of a symbol at one moment.
#[derive(Record, Clone, Debug, PartialEq)]
#[record(table = "demo_ticks", series = "demo_ticks")]
pub struct Tick {
    /// The instrument.
    #[record(key, tag, length(1..=32))]
    pub symbol: String,
    /// When. No two ticks of a day are at the same moment. `at` is a word of DuckDB's own SQL.
    #[record(key, time, name = "ts")]
    pub at: Timestamp,
    /// What buyers offer.
    #[record(decimal(18, 8), min = 0)]
    pub bid: Decimal,
    /// What sellers ask.
    #[record(decimal(18, 8), min = 0)]
    pub ask: Decimal,
    /// The price of the last trade.
    #[record(decimal(18, 8), min = 0)]
    pub last: Decimal,
    /// How much was traded.
    #[record(decimal(18, 8), min = 0)]
    pub volume: Decimal,
}

/// The newest prices of a symbol, for the cache.
#[derive(Record, Clone, Debug, PartialEq)]
#[record(name = "demo_last_price")]
pub struct LastPrice {
    /// The instrument.
    #[record(key, length(1..=32))]
    pub symbol: String,
    /// What buyers offer.
    #[record(decimal(18, 8), min = 0)]
    pub bid: Decimal,
    /// What sellers ask.
    #[record(decimal(18, 8), min = 0)]
    pub ask: Decimal,
    /// The price of the last trade.
    #[record(decimal(18, 8), min = 0)]
    pub last: Decimal,
    /// When.
    #[record(name = "ts")]
    pub at: Timestamp,
}

impl From<&Tick> for LastPrice {
    fn from(tick: &Tick) -> Self {
        let Tick { symbol, at, bid, ask, last, .. } = tick;
        Self { symbol: symbol.clone(), bid: *bid, ask: *ask, last: *last, at: *at }
    }
}
