//! A trading bot: users and trades in SQL, prices and a portfolio in the cache, market data as
//! points.
//!
//! What a Python bot does with SQLAlchemy sessions, redis-py and influxdb-client.
#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use tradebase::cache::{RedisCommand, Ttl};
use tradebase::{Capability, Config, Decimal, Field, Record, Result, Timestamp, Uuid, clock};

#[derive(Field, Clone, Copy, Debug, PartialEq)]
#[field(id)]
struct UserId(Uuid);

#[derive(Field, Clone, Copy, Debug, PartialEq)]
#[field(id)]
struct TradeId(Uuid);

#[derive(Record, Clone, Debug, PartialEq)]
#[record(table = "bot_users")]
struct User {
    #[record(key)]
    id: UserId,
    #[record(index, length(3..=64))]
    username: String,
    #[record(email, length(5..=254))]
    email: String,
}

#[derive(Record, Clone, Debug, PartialEq)]
#[record(table = "bot_trades")]
struct Trade {
    #[record(key)]
    id: TradeId,
    #[record(belongs_to = User, index)]
    user_id: UserId,
    symbol: String,
    #[record(decimal(18, 8), min = 0)]
    quantity: Decimal,
    #[record(decimal(18, 8))]
    pnl: Option<Decimal>,
    #[record(index)]
    timestamp: Timestamp,
}

#[derive(Record, Clone, Debug, PartialEq)]
#[record(name = "price")]
struct Price {
    #[record(key)]
    symbol: String,
    #[record(decimal(18, 8))]
    price: Decimal,
}

#[derive(Record, Clone, Debug, PartialEq)]
#[record(series = "bot_market_data")]
struct MarketData {
    #[record(key, tag, length(1..=32))]
    symbol: String,
    #[record(key, time)]
    at: Timestamp,
    #[record(decimal(18, 8))]
    price: Decimal,
    #[record(decimal(18, 8))]
    volume: Decimal,
}

fn main() -> Result<()> {
    tradebase::run(Config::from_env()?, async |db| {
        let sql = db.sql();
        sql.create_table::<Trade>().await?;

        let email = "trader@example.com".to_owned();
        let user = User { id: UserId::new(), username: "trader1".into(), email };
        sql.insert(&user).await?;
        let trades: Vec<_> = [Some(Decimal::new(1_250, 2)), Some(Decimal::new(-310, 2)), None]
            .into_iter()
            .map(|pnl| Trade {
                id: TradeId::new(),
                user_id: user.id,
                symbol: "BTCUSDT".into(),
                quantity: Decimal::new(15, 1),
                pnl,
                timestamp: clock::now(),
            })
            .collect();
        sql.insert_many(&trades).await?;
        let recent = sql
            .find::<Trade>()
            .filter(Trade::USER_ID.eq(user.id))
            .order_by(Trade::TIMESTAMP.desc())
            .limit(10)
            .all()
            .await?;
        let total: Decimal = recent.iter().filter_map(|trade| trade.pnl).sum();
        println!("{} trades, total PnL {total}", recent.len());

        let prices = db.cache::<Price>().with_ttl(Ttl::secs(60));
        let price = Price { symbol: "BTCUSDT".into(), price: Decimal::from(50_000) };
        prices.set(&price).await?;
        println!("price: {:?}", prices.get(&price.symbol).await?.map(|cached| cached.price));

        // A hash is Redis's own, so it goes through the door.
        let store = db.cache_store();
        if store.capabilities().can(Capability::Shared) {
            let write = RedisCommand::new("HSET").arg("portfolio:user1");
            store.command(write.arg("total_value").arg(10_000).arg("positions").arg(5)).await?;
            let read = RedisCommand::new("HGET").arg("portfolio:user1").arg("total_value");
            println!("portfolio: {}", store.command(read).await?.as_text()?);
        }

        let series = db.series();
        series.create::<MarketData>().await?;
        let at = clock::now();
        let price = Decimal::from(50_000);
        let point = MarketData { symbol: "BTCUSDT".into(), at, price, volume: Decimal::new(15, 1) };
        series.write(std::slice::from_ref(&point)).await?;
        let from = at.to_ns().unwrap_or(tradebase::TimestampNs::MIN);
        let points = series.read::<MarketData>(from..).await?;
        println!("points: {}", points.contains(&point));
        Ok(())
    })
}
