//! Small days for the tests.

use tradebase::{Date, Decimal, Timestamp, Uuid};

use super::market;
use super::model::{Bot, BotId, Fill, FillId, OrderId, Side};

pub(crate) const DAY: Date = market::DAY;

/// A bot with a fill every ten minutes, each with this profit and a fee of 1.
pub(crate) fn fills(pnls: &[Option<&str>]) -> (Bot, Vec<Fill>) {
    let begin = market::begin_us(DAY);
    let bot = Bot {
        id: BotId(Uuid::from_u128(1)),
        name: "bot".into(),
        capital: Decimal::from(1000),
        started_at: Timestamp::from_micros(begin),
    };
    let fill = |(at, pnl): (i64, &Option<&str>)| Fill {
        id: FillId(Uuid::from_u64_pair(2, at.unsigned_abs())),
        order: OrderId(Uuid::from_u64_pair(3, at.unsigned_abs())),
        bot: bot.id,
        symbol: "BTC/USDT".into(),
        side: Side::Buy,
        quantity: Decimal::ONE,
        price: Decimal::ONE_HUNDRED,
        fee: Decimal::ONE,
        pnl: pnl.map(|text| text.parse().unwrap()),
        executed_at: Timestamp::from_micros(begin + at * 10 * market::MINUTE_US),
    };
    let fills = (0..).zip(pnls).map(fill).collect();
    (bot, fills)
}
