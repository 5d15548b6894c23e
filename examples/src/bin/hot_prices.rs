//! The cache room: last prices in process memory, or in Redis where `REDIS_URL` names one.
#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use tradebase::cache::Ttl;
use tradebase::{Config, Decimal, Record, Result, Timestamp, clock};

#[derive(Record, Clone, Debug, PartialEq)]
#[record(name = "example_prices")]
struct LastPrice {
    #[record(key)]
    symbol: String,
    #[record(decimal(18, 8))]
    price: Decimal,
    at: Timestamp,
}

fn main() -> Result<()> {
    tradebase::run(Config::from_env()?, async |db| {
        let prices = db.cache::<LastPrice>().with_ttl(Ttl::secs(60));
        let symbol = "BTC/USDT".to_owned();
        let price = LastPrice {
            symbol: symbol.clone(),
            price: Decimal::new(6_700_050, 2),
            at: clock::now(),
        };

        prices.set(&price).await?;
        let hot = prices.get(&symbol).await?;
        println!("{} stands under {}", symbol, prices.key_text(&symbol)?);
        println!("price: {}", hot.map_or(Decimal::ZERO, |hot| hot.price));
        println!("lives on for up to a minute: {}", prices.ttl(&symbol).await?.is_some());

        prices.delete(&symbol).await?;
        println!("after deleting: {:?}", prices.get(&symbol).await?);
        Ok(())
    })
}
