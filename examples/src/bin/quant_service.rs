//! A quant service: its own DuckDB table, and a typed cache per kind of data.
//!
//! What a Python service does with a DuckDB manager class and Redis cache classes.
#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use tradebase::cache::{Cache, CacheStore, Json, Ttl};
use tradebase::{Config, Decimal, Record, Result, Row, Timestamp, Uuid, clock};

/// An event of the service's own table.
#[derive(Record, Clone, Debug, PartialEq)]
#[record(table = "analytics_events")]
struct Event {
    #[record(key)]
    id: Uuid,
    user_id: String,
    event_type: String,
    #[record(json)]
    event_data: Option<serde_json::Value>,
    created_at: Timestamp,
}

#[derive(Row, Debug)]
struct Count {
    event_type: String,
    events: i64,
}

/// A cached quote.
#[derive(Record, Clone, Debug, PartialEq)]
#[record(name = "market")]
struct Quote {
    #[record(key)]
    key: String,
    #[record(decimal(18, 8))]
    price: Decimal,
    volume: i64,
}

/// A cached indicator.
#[derive(Record, Clone, Debug, PartialEq)]
#[record(name = "indicator")]
struct Indicator {
    #[record(key)]
    key: String,
    symbol: String,
    indicator_type: String,
    value: f64,
    timestamp: Timestamp,
}

/// Indicators live two minutes, as JSON that other services read.
struct Indicators(Cache<Indicator, Json>);

impl Indicators {
    fn new(store: &CacheStore) -> Self {
        Self(store.records::<Indicator>().with_codec(Json).with_ttl(Ttl::secs(120)))
    }

    async fn set_rsi(&self, symbol: &str, value: f64) -> Result<()> {
        let indicator = Indicator {
            key: format!("RSI:{symbol}"),
            symbol: symbol.into(),
            indicator_type: "RSI".into(),
            value,
            timestamp: clock::now(),
        };
        self.0.set_for(&indicator, Ttl::secs(60)).await
    }

    async fn rsi(&self, symbol: &str) -> Result<Option<f64>> {
        Ok(self.0.get(&format!("RSI:{symbol}")).await?.map(|indicator| indicator.value))
    }
}

fn main() -> Result<()> {
    tradebase::run(Config::from_env()?, async |db| {
        let analytics = db.analytics();
        analytics.create_table::<Event>().await?;
        let event = Event {
            id: tradebase::id::new(),
            user_id: "user-1".into(),
            event_type: "strategy_created".into(),
            event_data: Some(serde_json::json!({ "name": "momentum" })),
            created_at: clock::now(),
        };
        analytics.append([&event]).await?;
        let sql = "SELECT event_type, count(*) FROM analytics_events GROUP BY ALL";
        for Count { event_type, events } in analytics.query(sql, &[]).await? {
            println!("{event_type}: {}", events > 0);
        }

        let quotes = db.cache::<Quote>().with_ttl(Ttl::secs(60));
        let quote =
            Quote { key: "AAPL:price".into(), price: Decimal::new(15_025, 2), volume: 1_000_000 };
        quotes.set(&quote).await?;
        println!(
            "{}: {:?}",
            quotes.key_text(&quote.key)?,
            quotes.get(&quote.key).await? == Some(quote.clone())
        );
        quotes.delete(&quote.key).await?;

        let indicators = Indicators::new(db.cache_store());
        indicators.set_rsi("AAPL", 65.5).await?;
        println!("RSI: {:?}", indicators.rsi("AAPL").await?);
        Ok(())
    })
}
