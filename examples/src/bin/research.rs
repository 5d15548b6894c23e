//! The analytics room: bars from ticks in DuckDB.
#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use tradebase::{Config, Decimal, Record, Result, Row, Timestamp};

#[derive(Record, Clone, Debug, PartialEq)]
#[record(table = "example_ticks")]
struct Tick {
    #[record(key, length(1..=32))]
    symbol: String,
    #[record(key)]
    traded_at: Timestamp,
    #[record(decimal(18, 8))]
    price: Decimal,
}

/// What a question gives: columns by position.
#[derive(Row, Debug)]
struct Bar {
    minute: Timestamp,
    #[record(decimal(18, 8))]
    open: Decimal,
    #[record(decimal(18, 8))]
    high: Decimal,
    #[record(decimal(18, 8))]
    low: Decimal,
    #[record(decimal(18, 8))]
    close: Decimal,
}

const BARS: &str = "
    SELECT time_bucket(INTERVAL '1 minute', traded_at), arg_min(price, traded_at), max(price), min(price),
           arg_max(price, traded_at)
    FROM example_ticks WHERE symbol = ? GROUP BY 1 ORDER BY 1";

fn main() -> Result<()> {
    tradebase::run(Config::from_env()?, async |db| {
        let analytics = db.analytics();
        analytics.execute("DROP TABLE IF EXISTS example_ticks", &[]).await?;
        analytics.create_table::<Tick>().await?;

        // A tick each second of ten minutes, up and down by a cent.
        let start: i64 = 1_767_605_400_000_000;
        let ticks: Vec<_> = (0..600_i64)
            .map(|second| Tick {
                symbol: "AAPL".into(),
                traded_at: Timestamp::from_micros(start + second * 1_000_000),
                price: Decimal::new(24_300 + (second * 37 % 101) - 50, 2),
            })
            .collect();
        let count = analytics.append(&ticks).await?;

        let bars: Vec<Bar> = analytics.query(BARS, &["AAPL".into()]).await?;
        println!("{count} ticks, {} bars", bars.len());
        for bar in &bars {
            let Bar { minute, open, high, low, close } = bar;
            println!("{minute}  {open}  {high}  {low}  {close}");
        }
        Ok(())
    })
}
